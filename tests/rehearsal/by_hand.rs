//! An operator's story: the cluster as it is found, then both ways of the HOWTO, done right.

use std::time::Duration;

use mfsupgrade::plan::Mode;
use mfsupgrade::rehearsal::{Cluster, What, scaled};

use crate::support::{INSTALL, SPEED, count, plan, ran, said, snapshot, story, unnoticed, until, until_back};

/// Shows every process with its program and release.
const FIND: &str = "for p in /proc/[0-9]*; do echo \"$(cat $p/comm) $(readlink $p/exe) $(readlink $p/cwd)\"; \
                    grep -a '@(#) version' $p/exe; done";

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_upgrade_by_hand() {
    let plan = plan("1.6.27", Mode::Rolling, 3, 1);
    let cluster = Cluster::start(&plan, unnoticed(&[])).await.unwrap();

    // the cluster is found running 1.5.12
    let mounts = said(&cluster, "cl1", "cat /proc/mounts", 0).await;
    assert!(mounts.contains("MFS /mnt/mfs fuse rw,"), "{mounts}");
    assert_eq!(said(&cluster, "cl1", "id -u; hostname", 0).await, "0\ncl1\n");
    let found = said(&cluster, "cs1", FIND, 0).await;
    assert!(found.contains("mfschunkserver /usr/local/sbin/mfschunkserver /usr/local/var/mfs\n"), "{found}");
    assert!(found.contains("@(#) version: 1.5.12, written by"), "{found}");
    let files = said(&cluster, "master", "cat /var/run/mfs/mfsmaster.lock; ls /usr/local/var/mfs", 0).await;
    assert!(files.contains("metadata.mfs.back\n") && !files.contains("metadata.mfs\n"), "{files}");

    ran(&cluster, "master", &snapshot().script(), 0).await;

    // install: the old one goes on, its file is deleted
    said(&cluster, "master", INSTALL, 0).await;
    let found = said(&cluster, "master", FIND, 0).await;
    assert!(found.contains("mfsmaster /usr/local/sbin/mfsmaster (deleted) "), "{found}");
    assert!(found.contains("version: 1.5.12"), "{found}");

    // the takeover
    let words = said(&cluster, "master", "/usr/local/sbin/mfsmaster", 0).await;
    for expected in ["old lockfile found", "sending SIGTERM to previous instance", "initialized properly"] {
        assert!(words.contains(expected), "{expected}: {words}");
    }
    let found = said(&cluster, "master", FIND, 0).await;
    assert!(found.contains("mfsmaster /usr/local/sbin/mfsmaster /usr") && found.contains("version: 1.6.27"), "{found}");

    for server in ["cs1", "cs2", "cs3"] {
        for all in ["cs1", "cs2", "cs3"] {
            until_back(&cluster, all).await;
        }
        tokio::time::sleep(scaled(Duration::from_secs(301), SPEED)).await;
        said(&cluster, server, &format!("{INSTALL} && /usr/local/sbin/mfschunkserver"), 0).await;
        until_back(&cluster, server).await;
    }

    said(&cluster, "cl1", &format!("{INSTALL} && umount /mnt/mfs"), 0).await;
    assert!(!said(&cluster, "cl1", "cat /proc/mounts", 0).await.contains("/mnt/mfs"));
    said(&cluster, "cl1", "/usr/local/bin/mfsmount /mnt/mfs -H mfsmaster", 0).await;
    let mounts = said(&cluster, "cl1", "cat /proc/mounts", 0).await;
    assert!(mounts.contains("mfsmaster:9421 /mnt/mfs fuse.mfs rw,nosuid,nodev,"), "{mounts}");

    let verdict = cluster.verdict(&plan).await.unwrap();
    assert!(verdict.passed, "{verdict}\n{}", story(&cluster));
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_stop_by_hand() {
    let plan = plan("1.6.27", Mode::FullStop, 2, 1);
    let cluster = Cluster::start(&plan, unnoticed(&[])).await.unwrap();

    ran(&cluster, "master", &snapshot().script(), 0).await;

    // -s of the new master stops the old one, and then says that it could not
    said(&cluster, "master", INSTALL, 0).await;
    let words = said(&cluster, "master", "/usr/local/sbin/mfsmaster -s", 1).await;
    assert!(words.contains("terminated") && words.contains("can't find process to terminate"), "{words}");
    let files =
        said(&cluster, "master", "ls /usr/local/var/mfs /var/run/mfs; cat /proc/[0-9]*/comm 2>/dev/null; true", 0);
    let files = files.await;
    assert!(files.contains("metadata.mfs\n") && !files.contains("mfsmaster"), "{files}");

    // chunkservers start without a master, and wait for it
    for server in ["cs1", "cs2"] {
        said(&cluster, server, &format!("{INSTALL} && /usr/local/sbin/mfschunkserver"), 0).await;
    }
    tokio::time::sleep(scaled(Duration::from_secs(181), SPEED)).await;
    said(&cluster, "master", "/usr/local/sbin/mfsmaster", 0).await;
    until_back(&cluster, "cs1").await;
    until_back(&cluster, "cs2").await;

    // the old mount found its master again
    until(&cluster, "the old mount is connected", |events| {
        count(events, "master", |what| matches!(what, What::SessionConnected { .. })) == 1
    })
    .await;
    said(&cluster, "cl1", &format!("{INSTALL} && umount /mnt/mfs && mfsmount /mnt/mfs -H mfsmaster"), 0).await;

    let verdict = cluster.verdict(&plan).await.unwrap();
    assert!(verdict.passed, "{verdict}\n{}", story(&cluster));
}
