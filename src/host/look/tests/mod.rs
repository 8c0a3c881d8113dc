//! Looks at this machine, and the reading of answers word by word.

mod log;
mod mounted;
mod nodes;
mod survey;
mod watch;

use std::net::Ipv4Addr;

use semver::Version;

use super::{Look, UnreadableLook};
use crate::host::{AbsPath, HostFacts, MountArguments, said};
use crate::moosefs::daemon::Role;

fn path(text: &str) -> AbsPath {
    AbsPath::new(text).unwrap()
}

/// Runs a script by a shell, which runs the shells in it as well.
fn by(shell: &[&str], script: &str) -> std::process::Output {
    let script = script.replace("/bin/sh -c", &format!("{} -c", shell.join(" ")));
    std::process::Command::new(shell[0]).args(&shell[1..]).arg("-c").arg(script).output().unwrap()
}

/// What a script prints on this machine.
fn run(shell: &[&str], script: &str) -> HostFacts {
    let output = by(shell, script);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "the script says nothing on stderr");
    HostFacts::parse(&String::from_utf8_lossy(&output.stdout)).unwrap()
}

#[test]
fn a_look_at_this_machine_is_read_whole() {
    let here = std::env::current_dir().unwrap();
    let look = Look {
        prefixes: vec![path("/usr/local")],
        source_dirs: vec![path("/usr/src/mfs-1.6.27")],
        data_path: Some(path("/tmp")),
        busy_in: AbsPath::new(here.to_str().unwrap()).ok(),
        jobs_in: Some(path("/not/there")),
        admin_port: 9421,
        ports: vec![9520],
        survey: false,
        space_for: Vec::new(),
        own: Vec::new(),
        names: Vec::new(),
        work_files: vec![path("/etc/passwd")],
        headers: true,
        disks: vec![path("/tmp")],
        archives: vec![path("/etc/passwd")],
        log: Some(Role::Master),
        users: true,
        places: true,
        under: vec![path(here.to_str().unwrap()), path("/not/there")],
    };
    let facts = run(&["/bin/sh"], &look.script());
    assert!(!facts.boot_id.is_empty());
    assert!(facts.busy.contains(&std::process::id()), "this test works in its own folder");
    assert!(facts.clock > 1_500_000_000);
    let up = std::fs::read_to_string("/proc/uptime").unwrap();
    let up: f64 = up.split(' ').next().unwrap().parse().unwrap();
    let told = facts.time().expect("it is known").up().as_secs_f64();
    assert!(told > 0.0 && told <= up, "{told} {up}");
    let id = std::fs::read_to_string("/etc/machine-id").ok().map(|id| id.trim().to_owned()).filter(|id| !id.is_empty());
    assert!(id.is_none() || facts.machine == id, "{:?}", facts.machine);
    assert_eq!(facts.kept.len(), 1);
    assert!(facts.tools.is_empty() && facts.space.is_empty(), "no survey");
    let names = &facts.under[here.to_str().unwrap()];
    assert!(names.contains(&"Cargo.toml".to_owned()) && names.len() <= 10, "{names:?}");
    assert!(!facts.under.contains_key("/not/there"), "what nobody could look at is not empty");
}

#[test]
fn the_time_of_a_host_is_told_by_its_uptime_and_by_how_long_its_daemons_have_run() {
    let master = MASTER.replacen("clock\t", "machine\tm\nhardware\th\nuptime\t100.25\nclock\t", 1);
    let facts = HostFacts::parse(&master).unwrap();
    assert_eq!((facts.machine.as_deref(), facts.hardware.as_deref()), (Some("m"), Some("h")));
    let time = facts.time().unwrap();
    assert_eq!((time.boot.as_str(), time.up), ("b", 10_025));
    // field 22 of its stat: hundredths of a second since the boot
    assert_eq!(facts.runs_for(Role::Master).map(|d| d.as_millis()), Some(10 * (10_025 - 4711)));
    assert_eq!(facts.runs_for(Role::Chunkserver), None);
    let later = time.after(std::time::Duration::from_secs(7));
    assert_eq!(later.since(&time).map(|d| d.as_secs()), Some(7));
    assert_eq!(time.since(&later), None, "a container that was started anew has the boot of its machine");
    assert_eq!(later.since(&crate::host::facts::HostTime { boot: "c".to_owned(), ..time }), None);
    for wrong in ["100", "100.2", "100.255", ".25", "-1.00", "1e3.00", ""] {
        assert!(HostFacts::parse(&master.replacen("100.25", wrong, 1)).is_err(), "{wrong}");
    }
}

