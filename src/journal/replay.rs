//! From records to where a run is. PURE.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use super::{FailureKind, Origin, Record};
use crate::check::Counts;
use crate::host::facts::HostTime;
use crate::schedule::StepId;

/// Where a run is, by its journal. The hosts have the last word: see law 5.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress {
    /// When it began.
    pub begun: Option<Timestamp>,
    /// The schedule that it is bound to.
    pub schedule_sha256: String,
    /// The plan that it is bound to; `None` in format 1.
    pub plan_sha256: Option<String>,
    /// The observation that it began with, where it has kept one.
    pub observation_sha256: Option<String>,
    /// Where it comes from.
    pub origin: Origin,
    /// Which plan and schedule it goes by: 1 for those that it began with.
    pub number: u32,
    /// What the last look showed after it had stopped.
    pub stands: Option<String>,
    /// Steps that are done, with when.
    pub done: HashMap<StepId, Timestamp>,
    /// When that was by the uptime of their own hosts, where it is known.
    pub host_times: HashMap<StepId, HostTime>,
    /// Those of them whose effect was found, so that nothing was run.
    pub found: HashSet<StepId>,
    /// Steps with an intent and no result, in order.
    pub open: Vec<StepId>,
    /// When each step was begun last: that names its job on the host.
    pub begun_at: HashMap<StepId, Timestamp>,
    /// What was counted since it began, in order.
    pub counted: Vec<Counts>,
    /// How it stopped last; `None` while it runs, or when it was killed.
    pub stop: Option<Stop>,
}

/// How a run stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// The operator paused it.
    Paused(Timestamp),
    /// It failed.
    Failed(Timestamp, FailureKind, String),
    /// It reached its target.
    Finished(Timestamp, String),
    /// The operator began another run in its place.
    Abandoned(Timestamp),
}

impl Progress {
    /// Reads `records`.
    #[must_use]
    pub fn replay(records: &[Record]) -> Self {
        let mut progress = Self::default();
        for record in records {
            progress.apply(record);
        }
        progress
    }

    fn apply(&mut self, record: &Record) {
        match record {
            Record::Begun { schedule_sha256, plan_sha256, observation_sha256, origin, at, .. } => {
                self.begun = Some(*at);
                self.number = 1;
                self.schedule_sha256.clone_from(schedule_sha256);
                self.plan_sha256.clone_from(plan_sha256);
                self.observation_sha256.clone_from(observation_sha256);
                self.origin.clone_from(origin);
            }
            Record::Replanned { number, plan_sha256, schedule_sha256, .. } => {
                self.number = *number;
                self.schedule_sha256.clone_from(schedule_sha256);
                self.plan_sha256 = Some(plan_sha256.clone());
            }
            Record::Resumed { .. } => (self.stop, self.stands) = (None, None),
            Record::Stands { state, .. } => self.stands = Some(state.clone()),
            Record::Abandoned { at } => self.stop = Some(Stop::Abandoned(*at)),
            Record::Intent { step, at } => {
                self.begun_at.insert(step.clone(), *at);
                if !self.open.contains(step) {
                    self.open.push(step.clone());
                }
            }
            Record::Counted { counts, .. } => self.counted.push(counts.clone()),
            Record::Done { step, at, host_time, found, .. } => {
                match host_time {
                    Some(time) => drop(self.host_times.insert(step.clone(), time.clone())),
                    None => drop(self.host_times.remove(step)),
                }
                self.open.retain(|open| open != step);
                match found {
                    true => drop(self.found.insert(step.clone())),
                    false => drop(self.found.remove(step)),
                }
                self.done.insert(step.clone(), *at);
            }
            Record::Failed { at, kind, message, .. } => self.stop = Some(Stop::Failed(*at, *kind, message.clone())),
            Record::Paused { at } => self.stop = Some(Stop::Paused(*at)),
            Record::Finished { at, evidence } => self.stop = Some(Stop::Finished(*at, evidence.clone())),
        }
    }

    /// Whether the operator began another run in its place.
    #[must_use]
    pub fn abandoned(&self) -> bool {
        matches!(self.stop, Some(Stop::Abandoned(_)))
    }

    /// Whether it reached its target.
    #[must_use]
    pub fn finished(&self) -> bool {
        matches!(self.stop, Some(Stop::Finished(..)))
    }
}
