//! Where a mount is beside its mount point, and who keeps it in use. PURE.
//!
//! `umount` takes one place away. mfsmount ends when the kernel has let the last one go (`fuse_session_loop_mt`; main.c of
//! mfsmount @ 1.5.12), and what keeps the mount point itself in use makes `umount` refuse.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::HostFacts;

/// Users of a mount that are named before the rest is counted.
const USERS_NAMED: usize = 5;

/// A line of `/proc/PID/mountinfo` (proc(5)): of a mount of MooseFS, or of what one is mounted on, or of what is mounted on one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed {
    /// The process that was asked; `None`: it is in the host's own namespace.
    pub seen_by: Option<Onlooker>,
    /// Its number, which no other mount of the kernel has.
    pub id: u64,
    /// The number of the mount that it is mounted on.
    pub parent: u64,
    /// `0:57`: of every place of one mfsmount the same.
    pub device: String,
    /// The folder of the file system that is mounted.
    pub root: String,
    /// Where, as the process sees it.
    pub point: String,
    /// Its peer group: what is mounted or unmounted below it is so below all of the group.
    pub shared: Option<u64>,
    /// The groups that it follows, itself or through others.
    pub follows: Vec<u64>,
    /// The file system's type.
    pub kind: String,
    /// What it says it is mounted from.
    pub source: String,
}

/// A process that sees a mount namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Onlooker {
    /// Process id.
    pub pid: u32,
    /// `/proc/PID/comm`.
    pub name: String,
    /// Its unit (`docker-….scope`), where its host has such.
    pub unit: Option<String>,
}

impl fmt::Display for Onlooker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.unit {
            Some(unit) => write!(f, "{} ({}, {unit})", self.name, self.pid),
            None => write!(f, "{} ({})", self.name, self.pid),
        }
    }
}

/// What uses files of a mount, and is no process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Keeper {
    /// A loop device, and the file that it is made of.
    Loop {
        /// `/dev/loop0`
        device: String,
        /// Its file.
        file: String,
        /// Where it is mounted, the first five.
        mounted: Vec<String>,
    },
    /// A file system that is put together from a folder. It has a place of the mount of its own, that nobody sees: `umount` works,
    /// and mfsmount does not end (run with overlay).
    Stacked {
        /// The folder.
        folder: String,
        /// `overlay`
        kind: String,
        /// Where it is mounted.
        point: String,
    },
    /// Swap space: a file, or a loop device.
    Swap(String),
    /// A folder that the kernel's NFS server exports.
    Export {
        /// The folder.
        path: String,
        /// Whether what is mounted below it is exported with it.
        crosses: bool,
    },
}

impl Placed {
    /// Reads `PID NAME UNIT LINE`, tab separated; PID 0 is the host's own namespace.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(4, '\t');
        let (pid, name, unit) = (parts.next()?.parse().ok()?, parts.next()?, parts.next()?);
        let unit = (!unit.is_empty()).then(|| unit.to_owned());
        let seen_by = (pid != 0).then(|| Onlooker { pid, name: name.to_owned(), unit });
        let (mount, system) = parts.next()?.split_once(" - ")?;
        let mut words = mount.split(' ');
        let (id, parent) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let (device, root, point) = (words.next()?, words.next()?, words.next()?);
        let (mut shared, mut follows) = (None, Vec::new());
        for word in words.skip(1) {
            match word.split_once(':') {
                Some(("shared", group)) => shared = group.parse().ok(),
                Some(("master" | "propagate_from", group)) => follows.extend(group.parse::<u64>().ok()),
                // others are to be ignored (proc(5))
                _ => {}
            }
        }
        let (kind, rest) = system.split_once(' ')?;
        let source = rest.split(' ').next().unwrap_or_default();
        let own = str::to_owned;
        Some(Self {
            seen_by,
            id,
            parent,
            device: own(device),
            root: own(root),
            point: own(point),
            shared,
            follows,
            kind: own(kind),
            source: own(source),
        })
    }

    /// Where `point` is within the file system of this mount.
    fn within(&self, point: &str) -> Option<String> {
        let rest = below(&self.point, point)?;
        Some(format!("{}{rest}", self.root.trim_end_matches('/')))
    }
}

