//! Where a finding begins and where it ends: what is none, and what one says.

use std::net::Ipv4Addr;

use semver::Version;

use super::scene::{MASTER, NEW, SERVERS, Scene, name, scene, socket};
use super::traps::{exports, exports_at, window};
use crate::check::preflight::silent;
use crate::check::{Code, Severity};
use crate::host::facts::{LockFact, Space};
use crate::moosefs::wire::ChunkMatrix;
use crate::plan::{Busy, Exports, Install, InstallHow};

#[test]
fn a_window_as_long_as_the_demanded_waits_is_no_finding() {
    let mut scene = scene();
    // three chunkservers, five minutes between two of them
    scene.plan.window = Some(window("23:55", "00:05"));
    assert!(!scene.check().1.contains(&Code::WindowShort));
}

#[test]
fn two_clocks_on_either_side_of_this_one_are_held_against_each_other() {
    let told = |cs1, master| {
        let mut scene = scene();
        *scene.here.clocks.get_mut(&name("cs1")).unwrap() = cs1;
        *scene.here.clocks.get_mut(&name("master")).unwrap() = master;
        let found = scene.findings().1.into_iter().filter(|f| f.code == Code::ClocksApart);
        found.map(|f| (f.host.unwrap().to_string(), f.seen)).collect::<Vec<_>>()
    };
    assert_eq!(told(30, -30), []);
    let told_of = |host: &str, seen: &str| vec![(host.to_owned(), seen.to_owned())];
    assert_eq!(told(55, -55), told_of("cs1", "its clock is 110 s ahead of that of master"));
    // one that is off by itself is told once
    assert_eq!(told(61, -55), told_of("cs1", "its clock is 61 s ahead of this side's"));
}

#[test]
fn a_mount_in_use_stands_against_an_upgrade_only_where_nothing_is_done_about_it() {
    for (busy, lazy, code) in [
        (Busy::Fail, false, Code::MountBusy),
        (Busy::Wait(std::time::Duration::from_secs(600)), false, Code::MountInUse),
        (Busy::Skip, false, Code::MountInUse),
        (Busy::Fail, true, Code::MountInUse),
    ] {
        let mut scene = scene();
        (scene.plan.clients[0].busy, scene.plan.clients[0].lazy_unmount) = (busy, lazy);
        scene.uses("cl1", "/mnt/mfs/home");
        let (_, codes) = scene.check();
        let found: Vec<_> = codes.into_iter().filter(|c| matches!(c, Code::MountBusy | Code::MountInUse)).collect();
        assert_eq!(found, [code], "{busy:?} {lazy}");
    }
}

#[test]
fn lost_chunk_files_are_counted_per_server_and_accepted_by_number_in_all() {
    let found = |files: [Option<u64>; 3], accepted: u64| {
        let mut scene = scene();
        scene.plan.upgrade.accept_lost = accepted;
        for (host, count) in SERVERS.iter().zip(files) {
            scene.host(host).narrow.extend(count.map(|count| ("/mnt/disk1".to_owned(), count)));
        }
        let (observation, findings) = scene.findings();
        let lost = observation.map(|o| o.baseline.lost.values().sum::<u64>());
        let told = findings.into_iter().filter(|f| f.code == Code::ChunksLost);
        (lost, told.map(|f| (f.host.unwrap().to_string(), f.seen, f.todo)).collect::<Vec<_>>())
    };
    assert_eq!(found([Some(10), Some(12), None], 0), (Some(0), vec![]), "more is younger, or of folders left behind");
    let (lost, told) = found([Some(8), Some(10), Some(9)], 2);
    assert_eq!(lost, None);
    let [(cs1, seen, todo), (cs3, ..)] = &told[..] else { panic!("{told:?}") };
    assert_eq!((cs1.as_str(), cs3.as_str()), ("cs1", "cs3"));
    assert!(
        seen.contains("counts 10 chunks") && seen.contains("8 chunk files") && seen.contains("2 are gone"),
        "{seen}"
    );
    assert!(todo.contains("`accept_lost = 3`"), "{todo}");
    assert_eq!(found([Some(8), Some(10), Some(9)], 3), (Some(3), vec![]));
}

