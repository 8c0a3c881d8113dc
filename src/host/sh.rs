//! The one way by which text gets into a script. PURE.
//!
//! A [`Script`] is made by [`sh!`](crate::host::sh::sh) from shell text of this program, which is part of the program itself (`&'static str`),
//! and values. The text moves a small reader through the places that POSIX sh knows: between words, in quotes, in `${…}`, in a
//! comment. A value stands where the text has a name in angle quotes, `cd ‹tree› && make install`, and becomes what keeps it one
//! value there: a quoted word between words, escaped text within double quotes. Where no value can stand for itself (single
//! quotes, `${…}`, `$((…))`, comments) rendering panics. Whether it does depends on the program's text alone and never on a
//! value, so that the test which renders every script sees every such place.

use std::collections::HashMap;
use std::fmt;
use std::sync::{LazyLock, Mutex, PoisonError};

use super::AbsPath;
use super::shell::quote;

/// `sh!("umount ‹mount›", mount = path)`: a [`Script`] of this text, with each value in its place.
macro_rules! sh {
    ($text:expr $(, $name:ident = $value:expr)* $(,)?) => {
        $crate::host::sh::Script::render($text, &[$((stringify!($name), $crate::host::sh::Piece::from($value))),*])
    };
}
pub(crate) use sh;

/// Shell text that is whole: no quote and no substitution is open at its end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Script {
    text: String,
    reader: Reader,
}

/// What can stand in a script beside the program's own text.
#[derive(Debug, Clone)]
pub enum Piece {
    /// Always one word, whatever is in it.
    Word(String),
    /// Words, each of which is one.
    Words(Vec<String>),
    /// Commands.
    Script(Script),
}

impl Script {
    /// `text` with each value where its name stands. Every name has a value, and every value a name.
    ///
    /// # Panics
    /// A value stands where it cannot be one, or a quote is left open: mistakes in the program's own text.
    #[must_use]
    pub(crate) fn render(text: &'static str, values: &[(&'static str, Piece)]) -> Self {
        if values.is_empty() {
            return Self::fixed(text);
        }
        Self::render_now(text, values)
    }

    /// A text without values is the same each time, and is read once: a look is put together hundreds of times in a run, and most of
    /// it is such text.
    fn fixed(text: &'static str) -> Self {
        static READ: LazyLock<Mutex<HashMap<&str, Script>>> = LazyLock::new(Mutex::default);
        let read = || READ.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(script) = read().get(text) {
            return script.clone();
        }
        // without the lock: a mistake in the text panics
        let script = Self::render_now(text, &[]);
        read().insert(text, script.clone());
        script
    }

    fn render_now(text: &'static str, values: &[(&'static str, Piece)]) -> Self {
        let mut script = Self::default();
        let mut used = vec![false; values.len()];
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once('‹') {
            script.read(before, text);
            let (name, after) = behind.split_once('›').expect("a name in angle quotes ends");
            let at = values.iter().position(|(n, _)| *n == name).unwrap_or_else(|| panic!("no value {name}: {text}"));
            used[at] = true;
            script.place(&values[at].1).unwrap_or_else(|why| panic!("‹{name}› cannot stand here, {why}: {text}"));
            rest = after;
        }
        script.read(rest, text);
        assert!(script.reader.is_between_words(), "something is left open at the end: {text}");
        assert!(used.iter().all(|used| *used), "a value has no place: {text}");
        script
    }

    /// Puts `more` behind it.
    pub fn push(&mut self, more: &Self) {
        self.text.push_str(&more.text);
        self.reader.last = more.reader.last;
        self.reader.closes |= more.reader.closes;
    }

    /// The text, to be run by any POSIX shell.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn read(&mut self, part: &str, whole: &str) {
        for letter in part.chars() {
            self.reader.step(letter).unwrap_or_else(|why| panic!("{why}: {whole}"));
        }
        self.text.push_str(part);
    }

    fn place(&mut self, piece: &Piece) -> Result<(), &'static str> {
        let within_quotes = self.reader.takes_values()?;
        match (piece, within_quotes) {
            (Piece::Word(word), false) => self.text.push_str(&quote(word)),
            (Piece::Word(word), true) => {
                for letter in word.chars() {
                    if matches!(letter, '\\' | '"' | '$' | '`') {
                        self.text.push('\\');
                    }
                    self.text.push(letter);
                }
            }
            (Piece::Words(words), false) => {
                let words: Vec<_> = words.iter().map(|word| quote(word)).collect();
                self.text.push_str(&words.join(" "));
            }
            (Piece::Script(script), false) => {
                if script.reader.closes && !self.reader.places.is_empty() {
                    return Err("it has patterns of `case`, and this is within parentheses that are counted");
                }
                self.text.push_str(&script.text);
                self.reader.last = script.reader.last;
                return Ok(());
            }
            (Piece::Words(_) | Piece::Script(_), true) => return Err("which is within double quotes"),
        }
        self.reader.last = Last::Word;
        Ok(())
    }

    /// Shell text of a test.
    #[cfg(test)]
    pub(crate) fn of_test(text: &str) -> Self {
        Self { text: text.to_owned(), reader: Reader::default() }
    }
}

