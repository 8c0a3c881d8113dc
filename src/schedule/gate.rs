//! What the cluster must show before or after a step. [`crate::run::gate`] asks and judges.

use serde::{Deserialize, Serialize};

use super::Schedule;
use crate::host::{AbsPath, HostName};
use crate::words::count;

/// What the cluster must show, through its master's own protocol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "gate", rename_all = "kebab-case")]
pub enum Gate {
    /// Every chunkserver is connected with its chunks, the first `upgraded` of the plan in the new release; nothing is
    /// missing or under goal beyond the baseline.
    Healthy {
        /// How many chunkservers, in the plan's order, must run the new release.
        upgraded: usize,
        /// Seconds until it must be green.
        greatest_s: u64,
    },
    /// Every chunkserver is connected with its chunks, the first `upgraded` of the plan in the new release, and no chunk
    /// is missing: enough for a mount, which takes no copy away. Chunks may still be under goal.
    Serving {
        /// How many chunkservers, in the plan's order, must run the new release.
        upgraded: usize,
        /// Whether all mounts must be in their release already: on the way back, before the master.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        mounts: bool,
        /// Seconds until it must be green.
        greatest_s: u64,
    },
    /// The master answers as the new release.
    MasterServes {
        /// Seconds until it must be green.
        greatest_s: u64,
    },
    /// The master lists as many metaloggers of the new release as were started so far.
    MetaloggerSeen {
        /// How many.
        started: usize,
        /// Seconds until it must be green.
        greatest_s: u64,
    },
    /// The chunkserver is connected, in the new release, with its chunks.
    ChunkserverBack {
        /// Seconds until it must be green.
        greatest_s: u64,
    },
    /// The master knows the mount, in the new release.
    MountSeen {
        /// The mount point.
        mount: AbsPath,
        /// Seconds until it must be green.
        greatest_s: u64,
    },
    /// Master, chunkservers and mounts are all in the new release, and the cluster is healthy.
    Upgraded {
        /// Seconds until it must be green.
        greatest_s: u64,
    },
}

impl Gate {
    /// Seconds until it must be green.
    #[must_use]
    pub fn greatest_s(&self) -> u64 {
        match self {
            Self::Healthy { greatest_s, .. }
            | Self::Serving { greatest_s, .. }
            | Self::MasterServes { greatest_s }
            | Self::MetaloggerSeen { greatest_s, .. }
            | Self::ChunkserverBack { greatest_s }
            | Self::MountSeen { greatest_s, .. }
            | Self::Upgraded { greatest_s } => *greatest_s,
        }
    }

    /// What it asks for, for people. On the way back what is asked for is the old release.
    #[must_use]
    pub fn describe(&self, schedule: &Schedule) -> String {
        // 1.5 has no metaloggers
        if let (Self::Upgraded { .. }, true) = (self, schedule.is_back()) {
            return "master, chunkservers and mounts in the old release, the cluster healthy".to_owned();
        }
        match self {
            // on the way back clients go first, while the chunkservers are of the new release
            Self::Serving { mounts, .. } if schedule.is_back() => {
                let mounts = if *mounts { ", and no mount of another release" } else { "" };
                format!("every chunkserver connected with its chunks, none missing{mounts}")
            }
            Self::Healthy { .. } if schedule.is_back() => {
                format!("{}, and no mount of another release", self.words("the old release"))
            }
            _ => self.words(if schedule.is_back() { "the old release" } else { "the new release" }),
        }
    }

    /// What is waited for, in the words of a message that it did not come: completes "failed to see ".
    #[must_use]
    pub fn awaited(&self, host: &HostName, schedule: &Schedule) -> String {
        match self {
            Self::Healthy { .. } | Self::Serving { .. } => "the cluster healthy".to_owned(),
            Self::MasterServes { .. } => format!("the master answer as {}", schedule.to),
            Self::MetaloggerSeen { .. } => format!("the metalogger on {host} at the master"),
            Self::ChunkserverBack { .. } => format!("{host} back at the master with its chunks"),
            Self::MountSeen { mount, .. } => format!("the mount {mount} of {host} at the master"),
            Self::Upgraded { .. } => format!("the whole cluster healthy on {}", schedule.to),
        }
    }

    /// `release`: the one that is brought.
    fn words(&self, release: &str) -> String {
        match self {
            Self::Healthy { upgraded: 0, .. } => {
                "every chunkserver connected with its chunks, none missing or under goal".to_owned()
            }
            Self::Healthy { upgraded, .. } => format!(
                "every chunkserver connected with its chunks ({} in {release}), none missing or under goal",
                count(*upgraded, "chunkserver")
            ),
            Self::Serving { .. } => {
                format!("every chunkserver connected in {release} with its chunks, none missing")
            }
            Self::MasterServes { .. } => format!("the master answers as {release}"),
            Self::MetaloggerSeen { started, .. } => {
                format!("the master lists {} in {release}", count(*started, "metalogger"))
            }
            Self::ChunkserverBack { .. } => format!("back at the master, in {release}, with its chunks"),
            Self::MountSeen { mount, .. } => format!("the master lists the mount {mount} in {release}"),
            Self::Upgraded { .. } => {
                format!("master, chunkservers, mounts and metaloggers in {release}, the cluster healthy")
            }
        }
    }
}
