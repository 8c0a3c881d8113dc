//! Crash points, over real ssh on the embedded cluster: the run's process kills itself (SIGKILL) before and behind every record of
//! its journal and is resumed, and in the end everything is as after a run that nobody disturbed.

use std::collections::BTreeMap;

use crate::support;

/// Two chunkservers, so that there is a stagger.
const ROLLING: &str = r#"
[upgrade]
from = "1.5.12"
to = "1.6.27"
acknowledge = ["no-metalogger"]
[install]
source_dir = "/usr/src/mfs-1.6.27"
[master]
host = "master"
[[chunkservers]]
hosts = ["cs[1-2]"]
[[clients]]
hosts = ["cl1"]
"#;

/// One host of each role.
const FULL_STOP: &str = r#"
[upgrade]
from = "1.5.12"
to = "1.6.27"
mode = "full-stop"
acknowledge = ["full-stop-under-mounts", "goal-one"]
[install]
source_dir = "/usr/src/mfs-1.6.27"
[master]
host = "master"
[[metaloggers]]
hosts = ["log1"]
[[chunkservers]]
hosts = ["cs1"]
[[clients]]
hosts = ["cl1"]
"#;

/// Every run leaves something else.
const NEVER_THE_SAME: &str = r#"
[upgrade]
from = "1.5.12"
to = "1.6.27"
acknowledge = ["no-metalogger", "goal-one"]
[install.commands]
master = "apt-get install mfs-master && date +%s.%N > /tmp/when"
chunkserver = "apt-get install mfs-chunkserver"
[master]
host = "master"
[[chunkservers]]
hosts = ["cs1"]
"#;

/// Exit code and words of a rehearsal.
fn rehearse(plan: &str, kill: &str) -> (i32, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plan.toml");
    std::fs::write(&file, plan).unwrap();
    let output = support::rehearse(&file).args(["--kill", kill]).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
    (output.status.code().unwrap(), said)
}

/// The judge's lines of both runs, the undisturbed one's first.
fn verdicts(said: &str) -> [Vec<&str>; 2] {
    let parts: Vec<&str> = said.split("The judge's verdict").skip(1).collect();
    assert_eq!(parts.len(), 2, "{said}");
    [0, 1].map(|run| parts[run].lines().filter_map(|line| line.strip_prefix("  ok      ")).collect())
}

/// `begun 1, intent 34` as numbers.
fn kinds(list: &str) -> BTreeMap<&str, usize> {
    let pairs = list.split(", ").map(|pair| pair.split_once(' ').unwrap());
    pairs.map(|(kind, n)| (kind, n.parse().unwrap())).collect()
}

fn killed_everywhere(plan: &str) {
    let (code, said) = rehearse(plan, "every");
    assert_eq!(code, 0, "{said}");
    let [undisturbed, killed] = verdicts(&said);
    // times, metadata versions, and how often an application asked in vain during a full stop are each run's own
    let own = ["stagger", "master-wait", "backup", "data-path", "crash-points", "same-end"];
    let outcome = |lines: &[&str]| -> Vec<String> {
        let is_own = |line: &str| own.iter().find(|check| line.starts_with(**check)).copied();
        lines.iter().map(|line| is_own(line).unwrap_or(line).to_owned()).collect()
    };
    let mut expected = outcome(&undisturbed);
    assert!(expected.len() >= 10, "{said}");
    expected.extend(["crash-points".to_owned(), "same-end".to_owned()]);
    assert_eq!(outcome(&killed), expected, "{said}");

    let points = killed.iter().find_map(|line| line.strip_prefix("crash-points: ")).unwrap();
    let (kills, records) = points.split_once("; the undisturbed run wrote ").unwrap();
    let (kills, records) = (kinds(kills.split_once(": ").unwrap().1), kinds(records.split_once(": ").unwrap().1));
    assert_eq!(said.matches("rehearsal: killed ").count(), kills.values().sum::<usize>(), "{said}");
    // each record that an undisturbed run writes on both of its sides, and what resuming adds to each kind of them but the last
    // how often the cluster is counted anew depends on what its users write meanwhile, in each run for itself
    let own = |kind: &str, n: usize| if kind == "counted" { 1 } else { n };
    let mut wanted: BTreeMap<&str, usize> = records.iter().map(|(kind, n)| (*kind, own(kind, *n) * 2)).collect();
    wanted.insert("resumed", (records.len() - 1) * 2);
    assert_eq!(kills.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>(), "{points}");
    assert!(wanted.iter().all(|(kind, n)| kills[kind] >= *n), "{points}");
    assert!(records["intent"] >= 15 && records["done"] > records["intent"], "{points}");
}

#[test]
fn a_rolling_run_that_is_killed_at_every_record_ends_as_one_that_is_not() {
    killed_everywhere(ROLLING);
}

#[test]
fn a_full_stop_that_is_killed_at_every_record_ends_as_one_that_is_not() {
    killed_everywhere(FULL_STOP);
}

#[test]
fn a_killed_run_that_leaves_something_else_than_an_undisturbed_one_is_told_and_fails() {
    let (code, said) = rehearse(NEVER_THE_SAME, "5");
    assert_eq!(code, 12, "{said}");
    assert_eq!(said.matches("rehearsal: killed behind the record: done master/master/keep").count(), 1, "{said}");
    let broken: Vec<&str> = said.lines().filter(|line| line.contains("BROKEN")).collect();
    assert_eq!(broken.len(), 1, "{said}");
    let [told] = broken[..] else { unreachable!() };
    assert!(told.starts_with("  BROKEN  same-end: master /tmp/when: file 644 root:root sha256 "), "{told}");
    assert_eq!(told.matches("undisturbed").count(), 1, "nothing else differs: {told}");
}
