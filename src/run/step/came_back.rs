//! A daemon that a run has stopped and that somebody has started since. PURE.

use semver::Version;

use crate::host::{HostFacts, Process};
use crate::moosefs::daemon::Role;
use crate::run::failure::{Failure, FailureKind};
use crate::schedule::Action;

/// Who runs where the run has stopped a daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CameBack {
    /// A daemon of the release that is to be reached, and nobody beside it: nothing is left to wait for. Which metadata it has
    /// loaded is asked next, and not when the wait would have been over: until then its chunkservers delete what it does not know.
    New(String),
    /// Any other: what follows the wait counts on its end.
    Old(Box<Failure>),
}

/// Who runs on a host that shows `now`, where `action` has stopped a daemon. `None`: nobody, or `action` stops none.
#[must_use]
pub fn came_back(action: &Action, to: &Version, now: &HostFacts) -> Option<CameBack> {
    let Action::StopMaster { .. } = action else { return None };
    let mut masters = now.processes.iter().filter(|p| p.role == Role::Master);
    let first = masters.clone().next()?;
    match masters.find(|p| p.version.as_ref() != Some(to)) {
        None => Some(CameBack::New(format!("{} runs, which this run has not started", named(first)))),
        Some(old) => Some(CameBack::Old(Box::new(started_by_others(old)))),
    }
}

fn named(process: &Process) -> String {
    let version = process.version.as_ref().map_or("of an unknown release".to_owned(), Version::to_string);
    format!("{} {version} (pid {})", process.role.program(), process.pid)
}

fn started_by_others(old: &Process) -> Failure {
    let cause = format!("{} runs on it, and was not started by this run", named(old));
    let mut failure =
        Failure::new(FailureKind::StepFailed, "keep the old mfsmaster stopped until the new one starts", cause);
    failure.causes.extend([
        "chunkservers of the new release cannot register with it: clients that it serves find no chunks".to_owned(),
        "find who started it (keepalived, monit, a cron job, a colleague; `mfsupgrade check` names what it finds under \
         started-by-others) and turn that off; the run then stops this master as it did before and goes on"
            .to_owned(),
    ]);
    failure
}
