//! The old release's programs on disk: what is kept of them is the way back.

use std::collections::{BTreeMap, BTreeSet};

use super::{Check, surveyed};
use crate::check::Code;
use crate::host::HostName;
use crate::moosefs::daemon::Role;

impl Check<'_> {
    /// Old daemons and mounts that run from programs which are not on disk any more: somebody has installed the new release
    /// beforehand, and a copy made now would keep that.
    pub(super) fn old_programs(&mut self) -> BTreeMap<HostName, BTreeSet<Role>> {
        let plan = self.plan;
        let (from, to) = (&plan.upgrade.from, &plan.upgrade.to);
        let mut without: BTreeMap<HostName, BTreeSet<Role>> = BTreeMap::new();
        for (host, role, access) in plan.hosts() {
            let Some(facts) = self.fleet.get(host).filter(|facts| surveyed(facts)) else { continue };
            let runs = facts.processes.iter().any(|p| p.role == role && p.version.as_ref() == Some(from));
            let installed = facts.installed_version(&access.install.prefix, role);
            // an earlier run may have kept it before it replaced it
            let kept = || facts.lacks_kept(&access.install.kept(from, to), role, from).is_none();
            if role == Role::Metalogger || !runs || installed == Some(from) || kept() {
                continue;
            }
            let program = access.install.prefix.join(role.path_in_prefix());
            let is =
                installed.map_or("is not there, or tells no version".to_owned(), |version| format!("is {version}"));
            self.find(
                Code::OldProgramsGone,
                Some(host),
                format!("its {} runs {from}, and {program} {is}", role.program()),
                "the run keeps what is on disk for the way back: `mfsupgrade rollback` could not bring this host back",
                format!(
                    "install {from} again there (`make install` in its tree; what runs goes on), or acknowledge this code and install it by \
                     hand if you ever go back"
                ),
            );
            without.entry(host.clone()).or_default().insert(role);
        }
        without
    }
}
