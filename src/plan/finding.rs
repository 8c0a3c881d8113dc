//! What is wrong with a plan, and where. All findings of a file are collected, so that an operator mends it in one go.
//!
//! A finding is data; only [`super::render`] makes text of it.

use std::collections::HashSet;
use std::ops::Range;

use super::code::Code;

/// Bytes of the plan's source.
pub type Span = Range<usize>;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Its stable name.
    pub code: Code,
    /// What is wrong, in a lowercase fragment.
    pub message: String,
    /// Where.
    pub span: Span,
    /// A few words for under the span.
    pub label: String,
    /// Another place that explains this one, and a few words for under it.
    pub related: Option<(Span, String)>,
    /// What a person can do about it.
    pub help: Option<String>,
    /// Of a key that nobody knows: what it was probably meant to be.
    meant: Option<Place>,
    /// Of something that is missing: where it would stand, any of these.
    lacks: Vec<Place>,
}

/// A section as it is called in messages, and a key in it.
pub(super) type Place = (&'static str, &'static str);

impl Finding {
    /// A finding at `span`.
    pub(super) fn new(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            span,
            label: String::new(),
            related: None,
            help: None,
            meant: None,
            lacks: Vec::new(),
        }
    }

    /// With a few words under the span.
    pub(super) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// With another place. The same place twice would only draw a line over itself.
    pub(super) fn related(mut self, span: Span, label: impl Into<String>) -> Self {
        if span != self.span {
            self.related = Some((span, label.into()));
        }
        self
    }

    /// With a way out.
    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Says what an unknown key was probably meant to be.
    pub(super) fn meant(mut self, place: Place) -> Self {
        self.meant = Some(place);
        self
    }

    /// Says what is missing: any of `places`.
    pub(super) fn lacks(mut self, places: impl IntoIterator<Item = Place>) -> Self {
        self.lacks.extend(places);
        self
    }

    /// Where the finding begins in `source`, which must be the source that it was found in.
    #[must_use]
    pub fn position(&self, source: &str) -> Position {
        Position::of(source.as_bytes(), self.span.start)
    }
}

/// A place in a file as editors count: lines and columns from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
}

impl Position {
    /// Takes bytes, because a file that is not UTF-8 has a place where it stops being it.
    pub(super) fn of(source: &[u8], offset: usize) -> Self {
        let before = &source[..offset.min(source.len())];
        let line_start = before.iter().rposition(|&b| b == b'\n').map_or(0, |newline| newline + 1);
        Self {
            line: 1 + before.iter().filter(|&&b| b == b'\n').count(),
            column: 1 + String::from_utf8_lossy(&before[line_start..]).chars().count(),
        }
    }
}

/// Proof that a finding was recorded. A reader that returns it has said why, so nothing can fail in silence.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reported(());

/// What a reader of a part of the plan returns.
pub(super) type Read<T> = Result<T, Reported>;

/// The findings so far.
#[derive(Debug, Default)]
pub(super) struct Findings {
    list: Vec<Finding>,
    seen: HashSet<(Code, Span)>,
}

impl Findings {
    /// Records a finding. The same code at the same place is said once, however many roles trip over it.
    pub(super) fn report(&mut self, finding: Finding) -> Reported {
        if self.seen.insert((finding.code, finding.span.clone())) {
            self.list.push(finding);
        }
        Reported(())
    }

    /// Whether nothing was found.
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The findings in the order of the file, without those that one mend of another finding mends too.
    pub(super) fn into_sorted(mut self) -> Vec<Finding> {
        self.list.sort_by_key(|finding| (finding.span.start, finding.code));
        self.leave_out_consequences();
        self.list
    }

    /// What is missing is not told where it is there under a mistyped name; keys that stand outside of every section
    /// are not told where the header above them is what is missing.
    fn leave_out_consequences(&mut self) {
        let slips: HashSet<Place> = self.list.iter().filter_map(|f| f.meant).filter(|p| p.0 != OUTSIDE).collect();
        self.list.retain(|f| !f.lacks.iter().any(|place| slips.contains(place)));
        let headers: HashSet<Place> = self.list.iter().flat_map(|f| f.lacks.iter().copied()).collect();
        self.list.retain(|f| f.meant.is_none_or(|(at, of)| at != OUTSIDE || !headers.contains(&(ROOT, of))));
        // one line under [install] is for every role
        let mut told = false;
        self.list.retain(|f| f.code != Code::NoInstall || !std::mem::replace(&mut told, true));
    }
}

/// What messages call the file as a whole.
pub(super) const ROOT: &str = "the plan";
/// Where a key of a section stands that has no header above it: beside the key of [`ROOT`] that would be the header.
pub(super) const OUTSIDE: &str = "outside of every section";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let source = "a\nä = 1\n";
        let at = |offset| Position::of(source.as_bytes(), offset);
        assert_eq!(at(0), Position { line: 1, column: 1 });
        assert_eq!(at(source.find('=').unwrap()), Position { line: 2, column: 3 });
        assert_eq!(at(999), Position { line: 3, column: 1 });
    }

    #[test]
    fn the_same_finding_is_said_once() {
        let mut findings = Findings::default();
        findings.report(Finding::new(Code::NoInstall, 3..4, "a"));
        findings.report(Finding::new(Code::NoInstall, 3..4, "b"));
        findings.report(Finding::new(Code::NoMaster, 0..0, "c"));
        let codes: Vec<_> = findings.into_sorted().into_iter().map(|f| f.code).collect();
        assert_eq!(codes, [Code::NoMaster, Code::NoInstall]);
    }
}
