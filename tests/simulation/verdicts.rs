//! What the judge of the seeds takes for a breach, and what it does not: facts as the simulated world tells them, one verdict.

use jiff::{SignedDuration, Timestamp};
use mfsupgrade::host::lock::Holder;
use mfsupgrade::moosefs::daemon::Role;
use mfsupgrade::plan::{Busy, Mode};
use mfsupgrade::run::FailureKind;

use super::seeds::deed::Deed;
use super::seeds::fact::{By, Fact, Health, Said};
use super::seeds::faults::Kind;
use super::seeds::judge::Judge;
use super::seeds::scenario::Scenario;
use super::seeds::terms::{Shut, Terms};

/// A second of the world.
const S: i64 = 1000;

/// A cluster of one chunkserver and one client, all old, in a session of the tool.
fn judge(terms: Terms) -> Judge {
    let one = |s: &Scenario| (s.servers, s.clients.len(), s.shared, s.loggers) == (1, 1, 0, 0);
    let scenario = (0..).map(Scenario::quiet).find(one).expect("some seed has it");
    let mut judge = Judge::new(&Scenario { terms, into_the_hour: 0, ..scenario });
    let health = Health { master: Some(false), back: vec![true], ..Health::default() };
    judge.see(-3600 * S, &process("master", Role::Master, false, true, By::World));
    judge.see(-3600 * S, &process("cs1", Role::Chunkserver, false, true, By::World));
    judge.see(-3600 * S, &mount(false, true, By::World));
    judge.see(-3600 * S, &Fact::Health(health));
    judge.see(0, &Fact::Session);
    judge
}

fn process(host: &str, role: Role, new: bool, runs: bool, by: By) -> Fact {
    Fact::Process { host: host.to_owned(), role, new, mount: None, runs, by }
}

fn mount(new: bool, runs: bool, by: By) -> Fact {
    Fact::Process { host: "cl1".to_owned(), role: Role::Client, new, mount: Some("/mnt/mfs".to_owned()), runs, by }
}

fn command(host: &str, deed: Deed) -> Fact {
    Fact::Command { host: host.to_owned(), deed }
}

fn failed(kind: FailureKind, host: &str, account: &str) -> Fact {
    Fact::Stopped(Said::Failed { kind, host: Some(host.to_owned()), account: account.to_owned() })
}

fn laws(judge: &Judge) -> Vec<&'static str> {
    judge.broken.iter().map(|broken| broken.law).collect()
}

#[test]
fn the_judge_and_the_plan_mean_the_same_window() {
    for shut in [Shut { from: 23 * 3600 + 1800, seconds: 5400 }, Shut { from: 60, seconds: 300 }] {
        let window = shut.window();
        for minute in 0..3 * 24 * 60 {
            let clock = 1_700_002_800 + minute * 60;
            let open = window.is_open(Timestamp::UNIX_EPOCH + SignedDuration::from_secs(clock));
            assert_eq!(shut.closed_for(clock).is_none(), open, "{shut:?} at {clock}");
        }
    }
}

#[test]
fn a_stop_is_not_the_second_one_when_what_it_ended_came_and_went_by_itself() {
    let stopped = |again: bool| {
        let mut judge = judge(Terms::PLAIN);
        judge.see(10 * S, &command("cs1", Deed::Stop(Role::Chunkserver)));
        judge.see(11 * S, &process("cs1", Role::Chunkserver, false, false, By::Us));
        if again {
            // a journal that has lost all of it cannot know that
            judge.see(20 * S, &process("cs1", Role::Chunkserver, true, true, By::World));
            judge.see(30 * S, &process("cs1", Role::Chunkserver, true, false, By::World));
        }
        judge.see(90 * S, &command("cs1", Deed::Stop(Role::Chunkserver)));
        laws(&judge).contains(&"twice")
    };
    assert!(stopped(false));
    assert!(!stopped(true));
}

#[test]
fn a_red_gate_is_no_false_alarm_where_it_tells_the_mount_that_a_boot_has_made() {
    let alarm = |told: &str| {
        let mut judge = judge(Terms::PLAIN);
        judge.see(5 * S, &Fact::WayBack { in_use: true });
        judge.see(6 * S, &mount(false, false, By::World));
        judge.see(7 * S, &mount(true, true, By::World));
        judge.see(900 * S, &failed(FailureKind::GateRed, "master", &format!("other mounts: 1.6.5 on {told}")));
        laws(&judge).contains(&"false-alarm")
    };
    assert!(!alarm("10.0.2.1"), "the address of cl1");
    assert!(!alarm("cl1 (10.0.2.1); where one is not of this run"));
    assert!(alarm("10.0.9.9") && alarm("10.0.2.12"));
}

