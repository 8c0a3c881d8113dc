//! The simulated cluster: hosts with processes, a master's view of them, faults that strike, and virtual time. It notes
//! everything that happens, and its judge sees each note as it is made.

pub mod command;
pub mod happen;
pub mod host;
pub mod operator;
pub mod ports;
pub mod show;
pub mod store;
pub mod time;
pub mod users;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use mfsupgrade::host::lock::Claim;
use mfsupgrade::moosefs::daemon::Role;

use self::happen::Happening;
use self::host::{Host, Process};
use super::fact::{By, Fact, Health};
use super::faults::{Armed, Kind};
use super::judge::Judge;
use super::scenario::{Scenario, logger, server};
use super::seed::Seed;
use super::shape::address;

/// Chunks, all of goal 2, or of goal 1 where there is one chunkserver.
pub const CHUNKS: u32 = 1000;

/// Inodes in the beginning.
pub const INODES: u32 = 100_000;

/// Changes that the metadata has seen in the beginning.
pub const CHANGES: u64 = 1000;

/// The version of metadata that is not this cluster's.
const OTHER: u64 = 7;

/// From this release on a chunkserver does not look for the chunks of 1.5 on disks that are marked for removal.
pub const MARKS_ARE_HEEDED: semver::Version = semver::Version::new(1, 6, 18);

/// The world's beginning, in seconds since 1970, on a full hour.
pub const EPOCH: i64 = 1_700_002_800;

/// A command that was sent.
pub struct Job {
    pub host: usize,
    pub deed: super::deed::Deed,
    /// Whether it goes on.
    pub alive: bool,
    /// What of it the tool sees: a code and what was printed, or nothing.
    pub seen: Option<Result<(i32, String), String>>,
    pub waker: Option<std::task::Waker>,
    /// How it ended, as the host wrote it down.
    pub ended: Option<(i32, String)>,
    pub fault: Option<Kind>,
    /// The mount that it takes away: the one that was there when it began.
    pub mount: Option<u32>,
    /// Whether it takes it away from under whoever uses it.
    pub lazy: bool,
    /// Which session sent it.
    pub session: usize,
    /// Until when it is waited for: whatever it says after that, nobody hears.
    pub until: i64,
}

/// Everything that changes.
pub struct State {
    /// Milliseconds from the start.
    pub now: i64,
    pub scenario: Scenario,
    pub random: Seed,
    pub hosts: Vec<Host>,
    pub jobs: Vec<Job>,
    /// Jobs by host and folder.
    pub named: std::collections::HashMap<(usize, String), usize>,
    pub agenda: BTreeMap<(i64, u64), Happening>,
    pub faults: Vec<Option<Armed>>,
    pub session: usize,
    pub commands: usize,
    pub appends: usize,
    /// Chunks under goal, and until when.
    pub thin: Vec<(u32, i64)>,
    /// By how many seconds the clock of the tool's machine is ahead, and by how many it was when this session began.
    pub ahead: i64,
    pub session_ahead: i64,
    /// Names that lead to another machine in this session.
    pub strays: BTreeMap<String, usize>,
    /// Until when the master's port cannot be reached.
    pub silent_until: i64,
    /// Whether another run has the cluster's lock, and until when nothing is heard of it.
    pub lock_taken: bool,
    pub lock_silent_until: i64,
    /// The process that walks the run, as the lock's file has it, and how many have drawn their words.
    pub walker: Option<Claim>,
    pub words: u32,
    /// What is sent now is sent by a second process.
    pub second: bool,
    pub saving: bool,
    /// How many copies of the metadata were made on the host.
    pub copies: u32,
    pub copy_differs: bool,
    /// A new master ran.
    pub was_new: bool,
    /// What the metadata knows, and how many changes it has seen when its master last ended.
    pub inodes: u32,
    pub chunks: u32,
    pub changes: u64,
    /// What it knew when it was copied last.
    pub copied: (u32, u32),
    pub pids: u32,
    pub numbers: u64,
    pub woken: bool,
    /// The tool was killed.
    pub dead: bool,
    /// Records that are lost with it.
    pub lost: usize,
    pub journal: store::Journal,
    pub health: Health,
    pub history: Vec<(i64, Fact)>,
    pub judge: Judge,
    pub fired: Vec<&'static str>,
}

