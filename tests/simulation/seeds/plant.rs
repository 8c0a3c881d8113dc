//! Bugs, planted on purpose: each breaks one law of the executor, and the judge must see it. The executor itself cannot be
//! changed at test time, so they are planted in the schedule that it walks and in the ports that it sees the world through.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mfsupgrade::host::{AbsPath, HostName, Job};
use mfsupgrade::journal::{JournalSink, Progress, Record};
use mfsupgrade::moosefs::Overview;
use mfsupgrade::moosefs::daemon::Role;
use mfsupgrade::run::ports::{Clock, Followed, Hosts, Master, NoAnswer, NotCopied, Outcome, Source};
use mfsupgrade::schedule::{Action, Phase, Schedule, Stage, Step};

use super::cluster::Cluster;
use super::cluster::store::Sink;
use super::deed::Deed;
use super::fact::Fact;

/// A planted bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    None,
    /// Schedules.
    NoStagger,
    NoGateBefore,
    NoGateAfterwards,
    NoBackup,
    NoTrial,
    NoMasterWait,
    NoVerify,
    TwoAtATime,
    ServersBeforeMaster,
    LoggersBeforeMaster,
    ClientsBeforeServers,
    MasterBeforeServers,
    PauseAnywhere,
    /// Ports.
    GreenMaster,
    DeadMaster,
    KnowsOldCounts,
    JumpingClock,
    RepeatsCommands,
    HidesFailures,
    HidesTheSave,
    CopiesNothing,
    BlindToMounts,
    /// Schedules of the way back.
    MasterFirst,
    ServersBeforeMounts,
    NoFoldersBack,
    NoStaggerBack,
    /// Ports on the way back.
    BlindToNewDaemons,
    SeesMetadata,
    LosesWhatWasKept,
    /// Hosts.
    LateCopies,
    StandingClock,
    /// Journals.
    BelievesTheLastLook,
    KeepsOldBackups,
    ForgetsDone,
    DoneTooSoon,
    Scrambles,
}

/// Every bug, with the law that it breaks.
pub const PLANTED: &[(Bug, &str)] = &[
    (Bug::NoStagger, "stagger"),
    (Bug::NoGateBefore, "baseline"),
    (Bug::NoGateAfterwards, "stagger"),
    (Bug::NoBackup, "backup"),
    (Bug::NoTrial, "trial"),
    (Bug::NoMasterWait, "master-wait"),
    (Bug::NoVerify, "target"),
    (Bug::TwoAtATime, "one-down"),
    (Bug::ServersBeforeMaster, "order"),
    (Bug::LoggersBeforeMaster, "order"),
    (Bug::ClientsBeforeServers, "order"),
    (Bug::MasterBeforeServers, "order"),
    (Bug::PauseAnywhere, "pause"),
    (Bug::GreenMaster, "baseline"),
    (Bug::DeadMaster, "account"),
    (Bug::DeadMaster, "false-alarm"),
    (Bug::KnowsOldCounts, "metadata"),
    (Bug::JumpingClock, "stagger"),
    (Bug::RepeatsCommands, "twice"),
    (Bug::HidesFailures, "stop"),
    (Bug::HidesTheSave, "saving"),
    (Bug::CopiesNothing, "backup"),
    (Bug::BlindToMounts, "account"),
    (Bug::MasterFirst, "way-back"),
    (Bug::ServersBeforeMounts, "way-back"),
    (Bug::NoFoldersBack, "folders"),
    (Bug::NoStaggerBack, "stagger"),
    (Bug::BlindToNewDaemons, "beside"),
    (Bug::SeesMetadata, "older"),
    (Bug::LosesWhatWasKept, "refused"),
    (Bug::LateCopies, "trial"),
    (Bug::StandingClock, "endless"),
    (Bug::BelievesTheLastLook, "target"),
    (Bug::KeepsOldBackups, "renewed"),
    (Bug::ForgetsDone, "stuck"),
    (Bug::DoneTooSoon, "trial"),
    (Bug::Scrambles, "journal"),
];

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
                if matches!(s.action, Action::Start { role: Role::Chunkserver, .. }) {
                    s.afterwards = None;
                }
            }),
            Self::NoBackup => remove(stages, |a| matches!(a, Action::Backup { .. })),
            Self::NoTrial => remove(stages, |a| matches!(a, Action::Trial { .. })),
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
            Self::NoFoldersBack => remove(stages, |a| matches!(a, Action::FoldersBack { .. })),
            Self::NoStaggerBack => stages.iter_mut().flat_map(|s| &mut s.tracks).for_each(|t| t.wait = None),
            _ => {}
        }
    }

    /// What was seen before the way back.
    pub fn survey(self, seen: String) -> String {
        match self {
            Self::LosesWhatWasKept => {
                seen.lines().filter(|l| !l.starts_with("archive\t") && !l.starts_with("holds\t")).map(line).collect()
            }
            _ => seen,
        }
    }

    /// What a resumed run knows.
    pub fn recall(self, progress: &mut Progress, schedule: &Schedule, now: Timestamp) {
        if self == Self::KeepsOldBackups {
            for (_, _, step) in schedule.steps() {
                let of_metadata = matches!(step.action, Action::Backup { .. } | Action::Trial { .. });
                progress.done.entry(step.id.clone()).and_modify(|at| *at = if of_metadata { now } else { *at });
            }
        }
    }

    /// Whether a resumed run takes its last look for one of now.
    pub fn believes(self, progress: &Progress, schedule: &Schedule) -> bool {
        self == Self::BelievesTheLastLook && schedule.steps().all(|(_, _, s)| progress.done.contains_key(&s.id))
    }
}

