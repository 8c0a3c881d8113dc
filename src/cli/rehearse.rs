//! `mfsupgrade rehearse`: the same way as `upgrade`, on a simulated cluster on this machine.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;

use super::begin::fits;
use super::exit::Exit;
use super::lock::{claim, take};
use super::observe::observe;
use super::plan::ModeArgument;
use super::rollback::observe_back;
use super::upgrade::{fit, origin};
use super::walk::{Display, Log, Signals, Walk};
use super::{Failed, StateDir, block_on, load};
use crate::fleet::SshFleet;
use crate::host::lock::Verb;
use crate::journal::{KillAt, NewRun, Origin, Simulated, StateFolder};
use crate::plan::Plan;
use crate::rehearsal::{Cluster, FAULTS, Fault, FaultName, Options, RehearsalError, Timings, Verdict};
use crate::run::Ending;
use crate::schedule::compile_back;
use crate::ui;
use crate::ui::failure::WayOn;
use crate::ui::out::{self, say};
use crate::ui::shown::Shown;

/// What every display says.
const SIMULATED: &str = "simulated daemons on embedded hosts of this machine";

/// Try the whole upgrade on a simulated cluster on this machine
///
/// Starts an embedded SSH server for each host of the plan and simulated daemons as real processes, runs the same steps as
/// `upgrade` through the real ssh, and lets a judge check what the daemons saw. Needs no root, no sshd and no MooseFS.
/// The daemons are simulated: what is simulated, and how true, is in docs/rehearsal.md.
#[derive(Debug, Args)]
#[command(after_help = faults_help())]
pub struct Rehearse {
    /// The plan file
    #[arg(value_name = "PLAN")]
    pub plan: PathBuf,
    /// Rolling or full-stop, whatever the plan says
    #[arg(long, value_enum)]
    pub mode: Option<ModeArgument>,
    /// How many times faster than real the time runs
    #[arg(long, value_name = "FACTOR", default_value_t = 60.0, value_parser = speed)]
    pub speed: f64,
    /// How long a mount without a master is patient at least, in seconds of this machine: for one that is very busy
    #[arg(long, value_name = "SECONDS", hide = true, default_value_t = Timings::default().real_least_eio.as_secs())]
    least_eio: u64,
    /// Let something go wrong on a host; may be given several times
    #[arg(long = "fault", value_name = "NAME@HOST")]
    pub faults: Vec<Fault>,
    /// Bring the old release back afterwards, as `rollback` does
    #[arg(long)]
    pub rollback: bool,
    /// Kill the run's process (SIGKILL) right after the Nth record of its journal, resume it, and compare the result with an
    /// uninterrupted run; `every`: before and after each record
    #[arg(long, value_name = "N", conflicts_with = "rollback", value_parser = kill_at)]
    kill: Option<KillAt>,
    /// Leave the cluster running afterwards, and tell how to reach it
    #[arg(long)]
    pub keep: bool,
    #[command(flatten)]
    pub(super) display: Display,
}

fn faults_help() -> String {
    let width = FAULTS.iter().map(|f| f.name.len()).max().unwrap_or(0);
    let lines: String = FAULTS.iter().map(|f| format!("\n  {:<width$}  {}", f.name, f.meaning)).collect();
    format!("Faults:{lines}")
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if (1.0..=1000.0).contains(&speed) => Ok(speed),
        _ => Err("give a number from 1 (real time) to 1000".to_owned()),
    }
}

fn kill_at(text: &str) -> Result<KillAt, String> {
    match text {
        "every" => Ok(KillAt::Every),
        number => match number.parse() {
            Ok(number @ 1..) => Ok(KillAt::Record(number)),
            _ => Err("give the number of a record, from 1, or `every`".to_owned()),
        },
    }
}

impl Rehearse {
    pub(super) fn run(&self) -> Result<Exit, Failed> {
        let plan = load(&self.plan, self.mode.map(Into::into))?;
        block_on(self.rehearse(&plan))?
    }

    async fn rehearse(&self, plan: &Plan) -> Result<Exit, Failed> {
        // before anything is made that has to be removed
        let mut signals = Signals::listen()?;
        let signals = &mut signals;
        say!("rehearsal: {SIMULATED}; time runs {} times as fast", self.speed);
        if let Some(window) = &plan.window {
            say!("rehearsal: its night begins when the plan's window opens ({window})");
        }
        match self.kill {
            Some(at) => self.killed(plan, at, signals).await,
            None => {
                let Some(cluster) = self.cluster(plan, signals).await? else { return Ok(Exit::Paused) };
                let exit = self.walk(plan, &cluster, signals).await;
                self.leave(cluster, exit, signals).await
            }
        }
    }

