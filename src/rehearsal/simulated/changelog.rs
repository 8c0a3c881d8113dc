//! Change logs: one line a change, `ID: TIMESTAMP|COMMAND` (changelog.c of every release). The commands are the
//! simulation's few: sessions, and what a running master writes all the time. PURE.

/// A line of a change log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The number of the change: the metadata's version when it was made.
    pub id: u64,
    /// What was changed.
    pub command: String,
}

/// A new session was given out.
pub const SESSION: &str = "SESSION()";

/// A line with its end.
#[must_use]
pub fn line(id: u64, seconds: u64, command: &str) -> String {
    format!("{id}: {seconds}|{command}\n")
}

/// The changes of a file. A last line without an end is still being written; a line of another kind is none.
#[must_use]
pub fn read(text: &str) -> Vec<Change> {
    let change = |line: &str| {
        let (id, rest) = line.strip_suffix('\n')?.split_once(": ")?;
        let (_, command) = rest.split_once('|')?;
        Some(Change { id: id.parse().ok()?, command: command.to_owned() })
    };
    text.split_inclusive('\n').filter_map(change).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_it_was_written() {
        let text = format!("{}{}8: 1", line(6, 1_700_000_000, "ACCESS(2)"), line(7, 1_700_000_001, "SESSION():3"));
        assert!(text.starts_with("6: 1700000000|ACCESS(2)\n"));
        let ids: Vec<u64> = read(&text).iter().map(|change| change.id).collect();
        assert_eq!(ids, [6, 7], "half a line is none");
    }
}
