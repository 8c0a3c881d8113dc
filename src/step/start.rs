//! A daemon is started: over the old one, or where none runs. PURE.

use std::time::Duration;

use semver::Version;
use serde::{Deserialize, Serialize};

use super::Verdict::{Done, NotYet};
use super::metadata::metadata_is_whole;
use super::seen::{installed, lacks_its_lock, other, running, under_way};
use super::words::daemon;
use super::{Effect, Kind, SETTLE, Seen, Verdict};
use crate::host::{AbsPath, HostFacts, Look};
use crate::moosefs::daemon::{MASTER_CHUNKSERVER_PORT, Role};
use crate::rules::lines;

/// Starts the new daemon over the old one, or where none runs. Shown by a new process of the new release, the old
/// one's end, and the listening port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// Which daemon.
    pub role: Role,
    /// Below which prefix.
    pub prefix: AbsPath,
    /// The old daemon's working folder: the new one must run in the same, or it serves other data. `None` in a
    /// preview.
    pub data_path: Option<AbsPath>,
    /// The port on which the master listens for chunkservers, where it is not the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chunkserver_port: Option<u16>,
    /// How.
    pub command: StartCommand,
}

/// A daemon's program without a verb.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case")]
pub enum StartCommand {
    /// The new release's daemon: it stops the previous one itself and takes its place ("takeover").
    Start {
        /// Which daemon: master or chunkserver.
        role: Role,
        /// The installation prefix.
        prefix: AbsPath,
        /// How long the new daemon waits for the previous one's end (`-t`); releases below 1.6.9 know no such option.
        patience: Option<Duration>,
    },
    /// The old release's daemon without any option, where none runs: 1.5 knows no other way that is safe.
    StartOld {
        /// Which daemon.
        role: Role,
        /// The installation prefix.
        prefix: AbsPath,
    },
}

impl StartCommand {
    /// The command as POSIX sh.
    #[must_use]
    pub fn script(&self) -> String {
        let script = match self {
            Self::Start { role, prefix, patience } => daemon(*role, prefix, *patience),
            Self::StartOld { role, prefix } => daemon(*role, prefix, None),
        };
        script.into()
    }

    /// Whether it is of the old release, which knows nothing of a new daemon and takes nothing over.
    fn is_old(&self) -> bool {
        matches!(self, Self::StartOld { .. })
    }
}

impl Kind for Start {
    fn describe(&self) -> String {
        format!("start the {} {}", if self.command.is_old() { "old" } else { "new" }, self.role.program())
    }

    fn effect(&self) -> Effect<'_> {
        Effect::Starts(self)
    }

    fn script(&self) -> Option<String> {
        Some(self.command.script())
    }

    fn look(&self, look: &mut Look) {
        look.prefixes.push(self.prefix.clone());
        if self.role == Role::Master {
            look.data_path.clone_from(&self.data_path);
            look.headers = true;
        }
    }

    /// A takeover that is under way, and a new daemon that is alone already and does not serve yet: a second start would end it in
    /// the middle of its loading.
    fn hold(&self, to: &Version, before: &HostFacts) -> Option<String> {
        if let Some(reason) = under_way(self.role, to, before) {
            return Some(reason);
        }
        let new = running(before, self.role, to)?;
        let waits = lacks_its_lock(new, to) || (self.role == Role::Master && !self.listens(before));
        let program = self.role.program();
        waits.then(|| format!("{program} {to} (pid {}) was started already and does not serve yet", new.pid))
    }

    fn already(&self, to: &Version, before: &HostFacts) -> Verdict {
        self.achieved(&Seen::found(to, before))
    }

    fn allowed(&self, to: &Version, before: &HostFacts) -> Result<(), String> {
        let role = self.role;
        if !self.command.is_old() {
            under_way(role, to, before).map_or(Ok(()), Err)?;
            return installed(role, &self.prefix, to, before);
        }
        // a 1.5 program without a verb knows nothing of a 1.6 daemon: there would be two
        if let Some(process) = other(before, role, to) {
            return Err(format!("another {} (pid {}) runs: stop it first", role.program(), process.pid));
        }
        installed(role, &self.prefix, to, before)?;
        if role == Role::Master { metadata_is_whole(before) } else { Ok(()) }
    }

    /// Where a chunkserver listens is its configuration's; the gate sees whether it serves.
    fn achieved(&self, seen: &Seen<'_>) -> Verdict {
        match self.runs(seen) {
            Done(_) if self.role == Role::Master && !self.listens(seen.now) => {
                let port = self.port();
                NotYet(format!("mfsmaster {} does not listen for chunkservers (port {port})", seen.to))
            }
            verdict => verdict,
        }
    }

    fn untouched(&self, to: &Version, now: &HostFacts) -> bool {
        other(now, self.role, to).is_some()
    }

    fn may_run_again(&self) -> bool {
        false
    }

    fn listens_on(&self) -> Option<u16> {
        self.chunkserver_port
    }

    /// A 1.5 daemon goes to the background first and loads its metadata then (`mfsmaster/main.c` @ 1.5.12): while its process is
    /// there it is waited for.
    fn settles(&self, to: &Version, now: &HostFacts) -> Duration {
        match (self.command.is_old(), running(now, self.role, to)) {
            (false, _) => SETTLE,
            (true, Some(_)) => lines::beginning_at(to).map_or(SETTLE * 4, |line| line.waits.back),
            (true, None) => SETTLE * 4,
        }
    }
}

impl Start {
    fn port(&self) -> u16 {
        self.chunkserver_port.unwrap_or(MASTER_CHUNKSERVER_PORT)
    }

    fn listens(&self, now: &HostFacts) -> bool {
        now.listener(self.port()).is_some()
    }

    /// A takeover is a new process of the new release and the end of every old one; an exit code proves neither.
    fn runs(&self, seen: &Seen<'_>) -> Verdict {
        let Seen { to, before, now, found } = *seen;
        let (role, program) = (self.role, self.role.program());
        let old = before.processes.iter().filter(|p| p.role == role && p.version.as_ref() != Some(to));
        for process in old {
            if now.processes.iter().any(|p| p.is(process)) {
                return NotYet(format!("the old {program} (pid {}) still runs", process.pid));
            }
        }
        let Some(process) = running(now, role, to) else {
            return NotYet(format!("no {program} {to} runs"));
        };
        if let Some(path) = self.data_path.as_ref().filter(|path| path.as_str() != process.cwd) {
            return NotYet(format!(
                "{program} {to} runs in {} and not on the old data in {path}: stop it",
                process.cwd
            ));
        }
        if lacks_its_lock(process, to) {
            return NotYet(format!("{program} {to} (pid {}) does not hold its lock file", process.pid));
        }
        let same = before.processes.iter().any(|p| p.is(process));
        if same && !found {
            return Done(format!("{program} {to} ran before (pid {})", process.pid));
        }
        Done(format!("{program} {to} runs as pid {}", process.pid))
    }
}
