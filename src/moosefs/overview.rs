//! One look at a cluster through its master's eyes.

use serde::{Deserialize, Serialize};

use super::wire::{ChunkMatrix, Chunkserver, FileTest, Info, Session};

/// The answers that decide whether a step may begin, all asked over one connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overview {
    /// The master about itself.
    pub info: Info,
    /// Chunkservers that it knows.
    pub chunkservers: Vec<Chunkserver>,
    /// Mounts that are connected.
    pub sessions: Vec<Session>,
    /// Chunks by goal and copies; `None` from a 1.5 master, which cannot tell.
    pub matrix: Option<ChunkMatrix>,
    /// The master's last own test of the file system.
    pub file_test: Option<FileTest>,
}
