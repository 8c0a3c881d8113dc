//! Preflight: a healthy cluster, one thing wrong with it, the finding.

mod back;
mod borders;
mod causes;
mod disks;
mod documented;
mod locks;
mod new_already;
mod nodes;
mod scene;
mod traps;
mod twins;

use scene::{DATA, NEW, address, name, scene};

use super::{Code, Severity};
use crate::moosefs::wire::Layout;
use crate::plan::Mode;
use crate::schedule::{Phase, Schedule, compile};

/// What a careful operator reads before any upgrade of a 1.5 cluster to 1.6.27.
const ALWAYS: [Code; 3] = [Code::GoalsUnknown, Code::ToolsOf15, Code::SpaceFiguresDrop];

#[test]
fn a_healthy_cluster_has_only_what_it_should_and_is_observed_whole() {
    let (observation, codes) = scene().check();
    assert_eq!(codes, ALWAYS);
    assert!(codes.iter().all(|code| code.severity() == Severity::Note));
    let observation = observation.unwrap();
    assert_eq!(observation.chunkservers[&name("cs2")].address, address("cs2"));
    assert_eq!(observation.clients[&name("cl1")].mounts[0].mount_point.as_str(), "/mnt/mfs");
    assert_eq!(observation.master.data_path.as_str(), DATA);
    assert_eq!(observation.master.configuration[0].as_str(), "/usr/local/etc/mfsmaster.cfg");
    assert_eq!(observation.metaloggers[&name("log1")].version, None);
}

#[test]
fn everything_that_1_6_27_reads_goes_to_etc_mfs() {
    let (observation, _) = scene().check();
    let config = observation.unwrap().config;
    let files = |host: &str| config[&name(host)].iter().map(|c| c.file.as_str()).collect::<Vec<_>>();
    assert_eq!(files("master"), ["/usr/local/etc/mfs/mfsmaster.cfg", "/usr/local/etc/mfs/mfsexports.cfg"]);
    assert_eq!(files("cs1"), ["/usr/local/etc/mfs/mfschunkserver.cfg", "/usr/local/etc/mfs/mfshdd.cfg"]);
    assert_eq!(files("log1"), ["/usr/local/etc/mfs/mfsmetalogger.cfg"]);
    let server = &config[&name("cs1")][0];
    let diff =
        "--- /usr/local/etc/mfschunkserver.cfg\n+++ /usr/local/etc/mfs/mfschunkserver.cfg\n@@ no line differs @@\n";
    assert_eq!((server.text.shown(), server.diff.as_str()), ("MASTER_HOST = mm\n", diff));
    assert_eq!((server.mode, server.owner.as_str(), &server.replaces), (0o640, "root:mfs", &None));
    let logger = &config[&name("log1")][0];
    assert!(logger.text.shown().contains("\nMASTER_HOST = mm\n"), "{}", logger.text);
    assert_eq!((logger.mode, logger.owner.as_str()), (0o644, "root:root"));
    assert!(!config.contains_key(&name("cl1")));
}

#[test]
fn a_metalogger_keeps_what_was_prepared_for_it_wherever_the_new_release_would_read_it() {
    let mut scene = scene();
    scene.text("log1", "/usr/local/etc/mfsmetalogger.cfg", "BACK_LOGS = 9\nDATA_PATH = /srv/logs\n");
    let written = |scene: &scene::Scene| scene.check().0.unwrap().config[&name("log1")][0].clone();
    let change = written(&scene);
    assert_eq!((change.file.as_str(), &change.replaces), ("/usr/local/etc/mfs/mfsmetalogger.cfg", &None));
    for line in ["BACK_LOGS = 9\n", "DATA_PATH = /srv/logs\n", "MASTER_HOST = mm\n"] {
        assert!(change.text.shown().contains(line), "{line}: {}", change.text);
    }
    assert!(change.diff.starts_with("--- /usr/local/etc/mfsmetalogger.cfg\n"), "{}", change.diff);
    // 1.6.27 looks no further than here
    scene.text("log1", "/usr/local/etc/mfs/mfsmetalogger.cfg", "BACK_LOGS = 7\n");
    let change = written(&scene);
    assert!(change.text.shown().starts_with("BACK_LOGS = 7\n") && change.replaces.is_some(), "{}", change.text);
}

