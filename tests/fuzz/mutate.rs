//! From what was recorded to what nobody expects: words taken away, doubled, exchanged and grown, lines shuffled, texts cut and
//! joined, bytes flipped.

use fastrand::Rng;

/// What has broken readers of text before.
const WORDS: &[&[u8]] = &[
    b"",
    b" ",
    b"\t",
    b"\n",
    b"\r\n",
    b"\r",
    b"\0",
    b"\x07",
    b"\x1b[2J",
    b"\x1b]0;x\x07",
    b"\x7f",
    b"\x9b",
    b"\xff\xfe",
    b"\xc3",
    b"\xed\xa0\x80",
    "\u{202e}".as_bytes(),
    "\u{2066}".as_bytes(),
    "\u{feff}".as_bytes(),
    "\u{200b}".as_bytes(),
    "ä".as_bytes(),
    "\u{1f600}".as_bytes(),
    b"'",
    b"\"",
    b"\"\"\"",
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"`",
    b"$(id)",
    b";",
    b"#",
    b",",
    b"=",
    b":",
    b"*",
    b"..",
    b"/",
    b"//",
    b"/../..",
    b"~",
    b"%s",
    b"{",
    b"}",
    b"[",
    b"]",
    b"[[",
    b"]]",
    b"[1-9999999]",
    b"[01-10]",
    b"null",
    b"true",
    b"-",
    b"--",
    b"-0",
    b"-1",
    b"0",
    b"1",
    b"00",
    b"08",
    b"0x10",
    b"1e999",
    b"1.5",
    b"nan",
    b"inf",
    b"255",
    b"256",
    b"65535",
    b"65536",
    b"2147483647",
    b"2147483648",
    b"4294967295",
    b"4294967296",
    b"9223372036854775807",
    b"9223372036854775808",
    b"18446744073709551615",
    b"18446744073709551616",
    b"-9223372036854775808",
    b"99999999999999999999999999999999999999999",
    b"0.0.0.0",
    b"255.255.255.255",
    b"1.6.27",
    b"1.5.12",
    b"1.6.99999999999",
    b"mfsupgrade-exit=0",
    b"mfsupgrade-job=0 0",
    b"end",
];

/// The longest input: what is longer is cut by those who carry it, and takes time from other cases.
const LONGEST: usize = 64 << 10;

/// One of `corpus`, changed a few times.
pub fn mutated(corpus: &[Vec<u8>], rng: &mut Rng) -> Vec<u8> {
    let mut input = pick(corpus, rng).clone();
    // most with a few changes, some with many
    let changes = if rng.u8(..8) == 0 { rng.usize(1..40) } else { rng.usize(1..5) };
    for _ in 0..changes {
        change(&mut input, corpus, rng);
        input.truncate(LONGEST);
    }
    input
}

fn pick<'c, T>(all: &'c [T], rng: &mut Rng) -> &'c T {
    &all[rng.usize(..all.len())]
}

fn change(input: &mut Vec<u8>, corpus: &[Vec<u8>], rng: &mut Rng) {
    match rng.u8(..14) {
        0..=4 => words(input, corpus, rng),
        5..=7 => lines(input, corpus, rng),
        8 => numbers(input, rng),
        9 => {
            let at = rng.usize(..=input.len());
            if rng.bool() { input.truncate(at) } else { drop(input.drain(..at)) }
        }
        10 => grow(input, rng),
        11 => {
            let other = pick(corpus, rng);
            input.truncate(rng.usize(..=input.len()));
            input.extend_from_slice(&other[rng.usize(..=other.len())..]);
        }
        _ => bytes(input, rng),
    }
}

