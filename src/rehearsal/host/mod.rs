//! A simulated host from outside: its folder, its SSH server, the commands that run on it. Knows nothing of upgrades.

pub mod chroot;
mod exec;
mod in_place;
mod nested;
mod server;

use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use russh::keys::{PrivateKey, PublicKey};
use tokio::sync::watch;

pub use self::exec::run;
pub use self::server::serve;

use self::in_place::InPlace;
use super::clock;
use super::event::{self, Event, What};
use super::fault::FaultName;
use super::procfs;
use super::site::Site;

/// A host of a rehearsal.
#[derive(Debug)]
pub struct Host {
    /// What its processes know too.
    pub site: Site,
    /// Its SSH server's key.
    pub key: PrivateKey,
    /// The one key that it lets in.
    pub client: PublicKey,
    /// Changes when all connections are to be cut.
    cut: watch::Sender<u32>,
    /// Connections that were made to it so far.
    connections: AtomicUsize,
    /// Commands that run now.
    commands: AtomicUsize,
    /// The cluster stands, and faults may act.
    armed: AtomicBool,
    /// Never lets anybody in again.
    refuses: AtomicBool,
    /// The sockets that were last shown in /proc/net/tcp.
    sockets: Mutex<String>,
    /// The programs that were last seen in place.
    in_place: Mutex<InPlace>,
}

impl Host {
    /// How many connections were made to it so far.
    pub fn connections(&self) -> usize {
        self.connections.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// A host whose folder is there.
    #[must_use]
    pub fn new(site: Site, key: PrivateKey, client: PublicKey) -> Self {
        Self {
            site,
            key,
            client,
            cut: watch::Sender::new(0),
            commands: AtomicUsize::new(0),
            armed: AtomicBool::new(false),
            connections: AtomicUsize::new(0),
            refuses: AtomicBool::new(false),
            sockets: Mutex::default(),
            in_place: Mutex::default(),
        }
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> Ipv4Addr {
        self.site.address
    }

    /// Brings `/proc` up to date: processes that died without a word disappear, sockets are those that there are.
    /// `sockets` is this machine's table.
    pub fn refresh(&self, sockets: &str) {
        let root = &self.site.root;
        for dead in procfs::sweep(root) {
            let ended = Event {
                at: event::now(),
                host: dead.host,
                program: dead.program,
                version: dead.version,
                pid: dead.pid.unsigned_abs(),
                what: What::Ended { clean: false },
            };
            let _ = event::append(&self.site.events(), &ended);
        }
        let own = procfs::sockets_of(sockets, self.site.address);
        let mut shown = self.sockets.lock().expect("never poisoned");
        if *shown != own {
            let _ = procfs::write_whole(&root.join("proc/net/tcp"), own.as_bytes());
            *shown = own;
        }
    }

    /// As [`Self::refresh`], with all that a command may look at.
    ///
    /// # Errors
    /// This machine has no `/proc`.
    fn refresh_before_command(&self) -> io::Result<()> {
        self.refresh(&fs::read_to_string("/proc/net/tcp")?);
        procfs::keep_replaced(&self.site.root);
        clock::show(&self.site)
    }

    /// What follows for SSH from the host's having been changed. `answered`: the command that did it has had its answer.
    /// `true`: connections were cut.
    fn cut_if_faulty(&self, answered: bool) -> bool {
        let faults: &[FaultName] =
            if answered { &[FaultName::DropsSshAfter] } else { &[FaultName::DropsSsh, FaultName::DropsSshOnce] };
        let Some(fault) = faults.iter().find(|fault| self.site.has(**fault)) else { return false };
        let acted = self.site.sim("ssh-was-cut");
        if !self.armed.load(Ordering::Relaxed) || !self.site.sim("changed").exists() || acted.exists() {
            return false;
        }
        let _ = fs::write(acted, b"");
        self.site.record("sshd", &self.site.target, What::FaultActed { fault: fault.to_string() });
        self.refuses.store(*fault == FaultName::DropsSsh, Ordering::Relaxed);
        self.cut.send_modify(|times| *times += 1);
        true
    }

    /// What was done so far was the making of the cluster; from here on a fault may act.
    pub fn arm(&self) {
        let _ = fs::remove_file(self.site.sim("changed"));
        let _ = fs::write(self.site.sim("stands"), b"");
        self.armed.store(true, Ordering::Relaxed);
    }

    /// Looks at the host between commands.
    pub fn tick(&self, sockets: &str) {
        self.refresh(sockets);
        // what was changed by a command waits for the command's end, so that a fault acts the same way every time
        if self.commands.load(Ordering::Relaxed) == 0 {
            self.cut_if_faulty(false);
        } else {
            // whoever takes the time by it reads it while a command runs
            let _ = clock::show(&self.site);
        }
    }

    /// Ends all connections and lets nobody in again.
    pub fn close(&self) {
        self.refuses.store(true, Ordering::Relaxed);
        self.cut.send_modify(|times| *times += 1);
    }
}
