//! Metaloggers: none runs in a cluster of 1.5; one that does is of this line and runs once.

use std::collections::BTreeMap;

use super::config::Move;
use super::names::{DEFAULT_NAME, Seeker, names_itself};
use super::{Check, surveyed};
use crate::check::{Code, MetaloggerSeen};
use crate::host::{HostFacts, HostName};
use crate::moosefs::config::{Need, carry, config_path, paths_read};
use crate::moosefs::daemon::Role;
use crate::plan::Access;

impl Check<'_> {
    pub(super) fn metaloggers(&mut self) -> BTreeMap<HostName, MetaloggerSeen> {
        let plan = self.plan;
        let mut seen = BTreeMap::new();
        for logger in &plan.metaloggers {
            let host = &logger.host;
            let Some(facts) = self.facts(host, Role::Metalogger, &logger.access) else { continue };
            let mut here = MetaloggerSeen { version: None, data_path: None };
            if facts.daemon(Role::Metalogger).is_some() {
                let Some(process) = self.daemon(host, Role::Metalogger, &logger.access, facts) else { continue };
                here = MetaloggerSeen { version: process.version.clone(), data_path: self.data_path(host, process) };
            }
            if here.version.as_ref() != Some(&plan.upgrade.to) {
                self.metalogger_config(host, &logger.access, facts);
            }
            seen.insert(host.clone(), here);
        }
        seen
    }

    /// A metalogger's configuration names its master; whatever else is in a file that is there stays. It is the file that the
    /// new release would read: what is written where that looks first would keep it from looking further.
    fn metalogger_config(&mut self, host: &HostName, access: &Access, facts: &HostFacts) {
        let Some(name) = self.master_name(host) else { return };
        let said = format!("it will be given MASTER_HOST = {name}");
        self.finds_master(host, facts, &Seeker { role: Role::Metalogger, name: &name, said, port: None });
        let to = &self.plan.upgrade.to;
        let path = access.install.prefix.join(config_path(Role::Metalogger, to));
        let read = paths_read(Role::Metalogger, to).iter().map(|path| access.install.prefix.join(path));
        let there = read.filter_map(|path| Some((path.to_string(), facts.files.get(path.as_str())?))).next();
        let text = there.as_ref().map_or("", |(_, file)| file.text.as_str());
        let mut needs = vec![need("MASTER_HOST", name, "the master that it keeps copies for")];
        let master = &self.plan.master;
        let of_master = self.fleet.get(&master.host);
        let future = of_master.and_then(|facts| self.future(&master.host, Role::Master, &master.access, facts));
        if let Some(port) = future.as_ref().and_then(|(_, config)| config.get("MATOML_LISTEN_PORT", to)) {
            needs.push(need("MASTER_PORT", port.to_owned(), "where that master listens for metaloggers"));
        }
        match carry(Role::Metalogger, to, to, text, None, &needs) {
            Err(e) => self.unreadable(host, format!("{path}: {e}")),
            Ok(carried) => {
                let from = there.as_ref().map(|(path, file)| (path.as_str(), *file));
                self.moves(host, Move { role: Role::Metalogger, from, to: path.clone(), text: carried.text }, facts);
            }
        }
    }

    /// The master's name for a metalogger: the plan's, or what all chunkservers say. `None` where nobody looked.
    fn master_name(&mut self, host: &HostName) -> Option<String> {
        let plan = self.plan;
        if let Some(name) = &plan.config.master_host {
            return Some(name.to_string());
        }
        let mut names: BTreeMap<String, Vec<&HostName>> = BTreeMap::new();
        for server in &plan.chunkservers {
            let Some(facts) = self.fleet.get(&server.host) else { continue };
            let Some(process) = facts.daemon(Role::Chunkserver) else { continue };
            let name = match self.old(&server.access, process, facts) {
                // told of by its own finding
                Some(old) if old.file.is_none() && surveyed(facts) => continue,
                Some(old) => old.get("MASTER_HOST").unwrap_or(DEFAULT_NAME).to_owned(),
                None => match self.future(&server.host, Role::Chunkserver, &server.access, facts) {
                    Some((_, config)) => config.get("MASTER_HOST", &plan.upgrade.to).unwrap_or(DEFAULT_NAME).to_owned(),
                    None => continue,
                },
            };
            names.entry(name).or_default().push(&server.host);
        }
        match names.len() {
            0 => None,
            1 if !names_itself(names.keys().next().expect("one")) => names.pop_first().map(|(name, _)| name),
            _ => {
                let said = names.iter().map(|(name, hosts)| match hosts.len() {
                    1 => format!("{name} on {}", hosts[0]),
                    n => format!("{name} on {} and {} more", hosts[0], n - 1),
                });
                let said = said.collect::<Vec<_>>().join(", ");
                self.find(
                    Code::MasterHostUnclear,
                    Some(host),
                    format!("which MASTER_HOST the metalogger shall have is not clear; the chunkservers say {said}"),
                    "a metalogger that does not reach its master keeps nothing, and nobody notices",
                    "set `master_host` under [config]".into(),
                );
                None
            }
        }
    }
}

fn need(key: &str, value: String, why: &str) -> Need {
    Need { key: key.to_owned(), value, why: why.to_owned() }
}