#[test]
fn a_marked_disk_is_no_finding_where_it_is_empty_or_the_new_chunkserver_moves_its_chunks() {
    let found = |chunks: Option<u64>, to: u64, old: bool| {
        let mut scene = scene();
        scene.plan.upgrade.to = Version::new(1, 6, to);
        scene.marks("cs1", chunks);
        if !old {
            scene.host("cs1").processes[0].version = Some(Version::new(1, 6, to));
        }
        scene.findings().1.into_iter().find(|f| f.code == Code::DiskMarked)
    };
    let told = found(Some(10), 27, true).unwrap();
    assert_eq!(told.host, Some(name("cs1")));
    assert!(told.seen.contains("/mnt/disk2") && told.seen.contains("10 chunk files are"), "{}", told.seen);
    assert!(told.todo.contains("take the `*` away until 1.6.27 runs there"), "{}", told.todo);
    assert!(found(None, 27, true).unwrap().seen.contains("could not be counted"), "nobody takes it for empty");
    assert!(found(Some(1), 18, true).is_some() && found(Some(1), 17, true).is_none(), "1.6.18 is the first");
    assert_eq!(found(Some(0), 27, true), None, "there is nothing to lose sight of");
    assert_eq!(found(Some(10), 27, false), None, "it runs the new release already");
}

#[test]
fn a_name_that_leads_to_the_master_in_any_way_is_no_finding() {
    let other = Ipv4Addr::new(10, 8, 8, 8);
    let elsewhere = |set: fn(&mut Scene, Ipv4Addr)| {
        let mut scene = scene();
        set(&mut scene, other);
        scene.check().1.contains(&Code::MasterHostElsewhere)
    };
    assert!(elsewhere(|s, other| s.finds("cs1", "mm", &[other])));
    assert!(!elsewhere(|s, other| s.finds("cs1", "mm", &[other, MASTER])), "one of several");
    assert!(!elsewhere(|s, _| s.host("cs1").names.clear()), "nobody asked");
    let second = |s: &mut Scene, other| {
        s.host("master").sockets.push(socket(other, 9421, 40000));
        s.finds("cs1", "mm", &[other]);
    };
    assert!(!elsewhere(second), "another address of its host");
    let here = |s: &mut Scene, _| {
        s.plan.metaloggers[0].host = name("master");
        s.finds("master", "mm", &[Ipv4Addr::LOCALHOST]);
    };
    assert!(!elsewhere(here), "a metalogger beside its master");
    let new = |s: &mut Scene, other| {
        s.finds("cs1", "mm", &[other]);
        s.host("cs1").processes[0].version = Some(NEW);
    };
    assert!(!elsewhere(new), "it has looked already");
}

#[test]
fn how_old_a_count_is_is_always_told() {
    let mut scene = scene();
    scene.overview.file_test.under_goal_chunks = 1;
    let seen = |scene: &Scene| {
        let (_, findings) = scene.findings();
        findings.into_iter().find(|f| f.code == Code::ChunksUnderGoal).unwrap().seen
    };
    assert!(seen(&scene).ends_with("asks for, as the file test counted that ended 15 min ago"), "{}", seen(&scene));
    let mut matrix = [[0; 11]; 11];
    matrix[2][1] = 3;
    scene.overview.matrix = Some(ChunkMatrix(matrix));
    assert!(seen(&scene).starts_with("3 chunks") && seen(&scene).ends_with("as the master counts now"));
}

#[test]
fn a_port_of_a_chunkserver_that_no_file_names_is_not_missed() {
    let mut scene = scene();
    scene.overview.chunkservers[0].port = 9522;
    assert!(!scene.check().1.contains(&Code::ChunkserverNotListening));
    scene.overview.chunkservers[0].port = 9422;
    for (inode, held) in [(71, vec![71, 72]), (71, vec![]), (0, vec![72])] {
        scene.host("cs1").sockets[1].inode = inode;
        scene.host("cs1").held.insert(7, held.into_iter().collect());
        assert!(!scene.check().1.contains(&Code::ChunkserverNotListening), "its own, or nobody can tell whose");
    }
}

#[test]
fn a_meta_mount_needs_a_rule_of_its_own() {
    let mut scene = scene();
    exports(&mut scene, "* / rw,maproot=0\n");
    scene.host("cl1").processes[0].arguments = vec!["-m".into(), "-w".into(), "/mnt/mfs".into()];
    let (_, findings) = scene.findings();
    let refused: Vec<_> = findings.iter().filter(|f| f.code == Code::ExportsRefuseClient).collect();
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].host, Some(name("cl1")));
    assert!(refused[0].seen.contains("meta"), "{}", refused[0].seen);
}

#[test]
fn a_lock_that_is_held_elsewhere_is_carried_along() {
    let mut scene = scene();
    scene.host("cs1").lock_files.clear();
    scene.host("cs1").lock_files.insert("/srv/x.lock".into(), LockFact { pid: Some(7), owner: "nobody".into() });
    let (observation, codes) = scene.check();
    assert!(codes.contains(&Code::DefaultsDiffer) && !codes.contains(&Code::LockFileLost), "{codes:?}");
    let changes = &observation.unwrap().config[&name("cs1")];
    assert!(changes[0].text.shown().contains("LOCK_FILE = /srv/x.lock\n"), "{}", changes[0].text);
}

