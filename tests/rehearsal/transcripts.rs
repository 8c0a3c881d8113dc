//! Golden transcripts of whole rehearsals: what a rolling and a full-stop run tell, as files (tests/golden.rs).
//!
//! What differs between two runs is normalised: times, pids, names of runs and folders, addresses of embedded hosts, checksums,
//! sizes and measured times. What depends on how fast this machine is goes: a wait is told once, and a look that saw no effect
//! yet is not told at all.

use std::fmt::Write as _;

use mfsupgrade::run::Event;
use mfsupgrade::run::event::Stamped;

use crate::golden::holds;
use crate::support::rehearse_told;

/// Clients one at a time and no metalogger, so that hosts have their turns in one order.
const PLAN: &str = "[upgrade]\nfrom = \"1.5.12\"\nto = \"1.6.27\"\nacknowledge = [\"no-metalogger\", \"full-stop-under-mounts\"]\n\
    [install]\nsource_dir = \"/usr/src/mfs-1.6.27\"\n[config]\nexports_like_1_5 = true\n[master]\nhost = \"master\"\n\
    [[chunkservers]]\nhosts = [\"cs[1-2]\"]\n[[clients]]\nhosts = [\"cl1\"]\n";

#[test]
fn golden_events_of_a_rolling_rehearsal_are_as_kept() {
    holds("rehearsal-rolling.events.jsonl", &transcript("rolling"));
}

#[test]
fn golden_events_of_a_full_stop_rehearsal_are_as_kept() {
    holds("rehearsal-full-stop.events.jsonl", &transcript("full-stop"));
}

fn transcript(mode: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let plan = folder.path().join("plan.toml");
    std::fs::write(&plan, PLAN).unwrap();
    let output = rehearse_told(&plan, "json").args(["--mode", mode]).output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{told}\n{}", String::from_utf8_lossy(&output.stderr));
    let (events, verdict) = told.trim_end().rsplit_once('\n').expect("events, and a verdict");
    assert!(verdict.contains("\"event\":\"verdict\""), "{verdict}");
    let events = events.lines().map(|line| serde_json::from_str::<Stamped>(line).unwrap().event);
    normalised(events.filter(|event| !depends_on_speed(event)).collect())
}

/// What is told of looks that saw no effect yet, and of connections that a busy machine lets time out.
fn depends_on_speed(event: &Event) -> bool {
    matches!(event, Event::GateRed { .. } | Event::Reconnecting { .. } | Event::Silent { .. })
}

/// One line an event. In a stage of several hosts each host's events are together: those at work at once take turns as they like.
fn normalised(mut events: Vec<Event>) -> String {
    let Some(Event::RunStarted { run, .. }) = events.first().cloned() else { panic!("{:?}", events.first()) };
    for stage in events.chunk_by_mut(|_, next| !matches!(next, Event::StageStarted { .. })) {
        let first = usize::from(matches!(stage.first(), Some(Event::StageStarted { .. })));
        let end = stage.iter().rposition(|event| host(event).is_some()).map_or(first, |last| last + 1);
        stage[first..end].sort_by_key(|event| host(event).map(str::to_owned));
        // by the order of their hosts, whichever was done first
        let ended = stage.iter_mut().filter_map(|event| match event {
            Event::HostDone { done, .. } => Some(done),
            _ => None,
        });
        ended.enumerate().for_each(|(n, done)| *done = n + 1);
    }
    let mut text = String::new();
    for event in events {
        let line = line(event, &run);
        if text.lines().next_back() != Some(&line) {
            writeln!(text, "{line}").unwrap();
        }
    }
    text
}

fn host(event: &Event) -> Option<&str> {
    match event {
        Event::StepStarted { host, .. }
        | Event::StepDone { host, .. }
        | Event::Output { host, .. }
        | Event::GateGreen { host, .. }
        | Event::Waiting { host, .. }
        | Event::HostDone { host, .. } => Some(host.as_str()),
        _ => None,
    }
}

fn line(mut event: Event, run: &str) -> String {
    match &mut event {
        Event::RunStarted { run, .. } => *run = "RUN".to_owned(),
        Event::Waiting { left_s, of_s, .. } => *left_s = *of_s,
        // sizes and measured times
        Event::StepDone { step, evidence, .. } if step.0.starts_with("backup/") => {
            *evidence = without_numbers(&evidence.replace(run, "RUN"))
        }
        Event::StepDone { evidence, .. } | Event::Output { line: evidence, .. } => {
            for before in ["pid ", "pid:", "sha256 ", "metadata.mfs ("] {
                *evidence = masked(evidence, before);
            }
        }
        _ => {}
    }
    let json = serde_json::to_string(&event).unwrap();
    let json = sums_masked(&json);
    match json.split_once("/mfsupgrade-rehearsal-") {
        // the folder of the cluster, which is in the folder of temporary files
        Some((before, behind)) => {
            let (from, to) = (before.rfind(' ').unwrap() + 1, behind.find('/').unwrap());
            format!("{}/CLUSTER{}", &before[..from], &behind[to..])
        }
        None => json,
    }
}

/// `text` with `N` in the place of each number.
fn without_numbers(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '0'..='9' if out.ends_with('N') => {}
            '0'..='9' => out.push('N'),
            c => out.push(c),
        }
    }
    out
}

/// `text` with `N` in the place of the number, in whatever base, behind each `before`.
fn masked(text: &str, before: &str) -> String {
    let mut parts = text.split(before);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let behind = part.trim_start_matches(|c: char| c.is_ascii_hexdigit());
        out.push_str(before);
        out.push_str(if behind.len() < part.len() { "N" } else { "" });
        out.push_str(behind);
    }
    out
}

/// `text` without checksums: of files that name the user whom this machine's embedded hosts run as.
fn sums_masked(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_hexdigit()) {
        let length = rest[at..].bytes().take_while(u8::is_ascii_hexdigit).count();
        out.push_str(&rest[..at]);
        out.push_str(if length == 64 { "SHA256" } else { &rest[at..at + length] });
        rest = &rest[at + length..];
    }
    out + rest
}
