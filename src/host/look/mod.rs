//! Looking at a host: one read-only script a look, and the pure reading of what it prints.
//!
//! The script uses nothing but a POSIX shell, `/proc`, coreutils, grep, sed and awk, so that it runs on hosts of MooseFS
//! 1.5's time. It calls no binary of MooseFS: in 1.5 even `-v` is not safe to guess about.

mod log;
mod mounted;
mod nodes;
mod places;
mod read;
mod script;
mod survey;
#[cfg(test)]
mod tests;
mod watch;

use super::{AbsPath, HostName};
use crate::moosefs::daemon::Role;

pub use self::log::LINES as LOG_LINES;
pub use self::read::UnreadableLook;
pub use self::watch::{LIMIT_S, behind_the_watch, script_of};

/// What to look at, beyond what every look tells.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Look {
    /// Below which prefixes programs are installed.
    pub prefixes: Vec<AbsPath>,
    /// The trees to install from.
    pub source_dirs: Vec<AbsPath>,
    /// A folder in which a command of ours may still be at work.
    pub busy_in: Option<AbsPath>,
    /// A folder with jobs ([`super::Job`]) of whatever run, of which one may still be at work.
    pub jobs_in: Option<AbsPath>,
    /// The master's DATA_PATH, for when no master runs whose working folder would tell it.
    pub data_path: Option<AbsPath>,
    /// The master's port for clients and admin tools, when it is not the default.
    pub admin_port: u16,
    /// Further ports whose sockets are wanted. A survey looks at those that configuration files name as well.
    pub ports: Vec<u16>,
    /// Whether everything is looked at that stands in the way of an upgrade: configuration files, space, disks, who uses
    /// which mount. Once a host and run; the looks at single steps are short.
    pub survey: bool,
    /// Where free space is wanted, in a survey; of a path that does not exist yet, that of its nearest parent that does.
    /// Prefixes and the master's DATA_PATH are told in any case.
    pub space_for: Vec<AbsPath>,
    /// Folders of this program's own, of which is wanted whether others than root can change them, in a survey.
    pub own: Vec<AbsPath>,
    /// Names of masters whose addresses are wanted, in a survey. Those that the host's own files and mounts say are told in any
    /// case.
    pub names: Vec<HostName>,
    /// Files of this program's own on the host, whose SHA-256 is wanted.
    pub work_files: Vec<AbsPath>,
    /// Whether the first bytes of the metadata in DATA_PATH are wanted, in a short look too.
    pub headers: bool,
    /// Disks of a chunkserver whose chunks in folders `00` to `FF` are to be counted.
    pub disks: Vec<AbsPath>,
    /// Whether those who use a mount are wanted, in a short look too.
    pub users: bool,
    /// Whether the places of mounts beside their mount points are wanted, and what uses them that is no process, in a short look
    /// too.
    pub places: bool,
    /// Mount points that must be empty folders when nothing is mounted there: what lies in or under them is wanted, in a short
    /// look too.
    pub under: Vec<AbsPath>,
    /// Tar files of this program's own, whose programs are wanted by name.
    pub archives: Vec<AbsPath>,
    /// The role whose daemons' last words in the host's log are wanted.
    pub log: Option<Role>,
}
