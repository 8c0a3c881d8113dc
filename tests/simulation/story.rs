//! Upgrades as an operator would tell them.

use std::sync::atomic::Ordering;

use mfsupgrade::journal::Record;
use mfsupgrade::plan::Mode;
use mfsupgrade::run::ports::{Clock, NotHeld};
use mfsupgrade::run::{Ending, Event, Failure, FailureKind, Others};

use super::fault::Fault;
use super::world::{Events, FIVE_MINUTES, NEW, OLD, World, all_new, failure, heard, schedule, walk, walk_to_pause};

#[test]
fn rolling_goes_master_then_chunkservers_five_minutes_apart_then_clients() {
    let world = World::new();
    assert_eq!(walk(&world, &schedule(&world, Mode::Rolling)), Ending::Finished);
    assert_eq!(world.touched(), ["master", "log1", "cs1", "cs2", "cs3", "cl1", "cl2"]);
    let start = |host| world.when(host, "sbin/mfschunkserver").unwrap();
    assert!(start("cs2") - start("cs1") >= FIVE_MINUTES, "{:?}", world.deeds);
    assert!(start("cs3") - start("cs2") >= FIVE_MINUTES);
    assert!(start("cs3") - start("cs2") < FIVE_MINUTES + 10, "time is spent in the demanded wait and nowhere else");
    let place = |what: &str| world.deeds.borrow().iter().position(|d| d.1 == "cl1" && d.2.contains(what)).unwrap();
    assert!(place("make install") < place("umount") && place("umount") < place("bin/mfsmount"));
    assert!(all_new(&world));
}

#[test]
fn full_stop_stops_the_master_restarts_all_chunkservers_and_waits_three_minutes() {
    let world = World::new();
    assert_eq!(walk(&world, &schedule(&world, Mode::FullStop)), Ending::Finished);
    let stop = world.when("master", "-s").unwrap();
    let starts = ["cs1", "cs2", "cs3"].map(|host| world.when(host, "sbin/mfschunkserver").unwrap());
    assert!(starts.iter().all(|&start| start >= stop));
    let deeds = world.deeds.borrow();
    let master_start = deeds.iter().find(|d| d.2.ends_with("sbin/mfsmaster -t 1800")).unwrap();
    let last_start = deeds.iter().rfind(|d| d.2.contains("sbin/mfschunkserver")).unwrap();
    assert!(master_start.0 - last_start.0 >= 180, "{deeds:?}");
    drop(deeds);
    assert!(all_new(&world), "an exit code of 1 from `mfsmaster -s` does not stop a healthy upgrade");
}

#[test]
fn a_master_that_somebody_starts_in_a_full_stops_wait_ends_it_and_is_named() {
    let world = World::new();
    let plan = schedule(&world, Mode::FullStop);
    *world.watchdog.borrow_mut() = Some((60, OLD));
    let stopped = failure(walk(&world, &plan));
    assert_eq!((stopped.kind, stopped.host.as_ref().unwrap().as_str()), (FailureKind::StepFailed, "master"));
    assert!(stopped.causes[0].contains("mfsmaster 1.5.12 (pid "), "{:?}", stopped.causes);
    let waited = world.since_start() - world.when("master", "-s").unwrap();
    assert!((60..65).contains(&waited), "it is seen at once: {waited}");
    assert_eq!(world.times("master", "mfsmaster -t 1800"), 1, "nothing is started over it");
    // whoever started it was found; the run takes up where it was
    assert_eq!(walk(&world, &plan), Ending::Finished);
    assert_eq!(world.times("master", "1800 -s"), 2);
    assert_eq!(world.times("cs1", "sbin/mfschunkserver"), 1);
    assert!(all_new(&world));
}

