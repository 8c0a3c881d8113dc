//! Mounts that are in use when their turn comes: what the plan says is done (`busy` of `[[clients]]`). What umount says
//! counts; who uses a mount is looked at to wait for them, and to name them.

use std::time::Duration;

use jiff::Timestamp;

use super::FailureKind;
use super::Runner;
use super::event::Event;
use super::failure::Failure;
use super::ports::{Clock, Hosts, Master};
use super::runner::Stop;
use crate::host::{AbsPath, HostFacts, HostName, Look};
use crate::plan::Busy;
use crate::schedule::{Stage, Step, Track};
use crate::step::{Effect, Unmount};

/// Between two looks at who uses a mount: each reads what every process of the host has open.
const BETWEEN_USERS: Duration = Duration::from_secs(5);

/// Who uses it, where umount said that somebody does and nobody was seen.
const UNSEEN: &str = "a process that was not seen";

impl<H: Hosts, M: Master, C: Clock> Runner<'_, H, M, C> {
    /// One step, when window and gate allow it. A mount in use is waited for, skipped or tried, as the plan says.
    pub(super) async fn turn(&self, stage: &Stage, track: &Track, step: &Step) -> Result<(), Stop> {
        let at = |failure: Failure| Stop::from(failure.at(Some(&step.id), &track.host));
        if step.action.effect().takes_down() {
            self.outlast(&track.host, step, step.action.limit()).await.map_err(at)?;
            // a silent lock is waited for before all else is looked at
            self.still_ours(step).await.map_err(at)?;
        }
        let Effect::Unmounts(Unmount { mount, busy, .. }) = step.action.effect() else {
            self.free_and_fit(stage, track, step).await?;
            return self.step(track, step).await.map_err(at);
        };
        // since when users are waited for: what a gate took before is not theirs
        let mut begun = None;
        loop {
            // a window that closed meanwhile leaves all of the time for when it opens
            if self.still_fit(stage, track, step).await? {
                begun = None;
            }
            // where nothing is done about it, umount says whether it is in use
            if !busy.is_fail() {
                let seen = self.users(&track.host, step).await.map_err(at)?;
                match (self.laws.users(mount.as_str(), &seen), busy) {
                    (Some(users), Busy::Skip) => return Err(at(skipped(mount, &users))),
                    (Some(users), _) if self.wait_for_users(track, mount, *busy, &users, &mut begun).await? => continue,
                    _ => {}
                }
            }
            let failure = match self.step(track, step).await {
                Ok(()) => return Ok(()),
                Err(failure) => failure,
            };
            let now = self.users(&track.host, step).await;
            let Some(now) = now.ok().filter(|now| still_there(mount, now) && failure.kind == FailureKind::StepFailed)
            else {
                return Err(at(failure));
            };
            let users = self.laws.users(mount.as_str(), &now).unwrap_or_else(|| UNSEEN.to_owned());
            match busy {
                Busy::Skip => return Err(at(skipped(mount, &users))),
                Busy::Wait(_) if self.wait_for_users(track, mount, *busy, &users, &mut begun).await? => {}
                _ => return Err(at(named(failure, mount, &users))),
            }
        }
    }

    /// A client whose mount is skipped is left alone altogether: not even the new release is put in place.
    /// One of whose mounts was taken away is not: that one comes back first.
    pub(super) async fn skip_if_used(&self, track: &Track) -> Result<(), Failure> {
        if self.is_half_done(track) {
            return Ok(());
        }
        for step in track.steps.iter().filter(|step| !self.is_done(&step.id)) {
            if let Effect::Unmounts(Unmount { mount, busy: Busy::Skip, .. }) = step.action.effect() {
                let at = |failure: Failure| failure.at(Some(&step.id), &track.host);
                let seen = self.users(&track.host, step).await.map_err(at)?;
                let untouched = self.laws.untouched(&step.action, &self.schedule.to, &seen);
                if let Some(users) = self.laws.users(mount.as_str(), &seen).filter(|_| untouched) {
                    return Err(at(skipped(mount, &users)));
                }
            }
        }
        Ok(())
    }

    async fn users(&self, host: &HostName, step: &Step) -> Result<HostFacts, Failure> {
        self.look_with(host, &Look { users: true, ..step.action.look(self.schedule.admin_port) }).await
    }

    /// Waits a moment, if there is time left; nothing was taken away yet, so that a pause holds.
    async fn wait_for_users(
        &self,
        track: &Track,
        mount: &AbsPath,
        busy: Busy,
        users: &str,
        begun: &mut Option<Timestamp>,
    ) -> Result<bool, Stop> {
        let begun = *begun.get_or_insert_with(|| self.clock.awake());
        let (passed, of_s) = (self.awake_since(begun), busy.patience_s());
        if self.laws.gives_up(passed, of_s) {
            return Ok(false);
        }
        if self.paused_by_operator() {
            return Err(Stop::Pause);
        }
        let what = format!("{mount} is used by {users}");
        self.send(Event::Waiting { host: track.host.clone(), what, left_s: of_s.saturating_sub(passed), of_s });
        self.clock.sleep(BETWEEN_USERS).await;
        Ok(true)
    }
}

fn still_there(mount: &AbsPath, now: &HostFacts) -> bool {
    now.mount(mount.as_str()).is_some()
}

fn skipped(mount: &AbsPath, users: &str) -> Failure {
    let cause = format!("it is used by {users}");
    let mut failure = Failure::new(FailureKind::StepFailed, format!("unmount {mount}"), cause);
    failure.causes.push("the plan skips a mount in use: this client stays on the old release".to_owned());
    failure
}

fn named(mut failure: Failure, mount: &AbsPath, users: &str) -> Failure {
    // a refusal to unmount has named them
    if failure.causes.iter().any(|cause| cause.contains(users)) {
        return failure;
    }
    failure.causes.push(format!("{mount} is used by {users}"));
    failure
}
