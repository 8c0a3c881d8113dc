//! The whole plans that pages show, as they stand there: whoever copies one gets what the page promises.

use std::path::Path;

use crate::support::rehearse;

/// Every block of TOML that is a whole plan, with the page that it stands on.
fn plans() -> Vec<(&'static str, String)> {
    let pages = ["README.md", "docs/plan-reference.md", "docs/guide.md", "docs/rehearsal.md"];
    let whole = |block: &&str| block.contains("[upgrade]") && block.contains("[master]");
    let of = |page: &'static str| {
        let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(page)).unwrap();
        let blocks = text.split("```toml\n").skip(1).filter_map(|rest| rest.split_once("```"));
        blocks.map(|(block, _)| block).filter(whole).map(|block| (page, block.to_owned())).collect::<Vec<_>>()
    };
    pages.into_iter().flat_map(of).collect()
}

#[test]
fn every_plan_of_a_page_is_planned_and_rehearsed_as_it_stands_there() {
    let plans = plans();
    assert!(plans.iter().any(|(page, _)| *page == "README.md"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cluster.toml");
    for (page, text) in plans {
        std::fs::write(&file, text).unwrap();
        let planned = std::process::Command::new(env!("CARGO_BIN_EXE_mfsupgrade")).arg("plan").arg(&file).output();
        let planned = planned.unwrap();
        assert!(planned.status.success() && planned.stderr.is_empty(), "{page}: {planned:?}");
        let rehearsed = rehearse(&file).output().unwrap();
        let said = String::from_utf8_lossy(&rehearsed.stderr);
        assert!(rehearsed.status.success(), "{page}: {said}");
    }
}