#[test]
fn a_new_master_that_somebody_starts_in_a_full_stops_wait_is_judged_at_once() {
    let world = World::new();
    let plan = schedule(&world, Mode::FullStop);
    *world.watchdog.borrow_mut() = Some((60, NEW));
    let events = Events::default();
    assert_eq!(heard(&world, &plan, &events), Ending::Finished);
    let told = |e: &Event| matches!(e, Event::Waiting { what, .. } if what.contains("1.6.27 (pid ") && what.contains("not started"));
    assert!(events.0.into_inner().unwrap().iter().any(|e| told(&e.event)), "it is named");
    assert_eq!(world.times("master", "mfsmaster -t 1800"), 1, "nor is another one put in its place");
    assert!(world.when("log1", "make install").unwrap() < 100, "what was waited for is there");

    // one on other metadata does not serve for the rest of the wait
    let world = World::new();
    let plan = schedule(&world, Mode::FullStop);
    *world.watchdog.borrow_mut() = Some((60, NEW));
    world.loaded.set(1);
    let stopped = failure(walk(&world, &plan));
    assert!(stopped.causes.iter().any(|c| c.contains("stopped again")), "{:?}", stopped.causes);
    let deeds = world.deeds.borrow();
    let stops: Vec<i64> = deeds.iter().filter(|d| d.2.contains("mfsmaster -t 1800 -s")).map(|d| d.0).collect();
    assert!(stops.len() == 2 && (60..70).contains(&(stops[1] - stops[0])), "{stops:?}");
}

#[test]
fn a_daemon_that_exits_0_and_is_not_there_stops_the_run() {
    let world = World::with("cs2", Fault::DaemonDies);
    let failure = failure(walk(&world, &schedule(&world, Mode::Rolling)));
    assert_eq!(failure.kind, FailureKind::StepFailed);
    assert_eq!(failure.host.unwrap().as_str(), "cs2");
    assert!(failure.causes[0].contains("no mfschunkserver 1.6.27 runs"), "{:?}", failure.causes);
    assert_eq!(world.touched(), ["master", "log1", "cs1", "cs2"], "no further host is touched");
}

#[test]
fn an_install_that_fails_stops_before_anything_is_taken_down() {
    let world = World::with("cs1", Fault::InstallFails);
    let failure = failure(walk(&world, &schedule(&world, Mode::Rolling)));
    assert_eq!(failure.kind, FailureKind::StepFailed);
    assert_eq!(failure.said.output, ["output of the command"]);
    assert_eq!(world.when("cs1", "sbin/mfschunkserver"), None);
}

#[test]
fn a_server_that_registered_and_still_scans_is_waited_for() {
    let world = World::with("cs1", Fault::SlowScan(400));
    assert_eq!(walk(&world, &schedule(&world, Mode::Rolling)), Ending::Finished);
    let gap = world.when("cs2", "sbin/mfschunkserver").unwrap() - world.when("cs1", "sbin/mfschunkserver").unwrap();
    assert!(gap >= 400 + FIVE_MINUTES, "the stagger counts from when it was back: {gap}");
}

#[test]
fn a_scan_beyond_the_greatest_stagger_stops_the_run() {
    let world = World::with("cs1", Fault::SlowScan(3600));
    let failure = failure(walk(&world, &schedule(&world, Mode::Rolling)));
    assert_eq!(failure.kind, FailureKind::GateRed);
    assert!(failure.causes.iter().any(|c| c.contains("still scanning")), "{:?}", failure.causes);
    assert_eq!(world.touched(), ["master", "log1", "cs1"]);
}

#[test]
fn under_goal_chunks_hold_the_next_server_until_they_are_replicated() {
    let world = World::with("cs1", Fault::UnderGoal(450));
    assert_eq!(walk(&world, &schedule(&world, Mode::Rolling)), Ending::Finished);
    let gap = world.when("cs2", "sbin/mfschunkserver").unwrap() - world.when("cs1", "sbin/mfschunkserver").unwrap();
    assert!((450..FIVE_MINUTES * 2).contains(&gap), "{gap}");
}

#[test]
fn under_goal_chunks_at_the_greatest_stagger_stop_the_run() {
    let world = World::with("cs1", Fault::UnderGoal(3600));
    let failure = failure(walk(&world, &schedule(&world, Mode::Rolling)));
    assert_eq!(failure.kind, FailureKind::GateRed);
    assert!(failure.causes.iter().any(|c| c.contains("under goal")), "{:?}", failure.causes);
    assert_eq!(world.when("cs2", "make install"), None, "the next server is not touched");
}

