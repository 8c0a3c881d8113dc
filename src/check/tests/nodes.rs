//! Disks by two names, by names that lead elsewhere, and without their mount.

use semver::Version;

use super::scene::{OLD, Scene, scene};
use crate::check::{Code, Finding};

const LIST: &str = "/usr/local/etc/mfshdd.cfg";

fn with(list: &str) -> Scene {
    let mut scene = scene();
    scene.text("cs1", LIST, list);
    scene.disk("cs1", "/mnt/disk1", 1, 10);
    scene.opens("cs1", 1, "/mnt/disk1/.lock");
    scene
}

fn found(scene: &Scene, code: Code) -> Vec<Finding> {
    scene.findings().1.into_iter().filter(|finding| finding.code == code).collect()
}

#[test]
fn one_folder_by_two_names_is_told_with_its_lines() {
    for (list, second) in [
        ("/mnt/disk1\n\n*/mnt/disk1\n", "/mnt/disk1"),
        ("/mnt/disk1\n\n/mnt/disk1//\n", "/mnt/disk1"),
        // a link or a bind mount: the same node by another name
        ("/mnt/disk1\n\n/srv/bound\n", "/srv/bound"),
    ] {
        let mut scene = with(list);
        scene.disk("cs1", second, 1, 10);
        let twice = found(&scene, Code::DiskTwice);
        let [finding] = &twice[..] else { panic!("{list:?}: {twice:?}") };
        let says = format!("in lines 1 (/mnt/disk1), 3 ({second})");
        assert!(finding.seen.ends_with(&says) && finding.todo.contains(LIST), "{finding:?}");
        assert!(scene.findings().0.is_none(), "nothing is begun with {list:?}");
    }
    // three lines, two of them elsewhere alike: each folder is one finding
    let mut scene = with("/mnt/disk1\n/mnt/disk2\n/mnt/disk1\n/mnt/disk2\n");
    scene.disk("cs1", "/mnt/disk2", 2, 10);
    assert_eq!(found(&scene, Code::DiskTwice).len(), 2, "the same number on another file system is another folder");
    // a host that did not tell nodes: by the place that links lead to
    let mut scene = with("/mnt/disk1\n/mnt/link\n");
    scene.disk("cs1", "/mnt/link", 1, 10);
    let facts = scene.host("cs1");
    facts.nodes.clear();
    facts.opened.clear();
    facts.leads.insert("/mnt/link".into(), "/mnt/disk1".into());
    assert_eq!(found(&scene, Code::DiskTwice).len(), 1);
}

#[test]
fn what_the_same_words_twice_mean_depends_on_the_release() {
    for (list, patch, starts) in [
        ("/mnt/disk1\n/mnt/disk1\n", 27, true),
        ("/mnt/disk1\n*/mnt/disk1/\n", 27, true),
        ("/mnt/disk1\n/mnt/disk1\n", 20, false),
        // other words for the same folder are refused by every release
        ("/mnt/disk1\n/mnt/disk1//\n", 27, false),
    ] {
        let mut scene = with(list);
        scene.plan.upgrade.to = Version::new(1, 6, patch);
        let finding = found(&scene, Code::DiskTwice).pop().unwrap();
        assert_eq!(finding.why.contains("takes the last of them"), starts, "{list:?} for 1.6.{patch}: {finding:?}");
        assert_eq!(finding.why.contains("does not start with a disk twice"), !starts, "{list:?} for 1.6.{patch}");
    }
}

#[test]
fn another_folder_by_the_name_of_a_disk_is_told_and_no_lost_chunk_beside_it() {
    let mut scene = with("/mnt/disk1\n");
    scene.host("cs1").narrow.insert("/mnt/disk1".into(), 0);
    assert!(!found(&scene, Code::ChunksLost).is_empty(), "without this cause they are told");
    // unmounted: the root file system shows, with a folder that is root's and no lock file
    scene.disk("cs1", "/mnt/disk1", 9, 500);
    let facts = scene.host("cs1");
    facts.nodes.remove("/mnt/disk1/.lock");
    facts.folders.get_mut("/mnt/disk1").unwrap().owner = "root".into();
    scene.fstab("cs1", "/mnt/disk1", "/");
    let codes = scene.check().1;
    assert!(codes.contains(&Code::DiskElsewhere), "{codes:?}");
    for follows in [Code::ChunksLost, Code::OwnerDiffers, Code::DiskNotMounted] {
        assert!(!codes.contains(&follows), "{follows} beside its cause: {codes:?}");
    }
    let [finding] = &found(&scene, Code::DiskElsewhere)[..] else { panic!() };
    assert!(finding.seen.starts_with("/mnt/disk1 is not the folder") && finding.todo.contains("/mnt/disk1"));
    // another disk in its place, with a lock file of its own
    scene.disk("cs1", "/mnt/disk1", 9, 10);
    assert!(scene.check().1.contains(&Code::DiskElsewhere), "the same number on another file system");
}

