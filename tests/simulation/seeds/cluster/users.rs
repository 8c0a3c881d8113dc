//! Who uses mounts: umount does not take them away from under anybody, but lazily.

use super::happen::Happening;
use super::{CHUNKS, INODES, State};
use crate::seeds::fact::{By, Fact};
use crate::seeds::faults::Kind;

impl State {
    /// Somebody begins to use any of the mounts that are there.
    pub fn use_any(&mut self, seconds: i64) {
        let mounted = self.hosts.iter().enumerate().flat_map(|(at, host)| {
            host.processes.iter().filter(|p| p.mounted).filter_map(move |p| Some((at, p.mount.clone()?)))
        });
        let mounted: Vec<_> = mounted.collect();
        if mounted.is_empty() {
            return;
        }
        let (host, mount) = self.random.pick(&mounted);
        self.fired(Kind::Used(seconds), Some(host));
        let until = self.now + seconds * 1000;
        let until = self.hosts[host].used.get(&mount).map_or(until, |other| until.max(*other));
        if self.hosts[host].used.insert(mount.clone(), until).is_none() {
            self.tell(Fact::Used { host: self.hosts[host].name.clone(), mount: mount.clone(), used: true });
        }
        self.plan(seconds * 1000, Happening::UseEnds { host, mount });
    }

    /// Users begin to delete files, or where it is less than nothing, to write some.
    pub fn users_delete(&mut self, percent: i32) {
        self.fired(Kind::Deleted { percent }, None);
        self.plan(1, Happening::Deletes { steps: percent * 40 });
    }

    /// They come on slowly, and wait while no master serves: nobody deletes percents in seconds.
    pub fn delete_on(&mut self, steps: i32) {
        if self.master().is_some_and(|m| !m.other_metadata) {
            let inodes = i64::from(self.inodes) - i64::from(steps.signum()) * i64::from(INODES) / 4000;
            self.inodes = u32::try_from(inodes.max(1000)).unwrap_or(INODES);
            self.chunks =
                u32::try_from(u64::from(CHUNKS) * u64::from(self.inodes) / u64::from(INODES)).unwrap_or(CHUNKS);
            self.recheck();
        }
        let rest = steps - steps.signum();
        if rest != 0 {
            self.plan(10_000, Happening::Deletes { steps: rest });
        }
    }

    /// Nobody uses it any more, at its time or `at_once`; the process of one that was taken away ends with that.
    pub fn use_ends(&mut self, host: usize, mount: &str, at_once: bool) {
        if self.hosts[host].used.get(mount).is_none_or(|until| !at_once && *until > self.now) {
            return;
        }
        self.hosts[host].used.remove(mount);
        self.tell(Fact::Used { host: self.hosts[host].name.clone(), mount: mount.to_owned(), used: false });
        let left = self.hosts[host].processes.iter().filter(|p| p.left && p.mount.as_deref() == Some(mount));
        for pid in left.map(|p| p.pid).collect::<Vec<_>>() {
            self.plan(1000, Happening::End { host, pid, by: By::Us, cleanly: true });
        }
    }

    /// Nobody uses any mount of a host any more.
    pub fn all_uses_end(&mut self, host: usize) {
        for mount in self.hosts[host].used.keys().cloned().collect::<Vec<_>>() {
            self.use_ends(host, &mount, true);
        }
    }
}