#[test]
fn a_connection_lost_after_the_effect_is_resolved_by_looking() {
    let world = World::with("cl1", Fault::LostOnce);
    assert_eq!(walk(&world, &schedule(&world, Mode::Rolling)), Ending::Finished);
    assert_eq!(world.times("cl1", "make install"), 1, "its job is found again");
    assert_eq!(world.times("cl1", "umount"), 1);

    let world = World::with("cl1", Fault::KilledOnce);
    assert_eq!(walk(&world, &schedule(&world, Mode::Rolling)), Ending::Finished);
    assert_eq!(
        world.times("cl1", "make install"),
        2,
        "an installation whose end nobody wrote down is not taken for whole"
    );

    let world = World::new();
    *world.pause_after.borrow_mut() = Some("make install".into());
    assert_eq!(walk(&world, &schedule(&world, Mode::Rolling)), Ending::Paused);
    world.faults.borrow_mut().insert("master".into(), Fault::LostAfterEffect);
    world.pause_after.borrow_mut().take();
    world.pause.store(false, Ordering::Relaxed);
    assert_eq!(walk(&world, &schedule(&world, Mode::Rolling)), Ending::Finished);
    assert_eq!(world.times("master", "sbin/mfsmaster"), 1, "the start was seen to have worked, and is not run again");
}

#[test]
fn a_lost_connection_is_tried_again_less_and_less_often_and_said_as_what_it_is() {
    let world = World::new();
    *world.pause_after.borrow_mut() = Some("make install".into());
    assert_eq!(walk(&world, &schedule(&world, Mode::Rolling)), Ending::Paused);
    // the connection is lost whenever the job is asked for, and never when the host is looked at
    world.faults.borrow_mut().insert("master".into(), Fault::LostAfterEffect);
    world.pause_after.borrow_mut().take();
    world.pause.store(false, Ordering::Relaxed);
    let events = Events::default();
    assert_eq!(heard(&world, &schedule(&world, Mode::Rolling), &events), Ending::Finished);
    let events = events.0.into_inner().unwrap();
    let tries = events.iter().skip_while(
        |e| !matches!(&e.event, Event::StepStarted { step, .. } if step.0.as_ref() == "master/master/start"),
    );
    let tries: Vec<_> = tries.take_while(|e| !matches!(e.event, Event::StepDone { .. })).collect();
    let lost =
        tries.iter().filter(|e| matches!(&e.event, Event::Reconnecting { reason, .. } if reason.contains("lost")));
    let at: Vec<i64> = lost.map(|e| e.at.as_second()).collect();
    let waits: Vec<i64> = at.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(waits[..5], [1, 2, 4, 8, 15], "{waits:?}");
    assert!(waits.iter().sum::<i64>() >= 105, "for two minutes: {waits:?}");
    assert_eq!(world.times("master", "sbin/mfsmaster"), 1);
}

#[test]
fn a_run_that_has_lost_the_clusters_lock_begins_no_further_step() {
    let world = World::new();
    *world.loses_lock_after.borrow_mut() = Some("sbin/mfsmaster -t".into());
    let plan = schedule(&world, Mode::Rolling);
    let stopped = failure(walk(&world, &plan));
    assert_eq!(stopped.kind, FailureKind::Locked);
    assert!(stopped.causes[0].contains("run b of ben@lap"), "{:?}", stopped.causes);
    assert_eq!(world.touched(), ["master"]);

    // silence is waited for, and is not taken for the lock
    *world.lock.borrow_mut() = Some(NotHeld::Silent("no heartbeat was heard for 3 min".into()));
    let before = world.now();
    let stopped = failure(walk(&world, &plan));
    assert_eq!(stopped.kind, FailureKind::Unreachable);
    assert!(world.now().duration_since(before).as_secs() >= 120);
    *world.lock.borrow_mut() = None;
    *world.loses_lock_after.borrow_mut() = None;
    assert_eq!(walk(&world, &plan), Ending::Finished);
}

#[test]
fn a_wrong_master_that_is_another_runs_by_now_is_named_and_not_stopped() {
    let world = World::with("master", Fault::OtherMetadata);
    *world.loses_lock_after.borrow_mut() = Some("sbin/mfsmaster -t".into());
    let failure = failure(walk(&world, &schedule(&world, Mode::Rolling)));
    assert_eq!(failure.kind, FailureKind::GateRed);
    assert_eq!(world.when("master", "1800 -s"), None);
    let told = failure.causes.last().unwrap();
    assert!(told.contains("NOT stopped") && told.contains("run b of ben@lap"), "{told}");
}

