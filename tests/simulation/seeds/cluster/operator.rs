//! What an operator does between two sessions of the tool: reads the account, and puts in order what is broken.

use std::sync::atomic::Ordering;

use mfsupgrade::moosefs::daemon::Role;

use super::Cluster;
use super::happen::Happening;
use crate::seeds::drift::Move;
use crate::seeds::fact::{By, Fact};
use crate::seeds::faults::Kind;

impl Cluster {
    /// What has become of clock and names until this session begins.
    pub fn drift(&self, session: usize) {
        let mut state = self.state.borrow_mut();
        let drift = state.scenario.drift.clone();
        if let Some(&set) = drift.set.get(session).filter(|set| **set != 0) {
            state.ahead += set;
            state.fired(Kind::WallJumps(set), None);
        }
        state.session_ahead = state.ahead;
        let hosts = 1 + state.scenario.loggers + state.scenario.servers;
        let leads = match drift.moves.get(session).copied().flatten() {
            Some(Move::Exchanged(one, two)) if one != two => vec![(one, two), (two, one)],
            Some(Move::Replaced(one)) => {
                let stranger = state.hosts.iter().position(|h| h.name == "stranger").unwrap_or_else(|| {
                    state.hosts.push(super::Host::new("stranger"));
                    state.hosts.len() - 1
                });
                vec![(one, stranger)]
            }
            _ => Vec::new(),
        };
        for (name, machine) in leads.into_iter().filter(|(name, _)| *name < hosts) {
            state.fired(Kind::AliasMoves, Some(name));
            let name = state.hosts[name].name.clone();
            state.strays.insert(name, machine);
        }
    }

    /// Names lead to their machines again.
    pub fn names_lead_home(&self) {
        self.state.borrow_mut().strays.clear();
    }

    /// No further fault strikes.
    pub fn disarm(&self) {
        self.state.borrow_mut().faults.iter_mut().for_each(|fault| *fault = None);
    }

    /// What the tool asks for by name: a process that is to be ended.
    pub fn obey(&self, account: &str) {
        for word in ["(pid ", "`kill "] {
            let pid = account.split(word).nth(1).and_then(|rest| rest.split([')', '`']).next()?.parse::<u32>().ok());
            let asks = ["stop it", "end it", "end its process"].iter().any(|text| account.contains(text));
            let mut state = self.state.borrow_mut();
            let of = |h: &super::Host| h.processes.iter().find(|p| Some(p.pid) == pid).map(|p| p.role);
            let found = state.hosts.iter().enumerate().find_map(|(at, h)| Some((at, of(h)?)));
            if let (Some((at, role)), Some(pid), true) = (found, pid, asks) {
                state.end(at, pid, By::World, true);
                state.hosts[at].taken.push((role, None));
            }
        }
    }

    /// A master of whose end the run knows nothing, which has left the file system down, is started by hand.
    pub fn take_up_the_master(&self) {
        self.state.borrow_mut().hosts[0].taken.retain(|(role, _)| *role != Role::Master);
    }

    /// New mounts of a host that no run has made are stopped by hand.
    pub fn unmount(&self, host: &str) {
        let mut state = self.state.borrow_mut();
        let at = state.host(host);
        let mounts = state.hosts[at].running(Role::Client).filter(|p| p.new).map(|p| (p.pid, p.mount.clone()));
        for (pid, mount) in mounts.collect::<Vec<_>>() {
            state.end(at, pid, By::World, true);
            state.hosts[at].taken.push((Role::Client, mount));
        }
    }

    /// Everything that is broken is put in order; what the tool has taken down is left to it.
    /// `by_hand`: chunkservers that the tool has taken down as well.
    pub fn repair(&self, by_hand: bool) {
        self.pause.store(false, Ordering::Relaxed);
        let mut state = self.state.borrow_mut();
        state.tell(Fact::Repair);
        state.silent_until = 0;
        state.lock_silent_until = 0;
        (0..state.hosts.len()).for_each(|at| state.all_uses_end(at));
        state.journal.full = false;
        let lasting = state.scenario.under_goal;
        state.thin = vec![(lasting, i64::MAX)];
        state.plan(1, Happening::Recheck);
        for host in &mut state.hosts {
            host.cut_until = 0;
            host.no_copies_until = 0;
            host.disk_full = false;
        }
        // what hangs for hours is ended by hand; what a daemon was told, it does
        for job in state.jobs.iter_mut().filter(|j| j.deed.is_tool()) {
            job.alive = false;
        }
        drop(state);
        // a takeover that is under way comes to its end
        for _ in 0..12 {
            let under_way = |job: &super::Job| job.alive && !job.deed.is_tool();
            if !self.state.borrow().jobs.iter().any(under_way) {
                break;
            }
            self.idle(1_200_000);
        }
        // hosts that boot are waited for, and slow scans
        self.idle(320_000);
        let mut state = self.state.borrow_mut();
        let slow: Vec<usize> = (0..state.hosts.len()).filter(|&at| state.hosts[at].scan_ms > 400_000).collect();
        for at in slow {
            state.hosts[at].scan_ms = 1000;
            state.plan(1, Happening::Recheck);
        }
        // a mark is taken from a disk, and its chunkserver started over
        for at in 0..state.hosts.len() {
            let hides = state.hosts[at].running(Role::Chunkserver).find(|p| p.hides > 0).map(|p| p.pid);
            if let Some(pid) = hides {
                state.end(at, pid, By::World, true);
            }
        }
        // a chunkserver that has not found its chunks where they are now is started over
        for at in 0..state.hosts.len() {
            let blind = state.hosts[at].running(Role::Chunkserver).find(|p| p.blind).map(|p| p.pid);
            if let Some(pid) = blind.filter(|_| !state.hosts[at].wide) {
                state.end(at, pid, By::World, true);
            }
        }
        let other = state.master().filter(|m| m.other_metadata).map(|m| m.pid);
        if let Some(pid) = other {
            state.end(0, pid, By::World, true);
            state.hosts[0].taken.push((Role::Master, None));
        }
        // a master that ended without saving: mfsmetarestore
        if state.hosts[0].running(Role::Master).next().is_none() && state.hosts[0].metadata_saved.is_none() {
            state.hosts[0].metadata_saved = Some(state.clock());
            state.tell(Fact::Metadata { whole: true });
        }
        for at in 0..state.hosts.len() {
            let host = &state.hosts[at];
            let runs = |role: Role, mount: &Option<String>| {
                host.processes.iter().any(|p| p.role == role && p.mount == *mount && (p.ready.is_some() || p.new))
            };
            let missing: Vec<_> = host
                .daemons()
                .into_iter()
                .filter(|daemon| {
                    (!host.taken.contains(daemon) || (by_hand && daemon.0 == Role::Chunkserver))
                        && !runs(daemon.0, &daemon.1)
                })
                // not on the folders of 1.6
                .filter(|(role, _)| *role != Role::Chunkserver || !host.wide || host.programs.contains(role))
                .filter(|(role, _)| *role != Role::Metalogger || host.programs.contains(role))
                .collect();
            for (role, mount) in missing {
                // mounts need a master and a moment after its start
                let after = if role == Role::Client { 60_000 } else { 1 };
                state.plan(after, Happening::Spawn { host: at, role, mount });
            }
        }
        drop(state);
        self.idle(120_000);
    }
}
