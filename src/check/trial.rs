//! What a trial load says about the real one. PURE.

use semver::Version;

use super::health::master_runs;
use super::spared::spared;
use super::{Baseline, Reason};
use crate::moosefs::Overview;
use crate::moosefs::version::Family;
use crate::rules::away::Takeover;
use crate::rules::{Code, Line};
use crate::step::TrialFacts;

/// What a trial is held to.
#[derive(Debug, Clone, Copy)]
pub struct Limits<'a> {
    /// The line of the upgrade.
    pub line: &'static Line,
    /// The release that loaded.
    pub to: &'a Version,
    /// The longest that a chunkserver waits between two tries to reach its master, in seconds.
    pub reconnect_s: u64,
    /// Whether the plan accepts a forecast near that.
    pub accept_long: bool,
    /// Whether the plan accepts chunks of goal 1.
    pub accept_goal_one: bool,
    /// How long a full-stop keeps the master away in any case, in seconds, which the plan has accepted where mounts are
    /// connected; `None`: the new one takes over.
    pub stands_still_s: Option<u64>,
}

/// Why the upgrade must not go on after a trial.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It is not the new release that has loaded.
    #[error("the trial master is another: {0}")]
    AnotherMaster(Reason),
    /// The change logs were not applied to their end.
    #[error(
        "mfsmetarestore left changes out: the metadata is of version {version}, and the last change is number {last}"
    )]
    LeftOut {
        /// Of the metadata.
        version: u64,
        /// In the change logs.
        last: u64,
    },
    /// Other counts than the master's that serves.
    #[error("the new release loaded {loaded} {what}, and the live master has {live}")]
    Counts {
        /// Of what.
        what: &'static str,
        /// In the copy.
        loaded: u64,
        /// At the master.
        live: u64,
    },
    /// The master will be away for longer than clients bear.
    #[error(
        "[{code}] {forecast}; {old} mounts give applications I/O errors after {patience_s} s: stop what uses the file system, acknowledge \
         `{code}` in the plan, then `resume`",
        code = Code::MasterAwayLong
    )]
    AwayLong {
        /// For how long, and why.
        forecast: String,
        /// The releases of the mounts.
        old: Family,
        /// For how long these bear it, in seconds.
        patience_s: u64,
    },
    /// Chunks of which there is one copy.
    #[error(
        "[{code}] {chunks} chunks have goal 1: each of them cannot be read while its chunkserver restarts; raise their goal \
         (mfssetgoal) and wait for the copies, or acknowledge `{code}` in the plan; then `resume`",
        code = Code::GoalOne
    )]
    GoalOne {
        /// How many.
        chunks: u64,
    },
}

impl Unfit {
    /// Whether a plan can acknowledge it.
    #[must_use]
    pub fn can_be_acknowledged(&self) -> bool {
        matches!(self, Self::AwayLong { .. } | Self::GoalOne { .. })
    }
}

/// What the load showed, as evidence. The counts need not fit: users went on working since the copy was made. That the copy is
/// whole is shown by its version and the change logs' last number, which must fit exactly.
///
/// # Errors
/// [`Unfit`].
pub fn judge(facts: &TrialFacts, loaded: &Overview, live: &Overview, limits: &Limits<'_>) -> Result<String, Unfit> {
    master_runs(loaded, limits.to).map_err(Unfit::AnotherMaster)?;
    if let Some(last) = facts.last_change
        && facts.metaversion != last + 1
    {
        return Err(Unfit::LeftOut { version: facts.metaversion, last });
    }
    let pairs = [
        ("inodes", loaded.info.inodes, live.info.inodes),
        ("files", loaded.info.files, live.info.files),
        ("chunks", loaded.info.chunks, live.info.chunks),
    ];
    for (what, has, lives) in pairs {
        let (has, lives) = (u64::from(has), u64::from(lives));
        if has.abs_diff(lives) > spared(lives) || (has == 0) != (lives == 0) {
            return Err(Unfit::Counts { what, loaded: has, live: lives });
        }
    }
    let takeover = Takeover {
        to: limits.to,
        chunks: u64::from(loaded.info.chunks),
        missing: Baseline::of(live).missing,
        reconnect_s: limits.reconnect_s,
    };
    let forecast = forecast(facts, &takeover, limits.stands_still_s);
    if takeover.adds().is_long(limits.line, measured_s(facts)) && !limits.accept_long && limits.stands_still_s.is_none()
    {
        let patience_s = limits.line.patience_of_old_mounts().as_secs();
        return Err(Unfit::AwayLong { forecast, old: limits.line.from, patience_s });
    }
    let goal_one = loaded.matrix.as_ref().map_or(0, |m| m.single_copy());
    if goal_one > 0 && !limits.accept_goal_one {
        return Err(Unfit::GoalOne { chunks: goal_one });
    }
    Ok(format!(
        "metadata version {} loaded: {} inodes and {} chunks ({} of goal 1), the live master has {} and {}; {forecast}",
        facts.metaversion, loaded.info.inodes, loaded.info.chunks, goal_one, live.info.inodes, live.info.chunks,
    ))
}

