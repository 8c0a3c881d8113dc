//! A rehearsal that is kept: every command that it prints works as it stands there, with the plan that was changed meanwhile too.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Signal, kill_process};

use crate::desk::pid;

const PLAN: &str = "[upgrade]\nfrom = \"1.5.12\"\nto = \"1.6.27\"\nacknowledge = [\"goal-one\", \"no-metalogger\"]\n[install]\n\
    source_dir = \"/usr/src/mfs-1.6.27\"\n[config]\nexports_like_1_5 = true\n[master]\nhost = \"master\"\n\
    [[chunkservers]]\nhosts = [\"cs1\"]\naddress = \"10.0.0.9\"\n[[clients]]\nhosts = [\"cl1\"]\n";

const FOLDER: &str = env!("CARGO_BIN_EXE_mfsupgrade");

/// Begins a rehearsal and reads what it says until its cluster is kept.
fn kept(plan: &std::path::Path, fault: &str) -> (Child, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mfsupgrade"));
    command.arg("rehearse").arg(plan).args(["--keep", "--log", "plain", "--speed", "60", "--fault", fault]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    for line in BufReader::new(child.stderr.take().unwrap()).lines() {
        said += &line.unwrap();
        said.push('\n');
        if said.ends_with("the cluster keeps running until Ctrl-C\n") {
            return (child, said);
        }
    }
    let status = child.wait().unwrap();
    panic!("it was not kept, {status}: {said}");
}

/// Runs a command as whoever pastes it does, with words behind it.
fn pasted(command: &str, more: &str) -> Output {
    let programs = std::path::Path::new(FOLDER).parent().unwrap();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    Command::new("sh")
        .args(["-c", &format!("{command} {more}")])
        .env("PATH", path)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn what_the_trial_asks_for_is_accepted_in_the_plan_and_every_printed_command_works() {
    let folder = tempfile::tempdir().unwrap();
    let plan = folder.path().join("plan.toml");
    std::fs::write(&plan, PLAN).unwrap();
    let (mut child, said) = kept(&plan, "slow-load@master");
    assert!(said.contains("accept what it names in the plan"), "{said}");
    let printed = |verb: &str| {
        let start = format!("mfsupgrade {verb} ");
        let line = said.lines().map(str::trim).find(|line| line.starts_with(&start));
        line.unwrap_or_else(|| panic!("no {verb}: {said}")).to_owned()
    };
    let (status, resume, rollback) = (printed("status"), printed("resume"), printed("rollback"));
    assert!(said.contains(&format!("`{resume}`")), "it is what `next:` names: {said}");
    let shown = text(&pasted(&status, ""));
    assert!(shown.contains("failed") && shown.contains(&resume), "{shown}");

    std::fs::write(&plan, PLAN.replace("\"goal-one\"", "\"goal-one\", \"master-away-long\"")).unwrap();
    let resumed = pasted(&resume, "--log plain");
    let shown = text(&resumed);
    assert_eq!(resumed.status.code(), Some(0), "{shown}");
    assert!(shown.contains("+      \"master-away-long\"") && shown.contains("1 of 1 client on 1.6.27"), "{shown}");

    let back = pasted(&rollback, "--yes --log plain");
    assert_eq!(back.status.code(), Some(0), "{}", text(&back));
    let state = status.split_once("--state-dir ").unwrap().1;
    let newest = pasted(&format!("mfsupgrade status --state-dir {state}"), "--format json");
    let json: serde_json::Value = serde_json::from_slice(&newest.stdout).unwrap();
    assert!(json["simulated"].as_str().is_some_and(|what| what.contains("simulated")), "{json}");
    assert_eq!((&json["state"], &json["plan"]), (&"finished".into(), &serde_json::Value::Null), "{json}");
    kill_process(pid(&child), Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(5), "of the run that stopped");
}
