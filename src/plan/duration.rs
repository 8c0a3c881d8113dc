//! Durations as an operator writes them: `3m`, `90s`, `1h 30m`, and from-to as `5m..10m`.
//!
//! Fixed units only: how long a month is depends on when one asks.

use std::time::Duration;

use jiff::fmt::friendly::SpanParser;
use serde::de::{Deserialize, Deserializer, Error};

/// Longer is a slip: nobody waits for a chunkserver or keeps a file system down for more than a day on purpose.
const GREATEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Why a text is not a duration. Completes "invalid duration `…`: ".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidDuration {
    #[error("it is not a number with a unit")]
    Form,
    #[error("it is not longer than zero")]
    NotPositive,
    #[error("it is longer than a day")]
    TooLong,
}

/// Reads `3m`.
pub(super) fn parse(text: &str) -> Result<Duration, InvalidDuration> {
    let signed = SpanParser::new().parse_duration(text.trim()).map_err(|_| InvalidDuration::Form)?;
    let duration = Duration::try_from(signed).map_err(|_| InvalidDuration::NotPositive)?;
    match duration {
        Duration::ZERO => Err(InvalidDuration::NotPositive),
        d if d > GREATEST => Err(InvalidDuration::TooLong),
        d => Ok(d),
    }
}

/// Reads `5m..10m`, or `7m` for `7m..7m`. Does not compare the two.
pub(super) fn parse_range(text: &str) -> Result<(Duration, Duration), InvalidDuration> {
    match text.split_once("..") {
        Some((least, greatest)) => Ok((parse(least)?, parse(greatest)?)),
        None => parse(text).map(|both| (both, both)),
    }
}

/// A time that was kept with a run, which is one that a plan can say: what a state folder holds may have been edited.
pub(super) fn kept<'de, D: Deserializer<'de>>(kept: D) -> Result<Duration, D::Error> {
    match Duration::deserialize(kept)? {
        d if d > GREATEST => Err(D::Error::custom(InvalidDuration::TooLong)),
        d => Ok(d),
    }
}

/// `duration` as a plan would write it.
pub(super) fn show(duration: Duration) -> String {
    jiff::SignedDuration::try_from(duration).map_or_else(|_| format!("{duration:?}"), |signed| format!("{signed:#}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn durations_and_ranges_are_read() {
        assert_eq!(parse("3m"), Ok(3 * MINUTE));
        assert_eq!(parse("1h 30m"), Ok(90 * MINUTE));
        assert_eq!(parse_range("5m..10m"), Ok((5 * MINUTE, 10 * MINUTE)));
        assert_eq!(parse_range("300s .. 10 minutes"), Ok((5 * MINUTE, 10 * MINUTE)));
        assert_eq!(parse_range("7m"), Ok((7 * MINUTE, 7 * MINUTE)));
        assert_eq!(show(5 * MINUTE), "5m");
    }

    #[test]
    fn what_is_no_fixed_positive_time_is_refused() {
        for text in ["", "5", "m", "5m..", "..5m", "5m...10m", "5m..10m..15m", "1d", "1mo", "P1D", "PT5M", "5x"] {
            assert_eq!(parse_range(text), Err(InvalidDuration::Form), "{text:?}");
        }
        for text in ["0s", "-5m", "5m ago"] {
            assert_eq!(parse(text), Err(InvalidDuration::NotPositive), "{text:?}");
        }
        assert_eq!(parse("25h"), Err(InvalidDuration::TooLong));
        assert_eq!(parse("9999999999999h"), Err(InvalidDuration::TooLong));
    }
}
