//! A daemon that runs once, from the prefix, in a release of this line, without a configuration of its own.

use semver::Version;

use super::Check;
use crate::check::Code;
use crate::host::{AbsPath, HostFacts, HostName, Process};
use crate::moosefs::daemon::{Role, config_argument};
use crate::plan::Access;

impl<'a> Check<'a> {
    /// The facts of a host, with what is checked for every role on it.
    pub(super) fn facts(&mut self, host: &HostName, role: Role, access: &Access) -> Option<&'a HostFacts> {
        let facts = self.fleet.get(host)?;
        self.install(host, role, access, facts);
        Some(facts)
    }

    pub(super) fn daemon(
        &mut self,
        host: &HostName,
        role: Role,
        access: &Access,
        facts: &'a HostFacts,
    ) -> Option<&'a Process> {
        let running: Vec<_> = facts.processes.iter().filter(|p| p.role == role).collect();
        let program = role.program();
        let [process] = running[..] else {
            let seen = match running.len() {
                0 => format!("no {program} runs"),
                n => format!("{n} {program} run"),
            };
            self.find(
                if running.is_empty() { Code::DaemonNotRunning } else { Code::DaemonRunsTwice },
                Some(host),
                seen,
                "the new daemon takes over from exactly one running daemon; otherwise its success cannot be checked",
                format!("make the {role} run once, or take the host out of the plan"),
            );
            return None;
        };
        let path = access.install.prefix.join(role.path_in_prefix());
        let exe = process.exe.trim_end_matches(" (deleted)");
        if exe != path.as_str() {
            self.find(
                Code::PrefixDiffers,
                Some(host),
                format!("the running {program} is {exe}"),
                "the new release would be installed beside it, with its files elsewhere",
                format!("set the prefix under [install] so that {path} is the running daemon's"),
            );
        }
        if config_argument(&process.arguments).is_some() {
            self.find(
                Code::CustomConfig,
                Some(host),
                format!("{program} runs with `{}`", process.arguments.join(" ")),
                "the new daemon would be started without that configuration file",
                format!("move the file to {}/etc/{program}.cfg and restart without -c", access.install.prefix),
            );
        }
        self.version(host, process)?;
        Some(process)
    }

    pub(super) fn version(&mut self, host: &HostName, process: &Process) -> Option<Version> {
        let (from, to) = (&self.plan.upgrade.from, &self.plan.upgrade.to);
        let program = process.role.program();
        match &process.version {
            Some(version) if version == from || version == to => Some(version.clone()),
            other => {
                let is = other.as_ref().map_or("tells no version".to_owned(), |v| format!("is {v}"));
                self.find(
                    Code::VersionDiffers,
                    Some(host),
                    format!("the running {program} {is}"),
                    "rules and facts are those of the releases that the plan names",
                    format!("set `from` under [upgrade] to what runs; all hosts must run it or {to}"),
                );
                None
            }
        }
    }

    /// A daemon's working folder is its DATA_PATH.
    pub(super) fn data_path(&mut self, host: &HostName, process: &Process) -> Option<AbsPath> {
        let path = AbsPath::new(&process.cwd).ok();
        if path.is_none() {
            self.find(
                Code::DataPathUnreadable,
                Some(host),
                format!("the working folder of {} is `{}`", process.role.program(), process.cwd),
                "nobody could tell whether the new daemon runs on the same data",
                "let the commands run as root, and use a DATA_PATH of plain characters".into(),
            );
        }
        path
    }
}