/// As printed on a real master (1.5.12), with the pids and addresses of the lab.
const MASTER: &str = "uid\t0\nhostname\tmaster\nboot\tb\nclock\t1700000000\nmake\nfuse\n\
    process\t77\tmfsmaster\t1.5.12\t/usr/local/sbin/mfsmaster (deleted)\t/usr/local/var/mfs\theld\tS 1 77 77 0 -1 4194624 1 2 3 4 5 6 7 8 0 -19 1 0 4711 9 9\t/usr/local/sbin/mfsmaster\t-c\t/etc/x.cfg\t\n\
    mount MFS /mnt/mfs fuse rw,relatime 0 0\nmount x /mnt/other fuse rw 0 0\nmount mfsmaster:9421 /mnt/new fuse.mfs rw,nosuid 0 0\n\
    tcp    0: 00000000:24CD 00000000:0000 0A 00000000:00000000 00:00000000 00000000 65534        0 4711 1 0\n\
    tcp    1: 0A004D0A:8AF6 0A004D0A:24CC 01 00000000:00000000 00:00000000 00000000\n\
    tcp    0: 00000000000000000000000000000000:24CB 00000000000000000000000000000000:0000 0A 00000000:00000000\n\
    tcp    1: 0000000000000000FFFF00000A004D0A:24CC 0000000000000000FFFF00000B004D0A:8AF6 01 00000000:00000000\n\
    tcp    2: 00000000000000000000000001000000:24CE 00000000000000000000000000000000:0000 0A 00000000:00000000\n\
    installed\t/usr/local/sbin/mfsmaster\t1.6.27\ninstalled\t/usr/local/bin/mfsmount\t\n\
    config\t/usr/local/etc/mfsmaster.cfg\nkey\t/usr/local/etc/mfsmaster.cfg\tMATOCU_LISTEN_PORT = 9500\n\
    exports\t/usr/local/etc/mfs/mfsexports.cfg\t2\ndata\tmetadata.mfs.back\t120 1700000000\nend\n";

#[test]
fn a_mount_that_a_local_user_made_is_not_the_clusters() {
    let mounts = "uid\t0\nmount MFS /mnt/mfs fuse rw,relatime,user_id=0,group_id=0 0 0\n\
                  mount MFS /home/m/mfs fuse rw,nosuid,nodev,relatime,user_id=1000,group_id=1000 0 0\n\
                  mount m:9421 /home/m/two fuse.mfs rw,user_id=1000,group_id=0 0 0\nstranger\t7\tmfsmount\t1000\nend\n";
    let facts = HostFacts::parse(mounts).unwrap();
    assert_eq!(facts.mounts.iter().map(|m| m.mount_point.as_str()).collect::<Vec<_>>(), ["/mnt/mfs"]);
    assert_eq!((facts.strangers[0].pid, facts.strangers[0].role, facts.strangers[0].uid), (7, Role::Client, 1000));
    assert!(facts.processes.is_empty());
}

/// Whoever mounts with fusermount chooses the source; the kernel writes blanks, tabs and line ends of it as numbers, and nothing
/// else.
#[test]
fn no_source_of_a_local_users_mount_hides_or_makes_another() {
    let root = "mount m:9421 /mnt/mfs fuse.mfs rw,user_id=0,group_id=0 0 0\n";
    for source in [
        "m:9421",
        "\u{1b}[2J\r\u{202e}\u{fffd}",
        "x\\012uid\\0110\\012end",
        "rw,user_id=0",
        "/mnt/mfs",
        "end",
        "#",
        "-",
    ] {
        let theirs = format!("mount {source} /home/m/x fuse.mfs rw,user_id=1000,group_id=1000 0 0\n");
        for mounts in [format!("{theirs}{root}"), format!("{root}{theirs}")] {
            let facts = HostFacts::parse(&format!("uid\t0\n{mounts}end\n")).unwrap();
            let told: Vec<_> = facts.mounts.iter().map(|m| (m.source.as_str(), m.mount_point.as_str())).collect();
            assert_eq!(told, [("m:9421", "/mnt/mfs")], "{source:?}");
        }
    }
}

