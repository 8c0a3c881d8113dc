//! The command line of a simulated daemon, as `main.c` of its release reads it. PURE.

use std::time::Duration;

use crate::moosefs::releases::Traits;

/// What a daemon was asked to do (`runmode` in main.c).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Start, unless one runs.
    Start,
    /// End the one that runs.
    Stop,
    /// End the one that runs, then start.
    Restart,
    /// Tell the one that runs to read its configuration again.
    Reload,
    /// Say whether one runs.
    Test,
    /// End the one that runs by SIGKILL.
    Kill,
}

/// A command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// What to do.
    pub mode: Mode,
    /// `-d`: stay in the foreground.
    pub foreground: bool,
    /// `-c`
    pub config: Option<String>,
    /// How long to wait for the old one to end; `None`: for ever.
    pub timeout: Option<Duration>,
}

/// What comes of a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parsed {
    /// Go on.
    Run(Options),
    /// `-v`
    Version,
    /// Print the usage and exit with this code.
    Usage(u8),
}

/// Reads the words behind the program's name.
#[must_use]
pub fn parse(words: &[String], traits: &Traits) -> Parsed {
    let usage = Parsed::Usage(u8::from(traits.honest_exit || traits.verbs));
    let mut options = Options { mode: Mode::Restart, foreground: false, config: None, timeout: traits.lock_timeout };
    let mut verbs = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) else {
            verbs.push(word.to_ascii_lowercase());
            continue;
        };
        let mut letters = letters.chars();
        while let Some(letter) = letters.next() {
            match letter {
                'd' => options.foreground = true,
                'f' => options.mode = Mode::Start,
                's' => options.mode = Mode::Stop,
                'v' if traits.tells_version => return Parsed::Version,
                'u' if traits.verbs => {}
                'c' | 't' if letter == 'c' || traits.verbs => {
                    let rest: String = letters.by_ref().collect();
                    let Some(value) = (if rest.is_empty() { words.next().cloned() } else { Some(rest) }) else {
                        return usage;
                    };
                    if letter == 'c' {
                        options.config = Some(value);
                    } else {
                        options.timeout = Some(Duration::from_secs(value.parse().unwrap_or(0)));
                    }
                }
                _ => return usage,
            }
        }
    }
    // main.c before 1.6.9 has no verbs and does not look at what is left: `mfsmaster stop` restarts
    if !traits.verbs {
        return Parsed::Run(options);
    }
    options.mode = match verbs.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => options.mode,
        ["start"] => Mode::Start,
        ["stop"] => Mode::Stop,
        ["restart"] => Mode::Restart,
        ["reload"] if traits.reload => Mode::Reload,
        ["test"] if traits.test => Mode::Test,
        ["kill"] if traits.kill => Mode::Kill,
        _ => return usage,
    };
    Parsed::Run(options)
}

#[cfg(test)]
mod tests {
    use super::*;
    use semver::Version;

    fn mode(version: (u64, u64), words: &str) -> Option<Mode> {
        let traits = Traits::of(&Version::new(1, version.0, version.1));
        let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        match parse(&words, &traits) {
            Parsed::Run(options) => Some(options.mode),
            _ => None,
        }
    }

    #[test]
    fn a_verb_means_restart_to_a_release_that_has_none() {
        for verb in ["stop", "test", "status", "start"] {
            assert_eq!(mode((5, 12), verb), Some(Mode::Restart), "1.5.12 {verb}");
            assert_eq!(mode((6, 5), verb), Some(Mode::Restart), "1.6.5 {verb}");
        }
        assert_eq!(mode((6, 20), "test"), None, "usage");
        assert_eq!(mode((6, 27), "test"), Some(Mode::Test));
        assert_eq!(mode((6, 27), "status"), None, "usage");
        assert_eq!(mode((6, 27), "-s -c /etc/x"), Some(Mode::Stop));
    }

    #[test]
    fn the_wait_for_an_old_daemon_has_an_end_from_1_6_9_on() {
        let timeout = |patch, words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            match parse(&words, &Traits::of(&Version::new(1, 6, patch))) {
                Parsed::Run(options) => options.timeout.map(|t| t.as_secs()),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(timeout(8, &[]), None);
        assert_eq!(timeout(9, &[]), Some(60));
        assert_eq!(timeout(27, &[]), Some(1800));
        assert_eq!(timeout(27, &["-t3600"]), Some(3600));
    }
}
