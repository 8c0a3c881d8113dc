//! `mfsupgrade upgrade`: look, show, ask, walk.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use clap::Args;

use super::begin::{Answer, Beginning, ask, begin, fits};
use super::clock::RunClock;
use super::exit::Exit;
use super::lock::{Abandon, may_abandon};
use super::observe::observe;
use super::plan::{Format, ModeArgument, preview};
use super::unfinished::unfinished;
use super::walk::Display;
use super::{Failed, StateDir, block_on, load};
use crate::check::{Finding, Observation};
use crate::fleet::SshFleet;
use crate::journal::{NewRun, Origin, StateFolder};
use crate::plan::Plan;
use crate::schedule::{Schedule, compile};
use crate::ui;
use crate::ui::out::say;

/// Upgrade the cluster: look at it, show what will happen, ask, and do it
///
/// Ctrl-C stops at the next safe point and says how to go on; a second one leaves at once.
#[derive(Debug, Args)]
pub struct Upgrade {
    /// The plan file
    #[arg(value_name = "PLAN")]
    pub plan: PathBuf,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
    /// Rolling or full-stop, whatever the plan says
    #[arg(long, value_enum)]
    pub mode: Option<ModeArgument>,
    /// The same as `mfsupgrade plan`: show the schedule, contact no host
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    abandon: Abandon,
    #[command(flatten)]
    pub(super) display: Display,
    #[command(flatten)]
    state: StateDir,
}

impl Upgrade {
    pub(super) fn run(&self) -> Result<Exit, Failed> {
        if self.dry_run {
            return preview(&self.plan, self.mode, Format::Text, false);
        }
        let plan = load(&self.plan, self.mode.map(Into::into))?;
        let state = self.state.open()?;
        // before any host is contacted: without a terminal nobody could be asked later
        if !self.yes && !std::io::stdin().is_terminal() {
            let error = anyhow::anyhow!("no terminal to ask on; run the same command with --yes");
            return Err(Failed::new(Exit::NotConfirmed, error));
        }
        let Some(abandon) = unfinished(&plan, (&self.state, &state), None, &self.abandon.abandon, !self.yes)? else {
            return Ok(Exit::NotConfirmed);
        };
        block_on(self.upgrade(&plan, &state, &abandon))?
    }

    async fn upgrade(&self, plan: &Plan, state: &StateFolder, abandon: &[String]) -> Result<Exit, Failed> {
        let fleet = SshFleet::new(plan).map_err(anyhow::Error::from)?;
        // before anything else is told: what stands on a cluster that somebody is at work on says little
        let given = &self.abandon.abandon;
        let set_aside = may_abandon(&fleet, &plan.master.host, None, (abandon, given), !self.yes).await?;
        let asked = (!self.yes).then_some("Upgrade this cluster now?");
        let clock = RunClock::new(state.simulated()?.as_ref());
        let mut shown = None;
        let (observation, schedule) = loop {
            say!("looking at {} (read-only)", ui::schedule::cluster(&compile(plan, None, plan.line())));
            let (observation, findings) = observe(plan, &fleet, Some(state.path())).await;
            let Some((observation, schedule)) = fit(plan, observation, &findings, &self.display)? else {
                return Ok(Exit::Findings);
            };
            match ask(&schedule, asked, shown.as_ref(), &clock)? {
                Answer::No => return Ok(Exit::NotConfirmed),
                Answer::Yes => break (observation, schedule),
                Answer::Late => shown = Some(schedule),
            }
        };
        let origin = Origin { simulated: state.simulated()?.map(|of| of.what), ..origin(&self.plan, self.mode) };
        let new = NewRun { plan, schedule: &schedule, observation: Some(&observation), origin: &origin };
        let set_aside = set_aside.as_deref();
        let beginning = Beginning { new, fleet: &fleet, abandon, set_aside };
        begin(&beginning, (&self.state, state), &self.display).await
    }
}

/// Where a run comes from: its plan file, and the mode that the command line puts in the place of the file's.
pub(super) fn origin(plan: &Path, mode: Option<ModeArgument>) -> Origin {
    let path = std::path::absolute(plan).ok().and_then(|path| path.to_str().map(str::to_owned));
    Origin { plan: path, mode: mode.map(Into::into), simulated: None }
}

/// The schedule for a cluster that is fit; otherwise says what blocks it.
pub(super) fn fit(
    plan: &Plan,
    observation: Option<Observation>,
    findings: &[Finding],
    display: &Display,
) -> std::io::Result<Option<(Observation, Schedule)>> {
    let fit = fits(plan, findings, observation.is_some(), "upgrade", display)?;
    Ok(observation.filter(|_| fit).map(|observation| {
        let schedule = compile(plan, Some(&observation), plan.line());
        (observation, schedule)
    }))
}
