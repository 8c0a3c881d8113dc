//! What a line of upgrades is: everything that differs between the upgrade from one family of releases to another and the next
//! such upgrade, as a value. The lines themselves are in [`super::lines`], one file each.

use std::time::Duration;

use semver::Version;

use super::{Code, Scope};
use crate::moosefs::daemon::Role;
use crate::moosefs::releases::{TABLE, Trait};
use crate::moosefs::version::Family;

/// One line: every number beside the argument for it.
#[derive(Debug)]
pub struct Line {
    /// Which releases it begins at.
    pub from: Family,
    /// Which releases it ends at.
    pub to: Family,
    /// What a target must be able to do.
    pub floor: Floor,
    /// The order in which the roles of a host have their turns, rolling.
    pub rolling: [Role; 4],
    /// The same in a full-stop.
    pub full_stop: [Role; 4],
    /// The time between two chunkservers.
    pub stagger: Stagger,
    /// The time between the last chunkserver and the master in a full-stop.
    pub master_wait: MasterWait,
    /// How long a run waits for what comes back, and is healthy again.
    pub waits: Waits,
    /// The first of the three ports of a trial load.
    pub trial_port: u16,
    /// The ways in which its releases can be put on a host.
    pub installs: &'static [InstallKind],
    /// Which findings of a line ([`Scope::OfLine`]) can be found on this one.
    pub findings: &'static [Code],
    /// Why the phases are as they are, for who reads a schedule.
    pub why: Why,
    /// What cannot simply be undone once the new program of a role has been started.
    pub hard_to_undo: &'static [(Role, &'static str)],
    /// The way back.
    pub way_back: WayBack,
}

/// What a target must be able to do unless the plan accepts that it is not.
#[derive(Debug)]
pub struct Floor {
    /// What it is.
    pub needs: &'static Trait<bool>,
    /// The code that accepts a target without it under `acknowledge`.
    pub code: &'static str,
    /// What the operator accepts by naming the code, in one line.
    pub accepts: &'static str,
    /// What a master without it does, behind "a VERSION master".
    pub without: &'static str,
    /// What releases with it do, behind "releases from VERSION on".
    pub with: &'static str,
}

/// The time between two chunkservers.
#[derive(Debug)]
pub struct Stagger {
    /// At least.
    pub least: Duration,
    /// At most.
    pub greatest: Duration,
    /// Why it is no plan's to choose otherwise.
    pub why: &'static str,
}

/// The time between the last chunkserver and the master in a full-stop.
#[derive(Debug)]
pub struct MasterWait {
    /// At least.
    pub least: Duration,
    /// Why it is no plan's to choose less.
    pub why: &'static str,
}

/// How long a run waits.
#[derive(Debug)]
pub struct Waits {
    /// How long a daemon waits for the end of the one that it takes over from (`-t`).
    pub takeover: Duration,
    /// A gate is looked at for at least this long, where a stagger's least and greatest time are the same.
    pub least_gate: Duration,
    /// How long anything may take to come back after its daemon was started.
    pub back: Duration,
    /// How long the last look of an upgrade waits for chunks under goal to be replicated.
    pub healed: Duration,
    /// The share, in percent, of the patience of old mounts from which on a forecast is too near to it.
    pub near_percent: u64,
}

/// A way to put a release on a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstallKind {
    /// `make install` in a tree that is built already.
    Tree,
    /// The same in a tree that the run unpacks, configures and builds.
    Archive,
    /// A command of the plan.
    Command,
}

/// Why the phases are as they are.
#[derive(Debug)]
pub struct Why {
    /// The trial load before anything is stopped.
    pub backup: &'static str,
    /// The order of a rolling upgrade.
    pub rolling: &'static str,
    /// One chunkserver after the other.
    pub stagger: &'static str,
    /// All chunkservers at once in a full-stop.
    pub at_once: &'static str,
    /// The wait before the master's start in a full-stop.
    pub master_wait: &'static str,
    /// The metaloggers.
    pub metaloggers: &'static str,
    /// The clients last.
    pub clients: &'static str,
}

/// What is particular to the way back.
#[derive(Debug)]
pub struct WayBack {
    /// How long its last look waits for the chunks to be whole.
    pub tested: Duration,
}

impl Line {
    /// Whether it begins at this release.
    #[must_use]
    pub fn begins_at(&self, release: &Version) -> bool {
        Family::of(release) == self.from && is_plain(release)
    }

    /// Whether it ends at this release.
    #[must_use]
    pub fn ends_at(&self, release: &Version) -> bool {
        Family::of(release) == self.to && is_plain(release)
    }

    /// Whether such a finding can be found on it.
    #[must_use]
    pub fn has(&self, finding: Code) -> bool {
        finding.scope() == Scope::General || self.findings.contains(&finding)
    }

    /// How long a daemon of release `to` is told to wait for the one that it takes over from; `None`: it cannot be told.
    #[must_use]
    pub fn takeover_patience(&self, to: &Version) -> Option<Duration> {
        TABLE.verbs.at(to).then_some(self.waits.takeover)
    }

    /// The ports of a trial load: for metaloggers, chunkservers and clients.
    #[must_use]
    pub fn trial_ports(&self) -> [u16; 3] {
        [self.trial_port, self.trial_port + 1, self.trial_port + 2]
    }

    /// How long mounts of the old family look for their master before they give applications I/O errors.
    #[must_use]
    pub fn patience_of_old_mounts(&self) -> Duration {
        TABLE.eio_after.at(&self.from.first())
    }

    /// What cannot simply be undone once the new program of `role` has been started.
    #[must_use]
    pub fn hard_to_undo(&self, role: Role) -> Option<&'static str> {
        self.hard_to_undo.iter().find(|(of, _)| *of == role).map(|(_, words)| *words)
    }

    /// Why a target is not safe without an acknowledgement of the floor's code; `None` where it is.
    #[must_use]
    pub fn unsafe_target(&self, to: &Version) -> Option<String> {
        let Floor { needs, without, with, .. } = self.floor;
        (!needs.at(to)).then(|| format!("a {to} master {without}; releases from {} on {with}", needs.first()))
    }
}

/// Whether a master of this release can be started beside a running one without any danger to it: with `start`, which refuses
/// to take over (run with 1.6.13 to 1.6.27). Where every start is a takeover, a trial beside the running master would depend on
/// its configuration alone.
#[must_use]
pub fn can_be_tried(to: &Version) -> bool {
    TABLE.verbs.at(to)
}

/// MooseFS has no pre-releases, and a wire version cannot tell one.
fn is_plain(version: &Version) -> bool {
    version.pre.is_empty() && version.build.is_empty()
}
