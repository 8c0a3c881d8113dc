//! Surveys: run on this machine by every shell that it has, and read as real hosts printed them.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Command, Stdio};

use proptest::prelude::*;

use super::{path, run};
use crate::host::facts::{Folder, HostFacts, LockFact, MountUser, Permissions, Space, StartupLine, TextFile};
use crate::host::look::{Look, UnreadableLook};
use crate::moosefs::daemon::Role;

/// Shells that hosts have; those that this machine lacks are left out.
const SHELLS: [&[&str]; 4] = [&["/bin/sh"], &["dash"], &["bash", "--posix"], &["busybox", "sh"]];

/// Those that this machine has.
pub fn shells() -> impl Iterator<Item = &'static [&'static str]> {
    SHELLS.into_iter().filter(|shell| has(shell))
}

fn has(shell: &[&str]) -> bool {
    let quiet = Command::new(shell[0]).args(&shell[1..]).args(["-c", ":"]).stderr(Stdio::null()).status();
    quiet.is_ok_and(|status| status.success())
}

fn survey(prefix: &str) -> Look {
    Look {
        prefixes: vec![path(prefix)],
        source_dirs: vec![path(prefix).join("src")],
        data_path: Some(path(prefix).join("var/mfs")),
        admin_port: 9421,
        survey: true,
        space_for: vec![path("/no/such/folder")],
        ..Look::default()
    }
}

/// An installation with everything that is not as one would write it.
fn installation(prefix: &Path) {
    for folder in ["etc/mfs", "src", "var/mfs", "run", "disk1/0", "disk1/F", "disk2/00", "disk 4", "far/0"] {
        fs::create_dir_all(prefix.join(folder)).unwrap();
    }
    std::os::unix::fs::symlink(prefix.join("far"), prefix.join("link")).unwrap();
    let prefix = prefix.display();
    let files: [(&str, Vec<u8>); 16] = [
        ("disk1/0/chunk_0000000000000010_00000001.mfs", Vec::new()),
        ("disk1/F/chunk_000000000000000F_00000001.mfs", Vec::new()),
        ("disk1/F/chunk_000000000000001F_0000000A.mfs", Vec::new()),
        ("disk1/F/lost", Vec::new()),
        ("disk2/00/chunk_0000000000000100_00000001.mfs", Vec::new()),
        ("etc/mfsmaster.cfg", b"# a\r\n\tLOCK_FILE = /none\r\nLOCK_FILE=/ignored\n \xff\x00'\\n".to_vec()),
        ("etc/mfsmaster.cfg.var", format!("LOCK_FILE = {prefix}/run/m.pid\r\n").into_bytes()),
        ("etc/mfschunkserver.cfg", format!("LOCK_FILE = cs.lock\nHDD_CONF_FILENAME = {prefix}/hdd\n").into_bytes()),
        ("etc/mfs/mfsexports.cfg", Vec::new()),
        ("etc/mfs/mfsmaster.cfg", format!("EXPORTS_FILENAME = {prefix}/run/exports\n").into_bytes()),
        ("run/exports", b"* / rw\n".to_vec()),
        (
            "hdd",
            format!("#/x\n*{prefix}/disk1/ \t\n{prefix}/disk2 -5GiB\n{prefix}/disk3\n{prefix}/disk 4\nrelative\n{prefix}/link\n")
                .into_bytes(),
        ),
        ("run/m.pid", b"4711\n".to_vec()),
        ("var/mfs/cs.lock", b"".to_vec()),
        ("var/mfs/metadata.mfs.back", b"MFSM 1.5 and more".to_vec()),
        (
            "src/config.h",
            b"#define ETC_PATH \"/etc\"\n#define DEFAULT_GROUP \"\"\n#define RUN_PATH X \"/y\"\n#define HAVE_X 1\n"
                .to_vec(),
        ),
    ];
    for (file, bytes) in files {
        fs::write(Path::new(&prefix.to_string()).join(file), bytes).unwrap();
    }
}

