//! A configuration carried over to another release: what the old daemon ran with, written so that the new one reads it.

use semver::Version;

use super::keys::{Fate, KEYS, fate};
use super::text::{ConfigText, Definition, LONGEST, definition};
use crate::moosefs::daemon::Role;
use crate::moosefs::releases::TABLE;

/// A key that the target has to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// Its name at the target.
    pub key: String,
    /// Its value, as it is written.
    pub value: String,
    /// Why, for the comment and the report: part of a sentence.
    pub why: String,
}

/// A configuration for the target, and how it differs from what there was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried {
    /// The file.
    pub text: String,
    /// What was changed; empty if and only if the text is the one that was given.
    pub changes: Vec<Change>,
}

/// One thing that was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The key, as it was called before.
    pub key: String,
    /// What was done to it and why.
    pub what: String,
}

/// A need that no line of a configuration can express.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{key} = {value:?} cannot be written to a configuration file: daemons read printable ASCII without blanks around"
)]
pub struct Unwritable {
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
}

/// Carries the configuration of `role` over from release `from` to release `to`.
///
/// Comments stay. Renamed keys are renamed in place, unless their new name is set already: then, as with keys that
/// are ignored at `to`, the line becomes a comment with the reason. So does a line that only `to` reads (see
/// [`ConfigText::differs`]), for the old daemon ran without it. Values of the file `NAME.cfg.var`, which 1.5 alone
/// reads and which goes above all else, are put in place; what is needed is appended where it is not set so.
///
/// Carrying the outcome again changes nothing.
///
/// # Errors
/// [`Unwritable`] for a need that a daemon would not read back as it is.
pub fn carry(
    role: Role,
    from: &Version,
    to: &Version,
    text: &str,
    var: Option<&str>,
    needs: &[Need],
) -> Result<Carried, Unwritable> {
    if let Some(need) = needs.iter().find(|need| !writable(need, to)) {
        return Err(Unwritable { key: need.key.clone(), value: need.value.clone() });
    }
    let mut work = Work::new(role, from, to, text);
    work.lines();
    if let Some(var) = var.filter(|_| !TABLE.ignores_var_config.at(from)) {
        work.overrides(&ConfigText::parse(var), needs);
    }
    work.needs(needs);
    Ok(Carried { text: work.pieces.concat(), changes: work.changes })
}

/// Whether a daemon of release `to` reads a line with this need as it is meant.
fn writable(need: &Need, to: &Version) -> bool {
    let line = assignment(&need.key, &need.value);
    let exact = |found: Definition| line[found.key] == need.key && line[found.value] == need.value;
    line.len() < LONGEST && definition(&line, to).is_some_and(exact)
}

fn assignment(key: &str, value: &str) -> String {
    format!("{key} = {value}")
}

struct Work<'a> {
    role: Role,
    from: &'a Version,
    to: &'a Version,
    end: &'static str,
    pieces: Vec<String>,
    changes: Vec<Change>,
}

