//! The end of ssh processes that hold connections: told, and killed where they do not listen.
//!
//! They are found by the control socket on their command line and not by a number that somebody wrote down: what a killed
//! process has left is found in the same way, and a number may be another process's by now.

use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal};

/// How long ssh may take to end by itself: it has a local socket to remove and nothing else to do.
const MOMENT: Duration = Duration::from_secs(1);

/// Ends every ssh whose control socket is in `folder` or below it. Takes a moment, and two where one is stopped or hangs:
/// it is not for a thread that has anything else to do.
pub(super) fn end_all(folder: &Path) {
    for signal in [Signal::TERM, Signal::KILL] {
        let found = found(folder);
        for ssh in &found {
            ssh.tell(signal);
        }
        let until = Instant::now() + MOMENT;
        if found.iter().all(|ssh| ssh.has_ended(until)) {
            return;
        }
    }
}

/// One of them.
struct Ssh {
    pid: Pid,
    /// Names this very process; none on a kernel before 5.3.
    handle: Option<OwnedFd>,
}

impl Ssh {
    fn tell(&self, signal: Signal) {
        // one that has ended meanwhile cannot be told anything
        let _ = match &self.handle {
            Some(handle) => pidfd_send_signal(handle, signal),
            None => kill_process(self.pid, Signal::KILL),
        };
    }

    fn has_ended(&self, until: Instant) -> bool {
        let Some(handle) = &self.handle else { return true };
        let left = until.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).unwrap_or_default();
        poll(&mut [PollFd::new(handle, PollFlags::IN)], Some(&left)).is_ok_and(|ended| ended > 0)
    }
}

fn found(folder: &Path) -> Vec<Ssh> {
    let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
    let holds = |entry: &std::fs::DirEntry| {
        std::fs::read(entry.path().join("cmdline")).is_ok_and(|line| holds_below(&line, folder))
    };
    let ssh = |entry: std::fs::DirEntry| {
        let pid = Pid::from_raw(entry.file_name().to_str()?.parse().ok()?)?;
        if !holds(&entry) {
            return None;
        }
        let handle = pidfd_open(pid, PidfdFlags::empty()).ok();
        // what the handle names may be a later process of the same number
        holds(&entry).then_some(Ssh { pid, handle })
    };
    processes.flatten().filter_map(ssh).collect()
}

/// Whether a command line is that of an ssh with its control socket below `folder`: as it was started, or by the title that it
/// gives itself.
fn holds_below(command_line: &[u8], folder: &Path) -> bool {
    let mut words = command_line.split(|byte| *byte == 0);
    let below = |word: &[u8]| Path::new(OsStr::from_bytes(word)).starts_with(folder);
    let titled = command_line.strip_prefix(b"ssh: ".as_slice()).is_some_and(below);
    titled || (words.any(|word| word == b"-S") && words.next().is_some_and(below))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_holds_a_socket_there_is_ended() {
        let folder = Path::new("/tmp/mfsup-a");
        for (line, ended) in [
            ("ssh\0-M\0-f\0-N\0-S\0/tmp/mfsup-a/c1/m\0-E\0x\0--\0host\0", true),
            ("ssh: /tmp/mfsup-a/c1/m [mux]\0", true),
            ("ssh\0-S\0/tmp/mfsup-ab/c1/m\0", false),
            ("ssh: /tmp/mfsup-ab/c1/m [mux]\0", false),
            ("tail\0-f\0/tmp/mfsup-a/c1/log\0", false),
            ("ls\0/tmp/mfsup-a\0", false),
            ("", false),
        ] {
            assert_eq!(holds_below(line.as_bytes(), folder), ended, "{line}");
        }
    }

    #[test]
    fn one_that_is_stopped_or_does_not_listen_is_killed() {
        use std::process::{Command, Stdio};
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("m");
        let start = |script: &str| {
            let mut shell = Command::new("/bin/sh");
            shell.args(["-c", script, "ssh", "-S"]).arg(&socket).stdout(Stdio::piped()).spawn().unwrap()
        };
        // each says when it is ready
        let deaf = "trap '' TERM; echo; while :; do sleep 60 & wait $!; done";
        let mut all = [start("echo; exec sleep 60"), start(deaf), start("echo; while :; do sleep 1; done")];
        for child in &mut all {
            let mut ready = [0];
            std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut ready).unwrap();
        }
        kill_process(Pid::from_child(&all[2]), Signal::STOP).unwrap();
        let other = tempfile::tempdir().unwrap();
        end_all(other.path());
        assert!(all[1..].iter_mut().all(|child| child.try_wait().unwrap().is_none()), "they are another's");
        end_all(folder.path());
        for child in &mut all[1..] {
            let status = child.wait().unwrap();
            assert!(!status.success(), "{status}");
        }
        // by now it is a sleep that has no socket
        all[0].kill().unwrap();
        all[0].wait().unwrap();
    }
}
