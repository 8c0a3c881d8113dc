//! What a look at a host found: facts and nothing else. PURE. [`super::look`] asks for them and reads them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

use semver::Version;
use serde::{Deserialize, Serialize};

use super::mount_options::UnreadableMount;
use super::places::{Keeper, Placed};
use super::{AbsPath, MountArguments};
use crate::moosefs::daemon::Role;
use crate::moosefs::releases::TABLE;

/// A process of MooseFS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Process id.
    pub pid: u32,
    /// What it is.
    pub role: Role,
    /// Its parent's process id.
    pub parent: u32,
    /// Start time in clock ticks since boot (field 22 of `/proc/PID/stat`): with the pid it names a process for good.
    pub start: u64,
    /// `/proc/PID/exe`, with ` (deleted)` behind it where the file was replaced since.
    pub exe: String,
    /// The version that the running binary itself carries.
    pub version: Option<Version>,
    /// Its working folder, which for a daemon is its DATA_PATH.
    pub cwd: String,
    /// Whether it holds the lock file in its working folder (`.mfsmaster.lock`, 1.6.9 and later); `None` where there is no
    /// such file or the host does not show its locks.
    pub locked: Option<bool>,
    /// The command line behind the program's name.
    pub arguments: Vec<String>,
    /// The user that it runs as, by name where the host knows one; empty where it was not shown.
    pub user: String,
    /// Its group, likewise.
    pub group: String,
    /// Bytes of memory that it holds (`VmRSS` of `/proc/PID/status`).
    pub memory: u64,
}

/// Names one process for good, also where its number was given out again after a boot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessId {
    /// The boot that it runs in.
    pub boot: String,
    /// Process id.
    pub pid: u32,
    /// See [`Process::start`].
    pub start: u64,
}

impl Process {
    /// Whether this is the same process, and not another one with its number.
    #[must_use]
    pub fn is(&self, other: &Process) -> bool {
        (self.pid, self.start) == (other.pid, other.start)
    }

    /// Puts the place that the host resolved `word` to where the command line of a mount names its place.
    pub(super) fn resolve(&mut self, word: &str, place: &str) {
        for at in 0..self.arguments.len() {
            let before = at.checked_sub(1).map(|at| self.arguments[at].as_str());
            // the value of an option is no place, but that of 1.5's -w
            let value = before.is_some_and(|b| {
                b.len() > 1 && b.starts_with('-') && b.ends_with(['h', 'p', 'l', 'v', 'H', 'P', 'S', 'B', 'o', 'c'])
            });
            let whole = self.arguments[at] == word && !value;
            let attached = self.arguments[at].strip_suffix(word);
            let attached =
                attached.filter(|option| option.starts_with('-') && option.ends_with('w')).map(str::to_owned);
            if let Some(option) = attached {
                self.arguments[at] = option + place;
            } else if whole {
                place.clone_into(&mut self.arguments[at]);
            }
        }
    }

    /// The command line of a mount, read by its generation.
    ///
    /// # Errors
    /// [`UnreadableMount`].
    pub fn mount_arguments(&self) -> Result<MountArguments, UnreadableMount> {
        match &self.version {
            Some(version) if !TABLE.sessions.at(version) => MountArguments::read_old(&self.arguments),
            _ => MountArguments::read_new(&self.arguments),
        }
    }

    /// Where it is mounted, if it is a mount and says so.
    #[must_use]
    pub fn mount_point(&self) -> Option<AbsPath> {
        if self.role == Role::Client { self.mount_arguments().ok().map(|m| m.mount_point) } else { None }
    }
}

/// A process that is called like a program of MooseFS and counts as none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stranger {
    /// Process id.
    pub pid: u32,
    /// What it is called.
    pub role: Role,
    /// Its user's number.
    pub uid: u32,
}

