//! A simulated master's files in DATA_PATH: metadata.mfs exists only while it is cleanly stopped; while it runs there are
//! metadata.mfs.back and changelog.0.mfs (`filesystem.c` and `changelog.c` @ 1.5.12 and 1.6.27).

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::super::changelog;
use super::super::daemon::Life;
use super::super::metadata::Metadata;
use super::Master;
use super::state::KnownSession;
use crate::rehearsal::clock;
use crate::rehearsal::event::What;
use crate::rehearsal::fault::FaultName;

const METADATA: &str = "metadata.mfs";
const BACK: &str = "metadata.mfs.back";
const SESSIONS: &str = "sessions.mfs";
const SESSIONS_HEADER: &[u8] = b"MFSS \x01\x06\x04";

/// Loads metadata.mfs and makes it metadata.mfs.back.
///
/// # Errors
/// It is not there, or no metadata.
pub fn load(life: &Life) -> Result<Metadata, String> {
    eprintln!("loading metadata ...");
    let bytes = fs::read(life.data.join(METADATA)).map_err(|_| "can't open metadata file".to_owned())?;
    let mut metadata =
        Metadata::load(&bytes, &life.traits).map_err(|error| format!("error reading metadata: {error}"))?;
    if let Some(back) = fs::read(life.data.join(BACK)).ok().and_then(|bytes| Metadata::decode(&bytes).ok())
        && back.version > metadata.version
    {
        return Err("backup file is newer than current file - please check it manually".to_owned());
    }
    fs::rename(life.data.join(METADATA), life.data.join(BACK)).map_err(|error| format!("rename: {error}"))?;
    eprintln!(
        "all inodes: {}\ndirectory inodes: {}\nfile inodes: {}\nchunks: {}\nmetadata file has been loaded",
        metadata.tree.directories + metadata.files(),
        metadata.tree.directories,
        metadata.files(),
        metadata.chunks()
    );
    life.record(What::MetadataLoaded { files: metadata.files(), chunks: metadata.chunks() });
    // what a master does by itself from time to time is written down too
    for housekeeping in ["FREEINODES():0", "EMPTYRESERVED():0"] {
        change(life, &mut metadata, housekeeping);
    }
    Ok(metadata)
}

/// A change: a line in changelog.0.mfs, and the metadata's next version. The line.
pub fn change(life: &Life, metadata: &mut Metadata, command: &str) -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let line = changelog::line(metadata.version, seconds, command);
    metadata.version += 1;
    let log = OpenOptions::new().append(true).create(true).open(life.data.join("changelog.0.mfs"));
    if let Ok(mut log) = log {
        let _ = log.write_all(line.as_bytes());
    }
    line
}

/// What loading did is undone.
pub fn put_back(life: &Life) {
    let _ = fs::rename(life.data.join(BACK), life.data.join(METADATA));
}

/// The end of a master: saves, then metadata.mfs is in place.
pub async fn finish(master: &Master) {
    let life = &master.life;
    let under_way = life.data.join("metadata.mfs.back.tmp");
    let mut tries = 0;
    while under_way.exists() {
        tries += 1;
        if tries > 3 && !life.traits.insists_on_saving {
            life.record(What::MetadataNotSaved);
            return;
        }
        tokio::time::sleep(life.site.scaled(Duration::from_secs(5))).await;
    }
    clock::spend(&life.site, life.site.timings.save, Duration::ZERO).await;
    let saved = {
        let state = master.state();
        if life.traits.keeps_previous {
            let _ = fs::copy(life.data.join(BACK), life.data.join("metadata.mfs.back.1"));
        }
        state
            .metadata
            .store(&under_way)
            .and_then(|()| fs::rename(&under_way, life.data.join(BACK)))
            .and_then(|()| fs::rename(life.data.join(BACK), life.data.join(METADATA)))
    };
    let _ = fs::rename(life.data.join("changelog.0.mfs"), life.data.join("changelog.1.mfs"));
    if saved.is_ok() && !life.is_new() {
        put_other(life, &master.state().metadata);
    }
    life.record(if saved.is_ok() { What::MetadataSaved } else { What::MetadataNotSaved });
}

/// The faults `loads-other-metadata` and `loads-older-metadata`: as soon as metadata.mfs is there, somebody's script puts another
/// one in its place. One shows by what it counts, the other by its version alone.
fn put_other(life: &Life, metadata: &Metadata) {
    let mut other = metadata.clone();
    for fault in [FaultName::LoadsOtherMetadata, FaultName::LoadsOlderMetadata] {
        if life.site.has(fault) {
            match fault {
                FaultName::LoadsOlderMetadata => other.version /= 2,
                _ => other.tree.files.truncate(other.tree.files.len() / 2),
            }
            let _ = other.store(&life.data.join(METADATA));
            life.record(What::FaultActed { fault: fault.to_string() });
        }
    }
}

/// The sessions that a 1.6 master remembers.
pub fn load_sessions(life: &Life) -> BTreeMap<u32, KnownSession> {
    if !life.traits.sessions {
        return BTreeMap::new();
    }
    eprint!("loading sessions ... ");
    let Ok(bytes) = fs::read(life.data.join(SESSIONS)) else {
        eprintln!("file not found\nif it is not fresh installation then you have to restart all active mounts !!!");
        store_sessions(life, &BTreeMap::new());
        return BTreeMap::new();
    };
    eprintln!("ok\nsessions file has been loaded");
    bytes.strip_prefix(SESSIONS_HEADER).and_then(|body| serde_json::from_slice(body).ok()).unwrap_or_default()
}

/// Writes sessions.mfs: MooseFS's header, and the simulation's own list behind it.
pub fn store_sessions(life: &Life, sessions: &BTreeMap<u32, KnownSession>) {
    if life.traits.sessions {
        let mut bytes = SESSIONS_HEADER.to_vec();
        bytes.extend(serde_json::to_vec(sessions).unwrap_or_default());
        let _ = fs::write(life.data.join(SESSIONS), bytes);
    }
}
