//! Files here that a plan names, read when the plan is: the archive to install, the mfsexports.cfg to use.
//!
//! Reads only what is a file: a pipe would never end, and a device has no size.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::code::Code;
use crate::words::hex;

/// The largest archive. One of sources has about a thousandth of it; a disk image by mistake does not fit.
pub(super) const GREATEST_ARCHIVE: u64 = 1024 * MIB;

/// The largest mfsexports.cfg: tens of thousands of rules.
pub(super) const GREATEST_EXPORTS: u64 = MIB;

const MIB: u64 = 1024 * 1024;

/// What a gzip file begins with (RFC 1952).
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Why a file is of no use. Completes "cannot use `archive` `…`: ".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unusable {
    #[error("{0}")]
    Io(String),
    #[error("it is not a file")]
    NotAFile,
    #[error("it is empty")]
    Empty,
    #[error("it is larger than {} MiB", .0 / MIB)]
    TooLarge(u64),
    #[error("it is not a gzip file")]
    NotGzip,
    #[error("it is not plain text in UTF-8")]
    NotText,
    #[error("it has no rule")]
    NoRule,
}

impl Unusable {
    /// The code under which it is reported; `invalid` where the file was read and is not what its key takes.
    pub(super) fn code(&self, invalid: Code) -> Code {
        match self {
            Self::Io(_) | Self::NotAFile => Code::UnreadableFile,
            _ => invalid,
        }
    }
}

impl From<io::Error> for Unusable {
    fn from(error: io::Error) -> Self {
        Self::Io(error.to_string())
    }
}

/// What identifies an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Digest {
    /// In hexadecimal.
    pub sha256: String,
    pub bytes: u64,
}

/// The archives of a plan, each read once however many sections name it.
#[derive(Debug, Default)]
pub(super) struct Archives {
    read: HashMap<PathBuf, Result<Digest, Unusable>>,
}

impl Archives {
    /// The digest of the archive at `path`.
    pub(super) fn digest(&mut self, path: &Path) -> Result<Digest, Unusable> {
        if let Some(known) = self.read.get(path) {
            return known.clone();
        }
        let digest = digest(path);
        self.read.insert(path.to_owned(), digest.clone());
        digest
    }
}

fn digest(path: &Path) -> Result<Digest, Unusable> {
    let mut file = open(path, GREATEST_ARCHIVE)?;
    let mut block = vec![0; 256 * 1024];
    let mut bytes: u64 = 0;
    let mut hash = Sha256::new();
    loop {
        let read = fill(&mut file, &mut block)?;
        let whole = &block[..read];
        if bytes == 0 && !whole.starts_with(&GZIP) {
            return Err(if whole.is_empty() { Unusable::Empty } else { Unusable::NotGzip });
        }
        if whole.is_empty() {
            break;
        }
        bytes += whole.len() as u64;
        // It may have grown since it was opened.
        if bytes > GREATEST_ARCHIVE {
            return Err(Unusable::TooLarge(GREATEST_ARCHIVE));
        }
        hash.update(whole);
    }
    let sha256 = hex(hash.finalize());
    Ok(Digest { sha256, bytes })
}

/// As much as fits; less only at the end of the file.
fn fill(file: &mut File, block: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < block.len() {
        match file.read(&mut block[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// The text of the mfsexports.cfg at `path`. What its rules say is for a master to judge; that there is one is not: a
/// master of 1.6.14 and later does not start without.
pub(super) fn exports(path: &Path) -> Result<String, Unusable> {
    let mut bytes = Vec::new();
    open(path, GREATEST_EXPORTS)?.take(GREATEST_EXPORTS + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > GREATEST_EXPORTS {
        return Err(Unusable::TooLarge(GREATEST_EXPORTS));
    }
    if bytes.is_empty() {
        return Err(Unusable::Empty);
    }
    let text = String::from_utf8(bytes).map_err(|_| Unusable::NotText)?;
    // A master would take a byte order mark for the beginning of a rule.
    if text.contains(['\0', '\u{feff}']) {
        return Err(Unusable::NotText);
    }
    let rule = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    if text.lines().any(rule) { Ok(text) } else { Err(Unusable::NoRule) }
}

/// The file at `path`, of at most `most` bytes.
fn open(path: &Path, most: u64) -> Result<File, Unusable> {
    // Asked before it is opened: opening a pipe waits for a writer.
    let seen = fs::metadata(path)?;
    if !seen.is_file() {
        return Err(Unusable::NotAFile);
    }
    if seen.len() > most {
        return Err(Unusable::TooLarge(most));
    }
    Ok(File::open(path)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_is_read_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tar.gz");
        fs::write(&path, [&GZIP[..], b"abc"].concat()).unwrap();
        let mut archives = Archives::default();
        let first = archives.digest(&path).unwrap();
        assert_eq!(first.bytes, 5);
        assert_eq!(first.sha256, "49d07e32b9cecb2ae7f8c77f8d75b400d00a9d671f74e13455c0a8cbb9d627a6");
        fs::remove_file(&path).unwrap();
        assert_eq!(archives.digest(&path), Ok(first), "not looked at again");
        assert_eq!(archives.digest(&folder.path().join("./a.tar.gz")).unwrap().bytes, 5, "the same file");
    }

    #[test]
    fn an_archive_of_several_blocks_is_digested_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tar.gz");
        let mut bytes = vec![7; 600 * 1024 + 1];
        bytes[..2].copy_from_slice(&GZIP);
        fs::write(&path, &bytes).unwrap();
        let expected = crate::words::sha256(&bytes);
        assert_eq!(digest(&path), Ok(Digest { sha256: expected, bytes: bytes.len() as u64 }));
    }

    #[test]
    fn what_is_no_file_is_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(exports(folder.path()), Err(Unusable::NotAFile));
        assert_eq!(digest(Path::new("/dev/zero")), Err(Unusable::NotAFile));
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        assert_eq!(digest(&pipe), Err(Unusable::NotAFile));
    }
}
