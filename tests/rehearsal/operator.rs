//! The operator's hands on a real `upgrade` and `rollback`: Ctrl-C once and twice, another start in between, a changed plan,
//! a full disk, resume.
//!
//! The daemons are simulated; the signals, the processes and ssh are real.

use std::process::{Command, Stdio};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use mfsupgrade::rehearsal::{Cluster, What};
use rustix::process::{Resource, Rlimit, prlimit};
use serde_json::Value;

use crate::desk::{Desk, HELD, PLAN, cluster, original, pid};
use crate::observed::files;
use crate::support::{count, failed, options};

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_once_says_what_holds_and_twice_leaves_at_once_and_both_are_resumed() {
    let cluster = cluster().await;
    let desk = Desk::new(&cluster);
    let plan = desk.plan();
    let said = tokio::task::block_in_place(|| {
        desk.go(&["master"]);
        let paused =
            desk.run(&["upgrade", &plan, "--yes", "--log", "plain"], "cs1: install chunkserver programs", 1, &["cs1"]);
        paused.expect(
            10,
            &[
                "paused: 1 of 1 master on 1.6.27",
                "0 of 1 chunkserver",
                "cluster healthy; safe to leave",
                "mfsupgrade resume",
            ],
        );
        assert!(desk.status().contains("cluster healthy"), "{}", desk.status());

        // another start names it, from here and before any host is contacted
        desk.run(&["upgrade", &plan, "--yes"], "never", 0, &[])
            .expect(13, &["was paused", "next chunkservers/cs1/", "--abandon", "resumes it"]);

        // what was begun stays as it was
        desk.write(&PLAN.replace("source_dir = \"/usr/src/mfs-1.6.27\"", "source_dir = \"/usr/src/other\""));
        desk.run(&["resume"], "never", 0, &[])
            .expect(3, &["+        \"source-dir\": \"/usr/src/other\"", "--as-begun"]);

        // what is to come may change
        desk.write(&PLAN.replace("hosts = [\"cl[1-2]\"]", "hosts = [\"cl[1-2]\"]\nparallel = 2"));
        desk.run(&["resume", "--log", "plain", "--verbose"], "cl1 | begun", 2, &[]).expect(
            10,
            &["+      \"parallel\": 2", "going on with the plan as it is now", "left at once", "mfsupgrade resume"],
        );
        let open = "unknown whether done: clients/cl1/install";
        assert!(desk.status().contains(open), "{}", desk.status());
        desk.go(&["cl1", "cl2"]);
        desk.run(&["resume", "--log", "plain"], "never", 0, &[])
    });
    said.expect(0, &["finished: 1 of 1 master on 1.6.27", "2 of 2 clients on 1.6.27"]);
    assert!(desk.status().contains("finished"), "{}", desk.status());
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_trial_has_found_can_be_accepted_and_the_run_gone_on_with() {
    let cluster = cluster().await;
    let desk = Desk::new(&cluster);
    let plan = desk.plan();
    tokio::task::block_in_place(|| {
        desk.write(&PLAN.replace("acknowledge = [\"goal-one\"]\n", ""));
        desk.run(&["upgrade", &plan, "--yes", "--log", "plain"], "never", 0, &[])
            .expect(5, &["[goal-one] 12 chunks have goal 1", "then `resume`"]);
        desk.write(PLAN);
        // as far as the step after the trial
        desk.run(&["resume", "--log", "plain"], "master: keep what the installation replaces", 1, &["master"])
            .expect(10, &["+      \"goal-one\"", "going on with the plan as it is now", "safe to leave"]);
    });
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_set_aside_is_not_gone_on_with_and_another_one_reaches_the_target() {
    let cluster = cluster().await;
    let desk = Desk::new(&cluster);
    let plan = desk.plan();
    tokio::task::block_in_place(|| {
        let paused =
            desk.run(&["upgrade", &plan, "--yes", "--log", "plain"], "master: install master programs", 1, &["master"]);
        let paused = paused.expect(10, &["0 of 1 master on 1.6.27", "safe to leave"]);
        let name = paused.err.lines().find_map(|line| line.split("mfsupgrade resume ").nth(1)).unwrap();
        let name = name.split(' ').next().unwrap().to_owned();
        desk.go(&["cs1", "cl1", "cl2"]);
        desk.run(&["upgrade", &plan, "--yes", "--log", "plain", "--abandon", &name], "never", 0, &[])
            .expect(0, &["finished: 1 of 1 master on 1.6.27"]);
        desk.run(&["resume", &name], "never", 0, &[]).expect(2, &["was abandoned"]);
    });
    cluster.stop().await;
}

/// Every host of the plan.
const HOSTS: [&str; 5] = ["master", "log1", "cs1", "cl1", "cl2"];

#[tokio::test(flavor = "multi_thread")]
async fn a_way_back_is_shown_paused_resumed_and_ends_on_the_old_release() {
    let cluster = cluster().await;
    let desk = Desk::new(&cluster);
    let plan = desk.plan();
    tokio::task::block_in_place(|| {
        desk.go(&HELD);
        desk.told(&["upgrade", &plan, "--yes"]).expect(0, &["finished: 1 of 1 master on 1.6.27"]);
        let run = desk.runs().pop().unwrap();

        // what is shown changes nothing, here and there
        let as_it_is = || (files(desk.folder.path()), HOSTS.map(|host| files(&cluster.root(host))));
        let before = as_it_is();
        let text = desk.told(&["rollback", &run, "--dry-run"]).expect(0, &["(read-only)"]).out;
        let json = desk.told(&["rollback", &run, "--dry-run", "--format", "json"]).expect(0, &[]).out;
        assert!(as_it_is() == before, "something has changed, here or on a host");
        assert!(text.starts_with(&format!("Rollback of run {run}, MooseFS 1.6.27 to 1.5.12")), "{text}");
        let place = |words: &str| text.find(words).unwrap_or_else(|| panic!("{words}\n{text}"));
        let order = [
            "cl1  unmount /mnt/mfs",
            "cl2  mount /mnt/mfs",
            "cs1  stop mfschunkserver 1.6.27",
            "cs1  start the old mfschunkserver",
            "log1  stop mfsmetalogger 1.6.27",
            "master  stop mfsmaster 1.6.27",
            "master  start the old mfsmaster",
        ];
        assert!(order.map(place).is_sorted(), "{text}");
        let json: Value = serde_json::from_str(&json).unwrap();
        assert_eq!((&json["back_of"], &json["to"]), (&Value::from(run.as_str()), &Value::from("1.5.12")));
        let phases: Vec<_> = json["stages"].as_array().unwrap().iter().map(|s| s["phase"].as_str().unwrap()).collect();
        assert_eq!(phases, ["clients", "chunkservers", "metaloggers", "master", "verify"]);

        // Ctrl-C while the chunkserver is away: it comes to its end, and the master's turn does not begin
        desk.hold("cs1", "tar", "-xpf*");
        let at = "cs1: bring back the chunkserver programs";
        desk.run(&["rollback", &run, "--yes", "--log", "plain"], at, 1, &["cs1"]).expect(
            10,
            &[
                "paused: 0 of 1 master on 1.5.12, 1 of 1 chunkserver on 1.5.12, 2 of 2 clients on 1.5.12",
                "safe to leave",
            ],
        );
        let back = desk.runs().pop().unwrap();
        assert!(back != run && desk.status().contains("paused"), "{}", desk.status());
        // neither is the one taken for the other
        desk.told(&["resume", &run]).expect(2, &[&format!("was rolled back by {back}")]);
        desk.told(&["rollback", "--yes"]).expect(2, &[&format!("is itself the way back of {run}")]);
        desk.told(&["resume"])
            .expect(0, &["finished: 1 of 1 master on 1.5.12, 1 of 1 chunkserver on 1.5.12, 2 of 2 clients on 1.5.12"]);
        assert!(desk.status().contains("finished"), "{}", desk.status());
    });
    // how long a mount was patient is another test's
    let verdict = cluster.verdict_back(&original()).await.unwrap();
    assert!(failed(&verdict).iter().all(|check| *check == "data-path"), "{verdict}");
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_way_back_keeps_to_the_window_unless_it_is_told_any_time() {
    let cluster = cluster().await;
    let desk = Desk::new(&cluster);
    let plan = desk.plan();
    let hour = |hours| (Timestamp::now() + SignedDuration::from_hours(hours)).to_zoned(TimeZone::UTC).strftime("%H:%M");
    let closed = format!("{PLAN}[window]\nfrom = \"{}\"\nto = \"{}\"\ntime_zone = \"UTC\"\n", hour(12), hour(18));
    let waits = "for the window, which opens";
    tokio::task::block_in_place(|| {
        // the master is new already when the plan gets its window
        desk.go(&["master"]);
        let at = "cs1: install chunkserver programs";
        desk.run(&["upgrade", &plan, "--yes", "--log", "plain"], at, 1, &["cs1"])
            .expect(10, &["1 of 1 master on 1.6.27"]);
        desk.write(&closed);
        desk.run(&["resume", "--log", "plain"], waits, 1, &[]).expect(10, &[waits, "0 of 1 chunkserver on 1.6.27"]);
        let run = desk.runs().pop().unwrap();

        let shown = desk.told(&["rollback", &run, "--dry-run"]).expect(0, &[]).out;
        assert!(shown.contains("Outside it the run takes nothing down"), "{shown}");
        desk.run(&["rollback", &run, "--yes", "--log", "plain"], waits, 1, &[])
            .expect(10, &[waits, "0 of 1 master on 1.5.12", "safe to leave"]);
        let kept = desk.runs().pop().unwrap();
        // the one that keeps to it goes on keeping to it
        desk.run(&["resume", &kept, "--log", "plain"], waits, 1, &[]).expect(10, &[waits, "0 of 1 master on 1.5.12"]);

        let shown = desk.told(&["rollback", &run, "--dry-run", "--any-time"]).expect(0, &[]).out;
        assert!(!shown.contains("Window:"), "{shown}");
        let any_time = ["rollback", &run, "--any-time", "--yes", "--abandon", &kept, "--log", "plain"];
        let told = desk
            .run(&any_time, waits, 1, &[])
            .expect(0, &["finished: 1 of 1 master on 1.5.12, 1 of 1 chunkserver on 1.5.12"]);
        assert!(!told.err.contains(waits), "{}", told.err);
    });
    cluster.stop().await;
}

/// A command that is told by an error that it may write no more into a file, and not ended by a signal. `first`: what its shell
/// does before.
fn told_of_limits(first: &str, command: &Command) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", &format!("trap '' XFSZ; {first} exec \"$@\""), "sh"]);
    shell.arg(command.get_program()).args(command.get_args()).stdin(Stdio::null());
    shell
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_state_folder_that_is_full_no_run_begins_and_none_is_left() {
    let cluster = Cluster::start(&original(), options(&[])).await.unwrap();
    let desk = Desk::new(&cluster);
    let plan = desk.plan();
    tokio::task::block_in_place(|| {
        let before = HOSTS.map(|host| files(&cluster.root(host)));
        let upgrade = desk.command(&["upgrade", &plan, "--yes"]);
        desk.hear(told_of_limits("ulimit -f 0;", &upgrade), |_, _| {})
            .expect(9, &["failed to write", "File too large"]);
        assert!(HOSTS.map(|host| files(&cluster.root(host))) == before, "something on a host has changed");
        let left: Vec<_> = std::fs::read_dir(desk.folder.path().join("runs")).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    });
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_folder_that_is_full_stops_the_run_with_9_and_resume_goes_on() {
    let cluster = cluster().await;
    let desk = Desk::new(&cluster);
    let plan = desk.plan();
    tokio::task::block_in_place(|| {
        desk.go(&["master", "cs1", "cl2"]);
        let upgrade = desk.command(&["upgrade", &plan, "--yes", "--log", "plain", "--verbose"]);
        let stopped = desk.hear(told_of_limits("", &upgrade), |line, child| {
            // the installation goes on, and that it is done cannot be written down
            if line.contains("cl1 | begun") {
                let none = Rlimit { current: Some(0), maximum: None };
                prlimit(Some(pid(child)), Resource::Fsize, none).unwrap();
                desk.go(&["cl1"]);
            }
        });
        let stopped = stopped.expect(
            9,
            &[
                "error: failed to write the journal\n  because: File too large",
                "stopped: no further host was touched; 1 of 1 master on 1.6.27, 1 of 1 metalogger on 1.6.27",
                "1 of 1 chunkserver on 1.6.27, 0 of 2 clients on 1.6.27",
                "make room or repair the state folder on this machine",
                "mfsupgrade resume",
            ],
        );
        assert!(!stopped.err.contains("cl2: "), "{}", stopped.err);
        let status = desk.status();
        for words in ["or the journal could not be written", "unknown whether done: clients/cl1/install"] {
            assert!(status.contains(words), "{status}");
        }
        desk.told(&["resume"]).expect(0, &["1 of 1 chunkserver on 1.6.27, 2 of 2 clients on 1.6.27"]);
        let installed = |what: &What| matches!(what, What::Installed { .. });
        assert_eq!(
            count(&cluster.events().unwrap(), "cl1", installed),
            1,
            "what was done is found, and not done again"
        );
    });
    cluster.stop().await;
}

/// Two names in the configuration of ssh lead to each other's machine from now on.
fn exchange(cluster: &Cluster, one: &str, two: &str) {
    let file = cluster.ssh().config.unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    let named = |line: &str| match line.trim() {
        name if name == format!("Host {one}") => format!("Host {two}\n"),
        name if name == format!("Host {two}") => format!("Host {one}\n"),
        _ => format!("{line}\n"),
    };
    let exchanged: String = text.lines().map(named).collect();
    assert_ne!(text, exchanged, "{text}");
    std::fs::write(&file, exchanged).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_leads_to_another_machine_is_refused_before_anything_is_run_there() {
    let cluster = cluster().await;
    let desk = Desk::new(&cluster);
    let plan = desk.plan();
    tokio::task::block_in_place(|| {
        desk.go(&["master"]);
        desk.run(&["upgrade", &plan, "--yes", "--log", "plain"], "cs1: install chunkserver programs", 1, &["cs1"])
            .expect(10, &["safe to leave"]);
        let cs1_is = "another machine answers as cs1: it is the machine that the plan calls log1";
        exchange(&cluster, "cs1", "log1");
        let before = cluster.events().unwrap().len();
        let refused = desk.run(&["resume", "--log", "plain"], "never", 0, &[]).expect(8, &["nothing was run on it"]);
        assert!(refused.err.contains(cs1_is) || refused.err.contains("answers as log1: it is"), "{}", refused.err);
        desk.told(&["rollback", "--dry-run"]).expect(4, &[cs1_is, "another machine answers as log1"]);
        exchange(&cluster, "cs1", "log1");
        // the lock is not even taken on a machine that is not the master
        exchange(&cluster, "master", "cl1");
        desk.run(&["resume", "--log", "plain"], "never", 0, &[])
            .expect(8, &["another machine answers as master", "nothing was run on it"]);
        assert!(!cluster.root("cl1").join("var/lib/mfsupgrade/lock").exists());
        exchange(&cluster, "master", "cl1");
        let touched =
            cluster.events().unwrap()[before..].iter().any(|e| matches!(e.what, What::Started | What::Ended { .. }));
        assert!(!touched, "a daemon was touched");
        desk.go(&["cl1", "cl2"]);
        desk.run(&["resume", "--log", "plain"], "never", 0, &[])
            .expect(0, &["finished: 1 of 1 master on 1.6.27", "2 of 2 clients on 1.6.27"]);
    });
    cluster.stop().await;
}
