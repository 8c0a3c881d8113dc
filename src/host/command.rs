//! Everything that changes a host, typed, and its rendering to POSIX sh. PURE.
//!
//! Two rules that facts dictate: a daemon is started without a verb and stopped with `-s`, since verbs restart or kill a
//! 1.5 daemon and exit 0 (`mfsmaster/main.c` @ 1.5.12; `test` of 1.6.23-1.6.27 kills a running 1.5 daemon). And only
//! binaries whose version was looked at before are ever called.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::AbsPath;
use super::mount_options::MountArguments;
use super::shell::quote;
use crate::moosefs::daemon::Role;

/// One command that changes something on a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case")]
pub enum Command {
    /// `make install` in a configured and built tree.
    MakeInstall {
        /// The tree.
        source_dir: AbsPath,
    },
    /// The operator's own install command, as it stands in the plan.
    InstallCommand {
        /// Shell text, by the operator's intent.
        text: String,
    },
    /// The new release's daemon without a verb: it stops the previous one itself and takes its place ("takeover").
    Start {
        /// Which daemon: master or chunkserver.
        role: Role,
        /// The installation prefix.
        prefix: AbsPath,
        /// How long the new daemon waits for the previous one's end (`-t`); releases below 1.6.9 know no such option.
        patience: Option<Duration>,
    },
    /// The new release's `mfsmaster -s`: stops whatever master runs, 1.5's too, and then may exit 1 (field notes).
    StopMaster {
        /// The installation prefix.
        prefix: AbsPath,
        /// How long it waits for the master's end (`-t`), likewise.
        patience: Option<Duration>,
    },
    /// `umount`, never lazy, never by force.
    Unmount {
        /// The mount point.
        mount: AbsPath,
    },
    /// `mfsmount` of the new release.
    Mount {
        /// The installation prefix.
        prefix: AbsPath,
        /// Mount point, master and options.
        arguments: MountArguments,
    },
}

impl Command {
    /// The command as POSIX sh, as `plan` shows it and `upgrade` runs it.
    #[must_use]
    pub fn script(&self) -> String {
        match self {
            Self::MakeInstall { source_dir } => format!("cd {} && make install", quote(source_dir.as_str())),
            Self::InstallCommand { text } => format!("/bin/sh -c {}", quote(text)),
            Self::Start { role, prefix, patience } => {
                format!("{}{}", quote(prefix.join(role.path_in_prefix()).as_str()), wait_option(*patience))
            }
            Self::StopMaster { prefix, patience } => {
                format!("{}{} -s", quote(prefix.join(Role::Master.path_in_prefix()).as_str()), wait_option(*patience))
            }
            Self::Unmount { mount } => format!("umount {}", quote(mount.as_str())),
            Self::Mount { prefix, arguments } => {
                let program = prefix.join(Role::Client.path_in_prefix());
                let words = arguments.to_1_6();
                std::iter::once(program.as_str())
                    .chain(words.iter().map(String::as_str))
                    .map(|word| quote(word).into_owned())
                    .collect::<Vec<_>>()
                    .join(" ")
            }
        }
    }
}

fn wait_option(patience: Option<Duration>) -> String {
    patience.map(|p| format!(" -t {}", p.as_secs())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> AbsPath {
        AbsPath::new(text).unwrap()
    }

    #[test]
    fn commands_are_those_of_the_howto() {
        let prefix = path("/usr/local");
        let patience = Some(Duration::from_secs(1800));
        let scripts = [
            Command::MakeInstall { source_dir: path("/usr/src/mfs-1.6.27") },
            Command::Start { role: Role::Master, prefix: prefix.clone(), patience },
            Command::Start { role: Role::Chunkserver, prefix: prefix.clone(), patience },
            Command::StopMaster { prefix: prefix.clone(), patience },
            Command::Unmount { mount: path("/mnt/mfs") },
        ]
        .map(|c| c.script());
        assert_eq!(
            scripts,
            [
                "cd /usr/src/mfs-1.6.27 && make install",
                "/usr/local/sbin/mfsmaster -t 1800",
                "/usr/local/sbin/mfschunkserver -t 1800",
                "/usr/local/sbin/mfsmaster -t 1800 -s",
                "umount /mnt/mfs",
            ]
        );
    }

    #[test]
    fn an_install_command_is_one_word_to_the_shell_around_it() {
        let text = "apt-get install -y mfs && echo 'done' # (";
        let script = Command::InstallCommand { text: text.to_owned() }.script();
        assert_eq!(shlex::split(&script).unwrap(), ["/bin/sh", "-c", text]);
    }
}
