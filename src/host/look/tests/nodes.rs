//! Files as the kernel knows them: one by two names, open ones, and mounts that /etc/fstab names.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::process::Command;

use super::survey::shells;
use super::{path, run};
use crate::host::facts::{HostFacts, Node};
use crate::host::look::{Look, UnreadableLook};

fn survey(prefix: &Path) -> Look {
    Look { prefixes: vec![path(prefix.to_str().unwrap())], survey: true, ..Look::default() }
}

fn node(path: &Path) -> Node {
    let facts = fs::metadata(path).unwrap();
    Node { device: facts.dev(), inode: facts.ino() }
}

#[test]
fn disks_are_told_as_the_kernel_knows_them_with_the_mounts_that_fstab_names_above_them() {
    let folder = tempfile::tempdir().unwrap();
    let top = folder.path().canonicalize().unwrap();
    for made in ["etc", "a/disk", "a b/disk", "ab", "plain", "swapped"] {
        fs::create_dir_all(top.join(made)).unwrap();
    }
    symlink(top.join("a/disk"), top.join("link")).unwrap();
    fs::write(top.join("a/disk/.lock"), "").unwrap();
    let at = top.display();
    let list = format!("{at}/a/disk\n*{at}/link/\n{at}/a b/disk\n{at}/ab\n{at}/plain\n{at}/swapped\n{at}/gone\n");
    fs::write(top.join("etc/mfshdd.cfg"), list).unwrap();
    let table = format!(
        "# {at}/plain ext4\n#{at}/plain x ext4\n\nLABEL=root / ext4 defaults 0 1\nUUID=1\t{at}/a/\txfs\tnoauto 0 0\n\
         UUID=2 {at}/a\\040b xfs\n /dev/sdc1  {at}/a/disk/deeper xfs defaults\nproc none proc\nx {at}/swapped swap sw 0 0\n"
    );
    fs::write(top.join("fstab"), table).unwrap();
    let script = survey(&top).script().replace("/etc/fstab)", &format!("{at}/fstab)"));
    for shell in shells() {
        let facts = run(shell, &script);
        let told = |name: &str| facts.nodes.get(&format!("{at}/{name}")).copied();
        assert_eq!(told("a/disk"), Some(node(&top.join("a/disk"))), "{shell:?}");
        assert_eq!(told("link"), told("a/disk"), "a link is what it leads to");
        assert_eq!(told("link/.lock"), Some(node(&top.join("a/disk/.lock"))));
        assert_eq!((told("plain/.lock"), told("gone")), (None, None));
        let wanted =
            |name: &str| facts.wanted.get(&format!("{at}/{name}")).map(|point| point.replace(&format!("{at}/"), ""));
        assert_eq!(wanted("a/disk").as_deref(), Some("a"), "{shell:?}: {:?}", facts.wanted);
        assert_eq!(wanted("link").as_deref(), Some("a"), "where it leads to");
        assert_eq!(wanted("a b/disk").as_deref(), Some("a b"));
        assert_eq!([wanted("ab"), wanted("plain"), wanted("swapped"), wanted("gone")], [None, None, None, None]);
    }
}

#[test]
fn the_lock_files_of_disks_that_a_process_has_open_are_told_and_nothing_else_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let top = folder.path().canonicalize().unwrap();
    let open = |name: &str| {
        fs::create_dir_all(top.join(name).parent().unwrap()).unwrap();
        File::create(top.join(name)).unwrap()
    };
    let open = ["hd1/.lock", "a b/.lock", "gone/.lock", "hd1/x.lock", ".lock.mfs", "hd1/chunk"].map(open);
    let gone = node(&top.join("gone/.lock"));
    fs::remove_file(top.join("gone/.lock")).unwrap();
    let pid = std::process::id();
    for shell in shells() {
        let script = format!(
            "{}clean() {{ _c=$1; }}; echo 'uid\t0'; opened /proc/{pid}; echo end",
            super::super::survey::begin()
        );
        let output = Command::new(shell[0]).args(&shell[1..]).args(["-c", &script]).output().unwrap();
        let facts = HostFacts::parse(&String::from_utf8(output.stdout).unwrap()).unwrap();
        // other tests run in this process
        let ours = facts.opened.iter().filter(|opened| Path::new(&opened.path).starts_with(&top));
        let mut ours: Vec<_> = ours
            .map(|opened| {
                assert_eq!(opened.pid, pid);
                (opened.path.replace(&format!("{}/", top.display()), ""), opened.node, opened.deleted)
            })
            .collect();
        ours.sort();
        let lock = |name: &str| (name.to_owned(), node(&top.join(name)), false);
        assert_eq!(ours, [lock("a b/.lock"), ("gone/.lock".into(), gone, true), lock("hd1/.lock")], "{shell:?}");
        assert_eq!(facts.nodes[top.join("hd1/.lock").to_str().unwrap()], lock("hd1/.lock").1, "what its name leads to");
    }
    drop(open);
}

#[test]
fn half_a_fact_of_a_file_makes_the_look_unreadable() {
    let facts = HostFacts::parse("uid\t0\nnode\t/a b\t9\t8\nopened\t7\t9\t8\t/x/.lock (deleted)\nwanted\t/x\t/\nend\n")
        .unwrap();
    assert_eq!(facts.nodes["/a b"], Node { device: 9, inode: 8 });
    assert_eq!((facts.opened[0].path.as_str(), facts.opened[0].deleted, facts.opened[0].pid), ("/x/.lock", true, 7));
    for line in
        ["node\t/x", "node\t/x\t9", "node\t/x\t-1\t2", "opened\t7\t9\t8", "opened\tx\t9\t8\t/.lock", "wanted\t/x"]
    {
        let answer = format!("uid\t0\n{line}\nend\n");
        assert!(matches!(HostFacts::parse(&answer), Err(UnreadableLook::Line(_))), "{line}");
    }
}
