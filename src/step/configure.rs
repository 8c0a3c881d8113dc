//! A configuration file is written. PURE.

use semver::Version;
use serde::{Deserialize, Serialize};

use super::seen::{runs_already, there};
use super::{Effect, Kind, Seen, Sent, Verdict};
use crate::host::sh::{Script, sh};
use crate::host::{AbsPath, FileText, HostFacts, Look};
use crate::moosefs::daemon::Role;

/// Writes a configuration file that was shown before. Shown by its SHA-256.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Configure {
    /// Whose it is.
    pub role: Role,
    /// The file.
    pub file: AbsPath,
    /// What it must say.
    pub text: FileText,
    /// SHA-256 of it.
    pub sha256: String,
    /// Where it is copied to, before the command puts it in its place.
    pub copy: AbsPath,
    /// How it differs from what the old release uses, as a unified diff.
    pub diff: String,
    /// How.
    pub command: PutInPlace,
}

/// Puts a configuration file in its place that was copied to the host before; what was there is kept beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename = "put-in-place")]
pub struct PutInPlace {
    /// The copy.
    pub copy: AbsPath,
    /// The file.
    pub file: AbsPath,
    /// SHA-256 of the copy.
    pub sha256: String,
    /// Permission bits.
    pub mode: u32,
    /// `OWNER:GROUP`.
    pub owner: String,
    /// SHA-256 of what must be there now; `None`: nothing must be.
    pub replaces: Option<String>,
    /// Where what was there is kept.
    pub beside: AbsPath,
}

impl PutInPlace {
    /// The command as POSIX sh: checks what is there and what was copied, keeps the one and puts the other in its place in one move.
    #[must_use]
    pub fn script(&self) -> String {
        let (unchanged, keep) = match &self.replaces {
            Some(sum) => (
                sh!("[ \"$(sum \"$f\")\" = ‹sum› ]", sum = sum),
                sh!("{ [ -e \"$b\" ] || { cp -p \"$f\" \"$b.part\" && mv \"$b.part\" \"$b\"; }; } && "),
            ),
            None => (sh!("[ ! -e \"$f\" ]"), Script::default()),
        };
        let script = sh!(
            "f=‹file›; n=‹copy›; b=‹beside›; sum() { sha256sum < \"$1\" | cut -c 1-64; }
‹unchanged› || { echo \"$f is not what was shown before the run\"; exit 1; }
[ \"$(sum \"$n\")\" = ‹sha256› ] && ‹keep›chmod ‹mode› \"$n\" && chown ‹owner› \"$n\" && mv -f \"$n\" \"$f\"",
            file = &self.file,
            copy = &self.copy,
            beside = &self.beside,
            unchanged = unchanged,
            sha256 = &self.sha256,
            keep = keep,
            mode = format!("{:o}", self.mode),
            owner = &self.owner,
        );
        script.into()
    }
}

impl Kind for Configure {
    fn describe(&self) -> String {
        format!("write {}", self.file)
    }

    fn effect(&self) -> Effect<'_> {
        Effect::Prepares(self.role)
    }

    fn script(&self) -> Option<String> {
        Some(self.command.script())
    }

    fn sends(&self) -> Option<(Sent<'_>, AbsPath)> {
        Some((Sent::Text(&self.text), self.copy.clone()))
    }

    fn diff(&self) -> Option<&str> {
        Some(&self.diff)
    }

    fn texts(&mut self) -> Vec<&mut FileText> {
        vec![&mut self.text]
    }

    fn look(&self, look: &mut Look) {
        look.work_files.push(self.file.clone());
    }

    fn hold(&self, _to: &Version, _before: &HostFacts) -> Option<String> {
        None
    }

    fn already(&self, to: &Version, before: &HostFacts) -> Verdict {
        runs_already(&[self.role], to, before).unwrap_or_else(|| self.achieved(&Seen::found(to, before)))
    }

    fn allowed(&self, _to: &Version, _before: &HostFacts) -> Result<(), String> {
        Ok(())
    }

    fn achieved(&self, seen: &Seen<'_>) -> Verdict {
        there(&self.file, Some(&self.sha256), seen.now)
    }

    fn untouched(&self, _to: &Version, _now: &HostFacts) -> bool {
        false
    }

    fn may_run_again(&self) -> bool {
        true
    }
}
