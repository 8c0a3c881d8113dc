//! The mount table of a simulated host: `/proc/mounts`, `/proc/self/mountinfo`, and what lies under a mount point. Nothing is
//! really mounted: the folder at the mount point is set aside while the mount is there, and comes back when it is gone, so that
//! what is written in between goes where it would go on a real host.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::procfs::write_whole;
use super::site::{SIM, Site};

#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    mount_point: String,
    line: String,
    pid: u32,
}

fn file_name(mount_point: &str) -> String {
    mount_point.replace('%', "%25").replace('/', "%2F")
}

/// Changes of the table take turns.
fn turn(root: &Path) -> io::Result<File> {
    let file = File::create(root.join(SIM).join("mounts.lock"))?;
    rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive)?;
    Ok(file)
}

/// Mounts for the calling process.
///
/// # Errors
/// The mount point is not there or not empty, in the words of fuse.
pub fn mount(site: &Site, mount_point: &str, line: &str, special_file: &str) -> io::Result<()> {
    let _turn = turn(&site.root)?;
    if !site.real("/dev/fuse").exists() {
        return Err(io::Error::other("fuse: device not found, try 'modprobe fuse' first\nerror in fuse_mount"));
    }
    let folder = site.real(mount_point);
    let mut entries = fs::read_dir(&folder).map_err(|error| {
        io::Error::other(format!("fuse: bad mount point `{mount_point}': {error}\nerror in fuse_mount"))
    })?;
    if entries.next().is_some() {
        return Err(io::Error::other(format!(
            "fuse: mountpoint is not empty\nfuse: if you are sure this is safe, use the 'nonempty' mount option\nerror in fuse_mount ({mount_point})"
        )));
    }
    fs::create_dir_all(site.sim("mounts"))?;
    fs::create_dir_all(site.sim("under"))?;
    fs::rename(&folder, site.sim("under").join(file_name(mount_point)))?;
    fs::create_dir(&folder)?;
    fs::write(folder.join(special_file), "simulated\n")?;
    let entry = Entry { mount_point: mount_point.to_owned(), line: line.to_owned(), pid: std::process::id() };
    fs::write(site.sim("mounts").join(file_name(mount_point)), serde_json::to_vec(&entry)?)?;
    rebuild(&site.root)
}

/// Takes a mount away; one that is not there is no error.
///
/// # Errors
/// The host's folder cannot be written.
pub fn unmount(site: &Site, mount_point: &str) -> io::Result<()> {
    let _turn = turn(&site.root)?;
    let entry = site.sim("mounts").join(file_name(mount_point));
    if !entry.exists() {
        return Ok(());
    }
    fs::remove_file(entry)?;
    let folder = site.real(mount_point);
    fs::remove_dir_all(&folder)?;
    fs::rename(site.sim("under").join(file_name(mount_point)), &folder)?;
    rebuild(&site.root)
}

/// The names in the folder that a mount hides.
///
/// # Errors
/// Nothing is mounted there.
pub fn under(site: &Site, mount_point: &str) -> io::Result<Vec<String>> {
    let _turn = turn(&site.root)?;
    let entries = fs::read_dir(site.sim("under").join(file_name(mount_point)))?;
    let mut names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    Ok(names)
}

/// The process that stands behind a mount; `None` where nothing is mounted.
#[must_use]
pub fn owner(site: &Site, mount_point: &str) -> Option<u32> {
    // who asks while it is being taken away is answered when it is gone altogether
    let _turn = turn(&site.root).ok()?;
    let bytes = fs::read(site.sim("mounts").join(file_name(mount_point))).ok()?;
    Some(serde_json::from_slice::<Entry>(&bytes).ok()?.pid)
}

/// Writes /proc/mounts and /proc/self/mountinfo anew.
///
/// # Errors
/// The host's folder cannot be written.
pub fn rebuild(root: &Path) -> io::Result<()> {
    let mut table = fs::read_to_string(root.join(SIM).join("mounts.base")).unwrap_or_default();
    let mut entries: Vec<PathBuf> =
        fs::read_dir(root.join(SIM).join("mounts")).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    entries.sort();
    for entry in entries {
        if let Ok(entry) = serde_json::from_slice::<Entry>(&fs::read(entry)?) {
            table.push_str(&entry.line);
            table.push('\n');
        }
    }
    fs::create_dir_all(root.join("proc/self"))?;
    write_whole(&root.join("proc/self/mountinfo"), mountinfo(&table).as_bytes())?;
    write_whole(&root.join("proc/mounts"), table.as_bytes())
}

/// The same table as mountinfo has it (proc(5)): all is mounted on the root, and each mount is a file system of its own.
fn mountinfo(table: &str) -> String {
    let first = 20;
    let lines = table.lines().zip(first..).filter_map(|(line, id)| {
        let [source, point, kind, options, ..] = line.split(' ').collect::<Vec<_>>()[..] else { return None };
        let parent = if id == first { 1 } else { first };
        Some(format!("{id} {parent} 0:{id} / {point} {options} - {kind} {source} rw\n"))
    });
    lines.collect()
}
