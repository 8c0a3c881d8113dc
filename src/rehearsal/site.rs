//! What a simulated process knows: its host, and the rehearsal that the host belongs to. Written once by the cluster to
//! `<root>/.sim/site.json`, read by every simulated process at its start.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::time::Duration;

use semver::Version;
use serde::{Deserialize, Serialize};

use super::event::{self, Event, What};
use super::fault::FaultName;
use super::syslog;
use super::timing::{Timings, scaled};

/// The folder below a host's root that holds what belongs to the simulation and not to the host.
pub const SIM: &str = ".sim";

/// What loading takes under the fault `slow-load`: longer than the 30 s after which a 1.5 mount gives errors.
const SLOW_LOAD: Duration = Duration::from_secs(40);

/// What a simulated process knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Site {
    /// The plan's name of the host.
    pub host: String,
    /// Its address.
    pub address: Ipv4Addr,
    /// The folder that is the host's file system.
    pub root: PathBuf,
    /// The folder of the rehearsal.
    pub dir: PathBuf,
    /// The program that simulated processes are made of.
    pub program: PathBuf,
    /// How many times faster than real everything is.
    pub speed: f64,
    /// How long things take.
    pub timings: Timings,
    /// The faults of this host.
    pub faults: Vec<FaultName>,
    /// The release that an install brings.
    pub target: Version,
    /// Every prefix of the host that an install without a tree (a package tool) changes.
    pub prefixes: Vec<String>,
    /// The plan's greatest stagger, which a slow scan exceeds.
    pub greatest_stagger: Duration,
    /// Where the plan lets this program keep its own files on the host.
    pub work_dir: String,
}

impl Site {
    /// Reads the site of the host whose root is `root`.
    ///
    /// # Errors
    /// It is not there, or not readable.
    pub fn load(root: &Path) -> io::Result<Self> {
        let text = fs::read(root.join(SIM).join("site.json"))?;
        Ok(serde_json::from_slice(&text)?)
    }

    /// Writes it where [`Self::load`] finds it.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn store(&self) -> io::Result<()> {
        fs::write(self.root.join(SIM).join("site.json"), serde_json::to_vec_pretty(self)?)
    }

    /// Where the host's `path` (absolute, with or without the root before it) is on this machine.
    #[must_use]
    pub fn real(&self, path: &str) -> PathBuf {
        self.root.join(self.seen(path).trim_start_matches('/'))
    }

    /// A path or text as the host sees it: without the root.
    #[must_use]
    pub fn seen(&self, path: &str) -> String {
        let root = self.root.to_string_lossy();
        match path.strip_prefix(root.as_ref()) {
            Some("") => "/".to_owned(),
            Some(rest) if rest.starts_with('/') => rest.to_owned(),
            _ => path.to_owned(),
        }
    }

    /// The simulation's own file for this host.
    #[must_use]
    pub fn sim(&self, name: &str) -> PathBuf {
        self.root.join(SIM).join(name)
    }

    /// `time` at the rehearsal's speed.
    #[must_use]
    pub fn scaled(&self, time: Duration) -> Duration {
        scaled(time, self.speed)
    }

    /// Whether the host was given `fault`.
    #[must_use]
    pub fn has(&self, fault: FaultName) -> bool {
        self.faults.contains(&fault)
    }

    /// Whether the cluster stands: what came before was its making, which no fault disturbs.
    #[must_use]
    pub fn stands(&self) -> bool {
        self.sim("stands").exists()
    }

    /// How long the loading of metadata takes, and how long at least in real time: the fault `slow-load` must outlast a
    /// 1.5 mount's patience, which has a least time too.
    #[must_use]
    pub fn load_time(&self) -> (Duration, Duration) {
        if self.has(FaultName::SlowLoad) && self.stands() {
            (SLOW_LOAD, self.timings.real_least_eio.mul_f64(1.25))
        } else {
            (self.timings.load, Duration::ZERO)
        }
    }

    /// The file of events.
    #[must_use]
    pub fn events(&self) -> PathBuf {
        events_file(&self.dir)
    }

    /// Records an event. A rehearsal whose folder is gone has nobody left to tell.
    pub fn record(&self, program: &str, version: &Version, what: What) {
        let event = Event {
            at: event::now(),
            host: self.host.clone(),
            program: program.to_owned(),
            version: version.clone(),
            pid: std::process::id(),
            what,
        };
        let _ = syslog::tell(self, program, &event.what);
        let _ = event::append(&self.events(), &event);
    }

    /// Notes that something on the host was changed, for the faults that wait for it.
    pub fn mark_changed(&self) {
        let _ = fs::write(self.sim("changed"), b"");
    }

    /// The address behind a name, by the host's own /etc/hosts.
    #[must_use]
    pub fn resolve(&self, name: &str) -> Option<Ipv4Addr> {
        if let Ok(address) = name.parse() {
            return Some(address);
        }
        let hosts = fs::read_to_string(self.real("/etc/hosts")).ok()?;
        hosts.lines().find_map(|line| {
            let mut words = line.split('#').next()?.split_whitespace();
            let address = words.next()?.parse().ok()?;
            words.any(|word| word == name).then_some(address)
        })
    }

    /// A socket of this host: on a real one the address would follow from the route, on loopback it must be bound.
    ///
    /// # Errors
    /// Nobody listens there.
    pub async fn connect(&self, to: SocketAddrV4) -> io::Result<tokio::net::TcpStream> {
        let socket = tokio::net::TcpSocket::new_v4()?;
        socket.bind(SocketAddrV4::new(self.address, 0).into())?;
        let stream = socket.connect(to.into()).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// Whether the rehearsal that this host belongs to still runs. Its process holds a lock that the kernel takes away
    /// whatever the process dies of; a simulated process that can have it is an orphan.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        let Ok(file) = fs::File::open(alive_file(&self.dir)) else { return false };
        rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockShared).is_err()
    }
}

/// The file of events of the rehearsal in `dir`.
#[must_use]
pub fn events_file(dir: &Path) -> PathBuf {
    dir.join("events.jsonl")
}

/// The file whose lock says that the rehearsal in `dir` runs.
#[must_use]
pub fn alive_file(dir: &Path) -> PathBuf {
    dir.join("alive")
}