impl<'a> Work<'a> {
    fn new(role: Role, from: &'a Version, to: &'a Version, text: &str) -> Work<'a> {
        let first = text.split_inclusive('\n').next().unwrap_or_default();
        let end = if first.ends_with("\r\n") { "\r\n" } else { "\n" };
        let pieces = ConfigText::parse(text).pieces.into_iter().map(|(_, text)| text).collect();
        Work { role, from, to, end, pieces, changes: Vec::new() }
    }

    fn told(&mut self, key: &str, what: String) {
        self.changes.push(Change { key: key.to_owned(), what });
    }

    /// Whether the old daemon knows a key.
    fn ran_with(&self, key: &str) -> bool {
        matches!(fate(self.role, key, self.from), Fate::Kept)
    }

    /// The last line that sets a key for the target, and its value.
    fn setting(&self, key: &str) -> Option<(usize, Definition)> {
        let set = |(at, text): (usize, &String)| {
            definition(text, self.to).filter(|found| text[found.key.clone()] == *key).map(|found| (at, found))
        };
        self.pieces.iter().enumerate().rev().find_map(set)
    }

    fn value(&self, key: &str) -> Option<&str> {
        self.setting(key).map(|(at, found)| &self.pieces[at][found.value])
    }

    /// Puts another text where a piece is. What was cut off a long line, or goes on in another piece, becomes a line
    /// of its own, which is how daemons read it.
    fn put(&mut self, at: usize, text: String) {
        for cut in [at.checked_sub(1), Some(at).filter(|at| at + 1 < self.pieces.len())].into_iter().flatten() {
            if !self.pieces[cut].ends_with('\n') {
                self.pieces[cut].push_str(self.end);
            }
        }
        let ended = self.pieces[at].ends_with('\n');
        self.pieces[at] = if ended && !text.ends_with('\n') { text + self.end } else { text };
    }

    fn comment_out(&mut self, at: usize, reason: &str) {
        let crlf = if self.pieces[at].ends_with("\r\n") { "\r" } else { "" };
        let body = format!("{}  ({reason})", self.pieces[at].trim());
        let text = comments(&body, &format!("{crlf}\n"));
        let text = if self.pieces[at].ends_with('\n') { text + crlf + "\n" } else { text };
        self.put(at, text);
    }

    /// What the target makes of every line.
    fn lines(&mut self) {
        let set = ConfigText::parse(&self.pieces.concat());
        for at in 0..self.pieces.len() {
            let text = self.pieces[at].clone();
            let Some(found) = definition(&text, self.to) else { continue };
            let name = &text[found.key.clone()];
            let (from, to) = (self.from, self.to);
            if definition(&text, from).is_none() && self.ran_with(name) {
                let reason =
                    format!("{from} did not read this line because of the tab behind the value, and {to} would");
                self.comment_out(at, &reason);
                self.told(name, format!("made a comment: {reason}"));
                continue;
            }
            let reason = match fate(self.role, name, to) {
                Fate::Renamed { to: new, since } if self.ran_with(name) && set.get(new, to).is_none() => {
                    self.put(at, format!("{}{new}{}", &text[..found.key.start], &text[found.key.end..]));
                    self.told(name, format!("renamed to {new}, as {since} and later call it"));
                    continue;
                }
                Fate::Renamed { to: new, since } if self.ran_with(name) => {
                    format!("{since} and later call it {new}, which is set")
                }
                Fate::Renamed { to: new, since } => format!("ignored from {since} on, which calls it {new}"),
                Fate::Ignored { since, note } => format!("ignored from {since} on: {note}"),
                Fate::Kept | Fate::NotYet { .. } | Fate::Unknown => continue,
            };
            self.comment_out(at, &reason);
            self.told(name, format!("made a comment: {reason}"));
        }
    }

    /// The values that 1.5 took from the `.var` file.
    fn overrides(&mut self, var: &ConfigText, needs: &[Need]) {
        let mut append = Vec::new();
        for key in KEYS {
            if key.role != self.role || !self.ran_with(key.name) {
                continue;
            }
            let name = match fate(self.role, key.name, self.to) {
                Fate::Kept => key.name,
                Fate::Renamed { to, .. } => to,
                _ => continue,
            };
            let Some(value) = var.get(key.name, self.from).map(|value| value.trim_end_matches(' ')) else { continue };
            if self.value(name) == Some(value) || needs.iter().any(|need| need.key == name) {
                continue;
            }
            let was = match self.setting(name) {
                Some((at, found)) => {
                    let text = self.pieces[at].clone();
                    let mut line = format!("{}{value}{}", &text[..found.value.start], &text[found.value.end..]);
                    if line.len() > LONGEST || definition(&line, self.to).is_none_or(|new| line[new.value] != *value) {
                        line = assignment(name, value) + self.end;
                    }
                    self.put(at, line);
                    format!("was {}", &text[found.value])
                }
                None => {
                    append.push(assignment(name, value));
                    "was not set".to_owned()
                }
            };
            self.told(
                key.name,
                format!("set to {value} ({was}), as in the .var file, which {} does not read", self.to),
            );
        }
        if !append.is_empty() {
            self.append("from the .var file, which 1.6 does not read", &append);
        }
    }

    /// What the target has to have.
    fn needs(&mut self, needs: &[Need]) {
        // the last need of a key is the one that holds
        let last = |(at, need): (usize, &Need)| !needs[at + 1..].iter().any(|later| later.key == need.key);
        let needs: Vec<_> = needs.iter().enumerate().filter(|&it| last(it)).map(|(_, need)| need).collect();
        let needs: Vec<_> = needs.into_iter().filter(|need| self.value(&need.key) != Some(&need.value)).collect();
        if needs.is_empty() {
            return;
        }
        for need in &needs {
            let was = self.value(&need.key).map_or("was not set".to_owned(), |value| format!("was {value}"));
            self.told(&need.key, format!("set to {} ({was}): {}", need.value, need.why));
        }
        let mut reasons: Vec<&str> = needs.iter().map(|need| need.why.as_str()).collect();
        reasons.dedup();
        let lines: Vec<_> = needs.iter().map(|need| assignment(&need.key, &need.value)).collect();
        self.append(&format!("for {}: {}", self.to, reasons.join("; ")), &lines);
    }

    fn append(&mut self, comment: &str, lines: &[String]) {
        let end = self.end;
        if let Some(last) = self.pieces.last_mut().filter(|last| !last.ends_with('\n')) {
            last.push_str(end);
        }
        self.pieces.push(comments(comment, end) + end);
        self.pieces.extend(lines.iter().map(|line| format!("{line}{end}")));
    }
}

