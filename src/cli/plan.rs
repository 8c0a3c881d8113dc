//! `mfsupgrade plan`: the whole schedule, without touching a host.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::exit::Exit;
use super::observe::observe;
use super::{Failed, block_on, load, usual_state};
use crate::check::Finding;
use crate::check::preflight::planned;
use crate::fleet::SshFleet;
use crate::schedule::{Schedule, compile};
use crate::ui::shown::Shown;
use crate::ui::{self, out};

/// Show every step, command, gate and wait; contacts no host unless --observe is given
#[derive(Debug, Args)]
pub struct Plan {
    /// The plan file
    #[arg(value_name = "PLAN")]
    pub plan: PathBuf,
    /// Text for people, or JSON for machines (docs/schedule-format.md)
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Rolling or full-stop, whatever the plan says
    #[arg(long, value_enum)]
    pub mode: Option<ModeArgument>,
    /// Look at the cluster (read-only) and show the schedule with what was found
    #[arg(long)]
    pub observe: bool,
}

/// The form of data on stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// `--mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ModeArgument {
    /// One chunkserver at a time; the file system stays in use.
    Rolling,
    /// Master down, all chunkservers at once, a wait, master up.
    FullStop,
}

impl From<ModeArgument> for crate::plan::Mode {
    fn from(mode: ModeArgument) -> Self {
        match mode {
            ModeArgument::Rolling => Self::Rolling,
            ModeArgument::FullStop => Self::FullStop,
        }
    }
}

/// The JSON document.
#[derive(Serialize)]
pub(super) struct Document<'a> {
    pub(super) schedule_sha256: String,
    #[serde(flatten)]
    pub(super) schedule: &'a Schedule,
    pub(super) findings: &'a [Finding],
}

impl Plan {
    pub(super) fn run(&self) -> Result<Exit, Failed> {
        preview(&self.plan, self.mode, self.format, self.observe)
    }
}

/// `plan`, and `upgrade --dry-run`, which is the same thing.
pub(super) fn preview(path: &Path, mode: Option<ModeArgument>, format: Format, look: bool) -> Result<Exit, Failed> {
    let plan = load(path, mode.map(Into::into))?;
    let (observation, findings) = if look {
        let fleet = SshFleet::new(&plan).map_err(anyhow::Error::from)?;
        block_on(observe(&plan, &fleet, usual_state().as_deref()))?
    } else {
        (None, planned(&plan))
    };
    let schedule = compile(&plan, observation.as_ref(), plan.line());
    match format {
        Format::Text => out::print(&ui::schedule::text(&schedule, look, width(), console::colors_enabled()))?,
        Format::Json => {
            let document = Document { schedule_sha256: schedule.digest(), schedule: &schedule, findings: &findings };
            out::print_document(&document)?;
        }
    }
    if !findings.is_empty() {
        let text = ui::findings::text(&findings, &plan.upgrade.acknowledge, true, console::colors_enabled_stderr());
        out::talk(&Shown::text("\n").and(&text));
    }
    let stops = findings.iter().any(|f| f.stops(&plan.upgrade.acknowledge));
    Ok(if stops { Exit::Findings } else { Exit::Success })
}

/// The terminal's width; elsewhere what COLUMNS says, or 80.
pub(super) fn width() -> usize {
    let terminal = console::Term::stdout().size_checked().map(|(_, columns)| columns.into());
    let told = || std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    terminal.or_else(told).unwrap_or(80)
}
