//! What a seed makes: a cluster, how fast things are in it, and what goes wrong.

use std::fmt;

use mfsupgrade::plan::Mode;
use semver::Version;

use super::abandon;
use super::drift::Drift;
use super::faults::Armed;
use super::past::Past;
use super::seed::Seed;
use super::terms::{self, Terms};
use super::twice::Twice;

/// The release that runs at first.
pub static OLD: Version = Version::new(1, 5, 12);

/// How the new release gets onto hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    SourceDir,
    Archive,
    OwnCommand,
}

/// How long things take at most, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    pub latency: i64,
    pub install: i64,
    pub build: i64,
    pub keep: i64,
    pub snapshot: i64,
    pub trial: i64,
    /// A daemon's end.
    pub stop: i64,
    /// A new master's loading.
    pub serve: i64,
    /// A new chunkserver's scan.
    pub scan: i64,
    /// Until a daemon or mount finds its master.
    pub connect: i64,
    pub mount: i64,
    /// A master's hourly save.
    pub save: i64,
}

/// A whole story, but for what the executor makes of it.
#[derive(Debug, Clone)]
pub struct Scenario {
    pub seed: u64,
    pub mode: Mode,
    pub to: Version,
    pub how: How,
    pub servers: usize,
    /// The mount points of each client.
    pub clients: Vec<Vec<&'static str>>,
    /// Sections of clients in the plan.
    pub sections: usize,
    pub parallel: usize,
    /// As many clients live on the chunkservers' hosts.
    pub shared: usize,
    pub loggers: usize,
    pub stagger_s: (i64, i64),
    pub master_wait_s: i64,
    /// Chunks under goal before anything begins.
    pub under_goal: u32,
    /// Whether configuration has to be written.
    pub configured: bool,
    /// Milliseconds between two looks at the same thing.
    pub between_looks: i64,
    /// Seconds into the hour at the beginning.
    pub into_the_hour: i64,
    pub pace: Pace,
    pub terms: Terms,
    pub drift: Drift,
    pub past: Past,
    pub faults: Vec<Armed>,
    /// The operator goes the way back, after so many sessions or when it is finished.
    pub back: Option<usize>,
    /// What goes wrong on it.
    pub back_faults: Vec<Armed>,
    /// Whether users go on and clients boot while the run stands still.
    pub nights: bool,
}

impl Scenario {
    pub fn new(seed: u64) -> Self {
        let mut r = Seed::new(seed);
        let mode = if r.chance(60) { Mode::Rolling } else { Mode::FullStop };
        let servers = if r.chance(70) { 1 + r.below(5) } else { 1 + r.below(12) };
        let clients: Vec<Vec<&'static str>> = (0..if r.chance(70) { r.below(4) } else { r.below(9) })
            .map(|_| if r.chance(30) { vec!["/mnt/mfs", "/srv/archive"] } else { vec!["/mnt/mfs"] })
            .collect();
        let least = 300 + if r.chance(30) { r.between(0, 200) } else { 0 };
        let slow = r.pick(&[1, 1, 3, 10]);
        let long = if r.chance(10) { 30 } else { 1 };
        let mut of = |least: i64, greatest: i64| r.between(least, greatest) * slow;
        let pace = Pace {
            latency: of(10, 100),
            install: of(2_000, 12_000) * long,
            build: of(20_000, 100_000),
            keep: of(200, 1_000),
            snapshot: of(200, 2_000),
            trial: of(100, 700),
            stop: of(100, 800),
            serve: of(100, 1_000),
            scan: of(0, 20_000),
            connect: of(200, 700),
            mount: of(100, 400),
            save: of(2_000, 20_000),
        };
        let mut scenario = Self {
            seed,
            mode,
            to: if r.chance(10) { Version::new(1, 6, 5) } else { Version::new(1, 6, 27) },
            how: r.pick(&[How::SourceDir, How::Archive, How::OwnCommand]),
            servers,
            sections: if r.chance(20) { 2 } else { 1 },
            parallel: 1 + r.below(4),
            shared: if r.chance(15) { r.below(clients.len().min(servers) + 1) } else { 0 },
            clients,
            loggers: r.below(3),
            stagger_s: (least, if r.chance(20) { least } else { 600 }),
            master_wait_s: 180 + if r.chance(20) { r.between(0, 120) } else { 0 },
            under_goal: if r.chance(15) { r.between(1, 5) as u32 } else { 0 },
            configured: r.chance(30),
            between_looks: r.pick(&[1_000, 2_000, 5_000]),
            into_the_hour: if r.chance(20) { r.between(3400, 3599) } else { r.between(0, 3599) },
            pace,
            terms: Terms::PLAIN,
            drift: Drift::default(),
            past: Past::default(),
            faults: Vec::new(),
            back: None,
            back_faults: Vec::new(),
            nights: false,
        };
        let faults = match r.below(10) {
            0 => 0,
            1..=3 => 1,
            4..=6 => 1 + r.below(3),
            _ => 3 + r.below(6),
        };
        let (commands, seconds) = (scenario.commands(), scenario.seconds());
        scenario.faults = (0..faults).map(|_| Armed::any(&mut r, commands, seconds)).collect();
        if r.chance(40) {
            scenario.back = Some(if r.chance(50) { 60 } else { 1 + r.below(3) });
            let faults = if r.chance(15) { 0 } else { 1 + r.below(4) };
            scenario.back_faults = (0..faults).map(|_| Armed::any(&mut r, commands, seconds)).collect();
        }
        let mut others = Seed::new(seed ^ 0x7e25);
        scenario.terms = Terms::draw(&mut others, super::cluster::EPOCH + scenario.into_the_hour);
        scenario.faults.extend(terms::faults(&mut others, scenario.clients.len(), commands, seconds));
        if scenario.back.is_some() {
            scenario.back_faults.extend(terms::faults(&mut others, scenario.clients.len(), commands, seconds));
        }
        let mut hanging = Seed::new(seed ^ 0x4a96);
        scenario.faults.extend(terms::hangs(&mut hanging, seconds));
        if scenario.back.is_some() {
            scenario.back_faults.extend(terms::hangs(&mut hanging, seconds));
        }
        let mut clocks = Seed::new(seed ^ 0xc10c);
        let hosts = 1 + scenario.loggers + scenario.servers;
        scenario.drift = Drift::draw(&mut clocks, hosts);
        scenario.faults.extend(Drift::faults(&mut clocks, seconds));
        if scenario.back.is_some() {
            scenario.back_faults.extend(Drift::faults(&mut clocks, seconds));
        }
        let mut users = Seed::new(seed ^ 0xde1e7e);
        scenario.nights = users.chance(40);
        scenario.faults.extend(terms::people(&mut users, seconds));
        if scenario.back.is_some() {
            scenario.back_faults.extend(terms::people(&mut users, seconds));
        }
        let mut past = Seed::new(seed ^ 0x9a57);
        scenario.past = Past::draw(&mut past, hosts + scenario.clients.len() - scenario.shared);
        scenario.faults.extend(terms::disks(&mut past, seconds));
        if scenario.back.is_some() {
            scenario.back_faults.extend(terms::disks(&mut past, seconds));
        }
        scenario.faults.extend(terms::watchdogs(&mut Seed::new(seed ^ 0xd06)));
        scenario.past.twice = Twice::draw(&mut Seed::new(seed ^ 0x7417ce), seconds);
        let pause = abandon::draw(&mut Seed::new(seed ^ 0xaba2d02), &scenario);
        scenario.past.abandons = pause.is_some();
        scenario.faults.extend(pause);
        scenario
    }

