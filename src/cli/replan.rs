//! A plan that was changed between a stop and a resume: the difference is shown; what only concerns steps that were not begun
//! is gone on with, and anything else is refused.

use std::path::{Path, PathBuf};

use similar::TextDiff;

use super::exit::Exit;
use super::{Failed, StateDir};
use crate::journal::store::Stored;
use crate::plan::{Plan, PlanError};
use crate::rehearsal::reached_as;
use crate::schedule::change::{needs_a_look, touches_begun};
use crate::schedule::{Schedule, compile};
use crate::ui;
use crate::ui::out::{self, say};
use crate::ui::shown::Shown;

/// Lines around a difference.
const CONTEXT: usize = 2;

/// Columns of the schedules that are compared.
const WIDTH: usize = 120;

/// The plan and schedule to go on with in place of the run's own; `None`: nothing has changed. `given`: the file, where it is
/// not the one that the run remembers.
pub(super) fn changed(
    stored: &Stored,
    given: Option<&Path>,
    state: &StateDir,
) -> Result<Option<(Plan, Schedule)>, Failed> {
    let Some(path) = given.map(Path::to_owned).or_else(|| stored.progress.origin.plan.as_ref().map(PathBuf::from))
    else {
        return Ok(None);
    };
    let plan = match Plan::load(&path) {
        Ok(loaded) => loaded.plan,
        Err(PlanError::Io { source, .. }) if given.is_none() && source.kind() == std::io::ErrorKind::NotFound => {
            say!("the plan {} is not there any more: going on with the run's own copy", path.display());
            return Ok(None);
        }
        Err(error) => {
            say!("`{} --as-begun` resumes with the plan as it was when the run began", state.resume(&stored.name));
            return Err(Failed::plan(&error));
        }
    };
    let mut plan = match &stored.progress.origin.simulated {
        Some(_) => reached_as(&plan, &stored.plan),
        None => plan,
    };
    plan.upgrade.mode = stored.progress.origin.mode.unwrap_or(plan.upgrade.mode);
    if plan == stored.plan {
        return Ok(None);
    }
    out::talk(&difference(("the plan of the run", &json(&stored.plan)?), (&path.display().to_string(), &json(&plan)?)));
    let mut reasons = needs_a_look(&stored.plan, &plan);
    let Some(observation) = &stored.observation else {
        reasons.insert(0, "the run has not kept what was seen of the cluster before it began".to_owned());
        return Err(refused(&path, &reasons, &state.resume(&stored.name)));
    };
    let schedule = compile(&plan, Some(observation), plan.line());
    let (before, after) = (text(&stored.schedule), text(&schedule));
    out::talk(&difference(("the schedule of the run", &before), ("the schedule by the plan as it is now", &after)));
    let progress = &stored.progress;
    let begun = |step: &_| progress.done.contains_key(step) || progress.open.contains(step);
    reasons.extend(touches_begun(&stored.schedule, &schedule, &begun));
    if !reasons.is_empty() {
        return Err(refused(&path, &reasons, &state.resume(&stored.name)));
    }
    say!("what has changed only concerns steps that were not begun: going on with the plan as it is now");
    Ok(Some((plan, schedule)))
}

fn refused(path: &Path, reasons: &[String], resume: &str) -> Failed {
    let error = anyhow::anyhow!(
        "the plan {} was changed after the run began, and the run cannot use it:\n  - {}\n  undo these changes, or resume with the \
         plan as it was: `{resume} --as-begun`",
        path.display(),
        reasons.join("\n  - ")
    );
    Failed::new(Exit::Plan, error)
}

fn json(plan: &Plan) -> Result<String, Failed> {
    Ok(serde_json::to_string_pretty(plan).map_err(anyhow::Error::from)? + "\n")
}

fn text(schedule: &Schedule) -> String {
    ui::schedule::text(schedule, true, WIDTH, false).to_string()
}

/// As a unified difference; nothing where there is none.
fn difference(before: (&str, &str), after: (&str, &str)) -> Shown {
    let diff = TextDiff::from_lines(before.1, after.1);
    Shown::text(&diff.unified_diff().context_radius(CONTEXT).header(before.0, after.0).to_string())
}
