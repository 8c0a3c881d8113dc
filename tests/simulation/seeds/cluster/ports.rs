//! The executor's ports, onto this world.

use std::future::{pending, poll_fn};
use std::path::Path;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use futures_util::future::{Either, select};
use jiff::{SignedDuration, Timestamp};
use mfsupgrade::host::{AbsPath, HostName, Job};
use mfsupgrade::moosefs::Overview;
use mfsupgrade::run::ports::{Clock, Followed, Guard, Hosts, Master, NoAnswer, NotCopied, NotHeld, Outcome, Source};

use super::command::{Begun, sha256};
use super::{Cluster, EPOCH, show};
use crate::seeds::deed::Deed;
use crate::seeds::fact::Fact;
use crate::seeds::faults::Kind;
use crate::seeds::shape::ARCHIVE_SUM;

/// Milliseconds for which a job is followed at a time.
const FOLLOWED: i64 = 20_000;

/// No command of an upgrade may take as long, in milliseconds.
const LONGEST: i64 = 2 * 3600 * 1000;

/// Milliseconds after which a follower that says nothing is given up, and a copy of which nothing moves.
const FOLLOWER_HANGS: i64 = 90_000;
const COPY_HANGS: i64 = 120_000;

/// Milliseconds after which ssh gives a host up that does not answer.
const GIVEN_UP: i64 = 15_000;

impl Cluster {
    /// Reaches a host, as long as that takes. What ssh says where it does not, and whether something may have been sent. `limit`:
    /// milliseconds after which a connection that hangs is left.
    async fn reach(&self, host: usize, limit: i64) -> Result<(), bool> {
        let hangs = {
            let host = &mut self.state.borrow_mut().hosts[host];
            std::mem::take(&mut host.hangs) && std::mem::take(&mut host.held)
        };
        if hangs {
            self.pass(limit).await;
            return Err(true);
        }
        let latency = {
            let mut state = self.state.borrow_mut();
            let latency = state.scenario.pace.latency;
            let logging_in = if state.hosts[host].held { 0 } else { 5 * latency };
            state.random.between(1, latency + logging_in)
        };
        self.pass(latency).await;
        let held = {
            let mut state = self.state.borrow_mut();
            let now = state.now;
            let host = &mut state.hosts[host];
            let reachable = host.reachable(now);
            let held = std::mem::replace(&mut host.held, reachable);
            if reachable {
                return Ok(());
            }
            held
        };
        self.pass(GIVEN_UP).await;
        Err(held)
    }

    fn at(&self, host: &HostName) -> usize {
        let state = self.state.borrow();
        state.strays.get(host.as_str()).copied().unwrap_or_else(|| state.host(host.as_str()))
    }

    /// Something that is meant for a host is run where its name leads.
    fn sent(&self, host: &HostName) {
        let mut state = self.state.borrow_mut();
        if let Some(&at) = state.strays.get(host.as_str()) {
            let machine = state.hosts[at].name.clone();
            state.tell(Fact::Strayed { name: host.to_string(), machine });
        }
    }
}

impl Cluster {
    /// The job of this name on this host: as it stands, or begun now.
    async fn named(&self, host: usize, job: &Job, begin: bool) -> Result<usize, Followed> {
        let name = (host, job.folder.to_string());
        let known = self.state.borrow().named.get(&name).copied();
        if let Some(known) = known {
            let job = &mut self.state.borrow_mut().jobs[known];
            job.seen = job.ended.clone().map(Ok);
            return if job.alive || job.ended.is_some() { Ok(known) } else { Err(Followed::Died) };
        }
        if !begin {
            return Err(Followed::Never);
        }
        match self.begin(host, &job.script, LONGEST) {
            Begun::Job(begun) => {
                let mut state = self.state.borrow_mut();
                // what was lost on its way is unknown to the host
                if state.jobs[begun].fault != Some(Kind::LostBefore) {
                    state.named.insert(name, begun);
                }
                Ok(begun)
            }
            Begun::NotReached => {
                self.pass(GIVEN_UP).await;
                Err(Followed::Lost { reason: "connect to host: timed out".to_owned(), sent: false })
            }
            Begun::Killed => pending().await,
        }
    }
}

