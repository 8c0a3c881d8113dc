//! What is refused, with which words and which exit code.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{code, mfsupgrade, stderr, stdout, write};

#[test]
fn a_bad_plan_is_refused_with_its_place_and_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    let plan = write(folder.path(), "bad.toml", "[upgrade]\nfrom = \"1.5.12\"\nto = \"1.6.27\"\nstager = \"5m\"\n");
    for command in ["plan", "upgrade"] {
        let output = mfsupgrade(&[command, &plan]);
        assert_eq!(code(&output), 3, "{command}: {}", stderr(&output));
        assert!(stderr(&output).contains("bad.toml:4:1"), "{}", stderr(&output));
        assert!(stderr(&output).contains("stagger"), "{}", stderr(&output));
    }
}

#[test]
fn a_plan_that_is_not_there_is_said_to_be() {
    let output = mfsupgrade(&["plan", "nowhere.toml"]);
    assert_eq!(code(&output), 3);
    assert!(
        stderr(&output).contains("nowhere.toml") && stderr(&output).contains("No such file"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn without_a_terminal_and_without_yes_nothing_is_begun() {
    let output = mfsupgrade(&["upgrade", "plans/rolling.toml", "--state-dir", "/nonexistent/state"]);
    assert_eq!(code(&output), 11, "{}", stderr(&output));
    assert!(stderr(&output).contains("--yes"));
}

#[test]
fn a_usage_error_has_its_own_code_and_help_has_none() {
    assert_eq!(code(&mfsupgrade(&["upgrad"])), 2);
    let help = mfsupgrade(&["--help"]);
    assert_eq!(code(&help), 0);
    assert!(stdout(&help).contains("A first evening"));
}

#[test]
fn hosts_that_cannot_be_reached_are_findings_and_nothing_is_begun() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let source = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/plans/rolling.toml")).unwrap();
    // port 9 of this machine: nothing answers there
    let config = write(folder.path(), "ssh_config", "Host *\n  HostName 127.0.0.1\n  Port 9\n");
    assert!(source.contains("\n[ssh]\n"));
    let source = source.replace("\n[ssh]\n", &format!("\n[ssh]\nconfig = \"{config}\"\n"));
    let plan = write(folder.path(), "plan.toml", &source);
    let output = mfsupgrade(&["upgrade", "--yes", &plan, "--state-dir", state.to_str().unwrap()]);
    assert_eq!(code(&output), 4, "{}", stderr(&output));
    assert!(stderr(&output).contains("error[host-unreachable]"), "{}", stderr(&output));
    assert!(stderr(&output).contains("no host was touched"));
    assert!(!state.exists(), "no run was begun");
    let check = mfsupgrade(&["check", "--format", "json", &plan]);
    let json: serde_json::Value = serde_json::from_slice(&check.stdout).unwrap();
    assert_eq!((code(&check), &json["fit"]), (4, &false.into()));
    assert_eq!(json["findings"].as_array().unwrap().len(), 7, "one a host");
}

/// What docs/findings.md says of the JSON: the keys between a word of it and the next bracket that closes.
fn documented(behind: &str, end: char) -> BTreeSet<String> {
    let (_, text) = include_str!("../../docs/findings.md").split_once("`check --format json` prints").unwrap();
    let (_, text) = text.split_once(behind).unwrap();
    let (text, _) = text.split_once(end).unwrap();
    text.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn json_of_a_check_has_every_field_of_every_finding() {
    let folder = tempfile::tempdir().unwrap();
    // port 9 of this machine: nothing answers there
    let config = write(folder.path(), "ssh_config", "Host *\n  HostName 127.0.0.1\n  Port 9\n");
    let text = format!(
        "[upgrade]\nfrom = \"1.5.12\"\nto = \"1.6.27\"\n[install]\nsource_dir = \"/usr/src/mfs-1.6.27\"\n\
         [ssh]\nconfig = \"{config}\"\n[master]\nhost = \"master\"\n[[chunkservers]]\nhosts = [\"cs[001-198]\"]\n\
         [[clients]]\nhosts = [\"cl1\"]\n"
    );
    let plan = write(folder.path(), "plan.toml", &text);
    let check = mfsupgrade(&["check", "--format", "json", &plan]);
    assert_eq!((code(&check), stderr(&check)), (4, ""));
    let json: Value = serde_json::from_slice(&check.stdout).unwrap();
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(keys(&json), documented("`{", '['));
    assert_eq!((&json["format"], &json["fit"]), (&1.into(), &false.into()));
    let findings = json["findings"].as_array().unwrap();
    let mut hosts = BTreeSet::new();
    for finding in findings {
        assert_eq!(keys(finding), documented("[{", '}'));
        assert!(
            keys(finding).iter().all(|key| finding[key].as_str().is_some_and(|text| !text.is_empty())),
            "{finding}"
        );
        assert_eq!((&finding["code"], &finding["severity"]), (&"host-unreachable".into(), &"error".into()));
        hosts.insert(finding["host"].as_str().unwrap());
    }
    assert_eq!((findings.len(), hosts.len()), (200, 200));

    // the same for people: what is the same is said once
    let check = mfsupgrade(&["check", &plan]);
    let lines: Vec<_> = stdout(&check).lines().collect();
    assert_eq!(code(&check), 4);
    assert!(lines.len() <= 20, "{lines:#?}");
    assert!(lines[0].starts_with("error[host-unreachable] on "), "{lines:#?}");
    assert_eq!(lines.last(), Some(&"1 problem on 200 hosts to fix before this upgrade"));
}

/// The one line of JSON on stdout.
fn refusal(output: &std::process::Output) -> Value {
    let lines: Vec<&str> = stdout(output).lines().collect();
    assert_eq!(lines.len(), 1, "{} {}", stdout(output), stderr(output));
    let refusal: Value = serde_json::from_str(lines[0]).unwrap();
    assert_eq!((&refusal["event"], &refusal["exit"]), (&"refused".into(), &code(output).into()));
    let keys: BTreeSet<&str> = refusal.as_object().unwrap().keys().map(String::as_str).collect();
    let (_, text) = include_str!("../../docs/exit-codes.md").split_once("## A refusal as JSON").unwrap();
    keys.iter().for_each(|key| assert!(text.contains(&format!("\"{key}\"")), "docs/exit-codes.md lacks {key}"));
    refusal
}

#[test]
fn who_asks_for_json_is_refused_in_json_of_one_shape() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().to_str().unwrap();
    let bad = write(folder.path(), "bad.toml", "[upgrade]\nfrom = \"1.5.12\"\nto = \"1.6.27\"\nstager = \"5m\"\n");
    for command in [
        &["plan", &bad, "--format", "json"][..],
        &["check", &bad, "--format", "json"],
        &["rehearse", &bad, "--log", "json"],
        &["upgrade", &bad, "--log", "json", "--state-dir", state],
    ] {
        let output = mfsupgrade(command);
        assert_eq!(code(&output), 3, "{command:?}");
        let refusal = refusal(&output);
        let unknown = refusal["findings"].as_array().unwrap().iter().find(|f| f["code"] == "unknown-key").unwrap();
        assert_eq!((&unknown["line"], &unknown["severity"]), (&4.into(), &"error".into()), "{unknown}");
        assert!(stderr(&output).contains("bad.toml:4:1"), "people are told as well");
    }
    let output = mfsupgrade(&["resume", "--log", "json", "--state-dir", state]);
    assert_eq!((code(&output), &refusal(&output)["findings"]), (9, &Value::Array(Vec::new())));
    let missing = format!("{state}/nowhere");
    let output = mfsupgrade(&["status", "--format", "json", "--state-dir", &missing]);
    assert_eq!(code(&output), 9);
    assert!(refusal(&output)["message"].as_str().unwrap().contains("there is no state folder"));
    // without a word of JSON nothing is on stdout
    assert_eq!(stdout(&mfsupgrade(&["plan", &bad])), "");
}

#[test]
fn what_blocks_an_upgrade_is_json_where_that_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let config = write(folder.path(), "ssh_config", "Host *\n  HostName 127.0.0.1\n  Port 9\n");
    let source = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/plans/rolling.toml")).unwrap();
    let source = source.replace("\n[ssh]\n", &format!("\n[ssh]\nconfig = \"{config}\"\n"));
    let plan = write(folder.path(), "plan.toml", &source);
    let output = mfsupgrade(&["upgrade", "--yes", "--log", "json", &plan, "--state-dir", state.to_str().unwrap()]);
    assert_eq!(code(&output), 4, "{}", stderr(&output));
    let refusal = refusal(&output);
    let findings = refusal["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 7, "one a host");
    assert!(findings.iter().all(|f| f["code"] == "host-unreachable" && f["host"].is_string()), "{refusal}");
}

#[test]
fn a_code_is_explained_and_one_that_is_not_there_is_named_with_the_nearest() {
    let page = mfsupgrade(&["explain", "no-metalogger"]);
    assert_eq!(code(&page), 0);
    assert!(stdout(&page).contains("`acknowledge = [\"no-metalogger\"]` under [upgrade]"), "{}", stdout(&page));
    assert!(stdout(&mfsupgrade(&["explain", "exports-missing"])).contains("cannot be accepted"));
    assert!(stdout(&mfsupgrade(&["explain", "unknown-key"])).starts_with("plan error[unknown-key]"));
    assert!(stdout(&mfsupgrade(&["explain", "6"])).starts_with("exit code 6: "));
    let all = mfsupgrade(&["explain"]);
    assert!(code(&all) == 0 && stdout(&all).lines().count() > 150, "{}", stdout(&all));
    let unknown = mfsupgrade(&["explain", "export-missing"]);
    assert_eq!((code(&unknown), stdout(&unknown)), (2, ""));
    assert!(stderr(&unknown).contains("did you mean `exports-missing`?"), "{}", stderr(&unknown));
    assert_eq!(code(&mfsupgrade(&["explain", "\u{1b}[2J"])), 2);
}

#[test]
fn an_error_or_a_note_in_acknowledge_is_told_as_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    for (word, told) in [("exports-missing", "an error of `check`"), ("goals-unknown", "a note of `check`")] {
        let text = format!("[upgrade]\nfrom = \"1.5.12\"\nto = \"1.6.27\"\nacknowledge = [\"{word}\"]\n");
        let output = mfsupgrade(&["plan", &write(folder.path(), "p.toml", &text)]);
        assert_eq!(code(&output), 3);
        assert!(stderr(&output).contains(told), "{}", stderr(&output));
    }
}
