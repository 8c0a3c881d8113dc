//! Journals of older versions, plans that were changed, and runs that were left unfinished: what the command line makes of them.

use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use mfsupgrade::check::{Baseline, ClientSeen, MasterSeen, Observation, ServerSeen};
use mfsupgrade::host::{AbsPath, HostName, MountArguments};
use mfsupgrade::journal::{JournalSink, NewRun, Origin, Record, Run, StateFolder};
use mfsupgrade::plan::Plan;
use mfsupgrade::schedule::{Schedule, compile};

use crate::{code, mfsupgrade, stderr, stdout, write};

const OLD_RUN: &str = "20261123T205126Z-9ff3";

/// The run of format 1, in a state folder of its own.
fn format_1(state: &Path) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/journal/format-1");
    let to = state.join("runs").join(OLD_RUN);
    std::fs::create_dir_all(&to).unwrap();
    for file in ["plan.json", "schedule.json", "journal.jsonl"] {
        std::fs::copy(from.join(file), to.join(file)).unwrap();
    }
}

#[test]
fn a_run_of_format_1_is_read_and_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    format_1(folder.path());
    let output = mfsupgrade(&["status", "--state-dir", folder.path().to_str().unwrap()]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    for words in ["failed", "20 of 35 steps done", "next: chunkservers/cs2/start", "no mfschunkserver 1.6.27 runs"] {
        assert!(stdout(&output).contains(words), "{words}: {}", stdout(&output));
    }
    let state = StateFolder::new(Some(folder.path())).unwrap();
    let (mut run, stored) = state.reopen(None).unwrap();
    assert_eq!((stored.progress.number, stored.progress.open.len()), (1, 1));
    assert_eq!(stored.progress.plan_sha256, None);
    run.append(Record::Resumed { at: Timestamp::now() }).unwrap();
    drop(run);
    let again = state.read(Some(OLD_RUN)).unwrap();
    assert_eq!((again.records.len(), again.progress.stop), (stored.records.len() + 1, None));
    assert_eq!(again.progress.done.len(), 20);
}

#[test]
fn a_format_1_schedule_is_still_bound() {
    let folder = tempfile::tempdir().unwrap();
    format_1(folder.path());
    let file = folder.path().join("runs").join(OLD_RUN).join("schedule.json");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replacen("make install", "make uninstall", 1)).unwrap();
    let output = mfsupgrade(&["status", "--state-dir", folder.path().to_str().unwrap()]);
    assert!(code(&output) == 9 && stderr(&output).contains("schedule.json of run"), "{}", stderr(&output));
}

const PLAN: &str = "[upgrade]\nfrom = \"1.5.12\"\nto = \"1.6.27\"\n[install.commands]\nmaster = \"m\"\nchunkserver = \"c\"\n\
    client = \"l\"\n[master]\nhost = \"no-such-host.invalid\"\n[[chunkservers]]\nhosts = [\"cs1\", \"cs2\"]\n[[clients]]\n\
    hosts = [\"cl1\"]\n";

/// A run of `PLAN` that has begun the master's installation and no more, stopped without a word.
struct Begun {
    folder: tempfile::TempDir,
    plan: PathBuf,
    name: String,
}

impl Begun {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let plan = PathBuf::from(write(folder.path(), "plan.toml", PLAN));
        let loaded = Plan::load(&plan).unwrap().plan;
        let observation = seen();
        let schedule = compile(&loaded, Some(&observation), loaded.line());
        let origin = Origin { plan: Some(plan.to_str().unwrap().to_owned()), ..Origin::default() };
        let new = NewRun { plan: &loaded, schedule: &schedule, observation: Some(&observation), origin: &origin };
        let mut run = StateFolder::new(Some(folder.path())).unwrap().begin(&new, Timestamp::now()).unwrap();
        for step in ["backup", "master"] {
            let steps = schedule.steps().filter(|(_, _, s)| s.id.0.starts_with(step)).take(2);
            for (_, _, step) in steps {
                done(&mut run, step.id.0.as_ref());
            }
        }
        let name = run.name.clone();
        Self { folder, plan, name }
    }

    fn state(&self) -> &str {
        self.folder.path().to_str().unwrap()
    }

    fn change(&self, from: &str, to: &str) {
        assert!(PLAN.contains(from));
        std::fs::write(&self.plan, PLAN.replacen(from, to, 1)).unwrap();
    }

    fn resume(&self, more: &[&str]) -> (i32, String) {
        let output = mfsupgrade(&[&["resume", "--state-dir", self.state()], more].concat());
        (code(&output), stderr(&output).to_owned())
    }

    fn reopened(&self) -> (Run, mfsupgrade::journal::store::Stored) {
        StateFolder::new(Some(self.folder.path())).unwrap().reopen(Some(&self.name)).unwrap()
    }
}

