//! A daemon's `.cfg` as the daemons of a release read it.

use semver::Version;

use crate::moosefs::fgets::{Piece, pieces};
use crate::moosefs::releases::TABLE;

/// The bytes of a line that a daemon reads at once (cfg.c @ 1.5.12 to 1.6.27: a buffer of 999 with its zero).
pub(super) const LONGEST: usize = 998;

/// Where a key and its value are within a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Definition {
    pub key: std::ops::Range<usize>,
    pub value: std::ops::Range<usize>,
}

/// What a daemon of release `at` reads in one line. Both lines want a blank before `=`: without one it is part of the
/// key, and so is everything up to the next blank (cfg.c @ 1.5.12 and 1.6.27; run).
pub(super) fn definition(text: &str, at: &Version) -> Option<Definition> {
    let bytes = text.as_bytes();
    let byte = |i: usize| bytes.get(i).copied().unwrap_or(0);
    let skip = |mut i: usize, wanted: fn(u8) -> bool| {
        while wanted(byte(i)) {
            i += 1;
        }
        i
    };
    let blank = |b: u8| matches!(b, b' ' | b'\t');
    if byte(0) == b'#' {
        return None;
    }
    let from = skip(0, blank);
    let to = skip(from, |b| b > b' ' && b < 127);
    let equals = skip(to, blank);
    if byte(equals) != b'=' || to == from {
        return None;
    }
    let value = skip(equals + 1, blank);
    let mut end = skip(value, |b| (b' '..127).contains(&b));
    if TABLE.strips_blanks.at(at) {
        while end > value && byte(end - 1) == b' ' {
            end -= 1;
        }
    }
    let last = byte(skip(end, blank));
    let ends = matches!(last, b'\0' | b'\r' | b'\n') || (last == b'#' && TABLE.comment_after_tab.at(at));
    ends.then_some(Definition { key: from..to, value: value..end })
}

/// A configuration file, with every line as it is written.
///
/// A `#` begins a comment in the first column alone. Behind a value it is part of the value, unless a tab is before
/// it: then releases below 1.6.27 pass the line over. A key that is set twice has its last value (cfg.c @ 1.5.12 and
/// 1.6.27).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigText {
    pub(super) pieces: Vec<(u32, String)>,
}

impl ConfigText {
    /// Any text is a configuration: what is no definition is passed over by every release.
    #[must_use]
    pub fn parse(text: &str) -> ConfigText {
        ConfigText { pieces: pieces(text, LONGEST).map(|Piece { line, text }| (line, text.to_owned())).collect() }
    }

    /// The value of a key for a daemon of release `at`, `None` where it uses its default. May be empty.
    #[must_use]
    pub fn get(&self, key: &str, at: &Version) -> Option<&str> {
        self.definitions(at).filter(|(_, name, _)| *name == key).last().map(|(_, _, value)| value)
    }

    /// Every definition that a daemon of release `at` reads, in their order: line from 1, key, value.
    pub fn definitions(&self, at: &Version) -> impl Iterator<Item = (u32, &str, &str)> {
        self.pieces.iter().filter_map(move |(line, text)| {
            definition(text, at).map(|found| (*line, &text[found.key], &text[found.value]))
        })
    }

    /// Lines that release `to` reads in another way than release `from`, and how. Lines from 1.
    #[must_use]
    pub fn differs(&self, from: &Version, to: &Version) -> Vec<(u32, String)> {
        let differs = |(line, text): &(u32, String)| {
            let (old, new) = (definition(text, from), definition(text, to));
            let how = match (&old, &new) {
                (Some(old), Some(new)) if old != new => {
                    format!("{from} reads {:?} and {to} {:?}", &text[old.value.clone()], &text[new.value.clone()])
                }
                (None, Some(new)) => {
                    format!("{from} passes the line over and {to} reads {:?}", &text[new.value.clone()])
                }
                (Some(old), None) => {
                    format!("{from} reads {:?} and {to} passes the line over", &text[old.value.clone()])
                }
                _ => return None,
            };
            let key = &text[old.or(new)?.key];
            Some((*line, format!("{key}: {how}")))
        };
        self.pieces.iter().filter_map(differs).collect()
    }
}

