//! The walk: stage by stage, track by track, step by step.
//!
//! Every step is intent, effect, postcondition, done (law 5); a step whose effect is there already is found and not run;
//! after a failure no further host is touched (law 6).

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use jiff::Timestamp;

use super::event::{Event, EventSink, FORMAT, Stamped};
use super::failure::{Failure, FailureKind};
use super::gate;
use super::ports::{Clock, Hosts, Master, NoAnswer, Outcome};
use super::step::{self, Verdict};
use crate::check::Baseline;
use crate::host::{Command, HostFacts, HostName};
use crate::journal::{JournalSink, Progress, Record};
use crate::moosefs::daemon::Role;
use crate::schedule::{Action, Gate, Schedule, Stage, Step, StepId, Track, Wait, count};

/// How long a host may show nothing of a step's effect after its command has ended: processes, mounts and files are there
/// at once or after a moment; only what the *cluster* shows takes long, and gates have their own times.
const SETTLE: Duration = Duration::from_secs(15);

/// How long a command may take before its outcome is given as unknown. A daemon's start includes the old one's saving and,
/// in 1.6.9 to 1.6.25, the scan of its disks; an installation includes what a package manager fetches.
const LONG_COMMAND: Duration = Duration::from_secs(2 * 3600);

/// The same for `umount` and `mfsmount`.
const MOUNT_COMMAND: Duration = Duration::from_secs(5 * 60);

/// A look reads `/proc` and a few files: a host that takes longer is not well.
pub const LOOK_LIMIT: Duration = Duration::from_secs(60);

/// How long a master's hourly save is waited for.
const HOLD: Duration = Duration::from_secs(30 * 60);

/// How long mfsmount is tried again. A 1.6.23+ master refuses every mount until its first tick of 10 s, and for up to 12 of
/// them while more than 100 chunks are missing (`matoclserv.c`, start_cond_check); mfsmount then exits 1.
const MOUNT_PATIENCE: Duration = Duration::from_secs(150);

/// How long a lost host is tried again before the step's outcome is given as unknown.
const RECONNECT: Duration = Duration::from_secs(120);

/// How a walk ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The target is reached, and a last look showed it.
    Finished,
    /// Stopped as asked, before a step.
    Paused,
    /// Stopped, and what holds in the meantime.
    Failed(Failure, String),
}

/// Why a track goes no further.
enum Stop {
    Failure(Failure),
    Pause,
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

/// A walk over one schedule.
pub struct Runner<'a, H, M, C> {
    /// What is walked. Compiled with an observation.
    pub schedule: &'a Schedule,
    /// What the cluster was like when it was last seen whole.
    pub baseline: RefCell<Baseline>,
    /// The run's name.
    pub run: String,
    /// What of it is simulated, for every display.
    pub simulated: Option<String>,
    /// The hosts.
    pub hosts: &'a H,
    /// The master.
    pub master: &'a M,
    /// Time.
    pub clock: &'a C,
    /// Records.
    pub journal: RefCell<&'a mut dyn JournalSink>,
    /// Displays.
    pub events: &'a dyn EventSink,
    /// Set from outside: stop before the next step at which that is safe.
    pub pause: &'a AtomicBool,
    /// Steps done, with when; filled from the journal on a resumed run.
    pub done: RefCell<HashMap<StepId, Timestamp>>,
    /// Steps begun before this process and not known to be done.
    pub open: RefCell<HashSet<StepId>>,
}

