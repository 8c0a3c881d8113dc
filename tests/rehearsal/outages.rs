//! Faults that lie in wait, each run into with open eyes: what follows when nobody looked before.

use std::time::Duration;

use mfsupgrade::host::{AbsPath, HostFacts, Look};
use mfsupgrade::plan::Mode;
use mfsupgrade::rehearsal::{Cluster, Event, RehearsalError, What};

use crate::support::{
    INSTALL, count, failed, kill, options, pids, plan, ran, said, snapshot, story, trial, until, until_back,
};

/// Mounts soon give errors.
pub async fn with(faults: &[&str], clients: usize) -> Cluster {
    let mut options = options(faults);
    options.timings.real_least_eio = Duration::from_millis(400);
    Cluster::start(&plan("1.6.27", Mode::Rolling, 1, clients), options).await.unwrap()
}

pub async fn until_errors(cluster: &Cluster) {
    until(cluster, "an application gets an error", |events| {
        count(events, "cl1", |what| matches!(what, What::IoError { .. })) > 0
    })
    .await;
}

pub async fn no_master(cluster: &Cluster) {
    assert_eq!(pids(cluster, "master", "mfsmaster").await, [0u32; 0], "{}", story(cluster));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_lock_file_keeps_the_old_daemon_for_ever() {
    let cluster = with(&["lock-file-lost@master", "lock-file-lost@cs1"], 0).await;
    for (host, program) in [("master", "mfsmaster"), ("cs1", "mfschunkserver")] {
        let before = pids(&cluster, host, program).await;
        assert_eq!(said(&cluster, host, &format!("cat /var/run/mfs/{program}.lock"), 0).await, "");
        let words = said(&cluster, host, &format!("{INSTALL} && {program}"), 1).await;
        assert!(words.contains("wrong pid in old lockfile"), "{words}");
        // and -s neither
        said(&cluster, host, &format!("{program} -s"), 1).await;
        assert_eq!(pids(&cluster, host, program).await, before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_that_the_new_release_cannot_load_is_an_outage_without_a_trial() {
    let cluster = with(&["metadata-corrupt@master"], 1).await;
    ran(&cluster, "master", &snapshot().script(), 0).await;
    let words = ran(&cluster, "master", &trial().script(), 1).await;
    assert!(
        words.contains("the new mfsmaster ended with exit code 1") && words.contains("unknown node type"),
        "{words}"
    );
    ran(&cluster, "master", &trial().end(), 0).await;
    assert_eq!(pids(&cluster, "master", "mfsmaster").await.len(), 1, "the trial did no harm");

    let words = said(&cluster, "master", &format!("{INSTALL} && mfsmaster"), 1).await;
    assert!(words.contains("terminated") && words.contains("error reading metadata"), "{words}");
    no_master(&cluster).await;
    until_errors(&cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_that_was_never_saved_cannot_be_restored() {
    let cluster = with(&["metadata-never-saved@master"], 0).await;
    assert_eq!(said(&cluster, "master", "cat /usr/local/var/mfs/metadata.mfs.back", 0).await, "MFSM NEW");
    ran(&cluster, "master", &snapshot().script(), 0).await;
    let words = ran(&cluster, "master", &trial().script(), 1).await;
    assert!(
        words.contains("mfsmetarestore ended with exit code 1") && words.contains("wrong metadata header"),
        "{words}"
    );
    ran(&cluster, "master", &trial().end(), 0).await;
    // it dies: every byte is on the disks, and nobody can say which file it is of
    said(&cluster, "master", "kill -9 $(cat /var/run/mfs/mfsmaster.lock)", 0).await;
    said(&cluster, "master", "mfsmetarestore -a", 1).await;
    said(&cluster, "master", "mfsmaster", 0).await;
    until(&cluster, "it gave up", |events| {
        count(events, "master", |what| matches!(what, What::StartFailed { .. })) == 1
    })
    .await;
    no_master(&cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_save_that_never_ended_is_an_outage() {
    let cluster = with(&["stale-tmp@master"], 1).await;
    let age = "echo $(($(date +%s) - $(stat -c %Y /usr/local/var/mfs/metadata.mfs.back.tmp)))";
    let age: u64 = said(&cluster, "master", age, 0).await.trim().parse().unwrap();
    assert!((3590..3700).contains(&age), "{age}");
    ran(&cluster, "master", &snapshot().script(), 1).await;
    let words = said(&cluster, "master", &format!("{INSTALL} && mfsmaster"), 1).await;
    assert!(words.contains("can't open metadata file"), "{words}");
    let events = cluster.events().unwrap();
    assert_eq!(count(&events, "master", |what| *what == What::MetadataNotSaved), 1, "{}", story(&cluster));
    no_master(&cluster).await;
    until_errors(&cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn exports_for_somebody_else_keep_new_mounts_out() {
    let cluster = with(&["exports-refuse@master"], 1).await;
    said(&cluster, "master", &format!("{INSTALL} && mfsmaster"), 0).await;
    until_back(&cluster, "cs1").await;
    said(&cluster, "cl1", &format!("{INSTALL} && umount /mnt/mfs"), 0).await;
    let words = said(&cluster, "cl1", "mfsmount /mnt/mfs -H mfsmaster", 1).await;
    assert!(words.contains("Permission denied"), "{words}");
    let verdict = cluster.verdict(&plan("1.6.27", Mode::Rolling, 1, 1)).await.unwrap();
    assert!(failed(&verdict).contains(&"readable"), "{verdict}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken_is_an_outage() {
    let cluster = with(&["port-9419-taken@master"], 1).await;
    let table = said(&cluster, "master", "cat /proc/net/tcp", 0).await;
    assert!(table.contains(":24CB 00000000:0000 0A "), "{table}");
    assert_eq!(pids(&cluster, "master", "collectd").await.len(), 1);
    let words = said(&cluster, "master", &format!("{INSTALL} && mfsmaster"), 1).await;
    assert!(words.contains("terminated") && words.contains("listen on *:9419"), "{words}");
    no_master(&cluster).await;
    until_errors(&cluster).await;
    // metadata.mfs was put back; once the port is free it starts
    let collectd = pids(&cluster, "master", "collectd").await[0];
    let words = said(&cluster, "master", &format!("{}; mfsmaster", kill(collectd)), 0).await;
    assert!(words.contains("initialized properly"), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_without_its_host_is_left() {
    let mut plan = plan("1.6.27", Mode::Rolling, 1, 1);
    let refused = Cluster::start(&plan, options(&["listens-elsewhere@master"])).await.unwrap_err();
    assert!(matches!(refused, RehearsalError::DoesNotApply { .. }), "{refused}");
    plan.master.admin_port = 9521;
    let mut options = options(&["listens-elsewhere@master"]);
    options.timings.real_least_eio = Duration::from_millis(400);
    let cluster = Cluster::start(&plan, options).await.unwrap();
    let words = said(&cluster, "master", &format!("{INSTALL} && mfsmaster"), 0).await;
    assert!(words.contains("initialized properly"), "all is well, it says: {words}");
    let table = said(&cluster, "master", "cat /proc/net/tcp", 0).await;
    assert!(table.contains(":24CD 00000000:0000 0A ") && !table.contains(":2531 00000000:0000 0A "), "{table}");
    until(&cluster, "an application gets an error", |events| {
        count(events, "cl1", |what| matches!(what, What::IoError { .. })) > 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_metadata_loses_files() {
    let cluster = with(&["loads-other-metadata@master"], 1).await;
    let words = said(&cluster, "master", &format!("{INSTALL} && mfsmaster"), 0).await;
    assert!(words.contains("initialized properly") && words.contains("file inodes: 6"), "{words}");
    until_back(&cluster, "cs1").await;
    let verdict = cluster.verdict(&plan("1.6.27", Mode::Rolling, 1, 1)).await.unwrap();
    let failed = failed(&verdict);
    assert!(failed.contains(&"metadata") && failed.contains(&"readable"), "{verdict}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_works_in_a_mount_can_be_found_and_asked_to_leave() {
    let cluster = with(&["umount-busy@cl1"], 1).await;
    let look = Look { prefixes: vec![AbsPath::new("/usr/local").unwrap()], survey: true, ..Look::default() };
    let facts = HostFacts::parse(&ran(&cluster, "cl1", &look.script(), 0).await).unwrap();
    let [user] = &facts.users[..] else { panic!("{:?}", facts.users) };
    assert_eq!((user.name.as_str(), user.path.as_str()), ("rsync", "/mnt/mfs"));
    let pid = user.pid;
    said(&cluster, "cl1", "umount /mnt/mfs", 32).await;
    said(&cluster, "cl1", &format!("{}; umount /mnt/mfs", kill(pid)), 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_master_without_a_copy_of_its_metadata_is_told_on() {
    let cluster = with(&[], 0).await;
    said(&cluster, "master", &format!("{INSTALL} && mfsmaster"), 0).await;
    let verdict = cluster.verdict(&plan("1.6.27", Mode::Rolling, 1, 0)).await.unwrap();
    assert!(failed(&verdict).contains(&"backup"), "{verdict}");
}

#[tokio::test(flavor = "multi_thread")]
async fn chunks_that_are_missing_lock_old_mounts_out_for_longer_than_they_wait() {
    let mut options = options(&[]);
    // the 30 s of a mount are 0.6 s, and the two minutes of the master 2.4 s
    (options.speed, options.timings.real_least_eio) = (50.0, Duration::from_millis(300));
    let cluster = Cluster::start(&plan("1.6.27", Mode::Rolling, 1, 1), options).await.unwrap();
    let lost: String = (9001..9101).map(|chunk| format!("{chunk},")).collect();
    let lose = format!("LC_ALL=C sed -i '0,/\"chunks\": \\[/s//&{lost}/' metadata.mfs");
    let swap = format!(
        "{INSTALL} && kill $(cat /var/run/mfs/mfsmaster.lock); cd /usr/local/var/mfs; \
         while [ ! -f metadata.mfs ] || [ -d /proc/$(cat /var/run/mfs/mfsmaster.lock) ]; do sleep 0.02; done; {lose} && mfsmaster"
    );
    let words = said(&cluster, "master", &swap, 0).await;
    assert!(words.contains("initialized properly"), "{words}");
    let connected = |events: &[Event]| count(events, "master", |what| matches!(what, What::SessionConnected { .. }));
    let errors = |events: &[Event]| count(events, "cl1", |what| matches!(what, What::IoError { .. }));
    let before = cluster.events().unwrap();
    until(&cluster, "an application gets an error", |events| errors(events) > errors(&before)).await;
    assert_eq!(connected(&cluster.events().unwrap()), connected(&before), "{}", story(&cluster));
    until(&cluster, "it lets in whoever comes", |events| connected(events) > connected(&before)).await;
}
