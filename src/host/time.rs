//! A duration as people read it, wherever one is shown. A plan is written otherwise (`5m`): see `plan/duration.rs`. PURE.

use std::time::Duration;

/// `1 h 5 min`, `45 s`: at most two units, since nobody waits by the second for hours.
#[must_use]
pub fn human(seconds: u64) -> String {
    let (h, m, s) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (h, m, s) {
        (0, 0, s) => format!("{s} s"),
        (0, m, 0) => format!("{m} min"),
        (0, m, s) => format!("{m} min {s} s"),
        (h, 0, _) => format!("{h} h"),
        (h, m, _) => format!("{h} h {m} min"),
    }
}

/// The same of what was measured: below ten seconds to the tenth, where a second more or less is much.
#[must_use]
pub fn measured(time: Duration) -> String {
    match time.as_secs_f64() {
        seconds if seconds < 10.0 => format!("{seconds:.1} s"),
        _ => human(time.as_secs()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_units_at_most_each_behind_a_space() {
        let shown = [0, 59, 60, 61, 600, 3600, 3660, 3661, 90_000].map(human);
        assert_eq!(shown, ["0 s", "59 s", "1 min", "1 min 1 s", "10 min", "1 h", "1 h 1 min", "1 h 1 min", "25 h"]);
    }

    #[test]
    fn what_was_measured_is_told_to_the_tenth_where_that_is_much() {
        let shown = [0, 140, 9_949, 10_000, 305_000].map(|ms| measured(Duration::from_millis(ms)));
        assert_eq!(shown, ["0.0 s", "0.1 s", "9.9 s", "10 s", "5 min 5 s"]);
    }
}