#[test]
fn a_schedule_says_how_much_is_copied_where_and_which_hosts_need_nothing() {
    let mut scene = scene();
    scene.host("master").data_files.get_mut("metadata.mfs.back").unwrap().size = 12_345_678;
    scene.plan.upgrade.mode = Mode::FullStop;
    let schedule = |scene: &scene::Scene| compile(&scene.plan, scene.check().0.as_ref(), scene.plan.line());
    let backup = |schedule: &Schedule| schedule.stages.iter().find(|s| s.phase == Phase::Backup).unwrap().why.clone();
    let told = backup(&schedule(&scene));
    assert!(told.contains("the copies (13.4 MB now) go to /var/lib/mfsupgrade/1.5.12-to-1.6.27/metadata"), "{told}");
    assert!(backup(&compile(&scene.plan, None, scene.plan.line())).contains("the copies go to "), "nobody looked");

    let seen = |schedule: &Schedule, phase, host: &str| -> Vec<Option<String>> {
        let tracks = schedule.stages.iter().filter(|s| s.phase == phase).flat_map(|s| &s.tracks);
        tracks.filter(|t| t.host == name(host)).map(|t| t.seen.clone()).collect()
    };
    let taken_down = Some("runs 1.6.27 already: nothing will be taken down".to_owned());
    assert_eq!(seen(&schedule(&scene), Phase::Clients, "cl1"), [None]);
    let client = scene.host("cl1");
    client.processes[0].version = Some(NEW);
    client.processes[0].arguments = vec!["/mnt/mfs".into(), "-H".into(), "mfsmaster".into()];
    client.mounts[0].kind = "fuse.mfs".into();
    let master = scene.host("master");
    master.processes[0].version = Some(NEW);
    master.lock_files.clear();
    master.sockets.push(scene::socket(std::net::Ipv4Addr::UNSPECIFIED, 9419, 0));
    scene.overview.info.version = Some(NEW);
    scene.overview.info.layout = Layout::V16;
    scene.overview.matrix = Some(crate::moosefs::wire::ChunkMatrix([[0; 11]; 11]));
    let now = schedule(&scene);
    assert_eq!(seen(&now, Phase::Clients, "cl1"), vec![taken_down.clone()]);
    assert_eq!(seen(&now, Phase::Clients, "cl2"), [None]);
    assert_eq!(seen(&now, Phase::Master, "master"), [taken_down], "it is not stopped, and has no second start");
}

#[test]
fn a_port_for_chunkservers_of_the_clusters_own_is_known_to_the_steps() {
    let mut scene = scene();
    scene.master_config("MATOCS_LISTEN_PORT = 9520\n");
    for host in scene::SERVERS {
        let (text, socket) = ("MASTER_HOST = mm\nMASTER_PORT = 9520\n", scene::socket(address(host), 40000, 9520));
        scene.text(host, "/usr/local/etc/mfschunkserver.cfg", text);
        scene.host(host).sockets[0] = socket;
    }
    for mode in [Mode::Rolling, Mode::FullStop] {
        scene.plan.upgrade.mode = mode;
        let (observation, codes) = scene.check();
        assert!(codes.iter().all(|code| code.severity() != Severity::Error), "{codes:?}");
        let schedule = compile(&scene.plan, observation.as_ref(), scene.plan.line());
        let of_master = schedule.steps().filter(|(_, _, step)| step.action.ends_the_master()).collect::<Vec<_>>();
        assert!(!of_master.is_empty());
        assert!(of_master.iter().all(|(_, _, step)| step.action.chunkserver_port() == 9520));
        let others = schedule.steps().filter(|(_, track, _)| track.host != name("master"));
        assert!(others.into_iter().all(|(_, _, step)| step.action.chunkserver_port() == 9420));
    }
    scene.master_config("MATOCS_LISTEN_PORT = mfscs\n");
    assert!(scene.check().1.contains(&Code::ConfigUnreadable));
}

