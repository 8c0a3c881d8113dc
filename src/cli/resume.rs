//! `mfsupgrade resume`: goes on where a run stopped, after looking at the hosts.

use std::io::IsTerminal;
use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;

use super::begin::confirm;
use super::exit::Exit;
use super::lock::{Abandon, claim, may_abandon, take};
use super::observe::look_at;
use super::walk::{Display, Signals, Walk, give_back, not_told};
use super::{Failed, StateDir, block_on, replan};
use crate::fleet::{ClusterLock, SshFleet};
use crate::host::Look;
use crate::host::lock::Verb;
use crate::journal::store::Stored;
use crate::journal::{JournalSink, Record, Run, StateFolder};
use crate::run::{Ending, Machines, WAY_ON};
use crate::ui::out::say;

/// Resume a stopped run at the first unfinished step
///
/// Every step looks at its host first: what is done there is found and not done again.
#[derive(Debug, Args)]
pub struct Resume {
    /// The run, as `status` names it [default: the newest]
    #[arg(value_name = "RUN")]
    pub run: Option<String>,
    /// The plan file, if it is not the one that the run began with. If the plan has changed since, the difference is shown,
    /// and followed if it only concerns steps that were not begun
    #[arg(long, value_name = "PLAN")]
    pub plan: Option<PathBuf>,
    /// Do not ask; a question about the metadata is then answered with --accept-metadata or not at all
    #[arg(long, short)]
    pub yes: bool,
    /// Resume with the plan as it was when the run began, whatever its file says now
    #[arg(long, conflicts_with = "plan")]
    pub as_begun: bool,
    /// Accept the metadata that the master serves, even if it has fewer files or is older than before: the answer for a run
    /// that stopped with this question
    #[arg(long)]
    pub accept_metadata: bool,
    #[command(flatten)]
    abandon: Abandon,
    #[command(flatten)]
    pub(super) display: Display,
    #[command(flatten)]
    state: StateDir,
}

/// The way back that was begun of the run `name`.
fn taken_back(state: &StateFolder, name: &str) -> Result<Option<String>, Failed> {
    let (back, unclear) = state.taking_back(name)?;
    for run in unclear {
        say!("note: run {run} cannot be read; whether it takes {name} back cannot be told");
    }
    Ok(back.into_iter().next_back())
}

/// Nothing is written on a machine that is not the run's master, not even a lock. One that is not reached is told of by that.
async fn is_known(stored: &Stored, fleet: &SshFleet) -> Result<(), Failed> {
    let master = &stored.plan.master.host;
    let Ok(seen) = look_at(fleet, master, &Look::default()).await else { return Ok(()) };
    let another = Machines::of(&stored.schedule, &stored.progress).another(master, &seen);
    another.map_or(Ok(()), |why| Err(Failed::new(Exit::Unreachable, anyhow::anyhow!("{why}\n  {WAY_ON}"))))
}

/// A run that was killed behind its last record still holds the cluster's lock, and nobody else would give it back.
async fn forget(stored: &Stored, state: &StateFolder) {
    let Ok(fleet) = SshFleet::new(&stored.plan) else { return };
    let Ok(claim) = claim(&stored.name, state) else { return };
    if let Some(why) = not_told(ClusterLock::forget(&fleet, &stored.plan.master.host, &claim)).await {
        say!("whether it still holds the cluster's lock was not seen ({why})");
    }
}

impl Resume {
    pub(super) fn run(&self) -> Result<Exit, Failed> {
        let state = self.state.open()?;
        let (mut run, stored) = state.reopen(self.run.as_deref())?;
        if let Some(back) = taken_back(&state, &run.name)? {
            let error = anyhow::anyhow!(
                "run {} was rolled back by {back} and cannot be resumed; begin a new upgrade",
                run.name
            );
            return Err(Failed::new(Exit::Usage, error));
        }
        if stored.progress.finished() {
            say!("run {} has reached its target; there is nothing to go on with", run.name);
            block_on(forget(&stored, &state))?;
            return Ok(Exit::Success);
        }
        if stored.progress.abandoned() {
            let error = anyhow::anyhow!(
                "run {} was abandoned for another run and cannot be resumed; begin a new upgrade",
                run.name
            );
            return Err(Failed::new(Exit::Usage, error));
        }
        let mut stored = stored;
        if !self.as_begun
            && let Some((plan, schedule)) = replan::changed(&stored, self.plan.as_deref(), &self.state)?
        {
            run.replan(&plan, &schedule, Timestamp::now())?;
            (stored.plan, stored.schedule) = (plan, schedule);
            stored.progress.plan_sha256.clone_from(&run.progress.plan_sha256);
        }
        let ending = block_on(self.go_on(&mut run, &stored, &state, self.accept_metadata))??;
        let asks = matches!(&ending, Ending::Failed(failure, _) if failure.asks_about_metadata());
        if !asks
            || self.yes
            || !std::io::stdin().is_terminal()
            || !confirm("Is the metadata that the master serves the right one?")?
        {
            return Ok((&ending).into());
        }
        // an answer may take hours: the lock is taken and everything is looked at anew
        drop(run);
        let (mut run, again) = state.reopen(Some(&stored.name))?;
        Ok((&block_on(self.go_on(&mut run, &again, &state, true))??).into())
    }

    async fn go_on(
        &self,
        run: &mut Run,
        stored: &Stored,
        state: &StateFolder,
        accepts_metadata: bool,
    ) -> Result<Ending, Failed> {
        let (plan, schedule) = (&stored.plan, &stored.schedule);
        let fleet = SshFleet::new(plan).map_err(anyhow::Error::from)?;
        let (master, claim) = (&plan.master.host, claim(&run.name, state)?);
        is_known(stored, &fleet).await?;
        let abandon = may_abandon(&fleet, master, Some(&claim), (&[], &self.abandon.abandon), !self.yes).await?;
        let simulated = state.simulated()?;
        let lock = take(&fleet, master, claim, abandon.as_deref(), Verb::Leave).await?;
        if let Err(e) = run.append(Record::Resumed { at: Timestamp::now() }) {
            give_back(&lock, false).await;
            return Err(Failed::new(Exit::Journal, anyhow::Error::from(e).context("failed to write the journal")));
        }
        let way = Some(self.state.way(&run.name, schedule.back_of.as_deref()));
        let admin_address = schedule.admin_address.unwrap_or(std::net::Ipv4Addr::LOCALHOST);
        let walk = Walk { plan, schedule, fleet: &fleet, lock: &lock, admin_address, simulated, way, accepts_metadata };
        walk.walk(run, &stored.progress, &self.display, &mut Signals::listen()?).await
    }
}
