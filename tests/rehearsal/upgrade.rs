//! `mfsupgrade rehearse` as a whole: the way of `upgrade` over real ssh, faults, the judge's verdict, exit codes.
//!
//! The daemons are simulated; see docs/rehearsal.md.

use std::process::Output;

use mfsupgrade::plan::Mode;
use mfsupgrade::rehearsal::{Cluster, Options, What, simulated_archive};
use tokio::task::block_in_place;

use crate::desk::{Desk, PLAN, original};
use crate::support::{count, options, plan, said, until, until_gone};

fn rehearse(plan: &str, faults: &[&str]) -> Output {
    let mut command = crate::support::rehearse(plan);
    for fault in faults {
        command.args(["--fault", fault]);
    }
    command.output().unwrap()
}

struct Told {
    code: i32,
    out: String,
    err: String,
}

fn told(output: &Output) -> Told {
    Told {
        code: output.status.code().unwrap(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

impl Told {
    fn expect(self, code: i32, words: &[&str]) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.err, self.out);
        for words in words {
            assert!(self.err.contains(words) || self.out.contains(words), "{words}\n{}\n{}", self.err, self.out);
        }
        self
    }

    fn without(self, words: &str) -> Self {
        assert!(!self.err.contains(words) && !self.out.contains(words), "{words}\n{}\n{}", self.err, self.out);
        self
    }

    /// No line tells of work on `host`.
    fn untouched(self, host: &str) -> Self {
        let step = format!("{host}: install");
        assert!(!self.err.contains(&step), "{host} was touched\n{}", self.err);
        self
    }
}

#[test]
fn a_rolling_rehearsal_passes_its_judge() {
    let told = told(&rehearse("plans/rolling.toml", &[])).expect(0, &["Rehearsal passed", "simulated", "stagger"]);
    assert!(!told.out.contains("BROKEN"), "{}", told.out);
}

#[test]
fn a_full_stop_rehearsal_passes_its_judge() {
    let told =
        told(&rehearse("plans/full-stop.toml", &[])).expect(0, &["Rehearsal passed", "simulated", "master-wait"]);
    assert!(!told.out.contains("BROKEN"), "{}", told.out);
}

/// plans/rolling.toml with one line changed.
fn rolling_but(folder: &std::path::Path, line: &str, changed: &str) -> String {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/plans/rolling.toml")).unwrap();
    assert!(text.contains(line), "{line}");
    let plan = folder.join("plan.toml");
    std::fs::write(&plan, text.replacen(line, changed, 1)).unwrap();
    plan.to_str().unwrap().to_owned()
}

#[test]
fn a_rehearsal_begins_when_the_window_of_the_plan_opens() {
    let folder = tempfile::tempdir().unwrap();
    let hour = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).hour();
    let (from, to) = ((hour + 6) % 24, (hour + 12) % 24);
    let window = format!("[window]\nfrom = \"{from:02}:30\"\nto = \"{to:02}:30\"\ntime_zone = \"UTC\"\n\n[install]");
    let plan = rolling_but(folder.path(), "[install]", &window);
    let told =
        told(&rehearse(&plan, &[])).expect(0, &["Rehearsal passed", &format!("({from:02}:30 to {to:02}:30 UTC)")]);
    let first = told.err.lines().find(|line| line.contains("== backup")).unwrap();
    let opens = jiff::civil::time(from, 30, 0, 0);
    let passed = first[..8].parse::<jiff::civil::Time>().unwrap().duration_since(opens).as_secs().rem_euclid(24 * 3600);
    assert!(passed < 3600, "{first}");
    assert!(!told.err.contains("outside the window"), "{}", told.err);
}

#[test]
fn missing_exports_are_found_before_anything_is_touched() {
    let folder = tempfile::tempdir().unwrap();
    told(&rehearse(&rolling_but(folder.path(), "exports_like_1_5 = true", ""), &["no-exports@master"]))
        .expect(4, &["error[exports-missing]", "no host was touched", "maproot=0"])
        .untouched("master");
}

