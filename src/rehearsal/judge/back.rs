//! What must be true after an upgrade was taken back: everything old, everything readable, nothing lost. PURE.

use super::timeline::Timeline;
use super::{Check, FinalState, Verdict, check, outcome};
use crate::moosefs::daemon::Role;
use crate::plan::Plan;
use crate::rehearsal::event::Event;

/// Judges the way back of an upgrade by `plan` that was rehearsed `speed` times faster than real.
#[must_use]
pub fn judge_back(plan: &Plan, speed: f64, events: &[Event], end: &FinalState) -> Verdict {
    let mut back = plan.clone();
    back.upgrade.to = plan.upgrade.from.clone();
    let timeline = Timeline::new(&back, speed, events);
    let mut checks = outcome::checks(&back, &timeline, end);
    for check in &mut checks {
        if check.name == "everything-new" {
            check.name = "everything-old".to_owned();
        }
    }
    checks.push(no_metaloggers(end));
    Verdict {
        passed: checks.iter().all(|check| check.passed),
        checks,
        longest_stall_ms: timeline.longest_stall(),
        io_errors: timeline.io_errors(),
    }
}

/// The old release has none.
fn no_metaloggers(end: &FinalState) -> Check {
    let loggers = end.processes.iter().filter(|p| p.program == Role::Metalogger.program());
    let against = loggers.map(|p| format!("{} {} still runs on {}", p.program, p.version, p.host)).collect();
    check("no-metaloggers", against, "no metalogger runs".to_owned())
}
