//! The line that a schedule walks, in either direction.

use super::Schedule;
use crate::rules::Line;

impl Schedule {
    /// The line between its two releases: of an upgrade from the one to the other, of a way back from the other to the one.
    ///
    /// # Panics
    /// There is none: a schedule is compiled for a line.
    #[must_use]
    pub fn line(&self) -> &'static Line {
        let (from, to) = if self.is_back() { (&self.to, &self.from) } else { (&self.from, &self.to) };
        Line::of(from, to).expect("a schedule is compiled for a line")
    }
}
