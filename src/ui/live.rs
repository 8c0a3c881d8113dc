//! The live view: a line a host at work with what it does, the stagger counting down, and the whole below.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::events::{line, printable};
use super::time::human;
use crate::host::HostName;
use crate::run::event::Stamped;
use crate::run::{Event, EventSink};

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

#[derive(Default)]
struct State {
    hosts: HashMap<HostName, ProgressBar>,
    phase: String,
    /// Hosts of the stage, done and in all.
    stage: (usize, usize),
    /// Seconds of demanded waits that are left, by the schedule.
    left_s: u64,
    /// Seconds left of the wait that goes on.
    waiting: Option<(u64, u64)>,
}

impl Live {
    /// `waits_s`: all demanded waits of the schedule.
    #[must_use]
    pub fn new(waits_s: u64) -> Self {
        let screen = MultiProgress::new();
        let style = ProgressStyle::with_template("{bar:24} {pos}/{len} steps  {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .progress_chars("=> ");
        let total = screen.add(ProgressBar::new(0).with_style(style));
        Self { screen, total, state: Mutex::new(State { left_s: waits_s, ..State::default() }) }
    }

    fn host(&self, state: &mut State, host: &HostName, message: String) {
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
        bar.set_message(message);
    }

    fn above(&self, event: &Event) {
        if let Some(text) = line(event) {
            let _ = self.screen.println(text);
        }
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
        match &event.event {
            Event::RunStarted { steps, done, .. } => {
                self.above(&event.event);
                self.total.set_length(*steps as u64);
                self.total.set_position(*done as u64);
            }
            Event::StageStarted { phase, hosts, done, .. } => {
                self.above(&event.event);
                Self::clear_hosts(&mut state);
                state.phase = phase.to_string();
                state.stage = (*done, *hosts);
            }
            Event::Waiting { host, what, left_s, of_s } => {
                if state.waiting.is_none() {
                    state.left_s = state.left_s.saturating_sub(*of_s);
                }
                state.waiting = Some((*left_s, *of_s));
                self.host(&mut state, host, format!("{} left: {}", human(*left_s), printable(what)));
            }
            Event::GateRed { host, reason, left_s, .. } => {
                state.waiting = None;
                self.host(&mut state, host, format!("gate not green yet (stops in {}): {reason}", human(*left_s)));
            }
            Event::GateGreen { .. } => state.waiting = None,
            Event::StepStarted { host, what, .. } => {
                state.waiting = None;
                self.host(&mut state, host, what.clone());
            }
            Event::Output { host, line, .. } => self.host(&mut state, host, printable(line)),
            Event::StepDone { host, .. } => {
                self.above(&event.event);
                self.total.inc(1);
                if let Some(bar) = state.hosts.remove(host) {
                    bar.finish_and_clear();
                }
            }
            Event::HostDone { done, of, .. } => state.stage = (*done, *of),
            Event::OutsideWindow { .. } | Event::WindowOpened { .. } => {
                state.waiting = None;
                self.above(&event.event);
            }
            Event::ClientFailed { .. }
            | Event::Undone { .. }
            | Event::Unseen { .. }
            | Event::HostFailed { .. }
            | Event::Reconnecting { .. }
            | Event::Silent { .. }
            | Event::PauseRequested => self.above(&event.event),
            Event::Paused { .. } | Event::Finished { .. } | Event::Failed { .. } => {
                Self::clear_hosts(&mut state);
                self.total.finish_and_clear();
                self.above(&event.event);
            }
        }
        let left = state.left_s + state.waiting.map_or(0, |(left, _)| left);
        let (done, of) = state.stage;
        self.total.set_message(format!("{}: {done} of {of} hosts; at least {} left", state.phase, human(left)));
    }
}
