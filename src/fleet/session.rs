//! Connections: made when needed, held while needed, made again when lost.

use std::cell::Cell;
use std::collections::HashMap;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use openssh::Stdio;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::{Mutex, Semaphore};

use super::Held;
use super::place::Place;
use super::unheard::{Unheard, hint_for};
use crate::host::said::{self, Lines, Text};
use crate::host::shell::{self, Answer, Become, Reader, Word};
use crate::host::{AbsPath, HostName, Job};
use crate::plan::{Plan, Ssh};
use crate::run::ports::{Followed, Hosts, NotCopied, Outcome, Source};

/// Connections begun at the same time. sshd drops some of more than 10 at once (MaxStartups 10:30:100), and behind a jump
/// host they are all begun at the same sshd.
const STARTS_AT_ONCE: usize = 8;

/// Bytes that are read together.
const PIECE: usize = 64 << 10;

/// Why there is no connection.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ConnectError {
    /// The plan has no such host: a mistake of the caller.
    #[error("{0} is not a host of the plan")]
    Stranger(HostName),
    /// ssh could not connect, or could not be run.
    #[error("{0}")]
    Ssh(Unheard),
}

/// All hosts of a plan.
pub struct SshFleet {
    /// How to reach each.
    settings: HashMap<HostName, Arc<Ssh>>,
    /// Held connections. One lock a host, so that two tasks do not connect twice.
    sessions: HashMap<HostName, Mutex<Option<Arc<Held>>>>,
    /// See [`STARTS_AT_ONCE`].
    starts: Semaphore,
    /// Where control sockets are. The last to go: connections end with it.
    place: Place,
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
        Ok(Self { settings, sessions, starts: Semaphore::new(STARTS_AT_ONCE), place: Place::new()? })
    }

    /// Where sockets go.
    pub(super) fn place(&self) -> &Place {
        &self.place
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
        // one that nobody used for long has ended by itself, which is no loss of a connection
        drop(slot.take_if(|session| !session.is_there()));
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
        Held::connect(host, ssh, &self.place).await.map_err(ConnectError::Ssh)
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
        (script, most): (&str, usize),
        line: &mut dyn FnMut(&str),
        begun: &Cell<bool>,
    ) -> Result<(i32, String), Unheard> {
        let word = word().map_err(Unheard::here)?;
        let command = shell::wrap(script, self.r#become(host), &word);
        let mut child = session
            .raw_command(command)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .await
            .map_err(|e| Unheard::lost(explain(&e)))?;
        let stdout = child.stdout().take().ok_or_else(|| Unheard::lost("ssh gave no output to read"))?;
        let stderr = child.stderr().take().ok_or_else(|| Unheard::lost("ssh gave no errors to read"))?;
        // both at once: what nobody reads fills its pipe, and holds up what shares its connection
        let reading = pin!(read_answer(stdout, Reader::new(&word, most), line, begun));
        let (answer, said) = match select(reading, pin!(listen(stderr))).await {
            Either::Left((answer, listening)) => {
                let answer = answer.map_err(|e| Unheard::lost(e.to_string()))?;
                // not waited for: a daemon that keeps its output open would keep the session open with it
                let said = if answer.code.is_some() { String::new() } else { listening.await };
                (answer, said)
            }
            Either::Right((said, reading)) => (reading.await.map_err(|e| Unheard::lost(e.to_string()))?, said),
        };
        match answer {
            Answer { code: Some(code), output, .. } => Ok((code, output)),
            Answer { begun: false, before, .. } => {
                // what ssh, sudo or the login shell had to say in its place
                let said = if said.trim().is_empty() { before } else { said };
                Err(Unheard::not_begun(ended(child.wait().await), said.trim()))
            }
            Answer { begun: true, .. } => Err(Unheard::lost(LOST)),
        }
    }

    /// Runs a command, and keeps `most` bytes of what it prints: its exit code, and that.
    ///
    /// # Errors
    /// [`Unheard`].
    pub(super) async fn run_within(
        &self,
        host: &HostName,
        (script, most): (&str, usize),
        limit: Duration,
        line: &mut dyn FnMut(&str),
    ) -> Result<(i32, String), Unheard> {
        let session = self.session(host).await.map_err(Unheard::from)?;
        let begun = Cell::new(false);
        let ended = tokio::time::timeout(limit, self.run_on(&session, host, (script, most), line, &begun)).await;
        let heard = ended.unwrap_or_else(|_| Err(Unheard::late(limit, begun.get())));
        if heard.as_ref().is_err_and(|unheard| unheard.sent) {
            self.forget(host, &session).await;
        }
        heard
    }

    /// What a look prints. Unlike [`Hosts::run`] it says whose it is where nothing was heard.
    ///
    /// # Errors
    /// [`Unheard`].
    pub async fn look(&self, host: &HostName, script: &str, limit: Duration) -> Result<String, Unheard> {
        let heard = self.run_within(host, (script, said::OUTPUT), limit, &mut |_| {}).await;
        heard.map(|(_, output)| output)
    }
}

