//! What only the cluster can tell a schedule: addresses, mounts and their options, the baseline.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use semver::Version;
use serde::{Deserialize, Serialize};

use super::Baseline;
use crate::host::{AbsPath, HostName, MountArguments};

/// A whole look at a cluster before it is touched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// Health and counts.
    pub baseline: Baseline,
    /// The master's host.
    pub master: MasterSeen,
    /// The chunkservers' hosts.
    pub chunkservers: BTreeMap<HostName, ServerSeen>,
    /// The clients' hosts.
    pub clients: BTreeMap<HostName, ClientSeen>,
}

/// The master's host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MasterSeen {
    /// The running release.
    pub version: Version,
    /// The running master's working folder.
    pub data_path: AbsPath,
    /// Where it listens for admin questions, as seen from its own host.
    pub admin_address: Ipv4Addr,
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
}
