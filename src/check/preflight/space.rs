//! Whether what an upgrade writes fits where it is written: on every host, and here.

use super::Check;
use crate::check::Code;
use crate::host::facts::Space;
use crate::host::{HostFacts, HostName};
use crate::moosefs::daemon::Role;
use crate::moosefs::releases::TABLE;
use crate::plan::{Access, InstallHow};
use crate::rules::line::can_be_tried;

const MIB: u64 = 1 << 20;

/// What an installation writes below its prefix; all programs of 1.6.27 with their manual pages are 8 MiB (seen).
const INSTALLED: u64 = 50 * MIB;
/// What is kept of the old installation, and small files beside it.
const KEPT: u64 = 50 * MIB;
/// A tree of 1.6.27, unpacked and built, is 60 MiB (seen).
const BUILT: u64 = 200 * MIB;
/// Beyond the copies of the metadata: logs, sessions, configuration.
const BESIDE_METADATA: u64 = 64 * MIB;
/// A run's own plan, schedule and journal, for the largest clusters.
const RUN: u64 = 16 * MIB;
/// Files that an installation makes, roughly, and a build.
const INODES: u64 = 200;
/// See [`INODES`].
const BUILT_INODES: u64 = 3000;

/// 256 folders of a block each, and a lock file: what a new chunkserver makes on a disk, and says nothing where it cannot
/// (hddspacemgr.c @ 1.6.6 to 1.6.27).
const FOLDERS: u64 = 2 * MIB;
/// See [`FOLDERS`].
const FOLDERS_INODES: u64 = 257;

/// What would be written where, and for what.
struct Need {
    path: String,
    bytes: u64,
    inodes: u64,
    what: &'static str,
}

