//! The types of a schedule. Serialized, they are the JSON of `plan --format json` (docs/schedule-format.md) and the
//! schedule.json of a run: [`FORMAT`] counts up with every change that an older reader would misunderstand.

use std::fmt;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;

use semver::Version;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::check::Baseline;
use crate::host::identity::Identity;
use crate::host::shell::Become;
use crate::host::{AbsPath, Command, FileText, HostName};
use crate::moosefs::daemon::{MASTER_CHUNKSERVER_PORT, Role};
use crate::plan::{Busy, Mode, Window};
use crate::rules::away;
use crate::schedule::{Gate, count};

/// The version of the serialized form.
pub const FORMAT: u32 = 2;

/// A whole upgrade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// See [`FORMAT`].
    pub format: u32,
    /// The release that runs now.
    pub from: Version,
    /// The release to run afterwards.
    pub to: Version,
    /// Which of the HOWTO's ways.
    pub mode: Mode,
    /// Whether the cluster was looked at; otherwise what only it can tell is marked in the steps.
    pub observed: bool,
    /// The master's port for clients and admin tools.
    pub admin_port: u16,
    /// Where the master listens on it, as its own host sees it; `None` in a preview.
    pub admin_address: Option<Ipv4Addr>,
    /// Every host of the plan.
    pub hosts: Vec<Host>,
    /// The chunkservers, in the order of their upgrade.
    pub chunkservers: Vec<Known>,
    /// The clients, in the order of their remount.
    pub clients: Vec<Known>,
    /// The stages, one after the other.
    pub stages: Vec<Stage>,
    /// All demanded waits and nothing else, in seconds: no run is shorter.
    pub least_s: u64,
    /// All waits at their greatest, in seconds: a run that waits longer has stopped. The commands' own time comes on top.
    pub greatest_s: u64,
    /// What the cluster was like; `None` where it was not looked at.
    pub baseline: Option<Baseline>,
    /// How many chunk copies may be lost for good beyond the baseline, as the plan accepts.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub accept_lost: u64,
    /// When something may be taken down; `None`: at any time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// The run whose changes this schedule takes back: then `to` is the old release. `None`: an upgrade.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back_of: Option<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A host of the plan and what of it the schedule needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Its name.
    pub name: HostName,
    /// What it is.
    pub roles: Vec<Role>,
    /// How to become root.
    pub r#become: Option<Become>,
    /// The folder of this program's own files there; jobs run in it (docs/safety.md).
    #[serde(default = "default_work_dir")]
    pub work_dir: AbsPath,
    /// What it said of itself when it was looked at; `None` in a preview, and in a schedule of before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
}

/// Where this program's files are on a host whose plan says nothing else.
#[must_use]
pub fn default_work_dir() -> AbsPath {
    AbsPath::new("/var/lib/mfsupgrade").expect("an absolute path")
}

/// A host as the master knows it. A host of several roles may be known by several addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// Its name.
    pub host: HostName,
    /// Its address at the master; `None` in a preview.
    pub address: Option<Ipv4Addr>,
}

/// The phases of an upgrade, in the words of the house.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// What takes time and changes nothing that runs: copying, building.
    Prepare,
    /// Metadata copied, copied off the host, and loaded by the new release for a trial.
    Backup,
    /// The master.
    Master,
    /// The metaloggers.
    Metaloggers,
    /// The chunkservers.
    Chunkservers,
    /// The clients.
    Clients,
    /// A last look.
    Verify,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Phase::Prepare => "prepare",
            Phase::Backup => "backup",
            Phase::Master => "master",
            Phase::Metaloggers => "metaloggers",
            Phase::Chunkservers => "chunkservers",
            Phase::Clients => "clients",
            Phase::Verify => "verify",
        })
    }
}

