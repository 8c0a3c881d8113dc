//! The one link from executor to displays, and what is kept of it beside the journal (docs/events.md). PURE.

use std::collections::BTreeMap;

use jiff::Timestamp;
use semver::Version;
use serde::{Deserialize, Serialize};

use super::failure::Failure;
use crate::host::{HostName, said};
use crate::moosefs::daemon::Role;
use crate::moosefs::secrets::masked;
use crate::plan::Mode;
use crate::schedule::{Phase, Schedule, StepId};

/// The version of the serialized form (`--log json` and events.jsonl; docs/events.md).
///
/// 2: `run-started` names the cluster and the plan, `stage-started` its number; `recalled` and `events-lost` are new.
pub const FORMAT: u32 = 2;

/// Something that happened, with when. One JSON object a line in `--log json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stamped {
    /// By the run's clock.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A run begins or goes on.
    RunStarted {
        /// See [`FORMAT`].
        format: u32,
        /// The run's name.
        run: String,
        /// Steps in all.
        steps: usize,
        /// Steps that were done before, by the journal.
        done: usize,
        /// Set in a rehearsal: what is simulated.
        simulated: Option<String>,
        /// What is done to which cluster.
        #[serde(flatten)]
        what: Box<Undertaking>,
    },
    /// What the journal knows otherwise than the events that were kept: they are not synced one by one, and a killed run tells
    /// nothing of its last record. Kept and not shown.
    Recalled {
        /// Steps that are done, with when.
        done: BTreeMap<StepId, Timestamp>,
        /// Steps that are not.
        not_done: Vec<StepId>,
        /// Steps that were begun and not seen to be done.
        open: Vec<StepId>,
        /// Steps that were not begun.
        not_open: Vec<StepId>,
    },
    /// From here on events are not kept, or some of those before were not.
    EventsLost {
        /// Why.
        reason: String,
    },
    /// A stage begins.
    StageStarted {
        /// Which it is, from 1 on.
        number: usize,
        /// Stages in all.
        stages: usize,
        /// Its phase.
        phase: Phase,
        /// Its title.
        title: String,
        /// Its hosts.
        hosts: usize,
        /// Those of them that were done before.
        done: usize,
    },
    /// A demanded wait goes on; sent at its start and about once a second.
    Waiting {
        /// For whom.
        host: HostName,
        /// What for.
        what: String,
        /// Seconds until the next step may begin.
        left_s: u64,
        /// Seconds of the whole wait.
        of_s: u64,
    },
    /// The maintenance window is closed: the run goes on by itself when it opens.
    OutsideWindow {
        /// For whom.
        host: HostName,
        /// When it opens.
        until: Timestamp,
        /// The same, by the clock on the operator's wall.
        opens: String,
        /// What holds in the meantime.
        state: String,
    },
    /// The window that was waited for is open.
    WindowOpened {
        /// For whom.
        host: HostName,
        /// The window, as the plan says it.
        window: String,
    },
    /// A gate was looked at and is not green; sent whenever the reason changes, and about once a minute while it does not.
    GateRed {
        /// For whom.
        host: HostName,
        /// What it asks for.
        gate: String,
        /// Why not.
        reason: String,
        /// Seconds until it must be.
        left_s: u64,
        /// Seconds that it is waited for in all.
        #[serde(default)]
        of_s: u64,
    },
    /// A gate is green.
    GateGreen {
        /// For whom.
        host: HostName,
        /// What it asked for.
        gate: String,
    },
    /// A step begins.
    StepStarted {
        /// Which.
        step: StepId,
        /// Where.
        host: HostName,
        /// What it does.
        what: String,
        /// The exact commands.
        commands: Vec<String>,
    },
    /// A line of a command's output.
    Output {
        /// Which step's.
        step: StepId,
        /// Where.
        host: HostName,
        /// Without its end.
        line: String,
    },
    /// A step is done, or was found done.
    StepDone {
        /// Which.
        step: StepId,
        /// Where.
        host: HostName,
        /// What showed it.
        evidence: String,
        /// Whether nothing had to be run.
        found: bool,
    },
    /// A step that was done before the run stood still is not any more: it comes up again.
    Undone {
        /// Which.
        step: StepId,
        /// Where.
        host: HostName,
        /// What the host shows instead.
        reason: String,
    },
    /// A host could not be looked at before a run goes on: it is dealt with in its turn.
    Unseen {
        /// Which.
        host: HostName,
        /// What ssh said.
        reason: String,
    },
    /// All steps of a host in this stage are done.
    HostDone {
        /// Which; one of several that ended together.
        host: HostName,
        /// Hosts of the stage that are done.
        done: usize,
        /// Hosts of the stage.
        of: usize,
    },
    /// A client failed while the cluster was well: the others go on, and the run ends as failed.
    ClientFailed {
        /// Which.
        host: HostName,
        /// Why.
        failure: Failure,
    },
    /// A host failed while others are at work beside it: those come to their end, no further one is begun, and the run stops.
    HostFailed {
        /// Which.
        host: HostName,
        /// Why.
        failure: Failure,
        /// How many are still at work.
        running: usize,
    },
    /// A connection was lost or could not be made, and is tried again.
    Reconnecting {
        /// Where.
        host: HostName,
        /// What ssh said.
        reason: String,
    },
    /// The master, or the cluster's lock, was not heard of on a host, and is asked again.
    Silent {
        /// Where.
        host: HostName,
        /// What was heard instead.
        reason: String,
    },
    /// The operator asked to stop at the next safe point.
    PauseRequested,
    /// The run stops before a step, as asked.
    Paused {
        /// What holds in the meantime.
        state: String,
    },
    /// The run stops.
    Failed {
        /// Why and where.
        failure: Failure,
        /// What holds in the meantime.
        state: String,
    },
    /// The target is reached.
    Finished {
        /// What the last look showed.
        evidence: String,
    },
}