#[test]
fn what_is_there_already_is_not_written_again() {
    let mut scene = scene();
    scene.text("cs1", "/usr/local/etc/mfs/mfschunkserver.cfg", "MASTER_HOST = mm\n");
    scene.text("cs1", "/usr/local/etc/mfs/mfshdd.cfg", "/mnt/disk1\n");
    let (observation, codes) = scene.check();
    assert_eq!(codes, ALWAYS);
    assert!(!observation.unwrap().config.contains_key(&name("cs1")));
}

#[test]
fn before_1_6_27_only_what_changes_is_written_over_the_old_file() {
    let mut scene = scene();
    scene.plan.upgrade.to = semver::Version::new(1, 6, 26);
    for facts in scene.fleet.values_mut() {
        facts.source.values_mut().for_each(|v| *v = Some(scene.plan.upgrade.to.clone()));
    }
    scene.master_config("MATOCU_LISTEN_PORT = 9421\n");
    let (observation, _) = scene.check();
    let config = observation.unwrap().config;
    assert!(!config.contains_key(&name("cs1")));
    let change = &config[&name("master")][0];
    assert_eq!(change.file.as_str(), "/usr/local/etc/mfsmaster.cfg");
    assert_eq!(change.text.shown(), "MATOCL_LISTEN_PORT = 9421\n");
    assert_eq!(change.replaces.as_ref().unwrap().len(), 64);
    assert!(change.diff.contains("-MATOCU_LISTEN_PORT = 9421\n+MATOCL_LISTEN_PORT = 9421\n"), "{}", change.diff);
}

#[test]
fn a_disk_whose_name_ends_like_a_size_is_the_same_disk() {
    let mut scene = scene();
    scene.text("cs1", "/usr/local/etc/mfshdd.cfg", "/mnt/disk 1");
    let disk = scene.host("cs1").folders["/mnt/disk1"].clone();
    scene.host("cs1").folders.insert("/mnt/disk 1".into(), disk);
    let (observation, codes) = scene.check();
    assert_eq!(codes, ALWAYS);
    assert_eq!(observation.unwrap().config[&name("cs1")][1].text.shown(), "/mnt/disk 1\n");
}

#[test]
fn a_look_without_a_survey_invents_nothing() {
    let (observation, codes) = scene().without_survey().check();
    assert_eq!(codes, ALWAYS);
    assert!(observation.unwrap().config.keys().eq([&name("master")]), "what the plan itself says is written");
}

#[test]
fn hosts_that_were_upgraded_already_are_no_finding() {
    let mut scene = scene();
    scene.host("master").processes[0].version = Some(NEW);
    scene.host("master").lock_files.clear();
    scene.host("master").sockets.push(scene::socket(std::net::Ipv4Addr::UNSPECIFIED, 9419, 0));
    scene.overview.info.version = Some(NEW);
    scene.overview.info.layout = Layout::V16;
    scene.overview.matrix = Some(crate::moosefs::wire::ChunkMatrix([[0; 11]; 11]));
    scene.host("cs1").processes[0].version = Some(NEW);
    scene.host("cs1").folders.get_mut("/mnt/disk1").unwrap().wide = true;
    scene.overview.chunkservers[0].version = Some(NEW);
    let (observation, codes) = scene.check();
    assert_eq!(codes, [Code::ToolsOf15, Code::SpaceFiguresDrop]);
    let config = observation.unwrap().config;
    assert!(!config.contains_key(&name("cs1")) && !config.contains_key(&name("master")));
}
