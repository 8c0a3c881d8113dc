//! `mfsupgrade check`: what stands against an upgrade, read-only.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::exit::Exit;
use super::observe::observe;
use super::plan::{Format, ModeArgument, print};
use super::{Failed, block_on, load, usual_state};
use crate::check::Finding;
use crate::fleet::SshFleet;
use crate::schedule::count;
use crate::ui;

/// Look at every host and the master, and tell what stands against an upgrade; changes nothing
///
/// The same look as the one before `upgrade`. Every code is in docs/findings.md.
#[derive(Debug, Args)]
pub struct Check {
    /// The plan file
    #[arg(value_name = "PLAN")]
    pub plan: PathBuf,
    /// Text for people, or JSON for machines
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Rolling or full-stop, whatever the plan says
    #[arg(long, value_enum)]
    pub mode: Option<ModeArgument>,
}

/// The JSON document.
#[derive(Serialize)]
struct Document<'a> {
    format: u32,
    fit: bool,
    findings: &'a [Finding],
}

impl Check {
    pub(super) fn run(&self) -> Result<Exit, Failed> {
        let plan = load(&self.plan, self.mode.map(Into::into))?;
        let fleet = SshFleet::new(&plan).map_err(anyhow::Error::from)?;
        let (observation, findings) = block_on(observe(&plan, &fleet, usual_state().as_deref()))?;
        let accepted = &plan.upgrade.acknowledge;
        let stops = findings.iter().filter(|f| f.stops(accepted)).count();
        let fit = stops == 0 && observation.is_some();
        let text = match self.format {
            Format::Json => {
                let document = Document { format: 1, fit, findings: &findings };
                serde_json::to_string_pretty(&document).map_err(anyhow::Error::from)? + "\n"
            }
            Format::Text => {
                let last = match fit {
                    true => "nothing stands against this upgrade\n".to_owned(),
                    false => format!("{} in the way of this upgrade\n", count(stops, "finding")),
                };
                ui::findings::text(&findings, accepted, console::colors_enabled()) + &last
            }
        };
        print(&text)?;
        Ok(if fit { Exit::Success } else { Exit::Findings })
    }
}
