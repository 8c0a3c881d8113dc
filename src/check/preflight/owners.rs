//! Lock files and owners: what a 1.6 daemon needs to find and to stop its 1.5 predecessor, and to use its files.

use super::old::Old;
use super::{Check, surveyed};
use crate::check::Code;
use crate::host::{HostFacts, HostName, Process};

impl Check<'_> {
    /// The lock file that the running 1.5 daemon holds: the new one finds it there and reads the pid that it ends.
    pub(super) fn lock_file(&mut self, host: &HostName, process: &Process, old: &Old<'_>, facts: &HostFacts) {
        let expected = old.lock_file(process);
        if !surveyed(facts) || facts.lock_files.values().any(|lock| lock.pid == Some(process.pid)) {
            return;
        }
        let (program, pid) = (process.role.program(), process.pid);
        let folder = expected.rsplit_once('/').map_or("/", |(folder, _)| folder);
        let why = "the new daemon would not find the old one and could not stop it: it fails, or two run";
        match facts.lock_files.get(&expected) {
            Some(lock) => self.find(
                Code::LockFileWrong,
                Some(host),
                match lock.pid {
                    Some(other) => format!("{expected} names pid {other}, and {program} is pid {pid}"),
                    None => format!("{expected} names no pid, and {program} is pid {pid}"),
                },
                why,
                format!(
                    "if the daemon still holds it (`fuser {expected}` names {pid}), `echo {pid} > {expected}`; else \
                     restart the old {program} at a quiet moment"
                ),
            ),
            None => self.find(
                Code::LockFileLost,
                Some(host),
                match facts.folders.contains_key(folder) {
                    true => format!("{program} (pid {pid}) has no lock file {expected}"),
                    false => format!("{program} (pid {pid}) has no lock file {expected}, and its folder is gone too"),
                },
                why,
                format!(
                    "at a quiet moment: `mkdir -p {folder}` for the user that it runs as, end {program} by its pid, wait \
                     for its end, start it again"
                ),
            ),
        }
    }

    /// Files that the new daemon must be able to use as the user that the old one runs as.
    pub(super) fn owners(&mut self, host: &HostName, process: &Process, old: &Old<'_>, facts: &HostFacts) {
        let user = process.user.as_str();
        if user.is_empty() || user == "root" {
            return;
        }
        let mut paths = old.disk_paths();
        paths.push(process.cwd.clone());
        let folders = paths.iter().filter_map(|path| Some((path.clone(), &facts.folders.get(path)?.owner)));
        let locks = facts.lock_files.iter().filter(|(_, lock)| lock.pid == Some(process.pid));
        let others: Vec<_> = folders
            .chain(locks.map(|(path, lock)| (path.clone(), &lock.owner)))
            .filter(|(_, owner)| !owner.is_empty() && *owner != user)
            .map(|(path, owner)| format!("{path} ({owner})"))
            .collect();
        if !others.is_empty() {
            self.find(
                Code::OwnerDiffers,
                Some(host),
                format!("{} runs as {user}, and this belongs to others: {}", process.role.program(), others.join(", ")),
                "a new daemon that may not write there fails, after it has stopped the old one",
                format!("`chown -R {user}` these, or set WORKING_USER to their owner"),
            );
        }
    }
}
