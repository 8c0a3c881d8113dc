//! Clocks that are set, and names that lead elsewhere, between two processes that walk one run.

use mfsupgrade::host::HostName;
use mfsupgrade::host::identity::Identity;
use mfsupgrade::journal::Record;
use mfsupgrade::plan::Mode;
use mfsupgrade::run::{Ending, FailureKind};
use mfsupgrade::schedule::Schedule;

use super::fault::Fault;
use super::world::{FIVE_MINUTES, World, failure, schedule, walk, walk_to_pause};

const START: &str = "sbin/mfschunkserver";
const HOUR: i64 = 3600;

/// Seconds between the starts of two chunkservers.
fn gap(world: &World, first: &str, second: &str) -> i64 {
    world.when(second, START).unwrap() - world.when(first, START).unwrap()
}

#[test]
fn no_clock_that_is_set_between_two_sessions_cuts_a_stagger() {
    for set in [10 * 60, 2 * HOUR, 400 * 24 * HOUR, -10 * 60, -2 * HOUR] {
        let world = World::new();
        let plan = schedule(&world, Mode::Rolling);
        walk_to_pause(&world, &plan, START);
        world.set_clock(set);
        world.wait(10);
        assert_eq!(walk(&world, &plan), Ending::Finished);
        let gap = gap(&world, "cs1", "cs2");
        assert!((FIVE_MINUTES..2 * FIVE_MINUTES).contains(&gap), "{set}: {gap}");
    }
}

#[test]
fn a_stagger_that_passed_while_the_run_stood_still_is_not_waited_for_again() {
    let world = World::new();
    let plan = schedule(&world, Mode::Rolling);
    walk_to_pause(&world, &plan, START);
    world.wait(HOUR);
    assert_eq!(walk(&world, &plan), Ending::Finished);
    assert!(gap(&world, "cs1", "cs2") < HOUR + FIVE_MINUTES);
}

#[test]
fn what_a_journal_of_before_does_not_know_of_a_hosts_time_is_waited_for_in_full() {
    let world = World::new();
    let plan = schedule(&world, Mode::Rolling);
    walk_to_pause(&world, &plan, START);
    for record in world.records.borrow_mut().iter_mut() {
        if let Record::Done { host_time, .. } = record {
            *host_time = None;
        }
    }
    // its daemon runs since then, as its host knows
    world.runs_since("cs1", 0);
    world.set_clock(HOUR);
    world.wait(10);
    assert_eq!(walk(&world, &plan), Ending::Finished);
    assert!(gap(&world, "cs1", "cs2") >= FIVE_MINUTES);
    assert_eq!(world.times("master", "now()"), 1, "the old master has gone: nothing is left to copy");
}

#[test]
fn no_clock_that_is_set_between_two_sessions_cuts_the_masters_wait() {
    for set in [0, 10 * 60, 2 * HOUR, -10 * 60, -2 * HOUR] {
        let world = World::new();
        let plan = schedule(&world, Mode::FullStop);
        assert_eq!(walk(&world, &plan), Ending::Finished);
        // killed as soon as the chunkservers were started, which was just now by their own hosts
        let of_servers = |id: &str| id.starts_with("chunkservers/") && id.ends_with("/start");
        let mut records = world.records.borrow_mut();
        let last = records.iter().rposition(|r| matches!(r, Record::Done { step, .. } if of_servers(&step.0))).unwrap();
        records.truncate(last + 1);
        for record in records.iter_mut() {
            if let Record::Done { step, host_time: Some(time), .. } = record
                && of_servers(&step.0)
            {
                time.up = world.up();
            }
        }
        drop(records);
        world.lose_master();
        world.deeds.borrow_mut().clear();
        let again = world.since_start();
        world.set_clock(set);
        assert_eq!(walk(&world, &plan), Ending::Finished, "{set}");
        let waited = world.when("master", "sbin/mfsmaster -t").unwrap() - again;
        assert!((180..360).contains(&waited), "{set}: {waited}");
    }
}

/// How often the metadata was copied when the run is resumed after so many seconds, and the clock was set by so many.
fn copies(set: i64, after: i64) -> usize {
    let world = World::new();
    let plan = schedule(&world, Mode::Rolling);
    walk_to_pause(&world, &plan, "restore-ms");
    world.wait(after);
    world.set_clock(set);
    assert_eq!(walk(&world, &plan), Ending::Finished);
    world.times("master", "now()")
}

#[test]
fn no_clock_that_is_set_makes_a_copy_young() {
    assert_eq!(copies(0, 600), 1, "one that is young is taken");
    assert_eq!(copies(0, 2 * HOUR), 2);
    // put back: a time that is still to come, and one that seems to be ten minutes ago
    assert_eq!(copies(-2 * HOUR, 600), 2);
    assert_eq!(copies(-2 * HOUR, 2 * HOUR + 600), 2);
    assert_eq!(copies(2 * HOUR, 600), 2, "put forward: one too many harms nobody");
}

