//! `status` and `resume` on runs that are on disk.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use mfsupgrade::journal::{JournalSink, NewRun, Origin, Record, StateFolder};
use mfsupgrade::plan::Plan;
use mfsupgrade::schedule::{Phase, Schedule, Stage, Step, StepId, Track, compile};

use crate::{code, mfsupgrade, stderr, stdout};

/// A run of a plan that has no file.
fn new<'a>(plan: &'a Plan, schedule: &'a Schedule) -> NewRun<'a> {
    static NOWHERE: Origin = Origin { plan: None, mode: None, simulated: None };
    NewRun { plan, schedule, observation: None, origin: &NOWHERE }
}

/// A run with its first step begun, left behind by a process that was killed.
fn interrupted(folder: &Path) -> String {
    let plan = Plan::load(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/plans/rolling.toml"))).unwrap().plan;
    let schedule = compile(&plan, None, plan.line());
    let state = StateFolder::new(Some(folder)).unwrap();
    let mut run = state.begin(&new(&plan, &schedule), Timestamp::now()).unwrap();
    let (_, _, step) = schedule.steps().next().unwrap();
    run.append(Record::Intent { step: step.id.clone(), at: Timestamp::now() }).unwrap();
    run.name.clone()
}

#[test]
fn status_tells_of_a_run_that_was_killed() {
    let folder = tempfile::tempdir().unwrap();
    let name = interrupted(folder.path());
    let state = folder.path().to_str().unwrap();
    let output = mfsupgrade(&["status", "--state-dir", state]);
    assert_eq!(code(&output), 0);
    for words in [&name, "interrupted", "unknown whether done: backup/master/copy", "mfsupgrade resume"] {
        assert!(stdout(&output).contains(words), "{words}: {}", stdout(&output));
    }
    let json = mfsupgrade(&["status", "--format", "json", "--state-dir", state, &name]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!((&json["state"], &json["done"]), (&"interrupted".into(), &0.into()));
}

/// The steps of plans/rolling.toml before its second chunkserver's.
fn before_cs2(schedule: &Schedule) -> impl Iterator<Item = &StepId> {
    let of_cs2 = |(stage, track, _): &(&Stage, &Track, &Step)| {
        stage.phase == Phase::Chunkservers && track.host.as_str() == "cs2"
    };
    schedule.steps().take_while(move |at| !of_cs2(at)).map(|(_, _, step)| &step.id)
}

#[test]
fn status_tells_the_next_host_and_until_when_a_rule_makes_it_wait() {
    let folder = tempfile::tempdir().unwrap();
    let plan = Plan::load(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/plans/rolling.toml"))).unwrap().plan;
    let schedule = compile(&plan, None, plan.line());
    let state = StateFolder::new(Some(folder.path())).unwrap();
    let mut run = state.begin(&new(&plan, &schedule), Timestamp::now()).unwrap();
    let mut done = |step: &StepId, at| {
        let record = Record::Done { step: step.clone(), at, host_time: None, evidence: String::new(), found: false };
        run.append(record).unwrap();
    };
    let back = Timestamp::now() - SignedDuration::from_secs(70);
    before_cs2(&schedule).for_each(|step| done(step, back));
    let state = folder.path().to_str().unwrap();
    let told = |format: &str| stdout(&mfsupgrade(&["status", "--format", format, "--state-dir", state])).to_owned();
    let json: serde_json::Value = serde_json::from_str(&told("json")).unwrap();
    let until = back + SignedDuration::from_secs(300);
    assert_eq!((&json["next_host"], &json["next_waits_until"]), (&"cs2".into(), &until.to_string().into()));
    let text = told("text");
    let last = format!("last record {} (1 min ", back.strftime("%Y-%m-%d %H:%M:%S UTC"));
    let not_before = format!("not before {}", until.strftime("%Y-%m-%d %H:%M:%S UTC"));
    for words in ["next: chunkservers/cs2/", "(cs2: ", &last, &not_before] {
        assert!(text.contains(words), "{words}: {text}");
    }
    // a wait that is over is none
    done(before_cs2(&schedule).last().unwrap(), Timestamp::now() - SignedDuration::from_secs(301));
    assert!(!told("text").contains("not before"), "{}", told("text"));
}

#[test]
fn without_runs_status_says_so_and_resume_fails() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().to_str().unwrap();
    assert_eq!(stdout(&mfsupgrade(&["status", "--state-dir", state])), "no run yet\n");
    let json = mfsupgrade(&["status", "--format", "json", "--state-dir", state]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!((&json["run"], &json["state"]), (&serde_json::Value::Null, &"none".into()));
    let output = mfsupgrade(&["resume", "--yes", "--state-dir", state]);
    assert_eq!(code(&output), 9, "{}", stderr(&output));
}

#[test]
fn a_state_folder_that_is_not_there_is_an_error_and_no_place_without_runs() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("mistyped");
    let output = mfsupgrade(&["status", "--state-dir", missing.to_str().unwrap()]);
    assert_eq!((code(&output), stdout(&output)), (9, ""));
    assert!(stderr(&output).contains("mistyped") && stderr(&output).contains("--state-dir"), "{}", stderr(&output));
}

#[test]
fn files_of_a_run_are_for_the_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let name = interrupted(folder.path());
    let run = folder.path().join("runs").join(name);
    assert_eq!(run.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    for entry in std::fs::read_dir(run).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.path());
    }
}