impl<H: Hosts, M: Master, C: Clock> Runner<'_, H, M, C> {
    /// Walks the schedule from the first step that is not done.
    pub async fn walk(&self, progress: &Progress) -> Ending {
        self.done.borrow_mut().extend(progress.done.iter().map(|(k, v)| (k.clone(), *v)));
        self.open.borrow_mut().extend(progress.open.iter().cloned());
        let steps = self.schedule.steps().count();
        self.send(Event::RunStarted {
            format: FORMAT,
            run: self.run.clone(),
            steps,
            done: self.done.borrow().len(),
            simulated: self.simulated.clone(),
        });
        for stage in &self.schedule.stages {
            match self.stage(stage).await {
                Ok(()) => {}
                Err(Stop::Pause) => return self.paused().await,
                Err(Stop::Failure(failure)) => return self.failed(failure).await,
            }
        }
        self.finished().await
    }

    async fn stage(&self, stage: &Stage) -> Result<(), Stop> {
        if stage.tracks.iter().all(|t| self.track_is_done(t)) {
            return Ok(());
        }
        self.send(Event::StageStarted {
            phase: stage.phase,
            title: stage.title.clone(),
            hosts: stage.tracks.len(),
            done: stage.tracks.iter().filter(|t| self.track_is_done(t)).count(),
        });
        let first = &stage.tracks[0].host;
        self.pause_point(&stage.tracks[0])?;
        let mut touched = false;
        for track in &stage.tracks {
            touched = touched || self.is_touched(track).await?;
        }
        if !touched {
            if let Some(wait) = &stage.wait {
                self.wait(wait, first, &stage.tracks[0]).await?;
            }
            if let Some(gate) = &stage.gate {
                self.gate_before(gate, &stage.tracks[0]).await?;
            }
        }
        let mut waiting = stage.tracks.iter().filter(|t| !self.track_is_done(t));
        let mut running: FuturesUnordered<_> = waiting.by_ref().take(stage.parallel).map(|t| self.named(t)).collect();
        let mut stop = None;
        while let Some((track, result)) = running.next().await {
            if result.is_ok() {
                let done = stage.tracks.iter().filter(|t| self.track_is_done(t)).count();
                self.send(Event::HostDone { host: track.host.clone(), done, of: stage.tracks.len() });
            }
            // those that run come to the end of their host; no further host is begun
            match (result, &stop) {
                (Err(first), None) => stop = Some(first),
                (Err(Stop::Failure(failure)), Some(Stop::Pause)) => stop = Some(Stop::Failure(failure)),
                _ => {}
            }
            if stop.is_none()
                && let Some(next) = waiting.next()
            {
                running.push(self.named(next));
            }
        }
        stop.map_or(Ok(()), Err)
    }

    async fn named<'t>(&self, track: &'t Track) -> (&'t Track, Result<(), Stop>) {
        (track, self.track(track).await)
    }

    async fn track(&self, track: &Track) -> Result<(), Stop> {
        self.pause_point(track)?;
        if !self.is_touched(track).await? && !self.is_upgraded(track).await? {
            if let Some(wait) = &track.wait {
                self.wait(wait, &track.host, track).await?;
            }
            if let Some(gate) = &track.gate {
                self.gate_before(gate, track).await?;
            }
        }
        let mut result = Ok(());
        for step in track.steps.iter().filter(|s| !self.is_done(&s.id)) {
            result = match self.pausing(step) {
                true => Err(Stop::Pause),
                false => self.step(track, step).await.map_err(|f| Stop::Failure(f.at(Some(&step.id), &track.host))),
            };
            if result.is_err() {
                break;
            }
        }
        self.hosts.done_with(&track.host).await;
        result
    }

    /// Whether a host that would be waited for shows every effect already: nothing will be taken down there.
    async fn is_upgraded(&self, track: &Track) -> Result<bool, Failure> {
        if track.wait.is_none() {
            return Ok(false);
        }
        for step in track.steps.iter().filter(|s| !self.is_done(&s.id)) {
            let now = self.look(&track.host, step).await.map_err(|f| f.at(Some(&step.id), &track.host))?;
            if matches!(step::already(&step.action, &self.schedule.to, &now), Verdict::NotYet(_)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn is_done(&self, step: &StepId) -> bool {
        self.done.borrow().contains_key(step)
    }

    /// Whether something of this host was taken down already. Then a gate that asks for a whole cluster would wait for
    /// what only the next step brings back. Of a step that was begun and not seen to be done the host itself tells: where
    /// the old daemon still runs, wait and gate are as necessary as ever.
    async fn is_touched(&self, track: &Track) -> Result<bool, Failure> {
        for step in track.steps.iter().filter(|s| !matches!(s.action, Action::Install { .. })) {
            if self.is_done(&step.id) {
                return Ok(true);
            }
            if self.open.borrow().contains(&step.id) {
                let now = self.look(&track.host, step).await.map_err(|f| f.at(Some(&step.id), &track.host))?;
                return Ok(!step::untouched(&step.action, &self.schedule.to, &now));
            }
        }
        Ok(false)
    }

    fn track_is_done(&self, track: &Track) -> bool {
        track.steps.iter().all(|s| self.is_done(&s.id))
    }

    fn pausing(&self, step: &Step) -> bool {
        step.pause_before && self.pause.load(Ordering::Relaxed)
    }

    fn pause_point(&self, track: &Track) -> Result<(), Stop> {
        let next = track.steps.iter().find(|s| !self.is_done(&s.id));
        if next.is_some_and(|s| self.pausing(s)) { Err(Stop::Pause) } else { Ok(()) }
    }

    /// A wait that a rule demands, counted from when the step before was done.
    async fn wait(&self, wait: &Wait, host: &HostName, track: &Track) -> Result<(), Stop> {
        let (since, what) = match wait {
            Wait::Stagger { after, .. } => {
                (self.done.borrow().get(after).copied(), "stagger since the last chunkserver was back")
            }
            Wait::MasterWait { after_stage, .. } => (self.stage_done(*after_stage), "wait before the master's start"),
        };
        let since = since.unwrap_or_else(|| self.clock.now());
        let of_s = wait.least_s();
        loop {
            let passed = self.seconds_since(since);
            if passed >= of_s {
                return Ok(());
            }
            self.pause_point(track)?;
            let left_s = of_s - passed;
            self.send(Event::Waiting { host: host.clone(), what: what.to_owned(), left_s, of_s });
            self.clock.between_looks().await;
        }
    }

    /// When the last step of a stage was done.
    fn stage_done(&self, stage: usize) -> Option<Timestamp> {
        let done = self.done.borrow();
        let steps = self.schedule.stages[stage].tracks.iter().flat_map(|t| &t.steps);
        steps.filter_map(|s| done.get(&s.id).copied()).max()
    }

    /// Whole seconds; a clock that was set back gives 0, so that a wait is kept in full.
    fn seconds_since(&self, then: Timestamp) -> u64 {
        u64::try_from(self.clock.now().duration_since(then).as_secs()).unwrap_or(0)
    }

    /// A gate before anything of `track` is begun: a pause holds here too.
    async fn gate_before(&self, gate: &Gate, track: &Track) -> Result<(), Stop> {
        let pause = || self.pause_point(track).is_err();
        match self.gate(gate, &track.host, None, &pause).await? {
            Some(_) => Ok(()),
            None => Err(Stop::Pause),
        }
    }

    /// Looks at the cluster until the gate is green, or its time is over. `None`: `pause` said so first.
    async fn gate(
        &self,
        gate: &Gate,
        host: &HostName,
        step: Option<&StepId>,
        pause: &dyn Fn() -> bool,
    ) -> Result<Option<String>, Failure> {
        let begun = self.clock.now();
        let mut told = None;
        loop {
            let look = self.master.overview().await.map_err(|e| format!("the master does not answer: {}", e.reason));
            let judged = look.and_then(|overview| {
                gate::judge(gate, host, self.schedule, &self.baseline.borrow(), &overview)?;
                if matches!(gate, Gate::Healthy { .. } | Gate::Serving { .. }) {
                    self.baseline.borrow_mut().refresh(&overview);
                }
                Ok(())
            });
            let passed = self.seconds_since(begun);
            match judged {
                Ok(()) => {
                    self.send(Event::GateGreen { host: host.clone(), gate: gate.describe() });
                    return Ok(Some(gate.describe()));
                }
                Err(_) if pause() => return Ok(None),
                Err(reason) if passed >= gate.greatest_s() => {
                    let message = format!("see the gate green within {}", human(gate.greatest_s()));
                    let mut failure = Failure::new(FailureKind::GateRed, message, reason).at(step, host);
                    failure.causes.insert(0, format!("the gate asks for: {}", gate.describe()));
                    return Err(failure);
                }
                Err(reason) => {
                    let left_s = gate.greatest_s() - passed;
                    if told.as_ref() != Some(&reason) {
                        told = Some(reason.clone());
                        self.send(Event::GateRed { host: host.clone(), gate: gate.describe(), reason, left_s });
                    }
                    self.clock.between_looks().await;
                }
            }
        }
    }

    async fn step(&self, track: &Track, step: &Step) -> Result<(), Failure> {
        let host = &track.host;
        self.send(Event::StepStarted {
            step: step.id.clone(),
            host: host.clone(),
            what: step.action.describe(),
            commands: step.commands.clone(),
        });
        let (found, evidence) = match step.action.command() {
            Some(command) => self.effect(host, step, &command.script()).await?,
            None => (false, String::new()),
        };
        let mut evidence = vec![evidence];
        if let Some(gate) = &step.afterwards {
            evidence.extend(self.gate(gate, host, Some(&step.id), &|| false).await?);
        }
        evidence.retain(|e| !e.is_empty());
        let evidence = evidence.join("; ");
        let at = self.clock.now();
        self.record(Record::Done { step: step.id.clone(), at, evidence: evidence.clone(), found })?;
        self.done.borrow_mut().insert(step.id.clone(), at);
        self.send(Event::StepDone { step: step.id.clone(), host: host.clone(), evidence, found });
        Ok(())
    }

    /// A mount that was refused has left nothing behind: a look showed that nothing is mounted.
    fn may_mount_again(&self, step: &Step, code: Option<i32>, begun: Timestamp) -> bool {
        matches!(step.action, Action::Mount { .. })
            && code.is_some_and(|code| code != 0)
            && self.seconds_since(begun) < MOUNT_PATIENCE.as_secs()
    }

    async fn effect(&self, host: &HostName, step: &Step, script: &str) -> Result<(bool, String), Failure> {
        self.effect_since(host, step, script, self.clock.now()).await
    }

    /// A `make install` whose end nobody saw is run again, since that harms nothing: after a look, and not while the first
    /// one goes on. An operator's own command may be of another kind, and is not.
    fn may_install_again(&self, step: &Step, code: Option<i32>, begun: Timestamp) -> bool {
        matches!(step.action.command(), Some(Command::MakeInstall { .. }))
            && code.is_none()
            && self.seconds_since(begun) < LONG_COMMAND.as_secs()
    }

    /// Looks, records the intent, runs, and looks again until the effect shows. Whether it was found, and what shows it.
    async fn effect_since(
        &self,
        host: &HostName,
        step: &Step,
        script: &str,
        begun: Timestamp,
    ) -> Result<(bool, String), Failure> {
        let to = &self.schedule.to;
        let before = self.look_when_free(host, step).await?;
        if let Verdict::Done(evidence) = step::already(&step.action, to, &before) {
            return Ok((true, evidence));
        }
        step::allowed(&step.action, to, &before)
            .map_err(|reason| Failure::new(FailureKind::StepFailed, step.action.describe(), reason))?;
        self.record(Record::Intent { step: step.id.clone(), at: self.clock.now() })?;
        let mut line = |line: &str| {
            self.send(Event::Output { step: step.id.clone(), host: host.clone(), line: line.to_owned() });
        };
        let limit = match step.action {
            Action::Unmount { .. } | Action::Mount { .. } => MOUNT_COMMAND,
            _ => LONG_COMMAND,
        };
        let (output, code) = match self.hosts.run(host, script, limit, &mut line).await {
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
        if let (Action::Install { .. }, Some(code)) = (&step.action, code)
            && code != 0
        {
            // make and package managers are believed when they say no, unlike MooseFS's daemons
            let cause = format!("its command ended with exit code {code}");
            return Err(Failure::new(FailureKind::StepFailed, step.action.describe(), cause).with_output(&output));
        }
        if self.may_install_again(step, code, begun) {
            let again = Box::pin(self.effect_since(host, step, script, begun)).await;
            return again.map_err(|f| if f.kind == FailureKind::Unreachable { unseen(step, code, f) } else { f });
        }
        match self.effect_shows(host, step, &before, code).await {
            Err(failure) if self.may_mount_again(step, code, begun) && failure.kind == FailureKind::StepFailed => {
                Box::pin(self.effect_since(host, step, script, begun)).await
            }
            result => result.map_err(|f| f.with_output(&output)),
        }
    }

    /// A look at a host that need not be left alone for a moment.
    async fn look_when_free(&self, host: &HostName, step: &Step) -> Result<HostFacts, Failure> {
        let begun = self.clock.now();
        loop {
            let now = self.look(host, step).await?;
            let Some(reason) = step::hold(&step.action, &now) else { return Ok(now) };
            let passed = self.seconds_since(begun);
            if passed >= HOLD.as_secs() {
                let cause = format!("{reason}, for {} now; if no master writes that file, remove it", human(passed));
                return Err(Failure::new(FailureKind::StepFailed, step.action.describe(), cause));
            }
            let (left_s, of_s) = (HOLD.as_secs() - passed, HOLD.as_secs());
            self.send(Event::Waiting { host: host.clone(), what: reason, left_s, of_s });
            self.clock.between_looks().await;
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
        let begun = self.clock.now();
        loop {
            let now = match self.look(host, step).await {
                Ok(now) => now,
                Err(failure) => return Err(unseen(step, code, failure)),
            };
            let reason = match step::achieved(&step.action, &self.schedule.to, before, &now, false) {
                Verdict::Done(_) if code.is_none() && matches!(step.action, Action::Install { .. }) => {
                    // the program is there, but whether all of the release is, nobody saw: resume installs it again
                    let cause = "the connection was lost while it was installed; the program is in place, but the \
                                 rest of the release was not seen to be";
                    return Err(Failure::new(FailureKind::Unknown, "see the end of the installation", cause));
                }
                Verdict::Done(evidence) => return Ok((false, evidence)),
                Verdict::NotYet(reason) => reason,
            };
            let patience = if code.is_some() { SETTLE } else { RECONNECT };
            if self.seconds_since(begun) >= patience.as_secs() {
                if code.is_none() {
                    let message = format!("tell whether it could {}", step.action.describe());
                    let mut failure = Failure::new(FailureKind::Unknown, message, reason);
                    failure.causes.push("the connection was lost while the command ran, and it may still run".into());
                    return Err(failure);
                }
                let mut failure = Failure::new(FailureKind::StepFailed, step.action.describe(), reason);
                failure.causes.extend(code.map(|c| format!("its command ended with exit code {c}")));
                return Err(failure);
            }
            self.clock.between_looks().await;
        }
    }

    /// One look at a host; connections that are lost are made again for a while.
    async fn look(&self, host: &HostName, step: &Step) -> Result<HostFacts, Failure> {
        let script = step::look(&step.action, self.schedule).script();
        let begun = self.clock.now();
        loop {
            let reason = match self.hosts.run(host, &script, LOOK_LIMIT, &mut |_| {}).await {
                Outcome::Exited { output, code } => match HostFacts::parse(&output) {
                    Ok(facts) => return Ok(facts),
                    Err(e) => format!("the look at it cannot be read: {e} (exit code {code})"),
                },
                Outcome::Unknown { reason } | Outcome::NotStarted { reason } => reason,
            };
            if self.seconds_since(begun) >= RECONNECT.as_secs() {
                let message = format!("reach the host within {}", human(RECONNECT.as_secs()));
                return Err(Failure::new(FailureKind::Unreachable, message, reason));
            }
            self.send(Event::Reconnecting { host: host.clone(), reason });
            self.clock.between_looks().await;
        }
    }

    fn record(&self, record: Record) -> Result<(), Failure> {
        self.journal
            .borrow_mut()
            .append(record)
            .map_err(|e| Failure::new(FailureKind::Journal, "write the journal", e.to_string()))
    }

    fn send(&self, event: Event) {
        self.events.send(Stamped { at: self.clock.now(), event });
    }

    /// What the file system does while the run stands still, by a last look at the master; and mounts that were taken away.
    async fn standing(&self) -> String {
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
        let done = self.done.borrow();
        for (_, track, step) in self.schedule.steps() {
            if let Action::Mount { mount, .. } = &step.action {
                let unmount =
                    track.steps.iter().find(|s| matches!(&s.action, Action::Unmount { mount: m, .. } if m == mount));
                if unmount.is_some_and(|s| done.contains_key(&s.id)) && !done.contains_key(&step.id) {
                    parts.push(format!("{mount} IS NOT MOUNTED on {}: what writes there writes below it", track.host));
                }
            }
        }
        drop(done);
        parts.push(self.state());
        parts.join("; ")
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
                    last.peek().is_some() && last.all(|(_, _, s)| done.contains_key(&s.id))
                })
                .count();
            format!("{upgraded} of {} on {to}", count(hosts.len(), what))
        };
        [of(Role::Master, "master"), of(Role::Chunkserver, "chunkserver"), of(Role::Client, "client")].join(", ")
    }

    async fn paused(&self) -> Ending {
        if let Err(failure) = self.record(Record::Paused { at: self.clock.now() }) {
            return self.failed(failure).await;
        }
        self.send(Event::Paused { state: self.standing().await });
        Ending::Paused
    }

    async fn failed(&self, failure: Failure) -> Ending {
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

    async fn finished(&self) -> Ending {
        let evidence = self.state();
        if let Err(failure) = self.record(Record::Finished { at: self.clock.now(), evidence: evidence.clone() }) {
            return self.failed(failure).await;
        }
        self.send(Event::Finished { evidence });
        Ending::Finished
    }
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

fn concerns(action: &Action, role: Role) -> bool {
    match action {
        Action::Start { role: of, .. } => *of == role,
        Action::Mount { .. } => role == Role::Client,
        _ => false,
    }
}

fn human(seconds: u64) -> String {
    format!("{:#}", jiff::SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX)))
}
