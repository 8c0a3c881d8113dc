//! What an exit code means: one table, one exhaustive mapping. docs/exit-codes.md is held against it by a test.

use crate::run::{Ending, FailureKind};

/// How the program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// What was asked for is done and was seen to be.
    Success,
    /// This program could not do its work: an unexpected error.
    Internal,
    /// The command line was not understood.
    Usage,
    /// The plan could not be read or was refused.
    Plan,
    /// The cluster is not fit for the upgrade; no host was touched.
    Findings,
    /// A step's effect is not there.
    StepFailed,
    /// The cluster was not healthy in time.
    GateRed,
    /// Nobody can tell whether a step took effect.
    Unknown,
    /// A host could not be reached.
    Unreachable,
    /// The state folder or a journal could not be used.
    Journal,
    /// Paused by the operator; `resume` goes on.
    Paused,
    /// Not confirmed, or no terminal to ask on and no --yes; no host was touched.
    NotConfirmed,
    /// A rehearsal's judge found a rule broken.
    Verdict,
    /// Another run holds the cluster's lock, or was left unfinished on it.
    Locked,
    /// A fault of a rehearsal changed nothing.
    Untested,
}

impl Exit {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::Success,
        Self::Internal,
        Self::Usage,
        Self::Plan,
        Self::Findings,
        Self::StepFailed,
        Self::GateRed,
        Self::Unknown,
        Self::Unreachable,
        Self::Journal,
        Self::Paused,
        Self::NotConfirmed,
        Self::Verdict,
        Self::Locked,
        Self::Untested,
    ];

    /// The one with this code.
    #[must_use]
    pub fn of(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|exit| exit.code().0 == code)
    }

    /// The code, and what it means.
    #[must_use]
    pub const fn code(self) -> (u8, &'static str) {
        match self {
            Self::Success => (0, "done and confirmed"),
            Self::Internal => (1, "an unexpected error of this program or this machine"),
            Self::Usage => (2, "the command line was not understood"),
            Self::Plan => (3, "the plan could not be read or was refused; no host was touched"),
            Self::Findings => (4, "the cluster is not fit for the upgrade; nothing on a host was changed"),
            Self::StepFailed => (5, "a step's effect is not there; the run stopped"),
            Self::GateRed => (6, "the cluster was not healthy in time; the run stopped"),
            Self::Unknown => (7, "it is unknown whether a step took effect; the run stopped"),
            Self::Unreachable => (8, "a host could not be reached; the run stopped"),
            Self::Journal => (9, "the state folder or a journal could not be used"),
            Self::Paused => (10, "paused by the operator; `mfsupgrade resume` resumes the run"),
            Self::NotConfirmed => (11, "not confirmed; nothing on a host was changed"),
            Self::Verdict => (12, "a rehearsal's judge found a rule broken"),
            Self::Locked => (13, "another run blocks this one: it holds the cluster's lock, or was left unfinished"),
            Self::Untested => (14, "a fault of the rehearsal changed nothing, so that it was not tested"),
        }
    }
}

impl From<&Ending> for Exit {
    fn from(ending: &Ending) -> Self {
        match ending {
            Ending::Finished => Self::Success,
            Ending::Paused => Self::Paused,
            Ending::Failed(failure, _) => match failure.kind {
                FailureKind::StepFailed => Self::StepFailed,
                FailureKind::GateRed => Self::GateRed,
                FailureKind::Unknown => Self::Unknown,
                FailureKind::Unreachable => Self::Unreachable,
                FailureKind::Journal => Self::Journal,
                FailureKind::Locked => Self::Locked,
            },
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().0.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_and_the_document_has_each_with_its_meaning() {
        let document = include_str!("../../docs/exit-codes.md");
        for (at, exit) in Exit::ALL.into_iter().enumerate() {
            let (code, meaning) = exit.code();
            assert_eq!(usize::from(code), at);
            assert!(document.contains(&format!("| {code} | {meaning} |")), "docs/exit-codes.md lacks {code}");
        }
    }
}
