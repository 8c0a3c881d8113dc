//! The types of a schedule. Serialized, they are the JSON of `plan --format json` (docs/schedule-format.md) and the
//! schedule.json of a run: [`FORMAT`] counts up with every change that an older reader would misunderstand.

use std::fmt;
use std::net::Ipv4Addr;
use std::sync::Arc;

use semver::Version;
use serde::{Deserialize, Serialize};

use crate::check::Baseline;
use crate::host::identity::Identity;
use crate::host::shell::Become;
use crate::host::{AbsPath, HostName};
use crate::moosefs::daemon::Role;
use crate::plan::{Mode, Window};
use crate::schedule::Gate;
use crate::step::Action;
use crate::words::sha256;

/// The version of the serialized form.
pub const FORMAT: u32 = 2;

/// A whole upgrade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// See [`FORMAT`].
    pub format: u32,
    /// The release that runs now.
    pub from: Version,
    /// The release to run afterwards.
    pub to: Version,
    /// Which of the HOWTO's ways.
    pub mode: Mode,
    /// Whether the cluster was looked at; otherwise what only it can tell is marked in the steps.
    pub observed: bool,
    /// The master's port for clients and admin tools.
    pub admin_port: u16,
    /// Where the master listens on it, as its own host sees it; `None` in a preview.
    pub admin_address: Option<Ipv4Addr>,
    /// Every host of the plan.
    pub hosts: Vec<Host>,
    /// The chunkservers, in the order of their upgrade.
    pub chunkservers: Vec<Known>,
    /// The clients, in the order of their remount.
    pub clients: Vec<Known>,
    /// The stages, one after the other.
    pub stages: Vec<Stage>,
    /// All demanded waits and nothing else, in seconds: no run is shorter.
    pub least_s: u64,
    /// All waits at their greatest, in seconds: a run that waits longer has stopped. The commands' own time comes on top.
    pub greatest_s: u64,
    /// What the cluster was like; `None` where it was not looked at.
    pub baseline: Option<Baseline>,
    /// How many chunk copies may be lost for good beyond the baseline, as the plan accepts.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub accept_lost: u64,
    /// When something may be taken down; `None`: at any time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// The run whose changes this schedule takes back: then `to` is the old release. `None`: an upgrade.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back_of: Option<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A host of the plan and what of it the schedule needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Its name.
    pub name: HostName,
    /// What it is.
    pub roles: Vec<Role>,
    /// How to become root.
    pub r#become: Option<Become>,
    /// The folder of this program's own files there; jobs run in it (docs/safety.md).
    #[serde(default = "default_work_dir")]
    pub work_dir: AbsPath,
    /// What it said of itself when it was looked at; `None` in a preview, and in a schedule of before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
}

/// Where this program's files are on a host whose plan says nothing else.
#[must_use]
pub fn default_work_dir() -> AbsPath {
    AbsPath::new("/var/lib/mfsupgrade").expect("an absolute path")
}

/// A host as the master knows it. A host of several roles may be known by several addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// Its name.
    pub host: HostName,
    /// Its address at the master; `None` in a preview.
    pub address: Option<Ipv4Addr>,
}

/// The phases of an upgrade, in the words of the house.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// What takes time and changes nothing that runs: copying, building.
    Prepare,
    /// Metadata copied, copied off the host, and loaded by the new release for a trial.
    Backup,
    /// The master.
    Master,
    /// The metaloggers.
    Metaloggers,
    /// The chunkservers.
    Chunkservers,
    /// The clients.
    Clients,
    /// A last look.
    Verify,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Phase::Prepare => "prepare",
            Phase::Backup => "backup",
            Phase::Master => "master",
            Phase::Metaloggers => "metaloggers",
            Phase::Chunkservers => "chunkservers",
            Phase::Clients => "clients",
            Phase::Verify => "verify",
        })
    }
}

/// Steps on one or more hosts that share a condition to begin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// The phase that it belongs to.
    pub phase: Phase,
    /// What happens, for people.
    pub title: String,
    /// Why here and in this way: the rule and its source.
    pub why: String,
    /// A wait before its first step.
    pub wait: Option<Wait>,
    /// What must hold before its first step.
    pub gate: Option<Gate>,
    /// How many hosts at a time.
    #[serde(deserialize_with = "crate::plan::model::one_or_more")]
    pub parallel: usize,
    /// One entry a host; begun in this order.
    pub tracks: Vec<Track>,
}

