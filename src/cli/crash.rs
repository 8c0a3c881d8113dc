//! `rehearse --kill`: the run in a process of its own, which is killed (SIGKILL) right after a record of its journal, and resumed.

use std::collections::HashSet;
use std::path::Path;
use std::process::ExitStatus;
use std::str::FromStr;
use std::time::Duration;

use super::walk::{Display, Log};
use crate::journal::{Record, StateFolder, record};

/// Between two looks at the journal: shorter than a command over ssh takes.
const LOOK: Duration = Duration::from_millis(2);

/// At which of a run's records it is killed. Counted are the first intent and the first *done* of every step, from 1; a step that
/// is begun again is not counted again, or nothing would ever get past it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KillAt {
    /// At each of them, so that one run dies as often as it has records.
    Every,
    /// At one.
    Record(usize),
}

impl FromStr for KillAt {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "every" => Ok(Self::Every),
            number => match number.parse() {
                Ok(number @ 1..) => Ok(Self::Record(number)),
                _ => Err("give the number of a record, from 1, or `every`".to_owned()),
            },
        }
    }
}

/// How a run ended that was killed on its way.
pub(super) struct Survived {
    /// How its last process ended.
    pub status: ExitStatus,
    /// How often it was killed.
    pub killed: usize,
}

/// The records that count, in words.
fn landmarks(records: &[Record]) -> Vec<String> {
    let mut seen = HashSet::new();
    let words = records.iter().filter_map(|record| match record {
        Record::Intent { step, .. } => Some(format!("intent of {step}")),
        Record::Done { step, .. } => Some(format!("{step} done")),
        _ => None,
    });
    words.filter(|words| seen.insert(words.clone())).collect()
}

/// Walks a run, whose folder is `folder`, in processes of its own until one ends by itself.
pub(super) async fn walk_killed(
    state: &StateFolder,
    (name, folder): (&str, &Path),
    at: KillAt,
    display: &Display,
) -> Result<Survived, anyhow::Error> {
    let journal = folder.join("journal.jsonl");
    let mut target = match at {
        KillAt::Every => 1,
        KillAt::Record(number) => number,
    };
    let mut killed = 0;
    loop {
        let mut child = tokio::process::Command::new(std::env::current_exe()?);
        child.args(["resume", name, "--state-dir"]).arg(state.path());
        child.args(["--log", if display.log == Log::Json { "json" } else { "plain" }]);
        let mut child = child.stdin(std::process::Stdio::null()).kill_on_drop(true).spawn()?;
        let mut length = 0;
        let passed = loop {
            tokio::select! {
                status = child.wait() => return Ok(Survived { status: status?, killed }),
                () = tokio::time::sleep(LOOK) => {}
            }
            let now = std::fs::metadata(&journal)?.len();
            if std::mem::replace(&mut length, now) == now {
                continue;
            }
            // read beside its writer, without a lock: a line that is just being written is not counted
            let (records, _) = record::decode(&std::fs::read_to_string(&journal)?)?;
            let passed = landmarks(&records);
            if passed.len() >= target {
                break passed;
            }
        };
        child.kill().await?;
        killed += 1;
        target = if at == KillAt::Every { passed.len() + 1 } else { usize::MAX };
        let last = passed.last().map_or("", |words| words);
        eprintln!("rehearsal: killed after record {} ({last})", passed.len());
    }
}
