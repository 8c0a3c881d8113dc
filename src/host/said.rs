//! What a host said, bounded: a host can print without an end, and a line of it can be as long as its disk. PURE.
//!
//! Every stream of a host is taken apart here before anything holds it: [`Lines`] keeps so much of a line, [`Text`] so much
//! of the lines, and [`excerpt`] so much of what goes into a message, a record or an event. What was left out is told in its
//! place, in the same words everywhere.

use std::borrow::Cow;

/// Bytes of one line that are kept, half of them its first and half its last. The longest that is read for what it says is a
/// command line of a process.
pub const LINE: usize = 64 << 10;

/// Bytes of a command's output that are kept: of the largest answer, which names every connection of a master, and more.
pub const OUTPUT: usize = 8 << 20;

/// The same of what is only shown: the last lines go into a message.
pub const SHOWN_OUTPUT: usize = 512 << 10;

/// Bytes of a text of a record or an event, which may be put together of several messages.
pub const RECORD: usize = 16 << 10;

/// Bytes of a message.
pub const MESSAGE: usize = 4 << 10;

/// Bytes of one shown line.
pub const SHOWN_LINE: usize = 1 << 10;

/// What ssh and its like said on stderr, or into a log.
pub const WORDS: usize = 16 << 10;

const SAYS_SO: &str = " bytes left out]";

/// What stands in the place of what was left out.
fn left_out(bytes: u64) -> String {
    format!("[{bytes}{SAYS_SO}")
}

/// Whether something of a text was left out.
#[must_use]
pub fn is_cut(text: &str) -> bool {
    text.contains(SAYS_SO)
}

/// `text`, if it is longer than `most` bytes without its middle.
#[must_use]
pub fn excerpt(text: &str, most: usize) -> Cow<'_, str> {
    if text.len() <= most {
        return Cow::Borrowed(text);
    }
    let head = text.floor_char_boundary(most / 2);
    let tail = text.ceil_char_boundary(text.len() - most / 2);
    let cut = (tail - head) as u64 + left_out_before(&text[head..tail]);
    Cow::Owned(format!("{}{}{}", &text[..head], left_out(cut), &text[tail..]))
}

/// Bytes that were left out of a text earlier, without those that say so.
fn left_out_before(text: &str) -> u64 {
    let Some((before, _)) = text.split_once(SAYS_SO) else { return 0 };
    let Some((_, bytes)) = before.rsplit_once('[') else { return 0 };
    let says_so = ("[".len() + bytes.len() + SAYS_SO.len()) as u64;
    bytes.parse::<u64>().map_or(0, |bytes| bytes.saturating_sub(says_so))
}

/// The same in its place.
pub fn bound(text: &mut String, most: usize) {
    if let Cow::Owned(cut) = excerpt(text, most) {
        *text = cut;
    }
}

/// A line as a terminal shows it in the end: what follows a carriage return is written over what stood there before.
#[must_use]
pub fn on_a_terminal(line: &str) -> &str {
    let line = line.trim_end_matches('\r');
    line.rsplit_once('\r').map_or(line, |(_, last)| last)
}

/// A line as it is shown.
#[must_use]
pub fn shown(line: &str) -> Cow<'_, str> {
    excerpt(on_a_terminal(line), SHOWN_LINE)
}

/// Takes a stream of bytes apart into lines, and holds no more than [`LINE`] bytes of one.
#[derive(Debug, Default)]
pub struct Lines {
    /// Its first bytes.
    head: Vec<u8>,
    /// Its last ones.
    tail: Vec<u8>,
    /// All of them.
    length: u64,
}

