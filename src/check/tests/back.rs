//! The way back: a cluster of which a run has changed everything, one thing wrong with it, the finding.

use std::net::Ipv4Addr;

use super::scene::{NEW, NOW, OLD, SERVERS, Scene, file, name, placed, scene};
use crate::check::back::{BackSeen, Changed, Daemon, look_back};
use crate::check::{Baseline, Code, Severity};
use crate::host::facts::{FileFact, Folder, MountLine};
use crate::host::places::Keeper;
use crate::host::{AbsPath, MountArguments, Process};
use crate::moosefs::daemon::Role;

const KEPT: &str = "/var/lib/mfsupgrade/replaced.tar";

fn path(text: &str) -> AbsPath {
    AbsPath::new(text).unwrap()
}

/// Everything runs the new release, and what it replaced is kept.
fn upgraded() -> (Scene, Vec<Changed>) {
    let mut scene = scene();
    let mut changed = Vec::new();
    let roles = scene.plan.hosts().map(|(host, role, _)| (host.clone(), role)).collect::<Vec<_>>();
    for (host, role) in roles {
        let facts = scene.fleet.get_mut(&host).unwrap();
        for process in &mut facts.processes {
            process.version = Some(NEW);
        }
        facts.installed.insert(format!("/usr/local/{}", role.path_in_prefix()), Some(NEW));
        facts.archives.insert(KEPT.into(), [(role.path_in_prefix().to_owned(), Some(OLD))].into());
        facts.files.insert("/usr/local/etc/mfs/mfshdd.cfg".into(), file("# all\n/mnt/disk1\n"));
        let mounts = if role == Role::Client {
            facts.processes[0].arguments = vec!["/mnt/mfs".into()];
            facts.mounts[0] =
                MountLine { kind: "fuse.mfs".into(), source: "mm:9421".into(), ..facts.mounts[0].clone() };
            vec![MountArguments::new(path("/mnt/mfs"), name("mm"))]
        } else {
            Vec::new()
        };
        let (prefix, kept, config) = (path("/usr/local"), Some(path(KEPT)), Vec::new());
        let (ended, not_begun) = (role == Role::Master, Vec::new());
        changed.push(Changed { host, role, prefix, kept, data_path: None, config, mounts, ended, not_begun });
    }
    (scene, changed)
}

fn look(scene: &Scene, changed: &[Changed]) -> (BackSeen, Vec<Code>) {
    let before = Baseline::of(&scene.overview);
    let overview = Some(&scene.overview);
    let (seen, findings) = look_back(&scene.plan, changed, &scene.fleet, overview, &before, &[], false);
    (seen, findings.into_iter().map(|f| f.code).collect())
}

#[test]
fn what_was_changed_is_to_be_brought_back() {
    let (scene, changed) = upgraded();
    let (seen, codes) = look(&scene, &changed);
    assert_eq!(codes, []);
    assert!(seen.new_master);
    assert_eq!(seen.parts.len(), changed.len(), "the metalogger that is down has its programs still");
    let server = seen.parts.iter().find(|p| p.changed.host == name("cs2")).unwrap();
    assert_eq!((server.daemon, &server.disks), (Daemon::New, &vec![path("/mnt/disk1")]));
    let client = seen.parts.iter().find(|p| p.changed.host == name("cl1")).unwrap();
    assert_eq!((client.mounts.len(), client.mounts[0].1), (1, true));
}

/// A boot had brought it up before its turn, so that nothing of it was kept.
#[test]
fn a_metalogger_of_which_nothing_was_kept_is_stopped_and_its_programs_stay() {
    let (mut scene, changed) = upgraded();
    let programs = |scene: &Scene| {
        let (seen, codes) = look(scene, &changed);
        assert_eq!(codes, []);
        seen.parts.iter().find(|p| p.changed.host == name("log1")).map(|p| p.programs)
    };
    assert_eq!(programs(&scene), Some(true));
    scene.host("log1").archives.clear();
    assert_eq!(programs(&scene), None, "it is down already");
}

