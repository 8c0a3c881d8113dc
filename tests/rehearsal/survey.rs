//! A survey of simulated hosts tells what is there: the very script that a real host runs, through a real `ssh`.

use mfsupgrade::host::{AbsPath, HostFacts, Look};
use mfsupgrade::moosefs::daemon::Role;
use mfsupgrade::plan::Mode;
use mfsupgrade::rehearsal::Cluster;

use crate::observed::{told, written};
use crate::support::{options, plan, ran, said};

async fn survey(cluster: &Cluster, host: &str) -> HostFacts {
    let output = answer(cluster, host).await;
    HostFacts::parse(&output).unwrap_or_else(|e| panic!("{host}: {e}\n{output}"))
}

async fn answer(cluster: &Cluster, host: &str) -> String {
    let path = |text: &str| AbsPath::new(text).unwrap();
    let look = Look {
        prefixes: vec![path("/usr/local")],
        source_dirs: vec![path("/usr/src/mfs-1.6.27")],
        admin_port: 9421,
        survey: true,
        space_for: vec![path("/var/lib/mfsupgrade")],
        ..Look::default()
    };
    ran(cluster, host, &look.script(), 0).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_survey_tells_what_is_there() {
    let cluster = Cluster::start(&plan("1.6.27", Mode::Rolling, 2, 1), options(&["umount-busy@cl1"])).await.unwrap();

    let master = survey(&cluster, "master").await;
    let process = master.daemon(Role::Master).unwrap();
    assert_eq!((process.user.as_str(), process.group.as_str()), ("nobody", "nogroup"));
    assert!(process.memory > 1 << 20);
    assert_eq!(master.headers["metadata.mfs.back"], "MFSM 1.5");
    let lock = &master.lock_files["/var/run/mfs/mfsmaster.lock"];
    assert_eq!((lock.pid, lock.owner.as_str()), (Some(process.pid), "nobody"));
    assert_eq!(master.folders["/usr/local/var/mfs"].owner, "nobody");
    let config = &master.files["/usr/local/etc/mfsmaster.cfg"];
    assert_eq!((config.mode, config.owner.as_str()), (0o644, "root"));
    assert!(config.text.contains("WORKING_USER"));
    assert!(master.files.contains_key("/usr/local/etc/mfs/mfsexports.cfg"));
    let build = &master.builds["/usr/src/mfs-1.6.27"];
    assert_eq!((build.run_path.as_deref(), build.user.as_deref()), (Some("/var/run/mfs"), Some("nobody")));
    assert!(
        ["/usr/local", "/var/lib/mfsupgrade", "/usr/local/var/mfs"].iter().all(|path| master.space[*path].free > 0)
    );
    assert!(master.memory_available.is_some() && master.tools.contains("tar") && master.unshare);
    let startup = &master.startup[0];
    assert_eq!((startup.file.as_str(), startup.text.as_str()), ("/etc/rc.local", "/usr/local/sbin/mfsmaster"));

    let server = survey(&cluster, "cs1").await;
    assert_eq!(server.folders["/mnt/hd1"], mfsupgrade::host::facts::Folder { owner: "nobody".into(), wide: false });

    assert_eq!(server.names["mfsmaster"], [cluster.address("master")]);
    assert_eq!(server.listens_itself(server.daemon(Role::Chunkserver).unwrap(), 9422), Some(true));
    assert!(master.shut.is_empty() && server.fuse, "{:?}", master.shut);

    let client = survey(&cluster, "cl1").await;
    assert_eq!(client.names["mfsmaster"], [cluster.address("master")]);
    assert_eq!(client.under["/mnt/mfs"], [""; 0]);
    let users: Vec<_> = client.users.iter().map(|user| (user.name.as_str(), user.path.as_str())).collect();
    assert_eq!((users, client.users_cut), (vec![("rsync", "/mnt/mfs")], false));

    // as a writer leaves it between an unmount and a mount
    said(&cluster, "cl1", "touch /root/../.sim/under/%2Fmnt%2Fmfs/written", 0).await;
    assert_eq!(survey(&cluster, "cl1").await.under["/mnt/mfs"], ["written"]);
    cluster.stop().await;
}

/// A process in the host's /proc as the kernel shows one, which a user of the host called after a program of MooseFS.
fn fake(pid: u32, program: &str, uid: u32, exe: &str, cwd: &str, cmdline: &str) -> String {
    format!(
        "p=/proc/{pid}; mkdir $p; ln -s {exe} $p/exe; ln -s \"$(printf '{cwd}')\" $p/cwd; printf '{cmdline}' > $p/cmdline; \
         echo '{pid} ({program}) S 1 1 1 0 -1 4 1 0 0 0 0 0 0 0 0 20 0 1 0 5 1 1 1' > $p/stat; \
         printf 'Name:\\t{program}\\nUid:\\t{uid}\\t{uid}\\t{uid}\\t{uid}\\n' > $p/status"
    )
}

/// Lines of an answer, in the name of a folder: the mount is of the new release already, says a local user.
const FORGED: &str = "/home/m/x\\t\\tS 1 1 1 0 -1 4 1 0 0 0 0 0 0 0 0 20 0 1 0 5 1 1 1\\tmfsmount\\t-w\\t/x\\t\\nuid\\t0\\n\
    installed\\t/usr/local/bin/mfsmount\\t9.9.9\\nprocess\\t103\\tmfsmount\\t9.9.9\\t/usr/local/bin/mfsmount\\t/";

#[tokio::test(flavor = "multi_thread")]
async fn a_local_user_shapes_nothing_of_what_a_look_tells() {
    let cluster = Cluster::start(&plan("1.6.27", Mode::Rolling, 2, 1), options(&[])).await.unwrap();
    let before = survey(&cluster, "cl1").await;
    let mount = before.daemon(Role::Client).unwrap().clone();
    let exe = "/usr/local/bin/mfsmount";
    let mallory = "mfsmount\\0-l\\0/home/mallory\\0-w\\0/mnt/mfs\\0-h\\0mfsmaster\\0";
    for process in [
        // a command line of one's choice, before the true one in the order of numbers
        fake(2, "mfsmount", 1000, exe, "/", mallory),
        fake(3, "mfsmaster", 1000, "/usr/local/sbin/mfsmaster", "/home/mallory", "mfsmaster\\0"),
        // working folders of one's choice
        fake(4, "mfsmount", 1000, exe, "/home/m/x\\ny", "mfsmount\\0-w\\0/x\\0"),
        fake(5, "mfsmount", 1000, exe, FORGED, "mfsmount\\0/mnt/mfs\\0-H\\0mfsmaster\\0"),
        // and the same of a process that counts
        fake(6, "mfsmount", 0, exe, FORGED, "mfsmount\\0-w\\0/else\\nwhere\\0-h\\0mfs\\tmaster\\0"),
    ] {
        said(&cluster, "cl1", &process, 0).await;
    }
    let after = survey(&cluster, "cl1").await;
    let strangers: Vec<_> = after.strangers.iter().map(|s| (s.pid, s.role, s.uid)).collect();
    assert_eq!(
        strangers,
        [(2, Role::Client, 1000), (3, Role::Master, 1000), (4, Role::Client, 1000), (5, Role::Client, 1000)]
    );
    let counted: Vec<u32> = after.processes.iter().filter(|p| p.role == Role::Client).map(|p| p.pid).collect();
    assert!(counted.contains(&6) && counted.contains(&mount.pid) && counted.len() == 2, "{counted:?}");
    let sixth = after.processes.iter().find(|p| p.pid == 6).unwrap();
    assert_eq!(sixth.arguments, ["-w", "/else?where", "-h", "mfs?master"]);
    assert!(sixth.cwd.starts_with("/home/m/x??S 1") && sixth.cwd.ends_with('/'), "{}", sixth.cwd);
    assert_eq!(after.installed, before.installed, "no line of another is a line of the look");
    assert_eq!((after.mounts, after.data_files), (before.mounts, before.data_files));
}

/// In folders that others may write to, or once could: under a mount point, on a disk, beside a lock file.
#[tokio::test(flavor = "multi_thread")]
async fn names_that_a_local_user_has_left_shape_nothing_of_what_a_look_tells() {
    let cluster = Cluster::start(&plan("1.6.27", Mode::Rolling, 2, 1), options(&[])).await.unwrap();
    let forged = "x\nend\nuid\t1000\ninstalled\t/usr/local/bin/mfsmount\t9.9.9\nlock\t/x\troot\t0\t1";

    let before = survey(&cluster, "cl1").await;
    std::fs::write(cluster.root("cl1").join(".sim/under/%2Fmnt%2Fmfs").join(forged.replace('/', "_")), "").unwrap();
    let after = survey(&cluster, "cl1").await;
    assert_eq!(after.under["/mnt/mfs"][..2], ["x", "end"], "each line of it is a name");
    assert!(after.under["/mnt/mfs"].iter().all(|name| !name.contains(char::is_control)), "{:?}", after.under);
    assert_eq!((after.installed, after.lock_files), (before.installed, before.lock_files));

    let before = survey(&cluster, "cs1").await;
    let disk = cluster.root("cs1").join("mnt/hd1");
    let chunk = "chunk_00000000000000AA_00000001.mfs";
    for folder in ["0\n", " 0", "00 ", "0/a\nb", "0/chunk_0000000000000BB0_00000001.mfs", "1/whole\n"] {
        std::fs::create_dir(disk.join(folder)).unwrap();
    }
    for file in ["0/chunk_\nwhole\n.mfs", "0/chunk_x.mfs", "2/chunk_00000000000000CC_00000001.mfs\n", "3/chunk_.mfs"] {
        std::fs::write(disk.join(file), "").unwrap();
    }
    for folder in ["0\n", " 0", "0/a\nb", "1/whole\n"] {
        std::fs::write(disk.join(folder).join(chunk), "").unwrap();
    }
    let after = survey(&cluster, "cs1").await;
    assert!(before.narrow["/mnt/hd1"] > 0);
    assert_eq!(
        (after.narrow, after.folders),
        (before.narrow, before.folders),
        "none of it is a chunk or a folder of chunks"
    );

    // a folder for lock files like /tmp, in which somebody has made a link to what is root's alone
    let master = cluster.root("master");
    let config = master.join("usr/local/etc/mfsmaster.cfg");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, format!("{text}LOCK_FILE = /var/tmp/m/lock\n")).unwrap();
    said(&cluster, "master", "mkdir -p /var/tmp/m && echo 4711 > /var/tmp/m/lock", 0).await;
    assert_eq!(survey(&cluster, "master").await.lock_files["/var/tmp/m/lock"].pid, Some(4711));
    for secret in ["4711:hidden:19000", "hidden", "4711 1\\nhidden", "4711\\thidden\\nend"] {
        said(
            &cluster,
            "master",
            &format!("umask 077; printf '{secret}' > /root/secret; ln -sf /root/secret /var/tmp/m/lock"),
            0,
        )
        .await;
        let told = answer(&cluster, "master").await;
        assert!(told.contains("lock\t/var/tmp/m/lock\t") && !told.contains("hidden"), "{told}");
        let hidden: String = "hidden".bytes().map(|byte| format!("{byte:02x}")).collect();
        assert!(!told.contains(&hidden), "{told}");
    }
    cluster.stop().await;
}

