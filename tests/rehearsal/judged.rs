//! The judge is not told what was done: it must see it. Upgrades done wrongly, by hand and in made-up events.

use std::net::Ipv4Addr;

use mfsupgrade::plan::{Mode, Plan};
use mfsupgrade::rehearsal::judge::{FinalState, MasterAtEnd, Running};
use mfsupgrade::rehearsal::simulated::Watch;
use mfsupgrade::rehearsal::{Cluster, Event, What, judge};

use crate::support::{INSTALL, failed, options, plan, said, story, until_back};

/// Real time between two chunkservers at speed 1 in the made-up events, in seconds after the beginning.
struct Story {
    events: Vec<Event>,
    plan: Plan,
}

fn address(n: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 70, 0, u8::try_from(n).unwrap())
}

impl Story {
    fn new(mode: Mode) -> Self {
        let mut story = Self { events: Vec::new(), plan: plan("1.6.27", mode, 2, 1) };
        story.add(-1, "cl1", "mfsmount", "1.5.12", What::Mounted { mount_point: "/mnt/mfs".into() });
        let server_chunks = vec![(address(1), 10), (address(2), 10)];
        story.add(0, "master", "rehearsal", "1.5.12", What::RehearsalBegins { files: 12, chunks: 12, server_chunks });
        story
    }

    fn add(&mut self, second: i64, host: &str, program: &str, version: &str, what: What) {
        let at = u64::try_from((1_000_000 + second) * 1_000_000_000).unwrap();
        let (host, program) = (host.to_owned(), program.to_owned());
        self.events.push(Event { at, host, program, version: version.parse().unwrap(), pid: 1, what });
    }

    fn master(&mut self, second: i64) {
        self.add(second, "master", "make", "1.6.27", What::Installed { prefix: "/usr/local".into() });
        self.master_down(second + 1);
        self.add(second + 1, "master", "mfsmaster", "1.6.27", What::Started);
        self.backup(second + 1);
        self.add(second + 2, "master", "mfsmaster", "1.6.27", What::Ready);
        self.registered(second + 3, 1, 10);
        self.registered(second + 3, 2, 10);
    }

    fn backup(&mut self, second: i64) {
        let file = "/var/lib/mfsupgrade/copy/metadata.mfs.back".to_owned();
        self.add(second, "master", "mfsmaster", "1.6.27", What::BackupFound { file, metaversion: 36 });
    }

    fn master_down(&mut self, second: i64) {
        self.add(second, "master", "mfsmaster", "1.5.12", What::Terminating);
        self.add(second, "master", "mfsmaster", "1.5.12", What::Ended { clean: true });
    }

    fn registered(&mut self, second: i64, n: usize, chunks: u32) {
        let what = What::ServerRegistered { address: address(n), chunks, server_version: None };
        self.add(second, "master", "mfsmaster", "1.6.27", what);
    }

    /// Down at `down`, back with all chunks at `back`.
    fn server(&mut self, n: usize, down: i64, back: i64) {
        let host = format!("cs{n}");
        self.add(down, &host, "make", "1.6.27", What::Installed { prefix: "/usr/local".into() });
        self.add(down, &host, "mfschunkserver", "1.5.12", What::Terminating);
        self.add(down, &host, "mfschunkserver", "1.5.12", What::Ended { clean: true });
        self.add(down, &host, "mfschunkserver", "1.6.27", What::Started);
        self.add(down + 1, "master", "mfsmaster", "1.6.27", What::ServerLost { address: address(n) });
        self.registered(back - 1, n, 0);
        self.add(back, "master", "mfsmaster", "1.6.27", What::ServerReported { address: address(n), chunks: 10 });
    }

    fn client(&mut self, second: i64) {
        self.add(second, "cl1", "make", "1.6.27", What::Installed { prefix: "/usr/local".into() });
        self.add(second, "cl1", "mfsmount", "1.5.12", What::Unmounted { mount_point: "/mnt/mfs".into() });
        self.add(second + 1, "cl1", "mfsmount", "1.6.27", What::Mounted { mount_point: "/mnt/mfs".into() });
    }

    /// The names of the checks that fail when all is well in the end.
    fn failed(&self) -> Vec<String> {
        self.failed_with(|_| {})
    }