impl std::ops::Deref for Script {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl From<Script> for String {
    fn from(script: Script) -> Self {
        script.text
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// One behind the other.
impl FromIterator<Script> for Script {
    fn from_iter<I: IntoIterator<Item = Script>>(scripts: I) -> Self {
        let mut all = Self::default();
        scripts.into_iter().for_each(|script| all.push(&script));
        all
    }
}

impl From<&str> for Piece {
    fn from(text: &str) -> Self {
        Self::Word(text.to_owned())
    }
}

impl From<String> for Piece {
    fn from(text: String) -> Self {
        Self::Word(text)
    }
}

impl From<&String> for Piece {
    fn from(text: &String) -> Self {
        Self::Word(text.clone())
    }
}

impl From<&AbsPath> for Piece {
    fn from(path: &AbsPath) -> Self {
        path.as_str().into()
    }
}

impl From<&[AbsPath]> for Piece {
    fn from(paths: &[AbsPath]) -> Self {
        Self::Words(paths.iter().map(|path| path.as_str().to_owned()).collect())
    }
}

impl From<Vec<String>> for Piece {
    fn from(words: Vec<String>) -> Self {
        Self::Words(words)
    }
}

impl From<u64> for Piece {
    fn from(number: u64) -> Self {
        Self::Word(number.to_string())
    }
}

impl From<Script> for Piece {
    fn from(script: Script) -> Self {
        Self::Script(script)
    }
}

/// Where a reader of POSIX sh stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// `$(…)`
    Substitution,
    /// Parentheses within one, which are counted for its end.
    Group,
    /// `$((…))`
    Arithmetic,
    /// `'…'`
    Single,
    /// `"…"`
    Double,
    /// `${…}`
    Parameter,
    /// From `#` to the end of the line.
    Comment,
}

/// What the last letter was, where that says what the next one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Last {
    /// A word can begin.
    #[default]
    Blank,
    /// In a word.
    Word,
    /// `\`
    Backslash,
    /// `$`
    Dollar,
    /// `$(`
    Opened,
    /// `<`
    Less,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Reader {
    /// From the outside in; nothing is between the words of commands.
    places: Vec<Place>,
    last: Last,
    /// Whether a `)` was seen that closes nothing: a pattern of `case`.
    closes: bool,
}

impl Reader {
    fn is_between_words(&self) -> bool {
        self.places.is_empty() && matches!(self.last, Last::Blank | Last::Word)
    }

    /// Whether a value can stand here; true: within double quotes.
    fn takes_values(&self) -> Result<bool, &'static str> {
        if matches!(self.last, Last::Backslash | Last::Dollar) {
            return Err("behind a sign that changes it");
        }
        if self.places.iter().any(|place| matches!(place, Place::Parameter | Place::Arithmetic)) {
            return Err("which is within ${…} or $((…))");
        }
        match self.places.last() {
            None | Some(Place::Substitution | Place::Group) => Ok(false),
            Some(Place::Double) => Ok(true),
            Some(_) => Err("which is within single quotes or a comment"),
        }
    }

    fn step(&mut self, letter: char) -> Result<(), &'static str> {
        let place = self.places.last().copied();
        match place {
            Some(Place::Single) => self.ends(letter == '\''),
            Some(Place::Comment) => {
                self.ends(letter == '\n');
                self.last = Last::Blank;
            }
            _ if self.last == Last::Backslash => self.last = Last::Word,
            _ if letter == '`' => return Err("a backquote: use $(…)"),
            _ if letter == '\\' => self.last = Last::Backslash,
            _ if self.last == Last::Dollar && letter == '{' => self.begins(Place::Parameter),
            _ if self.last == Last::Dollar && letter == '(' => {
                self.begins(Place::Substitution);
                self.last = Last::Opened;
            }
            _ if letter == '$' => self.last = Last::Dollar,
            Some(Place::Double) => {
                self.ends(letter == '"');
                self.last = Last::Word;
            }
            Some(Place::Parameter) => self.step_in_parameter(letter)?,
            _ => self.step_between_words(letter)?,
        }
        Ok(())
    }

