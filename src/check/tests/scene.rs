//! A healthy cluster of 1.5.12, looked at from every side: three chunkservers, a host for a metalogger, two clients.

use std::net::Ipv4Addr;
use std::path::Path;

use semver::Version;

use crate::check::preflight::{Fleet, Here, preflight, unanswered};
use crate::check::{Code, Finding, Observation};
use crate::host::facts::{
    BuildFacts, FileFact, Folder, Holder, LockFact, MountLine, MountUser, Mounted, Node, Opened, Permissions, Socket,
    Space, StartupLine, TOOLS, TextFile,
};
use crate::host::places::{Onlooker, Placed};
use crate::host::{HostFacts, HostName, Process};
use crate::moosefs::Overview;
use crate::moosefs::daemon::Role;
use crate::moosefs::wire::{Chunkserver, FileTest, Info, Layout, Session};
use crate::plan::Plan;

pub const OLD: Version = Version::new(1, 5, 12);
pub const NEW: Version = Version::new(1, 6, 27);
pub const MASTER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
pub const NOW: i64 = 1_800_000_000;
pub const DATA: &str = "/usr/local/var/mfs";
pub const SERVERS: [&str; 3] = ["cs1", "cs2", "cs3"];
pub const CLIENTS: [&str; 2] = ["cl1", "cl2"];

pub struct Scene {
    pub plan: Plan,
    pub fleet: Fleet,
    pub overview: Overview,
    pub here: Here,
}

pub fn name(host: &str) -> HostName {
    HostName::new(host).unwrap()
}

pub fn address(host: &str) -> Ipv4Addr {
    let last: u8 = host[2..].parse().unwrap();
    Ipv4Addr::new(10, 0, if host.starts_with("cs") { 1 } else { 2 }, last)
}

pub fn socket(local: Ipv4Addr, port: u16, remote: u16) -> Socket {
    let listening = remote == 0;
    let other = if listening { Ipv4Addr::UNSPECIFIED } else { MASTER };
    Socket { local: (local, port), remote: (other, remote), listening, inode: 0 }
}

pub fn file(text: &str) -> TextFile {
    TextFile { mode: 0o640, owner: "root".into(), group: "mfs".into(), text: text.to_owned() }
}

fn process(role: Role) -> Process {
    let arguments: &[&str] = if role == Role::Client { &["-w", "/mnt/mfs"] } else { &[] };
    Process {
        pid: 7,
        role,
        parent: 1,
        start: 1,
        exe: format!("/usr/local/{}", role.path_in_prefix()),
        version: Some(OLD),
        cwd: DATA.into(),
        locked: None,
        user: "nobody".into(),
        group: "nogroup".into(),
        memory: 1 << 30,
        arguments: arguments.iter().map(|a| (*a).to_owned()).collect(),
    }
}

fn facts(role: Role) -> HostFacts {
    let program = role.program();
    let mut facts = HostFacts { root: true, make: true, fuse: true, clock: NOW, ..HostFacts::default() };
    facts.names.extend(["mm", "mfsmaster"].map(|name| (name.to_owned(), vec![MASTER])));
    facts.source.insert(format!("/usr/src/mfs-1.6.27/{program}/{program}"), Some(NEW));
    facts.tools = TOOLS.iter().map(|tool| (*tool).to_owned()).collect();
    facts.unshare = true;
    let build = BuildFacts {
        etc_path: Some("/usr/local/etc".into()),
        data_path: Some(DATA.into()),
        run_path: Some("/var/run/mfs".into()),
        user: Some("nobody".into()),
        group: Some(String::new()),
    };
    facts.builds.insert("/usr/src/mfs-1.6.27".into(), build);
    for (path, free) in [("/usr/local", 1 << 34), ("/var/lib/mfsupgrade", 1 << 35)] {
        facts.space.insert(path.into(), Space { free, inodes: Some(100_000), id: None });
    }
    if role == Role::Metalogger {
        return facts;
    }
    facts.installed.insert(format!("/usr/local/{}", role.path_in_prefix()), Some(OLD));
    facts.processes.push(process(role));
    if role != Role::Client {
        let lock = LockFact { pid: Some(7), owner: "nobody".into() };
        facts.lock_files.insert(format!("/var/run/mfs/{program}.lock"), lock);
        for path in [DATA, "/var/run/mfs"] {
            facts.folders.insert(path.into(), Folder { owner: "nobody".into(), wide: false });
        }
    }
    facts
}

fn master() -> HostFacts {
    let mut master = facts(Role::Master);
    master.sockets.push(socket(Ipv4Addr::UNSPECIFIED, 9421, 0));
    master.memory_available = Some(1 << 34);
    master.files.insert("/usr/local/etc/mfsmaster.cfg".into(), file("BACK_LOGS = 50\n"));
    master.headers.insert("metadata.mfs.back".into(), "MFSM 1.5".into());
    for name in ["metadata.mfs.back", "changelog.0.mfs"] {
        master.data_files.insert(name.into(), FileFact { size: 1 << 20, modified: NOW - 1800 });
    }
    master
}

