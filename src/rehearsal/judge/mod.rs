//! The verdict on a rehearsed upgrade: invariants checked on what the simulated side saw, never on what an executor said.
//! PURE; [`super::Cluster::verdict`] fetches the final state.

mod back;
mod backup;
mod full_stop;
mod metaloggers;
mod outcome;
mod rolling;
mod timeline;

use std::fmt;
use std::net::Ipv4Addr;

use semver::Version;
use serde::{Deserialize, Serialize};

pub use self::back::judge_back;
use self::timeline::Timeline;
use super::event::Event;
use super::simulated::Watch;
use crate::plan::{Mode, Plan};

/// One invariant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Its name, stable.
    pub name: String,
    /// Whether it held.
    pub passed: bool,
    /// What was seen; where it did not hold, each place where it did not.
    pub detail: String,
}

/// What a check says that could ask no master.
pub const NO_MASTER: &str = "no master answers";

/// The verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Whether every check held.
    pub passed: bool,
    /// The checks.
    pub checks: Vec<Check>,
    /// The longest time that a read on any mount took, in milliseconds of real time.
    pub longest_stall_ms: u64,
    /// Errors that applications got, allowed ones included.
    pub io_errors: u32,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for check in &self.checks {
            writeln!(f, "{:<4} {:<16} {}", if check.passed { "ok" } else { "FAIL" }, check.name, check.detail)?;
        }
        let word = if self.passed { "passed" } else { "failed" };
        write!(f, "{word} (simulated cluster); longest stall of a read {} ms", self.longest_stall_ms)
    }
}

/// A process that lived at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// Its host.
    pub host: String,
    /// Its program.
    pub program: String,
    /// Its release, by the process itself and not by a file on disk.
    pub version: Version,
    /// The mount point of a mount.
    pub mount_point: Option<String>,
    /// What a mount has seen.
    pub watch: Option<Watch>,
}

/// What the master said at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MasterAtEnd {
    /// Its release; a 1.5 master does not tell.
    pub version: Option<Version>,
    /// Files.
    pub files: u32,
    /// Chunks.
    pub chunks: u32,
    /// Chunks without a copy.
    pub missing: u64,
    /// Chunks with fewer copies than their goal.
    pub under_goal: u64,
    /// Connected chunkservers: address, release, chunks.
    pub servers: Vec<(Ipv4Addr, Option<Version>, u32)>,
    /// Connected metaloggers: address, release.
    #[serde(default)]
    pub metaloggers: Vec<(Ipv4Addr, Option<Version>)>,
}

/// The cluster when the verdict was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinalState {
    /// CLOCK_MONOTONIC.
    pub at: u64,
    /// Every simulated process that lives.
    pub processes: Vec<Running>,
    /// `None`: nobody answers at the master's address.
    pub master: Option<MasterAtEnd>,
}

/// Judges an upgrade by `plan` that was rehearsed `speed` times faster than real.
#[must_use]
pub fn judge(plan: &Plan, speed: f64, events: &[Event], end: &FinalState) -> Verdict {
    let timeline = Timeline::new(plan, speed, events);
    let mut checks = match plan.upgrade.mode {
        Mode::Rolling => rolling::checks(plan, speed, &timeline),
        Mode::FullStop => full_stop::checks(plan, speed, &timeline),
    };
    checks.push(backup::check_of(&timeline, end));
    checks.extend(outcome::checks(plan, &timeline, end));
    if !plan.metaloggers.is_empty() {
        checks.push(metaloggers::check_of(plan, &timeline, end));
    }
    Verdict {
        passed: checks.iter().all(|check| check.passed),
        checks,
        longest_stall_ms: timeline
            .longest_stall()
            .max(end.processes.iter().filter_map(|p| p.watch.as_ref()).map(|w| w.longest_stall_ms).max().unwrap_or(0)),
        io_errors: timeline.io_errors(),
    }
}

/// A check that holds when nothing was found against it.
fn check(name: &str, against: Vec<String>, otherwise: String) -> Check {
    let passed = against.is_empty();
    Check { name: name.to_owned(), passed, detail: if passed { otherwise } else { against.join("; ") } }
}