impl Lines {
    /// Takes bytes up to the end of a line: the line, if it has ended, without its end; and the bytes behind it.
    pub fn take<'b>(&mut self, bytes: &'b [u8]) -> (Option<String>, &'b [u8]) {
        match bytes.iter().position(|byte| *byte == b'\n') {
            Some(at) => {
                self.hold(&bytes[..at]);
                (Some(self.line()), &bytes[at + 1..])
            }
            None => {
                self.hold(bytes);
                (None, &[])
            }
        }
    }

    /// What stands behind the last line's end, if anything does.
    pub fn rest(&mut self) -> Option<String> {
        (self.length > 0).then(|| self.line())
    }

    fn hold(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        let (first, last) = bytes.split_at(bytes.len().min(LINE / 2 - self.head.len()));
        self.head.extend_from_slice(first);
        // what can only be left out is not copied
        self.tail.extend_from_slice(&last[last.len().saturating_sub(LINE)..]);
        if self.tail.len() > LINE {
            self.tail.drain(..self.tail.len() - LINE / 2);
        }
    }

    fn line(&mut self) -> String {
        let tail = &self.tail[self.tail.len().saturating_sub(LINE / 2)..];
        let cut = self.length - (self.head.len() + tail.len()) as u64;
        let text = if cut == 0 {
            String::from_utf8_lossy(&[&self.head, tail].concat()).into_owned()
        } else {
            // a letter that the cut goes through is left out as a whole
            let (head, tail) = (whole_before(&self.head), whole_behind(tail));
            let cut = self.length - (head.len() + tail.len()) as u64;
            format!("{}{}{}", String::from_utf8_lossy(head), left_out(cut), String::from_utf8_lossy(tail))
        };
        self.head.clear();
        self.tail.clear();
        self.length = 0;
        text
    }
}

/// Without a last letter of UTF-8 that is not there as a whole.
fn whole_before(bytes: &[u8]) -> &[u8] {
    match std::str::from_utf8(bytes) {
        Err(e) if e.error_len().is_none() => &bytes[..e.valid_up_to()],
        _ => bytes,
    }
}

/// Without the end of a letter that began before.
fn whole_behind(bytes: &[u8]) -> &[u8] {
    let continues = |byte: &&u8| **byte & 0xc0 == 0x80;
    &bytes[bytes.iter().take(3).take_while(continues).count()..]
}

/// Lines one after the other, of which the last are kept.
#[derive(Debug)]
pub struct Text {
    text: String,
    left_out: u64,
    most: usize,
}

