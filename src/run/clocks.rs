//! Whose word is asked for on how long ago something was ([`super::since`]).

use std::collections::HashMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::Runner;
use super::failure::Failure;
use super::ports::{Clock, Hosts, Master};
use super::since::{ByHost, Since};
use crate::host::facts::HostTime;
use crate::host::{HostFacts, HostName};
use crate::journal::Progress;
use crate::moosefs::daemon::Role;
use crate::schedule::{Step, StepId, Track};
use crate::step::{Effect, Start};

/// What hosts have told of their own time.
#[derive(Debug, Default)]
pub struct Clocks {
    /// When this process began, by the run's clock.
    began: Option<Timestamp>,
    /// Steps that a process before this one has done, with when that was on their own host, where it is known.
    earlier: HashMap<StepId, Option<HostTime>>,
    /// The last look at each host.
    looked: HashMap<HostName, Looked>,
}

#[derive(Debug)]
struct Looked {
    /// By the run's clock.
    at: Timestamp,
    /// By the host.
    time: Option<HostTime>,
    /// How long the daemons of each role have run.
    runs: HashMap<Role, Duration>,
}

impl Clocks {
    /// What the journal knows, at the beginning.
    pub(super) fn begin(&mut self, now: Timestamp, progress: &Progress) {
        self.began = Some(now);
        let done = progress.done.keys().map(|step| (step.clone(), progress.host_times.get(step).cloned()));
        self.earlier.extend(done);
    }

    /// A host was looked at.
    pub(super) fn looked(&mut self, host: &HostName, facts: &HostFacts, at: Timestamp) {
        let roles = [Role::Master, Role::Metalogger, Role::Chunkserver];
        let runs = roles.into_iter().filter_map(|role| Some((role, facts.runs_for(role)?))).collect();
        self.looked.insert(host.clone(), Looked { at, time: facts.time(), runs });
    }

    /// This process has done a step itself.
    pub(super) fn done(&mut self, step: &StepId) {
        self.earlier.remove(step);
    }
}

impl<H: Hosts, M: Master, C: Clock> Runner<'_, H, M, C> {
    /// So much time of a host passes in so much of the run's clock, and the other way round.
    fn of_host(&self, time: SignedDuration) -> Duration {
        Duration::try_from(time).unwrap_or_default().div_f64(self.clock.speed())
    }

    fn of_clock(&self, time: Duration) -> u64 {
        time.mul_f64(self.clock.speed()).as_secs()
    }

    /// What time it is on a host by its own uptime.
    pub(super) fn host_time(&self, host: &HostName) -> Option<HostTime> {
        let clocks = self.clocks.borrow();
        let looked = clocks.looked.get(host)?;
        let since = self.of_host(self.clock.now().duration_since(looked.at));
        looked.time.as_ref().map(|time| time.after(since))
    }

    /// Whether a look at it was read since this process began.
    pub(super) fn has_looked_at(&self, host: &HostName) -> bool {
        self.clocks.borrow().looked.contains_key(host)
    }

    /// How long ago `step` was done. Where a process before this one did it, its host is looked at.
    pub(super) async fn since_done(&self, host: &HostName, step: &Step) -> Result<Since, Failure> {
        let known = {
            let clocks = self.clocks.borrow();
            !clocks.earlier.contains_key(&step.id) || clocks.looked.contains_key(host)
        };
        if !known {
            self.look(host, step).await.map_err(|f| f.at(Some(&step.id), host))?;
        }
        Ok(self.since(host, step))
    }

    /// The same by what is known.
    fn since(&self, host: &HostName, step: &Step) -> Since {
        let now = self.clock.now();
        let at = self.done.borrow().get(&step.id).copied().unwrap_or(now);
        let told_s = now.duration_since(at).as_secs();
        let clocks = self.clocks.borrow();
        let Some(then) = clocks.earlier.get(&step.id) else { return Since::own(told_s) };
        let began = clocks.began.unwrap_or(now);
        let looked = clocks.looked.get(host);
        let since_look = looked.map(|looked| self.of_host(now.duration_since(looked.at))).unwrap_or_default();
        let time = looked.and_then(|looked| looked.time.as_ref());
        let by_host = then.as_ref().zip(time).map(|(then, time)| match time.since(then) {
            Some(passed) => ByHost::Exactly(self.of_clock(passed + since_look)),
            None => ByHost::AtLeast(self.of_clock(time.up() + since_look)),
        });
        let runs = match step.action.effect() {
            Effect::Starts(Start { role, .. }) => looked.and_then(|looked| looked.runs.get(role)),
            _ => None,
        };
        Since {
            told_s,
            earlier_s: Some(u64::try_from(now.duration_since(began).as_secs()).unwrap_or(0)),
            host: by_host,
            runs_s: runs.map(|runs| self.of_clock(*runs + since_look)),
        }
    }

    /// How much of a wait has passed for certain.
    pub(super) fn passed(&self, from: &[(&Track, &Step)]) -> u64 {
        let done = from.iter().filter(|(_, step)| self.is_done(&step.id));
        done.map(|(track, step)| self.laws.has_passed(&self.since(&track.host, step))).min().unwrap_or(0)
    }
}
