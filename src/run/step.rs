//! What a host must show for a step to be done, and what it must show for the step to be allowed. PURE: facts in,
//! verdict out; [`super::runner`] does the looking.

use semver::Version;

use super::back;
use crate::host::{AbsPath, Command, HostFacts, Look, Process};
use crate::moosefs::daemon::Role;
use crate::rules::line_1_5_to_1_6 as line;
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
    let ports = vec![action.chunkserver_port()];
    let mut look = Look { admin_port: schedule.admin_port, ports, ..Look::default() };
    match action {
        Action::Install { prefix, command, .. } => {
            look.prefixes.push(prefix.clone());
            look.busy_in = command.installs_from().cloned();
        }
        Action::Start { role: Role::Master, prefix, data_path, .. } if schedule.is_back() => {
            look.prefixes.push(prefix.clone());
            look.data_path.clone_from(data_path);
            look.headers = true;
        }
        Action::Start { prefix, .. } | Action::Restore { prefix, .. } => look.prefixes.push(prefix.clone()),
        Action::Mount { mount, prefix, empty, .. } => {
            look.prefixes.push(prefix.clone());
            look.under.extend(empty.then(|| mount.clone()));
        }
        // who is left in the old mount afterwards is told
        Action::Unmount { command, .. } => look.users = matches!(command, Command::Unmount { lazy: true, .. }),
        Action::Stop { role, prefix, data_path, .. } => {
            look.prefixes.push(prefix.clone());
            look.data_path.clone_from(data_path);
            look.headers = *role == Role::Master;
        }
        Action::FoldersBack { disks, .. } => look.disks.clone_from(disks),
        Action::StopMaster { prefix, data_path, .. } => {
            look.prefixes.push(prefix.clone());
            look.data_path.clone_from(data_path);
        }
        Action::Copy { to, .. } => look.work_files.push(to.clone()),
        Action::Build { tree, mark, .. } => {
            look.busy_in = Some(tree.clone());
            look.work_files.push(mark.clone());
        }
        Action::Keep { file, .. } => look.work_files.push(file.clone()),
        Action::Configure { file, .. } | Action::PutBack { file, .. } => look.work_files.push(file.clone()),
        Action::Backup { .. } | Action::Trial { .. } | Action::RemountFound | Action::Verify => {}
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
        // the same: tar may have been cut short
        Action::Restore { .. } => NotYet("what was replaced is unpacked once more".to_owned()),
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
        Action::Stop { role, prefix, release, .. } => match before.installed_version(prefix, *role) {
            Some(version) if version == release => Ok(()),
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
        Action::Restore { role, prefix, .. } => match other(*role).filter(|_| *role != Role::Client) {
            Some(process) => Err(format!(
                "{} (pid {}) runs again: stop it with its own program (`{} -s`)",
                role.program(),
                process.pid,
                prefix.join(role.path_in_prefix())
            )),
            None => Ok(()),
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
        | Action::Unmount { .. }
        | Action::RemountFound
        | Action::Verify => Ok(()),
    }
}

/// A command of a lost connection, or of a process that was killed, may still be at work: the new program's process, beside
/// the old daemon's.
fn under_way(role: Role, to: &Version, before: &HostFacts) -> Option<String> {
    let new = running(before, role, to)?;
    let old = before.processes.iter().any(|p| p.role == role && p.version.as_ref() != Some(to));
    old.then(|| format!("{} {to} (pid {}) is at work on the old one already", role.program(), new.pid))
}

/// Why a new daemon that is alone already does not serve yet: a second start would end it in the middle of its loading.
fn begins(role: Role, port: u16, to: &Version, before: &HostFacts) -> Option<String> {
    let new = running(before, role, to)?;
    let listens = before.listener(port).is_some();
    let waits = new.locked == Some(false) || (role == Role::Master && !listens);
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
        Action::Keep { file, .. } => there(file, None, now),
        Action::Backup { .. } | Action::Trial { .. } => NotYet("nothing on the host shows it".to_owned()),
        Action::RemountFound => NotYet("a preview cannot be run".to_owned()),
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
    // 1.5 has its lock elsewhere, and a lock file of 1.6 may still be there
    if process.locked == Some(false) && line::check_from(to).is_err() {
        return NotYet(format!("{program} {to} (pid {}) does not hold its lock file", process.pid));
    }
    let same = before.processes.iter().any(|p| p.is(process));
    if same && !found {
        return Done(format!("{program} {to} ran before (pid {})", process.pid));
    }
    Done(format!("{program} {to} runs as pid {}", process.pid))
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

/// Whoever uses the mount keeps its mfsmount going: it is gone for everybody else.
fn lazily_unmounted(mount: &AbsPath, before: &HostFacts, now: &HostFacts) -> Verdict {
    let verdict = unmounted(mount, before, now);
    let lingers = |p: &&Process| p.mount_point().as_ref() == Some(mount) && now.processes.iter().any(|n| n.is(p));
    match (now.mount(mount.as_str()), before.processes.iter().find(lingers)) {
        (None, Some(process)) => {
            let users = before.named_users_of(mount.as_str());
            let users = users.unwrap_or_else(|| "somebody who was not seen, or nobody any more".to_owned());
            Done(format!("nothing is mounted on {mount}; its mfsmount (pid {}) goes on for {users}", process.pid))
        }
        _ => verdict,
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

fn mounted(mount: &AbsPath, to: &Version, now: &HostFacts) -> Verdict {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::facts::{FileFact, MountLine, Socket};
    use crate::moosefs::daemon::MASTER_CHUNKSERVER_PORT;
    use std::net::Ipv4Addr;
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
            locked: None,
            user: "nobody".into(),
            group: "nogroup".into(),
            memory: 1 << 20,
            arguments,
        }
    }

    fn host(processes: Vec<Process>) -> HostFacts {
        let listens = processes.iter().any(|p| p.role == Role::Master);
        let local = (Ipv4Addr::UNSPECIFIED, MASTER_CHUNKSERVER_PORT);
        let socket = Socket { local, remote: (Ipv4Addr::UNSPECIFIED, 0), listening: true };
        let sockets = if listens { vec![socket] } else { vec![] };
        HostFacts { root: true, processes, sockets, clock: 1000, ..HostFacts::default() }
    }

    fn start() -> Action {
        let command = Command::Start { role: Role::Master, prefix: prefix(), patience: Some(Duration::from_secs(1)) };
        start_on(None, command)
    }

    fn start_on(chunkserver_port: Option<u16>, command: Command) -> Action {
        let data_path = Some(AbsPath::new("/x").unwrap());
        Action::Start { role: Role::Master, prefix: prefix(), data_path, chunkserver_port, command }
    }

    #[test]
    fn chunks_are_not_taken_for_moved_because_a_boot_has_started_the_old_chunkserver() {
        let disks = vec![AbsPath::new("/mnt/hd1").unwrap()];
        let back = Action::FoldersBack { disks: disks.clone(), command: Command::FoldersBack { disks } };
        let mut now = host(vec![process(7, Role::Chunkserver, OLD)]);
        now.wide.insert("/mnt/hd1".into(), 9);
        assert!(matches!(already(&back, &OLD, &now), NotYet(_)));
        assert!(allowed(&back, &OLD, &now).unwrap_err().contains("end it first (`kill 7`)"));
        now.wide.insert("/mnt/hd1".into(), 0);
        assert!(matches!(already(&back, &OLD, &now), Done(_)));
    }

    #[test]
    fn programs_are_not_taken_from_under_a_daemon_that_runs_again() {
        let command = Command::Restore { prefix: prefix(), file: AbsPath::new("/kept").unwrap(), only: Vec::new() };
        let restore = Action::Restore { role: Role::Master, prefix: prefix(), command };
        let refused = allowed(&restore, &OLD, &host(vec![process(7, Role::Master, NEW)])).unwrap_err();
        assert!(refused.contains("(pid 7) runs again") && refused.contains("sbin/mfsmaster -s"), "{refused}");
        assert!(allowed(&restore, &OLD, &host(vec![process(7, Role::Master, OLD)])).is_ok(), "it was never replaced");
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
        let elsewhere = Process { cwd: "/var/lib/mfs".into(), ..process(2, Role::Master, NEW) };
        assert!(matches!(check(vec![elsewhere]), NotYet(r) if r.contains("not on the old data")));
        let unlocked = Process { locked: Some(false), ..process(2, Role::Master, NEW) };
        assert!(matches!(check(vec![unlocked]), NotYet(r) if r.contains("lock")));
        let mut deaf = host(vec![process(2, Role::Master, NEW)]);
        deaf.sockets.clear();
        assert!(matches!(achieved(&start(), &NEW, &before, &deaf, false), NotYet(r) if r.contains("does not listen")));
    }

    #[test]
    fn a_master_that_listens_for_chunkservers_elsewhere_is_looked_for_there() {
        let Action::Start { command, .. } = start() else { unreachable!() };
        let start = start_on(Some(9520), command);
        let before = host(vec![process(1, Role::Master, OLD)]);
        let mut now = host(vec![process(2, Role::Master, NEW)]);
        assert!(matches!(achieved(&start, &NEW, &before, &now, false), NotYet(r) if r.contains("9520")));
        assert!(hold(&start, &NEW, &now, 1800).unwrap().contains("does not serve yet"));
        now.sockets[0].local.1 = 9520;
        assert!(matches!(achieved(&start, &NEW, &before, &now, false), Done(_)));
        assert_eq!(hold(&start, &NEW, &now, 1800), None);
    }

    #[test]
    fn a_master_that_saves_its_metadata_is_not_stopped() {
        let mut before = host(vec![process(1, Role::Master, OLD)]);
        assert_eq!(hold(&start(), &NEW, &before, 1800), None);
        assert!(hold(&start(), &NEW, &before, 7200 - 1).unwrap().contains("full hour"));
        before.data_files.insert("metadata.mfs.back.tmp".into(), FileFact { size: 1, modified: 1 });
        assert!(hold(&start(), &NEW, &before, 1800).unwrap().contains("saves"));
    }

    #[test]
    fn a_takeover_that_is_under_way_is_not_begun_again() {
        let mut before = host(vec![process(1, Role::Master, OLD), process(2, Role::Master, NEW)]);
        before.installed.insert("/usr/local/sbin/mfsmaster".into(), Some(NEW));
        assert!(hold(&start(), &NEW, &before, 1800).unwrap().contains("at work"), "it is waited for first");
        let loading = HostFacts { processes: vec![process(2, Role::Master, NEW)], ..before.clone() };
        assert_eq!(hold(&start(), &NEW, &loading, 1800), None, "it listens");
        let deaf = HostFacts { sockets: Vec::new(), ..loading };
        assert!(hold(&start(), &NEW, &deaf, 1800).unwrap().contains("does not serve yet"));
        assert!(allowed(&start(), &NEW, &before).unwrap_err().contains("at work"));
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
        let command = Command::StopMaster { prefix: prefix(), patience: Some(Duration::from_secs(1)) };
        let stop = Action::StopMaster { prefix: prefix(), data_path: None, chunkserver_port: None, command };
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
        before.installed.insert("/usr/local/sbin/mfsmaster".into(), Some(OLD));
        assert!(matches!(already(&install, &NEW, &before), NotYet(_)), "a start would bring the old one back");
    }
    #[test]
    fn programs_are_not_brought_back_while_an_installation_goes_on_that_a_killed_run_has_begun() {
        let command = Command::Restore { prefix: prefix(), file: AbsPath::new("/kept").unwrap(), only: Vec::new() };
        let restore = Action::Restore { role: Role::Client, prefix: prefix(), command };
        let mut now = host(Vec::new());
        assert_eq!(hold(&restore, &OLD, &now, 1800), None);
        now.busy.push(77);
        assert!(hold(&restore, &OLD, &now, 1800).unwrap().contains("(pid 77)"));
    }
}
