//! Findings as text: grouped by what was found, worst first, so that two hundred hosts with the same trouble are one
//! paragraph, and so are two hundred that differ in a number.

use std::collections::{BTreeMap, BTreeSet};

use console::Style;

use super::shown::Shown;
use crate::check::{Code, Finding, Severity};
use crate::host::HostName;
use crate::words::count;

/// Hosts named before the rest is counted.
const HOSTS_NAMED: usize = 8;

/// The same finding on one or more hosts.
struct Group<'a> {
    finding: &'a Finding,
    hosts: Vec<&'a str>,
}

/// All findings; `whole`: those too that ask nothing of anybody, which are a line else.
#[must_use]
pub fn text(findings: &[Finding], acknowledged: &BTreeSet<String>, whole: bool, color: bool) -> Shown {
    let mut text = Shown::default();
    let (idle, told): (Vec<_>, Vec<_>) = findings.iter().partition(|finding| !whole && asks_nothing(finding));
    for groups in by_code(&told) {
        let title = title(groups[0].finding, acknowledged, color);
        match &groups[..] {
            [group] => text.push(&paragraph(&title, group)),
            _ => text.push(&together(&title, &groups)),
        }
        acceptance(groups[0].finding, acknowledged).iter().for_each(|line| text.push_line(line));
    }
    if !idle.is_empty() {
        let codes: BTreeSet<&str> = idle.iter().map(|finding| finding.code.as_str()).collect();
        let codes = codes.into_iter().collect::<Vec<_>>().join(", ");
        text.push_line(&Shown::line(&format!("notes that need no action: {codes} (-v shows them)")));
    }
    if let Some(line) = accepting(findings, acknowledged) {
        line.lines().for_each(|line| text.push_line(&Shown::line(line)));
    }
    if !told.is_empty() {
        text.push_line(&Shown::line("`mfsupgrade explain CODE` explains a code in brackets"));
    }
    text
}

/// How much blocks `what` (an upgrade, a rollback): a cause is one problem, on however many hosts it is found.
#[must_use]
pub fn to_mend(findings: &[Finding], acknowledged: &BTreeSet<String>, what: &str) -> String {
    let stops: Vec<_> = findings.iter().filter(|finding| finding.stops(acknowledged)).collect();
    let codes: BTreeSet<Code> = stops.iter().map(|finding| finding.code).collect();
    let hosts: BTreeSet<_> = stops.iter().filter_map(|finding| finding.host.as_ref()).collect();
    let on = if hosts.len() > 1 { format!(" on {} hosts", hosts.len()) } else { String::new() };
    let or = if stops.iter().any(|finding| finding.severity == Severity::Warning) { " or acknowledge" } else { "" };
    format!("{}{on} to fix{or} before this {what}", count(codes.len(), "problem"))
}

/// The one line of a plan that accepts every warning which blocks, with what the plan accepts already: two lines would be the same key
/// twice.
fn accepting(findings: &[Finding], acknowledged: &BTreeSet<String>) -> Option<String> {
    let blocking = findings.iter().filter(|f| f.severity == Severity::Warning && f.stops(acknowledged));
    let blocking: BTreeSet<&str> = blocking.map(|finding| finding.code.as_str()).collect();
    let first = blocking.first()?;
    let all: BTreeSet<&str> = acknowledged.iter().map(String::as_str).chain(blocking.iter().copied()).collect();
    let all = all.iter().map(|code| format!("\"{code}\"")).collect::<Vec<_>>().join(", ");
    let which = match blocking.len() {
        1 => format!("the blocking warning {first}"),
        n => format!("all {n} blocking warnings (leave out what you do not accept)"),
    };
    let place = match acknowledged.is_empty() {
        true => "write under [upgrade]",
        false => "put in the place of `acknowledge` under [upgrade]",
    };
    Some(format!("to accept {which}, {place}:\n  acknowledge = [{all}]"))
}

/// A note with nothing to do, whatever the host is like.
fn asks_nothing(finding: &Finding) -> bool {
    finding.severity == Severity::Note && finding.idle
}

/// Worst first; within a severity in the order in which codes are met first.
fn by_code<'a>(findings: &[&'a Finding]) -> Vec<Vec<Group<'a>>> {
    let mut sorted = findings.to_vec();
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

