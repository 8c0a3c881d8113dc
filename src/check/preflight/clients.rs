//! Clients: known to the master, with mounts that can be changed.

use std::collections::BTreeMap;

use super::names::Seeker;
use super::{Check, surveyed};
use crate::check::{ClientSeen, Code, keepers};
use crate::host::{HostFacts, HostName, MountArguments};
use crate::moosefs::daemon::Role;
use crate::plan::ClientGroup;

impl Check<'_> {
    pub(super) fn clients(&mut self) -> BTreeMap<HostName, ClientSeen> {
        let plan = self.plan;
        let mut seen = BTreeMap::new();
        for group in &plan.clients {
            for host in &group.hosts {
                let Some(facts) = self.facts(host, Role::Client, &group.access) else { continue };
                let mounts = self.mounts(group, host, facts);
                mounts.iter().for_each(|mount| self.remount(group, host, mount, facts));
                let upgraded = !mounts.is_empty() && mounts.iter().all(|mount| self.is_upgraded(mount, facts));
                if !mounts.is_empty() && !upgraded {
                    self.device(host, facts);
                }
                let Some(address) = facts.address_towards(plan.master.admin_port) else {
                    self.find(
                        Code::ClientNotConnected,
                        Some(host),
                        format!("it has no connection to a master's port {}", plan.master.admin_port),
                        "after the remount nobody could tell whether the master knows the new mount",
                        "mount it, or take the host out of the plan".into(),
                    );
                    continue;
                };
                seen.insert(host.clone(), ClientSeen { address, mounts, upgraded });
            }
        }
        seen
    }

    fn is_upgraded(&self, mount: &MountArguments, facts: &HostFacts) -> bool {
        let mut running = facts.processes.iter().filter(|p| p.mount_point().as_ref() == Some(&mount.mount_point));
        running.any(|process| process.version.as_ref() == Some(&self.plan.upgrade.to))
    }

    /// What stands in the way of changing one mount, and what changes with it.
    fn remount(&mut self, group: &ClientGroup, host: &HostName, mount: &MountArguments, facts: &HostFacts) {
        let point = mount.mount_point.as_str();
        let mut running = facts.processes.iter().filter(|p| p.mount_point().as_ref() == Some(&mount.mount_point));
        let Some(process) = running.next() else { return };
        if process.version.as_ref() == Some(&self.plan.upgrade.to) {
            return;
        }
        self.findings.extend(keepers::of(group, host, point, facts, self.new_family()));
        let said = format!("{point} names its master {}", mount.master);
        let seeker = Seeker { role: Role::Client, name: mount.master.as_str(), said, port: Some(mount.port) };
        self.finds_master(host, facts, &seeker);
        self.mount_file(host, &group.access, mount, facts);
        self.under(host, mount, facts);
        let shown: Vec<&str> = facts.mount(point).map(|line| line.options.split(',').collect()).unwrap_or_default();
        let before = process.mount_arguments().map(|m| m.options).unwrap_or_default();
        let changes = changes(&before, &shown, &mount.options);
        if !changes.is_empty() && !mount.meta {
            self.find(
                Code::MountOptionsChange,
                Some(host),
                format!("{point} will be {}", changes.join(", ")),
                &format!(
                    "{} mounts `nosuid,nodev` unless it is told otherwise, and the plan's mount_options hold in place of what runs",
                    self.new_family()
                ),
                "nothing, if that is wanted; else add to `mount_options`, or leave them out to keep what runs".into(),
            );
        }
    }

    /// The mount that is there was made through it; a host can lose it since (a module that was unloaded, a container).
    fn device(&mut self, host: &HostName, facts: &HostFacts) {
        if !facts.fuse {
            self.find(
                Code::FuseMissing,
                Some(host),
                "it has no /dev/fuse".into(),
                "mfsmount makes every mount through it: what is unmounted could not be mounted again",
                "bring it back, for example with `modprobe fuse`".into(),
            );
        }
    }

    /// What a writer put under the mount point between an unmount and a mount (seen: the writer went on into the folder under the mount point).
    fn under(&mut self, host: &HostName, mount: &MountArguments, facts: &HostFacts) {
        let point = mount.mount_point.as_str();
        match facts.under.get(point) {
            Some(names) if !names.is_empty() && mount.wants_empty() => self.find(
                Code::FilesUnderMount,
                Some(host),
                format!("under {point}, hidden by the mount, there are {}", names.join(", ")),
                "mfsmount refuses a mount point that is not empty: it is unmounted, and then not mounted again",
                format!("unmount {point} once and move them away, or add `nonempty` to `mount_options`"),
            ),
            None if surveyed(facts) => self.find(
                Code::UnderMountUnknown,
                Some(host),
                format!("what is under {point} could not be looked at"),
                "files there would keep the new mount from being made",
                "nothing, if nobody ever wrote there while it was not mounted; `unshare` of util-linux lets it be seen"
                    .into(),
            ),
            _ => {}
        }
    }
}

/// How a mount will differ: `before` is what its command line says, `shown` what the kernel does, `then` what is asked for.
fn changes(before: &[String], shown: &[&str], then: &[String]) -> Vec<String> {
    let has = |options: &[String], name: &str| options.iter().any(|option| option == name);
    let mut changes = Vec::new();
    let writable = !has(before, "ro") && !shown.contains(&"ro");
    match (writable, !has(then, "ro")) {
        (true, false) => changes.push("read-only".to_owned()),
        (false, true) => changes.push("writable".to_owned()),
        _ => {}
    }
    for name in ["suid", "dev"] {
        let off = format!("no{name}");
        let is_on = has(before, name) && !shown.contains(&off.as_str());
        match (is_on, has(then, name)) {
            (true, false) => changes.push(format!("mounted with {off}")),
            (false, true) => changes.push(format!("mounted with {name}")),
            _ => {}
        }
    }
    let lost = before.iter().filter(|o| !["ro", "suid", "dev"].contains(&o.as_str()) && !has(then, o));
    changes.extend(lost.map(|option| format!("mounted without {option}")));
    if shown.contains(&"noexec") && !has(then, "noexec") {
        changes.push("mounted without noexec".to_owned());
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_mount_loses_is_named() {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let old = words("suid dev");
        assert_eq!(changes(&old, &["rw"], &old), [""; 0]);
        assert_eq!(changes(&old, &["rw"], &words("mfscachefiles")), ["mounted with nosuid", "mounted with nodev"]);
        assert_eq!(changes(&old, &["rw", "nodev"], &old), ["mounted with dev"]);
        assert_eq!(changes(&words("ro suid dev"), &["ro"], &old), ["writable"]);
        assert_eq!(changes(&old, &["rw"], &words("suid dev ro")), ["read-only"]);
        assert_eq!(changes(&words("suid dev mfscachefiles"), &["rw"], &old), ["mounted without mfscachefiles"]);
    }
}
