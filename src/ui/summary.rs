//! What is about to happen, in a few lines above a question.

use std::collections::BTreeSet;

use super::schedule::cluster;
use super::shown::Shown;
use crate::host::HostName;
use crate::plan::{Mode, Window};
use crate::schedule::Schedule;
use crate::words::human;

/// Hosts that are named before the others are counted.
const NAMED: usize = 5;

/// Releases, mode, and of what.
#[must_use]
pub fn title(schedule: &Schedule) -> String {
    let Schedule { from, to, mode, .. } = schedule;
    match &schedule.back_of {
        Some(run) => format!("Rollback of run {run}, MooseFS {from} to {to}: {}", cluster(schedule)),
        None => format!("MooseFS {from} to {to}, {mode}: {}", cluster(schedule)),
    }
}

/// Of a full-stop that stops nothing, why.
#[must_use]
pub fn no_stop(schedule: &Schedule) -> Option<String> {
    let stops = schedule.steps().any(|(_, _, step)| step.action.begins_the_outage());
    let none = schedule.mode == Mode::FullStop && !schedule.is_back() && !stops;
    none.then(|| {
        format!("The master runs {} already: it is not stopped, and no wait before its start is needed.", schedule.to)
    })
}

/// What a window means for the run.
#[must_use]
pub fn window(window: &Window, outlasted: bool) -> String {
    let more = match outlasted {
        true => " The required waiting does not fit into one window: the run waits for the next one in between.",
        false => "",
    };
    format!("Window: {window}. Outside it the run takes nothing down, and waits.{more}")
}

/// The summary.
#[must_use]
pub fn text(schedule: &Schedule) -> Shown {
    let mut lines = vec![title(schedule)];
    lines.extend(no_stop(schedule));
    for (at, stage) in schedule.stages.iter().enumerate() {
        lines.push(format!("  {}. {}", at + 1, stage.title));
    }
    lines.extend(configuration(schedule));
    lines.push(format!("At least {} of required waiting.", human(schedule.least_s)));
    lines.extend(schedule.window.as_ref().map(|w| window(w, schedule.outlasts_its_window())));
    lines.extend(ways_back(schedule));
    let mut text = Shown::default();
    lines.iter().for_each(|line| text.push_line(&Shown::line(line)));
    text
}

/// The points from which only `rollback` leads back, and what it asks for from each of them on: the same words once, with the first host that
/// they hold for and how many more.
fn ways_back(schedule: &Schedule) -> Vec<String> {
    let mut points: Vec<(&str, String, BTreeSet<&HostName>)> = Vec::new();
    for (_, track, step) in schedule.steps() {
        let Some(words) = step.way_back.as_deref() else { continue };
        match points.iter_mut().find(|(known, ..)| *known == words) {
            Some((.., hosts)) => drop(hosts.insert(&track.host)),
            None => {
                let first = format!("{} on {}", step.action.describe(), track.host);
                points.push((words, first, BTreeSet::from([&track.host])));
            }
        }
    }
    let line = |(words, first, hosts): (&str, String, BTreeSet<_>)| {
        let more = match hosts.len() - 1 {
            0 => String::new(),
            1 => ", and on one more host".to_owned(),
            more => format!(", and on {more} more hosts"),
        };
        format!("From this step on, the way back is `mfsupgrade rollback`: {first}{more}: {words}.")
    };
    points.into_iter().map(line).collect()
}

/// Every difference of a configuration file, once, with the hosts that get it: nothing is written that was not shown.
fn configuration(schedule: &Schedule) -> Vec<String> {
    let mut shown: Vec<(&str, Vec<&str>)> = Vec::new();
    for (_, track, step) in schedule.steps() {
        let Some(diff) = step.action.diff() else { continue };
        match shown.iter_mut().find(|(known, _)| *known == diff) {
            Some((_, hosts)) => hosts.push(track.host.as_str()),
            None => shown.push((diff, vec![track.host.as_str()])),
        }
    }
    shown.retain(|(diff, _)| !diff.is_empty());
    let mut lines = Vec::new();
    for (diff, hosts) in shown {
        let more = hosts.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        lines.push(format!("Written on {}{more}:", hosts[..hosts.len().min(NAMED)].join(", ")));
        lines.extend(diff.lines().map(|line| format!("  {line}")));
    }
    lines
}
