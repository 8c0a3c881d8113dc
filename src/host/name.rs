//! Names that come from a plan and end in a command line: checked once, here, and typed ever after.
//!
//! The renderer quotes everything it puts into a shell all the same; these types are the first of two walls.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Why a host name or a path was refused. Completes "invalid host name `…`: ".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// Nothing there.
    #[error("it is empty")]
    Empty,
    /// `ssh -oProxyCommand=…` is a host name to a careless program.
    #[error("it begins with `-`, which a command would take for an option")]
    LeadingDash,
    /// A character outside of the accepted set.
    #[error("it contains {0:?}, which is not accepted because a shell or ssh could give it a meaning")]
    Character(char),
    /// Paths are absolute: a daemon, a shell and sudo start in three different folders.
    #[error("it is not absolute; it must begin with `/`")]
    Relative,
    /// `..` would let a path leave the place that a reader sees.
    #[error("it contains `..`")]
    ParentFolder,
    /// Longer than any file system or DNS accepts.
    #[error("it is longer than {0} characters")]
    TooLong(usize),
}

/// A host as `ssh` takes it: a DNS name, an alias of ssh_config or an address. ASCII letters, digits, `.`, `-`, `_`,
/// `:` (IPv6); not beginning with `-`; at most 253 characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostName(Arc<str>);

/// An absolute path on a host (or here) that is safe to show, quote and compare: ASCII letters, digits and
/// `/ . _ - + , : @ =`; no `..`; a trailing `/` is dropped. Spaces are refused on purpose: `mfshdd.cfg` of 1.6.27 gives
/// them a meaning, and no default of MooseFS contains one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AbsPath(Arc<str>);

impl HostName {
    /// Checks `text`.
    ///
    /// # Errors
    /// [`InvalidName`] says which rule it breaks.
    pub fn new(text: &str) -> Result<Self, InvalidName> {
        check(text, 253, |c| matches!(c, '.' | '-' | '_' | ':'))?;
        Ok(Self(text.into()))
    }

    /// The name as written in the plan.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AbsPath {
    /// Checks `text`.
    ///
    /// # Errors
    /// [`InvalidName`] says which rule it breaks.
    pub fn new(text: &str) -> Result<Self, InvalidName> {
        check(text, 4095, |c| matches!(c, '/' | '.' | '_' | '-' | '+' | ',' | ':' | '@' | '='))?;
        if !text.starts_with('/') {
            return Err(InvalidName::Relative);
        }
        if text.split('/').any(|part| part == "..") {
            return Err(InvalidName::ParentFolder);
        }
        let trimmed = text.trim_end_matches('/');
        Ok(Self(if trimmed.is_empty() { "/" } else { trimmed }.into()))
    }

    /// The path, without a trailing slash.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// This path with `tail` (relative, from this program and not from a plan) behind it.
    #[must_use]
    pub fn join(&self, tail: &str) -> Self {
        Self(format!("{}/{tail}", self.0.trim_end_matches('/')).into())
    }
}

fn check(text: &str, longest: usize, extra: impl Fn(char) -> bool) -> Result<(), InvalidName> {
    if text.is_empty() {
        return Err(InvalidName::Empty);
    }
    if text.starts_with('-') {
        return Err(InvalidName::LeadingDash);
    }
    if text.len() > longest {
        return Err(InvalidName::TooLong(longest));
    }
    match text.chars().find(|&c| !(c.is_ascii_alphanumeric() || extra(c))) {
        Some(c) => Err(InvalidName::Character(c)),
        None => Ok(()),
    }
}

macro_rules! text_type {
    ($type:ident) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
        impl TryFrom<String> for $type {
            type Error = InvalidName;
            fn try_from(text: String) -> Result<Self, InvalidName> {
                Self::new(&text)
            }
        }
        impl From<$type> for String {
            fn from(name: $type) -> String {
                name.0.as_ref().to_owned()
            }
        }
    };
}
text_type!(HostName);
text_type!(AbsPath);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shell_metacharacters_and_leading_dashes_are_refused() {
        for bad in [
            "",
            "-oProxyCommand=x",
            "a b",
            "a;b",
            "a$(b)",
            "a`b`",
            "a|b",
            "a&b",
            "a>b",
            "a'b",
            "a\"b",
            "a\nb",
            "a*",
            "ä",
        ] {
            assert!(HostName::new(bad).is_err(), "{bad:?} was accepted as a host");
            assert!(AbsPath::new(bad).is_err(), "{bad:?} was accepted as a path");
            assert!(AbsPath::new(&format!("/{bad} ;")).is_err());
        }
        assert_eq!(AbsPath::new("usr/local"), Err(InvalidName::Relative));
        assert_eq!(AbsPath::new("/usr/../etc"), Err(InvalidName::ParentFolder));
        assert_eq!(AbsPath::new("/usr/local/").unwrap().as_str(), "/usr/local");
        assert_eq!(HostName::new("cs-01.example_x").unwrap().as_str(), "cs-01.example_x");
    }
}
