//! Everything that changes a host, typed, and its rendering to POSIX sh. PURE.
//!
//! Two rules that facts dictate: a daemon is started without a verb and stopped with `-s`, since verbs restart or kill a
//! 1.5 daemon and exit 0 (`mfsmaster/main.c` @ 1.5.12; `test` of 1.6.23-1.6.27 kills a running 1.5 daemon). And only
//! binaries whose version was looked at before are ever called.

use std::time::Duration;

use semver::Version;
use serde::{Deserialize, Serialize};

use super::metadata::{Snapshot, Trial};
use super::mount_options::MountArguments;
use super::sh::{Script, sh};
use super::{AbsPath, Turn, back, samples};
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
    /// One of these two on a host of several roles: the programs of roles whose turn is to come stay the old ones.
    InTurn {
        /// What brings the programs of all of them.
        install: Box<Command>,
        /// Whose turn it is.
        turn: Turn,
    },
    /// [`Command::MakeInstall`] of a release that would put samples where daemons look for their configuration.
    KeepingConfig {
        /// The installation.
        install: Box<Command>,
        /// The installation prefix.
        prefix: AbsPath,
        /// A folder of this program's own, for the time that it takes.
        aside: AbsPath,
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
    /// The new release's `mfsmaster -s`: stops whatever master runs, 1.5's too, and then may exit 1 (seen with 1.6.27 against 1.5.12).
    StopMaster {
        /// The installation prefix.
        prefix: AbsPath,
        /// How long it waits for the master's end (`-t`), likewise.
        patience: Option<Duration>,
    },
    /// The new release's own program with `-s`: stops its daemon, before the old release's programs take its place.
    Stop {
        /// Which daemon.
        role: Role,
        /// The installation prefix.
        prefix: AbsPath,
        /// How long it waits for the daemon's end (`-t`), likewise.
        patience: Option<Duration>,
    },
    /// The old release's daemon without a verb or an option, where none runs: 1.5 knows no other way that is safe.
    StartOld {
        /// Which daemon.
        role: Role,
        /// The installation prefix.
        prefix: AbsPath,
    },
    /// Brings back what [`Command::Keep`] kept.
    Restore {
        /// The installation prefix.
        prefix: AbsPath,
        /// The tar file.
        file: AbsPath,
        /// Only these paths below the prefix; none: everything, and what the installation added is removed.
        only: Vec<String>,
    },
    /// Brings back what [`Command::PutInPlace`] replaced.
    PutBack {
        /// The file.
        file: AbsPath,
        /// Where what was there is kept; `None`: nothing was there.
        beside: Option<AbsPath>,
        /// Where what is there now goes.
        aside: AbsPath,
    },
    /// Moves the chunks of a stopped chunkserver to the folders of 1.5.
    FoldersBack {
        /// Its disks.
        disks: Vec<AbsPath>,
    },
    /// `mfsmount` of the old release.
    MountOld {
        /// The installation prefix.
        prefix: AbsPath,
        /// Mount point, master and options.
        arguments: MountArguments,
    },
    /// `umount`, never by force.
    Unmount {
        /// The mount point.
        mount: AbsPath,
        /// Whether a mount that umount refuses to take is taken out of the folders all the same: whoever uses it goes on in it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        lazy: bool,
    },
    /// Unpacks an archive of this program's own into a tree, configures and builds it. A tree that was begun is removed
    /// first: half a build is none.
    Build {
        /// The archive, as it was copied to the host.
        archive: AbsPath,
        /// Where its one top folder's contents go.
        tree: AbsPath,
        /// Arguments of `./configure`.
        configure: Vec<String>,
        /// Whose programs must come of it.
        roles: Vec<Role>,
        /// Of which release they must be. `None`: in a schedule that was written before this was looked at.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        release: Option<Version>,
        /// A file that is written last: a tree without it is not whole.
        mark: AbsPath,
        /// What the mark says: from what it was built, and how.
        mark_text: String,
    },
    /// Copies what an installation replaces into one tar file. Once: a file that is there already is from before, and stays.
    Keep {
        /// The installation prefix.
        prefix: AbsPath,
        /// The tar file.
        file: AbsPath,
        /// Configuration files that will be written later, with the SHA-256 of what must be there now (`None`: nothing):
        /// one that was changed since it was shown is found here, while everything still runs.
        shown: Vec<(AbsPath, Option<String>)>,
    },
    /// Puts a configuration file in its place that was copied to the host before; what was there is kept beside it.
    PutInPlace {
        /// The copy.
        copy: AbsPath,
        /// The file.
        file: AbsPath,
        /// SHA-256 of the copy.
        sha256: String,
        /// Permission bits.
        mode: u32,
        /// `OWNER:GROUP`.
        owner: String,
        /// SHA-256 of what must be there now; `None`: nothing must be.
        replaces: Option<String>,
        /// Where what was there is kept.
        beside: AbsPath,
    },
    /// Copies metadata, change logs, sessions and configuration of the running master into a folder.
    Snapshot(Snapshot),
    /// Lets the new release load the copied metadata, on scratch ports.
    Trial(Trial),
    /// Ends what [`Command::Trial`] started, and removes its folder.
    EndTrial(Trial),
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
        self.rendered().into()
    }

    fn rendered(&self) -> Script {
        match self {
            Self::MakeInstall { source_dir } => sh!("cd ‹tree› && make install", tree = source_dir),
            Self::InstallCommand { text } => sh!("/bin/sh -c ‹text›", text = text),
            Self::InTurn { install, turn } => turn.script(install.rendered()),
            Self::KeepingConfig { install, prefix, aside } => samples::kept_over(install.rendered(), prefix, aside),
            Self::Start { role, prefix, patience } => {
                let wait = wait_option(*patience);
                sh!("‹program›‹wait›", program = &prefix.join(role.path_in_prefix()), wait = wait)
            }
            Self::StopMaster { prefix, patience } => stop(Role::Master, prefix, *patience),
            Self::Stop { role, prefix, patience } => stop(*role, prefix, *patience),
            Self::StartOld { role, prefix } => sh!("‹program›", program = &prefix.join(role.path_in_prefix())),
            Self::Restore { prefix, file, only } => back::restore(prefix, file, only),
            Self::PutBack { file, beside, aside } => back::put_back(file, beside.as_ref(), aside),
            Self::FoldersBack { disks } => back::folders_back(disks),
            Self::Build { archive, tree, configure, roles, release, mark, mark_text } => sh!(
                "t=‹tree›; umask 022; rm -rf \"$t\" && mkdir -p \"$t\" && tar -xzf ‹archive› -C \"$t\" --strip-components=1 &&
cd \"$t\" && ‹configure› && make && ‹built› printf %s ‹mark_text› > ‹mark›",
                tree = tree,
                archive = archive,
                configure = words("./configure", configure),
                built = roles.iter().map(|role| built(*role, release.as_ref())).collect::<Script>(),
                mark_text = mark_text,
                mark = mark,
            ),
            Self::Keep { prefix, file, shown } => keep(prefix, file, shown),
            Self::PutInPlace { copy, file, sha256, mode, owner, replaces, beside } => {
                put_in_place(copy, file, sha256, *mode, owner, replaces.as_deref(), beside)
            }
            Self::Snapshot(snapshot) => snapshot.script(),
            Self::Trial(trial) => trial.script(),
            Self::EndTrial(trial) => trial.end_of_all(),
            Self::Unmount { mount, lazy: false } => sh!("umount ‹mount›", mount = mount),
            Self::Unmount { mount, lazy: true } => sh!("umount ‹mount› || umount -l ‹mount›", mount = mount),
            Self::Mount { prefix, arguments } => mount(prefix, &arguments.to_1_6()),
            Self::MountOld { prefix, arguments } => mount(prefix, &arguments.to_1_5()),
        }
    }
}

