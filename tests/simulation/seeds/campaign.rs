//! Campaigns: one seed played to its end, many seeds on all cores, and what came of them.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use mfsupgrade::journal::{JournalSink, Progress, Record, record};
use mfsupgrade::run::ports::Clock;
use mfsupgrade::run::{Ending, EventSink, Runner};
use mfsupgrade::schedule::Schedule;

use super::cluster::Cluster;
use super::cluster::store::{Journal, Sink};
use super::cluster::time::Driven;
use super::fact::{Fact, Said};
use super::faults::Kind;
use super::judge::Broken;
use super::past::Copied;
use super::plant::{Bug, Planted, PlantedSink, Wrong};
use super::scenario::Scenario;
use super::seed::Seed;
use super::telling::{self, Telling};
use super::{abandon, twice, way_back};

/// Failed sessions after which no further fault strikes.
const FAULTS_FOR: usize = 6;

/// Failed sessions without a fault after which a run is stuck.
const TRIES: usize = 3;

/// One seed, played.
pub struct Played {
    pub scenario: Scenario,
    pub broken: Vec<Broken>,
    pub history: Vec<(i64, Fact)>,
    pub fired: Vec<&'static str>,
    pub sessions: usize,
    /// How each session ended.
    pub endings: Vec<&'static str>,
    /// Virtual time that passed, in milliseconds.
    pub took: i64,
}

impl fmt::Display for Played {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.scenario)?;
        for (at, fact) in self.history.iter().filter(|(_, fact)| !matches!(fact, Fact::Looked { .. })) {
            writeln!(f, "{:>9}.{:03} {fact}", at / 1000, at % 1000)?;
        }
        self.broken.iter().try_for_each(|broken| writeln!(f, "{broken}"))
    }
}

/// What is walked now.
pub struct Walked {
    pub schedule: Schedule,
    pub run: String,
    /// On the way back: how far the upgrade had come.
    pub taken_back: Option<Progress>,
    sessions: usize,
    /// The operator was asked about the master's metadata, and has said yes.
    accepts: bool,
    /// Failed sessions, and those of them in which no fault could strike any more.
    failed: usize,
    quiet: usize,
}

