//! The laws of the house that a machine can hold: who may import whom (the table in src/lib.rs), that only adapters and the edge
//! touch clocks, files, processes and sockets, and that releases are compared and named in two rooms alone.

use std::path::{Path, PathBuf};

/// Rooms and what they may import, as src/lib.rs has it.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("moosefs", &[]),
    ("host", &["moosefs"]),
    ("rules", &["moosefs"]),
    ("plan", &["moosefs", "host", "rules"]),
    ("step", &["plan", "rules", "host", "moosefs"]),
    ("check", &["step", "plan", "rules", "host", "moosefs"]),
    ("schedule", &["step", "plan", "check", "rules", "host", "moosefs"]),
    ("journal", &["schedule", "step", "check", "plan", "host", "moosefs"]),
    ("run", &["journal", "schedule", "step", "plan", "check", "rules", "host", "moosefs"]),
    ("fleet", &["run", "host", "plan", "moosefs"]),
    ("ui", &["journal", "schedule", "step", "check", "host", "moosefs", "plan"]),
    ("rehearsal", &["moosefs", "plan", "host", "rules"]),
];

/// Words that only an adapter or the edge may use.
const ACTS: &[&str] = &[
    "std::fs",
    "std::net::Tcp",
    "std::process",
    "std::time::Instant",
    "SystemTime",
    "Timestamp::now",
    "tokio::",
    "println!",
];

/// Files of pure rooms that act, each for the reason that src/lib.rs gives.
const MAY_ACT: &[&str] = &[
    "moosefs/client.rs",
    "plan/read.rs",
    "plan/local.rs",
    "journal/store.rs",
    "journal/files.rs",
    "journal/store/crash.rs",
    "journal/store/events.rs",
    "journal/store/simulated.rs",
    "journal/store/texts.rs",
];

pub fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// The code of a file without its tests and comments.
fn code(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    text.lines().filter(|l| !l.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn is_test(path: &Path) -> bool {
    path.components().any(|c| c.as_os_str() == "tests") || path.file_name().is_some_and(|n| n == "tests.rs")
}

#[test]
fn rooms_import_only_what_the_map_allows() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for (room, allowed) in MAY_IMPORT {
        let mut files = Vec::new();
        sources(&source.join(room), &mut files);
        assert!(!files.is_empty(), "{room}");
        for file in files.iter().filter(|f| !is_test(f)) {
            for (at, _) in code(file).match_indices("crate::") {
                let rest = &code(file)[at + "crate::".len()..];
                let to: String = rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
                let known = MAY_IMPORT.iter().any(|(name, _)| *name == to) || to == "cli";
                assert!(!known || to == *room || allowed.contains(&to.as_str()), "{} imports {to}", file.display());
            }
        }
    }
}

#[test]
fn pure_rooms_touch_no_clock_file_process_or_terminal() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for room in ["moosefs", "host", "rules", "plan", "step", "check", "schedule", "journal", "run"] {
        let mut files = Vec::new();
        sources(&source.join(room), &mut files);
        for file in files.iter().filter(|f| !is_test(f)) {
            let name = file.strip_prefix(&source).unwrap().to_str().unwrap();
            let found = ACTS.iter().find(|word| code(file).contains(**word));
            assert!(found.is_none() || MAY_ACT.contains(&name), "{name} uses {}", found.unwrap());
        }
    }
}

/// What a host, a lock, a journal, a plan or a file name says goes through one place to a terminal or a log.
#[test]
fn one_file_alone_writes_to_stdout_and_stderr() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&source, &mut files);
    for file in files.iter().filter(|f| !is_test(f)) {
        let name = file.strip_prefix(&source).unwrap().to_str().unwrap();
        // simulated daemons say what real ones say
        if name == "ui/out.rs" || name.starts_with("rehearsal/simulated/") {
            continue;
        }
        let code = code(file).replace("::stdout().is_terminal", "").replace("::stderr().is_terminal", "");
        let code = code.replace("Term::stdout().size_checked", "");
        for word in ["print!(", "println!(", "dbg!(", "::stdout()", "::stderr()", "e.print()"] {
            assert!(!code.contains(word), "{name} writes by itself: {word}");
        }
    }
}

/// Text gets into a script through `host::sh` alone, which knows where it stands.
#[test]
fn no_script_is_put_together_by_hand() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for room in ["host", "step", "fleet", "run"] {
        let mut files = Vec::new();
        sources(&source.join(room), &mut files);
        for file in files.iter().filter(|f| !is_test(f)) {
            let name = file.strip_prefix(&source).unwrap().to_str().unwrap();
            let quotes =
                code(file).contains("quote(") || code(file).contains("shell::quote") || code(file).contains("shlex");
            assert!(!quotes || ["host/sh.rs", "host/shell.rs"].contains(&name), "{name} quotes words by itself");
        }
    }
}

