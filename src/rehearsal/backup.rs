//! What a simulated new master sees at its start of this program's own work on its host: a copy of the metadata, or none.

use std::fs;
use std::path::{Path, PathBuf};

use super::event::What;
use super::simulated::metadata::Metadata;
use super::site::Site;
use crate::moosefs::metadata::SAVED;

/// Deeper than this nothing of this program lies below its folder on a host.
const DEPTH: u32 = 5;

/// Looks for a copy, wherever it is below the plan's `work_dir`. What a trial has left of its own is none.
#[must_use]
pub fn look(site: &Site) -> What {
    let mut found = Vec::new();
    copies(&site.real(&site.work_dir), DEPTH, &mut found);
    let newest = found.into_iter().max_by_key(|(_, metaversion)| *metaversion);
    match newest {
        Some((file, metaversion)) => What::BackupFound { file: site.seen(&file.to_string_lossy()), metaversion },
        None => What::NoBackup,
    }
}

fn copies(folder: &Path, depth: u32, found: &mut Vec<(PathBuf, u64)>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    if depth == 0 || folder.join(".mfsmaster.lock").exists() {
        return;
    }
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            copies(&path, depth - 1, found);
        } else if path.file_name().is_some_and(|name| name == "metadata.mfs.back")
            && let Ok(bytes) = fs::read(&path)
            && bytes.starts_with(SAVED.as_bytes())
            && let Ok(metadata) = Metadata::decode(&bytes)
        {
            found.push((path, metadata.version));
        }
    }
}
