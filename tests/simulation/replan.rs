//! A plan that was changed between a stop and a resume: the run goes on with the new schedule from where it is.

use std::time::Duration;

use mfsupgrade::journal::Progress;
use mfsupgrade::plan::Mode;
use mfsupgrade::run::{Ending, Event};
use mfsupgrade::schedule::change::{needs_a_look, touches_begun};

use super::world::{Events, NEW, World, heard, plan, schedule_of, walk, walk_to_pause};

#[test]
fn another_order_and_stagger_of_what_is_to_come_hold_from_the_resume_on() {
    let world = World::new();
    let old = plan(Mode::Rolling);
    let mut new = old.clone();
    new.chunkservers.swap(1, 2);
    new.upgrade.stagger.least = Duration::from_secs(420);
    let (before, after) = (schedule_of(&world, &old), schedule_of(&world, &new));
    walk_to_pause(&world, &before, "sbin/mfschunkserver");
    assert_eq!(world.touched(), ["master", "log1", "cs1"]);
    let progress = Progress::replay(&world.records.borrow());
    let begun = |step: &_| progress.done.contains_key(step) || progress.open.contains(step);
    assert_eq!((needs_a_look(&old, &new), touches_begun(&before, &after, &begun)), (vec![], vec![]));
    assert_eq!(walk(&world, &after), Ending::Finished);
    assert_eq!(world.touched(), ["master", "log1", "cs1", "cs3", "cs2", "cl1", "cl2"]);
    let start = |host| world.when(host, "sbin/mfschunkserver").unwrap();
    assert!(start("cs3") - start("cs1") >= 420 && start("cs2") - start("cs3") >= 420);
    assert_eq!(world.times("cs1", "sbin/mfschunkserver"), 1);
    assert!(world.versions().iter().all(|(_, version)| *version == NEW));
}

#[test]
fn a_chunkserver_that_was_begun_cannot_change_its_place() {
    let world = World::new();
    let old = plan(Mode::Rolling);
    let mut new = old.clone();
    new.chunkservers.swap(0, 1);
    let (before, after) = (schedule_of(&world, &old), schedule_of(&world, &new));
    *world.pause_after.borrow_mut() = Some("sbin/mfschunkserver".into());
    assert_eq!(walk(&world, &before), Ending::Paused);
    let progress = Progress::replay(&world.records.borrow());
    let reasons = touches_begun(&before, &after, &|step| progress.done.contains_key(step));
    assert_eq!(reasons, ["cs1 of chunkservers has another place"], "the stagger after it would be lost");
}

#[test]
fn a_pause_says_how_the_cluster_is_and_that_it_may_be_left() {
    let world = World::new();
    *world.pause_after.borrow_mut() = Some("sbin/mfschunkserver".into());
    let events = Events::default();
    assert_eq!(heard(&world, &schedule_of(&world, &plan(Mode::Rolling)), &events), Ending::Paused);
    let said = |events: &Events| {
        let told = events.0.lock().unwrap();
        told.iter()
            .find_map(|e| if let Event::Paused { state } = &e.event { Some(state.clone()) } else { None })
            .unwrap()
    };
    let state = said(&events);
    assert!(state.contains("1 of 3 chunkservers on 1.6.27"), "{state}");
    assert!(state.ends_with("cluster healthy; safe to leave"), "{state}");
    let progress = Progress::replay(&world.records.borrow());
    assert!(progress.stands.unwrap().contains("cluster healthy"), "for `status`");
    // the look is a fresh one
    world.lose_chunkserver("cs3");
    let events = Events::default();
    assert_eq!(heard(&world, &schedule_of(&world, &plan(Mode::Rolling)), &events), Ending::Paused);
    let state = said(&events);
    assert!(state.contains("cluster NOT healthy: chunkserver cs3 (10.0.1.3) is not connected"), "{state}");
    assert!(!state.contains("safe to leave"), "{state}");
}

#[test]
fn a_pause_before_the_master_says_what_a_1_5_master_can_tell() {
    let world = World::new();
    *world.pause_after.borrow_mut() = Some("restore-ms".into());
    let events = Events::default();
    assert_eq!(heard(&world, &schedule_of(&world, &plan(Mode::Rolling)), &events), Ending::Paused);
    let told = events.0.lock().unwrap();
    let paused = told.iter().any(|e| match &e.event {
        Event::Paused { state } => state.ends_with("cluster healthy as far as a 1.5 master tells; safe to leave"),
        _ => false,
    });
    assert!(paused, "{:?}", told.last());
}
