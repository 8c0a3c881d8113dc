//! Mounts on the way back: which of them are of the new release, and whether the run made them.

use super::{Changed, Check};
use crate::check::Code;
use crate::host::{HostFacts, MountArguments};
use crate::moosefs::daemon::Role;

impl Check<'_> {
    /// The mounts of the run that are not of the old release now, with whether a new one is there.
    pub(super) fn mounts(&mut self, changed: &Changed, facts: &HostFacts) -> Vec<(MountArguments, bool)> {
        let of_run = |point: &str| changed.mounts.iter().any(|m| m.mount_point.as_str() == point);
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
        let mounts = changed.mounts.iter().filter(|m| !is_old(m));
        mounts.map(|m| (m.clone(), facts.mount(m.mount_point.as_str()).is_some())).collect()
    }
}