/// Plays a scenario to its end: sessions of the tool, and an operator between them who may go the way back.
pub fn play(scenario: &Scenario, bug: Bug, tells: bool) -> Played {
    let cluster = Cluster::new(scenario);
    cluster.tells.set(tells);
    let overview = cluster.state.borrow().overview().expect("the old master serves");
    let mut upgrade = scenario.schedule(&overview);
    bug.plant(&mut upgrade);
    let mut walked = begin(&cluster, upgrade.clone(), "simulated".to_owned(), None);
    let mut endings = Vec::new();
    let mut aside = Aside { copied: scenario.past.copied.clone(), journal: None };
    let mut abandons = scenario.past.abandons;
    let mut nights = scenario.nights.then(|| Seed::new(scenario.seed ^ 0x419f7));
    loop {
        // a name that leads elsewhere is none of the first look's, nor of that before the way back
        let fired = cluster.state.borrow().fired.len();
        cluster.drift(endings.len());
        if walked.sessions == 0 {
            cluster.names_lead_home();
        }
        let said = session(&cluster, &walked, bug);
        cluster.names_lead_home();
        let back = walked.taken_back.is_some();
        walked.sessions += 1;
        endings.push(name_of(&said, back));
        aside.pass(&cluster, endings.len(), back);
        let wait = cluster.state.borrow_mut().random.between(500, 60_000);
        let finished = matches!(said, Ok(Said::Finished));
        if !finished && said.is_ok() {
            pass_the_night(&cluster, &mut nights);
        }
        match said {
            Ok(Said::Finished) => {}
            Ok(Said::Killed) => cluster.idle(wait),
            Ok(Said::Paused(_)) => {
                cluster.pause.store(false, Ordering::Relaxed);
                // some pauses are for the rest of a day
                let long = cluster.state.borrow_mut().random.chance(20);
                cluster.idle(if long { 400 } else { 30 } * wait);
            }
            Ok(Said::Failed { account, .. }) => {
                walked.failed += 1;
                // who is asked has looked
                let asks = account.contains("the master was NOT stopped: users may");
                walked.accepts = asks && !cluster.state.borrow().health.other_metadata;
                // a name that leads elsewhere, and what a fault has set in motion before, may still come
                let struck = cluster.state.borrow().fired.len() > fired;
                walked.quiet += usize::from(walked.failed > FAULTS_FOR && !struck);
                let enough = walked.failed >= FAULTS_FOR;
                if enough {
                    cluster.disarm();
                }
                let repairs = enough || cluster.state.borrow_mut().random.chance(70);
                cluster.idle(wait);
                if repairs {
                    cluster.obey(&account);
                    if account.contains("THE FILE SYSTEM IS DOWN") && !knows_of_its_end(&cluster, &walked.schedule) {
                        cluster.take_up_the_master();
                    }
                    cluster.repair(enough);
                }
            }
            Err(broken) => {
                broke(&cluster, broken);
                break;
            }
        }
        if abandons
            && !finished
            && let Some(anew) = abandon::begin(&cluster, bug)
        {
            // a copy of what was left is turned away for good
            (abandons, aside) = (false, Aside { copied: None, journal: None });
            walked = begin(&cluster, anew, "anew".to_owned(), None);
            continue;
        }
        // an operator who goes the way back looks anew before some of its sessions, and begins it anew
        let turns = match (&walked.taken_back, scenario.back) {
            (None, Some(after)) => finished || walked.sessions >= after,
            (Some(_), _) if finished || walked.failed == 0 => false,
            (Some(_), _) => walked.quiet > 0 || cluster.state.borrow_mut().random.chance(30),
            (None, None) => false,
        };
        if turns {
            match turn(&cluster, &upgrade, &walked, bug) {
                Ok(Some(next)) => walked = next,
                Ok(None) => break,
                Err(broken) => {
                    broke(&cluster, broken);
                    break;
                }
            }
        } else if finished {
            break;
        }
        if walked.quiet >= TRIES || endings.len() > 60 {
            let what = format!("it is never finished, though all is in order: {endings:?}");
            broke(&cluster, ("stuck", what));
            break;
        }
    }
    let state = cluster.state.into_inner();
    Played {
        scenario: scenario.clone(),
        broken: state.judge.broken,
        history: state.history,
        fired: state.fired,
        sessions: endings.len(),
        endings,
        took: state.now,
    }
}

/// Whether the run knows by its journal that it has told a master to end or to start.
fn knows_of_its_end(cluster: &Cluster, schedule: &Schedule) -> bool {
    let state = cluster.state.borrow();
    let records = record::decode(&state.journal.text).map(|(records, _)| records).unwrap_or_default();
    let progress = Progress::replay(&records);
    schedule.steps().any(|(_, _, step)| step.action.ends_the_master() && progress.begun_at.contains_key(&step.id))
}

/// A copy of the state folder, which takes its place behind some sessions.
struct Aside {
    copied: Option<Copied>,
    journal: Option<Journal>,
}

impl Aside {
    /// Behind a session.
    fn pass(&mut self, cluster: &Cluster, session: usize, back: bool) {
        let Some(copied) = self.copied.as_ref().filter(|_| !back) else { return };
        let mut state = cluster.state.borrow_mut();
        // who goes on with a folder of before the backup is told to begin anew
        if session == copied.after && state.journal.text.contains("/copy\"") {
            self.journal = Some(state.journal.clone());
        } else if copied.swaps.contains(&session)
            && let Some(aside) = &mut self.journal
        {
            std::mem::swap(aside, &mut state.journal);
            state.fired(Kind::StateCopied, None);
        }
    }
}

/// While the run stands still, users go on for hours, and clients boot.
fn pass_the_night(cluster: &Cluster, nights: &mut Option<Seed>) {
    let Some(nights) = nights.as_mut() else { return };
    if !nights.chance(40) {
        return;
    }
    let percent = super::terms::deleted(nights);
    let mut state = cluster.state.borrow_mut();
    state.users_delete(percent);
    if nights.chance(40) {
        let away = nights.between(10, 300);
        state.strike(Kind::HalfClientBoots { away }, 0, &cluster.pause);
    }
    drop(state);
    cluster.idle(nights.between(60_000, 9 * 3_600_000));
}