/// The steps of one host within a stage, one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Track {
    /// The host.
    pub host: HostName,
    /// What was seen of it that makes its steps look unneeded; they look for themselves all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<String>,
    /// A wait before its first step.
    pub wait: Option<Wait>,
    /// What must hold before its first step.
    pub gate: Option<Gate>,
    /// The steps.
    pub steps: Vec<Step>,
}

/// One step: one change on one host, and how it is known to have happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Stable: `master/start`, `chunkservers/cs1/install`, `clients/cl1/unmount:/mnt/mfs`.
    pub id: StepId,
    /// What is done.
    pub action: Action,
    /// The exact remote commands; empty for a step that only looks.
    pub commands: Vec<String>,
    /// What the cluster must show afterwards, beyond what the host itself shows.
    pub afterwards: Option<Gate>,
    /// Earliest begin, in seconds from the start, when nothing takes any time but the demanded waits.
    pub earliest_s: u64,
    /// Whether the operator may pause before it: the cluster serves, and nothing is half done.
    pub pause_before: bool,
    /// What becomes hard to undo with it.
    pub way_back: Option<String>,
}

/// The name of a step.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepId(pub Arc<str>);

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A wait that a rule demands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "wait", rename_all = "kebab-case")]
pub enum Wait {
    /// At least this long since `after` was done: the last chunkserver was back.
    Stagger {
        /// The step that must be this long ago.
        after: StepId,
        /// Seconds.
        least_s: u64,
        /// Seconds; a gate that is not green by then stops the run.
        greatest_s: u64,
    },
    /// At least this long since the last of the stage `after` was done.
    MasterWait {
        /// The index of the stage.
        after_stage: usize,
        /// Seconds.
        least_s: u64,
    },
}

impl Wait {
    /// Seconds at least.
    #[must_use]
    pub fn least_s(&self) -> u64 {
        match self {
            Self::Stagger { least_s, .. } | Self::MasterWait { least_s, .. } => *least_s,
        }
    }
}

impl Schedule {
    /// SHA-256 of the serialized schedule, in hexadecimal: what a journal is bound to.
    #[must_use]
    pub fn digest(&self) -> String {
        let json = serde_json::to_vec(self).expect("a schedule has no map with keys that are not text");
        sha256(json)
    }

    /// Whether all demanded waits and nothing else take longer than the window is open, so that the run will wait for the next
    /// one in between.
    #[must_use]
    pub fn outlasts_its_window(&self) -> bool {
        self.window.as_ref().is_some_and(|window| self.least_s > window.length_s())
    }

    /// Seconds for which a full-stop waits while no master runs; `None` where one takes over from the other.
    #[must_use]
    pub fn stands_still_s(&self) -> Option<u64> {
        let waits = self.stages.iter().filter_map(|stage| stage.wait.as_ref());
        waits.filter(|wait| matches!(wait, Wait::MasterWait { .. })).map(Wait::least_s).max()
    }

    /// Whether it takes back what an upgrade did.
    #[must_use]
    pub fn is_back(&self) -> bool {
        self.back_of.is_some()
    }

    /// All steps, in order.
    pub fn steps(&self) -> impl Iterator<Item = (&Stage, &Track, &Step)> {
        self.stages
            .iter()
            .flat_map(|stage| stage.tracks.iter().flat_map(move |t| t.steps.iter().map(move |s| (stage, t, s))))
    }

    /// What a wait counts from: one step for a stagger, and for the master's wait the last one of every host of the stage before
    /// that `is_done`.
    pub fn counts_from(&self, wait: &Wait, is_done: impl Fn(&StepId) -> bool) -> Vec<(&Track, &Step)> {
        match wait {
            Wait::Stagger { after, .. } => {
                let found = self.steps().find(|(_, _, step)| step.id == *after);
                found.map(|(_, track, step)| (track, step)).into_iter().collect()
            }
            Wait::MasterWait { after_stage, .. } => {
                let tracks = self.stages.get(*after_stage).into_iter().flat_map(|stage| &stage.tracks);
                tracks.filter_map(|track| Some((track, track.steps.iter().rfind(|s| is_done(&s.id))?))).collect()
            }
        }
    }

    /// The hosts that play `role`, in the plan's order.
    pub fn hosts_of(&self, role: Role) -> impl Iterator<Item = &Host> {
        self.hosts.iter().filter(move |h| h.roles.contains(&role))
    }
}
