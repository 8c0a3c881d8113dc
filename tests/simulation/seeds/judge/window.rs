//! The window: nothing that serves is taken down outside it, by the clock of the world.

use mfsupgrade::moosefs::daemon::Role;

use super::{FRESH, JUST, Judge, Running};
use crate::seeds::cluster::EPOCH;
use crate::seeds::deed::Deed;

impl Judge {
    pub(super) fn within_the_window(&mut self, host: &str, deed: &Deed) {
        // a window is agreed on by the clock of the tool's machine, wherever that is set
        let clock = EPOCH + self.into_the_hour + self.ahead + self.now.div_euclid(1000);
        let Some(closed) = self.terms.shut.and_then(|shut| shut.closed_for(clock)) else { return };
        // what was looked at while it was open may be sent a moment later
        if closed * 1000 > FRESH && self.now - self.set_at > FRESH && self.takes_down(host, deed) {
            self.broke("window", format!("{deed} on {host}, {closed} s after the window has closed"));
        }
    }

    /// Whether it ends what serves in the release that goes. Where the file system stands still, nothing does.
    fn takes_down(&self, host: &str, deed: &Deed) -> bool {
        let old = |p: &Running| p.new != self.goal && self.now - p.since > JUST;
        // an old master refuses new chunkservers
        let refuses = |name: &String| self.runs(name, Role::Chunkserver).any(|p| p.new);
        let useless = self.goal && self.health.master == Some(false) && self.servers.iter().all(refuses);
        let serves = self.health.master.is_some() && self.now - self.master_since > JUST && !useless;
        match deed {
            Deed::Start(role @ (Role::Master | Role::Chunkserver))
            | Deed::Stop(role @ (Role::Master | Role::Chunkserver)) => serves && self.runs(host, *role).any(old),
            Deed::Unmount(point) => serves && self.mounted(host, point).is_some_and(old),
            _ => false,
        }
    }
}
