//! Bugs in the journal, and in what a run that goes on makes of it.

use jiff::Timestamp;
use mfsupgrade::journal::{JournalSink, Progress, Record};
use mfsupgrade::schedule::{Action, Schedule};

use super::Bug;
use crate::seeds::cluster::store::Sink;

impl Bug {
    /// What a resumed run knows.
    pub fn recall(self, progress: &mut Progress, schedule: &Schedule, now: Timestamp) {
        if self == Self::KeepsOldBackups {
            for (_, _, step) in schedule.steps() {
                let of_metadata = matches!(step.action, Action::Backup { .. } | Action::Trial { .. });
                progress.done.entry(step.id.clone()).and_modify(|at| *at = if of_metadata { now } else { *at });
            }
        }
    }

    /// Whether a resumed run takes its last look for one of now.
    pub fn believes(self, progress: &Progress, schedule: &Schedule) -> bool {
        self == Self::BelievesTheLastLook && schedule.steps().all(|(_, _, s)| progress.done.contains_key(&s.id))
    }
}

/// The journal, with a bug in it or not.
pub struct PlantedSink<'c> {
    pub sink: Sink<'c>,
    pub bug: Bug,
}

impl JournalSink for PlantedSink<'_> {
    fn append(&mut self, record: Record) -> std::io::Result<()> {
        match (self.bug, record) {
            (Bug::ForgetsDone, Record::Done { .. }) => Ok(()),
            (Bug::DoneTooSoon, Record::Intent { step, at }) => {
                self.sink.append(Record::Done { step, at, evidence: String::new(), found: false })
            }
            (Bug::Scrambles, record) => {
                self.sink.append(record)?;
                let text = &mut self.sink.0.state.borrow_mut().journal.text;
                *text = text.replace("install", "instal");
                Ok(())
            }
            (_, record) => self.sink.append(record),
        }
    }
}
