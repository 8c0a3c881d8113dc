//! The maintenance window: nothing is taken down outside it, and what was begun in it is brought to its end.

use std::cell::Cell;
use std::sync::atomic::Ordering;

use mfsupgrade::journal::Record;
use mfsupgrade::plan::calendar::time_of_day;
use mfsupgrade::plan::{Mode, Window};
use mfsupgrade::run::event::Stamped;
use mfsupgrade::run::ports::Clock;
use mfsupgrade::run::{Ending, Event, EventSink};
use mfsupgrade::schedule::Schedule;

use super::fault::Fault;
use super::world::{Events, NEW, World, heard, schedule, walk, walk_to_pause};

/// The world begins at 22:13:20 UTC, which is this many seconds of its day.
const BEGINS: i64 = 22 * 3600 + 13 * 60 + 20;
const DAY: i64 = 24 * 3600;

fn window(from: &str, to: &str) -> Window {
    Window::new(time_of_day(from).unwrap(), time_of_day(to).unwrap(), Default::default(), "UTC").unwrap()
}

fn within(world: &World, mode: Mode, from: &str, to: &str) -> Schedule {
    Schedule { window: Some(window(from, to)), ..schedule(world, mode) }
}

fn takes_down(deed: &str) -> bool {
    deed.starts_with("umount") || (deed.starts_with("/usr/local/") && !deed.contains("bin/mfsmount"))
}

/// When something was taken down, by the clock of its day, with what.
fn taken_down(world: &World) -> Vec<(i64, String)> {
    let deeds = world.deeds.borrow();
    let taken = deeds.iter().filter(|d| takes_down(&d.2));
    taken.map(|d| (d.0.rem_euclid(DAY), format!("{} {}", d.1, d.2))).collect()
}

fn at(text: &str) -> i64 {
    let time = time_of_day(text).unwrap();
    i64::from(time.hour()) * 3600 + i64::from(time.minute()) * 60
}

fn told(events: &Events) -> Vec<(Event, i64)> {
    events.0.lock().unwrap().iter().map(|e| (e.event.clone(), e.at.as_second())).collect()
}

#[test]
fn before_it_opens_only_what_changes_nothing_is_done_and_then_the_run_goes_on_by_itself() {
    for mode in [Mode::Rolling, Mode::FullStop] {
        let world = World::new();
        let plan = within(&world, mode, "23:00", "06:00");
        let events = Events::default();
        let begun = world.now();
        assert_eq!(heard(&world, &plan, &events), Ending::Finished);
        let opens = at("23:00") - BEGINS;
        assert!(world.when("master", "now()").unwrap() < 60, "the backup needs no window");
        assert!(world.when("master", "restore-ms").unwrap() < 60, "nor does the trial");
        assert!(world.when("master", "make install").unwrap() >= opens, "{mode}: {:?}", world.deeds);
        assert!(world.when("master", "make install").unwrap() < opens + 60);
        let told = told(&events);
        let (until, state) = told
            .iter()
            .find_map(|(event, _)| match event {
                Event::OutsideWindow { until, opens, state, .. } => {
                    assert_eq!(opens, "Tue 2023-11-14 23:00 UTC");
                    Some((until.as_second() - begun.as_second(), state.clone()))
                }
                _ => None,
            })
            .expect("it is said");
        assert_eq!(until, opens);
        assert!(state.contains("0 of 3 chunkservers on 1.6.27"), "{state}");
        assert!(told.iter().any(|(event, _)| matches!(event, Event::Waiting { what, .. } if what.contains("window"))));
        let opened = told.iter().find(|(event, _)| matches!(event, Event::WindowOpened { .. })).unwrap();
        assert_eq!(opened.1 - begun.as_second(), opens);
    }
}

#[test]
fn whenever_it_closes_nothing_is_taken_down_outside_it() {
    // closes after 1, 2, … 20 minutes of a run that takes 12
    for minutes in 14..34 {
        let closes = format!("22:{minutes}");
        let world = World::new();
        let plan = within(&world, Mode::Rolling, "22:10", &closes);
        assert_eq!(walk(&world, &plan), Ending::Finished, "{closes}");
        for (when, what) in taken_down(&world) {
            assert!((at("22:10")..at(&closes)).contains(&when), "{what} at {when}, closed at {closes}");
        }
        for host in ["cl1", "cl2"] {
            let (away, back) = (world.when(host, "umount").unwrap(), world.when(host, "bin/mfsmount").unwrap());
            assert!(back - away < 30, "{closes}: {host} was without its mount for {} s", back - away);
        }
        for host in ["cs1", "cs2", "cs3"] {
            let (put, started) =
                (world.when(host, "make install").unwrap(), world.when(host, "sbin/mfschunk").unwrap());
            assert!(started - put < 3600, "{closes}: a new release lay on {host} all day, where a boot would start it");
        }
        assert!(world.versions().iter().all(|(_, version)| *version == NEW));
    }
}

