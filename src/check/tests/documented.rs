//! docs/findings.md: every hazard has a row that names the codes that find it, or says what else does.

use crate::check::Code;

const DOCUMENT: &str = include_str!("../../../docs/findings.md");

#[test]
fn each_of_the_36_hazards_has_a_row_and_every_code_in_it_exists() {
    let table = DOCUMENT.split("## Hazards").nth(1).expect("a chapter on hazards");
    for number in 1..=36 {
        let row = table.lines().find(|line| line.starts_with(&format!("| {number} |")));
        let row = row.unwrap_or_else(|| panic!("hazard {number} has no row"));
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [_, hazard, found, handled] = cells[..] else { panic!("hazard {number}: four columns") };
        assert!(!hazard.is_empty() && (!found.is_empty() || !handled.is_empty()), "hazard {number} is not handled");
        // nothing finds it: then the document owes a reason
        assert!(
            !found.is_empty() || handled.contains("cannot be seen from outside because "),
            "hazard {number} has no code, and no reason why it cannot be seen"
        );
        for code in found.split('`').skip(1).step_by(2) {
            assert!(Code::ALL.iter().any(|c| c.as_str() == code), "hazard {number} names {code}");
        }
    }
}
