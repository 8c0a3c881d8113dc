//! The run's clock: the wall's, or a faster one for rehearsals.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use crate::journal::Simulated;
use crate::run::ports::Clock;

/// How long is decent between two looks at a host or a master: a gate's answer is then a second old at most.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

/// A look costs a process on a host: a faster clock does not look more often than this, in real time.
const LEAST_BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// Counts from the wall's time at its making, by the monotonic clock: setting the wall's clock moves no stagger, and a
/// suspended machine only makes waits longer.
#[derive(Debug)]
pub struct RunClock {
    begun: Timestamp,
    monotonic: Instant,
    speed: f64,
}

impl RunClock {
    /// The wall's, or that of a rehearsal: the same one in every process that walks it.
    #[must_use]
    pub fn new(simulated: Option<&Simulated>) -> Self {
        let (wall, monotonic) = (Timestamp::now(), Instant::now());
        let Some(Simulated { started, begun, speed, .. }) = simulated else {
            return Self { begun: wall, monotonic, speed: 1.0 };
        };
        let speed = speed.max(1.0);
        let passed = SignedDuration::try_from(wall.duration_since(*started).unsigned_abs().mul_f64(speed)).ok();
        let now = passed.and_then(|passed| begun.checked_add(passed).ok());
        Self { begun: now.unwrap_or(*begun), monotonic, speed }
    }
}

impl Clock for RunClock {
    fn now(&self) -> Timestamp {
        let passed = self.monotonic.elapsed().mul_f64(self.speed);
        SignedDuration::try_from(passed).ok().and_then(|d| self.begun.checked_add(d).ok()).unwrap_or(Timestamp::MAX)
    }

    fn wall(&self) -> Timestamp {
        // the wall of a rehearsal is its own
        if self.speed > 1.0 { self.now() } else { Timestamp::now() }
    }

    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time.div_f64(self.speed)).await;
    }

    async fn between_looks(&self) {
        tokio::time::sleep(BETWEEN_LOOKS.div_f64(self.speed).max(LEAST_BETWEEN_LOOKS)).await;
    }
}