/// Letters and digits together, everything else alone.
fn parts(input: &[u8], joined: impl Fn(u8) -> bool) -> Vec<std::ops::Range<usize>> {
    let mut parts: Vec<std::ops::Range<usize>> = Vec::new();
    for (at, byte) in input.iter().enumerate() {
        match parts.last_mut() {
            Some(last) if joined(*byte) && joined(input[at - 1]) => last.end = at + 1,
            _ => parts.push(at..at + 1),
        }
    }
    parts
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// A word of the input is left out, said twice, or another one is said in its place or before it.
fn words(input: &mut Vec<u8>, corpus: &[Vec<u8>], rng: &mut Rng) {
    let parts = parts(input, is_word);
    if parts.is_empty() {
        return input.extend_from_slice(pick::<&[u8]>(WORDS, rng));
    }
    let part = pick(&parts, rng).clone();
    let other = match rng.u8(..4) {
        0 => input[pick(&parts, rng).clone()].to_vec(),
        1 => {
            let text = pick(corpus, rng);
            let parts = self::parts(text, is_word);
            if parts.is_empty() { Vec::new() } else { text[pick(&parts, rng).clone()].to_vec() }
        }
        _ => pick(WORDS, rng).to_vec(),
    };
    match rng.u8(..4) {
        0 => drop(input.splice(part, [])),
        1 => drop(input.splice(part.start..part.start, other)),
        _ => drop(input.splice(part, other)),
    }
}

/// A line is left out, said twice, moved, or taken from elsewhere.
fn lines(input: &mut Vec<u8>, corpus: &[Vec<u8>], rng: &mut Rng) {
    let mut lines: Vec<&[u8]> = input.split_inclusive(|byte| *byte == b'\n').collect();
    if lines.is_empty() {
        return;
    }
    let at = rng.usize(..lines.len());
    let other: Vec<&[u8]> = pick(corpus, rng).split_inclusive(|byte| *byte == b'\n').collect();
    match rng.u8(..6) {
        0 => drop(lines.remove(at)),
        1 => lines.insert(at, lines[at]),
        2 => lines.swap(at, 0),
        3 => rng.shuffle(&mut lines),
        4 if !other.is_empty() => lines[at] = *pick::<&[u8]>(&other, rng),
        _ if !other.is_empty() => lines.insert(at, *pick::<&[u8]>(&other, rng)),
        _ => {}
    }
    *input = lines.concat();
}

/// A number becomes its neighbour, or one of those at the ends of types.
fn numbers(input: &mut Vec<u8>, rng: &mut Rng) {
    let digits = |byte: u8| byte.is_ascii_digit();
    let parts: Vec<_> = parts(input, digits).into_iter().filter(|part| digits(input[part.start])).collect();
    if parts.is_empty() {
        return;
    }
    let part = pick(&parts, rng).clone();
    let number = str::from_utf8(&input[part.clone()]).ok().and_then(|digits| digits.parse::<u128>().ok()).unwrap_or(0);
    let power = 1_u128 << rng.u32(..100);
    let number = match rng.u8(..5) {
        0 => number.wrapping_add(1),
        1 => number.saturating_sub(1),
        2 => power,
        3 => power - 1,
        _ => number.wrapping_mul(10),
    };
    input.splice(part, number.to_string().into_bytes());
}

/// A word or a line many times.
fn grow(input: &mut Vec<u8>, rng: &mut Rng) {
    if input.is_empty() {
        return;
    }
    let start = rng.usize(..input.len());
    let end = (start + rng.usize(1..=40)).min(input.len());
    let piece = input[start..end].to_vec();
    let times = rng.usize(2..=(8 << 10) / piece.len().min(8 << 9)).min(rng.usize(2..4000));
    input.splice(start..start, piece.repeat(times));
}

fn bytes(input: &mut Vec<u8>, rng: &mut Rng) {
    let at = rng.usize(..=input.len());
    match rng.u8(..4) {
        0 => input.insert(at, rng.u8(..)),
        1 if at < input.len() => input[at] ^= 1 << rng.u8(..8),
        2 if at < input.len() => input[at] = *pick(&[0, 1, 0x7f, 0x80, 0xff], rng),
        3 if at < input.len() => drop(input.remove(at)),
        _ => {}
    }
}
