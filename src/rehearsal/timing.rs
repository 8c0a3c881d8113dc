//! How long the simulated things take, and the scale of all waits. Numbers only; never waits itself.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::words::human;

/// How long simulated things take on a cluster that runs at speed 1. All but the two `real_…` are divided by the speed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Timings {
    /// A master's saving of its metadata when it ends.
    pub save: Duration,
    /// A master's loading of its metadata when it starts. mfsmetarestore takes this and `save`.
    pub load: Duration,
    /// `make` in a configured tree.
    pub build: Duration,
    /// A chunkserver's scan of its disks.
    pub scan: Duration,
    /// What a chunkserver waits between two tries to reach its master (MASTER_RECONNECTION_DELAY; 5 s by code in 1.5 and
    /// 1.6, `mfschunkserver/masterconn.c`). Taken where the host's mfschunkserver.cfg does not say otherwise.
    pub server_reconnect: Duration,
    /// What a mount waits between two tries to reach its master (2 s, `mfsmount/mastercomm.c`).
    pub mount_reconnect: Duration,
    /// What a mount's read sleeps when no copy of a chunk is live (60 s, `mfsmount/readdata.c`).
    pub no_copy_sleep: Duration,
    /// Lower bound, in real time, of the time after which a mount without master gives EIO. At speed 60 the 30 s of 1.5
    /// are half a second, which a healthy takeover on a busy machine can exceed by the weight of real processes alone.
    pub real_least_eio: Duration,
    /// In real time, how often every mount checks its data path.
    pub real_check: Duration,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            save: Duration::from_secs(2),
            load: Duration::from_secs(1),
            build: Duration::from_secs(30),
            scan: Duration::from_secs(20),
            server_reconnect: Duration::from_secs(5),
            mount_reconnect: Duration::from_secs(2),
            no_copy_sleep: Duration::from_secs(60),
            real_least_eio: Duration::from_secs(4),
            real_check: Duration::from_millis(150),
        }
    }
}

/// `time` at `speed`: ten minutes at speed 60 are ten seconds.
#[must_use]
pub fn scaled(time: Duration, speed: f64) -> Duration {
    time.div_f64(speed)
}

/// What `real` time is for a cluster at `speed`, in words: ten seconds at speed 60 are "10 min".
#[must_use]
pub fn played(real: Duration, speed: f64) -> String {
    human(real.mul_f64(speed).as_secs_f64().round() as u64)
}
