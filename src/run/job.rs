//! Commands as jobs on their host: a lost connection is made again and the command found again, so that it loses nothing and
//! nothing is run twice.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::FailureKind;
use super::Runner;
use super::effect::RECONNECT;
use super::event::Event;
use super::failure::Failure;
use super::ports::{Clock, Followed, Hosts, Master, NotHeld, Outcome};
use crate::host::said::{self, Text};
use crate::host::{AbsPath, HostName, Job, job};
use crate::journal::Record;
use crate::moosefs::daemon::Role;
use crate::schedule::Step;

/// The first wait before a lost host is tried again; each further one is twice as long.
const FIRST_BACK_OFF: Duration = Duration::from_secs(1);

/// And no longer than this.
const LONGEST_BACK_OFF: Duration = Duration::from_secs(15);

/// When a step was begun last.
#[derive(Debug, Clone, Copy)]
pub struct Begun {
    /// By the journal.
    pub at: Timestamp,
    /// Whether by a process before this one, and not looked for yet.
    pub earlier: bool,
}

impl<H: Hosts, M: Master, C: Clock> Runner<'_, H, M, C> {
    /// Records that a step's command is about to be run. When: that names its job, so no two tries of a step have the same,
    /// whatever the clock says.
    pub(super) async fn intend(&self, step: &Step) -> Result<Timestamp, Failure> {
        self.still_ours(step).await?;
        let last = self.open.borrow().get(&step.id).map(|begun| begun.at + SignedDuration::from_micros(1));
        let at = last.map_or(self.clock.now(), |last| last.max(self.clock.now()));
        self.record(Record::Intent { step: step.id.clone(), at })?;
        Ok(at)
    }

    /// Nothing is begun without the cluster's lock. One that is silent is waited for, as a host is that is lost.
    pub(super) async fn still_ours(&self, step: &Step) -> Result<(), Failure> {
        let (begun, mut tries) = (self.clock.awake(), 0);
        let message = || format!("{}: this run may have lost the cluster's lock", step.action.describe());
        loop {
            let reason = match self.laws.is_ours(self.guard.held()) {
                Ok(()) => return Ok(()),
                Err(NotHeld::Taken(cause)) => return Err(Failure::new(FailureKind::Locked, message(), cause)),
                Err(NotHeld::Silent(reason)) => reason,
            };
            if self.awake_since(begun) >= RECONNECT.as_secs() {
                return Err(Failure::new(FailureKind::Unreachable, message(), reason));
            }
            self.silent(reason);
            self.back_off(&mut tries).await;
        }
    }

    /// Says that the master, or the lock on its host, was not heard of.
    pub(super) fn silent(&self, reason: String) {
        if let Some(host) = self.schedule.hosts.iter().find(|h| h.roles.contains(&Role::Master)) {
            self.send(Event::Silent { host: host.name.clone(), reason });
        }
    }

    /// Runs `script` for a step that was intended `at`, and follows it to its end.
    pub(super) async fn run_job(
        &self,
        (host, step, at): (&HostName, &Step, Timestamp),
        script: &str,
        limit: Duration,
        line: &mut dyn FnMut(&str),
    ) -> Result<Outcome, Failure> {
        let job = self.job(host, step, at, script);
        let outcome = self.follow((host, step), &job, true, limit, line).await?;
        Ok(outcome.unwrap_or_else(|| Outcome::Unknown { reason: "the host knows nothing of its job".to_owned() }))
    }

    /// The command of this step that an earlier process began and did not see the end of: follows it to its end, so that
    /// nothing is begun beside it. `None`: there is none.
    pub(super) async fn found_again(
        &self,
        host: &HostName,
        step: &Step,
        limit: Duration,
    ) -> Result<Option<i32>, Failure> {
        let at = match self.open.borrow_mut().get_mut(&step.id) {
            Some(begun) if begun.earlier => {
                begun.earlier = false;
                begun.at
            }
            _ => return Ok(None),
        };
        let job = self.job(host, step, at, "");
        let mut line = |line: &str| {
            self.send(Event::output(&step.id, host, line));
        };
        match self.follow((host, step), &job, false, limit, &mut line).await? {
            Some(Outcome::Exited { code, .. }) => Ok(Some(code)),
            Some(Outcome::NotStarted { reason } | Outcome::Unknown { reason }) => {
                // whether it runs is not known: the look at the host that follows says what there is
                self.send(Event::Reconnecting { host: host.clone(), reason });
                Ok(None)
            }
            None => Ok(None),
        }
    }

    /// Waits for the end of what a process before this one has begun for `step`: that may take long, and whether it may be begun
    /// once more, by window and gate, is asked afterwards.
    pub(super) async fn outlast(&self, host: &HostName, step: &Step, limit: Duration) -> Result<(), Failure> {
        let Some(begun) = self.open.borrow().get(&step.id).copied().filter(|begun| begun.earlier) else {
            return Ok(());
        };
        let job = self.job(host, step, begun.at, "");
        let outcome = self.follow((host, step), &job, false, limit, &mut |_| {}).await?;
        if let (false, Some(begun)) =
            (matches!(outcome, Some(Outcome::Exited { .. })), self.open.borrow_mut().get_mut(&step.id))
        {
            begun.earlier = false;
        }
        Ok(())
    }

    /// Removes what the run's jobs have left on a host: nobody will ask for them again.
    pub(super) async fn sweep(&self, host: &HostName) -> Result<(), Failure> {
        let script = job::sweep(&self.work_dir(host), &self.run);
        let begun = self.clock.awake();
        let mut tries = 0;
        loop {
            let reason = match self.hosts.run(host, &script, RECONNECT, &mut |_| {}).await {
                Outcome::Exited { code: 0, .. } => return Ok(()),
                Outcome::Exited { output, .. } => {
                    let cause = output.trim().to_owned();
                    return Err(Failure::new(FailureKind::StepFailed, "remove the run's jobs from the host", cause));
                }
                Outcome::Unknown { reason } | Outcome::NotStarted { reason } => reason,
            };
            if self.awake_since(begun) >= RECONNECT.as_secs() {
                return Err(Failure::new(FailureKind::Unreachable, "remove the run's jobs from the host", reason));
            }
            self.send(Event::Reconnecting { host: host.clone(), reason });
            self.back_off(&mut tries).await;
            self.still_the_same(host).await?;
        }
    }

    /// Waits before a lost host is tried again, each time longer.
    pub(super) async fn back_off(&self, tries: &mut u32) {
        self.clock.sleep((FIRST_BACK_OFF * 2u32.pow((*tries).min(8))).min(LONGEST_BACK_OFF)).await;
        *tries += 1;
    }

    pub(super) fn work_dir(&self, host: &HostName) -> AbsPath {
        let host = self.schedule.hosts.iter().find(|h| h.name == *host);
        host.map_or_else(crate::schedule::default_work_dir, |h| h.work_dir.clone())
    }

    fn job(&self, host: &HostName, step: &Step, at: Timestamp, script: &str) -> Job {
        Job::new(&self.work_dir(host), &self.run, &step.id.0, at, script)
    }

    async fn follow(
        &self,
        (host, step): (&HostName, &Step),
        job: &Job,
        begin: bool,
        limit: Duration,
        line: &mut dyn FnMut(&str),
    ) -> Result<Option<Outcome>, Failure> {
        let begun = self.clock.awake();
        let (mut contact, mut sent, mut tries) = (begun, !begin, 0);
        // lines that were shown, and those of them that are in `output`: after a loss it is read anew from its beginning
        let (mut shown, mut lines, mut output) = (0, 0, Text::new(said::SHOWN_OUTPUT));
        loop {
            let mut at = lines;
            let mut new = |text: &str| {
                at += 1;
                if at > shown {
                    shown = at;
                    line(text);
                }
            };
            let reason = match self.hosts.follow(host, job, begin, lines, &mut new).await {
                Followed::Ended { code, output: rest } => {
                    output.push(&rest);
                    return Ok(Some(Outcome::Exited { code, output: output.into_string() }));
                }
                Followed::Running { output: rest, lines: seen } => {
                    output.push(&rest);
                    (lines, sent, tries, contact) = (seen, true, 0, self.clock.awake());
                    if self.awake_since(begun) >= limit.as_secs() {
                        let reason = format!("the command has not ended after {} s; it still runs", limit.as_secs());
                        return Ok(Some(Outcome::Unknown { reason }));
                    }
                    continue;
                }
                Followed::Died => {
                    let reason = "the command was killed on its host, or the host went down: its exit code is unknown";
                    return Ok(Some(Outcome::Unknown { reason: reason.to_owned() }));
                }
                Followed::Never if !begin => return Ok(None),
                Followed::Never => "another connection is just beginning the command".to_owned(),
                Followed::Refused { output } => {
                    let cause = output.trim().to_owned();
                    return Err(
                        Failure::new(FailureKind::StepFailed, step.action.describe(), cause).at(Some(&step.id), host)
                    );
                }
                Followed::Lost { reason, sent: maybe } => {
                    sent |= maybe;
                    lines = 0;
                    output.clear();
                    reason
                }
            };
            if self.awake_since(contact) >= RECONNECT.as_secs() {
                return Ok(Some(if sent { Outcome::Unknown { reason } } else { Outcome::NotStarted { reason } }));
            }
            self.send(Event::Reconnecting { host: host.clone(), reason });
            self.back_off(&mut tries).await;
            if begin {
                self.still_the_same(host).await?;
            }
        }
    }
}
