//! Where a run is, by what it told: a fold of the events of all its sessions, from which every display is drawn. PURE.
//!
//! The journal decides what a run does next, and the view what is shown of it. A killed run tells nothing of its last record, and a
//! disk may lose events: so a session begins with what the journal knows otherwise ([`RunView::recalled`]).

pub mod demands;
pub mod repeats;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::event::{Event, Stamped};
use super::{Failure, Progress, Stop};
use crate::host::HostName;
use crate::schedule::{Schedule, Stage, Step, StepId, Track};
use crate::step::Effect;
use demands::Demands;
use repeats::Repeats;

/// Seconds between two lines about the same wait: a log is read afterwards.
const WAIT_LINES_S: u64 = 60;

/// The same where hours are left: the wait for a window.
const LONG_WAIT_LINES_S: u64 = 3600;

/// What a host is at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "doing", rename_all = "kebab-case")]
pub enum Doing {
    /// It waits.
    Waits {
        /// What for.
        what: String,
        /// Seconds that are left.
        left_s: u64,
    },
    /// A gate is not green before it or behind its step.
    Gate {
        /// Why not.
        reason: String,
        /// When the run stops for it.
        until: Timestamp,
    },
    /// A step.
    Step {
        /// What it does.
        what: String,
    },
    /// Its command prints.
    Prints {
        /// The last line.
        line: String,
    },
}

/// The stage that a session is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AtStage {
    /// Its place in the schedule.
    pub at: usize,
    /// Hosts of it that are done.
    pub done: usize,
    /// Hosts of it.
    pub of: usize,
}

/// What is to be told of an event in lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// A line before it: how often the one before was said.
    pub before: Option<String>,
    /// Whether it says anything that was not said just now.
    pub news: bool,
    /// Whether a gate begins or ends to hold a host.
    pub turns: bool,
}

/// A run, by its events.
#[derive(Debug, Clone)]
pub struct RunView<'s> {
    schedule: &'s Schedule,
    steps: HashMap<&'s StepId, (&'s Stage, &'s Track, &'s Step)>,
    /// Sessions that have begun.
    pub sessions: usize,
    done: HashMap<StepId, Timestamp>,
    /// Steps that the journal knows as done, and that their hosts no longer showed when this session began.
    undone: HashMap<StepId, Timestamp>,
    open: BTreeSet<StepId>,
    stage: Option<AtStage>,
    at_work: BTreeMap<HostName, Doing>,
    /// Hosts that a gate holds.
    held: BTreeSet<HostName>,
    stop: Option<Stop>,
    failure: Option<Box<Failure>>,
    stands: Option<String>,
    demands: Demands,
    repeats: Repeats,
    /// The last line about a wait: for whom, and how much was left.
    waited: Option<(HostName, u64)>,
}

impl<'s> RunView<'s> {
    /// Of a run of which nothing was told.
    #[must_use]
    pub fn new(schedule: &'s Schedule) -> Self {
        Self {
            schedule,
            steps: schedule.steps().map(|(stage, track, step)| (&step.id, (stage, track, step))).collect(),
            sessions: 0,
            done: HashMap::new(),
            undone: HashMap::new(),
            open: BTreeSet::new(),
            stage: None,
            at_work: BTreeMap::new(),
            held: BTreeSet::new(),
            stop: None,
            failure: None,
            stands: None,
            demands: Demands::new(schedule, |_| false),
            repeats: Repeats::default(),
            waited: None,
        }
    }

    /// Takes an event.
    pub fn heed(&mut self, stamped: &Stamped) -> Told {
        let Stamped { at, event } = stamped;
        let turns = match event {
            Event::GateRed { host, .. } => self.held.insert(host.clone()),
            Event::GateGreen { host, .. } => self.held.remove(host),
            _ => false,
        };
        self.hosts(*at, event);
        self.progress(*at, event);
        let heard = self.repeats.heed(stamped);
        Told { before: heard.before, news: heard.tell && self.is_another_wait(event), turns }
    }

