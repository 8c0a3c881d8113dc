//! Whether what answers to a host's name is the machine that the run knows by it: asked at every look, so that nothing is run
//! where nobody has looked.

use std::collections::{BTreeMap, BTreeSet};

use super::FailureKind;
use super::Runner;
use super::failure::Failure;
use super::ports::{Clock, Hosts, Master};
use crate::host::identity::{Identity, another};
use crate::host::{HostFacts, HostName, Look};
use crate::journal::Progress;
use crate::moosefs::daemon::Role;
use crate::schedule::Schedule;

/// What is to be done about another machine.
pub const WAY_ON: &str = "nothing was run on it; once the name leads to the known machine again, `resume` goes on; where that was \
                      replaced or renamed for good, begin a new upgrade, which looks at all hosts anew";

/// What the hosts of a run said of themselves when they were seen last.
#[derive(Debug, Default)]
pub struct Machines {
    known: BTreeMap<HostName, Identity>,
    /// Names at which another machine answered when they were looked at last.
    strange: BTreeSet<HostName>,
}

impl Machines {
    /// By the schedule, and by what the journal knows of later boots. An older schedule knows none.
    #[must_use]
    pub fn of(schedule: &Schedule, progress: &Progress) -> Self {
        let known = schedule.hosts.iter().filter_map(|host| Some((host.name.clone(), host.identity.clone()?)));
        let mut known: BTreeMap<_, _> = known.collect();
        let mut told: BTreeMap<&HostName, jiff::Timestamp> = BTreeMap::new();
        for (_, track, step) in schedule.steps() {
            let (Some(time), Some(at)) = (progress.host_times.get(&step.id), progress.done.get(&step.id)) else {
                continue;
            };
            if let Some(identity) = known.get_mut(&track.host)
                && told.get(&track.host).is_none_or(|last| last <= at)
            {
                identity.boot.clone_from(&time.boot);
                told.insert(&track.host, *at);
            }
        }
        Self { known, strange: BTreeSet::new() }
    }

    /// Why what was seen under the name of `host` is another machine.
    #[must_use]
    pub fn another(&self, host: &HostName, seen: &HostFacts) -> Option<String> {
        another(host, &Identity::of(seen), &self.known)
    }

    /// Whether another machine answered at this name when it was looked at last.
    pub(super) fn is_strange(&self, host: &HostName) -> bool {
        self.strange.contains(host)
    }

    /// It is the one, and may have been booted.
    fn is(&mut self, host: &HostName, seen: &HostFacts) {
        self.strange.remove(host);
        if let Some(known) = self.known.get_mut(host) {
            let now = Identity::of(seen);
            known.boot = now.boot;
            if !now.addresses.is_empty() {
                known.addresses = now.addresses;
            }
        }
    }
}

/// Why a host was not seen.
pub(super) enum NotSeen {
    /// It was not reached, or its answer cannot be read.
    Lost(String),
    /// What answers is not this host.
    Another(String),
}

impl NotSeen {
    pub(super) fn reason(self) -> String {
        match self {
            Self::Lost(reason) | Self::Another(reason) => reason,
        }
    }
}

impl<H: Hosts, M: Master, C: Clock> Runner<'_, H, M, C> {
    pub(super) fn recognise(&self, host: &HostName, seen: &HostFacts) -> Result<(), NotSeen> {
        let another = self.machines.borrow().another(host, seen);
        if let Some(reason) = self.laws.is_another(another) {
            self.machines.borrow_mut().strange.insert(host.clone());
            return Err(NotSeen::Another(reason));
        }
        self.machines.borrow_mut().is(host, seen);
        Ok(())
    }

    /// A connection to `host` was lost, and the next one may lead elsewhere: looked at before anything is run once more. One that
    /// is not reached is none of this question's.
    pub(super) async fn still_the_same(&self, host: &HostName) -> Result<(), Failure> {
        match self.look_once(host, &Look::default()).await {
            Err(NotSeen::Another(reason)) => Err(is_another(host, reason)),
            _ => Ok(()),
        }
    }

    /// The master's host, before anybody is asked what it knows.
    pub(super) async fn the_master_is_known(&self) -> Result<(), Failure> {
        match self.schedule.hosts.iter().find(|host| host.roles.contains(&Role::Master)) {
            Some(host) if host.identity.is_some() => self.still_the_same(&host.name).await,
            _ => Ok(()),
        }
    }
}

pub(super) fn is_another(host: &HostName, reason: String) -> Failure {
    let message = format!("reach the machine that this run knows as {host}");
    let mut failure = Failure::new(FailureKind::Unreachable, message, reason).at(None, host);
    failure.causes.push(WAY_ON.to_owned());
    failure
}
