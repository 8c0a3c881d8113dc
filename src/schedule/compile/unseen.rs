//! What a preview says in place of steps that only the hosts can tell: each line of it has a `#`.

use super::super::model::{Phase, Step};
use super::{Compiler, join};
use crate::host::HostName;
use crate::moosefs::config::{config_path, disks_paths, exports_paths};
use crate::moosefs::daemon::Role;
use crate::moosefs::exports::ALLOWS_ALL;
use crate::plan::{Access, Busy, ClientGroup, Exports};
use crate::step::{Action, ConfigureFound, RemountFound};

impl Compiler<'_> {
    /// Without an observation nobody knows what a daemon was told, or whether anything has to be written. A mount has no file
    /// of which anything is carried over.
    pub(super) fn configure_unseen(&self, phase: Phase, host: &HostName, role: Role, access: &Access) -> Option<Step> {
        if self.observation.is_some() || role == Role::Client {
            return None;
        }
        let to = &self.plan.upgrade.to;
        let path = |path: &str| access.install.prefix.join(path);
        let main = path(config_path(role, to));
        let mut lines = Vec::new();
        match role {
            Role::Metalogger => {
                let name = self.plan.config.master_host.as_ref();
                let name = name.map_or_else(|| "the master as chunkservers do".to_owned(), ToString::to_string);
                lines.push(format!("# {main}: names {name}; with its difference from what is there"));
            }
            _ => lines.push(format!("# {main}: carried over as found on the host, with its difference")),
        }
        if role == Role::Chunkserver {
            lines.push(format!("# {}: likewise", path(disks_paths(to)[0])));
        }
        if role == Role::Master {
            lines.extend(self.exports_unseen().map(|text| format!("# {}: {text}", path(exports_paths(to)[0]))));
        }
        let mut step = self.step(format!("{phase}/{host}/configure"), Action::ConfigureFound(ConfigureFound { role }));
        step.commands = lines;
        Some(step)
    }

    /// What is known of the exports: what the plan says. Where it says nothing those on the host stay as they are.
    fn exports_unseen(&self) -> Option<String> {
        let rules = |text: &str| {
            let rules = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
            let words = |rule: &str| rule.split_whitespace().collect::<Vec<_>>().join(" ");
            rules.map(words).collect::<Vec<_>>().join("; ")
        };
        match self.plan.config.exports.as_ref()? {
            Exports::LikeV15 => {
                let (old, rules) = (self.line.from, rules(ALLOWS_ALL));
                Some(format!("what {old} allowed ({rules}), with its difference from what is there"))
            }
            Exports::File { path, .. } => {
                Some(format!("{} of the plan, with its difference from what is there", path.display()))
            }
        }
    }

    /// Without an observation nobody knows which master and options a mount was given.
    pub(super) fn remount_unseen(&self, host: &HostName, group: &ClientGroup) -> Step {
        let mut step = self.step(format!("{}/{host}/remount", Phase::Clients), Action::RemountFound(RemountFound {}));
        step.way_back = self.line.hard_to_undo(Role::Client).map(str::to_owned);
        let program = group.access.install.prefix.join(Role::Client.path_in_prefix());
        let points = group.mounts.as_ref().map_or("MOUNT".to_owned(), |m| join(m));
        let in_use = match group.busy {
            Busy::Fail => String::new(),
            Busy::Skip => "; one in use is skipped".to_owned(),
            Busy::Wait(time) => format!("; one in use is waited for, {} s at most", time.as_secs()),
        };
        step.commands = vec![
            match group.lazy_unmount {
                false => format!("umount {points}   # one command a mount, as found on the host{in_use}"),
                true => format!(
                    "umount {points} || umount -l {points}   # one command a mount, as found on the host{in_use}"
                ),
            },
            match &group.mount_options {
                None => format!("{program} {points} …   # with the master and options of the mount that was there"),
                Some(options) => {
                    format!(
                        "{program} {points} … -o {}   # with the master of the mount that was there",
                        options.join(",")
                    )
                }
            },
        ];
        step
    }
}