/// The world behind the ports.
pub struct Cluster {
    pub state: RefCell<State>,
    pub pause: AtomicBool,
    /// Whether what the executor tells is kept as well.
    pub tells: Cell<bool>,
}

impl Cluster {
    pub fn new(scenario: &Scenario) -> Self {
        let mut random = Seed::new(scenario.seed ^ 0x5eed);
        let mut hosts = vec![Host::new("master")];
        hosts.extend((0..scenario.loggers).map(|n| Host::new(&logger(n))));
        hosts.extend((0..scenario.servers).map(|n| Host { server: Some(n), ..Host::new(&server(n)) }));
        for (n, mounts) in scenario.clients.iter().enumerate() {
            let name = scenario.client(n);
            if hosts.iter().all(|h| h.name != name) {
                hosts.push(Host::new(&name));
            }
            let host = hosts.iter_mut().find(|h| h.name == name).expect("it was just put there");
            host.mounts = mounts.iter().map(|&m| m.to_owned()).collect();
        }
        for host in &mut hosts {
            host.address = address(&host.name);
            host.connect_ms = random.between(1, scenario.pace.connect);
            host.scan_ms = random.between(0, scenario.pace.scan);
        }
        if let Some(host) = scenario.past.put_in.and_then(|at| hosts.get_mut(at)) {
            host.put_in = true;
        }
        if let Some(first) = hosts.iter_mut().find(|host| host.server == Some(0)) {
            first.lost = scenario.past.lost;
        }
        let mut state = State {
            now: 0,
            random,
            hosts,
            jobs: Vec::new(),
            named: std::collections::HashMap::new(),
            agenda: BTreeMap::new(),
            faults: scenario.faults.iter().copied().map(Some).collect(),
            session: 0,
            commands: 0,
            appends: 0,
            thin: vec![(scenario.under_goal, i64::MAX)],
            ahead: 0,
            session_ahead: 0,
            strays: BTreeMap::new(),
            silent_until: 0,
            lock_taken: false,
            lock_silent_until: 0,
            walker: None,
            words: 0,
            second: false,
            saving: false,
            copies: 0,
            copy_differs: false,
            was_new: false,
            inodes: INODES,
            chunks: CHUNKS,
            changes: CHANGES,
            copied: (INODES, CHUNKS),
            pids: 100,
            numbers: 0,
            woken: true,
            dead: false,
            lost: 0,
            journal: store::Journal::default(),
            health: Health::default(),
            history: Vec::new(),
            judge: Judge::new(scenario),
            fired: Vec::new(),
            scenario: scenario.clone(),
        };
        state.begin();
        Self { state: RefCell::new(state), pause: AtomicBool::new(false), tells: Cell::new(false) }
    }
}

fn seconds(ms: i64) -> u64 {
    u64::try_from(ms / 1000).unwrap_or(0)
}

impl State {
    /// What runs at the beginning: everything, in the old release, for a long time.
    fn begin(&mut self) {
        self.now = -24 * 3600 * 1000;
        for at in 0..self.hosts.len() {
            for (role, mount) in self.hosts[at].daemons() {
                if role != Role::Metalogger {
                    let pid = self.spawn(at, role, false, mount, By::World);
                    self.ready(at, pid);
                }
            }
        }
        for host in self.hosts.iter_mut().filter(|host| host.put_in) {
            host.programs.extend([Role::Master, Role::Metalogger, Role::Chunkserver, Role::Client]);
        }
        self.agenda.clear();
        self.now = 0;
        self.history.clear();
        self.recheck();
        for (index, armed) in self.scenario.faults.clone().iter().enumerate() {
            if let super::faults::When::Second(second) = armed.when {
                self.plan(second * 1000, Happening::Fault(index));
            }
        }
        let to_the_hour = (3600 - self.scenario.into_the_hour) * 1000;
        self.plan(to_the_hour + 500, Happening::Save);
    }

    /// Seconds since 1970, as every clock of this world has it.
    pub fn clock(&self) -> i64 {
        EPOCH + self.scenario.into_the_hour + self.now.div_euclid(1000)
    }

    pub fn plan(&mut self, after: i64, what: Happening) {
        self.numbers += 1;
        self.agenda.insert((self.now + after.max(0), self.numbers), what);
    }

