//! The line 1.5→1.6: every number of the upgrade beside the argument for it.
//!
//! Source "HOWTO" is the mini-HOWTO "Upgrade from version 1.5.x to 1.6.x" of MooseFS.

use std::time::Duration;

use semver::Version;

use crate::moosefs::config;
pub use crate::moosefs::config::{client_port, exports_paths};
use crate::moosefs::daemon::Role;
use crate::moosefs::releases::TABLE;

/// The first release of the family that this line begins with.
const FIRST_OF_OLD: Version = Version::new(1, 5, 2);

/// Least and greatest time between two chunkservers. HOWTO: "You should restart chunkservers with 5-10 minutes delay."
/// 300 s is REPLICATIONS_DELAY_INIT and 300 s a chunk loop (chunks.c): after both a master has its first whole picture.
pub const STAGGER_LEAST: Duration = Duration::from_secs(5 * 60);
/// See [`STAGGER_LEAST`].
pub const STAGGER_GREATEST: Duration = Duration::from_secs(10 * 60);

/// Least time between the last chunkserver and the master in full-stop mode. HOWTO: "please wait about 3 minutes before
/// starting the master"; it covers the two-minute start gate of a 1.6.23+ master and equals the 180 s patience of a 1.5
/// client's read (readdata.c @ 1.5.12).
pub const MASTER_WAIT_LEAST: Duration = Duration::from_secs(3 * 60);

/// How long a daemon waits for the end of the one that it takes over from (`-t`). A big 1.5 master
/// takes minutes to save its metadata, and 1.6.9 to 1.6.26 give up after 60 s: the old one then ends later and none runs
/// (hazard 6). 1800 s is the default of 1.6.27.
pub const TAKEOVER_PATIENCE: Duration = Duration::from_secs(1800);

/// [`TAKEOVER_PATIENCE`] for releases that can be told.
#[must_use]
pub fn takeover_patience(to: &Version) -> Option<Duration> {
    TABLE.verbs.at(to).then_some(TAKEOVER_PATIENCE)
}

/// The first port of a trial load: out of the way of 9419 to 9425, and below the range that kernels give to clients.
pub const TRIAL_PORT: u16 = 19419;

/// Those of a trial load: for metaloggers, chunkservers and clients.
#[must_use]
pub fn trial_ports() -> [u16; 3] {
    [TRIAL_PORT, TRIAL_PORT + 1, TRIAL_PORT + 2]
}

/// Whether a master of this release can be started beside a running one without any danger to it: with `start`, which
/// refuses to take over (run with 1.6.13 to 1.6.27). Where every start is a takeover, a trial beside the running master would
/// depend on its configuration alone.
#[must_use]
pub fn can_be_tried(to: &Version) -> bool {
    TABLE.verbs.at(to)
}

/// How long mounts of the release that this line begins with look for their master before they give applications I/O errors.
#[must_use]
pub fn patience_of_old_mounts() -> Duration {
    TABLE.eio_after.at(&FIRST_OF_OLD)
}

/// The share of [`patience_of_old_mounts`], less what no copy can be measured for (`rules/away.rs`), from which on what was
/// measured is too near to it.
pub const NEAR_PERCENT: u64 = 67;

/// The code that accepts a master that will be away for nearly as long as old mounts wait, or longer.
pub const MASTER_AWAY_LONG_CODE: &str = "master-away-long";

/// The code that accepts chunks of goal 1, which cannot be read while their one server restarts.
pub const GOAL_ONE_CODE: &str = "goal-one";

/// A gate is looked at for at least this long, where a stagger's least and greatest time are the same: one look that fails
/// because a connection is made anew is no verdict.
pub const LEAST_GATE: Duration = Duration::from_secs(15);

/// How long anything may take to come back after its daemon was started, in either mode: the greatest stagger, since a
/// cluster that is not whole by then stops a rolling run anyway.
pub const BACK_GREATEST: Duration = STAGGER_GREATEST;

/// How long the last look waits for chunks under goal to be replicated. Copies of chunks that were written while their
/// server was away are stale, and a master begins to replicate 300 s after its start (REPLICATIONS_DELAY_INIT, 1.6.26+), one
/// action a chunk and loop of 300 s (CHUNKS_LOOP_TIME); seen after a full-stop with a writer at work. That, twice.
pub const HEALED_GREATEST: Duration = Duration::from_secs(2 * (300 + 300));

/// How long the last look of a way back waits: an old master tells no matrix, and where a chunkserver shows fewer chunks than it
/// had, the first round of its own test of all files tells whether they were moved or are missing. It begins 150 s after the
/// master's start and takes 2048 s (`filesystem.c` @ 1.5.12).
pub const TESTED_GREATEST: Duration = Duration::from_secs(45 * 60);

/// Where a release looks for mfsmaster.cfg below its prefix, in its order.
#[must_use]
pub fn master_config_paths(to: &Version) -> &'static [&'static str] {
    config::paths_read(Role::Master, to)
}

