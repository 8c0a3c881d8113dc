//! The verdicts, word by word.

use super::super::mount::mounted;
use super::super::unmount::unmounted;
use super::super::*;
use crate::host::Process;
use crate::host::facts::{FileFact, MountLine, Socket};
use crate::moosefs::daemon::MASTER_CHUNKSERVER_PORT;
use Verdict::{Done, NotYet};
use std::net::Ipv4Addr;
use std::time::Duration;

fn achieved(action: &Action, to: &Version, before: &HostFacts, now: &HostFacts, found: bool) -> Verdict {
    action.achieved(&Seen { to, before, now, found })
}

fn already(action: &Action, to: &Version, before: &HostFacts) -> Verdict {
    action.already(to, before)
}

fn allowed(action: &Action, to: &Version, before: &HostFacts) -> Result<(), String> {
    action.allowed(to, before)
}

fn hold(action: &Action, to: &Version, before: &HostFacts, clock: i64) -> Option<String> {
    action.hold(to, before, clock)
}

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
    let socket = Socket { local, remote: (Ipv4Addr::UNSPECIFIED, 0), listening: true, inode: 0 };
    let sockets = if listens { vec![socket] } else { vec![] };
    HostFacts { root: true, processes, sockets, clock: 1000, ..HostFacts::default() }
}

fn start() -> Action {
    let command = StartCommand::Start { role: Role::Master, prefix: prefix(), patience: Some(Duration::from_secs(1)) };
    start_on(None, command)
}

fn start_on(chunkserver_port: Option<u16>, command: StartCommand) -> Action {
    let data_path = Some(AbsPath::new("/x").unwrap());
    Action::Start(Start { role: Role::Master, prefix: prefix(), data_path, chunkserver_port, command })
}

#[test]
fn what_was_kept_is_read_when_it_is_made() {
    let file = AbsPath::new("/w/kept.tar").unwrap();
    let command = KeepCommand { prefix: prefix(), file: file.clone(), shown: Vec::new() };
    let keep = |holds: Option<Version>| {
        Action::Keep(Keep { role: Role::Chunkserver, file: file.clone(), holds, command: command.clone() })
    };
    let verdict = |holds: Option<Version>, programs: Option<Option<Version>>| {
        let mut now = host(vec![]);
        now.kept.insert(file.to_string(), "5ca1ab1e".to_owned());
        let program = Role::Chunkserver.path_in_prefix().to_owned();
        now.archives.extend(programs.map(|version| (file.to_string(), [(program, version)].into())));
        achieved(&keep(holds), &NEW, &now, &now, false)
    };
    assert!(matches!(verdict(Some(OLD), Some(Some(OLD))), Verdict::Done(_)));
    let Verdict::NotYet(why) = verdict(Some(OLD), Some(Some(NEW))) else { panic!("there would be no way back") };
    assert!(why.contains("is 1.6.27, not 1.5.12"), "{why}");
    assert!(matches!(verdict(Some(OLD), None), Verdict::NotYet(_)), "it is not whole");
    assert!(matches!(verdict(None, Some(Some(NEW))), Verdict::Done(_)), "the operator has acknowledged that");
}

#[test]
fn chunks_are_not_taken_for_moved_because_a_boot_has_started_the_old_chunkserver() {
    let disks = vec![AbsPath::new("/mnt/hd1").unwrap()];
    let back = Action::FoldersBack(FoldersBack { disks: disks.clone(), command: FoldersBackCommand { disks } });
    let mut now = host(vec![process(7, Role::Chunkserver, OLD)]);
    now.wide.insert("/mnt/hd1".into(), 9);
    assert!(matches!(already(&back, &OLD, &now), NotYet(_)));
    assert!(allowed(&back, &OLD, &now).unwrap_err().contains("end it first (`kill 7`)"));
    now.wide.insert("/mnt/hd1".into(), 0);
    assert!(matches!(already(&back, &OLD, &now), Done(_)));
}

