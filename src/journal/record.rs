//! The records of a journal and their form on disk: one JSON object a line (docs/journal-format.md). PURE.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::check::Counts;
use crate::host::facts::HostTime;
use crate::host::said;
use crate::plan::Mode;
use crate::schedule::StepId;
use crate::words::hex;

/// The version of the form on disk. Readers read this one and all before it.
///
/// 2: `begun` carries the digests of plan and observation and where the run comes from; `stands`, `replanned`, `abandoned` and
/// `counted` are new.
pub const FORMAT: u32 = 2;

/// Where a run comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Origin {
    /// The plan file, as a whole path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// The mode that the command line put in the place of the plan's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// What of it was simulated, in a rehearsal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub simulated: Option<String>,
}

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
        /// The plan that it is bound to; `None` in format 1.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        plan_sha256: Option<String>,
        /// What was seen of the cluster before, where the run has kept it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        observation_sha256: Option<String>,
        /// Where it comes from.
        #[serde(default)]
        origin: Origin,
        /// When.
        at: Timestamp,
    },
    /// The run goes on with another plan and schedule: `plan-N.json` and `schedule-N.json`, written before this record.
    Replanned {
        /// N, from 2 on.
        number: u32,
        /// The plan that it is bound to from here on.
        plan_sha256: String,
        /// The schedule.
        schedule_sha256: String,
        /// When.
        at: Timestamp,
    },
    /// What a last look at the cluster showed after the run had stopped.
    Stands {
        /// When.
        at: Timestamp,
        /// In a sentence.
        state: String,
    },
    /// The operator began another run on this cluster, and this one is not gone on with.
    Abandoned {
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
    /// The cluster was seen whole, and counts otherwise than when it last was: what later looks are held against.
    Counted {
        /// When.
        at: Timestamp,
        /// What is other than before.
        counts: Counts,
    },
    /// A step's effect was seen.
    Done {
        /// Which.
        step: StepId,
        /// When: staggers count from here.
        at: Timestamp,
        /// When by its own host's uptime, which nobody sets: times of an earlier process are held against it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        host_time: Option<HostTime>,
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

impl Record {
    /// With no more of what a host said than anybody wants to read.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        match &mut self {
            Self::Failed { message: text, .. }
            | Self::Done { evidence: text, .. }
            | Self::Finished { evidence: text, .. }
            | Self::Stands { state: text, .. } => said::bound(text, said::RECORD),
            _ => {}
        }
        self
    }

    /// When it happened.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        match self {
            Self::Begun { at, .. }
            | Self::Replanned { at, .. }
            | Self::Stands { at, .. }
            | Self::Abandoned { at }
            | Self::Resumed { at }
            | Self::Intent { at, .. }
            | Self::Counted { at, .. }
            | Self::Done { at, .. }
            | Self::Failed { at, .. }
            | Self::Paused { at }
            | Self::Finished { at, .. } => *at,
        }
    }

    /// Its kind, as it stands in the journal.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Begun { .. } => "begun",
            Self::Replanned { .. } => "replanned",
            Self::Stands { .. } => "stands",
            Self::Abandoned { .. } => "abandoned",
            Self::Resumed { .. } => "resumed",
            Self::Intent { .. } => "intent",
            Self::Counted { .. } => "counted",
            Self::Done { .. } => "done",
            Self::Failed { .. } => "failed",
            Self::Paused { .. } => "paused",
            Self::Finished { .. } => "finished",
        }
    }
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
    /// Written by a later version of this program.
    #[error("it has format {0}, and this program reads up to {FORMAT}")]
    Newer(u32),
}

fn checksum(n: u64, json: &str) -> String {
    hex(&Sha256::digest(format!("{n} {json}"))[..8])
}

/// Record number `n` (from 0) as a line with its end.
#[must_use]
pub fn encode(n: u64, record: &Record) -> String {
    let json = serde_json::to_string(record).expect("a record has text keys only");
    format!("{{\"n\":{n},\"sum\":\"{}\",{}\n", checksum(n, &json), &json[1..])
}

/// The record of a line without its end, as JSON. What the checksum is over is the text as it stands, so that records that
/// later versions write in another way are still what they were.
fn open(at: u64, line: &str) -> Result<String, BadLine> {
    let wrong = || BadLine::Syntax(at + 1, "it is not as this program writes it".to_owned());
    let rest = line.strip_prefix("{\"n\":").ok_or_else(wrong)?;
    let (n, rest) = rest.split_once(",\"sum\":\"").ok_or_else(wrong)?;
    let (sum, rest) = rest.split_once("\",").ok_or_else(wrong)?;
    let n: u64 = n.parse().map_err(|_| wrong())?;
    let json = format!("{{{rest}");
    if n != at {
        return Err(BadLine::Order(at + 1, n));
    }
    if sum != checksum(n, &json) {
        return Err(BadLine::Checksum(at + 1));
    }
    Ok(json)
}

