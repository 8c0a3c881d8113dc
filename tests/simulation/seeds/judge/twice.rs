//! Nothing destructive twice: no start, stop, umount or mount is sent whose effect has been there for a moment.

use mfsupgrade::moosefs::daemon::Role;

use super::{JUST, Judge, Running};
use crate::seeds::deed::Deed;

impl Judge {
    pub(super) fn again(&mut self, host: &str, deed: &Deed) {
        let long = |p: &Running| p.new == self.goal && self.now - p.since > JUST;
        let there = match deed {
            Deed::Start(role) => self.runs(host, *role).any(long),
            Deed::Stop(role) => {
                let ended = self.ended.get(&(host.to_owned(), *role));
                // a master that has not saved its metadata shows no effect: to be told once more ends nothing
                let shows = *role != Role::Master || self.metadata_is_whole;
                shows && self.runs(host, *role).next().is_none() && ended.is_some_and(|at| self.now - at > JUST)
            }
            Deed::Unmount(point) => match self.taken.get(&(host.to_owned(), point.clone())) {
                Some(taken) => self.now - taken > JUST,
                None => self.mounted(host, point).is_some_and(long),
            },
            Deed::Mount(point) => self.mounted(host, point).is_some_and(long),
            _ => false,
        };
        if there {
            self.broke("twice", format!("{deed} on {host}, whose effect is there"));
        }
    }
}