#[tokio::test(flavor = "multi_thread")]
async fn exports_of_the_plans_own_file_are_what_the_new_master_reads() {
    // those that are on the host let nobody in
    let cluster = Cluster::start(&original(), options(&["exports-refuse@master"])).await.unwrap();
    let desk = Desk::new(&cluster);
    // every byte counts: letters of other alphabets, blanks at an end, a last line without one
    let exports = "# Für alle, bis auf Weiteres \t\n*\t/\trw,alldirs,maproot=0\n\n*\t.\trw";
    std::fs::write(desk.folder.path().join("our exports.cfg"), exports).unwrap();
    desk.write(&PLAN.replace("exports_like_1_5 = true", "exports = \"our exports.cfg\""));
    let file = "/usr/local/etc/mfs/mfsexports.cfg";
    let was = said(&cluster, "master", &format!("cat {file}"), 0).await;
    assert!(was.contains("10.0.0.0/8"), "{was}");

    block_in_place(|| desk.told(&["upgrade", &desk.plan(), "--yes"])).expect(0, &["2 of 2 clients on 1.6.27"]);
    let root = cluster.root("master");
    assert_eq!(std::fs::read_to_string(root.join(&file[1..])).unwrap(), exports);
    assert_eq!(said(&cluster, "master", &format!("stat -c '%a %U:%G' {file}"), 0).await, "644 root:root\n");
    assert_eq!(said(&cluster, "master", &format!("cat {file}.mfs-1.5.12"), 0).await, was);
    // and the master goes by it
    let let_in = |what: &What| matches!(what, What::SessionConnected { mount_version, .. } if mount_version.to_string() == "1.6.27");
    assert!(count(&cluster.events().unwrap(), "master", let_in) >= 2);
    cluster.stop().await;
}

#[test]
fn an_install_that_fails_stops_at_that_host() {
    told(&rehearse("plans/rolling.toml", &["install-fails@cs2"]))
        .expect(5, &["failed to install chunkserver programs on cs2", "1 of 3 chunkservers on 1.6.27"])
        // of a rehearsal there is nothing to go on with: no command is said that cannot work
        .expect(5, &["this rehearsal ends here; `--keep` leaves its cluster running"])
        .without("mfsupgrade resume")
        .untouched("cs3")
        .untouched("cl1");
}

#[test]
fn a_chunkserver_that_does_not_come_back_stops_the_run() {
    told(&rehearse("plans/rolling.toml", &["does-not-come-back@cs1"]))
        .expect(5, &["failed to start the new mfschunkserver on cs1", "no mfschunkserver 1.6.27 runs"])
        .expect(
            5,
            &[
                "its host's log ends with:",
                "ends at once, by the fault does-not-come-back",
                "do not leave it like this",
            ],
        )
        .untouched("cs2");
}

#[test]
fn a_master_that_does_not_come_back_stops_the_run() {
    told(&rehearse("plans/rolling.toml", &["does-not-come-back@master"]))
        .expect(5, &["failed to start the new mfsmaster on master", "0 of 1 master on 1.6.27"])
        .untouched("cs1");
}

#[test]
fn a_new_master_on_other_metadata_is_stopped_within_seconds() {
    for plan in ["plans/rolling.toml", "plans/full-stop.toml"] {
        let told = told(&rehearse(plan, &["loads-other-metadata@master"]))
            .expect(12, &["the gate asks for: the master answers as the new release", "knows 7 inodes and knew 13"])
            .expect(12, &["the new master was stopped again; start no master before DATA_PATH has"])
            .expect(12, &["nothing older ever takes its place", "0 of 1 master on 1.6.27", "THE FILE SYSTEM IS DOWN"])
            .expect(12, &["next:    see that the newest metadata is in DATA_PATH, as said above"])
            .untouched("cl1");
        assert!(!told.err.contains("STILL RUNS"), "{}", told.err);
        assert!(told.err.contains("error: failed to see the master answer as 1.6.27\n"), "{}", told.err);
        // by the clock of the run
        let stamp = |words: &str| {
            let line =
                told.err.lines().find(|line| line.contains(words)).unwrap_or_else(|| panic!("{words}\n{}", told.err));
            let [h, m, s] = [0, 3, 6].map(|at| line[at..at + 2].parse::<i64>().unwrap());
            h * 3600 + m * 60 + s
        };
        let took =
            stamp("sending SIGTERM to lock owner").rem_euclid(86_400) - stamp("mfsmaster daemon initialized properly");
        assert!(took.rem_euclid(86_400) < 60, "{took} s\n{}", told.err);
    }
}