/// The format that a first record names, whatever else a later version writes into it.
#[derive(Deserialize)]
struct Head {
    format: u32,
}

/// All records of a journal, and the length in bytes of the whole part. A last line without its end was torn by a crash
/// while it was written, and so was one with zeros in it, which is what a file system shows of a block that the power cut has kept
/// from the disk: it is left out, and the file may be cut to the whole part.
///
/// # Errors
/// [`BadLine`]: anything else that is wrong is not repaired by guessing.
pub fn decode(text: &str) -> Result<(Vec<Record>, usize), BadLine> {
    let mut whole = text.rfind('\n').map_or(0, |at| at + 1);
    let last = text[..whole.saturating_sub(1)].rfind('\n').map_or(0, |at| at + 1);
    if text[last..whole].contains('\0') {
        whole = last;
    }
    let mut records = Vec::new();
    for (n, line) in (0..).zip(text[..whole].lines()) {
        let json = open(n, line)?;
        if let (0, Ok(Head { format })) = (n, serde_json::from_str(&json))
            && format > FORMAT
        {
            return Err(BadLine::Newer(format));
        }
        records.push(serde_json::from_str(&json).map_err(|e| BadLine::Syntax(n + 1, e.to_string()))?);
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
            Record::Begun {
                format: FORMAT,
                tool: "0".into(),
                schedule_sha256: "ab".into(),
                plan_sha256: Some("cd".into()),
                observation_sha256: None,
                origin: Origin { plan: Some("/p.toml".into()), ..Origin::default() },
                at,
            },
            Record::Intent { step: step.clone(), at },
            Record::Done {
                step,
                at,
                host_time: Some(HostTime { boot: "b".into(), up: 7 }),
                evidence: "pid 7 \"runs\"\n".into(),
                found: false,
            },
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
    fn no_text_of_a_host_makes_a_record_large() {
        let (at, text) = (Timestamp::UNIX_EPOCH, "x".repeat(1 << 20));
        let step = StepId::from("master/m/start".to_owned());
        for record in [
            Record::Done { step: step.clone(), at, host_time: None, evidence: text.clone(), found: false },
            Record::Failed { step: Some(step), at, kind: FailureKind::StepFailed, message: text.clone() },
            Record::Stands { at, state: text.clone() },
            Record::Finished { at, evidence: text },
        ] {
            let line = encode(0, &record.bounded());
            assert!(line.len() < said::RECORD + 300 && said::is_cut(&line), "{} bytes", line.len());
        }
    }

    #[test]
    fn a_last_line_of_which_a_block_never_reached_the_disk_was_torn() {
        let (records, text) = journal();
        let last = text[..text.len() - 1].rfind('\n').unwrap() + 1;
        for (from, to) in [(last, last + 9), (last + 9, text.len() - 1), (last, text.len())] {
            let mut bytes = text.clone().into_bytes();
            bytes[from..to].fill(0);
            let (read, whole) = decode(std::str::from_utf8(&bytes).unwrap()).unwrap();
            assert_eq!((read.as_slice(), whole), (&records[..2], last));
        }
        // what was synced before cannot be so: somebody did it
        let mut bytes = text.into_bytes();
        bytes[last - 9..last - 1].fill(0);
        assert!(decode(std::str::from_utf8(&bytes).unwrap()).is_err());
    }

    #[test]
    fn changed_lost_and_repeated_lines_are_seen() {
        let (_, text) = journal();
        assert!(matches!(decode(&text.replace("runs", "ruins")), Err(BadLine::Checksum(3))));
        let lines: Vec<_> = text.lines().collect();
        assert!(matches!(decode(&format!("{}\n{}\n", lines[0], lines[2])), Err(BadLine::Order(2, 2))));
        assert!(matches!(decode("nonsense\n"), Err(BadLine::Syntax(1, _))));
    }

    #[test]
    fn a_byte_that_was_changed_anywhere_is_seen() {
        let (_, text) = journal();
        for at in 0..text.len() - 1 {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1;
            let Ok(changed) = String::from_utf8(bytes) else { continue };
            assert!(decode(&changed).is_err(), "byte {at}: {changed}");
        }
    }

    #[test]
    fn a_journal_of_a_later_version_is_refused_by_its_format_whatever_is_in_it() {
        let json = r#"{"record":"begun","format":3,"sealed":true}"#;
        let line = format!("{{\"n\":0,\"sum\":\"{}\",{}\n", checksum(0, json), &json[1..]);
        assert_eq!(decode(&line), Err(BadLine::Newer(3)));
    }

    #[test]
    fn keys_that_this_version_does_not_know_leave_the_checksum_right() {
        let json = r#"{"record":"resumed","by":"somebody","at":"1970-01-01T00:00:00Z"}"#;
        let line = format!("{{\"n\":0,\"sum\":\"{}\",{}\n", checksum(0, json), &json[1..]);
        assert_eq!(decode(&line).unwrap().0, [Record::Resumed { at: Timestamp::UNIX_EPOCH }]);
    }
}
