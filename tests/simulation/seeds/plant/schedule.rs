//! Bugs in the schedule that is walked.

use mfsupgrade::moosefs::daemon::Role;
use mfsupgrade::schedule::{Phase, Schedule, Stage, Step};
use mfsupgrade::step::{Action, Effect, Start};

use super::Bug;

impl Bug {
    /// Plants what is planted in the schedule.
    pub fn plant(self, schedule: &mut Schedule) {
        let first = |stages: &[Stage], phase: Phase| stages.iter().position(|s| s.phase == phase);
        let stages = &mut schedule.stages;
        match self {
            Self::NoStagger => stages.iter_mut().flat_map(|s| &mut s.tracks).for_each(|t| t.wait = None),
            Self::NoGateBefore => {
                stages.iter_mut().for_each(|s| s.gate = None);
                stages.iter_mut().flat_map(|s| &mut s.tracks).for_each(|t| t.gate = None);
            }
            Self::NoGateAfterwards => steps(stages).for_each(|s| {
                if matches!(s.action.effect(), Effect::Starts(Start { role: Role::Chunkserver, .. })) {
                    s.afterwards = None;
                }
            }),
            Self::NoBackup => remove(stages, |a| matches!(a, Action::Backup(_))),
            Self::NoTrial => remove(stages, |a| matches!(a, Action::Trial(_))),
            Self::NoMasterWait => stages.iter_mut().for_each(|s| s.wait = None),
            Self::NoVerify => stages.retain(|s| s.phase != Phase::Verify),
            Self::TwoAtATime => {
                for stage in stages.iter_mut().filter(|s| s.phase == Phase::Chunkservers && s.parallel == 1) {
                    stage.parallel = 2;
                    stage.tracks.iter_mut().for_each(|t| (t.wait, t.gate) = (None, None));
                }
            }
            Self::ServersBeforeMaster => {
                let (Some(master), Some(servers)) = (first(stages, Phase::Master), first(stages, Phase::Chunkservers))
                else {
                    return;
                };
                let mut stage = stages.remove(servers);
                (stage.gate, stage.wait) = (None, None);
                stages.insert(master, stage);
            }
            Self::LoggersBeforeMaster => {
                if let (Some(master), Some(loggers)) = (first(stages, Phase::Master), first(stages, Phase::Metaloggers))
                {
                    let stage = stages.remove(loggers);
                    stages.insert(master, stage);
                }
            }
            Self::ClientsBeforeServers => {
                if let (Some(servers), Some(clients)) =
                    (first(stages, Phase::Chunkservers), first(stages, Phase::Clients))
                {
                    let mut stage = stages.remove(clients);
                    stage.gate = None;
                    stages.insert(servers, stage);
                }
            }
            Self::MasterBeforeServers => {
                let start = |s: &Stage| matches!(s.wait, Some(mfsupgrade::schedule::Wait::MasterWait { .. }));
                if let (Some(start), Some(servers)) =
                    (stages.iter().position(start), stages.iter().rposition(|s| s.phase == Phase::Chunkservers))
                {
                    let mut stage = stages.remove(start);
                    stage.wait = None;
                    stages.insert(servers, stage);
                }
            }
            Self::LazyWithoutAWord => steps(stages).for_each(|s| {
                if let Action::Unmount(unmount) = &mut s.action {
                    unmount.command.lazy = true;
                }
            }),
            Self::PauseAnywhere => steps(stages).for_each(|s| s.pause_before = true),
            _ => {}
        }
    }

    /// Plants what is planted in the schedule of the way back.
    pub fn plant_back(self, schedule: &mut Schedule) {
        let stages = &mut schedule.stages;
        let of = |phase: Phase| move |s: &Stage| s.phase == phase;
        match self {
            Self::MasterFirst => {
                if let Some(master) = stages.iter().position(of(Phase::Master)) {
                    let mut stage = stages.remove(master);
                    stage.tracks.iter_mut().for_each(|t| t.gate = None);
                    stages.insert(0, stage);
                }
            }
            Self::ServersBeforeMounts => {
                stages.sort_by_key(|s| s.phase != Phase::Chunkservers);
                // the gate before them asks for mounts too
                for stage in stages.iter_mut().filter(|s| s.phase == Phase::Chunkservers) {
                    stage.gate = None;
                    stage.tracks.iter_mut().for_each(|t| t.gate = None);
                }
            }
            Self::NoFoldersBack => remove(stages, |a| matches!(a, Action::FoldersBack(_))),
            Self::NoStaggerBack => stages.iter_mut().flat_map(|s| &mut s.tracks).for_each(|t| t.wait = None),
            _ => {}
        }
    }
}

fn steps(stages: &mut [Stage]) -> impl Iterator<Item = &mut Step> {
    stages.iter_mut().flat_map(|s| &mut s.tracks).flat_map(|t| &mut t.steps)
}

fn remove(stages: &mut Vec<Stage>, what: impl Fn(&Action) -> bool) {
    stages.iter_mut().flat_map(|s| &mut s.tracks).for_each(|t| t.steps.retain(|s| !what(&s.action)));
    stages.iter_mut().for_each(|s| s.tracks.retain(|t| !t.steps.is_empty()));
    stages.retain(|s| !s.tracks.is_empty());
}
