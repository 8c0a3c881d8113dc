//! Bugs in the ports through which the executor sees the world and acts in it.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mfsupgrade::host::{AbsPath, HostName, Job};
use mfsupgrade::moosefs::Overview;
use mfsupgrade::moosefs::daemon::Role;
use mfsupgrade::run::ports::{Clock, Followed, Hosts, Master, NoAnswer, NotCopied, Outcome, Source};

use super::Bug;
use crate::seeds::cluster::{CHUNKS, Cluster, INODES};
use crate::seeds::deed::Deed;
use crate::seeds::fact::Fact;
use crate::seeds::scenario::OLD;

/// Longer than anybody waits.
const FOREVER: Duration = Duration::from_secs(1000 * 365 * 24 * 3600);

impl Bug {
    /// What was seen before the way back.
    pub fn survey(self, seen: String) -> String {
        match self {
            Self::LosesWhatWasKept => {
                seen.lines().filter(|l| !l.starts_with("archive\t") && !l.starts_with("holds\t")).map(line).collect()
            }
            Self::BelievesWhatWasKept => believed(&seen),
            _ => seen,
        }
    }
}

/// A look that takes every program that was kept for an old one.
fn believed(seen: &str) -> String {
    let old = |l: &str| match l.strip_prefix("holds\t").and_then(|rest| rest.rsplit_once('\t')) {
        Some((file, _)) => format!("holds\t{file}\t{OLD}\n"),
        None => line(l),
    };
    seen.lines().map(old).collect()
}

fn line(text: &str) -> String {
    format!("{text}\n")
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
            // counts alone would not do: the version of the metadata tells it as well
            Bug::KnowsOldCounts => {
                let keep = |l: &&str| !l.starts_with("header\tmetadata.mfs.back\t") && !l.starts_with("change\t");
                output.lines().filter(keep).map(line).collect()
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
            Bug::BelievesWhatWasKept => believed(&output),
            Bug::BlindToMounts => {
                output.lines().filter(|l| !l.starts_with("mount ")).map(|l| format!("{l}\n")).collect()
            }
            _ => output,
        }
    }
}

impl Hosts for Planted<'_> {
    async fn run(&self, host: &HostName, script: &str, limit: Duration, line: &mut dyn FnMut(&str)) -> Outcome {
        // as long as a process that is stopped is
        let limit = if self.bug == Bug::WaitsForWhatHangs { FOREVER } else { limit };
        let outcome = self.cluster.run(host, script, limit, line).await;
        if Deed::look(script).is_some() {
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
                    let sum = crate::seeds::cluster::command::sha256(text.as_bytes());
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
            return Ok(crate::seeds::cluster::command::sha256(format!("{copy} {file}").as_bytes()));
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
                (answer.info.inodes, answer.info.chunks) = (INODES, CHUNKS);
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

    fn wall(&self) -> Timestamp {
        if self.bug == Bug::StandingClock {
            return Timestamp::UNIX_EPOCH;
        }
        self.cluster.wall() + SignedDuration::from_secs(self.jumped.get())
    }

    async fn sleep(&self, time: Duration) {
        self.cluster.sleep(time).await;
    }

    async fn between_looks(&self) {
        self.cluster.between_looks().await;
    }
}
