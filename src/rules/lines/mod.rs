//! The lines of upgrades that this program knows, one file each.

mod v1_5_to_1_6;

use semver::Version;

pub use v1_5_to_1_6::V1_5_TO_1_6;
#[cfg(test)]
pub(crate) use v1_5_to_1_6::line as like_1_5_to_1_6;

use super::Line;

/// All of them.
pub static LINES: &[&Line] = &[&V1_5_TO_1_6];

/// Why releases are on no line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutsideLine {
    /// No line begins there.
    #[error("{0} is not a {families} release; this line upgrades from {families}.x", families = families(|line| line.from.to_string()))]
    From(Version),
    /// No line ends there.
    #[error("{0} is not a {families} release; this line upgrades to {families}.x", families = families(|line| line.to.to_string()))]
    To(Version),
    /// One line begins there, and another one ends there.
    #[error("no line leads from {from} to {to}: upgrade in steps, {known}", known = known())]
    Between {
        /// From here.
        from: Version,
        /// To there.
        to: Version,
    },
}

fn families(of: fn(&Line) -> String) -> String {
    LINES.iter().map(|line| of(line)).collect::<Vec<_>>().join(" or ")
}

/// The lines in words.
#[must_use]
pub fn known() -> String {
    LINES.iter().map(|line| format!("{}.x to {}.x", line.from, line.to)).collect::<Vec<_>>().join(", ")
}

/// A line that begins at `from`.
#[must_use]
pub fn beginning_at(from: &Version) -> Option<&'static Line> {
    LINES.iter().copied().find(|line| line.begins_at(from))
}

/// Whether a line begins at `from`.
///
/// # Errors
/// [`OutsideLine::From`].
pub fn check_from(from: &Version) -> Result<(), OutsideLine> {
    beginning_at(from).map(|_| ()).ok_or_else(|| OutsideLine::From(from.clone()))
}

/// A line that ends at `to`.
#[must_use]
pub fn ending_at(to: &Version) -> Option<&'static Line> {
    LINES.iter().copied().find(|line| line.ends_at(to))
}

/// Whether a line ends at `to`.
///
/// # Errors
/// [`OutsideLine::To`].
pub fn check_to(to: &Version) -> Result<(), OutsideLine> {
    ending_at(to).map(|_| ()).ok_or_else(|| OutsideLine::To(to.clone()))
}

impl Line {
    /// The line from one release to another.
    #[must_use]
    pub fn of(from: &Version, to: &Version) -> Option<&'static Line> {
        Self::among(LINES, from, to)
    }

    fn among<'a>(lines: &[&'a Line], from: &Version, to: &Version) -> Option<&'a Line> {
        lines.iter().copied().find(|line| line.begins_at(from) && line.ends_at(to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::moosefs::version::Family;
    use crate::rules::{Code, Scope};

    fn v(text: &str) -> Version {
        text.parse().unwrap()
    }

    #[test]
    fn lines_begin_and_end_where_they_say() {
        assert!(check_from(&v("1.5.12")).is_ok() && check_to(&v("1.6.27")).is_ok());
        for bad in ["1.6.0", "1.4.9", "2.5.1", "1.5.12-rc1"] {
            assert!(check_from(&v(bad)).is_err(), "{bad}");
        }
        for bad in ["1.5.12", "1.7.0", "2.0.91", "1.6.27+pro"] {
            assert!(check_to(&v(bad)).is_err(), "{bad}");
        }
        assert_eq!(Line::of(&v("1.5.12"), &v("1.6.27")).map(|line| line.to), Some(Family::new(1, 6)));
        assert!(Line::of(&v("1.6.27"), &v("1.5.12")).is_none(), "a line has one direction");
        assert_eq!(
            check_from(&v("1.4.0")).unwrap_err().to_string(),
            "1.4.0 is not a 1.5 release; this line upgrades from 1.5.x"
        );
    }

    /// Every finding of a line is on one, and a line lists no other.
    #[test]
    fn findings_of_a_line_are_those_that_lines_list() {
        for code in Code::ALL {
            let listed = LINES.iter().any(|line| line.findings.contains(code));
            assert_eq!(listed, code.scope() == Scope::OfLine, "{code}");
        }
    }

    /// What a newcomer does: a file with a value, and an entry in the list.
    #[test]
    fn a_made_up_line_is_found_beside_the_first_and_has_no_finding_of_it() {
        static NEXT: Line = Line {
            from: Family::new(1, 6),
            to: Family::new(2, 0),
            findings: &[Code::MetadataUnknown],
            ..like_1_5_to_1_6()
        };
        let lines: &[&Line] = &[&V1_5_TO_1_6, &NEXT];
        let found = |from, to| Line::among(lines, &v(from), &v(to)).map(|line| line.to.to_string());
        assert_eq!(found("1.6.27", "2.0.91").as_deref(), Some("2.0"));
        assert_eq!(found("1.5.12", "1.6.27").as_deref(), Some("1.6"));
        assert_eq!(found("1.5.12", "2.0.91"), None, "lines are not joined by themselves");
        assert!(NEXT.has(Code::MetadataUnknown) && NEXT.has(Code::ChunksMissing));
        assert!(!NEXT.has(Code::LockFileLost) && V1_5_TO_1_6.has(Code::LockFileLost));
    }
}