/// What is left of `path` behind `folder`: empty, or with a slash before it.
fn below<'a>(folder: &str, path: &'a str) -> Option<&'a str> {
    let rest = path.strip_prefix(folder.trim_end_matches('/'))?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

impl HostFacts {
    /// Whether the host tells where else its mounts are.
    #[must_use]
    pub fn tells_places(&self) -> bool {
        !self.placed.is_empty() && !self.placed_cut
    }

    /// The place at `point` in the host's own namespace, the topmost if there are several.
    #[must_use]
    pub fn placed_at(&self, point: &str) -> Option<&Placed> {
        let own = |p: &&Placed| p.seen_by.is_none() && p.point == point && p.kind.starts_with("fuse");
        self.placed.iter().rfind(own)
    }

    /// Other places of the mount at `point` that stay when that one is unmounted, those in the host's own namespace first. What
    /// follows a place of the host's own goes with it, as in a service's namespace (`PrivateTmp=`, `MountFlags=slave`).
    #[must_use]
    pub fn other_places(&self, point: &str) -> Vec<&Placed> {
        let Some(first) = self.placed_at(point) else { return Vec::new() };
        let same = || self.placed.iter().filter(|p| p.device == first.device && p.id != first.id);
        let own: Vec<_> = same().filter(|p| p.seen_by.is_none() && !self.goes_with(p, first)).collect();
        let heads: Vec<_> = own.iter().copied().chain([first]).collect();
        let away = same().filter(|p| p.seen_by.is_some() && !heads.iter().any(|head| self.goes_with(p, head)));
        let away: Vec<_> = away.collect();
        own.into_iter().chain(away).collect()
    }

    /// Whether `umount` of `first` takes `other` away as well: it is mounted on the same folder of what receives the unmounts of
    /// what `first` is mounted on, and nothing is mounted on it (mount_namespaces(7); propagate_umount of Linux; run).
    #[must_use]
    pub fn goes_with(&self, other: &Placed, first: &Placed) -> bool {
        let on = |mount: &Placed| self.placed.iter().find(|p| p.id == mount.parent && p.id != mount.id);
        let (Some(from), Some(to)) = (on(first), on(other)) else { return false };
        let Some(group) = from.shared else { return false };
        let receives = |groups: &BTreeSet<u64>, mount: &Placed| {
            mount.shared.iter().chain(&mount.follows).any(|group| groups.contains(group))
        };
        // a group follows another one where one of its members does
        let mut groups = BTreeSet::from([group]);
        loop {
            let more: Vec<_> = self.placed.iter().filter(|p| receives(&groups, p)).filter_map(|p| p.shared).collect();
            let before = groups.len();
            groups.extend(more);
            if groups.len() == before {
                break;
            }
        }
        let folder = from.within(&first.point);
        from.device == to.device
            && folder.is_some()
            && folder == to.within(&other.point)
            && receives(&groups, to)
            && !self.placed.iter().any(|p| p.parent == other.id)
    }

    /// What is mounted on a folder of the mount at `point`, in the host's own namespace; another place of itself is none.
    #[must_use]
    pub fn mounted_below(&self, point: &str) -> Vec<&Placed> {
        let Some(first) = self.placed_at(point) else { return Vec::new() };
        let own = |p: &&Placed| p.seen_by.is_none() && p.parent == first.id && p.device != first.device;
        self.placed.iter().filter(own).collect()
    }

    /// The automounter's place that the mount at `point` is mounted on.
    #[must_use]
    pub fn automounted(&self, point: &str) -> Option<&Placed> {
        let first = self.placed_at(point)?;
        self.placed.iter().find(|p| p.id == first.parent && p.kind == "autofs")
    }

    /// Who uses the mount at `mount_point`.
    pub fn users_of<'a>(&'a self, mount_point: &'a str) -> impl Iterator<Item = &'a super::facts::MountUser> {
        self.users.iter().filter(move |user| below(mount_point, &user.path).is_some())
    }