#[test]
fn a_window_that_closes_during_an_installation_holds_the_restart() {
    let mut held = 0;
    for minutes in 14..34 {
        let closes = format!("22:{minutes}");
        // its installation takes 200 seconds
        let world = World::with("cs2", Fault::UnderGoalMeanwhile(1));
        assert_eq!(walk(&world, &within(&world, Mode::Rolling, "22:10", &closes)), Ending::Finished, "{closes}");
        for (when, what) in taken_down(&world) {
            assert!((at("22:10")..at(&closes)).contains(&when), "{what} at {when}, closed at {closes}");
        }
        let (put, started) = (world.when("cs2", "make install").unwrap(), world.when("cs2", "sbin/mfschunk").unwrap());
        held += usize::from(started - put > 3600);
    }
    assert!((1..20).contains(&held), "{held}");
}

#[test]
fn a_full_stop_that_was_begun_goes_on_to_the_masters_start() {
    let world = World::new();
    let plan = within(&world, Mode::FullStop, "22:10", "22:14");
    assert_eq!(walk(&world, &plan), Ending::Finished);
    let deeds = world.deeds.borrow();
    let stop = deeds.iter().find(|d| d.2.ends_with("1800 -s")).unwrap().0;
    let start = deeds.iter().rfind(|d| d.2.ends_with("sbin/mfsmaster -t 1800")).unwrap().0;
    assert!((180..300).contains(&(start - stop)), "{deeds:?}");
    drop(deeds);
    let closed = at("22:14") - BEGINS;
    let restarted = world.when("cs3", "sbin/mfschunk").unwrap();
    assert!(stop > 0 && restarted < closed + 300, "the chunkservers are not left down until tomorrow");
    assert!(world.when("cl1", "umount").unwrap() > DAY - 3600, "clients have time until the window opens again");
}

/// Asks for a pause when it hears of the window.
struct Impatient<'a>(&'a World);

impl EventSink for Impatient<'_> {
    fn send(&self, event: Stamped) {
        if matches!(event.event, Event::OutsideWindow { .. }) {
            self.0.pause.store(true, Ordering::Relaxed);
        }
    }
}

/// Lets time pass until a moment of the day, when the new master was installed.
struct SlowInstallation<'a>(&'a World, i64);

impl EventSink for SlowInstallation<'_> {
    fn send(&self, event: Stamped) {
        if matches!(&event.event, Event::StepDone { step, .. } if step.0.as_ref() == "master/master/install") {
            self.0.wait(self.1 - self.0.now().as_second().rem_euclid(DAY));
        }
    }
}

#[test]
fn a_full_stop_whose_master_a_boot_has_brought_up_keeps_its_chunkservers_up_until_the_window_opens() {
    for silent in [0, 2] {
        let world = World::new();
        let plan = within(&world, Mode::FullStop, "22:10", "22:14");
        walk_to_pause(&world, &plan, "make install");
        world.start_new_master();
        world.wait(600);
        world.silent.set(silent);
        assert_eq!(walk(&world, &plan), Ending::Finished);
        for host in ["cs1", "cs2", "cs3"] {
            let restarted = world.when(host, "sbin/mfschunk").unwrap();
            assert!(restarted > DAY - 3600, "{host} served, and is restarted in the next night: {restarted}");
        }
    }
}

#[test]
fn a_chunkserver_that_such_a_full_stop_has_taken_down_is_up_before_the_window_opens() {
    let world = World::new();
    let plan = within(&world, Mode::FullStop, "22:10", "22:14");
    walk_to_pause(&world, &plan, "make install");
    world.start_new_master();
    let (_, _, step) = plan.steps().find(|(_, _, s)| s.id.0.as_ref() == "chunkservers/cs2/start").unwrap();
    world.records.borrow_mut().push(Record::Intent { step: step.id.clone(), at: Clock::now(&world) });
    world.lose_chunkserver("cs2");
    world.wait(600);
    assert_eq!(walk(&world, &plan), Ending::Finished);
    let restarted = |host: &str| world.when(host, "sbin/mfschunk").unwrap();
    assert!(restarted("cs2") < 1800, "{}", restarted("cs2"));
    assert!(restarted("cs1") > DAY - 3600 && restarted("cs3") > DAY - 3600, "they serve");
}

#[test]
fn a_window_that_closes_while_the_full_hour_is_waited_for_is_kept() {
    let world = World::new();
    let plan = within(&world, Mode::Rolling, "22:10", "23:00");
    // a few seconds before the full hour nothing is done to a master that is about to save, and then it is too late
    let slow = SlowInstallation(&world, at("23:00") - 5);
    assert_eq!(heard(&world, &plan, &slow), Ending::Finished);
    assert!(world.when("master", "sbin/mfsmaster -t").unwrap() > 20 * 3600);
    for (when, what) in taken_down(&world) {
        assert!((at("22:10")..at("23:00")).contains(&when), "{what} at {when}");
    }
}

