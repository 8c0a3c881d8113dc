//! `mfsupgrade explain`: the page of a code.

use clap::Args;

use super::Failed;
use super::exit::Exit;
use crate::ui::shown::Shown;
use crate::ui::{explain, out};

/// Explain the code of a finding, of a refused plan, or of an exit: what it means, and whether and how it can be accepted
///
/// Without a code, all of them with a line each.
#[derive(Debug, Args)]
pub struct Explain {
    /// The code, as it is shown in brackets, or an exit code
    #[arg(value_name = "CODE")]
    pub code: Option<String>,
}

impl Explain {
    pub(super) fn run(&self) -> Result<Exit, Failed> {
        let text = match &self.code {
            None => explain::all(),
            Some(code) => explain::page(code.trim_matches(['[', ']', '`'])).ok_or_else(|| unknown(code))?,
        };
        out::print(&text)?;
        Ok(Exit::Success)
    }
}

fn unknown(code: &str) -> Failed {
    let near = explain::codes().into_iter().map(|known| (strsim::jaro_winkler(code, known), known));
    let near = near.max_by(|a, b| a.0.total_cmp(&b.0)).filter(|(likeness, _)| *likeness > 0.75);
    let hint = near.map(|(_, known)| format!("; did you mean `{known}`?")).unwrap_or_default();
    let shown = Shown::line(code);
    let error =
        anyhow::anyhow!("there is no code `{}`{hint}\n  `mfsupgrade explain` lists all of them", shown.as_str());
    Failed::new(Exit::Usage, error)
}
