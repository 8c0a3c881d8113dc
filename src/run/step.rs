//! What a host must show for a step to be done, and what it must show for the step to be allowed. PURE: facts in,
//! verdict out; [`super::runner`] does the looking.

use semver::Version;

use crate::host::{AbsPath, HostFacts, Look, Process};
use crate::moosefs::daemon::Role;
use crate::schedule::{Action, Schedule};

/// What a look says about a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Its effect is there; this shows it.
    Done(String),
    /// Not (yet), because.
    NotYet(String),
}

use Verdict::{Done, NotYet};

/// What to look at for `action`.
#[must_use]
pub fn look(action: &Action, schedule: &Schedule) -> Look {
    let mut look = Look { admin_port: schedule.admin_port, ..Look::default() };
    match action {
        Action::Install { prefix, .. } | Action::Start { prefix, .. } | Action::Mount { prefix, .. } => {
            look.prefixes.push(prefix.clone());
        }
        Action::StopMaster { prefix, data_path, .. } => {
            look.prefixes.push(prefix.clone());
            look.data_path.clone_from(data_path);
        }
        Action::Unmount { .. } | Action::RemountFound | Action::Verify => {}
    }
    look
}

/// Whether `action` need not be run at all: the host shows its effect already.
#[must_use]
pub fn already(action: &Action, to: &Version, before: &HostFacts) -> Verdict {
    match action {
        // `make install` may have been cut short, so that the program alone proves nothing: it is run again, which
        // harms nothing. A running daemon of the new release is proof that it was whole.
        Action::Install { role, .. } => match running(before, *role, to) {
            Some(process) => Done(format!("{} {to} runs already (pid {})", role.program(), process.pid)),
            None => NotYet("the new release does not run yet".to_owned()),
        },
        // what is mounted there is the new mount: there is nothing old left to take away
        Action::Unmount { mount, .. } if matches!(mounted(mount, to, before), Done(_)) => mounted(mount, to, before),
        _ => achieved(action, to, before, before, true),
    }
}

/// Why `action` must not be run on a host that shows `before`.
///
/// # Errors
/// The reason, as a fragment.
pub fn allowed(action: &Action, to: &Version, before: &HostFacts) -> Result<(), String> {
    let installed = |prefix: &AbsPath, role: Role| match before.installed_version(prefix, role) {
        Some(version) if version == to => Ok(()),
        Some(version) => Err(format!("the installed {} is {version}, not {to}", role.program())),
        None => Err(format!("there is no {} whose version can be read", prefix.join(role.path_in_prefix()))),
    };
    if !before.root {
        return Err("commands do not run as root".to_owned());
    }
    match action {
        Action::Start { role, prefix, .. } => installed(prefix, *role),
        Action::StopMaster { prefix, .. } => installed(prefix, Role::Master),
        Action::Mount { mount, prefix, .. } => {
            installed(prefix, Role::Client)?;
            match before.mount(mount.as_str()) {
                Some(line) => Err(format!("something is mounted on {mount} ({} {})", line.source, line.kind)),
                None => Ok(()),
            }
        }
        Action::Install { .. } | Action::Unmount { .. } | Action::RemountFound | Action::Verify => Ok(()),
    }
}

/// Whether `now` shows the effect of `action` on a host that showed `before`. `found`: nothing was run in between.
#[must_use]
pub fn achieved(action: &Action, to: &Version, before: &HostFacts, now: &HostFacts, found: bool) -> Verdict {
    match action {
        Action::Install { role, prefix, .. } => match now.installed_version(prefix, *role) {
            Some(version) if version == to => Done(format!("{} is {to}", prefix.join(role.path_in_prefix()))),
            Some(version) => NotYet(format!("the installed {} is {version}", role.program())),
            None => NotYet(format!("the installed {} tells no version", role.program())),
        },
        Action::Start { role, .. } => started(*role, to, before, now, found),
        Action::StopMaster { .. } => stopped(before, now, found),
        Action::Unmount { mount, .. } => unmounted(mount, before, now),
        Action::Mount { mount, .. } => mounted(mount, to, now),
        Action::RemountFound => NotYet("a preview cannot be run".to_owned()),
        Action::Verify => Done("nothing to look at on the host itself".to_owned()),
    }
}

