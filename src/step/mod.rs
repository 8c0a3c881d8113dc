//! The kinds of steps: one file a kind, and in it all that a run must know of it. PURE: data and facts in, text and verdicts out.
//!
//! Each kind answers the questions of [`Kind`]: what is run for it, what must be looked at, whether it may be run, whether its
//! effect is there, what it takes down, how long it may take. What other rooms decide by a kind they decide by its [`Effect`], of
//! which there are few. So a new kind is a file here and a line in the list of [`Action`]; docs/adding.md walks through it.
//!
//! With the look script of [`crate::host::look`], the jobs and the lock of [`crate::host`], the scripts in here are everything
//! that this program ever runs on a host.
//!
//! Two rules that facts dictate: a daemon is started without a verb and stopped with `-s`, since verbs restart or kill a
//! 1.5 daemon and exit 0 (`mfsmaster/main.c` @ 1.5.12; `test` of 1.6.23-1.6.27 kills a running 1.5 daemon). And only
//! binaries whose version was looked at before are ever called.

mod backup;
mod build;
mod configure;
mod copy;
mod effect;
mod folders_back;
mod install;
mod keep;
mod metadata;
mod mount;
mod put_back;
mod restore;
mod seen;
mod start;
mod stop;
#[cfg(test)]
mod tests;
mod trial;
mod unmount;
mod unseen;
mod verify;
mod words;

use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::time::Duration;

use semver::Version;
use serde::{Deserialize, Serialize};

use crate::host::{AbsPath, FileText, HostFacts, Look};
use crate::moosefs::daemon::{MASTER_CHUNKSERVER_PORT, Role};

pub use backup::{Backup, Copied, Snapshot, SnapshotCommand};
pub use build::{Build, BuildCommand};
pub use configure::{Configure, PutInPlace};
pub use copy::CopyFile;
pub use effect::Effect;
pub use folders_back::{FoldersBack, FoldersBackCommand};
pub use install::{Install, InstallCommand, Turn};
pub use keep::{Keep, KeepCommand};
pub use mount::{Mount, MountCommand};
pub use put_back::{PutBack, PutBackCommand};
pub use restore::{Restore, RestoreCommand};
pub use seen::{Seen, Verdict};
pub use start::{Start, StartCommand};
pub use stop::{Stop, StopCommand, StopMaster, StopMasterCommand};
pub use trial::{Trial, TrialCommand, TrialExports, TrialFacts, TrialLoad};
pub use unmount::{Unmount, UnmountCommand};
pub use unseen::{ConfigureFound, RemountFound};
pub use verify::Verify;

/// How long a command may take before its outcome is given as unknown. A daemon's start includes the old one's saving and,
/// in 1.6.9 to 1.6.25, the scan of its disks; an installation includes what a package manager fetches.
pub const LONG_COMMAND: Duration = Duration::from_secs(2 * 3600);

/// How long a master's hourly save is waited for, and a takeover that is under way.
const HOLD: Duration = Duration::from_secs(30 * 60);

/// How long a host may show nothing of a step's effect after its command has ended: processes, mounts and files are there
/// at once or after a moment; only what the *cluster* shows takes long, and gates have their own times.
const SETTLE: Duration = Duration::from_secs(15);

