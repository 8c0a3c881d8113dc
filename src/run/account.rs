//! The account that a run gives of itself when it stops: what stands, how far the upgrade is, what is recorded.

use std::collections::HashMap;

use futures_util::future;
use futures_util::stream::{self, StreamExt};

use super::FailureKind;
use super::Runner;
use super::event::Event;
use super::failure::Failure;
use super::gate::named;
use super::ports::{Clock, Hosts, Master, NoAnswer};
use super::runner::Ending;
use super::standing::{Away, Health, Service, Standing};
use crate::check::health;
use crate::host::{AbsPath, HostName, Look};
use crate::journal::Record;
use crate::moosefs::Overview;
use crate::moosefs::daemon::Role;
use crate::schedule::Step;
use crate::step::{Effect, Mount};
use crate::words::count;

/// Hosts that are looked at at once.
const AT_ONCE: usize = 16;

impl<H: Hosts, M: Master, C: Clock> Runner<'_, H, M, C> {
    /// What the file system does while the run stands still, by a last look at the master; and mounts that were taken away.
    pub(super) async fn standing(&self) -> Standing {
        let service = match self.master_answers().await {
            Ok(overview) => {
                self.see_what_users_deleted(&overview).await;
                Service::Serves(self.health(&overview))
            }
            Err(NoAnswer { reason, reached: true }) => Service::Down(reason),
            Err(NoAnswer { reason, reached: false }) => Service::Unknown(reason),
        };
        let away = self.mounts_that_are_gone().await;
        Standing { service, away, reached: self.state() }
    }

    /// Every mount that was not made anew yet is looked at, also where the journal knows of nothing: a disk of this machine that lost
    /// the last record of a run lost with it that a mount was taken away.
    async fn mounts_that_are_gone(&self) -> Vec<Away> {
        let mut looks = Vec::new();
        for (_, track, step) in self.schedule.steps().filter(|(_, _, step)| !self.is_done(&step.id)) {
            let Effect::Mounts(Mount { mount, .. }) = step.action.effect() else { continue };
            let takes = |s: &&Step| matches!(s.action.effect(), Effect::Unmounts(taken) if taken.mount == *mount);
            let begun = |s: &Step| self.is_done(&s.id) || self.open.borrow().contains_key(&s.id);
            // on the way back a mount that is only made was away before: an upgrade has taken it
            let taken = track.steps.iter().find(takes).map_or(self.schedule.is_back(), begun);
            looks.push(self.mount_stands(&track.host, step, mount, taken));
        }
        stream::iter(looks).buffered(AT_ONCE).filter_map(future::ready).collect().await
    }

    /// The master's answer; none of a machine that only answers to its name.
    async fn master_answers(&self) -> Result<Overview, NoAnswer> {
        let master = self.schedule.hosts_of(Role::Master).next();
        // a name that nobody has looked behind may lead to a machine whose silence says nothing
        if let Some(host) = master.filter(|host| host.identity.is_some() && !self.has_looked_at(&host.name)) {
            let _ = self.look_once(&host.name, &Look::default()).await;
        }
        match master {
            Some(host) if self.machines.borrow().is_strange(&host.name) => {
                Err(NoAnswer { reason: format!("another machine answers as {}", host.name), reached: false })
            }
            // of one that could not be looked at nobody knows whose silence it is
            Some(host) if host.identity.is_some() && !self.has_looked_at(&host.name) => {
                self.master.overview().await.map_err(|silence| NoAnswer { reached: false, ..silence })
            }
            _ => self.master.overview().await,
        }
    }

    /// How the cluster is, by the last look at its master: whatever release each daemon is of.
    fn health(&self, overview: &Overview) -> Health {
        let baseline = self.baseline.borrow().accepting(self.schedule.accept_lost);
        let servers = self.schedule.chunkservers.iter().filter_map(|known| known.address);
        match (health::whole(overview, &baseline, servers), &overview.matrix) {
            (Ok(()), Some(_)) => Health::Healthy,
            (Ok(()), None) => Health::AsFarAsTold,
            (Err(reason), _) => Health::Not(named(self.schedule, reason)),
        }
    }

    /// What a look at the host says of a mount that is to be taken away and made anew. Nothing, if something is mounted, or if the
    /// host is not reached and nobody has `taken` the mount as far as is known.
    async fn mount_stands(&self, host: &HostName, step: &Step, mount: &AbsPath, taken: bool) -> Option<Away> {
        let away = |seen| Away { mount: mount.clone(), host: host.clone(), seen };
        match self.look_once(host, &step.action.look(self.schedule.admin_port)).await {
            Ok(now) if now.mount(mount.as_str()).is_some() => None,
            Ok(_) => Some(away(true)),
            Err(_) => taken.then(|| away(false)),
        }
    }

    /// How far the upgrade is, in a sentence.
    fn state(&self) -> String {
        let to = &self.schedule.to;
        let done = self.done.borrow();
        // in one walk over the schedule: of thousands of hosts there may be as many steps each
        let mut upgraded: HashMap<(&HostName, Role), bool> = HashMap::new();
        for (_, track, step) in self.schedule.steps() {
            if let Some(role) = step.action.effect().concerns() {
                *upgraded.entry((&track.host, role)).or_insert(true) &= done.contains_key(&step.id);
            }
        }
        let of = |role: Role, what: &str| {
            let hosts: Vec<_> = self.schedule.hosts_of(role).collect();
            // on the way back a host without a step never left the old release
            let without = self.schedule.is_back();
            let upgraded = hosts.iter().filter(|h| *upgraded.get(&(&h.name, role)).unwrap_or(&without)).count();
            format!("{upgraded} of {} on {to}", count(hosts.len(), what))
        };
        let mut parts = vec![of(Role::Master, "master")];
        if !self.schedule.is_back() && self.schedule.hosts_of(Role::Metalogger).next().is_some() {
            parts.push(of(Role::Metalogger, "metalogger"));
        }
        parts.extend([of(Role::Chunkserver, "chunkserver"), of(Role::Client, "client")]);
        parts.join(", ")
    }

    pub(super) async fn paused(&self) -> Ending {
        if let Err(failure) = self.record(Record::Paused { at: self.clock.now() }) {
            return self.failed(failure).await;
        }
        let state = self.standing().await.told(true);
        self.stands(&state);
        self.send(Event::Paused { state });
        Ending::Paused
    }

    /// For whoever asks later without a look at a host. A journal that cannot be written any more has been told of already.
    fn stands(&self, state: &str) {
        let _ = self.record(Record::Stands { at: self.clock.now(), state: state.to_owned() });
    }

    pub(super) async fn failed(&self, failure: Failure) -> Ending {
        let message = format!("{}: {}", failure.message, failure.told());
        let record = Record::Failed { step: failure.step.clone(), at: self.clock.now(), kind: failure.kind, message };
        // a journal that cannot be written is what may have stopped the run: it is said, and cannot be recorded
        let mut failure = failure;
        if let Err(second) = self.record(record)
            && failure.kind != FailureKind::Journal
        {
            failure.causes.extend(second.causes);
        }
        // what nobody knows the end of may still be at work; a master that is asked about may serve other files
        let known = failure.kind != FailureKind::Unknown && !failure.asks_about_metadata();
        let state = self.standing().await.told(known);
        self.stands(&state);
        self.send(Event::Failed { failure: failure.clone(), state: state.clone() });
        Ending::Failed(failure, state)
    }

    pub(super) async fn finished(&self) -> Ending {
        let evidence = self.state();
        if let Err(failure) = self.record(Record::Finished { at: self.clock.now(), evidence: evidence.clone() }) {
            return self.failed(failure).await;
        }
        self.send(Event::Finished { evidence });
        Ending::Finished
    }
}
