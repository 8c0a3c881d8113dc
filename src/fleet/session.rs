//! Connections: made when needed, held while needed, made again when lost.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use openssh::Stdio;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::sync::{Mutex, Semaphore};

use super::Held;
use crate::host::shell::{self, Become, EXIT_MARK};
use crate::host::{AbsPath, HostName, Job};
use crate::plan::{Plan, Ssh};
use crate::run::ports::{Followed, Hosts, NotCopied, Outcome, Source};

/// Connections begun at the same time. sshd drops some of more than 10 at once (MaxStartups 10:30:100), and behind a jump
/// host they are all begun at the same sshd.
const STARTS_AT_ONCE: usize = 8;

/// A command's output beyond this is cut from its beginning: nothing that we run on purpose prints as much.
const OUTPUT_LIMIT: usize = 16 << 20;

/// Why there is no connection.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ConnectError {
    /// The plan has no such host: a mistake of the caller.
    #[error("{0} is not a host of the plan")]
    Stranger(HostName),
    /// ssh could not connect; its own words, and what may help.
    #[error("{0}")]
    Ssh(String),
}

/// All hosts of a plan.
pub struct SshFleet {
    /// How to reach each.
    settings: HashMap<HostName, Arc<Ssh>>,
    /// Held connections. One lock a host, so that two tasks do not connect twice.
    sessions: HashMap<HostName, Mutex<Option<Arc<Held>>>>,
    /// See [`STARTS_AT_ONCE`].
    starts: Semaphore,
    /// Control sockets, for the owner alone.
    folder: TempDir,
}

impl SshFleet {
    /// The hosts of `plan`; connects to none yet.
    ///
    /// # Errors
    /// The folder for control sockets could not be made.
    pub fn new(plan: &Plan) -> std::io::Result<Self> {
        let mut settings = HashMap::new();
        for (host, _, access) in plan.hosts() {
            settings.entry(host.clone()).or_insert_with(|| access.ssh.clone());
        }
        let sessions = settings.keys().map(|host| (host.clone(), Mutex::new(None))).collect();
        // a short path: a socket's name has 108 bytes at most, and ssh adds a random tail to it while it connects
        let folder = tempfile::Builder::new().prefix("mfsup-").tempdir()?;
        Ok(Self { settings, sessions, starts: Semaphore::new(STARTS_AT_ONCE), folder })
    }

    /// Where sockets go.
    pub(super) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// How to become root on `host`.
    pub(super) fn r#become(&self, host: &HostName) -> Option<Become> {
        self.settings.get(host).and_then(|ssh| ssh.r#become)
    }

    /// All hosts.
    pub fn hosts(&self) -> impl Iterator<Item = &HostName> {
        self.settings.keys()
    }

    /// The held connection to `host`, or a new one.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub async fn session(&self, host: &HostName) -> Result<Arc<Held>, ConnectError> {
        let stranger = || ConnectError::Stranger(host.clone());
        let mut slot = self.sessions.get(host).ok_or_else(stranger)?.lock().await;
        if let Some(session) = slot.as_ref() {
            return Ok(session.clone());
        }
        let _turn = self.starts.acquire().await.expect("the semaphore is never closed");
        let session = Arc::new(self.connect(host).await?);
        *slot = Some(session.clone());
        Ok(session)
    }

    async fn connect(&self, host: &HostName) -> Result<Held, ConnectError> {
        let ssh = self.settings.get(host).ok_or_else(|| ConnectError::Stranger(host.clone()))?;
        Held::connect(host, ssh, self.folder.path()).await.map_err(|said| ConnectError::Ssh(hinted(said)))
    }

    /// Forgets a connection that was lost; the next use makes a new one. `lost`: only if it is still this one.
    pub(super) async fn forget(&self, host: &HostName, lost: &Arc<Held>) {
        if let Some(slot) = self.sessions.get(host) {
            let mut slot = slot.lock().await;
            if slot.as_ref().is_some_and(|held| Arc::ptr_eq(held, lost)) {
                *slot = None;
            }
        }
    }

    async fn run_on(
        &self,
        session: &Arc<Held>,
        host: &HostName,
        script: &str,
        line: &mut dyn FnMut(&str),
    ) -> Result<Outcome, String> {
        let command = shell::wrap(script, self.r#become(host));
        let mut child = session
            .raw_command(command)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .await
            .map_err(|e| explain(&e))?;
        let stdout = child.stdout().take().ok_or("ssh gave no output to read")?;
        let output = read_to_mark(stdout, line).await.map_err(|e| e.to_string())?;
        match shell::unwrap(&output) {
            // not waited for: a daemon that keeps its output open would keep the session open with it
            (output, Some(code)) => Ok(Outcome::Exited { code, output }),
            (output, None) => {
                // no mark: what ssh, sudo or the login shell had to say is on stderr
                let rest = child.wait_with_output().await.map_err(|e| explain(&e))?;
                let said = String::from_utf8_lossy(&rest.stderr).trim().to_owned();
                let said = if said.is_empty() { output.trim().to_owned() } else { said };
                match rest.status.code() {
                    Some(code) if code != 255 && !said.is_empty() => Ok(Outcome::Exited { code, output: said }),
                    _ => Err("the connection was lost before the command's end was seen".to_owned()),
                }
            }
        }
    }
}

