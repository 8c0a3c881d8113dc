//! Lists of disks that hold what no release takes for a whole path, and what is told of each line.

use super::scene::{DATA, Scene, scene};
use crate::check::{Code, Finding};
use crate::host::facts::Folder;

const LIST: &str = "/usr/local/etc/mfshdd.cfg";

fn with(list: &str) -> Scene {
    let mut scene = scene();
    scene.text("cs1", LIST, list);
    scene
}

fn absent(scene: &Scene) -> Vec<Finding> {
    scene.findings().1.into_iter().filter(|finding| finding.code == Code::DiskAbsent).collect()
}

fn folder(scene: &mut Scene, path: &str, owner: &str) {
    scene.host("cs1").folders.insert(path.to_owned(), Folder { owner: owner.to_owned(), wide: false });
}

#[test]
fn a_line_that_is_no_whole_path_is_told_with_its_number_and_what_to_write() {
    for (line, write) in [
        ("  /mnt/hd2", Some("`/mnt/hd2`")),
        ("*  /mnt/hd2", Some("`*/mnt/hd2`")),
        ("\"/mnt/hd2\"", Some("`/mnt/hd2`")),
        ("- /mnt/hd2", Some("`/mnt/hd2`")),
        ("~/chunks", None),
        // of no template that was seen
        ("\u{feff}/mnt/hd2", Some("`/mnt/hd2`")),
        ("\t*/mnt/hd2", Some("`*/mnt/hd2`")),
        ("  # not in use", None),
        ("mnt/hd2", None),
    ] {
        let scene = with(&format!("/mnt/disk1\n\n{line}\n"));
        let found = absent(&scene);
        let [finding] = &found[..] else { panic!("{line:?}: {found:?}") };
        assert!(finding.seen.starts_with(&format!("{LIST}, line 3, ")) && finding.seen.contains(DATA), "{finding:?}");
        match write {
            Some(write) => assert!(finding.todo.contains(write), "{finding:?}"),
            None => assert!(finding.todo.contains("whole path in line 3"), "{finding:?}"),
        }
        assert!(scene.findings().0.is_none(), "nothing is begun with {line:?}");
    }
}

#[test]
fn a_name_below_the_working_folder_is_a_disk_as_any_other() {
    for (line, path) in [("disk5", "disk5"), ("  odd", "  odd"), ("a\tb", "a?b"), ("*near", "near")] {
        let mut scene = with(&format!("/mnt/disk1\n{line}\n"));
        folder(&mut scene, &format!("{DATA}/{path}"), "nobody");
        scene.host("cs1").narrow.extend([("/mnt/disk1".to_owned(), 5), (format!("{DATA}/{path}"), 0)]);
        assert_eq!(absent(&scene), [], "{line:?}");
        let codes = scene.check().1;
        assert!(
            !codes.contains(&Code::OwnerDiffers) && codes.contains(&Code::ChunksLost),
            "its files count: {codes:?}"
        );
        folder(&mut scene, &format!("{DATA}/{path}"), "root");
        assert!(scene.check().1.contains(&Code::OwnerDiffers), "{line:?}");
    }
}

#[test]
fn all_whole_lines_that_lead_nowhere_are_one_finding() {
    let scene = with("/mnt/disk1\n/mnt/a\n*/mnt/b/ \r\n/mnt/c # the old one\n");
    let found = absent(&scene);
    let [finding] = &found[..] else { panic!("{found:?}") };
    for said in ["/mnt/a (line 2)", "/mnt/b (line 3)", "/mnt/c # the old one (line 4)"] {
        assert!(finding.seen.contains(said), "{finding:?}");
    }
    assert!(finding.todo.contains("what stands behind it too"), "{finding:?}");
}

#[test]
fn an_owner_is_that_of_the_folder_and_the_advice_names_the_folder() {
    let mut scene = with("/data/mfs\n");
    // the look follows links: a link of root to a folder of the daemon
    folder(&mut scene, "/data/mfs", "nobody");
    scene.host("cs1").leads.insert("/data/mfs".into(), "/home/data/mfs".into());
    assert!(!scene.check().1.contains(&Code::OwnerDiffers));
    folder(&mut scene, "/data/mfs", "root");
    let findings = scene.findings().1;
    let finding = findings.iter().find(|finding| finding.code == Code::OwnerDiffers).unwrap();
    assert!(finding.seen.contains("/data/mfs, which leads to /home/data/mfs (root)"), "{finding:?}");
    assert!(finding.todo.contains("`chown -R nobody /home/data/mfs`"), "{finding:?}");
}

#[test]
fn a_working_folder_that_a_link_leads_to_is_the_one_that_the_file_says() {
    let mut scene = scene();
    scene.master_config("DATA_PATH = /mfs/\n");
    assert!(scene.check().1.contains(&Code::DataPathDiffers));
    scene.host("master").leads.insert("/mfs".into(), DATA.into());
    assert!(!scene.check().1.contains(&Code::DataPathDiffers));
}
