//! Every trap that real releases set and that a simulated one can set: an operator walks into it.

use mfsupgrade::plan::Mode;
use mfsupgrade::rehearsal::{Cluster, What};

use crate::support::{INSTALL, count, options, pids, plan, said, story, until, until_back, until_gone};

#[tokio::test(flavor = "multi_thread")]
async fn a_verb_restarts_a_1_5_daemon_and_exits_0() {
    let cluster = Cluster::start(&plan("1.6.27", Mode::Rolling, 1, 0), options(&[])).await.unwrap();
    for verb in ["stop", "test", "status"] {
        let before = pids(&cluster, "master", "mfsmaster").await;
        said(&cluster, "master", &format!("/usr/local/sbin/mfsmaster {verb}"), 0).await;
        until(&cluster, "another master serves", |events| {
            events.iter().any(|e| {
                e.program == "mfsmaster"
                    && e.what == What::Ready
                    && !before.contains(&e.pid)
                    && !events.iter().any(|end| end.pid == e.pid && matches!(end.what, What::Ended { .. }))
            })
        })
        .await;
        let after = pids(&cluster, "master", "mfsmaster").await;
        assert!(after.len() == 1 && after != before, "{verb}: {before:?} {after:?}");
    }
    // -v is not known, and says so with exit code 0
    assert!(said(&cluster, "master", "mfsmaster -v", 0).await.contains("usage"));
}

