//! What the executor tells: kept as the tool keeps it, and held against the journal at the end of each session. Both are of the
//! executor's own making, and this is the one law that knows them: whatever is shown of a run is folded from its events.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::io;

use mfsupgrade::host::HostName;
use mfsupgrade::journal::view::Told;
use mfsupgrade::journal::{Display, Event, EventLog, EventSink, Progress, RunView, Stamped, Stop, Teller, record};
use mfsupgrade::run::ports::Clock;
use mfsupgrade::schedule::{Phase, Schedule, StepId};
use mfsupgrade::step::Effect;

use super::cluster::Cluster;
use super::fact::Fact;
use super::plant::{Bug, PlantedLog};

/// What the executor tells, in the history for people; and what it says at a pause.
pub struct Telling<'c>(pub &'c Cluster, pub RefCell<String>);

impl EventSink for Telling<'_> {
    fn send(&self, stamped: Stamped) {
        if let Event::Paused { state } = &stamped.event {
            self.1.borrow_mut().clone_from(state);
        }
        if !self.0.tells.get() || matches!(stamped.event, Event::Waiting { .. } | Event::Output { .. }) {
            return;
        }
        let text = serde_json::to_string(&stamped.event).unwrap_or_default();
        self.0.state.borrow_mut().tell(Fact::Told(text));
    }
}

impl Display for Telling<'_> {
    fn show(&self, event: &Stamped, _: &Told, _: &RunView<'_>) {
        self.send(event.clone());
    }
}

/// The file of events.
pub struct Log<'c> {
    pub cluster: &'c Cluster,
    /// Whether it could not be written.
    pub lost: &'c Cell<bool>,
}

impl EventLog for Log<'_> {
    fn keep(&mut self, event: &Stamped, sync: bool) -> io::Result<()> {
        let mut state = self.cluster.state.borrow_mut();
        if state.dead {
            return Ok(());
        }
        if state.journal.full {
            self.lost.set(true);
            return Err(io::Error::other("No space left on device"));
        }
        state.journal.events.push(event.clone());
        if sync {
            state.journal.synced = state.journal.events.len();
        }
        Ok(())
    }
}

fn folded<'s>(cluster: &Cluster, schedule: &'s Schedule) -> RunView<'s> {
    let mut view = RunView::new(schedule);
    for event in &cluster.state.borrow().journal.events {
        view.heed(event);
    }
    view
}

/// Where the events of a session go that goes on with what `progress` has.
pub fn begin<'t, 's>(
    (cluster, schedule): (&'t Cluster, &'s Schedule),
    progress: &Progress,
    telling: &'t Telling<'t>,
    lost: &'t Cell<bool>,
    bug: Bug,
) -> Teller<'t, 's, PlantedLog<'t>, Telling<'t>> {
    let log = PlantedLog { log: Log { cluster, lost }, bug };
    Teller::new(folded(cluster, schedule), Some(log), telling, progress, cluster.now())
}

/// What the events of a run that stopped tell otherwise than its journal; `killed`: it could not tell its last record.
pub fn differs(cluster: &Cluster, schedule: &Schedule, killed: bool) -> Option<String> {
    let records = record::decode(&cluster.state.borrow().journal.text).ok()?.0;
    let (view, progress) = (folded(cluster, schedule), Progress::replay(&records));
    let hosts: BTreeMap<&StepId, &HostName> = schedule.steps().map(|(_, track, s)| (&s.id, &track.host)).collect();
    let looks: BTreeSet<&StepId> = schedule
        .steps()
        .filter(|(_, _, s)| matches!(s.action.effect(), Effect::Looks))
        .map(|(_, _, s)| &s.id)
        .collect();
    // the last look is made anew in each session, whatever the journal says of it
    let told: BTreeSet<&StepId> =
        view.done().keys().chain(view.undone().keys()).filter(|step| !looks.contains(step)).collect();
    let known: BTreeSet<&StepId> = progress.done.keys().filter(|step| !looks.contains(step)).collect();
    if let Some(step) = told.difference(&known).next() {
        return Some(format!("{step} is told as done, and the journal does not know it"));
    }
    let mut untold: BTreeMap<&HostName, Vec<&StepId>> = BTreeMap::new();
    for step in known.difference(&told) {
        untold.entry(hosts[*step]).or_default().push(step);
    }
    if let Some((host, steps)) = untold.iter().find(|(_, steps)| !killed || steps.len() > 1) {
        return Some(format!("{steps:?} of {host} are done, and nothing is told of it"));
    }
    // killed once more before it had brought its events in line with its journal
    if killed {
        return None;
    }
    if let Some(step) = progress.open.iter().find(|step| !view.open().contains(*step)) {
        return Some(format!("{step} was begun, and nothing is told of it"));
    }
    stage_differs(&view, schedule).or_else(|| stop_differs(&view, &progress))
}

/// The stage that is told must be where the steps that are done end.
fn stage_differs(view: &RunView<'_>, schedule: &Schedule) -> Option<String> {
    let (stage, at) = view.stage()?;
    let is_done = |step: &StepId| view.done().contains_key(step);
    // clients that failed alone are left behind
    let before = schedule.stages[..at.at].iter().filter(|stage| stage.phase != Phase::Clients);
    let left = before.flat_map(|stage| &stage.tracks).flat_map(|t| &t.steps).find(|step| !is_done(&step.id));
    if let Some(step) = left {
        return Some(format!("stage {} is told, and {} before it is not done", at.at + 1, step.id));
    }
    let done = stage.tracks.iter().filter(|track| track.steps.iter().all(|step| is_done(&step.id))).count();
    let all = stage.tracks.len();
    let told = (at.done, at.of) == (done, all);
    (!told).then(|| format!("{} of {} hosts of stage {} are told, it is {done} of {all}", at.done, at.of, at.at + 1))
}

fn stop_differs(view: &RunView<'_>, progress: &Progress) -> Option<String> {
    if let Some(host) = view.at_work().keys().next() {
        return Some(format!("{host} is told to be at work, and the run has stopped"));
    }
    let same = match (view.stop(), &progress.stop) {
        (Some(Stop::Failed(_, kind, message)), Some(Stop::Failed(_, known, is))) => kind == known && message == is,
        (Some(Stop::Finished(_, evidence)), Some(Stop::Finished(_, is))) => evidence == is,
        (Some(Stop::Paused(_)), Some(Stop::Paused(_))) => true,
        // the record of it could not be written
        (Some(_), None) => true,
        _ => false,
    };
    (!same).then(|| format!("{:?} is told, and the journal has {:?}", view.stop(), progress.stop))
}
