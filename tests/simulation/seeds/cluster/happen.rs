//! What happens by itself or after a while: processes get ready and end, hosts boot, masters save, faults of their time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;

use mfsupgrade::moosefs::daemon::Role;
use mfsupgrade::plan::Mode;

use super::State;
use crate::seeds::fact::{By, Fact};
use crate::seeds::faults::Kind;

/// Seconds between two looks of a watchdog.
const EVERY: i64 = 5;

/// Something on the agenda.
pub enum Happening {
    /// A wait is over.
    Wake(Waker),
    /// A command comes to its end.
    Job(usize),
    /// The tool sees no more of a command, which goes on.
    Lost(usize),
    /// A process ends.
    End { host: usize, pid: u32, by: By, cleanly: bool },
    /// It serves.
    Ready { host: usize, pid: u32 },
    /// Nobody uses a mount any more, unless somebody else does.
    UseEnds { host: usize, mount: String },
    /// Users delete, so many steps on; less than nothing: they write.
    Deletes { steps: i32 },
    /// Something may look different.
    Recheck,
    /// The master begins its hourly save.
    Save,
    /// It ends it.
    Saved,
    /// A fault whose time has come.
    Fault(usize),
    /// A host has booted.
    Booted { host: usize, daemons: bool },
    /// A daemon is started by the host itself, or a mount made.
    Spawn { host: usize, role: Role, mount: Option<String> },
    /// A watchdog looks whether its master runs: for so many seconds more; for so many it was down behind a full stop.
    Watch { kind: Kind, left: i64, down: i64 },
    /// The tool is killed.
    Killed,
}

impl State {
    pub fn happen(&mut self, what: Happening, pause: &AtomicBool) {
        match what {
            Happening::Wake(_) => {}
            Happening::Job(job) => self.go_on(job),
            Happening::Lost(job) => self.see(job, Err("the connection was lost".to_owned())),
            Happening::End { host, pid, by, cleanly } => self.end(host, pid, by, cleanly),
            Happening::Ready { host, pid } => self.ready(host, pid),
            Happening::UseEnds { host, mount } => self.use_ends(host, &mount, false),
            Happening::Deletes { steps } => self.delete_on(steps),
            Happening::Recheck => self.recheck(),
            Happening::Save => {
                if self.master().is_some() {
                    self.saving = true;
                    self.tell(Fact::Saving(true));
                }
                let takes = self.about(self.scenario.pace.save);
                self.plan(takes, Happening::Saved);
                self.plan(3600 * 1000, Happening::Save);
            }
            Happening::Saved => {
                if std::mem::take(&mut self.saving) {
                    let version = self.master().map_or(0, |master| self.version_of(master));
                    let saved = self.hosts[0].processes.iter_mut();
                    saved.filter(|p| p.role == Role::Master && p.ready.is_some()).for_each(|p| p.loaded = version);
                    self.tell(Fact::Saving(false));
                }
            }
            Happening::Fault(index) => {
                if let Some(armed) = self.faults[index].take() {
                    let any = self.random.below(self.hosts.len());
                    self.strike(armed.kind, any, pause);
                }
            }
            Happening::Booted { host, daemons } => {
                self.hosts[host].up = true;
                if daemons {
                    for (role, mount) in self.hosts[host].daemons() {
                        if role != Role::Metalogger || self.hosts[host].programs.contains(&role) {
                            let after = self.random.between(100, 3000);
                            self.plan(after, Happening::Spawn { host, role, mount });
                        }
                    }
                }
            }
            Happening::Spawn { host, role, mount } => self.start_by_itself(host, role, mount),
            Happening::Watch { kind, left, down } => self.watch(kind, left, down),
            Happening::Killed => self.dead = true,
        }
    }

    /// A fault that is no command's own.
    pub fn strike(&mut self, kind: Kind, host: usize, pause: &AtomicBool) {
        let now = self.now;
        match kind {
            Kind::Outage(seconds) => {
                self.fired(kind, Some(host));
                self.hosts[host].cut_until = now + seconds * 1000;
                self.cut(host);
            }
            Kind::Silent(seconds) => {
                self.fired(kind, Some(0));
                self.silent_until = now + seconds * 1000;
            }
            Kind::ConnectionHangs if self.hosts[host].held => {
                self.fired(kind, Some(host));
                self.hosts[host].hangs = true;
            }
            Kind::NoCopies(seconds) => {
                self.fired(kind, Some(host));
                self.hosts[host].no_copies_until = now + seconds * 1000;
            }
            Kind::Reboot { away, up } => {
                self.fired(kind, Some(host));
                self.reboot(host, away, up);
            }
            Kind::MasterRestarts(seconds) => {
                let Some(pid) = self.master().map(|m| m.pid) else { return };
                self.fired(kind, Some(0));
                self.end(0, pid, By::World, false);
                self.plan(seconds * 1000, Happening::Spawn { host: 0, role: Role::Master, mount: None });
            }
            Kind::UnderGoal { chunks, seconds } => {
                self.fired(kind, None);
                self.thin.push((chunks, now + seconds * 1000));
                self.plan(seconds * 1000, Happening::Recheck);
                self.recheck();
            }
            Kind::Used(seconds) => self.use_any(seconds),
            Kind::WallJumps(seconds) => {
                self.fired(kind, None);
                self.ahead += seconds;
            }
            Kind::HostClockJumps(seconds) => {
                self.fired(kind, Some(host));
                self.hosts[host].ahead += seconds;
            }
            Kind::CopiesMove { percent } => self.copies_move(percent),
            Kind::Deleted { percent } => self.users_delete(percent),
            Kind::HalfClientBoots { away } => self.boot_half_a_client(away),
            Kind::LockTaken => {
                self.fired(kind, None);
                self.lock_taken = true;
            }
            Kind::LockSilent(seconds) => {
                self.fired(kind, None);
                self.lock_silent_until = self.lock_silent_until.max(now + seconds * 1000);
            }
            Kind::Pause => {
                self.fired(kind, None);
                pause.store(true, Ordering::Relaxed);
            }
            Kind::Kill { lost, .. } => {
                self.fired(kind, None);
                (self.dead, self.lost) = (true, lost);
            }
            _ => {}
        }
    }

