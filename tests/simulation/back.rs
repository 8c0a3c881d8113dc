//! The way back as an operator would tell it.

use std::sync::atomic::Ordering;

use mfsupgrade::check::back::look_back;
use mfsupgrade::check::preflight::Fleet;
use mfsupgrade::check::{Code, Finding};
use mfsupgrade::host::{HostFacts, HostName};
use mfsupgrade::journal::{Progress, Record};
use mfsupgrade::plan::Mode;
use mfsupgrade::run::event::Stamped;
use mfsupgrade::run::ports::Master;
use mfsupgrade::run::{Ending, Event, EventSink, FailureKind, Remedy};
use mfsupgrade::schedule::{Schedule, changed, compile_back};

use super::fault::Fault;
use super::world::{NEW, OLD, World, failure, futures_now, heard, plan, schedule, walk, walk_to_pause};

const HOSTS: [&str; 7] = ["master", "log1", "cs1", "cs2", "cs3", "cl1", "cl2"];

/// What stands against taking back the run that walked `upgrade`, and the schedule for it.
fn look(world: &World, upgrade: &Schedule) -> (Schedule, Vec<Finding>) {
    let progress = Progress::replay(&world.records.borrow());
    let changed = changed(upgrade, &|step| progress.done.contains_key(step) || progress.open.contains(step));
    let fleet: Fleet =
        HOSTS.iter().map(|h| (HostName::new(h).unwrap(), HostFacts::parse(&world.look(h, "")).unwrap())).collect();
    let plan = plan(upgrade.mode);
    let overview = futures_now(world.overview()).ok();
    let known: Vec<_> = upgrade.chunkservers.iter().chain(&upgrade.clients).filter_map(|k| k.address).collect();
    let before = upgrade.baseline.as_ref().unwrap();
    let (seen, findings) = look_back(&plan, &changed, &fleet, overview.as_ref(), before, &known, false);
    (compile_back(&plan, "run", upgrade, &seen), findings)
}

/// The way back of what was walked, with nothing against it; the world's notes begin anew.
fn back(world: &World, upgrade: &Schedule) -> Schedule {
    let (schedule, findings) = look(world, upgrade);
    assert_eq!(findings, [], "nothing stands against it");
    world.records.borrow_mut().clear();
    world.deeds.borrow_mut().clear();
    schedule
}

fn all_old(world: &World) -> bool {
    let versions = world.versions();
    versions.len() == 6 && versions.iter().all(|(_, v)| *v == OLD)
}

fn upgraded(mode: Mode) -> (World, Schedule) {
    let world = World::new();
    let upgrade = schedule(&world, mode);
    assert_eq!(walk(&world, &upgrade), Ending::Finished);
    (world, upgrade)
}

#[test]
fn what_runs_new_beside_an_old_master_is_found_though_the_run_has_changed_nothing() {
    // an operator has upgraded it by hand, and the run has come as far as its backup
    let world = World::new();
    let upgrade = schedule(&world, Mode::Rolling);
    walk_to_pause(&world, &upgrade, "restore-ms");
    assert_eq!(look(&world, &upgrade).1, []);
    world.upgrade_by_hand("cs2");
    let (schedule, findings) = look(&world, &upgrade);
    assert!(schedule.stages.is_empty());
    let [finding] = &findings[..] else { panic!("{findings:?}") };
    assert_eq!((finding.code, finding.host.as_ref().unwrap().as_str()), (Code::BackNotByRun, "cs2"));
    // where the master is new as well nothing is wrong with it
    world.start_new_master();
    assert_eq!(look(&world, &upgrade).1, []);
}

#[test]
fn a_way_back_that_starts_no_master_holds_nothing_that_users_deleted_against_the_one_that_runs() {
    let world = World::new();
    world.set_inodes(10_000);
    let upgrade = schedule(&world, Mode::FullStop);
    walk_to_pause(&world, &upgrade, "make install");
    let back = back(&world, &upgrade);
    let starts = |s: &mfsupgrade::schedule::Step| matches!(s.action.effect(), mfsupgrade::step::Effect::Starts(_));
    assert!(!back.stages.is_empty() && !back.steps().any(|(_, _, step)| starts(step)), "programs alone");
    walk_to_pause(&world, &back, "tar -xpf");
    world.set_inodes(7_000);
    assert_eq!(walk(&world, &back), Ending::Finished);
}