/// The kinds, each with its name in JSON, which is its variant's in kebab-case.
macro_rules! kinds {
    ($($variant:ident($kind:ident)),+ $(,)?) => {
        /// What a step does.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(tag = "action", rename_all = "kebab-case")]
        pub enum Action {
            $(#[doc = concat!("See [`", stringify!($kind), "`].")] $variant($kind)),+
        }

        /// What a kind answers is asked of the action.
        impl Deref for Action {
            type Target = dyn Kind;

            fn deref(&self) -> &Self::Target {
                match self { $(Self::$variant(kind) => kind),+ }
            }
        }

        impl DerefMut for Action {
            fn deref_mut(&mut self) -> &mut Self::Target {
                match self { $(Self::$variant(kind) => kind),+ }
            }
        }
    };
}

kinds! {
    Copy(CopyFile),
    Build(Build),
    Backup(Backup),
    Trial(TrialLoad),
    Keep(Keep),
    Configure(Configure),
    Install(Install),
    Start(Start),
    StopMaster(StopMaster),
    Unmount(Unmount),
    Mount(Mount),
    Stop(Stop),
    Restore(Restore),
    PutBack(PutBack),
    FoldersBack(FoldersBack),
    ConfigureFound(ConfigureFound),
    RemountFound(RemountFound),
    Verify(Verify),
}

/// What every kind of step answers. `to` is the release to be reached, `before` a look at the host before anything is run.
///
/// Only what is rare, and harmless where it is forgotten, has an answer of its own here.
pub trait Kind {
    /// What it does, in a few words.
    fn describe(&self) -> String;

    /// What it changes, as far as the run and other steps depend on it.
    fn effect(&self) -> Effect<'_>;

    /// The command that it runs on the host, as POSIX sh, as `plan` shows it and `upgrade` runs it; `None`: none.
    fn script(&self) -> Option<String>;

    /// Adds what must be looked at to tell whether it may be run and whether it is done.
    fn look(&self, look: &mut Look);

    /// Why it has to wait a moment: something of the like is at work already.
    fn hold(&self, to: &Version, before: &HostFacts) -> Option<String>;

    /// Whether it need not be run at all: the host shows its effect already, or has no use for it.
    fn already(&self, to: &Version, before: &HostFacts) -> Verdict;

    /// Why it must not be run.
    ///
    /// # Errors
    /// The reason, as a fragment.
    fn allowed(&self, to: &Version, before: &HostFacts) -> Result<(), String>;

    /// Whether the host shows its effect.
    fn achieved(&self, seen: &Seen<'_>) -> Verdict;

    /// Whether what it takes down still runs, or is mounted, in the release that goes: then nothing was taken down yet.
    fn untouched(&self, to: &Version, now: &HostFacts) -> bool;

    /// Whether it is run again where its end was not seen: it harms nothing, after a look, and not while the first one goes on.
    fn may_run_again(&self) -> bool;

    /// Whether what keeps it from being allowed is that the old program is not there which is to come back.
    fn lacks_old_program(&self, _to: &Version, _before: &HostFacts) -> bool {
        false
    }

    /// Whether an installation that may still go on would spoil it: commands of this program are looked for first.
    fn undoes_an_installation(&self) -> bool {
        false
    }

    /// What it sends to the host before its command is run, and where to.
    fn sends(&self) -> Option<(Sent<'_>, AbsPath)> {
        None
    }

    /// What `plan` shows in place of a script, of a step that has none.
    fn without_script(&self) -> Option<String> {
        None
    }

    /// How a configuration file that it writes differs from what the old release uses, as a unified diff.
    fn diff(&self) -> Option<&str> {
        None
    }

    /// Texts of configuration files that JSON keeps without their passwords.
    fn texts(&mut self) -> Vec<&mut FileText> {
        Vec::new()
    }

    /// The port on which a master listens for chunkservers, where it is not the default.
    fn listens_on(&self) -> Option<u16> {
        None
    }

    /// How long its command may take.
    fn limit(&self) -> Duration {
        LONG_COMMAND
    }

    /// How long that is waited for which [`Kind::hold`] tells.
    fn hold_limit(&self) -> Duration {
        HOLD
    }

    /// How long its effect may take to show on a host that shows `now`.
    fn settles(&self, _to: &Version, _now: &HostFacts) -> Duration {
        SETTLE
    }
}

/// What is sent to a host.
#[derive(Debug, Clone, Copy)]
pub enum Sent<'a> {
    /// A file of this machine.
    File(&'a Path),
    /// A text of the schedule.
    Text(&'a FileText),
}

impl Action {
    /// What a look at its host has to tell. `admin_port`: the master's port for clients.
    #[must_use]
    pub fn look(&self, admin_port: u16) -> Look {
        let ports = vec![self.chunkserver_port()];
        let mut look = Look { admin_port, ports, ..Look::default() };
        Kind::look(&**self, &mut look);
        look
    }

    /// Why it must not be run on a host that shows `before`.
    ///
    /// # Errors
    /// The reason, as a fragment.
    pub fn allowed(&self, to: &Version, before: &HostFacts) -> Result<(), String> {
        if !before.root {
            return Err("commands do not run as root".to_owned());
        }
        Kind::allowed(&**self, to, before)
    }

    /// Whether it is not allowed for want of the old program that is to come back behind it.
    #[must_use]
    pub fn lacks_old_program(&self, to: &Version, before: &HostFacts) -> bool {
        before.root && Kind::lacks_old_program(&**self, to, before)
    }

    /// Why it has to wait a moment. A build, an installation or a takeover that was begun may still go on; and a master is neither
    /// stopped nor copied while it saves. `clock` is the master's host's, in seconds since 1970.
    #[must_use]
    pub fn hold(&self, to: &Version, before: &HostFacts, clock: i64) -> Option<String> {
        Kind::hold(&**self, to, before).or_else(|| match self.effect().is_at_the_metadata() {
            true => metadata::is_saved_now(before, clock),
            false => None,
        })
    }

    /// The port of a master for chunkservers, which shows whether it serves.
    #[must_use]
    pub fn chunkserver_port(&self) -> u16 {
        self.listens_on().unwrap_or(MASTER_CHUNKSERVER_PORT)
    }

    /// Whether it starts a master.
    #[must_use]
    pub fn starts_the_master(&self) -> bool {
        matches!(self.effect(), Effect::Starts(Start { role: Role::Master, .. }))
    }

    /// Whether it ends the master that runs.
    #[must_use]
    pub fn ends_the_master(&self) -> bool {
        self.starts_the_master() || matches!(self.effect(), Effect::Stops { role: Role::Master, .. })
    }

    /// Whether it stops a master that no other step of its host starts again at once: the file system stands still from then on.
    #[must_use]
    pub fn begins_the_outage(&self) -> bool {
        matches!(self.effect(), Effect::Stops { for_long: true, .. })
    }
}
