//! The new release's programs are put in their place. PURE.

mod samples;
mod turn;

use std::time::Duration;

use semver::Version;
use serde::{Deserialize, Serialize};

use super::seen::runs_already;
use super::{Effect, Kind, LONG_COMMAND, Seen, Verdict};
use crate::host::sh::{Script, sh};
use crate::host::{AbsPath, HostFacts, Look};
use crate::moosefs::daemon::Role;

pub use turn::Turn;

/// Puts the new release's programs in place. Shown by the version in the installed program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Install {
    /// Whose programs must be there.
    pub role: Role,
    /// Below which prefix.
    pub prefix: AbsPath,
    /// How.
    pub command: InstallCommand,
}

/// How programs are put in their place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case")]
pub enum InstallCommand {
    /// `make install` in a configured and built tree.
    MakeInstall {
        /// The tree.
        source_dir: AbsPath,
    },
    /// The operator's own install command, as it stands in the plan.
    InstallCommand {
        /// Shell text, by the operator's intent.
        text: String,
    },
    /// One of these two on a host of several roles: the programs of roles whose turn is to come stay the old ones.
    InTurn {
        /// What brings the programs of all of them.
        install: Box<InstallCommand>,
        /// Whose turn it is.
        turn: Turn,
    },
    /// [`InstallCommand::MakeInstall`] of a release that would put samples where daemons look for their configuration.
    KeepingConfig {
        /// The installation.
        install: Box<InstallCommand>,
        /// The installation prefix.
        prefix: AbsPath,
        /// A folder of this program's own, for the time that it takes.
        aside: AbsPath,
    },
}

impl InstallCommand {
    /// The command as POSIX sh.
    #[must_use]
    pub fn script(&self) -> String {
        self.rendered().into()
    }

    fn rendered(&self) -> Script {
        match self {
            Self::MakeInstall { source_dir } => sh!("cd ‹tree› && make install", tree = source_dir),
            Self::InstallCommand { text } => sh!("/bin/sh -c ‹text›", text = text),
            Self::InTurn { install, turn } => turn.script(install.rendered()),
            Self::KeepingConfig { install, prefix, aside } => samples::kept_over(install.rendered(), prefix, aside),
        }
    }

    /// The tree that it installs from; a process that works there goes on installing. An operator's own command has none.
    #[must_use]
    pub fn installs_from(&self) -> Option<&AbsPath> {
        match self {
            Self::MakeInstall { source_dir } => Some(source_dir),
            Self::InTurn { install, .. } | Self::KeepingConfig { install, .. } => install.installs_from(),
            Self::InstallCommand { .. } => None,
        }
    }
}

/// Something is at work in the tree.
pub(super) fn is_busy(before: &HostFacts) -> Option<String> {
    let pid = before.busy.first()?;
    Some(format!("a command is at work in the tree to install from (pid {pid})"))
}

impl Kind for Install {
    fn describe(&self) -> String {
        format!("install {} programs", self.role)
    }

    fn effect(&self) -> Effect<'_> {
        Effect::Installs(self.role)
    }

    fn script(&self) -> Option<String> {
        Some(self.command.script())
    }

    fn look(&self, look: &mut Look) {
        look.prefixes.push(self.prefix.clone());
        look.busy_in = self.command.installs_from().cloned();
    }

    fn hold(&self, _to: &Version, before: &HostFacts) -> Option<String> {
        is_busy(before)
    }

    /// As long as it would be waited for if its connection had not been lost.
    fn hold_limit(&self) -> Duration {
        LONG_COMMAND
    }

    fn already(&self, to: &Version, before: &HostFacts) -> Verdict {
        // on a host of several roles the old program may stand where the new one runs: a start would bring the old one back
        let is_old = before.installed_version(&self.prefix, self.role).is_some_and(|v| v != to);
        match runs_already(&[self.role], to, before) {
            Some(done) if !is_old => done,
            // `make install` may have been cut short, so that the program alone proves nothing: it is run again, which
            // harms nothing
            _ => Verdict::NotYet("the new release does not run yet".to_owned()),
        }
    }

    fn allowed(&self, _to: &Version, _before: &HostFacts) -> Result<(), String> {
        Ok(())
    }

    fn achieved(&self, seen: &Seen<'_>) -> Verdict {
        let path = self.prefix.join(self.role.path_in_prefix());
        match seen.now.installed_version(&self.prefix, self.role) {
            Some(version) if version == seen.to => Verdict::Done(format!("{path} is {}", seen.to)),
            Some(version) => Verdict::NotYet(format!("the installed {} is {version}", self.role.program())),
            None => Verdict::NotYet(format!("the installed {} tells no version", self.role.program())),
        }
    }

    fn untouched(&self, _to: &Version, _now: &HostFacts) -> bool {
        false
    }

    /// A `make install` harms nothing. An operator's own command may be of another kind.
    fn may_run_again(&self) -> bool {
        self.command.installs_from().is_some()
    }
}
