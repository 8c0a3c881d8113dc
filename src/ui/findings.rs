//! Findings as text: grouped by what was found, worst first, so that two hundred hosts with the same trouble are one
//! paragraph, and so are two hundred that differ in a number.

use std::collections::{BTreeMap, BTreeSet};

use console::Style;

use super::shown::Shown;
use crate::check::{Code, Finding, Severity};
use crate::host::HostName;

/// Hosts named before the rest is counted.
const HOSTS_NAMED: usize = 8;

/// Paragraphs of the same code before they become one with a line for each.
const PARAGRAPHS: usize = 3;

/// The same finding on one or more hosts.
struct Group<'a> {
    finding: &'a Finding,
    hosts: Vec<&'a str>,
}

/// All findings.
#[must_use]
pub fn text(findings: &[Finding], acknowledged: &BTreeSet<String>, color: bool) -> Shown {
    let mut text = Shown::default();
    for groups in by_code(findings) {
        let title = title(groups[0].finding, acknowledged, color);
        if groups.len() > PARAGRAPHS {
            text.push(&together(&title, &groups));
        } else {
            groups.iter().for_each(|group| text.push(&paragraph(&title, group)));
        }
        acceptance(groups[0].finding, acknowledged).iter().for_each(|line| text.push_line(line));
    }
    text
}

/// Worst first; within a severity in the order in which codes are met first.
fn by_code(findings: &[Finding]) -> Vec<Vec<Group<'_>>> {
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    sorted.sort_by_key(|f| f.severity);
    let mut codes: Vec<Vec<Group<'_>>> = Vec::new();
    let mut known: BTreeMap<Code, usize> = BTreeMap::new();
    let mut same: BTreeMap<(Code, &str, &str), usize> = BTreeMap::new();
    for finding in sorted {
        let at = *known.entry(finding.code).or_insert_with(|| {
            codes.push(Vec::new());
            codes.len() - 1
        });
        let groups = &mut codes[at];
        let group = *same.entry((finding.code, &finding.seen, &finding.todo)).or_insert_with(|| {
            groups.push(Group { finding, hosts: Vec::new() });
            groups.len() - 1
        });
        groups[group].hosts.extend(finding.host.as_ref().map(HostName::as_str));
    }
    codes
}

fn title(finding: &Finding, acknowledged: &BTreeSet<String>, color: bool) -> Shown {
    let style = Style::new().force_styling(color).bold();
    let (word, style) = match finding.severity {
        Severity::Error => ("error", style.red()),
        Severity::Warning if acknowledged.contains(finding.code.as_str()) => ("acknowledged warning", style.yellow()),
        Severity::Warning => ("blocking warning", style.yellow()),
        Severity::Note => ("note", style.blue()),
    };
    Shown::styled(&style, &format!("{word}[{}]", finding.code))
}

/// ` on cs1, cs2 and 198 more`; nothing for the cluster as a whole.
fn on(hosts: &[&str]) -> String {
    let named = hosts.iter().take(HOSTS_NAMED).copied().collect::<Vec<_>>().join(", ");
    match hosts.len().saturating_sub(HOSTS_NAMED) {
        _ if hosts.is_empty() => String::new(),
        0 => format!(" on {named}"),
        more => format!(" on {named} and {more} more"),
    }
}

/// The exact line that accepts a warning which blocks; nothing for the others.
fn acceptance(finding: &Finding, acknowledged: &BTreeSet<String>) -> Option<Shown> {
    let blocks = finding.severity == Severity::Warning && finding.stops(acknowledged);
    blocks
        .then(|| Shown::line(&format!("  or:  accept it with `acknowledge = [\"{}\"]` under [upgrade]", finding.code)))
}

fn paragraph(title: &Shown, Group { finding, hosts }: &Group<'_>) -> Shown {
    let mut text = title.clone();
    text.push_line(&Shown::line(&format!("{}: {}", on(hosts), finding.seen)));
    text.and(&reasons(finding, ""))
}

/// Why it matters, and what to do.
fn reasons(finding: &Finding, which: &str) -> Shown {
    let mut text = Shown::default();
    text.push_line(&Shown::line(&format!("  why: {}", finding.why)));
    text.push_line(&Shown::line(&format!("  do:  {which}{}", finding.todo)));
    text
}

