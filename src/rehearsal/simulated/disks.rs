//! A simulated chunkserver's disks: real small files in the folders that mfshdd.cfg names, so that the chunks it reports
//! are the chunks it found.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::daemon::Life;
use super::lock;
use super::owners;

/// What a simulated chunk occupies in the figures that a chunkserver reports.
pub const CHUNK_SIZE: u64 = 64 << 20;
/// What a simulated disk holds.
pub const DISK_SIZE: u64 = 100 << 30;

/// The folder of a chunk: named by its last hex digit up to 1.6.5, by its last two from 1.6.6 on (`hddspacemgr.c` @ 1.5.12 and 1.6.6).
#[must_use]
pub fn folder_of(chunk: u64, folders_256: bool) -> String {
    if folders_256 { format!("{:02X}", chunk & 0xff) } else { format!("{:X}", chunk & 0xf) }
}

/// The file of a chunk of version 1.
#[must_use]
pub fn file_of(chunk: u64) -> String {
    format!("chunk_{chunk:016X}_00000001.mfs")
}

fn chunk_of(name: &str) -> Option<u64> {
    let (id, _) = name.strip_prefix("chunk_")?.strip_suffix(".mfs")?.split_once('_')?;
    u64::from_str_radix(id, 16).ok()
}

/// The disks of a chunkserver, locked as long as this lives.
#[derive(Debug)]
pub struct Disks {
    folders: Vec<PathBuf>,
    folders_256: bool,
    _locks: Vec<File>,
}

impl Disks {
    /// Opens the disks of mfshdd.cfg, and brings their folders to the release's layout.
    ///
    /// # Errors
    /// The words of the release for what is wrong with them.
    pub fn open(life: &Life) -> Result<Self, String> {
        let path = life
            .config
            .get("HDD_CONF_FILENAME")
            .map_or_else(|| life.places.etc(&life.site, &life.traits, "mfshdd.cfg"), str::to_owned);
        let text =
            fs::read_to_string(life.site.real(&path)).map_err(|_| format!("can't open hdd config file {path}"))?;
        let (mut folders, mut locks, mut marked) = (Vec::new(), Vec::new(), BTreeSet::new());
        for (line, ends) in text.split_inclusive('\n').map(|line| (line.trim_end(), line.ends_with('\n'))) {
            if line.is_empty() {
                continue;
            }
            // 1.5 takes every line for a path (`hddspacemgr.c` @ 1.5.12)
            if life.traits.exports && line.starts_with('#') {
                continue;
            }
            // blanks are part of a path, but before a size at the very end of the file
            let size = |word: &str| word.trim_start_matches('-').starts_with(|c: char| c.is_ascii_digit());
            let word = match line.rsplit_once([' ', '\t']) {
                Some((path, last)) if life.traits.disk_sizes && !ends && size(last) => path.trim_end(),
                _ => line,
            };
            let (removal, word) = word.strip_prefix('*').map_or((false, word), |path| (true, path));
            // a name that is not whole is below the daemon's working folder
            let folder = if word.starts_with('/') { life.site.real(word) } else { life.data.join(word) };
            if folder.exists() && !owners::may_write(&life.site, life.user(), &folder) {
                return Err(format!("can't create lock file '{word}/.lock': EACCES (Permission denied)"));
            }
            let file = File::options().write(true).create(true).truncate(false).open(folder.join(".lock"));
            match file.map(|file| (lock::try_lock(&file), file)) {
                Ok((Ok(true), file)) => {
                    // a process's own locks do not stand in its way: it knows the folder by its lock file (`hddspacemgr.c`)
                    let twice =
                        node(&file).is_some_and(|node| locks.iter().any(|other| self::node(other) == Some(node)));
                    let same_words = folders.contains(&folder);
                    if twice && !(same_words && life.traits.takes_a_disk_twice) {
                        return Err(format!("data folder {word} already locked (used by this process)"));
                    }
                    if twice {
                        continue;
                    }
                    locks.push(file);
                }
                Ok(_) => return Err(format!("data folder {word} is locked by another process")),
                Err(error) => return Err(format!("can't use data folder {word}: {error}")),
            }
            marked.extend(removal.then(|| folder.clone()));
            folders.push(folder);
        }
        if folders.is_empty() {
            return Err("no hdd space defined".to_owned());
        }
        let disks = Self { folders, folders_256: life.traits.folders_256, _locks: locks };
        for folder in &disks.folders {
            // what is marked for removal may be read-only
            if !(life.traits.leaves_marked_disks && marked.contains(folder)) {
                disks.lay_out(folder);
            }
        }
        Ok(disks)
    }

    /// The folders of the release are made; 1.6.6 and later move what is in the 16 old ones. A 1.5 chunkserver does not
    /// look into the 256 (seen with 1.5.12 behind 1.6.27: it reports 0 chunks, though every byte is there).
    fn lay_out(&self, disk: &Path) {
        let count: u64 = if self.folders_256 { 256 } else { 16 };
        for n in 0..count {
            let _ = fs::create_dir(disk.join(folder_of(n, self.folders_256)));
        }
        if !self.folders_256 {
            return;
        }
        for old in (0..16).map(|n| disk.join(folder_of(n, false))) {
            for (chunk, path) in chunks_in(&old) {
                let name = path.file_name().unwrap_or_default().to_owned();
                let _ = fs::rename(&path, disk.join(folder_of(chunk, true)).join(name));
            }
            let _ = fs::remove_dir(old);
        }
    }

    /// All chunks that are there.
    #[must_use]
    pub fn scan(&self) -> BTreeSet<u64> {
        let count: u64 = if self.folders_256 { 256 } else { 16 };
        let folders =
            self.folders.iter().flat_map(|disk| (0..count).map(|n| disk.join(folder_of(n, self.folders_256))));
        folders.flat_map(|folder| chunks_in(&folder)).map(|(chunk, _)| chunk).collect()
    }

    /// Deletes a chunk.
    pub fn delete(&self, chunk: u64) {
        for disk in &self.folders {
            let _ = fs::remove_file(disk.join(folder_of(chunk, self.folders_256)).join(file_of(chunk)));
        }
    }

    /// Bytes in total.
    #[must_use]
    pub fn total(&self) -> u64 {
        DISK_SIZE * self.folders.len() as u64
    }
}

/// A file as the kernel knows it.
fn node(file: &File) -> Option<(u64, u64)> {
    file.metadata().ok().map(|facts| (facts.dev(), facts.ino()))
}

fn chunks_in(folder: &Path) -> Vec<(u64, PathBuf)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| Some((chunk_of(&entry.file_name().to_string_lossy())?, entry.path()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_has_its_place_by_the_end_of_its_number() {
        assert_eq!((folder_of(0x1a3, false), folder_of(0x1a3, true)), ("3".into(), "A3".into()));
        assert_eq!(chunk_of(&file_of(0x1a3)), Some(0x1a3));
        assert_eq!(chunk_of("README"), None);
    }
}
