//! A refusal as JSON: one shape for a plan, a cluster, a run or a command that cannot be had (docs/exit-codes.md).

use serde::Serialize;

use super::exit::Exit;
use crate::check::Finding;
use crate::plan::PlanError;

/// One line on stdout, where JSON was asked for and there is none of what was asked for.
#[derive(Debug, Serialize)]
pub(super) struct Refusal<F> {
    format: u32,
    event: &'static str,
    /// The exit code, and what it means.
    exit: u8,
    meaning: &'static str,
    /// What this one is about.
    message: String,
    /// One by one, where there are any.
    findings: Vec<F>,
}

/// What is wrong with a plan, with the keys of a finding and its place in the file.
#[derive(Debug, Serialize)]
pub(super) struct Wrong {
    code: &'static str,
    severity: &'static str,
    host: Option<&'static str>,
    seen: String,
    why: String,
    todo: String,
    line: usize,
    column: usize,
}

impl<F> Refusal<F> {
    pub(super) fn new(exit: Exit, message: String, findings: Vec<F>) -> Self {
        let (code, meaning) = exit.code();
        Self { format: 1, event: "refused", exit: code, meaning, message, findings }
    }
}

/// Of a cluster that is not fit.
pub(super) fn of_cluster<'a>(findings: &'a [Finding], message: &str) -> Refusal<&'a Finding> {
    Refusal::new(Exit::Findings, message.to_owned(), findings.iter().collect())
}

pub(super) fn of_plan(error: &PlanError) -> Vec<Wrong> {
    let PlanError::Refused(refused) = error else { return Vec::new() };
    let wrong = refused.findings.iter().map(|finding| {
        let place = finding.position(&refused.source);
        Wrong {
            code: finding.code.as_str(),
            severity: "error",
            host: None,
            seen: finding.message.clone(),
            why: finding.label.clone(),
            todo: finding.help.clone().unwrap_or_default(),
            line: place.line,
            column: place.column,
        }
    });
    wrong.collect()
}
