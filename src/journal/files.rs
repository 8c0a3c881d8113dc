//! Files of a run: for the owner alone, durable when a function returns, locked by whoever walks the run.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::FlockOperation;
use sha2::{Digest, Sha256};

use super::StoreError;
use crate::words::hex;

/// See [`lock`].
const MOMENT: Duration = Duration::from_millis(500);
pub(super) const FILE_MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;
/// No file of a real run comes near it: a schedule of ten thousand hosts has a fifth of it.
const LARGEST_FILE: u64 = 256 << 20;

pub(super) fn make_folder(path: &Path, parents: bool) -> Result<(), StoreError> {
    DirBuilder::new()
        .recursive(parents)
        .mode(FOLDER_MODE)
        .create(path)
        .map_err(|e| StoreError::Io("create the folder", path.to_owned(), e))
}

pub(super) fn open_new(path: &Path) -> Result<File, StoreError> {
    OpenOptions::new()
        .append(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(path)
        .map_err(|e| StoreError::Io("create", path.to_owned(), e))
}

/// Writes a value as JSON that people can read. What lies there under this name was left by a process that was killed before
/// any record named it.
///
/// What a journal is bound to by it.
pub(super) fn write_json<T: serde::Serialize>(path: &Path, value: &T) -> Result<String, StoreError> {
    let json = serde_json::to_vec_pretty(value).map_err(|e| StoreError::Json(path.to_owned(), e))?;
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(StoreError::Io("remove", path.to_owned(), e)),
        _ => {}
    }
    let mut file = open_new(path)?;
    file.write_all(&json).and_then(|()| sync(&file, path)).map_err(|e| StoreError::Io("write", path.to_owned(), e))?;
    Ok(bound_to(&json))
}

/// SHA-256 of JSON without the white space between its words, in hexadecimal: what a journal is bound to. It is of the text
/// as it stands, since a later version of this program may read more or less of it.
pub(super) fn bound_to(json: &[u8]) -> String {
    let (mut digest, mut in_text, mut escaped) = (Sha256::new(), false, false);
    for byte in json {
        if in_text || !byte.is_ascii_whitespace() {
            digest.update([*byte]);
        }
        let quote = *byte == b'"' && !escaped;
        escaped = in_text && *byte == b'\\' && !escaped;
        in_text ^= quote;
    }
    hex(digest.finalize())
}

pub(super) fn read_file(path: &Path) -> Result<Vec<u8>, StoreError> {
    read_within(path, LARGEST_FILE).map_err(|e| StoreError::Io("read", path.to_owned(), e))
}

/// A file of up to `most` bytes. One that is larger is not this program's, and half of it would be worse than nothing.
fn read_within(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    File::open(path)?.take(most + 1).read_to_end(&mut content)?;
    if content.len() as u64 > most {
        let why = format!("it has more than {most} bytes, which no file of a run has");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
    }
    Ok(content)
}

pub(super) fn sync_folder(path: &Path) -> Result<(), StoreError> {
    File::open(path).and_then(|f| sync(&f, path)).map_err(|e| StoreError::Io("sync", path.to_owned(), e))
}

/// The one way onto the disk. `path`: of `file`.
pub(super) fn sync(file: &File, path: &Path) -> io::Result<()> {
    file.sync_all()?;
    #[cfg(test)]
    tests::SYNCED.with_borrow_mut(|synced| synced.push(path.to_owned()));
    let _ = path;
    Ok(())
}

pub(super) fn lock_file(folder: &Path) -> Result<File, StoreError> {
    let path = folder.join("lock");
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(FILE_MODE)
        .open(&path)
        .map_err(|e| StoreError::Io("open", path, e))
}

/// The lock ends with the process, however it ends. Whoever only looks at it (`status`), or is just starting a program, may
/// hold it for a moment: only what holds it for longer walks the run.
pub(super) fn lock(folder: &Path, name: &str) -> Result<File, StoreError> {
    let file = lock_file(folder)?;
    let begun = Instant::now();
    loop {
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(file),
            Err(rustix::io::Errno::WOULDBLOCK) if begun.elapsed() < MOMENT => std::thread::sleep(MOMENT / 50),
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(StoreError::Locked(name.to_owned())),
            Err(e) => return Err(StoreError::Io("lock", folder.join("lock"), e.into())),
        }
    }
}

pub(super) fn lock_is_held(folder: &Path) -> Result<bool, StoreError> {
    let Ok(file) = File::open(folder.join("lock")) else { return Ok(false) };
    Ok(rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared).is_err())
}

#[cfg(test)]
pub(super) mod tests {
    use std::cell::RefCell;
    use std::path::PathBuf;

    thread_local! {
        /// What was synced, in this order.
        pub static SYNCED: RefCell<Vec<PathBuf>> = const { RefCell::new(Vec::new()) };
    }

    #[test]
    fn a_file_that_is_too_large_is_refused_and_not_read_by_half() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.jsonl");
        std::fs::write(&path, "12345").unwrap();
        assert_eq!(super::read_within(&path, 5).unwrap(), b"12345");
        let error = super::read_within(&path, 4).unwrap_err();
        assert!(error.to_string().contains("more than 4 bytes"), "{error}");
    }
}