fn done(run: &mut Run, step: &str) {
    let (step, at) = (step.to_owned().into(), Timestamp::now());
    run.append(Record::Done { step, at, host_time: None, evidence: String::new(), found: false }).unwrap();
}

fn seen() -> Observation {
    let path = |text: &str| AbsPath::new(text).unwrap();
    let host = |name: &str| HostName::new(name).unwrap();
    let old = semver::Version::new(1, 5, 12);
    let server = |name: &str, last: u8| {
        let address = std::net::Ipv4Addr::new(10, 0, 1, last);
        (host(name), ServerSeen { version: old.clone(), address, data_path: path("/var/mfs") })
    };
    let mounts = vec![MountArguments::new(path("/mnt/mfs"), host("mfsmaster"))];
    Observation {
        without_old: std::collections::BTreeMap::new(),
        reconnect_s: mfsupgrade::rules::away::RECONNECT_S,
        machines: Default::default(),
        baseline: Baseline::default(),
        master: MasterSeen {
            version: old.clone(),
            data_path: path("/var/mfs"),
            user: "nobody".to_owned(),
            group: "nogroup".to_owned(),
            configuration: Vec::new(),
            admin_address: std::net::Ipv4Addr::LOCALHOST,
            chunkserver_port: None,
            metadata_bytes: 0,
        },
        metaloggers: Default::default(),
        config: Default::default(),
        chunkservers: [server("cs1", 1), server("cs2", 2)].into(),
        clients: [(host("cl1"), ClientSeen { address: std::net::Ipv4Addr::new(10, 0, 2, 1), mounts, upgraded: false })]
            .into(),
    }
}

#[test]
fn a_changed_plan_that_concerns_steps_begun_is_shown_and_refused() {
    let begun = Begun::new();
    begun.change("master = \"m\"", "master = \"m --force\"");
    let (code, said) = begun.resume(&[]);
    assert_eq!(code, 3, "{said}");
    for words in [
        "--- the plan of the run",
        "+        \"command\": \"m --force\"",
        "--- the schedule of the run",
        "$ /bin/sh -c 'm --force'",
        "master/no-such-host.invalid/install would be another",
        "--as-begun",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let (_, stored) = begun.reopened();
    assert_eq!(stored.progress.number, 1, "nothing was recorded");
}

#[test]
fn a_changed_plan_that_needs_another_look_is_refused_with_the_reason() {
    let begun = Begun::new();
    begun.change("hosts = [\"cs1\", \"cs2\"]", "hosts = [\"cs1\", \"cs2\", \"cs3\"]");
    let (code, said) = begun.resume(&[]);
    assert!(code == 3 && said.contains("nobody has looked at what was added: chunkserver cs3"), "{said}");
    begun.change("from = \"1.5.12\"", "from = 1");
    let (code, said) = begun.resume(&[]);
    assert!(code == 3 && said.contains("wrong-type") && said.contains("--as-begun"), "{said}");
}

#[test]
fn a_changed_plan_that_concerns_steps_to_come_is_gone_on_with_and_recorded() {
    let begun = Begun::new();
    begun.change("client = \"l\"", "client = \"l --quiet\"");
    // the run ends at the master's host, which nobody can reach
    let (code, said) = begun.resume(&[]);
    assert_eq!(code, 8, "{said}");
    assert!(said.contains("going on with the plan as it is now") && said.contains("l --quiet"), "{said}");
    let folder = begun.folder.path().join("runs").join(&begun.name);
    for file in ["plan.json", "schedule.json", "plan-2.json", "schedule-2.json"] {
        assert!(folder.join(file).is_file(), "{file}");
    }
    let command = |schedule: &Schedule| {
        let (_, _, step) = schedule.steps().find(|(_, _, s)| s.id.0.as_ref() == "clients/cl1/install").unwrap();
        step.commands[0].clone()
    };
    let (_run, stored) = begun.reopened();
    assert_eq!((stored.progress.number, command(&stored.schedule).as_str()), (2, "/bin/sh -c 'l --quiet'"));
    assert_eq!(stored.progress.done.len(), 4);
    assert!(stored.records.iter().any(|r| matches!(r, Record::Replanned { number: 2, .. })));
    drop(_run);
    // the same plan again is no change, and a changed schedule-2.json is seen
    assert!(!begun.resume(&[]).1.contains("the plan of the run"));
    let file = folder.join("schedule-2.json");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("l --quiet", "l --loud")).unwrap();
    let (code, said) = begun.resume(&[]);
    assert!(code == 9 && said.contains("schedule-2.json of run"), "{said}");
}