    /// Loop devices, swap space, exports and stacked file systems that use the mount at `point`.
    #[must_use]
    pub fn keepers_of(&self, point: &str) -> Vec<&Keeper> {
        let on = |path: &str| below(point, path).is_some();
        let is = |keeper: &&Keeper| match keeper {
            Keeper::Loop { file, .. } => on(file),
            Keeper::Stacked { folder, .. } => on(folder),
            // of a loop device it is told with that one
            Keeper::Swap(path) => on(path),
            Keeper::Export { path, crosses } => on(path) || *crosses && below(path, point).is_some(),
        };
        self.keepers.iter().filter(is).collect()
    }

    /// Whether a loop device is swap space.
    #[must_use]
    pub fn is_swap(&self, device: &str) -> bool {
        self.keepers.iter().any(|keeper| matches!(keeper, Keeper::Swap(path) if path == device))
    }

    /// The processes that use the mount at `mount_point`, in a few words, `rsync (77), sh (78)`; `None`: nobody that is known.
    #[must_use]
    pub fn named_processes_of(&self, mount_point: &str) -> Option<String> {
        let named = self.users_of(mount_point).map(|user| format!("{} ({})", user.name, user.pid)).collect();
        counted(named, self.users_cut)
    }

    /// The same with all else that keeps the mount in use, so that `umount` would refuse, or mfsmount not end.
    #[must_use]
    pub fn named_users_of(&self, mount_point: &str) -> Option<String> {
        let mut named: Vec<_> =
            self.users_of(mount_point).map(|user| format!("{} ({})", user.name, user.pid)).collect();
        named.extend(self.keepers_of(mount_point).into_iter().map(ToString::to_string));
        named.extend(self.mounted_below(mount_point).iter().map(|p| format!("what is mounted on {}", p.point)));
        named.extend(self.other_places(mount_point).iter().map(|p| p.as_another()));
        counted(named, self.users_cut || self.placed_cut)
    }
}

impl Placed {
    /// The same mount elsewhere, as a part of a sentence.
    #[must_use]
    pub fn as_another(&self) -> String {
        match &self.seen_by {
            Some(by) => format!("the mount namespace of {by}, where it is on {}", self.point),
            None => format!("its second place {}", self.point),
        }
    }
}

impl fmt::Display for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stacked { folder, kind, point } => write!(f, "the {kind} on {point} (of {folder})"),
            Self::Loop { device, file, .. } => write!(f, "the loop device {device} ({file})"),
            Self::Swap(path) => write!(f, "swap space in {path}"),
            Self::Export { path, .. } => write!(f, "the NFS export of {path}"),
        }
    }
}

