//! One held connection: an ssh master process with a control socket, started here and not by the openssh crate.
//!
//! The difference is its process group. A terminal sends Ctrl-C to every process of the foreground group, and the helper
//! through which ssh reaches a host behind a jump host would be among them: the first Ctrl-C, a wish to pause, would cut
//! every connection in the middle of a step. In a group of its own it also cannot read a password from our terminal.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use openssh::Session;
use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;

use super::ending::end_all;
use super::place::Place;
use super::unheard::Unheard;
use crate::host::{HostName, said};
use crate::plan::Ssh;

/// A host that does not answer within it is not reachable, in seconds.
const CONNECT_LIMIT_S: u32 = 20;

/// ssh gives a connection up after three of these without an answer, so that a dead host is known as dead in 45 s.
const ALIVE_INTERVAL_S: u32 = 15;

/// The same for the whole login, authentication and jump hosts included.
pub const LOGIN_LIMIT: Duration = Duration::from_secs(60);

/// A connection that nobody uses ends by itself, in seconds: when this process is killed and never started again, nobody else
/// ends it, and each is a root's shell. It is longer than the usual wait between two chunkservers; behind a longer one the
/// connection is made anew, which costs a login.
const IDLE_LIMIT_S: u32 = 900;

/// What ssh says when a host does not open a channel, before the host's reason.
const OPEN_FAILED: &str = "open failed: ";

/// A session and the ssh process behind it, which ends with this value.
#[derive(Debug)]
pub struct Held {
    session: Session,
    socket: Socket,
}

/// A folder for one control socket, and whatever ssh has begun there.
#[derive(Debug)]
struct Socket(Option<TempDir>);

impl Socket {
    fn at(&self, name: &str) -> PathBuf {
        self.0.as_ref().map(|folder| folder.path().join(name)).unwrap_or_default()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // also one whose folder somebody has removed: it cannot be used, and is a root's login all the same. In a thread of its own,
        // since ssh may hang
        if let Some(folder) = self.0.take() {
            let end = move || {
                end_all(folder.path());
                drop(folder);
            };
            let _ = std::thread::Builder::new().name("end".to_owned()).spawn(end);
        }
    }
}

impl Deref for Held {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

impl Held {
    /// Connects to `host`; the control socket goes into a folder of its own.
    ///
    /// # Errors
    /// What ssh said.
    pub(super) async fn connect(host: &HostName, ssh: &Ssh, place: &Place) -> Result<Self, Unheard> {
        let socket = Socket(Some(place.folder("c").map_err(|e| Unheard::here(e.to_string()))?));
        let (path, log) = (socket.at("m"), socket.at("log"));
        let mut command = tokio::process::Command::new("ssh");
        command
            .args(arguments(ssh, &path, &log))
            .arg(host.as_str())
            .process_group(0)
            .env("SSH_ASKPASS", "/bin/false")
            .env("SSH_ASKPASS_REQUIRE", "force")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let failed = |e: std::io::Error| Unheard::here(format!("on this machine: failed to run ssh: {e}"));
        let mut child = command.spawn().map_err(failed)?;
        let group = Group(child.id());
        let status = tokio::time::timeout(LOGIN_LIMIT, child.wait())
            .await
            .map_err(|_| {
                Unheard::unconnected(format!("no login within {} s; it may wait for a password", LOGIN_LIMIT.as_secs()))
            })?
            .map_err(failed)?;
        if !status.success() {
            let said = words(&log, 0);
            let said = said.trim().replace("\r\n", "; ").replace('\n', "; ");
            return Err(Unheard::unconnected(if said.is_empty() { format!("ssh ended with {status}") } else { said }));
        }
        group.goes_on();
        let session = Session::resume_mux(path.into(), None);
        Ok(Self { session, socket })
    }

    /// Whether ssh has not ended by itself: it removes its socket then.
    pub(super) fn is_there(&self) -> bool {
        self.socket.at("m").exists()
    }

    /// How much ssh has said so far.
    pub(super) fn said(&self) -> u64 {
        std::fs::metadata(self.socket.at("log")).map_or(0, |log| log.len())
    }

    /// Why the host refused the last channel that was asked for since ssh had said so much, in the words of [`OPEN_FAILED`]'s line.
    pub(super) fn refusal(&self, since: u64) -> Option<String> {
        let said = words(&self.socket.at("log"), since);
        said.lines().rev().find_map(|line| Some(line.split_once(OPEN_FAILED)?.1.trim().to_owned()))
    }
}

/// ssh and what it has begun to get through to its host, until the login is over.
struct Group(Option<u32>);

impl Group {
    fn goes_on(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let pid = self.0.and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(pid) = pid {
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}

/// The end of a log, from `since` on: a host's banner may be of any length.
fn words(log: &Path, since: u64) -> String {
    let read = || {
        let mut file = File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(said::WORDS as u64).max(since)))?;
        let mut bytes = Vec::new();
        file.take(said::WORDS as u64).read_to_end(&mut bytes)?;
        Ok::<_, std::io::Error>(bytes)
    };
    String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
}

fn arguments(ssh: &Ssh, socket: &Path, log: &Path) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = ["-M", "-f", "-N", "-S"].map(Into::into).into();
    arguments.extend([socket.into(), "-E".into(), log.into()]);
    for option in [
        format!("ControlPersist={IDLE_LIMIT_S}"),
        "BatchMode=yes".to_owned(),
        "StrictHostKeyChecking=yes".to_owned(),
        // a quiet one would not say why a host refuses something
        "LogLevel=INFO".to_owned(),
        format!("ConnectTimeout={CONNECT_LIMIT_S}"),
        format!("ServerAliveInterval={ALIVE_INTERVAL_S}"),
    ] {
        arguments.extend(["-o".into(), option.into()]);
    }
    if let Some(user) = &ssh.user {
        arguments.extend(["-l".into(), user.into()]);
    }
    if let Some(port) = ssh.port {
        arguments.extend(["-p".into(), port.to_string().into()]);
    }
    if let Some(key) = &ssh.identity {
        arguments.extend(["-o".into(), "IdentitiesOnly=yes".into(), "-i".into(), key.into()]);
    }
    if let Some(config) = &ssh.config {
        arguments.extend(["-F".into(), config.into()]);
    }
    if !ssh.jump.is_empty() {
        let jump: Vec<String> = ssh.jump.iter().map(ToString::to_string).collect();
        arguments.extend(["-J".into(), jump.join(",").into()]);
    }
    arguments.push("--".into());
    arguments
}
