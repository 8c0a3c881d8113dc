//! What a step changes, as far as the run, its windows and other steps depend on it. PURE.

use super::{Backup, Mount, Start, TrialLoad, Unmount};
use crate::moosefs::daemon::Role;

/// What rooms beyond this one decide by: several kinds of steps have one effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect<'a> {
    /// Files of this program's own, from which the programs of these roles are installed.
    Brings(&'a [Role]),
    /// A copy of the running master's metadata, on its host and off it.
    CopiesMetadata(&'a Backup),
    /// What the new release says of that copy.
    TriesMetadata(&'a TrialLoad),
    /// What is there of a role's files before they are replaced, or its configuration.
    Prepares(Role),
    /// A role's programs.
    Installs(Role),
    /// Something of a role's that is as it was before the upgrade.
    Restores(Role),
    /// A daemon that runs.
    Starts(&'a Start),
    /// A daemon that does not run any more.
    Stops {
        /// Whose.
        role: Role,
        /// Whether it stays so while other stages have their turn.
        for_long: bool,
    },
    /// A mount that is gone.
    Unmounts(&'a Unmount),
    /// A mount that is there.
    Mounts(&'a Mount),
    /// What only the hosts know: a preview has it in the place of other steps.
    Previewed {
        /// Whether one of these takes something down.
        takes_down: bool,
    },
    /// None: the cluster is looked at.
    Looks,
}

impl Effect<'_> {
    /// Whether it ends something that runs, or begins something that cannot simply be ended again. Everything else only
    /// prepares.
    #[must_use]
    pub fn takes_down(self) -> bool {
        match self {
            Self::Brings(_)
            | Self::CopiesMetadata(_)
            | Self::TriesMetadata(_)
            | Self::Prepares(_)
            | Self::Installs(_)
            | Self::Restores(_)
            | Self::Previewed { takes_down: false } => false,
            Self::Starts(_)
            | Self::Stops { .. }
            | Self::Unmounts(_)
            | Self::Mounts(_)
            | Self::Previewed { takes_down: true }
            | Self::Looks => true,
        }
    }

    /// Whether the exit code of its command is believed when it says no: of tools, and never of MooseFS's daemons.
    #[must_use]
    pub fn is_believed(self) -> bool {
        match self {
            Self::Brings(_)
            | Self::CopiesMetadata(_)
            | Self::TriesMetadata(_)
            | Self::Prepares(_)
            | Self::Installs(_)
            | Self::Restores(_) => true,
            Self::Starts(_)
            | Self::Stops { .. }
            | Self::Unmounts(_)
            | Self::Mounts(_)
            | Self::Previewed { .. }
            | Self::Looks => false,
        }
    }

    /// Whether a host shows it for as long as nothing takes its place.
    #[must_use]
    pub fn lasts(self) -> bool {
        match self {
            Self::CopiesMetadata(_) | Self::TriesMetadata(_) | Self::Previewed { .. } | Self::Looks => false,
            Self::Brings(_)
            | Self::Prepares(_)
            | Self::Installs(_)
            | Self::Restores(_)
            | Self::Starts(_)
            | Self::Stops { .. }
            | Self::Unmounts(_)
            | Self::Mounts(_) => true,
        }
    }

    /// Whether it is a daemon or a mount of the release to be reached, which the last look wants to see on its host.
    #[must_use]
    pub fn runs_on(self) -> bool {
        self.concerns().is_some()
    }

    /// The role whose daemon or mount of the release to be reached runs with it.
    #[must_use]
    pub fn concerns(self) -> Option<Role> {
        match self {
            Self::Starts(start) => Some(start.role),
            Self::Mounts(_) => Some(Role::Client),
            Self::Brings(_)
            | Self::CopiesMetadata(_)
            | Self::TriesMetadata(_)
            | Self::Prepares(_)
            | Self::Installs(_)
            | Self::Restores(_)
            | Self::Stops { .. }
            | Self::Unmounts(_)
            | Self::Previewed { .. }
            | Self::Looks => None,
        }
    }

    /// Whether a master that saves its metadata meanwhile would spoil it: the master is ended, or copied.
    #[must_use]
    pub fn is_at_the_metadata(self) -> bool {
        match self {
            Self::CopiesMetadata(_) => true,
            Self::Starts(start) => start.role == Role::Master,
            Self::Stops { role, .. } => role == Role::Master,
            Self::Brings(_)
            | Self::TriesMetadata(_)
            | Self::Prepares(_)
            | Self::Installs(_)
            | Self::Restores(_)
            | Self::Unmounts(_)
            | Self::Mounts(_)
            | Self::Previewed { .. }
            | Self::Looks => false,
        }
    }

    /// Whether it is proof of `earlier` where both were done on one host, or has taken its place.
    #[must_use]
    pub fn supersedes(self, earlier: Self) -> bool {
        match (self, earlier) {
            (Self::Mounts(made), Self::Unmounts(taken)) => made.mount == taken.mount,
            (Self::Installs(_) | Self::Starts(_), Self::Brings(_)) => true,
            (Self::Starts(start), earlier) => earlier.leads_to() == Some(start.role),
            (Self::Mounts(_), earlier) => earlier.leads_to() == Some(Role::Client),
            (
                Self::Brings(_)
                | Self::CopiesMetadata(_)
                | Self::TriesMetadata(_)
                | Self::Prepares(_)
                | Self::Installs(_)
                | Self::Restores(_)
                | Self::Stops { .. }
                | Self::Unmounts(_)
                | Self::Previewed { .. }
                | Self::Looks,
                _,
            ) => false,
        }
    }

    /// The role whose daemon or mount is started with it.
    fn leads_to(self) -> Option<Role> {
        match self {
            Self::Prepares(role) | Self::Installs(role) | Self::Restores(role) | Self::Stops { role, .. } => Some(role),
            Self::Brings(_)
            | Self::CopiesMetadata(_)
            | Self::TriesMetadata(_)
            | Self::Starts(_)
            | Self::Unmounts(_)
            | Self::Mounts(_)
            | Self::Previewed { .. }
            | Self::Looks => None,
        }
    }
}