fn line(text: &str) -> String {
    format!("{text}\n")
}

fn steps(stages: &mut [Stage]) -> impl Iterator<Item = &mut Step> {
    stages.iter_mut().flat_map(|s| &mut s.tracks).flat_map(|t| &mut t.steps)
}

fn remove(stages: &mut Vec<Stage>, what: impl Fn(&Action) -> bool) {
    stages.iter_mut().flat_map(|s| &mut s.tracks).for_each(|t| t.steps.retain(|s| !what(&s.action)));
    stages.iter_mut().for_each(|s| s.tracks.retain(|t| !t.steps.is_empty()));
    stages.retain(|s| !s.tracks.is_empty());
}

/// The ports, with a bug in them or not.
pub struct Planted<'c> {
    cluster: &'c Cluster,
    bug: Bug,
    back: bool,
    jumped: Cell<i64>,
    /// What the master said when all was well.
    green: RefCell<Option<Overview>>,
    /// Failures that are hidden, as lines of a look.
    hidden: RefCell<HashMap<String, String>>,
}

impl<'c> Planted<'c> {
    pub fn new(cluster: &'c Cluster, bug: Bug, back: bool) -> Self {
        let (green, hidden) = (RefCell::default(), RefCell::default());
        Self { cluster, bug, back, jumped: Cell::new(0), green, hidden }
    }

    /// A look without what would hold the executor.
    fn look(&self, host: &HostName, output: String) -> String {
        match self.bug {
            Bug::HidesTheSave => {
                let keep = |l: &&str| !l.contains("metadata.mfs.back.tmp");
                let half_past =
                    |l: &str| if l.starts_with("clock\t") { "clock\t1800\n".to_owned() } else { format!("{l}\n") };
                output.lines().filter(keep).map(half_past).collect()
            }
            Bug::BlindToNewDaemons if self.back => {
                let new = format!("\t{}\t", self.cluster.state.borrow().scenario.to);
                output.lines().filter(|l| !(l.starts_with("process\t") && l.contains(&new))).map(line).collect()
            }
            Bug::SeesMetadata if self.back && !output.contains("data\tmetadata.mfs\t") => {
                let there = "data\tmetadata.mfs\t100 1900000000\nheader\tmetadata.mfs\t4d46534d20312e35";
                output.replace("\nend\n", &format!("\n{there}\nend\n"))
            }
            Bug::HidesFailures => match self.hidden.borrow().get(host.as_str()) {
                Some(lines) => output.replace("\nend\n", &format!("\n{lines}end\n")),
                None => output,
            },
            Bug::BlindToMounts => {
                output.lines().filter(|l| !l.starts_with("mount ")).map(|l| format!("{l}\n")).collect()
            }
            _ => output,
        }
    }
}