impl Command {
    /// The tar file that it brings back.
    #[must_use]
    pub fn restores_from(&self) -> Option<&AbsPath> {
        match self {
            Self::Restore { file, .. } => Some(file),
            _ => None,
        }
    }

    /// The tree that it installs from; a process that works there goes on installing.
    #[must_use]
    pub fn installs_from(&self) -> Option<&AbsPath> {
        match self {
            Self::MakeInstall { source_dir } => Some(source_dir),
            Self::InTurn { install, .. } | Self::KeepingConfig { install, .. } => install.installs_from(),
            _ => None,
        }
    }
}

/// `./configure` leaves out what it cannot build, and neither it nor `make` fails; and an archive's name says little about what
/// is in it.
fn built(role: Role, release: Option<&Version>) -> Script {
    let program = role.program();
    let why = match role {
        Role::Client => {
            "configure leaves it out where it finds no headers of FUSE: install them (libfuse-dev in Debian, fuse-devel in Red Hat)"
        }
        _ => "config.log in its tree says why",
    };
    let file = format!("{program}/{program}");
    let mut script = sh!(
        "\n{ [ -x ‹file› ] || { echo \"no ‹program› was built: ‹why›\"; exit 1; }; } &&",
        file = file.as_str(),
        program = program,
        why = why,
    );
    if let Some(Version { major, minor, patch, .. }) = release {
        script.push(&sh!(
            "\n{ grep -aqE ‹pattern› ‹file› || { echo \"the archive is another release: the ‹program› that was built of it is not \
             ‹release›\"; exit 1; }; } &&",
            pattern = format!("@\\(#\\) version: {major}[.]{minor}[.]{patch}([^0-9]|$)"),
            file = file,
            program = program,
            release = format!("{major}.{minor}.{patch}"),
        ));
    }
    script
}

