//! A plan after reading: defaults filled in, host ranges written out, every name checked. Documented key by key for
//! operators in docs/plan-reference.md.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use semver::Version;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::calendar::Window;
use super::jump::JumpHost;
pub use crate::host::shell::Become;
use crate::host::{AbsPath, FileText, HostName};
use crate::moosefs::daemon::Role;
use crate::rules::Line;
use crate::rules::line::InstallKind;
use crate::words::hex;

/// A whole plan, valid by construction: [`crate::plan`] makes no other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// `[upgrade]`
    pub upgrade: Upgrade,
    /// `[window]`; `None`: something may be taken down at any time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// `[master]`
    pub master: Master,
    /// `[[metaloggers]]`, one entry a host. May be empty.
    #[serde(default)]
    pub metaloggers: Vec<Metalogger>,
    /// `[config]`
    #[serde(default)]
    pub config: Config,
    /// `[[chunkservers]]`, one entry a host, in the order in which they are restarted. At least one.
    pub chunkservers: Vec<Chunkserver>,
    /// `[[clients]]`, one entry a section, in the order in which they are remounted. May be empty.
    pub clients: Vec<ClientGroup>,
}

impl Plan {
    /// The line that leads from the plan's one release to the other.
    ///
    /// # Panics
    /// There is none: such a plan is refused when it is read.
    #[must_use]
    pub fn line(&self) -> &'static Line {
        Line::of(&self.upgrade.from, &self.upgrade.to).expect("a plan is for a line")
    }

    /// The least time that an upgrade of this plan waits because a rule demands it, in seconds.
    #[must_use]
    pub fn demanded_waits_s(&self) -> u64 {
        match self.upgrade.mode {
            Mode::Rolling => self.upgrade.stagger.least.as_secs() * (self.chunkservers.len() as u64).saturating_sub(1),
            Mode::FullStop => self.upgrade.master_wait.as_secs(),
        }
    }

    /// Every host with each of its roles, in the order of an upgrade: master, metaloggers, chunkservers, clients. A host
    /// of several roles comes once for each.
    pub fn hosts(&self) -> impl Iterator<Item = (&HostName, Role, &Access)> {
        let master = std::iter::once((&self.master.host, Role::Master, &self.master.access));
        let metaloggers = self.metaloggers.iter().map(|m| (&m.host, Role::Metalogger, &m.access));
        let chunkservers = self.chunkservers.iter().map(|s| (&s.host, Role::Chunkserver, &s.access));
        let clients = self.clients.iter().flat_map(|g| g.hosts.iter().map(|h| (h, Role::Client, &g.access)));
        master.chain(metaloggers).chain(chunkservers).chain(clients)
    }
}

/// `[upgrade]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upgrade {
    /// The release that runs now.
    pub from: Version,
    /// The release to run afterwards.
    pub to: Version,
    /// In which way.
    pub mode: Mode,
    /// Rolling mode: the time between two chunkservers.
    pub stagger: Stagger,
    /// Full-stop mode: the least time between the last chunkserver's start and the master's.
    #[serde(deserialize_with = "super::duration::kept")]
    pub master_wait: Duration,
    /// Codes of findings that the operator accepts by name.
    pub acknowledge: BTreeSet<String>,
    /// How many chunk copies the operator accepts as lost for good.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub accept_lost: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// The two ways of the HOWTO.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Master, chunkservers one at a time, clients; the file system stays in use.
    Rolling,
    /// Master down, all chunkservers at once, a wait, master up, clients.
    FullStop,
}

impl std::fmt::Display for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Mode::Rolling => "rolling",
            Mode::FullStop => "full-stop",
        })
    }
}

/// `stagger = "5m..10m"`: `least <= greatest`, both within the line's limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "KeptStagger")]
pub struct Stagger {
    /// The next chunkserver is not taken down before this time has passed since the last one was back.
    pub least: Duration,
    /// A cluster that is not healthy by this time stops the run.
    pub greatest: Duration,
}

