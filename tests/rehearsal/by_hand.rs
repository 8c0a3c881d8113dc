//! An operator's story: the cluster as it is found, then by the letter of the HOWTO.

use mfsupgrade::plan::Mode;
use mfsupgrade::rehearsal::{Cluster, What};

use crate::support::{count, options, plan, said, story, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_upgrade_by_hand() {
    let plan = plan("1.6.27", Mode::Rolling, 2, 1);
    let cluster = Cluster::start(&plan, options(&[])).await.unwrap();

    // the cluster is found running 1.5.12
    let mounts = said(&cluster, "cl1", "cat /proc/mounts", 0).await;
    assert!(mounts.contains("MFS /mnt/mfs fuse rw,"), "{mounts}");
    assert_eq!(said(&cluster, "cl1", "id -u; hostname", 0).await, "0\ncl1\n");
    let find = "for p in /proc/[0-9]*; do echo \"$(cat $p/comm) $(readlink $p/exe) $(readlink $p/cwd)\"; \
                grep -a '@(#) version' $p/exe; done";
    let found = said(&cluster, "cs1", find, 0).await;
    assert!(found.contains("mfschunkserver /usr/local/sbin/mfschunkserver /usr/local/var/mfs\n"), "{found}");
    assert!(found.contains("@(#) version: 1.5.12, written by"), "{found}");

    // install: the old one goes on, its file is deleted
    said(&cluster, "master", "cd /usr/src/mfs-1.6.27 && make install", 0).await;
    let found = said(&cluster, "master", find, 0).await;
    assert!(found.contains("mfsmaster /usr/local/sbin/mfsmaster (deleted) "), "{found}");
    assert!(found.contains("version: 1.5.12"), "{found}");

    // the takeover
    let words = said(&cluster, "master", "/usr/local/sbin/mfsmaster", 0).await;
    for expected in ["old lockfile found", "sending SIGTERM to previous instance", "initialized properly"] {
        assert!(words.contains(expected), "{expected}: {words}");
    }
    let found = said(&cluster, "master", find, 0).await;
    assert!(found.contains("mfsmaster /usr/local/sbin/mfsmaster /usr") && found.contains("version: 1.6.27"), "{found}");
    until(&cluster, "both chunkservers are back at the new master", |events| {
        count(events, "master", |what| matches!(what, What::ServerRegistered { .. })) == 2
    })
    .await;

    for (server, registrations) in [("cs1", 3), ("cs2", 4)] {
        said(&cluster, server, "make -C /usr/src/mfs-1.6.27 install && /usr/local/sbin/mfschunkserver", 0).await;
        until(&cluster, "the chunkserver is back with its chunks", |events| {
            count(events, "master", |what| matches!(what, What::ServerRegistered { .. })) == registrations
                && count(events, "master", |what| matches!(what, What::ServerReported { chunks, .. } if *chunks > 0))
                    == registrations - 2
        })
        .await;
    }

    said(&cluster, "cl1", "cd /usr/src/mfs-1.6.27 && make install && umount /mnt/mfs", 0).await;
    assert!(!said(&cluster, "cl1", "cat /proc/mounts", 0).await.contains("/mnt/mfs"));
    said(&cluster, "cl1", "/usr/local/bin/mfsmount /mnt/mfs -H mfsmaster", 0).await;
    let mounts = said(&cluster, "cl1", "cat /proc/mounts", 0).await;
    assert!(mounts.contains("mfsmaster:9421 /mnt/mfs fuse.mfs rw,nosuid,nodev,"), "{mounts}");

    let events = cluster.events().unwrap();
    assert_eq!(count(&events, "cl1", |what| matches!(what, What::IoError { .. })), 0, "{}", story(&cluster));
    let verdict = cluster.verdict(&plan).await.unwrap();
    // by hand nobody waited for the stagger; everything else was right
    let failed: Vec<&str> = verdict.checks.iter().filter(|c| !c.passed).map(|c| c.name.as_str()).collect();
    assert_eq!(failed, ["stagger"], "{verdict}\n{}", story(&cluster));
    cluster.stop().await;
}