/// Its chunks are in the folders of 1.6 like any other's, and 1.5 looks for them in its own, marked or not.
#[test]
fn disks_that_are_marked_for_removal_are_brought_back_too_whenever_they_were_marked() {
    for (new, old) in [
        ("/mnt/disk1\n*/mnt/disk2\n", "/mnt/disk1\n*/mnt/disk2\n"),
        // since the upgrade
        ("/mnt/disk1\n*/mnt/disk2\n", "/mnt/disk1\n/mnt/disk2\n"),
        ("*/mnt/disk1\n/mnt/disk2\n", "/mnt/disk1\n*/mnt/disk2\n"),
    ] {
        let (mut scene, changed) = upgraded();
        scene.text("cs1", "/usr/local/etc/mfs/mfshdd.cfg", new);
        scene.text("cs1", "/usr/local/etc/mfshdd.cfg", old);
        let (seen, codes) = look(&scene, &changed);
        assert_eq!(codes, [], "{new:?} {old:?}");
        let server = seen.parts.iter().find(|p| p.changed.host == name("cs1")).unwrap();
        assert_eq!(server.disks, [path("/mnt/disk1"), path("/mnt/disk2")], "{new:?} {old:?}");
    }
}

#[test]
fn a_cluster_of_the_old_release_is_left_alone() {
    let (_, changed) = upgraded();
    assert_eq!(look(&scene(), &changed), (BackSeen { parts: Vec::new(), ..look(&scene(), &changed).0 }, Vec::new()));
}

#[test]
fn what_cannot_be_brought_back_is_found_before_anything_is_touched() {
    type Trap = (fn(&mut Scene, &mut Vec<Changed>), Code);
    let traps: &[Trap] = &[
        (|s, _| s.host("cs1").archives.clear(), Code::BackProgramsGone),
        (|s, _| s.host("cs1").archives.get_mut(KEPT).unwrap().clear(), Code::BackProgramsGone),
        // the new release was there before the run, and was kept
        (|s, _| s.kept_is("cs1", Some(NEW)), Code::BackProgramsGone),
        (|s, _| s.kept_is("cl1", Some(NEW)), Code::BackProgramsGone),
        (|s, _| s.kept_is("master", None), Code::BackProgramsGone),
        (|_, c| c[0].kept = None, Code::BackProgramsGone),
        (|_, c| c.retain(|c| c.host != name("cs3")), Code::BackNotByRun),
        (|_, c| c.iter_mut().for_each(|c| c.mounts.clear()), Code::BackNotByRun),
        (|s, _| s.header("MFSM 1.7"), Code::BackMetadata),
        (|s, _| s.host("master").processes.clear(), Code::BackMetadata),
        (
            |s, _| {
                s.host("master").processes.clear();
                s.host("master").data_files.insert("metadata.mfs".into(), FileFact { size: 8, modified: NOW });
                s.host("master").headers.insert("metadata.mfs".into(), "MFSM NEW".into());
            },
            Code::BackMetadata,
        ),
        (|s, _| s.text("cs1", "/usr/local/etc/mfs/mfshdd.cfg", "/mnt/disk1\n/mnt/disk2\n"), Code::BackDisks),
        (|s, _| s.text("cs1", "/usr/local/etc/mfshdd.cfg", "# mine\n/mnt/disk1\n"), Code::BackDisks),
        (|s, _| drop(s.host("cs1").files.remove("/usr/local/etc/mfshdd.cfg")), Code::BackDisks),
        (
            |s, _| {
                s.host("cs1").folders.remove("/var/run/mfs");
                s.host("cs1").lock_files.clear();
            },
            Code::BackLockFolder,
        ),
        (
            |s, _| {
                s.host("cs1").processes[0].version = Some(s.plan.upgrade.from.clone());
                let wide = Folder { owner: "mfs".into(), wide: true };
                s.host("cs1").folders.insert("/mnt/disk1".into(), wide);
            },
            Code::BackFolders,
        ),
        // an umount that ends after this look would take away what nobody then makes again
        (|s, _| s.host("cl1").busy.push(77), Code::BackJobRuns),
        (|s, _| s.host("cl1").root = false, Code::NotRoot),
        (|s, _| s.host("cs1").processes[0].version = None, Code::VersionDiffers),
        (
            |s, _| {
                s.overview.sessions[0].address = Ipv4Addr::new(10, 9, 9, 9);
                s.overview.sessions[0].version = NEW;
            },
            Code::ClientNotInPlan,
        ),
    ];
    for (at, (trap, code)) in traps.iter().enumerate() {
        let (mut scene, mut changed) = upgraded();
        trap(&mut scene, &mut changed);
        let (_, codes) = look(&scene, &changed);
        assert!(codes.contains(code), "trap {at}: {code} not among {codes:?}");
    }
}