/// The promise in both of the following.
pub const BY_ROLLBACK: &str = "(`mfsupgrade rollback` does it)";

/// What the start of a 1.6 master means for the way back (metadata stays `MFSM 1.5`: `filesystem.c` @ 1.6.27; run with 1.6.27 and 1.5.12).
pub const WAY_BACK_MASTER: &str = "from here on: stop the new master cleanly, install the old release and start it on the same, \
     current metadata; never on an older copy (`mfsupgrade rollback` does it)";

/// What is left to do where the old release's programs were not kept.
#[must_use]
pub fn way_back_programs(old: &Version) -> String {
    format!("install {old} by hand on this host")
}

/// What is left to do when a new master has loaded other metadata than the old one had.
pub const WAY_BACK_METADATA: &str = "start no master before DATA_PATH has the newest metadata there is: the file whose version \
     is the highest (`od -An -tx1 -j 12 -N 8 FILE`), be it what the old master wrote when it stopped or what one wrote since; \
     nothing older ever takes its place, the backup neither: it lets chunkservers delete newer chunks";

/// What to look at where nobody can tell whether users have deleted what a master does not know, or whether it never knew it.
pub const ASK_METADATA: &str = "the master was NOT stopped: users may have deleted what is gone. Look whether files are there that \
     were written last before the upgrade, and whether anybody deleted so much; put no other metadata in place while it serves";

/// What the first start of a 1.6 chunkserver does to its disks (`hddspacemgr.c`, hdd_folder_scan, from 1.6.6 on; seen).
pub const WAY_BACK_CHUNKSERVER: &str = "the new chunkserver renames its disks' folders 0-F to 00-FF: put back to 1.5 it \
     reports 0 chunks until every chunk file is moved back (`mfsupgrade rollback` does it)";

/// What a 1.6 mount means for the way back (`mastercomm.c` @ 1.6.27; run).
pub const WAY_BACK_CLIENT: &str = "a 1.6 mount does not work with a 1.5 master: it must go before the master goes back";

/// The first release that an upgrade may go to without an acknowledgement: below it a master physically deletes chunks that it
/// does not know.
#[must_use]
pub fn safe_target() -> &'static Version {
    TABLE.keeps_unknown_chunks.first()
}

/// The code that accepts a target below [`safe_target`] under `acknowledge`.
pub const UNSAFE_TARGET_CODE: &str = "target-deletes-unknown-chunks";

/// Why a version cannot be where this line begins or ends.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutsideLine {
    /// Not 1.5.x.
    #[error("{0} is not a 1.5 release; this line upgrades from 1.5.x")]
    From(Version),
    /// Not 1.6.x.
    #[error("{0} is not a 1.6 release; this line upgrades to 1.6.x")]
    To(Version),
}

/// Whether `from` is where this line begins.
///
/// # Errors
/// [`OutsideLine::From`].
pub fn check_from(from: &Version) -> Result<(), OutsideLine> {
    if (from.major, from.minor) == (1, 5) && plain(from) { Ok(()) } else { Err(OutsideLine::From(from.clone())) }
}

/// Whether `to` is where this line ends.
///
/// # Errors
/// [`OutsideLine::To`].
pub fn check_to(to: &Version) -> Result<(), OutsideLine> {
    if (to.major, to.minor) == (1, 6) && plain(to) { Ok(()) } else { Err(OutsideLine::To(to.clone())) }
}

/// MooseFS has no pre-releases, and a wire version cannot tell one.
fn plain(version: &Version) -> bool {
    version.pre.is_empty() && version.build.is_empty()
}

/// Why a target is not safe without an acknowledgement of [`UNSAFE_TARGET_CODE`]; `None` where it is.
#[must_use]
pub fn unsafe_target(to: &Version) -> Option<String> {
    (!TABLE.keeps_unknown_chunks.at(to)).then(|| {
        format!(
            "a {to} master physically deletes chunks that it does not know within about a minute, so that starting it on \
             old or empty metadata destroys data; releases from {} on keep them for 7 days",
            safe_target()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_takes_1_5_to_1_6_and_nothing_else() {
        let v = |t: &str| t.parse::<Version>().unwrap();
        assert!(check_from(&v("1.5.12")).is_ok());
        assert!(check_to(&v("1.6.27")).is_ok());
        for bad in ["1.6.0", "1.4.9", "2.5.1", "1.5.12-rc1"] {
            assert!(check_from(&v(bad)).is_err(), "{bad}");
        }
        for bad in ["1.5.12", "1.7.0", "2.0.91", "1.6.27+pro"] {
            assert!(check_to(&v(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn targets_that_delete_unknown_chunks_are_named() {
        assert!(unsafe_target(&Version::new(1, 6, 18)).unwrap().contains("deletes"));
        assert_eq!(unsafe_target(safe_target()), None);
    }
}
