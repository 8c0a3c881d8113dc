//! The journal's file: the store's own form of records, and what a crash leaves of it.

use std::io;

use mfsupgrade::journal::{JournalSink, Record, Stamped, record};
use mfsupgrade::moosefs::daemon::Role;

use super::happen::Happening;
use super::{Cluster, State};
use crate::seeds::fact::{By, Fact};
use crate::seeds::faults::{Kind, Point, When};

/// A file that is appended to.
#[derive(Debug, Clone, Default)]
pub struct Journal {
    pub text: String,
    pub records: u64,
    /// The events that are kept beside it, and how many of them no power cut takes.
    pub events: Vec<Stamped>,
    pub synced: usize,
    /// Nothing can be written until somebody cleans up.
    pub full: bool,
}

impl State {
    /// What a tool that begins anew finds, cut to its whole part.
    pub fn reopen(&mut self) -> Result<Vec<Record>, record::BadLine> {
        if self.lost > 0 {
            self.journal.events.truncate(self.journal.synced);
        }
        for _ in 0..std::mem::take(&mut self.lost) {
            let whole = self.journal.text.trim_end_matches('\n');
            // the first record was synced together with its folder before any host was contacted
            // every record is synced before the next command, and the metadata of a master that was stopped since cannot be
            // copied again: that record alone is taken for safe
            let last =
                whole.rfind('\n').filter(|at| !["\"backup/", "/copy\""].iter().any(|id| whole[*at..].contains(id)));
            if let Some(at) = last {
                self.journal.text.truncate(at + 1);
            }
        }
        let (records, whole) = record::decode(&self.journal.text)?;
        self.journal.text.truncate(whole);
        self.journal.records = records.len() as u64;
        Ok(records)
    }

    fn append(&mut self, record: &Record) -> io::Result<()> {
        if self.dead {
            return Ok(());
        }
        self.appends += 1;
        let appends = self.appends;
        let last = matches!(record, Record::Finished { .. });
        let strikes = |armed: &super::Armed| {
            matches!(armed.when, When::Append(n) if n < appends) && (last || armed.kind != Kind::KillAtTheEnd)
        };
        let found = self.faults.iter().position(|f| f.as_ref().is_some_and(strikes));
        let kind = found.and_then(|at| self.faults[at].take()).map(|armed| armed.kind);
        if let Some(kind) = kind {
            self.fired(kind, None);
        }
        let line = record::encode(self.journal.records, record);
        match kind {
            Some(Kind::Kill { point, lost }) => {
                (self.dead, self.lost) = (true, lost);
                match point {
                    Point::Before => return Ok(()),
                    Point::During => {
                        self.fired.push("journal write torn");
                        let half = self.random.below(line.len());
                        self.journal.text.push_str(&line[..half]);
                        return Ok(());
                    }
                    Point::After => {}
                }
            }
            Some(Kind::KillAtTheEnd) => {
                self.dead = true;
                let at = self.host(&super::server(0));
                let pid = self.hosts[at].running(Role::Chunkserver).next().map(|p| p.pid);
                if let Some(pid) = pid {
                    self.plan(1, Happening::End { host: at, pid, by: By::World, cleanly: false });
                }
                return Ok(());
            }
            Some(Kind::AppendFails { once }) => {
                self.journal.full = !once;
                return Err(io::Error::other("No space left on device"));
            }
            _ if self.journal.full => return Err(io::Error::other("No space left on device")),
            _ => {}
        }
        self.journal.text.push_str(&line);
        self.journal.records += 1;
        if last {
            self.tell(Fact::Reached);
        }
        Ok(())
    }
}

/// The journal as the executor has it.
pub struct Sink<'c>(pub &'c Cluster);

impl JournalSink for Sink<'_> {
    fn append(&mut self, record: Record) -> io::Result<()> {
        self.0.state.borrow_mut().append(&record)
    }
}
