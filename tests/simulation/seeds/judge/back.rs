//! The way back: the reverse order, an old master on exactly what the new one left, chunks where the old release looks for
//! them.

use mfsupgrade::moosefs::daemon::Role;
use mfsupgrade::plan::Mode;

use super::{JUST, Judge, Running};
use crate::seeds::deed::Deed;
use crate::seeds::fact::By;

impl Judge {
    /// The operator goes the way back: what is to be reached is the old release.
    pub(super) fn goes_back(&mut self, in_use: bool) {
        self.goal = false;
        self.run_began = self.now;
        self.mode = if in_use { Mode::Rolling } else { Mode::FullStop };
        self.reached.clear();
        self.down.clear();
        self.taken_now.clear();
        self.copies.clear();
        self.gone.clear();
        (self.back_at, self.server_started, self.master_stopped) = (None, None, false);
        self.target = i64::MIN / 2;
        // a mount that is back already is not the tool's any more; nor is one that is away, where the journal has lost what
        // was done: nothing shows that it ever was
        let lost = |(host, point): &(String, String)| self.lost_records && self.mounted(host, point).is_none();
        let back: Vec<_> = self.changed.iter().filter(|m| self.is_mounted(m) || lost(m)).cloned().collect();
        for mount in back {
            self.changed.remove(&mount);
        }
    }

    /// New chunkservers and mounts do not work with an old master, and old ones work with a new one: so clients go first,
    /// then chunkservers, and the master last. Where the file system stands still, clients are last.
    pub(super) fn in_reverse_order(&mut self, host: &str, deed: &Deed) {
        let new = |role: Role| {
            self.running.iter().find(|p| p.role == role && p.new && self.could_be_seen(p)).map(|p| p.host.clone())
        };
        let (server, mount) = (new(Role::Chunkserver), new(Role::Client));
        let in_use = self.mode == Mode::Rolling;
        let too_early = match deed {
            Deed::Stop(Role::Chunkserver) if in_use => mount,
            Deed::Stop(Role::Master) | Deed::Start(Role::Master) if in_use => server.or(mount),
            Deed::Start(Role::Master) => server,
            Deed::Unmount(_) if !in_use && !self.master_was_reached() => Some("master".to_owned()),
            Deed::Start(Role::Metalogger) => Some(host.to_owned()),
            _ => None,
        };
        if let Some(other) = too_early {
            self.broke("way-back", format!("{deed} on {host} before {other} is back"));
        }
    }

    fn runs_new(&self, host: &str, deed: &Deed) -> bool {
        match deed {
            Deed::Stop(role) => self.runs(host, *role).any(|p| p.new),
            Deed::Unmount(point) => self.mounted(host, point).is_some_and(|p| p.new),
            _ => false,
        }
    }

    /// What a boot has brought up between a look and the command that follows it nobody could have seen.
    fn could_be_seen(&self, process: &Running) -> bool {
        process.by == By::Us || self.now - process.since > JUST
    }

    /// An old chunkserver that we start looks for its chunks where 1.5 has them. A new one that is started again does not.
    pub(super) fn on_old_folders(&mut self, process: &Running) {
        let ours = !self.goal && process.by == By::Us && process.role == Role::Chunkserver && !process.new;
        if ours && self.wide.contains(&process.host) {
            let host = &process.host;
            self.broke("folders", format!("the old chunkserver of {host} is started on the folders of 1.6"));
        }
    }

    /// What an old daemon is started on.
    pub(super) fn on_old_ground(&mut self, host: &str, deed: &Deed) {
        match deed {
            Deed::Start(role) => {
                if self.runs(host, *role).any(|p| p.new) {
                    self.broke("beside", format!("{deed} on {host} beside the new one"));
                }
                if *role == Role::Master && !self.metadata_is_whole {
                    self.broke("older", "the old master is started on what is not its last master's".to_owned());
                }
            }
            Deed::Stop(_) | Deed::Unmount(_)
                if *deed != Deed::Stop(Role::Metalogger)
                    && self.without_old.as_deref() == Some(host)
                    && self.runs_new(host, deed) =>
            {
                self.broke("way-back", format!("{deed} on {host}, where there is no old program to go on with"));
            }
            Deed::FoldersBack if self.runs(host, Role::Chunkserver).any(|p| self.could_be_seen(p)) => {
                self.broke("folders", format!("chunks of {host} are moved under a running chunkserver"));
            }
            _ => {}
        }
    }
}
