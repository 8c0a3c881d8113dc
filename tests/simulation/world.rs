//! A simulated cluster behind the executor's ports: it answers looks, takes commands, and notes what happened when.

mod ports;
mod walk;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::Write as _;
use std::sync::atomic::AtomicBool;

use mfsupgrade::journal::Record;
use mfsupgrade::run::ports::NotHeld;
use semver::Version;
use sha2::{Digest, Sha256};

pub use walk::{
    Events, FIVE_MINUTES, all_new, failure, futures_now, heard, plan, schedule, schedule_of, walk, walk_to_pause,
};

use super::fault::Fault;

pub const OLD: Version = Version::new(1, 5, 12);
pub const NEW: Version = Version::new(1, 6, 27);
const CHUNKS: u32 = 100;
/// What the metadata has seen when the old master ends.
const CHANGES: u64 = 1000;
/// The master that runs in the beginning: it has saved its metadata long ago.
const FIRST_MASTER: u32 = 101;
/// Of whatever is copied here or to a host, where nothing happens to it.
pub const SUM: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

#[derive(Clone, Default)]
struct Process {
    pid: u32,
    version: Option<Version>,
}

#[derive(Clone, Default)]
struct HostState {
    installed: Option<Version>,
    master: Option<Process>,
    chunkserver: Option<Process>,
    mount: Option<Process>,
    metadata_saved: Option<i64>,
    /// Files of the tool's own, with their checksum.
    files: BTreeMap<String, String>,
    metalogger: Option<Process>,
    /// Whether the chunkserver's disk has the folders of 1.6.
    wide: bool,
    /// A chunkserver that ends as soon as this second has come, beside its successor.
    ending: Option<(Process, i64)>,
    /// When the chunkserver's chunks are all there.
    scanned_at: i64,
    gone: bool,
    /// Who uses the mount, and until when: umount says busy.
    users: Vec<(u32, &'static str, i64)>,
    /// Names in the folder of the mount point, under the mount.
    below: Vec<&'static str>,
    /// An mfsmount that goes on for those who had the mount open when it was taken away lazily.
    lingers: Option<Process>,
}

/// The world. Time stands still between looks.
pub struct World {
    now: Cell<i64>,
    asleep: Cell<i64>,
    /// By how much the clock of the tool's machine is ahead of the truth.
    ahead: Cell<i64>,
    /// Which boot of all hosts this is, and when it was.
    booted: Cell<(u32, i64)>,
    /// Names that lead to the machine of another name.
    names: RefCell<HashMap<String, String>>,
    /// Daemons of hosts that were started then.
    since: RefCell<HashMap<String, i64>>,
    hosts: RefCell<BTreeMap<String, HostState>>,
    pids: Cell<u32>,
    pub faults: RefCell<HashMap<String, Fault>>,
    under_goal_until: Cell<i64>,
    loads_until: Cell<i64>,
    inodes: Cell<u32>,
    /// What a master knew before the one that runs on other metadata.
    before_other: Cell<u32>,
    /// The version of the metadata that whatever master is started has loaded.
    pub loaded: Cell<u64>,
    /// Whether no look can read a version.
    pub unreadable: Cell<bool>,
    /// The operator has said that the master's metadata is the right one.
    pub accepts_metadata: Cell<bool>,
    /// So many of the next questions the master does not answer.
    pub silent: Cell<u32>,
    /// `(second, host, what)` of every change.
    pub deeds: RefCell<Vec<(i64, String, String)>>,
    pub records: RefCell<Vec<Record>>,
    pub pause: AtomicBool,
    /// Set `pause` when a command containing this text has run.
    pub pause_after: RefCell<Option<String>>,
    /// Another run has the cluster's lock when a command containing this text has run.
    pub loses_lock_after: RefCell<Option<String>>,
    pub lock: RefCell<Option<NotHeld>>,
    /// Jobs that hosts know, by their folder: how they ended.
    pub jobs: RefCell<HashMap<String, (i32, String)>>,
    /// How many turns of the others a copy or a job takes. With none each is at its end at once, and nothing goes on beside it.
    pub takes: Cell<usize>,
    /// Hosts on which a copy or a job goes on.
    at_work: RefCell<BTreeSet<String>>,
    /// The most of them at a time.
    pub most_at_work: Cell<usize>,
    /// So many seconds after the master's clean end somebody starts one of this release, once.
    pub watchdog: RefCell<Option<(i64, Version)>>,
}

const EPOCH: i64 = 1_700_000_000;
/// When all hosts were booted.
const BOOTED: i64 = EPOCH - 1_000_000;

impl World {
    pub fn new() -> Self {
        let mut hosts = BTreeMap::new();
        let mut pid = 100;
        let mut process = || {
            pid += 1;
            Some(Process { pid, version: Some(OLD) })
        };
        hosts.insert("log1".to_owned(), HostState::default());
        hosts.insert("master".to_owned(), HostState { master: process(), ..HostState::default() });
        for n in 1..=3 {
            hosts.insert(format!("cs{n}"), HostState { chunkserver: process(), ..HostState::default() });
        }
        for n in 1..=2 {
            hosts.insert(format!("cl{n}"), HostState { mount: process(), ..HostState::default() });
        }
        Self {
            now: Cell::new(EPOCH),
            asleep: Cell::new(0),
            ahead: Cell::new(0),
            booted: Cell::new((0, BOOTED)),
            names: RefCell::default(),
            since: RefCell::default(),
            hosts: RefCell::new(hosts),
            pids: Cell::new(1000),
            faults: RefCell::default(),
            under_goal_until: Cell::new(0),
            loads_until: Cell::new(0),
            before_other: Cell::new(0),
            inodes: Cell::new(10),
            loaded: Cell::new(CHANGES),
            unreadable: Cell::new(false),
            accepts_metadata: Cell::new(false),
            silent: Cell::new(0),
            deeds: RefCell::default(),
            records: RefCell::default(),
            pause: AtomicBool::new(false),
            pause_after: RefCell::default(),
            loses_lock_after: RefCell::default(),
            lock: RefCell::default(),
            jobs: RefCell::default(),
            takes: Cell::new(0),
            at_work: RefCell::default(),
            most_at_work: Cell::new(0),
            watchdog: RefCell::default(),
        }
    }

