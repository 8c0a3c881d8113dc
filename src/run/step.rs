//! What a host must show for a step to be done, and what it must show for the step to be allowed. PURE: facts in,
//! verdict out; [`super::runner`] does the looking.

mod came_back;
mod hold;
mod mount;
#[cfg(test)]
mod tests;

pub use came_back::{CameBack, came_back};
pub use hold::hold;

use semver::Version;

use super::back;
use crate::host::{AbsPath, Command, HostFacts, Look, Process};
use crate::moosefs::daemon::Role;
use crate::rules::line_1_5_to_1_6 as line;
use crate::schedule::{Action, Schedule};
use hold::under_way;
use mount::{lazily_unmounted, mounted, unmounted, unwritten};

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
    let ports = vec![action.chunkserver_port()];
    let mut look = Look { admin_port: schedule.admin_port, ports, ..Look::default() };
    match action {
        Action::Install { prefix, command, .. } => {
            look.prefixes.push(prefix.clone());
            look.busy_in = command.installs_from().cloned();
        }
        Action::Start { role: Role::Master, prefix, data_path, .. } => {
            look.prefixes.push(prefix.clone());
            look.data_path.clone_from(data_path);
            look.headers = true;
        }
        Action::Start { prefix, .. } => look.prefixes.push(prefix.clone()),
        Action::Restore { prefix, command, .. } => {
            look.prefixes.push(prefix.clone());
            look.archives.extend(command.restores_from().cloned());
        }
        Action::Mount { mount, prefix, empty, .. } => {
            look.prefixes.push(prefix.clone());
            look.under.extend(empty.then(|| mount.clone()));
        }
        // who is left in the old mount afterwards is told
        Action::Unmount { command, .. } => {
            look.users = matches!(command, Command::Unmount { lazy: true, .. });
            look.places = true;
        }
        Action::Stop { role, prefix, data_path, kept, .. } => {
            look.archives.extend(kept.clone());
            look.prefixes.push(prefix.clone());
            look.data_path.clone_from(data_path);
            look.headers = *role == Role::Master;
        }
        Action::FoldersBack { disks, .. } => look.disks.clone_from(disks),
        Action::StopMaster { prefix, data_path, .. } => {
            look.prefixes.push(prefix.clone());
            look.data_path.clone_from(data_path);
            look.headers = true;
        }
        Action::Copy { to, .. } => look.work_files.push(to.clone()),
        Action::Build { tree, mark, .. } => {
            look.busy_in = Some(tree.clone());
            look.work_files.push(mark.clone());
        }
        Action::Keep { file, holds, .. } => {
            look.work_files.push(file.clone());
            look.archives.extend(holds.is_some().then(|| file.clone()));
        }
        Action::Configure { file, .. } | Action::PutBack { file, .. } => look.work_files.push(file.clone()),
        Action::Backup { .. }
        | Action::Trial { .. }
        | Action::ConfigureFound { .. }
        | Action::RemountFound
        | Action::Verify => {}
    }
    look
}

/// Whether `action` need not be run at all: the host shows its effect already, or has no use for it.
#[must_use]
pub fn already(action: &Action, to: &Version, before: &HostFacts) -> Verdict {
    // a running daemon or mount of the new release is proof that everything before it was whole
    // unless an old one runs beside it: then it is a takeover under way, or a trial that was left behind
    let alone = |role: &Role| {
        let mut old = before.processes.iter().filter(|p| p.role == *role && p.version.as_ref() != Some(to));
        running(before, *role, to).filter(|_| *role == Role::Client || old.next().is_none())
    };
    let runs = prepares(action).iter().map(alone).collect::<Option<Vec<_>>>();
    let program_is_old = || match action {
        // on a host of several roles the old program may stand where the new one runs: a start would bring the old one back
        Action::Install { role, prefix, .. } => before.installed_version(prefix, *role).is_some_and(|v| v != to),
        _ => false,
    };
    if let Some([process, ..]) = runs.as_deref()
        && !program_is_old()
    {
        return Done(format!("{} {to} runs already (pid {})", process.role.program(), process.pid));
    }
    match action {
        // `make install` may have been cut short, so that the program alone proves nothing: it is run again, which
        // harms nothing
        Action::Install { .. } => NotYet("the new release does not run yet".to_owned()),
        // what was put in by hand is not replaced by what was kept and is of another release
        Action::Restore { role, prefix, command } if !is_kept(*role, command.restores_from(), to, before) => {
            back::restored(*role, prefix, to, before)
        }
        // the same: tar may have been cut short
        Action::Restore { .. } => NotYet("what was replaced is unpacked once more".to_owned()),
        // a full-stop ends the old master: to end a new one that serves would be an outage for nothing
        Action::StopMaster { .. } => match alone(&Role::Master) {
            Some(process) => Done(format!("mfsmaster {to} runs already (pid {}): it is not stopped", process.pid)),
            None => achieved(action, to, before, before, true),
        },
        // what is mounted there is the new mount: there is nothing old left to take away
        Action::Unmount { mount, .. } if matches!(mounted(mount, to, before), Done(_)) => mounted(mount, to, before),
        _ => achieved(action, to, before, before, true),
    }
}

