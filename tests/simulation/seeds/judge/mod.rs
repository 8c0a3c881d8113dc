//! The judge: it sees what happened in the world, fact by fact, and holds it against the laws of an upgrade. It knows no
//! schedule, no journal and nothing that the executor believes; what the executor says at its end it holds against the world.

mod account;
mod back;
mod busy;
mod counts;
mod lock;
mod metadata;
mod order;
mod rolling;
mod stop;
mod twice;
mod window;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use mfsupgrade::moosefs::daemon::Role;
use mfsupgrade::plan::Mode;

use super::deed::Deed;
use super::fact::{By, Fact, Health};
use super::faults::Kind;
use super::scenario::{Scenario, logger, server};
use super::terms::Terms;

/// How old a look may be on which something is taken down: a host that was lost is looked for that long, and a command may
/// wait for its connection.
const FRESH: i64 = 180_000;

/// How old a look may be on which a command is sent, or something is said.
const JUST: i64 = 30_000;

/// How old a copy of the metadata may be when its master goes: an hour, and what may come between the look and the command.
const RENEWED: i64 = 3_600_000 + 600_000;

/// The laws. Each has a planted bug that breaks it (`plant::PLANTED`).
pub const LAWS: &[&str] = &[
    "account",
    "backup",
    "baseline",
    "beside",
    "busy",
    "endless",
    "false-alarm",
    "folders",
    "healthy-master",
    "identity",
    "journal",
    "lock",
    "master-wait",
    "metadata",
    "older",
    "one-down",
    "order",
    "pause",
    "refused",
    "renewed",
    "saving",
    "stagger",
    "stop",
    "stuck",
    "target",
    "telling",
    "trial",
    "twice",
    "way-back",
    "window",
];

/// A law that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Its name.
    pub law: &'static str,
    /// When, in milliseconds.
    pub at: i64,
    pub what: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] at {} s: {}", self.law, self.at / 1000, self.what)
    }
}

/// A process that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Running {
    host: String,
    role: Role,
    mount: Option<String>,
    new: bool,
    since: i64,
    by: By,
}

/// A copy of the metadata.
#[derive(Debug, Default)]
struct Copy {
    files: usize,
    here: BTreeSet<String>,
    differs: bool,
    loaded: bool,
    /// When it was made, and when it was tried last.
    at: i64,
    tried_at: i64,
}

/// What it knows.
pub struct Judge {
    mode: Mode,
    can_be_tried: bool,
    stagger: i64,
    master_wait: i64,
    under_goal: u32,
    /// Lost copies that the plan accepts.
    accepts: u32,
    /// The host on which there was no old program to keep.
    without_old: Option<String>,
    terms: Terms,
    into_the_hour: i64,
    /// By how many seconds the clock of the tool's machine is ahead, and when it was set last.
    ahead: i64,
    set_at: i64,
    servers: Vec<String>,
    loggers: Vec<String>,
    mounts: Vec<(String, String)>,
    now: i64,
    running: Vec<Running>,
    /// The release that is to be reached: the new one, or on the way back the old one.
    goal: bool,
    /// Of which role a daemon of that release ran on which host, ever.
    reached: BTreeSet<(String, Role)>,
    /// Whether the master's host has the metadata of a clean end.
    metadata_is_whole: bool,
    /// Chunkservers whose disks have the folders of 1.6.
    wide: BTreeSet<String>,
    /// When our own commands ended the last daemon of a role on a host.
    ended: BTreeMap<(String, Role), i64>,
    /// When a daemon or mount ended on a host that we had started in the release that is to be reached, whoever ended it.
    gone: BTreeMap<(String, Role), i64>,
    lock: lock::Lock,
    users: busy::Users,
    health: Health,
    /// When all could be read last, when the cluster was whole under any master, and when it was not.
    serving: i64,
    whole: i64,
    not_whole: i64,
    /// Since when a master serves other metadata.
    other_since: Option<i64>,
    /// Whether a session goes on.
    at_work: bool,
    /// When the cluster was well last, and at the target.
    well: i64,
    target: i64,
    master_since: i64,
    /// Chunkservers that we have taken down and that are not back; whether the master has lost them.
    down: BTreeMap<usize, bool>,
    /// Those of this session alone.
    taken_now: BTreeSet<usize>,
    /// Which of them was back last, and when.
    back_at: Option<(usize, i64)>,
    server_started: Option<i64>,
    /// Another upgrade was begun where master and chunkservers are new.
    anew: bool,
    /// When the upgrade or the way back began: a mount that was away then is only told of.
    run_began: i64,
    session_began: i64,
    /// Whether a master served then.
    began_with_a_master: bool,
    /// The journal has lost something of this session.
    loses_records: bool,
    master_stopped: bool,
    copies: BTreeMap<u32, Copy>,
    saving: bool,
    /// Mounts that the tool has ever changed.
    changed: BTreeSet<(String, String)>,
    /// Mounts that we took away, and when.
    taken: BTreeMap<(String, String), i64>,
    faults: Vec<(Kind, Option<String>)>,
    /// A tool whose journal has lost what it did does not know that it did it.
    pub lost_records: bool,
    session: stop::Session,
    pub broken: Vec<Broken>,
}