#[test]
fn a_survey_of_this_machine_is_read_whole_by_every_shell() {
    let folder = tempfile::tempdir().unwrap();
    installation(folder.path());
    let prefix = folder.path().to_str().unwrap();
    for shell in SHELLS.iter().filter(|shell| has(shell)) {
        let facts = run(shell, &survey(prefix).script());
        let at = |file: &str| format!("{prefix}/{file}");

        assert_eq!(facts.files.len(), 7, "{shell:?}: {:?}", facts.files.keys());
        let master = &facts.files[&at("etc/mfsmaster.cfg")];
        assert_eq!(master.text, "# a\r\n\tLOCK_FILE = /none\r\nLOCK_FILE=/ignored\n \u{fffd}\0'\\n", "byte by byte");
        assert!(!master.owner.is_empty() && !master.group.is_empty() && master.mode & 0o600 == 0o600);
        assert_eq!(facts.files[&at("etc/mfs/mfsexports.cfg")].text, "");
        assert!(facts.files.contains_key(&at("hdd")), "a list of disks that a key names");
        assert_eq!(facts.files[&at("run/exports")].text, "* / rw\n", "exports that a file of 1.6.27 names");

        assert_eq!(facts.lock_files[&at("run/m.pid")].pid, Some(4711), "what .var says overrides");
        assert_eq!(facts.lock_files[&at("var/mfs/cs.lock")].pid, None, "below DATA_PATH, and empty");
        assert!(facts.folders.contains_key(&at("run")), "a lock file's folder");
        assert!(!facts.folders[&at("disk1")].wide && facts.folders[&at("disk2")].wide);
        assert_eq!(facts.narrow[&at("disk1")], 3, "chunk files of folders of 1.5, by name");
        assert_eq!((facts.narrow[&at("disk2")], facts.narrow.get(&at("disk3"))), (0, None));
        assert!(facts.folders.contains_key(&at("disk 4")), "whose name ends like a size");
        let far = fs::canonicalize(at("far")).unwrap();
        assert_eq!(facts.place(&at("link")), far.to_str().unwrap(), "where a link leads to");
        assert_eq!(facts.place(&at("run")), at("run"));
        assert!(!facts.folders.keys().any(|path| path.ends_with("relative")), "below no chunkserver that runs");
        assert!(!facts.folders.contains_key(&at("disk3")), "what is not there");

        // where a master runs on this machine, its own are told
        if facts.daemon(Role::Master).is_none() {
            assert_eq!(facts.headers["metadata.mfs.back"], "MFSM 1.5");
        }
        let build = &facts.builds[&at("src")];
        assert_eq!((build.etc_path.as_deref(), build.group.as_deref()), (Some("/etc"), Some("")));
        assert_eq!(build.run_path, None, "what is put together from pieces is not understood");

        assert!(facts.tools.contains("tar"), "{shell:?}");
        let here = std::path::Path::new(prefix).parent().unwrap().to_str().unwrap();
        let look = Look { space_for: vec![path(here)], ..survey(prefix) };
        let space = run(shell, &look.script()).space;
        assert!(space[here].is_shared(&space[prefix]) && space[here].id == space[prefix].id, "{shell:?}: {space:?}");
        assert!(facts.space["/no/such/folder"].free > 0 && facts.space.contains_key(prefix));
        assert!(facts.memory_available.is_some());
    }
}

#[test]
fn ports_that_a_configuration_names_are_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("etc/mfs")).unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let prefix = folder.path().to_str().unwrap();
    for shell in SHELLS.iter().filter(|shell| has(shell)) {
        assert_eq!(run(shell, &survey(prefix).script()).listener(port), None);
    }
    let text = format!("MATOCS_LISTEN_HOST = *\n MATOCS_LISTEN_PORT\t= {port} \r\nMATOML_LISTEN_PORT = mfsml\n");
    fs::write(folder.path().join("etc/mfsmaster.cfg"), text).unwrap();
    for shell in SHELLS.iter().filter(|shell| has(shell)) {
        let facts = run(shell, &survey(prefix).script());
        assert_eq!(facts.listener(port), Some(std::net::Ipv4Addr::LOCALHOST), "{shell:?}");
        let look = Look { ports: vec![port], ..Look::default() };
        assert!(run(shell, &look.script()).listener(port).is_some());
    }
    let Ok(listener) = std::net::TcpListener::bind("[::]:0") else { return };
    let look = Look { ports: vec![listener.local_addr().unwrap().port()], ..Look::default() };
    assert!(run(&["/bin/sh"], &look.script()).listener(look.ports[0]).is_some(), "a socket of IPv6");
}

