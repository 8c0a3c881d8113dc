//! Chunkservers and clients that the master knows and the plan does not: they would be left behind.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use super::Check;
use crate::check::{ClientSeen, Code, ServerSeen};
use crate::host::HostName;
use crate::moosefs::daemon::{MASTER_CHUNKSERVER_PORT, Role};

impl Check<'_> {
    pub(super) fn strangers(
        &mut self,
        chunkservers: &BTreeMap<HostName, ServerSeen>,
        clients: &BTreeMap<HostName, ClientSeen>,
    ) {
        let (servers, unseen_servers) = self.servers_of_plan(chunkservers);
        let (hosts, unseen_hosts) = self.hosts_of_plan(clients);
        let overview = self.overview;
        let strange = overview.chunkservers.iter().filter(|s| !servers.contains(&s.address));
        let (gone, strange): (Vec<_>, Vec<_>) = strange.partition(|s| s.disconnected);
        // a connected one may be a server of the plan that was not looked at, a disconnected one also a server of the plan
        // that is down: each of those has a finding of its own
        let down = self.down_servers(chunkservers);
        let not_seen = unseen_servers.saturating_sub(down);
        let strange = if strange.len() <= not_seen { vec![] } else { strange };
        let gone = if gone.len() <= down + not_seen { vec![] } else { gone };
        for address in gone.iter().map(|s| s.address) {
            self.find(
                Code::ChunkserverGone,
                None,
                format!("the master lists chunkserver {address} as disconnected"),
                "it may hold the only copy of a chunk, and it would come back on the old release",
                "start it and add it under [[chunkservers]]; if it is gone for good, the master forgets it at its restart"
                    .into(),
            );
        }
        for address in strange.iter().map(|s| s.address) {
            self.find(
                Code::ChunkserverNotInPlan,
                None,
                format!("the master lists chunkserver {address}"),
                "it would stay on the old release, and its chunks count",
                "add it under [[chunkservers]], with its `address` where the master knows it by another one".into(),
            );
        }
        let strangers: BTreeSet<Ipv4Addr> = overview
            .sessions
            .iter()
            .filter(|s| s.connected)
            .map(|s| s.address)
            .filter(|a| !hosts.contains(a))
            .collect();
        if strangers.len() <= unseen_hosts {
            return;
        }
        for address in strangers {
            self.find(
                Code::ClientNotInPlan,
                None,
                format!("the master lists a mount on {address}"),
                "it would stay on the old release",
                "add it under [[clients]], or unmount it".into(),
            );
        }
    }

    /// The addresses of the plan's chunkservers, and how many of them have none that is known.
    fn servers_of_plan(&self, seen: &BTreeMap<HostName, ServerSeen>) -> (BTreeSet<Ipv4Addr>, usize) {
        let known = self.plan.chunkservers.iter().map(|server| {
            let seen = seen.get(&server.host).map(|seen| seen.address).or(server.address);
            seen.or_else(|| server.host.as_str().parse().ok()).or_else(|| {
                self.fleet.get(&server.host).and_then(|facts| facts.address_towards(MASTER_CHUNKSERVER_PORT))
            })
        });
        addresses(known)
    }

    /// How many of the plan's chunkservers were looked at and do not run; those whose address the plan gives are known by it.
    fn down_servers(&self, seen: &BTreeMap<HostName, ServerSeen>) -> usize {
        let unknown = self.plan.chunkservers.iter().filter(|s| s.address.is_none() && !seen.contains_key(&s.host));
        let facts = unknown.filter_map(|server| self.fleet.get(&server.host));
        facts.filter(|facts| !facts.processes.iter().any(|p| p.role == Role::Chunkserver)).count()
    }

    /// The same for the hosts of clients.
    fn hosts_of_plan(&self, seen: &BTreeMap<HostName, ClientSeen>) -> (BTreeSet<Ipv4Addr>, usize) {
        let port = self.plan.master.admin_port;
        let hosts = self.plan.clients.iter().flat_map(|group| &group.hosts);
        let known = hosts.map(|host| {
            let seen = seen.get(host).map(|seen| seen.address).or_else(|| host.as_str().parse().ok());
            seen.or_else(|| self.fleet.get(host).and_then(|facts| facts.address_towards(port)))
        });
        addresses(known)
    }
}

/// Those that are known, and how many are not.
fn addresses(of: impl Iterator<Item = Option<Ipv4Addr>>) -> (BTreeSet<Ipv4Addr>, usize) {
    let all: Vec<_> = of.collect();
    let unknown = all.iter().filter(|address| address.is_none()).count();
    (all.into_iter().flatten().collect(), unknown)
}
