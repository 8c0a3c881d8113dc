//! The places in a run at which its process can die: each record that says something new has one. PURE.
//!
//! A run that is resumed may record again what it recorded before: a step is begun or fails once more, and every process says
//! that it goes on. A point has the same name in every process of a run and in a run that nobody disturbs, so that whoever dies
//! at each of them once gets to the end.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Record;
use crate::check::Counts;

/// The place of a record.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Point {
    /// The kind of the record, as the journal writes it.
    pub kind: String,
    /// Which of its kind: its step; for `resumed` the kind of what was recorded before; for `counted` a number; else nothing.
    pub of: String,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, of } = self;
        match kind.as_str() {
            _ if of.is_empty() => write!(f, "{kind}"),
            "resumed" => write!(f, "resumed after {of}"),
            _ => write!(f, "{kind} {of}"),
        }
    }
}

/// What a journal holds so far.
#[derive(Debug, Default)]
pub struct Points {
    /// What was counted, each thing once: a process that is resumed may count what one before it has counted.
    counted: Vec<Counts>,
    /// The kind of the last record but for `resumed`. Every process writes one of those, before it does anything: one is as
    /// another, but for what the journal ends with.
    last: &'static str,
}

impl Points {
    /// The points of a whole journal, in its order.
    #[must_use]
    pub fn of(records: &[Record]) -> Vec<Point> {
        let mut points = Self::default();
        records.iter().map(|record| points.pass(record)).collect()
    }

    /// Where `record` would be, were it the next.
    #[must_use]
    pub fn place(&self, record: &Record) -> Point {
        let of = match record {
            Record::Intent { step, .. } | Record::Done { step, .. } => step.to_string(),
            Record::Failed { step, .. } => step.as_ref().map(ToString::to_string).unwrap_or_default(),
            Record::Resumed { .. } => self.last.to_owned(),
            Record::Counted { counts, .. } => {
                let known = self.counted.iter().position(|known| *known == counted(counts));
                (known.unwrap_or(self.counted.len()) + 1).to_string()
            }
            Record::Begun { .. }
            | Record::Replanned { .. }
            | Record::Stands { .. }
            | Record::Abandoned { .. }
            | Record::Paused { .. }
            | Record::Finished { .. } => String::new(),
        };
        Point { kind: record.kind().to_owned(), of }
    }

    /// `record` is the next.
    pub fn pass(&mut self, record: &Record) -> Point {
        let point = self.place(record);
        if let Record::Counted { counts, .. } = record
            && !self.counted.contains(&counted(counts))
        {
            self.counted.push(counted(counts));
        }
        if !matches!(record, Record::Resumed { .. }) {
            self.last = record.kind();
        }
        point
    }
}

/// What makes counts others: not the version of the metadata, which grows by itself, so that every process counts another one.
fn counted(counts: &Counts) -> Counts {
    Counts { metaversion: None, ..counts.clone() }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::journal::FailureKind;
    use crate::schedule::StepId;

    #[test]
    fn what_is_recorded_again_has_no_new_point_and_what_is_new_has() {
        let at = Timestamp::UNIX_EPOCH;
        let step = StepId::from("master/m/start".to_owned());
        let intent = || Record::Intent { step: step.clone(), at };
        let versions = std::cell::Cell::new(0);
        let counted = |inodes| {
            versions.set(versions.get() + 1);
            let counts = Counts { chunks: 1, inodes, metaversion: Some(versions.get()), ..Counts::default() };
            Record::Counted { at, counts }
        };
        let failed = || Record::Failed { step: None, at, kind: FailureKind::GateRed, message: String::new() };
        let resumed = || Record::Resumed { at };
        let records =
            [intent(), resumed(), resumed(), intent(), counted(1), counted(2), counted(1), failed(), failed()];
        let names: Vec<String> = Points::of(&records).iter().map(ToString::to_string).collect();
        let (intent, resumed) = ("intent master/m/start", "resumed after intent");
        let counted = ["counted 1", "counted 2", "counted 1"];
        assert_eq!(names, [&[intent, resumed, resumed, intent][..], &counted, &["failed", "failed"]].concat());
    }

    #[test]
    fn kinds_are_called_what_the_journal_calls_them() {
        let at = Timestamp::UNIX_EPOCH;
        let records = [
            Record::Replanned { number: 2, plan_sha256: String::new(), schedule_sha256: String::new(), at },
            Record::Resumed { at },
            Record::Finished { at, evidence: String::new() },
        ];
        for record in records {
            assert_eq!(serde_json::to_value(&record).unwrap()["record"], record.kind());
        }
    }
}
