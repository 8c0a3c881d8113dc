//! The options of a rule in mfsexports.cfg.

use semver::Version;

use super::account::{Account, Ids};
use super::rule::{Fault, Notes, Rule, octet};
use crate::moosefs::releases::TABLE;

/// Puts the options into a rule. A value that cannot be read loses the whole line; a word that is not known is passed
/// over, so that blanks between options, or a comment behind them, quietly make a mount read-only (run).
pub(super) fn apply(
    mut rule: Rule,
    options: &str,
    to: &Version,
    known: &dyn Fn(&Account) -> bool,
    notes: &mut Notes,
) -> Result<Rule, Fault> {
    let mut limits = Limits { goal: (1, 9), trash: (0, u32::MAX) };
    let mut root_is_set = false;
    for word in options.split(',') {
        let (name, value) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
        let meta = rule.path.is_none();
        match (name, value) {
            ("ro" | "readonly", None) => rule.read_only = true,
            ("rw" | "readwrite", None) => rule.read_only = false,
            ("dynamicip", None) => rule.dynamic_ip = true,
            ("password", Some(_)) => rule.password = true,
            ("md5pass", Some(value)) => {
                if value.len() != 32 || !value.bytes().all(|b| b.is_ascii_hexdigit()) {
                    return Err(Fault::new(word, "an MD5 sum has 32 hexadecimal digits"));
                }
                rule.password = true;
            }
            ("minversion", Some(value)) => {
                let wrong = || Fault::new(word, "not one to three numbers up to 255");
                rule.min_version = version(value).ok_or_else(wrong)?;
            }
            ("mingoal" | "maxgoal" | "mintrashtime" | "maxtrashtime", Some(value)) if TABLE.export_limits.at(to) => {
                limits.set(name, value).map_err(|reason| Fault::new(word, reason))?;
            }
            ("mapall", Some(_)) if !TABLE.export_mapall.at(to) => notes.passed_over.push(unknown(word, to)),
            ("ignoregid" | "alldirs" | "canchangequota", None) | ("maproot" | "mapall", Some(_)) if meta => {
                notes.passed_over.push(Fault::new(word, "it means nothing for meta mounts"));
            }
            ("ignoregid", None) => rule.ignore_gid = true,
            ("alldirs", None) => rule.all_dirs = true,
            ("canchangequota", None) => rule.change_quota = true,
            ("maproot", Some(value)) => {
                rule.root = ids(word, value, known, notes)?;
                root_is_set = true;
            }
            ("mapall", Some(value)) => rule.all = Some(ids(word, value, known, notes)?),
            _ => notes.passed_over.push(unknown(word, to)),
        }
    }
    if let (Some(all), false) = (&rule.all, root_is_set) {
        rule.root = all.clone();
    }
    Ok(rule)
}

/// A word that is passed over.
fn unknown(word: &str, to: &Version) -> Fault {
    if word.contains([' ', '\t']) {
        return Fault::new(word, "options have commas between them, no blanks, and no comment behind them");
    }
    Fault::new(word, format!("no option of {to}"))
}

/// `USER`, `UID`, `USER:GROUP` and so on. Numbers wrap at 2^32, and none at all is nought, as in the original.
fn ids(word: &str, value: &str, known: &dyn Fn(&Account) -> bool, notes: &mut Notes) -> Result<Ids, Fault> {
    let number = |word: &str| {
        let add = |number: u32, digit: u8| number.wrapping_mul(10).wrapping_add(u32::from(digit - b'0'));
        word.bytes().all(|b| b.is_ascii_digit()).then(|| word.bytes().fold(0, add))
    };
    let (user, group) = value.split_once(':').map_or((value, None), |(user, group)| (user, Some(group)));
    let named_group = group.filter(|group| number(group).is_none()).map(|group| Account::Group(group.to_owned()));
    let named_user = match number(user) {
        None => Some(Account::User(user.to_owned())),
        Some(uid) if group.is_none() => Some(Account::Uid(uid)),
        Some(_) => None,
    };
    for account in named_group.into_iter().chain(named_user) {
        if !known(&account) {
            return Err(Fault::new(word, format!("the master's host has no {account}")));
        }
        notes.accounts.push(account);
    }
    let text = |word: &str| number(word).map_or_else(|| word.to_owned(), |number| number.to_string());
    Ok(Ids { user: text(user), group: group.map(text) })
}

/// `1`, `1.6` or `1.6.27`.
fn version(value: &str) -> Option<Version> {
    let parts = value.split('.').map(octet).collect::<Option<Vec<_>>>()?;
    let part = |at: usize| u64::from(parts.get(at).copied().unwrap_or(0));
    (parts.len() <= 3).then(|| Version::new(part(0), part(1), part(2)))
}

/// The limits of a rule so far: a lower one above an upper one loses the line.
struct Limits {
    goal: (u8, u8),
    trash: (u32, u32),
}

impl Limits {
    fn set(&mut self, name: &str, value: &str) -> Result<(), &'static str> {
        if let "mingoal" | "maxgoal" = name {
            let &[digit @ b'1'..=b'9'] = value.as_bytes() else { return Err("a goal is a number from 1 to 9") };
            *if name == "mingoal" { &mut self.goal.0 } else { &mut self.goal.1 } = digit - b'0';
        } else {
            let wrong = "a time is a number of seconds, or numbers with w, d, h, m and s in that order";
            *if name == "mintrashtime" { &mut self.trash.0 } else { &mut self.trash.1 } = time(value).ok_or(wrong)?;
        }
        let crossed = self.goal.0 > self.goal.1 || self.trash.0 > self.trash.1;
        if crossed { Err("the lower limit is above the upper one") } else { Ok(()) }
    }
}

/// Seconds: `3600`, or `1w2d3h4m5s` with any of them left out. 2^32 passes and is 0, as in the original (run).
fn time(value: &str) -> Option<u32> {
    const MOST: u64 = 1 << 32;
    const UNITS: [(char, u64); 5] = [('w', 604_800), ('d', 86_400), ('h', 3600), ('m', 60), ('s', 1)];
    let mut rest = value;
    let mut total = 0_u64;
    let mut units = UNITS.iter();
    loop {
        let (digits, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()));
        let number = match digits.trim_start_matches('0') {
            "" if digits.is_empty() => return None,
            "" => 0,
            digits => digits.parse().ok().filter(|&number: &u64| number <= MOST)?,
        };
        let mut letters = after.chars();
        let seconds = match letters.next() {
            None if rest.len() == value.len() => 1,
            None => return None,
            Some(letter) => units.find(|(unit, _)| letter.to_ascii_lowercase() == *unit)?.1,
        };
        total += number * seconds;
        if total > MOST {
            return None;
        }
        rest = letters.as_str();
        if rest.is_empty() {
            return Some(u32::try_from(total).unwrap_or(0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_1_6_26_reads_them() {
        for (value, seconds) in [
            ("3600", Some(3600)),
            ("1h30m", Some(5400)),
            ("2W3d", Some(1_468_800)),
            ("5s", Some(5)),
            ("1m1h", None),
            ("1h30", None),
            ("1h1h", None),
            ("1x", None),
            ("", None),
            ("h", None),
            ("4294967296", Some(0)),
            ("4294967297", None),
            ("99999999999999999999999", None),
            ("000", Some(0)),
        ] {
            assert_eq!(time(value), seconds, "{value}");
        }
    }
}
