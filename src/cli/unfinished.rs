//! Runs that were left unfinished on the same cluster: named before another one begins, and left behind by consent alone.

use std::io::IsTerminal;

use super::begin::confirm;
use super::exit::Exit;
use super::{Failed, StateDir};
use crate::journal::store::Stored;
use crate::journal::{StateFolder, Stop, StoreError};
use crate::plan::Plan;
use crate::ui::out::say;
use crate::words::count;

/// The runs that a new one on the cluster of `plan` takes the place of; `None`: the operator said no. `of` is the run that is
/// to be taken back, `given` those that the command line names, `asks` whether the operator may be asked.
pub(super) fn unfinished(
    plan: &Plan,
    state: (&StateDir, &StateFolder),
    of: Option<&str>,
    given: &[String],
    asks: bool,
) -> Result<Option<Vec<String>>, Failed> {
    let runs = all(plan, state.1)?;
    let back_of = |run: &Stored| run.schedule.back_of.clone();
    let left: Vec<&Stored> = runs
        .iter()
        .filter(|run| !run.progress.finished() && !run.progress.abandoned() && Some(run.name.as_str()) != of)
        // what is taken back by a later run is that run's
        .filter(|run| !runs.iter().any(|later| back_of(later).as_deref() == Some(&run.name)))
        .collect();
    if let Some(walked) = left.iter().find(|run| run.walked) {
        return Err(StoreError::Locked(format!("run {} on this cluster", walked.name)).into());
    }
    let open: Vec<&Stored> = left.iter().copied().filter(|run| !given.contains(&run.name)).collect();
    for run in &open {
        say!("{}", named(run, state.0));
    }
    if !open.is_empty() {
        if !asks || !std::io::stdin().is_terminal() {
            let options: Vec<_> = open.iter().map(|run| format!("--abandon {}", run.name)).collect();
            let error = anyhow::anyhow!(
                "{} left unfinished on this cluster; resume it, or give `{}` to begin another run in its place",
                if open.len() == 1 { "a run was".to_owned() } else { format!("{} were", count(open.len(), "run")) },
                options.join(" ")
            );
            return Err(Failed::new(Exit::Locked, error));
        }
        if !confirm("Abandon this run and begin another one?")? {
            say!("not confirmed: no host was touched");
            return Ok(None);
        }
    }
    Ok(Some(left.into_iter().map(|run| run.name.clone()).collect()))
}

/// Every run on the cluster of this master that can be read.
fn all(plan: &Plan, state: &StateFolder) -> Result<Vec<Stored>, Failed> {
    let mut runs = Vec::new();
    for name in state.names()? {
        match state.read(Some(&name)) {
            Ok(run) if run.plan.master.host == plan.master.host => runs.push(run),
            Ok(_) | Err(StoreError::Empty(_)) => {}
            Err(error) => {
                say!("note: {:#}; whether it was on this cluster cannot be told", anyhow::Error::from(error))
            }
        }
    }
    Ok(runs)
}

/// Where it is, and how to go on with it.
fn named(run: &Stored, state: &StateDir) -> String {
    let progress = &run.progress;
    let how = match &progress.stop {
        Some(Stop::Paused(_)) => "was paused".to_owned(),
        Some(Stop::Failed(_, _, message)) => format!("stopped: failed to {message}"),
        _ => "was interrupted".to_owned(),
    };
    let done = format!("{} of {} done", progress.done.len(), count(run.schedule.steps().count(), "step"));
    let next = run.schedule.steps().map(|(_, _, step)| &step.id).find(|id| !progress.done.contains_key(id));
    let next = next.map(|id| format!(", next {id}")).unwrap_or_default();
    let stands = progress.stands.as_ref().map(|state| format!("\n  then: {state}")).unwrap_or_default();
    let what = if run.schedule.is_back() { "the way back " } else { "" };
    let name = &run.name;
    let back = format!("; `{}` rolls it back", state.command("rollback", name));
    let back = if run.schedule.is_back() { "" } else { &back };
    format!("{what}run {name} {how}; {done}{next}{stands}\n  `{}` resumes it{back}", state.resume(name))
}
