//! Upgrades that were paused, killed or failed, and are gone on with.

use std::sync::atomic::Ordering;

use mfsupgrade::journal::Record;
use mfsupgrade::plan::Mode;
use mfsupgrade::run::event::Stamped;
use mfsupgrade::run::ports::Clock;
use mfsupgrade::run::{Ending, Event, EventSink, FailureKind};
use mfsupgrade::schedule::Schedule;

use super::fault::Fault;
use super::world::{Events, FIVE_MINUTES, NEW, World, all_new, failure, heard, schedule, walk, walk_to_pause};

#[test]
fn a_resumed_run_looks_whether_what_was_done_still_is() {
    let world = World::new();
    let plan = schedule(&world, Mode::Rolling);
    walk_to_pause(&world, &plan, "umount");
    // while it stands still, the new daemon of a chunkserver dies
    world.dies("cs2");
    let events = Events::default();
    assert_eq!(heard(&world, &plan, &events), Ending::Finished);
    let undone: Vec<_> = events
        .0
        .into_inner()
        .unwrap()
        .into_iter()
        .filter_map(|e| match e.event {
            Event::Undone { step, reason, .. } => Some((step.0.to_string(), reason)),
            _ => None,
        })
        .collect();
    assert_eq!(undone.len(), 1, "{undone:?}");
    assert_eq!(undone[0].0, "chunkservers/cs2/start");
    assert!(undone[0].1.contains("no mfschunkserver 1.6.27 runs"), "{undone:?}");
    assert_eq!(world.times("cs2", "make install"), 1, "what it was made of is still there");
    assert_eq!(world.times("cs2", "sbin/mfschunkserver"), 2);
    assert!(world.versions().iter().all(|(_, version)| *version == NEW));
}

#[test]
fn a_resumed_run_looks_at_hosts_whose_turn_is_to_come_and_tells_at_once_which_it_cannot() {
    let world = World::new();
    let plan = schedule(&world, Mode::Rolling);
    walk_to_pause(&world, &plan, "sbin/mfschunkserver");
    for host in ["cs3", "cl2"] {
        world.lose_host(host);
    }
    let events = Events::default();
    let Ending::Failed(failure, _) = heard(&world, &plan, &events) else { panic!("cs3 is away") };
    assert_eq!(failure.kind, FailureKind::Unreachable);
    assert_eq!(failure.host.unwrap().as_str(), "cs3", "what can be done without it is done");
    let events: Vec<_> = events.0.into_inner().unwrap().into_iter().map(|e| e.event).collect();
    let step = events.iter().position(|e| matches!(e, Event::StepStarted { .. })).unwrap();
    let unseen = events[..step].iter().filter_map(|e| match e {
        Event::Unseen { host, .. } => Some(host.as_str()),
        _ => None,
    });
    let mut unseen: Vec<_> = unseen.collect();
    unseen.sort_unstable();
    assert_eq!(unseen, ["cl2", "cs3"]);
    assert!(world.times("cs2", "sbin/mfschunkserver") == 1);
}

#[test]
fn a_run_that_goes_on_stops_a_master_on_other_metadata_before_it_starts_anything_under_it() {
    let world = World::new();
    let plan = schedule(&world, Mode::FullStop);
    walk(&world, &plan);
    // it was killed when it had just started the new master, which is on other metadata; then a chunkserver dies
    let starts = |r: &Record| matches!(r, Record::Intent { step, .. } if *step.0 == *"master/master/start");
    let at = world.records.borrow().iter().rposition(starts).expect("the master was started");
    world.records.borrow_mut().truncate(at + 1);
    world.set_inodes(3);
    world.loaded.set(3);
    world.dies("cs2");
    let failure = failure(walk(&world, &plan));
    assert_eq!(failure.kind, FailureKind::GateRed);
    assert!(failure.causes.iter().any(|c| c.contains("stopped again")), "{:?}", failure.causes);
    assert_eq!(world.times("cs2", "sbin/mfschunkserver"), 1, "under that master it would lose its chunks");
}

#[test]
fn a_failed_run_resumes_at_the_host_that_failed() {
    let world = World::with("cs2", Fault::DaemonDies);
    let plan = schedule(&world, Mode::Rolling);
    failure(walk(&world, &plan));
    world.repair("cs2");
    assert_eq!(walk(&world, &plan), Ending::Finished);
    assert_eq!(world.times("master", "sbin/mfsmaster"), 1);
    assert_eq!(world.times("cs1", "sbin/mfschunkserver"), 1);
    assert!(all_new(&world));
}

