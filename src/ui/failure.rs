//! A stop, told in one place: what failed and why, what state the cluster is in, what to do next.

use super::shown::Shown;
use crate::run::{Failure, FailureKind, Others};

/// The message. `resume`: the command that goes on with this run.
#[must_use]
pub fn text(failure: &Failure, state: &str, resume: &str) -> Shown {
    let mut text = Shown::default();
    let mut line = |words: String| text.push_line(&Shown::line(&words));
    // a journal is on this machine, whatever host its record is about
    let host = failure.host.as_ref().filter(|_| failure.kind != FailureKind::Journal);
    let place = host.map(|h| format!(" on {h}")).unwrap_or_default();
    line(format!("error: failed to {}{place}", failure.message));
    for cause in &failure.causes {
        line(format!("  because: {cause}"));
    }
    if let Some(step) = &failure.step {
        line(format!("  step:    {step}"));
    }
    for output in &failure.output {
        text.push_line(&Shown::line("  | ").and(&Shown::output(output)));
    }
    let mut line = |words: String| text.push_line(&Shown::line(&words));
    let others = match failure.others {
        Others::Untouched => "no further host was touched",
        Others::CameToTheirEnd => "those at work beside it came to their end, and no further host was touched",
        Others::WentOn => "the other clients were gone through",
    };
    line(format!("stopped: {others}; {state}"));
    line(format!("next:    {}", next(failure)));
    if failure.asks_about_metadata() {
        line(format!("         if its metadata is the right one, `{resume} --accept-metadata` goes on with it"));
    } else {
        line(format!("         then `{resume}` goes on at the first step that is not done"));
    }
    text
}

fn next(failure: &Failure) -> &'static str {
    if failure.asks_about_metadata() {
        return "look whether the master serves the files that it should, as said above";
    }
    // a master was stopped again: nothing recovers by itself
    if failure.is_of_metadata() {
        return "see that the newest metadata is in DATA_PATH, as said above; the master is then started and counted anew";
    }
    if failure.wants_old_programs() {
        return "install the old release by hand on that host, as said above";
    }
    if failure.may_accept_lost() {
        return "bring back what the reason names; where it is lost for good, write the `accept_lost` that is named above into the plan";
    }
    match failure.kind {
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

    #[test]
    fn what_became_of_the_others_is_said_as_it_is() {
        let told = |others| {
            let failure = Failure { others, ..Failure::new(FailureKind::StepFailed, "start it", "it died") };
            text(&failure, "0 of 2 clients on 1.6.27", "resume").to_string()
        };
        assert!(told(Others::Untouched).contains("\nstopped: no further host was touched; 0 of 2"));
        assert!(told(Others::CameToTheirEnd).contains("\nstopped: those at work beside it came to their end, and"));
        let went_on = told(Others::WentOn);
        assert!(went_on.contains("\nstopped: the other clients were gone through; 0 of 2"));
        assert!(!went_on.contains("no further host"));
    }
}
