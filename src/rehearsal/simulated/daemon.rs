//! What mfsmaster, mfsmetalogger and mfschunkserver have in common (their `main.c`): command line, going to the background, locks, the
//! takeover of an old daemon, words and exit codes. Knows nothing of what either does once it runs.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use semver::Version;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Call;
use super::config::{Config, Places};
use super::lock::{self, Taken};
use super::options::{Mode, Options, Parsed, parse};
use super::owners;
use super::{chunkserver, master, metalogger};
use crate::moosefs::daemon::Role;
use crate::moosefs::releases::Traits;
use crate::rehearsal::event::What;
use crate::rehearsal::fault::FaultName;
use crate::rehearsal::procfs;
use crate::rehearsal::site::Site;

/// A daemon's process, once it has its lock.
#[derive(Debug)]
pub struct Life {
    /// The host.
    pub site: Site,
    /// Its program.
    pub role: Role,
    /// A master that is tried out beside the cluster's own: only its own host can reach it.
    pub aside: bool,
    /// Its release.
    pub version: Version,
    /// What follows from the release.
    pub traits: Traits,
    /// Where its files are.
    pub places: Places,
    /// Its configuration.
    pub config: Config,
    /// DATA_PATH on this machine.
    pub data: PathBuf,
}

impl Life {
    /// Records an event of this daemon.
    pub fn record(&self, what: What) {
        self.site.record(name_of(self.role, self.aside), &self.version, what);
    }

    /// Whether it is of the release that the rehearsed upgrade brings.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.version == self.site.target
    }

    /// The user that it becomes.
    #[must_use]
    pub fn user(&self) -> &str {
        user_of(&self.config)
    }

    /// Whether a fault of the new release acts on it.
    #[must_use]
    pub fn suffers(&self, fault: FaultName) -> bool {
        self.is_new() && !self.aside && self.site.has(fault)
    }
}

/// Whom a daemon becomes; one that is told nothing, the default of 1.5 and 1.6.
fn user_of(config: &Config) -> &str {
    config.get("WORKING_USER").unwrap_or_else(|| owners::DAEMON.split(':').next().unwrap_or_default())
}

/// What it is called in events: one that is tried out has no part in the cluster.
fn name_of(role: Role, aside: bool) -> &'static str {
    if aside { TRIAL } else { role.program() }
}

/// A master that is tried out.
pub const TRIAL: &str = "mfsmaster-trial";

fn is_aside(role: Role, traits: &Traits, config: Option<&Config>) -> bool {
    role == Role::Master && config.is_some_and(|config| master::listen::is_aside(config, traits))
}

/// The command, as a shell calls it.
pub fn command(call: &Call, role: Role) -> ExitCode {
    let traits = Traits::of(&call.version);
    let options = match parse(&call.argv[1..], &traits) {
        Parsed::Run(options) => options,
        Parsed::Version => {
            println!("version: {} (simulated)", call.version);
            return ExitCode::SUCCESS;
        }
        Parsed::Usage(code) => {
            println!("usage: {} … (simulated {} {})", call.seen_name(), role.program(), call.version);
            return ExitCode::from(code);
        }
    };
    if !traits.starts_without_config && config_of(call, role, &traits, &options).1.is_none() {
        eprintln!("can't load config file: {}", config_of(call, role, &traits, &options).0);
        return ExitCode::FAILURE;
    }
    let starts = matches!(options.mode, Mode::Start | Mode::Restart);
    if options.foreground || (traits.verbs && !starts) {
        return child(call, role);
    }
    daemonise(call, role, &traits, &options)
}

