//! What a host shows of its mounts. PURE.

use semver::Version;

use super::Verdict::{self, Done, NotYet};
use crate::host::places::Keeper;
use crate::host::{AbsPath, HostFacts, Process};
use crate::rules::line_1_5_to_1_6 as line;

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
pub(super) fn ends_with(mount: &AbsPath, lazy: bool, before: &HostFacts) -> Result<(), String> {
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
pub(super) fn lazily_unmounted(mount: &AbsPath, before: &HostFacts, now: &HostFacts) -> Verdict {
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

/// Why nothing may be mounted on `mount`, or is well mounted there: the folder must be empty, and was when the run began.
pub(super) fn unwritten(mount: &AbsPath, empty: bool, now: &HostFacts) -> Result<(), String> {
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
    let old = line::check_from(to).is_ok();
    if there.kind.starts_with("fuse.mfs") == old {
        let of = if old { "1.5" } else { "1.6" };
        return NotYet(format!("what is mounted on {mount} is not of {of} ({} {})", there.source, there.kind));
    }
    let process =
        now.processes.iter().find(|p| p.version.as_ref() == Some(to) && p.mount_point().as_ref() == Some(mount));
    match process {
        Some(process) => Done(format!("{mount} is mounted by mfsmount {to} (pid {})", process.pid)),
        None => NotYet(format!("{mount} is mounted, but not by a running mfsmount {to}")),
    }
}