/// A line of `/proc/mounts` that is MooseFS's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MountLine {
    /// `MFS` in 1.5, `HOST:PORT[/SUB]` in 1.6.
    pub source: String,
    /// The mount point.
    pub mount_point: String,
    /// `fuse` in 1.5; `fuse.mfs`, `fuse.mfsmeta` in 1.6.
    pub kind: String,
    /// As the kernel shows them.
    pub options: String,
}

/// A TCP socket on one of MooseFS's ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Socket {
    /// This side.
    pub local: (Ipv4Addr, u16),
    /// The other side; 0.0.0.0:0 for a listening socket.
    pub remote: (Ipv4Addr, u16),
    /// Whether it listens; otherwise it is an established connection.
    pub listening: bool,
    /// The kernel's number of it, by which [`HostFacts::held`] tells whose it is; 0: none.
    #[serde(default)]
    pub inode: u64,
}

/// A file that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFact {
    /// Bytes.
    pub size: u64,
    /// Last change, in seconds since 1970 by the host's clock.
    pub modified: i64,
}

/// What one look at one host found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HostFacts {
    /// Whether the commands run as root.
    pub root: bool,
    /// The host's own name.
    pub hostname: String,
    /// Changes with every boot.
    pub boot_id: String,
    /// The kernel's number of what processes are seen there, and of what network it has: containers on one kernel have their own.
    #[serde(default)]
    pub process_space: Option<String>,
    /// See [`Self::process_space`].
    #[serde(default)]
    pub network_space: Option<String>,
    /// /etc/machine-id, where there is one.
    #[serde(default)]
    pub machine: Option<String>,
    /// The number of its hardware, where it is told.
    #[serde(default)]
    pub hardware: Option<String>,
    /// The host's clock, seconds since 1970.
    pub clock: i64,
    /// How long it has been up, asleep or not, in hundredths of a second: as [`Process::start`] counts on all but two old kinds
    /// of machines, on which a daemon seems to have been started late, and waits are kept in full.
    #[serde(default)]
    pub up: Option<u64>,
    /// Running daemons and mounts.
    pub processes: Vec<Process>,
    /// Masters that are only tried on a copy of metadata, by this run or another one: nobody's daemons.
    #[serde(default)]
    pub tried: Vec<u32>,
    /// Processes that are called like a program of MooseFS and that no daemon's user nor root runs.
    #[serde(default)]
    pub strangers: Vec<Stranger>,
    /// Why others than root can change folders of this program's own, by path: in a survey.
    #[serde(default)]
    pub open: BTreeMap<String, String>,
    /// Mounts of MooseFS.
    pub mounts: Vec<MountLine>,
    /// Sockets on MooseFS's ports.
    pub sockets: Vec<Socket>,
    /// The sockets that each daemon has open, by process id: in a survey. None of one whose open files are not shown.
    pub held: BTreeMap<u32, BTreeSet<u64>>,
    /// Versions of the installed programs, by path; `None`: there, but it tells no version.
    pub installed: BTreeMap<String, Option<Version>>,
    /// The same of the programs in the source tree.
    pub source: BTreeMap<String, Option<Version>>,
    /// mfsmaster.cfg files, with their MATOCU_LISTEN_* and MATOCL_LISTEN_* lines.
    pub master_configs: BTreeMap<String, Vec<(String, String)>>,
    /// mfsexports.cfg files, with their number of rules.
    pub exports: BTreeMap<String, u32>,
    /// Files in the running master's DATA_PATH.
    pub data_files: BTreeMap<String, FileFact>,
    /// Processes that work in [`Look::busy_in`], and jobs of [`Look::jobs_in`] that go on.
    pub busy: Vec<u32>,
    /// Whether the host has `make`.
    pub make: bool,
    /// Whether the host has `/dev/fuse`.
    pub fuse: bool,
    /// Which of [`TOOLS`] the host has.
    pub tools: BTreeSet<String>,
    /// Configuration files of MooseFS below the prefixes, `.var` files of 1.5 among them, by path.
    pub files: BTreeMap<String, TextFile>,
    /// What was compiled into the trees to install from, by tree; absent where one is not configured.
    pub builds: BTreeMap<String, BuildFacts>,
    /// Free space for the folders that were asked for, by path; none for one on MooseFS itself.
    pub space: BTreeMap<String, Space>,
    /// Bytes of memory that a new process can have (`MemAvailable`), where the kernel tells it (3.14 and later).
    pub memory_available: Option<u64>,
    /// The lock files that 1.5 daemons would have, by path; absent where there is none. Whether its folder is there at
    /// least, [`Self::folders`] tells.
    pub lock_files: BTreeMap<String, LockFact>,
    /// DATA_PATH of running daemons, disks of mfshdd.cfg, folders of lock files: owner, and what kind of disk layout is in
    /// them. Absent where there is none.
    pub folders: BTreeMap<String, Folder>,
    /// Where those of these folders, and the exports that a master reads, lie to which a link leads, by the name that they were asked for.
    #[serde(default)]
    pub leads: BTreeMap<String, String>,
    /// The mounts that these folders, those whose space was asked for and those of programs are on, by path.
    #[serde(default)]
    pub lies: BTreeMap<String, Mounted>,
    /// The mount points of /etc/fstab that are nearest above disks of mfshdd.cfg, by disk, mounted or not; none for a disk above which
    /// it names no other than the root.
    #[serde(default)]
    pub wanted: BTreeMap<String, String>,
    /// What these names lead to now: disks of mfshdd.cfg, the `.lock` in them, and the names in [`Self::opened`].
    #[serde(default)]
    pub nodes: BTreeMap<String, Node>,
    /// The `.lock` of disks that chunkservers have open. None of one whose open files are not shown.
    #[serde(default)]
    pub opened: Vec<Opened>,
    /// Who has a lock of these files, which a new daemon locks: the `.lock` of disks, lock files of 1.5, `.mfsmaster.lock` and its like
    /// in a DATA_PATH. Absent where there is no such file or the host does not tell.
    #[serde(default)]
    pub locks: BTreeMap<String, Vec<Holder>>,
    /// What of its disks, its DATA_PATH and their lock files a daemon's user may not read, write and pass, by the process that runs now.
    #[serde(default)]
    pub denied: BTreeMap<u32, BTreeSet<String>>,
    /// The first 8 bytes of metadata files in the master's DATA_PATH, by file name: `MFSM 1.5`, `MFSM NEW`.
    pub headers: BTreeMap<String, String>,
    /// The version of the metadata in them: how many changes it has seen.
    pub metaversions: BTreeMap<String, u64>,
    /// The number of the last change in the master's `changelog.0.mfs`.
    pub last_change: Option<u64>,
    /// Processes that use a mount of MooseFS.
    pub users: Vec<MountUser>,
    /// Whether there can be more of them: above 50 a mount they are not told, nor what was not found within some seconds.
    pub users_cut: bool,
    /// Where mounts of MooseFS are, in every mount namespace, with what they are mounted on and what is mounted on them. Empty
    /// where the kernel does not tell it.
    #[serde(default)]
    pub placed: Vec<Placed>,
    /// Whether there can be more of them: above 300 they are not told, nor what was not found within some seconds.
    #[serde(default)]
    pub placed_cut: bool,
    /// What uses files of a mount and is no process. Of swap space all loop devices, of exports all that lead over mount points.
    #[serde(default)]
    pub keepers: Vec<Keeper>,
    /// Names found below a mount point, under the mount, by mount point; no entry where it could not be looked at.
    pub under: BTreeMap<String, Vec<String>>,
    /// Lines of fstab, init scripts and cron files that name a program of MooseFS.
    pub startup: Vec<StartupLine>,
    /// Whether there are more of them: above 100 they are not told.
    pub startup_cut: bool,
    /// Folders above files that a master reads, of which others than their owner and group may not be told anything, by path.
    pub shut: BTreeMap<String, Permissions>,
    /// The addresses of IPv4 that the host finds behind names of masters, by name: those of its own configuration and mounts, and
    /// those of [`super::Look::names`]. Empty where there is none; absent where nobody asked or no answer came in time.
    pub names: BTreeMap<String, Vec<Ipv4Addr>>,
    /// What earlier steps left in the working folder of this program, by path: SHA-256 in hexadecimal.
    pub kept: BTreeMap<String, String>,
    /// How many chunk files are in folders `0` to `F`, by disk, in a survey; absent for one that is not there, and for one with
    /// more files than can be counted in a survey's time.
    #[serde(default)]
    pub narrow: BTreeMap<String, u64>,
    /// How many chunks are in folders `00` to `FF`, by disk; absent for one that is not there.
    pub wide: BTreeMap<String, u64>,
    /// Programs (`sbin/mfs…`, `bin/mfs…`) in tar files of this program's own, by file, with the version that each carries, where
    /// it is a daemon or a mount; absent for a file that is not there, and empty for one that is not whole.
    pub archives: BTreeMap<String, BTreeMap<String, Option<Version>>>,
    /// The last words of a role's daemons in its log, oldest first, where they were asked for; at most
    /// [`super::look::LOG_LINES`].
    #[serde(default)]
    pub logged: Vec<String>,
    /// Whether the host can look under mounts for [`Self::under`]: root, with an `unshare` that works.
    pub unshare: bool,
}

