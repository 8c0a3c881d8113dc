//! One host: what is installed, what runs, what is on its disk.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use mfsupgrade::moosefs::daemon::Role;

/// A daemon or a mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    pub pid: u32,
    pub role: Role,
    pub new: bool,
    /// Where, of a mount.
    pub mount: Option<String>,
    /// Since when it runs.
    pub since: i64,
    /// Since when it serves; `None` while it waits for the old one or loads.
    pub ready: Option<i64>,
    /// Of a master: it has loaded other metadata.
    pub other_metadata: bool,
    /// Of a master: the version of metadata.mfs.back, as it was loaded or saved last.
    pub loaded: u64,
    /// Of an old chunkserver: it was started on the folders of 1.6, and has not found its chunks.
    pub blind: bool,
    /// Of a new chunkserver: so many chunks are on a disk that is marked for removal, and are not looked for.
    pub hides: u32,
    /// Of a mount: /proc/mounts has it. The process of 1.5 lives on for a moment.
    pub mounted: bool,
    /// Of a mount that was taken away lazily: its process lives on for whoever uses it.
    pub left: bool,
}

/// A host.
#[derive(Debug, Clone)]
pub struct Host {
    pub name: String,
    pub address: Ipv4Addr,
    /// Which chunkserver it is.
    pub server: Option<usize>,
    /// The mount points that it has by rights.
    pub mounts: Vec<String>,
    pub up: bool,
    pub boots: u32,
    /// When the last one was.
    pub booted_at: i64,
    /// By how many seconds its clock is ahead.
    pub ahead: i64,
    /// Until when nobody can reach it.
    pub cut_until: i64,
    /// Whether a connection to it is held.
    pub held: bool,
    /// Whether that one hangs.
    pub hangs: bool,
    /// The roles whose program is the new one.
    pub programs: BTreeSet<Role>,
    /// They were put in by hand before the run, so that what is kept of the old ones are these.
    pub put_in: bool,
    /// A chunkserver's disks have the folders of 1.6.6.
    pub wide: bool,
    pub processes: Vec<Process>,
    /// Files of the tool's own, and configuration: SHA-256 by path.
    pub files: BTreeMap<String, String>,
    pub disk_full: bool,
    /// Until when files cannot be copied to and from it.
    pub no_copies_until: i64,
    /// When a master left metadata.mfs.
    pub metadata_saved: Option<i64>,
    /// Whether a trial master runs.
    pub trial: bool,
    /// The whole copy of the metadata in its folder.
    pub copy: Option<u32>,
    /// What our own commands have taken down and not brought back: a role, a mount.
    pub taken: Vec<(Role, Option<String>)>,
    /// Mounts in use, and until when.
    pub used: BTreeMap<String, i64>,
    /// Chunk files that are not there, and chunks that a master has moved here or away.
    pub lost: u32,
    pub moved: i64,
    pub connect_ms: i64,
    pub scan_ms: i64,
}

impl Host {
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            address: Ipv4Addr::UNSPECIFIED,
            server: None,
            mounts: Vec::new(),
            up: true,
            boots: 0,
            booted_at: -30 * 24 * 3600 * 1000,
            ahead: 0,
            cut_until: 0,
            held: false,
            hangs: false,
            programs: BTreeSet::new(),
            put_in: false,
            wide: false,
            processes: Vec::new(),
            files: BTreeMap::new(),
            disk_full: false,
            no_copies_until: 0,
            metadata_saved: None,
            trial: false,
            copy: None,
            taken: Vec::new(),
            used: BTreeMap::new(),
            lost: 0,
            moved: 0,
            connect_ms: 0,
            scan_ms: 0,
        }
    }

    /// What runs on it by rights.
    pub fn daemons(&self) -> Vec<(Role, Option<String>)> {
        let mut list = Vec::new();
        match self.name.as_str() {
            "master" => list.push((Role::Master, None)),
            name if name.starts_with("log") => list.push((Role::Metalogger, None)),
            _ => {}
        }
        list.extend(self.server.map(|_| (Role::Chunkserver, None)));
        list.extend(self.mounts.iter().map(|m| (Role::Client, Some(m.clone()))));
        list
    }

    pub fn running(&self, role: Role) -> impl Iterator<Item = &Process> {
        self.processes.iter().filter(move |p| p.role == role)
    }

    /// What is mounted at `point`.
    pub fn mounted(&self, point: &str) -> Option<&Process> {
        self.processes.iter().find(|p| p.mounted && p.mount.as_deref() == Some(point))
    }

    /// Names its boot.
    pub fn boot(&self) -> String {
        format!("{}-{}", self.name, self.boots)
    }

    /// Hundredths of a second since then.
    pub fn up(&self, now: i64) -> i64 {
        (now - self.booted_at).max(0) / 10
    }

    pub fn reachable(&self, now: i64) -> bool {
        self.up && now >= self.cut_until
    }
}
