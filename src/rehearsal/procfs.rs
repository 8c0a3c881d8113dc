//! The simulated `/proc` of a host: real files in the host's folder about real processes, which are called after the
//! programs that they simulate. Shows nothing that no living process stands behind.

use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use semver::Version;
use serde::{Deserialize, Serialize};

use super::site::{SIM, Site};

/// What the simulation remembers of a simulated process, in `<root>/.sim/processes/PID`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The process.
    pub pid: i32,
    /// Field 22 of its stat, so that a number that was given out again is not taken for it.
    pub start_time: u64,
    /// The host.
    pub host: String,
    /// The program it simulates.
    pub program: String,
    /// The release it simulates.
    pub version: Version,
    /// The mount point of a mount.
    pub mount_point: Option<String>,
}

/// A process as it shall look in the host's `/proc`.
#[derive(Debug)]
pub struct Appearance<'a> {
    /// The program.
    pub program: &'a str,
    /// What it is called in events: the program, but for a master that is only tried out.
    pub name: &'a str,
    /// The release.
    pub version: &'a Version,
    /// Its command line.
    pub argv: &'a [String],
    /// Its file, on this machine.
    pub exe: &'a Path,
    /// Its folder, on this machine.
    pub cwd: &'a Path,
    /// Its user.
    pub uid: u32,
    /// The mount point of a mount.
    pub mount_point: Option<&'a str>,
}

/// Makes the calling process appear on its host.
///
/// # Errors
/// The host's folder cannot be written.
pub fn appear(site: &Site, looks: &Appearance<'_>) -> io::Result<()> {
    let pid = i32::try_from(std::process::id()).map_err(io::Error::other)?;
    let stat = fs::read_to_string("/proc/self/stat")?;
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest).to_owned();
    let start_time = start_time_in(&after_name).ok_or_else(|| io::Error::other("unreadable /proc/self/stat"))?;
    let comm: String = looks.program.chars().take(15).collect();

    let made = site.sim(&format!("new-process-{pid}"));
    let _ = fs::remove_dir_all(&made);
    fs::create_dir_all(&made)?;
    fs::write(made.join("comm"), format!("{comm}\n"))?;
    let mut cmdline = Vec::new();
    for word in looks.argv {
        cmdline.extend_from_slice(site.seen(word).as_bytes());
        cmdline.push(0);
    }
    fs::write(made.join("cmdline"), cmdline)?;
    fs::write(made.join("stat"), format!("{pid} ({comm}){after_name}"))?;
    let uid = looks.uid;
    fs::write(
        made.join("status"),
        format!(
            "Name:\t{comm}\nState:\tS (sleeping)\nPid:\t{pid}\nPPid:\t1\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\n\
             Gid:\t{uid}\t{uid}\t{uid}\t{uid}\nVmRSS:\t{} kB\n",
            resident_in(&fs::read_to_string("/proc/self/status")?)
        ),
    )?;
    // its open files are those of the process behind it
    symlink(format!("/proc/{pid}/fd"), made.join("fd"))?;
    symlink(site.root.join(""), made.join("root"))?;
    fs::write(made.join("maps"), "")?;
    symlink(looks.exe, made.join("exe"))?;
    // a link to the root itself must not lose its only slash when the host's view cuts the root off
    symlink(if looks.cwd == site.root { site.root.join("") } else { looks.cwd.to_owned() }, made.join("cwd"))?;

    let record = Record {
        pid,
        start_time,
        host: site.host.clone(),
        program: looks.name.to_owned(),
        version: looks.version.clone(),
        mount_point: looks.mount_point.map(str::to_owned),
    };
    fs::create_dir_all(site.sim("processes"))?;
    fs::write(site.sim("processes").join(pid.to_string()), serde_json::to_vec(&record)?)?;
    let shown = folder(&site.root, pid);
    let _ = fs::remove_dir_all(&shown);
    fs::rename(made, shown)
}

/// Makes the process `pid` disappear from the host.
pub fn disappear(root: &Path, pid: i32) {
    let exe = fs::read_link(folder(root, pid).join("exe"));
    let _ = fs::remove_file(root.join(SIM).join("processes").join(pid.to_string()));
    let _ = fs::remove_dir_all(folder(root, pid));
    let _ = fs::remove_file(nameless(root, pid));
    // the file of a replaced program lives as long as a process runs it
    if let Ok(exe) = exe
        && is_deleted_name(&exe)
        && !running(root, &exe)
    {
        let _ = fs::remove_file(exe);
    }
}

/// All processes that appear on the host and live.
#[must_use]
pub fn living(root: &Path) -> Vec<Record> {
    records(root).into_iter().filter(lives).collect()
}

/// Removes the processes that died without a word, and returns them.
#[must_use]
pub fn sweep(root: &Path) -> Vec<Record> {
    let dead: Vec<Record> = records(root).into_iter().filter(|record| !lives(record)).collect();
    for record in &dead {
        disappear(root, record.pid);
    }
    dead
}

fn records(root: &Path) -> Vec<Record> {
    let Ok(entries) = fs::read_dir(root.join(SIM).join("processes")) else { return Vec::new() };
    entries.flatten().filter_map(|entry| serde_json::from_slice(&fs::read(entry.path()).ok()?).ok()).collect()
}