    /// Who is at work.
    fn hosts(&mut self, at: Timestamp, event: &Event) {
        let (host, doing) = match event {
            Event::Waiting { host, what, left_s, .. } => (host, Doing::Waits { what: what.clone(), left_s: *left_s }),
            Event::GateRed { host, reason, left_s, .. } => {
                (host, Doing::Gate { reason: reason.clone(), until: at + Duration::from_secs(*left_s) })
            }
            Event::StepStarted { host, what, .. } => (host, Doing::Step { what: what.clone() }),
            Event::Output { host, line, .. } => (host, Doing::Prints { line: line.clone() }),
            Event::StepDone { host, .. } | Event::HostFailed { host, .. } | Event::ClientFailed { host, .. } => {
                self.at_work.remove(host);
                return;
            }
            Event::RunStarted { .. }
            | Event::StageStarted { .. }
            | Event::Paused { .. }
            | Event::Failed { .. }
            | Event::Finished { .. } => return self.at_work.clear(),
            _ => return,
        };
        self.at_work.insert(host.clone(), doing);
    }

    /// How far the run is.
    fn progress(&mut self, at: Timestamp, event: &Event) {
        match event {
            Event::RunStarted { .. } => self.begin(),
            Event::Recalled { done, not_done, open, not_open } => {
                // another process than the one that has told of its stage and its hosts
                (self.stage, self.at_work) = (None, BTreeMap::new());
                self.done.extend(self.undone.drain());
                self.done.extend(done.iter().map(|(step, at)| (step.clone(), *at)));
                self.done.retain(|step, _| !not_done.contains(step));
                self.open.extend(open.iter().cloned());
                self.open.retain(|step| !not_open.contains(step));
            }
            Event::StageStarted { number, hosts, done, .. } => {
                self.stage = Some(AtStage { at: number.saturating_sub(1), done: *done, of: *hosts });
            }
            Event::HostDone { done, of, .. } => {
                self.stage = self.stage.map(|stage| AtStage { done: *done, of: *of, ..stage });
            }
            Event::StepStarted { step, .. } => drop(self.open.insert(step.clone())),
            Event::StepDone { step, .. } => {
                self.open.remove(step);
                self.undone.remove(step);
                self.done.insert(step.clone(), at);
            }
            Event::Undone { step, .. } => {
                let was = self.done.remove(step);
                self.undone.extend(was.map(|was| (step.clone(), was)));
            }
            Event::Paused { state } => {
                (self.stop, self.stands) = (Some(Stop::Paused(at)), Some(state.clone()));
            }
            Event::Failed { failure, state } => {
                let message = format!("{}: {}", failure.message, failure.told());
                self.stop = Some(Stop::Failed(at, failure.kind, message));
                self.stands = Some(state.clone());
                self.failure = Some(Box::new(failure.clone()));
            }
            Event::Finished { evidence } => self.stop = Some(Stop::Finished(at, evidence.clone())),
            _ => {}
        }
        self.demands.heed(event);
    }

    /// A session begins: with what the journal knows, but for the last look, which is made anew.
    fn begin(&mut self) {
        self.sessions += 1;
        self.done.extend(self.undone.drain());
        let steps = &self.steps;
        let looks = |step: &StepId| steps.get(step).is_some_and(|(_, _, s)| matches!(s.action.effect(), Effect::Looks));
        self.done.retain(|step, _| !looks(step));
        (self.stage, self.stop, self.failure, self.stands, self.waited) = (None, None, None, None, None);
        (self.held, self.repeats) = (BTreeSet::new(), Repeats::default());
        self.demands.begin(|step| self.done.contains_key(step));
    }

    /// Whether a wait is another than the last one that was told, or much shorter.
    fn is_another_wait(&mut self, event: &Event) -> bool {
        let Event::Waiting { host, left_s, .. } = event else { return true };
        let every = if *left_s > LONG_WAIT_LINES_S { LONG_WAIT_LINES_S } else { WAIT_LINES_S };
        let now = Some((host.clone(), left_s.div_ceil(every) * every));
        let another = self.waited != now;
        self.waited = now;
        another
    }

