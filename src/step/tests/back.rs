//! The way back: what its commands do to files, and what a host must show of it.

use super::super::*;
use crate::host::facts::FileFact;
use Verdict::{Done, NotYet};
use std::fs;
use std::path::Path;
use std::process::Command;

fn path(folder: &Path) -> AbsPath {
    AbsPath::new(folder.to_str().unwrap()).unwrap()
}

fn folders_back(disks: Vec<AbsPath>) -> String {
    FoldersBackCommand { disks }.script()
}

fn put_back(file: &Path, beside: Option<&Path>, aside: &Path) -> String {
    PutBackCommand { file: path(file), beside: beside.map(path), aside: path(aside) }.script()
}

/// Exit code and output of a script in this machine's own shell.
fn run(script: &str) -> (i32, String) {
    let output = Command::new("/bin/sh").arg("-c").arg(script).output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code().unwrap(), text)
}

fn name(id: u64) -> String {
    format!("chunk_{id:016X}_00000001.mfs")
}

/// A disk as 1.6.27 leaves it, with `count` chunks that say who they are.
fn disk(folder: &Path, count: u64) {
    for n in 0..256 {
        fs::create_dir_all(folder.join(format!("{n:02X}"))).unwrap();
    }
    for id in (0..count).map(|n| n * 37) {
        fs::write(folder.join(format!("{:02X}", id & 0xff)).join(name(id)), id.to_string()).unwrap();
    }
}

fn is_old(folder: &Path, count: u64) {
    for id in (0..count).map(|n| n * 37) {
        let file = folder.join(format!("{:X}", id & 0xf)).join(name(id));
        assert_eq!(fs::read_to_string(&file).unwrap(), id.to_string(), "{}", file.display());
    }
    assert!(!folder.join("00").exists() && !folder.join("FF").exists());
}

#[test]
fn chunks_go_to_the_folder_of_their_last_digit_and_a_second_time_changes_nothing() {
    let top = tempfile::tempdir().unwrap();
    let disks = [top.path().join("hd1"), top.path().join("hd2")];
    disks.iter().for_each(|d| disk(d, 700));
    fs::write(disks[0].join("A5").join("notes"), "mine").unwrap();
    let script = folders_back(disks.iter().map(|d| path(d)).collect());
    let (code, said) = run(&script);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("hd1: 700 chunk files, as many as before") && said.contains("A5 is not empty"), "{said}");
    disks.iter().for_each(|d| is_old(d, 700));
    assert_eq!(run(&script).0, 0);
    disks.iter().for_each(|d| is_old(d, 700));
    assert_eq!(fs::read_to_string(disks[0].join("A5/notes")).unwrap(), "mine");
}

#[test]
fn one_that_was_cut_short_is_ended() {
    let top = tempfile::tempdir().unwrap();
    disk(top.path(), 300);
    // a third of it is done, one folder is emptied and there, and 1.5's folders are there
    for w in 0..90_u64 {
        let y = top.path().join(format!("{:X}", w & 0xf));
        fs::create_dir_all(&y).unwrap();
        let from = top.path().join(format!("{w:02X}"));
        for entry in fs::read_dir(&from).unwrap().map(Result::unwrap) {
            fs::rename(entry.path(), y.join(entry.file_name())).unwrap();
        }
        if w > 0 {
            fs::remove_dir(from).unwrap();
        }
    }
    let (code, said) = run(&folders_back(vec![path(top.path())]));
    assert_eq!(code, 0, "{said}");
    is_old(top.path(), 300);
}

#[test]
fn a_chunk_in_both_places_stops_it_before_anything_is_moved() {
    let top = tempfile::tempdir().unwrap();
    disk(top.path(), 300);
    let (wide, narrow) = (top.path().join("25").join(name(37)), top.path().join("5").join(name(37)));
    fs::create_dir(top.path().join("5")).unwrap();
    fs::write(&narrow, "another").unwrap();
    let (code, said) = run(&folders_back(vec![path(top.path())]));
    assert_eq!(code, 1);
    assert!(said.contains("nothing was moved"), "{said}");
    assert_eq!(fs::read_to_string(narrow).unwrap(), "another");
    assert_eq!(fs::read_to_string(wide).unwrap(), "37");
    assert!(top.path().join("00").join(name(0)).exists());
}

