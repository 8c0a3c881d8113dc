//! A duration as people read it, wherever one is shown. A plan is written otherwise (`5m`): see `plan/duration.rs`. PURE.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_units_at_most_each_behind_a_space() {
        let shown = [0, 59, 60, 61, 600, 3600, 3660, 3661, 90_000].map(human);
        assert_eq!(shown, ["0 s", "59 s", "1 min", "1 min 1 s", "10 min", "1 h", "1 h 1 min", "1 h 1 min", "25 h"]);
    }
}
