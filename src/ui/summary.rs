//! What is about to happen, in a few lines above a question.

use super::schedule::cluster;
use super::time::human;
use crate::schedule::Schedule;

/// The summary.
#[must_use]
pub fn text(schedule: &Schedule) -> String {
    let mut lines =
        vec![format!("MooseFS {} to {}, {}: {}", schedule.from, schedule.to, schedule.mode, cluster(schedule))];
    for (at, stage) in schedule.stages.iter().enumerate() {
        lines.push(format!("  {}. {}", at + 1, stage.title));
    }
    lines.push(format!("At least {} of demanded waits.", human(schedule.least_s)));
    let first_way_back = schedule.steps().find_map(|(_, track, step)| step.way_back.as_ref().map(|w| (track, w)));
    if let Some((track, way_back)) = first_way_back {
        lines.push(format!("From the start on {}: {way_back}.", track.host));
    }
    lines.join("\n") + "\n"
}