    /// What the journal knows otherwise; `None`: all was told.
    #[must_use]
    pub fn recalled(&self, progress: &Progress) -> Option<Event> {
        let told = |step: &StepId| self.done.contains_key(step) || self.undone.contains_key(step);
        let known: BTreeSet<&StepId> = progress.open.iter().collect();
        let done: BTreeMap<_, _> = progress.done.iter().filter(|(step, _)| !told(step)).collect();
        let done = done.into_iter().map(|(step, at)| (step.clone(), *at)).collect::<BTreeMap<_, _>>();
        let all_told: BTreeSet<&StepId> = self.done.keys().chain(self.undone.keys()).collect();
        let not_done: Vec<_> =
            all_told.into_iter().filter(|step| !progress.done.contains_key(*step)).cloned().collect();
        let open: Vec<_> = known.iter().filter(|step| !self.open.contains(**step)).copied().cloned().collect();
        let not_open: Vec<_> = self.open.iter().filter(|step| !known.contains(step)).cloned().collect();
        let differs = !(done.is_empty() && not_done.is_empty() && open.is_empty() && not_open.is_empty());
        differs.then_some(Event::Recalled { done, not_done, open, not_open })
    }

    /// Takes the journal's word where it knows otherwise: for whoever looks at a run from outside.
    pub fn recall(&mut self, progress: &Progress) {
        if let Some(event) = self.recalled(progress) {
            self.progress(progress.begun.unwrap_or_default(), &event);
        }
        // to the moment as well: staggers count from there
        self.done.clone_from(&progress.done);
        self.undone.clear();
        self.stop.clone_from(&progress.stop);
        self.stands.clone_from(&progress.stands);
        if self.stop.is_some() {
            self.at_work.clear();
        }
    }

    /// Steps in all.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.steps.len()
    }

    /// Whether it takes back what an upgrade did.
    #[must_use]
    pub fn is_back(&self) -> bool {
        self.schedule.is_back()
    }

    /// A step of the schedule.
    #[must_use]
    pub fn step(&self, step: &StepId) -> Option<&'s Step> {
        self.steps.get(step).map(|(_, _, step)| *step)
    }

    /// Steps that are done, with when.
    #[must_use]
    pub fn done(&self) -> &HashMap<StepId, Timestamp> {
        &self.done
    }

    /// Steps that the journal knows as done, and that their hosts no longer showed when this session began.
    #[must_use]
    pub fn undone(&self) -> &HashMap<StepId, Timestamp> {
        &self.undone
    }

    /// Steps that were begun and not seen to be done.
    #[must_use]
    pub fn open(&self) -> &BTreeSet<StepId> {
        &self.open
    }

    /// The first step that is not done.
    #[must_use]
    pub fn next(&self) -> Option<(&'s Stage, &'s Track, &'s Step)> {
        self.schedule.steps().find(|(_, _, step)| !self.done.contains_key(&step.id))
    }

    /// The stage that the session is in.
    #[must_use]
    pub fn stage(&self) -> Option<(&'s Stage, AtStage)> {
        let at = self.stage?;
        Some((self.schedule.stages.get(at.at)?, at))
    }

    /// The hosts at work, and with what.
    #[must_use]
    pub fn at_work(&self) -> &BTreeMap<HostName, Doing> {
        &self.at_work
    }

    /// How it stopped last; `None` while it runs, and where it did not say.
    #[must_use]
    pub fn stop(&self) -> Option<&Stop> {
        self.stop.as_ref()
    }

    /// Why it stopped, in this or the last session, where that was told.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_deref()
    }

    /// What a last look at the cluster showed when it stopped.
    #[must_use]
    pub fn stands(&self) -> Option<&str> {
        self.stands.as_deref()
    }

    /// Seconds that will be waited for in any case.
    #[must_use]
    pub fn left_s(&self) -> u64 {
        self.demands.left_s()
    }
}