/// A text as comment: one line, unless daemons would take its end for a line of its own. Without the last line end.
fn comments(text: &str, end: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut rest = text.as_str();
    let mut lines = Vec::new();
    loop {
        let (line, after) = rest.split_at(rest.floor_char_boundary(LONGEST - 10));
        lines.push(format!("# {line}"));
        if after.is_empty() {
            return lines.join(end);
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::keys::Key;
    use super::*;

    const OLD: Version = Version::new(1, 5, 12);
    const NEW: Version = Version::new(1, 6, 27);

    fn need(key: &str, value: &str, why: &str) -> Need {
        Need { key: key.to_owned(), value: value.to_owned(), why: why.to_owned() }
    }

    fn master(text: &str, var: Option<&str>, needs: &[Need]) -> Carried {
        let carried = carry(Role::Master, &OLD, &NEW, text, var, needs).unwrap();
        let again = carry(Role::Master, &OLD, &NEW, &carried.text, var, needs).unwrap();
        assert_eq!(again, Carried { text: carried.text.clone(), changes: vec![] });
        carried
    }

    #[test]
    fn what_needs_no_change_is_not_touched() {
        for text in [
            "",
            "\n",
            "# all of it\r\n#\r\nDATA_PATH = /x \r\n",
            "DATA_PATH = /x",
            "CHUNKS_REP_LIMIT=5\nUNKNOWN = a\n\n\n",
            "EXPORTS_FILENAME = /x\t# read by 1.6.27 and unknown to 1.5\n",
        ] {
            assert_eq!(master(text, None, &[]), Carried { text: text.to_owned(), changes: vec![] });
        }
    }

    #[test]
    fn names_change_in_place_and_dead_keys_become_comments() {
        let text = "# mine\nMATOCU_LISTEN_HOST = *\n  MATOCU_LISTEN_PORT =\t9500 \nCHUNKS_REP_LIMIT = 15\n\
                    CHUNKS_DEL_LIMIT = 100\nBACK_LOGS = 50\t# kept\n";
        let carried = master(text, None, &[]);
        assert_eq!(
            carried.text,
            "# mine\nMATOCL_LISTEN_HOST = *\n  MATOCL_LISTEN_PORT =\t9500 \n\
             # CHUNKS_REP_LIMIT = 15  (ignored from 1.6.1 on: CHUNKS_WRITE_REP_LIMIT and CHUNKS_READ_REP_LIMIT took \
             its place)\n\
             # CHUNKS_DEL_LIMIT = 100  (ignored from 1.6.25 on: CHUNKS_SOFT_DEL_LIMIT and CHUNKS_HARD_DEL_LIMIT took \
             its place)\n\
             # BACK_LOGS = 50 # kept  (1.5.12 did not read this line because of the tab behind the value, and 1.6.27 \
             would)\n"
        );
        assert_eq!(carried.changes.len(), 5);
        assert_eq!(carried.changes[0].what, "renamed to MATOCL_LISTEN_HOST, as 1.6.26 and later call it");
        let older = carry(Role::Master, &OLD, &Version::new(1, 6, 24), text, None, &[]).unwrap();
        assert!(older.text.contains("\nCHUNKS_DEL_LIMIT = 100\n") && older.text.contains("\nMATOCU_LISTEN_HOST = *\n"));
        assert!(older.text.ends_with("BACK_LOGS = 50\t# kept\n"), "1.6.24 does not read it either");
    }

    #[test]
    fn a_new_name_that_is_set_holds() {
        let carried = master("MATOCU_LISTEN_PORT = 9500\r\nMATOCL_LISTEN_PORT = 9600\r\n", None, &[]);
        assert_eq!(
            carried.text,
            "# MATOCU_LISTEN_PORT = 9500  (1.6.26 and later call it MATOCL_LISTEN_PORT, which is set)\r\n\
             MATOCL_LISTEN_PORT = 9600\r\n"
        );
    }

    #[test]
    fn the_list_of_disks_of_early_releases_is_found_again() {
        let text = "HDD_CONFIG = /x\n";
        let early = carry(Role::Chunkserver, &Version::new(1, 5, 6), &NEW, text, None, &[]).unwrap();
        assert_eq!(early.text, "HDD_CONF_FILENAME = /x\n");
        let late = carry(Role::Chunkserver, &OLD, &NEW, text, None, &[]).unwrap();
        assert_eq!(late.text, "# HDD_CONFIG = /x  (ignored from 1.5.7 on, which calls it HDD_CONF_FILENAME)\n");
    }

    #[test]
    fn the_var_file_goes_above_all() {
        let var = "MATOCU_LISTEN_PORT = 1\nMATOCU_LISTEN_PORT = 9500 \nCHUNKS_REP_LIMIT = 3\nDATA_PATH = /d\n\
                   BACK_LOGS = 9\nNOISE = 1\n";
        let text = "MATOCU_LISTEN_PORT = 9421  \nMATOCU_LISTEN_PORT = 9422\nBACK_LOGS = 9";
        let carried = master(text, Some(var), &[]);
        assert_eq!(
            carried.text,
            "MATOCL_LISTEN_PORT = 9421  \nMATOCL_LISTEN_PORT = 9500\nBACK_LOGS = 9\n\
             # from the .var file, which 1.6 does not read\nDATA_PATH = /d\n"
        );
        let newer = carry(Role::Master, &Version::new(1, 6, 5), &NEW, "A = b\n", Some(var), &[]).unwrap();
        assert_eq!(newer.changes, []);
    }

    #[test]
    fn needs_are_appended_where_they_are_not_set() {
        let needs = [
            need("WORKING_USER", "nobody", "the disks belong to that user"),
            need("WORKING_GROUP", "nogroup", "the disks belong to that user"),
            need("LOCK_FILE", "/x", "1.5 is found by it"),
            need("DATA_PATH", "/d", "it is there"),
        ];
        let text = "DATA_PATH = /d\r\nLOCK_FILE = /y";
        let carried = master(text, Some("LOCK_FILE = /z\r\n"), &needs);
        assert_eq!(
            carried.text,
            "DATA_PATH = /d\r\nLOCK_FILE = /y\r\n\
             # for 1.6.27: the disks belong to that user; 1.5 is found by it\r\n\
             WORKING_USER = nobody\r\nWORKING_GROUP = nogroup\r\nLOCK_FILE = /x\r\n"
        );
        assert_eq!(carried.changes[2].what, "set to /x (was /y): 1.5 is found by it");
        let many: Vec<_> = (0..100).map(|i| need(&format!("K{i}"), "v", &format!("A = because of {i}"))).collect();
        let long = master("", None, &many);
        assert!(ConfigText::parse(&long.text).definitions(&NEW).count() == 100, "comments that are too long are cut");
    }

    #[test]
    fn a_need_that_no_line_can_say_is_refused() {
        for (key, value) in [
            ("", "a"),
            ("#A", "a"),
            ("A B", "a"),
            ("A", "ä"),
            ("A", "a "),
            ("A", "a\nB = c"),
            ("A", "\ta"),
            ("A", "a\t#"),
        ] {
            let refused = carry(Role::Master, &OLD, &NEW, "", None, &[need(key, value, "")]);
            assert_eq!(refused, Err(Unwritable { key: key.to_owned(), value: value.to_owned() }));
        }
        assert!(carry(Role::Master, &OLD, &NEW, "", None, &[need("A", &"a".repeat(1000), "")]).is_err());
    }

    fn any_text() -> impl Strategy<Value = String> {
        let line = prop_oneof![
            "[ \t]{0,2}(MATOCU_LISTEN_(HOST|PORT)|MATOCL_LISTEN_PORT|CHUNKS_(REP|DEL)_LIMIT|BACK_LOGS|DATA_PATH|X)\
             [ \t]{0,2}=[ \t]{0,2}[a-c ]{0,4}[ \t]{0,2}(# ä)?\r?",
            "#[ -~]{0,20}",
            "[ -~\t\0ä]{0,30}",
            " {985,1000}CHUNKS_REP_LIMIT = 5 BACK_LOGS = 5\t# x",
        ];
        (proptest::collection::vec(line, 0..8), any::<bool>())
            .prop_map(|(lines, end)| lines.join("\n") + if end { "\n" } else { "" })
    }

    proptest! {
        #[test]
        fn carried_twice_is_carried_once(text in any_text(), var in proptest::option::of(any_text()), to in 0u64..28) {
            let to = Version::new(1, 6, to);
            let needs = [need("DATA_PATH", "/d", "why\nnot = so"), need("NICE_LEVEL", "b", "no")];
            let once = carry(Role::Master, &OLD, &to, &text, var.as_deref(), &needs).unwrap();
            let twice = carry(Role::Master, &OLD, &to, &once.text, var.as_deref(), &needs).unwrap();
            prop_assert_eq!(&twice.text, &once.text);
            prop_assert_eq!(twice.changes, []);
            prop_assert_eq!(once.changes.is_empty(), once.text == text);
        }

        /// What 1.5 ran with is what the target reads, under its name there.
        #[test]
        fn what_the_old_daemon_ran_with_is_read(
            text in any_text(),
            var in proptest::option::of(any_text()),
            to in 0u64..28,
        ) {
            let to = Version::new(1, 6, to);
            let carried = carry(Role::Master, &OLD, &to, &text, var.as_deref(), &[]).unwrap();
            let (old, new) = (ConfigText::parse(&text), ConfigText::parse(&carried.text));
            let var = ConfigText::parse(var.as_deref().unwrap_or_default());
            let known = |key: &&Key| key.role == Role::Master && fate(Role::Master, key.name, &OLD) == Fate::Kept;
            for key in KEYS.iter().filter(known) {
                let name = match fate(Role::Master, key.name, &to) {
                    Fate::Kept => key.name,
                    Fate::Renamed { to: name, .. } => name,
                    _ => continue,
                };
                let set = |c: &ConfigText| c.get(key.name, &OLD).map(|value| value.trim_end().to_owned());
                let chosen = old.get(name, &to).map(str::to_owned).filter(|_| name != key.name);
                let expected = set(&var).or(chosen).or(set(&old));
                prop_assert_eq!(new.get(name, &to).map(str::to_owned), expected, "{} {:?}", name, carried.text);
            }
        }
    }
}
