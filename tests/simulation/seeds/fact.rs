//! What happened in the world: the judge's only source.

use std::fmt;

use mfsupgrade::host::lock::Holder;
use mfsupgrade::moosefs::daemon::Role;

use super::deed::Deed;
use super::faults::Kind;

/// Who caused it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// A command of the tool.
    Us,
    /// The world, or the operator.
    World,
}

/// How a walk ended, and what it says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    Finished,
    /// With what it says of the meantime.
    Paused(String),
    /// Kind, host and the whole account.
    Failed {
        kind: mfsupgrade::run::FailureKind,
        host: Option<String>,
        account: String,
    },
    /// Nothing: it was killed.
    Killed,
}

/// The cluster as its master sees it, and as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Health {
    /// Whether a master serves, and whether the new one.
    pub master: Option<bool>,
    /// Whether it has other metadata.
    pub other_metadata: bool,
    /// By chunkserver: at the master with all of its chunks.
    pub back: Vec<bool>,
    /// Chunks under goal, the missing ones included.
    pub under_goal: u32,
    /// Chunks without a copy.
    pub missing: u32,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// The operator goes the way back: with a new master that serves, or with none.
    WayBack { in_use: bool },
    /// It is not let go, and why.
    Refused(String),
    /// Whether the master's host has the metadata as its last master left it at a clean end.
    Metadata { whole: bool },
    /// A chunkserver's disks have the folders of 1.6, or of 1.5.
    Folders { host: String, wide: bool },
    /// The operator leaves the run and begins another upgrade in its place, in the clients' phase of a full-stop.
    Anew,
    /// A second process of the run is told who walks it.
    TurnedAway(Holder),
    /// It sends a command, while the first walks the run.
    Beside { host: String, deed: Deed },
    /// The tool begins or goes on.
    Session,
    /// It stopped, and says so.
    Stopped(Said),
    /// Its journal says that the target is reached.
    Reached,
    /// A look at a host is tried, at who uses its mounts as well.
    Looked { host: String, users: bool },
    /// Somebody begins or ends to use a mount.
    Used { host: String, mount: String, used: bool },
    /// A mount was taken away from under whoever uses it, who goes on in it; or that is over.
    Left { host: String, mount: String, left: bool },
    /// A command begins on a host.
    Command { host: String, deed: Deed },
    /// It ended there, and whether the tool that sent it is told so.
    Ended { host: String, deed: Deed, code: i32, told: bool },
    /// A process of this release appeared or ended. For a mount: where.
    Process { host: String, role: Role, new: bool, mount: Option<String>, runs: bool, by: By },
    /// A copy of the metadata is whole on the master's host.
    Copied { copy: u32, files: usize },
    /// One of its files arrived here.
    Fetched { copy: u32, file: String, equal: bool },
    /// The new release has loaded a copy, or could not.
    Tried { copy: u32, loaded: bool },
    /// The master begins or ends to save its metadata.
    Saving(bool),
    /// The cluster changed.
    Health(Health),
    /// Something goes wrong.
    Fault { kind: Kind, host: Option<String> },
    /// The operator puts in order what is broken.
    Repair,
    /// A command is sent to the machine of another name, or of none of the plan.
    Strayed { name: String, machine: String },
    /// What the executor tells; for people, and not for the judge.
    Told(String),
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let release = |new: bool| if new { "new" } else { "old" };
        match self {
            Self::WayBack { in_use } => write!(f, "== the way back, the file system is in use: {in_use}"),
            Self::Refused(why) => write!(f, "== the way back is refused: {why}"),
            Self::Metadata { whole } => write!(f, "metadata.mfs of a clean end is there: {whole}"),
            Self::Folders { host, wide } => write!(f, "{host}: the folders of 1.6: {wide}"),
            Self::Anew => f.write_str("== another upgrade in the place of this one"),
            Self::TurnedAway(holder) => write!(f, "-- a second process is told that {holder}"),
            Self::Beside { host, deed } => write!(f, "{host}: {deed}, of a second process"),
            Self::Session => f.write_str("== the tool begins"),
            Self::Reached => f.write_str("the journal says that the target is reached"),
            Self::Stopped(Said::Failed { kind, host, account }) => {
                write!(f, "== the tool stops, {kind:?} at {}: {account}", host.as_deref().unwrap_or("no host"))
            }
            Self::Stopped(said) => write!(f, "== the tool stops: {said:?}"),
            Self::Looked { host, users } => {
                write!(f, "{host}: looked at{}", if *users { ", and at users" } else { "" })
            }
            Self::Used { host, mount, used: true } => write!(f, "{host}: {mount} is in use"),
            Self::Used { host, mount, used: false } => write!(f, "{host}: {mount} is in use no more"),
            Self::Left { host, mount, left: true } => write!(f, "{host}: who uses {mount} goes on in the old mount"),
            Self::Left { host, mount, left: false } => write!(f, "{host}: nobody is in the old {mount} any more"),
            Self::Command { host, deed } => write!(f, "{host}: {deed}"),
            Self::Ended { host, deed, code, told } => {
                let unseen = if *told { "" } else { ", unseen" };
                write!(f, "{host}: {deed} ended with {code}{unseen}")
            }
            Self::Process { host, role, new, mount, runs, by } => {
                let (program, verb) = (role.program(), if *runs { "appears" } else { "ends" });
                let at = mount.as_deref().unwrap_or_default();
                write!(f, "{host}: the {} {program} {at} {verb} ({by:?})", release(*new))
            }
            Self::Copied { copy, files } => write!(f, "copy {copy} of the metadata, {files} files"),
            Self::Fetched { copy, file, equal } => write!(f, "{file} of copy {copy} arrives, equal: {equal}"),
            Self::Tried { copy, loaded } => write!(f, "copy {copy} tried, loaded: {loaded}"),
            Self::Saving(saves) => write!(f, "the master saves: {saves}"),
            Self::Health(h) => {
                let master = h.master.map_or("none", release);
                let back: String = h.back.iter().map(|b| if *b { '+' } else { '-' }).collect();
                let other = if h.other_metadata { " ON OTHER METADATA" } else { "" };
                write!(f, "master {master}{other}, servers {back}, {} under goal, {} missing", h.under_goal, h.missing)
            }
            Self::Fault { kind, host } => write!(f, "!! {kind:?} {}", host.as_deref().unwrap_or_default()),
            Self::Repair => f.write_str("-- the operator puts things in order"),
            Self::Strayed { name, machine } => write!(f, "what is meant for {name} is run on {machine}"),
            Self::Told(text) => write!(f, "     {text}"),
        }
    }
}
