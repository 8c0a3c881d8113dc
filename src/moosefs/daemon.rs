//! The programs of MooseFS that run on a host.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A part that a host plays in a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// mfsmaster: holds all metadata; one a cluster.
    Master,
    /// mfsmetalogger (1.6.5 and later): keeps a copy of metadata and change logs.
    Metalogger,
    /// mfschunkserver: holds the data.
    Chunkserver,
    /// mfsmount and mfstools.
    Client,
}

impl Role {
    /// The program that runs for this role, as it is called on disk and in `/proc/PID/comm`
    /// (15 characters at most, so `mfschunkserver` just fits).
    #[must_use]
    pub fn program(self) -> &'static str {
        match self {
            Role::Master => "mfsmaster",
            Role::Metalogger => "mfsmetalogger",
            Role::Chunkserver => "mfschunkserver",
            Role::Client => "mfsmount",
        }
    }

    /// The program below the installation prefix.
    #[must_use]
    pub fn path_in_prefix(self) -> &'static str {
        match self {
            Role::Master => "sbin/mfsmaster",
            Role::Metalogger => "sbin/mfsmetalogger",
            Role::Chunkserver => "sbin/mfschunkserver",
            Role::Client => "bin/mfsmount",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Role::Master => "master",
            Role::Metalogger => "metalogger",
            Role::Chunkserver => "chunkserver",
            Role::Client => "client",
        })
    }
}

/// Where clients and admin tools reach a master (`MATOCU_LISTEN_PORT`, from 1.6.26 `MATOCL_LISTEN_PORT`).
pub const ADMIN_PORT: u16 = 9421;
/// Where chunkservers reach a master (`MATOCS_LISTEN_PORT`).
pub const MASTER_CHUNKSERVER_PORT: u16 = 9420;
/// Where metaloggers reach a master from 1.6.5 on (`MATOML_LISTEN_PORT`).
pub const MASTER_METALOGGER_PORT: u16 = 9419;
/// Where mounts reach a chunkserver (`CSSERV_LISTEN_PORT`).
pub const CHUNKSERVER_PORT: u16 = 9422;