impl Hosts for Planted<'_> {
    async fn run(&self, host: &HostName, script: &str, limit: Duration, line: &mut dyn FnMut(&str)) -> Outcome {
        let outcome = self.cluster.run(host, script, limit, line).await;
        if Deed::is_look(script) {
            return match outcome {
                Outcome::Exited { code, output } => Outcome::Exited { code, output: self.look(host, output) },
                outcome => outcome,
            };
        }
        outcome
    }

    async fn follow(
        &self,
        host: &HostName,
        job: &Job,
        begin: bool,
        lines: u64,
        line: &mut dyn FnMut(&str),
    ) -> Followed {
        let mut job = job.clone();
        if self.bug == Bug::LateCopies {
            job.script = job.script.replace("$d.turn", "$d.none");
        }
        let job = &job;
        let followed = self.cluster.follow(host, job, begin, lines, line).await;
        if self.bug == Bug::SeesMetadata && begin && self.back && Deed::read(&job.script) == Deed::Stop(Role::Master) {
            // as if it were killed
            let mut state = self.cluster.state.borrow_mut();
            state.hosts[0].metadata_saved = None;
            state.tell(Fact::Metadata { whole: false });
        }
        match (self.bug, followed) {
            (Bug::RepeatsCommands, Followed::Ended { .. }) if begin => {
                self.cluster.pass(60_000).await;
                let again = Job { folder: job.folder.join("again"), script: job.script.clone() };
                self.cluster.follow(host, &again, begin, lines, line).await
            }
            (Bug::HidesFailures, Followed::Ended { code, output }) if code != 0 && begin => {
                if let Deed::Build { mark, text } = Deed::read(&job.script) {
                    let sum = super::cluster::command::sha256(text.as_bytes());
                    self.hidden.borrow_mut().insert(host.to_string(), format!("kept\t{mark}\t{sum}\n"));
                }
                Followed::Ended { code: 0, output }
            }
            (_, followed) => followed,
        }
    }

    async fn put(&self, host: &HostName, from: Source<'_>, to: &AbsPath) -> Result<(), NotCopied> {
        self.cluster.put(host, from, to).await
    }

    async fn fetch(&self, host: &HostName, from: &AbsPath, to: &Path) -> Result<String, NotCopied> {
        if self.bug == Bug::CopiesNothing {
            let copy = self.cluster.state.borrow().copies;
            let file = from.as_str().rsplit('/').next().unwrap_or_default();
            return Ok(super::cluster::command::sha256(format!("{copy} {file}").as_bytes()));
        }
        self.cluster.fetch(host, from, to).await
    }

    async fn done_with(&self, host: &HostName) {
        self.cluster.done_with(host).await;
    }
}

impl Master for Planted<'_> {
    async fn overview(&self) -> Result<Overview, NoAnswer> {
        let answer = self.cluster.overview().await;
        match (self.bug, answer) {
            (Bug::DeadMaster, _) => Err(NoAnswer { reason: "connection refused".to_owned(), reached: true }),
            (Bug::GreenMaster, answer) => {
                let mut green = self.green.borrow_mut();
                match (green.clone(), answer) {
                    (None, Ok(answer)) => {
                        let (well, new) = {
                            let health = &self.cluster.state.borrow().health;
                            (health.back.iter().all(|b| *b), health.master == Some(true))
                        };
                        *green = (well && new).then(|| answer.clone());
                        Ok(answer)
                    }
                    (Some(mut green), _) => {
                        let to = self.cluster.state.borrow().scenario.to.clone();
                        green.chunkservers.iter_mut().for_each(|s| s.version = Some(to.clone()));
                        Ok(green)
                    }
                    (None, answer) => answer,
                }
            }
            (Bug::KnowsOldCounts, Ok(mut answer)) => {
                let counts = super::cluster::CHUNKS;
                (answer.info.inodes, answer.info.chunks) = (counts, counts);
                Ok(answer)
            }
            (_, answer) => answer,
        }
    }

    async fn trial(&self, port: u16) -> Result<Overview, NoAnswer> {
        self.cluster.trial(port).await
    }
}

impl Clock for Planted<'_> {
    fn now(&self) -> Timestamp {
        if self.bug == Bug::StandingClock {
            return Timestamp::UNIX_EPOCH;
        }
        if self.bug == Bug::JumpingClock {
            self.jumped.set(self.jumped.get() + 10);
        }
        self.cluster.now() + SignedDuration::from_secs(self.jumped.get())
    }

    async fn sleep(&self, time: Duration) {
        self.cluster.sleep(time).await;
    }

    async fn between_looks(&self) {
        self.cluster.between_looks().await;
    }
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
                self.sink.append(Record::Done { step, at, evidence: String::new(), found: false })
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
