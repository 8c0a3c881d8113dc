//! A configuration file says again what it said before the upgrade. PURE.

use semver::Version;
use serde::{Deserialize, Serialize};

use super::{Effect, Kind, Seen, Verdict};
use crate::host::sh::{Script, sh};
use crate::host::{AbsPath, HostFacts, Look};
use crate::moosefs::daemon::Role;

/// Brings back what a configuration file said before. Shown by its SHA-256, or that it is not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutBack {
    /// Whose it is.
    pub role: Role,
    /// The file.
    pub file: AbsPath,
    /// SHA-256 of what was there; `None`: nothing was.
    pub sha256: Option<String>,
    /// How.
    pub command: PutBackCommand,
}

/// Brings back what [`super::PutInPlace`] replaced. It can be run again after it was cut short, and writes over no file that is
/// not its own copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename = "put-back")]
pub struct PutBackCommand {
    /// The file.
    pub file: AbsPath,
    /// Where what was there is kept; `None`: nothing was there.
    pub beside: Option<AbsPath>,
    /// Where what is there now goes.
    pub aside: AbsPath,
}

impl PutBackCommand {
    /// The command as POSIX sh.
    #[must_use]
    pub fn script(&self) -> String {
        put_back(&self.file, self.beside.as_ref(), &self.aside).into()
    }
}

/// What a configuration file said before: from its copy beside it, or nothing. What is there now is kept in `aside`.
fn put_back(file: &AbsPath, beside: Option<&AbsPath>, aside: &AbsPath) -> Script {
    match beside {
        None => sh!("f=‹file›; [ ! -e \"$f\" ] || mv -f \"$f\" ‹aside›", file = file, aside = aside),
        Some(beside) => sh!(
            "f=‹file›; b=‹beside›; a=‹aside›; [ ! -e \"$b\" ] || { { [ ! -e \"$f\" ] || cp -p \"$f\" \"$a\"; } && mv -f \"$b\" \"$f\"; }",
            file = file,
            beside = beside,
            aside = aside,
        ),
    }
}

impl Kind for PutBack {
    fn describe(&self) -> String {
        format!("bring back {} as it was", self.file)
    }

    fn effect(&self) -> Effect<'_> {
        Effect::Restores(self.role)
    }

    fn script(&self) -> Option<String> {
        Some(self.command.script())
    }

    fn look(&self, look: &mut Look) {
        look.work_files.push(self.file.clone());
    }

    fn hold(&self, _to: &Version, _before: &HostFacts) -> Option<String> {
        None
    }

    fn already(&self, to: &Version, before: &HostFacts) -> Verdict {
        self.achieved(&Seen::found(to, before))
    }

    fn allowed(&self, _to: &Version, _before: &HostFacts) -> Result<(), String> {
        Ok(())
    }

    fn achieved(&self, seen: &Seen<'_>) -> Verdict {
        let file = &self.file;
        match (seen.now.kept.get(file.as_str()), self.sha256.as_deref()) {
            (None, None) => Verdict::Done(format!("{file} is not there, as before")),
            (Some(is), Some(was)) if is == was => Verdict::Done(format!("{file} says what it said before")),
            (None, Some(_)) => Verdict::NotYet(format!("{file} is not there")),
            (Some(is), _) => Verdict::NotYet(format!("{file} is not what it was before (sha256 {is})")),
        }
    }

    fn untouched(&self, _to: &Version, _now: &HostFacts) -> bool {
        false
    }

    fn may_run_again(&self) -> bool {
        true
    }
}