/// The roles whose start `action` prepares.
fn prepares(action: &Action) -> &[Role] {
    match action {
        Action::Copy { roles, .. } | Action::Build { roles, .. } => roles,
        Action::Backup { .. } | Action::Trial { .. } => &[Role::Master],
        Action::Install { role, .. } | Action::Keep { role, .. } | Action::Configure { role, .. } => {
            std::slice::from_ref(role)
        }
        Action::Start { .. }
        | Action::StopMaster { .. }
        | Action::Stop { .. }
        | Action::Restore { .. }
        | Action::PutBack { .. }
        // an old daemon that a boot has started on the folders of the new release is no proof of anything
        | Action::FoldersBack { .. }
        | Action::Unmount { .. }
        | Action::Mount { .. }
        | Action::ConfigureFound { .. }
        | Action::RemountFound
        | Action::Verify => &[],
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
    let under_way = |role: Role| under_way(role, to, before).map_or(Ok(()), Err);
    let other = |role: Role| before.processes.iter().find(|p| p.role == role && p.version.as_ref() != Some(to));
    match action {
        Action::Start { role, prefix, command: Command::StartOld { .. }, .. } => {
            // a 1.5 program without a verb knows nothing of a 1.6 daemon: there would be two
            if let Some(process) = other(*role) {
                return Err(format!("another {} (pid {}) runs: stop it first", role.program(), process.pid));
            }
            installed(prefix, *role)?;
            if *role == Role::Master { back::metadata_is_whole(before) } else { Ok(()) }
        }
        Action::Stop { role, prefix, release, kept, .. } => match before.installed_version(prefix, *role) {
            Some(version) if version == release => keeps(*role, kept.as_ref(), to, before),
            // no option of a 1.5 program is safe
            other => Err(format!(
                "the installed {} is {}, and only {release} may stop {release}: end its process by hand (`kill {}`)",
                role.program(),
                other.map_or("not there".to_owned(), Version::to_string),
                before.daemon(*role).map_or("PID".to_owned(), |p| p.pid.to_string())
            )),
        },
        Action::FoldersBack { .. } => match before.daemon(Role::Chunkserver) {
            Some(process) => {
                let pid = process.pid;
                Err(format!("a mfschunkserver (pid {pid}) works on these disks: end it first (`kill {pid}`)"))
            }
            None => Ok(()),
        },
        // it has come up again since it was stopped, as after a boot; once its programs are gone nothing can stop it
        Action::Restore { role, prefix, command } => match other(*role).filter(|_| *role != Role::Client) {
            Some(process) => Err(format!(
                "{} (pid {}) runs again: stop it with its own program (`{} -s`)",
                role.program(),
                process.pid,
                prefix.join(role.path_in_prefix())
            )),
            None => keeps(*role, command.restores_from(), to, before),
        },
        Action::Start { role, prefix, .. } => under_way(*role).and_then(|()| installed(prefix, *role)),
        Action::StopMaster { prefix, .. } => under_way(Role::Master).and_then(|()| installed(prefix, Role::Master)),
        Action::Mount { mount, prefix, empty, .. } => {
            installed(prefix, Role::Client)?;
            unwritten(mount, *empty, before)?;
            match before.mount(mount.as_str()) {
                Some(line) => Err(format!("something is mounted on {mount} ({} {})", line.source, line.kind)),
                None => Ok(()),
            }
        }
        Action::Copy { .. }
        | Action::Build { .. }
        | Action::Backup { .. }
        | Action::Trial { .. }
        | Action::Keep { .. }
        | Action::Configure { .. }
        | Action::Install { .. }
        | Action::PutBack { .. }
        | Action::ConfigureFound { .. }
        | Action::RemountFound
        | Action::Verify => Ok(()),
        Action::Unmount { mount, command, .. } => {
            mount::ends_with(mount, matches!(command, Command::Unmount { lazy: true, .. }), before)
        }
    }
}

/// Why the old program of `role` does not come back from `kept`.
fn keeps(role: Role, kept: Option<&AbsPath>, to: &Version, before: &HostFacts) -> Result<(), String> {
    let lacks = kept.filter(|_| role != Role::Metalogger).and_then(|kept| before.lacks_kept(kept, role, to));
    lacks.map_or(Ok(()), |why| Err(format!("{why}; {}", line::way_back_programs(to))))
}

fn is_kept(role: Role, kept: Option<&AbsPath>, to: &Version, before: &HostFacts) -> bool {
    keeps(role, kept, to, before).is_ok()
}

/// Whether what `action` takes down still runs, or is mounted, in the release that goes: then nothing was taken down yet.
#[must_use]
pub fn untouched(action: &Action, to: &Version, now: &HostFacts) -> bool {
    match action {
        Action::Start { role, .. } => now.processes.iter().any(|p| p.role == *role && p.version.as_ref() != Some(to)),
        Action::Stop { role, release, .. } => {
            now.processes.iter().any(|p| p.role == *role && p.version.as_ref() == Some(release))
        }
        Action::StopMaster { .. } => now.daemon(Role::Master).is_some(),
        Action::Unmount { mount, .. } => {
            let old = |p: &Process| p.version.as_ref() != Some(to) && p.mount_point().as_ref() == Some(mount);
            now.mount(mount.as_str()).is_some() && now.processes.iter().any(old)
        }
        _ => false,
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
        Action::Start { role, data_path, .. } => match started(*role, data_path.as_ref(), to, before, now, found) {
            Done(_) if *role == Role::Master && now.listener(action.chunkserver_port()).is_none() => {
                let port = action.chunkserver_port();
                NotYet(format!("mfsmaster {to} does not listen for chunkservers (port {port})"))
            }
            verdict => verdict,
        },
        Action::StopMaster { .. } => stopped(action.chunkserver_port(), before, now, found),
        Action::Stop { role, release, .. } => back::stopped(action, *role, release, before, now, found),
        Action::Restore { role, prefix, .. } => back::restored(*role, prefix, to, now),
        Action::PutBack { file, sha256, .. } => back::put_back(file, sha256.as_deref(), now),
        Action::FoldersBack { disks, .. } => back::folders_are_back(disks, now),
        Action::Unmount { mount, command, .. } => match command {
            Command::Unmount { lazy: true, .. } => lazily_unmounted(mount, before, now),
            _ => unmounted(mount, before, now),
        },
        Action::Mount { mount, empty, .. } => match (mounted(mount, to, now), unwritten(mount, *empty, now)) {
            (Done(_), Err(reason)) => NotYet(reason),
            (verdict, _) => verdict,
        },
        Action::Copy { sha256, to, .. } => there(to, Some(sha256), now),
        Action::Build { mark, mark_sha256, .. } => there(mark, Some(mark_sha256), now),
        Action::Configure { file, sha256, .. } => there(file, Some(sha256), now),
        Action::Keep { role, file, holds, .. } => match (there(file, None, now), holds) {
            // nothing is stopped where what was kept is no way back
            (Done(is), Some(from)) => now.lacks_kept(file, *role, from).map_or(Done(is), NotYet),
            (verdict, _) => verdict,
        },
        Action::Backup { .. } | Action::Trial { .. } => NotYet("nothing on the host shows it".to_owned()),
        Action::ConfigureFound { .. } | Action::RemountFound => NotYet("a preview cannot be run".to_owned()),
        Action::Verify => Done("nothing to look at on the host itself".to_owned()),
    }
}

/// A file of this program's own, whole.
fn there(file: &AbsPath, sha256: Option<&str>, now: &HostFacts) -> Verdict {
    match (now.kept.get(file.as_str()), sha256) {
        (None, _) => NotYet(format!("{file} is not there")),
        (Some(is), Some(must)) if is != must => NotYet(format!("{file} has another checksum ({is})")),
        (Some(is), _) => Done(format!("{file} is there (sha256 {})", is.chars().take(12).collect::<String>())),
    }
}

fn running<'a>(facts: &'a HostFacts, role: Role, version: &Version) -> Option<&'a Process> {
    facts.processes.iter().find(|p| p.role == role && p.version.as_ref() == Some(version))
}

