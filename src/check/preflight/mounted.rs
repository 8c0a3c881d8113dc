//! File systems whose mounts forbid what a step does on them, or a new daemon: noexec under programs, read-only under what is written.

use std::collections::{BTreeMap, BTreeSet};

use super::Check;
use crate::check::Code;
use crate::host::facts::Mounted;
use crate::host::shell::quote;
use crate::host::{HostFacts, HostName};
use crate::moosefs::daemon::Role;
use crate::moosefs::releases::TABLE;
use crate::plan::{Access, InstallHow};
use crate::rules::line::can_be_tried;

/// A folder, and what is done in it.
struct Use {
    folder: String,
    what: &'static str,
    writes: bool,
    runs: bool,
}

impl Check<'_> {
    /// One finding for each mount and what it forbids, with all that lies on it. A tree to install from may be read-only: `make
    /// install` reads it.
    pub(super) fn mounted(&mut self, host: &HostName, roles: &[(Role, &Access)], facts: &HostFacts) {
        let mut forbidden: BTreeMap<(Code, &str), BTreeSet<String>> = BTreeMap::new();
        let uses = self.uses(host, roles, facts);
        for of in &uses {
            let Some(Mounted { at, read_only, noexec }) = facts.lies.get(&of.folder) else { continue };
            let mut note = |code| {
                forbidden.entry((code, at.as_str())).or_default().insert(format!("{} ({})", of.folder, of.what));
            };
            if of.writes && *read_only {
                note(Code::MountedReadOnly);
            }
            if of.runs && *noexec {
                note(Code::MountedNoexec);
            }
        }
        for ((code, at), folders) in forbidden {
            let folders = folders.into_iter().collect::<Vec<_>>().join(", ");
            let (how, why, todo) = match code {
                Code::MountedNoexec => (
                    "noexec",
                    "no program can be run from there: the run would stop at `Permission denied` (exit code 126)",
                    format!(
                        "`mount -o remount,exec {}`, and in /etc/fstab; or choose another `work_dir` under [install]",
                        quote(at)
                    ),
                ),
                _ => (
                    "read-only",
                    "a step that writes there would stop the run halfway, and a new daemon that cannot open its files there ends \
                     after it has stopped the old one",
                    format!(
                        "see in `dmesg` whether the kernel has made it so after an error, and mend the file system first; then \
                         `mount -o remount,rw {}`",
                        quote(at)
                    ),
                ),
            };
            self.find(code, Some(host), format!("{at} is mounted {how}, and on it is {folders}"), why, todo);
        }
    }

    fn uses(&self, host: &HostName, roles: &[(Role, &Access)], facts: &HostFacts) -> Vec<Use> {
        let (from, to) = (&self.plan.upgrade.from, &self.plan.upgrade.to);
        let mut uses = Vec::new();
        let mut add =
            |folder: &str, what, writes, runs| uses.push(Use { folder: folder.to_owned(), what, writes, runs });
        for (role, access) in roles {
            let install = &access.install;
            let programs = if *role == Role::Client { "bin" } else { "sbin" };
            add(install.prefix.join(programs).as_str(), "programs", true, true);
            if *role != Role::Client {
                add(install.prefix.join("etc").as_str(), "configuration", true, false);
            }
            // the old mfsmetarestore, and what is built of an archive
            let tries = *role == Role::Master && *host == self.plan.master.host;
            let built = matches!(install.how, InstallHow::Archive(_));
            add(install.work_dir.as_str(), "work_dir", true, tries || built);
            if let Some(tree) = install.tree(from, to).filter(|_| tries && can_be_tried(to)) {
                add(tree.as_str(), "source_dir", false, true);
            }
            let Some(process) = facts.daemon(*role).filter(|_| *role != Role::Client) else { continue };
            add(&process.cwd, "DATA_PATH", true, false);
            let Some(old) = self.old(access, process, facts) else { continue };
            for (disk, folder) in old.disks() {
                // a disk that is marked may be read-only
                if !(disk.removal && TABLE.leaves_marked_disks.at(to)) {
                    add(&folder, "disk", true, false);
                }
            }
            let lock = old.lock_file(process);
            add(lock.rsplit_once('/').map_or("/", |(folder, _)| folder), "lock file", true, false);
        }
        uses
    }
}
