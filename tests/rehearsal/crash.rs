//! Crash points, over real ssh on the embedded cluster: the run's process is killed (SIGKILL) after every record of its journal
//! and resumed, and in the end everything is as after a run that nobody disturbed.

use crate::support;

/// Two chunkservers, so that there is a stagger; one host of each other role.
const PLAN: &str = r#"
[upgrade]
from = "1.5.12"
to = "1.6.27"
acknowledge = ["full-stop-under-mounts"]
[install]
source_dir = "/usr/src/mfs-1.6.27"
[master]
host = "master"
[[metaloggers]]
hosts = ["log1"]
[[chunkservers]]
hosts = ["cs[1-2]"]
[[clients]]
hosts = ["cl1"]
"#;

/// What a rehearsal said, and the judge's lines in it.
fn rehearse(mode: &str, kill: &[&str]) -> (String, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let plan = folder.path().join("plan.toml");
    std::fs::write(&plan, PLAN).unwrap();
    let output = support::rehearse(&plan).args(["--mode", mode]).args(kill).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
    assert_eq!(output.status.code(), Some(0), "{said}");
    // what the run says of its own end is not among them: it may be killed before it has said it
    let checks = said.lines().filter(|line| line.starts_with("  ok      "));
    // times, metadata versions, and how often an application asked in vain during a full stop are each run's own
    let ends = ["stagger", "master-wait", "backup", "data-path"].map(|check| format!("  ok      {check}"));
    let own = |line: &str| ends.iter().find(|end| line.starts_with(end.as_str())).cloned();
    let outcome: Vec<String> = checks.map(|line| own(line).unwrap_or_else(|| line.to_owned())).collect();
    (said.clone(), outcome)
}

fn killed_everywhere(mode: &str) {
    let (_, undisturbed) = rehearse(mode, &[]);
    let (said, outcome) = rehearse(mode, &["--kill", "every"]);
    assert_eq!(outcome, undisturbed, "{said}");
    assert!(outcome.len() >= 10, "{outcome:?}");
    let killed = said.matches("rehearsal: killed after record").count();
    // each of the steps has an intent but the last look, and each is done; one that comes right after another may be missed,
    // as the process that kills is given its turn late on a busy machine
    let steps =
        said.split_once(" steps").and_then(|(before, _)| before.rsplit(' ').next()?.parse::<usize>().ok()).unwrap();
    assert!(killed >= steps, "{killed} times in {steps} steps\n{said}");
}

#[test]
fn a_rolling_run_that_is_killed_at_every_record_ends_as_one_that_is_not() {
    killed_everywhere("rolling");
}

#[test]
fn a_full_stop_that_is_killed_at_every_record_ends_as_one_that_is_not() {
    killed_everywhere("full-stop");
}
