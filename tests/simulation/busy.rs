//! Mounts that are in use at their turn, and what is written while nothing is mounted.

use std::sync::atomic::Ordering;
use std::time::Duration;

use mfsupgrade::plan::calendar::time_of_day;
use mfsupgrade::plan::{Busy, Mode, Window};
use mfsupgrade::run::event::Stamped;
use mfsupgrade::run::{Ending, Event, EventSink, Failure, FailureKind};
use mfsupgrade::schedule::Schedule;

use super::fault::Fault;
use super::world::{Events, NEW, World, heard, plan, schedule, schedule_of, walk};

/// Longer than any run here.
const FOR_EVER: i64 = 1_000_000;

fn with(world: &World, busy: Busy, lazy_unmount: bool) -> Schedule {
    let mut plan = plan(Mode::Rolling);
    for group in &mut plan.clients {
        (group.busy, group.lazy_unmount) = (busy, lazy_unmount);
    }
    schedule_of(world, &plan)
}

#[track_caller]
fn failed(ending: Ending) -> (Failure, String) {
    match ending {
        Ending::Failed(failure, state) => (failure, state),
        other => panic!("the run did not fail: {other:?}"),
    }
}

fn minutes(minutes: u64) -> Busy {
    Busy::Wait(Duration::from_secs(60 * minutes))
}

#[test]
fn by_default_a_mount_in_use_is_a_failure_that_names_who_uses_it() {
    let world = World::new();
    world.uses("cl1", "rsync", FOR_EVER);
    let (failure, state) = failed(walk(&world, &with(&world, Busy::Fail, false)));
    let causes = failure.causes.join("; ");
    assert!(causes.contains("still mounted") && causes.contains("/mnt/mfs is used by rsync (77)"), "{causes}");
    assert_eq!((world.times("cl1", "umount"), world.times("cl1", "umount -l")), (1, 0), "never lazily on its own");
    assert!(state.contains("1 of 2 clients on 1.6.27"), "{state}");
}

#[test]
fn a_mount_that_becomes_free_in_time_is_waited_for_and_who_uses_it_is_shown() {
    let world = World::new();
    let plan = with(&world, minutes(10), false);
    world.uses("cl1", "rsync", 1200);
    let events = Events::default();
    assert_eq!(heard(&world, &plan, &events), Ending::Finished);
    assert!(world.when("cl1", "umount").unwrap() >= 1200, "it was tried while somebody was seen to use it");
    assert_eq!(world.times("cl1", "umount"), 1);
    let told = events.0.lock().unwrap();
    let waits = told
        .iter()
        .filter(|e| matches!(&e.event, Event::Waiting { what, of_s: 600, .. } if what.contains("rsync (77)")));
    assert!(waits.count() > 10);
}

#[test]
fn a_mount_that_stays_in_use_for_that_long_is_a_failure() {
    let world = World::new();
    world.uses("cl1", "rsync", FOR_EVER);
    let begun = |world: &World| world.when("cl1", "make install").unwrap();
    let (failure, _) = failed(walk(&world, &with(&world, minutes(10), false)));
    assert!(failure.causes.join("; ").contains("used by rsync (77)"), "{failure:?}");
    let waited = world.when("cl1", "umount").unwrap() - begun(&world);
    assert!((600..660).contains(&waited), "{waited}");
    assert!(world.when("cl2", "bin/mfsmount").is_some(), "the other client goes on");
}

#[test]
fn a_mount_that_only_umount_knows_to_be_in_use_is_waited_for_too() {
    let world = World::with("cl1", Fault::Busy);
    let (failure, _) = failed(walk(&world, &with(&world, minutes(2), false)));
    let times = world.times("cl1", "umount");
    assert!((3..20).contains(&times), "tried again and again for two minutes, not in a storm: {times}");
    assert!(failure.causes.join("; ").contains("a process that was not seen"), "{failure:?}");
}

#[test]
fn a_window_that_closes_while_a_mount_is_waited_for_leaves_the_whole_wait_for_the_next() {
    let world = World::new();
    // until 22:13:20 of the next day; the clients' turn comes at about 22:25, and the next window opens at 22:10
    world.uses("cl1", "rsync", 24 * 3600);
    let time = |text| time_of_day(text).unwrap();
    let window = Window::new(time("22:10"), time("22:28"), Default::default(), "UTC").unwrap();
    let schedule = Schedule { window: Some(window), ..with(&world, minutes(10), false) };
    assert_eq!(walk(&world, &schedule), Ending::Finished);
    assert_eq!(world.times("cl1", "umount"), 1);
    assert!(world.when("cl1", "umount").unwrap() >= 24 * 3600);
}

/// Asks for a pause when it hears of a mount that is waited for.
struct Impatient<'a>(&'a World);

impl EventSink for Impatient<'_> {
    fn send(&self, event: Stamped) {
        if matches!(&event.event, Event::Waiting { what, .. } if what.contains("used by")) {
            self.0.pause.store(true, Ordering::Relaxed);
        }
    }
}