/// A stagger as it was kept with a run. What a state folder holds may have been edited.
#[derive(Deserialize)]
struct KeptStagger {
    #[serde(deserialize_with = "super::duration::kept")]
    least: Duration,
    #[serde(deserialize_with = "super::duration::kept")]
    greatest: Duration,
}

impl TryFrom<KeptStagger> for Stagger {
    type Error = String;

    fn try_from(KeptStagger { least, greatest }: KeptStagger) -> Result<Self, String> {
        match least <= greatest {
            true => Ok(Self { least, greatest }),
            false => Err("the stagger has its greatest time before its least".to_owned()),
        }
    }
}

/// `[install]`: how the new release gets onto a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Install {
    /// What is run.
    pub how: InstallHow,
    /// Where the daemons are afterwards: `PREFIX/sbin/mfsmaster`, `PREFIX/bin/mfsmount`.
    pub prefix: AbsPath,
    /// Where this program keeps its own files on the host: archive, tree, copies of what was replaced. A folder for each
    /// pair of releases goes below it.
    pub work_dir: AbsPath,
}

impl Install {
    /// The tree to say `make install` in; `None` where the operator's own command installs.
    #[must_use]
    pub fn tree(&self, from: &Version, to: &Version) -> Option<AbsPath> {
        match &self.how {
            InstallHow::SourceDir(tree) => Some(tree.clone()),
            InstallHow::Archive(archive) => Some(self.work(from, to).join(&archive.name(to))),
            InstallHow::Command(_) => None,
        }
    }

    /// This program's own folder on the host for this pair of releases.
    #[must_use]
    pub fn work(&self, from: &Version, to: &Version) -> AbsPath {
        self.work_dir.join(&format!("{from}-to-{to}"))
    }

    /// The tar file of what an installation replaces: one a prefix, since the second role of a host would keep what the first has
    /// put in.
    #[must_use]
    pub fn kept(&self, from: &Version, to: &Version) -> AbsPath {
        self.work(from, to).join(&format!("replaced{}.tar", self.prefix.as_str().replace('/', "-")))
    }
}

/// `archive` and `configure`: what is copied to every host, unpacked, configured and built there before anything is stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Archive {
    /// A `.tar.gz` here, with one folder at its top; relative to the plan file, resolved to a path from here.
    pub path: PathBuf,
    /// Of the file when the plan was read, in hexadecimal.
    pub sha256: String,
    /// Its size.
    pub bytes: u64,
    /// Arguments of `./configure`, one an entry; `--prefix` among them or added.
    pub configure: Vec<String>,
}

impl Archive {
    /// A name for what is made of it: another file or other arguments are another name.
    #[must_use]
    pub fn name(&self, to: &Version) -> String {
        let made_of = format!("{} {}", self.sha256, self.configure.join(" "));
        format!("mfs-{to}-{}", hex(&Sha256::digest(made_of)[..4]))
    }
}

/// `[config]`: what configuration the new release gets beyond what is carried over.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Config {
    /// mfsexports.cfg; `None`: the one on the master's host is used, and must be there.
    pub exports: Option<Exports>,
    /// The MASTER_HOST of new metaloggers; `None`: that of the chunkservers.
    pub master_host: Option<HostName>,
}

/// Where mfsexports.cfg comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exports {
    /// `exports = "FILE"`: a file here.
    File {
        /// Relative to the plan file, resolved to a path from here.
        path: PathBuf,
        /// What was in it when the plan was read.
        text: FileText,
    },
    /// `exports_like_1_5 = true`: what 1.5 allowed, which is everything.
    LikeV15,
}

/// One metalogger of `[[metaloggers]]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metalogger {
    /// The host.
    pub host: HostName,
    /// SSH and installation.
    #[serde(flatten)]
    pub access: Access,
}

