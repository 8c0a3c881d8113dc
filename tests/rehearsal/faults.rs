//! Every fault, seen from an operator's side.

use mfsupgrade::plan::Mode;
use mfsupgrade::rehearsal::{Cluster, RehearsalError, What};

use crate::support::{
    INSTALL, count, failed, options, plan, said, ssh, story, unnoticed, until, until_back, until_gone,
};

const START: &str = "/usr/local/sbin/mfschunkserver";

/// A cluster whose master is new already.
async fn with_new_master(faults: &[&str]) -> Cluster {
    let cluster = Cluster::start(&plan("1.6.27", Mode::Rolling, 2, 1), unnoticed(faults)).await.unwrap();
    said(&cluster, "master", &format!("{INSTALL} && mfsmaster"), 0).await;
    until_back(&cluster, "cs1").await;
    until_back(&cluster, "cs2").await;
    cluster
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_does_not_come_back_says_that_all_is_well() {
    let cluster = with_new_master(&["does-not-come-back@cs1"]).await;
    let words = said(&cluster, "cs1", &format!("{INSTALL} && {START}"), 0).await;
    assert!(words.contains("initialized properly"), "{words}");
    until(&cluster, "it dies", |events| count(events, "cs1", |what| matches!(what, What::Ended { .. })) == 2).await;
    until_gone(&cluster, "cs1", "mfschunkserver").await;
    let events = cluster.events().unwrap();
    assert_eq!(count(&events, "cl1", |what| matches!(what, What::IoError { .. })), 0, "{}", story(&cluster));
}

#[tokio::test(flavor = "multi_thread")]
async fn ssh_is_dropped_after_the_command_took_effect() {
    let cluster =
        Cluster::start(&plan("1.6.27", Mode::Rolling, 2, 0), options(&["drops-ssh@cs1", "drops-ssh-once@cs2"]))
            .await
            .unwrap();
    for (host, again) in [("cs1", Some(255)), ("cs2", Some(0))] {
        assert_eq!(ssh(&cluster, host, "cat /proc/mounts").await.status.code(), Some(0), "looking changes nothing");
        assert_eq!(ssh(&cluster, host, INSTALL).await.status.code(), Some(255), "{host}: connection lost");
        let events = cluster.events().unwrap();
        assert_eq!(count(&events, host, |what| matches!(what, What::Installed { .. })), 1, "it took effect");
        assert_eq!(ssh(&cluster, host, "true").await.status.code(), again, "{host}, again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ssh_is_dropped_after_the_command_was_answered() {
    let cluster =
        Cluster::start(&plan("1.6.27", Mode::Rolling, 1, 0), options(&["drops-ssh-after@cs1"])).await.unwrap();
    said(&cluster, "cs1", INSTALL, 0).await;
    let fault = |what: &What| matches!(what, What::FaultActed { fault } if fault == "drops-ssh-after");
    until(&cluster, "the connection is cut", |events| count(events, "cs1", fault) == 1).await;
    said(&cluster, "cs1", "grep -q 'version: 1.6.27' /usr/local/sbin/mfschunkserver", 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_install_that_fails_replaces_nothing() {
    let cluster = Cluster::start(&plan("1.6.27", Mode::Rolling, 1, 0), options(&["install-fails@cs1"])).await.unwrap();
    let words = said(&cluster, "cs1", INSTALL, 2).await;
    assert!(words.contains("No space left on device"), "{words}");
    said(&cluster, "cs1", "grep -q 'version: 1.5.12' /usr/local/sbin/mfschunkserver", 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_mount_stays() {
    let cluster = Cluster::start(&plan("1.6.27", Mode::Rolling, 1, 1), options(&["umount-busy@cl1"])).await.unwrap();
    assert!(said(&cluster, "cl1", "umount /mnt/mfs", 32).await.contains("target is busy"));
    assert!(said(&cluster, "cl1", "fusermount -u /mnt/mfs", 1).await.contains("Device or resource busy"));
    assert!(said(&cluster, "cl1", "cat /proc/mounts", 0).await.contains("MFS /mnt/mfs fuse "));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_scan_outlasts_the_greatest_stagger() {
    let cluster = with_new_master(&["slow-scan@cs1"]).await;
    said(&cluster, "cs1", &format!("{INSTALL} && {START}"), 0).await;
    until_back(&cluster, "cs1").await;
    let events = cluster.events().unwrap();
    let address = cluster.address("cs1");
    let empty = events
        .iter()
        .rfind(|e| matches!(e.what, What::ServerRegistered { address: at, chunks: 0, .. } if at == address));
    let full = events.iter().rfind(|e| matches!(e.what, What::ServerReported { address: at, .. } if at == address));
    let seconds = (full.unwrap().at - empty.unwrap().at) as f64 / 1e9 * crate::support::SPEED;
    assert!(seconds > 600.0, "{seconds} s at real speed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_chunk_leaves_its_file_under_goal() {
    let plan = plan("1.6.27", Mode::Rolling, 2, 1);
    let cluster = with_new_master(&["loses-chunk@cs1"]).await;
    said(&cluster, "cs1", &format!("{INSTALL} && {START}"), 0).await;
    until_back(&cluster, "cs1").await;
    let verdict = cluster.verdict(&plan).await.unwrap();
    let chunks = verdict.checks.iter().find(|check| check.name == "chunks").unwrap();
    assert!(chunks.detail.contains("0 chunks missing, 1 under goal"), "{verdict}");
    assert!(failed(&verdict).contains(&"chunks"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_must_have_a_host_to_act_on() {
    let plan = plan("1.6.27", Mode::Rolling, 1, 0);
    let refused = |fault: &'static str| {
        let plan = plan.clone();
        async move { Cluster::start(&plan, options(&[fault])).await.unwrap_err() }
    };
    assert!(matches!(refused("drops-ssh@cs9").await, RehearsalError::NoSuchHost(_)));
    assert!(matches!(refused("no-exports@cs1").await, RehearsalError::DoesNotApply { .. }));
}
