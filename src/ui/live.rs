//! The live view: a line a host at work with what it does, the stagger counting down, and the whole below.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use jiff::Timestamp;

use super::demands::Demands;
use super::events::{clock, line};
use super::repeats::Repeats;
use super::shown::Shown;
use crate::host::HostName;
use crate::run::event::Stamped;
use crate::run::{Event, EventSink};
use crate::words::human;

/// How often a spinner turns.
const TICK: Duration = Duration::from_millis(120);

/// Hosts with a line of their own; with more at work, the rest is counted in the total.
const HOST_LINES: usize = 12;

/// Draws on stderr.
pub struct Live {
    screen: MultiProgress,
    total: ProgressBar,
    state: Mutex<State>,
}

struct State {
    demands: Demands,
    hosts: HashMap<HostName, ProgressBar>,
    phase: String,
    /// Hosts of the stage, done and in all.
    stage: (usize, usize),
    held: Held,
    repeats: Repeats,
}

/// Hosts before which a gate holds.
#[derive(Default)]
struct Held(HashSet<HostName>);

impl Held {
    /// Whether it begins or ends with this event: that stays on the screen, so that a pause of minutes is explained afterwards.
    /// What changes in between is in the host's own line.
    fn changes(&mut self, event: &Event) -> bool {
        match event {
            Event::GateRed { host, .. } => self.0.insert(host.clone()),
            Event::GateGreen { host, .. } => self.0.remove(host),
            _ => false,
        }
    }
}

impl Live {
    /// `demands`: the waits that come.
    #[must_use]
    pub fn new(demands: Demands) -> Self {
        let screen = MultiProgress::new();
        let style = ProgressStyle::with_template("{bar:24} {pos}/{len} steps  {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .progress_chars("=> ");
        let total = screen.add(ProgressBar::new(0).with_style(style));
        let state = State {
            demands,
            hosts: HashMap::new(),
            phase: String::new(),
            stage: (0, 0),
            held: Held::default(),
            repeats: Repeats::default(),
        };
        Self { screen, total, state: Mutex::new(state) }
    }

    fn host(&self, state: &mut State, host: &HostName, message: &Shown) {
        if !state.hosts.contains_key(host) && state.hosts.len() >= HOST_LINES {
            return;
        }
        let bar = state.hosts.entry(host.clone()).or_insert_with(|| {
            let style = ProgressStyle::with_template("{spinner} {prefix:16} {wide_msg}")
                .unwrap_or_else(|_| ProgressStyle::default_spinner());
            let bar = self.screen.insert_before(&self.total, ProgressBar::new_spinner().with_style(style));
            bar.set_prefix(host.to_string());
            bar.enable_steady_tick(TICK);
            bar
        });
        bar.set_message(message.to_string());
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
    fn clear(&self, state: &mut State) {
        Self::clear_hosts(state);
        self.total.finish_and_clear();
    }

    fn clear_hosts(state: &mut State) {
        for (_, bar) in state.hosts.drain() {
            bar.finish_and_clear();
        }
    }
}

impl EventSink for Live {
    fn send(&self, event: Stamped) {
        let mut state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        state.demands.heed(&event.event);
        let heard = state.repeats.heed(&event);
        heard.before.iter().for_each(|text| self.print(event.at, &Shown::line(text)));
        if state.held.changes(&event.event) {
            self.above(&event);
        }
        match &event.event {
            Event::RunStarted { steps, done, .. } => {
                self.above(&event);
                self.total.set_length(*steps as u64);
                self.total.set_position(*done as u64);
            }
            Event::StageStarted { phase, hosts, done, .. } => {
                self.above(&event);
                Self::clear_hosts(&mut state);
                state.phase = phase.to_string();
                state.stage = (*done, *hosts);
            }
            Event::Waiting { host, what, left_s, .. } => {
                self.host(&mut state, host, &Shown::line(&format!("{} left: {what}", human(*left_s))));
            }
            Event::GateRed { host, reason, left_s, .. } => {
                // it is told once a minute, and stands here for as long as that: no time that is left
                let end = event.at + Duration::from_secs(*left_s);
                let words = format!("gate red (stops at {} UTC): {reason}", clock(end));
                self.host(&mut state, host, &Shown::line(&words));
            }
            Event::GateGreen { .. } => {}
            Event::StepStarted { host, what, .. } => self.host(&mut state, host, &Shown::line(what)),
            Event::Output { host, line, .. } => self.host(&mut state, host, &Shown::output(line)),
            Event::StepDone { host, .. } => {
                self.above(&event);
                self.total.inc(1);
                if let Some(bar) = state.hosts.remove(host) {
                    bar.finish_and_clear();
                }
            }
            Event::HostDone { done, of, .. } => state.stage = (*done, *of),
            Event::Undone { .. } => {
                self.above(&event);
                self.total.dec(1);
            }
            Event::OutsideWindow { .. }
            | Event::WindowOpened { .. }
            | Event::ClientFailed { .. }
            | Event::Unseen { .. }
            | Event::HostFailed { .. }
            | Event::PauseRequested => self.above(&event),
            Event::Reconnecting { .. } | Event::Silent { .. } => {
                if heard.tell {
                    self.above(&event);
                }
            }
            Event::Paused { .. } | Event::Finished { .. } | Event::Failed { .. } => {
                self.clear(&mut state);
                self.above(&event);
            }
        }
        let left = state.demands.left_s();
        let (done, of) = state.stage;
        self.total.set_message(format!("{}: {done} of {of} hosts; at least {} left", state.phase, human(left)));
    }

    fn close(&self) {
        self.clear(&mut self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
        let _ = self.screen.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seen on real hosts: three minutes without a word between two steps of a chunkserver.
    #[test]
    fn that_a_gate_held_is_told_once_and_that_it_let_go_too() {
        let host = HostName::new("cs2").unwrap();
        let red = |chunks: u32| {
            let reason = format!("{chunks} chunks under goal");
            Event::GateRed { host: host.clone(), gate: "healthy".to_owned(), reason, left_s: 300, of_s: 600 }
        };
        let green = Event::GateGreen { host: host.clone(), gate: "healthy".to_owned() };
        let events = [green.clone(), red(3), red(2), red(1), green.clone(), green];
        let mut held = Held::default();
        assert_eq!(events.map(|event| held.changes(&event)), [false, true, false, false, true, false]);
    }
}
