//! The simulated programs: what the small scripts on a simulated host (`mfsmaster`, `make`, `umount`, …) turn into.
//! Each is a process of its own, so that signals, locks, sockets and exit codes are real. Must never be reached but from
//! such a script, and touches nothing outside of its rehearsal's folder and addresses.

// before all rooms of this one, which then print with them
#[macro_use]
mod say;

mod build;
mod bystander;
pub mod changelog;
mod chunkserver;
pub mod config;
mod daemon;
pub mod disks;
mod lock;
mod master;
pub mod metadata;
mod metalogger;
mod metarestore;
mod mount;
mod options;
pub mod owners;
mod packet;
mod tools;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use semver::Version;

use super::install;
use super::site::Site;
use crate::moosefs::daemon::Role;

pub use self::daemon::TRIAL;
pub use self::mount::{GOES_OF_A_ROUND, Watch};
pub use self::packet::read_frame;

/// The first argument that makes this program a simulated one.
pub const ARGUMENT: &str = "__simulated";
/// The variable that says which host's folder a simulated program works in.
pub const ROOT_VARIABLE: &str = "MFSUPGRADE_SIM_HOST";

/// A call of a simulated program.
#[derive(Debug)]
pub struct Call {
    /// The host.
    pub site: Site,
    /// The program.
    pub program: String,
    /// The release.
    pub version: Version,
    /// Its command line, the program's own path (on this machine) first.
    pub argv: Vec<String>,
}

impl Call {
    /// The program's name, as the host sees it.
    #[must_use]
    pub fn seen_name(&self) -> String {
        self.site.seen(&self.argv[0])
    }

    /// The program's file, on this machine.
    #[must_use]
    pub fn exe(&self) -> PathBuf {
        std::path::absolute(&self.argv[0]).unwrap_or_else(|_| PathBuf::from(&self.argv[0]))
    }

    /// The prefix that the program was configured for: where it is installed that is two folders up, in a tree what the
    /// tree was told.
    #[must_use]
    pub fn prefix(&self) -> String {
        let exe = self.exe();
        let prefix = exe.parent().and_then(Path::parent).unwrap_or(Path::new("/"));
        if let Some(tree) = install::tree_at(prefix) {
            return tree.prefix;
        }
        self.site.seen(&prefix.to_string_lossy())
    }
}

/// The whole program, when its first argument is [`ARGUMENT`]; `args` are those behind it: program, release, and the
/// command line.
#[must_use]
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let mut args = args.into_iter().map(|arg| arg.to_string_lossy().into_owned());
    let (Some(program), Some(version)) = (args.next(), args.next()) else { return misuse("no program") };
    let Ok(version) = version.parse() else { return misuse("no version") };
    let Some(root) = std::env::var_os(ROOT_VARIABLE) else { return misuse("not on a simulated host") };
    let site = match Site::load(Path::new(&root)) {
        Ok(site) => site,
        Err(error) => return misuse(&error.to_string()),
    };
    let (is_child, program) = match program.strip_prefix("daemon:") {
        Some(program) => (true, program.to_owned()),
        None => (false, program),
    };
    let mut argv: Vec<String> = args.collect();
    if argv.is_empty() {
        argv.push(program.clone());
    }
    let call = Call { site, program, version, argv };
    match (call.program.as_str(), is_child) {
        ("mfsmaster", false) => daemon::command(&call, Role::Master),
        ("mfsmaster", true) => daemon::child(&call, Role::Master),
        ("mfschunkserver", false) => daemon::command(&call, Role::Chunkserver),
        ("mfschunkserver", true) => daemon::child(&call, Role::Chunkserver),
        ("mfsmetalogger", false) => daemon::command(&call, Role::Metalogger),
        ("mfsmetalogger", true) => daemon::child(&call, Role::Metalogger),
        ("mfsmetarestore", _) => metarestore::command(&call),
        ("mfsmount", false) => mount::command(&call),
        ("mfsmount", true) => mount::child(&call),
        ("tar", _) => build::tar(&call),
        ("configure", _) => build::configure(&call),
        ("make", _) => build::make(&call),
        ("chown", _) => owners::chown(&call),
        ("chroot", _) => owners::tried(&call),
        ("stat", _) => owners::stat(&call),
        ("bystander", false) => bystander::command(&call),
        ("bystander", true) => bystander::child(&call),
        ("umount" | "fusermount" | "fusermount3", _) => tools::umount(&call),
        ("unshare", _) => tools::unshare(&call),
        ("apt-get" | "apt" | "dnf" | "yum" | "rpm" | "dpkg" | "zypper", _) => tools::package(&call),
        (other, _) => {
            eprintln!("{other} {} (simulated): nothing is simulated of this program", call.version);
            ExitCode::SUCCESS
        }
    }
}

fn misuse(reason: &str) -> ExitCode {
    eprintln!("a simulated program was called outside of a rehearsal: {reason}");
    ExitCode::FAILURE
}
