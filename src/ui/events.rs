//! Events as plain lines and as JSON lines.

use std::io::Write;
use std::sync::Mutex;

use super::schedule::is_recipe;
use super::time::human;
use crate::run::event::Stamped;
use crate::run::{Event, EventSink};
use crate::schedule::count;

/// Seconds between two lines about the same wait: a log is read afterwards.
const WAIT_LINES_S: u64 = 60;

/// The same where hours are left: the wait for a window.
const LONG_WAIT_LINES_S: u64 = 3600;

/// One line an event, on stderr.
#[derive(Debug)]
pub struct Plain {
    /// Whether the many lines of an install command are shown too. A failure shows their end in any case.
    verbose: bool,
    /// Minutes left at the last line about a wait.
    told: Mutex<Option<(String, u64)>>,
}

impl Plain {
    /// `verbose`: install commands are heard in full.
    #[must_use]
    pub fn new(verbose: bool) -> Self {
        Self { verbose, told: Mutex::default() }
    }
}

impl EventSink for Plain {
    fn send(&self, event: Stamped) {
        if let Event::Waiting { host, left_s, .. } = &event.event {
            let mut told = self.told.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let every = if *left_s > LONG_WAIT_LINES_S { LONG_WAIT_LINES_S } else { WAIT_LINES_S };
            let now = (host.to_string(), left_s.div_ceil(every) * every);
            if told.as_ref() == Some(&now) {
                return;
            }
            *told = Some(now);
        }
        if let Event::Output { step, .. } = &event.event
            && (step.0.ends_with("/install") || step.0.contains("/build:"))
            && !self.verbose
        {
            return;
        }
        if let Some(text) = line(&event.event) {
            let time = event.at.strftime("%H:%M:%S");
            let _ = writeln!(std::io::stderr().lock(), "{time} {text}");
        }
    }
}

/// One JSON object an event, on stdout.
#[derive(Debug, Default)]
pub struct Json;

impl EventSink for Json {
    fn send(&self, event: Stamped) {
        if let Ok(json) = serde_json::to_string(&event) {
            let _ = writeln!(std::io::stdout().lock(), "{json}");
        }
    }
}

/// An event in a line; `None` for what a line is too much for.
#[must_use]
pub fn line(event: &Event) -> Option<String> {
    Some(match event {
        Event::RunStarted { run, steps, done, simulated, .. } => {
            let again = if *done > 0 { format!(", {done} done before") } else { String::new() };
            let simulated = simulated.as_ref().map(|s| format!(" [{s}]")).unwrap_or_default();
            format!("run {run}: {steps} steps{again}{simulated}")
        }
        Event::StageStarted { phase, title, .. } => format!("== {phase}: {title}"),
        Event::Waiting { host, what, left_s, .. } => format!("{host}: waiting {} more ({what})", human(*left_s)),
        Event::OutsideWindow { host, opens, state, .. } => {
            format!("{host}: outside the window; goes on by itself when it opens, {opens}. Until then: {state}")
        }
        Event::WindowOpened { host, window } => format!("{host}: the window is open ({window})"),
        Event::GateRed { host, reason, left_s, .. } => {
            format!("{host}: gate not green, {} left: {reason}", human(*left_s))
        }
        Event::GateGreen { host, gate } => format!("{host}: gate green: {gate}"),
        Event::StepStarted { host, what, commands, .. } => {
            let shown = |c: &String| match is_recipe(c) {
                true => format!("\n         $ a recipe of {}, as the plan shows it", count(c.lines().count(), "line")),
                false => format!("\n         $ {c}"),
            };
            let commands: String = commands.iter().map(shown).collect();
            format!("{host}: {what}{commands}")
        }
        Event::Output { host, line, .. } => {
            if line.trim().is_empty() {
                return None;
            }
            format!("{host} | {}", printable(line))
        }
        Event::StepDone { host, evidence, found, .. } => {
            let word = if *found { "was done already" } else { "done" };
            if evidence.is_empty() { format!("{host}: {word}") } else { format!("{host}: {word}: {evidence}") }
        }
        Event::HostDone { of: 1, .. } => return None,
        Event::HostDone { host, done, of } => format!("{host}: {done} of {of} hosts done"),
        Event::ClientFailed { host, failure } => format!(
            "{host}: FAILED to {}: {}; the other clients go on",
            failure.message,
            printable(&failure.causes.join(": "))
        ),
        Event::HostFailed { host, failure, running } => format!(
            "{host}: FAILED to {}: {}; no further host is begun, and the {} at work come to their end",
            failure.message,
            printable(&failure.told()),
            if *running == 1 { "one host".to_owned() } else { format!("{running} hosts") },
        ),
        Event::Reconnecting { host, reason } => format!("{host}: connection lost, trying again: {}", printable(reason)),
        Event::PauseRequested => "pausing at the next safe point; Ctrl-C once more leaves at once".to_owned(),
        Event::Paused { state } => format!("paused: {state}"),
        // told by the command itself, with what to do next
        Event::Failed { .. } => return None,
        Event::Finished { evidence } => format!("finished: {evidence}"),
    })
}

/// Output of a remote command cannot move the cursor here or change a colour.
#[must_use]
pub fn printable(text: &str) -> String {
    console::strip_ansi_codes(text).chars().map(|c| if c.is_control() && c != '\t' { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remote_output_cannot_draw_on_the_operators_terminal() {
        assert_eq!(printable("\u{1b}[2Jwiped\u{7}\r"), "wiped  ");
    }
}