/// A law that is broken, and how.
type Break = (&'static str, String);

fn broke(cluster: &Cluster, (law, what): Break) {
    cluster.state.borrow_mut().judge.broke(law, what);
}

/// A run of its own, with a journal of its own.
pub fn begin(cluster: &Cluster, schedule: Schedule, run: String, taken_back: Option<Progress>) -> Walked {
    let begun = Record::Begun {
        format: record::FORMAT,
        tool: "simulated".to_owned(),
        schedule_sha256: String::new(),
        plan_sha256: None,
        observation_sha256: None,
        origin: mfsupgrade::journal::Origin::default(),
        at: cluster.now(),
    };
    cluster.state.borrow_mut().journal =
        super::cluster::store::Journal { text: record::encode(0, &begun), records: 1, ..Journal::default() };
    Walked { schedule, run, taken_back, sessions: 0, accepts: false, failed: 0, quiet: 0 }
}

/// The operator turns round, or looks anew on the way back. `None`: there is nothing to bring back.
pub fn turn(cluster: &Cluster, upgrade: &Schedule, walked: &Walked, bug: Bug) -> Result<Option<Walked>, Break> {
    let progress = match &walked.taken_back {
        Some(progress) => progress.clone(),
        None => {
            let records = cluster.state.borrow_mut().reopen();
            Progress::replay(&records.map_err(|e| ("journal", format!("it cannot be read any more: {e}")))?)
        }
    };
    cluster.pause.store(false, Ordering::Relaxed);
    if walked.taken_back.is_none() {
        way_back::arm(cluster);
    }
    let Some(mut schedule) = way_back::begin(cluster, upgrade, &progress, bug) else { return refused(cluster) };
    if schedule.stages.is_empty() {
        if cluster.state.borrow().judge.lost_records {
            return Ok(None);
        }
        cluster.disarm();
        // what was set in motion before that look, such as a daemon's end, is none of its word
        cluster.idle(900_000);
        cluster.repair(true);
        // nor is what came up since: it is looked at once more
        let Some(again) = way_back::begin(cluster, upgrade, &progress, bug) else { return refused(cluster) };
        if again.stages.is_empty() {
            // what runs by programs that somebody has put in, under a master of their own, nothing was to be done about
            if !cluster.state.borrow().hosts.iter().any(|h| h.put_in && h.processes.iter().any(|p| p.new)) {
                tell(cluster, Said::Finished);
            }
            return Ok(None);
        }
        schedule = again;
    }
    bug.plant_back(&mut schedule);
    let run = format!("back-{}", cluster.state.borrow().session);
    let next = begin(cluster, schedule, run, Some(progress));
    let (failed, quiet) = if walked.taken_back.is_some() { (walked.failed, walked.quiet) } else { (0, 0) };
    Ok(Some(Walked { failed, quiet, ..next }))
}

/// The way back was refused.
fn refused(cluster: &Cluster) -> Result<Option<Walked>, Break> {
    let state = cluster.state.borrow();
    // what the journal has lost nobody knows of, and nothing is guessed
    match state.judge.lost_records || state.scenario.past.put_in.is_some() {
        true => Ok(None),
        false => Err(("refused", "the way back is refused though all is in order".to_owned())),
    }
}

fn name_of(said: &Result<Said, Break>, back: bool) -> &'static str {
    match (said, back) {
        (Ok(Said::Finished), false) => "finished",
        (Ok(Said::Finished), true) => "way back finished",
        (Ok(Said::Paused(_)), _) => "paused",
        (Ok(Said::Killed), _) => "killed",
        (Ok(Said::Failed { kind, .. }), _) => kind_name(*kind),
        (Err(_), _) => "broken",
    }
}

