//! Whose metadata a master serves that a run has started and never saw whole, or that somebody else has started since. A healthy
//! one is never stopped, one on other metadata always, and where nobody can tell, the operator is asked.

use mfsupgrade::journal::Record;
use mfsupgrade::plan::Mode;
use mfsupgrade::run::event::Stamped;
use mfsupgrade::run::{Ending, Event, EventSink, Failure, FailureKind, Remedy};
use mfsupgrade::schedule::Schedule;

use super::fault::Fault;
use super::world::{World, all_new, failure, heard, schedule, walk};

/// What stops a new master.
const STOP: &str = "mfsmaster -t 1800 -s";

/// A run of 10,000 inodes that was killed between the start of the new master and the record that knows it.
fn killed_behind_the_start(mode: Mode) -> (World, Schedule) {
    let world = World::new();
    world.set_inodes(10_000);
    let plan = schedule(&world, mode);
    assert_eq!(walk(&world, &plan), Ending::Finished);
    let starts = |r: &Record| matches!(r, Record::Intent { step, .. } if *step.0 == *"master/master/start");
    let at = world.records.borrow().iter().rposition(starts).expect("the master was started");
    world.records.borrow_mut().truncate(at + 1);
    world.deeds.borrow_mut().clear();
    world.wait(8 * 3600);
    (world, plan)
}

fn way() -> mfsupgrade::ui::failure::WayOn {
    mfsupgrade::ui::failure::WayOn { resume: "mfsupgrade resume R".to_owned(), rollback: None }
}

fn asks(ending: Ending) -> Failure {
    let failure = failure(ending);
    assert_eq!(failure.kind, FailureKind::GateRed);
    assert!(failure.asks_about_metadata() && !failure.needs(Remedy::NewestMetadata), "{:?}", failure.causes);
    failure
}

/// Nobody has told the master anything.
fn is_left_alone(world: &World) -> bool {
    world.times("master", STOP) == 0 && world.times("master", "sbin/mfsmaster") == 0
}

#[test]
fn users_who_delete_a_few_percent_overnight_do_not_have_their_master_stopped() {
    for mode in [Mode::Rolling, Mode::FullStop] {
        for inodes in [9_700, 4_000, 0] {
            let (world, plan) = killed_behind_the_start(mode);
            world.set_inodes(inodes);
            assert_eq!(walk(&world, &plan), Ending::Finished, "{inodes}");
            assert!(is_left_alone(&world) && all_new(&world), "{inodes}: {:?}", world.deeds.borrow());
        }
    }
}

/// From the master's start on nothing is heard of it.
struct LosesTheMaster<'a>(&'a World);

impl EventSink for LosesTheMaster<'_> {
    fn send(&self, event: Stamped) {
        if matches!(event.event, Event::StepStarted { step, .. } if *step.0 == *"master/master/start") {
            self.0.silent.set(u32::MAX);
        }
    }
}

#[test]
fn nor_do_they_where_the_gate_could_not_ask_it() {
    let world = World::new();
    world.set_inodes(10_000);
    let plan = schedule(&world, Mode::Rolling);
    assert_eq!(failure(heard(&world, &plan, &LosesTheMaster(&world))).kind, FailureKind::GateRed);
    world.silent.set(0);
    world.set_inodes(9_700);
    assert_eq!(walk(&world, &plan), Ending::Finished);
    assert_eq!(world.times("master", STOP), 0);
}

#[test]
fn nor_where_its_host_was_booted_meanwhile_or_it_died() {
    let (world, plan) = killed_behind_the_start(Mode::Rolling);
    world.start_new_master();
    world.loaded.set(1_400);
    world.set_inodes(9_700);
    assert_eq!(walk(&world, &plan), Ending::Finished);
    assert!(is_left_alone(&world));

    let (world, plan) = killed_behind_the_start(Mode::Rolling);
    world.lose_master();
    world.loaded.set(1_400);
    world.set_inodes(9_700);
    assert_eq!(walk(&world, &plan), Ending::Finished);
    assert_eq!((world.times("master", STOP), world.times("master", "sbin/mfsmaster")), (0, 1), "started once more");
}

#[test]
fn nor_where_its_host_boots_while_another_one_is_told_to_stop() {
    let world = World::with("master", Fault::OtherMetadataUntilABoot);
    let plan = schedule(&world, Mode::Rolling);
    let failure = failure(walk(&world, &plan));
    assert!(failure.causes.iter().any(|c| c.contains("a boot has started since is left alone")), "{failure:?}");
    assert!(!failure.needs(Remedy::NewestMetadata), "nothing is to be put in its place: {failure:?}");
    assert_eq!(world.times("master", STOP), 1, "the one on other metadata");
    assert_eq!(walk(&world, &plan), Ending::Finished);
    assert_eq!((world.times("master", STOP), world.times("master", "sbin/mfsmaster -t 1800")), (1, 2));
}

#[test]
fn a_master_on_older_metadata_is_stopped_at_once_however_much_it_counts() {
    for inodes in [20_000, 10_000, 9_700, 3] {
        let (world, plan) = killed_behind_the_start(Mode::Rolling);
        world.loaded.set(999);
        world.set_inodes(inodes);
        let failure = failure(walk(&world, &plan));
        assert!(failure.needs(Remedy::NewestMetadata) && !failure.asks_about_metadata(), "{:?}", failure.causes);
        assert!(failure.causes.iter().any(|c| c.contains("has version 999")), "{:?}", failure.causes);
        assert_eq!(world.touched(), ["master"], "{inodes}");
        assert_eq!(world.times("master", STOP), 1, "{inodes}");
    }
}

