//! Which metadata the master has loaded that runs, and what follows from that.
//!
//! For seconds after a master's start its counts must be those of the one before it. Later they prove nothing, since users
//! delete what they like while a run stands still: then the version of the metadata in DATA_PATH decides, and where it cannot be
//! read, the operator.

use std::time::Duration;

use super::FailureKind;
use super::Runner;
use super::effect::RECONNECT;
use super::failure::{Failure, Remedy};
use super::gate::Red;
use super::ports::{Clock, Hosts, Master};
use crate::check::health::master_runs;
use crate::check::metadata::{Loaded, Metadata, metadata_is_kept};
use crate::host::{HostFacts, HostName, Process};
use crate::moosefs::Overview;
use crate::moosefs::daemon::Role;
use crate::rules::way_back;
use crate::schedule::Step;
use crate::step::Effect;

/// How long after the old master was last counted, or the new one was last seen not to serve, nobody can have deleted much.
const JUST_NOW: Duration = Duration::from_secs(60);

/// What a run cannot do that asks about a master which it found.
const ON_WITH_IT: &str = "go on with the master that runs";

impl<H: Hosts, M: Master, C: Clock> Runner<'_, H, M, C> {
    /// Where the new master is started.
    pub(super) fn start_of_master(&self) -> Option<(&HostName, &Step)> {
        let start = self.schedule.steps().find(|(_, _, step)| step.action.starts_the_master());
        start.map(|(_, track, step)| (&track.host, step))
    }

    /// The old master was counted now.
    pub(super) fn counted_just_now(&self) {
        self.unserved.set(Some(self.clock.awake()));
    }

    /// Nothing serves yet, and a moment ago neither did.
    pub(super) fn serves_not_yet(&self) {
        if self.is_just_now() {
            self.counted_just_now();
        }
    }

    /// No master has run since the old one was stopped.
    pub(super) fn stands_still_since_counted(&self) {
        if self.unserved.get().is_some() {
            self.counted_just_now();
        }
    }

    /// What ends the old master is about to be begun: what was counted long ago, and served since, is no measure of seconds.
    pub(super) fn counts_grow_old(&self, step: &Step) {
        if step.action.ends_the_master() && !self.is_just_now() {
            self.unserved.set(None);
        }
    }

    fn is_just_now(&self) -> bool {
        self.unserved.get().is_some_and(|at| self.awake_since(at) <= JUST_NOW.as_secs())
    }

    /// Which metadata the master has loaded whose host shows `now`, and its version.
    fn which(&self, now: Option<&HostFacts>, step: &Step, overview: Option<&Overview>) -> (Metadata, Option<u64>) {
        let folder = match step.action.effect() {
            Effect::Starts(start) => start.data_path.as_ref(),
            _ => None,
        };
        let process = now.and_then(|now| self.new_process(now).or_else(|| now.daemon(Role::Master)));
        let elsewhere = process.filter(|p| folder.is_some_and(|folder| folder.as_str() != p.cwd));
        let version = now.filter(|_| process.is_some()).and_then(HostFacts::metaversion);
        let elsewhere = elsewhere.map(|p| p.cwd.clone());
        let loaded = Loaded { elsewhere, version, just_now: self.is_just_now() };
        (self.laws.metadata(overview, &self.baseline.borrow(), &loaded), version)
    }

    fn new_process<'n>(&self, now: &'n HostFacts) -> Option<&'n Process> {
        now.processes.iter().find(|p| p.role == Role::Master && p.version.as_ref() == Some(&self.schedule.to))
    }

    /// While a run stood still its users went on: what the old master counts now is what a new one is held to, and so is what a
    /// new one counts on the same metadata, whoever has started it.
    pub(super) async fn recount(&self) -> Result<(), Failure> {
        let patience = if self.accepts_metadata { RECONNECT } else { Duration::ZERO };
        let Ok(overview) = self.overview_within(patience).await else { return self.silent_on_other_metadata().await };
        let new = master_runs(&overview, &self.schedule.to).is_ok();
        let Some((host, step)) = self.start_of_master() else {
            // a way back that starts no master finds the one that its users have used all the time
            return self.learn_counts(&overview, None, !new || self.schedule.is_back());
        };
        // asked for after it has counted: a process that runs still has counted
        let Ok(now) = self.look(host, step).await else { return self.learn_counts(&overview, None, !new) };
        if !new {
            return self.recount_old((host, step), &now, &overview);
        }
        let known = self.baseline.borrow().master.clone();
        if known.is_some() && now.process_id(Role::Master) == known {
            return self.learn_counts(&overview, now.metaversion(), true);
        }
        match self.which(Some(&now), step, Some(&overview)) {
            (Metadata::Same, version) => self.learn_counts(&overview, version, true),
            (Metadata::Unclear(_) | Metadata::Other(_), version) if self.accepts_metadata => {
                self.accept(&overview, version)
            }
            // the run has seen it serve what its predecessor wrote: somebody has put other metadata in its place since
            (Metadata::Other(reason), _) if self.is_done(&step.id) => Err(asking(ON_WITH_IT, reason, host, step)),
            // what it is held against is what stands against it
            _ => Ok(()),
        }
    }

    /// A master that is silent for now is not passed over either: its version says alone which metadata it has.
    async fn silent_on_other_metadata(&self) -> Result<(), Failure> {
        let Some((host, step)) = self.start_of_master().filter(|(_, step)| self.is_done(&step.id)) else {
            return Ok(());
        };
        // a host that is not reached is told of when it is reconciled
        let Ok(now) = self.look_once(host, &step.action.look(self.schedule.admin_port)).await else { return Ok(()) };
        match self.which(Some(&now), step, None) {
            (Metadata::Other(reason), _) if self.new_process(&now).is_some() && !self.accepts_metadata => {
                Err(asking(ON_WITH_IT, reason, host, step))
            }
            _ => Ok(()),
        }
    }

    /// An old master runs, or runs again. One that somebody has put back on older metadata than was seen before is no mistake of
    /// ours, and none that is passed over.
    fn recount_old(
        &self,
        (host, step): (&HostName, &Step),
        now: &HostFacts,
        overview: &Overview,
    ) -> Result<(), Failure> {
        let (is, least) = (now.least_metaversion(), self.baseline.borrow().metaversion);
        match (is, least) {
            (Some(_), Some(_)) if is < least && self.accepts_metadata => self.accept(overview, is),
            (Some(is), Some(least)) if is < least && now.daemon(Role::Master).is_some() => {
                let reason = format!("the old master runs on metadata of version {is}, and it had {least} before");
                Err(asking(ON_WITH_IT, reason, host, step))
            }
            _ => self.learn_counts(overview, None, true),
        }
    }

    fn learn_counts(&self, overview: &Overview, version: Option<u64>, is_measure: bool) -> Result<(), Failure> {
        if !is_measure {
            return Ok(());
        }
        let news = {
            let baseline = self.baseline.borrow();
            baseline.written(baseline.recount(overview), version)
        };
        news.map_or(Ok(()), |counts| self.learn(counts))
    }

    fn accept(&self, overview: &Overview, version: Option<u64>) -> Result<(), Failure> {
        let counts = self.baseline.borrow().accepted(overview, version);
        self.learn(counts)
    }

    /// Accepts older metadata that a master has loaded, where the operator has said so and it was not started just now.
    pub(super) fn accepts_older(&self, version: Option<u64>) -> Result<bool, Failure> {
        if !self.accepts_metadata || self.is_just_now() {
            return Ok(false);
        }
        let counts = self.baseline.borrow().accepted_as_counted(version);
        self.learn(counts)?;
        Ok(true)
    }

    /// What a gate makes of a master that knows less than it did: on the same metadata users have deleted that, and it is counted
    /// anew; where nobody can tell, the operator is asked.
    pub(super) async fn explained(&self, red: Red, overview: &Overview) -> Result<Red, Failure> {
        let Some((host, step)) = self.start_of_master() else { return Ok(red) };
        let now = self.look(host, step).await.ok();
        match self.which(now.as_ref(), step, Some(overview)) {
            (Metadata::Same, version) => {
                self.learn_counts(overview, version, true)?;
                Ok(Red::wait(format!("{}; its version is not older, so that users have deleted that", red.reason)))
            }
            (Metadata::Unclear(_), version) if self.accepts_metadata => {
                self.accept(overview, version)?;
                Ok(Red::wait(red.reason))
            }
            (Metadata::Unclear(_), _) => Ok(Red { asks: true, ..red }),
            (Metadata::Alike | Metadata::Other(_), _) => Ok(red),
        }
    }

    /// For an account: what users have deleted is nothing that is wrong with a cluster. It is not written down, since a run that
    /// stops may have nowhere to write it.
    pub(super) async fn see_what_users_deleted(&self, overview: &Overview) {
        if metadata_is_kept(overview, &self.baseline.borrow()).is_ok() {
            return;
        }
        let Some((host, step)) = self.start_of_master() else {
            let counts = self.baseline.borrow().recount(overview).filter(|_| self.schedule.is_back());
            return counts.into_iter().for_each(|counts| self.baseline.borrow_mut().learn(&counts));
        };
        let Ok(now) = self.look(host, step).await else { return };
        let old = now.daemon(Role::Master).is_some() && self.new_process(&now).is_none();
        let same = if old {
            let least = self.baseline.borrow().metaversion;
            least.is_none() || now.least_metaversion() >= least
        } else {
            self.which(Some(&now), step, Some(overview)).0 == Metadata::Same
        };
        let counts = self.baseline.borrow().recount(overview).filter(|_| same);
        if let Some(counts) = counts {
            self.baseline.borrow_mut().learn(&counts);
        }
    }

    /// Which metadata the new master serves that this run or one before it has started. One that is silent for a moment is asked
    /// again: a wrong one must not stay up because an answer was lost. `None`: no such master is seen.
    pub(super) async fn serves(&self, host: &HostName, step: &Step, patience: Duration) -> Option<Metadata> {
        let overview = self.overview_within(patience).await.ok();
        let overview = overview.filter(|overview| master_runs(overview, &self.schedule.to).is_ok());
        let now = self.look(host, step).await.ok();
        let seen = now.as_ref().map_or(overview.is_some(), |now| self.new_process(now).is_some());
        seen.then(|| self.which(now.as_ref(), step, overview.as_ref()).0)
    }

    /// The new master that a run before has begun, and that serves other metadata, is stopped before this one does anything
    /// else: what is started or waited for meanwhile lets it delete chunks. Where nobody can tell, nothing is touched.
    pub(super) async fn begun_on_other_metadata(&self) -> Result<(), Failure> {
        let Some((host, step)) = self.start_of_master() else { return Ok(()) };
        if !self.open.borrow().contains_key(&step.id) {
            return Ok(());
        }
        match self.serves(host, step, RECONNECT).await {
            Some(Metadata::Other(reason)) => {
                let failure = Failure::new(FailureKind::GateRed, step.action.describe(), reason.clone());
                Err(self.stopped_again(step, failure.at(Some(&step.id), host), reason).await)
            }
            Some(Metadata::Unclear(reason)) => {
                let message = "tell whether the master that was started serves the metadata of the one before it";
                Err(asking(message, reason, host, step))
            }
            _ => Ok(()),
        }
    }

    /// A new master on other metadata is stopped at once, before its chunkservers delete what it does not know. Where nobody can
    /// tell, the operator is asked and it serves on. Any other failure stands as it is.
    pub(super) async fn undone(&self, step: &Step, failure: Failure) -> Failure {
        if !step.action.starts_the_master() {
            return failure;
        }
        let Some(host) = failure.host.clone() else { return failure };
        let patience = if failure.kind == FailureKind::GateRed { RECONNECT } else { Duration::ZERO };
        match self.serves(&host, step, patience).await {
            Some(Metadata::Other(reason)) => self.stopped_again(step, failure, reason).await,
            Some(Metadata::Unclear(reason)) => asks(failure, reason),
            _ => failure,
        }
    }
}

/// A stop that asks whether the metadata is the right one.
fn asking(message: &str, reason: String, host: &HostName, step: &Step) -> Failure {
    asks(Failure::new(FailureKind::GateRed, message, reason.clone()), reason).at(Some(&step.id), host)
}

/// The same failure, which asks.
pub(super) fn asks(mut failure: Failure, reason: String) -> Failure {
    if !failure.causes.contains(&reason) {
        failure.causes.push(reason);
    }
    if !failure.asks_about_metadata() {
        failure.causes.push(way_back::ASK_METADATA.to_owned());
    }
    failure.with(Remedy::AcceptMetadata)
}
