//! The maintenance window (`[window]`): no step that takes something down begins outside it. The run waits by itself.
//!
//! While the file system stands still, or a client is without its mount, nothing is waited for: those steps are the ones
//! before which nobody may pause either (`Step::pause_before`). A full stop whose master a boot has brought up meanwhile does not
//! stand still any more.

use super::FailureKind;
use super::Runner;
use super::effect::RECONNECT;
use super::event::Event;
use super::failure::Failure;
use super::ports::{Clock, Hosts, Master};
use super::runner::Stop;
use crate::host::HostName;
use crate::moosefs::daemon::Role;
use crate::plan::Window;
use crate::schedule::{Step, Track};
use crate::step::{Effect, Start, Verdict};

/// Seconds between two events about the same wait: it may last for days.
const TOLD_EVERY_S: u64 = 60;

impl<H: Hosts, M: Master, C: Clock> Runner<'_, H, M, C> {
    /// Waits until the window is open, if anything of `track` is bound to it. A track is not begun outside: its new release
    /// would lie in place for hours, and a reboot would start it before its turn. Whether it has waited.
    pub(super) async fn window(&self, track: &Track) -> Result<bool, Stop> {
        let Some(window) = self.closed() else { return Ok(false) };
        for step in track.steps.iter().filter(|step| !self.is_done(&step.id)) {
            if self.is_bound(step).await {
                let takes_down = self.takes_down_now(&track.host, step).await?;
                return if takes_down { self.wait_for(window, &track.host).await } else { Ok(false) };
            }
        }
        Ok(false)
    }

    /// The same before one step: what came before it on its host took as long as it took.
    pub(super) async fn window_of(&self, track: &Track, step: &Step) -> Result<bool, Stop> {
        match self.closed() {
            Some(window) if self.is_bound(step).await && self.takes_down_now(&track.host, step).await? => {
                self.wait_for(window, &track.host).await
            }
            _ => Ok(false),
        }
    }

    /// The window, if there is one and it is closed now.
    pub(super) fn closed(&self) -> Option<&Window> {
        self.schedule.window.as_ref().filter(|window| !self.laws.is_open(window, self.clock.wall()))
    }

    /// Whether a step is bound to the window: it takes something down that serves until then. In a full stop a chunkserver does
    /// not, unless a boot has brought up a master that the run has not started.
    async fn is_bound(&self, step: &Step) -> bool {
        let effect = step.action.effect();
        if matches!(effect, Effect::Looks) || !effect.takes_down() {
            return false;
        }
        if step.action.begins_the_outage() && self.serves_nobody() {
            return false;
        }
        let of_server = starts_a_chunkserver(step) && !self.schedule.is_back();
        step.pause_before || (of_server && self.master_serves().await)
    }

    /// Whether an old master has no chunkserver left that can register with it: a full stop has brought all of them into the new
    /// release, and somebody has started it since. The file system stands still until it is stopped again.
    fn serves_nobody(&self) -> bool {
        let mut servers = self.schedule.steps().map(|(_, _, step)| step).filter(|s| starts_a_chunkserver(s)).peekable();
        servers.peek().is_some() && servers.all(|step| self.is_done(&step.id))
    }

    /// Whether a master serves. One that cannot be asked does, unless the run has stopped it.
    async fn master_serves(&self) -> bool {
        self.overview_within(RECONNECT).await.map_or_else(|silence| !silence.reached && !self.has_stopped(), |_| true)
    }

    /// Whether there is something to take down: not where it was done by hand, nor where a lost connection hid that it was
    /// taken down already.
    async fn takes_down_now(&self, host: &HostName, step: &Step) -> Result<bool, Failure> {
        let now = self.look(host, step).await.map_err(|f| f.at(Some(&step.id), host))?;
        if matches!(self.laws.already(&step.action, &self.schedule.to, &now), Verdict::Done(_)) {
            return Ok(false);
        }
        let begun = self.open.borrow().contains_key(&step.id);
        // nor is one left down that has gone since, where it is taken over while all others serve
        Ok((step.pause_before && !begun) || self.laws.untouched(&step.action, &self.schedule.to, &now))
    }

    async fn wait_for(&self, window: &Window, host: &HostName) -> Result<bool, Stop> {
        let never = || {
            let cause = format!("the window {window} does not open within a month");
            Failure::new(FailureKind::StepFailed, "wait for the maintenance window", cause).at(None, host)
        };
        let opens = window.at(self.clock.wall()).ok_or_else(never)?.opens;
        let of_s = self.seconds_until(opens);
        let state = self.standing().await.to_string();
        self.send(Event::OutsideWindow { host: host.clone(), until: opens, opens: window.show(opens), state });
        // nobody holds a connection open for a day
        self.hosts.done_with(host).await;
        let mut told = None;
        while !self.laws.is_open(window, self.clock.wall()) {
            if self.paused_by_operator() {
                return Err(Stop::Pause);
            }
            let left_s = self.seconds_until(opens);
            if told.replace(left_s / TOLD_EVERY_S) != Some(left_s / TOLD_EVERY_S) {
                let what = format!("for the window, which opens {}", window.show(opens));
                self.send(Event::Waiting { host: host.clone(), what, left_s, of_s });
            }
            self.clock.between_looks().await;
        }
        self.send(Event::WindowOpened { host: host.clone(), window: window.to_string() });
        self.recount().await?;
        Ok(true)
    }

    fn seconds_until(&self, then: jiff::Timestamp) -> u64 {
        u64::try_from(then.duration_since(self.clock.wall()).as_secs()).unwrap_or(0)
    }
}

fn starts_a_chunkserver(step: &Step) -> bool {
    matches!(step.action.effect(), Effect::Starts(Start { role: Role::Chunkserver, .. }))
}
