//! This machine's own faults: no ssh, an ssh_config that ssh does not take, folders that are not there or whose names are too long for a
//! socket. They are told as this machine's, once, and not as a fault of every host.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::{code, command, stderr, stdout, write};

/// Seven hosts at port 9 of this machine, where nothing answers, and a line for ssh's configuration.
fn plan(folder: &Path, line: &str) -> String {
    let config = write(folder, "ssh_config", &format!("Host *\n  HostName 127.0.0.1\n  Port 9\n{line}"));
    let source = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/plans/rolling.toml")).unwrap();
    assert!(source.contains("\n[ssh]\n"));
    write(folder, "plan.toml", &source.replace("\n[ssh]\n", &format!("\n[ssh]\nconfig = \"{config}\"\n")))
}

/// Code and host of every finding, and all that is said of it.
fn findings(output: &Output) -> Vec<(String, Option<String>, String)> {
    let json: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}{}", stdout(output), stderr(output)));
    let finding = |finding: &Value| {
        let words = ["seen", "why", "todo"].map(|key| finding[key].as_str().unwrap()).join("; ");
        (finding["code"].as_str().unwrap().to_owned(), finding["host"].as_str().map(str::to_owned), words)
    };
    json["findings"].as_array().unwrap().iter().map(finding).collect()
}

/// What every command that looks at hosts says: one error, of this side, and no host is touched.
#[track_caller]
fn told_once(folder: &Path, plan: &str, change: impl Fn(&mut Command), words: &[&str]) {
    let run = |arguments: &[&str]| {
        let mut command = command(arguments);
        change(&mut command);
        command.output().unwrap()
    };
    let check = run(&["check", "--format", "json", plan]);
    let found = findings(&check);
    let [(found, host, told)] = &found[..] else { panic!("{found:?}") };
    assert_eq!((code(&check), found.as_str(), host), (4, "local-ssh", &None), "{told}");
    assert!(told.contains("on this machine") && words.iter().all(|words| told.contains(words)), "{told}");
    let state = folder.join("state");
    let upgrade = run(&["upgrade", "--yes", plan, "--state-dir", state.to_str().unwrap()]);
    assert_eq!(code(&upgrade), 4, "{}", stderr(&upgrade));
    let said = stderr(&upgrade);
    assert!(said.contains("error[local-ssh]: on this machine") && said.contains("no host was touched"), "{said}");
    assert!(!said.contains("host-unreachable") && !state.exists(), "{said}");
}

#[test]
fn a_rehearsal_without_a_place_for_its_hosts_names_the_folder_and_what_to_set() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("not/there");
    let output = command(&["rehearse", "plans/rolling.toml"]).env("TMPDIR", &missing).output().unwrap();
    let said = stderr(&output);
    assert_ne!(code(&output), 0, "{said}");
    assert!(said.contains("TMPDIR") && said.contains(missing.to_str().unwrap()), "{said}");
    assert_eq!(said.matches("No such file").count(), 1, "a cause is told once: {said}");
}

#[test]
fn without_an_ssh_program_it_is_this_machine_that_lacks_it() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(folder.path(), "");
    let empty = folder.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    let without = |command: &mut Command| {
        command.env("PATH", &empty);
    };
    told_once(folder.path(), &plan, without, &["failed to run ssh"]);
}

#[test]
fn an_ssh_config_that_ssh_does_not_take_is_this_machines() {
    for (line, words) in [
        ("  Nonsense yes\n", ["Bad configuration option", "nonsense"]),
        ("  ConnectTimeout soon\n", ["ssh_config line 4", "invalid time value"]),
        ("  Port\n", ["ssh_config line 4", "no argument"]),
        ("  Match foo\n", ["ssh_config", "terminating"]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let plan = plan(folder.path(), line);
        told_once(folder.path(), &plan, |_| {}, &words);
    }
}

#[test]
fn a_folder_for_sockets_that_is_not_there_or_has_a_long_name_is_no_fault_of_a_host() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(folder.path(), "");
    let long = folder.path().join("d".repeat(90));
    std::fs::create_dir(&long).unwrap();
    let shut = folder.path().join("file");
    std::fs::write(&shut, "").unwrap();
    for variable in ["TMPDIR", "XDG_RUNTIME_DIR"] {
        for place in [&long, &shut, &folder.path().join("absent")] {
            let output = command(&["check", "--format", "json", &plan]).env(variable, place).output().unwrap();
            let found = findings(&output);
            assert_eq!((code(&output), found.len()), (4, 7), "{}", stderr(&output));
            // the hosts were tried, each for itself
            let tried = |(code, host, told): &(String, Option<String>, String)| {
                code == "host-unreachable" && host.is_some() && told.contains("Connection refused")
            };
            assert!(found.iter().all(tried), "{variable}={}: {found:?}", place.display());
        }
    }
}