#[tokio::test(flavor = "multi_thread")]
async fn test_of_1_6_27_kills_a_1_5_daemon_and_says_that_it_is_not_running() {
    let cluster = Cluster::start(&plan("1.6.27", Mode::Rolling, 1, 0), options(&[])).await.unwrap();
    for (host, program) in [("master", "mfsmaster"), ("cs1", "mfschunkserver")] {
        said(&cluster, host, INSTALL, 0).await;
        let words = said(&cluster, host, &format!("/usr/local/sbin/{program} test"), 0).await;
        assert!(words.contains("is not running"), "{words}");
        assert_eq!(pids(&cluster, host, program).await, [0u32; 0], "it was, until it was tested");
    }
    // against its own kind it changes nothing, and exits 1 because it runs
    said(&cluster, "cs1", "/usr/local/sbin/mfschunkserver", 0).await;
    let words = said(&cluster, "cs1", "/usr/local/sbin/mfschunkserver test", 1).await;
    assert!(words.contains("mfschunkserver pid: "), "{words}");
    assert_eq!(pids(&cluster, "cs1", "mfschunkserver").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn start_of_1_6_27_refuses_over_a_1_5_daemon() {
    let cluster = Cluster::start(&plan("1.6.27", Mode::Rolling, 1, 0), options(&[])).await.unwrap();
    let before = pids(&cluster, "master", "mfsmaster").await;
    said(&cluster, "master", INSTALL, 0).await;
    let words = said(&cluster, "master", "/usr/local/sbin/mfsmaster start", 1).await;
    assert!(words.contains("old lockfile is locked - can't start"), "{words}");
    assert_eq!(pids(&cluster, "master", "mfsmaster").await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_exports_the_takeover_is_an_outage() {
    let plan = plan("1.6.27", Mode::Rolling, 1, 1);
    let cluster = Cluster::start(&plan, options(&["no-exports@master"])).await.unwrap();
    said(&cluster, "master", INSTALL, 0).await;
    let words = said(&cluster, "master", "/usr/local/sbin/mfsmaster", 1).await;
    assert!(words.contains("terminated") && words.contains("no exports defined"), "{words}");
    assert_eq!(
        pids(&cluster, "master", "mfsmaster").await,
        [0u32; 0],
        "the old one is gone and the new one is not there"
    );

    // with the sample copied it starts on the metadata of 1.5
    let copy = "cd /usr/local/etc/mfs && cp mfsexports.cfg.dist mfsexports.cfg && /usr/local/sbin/mfsmaster";
    let words = said(&cluster, "master", copy, 0).await;
    assert!(words.contains("initialized properly"), "{words}");
    until_back(&cluster, "cs1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_exports_an_early_master_lets_no_new_mount_in() {
    let cluster = Cluster::start(&plan("1.6.13", Mode::Rolling, 1, 1), options(&["no-exports@master"])).await.unwrap();
    let words =
        said(&cluster, "master", "cd /usr/src/mfs-1.6.13 && make install && /usr/local/sbin/mfsmaster", 0).await;
    assert!(words.contains("terminated"), "{words}");
    until_back(&cluster, "cs1").await;
    said(&cluster, "cl1", "umount /mnt/mfs && cd /usr/src/mfs-1.6.13 && make install", 0).await;
    said(&cluster, "cl1", "mfsmount /mnt/mfs -H mfsmaster", 1).await;
    assert!(!said(&cluster, "cl1", "cat /proc/mounts", 0).await.contains("/mnt/mfs"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_chunkserver_or_mount_cannot_use_an_old_master() {
    let plan = plan("1.6.27", Mode::Rolling, 2, 1);
    let cluster = Cluster::start(&plan, options(&[])).await.unwrap();
    // exits 0, keeps running, and is never listed
    said(&cluster, "cs1", &format!("{INSTALL} && /usr/local/sbin/mfschunkserver"), 0).await;
    assert_eq!(pids(&cluster, "cs1", "mfschunkserver").await.len(), 1);
    until(&cluster, "the old master refuses it again and again", |events| {
        count(events, "master", |what| matches!(what, What::ServerRefused { .. })) >= 3
    })
    .await;
    let events = cluster.events().unwrap();
    assert_eq!(count(&events, "master", |what| matches!(what, What::ServerRegistered { .. })), 0);

    said(&cluster, "cl1", &format!("{INSTALL} && umount /mnt/mfs"), 0).await;
    let words = said(&cluster, "cl1", "mfsmount /mnt/mfs -H mfsmaster", 1).await;
    assert!(words.contains("error receiving data from mfsmaster"), "{words}");
    assert!(!said(&cluster, "cl1", "cat /proc/mounts", 0).await.contains("/mnt/mfs"));

    let verdict = cluster.verdict(&plan).await.unwrap();
    let failed = crate::support::failed(&verdict);
    assert!(["order", "turns", "everything-new", "readable", "chunks"].iter().all(|c| failed.contains(c)), "{verdict}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunkserver_brought_back_to_1_5_does_not_see_its_chunks() {
    let cluster = Cluster::start(&plan("1.6.27", Mode::Rolling, 1, 0), options(&[])).await.unwrap();
    said(&cluster, "master", &format!("{INSTALL} && mfsmaster"), 0).await;
    until_back(&cluster, "cs1").await;
    said(&cluster, "cs1", "cp /usr/local/sbin/mfschunkserver /root/old", 0).await;
    said(&cluster, "cs1", &format!("{INSTALL} && mfschunkserver"), 0).await;
    until_back(&cluster, "cs1").await;
    let folders = said(&cluster, "cs1", "ls /mnt/hd1 | wc -l; ls /mnt/hd1/*/chunk_* | wc -l", 0).await;
    assert_eq!(folders, "256\n12\n", "0…F became 00…FF, with all chunks");

    said(&cluster, "cs1", "mfschunkserver stop && cat /root/old > /usr/local/sbin/mfschunkserver && mfschunkserver", 0)
        .await;
    until(&cluster, "the 1.5 chunkserver registers with nothing", |events| {
        events.iter().rev().find_map(|event| match &event.what {
            What::ServerRegistered { chunks, server_version, .. } => Some(*chunks == 0 && server_version.is_none()),
            _ => None,
        }) == Some(true)
    })
    .await;

    // the way back by hand: each file to the folder named by the last hex digit of its id
    let back = "pid=$(cat /var/run/mfs/mfschunkserver.lock); kill $pid; while [ -d /proc/$pid ]; do sleep 0.05; done; \
                cd /mnt/hd1 && for f in ??/chunk_*; do id=${f#*chunk_}; id=${id%%_*}; \
                mv $f $(printf %s $id | tail -c 1)/; done; rmdir ??; mfschunkserver";
    said(&cluster, "cs1", back, 0).await;
    until_back(&cluster, "cs1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mount_on_a_mount_is_refused_and_a_missing_one_is_told() {
    let plan = plan("1.6.27", Mode::Rolling, 1, 1);
    let cluster = Cluster::start(&plan, options(&[])).await.unwrap();
    let words = said(&cluster, "cl1", "mfsmount -h mfsmaster -w /mnt/mfs", 1).await;
    assert!(words.contains("mountpoint is not empty"), "{words}");
    let words = said(&cluster, "cl1", "umount /mnt/other", 32).await;
    assert!(words.contains("not mounted"), "{words}");
    // who writes by path while nothing is mounted writes under the mount point
    let words = said(
        &cluster,
        "cl1",
        "fusermount -u /mnt/mfs && echo x > /mnt/mfs/written && mfsmount -h mfsmaster -w /mnt/mfs",
        1,
    );
    assert!(words.await.contains("mountpoint is not empty"), "{}", story(&cluster));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_run_folder_a_1_5_daemon_is_silently_not_there() {
    let cluster = Cluster::start(&plan("1.6.27", Mode::Rolling, 1, 0), options(&[])).await.unwrap();
    said(&cluster, "cs1", "kill $(cat /var/run/mfs/mfschunkserver.lock); rm -r /var/run/mfs; mfschunkserver", 0).await;
    until(&cluster, "it gave up without a word", |events| {
        count(events, "cs1", |what| matches!(what, What::StartFailed { .. })) == 1
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_scans_in_init_blocks_its_command_until_the_scan_ends() {
    let plan = plan("1.6.20", Mode::Rolling, 1, 0);
    let cluster = Cluster::start(&plan, options(&[])).await.unwrap();
    said(&cluster, "master", "cd /usr/src/mfs-1.6.20 && make install && mfsmaster -t 3600", 0).await;
    said(&cluster, "cs1", "cd /usr/src/mfs-1.6.20 && make install && mfschunkserver -t 3600", 0).await;
    until_back(&cluster, "cs1").await;
    let events = cluster.events().unwrap();
    let registered_empty = |what: &What| matches!(what, What::ServerRegistered { chunks: 0, .. });
    assert_eq!(count(&events, "master", registered_empty), 0, "it registers with its chunks only: {}", story(&cluster));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_takeover_gives_up_while_a_big_master_still_saves() {
    // 1.6.20 waits 60 s; this master saves for much longer
    let mut options = options(&[]);
    options.timings.save = std::time::Duration::from_secs(1200);
    let cluster = Cluster::start(&plan("1.6.20", Mode::Rolling, 1, 0), options).await.unwrap();
    let words = said(&cluster, "master", "cd /usr/src/mfs-1.6.20 && make install && mfsmaster", 1).await;
    assert!(words.contains("giving up"), "{words}");
    until(&cluster, "the old one ends later", |events| {
        count(events, "master", |what| *what == What::MetadataSaved) == 1
    })
    .await;
    until_gone(&cluster, "master", "mfsmaster").await;
    let events = cluster.events().unwrap();
    assert_eq!(count(&events, "master", |what| *what == What::Ready), 0, "and the new one is not there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_1_5_daemon_whose_lock_file_was_emptied_cannot_be_taken_over() {
    let cluster = Cluster::start(&plan("1.6.27", Mode::Rolling, 1, 0), options(&[])).await.unwrap();
    let before = pids(&cluster, "master", "mfsmaster").await;
    said(&cluster, "master", "mfsmaster -f", 0).await;
    until(&cluster, "the second one ended without a word", |events| {
        count(events, "master", |what| matches!(what, What::Ended { .. })) == 1
    })
    .await;
    assert_eq!(said(&cluster, "master", "cat /var/run/mfs/mfsmaster.lock", 0).await, "", "it is empty now");
    let words = said(&cluster, "master", &format!("{INSTALL} && mfsmaster"), 1).await;
    assert!(words.contains("wrong pid in old lockfile"), "{words}");
    assert_eq!(pids(&cluster, "master", "mfsmaster").await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mount_without_a_master_gives_errors_and_recovers() {
    let mut options = options(&[]);
    options.timings.real_least_eio = std::time::Duration::from_millis(300);
    let cluster = Cluster::start(&plan("1.6.27", Mode::Rolling, 1, 1), options).await.unwrap();
    // killed: no metadata.mfs, and no release starts without it
    said(&cluster, "master", "kill -9 $(cat /var/run/mfs/mfsmaster.lock)", 0).await;
    until(&cluster, "an application gets EIO", |events| {
        count(events, "cl1", |what| matches!(what, What::IoError { reason, .. } if reason.starts_with("EIO"))) > 0
    })
    .await;
    said(&cluster, "master", "mfsmaster", 0).await;
    until(&cluster, "1.5 exits 0 and is not there", |events| {
        let reason = "can't open metadata file";
        count(events, "master", |what| *what == What::StartFailed { reason: reason.into() }) == 1
    })
    .await;
    said(&cluster, "master", "cd /usr/local/var/mfs && mv metadata.mfs.back metadata.mfs && mfsmaster", 0).await;
    until(&cluster, "the mount has its session again", |events| {
        count(events, "master", |what| matches!(what, What::SessionConnected { .. })) == 1
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_release_of_1_6_deletes_chunks_that_it_does_not_know() {
    let cluster = Cluster::start(&plan("1.6.13", Mode::Rolling, 1, 0), options(&[])).await.unwrap();
    said(&cluster, "master", "cd /usr/src/mfs-1.6.13 && make install && mfsmaster -t 3600 -s", 0).await;
    // somebody starts it on empty metadata
    said(&cluster, "master", "cd /usr/local/var/mfs && mv metadata.mfs kept && printf 'MFSM NEW' > metadata.mfs", 0)
        .await;
    said(&cluster, "master", "mfsmaster", 0).await;
    until(&cluster, "every chunk is deleted", |events| {
        count(events, "cs1", |what| matches!(what, What::ChunkDeleted { .. })) == 12
    })
    .await;
    assert_eq!(said(&cluster, "cs1", "find /mnt/hd1 -name 'chunk_*' | wc -l", 0).await, "0\n");
}
