//! What a script does to a host, read off its text: the world knows no schedule.

use std::fmt;

use mfsupgrade::host::look;
use mfsupgrade::moosefs::daemon::Role;

/// What a command does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// `:`
    Nothing,
    /// Puts the new release in place.
    Install,
    /// Unpacks and builds, and leaves a mark.
    Build { mark: String, text: String },
    /// Keeps what an installation replaces.
    Keep { file: String },
    /// Puts a configuration file in its place.
    Configure { file: String, copy: String },
    /// Copies metadata on the host. `turn`: its copy takes its place only if none was begun since.
    Snapshot { turn: bool },
    /// Loads the copy.
    Trial,
    /// Ends the trial.
    EndTrial,
    /// Starts the daemon that is installed: a new one over the one that runs.
    Start(Role),
    /// Stops a daemon.
    Stop(Role),
    /// Ends a process.
    Kill(u32),
    /// Brings programs back that were replaced: those of one role, or all.
    Restore(Option<Role>),
    /// Brings a configuration file back as it was.
    PutBack { file: String },
    /// Moves chunks to the folders of 1.5.
    FoldersBack,
    /// `umount`
    Unmount(String),
    /// `mfsmount`
    Mount(String),
}

impl Deed {
    /// What `script` looks at, if it only looks: quoted, as it was sent.
    pub fn look(script: &str) -> Option<&str> {
        look::behind_the_watch(script)
    }

    pub fn read(script: &str) -> Self {
        let has = |what: &str| script.contains(what);
        let between = |from: &str, to: &str| {
            let rest = script.split_once(from).map_or("", |(_, rest)| rest);
            rest.split_once(to).map_or(rest, |(found, _)| found).to_owned()
        };
        if script == ":" || has("rm -rf /var/lib/mfsupgrade/jobs/") {
            Self::Nothing
        } else if has("restore-ms") {
            Self::Trial
        } else if has("now()") {
            Self::Snapshot { turn: has("$d.turn") }
        } else if has("ours()") {
            Self::EndTrial
        } else if has("tar -cf") {
            Self::Keep { file: between("k=", ";") }
        } else if has("./configure") {
            let (before, mark) = script.rsplit_once(" > ").unwrap_or((script, ""));
            let text = before.rsplit_once("printf %s ").map_or("", |(_, text)| text).trim_matches('\'');
            Self::Build { mark: mark.to_owned(), text: text.to_owned() }
        } else if has("make install") || has("set_aside()") || script.starts_with("/bin/sh -c ") {
            Self::Install
        } else if has("xargs") {
            Self::FoldersBack
        } else if has("tar -xpf") {
            let roles = [Role::Master, Role::Metalogger, Role::Chunkserver, Role::Client];
            let only = |role: &Role| !has("had=") && has(&format!(" {}", role.path_in_prefix()));
            Self::Restore(roles.into_iter().find(only))
        } else if has("mv -f") && !has("sum()") {
            Self::PutBack { file: between("f=", ";") }
        } else if has("mv -f") {
            Self::Configure { file: between("f=", ";"), copy: between(" n=", ";") }
        } else if let Some(mount) = script.strip_prefix("umount ") {
            // lazily: `umount MOUNT || umount -l MOUNT`
            Self::Unmount(mount.split(' ').next().unwrap_or_default().to_owned())
        } else if let Some(pid) = script.strip_prefix("kill ") {
            Self::Kill(pid.parse().expect("a process of this world"))
        } else if script.ends_with(" -s") {
            let program = |role: &Role| has(&format!("/{}", role.path_in_prefix()));
            Self::Stop([Role::Master, Role::Metalogger, Role::Chunkserver].into_iter().find(program).expect("a daemon"))
        } else if has("/sbin/mfsmaster") {
            Self::Start(Role::Master)
        } else if has("/sbin/mfsmetalogger") {
            Self::Start(Role::Metalogger)
        } else if has("/sbin/mfschunkserver") {
            Self::Start(Role::Chunkserver)
        } else if has("/bin/mfsmount ") {
            // 1.5 is told the mount point by an option
            let mut words = script.split(' ').skip(1);
            let old = words.clone().skip_while(|word| *word != "-w").nth(1);
            Self::Mount(old.or(words.next()).unwrap_or_default().to_owned())
        } else {
            panic!("a command that this world does not know: {script}")
        }
    }

    /// Whether it writes so much that a full disk keeps it from that.
    pub fn fills_the_disk(&self) -> bool {
        matches!(
            self,
            Self::Install
                | Self::Build { .. }
                | Self::Keep { .. }
                | Self::Snapshot { .. }
                | Self::Restore(_)
                | Self::FoldersBack
        )
    }

    /// Whether its exit code is believed: everything but what MooseFS's own programs say.
    pub fn is_tool(&self) -> bool {
        !matches!(self, Self::Start(_) | Self::Stop(_) | Self::Kill(_) | Self::Mount(_) | Self::Unmount(_))
    }
}

impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing"),
            Self::Install => f.write_str("install"),
            Self::Build { .. } => f.write_str("build"),
            Self::Keep { .. } => f.write_str("keep"),
            Self::Configure { file, .. } => write!(f, "configure {file}"),
            Self::Snapshot { .. } => f.write_str("snapshot"),
            Self::Trial => f.write_str("trial"),
            Self::EndTrial => f.write_str("end of the trial"),
            Self::Start(role) => write!(f, "start {}", role.program()),
            Self::Stop(role) => write!(f, "stop {}", role.program()),
            Self::Kill(pid) => write!(f, "kill {pid}"),
            Self::Restore(None) => f.write_str("restore"),
            Self::Restore(Some(role)) => write!(f, "restore {}", role.program()),
            Self::PutBack { file } => write!(f, "put back {file}"),
            Self::FoldersBack => f.write_str("folders back"),
            Self::Unmount(mount) => write!(f, "umount {mount}"),
            Self::Mount(mount) => write!(f, "mfsmount {mount}"),
        }
    }
}
