//! Which metadata a master has loaded: by its counts, its version and the folder that it works in.

use super::spared::spared;
use super::{Baseline, Reason};
use crate::moosefs::Overview;

/// A master that knows fewer inodes or chunks than this share of what it knew has loaded other metadata (hazards 16 and
/// 17): what users delete between two gates is less.
pub const METADATA_KEPT_PERCENT: u64 = 90;

/// Why the master's metadata is not what it was: fewer inodes or chunks than users can have deleted.
///
/// # Errors
/// The reason, as a fragment.
pub fn metadata_is_kept(overview: &Overview, baseline: &Baseline) -> Result<(), Reason> {
    let info = &overview.info;
    for (what, knows, knew) in [("inodes", info.inodes, baseline.inodes), ("chunks", info.chunks, baseline.chunks)] {
        if u64::from(knows) * 100 < u64::from(knew) * METADATA_KEPT_PERCENT {
            let (knows, knew) = (u64::from(knows), u64::from(knew));
            return Err(Reason::Metadata { what, knows, knew, just_counted: false });
        }
    }
    Ok(())
}

/// Why the master's metadata is not what it was a moment ago: nobody works while no master is there, so that hardly anything
/// can be gone but what was deleted in the seconds between the last look at the old master and the first at the new one.
///
/// # Errors
/// The reason, as a fragment.
pub fn metadata_is_as_it_was(overview: &Overview, baseline: &Baseline) -> Result<(), Reason> {
    let info = &overview.info;
    for (what, knows, knew) in [("inodes", info.inodes, baseline.inodes), ("chunks", info.chunks, baseline.chunks)] {
        let (knows, knew) = (u64::from(knows), u64::from(knew));
        let gone = knew.saturating_sub(knows);
        if gone > spared(knew) || (knows == 0 && knew > 0) {
            return Err(Reason::Metadata { what, knows, knew, just_counted: true });
        }
    }
    Ok(())
}

/// Why the metadata in DATA_PATH is not what the last master has written: it has seen fewer changes. `None`: its version cannot
/// be read.
///
/// # Errors
/// The reason, as a fragment.
pub fn metadata_is_no_older(metaversion: Option<u64>, baseline: &Baseline) -> Result<(), String> {
    match (metaversion, baseline.metaversion) {
        (Some(is), Some(least)) if is < least => Err(format!(
            "the master's metadata has version {is}, and the last master's had {least} at least: it has loaded older metadata"
        )),
        _ => Ok(()),
    }
}

/// What the host of a master that has just come up, or was found, shows of the metadata that it has loaded.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Loaded {
    /// The folder that it works in, where that is not the DATA_PATH of the one before it.
    pub elsewhere: Option<String>,
    /// The version of the metadata in DATA_PATH; `None`: it cannot be read.
    pub version: Option<u64>,
    /// Whether it began to serve seconds ago, right after the one before it was counted: users have had no time.
    pub just_now: bool,
}

/// Which metadata a master has loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Metadata {
    /// What the one before it wrote, or what was made of that since: its version says so, whatever users have deleted.
    Same,
    /// It knows as much as the one before it, and no version tells more.
    Alike,
    /// It knows less, and neither a version nor the time tells whether users have deleted that.
    Unclear(String),
    /// Other or older metadata.
    Other(String),
}

/// Which metadata the master has loaded that says `overview`, where it says anything.
///
/// Counts alone are proof for seconds only: in a night users delete what they like. A version is proof for good, since nobody
/// but a master counts it up.
#[must_use]
pub fn metadata_of(overview: Option<&Overview>, baseline: &Baseline, loaded: &Loaded) -> Metadata {
    if let Some(folder) = &loaded.elsewhere {
        return Metadata::Other(format!("the master works in {folder} and not in the DATA_PATH of the one before it"));
    }
    if let Err(older) = metadata_is_no_older(loaded.version, baseline) {
        return Metadata::Other(older);
    }
    let counts =
        overview.map_or(Ok(()), |o| metadata_is_kept(o, baseline).and_then(|()| metadata_is_as_it_was(o, baseline)));
    match (counts, loaded.version, baseline.metaversion) {
        (Err(reason), ..) if loaded.just_now => Metadata::Other(reason.to_string()),
        (_, Some(_), Some(_)) => Metadata::Same,
        (Ok(()), ..) => Metadata::Alike,
        (Err(reason), ..) => Metadata::Unclear(reason.to_string()),
    }
}