impl Check<'_> {
    /// Whether what is written fits. What several folders of one file system need is added up.
    pub(super) fn space(&mut self, host: &HostName, roles: &[(Role, &Access)], facts: &HostFacts) {
        let mut file_systems: Vec<(Space, Vec<Need>)> = Vec::new();
        for need in self.writes(host, roles, facts) {
            let above = |path: &&String| {
                let inside = need.path.strip_prefix(path.as_str());
                inside.is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || path.as_str() == "/")
            };
            let nearest = facts.space.keys().filter(above).max_by_key(|path| path.len());
            if let Some(space) = nearest.map(|path| facts.space[path]) {
                match file_systems.iter_mut().find(|(other, _)| other.is_shared(&space)) {
                    // others write there while it is looked at
                    Some((least, needs)) => {
                        (least.free, least.inodes) = (least.free.min(space.free), least.inodes.min(space.inodes));
                        needs.push(need);
                    }
                    None => file_systems.push((space, vec![need])),
                }
            }
        }
        for (Space { free, inodes, .. }, needs) in file_systems {
            let (bytes, files) = (needs.iter().map(|n| n.bytes).sum::<u64>(), needs.iter().map(|n| n.inodes).sum());
            let places: Vec<_> = needs.iter().map(|n| format!("{} ({})", n.path, n.what)).collect();
            let seen = if bytes > free {
                format!("{} MiB are free for {}, and {} are needed", free / MIB, places.join(", "), bytes.div_ceil(MIB))
            } else if inodes.is_some_and(|free| free < files) {
                format!("{} inodes are free for {}", inodes.unwrap_or_default(), places.join(", "))
            } else {
                continue;
            };
            self.find(
                Code::DiskFull,
                Some(host),
                seen,
                "a step that cannot write would stop the run halfway, and a full disk is the end of a master's metadata",
                "make room there, or choose another folder: `work_dir` under [install], DATA_PATH for a metalogger".into(),
            );
        }
    }

    fn writes(&self, host: &HostName, roles: &[(Role, &Access)], facts: &HostFacts) -> Vec<Need> {
        let mut needs: Vec<Need> = Vec::new();
        let mut add = |path: &str, bytes, inodes, what| {
            if !needs.iter().any(|n: &Need| n.path == path && n.what == what) {
                needs.push(Need { path: path.to_owned(), bytes, inodes, what });
            }
        };
        for (_, access) in roles {
            let install = &access.install;
            add(install.prefix.as_str(), INSTALLED, INODES, "the installation");
            add(install.work_dir.as_str(), KEPT, INODES, "what is kept of the old one");
            if let InstallHow::Archive(archive) = &install.how {
                add(install.work_dir.as_str(), BUILT + archive.bytes, BUILT_INODES, "the build");
            }
        }
        if *host == self.plan.master.host {
            let metadata = metadata_bytes(facts);
            let work = &self.plan.master.access.install.work_dir;
            if can_be_tried(&self.plan.upgrade.to) {
                add(work.as_str(), 3 * metadata + BESIDE_METADATA, INODES, "copies of the metadata");
            }
            if let Some(process) = facts.daemon(Role::Master) {
                let what = "the metadata that a stop saves, and the new master beside it within the hour";
                add(&process.cwd, 2 * metadata + BESIDE_METADATA, INODES, what);
            }
        }
        for (_, access) in roles.iter().filter(|(role, _)| *role == Role::Chunkserver) {
            let process = facts.daemon(Role::Chunkserver);
            let Some(old) = process.and_then(|process| self.old(access, process, facts)) else { continue };
            for (disk, folder) in old.disks() {
                let made = facts.folders.get(&folder).is_none_or(|there| there.wide)
                    || (disk.removal && TABLE.leaves_marked_disks.at(&self.plan.upgrade.to));
                if !made && TABLE.folders_256.at(&self.plan.upgrade.to) {
                    add(&folder, FOLDERS, FOLDERS_INODES, "the folders 00 to FF of a disk");
                }
            }
        }
        for (_, access) in roles.iter().filter(|(role, _)| *role == Role::Metalogger) {
            let folder = self.logs_in(host, access, facts);
            add(&folder, 2 * self.copy_bytes() + BESIDE_METADATA, INODES, "copies of the metadata and its change logs");
        }
        needs
    }

    /// Bytes that a copy of the metadata takes.
    fn copy_bytes(&self) -> u64 {
        self.fleet.get(&self.plan.master.host).map_or(0, metadata_bytes)
    }

    /// Where a metalogger keeps them: the one that runs, or the one that will be started.
    fn logs_in(&self, host: &HostName, access: &Access, facts: &HostFacts) -> String {
        let (to, prefix) = (&self.plan.upgrade.to, &access.install.prefix);
        if let Some(process) = facts.daemon(Role::Metalogger).filter(|process| !process.cwd.is_empty()) {
            return process.cwd.clone();
        }
        let of_files = self.future(host, Role::Metalogger, access, facts);
        let set = of_files.and_then(|(_, config)| config.get("DATA_PATH", to).map(str::to_owned));
        let built = || self.built(access, facts).and_then(|build| build.data_path);
        set.or_else(built).unwrap_or_else(|| prefix.join("var/mfs").to_string())
    }

    /// The copy of the metadata that leaves the master's host comes here, into the run's own folder.
    pub(super) fn space_here(&mut self) {
        let Some((folder, space)) = &self.here.runs else { return };
        let needed = self.copy_bytes() + RUN;
        let short = match space.inodes {
            _ if space.free < needed => {
                format!("{} MiB are free, and {} are needed", space.free / MIB, needed.div_ceil(MIB))
            }
            Some(free) if free < INODES => format!("{free} inodes are free"),
            _ => return,
        };
        let seen = format!("on this machine, where {folder} takes the run and a copy of the metadata, {short}");
        self.find(
            Code::DiskFull,
            None,
            seen,
            "a run that cannot write its journal stops, and without the copy here all metadata is on the master's own host",
            "make room there, or give another folder with `--state-dir`".into(),
        );
    }
}

/// No metadata is as large as this, in bytes: whatever sizes a host says, sums of a few times it are numbers.
const MOST_METADATA: u64 = 1 << 50;

/// Bytes that a copy of the metadata takes, as far as they were seen; at most [`MOST_METADATA`].
pub(super) fn metadata_bytes(facts: &HostFacts) -> u64 {
    let of_metadata = |name: &str| name == "metadata.mfs.back" || name.starts_with("changelog.");
    let sizes = facts.data_files.iter().filter(|(name, _)| of_metadata(name)).map(|(_, file)| file.size);
    sizes.fold(0, u64::saturating_add).min(MOST_METADATA)
}