#[test]
fn a_masters_look_is_read() {
    let facts = HostFacts::parse(MASTER).unwrap();
    let master = facts.daemon(Role::Master).unwrap();
    assert_eq!((master.pid, master.start), (77, 4711));
    assert_eq!(master.version, Some(Version::new(1, 5, 12)));
    assert_eq!(master.arguments, ["-c", "/etc/x.cfg"]);
    assert_eq!(facts.mounts.len(), 2, "a fuse mount of something else is not ours");
    assert_eq!(facts.mount("/mnt/mfs").unwrap().kind, "fuse");
    assert_eq!(facts.listener(9421), Some(Ipv4Addr::UNSPECIFIED));
    assert_eq!(facts.listener(9419), Some(Ipv4Addr::UNSPECIFIED), "a socket of IPv6 that may have IPv4's port as well");
    assert_eq!(facts.listener(9422), None, "one of IPv6 alone");
    assert!(facts.sockets.iter().all(|socket| [0, 4711].contains(&socket.inode)), "where the line is whole");
    let mapped = facts.sockets.iter().find(|s| s.local.1 == 9420).unwrap();
    assert_eq!((mapped.local.0, mapped.remote.0), (Ipv4Addr::new(10, 77, 0, 10), Ipv4Addr::new(10, 77, 0, 11)));
    assert_eq!(facts.address_towards(9420), Some(Ipv4Addr::new(10, 77, 0, 10)));
    let prefix = AbsPath::new("/usr/local").unwrap();
    assert_eq!(facts.installed_version(&prefix, Role::Master), Some(&Version::new(1, 6, 27)));
    assert_eq!(facts.installed_version(&prefix, Role::Client), None);
    assert_eq!(facts.exports["/usr/local/etc/mfs/mfsexports.cfg"], 2);
    let keys = &facts.master_configs["/usr/local/etc/mfsmaster.cfg"];
    assert_eq!(keys[..], [("MATOCU_LISTEN_PORT".to_owned(), "9500".to_owned())]);
    assert_eq!(facts.data_files["metadata.mfs.back"].size, 120);
}

#[test]
fn half_an_answer_is_no_answer() {
    assert_eq!(HostFacts::parse(""), Err(UnreadableLook::CutShort));
    for cut in 0..MASTER.len() - 1 {
        assert!(HostFacts::parse(&MASTER[..cut]).is_err() || MASTER[..cut].ends_with("end"), "cut at {cut}");
    }
    assert!(matches!(HostFacts::parse("sudo: a password is required\nend\n"), Err(UnreadableLook::Line(_))));
}

#[test]
fn a_look_of_which_something_was_left_out_is_no_answer() {
    use crate::host::said::{LINE, Lines};
    let endless = MASTER.replacen("hostname\t", &format!("hostname\t{}", "x".repeat(LINE)), 1);
    let (mut reader, mut read, mut left) = (Lines::default(), String::new(), endless.as_bytes());
    while !left.is_empty() {
        let (line, rest) = reader.take(left);
        left = rest;
        read.extend(line.map(|line| line + "\n"));
    }
    assert!(HostFacts::parse(&endless).is_ok(), "it would be read");
    assert!(matches!(HostFacts::parse(&read), Err(UnreadableLook::Line(line)) if line.starts_with("hostname")));
}

#[test]
fn a_file_in_etc_mfs_hides_none_in_etc() {
    let top = tempfile::tempdir().unwrap();
    let below = |path: &str| top.path().join(path);
    std::fs::create_dir_all(below("etc/mfs")).unwrap();
    for path in ["etc/mfs/mfshdd.cfg", "etc/mfshdd.cfg"] {
        std::fs::write(below(path), "/mnt/hd1\n").unwrap();
    }
    let prefix = AbsPath::new(top.path().to_str().unwrap()).unwrap();
    let look = Look { prefixes: vec![prefix.clone()], survey: true, ..Look::default() };
    let output = std::process::Command::new("/bin/sh").arg("-c").arg(look.script()).output().unwrap();
    let facts = HostFacts::parse(&String::from_utf8_lossy(&output.stdout)).unwrap();
    for path in ["etc/mfs/mfshdd.cfg", "etc/mfshdd.cfg"] {
        assert!(facts.files.contains_key(prefix.join(path).as_str()), "{path}: {:?}", facts.files.keys());
    }
}

