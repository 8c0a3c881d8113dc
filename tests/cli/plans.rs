//! What `plan` shows of the plans in plans/, as files: see tests/golden.rs.

use crate::golden::holds;
use crate::{code, command, stdout};

/// Of the largest one its JSON is left out, which tells nothing that the two others do not.
#[test]
fn golden_every_plan_of_this_repository_is_shown_as_kept() {
    for (name, json) in [("rolling", true), ("full-stop", true), ("large", false)] {
        let plan = format!("plans/{name}.toml");
        let shown = command(&["plan", &plan]).env("COLUMNS", "100").output().unwrap();
        assert_eq!(code(&shown), 0);
        holds(&format!("{name}.txt"), stdout(&shown));
        if json {
            holds(&format!("{name}.json"), stdout(&command(&["plan", &plan, "--format", "json"]).output().unwrap()));
        }
    }
}