#[test]
fn what_starts_things_is_found_in_folders_of_packages_too_and_a_cut_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let units = folder.path().join("usr/lib/systemd/system");
    fs::create_dir_all(&units).unwrap();
    fs::create_dir_all(folder.path().join("etc/init.d")).unwrap();
    fs::write(units.join("mfs.service"), "[Service]\nExecStart=/usr/sbin/mfsmaster start\n").unwrap();
    let top = folder.path().to_str().unwrap();
    let script = Look { survey: true, ..Look::default() }.script();
    let script = script.replace(" /etc/", &format!(" {top}/etc/")).replace(" /usr/lib/", &format!(" {top}/usr/lib/"));
    for shell in SHELLS.iter().filter(|shell| has(shell)) {
        let facts = run(shell, &script);
        let line = facts.startup.iter().find(|line| line.file.starts_with(top)).unwrap();
        assert_eq!((line.line, line.text.as_str()), (2, "ExecStart=/usr/sbin/mfsmaster start"), "{shell:?}");
        assert!(!facts.startup_cut);
    }
    for (lines, cut) in [(99, false), (100, true)] {
        fs::write(folder.path().join("etc/init.d/all"), "mfssetgoal 2 /mnt/mfs\n".repeat(lines)).unwrap();
        for shell in SHELLS.iter().filter(|shell| has(shell)) {
            let facts = run(shell, &script);
            assert_eq!((facts.startup.len(), facts.startup_cut), (100, cut), "{shell:?}");
        }
    }
}

#[test]
fn who_else_starts_daemons_is_found_by_scripts_of_any_name_too() {
    let folder = tempfile::tempdir().unwrap();
    let top = folder.path().to_str().unwrap();
    let files = [
        ("etc/keepalived/keepalived.conf", format!("notify_master \"{top}/opt/up arg\"\n")),
        ("etc/monit/conf.d/x", "check process a with pidfile /run/mfsmaster.lock\n".to_owned()),
        ("etc/cron.d/watch", format!("# {top}/opt/not\n* * * * * root {top}/opt/watch --all >/dev/null\n")),
        ("etc/systemd/system/mfsmaster.service.d/local.conf", "[Service]\nRestart=always\n".to_owned()),
        ("etc/systemd/system/other.service.d/local.conf", "[Service]\nRestart=always\n".to_owned()),
        ("etc/init/storage.conf", "respawn\nrespawn limit 9 5\nexec mfschunkserver -d\n".to_owned()),
        ("etc/cron.hourly/keep", "#!/bin/sh\nrsync /var/mfs/changelog_csback.0.mfs b:\n".to_owned()),
        ("opt/up", "#!/bin/sh\nmfsmaster start\n".to_owned()),
        ("opt/watch", "#!/bin/sh\npgrep x ||\n mfschunkserver\n".to_owned()),
        ("opt/not", "#!/bin/sh\nmfsmaster\n".to_owned()),
    ];
    for (name, text) in &files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let script = Look { survey: true, ..Look::default() }.script();
    let script = script.replace(" /etc/", &format!(" {top}/etc/"));
    for shell in SHELLS.iter().filter(|shell| has(shell)) {
        let facts = run(shell, &script);
        let found = |line: &StartupLine| Some((line.file.strip_prefix(&format!("{top}/"))?.to_owned(), line.line));
        let mut found: Vec<_> = facts.startup.iter().filter_map(found).collect();
        found.sort();
        found.dedup();
        let expected = [
            ("etc/cron.hourly/keep", 2),
            ("etc/init/storage.conf", 1),
            ("etc/init/storage.conf", 2),
            ("etc/init/storage.conf", 3),
            ("etc/monit/conf.d/x", 1),
            ("etc/systemd/system/mfsmaster.service.d/local.conf", 2),
            ("opt/up", 2),
            ("opt/watch", 3),
        ];
        assert_eq!(found, expected.map(|(file, line)| (file.to_owned(), line)), "{shell:?}");
    }
}