/// As before an upgrade, but for what a plan could acknowledge; and where the file system is down, nothing of a client's stops.
#[test]
fn what_keeps_a_mount_of_the_new_release_is_told_and_stops_where_it_would_be_lost() {
    type Trap = (fn(&mut Scene), Code, Severity);
    let traps: &[Trap] = &[
        (|s| s.uses("cl1", "/mnt/mfs/home"), Code::MountBusy, Severity::Note),
        (
            |s| s.host("cl1").placed.push(placed("90 80 0:57 / /data fuse.mfs", Some(4711))),
            Code::MountInNamespace,
            Severity::Error,
        ),
        (
            |s| {
                let line = s.host("cl1").mounts[0].clone();
                s.host("cl1").mounts.push(MountLine { mount_point: "/home".into(), ..line });
                s.host("cl1").placed.push(placed("31 20 0:57 / /home fuse.mfs", None));
            },
            Code::MountSecondPlace,
            Severity::Error,
        ),
        (
            |s| s.host("cl1").placed.push(placed("40 30 0:60 / /mnt/mfs/scratch tmpfs", None)),
            Code::MountBelow,
            Severity::Note,
        ),
        (|s| s.host("cl1").keepers.push(Keeper::Swap("/mnt/mfs/swap".into())), Code::MountBacksDevice, Severity::Note),
    ];
    for (trap, code, severity) in traps {
        let (mut scene, changed) = upgraded();
        trap(&mut scene);
        let before = Baseline::of(&scene.overview);
        let found = |scene: &Scene, overview: bool| {
            let overview = Some(&scene.overview).filter(|_| overview);
            let (_, findings) = look_back(&scene.plan, &changed, &scene.fleet, overview, &before, &[], false);
            findings
                .into_iter()
                .filter(|f| f.host == Some(name("cl1")))
                .map(|f| (f.code, f.severity))
                .collect::<Vec<_>>()
        };
        assert_eq!(found(&scene, true), [(*code, *severity)]);
        scene.host("master").processes.clear();
        assert_eq!(found(&scene, false), [(*code, Severity::Note)]);
        // an old mount is left as it is
        let mut old = super::scene::scene();
        trap(&mut old);
        assert_eq!(found(&old, true), [], "{code}");
    }
}

#[test]
fn a_master_on_other_metadata_is_nothing_to_leave_alone() {
    let (_, mut changed) = upgraded();
    let against = |changed: &[Changed], version: Option<u64>, accepts: bool| {
        let mut scene = scene();
        let before = Baseline { metaversion: Some(500), ..Baseline::of(&scene.overview) };
        (scene.overview.info.inodes, scene.overview.info.chunks) = (1, 0);
        scene.host("master").metaversions.extend(version.map(|version| ("metadata.mfs.back".to_owned(), version)));
        let (_, findings) = look_back(&scene.plan, changed, &scene.fleet, Some(&scene.overview), &before, &[], accepts);
        findings.into_iter().find(|f| f.code == Code::BackMetadata).map(|f| f.todo)
    };
    assert!(against(&changed, Some(499), true).unwrap().contains("kill"));
    let asked = against(&changed, None, false).unwrap();
    assert!(!asked.contains("kill") && asked.contains("users may have deleted"), "{asked}");
    assert!(asked.contains("--accept-metadata"), "{asked}");
    assert_eq!(against(&changed, None, true), None, "the operator has looked");
    changed.iter_mut().for_each(|c| c.ended = false);
    assert_eq!(against(&changed, None, false), None, "a master that was never ended has loaded nothing since");
    assert!(against(&changed, Some(499), false).is_some());
    assert_eq!(
        against(&changed, Some(500), false),
        None,
        "what users have deleted since the upgrade is nothing against the way back"
    );
}

