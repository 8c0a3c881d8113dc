//! Numbers, durations and sums as text, wherever one is shown: each helper of the kind stands here once. PURE.

use sha2::{Digest, Sha256};

/// `947 bytes`, `12.3 MB`: in powers of 1000.
#[must_use]
pub fn of_bytes(bytes: u64) -> String {
    if bytes < 10_000 {
        return format!("{bytes} bytes");
    }
    let mut value = bytes as f64;
    for unit in ["kB", "MB", "GB"] {
        value /= 1000.0;
        if value < 1000.0 {
            return format!("{value:.1} {unit}");
        }
    }
    format!("{:.1} TB", value / 1000.0)
}

/// `1 host`, `2 hosts`: the one helper for plurals.
#[must_use]
pub fn count(n: usize, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}

/// `1 h 5 min`, `45 s`, of seconds: at most two units, since nobody waits by the second for hours. A plan is
/// written otherwise (`5m`): see `plan/duration.rs`.
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

/// In hexadecimal, small letters.
#[must_use]
pub fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// SHA-256 in hexadecimal.
#[must_use]
pub fn sha256(bytes: impl AsRef<[u8]>) -> String {
    hex(Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_told_in_powers_of_a_thousand() {
        let said = [947, 12_345, 12_345_678, 9_876_543_210, 2_000_000_000_000].map(of_bytes);
        assert_eq!(said, ["947 bytes", "12.3 kB", "12.3 MB", "9.9 GB", "2.0 TB"]);
    }

    #[test]
    fn two_units_at_most_each_behind_a_space() {
        let shown = [0, 59, 60, 61, 600, 3600, 3660, 3661, 90_000].map(human);
        assert_eq!(shown, ["0 s", "59 s", "1 min", "1 min 1 s", "10 min", "1 h", "1 h 1 min", "1 h 1 min", "25 h"]);
    }
}
