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
