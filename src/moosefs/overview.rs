//! One look at a cluster through its master's eyes. PURE.

use serde::{Deserialize, Serialize};

use super::wire::{ChunkMatrix, Chunkserver, FileTest, Info, Metalogger, Session};

/// What a master says about its cluster, all over one connection and so from one master process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overview {
    /// Version and totals.
    pub info: Info,
    /// The chunkservers.
    pub chunkservers: Vec<Chunkserver>,
    /// The mounts.
    pub sessions: Vec<Session>,
    /// Chunks by goal and copies; `None` of a 1.5 master, and of no other.
    pub matrix: Option<ChunkMatrix>,
    /// The last finished round of the file system test.
    pub file_test: FileTest,
    /// The metaloggers; `None` below 1.6.5.
    pub metaloggers: Option<Vec<Metalogger>>,
}
