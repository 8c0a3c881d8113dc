//! `mfsexports.cfg`: who may mount what, as the master of a release reads it and decides. PURE.
//!
//! A line that is wrong is passed over with a word in syslog, and the others hold. A file without a single rule, or
//! none, keeps a master of 1.6.14 and later from starting, and one of 1.6.0 to 1.6.13 from admitting any 1.6 mount
//! (acl.c, exports.c; run with 1.6.0, 5, 13, 20, 24, 26 and 27). Mounts of 1.5 are not asked: they may do everything
//! (run).

mod account;
mod admission;
mod option;
mod rule;

use std::fmt;

use semver::Version;

pub use account::{Account, Ids};
pub use admission::{Admitted, Mount, Refused};
pub use rule::Rule;

use crate::moosefs::fgets::{pieces, seen};
use crate::moosefs::releases::TABLE;

/// The bytes of a line that a master reads at once (acl.c @ 1.6.0, exports.c @ 1.6.27).
const LONGEST: usize = 9999;

/// An mfsexports.cfg that allows what 1.5 allowed, which asked nobody: for every release of 1.6.
pub const ALLOWS_ALL: &str = "\
# What MooseFS 1.5 allowed: everything, to everybody who can reach the master.
# ADDRESS PATH OPTIONS; a comment begins in the first column, options have commas and no blanks between them.

# Any folder, to be written to, by root as root.
*\t/\trw,alldirs,maproot=0

# The meta file system: the trash, for example.
*\t.\trw
";

/// How a plan asks for [`ALLOWS_ALL`]. A name of the plan file, which stays whatever other releases allow.
pub const ALLOWS_ALL_KEY: &str = "exports_like_1_5";

/// The rules of a file, for one release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exports {
    /// In the order of the file.
    pub rules: Vec<Rule>,
    /// Accounts of the master's host that rules depend on, with the rule's line.
    pub accounts: Vec<(u32, Account)>,
    to: Version,
}

/// A line, or a word of one, that a master passes over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    /// From 1.
    pub line: u32,
    /// The word that it is about.
    pub word: String,
    /// Why, in a few words.
    pub reason: String,
    /// Whether the whole line is no rule; otherwise the word alone has no effect, or another than it seems to.
    pub dropped: bool,
}

impl Exports {
    /// Reads a file as a master of release `to` does, on a host that has every account that there can be.
    #[must_use]
    pub fn parse(text: &str, to: &Version) -> (Exports, Vec<BadLine>) {
        Self::parse_knowing(text, to, &Account::can_be)
    }

    /// The same on a host that has the accounts that `known` says: rules that name others are passed over.
    #[must_use]
    pub fn parse_knowing(text: &str, to: &Version, known: &dyn Fn(&Account) -> bool) -> (Exports, Vec<BadLine>) {
        let mut exports = Exports { rules: Vec::new(), accounts: Vec::new(), to: to.clone() };
        let mut bad = Vec::new();
        for piece in pieces(text, LONGEST).filter(|piece| !piece.text.starts_with('#')) {
            let (line, text) = (piece.line, seen(piece.text).trim_end_matches(['\r', '\n', '\t', ' ']));
            if text.is_empty() {
                continue;
            }
            let told = |fault: rule::Fault, dropped| BadLine { line, word: fault.word, reason: fault.reason, dropped };
            let mut notes = rule::Notes::default();
            match rule::read(line, text, to, known, &mut notes) {
                Ok(rule) => {
                    exports.rules.push(rule);
                    exports.accounts.extend(notes.accounts.into_iter().map(|account| (line, account)));
                    bad.extend(notes.passed_over.into_iter().map(|fault| told(fault, false)));
                }
                Err(fault) => bad.push(told(fault, true)),
            }
        }
        (exports, bad)
    }

    /// Whether a master with this file refuses to start.
    #[must_use]
    pub fn keeps_master_from_starting(&self) -> bool {
        self.rules.is_empty() && TABLE.needs_exports.at(&self.to)
    }
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.dropped { "is no rule" } else { "has a word that does not do what it seems to" };
        write!(f, "line {} {what}: {:?}: {}", self.line, self.word, self.reason)
    }
}

#[cfg(test)]
mod tests;
