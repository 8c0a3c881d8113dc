//! The simulated metalogger, driven by hand.

use mfsupgrade::host::HostName;
use mfsupgrade::moosefs::wire::{decode, request};
use mfsupgrade::plan::{Metalogger, Mode, Plan};
use mfsupgrade::rehearsal::{Cluster, What};

use crate::protocol::ask_at;
use crate::support::{
    INSTALL, PATIENCE, count, failed, options, pids, plan, ran, said, snapshot, story, until, until_back,
};

fn with_loggers(names: &[&str]) -> Plan {
    let mut plan = plan("1.6.27", Mode::Rolling, 1, 1);
    let logger = |name: &&str| Metalogger { host: HostName::new(name).unwrap(), access: plan.master.access.clone() };
    plan.metaloggers = names.iter().map(logger).collect();
    plan
}

fn connected(what: &What) -> bool {
    matches!(what, What::MetaloggerConnected { .. })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_metalogger_follows_its_master() {
    let plan = with_loggers(&["ml1", "cs1"]);
    let cluster = Cluster::start(&plan, options(&[])).await.unwrap();
    // the past has none, and nothing of it
    said(&cluster, "ml1", "[ ! -e /usr/local/sbin ] && [ ! -e /usr/local/etc ]", 0).await;
    assert_eq!(pids(&cluster, "ml1", "mfsmetalogger").await, [0u32; 0]);
    assert_eq!(count(&cluster.events().unwrap(), "master", connected), 0);

    ran(&cluster, "master", &snapshot().script(), 0).await;
    said(&cluster, "master", &format!("{INSTALL} && mfsmaster"), 0).await;
    until_back(&cluster, "cs1").await;
    for host in ["ml1", "cs1"] {
        let words = said(&cluster, host, &format!("{INSTALL} && mfsmetalogger"), 0).await;
        // no configuration: defaults, and a word about it
        assert!(
            words.contains("can't load config file: /usr/local/etc/mfs/mfsmetalogger.cfg - using defaults"),
            "{words}"
        );
    }
    until(&cluster, "both have the metadata", |events| {
        ["ml1", "cs1"]
            .iter()
            .all(|host| count(events, host, |w| matches!(w, What::MetadataDownloaded { files: 12, .. })) == 1)
    })
    .await;
    let info = decode::info(&ask_at(&cluster, 9421, request::info()).await.unwrap()).unwrap();
    let list = ask_at(&cluster, 9421, request::metaloggers(&info).unwrap()).await.unwrap();
    let list = decode::metaloggers(&list).unwrap();
    assert_eq!(list.len(), 2);
    assert!(list.iter().all(|logger| logger.version == Some("1.6.27".parse().unwrap())), "{list:?}");
    assert!(list.iter().any(|logger| logger.address == cluster.address("ml1")), "{list:?}");

    // files as a real one has them, and the changes as they come
    let grown = |size: u64| {
        let file = cluster.root("ml1").join("usr/local/var/mfs/changelog_ml.0.mfs");
        std::fs::metadata(file).is_ok_and(|facts| facts.len() > size)
    };
    let began = std::time::Instant::now();
    while !grown(0) {
        assert!(began.elapsed() < PATIENCE, "no change came\n{}", story(&cluster));
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let files =
        said(&cluster, "ml1", "ls -a /usr/local/var/mfs; head -n 1 /usr/local/var/mfs/changelog_ml.0.mfs", 0).await;
    for expected in
        [".mfsmetalogger.lock", "metadata_ml.mfs.back", "sessions_ml.mfs", "changelog_ml.0.mfs", "|ACCESS(1)"]
    {
        assert!(files.contains(expected), "{expected}: {files}");
    }

    // a second one takes the first one's place; `start` does not
    let before = pids(&cluster, "ml1", "mfsmetalogger").await;
    said(&cluster, "ml1", "mfsmetalogger start", 1).await;
    said(&cluster, "ml1", "mfsmetalogger", 0).await;
    let after = pids(&cluster, "ml1", "mfsmetalogger").await;
    assert!(after.len() == 1 && after != before);
    until(&cluster, "it is listed again", |events| events.iter().filter(|event| connected(&event.what)).count() == 3)
        .await;

    let of = |verdict: &mfsupgrade::rehearsal::Verdict| {
        let failed: Vec<String> = failed(verdict).into_iter().map(str::to_owned).collect();
        ["order", "turns", "metaloggers", "backup"].map(|name| failed.iter().any(|f| f == name))
    };
    let verdict = cluster.verdict(&plan).await.unwrap();
    assert_eq!(of(&verdict), [false; 4], "{verdict}\n{}", story(&cluster));
    said(&cluster, "ml1", "mfsmetalogger stop", 0).await;
    let verdict = cluster.verdict(&plan).await.unwrap();
    assert_eq!(of(&verdict), [false, false, true, false], "{verdict}");
    assert!(verdict.to_string().contains("no mfsmetalogger runs on ml1"), "{verdict}");

    // its copy is good for a master that lost everything
    let promoted = "cd /usr/local/var/mfs && mfsmetarestore -a && [ -s metadata.mfs ]";
    said(&cluster, "ml1", promoted, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_metalogger_never_connects_to_a_1_5_master_and_is_seen_to_be_early() {
    let plan = with_loggers(&["ml1"]);
    let cluster = Cluster::start(&plan, options(&[])).await.unwrap();
    said(&cluster, "ml1", &format!("{INSTALL} && mfsmetalogger"), 0).await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(pids(&cluster, "ml1", "mfsmetalogger").await.len(), 1, "it runs, and waits");
    let events = cluster.events().unwrap();
    assert!(!events.iter().any(|event| connected(&event.what)));
    let verdict = cluster.verdict(&plan).await.unwrap();
    let failed = failed(&verdict);
    assert!(failed.contains(&"order") && failed.contains(&"metaloggers"), "{verdict}");
}