/// Programs that steps call, beyond a POSIX shell and coreutils. Not `fusermount`: as root, which all steps are, libfuse mounts by
/// itself, and `umount` takes the mount away.
pub const TOOLS: [&str; 9] = ["make", "umount", "tar", "gzip", "sha256sum", "setsid", "flock", "gcc", "cc"];

/// A small text file, whole.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TextFile {
    /// Permission bits, for example 0o644.
    pub mode: u32,
    /// The owner's name, or number where it has none.
    pub owner: String,
    /// The group's name, or number.
    pub group: String,
    /// What is in it; bytes that are not UTF-8 are U+FFFD.
    pub text: String,
}

impl TextFile {
    /// Whether a process that runs as `user` and `group` may read it.
    #[must_use]
    pub fn is_readable(&self, user: &str, group: &str) -> bool {
        permits(self.mode, (&self.owner, &self.group), (user, group), 4)
    }
}

/// A mount, and what it does not allow.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Mounted {
    /// Its mount point.
    pub at: String,
    /// Nothing on it can be written: by the mount's own options, or the whole file system is read-only.
    pub read_only: bool,
    /// No program on it can be run.
    pub noexec: bool,
}

/// A file or folder as the kernel knows it, whatever names it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Node {
    /// The number of its file system (`st_dev`).
    pub device: u64,
    /// Its number there.
    pub inode: u64,
}

