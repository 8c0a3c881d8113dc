//! Why a rehearsal could not be held.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::fault::Fault;

/// Completes "failed to hold the rehearsal: ".
#[derive(Debug, thiserror::Error)]
pub enum RehearsalError {
    /// Something on this machine failed.
    #[error("failed to {what}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: io::Error,
    },
    /// The folder would break the textual chroot.
    #[error(
        "the folder {0} contains a character that a shell gives a meaning; choose another, for example with TMPDIR"
    )]
    Folder(PathBuf),
    /// The folder has something in it.
    #[error("the folder {0} is not empty; a rehearsal makes its own hosts in an empty one")]
    NotEmpty(PathBuf),
    /// A fault on a host that the plan does not name.
    #[error("the fault {0} names a host that is not in the plan")]
    NoSuchHost(Fault),
    /// A fault on a host whose roles it does not apply to.
    #[error("the fault {fault} does nothing there; it is for: {applies_to}")]
    DoesNotApply {
        /// The fault.
        fault: Fault,
        /// The roles.
        applies_to: String,
    },
    /// More than addresses.
    #[error("the plan names {0} hosts; a rehearsal has addresses for {most}", most = super::address::MOST_HOSTS)]
    TooManyHosts(usize),
    /// A simulated program that should have started did not.
    #[error("`{command}` on the simulated host {host} failed ({status:?}): {said}")]
    Command {
        /// The host.
        host: String,
        /// The command.
        command: String,
        /// Its exit status.
        status: Option<i32>,
        /// What it said.
        said: String,
    },
    /// The old cluster did not become whole.
    #[error("the simulated cluster did not come up within {after:?}: {missing}")]
    NotWhole {
        /// How long it was waited for.
        after: Duration,
        /// What was missing.
        missing: String,
    },
}

/// Says what was tried when it fails.
pub trait Tried<T> {
    /// `what` completes "failed to ".
    ///
    /// # Errors
    /// [`RehearsalError::Io`].
    fn tried(self, what: impl FnOnce() -> String) -> Result<T, RehearsalError>;
}

impl<T> Tried<T> for io::Result<T> {
    fn tried(self, what: impl FnOnce() -> String) -> Result<T, RehearsalError> {
        self.map_err(|source| RehearsalError::Io { what: what(), source })
    }
}
