//! What happened in a rehearsal, as the simulated side saw it: one JSON line an event, appended by every simulated process
//! to one file. The judge and the tests read it; nothing of the executor ever writes here.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::net::Ipv4Addr;
use std::path::Path;

use semver::Version;
use serde::{Deserialize, Serialize};

/// The program of events that are the rehearsal's own: what it has prepared, and no process of a host has met yet.
pub const REHEARSAL: &str = "rehearsal";

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Nanoseconds of CLOCK_MONOTONIC, the same clock for all processes of a machine.
    pub at: u64,
    /// The plan's name of the host it happened on.
    pub host: String,
    /// The program it happened to or that did it (`mfsmaster`, `make`, …).
    pub program: String,
    /// The release of that program.
    pub version: Version,
    /// The process, 0 where there is none.
    pub pid: u32,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

/// What happened. Addresses are those that the master knows a host by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum What {
    /// The cluster stands and is healthy; what comes before is its making.
    RehearsalBegins {
        /// Files in the metadata.
        files: u32,
        /// Chunks in the metadata.
        chunks: u32,
        /// Chunk files on each chunkserver's disks.
        server_chunks: Vec<(Ipv4Addr, u32)>,
    },
    /// A release was installed.
    Installed {
        /// Where to.
        prefix: String,
    },
    /// After a command another release of the event's program was in place than before it: what a boot would start.
    InPlace,
    /// An install failed; nothing was replaced.
    InstallFailed,
    /// A daemon's or mount's process exists.
    Started,
    /// A daemon has read everything it needs and serves.
    Ready,
    /// A daemon's or mount's process gave up before it served.
    StartFailed {
        /// Its last words.
        reason: String,
    },
    /// A process got the signal to end.
    Terminating,
    /// A process is gone.
    Ended {
        /// By its own doing; `false`: it was killed.
        clean: bool,
    },
    /// At the master: a chunkserver registered.
    ServerRegistered {
        /// Its address.
        address: Ipv4Addr,
        /// The chunks it reported.
        chunks: u32,
        /// Its release, where it says so (1.5 does not).
        server_version: Option<Version>,
    },
    /// At the master: a registered chunkserver reported another number of chunks.
    ServerReported {
        /// Its address.
        address: Ipv4Addr,
        /// The chunks it has now.
        chunks: u32,
    },
    /// At the master: a chunkserver's connection was refused.
    ServerRefused {
        /// Its address.
        address: Ipv4Addr,
        /// Why.
        reason: String,
    },
    /// At the master: a chunkserver's connection ended.
    ServerLost {
        /// Its address.
        address: Ipv4Addr,
    },
    /// At the master: a metalogger registered.
    MetaloggerConnected {
        /// Its address.
        address: Ipv4Addr,
        /// Its release.
        logger_version: Option<Version>,
    },
    /// At the master: a metalogger's connection ended.
    MetaloggerLost {
        /// Its address.
        address: Ipv4Addr,
    },
    /// A metalogger has a whole copy of the master's metadata.
    MetadataDownloaded {
        /// The number of the next change in it.
        metaversion: u64,
        /// Files in it.
        files: u32,
    },
    /// A new master started, and a copy of the metadata lay on its host.
    BackupFound {
        /// Where.
        file: String,
        /// The number of the next change in it.
        metaversion: u64,
    },
    /// A new master started without any copy of the metadata on its host.
    NoBackup,
    /// A tree was unpacked, configured and built; nothing was installed.
    Built {
        /// The tree.
        tree: String,
    },
    /// At the master: a mount has a session.
    SessionConnected {
        /// Its address.
        address: Ipv4Addr,
        /// Its release.
        mount_version: Version,
    },
    /// At the master: a mount's connection ended.
    SessionLost {
        /// Its address.
        address: Ipv4Addr,
        /// Its release.
        mount_version: Version,
    },
    /// A mount is in place.
    Mounted {
        /// Where.
        mount_point: String,
    },
    /// A mount was taken away.
    Unmounted {
        /// Where.
        mount_point: String,
    },
    /// An application on a mount got an error.
    IoError {
        /// Which mount.
        mount_point: String,
        /// The file it read.
        file: String,
        /// Why.
        reason: String,
        /// How long it had waited, in milliseconds of real time.
        after_ms: u64,
    },
    /// An application's read took longer than a moment, and then went on.
    Stall {
        /// Which mount.
        mount_point: String,
        /// How long, in milliseconds of real time.
        ms: u64,
    },
    /// A master loaded metadata.
    MetadataLoaded {
        /// Files in it.
        files: u32,
        /// Chunks in it.
        chunks: u32,
    },
    /// A master saved metadata and put metadata.mfs in place.
    MetadataSaved,
    /// A master ended without saving.
    MetadataNotSaved,
    /// A chunk file was deleted from a disk.
    ChunkDeleted {
        /// The chunk.
        chunk: u64,
    },
    /// A fault did what it is for.
    FaultActed {
        /// Its name.
        fault: String,
    },
}

/// Nanoseconds of CLOCK_MONOTONIC.
#[must_use]
pub fn now() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}

/// Appends `event` to the file in one write, so that lines of many processes never mix.
///
/// # Errors
/// The file cannot be opened or written.
pub fn append(file: &Path, event: &Event) -> io::Result<()> {
    let mut line = serde_json::to_vec(event)?;
    line.push(b'\n');
    OpenOptions::new().append(true).create(true).open(file)?.write_all(&line)
}

/// All events of the file in the order of their time. A last line that is still being written is left out.
///
/// # Errors
/// The file cannot be read; a file that is not there holds no events.
pub fn read(file: &Path) -> io::Result<Vec<Event>> {
    let mut text = String::new();
    match File::open(file) {
        Ok(mut file) => file.read_to_string(&mut text)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut events: Vec<Event> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    events.sort_by_key(|event| event.at);
    Ok(events)
}
