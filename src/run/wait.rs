//! Waits that a rule demands, and whether the master that one waits for was stopped at all and still is.
//!
//! A full-stop's master is all that stays stopped while a run waits. A stagger, on both ways, begins when what was taken down is
//! back, and the gate behind it asks each server for its release; a way back looks at the very daemon before it restores or starts
//! its program ([`crate::step::Action::allowed`]); a metalogger that was stopped is looked for at the end.

use super::came_back::CameBack;
use super::event::Event;
use super::failure::Failure;
use super::ports::{Clock, Hosts, Master};
use super::recognise::{NotSeen, is_another};
use super::runner::{Runner, Stop};
use crate::host::{HostFacts, HostName, Look};
use crate::moosefs::daemon::Role;
use crate::schedule::{Step, Track, Wait};

impl<H: Hosts, M: Master, C: Clock> Runner<'_, H, M, C> {
    /// A wait that a rule demands, counted from when the step before was done.
    pub(super) async fn wait(&self, wait: &Wait, host: &HostName, track: &Track) -> Result<(), Stop> {
        let what = match wait {
            Wait::Stagger { .. } => "stagger since the last chunkserver was back",
            Wait::MasterWait { .. } => "wait before the master's start",
        };
        let from = self.schedule.counts_from(wait, |step| self.is_done(step));
        let (of_s, begun) = (wait.least_s(), self.clock.now());
        for (track, step) in &from {
            self.since_done(&track.host, step).await?;
        }
        loop {
            if !self.stays_stopped(wait, track).await? {
                return Ok(());
            }
            // where nothing is known to count from, it is waited in full
            let passed = self.passed(&from).max(self.seconds_since(begun));
            if self.laws.has_waited(wait, passed) {
                return Ok(());
            }
            self.pause_point(track)?;
            let left_s = of_s.saturating_sub(passed);
            self.send(Event::Waiting { host: host.clone(), what: what.to_owned(), left_s, of_s });
            self.clock.between_looks().await;
        }
    }

    /// Whether the master is still stopped before whose start on the host of `track` is waited. Its host may be away for a
    /// moment: the next look tells, and the start itself looks once more.
    ///
    /// # Errors
    /// A master of another release runs there.
    pub(super) async fn stays_stopped(&self, wait: &Wait, track: &Track) -> Result<bool, Failure> {
        let (Wait::MasterWait { .. }, Some(stop)) = (wait, self.stop_of_master()) else { return Ok(true) };
        let host = &track.host;
        let now = match self.look_once(host, &Look::default()).await {
            Ok(now) => now,
            Err(NotSeen::Another(reason)) => return Err(is_another(host, reason)),
            Err(NotSeen::Lost(_)) => return Ok(true),
        };
        match self.laws.came_back(&stop.action, &self.schedule.to, &now) {
            None => {
                self.stands_still_since_counted();
                Ok(true)
            }
            Some(CameBack::New(what)) => {
                self.send(Event::Waiting { host: host.clone(), what, left_s: 0, of_s: wait.least_s() });
                Ok(false)
            }
            Some(CameBack::Old(failure)) => Err(failure.at(track.steps.first().map(|step| &step.id), host)),
        }
    }

    /// Looks once more whether the master is still stopped whose successor `step` starts, by the look before it: what is asked
    /// between the wait's end and the start takes as long as it takes.
    ///
    /// # Errors
    /// A master of another release runs there.
    pub(super) fn still_stopped(&self, step: &Step, before: &HostFacts) -> Result<(), Failure> {
        let starts = step.action.starts_the_master() && self.has_stopped();
        let Some(stop) = self.stop_of_master().filter(|_| starts) else { return Ok(()) };
        match self.laws.came_back(&stop.action, &self.schedule.to, before) {
            Some(CameBack::Old(failure)) => Err(*failure),
            Some(CameBack::New(_)) | None => Ok(()),
        }
    }

    /// Whether the master was found to be new when it was to be stopped, and runs: then there is no start to wait before.
    pub(super) async fn never_stopped(&self, track: &Track) -> Result<bool, Failure> {
        let found = self.stop_of_master().is_some_and(|step| self.found.borrow().contains(&step.id));
        Ok(found && self.master_is_there(track).await?)
    }

    fn stop_of_master(&self) -> Option<&Step> {
        self.schedule.steps().map(|(_, _, step)| step).find(|step| step.action.begins_the_outage())
    }

    /// Whether the run has stopped the master itself.
    pub(super) fn has_stopped(&self) -> bool {
        self.stop_of_master().is_some_and(|step| self.is_done(&step.id) && !self.found.borrow().contains(&step.id))
    }

    /// Whether a master runs on the host of `track`, whose next step starts it.
    pub(super) async fn master_is_there(&self, track: &Track) -> Result<bool, Failure> {
        let Some(step) = track.steps.iter().find(|s| !self.is_done(&s.id)) else { return Ok(true) };
        let now = self.look(&track.host, step).await.map_err(|f| f.at(Some(&step.id), &track.host))?;
        Ok(now.daemon(Role::Master).is_some())
    }
}
