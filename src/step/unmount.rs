//! A mount is taken away. PURE.

use std::time::Duration;

use semver::Version;
use serde::{Deserialize, Serialize};

use super::Verdict::{Done, NotYet};
use super::mount::{COMMAND, mounted};
use super::{Effect, Kind, Seen, Verdict};
use crate::host::places::Keeper;
use crate::host::sh::sh;
use crate::host::{AbsPath, HostFacts, Look, Process};
use crate::plan::Busy;

/// Unmounts. Shown by /proc/mounts and the end of the mfsmount process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unmount {
    /// Where.
    pub mount: AbsPath,
    /// What is done when it is in use.
    #[serde(default, skip_serializing_if = "Busy::is_fail")]
    pub busy: Busy,
    /// How.
    pub command: UnmountCommand,
}

/// `umount`, never by force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename = "unmount")]
pub struct UnmountCommand {
    /// The mount point.
    pub mount: AbsPath,
    /// Whether a mount that umount refuses to take is taken out of the folders all the same: whoever uses it goes on in it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lazy: bool,
}

impl UnmountCommand {
    /// The command as POSIX sh.
    #[must_use]
    pub fn script(&self) -> String {
        let script = match self.lazy {
            false => sh!("umount ‹mount›", mount = &self.mount),
            true => sh!("umount ‹mount› || umount -l ‹mount›", mount = &self.mount),
        };
        script.into()
    }
}

impl Kind for Unmount {
    fn describe(&self) -> String {
        format!("unmount {}", self.mount)
    }

    fn effect(&self) -> Effect<'_> {
        Effect::Unmounts(self)
    }

    fn script(&self) -> Option<String> {
        Some(self.command.script())
    }

    fn look(&self, look: &mut Look) {
        // who is left in the old mount afterwards is told
        look.users = self.command.lazy;
        look.places = true;
    }

    fn hold(&self, _to: &Version, _before: &HostFacts) -> Option<String> {
        None
    }

    fn already(&self, to: &Version, before: &HostFacts) -> Verdict {
        // what is mounted there is the new mount: there is nothing old left to take away
        match mounted(&self.mount, to, before) {
            Done(evidence) => Done(evidence),
            NotYet(_) => self.achieved(&Seen::found(to, before)),
        }
    }

    fn allowed(&self, _to: &Version, before: &HostFacts) -> Result<(), String> {
        ends_with(&self.mount, self.command.lazy, before)
    }

    fn achieved(&self, seen: &Seen<'_>) -> Verdict {
        match self.command.lazy {
            true => lazily_unmounted(&self.mount, seen.before, seen.now),
            false => unmounted(&self.mount, seen.before, seen.now),
        }
    }

    fn untouched(&self, to: &Version, now: &HostFacts) -> bool {
        let old = |p: &Process| p.version.as_ref() != Some(to) && p.mount_point().as_ref() == Some(&self.mount);
        now.mount(self.mount.as_str()).is_some() && now.processes.iter().any(old)
    }

    fn may_run_again(&self) -> bool {
        false
    }

    fn limit(&self) -> Duration {
        COMMAND
    }
}

pub(super) fn unmounted(mount: &AbsPath, before: &HostFacts, now: &HostFacts) -> Verdict {
    if let Some(line) = now.mount(mount.as_str()) {
        return NotYet(format!("{} is still mounted ({})", mount, line.kind));
    }
    let lingers = |p: &&Process| p.mount_point().as_ref() == Some(mount) && now.processes.iter().any(|n| n.is(p));
    if let Some(process) = before.processes.iter().find(lingers) {
        return NotYet(format!("nothing is mounted on {mount}, but its mfsmount (pid {}) has not ended", process.pid));
    }
    Done(format!("nothing is mounted on {mount}"))
}

/// Why `umount` must not be run: it would work, and then nothing be mounted, since mfsmount does not end before its last place is
/// gone; or it would take away (`umount -l`) what is mounted on the mount.
fn ends_with(mount: &AbsPath, lazy: bool, before: &HostFacts) -> Result<(), String> {
    let mut others: Vec<_> = before.other_places(mount.as_str()).iter().map(|place| place.as_another()).collect();
    let stacks = |keeper: &&&Keeper| matches!(keeper, Keeper::Stacked { .. });
    others.extend(before.keepers_of(mount.as_str()).iter().filter(stacks).map(ToString::to_string));
    if !others.is_empty() {
        return Err(format!(
            "{mount} has other places, and mfsmount would not end: {}. Nothing was unmounted: take them away, or stop what has them",
            others.join("; ")
        ));
    }
    let below: Vec<_> = before.mounted_below(mount.as_str()).iter().map(|place| place.point.as_str()).collect();
    if lazy && !below.is_empty() {
        return Err(format!(
            "`umount -l` would take away what is mounted on {mount} as well: unmount {} first",
            below.join(", ")
        ));
    }
    Ok(())
}

/// Whoever uses the mount keeps its mfsmount going: it is gone for everybody else.
fn lazily_unmounted(mount: &AbsPath, before: &HostFacts, now: &HostFacts) -> Verdict {
    let verdict = unmounted(mount, before, now);
    let lingers = |p: &&Process| p.mount_point().as_ref() == Some(mount) && now.processes.iter().any(|n| n.is(p));
    match (now.mount(mount.as_str()), before.processes.iter().find(lingers)) {
        (None, Some(process)) => {
            let users = before.named_users_of(mount.as_str());
            let users = users.unwrap_or_else(|| "a process that was not seen, or none any more".to_owned());
            Done(format!("nothing is mounted on {mount}; its mfsmount (pid {}) goes on for {users}", process.pid))
        }
        _ => verdict,
    }
}
