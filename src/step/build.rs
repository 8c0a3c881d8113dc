//! An archive is unpacked on a host, configured and built. PURE.

use semver::Version;
use serde::{Deserialize, Serialize};

use super::seen::{runs_already, there};
use super::words::words;
use super::{Effect, Kind, LONG_COMMAND, Seen, Verdict};
use crate::host::sh::{Script, sh};
use crate::host::{AbsPath, HostFacts, Look};
use crate::moosefs::daemon::Role;
use std::time::Duration;

/// Unpacks, configures and builds. Shown by the mark that is written last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    /// What the host is.
    pub roles: Vec<Role>,
    /// The tree.
    pub tree: AbsPath,
    /// The file that says that the build is whole.
    pub mark: AbsPath,
    /// SHA-256 of what it must say.
    pub mark_sha256: String,
    /// How.
    pub command: BuildCommand,
}

/// Unpacks an archive of this program's own into a tree, configures and builds it. A tree that was begun is removed
/// first: half a build is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename = "build")]
pub struct BuildCommand {
    /// The archive, as it was copied to the host.
    pub archive: AbsPath,
    /// Where its one top folder's contents go.
    pub tree: AbsPath,
    /// Arguments of `./configure`.
    pub configure: Vec<String>,
    /// Whose programs must come of it.
    pub roles: Vec<Role>,
    /// Of which release they must be. `None`: in a schedule that was written before this was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<Version>,
    /// A file that is written last: a tree without it is not whole.
    pub mark: AbsPath,
    /// What the mark says: from what it was built, and how.
    pub mark_text: String,
}

impl BuildCommand {
    /// The command as POSIX sh.
    #[must_use]
    pub fn script(&self) -> String {
        let script = sh!(
            "t=‹tree›; umask 022; rm -rf \"$t\" && mkdir -p \"$t\" && tar -xzf ‹archive› -C \"$t\" --strip-components=1 &&
cd \"$t\" && ‹configure› && make && ‹built› printf %s ‹mark_text› > ‹mark›",
            tree = &self.tree,
            archive = &self.archive,
            configure = words("./configure", &self.configure),
            built = self.roles.iter().map(|role| built(*role, self.release.as_ref())).collect::<Script>(),
            mark_text = &self.mark_text,
            mark = &self.mark,
        );
        script.into()
    }
}

/// `./configure` leaves out what it cannot build, and neither it nor `make` fails; and an archive's name says little about what
/// is in it.
fn built(role: Role, release: Option<&Version>) -> Script {
    let program = role.program();
    let why = match role {
        Role::Client => {
            "configure leaves it out where it finds no headers of FUSE: install them (libfuse-dev in Debian, fuse-devel in Red Hat)"
        }
        _ => "config.log in its tree says why",
    };
    let file = format!("{program}/{program}");
    let mut script = sh!(
        "\n{ [ -x ‹file› ] || { echo \"no ‹program› was built: ‹why›\"; exit 1; }; } &&",
        file = file.as_str(),
        program = program,
        why = why,
    );
    if let Some(Version { major, minor, patch, .. }) = release {
        script.push(&sh!(
            "\n{ grep -aqE ‹pattern› ‹file› || { echo \"the archive is another release: the ‹program› that was built of it is not \
             ‹release›\"; exit 1; }; } &&",
            pattern = format!("@\\(#\\) version: {major}[.]{minor}[.]{patch}([^0-9]|$)"),
            file = file,
            program = program,
            release = format!("{major}.{minor}.{patch}"),
        ));
    }
    script
}

impl Kind for Build {
    fn describe(&self) -> String {
        format!("unpack, configure and build in {}", self.tree)
    }

    fn effect(&self) -> Effect<'_> {
        Effect::Brings(&self.roles)
    }

    fn script(&self) -> Option<String> {
        Some(self.command.script())
    }

    fn look(&self, look: &mut Look) {
        look.busy_in = Some(self.tree.clone());
        look.work_files.push(self.mark.clone());
    }

    fn hold(&self, _to: &Version, before: &HostFacts) -> Option<String> {
        super::install::is_busy(before)
    }

    /// As long as it would be waited for if its connection had not been lost.
    fn hold_limit(&self) -> Duration {
        LONG_COMMAND
    }

    fn already(&self, to: &Version, before: &HostFacts) -> Verdict {
        runs_already(&self.roles, to, before).unwrap_or_else(|| self.achieved(&Seen::found(to, before)))
    }

    fn allowed(&self, _to: &Version, _before: &HostFacts) -> Result<(), String> {
        Ok(())
    }

    fn achieved(&self, seen: &Seen<'_>) -> Verdict {
        there(&self.mark, Some(&self.mark_sha256), seen.now)
    }

    fn untouched(&self, _to: &Version, _now: &HostFacts) -> bool {
        false
    }

    fn may_run_again(&self) -> bool {
        true
    }
}
