//! How long 1.5 mounts are without a master beyond its saving and loading: every number beside the argument for it.

use semver::Version;

use super::Line;
use crate::moosefs::releases::TABLE;

/// Seconds between two looks of a new daemon whether the old one has ended (main.c @ 1.6.27, `check_old_locks`).
const TAKEOVER_LOOK_S: u64 = 1;

/// Seconds between two tries of a 1.5 mount to reach its master; one that is refused counts as one (mastercomm.c @ 1.5.12,
/// `fs_receive_thread`).
const MOUNT_RETRY_S: u64 = 2;

/// MASTER_RECONNECTION_DELAY, in seconds, of a chunkserver whose configuration does not say another (masterconn.c @ 1.5.12).
pub const RECONNECT_S: u64 = 5;

/// Whether that is what a chunkserver does by itself.
#[must_use]
pub fn is_by_itself(reconnect_s: &u64) -> bool {
    *reconnect_s == RECONNECT_S
}

/// What [`RECONNECT_S`] is where nobody said otherwise.
#[must_use]
pub fn by_itself() -> u64 {
    RECONNECT_S
}

/// What decides when a new master lets old mounts in.
#[derive(Debug, Clone, Copy)]
pub struct Takeover<'a> {
    /// The release of the new master.
    pub to: &'a Version,
    /// Chunks in its metadata: all of them are missing until chunkservers have registered.
    pub chunks: u64,
    /// Chunks that are missing with all chunkservers there.
    pub missing: u64,
    /// The longest that a chunkserver waits between two tries to reach its master.
    pub reconnect_s: u64,
}

/// What a takeover adds, in seconds at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Added {
    /// The new daemon sees that the old one has ended, and a mount tries again.
    pub tries_s: u64,
    /// Chunkservers come back, where the new master waits for them.
    pub servers_s: u64,
    /// The new master's own look, or all of them.
    pub gate_s: u64,
}

impl Added {
    /// All of it.
    #[must_use]
    pub fn seconds(&self) -> u64 {
        self.tries_s + self.servers_s + self.gate_s
    }

    /// Whether a takeover whose saving and loading was measured with `measured_s` comes near to what old mounts bear, or
    /// beyond. What was measured gets a share on top, since it was on another copy and at another time; the rest is the most
    /// that it can be.
    #[must_use]
    pub fn is_long(&self, line: &Line, measured_s: u64) -> bool {
        let left = line.patience_of_old_mounts().as_secs().saturating_sub(self.seconds());
        measured_s * 100 >= left * line.waits.near_percent
    }
}

impl Takeover<'_> {
    /// Whether so many chunks are missing that mounts are kept out for all ticks.
    #[must_use]
    pub fn locks_out(&self) -> bool {
        TABLE.start_gate.at(self.to).is_some_and(|gate| self.missing >= gate.chunks)
    }

    /// What it adds to saving and loading until old mounts are in, at most.
    #[must_use]
    pub fn adds(&self) -> Added {
        let gate = TABLE.start_gate.at(self.to);
        let waits = gate.is_some_and(|gate| self.chunks >= gate.chunks) && !self.locks_out();
        Added {
            tries_s: TAKEOVER_LOOK_S + MOUNT_RETRY_S,
            servers_s: if waits { self.reconnect_s } else { 0 },
            gate_s: match (gate, self.locks_out()) {
                (None, _) => 0,
                (Some(gate), true) => gate.greatest().as_secs(),
                (Some(gate), false) => gate.tick_s,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::V1_5_TO_1_6;

    fn adds(patch: u64, chunks: u64, missing: u64, reconnect_s: u64) -> u64 {
        Takeover { to: &Version::new(1, 6, patch), chunks, missing, reconnect_s }.adds().seconds()
    }

    #[test]
    fn a_1_6_23_master_lets_old_mounts_in_at_a_tick_after_its_chunkservers_are_back() {
        assert_eq!(adds(20, 1_000_000, 1_000, 30), 3, "up to 1.6.20 whoever registers is in");
        assert_eq!(adds(23, 99, 99, 30), 13, "fewer than 100 chunks: the first tick");
        assert_eq!(adds(27, 100, 0, 5), 18);
        assert_eq!(adds(27, 100, 0, 30), 43, "longer than old mounts wait");
        assert_eq!(adds(27, 1_000, 100, 5), 123, "they never come back: all twelve ticks");
        assert_eq!(adds(27, 1_000, 99, 5), 18);
    }

    #[test]
    fn what_was_measured_gets_a_share_on_top_and_the_rest_does_not() {
        let near = |patch, reconnect_s, measured| {
            Takeover { to: &Version::new(1, 6, patch), chunks: 1_000, missing: 0, reconnect_s }
                .adds()
                .is_long(&V1_5_TO_1_6, measured)
        };
        assert_eq!((near(20, 5, 18), near(20, 5, 19)), (false, true), "67 % of 27 s");
        assert_eq!((near(27, 5, 8), near(27, 5, 9)), (false, true), "67 % of 12 s");
        assert!(near(27, 30, 0), "whatever was measured");
    }
}