/// One paragraph for many groups of a code: a line for each of the first ones, and why and what to do once.
fn together(title: &Shown, groups: &[Group<'_>]) -> Shown {
    let hosts: BTreeSet<&str> = groups.iter().flat_map(|group| group.hosts.iter().copied()).collect();
    let mut text = title.clone();
    text.push_line(&Shown::line(&match hosts.len() {
        0 => format!(": {} times", groups.len()),
        1 => format!("{}: {} times", on(&groups[0].hosts[..1]), groups.len()),
        n => format!(" on {n} hosts:"),
    }));
    let mut line = |words: String| text.push_line(&Shown::line(&words));
    for group in groups.iter().take(HOSTS_NAMED) {
        let on = if hosts.len() > 1 { on(&group.hosts) } else { String::new() };
        line(format!("  -{on}{} {}", if on.is_empty() { "" } else { ":" }, group.finding.seen));
    }
    if groups.len() > HOSTS_NAMED {
        line(format!("  - and {} more; `check --format json` has all", groups.len() - HOSTS_NAMED));
    }
    let first = groups[0].finding;
    let differs = groups.iter().any(|group| group.finding.todo != first.todo);
    let which = if differs { "for the first: " } else { "" };
    text.and(&reasons(first, which))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(code: Code, host: &str, seen: &str) -> Finding {
        let host = HostName::new(host).unwrap();
        Finding::new(code, Some(&host), seen.to_owned(), "it matters", "do it".to_owned())
    }

    fn shown(findings: &[Finding]) -> String {
        text(findings, &["clocks-apart".to_owned()].into(), false).to_string()
    }

    #[test]
    fn the_same_trouble_on_two_hundred_hosts_is_one_paragraph() {
        let hosts: Vec<_> =
            (1..=200).map(|n| finding(Code::MakeMissing, &format!("cs{n}"), "it has no `make`")).collect();
        assert_eq!(
            shown(&hosts),
            "error[make-missing] on cs1, cs2, cs3, cs4, cs5, cs6, cs7, cs8 and 192 more: it has no `make`\n  why: it \
             matters\n  do:  do it\n"
        );
    }

    #[test]
    fn trouble_that_differs_in_a_number_is_one_paragraph_too() {
        let hosts: Vec<_> =
            (1..=200).map(|n| finding(Code::ClocksApart, &format!("cs{n}"), &format!("{n} s behind"))).collect();
        let text = shown(&hosts);
        assert!(
            text.starts_with("acknowledged warning[clocks-apart] on 200 hosts:\n  - on cs1: 1 s behind\n"),
            "{text}"
        );
        assert!(text.contains("  - and 192 more; `check --format json` has all\n  why: it matters\n  do:  do it\n"));
        assert_eq!(text.lines().count(), 1 + 8 + 1 + 2);
    }

    #[test]
    fn the_worst_comes_first_and_a_few_that_differ_stay_apart() {
        let text = shown(&[
            finding(Code::GoalsUnknown, "master", "a"),
            finding(Code::MountBusy, "cl1", "b"),
            finding(Code::NotRoot, "cs1", "c"),
            finding(Code::MountBusy, "cl2", "d"),
        ]);
        let titles: Vec<_> = text.lines().filter(|line| !line.starts_with(' ')).collect();
        assert_eq!(
            titles,
            [
                "error[not-root] on cs1: c",
                "blocking warning[mount-busy] on cl1: b",
                "blocking warning[mount-busy] on cl2: d",
                "note[goals-unknown] on master: a"
            ]
        );
    }

    #[test]
    fn a_warning_that_blocks_ends_with_the_line_that_accepts_it() {
        let text = shown(&[finding(Code::MountBusy, "cl1", "b"), finding(Code::MountBusy, "cl2", "d")]);
        let accepts = "  or:  accept it with `acknowledge = [\"mount-busy\"]` under [upgrade]\n";
        assert!(text.ends_with(accepts) && text.matches(accepts).count() == 1, "{text}");
        for other in [Code::NotRoot, Code::ClocksApart, Code::GoalsUnknown] {
            let text = shown(&[finding(other, "cs1", "x")]);
            assert!(!text.contains("accept it"), "{text}");
        }
    }
}
