//! The making of the hosts' folders from a plan: a cluster of the old release as its operators left it, with the new one
//! built beside it. Starts nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use semver::Version;

use super::fault::FaultName;
use super::install;
use super::procfs::write_whole;
use super::simulated::changelog;
use super::simulated::config::Places;
use super::simulated::disks::{file_of, folder_of};
use super::simulated::metadata::{FileEntry, Metadata, Tree};
use super::simulated::owners;
use super::site::Site;
use super::syslog;
use super::tools;
use crate::host::HostName;
use crate::moosefs::daemon::{ADMIN_PORT, Role};
use crate::moosefs::releases::Traits;
use crate::plan::{Access, InstallHow, Plan};

/// A host of the plan with all that the plan says of it.
#[derive(Debug, Clone, Default)]
pub struct Part {
    /// Its roles, in the order of an upgrade.
    pub roles: Vec<Role>,
    /// The prefix of each role.
    pub prefixes: BTreeMap<Role, String>,
    /// Source trees: folder and the prefix they install to.
    pub trees: BTreeSet<(String, String)>,
    /// Where a client mounts.
    pub mounts: Vec<String>,
    /// Where the plan lets this program keep its own files; that of the first role.
    pub work_dir: String,
}

impl Part {
    fn add(&mut self, role: Role, access: &Access) {
        if self.roles.is_empty() {
            access.install.work_dir.as_str().clone_into(&mut self.work_dir);
        }
        self.roles.push(role);
        let prefix = access.install.prefix.as_str().to_owned();
        if let InstallHow::SourceDir(folder) = &access.install.how {
            self.trees.insert((folder.as_str().to_owned(), prefix.clone()));
        }
        self.prefixes.insert(role, prefix);
    }
}

/// All hosts of the plan, each once, in the order of an upgrade.
#[must_use]
pub fn parts(plan: &Plan) -> Vec<(HostName, Part)> {
    let mut parts: Vec<(HostName, Part)> = Vec::new();
    for (host, role, access) in plan.hosts() {
        part_of(&mut parts, host).add(role, access);
    }
    for group in &plan.clients {
        let mounts = group.mounts.as_ref().map_or_else(
            || vec!["/mnt/mfs".to_owned()],
            |mounts| mounts.iter().map(|mount| mount.as_str().to_owned()).collect(),
        );
        for host in &group.hosts {
            part_of(&mut parts, host).mounts.extend(mounts.iter().cloned());
        }
    }
    parts
}

fn part_of<'p>(parts: &'p mut Vec<(HostName, Part)>, host: &HostName) -> &'p mut Part {
    let at = parts.iter().position(|(name, _)| name == host).unwrap_or_else(|| {
        parts.push((host.clone(), Part::default()));
        parts.len() - 1
    });
    &mut parts[at].1
}

/// The files of a cluster with so many chunkservers: one chunk each, goal 2 where there are two servers.
#[must_use]
pub fn metadata(servers: usize) -> Metadata {
    let count = u32::try_from((servers * 2).clamp(12, 200)).unwrap_or(200);
    let goal = if servers > 1 { 2 } else { 1 };
    let file = |n: u32| FileEntry {
        inode: n + 1,
        name: format!("file-{n:04}"),
        goal,
        // ids that fall into different folders in both layouts
        chunks: vec![u64::from(n) * 37],
    };
    Metadata {
        max_inode: count + 1,
        version: u64::from(count) * 3,
        next_session: 1,
        tree: Tree {
            note: "simulated metadata: this list is what the rehearsal's master loads; the header is MooseFS's"
                .to_owned(),
            directories: 1,
            files: (1..=count).map(file).collect(),
            oddity: None,
        },
    }
}