fn lost() -> Outcome {
    Outcome::Unknown { reason: "the connection was lost".to_owned() }
}

impl Hosts for Cluster {
    async fn run(&self, host: &HostName, script: &str, limit: Duration, line: &mut dyn FnMut(&str)) -> Outcome {
        let at = self.at(host);
        let look = Deed::look(script);
        if let Some(look) = look {
            let users = look.contains(show::USERS);
            self.state.borrow_mut().tell(Fact::Looked { host: host.to_string(), users });
        }
        match self.reach(at, limit.as_millis() as i64).await {
            Ok(()) => {}
            Err(true) => return lost(),
            Err(false) => return Outcome::NotStarted { reason: "connect to host: timed out".to_owned() },
        }
        if let Some(look) = look {
            let (output, latency) = {
                let mut state = self.state.borrow_mut();
                let output = state.look(at, look);
                let latency = state.scenario.pace.latency;
                (output, state.random.between(1, latency))
            };
            self.pass(latency).await;
            let state = self.state.borrow();
            return if state.hosts[at].reachable(state.now) { Outcome::Exited { code: 0, output } } else { lost() };
        }
        self.sent(host);
        let job = match self.begin(at, script, limit.as_millis() as i64) {
            Begun::Job(job) => job,
            Begun::NotReached => {
                self.pass(GIVEN_UP).await;
                return Outcome::NotStarted { reason: "connect to host: timed out".to_owned() };
            }
            Begun::Killed => pending().await,
        };
        let seen = poll_fn(|context| {
            let job = &mut self.state.borrow_mut().jobs[job];
            match job.seen.clone() {
                Some(seen) => Poll::Ready(seen),
                None => {
                    job.waker = Some(context.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await;
        match seen {
            Ok((code, output)) => {
                output.lines().for_each(line);
                Outcome::Exited { code, output }
            }
            Err(reason) => {
                self.state.borrow_mut().hosts[at].held = false;
                Outcome::Unknown { reason }
            }
        }
    }

    async fn follow(&self, host: &HostName, job: &Job, begin: bool, _: u64, line: &mut dyn FnMut(&str)) -> Followed {
        let at = self.at(host);
        // as with a look: who asks for a job that was begun before has begun with its host, whether it is reached or not
        if !begin {
            self.state.borrow_mut().tell(Fact::Looked { host: host.to_string(), users: false });
        }
        if let Err(sent) = self.reach(at, FOLLOWER_HANGS).await {
            return Followed::Lost { reason: "connect to host: timed out".to_owned(), sent };
        }
        if begin {
            self.sent(host);
        }
        let job = match self.named(at, job, begin).await {
            Ok(job) => job,
            Err(followed) => return followed,
        };
        let long = pin!(self.pass(FOLLOWED));
        let seen = pin!(poll_fn(|context| {
            let job = &mut self.state.borrow_mut().jobs[job];
            match job.seen.clone() {
                Some(seen) => Poll::Ready(seen),
                None => {
                    job.waker = Some(context.waker().clone());
                    Poll::Pending
                }
            }
        }));
        match select(seen, long).await {
            Either::Left((Ok((code, output)), _)) => {
                output.lines().for_each(line);
                Followed::Ended { code, output }
            }
            Either::Left((Err(reason), _)) => {
                self.state.borrow_mut().hosts[at].held = false;
                Followed::Lost { reason, sent: true }
            }
            Either::Right(_) => Followed::Running { output: String::new(), lines: 0 },
        }
    }

    async fn put(&self, host: &HostName, from: Source<'_>, to: &AbsPath) -> Result<(), NotCopied> {
        let at = self.at(host);
        self.reach(at, COPY_HANGS).await.map_err(|_| NotCopied::Lost("timed out".to_owned()))?;
        self.sent(host);
        let mut state = self.state.borrow_mut();
        let sum = match from {
            Source::File(_) => ARCHIVE_SUM.to_owned(),
            Source::Text(text) => sha256(text.as_bytes()),
        };
        let (cut_short, full) = (state.now < state.hosts[at].no_copies_until, state.hosts[at].disk_full);
        let sum = if cut_short || full { "0".repeat(64) } else { sum };
        state.hosts[at].files.insert(to.to_string(), sum);
        match (cut_short, full) {
            (true, _) => Err(NotCopied::Lost("the connection was lost".to_owned())),
            (false, true) => Err(NotCopied::Refused("No space left on device".to_owned())),
            (false, false) => Ok(()),
        }
    }

    async fn fetch(&self, host: &HostName, from: &AbsPath, _: &Path) -> Result<String, NotCopied> {
        let at = self.at(host);
        self.reach(at, COPY_HANGS).await.map_err(|_| NotCopied::Lost("timed out".to_owned()))?;
        let mut state = self.state.borrow_mut();
        if state.now < state.hosts[at].no_copies_until {
            return Err(NotCopied::Lost("the connection was lost".to_owned()));
        }
        let Some(copy) = state.hosts[at].copy else { return Err(NotCopied::Refused("no such file".to_owned())) };
        let file = from.as_str().rsplit('/').next().unwrap_or_default().to_owned();
        let equal = !state.copy_differs;
        let sum = if equal { sha256(format!("{copy} {file}").as_bytes()) } else { "0".repeat(64) };
        state.tell(Fact::Fetched { copy, file, equal });
        Ok(sum)
    }

    async fn done_with(&self, host: &HostName) {
        let at = self.at(host);
        self.state.borrow_mut().hosts[at].held = false;
    }
}

impl Cluster {
    async fn ask<T>(&self, ask: impl Fn(&super::State) -> Result<T, NoAnswer>) -> Result<T, NoAnswer> {
        let latency = {
            let mut state = self.state.borrow_mut();
            let latency = state.scenario.pace.latency;
            state.random.between(1, 2 * latency)
        };
        self.pass(latency).await;
        let answer = ask(&self.state.borrow());
        if answer.as_ref().is_err_and(|e| !e.reached) {
            self.pass(GIVEN_UP / 3).await;
        }
        answer
    }
}

impl Master for Cluster {
    async fn overview(&self) -> Result<Overview, NoAnswer> {
        self.ask(super::State::overview).await
    }

    async fn trial(&self, _: u16) -> Result<Overview, NoAnswer> {
        self.ask(super::State::trial_overview).await
    }
}

impl Guard for Cluster {
    fn held(&self) -> Result<(), NotHeld> {
        let state = self.state.borrow();
        match state.now < state.lock_silent_until {
            _ if state.lock_taken => Err(NotHeld::Taken("run other-1 has taken the cluster's lock".to_owned())),
            true => Err(NotHeld::Silent("no heartbeat was heard".to_owned())),
            false => Ok(()),
        }
    }
}

impl Clock for Cluster {
    fn now(&self) -> Timestamp {
        let state = self.state.borrow();
        let begun = EPOCH + state.scenario.into_the_hour + state.session_ahead;
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(begun) + SignedDuration::from_millis(state.now)
    }

    fn wall(&self) -> Timestamp {
        let state = self.state.borrow();
        let begun = EPOCH + state.scenario.into_the_hour + state.ahead;
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(begun) + SignedDuration::from_millis(state.now)
    }

    async fn sleep(&self, time: Duration) {
        self.pass(time.as_millis() as i64).await;
    }

    async fn between_looks(&self) {
        let ms = self.state.borrow().scenario.between_looks;
        self.pass(ms).await;
    }
}
