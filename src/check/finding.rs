//! Something that was found, why it matters and what to do about it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::host::HostName;

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

/// One finding. Its code is stable and listed in docs/findings.md.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// For example `exports-missing`.
    pub code: String,
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
    /// Whether it stops an upgrade whose plan acknowledges `codes`.
    #[must_use]
    pub fn stops(&self, codes: &BTreeSet<String>) -> bool {
        match self.severity {
            Severity::Error => true,
            Severity::Warning => !codes.contains(&self.code),
            Severity::Note => false,
        }
    }
}