#[test]
fn who_uses_a_mount_is_found_without_touching_it() {
    let folder = tempfile::tempdir().unwrap();
    let (used, free) = (folder.path().join("used"), folder.path().join("used-not"));
    fs::create_dir(&used).unwrap();
    fs::create_dir(&free).unwrap();
    let table = folder.path().join("mounts");
    let line = |point: &Path| format!("MFS {} fuse rw 0 0\n", point.display());
    fs::write(&table, format!("{}x /other fuse rw 0 0\n", line(&used))).unwrap();
    let sleep = |folder: &Path| {
        let stdin = fs::File::create(folder.join("open file")).unwrap();
        Command::new("sleep").arg("60").current_dir("/").stdin(stdin).spawn().unwrap()
    };
    let mut processes = [sleep(&used), sleep(&free)];
    let look =
        Look { admin_port: 9421, survey: true, space_for: vec![path(used.to_str().unwrap())], ..Look::default() };
    // this machine may have no mount of MooseFS: it is told that it has
    let script = look.script().replace("/proc/mounts", table.to_str().unwrap());
    let facts = run(&["/bin/sh"], &script);
    processes.iter_mut().for_each(|process| drop((process.kill(), process.wait())));

    let user =
        MountUser { pid: processes[0].id(), name: "sleep".into(), path: format!("{}/open file", used.display()) };
    assert_eq!((facts.users, facts.users_cut), (vec![user], false));
    assert!(!facts.space.contains_key(used.to_str().unwrap()), "free space of a mount of MooseFS is not asked for");
    assert_eq!(facts.mounts.len(), 1);
}

