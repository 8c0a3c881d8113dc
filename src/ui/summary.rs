//! What is about to happen, in a few lines above a question.

use super::schedule::cluster;
use super::time::human;
use crate::schedule::Schedule;

/// Releases, mode, and of what.
#[must_use]
pub fn title(schedule: &Schedule) -> String {
    let Schedule { from, to, mode, .. } = schedule;
    match &schedule.back_of {
        Some(run) => format!("The way back of run {run}, MooseFS {from} to {to}: {}", cluster(schedule)),
        None => format!("MooseFS {from} to {to}, {mode}: {}", cluster(schedule)),
    }
}

/// The summary.
#[must_use]
pub fn text(schedule: &Schedule) -> String {
    let mut lines = vec![title(schedule)];
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
