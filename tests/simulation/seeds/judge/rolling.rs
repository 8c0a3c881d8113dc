//! Rolling: one chunkserver at a time, a stagger between two, and only in a whole cluster; clients likewise.

use mfsupgrade::moosefs::daemon::Role;
use mfsupgrade::plan::Mode;

use super::{FRESH, JUST, Judge};
use crate::seeds::deed::Deed;
use crate::seeds::fact::By;

impl Judge {
    /// No client is taken out of its mount while something else is wrong.
    pub(super) fn in_a_whole_cluster(&mut self, host: &str, deed: &Deed) {
        let Deed::Unmount(point) = deed else { return };
        let old = self.mounted(host, point).is_some_and(|p| p.new != self.goal);
        if old && self.now - self.serving > FRESH {
            let how = format!("{:?}, {} missing", self.health.back, self.health.missing);
            self.broke("baseline", format!("{point} of {host} is unmounted while not all can be read: {how}"));
        }
    }

    pub(super) fn one_at_a_time(&mut self, host: &str) {
        let Some(at) = self.servers.iter().position(|s| s == host) else { return };
        let away = !self.health.back[at];
        // one that a boot has brought up between the look and the command was down all the same
        let only_just = |p: &super::Running| away && p.by == By::World && self.now - p.since < JUST;
        if self.runs(host, Role::Chunkserver).all(only_just) {
            return;
        }
        if self.mode != Mode::Rolling {
            return;
        }
        let others: Vec<String> =
            self.down.keys().filter(|&&other| other != at).map(|&other| self.servers[other].clone()).collect();
        if !others.is_empty() {
            self.broke("one-down", format!("{host} is taken down while {} is", others.join(", ")));
        }
        // one that came back by itself may be taken down again: it is one outage less and not one more
        if let Some((last, back)) = self.back_at
            && last != at
            && self.now - back < self.stagger
        {
            let after = (self.now - back) / 1000;
            self.broke("stagger", format!("{host} is taken down {after} s after the last one was back"));
        }
        if self.now - self.well > FRESH {
            let ago = match self.well {
                ..0 => "though the cluster was never whole".to_owned(),
                well => format!("{} s after the cluster was whole last", (self.now - well) / 1000),
            };
            let h = &self.health;
            let away = h.back.iter().filter(|b| !**b).count();
            let how = format!("{away} servers away, {} chunks under goal, {} missing", h.under_goal, h.missing);
            self.broke("baseline", format!("{host} is taken down {ago}: {how}"));
        }
        self.down.insert(at, away);
        self.taken_now.insert(at);
    }
}