    /// A client of which one mount is of the new release and one of the old one boots, if there is any.
    fn boot_half_a_client(&mut self, away: i64) {
        let half =
            |host: &super::Host| [true, false].iter().all(|new| host.running(Role::Client).any(|p| p.new == *new));
        if let Some(at) = self.hosts.iter().position(half) {
            self.fired(Kind::HalfClientBoots { away }, Some(at));
            self.reboot(at, away, true);
        }
    }

    /// A new master moves copies from the first chunkserver to the last one, as it does where disks are filled unevenly.
    fn copies_move(&mut self, percent: u32) {
        let server = |n: usize| self.hosts.iter().position(|host| host.server == Some(n));
        let (from, to) = (server(0), server(self.scenario.servers - 1));
        let (Some(from), Some(to), true) = (from, to, self.health.master == Some(true)) else { return };
        if from == to || self.health.back.iter().any(|back| !back) {
            return;
        }
        self.fired(Kind::CopiesMove { percent }, None);
        let share = i64::from(self.chunks * 2 / (self.scenario.servers as u32).max(2));
        let moves = share * i64::from(percent) / 100;
        self.hosts[from].moved -= moves;
        self.hosts[to].moved += moves;
        self.recheck();
    }

    fn reboot(&mut self, host: usize, away: i64, daemons: bool) {
        for job in self.jobs.iter_mut().filter(|j| j.host == host) {
            job.alive = false;
        }
        self.all_uses_end(host);
        let pids: Vec<u32> = self.hosts[host].processes.iter().map(|p| p.pid).collect();
        for pid in pids {
            self.end(host, pid, By::World, false);
        }
        let h = &mut self.hosts[host];
        (h.up, h.trial) = (false, false);
        h.boots += 1;
        h.booted_at = self.now + away * 1000;
        self.cut(host);
        self.plan(away * 1000, Happening::Booted { host, daemons });
    }

    /// Every command on this host is lost to the tool, after a moment.
    fn cut(&mut self, host: usize) {
        for job in 0..self.jobs.len() {
            if self.jobs[job].host == host && self.jobs[job].seen.is_none() {
                let after = self.random.between(1, 30_000);
                self.plan(after, Happening::Lost(job));
            }
        }
        self.recheck();
    }

    /// Somebody starts a master where a full stop has stopped it and waits before it starts the new one.
    fn watch(&mut self, kind: Kind, left: i64, down: i64) {
        let Kind::Watchdog { old, after } = kind else { return };
        let new_server = |h: &super::Host| h.running(Role::Chunkserver).any(|p| p.new && p.ready.is_some());
        let waits = self.scenario.mode == Mode::FullStop
            && self.hosts.iter().filter(|h| h.server.is_some()).all(new_server)
            && self.hosts[0].taken.contains(&(Role::Master, None));
        let h = &self.hosts[0];
        let stands = h.up && h.metadata_saved.is_some() && h.running(Role::Master).next().is_none();
        let down = if waits && stands { down + EVERY } else { 0 };
        if down > after {
            let new = !old && h.programs.contains(&Role::Master);
            self.fired(kind, Some(0));
            let pid = self.spawn(0, Role::Master, new, None, By::World);
            let takes = self.about(self.scenario.pace.serve);
            self.plan(takes, Happening::Ready { host: 0, pid });
        } else if left > 0 {
            self.plan(EVERY * 1000, Happening::Watch { kind, left: left - EVERY, down });
        }
    }

    /// What is installed starts without us, where nothing runs.
    fn start_by_itself(&mut self, host: usize, role: Role, mount: Option<String>) {
        let h = &self.hosts[host];
        if !h.up || h.processes.iter().any(|p| p.role == role && p.mount == mount) {
            return;
        }
        // no mount without a master, and no new one with an old master
        let new = h.programs.contains(&role);
        // an old master does not start on what a new one left that did not end cleanly
        if role == Role::Master && !new && h.metadata_saved.is_none() && self.was_new {
            return;
        }
        if role == Role::Client && self.master().is_none_or(|m| new && !m.new) {
            return;
        }
        let pid = self.spawn(host, role, new, mount, By::World);
        let takes = if role == Role::Master { self.about(self.scenario.pace.serve) } else { 0 };
        self.plan(takes, Happening::Ready { host, pid });
    }
}