#[test]
fn nothing_that_serves_is_taken_down_outside_the_window_and_what_stands_still_may_be() {
    // closed from ten minutes after the world's beginning on
    let shut = Some(Shut { from: 23 * 3600 + 600, seconds: 3600 });
    let umount = |at: i64| {
        let mut judge = judge(Terms { shut, ..Terms::PLAIN });
        judge.see(at * S, &command("cl1", Deed::Unmount("/mnt/mfs".to_owned())));
        laws(&judge).contains(&"window")
    };
    assert!(!umount(599) && !umount(700) && umount(900));
    let mut judge = judge(Terms { shut, ..Terms::PLAIN });
    judge.see(60 * S, &Fact::Health(Health { back: vec![false], ..Health::default() }));
    judge.see(900 * S, &command("cs1", Deed::Start(Role::Chunkserver)));
    assert!(!laws(&judge).contains(&"window"), "no master serves: whoever waits now keeps the file system down");
}

#[test]
fn after_the_lock_is_lost_nothing_is_begun_but_what_was_on_its_way() {
    let kept = |at: i64, deed: Deed| {
        let mut judge = judge(Terms::PLAIN);
        judge.see(10 * S, &Fact::Fault { kind: Kind::LockTaken, host: None });
        judge.see(at * S, &command("cs1", deed));
        laws(&judge).contains(&"lock")
    };
    assert!(!kept(20, Deed::Install) && kept(400, Deed::Install));
    assert!(!kept(400, Deed::EndTrial), "what a trial has left is removed");
}

#[test]
fn a_client_in_use_that_is_to_be_skipped_is_not_touched() {
    let used = Fact::Used { host: "cl1".to_owned(), mount: "/mnt/mfs".to_owned(), used: true };
    let touched = |busy: Busy, deed: Deed| {
        let mut judge = judge(Terms { busy, ..Terms::PLAIN });
        judge.see(10 * S, &used);
        judge.see(100 * S, &command("cl1", deed));
        laws(&judge).contains(&"busy")
    };
    assert!(touched(Busy::Skip, Deed::Install) && touched(Busy::Skip, Deed::Unmount("/mnt/mfs".to_owned())));
    assert!(!touched(Busy::Fail, Deed::Unmount("/mnt/mfs".to_owned())), "umount refuses by itself");
}

#[test]
fn figures_and_words_of_an_account_are_held_against_the_world() {
    let said = |account: &str| {
        let mut judge = judge(Terms::PLAIN);
        judge.see(S, &Fact::Looked { host: "cs1".to_owned(), users: false });
        judge.see(300 * S, &Fact::Fault { kind: Kind::TrialFails, host: Some("cs1".to_owned()) });
        judge.see(301 * S, &failed(FailureKind::StepFailed, "cs1", account));
        judge.broken.iter().filter(|broken| broken.law == "account").count()
    };
    assert_eq!(
        said("failed to install; 0 of 1 chunkserver on 1.6.27; cluster healthy as far as a 1.5 master tells"),
        0
    );
    assert_eq!(said("failed to install; 0 of 1 chunkserver on 1.6.27; cluster NOT healthy: chunks are missing"), 1);
    assert_eq!(said("failed to install; 0 of 2 chunkservers on 1.6.27; cluster healthy"), 1);
}

#[test]
fn a_second_process_is_turned_away_while_the_first_walks_and_sends_nothing() {
    let told = |ended: bool, fact: Fact| {
        let mut judge = judge(Terms::PLAIN);
        if ended {
            judge.see(10 * S, &failed(FailureKind::Unknown, "cs1", "whether the file system is up is not asked"));
        }
        judge.see(20 * S, &fact);
        laws(&judge).contains(&"lock")
    };
    let holder = |age_s: u64| Fact::TurnedAway(Holder { run: "run".to_owned(), age_s, ..Holder::default() });
    assert!(!told(false, holder(30)));
    assert!(told(false, holder(301)), "its heart beats no more");
    assert!(told(true, holder(30)), "the first one has ended");
    assert!(told(false, Fact::TurnedAway(Holder::default())), "no run is named");
    assert!(told(false, Fact::Beside { host: "cs1".to_owned(), deed: Deed::Install }));
}

#[test]
fn where_another_upgrade_begins_under_a_new_master_none_is_stopped_whoever_has_started_it() {
    let stops = |anew: bool| {
        let full_stop = (0..).map(Scenario::quiet).find(|s| s.mode == Mode::FullStop && s.servers == 1);
        let mut judge = Judge::new(&full_stop.expect("some seed has it"));
        judge.see(-3600 * S, &process("master", Role::Master, true, true, By::World));
        judge.see(-3600 * S, &Fact::Health(Health { master: Some(true), back: vec![true], ..Health::default() }));
        if anew {
            judge.see(0, &Fact::Anew);
        }
        judge.see(0, &Fact::Session);
        judge.see(10 * S, &command("master", Deed::Stop(Role::Master)));
        laws(&judge).contains(&"healthy-master")
    };
    assert!(stops(true));
    assert!(!stops(false), "a full stop that a boot has come before stops what there is");
}
