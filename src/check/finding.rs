//! Something that was found, why it matters and what to do about it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::host::{HostName, said};
use crate::moosefs::secrets::masked;
use crate::rules::{Code, Line, Severity};

/// One finding. Its code is stable and listed in docs/findings.md.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// For example `exports-missing`.
    pub code: Code,
    /// What it does.
    pub severity: Severity,
    /// Where; `None`: the cluster.
    pub host: Option<HostName>,
    /// What was seen.
    pub seen: String,
    /// Why that matters.
    pub why: String,
    /// What to do.
    pub todo: String,
    /// Whether that is nothing, whatever the host is like.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub idle: bool,
}

/// Leaves out what cannot be found on `line`: what a check asks of 1.5 is nothing to a line that does not begin there.
pub fn of_line(findings: &mut Vec<Finding>, line: &Line) {
    findings.retain(|finding| line.has(finding.code));
}

impl Finding {
    /// A finding with the severity of its code. What it says of files and command lines has no passwords.
    #[must_use]
    pub fn new(code: Code, host: Option<&HostName>, mut seen: String, why: &str, todo: String) -> Self {
        said::bound(&mut seen, said::RECORD);
        let (seen, todo) = (masked(&seen).into_owned(), masked(&todo).into_owned());
        Self { code, severity: code.severity(), host: host.cloned(), seen, why: why.to_owned(), todo, idle: false }
    }

    /// The same, and nothing need be done about it.
    #[must_use]
    pub fn idle(self) -> Self {
        Self { idle: true, ..self }
    }

    /// Whether it stops an upgrade whose plan acknowledges `codes`.
    #[must_use]
    pub fn stops(&self, codes: &BTreeSet<String>) -> bool {
        match self.severity {
            Severity::Error => true,
            Severity::Warning => !codes.contains(self.code.as_str()),
            Severity::Note => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::V1_5_TO_1_6;
    use crate::rules::lines::like_1_5_to_1_6;

    #[test]
    fn what_a_line_does_not_list_is_not_told_and_what_is_general_is() {
        static NEXT: Line = Line { findings: &[], ..like_1_5_to_1_6() };
        let found = |line: &Line| {
            let found = |code| Finding::new(code, None, String::new(), "", String::new());
            let mut findings = [Code::LockFileLost, Code::DiskFull].map(found).to_vec();
            of_line(&mut findings, line);
            findings.into_iter().map(|finding| finding.code).collect::<Vec<_>>()
        };
        assert_eq!(found(&V1_5_TO_1_6), [Code::LockFileLost, Code::DiskFull]);
        assert_eq!(found(&NEXT), [Code::DiskFull]);
    }
}
