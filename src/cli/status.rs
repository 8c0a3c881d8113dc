//! `mfsupgrade status`: where a run is, by its journal.

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use super::exit::Exit;
use super::plan::Format;
use super::{Failed, StateDir};
use crate::journal::Stop;
use crate::journal::store::Stored;
use crate::schedule::{StepId, count};
use crate::ui::out;
use crate::ui::shown::Shown;

/// Tell where a run is, from its journal; contacts no host
#[derive(Debug, Args)]
pub struct Status {
    /// The run [default: the newest]
    #[arg(value_name = "RUN")]
    pub run: Option<String>,
    /// Text for people, or JSON for machines
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    #[command(flatten)]
    state: StateDir,
}

/// The JSON document.
#[derive(Serialize)]
struct Document<'a> {
    format: u32,
    run: &'a str,
    state: &'static str,
    message: Option<&'a str>,
    /// What a last look at the cluster showed when it stopped.
    stands: Option<&'a str>,
    /// What of it was simulated.
    simulated: Option<&'a str>,
    /// The plan file, where it is known.
    plan: Option<&'a str>,
    steps: usize,
    done: usize,
    next: Option<&'a StepId>,
    unknown: &'a [StepId],
}

impl Status {
    pub(super) fn run(&self) -> Result<Exit, Failed> {
        let folder = self.state.open()?;
        self.state.is_there()?;
        if self.run.is_none() && folder.names()?.is_empty() {
            match self.format {
                Format::Json => out::print_document(&serde_json::json!({ "format": 1, "run": null, "state": "none" }))?,
                Format::Text => out::print(&Shown::text("no run yet\n"))?,
            }
            return Ok(Exit::Success);
        }
        let stored = folder.read(self.run.as_deref())?;
        let document = document(&stored);
        match self.format {
            Format::Json => out::print_document(&document)?,
            Format::Text => out::print(&text(&stored, &document, &self.state.resume(&stored.name)))?,
        }
        Ok(Exit::Success)
    }
}

/// Of a journal that tells no end.
const INTERRUPTED: &str =
    "its process wrote down no end: it was killed, the machine went down, or the journal could not be written";

fn document(stored: &Stored) -> Document<'_> {
    let progress = &stored.progress;
    let (state, message) = match (&progress.stop, stored.walked) {
        (_, true) => ("running", None),
        (Some(Stop::Finished(_, evidence)), _) => ("finished", Some(evidence.as_str())),
        (Some(Stop::Paused(_)), _) => ("paused", None),
        (Some(Stop::Failed(_, _, message)), _) => ("failed", Some(message.as_str())),
        (Some(Stop::Abandoned(_)), _) => ("abandoned", Some("another run was begun in its place")),
        (None, false) => ("interrupted", Some(INTERRUPTED)),
    };
    Document {
        format: 1,
        run: &stored.name,
        state,
        message,
        stands: progress.stands.as_deref().filter(|_| !stored.walked),
        simulated: progress.origin.simulated.as_deref(),
        plan: progress.origin.plan.as_deref(),
        steps: stored.schedule.steps().count(),
        done: progress.done.len(),
        next: stored.schedule.steps().map(|(_, _, s)| &s.id).find(|id| !progress.done.contains_key(id)),
        unknown: &progress.open,
    }
}

fn text(stored: &Stored, document: &Document<'_>, resume: &str) -> Shown {
    let schedule = &stored.schedule;
    let mut text = Shown::default();
    let mut line = |words: String| text.push_line(&Shown::line(&words));
    let simulated = document.simulated.map(|what| format!(" [{what}]")).unwrap_or_default();
    line(format!("run {}: {}{simulated}", document.run, document.state));
    line(format!("  MooseFS {} to {}, {}", schedule.from, schedule.to, schedule.mode));
    line(format!("  {} of {} done", document.done, count(document.steps, "step")));
    if let Some(message) = document.message {
        line(format!("  {message}"));
    }
    if let Some(stands) = document.stands {
        line(format!("  when it stopped: {stands}"));
    }
    window(stored).into_iter().for_each(&mut line);
    if let Some(next) = document.next {
        line(format!("  next: {next}"));
    }
    for step in document.unknown {
        line(format!("  begun and not known to be done: {step}"));
    }
    if !matches!(document.state, "finished" | "running" | "abandoned") {
        line(format!("  go on with: {resume}"));
    }
    text
}

/// Whether the window is open, of a run that is not at its end.
fn window(stored: &Stored) -> Option<String> {
    let window = stored.schedule.window.as_ref().filter(|_| !stored.progress.finished())?;
    let now = Timestamp::now();
    Some(match window.at(now) {
        Some(opening) if opening.holds(now) => {
            format!("  window: {window}, open until {}", window.show(opening.closes))
        }
        Some(opening) => format!("  window: {window}, opens {}", window.show(opening.opens)),
        None => format!("  window: {window}, does not open within a month"),
    })
}
