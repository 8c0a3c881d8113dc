//! Mounts on the way back: which of them are of the new release, and whether the run made them.

use super::{Changed, Check};
use crate::check::{Code, Finding, Severity, keepers};
use crate::host::shell::quote;
use crate::host::{HostFacts, HostName, MountArguments};
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
        let device = |point: &str| facts.placed_at(point).map(|place| &place.device);
        // told as what it is
        let second =
            |point: &str| device(point).is_some_and(|here| all().any(|m| device(m.mount_point.as_str()) == Some(here)));
        let strange: Vec<_> = facts
            .mounts
            .iter()
            .filter(|m| new(&m.kind) && !of_run(&m.mount_point) && !second(&m.mount_point))
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
        let all: Vec<_> = begun.chain(others).collect();
        for (mount, _) in all.iter().filter(|(_, seen)| *seen == Mounted::New) {
            self.keeps(&changed.host, mount.mount_point.as_str(), facts);
        }
        all
    }

    /// What would make the step of a mount of the new release fail. A warning is a note here, since the plan of a run that is
    /// taken back is as it was and can acknowledge nothing more: its umount refuses, and the run stops before the first chunkserver.
    /// Where no new master serves, clients come last, and nothing of theirs holds up what brings the file system back.
    fn keeps(&mut self, host: &HostName, point: &str, facts: &HostFacts) {
        let Some(group) = self.plan.clients.iter().find(|group| group.hosts.contains(host)) else { return };
        let mut found = keepers::of(group, host, point, facts, self.plan.line().from);
        let second = facts.other_places(point).into_iter().filter(|place| place.seen_by.is_none());
        found.extend(second.map(|place| {
            let at = &place.point;
            Finding::new(
                Code::MountSecondPlace,
                Some(host),
                format!("{at} is a second place (`mount --bind`) of {point}"),
                "mfsmount ends when its last place is unmounted: the step refuses to unmount the first one",
                format!("`umount {}` before this host's turn, and bind it again afterwards", quote(at)),
            )
        }));
        for finding in &mut found {
            if finding.severity == Severity::Warning || !self.new_master {
                finding.severity = Severity::Note;
            }
        }
        self.findings.extend(found);
    }
}
