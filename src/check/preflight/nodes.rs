//! Disks as the kernel knows them: one folder by two names, a name that leads elsewhere than it did when the chunkserver was started,
//! a disk that is not mounted.

use std::collections::{BTreeMap, BTreeSet};

use super::Check;
use super::old::Old;
use crate::check::Code;
use crate::host::facts::{Node, Opened};
use crate::host::shell::quote;
use crate::host::{HostFacts, HostName, Process};
use crate::moosefs::daemon::Role;
use crate::moosefs::disks::Disk;
use crate::moosefs::releases::TABLE;

/// How a disk that the running chunkserver uses is missed by its list.
enum Missed {
    /// The list names it, and something else is there by now.
    Other(String),
    /// No name leads to it: its file system is mounted no more, or below another one. With what the list names instead.
    Detached(Vec<String>),
    /// It is where it was, and the list does not name it.
    Unlisted(String),
}

impl Check<'_> {
    /// Two lines that lead to one folder. Every release knows it by the inode of its lock file; from 1.6.26 on a chunkserver takes the
    /// same words twice for a line that was changed (hddspacemgr.c, `hdd_parseline`).
    pub(super) fn disks_twice(&mut self, host: &HostName, path: &str, old: &Old<'_>, facts: &HostFacts) {
        let mut by_folder: BTreeMap<String, Vec<(Disk, String)>> = BTreeMap::new();
        for (disk, folder) in old.disks() {
            let known = match facts.nodes.get(&folder) {
                Some(Node { device, inode }) => format!("{device}:{inode}"),
                None => facts.place(&folder).to_owned(),
            };
            by_folder.entry(known).or_default().push((disk, folder));
        }
        for disks in by_folder.into_values().filter(|disks| disks.len() > 1) {
            let lines: Vec<_> = disks.iter().map(|(disk, folder)| format!("{} ({folder})", disk.line)).collect();
            let alike = disks.iter().all(|(disk, _)| disk.path == disks[0].0.path);
            let why = if alike && TABLE.takes_a_disk_twice.at(&self.plan.upgrade.to) {
                "the new chunkserver takes the last of them, and an old one does not start with such a list: not now, and not on the \
                 way back"
            } else {
                "the new chunkserver does not start with a disk twice, after it has stopped the old one, and the old one does not \
                 start again either"
            };
            self.find(
                Code::DiskTwice,
                Some(host),
                format!("{path} names one folder in lines {}", lines.join(", ")),
                why,
                format!("take all but one of these lines out of {path}"),
            );
        }
    }

    /// What the running chunkserver has open, held against what its list leads to now.
    pub(super) fn disks_elsewhere(&mut self, host: &HostName, path: &str, old: &Old<'_>, facts: &HostFacts) {
        let program = Role::Chunkserver.program();
        for missed in missed(old, facts) {
            let (seen, why, todo) = match missed {
                Missed::Other(folder) => (
                    format!("{folder} is not the folder that the running {program} uses by this name"),
                    "its disk was unmounted, or something was mounted over it, since it was started: the new chunkserver would use what \
                     is there now, and the chunks of the disk would be missing"
                        .to_owned(),
                    format!(
                        "see with `grep {} /proc/mounts` and in /etc/fstab what must be mounted there, and mount it; then restart the \
                         old {program}, and see that no chunk is missing",
                        quote(&folder)
                    ),
                ),
                Missed::Detached(instead) => (
                    format!(
                        "the running {program} uses a disk to which no name leads any more{}",
                        match &instead[..] {
                            [] => String::new(),
                            instead => format!(", and does not use {}, which {path} names", instead.join(", ")),
                        }
                    ),
                    "its file system was unmounted (`umount -l`), or something was mounted over it: the new chunkserver would come up \
                     without it, and its chunks would be missing"
                        .to_owned(),
                    format!(
                        "mount the disk where {path} names it; then restart the old {program}, and see that no chunk is missing"
                    ),
                ),
                Missed::Unlisted(folder) => (
                    format!("the running {program} uses {folder}, and {path} does not name it any more"),
                    format!(
                        "a {} chunkserver reads its list only when it starts: the new one would come up without this disk, and its \
                         chunks would be missing",
                        self.old_family()
                    ),
                    format!(
                        "put its line back, with `*` before it if its chunks are to be copied elsewhere; or restart the old {program} \
                         without it now, and see that no chunk is missing"
                    ),
                ),
            };
            self.find(Code::DiskElsewhere, Some(host), seen, &why, todo);
        }
    }

    /// Disks that are folders of another file system than the one that /etc/fstab mounts there. The file may be the older truth.
    pub(super) fn disks_unmounted(&mut self, host: &HostName, path: &str, old: &Old<'_>, facts: &HostFacts) {
        let mut points: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        let elsewhere = elsewhere(old, facts);
        for folder in old.disk_paths() {
            let (Some(wanted), Some(on)) = (facts.wanted.get(&folder), facts.lies.get(&folder)) else { continue };
            let below =
                on.at.strip_prefix(wanted.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            if !below && !elsewhere.contains(&folder) {
                points.entry(wanted).or_default().push(format!("{folder}, which is on {}", on.at));
            }
        }
        for (point, folders) in points {
            self.find(
                Code::DiskNotMounted,
                Some(host),
                format!("/etc/fstab mounts a disk at {point}, and nothing is mounted there; {path} names {}", folders.join(", ")),
                "what is on that disk stays missing, and the new chunkserver fills the file system that the folder is on now",
                format!(
                    "if the disk belongs there: stop the old {}, see that the folder has no chunks (move them to the disk), `mount {}`, \
                     and start it again; if not, take the line out of /etc/fstab",
                    Role::Chunkserver.program(),
                    quote(point)
                ),
            );
        }
    }
}