    pub fn with(host: &str, fault: Fault) -> Self {
        let world = Self::new();
        world.faults.borrow_mut().insert(host.to_owned(), fault);
        world
    }

    /// Somebody sets the clock of the tool's machine.
    pub fn set_clock(&self, by: i64) {
        self.ahead.set(self.ahead.get() + by);
    }

    /// Seconds from the start, in truth.
    pub fn since_start(&self) -> i64 {
        self.now.get() - EPOCH
    }

    /// Hundredths of a second since the hosts were booted.
    pub fn up(&self) -> u64 {
        u64::try_from((self.now.get() - self.booted.get().1) * 100).unwrap()
    }

    /// The power was away for a moment, and everything runs again.
    pub fn boot(&self) {
        self.booted.set((self.booted.get().0 + 1, self.now.get()));
    }

    /// The daemons of a host were started so many seconds ago.
    pub fn runs_since(&self, host: &str, seconds: i64) {
        self.since.borrow_mut().insert(host.to_owned(), self.now.get() - seconds);
    }

    /// Two names lead to each other's machine from now on.
    pub fn exchange(&self, one: &str, two: &str) {
        let mut names = self.names.borrow_mut();
        for (name, machine) in [(one, two), (two, one)] {
            if names.remove(name).is_none() {
                names.insert(name.to_owned(), machine.to_owned());
            }
        }
    }

    /// Hosts on which a step ran, in order, without repeats.
    pub fn touched(&self) -> Vec<String> {
        let mut seen = HashSet::new();
        self.deeds.borrow().iter().filter(|d| seen.insert(d.1.clone())).map(|d| d.1.clone()).collect()
    }

