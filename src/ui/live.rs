//! The live view: a line a host at work with what it does, the stagger counting down, and the whole below.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use jiff::Timestamp;

use super::events::{clock, line};
use super::shown::Shown;
use crate::host::HostName;
use crate::journal::view::{Doing, Told};
use crate::journal::{Display, Event, RunView, Stamped};
use crate::words::human;

/// How often a spinner turns.
const TICK: Duration = Duration::from_millis(120);

/// Hosts with a line of their own; with more at work, the rest is counted in the total.
const HOST_LINES: usize = 12;

/// Draws on stderr what a [`RunView`] has.
pub struct Live {
    screen: MultiProgress,
    total: ProgressBar,
    hosts: Mutex<HashMap<HostName, ProgressBar>>,
}

impl Default for Live {
    fn default() -> Self {
        let screen = MultiProgress::new();
        let style = ProgressStyle::with_template("{bar:24} {pos}/{len} steps  {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .progress_chars("=> ");
        let total = screen.add(ProgressBar::new(0).with_style(style));
        Self { screen, total, hosts: Mutex::default() }
    }
}

impl Live {
    /// The lines of hosts as the view has them.
    fn draw(&self, hosts: &mut HashMap<HostName, ProgressBar>, view: &RunView<'_>) {
        let at_work = view.at_work();
        hosts.retain(|host, bar| {
            let stays = at_work.contains_key(host);
            if !stays {
                bar.finish_and_clear();
            }
            stays
        });
        for (host, doing) in at_work {
            if !hosts.contains_key(host) && hosts.len() >= HOST_LINES {
                continue;
            }
            let bar = hosts.entry(host.clone()).or_insert_with(|| {
                let style = ProgressStyle::with_template("{spinner} {prefix:16} {wide_msg}")
                    .unwrap_or_else(|_| ProgressStyle::default_spinner());
                let bar = self.screen.insert_before(&self.total, ProgressBar::new_spinner().with_style(style));
                bar.set_prefix(host.to_string());
                bar.enable_steady_tick(TICK);
                bar
            });
            let words = words(doing);
            if bar.message() != words.as_str() {
                bar.set_message(words.to_string());
            }
        }
    }

    /// What stays on the screen, and in what is scrolled back to after a night: when it was counts there too.
    fn above(&self, event: &Stamped) {
        if let Some(text) = line(&event.event) {
            self.print(event.at, &text);
        }
    }

    fn print(&self, at: Timestamp, text: &Shown) {
        let _ = self.screen.println(Shown::line(&clock(at)).and(&Shown::line(" ")).and(text).as_str());
    }

    /// Nothing of the view is drawn any more.
    fn clear(&self, hosts: &mut HashMap<HostName, ProgressBar>) {
        hosts.drain().for_each(|(_, bar)| bar.finish_and_clear());
        self.total.finish_and_clear();
    }
}

/// What a host is at, in a line.
#[must_use]
pub fn words(doing: &Doing) -> Shown {
    match doing {
        Doing::Waits { what, left_s } => Shown::line(&format!("{} left: {what}", human(*left_s))),
        // it is told once a minute, and stands here for as long as that: no time that is left
        Doing::Gate { reason, until } => Shown::line(&format!("gate red (stops at {} UTC): {reason}", clock(*until))),
        Doing::Step { what } => Shown::line(what),
        Doing::Prints { line } => Shown::output(line),
    }
}

/// Whether an event stays on the screen. What a gate says in between is in the host's own line.
fn stays(event: &Event, told: &Told) -> bool {
    match event {
        Event::GateRed { .. } | Event::GateGreen { .. } => told.turns,
        Event::Reconnecting { .. } | Event::Silent { .. } => told.news,
        Event::Waiting { .. }
        | Event::StepStarted { .. }
        | Event::Output { .. }
        | Event::HostDone { .. }
        | Event::Recalled { .. } => false,
        Event::RunStarted { .. }
        | Event::EventsLost { .. }
        | Event::StageStarted { .. }
        | Event::StepDone { .. }
        | Event::Undone { .. }
        | Event::OutsideWindow { .. }
        | Event::WindowOpened { .. }
        | Event::ClientFailed { .. }
        | Event::Unseen { .. }
        | Event::HostFailed { .. }
        | Event::PauseRequested
        | Event::Paused { .. }
        | Event::Failed { .. }
        | Event::Finished { .. } => true,
    }
}

impl Display for Live {
    fn show(&self, event: &Stamped, told: &Told, view: &RunView<'_>) {
        let mut hosts = self.hosts.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        told.before.iter().for_each(|text| self.print(event.at, &Shown::line(text)));
        let ends = matches!(event.event, Event::Paused { .. } | Event::Failed { .. } | Event::Finished { .. });
        if ends {
            self.clear(&mut hosts);
        }
        if stays(&event.event, told) {
            self.above(event);
        }
        if ends {
            return;
        }
        self.draw(&mut hosts, view);
        self.total.set_length(view.steps() as u64);
        self.total.set_position(view.done().len() as u64);
        let stage = view.stage().map(|(stage, at)| format!("{}: {} of {} hosts", stage.phase, at.done, at.of));
        self.total.set_message(format!("{}; at least {} left", stage.unwrap_or_default(), human(view.left_s())));
    }

    fn close(&self) {
        self.clear(&mut self.hosts.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
        let _ = self.screen.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Plan;
    use std::path::Path;

    /// Seen on real hosts: three minutes without a word between two steps of a chunkserver.
    #[test]
    fn that_a_gate_held_is_told_once_and_that_it_let_go_too() {
        let source = include_str!("../../plans/rolling.toml");
        let plan = Plan::parse(source, Path::new("rolling.toml"), Path::new("/")).unwrap();
        let schedule = crate::schedule::compile(&plan, None, plan.line());
        let host = HostName::new("cs2").unwrap();
        let red = |chunks: u32| {
            let reason = format!("{chunks} chunks under goal");
            Event::GateRed { host: host.clone(), gate: "healthy".to_owned(), reason, left_s: 300, of_s: 600 }
        };
        let green = Event::GateGreen { host: host.clone(), gate: "healthy".to_owned() };
        let events = [green.clone(), red(3), red(2), red(1), green.clone(), green];
        let mut view = RunView::new(&schedule);
        let mut stay = |event: Event| {
            let stamped = Stamped { at: Timestamp::UNIX_EPOCH, event };
            let told = view.heed(&stamped);
            stays(&stamped.event, &told)
        };
        assert_eq!(events.map(&mut stay), [false, true, false, false, true, false]);
    }
}
