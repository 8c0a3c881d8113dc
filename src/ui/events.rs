//! Events as plain lines and as JSON lines.

use jiff::Timestamp;

use super::out;
use super::schedule::is_recipe;
use super::shown::Shown;
use crate::journal::view::Told;
use crate::journal::{Display, Event, RunView, Stamped};
use crate::step::{Action, Effect};
use crate::words::{count, human};

/// One line an event, on stderr.
#[derive(Debug)]
pub struct Plain {
    /// Whether the many lines of an install command are shown too. A failure shows their end in any case.
    verbose: bool,
}

impl Plain {
    /// `verbose`: install commands are heard in full.
    #[must_use]
    pub fn new(verbose: bool) -> Self {
        Self { verbose }
    }
}

impl Display for Plain {
    fn show(&self, event: &Stamped, told: &Told, view: &RunView<'_>) {
        if let Event::Output { step, .. } = &event.event
            && !self.verbose
            && view.step(step).is_some_and(|step| prints_much(&step.action))
        {
            return;
        }
        told.before.iter().for_each(|text| out::talk(&stamped(event.at, &Shown::line(text))));
        if let Some(text) = line(&event.event).filter(|_| told.news) {
            out::talk(&stamped(event.at, &text));
        }
    }
}

/// Whether a step's command prints more than anybody wants to read who sees it go well.
fn prints_much(action: &Action) -> bool {
    matches!(action.effect(), Effect::Installs(_) | Effect::Brings(_))
}

/// One JSON object an event, on stdout.
#[derive(Debug, Default)]
pub struct Json;

impl Display for Json {
    fn show(&self, event: &Stamped, _: &Told, _: &RunView<'_>) {
        let _ = out::print_json(event);
    }
}

/// The time of day in UTC, as in the names of runs and in journals.
#[must_use]
pub fn clock(at: Timestamp) -> String {
    at.strftime("%H:%M:%S").to_string()
}

/// `text` behind its time, as a line.
fn stamped(at: Timestamp, text: &Shown) -> Shown {
    let mut line = Shown::line(&format!("{} ", clock(at)));
    line.push_line(text);
    line
}

/// An event in a line, with the commands of a step in lines below it; `None` for what a line is too much for.
#[must_use]
pub fn line(event: &Event) -> Option<Shown> {
    let mut line = Shown::line(&words(event)?);
    match event {
        Event::Output { line: output, .. } => line.push(&Shown::output(output)),
        Event::StepStarted { commands, .. } => commands.iter().for_each(|command| {
            line.push_line(&Shown::default());
            line.push(&Shown::line(&match is_recipe(command) {
                true => {
                    format!("         $ a recipe of {}, as the plan shows it", count(command.lines().count(), "line"))
                }
                false => format!("         $ {command}"),
            }));
        }),
        _ => {}
    }
    Some(line)
}