#[test]
fn the_plan_as_it_was_can_be_gone_on_with_and_another_file_given() {
    let begun = Begun::new();
    begun.change("master = \"m\"", "master = \"m --force\"");
    let (code, said) = begun.resume(&["--as-begun"]);
    assert!(code == 8 && !said.contains("the plan of the run"), "{said}");
    let other = write(begun.folder.path(), "other.toml", PLAN);
    assert_eq!(begun.resume(&["--plan", &other]).0, 8);
    std::fs::remove_file(&begun.plan).unwrap();
    let (code, said) = begun.resume(&[]);
    assert!(code == 8 && said.contains("is not there any more: going on with the run's own copy"), "{said}");
}

#[test]
fn every_prefix_of_a_journal_with_a_changed_plan_is_read() {
    let begun = Begun::new();
    let (mut run, stored) = begun.reopened();
    let mut plan = stored.plan.clone();
    plan.upgrade.stagger.least = std::time::Duration::from_secs(420);
    let schedule = compile(&plan, stored.observation.as_ref(), plan.line());
    run.replan(&plan, &schedule, Timestamp::now()).unwrap();
    done(&mut run, "master/no-such-host.invalid/start");
    drop(run);
    let folder = begun.folder.path().join("runs").join(&begun.name);
    let journal = std::fs::read_to_string(folder.join("journal.jsonl")).unwrap();
    let head = journal.find('\n').unwrap() + 1;
    let mut numbers = Vec::new();
    for cut in head..=journal.len() {
        std::fs::write(folder.join("journal.jsonl"), &journal[..cut]).unwrap();
        let (run, stored) = begun.reopened();
        drop(run);
        let least = stored.plan.upgrade.stagger.least.as_secs();
        assert_eq!(least, if stored.progress.number == 2 { 420 } else { 300 }, "cut at {cut}");
        let whole = std::fs::read_to_string(folder.join("journal.jsonl")).unwrap();
        assert!(whole.ends_with('\n') && journal.starts_with(&whole), "the torn end is cut off");
        numbers.push(stored.progress.number);
    }
    assert!(numbers.is_sorted() && numbers.contains(&1) && numbers.contains(&2));
}

#[test]
fn files_that_a_killed_process_wrote_before_their_record_are_nobodys() {
    let begun = Begun::new();
    let folder = begun.folder.path().join("runs").join(&begun.name);
    std::fs::write(folder.join("plan-2.json"), "half of a pl").unwrap();
    let (mut run, stored) = begun.reopened();
    assert_eq!(stored.progress.number, 1);
    run.replan(&stored.plan, &stored.schedule, Timestamp::now()).unwrap();
    drop(run);
    assert_eq!(begun.reopened().1.progress.number, 2);
}

#[test]
fn a_plan_json_that_was_changed_is_refused() {
    let begun = Begun::new();
    let file = begun.folder.path().join("runs").join(&begun.name).join("plan.json");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replacen("cs1", "cs9", 1)).unwrap();
    let (code, said) = begun.resume(&[]);
    assert!(code == 9 && said.contains("plan.json of run"), "{said}");
    // white space is nothing that it is bound to
    std::fs::write(&file, text.replace("\n", "\n  ")).unwrap();
    assert_eq!(begun.resume(&["--as-begun"]).0, 8);
}

#[test]
fn a_run_that_was_left_unfinished_is_named_before_another_one_begins() {
    let begun = Begun::new();
    let plan = begun.plan.to_str().unwrap();
    let upgrade = |more: &[&str]| {
        let output = mfsupgrade(&[&["upgrade", plan, "--yes", "--state-dir", begun.state()], more].concat());
        (code(&output), stderr(&output).to_owned())
    };
    let (code, said) = upgrade(&[]);
    assert_eq!(code, 13, "{said}");
    for words in [
        format!("run {} was interrupted; 4 of", begun.name),
        "next master/no-such-host.invalid/start".to_owned(),
        format!("mfsupgrade resume {}", begun.name),
        format!("mfsupgrade rollback {}", begun.name),
        format!("--abandon {}", begun.name),
    ] {
        assert!(said.contains(&words), "{words}: {said}");
    }
    assert!(!said.contains("looking at"), "no host is contacted: {said}");
    let (code, said) = upgrade(&["--abandon", "20000101T000000Z-0000"]);
    assert!(code == 13, "another run's name is no consent: {said}");
    // with consent it goes on to look at the hosts; what it is given up for has not begun, so that it is not given up yet
    let (code, said) = upgrade(&["--abandon", &begun.name]);
    assert!(code == 4 && said.contains("looking at"), "{said}");
    assert!(!begun.reopened().1.progress.abandoned());
}