    /// A cluster as the plan's; `None`: the operator did not wait for it.
    pub(super) async fn cluster(&self, plan: &Plan, signals: &mut Signals) -> Result<Option<Cluster>, Failed> {
        let options = Options {
            dir: None,
            program: std::env::current_exe().map_err(anyhow::Error::from)?,
            speed: self.speed,
            faults: self.faults.clone(),
            timings: Timings { real_least_eio: Duration::from_secs(self.least_eio), ..Timings::default() },
        };
        // a cluster that is being made is unmade by being dropped
        tokio::select! {
            started = Cluster::start(plan, options) => started.map(Some).map_err(refused),
            () = signals.one() => {
                say!("rehearsal: stopped before its run began; its cluster is removed");
                Ok(None)
            }
        }
    }

    /// Ends a cluster, or leaves it to who asked for that.
    pub(super) async fn leave(
        &self,
        cluster: Cluster,
        exit: Result<Exit, Failed>,
        signals: &mut Signals,
    ) -> Result<Exit, Failed> {
        if self.keep && exit.is_ok() {
            out::talk(&Shown::text(&cluster.describe()));
            let state = kept(&cluster);
            if let Some(run) = state.open()?.names()?.last() {
                let commands = ["status", "resume", "rollback"].map(|verb| format!("  {}\n", state.command(verb, run)));
                out::talk(&Shown::text(&format!("go on with its run from another terminal:\n{}", commands.concat())));
            }
            say!("the cluster keeps running until Ctrl-C");
            signals.one().await;
        }
        cluster.stop().await;
        exit
    }

    /// The run on a cluster, told and judged.
    pub(super) async fn walk(&self, original: &Plan, cluster: &Cluster, signals: &mut Signals) -> Result<Exit, Failed> {
        let plan = &cluster.plan(original);
        let fleet = SshFleet::new(plan).map_err(anyhow::Error::from)?;
        let (observation, findings) = tokio::select! {
            seen = observe(plan, &fleet, Some(cluster.dir())) => seen,
            () = signals.one() => return Ok(Exit::Paused),
        };
        let Some((observation, schedule)) = fit(plan, observation, &findings, &self.display)? else {
            return Ok(Exit::Findings);
        };
        let state = self.state(plan, cluster, None)?;
        let mut run = state.begin(
            &NewRun { plan, schedule: &schedule, observation: Some(&observation), origin: &self.origin() },
            Timestamp::now(),
        )?;
        let lock = take(&fleet, &plan.master.host, claim(&run.name, &state)?, None, Verb::Drop).await?;
        let admin_address = observation.master.admin_address;
        let walk = Walk {
            plan,
            schedule: &schedule,
            fleet: &fleet,
            lock: &lock,
            admin_address,
            simulated: state.simulated()?,
            way: self.way(cluster, &run.name, None),
            accepts_metadata: false,
        };
        let progress = run.progress.clone();
        let ending = walk.walk(&mut run, &progress, &self.display, signals).await?;
        let verdict = cluster.verdict(original).await.map_err(anyhow::Error::from)?;
        let finished = ending == Ending::Finished;
        let idle = self.idle(cluster, finished)?;
        self.tell(finished, &verdict, &idle)?;
        if finished {
            self.faults.iter().for_each(|fault| say!("{}", survived(plan, fault, idle.contains(fault))));
        }
        let exit = match exit(&ending, &verdict) {
            Exit::Success if !idle.is_empty() => Exit::Untested,
            exit => exit,
        };
        let name = run.name.clone();
        // its cluster is locked as long as it lives
        drop(run);
        match self.rollback {
            true if exit != Exit::Verdict => {
                let back = self.back(original, plan, cluster, (&fleet, signals), &state, &name).await?;
                Ok(if back == Exit::Success && exit == Exit::Untested { exit } else { back })
            }
            _ => Ok(exit),
        }
    }

    /// The faults of which a run that has reached its target has met none: it is no test of them.
    pub(super) fn idle(&self, cluster: &Cluster, finished: bool) -> Result<Vec<Fault>, Failed> {
        let met = |fault: &Fault| cluster.has_met(fault).map_err(anyhow::Error::from);
        let mut idle = Vec::new();
        for fault in self.faults.iter().filter(|_| finished) {
            if !met(fault)? {
                idle.push(fault.clone());
            }
        }
        Ok(idle)
    }

    /// The commands to go on with a run, where its cluster is kept for them.
    fn way(&self, cluster: &Cluster, run: &str, back_of: Option<&str>) -> Option<WayOn> {
        self.keep.then(|| kept(cluster).way(run, back_of))
    }

    /// A rehearsal's journal goes with its cluster: nobody resumes on hosts that are gone.
    pub(super) fn state(&self, plan: &Plan, cluster: &Cluster, kill: Option<KillAt>) -> Result<StateFolder, Failed> {
        let state = StateFolder::new(Some(&cluster.dir().join("state")))?;
        state.mark_simulated(&Simulated { kill, ..self.simulated(plan) })?;
        Ok(state)
    }