/// The chunks on the disk of server `n` of `servers`.
#[must_use]
pub fn chunks_of(metadata: &Metadata, n: usize, servers: usize) -> Vec<u64> {
    let has = |(at, file): &(usize, &FileEntry)| (0..usize::from(file.goal)).any(|copy| (at + copy) % servers == n);
    metadata.tree.files.iter().enumerate().filter(has).flat_map(|(_, file)| file.chunks.clone()).collect()
}

/// Makes a host's folder. `addresses` are names and addresses of all hosts, `chunks` those on its disk.
///
/// # Errors
/// The folder cannot be written.
pub fn make_host(
    site: &Site,
    part: &Part,
    from: &Version,
    hosts_file: &str,
    metadata: &Metadata,
    chunks: &[u64],
    admin_port: u16,
) -> io::Result<()> {
    for folder in [
        ".sim/bin",
        ".sim/processes",
        ".sim/mounts",
        ".sim/under",
        "proc/net",
        "proc/sys/kernel/random",
        "dev",
        "etc",
        "home",
        "mnt",
        "opt",
        "root",
        "run",
        "srv",
        "sys",
        "tmp",
        "usr/local",
        "usr/src",
        "var/log",
        "var/run/mfs",
        "var/tmp",
    ] {
        fs::create_dir_all(site.root.join(folder))?;
    }
    site.store()?;
    write_whole(&site.real("/proc/sys/kernel/random/boot_id"), &fs::read("/proc/sys/kernel/random/uuid")?)?;
    fs::write(site.real("/etc/hosts"), hosts_file)?;
    fs::write(site.real("/etc/hostname"), format!("{}\n", site.host))?;
    fs::write(site.real("/etc/fstab"), "# simulated\n")?;
    fs::write(
        site.real("/etc/passwd"),
        "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    )?;
    fs::write(site.real("/etc/group"), "root:x:0:\nnogroup:x:65534:\n")?;
    // as Debian's syslog daemon makes it, whatever umask whoever tells it something has
    fs::write(site.real(syslog::FILE), "")?;
    fs::set_permissions(site.real(syslog::FILE), fs::Permissions::from_mode(0o640))?;
    // daemons and their locks are real ones
    symlink("/proc/locks", site.real("/proc/locks"))?;
    fs::write(site.real("/proc/meminfo"), fs::read("/proc/meminfo")?)?;
    symlink("../proc/mounts", site.real("/etc/mtab"))?;
    // a host of a rehearsal can mount, whatever this machine can; the other devices are this machine's
    fs::write(site.real("/dev/fuse"), "simulated\n")?;
    let mut mounts =
        "/dev/vda1 / ext4 rw,relatime 0 0\nproc /proc proc rw,nosuid,nodev,noexec,relatime 0 0\n".to_owned();
    if part.roles.contains(&Role::Chunkserver) {
        mounts.push_str("/dev/vdb1 /mnt/hd1 xfs rw,noatime 0 0\n");
    }
    fs::write(site.sim("mounts.base"), mounts)?;
    super::mounts::rebuild(&site.root)?;
    tools::make(site, from)?;

    for (role, prefix) in &part.prefixes {
        fs::create_dir_all(site.real(prefix))?;
        // 1.5 knows no metaloggers: a host that is nothing else has nothing of it
        if *role == Role::Metalogger {
            continue;
        }
        install::install(site, prefix, from)?;
        let data = format!("{prefix}/var/mfs");
        owners::belongs_to(site, &data, owners::DAEMON)?;
        owners::belongs_to(site, &Places { prefix: prefix.clone(), program: String::new() }.run(), owners::DAEMON)?;
        fs::create_dir_all(site.real(&format!("{prefix}/var/run/mfs")))?;
    }
    for (folder, prefix) in &part.trees {
        install::make_tree(site, folder, prefix, &site.target)?;
    }
    let starts = part.prefixes.iter().filter(|(role, _)| matches!(role, Role::Master | Role::Chunkserver));
    let starts: String = starts.map(|(role, prefix)| format!("{prefix}/{}\n", role.path_in_prefix())).collect();
    fs::write(site.real("/etc/rc.local"), format!("#!/bin/sh\n# simulated\n{starts}"))?;
    for (role, prefix) in &part.prefixes {
        match role {
            Role::Master => make_master(site, prefix, metadata, admin_port)?,
            Role::Metalogger => {}
            Role::Chunkserver => make_chunkserver(site, prefix, chunks)?,
            Role::Client => {
                for mount in &part.mounts {
                    fs::create_dir_all(site.real(mount))?;
                }
            }
        }
    }
    Ok(())
}

fn make_master(site: &Site, prefix: &str, metadata: &Metadata, admin_port: u16) -> io::Result<()> {
    let mut config =
        "# simulated mfsmaster.cfg of 1.5\n# WORKING_USER = nobody\n# LOCK_FILE = mfsmaster.pid\n".to_owned();
    if admin_port != ADMIN_PORT {
        // both, or 1.6.26 and later do not honour the port (`matoclserv.c` @ 1.6.26)
        if !site.has(FaultName::ListensElsewhere) {
            config.push_str("MATOCU_LISTEN_HOST = *\n");
        }
        config.push_str(&format!("MATOCU_LISTEN_PORT = {admin_port}\n"));
    }
    fs::write(site.real(&format!("{prefix}/etc/mfsmaster.cfg")), config)?;
    make_metadata(site, &site.real(&format!("{prefix}/var/mfs")), metadata)?;
    // 1.5 has no exports; here they were prepared, as without them the upgrade ends in an outage (seen with 1.6.27)
    let traits = Traits::of(&site.target);
    if traits.exports && !site.has(FaultName::NoExports) {
        let folder = site.real(&format!("{prefix}/etc{}", if traits.etc_mfs { "/mfs" } else { "" }));
        fs::create_dir_all(&folder)?;
        let who = if site.has(FaultName::ExportsRefuse) { "10.0.0.0/8" } else { "*" };
        let rules = format!("{who}\t/\trw,alldirs,maproot=0\n{who}\t.\trw\n");
        fs::write(folder.join("mfsexports.cfg"), rules)?;
    }
    Ok(())
}

/// Metadata as a clean stop leaves it, with the change log from before. One that was never saved begins with change 0.
fn make_metadata(site: &Site, data: &Path, metadata: &Metadata) -> io::Result<()> {
    let mut metadata = metadata.clone();
    if site.has(FaultName::MetadataCorrupt) {
        metadata.tree.oddity = Some("unknown node type in section NODE (simulated)".to_owned());
    }
    if site.has(FaultName::MetadataNeverSaved) {
        metadata.version = 0;
    } else {
        let past = metadata.version.saturating_sub(4)..metadata.version;
        let lines: String = past.map(|id| changelog::line(id, 1_400_000_000, "ACCESS(1)")).collect();
        fs::write(data.join("changelog.1.mfs"), lines)?;
    }
    metadata.store(&data.join("metadata.mfs"))
}

fn make_chunkserver(site: &Site, prefix: &str, chunks: &[u64]) -> io::Result<()> {
    fs::write(
        site.real(&format!("{prefix}/etc/mfschunkserver.cfg")),
        "# simulated mfschunkserver.cfg of 1.5\n# WORKING_USER = nobody\nMASTER_HOST = mfsmaster\n",
    )?;
    fs::write(site.real(&format!("{prefix}/etc/mfshdd.cfg")), "/mnt/hd1\n")?;
    owners::belongs_to(site, "/mnt/hd1", owners::DAEMON)?;
    for n in 0..16 {
        fs::create_dir_all(site.real(&format!("/mnt/hd1/{}", folder_of(n, false))))?;
    }
    for chunk in chunks {
        let file = format!("/mnt/hd1/{}/{}", folder_of(*chunk, false), file_of(*chunk));
        fs::write(site.real(&file), format!("simulated chunk {chunk:016X}\n"))?;
    }
    Ok(())
}
