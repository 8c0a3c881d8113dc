//! What only the cluster can tell a schedule: addresses, mounts and their options, the baseline.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use semver::Version;
use serde::{Deserialize, Serialize};

use super::Baseline;
use crate::host::identity::Identity;
use crate::host::{AbsPath, FileText, HostName, MountArguments};
use crate::moosefs::daemon::Role;
use crate::rules::away;

/// A whole look at a cluster before it is touched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// Health and counts.
    pub baseline: Baseline,
    /// The master's host.
    pub master: MasterSeen,
    /// The metaloggers' hosts.
    #[serde(default)]
    pub metaloggers: BTreeMap<HostName, MetaloggerSeen>,
    /// Configuration that has to be written before the daemons of a host are started, by host.
    #[serde(default)]
    pub config: BTreeMap<HostName, Vec<ConfigChange>>,
    /// The chunkservers' hosts.
    pub chunkservers: BTreeMap<HostName, ServerSeen>,
    /// The clients' hosts.
    pub clients: BTreeMap<HostName, ClientSeen>,
    /// What each host said of itself.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub machines: BTreeMap<HostName, Identity>,
    /// Roles of hosts whose old programs were replaced on disk before the run, and that no run has kept.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub without_old: BTreeMap<HostName, BTreeSet<Role>>,
    /// The longest that a chunkserver waits between two tries to reach its master, in seconds.
    #[serde(default = "away::by_itself", skip_serializing_if = "away::is_by_itself")]
    pub reconnect_s: u64,
}

/// The master's host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MasterSeen {
    /// The running release.
    pub version: Version,
    /// The running master's working folder.
    pub data_path: AbsPath,
    /// The user that it runs as.
    pub user: String,
    /// The group.
    pub group: String,
    /// Its configuration files, for the backup.
    pub configuration: Vec<AbsPath>,
    /// Where it listens for admin questions, as seen from its own host.
    pub admin_address: Ipv4Addr,
    /// The port on which it listens for chunkservers, where it is not the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chunkserver_port: Option<u16>,
    /// Bytes of its metadata and change logs.
    #[serde(default)]
    pub metadata_bytes: u64,
}

/// A metalogger's host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetaloggerSeen {
    /// The running release; `None` where none runs, as on a host of a 1.5 cluster.
    pub version: Option<Version>,
    /// The running metalogger's working folder.
    pub data_path: Option<AbsPath>,
}

/// One configuration file as the new release needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigChange {
    /// Whose it is.
    pub role: Role,
    /// Where the new release looks for it first.
    pub file: AbsPath,
    /// What it must say.
    pub text: FileText,
    /// Permission bits.
    pub mode: u32,
    /// `OWNER:GROUP`.
    pub owner: String,
    /// SHA-256 of what is there now; `None`: nothing is.
    pub replaces: Option<String>,
    /// A unified diff from what the old release uses.
    pub diff: String,
}

/// A chunkserver's host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerSeen {
    /// The running release.
    pub version: Version,
    /// The address that the master knows it by.
    pub address: Ipv4Addr,
    /// The running chunkserver's working folder.
    pub data_path: AbsPath,
}

/// A client's host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientSeen {
    /// The address that the master knows it by.
    pub address: Ipv4Addr,
    /// The mounts to change.
    pub mounts: Vec<MountArguments>,
    /// Whether all of them are of the target release already.
    #[serde(default)]
    pub upgraded: bool,
}