fn kind_name(kind: mfsupgrade::run::FailureKind) -> &'static str {
    use mfsupgrade::run::FailureKind::{GateRed, Journal, Locked, StepFailed, Unknown, Unreachable};
    match kind {
        StepFailed => "failed: step",
        GateRed => "failed: gate",
        Unknown => "failed: unknown",
        Unreachable => "failed: unreachable",
        Journal => "failed: journal",
        Locked => "failed: locked",
    }
}

/// One session of the tool: `upgrade`, `rollback` or `resume`.
pub fn session(cluster: &Cluster, walked: &Walked, bug: Bug) -> Result<Said, Break> {
    let (schedule, first) = (&walked.schedule, walked.sessions == 0);
    let reopened = cluster.state.borrow_mut().reopen();
    let records = reopened.map_err(|e| ("journal", format!("it cannot be read any more: {e}")))?;
    let mut progress = Progress::replay(&records);
    bug.recall(&mut progress, schedule, cluster);
    cluster.state.borrow_mut().tell(Fact::Session);
    if progress.finished() {
        // that was true when it was written down; what has become of the cluster since is not this run's word
        cluster.state.borrow_mut().tell(Fact::Told("this run has reached its target".to_owned()));
        return Ok(Said::Finished);
    }
    if bug.believes(&progress, schedule) {
        return Ok(tell(cluster, Said::Finished));
    }
    let mut sink = PlantedSink { sink: Sink(cluster), bug };
    let at = cluster.now();
    if !first && let Err(e) = sink.append(Record::Resumed { at }) {
        let kind = mfsupgrade::run::FailureKind::Journal;
        let account = format!("whether the file system is up is not asked: {e}");
        return Ok(tell(cluster, Said::Failed { kind, host: None, account: mounts_unasked(cluster, account) }));
    }
    let ports = Planted::new(cluster, bug, walked.taken_back.is_some());
    let laws = Wrong(bug);
    let telling = Telling(cluster, RefCell::default());
    let claim = cluster.state.borrow_mut().claim(&walked.run, bug);
    let taken = cluster.state.borrow_mut().take_lock(claim);
    assert_eq!(taken, Ok(()), "whoever walked it before has ended");
    let lost = Cell::new(false);
    let teller = telling::begin((cluster, schedule), &progress, &telling, &lost, bug);
    let runner = runner(cluster, walked, (&ports, &laws), &mut sink, &teller, &cluster.pause);
    let second = twice::second(cluster, walked, bug);
    let driven = cluster.drive(twice::beside(cluster, runner.walk(&progress), second));
    {
        let mut state = cluster.state.borrow_mut();
        (state.walker, state.second) = (None, false);
    }
    if !lost.get()
        && let Some(what) = telling::differs(cluster, schedule, matches!(driven, Driven::Killed))
    {
        broke(cluster, ("telling", what));
    }
    let said = match driven {
        Driven::Ended(Ending::Finished) => Said::Finished,
        Driven::Ended(Ending::Paused) => Said::Paused(telling.1.take()),
        Driven::Ended(Ending::Failed(failure, state)) => Said::Failed {
            kind: failure.kind,
            host: failure.host.map(|h| h.to_string()),
            account: format!("failed to {}: {}; {state}", failure.message, failure.causes.join(": ")),
        },
        Driven::Killed => Said::Killed,
        Driven::Endless => return Err(("endless", "the session does not end".to_owned())),
    };
    Ok(tell(cluster, said))
}

/// The executor, as a process of the tool has it.
pub fn runner<'r>(
    cluster: &'r Cluster,
    walked: &'r Walked,
    (ports, laws): (&'r Planted<'r>, &'r Wrong),
    journal: &'r mut dyn JournalSink,
    events: &'r dyn EventSink,
    pause: &'r AtomicBool,
) -> Runner<'r, Planted<'r>, Planted<'r>, Planted<'r>> {
    let schedule = &walked.schedule;
    Runner {
        schedule,
        baseline: RefCell::new(schedule.baseline.clone().expect("an observed schedule")),
        run: walked.run.clone(),
        simulated: None,
        hosts: ports,
        master: ports,
        laws,
        guard: cluster,
        clock: ports,
        journal: RefCell::new(journal),
        backup: "/nowhere".into(),
        events,
        pause,
        done: RefCell::default(),
        open: RefCell::default(),
        found: RefCell::default(),
        aside: RefCell::default(),
        clocks: RefCell::default(),
        machines: RefCell::default(),
        accepts_metadata: walked.accepts,
        unserved: Cell::default(),
    }
}

