//! A stop, told in one place: what failed and why, what state the cluster is in, what to do next.

use super::shown::Shown;
use crate::journal::{Failure, FailureKind, Others, Remedy, RunView};
use crate::step::{Action, Effect};

/// The commands that lead on from a stop, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WayOn {
    /// Resumes the run.
    pub resume: String,
    /// Takes it back; `None`: it is a way back itself.
    pub rollback: Option<String>,
}

/// What there is in place of commands in a rehearsal whose cluster ends with it.
pub const ENDS: &str =
    "this rehearsal ends here; `--keep` leaves its cluster running, and prints the commands to resume";

/// What the step does that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nothing that runs becomes another.
    Prepares,
    /// The same: the new release loads a copy.
    Tries,
    /// A daemon begins.
    Starts,
    /// Something else.
    Changes,
}

impl Kind {
    fn of(action: &Action, is_back: bool) -> Self {
        match action.effect() {
            Effect::TriesMetadata(_) => Self::Tries,
            Effect::Brings(_) => Self::Prepares,
            // on the way back the file system stands still by then
            Effect::CopiesMetadata(_) if !is_back => Self::Prepares,
            Effect::Starts(_) => Self::Starts,
            Effect::CopiesMetadata(_)
            | Effect::Prepares(_)
            | Effect::Installs(_)
            | Effect::Restores(_)
            | Effect::Stops { .. }
            | Effect::Unmounts(_)
            | Effect::Mounts(_)
            | Effect::Previewed { .. }
            | Effect::Looks => Self::Changes,
        }
    }

    fn changes_nothing(self) -> bool {
        matches!(self, Self::Prepares | Self::Tries)
    }
}

/// Why a run stopped; `None`: it did not fail. `way`: how to go on with this run; `None`: its hosts end with it.
#[must_use]
pub fn text(view: &RunView<'_>, way: Option<&WayOn>) -> Option<Shown> {
    let failure = view.failure()?;
    let step = failure.step.as_ref().and_then(|step| view.step(step));
    let kind = step.map(|step| Kind::of(&step.action, view.is_back()));
    Some(message(failure, kind, view.stands().unwrap_or_default(), way))
}

/// The message of a failure; `kind`: what its step does.
#[must_use]
pub fn message(failure: &Failure, kind: Option<Kind>, state: &str, way: Option<&WayOn>) -> Shown {
    let mut text = Shown::default();
    let mut line = |words: String| text.push_line(&Shown::line(&words));
    // a journal is on this machine, whatever host its record is about
    let host = failure.host.as_ref().filter(|_| failure.kind != FailureKind::Journal);
    // a gate is about the cluster, and holds before a host
    let gate = failure.kind == FailureKind::GateRed;
    let place = host.filter(|_| !gate || failure.step.is_none());
    let place = place.map(|h| format!("{} {h}", if gate { ", before the turn of" } else { " on" })).unwrap_or_default();
    line(format!("error: failed to {}{place}", failure.message));
    for cause in &failure.causes {
        line(format!("  because: {cause}"));
    }
    if let Some(step) = &failure.step {
        line(format!("  step:    {step}"));
    }
    for output in &failure.said.output {
        text.push_line(&Shown::line("  | ").and(&Shown::output(output)));
    }
    if !failure.said.log.is_empty() {
        text.push_line(&Shown::line("  its host's log ends with:"));
    }
    for logged in &failure.said.log {
        text.push_line(&Shown::line("  | ").and(&Shown::output(logged)));
    }
    let mut line = |words: String| text.push_line(&Shown::line(&words));
    let others = match failure.others {
        Others::Untouched => "no further host was touched",
        Others::CameToTheirEnd => "the hosts at work at the same time finished, and no further host was touched",
        Others::WentOn => "the run tried all other clients",
    };
    line(format!("stopped: {others}; {state}"));
    line(format!("next:    {}", next(failure, kind)));
    let Some(WayOn { resume, rollback }) = way else {
        line(format!("         {ENDS}"));
        return text;
    };
    if failure.asks_about_metadata() {
        line(format!("         if the master serves the right metadata, run `{resume} --accept-metadata`"));
    } else {
        line(format!("         then run `{resume}`: it resumes at the first unfinished step"));
    }
    if kind.is_some_and(|kind| !kind.changes_nothing())
        && let Some(rollback) = rollback
    {
        line(format!("or:      `{rollback}` brings the old release back, if this cannot be put right tonight"));
    }
    text
}