fn stop(role: Role, prefix: &AbsPath, patience: Option<Duration>) -> Script {
    let wait = wait_option(patience);
    sh!("‹program›‹wait› -s", program = &prefix.join(role.path_in_prefix()), wait = wait)
}

fn mount(prefix: &AbsPath, arguments: &[String]) -> Script {
    words(prefix.join(Role::Client.path_in_prefix()).as_str(), arguments)
}

/// A program with its arguments.
fn words(program: &str, arguments: &[String]) -> Script {
    let words: Vec<String> =
        std::iter::once(program).chain(arguments.iter().map(String::as_str)).map(Into::into).collect();
    sh!("‹words›", words = words)
}

/// One tar file of what an installation of MooseFS puts below a prefix (seen: all of it is below these names), in its place
/// only when it is whole.
pub(super) fn keep(prefix: &AbsPath, file: &AbsPath, shown: &[(AbsPath, Option<String>)]) -> Script {
    let check = |(file, sha256): &(AbsPath, Option<String>)| {
        let test = match sha256 {
            Some(sum) => sh!("[ \"$(sha256sum < ‹file› | cut -c 1-64)\" = ‹sum› ]", file = file, sum = sum),
            None => sh!("[ ! -e ‹file› ]", file = file),
        };
        sh!("‹test› || { echo ‹file› is not what was shown before the run; exit 1; }\n", test = test, file = file)
    };
    sh!(
        "‹checks›k=‹file›; [ -e \"$k\" ] || { { [ -d ‹prefix› ] || mkdir -p ‹prefix›; } &&
umask 066 && mkdir -p \"${k%/*}\" && umask 077 && cd ‹prefix› &&
{ ls -d sbin/mfs* bin/mfs* share/mfs* share/mfscgi share/man/man*/mfs* share/man/man*/moosefs* etc/mfs* 2>/dev/null; true; } > \"$k.list\" &&
tar -cf \"$k.part\" -T \"$k.list\" && mv \"$k.part\" \"$k\"; }",
        checks = shown.iter().map(check).collect::<Script>(),
        file = file,
        prefix = prefix,
    )
}

/// Checks what is there and what was copied, keeps the one and puts the other in its place in one move.
fn put_in_place(
    copy: &AbsPath,
    file: &AbsPath,
    sha256: &str,
    mode: u32,
    owner: &str,
    replaces: Option<&str>,
    beside: &AbsPath,
) -> Script {
    let (unchanged, keep) = match replaces {
        Some(sum) => (
            sh!("[ \"$(sum \"$f\")\" = ‹sum› ]", sum = sum),
            sh!("{ [ -e \"$b\" ] || { cp -p \"$f\" \"$b.part\" && mv \"$b.part\" \"$b\"; }; } && "),
        ),
        None => (sh!("[ ! -e \"$f\" ]"), Script::default()),
    };
    sh!(
        "f=‹file›; n=‹copy›; b=‹beside›; sum() { sha256sum < \"$1\" | cut -c 1-64; }
‹unchanged› || { echo \"$f is not what was shown before the run\"; exit 1; }
[ \"$(sum \"$n\")\" = ‹sha256› ] && ‹keep›chmod ‹mode› \"$n\" && chown ‹owner› \"$n\" && mv -f \"$n\" \"$f\"",
        file = file,
        copy = copy,
        beside = beside,
        unchanged = unchanged,
        sha256 = sha256,
        keep = keep,
        mode = format!("{mode:o}"),
        owner = owner,
    )
}

fn wait_option(patience: Option<Duration>) -> Script {
    patience.map(|p| sh!(" -t ‹seconds›", seconds = p.as_secs())).unwrap_or_default()
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
            Command::Unmount { mount: path("/mnt/mfs"), lazy: false },
            Command::Unmount { mount: path("/mnt/mfs"), lazy: true },
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
                "umount /mnt/mfs || umount -l /mnt/mfs",
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