fn words(event: &Event) -> Option<String> {
    Some(match event {
        Event::RunStarted { run, steps, done, simulated, .. } => {
            let again = if *done > 0 { format!(", {done} done before") } else { String::new() };
            let simulated = simulated.as_ref().map(|s| format!(" [{s}]")).unwrap_or_default();
            format!("run {run}: {steps} steps{again}{simulated}")
        }
        Event::Recalled { .. } => return None,
        Event::EventsLost { reason } => {
            format!("note: not every event of this run is kept: {reason}; what was done is in the journal")
        }
        Event::StageStarted { phase, title, .. } => format!("== {phase}: {title}"),
        Event::Waiting { host, what, left_s, .. } => {
            format!("{host}: waiting {} more ({what})", human(*left_s))
        }
        Event::OutsideWindow { host, opens, state, .. } => {
            format!("{host}: outside the window; the run continues when it opens, {opens}. Until then: {state}")
        }
        Event::WindowOpened { host, window } => format!("{host}: the window is open ({window})"),
        Event::GateRed { host, reason, left_s, of_s, .. } => {
            let (waited, of) = (human(of_s.saturating_sub(*left_s)), human(*of_s));
            match of_s.saturating_sub(*left_s) {
                0 => format!("{host}: gate red: {reason} (waits up to {of})"),
                _ => format!("{host}: gate red for {waited} (the run stops after {of}): {reason}"),
            }
        }
        Event::GateGreen { host, gate } => format!("{host}: gate green: {gate}"),
        Event::StepStarted { host, what, .. } => format!("{host}: {what}"),
        Event::Output { host, line, .. } => {
            if line.trim().is_empty() {
                return None;
            }
            // shown by `line`, without the colours of a compiler
            format!("{host} | ")
        }
        Event::StepDone { host, evidence, found, .. } => {
            let word = if *found { "was done already" } else { "done" };
            match evidence.as_str() {
                "" => format!("{host}: {word}"),
                evidence => format!("{host}: {word}: {evidence}"),
            }
        }
        Event::Undone { step, host, reason } => {
            format!("{host}: {step} was done, and the host no longer shows it: {reason}; the run checks it again in its turn")
        }
        Event::Unseen { host, reason } => {
            format!("{host}: could not be checked: {reason}; the run checks it again in its turn")
        }
        Event::HostDone { of: 1, .. } => return None,
        Event::HostDone { host, done, of } => format!("{host}: {done} of {of} hosts done"),
        Event::ClientFailed { host, failure } => format!(
            "{host}: FAILED to {}: {}; the other clients go on",
            failure.message,
            failure.causes.join(": ")
        ),
        Event::HostFailed { host, failure, running } => format!(
            "{host}: FAILED to {}: {}; no further host is begun; the {} at work will finish",
            failure.message,
            failure.told(),
            if *running == 1 { "one host".to_owned() } else { format!("{running} hosts") },
        ),
        Event::Silent { host, reason } => format!("{host}: no answer, retrying: {reason}"),
        // whatever it was, the reason says so: a connection that was lost, a login that runs nothing, a look that hung
        Event::Reconnecting { host, reason } => format!("{host}: retrying: {reason}"),
        Event::PauseRequested => "pausing at the next safe point; if the file system is down, that is when it is up again. Ctrl-C once more leaves \
             at once"
                .to_owned(),
        Event::Paused { state } => format!("paused: {state}"),
        // told by the command itself, with what to do next
        Event::Failed { .. } => return None,
        Event::Finished { evidence } => format!("finished: {evidence}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remote_output_cannot_draw_on_the_operators_terminal() {
        // the name of a process is whatever it calls itself
        let host = crate::host::HostName::new("cl1").unwrap();
        let what = "/mnt/mfs is used by \u{1b}[2Jx (7)".to_owned();
        let shown = line(&Event::Waiting { host, what, left_s: 60, of_s: 600 }).unwrap();
        assert_eq!(shown.as_str(), "cl1: waiting 1 min more (/mnt/mfs is used by \\u{1b}[2Jx (7))");
    }

    #[test]
    fn a_closed_window_says_until_when_to_people_and_machines() {
        let event = Event::OutsideWindow {
            host: crate::host::HostName::new("cs2").unwrap(),
            until: "2026-11-24T21:00:00Z".parse().unwrap(),
            opens: "Tue 2026-11-24 22:00 Europe/Berlin".to_owned(),
            state: "1 of 3 chunkservers on 1.6.27; cluster healthy".to_owned(),
        };
        let shown = line(&event).unwrap().to_string();
        assert!(shown.contains("the run continues when it opens, Tue 2026-11-24 22:00 Europe/Berlin"), "{shown}");
        assert!(shown.ends_with("1 of 3 chunkservers on 1.6.27; cluster healthy"), "{shown}");
        let json = serde_json::to_string(&Stamped { at: jiff::Timestamp::UNIX_EPOCH, event }).unwrap();
        assert!(json.contains(r#""event":"outside-window""#) && json.contains(r#""until":"2026-11-24T21:00:00Z""#));
    }
}