#[test]
fn what_is_longer_than_a_line_may_be_is_told_in_parts() {
    let top = tempfile::tempdir().unwrap();
    let etc = top.path().join("etc");
    std::fs::create_dir(&etc).unwrap();
    let exports: String = (0..4000).map(|n| format!("10.0.{}.{} / rw # ünïcode\n", n / 250, n % 250)).collect();
    std::fs::write(etc.join("mfsexports.cfg"), &exports).unwrap();
    // a shell that is called like a mount, with a command line that none has
    let program = top.path().join("mfsmount");
    std::os::unix::fs::symlink("/bin/sh", &program).unwrap();
    let mut long = std::process::Command::new(&program);
    long.args(["-c", "echo; read -r _; :"]).args(["x".repeat(60_000), "y".repeat(60_000)]).current_dir("/");
    long.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut long = long.spawn().unwrap();
    std::io::Read::read_exact(long.stdout.as_mut().unwrap(), &mut [0]).unwrap();
    let prefix = AbsPath::new(top.path().to_str().unwrap()).unwrap();
    let look = Look { prefixes: vec![prefix.clone()], survey: true, ..Look::default() };
    let told: Vec<_> = survey::shells().map(|shell| (shell, by(shell, &look.script()))).collect();
    long.kill().unwrap();
    long.wait().unwrap();
    for (shell, output) in told {
        let output = String::from_utf8(output.stdout).unwrap();
        let longest = output.lines().map(str::len).max().unwrap();
        assert!(longest < said::LINE, "{shell:?}: {longest}");
        let facts = HostFacts::parse(&output).unwrap_or_else(|e| panic!("{shell:?}: {e}"));
        assert!(facts.files[prefix.join("etc/mfsexports.cfg").as_str()].text == exports, "{shell:?}");
        if facts.root {
            let seen = facts.processes.iter().find(|process| process.pid == long.id()).unwrap();
            let (last, words) = seen.arguments.split_last().unwrap();
            assert!(last == "-[cut]" && words.iter().map(String::len).sum::<usize>() < 30_000, "{shell:?}");
            let refused = MountArguments::read_new(&seen.arguments[3..]);
            assert!(refused.is_err(), "nothing is guessed: {refused:?}");
        }
    }
}

/// A process called mfsmaster that runs with `-c CONFIG` in `folder` until its pipe is read from: od, by another name.
fn master_on(folder: &std::path::Path, config: &std::path::Path) -> std::process::Child {
    let program = folder.join("mfsmaster");
    if !program.exists() {
        std::os::unix::fs::symlink("/usr/bin/od", &program).unwrap();
    }
    assert!(std::process::Command::new("mkfifo").arg(config).status().unwrap().success());
    let mut command = std::process::Command::new(program);
    command.arg("-c").arg(config).current_dir(folder).spawn().unwrap()
}