#[test]
fn names_of_masters_are_asked_for_wherever_they_are_said() {
    let folder = tempfile::tempdir().unwrap();
    let etc = folder.path().join("etc");
    let bin = folder.path().join("bin");
    fs::create_dir_all(&etc).unwrap();
    fs::create_dir_all(&bin).unwrap();
    fs::write(etc.join("mfschunkserver.cfg"), "MASTER_HOST = old\nMASTER_HOST = ours \t# x\n").unwrap();
    fs::write(etc.join("mfschunkserver.cfg.var"), "MASTER_PORT = 1\n").unwrap();
    fs::write(etc.join("mfsmetalogger.cfg"), "# MASTER_HOST = no\n").unwrap();
    let getent = "#!/bin/sh\ncase $2 in ours) echo '10.0.0.1 STREAM ours'; echo '10.0.0.1 DGRAM'; echo '10.0.0.2 STREAM' ;; \
                  given) exit 3 ;; *) exit 2 ;; esac\n";
    fs::write(bin.join("getent"), getent).unwrap();
    fs::set_permissions(bin.join("getent"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let name = |text: &str| crate::host::HostName::new(text).unwrap();
    let look =
        Look { names: vec![name("given"), name("10.0.0.9"), name("ours")], ..survey(folder.path().to_str().unwrap()) };
    let script = format!("PATH={}:$PATH\n{}", bin.display(), look.script());
    for shell in SHELLS.iter().filter(|shell| has(shell)) {
        let mut names = run(shell, &script).names;
        // where a mount is on this machine, its master is asked for as well
        names.retain(|name, _| ["old", "no", "given", "ours", "mfsmaster"].contains(&name.as_str()));
        let expected = [("mfsmaster", vec![]), ("ours", vec![[10, 0, 0, 1].into(), [10, 0, 0, 2].into()])];
        let expected: Vec<_> = expected.map(|(name, found): (_, Vec<Ipv4Addr>)| (name.to_owned(), found)).into();
        assert_eq!(names.into_iter().collect::<Vec<_>>(), expected, "{shell:?}");
    }
    let of = |line: &str| {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("cmdline"), format!("mfsmount {line} ").replace(' ', "\0")).unwrap();
        let whole = look.asked();
        let functions = whole.split("export LC_ALL=C").next().unwrap();
        let script = format!("{functions}master_of {}\n", folder.path().display());
        let output = Command::new("/bin/sh").arg("-c").arg(script).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    for (line, master) in [
        ("-w /mnt/mfs", "mfsmaster"),
        ("-h hhost -w /data", "hhost"),
        ("-rchhost -w/data", "host"),
        ("-hhost", "host"),
        ("/data -H mm -P 9421 -o suid,dev", "mm"),
        ("-Hmm /data", "mm"),
        ("-o ro,mfsmaster=mm,dev /data", "mm"),
        ("-omfsmaster=mm /data", "mm"),
    ] {
        assert_eq!(of(line), master, "{line}");
    }
}

#[test]
fn folders_that_others_do_not_get_through_are_told() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("etc/mfs")).unwrap();
    let mode = |path: &str, mode| {
        let rights = std::os::unix::fs::PermissionsExt::from_mode(mode);
        fs::set_permissions(folder.path().join(path), rights).unwrap();
    };
    let prefix = folder.path().to_str().unwrap();
    for shell in SHELLS.iter().filter(|shell| has(shell)) {
        mode("etc/mfs", 0o750);
        mode("", 0o755);
        let shut = run(shell, &survey(prefix).script()).shut;
        let told: Vec<_> = shut.iter().map(|(path, folder)| (path.as_str(), folder.mode)).collect();
        assert_eq!(told, [(format!("{prefix}/etc/mfs").as_str(), 0o750)], "{shell:?}");
        mode("etc/mfs", 0o751);
        assert!(run(shell, &survey(prefix).script()).shut.is_empty(), "{shell:?}");
        // and on the way to what a link leads to
        let (link, far) = (folder.path().join("etc/mfs/mfsexports.cfg"), folder.path().join("far/exports"));
        fs::create_dir_all(folder.path().join("far")).unwrap();
        fs::write(&far, "* / rw\n").unwrap();
        let _ = std::os::unix::fs::symlink(&far, &link);
        mode("far", 0o700);
        let facts = run(shell, &survey(prefix).script());
        assert_eq!(facts.shut.keys().collect::<Vec<_>>(), [&format!("{prefix}/far")], "{shell:?}");
        assert_eq!(facts.place(link.to_str().unwrap()), far.to_str().unwrap());
        assert_eq!(facts.files[link.to_str().unwrap()].text, "* / rw\n", "read whole through a link");
        fs::remove_file(&link).unwrap();
    }
}

#[test]
fn lines_that_call_a_program_by_a_variable_are_found() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("etc/init.d")).unwrap();
    let text = "#!/bin/sh\nDAEMON='/usr/sbin/mfsmaster'\nX=1 # mfsmaster\ncase $1 in\nstart) \"${DAEMON}\" start ;;\n# $DAEMON x\n\
                stop) $DAEMON stop ;;\n*) echo $DAEMONS $X ;;\nesac\n";
    fs::write(folder.path().join("etc/init.d/mfs"), text).unwrap();
    fs::write(folder.path().join("etc/init.d/other"), "DAEMON=/usr/sbin/other\n$DAEMON stop\n").unwrap();
    let top = folder.path().to_str().unwrap();
    let script = Look { survey: true, ..Look::default() }.script();
    let script = script.replace(" /etc/", &format!(" {top}/etc/"));
    for shell in SHELLS.iter().filter(|shell| has(shell)) {
        let facts = run(shell, &script);
        let lines = facts.startup.iter().filter(|line| line.file.starts_with(top));
        let mut lines: Vec<_> = lines.map(|line| line.line).collect();
        lines.sort_unstable();
        assert_eq!(lines, [2, 3, 5, 7], "{shell:?}");
    }
}