/// Starts the daemon's own process. A real one forks; this one, which may not, begins again as another process.
fn daemonise(call: &Call, role: Role, traits: &Traits, options: &Options) -> ExitCode {
    let mut command = Command::new(&call.site.program);
    command
        .args(["__simulated", &format!("daemon:{}", role.program()), &call.version.to_string()])
        .args(&call.argv)
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(if traits.relays_init { Stdio::piped() } else { Stdio::null() });
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            eprintln!("fork error: {error}");
            return ExitCode::FAILURE;
        }
    };
    let (_, config) = config_of(call, role, traits, options);
    if !is_aside(role, traits, config.as_ref()) {
        call.site.mark_changed();
    }
    let Some(mut words) = child.stderr.take() else { return ExitCode::SUCCESS };
    // main.c: a zero as the last byte of a piece means failure
    let (mut piece, mut failed) = ([0; 4096], false);
    while let Ok(length @ 1..) = words.read(&mut piece) {
        failed = piece[length - 1] == 0;
        let _ = std::io::stderr().write_all(&piece[..length - usize::from(failed)]);
    }
    if failed && traits.honest_exit { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn config_of(call: &Call, role: Role, traits: &Traits, options: &Options) -> (String, Option<Config>) {
    let places = Places { prefix: call.prefix(), program: role.program().to_owned() };
    let path = options.config.as_ref().map_or_else(
        || places.etc(&call.site, traits, &format!("{}.cfg", role.program())),
        |path| call.site.seen(path),
    );
    let config = Config::load(&call.site, traits, &path);
    (path, config)
}

/// The daemon's own process, and the commands that need none (`stop`, `-d`).
pub fn child(call: &Call, role: Role) -> ExitCode {
    let traits = Traits::of(&call.version);
    let Parsed::Run(options) = parse(&call.argv[1..], &traits) else { return ExitCode::FAILURE };
    // a process that leads its group already (as the one that was started for this does) keeps it
    let _ = rustix::process::setsid();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("no runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let well = runtime.block_on(live(call, role, traits.clone(), &options));
    // connections that are still open end with the process
    runtime.shutdown_background();
    if well || !traits.honest_exit { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn live(call: &Call, role: Role, traits: Traits, options: &Options) -> bool {
    let site = call.site.clone();
    let Ok(terminate) = signal(SignalKind::terminate()) else { return false };
    // main.c reads its configuration again on SIGHUP; nothing that is simulated depends on it, but it must not end
    let _hangup = signal(SignalKind::hangup());
    tokio::spawn(end_with_the_rehearsal(site.clone()));

    let places = Places { prefix: call.prefix(), program: role.program().to_owned() };
    let (path, config) = config_of(call, role, &traits, options);
    let aside = is_aside(role, &traits, config.as_ref());
    let record = |what| site.record(name_of(role, aside), &call.version, what);
    let starts = matches!(options.mode, Mode::Start | Mode::Restart);
    if starts {
        eprintln!("{} {} (simulated)", role.program(), call.version);
    }
    if traits.etc_mfs && options.config.is_none() && path == format!("{}/etc/{}.cfg", places.prefix, role.program()) {
        eprintln!(
            "default sysconf path has changed - please move {0}.cfg from {1}/etc/ to {1}/etc/mfs/",
            role.program(),
            places.prefix
        );
    }
    if config.is_none() {
        eprintln!("can't load config file: {path} - using defaults");
    }
    let config = config.unwrap_or_default();
    let data = site.real(config.get("DATA_PATH").unwrap_or(&places.data()));
    if !data.is_dir() {
        eprintln!("can't set working directory to {}", site.seen(&data.to_string_lossy()));
        return give_up(&traits, starts, record, "can't set working directory");
    }
    if starts {
        eprintln!("working directory: {}", site.seen(&data.to_string_lossy()));
        let looks = procfs::Appearance {
            program: role.program(),
            name: name_of(role, aside),
            version: &call.version,
            argv: &call.argv,
            exe: &call.exe(),
            cwd: &data,
            uid: 65534,
            mount_point: None,
        };
        if let Err(error) = procfs::appear(&site, &looks) {
            eprintln!("simulation: no process entry: {error}");
            return false;
        }
        record(What::Started);
    }

    let lock_file = site.real(config.get("LOCK_FILE").unwrap_or(&places.lock()));
    let user = user_of(&config);
    let taken = take_locks(&site, role, &traits, options, &lock_file, &data, user).await;
    if !starts {
        site.mark_changed();
    }
    let _locks: Vec<File> = match taken {
        Ok(locks) => locks,
        Err((well, reason)) => {
            if starts {
                leave(&site, record);
            }
            return if well { true } else { give_up(&traits, starts, record, &reason) };
        }
    };
    // 1.5 and 1.6 up to 1.6.8 with -s: the lock was all it wanted
    if !starts {
        return true;
    }
    let life = Life { site: site.clone(), role, aside, version: call.version.clone(), traits, places, config, data };
    let well = serve(life, terminate).await;
    leave(&site, record);
    well
}

async fn take_locks(
    site: &Site,
    role: Role,
    traits: &Traits,
    options: &Options,
    lock_file: &std::path::Path,
    data: &std::path::Path,
    user: &str,
) -> Result<Vec<File>, (bool, String)> {
    let mut held = Vec::new();
    let mut taken = |taken: std::io::Result<Taken>| match taken {
        Ok(Taken::Held(file)) => {
            held.push(file);
            Ok(())
        }
        Ok(Taken::Nothing) => Ok(()),
        Ok(Taken::End { well, reason }) => Err((well, reason.to_owned())),
        Err(error) => Err((false, format!("lock file: {error}"))),
    };
    if traits.locks_data_path {
        let own = data.join(format!(".{}.lock", role.program()));
        taken(lock::check_old(site, lock_file, options.mode, options.timeout).await)?;
        if !owners::may_write(site, user, data) {
            eprintln!("can't create lockfile in working directory: EACCES (Permission denied)");
            return Err((false, "can't create lockfile in working directory".to_owned()));
        }
        taken(lock::working_folder(site, role.program(), &own, options.mode, options.timeout).await)?;
    } else if options.mode == Mode::Start {
        taken(lock::just_lock(lock_file))?;
    } else {
        taken(lock::kill_previous(site, lock_file).await)?;
    }
    Ok(held)
}

/// main.c's last byte to the parent that relays is a zero.
fn give_up(traits: &Traits, starts: bool, record: impl Fn(What), reason: &str) -> bool {
    if starts {
        record(What::StartFailed { reason: reason.to_owned() });
        if traits.relays_init {
            let _ = std::io::stderr().write_all(&[0]);
        }
    }
    false
}

fn leave(site: &Site, record: impl Fn(What)) {
    record(What::Ended { clean: true });
    procfs::disappear(&site.root, i32::try_from(std::process::id()).unwrap_or(0));
}

/// A process whose rehearsal ended, in whatever way, ends too.
pub async fn end_with_the_rehearsal(site: Site) {
    loop {
        tokio::time::sleep(Duration::from_millis(400)).await;
        if !site.is_alive() {
            std::process::exit(0);
        }
    }
}

/// What the parent relays ends here.
pub fn close_words() {
    if let Ok(null) = File::options().read(true).write(true).open("/dev/null") {
        let _ = rustix::stdio::dup2_stderr(null);
    }
}

async fn serve(life: Life, terminate: Signal) -> bool {
    let traits = life.traits.clone();
    let (site, version, role, name) =
        (life.site.clone(), life.version.clone(), life.role, name_of(life.role, life.aside));
    let record = move |what| site.record(name, &version, what);
    eprintln!("initializing {} modules ...", role.program());
    let ready = || {
        eprintln!("{} daemon initialized properly", role.program());
        close_words();
    };
    let outcome = match role {
        Role::Master => master::run(life, terminate, ready).await,
        Role::Metalogger => metalogger::run(life, terminate, ready).await,
        Role::Chunkserver | Role::Client => chunkserver::run(life, terminate, ready).await,
    };
    match outcome {
        Ok(()) => true,
        Err(reason) => {
            eprintln!("init: {reason} !!!\nerror occured during initialization - exiting");
            give_up(&traits, true, record, &reason)
        }
    }
}
