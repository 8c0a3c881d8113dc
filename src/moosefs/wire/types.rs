//! What a master says about its cluster, in one shape for all releases; what a release does not tell is `None`.

use std::net::Ipv4Addr;

use semver::Version;
use serde::{Deserialize, Serialize};

/// Which layouts a master speaks, read off its INFO answer (`matocuserv.c` @ 1.5.12, `matoclserv.c` @ 1.6.27; captured).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// 1.5.x: INFO of 60 bytes, no versions of servers.
    V15,
    /// 1.6.x.
    V16,
    /// 2.0.x.
    V20,
    /// 2.1 to 3.0.37: a chunkserver record without `mfrstatus`.
    V21,
    /// 3.0.38 and later 3.x.
    V30,
    /// 4.26 and later.
    V4,
}

/// Answer 511.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Info {
    /// The master's own version; a 1.5 master tells only that it is one.
    pub version: Option<Version>,
    /// The layouts that follow from it.
    pub layout: Layout,
    /// Bytes.
    pub total_space: u64,
    /// Bytes.
    pub available_space: u64,
    /// Inodes of every kind.
    pub inodes: u32,
    /// Folders.
    pub directories: u32,
    /// Files.
    pub files: u32,
    /// Chunks known to metadata, whether or not a copy is there.
    pub chunks: u32,
    /// Copies of chunks on chunkservers, those on disks marked for removal included; 1.6 and later. 64 bits since 4.x
    /// reports that many.
    pub copies: Option<u64>,
}

/// One record of answer 501.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunkserver {
    /// `None`: a 1.5 master, which does not tell, or a 1.5 chunkserver at a later master, which is told as 0.
    pub version: Option<Version>,
    /// Known, but not connected (flag 0x01; 1.6.27 and later: before, a disconnected server is not listed at all).
    pub disconnected: bool,
    /// In maintenance (flags 0x02, 0x04; 2.0 and later).
    pub maintenance: bool,
    /// The address that the master knows it by.
    pub address: Ipv4Addr,
    /// Its port for data.
    pub port: u16,
    /// Bytes used on disks not marked for removal.
    pub used: u64,
    /// Bytes in total on disks not marked for removal; 0 while a 1.6.26+ server has not scanned its disks.
    pub total: u64,
    /// Chunks on disks not marked for removal.
    pub chunks: u32,
    /// Chunks on disks marked for removal.
    pub removal_chunks: u32,
    /// I/O errors.
    pub errors: u32,
}

/// One record of answer 509: a mount that is connected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// `None` in 1.5.
    pub id: Option<u32>,
    /// Where it is mounted.
    pub address: Ipv4Addr,
    /// The mount's version.
    pub version: Version,
    /// The mount point on the client; 1.5 mounts do not tell.
    pub mount_point: Option<String>,
    /// The exported folder; `.` for a meta mount. 1.5 masters do not tell.
    pub path: Option<String>,
    /// False for a session that a 2.0+ master keeps without a connection.
    pub connected: bool,
}

/// Answer 517: chunks by goal (row 0..=10) and valid copies (column 0..=9, 10 for "10 or more"). Row 0 holds chunks of
/// deleted files and counts nowhere below.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkMatrix(pub [[u32; 11]; 11]);

impl ChunkMatrix {
    /// Chunks that are needed and of which no copy is there.
    #[must_use]
    pub fn missing(&self) -> u64 {
        self.rows().map(|(_, row)| u64::from(row[0])).sum()
    }

    /// Chunks of goal 2 and up with one copy: the next server that goes away may make them missing.
    #[must_use]
    pub fn endangered(&self) -> u64 {
        self.rows().filter(|(goal, _)| *goal >= 2).map(|(_, row)| u64::from(row[1])).sum()
    }

    /// Chunks with fewer copies than their goal asks for, the missing and endangered ones included.
    #[must_use]
    pub fn under_goal(&self) -> u64 {
        self.rows().flat_map(|(goal, row)| row[..goal].iter()).map(|&n| u64::from(n)).sum()
    }

    /// Chunks of goal 1: unreadable whenever their one server is away.
    #[must_use]
    pub fn single_copy(&self) -> u64 {
        self.0[1].iter().map(|&n| u64::from(n)).sum()
    }

    /// All chunks of files that exist.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.rows().flat_map(|(_, row)| row.iter()).map(|&n| u64::from(n)).sum()
    }

    fn rows(&self) -> impl Iterator<Item = (usize, &[u32; 11])> {
        self.0.iter().enumerate().skip(1)
    }
}

/// Answer 513: the last finished round of the master's own file system test. 1.5 has no other word on missing chunks.
/// Its zeros mean nothing before [`FileTest::is_finished`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileTest {
    /// Seconds since 1970 at which the round began. 0: no round has finished since the master started.
    pub started: u32,
    /// Seconds since 1970 at which the round ended, and the one under way began: not 0 as soon as a first one is under
    /// way, when all the counts are still 0.
    pub ended: u32,
    /// Files looked at.
    pub files: u32,
    /// Files with chunks under goal.
    pub under_goal_files: u32,
    /// Files with missing chunks.
    pub missing_files: u32,
    /// Chunks looked at.
    pub chunks: u32,
    /// Chunks under goal of which a copy is there; the missing ones are not among them.
    pub under_goal_chunks: u32,
    /// Chunks missing.
    pub missing_chunks: u32,
}

impl FileTest {
    /// Whether the counts are those of a whole round. The master hands out its counters each time a round begins, also
    /// the first one, which has counted nothing yet (filesystem.c @ 1.5.12 to 3.0.117, `fs_test_files`; captured from a
    /// 1.5.12 master). A 1.5 master begins 150 seconds after its start and then takes 2048 seconds for each round.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.started != 0
    }
}

/// One record of answer 523 (1.6.5 and later).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metalogger {
    /// Its version.
    pub version: Option<Version>,
    /// Its address.
    pub address: Ipv4Addr,
}