/// The first few, and how many more there are.
fn counted(named: Vec<String>, cut: bool) -> Option<String> {
    let more = match named.len().saturating_sub(USERS_NAMED) {
        0 if cut => " and maybe more".to_owned(),
        0 => String::new(),
        more if cut => format!(" and {more} more at least"),
        more => format!(" and {more} more"),
    };
    (!named.is_empty()).then(|| named[..named.len().min(USERS_NAMED)].join(", ") + &more)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `ID PARENT DEVICE ROOT POINT`, its peer group, what it follows, as process `pid` sees it.
    fn at(text: &str, shared: Option<u64>, follows: &[u64], pid: u32) -> Placed {
        let [id, parent, device, root, point] = text.split(' ').collect::<Vec<_>>()[..] else { panic!("{text}") };
        let groups = shared.map(|group| format!(" shared:{group}"));
        let masters: String = follows.iter().map(|group| format!(" master:{group}")).collect();
        let line = format!(
            "{pid}\trunc\t\t{id} {parent} {device} {root} {point} rw,nosuid{}{masters} - fuse.mfs mm:9421 rw",
            groups.unwrap_or_default()
        );
        Placed::parse(&line).unwrap()
    }

    #[test]
    fn a_line_of_mountinfo_is_read_with_whatever_optional_fields_it_has() {
        let read = Placed::parse(
            "77\ta b\tx.service\t36 35 98:0 /mnt1 /mnt2 rw shared:1 master:2 propagate_from:3 new:4 - fuse MFS rw,a=b",
        )
        .unwrap();
        let by = read.seen_by.as_ref().unwrap();
        assert_eq!((by.pid, by.name.as_str(), by.to_string().as_str()), (77, "a b", "a b (77, x.service)"));
        assert_eq!((read.id, read.parent, read.device.as_str()), (36, 35, "98:0"));
        assert_eq!((read.root.as_str(), read.point.as_str(), read.kind.as_str()), ("/mnt1", "/mnt2", "fuse"));
        assert_eq!((read.shared, &read.follows[..], read.source.as_str()), (Some(1), &[2, 3][..], "MFS"));
        assert!(Placed::parse("0\t\t\t36 35 98:0 / /m rw - fuse MFS rw").unwrap().seen_by.is_none());
        for cut in [
            "",
            "0\t\t\t",
            "0\t\t\t36 35 98:0 / /m rw",
            "x\t\t\t36 35 98:0 / /m rw - fuse MFS rw",
            "0\t\t\t36 - fuse MFS",
        ] {
            assert_eq!(Placed::parse(cut), None, "{cut:?}");
        }
    }

    /// What of these stays when /mnt/mfs is unmounted.
    fn stays(placed: Vec<Placed>) -> Vec<String> {
        let facts = HostFacts { placed, ..HostFacts::default() };
        facts.other_places("/mnt/mfs").iter().map(|place| format!("{} {}", place.id, place.point)).collect()
    }

    #[test]
    fn what_receives_the_unmounts_of_the_hosts_own_place_goes_with_it_and_all_else_stays() {
        let host = |shared| vec![at("20 1 8:1 / /", shared, &[], 0), at("30 20 0:57 / /mnt/mfs", None, &[], 0)];
        let with = |shared, more: Vec<Placed>| stays([host(shared), more].concat());
        let copy = |root: Placed| vec![root, at("50 40 0:57 / /mnt/mfs", None, &[], 7)];
        // a service's namespace follows (PrivateTmp=), one that shares the host's group too
        assert_eq!(with(Some(1), copy(at("40 39 8:1 / /", None, &[1], 7))), [""; 0]);
        assert_eq!(with(Some(1), copy(at("40 39 8:1 / /", Some(1), &[], 7))), [""; 0]);
        // one that follows what follows the host
        let between = at("60 59 8:1 / /", Some(5), &[1], 8);
        let chain = [copy(at("40 39 8:1 / /", None, &[5], 7)), vec![between.clone()]].concat();
        assert_eq!(with(Some(1), chain), [""; 0]);
        // a private copy stays (a container, unshare), and so does each on a host whose root is private
        assert_eq!(with(Some(1), copy(at("40 39 8:1 / /", None, &[], 7))), ["50 /mnt/mfs"]);
        assert_eq!(with(Some(1), copy(at("40 39 8:1 / /", None, &[6], 7))), ["50 /mnt/mfs"]);
        assert_eq!(with(None, copy(at("40 39 8:1 / /", None, &[1], 7))), ["50 /mnt/mfs"]);
        // one on which something else is mounted is in use there
        let used = at("70 50 0:60 / /mnt/mfs/scratch", None, &[], 7);
        assert_eq!(with(Some(1), [copy(at("40 39 8:1 / /", None, &[1], 7)), vec![used]].concat()), ["50 /mnt/mfs"]);
        // the same mount on another folder of a root that follows
        let moved = vec![at("40 39 8:1 / /", None, &[1], 7), at("50 40 0:57 / /data", None, &[], 7)];
        assert_eq!(with(Some(1), moved), ["50 /data"]);
        // a root of a subfolder has the folder elsewhere, and it is the same folder
        let below = vec![at("40 39 8:1 /mnt /", None, &[1], 7), at("50 40 0:57 / /mfs", None, &[], 7)];
        assert_eq!(with(Some(1), below), [""; 0]);
        // a bind mount of the host's own, and a copy that follows that one alone
        let bound = at("31 20 0:57 /home /home", None, &[], 0);
        assert_eq!(with(Some(1), vec![bound.clone()]), ["31 /home"]);
        let both = vec![bound, at("40 39 8:1 / /", None, &[1], 7), at("51 40 0:57 /home /home", None, &[], 7)];
        assert_eq!(with(Some(1), both), ["31 /home"]);
    }
}
