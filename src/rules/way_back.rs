//! What is said where a way back needs a person: the same on every line.

use semver::Version;

/// What an upgrade promises of its way back, within a sentence.
pub const BY_ROLLBACK: &str = "(`mfsupgrade rollback` does it)";

/// What is left to do where the old release's programs were not kept.
#[must_use]
pub fn programs(old: &Version) -> String {
    format!("install {old} by hand on this host")
}

/// What is left to do when a new master has loaded other metadata than the old one had.
pub const METADATA: &str = "start no master before DATA_PATH has the newest metadata there is: the file whose version \
     is the highest (`od -An -tx1 -j 12 -N 8 FILE`), be it what the old master wrote when it stopped or what one wrote since; \
     nothing older ever takes its place, the backup neither: it lets chunkservers delete newer chunks";

/// What to look at where nobody can tell whether users have deleted what a master does not know, or whether it never knew it.
pub const ASK_METADATA: &str = "the master was NOT stopped: users may have deleted what is gone. Look whether files are there that \
     were written last before the upgrade, and whether anybody deleted so much; put no other metadata in place while it serves";
