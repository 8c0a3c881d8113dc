//! Everything about the master's metadata: its copy, its way to this machine, its trial load, and what is done when a new
//! master has loaded other metadata.

use std::time::Duration;

use jiff::Timestamp;

use super::FailureKind;
use super::Runner;
use super::effect::RECONNECT;
use super::ended::ended;
use super::event::Event;
use super::failure::{Failure, Remedy};
use super::ports::{Clock, Hosts, Master, NoAnswer, NotCopied, NotHeld, Outcome, Source};
use crate::check::Counts;
use crate::check::health::master_runs;
use crate::check::metadata::{Metadata, metadata_is_no_older};
use crate::check::trial::{Limits, judge};
use crate::host::{FileText, HostName, Process, ProcessId};
use crate::journal::Record;
use crate::moosefs::Overview;
use crate::moosefs::daemon::Role;
use crate::rules::way_back;
use crate::schedule::Step;
use crate::step::{
    Backup, Copied, Effect, LONG_COMMAND, Sent, Start, StopMasterCommand, TrialFacts, TrialLoad, Verdict,
};
use crate::words::{count, human};

/// Older than this, backup and trial are made again before the old master goes.
const BACKUP_OLD: Duration = Duration::from_secs(3600);

/// How often they are made again before that is given up: a copy that is made behind a trial of an hour is younger.
const RENEWALS: usize = 3;

/// Older than this, a copy is made again before it is loaded for a trial.
const TRIAL_OF: Duration = Duration::from_secs(600);

/// How often a script is run again whose connection was lost.
const TRIES_AGAIN: usize = 3;

/// What is said of a master that runs in the place of one which was told to stop.
const ANOTHER_ONE: &str = "the master that had loaded it has ended with its host, and the one that a boot has started since is left \
                           alone: `resume` looks which metadata it serves";