/// Seconds, at least 1: the old master saves, which takes no longer than mfsmetarestore needed to load, to apply the change
/// logs and to save; the new one loads.
fn measured_s(facts: &TrialFacts) -> u64 {
    (facts.restore_ms + facts.load_ms).div_ceil(1000).max(1)
}

/// How long 1.5 mounts will be without a master, and of what that is made.
fn forecast(facts: &TrialFacts, takeover: &Takeover<'_>, stands_still_s: Option<u64>) -> String {
    let (measured, added) = (measured_s(facts), takeover.adds());
    let seconds = |ms: u64| format!("{}.{:03} s", ms / 1000, ms % 1000);
    let gate = match (added.servers_s, added.gate_s) {
        (_, 0) => String::new(),
        (0, gate) if takeover.locks_out() => {
            format!(", {gate} s since {} chunks are missing, for which it keeps every mount out", takeover.missing)
        }
        (0, gate) => format!(", up to {gate} s until it first lets mounts in"),
        (servers, gate) => {
            format!(", up to {servers} s until chunkservers are back and {gate} s until it then lets mounts in")
        }
    };
    let still = stands_still_s.map_or(String::new(), |wait| {
        format!("the chunkservers' upgrade, the {wait} s that are waited for before the master's start, and then ")
    });
    format!(
        "clients will be without a master for {still}{measured} to {} s: saving takes {} at most, loading {} (both measured){gate}, \
         up to {} s until the takeover and the mounts retry",
        measured + added.seconds(),
        seconds(facts.restore_ms),
        seconds(facts.load_ms),
        added.tries_s,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::moosefs::wire::{ChunkMatrix, FileTest, Info, Layout};
    use crate::rules::V1_5_TO_1_6;

    static NEW: Version = Version::new(1, 6, 27);
    const FACTS: TrialFacts = TrialFacts { restore_ms: 1204, load_ms: 300, metaversion: 501, last_change: Some(500) };

    /// What a master of `version` says without any chunkserver; that of 1.5 tells no version and no matrix.
    fn overview(version: Option<Version>) -> Overview {
        let mut matrix = [[0; 11]; 11];
        matrix[2][0] = 20_000;
        let layout = if version.is_some() { Layout::V16 } else { Layout::V15 };
        Overview {
            matrix: version.is_some().then_some(ChunkMatrix(matrix)),
            info: Info {
                version,
                layout,
                total_space: 0,
                available_space: 0,
                inodes: 10_100,
                directories: 100,
                files: 10_000,
                chunks: 20_000,
                copies: None,
            },
            chunkservers: Vec::new(),
            sessions: Vec::new(),
            file_test: FileTest { started: 1, ended: 2, ..FileTest::default() },
            metaloggers: None,
        }
    }

    /// Facts, what the new release loaded, what is live, and what is held against them.
    type Case = (TrialFacts, Overview, Overview, Limits<'static>);

    fn told(change: impl FnOnce(&mut Case)) -> Result<String, Unfit> {
        let limits = Limits {
            line: &V1_5_TO_1_6,
            to: &NEW,
            reconnect_s: 5,
            accept_long: false,
            accept_goal_one: false,
            stands_still_s: None,
        };
        let mut case = (FACTS, overview(Some(NEW.clone())), overview(None), limits);
        change(&mut case);
        judge(&case.0, &case.1, &case.2, &case.3)
    }

    fn refused(change: impl FnOnce(&mut Case)) -> String {
        told(change).unwrap_err().to_string()
    }

    #[test]
    fn a_load_that_fits_tells_what_was_loaded_and_of_what_the_forecast_is_made() {
        assert_eq!(
            told(|_| {}).unwrap(),
            "metadata version 501 loaded: 10100 inodes and 20000 chunks (0 of goal 1), the live master has 10100 and 20000; \
             clients will be without a master for 2 to 20 s: saving takes 1.204 s at most, loading 0.300 s (both measured), up to \
             5 s until chunkservers are back and 10 s until it then lets mounts in, up to 3 s until the takeover and the mounts \
             retry"
        );
        let without_logs = told(|(facts, ..)| (facts.metaversion, facts.last_change) = (7, None));
        assert!(
            without_logs.unwrap().starts_with("metadata version 7 loaded"),
            "no change log: nothing to compare with"
        );
    }

    #[test]
    fn another_release_is_refused() {
        assert_eq!(
            refused(|(_, loaded, ..)| loaded.info.version = Some(Version::new(1, 6, 26))),
            "the trial master is another: the master says it is 1.6.26, not 1.6.27"
        );
        assert_eq!(
            refused(|(_, loaded, ..)| loaded.info.version = None),
            "the trial master is another: the master answers as a 1.5 release, not as 1.6.27"
        );
    }

    #[test]
    fn changes_that_were_left_out_are_refused_and_so_are_some_too_many() {
        for (version, last) in [(500, 500), (1, 500), (502, 500)] {
            assert_eq!(
                refused(|(facts, ..)| (facts.metaversion, facts.last_change) = (version, Some(last))),
                format!(
                    "mfsmetarestore left changes out: the metadata is of version {version}, and the last change is number {last}"
                )
            );
        }
    }

    #[test]
    fn counts_that_differ_by_more_than_users_can_do_meanwhile_are_refused() {
        // 2 % of what is live, and 100 at least
        assert!(told(|(_, loaded, ..)| loaded.info.inodes = 9_898).is_ok());
        assert_eq!(
            refused(|(_, loaded, ..)| loaded.info.inodes = 9_897),
            "the new release loaded 9897 inodes, and the live master has 10100"
        );
        assert!(told(|(_, loaded, ..)| loaded.info.files = 10_200).is_ok());
        assert_eq!(
            refused(|(_, loaded, ..)| loaded.info.files = 10_201),
            "the new release loaded 10201 files, and the live master has 10000"
        );
        assert!(told(|(_, loaded, ..)| loaded.info.chunks = 19_600).is_ok());
        assert_eq!(
            refused(|(_, loaded, ..)| loaded.info.chunks = 19_599),
            "the new release loaded 19599 chunks, and the live master has 20000"
        );
        let few = |has, lives| {
            told(|(_, loaded, live, _)| {
                (loaded.info.chunks, live.info.chunks) = (has, lives);
            })
        };
        assert!(few(101, 1).is_ok() && few(102, 1).is_err());
        assert_eq!(few(0, 9).unwrap_err().to_string(), "the new release loaded 0 chunks, and the live master has 9");
        assert_eq!(few(9, 0).unwrap_err().to_string(), "the new release loaded 9 chunks, and the live master has 0");
        assert!(few(0, 0).is_ok(), "an empty file system");
    }

    #[test]
    fn a_forecast_near_what_old_mounts_bear_is_refused_unless_it_is_accepted() {
        // 67 % of the 12 s that are left of 30: 8.04
        let slow = |facts: &mut TrialFacts, ms: u64| (facts.restore_ms, facts.load_ms) = (ms - 1000, 1000);
        assert!(told(|(facts, ..)| slow(facts, 8000)).is_ok());
        assert_eq!(
            refused(|(facts, ..)| slow(facts, 8001)),
            "[master-away-long] clients will be without a master for 9 to 27 s: saving takes 7.001 s at most, loading 1.000 s (both \
             measured), up to 5 s until chunkservers are back and 10 s until it then lets mounts in, up to 3 s until the takeover \
             and the mounts retry; 1.5 mounts give applications I/O errors after 30 s: stop what uses the file system, \
             acknowledge `master-away-long` in the plan, then `resume`"
        );
        assert!(refused(|(facts, ..)| slow(facts, 60_000)).contains("for 60 to 78 s"), "over it");
        let accepted = told(|(facts, _, _, limits)| {
            slow(facts, 60_000);
            limits.accept_long = true;
        });
        assert!(accepted.unwrap().contains("without a master for 60 to 78 s"));
    }

    /// Seen on real hosts: a full-stop that waits for 3 minutes foretold "1 to 19 s".
    #[test]
    fn a_full_stop_is_foretold_with_its_wait_and_not_held_to_what_old_mounts_bear() {
        let still = |limits: &mut Limits<'_>| limits.stands_still_s = Some(180);
        let foretold = told(|(.., limits)| still(limits)).unwrap();
        let expected = "clients will be without a master for the chunkservers' upgrade, the 180 s that are waited for before the \
                        master's start, and then 2 to 20 s: saving takes";
        assert!(foretold.contains(expected), "{foretold}");
        // the check before lets it pass, too
        let slow = told(|(facts, .., limits)| {
            (facts.restore_ms, limits.reconnect_s) = (60_000, 30);
            still(limits);
        });
        assert!(slow.is_ok(), "{slow:?}");
    }

    #[test]
    fn the_forecast_counts_what_the_target_and_the_chunkservers_add() {
        static BEFORE: Version = Version::new(1, 6, 20);
        assert!(
            refused(|(.., limits)| limits.reconnect_s = 30).contains(
                "for 2 to 45 s: saving takes 1.204 s at most, loading 0.300 s (both measured), up to 30 s until chunkservers are \
                 back and 10 s until"
            )
        );
        let before = told(|(_, loaded, _, limits)| {
            (loaded.info.version, limits.to, limits.reconnect_s) = (Some(BEFORE.clone()), &BEFORE, 30);
        });
        assert!(before.unwrap().contains(
            "for 2 to 5 s: saving takes 1.204 s at most, loading 0.300 s (both measured), up to 3 s until the takeover and the \
             mounts retry"
        ));
        let small = told(|(_, loaded, live, limits)| {
            (loaded.info.chunks, live.info.chunks, limits.reconnect_s) = (99, 99, 30);
        });
        assert!(small.unwrap().contains("(both measured), up to 10 s until it first lets mounts in, up to 3 s"));
        assert!(refused(|(_, _, live, _)| live.file_test.missing_chunks = 100).contains(
            "for 2 to 125 s: saving takes 1.204 s at most, loading 0.300 s (both measured), 120 s since 100 chunks are missing, \
             for which it keeps every mount out, up to 3 s"
        ));
        assert!(told(|(_, _, live, _)| live.file_test.missing_chunks = 99).is_ok());
    }

    #[test]
    fn chunks_of_goal_one_are_refused_unless_they_are_accepted() {
        let thin = |loaded: &mut Overview| loaded.matrix.as_mut().unwrap().0[1][0] = 3;
        assert_eq!(
            refused(|(_, loaded, ..)| thin(loaded)),
            "[goal-one] 3 chunks have goal 1: each of them cannot be read while its chunkserver restarts; raise their goal \
             (mfssetgoal) and wait for the copies, or acknowledge `goal-one` in the plan; then `resume`"
        );
        let accepted = told(|(_, loaded, _, limits)| {
            thin(loaded);
            limits.accept_goal_one = true;
        });
        assert!(accepted.unwrap().contains("20000 chunks (3 of goal 1)"));
    }
}