/// Whether the very process of this record lives. One that ended and of which its parent has not yet taken notice does
/// not; where this machine's first process takes no notice of orphans, as in some containers, that lasts for ever.
#[must_use]
pub fn lives(record: &Record) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{}/stat", record.pid)) else { return false };
    let Some((_, after_name)) = stat.rsplit_once(')') else { return false };
    start_time_in(after_name) == Some(record.start_time)
        && !matches!(after_name.split_whitespace().next(), Some("Z" | "X"))
}

/// Ends a process for good, if it is still the one that the record speaks of.
pub fn kill(record: &Record) {
    if lives(record)
        && let Some(pid) = rustix::process::Pid::from_raw(record.pid)
    {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
    }
}

/// Field 22 of stat, counted from behind the name, which may contain anything.
fn start_time_in(after_name: &str) -> Option<u64> {
    after_name.split_whitespace().nth(19)?.parse().ok()
}

/// VmRSS of a status, in kB.
fn resident_in(status: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn folder(root: &Path, pid: i32) -> PathBuf {
    root.join("proc").join(pid.to_string())
}

/// Whether a process of the host runs the file `exe`.
#[must_use]
pub fn running(root: &Path, exe: &Path) -> bool {
    records(root).iter().any(|record| fs::read_link(folder(root, record.pid).join("exe")).is_ok_and(|at| at == exe))
}

/// What Linux shows for a program whose file was replaced while it runs: the same name with ` (deleted)` behind it. Here
/// it is also where the old file is, so that reading `/proc/PID/exe` still gives the old release.
#[must_use]
pub fn deleted_name(exe: &Path) -> PathBuf {
    let mut name = exe.as_os_str().to_owned();
    name.push(" (deleted)");
    name.into()
}

fn is_deleted_name(exe: &Path) -> bool {
    exe.to_string_lossy().ends_with(" (deleted)")
}

/// The file of a replaced program once more, out of everybody's reach: on Linux it has no name that could be removed.
fn nameless(root: &Path, pid: i32) -> PathBuf {
    root.join(SIM).join(format!("exe-of-{pid}"))
}

/// Brings the files of replaced programs back that a command has removed by the name that they have here.
pub fn keep_replaced(root: &Path) {
    for record in records(root) {
        let (kept, exe) = (nameless(root, record.pid), fs::read_link(folder(root, record.pid).join("exe")));
        if let Ok(exe) = exe
            && is_deleted_name(&exe)
            && !exe.exists()
        {
            let _ = fs::hard_link(kept, exe);
        }
    }
}

/// Puts `exe` out of the way of a new file: renamed as deleted for the processes that run it, else removed.
///
/// # Errors
/// The host's folder cannot be written.
pub fn replace_program(root: &Path, exe: &Path) -> io::Result<()> {
    if !exe.exists() {
        return Ok(());
    }
    if !running(root, exe) {
        return fs::remove_file(exe);
    }
    let deleted = deleted_name(exe);
    fs::rename(exe, &deleted)?;
    for record in records(root) {
        let link = folder(root, record.pid).join("exe");
        if fs::read_link(&link).is_ok_and(|at| at == exe) {
            let kept = nameless(root, record.pid);
            let _ = fs::remove_file(&kept);
            fs::hard_link(&deleted, kept)?;
            let made = root.join(SIM).join(format!("new-exe-{}", record.pid));
            let _ = fs::remove_file(&made);
            symlink(&deleted, &made)?;
            fs::rename(made, link)?;
        }
    }
    Ok(())
}

/// The lines of this machine's `/proc/net/tcp` that are the host's: those with its address on the near side.
#[must_use]
pub fn sockets_of(table: &str, address: Ipv4Addr) -> String {
    let near = format!("{:08X}:", u32::from_le_bytes(address.octets()));
    let mut lines = table.lines();
    let mut own = lines.next().unwrap_or_default().to_owned();
    own.push('\n');
    for line in lines {
        if line.split_whitespace().nth(1).is_some_and(|local| local.starts_with(&near)) {
            own.push_str(line);
            own.push('\n');
        }
    }
    own
}

/// Writes a file so that nobody ever reads half of it.
///
/// # Errors
/// The folder cannot be written.
pub fn write_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    static WRITES: AtomicUsize = AtomicUsize::new(0);
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}-{}", std::process::id(), WRITES.fetch_add(1, Ordering::Relaxed)));
    let temporary = PathBuf::from(temporary);
    fs::write(&temporary, content)?;
    fs::rename(temporary, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_sees_its_own_sockets_only() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n\
                     \x20  0: 0100467F:24CC 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0\n\
                     \x20  1: 0200467F:24CC 0100467F:24CC 01 00000000:00000000 00:00000000 00000000     0\n";
        let own = sockets_of(table, Ipv4Addr::new(127, 70, 0, 1));
        assert_eq!(own.lines().count(), 2, "{own}");
        assert!(own.contains("0: 0100467F:24CC"));
    }

    #[test]
    fn the_start_time_is_found_behind_a_name_with_spaces() {
        let stat = "7 (a ) b) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4242 20";
        assert_eq!(start_time_in(stat.rsplit_once(')').unwrap().1), Some(4242));
    }
}
