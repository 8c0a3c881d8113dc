//! A whole rehearsal: hosts, their SSH servers, and the old release running on them. Drives no upgrade.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt, TryStreamExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::address::{Claim, MOST_HOSTS};
use super::error::{RehearsalError, Tried};
use super::event::{self, Event, What};
use super::fault::Fault;
use super::ground;
use super::host::{self, Host};
use super::procfs;
use super::reached::reached;
use super::setup::{self, Part};
use super::simulated::metadata::Metadata;
use super::site::{alive_file, events_file};
use super::timing::Timings;
use super::traps;
use super::{keys, keys::SSH_PORT};
use crate::moosefs::daemon::Role;
use crate::plan::{Plan, Ssh};

/// How many hosts are made or started at a time.
const AT_ONCE: usize = 8;

/// What a rehearsal may be told.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the hosts are kept; `None`: in a temporary folder that is removed at the end.
    pub dir: Option<PathBuf>,
    /// The `mfsupgrade` program, of which the simulated programs are made.
    pub program: PathBuf,
    /// How many times faster than real everything simulated is. At least 1.
    pub speed: f64,
    /// What goes wrong.
    pub faults: Vec<Fault>,
    /// How long simulated things take at speed 1.
    pub timings: Timings,
}

/// A running rehearsal. When it is dropped, everything that belongs to it ends.
#[derive(Debug)]
pub struct Cluster {
    dir: PathBuf,
    temporary: Option<tempfile::TempDir>,
    hosts: Vec<(Arc<Host>, Part)>,
    config: PathBuf,
    speed: f64,
    /// Locked as long as the rehearsal runs; see [`super::site::Site::is_alive`].
    _alive: File,
    watching: Arc<AtomicBool>,
    watcher: Option<std::thread::JoinHandle<()>>,
    servers: JoinSet<()>,
}

impl Cluster {
    /// Makes the hosts of `plan` and starts its old release on them. Returns when the cluster is whole: every
    /// chunkserver registered with all its chunks, every mount with a session.
    ///
    /// # Errors
    /// [`RehearsalError`] says what could not be made.
    pub async fn start(plan: &Plan, options: Options) -> Result<Self, RehearsalError> {
        let parts = setup::parts(plan);
        ground::check_faults(plan, &parts, &options.faults)?;
        if parts.len() > MOST_HOSTS {
            return Err(RehearsalError::TooManyHosts(parts.len()));
        }
        let (dir, temporary) = ground::folder(options.dir.as_deref())?;
        let claim = Arc::new(Claim::take().tried(|| "find free loopback addresses".to_owned())?);
        let alive = File::create(alive_file(&dir)).tried(|| "write the rehearsal's folder".to_owned())?;
        rustix::fs::flock(&alive, rustix::fs::FlockOperation::NonBlockingLockExclusive)
            .map_err(std::io::Error::from)
            .tried(|| "lock the rehearsal's folder".to_owned())?;

        let metadata = setup::metadata(plan.chunkservers.len());
        let identity = keys::generate().tried(|| "make an SSH key".to_owned())?;
        let hosts = ground::make_hosts(plan, &options, parts, &dir, &claim, &metadata, identity.public_key())?;
        let known: Vec<_> = hosts
            .iter()
            .map(|(host, _)| (host.site.host.clone(), host.address(), host.key.public_key().clone()))
            .collect();
        let files = keys::write_client_files(&dir, &identity, &known).tried(|| "write ssh_config".to_owned())?;

        let mut servers = JoinSet::new();
        for (host, _) in &hosts {
            let listener = TcpListener::bind(SocketAddrV4::new(host.address(), SSH_PORT))
                .await
                .tried(|| format!("listen on {}:{SSH_PORT}", host.address()))?;
            servers.spawn(host::serve(host.clone(), claim.clone(), listener));
        }
        let watching = Arc::new(AtomicBool::new(true));
        let watcher = watch(hosts.iter().map(|(host, _)| host.clone()).collect(), watching.clone())
            .tried(|| "start a thread".to_owned())?;
        let cluster = Self {
            dir,
            temporary,
            hosts,
            config: files.config,
            speed: options.speed,
            _alive: alive,
            watching,
            watcher: Some(watcher),
            servers,
        };
        cluster.start_old_release(plan, &options, &metadata).await?;
        Ok(cluster)
    }

