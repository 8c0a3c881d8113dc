//! A file is copied from here to a host. PURE.

use std::path::PathBuf;

use semver::Version;
use serde::{Deserialize, Serialize};

use super::seen::{runs_already, there};
use super::{Effect, Kind, Seen, Sent, Verdict};
use crate::host::{AbsPath, HostFacts, Look};
use crate::moosefs::daemon::Role;

/// Copies a file from here to the host. Shown by its SHA-256 there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyFile {
    /// What the host is.
    pub roles: Vec<Role>,
    /// From here.
    pub from: PathBuf,
    /// Bytes.
    pub bytes: u64,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
    /// To.
    pub to: AbsPath,
}

impl Kind for CopyFile {
    fn describe(&self) -> String {
        format!("copy {} bytes to {}", self.bytes, self.to)
    }

    fn effect(&self) -> Effect<'_> {
        Effect::Brings(&self.roles)
    }

    /// All of it is in what is sent.
    fn script(&self) -> Option<String> {
        None
    }

    fn without_script(&self) -> Option<String> {
        Some(format!("copy {} to {}, sha256 {}", self.from.display(), self.to, self.sha256))
    }

    fn sends(&self) -> Option<(Sent<'_>, AbsPath)> {
        Some((Sent::File(&self.from), self.to.clone()))
    }

    fn look(&self, look: &mut Look) {
        look.work_files.push(self.to.clone());
    }

    fn hold(&self, _to: &Version, _before: &HostFacts) -> Option<String> {
        None
    }

    fn already(&self, to: &Version, before: &HostFacts) -> Verdict {
        runs_already(&self.roles, to, before).unwrap_or_else(|| self.achieved(&Seen::found(to, before)))
    }

    fn allowed(&self, _to: &Version, _before: &HostFacts) -> Result<(), String> {
        Ok(())
    }

    fn achieved(&self, seen: &Seen<'_>) -> Verdict {
        there(&self.to, Some(&self.sha256), seen.now)
    }

    fn untouched(&self, _to: &Version, _now: &HostFacts) -> bool {
        false
    }

    fn may_run_again(&self) -> bool {
        false
    }
}