/// Steps on one or more hosts that share a condition to begin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// The phase that it belongs to.
    pub phase: Phase,
    /// What happens, for people.
    pub title: String,
    /// Why here and in this way: the rule and its source.
    pub why: String,
    /// A wait before its first step.
    pub wait: Option<Wait>,
    /// What must hold before its first step.
    pub gate: Option<Gate>,
    /// How many hosts at a time.
    #[serde(deserialize_with = "crate::plan::model::one_or_more")]
    pub parallel: usize,
    /// One entry a host; begun in this order.
    pub tracks: Vec<Track>,
}

/// The steps of one host within a stage, one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Track {
    /// The host.
    pub host: HostName,
    /// What was seen of it that makes its steps look unneeded; they look for themselves all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<String>,
    /// A wait before its first step.
    pub wait: Option<Wait>,
    /// What must hold before its first step.
    pub gate: Option<Gate>,
    /// The steps.
    pub steps: Vec<Step>,
}

/// One step: one change on one host, and how it is known to have happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Stable: `master/start`, `chunkservers/cs1/install`, `clients/cl1/unmount:/mnt/mfs`.
    pub id: StepId,
    /// What is done.
    pub action: Action,
    /// The exact remote commands; empty for a step that only looks.
    pub commands: Vec<String>,
    /// What the cluster must show afterwards, beyond what the host itself shows.
    pub afterwards: Option<Gate>,
    /// Earliest begin, in seconds from the start, when nothing takes any time but the demanded waits.
    pub earliest_s: u64,
    /// Whether the operator may pause before it: the cluster serves, and nothing is half done.
    pub pause_before: bool,
    /// What becomes hard to undo with it.
    pub way_back: Option<String>,
}

