//! A rehearsal's verdict as text.

use console::Style;

use crate::rehearsal::{Check, NO_MASTER, Verdict};
use crate::ui::shown::Shown;

/// Checks of what an upgrade is to end in, and of what a daemon that died takes from its users. A run that stopped on its
/// way has not come to them; every other check is about the way itself and holds at any point of it.
const ENDS: [&str; 5] = ["everything-new", "data-path", "readable", "chunks", "metaloggers"];

/// Whether a rule of the way was broken, wherever it ended.
pub(super) fn way_broken(verdict: &Verdict) -> bool {
    verdict.checks.iter().any(|c| !c.passed && !is_end(c))
}

/// Metadata that no master could be asked for is not lost: a run may stop while none runs.
fn is_end(check: &Check) -> bool {
    ENDS.contains(&check.name.as_str()) || check.detail == NO_MASTER
}

/// All checks. `reached`: whether the run says that it reached its target; `idle`: the faults that changed nothing.
pub(super) fn text(verdict: &Verdict, reached: bool, idle: &[String], color: bool) -> Shown {
    let style = Style::new().force_styling(color);
    let mut text = Shown::default();
    text.push_line(&Shown::line("The judge's verdict, from what the simulated daemons saw:"));
    for check in &verdict.checks {
        let mark = match check.passed {
            true => Shown::styled(&style.clone().green(), "ok    "),
            false if !reached && is_end(check) => Shown::styled(&style.clone().yellow(), "open  "),
            false => Shown::styled(&style.clone().red(), "BROKEN"),
        };
        let words = Shown::line(&format!("  {}: {}", check.name, check.detail));
        text.push_line(&Shown::line("  ").and(&mark).and(&words));
    }
    let summary = match (reached, verdict.passed, way_broken(verdict)) {
        (true, true, _) if !idle.is_empty() => format!(
            "The upgrade reached its target (with simulated daemons), but {} did nothing: NOT TESTED, so this rehearsal did not pass.",
            idle.join(" and ")
        ),
        (true, true, _) => "Rehearsal passed (with simulated daemons).".to_owned(),
        (true, false, _) => "Rehearsal FAILED: the run reports success, but the judge found a broken rule.".to_owned(),
        (false, _, false) => {
            "The run stopped before its target; until then all safety rules held (with simulated daemons).".to_owned()
        }
        (false, _, true) => "Rehearsal FAILED: the run stopped before its target and broke a safety rule.".to_owned(),
    };
    text.push_line(&Shown::line(&summary));
    text
}