#[test]
fn a_user_that_the_daemon_may_well_be_is_no_finding() {
    for text in ["WORKING_USER = nobody\nWORKING_GROUP = nogroup\n", "WORKING_USER = #65534\nWORKING_GROUP = #65534\n"]
    {
        let mut scene = scene();
        scene.master_config(text);
        assert!(!scene.check().1.contains(&Code::UserDiffers), "{text}");
    }
}

#[test]
fn a_port_that_only_another_address_has_is_free_for_a_trial() {
    let mut scene = scene();
    scene.host("master").sockets.push(socket(Ipv4Addr::new(10, 0, 0, 1), 19419, 0));
    assert!(!scene.check().1.contains(&Code::PortTaken));
    // and so is one that a trial has, which the next one ends
    scene.host("master").sockets.push(socket(Ipv4Addr::LOCALHOST, 19419, 0));
    assert!(scene.check().1.contains(&Code::PortTaken));
    scene.host("master").tried.push(7);
    assert!(!scene.check().1.contains(&Code::PortTaken));
}

#[test]
fn a_chunkservers_port_that_was_edited_is_told_where_another_has_it() {
    let taken = |port: &str, sockets: &[u16]| {
        let mut scene = scene();
        scene.text("cs1", "/usr/local/etc/mfschunkserver.cfg", &format!("MASTER_HOST = mm\n{port}\n"));
        scene.host("cs1").sockets.extend(sockets.iter().map(|port| socket(Ipv4Addr::UNSPECIFIED, *port, 0)));
        scene.findings().1.into_iter().find(|finding| finding.code == Code::PortTaken)
    };
    let finding = taken("CSSERV_LISTEN_PORT = 9522", &[9522]).unwrap();
    assert!(finding.seen.contains("port 9522") && finding.todo.contains("CSSERV_LISTEN_PORT = 9422"), "{finding:?}");
    assert_eq!(taken("CSSERV_LISTEN_PORT = 9522", &[]), None, "it is free");
    assert_eq!(taken("CSSERV_LISTEN_PORT = 9422", &[]), None, "its own");
    assert_eq!(taken("CSSERV_LISTEN_PORT=9522", &[9522]), None, "neither release reads that line");
}

#[test]
fn what_folders_of_one_file_system_need_is_added_up() {
    // an installation and what is kept of the old one take 50 MiB each
    let mut scene = scene();
    let mut full = |free: [u64; 2], inodes: Option<u64>, ids: [Option<u64>; 2]| {
        for (at, path) in ["/usr/local", "/var/lib/mfsupgrade"].into_iter().enumerate() {
            let space = Space { free: free[at] << 20, inodes, id: ids[at] };
            scene.host("cs1").space.insert(path.to_owned(), space);
        }
        scene.check().1.contains(&Code::DiskFull)
    };
    let some = Some(100_000);
    assert!(full([70, 70], some, [None, None]), "nothing but the figures is known");
    assert!(full([70, 71], some, [Some(1), Some(1)]), "somebody wrote in between");
    assert!(!full([70, 70], some, [Some(1), Some(2)]), "two disks that are alike");
    assert!(full([70, 70], None, [Some(1), Some(2)]), "two subvolumes");
    assert!(!full([101, 102], some, [Some(1), Some(1)]));
}

#[test]
fn an_installation_by_command_is_told_everything_by_name() {
    let mut scene = scene();
    let install = |how| Install { how, ..(*scene.plan.master.access.install).clone() };
    scene.plan.master.access.install = install(InstallHow::Command("x".into())).into();
    let (observation, codes) = scene.check();
    assert!(codes.contains(&Code::BuildUnknown));
    let text = observation.unwrap().config[&name("master")][0].text.shown().to_owned();
    for line in ["WORKING_USER = nobody", "WORKING_GROUP = nogroup", "DATA_PATH = ", "LOCK_FILE = /var/run/mfs/"] {
        assert!(text.contains(line), "{line}: {text}");
    }
}

#[test]
fn a_configuration_that_nobody_saw_is_the_one_finding() {
    let mut scene = scene();
    scene.host("master").files.clear();
    scene.host("master").lock_files.clear();
    scene.host("cs1").files.clear();
    scene.host("cs1").lock_files.clear();
    scene.plan.config.exports = None;
    let (_, findings) = scene.findings();
    let errors: Vec<_> = findings.iter().filter(|f| f.severity == Severity::Error).map(|f| f.code).collect();
    assert_eq!(errors, [Code::ExportsMissing, Code::ConfigNotFound, Code::ConfigNotFound]);
    assert!(!findings.iter().any(|f| f.code == Code::DefaultsDiffer));
}