#[test]
fn every_prefix_of_the_journal_is_resumable_and_no_daemon_is_started_twice() {
    let full = World::new();
    let plan = schedule(&full, Mode::Rolling);
    walk(&full, &plan);
    let records = full.records.borrow().len();
    for cut in 0..records {
        let world = World::new();
        walk(&world, &plan);
        world.records.borrow_mut().truncate(cut);
        assert_eq!(walk(&world, &plan), Ending::Finished, "cut after record {cut}");
        for host in ["cs1", "cs2", "cs3"] {
            assert_eq!(world.times(host, "sbin/mfschunkserver"), 1, "{host} restarted again after record {cut}");
        }
        assert_eq!(world.times("cl1", "umount"), 1, "remounted again after record {cut}");
    }
}

#[test]
fn a_pause_holds_before_the_next_step_and_the_stagger_still_counts() {
    let world = World::new();
    let plan = schedule(&world, Mode::Rolling);
    walk_to_pause(&world, &plan, "sbin/mfschunkserver");
    assert_eq!(world.touched(), ["master", "log1", "cs1"]);
    world.wait(100);
    assert_eq!(walk(&world, &plan), Ending::Finished);
    let gap = world.when("cs2", "sbin/mfschunkserver").unwrap() - world.when("cs1", "sbin/mfschunkserver").unwrap();
    assert!((FIVE_MINUTES..FIVE_MINUTES + 20).contains(&gap), "time away counts: {gap}");
}

#[test]
fn what_users_delete_in_a_long_run_is_not_held_against_a_resumed_one() {
    let world = World::new();
    world.set_inodes(1000);
    let plan = schedule(&world, Mode::Rolling);
    world.set_inodes(950);
    walk_to_pause(&world, &plan, "sbin/mfschunkserver");
    // more than a tenth since the schedule was made, and less since it was counted last
    world.set_inodes(880);
    assert_eq!(walk(&world, &plan), Ending::Finished);
    let counted = |r: &Record| matches!(r, Record::Counted { counts, .. } if counts.master.is_none());
    let counted = world.records.borrow().iter().filter(|r| counted(r)).count();
    assert_eq!(counted, 2, "only what is other than before is written down");
}

/// A run that was paused behind its new master, which knew 1000 inodes.
fn paused_behind_its_new_master(world: &World) -> Schedule {
    world.set_inodes(1000);
    let plan = schedule(world, Mode::Rolling);
    walk_to_pause(world, &plan, "sbin/mfschunkserver");
    plan
}

#[test]
fn what_users_delete_behind_the_very_master_that_was_verified_is_not_held_against_it() {
    let world = World::new();
    let plan = paused_behind_its_new_master(&world);
    world.set_inodes(400);
    assert_eq!(walk(&world, &plan), Ending::Finished);
}

#[test]
fn what_users_delete_behind_a_new_master_that_was_started_once_more_is_not_held_against_it() {
    let world = World::new();
    let plan = paused_behind_its_new_master(&world);
    world.start_new_master();
    world.set_inodes(400);
    assert_eq!(walk(&world, &plan), Ending::Finished);
}

#[test]
fn another_master_that_knows_less_is_no_measure_for_itself() {
    let world = World::new();
    let plan = paused_behind_its_new_master(&world);
    // somebody has started it once more, on an older copy
    world.start_new_master();
    world.loaded.set(900);
    world.set_inodes(400);
    let failure = failure(walk(&world, &plan));
    assert_eq!(failure.kind, FailureKind::GateRed);
    assert!(failure.causes.iter().any(|c| c.contains("it has loaded older metadata")), "{:?}", failure.causes);
}

#[test]
fn full_stop_does_not_pause_while_the_file_system_stands_still() {
    let world = World::new();
    *world.pause_after.borrow_mut() = Some("1800 -s".into());
    let plan = schedule(&world, Mode::FullStop);
    assert_eq!(walk(&world, &plan), Ending::Paused);
    assert!(world.when("cs3", "sbin/mfschunkserver").is_some());
    assert_eq!(world.times("master", "mfsmaster -t 1800"), 2, "stopped and started again before the pause");
    assert!(!world.touched().contains(&"cl1".to_owned()));
}

#[test]
fn a_takeover_whose_connection_was_lost_before_it_began_is_gated_anew_on_resume() {
    // the intent of cs2 is in the journal, its old daemon runs, and meanwhile cs3 has gone
    let world = World::new();
    let plan = schedule(&world, Mode::Rolling);
    walk_to_pause(&world, &plan, "sbin/mfschunkserver");
    let (_, _, step) = plan.steps().find(|(_, _, s)| s.id.0.as_ref() == "chunkservers/cs2/start").unwrap();
    world.records.borrow_mut().push(Record::Intent { step: step.id.clone(), at: world.now() });
    world.lose_chunkserver("cs3");
    let failure = failure(walk(&world, &plan));
    assert_eq!(failure.kind, FailureKind::GateRed);
    assert_eq!(world.when("cs2", "sbin/mfschunkserver"), None, "a second chunkserver was taken down");
}