    /// When `what` happened on `host`, in seconds from the start.
    pub fn when(&self, host: &str, what: &str) -> Option<i64> {
        self.deeds.borrow().iter().find(|d| d.1 == host && d.2.contains(what)).map(|d| d.0 - EPOCH)
    }

    pub fn times(&self, host: &str, what: &str) -> usize {
        self.deeds.borrow().iter().filter(|d| d.1 == host && d.2.contains(what)).count()
    }

    /// Its chunkserver ends by itself.
    pub fn dies(&self, host: &str) {
        self.hosts.borrow_mut().get_mut(host).unwrap().chunkserver = None;
    }

    pub fn repair(&self, host: &str) {
        self.faults.borrow_mut().remove(host);
        let mut hosts = self.hosts.borrow_mut();
        hosts.get_mut(host).unwrap().gone = false;
    }

    /// The new chunkserver was started, and waits this long for the old one's end.
    pub fn take_over_slowly(&self, host: &str, seconds: i64) {
        let process = self.process(NEW);
        let mut hosts = self.hosts.borrow_mut();
        let s = hosts.get_mut(host).unwrap();
        s.installed = Some(NEW);
        let old = s.chunkserver.replace(process).unwrap();
        s.ending = Some((old, self.now.get() + seconds));
    }

    /// Files are written and deleted by users.
    pub fn set_inodes(&self, inodes: u32) {
        self.inodes.set(inodes);
    }

    /// A chunkserver ends without us.
    pub fn lose_chunkserver(&self, host: &str) {
        self.hosts.borrow_mut().get_mut(host).unwrap().chunkserver = None;
    }

    /// A process uses the mount of a client for this long.
    pub fn uses(&self, host: &str, name: &'static str, seconds: i64) {
        self.hosts.borrow_mut().get_mut(host).unwrap().users.push((77, name, self.now.get() + seconds));
    }

    /// The operator moves away what was written there.
    pub fn moves_away(&self, host: &str) {
        self.hosts.borrow_mut().get_mut(host).unwrap().below.clear();
    }

    /// The master ends without us, cleanly.
    pub fn lose_master(&self) {
        let now = self.now.get();
        let mut hosts = self.hosts.borrow_mut();
        let master = hosts.get_mut("master").unwrap();
        (master.master, master.metadata_saved) = (None, Some(now));
    }

    /// A mount ends without us.
    pub fn lose_mount(&self, host: &str) {
        self.hosts.borrow_mut().get_mut(host).unwrap().mount = None;
    }

    /// A boot makes a mount anew, with the programs that are there.
    pub fn boot_mounts_new(&self, host: &str) {
        let process = self.process(NEW);
        self.hosts.borrow_mut().get_mut(host).unwrap().mount = Some(process);
    }

    /// The operator upgrades a chunkserver by hand.
    pub fn upgrade_by_hand(&self, host: &str) {
        let process = self.process(NEW);
        self.hosts.borrow_mut().get_mut(host).unwrap().chunkserver = Some(process);
    }

    /// A host is not reached any more.
    pub fn lose_host(&self, host: &str) {
        self.hosts.borrow_mut().get_mut(host).unwrap().gone = true;
    }

    pub fn is_mounted(&self, host: &str) -> bool {
        self.hosts.borrow()[host].mount.is_some()
    }

    /// The operator goes back to the old master by hand.
    pub fn put_back_master(&self) {
        let process = self.process(OLD);
        self.hosts.borrow_mut().get_mut("master").unwrap().master = Some(process);
    }

    /// The master loads its metadata for this long, and listens to nobody.
    pub fn load_metadata(&self, seconds: i64) {
        self.loads_until.set(self.now.get() + seconds);
    }

    /// Whoever starts a master that does not run, if it is time.
    fn watch(&self) {
        let ended = self.hosts.borrow()["master"].metadata_saved;
        let due = |(after, _): &(i64, Version)| ended.is_some_and(|ended| self.now.get() >= ended + after);
        if self.watchdog.borrow().as_ref().is_some_and(due)
            && let Some((_, release)) = self.watchdog.take()
        {
            let process = self.process(release);
            let mut hosts = self.hosts.borrow_mut();
            let master = hosts.get_mut("master").unwrap();
            (master.master, master.metadata_saved) = (Some(process), None);
        }
    }