impl Judge {
    pub fn new(scenario: &Scenario) -> Self {
        let servers: Vec<String> = (0..scenario.servers).map(server).collect();
        let mounts = scenario.clients.iter().enumerate().flat_map(|(n, points)| {
            let host = scenario.client(n);
            points.iter().map(move |p| (host.clone(), (*p).to_owned())).collect::<Vec<_>>()
        });
        Self {
            mode: scenario.mode,
            can_be_tried: scenario.can_be_tried(),
            stagger: scenario.stagger_s.0 * 1000,
            master_wait: scenario.master_wait_s * 1000,
            under_goal: scenario.under_goal + scenario.past.accepts,
            accepts: scenario.past.accepts,
            without_old: scenario.put_in(),
            terms: scenario.terms,
            into_the_hour: scenario.into_the_hour,
            ahead: 0,
            set_at: i64::MIN / 2,
            servers,
            loggers: (0..scenario.loggers).map(logger).collect(),
            mounts: mounts.collect(),
            now: 0,
            running: Vec::new(),
            goal: true,
            reached: BTreeSet::new(),
            metadata_is_whole: false,
            wide: BTreeSet::new(),
            ended: BTreeMap::new(),
            gone: BTreeMap::new(),
            lock: lock::Lock::default(),
            users: busy::Users::default(),
            health: Health::default(),
            serving: i64::MIN / 2,
            whole: i64::MIN / 2,
            not_whole: i64::MIN / 2,
            other_since: None,
            at_work: false,
            well: i64::MIN / 2,
            target: i64::MIN / 2,
            master_since: i64::MIN / 2,
            down: BTreeMap::new(),
            taken_now: BTreeSet::new(),
            back_at: None,
            server_started: None,
            anew: false,
            run_began: i64::MIN / 2,
            session_began: i64::MIN / 2,
            began_with_a_master: false,
            loses_records: false,
            master_stopped: false,
            copies: BTreeMap::new(),
            saving: false,
            changed: BTreeSet::new(),
            taken: BTreeMap::new(),
            faults: Vec::new(),
            lost_records: false,
            session: stop::Session::default(),
            broken: Vec::new(),
        }
    }

    pub fn broke(&mut self, law: &'static str, what: impl Into<String>) {
        assert!(LAWS.contains(&law), "{law} is no law that is known");
        self.broken.push(Broken { law, at: self.now, what: what.into() });
    }

