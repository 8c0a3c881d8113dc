//! `mfshdd.cfg`, the list of a chunkserver's disks, as a release reads it. PURE.

use semver::Version;

use crate::moosefs::fgets::{pieces, seen};
use crate::moosefs::releases::TABLE;

/// The bytes of a line that a daemon reads at once (hddspacemgr.c @ 1.5.12 to 1.6.27).
const LONGEST: usize = 998;

/// How much of a disk a chunkserver uses, in bytes (1.6.27).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// `-5GiB`: all but this.
    LeaveFree(u64),
    /// `5GiB`: this at most; 0 is no limit.
    Most(u64),
}

/// One disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// Its line, from 1.
    pub line: u32,
    /// As the daemon opens it, with `/` at its end. One that begins otherwise is below DATA_PATH, where daemons run.
    pub path: String,
    /// Marked for removal with a `*` in the first column: its chunks are copied elsewhere.
    pub removal: bool,
    /// `None`: HDD_LEAVE_SPACE_DEFAULT, 256 MiB free.
    pub limit: Option<Limit>,
}

impl Disk {
    /// Whether its line says where it is: one that does not begin with a slash is below the daemon's working folder.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.path.starts_with('/')
    }

    /// Its folder, without a slash at its end, for a daemon that works in `cwd`. Control characters are those of a look's answer.
    #[must_use]
    pub fn folder(&self, cwd: &str) -> String {
        let shown = self.path.replace(|c: char| c.is_ascii_control(), "?");
        match (shown.trim_end_matches('/'), self.is_whole()) {
            ("", _) => "/".to_owned(),
            (path, true) => path.to_owned(),
            (path, false) => format!("{}/{path}", cwd.trim_end_matches('/')),
        }
    }

    /// The line that was probably meant by one that is not whole: without what stands before the path or around it.
    #[must_use]
    pub fn meant(&self) -> Option<String> {
        const AROUND: [char; 4] = [' ', '\t', '"', '\''];
        let text = self.path.trim_start_matches('\u{feff}').trim_end_matches('/').trim_matches(AROUND);
        let (star, text) = match text.strip_prefix('*') {
            Some(text) => ("*", text),
            None if self.removal => ("*", text),
            None => ("", text.strip_prefix('-').unwrap_or(text)),
        };
        let path = text.trim_matches(AROUND).trim_end_matches('/');
        path.starts_with('/').then(|| format!("{star}{path}"))
    }
}

/// The disks that a chunkserver of release `at` uses, in the order of the file. It refuses to start if there is none,
/// or if one cannot be opened (1.5.12 to 1.6.27); disks marked for removal may be read-only from 1.6.18 on.
#[must_use]
pub fn parse(text: &str, at: &Version) -> Vec<Disk> {
    pieces(text, LONGEST).filter_map(|piece| disk(piece.line, seen(piece.text), at)).collect()
}

/// Lines that release `to` reads in another way than release `from`, and how. Lines from 1.
#[must_use]
pub fn differs(text: &str, from: &Version, to: &Version) -> Vec<(u32, String)> {
    let told = |line, text: &str| {
        let (old, new) = (disk(line, text, from), disk(line, text, to));
        (old != new).then(|| (line, format!("for {from} it is {}, for {to} {}", meaning(old), meaning(new))))
    };
    pieces(text, LONGEST).filter_map(|piece| told(piece.line, seen(piece.text))).collect()
}

fn meaning(disk: Option<Disk>) -> String {
    match disk {
        None => "no disk".to_owned(),
        Some(Disk { path, limit: None, .. }) => format!("the disk {path:?}"),
        Some(Disk { path, limit: Some(Limit::LeaveFree(bytes)), .. }) => {
            format!("the disk {path:?} but for {bytes} bytes")
        }
        Some(Disk { path, limit: Some(Limit::Most(bytes)), .. }) => {
            format!("the disk {path:?} up to {bytes} bytes")
        }
    }
}