    pub fn tell(&mut self, fact: Fact) {
        if fact == Fact::Session {
            self.session += 1;
            // nobody goes on without it, and the operator sees to it that it can be had
            self.lock_taken = false;
        }
        self.judge.see(self.now, &fact);
        self.history.push((self.now, fact));
    }

    pub fn fired(&mut self, kind: Kind, host: Option<usize>) {
        self.fired.push(kind.name());
        let host = host.map(|at| self.hosts[at].name.clone());
        self.tell(Fact::Fault { kind, host });
    }

    /// A time of at most `greatest` milliseconds.
    pub fn about(&mut self, greatest: i64) -> i64 {
        self.random.between(greatest / 4, greatest).max(1)
    }

    pub fn host(&self, name: &str) -> usize {
        self.hosts.iter().position(|h| h.name == name).expect("a host of the plan")
    }

    pub fn spawn(&mut self, host: usize, role: Role, new: bool, mount: Option<String>, by: By) -> u32 {
        self.pids += 1;
        let pid = self.pids;
        let name = self.hosts[host].name.clone();
        self.hosts[host].processes.push(Process {
            pid,
            role,
            new,
            mount: mount.clone(),
            since: self.now,
            ready: None,
            other_metadata: false,
            loaded: 0,
            blind: false,
            hides: 0,
            mounted: false,
            left: false,
        });
        self.tell(Fact::Process { host: name, role, new, mount, runs: true, by });
        pid
    }

    /// A process serves from now on.
    pub fn ready(&mut self, host: usize, pid: u32) {
        let now = self.now;
        let h = &mut self.hosts[host];
        // once: a command that hung and ends changes nothing of a daemon that serves since
        let Some(process) = h.processes.iter_mut().find(|p| p.pid == pid && p.ready.is_none()) else { return };
        process.ready = Some(now);
        process.loaded = if process.other_metadata { OTHER } else { self.changes };
        process.mounted = process.role == Role::Client;
        process.blind = process.role == Role::Chunkserver && !process.new && h.wide;
        if process.role == Role::Master {
            h.metadata_saved = None;
            self.was_new |= process.new;
        }
        let new = process.new;
        let (role, mount) = (process.role, process.mount.clone());
        h.taken.retain(|taken| *taken != (role, mount.clone()));
        let (connect, scan) = (h.connect_ms, h.scan_ms);
        if role == Role::Master {
            self.tell(Fact::Metadata { whole: false });
        }
        // chunks are moved to the folders 00 to FF by 1.6.6 and later
        if role == Role::Chunkserver && new && !self.hosts[host].wide && self.scenario.has_wide_folders() {
            self.hosts[host].wide = true;
            self.tell(Fact::Folders { host: self.hosts[host].name.clone(), wide: true });
        }
        for after in [connect, connect + scan] {
            self.plan(after, Happening::Recheck);
        }
        if self.hosts[host].processes.iter().any(|p| p.pid == pid && p.role == Role::Master) {
            let all: Vec<i64> = self.hosts.iter().map(|h| h.connect_ms).collect();
            all.into_iter().for_each(|after| self.plan(after, Happening::Recheck));
        }
        self.recheck();
    }

    /// A process ends; a master that ends `cleanly` leaves its metadata.
    pub fn end(&mut self, host: usize, pid: u32, by: By, cleanly: bool) {
        let clock = self.clock() + self.hosts[host].ahead + self.scenario.drift.disk_ahead;
        let h = &mut self.hosts[host];
        let Some(at) = h.processes.iter().position(|p| p.pid == pid) else { return };
        let process = h.processes.remove(at);
        if process.role == Role::Master
            && let Some(since) = process.ready
        {
            if !process.other_metadata {
                self.changes += seconds(self.now - since);
            }
            let h = &mut self.hosts[host];
            h.metadata_saved = cleanly.then_some(clock);
            self.tell(Fact::Metadata { whole: cleanly });
        }
        // the process of an unmounted 1.5 mount lives on for a moment; the mount ended before
        if process.role == Role::Client && !process.mounted {
            if let (true, Some(mount)) = (process.left, process.mount) {
                self.tell(Fact::Left { host: self.hosts[host].name.clone(), mount, left: false });
            }
            return;
        }
        let h = &mut self.hosts[host];
        // who waits for its end, however long that was to take, goes on
        let waits = h.processes.iter().find(|p| p.role == process.role && p.ready.is_none()).map(|p| p.pid);
        let hangs = |j: &Job| j.alive && j.host == host && matches!(j.fault, Some(Kind::Hangs(_)));
        if let Some(pid) = waits.filter(|_| process.role != Role::Client && self.jobs.iter().any(hangs)) {
            self.plan(1000, Happening::Ready { host, pid });
        }
        let (name, Process { role, new, mount, .. }) = (self.hosts[host].name.clone(), process);
        self.tell(Fact::Process { host: name, role, new, mount, runs: false, by });
        self.recheck();
    }

