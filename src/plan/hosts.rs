//! Host patterns: `cs[1-3]` is cs1, cs2, cs3; `cs[08-11]` keeps its zeros; `r[1-2]n[01-20]` counts its last range first.
//!
//! How many hosts a pattern has is known before the first is written out.

use std::net::Ipv6Addr;

use super::code::Code;
use crate::host::{HostName, InvalidName};

/// The most hosts of a pattern, and of a role. Twice the largest cluster that a run is measured with.
pub(super) const MOST_HOSTS: usize = 10_000;

/// Why a pattern names no hosts. Completes "invalid host pattern `…`: ".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidPattern {
    #[error("a bracket is not closed, not opened or within another")]
    Bracket,
    #[error("`[{0}]` is not a range such as [1-12] or [08-11]")]
    Form(String),
    #[error("`[{0}]` is empty")]
    Empty(String),
    #[error("`[{0}]` is turned round")]
    TurnedRound(String),
    #[error("`[{0}]` has leading zeros on one side that the other does not match")]
    Zeros(String),
    #[error("it stands for more than {MOST_HOSTS} hosts")]
    TooMany,
    #[error("it has a `:` and is not an IPv6 address")]
    Colon,
    #[error(transparent)]
    Name(#[from] InvalidName),
}

impl InvalidPattern {
    /// The code under which it is reported.
    pub(super) fn code(&self) -> Code {
        match self {
            Self::Bracket | Self::Form(_) | Self::Zeros(_) => Code::InvalidHostRange,
            Self::Empty(_) | Self::TurnedRound(_) => Code::EmptyHostRange,
            Self::TooMany => Code::TooManyHosts,
            Self::Colon | Self::Name(_) => Code::InvalidHost,
        }
    }

    /// What to do about it.
    pub(super) fn help(&self) -> &'static str {
        match self {
            Self::Bracket | Self::Form(_) => "a range is two numbers: \"cs[1-12]\"; for a list write several patterns",
            Self::Empty(_) => "a range names its first and last number: \"cs[1-12]\"",
            Self::TurnedRound(_) => "write the lower number first; the hosts are taken in this order",
            Self::Zeros(_) => "write both numbers with as many digits: \"cs[08-11]\"",
            Self::TooMany => "check the numbers; a cluster of this size is upgraded in several plans",
            Self::Colon => "the port of sshd is `port` under `ssh`",
            Self::Name(_) => "a host is a DNS name, an alias of ssh_config or an address: letters, digits and `.-_:`",
        }
    }
}

/// The hosts of `pattern`, in order.
pub(super) fn expand(pattern: &str) -> Result<Vec<HostName>, InvalidPattern> {
    let parts = split(pattern)?;
    let count = parts
        .iter()
        .try_fold(1_usize, |count, part| count.checked_mul(part.count()).filter(|&count| count <= MOST_HOSTS))
        .ok_or(InvalidPattern::TooMany)?;
    let mut name = String::with_capacity(pattern.len());
    (0..count).map(|number| host(write(&parts, number, &mut name))).collect()
}

/// A single host name. `:` is for IPv6 alone: `master:22` would otherwise be looked up as a name.
pub(super) fn host(text: &str) -> Result<HostName, InvalidPattern> {
    let host = HostName::new(text)?;
    match text.contains(':') && text.parse::<Ipv6Addr>().is_err() {
        true => Err(InvalidPattern::Colon),
        false => Ok(host),
    }
}

/// A piece of a pattern.
#[derive(Debug)]
enum Part<'p> {
    Text(&'p str),
    /// `least..=greatest`, with zeros in front up to `width`.
    Range {
        least: u64,
        greatest: u64,
        width: usize,
    },
}

impl Part<'_> {
    /// How many texts it stands for; more than `usize` holds are too many either way.
    fn count(&self) -> usize {
        match self {
            Part::Text(_) => 1,
            Part::Range { least, greatest, .. } => {
                usize::try_from(greatest - least).map_or(usize::MAX, |steps| steps.saturating_add(1))
            }
        }
    }
}

/// The host with the number `number`, the last range counting fastest.
fn write<'n>(parts: &[Part<'_>], number: usize, name: &'n mut String) -> &'n str {
    use std::fmt::Write as _;

    name.clear();
    // What one step of a part is worth: the product of the counts behind it.
    let mut worth: usize = parts.iter().map(Part::count).product();
    for part in parts {
        worth /= part.count();
        match part {
            Part::Text(text) => name.push_str(text),
            Part::Range { least, width, .. } => {
                let step = (number / worth % part.count()) as u64;
                // Writing to a String cannot fail.
                let _ = write!(name, "{:0width$}", least + step);
            }
        }
    }
    name
}

fn split(pattern: &str) -> Result<Vec<Part<'_>>, InvalidPattern> {
    let mut parts = Vec::new();
    let mut rest = pattern;
    while let Some((text, after)) = rest.split_once('[') {
        let (range, behind) = after.split_once(']').ok_or(InvalidPattern::Bracket)?;
        if text.contains(']') || range.contains('[') {
            return Err(InvalidPattern::Bracket);
        }
        parts.push(Part::Text(text));
        parts.push(self::range(range)?);
        rest = behind;
    }
    if rest.contains(']') {
        return Err(InvalidPattern::Bracket);
    }
    parts.push(Part::Text(rest));
    Ok(parts)
}

