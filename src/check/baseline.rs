//! The cluster as it was when it was last seen whole, and what is counted otherwise since.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use super::servers;
use super::spared::SPARED_PERCENT;
use crate::host::ProcessId;
use crate::moosefs::Overview;
use crate::moosefs::wire::{Chunkserver, Info};

/// A restarted chunkserver has its chunks back when it shows this share of what it had. The chunk matrix is the exact word; this one only waits for the scan of a
/// 1.6.26+ server, which registers first and counts its chunks afterwards (`hddspacemgr.c` @ 1.6.26).
pub const CHUNKS_BACK_PERCENT: u64 = 100 - SPARED_PERCENT;

/// The cluster as it was when it was last seen whole: what every later look is measured against.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Baseline {
    /// Chunks in metadata.
    pub chunks: u32,
    /// Inodes in metadata.
    pub inodes: u32,
    /// Chunks without a copy before the upgrade, by the matrix or else by the master's own test; 0 where no test has
    /// finished.
    pub missing: u64,
    /// Chunks below their goal before the upgrade, the missing ones included; likewise.
    pub under_goal: u64,
    /// Chunks on each chunkserver.
    pub servers: BTreeMap<Ipv4Addr, u32>,
    /// Chunk files of a chunkserver that were gone already when its disks were counted before the upgrade: it told its master
    /// of more than were there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lost: BTreeMap<Ipv4Addr, u64>,
    /// How many lost chunk copies the plan accepts: never learned, and no part of what is kept.
    #[serde(skip)]
    pub accepted: u64,
    /// The new master that was seen to know all this when it had just started: for as long as this process runs, no other
    /// metadata can have been loaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub master: Option<ProcessId>,
    /// The least version of the metadata that the next master has loaded: how many changes the last one was seen to have
    /// written before it was ended. The counts would hardly tell metadata of an hour ago.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metaversion: Option<u64>,
}

/// What was counted otherwise than before: in a journal, so that a run which is resumed does not hold a cluster against what
/// its users have deleted since.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Chunks in metadata.
    pub chunks: u32,
    /// Inodes in metadata.
    pub inodes: u32,
    /// Chunks on chunkservers, of those that have others than before.
    pub servers: BTreeMap<Ipv4Addr, u32>,
    /// Chunkservers that were counted before and are not connected now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<Ipv4Addr>,
    /// The process that counts so, where it is another one than before: see [`Baseline::master`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub master: Option<ProcessId>,
    /// See [`Baseline::metaversion`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metaversion: Option<u64>,
    /// Whether the operator has said that this is the metadata to go on with, whatever was known before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub accepted: bool,
}

impl Baseline {
    /// The baseline of a cluster that shows `overview` now.
    #[must_use]
    pub fn of(overview: &Overview) -> Self {
        let (missing, under_goal) = match (&overview.matrix, &overview.file_test) {
            (Some(matrix), _) => (matrix.missing(), matrix.under_goal()),
            // the matrix counts missing chunks among those under goal, the file test does not
            (None, test) if test.is_finished() => {
                let (missing, under_goal) = (u64::from(test.missing_chunks), u64::from(test.under_goal_chunks));
                (missing, missing + under_goal)
            }
            _ => (0, 0),
        };
        Self {
            chunks: overview.info.chunks,
            inodes: overview.info.inodes,
            missing,
            under_goal,
            servers: connected(overview).map(|s| (s.address, all_chunks(s))).collect(),
            lost: BTreeMap::new(),
            accepted: 0,
            master: None,
            metaversion: None,
        }
    }

    /// The same with the counts of a cluster that was just seen whole: chunks move and files are deleted in a long run. How
    /// much may be missing or under goal is not learned anew.
    pub fn refresh(&mut self, overview: &Overview) {
        let Self { chunks, inodes, servers, .. } = Self::of(overview);
        (self.chunks, self.inodes, self.servers) = (chunks, inodes, servers);
    }

    /// What a cluster that shows `overview` counts otherwise; `None`: nothing.
    #[must_use]
    pub fn news(&self, overview: &Overview) -> Option<Counts> {
        let now = Self::of(overview);
        let changed = now.servers.iter().filter(|(server, chunks)| self.servers.get(server) != Some(chunks));
        let news = Counts {
            chunks: now.chunks,
            inodes: now.inodes,
            servers: changed.map(|(server, chunks)| (*server, *chunks)).collect(),
            gone: self.servers.keys().filter(|server| !now.servers.contains_key(server)).copied().collect(),
            ..Counts::default()
        };
        let same = (news.chunks, news.inodes) == (self.chunks, self.inodes);
        (!same || !news.servers.is_empty() || !news.gone.is_empty()).then_some(news)
    }

    /// The same after `news`.
    pub fn learn(&mut self, news: &Counts) {
        (self.chunks, self.inodes) = (news.chunks, news.inodes);
        self.servers.retain(|server, _| !news.gone.contains(server));
        self.servers.extend(&news.servers);
        if news.master.is_some() {
            self.master.clone_from(&news.master);
        }
        self.metaversion = if news.accepted { news.metaversion } else { self.metaversion.max(news.metaversion) };
    }

