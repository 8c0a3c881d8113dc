//! The way back, over real ssh on the embedded cluster: an upgrade, and all of it taken back by the same way as `rollback`.
//!
//! The daemons are simulated, and real files are moved; see docs/rehearsal.md.

fn there_and_back(plan: &str, faults: &[&str]) -> (i32, String) {
    let mut command = crate::support::rehearse(plan);
    command.arg("--rollback");
    for fault in faults {
        command.args(["--fault", fault]);
    }
    let output = command.output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
    (output.status.code().unwrap(), said)
}

/// What was said after the upgrade.
fn way_back(said: &str) -> &str {
    said.split_once("Rollback of run").unwrap_or_else(|| panic!("no way back: {said}")).1
}

#[test]
fn a_rolling_upgrade_is_taken_back_and_nobody_notices() {
    let (code, said) = there_and_back("plans/rolling.toml", &[]);
    assert_eq!(code, 0, "{said}");
    let back = way_back(&said);
    for words in [
        "8 chunk files, as many as before",
        "metadata.mfs",
        "/mnt/mfs is mounted by mfsmount 1.5.12",
        "stagger since the last chunkserver was back",
        "finished: 1 of 1 master on 1.5.12, 3 of 3 chunkservers on 1.5.12, 2 of 2 clients on 1.5.12",
    ] {
        assert!(back.contains(words), "{words}\n{said}");
    }
    let place = |words: &str| back.find(words).unwrap_or_else(|| panic!("{words}\n{said}"));
    let order = ["cl2: mount", "cs1: stop", "cs1: start", "cs3: start", "log1: stop", "master: stop", "master: start"];
    assert!(order.map(place).is_sorted(), "{said}");
    for check in ["everything-old", "data-path", "readable", "chunks", "no-metaloggers"] {
        assert!(said.contains(&format!("ok      {check}")), "{check}\n{said}");
    }
}

#[test]
fn an_upgrade_that_stopped_in_the_middle_is_taken_back_as_far_as_it_went() {
    let (_, said) = there_and_back("plans/rolling.toml", &["install-fails@cs2"]);
    let back = way_back(&said);
    assert!(back.contains("finished: 1 of 1 master on 1.5.12, 3 of 3 chunkservers on 1.5.12"), "{said}");
    assert!(back.contains("cs1: stop mfschunkserver 1.6.27") && !back.contains("cs3: stop"), "{said}");
    assert!(!back.contains("umount"), "no client was changed\n{said}");
    assert!(said.contains("ok      everything-old") && said.contains("ok      chunks"), "{said}");
}

#[test]
fn a_full_stop_whose_master_is_down_goes_back_at_once() {
    let (_, said) = there_and_back("plans/full-stop.toml", &["does-not-come-back@cs2"]);
    let back = way_back(&said);
    assert!(!back.contains("stagger"), "{said}");
    assert!(back.contains("3 of 3 chunkservers on 1.5.12, 2 of 2 clients on 1.5.12"), "{said}");
    assert!(said.contains("ok      everything-old") && said.contains("ok      chunks"), "{said}");
}

#[test]
fn an_upgrade_below_a_prefix_with_a_comma_is_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string("plans/rolling.toml").unwrap();
    let plan = folder.path().join("plan.toml");
    std::fs::write(&plan, text.replace("prefix = \"/usr/local\"", "prefix = \"/srv/mfs,main=1\"")).unwrap();
    let (code, said) = there_and_back(plan.to_str().unwrap(), &[]);
    assert_eq!(code, 0, "{said}");
    assert!(way_back(&said).contains("/srv/mfs,main=1"), "{said}");
    assert!(said.contains("ok      everything-old") && said.contains("ok      data-path"), "{said}");
}
