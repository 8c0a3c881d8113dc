//! A mount is made. PURE.

use std::time::Duration;

use semver::Version;
use serde::{Deserialize, Serialize};

use super::Verdict::{Done, NotYet};
use super::seen::installed;
use super::words::words;
use super::{Effect, Kind, Seen, Verdict};
use crate::host::{AbsPath, HostFacts, Look, MountArguments};
use crate::moosefs::daemon::Role;
use crate::moosefs::releases::TABLE;
use crate::moosefs::version::Family;

/// How long `umount` and `mfsmount` may take.
pub(super) const COMMAND: Duration = Duration::from_secs(5 * 60);

/// Mounts. Shown by /proc/mounts, a new mfsmount of the new release, and the master's list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// Where.
    pub mount: AbsPath,
    /// Below which prefix the new mfsmount is.
    pub prefix: AbsPath,
    /// Whether nothing may lie under the mount point: what does was written while nothing was mounted. Not of a mount with
    /// `nonempty`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub empty: bool,
    /// How.
    pub command: MountCommand,
}

/// `mfsmount`, in the way of its release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case")]
pub enum MountCommand {
    /// `mfsmount` of the new release.
    Mount {
        /// The installation prefix.
        prefix: AbsPath,
        /// Mount point, master and options.
        arguments: MountArguments,
    },
    /// `mfsmount` of the old release.
    MountOld {
        /// The installation prefix.
        prefix: AbsPath,
        /// Mount point, master and options.
        arguments: MountArguments,
    },
}

impl MountCommand {
    /// The command as POSIX sh.
    #[must_use]
    pub fn script(&self) -> String {
        let (prefix, arguments) = match self {
            Self::Mount { prefix, arguments } => (prefix, arguments.new_words()),
            Self::MountOld { prefix, arguments } => (prefix, arguments.old_words()),
        };
        words(prefix.join(Role::Client.path_in_prefix()).as_str(), &arguments).into()
    }

    /// What is mounted, and how.
    #[must_use]
    pub fn arguments(&self) -> &MountArguments {
        match self {
            Self::Mount { arguments, .. } | Self::MountOld { arguments, .. } => arguments,
        }
    }
}

impl Kind for Mount {
    fn describe(&self) -> String {
        format!("mount {}", self.mount)
    }

    fn effect(&self) -> Effect<'_> {
        Effect::Mounts(self)
    }

    fn script(&self) -> Option<String> {
        Some(self.command.script())
    }

    fn look(&self, look: &mut Look) {
        look.prefixes.push(self.prefix.clone());
        look.under.extend(self.empty.then(|| self.mount.clone()));
    }

    fn hold(&self, _to: &Version, _before: &HostFacts) -> Option<String> {
        None
    }

    fn already(&self, to: &Version, before: &HostFacts) -> Verdict {
        self.achieved(&Seen::found(to, before))
    }

    fn allowed(&self, to: &Version, before: &HostFacts) -> Result<(), String> {
        let mount = &self.mount;
        installed(Role::Client, &self.prefix, to, before)?;
        unwritten(mount, self.empty, before)?;
        match before.mount(mount.as_str()) {
            Some(line) => Err(format!("something is mounted on {mount} ({} {})", line.source, line.kind)),
            None => Ok(()),
        }
    }

    fn achieved(&self, seen: &Seen<'_>) -> Verdict {
        match (mounted(&self.mount, seen.to, seen.now), unwritten(&self.mount, self.empty, seen.now)) {
            (Done(_), Err(reason)) => NotYet(reason),
            (verdict, _) => verdict,
        }
    }

    fn untouched(&self, _to: &Version, _now: &HostFacts) -> bool {
        false
    }

    /// A lost connection says nothing of it, and a second mount would lie on the first.
    fn may_run_again(&self) -> bool {
        false
    }

    fn limit(&self) -> Duration {
        COMMAND
    }
}

/// Why nothing may be mounted on `mount`, or is well mounted there: the folder must be empty, and was when the run began.
fn unwritten(mount: &AbsPath, empty: bool, now: &HostFacts) -> Result<(), String> {
    match now.under.get(mount.as_str()) {
        Some(names) if empty && !names.is_empty() => {
            let at =
                if now.mount(mount.as_str()).is_some() { "the new mount hides it; unmount and move" } else { "move" };
            Err(format!(
                "while nothing was mounted, {} was written into the folder {mount} itself: {at} it to where it belongs (this \
                 program deletes nothing)",
                names.join(", ")
            ))
        }
        _ => Ok(()),
    }
}

pub(super) fn mounted(mount: &AbsPath, to: &Version, now: &HostFacts) -> Verdict {
    let Some(there) = now.mount(mount.as_str()) else {
        return NotYet(format!("nothing is mounted on {mount}"));
    };
    let old = !TABLE.sessions.at(to);
    if there.kind.starts_with("fuse.mfs") == old {
        let of = Family::of(to);
        return NotYet(format!("what is mounted on {mount} is not of {of} ({} {})", there.source, there.kind));
    }
    let process =
        now.processes.iter().find(|p| p.version.as_ref() == Some(to) && p.mount_point().as_ref() == Some(mount));
    match process {
        Some(process) => Done(format!("{mount} is mounted by mfsmount {to} (pid {})", process.pid)),
        None => NotYet(format!("{mount} is mounted, but not by a running mfsmount {to}")),
    }
}