fn next(failure: &Failure, kind: Option<Kind>) -> &'static str {
    if failure.kind == FailureKind::StepFailed && kind == Some(Kind::Tries) {
        return match failure.needs(Remedy::Acknowledge) {
            true => {
                "nothing that runs was changed, and this can wait: do what the reason says, or accept what it names in the plan"
            }
            false => {
                "nothing that runs was changed, and this can wait: find out why the new release does not take this metadata; \
                 until then leave the old master as it is"
            }
        };
    }
    if failure.asks_about_metadata() {
        return "look whether the master serves the files that it should, as said above";
    }
    // a master was stopped again: nothing recovers by itself
    if failure.needs(Remedy::NewestMetadata) {
        return "see that the newest metadata is in DATA_PATH, as said above; the master is then started and counted anew";
    }
    if failure.needs(Remedy::OldPrograms) {
        return "install the old release by hand on that host, as said above";
    }
    if failure.needs(Remedy::AcceptLost) {
        return "bring back what the reason names; where it is lost for good, write the `accept_lost` that is named above into the plan";
    }
    match failure.kind {
        FailureKind::StepFailed if kind == Some(Kind::Prepares) => {
            "put right what the reason or the output above names, on that host; the step changes nothing that runs, and this can wait"
        }
        FailureKind::StepFailed if kind == Some(Kind::Starts) && !failure.said.log.is_empty() => {
            "put right what the daemon's words above name, on that host"
        }
        FailureKind::StepFailed if kind == Some(Kind::Starts) => {
            "read its output above, and what the daemon told syslog on that host (`journalctl -n 50`, or /var/log/syslog)"
        }
        FailureKind::StepFailed if failure.said.output.is_empty() => {
            "put right what the reason above names, on that host"
        }
        FailureKind::StepFailed => "read the command's output above and put right what it names, on that host",
        FailureKind::GateRed => {
            "let the cluster recover, or bring back what the reason names; the gate is looked at again"
        }
        FailureKind::Unknown => "bring the host back; what it shows then decides whether the step was done",
        FailureKind::Unreachable => {
            "put right what the reason names; `ssh HOST true` must work from here, without a prompt"
        }
        FailureKind::Journal => "make room or repair the state folder on this machine",
        FailureKind::Locked => "ask whoever began the other run; two runs on one cluster would each take a server down",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way() -> WayOn {
        let command = |verb: &str| format!("mfsupgrade {verb} r1 --state-dir /s");
        WayOn { resume: command("resume"), rollback: Some(command("rollback")) }
    }

    fn told(kind: Kind, way: Option<&WayOn>, cause: &str) -> String {
        let failure = Failure::new(FailureKind::StepFailed, "do it", cause);
        let host = crate::host::HostName::new("cs2").unwrap();
        message(&failure.at(None, &host), Some(kind), "as it is", way).to_string()
    }

    #[test]
    fn every_command_to_go_on_is_whole_and_there_is_none_where_none_can_work() {
        let stopped = told(Kind::Starts, Some(&way()), "none runs");
        for verb in ["resume", "rollback"] {
            assert!(stopped.contains(&format!("`mfsupgrade {verb} r1 --state-dir /s`")), "{stopped}");
        }
        let taken_back = WayOn { rollback: None, ..way() };
        assert!(!told(Kind::Starts, Some(&taken_back), "none runs").contains("rollback"));
        let rehearsed = told(Kind::Starts, None, "none runs");
        assert!(!rehearsed.contains("mfsupgrade ") && rehearsed.contains("`--keep`"), "{rehearsed}");
    }

    #[test]
    fn what_comes_next_fits_what_failed() {
        // nothing runs otherwise than before: there is nothing to take back, and no hurry
        for step in [Kind::Prepares, Kind::Tries] {
            let stopped = told(step, Some(&way()), "it is so");
            assert!(stopped.contains("this can wait") && !stopped.contains("rollback"), "{stopped}");
        }
        let slow = Failure::new(FailureKind::StepFailed, "load it", "it takes long").with(Remedy::Acknowledge);
        let slow = message(&slow, Some(Kind::Tries), "as it is", Some(&way())).to_string();
        assert!(slow.contains("accept what it names in the plan"), "{slow}");
        let corrupt = told(Kind::Tries, Some(&way()), "it does not load");
        assert!(corrupt.contains("leave the old master as it is") && !corrupt.contains("accept"), "{corrupt}");
        // a daemon that dies behind its start has said nothing on its command's output
        assert!(told(Kind::Starts, Some(&way()), "none runs").contains("syslog"));
        assert!(!told(Kind::Changes, Some(&way()), "it runs").contains("output above"));
    }

    #[test]
    fn what_became_of_the_others_is_said_as_it_is() {
        let told = |others| {
            let failure = Failure { others, ..Failure::new(FailureKind::StepFailed, "start it", "it died") };
            message(&failure, None, "0 of 2 clients on 1.6.27", Some(&way())).to_string()
        };
        assert!(told(Others::Untouched).contains("\nstopped: no further host was touched; 0 of 2"));
        assert!(told(Others::CameToTheirEnd).contains("\nstopped: the hosts at work at the same time finished, and"));
        let went_on = told(Others::WentOn);
        assert!(went_on.contains("\nstopped: the run tried all other clients; 0 of 2"));
        assert!(!went_on.contains("no further host"));
    }
}