#[test]
fn a_disk_that_is_not_there_stops_it_before_anything_is_moved() {
    let top = tempfile::tempdir().unwrap();
    disk(top.path(), 300);
    let gone = path(&top.path().join("gone"));
    let (code, said) = run(&folders_back(vec![path(top.path()), gone]));
    assert!(code == 1 && said.contains("cannot be entered"), "{said}");
    assert!(top.path().join("00").join(name(0)).exists());
}

#[test]
fn programs_come_back_what_was_added_goes_and_configuration_stays() {
    let top = tempfile::tempdir().unwrap();
    let prefix = top.path().join("usr-local");
    for (file, text) in [("sbin/mfsmaster", "old"), ("bin/mfsmount", "old"), ("etc/mfsmaster.cfg", "before")] {
        fs::create_dir_all(prefix.join(file).parent().unwrap()).unwrap();
        fs::write(prefix.join(file), text).unwrap();
    }
    let file = path(&top.path().join("kept/replaced.tar"));
    assert_eq!(run(&KeepCommand { prefix: path(&prefix), file: file.clone(), shown: Vec::new() }.script()).0, 0);
    for (file, text) in [("sbin/mfsmaster", "new"), ("sbin/mfsmetalogger", "new"), ("bin/mfsmount", "new")] {
        fs::write(prefix.join(file), text).unwrap();
    }
    fs::write(prefix.join("bin/other"), "mine").unwrap();
    fs::write(prefix.join("etc/mfsmaster.cfg"), "since").unwrap();
    let says = |file: &str| fs::read_to_string(prefix.join(file)).ok();
    let restore = |only| RestoreCommand { prefix: path(&prefix), file: file.clone(), only }.script();
    let (code, said) = run(&restore(vec!["sbin/mfsmaster".into()]));
    assert_eq!(code, 0, "{said}");
    assert_eq!(says("sbin/mfsmaster").as_deref(), Some("old"));
    assert_eq!(says("bin/mfsmount").as_deref(), Some("new"));
    let (code, said) = run(&restore(Vec::new()));
    assert_eq!(code, 0, "{said}");
    assert_eq!(says("bin/mfsmount").as_deref(), Some("old"));
    assert_eq!(says("sbin/mfsmetalogger"), None);
    assert_eq!(says("bin/other").as_deref(), Some("mine"));
    assert_eq!(says("etc/mfsmaster.cfg").as_deref(), Some("since"), "configuration is brought back by its own step");
}

#[test]
fn configuration_comes_back_once() {
    let top = tempfile::tempdir().unwrap();
    let [file, beside, aside] = ["m.cfg", "m.cfg.mfs-1.5.12", "m.cfg.mfs-1.6.27"].map(|n| top.path().join(n));
    let says = |p: &Path| fs::read_to_string(p).ok();
    fs::write(&file, "new").unwrap();
    fs::write(&beside, "old").unwrap();
    let script = put_back(&file, Some(&beside), &aside);
    for _ in 0..2 {
        assert_eq!(run(&script).0, 0);
        assert_eq!((says(&file).as_deref(), says(&aside).as_deref()), (Some("old"), Some("new")));
    }
    let script = put_back(&file, None, &aside);
    for _ in 0..2 {
        assert_eq!(run(&script).0, 0);
        assert_eq!((says(&file), says(&aside).as_deref()), (None, Some("old")));
    }
}

const NEW: Version = Version::new(1, 6, 27);
const OLD: Version = Version::new(1, 5, 12);

fn host(modified: i64, kind: &str) -> HostFacts {
    let mut facts = HostFacts { clock: 100, ..HostFacts::default() };
    facts.data_files.insert("metadata.mfs".into(), FileFact { size: 9, modified });
    facts.headers.insert("metadata.mfs".into(), kind.to_owned());
    facts
}