#[test]
fn a_copy_that_a_disk_refuses_is_a_failure_at_once_and_no_lost_connection() {
    let here = (Fault::FullHere, FailureKind::Journal, "No space left on device");
    let there = (Fault::RefusesCopies, FailureKind::StepFailed, "Input/output error");
    for (fault, kind, words) in [here, there] {
        let world = World::with("master", fault);
        let events = Events::default();
        let plan = schedule(&world, Mode::Rolling);
        let Ending::Failed(failure, _) = heard(&world, &plan, &events) else { panic!("{words}") };
        assert_eq!((failure.kind, failure.message.as_str()), (kind, "copy metadata.mfs.back off the host"));
        assert!(failure.causes[0].contains(words), "{failure:?}");
        let lost = |e: &Event| matches!(e, Event::Reconnecting { .. });
        assert!(!events.0.into_inner().unwrap().iter().any(|e| lost(&e.event)), "no connection was lost");
        world.repair("master");
        assert_eq!(walk(&world, &plan), Ending::Finished);
    }
}

#[test]
fn a_host_that_never_comes_back_leaves_the_outcome_unknown() {
    let world = World::with("master", Fault::LostForGood);
    let failure = failure(walk(&world, &schedule(&world, Mode::Rolling)));
    assert_eq!(failure.kind, FailureKind::Unknown);
    assert_eq!(world.touched(), ["master"]);
}

#[test]
fn a_client_that_fails_does_not_hold_up_the_others_and_the_run_ends_as_failed() {
    let world = World::with("cl1", Fault::Busy);
    let plan = schedule(&world, Mode::Rolling);
    let failure = failure(walk(&world, &plan));
    assert!(failure.causes[0].contains("cl1: failed to") && failure.causes[0].contains("still mounted"), "{failure:?}");
    assert_eq!(failure.others, Others::WentOn);
    assert_eq!(world.when("cl1", "bin/mfsmount"), None, "the mount stays");
    assert!(world.when("cl2", "bin/mfsmount").is_some());
    world.repair("cl1");
    assert_eq!(walk(&world, &plan), Ending::Finished);
    assert_eq!(world.times("cl2", "umount"), 1);
}

#[test]
fn clients_are_not_gone_through_one_after_the_other_while_the_cluster_is_down() {
    let world = World::with("cl1", Fault::MasterDiesMeanwhile);
    failure(walk(&world, &schedule(&world, Mode::Rolling)));
    assert!(!world.touched().contains(&"cl2".to_owned()));
}

#[test]
fn a_cluster_that_is_upgraded_already_is_neither_touched_nor_waited_for() {
    // a full-stop does not stop a master that is new
    for mode in [Mode::Rolling, Mode::FullStop] {
        let world = World::new();
        let plan = schedule(&world, mode);
        assert_eq!(walk(&world, &plan), Ending::Finished);
        world.records.borrow_mut().clear();
        world.deeds.borrow_mut().clear();
        let begun = world.now();
        assert_eq!(walk(&world, &plan), Ending::Finished);
        assert!(world.touched().is_empty(), "{mode}: {:?}", world.deeds);
        assert!(world.now().duration_since(begun).as_secs() < 10, "{mode}: no wait where nothing goes down");
    }
}

#[test]
fn the_metadata_is_copied_and_loaded_for_a_trial_before_anything_is_installed() {
    for mode in [Mode::Rolling, Mode::FullStop] {
        let world = World::new();
        assert_eq!(walk(&world, &schedule(&world, mode)), Ending::Finished);
        let deeds = world.deeds.borrow();
        let first = |what: &str| deeds.iter().position(|d| d.2.contains(what)).unwrap();
        let order = ["now()", "fetch ", "restore-ms", "tar -cf", "make install"].map(first);
        assert!(order.is_sorted(), "{mode}: {order:?}");
        assert!(deeds.iter().filter(|d| d.2.contains("ours()")).count() >= 2, "the trial's processes are ended");
    }
}