#[test]
fn a_master_that_is_tried_on_a_copy_is_nobodys_daemon() {
    let top = tempfile::tempdir().unwrap();
    let top = top.path().canonicalize().unwrap();
    let data = top.join("trial/data");
    std::fs::create_dir_all(&data).unwrap();
    let mut tried = master_on(&data, &top.join("trial/mfsmaster.cfg"));
    let mut real = master_on(&data, &top.join("mfsmaster.cfg"));
    let facts = run(&["/bin/sh"], &Look::default().script());
    let seen = |child: &std::process::Child| facts.processes.iter().any(|p| p.pid == child.id());
    let (tried_is_seen, real_is_seen) = (seen(&tried), seen(&real));
    for child in [&mut tried, &mut real] {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(real_is_seen, "one with another configuration may be the cluster's: {:?}", facts.processes);
    assert!(!tried_is_seen, "{:?}", facts.processes);
    assert!(facts.tried.contains(&tried.id()) && !facts.tried.contains(&real.id()), "{:?}", facts.tried);
}

#[test]
fn a_job_of_whatever_run_is_seen_while_it_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let job = folder.path().join("run/clients_cl1_install-1");
    std::fs::create_dir_all(&job).unwrap();
    std::fs::write(job.join("pid"), "77\n").unwrap();
    let look = Look { jobs_in: Some(path(folder.path().to_str().unwrap())), ..Look::default() };
    let busy = || run(&["/bin/sh"], &look.script()).busy;
    let hold = "exec 9>>\"$1.lock\"; flock 9; echo held; read -r _; :";
    let mut holder = std::process::Command::new("/bin/sh")
        .args(["-c", hold, "sh", job.to_str().unwrap()])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = [0; 5];
    std::io::Read::read_exact(holder.stdout.as_mut().unwrap(), &mut said).unwrap();
    assert_eq!(busy(), [77]);
    drop(holder.stdin.take());
    holder.wait().unwrap();
    assert_eq!(busy(), [0_u32; 0]);
}

#[test]
fn a_mount_is_where_its_word_leads_to() {
    let folder = tempfile::tempdir().unwrap();
    let top = folder.path().canonicalize().unwrap();
    let real = top.join("srv/real");
    std::fs::create_dir_all(&real).unwrap();
    for (link, to) in [("link", "srv/real"), ("twice", "link"), ("parent", "srv")] {
        std::os::unix::fs::symlink(to, top.join(link)).unwrap();
    }
    std::os::unix::fs::symlink("round", top.join("round")).unwrap();
    std::os::unix::fs::symlink("/bin/sh", top.join("mfsmount")).unwrap();
    std::fs::write(top.join("mounts"), format!("MFS {} fuse rw,user_id=0 0 0\n", real.display())).unwrap();
    let script = Look::default().script().replace("/proc/mounts", top.join("mounts").to_str().unwrap());
    let seen = |words: &[&str], shell: &[&str]| {
        // a shell by another name: what is behind its script is of no matter to it
        let mut mount = std::process::Command::new(top.join("mfsmount"))
            .args(["-c", "echo begun; read _", "word"])
            .args(words)
            .current_dir(&top)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Read::read_exact(mount.stdout.as_mut().unwrap(), &mut [0; 6]).unwrap();
        let facts = run(shell, &script);
        drop(mount.stdin.take());
        mount.wait().unwrap();
        facts.processes.into_iter().find(|p| p.pid == mount.id()).unwrap().arguments
    };
    let at = |name: &str| top.join(name).to_str().unwrap().to_owned();
    for shell in survey::shells() {
        for place in ["link", "twice", "parent/real", "srv/real", "link/", &at("link"), &at("twice"), &at("srv/real/")]
        {
            let arguments = seen(&["-h", "link", "-w", place], shell);
            let mount = MountArguments::read_old(&arguments).unwrap();
            assert_eq!(mount.mount_point.as_str(), real.to_str().unwrap(), "{place} by {shell:?}");
            assert_eq!(mount.master.as_str(), "link", "a name of a host is no place");
        }
        let arguments = seen(&[&format!("-rw{}", at("link"))], shell);
        let mount = MountArguments::read_old(&arguments).unwrap();
        assert_eq!(mount.mount_point.as_str(), real.to_str().unwrap(), "{shell:?}");
        // a line of 1.6: the shell's own words are left out
        let arguments = seen(&["parent/real", "-H", "link", "-S", &at("link")], shell);
        let mount = MountArguments::read_new(&arguments[3..]).unwrap();
        assert_eq!(mount.mount_point.as_str(), real.to_str().unwrap(), "{shell:?}");
        assert_eq!(mount.subfolder.as_str(), at("link"), "a folder of the file system is no place");
        for other in [at("round"), at("not/there"), at("srv"), at("srv/real/below")] {
            let mount = MountArguments::read_old(&seen(&["-w", &other], shell)).unwrap();
            assert_eq!(mount.mount_point.as_str(), other, "what is no mount stays as it is: {shell:?}");
        }
    }
}