fn running<'a>(facts: &'a HostFacts, role: Role, version: &Version) -> Option<&'a Process> {
    facts.processes.iter().find(|p| p.role == role && p.version.as_ref() == Some(version))
}

/// A takeover is a new process of the new release and the end of every old one; an exit code proves neither.
fn started(role: Role, to: &Version, before: &HostFacts, now: &HostFacts, found: bool) -> Verdict {
    let program = role.program();
    let old = before.processes.iter().filter(|p| p.role == role && p.version.as_ref() != Some(to));
    for process in old {
        if now.processes.iter().any(|p| p.is(process)) {
            return NotYet(format!("the old {program} (pid {}) still runs", process.pid));
        }
    }
    let Some(process) = running(now, role, to) else {
        return NotYet(format!("no {program} {to} runs"));
    };
    let same = before.processes.iter().any(|p| p.is(process));
    if same && !found {
        return Done(format!("{program} {to} ran before (pid {})", process.pid));
    }
    Done(format!("{program} {to} runs as pid {}", process.pid))
}

/// The master's end: no process, no socket, and its metadata written to metadata.mfs (`filesystem.c`: that file exists
/// only while a master is cleanly stopped).
fn stopped(before: &HostFacts, now: &HostFacts, found: bool) -> Verdict {
    if let Some(process) = now.daemon(Role::Master) {
        return NotYet(format!("mfsmaster (pid {}) still runs", process.pid));
    }
    match now.data_files.get("metadata.mfs") {
        None => NotYet("mfsmaster ended without writing metadata.mfs".to_owned()),
        Some(file) if !found && file.modified < before.clock => {
            NotYet("mfsmaster ended, but metadata.mfs is older than its end".to_owned())
        }
        Some(file) => Done(format!("no mfsmaster runs, and metadata.mfs ({} bytes) is there", file.size)),
    }
}

fn unmounted(mount: &AbsPath, before: &HostFacts, now: &HostFacts) -> Verdict {
    if let Some(line) = now.mount(mount.as_str()) {
        return NotYet(format!("{} is still mounted ({})", mount, line.kind));
    }
    let lingers = |p: &&Process| p.mount_point().as_ref() == Some(mount) && now.processes.iter().any(|n| n.is(p));
    if let Some(process) = before.processes.iter().find(lingers) {
        return NotYet(format!("nothing is mounted on {mount}, but its mfsmount (pid {}) has not ended", process.pid));
    }
    Done(format!("nothing is mounted on {mount}"))
}