#[test]
fn a_trial_that_fails_leaves_the_old_master_untouched() {
    for (fault, word) in [
        (Fault::TrialFails, "exit code 1"),
        (Fault::LoadsSlowly, "master-away-long"),
        (Fault::CopyDiffers, "another checksum"),
    ] {
        let world = World::with("master", fault);
        let failure = failure(walk(&world, &schedule(&world, Mode::Rolling)));
        assert_eq!(failure.kind, FailureKind::StepFailed);
        assert!(failure.causes.iter().any(|c| c.contains(word)), "{:?}", failure.causes);
        assert_eq!(world.when("master", "make install"), None, "{fault:?}");
        assert!(world.versions().iter().all(|(_, version)| *version == OLD));
        let last = world.deeds.borrow().last().unwrap().2.clone();
        assert!(fault == Fault::CopyDiffers || last.contains("rm -rf"), "nothing of the trial stays: {last}");
    }
}

#[test]
fn hosts_that_fail_side_by_side_are_all_told() {
    let world = World::with("cs1", Fault::InstallFails);
    world.faults.borrow_mut().insert("cs3".into(), Fault::InstallFails);
    let failure = failure(walk(&world, &schedule(&world, Mode::FullStop)));
    assert_eq!(failure.host.unwrap().as_str(), "cs1");
    assert!(failure.causes.iter().any(|c| c.starts_with("and cs3 failed to install")), "{:?}", failure.causes);
    assert_eq!(failure.others, Others::CameToTheirEnd, "cs2 was installed beside them");
}

#[test]
fn a_trial_that_is_tried_again_is_tried_with_a_new_copy() {
    let world = World::with("master", Fault::TrialFails);
    let plan = schedule(&world, Mode::Rolling);
    failure(walk(&world, &plan));
    assert_eq!(world.times("master", "now()"), 1);
    world.repair("master");
    world.wait(60);
    assert_eq!(walk(&world, &plan), Ending::Finished);
    assert_eq!(world.times("master", "now()"), 2, "a minute later, and the live counts have gone on");
}

#[test]
fn a_new_master_on_other_metadata_is_stopped_at_once() {
    let world = World::with("master", Fault::OtherMetadata);
    let failure = failure(walk(&world, &schedule(&world, Mode::Rolling)));
    assert_eq!(failure.kind, FailureKind::GateRed);
    assert!(failure.causes.iter().any(|c| c.contains("stopped again")), "{:?}", failure.causes);
    let gap = world.when("master", "1800 -s").unwrap() - world.when("master", "sbin/mfsmaster -t").unwrap();
    assert!(gap < 5, "an unknown chunk is deleted within about a minute below 1.6.19: {gap}");
    assert_eq!(world.touched(), ["master"]);
}

#[test]
fn a_new_master_on_older_metadata_is_stopped_at_once() {
    for mode in [Mode::Rolling, Mode::FullStop] {
        let world = World::with("master", Fault::OlderMetadata);
        let plan = schedule(&world, mode);
        let first = failure(walk(&world, &plan));
        let stopped = |failure: &Failure| {
            assert!(
                failure.causes[0].contains("has version 999, and the last master's had 1000"),
                "{:?}",
                failure.causes
            );
            assert!(failure.causes.iter().any(|c| c.contains("stopped again")), "{:?}", failure.causes);
        };
        assert_eq!(first.kind, FailureKind::StepFailed);
        stopped(&first);
        // killed when the new master was started: it runs, and nobody has looked at what it has loaded
        world.start_new_master();
        let start = |r: &Record| matches!(r, Record::Intent { step, .. } if step.0.as_ref() == "master/master/start");
        let begun = world.records.borrow().iter().position(start).unwrap();
        world.records.borrow_mut().truncate(begun + 1);
        stopped(&failure(walk(&world, &plan)));
    }
}

#[test]
fn a_chunk_that_loses_a_copy_while_the_release_is_installed_holds_the_restart() {
    let world = World::with("cs2", Fault::UnderGoalMeanwhile(450));
    assert_eq!(walk(&world, &schedule(&world, Mode::Rolling)), Ending::Finished);
    let gap = world.when("cs2", "sbin/mfschunkserver").unwrap() - world.when("cs2", "make install").unwrap();
    assert!(gap >= 250, "the gate before the installation is no word on the cluster after it: {gap}");

    let world = World::with("cs2", Fault::UnderGoalMeanwhile(3600));
    assert_eq!(failure(walk(&world, &schedule(&world, Mode::Rolling))).kind, FailureKind::GateRed);
    assert_eq!(world.when("cs2", "sbin/mfschunkserver"), None);
}

