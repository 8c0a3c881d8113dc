//! Who reads what others wrote, and what must hold whatever stands there.

mod answers;
mod config;
mod look;
mod plan;
mod run;
mod wire;

use super::case::Broken;

/// Whether the input was taken for what it should be; or what went wrong.
pub type Checked = Result<bool, Broken>;

/// A reader with what its mutations begin with.
pub struct Target {
    /// As the command line calls it.
    pub name: &'static str,
    /// What it reads well.
    pub corpus: Vec<Vec<u8>>,
    /// Reads an input, and holds what comes of it against what must hold.
    pub check: fn(&[u8]) -> Checked,
    /// Bytes that it may allocate in all for an empty input. For each byte of input there may be 2 KiB more.
    pub bound: u64,
}

/// All of them.
pub fn all() -> Vec<Target> {
    let mut all = vec![plan::target(), look::target()];
    all.extend(run::targets());
    all.extend(answers::targets());
    all.extend(config::targets());
    all.extend(wire::targets());
    all
}

/// Nothing in a text that is shown moves the cursor, changes a colour, hides itself or turns the order of letters.
pub fn quiet(what: &str, text: &str) -> Result<(), Broken> {
    let turns = |c| matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    let bad = |c: &char| (c.is_control() && !matches!(c, '\n' | '\t')) || turns(*c);
    match text.chars().find(bad) {
        Some(c) => Err(Broken::new("quiet", format!("{what} shows {c:?}: {text}"))),
        None => Ok(()),
    }
}

/// What must hold.
pub fn holds(law: &'static str, holds: bool, how: impl FnOnce() -> String) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err(Broken::new(law, how())) }
}

/// Text as an adapter hands it on: what is no UTF-8 in it was replaced.
fn text(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}