    /// What a cluster counts otherwise that goes on working while a run stands still. A server that is away keeps what it had,
    /// and so does one that is there without its chunks: an old one that a boot has started on the folders of the new release
    /// shows none, and as a measure that would let it pass for good. As long as every chunk has its copies, what a server shows
    /// less was moved.
    #[must_use]
    pub fn recount(&self, overview: &Overview) -> Option<Counts> {
        let now = Self::of(overview);
        // a 1.5 master tells no matrix
        let whole = overview.matrix.is_none() || (now.missing <= self.missing && now.under_goal <= self.under_goal);
        let mut servers = servers::since(self, &now, |shows| whole && shows > 0);
        servers.retain(|server, chunks| self.servers.get(server) != Some(chunks));
        let same = (now.chunks, now.inodes) == (self.chunks, self.inodes) && servers.is_empty();
        let (chunks, inodes) = (now.chunks, now.inodes);
        (!same).then_some(Counts { chunks, inodes, servers, ..Counts::default() })
    }

    /// The same counts, known by a new master's process.
    #[must_use]
    pub fn known_by(&self, master: ProcessId) -> Counts {
        Counts { master: Some(master), ..self.unchanged() }
    }

    /// `news`, and the version that the metadata has at least, where it is not known already.
    #[must_use]
    pub fn written(&self, news: Option<Counts>, metaversion: Option<u64>) -> Option<Counts> {
        match metaversion > self.metaversion {
            true => Some(Counts { metaversion, ..news.unwrap_or_else(|| self.unchanged()) }),
            false => news,
        }
    }

    /// What the operator has accepted: the counts of `overview`, and metadata of that version, whatever was known before.
    #[must_use]
    pub fn accepted(&self, overview: &Overview, metaversion: Option<u64>) -> Counts {
        let counts = self.recount(overview).unwrap_or_else(|| self.unchanged());
        Counts { metaversion, accepted: true, ..counts }
    }

    /// The same with the counts as they were.
    #[must_use]
    pub fn accepted_as_counted(&self, metaversion: Option<u64>) -> Counts {
        Counts { metaversion, accepted: true, ..self.unchanged() }
    }

    fn unchanged(&self) -> Counts {
        Counts { chunks: self.chunks, inodes: self.inodes, ..Counts::default() }
    }

    /// The same where the plan accepts that `copies` of chunks are lost.
    #[must_use]
    pub fn accepting(&self, copies: u64) -> Self {
        Self { accepted: copies, ..self.clone() }
    }

    /// How many lost copies the plan would have to accept for what the matrix counts beyond the baseline; 0: none.
    #[must_use]
    pub fn beyond(&self, overview: &Overview) -> u64 {
        let Some(matrix) = &overview.matrix else { return self.shortfall(overview) };
        self.missing_beyond(overview).max(matrix.under_goal().saturating_sub(self.under_goal))
    }

    /// The same for chunks that are missing alone.
    #[must_use]
    pub fn missing_beyond(&self, overview: &Overview) -> u64 {
        overview.matrix.as_ref().map_or(0, |matrix| matrix.missing().saturating_sub(self.missing))
    }

    /// How many chunks all connected servers show less than each of them must.
    pub(super) fn shortfall(&self, overview: &Overview) -> u64 {
        let less = |s: &Chunkserver| self.expected(s.address, &overview.info).saturating_sub(u64::from(all_chunks(s)));
        connected(overview).map(less).sum()
    }

    /// Whether the matrix shows that nothing is missing or under goal beyond the baseline. Then a server that shows fewer chunks
    /// than it had has lost none: a 1.6 master moves chunks and takes surplus copies away by itself.
    pub(super) fn has_all_copies(&self, overview: &Overview) -> bool {
        overview.matrix.is_some() && self.beyond(overview) <= self.accepted
    }

    /// Whether what `server` shows less is on the others, where the master tells no matrix: a 1.6 master that went before has
    /// moved it there, or made new copies. But for the share that is spared of any server.
    pub(super) fn others_have(&self, server: Ipv4Addr, overview: &Overview) -> bool {
        let of_this = u64::from(self.servers.get(&server).copied().unwrap_or(0));
        self.shows_all_copies(overview, of_this * SPARED_PERCENT / 100 + self.accepted)
    }

    /// Whether all servers that are connected to a master without a matrix show together as many copies as there were for a
    /// chunk, less `spare`.
    pub(super) fn shows_all_copies(&self, overview: &Overview, spare: u64) -> bool {
        if overview.matrix.is_some() || self.chunks == 0 {
            return false;
        }
        let had: u128 = self.servers.values().map(|had| u128::from(*had)).sum();
        let must = had * u128::from(overview.info.chunks) / u128::from(self.chunks);
        let show: u128 = connected(overview).map(|s| u128::from(all_chunks(s))).sum();
        show > 0 && show + u128::from(spare) >= must
    }

    /// Chunks that `server` must show: what it had, less what was deleted in all, less a share for what was moved. At least one,
    /// as long as nobody knows that it was its chunks that were deleted: a server that shows none has not scanned its disks.
    pub(super) fn expected(&self, server: Ipv4Addr, info: &Info) -> u64 {
        let had = u64::from(self.servers.get(&server).copied().unwrap_or(0));
        let deleted = u64::from(self.chunks.saturating_sub(info.chunks));
        let least = u64::from(had > 0 && info.chunks > 0);
        (had.saturating_sub(deleted) * CHUNKS_BACK_PERCENT).div_ceil(100).max(least)
    }
}

pub(super) fn connected(overview: &Overview) -> impl Iterator<Item = &Chunkserver> {
    overview.chunkservers.iter().filter(|s| !s.disconnected)
}

pub(super) fn all_chunks(server: &Chunkserver) -> u32 {
    server.chunks.saturating_add(server.removal_chunks)
}