#[test]
fn a_metalogger_or_a_mount_that_went_away_again_is_no_upgraded_cluster() {
    for host in ["log1", "cl1"] {
        let world = World::with("cl2", Fault::Loses(host));
        let failure = failure(walk(&world, &schedule(&world, Mode::Rolling)));
        assert_eq!(failure.kind, FailureKind::GateRed);
        assert!(failure.causes[0].contains("mounts and metaloggers in the new release"), "{:?}", failure.causes);
    }
}

#[test]
fn no_further_client_is_unmounted_once_a_chunkserver_has_gone() {
    let world = World::with("cl1", Fault::Loses("cs3"));
    assert_eq!(failure(walk(&world, &schedule(&world, Mode::Rolling))).kind, FailureKind::GateRed);
    assert!(world.when("cl1", "umount").is_some());
    assert_eq!(world.when("cl2", "umount"), None, "the gate was green before the first of them, and is not any more");
}

#[test]
fn what_a_stop_says_of_a_mount_was_looked_at() {
    let account = |fault| {
        let world = World::with("cl1", fault);
        match walk(&world, &schedule(&world, Mode::Rolling)) {
            Ending::Failed(_, account) => account,
            other => panic!("{other:?}"),
        }
    };
    let open = "whether /mnt/mfs is mounted on cl1 cannot be told";
    assert!(account(Fault::LostForGoodAt("umount")).contains(open), "it is away, and nobody knows");
    assert!(account(Fault::LostForGoodAt("bin/mfsmount")).contains(open), "it is there, and nobody knows");
    assert!(account(Fault::RefusesMounts).contains("/mnt/mfs IS NOT MOUNTED on cl1:"));
}

#[test]
fn no_master_is_stopped_and_no_metadata_copied_around_the_full_hour() {
    let world = World::new();
    let to_the_hour = 3600 - world.now().as_second() % 3600;
    world.wait(to_the_hour - 5);
    assert_eq!(walk(&world, &schedule(&world, Mode::Rolling)), Ending::Finished);
    let copied = world.when("master", "now()").unwrap();
    assert!(copied >= to_the_hour + 10, "copied {copied} s from the start, the full hour is at {to_the_hour} s");
}

#[test]
fn metaloggers_come_after_the_master_and_before_the_chunkservers() {
    let world = World::new();
    assert_eq!(walk(&world, &schedule(&world, Mode::Rolling)), Ending::Finished);
    let [master, logger, server] =
        [("master", "sbin/mfsmaster -t"), ("log1", "sbin/mfsmetalogger"), ("cs1", "sbin/mfschunkserver")]
            .map(|(host, what)| world.when(host, what).unwrap());
    assert!(master <= logger && logger <= server, "{master} {logger} {server}");
}

#[test]
fn a_master_that_is_silent_for_a_moment_does_not_keep_an_old_backup_from_being_renewed() {
    let world = World::new();
    let plan = schedule(&world, Mode::Rolling);
    walk_to_pause(&world, &plan, "make install");
    assert_eq!(world.touched(), ["master"]);
    world.wait(2 * 3600);
    world.silent.set(1);
    assert_eq!(walk(&world, &plan), Ending::Finished);
    assert_eq!(world.times("master", "now()"), 2, "the copy is two hours older than what the old master leaves");
    assert_eq!(world.times("master", "restore-ms"), 2);
}

#[test]
fn the_last_look_is_at_every_host_too() {
    let world = World::new();
    let plan = schedule(&world, Mode::Rolling);
    assert_eq!(walk(&world, &plan), Ending::Finished);
    world.records.borrow_mut().pop();
    world.lose_host("cl2");
    let failure = failure(walk(&world, &plan));
    assert_eq!(failure.kind, FailureKind::Unreachable, "what the master lists is not all that there is to see");
    assert_eq!(failure.host.unwrap().as_str(), "cl2");
}

#[test]
fn a_copy_that_grows_old_while_its_trial_comes_to_an_end_is_made_once_more() {
    let world = World::new();
    let plan = schedule(&world, Mode::Rolling);
    walk_to_pause(&world, &plan, "make install");
    world.wait(2 * 3600);
    world.faults.borrow_mut().insert("master".into(), Fault::EndsTrialSlowly(2 * 3600));
    assert_eq!(walk(&world, &plan), Ending::Finished);
    assert_eq!(world.times("master", "now()"), 3);
    assert_eq!(world.times("master", "restore-ms"), 2, "the trial itself is young");
}