    /// The rehearsal as its state folder knows it. Whoever rehearses at noon wants to see the night: its time begins when the
    /// plan's window opens.
    fn simulated(&self, plan: &Plan) -> Simulated {
        let started = Timestamp::now();
        let opening = plan.window.as_ref().and_then(|window| window.at(started));
        let begun = opening.map_or(started, |opening| opening.opens.max(started));
        Simulated { started, begun, speed: self.speed, what: SIMULATED.to_owned(), kill: None }
    }

    /// Its runs end with their cluster, but for those that somebody keeps: such a one can be resumed with a plan that was changed.
    fn origin(&self) -> Origin {
        Origin { simulated: simulated().simulated, ..origin(&self.plan, self.mode) }
    }

    /// The way back, of an upgrade that has ended or stopped in the middle.
    async fn back(
        &self,
        original: &Plan,
        plan: &Plan,
        cluster: &Cluster,
        (fleet, signals): (&SshFleet, &mut Signals),
        state: &StateFolder,
        name: &str,
    ) -> Result<Exit, Failed> {
        let stored = state.read(Some(name))?;
        let (seen, findings) = observe_back(plan, &stored.schedule, &stored.progress, fleet, false).await;
        if !fits(plan, &findings, true, "rollback", &self.display)? {
            return Ok(Exit::Findings);
        }
        let schedule = compile_back(plan, name, &stored.schedule, &seen);
        if schedule.stages.is_empty() {
            say!("nothing to bring back");
            return Ok(Exit::Success);
        }
        out::talk(&ui::summary::text(&schedule));
        let mut run = state
            .begin(&NewRun { plan, schedule: &schedule, observation: None, origin: &simulated() }, Timestamp::now())?;
        let lock = take(fleet, &plan.master.host, claim(&run.name, state)?, Some(name), Verb::Drop).await?;
        let walk = Walk {
            plan,
            schedule: &schedule,
            fleet,
            lock: &lock,
            admin_address: schedule.admin_address.unwrap_or(std::net::Ipv4Addr::LOCALHOST),
            simulated: state.simulated()?,
            way: self.way(cluster, &run.name, Some(name)),
            accepts_metadata: false,
        };
        let progress = run.progress.clone();
        let ending = walk.walk(&mut run, &progress, &self.display, signals).await?;
        let verdict = cluster.verdict_back(original).await.map_err(anyhow::Error::from)?;
        self.tell(ending == Ending::Finished, &verdict, &[])?;
        Ok(exit(&ending, &verdict))
    }

    /// What the judge says.
    pub(super) fn tell(&self, finished: bool, verdict: &Verdict, idle: &[Fault]) -> Result<(), Failed> {
        let idle: Vec<String> = idle.iter().map(ToString::to_string).collect();
        if self.display.log == Log::Json {
            let json = serde_json::json!({ "event": "verdict", "verdict": verdict, "idle_faults": idle });
            out::print_json(&json)?;
        } else {
            let color = std::io::stdout().is_terminal() && console::colors_enabled();
            out::print(&super::verdict::text(verdict, finished, &idle, color))?;
        }
        Ok(())
    }
}

/// Of a fault that did not keep the upgrade from its target: it is no proof that the fault does no harm. `idle`: it changed nothing.
fn survived(plan: &Plan, fault: &Fault, idle: bool) -> String {
    match fault.name {
        _ if !idle => format!("note: the upgrade reached its target despite the fault {fault}"),
        FaultName::NoExports | FaultName::ExportsRefuse if plan.config.exports.is_some() => format!(
            "note: the fault {fault} changed nothing, and nothing was tested by it: the `exports` of [config] in the plan replace the \
             file that this fault is about. Remove them from the plan to rehearse the fault"
        ),
        _ => format!(
            "note: the fault {fault} changed nothing, and nothing was tested by it: this upgrade does not do what the fault acts on"
        ),
    }
}

/// Where the runs of a cluster are.
fn kept(cluster: &Cluster) -> StateDir {
    StateDir { state_dir: Some(cluster.dir().join("state")) }
}

/// The origin of a rehearsed run that follows no plan file.
pub(super) fn simulated() -> Origin {
    Origin { simulated: Some(SIMULATED.to_owned()), ..Origin::default() }
}

/// A run that stopped as it should has its own code; the judge's word counts for one that says it is done, and for a rule
/// that was broken on the way.
fn exit(ending: &Ending, verdict: &Verdict) -> Exit {
    match ending {
        Ending::Finished if !verdict.passed => Exit::Verdict,
        Ending::Paused | Ending::Failed(..) if super::verdict::way_broken(verdict) => Exit::Verdict,
        _ => ending.into(),
    }
}

/// A fault for a host that it cannot be for is a mistake on the command line.
fn refused(error: RehearsalError) -> Failed {
    let exit = match error {
        RehearsalError::NoSuchHost(_) | RehearsalError::DoesNotApply { .. } => Exit::Usage,
        _ => Exit::Internal,
    };
    Failed::new(exit, error)
}