    /// The same cluster without a fault.
    pub fn quiet(seed: u64) -> Self {
        let (drift, past) = (Drift::default(), Past::default());
        let (faults, back_faults) = (Vec::new(), Vec::new());
        Self { faults, back_faults, back: None, drift, past, nights: false, ..Self::new(seed) }
    }

    /// About how many commands a run without faults takes.
    pub fn commands(&self) -> usize {
        let hosts = 1 + self.loggers + self.servers;
        6 + 3 * hosts + 4 * self.clients.len() + if self.how == How::Archive { 2 * hosts } else { 0 }
    }

    /// About how many seconds.
    fn seconds(&self) -> i64 {
        let hosts = (1 + self.loggers + self.servers + self.clients.len()) as i64;
        let waits = match self.mode {
            Mode::Rolling => self.stagger_s.0 * (self.servers as i64 - 1),
            Mode::FullStop => self.master_wait_s,
        };
        waits + hosts * (self.pace.install + self.pace.keep) / 1000 + self.pace.scan / 1000 + 60
    }

    /// Whether the release can be tried beside the running master.
    pub fn can_be_tried(&self) -> bool {
        self.to >= Version::new(1, 6, 9)
    }

    /// Whether its chunkservers rename the folders of their disks.
    pub fn has_wide_folders(&self) -> bool {
        self.to >= Version::new(1, 6, 6)
    }

    /// The host onto which the new programs were put before the run.
    pub fn put_in(&self) -> Option<String> {
        let names = std::iter::once("master".to_owned())
            .chain((0..self.loggers).map(logger))
            .chain((0..self.servers).map(server))
            .chain((0..self.clients.len()).filter(|n| *n >= self.shared).map(|n| self.client(n)));
        self.past.put_in.and_then(|at| names.into_iter().nth(at))
    }

    /// The host of client `n`.
    pub fn client(&self, n: usize) -> String {
        if n < self.shared { server(n) } else { format!("cl{}", n + 1) }
    }
}

/// The host of chunkserver `n`.
pub fn server(n: usize) -> String {
    format!("cs{}", n + 1)
}

/// The host of metalogger `n`.
pub fn logger(n: usize) -> String {
    format!("log{}", n + 1)
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mounts: usize = self.clients.iter().map(Vec::len).sum();
        writeln!(
            f,
            "seed {}: {} to {}, {:?}, {} chunkservers, {} metaloggers, {} clients with {mounts} mounts in {} sections, {} at \
             a time, {} of them on chunkservers",
            self.seed,
            self.mode,
            self.to,
            self.how,
            self.servers,
            self.loggers,
            self.clients.len(),
            self.sections,
            self.parallel,
            self.shared
        )?;
        writeln!(
            f,
            "  stagger {}..{} s, master_wait {} s, {} under goal before, configuration written: {}, looks {} ms apart, {} s \
             into the hour, {:?}, {:?}",
            self.stagger_s.0,
            self.stagger_s.1,
            self.master_wait_s,
            self.under_goal,
            self.configured,
            self.between_looks,
            self.into_the_hour,
            self.pace,
            self.terms
        )?;
        self.faults.iter().try_for_each(|armed| writeln!(f, "  {:?}: {:?}", armed.when, armed.kind))?;
        if self.drift != Drift::default() {
            writeln!(f, "  {:?}", self.drift)?;
        }
        if self.past != Past::default() {
            writeln!(f, "  {:?}", self.past)?;
        }
        if let Some(after) = self.back {
            writeln!(f, "  the way back after {after} sessions")?;
        }
        self.back_faults.iter().try_for_each(|armed| writeln!(f, "  on it, {:?}: {:?}", armed.when, armed.kind))
    }
}
