//! The one place where text becomes POSIX sh. PURE.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::said::{self, Lines, Text};

/// How to become root on a host. Always without a prompt: there is no terminal to ask on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Become {
    /// `sudo -n`
    Sudo,
    /// `doas -n`
    Doas,
}

/// `word` as one word for a POSIX shell.
///
/// # Panics
/// Never for text of this program: plans are refused for NUL characters, the only thing that cannot be quoted.
#[must_use]
pub fn quote(word: &str) -> Cow<'_, str> {
    shlex::try_quote(word).expect("a plan holds no NUL characters")
}

/// The one word that `text` is to a POSIX shell; `None`: it is none, or several.
#[must_use]
pub fn one_word(text: &str) -> Option<String> {
    let mut words = shlex::split(text)?.into_iter();
    words.next().filter(|_| words.next().is_none())
}

/// A word of its own for one command, so that nothing a host prints can be taken for this command's marks: whoever sends it
/// draws it at random.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word(String);

impl Word {
    /// Of random bits.
    #[must_use]
    pub fn new(random: u128) -> Self {
        Self(format!("{random:032x}"))
    }

    /// As it is printed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What stands before a command's word in the line behind which its own output begins: what comes before it is a login
/// shell's greeting, a title for a terminal, or sudo's lecture.
const BEGIN_MARK: &str = "mfsupgrade-begin=";

/// The same for the last line of every command's output: whoever sees it knows that the command ended, and how. A connection
/// that was lost shows no such line, and that is the difference between *failed* and *unknown*.
const EXIT_MARK: &str = "mfsupgrade-exit=";

/// How everything that is sent begins, whatever the login shell is.
pub const AT_ROOT: &str = "cd / && ";

/// Runs its second argument with the marks around. What stands here has no mark that is whole: whoever prints the command
/// line that was sent (`set -v`, `ps`) prints no mark.
///
/// The second `/bin/sh` keeps the operator's own commands from ending or swallowing the mark. `%b` undoes [`in_words`].
const MARKED: &str = r#"w=$1; shift; printf "\n%s%s\n" mfsupgrade-begin= "$w"; /bin/sh -c "$(printf %b "$@")" </dev/null 2>&1; printf "\n%s%s %d\n" mfsupgrade-exit= "$w" "$?""#;

/// The same for a stream of bytes: its end is the end of the stream.
const STREAMED: &str = r#"w=$1; shift; printf "\n%s%s\n" mfsupgrade-begin= "$w"; exec /bin/sh -c "$(printf %b "$@")""#;

/// `script` as it is sent: run by `/bin/sh` whatever the login shell is, as root where `become` says how, without
/// input, with stderr in its place among stdout, between the marks of `word`.
#[must_use]
pub fn wrap(script: &str, r#become: Option<Become>, word: &Word) -> String {
    sent(MARKED, script, r#become, word)
}

/// `script` as it is sent when its input or output is a stream of bytes: run by `/bin/sh`, as root where `become` says how,
/// behind the first mark. Whether it did all of its work is for checksums to tell.
#[must_use]
pub fn wrap_stream(script: &str, r#become: Option<Become>, word: &Word) -> String {
    sent(STREAMED, script, r#become, word)
}

/// From the root folder: a login's own folder may be on MooseFS, and whatever works there keeps its mount busy (sudo among
/// them, which waits for what it runs).
fn sent(wrapper: &str, script: &str, r#become: Option<Become>, word: &Word) -> String {
    let prefix = match r#become {
        None => "",
        Some(Become::Sudo) => "sudo -n -- ",
        Some(Become::Doas) => "doas -n -- ",
    };
    let (word, script) = (word.as_str(), in_words(script));
    format!("{AT_ROOT}exec {prefix}/bin/sh -c '{wrapper}' mfsupgrade {word} {script}")
}

/// What not every login shell leaves as it is between single quotes: csh ends a word at the end of a line and looks `!` up in
/// its history, fish has escapes there.
const NOT_ALIKE: [(char, &str); 4] = [('\\', "\\0134"), ('\n', "\\0012"), ('\'', "\\0047"), ('!', "\\0041")];

/// The length of each.
const ESCAPED: usize = 5;

/// Bytes of a word of what is sent, and a few more: csh(1) takes words of 1,024 characters, where the survey has tens of thousands.
const WORD: usize = 800;

/// What stands between two words of a script.
const BETWEEN: &str = "' '";

/// A script in words of one line that every shell reads alike between single quotes, for `printf %b`, which puts them together.
fn in_words(script: &str) -> String {
    let mut words = String::with_capacity(script.len() + script.len() / 4);
    words.push('\'');
    let mut begin = words.len();
    for letter in script.chars() {
        if words.len() - begin >= WORD {
            words.push_str(BETWEEN);
            begin = words.len();
        }
        match NOT_ALIKE.iter().find(|(special, _)| *special == letter) {
            Some((_, escaped)) => words.push_str(escaped),
            None => words.push(letter),
        }
    }
    words.push('\'');
    words
}

/// What was sent, with its script replaced by what `change` makes of it; `None`: it is not as this program sends it.
#[must_use]
pub fn resent(command: &str, change: &dyn Fn(&str) -> String) -> Option<String> {
    let (before, script) = parts(command)?;
    Some(format!("{before}{}", in_words(&change(&script))))
}

/// The script of what was sent.
#[must_use]
pub fn script_of(command: &str) -> Option<String> {
    parts(command).map(|(_, script)| script)
}

fn parts(command: &str) -> Option<(&str, String)> {
    let behind = [MARKED, STREAMED].iter().find_map(|wrapper| {
        let (_, behind) = command.split_once(&format!("/bin/sh -c '{wrapper}' mfsupgrade "))?;
        behind.split_once(' ').map(|(_, script)| script)
    })?;
    let line = behind.strip_prefix('\'')?.strip_suffix('\'')?.replace(BETWEEN, "");
    let before = &command[..command.len() - behind.len()];
    let mut pieces = line.split('\\');
    let mut script = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (number, behind) = piece.split_at_checked(ESCAPED - 1)?;
        script.push(NOT_ALIKE.iter().find(|(_, escaped)| escaped[1..] == *number)?.0);
        script.push_str(behind);
    }
    Some((before, script))
}

/// What came of a command, as far as its output tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What was printed before it began; all of it, if it was not seen to begin.
    pub before: String,
    /// Whether it was seen to begin.
    pub begun: bool,
    /// What it printed itself.
    pub output: String,
    /// Its exit code; `None`: its end was not seen.
    pub code: Option<i32>,
}

