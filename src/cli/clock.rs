//! The run's clock: the wall's, or a faster one for rehearsals.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use crate::fleet::since_boot;
use crate::journal::Simulated;
use crate::run::ports::Clock;

/// How long is decent between two looks at a host or a master: a gate's answer is then a second old at most.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

/// A look costs a process on a host: a faster clock does not look more often than this, in real time.
const LEAST_BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// Counts from the wall's time at its making: setting the wall's clock moves no stagger.
#[derive(Debug)]
pub struct RunClock {
    begun: Timestamp,
    /// Since the machine's boot, its sleep included.
    boot: Duration,
    monotonic: Instant,
    speed: f64,
}

impl RunClock {
    /// The wall's, or that of a rehearsal: the same one in every process that walks it.
    #[must_use]
    pub fn new(simulated: Option<&Simulated>) -> Self {
        let (wall, boot, monotonic) = (Timestamp::now(), since_boot(), Instant::now());
        let Some(Simulated { started, begun, speed, .. }) = simulated else {
            return Self { begun: wall, boot, monotonic, speed: 1.0 };
        };
        let speed = speed.max(1.0);
        let passed = SignedDuration::try_from(wall.duration_since(*started).unsigned_abs().mul_f64(speed)).ok();
        let now = passed.and_then(|passed| begun.checked_add(passed).ok());
        Self { begun: now.unwrap_or(*begun), boot, monotonic, speed }
    }

    fn after(&self, passed: Duration) -> Timestamp {
        let passed = SignedDuration::try_from(passed.mul_f64(self.speed));
        passed.ok().and_then(|passed| self.begun.checked_add(passed).ok()).unwrap_or(Timestamp::MAX)
    }
}

impl Clock for RunClock {
    fn now(&self) -> Timestamp {
        self.after(since_boot().saturating_sub(self.boot))
    }

    fn awake(&self) -> Timestamp {
        self.after(self.monotonic.elapsed())
    }

    fn wall(&self) -> Timestamp {
        // the wall of a rehearsal is its own
        if self.speed > 1.0 { self.now() } else { Timestamp::now() }
    }

    fn speed(&self) -> f64 {
        self.speed
    }

    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time.div_f64(self.speed)).await;
    }

    async fn between_looks(&self) {
        tokio::time::sleep(BETWEEN_LOOKS.div_f64(self.speed).max(LEAST_BETWEEN_LOOKS)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_since_boot_includes_what_the_machine_slept() {
        let clock = RunClock::new(None);
        let uptime = std::fs::read_to_string("/proc/uptime").unwrap();
        let uptime: f64 = uptime.split(' ').next().unwrap().parse().unwrap();
        let behind = since_boot().as_secs_f64() - uptime;
        // /proc/uptime is of CLOCK_BOOTTIME (proc(5)), in hundredths
        assert!((-0.02..60.0).contains(&behind), "{behind}");
        assert!(clock.now() >= clock.begun && clock.awake() >= clock.begun);
    }
}
