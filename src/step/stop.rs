//! A daemon is stopped: the master of a full-stop, and every daemon that goes on the way back. PURE.

use std::time::Duration;

use semver::Version;
use serde::{Deserialize, Serialize};

use super::Verdict::{Done, NotYet};
use super::metadata::{NOT_WRITTEN, is_as_before, metadata_is_whole};
use super::restore::keeps;
use super::seen::{alone, installed, running, under_way};
use super::words::stop;
use super::{Effect, Kind, Seen, Verdict};
use crate::host::{AbsPath, HostFacts, Look};
use crate::moosefs::daemon::{MASTER_CHUNKSERVER_PORT, Role};
use crate::moosefs::metadata::SAVED;

/// Stops the master. Shown by the end of its process, its closed port and the metadata.mfs that it left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopMaster {
    /// Below which prefix.
    pub prefix: AbsPath,
    /// Where it leaves its metadata; `None` in a preview.
    pub data_path: Option<AbsPath>,
    /// The port on which the master listens for chunkservers, where it is not the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chunkserver_port: Option<u16>,
    /// How.
    pub command: StopMasterCommand,
}

/// The new release's `mfsmaster -s`: stops whatever master runs, 1.5's too, and then may exit 1 (seen with 1.6.27 against 1.5.12).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename = "stop-master")]
pub struct StopMasterCommand {
    /// The installation prefix.
    pub prefix: AbsPath,
    /// How long it waits for the master's end (`-t`); releases below 1.6.9 know no such option.
    pub patience: Option<Duration>,
}

/// Stops a daemon of the release that goes. Shown by the end of its process; of a master also by the metadata.mfs that
/// it left, of a kind that the old release reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// Which daemon.
    pub role: Role,
    /// Below which prefix.
    pub prefix: AbsPath,
    /// The release that is stopped, and whose program stops it.
    pub release: Version,
    /// The tar file from which the old program comes back behind it: nothing is stopped before it was seen whole. `None`: the
    /// old program is in its place already, or there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<AbsPath>,
    /// Where a master leaves its metadata.
    pub data_path: Option<AbsPath>,
    /// The port on which the master listens for chunkservers, where it is not the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chunkserver_port: Option<u16>,
    /// How.
    pub command: StopCommand,
}

/// The new release's own program with `-s`: stops its daemon, before the old release's programs take its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename = "stop")]
pub struct StopCommand {
    /// Which daemon.
    pub role: Role,
    /// The installation prefix.
    pub prefix: AbsPath,
    /// How long it waits for the daemon's end (`-t`), likewise.
    pub patience: Option<Duration>,
}

impl StopMasterCommand {
    /// The command as POSIX sh.
    #[must_use]
    pub fn script(&self) -> String {
        stop(Role::Master, &self.prefix, self.patience).into()
    }
}

impl StopCommand {
    /// The command as POSIX sh.
    #[must_use]
    pub fn script(&self) -> String {
        stop(self.role, &self.prefix, self.patience).into()
    }
}

const STILL_LISTENED: &str = "mfsmaster ended, but its port is still listened on";

fn is_listened_on(port: Option<u16>, now: &HostFacts) -> bool {
    now.listener(port.unwrap_or(MASTER_CHUNKSERVER_PORT)).is_some()
}

impl Kind for StopMaster {
    fn describe(&self) -> String {
        "stop mfsmaster".to_owned()
    }