#[test]
fn a_daemon_whose_old_program_cannot_be_brought_back_is_started_again_in_the_release_that_ran() {
    for host in ["cs2", "master"] {
        let (world, upgrade) = upgraded(Mode::Rolling);
        let back = back(&world, &upgrade);
        world.faults.borrow_mut().insert(host.to_owned(), Fault::RestoreFails);
        let failure = failure(walk(&world, &back));
        assert_eq!(failure.host.as_ref().map(HostName::as_str), Some(host));
        let told = failure.causes.join("; ");
        assert!(
            told.contains("1.6.27 was started again and runs") && told.contains("install 1.5.12 by hand"),
            "{told}"
        );
        assert!(failure.needs(Remedy::OldPrograms), "and that is what is said to do next");
        assert!(world.versions().contains(&(host.to_owned(), NEW)), "{:?}", world.versions());
        world.repair(host);
        assert_eq!(walk(&world, &back), Ending::Finished);
        assert!(all_old(&world));
    }
}

#[test]
fn what_users_delete_while_a_way_back_stands_still_is_not_held_against_it() {
    let world = World::new();
    world.set_inodes(1000);
    let upgrade = schedule(&world, Mode::Rolling);
    assert_eq!(walk(&world, &upgrade), Ending::Finished);
    let back = back(&world, &upgrade);
    walk_to_pause(&world, &back, "sbin/mfschunkserver");
    world.set_inodes(500);
    assert_eq!(walk(&world, &back), Ending::Finished);
}

#[test]
fn clients_then_chunkservers_five_minutes_apart_then_the_master() {
    for mode in [Mode::Rolling, Mode::FullStop] {
        let (world, upgrade) = upgraded(mode);
        let back = back(&world, &upgrade);
        assert_eq!((&back.from, &back.to), (&NEW, &OLD));
        assert_eq!(walk(&world, &back), Ending::Finished);
        assert_eq!(world.touched(), ["cl1", "cl2", "cs1", "cs2", "cs3", "log1", "master"]);
        assert!(all_old(&world));
        let deeds = world.deeds.borrow();
        let of = |host: &str| -> Vec<_> { deeds.iter().filter(|d| d.1 == host).map(|d| d.2.as_str()).collect() };
        for (host, order) in [
            ("cs2", &["-s", "tar -xpf", "xargs", "sbin/mfschunkserver"][..]),
            ("cl1", &["tar -xpf", "umount", "bin/mfsmount -h mfsmaster -p 9421 -w /mnt/mfs"]),
            ("master", &["now()", "-s", "tar -xpf", "sbin/mfsmaster"]),
        ] {
            let deeds: Vec<_> = of(host).into_iter().filter(|d| !d.starts_with("fetch")).collect();
            assert_eq!(deeds.len(), order.len(), "{deeds:?}");
            assert!(deeds.iter().zip(order).all(|(deed, word)| deed.contains(word)), "{host}: {deeds:?}");
        }
        drop(deeds);
        let stop = |host| world.when(host, "mfschunkserver -t 1800 -s").unwrap();
        assert!(stop("cs2") - stop("cs1") >= 300 && stop("cs3") - stop("cs2") >= 300, "{mode}");
    }
}

#[test]
fn only_what_was_changed_is_taken_back() {
    let world = World::new();
    let upgrade = schedule(&world, Mode::Rolling);
    walk_to_pause(&world, &upgrade, "sbin/mfschunkserver");
    let back = back(&world, &upgrade);
    assert_eq!(walk(&world, &back), Ending::Finished);
    assert_eq!(world.touched(), ["cs1", "log1", "master"]);
    assert!(all_old(&world));
}

#[test]
fn a_run_that_only_copied_leaves_nothing_to_bring_back_and_neither_does_a_way_back() {
    let world = World::with("master", Fault::TrialFails);
    let upgrade = schedule(&world, Mode::Rolling);
    walk(&world, &upgrade);
    assert!(back(&world, &upgrade).stages.is_empty());

    let (world, upgrade) = upgraded(Mode::Rolling);
    let records = world.records.borrow().clone();
    let schedule = back(&world, &upgrade);
    assert_eq!(walk(&world, &schedule), Ending::Finished);
    *world.records.borrow_mut() = records;
    assert!(look(&world, &upgrade).0.stages.is_empty());
}

#[test]
fn an_installation_without_a_start_is_taken_back_beside_the_running_daemon() {
    let world = World::new();
    *world.pause_after.borrow_mut() = Some("make install".into());
    let upgrade = schedule(&world, Mode::Rolling);
    assert_eq!(walk(&world, &upgrade), Ending::Paused);
    world.pause.store(false, Ordering::Relaxed);
    let back = back(&world, &upgrade);
    assert_eq!(walk(&world, &back), Ending::Finished);
    assert_eq!(world.touched(), ["master"]);
    assert_eq!(world.times("master", "sbin/mfsmaster -t"), 0, "the old master runs on");
}