    fn failed_with(&self, change: impl Fn(&mut FinalState)) -> Vec<String> {
        let version = || "1.6.27".parse().unwrap();
        let running = |host: &str, program: &str, mount: bool| Running {
            host: host.to_owned(),
            program: program.to_owned(),
            version: version(),
            mount_point: mount.then(|| "/mnt/mfs".to_owned()),
            watch: mount.then_some(Watch { whole_round_began: u64::MAX, files: 12, errors: 0, longest_stall_ms: 0 }),
        };
        let mut end = FinalState {
            at: u64::MAX,
            processes: vec![
                running("master", "mfsmaster", false),
                running("cs1", "mfschunkserver", false),
                running("cs2", "mfschunkserver", false),
                running("cl1", "mfsmount", true),
            ],
            master: Some(MasterAtEnd {
                version: Some(version()),
                files: 12,
                chunks: 12,
                missing: 0,
                under_goal: 0,
                servers: vec![(address(1), Some(version()), 10), (address(2), Some(version()), 10)],
                metaloggers: Vec::new(),
            }),
        };
        change(&mut end);
        let verdict = judge(&self.plan, 1.0, &self.events, &end);
        failed(&verdict).into_iter().map(str::to_owned).collect()
    }
}

fn rolling(second_down: i64) -> Story {
    let mut story = Story::new(Mode::Rolling);
    story.master(10);
    story.server(1, 100, 130);
    story.server(2, second_down, second_down + 30);
    story.client(second_down + 100);
    story
}

#[test]
fn a_rolling_upgrade_done_right_passes() {
    assert_eq!(rolling(430).failed(), [""; 0]);
}

#[test]
fn a_short_stagger_is_seen() {
    assert_eq!(rolling(420).failed(), ["stagger"], "290 s in place of 300");
}

#[test]
fn two_chunkservers_down_at_once_are_seen() {
    assert_eq!(rolling(120).failed(), ["turns", "one-at-a-time", "stagger"]);
}

#[test]
fn a_wrong_order_is_seen() {
    let mut story = Story::new(Mode::Rolling);
    story.server(1, 5, 40);
    story.master(50);
    story.server(2, 500, 530);
    story.client(600);
    assert_eq!(story.failed(), ["order", "turns"]);

    let mut story = Story::new(Mode::Rolling);
    story.master(10);
    story.client(50);
    story.server(1, 100, 130);
    story.server(2, 500, 530);
    assert_eq!(story.failed(), ["order"], "clients before chunkservers");

    let mut story = Story::new(Mode::Rolling);
    story.master(10);
    story.server(2, 100, 130);
    story.server(1, 500, 530);
    story.client(600);
    assert_eq!(story.failed(), ["order", "turns"], "not the plan's order");
}

#[test]
fn an_early_install_is_seen() {
    let mut story = rolling(430);
    story.add(20, "cs2", "make", "1.6.27", What::Installed { prefix: "/usr/local".into() });
    assert_eq!(story.failed(), ["turns"]);
    let mut story = rolling(430);
    story.add(20, "cl1", "make", "1.6.27", What::Installed { prefix: "/usr/local".into() });
    assert_eq!(story.failed(), ["order"]);
}

#[test]
fn what_is_left_behind_is_seen() {
    let story = rolling(430);
    assert_eq!(story.failed_with(|end| end.processes[1].version = "1.5.12".parse().unwrap()), ["everything-new"]);
    assert_eq!(story.failed_with(|end| drop(end.processes.remove(2))), ["everything-new"]);
    assert_eq!(story.failed_with(|end| drop(end.processes.pop())), ["everything-new", "readable"]);
}

