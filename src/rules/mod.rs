//! Lines of upgrades: which releases, in which order, with which waits, what can be found, and why. PURE.
//!
//! [`Line`] says what a line is, [`lines`] has them, one file each, and [`Code`] is the table of what a check can find.

pub mod away;
mod code;
pub mod line;
pub mod lines;
mod severity;
pub mod way_back;

pub use code::{Code, Scope};
pub use line::Line;
pub use lines::{LINES, V1_5_TO_1_6};
pub use severity::Severity;

/// A finding that stops a run unless the plan names its code under `acknowledge`. There is no other way past it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acknowledgeable {
    /// The stable code.
    pub code: &'static str,
    /// What the operator accepts by naming it, in one line.
    pub meaning: &'static str,
}

/// Every finding that can be acknowledged: the floors of lines, and the warnings of checks.
pub fn acknowledgeable() -> impl Iterator<Item = Acknowledgeable> {
    let floors = LINES.iter().map(|line| Acknowledgeable { code: line.floor.code, meaning: line.floor.accepts });
    let warnings = Code::ALL.iter().filter_map(|code| Some((code.as_str(), code.accepts()?)));
    floors.chain(warnings.map(|(code, meaning)| Acknowledgeable { code, meaning }))
}
