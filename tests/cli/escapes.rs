//! What moves a cursor, rings, colours, hides or turns letters around comes out written, whoever it comes from; JSON has it whole.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use jiff::Timestamp;
use mfsupgrade::journal::{FailureKind, JournalSink, NewRun, Origin, Record, Run, StateFolder};
use mfsupgrade::plan::Plan;
use mfsupgrade::schedule::compile;
use sha2::{Digest, Sha256};

use crate::{code, command, write};

/// ESC with a window title and a clearing of the screen, BEL, CR, an override of the writing direction, a C1 introducer, a zero
/// width space and an isolate.
const BAD: &str = "\u{1b}]0;PWNED\u{7}\u{1b}[2J\r\u{202e}\u{9b}31m\u{200b}\u{2066}";

const PLAN: &str = "[upgrade]\nfrom = \"1.5.12\"\nto = \"1.6.27\"\n[install]\nsource_dir = \"/usr/src/mfs\"\n[master]\nhost = \"m\"\n\
                    [[chunkservers]]\nhosts = [\"cs1\"]\n";

/// Both streams, which have nothing in them but what is seen.
fn clean(output: &Output) -> String {
    let all = [&output.stdout[..], &output.stderr[..]].concat();
    let text = String::from_utf8(all).expect("what is printed is UTF-8");
    let bad = text.chars().find(|c| (c.is_control() && !"\n\t".contains(*c)) || BAD.contains(*c) && !c.is_ascii());
    assert_eq!(bad, None, "{text:?}");
    text
}

fn run_of(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

#[test]
fn a_plan_says_nothing_to_the_terminal_in_values_comments_and_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let escaped: String = BAD.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
    let comment: String = BAD.chars().filter(|c| !c.is_ascii_control()).collect();
    for (at, bad) in [
        PLAN.replace("\"m\"", &format!("\"{escaped}\"")),
        PLAN.replace("source_dir", &format!("\"{escaped}\"")),
        PLAN.replace("1.6.27", &escaped),
        PLAN.replace("/usr/src/mfs", &format!("/usr/{escaped}")),
        format!("{PLAN}nonsense = 1 # {comment}\n"),
        format!("{PLAN}# {BAD}\n"),
    ]
    .iter()
    .enumerate()
    {
        let file = write(folder.path(), &format!("{at}{BAD}.toml"), bad);
        for verb in ["plan", "check"] {
            let output = run_of(&[verb, &file]);
            assert_eq!(code(&output), 3, "{at}: {}", clean(&output));
            assert!(clean(&output).contains("error"), "{at}");
        }
    }
    let none = folder.path().join(format!("none{BAD}"));
    let none = none.to_str().unwrap();
    for arguments in [&["plan", none][..], &["plan", none, none], &[none], &["status", "--state-dir", none, none]] {
        assert_ne!(code(&run_of(arguments)), 0);
        clean(&run_of(arguments));
    }
}

/// A run whose journal has such characters wherever a host or a person put words into it.
fn told_by_a_journal(state: &Path) -> Run {
    let plan = Plan::parse(PLAN, Path::new("p.toml"), Path::new("/")).unwrap();
    let schedule = compile(&plan, None, plan.line());
    let origin = Origin { plan: Some(format!("/{BAD}.toml")), simulated: Some(BAD.to_owned()), mode: None };
    let new = NewRun { plan: &plan, schedule: &schedule, observation: None, origin: &origin };
    let mut run = StateFolder::new(Some(state)).unwrap().begin(&new, Timestamp::now()).unwrap();
    let (_, _, step) = schedule.steps().next().unwrap();
    let (step, at, bad) = (step.id.clone(), Timestamp::now(), BAD.to_owned());
    run.append(Record::Intent { step: step.clone(), at }).unwrap();
    run.append(Record::Done { step: step.clone(), at, evidence: bad.clone(), found: false, host_time: None }).unwrap();
    run.append(Record::Failed { step: Some(step), at, kind: FailureKind::StepFailed, message: bad.clone() }).unwrap();
    run.append(Record::Stands { at, state: bad }).unwrap();
    run
}

#[test]
fn a_journal_says_nothing_to_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let run = told_by_a_journal(folder.path());
    let journal = run.folder.join("journal.jsonl");
    drop(run);
    let state = folder.path().to_str().unwrap();
    let plan = write(folder.path(), "plan.toml", PLAN);
    let status = ["status", "--state-dir", state];
    assert!(clean(&run_of(&status)).contains(r"\u{1b}]0;PWNED\u{7}"), "{}", clean(&run_of(&status)));
    let json = run_of(&[&status[..], &["--format", "json"]].concat());
    clean(&json);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!((&json["message"], &json["stands"]), (&BAD.into(), &BAD.into()), "JSON has it whole");
    // named before another run is begun, and in the difference of plans
    assert!(clean(&run_of(&["upgrade", &plan, "--yes", "--state-dir", state])).contains(r"stopped: failed to \u{1b}"));
    clean(&run_of(&["resume", "--state-dir", state]));
    clean(&run_of(&["resume", "--state-dir", state, "--plan", &plan]));
    // a kind of record that a later version may know, whole and sealed
    let (record, mut text) = (format!("{{\"record\":\"x{BAD}\"}}"), std::fs::read_to_string(&journal).unwrap());
    let record =
        record.chars().map(|c| if c.is_ascii_control() { format!("\\u{:04x}", u32::from(c)) } else { c.into() });
    let (record, n) = (record.collect::<String>(), text.lines().count());
    let sum: String = Sha256::digest(format!("{n} {record}")).iter().map(|byte| format!("{byte:02x}")).collect();
    text.push_str(&format!("{{\"n\":{n},\"sum\":\"{}\",{}\n", &sum[..16], &record[1..]));
    std::fs::write(&journal, text).unwrap();
    for verb in [&["status"][..], &["resume"], &["rollback", "--dry-run"], &["upgrade", "--yes", &plan]] {
        let output = run_of(&[verb, &["--state-dir", state]].concat());
        assert_ne!(code(&output), 0, "{}", clean(&output));
        clean(&output);
    }
    assert!(clean(&run_of(&status)).contains("PWNED"), "{}", clean(&run_of(&status)));
}

#[test]
fn what_ssh_says_draws_nothing_and_json_has_it_whole() {
    let folder = tempfile::tempdir().unwrap();
    let ssh = folder.path().join("ssh");
    let words: String = BAD.bytes().map(|byte| format!("\\{byte:03o}")).collect();
    // it says so into the log that it is told to write
    let script = format!(
        "#!/bin/sh\nwhile [ $# -gt 1 ]; do [ \"$1\" != -E ] || log=$2; shift; done\nprintf 'ssh: {words}\\377\\n' > \"$log\"\nexit 255\n"
    );
    std::fs::write(&ssh, script).unwrap();
    std::fs::set_permissions(&ssh, std::fs::Permissions::from_mode(0o755)).unwrap();
    let plan = write(folder.path(), "plan.toml", PLAN);
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
    let check = |more: &[&str]| command(&[&["check", &plan], more].concat()).env("PATH", &path).output().unwrap();
    let text = check(&[]);
    assert_eq!(code(&text), 4, "{}", clean(&text));
    assert!(clean(&text).contains(r"\u{1b}]0;PWNED\u{7}\u{1b}[2J"), "{}", clean(&text));
    let json = check(&["--format", "json"]);
    clean(&json);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    let mut seen = json["findings"].as_array().unwrap().iter().filter_map(|finding| finding["seen"].as_str());
    assert!(seen.any(|seen| seen.contains(&BAD[..14]) && seen.contains('\u{fffd}')), "{json}");
}