/// The folders of the list that are not what the running chunkserver uses by their names.
pub(super) fn elsewhere(old: &Old<'_>, facts: &HostFacts) -> BTreeSet<String> {
    let other = |missed| match missed {
        Missed::Other(folder) => vec![folder],
        Missed::Detached(instead) => instead,
        Missed::Unlisted(_) => Vec::new(),
    };
    missed(old, facts).into_iter().flat_map(other).collect()
}

/// What the list misses of the disks that the running chunkserver has open. Nothing where that is not shown.
fn missed(old: &Old<'_>, facts: &HostFacts) -> Vec<Missed> {
    let Some(process) = facts.daemon(old.role).filter(|_| old.role == Role::Chunkserver) else { return Vec::new() };
    let listed = old.disk_paths();
    let open: Vec<&Opened> = facts.opened.iter().filter(|opened| is_of_disk(opened, process, old)).collect();
    let lock = |folder: &str| facts.nodes.get(&format!("{}/.lock", folder.trim_end_matches('/'))).copied();
    let unused = || {
        let used = |folder: &&String| lock(folder).is_none_or(|lock| open.iter().all(|opened| opened.node != lock));
        listed.iter().filter(|folder| facts.nodes.contains_key(*folder)).filter(used).cloned().collect::<Vec<_>>()
    };
    let mut all = Vec::new();
    for opened in open.iter().filter(|opened| listed.iter().all(|folder| lock(folder) != Some(opened.node))) {
        let folder = opened.path.strip_suffix("/.lock").unwrap_or_default();
        let folder = if folder.is_empty() { "/" } else { folder };
        match listed.iter().find(|listed| *listed == folder || facts.place(listed) == folder) {
            Some(named) => match facts.nodes.get(named) {
                // a file that somebody removed is made anew
                Some(now) if opened.deleted && now.device == opened.node.device => {}
                Some(_) => all.push(Missed::Other(named.clone())),
                // that it is not there is told by itself
                None => {}
            },
            None if facts.nodes.get(&opened.path) == Some(&opened.node) => {
                all.push(Missed::Unlisted(folder.to_owned()))
            }
            None => all.push(Missed::Detached(unused())),
        }
    }
    all
}

/// Its lock file may have the name of a disk's.
fn is_of_disk(opened: &Opened, process: &Process, old: &Old<'_>) -> bool {
    opened.pid == process.pid && opened.path != old.lock_file(process)
}