/// Whoever runs as the daemon's own user can look like it. Beside the daemon itself that is seen, and neither is believed.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_master_of_the_daemons_own_user_is_told_and_blocks() {
    let cluster = Cluster::start(&plan("1.6.27", Mode::Rolling, 2, 1), options(&[])).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let plan = written(&cluster, folder.path(), "\"cs1\", \"cs2\"");
    assert_eq!(told(&["check"], &plan).await.0, 0);
    let own = survey(&cluster, "master").await.daemon(Role::Master).unwrap().pid;
    let uid = said(&cluster, "master", &format!("sed -n 's/^Uid:.\\([0-9]*\\).*/\\1/p' /proc/{own}/status"), 0).await;
    let uid = uid.trim().parse().unwrap();
    assert_ne!(uid, 0);
    let imposter = fake(2, "mfsmaster", uid, "/usr/local/sbin/mfsmaster", "/var/tmp", "mfsmaster\\0");
    said(&cluster, "master", &imposter, 0).await;
    let facts = survey(&cluster, "master").await;
    assert!(facts.strangers.is_empty() && facts.processes.iter().filter(|p| p.role == Role::Master).count() == 2);
    let (code, out, err) = told(&["check"], &plan).await;
    assert_eq!(code, 4, "{out}{err}");
    assert!(out.contains("error[daemon-runs-twice] on master"), "{out}{err}");
    cluster.stop().await;
}
