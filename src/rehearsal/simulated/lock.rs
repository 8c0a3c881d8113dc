//! Lock files of a simulated daemon: real fcntl locks on real files, with the checks that main.c of the release makes and
//! without those that it leaves out. What it says goes to stderr in main.c's own words.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FlockOperation, fcntl_lock};
use rustix::process::{Flock, FlockType, Pid, Signal, fcntl_getlk, kill_process};

use super::options::Mode;
use crate::rehearsal::site::Site;

/// What the taking of a lock came to.
#[derive(Debug)]
pub enum Taken {
    /// It is held as long as the file is open.
    Held(File),
    /// There was nothing to hold: an old lock file of no importance, or an order that needs no lock.
    Nothing,
    /// The process ends here, in main.c's eyes successfully or not.
    End {
        /// In main.c's eyes.
        well: bool,
        /// Why, for the events.
        reason: &'static str,
    },
}

const fn end(well: bool, reason: &'static str) -> Taken {
    Taken::End { well, reason }
}

/// Whether the lock could be had at once.
///
/// # Errors
/// Something other than another owner is in the way.
pub fn try_lock(file: &File) -> io::Result<bool> {
    match fcntl_lock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::AGAIN | rustix::io::Errno::ACCESS) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// A second of the daemon's `sleep(1)`, but never so short that polling becomes work.
async fn second(site: &Site) {
    tokio::time::sleep(site.scaled(Duration::from_secs(1)).max(Duration::from_millis(5))).await;
}

fn signal(pid: i32, signal: Signal) -> bool {
    Pid::from_raw(pid).is_some_and(|pid| kill_process(pid, signal).is_ok())
}

/// 1.5 and 1.6 up to 1.6.8 with `-f`. Opening it empties the file of the daemon that runs (main.c: O_TRUNC).
///
/// # Errors
/// The lock file cannot be used, for example because its folder is gone after a reboot.
pub fn just_lock(path: &Path) -> io::Result<Taken> {
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path)?;
    if !try_lock(&file)? {
        return Ok(end(true, "the lock file is locked"));
    }
    writeln!(file, "{}", std::process::id())?;
    Ok(Taken::Held(file))
}

/// 1.5 and 1.6 up to 1.6.8 without `-f`: SIGTERM to whoever's number is in the file, then wait for the lock, for ever.
///
/// # Errors
/// The lock file cannot be used.
pub async fn kill_previous(site: &Site, path: &Path) -> io::Result<Taken> {
    let mut file = match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return just_lock(path),
        Err(error) => return Err(error),
    };
    let mut text = String::new();
    let _ = file.read_to_string(&mut text);
    // strtol() of an empty file is 0, and kill(0) signals the daemon's own group: to nobody else, and it succeeds
    let pid: i32 = text.trim().parse().unwrap_or(0);
    if pid != 0 && !signal(pid, Signal::TERM) {
        return just_lock(path);
    }
    while !try_lock(&file)? {
        if !site.is_alive() {
            return Ok(end(false, "the rehearsal is over"));
        }
        second(site).await;
    }
    file.rewind()?;
    file.set_len(0)?;
    writeln!(file, "{}", std::process::id())?;
    Ok(Taken::Held(file))
}

/// 1.6.9 and later: find an *old* daemon through its lock file, end it, and remove the file (`check_old_locks`).
///
/// # Errors
/// The lock file cannot be used.
pub async fn check_old(site: &Site, path: &Path, mode: Mode, timeout: Option<Duration>) -> io::Result<Taken> {
    let mut file = match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Taken::Nothing),
        Err(error) => {
            eprintln!("open {} error: {error}", site.seen(&path.to_string_lossy()));
            return Err(error);
        }
    };
    if try_lock(&file)? {
        eprintln!("found unlocked old lockfile");
        if mode == Mode::Reload {
            eprintln!("can't obtain process id using old lockfile");
            return Ok(Taken::Nothing);
        }
    } else {
        match mode {
            Mode::Start => {
                eprintln!("old lockfile is locked - can't start");
                return Ok(end(false, "old lockfile is locked"));
            }
            Mode::Reload => eprintln!("old lockfile found - sending reload signal using data from old lockfile"),
            // main.c forgets `test` here and below: what it only should look at, it ends
            Mode::Test => {}
            Mode::Stop | Mode::Restart | Mode::Kill => {
                eprintln!("old lockfile found - trying to kill previous instance using data from old lockfile");
            }
        }
        let mut text = String::new();
        let read = file.read_to_string(&mut text)?;
        let pid: i32 = text.trim().parse().unwrap_or(0);
        if read == 0 || read >= 13 || pid == 0 {
            eprintln!("wrong pid in old lockfile {}", site.seen(&path.to_string_lossy()));
            return Ok(end(false, "wrong pid in old lockfile"));
        }
        let (name, number) = match mode {
            Mode::Reload => ("SIGHUP", Signal::HUP),
            Mode::Kill => ("SIGKILL", Signal::KILL),
            _ => ("SIGTERM", Signal::TERM),
        };
        if mode != Mode::Reload {
            eprintln!("sending {name} to previous instance (pid:{pid})");
        }
        if !signal(pid, number) {
            eprintln!("can't kill previous process");
            return Ok(end(false, "can't kill previous process"));
        }
        if mode == Mode::Reload {
            eprintln!("reload signal has beed sent");
            return Ok(Taken::Nothing);
        }
        eprintln!("waiting for termination ...");
        if !wait(site, timeout, || Ok(!try_lock(&file)?)).await? {
            eprintln!("old lockfile is still locked - giving up");
            return Ok(end(false, "old lockfile is still locked - giving up"));
        }
        eprintln!("terminated");
    }
    eprintln!("removing old lockfile");
    drop(file);
    let _ = fs::remove_file(path);
    Ok(Taken::Nothing)
}

