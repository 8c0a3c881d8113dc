//! The metadata copied, restored and loaded by the new release beside the running master, by the executor's own scripts.

use std::time::Duration;

use mfsupgrade::host::{AbsPath, FileText};
use mfsupgrade::moosefs::wire::{decode, request};
use mfsupgrade::plan::Mode;
use mfsupgrade::rehearsal::{Cluster, What};
use mfsupgrade::step::{Copied, Trial, TrialExports, TrialFacts};

use crate::protocol::ask_at;
use crate::support::{
    INSTALL, count, failed, options, pids, plan, ran, said, snapshot, story, trial, unnoticed, until, until_back,
};

/// Copies and tries.
async fn tried(cluster: &Cluster) -> TrialFacts {
    let words = ran(cluster, "master", &snapshot().script(), 0).await;
    let copied = Copied::parse(&words).expect(&words);
    let names: Vec<&str> = copied.iter().map(|file| file.name.as_str()).collect();
    for expected in
        ["metadata.mfs.back", "changelog.0.mfs", "usr_local_etc_mfsmaster.cfg", "usr_local_etc_mfs_mfsexports.cfg"]
    {
        assert!(names.contains(&expected), "{words}");
    }
    let words = ran(cluster, "master", &trial().script(), 0).await;
    TrialFacts::parse(&words).expect(&words)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_loads_what_the_running_master_has_and_leaves_it_alone() {
    let plan = plan("1.6.27", Mode::Rolling, 2, 1);
    let cluster = Cluster::start(&plan, unnoticed(&[])).await.unwrap();
    let before = pids(&cluster, "master", "mfsmaster").await;
    let facts = tried(&cluster).await;
    assert_eq!(facts.last_change.map(|last| last + 1), Some(facts.metaversion), "{facts:?}");
    assert!(facts.metaversion > 38, "the changes since the last save are in it: {facts:?}");
    // 1 s to load; 1 s and 2 s to restore; and what real processes take on top of it
    assert!(facts.load_ms >= 1000 && facts.restore_ms >= 3000, "{facts:?}");

    let info = decode::info(&ask_at(&cluster, 19421, request::info()).await.unwrap()).unwrap();
    assert_eq!((info.version.as_ref().unwrap().to_string().as_str(), info.files, info.chunks), ("1.6.27", 12, 12));
    let matrix = ask_at(&cluster, 19421, request::chunk_matrix(info.layout).unwrap()).await.unwrap();
    let matrix = decode::chunk_matrix(&matrix, info.layout).unwrap();
    assert_eq!((matrix.total(), matrix.missing(), matrix.0[2][0]), (12, 12, 12), "goals, and no copies");
    // the one that is live is the old one, and nobody else reaches the other
    assert_eq!(ask_at(&cluster, 9421, request::info()).await.unwrap().len(), 60);
    assert_eq!(pids(&cluster, "master", "mfsmaster").await.len(), 2);
    let elsewhere = tokio::net::TcpStream::connect((cluster.address("master"), 19421)).await;
    if let Ok(mut stream) = elsewhere {
        use tokio::io::AsyncReadExt;
        assert_eq!(stream.read(&mut [0; 8]).await.unwrap_or(0), 0);
    }

    ran(&cluster, "master", &trial().end(), 0).await;
    assert_eq!(pids(&cluster, "master", "mfsmaster").await, before);
    said(&cluster, "master", "[ ! -e /var/lib/mfsupgrade/1.5.12-to-1.6.27/trial ]", 0).await;
    let events = cluster.events().unwrap();
    assert_eq!(count(&events, "cl1", |what| matches!(what, What::IoError { .. })), 0);

    // to the judge there was no new master yet, and then there was one with a copy beside it
    let verdict = cluster.verdict(&plan).await.unwrap();
    assert_eq!(failed(&verdict), ["everything-new"], "{verdict}\n{}", story(&cluster));
    said(&cluster, "master", &format!("{INSTALL} && mfsmaster"), 0).await;
    let verdict = cluster.verdict(&plan).await.unwrap();
    assert!(!failed(&verdict).contains(&"backup"), "{verdict}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_is_told_the_exports_that_the_new_master_will_be_told() {
    let cluster = Cluster::start(&plan("1.6.27", Mode::Rolling, 1, 0), options(&[])).await.unwrap();
    ran(&cluster, "master", &snapshot().script(), 0).await;
    let path = |text: &str| AbsPath::new(text).unwrap();
    let there = path("/usr/local/etc/mfs/mfsexports.cfg");
    let text = |text: &str| TrialExports::Text(FileText::new(text));
    for (exports, code) in [
        (text("# it's nobody\nclient1 / rw\n"), 1),
        (text("10.0.0.0/8\t/\trw,maproot=0\n"), 0),
        (TrialExports::Files(vec![path("/srv/none"), there.clone()]), 0),
    ] {
        let trial = Trial { exports, ..trial() };
        if let TrialExports::Text(text) = &trial.exports {
            let put = format!("cat > {} <<'END'\n{}END", trial.exports_file(), text.to_send().unwrap());
            said(&cluster, "master", &put, 0).await;
        }
        let words = ran(&cluster, "master", &trial.script(), code).await;
        assert_eq!(words.contains("no exports defined"), code == 1, "{words}");
        ran(&cluster, "master", &trial.end_of_all(), 0).await;
        said(&cluster, "master", &format!("ls {}", trial.exports_file()), 2).await;
    }
    said(&cluster, "master", &format!("echo '# nobody' > {there}"), 0).await;
    let trial = Trial { exports: TrialExports::Files(vec![there]), ..trial() };
    let words = ran(&cluster, "master", &trial.script(), 1).await;
    assert!(words.contains("no exports defined"), "{words}");
    ran(&cluster, "master", &trial.end(), 0).await;
    assert_eq!(pids(&cluster, "master", "mfsmaster").await.len(), 1, "the live one was not touched");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_that_was_cut_off_is_begun_anew() {
    let cluster = Cluster::start(&plan("1.6.27", Mode::Rolling, 1, 0), options(&[])).await.unwrap();
    let first = tried(&cluster).await;
    let second = tried(&cluster).await;
    assert_eq!(first.metaversion, second.metaversion);
    assert_eq!(pids(&cluster, "master", "mfsmaster").await.len(), 2, "the live one and one on trial");
    let verdict = cluster.verdict(&plan("1.6.27", Mode::Rolling, 1, 0)).await.unwrap();
    assert!(failed(&verdict).contains(&"backup"), "what is left running is seen: {verdict}");
    ran(&cluster, "master", &trial().end(), 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_configuration_means_defaults_and_these_are_the_live_ones() {
    let cluster = Cluster::start(&plan("1.6.27", Mode::Rolling, 1, 0), options(&[])).await.unwrap();
    let before = pids(&cluster, "master", "mfsmaster").await;
    let master = "/usr/src/mfs-1.6.27/mfsmaster/mfsmaster -c /var/lib/not-there.cfg";
    // the verb is what saves the live one
    let words = said(&cluster, "master", &format!("{master} start"), 1).await;
    assert!(words.contains("using defaults") && words.contains("old lockfile is locked - can't start"), "{words}");
    assert_eq!(pids(&cluster, "master", "mfsmaster").await, before);
    let words = said(&cluster, "master", master, 0).await;
    assert!(words.contains("working directory: /usr/local/var/mfs"), "{words}");
    assert_ne!(pids(&cluster, "master", "mfsmaster").await, before, "it took the live one's place");
    // our own script's key lines have a blank before the `=`; one without is no key
    let words =
        "printf 'DATA_PATH=/nowhere\\n' > /root/x.cfg; /usr/src/mfs-1.6.27/mfsmaster/mfsmaster -c /root/x.cfg start";
    let words = said(&cluster, "master", words, 1).await;
    assert!(words.contains("working directory: /usr/local/var/mfs"), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn mfsmetarestore_restores_after_a_crash_and_1_6_27_does_not_always() {
    let cluster = Cluster::start(&plan("1.6.27", Mode::Rolling, 1, 1), options(&[])).await.unwrap();
    said(&cluster, "master", "cp /usr/local/sbin/mfsmetarestore /root/old", 0).await;
    said(&cluster, "master", "kill -9 $(cat /var/run/mfs/mfsmaster.lock)", 0).await;
    let last = "cat /usr/local/var/mfs/changelog.*.mfs | sed -n 's/^\\([0-9]*\\):.*/\\1/p' | sort -n | tail -n 1";
    let last: u64 = said(&cluster, "master", last, 0).await.trim().parse().unwrap();
    let version = "od -An -v -tx1 -j 12 -N 8 /usr/local/var/mfs/metadata.mfs | tr -d ' '";
    let words = said(&cluster, "master", "mfsmetarestore -a", 0).await;
    assert!(words.contains("store metadata into file: /usr/local/var/mfs/metadata.mfs"), "{words}");
    let of = |text: String| u64::from_str_radix(text.trim(), 16).unwrap();
    assert_eq!(of(said(&cluster, "master", version, 0).await), last + 1);

    // a log with a single line: 1.6.27 says nothing and leaves it out
    let alone = "cd /usr/local/var/mfs && tail -n 1 changelog.0.mfs > /root/one && \
                 sed -i '$d' changelog.0.mfs && mv /root/one changelog.-1.mfs; mv changelog.-1.mfs changelog.00.mfs";
    said(&cluster, "master", alone, 0).await;
    said(&cluster, "master", INSTALL, 0).await;
    said(&cluster, "master", "rm /usr/local/var/mfs/metadata.mfs; mfsmetarestore -a", 0).await;
    assert_eq!(of(said(&cluster, "master", version, 0).await), last, "one change is lost");
    said(&cluster, "master", "cp /root/old /usr/local/sbin/mfsmetarestore && mfsmetarestore -a", 0).await;
    assert_eq!(of(said(&cluster, "master", version, 0).await), last + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forecast_knows_a_slow_load() {
    let mut options = options(&["slow-load@master"]);
    options.timings.real_least_eio = Duration::from_millis(400);
    let plan = plan("1.6.27", Mode::Rolling, 1, 1);
    let cluster = Cluster::start(&plan, options).await.unwrap();
    let facts = tried(&cluster).await;
    assert!(facts.load_ms > 40_000 && facts.restore_ms > 42_000, "{facts:?}");
    ran(&cluster, "master", &trial().end(), 0).await;
    // and whoever goes on all the same
    said(&cluster, "master", &format!("{INSTALL} && mfsmaster"), 0).await;
    until(&cluster, "an application gets an error", |events| {
        count(events, "cl1", |what| matches!(what, What::IoError { reason, .. } if reason.starts_with("EIO"))) > 0
    })
    .await;
    until_back(&cluster, "cs1").await;
}
