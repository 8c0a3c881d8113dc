//! Order: the master before chunkservers and metaloggers, chunkservers before clients; in a full stop the master down first
//! and up last, after a wait.

use mfsupgrade::moosefs::daemon::Role;
use mfsupgrade::plan::Mode;

use super::Judge;
use crate::seeds::deed::Deed;

impl Judge {
    pub(super) fn in_order(&mut self, host: &str, deed: &Deed) {
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