impl<H: Hosts, M: Master, C: Clock> Runner<'_, H, M, C> {
    /// A backup or a trial: nothing on the host shows that it was made, so it is made again unless the journal knows it.
    pub(super) async fn with_metadata(
        &self,
        host: &HostName,
        step: &Step,
        make: impl Future<Output = Result<String, Failure>>,
    ) -> Result<(bool, String), Failure> {
        let before = self.look_when_free(host, step).await?;
        if let Verdict::Done(evidence) = self.laws.already(&step.action, &self.schedule.to, &before) {
            return Ok((true, evidence));
        }
        // what it wrote at its end stays where it is; one that comes up until its turn is copied then
        if self.schedule.is_back() && before.daemon(Role::Master).is_none() {
            return Ok((true, "no mfsmaster runs: there is nothing to copy".to_owned()));
        }
        self.laws
            .allowed(&step.action, &self.schedule.to, &before)
            .map_err(|reason| Failure::new(FailureKind::StepFailed, step.action.describe(), reason))?;
        Ok((false, make.await?))
    }

    pub(super) async fn try_out(&self, host: &HostName, step: &Step, trial: &TrialLoad) -> Result<String, Failure> {
        let told = self.try_load(host, step, trial).await;
        // whatever came of it, nothing of it stays
        let ended = self.run_believed(host, step, &trial.end.script(), false).await;
        let evidence = told?;
        ended?;
        Ok(evidence)
    }

    /// A backup and a trial that are long ago say little of the metadata that the old master will leave: they are made again
    /// before it goes. And a trial is made of a copy that is as new as can be.
    /// Whether any of it was made.
    pub(super) async fn renew_backup(&self, step: &Step) -> Result<bool, Failure> {
        if matches!(step.action.effect(), Effect::TriesMetadata(_)) {
            // one that is tried again is tried with a new copy: the live counts have gone on
            let again = self.open.borrow().contains_key(&step.id);
            return self.renew_once(step, if again { Duration::ZERO } else { TRIAL_OF }).await;
        }
        if !step.action.ends_the_master() {
            return Ok(false);
        }
        let limit = BACKUP_OLD;
        // a trial, or its end, may take so long that the copy before it has grown old again
        for renewed in 0..RENEWALS {
            if !self.renew_once(step, limit).await? {
                return Ok(renewed > 0);
            }
        }
        let cause = format!("no copy of the metadata could be made and tried within {}", human(limit.as_secs()));
        Err(Failure::new(FailureKind::StepFailed, step.action.describe(), cause))
    }

    /// Whether nothing was copied or tried, since there was nothing.
    fn was_found(&self, step: &Step) -> bool {
        self.found.borrow().contains(&step.id)
    }

    /// Makes again what comes before `step` and is older than `limit`. Whether there was any.
    async fn renew_once(&self, step: &Step, limit: Duration) -> Result<bool, Failure> {
        let mut renewed = false;
        for (_, track, earlier) in self.schedule.steps().take_while(|(_, _, s)| s.id != step.id) {
            let of_metadata = matches!(earlier.action.effect(), Effect::CopiesMetadata(_) | Effect::TriesMetadata(_));
            if !of_metadata || !self.is_done(&earlier.id) {
                continue;
            }
            let age_s = self.laws.age(&self.since_done(&track.host, earlier).await?);
            if self.laws.is_old(age_s, limit, self.was_found(earlier))
                && self.has_what_to_copy(&track.host, earlier).await?
            {
                self.step(track, earlier).await?;
                renewed = true;
            }
        }
        Ok(renewed)
    }

    /// Whether the master that goes runs, and alone: else there is nothing to copy. Its host is asked and not it, since a
    /// master that is silent for a moment is there all the same.
    async fn has_what_to_copy(&self, host: &HostName, step: &Step) -> Result<bool, Failure> {
        let now = self.look(host, step).await.map_err(|f| f.at(Some(&step.id), host))?;
        let mut masters = now.processes.iter().filter(|p| p.role == Role::Master).peekable();
        Ok(masters.peek().is_some() && masters.all(|p| p.version.as_ref() != Some(&self.schedule.to)))
    }

    pub(super) async fn back_up(&self, host: &HostName, step: &Step, backup: &Backup) -> Result<String, Failure> {
        let Backup { folder, command } = backup;
        let output = self.run_believed(host, step, &command.script(), true).await?;
        let failed = |cause: String| Failure::new(FailureKind::StepFailed, step.action.describe(), cause);
        let files = Copied::parse(&output)
            .ok_or_else(|| failed("what the host copied cannot be read".to_owned()).with_output(&output))?;
        for file in &files {
            let begun = self.clock.awake();
            let received = loop {
                match self.hosts.fetch(host, &folder.join(&file.name), &self.backup.join(&file.name)).await {
                    Ok(sum) => break sum,
                    Err(not) => self.copied_again(host, begun, not, &format!("copy {} off the host", file.name))?,
                }
                self.clock.between_looks().await;
            };
            if !self.laws.is_whole(&received, &file.sha256) {
                return Err(failed(format!(
                    "{} arrived with another checksum ({received}) than it has there ({})",
                    file.name, file.sha256
                )));
            }
        }
        let bytes: u64 = files.iter().map(|f| f.bytes).fold(0, u64::saturating_add);
        let here = self.backup.display();
        Ok(format!("{} ({bytes} bytes) in {folder} and here in {here}, checksums equal", count(files.len(), "file")))
    }

    async fn try_load(&self, host: &HostName, step: &Step, trial: &TrialLoad) -> Result<String, Failure> {
        let TrialLoad { port, reconnect_s, accept_long, accept_goal_one, .. } = *trial;
        let output = self.run_believed(host, step, &trial.command.script(), true).await?;
        let failed = |cause: String| Failure::new(FailureKind::StepFailed, step.action.describe(), cause);
        let facts = TrialFacts::parse(&output)
            .ok_or_else(|| failed("what the trial load told cannot be read".to_owned()).with_output(&output))?;
        // one that loads is reached and does not listen yet
        let silent = |which: &str, silence: NoAnswer| {
            let what = if silence.reached { "does not answer" } else { "could not be asked" };
            failed(format!("the {which} master {what}: {}", silence.reason))
        };
        let live = self.asked(RECONNECT, |_| false, async || self.master.overview().await).await;
        let live = live.map_err(|silence| silent("live", silence))?;
        let loaded = self.asked(RECONNECT, |_| false, async || self.master.trial(port).await).await;
        let loaded = loaded.map_err(|silence| silent("trial", silence))?;
        let stands_still_s = self.schedule.stands_still_s();
        let line = self.schedule.line();
        let limits = Limits { line, to: &self.schedule.to, reconnect_s, accept_long, accept_goal_one, stands_still_s };
        judge(&facts, &loaded, &live, &limits).map_err(|unfit| {
            let mut failure = failed(unfit.to_string());
            failure.causes.push("the old master was not touched".to_owned());
            if unfit.can_be_acknowledged() { failure.with(Remedy::Acknowledge) } else { failure }
        })
    }

    /// What a master says. One that is silent is asked again within `patience`; `enough`: whether a silence says all there is to
    /// say.
    async fn asked<T>(
        &self,
        patience: Duration,
        enough: impl Fn(&NoAnswer) -> bool,
        ask: impl AsyncFn() -> Result<T, NoAnswer>,
    ) -> Result<T, NoAnswer> {
        let begun = self.clock.awake();
        loop {
            match ask().await {
                Err(silence) if !enough(&silence) && self.awake_since(begun) < patience.as_secs() => {
                    self.silent(silence.reason);
                }
                told => return told,
            }
            self.clock.between_looks().await;
        }
    }

    /// Runs a script whose exit code counts, and gives what it printed. Where nobody saw its end it is run again: it begins by
    /// removing what an earlier one has left. `as_job`: it takes long, and outlives its connection.
    async fn run_believed(&self, host: &HostName, step: &Step, script: &str, as_job: bool) -> Result<String, Failure> {
        // what is for this program alone has tabs in it
        let mut line = |line: &str| {
            if !line.contains('\t') {
                self.send(Event::output(&step.id, host, line));
            }
        };
        let what = step.action.describe();
        let mut tries = 0;
        let outcome = loop {
            let outcome = match as_job {
                true => {
                    let at = self.intend(step).await?;
                    self.bring(host, step).await?;
                    self.run_job((host, step, at), script, LONG_COMMAND, &mut line).await?
                }
                false => self.hosts.run(host, script, LONG_COMMAND, &mut line).await,
            };
            match &outcome {
                Outcome::Unknown { reason } if tries < TRIES_AGAIN => {
                    self.send(Event::Reconnecting { host: host.clone(), reason: reason.clone() });
                }
                _ => break outcome,
            }
            tries += 1;
            self.look_when_free(host, step).await?;
        };
        match outcome {
            Outcome::Exited { code: 0, output } => Ok(output),
            Outcome::Exited { code, output } => {
                let cause = ended(code);
                Err(Failure::new(FailureKind::StepFailed, what, cause).with_output(&output))
            }
            Outcome::Unknown { reason } => {
                let mut failure = Failure::new(FailureKind::Unknown, format!("tell whether it could {what}"), reason);
                failure.causes.push("nothing that runs was touched by it; resume does it again".to_owned());
                Err(failure)
            }
            Outcome::NotStarted { reason } => {
                Err(Failure::new(FailureKind::Unreachable, format!("reach it to {what}"), reason))
            }
        }
    }

    /// Puts what a step needs onto the host: a file that is copied, the text of a configuration file.
    pub(super) async fn bring(&self, host: &HostName, step: &Step) -> Result<(), Failure> {
        let Some((sent, to)) = step.action.sends() else { return Ok(()) };
        let source = match sent {
            Sent::File(from) => Source::File(from),
            Sent::Text(text) => self.whole(step, text)?,
        };
        let begun = self.clock.awake();
        loop {
            let Err(not) = self.hosts.put(host, source, &to).await else { return Ok(()) };
            match not {
                // a file of the plan, and not the state folder
                NotCopied::Here(reason) => {
                    return Err(Failure::new(FailureKind::StepFailed, step.action.describe(), reason));
                }
                not => self.copied_again(host, begun, not, &format!("copy to {to}"))?,
            }
            self.clock.between_looks().await;
            self.still_the_same(host).await?;
        }
    }

    /// A text to be sent, of which JSON keeps no passwords.
    fn whole<'t>(&self, step: &Step, text: &'t FileText) -> Result<Source<'t>, Failure> {
        let missing = || Failure::new(FailureKind::Journal, step.action.describe(), "the run has not kept its text");
        text.to_send().map(Source::Text).ok_or_else(missing)
    }

    /// A connection that was lost is made again for a while; a host or a disk that says no is believed.
    fn copied_again(&self, host: &HostName, begun: Timestamp, not: NotCopied, what: &str) -> Result<(), Failure> {
        let (kind, reason) = match not {
            NotCopied::Lost(reason) if self.awake_since(begun) < RECONNECT.as_secs() => {
                self.send(Event::Reconnecting { host: host.clone(), reason });
                return Ok(());
            }
            NotCopied::Lost(reason) => (FailureKind::Unreachable, reason),
            NotCopied::Refused(reason) => (FailureKind::StepFailed, reason),
            NotCopied::Here(reason) => (FailureKind::Journal, reason),
        };
        Err(Failure::new(kind, what, reason))
    }

    /// The counts of the last moment before the old master goes, and how many changes it has written: what its successor is
    /// held to. A new one that runs already is held to them too, and is no measure for itself. Nor is a chunkserver that is
    /// away just then: it keeps what it had.
    pub(super) async fn count_once_more(&self, host: &HostName, step: &Step) -> Result<(), Failure> {
        let overview = self.overview_within(RECONNECT).await;
        let now = self.look(host, step).await.map_err(|f| f.at(Some(&step.id), host))?;
        let news = {
            let baseline = self.baseline.borrow();
            let of_the_old = overview.ok().filter(|overview| master_runs(overview, &self.schedule.to).is_err());
            if of_the_old.is_some() {
                self.counted_just_now();
            }
            let old = |p: &Process| p.role == Role::Master && p.version.as_ref() != Some(&self.schedule.to);
            // where none runs, what lies there is what its successor will load
            let none = now.daemon(Role::Master).is_none() && now.metaversion().is_some();
            let written = now.least_metaversion().filter(|_| none || now.processes.iter().any(old));
            baseline.written(of_the_old.and_then(|overview| baseline.recount(&overview)), written)
        };
        news.map_or(Ok(()), |counts| self.learn(counts))
    }

    /// What the master says. A host that was reached, and on which nothing serves, has said so.
    pub(super) async fn overview_within(&self, patience: Duration) -> Result<Overview, NoAnswer> {
        self.asked(patience, |silence| silence.reached, async || self.master.overview().await).await
    }

    /// A cluster that was just seen whole is what later looks are held against, those of a resumed run too.
    pub(super) fn counted(&self, overview: &Overview) -> Result<(), Failure> {
        let news = self.baseline.borrow().news(overview);
        if let Some(counts) = news {
            self.record(Record::Counted { at: self.clock.now(), counts })?;
        }
        self.baseline.borrow_mut().refresh(overview);
        Ok(())
    }

    pub(super) fn learn(&self, counts: Counts) -> Result<(), Failure> {
        self.baseline.borrow_mut().learn(&counts);
        self.record(Record::Counted { at: self.clock.now(), counts })
    }

    /// The process that a master's start has brought, before its gate: what the gate then sees is known by it. One that has
    /// loaded older metadata is stopped before anybody asks it anything.
    pub(super) async fn new_master(&self, host: &HostName, step: &Step) -> Result<Option<ProcessId>, Failure> {
        if !step.action.starts_the_master() {
            return Ok(None);
        }
        let now = self.look(host, step).await.map_err(|f| f.at(Some(&step.id), host))?;
        let older = metadata_is_no_older(now.metaversion(), &self.baseline.borrow());
        match older {
            Ok(()) => Ok(now.process_id(Role::Master)),
            Err(_) if self.accepts_older(now.metaversion())? => Ok(now.process_id(Role::Master)),
            Err(reason) => {
                let failure = Failure::new(FailureKind::StepFailed, step.action.describe(), reason);
                Err(self.undone(step, failure.at(Some(&step.id), host)).await)
            }
        }
    }

    /// The gate was green: what is counted now is known by this process.
    pub(super) fn known_by(&self, master: ProcessId) -> Result<(), Failure> {
        let counts = self.baseline.borrow().known_by(master);
        self.learn(counts)
    }

    /// Stops a new master that has loaded other metadata, for `reason`.
    pub(super) async fn stopped_again(&self, step: &Step, failure: Failure, reason: String) -> Failure {
        let Effect::Starts(Start { role: Role::Master, prefix, .. }) = step.action.effect() else { return failure };
        let Some(host) = failure.host.clone() else { return failure };
        let mut failure = failure;
        if !failure.causes.contains(&reason) {
            failure.causes.push(reason);
        }
        // silence holds nobody up here: while nothing is heard of the lock, the wrong master deletes chunks
        if let Err(NotHeld::Taken(by)) = self.guard.held() {
            let cause = format!("the new master was NOT stopped, since the cluster's lock is another run's now: {by}");
            failure.causes.push(format!("{cause}; {}", way_back::METADATA));
            return failure.with(Remedy::NewestMetadata);
        }
        let seen = self.look(&host, step).await;
        let judged = seen.as_ref().ok().and_then(|now| now.process_id(Role::Master));
        let stop = if self.schedule.is_back() {
            // no option of a 1.5 program is safe: its process is told
            match seen {
                Ok(now) => now.daemon(Role::Master).map_or_else(|| ":".to_owned(), |p| format!("kill {}", p.pid)),
                Err(_) => return failure,
            }
        } else {
            let patience = self.schedule.line().takeover_patience(&self.schedule.to);
            StopMasterCommand { prefix: prefix.clone(), patience }.script()
        };
        let mut output = |line: &str| {
            self.send(Event::output(&step.id, &host, line));
        };
        // every second counts: where nobody heard its end, and the master is there, it is told again
        let begun = self.clock.awake();
        while !matches!(self.hosts.run(&host, &stop, LONG_COMMAND, &mut output).await, Outcome::Exited { .. })
            && self.awake_since(begun) < RECONNECT.as_secs()
            && let Ok(now) = self.look(&host, step).await
            && now.daemon(Role::Master).is_some()
        {
            // where its host was booted, another one may serve the right metadata
            if now.process_id(Role::Master) != judged
                && !matches!(self.serves(&host, step, RECONNECT).await, Some(Metadata::Other(_)))
            {
                failure.causes.push(ANOTHER_ONE.to_owned());
                return failure;
            }
            self.clock.between_looks().await;
        }
        failure.causes.push(match self.look(&host, step).await {
            Ok(now) if now.daemon(Role::Master).is_none() => {
                format!("the new master was stopped again; {}", way_back::METADATA)
            }
            _ => format!("the new master was told to stop and STILL RUNS: stop it; {}", way_back::METADATA),
        });
        failure.with(Remedy::NewestMetadata)
    }
}
