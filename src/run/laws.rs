//! What a walk decides at each turn, one question each: the walk asks, and does as it is told.
//!
//! [`Sound`] answers as the laws of an upgrade demand, and nothing else is ever passed to a [`super::Runner`] but by a test:
//! there one question at a time is answered wrongly, to show that a judge from outside sees the law broken
//! (`tests/simulation/seeds/plant`).

use std::time::Duration;

use jiff::Timestamp;
use semver::Version;

use super::came_back::{self, CameBack};
use super::gate::{self, Red};
use super::ports::NotHeld;
use super::since::Since;
use crate::check::Baseline;
use crate::check::metadata::{Loaded, Metadata, metadata_of};
use crate::host::{HostFacts, HostName};
use crate::moosefs::Overview;
use crate::plan::Window;
use crate::schedule::{Gate, Phase, Schedule, Stage, Step, Wait};
use crate::step::{Action, Seen, Verdict};

/// The laws of a walk.
pub trait Laws {
    /// Whether nothing of a stage is left, of whose hosts so many are done.
    fn is_over(&self, done: usize, stage: &Stage) -> bool {
        done == stage.tracks.len()
    }

    /// How many hosts of a stage are at work beside each other.
    fn at_once(&self, stage: &Stage) -> usize {
        stage.parallel
    }

    /// Whether a host of this stage that fails holds up the others whatever the cluster is like.
    fn holds_up(&self, stage: &Stage) -> bool {
        stage.phase != Phase::Clients
    }

    /// Whether a pause may hold before `step`. One that takes something down and was `begun` before is not paused before: what
    /// it has taken away may be gone.
    fn may_pause(&self, step: &Step, begun: bool) -> bool {
        step.pause_before && !(begun && step.action.effect().takes_down())
    }

    /// Why what answers to a host's name is another machine; `None`: it is the one that is known.
    fn is_another(&self, why: Option<String>) -> Option<String> {
        why
    }

    /// So many seconds ago something was that a wait counts from.
    fn has_passed(&self, since: &Since) -> u64 {
        since.at_least_s()
    }

    /// How old something is at the most; `None`: nobody knows.
    fn age(&self, since: &Since) -> Option<u64> {
        since.at_most_s()
    }

    /// Whether a wait that a rule demands is over after so many seconds.
    fn has_waited(&self, wait: &Wait, passed_s: u64) -> bool {
        passed_s >= wait.least_s()
    }

    /// Who runs where `action` has stopped a daemon ([`came_back::came_back`]).
    fn came_back(&self, action: &Action, to: &Version, now: &HostFacts) -> Option<CameBack> {
        came_back::came_back(action, to, now)
    }

    /// Whether a patience of `most_s` seconds is over after so many: for a gate, for who uses a mount.
    fn gives_up(&self, passed_s: u64, most_s: u64) -> bool {
        passed_s >= most_s
    }

    /// Whether `gate` is green for `host`.
    ///
    /// # Errors
    /// Why not.
    fn green(
        &self,
        gate: &Gate,
        host: &HostName,
        schedule: &Schedule,
        baseline: &Baseline,
        overview: &Overview,
    ) -> Result<(), Red> {
        gate::judge(gate, host, schedule, baseline, overview)
    }

    /// Whether something may be taken down at this time on the wall.
    fn is_open(&self, window: &Window, now: Timestamp) -> bool {
        window.is_open(now)
    }

    /// Who uses a mount, where anybody is seen to.
    fn users(&self, mount: &str, seen: &HostFacts) -> Option<String> {
        seen.named_users_of(mount)
    }

    /// Whether the cluster's lock allows that something is begun.
    ///
    /// # Errors
    /// Why not.
    fn is_ours(&self, held: Result<(), NotHeld>) -> Result<(), NotHeld> {
        held
    }

    /// Why `action` has to wait a moment ([`Action::hold`]).
    fn hold(&self, action: &Action, to: &Version, now: &HostFacts, clock: i64) -> Option<String> {
        action.hold(to, now, clock)
    }

    /// Whether what `action` takes down was not taken down yet ([`crate::step::Kind::untouched`]).
    fn untouched(&self, action: &Action, to: &Version, now: &HostFacts) -> bool {
        action.untouched(to, now)
    }

    /// Whether `action` need not be run at all ([`crate::step::Kind::already`]).
    fn already(&self, action: &Action, to: &Version, now: &HostFacts) -> Verdict {
        action.already(to, now)
    }

    /// Whether `action` may be run ([`Action::allowed`]).
    ///
    /// # Errors
    /// Why not.
    fn allowed(&self, action: &Action, to: &Version, now: &HostFacts) -> Result<(), String> {
        action.allowed(to, now)
    }

    /// Whether the command that was run for `action` has had its effect ([`crate::step::Kind::achieved`]).
    fn achieved(&self, action: &Action, to: &Version, before: &HostFacts, now: &HostFacts) -> Verdict {
        action.achieved(&Seen { to, before, now, found: false })
    }

    /// Whether the host still shows what was done before: to a run that goes on, and to the last look.
    fn still_shows(&self, action: &Action, to: &Version, now: &HostFacts) -> Verdict {
        action.achieved(&Seen::found(to, now))
    }

    /// Whether a command that ended with `code` has failed. make, tar and package managers are believed when they say no,
    /// MooseFS's daemons are not.
    fn has_failed(&self, action: &Action, code: i32) -> bool {
        code != 0 && action.effect().is_believed()
    }

    /// Whether a file arrived as it was sent, by SHA-256.
    fn is_whole(&self, arrived: &str, sent: &str) -> bool {
        arrived == sent
    }

    /// Whether a copy of the metadata, or its trial, says too little by now. One that was `found` says nothing: there was none
    /// to make.
    fn is_old(&self, age_s: Option<u64>, limit: Duration, found: bool) -> bool {
        found || age_s.is_none_or(|age_s| age_s > limit.as_secs())
    }

    /// Which metadata a master has loaded that was started after another one ([`metadata_of`]).
    fn metadata(&self, overview: Option<&Overview>, baseline: &Baseline, loaded: &Loaded) -> Metadata {
        metadata_of(overview, baseline, loaded)
    }
}

/// The laws as they are.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sound;

impl Laws for Sound {}
