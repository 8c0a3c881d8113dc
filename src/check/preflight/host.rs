//! What every host must have, whatever its roles: root, a right clock, programs, space.

use std::collections::{BTreeMap, BTreeSet};

use super::Check;
use crate::check::Code;
use crate::host::facts::Space;
use crate::host::{HostFacts, HostName};
use crate::moosefs::daemon::Role;
use crate::plan::{Access, InstallHow};
use crate::rules::line_1_5_to_1_6 as line;

/// Beyond it the age of a file, told by one host's clock, means nothing on another.
const CLOCK_SECONDS: u64 = 60;

const MIB: u64 = 1 << 20;

/// What an installation writes below its prefix; all programs of 1.6.27 with their manual pages are 8 MiB (seen).
const INSTALLED: u64 = 50 * MIB;
/// What is kept of the old installation, and small files beside it.
const KEPT: u64 = 50 * MIB;
/// A tree of 1.6.27, unpacked and built, is 60 MiB (seen).
const BUILT: u64 = 200 * MIB;
/// Beyond the copies of the metadata: logs, sessions, configuration.
const BESIDE_METADATA: u64 = 64 * MIB;
/// Files that an installation makes, roughly, and a build.
const INODES: u64 = 200;
/// See [`INODES`].
const BUILT_INODES: u64 = 3000;

/// What would be written where, and for what.
struct Need {
    path: String,
    bytes: u64,
    inodes: u64,
    what: &'static str,
}

impl Check<'_> {
    /// Everything that does not depend on what a host is for. Once a host, whatever its roles.
    pub(super) fn hosts(&mut self) {
        let plan = self.plan;
        let mut roles: BTreeMap<&HostName, Vec<(Role, &Access)>> = BTreeMap::new();
        for (host, role, access) in plan.hosts() {
            roles.entry(host).or_default().push((role, access));
        }
        self.clocks_among_hosts();
        for (host, roles) in roles {
            let Some(facts) = self.fleet.get(host) else { continue };
            self.root(host, facts);
            self.clock(host);
            self.tools(host, &roles, facts);
            self.space(host, &roles, facts);
            self.startup(host, facts, &roles);
        }
    }

    fn root(&mut self, host: &HostName, facts: &HostFacts) {
        if !facts.root {
            self.find(
                Code::NotRoot,
                Some(host),
                "commands on it do not run as root".into(),
                "installing, starting daemons and mounting need root",
                "set `user = \"root\"` or `become = \"sudo\"` under [ssh]; sudo must not ask for a password".into(),
            );
        }
    }

    fn clock(&mut self, host: &HostName) {
        let Some(&ahead) = self.clocks.get(host).filter(|ahead| ahead.unsigned_abs() > CLOCK_SECONDS) else { return };
        let side = if ahead > 0 { "ahead of" } else { "behind" };
        self.clock_apart(host, format!("its clock is {} s {side} this side's", ahead.unsigned_abs()));
    }

    /// Two hosts may each be near this side's clock, and far from each other's. Where one is off by itself it was named.
    fn clocks_among_hosts(&mut self) {
        let clocks = self.clocks;
        let far = |ahead: i64| ahead.unsigned_abs() > CLOCK_SECONDS;
        let (Some((behind, &least)), Some((before, &most))) =
            (clocks.iter().min_by_key(|(_, ahead)| **ahead), clocks.iter().max_by_key(|(_, ahead)| **ahead))
        else {
            return;
        };
        if far(most - least) && !far(most) && !far(least) {
            let seen = format!("its clock is {} s ahead of that of {behind}", most - least);
            self.clock_apart(before, seen);
        }
    }

    fn clock_apart(&mut self, host: &HostName, seen: String) {
        self.find(
            Code::ClocksApart,
            Some(host),
            seen,
            "how old metadata and the master's own test are is told by clocks, and so are the times in logs",
            "set the clock, here or there, and keep it right (NTP); slew it while daemons run".into(),
        );
    }

    /// Programs that steps call on this host. Nothing is known where none at all was seen.
    fn tools(&mut self, host: &HostName, roles: &[(Role, &Access)], facts: &HostFacts) {
        if facts.tools.is_empty() {
            return;
        }
        let mut missing = BTreeSet::new();
        let mut need = |tool: &'static str| {
            if !facts.tools.contains(tool) {
                missing.insert(tool);
            }
        };
        for tool in ["tar", "sha256sum", "setsid", "flock"] {
            need(tool);
        }
        for (role, access) in roles {
            if matches!(access.install.how, InstallHow::Archive(_)) {
                need("gzip");
                if !facts.tools.contains("cc") {
                    need("gcc");
                }
            }
            if *role == Role::Client {
                need("umount");
            }
        }
        if !missing.is_empty() {
            let names = missing.into_iter().collect::<Vec<_>>().join(", ");
            self.find(
                Code::ToolsMissing,
                Some(host),
                format!("it has no {names}"),
                "a step that calls them would stop the run halfway",
                format!("install {names}"),
            );
        }
    }

    /// Whether what is written fits. What several folders of one file system need is added up.
    fn space(&mut self, host: &HostName, roles: &[(Role, &Access)], facts: &HostFacts) {
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
                "make room there, or set another `work_dir` under [install]".into(),
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
            if line::can_be_tried(&self.plan.upgrade.to) {
                add(work.as_str(), 3 * metadata + BESIDE_METADATA, INODES, "copies of the metadata");
            }
            if let Some(process) = facts.daemon(Role::Master) {
                add(&process.cwd, metadata + BESIDE_METADATA, INODES, "the metadata that a stop saves");
            }
        }
        needs
    }
}

/// Bytes that a copy of the metadata takes, as far as they were seen.
pub(super) fn metadata_bytes(facts: &HostFacts) -> u64 {
    let of_metadata = |name: &str| name == "metadata.mfs.back" || name.starts_with("changelog.");
    facts.data_files.iter().filter(|(name, _)| of_metadata(name)).map(|(_, file)| file.size).sum()
}