/// Who has a lock of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The process; `None`: the lock is no process's own.
    pub pid: Option<u32>,
    /// What it is called; empty where that is not shown.
    pub name: String,
}

/// A lock file that a process has open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    /// The process.
    pub pid: u32,
    /// The file.
    pub node: Node,
    /// The name that the kernel shows for it: of one on a file system that is mounted no more, what is left of its name.
    pub path: String,
    /// Whether its name is gone since.
    pub deleted: bool,
}

/// Who may do what with a folder.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Permissions {
    /// Permission bits.
    pub mode: u32,
    /// The owner's name, or number where it has none.
    pub owner: String,
    /// The group's name, or number.
    pub group: String,
}

impl Permissions {
    /// Whether a process that runs as `user` and `group` reaches what is in it.
    #[must_use]
    pub fn is_open(&self, user: &str, group: &str) -> bool {
        permits(self.mode, (&self.owner, &self.group), (user, group), 1)
    }
}

/// Whether `mode` gives a process that runs as a user and a group, and is in no other group, all of `bits` (4, 2, 1). An empty
/// name is not known, and lets everything pass.
fn permits(mode: u32, (owner, group): (&str, &str), (user, its_group): (&str, &str), bits: u32) -> bool {
    let shift = match (owner == user, group == its_group) {
        (true, _) => 6,
        (false, true) => 3,
        (false, false) => 0,
    };
    user.is_empty() || user == "root" || owner.is_empty() || mode >> shift & bits == bits
}

