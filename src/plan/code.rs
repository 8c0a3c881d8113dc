//! The codes of findings: short stable names that a script, a document and a person can hold on to.
//!
//! A code is never renamed and never given a second meaning.

use std::fmt;

/// Declares [`Code`], so that a code, its name and its meaning cannot drift apart.
macro_rules! codes {
    ($($variant:ident = $name:literal: $meaning:literal,)+) => {
        /// What is wrong with a plan, as a stable name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Code {
            $(#[doc = $meaning] $variant,)+
        }

        impl Code {
            /// Every code, in the order in which docs/plan-reference.md lists them.
            pub const ALL: &'static [Code] = &[$(Code::$variant,)+];

            /// The name, for example `two-masters`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Code::$variant => $name,)+
                }
            }

            /// One line for a table of codes.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Code::$variant => $meaning,)+
                }
            }
        }
    };
}

codes! {
    TomlSyntax = "toml-syntax": "the file is not TOML",
    DuplicateKey = "duplicate-key": "a key or a table is written twice",
    UnknownKey = "unknown-key": "a key that a plan does not have",
    MissingKey = "missing-key": "a section lacks a key that it must have",
    MissingSection = "missing-section": "the plan has no `[upgrade]`",
    WrongType = "wrong-type": "a value of another type than its key takes",
    UnknownValue = "unknown-value": "a word that is not one of the words that its key takes",
    OutOfRange = "out-of-range": "a number outside its limits",
    EmptyList = "empty-list": "a list that must name something names nothing",

    InvalidVersion = "invalid-version": "`from` or `to` is not a version: three numbers with points between them",
    FromOutsideLine = "from-outside-line": "`from` is a release that no line begins with",
    ToOutsideLine = "to-outside-line": "`to` is a release that no line from `from` ends with",
    TargetDeletesUnknownChunks = "target-deletes-unknown-chunks":
        "`to` is a release that deletes chunks which its metadata does not know; can be acknowledged",
    UnknownAcknowledgement = "unknown-acknowledgement": "`acknowledge` names a code that cannot be acknowledged",
    InvalidDuration = "invalid-duration": "not a duration such as 3m, or zero, negative or longer than a day",
    StaggerOutOfRange = "stagger-out-of-range": "`stagger` leaves 5 to 10 minutes",
    StaggerTurnedRound = "stagger-turned-round": "`stagger` has its greatest time before its least",
    MasterWaitTooShort = "master-wait-too-short": "`master_wait` is under 3 minutes",

    InvalidTime = "invalid-time": "`from` or `to` of the window is not a time of day such as 22:00",
    UnknownTimeZone = "unknown-time-zone": "`time_zone` is not a name of this machine's tz database",
    EmptyWindow = "empty-window": "the window closes when it opens",

    NoInstall = "no-install": "a role has none of `source_dir`, `archive` and a command to install with",
    TwoKindsOfInstall = "two-kinds-of-install": "two of `source_dir`, `archive` and `commands` side by side",
    InstallNotOnLine = "install-not-on-line": "a way to install that the upgrade's line does not have",
    MissingInstallCommand = "missing-install-command": "`commands` lacks a role that the plan has",
    InvalidCommand = "invalid-command": "an install command is empty or more than one printable line",
    InvalidArchive = "invalid-archive": "`archive` is empty, not a gzip file or larger than 1 GiB",
    ConfigureWithoutArchive = "configure-without-archive": "`configure` where there is no `archive`",
    InvalidConfigureArgument = "invalid-configure-argument":
        "an entry of `configure` is empty, more than one printable line or a second `--prefix`",
    ConflictingPrefix = "conflicting-prefix": "`prefix` is not the `--prefix` of `configure`",
    InvalidWorkDir = "invalid-work-dir": "`work_dir` is `/`",
    UnreadableFile = "unreadable-file": "`archive` or `exports` names a file that cannot be read",
    InvalidPath = "invalid-path": "a path on a host is relative, begins with `-` or has a character that is not accepted",

    TwoKindsOfExports = "two-kinds-of-exports": "`exports` and `exports_like_1_5 = true` side by side",
    InvalidExports = "invalid-exports": "`exports` is a file without a rule, not plain text or larger than 1 MiB",

    InvalidUser = "invalid-user": "`user` is not a name that is safe in a command line",
    InvalidLocalPath = "invalid-local-path": "`config` or `identity` is not a path that is safe in a command line",
    InvalidJump = "invalid-jump": "an entry of `jump` is not `host`, `user@host` or `user@host:port`",
    ConflictingSsh = "conflicting-ssh": "a host of several roles is to be reached in different ways",

    NoMaster = "no-master": "the plan has no `[master]`",
    TwoMasters = "two-masters": "the plan names more than one master",
    ReleaseWithoutMetaloggers = "release-without-metaloggers": "the plan has metaloggers and `to` is a release without them",
    NoChunkserver = "no-chunkserver": "the plan has no chunkserver",
    InvalidHost = "invalid-host": "a host name begins with `-` or has a character that is not accepted",
    InvalidHostRange = "invalid-host-range": "a range of hosts is not of the form [1-12]",
    EmptyHostRange = "empty-host-range": "a range of hosts that is empty or turned round",
    TooManyHosts = "too-many-hosts": "a pattern or a role with more than 10,000 hosts",
    DuplicateHost = "duplicate-host": "a host twice in one role",
    InvalidAddress = "invalid-address": "`address` is not the IPv4 address of one host on a network",
    AddressOfSeveralHosts = "address-of-several-hosts": "`address` in a section with more than one host",
    DuplicateAddress = "duplicate-address": "two chunkservers with the same address",

    InvalidMount = "invalid-mount": "a mount point that cannot be one",
    DuplicateMount = "duplicate-mount": "a mount point twice in one section",
    LazyOrSkipped = "lazy-or-skipped": "`lazy_unmount = true` beside `busy = \"skip\"`",
    InvalidMountOption = "invalid-mount-option": "an entry of `mount_options` is not one option of mfsmount",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::rules::V1_5_TO_1_6;

    #[test]
    fn codes_are_kebab_case_and_differ() {
        for code in Code::ALL {
            assert!(code.as_str().bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{code}");
            assert!(!code.meaning().is_empty());
        }
        assert_eq!(Code::ALL.iter().map(|c| c.as_str()).collect::<BTreeSet<_>>().len(), Code::ALL.len());
    }

    #[test]
    fn the_code_of_an_unsafe_target_is_the_one_that_acknowledges_it() {
        assert_eq!(Code::TargetDeletesUnknownChunks.as_str(), V1_5_TO_1_6.floor.code);
    }
}