    /// Something happened.
    pub fn see(&mut self, now: i64, fact: &Fact) {
        if self.is_well() {
            self.well = now;
        }
        if self.is_at_target() {
            self.target = now;
        }
        if self.is_serving() {
            self.serving = now;
        }
        *(if self.is_whole() { &mut self.whole } else { &mut self.not_whole }) = now;
        self.now = now;
        self.stopped_in_time();
        match fact {
            Fact::Reached => self.reached(),
            Fact::Session => {
                // of a start that its journal has lost a tool cannot know when it was
                let lost = self.loses_records && self.server_started.is_some_and(|at| at >= self.session_began);
                self.server_started = self.server_started.filter(|_| !lost);
                (self.session_began, self.loses_records) = (now, false);
                self.began_with_a_master = self.health.master.is_some();
                self.session = stop::Session::default();
                self.taken_now.clear();
                self.lock.session();
                self.users.session();
                self.at_work = true;
            }
            Fact::Stopped(said) => {
                self.account(said);
                self.at_work = false;
            }
            Fact::Looked { host, users } => {
                self.session.looked(now, host);
                if *users {
                    self.looked_at_users(host);
                }
            }
            Fact::Used { host, mount, used } => self.users.used(now, (host.clone(), mount.clone()), *used),
            Fact::Left { host, mount, left } => self.left((host.clone(), mount.clone()), *left),
            Fact::Command { host, deed } => {
                let class = self.class(host, deed);
                self.leaves_users_alone(host, deed, class);
                self.within_the_window(host, deed);
                self.under_the_lock(host, deed);
                self.stopped_elsewhere(host, deed);
                self.again(host, deed);
                self.in_a_whole_cluster(host, deed);
                if let Deed::Unmount(point) | Deed::Mount(point) = deed {
                    self.changed.insert((host.clone(), point.clone()));
                }
                self.with_metadata(host, deed);
                if self.goal {
                    self.in_order(host, deed);
                } else {
                    self.in_reverse_order(host, deed);
                    self.on_old_ground(host, deed);
                }
                let takes_down = if self.goal { Deed::Start(Role::Chunkserver) } else { Deed::Stop(Role::Chunkserver) };
                if *deed == takes_down {
                    self.one_at_a_time(host);
                }
            }
            Fact::Ended { host, deed, code, told: true } => {
                let class = self.class(host, deed);
                self.session.ended(now, host, deed, class, *code);
            }
            Fact::Process { host, role, new, mount, runs, by } => {
                let (host, role, mount) = (host.clone(), *role, mount.clone());
                let process = Running { host, role, mount, new: *new, since: now, by: *by };
                self.process(process, *runs, *by);
            }
            Fact::Copied { copy, files } => {
                self.copies.insert(*copy, Copy { files: *files, at: now, ..Copy::default() });
            }
            Fact::Fetched { copy, file, equal } => {
                let copy = self.copies.entry(*copy).or_default();
                copy.here.insert(file.clone());
                copy.differs |= !equal;
            }
            Fact::Tried { copy, loaded } => {
                let copy = self.copies.entry(*copy).or_default();
                copy.loaded |= *loaded;
                copy.tried_at = now;
            }
            Fact::Saving(saves) => self.saving = *saves,
            Fact::Health(health) => self.healthy(health),
            Fact::Fault { kind, host } => {
                self.loses_records |= matches!(kind, Kind::Kill { lost: 1.., .. } | Kind::StateCopied);
                self.lost_records |= self.loses_records;
                self.lock.fault(now, kind);
                if let Kind::WallJumps(seconds) = kind {
                    (self.ahead, self.set_at) = (self.ahead + seconds, now);
                }
                self.faults.push((*kind, host.clone()));
            }
            // what a command set in motion may still come
            Fact::Repair => {
                let comes = |kind: &Kind| {
                    matches!(kind, Kind::DiesLater(_) | Kind::Hangs(_) | Kind::MasterRestarts(_) | Kind::StateCopied)
                };
                self.faults.retain(|(kind, _)| comes(kind));
                self.lock.repaired();
            }
            Fact::WayBack { in_use } => self.goes_back(*in_use),
            Fact::Anew => self.begins_anew(),
            Fact::TurnedAway(holder) => self.second_is_told(holder),
            Fact::Beside { host, deed } => {
                self.broke("lock", format!("{deed} on {host} by a second process, while the first walks the run"));
            }
            Fact::Metadata { whole } => self.metadata_is_whole = *whole,
            Fact::Strayed { name, machine } => {
                self.broke("identity", format!("what is meant for {name} is run on {machine}"));
            }
            Fact::Folders { host, wide: true } => drop(self.wide.insert(host.clone())),
            Fact::Folders { host, wide: false } => drop(self.wide.remove(host)),
            Fact::Ended { .. } | Fact::Told(_) | Fact::Refused(_) => {}
        }
    }