/// The kinds of [`Install`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InstallHow {
    /// `make install` in a tree that is configured and built on every host.
    SourceDir(AbsPath),
    /// The same in a tree that the run unpacks, configures and builds.
    Archive(Archive),
    /// A shell command of the operator's own, run as root, as it stands in the plan.
    Command(String),
}

impl InstallHow {
    /// Which way it is, as a line lists them.
    #[must_use]
    pub fn kind(&self) -> InstallKind {
        match self {
            Self::SourceDir(_) => InstallKind::Tree,
            Self::Archive(_) => InstallKind::Archive,
            Self::Command(_) => InstallKind::Command,
        }
    }
}

/// `[ssh]`: everything optional; what is not said here is left to the user's own ssh_config.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Ssh {
    /// The remote user.
    pub user: Option<String>,
    /// An ssh_config to use in place of ~/.ssh/config; relative to the plan file, resolved to a path from here.
    pub config: Option<PathBuf>,
    /// The remote port.
    pub port: Option<u16>,
    /// A private key file; `~/` is expanded by ssh, relative paths are relative to the plan file.
    pub identity: Option<PathBuf>,
    /// Hosts to jump through, first to last (`ssh -J`).
    pub jump: Vec<JumpHost>,
    /// How to become root where the SSH user is not.
    pub r#become: Option<Become>,
}

/// How to reach a host and how to install on it, shared by the hosts of a section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// How to reach it.
    pub ssh: Arc<Ssh>,
    /// How to install on it.
    pub install: Arc<Install>,
}

/// `busy = "…"`: what is done when a mount is in use at its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Busy {
    /// It is a failure of this client.
    #[default]
    Fail,
    /// It is waited for, at most this long; then it is a failure.
    Wait(#[serde(deserialize_with = "super::duration::kept")] Duration),
    /// The client is left on the old release, and the run does not end as a success.
    Skip,
}

impl Busy {
    /// Whether it is the default.
    #[must_use]
    pub fn is_fail(&self) -> bool {
        *self == Self::Fail
    }

    /// Seconds that it may be waited for.
    #[must_use]
    pub fn patience_s(&self) -> u64 {
        match self {
            Self::Wait(time) => time.as_secs(),
            Self::Fail | Self::Skip => 0,
        }
    }
}

/// `[master]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Master {
    /// The host.
    pub host: HostName,
    /// The port of the admin protocol on it.
    pub admin_port: u16,
    /// SSH and installation.
    #[serde(flatten)]
    pub access: Access,
}

/// One chunkserver of `[[chunkservers]]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunkserver {
    /// The host.
    pub host: HostName,
    /// The address that the master knows it by, where the plan says so; otherwise it is found out on the host.
    pub address: Option<Ipv4Addr>,
    /// SSH and installation.
    #[serde(flatten)]
    pub access: Access,
}

/// One section `[[clients]]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientGroup {
    /// The hosts, at least one.
    pub hosts: Vec<HostName>,
    /// The mount points to change; `None`: all that are mounted.
    pub mounts: Option<Vec<AbsPath>>,
    /// The options of the new mfsmount; `None`: taken from the running one.
    pub mount_options: Option<Vec<String>>,
    /// How many hosts are changed at a time, at least 1.
    #[serde(deserialize_with = "one_or_more")]
    pub parallel: usize,
    /// What is done when a mount is in use at its turn.
    #[serde(default, skip_serializing_if = "Busy::is_fail")]
    pub busy: Busy,
    /// Whether a mount that is still in use then is unmounted lazily.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lazy_unmount: bool,
    /// SSH and installation.
    #[serde(flatten)]
    pub access: Access,
}

/// A number of things that are done at once: a stored one of 0 would never end.
///
/// # Errors
/// It is 0, or no number.
pub fn one_or_more<'de, D: serde::Deserializer<'de>>(from: D) -> Result<usize, D::Error> {
    match usize::deserialize(from)? {
        0 => Err(serde::de::Error::custom("0 at once would never end")),
        number => Ok(number),
    }
}
