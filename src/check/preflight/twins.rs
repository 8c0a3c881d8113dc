//! Names of the plan that lead to one machine: every rule that goes by hosts would hold for none of them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use super::{Check, Fleet};
use crate::check::{Code, Finding, ServerSeen};
use crate::host::HostName;
use crate::host::identity::{Identity, is_named, is_one_machine};
use crate::plan::Plan;

const WHY: &str = "a run works on every name by itself: what is done to one machine would be done twice, two at once where they are side \
                   by side, and one server would be counted as two";

/// Names that lead to one machine.
struct Twins<'a> {
    names: Vec<&'a HostName>,
    /// The one that the machine has itself, or else the first.
    own: &'a HostName,
}

impl Check<'_> {
    /// One error for each machine that has several names, in the place of all that follows from them.
    pub(super) fn twins(&mut self) {
        let (plan, fleet) = (self.plan, self.fleet);
        let twins = of(plan, fleet);
        self.findings.retain(|finding| !follows(finding, &twins));
        for Twins { names, own } in &twins {
            let identity = fleet.get(*own).map(Identity::of).unwrap_or_default();
            self.find(
                Code::SameMachineTwice,
                None,
                format!("{} lead to one machine: {identity}", self.with_roles(names)),
                WHY,
                format!(
                    "write this machine under one name in all of its roles, for example {own}; if these are to be different machines, \
                     correct where the other name leads (ssh_config, DNS, /etc/hosts)"
                ),
            );
        }
    }

    /// Machines of their own that share one address: their master knows them apart by their ports, and this program does not.
    pub(super) fn one_address(&mut self, seen: &BTreeMap<HostName, ServerSeen>) {
        let mut at: BTreeMap<Ipv4Addr, Vec<&HostName>> = BTreeMap::new();
        for (host, server) in seen {
            at.entry(server.address).or_default().push(host);
        }
        let twins = of(self.plan, self.fleet);
        for (address, names) in at.into_iter().filter(|(_, names)| names.len() > 1) {
            if !twins.iter().any(|twins| names.iter().all(|name| twins.names.contains(name))) {
                self.find(
                    Code::SameMachineTwice,
                    None,
                    format!("the master knows {} by one address, {address}", self.with_roles(&names)),
                    WHY,
                    "write the host once; if these are two chunkservers, give each an address of its own (BIND_HOST or its \
                     own network), or its `address` in the plan if the master knows it by another one"
                        .into(),
                );
            }
        }
    }

    /// `cs1 (chunkserver, client) and cs1b (chunkserver)`
    fn with_roles(&self, names: &[&HostName]) -> String {
        let roles = |name: &HostName| {
            let roles: Vec<_> =
                self.plan.hosts().filter(|(host, ..)| *host == name).map(|(_, role, _)| role.to_string()).collect();
            roles.join(", ")
        };
        let told: Vec<_> = names.iter().map(|name| format!("{name} ({})", roles(name))).collect();
        told.join(" and ")
    }
}

/// Whether this name of the plan leads to a machine that another one leads to.
#[must_use]
pub fn is_twin(plan: &Plan, fleet: &Fleet, host: &HostName) -> bool {
    of(plan, fleet).iter().any(|twins| twins.names.contains(&host))
}

fn of<'a>(plan: &'a Plan, fleet: &Fleet) -> Vec<Twins<'a>> {
    let mut met = BTreeSet::new();
    let mut groups: Vec<Vec<&HostName>> = Vec::new();
    for (host, ..) in plan.hosts().filter(|(host, ..)| met.insert(*host)) {
        let Some(facts) = fleet.get(host) else { continue };
        let same = |group: &&mut Vec<&HostName>| is_one_machine(&fleet[group[0]], facts);
        match groups.iter_mut().find(same) {
            Some(group) => group.push(host),
            None => groups.push(vec![host]),
        }
    }
    let several = groups.into_iter().filter(|names| names.len() > 1);
    let with_own = |names: Vec<&'a HostName>| {
        let is_own = |name: &&&HostName| is_named(name.as_str(), &fleet[**name].hostname);
        let own = names.iter().find(is_own).copied().unwrap_or(names[0]);
        Twins { names, own }
    };
    several.map(with_own).collect()
}

/// Whether it is nothing but what two names of one machine make of it: found twice, missing where a name does not lead, or told
/// of a machine to which no name leads. Whatever else there is comes to light when the names are right.
fn follows(finding: &Finding, twins: &[Twins<'_>]) -> bool {
    let Some(host) = &finding.host else {
        let led_away = [Code::ChunkserverNotInPlan, Code::ChunkserverGone, Code::ClientNotInPlan];
        return !twins.is_empty() && led_away.contains(&finding.code);
    };
    let not_there = [
        Code::DaemonNotRunning,
        Code::AdminPortNotListening,
        Code::ChunkserverNotConnected,
        Code::ClientNotConnected,
        Code::MountMissing,
    ];
    let of_host = twins.iter().find(|twins| twins.names.contains(&host));
    of_host.is_some_and(|twins| host != twins.own || not_there.contains(&finding.code))
}