    /// The new master runs, on whatever metadata there is.
    pub fn start_new_master(&self) {
        let process = self.process(NEW);
        let mut hosts = self.hosts.borrow_mut();
        let master = hosts.get_mut("master").unwrap();
        (master.master, master.metadata_saved) = (Some(process), None);
    }

    pub fn versions(&self) -> Vec<(String, Version)> {
        let hosts = self.hosts.borrow();
        let process = |s: &HostState| s.master.clone().or(s.chunkserver.clone()).or(s.mount.clone());
        hosts.iter().filter_map(|(h, s)| Some((h.clone(), process(s)?.version?))).collect()
    }

    pub fn wait(&self, seconds: i64) {
        self.now.set(self.now.get() + seconds);
    }

    /// The operator's machine sleeps, and the cluster goes on.
    pub fn sleep_here(&self, seconds: i64) {
        self.wait(seconds);
        self.asleep.set(self.asleep.get() + seconds);
    }

    fn process(&self, version: Version) -> Process {
        self.pids.set(self.pids.get() + 1);
        Process { pid: self.pids.get(), version: Some(version) }
    }

    pub fn look(&self, host: &str, script: &str) -> String {
        let hosts = self.hosts.borrow();
        let s = &hosts[host];
        let names = self.names.borrow();
        let machine = names.get(host).map_or(host, String::as_str);
        let (boots, booted) = self.booted.get();
        let boot = if boots == 0 { "b".to_owned() } else { format!("b{boots}") };
        let (now, since) = (self.now.get(), self.since.borrow().get(host).copied());
        let mut out = format!("uid\t0\nhostname\t{machine}\nboot\t{boot}\nclock\t{now}\nmake\nfuse\n");
        let _ = writeln!(out, "uptime\t{}.00", now - booted);
        let mut line = |process: &Option<Process>, name: &str, arguments: &str| {
            if let Some(p) = process {
                let version = p.version.as_ref().map(Version::to_string).unwrap_or_default();
                let start = since.map_or(i64::from(p.pid), |since| (since - booted) * 100);
                let stat = format!("S 1{} {start} 0", " 0".repeat(17));
                let _ = writeln!(
                    out,
                    "process\t{}\t{name}\t{version}\t/usr/local/{name}\t/var/mfs\t\t{stat}\t{name}\t{arguments}",
                    p.pid
                );
            }
        };
        line(&s.master, "mfsmaster", "");
        line(&s.metalogger, "mfsmetalogger", "");
        line(&s.chunkserver, "mfschunkserver", "");
        let old = s.ending.as_ref().filter(|(_, until)| self.now.get() < *until).map(|(p, _)| p.clone());
        line(&old, "mfschunkserver", "");
        line(
            &s.mount,
            "mfsmount",
            if s.mount.as_ref().is_some_and(|m| m.version == Some(NEW)) { "/mnt/mfs\t" } else { "" },
        );
        line(&s.lingers, "mfsmount", "");
        for (pid, name, until) in &s.users {
            if script.contains("( users )") && self.now.get() < *until && (s.mount.is_some() || s.lingers.is_some()) {
                let _ = writeln!(out, "user\t{pid}\t{name}\t/mnt/mfs/data");
            }
        }
        if script.contains("beneath \"$p\"; done") {
            let below: String = s.below.iter().map(|name| format!("below\t/mnt/mfs\t{name}\n")).collect();
            out += &format!("under\t/mnt/mfs\n{below}");
        }
        match s.mount.as_ref().map(|m| m.version == Some(NEW)) {
            Some(true) => out += "mount mfsmaster:9421 /mnt/mfs fuse.mfs rw 0 0\n",
            Some(false) => out += "mount MFS /mnt/mfs fuse rw 0 0\n",
            None => {}
        }
        if let Some(version) = &s.installed {
            for path in ["sbin/mfsmaster", "sbin/mfsmetalogger", "sbin/mfschunkserver", "bin/mfsmount"] {
                let _ = writeln!(out, "installed\t/usr/local/{path}\t{version}");
            }
        }
        for (file, sum) in &s.files {
            let _ = writeln!(out, "kept\t{file}\t{sum}\narchive\t{file}");
            for path in ["sbin/mfsmaster", "sbin/mfschunkserver", "bin/mfsmount"] {
                let _ = writeln!(out, "holds\t{file}\t{path}\t{OLD}");
            }
        }
        if host.starts_with("cs") {
            let _ = writeln!(out, "wide\t/mnt/hd1\t{}", u32::from(s.wide) * CHUNKS);
            // "/mnt/hd1\n"
            for path in ["etc/mfs/mfshdd.cfg", "etc/mfshdd.cfg"] {
                let _ = writeln!(out, "file\t/usr/local/{path}\t9\t644\troot\t0\troot\t0\t2f6d6e742f6864310a");
            }
        }
        if let Some(at) = s.metadata_saved {
            let _ = writeln!(out, "data\tmetadata.mfs\t100 {at}\n{}", header("metadata.mfs", CHANGES));
        }
        if let Some(master) = s.master.as_ref().filter(|_| !self.unreadable.get()) {
            let older = self.faults.borrow().get(host) == Some(&Fault::OlderMetadata);
            let (saved, changes) = match (master.pid == FIRST_MASTER, older) {
                (true, _) => (CHANGES / 2, CHANGES),
                (false, true) => (CHANGES - 1, CHANGES),
                (false, false) => (self.loaded.get(), self.loaded.get()),
            };
            let _ = writeln!(out, "{}\nchange\t{}", header("metadata.mfs.back", saved), changes - 1);
        }
        if s.master.is_some() && self.now.get() >= self.loads_until.get() {
            out += "tcp    0: 00000000:24CC 00000000:0000 0A 0\n";
        }
        out + "end\n"
    }

