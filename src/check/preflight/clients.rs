//! Clients: known to the master, with mounts that can be changed.

use std::collections::BTreeMap;

use super::{Check, surveyed};
use crate::check::{ClientSeen, Code};
use crate::host::{HostFacts, HostName, MountArguments};
use crate::moosefs::daemon::Role;
use crate::plan::ClientGroup;

impl Check<'_> {
    pub(super) fn clients(&mut self) -> BTreeMap<HostName, ClientSeen> {
        let plan = self.plan;
        let mut seen = BTreeMap::new();
        for group in &plan.clients {
            for host in &group.hosts {
                let Some(facts) = self.host(host, Role::Client, &group.access) else { continue };
                let mounts = self.mounts(group, host, facts);
                let Some(address) = facts.address_towards(plan.master.admin_port) else {
                    self.find(
                        Code::ClientNotConnected,
                        Some(host),
                        format!("it has no connection to a master's port {}", plan.master.admin_port),
                        "after the remount nobody could tell whether the master knows the new mount",
                        "mount it, or take the host out of the plan".into(),
                    );
                    continue;
                };
                seen.insert(host.clone(), ClientSeen { address, mounts });
            }
        }
        seen
    }
}