    async fn start_old_release(
        &self,
        plan: &Plan,
        options: &Options,
        metadata: &Metadata,
    ) -> Result<(), RehearsalError> {
        let count = plan.chunkservers.len();
        let server_chunks: Vec<(Ipv4Addr, u32)> = (0..count)
            .map(|n| {
                let chunks = setup::chunks_of(metadata, n, count).len();
                (self.host(plan.chunkservers[n].host.as_str()).address(), u32::try_from(chunks).unwrap_or(u32::MAX))
            })
            .collect();
        let mounts: usize = self.hosts.iter().map(|(_, part)| part.mounts.len()).sum();
        let slow = options.timings.scan + options.timings.load + options.timings.server_reconnect * 4;
        let deadline = Instant::now() + slow.div_f64(options.speed) + Duration::from_secs(30);

        self.call(Role::Master, |part| vec![format!("{}/sbin/mfsmaster", part.prefixes[&Role::Master])]).await?;
        self.until(deadline, "the master does not answer", |events| events.iter().any(|e| e.what == What::Ready))
            .await?;
        self.call(Role::Chunkserver, |part| vec![format!("{}/sbin/mfschunkserver", part.prefixes[&Role::Chunkserver])])
            .await?;
        self.until(deadline, "not every chunkserver has registered", |events| {
            server_chunks.iter().all(|(address, chunks)| reported(events, *address).is_some_and(|n| n >= *chunks))
        })
        .await?;
        self.call(Role::Client, |part| {
            let program = format!("{}/bin/mfsmount", part.prefixes[&Role::Client]);
            part.mounts
                .iter()
                .map(|mount| format!("{program} -h mfsmaster -p {} -w {mount}", plan.master.admin_port))
                .collect()
        })
        .await?;
        self.until(deadline, "not every mount has a session", |events| {
            events.iter().filter(|event| matches!(event.what, What::SessionConnected { .. })).count() >= mounts
        })
        .await?;
        for (host, part) in &self.hosts {
            traps::set(host, part).await?;
            host.arm();
        }
        self.host(plan.master.host.as_str()).site.record(
            event::REHEARSAL,
            &plan.upgrade.from,
            What::RehearsalBegins { files: metadata.files(), chunks: metadata.chunks(), server_chunks },
        );
        Ok(())
    }

    /// Runs a role's commands on all hosts that have it.
    async fn call(&self, role: Role, commands: impl Fn(&Part) -> Vec<String>) -> Result<(), RehearsalError> {
        let calls = self
            .hosts
            .iter()
            .filter(|(_, part)| part.roles.contains(&role))
            .flat_map(|(host, part)| commands(part).into_iter().map(move |command| (host.clone(), command)));
        stream::iter(calls)
            .map(|(host, command)| async move {
                let output = host::run(&host, &command, &[("MFSUPGRADE_SIM_LONG_RUNNING", "1")])
                    .await
                    .tried(|| format!("run `{command}`"))?;
                if output.status == Some(0) {
                    return Ok(());
                }
                let said = format!("{}{}", output.stdout, output.stderr);
                Err(RehearsalError::Command { host: host.site.host.clone(), command, status: output.status, said })
            })
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await
    }

