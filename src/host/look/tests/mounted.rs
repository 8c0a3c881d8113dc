//! The mounts that folders are on, as the kernel tells them.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use super::survey::shells;
use super::{path, run};
use crate::host::facts::{HostFacts, Mounted};
use crate::host::look::{Look, UnreadableLook};

fn survey(prefix: &Path) -> Look {
    Look { prefixes: vec![path(prefix.to_str().unwrap())], survey: true, ..Look::default() }
}

fn made(prefix: &Path, folders: &[&str], files: &[(&str, String)]) {
    for folder in folders {
        fs::create_dir_all(prefix.join(folder)).unwrap();
    }
    for (file, text) in files {
        fs::write(prefix.join(file), text).unwrap();
    }
}

#[test]
fn a_folder_is_on_the_mount_that_leads_to_it_whatever_others_have_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let top = folder.path().canonicalize().unwrap();
    made(&top, &["var/lib", "a b/c", "hidden/deep", "twice", "usr", "lib-not"], &[]);
    symlink(top.join("var/lib"), top.join("link")).unwrap();
    symlink(top.join("a b/c"), top.join("blank")).unwrap();
    let at = top.display();
    let table = format!(
        "1 1 0:1 / / rw - rootfs rootfs rw\n\
         20 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro\n\
         21 20 8:2 / {at}/var/lib rw,nosuid,noexec,relatime shared:2 master:1 - ext4 /dev/sda2 rw\n\
         22 20 8:3 / {at}/lib rw,noexec - ext4 /dev/sda3 rw\n\
         23 20 8:4 / {at}/a\\040b ro,relatime - ext4 /dev/sda4 rw\n\
         24 20 8:5 / {at}/hidden/deep ro,noexec - ext4 /dev/sda5 rw\n\
         25 20 8:6 / {at}/hidden rw,relatime - ext4 /dev/sda6 rw\n\
         26 20 8:7 / {at}/twice ro,noexec - ext4 /dev/sda7 rw\n\
         27 26 8:8 / {at}/twice rw,relatime - xfs /dev/sda8 ro,noquota\n\
         28 20 0:9 / {at}/elsewhere ro - tmpfs none ro\n"
    );
    fs::write(top.join("table"), table).unwrap();
    let asked = ["var/lib/mfsupgrade/run", "link/x", "blank", "hidden/deep/er", "twice", "usr", "lib-not"];
    let look = Look { space_for: asked.map(|name| path(&format!("{at}/{name}"))).into(), ..survey(&top) };
    let script = look.script().replace("/proc/self/mountinfo", top.join("table").to_str().unwrap());
    let on = |point: &str, read_only, noexec| Mounted { at: point.to_owned(), read_only, noexec };
    let expected = [
        on(&format!("{at}/var/lib"), false, true),
        on(&format!("{at}/var/lib"), false, true),
        on(&format!("{at}/a b"), true, false),
        // a later mount hides the one below it
        on(&format!("{at}/hidden"), false, false),
        // the upper of two, whose file system the kernel has made read-only
        on(&format!("{at}/twice"), true, false),
        on("/", false, false),
        on("/", false, false),
    ];
    for shell in shells() {
        let facts = run(shell, &script);
        for (name, expected) in asked.iter().zip(&expected) {
            assert_eq!(&facts.lies[&format!("{at}/{name}")], expected, "{name} by {shell:?}");
        }
        // as this machine's kernel tells it: what a test has written can be written
        let here = run(shell, &look.script());
        assert!(!here.lies[&format!("{at}/usr")].read_only, "{shell:?}: {:?}", here.lies);
        // a kernel without this table tells nothing
        let old = look.script().replace("/proc/self/mountinfo", "/not/there");
        assert!(run(shell, &old).lies.is_empty(), "{shell:?}");
    }
}

/// Every file below, with all of it that a look could change.
fn tree(top: &Path) -> BTreeMap<std::path::PathBuf, (u32, u64, i64, i64)> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(top).unwrap().map(Result::unwrap) {
        let facts = entry.metadata().unwrap();
        all.insert(entry.path(), (facts.mode(), facts.ino(), facts.mtime_nsec(), facts.ctime_nsec()));
        if facts.is_dir() {
            all.extend(tree(&entry.path()));
        }
    }
    all
}

#[test]
fn a_survey_leaves_nothing_behind_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let top = folder.path().canonicalize().unwrap();
    let at = |name: &str| format!("{}/{name}", top.display());
    made(&top, &["etc", "disk1/0", "disk2", "var/run/mfs", "var/mfs"], &[]);
    made(&top, &[], &[("etc/mfshdd.cfg", format!("{}\n{}\n", at("disk1"), at("disk2"))), ("disk2/.lock", "7".into())]);
    made(&top, &[], &[("etc/mfsmaster.cfg", format!("DATA_PATH = {}\n", at("var/mfs")))]);
    let before = tree(&top);
    for shell in shells() {
        let look = Look { space_for: vec![path(&at("work/dir"))], own: vec![path(&at("work/dir"))], ..survey(&top) };
        run(shell, &look.script());
        assert_eq!(tree(&top), before, "{shell:?}");
    }
}

#[test]
fn half_a_fact_of_a_mount_makes_the_look_unreadable() {
    let facts = HostFacts::parse("uid\t0\nlies\t/x\t/\trw,noexec\nend\n").unwrap();
    assert_eq!(facts.lies["/x"], Mounted { at: "/".into(), read_only: false, noexec: true });
    for line in ["lies\t/x\t/", "lies\t/x\t/\tnoexec", "lies\t/x\t/\trw,ro", "lies\t/x"] {
        let answer = format!("uid\t0\n{line}\nend\n");
        assert!(matches!(HostFacts::parse(&answer), Err(UnreadableLook::Line(_))), "{line}");
    }
}

#[test]
fn every_loop_of_it_ends_for_odd_words() {
    let words = ["no-slash", "", "/", "//", "a/b", "-n", "a b/*", "..", "/not/there/x", "\\", "x\ny", "/etc/passwd/x"];
    for shell in shells() {
        for function in ["lies", "folder", "space"] {
            let begin = super::super::survey::begin();
            let script = format!("{begin}clean() {{ _c=$1; }}; line() {{ :; }}; for x0 do {function} \"$x0\"; done");
            let mut command = Command::new("timeout");
            command.args(["-s", "KILL", "60"]).args(shell).args(["-c", &script, "sh"]).args(words);
            let ended = command.stdin(Stdio::null()).output().unwrap();
            assert!(ended.status.code().is_some_and(|code| code < 124), "{function} with {shell:?}: {ended:?}");
        }
    }
}
