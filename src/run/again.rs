//! A daemon that the way back has stopped, and whose old program could not be brought back: it is started again.

use super::FailureKind;
use super::Runner;
use super::event::Event;
use super::failure::{Failure, Remedy};
use super::ports::{Clock, Hosts, Master};
use crate::check::metadata::metadata_is_no_older;
use crate::moosefs::daemon::Role;
use crate::rules::way_back;
use crate::schedule::{Step, Track};
use crate::step::{Action, Effect, LONG_COMMAND, Restore, StartCommand};

/// Looks until a daemon that was started is seen to run.
const LOOKS: usize = 10;

impl<H: Hosts, M: Master, C: Clock> Runner<'_, H, M, C> {
    /// Of a restore that failed behind the stop of its daemon: the release that ran is started again, if its program is still in
    /// its place and nobody runs. `resume` stops it once more. Any other failure stands as it is.
    pub(super) async fn start_again(&self, track: &Track, step: &Step, mut failure: Failure) -> Failure {
        let Action::Restore(Restore { role, prefix, .. }) = &step.action else { return failure };
        // a metalogger serves nobody, and the old release has none
        if *role == Role::Metalogger {
            return failure;
        }
        let stops = |s: &Step| matches!(s.action.effect(), Effect::Stops { role: stopped, .. } if stopped == *role);
        let stopped = track.steps.iter().any(|s| stops(s) && self.is_done(&s.id));
        if !stopped || failure.kind != FailureKind::StepFailed || self.guard.held().is_err() {
            return failure;
        }
        let (host, program, release) = (&track.host, role.program(), &self.schedule.from);
        failure.causes.push(way_back::programs(&self.schedule.to));
        failure = failure.with(Remedy::OldPrograms);
        let Ok(now) = self.look(host, step).await else { return failure };
        if now.daemon(*role).is_some() {
            return failure;
        }
        if now.installed_version(prefix, *role) != Some(release) {
            failure.causes.push(format!("{program} does NOT run: its program is not {release} any more either"));
            return failure;
        }
        let command = StartCommand::Start {
            role: *role,
            prefix: prefix.clone(),
            patience: self.schedule.line().takeover_patience(release),
        };
        let mut output = |line: &str| {
            self.send(Event::output(&step.id, host, line));
        };
        let _ = self.hosts.run(host, &command.script(), LONG_COMMAND, &mut output).await;
        for _ in 0..LOOKS {
            let runs = self
                .look(host, step)
                .await
                .is_ok_and(|now| now.processes.iter().any(|p| p.role == *role && p.version.as_ref() == Some(release)));
            if runs {
                failure.causes.push(format!("{program} {release} was started again and runs"));
                return if *role == Role::Master {
                    self.on_the_same_metadata(failure.at(None, host)).await
                } else {
                    failure
                };
            }
            self.clock.between_looks().await;
        }
        failure.causes.push(format!("{program} {release} was started again and is NOT seen to run"));
        failure
    }

    /// A master that was started again has loaded what it wrote when it was stopped, or is stopped once more at once: its
    /// chunkservers delete what it does not know.
    async fn on_the_same_metadata(&self, failure: Failure) -> Failure {
        let Some((host, start)) = self.start_of_master() else { return failure };
        for _ in 0..LOOKS {
            let Ok(now) = self.look(host, start).await else { return failure };
            if now.metaversion().is_some() || now.daemon(Role::Master).is_none() {
                let older = metadata_is_no_older(now.metaversion(), &self.baseline.borrow());
                return match older {
                    Err(reason) => self.stopped_again(start, failure, reason).await,
                    Ok(()) => failure,
                };
            }
            self.clock.between_looks().await;
        }
        failure
    }
}
