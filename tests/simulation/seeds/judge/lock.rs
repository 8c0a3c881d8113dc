//! The cluster's lock: without it nothing is begun.

use mfsupgrade::host::lock::Holder;

use super::Judge;
use crate::seeds::deed::Deed;
use crate::seeds::faults::Kind;

/// How long a command may be on its way that was intended while the lock was held: a copy to its host is tried again for two
/// minutes, and so is its connection.
const ON_ITS_WAY: i64 = 300_000;

/// Since when a session has no lock, and until when.
#[derive(Debug, Default)]
pub struct Lock {
    lost: Option<(i64, i64)>,
}

impl Lock {
    pub fn fault(&mut self, now: i64, kind: &Kind) {
        match kind {
            Kind::LockTaken => self.lost = Some((now, i64::MAX)),
            Kind::LockSilent(seconds) => {
                let end = now + seconds * 1000;
                let (since, until) = self.lost.filter(|(_, until)| *until > now).unwrap_or((now, end));
                self.lost = Some((since, until.max(end)));
            }
            _ => {}
        }
    }

    /// Whoever begins anew has it again.
    pub fn session(&mut self) {
        self.lost = self.lost.filter(|(_, until)| *until < i64::MAX);
    }

    /// The operator puts it in order.
    pub fn repaired(&mut self) {
        self.lost = None;
    }
}

impl Judge {
    /// A second process is turned away by the name of the run, while somebody walks it.
    pub(super) fn second_is_told(&mut self, holder: &Holder) {
        if !self.at_work || holder.run.is_empty() || !holder.walks() {
            self.broke("lock", format!("a second process is turned away from what nobody walks: {holder}"));
        }
    }

    pub(super) fn under_the_lock(&mut self, host: &str, deed: &Deed) {
        let Some((since, until)) = self.lock.lost else { return };
        // what cleans up is no further step
        let cleans = match deed {
            Deed::EndTrial => true,
            Deed::Stop(_) | Deed::Kill(_) => self.health.other_metadata,
            _ => false,
        };
        if !cleans && self.now - since > ON_ITS_WAY && self.now < until {
            let ago = (self.now - since) / 1000;
            self.broke("lock", format!("{deed} on {host}, {ago} s after the cluster's lock was lost"));
        }
    }
}
