//! Files as the kernel knows them: one by two names, open ones, and mounts that /etc/fstab names.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use super::survey::shells;
use super::{path, run};
use crate::host::facts::{Holder, HostFacts, Node};
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
        let facts = asked(shell, &format!("opened /proc/{pid}"));
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

/// What these functions print, with what is called.
fn asked(shell: &[&str], calls: &str) -> HostFacts {
    asked_where(shell, calls, &|script| script)
}

fn asked_where(shell: &[&str], calls: &str, other: &dyn Fn(String) -> String) -> HostFacts {
    let begin = super::super::survey::begin();
    let own = "clean() { _c=$1; }; line() { printf '%s' \"$1\"; shift; for _f do printf '\\t%s' \"$_f\"; done; echo; }";
    let script = other(format!("{begin}{own}; echo 'uid\t0'\n{calls}\necho end"));
    let output = Command::new(shell[0]).args(&shell[1..]).args(["-c", &script]).output().unwrap();
    HostFacts::parse(&String::from_utf8(output.stdout).unwrap()).unwrap()
}

#[test]
fn who_has_a_lock_is_told_by_process_and_name_and_that_of_flock_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let [held, free, other] = ["a held", "free", "flock"].map(|name| File::create(at(name)).unwrap());
    rustix::fs::fcntl_lock(&held, rustix::fs::FlockOperation::NonBlockingLockExclusive).unwrap();
    rustix::fs::flock(&other, rustix::fs::FlockOperation::NonBlockingLockExclusive).unwrap();
    let pid = std::process::id();
    let name = fs::read_to_string("/proc/self/comm").unwrap();
    for shell in shells() {
        let calls: String = ["a held", "free", "flock", "gone"]
            .iter()
            .map(|name| format!("taken '{}'\n", at(name).display()))
            .collect();
        let facts = asked(shell, &calls);
        let told = |name: &str| facts.locks.get(at(name).to_str().unwrap());
        let expected = Holder { pid: Some(pid), name: name.trim_end().to_owned() };
        assert_eq!(told("a held").unwrap(), &[expected], "{shell:?}");
        assert_eq!(
            (told("free").unwrap().len(), told("flock").unwrap().len(), told("gone")),
            (0, 0, None),
            "{shell:?}"
        );
    }
    drop((held, free, other));
}

/// As on btrfs and on overlays: stat tells another number than the kernel's tables, and two files can have one number there.
#[test]
fn a_lock_is_found_by_the_number_of_the_mount_where_stat_tells_another_one() {
    let folder = tempfile::tempdir().unwrap();
    let top = folder.path().canonicalize().unwrap();
    let held = top.join(".lock");
    let _open = File::create(&held).unwrap();
    // a process that has a file of another volume locked, which has the same inode number
    let mut other = Command::new("sleep").arg("600").spawn().unwrap();
    let (own, inode) = (std::process::id(), node(&held).inode);
    let line = |pid: u32, inode: u64| format!("1: POSIX  ADVISORY  WRITE {pid} 2a:3c0:{inode} 0 EOF\n");
    fs::write(top.join("locks"), [line(own, inode), line(other.id(), inode), line(own, inode + 1)].concat()).unwrap();
    let table = format!("20 1 8:1 / / rw - ext4 x rw\n21 20 42:960 / {} rw - btrfs x rw\n", top.display());
    fs::write(top.join("mounts"), table).unwrap();
    let tables = |script: String| {
        let at = |name: &str| top.join(name).display().to_string();
        script.replace("/proc/locks", &at("locks")).replace("/proc/self/mountinfo", &at("mounts"))
    };
    for shell in shells() {
        let facts = asked_where(shell, &format!("taken '{}'", held.display()), &tables);
        let pids: Vec<_> = facts.locks[held.to_str().unwrap()].iter().map(|holder| holder.pid).collect();
        assert_eq!(pids, [Some(own)], "{shell:?}");
    }
    other.kill().unwrap();
    other.wait().unwrap();
}

#[test]
fn what_a_daemons_user_may_not_use_is_tried_as_that_user_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let top = folder.path();
    let mode = |name: &str, mode| fs::set_permissions(top.join(name), fs::Permissions::from_mode(mode)).unwrap();
    for name in ["theirs", "open to all", "of the group", "shut/inside", "no way"] {
        fs::create_dir_all(top.join(name)).unwrap();
    }
    for name in ["open to all/.lock", "open to all/changelog"] {
        fs::write(top.join(name), "x").unwrap();
    }
    let modes =
        [("", 0o755), ("theirs", 0o755), ("open to all", 0o777), ("of the group", 0o770), ("shut/inside", 0o777)];
    let modes = modes.into_iter().chain([("shut", 0o700), ("no way", 0o666)]);
    for (name, bits) in modes.chain([("open to all/.lock", 0o640), ("open to all/changelog", 0o666)]) {
        mode(name, bits);
    }
    let names = [
        "theirs",
        "open to all",
        "of the group",
        "shut/inside",
        "no way",
        "open to all/.lock",
        "open to all/changelog",
        "gone",
    ];
    let files: Vec<_> = names.iter().map(|name| format!("'{}'", top.join(name).display())).collect();
    let calls = format!(
        "users='|mfsmaster=8 0:0|mfschunkserver=7 65534:65534|'; may mfschunkserver {0}; may mfsmetalogger {0}",
        files.join(" ")
    );
    // of no other than root can that be tried
    let root = rustix::process::getuid().is_root();
    let denied = ["theirs", "shut/inside", "no way", "open to all/.lock"]
        .map(|name| top.join(name).to_str().unwrap().to_owned());
    for shell in shells() {
        let facts = asked(shell, &calls);
        let told = facts.denied.get(&7).cloned().unwrap_or_default();
        assert_eq!(told, if root { denied.iter().cloned().collect() } else { BTreeSet::new() }, "{shell:?}");
        assert!(!facts.denied.contains_key(&8));
    }
    assert_eq!(fs::read(top.join("open to all/changelog")).unwrap(), b"x");
}

#[test]
fn the_user_of_a_daemon_is_that_of_its_process_and_roots_daemons_may_all() {
    let (pid, uid) = (std::process::id(), rustix::process::getuid().as_raw());
    for shell in shells() {
        let facts =
            asked(shell, &format!("runs /proc/{pid} mfsmaster; runs /proc/0 mfschunkserver; line hostname \"$users\""));
        let gid = rustix::process::getgid().as_raw();
        let expected = if uid == 0 { String::new() } else { format!("|mfsmaster={pid} {uid}:{gid}|") };
        assert_eq!(facts.hostname, expected, "{shell:?}");
    }
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
