//! What a master leaves when it ends, and when it must be left alone. PURE.

use crate::host::HostFacts;
use crate::moosefs::daemon::Role;
use crate::moosefs::metadata::SAVED;

/// Seconds before the full hour in which no master is stopped and no metadata copied: between the look and the command.
const BEFORE_FULL_HOUR: i64 = 20;

/// Seconds after it: until the forked process has begun to write, which shows it.
const AFTER_FULL_HOUR: i64 = 10;

/// Why a master that saves is left alone. A 1.5 master that is stopped while it saves its metadata (at the full hour, in a forked
/// process, to metadata.mfs.back.tmp) tries three times for 5 s and then ends *without saving*, exit 0 (hazard 14); what is copied
/// then may not belong together. `clock` is the master's, in seconds since 1970.
pub(super) fn is_saved_now(before: &HostFacts, clock: i64) -> Option<String> {
    before.daemon(Role::Master)?;
    let into_the_hour = clock.rem_euclid(3600);
    if !(AFTER_FULL_HOUR..3600 - BEFORE_FULL_HOUR).contains(&into_the_hour) {
        return Some("the master saves its metadata at the full hour".to_owned());
    }
    before.data_files.contains_key("metadata.mfs.back.tmp").then(|| {
        "the master saves its metadata (metadata.mfs.back.tmp is there; if no master writes it, remove it)".to_owned()
    })
}

/// What is said of a master that ended and left metadata.mfs alone.
pub(super) const NOT_WRITTEN: &str = "mfsmaster ended, but metadata.mfs is the one that was there before its end";

/// Whether metadata.mfs is the very file of before: its size and time are. That time is its disk's, on NFS another machine's, and is
/// held against no other clock. While a master runs there is none (`filesystem.c`).
pub(super) fn is_as_before(before: &HostFacts, now: &HostFacts) -> bool {
    now.data_files.get("metadata.mfs") == before.data_files.get("metadata.mfs")
}

/// Why an old master must not be started on what is in its DATA_PATH: an older copy would let chunkservers delete what it
/// does not know (hazard 17).
///
/// # Errors
/// The reason, as a fragment.
pub(super) fn metadata_is_whole(now: &HostFacts) -> Result<(), String> {
    let Some(file) = now.data_files.get("metadata.mfs") else {
        return Err("there is no metadata.mfs: the master did not end cleanly".to_owned());
    };
    match now.headers.get("metadata.mfs").map(String::as_str) {
        Some(SAVED) => {}
        Some(kind) => return Err(format!("metadata.mfs is of the kind `{kind}` and not {SAVED}")),
        None => return Err("the kind of metadata.mfs cannot be read".to_owned()),
    }
    match now.data_files.get("metadata.mfs.back") {
        Some(back) if back.modified > file.modified => {
            Err("metadata.mfs is older than metadata.mfs.back beside it: it is not what the last master wrote"
                .to_owned())
        }
        _ => Ok(()),
    }
}