/// That a warning which blocks can be accepted, and an error cannot.
fn acceptance(finding: &Finding, acknowledged: &BTreeSet<String>) -> Option<Shown> {
    let line = match finding.severity {
        Severity::Error => "  (an error cannot be accepted)".to_owned(),
        Severity::Warning if finding.stops(acknowledged) => "  or:  accept it with the line below".to_owned(),
        Severity::Warning | Severity::Note => return None,
    };
    Some(Shown::line(&line))
}

fn paragraph(title: &Shown, Group { finding, hosts }: &Group<'_>) -> Shown {
    let mut text = title.clone();
    text.push_line(&Shown::line(&format!("{}: {}", on(hosts), finding.seen)));
    text.push_line(&Shown::line(&format!("  why: {}", finding.why)));
    text.push_line(&Shown::line(&format!("  do:  {}", finding.todo)));
    text
}

/// One paragraph for many groups of a code: a line for each of the first ones, and why and what to do once, where that is the
/// same for all of them.
fn together(title: &Shown, groups: &[Group<'_>]) -> Shown {
    let hosts: BTreeSet<&str> = groups.iter().flat_map(|group| group.hosts.iter().copied()).collect();
    let mut text = title.clone();
    text.push_line(&Shown::line(&match hosts.len() {
        0 => format!(": {} times", groups.len()),
        1 => format!("{}: {} times", on(&groups[0].hosts[..1]), groups.len()),
        n => format!(" on {n} hosts:"),
    }));
    let mut line = |words: String| text.push_line(&Shown::line(&words));
    let first = groups[0].finding;
    let one_why = groups.iter().all(|group| group.finding.why == first.why);
    let one_todo = groups.iter().all(|group| group.finding.todo == first.todo);
    for group in groups.iter().take(HOSTS_NAMED) {
        let on = if hosts.len() > 1 { on(&group.hosts) } else { String::new() };
        line(format!("  -{on}{} {}", if on.is_empty() { "" } else { ":" }, group.finding.seen));
        if !one_why {
            line(format!("    why: {}", group.finding.why));
        }
        if !one_todo {
            line(format!("    do:  {}", group.finding.todo));
        }
    }
    if groups.len() > HOSTS_NAMED {
        line(format!("  - and {} more; `check --format json` has all", groups.len() - HOSTS_NAMED));
    }
    if one_why {
        line(format!("  why: {}", first.why));
    }
    if one_todo {
        line(format!("  do:  {}", first.todo));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(code: Code, host: &str, seen: &str) -> Finding {
        let host = HostName::new(host).unwrap();
        Finding::new(code, Some(&host), seen.to_owned(), "it matters", "do it".to_owned())
    }

    fn shown(findings: &[Finding]) -> String {
        text(findings, &["clocks-apart".to_owned()].into(), false, false).to_string()
    }

    #[test]
    fn the_same_trouble_on_two_hundred_hosts_is_one_paragraph() {
        let hosts: Vec<_> =
            (1..=200).map(|n| finding(Code::MakeMissing, &format!("cs{n}"), "it has no `make`")).collect();
        assert_eq!(
            shown(&hosts),
            "error[make-missing] on cs1, cs2, cs3, cs4, cs5, cs6, cs7, cs8 and 192 more: it has no `make`\n  why: it \
             matters\n  do:  do it\n  (an error cannot be accepted)\n`mfsupgrade explain CODE` explains a code in \
             brackets\n"
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
        assert_eq!(text.lines().count(), 1 + 8 + 1 + 2 + 1);
    }

    #[test]
    fn a_cause_counts_once_on_however_many_hosts_it_is() {
        let hosts =
            |code, n: u32| (1..=n).map(|n| finding(code, &format!("cs{n}"), &format!("{n}"))).collect::<Vec<_>>();
        let told = |findings: &[Finding]| to_mend(findings, &["clocks-apart".to_owned()].into(), "upgrade");
        assert_eq!(told(&hosts(Code::MakeMissing, 6)), "1 problem on 6 hosts to fix before this upgrade");
        assert_eq!(told(&hosts(Code::MountBusy, 1)), "1 problem to fix or acknowledge before this upgrade");
        let both = [hosts(Code::MakeMissing, 2), hosts(Code::MountBusy, 3), hosts(Code::ClocksApart, 9)].concat();
        assert_eq!(told(&both), "2 problems on 3 hosts to fix or acknowledge before this upgrade");
    }

    #[test]
    fn the_worst_comes_first_and_a_code_is_one_paragraph() {
        let text = shown(&[
            finding(Code::GoalsUnknown, "master", "a"),
            finding(Code::MountBusy, "cl1", "b"),
            finding(Code::NotRoot, "cs1", "c"),
            finding(Code::MountBusy, "cl2", "d"),
        ]);
        let titles: Vec<_> = text.lines().filter(|line| line.contains('[')).collect();
        assert_eq!(
            titles,
            [
                "error[not-root] on cs1: c",
                "blocking warning[mount-busy] on 2 hosts:",
                "note[goals-unknown] on master: a",
                "to accept the blocking warning mount-busy, put in the place of `acknowledge` under [upgrade]:",
                "  acknowledge = [\"clocks-apart\", \"mount-busy\"]"
            ]
        );
        assert!(text.contains("\n  - on cl1: b\n  - on cl2: d\n  why: it matters\n  do:  do it\n"), "{text}");
    }

    #[test]
    fn what_is_to_be_done_stands_beside_each_where_it_differs() {
        let mut second = finding(Code::NotRoot, "cs2", "d");
        second.todo = "do that".to_owned();
        let text = shown(&[finding(Code::NotRoot, "cs1", "c"), second]);
        let each = "\n  - on cs1: c\n    do:  do it\n  - on cs2: d\n    do:  do that\n  why: it matters\n";
        assert!(text.contains(each), "{text}");
    }

    #[test]
    fn notes_that_ask_for_nothing_are_one_line_and_no_other_finding_is_left_out() {
        let todo = |code, todo: &str, idle| Finding { todo: todo.to_owned(), idle, ..finding(code, "master", "x") };
        let notes = [
            todo(Code::GoalsUnknown, "nothing", true),
            todo(Code::SpaceFiguresDrop, "nothing: compare", true),
            todo(Code::ToolsOf15, "nothing, if that is wanted; else do it", false),
            todo(Code::MountBusy, "nothing", true),
        ];
        let folded = shown(&notes);
        assert!(folded.contains("\nnotes that need no action: goals-unknown, space-figures-drop (-v"), "{folded}");
        assert!(folded.contains("note[tools-of-1-5]") && folded.contains("blocking warning[mount-busy]"), "{folded}");
        assert_eq!(folded.matches("mfsupgrade explain CODE").count(), 1, "{folded}");
        let whole = text(&notes, &BTreeSet::new(), true, false).to_string();
        assert!(!whole.contains("need no action") && whole.contains("note[goals-unknown] on master"), "{whole}");
    }

    #[test]
    fn warnings_that_block_end_with_the_one_line_that_accepts_them_and_what_was_accepted_before() {
        let text = |codes: &[Code], accepted: &[&str]| {
            let findings: Vec<_> = codes.iter().map(|code| finding(*code, "cl1", "b")).collect();
            let accepted = accepted.iter().map(|code| (*code).to_owned()).collect();
            super::text(&findings, &accepted, false, false).to_string()
        };
        let both = text(&[Code::MountBusy, Code::NotRoot, Code::NoMetalogger, Code::MountBusy], &["clocks-apart"]);
        assert!(
            both.contains("to accept all 2 blocking warnings (leave out what you do not accept), put in the place of"),
            "{both}"
        );
        assert!(both.contains("\n  acknowledge = [\"clocks-apart\", \"mount-busy\", \"no-metalogger\"]\n"), "{both}");
        assert_eq!(both.matches("acknowledge = [").count(), 1, "pasted twice it is the same key twice: {both}");
        assert_eq!(both.matches("accept it with the line below").count(), 2, "{both}");
        let one = text(&[Code::MountBusy], &[]);
        assert!(
            one.contains(
                "to accept the blocking warning mount-busy, write under [upgrade]:\n  acknowledge = [\"mount-busy\"]\n"
            ),
            "{one}"
        );
        for other in [Code::NotRoot, Code::ClocksApart, Code::GoalsUnknown] {
            let text = text(&[other], &["clocks-apart"]);
            assert!(!text.contains("accept it") && !text.contains("acknowledge ="), "{text}");
        }
    }
}
