//! A survey of simulated hosts tells what is there: the very script that a real host runs, through a real `ssh`.

use mfsupgrade::host::{AbsPath, HostFacts, Look};
use mfsupgrade::moosefs::daemon::Role;
use mfsupgrade::plan::Mode;
use mfsupgrade::rehearsal::Cluster;

use crate::support::{options, plan, ran, said};

async fn survey(cluster: &Cluster, host: &str) -> HostFacts {
    let path = |text: &str| AbsPath::new(text).unwrap();
    let look = Look {
        prefixes: vec![path("/usr/local")],
        source_dirs: vec![path("/usr/src/mfs-1.6.27")],
        admin_port: 9421,
        survey: true,
        space_for: vec![path("/var/lib/mfsupgrade")],
        ..Look::default()
    };
    let output = ran(cluster, host, &look.script(), 0).await;
    HostFacts::parse(&output).unwrap_or_else(|e| panic!("{host}: {e}\n{output}"))
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
