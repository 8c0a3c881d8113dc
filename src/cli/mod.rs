//! The edge: clap definitions, one file a subcommand, and the wiring of adapters to the core.

mod begin;
mod check;
mod clock;
mod completions;
mod crash;
pub mod exit;
mod explain;
mod lock;
mod observe;
mod plan;
mod process;
mod refusal;
mod rehearse;
mod replan;
mod resume;
mod rollback;
mod status;
mod unfinished;
mod unseen;
mod upgrade;
mod verdict;
mod walk;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand, ValueEnum};

use exit::Exit;
use refusal::Refusal;

use crate::plan::PlanError;
use crate::rehearsal::simulated;
use crate::ui::failure::WayOn;
use crate::ui::out::{self, say};
use crate::ui::shown::Shown;

/// Takes a running MooseFS cluster from 1.5.x to 1.6.x over SSH without losing a byte, with one exception in a full-stop
///
/// A plan file names the master, the chunkservers and the clients. `plan` shows everything that will happen, `rehearse`
/// tries it on a simulated cluster on this machine, `upgrade` does it, `status` tells where a run is, `resume` resumes a
/// stopped one, `rollback` brings the old release back.
///
/// The exception is MooseFS's own: a 1.5 mount that loses its master for more than 30 s, as in a full-stop, can report a lost
/// write as done. Stop all writers before a full-stop.
#[derive(Debug, Parser)]
#[command(name = "mfsupgrade", version, after_help = AFTER_HELP)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Colour: on a terminal only (auto), always or never; NO_COLOR is honoured
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto)]
    color: Color,
}

const AFTER_HELP: &str = "\
A first evening:
  mfsupgrade plan cluster.toml             read what will happen; no host is contacted
  mfsupgrade rehearse cluster.toml         try the whole way on a simulated cluster
  mfsupgrade check cluster.toml            look at the real cluster, change nothing, tell what blocks it
  mfsupgrade plan --observe cluster.toml   the plan once more, with what was found filled in
  mfsupgrade upgrade cluster.toml          do it

Exit codes: 0 done, 3 bad plan, 4 cluster not fit, 5-8 stopped, 10 paused; docs/exit-codes.md has all of them.";

#[derive(Debug, Subcommand)]
enum Command {
    Plan(plan::Plan),
    Check(check::Check),
    Upgrade(upgrade::Upgrade),
    Status(status::Status),
    Resume(resume::Resume),
    Rollback(rollback::Rollback),
    Rehearse(rehearse::Rehearse),
    Explain(explain::Explain),
    Completions(completions::Completions),
}

impl Command {
    /// Whether stdout is for a machine.
    fn speaks_json(&self) -> bool {
        let (json, log) =
            (|format| format == plan::Format::Json, |display: &walk::Display| display.log == walk::Log::Json);
        match self {
            Self::Plan(command) => json(command.format),
            Self::Check(command) => json(command.format),
            Self::Status(command) => json(command.format),
            Self::Upgrade(command) => log(&command.display),
            Self::Resume(command) => log(&command.display),
            Self::Rollback(command) => log(&command.display),
            Self::Rehearse(command) => log(&command.display),
            Self::Explain(_) | Self::Completions(_) => false,
        }
    }
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// An error that knows its exit code. Printed in one place, [`main`].
#[derive(Debug)]
pub struct Failed {
    exit: Exit,
    error: anyhow::Error,
    /// The same, with its source lines.
    rendered: Option<Shown>,
    /// What is wrong with a plan, one by one.
    plan: Vec<refusal::Wrong>,
}

impl Failed {
    /// `error`, ending the program with `exit`.
    pub fn new(exit: Exit, error: impl Into<anyhow::Error>) -> Self {
        Self { exit, error: error.into(), rendered: None, plan: Vec::new() }
    }

    fn plan(error: &PlanError) -> Self {
        let cause = std::error::Error::source(error).map(|c| format!(": {c}")).unwrap_or_default();
        let whole = || Shown::coloured(&error.render(console::colors_enabled_stderr()));
        let rendered = (!error.findings().is_empty()).then(whole);
        let plan = refusal::of_plan(error);
        let short = match error {
            PlanError::Refused(refused) => format!("the plan {} is refused", refused.path.display()),
            other => format!("{other}{cause}"),
        };
        Self { exit: Exit::Plan, error: anyhow::anyhow!(short), rendered, plan }
    }
}

impl From<anyhow::Error> for Failed {
    fn from(error: anyhow::Error) -> Self {
        Self::new(Exit::Internal, error)
    }
}

impl From<std::io::Error> for Failed {
    fn from(error: std::io::Error) -> Self {
        anyhow::Error::from(error).into()
    }
}

impl From<crate::journal::StoreError> for Failed {
    fn from(error: crate::journal::StoreError) -> Self {
        Self::new(Exit::Journal, error)
    }
}

/// How a plan with what it needs of the command line is read.
fn load(path: &std::path::Path, mode: Option<crate::plan::Mode>) -> Result<crate::plan::Plan, Failed> {
    let mut plan = crate::plan::Plan::load(path).map_err(|e| Failed::plan(&e))?.plan;
    plan.upgrade.mode = mode.unwrap_or(plan.upgrade.mode);
    Ok(plan)
}

/// The state folder, on every subcommand that has runs.
#[derive(Debug, clap::Args)]
struct StateDir {
    /// Where runs are kept [default: mfsupgrade below the XDG state folder]
    #[arg(long, value_name = "FOLDER", env = "MFSUPGRADE_STATE_DIR")]
    state_dir: Option<PathBuf>,
}

/// Where runs will be kept if nobody says otherwise, for subcommands that have none.
fn usual_state() -> Option<PathBuf> {
    let chosen = std::env::var_os("MFSUPGRADE_STATE_DIR").map(PathBuf::from);
    crate::journal::StateFolder::new(chosen.as_deref()).ok().map(|folder| folder.path().to_owned())
}

impl StateDir {
    /// The command that goes on with `run`, with the folder where it is not the default.
    fn resume(&self, run: &str) -> String {
        self.command("resume", run)
    }