/// Deletes most of the files when it hears of the window for the second time.
struct Users<'a>(&'a World, Cell<u32>);

impl EventSink for Users<'_> {
    fn send(&self, event: Stamped) {
        if matches!(event.event, Event::OutsideWindow { .. }) {
            self.1.set(self.1.get() + 1);
            if self.1.get() == 2 {
                self.0.set_inodes(400);
            }
        }
    }
}

#[test]
fn what_users_delete_between_two_windows_is_not_held_against_the_run() {
    let world = World::new();
    world.set_inodes(1000);
    // opens for the master and the first chunkserver
    let plan = within(&world, Mode::Rolling, "22:20", "22:24");
    let users = Users(&world, Cell::new(0));
    assert_eq!(heard(&world, &plan, &users), Ending::Finished);
    assert!(users.1.get() >= 2, "it was waited for before the master, and behind it");
    assert!(world.when("cs3", "sbin/mfschunk").unwrap() > DAY - 3600);
}

#[test]
fn a_pause_ends_the_waiting_and_resume_waits_again() {
    let world = World::new();
    let plan = within(&world, Mode::Rolling, "23:00", "06:00");
    assert_eq!(heard(&world, &plan, &Impatient(&world)), Ending::Paused);
    assert!(world.now().as_second() - 1_700_000_000 < 120, "at once");
    assert_eq!(world.when("master", "make install"), None);
    world.pause.store(false, Ordering::Relaxed);
    assert_eq!(walk(&world, &plan), Ending::Finished);
    assert!(world.when("master", "make install").unwrap() >= at("23:00") - BEGINS);
}

#[test]
fn a_step_that_was_begun_and_took_nothing_down_waits_like_any_other() {
    // the connection was lost before the command was sent: the intent is there, and the old daemon runs
    let world = World::new();
    *world.pause_after.borrow_mut() = Some("sbin/mfschunkserver".into());
    let plan = within(&world, Mode::Rolling, "22:10", "22:30");
    assert_eq!(walk(&world, &plan), Ending::Paused);
    *world.pause_after.borrow_mut() = None;
    world.pause.store(false, Ordering::Relaxed);
    let (_, _, step) = plan.steps().find(|(_, _, s)| s.id.0.as_ref() == "chunkservers/cs2/start").unwrap();
    world.records.borrow_mut().push(Record::Intent { step: step.id.clone(), at: world.now() });
    world.wait(3600);
    assert_eq!(walk(&world, &plan), Ending::Finished);
    assert!(world.when("cs2", "sbin/mfschunk").unwrap() > DAY - 3600, "{:?}", world.deeds);
}

#[test]
fn a_mount_that_was_taken_away_is_made_again_whatever_the_hour() {
    let world = World::new();
    *world.pause_after.borrow_mut() = Some("bin/mfsmount".into());
    let plan = within(&world, Mode::Rolling, "22:10", "23:00");
    assert_eq!(walk(&world, &plan), Ending::Paused);
    *world.pause_after.borrow_mut() = None;
    world.pause.store(false, Ordering::Relaxed);
    // killed between the two steps of cl1, and resumed in the morning
    let unmounted = world
        .records
        .borrow()
        .iter()
        .position(|r| matches!(r, Record::Done { step, .. } if step.0.as_ref() == "clients/cl1/unmount:/mnt/mfs"));
    world.records.borrow_mut().truncate(unmounted.unwrap() + 1);
    world.lose_mount("cl1");
    world.wait(8 * 3600);
    let resumed = world.now().as_second();
    assert_eq!(walk(&world, &plan), Ending::Finished);
    let deeds = world.deeds.borrow();
    let mounted = deeds.iter().rfind(|d| d.1 == "cl1" && d.2.contains("bin/mfsmount")).unwrap().0;
    assert!(mounted - resumed < 60, "{deeds:?}");
    let next = deeds.iter().find(|d| d.1 == "cl2" && d.2.starts_with("umount")).unwrap().0;
    assert!(next - resumed > 3600, "cl2 waits for the night");
}

#[test]
fn what_was_upgraded_by_hand_needs_no_window() {
    let world = World::new();
    assert_eq!(walk(&world, &schedule(&world, Mode::Rolling)), Ending::Finished);
    world.records.borrow_mut().clear();
    let plan = within(&world, Mode::Rolling, "03:00", "04:00");
    let begun = world.now().as_second();
    assert_eq!(walk(&world, &plan), Ending::Finished);
    assert!(world.now().as_second() - begun < 60, "nothing is taken down, so nothing is waited for");
}
