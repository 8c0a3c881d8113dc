//! A rehearsal's verdict as text.

use console::Style;

use crate::rehearsal::Verdict;

/// All checks. `reached`: whether the run says that it reached its target.
#[must_use]
pub fn text(verdict: &Verdict, reached: bool, color: bool) -> String {
    let style = Style::new().force_styling(color);
    let mut lines = vec!["Verdict of the judge, from what the simulated daemons saw:".to_owned()];
    for check in &verdict.checks {
        let mark = if check.passed {
            style.clone().green().apply_to("ok    ")
        } else {
            style.clone().red().apply_to("BROKEN")
        };
        lines.push(format!("  {mark}  {}: {}", check.name, check.detail));
    }
    let summary = match (reached, verdict.passed) {
        (true, true) => "Rehearsal passed (with simulated daemons).",
        (true, false) => "Rehearsal FAILED: the run says it is done, and the judge found a rule broken.",
        (false, true) => "The run stopped before its target; up to there no rule was broken.",
        (false, false) => "The run stopped before its target; what does not hold there is marked above.",
    };
    lines.push(summary.to_owned());
    lines.join("\n") + "\n"
}
