//! A text cut up as a daemon reads it: with `fgets` into a buffer, so that a line that is longer goes on as a line of
//! its own.

/// A stretch of text that a daemon takes for a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    /// The line of the file, from 1.
    pub line: u32,
    /// With its line end, if it has one.
    pub text: &'a str,
}

/// The pieces of `text`, none longer than `most` bytes. Together they are the text.
pub(super) fn pieces(text: &str, most: usize) -> impl Iterator<Item = Piece<'_>> {
    let mut line = 1;
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = rest.find('\n').map_or(rest.len(), |at| at + 1);
        // a cut within a letter is made before it: neither half of one is part of a key, a value or an address
        let (text, after) = rest.split_at(if end > most { rest.floor_char_boundary(most) } else { end });
        let piece = Piece { line, text };
        rest = after;
        line += u32::from(text.ends_with('\n'));
        Some(piece)
    })
}

/// What of a piece a daemon sees: strings of C end at a zero byte.
pub(super) fn seen(text: &str) -> &str {
    text.split('\0').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_goes_on_as_another() {
        let text = "ab\ncdefghi\n\njk";
        let cut: Vec<_> = pieces(text, 4).map(|p| (p.line, p.text)).collect();
        assert_eq!(cut, [(1, "ab\n"), (2, "cdef"), (2, "ghi\n"), (3, "\n"), (4, "jk")]);
        assert_eq!(seen("a\0b"), "a");
    }
}