#[test]
fn a_full_stop_that_stopped_in_the_middle_goes_back_at_once() {
    let world = World::with("cs2", Fault::DaemonDies);
    let upgrade = schedule(&world, Mode::FullStop);
    assert!(matches!(walk(&world, &upgrade), Ending::Failed(..)));
    world.repair("cs2");
    let back = back(&world, &upgrade);
    assert_eq!(back.least_s, 0, "nothing is waited for while everything stands still");
    assert_eq!(walk(&world, &back), Ending::Finished);
    assert!(all_old(&world));
    assert!(!world.touched().contains(&"cl1".to_owned()), "no client was changed");
    let [server, master] =
        [("cs3", "sbin/mfschunkserver"), ("master", "sbin/mfsmaster")].map(|(h, w)| world.when(h, w));
    assert!(server <= master);
}

#[test]
fn a_chunkserver_that_does_not_come_back_stops_it_and_it_is_resumed() {
    let (world, upgrade) = upgraded(Mode::Rolling);
    let back = back(&world, &upgrade);
    world.faults.borrow_mut().insert("cs2".into(), Fault::DaemonDies);
    let Ending::Failed(failure, state) = walk(&world, &back) else { panic!() };
    assert_eq!(failure.kind, FailureKind::StepFailed);
    assert!(failure.causes[0].contains("no mfschunkserver 1.5.12 runs"), "{:?}", failure.causes);
    assert!(state.contains("1 of 3 chunkservers on 1.5.12"), "{state}");
    assert!(!world.touched().contains(&"cs3".to_owned()));
    world.repair("cs2");
    assert_eq!(walk(&world, &back), Ending::Finished);
    assert!(all_old(&world));
    assert_eq!(world.times("cs1", "-s"), 1);
}

#[test]
fn every_prefix_of_its_journal_is_resumable_and_no_daemon_is_stopped_twice() {
    let (world, upgrade) = upgraded(Mode::Rolling);
    let schedule = back(&world, &upgrade);
    walk(&world, &schedule);
    let records = world.records.borrow().len();
    for cut in 0..records {
        let (world, upgrade) = upgraded(Mode::Rolling);
        let schedule = back(&world, &upgrade);
        walk(&world, &schedule);
        world.records.borrow_mut().truncate(cut);
        assert_eq!(walk(&world, &schedule), Ending::Finished, "cut after record {cut}");
        for host in ["master", "cs1", "cs2", "cs3"] {
            assert_eq!(world.times(host, " -s"), 1, "{host} stopped again after record {cut}");
        }
        assert_eq!(world.times("cl1", "umount"), 1, "remounted again after record {cut}");
        assert!(all_old(&world), "cut after record {cut}");
    }
}

#[test]
fn a_mount_that_is_in_use_holds_the_chunkservers_and_the_master() {
    let (world, upgrade) = upgraded(Mode::Rolling);
    let back = back(&world, &upgrade);
    world.faults.borrow_mut().insert("cl1".into(), Fault::Busy);
    assert!(matches!(walk(&world, &back), Ending::Failed(..)));
    assert_eq!(world.touched(), ["cl1", "cl2"], "a 1.6 mount does not work with a 1.5 master");
}

#[test]
fn an_old_master_on_other_metadata_is_ended_at_once() {
    let (world, upgrade) = upgraded(Mode::Rolling);
    let back = back(&world, &upgrade);
    world.faults.borrow_mut().insert("master".into(), Fault::OtherMetadata);
    let Ending::Failed(failure, _) = walk(&world, &back) else { panic!() };
    assert_eq!(failure.kind, FailureKind::GateRed);
    let gap = world.when("master", "kill ").unwrap() - world.when("master", "tar -xpf").unwrap();
    assert!(gap < 5, "it deletes chunks that it does not know within a minute: {gap}");
}

#[test]
fn what_another_hand_upgraded_is_not_guessed_about() {
    let world = World::new();
    *world.pause_after.borrow_mut() = Some("sbin/mfsmaster".into());
    let upgrade = schedule(&world, Mode::Rolling);
    assert_eq!(walk(&world, &upgrade), Ending::Paused);
    world.upgrade_by_hand("cs3");
    let codes: Vec<_> = look(&world, &upgrade).1.into_iter().map(|f| f.code).collect();
    assert_eq!(codes, [Code::BackNotByRun]);
}

#[test]
fn where_a_daemon_works_is_known_of_one_that_a_boot_has_started_from_what_was_installed() {
    let (_, upgrade) = upgraded(Mode::Rolling);
    let changed = changed(&upgrade, &|step| step.0.as_ref() == "master/master/install");
    assert_eq!(changed[0].data_path.as_ref().unwrap().as_str(), "/var/mfs", "else it is stopped without a copy");
}