#[test]
fn a_new_master_on_older_metadata_that_counts_as_much_is_stopped_too() {
    let told = told(&rehearse("plans/rolling.toml", &["loads-older-metadata@master"]))
        .expect(5, &["failed to start the new mfsmaster on master", "the master's metadata has version"])
        .expect(5, &["it has loaded older metadata", "the new master was stopped again; start no master before"])
        .expect(5, &["THE FILE SYSTEM IS DOWN"])
        .untouched("cl1");
    assert!(!told.err.contains("STILL RUNS"), "{}", told.err);
}

/// A master up to 1.6.18 deletes every chunk that it does not know about a minute after a chunkserver has told of it (seen with
/// 1.6.13).
#[tokio::test(flavor = "multi_thread")]
async fn a_new_master_of_a_release_that_deletes_unknown_chunks_is_stopped_before_any_is_gone() {
    for (fault, code, why) in [
        ("loads-other-metadata", 6, "knows 7 inodes and knew 13"),
        ("loads-older-metadata", 5, "it has loaded older metadata"),
    ] {
        // slow enough for a busy machine: that minute is half a one
        let at = format!("{fault}@master");
        let options = Options { speed: 2.0, ..options(&[&at]) };
        let cluster = Cluster::start(&plan("1.6.13", Mode::Rolling, 1, 0), options).await.unwrap();
        let desk = Desk::new(&cluster);
        desk.write(
            "[upgrade]\nfrom = \"1.5.12\"\nto = \"1.6.13\"\nacknowledge = [\"goal-one\", \"no-metalogger\", \
             \"target-deletes-unknown-chunks\"]\n[install]\nsource_dir = \"/usr/src/mfs-1.6.13\"\n[master]\n\
             host = \"master\"\n[[chunkservers]]\nhosts = [\"cs1\"]\n",
        );
        block_in_place(|| desk.told(&["upgrade", &desk.plan(), "--yes"]))
            .expect(code, &[why, "the new master was stopped again; start no master before"])
            .untouched("cs1");
        until_gone(&cluster, "master", "mfsmaster").await;
        let events = cluster.events().unwrap();
        let acted = |what: &What| *what == What::FaultActed { fault: fault.to_owned() };
        assert_eq!(count(&events, "master", acted), 1, "{}", crate::support::story(&cluster));
        let deleted = |what: &What| matches!(what, What::ChunkDeleted { .. });
        assert_eq!(count(&events, "cs1", deleted), 0);
        let chunks = "find /mnt/hd1 -name 'chunk_*' | wc -l";
        assert_eq!(said(&cluster, "cs1", chunks, 0).await, "12\n");
        if fault == "loads-other-metadata" {
            // the outage that was kept off: whoever lets that master run loses what it does not know
            said(&cluster, "master", "mfsmaster", 0).await;
            until(&cluster, "unknown chunks are deleted", |events| count(events, "cs1", deleted) == 6).await;
        }
        cluster.stop().await;
    }
}

#[test]
fn a_host_that_drops_ssh_for_good_leaves_the_outcome_unknown() {
    told(&rehearse("plans/rolling.toml", &["drops-ssh@cs1"]))
        .expect(7, &["failed to tell whether it could install", "the host was not reached again", "on cs1"])
        .untouched("cs2");
}

