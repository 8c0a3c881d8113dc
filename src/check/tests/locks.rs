//! Locks of others, and what a daemon's user may not write.

use semver::Version;

use super::scene::{DATA, Scene, scene};
use crate::check::{Code, Finding};

fn found(scene: &Scene, code: Code) -> Vec<Finding> {
    scene.findings().1.into_iter().filter(|finding| finding.code == code).collect()
}

#[test]
fn a_lock_of_another_is_told_with_who_has_it_and_what_the_new_daemon_would_do() {
    let data = format!("{DATA}/.mfschunkserver.lock");
    for (file, does) in [
        ("/mnt/disk1/.lock", "does not start with a disk"),
        (data.as_str(), "ends a process of its own user that has this lock (SIGTERM)"),
        ("/var/run/mfs/mfschunkserver.lock", "gives up"),
    ] {
        let mut scene = scene();
        scene.locked("cs1", file, Some(7));
        assert_eq!(found(&scene, Code::LockHeld), [], "the lock of the daemon that the run replaces: {file}");
        scene.locked("cs1", file, Some(4711));
        let [finding] = &found(&scene, Code::LockHeld)[..] else { panic!("{file}") };
        assert!(finding.seen.starts_with(&format!("{file} is locked by rsync (pid 4711), ")), "{finding:?}");
        assert!(finding.why.contains(does) && finding.todo.contains("`ps -fp 4711`"), "{finding:?}");
        assert!(scene.findings().0.is_none());
    }
    let mut scene = scene();
    scene.locked("cs1", "/mnt/disk1/.lock", None);
    let [finding] = &found(&scene, Code::LockHeld)[..] else { panic!() };
    assert!(finding.todo.contains("`fuser -v /mnt/disk1/.lock`"), "a lock without a process: {finding:?}");
}

#[test]
fn a_lock_that_no_new_daemon_takes_is_not_told() {
    let mut scene = scene();
    // of a disk that is not in the list, of another program's, and of a release without the lock in DATA_PATH
    scene.locked("cs1", "/mnt/other/.lock", Some(8));
    scene.locked("cs1", &format!("{DATA}/.mfsmaster.lock"), Some(8));
    assert_eq!(found(&scene, Code::LockHeld), []);
    scene.locked("cs1", &format!("{DATA}/.mfschunkserver.lock"), Some(8));
    for (patch, told) in [(8, 0), (9, 1), (27, 1)] {
        scene.plan.upgrade.to = Version::new(1, 6, patch);
        assert_eq!(found(&scene, Code::LockHeld).len(), told, "1.6.{patch}");
    }
    // of a daemon that is the new one already
    let to = scene.plan.upgrade.to.clone();
    scene.host("cs1").processes[0].version = Some(to);
    assert_eq!(found(&scene, Code::LockHeld), []);
}

#[test]
fn what_a_daemons_user_may_not_write_is_one_finding_by_its_cause() {
    let mut scene = scene();
    scene.host("cs1").folders.get_mut("/mnt/disk1").unwrap().owner = "root".into();
    scene.denies("cs1", &["/mnt/disk1", "/mnt/disk1/.lock", "/elsewhere"]);
    let [finding] = &found(&scene, Code::NotWritable)[..] else { panic!() };
    assert!(finding.seen.ends_with("may not read and write /mnt/disk1"), "{finding:?}");
    assert!(finding.todo.starts_with("`chown -R nobody /mnt/disk1`"), "{finding:?}");
    assert_eq!(found(&scene, Code::OwnerDiffers), [], "it follows from the same owner");
    // the daemon's own folder without its rights
    scene.host("cs1").folders.get_mut("/mnt/disk1").unwrap().owner = "nobody".into();
    let [finding] = &found(&scene, Code::NotWritable)[..] else { panic!() };
    assert!(finding.todo.starts_with("`chmod u+rwX /mnt/disk1`"), "{finding:?}");
    // a leftover lock file of a 1.6 that root has tried
    let mut scene = super::scene::scene();
    scene.denies("master", &["/usr/local/var/mfs/.mfsmaster.lock"]);
    let [finding] = &found(&scene, Code::NotWritable)[..] else { panic!() };
    assert!(finding.todo.contains("`chown -R nobody /usr/local/var/mfs/.mfsmaster.lock`"), "{finding:?}");
}

#[test]
fn what_nobody_may_write_or_no_daemon_needs_is_not_told_as_a_users() {
    // a file system that is read-only has a finding of its own
    let mut scene = scene();
    scene.lies("cs1", "/mnt/disk1", true, false);
    scene.denies("cs1", &["/mnt/disk1", "/mnt/disk1/.lock"]);
    assert_eq!(found(&scene, Code::NotWritable), []);
    assert_eq!(found(&scene, Code::MountedReadOnly).len(), 1);
    // another daemon's folders, and those that are not in the list
    let mut scene = super::scene::scene();
    scene.host("cs1").denied.insert(8, ["/mnt/disk1".to_owned()].into());
    scene.denies("cs1", &["/mnt/other"]);
    assert_eq!(found(&scene, Code::NotWritable), []);
    // an owner of another name whose folder the daemon may use stays a warning
    scene.host("cs1").folders.get_mut("/mnt/disk1").unwrap().owner = "mfs".into();
    assert_eq!(found(&scene, Code::OwnerDiffers).len(), 1);
}

#[test]
fn a_disk_that_has_its_folders_or_gets_none_needs_no_room() {
    let full = |change: fn(&mut Scene)| {
        let mut scene = scene();
        scene.space("cs1", "/mnt/disk1", 1 << 20, Some(256));
        change(&mut scene);
        !found(&scene, Code::DiskFull).is_empty()
    };
    assert!(full(|_| {}));
    assert!(!full(|s| s.host("cs1").folders.get_mut("/mnt/disk1").unwrap().wide = true));
    assert!(!full(|s| s.text("cs1", "/usr/local/etc/mfshdd.cfg", "*/mnt/disk1\n")), "it is marked");
    assert!(!full(|s| s.plan.upgrade.to = Version::new(1, 6, 5)), "1.6.5 has 16 folders");
    assert!(!full(|s| s.space("cs1", "/mnt/disk1", 1 << 30, Some(257))));
}
