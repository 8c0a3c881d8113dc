//! Why a step has to wait a moment. PURE.

use semver::Version;

use super::{lacks_its_lock, running};
use crate::host::HostFacts;
use crate::moosefs::daemon::Role;
use crate::schedule::Action;

/// A command of a lost connection, or of a process that was killed, may still be at work: the new program's process, beside
/// the old daemon's.
pub(super) fn under_way(role: Role, to: &Version, before: &HostFacts) -> Option<String> {
    let new = running(before, role, to)?;
    let old = before.processes.iter().any(|p| p.role == role && p.version.as_ref() != Some(to));
    old.then(|| format!("{} {to} (pid {}) is at work on the old one already", role.program(), new.pid))
}

/// Why a new daemon that is alone already does not serve yet: a second start would end it in the middle of its loading.
fn begins(role: Role, port: u16, to: &Version, before: &HostFacts) -> Option<String> {
    let new = running(before, role, to)?;
    let listens = before.listener(port).is_some();
    let waits = lacks_its_lock(new, to) || (role == Role::Master && !listens);
    waits.then(|| format!("{} {to} (pid {}) was started already and does not serve yet", role.program(), new.pid))
}

/// Why `action` has to wait a moment. A build, an installation or a takeover that was begun may still go on. And a 1.5 master
/// that is stopped while it saves its metadata (at the full hour, in a forked process, to metadata.mfs.back.tmp) tries three
/// times for 5 s and then ends *without saving*, exit 0 (hazard 14); what is copied then may not belong together. `clock` is
/// the master's, in seconds since 1970.
#[must_use]
pub fn hold(action: &Action, to: &Version, before: &HostFacts, clock: i64) -> Option<String> {
    if let (Action::Build { .. } | Action::Install { .. }, Some(pid)) = (action, before.busy.first()) {
        return Some(format!("a command is at work in the tree to install from (pid {pid})"));
    }
    if let (Action::Restore { .. }, Some(pid)) = (action, before.busy.first()) {
        return Some(format!("a command of this program is still at work on its host (pid {pid})"));
    }
    if let Action::Start { role, .. } = action
        && let Some(reason) =
            under_way(*role, to, before).or_else(|| begins(*role, action.chunkserver_port(), to, before))
    {
        return Some(reason);
    }
    let at_the_metadata = action.ends_the_master() || matches!(action, Action::Backup { .. });
    let into_the_hour = clock.rem_euclid(3600);
    let near = !(AFTER_FULL_HOUR..3600 - BEFORE_FULL_HOUR).contains(&into_the_hour);
    if at_the_metadata && near && before.daemon(Role::Master).is_some() {
        return Some("the master saves its metadata at the full hour".to_owned());
    }
    let saving = before.data_files.contains_key("metadata.mfs.back.tmp");
    (at_the_metadata && saving && before.daemon(Role::Master).is_some()).then(|| {
        "the master saves its metadata (metadata.mfs.back.tmp is there; if no master writes it, remove it)".to_owned()
    })
}

/// Seconds before the full hour in which no master is stopped and no metadata copied: between the look and the command.
const BEFORE_FULL_HOUR: i64 = 20;

/// Seconds after it: until the forked process has begun to write, which shows it.
const AFTER_FULL_HOUR: i64 = 10;
