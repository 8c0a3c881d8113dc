//! The walk: stage by stage, track by track, step by step.
//!
//! Every step is intent, effect, postcondition, done (law 5); a step whose effect is there already is found and not run;
//! after a failure no further host is touched (law 6).

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use jiff::Timestamp;

use super::FailureKind;
use super::clocks::Clocks;
use super::effect::RECONNECT;
use super::event::{Event, EventSink, FORMAT, Stamped, Undertaking};
use super::failure::{Failure, Others, Remedy};
use super::gate::Red;
use super::job::Begun;
use super::laws::Laws;
use super::ports::{Clock, Guard, Hosts, Master};
use super::recognise::Machines;
use crate::check::Baseline;
use crate::host::HostName;
use crate::journal::{JournalSink, Progress, Record};
use crate::moosefs::daemon::Role;
use crate::schedule::{Gate, Phase, Schedule, Stage, Step, StepId, Track, Wait};
use crate::step::{Effect, Verdict};
use crate::words::count;
use crate::words::human;

/// A look reads `/proc` and a few files: a host that takes longer is not well. The look ends itself on the host before.
pub const LOOK_LIMIT: Duration = Duration::from_secs(crate::host::look::LIMIT_S + 10);

/// Seconds after which a gate that is red for the same reason is told once more: a silence of ten minutes looks like a run that
/// hangs.
const TELL_AGAIN_S: u64 = 60;

/// Seconds after its record for which a run that has begun nothing is held against the counts of the look before it.
const LOOKED_JUST_NOW_S: i64 = 60;

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
pub(super) enum Stop {
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
    /// What decides at each turn.
    pub laws: &'a dyn Laws,
    /// The cluster's lock.
    pub guard: &'a dyn Guard,
    /// Time.
    pub clock: &'a C,
    /// Records.
    pub journal: RefCell<&'a mut dyn JournalSink>,
    /// Where the copies of metadata go, on this machine.
    pub backup: PathBuf,
    /// Displays.
    pub events: &'a dyn EventSink,
    /// Set from outside: stop before the next step at which that is safe.
    pub pause: &'a AtomicBool,
    /// Steps done, with when; filled from the journal on a resumed run.
    pub done: RefCell<HashMap<StepId, Timestamp>>,
    /// Those of them for which nothing was run.
    pub found: RefCell<HashSet<StepId>>,
    /// Clients that failed while the cluster was well.
    pub aside: RefCell<Vec<Failure>>,
    /// Steps begun and not known to be done, by this process or one before it.
    pub open: RefCell<HashMap<StepId, Begun>>,
    /// What hosts have told of their own time.
    pub clocks: RefCell<Clocks>,
    /// What they have said of themselves.
    pub machines: RefCell<Machines>,
    /// The operator has said that the metadata which the master serves is the one to go on with.
    pub accepts_metadata: bool,
    /// When the new master did not serve yet, for all that was seen, since this process has counted the one before it.
    pub unserved: Cell<Option<Timestamp>>,
}

