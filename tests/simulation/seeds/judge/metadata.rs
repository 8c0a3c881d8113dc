//! Metadata: no new master without a copy here and a trial of it; no master ended while it saves; no chunkserver under a
//! master with other metadata.

use mfsupgrade::moosefs::daemon::Role;
use mfsupgrade::plan::Mode;

use super::{JUST, Judge, RENEWED};
use crate::seeds::deed::Deed;
use crate::seeds::fact::By;
use crate::seeds::faults::Kind;

/// In how many milliseconds a master on other metadata is stopped, where nothing else goes wrong: what a session that begins
/// looks at first is among them.
const SECONDS: i64 = 120_000;

impl Judge {
    /// A master that serves other metadata is stopped within seconds: its chunkservers delete what it does not know.
    pub(super) fn stopped_in_time(&mut self) {
        let Some(since) = self.other_since.filter(|_| self.at_work && !self.is_disturbed()) else { return };
        let serves = self.now - since.max(self.session_began);
        if serves > SECONDS {
            self.broke(
                "metadata",
                format!("a master serves other metadata for {} s and is not stopped", serves / 1000),
            );
            self.other_since = None;
        }
    }

    /// And is not left alone.
    pub(super) fn left_on_other_metadata(&mut self) {
        if self.health.other_metadata && !self.is_disturbed() {
            self.broke("metadata", "it stops, and leaves a master alone that serves other metadata".to_owned());
        }
    }

    /// Whether anything else went wrong that may keep it from seeing or stopping that.
    fn is_disturbed(&self) -> bool {
        let harmless = |kind: &Kind| {
            use Kind::{
                Busy, CopiesMove, CopyDiffers, Deleted, DiskFull, Fails, HostClockJumps, OtherMetadata, TrialFails,
                UnderGoal, Used, WallJumps,
            };
            matches!(
                kind,
                Busy | CopyDiffers
                    | CopiesMove { .. }
                    | Deleted { .. }
                    | DiskFull
                    | Fails
                    | HostClockJumps(_)
                    | OtherMetadata
                    | TrialFails
                    | UnderGoal { .. }
                    | Used(_)
                    | WallJumps(_)
            )
        };
        !self.faults.iter().all(|(kind, _)| harmless(kind))
    }

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
        let ends = matches!(deed, Deed::Stop(Role::Master) | Deed::Kill(_));
        // a full stop stops whatever master there is before its chunkservers are taken over, one of a boot too
        let ours = self.runs("master", Role::Master).any(|p| p.new == self.goal && p.by == By::Us);
        let ends = ends && (ours || self.anew || self.mode == Mode::Rolling) && !self.lost_records;
        if ends && host == "master" && self.health.master == Some(self.goal) && !self.health.other_metadata {
            let serves = (self.now - self.master_since) / 1000;
            self.broke("healthy-master", format!("{deed}, which has served the right metadata for {serves} s"));
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
