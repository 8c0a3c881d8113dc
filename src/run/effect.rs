//! The effect of one step: look, intent, command, look again until it shows (laws 4 and 5).

use std::time::Duration;

use jiff::Timestamp;
use semver::Version;

use super::FailureKind;
use super::Runner;
use super::ended::ended;
use super::event::Event;
use super::failure::{Failure, Remedy};
use super::ports::{Clock, Hosts, Master, Outcome};
use super::recognise::{NotSeen, is_another};
use super::runner::{LOOK_LIMIT, Stop};
use crate::host::{HostFacts, HostName, Look, Process};
use crate::journal::Record;
use crate::moosefs::daemon::Role;
use crate::schedule::{Step, Track};
use crate::step::{Effect, LONG_COMMAND, Start, Verdict};
use crate::words::human;

/// How often a host is looked at at least before it is said that an effect does not show: one whose answer took as long as that
/// may take has been asked once.
const LEAST_LOOKS: usize = 5;

/// How long mfsmount is tried again. A 1.6.23+ master refuses every mount until its first tick of 10 s, and for up to 12 of
/// them while more than 100 chunks are missing (`matoclserv.c`, start_cond_check); mfsmount then exits 1.
const MOUNT_PATIENCE: Duration = Duration::from_secs(150);

/// How long a lost host is tried again before the step's outcome is given as unknown.
pub(super) const RECONNECT: Duration = Duration::from_secs(120);

