//! What an installation replaces is kept. PURE.

use semver::Version;
use serde::{Deserialize, Serialize};

use super::seen::{runs_already, there};
use super::{Effect, Kind, Seen, Verdict};
use crate::host::sh::{Script, sh};
use crate::host::{AbsPath, HostFacts, Look};
use crate::moosefs::daemon::Role;

/// Keeps a copy of what the installation replaces. Shown by the copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keep {
    /// Whose installation it is.
    pub role: Role,
    /// The tar file on the host.
    pub file: AbsPath,
    /// The release of the program in it without which there is no way back; `None`: the operator has acknowledged that there
    /// is none, or the old release has no such program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holds: Option<Version>,
    /// How.
    pub command: KeepCommand,
}

/// Copies what an installation replaces into one tar file. Once: a file that is there already is from before, and stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename = "keep")]
pub struct KeepCommand {
    /// The installation prefix.
    pub prefix: AbsPath,
    /// The tar file.
    pub file: AbsPath,
    /// Configuration files that will be written later, with the SHA-256 of what must be there now (`None`: nothing):
    /// one that was changed since it was shown is found here, while everything still runs.
    pub shown: Vec<(AbsPath, Option<String>)>,
}

impl KeepCommand {
    /// The command as POSIX sh.
    #[must_use]
    pub fn script(&self) -> String {
        script(&self.prefix, &self.file, &self.shown).into()
    }
}

/// One tar file of what an installation of MooseFS puts below a prefix (seen: all of it is below these names), in its place
/// only when it is whole.
fn script(prefix: &AbsPath, file: &AbsPath, shown: &[(AbsPath, Option<String>)]) -> Script {
    let check = |(file, sha256): &(AbsPath, Option<String>)| {
        let test = match sha256 {
            Some(sum) => sh!("[ \"$(sha256sum < ‹file› | cut -c 1-64)\" = ‹sum› ]", file = file, sum = sum),
            None => sh!("[ ! -e ‹file› ]", file = file),
        };
        sh!("‹test› || { echo ‹file› is not what was shown before the run; exit 1; }\n", test = test, file = file)
    };
    sh!(
        "‹checks›k=‹file›; [ -e \"$k\" ] || { { [ -d ‹prefix› ] || mkdir -p ‹prefix›; } &&
umask 066 && mkdir -p \"${k%/*}\" && umask 077 && cd ‹prefix› &&
{ ls -d sbin/mfs* bin/mfs* share/mfs* share/mfscgi share/man/man*/mfs* share/man/man*/moosefs* etc/mfs* 2>/dev/null; true; } > \"$k.list\" &&
tar -cf \"$k.part\" -T \"$k.list\" && mv \"$k.part\" \"$k\"; }",
        checks = shown.iter().map(check).collect::<Script>(),
        file = file,
        prefix = prefix,
    )
}

impl Kind for Keep {
    fn describe(&self) -> String {
        "keep what the installation replaces".to_owned()
    }

    fn effect(&self) -> Effect<'_> {
        Effect::Prepares(self.role)
    }

    fn script(&self) -> Option<String> {
        Some(self.command.script())
    }

    fn look(&self, look: &mut Look) {
        look.work_files.push(self.file.clone());
        look.archives.extend(self.holds.is_some().then(|| self.file.clone()));
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
        match (there(&self.file, None, seen.now), &self.holds) {
            // nothing is stopped where what was kept is no way back
            (Verdict::Done(is), Some(from)) => match seen.now.lacks_kept(&self.file, self.role, from) {
                Some(why) => Verdict::NotYet(why),
                None => Verdict::Done(is),
            },
            (verdict, _) => verdict,
        }
    }

    fn untouched(&self, _to: &Version, _now: &HostFacts) -> bool {
        false
    }

    fn may_run_again(&self) -> bool {
        true
    }
}