    fn effect(&self) -> Effect<'_> {
        Effect::Stops { role: Role::Master, for_long: true }
    }

    fn script(&self) -> Option<String> {
        Some(self.command.script())
    }

    fn look(&self, look: &mut Look) {
        look.prefixes.push(self.prefix.clone());
        look.data_path.clone_from(&self.data_path);
        look.headers = true;
    }

    fn hold(&self, _to: &Version, _before: &HostFacts) -> Option<String> {
        None
    }

    fn already(&self, to: &Version, before: &HostFacts) -> Verdict {
        // a full-stop ends the old master: to end a new one that serves would be an outage for nothing
        match alone(before, Role::Master, to) {
            Some(process) => Done(format!("mfsmaster {to} runs already (pid {}): it is not stopped", process.pid)),
            None => self.achieved(&Seen::found(to, before)),
        }
    }

    fn allowed(&self, to: &Version, before: &HostFacts) -> Result<(), String> {
        under_way(Role::Master, to, before).map_or(Ok(()), Err)?;
        installed(Role::Master, &self.prefix, to, before)
    }

    /// The master's end: no process, no socket, and its metadata written to metadata.mfs (`filesystem.c`: that file exists
    /// only while a master is cleanly stopped).
    fn achieved(&self, seen: &Seen<'_>) -> Verdict {
        let now = seen.now;
        if let Some(process) = now.daemon(Role::Master) {
            return NotYet(format!("mfsmaster (pid {}) still runs", process.pid));
        }
        if is_listened_on(self.chunkserver_port, now) {
            return NotYet(STILL_LISTENED.to_owned());
        }
        match now.data_files.get("metadata.mfs") {
            None => NotYet("mfsmaster ended without writing metadata.mfs".to_owned()),
            Some(_) if !seen.found && is_as_before(seen.before, now) => NotYet(NOT_WRITTEN.to_owned()),
            Some(file) => Done(format!("no mfsmaster runs, and metadata.mfs ({} bytes) is there", file.size)),
        }
    }

    fn untouched(&self, _to: &Version, now: &HostFacts) -> bool {
        now.daemon(Role::Master).is_some()
    }

    fn may_run_again(&self) -> bool {
        false
    }

    fn listens_on(&self) -> Option<u16> {
        self.chunkserver_port
    }
}

impl Kind for Stop {
    fn describe(&self) -> String {
        format!("stop {} {}", self.role.program(), self.release)
    }

    fn effect(&self) -> Effect<'_> {
        Effect::Stops { role: self.role, for_long: false }
    }

    fn script(&self) -> Option<String> {
        Some(self.command.script())
    }

    fn look(&self, look: &mut Look) {
        look.archives.extend(self.kept.clone());
        look.prefixes.push(self.prefix.clone());
        look.data_path.clone_from(&self.data_path);
        look.headers = self.role == Role::Master;
    }

    fn hold(&self, _to: &Version, _before: &HostFacts) -> Option<String> {
        None
    }

    fn already(&self, to: &Version, before: &HostFacts) -> Verdict {
        self.achieved(&Seen::found(to, before))
    }

    fn allowed(&self, to: &Version, before: &HostFacts) -> Result<(), String> {
        let (role, release) = (self.role, &self.release);
        match before.installed_version(&self.prefix, role) {
            Some(version) if version == release => keeps(role, self.kept.as_ref(), to, before),
            // no option of a 1.5 program is safe
            other => Err(format!(
                "the installed {} is {}, and only {release} may stop {release}: end its process by hand (`kill {}`)",
                role.program(),
                other.map_or("not there".to_owned(), Version::to_string),
                before.daemon(role).map_or("PID".to_owned(), |p| p.pid.to_string())
            )),
        }
    }

    fn lacks_old_program(&self, to: &Version, before: &HostFacts) -> bool {
        before.installed_version(&self.prefix, self.role) == Some(&self.release)
            && keeps(self.role, self.kept.as_ref(), to, before).is_err()
    }

    /// The end of the daemon: no process of it. A master has closed its port, and written its metadata in a kind that the old
    /// release reads.
    fn achieved(&self, seen: &Seen<'_>) -> Verdict {
        let (role, release, now) = (self.role, &self.release, seen.now);
        let program = role.program();
        if let Some(process) = running(now, role, release) {
            return NotYet(format!("{program} {release} (pid {}) still runs", process.pid));
        }
        if let Some(process) = now.daemon(role) {
            let is = process.version.as_ref().map_or("another release".to_owned(), Version::to_string);
            return Done(format!("no {program} {release} runs; one of {is} does (pid {})", process.pid));
        }
        if role != Role::Master {
            return Done(format!("no {program} runs"));
        }
        if is_listened_on(self.chunkserver_port, now) {
            return NotYet(STILL_LISTENED.to_owned());
        }
        if let Err(reason) = metadata_is_whole(now) {
            return NotYet(reason);
        }
        let file = &now.data_files["metadata.mfs"];
        if !seen.found && is_as_before(seen.before, now) {
            return NotYet(NOT_WRITTEN.to_owned());
        }
        Done(format!("no mfsmaster runs, and metadata.mfs ({} bytes, {SAVED}) is there", file.size))
    }

    fn untouched(&self, _to: &Version, now: &HostFacts) -> bool {
        running(now, self.role, &self.release).is_some()
    }

    fn may_run_again(&self) -> bool {
        false
    }

    fn listens_on(&self) -> Option<u16> {
        self.chunkserver_port
    }
}