/// The name of a step.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepId(pub Arc<str>);

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum Action {
    /// Copies a file from here to the host. Shown by its SHA-256 there.
    Copy {
        /// What the host is.
        roles: Vec<Role>,
        /// From here.
        from: PathBuf,
        /// Bytes.
        bytes: u64,
        /// SHA-256 in hexadecimal.
        sha256: String,
        /// To.
        to: AbsPath,
    },
    /// Unpacks, configures and builds. Shown by the mark that is written last.
    Build {
        /// What the host is.
        roles: Vec<Role>,
        /// The tree.
        tree: AbsPath,
        /// The file that says that the build is whole.
        mark: AbsPath,
        /// SHA-256 of what it must say.
        mark_sha256: String,
        /// How.
        command: Command,
    },
    /// Copies metadata on the master's host, and from there to the run's own folder. Shown by checksums of both sides.
    Backup {
        /// The folder on the host.
        folder: AbsPath,
        /// How.
        command: Command,
    },
    /// Loads the copied metadata into the new release, and compares. Shown by what the new release says of it.
    Trial {
        /// Where the trial master listens on its own host.
        port: u16,
        /// Seconds without a master from which on clients give their applications errors.
        patience_s: u64,
        /// The longest that a chunkserver waits between two tries to reach its master, in seconds.
        #[serde(default = "away::by_itself", skip_serializing_if = "away::is_by_itself")]
        reconnect_s: u64,
        /// Whether a forecast near what clients bear is accepted.
        accept_long: bool,
        /// Whether chunks of goal 1 are accepted.
        accept_goal_one: bool,
        /// How.
        command: Command,
        /// What ends it.
        end: Command,
    },
    /// Keeps a copy of what the installation replaces. Shown by the copy.
    Keep {
        /// Whose installation it is.
        role: Role,
        /// The tar file on the host.
        file: AbsPath,
        /// The release of the program in it without which there is no way back; `None`: the operator has acknowledged that there
        /// is none, or the old release has no such program.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        holds: Option<Version>,
        /// How.
        command: Command,
    },
    /// Writes a configuration file that was shown before. Shown by its SHA-256.
    Configure {
        /// Whose it is.
        role: Role,
        /// The file.
        file: AbsPath,
        /// What it must say.
        text: FileText,
        /// SHA-256 of it.
        sha256: String,
        /// Where it is copied to, before the command puts it in its place.
        copy: AbsPath,
        /// How it differs from what the old release uses, as a unified diff.
        diff: String,
        /// How.
        command: Command,
    },
    /// Puts the new release's programs in place. Shown by the version in the installed program.
    Install {
        /// Whose programs must be there.
        role: Role,
        /// Below which prefix.
        prefix: AbsPath,
        /// How.
        command: Command,
    },
    /// Starts the new daemon over the old one, or where none runs. Shown by a new process of the new release, the old
    /// one's end, and the listening port.
    Start {
        /// Which daemon.
        role: Role,
        /// Below which prefix.
        prefix: AbsPath,
        /// The old daemon's working folder: the new one must run in the same, or it serves other data. `None` in a
        /// preview.
        data_path: Option<AbsPath>,
        /// The port on which the master listens for chunkservers, where it is not the default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        chunkserver_port: Option<u16>,
        /// How.
        command: Command,
    },
    /// Stops the master. Shown by the end of its process, its closed port and the metadata.mfs that it left.
    StopMaster {
        /// Below which prefix.
        prefix: AbsPath,
        /// Where it leaves its metadata; `None` in a preview.
        data_path: Option<AbsPath>,
        /// The port on which the master listens for chunkservers, where it is not the default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        chunkserver_port: Option<u16>,
        /// How.
        command: Command,
    },
    /// Unmounts. Shown by /proc/mounts and the end of the mfsmount process.
    Unmount {
        /// Where.
        mount: AbsPath,
        /// What is done when it is in use.
        #[serde(default, skip_serializing_if = "Busy::is_fail")]
        busy: Busy,
        /// How.
        command: Command,
    },
    /// Mounts. Shown by /proc/mounts, a new mfsmount of the new release, and the master's list.
    Mount {
        /// Where.
        mount: AbsPath,
        /// Below which prefix the new mfsmount is.
        prefix: AbsPath,
        /// Whether nothing may lie under the mount point: what does was written while nothing was mounted. Not of a mount with
        /// `nonempty`.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        empty: bool,
        /// How.
        command: Command,
    },
    /// Stops a daemon of the release that goes. Shown by the end of its process; of a master also by the metadata.mfs that
    /// it left, of a kind that the old release reads.
    Stop {
        /// Which daemon.
        role: Role,
        /// Below which prefix.
        prefix: AbsPath,
        /// The release that is stopped, and whose program stops it.
        release: Version,
        /// The tar file from which the old program comes back behind it: nothing is stopped before it was seen whole. `None`: the
        /// old program is in its place already, or there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kept: Option<AbsPath>,
        /// Where a master leaves its metadata.
        data_path: Option<AbsPath>,
        /// The port on which the master listens for chunkservers, where it is not the default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        chunkserver_port: Option<u16>,
        /// How.
        command: Command,
    },
    /// Brings back the programs that an installation replaced. Shown by the version in the installed program.
    Restore {
        /// Whose programs must be there; a metalogger's must not, since the old release has none.
        role: Role,
        /// Below which prefix.
        prefix: AbsPath,
        /// How.
        command: Command,
    },
    /// Brings back what a configuration file said before. Shown by its SHA-256, or that it is not there.
    PutBack {
        /// Whose it is.
        role: Role,
        /// The file.
        file: AbsPath,
        /// SHA-256 of what was there; `None`: nothing was.
        sha256: Option<String>,
        /// How.
        command: Command,
    },
    /// Moves chunks from the folders 00 to FF of 1.6.6 to the folders 0 to F. Shown by no chunk's being left there.
    FoldersBack {
        /// The disks.
        disks: Vec<AbsPath>,
        /// How.
        command: Command,
    },
    /// Preview only: the configuration has not been looked at, and each file that is written is shown before it is.
    ConfigureFound {
        /// Whose it is.
        role: Role,
    },
    /// Preview only: what is mounted has not been looked at, and every mount found will be changed.
    RemountFound,
    /// Looks at everything once more.
    Verify,
}

