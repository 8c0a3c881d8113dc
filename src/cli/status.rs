//! `mfsupgrade status`: where a run is, by what it told and what its journal knows.

use clap::Args;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::exit::Exit;
use super::plan::Format;
use super::{Failed, StateDir};
use crate::host::HostName;
use crate::journal::store::{Stored, events};
use crate::journal::view::Doing;
use crate::journal::{Record, RunView, Stop};
use crate::schedule::{Phase, Stage, Step, StepId, Track};
use crate::ui::shown::Shown;
use crate::ui::{live, out};
use crate::words::{count, human};

/// Tell where a run is, from its journal and events; contacts no host
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
    /// When it began, and when its last record was written.
    begun: Option<Timestamp>,
    last_record: Option<Timestamp>,
    steps: usize,
    done: usize,
    /// The first step that is not done, its host, what it does, and until when a rule makes it wait at least.
    next: Option<&'a StepId>,
    next_host: Option<&'a HostName>,
    next_does: Option<String>,
    next_waits_until: Option<Timestamp>,
    unknown: &'a [StepId],
    /// Of a run that is active: the stage that it is in, and the hosts at work.
    stage: Option<AtStage<'a>>,
    at_work: Vec<AtWork<'a>>,
}

#[derive(Serialize)]
struct AtStage<'a> {
    number: usize,
    of: usize,
    phase: Phase,
    title: &'a str,
    hosts: usize,
    hosts_done: usize,
}

#[derive(Serialize)]
struct AtWork<'a> {
    host: &'a HostName,
    #[serde(flatten)]
    doing: &'a Doing,
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
        let mut view = RunView::new(&stored.schedule);
        events::read(&stored.folder, &mut |event| drop(view.heed(event)));
        view.recall(&stored.progress);
        let document = document(&stored, &view);
        match self.format {
            Format::Json => out::print_document(&document)?,
            Format::Text => out::print(&text(&stored, &document, &self.state.resume(&stored.name)))?,
        }
        Ok(Exit::Success)
    }
}

/// Of a journal that tells no end.
const INTERRUPTED: &str = "its process was killed, the machine went down, or the journal could not be written";

fn document<'a>(stored: &'a Stored, view: &'a RunView<'_>) -> Document<'a> {
    let progress = &stored.progress;
    let next = view.next();
    let (state, message) = match (view.stop(), stored.walked) {
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
        stands: view.stands().filter(|_| !stored.walked),
        simulated: progress.origin.simulated.as_deref(),
        plan: progress.origin.plan.as_deref(),
        begun: progress.begun,
        last_record: stored.records.last().map(Record::at),
        steps: view.steps(),
        done: view.done().len(),
        next: next.map(|(_, _, step)| &step.id),
        next_host: next.map(|(_, track, _)| &track.host),
        next_does: next.map(|(_, _, step)| step.action.describe()),
        next_waits_until: next.and_then(|(stage, track, step)| waits_until(stored, view, (stage, track, step))),
        unknown: &progress.open,
        stage: view.stage().filter(|_| stored.walked).map(|(stage, at)| AtStage {
            number: at.at + 1,
            of: stored.schedule.stages.len(),
            phase: stage.phase,
            title: &stage.title,
            hosts: at.of,
            hosts_done: at.done,
        }),
        at_work: match stored.walked {
            true => view.at_work().iter().map(|(host, doing)| AtWork { host, doing }).collect(),
            false => Vec::new(),
        },
    }
}

fn text(stored: &Stored, document: &Document<'_>, resume: &str) -> Shown {
    let schedule = &stored.schedule;
    let mut text = Shown::default();
    let mut line = |words: String| text.push_line(&Shown::line(&words));
    let simulated = document.simulated.map(|what| format!(" [{what}]")).unwrap_or_default();
    line(format!("run {}: {}{simulated}", document.run, document.state));
    line(format!("  MooseFS {} to {}, {}", schedule.from, schedule.to, schedule.mode));
    if let (Some(begun), Some(last)) = (document.begun, document.last_record) {
        line(format!("  begun {}, last record {}{}", moment(begun), moment(last), ago(document, last)));
    }
    line(format!("  {} of {} done", document.done, count(document.steps, "step")));
    if let Some(message) = document.message {
        line(format!("  {message}"));
    }
    if let Some(stands) = document.stands {
        line(format!("  when it stopped: {stands}"));
    }
    if let Some(AtStage { number, of, phase, title, hosts, hosts_done }) = &document.stage {
        line(format!("  stage {number} of {of}, {phase}: {title}; {hosts_done} of {} done", count(*hosts, "host")));
    }
    document.at_work.iter().for_each(|at| line(format!("    {}: {}", at.host, live::words(at.doing))));
    window(stored).into_iter().for_each(&mut line);
    if let (Some(next), Some(host), Some(does)) = (document.next, document.next_host, &document.next_does) {
        line(format!("  next: {next} ({host}: {does})"));
    }
    if let Some(until) = document.next_waits_until {
        line(format!("    not before {}: a wait that a rule demands", moment(until)));
    }
    for step in document.unknown {
        line(format!("  unknown whether done: {step} (`resume` checks its host)"));
    }
    if !matches!(document.state, "finished" | "running" | "abandoned") {
        line(format!("  go on with: {resume}"));
    }
    text
}

/// A time as the events of a run show it, with its day.
fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// How long ago that was. A rehearsal's time runs faster than anybody's clock.
fn ago(document: &Document<'_>, at: Timestamp) -> String {
    let passed = u64::try_from(Timestamp::now().duration_since(at).as_secs()).ok();
    let passed = passed.filter(|_| document.simulated.is_none());
    passed.map(|passed| format!(" ({} ago)", human(passed))).unwrap_or_default()
}

/// Until when `step` waits at least, where it is the first behind a wait that is not over.
fn waits_until(
    stored: &Stored,
    view: &RunView<'_>,
    (stage, track, step): (&Stage, &Track, &Step),
) -> Option<Timestamp> {
    let (done, origin) = (view.done(), &stored.progress.origin);
    let first = |track: &Track| track.steps.first().is_some_and(|first| first.id == step.id);
    let stage_waits = || {
        stage.wait.as_ref().filter(|_| !stage.tracks.iter().flat_map(|t| &t.steps).any(|s| done.contains_key(&s.id)))
    };
    let wait = track.wait.as_ref().filter(|_| first(track)).or_else(stage_waits)?;
    let from = stored.schedule.counts_from(wait, |step| done.contains_key(step));
    let since = from.iter().filter_map(|(_, step)| done.get(&step.id)).max()?;
    let until = since.checked_add(SignedDuration::from_secs(i64::try_from(wait.least_s()).ok()?)).ok()?;
    // a rehearsal's time is that of its records
    let now = match origin.simulated {
        Some(_) => stored.records.last()?.at(),
        None => Timestamp::now(),
    };
    (until > now).then_some(until)
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
