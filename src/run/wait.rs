//! Waits that a rule demands, and whether the master that one waits for was stopped at all.

use super::event::Event;
use super::failure::Failure;
use super::ports::{Clock, Hosts, Master};
use super::runner::{Runner, Stop};
use crate::host::HostName;
use crate::moosefs::daemon::Role;
use crate::schedule::{Action, Step, Track, Wait};

impl<H: Hosts, M: Master, C: Clock> Runner<'_, H, M, C> {
    /// A wait that a rule demands, counted from when the step before was done.
    pub(super) async fn wait(&self, wait: &Wait, host: &HostName, track: &Track) -> Result<(), Stop> {
        let what = match wait {
            Wait::Stagger { .. } => "stagger since the last chunkserver was back",
            Wait::MasterWait { .. } => "wait before the master's start",
        };
        let (from, of_s, begun) = (self.counts_from(wait), wait.least_s(), self.clock.now());
        for (track, step) in &from {
            self.since_done(&track.host, step).await?;
        }
        loop {
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

    /// Whether the master was found to be new when it was to be stopped, and runs: then there is no start to wait before.
    pub(super) async fn never_stopped(&self, track: &Track) -> Result<bool, Failure> {
        let found = self.stop_of_master().is_some_and(|step| self.found.borrow().contains(&step.id));
        Ok(found && self.master_is_there(track).await?)
    }

    fn stop_of_master(&self) -> Option<&Step> {
        self.schedule.steps().map(|(_, _, step)| step).find(|step| matches!(step.action, Action::StopMaster { .. }))
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