fn disk(line: u32, text: &str, at: &Version) -> Option<Disk> {
    const BLANKS: [char; 2] = [' ', '\t'];
    if text.starts_with('#') && TABLE.disk_comments.at(at) {
        return None;
    }
    let whole = text;
    let mut text = whole.trim_end_matches(['\r', '\n', ' ', '\t']);
    let mut limit = None;
    if TABLE.disk_sizes.at(at)
        && text == whole
        && let Some(blank) = text.rfind(BLANKS)
    {
        limit = self::limit(&text[blank + 1..]);
        if limit.is_some() {
            text = text[..blank].trim_end_matches(BLANKS);
        }
    }
    if text.is_empty() {
        return None;
    }
    let (removal, path) = match text.strip_prefix('*') {
        Some(path) => (true, path),
        None => (false, text),
    };
    let end = if text.ends_with('/') { "" } else { "/" };
    Some(Disk { line, path: format!("{path}{end}"), removal, limit })
}

fn limit(word: &str) -> Option<Limit> {
    match word.strip_prefix('-') {
        Some(size) => self::size(size).map(Limit::LeaveFree),
        None => self::size(word).map(Limit::Most),
    }
}

/// A size as 1.6.27 reads it: digits, perhaps with a point and digits behind it, and one of the units `B`, `k`, `M`,
/// `G`, `T`, `P`, `E` (powers of 1000), `Ki` to `Ei` (powers of 1024), each with or without `B` (hddspacemgr.c). In
/// bytes.
fn size(word: &str) -> Option<u64> {
    let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let whole = digits(word);
    let (mut number, mut unit) = word.split_at(whole);
    if let Some(behind) = unit.strip_prefix('.') {
        let fraction = digits(behind);
        if fraction == 0 {
            return None;
        }
        (number, unit) = word.split_at(whole + 1 + fraction);
    } else if whole == 0 {
        return None;
    }
    let unit = unit.strip_suffix('B').unwrap_or(unit);
    let (base, letters, unit) = match unit.strip_suffix('i') {
        Some(unit) => (1024.0_f64, "KMGTPE", unit),
        None => (1000.0, "kMGTPE", unit),
    };
    let power = match unit {
        "" if base < 1024.0 => 0,
        _ if unit.len() == 1 => i32::try_from(letters.find(unit)?).ok()? + 1,
        _ => return None,
    };
    let bytes = (format!("0{number}").parse::<f64>().ok()? * base.powi(power)).round();
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is neither too large nor negative")]
    (bytes <= u64::MAX as f64).then_some(bytes as u64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OLD: Version = Version::new(1, 5, 12);
    const PLAIN: Version = Version::new(1, 6, 26);
    const NEW: Version = Version::new(1, 6, 27);

    fn at(path: &str, removal: bool, limit: Option<Limit>) -> Option<(String, bool, Option<Limit>)> {
        Some((path.to_owned(), removal, limit))
    }

    #[test]
    fn lines_as_each_release_reads_them() {
        let gib = 1 << 30;
        for (text, old, plain, new) in [
            ("/mnt/a\n", at("/mnt/a/", false, None), at("/mnt/a/", false, None), at("/mnt/a/", false, None)),
            ("/mnt/a/ \t\r\n", at("/mnt/a/", false, None), at("/mnt/a/", false, None), at("/mnt/a/", false, None)),
            ("*/mnt/a", at("/mnt/a/", true, None), at("/mnt/a/", true, None), at("/mnt/a/", true, None)),
            ("* /mnt/a", at(" /mnt/a/", true, None), at(" /mnt/a/", true, None), at(" /mnt/a/", true, None)),
            (" */mnt/a", at(" */mnt/a/", false, None), at(" */mnt/a/", false, None), at(" */mnt/a/", false, None)),
            ("*", at("/", true, None), at("/", true, None), at("/", true, None)),
            ("# /mnt/a\n", at("# /mnt/a/", false, None), None, None),
            ("  \t\r\n", None, None, None),
            ("/mnt/a b\n", at("/mnt/a b/", false, None), at("/mnt/a b/", false, None), at("/mnt/a b/", false, None)),
            (
                "/mnt/disk 1\n",
                at("/mnt/disk 1/", false, None),
                at("/mnt/disk 1/", false, None),
                at("/mnt/disk 1/", false, None),
            ),
            (
                "/mnt/disk -1MiB ",
                at("/mnt/disk -1MiB/", false, None),
                at("/mnt/disk -1MiB/", false, None),
                at("/mnt/disk -1MiB/", false, None),
            ),
            (
                "/mnt/disk 1",
                at("/mnt/disk 1/", false, None),
                at("/mnt/disk 1/", false, None),
                at("/mnt/disk/", false, Some(Limit::Most(1))),
            ),
            (
                "*/mnt/a \t -5GiB",
                at("/mnt/a \t -5GiB/", true, None),
                at("/mnt/a \t -5GiB/", true, None),
                at("/mnt/a/", true, Some(Limit::LeaveFree(5 * gib))),
            ),
            (
                "/mnt/a 1.5Gi",
                at("/mnt/a 1.5Gi/", false, None),
                at("/mnt/a 1.5Gi/", false, None),
                at("/mnt/a/", false, Some(Limit::Most(3 * gib / 2))),
            ),
            ("-5GiB", at("-5GiB/", false, None), at("-5GiB/", false, None), at("-5GiB/", false, None)),
        ] {
            let read = |release: &Version| parse(text, release).pop().map(|disk| (disk.path, disk.removal, disk.limit));
            assert_eq!([read(&OLD), read(&PLAIN), read(&NEW)], [old, plain, new], "{text:?}");
        }
    }

    #[test]
    fn what_a_line_that_is_not_whole_says_and_means() {
        for (line, folder, meant) in [
            ("/mnt/a//", "/mnt/a", Some("/mnt/a")),
            ("  /mnt/a", "/d/  /mnt/a", Some("/mnt/a")),
            ("\t/mnt/a", "/d/?/mnt/a", Some("/mnt/a")),
            ("*  /mnt/a", "/d/  /mnt/a", Some("*/mnt/a")),
            ("  */mnt/a", "/d/  */mnt/a", Some("*/mnt/a")),
            ("\"/mnt/a\"", "/d/\"/mnt/a\"", Some("/mnt/a")),
            ("'/mnt/a/'", "/d/'/mnt/a/'", Some("/mnt/a")),
            ("- /mnt/a", "/d/- /mnt/a", Some("/mnt/a")),
            ("- '/mnt/a'", "/d/- '/mnt/a'", Some("/mnt/a")),
            ("\u{feff}/mnt/a", "/d/\u{feff}/mnt/a", Some("/mnt/a")),
            ("~/a", "/d/~/a", None),
            ("disk5", "/d/disk5", None),
            ("*", "/", None),
            ("-", "/d/-", None),
        ] {
            let disk = parse(line, &OLD).pop().unwrap();
            assert_eq!((disk.folder("/d"), disk.meant().as_deref()), (folder.to_owned(), meant), "{line:?}");
        }
    }

    #[test]
    fn sizes_as_1_6_27_reads_them() {
        for (word, bytes) in [
            ("0", Some(0)),
            ("7B", Some(7)),
            ("1k", Some(1000)),
            ("1kB", Some(1000)),
            ("1K", None),
            ("1Ki", Some(1024)),
            ("1KiB", Some(1024)),
            ("1ki", None),
            ("1i", None),
            ("1iB", None),
            (".5M", Some(500_000)),
            ("1.", None),
            (".", None),
            ("", None),
            ("1BB", None),
            ("1EiB", Some(1 << 60)),
            ("17EiB", None),
            ("1MM", None),
            ("1µ", None),
        ] {
            assert_eq!(size(word), bytes, "{word:?}");
        }
    }

    #[test]
    fn lines_that_change_their_meaning_are_told() {
        let text = "/mnt/a\n# old\n/mnt/disk 1\n*/mnt/b -1G";
        let told = [
            (2, "for 1.5.12 it is the disk \"# old/\", for 1.6.27 no disk".to_owned()),
            (
                4,
                "for 1.5.12 it is the disk \"/mnt/b -1G/\", for 1.6.27 the disk \"/mnt/b/\" but for 1000000000 bytes"
                    .to_owned(),
            ),
        ];
        assert_eq!(differs(text, &OLD, &NEW), told);
        assert_eq!(differs(text, &OLD, &PLAIN).len(), 1);
        let ended = format!("{text}\n");
        assert_eq!(differs(&ended, &PLAIN, &NEW), [], "a line end makes it a path");
        assert_eq!(differs(text, &NEW, &NEW), []);
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in "([ -~\t\r\nä\0*#]{0,20}\n?){0,20}") {
            for release in [OLD, PLAIN, NEW] {
                prop_assert!(parse(&text, &release).iter().all(|disk| disk.path.ends_with('/')));
            }
            prop_assert_eq!(parse(&text, &OLD).len() >= parse(&text, &NEW).len(), true);
        }
    }
}
