//! The disks of a running chunkserver: what the lines of its list are to the old release and to the new one.

use super::config::Move;
use super::old::Old;
use super::{Check, surveyed};
use crate::check::Code;
use crate::host::{HostFacts, HostName};
use crate::moosefs::config::disks_paths;
use crate::moosefs::daemon::Role;
use crate::moosefs::disks;
use crate::moosefs::releases::TABLE;
use crate::plan::Access;

impl Check<'_> {
    /// The list of disks, which 1.6.27 looks for beside the rest. A size is one for it only where the file has no line end at
    /// its end: a copy gets one, and means what the old file does.
    pub(super) fn disk_list(&mut self, host: &HostName, access: &Access, old: &Old<'_>, facts: &HostFacts) {
        let (from, to) = (&self.plan.upgrade.from, &self.plan.upgrade.to);
        let Some((path, file)) = &old.disks else {
            // it may be named by a file that is not there, has a name that is not whole, or is too long to be read
            if old.role == Role::Chunkserver && surveyed(facts) {
                let set = old.get("HDD_CONF_FILENAME").or_else(|| old.get("HDD_CONFIG"));
                let path =
                    set.map_or_else(|| access.install.prefix.join(disks_paths(from)[0]).to_string(), str::to_owned);
                self.find(
                    Code::DisksNotSeen,
                    Some(host),
                    format!("its list of disks, {path}, is not there, or cannot be read, or has more than 1 MiB"),
                    "the new chunkserver reads it after it has stopped the old one, and ends where it finds no disk; what its \
                     lines mean there, and whose the disks are, could not be looked at",
                    "put the list where the running chunkserver was told it, by its whole path".into(),
                );
            }
            return;
        };
        let moved = old.get("HDD_CONF_FILENAME").is_none();
        if surveyed(facts) {
            self.disks_absent(host, path, old, facts);
            self.disks_twice(host, path, old, facts);
            self.disks_elsewhere(host, path, old, facts);
            self.disks_unmounted(host, path, old, facts);
            self.marked(host, path, old, facts);
        }
        let mut text = file.text.clone();
        let comment = |line: u32| file.text.lines().nth(line as usize - 1).is_some_and(|l| l.starts_with('#'));
        for (line, how) in disks::differs(&file.text, from, to) {
            let seen = format!("{path}, line {line}: {how}");
            if comment(line) {
                self.find(
                    Code::DiskCommented,
                    Some(host),
                    seen,
                    &format!(
                        "a {} chunkserver takes it for the path of a disk and does not start: not now, and not on the way back",
                        self.old_family()
                    ),
                    format!("take the line out of {path}"),
                );
            } else if moved && !text.ends_with('\n') {
                text.push('\n');
            } else {
                self.find(
                    Code::DiskLineChanges,
                    Some(host),
                    seen,
                    "the new chunkserver would not use the disk as the old one does, and its chunks would be missing",
                    format!("write a line end at the end of {path}"),
                );
            }
        }
        if moved {
            let to = access.install.prefix.join(disks_paths(to)[0]);
            let from = Some((path.as_str(), *file));
            self.moves(host, Move { role: Role::Chunkserver, from, to, text }, facts);
        }
    }

    /// Disks that are not there, by the name that a line really says.
    fn disks_absent(&mut self, host: &HostName, path: &str, old: &Old<'_>, facts: &HostFacts) {
        let gone = old.disks().into_iter().filter(|(_, folder)| !facts.folders.contains_key(folder));
        let (whole, not_whole): (Vec<_>, Vec<_>) = gone.partition(|(disk, _)| disk.is_whole());
        let named: Vec<_> = whole.iter().map(|(disk, folder)| format!("{folder} (line {})", disk.line)).collect();
        if !named.is_empty() {
            let behind = match whole.iter().any(|(_, folder)| folder.contains([' ', '?'])) {
                true => "; all of a line is its path, what stands behind it too",
                false => "",
            };
            self.find(
                Code::DiskAbsent,
                Some(host),
                format!("{path} names {}, and there is no such folder", named.join(", ")),
                "a running chunkserver goes on without it; the new one does not start with a disk that it cannot open, after it \
                 has stopped the old one",
                format!("mount it, or take its line out of {path} once its chunks have copies elsewhere{behind}"),
            );
        }
        for (disk, folder) in not_whole {
            let line = disk.line;
            let todo = match disk.meant() {
                Some(meant) => {
                    format!("write line {line} of {path} as `{meant}`, from its first column on, or take it out")
                }
                None => format!(
                    "write the whole path in line {line} of {path}, which begins with a slash, or take the line out"
                ),
            };
            self.find(
                Code::DiskAbsent,
                Some(host),
                format!(
                    "{path}, line {line}, is no whole path: every release takes it for `{folder}`, below the daemon's working \
                     folder, and there is no such folder"
                ),
                &format!(
                    "a {} chunkserver reads its list only when it starts, and goes on; the new one does not start with this line, \
                     after it has stopped the old one, and the old one does not start again either",
                    self.old_family()
                ),
                todo,
            );
        }
    }

    /// Disks that are marked for removal, and whose chunks the new chunkserver would not find: it says `0 chunks found` and goes on.
    fn marked(&mut self, host: &HostName, path: &str, old: &Old<'_>, facts: &HostFacts) {
        let to = self.plan.upgrade.to.clone();
        if !TABLE.leaves_marked_disks.at(&to) {
            return;
        }
        for (_, disk) in old.disks().into_iter().filter(|(disk, _)| disk.removal) {
            let holds = match facts.narrow.get(&disk) {
                Some(0) => continue,
                Some(1) => "1 chunk file is".to_owned(),
                Some(count) => format!("{count} chunk files are"),
                // one that is not there is told of by itself
                None if !facts.folders.contains_key(&disk) => continue,
                None => "chunk files, which could not be counted in time, may be".to_owned(),
            };
            self.find(
                Code::DiskMarked,
                Some(host),
                format!("{path} marks {disk} for removal (`*`), and {holds} in its folders 0 to F"),
                "the new chunkserver moves chunks to its folders 00 to FF only on disks that are not marked, and looks nowhere \
                 else: it would show none of these, and what has no other copy could not be read",
                format!(
                    "wait until the master has copied them elsewhere, then take the disk out of {path} and restart the old \
                     chunkserver; or take the `*` away until {to} runs there, and mark the disk again then"
                ),
            );
        }
    }
}