#[test]
fn a_master_put_back_to_1_5_by_hand_comes_before_the_chunkservers_again() {
    let world = World::new();
    let plan = schedule(&world, Mode::Rolling);
    walk_to_pause(&world, &plan, "sbin/mfsmaster");
    world.put_back_master();
    let back = world.deeds.borrow().len();
    assert_eq!(walk(&world, &plan), Ending::Finished);
    let deeds = world.deeds.borrow();
    let first = |host: &str, what: &str| deeds[back..].iter().position(|d| d.1 == host && d.2.contains(what)).unwrap();
    assert!(first("master", "sbin/mfsmaster -t") < first("cs1", "make install"), "the master once more, and first");
}

#[test]
fn a_new_master_on_other_metadata_is_seen_by_a_run_that_was_killed_before_it_could_look() {
    let world = World::with("master", Fault::OtherMetadata);
    let plan = schedule(&world, Mode::Rolling);
    failure(walk(&world, &plan));
    // killed when the new master was started: it runs, and nobody has looked at what it knows
    world.start_new_master();
    world.loaded.set(1);
    let start = |r: &Record| matches!(r, Record::Intent { step, .. } if step.0.as_ref() == "master/master/start");
    let begun = world.records.borrow().iter().position(start).unwrap();
    world.records.borrow_mut().truncate(begun + 1);
    let failure = failure(walk(&world, &plan));
    assert_eq!(failure.kind, FailureKind::GateRed);
    assert!(failure.causes.iter().any(|c| c.contains("stopped again")), "{:?}", failure.causes);
    assert_eq!(world.touched(), ["master"]);
}

#[test]
fn a_stop_that_was_begun_is_not_paused_before() {
    let world = World::with("cs1", Fault::InstallFails);
    let plan = schedule(&world, Mode::FullStop);
    failure(walk(&world, &plan));
    // as if it had been killed when the master had just stopped; and told to pause as soon as it goes on
    let stop = |r: &Record| matches!(r, Record::Intent { step, .. } if step.0.as_ref() == "master/master/stop");
    let begun = world.records.borrow().iter().position(stop).unwrap();
    world.records.borrow_mut().truncate(begun + 1);
    world.repair("cs1");
    world.wait(60);
    world.pause.store(true, Ordering::Relaxed);
    assert_eq!(walk(&world, &plan), Ending::Paused);
    assert!(world.when("master", "sbin/mfsmaster -t 1800").is_some(), "paused while the file system stands still");
    assert_eq!(world.times("master", "mfsmaster -t 1800"), 2, "stopped once and started once");
}

#[test]
fn an_installation_that_failed_behind_its_program_is_not_done_for_a_run_that_was_killed() {
    let world = World::with("cs1", Fault::InstallFailsBehindTheProgram);
    let plan = schedule(&world, Mode::Rolling);
    assert_eq!(failure(walk(&world, &plan)).kind, FailureKind::StepFailed);
    // killed while it ran: its exit code stands on the host, and the program is the new one
    let install =
        |r: &Record| matches!(r, Record::Intent { step, .. } if step.0.as_ref() == "chunkservers/cs1/install");
    let begun = world.records.borrow().iter().position(install).unwrap();
    world.records.borrow_mut().truncate(begun + 1);
    world.repair("cs1");
    assert_eq!(walk(&world, &plan), Ending::Finished);
    assert_eq!(world.times("cs1", "make install"), 2, "what it left out is installed");
}

#[test]
fn a_takeover_that_goes_on_after_a_kill_is_waited_for() {
    let world = World::new();
    let plan = schedule(&world, Mode::Rolling);
    walk_to_pause(&world, &plan, "sbin/mfschunkserver");
    // cs2 was told to start, and its old daemon takes its time
    let (_, _, step) = plan.steps().find(|(_, _, s)| s.id.0.as_ref() == "chunkservers/cs2/start").unwrap();
    world.records.borrow_mut().push(Record::Intent { step: step.id.clone(), at: world.now() });
    world.take_over_slowly("cs2", 400);
    assert_eq!(walk(&world, &plan), Ending::Finished);
    assert_eq!(world.times("cs2", "sbin/mfschunkserver"), 0, "it was started before");
}

