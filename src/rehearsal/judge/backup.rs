//! Whether the metadata was safe before the new master touched it. PURE.

use super::timeline::Timeline;
use super::{Check, FinalState, check};
use crate::rehearsal::event::What;
use crate::rehearsal::simulated::TRIAL;

/// A copy of the metadata lay on the master's host when the new master first started, and of a trial nothing is left.
pub fn check_of(timeline: &Timeline<'_>, end: &FinalState) -> Check {
    let mut against = Vec::new();
    let first = timeline.events.iter().find_map(|event| match &event.what {
        What::BackupFound { file, metaversion } => Some(Some((file, *metaversion))),
        What::NoBackup => Some(None),
        _ => None,
    });
    let otherwise = match first {
        Some(Some((file, version))) => format!("{file}, version {version}, was there before the new master started"),
        Some(None) => {
            against.push("the new master was started with no copy of the metadata on its host".to_owned());
            String::new()
        }
        None => "no new master was started".to_owned(),
    };
    for process in end.processes.iter().filter(|process| process.program == TRIAL) {
        against.push(format!("a master that was tried out still runs on {}", process.host));
    }
    check("backup", against, otherwise)
}
