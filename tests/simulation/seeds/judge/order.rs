//! Order: the master before chunkservers and metaloggers, chunkservers before clients; in a full stop the master down first
//! and up last, after a wait.

use mfsupgrade::moosefs::daemon::Role;
use mfsupgrade::plan::Mode;

use super::{JUST, Judge, Running};
use crate::seeds::deed::Deed;
use crate::seeds::fact::By;
use crate::seeds::faults::Kind;

impl Judge {
    /// Another upgrade begins where master and chunkservers are new: neither is taken down by it. What it does not know it has
    /// looked at.
    pub(super) fn begins_anew(&mut self) {
        (self.anew, self.run_began) = (true, self.now);
        (self.lost_records, self.loses_records, self.server_started) = (false, false, None);
        self.gone.clear();
    }

    /// A full stop's master that somebody starts while its successor is waited for is seen, and not started over.
    fn not_waited_past(&mut self, host: &str, deed: &Deed) {
        let began = self.session_began.max(self.server_started.unwrap_or(i64::MAX));
        let back = |p: &Running| p.by == By::World && !p.new && p.since > began && self.now - p.since > JUST;
        if *deed != Deed::Start(Role::Master) || self.mode != Mode::FullStop || self.cannot_be_seen(host) {
            return;
        }
        let since = self.runs(host, Role::Master).find(|p| back(p)).map(|p| p.since);
        if let Some(since) = since {
            let seconds = (self.now - since) / 1000;
            self.broke("order", format!("{deed} over one that was stopped and was started again {seconds} s ago"));
        }
    }

    /// Whether something kept the tool from looking at a host for a while.
    pub(super) fn cannot_be_seen(&self, host: &str) -> bool {
        let hides = |kind: &Kind| {
            matches!(
                kind,
                Kind::Outage(_) | Kind::Reboot { .. } | Kind::ConnectionHangs | Kind::NotReached | Kind::AliasMoves
            )
        };
        self.faults.iter().any(|(kind, at)| at.as_deref() == Some(host) && hides(kind))
    }

    pub(super) fn in_order(&mut self, host: &str, deed: &Deed) {
        self.not_waited_past(host, deed);
        let new_servers = self.servers.iter().all(|s| self.reached.contains(&(s.clone(), Role::Chunkserver)));
        let new_master = self.master_was_reached();
        let rolling = self.mode == Mode::Rolling;
        match deed {
            Deed::Start(Role::Metalogger) if !new_master => {
                self.broke("order", format!("a metalogger on {host} before the new master"));
            }
            Deed::Start(Role::Chunkserver) if rolling && !new_master => {
                self.broke("order", format!("chunkserver {host} before the new master"));
            }
            Deed::Start(Role::Chunkserver)
                if !rolling && !new_master && self.runs("master", Role::Master).count() > 0 =>
            {
                self.broke("order", format!("chunkserver {host} while the old master runs"));
            }
            Deed::Start(Role::Master) if !rolling && !new_servers => {
                self.broke("order", "the master before the last chunkserver".to_owned());
            }
            Deed::Unmount(mount) if !(new_master && new_servers) => {
                self.broke("order", format!("{mount} of {host} before the last chunkserver"));
            }
            _ => {}
        }
        if let (Deed::Start(Role::Master), Mode::FullStop, Some(started)) = (deed, self.mode, self.server_started)
            && self.now - started < self.master_wait
        {
            let after = (self.now - started) / 1000;
            self.broke("master-wait", format!("the master {after} s after the last chunkserver"));
        }
    }
}