#[test]
fn a_copy_whose_host_was_booted_since_is_made_again() {
    let world = World::new();
    let plan = schedule(&world, Mode::Rolling);
    walk_to_pause(&world, &plan, "restore-ms");
    world.wait(60);
    world.boot();
    assert_eq!(walk(&world, &plan), Ending::Finished);
    assert_eq!(world.times("master", "now()"), 2);
}

#[test]
fn a_takeover_whose_connection_was_lost_before_it_began_keeps_its_stagger_on_resume() {
    // the intent of cs2 is in the journal and its old daemon runs; cs1 has to be started once more first
    let world = World::new();
    let plan = schedule(&world, Mode::Rolling);
    walk_to_pause(&world, &plan, START);
    let (_, _, step) = plan.steps().find(|(_, _, s)| s.id.0.as_ref() == "chunkservers/cs2/start").unwrap();
    let at = mfsupgrade::run::ports::Clock::now(&world);
    world.records.borrow_mut().push(Record::Intent { step: step.id.clone(), at });
    world.wait(HOUR);
    world.lose_chunkserver("cs1");
    let before = world.deeds.borrow().len();
    assert_eq!(walk(&world, &plan), Ending::Finished);
    let deeds = world.deeds.borrow();
    let started = |host: &str| deeds[before..].iter().find(|d| d.1 == host && d.2.contains(START)).unwrap().0;
    let gap = started("cs2") - started("cs1");
    assert!(gap >= FIVE_MINUTES, "{gap} s after the last chunkserver was back");
}

#[test]
fn no_clock_that_was_set_back_takes_the_next_try_of_a_step_for_the_last_one() {
    // tried once more behind its first end, each time by a new process
    for set in [0, -2 * HOUR] {
        let world = World::new();
        let plan = schedule(&world, Mode::Rolling);
        walk_to_pause(&world, &plan, START);
        world.set_clock(set);
        world.lose_chunkserver("cs1");
        world.faults.borrow_mut().insert("cs1".to_owned(), Fault::DaemonDies);
        assert_eq!(failure(walk(&world, &plan)).kind, FailureKind::StepFailed);
        world.repair("cs1");
        assert_eq!(walk(&world, &plan), Ending::Finished, "{set}");
        assert_eq!(world.times("cs1", START), 3, "{set}");
    }
}

/// With what every host said of itself.
fn known(world: &World) -> Schedule {
    let mut schedule = schedule(world, Mode::Rolling);
    for host in &mut schedule.hosts {
        let hostname = host.name.to_string();
        host.identity = Some(Identity { hostname, boot: "b".to_owned(), ..Identity::default() });
    }
    schedule
}

#[test]
fn names_that_were_exchanged_between_two_sessions_are_refused_before_anything_is_run() {
    // begun and not begun, and the master, whose word is not asked for either
    for (one, two) in [("cs1", "cs2"), ("cs2", "cs3"), ("master", "cs3"), ("log1", "cs1")] {
        let world = World::new();
        let plan = known(&world);
        walk_to_pause(&world, &plan, START);
        world.exchange(one, two);
        let before = world.deeds.borrow().len();
        let failure = failure(walk(&world, &plan));
        assert_eq!((failure.kind, world.deeds.borrow().len()), (FailureKind::Unreachable, before), "{failure:?}");
        let told = failure.causes.join(": ");
        let named =
            [one, two].map(|name| format!("another machine answers as {name}: it is the machine that the plan calls "));
        assert!(named.iter().any(|words| told.contains(words)) && told.contains("nothing was run on it"), "{told}");
        let Some(Record::Stands { state, .. }) = world.records.borrow().last().cloned() else {
            panic!("nothing is said")
        };
        assert!(!state.contains("FILE SYSTEM IS DOWN"), "{state}");
        assert_eq!(state.contains("cannot be told from here"), one == "master", "{state}");
        world.exchange(one, two);
        assert_eq!(walk(&world, &plan), Ending::Finished, "its own machine again");
    }
}

#[test]
fn a_client_that_is_another_machine_does_not_hold_up_the_others() {
    let world = World::new();
    let plan = known(&world);
    walk_to_pause(&world, &plan, START);
    world.exchange("cl2", "stranger");
    let failure = failure(walk(&world, &plan));
    assert_eq!(failure.host, Some(HostName::new("cl2").unwrap()));
    assert!(failure.causes.iter().any(|cause| cause.contains("another machine answers as cl2")), "{failure:?}");
    assert!(!world.touched().contains(&"cl2".to_owned()) && world.touched().contains(&"cl1".to_owned()));
}

#[test]
fn a_host_that_was_booted_between_two_sessions_is_the_same() {
    let world = World::new();
    let plan = known(&world);
    walk_to_pause(&world, &plan, START);
    world.boot();
    assert_eq!(walk(&world, &plan), Ending::Finished);
}