/// A takeover is a new process of the new release and the end of every old one; an exit code proves neither. Where a
/// chunkserver listens is its configuration's; the gate sees whether it serves.
fn started(
    role: Role,
    data_path: Option<&AbsPath>,
    to: &Version,
    before: &HostFacts,
    now: &HostFacts,
    found: bool,
) -> Verdict {
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
    if let Some(path) = data_path.filter(|path| path.as_str() != process.cwd) {
        return NotYet(format!("{program} {to} runs in {} and not on the old data in {path}: stop it", process.cwd));
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

/// 1.5 has its lock elsewhere, and a lock file of 1.6, held by nobody, is still there after a way back.
fn lacks_its_lock(process: &Process, to: &Version) -> bool {
    process.locked == Some(false) && line::check_from(to).is_err()
}

/// The master's end: no process, no socket, and its metadata written to metadata.mfs (`filesystem.c`: that file exists
/// only while a master is cleanly stopped).
fn stopped(port: u16, before: &HostFacts, now: &HostFacts, found: bool) -> Verdict {
    if let Some(process) = now.daemon(Role::Master) {
        return NotYet(format!("mfsmaster (pid {}) still runs", process.pid));
    }
    if now.listener(port).is_some() {
        return NotYet("mfsmaster ended, but its port is still listened on".to_owned());
    }
    match now.data_files.get("metadata.mfs") {
        None => NotYet("mfsmaster ended without writing metadata.mfs".to_owned()),
        Some(_) if !found && back::is_as_before(before, now) => NotYet(back::NOT_WRITTEN.to_owned()),
        Some(file) => Done(format!("no mfsmaster runs, and metadata.mfs ({} bytes) is there", file.size)),
    }
}
