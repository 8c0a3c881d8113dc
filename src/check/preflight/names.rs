//! The master's name, as each host finds an address behind it: a running chunkserver has looked it up long ago, and a new one
//! looks again, after it has stopped the old one (sockets.c and masterconn.c @ 1.5.12); a mount looks whenever it connects, and has
//! to when the master is replaced (mastercomm.c @ 1.5.12).

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use super::Check;
use crate::check::Code;
use crate::host::{HostFacts, HostName};
use crate::moosefs::daemon::Role;
use crate::moosefs::releases::TABLE;

/// MASTER_HOST where nothing is said, in all releases, and the master of a mount.
pub(super) const DEFAULT_NAME: &str = "mfsmaster";

/// Of 127.0.0.0/8, of which 1.6.14+ takes nothing; a rehearsal's hosts are above.
const LOOPBACK: std::ops::Range<u8> = 0..64;

/// Who will look for the master on a host.
pub(super) struct Seeker<'s> {
    pub role: Role,
    /// The name, or the address itself.
    pub name: &'s str,
    /// Where that is said, as the beginning of a sentence: `/etc/x says MASTER_HOST = m`.
    pub said: String,
    /// The master's port to which the running one is connected, if one runs.
    pub port: Option<u16>,
}

/// Why a chunkserver must not be told an address of its own host.
pub(super) fn refuses_loopback() -> String {
    format!("a {}+ chunkserver refuses that, after it has stopped the old one", TABLE.refuses_loopback.first())
}

impl Check<'_> {
    /// Holds what is behind the name against where the master is.
    pub(super) fn finds_master(&mut self, host: &HostName, facts: &HostFacts, seeker: &Seeker<'_>) {
        let refuses = seeker.role == Role::Chunkserver && TABLE.refuses_loopback.at(&self.plan.upgrade.to);
        let Some(found) = addresses(seeker.name, facts) else {
            if refuses && seeker.name.split('.').next() == Some("localhost") {
                self.loopback(host, seeker.said.clone());
            }
            return;
        };
        let Some(first) = found.first() else { return self.unresolved(host, seeker) };
        let there = match seeker.name.parse::<Ipv4Addr>() {
            Ok(_) => seeker.said.clone(),
            Err(_) => format!("{}, which is {first} on that host", seeker.said),
        };
        if refuses && is_loopback(*first) {
            return self.loopback(host, there);
        }
        let connected: BTreeSet<Ipv4Addr> = connected(facts, seeker.port).collect();
        let mut known = self.addresses_of_master();
        known.extend(&connected);
        let here = *host == self.plan.master.host && is_loopback(*first);
        if known.is_empty() || here || found.iter().any(|address| known.contains(address)) {
            return;
        }
        let seen = match connected.first() {
            Some(address) => format!("{there}; the running {} is connected to {address}", seeker.role.program()),
            None => {
                let known: Vec<_> = known.iter().map(ToString::to_string).collect();
                format!("{there}; the master was seen at {}", known.join(", "))
            }
        };
        let why = match seeker.role {
            Role::Client => format!("{}, and no new mount can be made", self.old_mounts_look()),
            Role::Metalogger => "it would look for its master at another place, and keep nothing".to_owned(),
            _ => format!(
                "a {} chunkserver looks the name up when it starts, and never again; the new one looks for its master at another \
                 place, after it has stopped the old one",
                self.old_family()
            ),
        };
        self.find(
            Code::MasterHostElsewhere,
            Some(host),
            seen,
            &why,
            format!("see that {} leads to the master there (/etc/hosts, DNS), or write its address", seeker.name),
        );
    }

    fn old_mounts_look(&self) -> String {
        let (old, patience) = (self.old_family(), self.plan.line().patience_of_old_mounts().as_secs());
        format!(
            "a {old} mount looks the name up whenever it connects: it will not find the new master and give errors after \
             {patience} s"
        )
    }

    fn loopback(&mut self, host: &HostName, seen: String) {
        self.find(
            Code::MasterHostLoopback,
            Some(host),
            seen,
            &refuses_loopback(),
            "give MASTER_HOST in mfschunkserver.cfg a real address".into(),
        );
    }

    fn unresolved(&mut self, host: &HostName, seeker: &Seeker<'_>) {
        let why = match seeker.role {
            Role::Client => {
                format!("{}, and mfsmount of {} ends where it finds nothing", self.old_mounts_look(), self.new_family())
            }
            _ => format!(
                "a {} daemon looks the name up at its start, and ends where it finds nothing, after it has stopped the old one",
                self.new_family()
            ),
        };
        self.find(
            Code::MasterHostUnresolved,
            Some(host),
            format!("{}, and that host finds no IPv4 address behind it", seeker.said),
            &why,
            format!("let the host know {} (/etc/hosts, DNS), or write the master's address", seeker.name),
        );
    }

    /// The near ends of connections on the master's own host to the ports that it serves, and the far ends of those of others.
    fn addresses_of_master(&self) -> BTreeSet<Ipv4Addr> {
        let Some(master) = self.fleet.get(&self.plan.master.host) else { return BTreeSet::new() };
        let near = master.sockets.iter().filter(|s| master.listener(s.local.1).is_some()).map(|s| s.local.0);
        let far = self.fleet.values().flat_map(|facts| &facts.sockets);
        let far = far.filter(|s| !s.listening && master.listener(s.remote.1).is_some()).map(|s| s.remote.0);
        near.chain(far).filter(|address| !address.is_unspecified() && !is_loopback(*address)).collect()
    }
}

/// Addresses behind a name; `None` where nobody asked.
fn addresses(name: &str, facts: &HostFacts) -> Option<Vec<Ipv4Addr>> {
    name.parse().map(|address| vec![address]).ok().or_else(|| facts.names.get(name).cloned())
}

/// The far ends of a host's connections to a master's port.
fn connected(facts: &HostFacts, port: Option<u16>) -> impl Iterator<Item = Ipv4Addr> {
    facts.sockets.iter().filter(move |s| !s.listening && Some(s.remote.1) == port).map(|s| s.remote.0)
}

/// `localhost`, in all its forms.
pub(super) fn is_loopback(address: Ipv4Addr) -> bool {
    address.octets()[0] == 127 && LOOPBACK.contains(&address.octets()[1])
}

/// Whether a MASTER_HOST names its own host, whatever is behind it.
pub(super) fn names_itself(name: &str) -> bool {
    name.parse().map_or_else(|_| name.split('.').next() == Some("localhost"), is_loopback)
}
