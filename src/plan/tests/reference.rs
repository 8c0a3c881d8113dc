//! docs/plan-reference.md names every key and every code, and none that does not exist.

use std::collections::BTreeSet;

use super::parse;
use crate::plan::{Code, keys};
use crate::rules::acknowledgeable;

const REFERENCE: &str = include_str!("../../../docs/plan-reference.md");

/// The text below the heading that begins with `heading`, up to the next of its kind.
fn chapter(heading: &str) -> &'static str {
    let start = REFERENCE.find(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("no chapter {heading}")) + 4;
    let text = &REFERENCE[start..];
    &text[..text.find("\n## ").unwrap_or(text.len())]
}

/// The first column of the tables in `text`, where it is code.
fn rows(text: &str) -> BTreeSet<&str> {
    text.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect()
}

#[test]
fn every_key_is_explained_in_its_chapter() {
    for (section, keys) in keys::SECTIONS {
        let known: BTreeSet<_> = keys.iter().copied().collect();
        assert_eq!(rows(chapter(&format!("`{section}`"))), known, "{section}");
    }
}

#[test]
fn every_code_is_listed_with_its_meaning() {
    let text = chapter("Codes");
    for code in Code::ALL {
        let row = format!("| `{code}` | {} |", code.meaning());
        assert!(text.contains(&row), "missing: {row}");
    }
    assert_eq!(rows(text), Code::ALL.iter().map(|code| code.as_str()).collect());
}

#[test]
fn every_acknowledgement_is_listed() {
    let text = chapter("What can be acknowledged");
    for finding in acknowledgeable() {
        let row = format!("| `{}` | {} |", finding.code, finding.meaning);
        assert!(text.contains(&row), "missing: {row}");
    }
}

/// The first block of `language`.
fn block(language: &str) -> &'static str {
    let opening = format!("```{language}\n");
    let start = REFERENCE.find(&opening).unwrap_or_else(|| panic!("no {opening}")) + opening.len();
    &REFERENCE[start..start + REFERENCE[start..].find("```").expect("a block that ends")]
}

#[test]
fn the_smallest_plan_is_a_plan() {
    parse(block("toml")).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn the_error_that_is_shown_is_what_is_printed() {
    let source = block("toml").replace("to = \"1.6.27\"\n", "to = \"1.6.27\"\nstager = \"7m\"\n");
    assert_eq!(parse(&source).unwrap_err().to_string(), block("text").trim_end());
}