    async fn until(
        &self,
        deadline: Instant,
        missing: &str,
        done: impl Fn(&[Event]) -> bool,
    ) -> Result<(), RehearsalError> {
        let began = Instant::now();
        while !done(&self.events()?) {
            if Instant::now() > deadline {
                return Err(RehearsalError::NotWhole { after: began.elapsed(), missing: missing.to_owned() });
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    fn host(&self, name: &str) -> &Arc<Host> {
        let found = self.hosts.iter().find(|(host, _)| host.site.host == name);
        &found.expect("every host of the plan was made").0
    }

    /// Everything that has happened so far.
    ///
    /// # Errors
    /// The rehearsal's folder is gone.
    pub fn events(&self) -> Result<Vec<Event>, RehearsalError> {
        event::read(&events_file(&self.dir)).tried(|| "read the events".to_owned())
    }

    /// Whether `fault` has done anything since the cluster stood, beyond lying in wait.
    ///
    /// # Errors
    /// The rehearsal's folder is gone.
    pub fn has_met(&self, fault: &Fault) -> Result<bool, RehearsalError> {
        let name = fault.name.to_string();
        let acted = |event: &Event| {
            event.host == fault.host.as_str()
                && event.program != event::REHEARSAL
                && matches!(&event.what, What::FaultActed { fault } if *fault == name)
        };
        Ok(self.events()?.iter().any(acted))
    }

    /// The folder that is a host's file system.
    #[must_use]
    pub fn root(&self, host: &str) -> PathBuf {
        self.host(host).site.root.clone()
    }

    /// How many SSH connections were made to a host so far.
    #[must_use]
    pub fn connections(&self, host: &str) -> usize {
        self.host(host).connections()
    }

    /// A host's address.
    #[must_use]
    pub fn address(&self, host: &str) -> Ipv4Addr {
        self.host(host).address()
    }

    /// The folder of the whole rehearsal: events.jsonl, commands.jsonl (what was run over SSH), ssh_config, hosts/.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn speed(&self) -> f64 {
        self.speed
    }

    pub(super) fn hosts(&self) -> impl Iterator<Item = (&Arc<Host>, &Part)> {
        self.hosts.iter().map(|(host, part)| (host, part))
    }

    /// SSH settings that reach the hosts by their names in the plan.
    #[must_use]
    pub fn ssh(&self) -> Ssh {
        Ssh { config: Some(self.config.clone()), ..Ssh::default() }
    }

    /// The same plan for the simulated hosts.
    #[must_use]
    pub fn plan(&self, plan: &Plan) -> Plan {
        reached(plan, &self.ssh(), |host| Some(self.address(host.as_str())))
    }

    /// How to reach the simulated cluster by hand.
    #[must_use]
    pub fn describe(&self) -> String {
        let mut text = format!(
            "simulated cluster in {}\nrun a command on a simulated host: ssh -F {} HOST COMMAND\nhosts:\n",
            self.dir.display(),
            self.config.display()
        );
        for (host, part) in &self.hosts {
            let roles: Vec<String> = part.roles.iter().map(ToString::to_string).collect();
            text.push_str(&format!("  {:<20} {:<15} {}\n", host.site.host, host.address(), roles.join(", ")));
        }
        text.push_str("what happened: events.jsonl; what was run: commands.jsonl, both in that folder\n");
        text
    }

    /// Ends everything that belongs to the rehearsal, and removes its folder where that was temporary.
    pub async fn stop(mut self) {
        self.servers.shutdown().await;
        self.end();
    }

    fn end(&mut self) {
        self.watching.store(false, Ordering::Relaxed);
        if let Some(watcher) = self.watcher.take() {
            let _ = watcher.join();
        }
        for (host, _) in &self.hosts {
            host.close();
        }
        // a process that is just starting another may need a second look
        for _ in 0..20 {
            let living: Vec<_> = self.hosts.iter().flat_map(|(host, _)| procfs::living(&host.site.root)).collect();
            if living.is_empty() {
                break;
            }
            living.iter().for_each(procfs::kill);
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.end();
        let Some(folder) = self.temporary.take().map(tempfile::TempDir::keep) else { return };
        // a process that was just being started may write something meanwhile
        for _ in 0..100 {
            match fs::remove_dir_all(&folder) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    self.hosts
                        .iter()
                        .flat_map(|(host, _)| procfs::living(&host.site.root))
                        .for_each(|p| procfs::kill(&p));
                    std::thread::sleep(Duration::from_millis(20));
                }
                _ => return,
            }
        }
    }
}

/// The number of chunks that the master was last told by the chunkserver at `address`, `None` while it is not registered.
pub(super) fn reported(events: &[Event], address: Ipv4Addr) -> Option<u32> {
    events.iter().fold(None, |known, event| match event.what {
        What::ServerRegistered { address: at, chunks, .. } | What::ServerReported { address: at, chunks }
            if at == address =>
        {
            Some(chunks)
        }
        What::ServerLost { address: at } if at == address => None,
        _ => known,
    })
}

/// Looks at all hosts again and again.
fn watch(hosts: Vec<Arc<Host>>, on: Arc<AtomicBool>) -> std::io::Result<std::thread::JoinHandle<()>> {
    let pause = Duration::from_millis(if hosts.len() > 20 { 150 } else { 50 });
    std::thread::Builder::new().name("simulated /proc".to_owned()).spawn(move || {
        while on.load(Ordering::Relaxed) {
            let sockets = fs::read_to_string("/proc/net/tcp").unwrap_or_default();
            hosts.iter().for_each(|host| host.tick(&sockets));
            std::thread::sleep(pause);
        }
    })
}
