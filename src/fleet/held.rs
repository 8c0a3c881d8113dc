//! One held connection: an ssh master process with a control socket, started here and not by the openssh crate.
//!
//! The difference is its process group. A terminal sends Ctrl-C to every process of the foreground group, and the helper
//! through which ssh reaches a host behind a jump host would be among them: the first Ctrl-C, a wish to pause, would cut
//! every connection in the middle of a step. In a group of its own it also cannot read a password from our terminal.

use std::ffi::OsString;
use std::ops::Deref;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use openssh::Session;
use tempfile::TempDir;

use crate::host::HostName;
use crate::plan::Ssh;

/// A host that does not answer within it is not reachable, in seconds.
const CONNECT_LIMIT_S: u32 = 20;

/// ssh gives a connection up after three of these without an answer, so that a dead host is known as dead in 45 s.
const ALIVE_INTERVAL_S: u32 = 15;

/// The same for the whole login, authentication and jump hosts included.
pub const LOGIN_LIMIT: Duration = Duration::from_secs(60);

/// A connection that nobody uses ends by itself, in seconds: when this process is killed, nobody else ends it. Longer than
/// any demanded wait.
const IDLE_LIMIT_S: u32 = 3600;

/// A session and the ssh process behind it, which ends with this value.
#[derive(Debug)]
pub struct Held {
    session: Session,
    folder: TempDir,
}

impl Deref for Held {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

impl Held {
    /// Connects to `host`; the control socket goes into a folder of its own below `folder`.
    ///
    /// # Errors
    /// What ssh said.
    pub async fn connect(host: &HostName, ssh: &Ssh, folder: &Path) -> Result<Self, String> {
        // short names: a socket's path has 108 bytes at most, and ssh adds a random tail to it while it connects
        let folder = tempfile::Builder::new().prefix("c").tempdir_in(folder).map_err(|e| e.to_string())?;
        let (socket, log) = (folder.path().join("m"), folder.path().join("log"));
        let mut command = tokio::process::Command::new("ssh");
        command
            .args(arguments(ssh, &socket, &log))
            .arg(host.as_str())
            .process_group(0)
            .env("SSH_ASKPASS", "/bin/false")
            .env("SSH_ASKPASS_REQUIRE", "force")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let status = tokio::time::timeout(LOGIN_LIMIT, command.status())
            .await
            .map_err(|_| format!("no login within {} s; it may wait for a password", LOGIN_LIMIT.as_secs()))?
            .map_err(|e| format!("failed to run ssh: {e}"))?;
        if !status.success() {
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            let said = said.trim().replace("\r\n", "; ").replace('\n', "; ");
            return Err(if said.is_empty() { format!("ssh ended with {status}") } else { said });
        }
        let session = Session::resume_mux(socket.into(), Some(log.into()));
        Ok(Self { session, folder })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let socket = self.folder.path().join("m");
        // without a network: a word to the local process; if it is gone already, so much the better
        let _ = Command::new("ssh")
            .arg("-S")
            .arg(socket)
            .args(["-O", "exit", "-F", "none", "-o", "BatchMode=yes", "held"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
    }
}

fn arguments(ssh: &Ssh, socket: &Path, log: &Path) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = ["-M", "-f", "-N", "-S"].map(Into::into).into();
    arguments.extend([socket.into(), "-E".into(), log.into()]);
    for option in [
        format!("ControlPersist={IDLE_LIMIT_S}"),
        "BatchMode=yes".to_owned(),
        "StrictHostKeyChecking=yes".to_owned(),
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