/// What a run does, and to which cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undertaking {
    /// The release that ran before.
    pub from: Version,
    /// The release that is to run.
    pub to: Version,
    /// Which of the HOWTO's ways.
    pub mode: Mode,
    /// The run that is taken back; `None`: an upgrade.
    pub back_of: Option<String>,
    /// The hosts of each role, in the plan's order.
    pub hosts: BTreeMap<Role, Vec<HostName>>,
    /// SHA-256 of the plan, as the journal has it; `None` in a run of before.
    pub plan_sha256: Option<String>,
}

impl Undertaking {
    /// Of a schedule.
    #[must_use]
    pub fn new(schedule: &Schedule, plan_sha256: Option<&str>) -> Self {
        let mut hosts: BTreeMap<Role, Vec<HostName>> = BTreeMap::new();
        for host in &schedule.hosts {
            host.roles.iter().for_each(|role| hosts.entry(*role).or_default().push(host.name.clone()));
        }
        Self {
            from: schedule.from.clone(),
            to: schedule.to.clone(),
            mode: schedule.mode,
            back_of: schedule.back_of.clone(),
            hosts,
            plan_sha256: plan_sha256.map(str::to_owned),
        }
    }
}

impl Event {
    /// With no more of what a host said than anybody wants to read; a [`Failure`] is so from its beginning.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        match &mut self {
            Self::Output { line, .. } => {
                *line = said::shown(line).into_owned();
            }
            Self::Undone { reason: text, .. }
            | Self::Unseen { reason: text, .. }
            | Self::Reconnecting { reason: text, .. }
            | Self::Silent { reason: text, .. }
            | Self::GateRed { reason: text, .. }
            | Self::Waiting { what: text, .. }
            | Self::StepDone { evidence: text, .. }
            | Self::Finished { evidence: text }
            | Self::Paused { state: text }
            | Self::Failed { state: text, .. } => said::bound(text, said::RECORD),
            _ => {}
        }
        self
    }
}

/// Where events go.
pub trait EventSink {
    /// Takes one. Never blocks for long, never fails: a broken display does not stop an upgrade.
    fn send(&self, event: Stamped);
}

impl Event {
    /// A line that a command has printed, without passwords that stand in it.
    #[must_use]
    pub fn output(step: &StepId, host: &HostName, line: &str) -> Self {
        Self::Output { step: step.clone(), host: host.clone(), line: masked(line).into_owned() }
    }
}