fn server(host: &str) -> HostFacts {
    let mut server = facts(Role::Chunkserver);
    server.sockets.push(socket(address(host), 40000, 9420));
    server.sockets.push(socket(Ipv4Addr::UNSPECIFIED, 9422, 0));
    server.files.insert("/usr/local/etc/mfschunkserver.cfg".into(), file("MASTER_HOST = mm\n"));
    server.files.insert("/usr/local/etc/mfshdd.cfg".into(), file("/mnt/disk1\n"));
    server.folders.insert("/mnt/disk1".into(), Folder { owner: "nobody".into(), wide: false });
    server
}

fn client(host: &str) -> HostFacts {
    let mut client = facts(Role::Client);
    client.sockets.push(socket(address(host), 40000, 9421));
    client.mounts.push(MountLine {
        source: "MFS".into(),
        mount_point: "/mnt/mfs".into(),
        kind: "fuse".into(),
        options: "rw".into(),
    });
    client.under.insert("/mnt/mfs".into(), Vec::new());
    client.placed = vec![placed("20 1 8:1 / / ext4", None), placed("30 20 0:57 / /mnt/mfs fuse", None)];
    client
}

/// `ID PARENT DEVICE ROOT POINT KIND`, as a process sees it.
pub fn placed(text: &str, pid: Option<u32>) -> Placed {
    let [id, parent, device, root, point, kind] = text.split(' ').collect::<Vec<_>>()[..] else { panic!("{text}") };
    Placed {
        seen_by: pid.map(|pid| Onlooker { pid, name: "runc".into(), unit: None }),
        id: id.parse().unwrap(),
        parent: parent.parse().unwrap(),
        device: device.into(),
        root: root.into(),
        point: point.into(),
        shared: None,
        follows: Vec::new(),
        kind: kind.into(),
        source: kind.into(),
    }
}

fn overview() -> Overview {
    let chunkservers = SERVERS.map(|host| Chunkserver {
        version: None,
        disconnected: false,
        maintenance: false,
        address: address(host),
        port: 9422,
        used: 1,
        total: 2,
        chunks: 10,
        removal_chunks: 0,
        errors: 0,
    });
    let sessions = CLIENTS.map(|host| Session {
        id: None,
        address: address(host),
        version: OLD,
        mount_point: None,
        path: None,
        connected: true,
    });
    Overview {
        info: Info {
            version: None,
            layout: Layout::V15,
            total_space: 6,
            available_space: 3,
            inodes: 20,
            directories: 1,
            files: 19,
            chunks: 15,
            copies: None,
        },
        chunkservers: chunkservers.into(),
        sessions: sessions.into(),
        matrix: None,
        file_test: FileTest {
            started: u32::try_from(NOW - 3000).unwrap(),
            ended: u32::try_from(NOW - 900).unwrap(),
            files: 19,
            under_goal_files: 0,
            missing_files: 0,
            chunks: 15,
            under_goal_chunks: 0,
            missing_chunks: 0,
        },
        metaloggers: None,
    }
}

/// The example plan's cluster, all well.
pub fn scene() -> Scene {
    let plan = include_str!("../../../plans/rolling.toml");
    let plan = Plan::parse(plan, Path::new("rolling.toml"), Path::new("/")).unwrap();
    let mut fleet = Fleet::new();
    fleet.insert(name("master"), master());
    fleet.insert(name("log1"), facts(Role::Metalogger));
    fleet.extend(SERVERS.map(|host| (name(host), server(host))));
    fleet.extend(CLIENTS.map(|host| (name(host), client(host))));
    let clocks = fleet.keys().map(|host| (host.clone(), 1)).collect();
    let runs = Space { free: 1 << 34, inodes: Some(100_000), id: None };
    let here = Here { clocks, runs: Some(("/root/.local/state/mfsupgrade".into(), runs)) };
    Scene { plan, fleet, overview: overview(), here }
}

impl Scene {
    pub fn host(&mut self, host: &str) -> &mut HostFacts {
        self.fleet.get_mut(&name(host)).unwrap()
    }

    pub fn text(&mut self, host: &str, path: &str, text: &str) {
        self.host(host).files.insert(path.to_owned(), file(text));
    }

    /// One that everybody may read.
    pub fn public(&mut self, host: &str, path: &str, text: &str) {
        self.host(host).files.insert(path.to_owned(), TextFile { mode: 0o644, ..file(text) });
    }

    pub fn master_config(&mut self, text: &str) {
        self.text("master", "/usr/local/etc/mfsmaster.cfg", text);
    }

    pub fn starts(&mut self, host: &str, file: &str, text: &str) {
        let line = StartupLine { file: file.to_owned(), line: 3, text: text.to_owned() };
        self.host(host).startup.push(line);
    }

    pub fn uses(&mut self, host: &str, path: &str) {
        let user = MountUser { pid: 99, name: "bash".to_owned(), path: path.to_owned() };
        self.host(host).users.push(user);
    }

    /// A name of the plan leads to the machine that another one leads to.
    pub fn leads_to(&mut self, name: &str, other: &str) {
        let facts = self.host(other);
        (facts.boot_id, facts.hostname) = ("b00f".into(), format!("{other}.example.org"));
        *self.host(name) = facts.clone();
    }

