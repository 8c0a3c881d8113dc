//! `docs/safety.md` names the tests that hold its promises, and `docs/security.md` those that hold its defences: each of
//! them is there.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::house::sources;

/// A name of a test has as many words at least: `story` or `back` are only where it is.
const WORDS: usize = 4;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The text of every source file.
fn texts(folders: &[&str]) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    folders.iter().for_each(|folder| sources(&root().join(folder), &mut files));
    files.into_iter().map(|file| (file.clone(), std::fs::read_to_string(file).unwrap())).collect()
}

/// What stands under the head of a table of promises: its other column is what holds them. A table of counts has more.
const DASHES: &str = "|---|---|";

/// The last column of every row of a table of promises.
fn held_by(document: &str) -> Vec<String> {
    let text = std::fs::read_to_string(root().join(document)).unwrap();
    let last = |row: &str| row.trim_end_matches('|').rsplit(" | ").next().unwrap().trim().to_owned();
    let tables = text.split("\n\n").filter_map(|part| part.split_once(&format!("\n{DASHES}\n")));
    tables.flat_map(|(_, rows)| rows.lines().map(last)).collect()
}

/// Every document with such tables, and the rows that it has at least.
const DOCUMENTS: [(&str, usize); 2] = [("docs/safety.md", 50), ("docs/security.md", 10)];

#[test]
fn every_promise_names_tests_that_are_there() {
    let sources = texts(&["src", "tests"]);
    for (document, least) in DOCUMENTS {
        let rows = held_by(document);
        assert!(rows.len() > least, "{document} has {} rows", rows.len());
        rows.iter().for_each(|row| names_tests_that_are_there(row, &sources));
    }
}

fn names_tests_that_are_there(row: &str, sources: &[(PathBuf, String)]) {
    let mut named = 0;
    let words = row.split(|c: char| !(c.is_ascii_alphanumeric() || "_:/.-*".contains(c)));
    for word in words.map(|word| word.trim_start_matches(':').trim_end_matches(['.', ':'])) {
        let name = word.rsplit("::").next().unwrap();
        if word.contains('/') {
            assert!(root().join(word).exists(), "{word} is not there\n{row}");
            named += 1;
        } else if name.split('_').count() >= WORDS {
            let test = format!("fn {name}(");
            assert!(sources.iter().any(|(_, text)| text.contains(&test)), "no test is called {name}\n{row}");
            named += 1;
        } else if let Some(law) = word.strip_prefix('*').and_then(|word| word.strip_suffix('*')) {
            let law = format!("\"{law}\"");
            let judges =
                |path: &Path| ["judge", "cli/crash", "cli/rehearse"].iter().any(|p| path.to_string_lossy().contains(p));
            let judged = sources.iter().any(|(path, text)| judges(path) && text.contains(&law));
            assert!(judged, "no judge has the law {law}\n{row}");
            named += 1;
        } else if ["back", "proof", "roles", "unchecked", "outages", "traps", "second", "crash", "operator"]
            .contains(&name)
        {
            named += 1;
        }
    }
    assert!(named > 0, "nothing is named that holds it: {row}");
}

#[test]
fn no_promise_names_the_same_test_twice() {
    for row in DOCUMENTS.iter().flat_map(|(document, _)| held_by(document)) {
        let mut seen = BTreeSet::new();
        let names = row.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        for name in names.filter(|name| name.split('_').count() >= WORDS) {
            assert!(seen.insert(name), "{name} twice\n{row}");
        }
    }
}

/// Whoever reads a page or a comment must be able to look its source up: a release and its file, or a page that is here.
#[test]
fn no_page_and_no_comment_cites_a_paper_that_is_not_here() {
    let elsewhere = [["facts,", "section"].join(" "), ["field", "notes"].join(" "), ["facts,", "hazard"].join(" ")];
    let mut found = texts(&["src", "tests"]);
    for folder in ["docs", "docs/decisions", "."] {
        let pages = std::fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
        let pages = pages.filter(|path| path.extension().is_some_and(|end| end == "md"));
        found.extend(pages.map(|path| (path.clone(), std::fs::read_to_string(path).unwrap())));
    }
    assert!(found.iter().any(|(path, _)| path.ends_with("docs/findings.md")));
    for (path, text) in found {
        // a line may end in the middle of it
        let text = text.lines().map(|line| line.trim_start_matches(['/', '!', ' '])).collect::<Vec<_>>().join(" ");
        let cited = elsewhere.iter().find(|paper| text.to_lowercase().contains(paper.as_str()));
        assert!(cited.is_none(), "{} cites {cited:?}", path.display());
    }
}