/// What a host says stands in a finding or a failure as it is: it is made printable where it is printed, and JSON has it whole.
#[test]
fn no_finding_and_no_failure_escapes_what_a_host_says() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for room in ["check", "run"] {
        let mut files = Vec::new();
        sources(&source.join(room), &mut files);
        for file in files.iter().filter(|f| !is_test(f)) {
            assert!(!code(file).contains(":?}"), "{} writes out what is to be kept whole", file.display());
        }
    }
}

/// A kind of step is known in its own file, where schedules are made, and nowhere else: other rooms decide by effects, so that none is
/// left out when a kind is added.
#[test]
fn kinds_of_steps_are_named_where_they_are_made_and_nowhere_else() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&source, &mut files);
    let mut makes = false;
    for file in files.iter().filter(|f| !is_test(f)) {
        let name = file.strip_prefix(&source).unwrap().to_str().unwrap();
        let code = code(file);
        let named = code.match_indices("Action::").any(|(at, word)| {
            code[at + word.len()..].starts_with(char::is_uppercase) && !code[..at].ends_with(char::is_alphanumeric)
        });
        if name.starts_with("schedule/compile/") {
            makes |= named;
            continue;
        }
        // a restore that failed behind its daemon's stop, and nothing else
        assert!(!named || name.starts_with("step/") || name == "run/again.rs", "{name} knows a kind of step");
    }
    assert!(makes, "schedules are made of kinds");
}

/// What is decided by a kind or an effect is decided for each of them.
#[test]
fn no_kind_and_no_effect_is_decided_by_a_default_arm() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let effects = code(&source.join("step/effect.rs"));
    assert!(effects.matches("match self {").count() > 4 && !effects.contains("_ =>"), "src/step/effect.rs");
}

/// Families of releases, as code and words would name them.
const FAMILIES: &[(&str, &str)] = &[("1", "5"), ("1", "6"), ("1", "7"), ("2", "0"), ("2", "1"), ("3", "0"), ("4", "0")];

/// Files outside of `moosefs` and `rules` that may name a release.
const MAY_NAME_RELEASES: &[(&str, &str)] = &[
    ("rehearsal/fault.rs", "a fault tells what it does to the releases that are simulated"),
    ("rehearsal/setup.rs", "files that a simulated old release is given say whose they are"),
    ("rehearsal/remains/content.rs", "a file is left out of a comparison for what one release writes into it"),
];

/// Names of this program's own that are stable, whatever other lines there are.
const STABLE_NAMES: &[&str] = &["exports_like_1_5", "startup-1-5-syntax"];

/// The first release that a text names: `1.5`, `1.6.27`, `from_1_5`; not `21.5`, `1.55` or `127.1.5.1`.
fn named_release(code: &str) -> Option<String> {
    let digit = |c: char| c.is_ascii_digit();
    FAMILIES.iter().flat_map(|(major, minor)| [format!("{major}.{minor}"), format!("{major}_{minor}")]).find(|name| {
        code.match_indices(name.as_str()).any(|(at, _)| {
            !code[..at].ends_with(|c: char| digit(c) || c == '.')
                && !code[at + name.len()..].starts_with(digit)
                && !code[..at].rsplit('\n').next().unwrap_or_default().contains(" // ")
        })
    })
}

#[test]
fn what_names_a_release_is_seen() {
    for (text, name) in
        [("a 1.5 master", "1.5"), ("\"1.6.27\"", "1.6"), ("from_1_5(words)", "1_5"), ("below 2.0:", "2.0")]
    {
        assert_eq!(named_release(text).as_deref(), Some(name), "{text}");
    }
    for text in ["21.5", "1.55", "1.25", "127.1.5.1", "1_000", "x // 1.5 does not"] {
        assert_eq!(named_release(text), None, "{text}");
    }
}

/// Law 10: whoever asks what a release does asks `moosefs::releases`, and whoever asks what an upgrade is asks its line. Tests and
/// comments may name releases, and comments must: they cite sources.
#[test]
fn releases_are_compared_and_named_in_two_rooms_alone() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&source, &mut files);
    let mut unused: Vec<&str> = MAY_NAME_RELEASES.iter().map(|(name, _)| *name).collect();
    for file in files.iter().filter(|f| !is_test(f)) {
        let name = file.strip_prefix(&source).unwrap().to_str().unwrap();
        if name.starts_with("moosefs/") || name.starts_with("rules/") {
            continue;
        }
        // no release at all: the least that there can be
        let mut code = code(file).replace("Version::new(0, 0, 0)", "");
        for stable in STABLE_NAMES {
            code = code.replace(stable, "");
        }
        let compares = ["Version::new(", ".major", ".minor", ".patch"].into_iter().find(|word| code.contains(word));
        assert_eq!(compares, None, "{name} takes a release apart or makes one");
        if let Some(release) = named_release(&code) {
            assert!(unused.contains(&name), "{name} names {release}");
            unused.retain(|known| *known != name);
        }
    }
    assert!(unused.is_empty(), "nothing is named any more in {unused:?}");
}
