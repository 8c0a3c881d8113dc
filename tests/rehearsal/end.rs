//! Nothing of a rehearsal outlives it, however it ends.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use mfsupgrade::plan::Mode;
use mfsupgrade::rehearsal::Cluster;

use crate::support::{PATIENCE, options, pids, plan};

fn lives(pid: u32) -> bool {
    // one that ended and was not yet taken notice of does not live
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

async fn all_pids(cluster: &Cluster) -> Vec<u32> {
    let mut all = pids(cluster, "master", "mfsmaster").await;
    all.extend(pids(cluster, "cs1", "mfschunkserver").await);
    all.extend(pids(cluster, "cl1", "mfsmount").await);
    assert_eq!(all.len(), 3);
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_rehearsal_leaves_nothing() {
    let cluster = Cluster::start(&plan("1.6.27", Mode::Rolling, 1, 1), options(&[])).await.unwrap();
    let (all, dir) = (all_pids(&cluster).await, cluster.dir().to_owned());
    drop(cluster);
    assert!(!all.iter().any(|pid| lives(*pid)) && !dir.exists());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "not a test of its own: run, and killed, by the next one"]
async fn held_until_killed() {
    let cluster = Cluster::start(&plan("1.6.27", Mode::Rolling, 1, 1), options(&[])).await.unwrap();
    println!("DIR {}", cluster.dir().display());
    println!("PIDS {:?}", all_pids(&cluster).await);
    std::future::pending::<()>().await;
}

#[test]
fn a_rehearsal_that_is_killed_leaves_nothing_for_long() {
    use std::io::BufRead;
    let mut held = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "end::held_until_killed", "--nocapture"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufReader::new(held.stdout.take().unwrap()).lines().map(Result::unwrap);
    // the harness may begin the line
    let mut find = |word: &str| lines.find_map(|line| Some(line.split_once(word)?.1.trim().to_owned())).unwrap();
    let (dir, pids) = (find("DIR "), find("PIDS "));
    let pids: Vec<u32> = pids.trim_matches(['[', ']']).split(", ").map(|pid| pid.parse().unwrap()).collect();
    assert!(pids.iter().all(|pid| lives(*pid)));
    held.kill().unwrap();
    held.wait().unwrap();
    let began = Instant::now();
    while pids.iter().any(|pid| lives(*pid)) {
        assert!(began.elapsed() < PATIENCE, "a simulated process outlived its rehearsal");
        std::thread::sleep(Duration::from_millis(50));
    }
    std::fs::remove_dir_all(Path::new(&dir)).unwrap();
}

/// Whether the time has come, by the folder for everything temporary.
type Moment<'m> = &'m dyn Fn(&Path) -> bool;

/// Runs a rehearsal with a folder of its own for everything temporary, sends SIGINT when `now` says so, and gives its exit code.
fn interrupted(now: Moment) -> (Option<i32>, Vec<std::path::PathBuf>) {
    let temporary = tempfile::tempdir().unwrap();
    let mut command = crate::support::rehearse("plans/rolling.toml");
    command.env("TMPDIR", temporary.path()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let began = Instant::now();
    while !now(temporary.path()) {
        assert!(began.elapsed() < PATIENCE && child.try_wait().unwrap().is_none(), "it never came to that");
        std::thread::sleep(Duration::from_millis(1));
    }
    rustix::process::kill_process(crate::desk::pid(&child), rustix::process::Signal::INT).unwrap();
    let code = child.wait().unwrap().code();
    let left = std::fs::read_dir(temporary.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    (code, left)
}

/// The only folder of a rehearsal.
fn of(temporary: &Path) -> Option<std::path::PathBuf> {
    let mut folders = std::fs::read_dir(temporary).unwrap().map(|entry| entry.unwrap().path());
    folders
        .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("mfsupgrade-rehearsal-")))
}

#[test]
fn ctrl_c_at_any_moment_is_heard_and_leaves_no_folder() {
    let has = |temporary: &Path, file: &str, word: &str| {
        let text = of(temporary).and_then(|folder| std::fs::read_to_string(folder.join(file)).ok());
        text.is_some_and(|text| text.contains(word))
    };
    let moments: [(&str, Moment); 6] = [
        ("its folder is made", &|t| of(t).is_some()),
        ("its hosts are made", &|t| of(t).is_some_and(|folder| folder.join("ssh_config").exists())),
        ("the first daemon starts", &|t| has(t, "events.jsonl", "\"started\"")),
        ("mounts come", &|t| has(t, "events.jsonl", "\"session-connected\"")),
        ("the cluster stands", &|t| has(t, "events.jsonl", "\"rehearsal-begins\"")),
        ("its run begins", &|t| of(t).is_some_and(|folder| folder.join("state/runs").exists())),
    ];
    for (moment, now) in moments {
        let (code, left) = interrupted(now);
        assert_eq!((code, left), (Some(10), Vec::new()), "when {moment}");
    }
}
