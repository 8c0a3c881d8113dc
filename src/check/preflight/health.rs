//! How the cluster is before the upgrade, as its master tells it.

use super::Check;
use crate::check::{Baseline, Code};
use crate::moosefs::daemon::Role;
use crate::moosefs::releases::TABLE;
use crate::moosefs::wire::Layout;
use crate::plan::Mode;
use crate::rules::away::Takeover;
use crate::rules::line::can_be_tried;
use crate::words::human;

/// No master saves and loads in less.
const LEAST_S: u64 = 1;

/// Three rounds of the file test, and more.
const TEST_SECONDS: i64 = 2 * 60 * 60;

impl Check<'_> {
    /// What the running master has saved: no master after it may have loaded less, whoever starts it.
    fn metaversion(&self) -> Option<u64> {
        let facts = self.fleet.get(&self.plan.master.host)?;
        facts.daemon(Role::Master).and_then(|_| facts.metaversion())
    }

    pub(super) fn baseline(&mut self) -> Baseline {
        let metaversion = self.metaversion();
        let baseline = Baseline { lost: self.lost.clone(), metaversion, ..Baseline::of(self.overview) };
        if self.overview.matrix.is_none() && !self.overview.file_test.is_finished() {
            self.find(
                Code::HealthUnknown,
                None,
                "the master has not finished its own file test since it was started".into(),
                &format!(
                    "a {} master tells of missing chunks in no other way; gates will take it that there were none",
                    self.old_family()
                ),
                "nothing, if all chunkservers were there; or wait for about 40 minutes after the master's start".into(),
            );
        }
        self.old_test();
        if baseline.missing > 0 {
            let locked_out =
                TABLE.start_gate.at(&self.plan.upgrade.to).is_some_and(|gate| baseline.missing >= gate.chunks);
            self.find(
                Code::ChunksMissing,
                None,
                format!("{} chunks are missing, {}", baseline.missing, self.as_of()),
                match locked_out {
                    true => {
                        "files are unreadable already, and nobody could tell what the upgrade adds to that; with so many the \
                         new master lets no mount in for its first two minutes"
                    }
                    false => "files are unreadable already, and nobody could tell what the upgrade adds to that",
                },
                "bring their chunkservers back or repair the files first".into(),
            );
        }
        if baseline.under_goal > 0 {
            self.find(
                Code::ChunksUnderGoal,
                None,
                format!("{} chunks have fewer copies than their goal asks for, {}", baseline.under_goal, self.as_of()),
                "a server that goes away for its restart may hold the only copy",
                "wait until the master has replicated them".into(),
            );
        }
        self.away_long(&baseline);
        baseline
    }

    /// What no trial load need be waited for: the new master keeps 1.5 mounts out for longer than they wait.
    fn away_long(&mut self, baseline: &Baseline) {
        let upgrade = &self.plan.upgrade;
        let used = self.overview.sessions.iter().any(|s| s.connected);
        // a full-stop asks for its own acknowledgement; a master that was replaced is replaced
        if upgrade.mode == Mode::FullStop || !used || self.overview.info.layout != Layout::V15 {
            return;
        }
        let takeover = Takeover {
            to: &upgrade.to,
            chunks: u64::from(baseline.chunks),
            missing: baseline.missing,
            reconnect_s: self.reconnect_s,
        };
        let added = takeover.adds();
        if !added.is_long(self.plan.line(), LEAST_S) {
            return;
        }
        let (seen, todo) = match takeover.locks_out() {
            true => (
                format!("{} chunks are missing", baseline.missing),
                "bring their chunkservers back, or repair the files; or stop what uses the file system and acknowledge this code",
            ),
            false => (
                format!("chunkservers look for their master every {} s", self.reconnect_s),
                "set MASTER_RECONNECTION_DELAY to 5, the default, and restart these chunkservers one by one; or stop what uses \
                 the file system and acknowledge this code",
            ),
        };
        self.find(
            Code::MasterAwayLong,
            None,
            format!("{seen}: a new {} master lets no mount in for up to {} s", upgrade.to, added.seconds()),
            &format!(
                "it waits until fewer than 100 chunks are missing, or two minutes, and {} mounts give applications I/O errors \
                 after {} s",
                self.old_family(),
                self.plan.line().patience_of_old_mounts().as_secs()
            ),
            todo.into(),
        );
    }

    /// How long ago the file test ended, by the clock of the master's host.
    fn age_of_test(&self) -> Option<i64> {
        let test = &self.overview.file_test;
        let clock = self.fleet.get(&self.plan.master.host).map_or(0, |facts| facts.clock);
        (self.overview.matrix.is_none() && test.is_finished() && clock > 0).then(|| clock - i64::from(test.ended))
    }

    /// When what the master counts was so, for a sentence: a file test of 1.5 tells of the past.
    fn as_of(&self) -> String {
        match (&self.overview.matrix, self.age_of_test()) {
            (Some(_), _) => "as the master counts now".to_owned(),
            (None, Some(age)) => {
                format!("as the file test counted that ended {} ago", human(age.max(0).unsigned_abs()))
            }
            (None, None) => "as the master's last file test counted, nobody can tell when".to_owned(),
        }
    }

    fn old_test(&mut self) {
        if let Some(age) = self.age_of_test().filter(|age| *age > TEST_SECONDS) {
            self.find(
                Code::HealthOld,
                None,
                format!("the master's file test ended {} ago", human(age.unsigned_abs())),
                &format!(
                    "its counts of missing chunks and of those under goal say nothing about now, and a {} master tells no others",
                    self.old_family()
                ),
                "see in the system log why the test does not go on; check the clocks".into(),
            );
        }
    }

    /// What follows from the two releases and the kind of this cluster.
    pub(super) fn release(&mut self) {
        let to = &self.plan.upgrade.to;
        if !can_be_tried(to) {
            self.find(
                Code::TrialImpossible,
                None,
                format!("{to} knows no verb that refuses to take over"),
                "a trial load beside the running master could end it, so none is made: whether the new master loads this \
                 metadata, and how long that takes, shows only when the old one is stopped",
                format!("take {} or later, or try the load on another machine", TABLE.verbs.first()),
            );
        }
        self.goals();
        let has_old = self.overview.sessions.iter().any(|s| s.connected && !TABLE.sessions.at(&s.version));
        if TABLE.refuses_old_tools.at(to) && has_old {
            self.find(
                Code::ToolsOf15,
                None,
                format!("until a client is remounted, mfssetgoal and mfssettrashtime fail there with {to}"),
                &format!(
                    "such a session has no limits of goals, and the master answers `Permission denied`; mfsdirinfo of {} fails, \
                     too; new tools need the new master",
                    self.old_family()
                ),
                "set goals and trash times before the upgrade, or from a client that is remounted".into(),
            );
        }
        let all_new = self.overview.chunkservers.iter().all(|s| s.version.as_ref() == Some(to));
        if TABLE.counts_without_reserve.at(to) && !all_new {
            self.find_idle(
                Code::SpaceFiguresDrop,
                None,
                "total and used space will drop with each chunkserver".into(),
                &format!(
                    "from {} on the space that is kept for root counts in neither; until all are upgraded the master may move \
                     chunks between them",
                    TABLE.counts_without_reserve.first()
                ),
                "nothing: compare the figures with those after the last chunkserver",
            );
        }
    }

    fn goals(&mut self) {
        match &self.overview.matrix {
            Some(matrix) if matrix.single_copy() > 0 => self.find(
                Code::GoalOne,
                None,
                format!("{} chunks have a goal of 1", matrix.single_copy()),
                "their files cannot be read while their one server restarts: reads wait for 60 s at a time, and fail after 180 s",
                "raise their goal to 2 and wait for the copies, or acknowledge this code".into(),
            ),
            None if self.overview.info.layout == Layout::V15 => {
                let seen = format!("a {} master does not tell how many chunks have a goal of 1", self.old_family());
                let why = "files of goal 1 cannot be read while their one server restarts";
                if can_be_tried(&self.plan.upgrade.to) {
                    let todo = "nothing: the trial load of a copy of the metadata counts them before anything is stopped";
                    self.find_idle(Code::GoalsUnknown, None, seen, why, todo);
                } else {
                    let todo = "look with `mfsgetgoal -r` on a mount, and raise what has a goal of 1";
                    self.find(Code::GoalsUnknown, None, seen, why, todo.to_owned());
                }
            }
            _ => {}
        }
    }
}
