//! Why a cluster is not what a gate asks for: values with their words, and the names that the plan has for what the master knows
//! by its address. PURE.

use std::fmt;
use std::net::Ipv4Addr;

use semver::Version;

use crate::host::{AbsPath, HostName};
use crate::moosefs::releases::TABLE;
use crate::moosefs::version::TELLS_NONE;

/// Why a chunkserver shows fewer chunks than it had.
fn look_at_disks() -> String {
    format!("it is still scanning, or a disk is missing, or {}", marked_for_removal())
}

/// Where to look if chunks stay under goal or missing, and no chunkserver shows fewer than it must.
fn look_if_it_stays() -> String {
    format!("if it stays so, look whether a chunkserver lacks a disk, or has one that {}", marked_for_removal())
}

fn marked_for_removal() -> String {
    format!(
        "is marked for removal (`*` in mfshdd.cfg): a {}+ chunkserver does not look into the folders 0 to F of such a disk",
        TABLE.leaves_marked_disks.first()
    )
}

/// What lacks a copy, though every chunkserver shows what it had: goals were raised, or a server was away for a moment. A 1.6.20 master
/// had made 266 copies 9 min after its start (run).
const MAKES_COPIES: &str =
    "the master makes missing copies by itself, which can take 10 min and more (`resume` goes on where the run stops)";

/// A host as its master knows it, with the name that the plan has for it, where that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// At the master.
    pub address: Ipv4Addr,
    /// In the plan.
    pub name: Option<HostName>,
}

impl From<Ipv4Addr> for Named {
    fn from(address: Ipv4Addr) -> Self {
        Self { address, name: None }
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.address.to_string();
        match self.name.as_ref().filter(|name| name.as_str() != address) {
            Some(name) => write!(f, "{name} ({address})"),
            None => f.write_str(&address),
        }
    }
}

/// A chunkserver that shows fewer chunks than it had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Short {
    /// Which.
    pub server: Named,
    /// Chunks that it shows.
    pub shows: u64,
    /// Chunks that it had at least.
    pub had: u64,
}

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { server, shows, had } = self;
        write!(f, "chunkserver {server} shows {shows} chunks and had {had} or more")
    }
}

/// Why not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// The master is of another release; `None`: it tells none, as 1.5's do.
    Master {
        /// What it says.
        told: Option<Version>,
        /// What it is to be.
        wanted: Version,
    },
    /// It may have loaded other metadata.
    Metadata {
        /// What was counted.
        what: &'static str,
        /// Now.
        knows: u64,
        /// Before.
        knew: u64,
        /// Whether that was right before.
        just_counted: bool,
    },
    /// A chunkserver is away.
    NotConnected(Named),
    /// It is of another release; `None`: it tells none.
    Registered {
        /// Which.
        server: Named,
        /// What it says.
        told: Option<Version>,
        /// What it is to be.
        wanted: Version,
    },
    /// It scans.
    Scanning {
        /// Which.
        server: Named,
        /// Chunks that it has found.
        shows: u32,
    },
    /// It shows nothing.
    NoChunks(Named),
    /// It shows fewer than it had.
    Fewer(Short),
    /// A 1.5 master.
    NoMatrix,
    /// Chunks without a copy, beyond those of before.
    Missing {
        /// Now.
        chunks: u64,
        /// Before.
        before: u64,
        /// Where they may be.
        short: Vec<Short>,
    },
    /// Chunks under goal, beyond those of before.
    UnderGoal {
        /// Now.
        chunks: u64,
        /// Those of them with one copy.
        endangered: u64,
        /// Before.
        before: u64,
        /// Where their copies may be.
        short: Vec<Short>,
    },
    /// A master that knows no metaloggers.
    NoMetaloggers,
    /// Too few metaloggers.
    Metaloggers {
        /// Connected in the release.
        seen: usize,
        /// Wanted.
        wanted: usize,
        /// The release.
        to: Version,
    },
    /// The master knows no mount of a client.
    NoMount(Ipv4Addr),
    /// It knows others.
    MountsOf {
        /// The client.
        address: Ipv4Addr,
        /// Their releases.
        versions: Vec<Version>,
    },
    /// A mount is not back, and why.
    Mount {
        /// Where.
        mount: AbsPath,
        /// On which host.
        host: HostName,
        /// Why not.
        reason: Box<Self>,
    },
    /// Mounts of another release are connected.
    OtherMounts(Vec<(Version, Named)>),
    /// Nobody knows by which address the master knows a host.
    NoAddress(HostName),
}

