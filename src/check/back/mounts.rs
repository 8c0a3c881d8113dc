//! Mounts on the way back: which of them are of the new release, and whether the run made them.

use super::{Changed, Check};
use crate::check::Code;
use crate::host::{HostFacts, MountArguments};
use crate::moosefs::daemon::Role;

/// What is at a mount point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mounted {
    /// A mount of the old release.
    Old,
    /// Another one.
    New,
    /// Nothing.
    Not,
}

impl Check<'_> {
    /// The mounts of a client of the run, with what is there now. One whose turn had not come, and that is not there, was away
    /// before, and is not the run's.
    pub(super) fn mounts(&mut self, changed: &Changed, facts: &HostFacts) -> Vec<(MountArguments, Mounted)> {
        let all = || changed.mounts.iter().chain(&changed.not_begun);
        let of_run = |point: &str| all().any(|m| m.mount_point.as_str() == point);
        let new = |kind: &str| kind.starts_with("fuse.mfs");
        let strange: Vec<_> = facts
            .mounts
            .iter()
            .filter(|m| new(&m.kind) && !of_run(&m.mount_point))
            .map(|m| m.mount_point.clone())
            .collect();
        if !strange.is_empty() {
            self.find(
                Code::BackNotByRun,
                Some(&changed.host),
                format!("{} is mounted in the new release, and not by this run", strange.join(", ")),
                "it does not work with an old master, and nobody knows how the old release would mount it",
                "unmount it first".into(),
            );
        }
        let from = self.from().clone();
        let is_old = |m: &MountArguments| {
            let mut old =
                facts.processes.iter().filter(|p| p.role == Role::Client && p.version.as_ref() == Some(&from));
            let there = facts.mount(m.mount_point.as_str()).is_some_and(|line| !new(&line.kind));
            there && old.any(|p| p.mount_point().as_ref() == Some(&m.mount_point))
        };
        let seen = |m: &MountArguments| match facts.mount(m.mount_point.as_str()) {
            None => Mounted::Not,
            Some(_) if is_old(m) => Mounted::Old,
            Some(_) => Mounted::New,
        };
        let begun = changed.mounts.iter().map(|m| (m.clone(), seen(m)));
        let others = changed.not_begun.iter().map(|m| (m.clone(), seen(m))).filter(|(_, seen)| *seen != Mounted::Not);
        begun.chain(others).collect()
    }
}
