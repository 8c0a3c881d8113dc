//! Bugs in the executor itself: it asks at each turn what the laws say (`mfsupgrade::run::Laws`), and is told something else.
//!
//! Some have to answer two or three questions wrongly before anything comes of it: behind a wait there is a gate, and behind a
//! step that was skipped a look.

use std::time::Duration;

use jiff::Timestamp;
use mfsupgrade::check::metadata::{Loaded, Metadata};
use mfsupgrade::check::{Baseline, health};
use mfsupgrade::host::{HostFacts, HostName};
use mfsupgrade::moosefs::Overview;
use mfsupgrade::moosefs::daemon::Role;
use mfsupgrade::plan::Window;
use mfsupgrade::run::gate::Red;
use mfsupgrade::run::ports::NotHeld;
use mfsupgrade::run::since::Since;
use mfsupgrade::run::{CameBack, Laws, Sound};
use mfsupgrade::schedule::{Gate, Schedule, Stage, Step, Wait};
use mfsupgrade::step::{Action, Effect, Mount, MountCommand, Verdict};
use semver::Version;

use super::Bug;

/// The laws, but for those that this bug breaks.
pub struct Wrong(pub Bug);

impl Wrong {
    fn is(&self, bug: Bug) -> bool {
        self.0 == bug
    }
}

/// Clients on the way back.
fn brings_mounts_back(stage: &Stage) -> bool {
    let old =
        |s: &Step| matches!(s.action.effect(), Effect::Mounts(Mount { command: MountCommand::MountOld { .. }, .. }));
    stage.tracks.iter().flat_map(|t| &t.steps).any(old)
}

fn done() -> Verdict {
    Verdict::Done("so it seems".to_owned())
}

impl Laws for Wrong {
    fn is_over(&self, done: usize, stage: &Stage) -> bool {
        let left = match self.0 {
            Bug::LeavesStagesEarly => done > 0,
            Bug::ForgetsClients => brings_mounts_back(stage),
            _ => false,
        };
        left || Sound.is_over(done, stage)
    }

    fn at_once(&self, stage: &Stage) -> usize {
        if self.is(Bug::TakesAllAtOnce) { stage.tracks.len() } else { Sound.at_once(stage) }
    }

    fn holds_up(&self, stage: &Stage) -> bool {
        !self.is(Bug::GoesOnAfterFailures) && Sound.holds_up(stage)
    }

    fn may_pause(&self, step: &Step, begun: bool) -> bool {
        self.is(Bug::PausesInBetween) || Sound.may_pause(step, begun)
    }

    fn has_waited(&self, wait: &Wait, passed_s: u64) -> bool {
        let skipped = match wait {
            Wait::Stagger { .. } => {
                matches!(self.0, Bug::SkipsTheStagger | Bug::TakesAllAtOnce | Bug::GoesOnAfterFailures)
            }
            Wait::MasterWait { .. } => self.is(Bug::StartsTheMasterAtOnce),
        };
        skipped || Sound.has_waited(wait, passed_s)
    }

    fn came_back(&self, action: &Action, to: &Version, now: &HostFacts) -> Option<CameBack> {
        if self.is(Bug::SeesNoWatchdog) { None } else { Sound.came_back(action, to, now) }
    }

    fn gives_up(&self, passed_s: u64, most_s: u64) -> bool {
        match self.0 {
            Bug::HasNoPatience => true,
            Bug::NeverGivesUp => false,
            // every gate has ten minutes
            Bug::HasNoPatienceWithUsers => most_s < 600 || Sound.gives_up(passed_s, most_s),
            // an hour of what was minutes
            Bug::WaitsForUsersTooLong => Sound.gives_up(passed_s, most_s + 3600),
            _ => Sound.gives_up(passed_s, most_s),
        }
    }

    fn green(
        &self,
        gate: &Gate,
        host: &HostName,
        schedule: &Schedule,
        baseline: &Baseline,
        overview: &Overview,
    ) -> Result<(), Red> {
        let before = matches!(gate, Gate::Healthy { .. } | Gate::Serving { .. });
        let skipped = match self.0 {
            Bug::SeesEveryGateGreen => true,
            Bug::TakesAllAtOnce | Bug::GoesOnAfterFailures | Bug::ForgetsClients => before,
            Bug::UnmountsUnderARedGate => matches!(gate, Gate::Serving { .. }),
            Bug::TakesTheEndForGranted => matches!(gate, Gate::Upgraded { .. }),
            _ => false,
        };
        if skipped {
            return Ok(());
        }
        let accept_lost = if self.is(Bug::AcceptsAnyLoss) { 1_000_000 } else { schedule.accept_lost };
        Sound.green(gate, host, &Schedule { accept_lost, ..schedule.clone() }, baseline, overview).map_err(|red| {
            let reason = if self.is(Bug::KeepsQuietOfDisks) { "not all is there".to_owned() } else { red.reason };
            Red { reason, ..red }
        })?;
        // what a server had is held against it, whatever the matrix shows
        if self.is(Bug::HoldsCountsAgainstServers) && before {
            let servers = schedule.chunkservers.iter().filter_map(|known| Some((known.address?, None)));
            let blind = Overview { matrix: None, ..overview.clone() };
            health::all_back(&blind, baseline, servers).map_err(|reason| Red::wait(reason.to_string()))?;
        }
        Ok(())
    }