impl<H: Hosts, M: Master, C: Clock> Runner<'_, H, M, C> {
    pub(super) async fn step(&self, track: &Track, step: &Step) -> Result<(), Failure> {
        let host = &track.host;
        self.send(Event::StepStarted {
            step: step.id.clone(),
            host: host.clone(),
            what: step.action.describe(),
            commands: step.commands.clone(),
        });
        // it may go on for long, and a backup grows old meanwhile
        let earlier = self.found_again(host, step, step.action.limit()).await?;
        Box::pin(self.renew_backup(step)).await?;
        if step.action.ends_the_master() {
            self.count_once_more(host, step).await?;
        }
        let (found, evidence) = match step.action.effect() {
            Effect::CopiesMetadata(backup) => self.with_metadata(host, step, self.back_up(host, step, backup)).await?,
            Effect::TriesMetadata(trial) => self.with_metadata(host, step, self.try_out(host, step, trial)).await?,
            _ => match (step.action.script(), step.action.sends()) {
                (Some(script), _) => match self.effect(host, step, &script, earlier).await {
                    Ok(shown) => shown,
                    Err(failure) => return Err(self.undone(step, failure.at(Some(&step.id), host)).await),
                },
                // all of it is in what is sent
                (None, Some(_)) => self.effect(host, step, ":", None).await?,
                (None, None) => (false, String::new()),
            },
        };
        // an end that took long was no end for as long
        self.counts_grow_old(step);
        let mut evidence = vec![evidence];
        let last = track.steps.last().is_some_and(|last| last.id == step.id);
        if matches!(step.action.effect(), Effect::Looks) {
            // nothing that takes time comes between the last look at the cluster and the record of it
            self.sweep(host).await.map_err(|f| f.at(Some(&step.id), host))?;
            evidence.extend(self.look_everywhere(step).await?);
        }
        let master = self.new_master(host, step).await?;
        if let Some(gate) = &step.afterwards {
            match self.gate(gate, host, Some(&step.id), &|| false).await {
                Ok(green) => evidence.extend(green),
                Err(failure) => return Err(self.undone(step, failure).await),
            }
        }
        master.map_or(Ok(()), |master| self.known_by(master))?;
        evidence.retain(|e| !e.is_empty());
        let evidence = evidence.join("; ");
        if last && !matches!(step.action.effect(), Effect::Looks) {
            // before the record: where the journal says that a host is done, nothing of ours is left on it
            self.sweep(host).await.map_err(|f| f.at(Some(&step.id), host))?;
        }
        let (at, host_time) = (self.clock.now(), self.host_time(host));
        self.record(Record::Done { step: step.id.clone(), at, host_time, evidence: evidence.clone(), found })?;
        self.clocks.borrow_mut().done(&step.id);
        self.done.borrow_mut().insert(step.id.clone(), at);
        match found {
            true => drop(self.found.borrow_mut().insert(step.id.clone())),
            false => drop(self.found.borrow_mut().remove(&step.id)),
        }
        self.send(Event::StepDone { step: step.id.clone(), host: host.clone(), evidence, found });
        Ok(())
    }

    /// A mount that was refused has left nothing behind: a look showed that nothing is mounted.
    fn may_mount_again(&self, step: &Step, code: Option<i32>, begun: Timestamp) -> bool {
        matches!(step.action.effect(), Effect::Mounts(_))
            && code.is_some_and(|code| code != 0)
            && self.awake_since(begun) < MOUNT_PATIENCE.as_secs()
    }

    /// `earlier`: the exit code of this step's command that a process before this one began.
    async fn effect(
        &self,
        host: &HostName,
        step: &Step,
        script: &str,
        earlier: Option<i32>,
    ) -> Result<(bool, String), Failure> {
        self.effect_since(host, step, script, self.clock.awake(), earlier).await
    }

    /// A command whose end nobody saw is run again where that harms nothing.
    fn may_run_again(&self, step: &Step, code: Option<i32>, begun: Timestamp) -> bool {
        step.action.may_run_again() && code.is_none() && self.awake_since(begun) < LONG_COMMAND.as_secs()
    }

    /// Looks, records the intent, runs, and looks again until the effect shows. Whether it was found, and what shows it.
    async fn effect_since(
        &self,
        host: &HostName,
        step: &Step,
        script: &str,
        begun: Timestamp,
        earlier: Option<i32>,
    ) -> Result<(bool, String), Failure> {
        let to = &self.schedule.to;
        // asked once more with the intent; a silence is waited for here, so that the look is no older for it
        self.still_ours(step).await?;
        let before = self.look_when_free(host, step).await?;
        if let Verdict::Done(evidence) = self.laws.already(&step.action, to, &before) {
            return Ok((true, evidence));
        }
        self.still_stopped(step, &before)?;
        if before.daemon(Role::Master).is_none() && step.action.starts_the_master() {
            self.stands_still_since_counted();
        }
        self.counts_grow_old(step);
        if earlier == Some(0)
            && let Verdict::Done(evidence) = self.laws.still_shows(&step.action, to, &before)
        {
            return Ok((true, format!("{evidence}; its command ended with exit code 0 after the connection was gone")));
        }
        self.laws.allowed(&step.action, to, &before).map_err(|reason| refused(step, reason, to, &before))?;
        let at = self.intend(step).await?;
        self.bring(host, step).await?;
        let mut line = |line: &str| {
            self.send(Event::output(&step.id, host, line));
        };
        let (output, code) = match self.run_job((host, step, at), script, step.action.limit(), &mut line).await? {
            Outcome::Exited { code, output } => (output, Some(code)),
            Outcome::Unknown { reason } => {
                self.send(Event::Reconnecting { host: host.clone(), reason });
                (String::new(), None)
            }
            Outcome::NotStarted { reason } => {
                let message = format!("reach it to {}", step.action.describe());
                return Err(Failure::new(FailureKind::Unreachable, message, reason));
            }
        };
        if let Some(code) = code
            && self.laws.has_failed(&step.action, code)
        {
            let cause = ended(code);
            let failure = Failure::new(FailureKind::StepFailed, step.action.describe(), cause).with_output(&output);
            return Err(self.with_last_words(host, step, failure).await);
        }
        if self.may_run_again(step, code, begun) {
            let again = Box::pin(self.effect_since(host, step, script, begun, None)).await;
            return again.map_err(|f| if f.kind == FailureKind::Unreachable { unseen(step, code, f) } else { f });
        }
        match self.effect_shows(host, step, &before, code).await {
            Err(failure) if self.may_mount_again(step, code, begun) && failure.kind == FailureKind::StepFailed => {
                Box::pin(self.effect_since(host, step, script, begun, None)).await
            }
            Err(failure) => Err(self.with_last_words(host, step, failure.with_output(&output)).await),
            shown => shown,
        }
    }

    /// With what a daemon that was started and does not run told its host's log: in the background it has no other place. One
    /// look, which may fail: the log is no reason of its own.
    async fn with_last_words(&self, host: &HostName, step: &Step, failure: Failure) -> Failure {
        let (Effect::Starts(Start { role, .. }), FailureKind::StepFailed) = (step.action.effect(), failure.kind) else {
            return failure;
        };
        let look = Look { log: Some(*role), ..Look::default() };
        match self.look_once(host, &look).await {
            Ok(now) => failure.with_log(&now.logged),
            Err(_) => failure,
        }
    }

    /// A look at a host that need not be left alone for a moment.
    pub(super) async fn look_when_free(&self, host: &HostName, step: &Step) -> Result<HostFacts, Failure> {
        match self.when_free(host, step, &|| false).await {
            Ok((now, _)) => Ok(now),
            Err(Stop::Failure(failure)) => Err(failure),
            Err(Stop::Pause) => unreachable!("nobody pauses"),
        }
    }

    /// The same, and whether it was waited for. `pause` ends the waiting.
    pub(super) async fn when_free(
        &self,
        host: &HostName,
        step: &Step,
        pause: &dyn Fn() -> bool,
    ) -> Result<(HostFacts, bool), Stop> {
        let (begun, mut waited) = (self.clock.awake(), false);
        let most = step.action.hold_limit();
        loop {
            let now = self.look(host, step).await?;
            // simulated hosts have the real clock, however fast their time runs
            let clock = if self.simulated.is_some() { self.clock.now().as_second() } else { now.clock };
            let Some(reason) = self.laws.hold(&step.action, &self.schedule.to, &now, clock) else {
                return Ok((now, waited));
            };
            if pause() {
                return Err(Stop::Pause);
            }
            let passed = self.awake_since(begun);
            if passed >= most.as_secs() {
                let cause = format!("{reason}, for {} now", human(passed));
                return Err(Failure::new(FailureKind::StepFailed, step.action.describe(), cause).into());
            }
            let (left_s, of_s) = (most.as_secs() - passed, most.as_secs());
            self.send(Event::Waiting { host: host.clone(), what: reason, left_s, of_s });
            self.clock.between_looks().await;
            waited = true;
        }
    }

    /// Looks until the effect shows or the host has settled without it.
    async fn effect_shows(
        &self,
        host: &HostName,
        step: &Step,
        before: &HostFacts,
        code: Option<i32>,
    ) -> Result<(bool, String), Failure> {
        let (begun, mut looks) = (self.clock.awake(), 0);
        loop {
            let now = match self.look(host, step).await {
                Ok(now) => now,
                Err(failure) => return Err(unseen(step, code, failure)),
            };
            looks += 1;
            let reason = match self.laws.achieved(&step.action, &self.schedule.to, before, &now) {
                Verdict::Done(_) if code.is_none() && matches!(step.action.effect(), Effect::Installs(_)) => {
                    // the program is there, but whether all of the release is, nobody saw: resume installs it again
                    let cause = "the connection was lost during the installation; the program is in place, but the \
                                 rest of the release may be missing";
                    return Err(Failure::new(FailureKind::Unknown, "see the end of the installation", cause));
                }
                Verdict::Done(evidence) => return Ok((false, evidence)),
                Verdict::NotYet(reason) => reason,
            };
            let old = |p: &Process| p.role == Role::Master && p.version.as_ref() != Some(&self.schedule.to);
            if step.action.starts_the_master() && !now.processes.iter().any(old) {
                self.serves_not_yet();
            }
            let patience = if code.is_none() { RECONNECT } else { step.action.settles(&self.schedule.to, &now) };
            if looks >= LEAST_LOOKS && self.awake_since(begun) >= patience.as_secs() {
                if code.is_none() {
                    let message = format!("tell whether it could {}", step.action.describe());
                    let mut failure = Failure::new(FailureKind::Unknown, message, reason);
                    failure.causes.push("the connection was lost while the command ran, and it may still run".into());
                    return Err(failure);
                }
                let mut failure = Failure::new(FailureKind::StepFailed, step.action.describe(), reason);
                failure.causes.extend(code.map(ended));
                return Err(failure);
            }
            self.clock.between_looks().await;
        }
    }

    /// One look at a host; connections that are lost are made again for a while.
    pub(super) async fn look(&self, host: &HostName, step: &Step) -> Result<HostFacts, Failure> {
        let mut look = step.action.look(self.schedule.admin_port);
        // an installation of the run that is taken back may go on, whoever began it is gone: it would bring the new
        // programs once more
        look.jobs_in = step.action.undoes_an_installation().then(|| self.work_dir(host).join("jobs"));
        self.look_with(host, &look).await
    }

    /// One look, tried once.
    pub(super) async fn look_once(&self, host: &HostName, look: &Look) -> Result<HostFacts, NotSeen> {
        match self.hosts.run(host, &look.script(), LOOK_LIMIT, &mut |_| {}).await {
            Outcome::Exited { output, code } => {
                let facts = HostFacts::parse(&output)
                    .map_err(|e| NotSeen::Lost(format!("the look at it cannot be read: {e} (exit code {code})")))?;
                self.recognise(host, &facts)?;
                self.clocks.borrow_mut().looked(host, &facts, self.clock.now());
                Ok(facts)
            }
            Outcome::Unknown { reason } | Outcome::NotStarted { reason } => Err(NotSeen::Lost(reason)),
        }
    }

    /// The same for more than the step asks for.
    pub(super) async fn look_with(&self, host: &HostName, look: &Look) -> Result<HostFacts, Failure> {
        let begun = self.clock.awake();
        loop {
            let reason = match self.look_once(host, look).await {
                Ok(facts) => return Ok(facts),
                Err(NotSeen::Another(reason)) => return Err(is_another(host, reason)),
                Err(NotSeen::Lost(reason)) => reason,
            };
            if self.awake_since(begun) >= RECONNECT.as_secs() {
                let message = format!("look at the host within {}", human(RECONNECT.as_secs()));
                return Err(Failure::new(FailureKind::Unreachable, message, reason));
            }
            self.send(Event::Reconnecting { host: host.clone(), reason });
            self.clock.between_looks().await;
        }
    }
}

/// A step that may not be begun.
fn refused(step: &Step, reason: String, to: &Version, before: &HostFacts) -> Failure {
    let failure = Failure::new(FailureKind::StepFailed, step.action.describe(), reason);
    if step.action.lacks_old_program(to, before) { failure.with(Remedy::OldPrograms) } else { failure }
}

/// Whatever its exit code: an effect that nobody saw is unknown.
fn unseen(step: &Step, code: Option<i32>, look: Failure) -> Failure {
    let when = if code.is_none() { "while" } else { "after" };
    let message = format!("tell whether it could {}", step.action.describe());
    let cause = format!("the connection was lost {when} the command ran, and the host was not reached again");
    let mut failure = Failure::new(FailureKind::Unknown, message, cause);
    failure.causes.extend(look.causes);
    failure
}
