//! The account that a run gives of itself when it stops: what stands, how far the upgrade is, what is recorded.

use super::Runner;
use super::event::Event;
use super::failure::{Failure, FailureKind};
use super::ports::{Clock, Hosts, Master, NoAnswer, Outcome};
use super::runner::{Ending, LOOK_LIMIT};
use super::step;
use crate::host::{AbsPath, HostFacts, HostName};
use crate::journal::Record;
use crate::moosefs::daemon::Role;
use crate::schedule::{Action, Step, count};

impl<H: Hosts, M: Master, C: Clock> Runner<'_, H, M, C> {
    /// What the file system does while the run stands still, by a last look at the master; and mounts that were taken away.
    pub(super) async fn standing(&self) -> String {
        let mut parts = Vec::new();
        match self.master.overview().await {
            Ok(_) => {}
            Err(NoAnswer { reason, reached: true }) => {
                parts.push(format!("THE FILE SYSTEM IS DOWN: the master does not answer ({reason})"));
            }
            Err(NoAnswer { reason, reached: false }) => {
                parts.push(format!("whether the file system is up cannot be told from here ({reason})"));
            }
        }
        for (_, track, step) in self.schedule.steps() {
            if let Action::Mount { mount, .. } = &step.action {
                let begun = |s: &&Step| self.is_done(&s.id) || self.open.borrow().contains_key(&s.id);
                let unmount =
                    track.steps.iter().find(|s| matches!(&s.action, Action::Unmount { mount: m, .. } if m == mount));
                // on the way back a mount that is only made was away before: an upgrade has taken it
                let away = unmount.as_ref().map_or(self.schedule.is_back(), begun);
                if away && !self.is_done(&step.id) {
                    parts.extend(self.mount_stands(&track.host, step, mount).await);
                }
            }
        }
        parts.push(self.state());
        parts.join("; ")
    }

    /// What a look at the host says of a mount that was to be taken away and made anew. Nothing, if something is mounted.
    async fn mount_stands(&self, host: &HostName, step: &Step, mount: &AbsPath) -> Option<String> {
        let script = step::look(&step.action, self.schedule).script();
        let seen = match self.hosts.run(host, &script, LOOK_LIMIT, &mut |_| {}).await {
            Outcome::Exited { output, .. } => HostFacts::parse(&output).ok(),
            Outcome::Unknown { .. } | Outcome::NotStarted { .. } => None,
        };
        let Some(now) = seen else {
            let below = "if it is not, what writes there writes below it";
            return Some(format!("whether {mount} is mounted on {host} cannot be told from here: {below}"));
        };
        let gone = now.mount(mount.as_str()).is_none();
        gone.then(|| format!("{mount} IS NOT MOUNTED on {host}: what writes there writes below it"))
    }

    /// How far the upgrade is, in a sentence.
    fn state(&self) -> String {
        let to = &self.schedule.to;
        let done = self.done.borrow();
        let of = |role: Role, what: &str| {
            let hosts: Vec<_> = self.schedule.hosts_of(role).collect();
            let upgraded = hosts
                .iter()
                .filter(|h| {
                    let mut last = self
                        .schedule
                        .steps()
                        .filter(|(_, t, s)| t.host == h.name && concerns(&s.action, role))
                        .peekable();
                    // on the way back a host without a step never left the old release
                    (last.peek().is_some() || self.schedule.is_back()) && last.all(|(_, _, s)| done.contains_key(&s.id))
                })
                .count();
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
        self.send(Event::Paused { state: self.standing().await });
        Ending::Paused
    }

    pub(super) async fn failed(&self, failure: Failure) -> Ending {
        let message = std::iter::once(&failure.message).chain(&failure.causes).cloned().collect::<Vec<_>>().join(": ");
        let record = Record::Failed { step: failure.step.clone(), at: self.clock.now(), kind: failure.kind, message };
        // a journal that cannot be written is what may have stopped the run: it is said, and cannot be recorded
        let mut failure = failure;
        if let Err(second) = self.record(record)
            && failure.kind != FailureKind::Journal
        {
            failure.causes.extend(second.causes);
        }
        let state = self.standing().await;
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

fn concerns(action: &Action, role: Role) -> bool {
    match action {
        Action::Start { role: of, .. } => *of == role,
        Action::Mount { .. } => role == Role::Client,
        _ => false,
    }
}