/// Reads lines up to the exit mark, or to the end.
async fn read_to_mark(stdout: impl AsyncRead + Unpin, line: &mut dyn FnMut(&str)) -> std::io::Result<String> {
    let mut reader = BufReader::new(stdout);
    let mut output = String::new();
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        if reader.read_until(b'\n', &mut bytes).await? == 0 {
            return Ok(output);
        }
        let text = String::from_utf8_lossy(&bytes);
        output.push_str(&text);
        if text.starts_with(EXIT_MARK) && text.ends_with('\n') {
            return Ok(output);
        }
        line(text.trim_end_matches(['\r', '\n']));
        if output.len() > OUTPUT_LIMIT {
            let half = output.ceil_char_boundary(OUTPUT_LIMIT / 2);
            output.drain(..half);
        }
    }
}

/// ssh's words with their causes, and a hint where one is known.
pub(super) fn explain(error: &openssh::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {}", error.to_string().trim());
        cause = error.source();
    }
    hinted(text)
}

fn hinted(text: String) -> String {
    let hint = HINTS.iter().find(|(words, _)| text.contains(words)).map(|(_, hint)| *hint);
    hint.map_or(text.clone(), |hint| format!("{text}; {hint}"))
}

/// What ssh says, and what to do about it.
const HINTS: &[(&str, &str)] = &[
    (
        "Host key verification failed",
        "log in once by hand with ssh, check the key's fingerprint, and let ssh write it into known_hosts",
    ),
    (
        "no matching",
        "a host of MooseFS 1.5's time may offer only old algorithms: allow them for it in your ssh_config, for example \
         with `KexAlgorithms +…` and `HostKeyAlgorithms +…`",
    ),
    ("Permission denied", "check [ssh] user and identity, and that the key is in the agent: nothing prompts here"),
    ("Could not resolve hostname", "check the host name in the plan, or give it a `Host` entry in your ssh_config"),
];

impl Hosts for SshFleet {
    async fn run(&self, host: &HostName, script: &str, limit: Duration, line: &mut dyn FnMut(&str)) -> Outcome {
        let session = match self.session(host).await {
            Ok(session) => session,
            Err(e) => return Outcome::NotStarted { reason: e.to_string() },
        };
        let ended = tokio::time::timeout(limit, self.run_on(&session, host, script, line)).await;
        let late = format!("the command has not ended after {} s; it may still run", limit.as_secs());
        match ended.unwrap_or(Err(late)) {
            Ok(outcome) => outcome,
            Err(reason) => {
                self.forget(host, &session).await;
                Outcome::Unknown { reason }
            }
        }
    }

    async fn follow(
        &self,
        host: &HostName,
        job: &Job,
        begin: bool,
        lines: u64,
        line: &mut dyn FnMut(&str),
    ) -> Followed {
        self.follow_job(host, job, begin, lines, line).await
    }

    async fn put(&self, host: &HostName, from: Source<'_>, to: &AbsPath) -> Result<(), NotCopied> {
        let session = self.session(host).await.map_err(|e| NotCopied::Lost(e.to_string()))?;
        let sent = self.put_to(&session, host, from, to).await;
        if matches!(sent, Err(NotCopied::Lost(_))) {
            self.forget(host, &session).await;
        }
        sent
    }

    async fn fetch(&self, host: &HostName, from: &AbsPath, to: &Path) -> Result<String, NotCopied> {
        let session = self.session(host).await.map_err(|e| NotCopied::Lost(e.to_string()))?;
        let received = self.fetch_from(&session, host, from, to).await;
        if matches!(received, Err(NotCopied::Lost(_))) {
            self.forget(host, &session).await;
        }
        received
    }

    async fn done_with(&self, host: &HostName) {
        let Some(slot) = self.sessions.get(host) else { return };
        let mut slot = slot.lock().await;
        // one that is shared forwards the master's port, and is needed to the end
        drop(slot.take_if(|held| Arc::strong_count(held) == 1));
    }
}
