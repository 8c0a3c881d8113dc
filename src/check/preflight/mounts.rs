//! What is mounted on a client, and what of it can be mounted again.

use std::collections::BTreeSet;

use super::Check;
use crate::check::Code;
use crate::host::facts::MountLine;
use crate::host::{AbsPath, HostFacts, HostName, MountArguments};
use crate::moosefs::daemon::Role;
use crate::plan::ClientGroup;

impl Check<'_> {
    /// The mounts to change, as the plan names them or as they are; each must be mounted by a process that can be read.
    pub(super) fn mounts(&mut self, group: &ClientGroup, host: &HostName, facts: &HostFacts) -> Vec<MountArguments> {
        let (mut found, mut unreadable) = (Vec::new(), Vec::new());
        for process in facts.processes.iter().filter(|p| p.role == Role::Client) {
            if self.version(host, process).is_none() {
                continue;
            }
            match process.mount_arguments() {
                Ok(mount) => found.push(mount),
                Err(e) => unreadable.push((process.pid, process.arguments.join(" "), e)),
            }
        }
        let all_read = unreadable.is_empty();
        for (pid, arguments, e) in unreadable {
            self.find(
                Code::MountUnreadable,
                Some(host),
                format!("mfsmount {arguments} (pid {pid}): {e}"),
                "it could not be mounted again as it was",
                "remount it with options that are known here".into(),
            );
        }
        let (found, twice) = self.claimed_once(host, found);
        let second = if all_read { self.second_places(host, facts, &found, &twice) } else { BTreeSet::new() };
        let masters: BTreeSet<_> = found.iter().map(|m| (m.master.clone(), m.port)).collect();
        if masters.len() > 1 {
            let names: Vec<_> = masters.iter().map(|(host, port)| format!("{host}:{port}")).collect();
            self.find(
                Code::MountsOfTwoMasters,
                Some(host),
                format!("its mounts name different masters: {}", names.join(", ")),
                &format!(
                    "a mount of another cluster would be taken from its users, and a {} mount does not work with a {} master",
                    self.new_family(),
                    self.old_family()
                ),
                "let all mounts of this cluster name the master in the same way, and unmount the others".into(),
            );
        }
        for mount in &found {
            if group.mounts.as_ref().is_some_and(|wanted| !wanted.contains(&mount.mount_point)) {
                self.find(
                    Code::MountNotInPlan,
                    Some(host),
                    format!("{} is mounted and not among the plan's mounts", mount.mount_point),
                    "it would be left on the old release",
                    "add it to `mounts`, leave `mounts` out to change all, or unmount it".into(),
                );
            }
        }
        let wanted: Vec<AbsPath> = match &group.mounts {
            Some(mounts) => mounts.clone(),
            None => facts.mounts.iter().filter_map(|m| AbsPath::new(&m.mount_point).ok()).collect(),
        };
        let mut mounts = Vec::new();
        for point in wanted {
            let mounted = facts.mount(point.as_str()).is_some();
            match found.iter().find(|m| m.mount_point == point) {
                Some(mount) if mounted => match &group.mount_options {
                    None => mounts.push(mount.clone()),
                    Some(options) => match mount.clone().with_options(options) {
                        Ok(mount) => mounts.push(mount),
                        Err(e) => self.find(
                            Code::MountUnreadable,
                            Some(host),
                            format!("with the plan's mount_options, {point}: {e}"),
                            "it could not be mounted again",
                            "correct mount_options".into(),
                        ),
                    },
                },
                // told already
                None if twice.contains(&point) || second.contains(&point) => {}
                _ => self.find(
                    Code::MountMissing,
                    Some(host),
                    format!("no running mfsmount is mounted on {point}"),
                    "the upgrade changes mounts that are there, with the options that they have",
                    "mount it, or take it out of the plan".into(),
                ),
            }
        }
        mounts
    }

    /// What is mounted and named by no mfsmount, beside a mount that is: umount of that one would not end its process, and the
    /// step would fail with the mount gone (`fuse_session_loop_mt` ends with the last place; `mfsmount/main.c` @ 1.5.12).
    fn second_places(
        &mut self,
        host: &HostName,
        facts: &HostFacts,
        found: &[MountArguments],
        twice: &BTreeSet<AbsPath>,
    ) -> BTreeSet<AbsPath> {
        let is = |point: &AbsPath| found.iter().any(|mount| mount.mount_point == *point) || twice.contains(point);
        // where the kernel tells devices they say of which mount it is, and else names and kinds alone
        let first = |line: &MountLine| {
            let here = facts.placed_at(&line.mount_point);
            found.iter().find(|mount| match (here, facts.placed_at(mount.mount_point.as_str())) {
                (Some(here), Some(first)) => here.device == first.device,
                _ => facts
                    .mount(mount.mount_point.as_str())
                    .is_some_and(|of| (&of.source, &of.kind) == (&line.source, &line.kind)),
            })
        };
        let mut second = BTreeSet::new();
        for line in &facts.mounts {
            let Some(point) = AbsPath::new(&line.mount_point).ok().filter(|point| !is(point)) else { continue };
            let Some(mount) = first(line) else { continue };
            let places = (facts.placed_at(point.as_str()), facts.placed_at(mount.mount_point.as_str()));
            let goes_with = matches!(places, (Some(here), Some(first)) if facts.goes_with(here, first));
            let seen = match places {
                (Some(here), Some(_)) => {
                    let of = if here.root == "/" { "" } else { here.root.as_str() };
                    format!("{point} is a second place (`mount --bind`) of {}{of}", mount.mount_point)
                }
                _ => format!(
                    "{point} is mounted and no mfsmount names it: a second place (`mount --bind`) of a mount such as {}, or left by \
                     one that ended",
                    mount.mount_point
                ),
            };
            if second.insert(point.clone()) && !goes_with {
                self.find(
                    Code::MountSecondPlace,
                    Some(host),
                    seen,
                    "mfsmount ends when its last place is unmounted: the first place would be gone, and the new mount not made",
                    format!("`umount {point}` before the upgrade, and bind it again afterwards"),
                );
            }
        }
        second
    }

    /// Without those that two processes claim: which of them serves it nobody can tell.
    fn claimed_once(
        &mut self,
        host: &HostName,
        found: Vec<MountArguments>,
    ) -> (Vec<MountArguments>, BTreeSet<AbsPath>) {
        let twice: BTreeSet<AbsPath> = found
            .iter()
            .map(|mount| &mount.mount_point)
            .filter(|point| found.iter().filter(|other| other.mount_point == **point).count() > 1)
            .cloned()
            .collect();
        for point in &twice {
            self.find(
                Code::MountClaimedTwice,
                Some(host),
                format!("more than one mfsmount of root says that it is mounted on {point}"),
                "it could be mounted again with the options of the wrong one",
                format!("run `ps -C mfsmount -o pid,user,args` there, and end the ones that do not serve {point}"),
            );
        }
        (found.into_iter().filter(|mount| !twice.contains(&mount.mount_point)).collect(), twice)
    }
}
