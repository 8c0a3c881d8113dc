//! What a simulated master knows of its cluster: metadata from its file, everything else from who is connected. PURE but
//! for nothing: bytes and clocks stay with the connections.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use semver::Version;
use serde::{Deserialize, Serialize};

use super::super::metadata::Metadata;
use crate::moosefs::wire::{self, ChunkMatrix, FileTest, Info};

/// A chunkserver that is, or was, connected.
#[derive(Debug, Clone)]
pub struct Server {
    /// Address and port that it told.
    pub address: (Ipv4Addr, u16),
    /// Its release; 1.5 does not tell.
    pub version: Option<Version>,
    /// Whether it is connected.
    pub connected: bool,
    /// Bytes used.
    pub used: u64,
    /// Bytes in total.
    pub total: u64,
    /// Chunks, as it says.
    pub chunks: u32,
}

/// A session of a mount, kept in sessions.mfs by 1.6.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownSession {
    /// The mount's address.
    pub address: Ipv4Addr,
    /// The mount point it told.
    pub mount_point: String,
    /// The exported folder.
    pub path: String,
}

/// A mount that is connected.
#[derive(Debug, Clone)]
pub struct Session {
    /// Its session.
    pub id: u32,
    /// Its release.
    pub version: Version,
    /// What it told.
    pub known: KnownSession,
}

/// What the master knows.
#[derive(Debug, Default)]
pub struct State {
    /// From the file.
    pub metadata: Metadata,
    /// By the number of their connection.
    pub servers: BTreeMap<u64, Server>,
    /// Which servers have a chunk, chunks outside of the metadata included.
    pub holders: BTreeMap<u64, BTreeSet<u64>>,
    /// By the number of their connection.
    pub sessions: BTreeMap<u64, Session>,
    /// All sessions that were ever given out and are not forgotten.
    pub known_sessions: BTreeMap<u32, KnownSession>,
    /// Metaloggers, by the number of their connection: release and address.
    pub metaloggers: BTreeMap<u64, (Option<Version>, Ipv4Addr)>,
    /// Ticks for which mounts are still kept out.
    pub start_gate: u32,
    /// Connections so far.
    pub connections: u64,
}

impl State {
    /// A number for a new connection.
    pub fn connection(&mut self) -> u64 {
        self.connections += 1;
        self.connections
    }

    /// A chunkserver connected. One that was known by its address takes its old place.
    pub fn register(&mut self, connection: u64, server: Server) {
        self.servers.retain(|_, old| old.connected || old.address != server.address);
        self.servers.insert(connection, server);
    }

    /// A server has these chunks too.
    pub fn add_chunks(&mut self, connection: u64, chunks: &[u64]) {
        for chunk in chunks {
            self.holders.entry(*chunk).or_default().insert(connection);
        }
    }

    /// A server's connection ended. It stays known, as disconnected.
    pub fn disconnect(&mut self, connection: u64) {
        if let Some(server) = self.servers.get_mut(&connection) {
            server.connected = false;
        }
        self.holders.retain(|_, holders| {
            holders.remove(&connection);
            !holders.is_empty()
        });
    }

    /// Chunks of this server that no file has.
    #[must_use]
    pub fn unknown_chunks(&self, connection: u64) -> Vec<u64> {
        let known: BTreeSet<u64> = self.metadata.tree.files.iter().flat_map(|file| &file.chunks).copied().collect();
        self.holders
            .iter()
            .filter(|(chunk, holders)| holders.contains(&connection) && !known.contains(chunk))
            .map(|(chunk, _)| *chunk)
            .collect()
    }

    fn copies(&self, chunk: u64) -> usize {
        self.holders.get(&chunk).map_or(0, BTreeSet::len)
    }

    fn chunks(&self) -> impl Iterator<Item = (u8, u64)> {
        self.metadata.tree.files.iter().flat_map(|file| file.chunks.iter().map(|chunk| (file.goal, *chunk)))
    }