    fn process(&mut self, process: Running, runs: bool, by: By) {
        let Running { host, role, mount, new, since, .. } = process.clone();
        if runs {
            self.on_old_folders(&process);
            if new == self.goal {
                self.reached.insert((host.clone(), role));
            }
            if role == Role::Chunkserver && by == By::Us {
                self.server_started = Some(since);
            }
            if let Some(mount) = mount {
                self.taken.remove(&(host, mount));
            }
            self.running.push(process);
            return;
        }
        let same = |p: &Running| (&p.host, p.role, &p.mount, p.new) == (&host, role, &mount, new);
        // what a boot or a hand has started is nothing that the tool has to account for
        if let Some(at) = self.running.iter().position(same)
            && self.running.remove(at).by == By::Us
            && new == self.goal
        {
            self.gone.insert((host.clone(), role), since);
        }
        match by {
            By::Us => drop(self.ended.insert((host.clone(), role), since)),
            // what ended by itself is no effect of ours any more
            By::World => drop(self.ended.remove(&(host.clone(), role))),
        }
        match (role, by, mount) {
            (Role::Master, By::Us, _) => self.master_stopped = true,
            (Role::Client, By::Us, Some(mount)) => drop(self.taken.insert((host, mount), since)),
            _ => {}
        }
    }

    fn healthy(&mut self, health: &Health) {
        if health.master.is_some() != self.health.master.is_some() {
            self.master_since = self.now;
        }
        for (at, back) in health.back.iter().enumerate() {
            match self.down.get_mut(&at) {
                Some(lost) if !back => *lost = true,
                Some(true) => {
                    self.down.remove(&at);
                    self.back_at = Some((at, self.now));
                }
                _ => {}
            }
        }
        self.other_since = health.other_metadata.then(|| self.other_since.unwrap_or(self.now));
        self.health = health.clone();
    }

    fn runs(&self, host: &str, role: Role) -> impl Iterator<Item = &Running> {
        self.running.iter().filter(move |p| p.host == host && p.role == role)
    }

    fn mounted(&self, host: &str, point: &str) -> Option<&Running> {
        self.runs(host, Role::Client).find(|p| p.mount.as_deref() == Some(point))
    }

    /// A master serves a whole cluster: the new one, or on the way back any.
    fn is_well(&self) -> bool {
        let h = &self.health;
        // a 1.5 master tells nothing of goals
        let goals = h.master == Some(false) || h.under_goal <= self.under_goal;
        let whole = h.back.iter().all(|b| *b) && goals && h.missing <= self.accepts;
        h.master.is_some_and(|new| new || !self.goal) && !h.other_metadata && whole
    }

    /// All chunks can be read, under a master that clients of the release that is to be reached work with.
    fn is_serving(&self) -> bool {
        let h = &self.health;
        let master = h.master.is_some_and(|new| new || !self.goal);
        master && !h.other_metadata && h.back.iter().all(|b| *b) && h.missing <= self.accepts
    }

    /// Nothing is wrong with it, whatever release its daemons are of.
    fn is_whole(&self) -> bool {
        let h = &self.health;
        let goals = h.master == Some(false) || h.under_goal <= self.under_goal;
        h.master.is_some() && !h.other_metadata && h.back.iter().all(|b| *b) && h.missing <= self.accepts && goals
    }

    /// And all of it is in the release that is to be reached.
    fn is_at_target(&self) -> bool {
        let there = |host: &String, role: Role| self.runs(host, role).any(|p| p.new == self.goal);
        self.is_well()
            && self.health.master == Some(self.goal)
            && self.servers.iter().all(|s| there(s, Role::Chunkserver))
            // 1.5 has no metaloggers
            && self.loggers.iter().all(|l| there(l, Role::Metalogger) || !self.goal)
            && self.mounts.iter().all(|mount| self.is_mounted(mount))
    }

    /// In the release that is to be reached; a mount that no upgrade has changed is not brought back.
    fn is_mounted(&self, mount: &(String, String)) -> bool {
        let (host, point) = mount;
        (!self.goal && !self.changed.contains(mount)) || self.mounted(host, point).is_some_and(|p| p.new == self.goal)
    }

    /// What is not in the release that is to be reached, for people.
    fn away_from_target(&self) -> String {
        let mut away = vec![format!("{:?}", self.health)];
        let there = |host: &String, role: Role| self.runs(host, role).any(|p| p.new == self.goal);
        away.extend(self.servers.iter().filter(|s| !there(s, Role::Chunkserver)).cloned());
        away.extend(self.loggers.iter().filter(|l| self.goal && !there(l, Role::Metalogger)).cloned());
        away.extend(
            self.mounts.iter().filter(|m| !self.is_mounted(m)).map(|(host, point)| format!("{point} of {host}")),
        );
        away.join(", ")
    }

    fn master_was_reached(&self) -> bool {
        self.reached.contains(&("master".to_owned(), Role::Master))
    }
}
