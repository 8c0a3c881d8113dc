//! `mfsupgrade check`: what blocks an upgrade, read-only.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::exit::Exit;
use super::observe::observe;
use super::plan::{Format, ModeArgument};
use super::{Failed, block_on, load, usual_state};
use crate::check::Finding;
use crate::fleet::{ClusterLock, SshFleet};
use crate::ui;
use crate::ui::out::{self, say};
use crate::ui::shown::Shown;

/// Look at every host and the master, and tell what blocks an upgrade; changes nothing
///
/// The same look as the one before `upgrade`. `mfsupgrade explain CODE` tells more of what it finds.
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
    /// Show notes that need no action, too
    #[arg(long, short)]
    pub verbose: bool,
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
        let ((observation, findings), holder) = block_on(async {
            let seen = observe(&plan, &fleet, usual_state().as_deref()).await;
            // a host that is not reached is a finding already
            (seen, ClusterLock::holder(&fleet, &plan.master.host).await.ok().flatten())
        })?;
        let accepted = &plan.upgrade.acknowledge;
        let fit = observation.is_some() && !findings.iter().any(|f| f.stops(accepted));
        let active = holder.as_ref().is_some_and(crate::host::lock::Holder::walks);
        match self.format {
            // what would be advised of a cluster in the middle of a run would harm that run
            Format::Text if active && !self.verbose => {
                let words =
                    "a run is active on this cluster: findings in the middle of it are not shown (-v shows them)";
                out::print(&Shown::text(&format!("{words}\n")))?;
            }
            Format::Json => out::print_document(&Document { format: 1, fit, findings: &findings })?,
            Format::Text => {
                let last = match fit {
                    true => "nothing blocks this upgrade".to_owned(),
                    false => ui::findings::to_mend(&findings, accepted, "upgrade"),
                };
                let mut text = ui::findings::text(&findings, accepted, self.verbose, console::colors_enabled());
                text.push_line(&Shown::line(&last));
                out::print(&text)?;
            }
        }
        if let Some(holder) = holder {
            let code = Exit::Locked.code().0;
            say!("note: this cluster has {holder}; `upgrade` refuses to start beside it (exit code {code})");
        }
        Ok(if fit { Exit::Success } else { Exit::Findings })
    }
}
