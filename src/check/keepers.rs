//! Who uses a mount, where it is beside its mount point, and what keeps it that is no process: each would make the step fail, with the mount
//! gone or still as it was. The same for both ways. PURE.

use super::{Code, Finding};
use crate::host::places::{Keeper, Onlooker, Placed};
use crate::host::shell::quote;
use crate::host::{AbsPath, HostFacts, HostName};
use crate::moosefs::version::Family;
use crate::plan::{Busy, ClientGroup};

/// Of places, of mounts and of folders so many are named.
const NAMED: usize = 5;

/// All that keeps the mount at `point`, in place of which one of `next` will be made. Second places in the host's own namespace are told with the mounts.
pub(super) fn of(group: &ClientGroup, host: &HostName, point: &str, facts: &HostFacts, next: Family) -> Vec<Finding> {
    let mut told = Told { findings: Vec::new(), next };
    told.busy(group, host, point, facts);
    told.all(host, point, facts);
    told.findings
}

struct Told {
    findings: Vec<Finding>,
    /// The releases that the next mount is of.
    next: Family,
}

impl Told {
    fn find(&mut self, code: Code, host: Option<&HostName>, seen: String, why: &str, todo: String) {
        self.findings.push(Finding::new(code, host, seen, why, todo));
    }

    fn all(&mut self, host: &HostName, point: &str, facts: &HostFacts) {
        self.in_namespaces(host, point, facts);
        self.below(host, point, facts);
        self.keepers(host, point, facts);
        self.automounted(host, point, facts);
        if !facts.space.is_empty() && !facts.tells_places() && !facts.users_cut {
            self.find(
                Code::MountUsersUnknown,
                Some(host),
                format!("whether other mount namespaces (containers, services) have {point} was not told in full"),
                "mfsmount does not end before its last place is unmounted",
                "nothing, if the host has neither; Linux before 2.6.26 does not tell it".into(),
            );
        }
    }

    fn busy(&mut self, group: &ClientGroup, host: &HostName, point: &str, facts: &HostFacts) {
        let Some(named) = facts.named_processes_of(point) else {
            if facts.users_cut {
                self.find(
                    Code::MountUsersUnknown,
                    Some(host),
                    format!("whether anything uses {point} could not be told within some seconds"),
                    "umount refuses while anything uses the mount",
                    "look with `fuser -m` or `lsof` before this host's turn comes".into(),
                );
            }
            return;
        };
        let seen = format!("{point} is used by {named}");
        let (why, todo) = match (group.busy, group.lazy_unmount) {
            (Busy::Fail, false) => {
                let why = "umount refuses while anything uses the mount: this host would keep the mount that it has";
                let todo =
                    "end them before this host's turn comes, or now; or say in the plan what is done then (`busy`)";
                return self.find(Code::MountBusy, Some(host), seen, why, todo.into());
            }
            (Busy::Skip, _) => (
                "the plan skips a mount in use: this host would keep the mount that it has, and the run would not end as a success",
                "end them before this host's turn comes",
            ),
            (Busy::Wait(_), false) => (
                "the plan waits for a mount in use, and then it is a failure of this host",
                "end them before this host's turn comes, or while it is waited for",
            ),
            (Busy::Fail | Busy::Wait(_), true) => (
                "the plan takes the mount away from them: they go on in the old one until they end",
                "end them before this host's turn comes",
            ),
        };
        self.find(Code::MountInUse, Some(host), seen, why, todo.into());
    }

    fn in_namespaces(&mut self, host: &HostName, point: &str, facts: &HostFacts) {
        let places = facts.other_places(point);
        let away: Vec<(&Placed, &Onlooker)> =
            places.into_iter().filter_map(|place| Some((place, place.seen_by.as_ref()?))).collect();
        let Some((_, first)) = away.first() else { return };
        let seen = away.iter().map(|(place, by)| format!("{by} on {}", place.point)).collect();
        let take = away.iter().filter(|(place, _)| AbsPath::new(&place.point).is_ok());
        let take = take.map(|(place, by)| format!("`nsenter -t {} -m umount {}`", by.pid, quote(&place.point)));
        let take = Some(few(take.collect())).filter(|take| !take.is_empty());
        let take = take.map(|take| format!(", or take the mount from it: {take}")).unwrap_or_default();
        self.find(
            Code::MountInNamespace,
            Some(host),
            format!("{point} is mounted in other mount namespaces too, where `umount {point}` does not reach: {}", few(seen)),
            "mfsmount ends when its last place is unmounted: the mount point would be empty, the new mount not made, and who is \
             in there would keep the mount as it is",
            format!(
                "stop the container or service before this host's turn (`systemctl status {}` there says which it is) and start \
                 it again afterwards{take}",
                first.pid
            ),
        );
    }