#[test]
fn a_connection_that_is_lost_once_is_said_and_made_again() {
    let faults = ["drops-ssh-once@cs1", "drops-ssh-once@master", "drops-ssh-once@cl2"];
    told(&rehearse("plans/rolling.toml", &faults))
        .expect(0, &["retrying: the connection was lost", "Rehearsal passed"])
        .expect(0, &["note: the upgrade reached its target despite the fault drops-ssh-once@cs1"]);
}

#[test]
fn a_scan_beyond_the_greatest_stagger_leaves_the_gate_red() {
    told(&rehearse("plans/rolling.toml", &["slow-scan@cs1"]))
        .expect(6, &["failed to see cs1 back at the master with its chunks within 10 min", "still scanning"])
        .untouched("cs2");
}

#[test]
fn a_chunk_that_is_gone_holds_the_next_chunkserver() {
    told(&rehearse("plans/rolling.toml", &["loses-chunk@cs1"]))
        .expect(6, &["failed to see cs1 back at the master with its chunks within 10 min"])
        .untouched("cs2");
}

#[test]
fn a_busy_mount_is_found_before_anything_is_touched() {
    told(&rehearse("plans/rolling.toml", &["umount-busy@cl1"]))
        .expect(4, &["warning[mount-busy] on cl1: /mnt/mfs is used by rsync", "no host was touched"])
        .untouched("master");
}

#[test]
fn a_busy_mount_stays_and_the_other_clients_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let mode = "mode = \"rolling\"";
    let plan = rolling_but(folder.path(), mode, &format!("acknowledge = [\"mount-busy\"]\n{mode}"));
    told(&rehearse(&plan, &["umount-busy@cl1"]))
        .expect(5, &["cl1: failed to unmount /mnt/mfs", "busy", "1 of 2 clients on 1.6.27"])
        .expect(5, &["stopped: the run tried all other clients; "]);
}

/// plans/rolling.toml with more for its clients, and codes that it accepts.
fn clients(folder: &std::path::Path, more: &str, codes: &str) -> String {
    let mode = "mode = \"rolling\"";
    let plan = rolling_but(folder, mode, &format!("acknowledge = [{codes}]\n{mode}"));
    let text = std::fs::read_to_string(&plan).unwrap();
    std::fs::write(&plan, text.replacen("[[clients]]", &format!("[[clients]]\n{more}"), 1)).unwrap();
    plan
}

#[test]
fn a_busy_mount_is_skipped_or_waited_for_as_the_plan_says() {
    let folder = tempfile::tempdir().unwrap();
    let told_of_it = "note[mount-in-use] on cl1: /mnt/mfs is used by rsync";
    let plan = clients(folder.path(), "busy = \"skip\"", "");
    told(&rehearse(&plan, &["umount-busy@cl1"]))
        .expect(5, &[told_of_it, "stays on the old release", "failed to upgrade 1 client", "1 of 2 clients on 1.6.27"])
        .untouched("cl1");
    let plan = clients(folder.path(), "busy = \"wait 10m\"", "");
    told(&rehearse(&plan, &["umount-busy@cl1"]))
        .expect(5, &[told_of_it, "more (/mnt/mfs is used by rsync", "1 of 2 clients on 1.6.27"]);
}

/// Also by a preview, and whatever the plan accepts.
#[test]
fn a_lazy_unmount_is_refused_where_the_old_mount_would_take_the_new_one_away() {
    let folder = tempfile::tempdir().unwrap();
    let plan = clients(folder.path(), "lazy_unmount = true", "");
    told(&rehearse(&plan, &[])).expect(4, &["error[lazy-unmount] on cl1, cl2", "by name", "no host was touched"]);
}

#[test]
fn a_fault_that_does_not_exist_names_the_nearest() {
    told(&rehearse("plans/rolling.toml", &["instal-fails@cs1"])).expect(2, &["install-fails"]);
}

