//! This machine's time since its boot: nobody sets it, and it goes on while the machine sleeps.

use std::time::Duration;

/// How long this machine has been up, asleep or not.
#[must_use]
pub fn since_boot() -> Duration {
    #[cfg(target_os = "linux")]
    let clock = rustix::time::ClockId::Boottime;
    // elsewhere the monotonic clock counts sleep
    #[cfg(not(target_os = "linux"))]
    let clock = rustix::time::ClockId::Monotonic;
    rustix::time::clock_gettime(clock).try_into().unwrap_or_default()
}
