//! The records of a journal and their form on disk: one JSON object a line (docs/journal-format.md). PURE.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::schedule::StepId;

/// The version of the form on disk.
pub const FORMAT: u32 = 1;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "kebab-case")]
pub enum Record {
    /// The first record of every journal.
    Begun {
        /// See [`FORMAT`].
        format: u32,
        /// This program's version.
        tool: String,
        /// The schedule that the journal is bound to.
        schedule_sha256: String,
        /// When.
        at: Timestamp,
    },
    /// The run goes on after a stop.
    Resumed {
        /// When.
        at: Timestamp,
    },
    /// A step's effect is about to be caused.
    Intent {
        /// Which.
        step: StepId,
        /// When.
        at: Timestamp,
    },
    /// A step's effect was seen.
    Done {
        /// Which.
        step: StepId,
        /// When: staggers count from here.
        at: Timestamp,
        /// What showed it.
        evidence: String,
        /// Whether it was there before.
        found: bool,
    },
    /// The run stopped.
    Failed {
        /// In which step.
        step: Option<StepId>,
        /// When.
        at: Timestamp,
        /// In which way.
        kind: FailureKind,
        /// The message with its causes.
        message: String,
    },
    /// The operator paused it.
    Paused {
        /// When.
        at: Timestamp,
    },
    /// The target is reached.
    Finished {
        /// When.
        at: Timestamp,
        /// What the last look showed.
        evidence: String,
    },
}

/// What kind of stop it is; each has its own exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// A step's effect is not there.
    StepFailed,
    /// The cluster was not healthy in time.
    GateRed,
    /// Nobody can tell whether a step took effect.
    Unknown,
    /// A host could not be reached before a step.
    Unreachable,
    /// The journal could not be written.
    Journal,
    /// Another run holds the cluster's lock.
    Locked,
}

/// Where records go before and after every effect.
pub trait JournalSink {
    /// Appends and makes it durable before it returns.
    ///
    /// # Errors
    /// What the file system said: the run stops, since an effect without a record is worse than none.
    fn append(&mut self, record: Record) -> std::io::Result<()>;
}

/// A line on disk: the record, its number and a checksum over both.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    n: u64,
    sum: String,
    #[serde(flatten)]
    record: Record,
}

/// Why a line is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadLine {
    /// Not as this program writes it.
    #[error("line {0} is no record: {1}")]
    Syntax(u64, String),
    /// It was changed, or written halfway.
    #[error("line {0} does not match its checksum")]
    Checksum(u64),
    /// A line is missing or twice there.
    #[error("line {0} carries number {1}")]
    Order(u64, u64),
}

fn checksum(n: u64, record: &Record) -> String {
    let json = serde_json::to_string(record).expect("a record has text keys only");
    let digest = Sha256::digest(format!("{n} {json}"));
    digest[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Record number `n` (from 0) as a line with its end.
#[must_use]
pub fn encode(n: u64, record: &Record) -> String {
    let line = Line { n, sum: checksum(n, record), record: record.clone() };
    serde_json::to_string(&line).expect("a record has text keys only") + "\n"
}

/// All records of a journal, and the length in bytes of the whole part. A last line without its end was torn by a crash
/// while it was written: it is left out, and the file may be cut to the whole part.
///
/// # Errors
/// [`BadLine`]: anything else that is wrong is not repaired by guessing.
pub fn decode(text: &str) -> Result<(Vec<Record>, usize), BadLine> {
    let whole = text.rfind('\n').map_or(0, |at| at + 1);
    let mut records = Vec::new();
    for (n, line) in (0..).zip(text[..whole].lines()) {
        let line: Line = serde_json::from_str(line).map_err(|e| BadLine::Syntax(n + 1, e.to_string()))?;
        if line.n != n {
            return Err(BadLine::Order(n + 1, line.n));
        }
        if line.sum != checksum(n, &line.record) {
            return Err(BadLine::Checksum(n + 1));
        }
        records.push(line.record);
    }
    Ok((records, whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal() -> (Vec<Record>, String) {
        let at = Timestamp::UNIX_EPOCH;
        let step = StepId::from("master/m/start".to_owned());
        let records = vec![
            Record::Begun { format: FORMAT, tool: "0".into(), schedule_sha256: "ab".into(), at },
            Record::Intent { step: step.clone(), at },
            Record::Done { step, at, evidence: "pid 7 \"runs\"\n".into(), found: false },
        ];
        let text = (0..).zip(&records).map(|(n, r)| encode(n, r)).collect();
        (records, text)
    }

    #[test]
    fn every_prefix_is_read_as_its_whole_lines() {
        let (records, text) = journal();
        for cut in 0..=text.len() {
            let (read, whole) = decode(&text[..cut]).unwrap();
            assert_eq!(read, records[..read.len()]);
            assert!(whole <= cut && (whole == 0 || text[..whole].ends_with('\n')));
        }
        assert_eq!(decode(&text).unwrap().0.len(), 3);
    }

    #[test]
    fn changed_lost_and_repeated_lines_are_seen() {
        let (_, text) = journal();
        assert!(matches!(decode(&text.replace("runs", "ruins")), Err(BadLine::Checksum(3))));
        let lines: Vec<_> = text.lines().collect();
        assert!(matches!(decode(&format!("{}\n{}\n", lines[0], lines[2])), Err(BadLine::Order(2, 2))));
        assert!(matches!(decode("nonsense\n"), Err(BadLine::Syntax(1, _))));
    }
}