const LOST: &str = "the connection was lost before the command's end was seen";

/// The exit code of a command, where ssh was told one.
pub(super) fn ended(status: Result<std::process::ExitStatus, openssh::Error>) -> Option<i32> {
    match status {
        Ok(status) => status.code(),
        // as the openssh crate has it
        Err(openssh::Error::Remote(e)) if e.kind() == std::io::ErrorKind::NotFound => Some(127),
        Err(_) => None,
    }
}

/// A word for one command's marks.
pub(super) fn word() -> Result<Word, String> {
    let mut random = [0; 16];
    let filled = rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty());
    match filled {
        Ok(16) => Ok(Word::new(u128::from_ne_bytes(random))),
        Ok(_) => Err("on this machine: too few random bytes".to_owned()),
        Err(e) => Err(format!("on this machine: no random bytes: {e}")),
    }
}

/// Reads up to a command's last mark, or to the end.
async fn read_answer(
    mut stdout: impl AsyncRead + Unpin,
    mut reader: Reader,
    line: &mut dyn FnMut(&str),
    begun: &Cell<bool>,
) -> std::io::Result<Answer> {
    let mut piece = vec![0; PIECE];
    let mut line = |text: &str| line(&said::shown(text));
    loop {
        let n = stdout.read(&mut piece).await?;
        let ended = reader.push(&piece[..n], &mut line);
        begun.set(reader.has_begun());
        if n == 0 || ended {
            return Ok(reader.end(&mut line));
        }
    }
}

/// Reads to the end, whatever comes; the last of it.
pub(super) async fn listen(mut stderr: impl AsyncRead + Unpin) -> String {
    let (mut lines, mut text, mut piece) = (Lines::default(), Text::new(said::WORDS), vec![0; PIECE / 4]);
    while let Ok(n @ 1..) = stderr.read(&mut piece).await {
        let mut left = &piece[..n];
        while !left.is_empty() {
            let (line, rest) = lines.take(left);
            left = rest;
            if let Some(line) = line {
                text.push(&line);
                text.push("\n");
            }
        }
    }
    text.push(&lines.rest().unwrap_or_default());
    text.into_string()
}

/// ssh's words with their causes, and a hint where one is known.
pub(super) fn explain(error: &openssh::Error) -> String {
    let mut text = match error {
        // one cause, one wording, whoever of ssh's processes is the first to see it
        openssh::Error::Disconnected => return "the connection was lost".to_owned(),
        error if master_has_ended(error) => return "the connection was lost".to_owned(),
        error => error.to_string(),
    };
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {}", error.to_string().trim());
        cause = error.source();
    }
    said::bound(&mut text, said::MESSAGE);
    hint_for(&text).map_or_else(|| text.clone(), |hint| format!("{text}; {hint}"))
}

/// Whether this machine's own ssh, which holds the connection, ended while it was being asked.
///
/// The openssh crate has [`openssh::Error::Disconnected`] for one that had ended before; one that ends between the
/// question and its answer closes its socket, which is an end of file or a broken pipe here.
fn master_has_ended(error: &openssh::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, UnexpectedEof};
    let openssh::Error::SshMux(error) = error else { return false };
    let io = std::error::Error::source(error).and_then(|e| e.downcast_ref::<std::io::Error>());
    io.is_some_and(|e| matches!(e.kind(), UnexpectedEof | BrokenPipe))
}

impl Hosts for SshFleet {
    async fn run(&self, host: &HostName, script: &str, limit: Duration, line: &mut dyn FnMut(&str)) -> Outcome {
        match self.run_within(host, (script, said::OUTPUT), limit, line).await {
            Ok((code, output)) => Outcome::Exited { code, output },
            Err(unheard) => unheard.into(),
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
        drop(slot.take_if(|held| Arc::strong_count(held) == 1 && Arc::weak_count(held) == 0));
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Error, ErrorKind};

    use super::explain;

    #[test]
    fn a_connection_that_is_lost_has_one_wording_whichever_process_sees_it_first() {
        for kind in [ErrorKind::UnexpectedEof, ErrorKind::BrokenPipe, ErrorKind::PermissionDenied] {
            let seen = openssh::Error::SshMux(Error::from(kind).into());
            let meant = matches!(kind, ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe);
            assert_eq!(explain(&seen) == "the connection was lost", meant, "{kind}: {}", explain(&seen));
        }
        assert_eq!(explain(&openssh::Error::Disconnected), "the connection was lost");
    }
}
