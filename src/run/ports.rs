//! What the executor needs of the world.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

use crate::host::{AbsPath, HostName, Job};
use crate::moosefs::Overview;

/// How a remote command ended. Three outcomes, never two: see law 4.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It ended, and this is its exit code.
    Exited {
        /// As the shell tells it.
        code: i32,
        /// What it printed, stdout and stderr in their order.
        output: String,
    },
    /// It may have run or not, be running still or not: the connection was lost.
    Unknown {
        /// What ssh said.
        reason: String,
    },
    /// It was never sent.
    NotStarted {
        /// What ssh said.
        reason: String,
    },
}

/// What came of following a job for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Followed {
    /// It ended.
    Ended {
        /// Its exit code.
        code: i32,
        /// What it printed from the line on that was asked for, stdout and stderr in their order.
        output: String,
    },
    /// It runs.
    Running {
        /// The same, in whole lines.
        output: String,
        /// Lines of its output that were seen by now, from its beginning.
        lines: u64,
    },
    /// It was begun and runs no more, and nobody wrote down how it ended: it was killed, or the host was.
    Died,
    /// No such job was begun.
    Never,
    /// The host could not begin it, and did not.
    Refused {
        /// Its words.
        output: String,
    },
    /// The host was not reached, or the connection was lost.
    Lost {
        /// What ssh said.
        reason: String,
        /// Whether it may have been begun.
        sent: bool,
    },
}

/// What is copied to a host.
#[derive(Debug, Clone, Copy)]
pub enum Source<'a> {
    /// A file here.
    File(&'a Path),
    /// Text.
    Text(&'a str),
}

/// Why a file was not copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotCopied {
    /// The connection was lost, or was not made; what ssh said. It may be tried again.
    Lost(String),
    /// The host was reached and said no, as when its disk is full; its words.
    Refused(String),
    /// This machine's own file could not be read or written.
    Here(String),
}

/// The hosts of a plan.
#[expect(async_fn_in_trait, reason = "used through generics only; no caller needs the futures to be Send")]
pub trait Hosts {
    /// Runs `script` as root on `host` and gives every line of its output to `line` as it comes. A command that has not
    /// ended after `limit` is left to itself: its outcome is unknown.
    async fn run(&self, host: &HostName, script: &str, limit: Duration, line: &mut dyn FnMut(&str)) -> Outcome;

    /// Begins `job` as root on `host` if `begin` says so and it was not begun before, and follows it for at most half a minute.
    /// Gives every line of its output to `line` as it comes, but for the first `lines`. The job outlives the connection: it can
    /// be asked for again as often as one is lost, and runs once.
    async fn follow(&self, host: &HostName, job: &Job, begin: bool, lines: u64, line: &mut dyn FnMut(&str))
    -> Followed;

    /// Copies to `to` on `host`, making its folder; only the user whom commands run as can read it. Whether it arrived
    /// whole is seen by its checksum there.
    ///
    /// # Errors
    /// [`NotCopied`]; a part of the file may be there.
    async fn put(&self, host: &HostName, from: Source<'_>, to: &AbsPath) -> Result<(), NotCopied>;

    /// Copies `from` on `host` to the new file `to` here, which only this user can read and which is on disk afterwards.
    /// SHA-256 of what arrived, in hexadecimal.
    ///
    /// # Errors
    /// [`NotCopied`].
    async fn fetch(&self, host: &HostName, from: &AbsPath, to: &Path) -> Result<String, NotCopied>;

    /// Says that a host is not needed for now; a connection to it may be closed.
    async fn done_with(&self, host: &HostName);
}

/// Why a master gave no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoAnswer {
    /// As a fragment: `connection refused`.
    pub reason: String,
    /// Whether its host was reached, so that the silence is the master's own.
    pub reached: bool,
}

/// The master's word on its cluster.
#[expect(async_fn_in_trait, reason = "used through generics only; no caller needs the futures to be Send")]
pub trait Master {
    /// Asks it.
    ///
    /// # Errors
    /// Why there is no answer.
    async fn overview(&self) -> Result<Overview, NoAnswer>;

    /// Asks the trial master, which listens on `port` of 127.0.0.1 on the master's host.
    ///
    /// # Errors
    /// Why there is no answer.
    async fn trial(&self, port: u16) -> Result<Overview, NoAnswer>;
}

/// Why a cluster's lock cannot be counted on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotHeld {
    /// Another run has it.
    Taken(String),
    /// Nobody knows: no heartbeat was heard for too long.
    Silent(String),
}

/// The cluster's lock.
pub trait Guard {
    /// Whether this run holds it, as far as the last heartbeat tells.
    ///
    /// # Errors
    /// [`NotHeld`].
    fn held(&self) -> Result<(), NotHeld>;
}

/// Time. In a rehearsal it runs faster than the wall clock, in a simulation it stands still between events.
#[expect(async_fn_in_trait, reason = "used through generics only; no caller needs the futures to be Send")]
pub trait Clock {
    /// Now. Never goes back within a run, and goes on while the machine sleeps: a copy grows old, and a run that is resumed
    /// counts on from there.
    fn now(&self) -> Timestamp;

    /// The same without the time in which the machine slept: what is waited for with patience is looked at after a sleep
    /// before it is given up.
    fn awake(&self) -> Timestamp {
        self.now()
    }

    /// The time on the wall, for what is agreed on by it: unlike [`Clock::now`] it goes where it is set.
    fn wall(&self) -> Timestamp {
        self.now()
    }

    /// How many seconds of this clock pass in one of a host's: in a rehearsal many.
    fn speed(&self) -> f64 {
        1.0
    }

    /// Waits for `time` of this clock.
    async fn sleep(&self, time: Duration);

    /// Waits as long as is decent between two looks at the same thing.
    async fn between_looks(&self);
}
