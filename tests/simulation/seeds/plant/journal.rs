//! Bugs in the journal, and in what a run that goes on makes of it.

use mfsupgrade::host::facts::HostTime;
use mfsupgrade::journal::{JournalSink, Progress, Record};
use mfsupgrade::run::ports::Clock;
use mfsupgrade::schedule::Schedule;
use mfsupgrade::step::Effect;

use super::Bug;
use crate::seeds::cluster::Cluster;
use crate::seeds::cluster::store::Sink;

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