    /// Chunks of files of which no copy is there.
    #[must_use]
    pub fn missing(&self) -> usize {
        self.chunks().filter(|(_, chunk)| self.copies(*chunk) == 0).count()
    }

    /// Where the chunk `index` of a file can be read; `None`: no such file or chunk.
    #[must_use]
    pub fn locations(&self, inode: u32, index: u32) -> Option<(u64, Vec<(Ipv4Addr, u16)>)> {
        let file = self.metadata.tree.files.iter().find(|file| file.inode == inode)?;
        let chunk = *file.chunks.get(index as usize)?;
        let holders = self.holders.get(&chunk).cloned().unwrap_or_default();
        Some((chunk, holders.iter().filter_map(|holder| Some(self.servers.get(holder)?.address)).collect()))
    }

    /// Answer 511.
    #[must_use]
    pub fn info(&self, speaker: &Version) -> Info {
        let connected = || self.servers.values().filter(|server| server.connected);
        let (total, used): (u64, u64) = (connected().map(|s| s.total).sum(), connected().map(|s| s.used).sum());
        let (directories, files) = (self.metadata.tree.directories, self.metadata.files());
        Info {
            version: Some(speaker.clone()),
            layout: wire::encode::layout(speaker),
            total_space: total,
            available_space: total.saturating_sub(used),
            inodes: directories + files,
            directories,
            files,
            chunks: u32::try_from(self.chunks().count()).unwrap_or(u32::MAX),
            copies: Some(self.chunks().map(|(_, chunk)| self.copies(chunk) as u64).sum()),
        }
    }

    /// Answer 501.
    #[must_use]
    pub fn server_list(&self) -> Vec<wire::Chunkserver> {
        self.servers
            .values()
            .map(|server| wire::Chunkserver {
                version: server.version.clone(),
                disconnected: !server.connected,
                maintenance: false,
                address: server.address.0,
                port: server.address.1,
                used: server.used,
                total: server.total,
                chunks: server.chunks,
                removal_chunks: 0,
                errors: 0,
            })
            .collect()
    }

    /// Answer 509.
    #[must_use]
    pub fn session_list(&self) -> Vec<wire::Session> {
        self.sessions
            .values()
            .map(|session| wire::Session {
                id: Some(session.id),
                address: session.known.address,
                version: session.version.clone(),
                mount_point: Some(session.known.mount_point.clone()),
                path: Some(session.known.path.clone()),
                connected: true,
            })
            .collect()
    }

    /// Answer 523.
    #[must_use]
    pub fn metalogger_list(&self) -> Vec<wire::Metalogger> {
        let logger = |(version, address): &(Option<Version>, Ipv4Addr)| wire::Metalogger {
            version: version.clone(),
            address: *address,
        };
        self.metaloggers.values().map(logger).collect()
    }

    /// Answer 517.
    #[must_use]
    pub fn matrix(&self) -> ChunkMatrix {
        let mut matrix = ChunkMatrix([[0; 11]; 11]);
        for (goal, chunk) in self.chunks() {
            matrix.0[usize::from(goal.min(10))][self.copies(chunk).min(10)] += 1;
        }
        matrix
    }

    /// Answer 513, as if a round of the test had just ended.
    #[must_use]
    pub fn file_test(&self, now: u32) -> FileTest {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let files = &self.metadata.tree.files;
        let any = |test: &dyn Fn(u8, usize) -> bool| {
            files.iter().filter(|f| f.chunks.iter().any(|chunk| test(f.goal, self.copies(*chunk)))).count()
        };
        FileTest {
            started: now.saturating_sub(2108),
            ended: now.saturating_sub(60),
            files: count(files.len()),
            under_goal_files: count(any(&|goal, copies| copies > 0 && copies < usize::from(goal))),
            missing_files: count(any(&|_, copies| copies == 0)),
            chunks: count(self.chunks().count()),
            under_goal_chunks: count(
                self.chunks().filter(|(goal, chunk)| (1..usize::from(*goal)).contains(&self.copies(*chunk))).count(),
            ),
            missing_chunks: count(self.missing()),
        }
    }
}