#[test]
fn a_disk_that_no_name_leads_to_is_told_with_what_the_list_names_instead() {
    let mut scene = with("/mnt/disk1\n/mnt/disk2\n");
    scene.disk("cs1", "/mnt/disk2", 9, 77);
    // what is left of the name of a file on a file system that was taken off its mount point
    scene.opens("cs1", 2, "/.lock");
    let [finding] = &found(&scene, Code::DiskElsewhere)[..] else { panic!() };
    assert!(finding.seen.contains("no name leads") && finding.seen.contains("/mnt/disk2, which"), "{finding:?}");
    assert!(!finding.seen.contains("/mnt/disk1,"), "{finding:?}");
}

#[test]
fn a_disk_that_the_list_names_no_more_is_told() {
    let mut scene = with("/mnt/disk1\n");
    scene.disk("cs1", "/mnt/disk2", 2, 10);
    scene.opens("cs1", 2, "/mnt/disk2/.lock");
    let [finding] = &found(&scene, Code::DiskElsewhere)[..] else { panic!() };
    assert!(finding.seen.contains("uses /mnt/disk2") && finding.todo.contains("put its line back"), "{finding:?}");
}

#[test]
fn what_is_no_other_folder_is_not_told() {
    let well: [fn(&mut Scene); 7] = [
        |_| {},
        // its lock file was removed, or made anew
        |s| {
            s.host("cs1").opened[0].deleted = true;
            s.disk("cs1", "/mnt/disk1", 1, 30);
        },
        // a new line, which the running daemon does not know
        |s| {
            s.text("cs1", LIST, "/mnt/disk1\n/mnt/new\n");
            s.disk("cs1", "/mnt/new", 3, 10);
        },
        // the kernel's name of it, which a link leads to
        |s| {
            s.host("cs1").opened[0].path = "/home/disk1/.lock".into();
            s.host("cs1").leads.insert("/mnt/disk1".into(), "/home/disk1".into());
        },
        // another process's, and the daemon's own lock
        |s| {
            s.opens("cs1", 5, "/other/.lock");
            s.host("cs1").opened[1].pid = 8;
        },
        // open files that are not shown
        |s| s.host("cs1").opened.clear(),
        // fstab's own mount, and one below it
        |s| s.fstab("cs1", "/mnt/disk1", "/mnt/disk1"),
    ];
    let healthy = with("/mnt/disk1\n").check().1;
    assert!(!healthy.iter().any(|code| code.as_str().starts_with("disk-")), "{healthy:?}");
    for (at, change) in well.iter().enumerate() {
        let mut scene = with("/mnt/disk1\n");
        change(&mut scene);
        assert_eq!(scene.check().1, healthy, "{at}");
    }
    // a daemon that is the new one already was looked at when it was the old one
    let mut scene = with("/mnt/disk1\n/mnt/disk1\n");
    let to = scene.plan.upgrade.to.clone();
    scene.host("cs1").processes[0].version = Some(to);
    assert_ne!(scene.plan.upgrade.to, OLD);
    assert_eq!(found(&scene, Code::DiskTwice), []);
}

#[test]
fn all_folders_below_one_missing_mount_are_one_finding() {
    let mut scene = with("/srv/d/1\n/srv/d/2\n/mnt/disk1\n");
    for folder in ["/srv/d/1", "/srv/d/2"] {
        scene.disk("cs1", folder, 9, 20);
        scene.fstab("cs1", folder, "/srv");
        scene.host("cs1").wanted.insert(folder.into(), "/srv/d".into());
    }
    scene.disk("cs1", "/srv/d/2", 9, 40);
    scene.fstab("cs1", "/mnt/disk1", "/mnt/disk1/deeper");
    let [finding] = &found(&scene, Code::DiskNotMounted)[..] else { panic!() };
    for said in ["at /srv/d,", "/srv/d/1, which is on /srv", "/srv/d/2, which is on /srv"] {
        assert!(finding.seen.contains(said), "{finding:?}");
    }
    assert!(finding.todo.contains("`mount /srv/d`"), "{finding:?}");
    // a name that begins alike is no mount above it
    scene.fstab("cs1", "/mnt/disk1", "/mnt/disk10");
    assert_eq!(found(&scene, Code::DiskNotMounted).len(), 2);
}
