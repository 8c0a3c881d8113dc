//! Why a run stopped: a message, its causes, what leads on, and what the command printed. PURE.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::record::FailureKind;
use crate::host::{HostName, said};
use crate::moosefs::secrets::masked;
use crate::schedule::StepId;

/// A stop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Its kind.
    pub kind: FailureKind,
    /// The step, where it was in one.
    pub step: Option<StepId>,
    /// The host.
    pub host: Option<HostName>,
    /// Completes "failed to ".
    pub message: String,
    /// Why, outermost first.
    pub causes: Vec<String>,
    /// What command and daemon said.
    #[serde(flatten)]
    pub said: Box<LastWords>,
    /// What became of the others.
    #[serde(default)]
    pub others: Others,
    /// What leads on from here, beyond what the causes say.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub remedies: BTreeSet<Remedy>,
}

/// What an operator can do about a stop that another try does not mend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Remedy {
    /// Chunks are gone, and their number can be accepted (`accept_lost`).
    AcceptLost,
    /// What the reason names can be accepted in the plan.
    Acknowledge,
    /// The metadata that the master serves can be accepted (`resume --accept-metadata`).
    AcceptMetadata,
    /// The newest metadata has to be put in its place: a new master that had loaded other metadata was stopped, or should be.
    NewestMetadata,
    /// The old release's programs have to be installed by hand.
    OldPrograms,
}

/// What was said last at a stop.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LastWords {
    /// The last lines that the command printed.
    pub output: Vec<String>,
    /// The last lines that the daemon wrote to its host's log, where it was started and does not run.
    #[serde(default)]
    pub log: Vec<String>,
}

/// What became of other hosts when one has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Others {
    /// None was touched any more.
    #[default]
    Untouched,
    /// Those that were at work beside it came to their end.
    CameToTheirEnd,
    /// The run tried all other clients.
    WentOn,
}

/// How many lines of a command's output are kept for a message.
const TAIL: usize = 20;

impl Failure {
    /// A failure with one cause. What hosts and commands said has no passwords.
    #[must_use]
    pub fn new(kind: FailureKind, message: impl Into<String>, cause: impl Into<String>) -> Self {
        let (mut message, mut cause) = (message.into(), cause.into());
        said::bound(&mut message, said::MESSAGE);
        said::bound(&mut cause, said::MESSAGE);
        Self {
            kind,
            step: None,
            host: None,
            message,
            causes: vec![masked(&cause).into_owned()],
            said: Box::default(),
            others: Others::default(),
            remedies: BTreeSet::new(),
        }
    }

    /// With what leads on.
    #[must_use]
    pub fn with(mut self, remedy: Remedy) -> Self {
        self.remedies.insert(remedy);
        self
    }

    /// With the end of what a command printed.
    #[must_use]
    pub fn with_output(mut self, output: &str) -> Self {
        let shown = output.lines().rev().map(said::shown).filter(|line| !line.trim().is_empty());
        self.said.output = shown.take(TAIL).map(|line| masked(&line).into_owned()).collect();
        self.said.output.reverse();
        self
    }

    /// With the last words of a daemon in its host's log.
    #[must_use]
    pub fn with_log(mut self, lines: &[String]) -> Self {
        self.said.log = lines.iter().map(|line| masked(&said::shown(line)).into_owned()).collect();
        self
    }

    /// Why, in a line: the causes, and the last thing that the command said, or that its disk is full.
    #[must_use]
    pub fn told(&self) -> String {
        // on a full disk the last line may be torn
        let full = self.said.output.iter().rfind(|line| line.contains("No space left"));
        let said = full.or_else(|| self.said.output.iter().rfind(|line| line.chars().any(char::is_alphanumeric)));
        let said = said.map(|line| format!("it said: {line}"));
        self.causes.iter().cloned().chain(said).collect::<Vec<_>>().join(": ")
    }

    /// Whether `remedy` leads on.
    #[must_use]
    pub fn needs(&self, remedy: Remedy) -> bool {
        self.remedies.contains(&remedy)
    }

    /// Whether the operator is asked whether a master's metadata is the right one: see `resume --accept-metadata`.
    #[must_use]
    pub fn asks_about_metadata(&self) -> bool {
        self.needs(Remedy::AcceptMetadata)
    }

    /// At a step of a host.
    #[must_use]
    pub fn at(mut self, step: Option<&StepId>, host: &HostName) -> Self {
        self.step = self.step.or_else(|| step.cloned());
        self.host = self.host.or_else(|| Some(host.clone()));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_much_was_printed_a_failure_tells_its_last_lines_and_what_it_left_out() {
        let scan: String = (0..100).map(|n| format!("scanning... {n}%\r")).collect();
        let output =
            format!("first\n{}\n{}{scan}done\n\n{}", "x".repeat(1 << 20), "line\n".repeat(17), "y".repeat(1 << 20));
        let failure = Failure::new(FailureKind::StepFailed, "install it", "z".repeat(1 << 20)).with_output(&output);
        assert_eq!(failure.said.output.len(), TAIL);
        assert!(said::is_cut(&failure.said.output[0]) && failure.said.output[1..18].iter().all(|line| line == "line"));
        assert_eq!(failure.said.output[18], "done");
        let size: usize = failure.said.output.iter().chain(&failure.causes).map(String::len).sum();
        assert!(size < 3 * said::MESSAGE, "{size}");
        assert!(
            said::is_cut(&failure.causes[0]) && said::is_cut(&failure.said.output[19]) && said::is_cut(&failure.told())
        );
    }
}
