//! How a run begins, forward or back: what stands against it is said, what will be done is shown and asked about, and then it
//! is walked.

use jiff::Timestamp;

use super::exit::Exit;
use super::lock::{Abandon, claim, may_abandon, take};
use super::walk::{Display, Walk};
use super::{Failed, StateDir};
use crate::check::Finding;
use crate::fleet::SshFleet;
use crate::journal::StateFolder;
use crate::plan::Plan;
use crate::schedule::{Schedule, count};
use crate::ui;

/// Whether nothing stands against a run; says what does. `whole`: whether everything was seen that a schedule needs.
pub(super) fn fits(plan: &Plan, findings: &[Finding], whole: bool) -> bool {
    let accepted = &plan.upgrade.acknowledge;
    eprint!("{}", ui::findings::text(findings, accepted, console::colors_enabled_stderr()));
    let stops = findings.iter().filter(|f| f.stops(accepted)).count();
    let fits = whole && stops == 0;
    if !fits {
        eprintln!("not begun: {} in the way; no host was touched", count(stops, "finding"));
    }
    fits
}

/// Shows what will be done, asks `question` where there is one, and walks a new run. `state`: where runs are kept, as it was
/// given and as it was opened.
pub(super) async fn begin(
    plan: &Plan,
    schedule: &Schedule,
    fleet: &SshFleet,
    question: Option<&str>,
    abandon: &Abandon,
    state: (&StateDir, &StateFolder),
    display: &Display,
) -> Result<Exit, Failed> {
    let master = &plan.master.host;
    let abandon = may_abandon(fleet, master, None, abandon, question.is_some()).await?;
    eprint!("{}", ui::summary::text(schedule));
    if let Some(question) = question
        && !confirm(question)?
    {
        eprintln!("not confirmed: no host was touched");
        return Ok(Exit::NotConfirmed);
    }
    let mut run = state.1.begin(plan, schedule, Timestamp::now())?;
    let lock = match take(fleet, master, claim(&run.name, state.1), abandon.as_deref()).await {
        Ok(lock) => lock,
        Err(failed) => {
            run.discard()?;
            return Err(failed);
        }
    };
    let resume = state.0.resume(&run.name);
    let admin_address = schedule.admin_address.unwrap_or(std::net::Ipv4Addr::LOCALHOST);
    let walk = Walk { plan, schedule, fleet, lock: &lock, admin_address, simulated: state.1.simulated()?, resume };
    let progress = run.progress.clone();
    let ending = walk.walk(&mut run, &progress, display).await?;
    Ok((&ending).into())
}

pub(super) fn confirm(question: &str) -> Result<bool, Failed> {
    dialoguer::Confirm::new()
        .with_prompt(question)
        .default(false)
        .interact()
        .map_err(|e| Failed::new(Exit::NotConfirmed, e))
}