/// What `./configure` compiled into a tree (its config.h).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BuildFacts {
    /// ETC_PATH: configuration is in it, or in `mfs/` below it (1.6.27).
    pub etc_path: Option<String>,
    /// DATA_PATH, the default.
    pub data_path: Option<String>,
    /// RUN_PATH: where 1.5's lock files are looked for.
    pub run_path: Option<String>,
    /// DEFAULT_USER.
    pub user: Option<String>,
    /// DEFAULT_GROUP.
    pub group: Option<String>,
}

/// A file system's free space, as `df -P` would tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Space {
    /// Bytes that can still be written without using what is reserved for root.
    pub free: u64,
    /// Inodes that are free; `None` where the file system counts none.
    pub inodes: Option<u64>,
    /// The file system's own number; `None` where it has none or it was not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
}

impl Space {
    /// Whether both are most probably the same space. Numbers of its own has every subvolume of a file system that counts no
    /// inodes (btrfs), and where there are none the same figures must do.
    #[must_use]
    pub fn is_shared(&self, other: &Space) -> bool {
        let same_figures = (self.free, self.inodes) == (other.free, other.inodes);
        match (self.id, other.id) {
            (Some(one), Some(two)) => one == two || (same_figures && self.inodes.is_none()),
            _ => same_figures,
        }
    }
}

/// A lock file of a 1.5 daemon.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LockFact {
    /// The pid written in it.
    pub pid: Option<u32>,
    /// The owner's name.
    pub owner: String,
}

/// A folder: a daemon's DATA_PATH, a disk of a chunkserver.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Folder {
    /// The owner's name.
    pub owner: String,
    /// Whether it has folders `00` to `FF` (1.6.6 and later) and not only `0` to `F`.
    pub wide: bool,
}

/// A process with its working folder, root, program, an open file or a mapping below a mount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MountUser {
    /// Process id.
    pub pid: u32,
    /// `/proc/PID/comm`.
    pub name: String,
    /// What of it is below the mount.
    pub path: String,
}

/// A line of a file that starts things.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartupLine {
    /// For example `/etc/fstab`.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// The line.
    pub text: String,
}

/// A moment by the uptime of a host, which nobody sets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostTime {
    /// The boot that it counts from.
    pub boot: String,
    /// Hundredths of a second since then.
    pub up: u64,
}

impl HostTime {
    /// How long the host had been up.
    #[must_use]
    pub fn up(&self) -> Duration {
        Duration::from_millis(self.up.saturating_mul(10))
    }

    /// A later moment of the same boot.
    #[must_use]
    pub fn after(&self, time: Duration) -> Self {
        let more = u64::try_from(time.as_millis() / 10).unwrap_or(u64::MAX);
        Self { boot: self.boot.clone(), up: self.up.saturating_add(more) }
    }

    /// How long ago `then` was; `None`: the host was booted in between.
    #[must_use]
    pub fn since(&self, then: &Self) -> Option<Duration> {
        // a container that was started anew has the boot of its machine
        let passed = self.up.checked_sub(then.up).filter(|_| self.boot == then.boot)?;
        Some(Duration::from_millis(passed.saturating_mul(10)))
    }
}

impl HostFacts {
    /// The moment of the look by the host's uptime.
    #[must_use]
    pub fn time(&self) -> Option<HostTime> {
        let boot = Some(self.boot_id.clone()).filter(|boot| !boot.is_empty())?;
        Some(HostTime { boot, up: self.up? })
    }

