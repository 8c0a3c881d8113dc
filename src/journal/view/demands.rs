//! What is left of the waits that a schedule demands, by the events of its walk.

use std::collections::HashSet;

use crate::host::HostName;
use crate::journal::Event;
use crate::schedule::{Schedule, StepId, Wait};

/// All demanded waits of a schedule.
#[derive(Debug, Clone)]
pub struct Demands(Vec<Demand>);

#[derive(Debug, Clone)]
struct Demand {
    /// Whom its events name.
    host: HostName,
    /// What it comes before: as soon as one of them is begun, it is over.
    steps: HashSet<StepId>,
    least_s: u64,
    left_s: u64,
}

impl Demands {
    /// Those of `schedule`, of which the steps in `done` were done by a process before this one.
    pub fn new(schedule: &Schedule, done: impl Fn(&StepId) -> bool) -> Self {
        let mut all = Vec::new();
        for stage in &schedule.stages {
            let steps = stage.tracks.iter().flat_map(|track| &track.steps).map(|step| step.id.clone());
            all.extend(Demand::new(stage.wait.as_ref(), &stage.tracks[0].host, steps, &done));
            for track in &stage.tracks {
                let steps = track.steps.iter().map(|step| step.id.clone());
                all.extend(Demand::new(track.wait.as_ref(), &track.host, steps, &done));
            }
        }
        Self(all)
    }

    /// A session begins, before which the steps in `done` were done.
    pub fn begin(&mut self, done: impl Fn(&StepId) -> bool) {
        for demand in &mut self.0 {
            demand.left_s = if demand.steps.iter().any(&done) { 0 } else { demand.least_s };
        }
    }

    /// Takes notice of what happened. Other waits (for users of a mount, for a window) are demanded by no rule, and may end
    /// at any time.
    pub fn heed(&mut self, event: &Event) {
        match event {
            Event::Waiting { host, left_s, of_s, .. } => {
                let open = |d: &&mut Demand| d.left_s > 0 && &d.host == host && d.least_s == *of_s;
                if let Some(demand) = self.0.iter_mut().find(open) {
                    demand.left_s = *left_s;
                }
            }
            Event::StepStarted { step, .. } | Event::StepDone { step, .. } => self.of(step).for_each(|d| d.left_s = 0),
            Event::Undone { step, .. } => self.of(step).for_each(|d| d.left_s = d.least_s),
            _ => {}
        }
    }

    /// Seconds that will be waited for in any case.
    pub fn left_s(&self) -> u64 {
        self.0.iter().map(|demand| demand.left_s).sum()
    }

    fn of(&mut self, step: &StepId) -> impl Iterator<Item = &mut Demand> {
        self.0.iter_mut().filter(move |demand| demand.steps.contains(step))
    }
}

impl Demand {
    fn new(
        wait: Option<&Wait>,
        host: &HostName,
        steps: impl Iterator<Item = StepId>,
        done: impl Fn(&StepId) -> bool,
    ) -> Option<Self> {
        let least_s = wait?.least_s();
        let steps: HashSet<StepId> = steps.collect();
        let left_s = if steps.iter().any(done) { 0 } else { least_s };
        Some(Self { host: host.clone(), steps, least_s, left_s })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Plan;
    use crate::rules::V1_5_TO_1_6;
    use crate::schedule::compile;
    use std::path::Path;

    fn schedule(mode: &str) -> Schedule {
        let text = format!(
            "[upgrade]\nfrom = \"1.5.12\"\nto = \"1.6.27\"\nmode = \"{mode}\"\n[install]\nsource_dir = \"/usr/src/mfs\"\n\
             [master]\nhost = \"m\"\n[[chunkservers]]\nhosts = [\"cs[1-3]\"]\n[[clients]]\nhosts = [\"cl1\"]\n"
        );
        compile(&Plan::parse(&text, Path::new("test.toml"), Path::new("/")).unwrap(), None, &V1_5_TO_1_6)
    }

    fn step(id: &str) -> StepId {
        StepId(id.into())
    }

    fn waiting(host: &str, left_s: u64, of_s: u64) -> Event {
        let host = HostName::new(host).unwrap();
        Event::Waiting { host, what: "a wait".to_owned(), left_s, of_s }
    }

    fn started(host: &str, id: &str) -> Event {
        let host = HostName::new(host).unwrap();
        Event::StepStarted { step: step(id), host, what: String::new(), commands: Vec::new() }
    }

    /// Seen on real hosts: `resume` said "at least 10m left" when all staggers were over and two clients were left.
    #[test]
    fn a_resumed_run_is_told_the_waits_that_are_left_of_it_and_no_others() {
        let schedule = schedule("rolling");
        assert_eq!(Demands::new(&schedule, |_| false).left_s(), 600);
        let done = [step("chunkservers/cs1/start"), step("chunkservers/cs2/install")];
        let mut resumed = Demands::new(&schedule, |id| done.contains(id));
        assert_eq!(resumed.left_s(), 300, "the stagger before cs2 was over when its installation was begun");
        resumed.heed(&waiting("cs3", 120, 300));
        assert_eq!(resumed.left_s(), 120);
        resumed.heed(&started("cs3", "chunkservers/cs3/keep"));
        assert_eq!(resumed.left_s(), 0);
    }

    #[test]
    fn a_wait_that_no_rule_demands_changes_nothing() {
        let mut demands = Demands::new(&schedule("rolling"), |_| false);
        demands.heed(&waiting("cl1", 900, 900));
        demands.heed(&waiting("cs2", 40_000, 40_000));
        assert_eq!(demands.left_s(), 600);
    }

    #[test]
    fn a_wait_that_comes_up_again_is_counted_again() {
        let mut demands = Demands::new(&schedule("rolling"), |_| false);
        demands.heed(&started("cs2", "chunkservers/cs2/keep"));
        assert_eq!(demands.left_s(), 300);
        let host = HostName::new("cs2").unwrap();
        demands.heed(&Event::Undone { step: step("chunkservers/cs2/start"), host, reason: "none runs".to_owned() });
        assert_eq!(demands.left_s(), 600);
    }

    #[test]
    fn a_full_stops_one_wait_is_over_when_the_master_is_begun() {
        let schedule = schedule("full-stop");
        let mut demands = Demands::new(&schedule, |_| false);
        assert_eq!(demands.left_s(), 180);
        demands.heed(&waiting("m", 7, 180));
        assert_eq!(demands.left_s(), 7);
        let stage = schedule.stages.iter().find(|stage| stage.wait.is_some()).unwrap();
        let track = &stage.tracks[0];
        demands.heed(&started(track.host.as_str(), &track.steps[0].id.0));
        assert_eq!(demands.left_s(), 0);
    }
}