/// As printed on real hosts of 1.5.12, put together.
const SURVEY: &str = "uid\t0\nhostname\tmaster\nboot\tb\nclock\t1700000000\n\
    process\t947\tmfsmaster\t1.5.12\t/usr/local/sbin/mfsmaster\t/usr/local/var/mfs\t\tS 1 945 945 0 -1 4194624 2605 0 0 0 9 41 0 0 20 0 1 0 1360282\t/usr/local/sbin/mfsmaster\t\n\
    sockets\t947\t4711 4712 \nowner\t947\tnobody\t65534\tUNKNOWN\t4711\t11972\nfolder\t/usr/local/var/mfs\tnobody\t65534\tnarrow\n\
    tool make\ntool tar\nfile\t/usr/local/etc/mfshdd.cfg\t9\t640\troot\t0\tUNKNOWN\t77\t2f6d6e742f6864310a\n\
    file\t/usr/local/etc/mfsmaster.cfg\t9\t644\troot\t0\troot\t0\t00\n\
    folder\t/var/run/mfs\tnobody\t65534\tnarrow\nlock\t/var/run/mfs/mfsmaster.lock\tnobody\t65534\t947\n\
    folder\t/mnt/hd1\tnobody\t65534\twide\n\
    space\t/usr/local\t1871740 4096 3078901 3085511\nspace\t/btrfs\t1 4096 0 0 9f0c1e\nspace\t/tmp\t1 4096 1 2 0\n\
    build\t/usr/src/mfs-1.6.27\ndefine\t/usr/src/mfs-1.6.27\t#define DATA_PATH \"/usr/local/var/mfs\"\n\
    define\t/usr/src/mfs-1.6.27\t#define DEFAULT_GROUP \"\"\nheader\tmetadata.mfs.back\t4d46534d20312e35\n\
    name\tmm\t10.0.0.1 10.0.0.2 \nname\tnone\t\nshut\t/srv\t700\troot\t0\tUNKNOWN\t77\n\
    memory 21323804\nstartup /etc/init.d/moosefs:x:15:DAEMON=/usr/sbin/mfsmaster: on\n\
    user\t4712\tvi\t/mnt/mfs/a\tb\nstartups cut\nusers cut\nunshare\nunder\t/mnt/mfs\nbelow\t/mnt/mfs\ta b\nunder\t/mnt/meta\nend\n";

#[test]
fn a_survey_is_read() {
    let facts = HostFacts::parse(SURVEY).unwrap();
    let master = facts.daemon(Role::Master).unwrap();
    assert_eq!((master.user.as_str(), master.group.as_str(), master.memory), ("nobody", "4711", 11972 * 1024));
    assert_eq!(facts.tools.iter().collect::<Vec<_>>(), ["make", "tar"]);
    let hdd = TextFile { mode: 0o640, owner: "root".into(), group: "77".into(), text: "/mnt/hd1\n".into() };
    assert_eq!(
        facts.files.into_iter().collect::<Vec<_>>(),
        [("/usr/local/etc/mfshdd.cfg".to_owned(), hdd)],
        "no half one"
    );
    assert_eq!(facts.lock_files["/var/run/mfs/mfsmaster.lock"], LockFact { pid: Some(947), owner: "nobody".into() });
    assert_eq!(facts.folders["/mnt/hd1"], Folder { owner: "nobody".into(), wide: true });
    assert_eq!(facts.space["/usr/local"], Space { free: 1_871_740 * 4096, inodes: Some(3_078_901), id: None });
    assert_eq!((facts.space["/btrfs"].inodes, facts.space["/btrfs"].id), (None, Some(0x9f_0c1e)));
    assert_eq!(facts.space["/tmp"].id, None);
    let build = &facts.builds["/usr/src/mfs-1.6.27"];
    assert_eq!((build.data_path.as_deref(), build.group.as_deref()), (Some("/usr/local/var/mfs"), Some("")));
    assert_eq!(facts.headers["metadata.mfs.back"], "MFSM 1.5");
    assert_eq!(facts.memory_available, Some(21_323_804 * 1024));
    assert_eq!(facts.held[&947], [4711, 4712].into());
    assert_eq!(facts.names["mm"], [Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2)]);
    assert_eq!(facts.names["none"], [Ipv4Addr::LOCALHOST; 0]);
    let shut = Permissions { mode: 0o700, owner: "root".into(), group: "77".into() };
    assert_eq!(facts.shut["/srv"], shut);
    let line = &facts.startup[0];
    assert_eq!((line.file.as_str(), line.line), ("/etc/init.d/moosefs:x", 15));
    assert_eq!(line.text, "DAEMON=/usr/sbin/mfsmaster: on");
    assert_eq!((facts.users[0].pid, facts.users[0].path.as_str()), (4712, "/mnt/mfs/a\tb"));
    assert!(facts.users_cut && facts.startup_cut && facts.unshare);
    assert_eq!(facts.under["/mnt/mfs"], ["a b"]);
    assert_eq!(facts.under["/mnt/meta"], [""; 0]);
}