    /// Shells differ in what a single quote is in `"${x:-'y'}"`.
    fn step_in_parameter(&mut self, letter: char) -> Result<(), &'static str> {
        self.last = Last::Word;
        match letter {
            '\'' => return Err("a single quote within ${…}"),
            '"' => self.begins(Place::Double),
            letter => self.ends(letter == '}'),
        }
        Ok(())
    }

    fn step_between_words(&mut self, letter: char) -> Result<(), &'static str> {
        let last = std::mem::replace(&mut self.last, Last::Word);
        match letter {
            '\'' | '"' if last == Last::Dollar => return Err("$'…' and $\"…\" are no POSIX"),
            '\'' => self.begins(Place::Single),
            '"' => self.begins(Place::Double),
            '(' if last == Last::Opened => {
                *self.places.last_mut().expect("one was opened") = Place::Arithmetic;
                self.begins(Place::Group);
            }
            '(' if !self.places.is_empty() => self.begins(Place::Group),
            ')' if self.places.is_empty() => self.closes = true,
            ')' => self.ends(true),
            '<' if last == Last::Less => return Err("a here-document: give the text as a value"),
            '#' if matches!(last, Last::Blank | Last::Opened) => self.begins(Place::Comment),
            _ => {}
        }
        match letter {
            ' ' | '\t' | '\n' | ';' | '&' | '|' | '(' | ')' | '>' => self.last = Last::Blank,
            '<' => self.last = Last::Less,
            _ => {}
        }
        Ok(())
    }

    fn begins(&mut self, place: Place) {
        self.places.push(place);
        self.last = Last::Word;
    }

    fn ends(&mut self, it_does: bool) {
        if it_does {
            self.places.pop();
            self.last = Last::Word;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(script: &Script) -> String {
        let output = std::process::Command::new("/bin/sh").arg("-c").arg(script.as_str()).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    const HOSTILE: [&str; 12] = [
        "plain",
        "",
        "two words",
        "it's",
        "$(id)",
        "`id`",
        "a;b|c&d",
        "*",
        "~root",
        "a\\",
        "\"$HOME\"",
        "x\n# ‹value› y",
    ];

    #[test]
    fn a_value_is_itself_wherever_it_may_stand() {
        for value in HOSTILE {
            for (text, around) in [
                (sh!("printf %s ‹value›", value = value), ""),
                (sh!("printf %s a‹value›b", value = value), "ab"),
                (sh!("printf %s \"a‹value›b\"", value = value), "ab"),
                (sh!("v=‹value›; printf %s \"$v\"", value = value), ""),
                (sh!("printf %s \"$(printf %s ‹value›; echo .)\"", value = value), "."),
                (sh!("# it's\nprintf %s \"${none:+x}\"‹value›", value = value), ""),
                (sh!("case ‹value› in ‹value›) printf %s ‹value› ;; *) echo other ;; esac", value = value), ""),
            ] {
                let expected = match around {
                    "ab" => format!("a{value}b"),
                    end => format!("{value}{end}"),
                };
                assert_eq!(run(&text), expected, "{text}");
            }
        }
    }

    #[test]
    fn many_values_are_as_many_words() {
        let words: Vec<String> = HOSTILE.iter().map(|word| (*word).to_owned()).collect();
        assert_eq!(run(&sh!("printf '<%s>' ‹words›", words = words)), HOSTILE.map(|w| format!("<{w}>")).concat());
        assert_eq!(run(&sh!("for w in ‹words›; do echo no; done; echo end", words = Vec::new())), "end\n");
    }

    #[test]
    fn a_script_stands_in_a_script() {
        let inner = sh!("echo ‹x›; (echo b)", x = "a'");
        assert_eq!(run(&sh!("(‹inner›) | sed 's/^/-/' && ‹inner›", inner = inner)), "-a'\n-b\na'\nb\n");
        assert_eq!(
            ["a", "b"].map(|x| sh!("echo ‹x›\n", x = x)).into_iter().collect::<Script>().as_str(),
            "echo a\necho b\n"
        );
    }

    #[test]
    fn where_no_value_can_stand_none_does() {
        for text in [
            "echo 'a ‹value›'",
            "echo \"${x:=‹value›}\"",
            "echo ${x#‹value›}",
            "echo \"${x#\"‹value›\"}\"",
            "echo $((‹value› + 1))",
            "echo a # ‹value›",
            "echo \\‹value›",
            "echo $‹value›",
            "echo \"$(echo 'x' ${y} '‹value›')\"",
            "echo ‹value› 'open",
            "echo ‹value› $(open",
            "echo `‹value›`",
            "cat <<END\n‹value›\nEND",
            "echo $'‹value›'",
            "echo ‹other›",
            "echo",
        ] {
            let rendered = std::panic::catch_unwind(|| sh!(text, value = "x"));
            assert!(rendered.is_err(), "{text} became {}", rendered.unwrap());
        }
    }

    #[test]
    fn patterns_of_case_stand_in_no_substitution() {
        let cases = || sh!("case x in x) echo ‹y› ;; esac", y = "y");
        assert_eq!(run(&sh!("( ‹cases› )", cases = cases())), "y\n");
        assert!(std::panic::catch_unwind(|| sh!("echo \"$(‹cases›)\"", cases = cases())).is_err());
    }
}