impl Text {
    /// Holds up to `most` bytes.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { text: String::new(), left_out: 0, most }
    }

    /// Adds lines, or a part of one.
    pub fn push(&mut self, text: &str) {
        // what can only be left out is not copied
        let from = text.ceil_char_boundary(text.len().saturating_sub(self.most));
        if from > 0 {
            self.left_out += (self.text.len() + from) as u64;
            self.text.clear();
        }
        self.text.push_str(&text[from..]);
        if self.text.len() > self.most {
            let at = self.text.ceil_char_boundary(self.text.len() - self.most / 2);
            // whole lines, where there are any
            let at = self.text[at..].find('\n').map_or(at, |end| at + end + 1);
            self.left_out += at as u64;
            self.text.drain(..at);
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self::new(self.most);
    }

    /// All of it; what was left out is told in a line before it.
    #[must_use]
    pub fn into_string(self) -> String {
        if self.left_out == 0 { self.text } else { format!("{}\n{}", left_out(self.left_out), self.text) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// All lines of a stream that comes in pieces of these sizes, one after the other.
    fn lines(stream: &[u8], sizes: &[usize]) -> Vec<String> {
        let (mut reader, mut found, mut sizes) = (Lines::default(), Vec::new(), sizes.iter().cycle());
        let mut left = stream;
        while !left.is_empty() {
            let (piece, later) = left.split_at(left.len().min(*sizes.next().unwrap()));
            left = later;
            let mut piece = piece;
            while !piece.is_empty() {
                let (line, rest) = reader.take(piece);
                found.extend(line);
                piece = rest;
                assert!(reader.head.len() + reader.tail.len() <= LINE + LINE / 2);
                assert!(reader.head.capacity() + reader.tail.capacity() <= 8 * LINE);
            }
        }
        found.extend(reader.rest());
        found
    }

    /// Bytes that a text tells to have left out.
    fn told(text: &str) -> u64 {
        let (before, _) = text.split_once(SAYS_SO).unwrap();
        before.rsplit_once('[').unwrap().1.parse().unwrap()
    }

    fn piece() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            prop::collection::vec(any::<u8>(), 0..40),
            "[a-zé€😀\r]{0,30}\n?".prop_map(String::into_bytes),
            // around the bounds
            (0_usize..3, 0_usize..5, prop::sample::select(vec!["x", "é", "€", "😀"])).prop_map(|(n, more, letter)| {
                let mut long = letter.repeat((n * LINE / 2 + more) / letter.len()).into_bytes();
                long.push(b'\n');
                long
            }),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn lines_are_the_same_in_whatever_pieces_they_come(
            stream in prop::collection::vec(piece(), 0..8),
            sizes in prop::collection::vec(1_usize..100_000, 1..5),
            small in prop::collection::vec(1_usize..9, 1..5),
        ) {
            let stream = stream.concat();
            let whole = lines(&stream, &[usize::MAX]);
            prop_assert_eq!(&lines(&stream, &sizes), &whole);
            prop_assert_eq!(&lines(&stream, &small), &whole);
            let mut expected: Vec<&[u8]> = stream.split(|byte| *byte == b'\n').collect();
            if expected.last().is_some_and(|last| last.is_empty()) {
                expected.pop();
            }
            prop_assert_eq!(whole.len(), expected.len());
            for (line, bytes) in whole.iter().zip(expected) {
                if bytes.len() <= LINE {
                    prop_assert_eq!(line, &String::from_utf8_lossy(bytes));
                } else {
                    prop_assert!(line.len() < 4 * LINE && is_cut(line));
                    let all = String::from_utf8(bytes.to_vec());
                    if let Ok(all) = all {
                        let (head, tail) = line.split_once(&left_out(told(line))).unwrap();
                        prop_assert!(all.starts_with(head) && all.ends_with(tail), "no letter is cut through");
                        prop_assert_eq!((head.len() + tail.len()) as u64 + told(line), all.len() as u64);
                    }
                }
            }
        }

        #[test]
        fn a_text_is_its_last_lines_and_says_how_much_stood_before(
            lines in prop::collection::vec("[a-zé€]{0,20}\n", 0..60), most in 8_usize..200,
        ) {
            let mut text = Text::new(most);
            for line in &lines {
                text.push(line);
                prop_assert!(text.text.len() <= most);
            }
            let (all, text) = (lines.concat(), text.into_string());
            if all.len() <= most / 2 {
                prop_assert_eq!(&text, &all);
            } else if is_cut(&text) {
                let (_, kept) = text.split_once('\n').unwrap();
                prop_assert!(all.ends_with(kept));
                prop_assert_eq!(told(&text) + kept.len() as u64, all.len() as u64);
            } else {
                prop_assert_eq!(&text, &all);
            }
        }

        #[test]
        fn an_excerpt_is_the_beginning_and_the_end(text in "[a-zé€😀]{0,200}", most in 8_usize..300) {
            let cut = excerpt(&text, most);
            if text.len() <= most {
                prop_assert_eq!(&cut, &text);
            } else {
                let (head, tail) = cut.split_once(&left_out(told(&cut))).unwrap();
                prop_assert!(head.len() + tail.len() <= most);
                prop_assert!(text.starts_with(head) && text.ends_with(tail));
                prop_assert_eq!((head.len() + tail.len()) as u64 + told(&cut), text.len() as u64);
            }
        }
    }

    #[test]
    fn a_line_without_an_end_costs_no_more_than_its_bound() {
        let mut reader = Lines::default();
        let piece = vec![b'x'; 1 << 20];
        for _ in 0..300 {
            assert_eq!(reader.take(&piece), (None, &[][..]));
            assert!(reader.head.capacity() + reader.tail.capacity() <= 8 * LINE);
        }
        reader.take(b"the end");
        let line = reader.rest().unwrap();
        assert_eq!(told(&line), (300 << 20) + 7 - LINE as u64);
        assert!(line.len() < LINE + 40 && line.ends_with("xthe end"));
    }

    #[test]
    fn what_is_cut_twice_tells_all_that_was_left_out() {
        let mut reader = Lines::default();
        reader.take(&vec![b'x'; 10 * LINE]);
        let line = reader.rest().unwrap();
        assert_eq!(told(&shown(&line)), (10 * LINE - SHOWN_LINE) as u64);
        assert_eq!(told(&excerpt(&excerpt(&line, 500), 100)), (10 * LINE - 100) as u64);
    }

    #[test]
    fn what_follows_a_carriage_return_replaces_what_stood_there() {
        for (line, seen) in [
            ("plain", "plain"),
            ("scanning... 1%\rscanning... 99%\rscanning complete\r", "scanning complete"),
            ("ended as on Windows\r", "ended as on Windows"),
            ("\r\r", ""),
            ("\rlast", "last"),
        ] {
            assert_eq!(on_a_terminal(line), seen);
        }
        let scan: String = (0..100_000).map(|n| format!("scanning folder /mnt/hd1: {}%\r", n / 1000)).collect();
        let mut reader = Lines::default();
        reader.take(scan.as_bytes());
        reader.take(b"/mnt/hd1: 12 chunks found");
        assert_eq!(shown(&reader.rest().unwrap()), "/mnt/hd1: 12 chunks found");
    }
}
