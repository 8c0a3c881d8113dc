//! What a host's sshd and its login shell do with what is asked of them: told as theirs, and neither as the network's nor as the
//! master's.

use serde_json::Value;

use crate::desk::{Desk, cluster};

/// The findings of a `check`: code, host, all that is said.
fn findings(desk: &Desk<'_>) -> Vec<(String, String, String)> {
    let mut check = std::process::Command::new(env!("CARGO_BIN_EXE_mfsupgrade"));
    let said = check.args(["check", &desk.plan(), "--format", "json"]).output().unwrap();
    let json: Value = serde_json::from_slice(&said.stdout).unwrap_or_else(|e| panic!("{e}: {said:?}"));
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    let finding = |finding: &Value| {
        let words = ["seen", "why", "todo"].map(|key| text(finding, key)).join("; ");
        (text(finding, "code"), text(finding, "host"), words)
    };
    json["findings"].as_array().unwrap().iter().map(finding).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_sshd_that_forwards_no_port_is_told_as_that_and_nobody_is_told_to_start_the_master() {
    let cluster = cluster().await;
    let desk = Desk::new(&cluster);
    let refuses = cluster.root("master").join(".sim/forwards-nothing");
    tokio::task::block_in_place(|| {
        let of_the_master = |findings: &[(String, String, String)], code: &str| {
            findings.iter().find(|(found, host, _)| found == code && host == "master").map(|(.., words)| words.clone())
        };
        let before = findings(&desk);
        assert_eq!(of_the_master(&before, "forwarding-refused"), None, "{before:?}");
        std::fs::write(&refuses, "").unwrap();
        let seen = findings(&desk);
        let words = of_the_master(&seen, "forwarding-refused").unwrap_or_else(|| panic!("{seen:?}"));
        for needed in
            ["sshd on master refuses to forward to 127.", ":9421", "AllowTcpForwarding", "Do not restart the master"]
        {
            assert!(words.contains(needed), "{needed}: {words}");
        }
        assert!(!words.contains("start it") && of_the_master(&seen, "master-does-not-answer").is_none(), "{seen:?}");
        // the other way round: sshd forwards, and nothing takes the connection
        std::fs::remove_file(&refuses).unwrap();
        assert_eq!(of_the_master(&findings(&desk), "forwarding-refused"), None);
    });
    cluster.stop().await;
}
