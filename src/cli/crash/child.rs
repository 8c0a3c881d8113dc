//! The run of a crash rehearsal, in processes of its own: one begins it, the next ones resume it, until one ends by itself. Each
//! kills itself at the next point of the journal at which none before it has died (`journal/store/crash.rs`).

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, ExitStatus, Stdio};

use anyhow::Context;
use clap::Parser;
use rustix::process::Signal;

use crate::cli::begin::{Beginning, begin};
use crate::cli::exit::Exit;
use crate::cli::observe::observe;
use crate::cli::rehearse::simulated;
use crate::cli::upgrade::fit;
use crate::cli::walk::{Display, Log};
use crate::cli::{Failed, StateDir, block_on, told, usage};
use crate::fleet::SshFleet;
use crate::journal::store::texts;
use crate::journal::{Crash, NewRun, StateFolder, StoreError};
use crate::plan::Plan;
use crate::ui::out::say;

/// The first argument that makes this program the one that begins a rehearsal's run.
pub(in crate::cli) const ARGUMENT: &str = "__rehearsed";

/// The plan with the simulated hosts in it, in the rehearsal's state folder.
const PLAN: &str = "plan.json";

/// How a run ended that was killed on its way.
pub(in crate::cli) struct Survived {
    /// The run; `None`: it ended before it had begun.
    pub run: Option<String>,
    /// How its last process ended.
    pub status: ExitStatus,
    /// Where the others died.
    pub crashes: Vec<Crash>,
}

/// Walks a run by `plan` in a state folder of the rehearsal in `dir`.
pub(in crate::cli) async fn walk_killed(
    (dir, state): (&Path, &StateFolder),
    plan: &Plan,
    display: &Display,
) -> Result<Survived, anyhow::Error> {
    std::fs::write(state.path().join(PLAN), serde_json::to_vec(plan)?)
        .context("failed to write the rehearsal's plan")?;
    texts::keep(state.path(), plan)?;
    loop {
        let died = state.crashes()?.len();
        let run = begun(state)?;
        let mut child = tokio::process::Command::new(std::env::current_exe()?);
        match &run {
            None => child.arg(ARGUMENT),
            Some(run) => child.args(["resume", run, "--state-dir"]),
        };
        // what a process leaves here that is killed goes with the cluster
        child.env("TMPDIR", dir);
        child.arg(state.path()).args(["--log", if display.log == Log::Json { "json" } else { "plain" }]);
        let status = child.stdin(Stdio::null()).kill_on_drop(true).spawn()?.wait().await?;
        let crashes = state.crashes()?;
        match &crashes[died..] {
            [crash] if status.signal() == Some(Signal::KILL.as_raw()) => {
                say!("rehearsal: killed {} the record: {}", crash.edge, crash.point);
            }
            _ => return Ok(Survived { run: begun(state)?, status, crashes }),
        }
    }
}

/// The run that was begun in `state`, if any.
fn begun(state: &StateFolder) -> Result<Option<String>, anyhow::Error> {
    match state.read(None) {
        Ok(stored) => Ok(Some(stored.name)),
        Err(StoreError::NoRun(..)) => Ok(None),
        // killed before its first record: the operator is told that it can go, and begins another one
        Err(StoreError::Empty(name)) => {
            std::fs::remove_dir_all(state.path().join("runs").join(name))?;
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Begins a run as `upgrade` does, by a plan that a rehearsal has resolved for its hosts.
#[derive(Debug, Parser)]
struct Begin {
    state: PathBuf,
    #[command(flatten)]
    display: Display,
}

impl Begin {
    fn run(&self) -> Result<Exit, Failed> {
        let state = StateFolder::new(Some(&self.state))?;
        if state.simulated()?.is_none() {
            let error = anyhow::anyhow!("{} is no rehearsal's state folder", self.state.display());
            return Err(Failed::new(Exit::Usage, error));
        }
        let plan = std::fs::read(state.path().join(PLAN)).context("failed to read the rehearsal's plan")?;
        let mut plan: Plan = serde_json::from_slice(&plan).context("failed to read the rehearsal's plan")?;
        texts::complete(PLAN, state.path(), &mut plan)?;
        block_on(self.begin(&plan, &state))?
    }

    async fn begin(&self, plan: &Plan, state: &StateFolder) -> Result<Exit, Failed> {
        let fleet = SshFleet::new(plan).map_err(anyhow::Error::from)?;
        let (observation, findings) = observe(plan, &fleet, None).await;
        let Some((observation, schedule)) = fit(plan, observation, &findings, &self.display)? else {
            return Ok(Exit::Findings);
        };
        let origin = simulated();
        let new = NewRun { plan, schedule: &schedule, observation: Some(&observation), origin: &origin };
        let beginning = Beginning { new, fleet: &fleet, abandon: &[], set_aside: None };
        begin(&beginning, (&StateDir { state_dir: Some(self.state.clone()) }, state), &self.display).await
    }
}

/// What this program is when [`ARGUMENT`] comes first; `arguments` come behind it.
pub(in crate::cli) fn main(arguments: impl Iterator<Item = std::ffi::OsString>) -> ExitCode {
    match Begin::try_parse_from([ARGUMENT.into()].into_iter().chain(arguments)) {
        Ok(begin) => told(begin.run(), false),
        Err(e) => usage(&e),
    }
}