    fn is_open(&self, window: &Window, now: Timestamp) -> bool {
        self.is(Bug::ForgetsTheWindow) || Sound.is_open(window, now)
    }

    fn users(&self, mount: &str, seen: &HostFacts) -> Option<String> {
        if self.is(Bug::BlindToUsers) { None } else { Sound.users(mount, seen) }
    }

    fn is_ours(&self, held: Result<(), NotHeld>) -> Result<(), NotHeld> {
        if self.is(Bug::WorksWithoutTheLock) { Ok(()) } else { Sound.is_ours(held) }
    }

    fn hold(&self, action: &Action, to: &Version, now: &HostFacts, clock: i64) -> Option<String> {
        if self.is(Bug::DoesNotWait) { None } else { Sound.hold(action, to, now, clock) }
    }

    fn is_another(&self, why: Option<String>) -> Option<String> {
        if self.is(Bug::TakesAnyMachine) { None } else { Sound.is_another(why) }
    }

    fn has_passed(&self, since: &Since) -> u64 {
        match self.0 {
            Bug::BelievesTheWall => u64::try_from(since.told_s).unwrap_or(0),
            _ => Sound.has_passed(since),
        }
    }

    fn age(&self, since: &Since) -> Option<u64> {
        match self.0 {
            Bug::BelievesTheWall => Some(u64::try_from(since.told_s).unwrap_or(0)),
            _ => Sound.age(since),
        }
    }

    fn already(&self, action: &Action, to: &Version, now: &HostFacts) -> Verdict {
        match (self.0, action) {
            (Bug::DoesItAgain, _) => Verdict::NotYet("it is done again".to_owned()),
            (Bug::SkipsTheTrial, Action::Trial(_)) => done(),
            // the schedule stops it, and so does the step, whatever runs
            (Bug::LooksPastTheMaster, Action::StopMaster(_)) => Verdict::NotYet("a master runs".to_owned()),
            (Bug::SkipsTheStop, Action::Stop(_)) => done(),
            (Bug::LeavesTheFolders, Action::FoldersBack(_)) => done(),
            _ => Sound.already(action, to, now),
        }
    }

    fn allowed(&self, action: &Action, to: &Version, now: &HostFacts) -> Result<(), String> {
        let old = matches!(action, Action::Start(_) | Action::Restore(_));
        match self.0 {
            Bug::SkipsTheStop if old => Ok(()),
            Bug::StartsOnWhatIsThere if action.starts_the_master() => Ok(()),
            Bug::RefusesToMount if matches!(action, Action::Mount(_)) => Err("it does not look right".to_owned()),
            _ => Sound.allowed(action, to, now),
        }
    }

    fn achieved(&self, action: &Action, to: &Version, before: &HostFacts, now: &HostFacts) -> Verdict {
        match self.0 {
            Bug::StartsOnWhatIsThere
                if matches!(action.effect(), Effect::Stops { role: Role::Master, for_long: false }) =>
            {
                done()
            }
            Bug::HoldsFilesAgainstItsClock
                if now.data_files.get("metadata.mfs").is_some_and(|file| file.modified < before.clock) =>
            {
                Verdict::NotYet("metadata.mfs is older than its master's end".to_owned())
            }
            _ => Sound.achieved(action, to, before, now),
        }
    }

    fn still_shows(&self, action: &Action, to: &Version, now: &HostFacts) -> Verdict {
        if self.is(Bug::BelievesItsJournal) { done() } else { Sound.still_shows(action, to, now) }
    }

    fn is_whole(&self, arrived: &str, sent: &str) -> bool {
        self.is(Bug::TakesAnyCopy) || Sound.is_whole(arrived, sent)
    }

    fn is_old(&self, age_s: Option<u64>, limit: Duration, found: bool) -> bool {
        match self.0 {
            Bug::KeepsOldCopies => false,
            Bug::SkipsTheTrial => Sound.is_old(age_s, limit, false),
            _ => Sound.is_old(age_s, limit, found),
        }
    }

    fn metadata(&self, overview: Option<&Overview>, baseline: &Baseline, loaded: &Loaded) -> Metadata {
        if self.is(Bug::LeavesAWrongMaster) {
            return Metadata::Alike;
        }
        // what a master counts today is held against what one counted yesterday
        let just_now = loaded.just_now || self.is(Bug::HoldsAgainstUsers);
        Sound.metadata(overview, baseline, &Loaded { just_now, ..loaded.clone() })
    }
}