#[test]
fn a_new_master_that_loads_is_not_started_over() {
    let world = World::new();
    let plan = schedule(&world, Mode::Rolling);
    walk(&world, &plan);
    let starts = world.times("master", "sbin/mfsmaster");
    // killed when the new master had been started; resumed while it loads
    let start = |r: &Record| matches!(r, Record::Intent { step, .. } if step.0.as_ref() == "master/master/start");
    let begun = world.records.borrow().iter().position(start).unwrap();
    world.records.borrow_mut().truncate(begun + 1);
    world.load_metadata(300);
    assert_eq!(walk(&world, &plan), Ending::Finished);
    assert_eq!(world.times("master", "sbin/mfsmaster"), starts);
}

#[test]
fn a_run_that_was_killed_after_its_last_look_looks_again() {
    let world = World::new();
    let plan = schedule(&world, Mode::Rolling);
    assert_eq!(walk(&world, &plan), Ending::Finished);
    let finished = world.records.borrow_mut().pop();
    assert!(matches!(finished, Some(Record::Finished { .. })));
    assert!(matches!(world.records.borrow().last(), Some(Record::Done { step, .. }) if step.0.as_ref() == "verify"));
    world.lose_chunkserver("cs1");
    assert_eq!(walk(&world, &plan), Ending::Finished);
    let again = world.times("cs1", "sbin/mfschunkserver");
    assert_eq!(again, 2, "what it saw before it was killed is no word on the cluster now");
}

#[test]
fn a_pause_leaves_no_mount_away_that_was_taken_before_it() {
    let world = World::new();
    let plan = schedule(&world, Mode::Rolling);
    assert_eq!(walk(&world, &plan), Ending::Finished);
    // killed when cl2's mount had just been taken away; cl1, the first in its stage, was not begun
    let of = |r: &Record, host: &str| matches!(r, Record::Intent { step, .. } | Record::Done { step, .. } if step.0.contains(host));
    let unmount = |r: &Record| matches!(r, Record::Intent { step, .. } if step.0.starts_with("clients/cl2/unmount"));
    let begun = world.records.borrow().iter().position(unmount).unwrap();
    world.records.borrow_mut().truncate(begun + 1);
    world.records.borrow_mut().retain(|r| !of(r, "clients/cl1"));
    world.lose_mount("cl2");
    world.wait(60);
    world.pause.store(true, Ordering::Relaxed);
    assert_eq!(walk(&world, &plan), Ending::Paused);
    assert!(world.is_mounted("cl2"));
}

/// Pauses when cl1 is done.
struct PausesBehindCl1<'a>(&'a World);

impl EventSink for PausesBehindCl1<'_> {
    fn send(&self, event: Stamped) {
        if matches!(event.event, Event::HostDone { host, .. } if host.as_str() == "cl1") {
            self.0.pause.store(true, Ordering::Relaxed);
        }
    }
}

#[test]
fn clients_of_a_resumed_run_are_not_unmounted_while_the_cluster_is_not_whole() {
    let world = World::new();
    world.set_inodes(1000);
    let mut plan = schedule(&world, Mode::Rolling);
    plan.stages.iter_mut().for_each(|stage| stage.parallel = 1);
    assert_eq!(heard(&world, &plan, &PausesBehindCl1(&world)), Ending::Paused);
    world.pause.store(false, Ordering::Relaxed);
    // a master that somebody has started on an older copy
    world.start_new_master();
    world.loaded.set(900);
    world.set_inodes(400);
    let failure = failure(walk(&world, &plan));
    assert_eq!(failure.kind, FailureKind::GateRed);
    assert_eq!((world.times("cl1", "umount"), world.times("cl2", "umount")), (1, 0));
}

#[test]
fn a_chunkserver_that_is_started_over_in_a_full_stop_has_its_time_before_the_master() {
    let world = World::new();
    let plan = schedule(&world, Mode::FullStop);
    walk(&world, &plan);
    // killed when the new master was about to be started; and then a chunkserver ends
    let start = |r: &Record| matches!(r, Record::Intent { step, .. } if step.0.as_ref() == "master/master/start");
    let begun = world.records.borrow().iter().position(start).unwrap();
    world.records.borrow_mut().truncate(begun + 1);
    world.wait(600);
    world.lose_master();
    world.lose_chunkserver("cs1");
    world.deeds.borrow_mut().clear();
    assert_eq!(walk(&world, &plan), Ending::Finished);
    let [server, master] = [("cs1", "sbin/mfschunkserver"), ("master", "sbin/mfsmaster -t")]
        .map(|(host, what)| world.when(host, what).unwrap());
    assert!(master - server >= 180, "{server} {master}");
}