#[test]
fn programs_are_not_taken_from_under_a_daemon_that_runs_again() {
    let command = RestoreCommand { prefix: prefix(), file: AbsPath::new("/kept").unwrap(), only: Vec::new() };
    let restore = Action::Restore(Restore { role: Role::Master, prefix: prefix(), command });
    let host = |processes| {
        let mut facts = host(processes);
        facts.archives.insert("/kept".into(), [("sbin/mfsmaster".to_owned(), Some(OLD))].into());
        facts
    };
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
    let Action::Start(Start { command, .. }) = start() else { unreachable!() };
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

/// Seen on real hosts: `resume` of a way back waited half an hour for a 1.5.12 chunkserver that served all the while.
#[test]
fn a_lock_file_that_1_6_left_behind_holds_no_old_daemon_up() {
    for role in [Role::Master, Role::Chunkserver] {
        let command = StartCommand::Start { role, prefix: prefix(), patience: None };
        let data_path = Some(AbsPath::new("/x").unwrap());
        let start = Action::Start(Start { role, prefix: prefix(), data_path, chunkserver_port: None, command });
        let runs = |version| {
            let mut now = host(vec![Process { locked: Some(false), ..process(2, role, version) }]);
            now.sockets = host(vec![process(1, Role::Master, OLD)]).sockets;
            now
        };
        assert_eq!(hold(&start, &OLD, &runs(OLD), 1800), None, "{role}");
        assert!(matches!(achieved(&start, &OLD, &host(vec![]), &runs(OLD), false), Done(_)), "{role}");
        assert!(
            hold(&start, &NEW, &runs(NEW), 1800).unwrap().contains("does not serve yet"),
            "{role}: 1.6 has its lock there"
        );
    }
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
    let command = StopMasterCommand { prefix: prefix(), patience: Some(Duration::from_secs(1)) };
    let stop = Action::StopMaster(StopMaster { prefix: prefix(), data_path: None, chunkserver_port: None, command });
    let mut before = host(vec![process(1, Role::Master, OLD)]);
    let mut now = host(vec![]);
    assert!(matches!(achieved(&stop, &NEW, &before, &now, false), NotYet(r) if r.contains("without writing")));
    // DATA_PATH may be on NFS, whose clock is behind or ahead of the host's by hours
    for modified in [-80_000, 1000, 90_000] {
        now.data_files.insert("metadata.mfs".into(), FileFact { size: 9, modified });
        assert!(matches!(achieved(&stop, &NEW, &before, &now, false), Done(_)), "{modified}");
    }
    before.data_files.insert("metadata.mfs".into(), FileFact { size: 9, modified: 90_000 });
    assert!(matches!(achieved(&stop, &NEW, &before, &now, false), NotYet(r) if r.contains("before its end")));
    now.data_files.insert("metadata.mfs".into(), FileFact { size: 9, modified: 89_999 });
    assert!(matches!(achieved(&stop, &NEW, &before, &now, false), Done(_)));
}

/// What was kept of a host on which the new release was installed before the run is the new release.
#[test]
fn nothing_is_stopped_and_nothing_unpacked_before_its_old_program_was_seen_whole() {
    let file = AbsPath::new("/kept").unwrap();
    let command = StopCommand { role: Role::Chunkserver, prefix: prefix(), patience: None };
    let stop = Action::Stop(Stop {
        role: Role::Chunkserver,
        prefix: prefix(),
        release: NEW,
        kept: Some(file.clone()),
        data_path: None,
        chunkserver_port: None,
        command,
    });
    let command = RestoreCommand { prefix: prefix(), file, only: Vec::new() };
    let restore = Action::Restore(Restore { role: Role::Chunkserver, prefix: prefix(), command });
    let program = || "sbin/mfschunkserver".to_owned();
    let mut running = host(vec![process(7, Role::Chunkserver, NEW)]);
    running.installed.insert("/usr/local/sbin/mfschunkserver".into(), Some(NEW));
    let mut down = running.clone();
    down.processes.clear();
    for (kept, why) in [
        (None, "is not there"),
        (Some(vec![]), "not whole"),
        (Some(vec![(program(), None)]), "tells no version"),
        (Some(vec![(program(), Some(NEW))]), "is 1.6.27, not 1.5.12"),
    ] {
        for (action, facts) in [(&stop, &running), (&restore, &down)] {
            let mut facts = facts.clone();
            facts.archives.extend(kept.clone().map(|programs| ("/kept".to_owned(), programs.into_iter().collect())));
            let refused = allowed(action, &OLD, &facts).unwrap_err();
            assert!(refused.contains(why) && refused.contains("install 1.5.12 by hand on this host"), "{refused}");
            // put in by hand since: it stays
            facts.installed.insert("/usr/local/sbin/mfschunkserver".into(), Some(OLD));
            let done = already(&restore, &OLD, &facts);
            assert!(matches!(done, Done(_)), "{done:?}");
        }
    }
    for facts in [&mut running, &mut down] {
        facts.archives.insert("/kept".into(), [(program(), Some(OLD))].into());
    }
    assert_eq!(allowed(&stop, &OLD, &running), Ok(()));
    assert_eq!(allowed(&restore, &OLD, &down), Ok(()));
    assert!(matches!(already(&restore, &OLD, &down), NotYet(_)));
}

#[test]
fn a_master_that_is_new_already_is_not_stopped() {
    let command = StopMasterCommand { prefix: prefix(), patience: Some(Duration::from_secs(1)) };
    let stop = Action::StopMaster(StopMaster { prefix: prefix(), data_path: None, chunkserver_port: None, command });
    let with = |processes| already(&stop, &NEW, &host(processes));
    assert!(matches!(with(vec![process(2, Role::Master, NEW)]), Done(r) if r.contains("(pid 2): it is not stopped")));
    assert!(matches!(with(vec![process(1, Role::Master, OLD)]), NotYet(_)));
    // a takeover that is under way
    assert!(matches!(with(vec![process(1, Role::Master, OLD), process(2, Role::Master, NEW)]), NotYet(_)));
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
    let command = InstallCommand::MakeInstall { source_dir: prefix() };
    let install = Action::Install(Install { role: Role::Master, prefix: prefix(), command });
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
    let command = RestoreCommand { prefix: prefix(), file: AbsPath::new("/kept").unwrap(), only: Vec::new() };
    let restore = Action::Restore(Restore { role: Role::Client, prefix: prefix(), command });
    let mut now = host(Vec::new());
    assert_eq!(hold(&restore, &OLD, &now, 1800), None);
    now.busy.push(77);
    assert!(hold(&restore, &OLD, &now, 1800).unwrap().contains("(pid 77)"));
}
