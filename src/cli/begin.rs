//! How a run begins, forward or back: what stands against it is said, what will be done is shown and asked about, and then it
//! is walked.

use jiff::Timestamp;

use super::exit::Exit;
use super::lock::{claim, take};
use super::walk::{Display, Walk, give_back};
use super::{Failed, StateDir};
use crate::check::Finding;
use crate::fleet::SshFleet;
use crate::host::lock::Verb;
use crate::journal::{NewRun, StateFolder};
use crate::plan::Plan;
use crate::schedule::count;
use crate::ui;
use crate::ui::out::{self, say};
use crate::ui::shown::Shown;

/// Whether nothing stands against a run; says what does. `whole`: whether everything was seen that a schedule needs.
pub(super) fn fits(plan: &Plan, findings: &[Finding], whole: bool) -> bool {
    let accepted = &plan.upgrade.acknowledge;
    out::talk(&ui::findings::text(findings, accepted, console::colors_enabled_stderr()));
    let stops = findings.iter().filter(|f| f.stops(accepted)).count();
    let fits = whole && stops == 0;
    if !fits {
        say!("not begun: {} in the way; no host was touched", count(stops, "finding"));
    }
    fits
}

/// A run to begin.
pub(super) struct Beginning<'a> {
    /// What it is begun with.
    pub new: NewRun<'a>,
    /// The hosts.
    pub fleet: &'a SshFleet,
    /// What is asked before.
    pub question: Option<&'a str>,
    /// Unfinished runs here that it takes the place of.
    pub abandon: &'a [String],
    /// The run that holds the cluster's lock, and is set aside.
    pub set_aside: Option<&'a str>,
}

/// Shows what will be done, asks where there is a question, and walks a new run. `state`: where runs are kept, as it was given
/// and as it was opened.
pub(super) async fn begin(
    beginning: &Beginning<'_>,
    state: (&StateDir, &StateFolder),
    display: &Display,
) -> Result<Exit, Failed> {
    let Beginning { new, fleet, question, abandon, set_aside } = *beginning;
    let NewRun { plan, schedule, .. } = new;
    let master = &plan.master.host;
    out::talk(&ui::summary::text(schedule));
    if let Some(question) = question
        && !confirm(question)?
    {
        say!("not confirmed: no host was touched");
        return Ok(Exit::NotConfirmed);
    }
    let simulated = state.1.simulated()?;
    let mut run = state.1.begin(&new, Timestamp::now())?;
    let taken = match claim(&run.name, state.1) {
        Ok(claim) => take(fleet, master, claim, set_aside, Verb::Drop).await,
        Err(failed) => Err(failed),
    };
    let lock = match taken {
        Ok(lock) => lock,
        Err(failed) => {
            run.discard()?;
            return Err(failed);
        }
    };
    if let Err(error) = abandon.iter().try_for_each(|run| state.1.abandon(run, Timestamp::now())) {
        // nothing was done yet: neither the lock nor the run stays
        give_back(&lock, true).await;
        run.discard()?;
        return Err(error.into());
    }
    let resume = state.0.resume(&run.name);
    let admin_address = schedule.admin_address.unwrap_or(std::net::Ipv4Addr::LOCALHOST);
    let walk = Walk { plan, schedule, fleet, lock: &lock, admin_address, simulated, resume };
    let progress = run.progress.clone();
    let ending = walk.walk(&mut run, &progress, display).await?;
    Ok((&ending).into())
}

pub(super) fn confirm(question: &str) -> Result<bool, Failed> {
    dialoguer::Confirm::new()
        .with_prompt(Shown::line(question).to_string())
        .default(false)
        .interact()
        .map_err(|e| Failed::new(Exit::NotConfirmed, e))
}