#[test]
fn exports_that_the_configuration_names_are_read_and_written_there() {
    let mut scene = scene();
    exports_at(&mut scene, "/srv/exports");
    scene.public("master", "/srv/exports", "* / ro,maproot=0\n");
    let (_, findings) = scene.findings();
    let line = findings.iter().find(|f| f.code == Code::ExportsRestrictClient).unwrap();
    assert!(line.seen.contains("/srv/exports"), "{}", line.seen);
    scene.plan.config.exports = Some(Exports::LikeV15);
    let (observation, _) = scene.check();
    let changes = &observation.unwrap().config[&name("master")];
    assert!(changes.iter().any(|change| change.file.as_str() == "/srv/exports"));
}

#[test]
fn exports_are_written_so_that_the_master_can_read_them() {
    let path = "/usr/local/etc/mfs/mfsexports.cfg";
    for (mode, group, written) in [(0o640, "mfs", 0o644), (0o640, "nogroup", 0o640), (0o604, "mfs", 0o604)] {
        let mut scene = scene();
        scene.text("master", path, "# nobody\n");
        let file = scene.host("master").files.get_mut(path).unwrap();
        (file.mode, file.group) = (mode, group.into());
        let (observation, codes) = scene.check();
        assert!(!codes.contains(&Code::ExportsForbidden), "{codes:?}");
        let changes = &observation.unwrap().config[&name("master")];
        let change = changes.iter().find(|change| change.file.as_str() == path).unwrap();
        assert_eq!(change.mode, written, "{mode:o} {group}");
    }
}

#[test]
fn what_is_said_of_missing_exports_is_true_of_the_release() {
    for (patch, words) in [(13, "lets no new mount in"), (14, "refuses to start"), (27, "refuses to start")] {
        let mut scene = scene();
        scene.plan.config.exports = None;
        scene.plan.upgrade.to = Version::new(1, 6, patch);
        let (_, findings) = scene.findings();
        let missing: Vec<_> = findings.iter().filter(|f| f.code == Code::ExportsMissing).collect();
        assert_eq!(missing.len(), 1, "{patch}");
        assert!(missing[0].why.contains(words), "{patch}: {}", missing[0].why);
    }
}

#[test]
fn accounts_of_rules_that_no_mount_needs_are_a_note() {
    let mut scene = scene();
    exports(&mut scene, "* / rw,maproot=0\n* / rw,maproot=mfs\n");
    let (_, codes) = scene.check();
    assert!(codes.contains(&Code::ExportsAccounts) && !codes.contains(&Code::ExportsNeedAccounts), "{codes:?}");
}

/// Seen on real hosts: nothing listened on 9421, and the configuration that the look had brought said 9521.
#[test]
fn a_master_on_a_port_of_its_own_is_told_by_its_configuration() {
    let mut scene = scene();
    let master = |scene: &Scene| scene.fleet[&scene.plan.master.host].clone();
    let told =
        |scene: &Scene| silent(&scene.plan, &master(scene), Code::AdminPortNotListening, "nothing listens".to_owned());
    assert_eq!(told(&scene).todo, "start it, or correct [master] host and admin_port");
    scene.text("master", "/usr/local/etc/mfsmaster.cfg", "MATOCU_LISTEN_PORT = 9521\n");
    let todo = "set `admin_port = 9521` under [master], since /usr/local/etc/mfsmaster.cfg says so; or start it";
    assert_eq!((told(&scene).code, told(&scene).todo.as_str()), (Code::AdminPortNotListening, todo));
}

/// `start it` restarts a healthy 1.5 master.
#[test]
fn a_refusal_of_sshds_is_no_reason_to_touch_the_master() {
    let mut scene = scene();
    scene.text("master", "/usr/local/etc/mfsmaster.cfg", "MATOCU_LISTEN_PORT = 9521\n");
    let facts = scene.fleet[&scene.plan.master.host].clone();
    let told = silent(&scene.plan, &facts, Code::ForwardingRefused, "refused".to_owned());
    assert!(
        told.todo.contains("`AllowTcpForwarding local`") && told.todo.contains("`PermitOpen 127.0.0.1:9421`"),
        "{told:?}"
    );
    assert!(!told.todo.contains("start it") && !told.todo.contains("admin_port"), "{told:?}");
}