#[test]
fn a_run_on_another_cluster_or_one_that_was_given_up_is_not_in_the_way() {
    let begun = Begun::new();
    let state = StateFolder::new(Some(begun.folder.path())).unwrap();
    let elsewhere = write(begun.folder.path(), "elsewhere.toml", &PLAN.replace("no-such-host", "no-other-host"));
    let output = mfsupgrade(&["upgrade", &elsewhere, "--yes", "--state-dir", begun.state()]);
    assert_eq!(code(&output), 4, "{}", stderr(&output));
    state.abandon(&begun.name, Timestamp::now() + SignedDuration::from_secs(1)).unwrap();
    let output = mfsupgrade(&["upgrade", begun.plan.to_str().unwrap(), "--yes", "--state-dir", begun.state()]);
    assert_eq!(code(&output), 4, "{}", stderr(&output));
    let (code, said) = begun.resume(&[]);
    assert!(code == 2 && said.contains("was abandoned"), "{said}");
    let output = mfsupgrade(&["status", "--state-dir", begun.state()]);
    assert!(stdout(&output).contains("abandoned") && !stdout(&output).contains("go on with"), "{}", stdout(&output));
}

#[test]
fn a_way_back_names_other_unfinished_runs_and_not_its_own() {
    let begun = Begun::new();
    let back = |more: &[&str]| {
        let output = mfsupgrade(&[&["rollback", &begun.name, "--yes", "--state-dir", begun.state()], more].concat());
        (code(&output), stderr(&output).to_owned())
    };
    let (code, said) = back(&[]);
    assert!(code == 4 && said.contains("looking at"), "its own run is what it is about: {said}");
    let (run, stored) = begun.reopened();
    drop(run);
    let new = NewRun { plan: &stored.plan, schedule: &stored.schedule, observation: None, origin: &Origin::default() };
    let later = Timestamp::now() + SignedDuration::from_secs(5);
    let other = StateFolder::new(Some(begun.folder.path())).unwrap().begin(&new, later).unwrap().name.clone();
    let (code, said) = back(&[]);
    assert!(code == 13 && said.contains(&other), "{said}");
}

#[test]
fn status_tells_what_stood_at_the_stop_and_what_was_simulated() {
    let folder = tempfile::tempdir().unwrap();
    // open for an hour yet, whatever time it is
    let hour = Timestamp::now().in_tz("Asia/Tokyo").unwrap().hour();
    let (from, to) = (format!("{:02}:00", (hour + 23) % 24), format!("{:02}:00", (hour + 2) % 24));
    let plan = format!("{PLAN}[window]\nfrom = \"{from}\"\nto = \"{to}\"\ntime_zone = \"Asia/Tokyo\"\n");
    let plan = Plan::parse(&plan, Path::new("p"), Path::new("/")).unwrap();
    let schedule = compile(&plan, None, plan.line());
    let origin = Origin { simulated: Some("simulated daemons".to_owned()), ..Origin::default() };
    let new = NewRun { plan: &plan, schedule: &schedule, observation: None, origin: &origin };
    let mut run = StateFolder::new(Some(folder.path())).unwrap().begin(&new, Timestamp::now()).unwrap();
    run.append(Record::Paused { at: Timestamp::now() }).unwrap();
    let state = "1 of 2 chunkservers on 1.6.27; cluster healthy".to_owned();
    run.append(Record::Stands { at: Timestamp::now(), state }).unwrap();
    drop(run);
    let state = folder.path().to_str().unwrap();
    let output = mfsupgrade(&["status", "--state-dir", state]);
    for words in [
        &format!("window: {from} to {to} Asia/Tokyo, open"),
        "paused [simulated daemons]",
        "when it stopped: 1 of 2 chunkservers on 1.6.27; cluster healthy",
    ] {
        assert!(stdout(&output).contains(words), "{words}: {}", stdout(&output));
    }
    let output = mfsupgrade(&["status", "--format", "json", "--state-dir", state]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["simulated"], "simulated daemons");
    assert!(json["stands"].as_str().unwrap().contains("healthy"));
}
