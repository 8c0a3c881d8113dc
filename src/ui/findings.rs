//! Findings as text: grouped by what was found, worst first, so that two hundred hosts with the same trouble are one
//! paragraph.

use std::collections::BTreeSet;
use std::fmt::Write;

use console::Style;

use super::events::printable;
use crate::check::{Finding, Severity};

/// Hosts named before the rest is counted.
const HOSTS_NAMED: usize = 8;

/// All findings.
#[must_use]
pub fn text(findings: &[Finding], acknowledged: &BTreeSet<String>, color: bool) -> String {
    let mut groups: Vec<(&Finding, Vec<&str>)> = Vec::new();
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    sorted.sort_by_key(|f| f.severity);
    for finding in sorted {
        let host = finding.host.as_ref().map(crate::host::HostName::as_str);
        let same = |g: &&mut (&Finding, Vec<&str>)| g.0.code == finding.code && g.0.seen == finding.seen;
        match groups.iter_mut().find(same) {
            Some(group) => group.1.extend(host),
            None => groups.push((finding, host.into_iter().collect())),
        }
    }
    groups.iter().map(|(finding, hosts)| group(finding, hosts, acknowledged, color)).collect()
}

fn group(finding: &Finding, hosts: &[&str], acknowledged: &BTreeSet<String>, color: bool) -> String {
    let style = Style::new().force_styling(color).bold();
    let (word, style) = match finding.severity {
        Severity::Error => ("error", style.red()),
        Severity::Warning if acknowledged.contains(finding.code.as_str()) => ("acknowledged warning", style.yellow()),
        Severity::Warning => ("warning", style.yellow()),
        Severity::Note => ("note", style.blue()),
    };
    let mut text = String::new();
    let _ = write!(text, "{}", style.apply_to(format!("{word}[{}]", finding.code)));
    if !hosts.is_empty() {
        let named = hosts.iter().take(HOSTS_NAMED).copied().collect::<Vec<_>>().join(", ");
        let more = hosts.len().saturating_sub(HOSTS_NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let _ = write!(text, " on {named}{more}");
    }
    let _ = writeln!(text, ": {}\n  why: {}\n  do:  {}", printable(&finding.seen), finding.why, finding.todo);
    text
}
