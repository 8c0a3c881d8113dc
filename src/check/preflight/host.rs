//! What every host must have, whatever its roles: root, a right clock, programs.

use std::collections::{BTreeMap, BTreeSet};

use super::Check;
use crate::check::Code;
use crate::host::{HostFacts, HostName};
use crate::moosefs::daemon::Role;
use crate::plan::{Access, InstallHow};

/// Beyond it the age of a file, told by one host's clock, means nothing on another.
const CLOCK_SECONDS: u64 = 60;

impl Check<'_> {
    /// Everything that does not depend on what a host is for. Once a host, whatever its roles.
    pub(super) fn hosts(&mut self) {
        let plan = self.plan;
        let mut roles: BTreeMap<&HostName, Vec<(Role, &Access)>> = BTreeMap::new();
        for (host, role, access) in plan.hosts() {
            roles.entry(host).or_default().push((role, access));
        }
        self.clocks_among_hosts();
        for (host, roles) in roles {
            let Some(facts) = self.fleet.get(host) else { continue };
            self.root(host, facts);
            self.local_users(host, facts);
            self.clock(host);
            self.tools(host, &roles, facts);
            self.space(host, &roles, facts);
            self.mounted(host, &roles, facts);
            self.startup(host, facts, &roles);
            self.starters(host, facts);
        }
        self.space_here();
    }

    fn root(&mut self, host: &HostName, facts: &HostFacts) {
        if !facts.root {
            self.find(
                Code::NotRoot,
                Some(host),
                "commands on it do not run as root".into(),
                "installing, starting daemons and mounting need root",
                "set `user = \"root\"` or `become = \"sudo\"` under [ssh]; sudo must not ask for a password".into(),
            );
        }
    }

    /// What local users of the host do that looks like MooseFS, and what they could do to this program.
    fn local_users(&mut self, host: &HostName, facts: &HostFacts) {
        for stranger in &facts.strangers {
            self.find(
                Code::ProcessOfAnother,
                Some(host),
                format!(
                    "process {} is called {} and runs as the user with number {}",
                    stranger.pid,
                    stranger.role.program(),
                    stranger.uid
                ),
                "it is not counted: a daemon's user is `nobody`, `mfs` or the WORKING_USER of its configuration, and a mount is root's",
                match stranger.role {
                    Role::Client => "ask that user to unmount it: it is not remounted, and stays on the old release",
                    _ => "name its user as WORKING_USER in its configuration file, if it is one of this cluster's daemons",
                }
                .into(),
            );
        }
        for (folder, why) in &facts.open {
            self.find(
                Code::WorkDirOpen,
                Some(host),
                format!("work_dir {folder}: {why}"),
                "a local user could change commands that root is about to run, and copies of metadata",
                "choose a `work_dir` under [install] that is root's, below folders of root's (default: /var/lib/mfsupgrade)".into(),
            );
        }
    }

    fn clock(&mut self, host: &HostName) {
        let Some(&ahead) = self.here.clocks.get(host).filter(|ahead| ahead.unsigned_abs() > CLOCK_SECONDS) else {
            return;
        };
        let side = if ahead > 0 { "ahead of" } else { "behind" };
        self.clock_apart(host, format!("its clock is {} s {side} this side's", ahead.unsigned_abs()));
    }

    /// Two hosts may each be near this side's clock, and far from each other's. Where one is off by itself it was named.
    fn clocks_among_hosts(&mut self) {
        let clocks = &self.here.clocks;
        let far = |ahead: i64| ahead.unsigned_abs() > CLOCK_SECONDS;
        let (Some((behind, &least)), Some((before, &most))) =
            (clocks.iter().min_by_key(|(_, ahead)| **ahead), clocks.iter().max_by_key(|(_, ahead)| **ahead))
        else {
            return;
        };
        if far(most - least) && !far(most) && !far(least) {
            let seen = format!("its clock is {} s ahead of that of {behind}", most - least);
            self.clock_apart(before, seen);
        }
    }

    fn clock_apart(&mut self, host: &HostName, seen: String) {
        self.find(
            Code::ClocksApart,
            Some(host),
            seen,
            "how old metadata and the master's own test are is told by clocks, and so are the times in logs",
            "set the clock, here or there, and keep it right (NTP); slew it while daemons run".into(),
        );
    }

    /// Programs that steps call on this host. Nothing is known where none at all was seen.
    fn tools(&mut self, host: &HostName, roles: &[(Role, &Access)], facts: &HostFacts) {
        if facts.tools.is_empty() {
            return;
        }
        let mut missing = BTreeSet::new();
        let mut need = |tool: &'static str| {
            if !facts.tools.contains(tool) {
                missing.insert(tool);
            }
        };
        for tool in ["tar", "sha256sum", "setsid", "flock"] {
            need(tool);
        }
        for (role, access) in roles {
            if matches!(access.install.how, InstallHow::Archive(_)) {
                need("gzip");
                if !facts.tools.contains("cc") {
                    need("gcc");
                }
            }
            if *role == Role::Client {
                need("umount");
            }
        }
        if !missing.is_empty() {
            let names = missing.into_iter().collect::<Vec<_>>().join(", ");
            self.find(
                Code::ToolsMissing,
                Some(host),
                format!("it has no {names}"),
                "a step that calls them would stop the run halfway",
                format!("install {names}"),
            );
        }
    }
}