    pub fn lacks(&mut self, host: &str, tool: &str) {
        self.host(host).tools.remove(tool);
    }

    pub fn space(&mut self, host: &str, path: &str, free: u64, inodes: Option<u64>) {
        self.host(host).space.insert(path.to_owned(), Space { free, inodes, id: None });
    }

    /// A folder of root's above what the master reads.
    pub fn shuts(&mut self, folder: &str, mode: u32) {
        let shut = Permissions { mode, owner: "root".into(), group: "root".into() };
        self.host("master").shut.insert(folder.to_owned(), shut);
    }

    /// The release of what was kept of its programs.
    pub fn kept_is(&mut self, host: &str, version: Option<Version>) {
        let programs = self.host(host).archives.values_mut().flat_map(|programs| programs.values_mut());
        programs.for_each(|kept| kept.clone_from(&version));
    }

    /// A second disk, marked for removal, with so many chunk files in folders of 1.5; `None`: too many to be counted.
    pub fn marks(&mut self, host: &str, chunks: Option<u64>) {
        self.text(host, "/usr/local/etc/mfshdd.cfg", "/mnt/disk1\n*/mnt/disk2/\n");
        let facts = self.host(host);
        facts.folders.insert("/mnt/disk2".into(), Folder { owner: "nobody".into(), wide: false });
        facts.narrow.extend(chunks.map(|count| ("/mnt/disk2".to_owned(), count)));
    }

    /// What the host finds behind a name now.
    pub fn finds(&mut self, host: &str, master: &str, addresses: &[Ipv4Addr]) {
        self.host(host).names.insert(master.to_owned(), addresses.to_vec());
    }

    /// A mount of its own for a folder.
    pub fn lies(&mut self, host: &str, folder: &str, read_only: bool, noexec: bool) {
        let mounted = Mounted { at: folder.to_owned(), read_only, noexec };
        self.host(host).lies.insert(folder.to_owned(), mounted);
    }

    /// A folder of a disk and its lock file, both on this device.
    pub fn disk(&mut self, host: &str, folder: &str, device: u64, inode: u64) {
        let facts = self.host(host);
        facts.folders.insert(folder.to_owned(), Folder { owner: "nobody".into(), wide: false });
        facts.nodes.insert(folder.to_owned(), Node { device, inode });
        facts.nodes.insert(format!("{folder}/.lock"), Node { device, inode: inode + 1 });
    }

    /// A lock file of number 11 that the daemon has open.
    pub fn opens(&mut self, host: &str, device: u64, path: &str) {
        let (path, deleted) = path.strip_suffix(" (deleted)").map_or((path, false), |path| (path, true));
        let node = Node { device, inode: 11 };
        self.host(host).opened.push(Opened { pid: 7, node, path: path.to_owned(), deleted });
    }

    /// A lock that somebody has.
    pub fn locked(&mut self, host: &str, file: &str, pid: Option<u32>) {
        let holder = Holder { pid, name: "rsync".into() };
        self.host(host).locks.entry(file.to_owned()).or_default().push(holder);
    }

    /// What the user of its daemon may not use.
    pub fn denies(&mut self, host: &str, paths: &[&str]) {
        self.host(host).denied.entry(7).or_default().extend(paths.iter().map(|path| (*path).to_owned()));
    }

    /// A disk that /etc/fstab mounts, and the mount that it is on.
    pub fn fstab(&mut self, host: &str, disk: &str, on: &str) {
        let facts = self.host(host);
        facts.wanted.insert(disk.to_owned(), disk.to_owned());
        facts.lies.insert(disk.to_owned(), Mounted { at: on.to_owned(), ..Mounted::default() });
    }

    pub fn header(&mut self, text: &str) {
        self.host("master").headers.insert("metadata.mfs.back".to_owned(), text.to_owned());
    }

    pub fn data_file(&mut self, name: &str, age: i64) {
        self.host("master").data_files.insert(name.to_owned(), FileFact { size: 8, modified: NOW - age });
    }

    /// All of the running release, with what a look without a survey would have told.
    pub fn without_survey(mut self) -> Self {
        for facts in self.fleet.values_mut() {
            *facts = HostFacts {
                root: facts.root,
                make: facts.make,
                fuse: facts.fuse,
                processes: std::mem::take(&mut facts.processes),
                mounts: std::mem::take(&mut facts.mounts),
                sockets: std::mem::take(&mut facts.sockets),
                source: std::mem::take(&mut facts.source),
                ..HostFacts::default()
            };
        }
        self.here = Here::default();
        self
    }

    pub fn findings(&self) -> (Option<Observation>, Vec<Finding>) {
        preflight(&self.plan, &self.fleet, &self.overview, &self.here)
    }

    /// Where the master does not answer.
    pub fn unanswered(&self) -> Vec<Code> {
        unanswered(&self.plan, &self.fleet, &self.here).into_iter().map(|f| f.code).collect()
    }

    pub fn check(&self) -> (Option<Observation>, Vec<Code>) {
        let (observation, findings) = self.findings();
        (observation, findings.into_iter().map(|f| f.code).collect())
    }
}