impl Action {
    /// The command that it runs.
    #[must_use]
    pub fn command(&self) -> Option<&Command> {
        match self {
            Self::Install { command, .. }
            | Self::Build { command, .. }
            | Self::Backup { command, .. }
            | Self::Trial { command, .. }
            | Self::Keep { command, .. }
            | Self::Configure { command, .. }
            | Self::Start { command, .. }
            | Self::StopMaster { command, .. }
            | Self::Stop { command, .. }
            | Self::Restore { command, .. }
            | Self::PutBack { command, .. }
            | Self::FoldersBack { command, .. }
            | Self::Unmount { command, .. }
            | Self::Mount { command, .. } => Some(command),
            Self::Copy { .. } | Self::ConfigureFound { .. } | Self::RemountFound | Self::Verify => None,
        }
    }

    /// The port of a master for chunkservers, which shows whether it serves.
    #[must_use]
    pub fn chunkserver_port(&self) -> u16 {
        let set = match self {
            Self::Start { chunkserver_port, .. }
            | Self::StopMaster { chunkserver_port, .. }
            | Self::Stop { chunkserver_port, .. } => *chunkserver_port,
            _ => None,
        };
        set.unwrap_or(MASTER_CHUNKSERVER_PORT)
    }

    /// Whether it ends something that runs, or begins something that cannot simply be ended again. Everything else only
    /// prepares.
    #[must_use]
    pub fn takes_down(&self) -> bool {
        match self {
            Self::Copy { .. }
            | Self::Build { .. }
            | Self::Backup { .. }
            | Self::Trial { .. }
            | Self::Keep { .. }
            | Self::Configure { .. }
            | Self::ConfigureFound { .. }
            | Self::Install { .. }
            | Self::Restore { .. }
            | Self::PutBack { .. }
            | Self::FoldersBack { .. } => false,
            Self::Start { .. }
            | Self::StopMaster { .. }
            | Self::Stop { .. }
            | Self::Unmount { .. }
            | Self::Mount { .. }
            | Self::RemountFound
            | Self::Verify => true,
        }
    }

    /// Whether its command's exit code is believed when it says no: of tools, and never of MooseFS's daemons.
    #[must_use]
    pub fn is_believed(&self) -> bool {
        matches!(
            self,
            Self::Build { .. }
                | Self::Backup { .. }
                | Self::Trial { .. }
                | Self::Keep { .. }
                | Self::Configure { .. }
                | Self::Install { .. }
                | Self::Restore { .. }
                | Self::PutBack { .. }
                | Self::FoldersBack { .. }
        )
    }

    /// Whether it ends the master that runs.
    #[must_use]
    pub fn ends_the_master(&self) -> bool {
        matches!(
            self,
            Self::Start { role: Role::Master, .. } | Self::StopMaster { .. } | Self::Stop { role: Role::Master, .. }
        )
    }

    /// What it does, in a few words.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Copy { to, bytes, .. } => format!("copy {bytes} bytes to {to}"),
            Self::Build { tree, .. } => format!("unpack, configure and build in {tree}"),
            Self::Backup { .. } => "copy metadata, change logs, sessions and configuration".to_owned(),
            Self::Trial { .. } => "load the copied metadata into the new release".to_owned(),
            Self::Keep { .. } => "keep what the installation replaces".to_owned(),
            Self::Configure { file, .. } => format!("write {file}"),
            Self::Install { role, .. } => format!("install {} programs", role),
            Self::Start { role, command: Command::StartOld { .. }, .. } => format!("start the old {}", role.program()),
            Self::Start { role, .. } => format!("start the new {}", role.program()),
            Self::Stop { role, release, .. } => format!("stop {} {release}", role.program()),
            Self::Restore { role, .. } => format!("bring back the {role} programs that were replaced"),
            Self::PutBack { file, .. } => format!("bring back {file} as it was"),
            Self::FoldersBack { disks, .. } => {
                format!("move the chunks of {} back to the folders 0 to F", count(disks.len(), "disk"))
            }
            Self::StopMaster { .. } => "stop mfsmaster".to_owned(),
            Self::Unmount { mount, .. } => format!("unmount {mount}"),
            Self::Mount { mount, .. } => format!("mount {mount}"),
            Self::ConfigureFound { role } => format!("write the configuration of {}", role.program()),
            Self::RemountFound => "unmount and mount what is mounted".to_owned(),
            Self::Verify => "look at everything once more".to_owned(),
        }
    }
}