/// Reads what is printed by a command that [`wrap`] has made, in whatever pieces it comes, and holds a bounded part of it.
#[derive(Debug)]
pub struct Reader {
    begin: String,
    exit: String,
    lines: Lines,
    before: Text,
    output: Text,
    begun: bool,
    code: Option<i32>,
}

impl Reader {
    /// For the command of this word; of its output `most` bytes are kept.
    #[must_use]
    pub fn new(word: &Word, most: usize) -> Self {
        Self {
            begin: format!("{BEGIN_MARK}{}", word.as_str()),
            exit: format!("{EXIT_MARK}{} ", word.as_str()),
            lines: Lines::default(),
            before: Text::new(said::WORDS),
            output: Text::new(most),
            begun: false,
            code: None,
        }
    }

    /// Takes some more bytes; gives each whole line of the command's own output to `line`. Whether its end was seen: nothing
    /// that comes behind it is the command's.
    pub fn push(&mut self, bytes: &[u8], line: &mut dyn FnMut(&str)) -> bool {
        let mut left = bytes;
        while !left.is_empty() && self.code.is_none() {
            let (whole, rest) = self.lines.take(left);
            left = rest;
            if let Some(text) = whole {
                self.line(&text, line);
            }
        }
        self.code.is_some()
    }

    /// Takes bytes up to the mark before a stream: what stands behind it; `None`: it has not come yet.
    pub fn begin<'b>(&mut self, bytes: &'b [u8]) -> Option<&'b [u8]> {
        let mut left = bytes;
        while !left.is_empty() {
            let (whole, rest) = self.lines.take(left);
            left = rest;
            if let Some(text) = whole {
                self.line(&text, &mut |_| {});
            }
            if self.begun {
                return Some(left);
            }
        }
        None
    }

    fn line(&mut self, text: &str, line: &mut dyn FnMut(&str)) {
        if !self.begun {
            self.begun = text == self.begin;
            if !self.begun {
                self.before.push(text);
                self.before.push("\n");
            }
            return;
        }
        self.code = text.strip_prefix(&self.exit).and_then(|code| code.parse().ok());
        if self.code.is_none() {
            self.output.push(text);
            self.output.push("\n");
            line(text);
        }
    }

    /// Whether the command was seen to begin.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.begun
    }

    /// When nothing more comes.
    #[must_use]
    pub fn end(mut self, line: &mut dyn FnMut(&str)) -> Answer {
        if let (None, Some(rest)) = (self.code, self.lines.rest()) {
            // a mark without its line's end may be half of one
            if self.begun {
                self.output.push(&rest);
                line(&rest);
            } else {
                self.before.push(&rest);
            }
        }
        let mut output = self.output.into_string();
        if self.code.is_some() && output.ends_with('\n') {
            // it is the mark's
            output.pop();
        }
        Answer { before: self.before.into_string(), begun: self.begun, output, code: self.code }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn word() -> Word {
        Word::new(0xfeed)
    }

    fn run(shell: &str, sent: &str) -> Vec<u8> {
        std::process::Command::new(shell).arg("-c").arg(sent).output().unwrap().stdout
    }

    fn sh(command: &str) -> String {
        String::from_utf8(run("/bin/sh", command)).unwrap()
    }

    fn read(printed: &[u8]) -> Answer {
        let mut reader = Reader::new(&word(), said::OUTPUT);
        reader.push(printed, &mut |_| {});
        reader.end(&mut |_| {})
    }

    fn ran(script: &str) -> Answer {
        read(&run("/bin/sh", &wrap(script, None, &word())))
    }

    #[test]
    fn a_wrapped_command_tells_its_exit_code_and_keeps_its_output() {
        let answer = ran("echo out; echo err >&2; exit 7");
        assert_eq!((answer.output.as_str(), answer.code), ("out\nerr\n", Some(7)));
        let answer = ran("printf half");
        assert_eq!((answer.output.as_str(), answer.code), ("half", Some(0)));
    }

    #[test]
    fn nothing_works_in_the_folder_of_the_login() {
        let home = tempfile::tempdir().unwrap();
        for sent in [
            wrap("pwd; readlink /proc/$PPID/cwd", None, &word()),
            wrap_stream("pwd; readlink /proc/$$/cwd", None, &word()),
        ] {
            let output = std::process::Command::new("/bin/sh").args(["-c", &sent]).current_dir(home.path()).output();
            assert!(read(&output.unwrap().stdout).output.starts_with("/\n/\n"), "{sent}");
        }
    }

    #[test]
    fn an_operators_command_cannot_swallow_the_mark() {
        for evil in ["exit 3", "exec false", "cat <<EOF\nopen", "echo 'unbalanced", "exec >/dev/null; true"] {
            assert!(ran(evil).code.is_some(), "{evil}");
        }
    }

    #[test]
    fn what_a_host_prints_ends_no_reading() {
        let other = Word::new(1);
        for forged in [
            "mfsupgrade-exit=0".to_owned(),
            format!("mfsupgrade-exit={} 0", other.as_str()),
            "mfsupgrade-exit= 0".to_owned(),
            // the very command line, as `ps` or a shell that tells what it runs has it
            wrap("id", None, &word()),
            format!("mfsupgrade-exit={} %d", word().as_str()),
        ] {
            let mut lines = Vec::new();
            let mut reader = Reader::new(&word(), said::OUTPUT);
            let begin = format!("{forged}\nmfsupgrade-begin={}\n", word().as_str());
            let printed = format!("{begin}{forged}\nstill\n\nmfsupgrade-exit={} 7\nlate", word().as_str());
            assert!(reader.push(printed.as_bytes(), &mut |line| lines.push(line.to_owned())));
            let answer = reader.end(&mut |_| {});
            assert_eq!(answer.output, format!("{forged}\nstill\n"));
            assert_eq!((answer.code, answer.before), (Some(7), format!("{forged}\n")));
            assert_eq!(lines.join("\n"), format!("{forged}\nstill\n"));
        }
        // and where it looks its own command up
        let answer = ran("tr '\\0' '\\n' </proc/$PPID/cmdline; exit 3");
        assert!(answer.output.contains("mfsupgrade-exit=") && answer.code == Some(3), "{answer:?}");
    }

    #[test]
    fn a_greeting_before_the_command_is_no_part_of_its_answer() {
        let sent = wrap("echo uid; exit 2", None, &word());
        for greeting in ["*** Welcome ***\n", "\x1b]0;node\x07", "half a line", "mfsupgrade-begin=\n"] {
            let printed = [greeting.as_bytes(), &run("/bin/sh", &sent)].concat();
            let answer = read(&printed);
            assert_eq!((answer.output.as_str(), answer.code), ("uid\n", Some(2)));
            assert!(answer.before.starts_with(greeting), "{answer:?}");
        }
        let answer = read(b"This account is currently not available.\n");
        assert!(!answer.begun && answer.code.is_none() && answer.before.starts_with("This account"), "{answer:?}");
    }

    #[test]
    fn a_stream_begins_behind_its_mark_whatever_its_bytes_are() {
        let mut printed = b"*** Welcome ***\n".to_vec();
        printed
            .extend(run("/bin/sh", &wrap_stream("printf '\\000\\377\\nx\\n\\nmfsupgrade-exit= 0\\n'", None, &word())));
        for size in 1..printed.len() {
            let (mut reader, mut stream, mut begun) = (Reader::new(&word(), said::OUTPUT), Vec::new(), false);
            for piece in printed.chunks(size) {
                match begun {
                    true => stream.extend_from_slice(piece),
                    false => {
                        if let Some(behind) = reader.begin(piece) {
                            stream.extend_from_slice(behind);
                            begun = true;
                        }
                    }
                }
            }
            assert_eq!(stream, b"\0\xff\nx\n\nmfsupgrade-exit= 0\n", "in pieces of {size}");
        }
    }

    #[test]
    fn output_without_the_mark_is_unknown() {
        let begin = format!("mfsupgrade-begin={}\n", word().as_str());
        for (rest, output) in [("half of", "half of"), ("x\nmfsupgrade-exit=", "x\nmfsupgrade-exit=")] {
            let answer = read(format!("{begin}{rest}").as_bytes());
            assert_eq!((answer.output.as_str(), answer.begun, answer.code), (output, true, None));
        }
        // a mark that is cut short may be that of another number
        assert_eq!(read(format!("{begin}\nmfsupgrade-exit={} 1", word().as_str()).as_bytes()).code, None);
    }

    #[test]
    fn whatever_is_quoted_arrives_as_one_word() {
        for word in
            ["plain", "two words", "it's", "$(id)", "`id`", "a;b|c&d", "*", "~root", "\\", "\"", "!x", "-n", "x\ny"]
        {
            assert_eq!(sh(&format!("printf %s {}", quote(word))), word);
        }
    }

    #[test]
    fn what_is_sent_is_one_line_without_what_shells_read_in_their_own_ways() {
        let script = "echo 'it'\\''s' !x \\\\0012 \\0134 \"\\n\"\n# 0\n\\";
        for sent in [wrap(script, Some(Become::Sudo), &word()), wrap_stream(script, None, &word())] {
            assert!(!sent.contains(['\n', '!']) && sent.matches('\'').count() == 4, "{sent}");
            // every word between quotes
            assert!(sent.split('\'').all(|word| word.len() < 1000), "{sent}");
            assert_eq!(script_of(&sent).as_deref(), Some(script));
            assert_eq!(resent(&sent, &|script| script.to_owned()), Some(sent));
        }
        // one as long as a survey, with what is escaped at every place where a word may end
        for shift in 0..ESCAPED {
            let long = format!("{}{}", "x".repeat(shift), "é'\\!\n \"$".repeat(5000));
            let sent = wrap(&long, None, &word());
            assert!(sent.split('\'').all(|word| word.len() < 1000), "{shift}");
            assert_eq!(script_of(&sent), Some(long));
        }
        assert_eq!(script_of("cd / && exec /bin/sh -c 'x' mfsupgrade 1 'y'"), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn every_script_arrives_as_it_is(text in "[ -~\t\né€]{0,60}", times in prop::sample::select(vec![1, 30])) {
            let text = text.repeat(times);
            let answer = ran(&format!("printf %s {}", quote(&text)));
            prop_assert_eq!((answer.output, answer.code), (text.clone(), Some(0)));
            prop_assert_eq!(script_of(&wrap(&text, None, &word())), Some(text));
        }

        #[test]
        fn an_answer_is_the_same_in_whatever_pieces_it_comes(
            before in "[a-z\r\né=-]{0,40}", output in prop::collection::vec(any::<u8>(), 0..80), code in 0..256_i32,
            sizes in prop::collection::vec(1_usize..60, 1..6), late in "[a-z\n]{0,10}",
        ) {
            let mut printed = format!("{before}\nmfsupgrade-begin={}\n", word().as_str()).into_bytes();
            printed.extend(&output);
            printed.extend(format!("\nmfsupgrade-exit={} {code}\n{late}", word().as_str()).into_bytes());
            let mut reader = Reader::new(&word(), said::OUTPUT);
            let (mut sizes, mut left) = (sizes.iter().cycle(), &printed[..]);
            while !left.is_empty() {
                let (piece, rest) = left.split_at(left.len().min(*sizes.next().unwrap()));
                left = rest;
                reader.push(piece, &mut |_| {});
            }
            let expected = Answer {
                before: format!("{before}\n"),
                begun: true,
                output: String::from_utf8_lossy(&output).into_owned(),
                code: Some(code),
            };
            prop_assert_eq!(reader.end(&mut |_| {}), expected);
        }
    }
}
