//! What a run has written down: its journal, and the plan, schedule and observation that it is bound to.

use mfsupgrade::check::Observation;
use mfsupgrade::journal::record::{decode, encode};
use mfsupgrade::journal::{Progress, Record, point::Points};
use mfsupgrade::plan::Plan;
use mfsupgrade::rules::Line;
use mfsupgrade::schedule::{Schedule, change, compile};
use mfsupgrade::ui;
use sha2::{Digest, Sha256};

use super::super::corpus;
use super::{Broken, Checked, Target, holds, quiet, text};

/// Between two documents of a run.
const BETWEEN: &str = "\n---\n";

pub fn targets() -> Vec<Target> {
    let journal = String::from_utf8(corpus::file("tests/fixtures/journal/format-1/journal.jsonl")).expect("UTF-8");
    let unsealed: String = journal.lines().map(|line| open(line) + "\n").collect();
    let of = |name: &str| {
        String::from_utf8(corpus::file(&format!("tests/fixtures/journal/format-1/{name}.json"))).expect("UTF-8")
    };
    let documents = of("plan") + BETWEEN + &of("schedule");
    let corpus = vec![journal.into_bytes(), unsealed.into_bytes(), every_record().into_bytes()];
    vec![
        Target { name: "journal", corpus, check: check_journal, bound: 1 << 20 },
        Target { name: "run", corpus: vec![documents.into_bytes()], check: check_run, bound: 64 << 20 },
    ]
}

/// A record of a line, without its number and checksum.
fn open(line: &str) -> String {
    let record = line.split_once("\",").map_or(line, |(_, record)| record);
    format!("{{{record}")
}

/// One record of each kind of the newest format, and what they carry.
fn every_record() -> String {
    let at = "\"at\":\"2026-11-24T21:00:00.123456789Z\"";
    let sha = "0".repeat(64);
    [
        format!("{{\"record\":\"begun\",\"format\":2,\"tool\":\"0.1.0\",\"schedule_sha256\":\"{sha}\",\"plan_sha256\":\"{sha}\",\
                 \"observation_sha256\":\"{sha}\",\"origin\":{{\"plan\":\"/p.toml\",\"mode\":\"rolling\",\"simulated\":\"x\"}},{at}}}"),
        format!("{{\"record\":\"intent\",\"step\":\"master/m/start\",{at}}}"),
        format!("{{\"record\":\"done\",\"step\":\"master/m/start\",{at},\"evidence\":\"runs\",\"found\":false}}"),
        format!("{{\"record\":\"failed\",\"step\":null,{at},\"kind\":\"gate-red\",\"message\":\"wait\"}}"),
        format!("{{\"record\":\"stands\",{at},\"state\":\"healthy\"}}"),
        format!("{{\"record\":\"replanned\",\"number\":2,\"plan_sha256\":\"{sha}\",\"schedule_sha256\":\"{sha}\",{at}}}"),
        format!("{{\"record\":\"resumed\",{at}}}"),
        format!("{{\"record\":\"paused\",{at}}}"),
        format!("{{\"record\":\"abandoned\",{at}}}"),
        format!("{{\"record\":\"finished\",{at},\"evidence\":\"all\"}}"),
    ]
    .join("\n")
        + "\n"
}

/// `text` with numbers and checksums as whoever may write the file could put them: nonsense that is sealed.
fn sealed(text: &str) -> String {
    let seal = |(n, line): (u64, &str)| {
        let sum = Sha256::digest(format!("{n} {line}"));
        let sum: String = sum[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{{\"n\":{n},\"sum\":\"{sum}\",{}\n", line.strip_prefix('{').unwrap_or(line))
    };
    (0..).zip(text.lines()).map(seal).collect()
}

fn check_journal(bytes: &[u8]) -> Checked {
    let text = text(bytes);
    let journal = if text.starts_with("{\"n\":") { text.into_owned() } else { sealed(&text) };
    let (records, whole) = match decode(&journal) {
        Ok(decoded) => decoded,
        Err(error) => {
            let lines = journal.lines().count() as u64;
            let number = error.to_string().split(' ').nth(1).and_then(|word| word.parse::<u64>().ok());
            holds("place", number.is_none_or(|line| (1..=lines).contains(&line)), || error.to_string())?;
            return quiet("an error", ui::shown::Shown::message(&error.to_string()).as_str()).map(|()| false);
        }
    };
    holds("whole", journal.is_char_boundary(whole), || format!("{whole} of {}", journal.len()))?;
    let again: String = (0..).zip(&records).map(|(n, record)| encode(n, record)).collect();
    let (decoded, length) = decode(&again).map_err(|error| Broken::new("round trip", error.to_string()))?;
    holds("round trip", decoded == records && length == again.len(), || again.clone())?;
    replayed(&records)?;
    Ok(!records.is_empty())
}

/// No prefix of a journal is one that cannot be gone on with.
fn replayed(records: &[Record]) -> Result<(), Broken> {
    let progress = Progress::replay(records);
    let once = |step| progress.open.iter().filter(|open| *open == step).count() == 1;
    holds("open once", progress.open.iter().all(once), || format!("{progress:?}"))?;
    holds("points", Points::of(records).len() == records.len(), || format!("{records:?}"))
}

fn check_run(bytes: &[u8]) -> Checked {
    let text = text(bytes);
    let documents: Vec<&str> = text.split(BETWEEN).collect();
    let plan = documents.iter().find_map(|json| serde_json::from_str::<Plan>(json).ok());
    let schedule = documents.iter().find_map(|json| serde_json::from_str::<Schedule>(json).ok());
    let observation = documents.iter().find_map(|json| serde_json::from_str::<Observation>(json).ok());
    if let Some(schedule) = &schedule {
        quiet("a schedule", ui::schedule::text(schedule, true, 80, false).as_str())?;
        quiet("a summary", ui::summary::text(schedule).as_str())?;
        let json = serde_json::to_string(schedule).expect("a schedule is JSON");
        let again: Schedule =
            serde_json::from_str(&json).map_err(|error| Broken::new("round trip", error.to_string()))?;
        holds("round trip", again == *schedule, || json)?;
    }
    let on_line = |plan: &Plan| Line::of(&plan.upgrade.from, &plan.upgrade.to);
    if let Some((plan, line)) = plan.as_ref().and_then(|plan| Some((plan, on_line(plan)?))) {
        let compiled = compile(plan, observation.as_ref(), line);
        quiet("a schedule", ui::schedule::text(&compiled, false, 80, false).as_str())?;
        let reasons = schedule.as_ref().map(|old| change::touches_begun(old, &compiled, &|_| true)).unwrap_or_default();
        quiet("reasons", ui::shown::Shown::message(&reasons.join("\n")).as_str())?;
    }
    Ok(plan.is_some() && schedule.is_some())
}