    /// How long a process of `role` has run, of several the youngest.
    #[must_use]
    pub fn runs_for(&self, role: Role) -> Option<Duration> {
        let started = self.processes.iter().filter(|p| p.role == role).map(|p| p.start).max()?;
        Some(Duration::from_millis(self.up?.saturating_sub(started).saturating_mul(10)))
    }

    /// The one process of `role`: daemons run once a host.
    #[must_use]
    pub fn daemon(&self, role: Role) -> Option<&Process> {
        self.processes.iter().find(|p| p.role == role)
    }

    /// The one process of `role`, by its name for good.
    #[must_use]
    pub fn process_id(&self, role: Role) -> Option<ProcessId> {
        let process = self.daemon(role)?;
        Some(ProcessId { boot: self.boot_id.clone(), pid: process.pid, start: process.start })
    }

    /// Where a folder lies, whatever links lead to it.
    #[must_use]
    pub fn place<'a>(&'a self, folder: &'a str) -> &'a str {
        self.leads.get(folder).map_or(folder, String::as_str)
    }

    /// The version of the newest metadata that lies in DATA_PATH: in metadata.mfs while no master runs, in metadata.mfs.back
    /// while one does, and whatever the moment between, in one of them.
    #[must_use]
    pub fn metaversion(&self) -> Option<u64> {
        self.metaversions.values().max().copied()
    }

    /// The least version that the metadata has once its master has ended: every change that is in its change log is in it.
    #[must_use]
    pub fn least_metaversion(&self) -> Option<u64> {
        self.metaversion().max(self.last_change.map(|change| change.saturating_add(1)))
    }

    /// The mount at `mount_point`, the topmost if there are several.
    #[must_use]
    pub fn mount(&self, mount_point: &str) -> Option<&MountLine> {
        self.mounts.iter().rev().find(|m| m.mount_point == mount_point)
    }

    /// The address by which a master knows this host: this side of an established connection to `port` of it.
    #[must_use]
    pub fn address_towards(&self, port: u16) -> Option<Ipv4Addr> {
        self.sockets.iter().find(|s| !s.listening && s.remote.1 == port).map(|s| s.local.0)
    }

    /// Where `port` is listened on; 0.0.0.0 for everywhere.
    #[must_use]
    pub fn listener(&self, port: u16) -> Option<Ipv4Addr> {
        self.sockets.iter().find(|s| s.listening && s.local.1 == port).map(|s| s.local.0)
    }

    /// Whether `process` itself listens on `port`; `None`: nobody can tell.
    #[must_use]
    pub fn listens_itself(&self, process: &Process, port: u16) -> Option<bool> {
        let held = self.held.get(&process.pid).filter(|held| !held.is_empty())?;
        let mut at = self.sockets.iter().filter(|s| s.listening && s.local.1 == port);
        Some(at.any(|socket| socket.inode == 0 || held.contains(&socket.inode)))
    }

    /// Why the tar file `kept` does not bring back the `wanted` program of `role`; `None`: it does. It must have been looked at.
    #[must_use]
    pub fn lacks_kept(&self, kept: &AbsPath, role: Role, wanted: &Version) -> Option<String> {
        let program = role.path_in_prefix();
        match self.archives.get(kept.as_str()).map(|programs| programs.get(program)) {
            None => Some(format!("{kept} is not there")),
            Some(None) => Some(format!("{kept} does not hold {program}, or is not whole")),
            Some(Some(Some(version))) if version == wanted => None,
            Some(Some(Some(version))) => Some(format!("the {program} in {kept} is {version}, not {wanted}")),
            Some(Some(None)) => Some(format!("the {program} in {kept} tells no version")),
        }
    }

    /// The version of the installed program of `role`.
    #[must_use]
    pub fn installed_version(&self, prefix: &AbsPath, role: Role) -> Option<&Version> {
        self.installed.get(prefix.join(role.path_in_prefix()).as_str())?.as_ref()
    }
}
