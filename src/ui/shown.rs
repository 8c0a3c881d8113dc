//! Text that may stand on a terminal or in a log. What comes from a host, a lock, a journal, a plan or a file name cannot move
//! the cursor there, change a colour, hide itself or turn the order of letters: everything that is printed is a [`Shown`], and
//! nothing becomes one unchecked.

use std::fmt;

use console::Style;

/// Printable text with styles of our own. Only the functions here put an escape sequence into it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown(String);

impl Shown {
    /// Any text as part of one line: the ends of lines in it are blanks.
    #[must_use]
    pub fn line(text: &str) -> Self {
        Self(printable(text, false))
    }

    /// A line that a command has printed, who may have coloured it: its sequences are left out, where other text shows them.
    #[must_use]
    pub fn output(line: &str) -> Self {
        Self::line(console::strip_ansi_codes(line).trim_end_matches('\r'))
    }

    /// Text that has lines. For what has them by our own making, or is shown as the file that it is.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self(printable(text, true))
    }

    /// A message: every line of it but the first is indented, so that no text in it can pass for a message of its own.
    #[must_use]
    pub fn message(text: &str) -> Self {
        let text = printable(text.trim_end(), true);
        let mut lines = text.lines();
        let mut message = lines.next().unwrap_or_default().to_owned();
        for line in lines {
            message.push_str(if line.starts_with("  ") || line.is_empty() { "\n" } else { "\n  " });
            message.push_str(line);
        }
        Self(message)
    }

    /// As [`Shown::line`], in a style of ours.
    #[must_use]
    pub fn styled(style: &Style, text: &str) -> Self {
        Self(style.apply_to(Self::line(text)).to_string())
    }

    /// What a library has laid out and coloured that makes the text of others printable itself: of its escape sequences only
    /// colours and weights stay.
    #[must_use]
    pub fn coloured(text: &str) -> Self {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find("\u{1b}[") {
            out.push_str(&printable(&rest[..at], true));
            let behind = &rest[at + 2..];
            let length = behind.bytes().take_while(|b| b.is_ascii_digit() || *b == b';').count();
            if behind[length..].starts_with('m') {
                out.push_str(&rest[at..at + 2 + length + 1]);
                rest = &behind[length + 1..];
            } else {
                out.push_str(&printable("\u{1b}[", true));
                rest = behind;
            }
        }
        out.push_str(&printable(rest, true));
        Self(out)
    }

    /// With `more` behind it.
    pub fn push(&mut self, more: &Self) {
        self.0.push_str(&more.0);
    }

    /// With `line` behind it, and the end of a line.
    pub fn push_line(&mut self, line: &Self) {
        self.push(line);
        self.0.push('\n');
    }

    /// `self` and `more` as one.
    #[must_use]
    pub fn and(mut self, more: &Self) -> Self {
        self.push(more);
        self
    }

    /// As it will be printed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// JSON in which nothing but printable characters stand as they are. A reader of it gets the very same strings.
#[must_use]
pub fn json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        // whatever is not ASCII stands in a string, and so does a DEL
        if c == '\n' || (c.is_ascii() && c != '\u{7f}') || shows(c) {
            out.push(c);
        } else {
            c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
        }
    }
    out
}

/// `text` with everything written out that a terminal would obey or not show.
fn printable(text: &str, lines: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' if !lines => out.push(' '),
            '\n' | '\t' => out.push(c),
            c if shows(c) => out.push(c),
            '\r' => out.push_str("\\r"),
            c => out.extend(c.escape_unicode()),
        }
    }
    out
}