/// Waits as long as `busy`; `false` when the time-out (in the daemon's own seconds) came first.
async fn wait(site: &Site, timeout: Option<Duration>, mut busy: impl FnMut() -> io::Result<bool>) -> io::Result<bool> {
    let began = tokio::time::Instant::now();
    while busy()? {
        if timeout.is_some_and(|timeout| began.elapsed() >= site.scaled(timeout)) || !site.is_alive() {
            return Ok(false);
        }
        second(site).await;
    }
    Ok(true)
}

/// 1.6.9 and later: the lock in DATA_PATH, whose owner is asked of the kernel (`wdlock`).
///
/// # Errors
/// The lock file cannot be used.
pub async fn working_folder(
    site: &Site,
    program: &str,
    path: &Path,
    mode: Mode,
    timeout: Option<Duration>,
) -> io::Result<Taken> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(path).inspect_err(|error| {
        eprintln!("can't create lockfile in working directory: {error}");
    })?;
    let Some(owner) = owner(&file)? else {
        return Ok(match mode {
            Mode::Start | Mode::Restart => {
                eprintln!("lockfile created and locked");
                Taken::Held(file)
            }
            Mode::Stop | Mode::Kill => {
                eprintln!("can't find process to terminate");
                end(false, "can't find process to terminate")
            }
            Mode::Reload => {
                eprintln!("can't find process to send reload signal");
                end(false, "can't find process to send reload signal")
            }
            Mode::Test => {
                eprintln!("{program} is not running");
                end(true, "not running")
            }
        });
    };
    match mode {
        Mode::Test => {
            eprintln!("{program} pid: {owner}");
            return Ok(end(false, "running"));
        }
        Mode::Start => {
            eprintln!("can't start: lockfile is already locked by another process");
            return Ok(end(false, "lockfile is already locked by another process"));
        }
        Mode::Reload => {
            signal(owner, Signal::HUP);
            eprintln!("reload signal has beed sent");
            return Ok(end(true, "reloaded"));
        }
        Mode::Kill => eprintln!("sending SIGKILL to lock owner (pid:{owner})"),
        Mode::Stop | Mode::Restart => eprintln!("sending SIGTERM to lock owner (pid:{owner})"),
    }
    if !signal(owner, if mode == Mode::Kill { Signal::KILL } else { Signal::TERM }) {
        eprintln!("can't kill lock owner");
        return Ok(end(false, "can't kill lock owner"));
    }
    eprintln!("waiting for termination ... ");
    if !wait(site, timeout, || Ok(self::owner(&file)?.is_some())).await? {
        eprintln!("giving up");
        return Ok(end(false, "lockfile is still locked - giving up"));
    }
    eprintln!("terminated");
    Ok(if mode == Mode::Restart { Taken::Held(file) } else { end(true, "stopped") })
}

/// Takes the lock, or tells who has it.
fn owner(file: &File) -> io::Result<Option<i32>> {
    loop {
        if try_lock(file)? {
            return Ok(None);
        }
        if let Some(lock) = fcntl_getlk(file, &Flock::from(FlockType::WriteLock))? {
            return Ok(Some(lock.pid.map_or(0, |pid| pid.as_raw_nonzero().get())));
        }
    }
}