/// A wait that a rule demands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "wait", rename_all = "kebab-case")]
pub enum Wait {
    /// At least this long since `after` was done: the last chunkserver was back.
    Stagger {
        /// The step that must be this long ago.
        after: StepId,
        /// Seconds.
        least_s: u64,
        /// Seconds; a gate that is not green by then stops the run.
        greatest_s: u64,
    },
    /// At least this long since the last of the stage `after` was done.
    MasterWait {
        /// The index of the stage.
        after_stage: usize,
        /// Seconds.
        least_s: u64,
    },
}

impl Wait {
    /// Seconds at least.
    #[must_use]
    pub fn least_s(&self) -> u64 {
        match self {
            Self::Stagger { least_s, .. } | Self::MasterWait { least_s, .. } => *least_s,
        }
    }
}

impl Schedule {
    /// SHA-256 of the serialized schedule, in hexadecimal: what a journal is bound to.
    #[must_use]
    pub fn digest(&self) -> String {
        let json = serde_json::to_vec(self).expect("a schedule has no map with keys that are not text");
        Sha256::digest(json).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether all demanded waits and nothing else take longer than the window is open, so that the run will wait for the next
    /// one in between.
    #[must_use]
    pub fn outlasts_its_window(&self) -> bool {
        self.window.as_ref().is_some_and(|window| self.least_s > window.length_s())
    }

    /// Seconds for which a full-stop waits while no master runs; `None` where one takes over from the other.
    #[must_use]
    pub fn stands_still_s(&self) -> Option<u64> {
        let waits = self.stages.iter().filter_map(|stage| stage.wait.as_ref());
        waits.filter(|wait| matches!(wait, Wait::MasterWait { .. })).map(Wait::least_s).max()
    }

    /// Whether it takes back what an upgrade did.
    #[must_use]
    pub fn is_back(&self) -> bool {
        self.back_of.is_some()
    }

    /// All steps, in order.
    pub fn steps(&self) -> impl Iterator<Item = (&Stage, &Track, &Step)> {
        self.stages
            .iter()
            .flat_map(|stage| stage.tracks.iter().flat_map(move |t| t.steps.iter().map(move |s| (stage, t, s))))
    }

    /// What a wait counts from: one step for a stagger, and for the master's wait the last one of every host of the stage before
    /// that `is_done`.
    pub fn counts_from(&self, wait: &Wait, is_done: impl Fn(&StepId) -> bool) -> Vec<(&Track, &Step)> {
        match wait {
            Wait::Stagger { after, .. } => {
                let found = self.steps().find(|(_, _, step)| step.id == *after);
                found.map(|(_, track, step)| (track, step)).into_iter().collect()
            }
            Wait::MasterWait { after_stage, .. } => {
                let tracks = self.stages.get(*after_stage).into_iter().flat_map(|stage| &stage.tracks);
                tracks.filter_map(|track| Some((track, track.steps.iter().rfind(|s| is_done(&s.id))?))).collect()
            }
        }
    }

    /// The hosts that play `role`, in the plan's order.
    pub fn hosts_of(&self, role: Role) -> impl Iterator<Item = &Host> {
        self.hosts.iter().filter(move |h| h.roles.contains(&role))
    }
}