#[test]
fn where_no_version_tells_the_operator_is_asked_and_the_master_serves_on() {
    for mode in [Mode::Rolling, Mode::FullStop] {
        let (world, plan) = killed_behind_the_start(mode);
        world.unreadable.set(true);
        world.set_inodes(9_700);
        for _ in 0..2 {
            asks(walk(&world, &plan));
            assert!(world.touched().is_empty(), "{:?}", world.deeds.borrow());
        }
        world.accepts_metadata.set(true);
        assert_eq!(walk(&world, &plan), Ending::Finished);
        assert!(is_left_alone(&world) && all_new(&world));
    }
}

#[test]
fn a_yes_to_its_metadata_holds_for_later_sessions_too() {
    let (world, plan) = killed_behind_the_start(Mode::Rolling);
    world.unreadable.set(true);
    world.set_inodes(9_700);
    world.accepts_metadata.set(true);
    assert_eq!(walk(&world, &plan), Ending::Finished);
    let accepted = |r: &Record| matches!(r, Record::Counted { counts, .. } if counts.accepted);
    let at = world.records.borrow().iter().position(accepted).expect("that is written down");
    world.records.borrow_mut().truncate(at + 1);
    world.accepts_metadata.set(false);
    assert_eq!(walk(&world, &plan), Ending::Finished);
}

#[test]
fn an_old_master_that_was_put_back_by_hand_is_what_its_successor_is_held_to() {
    let (world, plan) = killed_behind_the_start(Mode::Rolling);
    world.put_back_master();
    world.loaded.set(1_400);
    world.set_inodes(9_700);
    assert_eq!(walk(&world, &plan), Ending::Finished);
    assert_eq!(world.times("master", STOP), 0);
}

#[test]
fn an_old_master_that_was_put_back_on_an_older_copy_is_asked_about_before_it_is_upgraded() {
    let (world, plan) = killed_behind_the_start(Mode::Rolling);
    world.put_back_master();
    world.loaded.set(700);
    let failure = asks(walk(&world, &plan));
    assert!(failure.causes[0].contains("version 700, and it had 1000"), "{:?}", failure.causes);
    assert!(world.touched().is_empty());
    world.accepts_metadata.set(true);
    assert_eq!(walk(&world, &plan), Ending::Finished);
    assert_eq!(world.times("master", STOP), 0);
}

/// Its own run has seen it whole, and left it for the night.
#[test]
fn a_new_master_that_was_put_on_an_older_copy_since_is_asked_about_however_much_it_counts() {
    for inodes in [10_000, 9_900, 4_000] {
        let world = World::new();
        world.set_inodes(10_000);
        let plan = schedule(&world, Mode::Rolling);
        assert_eq!(walk(&world, &plan), Ending::Finished);
        let seen = |r: &Record| matches!(r, Record::Done { step, .. } if *step.0 == *"master/master/start");
        let at = world.records.borrow().iter().rposition(seen).expect("the master was started");
        world.records.borrow_mut().truncate(at + 1);
        world.deeds.borrow_mut().clear();
        world.wait(8 * 3600);
        world.start_new_master();
        world.loaded.set(700);
        world.set_inodes(inodes);
        // nor is it passed over while it is silent
        for silent in [0, u32::MAX, 0] {
            world.silent.set(silent);
            let failure = asks(walk(&world, &plan));
            assert!(failure.causes[0].contains("has version 700"), "{:?}", failure.causes);
            assert!(world.touched().is_empty(), "{inodes}: {:?}", world.deeds.borrow());
        }
        world.accepts_metadata.set(true);
        assert_eq!(walk(&world, &plan), Ending::Finished, "{inodes}");
        assert!(is_left_alone(&world));
    }
}

#[test]
fn older_metadata_that_was_accepted_is_what_the_run_goes_on_with() {
    let (world, plan) = killed_behind_the_start(Mode::Rolling);
    world.loaded.set(999);
    world.accepts_metadata.set(true);
    assert_eq!(walk(&world, &plan), Ending::Finished);
    assert!(is_left_alone(&world));
}

#[test]
fn what_is_asked_is_told_with_how_to_say_yes_and_no_text_puts_older_metadata_in_place() {
    let (world, plan) = killed_behind_the_start(Mode::Rolling);
    world.unreadable.set(true);
    world.set_inodes(9_700);
    let asked = asks(walk(&world, &plan));
    let text = mfsupgrade::ui::failure::message(&asked, None, "", Some(&way())).to_string();
    assert!(
        text.contains("if the master serves the right metadata, run `mfsupgrade resume R --accept-metadata`"),
        "{text}"
    );
    assert!(text.contains("NOT stopped") && text.contains("put no other metadata in place"), "{text}");
    world.unreadable.set(false);
    world.loaded.set(999);
    let stopped = failure(walk(&world, &plan));
    let text = mfsupgrade::ui::failure::message(&stopped, None, "", Some(&way())).to_string();
    assert!(text.contains("the highest") && text.contains("nothing older ever takes its place"), "{text}");
}
