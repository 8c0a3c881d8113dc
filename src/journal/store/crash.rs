//! Crash points of a rehearsal: its run's process kills itself (SIGKILL) right before or right behind a record of its journal.
//!
//! From outside nobody could do that: whoever watches a journal comes some moments late, and never between an effect and its
//! record. What is asked for stands in the mark of the rehearsal's state folder ([`super::simulated`]), so that no other run can
//! have it; where the run has died already stands beside that, in `crashes.jsonl`, so that it dies at each point once.

use std::collections::HashSet;
use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

use rustix::process::{Signal, getpid, kill_process};
use serde::{Deserialize, Serialize};

use super::{StateFolder, StoreError};
use crate::journal::Record;
use crate::journal::point::{Point, Points};

/// Where a run dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KillAt {
    /// Before and behind every record, so that one run dies twice as often as it has points.
    Every,
    /// Behind one, counted from 1.
    Record(u64),
}

/// On which side of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Edge {
    /// What it tells of has happened, and nobody has written that down.
    Before,
    /// It is durable.
    Behind,
}

impl fmt::Display for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Before => "before",
            Self::Behind => "behind",
        })
    }
}

/// One death.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Crash {
    /// On which side.
    pub edge: Edge,
    /// Of which record.
    #[serde(flatten)]
    pub point: Point,
}

impl StateFolder {
    fn crashes_file(&self) -> PathBuf {
        self.path().join("crashes.jsonl")
    }

    /// Where runs in this folder have died so far.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Json`].
    pub fn crashes(&self) -> Result<Vec<Crash>, StoreError> {
        let path = self.crashes_file();
        match fs::read_to_string(&path) {
            Ok(text) => text
                .lines()
                .map(|line| serde_json::from_str(line).map_err(|e| StoreError::Json(path.clone(), e)))
                .collect(),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(e) => Err(StoreError::Io("read", path, e)),
        }
    }
}

/// The deaths that are ahead of a process.
#[derive(Debug)]
pub(super) struct Crashes {
    at: KillAt,
    file: PathBuf,
    died: HashSet<Crash>,
    points: Points,
}

impl Crashes {
    /// Of a process that begins, or goes on with, a journal of `records`; `None` where nobody is to die.
    pub(super) fn ahead(state: &StateFolder, records: &[Record]) -> Result<Option<Self>, StoreError> {
        let Some(at) = state.simulated()?.and_then(|simulated| simulated.kill) else { return Ok(None) };
        let mut points = Points::default();
        records.iter().for_each(|record| drop(points.pass(record)));
        let died = state.crashes()?.into_iter().collect();
        Ok(Some(Self { at, file: state.crashes_file(), died, points }))
    }

    /// Record `n` (from 0) is about to be written.
    pub(super) fn before(&self, n: u64, record: &Record) -> io::Result<()> {
        self.at(Edge::Before, n, self.points.place(record))
    }

    /// It is durable.
    pub(super) fn behind(&mut self, n: u64, record: &Record) -> io::Result<()> {
        let point = self.points.pass(record);
        self.at(Edge::Behind, n, point)
    }

    fn at(&self, edge: Edge, n: u64, point: Point) -> io::Result<()> {
        let crash = Crash { edge, point };
        let here = match self.at {
            KillAt::Every => !self.died.contains(&crash),
            KillAt::Record(number) => edge == Edge::Behind && n + 1 == number && self.died.is_empty(),
        };
        if here { self.die(&crash) } else { Ok(()) }
    }

    /// Returns only where this process could not be killed.
    fn die(&self, crash: &Crash) -> io::Result<()> {
        let line = serde_json::to_string(crash)? + "\n";
        OpenOptions::new().append(true).create(true).open(&self.file)?.write_all(line.as_bytes())?;
        kill_process(getpid(), Signal::KILL)?;
        loop {
            std::thread::park();
        }
    }
}
