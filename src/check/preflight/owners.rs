//! Lock files and owners: what a 1.6 daemon needs to find and to stop its 1.5 predecessor, and to use its files.

use std::collections::BTreeSet;

use super::nodes::elsewhere;
use super::old::Old;
use super::{Check, surveyed};
use crate::check::Code;
use crate::host::shell::quote;
use crate::host::{HostFacts, HostName, Process};
use crate::moosefs::daemon::Role;

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
                    "if the daemon still holds it (`fuser {expected}` names {pid}), `echo {pid} > {expected}`, which keeps \
                     the file and its lock; else {}",
                    start_anew(process, folder)
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
                format!("a new file does not help, for nobody holds it; {}", start_anew(process, folder)),
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
        // of those another finding says that they are not the daemon's disks
        let elsewhere = elsewhere(old, facts);
        paths.retain(|path| !elsewhere.contains(path));
        paths.push(process.cwd.clone());
        let denied = self.denied(host, process, &paths, facts);
        paths.retain(|path| !denied.contains(path));
        let folders = paths.iter().filter_map(|path| Some((path.clone(), &facts.folders.get(path)?.owner)));
        let locks =
            facts.lock_files.iter().filter(|(path, lock)| lock.pid == Some(process.pid) && !denied.contains(*path));
        let all = folders.chain(locks.map(|(path, lock)| (path.clone(), &lock.owner)));
        let others: Vec<_> = all.filter(|(_, owner)| !owner.is_empty() && *owner != user).collect();
        // `chown` leaves alone what a link leads to
        let places: BTreeSet<_> = others.iter().map(|(path, _)| facts.place(path)).collect();
        if !others.is_empty() {
            let others: Vec<_> = others
                .iter()
                .map(|(path, owner)| match facts.place(path) {
                    place if place == path => format!("{path} ({owner})"),
                    place => format!("{path}, which leads to {place} ({owner})"),
                })
                .collect();
            self.find(
                Code::OwnerDiffers,
                Some(host),
                format!("{} runs as {user}, and this belongs to others: {}", process.role.program(), others.join(", ")),
                "a new daemon that may not write there fails, after it has stopped the old one",
                given_to(user, &places),
            );
        }
    }
}

impl Check<'_> {
    /// What was tried as the daemon's user, and is not for it, in these folders and of its own lock file. What no user may write has
    /// another cause.
    fn denied(
        &mut self,
        host: &HostName,
        process: &Process,
        folders: &[String],
        facts: &HostFacts,
    ) -> BTreeSet<String> {
        let Some(tried) = facts.denied.get(&process.pid) else { return BTreeSet::new() };
        let above = |path: &str| path.rsplit_once('/').map_or(String::new(), |(above, _)| above.to_owned());
        let read_only = |path: &str| facts.lies.get(path).is_some_and(|mount| mount.read_only);
        let of_daemon = |path: &String| {
            let lock = facts.lock_files.get(path).is_some_and(|lock| lock.pid == Some(process.pid));
            lock || folders.contains(path) || folders.contains(&above(path))
        };
        let denied: BTreeSet<String> = tried.iter().filter(|path| of_daemon(path)).cloned().collect();
        let mut told = denied.clone();
        told.retain(|path| !read_only(path) && !read_only(&above(path)) && !denied.contains(&above(path)));
        if !told.is_empty() {
            let (user, group) = (process.user.as_str(), process.group.as_str());
            let places: BTreeSet<_> = told.iter().map(|path| facts.place(path)).collect();
            let foreign = told.iter().any(|path| facts.folders.get(path).is_none_or(|folder| folder.owner != user));
            let named = |path: &str| match facts.place(path) {
                place if place == path => path.to_owned(),
                place => format!("{path}, which leads to {place}"),
            };
            let todo = if foreign {
                given_to(user, &places)
            } else {
                format!("`chmod u+rwX {}`", places.iter().map(|place| quote(place)).collect::<Vec<_>>().join(" "))
            };
            self.find(
                Code::NotWritable,
                Some(host),
                format!(
                    "{} runs as {user}:{group}, and this user may not read and write {}",
                    process.role.program(),
                    told.iter().map(|path| named(path)).collect::<Vec<_>>().join(", ")
                ),
                "a new daemon ends where it may not write, after it has stopped the old one; on a disk it makes 256 folders and says \
                 nothing of those that it cannot make",
                format!("{todo}; every folder above must let {user} pass (`namei -l` shows them)"),
            );
        }
        denied
    }
}

/// How folders become a user's. `/` never does: what lies there is everybody's.
fn given_to(user: &str, places: &BTreeSet<&str>) -> String {
    let words = ["chown", "-R", user].into_iter().chain(places.iter().copied());
    match shlex::try_join(words) {
        Ok(command) if !places.contains("/") => format!("`{command}`, or set WORKING_USER to their owner"),
        _ => "set WORKING_USER to their owner, or give the daemon folders of its own".to_owned(),
    }
}

/// How a 1.5 daemon gets a lock file again. Its own program would signal whatever process the file names (main.c @ 1.5.12).
fn start_anew(process: &Process, folder: &str) -> String {
    let (program, pid) = (process.role.program(), process.pid);
    let end = match process.role {
        Role::Master => format!("its end, which is when {}/metadata.mfs is there", process.cwd),
        _ => "its end".to_owned(),
    };
    format!(
        "at a quiet moment: see that {folder} is there and belongs to {user}, that pid {pid} is still {program}, `kill -TERM {pid}`, \
         wait for {end}, then start the old {program} again; never with `{program} -s`, nor by starting it beside itself",
        user = if process.user.is_empty() { "its user" } else { process.user.as_str() },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_given_to_a_user_in_words_that_a_shell_reads_as_they_are_and_the_root_never_is() {
        let given = |places: &[&str]| given_to("mfs", &places.iter().copied().collect());
        assert!(given(&["/srv/mfs", "/srv/a b"]).starts_with("`chown -R mfs '/srv/a b' /srv/mfs`, or "));
        assert!(!given(&["/srv/$(reboot)"]).contains(" /srv/$("), "{}", given(&["/srv/$(reboot)"]));
        for places in [&["/"][..], &["/", "/srv/mfs"]] {
            assert!(!given(places).contains("chown"), "{places:?}");
        }
    }

    #[test]
    fn a_daemon_is_ended_by_its_own_pid_and_a_master_has_saved_by_then() {
        let process = |role| Process {
            pid: 77,
            role,
            parent: 1,
            start: 1,
            exe: String::new(),
            version: None,
            cwd: "/var/mfs".into(),
            locked: None,
            user: "mfs".into(),
            group: "mfs".into(),
            memory: 0,
            arguments: Vec::new(),
        };
        let master = start_anew(&process(Role::Master), "/var/run/mfs");
        assert!(master.contains("`kill -TERM 77`") && master.contains("/var/mfs/metadata.mfs is there"), "{master}");
        assert!(!start_anew(&process(Role::Chunkserver), "/var/run/mfs").contains("metadata"));
    }
}
