//! How a run begins, forward or back: what stands against it is said, what will be done is shown and asked about, and then it
//! is walked.

use std::time::Duration;

use jiff::Timestamp;

use super::clock::RunClock;
use super::exit::Exit;
use super::lock::{claim, take};
use super::walk::{Display, Log, Signals, Walk, give_back};
use super::{Failed, StateDir, refusal};
use crate::check::Finding;
use crate::fleet::SshFleet;
use crate::host::lock::Verb;
use crate::journal::{NewRun, StateFolder};
use crate::plan::Plan;
use crate::run::ports::Clock;
use crate::schedule::Schedule;
use crate::ui;
use crate::ui::out::{self, say};
use crate::ui::shown::Shown;
use crate::words::human;

/// Whether nothing blocks a run; says what does. `whole`: whether everything was seen that a schedule needs;
/// `what`: an upgrade or a rollback.
pub(super) fn fits(
    plan: &Plan,
    findings: &[Finding],
    whole: bool,
    what: &str,
    display: &Display,
) -> std::io::Result<bool> {
    let accepted = &plan.upgrade.acknowledge;
    out::talk(&ui::findings::text(findings, accepted, display.verbose, console::colors_enabled_stderr()));
    let fits = whole && !findings.iter().any(|f| f.stops(accepted));
    if !fits {
        let message = format!("not begun: {}; no host was touched", ui::findings::to_mend(findings, accepted, what));
        say!("{message}");
        if display.log == Log::Json {
            out::print_json(&refusal::of_cluster(findings, &message))?;
        }
    }
    Ok(fits)
}

/// A run to begin.
pub(super) struct Beginning<'a> {
    /// What it is begun with.
    pub new: NewRun<'a>,
    /// The hosts.
    pub fleet: &'a SshFleet,
    /// Unfinished runs here that it takes the place of.
    pub abandon: &'a [String],
    /// The run that holds the cluster's lock, and is set aside.
    pub set_aside: Option<&'a str>,
}

/// How long an answer may take before what it was asked of is looked at once more.
const LATE: Duration = Duration::from_secs(5 * 60);

/// What became of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// Nothing is begun.
    No,
    /// It is begun.
    Yes,
    /// The same, after so long a time that the hosts are looked at again.
    Late,
}

/// Shows what will be done, and asks where there is a question and where it was not asked already: `shown` is what was agreed
/// to before the hosts were looked at again.
pub(super) fn ask(
    schedule: &Schedule,
    question: Option<&str>,
    shown: Option<&Schedule>,
    clock: &RunClock,
) -> Result<Answer, Failed> {
    if shown.is_some_and(|shown| does_the_same(shown, schedule)) {
        return Ok(Answer::Yes);
    }
    out::talk(&ui::summary::text(schedule));
    let Some(question) = question else { return Ok(Answer::Yes) };
    let asked = clock.now();
    if !confirm(question)? {
        say!("not confirmed: no host was touched");
        return Ok(Answer::No);
    }
    if clock.now().duration_since(asked).unsigned_abs() < LATE {
        return Ok(Answer::Yes);
    }
    say!("the answer took more than {}: checking the hosts again", human(LATE.as_secs()));
    Ok(Answer::Late)
}

/// Whether two schedules do the same on the same hosts in the same order, whatever they say of it.
fn does_the_same(one: &Schedule, other: &Schedule) -> bool {
    let steps = |schedule: &'_ Schedule| -> Vec<_> {
        schedule.steps().map(|(_, track, step)| (track.host.clone(), step.id.clone(), step.action.clone())).collect()
    };
    steps(one) == steps(other)
}

/// Walks a new run. `state`: where runs are kept, as it was given
/// and as it was opened.
pub(super) async fn begin(
    beginning: &Beginning<'_>,
    state: (&StateDir, &StateFolder),
    display: &Display,
) -> Result<Exit, Failed> {
    let Beginning { new, fleet, abandon, set_aside } = *beginning;
    let NewRun { plan, schedule, .. } = new;
    let master = &plan.master.host;
    let simulated = state.1.simulated()?;
    let mut run = state.1.begin(&new, Timestamp::now())?;
    let taken = match claim(&run.name, state.1) {
        Ok(claim) => take(fleet, master, claim, set_aside, Verb::Drop).await,
        Err(failed) => Err(failed),
    };
    let lock = match taken {
        Ok(lock) => lock,
        Err(failed) => {
            run.discard()?;
            return Err(failed);
        }
    };
    if let Err(error) = abandon.iter().try_for_each(|run| state.1.abandon(run, Timestamp::now())) {
        // nothing was done yet: neither the lock nor the run stays
        give_back(&lock, true).await;
        run.discard()?;
        return Err(error.into());
    }
    let way = Some(state.0.way(&run.name, schedule.back_of.as_deref()));
    let admin_address = schedule.admin_address.unwrap_or(std::net::Ipv4Addr::LOCALHOST);
    let walk = Walk { plan, schedule, fleet, lock: &lock, admin_address, simulated, way, accepts_metadata: false };
    let progress = run.progress.clone();
    let ending = walk.walk(&mut run, &progress, display, &mut Signals::listen()?).await?;
    Ok((&ending).into())
}

/// Asks; everything but a `y` is a no, and the cursor stays where it can be seen.
pub(super) fn confirm(question: &str) -> Result<bool, Failed> {
    out::talk(&Shown::line(&format!("{question} [y/N] ")));
    let Some(answer) = out::answer().map_err(|e| Failed::new(Exit::NotConfirmed, e))? else {
        let error = anyhow::anyhow!("no terminal to ask on; run the same command with --yes");
        return Err(Failed::new(Exit::NotConfirmed, error));
    };
    say!("{}", if answer { "yes" } else { "no" });
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::V1_5_TO_1_6;
    use crate::schedule::compile;
    use std::path::Path;

    #[test]
    fn what_was_agreed_to_is_what_is_done_and_not_what_is_said_of_it() {
        let source = "[upgrade]\nfrom = \"1.5.12\"\nto = \"1.6.27\"\n[install.commands]\nmaster = \"m\"\nchunkserver = \"c\"\n\
                      [master]\nhost = \"m\"\n[[chunkservers]]\nhosts = [\"a\"]\n";
        let schedule =
            |source: &str| compile(&Plan::parse(source, Path::new("p"), Path::new("/")).unwrap(), None, &V1_5_TO_1_6);
        let agreed = schedule(source);
        let mut now = agreed.clone();
        now.stages[0].why = "the copies (13 MB now) go here".to_owned();
        assert!(does_the_same(&agreed, &now));
        assert!(!does_the_same(&agreed, &schedule(&source.replace("\"c\"", "\"d\""))));
        assert!(!does_the_same(&agreed, &schedule(&source.replace("[\"a\"]", "[\"a\", \"b\"]"))));
    }
}
