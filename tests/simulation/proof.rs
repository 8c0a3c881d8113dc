//! Whole upgrades from seeds, judged: the executor against a world that does its worst, and the judge against bugs that were
//! planted on purpose.

use super::seeds::campaign::{self, play};
use super::seeds::faults::Kind;
use super::seeds::judge::LAWS;
use super::seeds::plant::{Bug, PLANTED};
use super::seeds::proofs;
use super::seeds::scenario::Scenario;

/// Seeds in a test run; ten thousand are run in release mode by the example `simulate` (.ci/run).
const SEEDS: u64 = 1_000;

#[test]
fn seeds_break_no_law() {
    let tally = campaign::run(0, SEEDS, Bug::None);
    println!("{tally}");
    if let Some(broken) = campaign::first_broken(&tally, Bug::None) {
        panic!("{broken}\n{tally}");
    }
    let missing: Vec<_> = Kind::NAMES.iter().filter(|name| !tally.faults.contains_key(*name)).collect();
    assert!(missing.is_empty(), "every kind of fault strikes, but for {missing:?}");
    assert!(tally.endings["way back finished"] > SEEDS as usize / 5, "{tally}");
}

/// Seeds that broke a law once: a umount of a killed upgrade, a journal that had lost a stop, a daemon that died after the last
/// look, a master on other metadata that a run which went on did not stop at first, mounts and chunkservers that came up in the
/// new release by themselves, a chunkserver that was away when its chunks were counted, a umount that hung until the window had
/// closed, as did a gate, a lock that was lost with a mount away, one that was silent while the master began to save, a gate whose
/// time was taken from that of the users of a mount, a name that led to a machine without a master, half-upgraded clients that
/// booted before the way back came to them, chunkservers that were taken down outside the window since a boot had brought up the new
/// master of a full stop, one that was back before its scan since users had deleted as much as it had, a right master that a boot
/// brought up and that was ended in the place of a wrong one, a step whose next try was taken for its last one, a folder of before
/// the master's end, programs put in by hand that a boot started, copies that a new master had moved, users who deleted before a
/// way back that starts no master, a marked disk that no count showed, a gate of seconds, a daemon that got ready twice, an old master that
/// somebody started behind the begun start of the new one, users who deleted before a run had begun anything, a master that was started
/// again on other metadata, chunks that moved from a server which was away and counted twice, an old master
/// that somebody started between the wait's end and the start of its successor, one that served nobody and was left up until the window, a
/// mount whose unmounting a journal had lost, and that was called safe to leave.
const MENDED: [u64; 68] = [
    675, 812, 1074, 3799, 357, 870, 2004, 254, 539, 552, 763, 818, 15179, 20376, 72315, 86150, 100772, 109044, 110713,
    117776, 121746, 131567, 137788, 147048, 158829, 159501, 177119, 191824, 195751, 227023, 228756, 257551, 278572,
    295988, 321717, 334167, 20265015, 20265438, 20280169, 20281968, 20282513, 20284544, 20287517, 20288356, 20291833,
    20302135, 20303648, 20305316, 20316699, 20330594, 20337549, 20343997, 1399720156, 1399785825, 1399787846, 2615,
    20339025, 20265699, 20289501, 20308557, 20312203, 20334387, 20339573, 20283727, 20298341, 20338419, 20342214, 8396,
];

#[test]
fn seeds_that_broke_a_law_once_break_none() {
    for seed in MENDED {
        let played = play(&Scenario::new(seed), Bug::None, false);
        assert!(played.broken.is_empty(), "{played}");
    }
}

#[test]
fn a_failing_seed_is_told_by_its_number_with_its_history_and_how_to_play_it_again() {
    // an executor that forgets the window fails for some seeds, and nobody knows beforehand for which
    let tally = campaign::run(0, 40, Bug::ForgetsTheWindow);
    let (seed, broken) = tally.broken.first_key_value().expect("some of 40 seeds have a window");
    let again = format!("cargo run --release --example simulate -- --seed {seed}");
    let counts = tally.to_string();
    assert!(counts.contains(&format!("seed {seed}: [window] at {} s: ", broken.at / 1000)), "{counts}");
    assert!(counts.contains(&again), "{counts}");
    let told = campaign::first_broken(&tally, Bug::ForgetsTheWindow).expect("it is told");
    assert!(told.starts_with(&format!("seed {seed}: ")) && told.contains(&again), "{told}");
    assert!(told.contains("== the tool begins") && told.contains(&broken.to_string()), "{told}");
    assert_eq!(campaign::first_broken(&campaign::run(0, 1, Bug::None), Bug::None), None);
}

#[test]
fn a_run_without_faults_finishes_in_one_session() {
    for seed in 0..100 {
        let played = play(&Scenario::quiet(seed), Bug::None, false);
        assert!(played.broken.is_empty() && played.endings == ["finished"], "{played}");
    }
}

#[test]
fn a_seed_is_played_the_same_way_again() {
    for seed in 0..20 {
        let [first, second] = [(), ()].map(|()| play(&Scenario::new(seed), Bug::None, false).history);
        assert_eq!(first, second, "seed {seed}");
    }
}

#[test]
fn every_law_of_the_judge_has_a_planted_bug() {
    let laws: std::collections::BTreeSet<_> = PLANTED.iter().map(|(_, law)| *law).collect();
    assert_eq!(laws.into_iter().collect::<Vec<_>>(), LAWS);
}

#[test]
fn a_planted_bug_of_every_law_is_caught_by_it() {
    // each law by one of its bugs; `simulate --proofs` plants them all
    let mut one_a_law = PLANTED.to_vec();
    one_a_law.sort_by_key(|(_, law)| *law);
    one_a_law.dedup_by_key(|(_, law)| *law);
    let table = proofs::catches(&one_a_law);
    let escaped: Vec<_> = table.iter().filter_map(|line| line.as_ref().err()).collect();
    assert!(escaped.is_empty(), "{table:#?}");
}

/// Every so many of [`proofs::every_fault`]: a prime, so that each kind of fault strikes at other places than the one before it.
const ONE_OF: usize = 37;

#[test]
fn faults_at_the_commands_and_records_of_a_small_cluster_break_no_law() {
    let all = proofs::every_fault();
    assert!(all.len() > 10_000, "{}", all.len());
    let some: Vec<_> = all.into_iter().step_by(ONE_OF).collect();
    let broken = proofs::broken(&some);
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