/// A plan with an archive beside it and metaloggers, one of them on a chunkserver's host.
fn with_archive(folder: &std::path::Path, mode: &str) -> String {
    simulated_archive(&folder.join("mfs-1.6.27.tar.gz"), &"1.6.27".parse().unwrap()).unwrap();
    let plan = folder.join("plan.toml");
    let text = format!(
        "[upgrade]\nfrom = \"1.5.12\"\nto = \"1.6.27\"\nmode = \"{mode}\"\n{}[install]\narchive = \"mfs-1.6.27.tar.gz\"\n\
         configure = [\"--prefix=/usr/local\", \"--disable-mfscgi\"]\n[master]\nhost = \"master\"\n[[metaloggers]]\n\
         hosts = [\"ml1\", \"cs2\"]\n[[chunkservers]]\nhosts = [\"cs[1-2]\"]\n[[clients]]\nhosts = [\"cl1\"]\n",
        if mode == "rolling" { "" } else { "acknowledge = [\"full-stop-under-mounts\"]\n" }
    );
    std::fs::write(&plan, text).unwrap();
    plan.to_str().unwrap().to_owned()
}

#[test]
fn an_archive_is_built_everywhere_and_metaloggers_follow_the_master() {
    let folder = tempfile::tempdir().unwrap();
    for mode in ["rolling", "full-stop"] {
        let told = told(&rehearse(&with_archive(folder.path(), mode), &[]));
        let told = told
            .expect(0, &["Rehearsal passed", "2 listed by the master in 1.6.27", "was there before the new master"]);
        assert!(!told.out.contains("BROKEN"), "{}", told.out);
    }
}

#[test]
fn samples_of_an_old_release_of_1_6_do_not_stand_in_the_way_of_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let plan = folder.path().join("plan.toml");
    let text = "[upgrade]\nfrom = \"1.5.12\"\nto = \"1.6.5\"\nacknowledge = [\"target-deletes-unknown-chunks\", \
                \"trial-impossible\"]\n[install]\nsource_dir = \"/usr/src/mfs-1.6.5\"\n[config]\nexports_like_1_5 = true\n\
                [master]\nhost = \"master\"\n[[metaloggers]]\nhosts = [\"cs1\"]\n[[chunkservers]]\nhosts = [\"cs[1-2]\"]\n\
                [[clients]]\nhosts = [\"cl1\"]\n";
    std::fs::write(&plan, text).unwrap();
    let faults = ["no-exports@master"];
    let told = told(&rehearse(plan.to_str().unwrap(), &faults)).expect(
        14,
        &[
            "done: /usr/local/etc/mfsexports.cfg is there",
            "the fault no-exports@master changed nothing",
            "nothing was tested by it",
        ],
    );
    assert!(told.out.contains("no-exports@master did nothing: NOT TESTED"), "{}", told.out);
    assert!(!told.out.contains("BROKEN") && !told.out.contains("Rehearsal passed"), "{}", told.out);
}

#[test]
fn a_build_that_fails_stops_before_anything_is_changed() {
    let folder = tempfile::tempdir().unwrap();
    told(&rehearse(&with_archive(folder.path(), "rolling"), &["build-fails@cs1"]))
        .expect(5, &["fuse.h: No such file or directory"])
        .untouched("master");
}

/// What a shell would take apart, or a quoted word within double quotes would keep its quotes for.
fn with_a_comma(plan: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(plan).unwrap();
    let text = text.replace("prefix = \"/usr/local\"", "prefix = \"/srv/mfs,main=1\"");
    assert!(text.contains("mfs,main"));
    let file = folder.path().join("plan.toml");
    std::fs::write(&file, text).unwrap();
    (folder, file)
}

#[test]
fn a_full_stop_below_a_prefix_with_a_comma_finds_its_metadata() {
    let (_folder, plan) = with_a_comma("plans/full-stop.toml");
    let told = told(&crate::support::rehearse(plan).output().unwrap());
    told.expect(0, &["Rehearsal passed", "/srv/mfs,main=1/sbin/mfsmaster"]);
}