impl<H: Hosts, M: Master, C: Clock> Runner<'_, H, M, C> {
    /// Walks the schedule from the first step that is not done.
    pub async fn walk(&self, progress: &Progress) -> Ending {
        self.clocks.borrow_mut().begin(self.clock.now(), progress);
        self.done.borrow_mut().extend(progress.done.iter().map(|(k, v)| (k.clone(), *v)));
        self.found.borrow_mut().extend(progress.found.iter().cloned());
        let begun = |step: &StepId| Some((step.clone(), Begun { at: *progress.begun_at.get(step)?, earlier: true }));
        self.open.borrow_mut().extend(progress.open.iter().filter_map(begun));
        *self.machines.borrow_mut() = Machines::of(self.schedule, progress);
        if !progress.begun_at.is_empty()
            && let Err(failure) = self.the_master_is_known().await
        {
            return self.failed(failure).await;
        }
        progress.counted.iter().for_each(|counts| self.baseline.borrow_mut().learn(counts));
        // users go on also where nothing was begun yet, or no record of it is left
        let since = progress.begun.map_or(0, |at| self.clock.now().duration_since(at).as_secs());
        if (!progress.begun_at.is_empty() || !(0..=LOOKED_JUST_NOW_S).contains(&since))
            && let Err(failure) = self.recount().await
        {
            return self.failed(failure).await;
        }
        // what was killed between the last look and its last record has seen the cluster as it was then
        for (_, _, step) in self.schedule.steps().filter(|(_, _, step)| matches!(step.action.effect(), Effect::Looks)) {
            self.done.borrow_mut().remove(&step.id);
        }
        let steps = self.schedule.steps().count();
        self.send(Event::RunStarted {
            format: FORMAT,
            run: self.run.clone(),
            steps,
            done: self.done.borrow().len(),
            simulated: self.simulated.clone(),
            what: Box::new(Undertaking::new(self.schedule, progress.plan_sha256.as_deref())),
        });
        if let Err(failure) = self.begun_on_other_metadata().await {
            return self.failed(failure).await;
        }
        if !progress.begun_at.is_empty()
            && let Err(failure) = self.reconcile(progress).await
        {
            return self.failed(failure).await;
        }
        for (at, stage) in self.schedule.stages.iter().enumerate() {
            if stage.phase != Phase::Clients
                && let Some(failure) = self.left_behind()
            {
                return self.failed(failure).await;
            }
            match self.stage(at + 1, stage).await {
                Ok(()) => {}
                Err(Stop::Pause) => return self.paused().await,
                Err(Stop::Failure(failure)) => return self.failed(failure).await,
            }
        }
        self.finished().await
    }

    async fn stage(&self, number: usize, stage: &Stage) -> Result<(), Stop> {
        let mut done = stage.tracks.iter().filter(|t| self.track_is_done(t)).count();
        if self.laws.is_over(done, stage) {
            return Ok(());
        }
        self.send(Event::StageStarted {
            number,
            stages: self.schedule.stages.len(),
            phase: stage.phase,
            title: stage.title.clone(),
            hosts: stage.tracks.len(),
            done,
        });
        let first = &stage.tracks[0].host;
        if !stage.tracks.iter().any(|t| self.is_half_done(t)) {
            self.pause_point(&stage.tracks[0])?;
        }
        // what has something away does not wait behind what serves
        let half = stage.tracks.iter().find(|t| self.is_half_done(t));
        if let Some(next) = half.or_else(|| stage.tracks.iter().find(|t| !self.track_is_done(t))) {
            match self.window(next).await {
                // a client that cannot be looked at is dealt with in its turn
                Err(Stop::Failure(_)) if stage.phase == Phase::Clients => {}
                waited => drop(waited?),
            }
        }
        let mut touched = false;
        for track in &stage.tracks {
            touched = touched
                || match self.is_touched(track).await {
                    // a client that cannot be looked at is dealt with in its turn
                    Err(_) if stage.phase == Phase::Clients => false,
                    told => told?,
                };
        }
        if !touched {
            if let Some(wait) = &stage.wait
                && !(matches!(wait, Wait::MasterWait { .. }) && self.never_stopped(&stage.tracks[0]).await?)
            {
                self.wait(wait, first, &stage.tracks[0]).await?;
            }
            if let Some(gate) = &stage.gate {
                self.gate_before(gate, &stage.tracks[0]).await?;
            }
        } else if let Some(wait @ Wait::MasterWait { .. }) = &stage.wait
            && !self.master_is_there(&stage.tracks[0]).await?
        {
            // a chunkserver that had to be started once more since is waited for like the first time
            self.wait(wait, first, &stage.tracks[0]).await?;
        }
        // where something was taken away comes first: a pause leaves nothing half done
        let (half, whole): (Vec<_>, Vec<_>) =
            stage.tracks.iter().filter(|t| !self.track_is_done(t)).partition(|t| self.is_half_done(t));
        let gated = stage.gate.as_ref().filter(|_| touched && stage.phase == Phase::Clients && !whole.is_empty());
        let Some(gate) = gated else {
            return self.tracks(stage, half.into_iter().chain(whole).collect(), &mut done).await;
        };
        // what has a mount away is brought to its end whatever the gate says; nobody else's is taken without it
        self.tracks(stage, half, &mut done).await?;
        self.gate_before(gate, whole[0]).await?;
        self.tracks(stage, whole, &mut done).await
    }

    /// Tracks of a stage, as many at a time as it says.
    async fn tracks(&self, stage: &Stage, tracks: Vec<&Track>, done: &mut usize) -> Result<(), Stop> {
        let mut waiting = tracks.into_iter();
        let mut running: FuturesUnordered<_> =
            waiting.by_ref().take(self.laws.at_once(stage)).map(|t| self.named(stage, t)).collect();
        let (mut stop, mut beside) = (None, false);
        while let Some((track, result)) = running.next().await {
            if result.is_ok() {
                *done += usize::from(self.track_is_done(track));
                self.send(Event::HostDone { host: track.host.clone(), done: *done, of: stage.tracks.len() });
            }
            let result = match result {
                Err(Stop::Failure(failure)) if !self.laws.holds_up(stage) => self.set_aside(stage, failure).await,
                result => result,
            };
            // those that run come to the end of their host, which may take long: that this one failed is told now
            if let Err(Stop::Failure(failure)) = &result
                && !running.is_empty()
            {
                beside = true;
                let (host, running) = (track.host.clone(), running.len());
                self.send(Event::HostFailed { host, failure: failure.clone(), running });
            }
            stop = worse(stop, result.err());
            if stop.is_none()
                && let Some(next) = waiting.next()
            {
                running.push(self.named(stage, next));
            }
        }
        if let Some(Stop::Failure(failure)) = &mut stop
            && beside
        {
            failure.others = Others::CameToTheirEnd;
        }
        stop.map_or(Ok(()), Err)
    }

    async fn named<'t>(&self, stage: &Stage, track: &'t Track) -> (&'t Track, Result<(), Stop>) {
        (track, self.track(stage, track).await)
    }

    async fn track(&self, stage: &Stage, track: &Track) -> Result<(), Stop> {
        self.pause_point(track)?;
        self.window(track).await?;
        self.skip_if_used(track).await?;
        if !self.is_touched(track).await? && !self.is_upgraded(track).await? && !self.is_away(track).await? {
            if let Some(wait) = &track.wait {
                self.wait(wait, &track.host, track).await?;
            }
            // it may have closed while the wait or the gate went on
            loop {
                if let Some(gate) = &track.gate {
                    self.gate_before(gate, track).await?;
                }
                if !self.window(track).await? {
                    break;
                }
            }
        }
        let mut result = Ok(());
        for step in track.steps.iter().filter(|s| !self.is_done(&s.id)) {
            result = match self.pausing(step) {
                true => Err(Stop::Pause),
                false => self.turn(stage, track, step).await,
            };
            if let Err(Stop::Failure(failure)) = result {
                result = Err(self.start_again(track, step, failure).await.into());
                break;
            }
            if result.is_err() {
                break;
            }
        }
        self.hosts.done_with(&track.host).await;
        result
    }

    /// Window and gate once more before something is taken down. Whether the window was waited for.
    pub(super) async fn still_fit(&self, stage: &Stage, track: &Track, step: &Step) -> Result<bool, Stop> {
        let mut waited = false;
        loop {
            while self.window_of(track, step).await? {
                waited = true;
                if let Some(gate) = track.gate.as_ref().or(stage.gate.as_ref()) {
                    self.gate_before(gate, track).await?;
                }
            }
            self.still_whole(stage, track, step).await?;
            // it may have closed while a red gate was waited for
            if !self.window_of(track, step).await? {
                return Ok(waited);
            }
            waited = true;
        }
    }

    /// Window and gate, and what else holds a step that takes something down: a master that saves, a copy of its metadata that
    /// has grown old. Whatever of it took time, the others are asked anew, so that the step is begun when all of them allow it.
    pub(super) async fn free_and_fit(&self, stage: &Stage, track: &Track, step: &Step) -> Result<(), Stop> {
        loop {
            self.still_fit(stage, track, step).await?;
            let begun = step.action.effect().takes_down() && self.open.borrow().contains_key(&step.id);
            if begun || !step.action.effect().takes_down() || !step.pause_before {
                return Ok(());
            }
            let at = |failure: Failure| failure.at(Some(&step.id), &track.host);
            let pause = || self.pausing(step);
            let renewed = Box::pin(self.renew_backup(step)).await.map_err(at)?;
            let waited = match self.when_free(&track.host, step, &pause).await {
                Ok((_, waited)) => waited,
                Err(Stop::Failure(failure)) => return Err(at(failure).into()),
                Err(pause) => return Err(pause),
            };
            if self.pausing(step) {
                return Err(Stop::Pause);
            }
            if !waited && !renewed {
                return Ok(());
            }
        }
    }

    /// The gate once more before a chunkserver is taken down or a mount taken away: since it was green the new release was
    /// installed, and other clients had their turn, which takes as long as it takes. Where nothing old is there, nothing is
    /// taken down.
    async fn still_whole(&self, stage: &Stage, track: &Track, step: &Step) -> Result<(), Stop> {
        let Some(gate) = track.gate.as_ref().or(stage.gate.as_ref()) else { return Ok(()) };
        let ((Gate::Healthy { .. }, Effect::Starts(_)) | (_, Effect::Unmounts(_))) = (gate, step.action.effect())
        else {
            return Ok(());
        };
        let now = self.look(&track.host, step).await.map_err(|f| f.at(Some(&step.id), &track.host))?;
        match self.laws.untouched(&step.action, &self.schedule.to, &now) {
            true => self.gate_before(gate, track).await,
            false => Ok(()),
        }
    }

    /// Whether a host that would be waited for shows every effect already: nothing will be taken down there.
    async fn is_upgraded(&self, track: &Track) -> Result<bool, Failure> {
        if track.wait.is_none() {
            return Ok(false);
        }
        for step in track.steps.iter().filter(|s| !self.is_done(&s.id)) {
            let now = self.look(&track.host, step).await.map_err(|f| f.at(Some(&step.id), &track.host))?;
            if matches!(self.laws.already(&step.action, &self.schedule.to, &now), Verdict::NotYet(_)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether the chunkserver that the way back would stop next does not run: killed with a run whose journal has lost that
    /// it stopped it, or ended by itself. A gate would wait for what only this host's next steps bring back.
    async fn is_away(&self, track: &Track) -> Result<bool, Failure> {
        let next = track.steps.iter().find(|s| !self.is_done(&s.id));
        let Some(step) = next.filter(|s| matches!(s.action.effect(), Effect::Stops { role: Role::Chunkserver, .. }))
        else {
            return Ok(false);
        };
        let now = self.look(&track.host, step).await.map_err(|f| f.at(Some(&step.id), &track.host))?;
        Ok(now.daemon(Role::Chunkserver).is_none())
    }

    /// A client that failed does not hold up the others, as long as the cluster itself is well: then it is not the client's
    /// alone.
    async fn set_aside(&self, stage: &Stage, failure: Failure) -> Result<(), Stop> {
        let (Some(gate), Some(host)) = (&stage.gate, failure.host.clone()) else { return Err(failure.into()) };
        let overview = self.overview_within(RECONNECT).await.map_err(|e| Red::wait(e.reason));
        let well = overview.and_then(|o| self.laws.green(gate, &host, self.schedule, &self.baseline.borrow(), &o));
        // without journal or lock nothing is begun on any other client either
        if well.is_err() || matches!(failure.kind, FailureKind::Journal | FailureKind::Locked) {
            return Err(failure.into());
        }
        self.send(Event::ClientFailed { host, failure: failure.clone() });
        self.aside.borrow_mut().push(failure);
        Ok(())
    }

    /// The clients that were set aside, as one failure.
    pub(super) fn left_behind(&self) -> Option<Failure> {
        let aside = self.aside.borrow();
        let [first, ..] = aside.as_slice() else { return None };
        let causes = aside.iter().map(|f| {
            let host = f.host.as_ref().map_or("a client", |h| h.as_str());
            format!("{host}: failed to {}: {}", f.message, f.causes.join(": "))
        });
        Some(Failure {
            kind: first.kind,
            step: first.step.clone(),
            host: first.host.clone(),
            message: {
                let what = if self.schedule.is_back() { "bring back" } else { "upgrade" };
                format!("{what} {}; the others are done", count(aside.len(), "client"))
            },
            causes: causes.collect(),
            said: first.said.clone(),
            others: Others::WentOn,
            remedies: first.remedies.clone(),
        })
    }

    pub(super) fn is_done(&self, step: &StepId) -> bool {
        self.done.borrow().contains_key(step)
    }

    /// Whether something of this host was taken down already. Then a gate that asks for a whole cluster would wait for
    /// what only the next step brings back. Of a step that was begun and not seen to be done the host itself tells: where
    /// the old daemon still runs, wait and gate are as necessary as ever.
    async fn is_touched(&self, track: &Track) -> Result<bool, Failure> {
        for step in track.steps.iter().filter(|s| s.action.effect().takes_down()) {
            if self.is_done(&step.id) {
                return Ok(true);
            }
            if self.open.borrow().contains_key(&step.id) {
                let now = self.look(&track.host, step).await.map_err(|f| f.at(Some(&step.id), &track.host))?;
                return Ok(!self.laws.untouched(&step.action, &self.schedule.to, &now));
            }
        }
        Ok(false)
    }

    /// Whether something of a host may be taken away now and not brought back yet, by what was begun.
    pub(super) fn is_half_done(&self, track: &Track) -> bool {
        let begun = |s: &Step| self.is_done(&s.id) || self.open.borrow().contains_key(&s.id);
        !self.track_is_done(track) && track.steps.iter().any(|s| s.action.effect().takes_down() && begun(s))
    }

    fn track_is_done(&self, track: &Track) -> bool {
        track.steps.iter().all(|s| self.is_done(&s.id))
    }

    fn pausing(&self, step: &Step) -> bool {
        let begun = self.open.borrow().contains_key(&step.id);
        self.laws.may_pause(step, begun) && self.paused_by_operator()
    }

    pub(super) fn paused_by_operator(&self) -> bool {
        self.pause.load(Ordering::Relaxed)
    }

    pub(super) fn pause_point(&self, track: &Track) -> Result<(), Stop> {
        let next = track.steps.iter().find(|s| !self.is_done(&s.id));
        if next.is_some_and(|s| self.pausing(s)) { Err(Stop::Pause) } else { Ok(()) }
    }

    /// Whole seconds since a moment of this process.
    pub(super) fn seconds_since(&self, then: Timestamp) -> u64 {
        u64::try_from(self.clock.now().duration_since(then).as_secs()).unwrap_or(0)
    }

    /// The same for what is waited for with patience: a machine that slept has not looked meanwhile.
    pub(super) fn awake_since(&self, then: Timestamp) -> u64 {
        u64::try_from(self.clock.awake().duration_since(then).as_secs()).unwrap_or(0)
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
    pub(super) async fn gate(
        &self,
        gate: &Gate,
        host: &HostName,
        step: Option<&StepId>,
        pause: &dyn Fn() -> bool,
    ) -> Result<Option<String>, Failure> {
        let begun = self.clock.awake();
        let mut told: Option<(String, u64)> = None;
        loop {
            let judged = match self.master.overview().await {
                Ok(overview) => {
                    let judged = self.laws.green(gate, host, self.schedule, &self.baseline.borrow(), &overview);
                    match judged {
                        Err(red) if red.hopeless => Err(self.explained(red, &overview).await?),
                        judged => judged.map(|()| overview),
                    }
                }
                Err(silence) => {
                    if silence.reached {
                        self.serves_not_yet();
                    }
                    let what = if silence.reached { "does not answer" } else { "could not be asked" };
                    Err(Red::wait(format!("the master {what}: {}", silence.reason)))
                }
            };
            let passed = self.awake_since(begun);
            match judged {
                Ok(overview) => {
                    if matches!(gate, Gate::Healthy { .. } | Gate::Serving { .. }) {
                        self.counted(&overview)?;
                    }
                    self.send(Event::GateGreen { host: host.clone(), gate: gate.describe(self.schedule) });
                    return Ok(Some(gate.describe(self.schedule)));
                }
                Err(_) if pause() => return Ok(None),
                Err(Red { reason, hopeless, accept_lost, asks })
                    if hopeless || self.laws.gives_up(passed, gate.greatest_s()) =>
                {
                    let within = if hopeless { String::new() } else { format!(" within {}", human(gate.greatest_s())) };
                    let message = format!("see {}{within}", gate.awaited(host, self.schedule));
                    let mut failure = Failure::new(FailureKind::GateRed, message, reason).at(step, host);
                    failure.causes.insert(0, format!("the gate asks for: {}", gate.describe(self.schedule)));
                    if accept_lost > 0 {
                        let baseline = self.baseline.borrow();
                        failure.causes.push(super::gate::acceptance(accept_lost, self.schedule, &baseline));
                        failure = failure.with(Remedy::AcceptLost);
                    }
                    if asks {
                        let reason = failure.causes.pop().unwrap_or_default();
                        failure = super::loaded::asks(failure, reason);
                    }
                    return Err(failure);
                }
                Err(Red { reason, .. }) => {
                    let same = |(last, at): &(String, u64)| *last == reason && passed < at + TELL_AGAIN_S;
                    if !told.as_ref().is_some_and(same) {
                        told = Some((reason.clone(), passed));
                        let (gate, of_s) = (gate.describe(self.schedule), gate.greatest_s());
                        let left_s = of_s.saturating_sub(passed);
                        self.send(Event::GateRed { host: host.clone(), gate, reason, left_s, of_s });
                    }
                    self.clock.between_looks().await;
                }
            }
        }
    }

    pub(super) fn record(&self, record: Record) -> Result<(), Failure> {
        let begun = match &record {
            Record::Intent { step, at } => Some((step.clone(), Begun { at: *at, earlier: false })),
            _ => None,
        };
        self.journal
            .borrow_mut()
            .append(record)
            .map_err(|e| Failure::new(FailureKind::Journal, "write the journal", e.to_string()))?;
        self.open.borrow_mut().extend(begun);
        Ok(())
    }

    pub(super) fn send(&self, event: Event) {
        let event = event.bounded();
        self.events.send(Stamped { at: self.clock.now(), event });
    }
}

/// What a stage ends with: its first failure, with what failed beside it; or a pause.
fn worse(first: Option<Stop>, then: Option<Stop>) -> Option<Stop> {
    match (first, then) {
        (Some(Stop::Failure(mut first)), Some(Stop::Failure(then))) => {
            let host = then.host.as_ref().map_or("another host", |host| host.as_str());
            first.causes.push(format!("and {host} failed to {}: {}", then.message, then.causes.join(": ")));
            Some(Stop::Failure(first))
        }
        (_, Some(Stop::Failure(then))) => Some(Stop::Failure(then)),
        (first, then) => first.or(then),
    }
}
