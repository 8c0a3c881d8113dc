//! What the hosts of a plan tell while its master does not answer: all that is held against nothing of the master's.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::Check;
use crate::check::{Code, Finding};
use crate::host::HostFacts;
use crate::moosefs::Overview;
use crate::moosefs::config::{ConfigText, client_port, paths_read};
use crate::moosefs::daemon::Role;
use crate::moosefs::wire::{FileTest, Info, Layout};
use crate::plan::Plan;

/// Stands where no check of this part looks.
pub(super) static NO_ANSWER: Overview = Overview {
    info: Info {
        version: None,
        layout: Layout::V15,
        total_space: 0,
        available_space: 0,
        inodes: 0,
        directories: 0,
        files: 0,
        chunks: 0,
        copies: None,
    },
    chunkservers: Vec::new(),
    sessions: Vec::new(),
    matrix: None,
    file_test: FileTest {
        started: 0,
        ended: 0,
        files: 0,
        under_goal_files: 0,
        missing_files: 0,
        chunks: 0,
        under_goal_chunks: 0,
        missing_chunks: 0,
    },
    metaloggers: None,
};

/// A master that does not answer: `code` and `reason` say how. Where its own configuration has another port than the plan, that is
/// most likely why.
#[must_use]
pub fn silent(plan: &Plan, facts: &HostFacts, code: Code, reason: String) -> Finding {
    let (host, asked) = (&plan.master.host, plan.master.admin_port);
    if code == Code::ForwardingRefused {
        let why = "this program asks the master through a forwarded port: gates could not be judged. The master itself was not asked, \
                   and nothing is wrong with it as far as is known";
        return Finding::new(code, Some(host), reason, why, let_forward(facts, asked));
    }
    let todo = match configured_port(plan, facts).filter(|(_, port)| *port != asked) {
        Some((path, port)) => format!("set `admin_port = {port}` under [master], since {path} says so; or start it"),
        None => "start it, or correct [master] host and admin_port".to_owned(),
    };
    Finding::new(code, Some(host), reason, "every gate asks the master", todo)
}

/// What sshd's configuration must allow.
fn let_forward(facts: &HostFacts, port: u16) -> String {
    let address = facts.listener(port).filter(|address| !address.is_unspecified()).unwrap_or(Ipv4Addr::LOCALHOST);
    format!(
        "in that host's sshd_config set `AllowTcpForwarding local` for this login, and `PermitOpen {address}:{port}` if it has a PermitOpen \
         (no `DisableForwarding yes`); if the login's key has `restrict`, `no-port-forwarding` or `permitopen=` in authorized_keys, add \
         `port-forwarding,permitopen=\"{address}:{port}\"` there; then reload sshd. Do not restart the master for this"
    )
}

/// Where a master of the release that runs, or else of the old one, listens by its configuration file.
fn configured_port(plan: &Plan, facts: &HostFacts) -> Option<(String, u16)> {
    let runs = facts.daemon(Role::Master).and_then(|process| process.version.as_ref());
    let release = runs.unwrap_or(&plan.upgrade.from);
    let paths = paths_read(Role::Master, release).iter();
    let mut paths = paths.map(|path| plan.master.access.install.prefix.join(path).to_string());
    let (path, file) = paths.find_map(|path| Some((path.clone(), facts.files.get(&path)?)))?;
    let config = ConfigText::parse(&file.text);
    let keys: Vec<_> = config.definitions(release).map(|(_, key, value)| (key.to_owned(), value.to_owned())).collect();
    Some((path, client_port(release, &keys)?))
}

impl Check<'_> {
    /// Every host for itself. Connections are not looked at: that there are none follows from the master's silence.
    pub(super) fn alone(&mut self) {
        let plan = self.plan;
        self.master_process();
        self.metaloggers();
        self.exports(&BTreeMap::new());
        for (host, role, access) in plan.hosts() {
            if matches!(role, Role::Master | Role::Metalogger) {
                continue;
            }
            let Some(facts) = self.facts(host, role, access) else { continue };
            if role == Role::Chunkserver
                && let Some(process) = self.daemon(host, role, access, facts)
            {
                self.config_of(host, access, process, facts);
                self.name_of_master(host, access, process, facts);
                self.data_path(host, process);
            }
        }
    }
}