/// Whether a character is seen where it stands, and changes nothing around it.
fn shows(c: char) -> bool {
    match c {
        ' '..='~' => true,
        c if c.is_ascii() => false,
        // letters and marks that show nothing: Default_Ignorable_Code_Point, where it is no format character
        '\u{34f}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{3164}' => false,
        '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}' => false,
        // behind a letter, the standard library writes out what is not printable, and no accents
        c => ['a', c].iter().collect::<String>().escape_debug().nth(1) == Some(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What moves, colours, hides, or turns around.
    const BAD: &str = "\u{0}\u{1}\u{7}\u{8}\r\u{b}\u{c}\u{1b}\u{7f}\u{80}\u{85}\u{9b}\u{9d}\u{ad}\u{61c}\u{200b}\u{200d}\u{200e}\u{200f}\
                       \u{2028}\u{2029}\u{202a}\u{202d}\u{202e}\u{2060}\u{2066}\u{2067}\u{2068}\u{2069}\u{feff}\u{fff9}\u{e0041}\
                       \u{fe0f}\u{34f}\u{3164}\u{115f}";

    fn is_clean(text: &str) -> bool {
        !text.chars().any(|c| BAD.contains(c) || c.is_control() && c != '\t')
    }

    #[test]
    fn text_of_others_cannot_draw_on_the_operators_terminal() {
        assert_eq!(Shown::line("a\u{1b}[2Jb\u{7}\rc\nd").as_str(), r"a\u{1b}[2Jb\u{7}\rc d");
        assert_eq!(Shown::output("\u{1b}[31merror\u{1b}[0m: \u{1b}]0;x\u{7}no\u{7}\r").as_str(), r"error: no\u{7}");
        assert_eq!(Shown::line("evil\u{202e}gpj.exe").as_str(), r"evil\u{202e}gpj.exe");
        for c in BAD.chars() {
            let shown = Shown::text(&format!("a{c}b"));
            assert!(is_clean(shown.as_str()), "{c:?}: {:?}", shown.as_str());
        }
    }

    #[test]
    fn words_of_every_language_stay_as_they_are() {
        for text in
            ["grün, größer, naïve, e\u{301}t\u{e9}", "файл", "ファイル", "ملف", "ไฟล์ที่", "चित्र", "—…→ ✓ │", "a\tb"]
        {
            assert_eq!(Shown::line(text).as_str(), text);
        }
    }

    #[test]
    fn no_line_of_a_message_passes_for_another_message() {
        let message = Shown::message("error: held by root\nfinished: all is well\n  as we indent");
        assert_eq!(message.as_str(), "error: held by root\n  finished: all is well\n  as we indent");
        assert_eq!(Shown::line("root\nfinished").as_str(), "root finished");
    }

    #[test]
    fn a_style_is_ours_and_ends_where_we_end_it() {
        let style = Style::new().force_styling(true).red();
        let shown = Shown::styled(&style, "held\u{1b}[0m\u{1b}[2J by").and(&Shown::line(" us"));
        assert_eq!(shown.as_str(), "\u{1b}[31mheld\\u{1b}[0m\\u{1b}[2J by\u{1b}[0m us");
        let report = Shown::coloured("\u{1b}[1m\u{1b}[91merror\u{1b}[0m: x\u{1b}[2J\u{1b}]0;y\u{7}");
        assert_eq!(report.as_str(), "\u{1b}[1m\u{1b}[91merror\u{1b}[0m: x\\u{1b}[2J\\u{1b}]0;y\\u{7}");
    }

    proptest! {
        #[test]
        fn nothing_of_any_text_is_obeyed(text in "(?s).{0,40}", bad in "[\u{0}-\u{1f}\u{7f}-\u{9f}\u{1b}\\[\\];m0-9]{0,12}") {
            let text = format!("{text}{bad}{text}");
            prop_assert!(is_clean(Shown::line(&text).as_str()));
            prop_assert!(is_clean(&Shown::text(&text).as_str().replace('\n', "")));
            prop_assert!(is_clean(&Shown::message(&text).as_str().replace('\n', "")));
        }

        #[test]
        fn json_shows_nothing_else_and_its_strings_are_whole(text in "(?s).{0,40}") {
            let text = format!("{text}{BAD}{text}");
            let shown = json(&serde_json::to_string(&[&text]).unwrap());
            prop_assert!(is_clean(&shown), "{shown:?}");
            prop_assert_eq!(serde_json::from_str::<Vec<String>>(&shown).unwrap(), vec![text]);
        }
    }
}
