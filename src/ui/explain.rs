//! The page of a code, cut out of the documents that a test holds against the codes: there is no second text.

use super::shown::Shown;
use crate::check;
use crate::check::Severity;
use crate::plan;

const FINDINGS: &str = include_str!("../../docs/findings.md");
const PLAN: &str = include_str!("../../docs/plan-reference.md");
const EXITS: &str = include_str!("../../docs/exit-codes.md");

/// The page of `code`: of a finding, of a refused plan, or of the program's exit. `None`: there is no such code.
#[must_use]
pub fn page(code: &str) -> Option<Shown> {
    let finding = check::Code::ALL.iter().find(|known| known.as_str() == code).map(|known| of_finding(*known));
    finding.or_else(|| of_plan(code)).or_else(|| of_exit(code))
}

/// Every code with its line.
#[must_use]
pub fn all() -> Shown {
    let mut text = Shown::default();
    let width = codes().iter().map(|code| code.len()).max().unwrap_or(0);
    let mut chapter = |title: &str, lines: Vec<(String, &str)>| {
        text.push_line(&Shown::line(title));
        lines.into_iter().for_each(|(code, meaning)| {
            text.push_line(&Shown::line(&format!("  {code:<width$}  {meaning}")));
        });
    };
    for severity in [Severity::Error, Severity::Warning, Severity::Note] {
        let of = check::Code::ALL.iter().filter(|code| code.severity() == severity);
        chapter(&format!("{severity}s of `check`"), of.map(|c| (c.as_str().to_owned(), c.meaning())).collect());
    }
    let of_plan = plan::Code::ALL.iter().map(|code| (code.as_str().to_owned(), code.meaning()));
    chapter("a plan that is refused", of_plan.collect());
    let of_exit = EXITS.lines().filter_map(cells).filter(|row| row.len() == 2 && row[0].parse::<u8>().is_ok());
    chapter("exit codes", of_exit.map(|row| (row[0].to_owned(), row[1])).collect());
    text
}

/// The names of all codes, for who mistypes one.
#[must_use]
pub fn codes() -> Vec<&'static str> {
    let findings = check::Code::ALL.iter().map(|code| code.as_str());
    let mut all: Vec<_> = findings.chain(plan::Code::ALL.iter().map(|code| code.as_str())).collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn of_finding(code: check::Code) -> Shown {
    let mut text = Shown::default();
    let mut line = |words: String| text.push_line(&Shown::line(&words));
    line(format!("{}[{}]: {}", code.severity(), code.as_str(), code.meaning()));
    let acceptance = match code.severity() {
        Severity::Error => {
            "it stops an upgrade and cannot be accepted: mend it, and look again with `mfsupgrade check`".to_owned()
        }
        Severity::Warning => format!(
            "it stops an upgrade, unless the plan accepts it with `acknowledge = [\"{}\"]` under [upgrade]",
            code.as_str()
        ),
        Severity::Note => "it never stops an upgrade, and there is nothing to accept".to_owned(),
    };
    line(format!("  accept: {acceptance}"));
    if let Some(accepted) = accepted(code.as_str()) {
        line(format!("          what is accepted then: {accepted}"));
    }
    line("  do:     `mfsupgrade check PLAN` says on which hosts, and what to do there".to_owned());
    line(format!("  source: {}", code.source()));
    for [number, goes_wrong, found, met] in hazards(code.as_str()) {
        line(format!("  hazard {number}: {goes_wrong}"));
        if !met.is_empty() {
            line(format!("          met otherwise by {met}"));
        }
        line(format!("          found by {found}"));
    }
    text
}

/// The row of docs/plan-reference.md.
fn of_plan(code: &str) -> Option<Shown> {
    let known = plan::Code::ALL.iter().find(|known| known.as_str() == code)?;
    let mut text = Shown::default();
    let mut line = |words: String| text.push_line(&Shown::line(&words));
    line(format!("plan error[{code}]: {}", known.meaning()));
    match accepted(code) {
        Some(accepted) => {
            line(format!("  accept: with `acknowledge = [\"{code}\"]` under [upgrade]: {accepted}"));
        }
        None => line("  accept: it cannot be accepted; the plan is refused before any host is contacted".to_owned()),
    }
    line("  do:     `mfsupgrade plan PLAN` shows the line, and what to write there".to_owned());
    Some(text)
}

/// The row of docs/exit-codes.md, and what its chapters say of the code.
fn of_exit(code: &str) -> Option<Shown> {
    code.parse::<u8>().ok()?;
    let row = EXITS.lines().filter_map(cells).find(|row| row.len() == 2 && row[0] == code)?;
    let mut text = Shown::default();
    text.push_line(&Shown::line(&format!("exit code {code}: {}", row[1])));
    Some(text)
}

/// What the plan accepts with a code: the table of docs/plan-reference.md.
fn accepted(code: &str) -> Option<&'static str> {
    let (_, chapter) = PLAN.split_once("## What can be acknowledged")?;
    let chapter = chapter.split("\n## ").next()?;
    let row = chapter.lines().filter_map(cells).find(|row| row[0].trim_matches('`') == code)?;
    row.get(1).copied()
}

/// The rows of docs/findings.md's table of hazards that name a code.
fn hazards(code: &str) -> Vec<[&'static str; 4]> {
    let chapter = FINDINGS.split("## Hazards").nth(1).unwrap_or_default();
    let rows = chapter.lines().filter_map(cells).filter_map(|row| <[&str; 4]>::try_from(row).ok());
    rows.filter(|row| row[2].contains(&format!("`{code}`"))).collect()
}

/// The cells of a row of a table.
fn cells(line: &str) -> Option<Vec<&str>> {
    let row = line.strip_prefix("| ")?.strip_suffix('|')?;
    Some(row.split(" |").map(str::trim).collect::<Vec<_>>()).map(|mut cells| {
        cells.pop_if(|last| last.is_empty());
        cells
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_page_that_says_whether_and_how_it_is_accepted() {
        for code in check::Code::ALL {
            let page = page(code.as_str()).unwrap().to_string();
            assert!(page.contains(code.meaning()) && page.contains(code.source()), "{page}");
            let line = format!("`acknowledge = [\"{}\"]`", code.as_str());
            assert_eq!(page.contains(&line), code.severity() == Severity::Warning, "{page}");
            assert_eq!(page.contains("cannot be accepted"), code.severity() == Severity::Error, "{page}");
            let accepts = page.contains("what is accepted then");
            assert_eq!(accepts, code.severity() == Severity::Warning, "docs/plan-reference.md on {}", code.as_str());
        }
        for code in plan::Code::ALL {
            assert!(page(code.as_str()).unwrap().to_string().contains(code.meaning()));
        }
        assert!(page("no-such-code").is_none() && page("999").is_none() && page("x").is_none());
    }

    #[test]
    fn the_hazards_of_a_code_are_on_its_page() {
        let page = page("exports-missing").unwrap().to_string();
        assert!(page.contains("  hazard 8: mfsexports.cfg is missing or empty\n"), "{page}");
        assert_eq!(hazards("mount-missing").len(), 1);
        assert!(hazards("mount").is_empty());
        assert_eq!(cells("| a | b |  |"), Some(vec!["a", "b"]));
    }

    #[test]
    fn every_code_and_every_exit_code_is_in_the_list() {
        let all = all().to_string();
        for code in codes() {
            assert!(all.contains(&format!("  {code} ")), "{code}");
        }
        assert!((0..=14).all(|exit| all.lines().any(|l| l.starts_with(&format!("  {exit} ")))), "{all}");
    }
}