#[test]
fn a_mount_that_the_upgrade_has_left_away_is_told_on_the_way_back() {
    let world = World::with("cl1", Fault::RefusesMounts);
    let upgrade = schedule(&world, Mode::Rolling);
    assert!(matches!(walk(&world, &upgrade), Ending::Failed(..)));
    let back = back(&world, &upgrade);
    let Ending::Failed(_, state) = walk(&world, &back) else { panic!() };
    assert!(state.contains("/mnt/mfs IS NOT MOUNTED on cl1:"), "{state}");
}

#[test]
fn a_mount_that_is_lost_while_the_master_is_stopped_does_not_hold_its_successor() {
    let (world, upgrade) = upgraded(Mode::Rolling);
    let back = back(&world, &upgrade);
    assert_eq!(walk(&world, &back), Ending::Finished);
    let stopped = |r: &Record| matches!(r, Record::Done { step, .. } if step.0.as_ref() == "master/master/stop");
    let at = world.records.borrow().iter().position(stopped).unwrap();
    world.records.borrow_mut().truncate(at + 1);
    world.wait(60);
    world.lose_master();
    world.lose_mount("cl1");
    world.deeds.borrow_mut().clear();
    let Ending::Failed(failure, _) = walk(&world, &back) else { panic!("cl1 has no mount") };
    assert_eq!(failure.kind, FailureKind::GateRed);
    assert!(world.when("master", "sbin/mfsmaster").is_some() && world.when("cl1", "mfsmount").is_none());
    assert_eq!(walk(&world, &back), Ending::Finished);
    assert!(world.is_mounted("cl1"));
}

#[test]
fn a_chunkserver_that_does_not_run_is_brought_back_and_not_waited_for() {
    let (world, upgrade) = upgraded(Mode::Rolling);
    let back = back(&world, &upgrade);
    world.faults.borrow_mut().insert("cs1".into(), Fault::DaemonDies);
    assert!(matches!(walk(&world, &back), Ending::Failed(..)));
    world.repair("cs1");
    // stopped by a run that was killed, and whose journal knows nothing of it
    world.lose_chunkserver("cs2");
    assert_eq!(walk(&world, &back), Ending::Finished);
    assert!(all_old(&world));
    assert_eq!(world.times("cs2", "-s"), 0);
}

#[test]
fn a_mount_that_a_boot_has_made_with_the_new_programs_holds_the_chunkservers_and_the_master() {
    let world = World::new();
    let upgrade = schedule(&world, Mode::Rolling);
    walk_to_pause(&world, &upgrade, "sbin/mfschunkserver");
    let back = back(&world, &upgrade);
    world.boot_mounts_new("cl1");
    let Ending::Failed(failure, _) = walk(&world, &back) else { panic!() };
    assert!(failure.causes[1].contains("mounts of another release"), "{:?}", failure.causes);
    assert!(world.touched().is_empty());
    world.lose_mount("cl1");
    assert_eq!(walk(&world, &back), Ending::Finished);
}

#[test]
fn a_master_that_comes_up_by_itself_is_copied_before_it_is_stopped() {
    for comes_up in [false, true] {
        let (world, upgrade) = upgraded(Mode::Rolling);
        world.lose_master();
        let back = back(&world, &upgrade);
        if comes_up {
            world.start_new_master();
        }
        assert_eq!(walk(&world, &back), Ending::Finished);
        assert_eq!(world.times("master", "now()"), usize::from(comes_up));
        assert_eq!(world.times("master", "mfsmaster -t 1800 -s"), usize::from(comes_up));
    }
}

/// A master comes up as soon as a copy of its metadata was found to be none to make.
struct ComesUp<'a>(&'a World);

impl EventSink for ComesUp<'_> {
    fn send(&self, event: Stamped) {
        if matches!(&event.event, Event::StepDone { step, found: true, .. } if step.0.ends_with("/copy")) {
            self.0.start_new_master();
        }
    }
}

#[test]
fn a_master_that_comes_up_behind_a_copy_that_was_none_to_make_is_copied_before_it_is_stopped() {
    let (world, upgrade) = upgraded(Mode::Rolling);
    world.lose_master();
    let back = back(&world, &upgrade);
    assert_eq!(heard(&world, &back, &ComesUp(&world)), Ending::Finished);
    let deeds = world.deeds.borrow();
    let at = |what: &str| deeds.iter().position(|d| d.1 == "master" && d.2.contains(what));
    let (copied, stopped) = (at("now()").expect("it is copied"), at("-s").expect("it is stopped"));
    assert!(copied < stopped, "{deeds:?}");
}
