//! Metaloggers: none runs in a cluster of 1.5; one that does is of this line and runs once.

use std::collections::BTreeMap;

use super::Check;
use crate::check::{Code, MetaloggerSeen};
use crate::host::HostName;
use crate::moosefs::daemon::Role;

impl Check<'_> {
    pub(super) fn metaloggers(&mut self) -> BTreeMap<HostName, MetaloggerSeen> {
        let plan = self.plan;
        let mut seen = BTreeMap::new();
        for logger in &plan.metaloggers {
            let host = &logger.host;
            if *host == plan.master.host {
                self.find(
                    Code::MetaloggerOnMaster,
                    Some(host),
                    "the metalogger is on the master's own host".into(),
                    "what takes the host away takes the metadata and its only copy away",
                    "put a metalogger on another host as well".into(),
                );
            }
            let Some(facts) = self.facts(host, Role::Metalogger, &logger.access) else { continue };
            let mut here = MetaloggerSeen { version: None, data_path: None };
            if facts.daemon(Role::Metalogger).is_some() {
                let Some(process) = self.daemon(host, Role::Metalogger, &logger.access, facts) else { continue };
                here = MetaloggerSeen { version: process.version.clone(), data_path: self.data_path(host, process) };
            }
            self.metalogger_config(host, &logger.access, facts);
            seen.insert(host.clone(), here);
        }
        seen
    }
}