fn stop_of_master() -> Stop {
    let prefix = AbsPath::new("/usr/local").unwrap();
    let command = StopCommand { role: Role::Master, prefix: prefix.clone(), patience: None };
    let (role, release, kept, data_path, chunkserver_port) = (Role::Master, NEW, None, None, None);
    Stop { role, prefix, release, kept, data_path, chunkserver_port, command }
}

#[test]
fn a_master_is_stopped_well_when_its_metadata_is_new_and_readable() {
    let before = HostFacts { clock: 100, ..HostFacts::default() };
    let stop = stop_of_master();
    let stopped = |before: &HostFacts, now: &HostFacts| stop.achieved(&Seen { to: &OLD, before, now, found: false });
    let verdict = |now: &HostFacts| stopped(&before, now);
    assert!(matches!(verdict(&host(100, "MFSM 1.5")), Done(_)));
    // whatever the disk's clock says
    assert!(matches!(verdict(&host(-9999, "MFSM 1.5")), Done(_)));
    let left = host(99, "MFSM 1.5");
    let again = stopped(&left, &left);
    assert!(matches!(again, NotYet(r) if r.contains("before its end")));
    assert!(matches!(verdict(&host(100, "MFSM 1.7")), NotYet(r) if r.contains("1.7")));
    assert!(matches!(verdict(&before), NotYet(r) if r.contains("did not end cleanly")));
    let mut copied = host(100, "MFSM 1.5");
    copied.data_files.insert("metadata.mfs.back".into(), FileFact { size: 9, modified: 101 });
    assert!(matches!(verdict(&copied), NotYet(r) if r.contains("older than metadata.mfs.back")));
}

#[test]
fn programs_disks_and_files_are_as_before() {
    let prefix = AbsPath::new("/usr/local").unwrap();
    let mut now = HostFacts::default();
    let disks = vec![AbsPath::new("/mnt/hd1").unwrap()];
    let back = FoldersBack { disks: disks.clone(), command: FoldersBackCommand { disks } };
    let command = || RestoreCommand { prefix: prefix.clone(), file: prefix.clone(), only: Vec::new() };
    let restored = |role, now: &HostFacts| {
        Restore { role, prefix: prefix.clone(), command: command() }.achieved(&Seen::found(&OLD, now))
    };
    let folders_are_back = |now: &HostFacts| back.achieved(&Seen::found(&OLD, now));
    let is_put_back = |sha256: Option<&str>, now: &HostFacts| {
        let command = PutBackCommand { file: prefix.clone(), beside: None, aside: prefix.clone() };
        let put_back = PutBack { role: Role::Master, file: prefix.clone(), sha256: sha256.map(str::to_owned), command };
        put_back.achieved(&Seen::found(&OLD, now))
    };
    assert!(matches!(restored(Role::Metalogger, &now), Done(_)));
    assert!(matches!(restored(Role::Master, &now), NotYet(_)));
    now.installed.insert("/usr/local/sbin/mfsmaster".into(), Some(NEW));
    assert!(matches!(restored(Role::Master, &now), NotYet(r) if r.contains("1.6.27")));
    assert!(matches!(folders_are_back(&now), NotYet(r) if r.contains("not there")));
    now.wide.insert("/mnt/hd1".into(), 3);
    assert!(matches!(folders_are_back(&now), NotYet(r) if r.contains("3 chunks")));
    now.wide.insert("/mnt/hd1".into(), 0);
    assert!(matches!(folders_are_back(&now), Done(_)));
    assert!(matches!(is_put_back(None, &now), Done(_)));
    assert!(matches!(is_put_back(Some("a"), &now), NotYet(_)));
    now.kept.insert("/usr/local".into(), "a".into());
    assert!(matches!(is_put_back(Some("a"), &now), Done(_)));
    assert!(matches!(is_put_back(None, &now), NotYet(_)));
}
