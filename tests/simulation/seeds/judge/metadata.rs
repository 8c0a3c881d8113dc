//! Metadata: no new master without a copy here and a trial of it; no master ended while it saves; no chunkserver under a
//! master with other metadata.

use mfsupgrade::moosefs::daemon::Role;

use super::{JUST, Judge, RENEWED};
use crate::seeds::deed::Deed;

impl Judge {
    pub(super) fn with_metadata(&mut self, host: &str, deed: &Deed) {
        // the one that goes
        let old = |judge: &Self| judge.runs("master", Role::Master).any(|p| p.new != judge.goal);
        match deed {
            Deed::Start(Role::Master) if self.goal => self.backed_up("started"),
            Deed::Stop(Role::Master) if old(self) => self.backed_up("stopped"),
            Deed::Start(_) | Deed::Mount(_) if self.health.other_metadata && self.now - self.well > JUST => {
                self.broke("metadata", format!("{deed} on {host} under a master with other metadata"));
            }
            _ => {}
        }
        if matches!(deed, Deed::Start(Role::Master) | Deed::Stop(Role::Master)) && self.saving && old(self) {
            self.broke("saving", format!("{deed} while the master saves its metadata"));
        }
    }

    fn backed_up(&mut self, what: &str) {
        let whole = |copy: &super::Copy| copy.files > 0 && copy.here.len() == copy.files && !copy.differs;
        if !self.copies.values().any(whole) {
            self.broke("backup", format!("the master is {what} without a whole copy of its metadata here"));
            // a new master that came up by itself has loaded the metadata itself
        } else if self.can_be_tried
            && self.goal
            && !self.master_was_reached()
            && !self.copies.values().any(|copy| whole(copy) && copy.loaded)
        {
            self.broke("trial", format!("the master is {what} without a trial of the copy that is here"));
        } else if self.runs("master", Role::Master).any(|p| p.new != self.goal) {
            let newest = self
                .copies
                .values()
                .filter(|copy| whole(copy))
                .map(|copy| copy.at.max(copy.tried_at))
                .max()
                .unwrap_or_default();
            if self.now - newest > RENEWED {
                let minutes = (self.now - newest) / 60_000;
                self.broke(
                    "renewed",
                    format!("the master is {what} {minutes} minutes after the last copy of its metadata"),
                );
            }
        }
    }
}