#[test]
fn a_pause_holds_while_a_mount_is_waited_for() {
    let world = World::new();
    let plan = with(&world, minutes(60), false);
    world.uses("cl1", "rsync", FOR_EVER);
    assert_eq!(heard(&world, &plan, &Impatient(&world)), Ending::Paused);
    assert_eq!(world.when("cl1", "umount"), None);
}

#[test]
fn a_client_that_is_skipped_is_left_as_it_is_and_the_run_is_no_success() {
    let world = World::new();
    let plan = with(&world, Busy::Skip, false);
    world.uses("cl1", "rsync", 3600);
    let events = Events::default();
    let (failure, state) = failed(heard(&world, &plan, &events));
    assert_eq!(failure.kind, FailureKind::StepFailed);
    let causes = failure.causes.join("; ");
    assert!(
        causes.contains("cl1") && causes.contains("rsync (77)") && causes.contains("stays on the old release"),
        "{causes}"
    );
    assert!(state.contains("1 of 2 clients on 1.6.27"), "{state}");
    assert!(!world.touched().contains(&"cl1".to_owned()), "nothing was installed there: {:?}", world.touched());
    assert!(
        events
            .0
            .lock()
            .unwrap()
            .iter()
            .any(|e| matches!(&e.event, Event::ClientFailed { host, .. } if host.as_str() == "cl1"))
    );
    world.wait(3600);
    assert_eq!(walk(&world, &plan), Ending::Finished, "resume takes it up again");
    assert_eq!(world.times("cl2", "umount"), 1);
}

#[test]
fn a_refusal_that_nobody_saw_coming_is_skipped_too() {
    let world = World::with("cl1", Fault::Busy);
    let (failure, _) = failed(walk(&world, &with(&world, Busy::Skip, false)));
    assert!(failure.causes.join("; ").contains("stays on the old release"), "{failure:?}");
    assert_eq!(world.times("cl1", "umount"), 1);
}

#[test]
fn a_lazy_unmount_tells_who_goes_on_in_the_old_mount_and_the_run_waits_for_their_end() {
    let world = World::new();
    let plan = with(&world, Busy::Fail, true);
    world.uses("cl1", "rsync", FOR_EVER);
    let events = Events::default();
    heard(&world, &plan, &events);
    let told = events.0.lock().unwrap();
    let done = told.iter().find_map(|e| match &e.event {
        Event::StepDone { step, evidence, .. } if step.0.starts_with("clients/cl1/unmount") => Some(evidence.clone()),
        _ => None,
    });
    let done = done.unwrap();
    assert!(done.contains("goes on for rsync (77)"), "{done}");
    let command = told.iter().find_map(|e| match &e.event {
        Event::StepStarted { step, commands, .. } if step.0.starts_with("clients/cl1/unmount") => {
            commands.first().cloned()
        }
        _ => None,
    });
    assert_eq!(command.as_deref(), Some("umount /mnt/mfs || umount -l /mnt/mfs"));
    assert!(world.versions().iter().any(|(host, version)| host == "cl1" && *version == NEW), "the new mount is there");
}

#[test]
fn a_lazy_unmount_waits_first_where_the_plan_says_so() {
    let world = World::new();
    let plan = with(&world, minutes(5), true);
    world.uses("cl1", "rsync", FOR_EVER);
    walk(&world, &plan);
    let waited = world.when("cl1", "umount").unwrap() - world.when("cl1", "make install").unwrap();
    assert!((300..330).contains(&waited), "{waited}");
}

#[test]
fn what_is_written_between_unmount_and_mount_is_named_and_not_mounted_over() {
    let world = World::with("cl1", Fault::WritesBelow("journal.log"));
    let plan = schedule(&world, Mode::Rolling);
    let (failure, state) = failed(walk(&world, &plan));
    assert!(failure.causes.join("; ").contains("journal.log was written into the folder /mnt/mfs"), "{failure:?}");
    assert!(state.contains("/mnt/mfs IS NOT MOUNTED on cl1"), "{state}");
    assert_eq!(world.when("cl1", "bin/mfsmount"), None);
    assert!(world.when("cl2", "bin/mfsmount").is_some());
    assert!(!world.deeds.borrow().iter().any(|d| d.1 == "cl1" && d.2.contains("rm ")), "nothing is deleted");
    // still there: still not mounted over
    failed(walk(&world, &plan));
    assert_eq!(world.when("cl1", "bin/mfsmount"), None);
    world.repair("cl1");
    world.moves_away("cl1");
    assert_eq!(walk(&world, &plan), Ending::Finished);
}

#[test]
fn what_is_written_while_mfsmount_is_at_work_is_found_under_the_new_mount() {
    let world = World::with("cl1", Fault::WritesMeanwhile("journal.log"));
    let plan = schedule(&world, Mode::Rolling);
    let (failure, _) = failed(walk(&world, &plan));
    let causes = failure.causes.join("; ");
    assert!(causes.contains("journal.log") && causes.contains("the new mount hides it"), "{causes}");
    world.repair("cl1");
    failed(walk(&world, &plan));
    world.moves_away("cl1");
    assert_eq!(walk(&world, &plan), Ending::Finished);
    assert_eq!(world.times("cl1", "umount"), 1, "the mount that is there stays");
}