/// cl1 with a second mount whose turn had not come, as it is now.
fn half_upgraded(new: bool) -> (Scene, Vec<Changed>) {
    let (mut scene, mut changed) = upgraded();
    let client = changed.iter_mut().find(|c| c.host == name("cl1")).unwrap();
    client.not_begun = vec![MountArguments::new(path("/srv/archive"), name("mm"))];
    let from = scene.plan.upgrade.from.clone();
    let facts = scene.host("cl1");
    let (kind, source, version, arguments) = match new {
        true => ("fuse.mfs", "mm:9421", NEW, vec!["/srv/archive".to_owned()]),
        false => ("fuse", "MFS", from, vec!["-w".to_owned(), "/srv/archive".to_owned()]),
    };
    let process = facts.processes[0].clone();
    facts.processes.push(Process { pid: 4711, version: Some(version), arguments, ..process });
    let line = facts.mounts[0].clone();
    facts.mounts.push(MountLine {
        mount_point: "/srv/archive".into(),
        kind: kind.into(),
        source: source.into(),
        ..line
    });
    (scene, changed)
}

#[test]
fn every_mount_of_a_half_upgraded_client_is_planned_since_a_boot_makes_all_of_them_new() {
    for new in [false, true] {
        let (scene, changed) = half_upgraded(new);
        let (seen, codes) = look(&scene, &changed);
        assert_eq!(codes, [], "it is this client's own");
        let client = seen.parts.iter().find(|p| p.changed.host == name("cl1")).unwrap();
        let mounts: Vec<_> = client.mounts.iter().map(|(m, there)| (m.mount_point.as_str(), *there)).collect();
        assert_eq!(mounts, [("/mnt/mfs", true), ("/srv/archive", true)]);
    }
    let (mut scene, changed) = half_upgraded(false);
    scene.host("cl1").mounts.pop();
    let (seen, _) = look(&scene, &changed);
    let client = seen.parts.iter().find(|p| p.changed.host == name("cl1")).unwrap();
    assert_eq!(client.mounts.len(), 1, "what was away before is not the run's to make");
}

#[test]
fn a_server_that_does_not_find_its_chunks_is_no_measure_for_itself() {
    let (mut scene, changed) = upgraded();
    let before = Baseline::of(&scene.overview);
    let address = scene.overview.chunkservers[0].address;
    let measure = |scene: &Scene| {
        let overview = Some(&scene.overview);
        look_back(&scene.plan, &changed, &scene.fleet, overview, &before, &[], false).0.baseline.servers[&address]
    };
    (scene.overview.chunkservers[0].chunks, scene.overview.matrix) = (0, None);
    assert_eq!(measure(&scene), before.servers[&address]);
    scene.overview.info.chunks -= 1;
    assert_eq!(measure(&scene), before.servers[&address] - 1, "what was deleted since is not asked for");
}

#[test]
fn what_a_new_master_has_moved_before_is_the_measure_at_an_old_one() {
    let (mut scene, changed) = upgraded();
    let before = Baseline::of(&scene.overview);
    let measure = |scene: &Scene| {
        let overview = Some(&scene.overview);
        look_back(&scene.plan, &changed, &scene.fleet, overview, &before, &[], false).0.baseline.servers
    };
    let moved = scene.overview.chunkservers[0].chunks / 2;
    (scene.overview.chunkservers[0].chunks, scene.overview.matrix) = (moved, None);
    assert_eq!(measure(&scene), before.servers, "a disk is not there");
    scene.overview.chunkservers[1].chunks += moved;
    let shown = Baseline::of(&scene.overview).servers;
    assert_ne!(shown, before.servers);
    assert_eq!(measure(&scene), shown);
    scene.overview.chunkservers[0].disconnected = true;
    assert_eq!(measure(&scene), before.servers, "what moved from one that is away counts once");
}

#[test]
fn a_master_that_is_down_and_ended_cleanly_is_no_obstacle() {
    let (mut scene, changed) = upgraded();
    scene.host("master").processes.clear();
    scene.host("master").data_files.insert("metadata.mfs".into(), FileFact { size: 8, modified: NOW });
    scene.host("master").headers.insert("metadata.mfs".into(), "MFSM 1.5".into());
    let (seen, codes) = look(&scene, &changed);
    assert_eq!((codes, seen.new_master), (Vec::new(), false));
    assert_eq!(seen.baseline.servers.len(), SERVERS.len());
}