    /// The commands that go on with `run`; `back_of`: the run that it takes back.
    fn way(&self, run: &str, back_of: Option<&str>) -> WayOn {
        let rollback = back_of.is_none().then(|| self.command("rollback", run));
        WayOn { resume: self.resume(run), rollback }
    }

    /// The same for another subcommand.
    fn command(&self, verb: &str, run: &str) -> String {
        match &self.state_dir {
            None => format!("mfsupgrade {verb} {run}"),
            Some(folder) => {
                let folder = folder.to_string_lossy();
                format!("mfsupgrade {verb} {run} --state-dir {}", crate::host::shell::quote(&folder))
            }
        }
    }

    /// A folder that somebody names and that is not there is a mistake, and not a place without runs.
    fn is_there(&self) -> Result<(), Failed> {
        let Some(folder) = self.state_dir.as_ref().filter(|folder| !folder.is_dir()) else { return Ok(()) };
        let error = anyhow::anyhow!(
            "there is no state folder {}\n  `upgrade` makes it when a run begins; look at --state-dir and MFSUPGRADE_STATE_DIR",
            folder.display()
        );
        Err(Failed::new(Exit::Journal, error))
    }

    fn open(&self) -> Result<crate::journal::StateFolder, Failed> {
        Ok(crate::journal::StateFolder::new(self.state_dir.as_deref())?)
    }
}

/// Parses the command line, does what it says and prints what went wrong.
///
/// A panic is a mistake of this program, and ends with the code that says so.
#[must_use]
pub fn main() -> ExitCode {
    std::panic::catch_unwind(call).unwrap_or_else(|_| Exit::Internal.into())
}

fn call() -> ExitCode {
    // a simulated program of a rehearsal is this program, called in another way
    let mut arguments = std::env::args_os().skip(1);
    match arguments.next() {
        Some(first) if first == simulated::ARGUMENT => return simulated::main(arguments),
        // and so is the process that begins a run which is to be killed
        Some(first) if first == crash::child::ARGUMENT => return crash::child::main(arguments),
        _ => {}
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(e) => return usage(&e),
    };
    match cli.color {
        Color::Auto => {}
        choice => {
            console::set_colors_enabled(choice == Color::Always);
            console::set_colors_enabled_stderr(choice == Color::Always);
        }
    }
    let result = match &cli.command {
        Command::Plan(command) => command.run(),
        Command::Check(command) => command.run(),
        Command::Upgrade(command) => command.run(),
        Command::Status(command) => command.run(),
        Command::Resume(command) => command.run(),
        Command::Rollback(command) => command.run(),
        Command::Rehearse(command) => command.run(),
        Command::Explain(command) => command.run(),
        Command::Completions(command) => command.run(),
    };
    told(result, cli.command.speaks_json())
}

/// Prints what clap has to say: help, or what it did not understand. It repeats arguments as they are, and files may be called
/// anything: where one is not printable, its colours are given up.
fn usage(error: &clap::Error) -> ExitCode {
    let text = error.render();
    let words = || std::env::args_os().map(|word| word.to_string_lossy().into_owned());
    let plain = words().any(|word| Shown::line(&word).as_str() != word);
    let ours = if error.use_stderr() { console::colors_enabled_stderr() } else { console::colors_enabled() };
    let shown = match ours && !plain {
        true => Shown::coloured(&text.ansi().to_string()),
        false => Shown::text(&text.to_string()),
    };
    if error.use_stderr() {
        out::talk(&shown);
        return Exit::Usage.into();
    }
    told(out::print(&shown).map(|()| Exit::Success).map_err(Failed::from), false)
}

/// Prints what went wrong; as JSON on stdout too, where that was asked for.
fn told(result: Result<Exit, Failed>, json: bool) -> ExitCode {
    match result {
        Ok(exit) => exit.into(),
        Err(Failed { exit, error, rendered, plan }) => {
            let said = if json { out::print_json(&Refusal::new(exit, format!("{error:#}"), plan)) } else { Ok(()) };
            match rendered {
                Some(mut report) => {
                    report.push_line(&Shown::default());
                    out::talk(&report);
                }
                None => say!("error: {error:#}"),
            }
            match said {
                Ok(()) => exit.into(),
                Err(_) => Exit::Internal.into(),
            }
        }
    }
}

/// The clap definition, for completions and tests.
#[must_use]
pub fn definition() -> clap::Command {
    Cli::command()
}

/// Runs `future` to its end; not `Send`, since a walk needs no second thread.
fn block_on<F: std::future::Future>(future: F) -> Result<F::Output, Failed> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(anyhow::Error::from)?;
    Ok(runtime.block_on(future))
}
