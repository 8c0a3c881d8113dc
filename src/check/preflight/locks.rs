//! Locks that a new daemon takes at its start, and that another process has.

use super::Check;
use super::old::Old;
use crate::check::Code;
use crate::host::facts::Holder;
use crate::host::{HostFacts, HostName, Process};
use crate::moosefs::daemon::Role;
use crate::moosefs::releases::TABLE;

/// What the new daemon does where somebody else has the lock.
const OF_DISK: &str =
    "the new chunkserver does not start with a disk that another process has locked, after it has stopped the old one";
const OF_DATA_PATH: &str = "the new daemon ends a process of its own user that has this lock (SIGTERM), and fails where it may not or where that goes on";
const OF_OLD_LOCK: &str = "the new daemon stops the old one, waits for this lock and gives up, and then none runs";

impl Check<'_> {
    /// A lock of the daemon that the run replaces is free when its turn has come; one of anybody else is not.
    pub(super) fn locks_of_others(&mut self, host: &HostName, process: &Process, old: &Old<'_>, facts: &HostFacts) {
        let program = process.role.program();
        let below = |folder: &str, name: &str| format!("{}/{name}", folder.trim_end_matches('/'));
        let mut needed = vec![(old.lock_file(process), OF_OLD_LOCK)];
        if TABLE.locks_data_path.at(&self.plan.upgrade.to) {
            needed.push((below(&process.cwd, &format!(".{program}.lock")), OF_DATA_PATH));
        }
        if process.role == Role::Chunkserver {
            needed.extend(old.disk_paths().iter().map(|disk| (below(disk, ".lock"), OF_DISK)));
        }
        needed.sort();
        needed.dedup_by(|one, other| one.0 == other.0);
        for (path, why) in needed {
            let holders = facts.locks.get(&path).into_iter().flatten();
            let others: Vec<&Holder> = holders.filter(|holder| holder.pid != Some(process.pid)).collect();
            if others.is_empty() {
                continue;
            }
            let names: Vec<_> = others.iter().map(|holder| named(holder)).collect();
            let pids: Vec<_> = others.iter().filter_map(|holder| holder.pid).map(|pid| pid.to_string()).collect();
            let look =
                if pids.is_empty() { format!("`fuser -v {path}`") } else { format!("`ps -fp {}`", pids.join(",")) };
            self.find(
                Code::LockHeld,
                Some(host),
                format!(
                    "{path} is locked by {}, and the running {program} is pid {}",
                    names.join(" and "),
                    process.pid
                ),
                why,
                format!("see with {look} what that is, and end it, or give it a folder of its own"),
            );
        }
    }
}

fn named(holder: &Holder) -> String {
    match (holder.pid, holder.name.as_str()) {
        (None, _) => "a process that the kernel does not name".to_owned(),
        (Some(pid), "") => format!("pid {pid}"),
        (Some(pid), name) => format!("{name} (pid {pid})"),
    }
}
