//! Chunkservers and clients that the master knows and the plan does not: they would be left behind.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use super::Check;
use crate::check::{ClientSeen, Code, ServerSeen};
use crate::host::HostName;

impl Check<'_> {
    pub(super) fn strangers(
        &mut self,
        chunkservers: &BTreeMap<HostName, ServerSeen>,
        clients: &BTreeMap<HostName, ClientSeen>,
    ) {
        let servers: BTreeSet<Ipv4Addr> = chunkservers.values().map(|s| s.address).collect();
        let hosts: BTreeSet<Ipv4Addr> = clients.values().map(|c| c.address).collect();
        let overview = self.overview;
        for server in overview.chunkservers.iter().filter(|s| !servers.contains(&s.address)) {
            if server.disconnected {
                self.find(
                    Code::ChunkserverGone,
                    None,
                    format!("the master lists chunkserver {} as disconnected", server.address),
                    "chunks may be missing that it has, and it would come back on the old release",
                    "bring it back and into the plan; one that is gone for good is forgotten at the master's restart"
                        .into(),
                );
                continue;
            }
            self.find(
                Code::ChunkserverNotInPlan,
                None,
                format!("the master lists chunkserver {}", server.address),
                "it would be left on the old release, and its chunks count",
                "add it under [[chunkservers]] (with its `address`), or shut it down".into(),
            );
        }
        let strangers: BTreeSet<Ipv4Addr> = overview
            .sessions
            .iter()
            .filter(|s| s.connected)
            .map(|s| s.address)
            .filter(|a| !hosts.contains(a))
            .collect();
        for address in strangers {
            self.find(
                Code::ClientNotInPlan,
                None,
                format!("the master lists a mount on {address}"),
                "it would be left on the old release",
                "add it under [[clients]], or unmount it".into(),
            );
        }
    }
}
