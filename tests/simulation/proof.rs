//! Whole upgrades from seeds, judged: the executor against a world that does its worst, and the judge against bugs that were
//! planted on purpose.

use super::seeds::campaign::{self, play};
use super::seeds::plant::{Bug, PLANTED};
use super::seeds::scenario::Scenario;

/// Seeds in a test run; ten thousand are run in release mode by the example `simulate` (.ci/run).
const SEEDS: u64 = 1_000;

/// A planted bug is caught within so many seeds.
const CAUGHT_WITHIN: u64 = 400;

#[test]
fn seeds_break_no_law() {
    let tally = campaign::run(0, SEEDS);
    println!("{tally}");
    if let Some((seed, _)) = tally.broken.first_key_value() {
        panic!("{}\n{tally}", play(&Scenario::new(*seed), Bug::None, false));
    }
    assert!(tally.faults.len() > 25, "every kind of fault strikes");
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
fn every_planted_bug_is_caught_by_the_law_that_it_breaks() {
    let mut table = String::new();
    let mut escaped = Vec::new();
    for (bug, law) in PLANTED {
        let broken = |seed: &u64| play(&Scenario::new(*seed), *bug, false).broken.into_iter().find(|b| b.law == *law);
        match (0..CAUGHT_WITHIN).find_map(|seed| broken(&seed).map(|b| (seed, b))) {
            Some((seed, broken)) => table += &format!("{:<22} {:>4} seeds  {broken}\n", format!("{bug:?}"), seed + 1),
            None => {
                table += &format!("{:<22} NOT CAUGHT by [{law}]\n", format!("{bug:?}"));
                escaped.push(bug);
            }
        }
    }
    println!("{table}");
    assert!(escaped.is_empty(), "{table}");
}
