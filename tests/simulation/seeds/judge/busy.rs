//! Mounts in use: skipped ones are not touched, waiting has its bounds, and nobody's mount is taken away from under him without
//! a word in the plan.

use std::collections::{BTreeMap, BTreeSet};

use mfsupgrade::plan::Busy;

use super::stop::Class;
use super::{FRESH, JUST, Judge};
use crate::seeds::deed::Deed;
use crate::seeds::faults::Kind;

/// A look at users that comes so much later than the last one belongs to another wait.
const GAP: i64 = 120_000;

/// Who uses what, and who looks.
#[derive(Debug, Default)]
pub struct Users {
    /// Since when a mount is in use.
    used: BTreeMap<(String, String), i64>,
    /// Old mounts that go on for whoever uses them.
    left: BTreeSet<(String, String)>,
    /// On which host a session has seen a mount in use, since when without a break, and when last.
    waits: BTreeMap<String, (i64, i64)>,
    /// When it has looked first.
    first: BTreeMap<String, i64>,
    /// Hosts of clients that a session has begun.
    begun: BTreeSet<String>,
}

impl Users {
    pub fn session(&mut self) {
        self.waits.clear();
        self.first.clear();
        self.begun.clear();
    }

    pub fn used(&mut self, now: i64, at: (String, String), used: bool) {
        match used {
            true => drop(self.used.entry(at).or_insert(now)),
            false => drop(self.used.remove(&at)),
        }
    }
}

impl Judge {
    /// The old mounts of whoever goes on in them.
    pub(super) fn left(&mut self, at: (String, String), left: bool) {
        if !left {
            self.users.left.remove(&at);
            return;
        }
        if !self.terms.lazy {
            let (host, mount) = &at;
            self.broke(
                "busy",
                format!("{mount} of {host} is taken away from under its users, and the plan does not say so"),
            );
        }
        self.users.left.insert(at);
    }

    pub(super) fn looked_at_users(&mut self, host: &str) {
        let now = self.now;
        self.users.first.entry(host.to_owned()).or_insert(now);
        let in_use = self.users.used.keys().any(|(name, point)| name == host && self.is_outgoing(host, point));
        // a host that is not reached is waited for, and not its users
        let away = |(kind, at): &(Kind, Option<String>)| {
            at.as_deref() == Some(host) && matches!(kind, Kind::Outage(_) | Kind::Reboot { .. })
        };
        if !in_use || self.faults.iter().any(away) {
            self.users.waits.remove(host);
            return;
        }
        let (since, last) = self.users.waits.entry(host.to_owned()).or_insert((now, now));
        if now - *last > GAP {
            *since = now;
        }
        *last = now;
        let since = *since;
        // each of its mounts has its own wait
        let mounts = self.mounts.iter().filter(|(name, _)| name == host).count() as i64;
        let most = self.terms.busy.patience_s() as i64 * 1000 * mounts + FRESH;
        if now - since > most {
            let (waits, most) = ((now - since) / 1000, self.terms.busy.patience_s());
            self.broke(
                "busy",
                format!("mounts of {host} that are in use are waited for, for {waits} s and not {most}"),
            );
            self.users.waits.remove(host);
        }
    }

    pub(super) fn leaves_users_alone(&mut self, host: &str, deed: &Deed, class: Class) {
        let ours = class == Class::Clients && self.mounts.iter().any(|(name, _)| name == host);
        if self.terms.busy != Busy::Skip || !ours {
            return;
        }
        let first = self.users.begun.insert(host.to_owned());
        // one whose other mount was changed is brought to its end as far as that goes
        let whole = self.changed.iter().all(|(name, _)| name != host);
        // what was sent through a connection that hangs or is lost comes when it can: umount refuses by itself
        let on_its_way = if self.cannot_be_seen(host) { FRESH } else { JUST };
        let long = |point: &str| {
            let since = self.users.used.get(&(host.to_owned(), point.to_owned()));
            since.is_some_and(|since| self.now - since > on_its_way) && self.is_outgoing(host, point)
        };
        let touched = match deed {
            Deed::Unmount(point) => long(point).then(|| point.clone()),
            _ if first && whole => self.mounts.iter().find(|(name, p)| name == host && long(p)).map(|(_, p)| p.clone()),
            _ => None,
        };
        if let Some(point) = touched {
            self.broke("busy", format!("{deed} on {host}, whose {point} is in use and to be left alone"));
        }
    }

    /// A failure that names users has waited for them as long as the plan says.
    pub(super) fn gave_up_in_time(&mut self, host: Option<&str>, account: &str) {
        let waited = host.and_then(|host| self.users.first.get(host)).map(|since| self.now - since);
        let least = self.terms.busy.patience_s() as i64 * 1000 - JUST;
        if let (Some(waited), Some(host)) = (waited, host)
            && account.contains("is used by rsync")
            && waited < least
        {
            self.broke("busy", format!("it gives up mounts of {host} that are in use after {} s", waited / 1000));
        }
    }

    /// Nobody is left in an old mount when it says that it has finished.
    pub(super) fn nobody_is_left(&mut self) {
        if let Some((host, mount)) = self.users.left.first().cloned() {
            self.broke("busy", format!("it has finished, and somebody goes on in the old {mount} of {host}"));
        }
    }

    fn is_outgoing(&self, host: &str, point: &str) -> bool {
        self.mounted(host, point).is_some_and(|p| p.new != self.goal)
    }
}