fn range(text: &str) -> Result<Part<'_>, InvalidPattern> {
    let own = || text.to_owned();
    if text.trim().is_empty() {
        return Err(InvalidPattern::Empty(own()));
    }
    let (first, last) = text.split_once('-').ok_or_else(|| InvalidPattern::Form(own()))?;
    let number = |digits: &str| {
        let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        // 18 digits fit into a u64, and no host is numbered higher.
        if plain && digits.len() <= 18 { digits.parse().ok() } else { None }
    };
    let (Some(least), Some(greatest)) = (number(first), number(last)) else {
        return Err(InvalidPattern::Form(own()));
    };
    if least > greatest {
        return Err(InvalidPattern::TurnedRound(own()));
    }
    let padded = |digits: &str| digits.len() > 1 && digits.starts_with('0');
    // [08-100] is 08, 09, …, 100. In [1-03] and [08-9] a reader and this program could count differently.
    let clear = match (padded(first), padded(last)) {
        (false, false) => true,
        (true, false) => last.len() >= first.len(),
        (_, true) => last.len() == first.len(),
    };
    if !clear {
        return Err(InvalidPattern::Zeros(own()));
    }
    Ok(Part::Range { least, greatest, width: if padded(first) { first.len() } else { 1 } })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(pattern: &str) -> Vec<String> {
        expand(pattern).unwrap().into_iter().map(String::from).collect()
    }

    #[test]
    fn ranges_are_written_out_in_order() {
        assert_eq!(names("master"), ["master"]);
        assert_eq!(names("cs[1-3]"), ["cs1", "cs2", "cs3"]);
        assert_eq!(names("cs[08-11]"), ["cs08", "cs09", "cs10", "cs11"]);
        assert_eq!(names("cs[099-100].lan"), ["cs099.lan", "cs100.lan"]);
        assert_eq!(names("cs[08-100]").last().unwrap(), "cs100");
        assert_eq!(names("r[1-2]n[0-1]"), ["r1n0", "r1n1", "r2n0", "r2n1"]);
        assert_eq!(names("[5-5]"), ["5"]);
        assert_eq!(expand("cs[1-10000]").unwrap().len(), MOST_HOSTS);
        assert_eq!(expand("r[1-100]n[1-100]").unwrap().len(), MOST_HOSTS);
    }

    #[test]
    fn bad_patterns_are_refused_by_name() {
        use InvalidPattern as I;
        let refused = |pattern: &str| expand(pattern).unwrap_err();
        assert_eq!(refused("cs[]"), I::Empty(String::new()));
        assert_eq!(refused("cs[3-1]"), I::TurnedRound("3-1".into()));
        for form in ["cs[1]", "cs[a-b]", "cs[-3]", "cs[1-]", "cs[1-2-3]", "cs[1,3]", "cs[+1-2]"] {
            assert!(matches!(refused(form), I::Form(_)), "{form}");
        }
        assert!(matches!(refused("cs[0000000000000000000-1]"), I::Form(_)));
        for bracket in ["cs[1-2", "cs1-2]", "cs[[1-2]]", "]1-2["] {
            assert_eq!(refused(bracket), I::Bracket, "{bracket}");
        }
        for zeros in ["cs[1-03]", "cs[08-9]", "cs[01-002]"] {
            assert!(matches!(refused(zeros), I::Zeros(_)), "{zeros}");
        }
        assert_eq!(refused("cs[1-10001]"), I::TooMany);
        assert_eq!(refused("cs[0-999999999999999999]"), I::TooMany);
        assert_eq!(refused(&"[0-999999999999999999]".repeat(9)), I::TooMany);
        assert_eq!(refused("-cs[1-2]"), I::Name(InvalidName::LeadingDash));
        assert_eq!(refused("master:22"), I::Colon);
        assert!(expand("fe80::1").is_ok());
        assert_eq!(refused("cs;[1-2]"), I::Name(InvalidName::Character(';')));
    }

    proptest! {
        #[test]
        fn expansion_counts_from_first_to_last(least in 0_u64..5_000, more in 0_u64..50, width in 1_usize..8) {
            let greatest = least + more;
            let (first, last) = (format!("{least:0width$}"), format!("{greatest:0width$}"));
            let hosts = expand(&format!("a[{first}-{last}]b")).unwrap();
            let numbers: Vec<u64> =
                hosts.iter().map(|h| h.as_str()[1..h.as_str().len() - 1].parse().unwrap()).collect();
            prop_assert_eq!(numbers, (least..=greatest).collect::<Vec<_>>());
            prop_assert_eq!(hosts[0].as_str(), format!("a{first}b"));
            prop_assert_eq!(hosts.last().unwrap().as_str(), format!("a{last}b"));
            prop_assert!(hosts.iter().all(|h| h.as_str().len() >= width + 2));
        }

        #[test]
        fn no_pattern_panics(pattern in "[a-c0-9\\[\\]-]{0,24}|\\PC*") {
            if let Ok(hosts) = expand(&pattern) {
                prop_assert!(!hosts.is_empty() && hosts.len() <= MOST_HOSTS);
            }
        }
    }
}