#[test]
fn a_line_that_is_not_understood_makes_the_look_unreadable() {
    for line in [
        "file\t/x\t1\t999\troot\t0\troot\t0\t00",
        "file\t/x\t1\t644\troot\t0\troot\t0\t0",
        "file\t/x\t1\t644\troot\t0\troot\t0\t0g",
        "define\t/unknown\t#define ETC_PATH \"/etc\"",
        "space\t/x\t1 2 3",
        "space\t/x\t1 2 3 4 x",
        "space\t/x\t1 2 3 4 5 6",
        "folder\t/x\troot\t0\tother",
        "owner\tx\troot\t0\troot\t0\t1",
        "below\t/unknown\tx",
        "users all",
        "memory much",
        "startup /etc/rc.local says nothing",
        "startups all",
        "sockets\t1\tx",
        "name\tx\t10.0.0",
        "shut\t/x\t9\troot\t0\troot\t0",
        "tools make",
        "uid\t0\0",
        "file\t/x\t0\t4\t\0\t0\troot\t0\t",
    ] {
        let answer = format!("uid\t0\n{line}\nend\n");
        assert!(matches!(HostFacts::parse(&answer), Err(UnreadableLook::Line(_))), "{line}");
    }
    // whoever carries an answer keeps the end of one that is too long
    assert_eq!(HostFacts::parse("clock\t1\nend\n"), Err(UnreadableLook::CutShort));
}

proptest! {
    #[test]
    fn a_survey_that_was_cut_is_refused(cut in 0..SURVEY.len() - "end\n".len()) {
        prop_assert!(HostFacts::parse(&SURVEY[..cut]).is_err());
    }

    #[test]
    fn whatever_a_host_says_is_read_or_refused(text in "(uid\t0\n)?((file|owner|lock|user|under|below|space|startup|define|name|shut|sockets|x)[\t :a-f0-9]{0,20}\n){0,6}(end\n)?") {
        let _ = HostFacts::parse(&text);
    }
}

#[test]
fn every_loop_ends_for_odd_words() {
    let words = ["no-slash", "", "/", "//", "a/b", "-n", "a b/*", "..", "/not/there/x", "\\", "x\ny"];
    for shell in SHELLS.into_iter().filter(|shell| has(shell)) {
        for function in [
            "on", "file", "shut", "above", "folder", "disks", "lock", "space", "own", "logs", "build", "told", "others",
        ] {
            let script = format!(
                "{}clean() {{ _c=$1; }}; line() {{ :; }}; for x do {function} \"$x\"; done",
                super::super::survey::begin()
            );
            let mut command = Command::new("timeout");
            command.args(["-s", "KILL", "60"]).args(shell).args(["-c", &script, "sh"]).args(words).stdin(Stdio::null());
            let ended = command.output().unwrap();
            assert!(
                ended.status.code().is_some_and(|code| code < 124),
                "{function} with {shell:?}: {:?}",
                ended.status
            );
        }
    }
}