    /// What a script of this kind prints, and its exit code.
    fn prints(&self, host: &str, script: &str) -> (i32, String) {
        let fault = self.faults.borrow().get(host).copied();
        if script.contains("restore-ms") {
            let code = i32::from(fault == Some(Fault::TrialFails));
            let slow = if fault == Some(Fault::LoadsSlowly) { 40_000 } else { 1500 };
            let output = format!("restore-ms\t20\nmetaversion\t0000000000000009\nlast-change\t8\nload-ms\t{slow}\n");
            return (code, output);
        }
        if script.contains("now()") {
            return (0, format!("{}\t100\tmetadata.mfs.back\n", SUM));
        }
        (0, "output of the command\n".to_owned())
    }

    fn act(&self, host: &str, script: &str) -> i32 {
        if script.starts_with("rm -rf /var/lib/mfsupgrade/jobs/") {
            return 0;
        }
        self.deeds.borrow_mut().push((self.now.get(), host.to_owned(), script.to_owned()));
        let fault = self.faults.borrow().get(host).copied();
        let mut hosts = self.hosts.borrow_mut();
        let s = hosts.get_mut(host).unwrap();
        let alive = fault != Some(Fault::DaemonDies);
        let version = s.installed.clone().unwrap_or(NEW);
        if let Some((mark, text)) = built(script) {
            s.files.insert(mark.to_owned(), sha256(text.as_bytes()));
        } else if script.contains("restore-ms") || script.contains("now()") || script.contains("ours()") {
            // copies and trials change nothing that is looked at
            let ends = script.contains("ours()") && !script.contains("restore-ms");
            if let (Some(Fault::EndsTrialSlowly(seconds)), true) = (fault, ends) {
                self.wait(seconds);
            }
        } else if script.contains("tar -cf") {
            let file = script[2..].split(';').next().unwrap().to_owned();
            s.files.insert(file, SUM.to_owned());
        } else if script.contains("tar -xpf") {
            if fault == Some(Fault::RestoreFails) {
                return 2;
            }
            s.installed = if host == "log1" { None } else { Some(OLD) };
        } else if script.contains("xargs") {
            assert!(s.chunkserver.is_none(), "chunks of {host} are moved under a running daemon");
            s.wide = false;
        } else if script.ends_with("mfschunkserver -t 1800 -s") {
            s.chunkserver = None;
        } else if script.ends_with("mfsmetalogger -t 1800 -s") {
            s.metalogger = None;
        } else if script.starts_with("kill ") {
            s.master = None;
        } else if script.contains("make install") {
            if fault == Some(Fault::InstallFails) {
                return 2;
            }
            s.installed = Some(NEW);
            if fault == Some(Fault::InstallFailsBehindTheProgram) {
                return 2;
            }
            if let Some(Fault::UnderGoalMeanwhile(seconds)) = fault {
                self.under_goal_until.set(self.now.get() + seconds as i64);
                self.wait(200);
            }
        } else if script.ends_with("mfsmaster -t 1800 -s") && fault == Some(Fault::OtherMetadataUntilABoot) {
            s.master = Some(self.process(NEW));
            self.inodes.set(self.before_other.get());
        } else if script.contains("mfsmaster") && script.ends_with("-s") {
            s.master = None;
            s.metadata_saved = Some(self.now.get());
            return 1; // as 1.6.27 does after it has stopped a 1.5 master (seen)
        } else if script.contains("sbin/mfsmaster") {
            assert!(s.master.is_none() || version == NEW, "1.5 takes over from nobody");
            s.metadata_saved = None;
            s.master = alive.then(|| self.process(version));
            if matches!(fault, Some(Fault::OtherMetadata | Fault::OtherMetadataUntilABoot)) {
                self.before_other.set(self.inodes.replace(0));
            }
        } else if script.contains("sbin/mfsmetalogger") {
            s.metalogger = alive.then(|| self.process(NEW));
        } else if script.contains("sbin/mfschunkserver") {
            assert!(s.chunkserver.is_none() || version == NEW, "1.5 takes over from nobody");
            s.wide |= version == NEW;
            s.chunkserver = alive.then(|| self.process(version));
            match fault {
                Some(Fault::SlowScan(seconds)) => s.scanned_at = self.now.get() + seconds as i64,
                Some(Fault::UnderGoal(seconds)) => self.under_goal_until.set(self.now.get() + seconds as i64),
                _ => {}
            }
        } else if script.starts_with("umount") {
            let used = s.users.iter().any(|(_, _, until)| self.now.get() < *until);
            if fault == Some(Fault::Busy) || (used && !script.contains("umount -l")) {
                return 32;
            }
            s.lingers = if used { s.mount.take() } else { None };
            s.mount = None;
            if let Some(Fault::WritesBelow(name)) = fault {
                s.below.push(name);
            }
            if fault == Some(Fault::MasterDiesMeanwhile) {
                hosts.get_mut("master").unwrap().master = None;
            }
        } else if script.contains("bin/mfsmount") {
            if fault == Some(Fault::RefusesMounts) {
                return 1;
            }
            if !s.below.is_empty() {
                return 1; // fuse: mountpoint is not empty
            }
            s.mount = Some(self.process(version));
            if let Some(Fault::WritesMeanwhile(name)) = fault {
                s.below.push(name);
            }
            if let Some(Fault::Loses(other)) = fault {
                let other = hosts.get_mut(other).unwrap();
                (other.metalogger, other.mount, other.chunkserver) = (None, None, None);
            }
        }
        0
    }
}

/// A look's line on a metadata file: `MFSM 1.5`, highest inode, version.
fn header(file: &str, version: u64) -> String {
    format!("header\t{file}\t4d46534d20312e3500000009{version:016x}")
}

/// The mark that a build leaves behind, and what it says.
fn built(script: &str) -> Option<(&str, &str)> {
    let (before, mark) = script.contains("./configure").then(|| script.rsplit_once(" > "))??;
    let (_, text) = before.rsplit_once("printf %s ")?;
    Some((mark, text.trim_matches('\'')))
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
