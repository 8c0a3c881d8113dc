//! Before a run goes on: what its journal calls done is done only if the host still shows it.
//!
//! Hosts reboot, and people repair them by hand, while a run stands still. A step whose effect is gone is taken for one that was
//! begun and not seen to be done: it comes up again in its turn, looks at its host like any other, and finds or does what is
//! left of it.

use std::collections::BTreeMap;

use futures_util::stream::{self, StreamExt};

use super::Runner;
use super::came_back::CameBack;
use super::event::Event;
use super::failure::Failure;
use super::job::Begun;
use super::ports::{Clock, Hosts, Master};
use super::recognise::{NotSeen, is_another};
use crate::host::HostName;
use crate::journal::Progress;
use crate::moosefs::daemon::Role;
use crate::schedule::{Phase, Step};
use crate::step::{Effect, Verdict};

/// Hosts that are looked at at once.
const AT_ONCE: usize = 16;

impl<H: Hosts, M: Master, C: Clock> Runner<'_, H, M, C> {
    /// Looks at every host of the schedule. One on which the journal knows something done must be reached, unless it is a client:
    /// that is dealt with in its turn and at the last look. One whose turn is to come must not, since the file system may be
    /// down until the run goes on; it is tried once, and told of.
    pub(super) async fn reconcile(&self, progress: &Progress) -> Result<(), Failure> {
        let mut hosts: BTreeMap<&HostName, Vec<(Phase, &Step)>> = BTreeMap::new();
        for (stage, track, step) in self.schedule.steps() {
            hosts.entry(&track.host).or_default().push((stage.phase, step));
        }
        let looks = hosts.into_iter().map(|(host, steps)| self.reconcile_host(host, steps, progress));
        let seen: Vec<Result<(), Failure>> = stream::iter(looks).buffer_unordered(AT_ONCE).collect().await;
        seen.into_iter().collect()
    }

    /// From the last step to the first: a daemon that runs is proof of all that was done for it, and one that does not run
    /// proves nothing.
    async fn reconcile_host(
        &self,
        host: &HostName,
        steps: Vec<(Phase, &Step)>,
        progress: &Progress,
    ) -> Result<(), Failure> {
        let begun = |step: &Step| self.is_done(&step.id) || self.open.borrow().contains_key(&step.id);
        if let Some((phase, first)) = steps.first()
            && !steps.iter().any(|(_, step)| begun(step))
        {
            return match self.look_once(host, &first.action.look(self.schedule.admin_port)).await {
                Ok(_) => Ok(()),
                // a client's turn is its own
                Err(NotSeen::Another(reason)) if *phase != Phase::Clients => Err(is_another(host, reason)),
                Err(not) => {
                    self.send(Event::Unseen { host: host.clone(), reason: not.reason() });
                    Ok(())
                }
            };
        }
        let (mut standing, mut begun): (Vec<&Step>, Vec<&Step>) = (Vec::new(), Vec::new());
        for (phase, step) in steps.into_iter().rev() {
            if !self.is_done(&step.id) {
                begun.extend(self.open.borrow().contains_key(&step.id).then_some(step));
                continue;
            }
            // what was ended stays ended, however far its successor came
            let effect = step.action.effect();
            let ended = effect.takes_down() && begun.iter().any(|later| later.action.effect().supersedes(effect));
            let proven = standing.iter().any(|later| later.action.effect().supersedes(effect));
            if !effect.lasts() || proven || (ended && !self.old_is_back(host, step).await?) {
                standing.push(step);
                continue;
            }
            let now = match self.look(host, step).await {
                Ok(now) => now,
                Err(failure) if phase == Phase::Clients => {
                    self.send(Event::Unseen { host: host.clone(), reason: failure.told() });
                    return Ok(());
                }
                Err(failure) => return Err(failure.at(Some(&step.id), host)),
            };
            let to = &self.schedule.to;
            // a new master that runs has come after the old one's end, also where the record of its start was lost
            let new = now.processes.iter().any(|p| p.role == Role::Master && p.version.as_ref() == Some(to));
            match self.laws.still_shows(&step.action, to, &now) {
                Verdict::NotYet(_) if step.action.begins_the_outage() && new => standing.push(step),
                Verdict::Done(_) => standing.push(step),
                // nothing can be mounted while our own master is stopped, and it must not wait for that: the last look finds it
                Verdict::NotYet(_) if matches!(effect, Effect::Mounts(_)) && self.stands_still() => {}
                Verdict::NotYet(reason) => {
                    let was = self.done.borrow_mut().remove(&step.id);
                    // where the clock was set back, a later try was begun before this one was done, as the journal has it
                    let at = was.max(progress.begun_at.get(&step.id).copied()).unwrap_or_else(|| self.clock.now());
                    self.open.borrow_mut().insert(step.id.clone(), Begun { at, earlier: false });
                    begun.push(step);
                    self.send(Event::Undone { step: step.id.clone(), host: host.clone(), reason });
                }
            }
        }
        Ok(())
    }

    /// Whether a master that was stopped runs again, also where the start of its successor was begun since: what was ended stays
    /// ended but for that.
    async fn old_is_back(&self, host: &HostName, step: &Step) -> Result<bool, Failure> {
        if !step.action.begins_the_outage() {
            return Ok(false);
        }
        let now = self.look(host, step).await.map_err(|f| f.at(Some(&step.id), host))?;
        let back = self.laws.came_back(&step.action, &self.schedule.to, &now);
        Ok(matches!(back, Some(CameBack::Old(_))))
    }

    /// Whether the run has stopped the master and not started its successor.
    fn stands_still(&self) -> bool {
        let stops = |s: &Step| matches!(s.action.effect(), Effect::Stops { role: Role::Master, .. });
        let all = || self.schedule.steps().map(|(_, _, step)| step);
        all().any(|s| stops(s) && self.is_done(&s.id))
            && all().any(|s| s.action.starts_the_master() && !self.is_done(&s.id))
    }
}
