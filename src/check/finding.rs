//! Something that was found, why it matters and what to do about it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Code;
use crate::host::{HostName, said};
use crate::moosefs::secrets::masked;

/// What a finding does to an upgrade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Stops it.
    Error,
    /// Stops it unless the plan acknowledges its code.
    Warning,
    /// Worth knowing.
    Note,
}

impl std::fmt::Display for Severity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        })
    }
}

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
}

impl Finding {
    /// A finding with the severity of its code. What it says of files and command lines has no passwords.
    #[must_use]
    pub fn new(code: Code, host: Option<&HostName>, mut seen: String, why: &str, todo: String) -> Self {
        said::bound(&mut seen, said::RECORD);
        let (seen, todo) = (masked(&seen).into_owned(), masked(&todo).into_owned());
        Self { code, severity: code.severity(), host: host.cloned(), seen, why: why.to_owned(), todo }
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
