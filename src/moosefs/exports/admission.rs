//! Whether a mount is admitted, by which rule, and if not, which comes nearest.

use std::net::Ipv4Addr;

use semver::Version;

use super::account::Ids;
use super::{Exports, Rule};
use crate::moosefs::releases::TABLE;

/// A mount that wants to be admitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount<'a> {
    /// Where the master sees it come from.
    pub address: Ipv4Addr,
    /// What it mounts, `/` or a subfolder; of no effect for a meta mount.
    pub path: &'a str,
    /// Whether it is a meta mount.
    pub meta: bool,
    /// Whether it gives a password. It is taken to be the right one.
    pub password: bool,
    /// Of mfsmount.
    pub version: &'a Version,
}

/// How a mount is admitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted {
    /// The rule's line, from 1.
    pub line: u32,
    /// Whether it may not write.
    pub read_only: bool,
    /// Who root becomes; `None`: stays root.
    pub root_mapped: Option<Ids>,
    /// Who all others become; `None`: they stay who they are.
    pub all_mapped: Option<Ids>,
}

/// Why a mount is not admitted, by the rule that comes nearest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Refused {
    /// A sentence without a full stop.
    pub reason: String,
}

impl Exports {
    /// Whether a mount is admitted, and by which rule. That its folder exists is the master's next question.
    ///
    /// Of rules that admit it, each is held against the best one so far and takes its place if it goes before it in
    /// any one of these: it may write, leaves root alone, may change quotas, wants a password, has the longer path.
    /// So a later read-only rule that leaves root alone goes before an earlier one that may write and does not
    /// (exports.c @ 1.6.0 to 1.6.27; run).
    ///
    /// # Errors
    /// [`Refused`].
    pub fn admits(&self, mount: &Mount) -> Result<Admitted, Refused> {
        let mut best: Option<&Rule> = None;
        for rule in self.rules.iter().filter(|rule| self.obstacles(rule, mount).is_empty()) {
            if best.is_none_or(|best| goes_before(rule, best)) {
                best = Some(rule);
            }
        }
        let rule = best.ok_or_else(|| self.refusal(mount))?;
        Ok(Admitted {
            line: rule.line,
            read_only: rule.read_only,
            root_mapped: Some(rule.root.clone()).filter(|root| !mount.meta && !root.is_root()),
            all_mapped: rule.all.clone().filter(|_| !mount.meta),
        })
    }

    /// What of a rule does not fit a mount.
    fn obstacles(&self, rule: &Rule, mount: &Mount) -> Vec<Obstacle> {
        let mut found = Vec::new();
        let root_by_meta = !TABLE.meta_is_meta.at(&self.to) && !mount.meta && rule.path.is_none();
        if mount.meta != rule.path.is_none() && !root_by_meta {
            found.push(if mount.meta { Obstacle::NoMeta } else { Obstacle::OnlyMeta });
        }
        if mount.address < rule.from || mount.address > rule.to {
            found.push(Obstacle::Address);
        }
        if !mount.meta && (root_by_meta || rule.path.is_some()) {
            let (wanted, given) = (mount.path.trim_matches('/'), rule.path.as_deref().unwrap_or_default());
            let below = given.is_empty() || wanted.strip_prefix(given).is_some_and(|rest| rest.starts_with('/'));
            if wanted != given && !below {
                found.push(Obstacle::Path);
            } else if wanted != given && !rule.all_dirs {
                found.push(Obstacle::NoAllDirs);
            }
        }
        if *mount.version < rule.min_version {
            found.push(Obstacle::Version);
        }
        if rule.password && !mount.password {
            found.push(Obstacle::Password);
        }
        found
    }

    fn refusal(&self, mount: &Mount) -> Refused {
        // one grave thing is worse than all the lesser ones together
        let gravity = |found: &[Obstacle]| found.iter().map(|obstacle| 1_u32 << *obstacle as u32).sum::<u32>();
        let all = self.rules.iter().map(|rule| (rule, self.obstacles(rule, mount)));
        let Some((rule, found)) = all.min_by_key(|(_, found)| gravity(found)) else {
            return Refused { reason: "mfsexports.cfg has no rule".to_owned() };
        };
        let what = match mount.meta {
            true => "a meta mount".to_owned(),
            false => format!("a mount of /{}", mount.path.trim_matches('/')),
        };
        let said: Vec<_> = found.iter().map(|obstacle| obstacle.say(rule, mount)).collect();
        let nearest = format!("the nearest is line {}, `{}`, and {}", rule.line, rule.text, said.join(", and "));
        Refused { reason: format!("no rule admits {what} from {}; {nearest}", mount.address) }
    }
}

/// Whether a rule takes the place of the best one so far.
fn goes_before(rule: &Rule, best: &Rule) -> bool {
    let length = |rule: &Rule| rule.path.as_deref().unwrap_or_default().len();
    (!rule.read_only && best.read_only)
        || (rule.root.is_root() && !best.root.is_root())
        || (rule.change_quota && !best.change_quota)
        || (rule.password && !best.password)
        || length(rule) > length(best)
}

/// What of a rule does not fit a mount, from the least to the gravest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Obstacle {
    Password,
    Version,
    NoAllDirs,
    Address,
    Path,
    OnlyMeta,
    NoMeta,
}

impl Obstacle {
    fn say(self, rule: &Rule, mount: &Mount) -> String {
        match self {
            Self::Password => "it wants a password".to_owned(),
            Self::Version => format!("it wants mfsmount {} or later, not {}", rule.min_version, mount.version),
            Self::NoAllDirs => "it has no `alldirs`, so that no folder below its path may be mounted".to_owned(),
            Self::Address if rule.from == rule.to => format!("it is for {} alone", rule.from),
            Self::Address if rule.from > rule.to => "it is for nobody, as its range ends before it begins".to_owned(),
            Self::Address => format!("it is for {} to {}", rule.from, rule.to),
            Self::Path => "its path is another".to_owned(),
            Self::OnlyMeta => "it is for meta mounts".to_owned(),
            Self::NoMeta => "it has not the path `.`, which meta mounts need".to_owned(),
        }
    }
}