#[test]
fn what_is_lost_is_seen() {
    let story = rolling(430);
    let master = |end: &mut FinalState, change: &dyn Fn(&mut MasterAtEnd)| change(end.master.as_mut().unwrap());
    assert_eq!(story.failed_with(|end| master(end, &|m| m.files = 11)), ["metadata"]);
    assert_eq!(story.failed_with(|end| master(end, &|m| m.missing = 1)), ["chunks"]);
    assert_eq!(story.failed_with(|end| drop(end.master.as_mut().unwrap().servers.pop())), ["chunks"]);
    assert_eq!(story.failed_with(|end| end.master = None), ["metadata", "chunks"]);
    let unread = |end: &mut FinalState| end.processes[3].watch.as_mut().unwrap().whole_round_began = 0;
    assert_eq!(story.failed_with(unread), ["readable"]);
    let mut story = rolling(430);
    let (mount_point, file, reason) = ("/mnt/mfs".into(), "file-1".into(), "EIO".into());
    story.add(200, "cl1", "mfsmount", "1.5.12", What::IoError { mount_point, file, reason, after_ms: 30_000 });
    assert_eq!(story.failed(), ["data-path"]);
    let mut story = rolling(430);
    story.add(12, "master", "mfsmaster", "1.5.12", What::MetadataNotSaved);
    assert_eq!(story.failed(), ["metadata"]);
}

fn full_stop(started: i64) -> Story {
    let mut story = Story::new(Mode::FullStop);
    story.master_down(10);
    for n in [1, 2] {
        let host = format!("cs{n}");
        story.add(20, &host, "make", "1.6.27", What::Installed { prefix: "/usr/local".into() });
        story.add(20, &host, "mfschunkserver", "1.5.12", What::Terminating);
        story.add(21, &host, "mfschunkserver", "1.6.27", What::Started);
    }
    story.add(started, "master", "mfsmaster", "1.6.27", What::Started);
    story.backup(started);
    story.add(started + 1, "master", "mfsmaster", "1.6.27", What::Ready);
    story.registered(started + 2, 1, 10);
    story.registered(started + 2, 2, 10);
    story.client(started + 10);
    story
}

#[test]
fn a_full_stop_is_judged_by_its_own_rules() {
    assert_eq!(full_stop(201).failed(), [""; 0]);
    assert_eq!(full_stop(190).failed(), ["master-wait"], "169 s in place of 180");

    // 1.5 mounts give errors while the master is away; afterwards none is forgiven
    let error = || What::IoError {
        mount_point: "/mnt/mfs".into(),
        file: "file-1".into(),
        reason: "EIO".into(),
        after_ms: 30_000,
    };
    let mut story = full_stop(201);
    story.add(50, "cl1", "mfsmount", "1.5.12", error());
    assert_eq!(story.failed(), [""; 0]);
    story.add(300, "cl1", "mfsmount", "1.6.27", error());
    assert_eq!(story.failed(), ["data-path"]);

    // a run that stopped halfway has not come to its end, and broke no rule of the way
    let mut story = Story::new(Mode::FullStop);
    story.master_down(10);
    let stopped = story.failed_with(|end| {
        end.processes.clear();
        end.master = None;
    });
    assert_eq!(stopped, ["everything-new", "readable", "metadata", "chunks"], "all of them about the end");

    let mut story = Story::new(Mode::FullStop);
    story.server(1, 5, 40);
    story.master_down(50);
    assert!(story.failed().contains(&"order".to_owned()), "{:?}", story.failed());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_done_in_haste_is_seen_on_real_processes() {
    let mut plan = plan("1.6.27", Mode::Rolling, 2, 1);
    // the scan takes two of these: time to take the other one down meanwhile
    plan.upgrade.stagger.greatest = std::time::Duration::from_secs(1200);
    let cluster = Cluster::start(&plan, options(&["slow-scan@cs1"])).await.unwrap();
    said(&cluster, "master", &format!("{INSTALL} && mfsmaster"), 0).await;
    until_back(&cluster, "cs1").await;
    until_back(&cluster, "cs2").await;
    for server in ["cs1", "cs2"] {
        said(&cluster, server, &format!("{INSTALL} && mfschunkserver"), 0).await;
    }
    // the client is forgotten
    until_back(&cluster, "cs1").await;
    until_back(&cluster, "cs2").await;
    let verdict = cluster.verdict(&plan).await.unwrap();
    let failed = failed(&verdict);
    for expected in ["turns", "one-at-a-time", "stagger", "everything-new"] {
        assert!(failed.contains(&expected), "{expected}: {verdict}\n{}", story(&cluster));
    }
    assert!(!failed.contains(&"metadata") && !failed.contains(&"chunks") && !failed.contains(&"readable"), "{verdict}");
    let json = serde_json::to_value(&verdict).unwrap();
    assert_eq!(json["passed"], false);
}
