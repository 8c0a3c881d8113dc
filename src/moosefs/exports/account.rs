//! Users and groups that mfsexports.cfg names, which the master's host has or has not.

use std::fmt;

/// An account that a rule depends on: without it the master passes the whole line over (exports.c; run).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Account {
    /// A user by name.
    User(String),
    /// A user by number, whose group is wanted.
    Uid(u32),
    /// A group by name.
    Group(String),
}

impl Account {
    /// Whether there can be such an account at all.
    #[must_use]
    pub fn can_be(&self) -> bool {
        let plain = |c: char| c.is_ascii_alphanumeric() || "_-.$@+\\".contains(c);
        match self {
            Self::User(name) | Self::Group(name) => !name.is_empty() && name.chars().all(plain),
            Self::Uid(_) => true,
        }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(name) => write!(f, "user {name:?}"),
            Self::Uid(uid) => write!(f, "user with number {uid}"),
            Self::Group(name) => write!(f, "group {name:?}"),
        }
    }
}

/// Who somebody becomes: names and numbers as they are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ids {
    /// A name, or a number.
    pub user: String,
    /// The same; `None`: the user's own.
    pub group: Option<String>,
}

impl Ids {
    pub(super) fn numbers(both: u32) -> Ids {
        Ids { user: both.to_string(), group: Some(both.to_string()) }
    }

    /// Whether that is root.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.user == "root" || self.user == "0"
    }
}

impl fmt::Display for Ids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.group {
            Some(group) => write!(f, "{}:{group}", self.user),
            None => f.write_str(&self.user),
        }
    }
}