#[test]
fn a_schedule_or_a_journal_that_was_changed_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let name = interrupted(folder.path());
    let run = folder.path().join("runs").join(name);
    let state = folder.path().to_str().unwrap();
    let change = |file: &str, from: &str, to: &str| {
        let path = run.join(file);
        let before = std::fs::read_to_string(&path).unwrap();
        assert!(before.contains(from));
        std::fs::write(&path, before.replace(from, to)).unwrap();
        let output = mfsupgrade(&["resume", "--state-dir", state]);
        std::fs::write(&path, before).unwrap();
        (code(&output), stderr(&output).to_owned())
    };
    let (code, words) = change("schedule.json", "make install", "make uninstall");
    assert!(code == 9 && words.contains("was changed"), "{words}");
    let (code, words) = change("journal.jsonl", "master/copy", "master/uncopy");
    assert!(code == 9 && words.contains("checksum"), "{words}");
}

#[test]
fn a_run_is_walked_by_one_process_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let name = interrupted(folder.path());
    let (_held, _) = StateFolder::new(Some(folder.path())).unwrap().reopen(Some(&name)).unwrap();
    let output = mfsupgrade(&["resume", "--state-dir", folder.path().to_str().unwrap()]);
    assert_eq!(code(&output), 9);
    assert!(stderr(&output).contains("another process"), "{}", stderr(&output));
}

#[test]
fn a_cluster_is_upgraded_by_one_run_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let plan = Plan::load(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/plans/rolling.toml"))).unwrap().plan;
    let state = StateFolder::new(Some(folder.path())).unwrap();
    let schedule = compile(&plan, None, plan.line());
    let held = state.begin(&new(&plan, &schedule), Timestamp::now()).unwrap();
    let later = Timestamp::now() + jiff::SignedDuration::from_secs(5);
    let error = state.begin(&new(&plan, &schedule), later).unwrap_err().to_string();
    assert!(error.contains("cluster of master") && error.contains("another process"), "{error}");
    assert_eq!(state.names().unwrap(), std::slice::from_ref(&held.name));
}

#[test]
fn a_way_back_needs_a_run_and_a_word_of_consent() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().to_str().unwrap();
    let output = mfsupgrade(&["rollback", "--state-dir", state]);
    assert_eq!(code(&output), 9, "{}", stderr(&output));
    let name = interrupted(folder.path());
    let output = mfsupgrade(&["rollback", "--state-dir", state]);
    assert_eq!(code(&output), 11, "{}", stderr(&output));
    assert!(stderr(&output).contains("--yes"), "{}", stderr(&output));
    let (_held, _) = StateFolder::new(Some(folder.path())).unwrap().reopen(Some(&name)).unwrap();
    let output = mfsupgrade(&["rollback", "--yes", "--state-dir", state]);
    assert_eq!(code(&output), 9, "a run that is walked is not taken back: {}", stderr(&output));
}

#[test]
fn a_way_back_is_resumed_and_not_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let plan = Plan::load(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/plans/rolling.toml"))).unwrap().plan;
    let mut schedule = compile(&plan, None, plan.line());
    let name = interrupted(folder.path());
    schedule.back_of = Some(name.clone());
    let later = Timestamp::now() + jiff::SignedDuration::from_secs(5);
    drop(StateFolder::new(Some(folder.path())).unwrap().begin(&new(&plan, &schedule), later).unwrap());
    let state = folder.path().to_str().unwrap();
    let output = mfsupgrade(&["resume", &name, "--state-dir", state]);
    assert!(code(&output) == 2 && stderr(&output).contains("was rolled back"), "{}", stderr(&output));
    let output = mfsupgrade(&["rollback", "--yes", "--state-dir", state]);
    assert_eq!(code(&output), 2);
    let said = stderr(&output);
    assert!(said.contains("is itself the way back") && said.contains("mfsupgrade resume"), "{said}");
}

#[test]
fn resume_of_a_run_that_is_over_says_so_also_where_its_hosts_are_gone() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("ssh_config");
    std::fs::write(&config, "Host *\n  ProxyCommand false\n").unwrap();
    let text = format!(
        "[upgrade]\nfrom = \"1.5.12\"\nto = \"1.6.27\"\n[install]\nsource_dir = \"/usr/src/mfs\"\n[ssh]\nconfig = {config:?}\n\
         [master]\nhost = \"master\"\n[[chunkservers]]\nhosts = [\"cs1\"]\n"
    );
    let plan = Plan::parse(&text, Path::new("p.toml"), Path::new("/")).unwrap();
    let schedule = compile(&plan, None, plan.line());
    let mut run =
        StateFolder::new(Some(folder.path())).unwrap().begin(&new(&plan, &schedule), Timestamp::now()).unwrap();
    run.append(Record::Finished { at: Timestamp::now(), evidence: "all of it".to_owned() }).unwrap();
    drop(run);
    let output = mfsupgrade(&["resume", "--state-dir", folder.path().to_str().unwrap()]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    for words in ["there is nothing to go on with", "whether it still holds the cluster's lock was not seen"] {
        assert!(stderr(&output).contains(words), "{words}: {}", stderr(&output));
    }
}

#[test]
fn what_begins_a_rehearsals_run_begins_none_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let output = mfsupgrade(&["__rehearsed", folder.path().to_str().unwrap()]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("is no rehearsal's state folder"), "{}", stderr(&output));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
