//! One command on a simulated host: a real `/bin/sh` in the host's folder, behind the textual chroot.

use std::fs;
use std::io::{self, Write};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::process::Command;

use super::Host;
use super::chroot::{Outward, inward};
use super::nested::within;
use crate::host::shell::script_of;
use crate::rehearsal::simulated::ROOT_VARIABLE;

/// What came of a command that the rehearsal itself ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Its exit status; `None`: a signal.
    pub status: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it said.
    pub stderr: String,
}

impl Host {
    /// `command` as the host runs it.
    fn shell(&self, command: &str) -> io::Result<Command> {
        let root = self.site.root.to_string_lossy();
        let top: Vec<String> =
            fs::read_dir(&self.site.root)?.flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect();
        let mut path = format!("{root}/.sim/bin");
        for prefix in &self.site.prefixes {
            path.push_str(&format!(":{root}{prefix}/sbin:{root}{prefix}/bin"));
        }
        let mut shell = Command::new("/bin/sh");
        shell
            .arg("-c")
            .arg(within(command, &|text| inward(text, &root, &top)))
            .current_dir(self.site.root.join("root"))
            .env_clear()
            .env("HOME", self.site.root.join("root"))
            .env("USER", "root")
            .env("LOGNAME", "root")
            .env("SHELL", "/bin/sh")
            .env("PATH", format!("{path}:{}", self.machines_programs()))
            .env("LC_ALL", "C")
            .env(ROOT_VARIABLE, &self.site.root)
            // a Ctrl-C at the terminal of the rehearsal is not meant for its hosts
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Ok(shell)
    }

    /// Where a host finds programs that are not simulated: this machine's, or a choice of them where it was given one, for a host
    /// that lacks some.
    fn machines_programs(&self) -> String {
        let choice = self.site.sim("visible");
        if choice.is_dir() { choice.to_string_lossy().into_owned() } else { "/usr/local/bin:/usr/bin:/bin".to_owned() }
    }

    /// Notes a command for whoever wants to see what was done to a host.
    fn note(&self, command: &str, status: Option<i32>, began: Instant) {
        // as it was meant, and not as it was sent
        let meant = script_of(command);
        let command = meant.as_deref().unwrap_or(command);
        let line = serde_json::json!({
            "host": self.site.host, "command": command, "status": status, "ms": began.elapsed().as_millis(),
        });
        let file = fs::OpenOptions::new().append(true).create(true).open(self.site.dir.join("commands.jsonl"));
        if let Ok(mut file) = file {
            let _ = file.write_all(format!("{line}\n").as_bytes());
        }
    }

    /// Runs a command for an SSH channel. `None`: the connection was cut on purpose, nothing more must be said.
    pub(super) async fn exec(
        &self,
        command: &str,
        stdin: impl AsyncRead + Unpin + Send + 'static,
        stdout: impl AsyncWrite + Unpin + Send + 'static,
        stderr: impl AsyncWrite + Unpin + Send + 'static,
    ) -> io::Result<Option<std::process::ExitStatus>> {
        let began = Instant::now();
        self.refresh_before_command()?;
        let _running = Running::new(&self.commands);
        // what a login shell of this host prints before it does anything, where it is one that talks
        let mut stdout = stdout;
        if let Ok(greeting) = fs::read(self.site.sim("greeting")) {
            stdout.write_all(&greeting).await?;
        }
        let mut child = self.shell(command)?.spawn()?;
        let root = self.site.root.to_string_lossy().into_owned();
        let input = child.stdin.take().map(|to| tokio::spawn(feed(stdin, to)));
        let out = child.stdout.take().map(|from| tokio::spawn(show(from, stdout, Outward::new(&root))));
        let err = child.stderr.take().map(|from| tokio::spawn(show(from, stderr, Outward::new(&root))));
        let status = child.wait().await?;
        // as sshd: a process that was left behind with the channel's pipes holds the channel
        for pump in [out, err].into_iter().flatten() {
            let _ = pump.await;
        }
        if let Some(input) = input {
            input.abort();
        }
        self.note(command, status.code(), began);
        self.note_in_place();
        Ok((!self.cut_if_faulty(false)).then_some(status))
    }
}

/// Counted as long as it lives.
struct Running<'a>(&'a AtomicUsize);

impl<'a> Running<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn feed(mut from: impl AsyncRead + Unpin, mut to: tokio::process::ChildStdin) {
    let _ = tokio::io::copy(&mut from, &mut to).await;
}

async fn show(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, mut cut: Outward) {
    let mut piece = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut piece).await {
        // a reader that is gone closes the pipe, and the writer gets its SIGPIPE
        if to.write_all(&cut.push(&piece[..length])).await.is_err() {
            return;
        }
        let _ = to.flush().await;
    }
    let _ = to.write_all(&cut.finish()).await;
    let _ = to.flush().await;
}

/// Runs a command on a host without SSH, for the making and the judging of a cluster.
///
/// # Errors
/// No shell could be started.
pub async fn run(host: &Host, command: &str, environment: &[(&str, &str)]) -> io::Result<Output> {
    host.refresh_before_command()?;
    let output = host.shell(command)?.envs(environment.iter().copied()).stdin(Stdio::null()).output().await?;
    let text = |bytes: &[u8]| {
        let mut cut = Outward::new(&host.site.root.to_string_lossy());
        let mut shown = cut.push(bytes);
        shown.extend(cut.finish());
        String::from_utf8_lossy(&shown).into_owned()
    };
    Ok(Output { status: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) })
}