    fn below(&mut self, host: &HostName, point: &str, facts: &HostFacts) {
        let below: Vec<_> = facts.mounted_below(point);
        if below.is_empty() {
            return;
        }
        let umount = below.iter().filter_map(|place| AbsPath::new(&place.point).ok());
        let umount = few(umount.map(|place| format!("`umount {}`", quote(place.as_str()))).collect());
        let seen =
            few(below.iter().map(|place| format!("{} ({} {})", place.point, place.kind, place.source)).collect());
        self.find(
            Code::MountBelow,
            Some(host),
            format!("on the mount {point} other file systems are mounted: {seen}"),
            "umount refuses while they are there: this host would keep the mount that it has",
            format!("unmount them before this host's turn comes, and mount them again afterwards: {umount}"),
        );
    }

    fn keepers(&mut self, host: &HostName, point: &str, facts: &HostFacts) {
        for keeper in facts.keepers_of(point) {
            match keeper {
                Keeper::Loop { device, file, mounted } => {
                    let mut used = mounted.iter().map(|on| format!("mounted on {on}")).collect::<Vec<_>>();
                    used.extend(facts.is_swap(device).then(|| "swap space".to_owned()));
                    let used = if used.is_empty() { String::new() } else { format!(", {}", used.join(", ")) };
                    let mut steps: Vec<_> = mounted.iter().map(|on| format!("umount {}", quote(on))).collect();
                    steps.extend(facts.is_swap(device).then(|| format!("swapoff {}", quote(device))));
                    steps.push(format!("losetup -d {}", quote(device)));
                    self.backs(host, format!("{file} on the mount {point} is the disk of {device}{used}"), &steps);
                }
                Keeper::Swap(path) => {
                    let seen = format!("{path} on the mount {point} is swap space");
                    self.backs(host, seen, &[format!("swapoff {}", quote(path))]);
                }
                Keeper::Stacked { folder, kind, point: at } => self.find(
                    Code::MountSecondPlace,
                    Some(host),
                    format!("the {kind} file system on {at} has {folder} of the mount {point} as one of its folders"),
                    "it has a place of the mount to itself: `umount` works, mfsmount does not end, and the new mount is not made",
                    format!("`umount {}` before the upgrade, and mount it again afterwards", quote(at)),
                ),
                // all of them are one trouble
                Keeper::Export { .. } => {}
            }
        }
        let exports = facts.keepers_of(point).into_iter().filter_map(|keeper| match keeper {
            Keeper::Export { path, .. } => Some(path.clone()),
            _ => None,
        });
        let exports: Vec<_> = exports.collect();
        if !exports.is_empty() {
            self.find(
                Code::MountExported,
                Some(host),
                format!("the kernel's NFS server exports the mount {point}: {}", few(exports)),
                "it keeps files of the mount open without a process, so that umount can refuse; and on the new mount its clients have \
                 stale file handles",
                "stop the NFS server before this host's turn comes (`exportfs -ua`, then its service), start it behind it, and let its \
                 clients mount again"
                    .into(),
            );
        }
    }

    fn backs(&mut self, host: &HostName, seen: String, steps: &[String]) {
        self.find(
            Code::MountBacksDevice,
            Some(host),
            seen,
            "the kernel keeps the file open without a process, so that umount refuses: this host would keep the mount that it has",
            format!("give it back before this host's turn comes: `{}`", steps.join(" && ")),
        );
    }

    fn automounted(&mut self, host: &HostName, point: &str, facts: &HostFacts) {
        let Some(auto) = facts.automounted(point) else { return };
        let (by, todo) = if auto.source.starts_with("systemd") {
            let unit = format!("systemctl stop \"$(systemd-escape -p --suffix=automount {})\"", quote(&auto.point));
            ("systemd".to_owned(), format!("`{unit}` before this host's turn, `start` in its place afterwards"))
        } else {
            let map = format!("automount, from {}", auto.source);
            (
                map,
                format!(
                    "stop automount before this host's turn, put the line of its map right for {}, and start it afterwards",
                    self.next
                ),
            )
        };
        self.find(
            Code::MountAutomounted,
            Some(host),
            format!("{point} is below the automounter's {} ({by})", auto.point),
            "between the unmount and the new mount the first that looks there makes it mount again, by its own line: the new mount \
             would find the place taken, or the old options be back",
            todo,
        );
    }
}

/// The first few, and how many more there are.
fn few(mut named: Vec<String>) -> String {
    let more = named.len().saturating_sub(NAMED);
    named.truncate(NAMED);
    if more > 0 {
        named.push(format!("and {more} more"));
    }
    named.join(", ")
}
