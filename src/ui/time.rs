//! Durations for people.

/// `1h 5m`, `45s`: at most two units, since nobody waits by the second for hours.
#[must_use]
pub fn human(seconds: u64) -> String {
    let (h, m, s) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (h, m, s) {
        (0, 0, s) => format!("{s}s"),
        (0, m, 0) => format!("{m}m"),
        (0, m, s) => format!("{m}m {s}s"),
        (h, 0, _) => format!("{h}h"),
        (h, m, _) => format!("{h}h {m}m"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_units_at_most() {
        let shown = [0, 59, 60, 61, 600, 3600, 3660, 3661, 90_000].map(human);
        assert_eq!(shown, ["0s", "59s", "1m", "1m 1s", "10m", "1h", "1h 1m", "1h 1m", "25h"]);
    }
}