fn mounted(mount: &AbsPath, to: &Version, now: &HostFacts) -> Verdict {
    let Some(line) = now.mount(mount.as_str()) else {
        return NotYet(format!("nothing is mounted on {mount}"));
    };
    if !line.kind.starts_with("fuse.mfs") {
        return NotYet(format!("what is mounted on {mount} is not of 1.6 ({} {})", line.source, line.kind));
    }
    let process =
        now.processes.iter().find(|p| p.version.as_ref() == Some(to) && p.mount_point().as_ref() == Some(mount));
    match process {
        Some(process) => Done(format!("{mount} is mounted by mfsmount {to} (pid {})", process.pid)),
        None => NotYet(format!("{mount} is mounted, but not by a running mfsmount {to}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Command;
    use crate::host::look::{FileFact, MountLine};
    use std::time::Duration;

    const OLD: Version = Version::new(1, 5, 12);
    const NEW: Version = Version::new(1, 6, 27);

    fn prefix() -> AbsPath {
        AbsPath::new("/usr/local").unwrap()
    }

    fn process(pid: u32, role: Role, version: Version) -> Process {
        let arguments = match role {
            Role::Client if version == OLD => vec!["-w".into(), "/mnt/mfs".into()],
            Role::Client => vec!["/mnt/mfs".into()],
            _ => vec![],
        };
        let exe = prefix().join(role.path_in_prefix()).to_string();
        Process {
            pid,
            role,
            parent: 1,
            start: u64::from(pid),
            exe,
            version: Some(version),
            cwd: "/x".into(),
            arguments,
        }
    }

    fn host(processes: Vec<Process>) -> HostFacts {
        HostFacts { root: true, processes, clock: 1000, ..HostFacts::default() }
    }

    fn start() -> Action {
        let command = Command::Start { role: Role::Master, prefix: prefix(), patience: Duration::from_secs(1) };
        Action::Start { role: Role::Master, prefix: prefix(), command }
    }

    #[test]
    fn a_takeover_is_a_new_process_and_the_end_of_the_old_one() {
        let before = host(vec![process(1, Role::Master, OLD)]);
        let check = |now: Vec<Process>| achieved(&start(), &NEW, &before, &host(now), false);
        assert!(matches!(check(vec![process(1, Role::Master, OLD)]), NotYet(r) if r.contains("still runs")));
        assert!(matches!(check(vec![]), NotYet(r) if r.contains("no mfsmaster 1.6.27 runs")));
        let both = vec![process(1, Role::Master, OLD), process(2, Role::Master, NEW)];
        assert!(matches!(check(both), NotYet(_)));
        assert!(matches!(check(vec![process(2, Role::Master, NEW)]), Done(_)));
    }

    #[test]
    fn a_start_needs_the_new_program_in_its_place() {
        let mut before = host(vec![process(1, Role::Master, OLD)]);
        assert!(allowed(&start(), &NEW, &before).unwrap_err().contains("there is no"));
        before.installed.insert("/usr/local/sbin/mfsmaster".into(), Some(OLD));
        assert!(allowed(&start(), &NEW, &before).unwrap_err().contains("is 1.5.12"));
        before.installed.insert("/usr/local/sbin/mfsmaster".into(), Some(NEW));
        assert!(allowed(&start(), &NEW, &before).is_ok());
        before.root = false;
        assert!(allowed(&start(), &NEW, &before).is_err());
    }

    #[test]
    fn a_master_that_ended_without_its_metadata_is_not_stopped_well() {
        let command = Command::StopMaster { prefix: prefix(), patience: Duration::from_secs(1) };
        let stop = Action::StopMaster { prefix: prefix(), data_path: None, command };
        let before = host(vec![process(1, Role::Master, OLD)]);
        let mut now = host(vec![]);
        assert!(matches!(achieved(&stop, &NEW, &before, &now, false), NotYet(r) if r.contains("without writing")));
        now.data_files.insert("metadata.mfs".into(), FileFact { size: 9, modified: 999 });
        assert!(matches!(achieved(&stop, &NEW, &before, &now, false), NotYet(r) if r.contains("older")));
        now.data_files.insert("metadata.mfs".into(), FileFact { size: 9, modified: 1000 });
        assert!(matches!(achieved(&stop, &NEW, &before, &now, false), Done(_)));
    }

    #[test]
    fn a_remount_is_seen_in_proc_mounts_and_in_the_process() {
        let mount = AbsPath::new("/mnt/mfs").unwrap();
        let line = |kind: &str| MountLine {
            source: "m:9421".into(),
            mount_point: "/mnt/mfs".into(),
            kind: kind.into(),
            options: "rw".into(),
        };
        let mut before = host(vec![process(1, Role::Client, OLD)]);
        before.mounts.push(line("fuse"));
        assert!(matches!(mounted(&mount, &NEW, &before), NotYet(r) if r.contains("not of 1.6")));
        assert!(matches!(unmounted(&mount, &before, &before), NotYet(r) if r.contains("still mounted")));
        let lingering = host(vec![process(1, Role::Client, OLD)]);
        assert!(matches!(unmounted(&mount, &before, &lingering), NotYet(r) if r.contains("has not ended")));
        assert!(matches!(unmounted(&mount, &before, &host(vec![])), Done(_)));
        let mut after = host(vec![process(2, Role::Client, NEW)]);
        after.mounts.push(line("fuse.mfs"));
        assert!(matches!(mounted(&mount, &NEW, &after), Done(_)));
        after.processes[0].version = Some(OLD);
        assert!(matches!(mounted(&mount, &NEW, &after), NotYet(_)));
    }

    #[test]
    fn an_install_is_skipped_only_where_the_new_release_runs() {
        let command = Command::MakeInstall { source_dir: prefix() };
        let install = Action::Install { role: Role::Master, prefix: prefix(), command };
        let mut before = host(vec![process(1, Role::Master, OLD)]);
        before.installed.insert("/usr/local/sbin/mfsmaster".into(), Some(NEW));
        assert!(matches!(already(&install, &NEW, &before), NotYet(_)), "it may have been cut short");
        before.processes = vec![process(2, Role::Master, NEW)];
        assert!(matches!(already(&install, &NEW, &before), Done(_)));
    }
}
