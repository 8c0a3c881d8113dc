//! What two looks at a host say about a step. PURE.

use semver::Version;

use crate::host::{AbsPath, HostFacts, Process};
use crate::moosefs::daemon::Role;
use crate::moosefs::releases::TABLE;

/// What a look says about a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Its effect is there; this shows it.
    Done(String),
    /// Not (yet), because.
    NotYet(String),
}

/// A host before a command was run and after it.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// The release to be reached.
    pub to: &'a Version,
    /// Before.
    pub before: &'a HostFacts,
    /// Now.
    pub now: &'a HostFacts,
    /// Whether nothing was run in between.
    pub found: bool,
}

impl<'a> Seen<'a> {
    /// A host on which nothing was run.
    #[must_use]
    pub fn found(to: &'a Version, now: &'a HostFacts) -> Self {
        Self { to, before: now, now, found: true }
    }
}

/// The process of `role` in `version`.
pub(super) fn running<'a>(facts: &'a HostFacts, role: Role, version: &Version) -> Option<&'a Process> {
    facts.processes.iter().find(|p| p.role == role && p.version.as_ref() == Some(version))
}

/// A process of `role` in any other release.
pub(super) fn other<'a>(facts: &'a HostFacts, role: Role, to: &Version) -> Option<&'a Process> {
    facts.processes.iter().find(|p| p.role == role && p.version.as_ref() != Some(to))
}

/// The daemon or mount of the release to be reached that runs, and is alone: an old one beside it is a takeover under way, or a
/// trial that was left behind. Mounts are many.
pub(super) fn alone<'a>(facts: &'a HostFacts, role: Role, to: &Version) -> Option<&'a Process> {
    running(facts, role, to).filter(|_| role == Role::Client || other(facts, role, to).is_none())
}

/// That all of `roles` run the release to be reached already is proof that everything before their start was whole.
pub(super) fn runs_already(roles: &[Role], to: &Version, before: &HostFacts) -> Option<Verdict> {
    let runs: Vec<_> = roles.iter().map(|role| alone(before, *role, to)).collect::<Option<_>>()?;
    let process = runs.first()?;
    Some(Verdict::Done(format!("{} {to} runs already (pid {})", process.role.program(), process.pid)))
}

/// 1.5 has its lock elsewhere, and a lock file of 1.6, held by nobody, is still there after a way back.
pub(super) fn lacks_its_lock(process: &Process, to: &Version) -> bool {
    process.locked == Some(false) && TABLE.locks_data_path.at(to)
}

/// A command of a lost connection, or of a process that was killed, may still be at work: the new program's process, beside
/// the old daemon's.
pub(super) fn under_way(role: Role, to: &Version, before: &HostFacts) -> Option<String> {
    let new = running(before, role, to)?;
    let old = other(before, role, to).is_some();
    old.then(|| format!("{} {to} (pid {}) is at work on the old one already", role.program(), new.pid))
}

/// The program that a command calls, by its release.
///
/// # Errors
/// It is another release, or cannot be read.
pub(super) fn installed(role: Role, prefix: &AbsPath, to: &Version, before: &HostFacts) -> Result<(), String> {
    match before.installed_version(prefix, role) {
        Some(version) if version == to => Ok(()),
        Some(version) => Err(format!("the installed {} is {version}, not {to}", role.program())),
        None => Err(format!("there is no {} whose version can be read", prefix.join(role.path_in_prefix()))),
    }
}

/// A file of this program's own, whole.
pub(super) fn there(file: &AbsPath, sha256: Option<&str>, now: &HostFacts) -> Verdict {
    match (now.kept.get(file.as_str()), sha256) {
        (None, _) => Verdict::NotYet(format!("{file} is not there")),
        (Some(is), Some(must)) if is != must => Verdict::NotYet(format!("{file} has another checksum ({is})")),
        (Some(is), _) => Verdict::Done(format!("{file} is there (sha256 {})", is.chars().take(12).collect::<String>())),
    }
}