/// A tool that ends before it looks says nothing about mounts either.
fn mounts_unasked(cluster: &Cluster, mut account: String) -> String {
    for host in &cluster.state.borrow().hosts {
        for mount in &host.mounts {
            account += &format!("; whether {mount} is mounted on {} is not asked", host.name);
        }
    }
    account
}

fn tell(cluster: &Cluster, said: Said) -> Said {
    cluster.state.borrow_mut().tell(Fact::Stopped(said.clone()));
    said
}

/// What came of many seeds.
#[derive(Debug, Default)]
pub struct Tally {
    pub seeds: u64,
    pub sessions: usize,
    pub hours: u64,
    pub faults: BTreeMap<&'static str, usize>,
    pub endings: BTreeMap<&'static str, usize>,
    /// Seeds that broke a law, with the first of them.
    pub broken: BTreeMap<u64, Broken>,
}

impl Tally {
    fn add(&mut self, seed: u64, played: &Played) {
        self.seeds += 1;
        self.sessions += played.sessions;
        self.hours += (played.took / 3_600_000) as u64;
        played.fired.iter().for_each(|name| *self.faults.entry(name).or_default() += 1);
        played.endings.iter().for_each(|name| *self.endings.entry(name).or_default() += 1);
        if let Some(broken) = played.broken.first() {
            self.broken.insert(seed, broken.clone());
        }
    }

    fn join(&mut self, other: Self) {
        self.seeds += other.seeds;
        self.sessions += other.sessions;
        self.hours += other.hours;
        other.faults.into_iter().for_each(|(name, n)| *self.faults.entry(name).or_default() += n);
        other.endings.into_iter().for_each(|(name, n)| *self.endings.entry(name).or_default() += n);
        self.broken.extend(other.broken);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (faults, resumes) = (self.faults.values().sum::<usize>(), self.sessions - self.seeds as usize);
        let kills = self.endings.get("killed").copied().unwrap_or_default();
        writeln!(
            f,
            "{} seeds, {faults} faults, {} sessions ({kills} killed, {resumes} resumed), {} hours of virtual time",
            self.seeds, self.sessions, self.hours
        )?;
        writeln!(f, "faults:")?;
        self.faults.iter().try_for_each(|(name, n)| writeln!(f, "  {n:>7} {name}"))?;
        writeln!(f, "sessions ended:")?;
        self.endings.iter().try_for_each(|(name, n)| writeln!(f, "  {n:>7} {name}"))?;
        writeln!(f, "seeds that broke a law: {}", self.broken.len())?;
        self.broken.iter().take(40).try_for_each(|(seed, broken)| {
            writeln!(f, "  seed {seed}: {broken}")?;
            writeln!(f, "    {}", again(*seed))
        })
    }
}

/// How a seed is played again, with its whole history.
fn again(seed: u64) -> String {
    format!("cargo run --release --example simulate -- --seed {seed}")
}

/// The first seed that broke a law, as a test that fails tells it: its cluster, its history, what was broken, and how to play
/// it again.
pub fn first_broken(tally: &Tally, bug: Bug) -> Option<String> {
    let (seed, _) = tally.broken.first_key_value()?;
    Some(format!("{}{}", play(&Scenario::new(*seed), bug, false), again(*seed)))
}

/// Runs seeds `from..from + seeds` on all cores.
pub fn run(from: u64, seeds: u64, bug: Bug) -> Tally {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let (next, all) = (AtomicU64::new(from), Mutex::new(Tally::default()));
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                let mut tally = Tally::default();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= from + seeds {
                        break;
                    }
                    tally.add(seed, &play(&Scenario::new(seed), bug, false));
                }
                all.lock().expect("no thread panics with it").join(tally);
            });
        }
    });
    all.into_inner().expect("no thread panics with it")
}
