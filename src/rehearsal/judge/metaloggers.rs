//! Whether every metalogger of the plan does what it is for. PURE.

use super::timeline::Timeline;
use super::{Check, FinalState, NO_MASTER, check};
use crate::moosefs::daemon::Role;
use crate::moosefs::releases::TABLE;
use crate::plan::Plan;
use crate::rehearsal::event::What;

/// One living process each, of the new release, listed by the master, with a copy of the metadata.
pub fn check_of(plan: &Plan, timeline: &Timeline<'_>, end: &FinalState) -> Check {
    let mut against = Vec::new();
    let to = &plan.upgrade.to;
    for logger in &plan.metaloggers {
        let host = logger.host.as_str();
        let there: Vec<_> =
            end.processes.iter().filter(|p| p.host == host && p.program == Role::Metalogger.program()).collect();
        match there[..] {
            [] => against.push(format!("no mfsmetalogger runs on {host}")),
            [one] if one.version == *to => {}
            [one] => against.push(format!("mfsmetalogger on {host} runs {}", one.version)),
            _ => against.push(format!("{} mfsmetaloggers run on {host}", there.len())),
        }
        let has = |event: &crate::rehearsal::Event| {
            event.host == host && matches!(event.what, What::MetadataDownloaded { .. })
        };
        if TABLE.downloads_at_once.at(to) && !timeline.events.iter().any(|event| has(event)) {
            against.push(format!("the metalogger on {host} has downloaded no metadata"));
        }
    }
    match &end.master {
        None => against.push(NO_MASTER.to_owned()),
        Some(master) => {
            let listed = master.metaloggers.iter().filter(|(_, version)| version.as_ref() == Some(to)).count();
            if listed < plan.metaloggers.len() {
                against.push(format!("the master lists {listed} metaloggers of {}", plan.metaloggers.len()));
            }
        }
    }
    let otherwise = format!("{} listed by the master in {to}, with a copy of the metadata", plan.metaloggers.len());
    check("metaloggers", against, otherwise)
}