impl Reason {
    /// With the names that the plan has, by `name_of`.
    #[must_use]
    pub fn named(mut self, name_of: impl Fn(Ipv4Addr) -> Option<HostName>) -> Self {
        let name = |server: &mut Named| server.name = server.name.take().or_else(|| name_of(server.address));
        match &mut self {
            Self::NotConnected(server)
            | Self::Registered { server, .. }
            | Self::Scanning { server, .. }
            | Self::NoChunks(server)
            | Self::Fewer(Short { server, .. }) => name(server),
            Self::Missing { short, .. } | Self::UnderGoal { short, .. } => {
                short.iter_mut().for_each(|short| name(&mut short.server));
            }
            Self::Master { .. }
            | Self::Metadata { .. }
            | Self::NoMatrix
            | Self::NoMetaloggers
            | Self::Metaloggers { .. }
            | Self::NoMount(_)
            | Self::MountsOf { .. }
            | Self::Mount { .. }
            // of clients, which have names of their own
            | Self::OtherMounts(_)
            | Self::NoAddress(_) => {}
        }
        self
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Master { told: Some(told), wanted } => write!(f, "the master says it is {told}, not {wanted}"),
            Self::Master { told: None, wanted } => {
                write!(f, "the master answers as a {TELLS_NONE} release, not as {wanted}")
            }
            Self::Metadata { what, knows, knew, just_counted } => {
                let when = if *just_counted { " when it was last counted" } else { "" };
                write!(
                    f,
                    "the master's metadata knows {knows} {what} and knew {knew}{when}: it may have loaded other metadata"
                )
            }
            Self::NotConnected(server) => write!(f, "chunkserver {server} is not connected to the master"),
            Self::Registered { server, told, wanted } => {
                let told = told.as_ref().map_or(format!("a {TELLS_NONE} release"), Version::to_string);
                write!(f, "chunkserver {server} registered as {told}, not as {wanted}")
            }
            Self::Scanning { server, shows } => {
                write!(f, "chunkserver {server} is still scanning its disks ({shows} chunks so far)")
            }
            Self::NoChunks(server) => write!(f, "chunkserver {server} shows no chunks yet; {}", look_at_disks()),
            Self::Fewer(short) => write!(f, "{short}; {}", look_at_disks()),
            Self::NoMatrix => write!(f, "the master tells nothing of its chunks, as a {TELLS_NONE} release does"),
            Self::Missing { chunks, before, short } => {
                write!(f, "{} missing, {before} before", count(*chunks))?;
                look(f, short)
            }
            Self::UnderGoal { chunks, endangered, before, short } => {
                write!(f, "{} under goal ({endangered} with one copy left), {before} known before", count(*chunks))?;
                if short.is_empty() {
                    write!(f, "; {MAKES_COPIES}")?;
                }
                look(f, short)
            }
            Self::NoMetaloggers => f.write_str("the master tells nothing of metaloggers"),
            Self::Metaloggers { seen, wanted, to } => {
                write!(f, "the master lists {seen} of {wanted} metaloggers of {to}")
            }
            Self::NoMount(address) => write!(f, "the master knows no mount of {address}"),
            Self::MountsOf { address, versions } => {
                let versions: Vec<String> = versions.iter().map(Version::to_string).collect();
                write!(f, "the master knows {address} only with mounts of {}", versions.join(", "))
            }
            Self::Mount { mount, host, reason } => write!(f, "{mount} of {host}: {reason}"),
            Self::OtherMounts(mounts) => {
                let mounts: Vec<String> =
                    mounts.iter().map(|(version, client)| format!("{version} on {client}")).collect();
                write!(
                    f,
                    "mounts of another release are still connected: {}; where one is not of this run, unmount it there by hand; \
                     one that `umount -l` has taken away goes on until its last user ends, a loop device too",
                    mounts.join(", ")
                )
            }
            Self::NoAddress(host) => write!(f, "the address by which the master knows {host} is not known"),
        }
    }
}

/// Where chunks that are not all there may be. Users may have deleted as much as a disk has.
fn look(f: &mut fmt::Formatter<'_>, short: &[Short]) -> fmt::Result {
    if short.is_empty() {
        return write!(f, "; {}", look_if_it_stays());
    }
    short.iter().try_for_each(|short| write!(f, "; {short}"))?;
    write!(f, "; {}", look_at_disks())
}

fn count(chunks: u64) -> String {
    if chunks == 1 { "1 chunk".to_owned() } else { format!("{chunks} chunks") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An address may be the beginning of another one, and a host may be called as a reason is worded.
    #[test]
    fn a_name_is_given_to_the_server_that_has_it_and_to_no_other() {
        let [one, other] = [Ipv4Addr::new(10, 0, 0, 2), Ipv4Addr::new(10, 0, 0, 21)];
        let name_of = |address| (address == one).then(|| HostName::new("cs1").unwrap());
        let told = |address: Ipv4Addr| Reason::NotConnected(address.into()).named(name_of).to_string();
        assert_eq!(told(one), "chunkserver cs1 (10.0.0.2) is not connected to the master");
        assert_eq!(told(other), "chunkserver 10.0.0.21 is not connected to the master");
        let short = |address: Ipv4Addr| Short { server: address.into(), shows: 1, had: 5 };
        let under = Reason::UnderGoal { chunks: 1, endangered: 1, before: 0, short: vec![short(one), short(other)] };
        let told = under.named(name_of).to_string();
        let [first, one, other, _] = &told.split("; ").collect::<Vec<_>>()[..] else { panic!("{told}") };
        assert_eq!(*first, "1 chunk under goal (1 with one copy left), 0 known before");
        assert_eq!(*one, "chunkserver cs1 (10.0.0.2) shows 1 chunks and had 5 or more");
        assert_eq!(*other, "chunkserver 10.0.0.21 shows 1 chunks and had 5 or more");
    }
}