/// The text that was parsed, byte for byte.
impl std::fmt::Display for ConfigText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.pieces.iter().try_for_each(|(_, text)| f.write_str(text))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OLD: Version = Version::new(1, 5, 12);
    const NEW: Version = Version::new(1, 6, 27);

    #[test]
    fn lines_as_both_lines_read_them() {
        // text, value of KEY for 1.5.12, for 1.6.26, for 1.6.27
        for (text, v15, v26, v27) in [
            ("KEY = a\n", Some("a"), Some("a"), Some("a")),
            ("KEY=a\n", None, None, None),
            ("KEY= a\n", None, None, None),
            ("KEY =a\n", Some("a"), Some("a"), Some("a")),
            ("\t KEY\t=\ta\t\n", Some("a"), Some("a"), Some("a")),
            ("KEY = a  \n", Some("a  "), Some("a"), Some("a")),
            ("KEY = a  \r\n", Some("a  "), Some("a"), Some("a")),
            ("KEY = a\rb = c\n", Some("a"), Some("a"), Some("a")),
            ("KEY = a b\n", Some("a b"), Some("a b"), Some("a b")),
            ("KEY = a # b\n", Some("a # b"), Some("a # b"), Some("a # b")),
            ("KEY = a\t# b\n", None, None, Some("a")),
            ("KEY = a\tb\n", None, None, None),
            ("KEY = ä\n", None, None, None),
            ("KEY = \n", Some(""), Some(""), Some("")),
            ("KEY =", Some(""), Some(""), Some("")),
            ("= a\n", None, None, None),
            ("KEY a\n", None, None, None),
            ("#KEY = a\n", None, None, None),
            (" #KEY = a\n", None, None, None),
            ("KEY = a\nKEY = b\n", Some("b"), Some("b"), Some("b")),
            ("KEY = a\n#KEY = b", Some("a"), Some("a"), Some("a")),
            ("KEY = a", Some("a"), Some("a"), Some("a")),
        ] {
            let config = ConfigText::parse(text);
            assert_eq!(config.to_string(), text);
            let seen = [OLD, Version::new(1, 6, 26), NEW].map(|at| config.get("KEY", &at).map(str::to_owned));
            assert_eq!(seen.each_ref().map(Option::as_deref), [v15, v26, v27], "{text:?}");
        }
    }

    #[test]
    fn a_comment_that_is_too_long_defines_what_its_rest_says() {
        let text = format!("#{}KEY = a\n", "-".repeat(LONGEST - 1));
        assert_eq!(ConfigText::parse(&text).get("KEY", &NEW), Some("a"));
    }

    #[test]
    fn lines_that_change_their_meaning_are_told() {
        let config = ConfigText::parse("A = b\nLOCK_FILE = /x \nMATOCU_LISTEN_PORT = 9500\t# mine\n");
        let told = config.differs(&OLD, &NEW);
        assert_eq!(
            told,
            [
                (2, "LOCK_FILE: 1.5.12 reads \"/x \" and 1.6.27 \"/x\"".to_owned()),
                (3, "MATOCU_LISTEN_PORT: 1.5.12 passes the line over and 1.6.27 reads \"9500\"".to_owned()),
            ]
        );
    }

    proptest! {
        #[test]
        fn any_text_is_kept(text in "([ -~\t\r\nä\0=#]{0,40}\n?){0,60}") {
            let config = ConfigText::parse(&text);
            prop_assert_eq!(config.to_string(), text);
            for (_, key, value) in config.definitions(&NEW) {
                prop_assert!(!key.is_empty() && !key.contains(' ') && value == value.trim());
            }
        }
    }
}