    /// Looks whether the cluster changed, and tells it.
    pub fn recheck(&mut self) {
        let health = self.view();
        if health != self.health {
            self.health = health.clone();
            self.tell(Fact::Health(health));
        }
    }

    /// How many changes the metadata of a master has seen by now: one a second.
    pub fn version_of(&self, master: &Process) -> u64 {
        match master.ready {
            Some(since) if !master.other_metadata => self.changes + seconds(self.now - since),
            _ => master.loaded,
        }
    }

    /// The master that serves.
    pub fn master(&self) -> Option<&Process> {
        self.hosts[0].processes.iter().find(|p| p.role == Role::Master && p.ready.is_some())
    }

    /// When a process that is ready finds the master that serves; in the future, if it has not yet.
    pub fn connected_at(&self, host: &Host, process: &Process) -> Option<i64> {
        let master = self.master()?.ready?;
        Some(master.max(process.ready?) + host.connect_ms)
    }

    fn view(&self) -> Health {
        let back: Vec<bool> = (0..self.scenario.servers)
            .map(|n| {
                let host = self.hosts.iter().find(|h| h.server == Some(n)).expect("every server has a host");
                host.up && self.server_shows(host).is_some_and(|(_, chunks)| chunks > 0)
            })
            .collect();
        let away = back.iter().filter(|b| !**b).count() as u32;
        let servers = back.len() as u32;
        let share = if servers < 2 { self.chunks } else { 2 * self.chunks / servers };
        let thin: u32 = self.thin.iter().filter(|(_, until)| self.now < *until).map(|(n, _)| n).sum();
        let gone: u32 = self.hosts.iter().map(|host| self.gone(host)).sum();
        let thin = thin + gone;
        let missing = match (servers, away) {
            (1, 0) => gone.min(self.chunks),
            (1, away) => away * self.chunks,
            (_, 0 | 1) => 0,
            (servers, away) if away == servers => self.chunks,
            (_, away) => share / 4 * (away - 1),
        };
        let under_goal = (thin + away * share).min(self.chunks);
        let master = self.master();
        Health {
            master: master.map(|m| m.new),
            other_metadata: master.is_some_and(|m| m.other_metadata),
            back,
            under_goal,
            missing,
        }
    }

    /// The chunkserver of a host as the master lists it: its process, and its chunks.
    pub fn server_shows<'s>(&self, host: &'s Host) -> Option<(&'s Process, u32)> {
        let process = host.processes.iter().find(|p| p.role == Role::Chunkserver && p.ready.is_some())?;
        let connected = self.connected_at(host, process)?;
        // an old master refuses new ones
        if self.now < connected || (process.new && !self.master()?.new) {
            return None;
        }
        let scanned = process.ready? + if process.new { host.connect_ms + host.scan_ms } else { 0 };
        let share = i64::from(self.chunks * 2 / (self.scenario.servers as u32).max(2)) + host.moved;
        let shows = u32::try_from(share).unwrap_or(0).saturating_sub(self.gone(host)).max(1);
        // 1.5 does not look into the folders of 1.6
        Some((process, if self.now < scanned || process.blind { 0 } else { shows }))
    }

    /// Chunks of a chunkserver that it does not show, as far as its master can know: an old one goes on to tell of files that
    /// were lost while it ran.
    fn gone(&self, host: &Host) -> u32 {
        let shown = host.running(Role::Chunkserver).find(|p| p.ready.is_some());
        shown.map_or(0, |p| p.hides + if p.since > 0 { host.lost } else { 0 })
    }
}
