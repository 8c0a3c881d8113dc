//! Golden transcripts: what is shown of ten clusters from seeds, there and back, and what two runs tell, as files.
//!
//! A change that is to change nothing leaves them equal byte by byte; one that improves words changes them alone.
//! `MFSUPGRADE_REGENERATE=1 cargo test golden` writes them anew, and `git diff` shows what has changed.

use mfsupgrade::schedule::Schedule;
use mfsupgrade::ui;

use super::campaign::{Walked, begin, session, turn};
use super::cluster::Cluster;
use super::fact::{Fact, Said};
use super::plant::Bug;
use super::scenario::Scenario;
use crate::golden::holds;

/// Clusters without a fault that are upgraded and brought back in one session each: both modes, windows, archives, with and
/// without metaloggers, and a release that deletes unknown chunks.
const SEEDS: [u64; 10] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
/// Two of them whose events are kept: a full-stop and a rolling one.
const TELLING: [u64; 2] = [1, 2];
const WIDTH: usize = 100;

/// A cluster's upgrade and its way back, each with the events of its run, one a line.
struct Transcript {
    there: (Schedule, String),
    back: (Schedule, String),
}

fn transcript(seed: u64) -> Transcript {
    let cluster = Cluster::new(&Scenario::quiet(seed));
    cluster.tells.set(true);
    let overview = cluster.state.borrow().overview().expect("the old master serves");
    let upgrade = cluster.state.borrow().scenario.schedule(&overview);
    let there = begin(&cluster, upgrade.clone(), "simulated".to_owned(), None);
    let told = walk(&cluster, &there);
    let back = turn(&cluster, &upgrade, &there, Bug::None).ok().flatten();
    let back = back.unwrap_or_else(|| panic!("seed {seed}: there is nothing to bring back"));
    let told_back = walk(&cluster, &back);
    Transcript { there: (upgrade, told), back: (back.schedule.clone(), told_back) }
}

/// One session to the target, and what it told.
fn walk(cluster: &Cluster, walked: &Walked) -> String {
    let before = cluster.state.borrow().history.len();
    match session(cluster, walked, Bug::None) {
        Ok(Said::Finished) => {}
        Ok(said) => panic!("it ends otherwise: {said:?}"),
        Err(broken) => panic!("it ends otherwise: {broken:?}"),
    }
    let state = cluster.state.borrow();
    let told = state.history[before..].iter().filter_map(|(_, fact)| match fact {
        Fact::Told(event) => Some(format!("{event}\n")),
        _ => None,
    });
    told.collect()
}

fn holds_schedule(name: &str, schedule: &Schedule) {
    holds(&format!("{name}.txt"), &ui::schedule::text(schedule, true, WIDTH, false).to_string());
    holds(&format!("{name}.json"), &(serde_json::to_string_pretty(schedule).expect("a schedule is JSON") + "\n"));
}

#[test]
fn the_schedules_of_ten_clusters_and_their_ways_back_are_as_kept() {
    for seed in SEEDS {
        let told = transcript(seed);
        holds_schedule(&format!("seed-{seed}"), &told.there.0);
        holds_schedule(&format!("seed-{seed}-back"), &told.back.0);
        if TELLING.contains(&seed) {
            holds(&format!("seed-{seed}.events.jsonl"), &told.there.1);
            holds(&format!("seed-{seed}-back.events.jsonl"), &told.back.1);
        }
    }
}
