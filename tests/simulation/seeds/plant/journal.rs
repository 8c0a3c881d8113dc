//! Bugs in the journal, and in what a run that goes on makes of it.

use mfsupgrade::host::facts::HostTime;
use mfsupgrade::journal::{Event, EventLog, JournalSink, Progress, Record, Stamped};
use mfsupgrade::run::ports::Clock;
use mfsupgrade::schedule::Schedule;
use mfsupgrade::step::Effect;

use super::Bug;
use crate::seeds::cluster::Cluster;
use crate::seeds::cluster::store::Sink;
use crate::seeds::telling::Log;

impl Bug {
    /// What a resumed run knows.
    pub fn recall(self, progress: &mut Progress, schedule: &Schedule, cluster: &Cluster) {
        let now = cluster.now();
        if self == Self::KeepsOldBackups {
            for (_, _, step) in schedule.steps() {
                let of_metadata = matches!(step.action.effect(), Effect::CopiesMetadata(_) | Effect::TriesMetadata(_));
                if !of_metadata || !progress.done.contains_key(&step.id) {
                    continue;
                }
                progress.done.insert(step.id.clone(), now);
                progress.host_times.insert(step.id.clone(), time_of_the_master(cluster));
            }
        }
    }

    /// Whether a resumed run takes its last look for one of now.
    pub fn believes(self, progress: &Progress, schedule: &Schedule) -> bool {
        self == Self::BelievesTheLastLook && schedule.steps().all(|(_, _, s)| progress.done.contains_key(&s.id))
    }
}

fn time_of_the_master(cluster: &Cluster) -> HostTime {
    let state = cluster.state.borrow();
    let master = &state.hosts[0];
    let up = u64::try_from(master.up(state.now)).expect("it was booted before");
    HostTime { boot: master.boot(), up }
}

/// The journal, with a bug in it or not.
pub struct PlantedSink<'c> {
    pub sink: Sink<'c>,
    pub bug: Bug,
}

impl JournalSink for PlantedSink<'_> {
    fn append(&mut self, record: Record) -> std::io::Result<()> {
        match (self.bug, record) {
            (Bug::ForgetsDone, Record::Done { .. }) => Ok(()),
            (Bug::DoneTooSoon, Record::Intent { step, at }) => {
                let host_time = Some(time_of_the_master(self.sink.0));
                self.sink.append(Record::Done { step, at, host_time, evidence: String::new(), found: false })
            }
            (Bug::Scrambles, record) => {
                self.sink.append(record)?;
                let text = &mut self.sink.0.state.borrow_mut().journal.text;
                *text = text.replace("install", "instal");
                Ok(())
            }
            (_, record) => self.sink.append(record),
        }
    }
}

/// The events that are kept, with a bug in them or not.
pub struct PlantedLog<'c> {
    pub log: Log<'c>,
    pub bug: Bug,
}

impl EventLog for PlantedLog<'_> {
    fn keep(&mut self, stamped: &Stamped, sync: bool) -> std::io::Result<()> {
        let mut stamped = stamped.clone();
        match (self.bug, &mut stamped.event) {
            (Bug::KeepsQuietOfSteps, Event::StepDone { found: true, .. }) => return Ok(()),
            (Bug::TellsTooSoon, Event::StepStarted { step, host, .. }) => {
                let (step, host) = (step.clone(), host.clone());
                stamped.event = Event::StepDone { step, host, evidence: String::new(), found: false };
            }
            (Bug::TellsAnotherStage, Event::StageStarted { number, .. }) => *number += 1,
            _ => {}
        }
        self.log.keep(&stamped, sync)
    }
}
