//! Commands on hosts: what they do, how long they take, and what goes wrong with them.

use mfsupgrade::moosefs::daemon::Role;

use super::happen::Happening;
use super::host::Process;
use super::{Cluster, Job, State};
use crate::seeds::deed::Deed;
use crate::seeds::fact::{By, Fact};
use crate::seeds::faults::{Kind, Point, When};

/// For how many seconds a watchdog looks for its master.
const WATCHES_FOR: i64 = 4 * 3600;

/// How a command begins.
pub enum Begun {
    /// It runs.
    Job(usize),
    /// The host was not reached.
    NotReached,
    /// The tool is no more.
    Killed,
}

/// SHA-256 of a kept file: nobody compares it with anything.
pub const KEPT: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// SHA-256 in hexadecimal.
pub fn sha256(text: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Cluster {
    /// Sends a command to a host that is reached.
    pub fn begin(&self, host: usize, script: &str, limit_ms: i64) -> Begun {
        let deed = Deed::read(script);
        let mut state = self.state.borrow_mut();
        let commands = state.commands;
        state.commands += 1;
        let strikes =
            |armed: &super::Armed| matches!(armed.when, When::Command(n) if n <= commands) && armed.kind.strikes(&deed);
        let found = state.faults.iter().position(|f| f.as_ref().is_some_and(strikes));
        let fault = found.and_then(|at| state.faults[at].take()).map(|armed| armed.kind);
        match fault {
            Some(Kind::NotReached) => {
                state.fired(Kind::NotReached, Some(host));
                return Begun::NotReached;
            }
            Some(kind @ Kind::Kill { point: Point::Before, lost }) => {
                state.fired(kind, None);
                (state.dead, state.lost) = (true, lost);
                return Begun::Killed;
            }
            Some(
                kind @ (Kind::Pause
                | Kind::Silent(_)
                | Kind::NoCopies(_)
                | Kind::UnderGoal { .. }
                | Kind::Used(_)
                | Kind::LockTaken
                | Kind::LockSilent(_)),
            ) => {
                state.strike(kind, host, &self.pause);
            }
            _ => {}
        }
        let (job, session, until) = (state.jobs.len(), state.session, state.now.saturating_add(limit_ms));
        let mount = match &deed {
            Deed::Unmount(point) => state.hosts[host].mounted(point).map(|p| p.pid),
            _ => None,
        };
        state.jobs.push(Job {
            host,
            deed: deed.clone(),
            alive: true,
            seen: None,
            waker: None,
            ended: None,
            fault,
            mount,
            lazy: script.contains("umount -l"),
            session,
            until,
        });
        if let Some(kind @ Kind::LostBefore) = fault {
            state.fired(kind, Some(host));
            state.jobs[job].alive = false;
            let after = state.random.between(1, 20_000);
            state.plan(after, Happening::Lost(job));
            return Begun::Job(job);
        }
        let name = state.hosts[host].name.clone();
        if deed != Deed::Nothing {
            let fact = match state.second {
                true => Fact::Beside { host: name, deed },
                false => Fact::Command { host: name, deed },
            };
            state.tell(fact);
        }
        let takes = state.work(job, limit_ms);
        let part = state.random.between(1, takes.max(1));
        match fault {
            Some(kind @ (Kind::LostDuring | Kind::CutOff)) => {
                state.fired(kind, Some(host));
                state.jobs[job].alive = kind == Kind::LostDuring;
                state.plan(part, Happening::Lost(job));
            }
            Some(kind @ Kind::Kill { point: Point::During, lost }) => {
                state.fired(kind, None);
                state.lost = lost;
                state.plan(part, Happening::Killed);
            }
            Some(kind @ (Kind::Outage(_) | Kind::Reboot { .. })) => state.strike(kind, host, &self.pause),
            Some(kind @ (Kind::Hangs(_) | Kind::CopyLingers(_))) => {
                state.fired(kind, Some(host));
                state.plan(limit_ms, Happening::Lost(job));
            }
            _ => {}
        }
        Begun::Job(job)
    }
}

impl State {
    /// Begins what a command does, and says how long it takes.
    fn work(&mut self, job: usize, limit_ms: i64) -> i64 {
        let (host, deed, fault) = (self.jobs[job].host, self.jobs[job].deed.clone(), self.jobs[job].fault);
        let pace = self.scenario.pace;
        let takes = match &deed {
            Deed::Nothing => 1,
            Deed::Install => self.about(pace.install),
            Deed::Build { .. } => self.about(pace.build),
            Deed::Keep { .. } | Deed::Configure { .. } | Deed::Restore(_) | Deed::PutBack { .. } => {
                self.about(pace.keep)
            }
            Deed::FoldersBack => self.about(pace.scan),
            Deed::Snapshot { .. } => self.about(pace.snapshot),
            Deed::Trial => 2 * self.about(pace.trial),
            Deed::EndTrial => self.about(pace.keep),
            Deed::Unmount(_) | Deed::Mount(_) => self.about(pace.mount),
            Deed::Start(_) | Deed::Stop(_) | Deed::Kill(_) => 1,
        };
        let hangs = match fault {
            Some(Kind::Hangs(more)) => Some(limit_ms + more * 1000),
            // long after it was given up, unless another one is made
            Some(Kind::CopyLingers(_)) => Some(limit_ms + 3_600_000),
            _ => None,
        };
        let takes = hangs.unwrap_or(takes);
        match deed {
            Deed::Start(role) => {
                let stop = self.about(pace.stop);
                self.take_over(job, host, role, hangs.unwrap_or(stop))
            }
            Deed::Stop(_) | Deed::Kill(_) => {
                let stop = self.about(pace.stop);
                let takes = 1 + hangs.unwrap_or(stop);
                let told =
                    |p: &Process| matches!(deed, Deed::Stop(role) if role == p.role) || deed == Deed::Kill(p.pid);
                let told = self.hosts[host].processes.iter().filter(|p| told(p)).map(|p| (p.pid, p.role));
                let unsaved = fault == Some(Kind::EndsUnsaved);
                for (pid, role) in told.collect::<Vec<_>>() {
                    self.taking(host, role, None);
                    self.plan(takes - 1, Happening::End { host, pid, by: By::Us, cleanly: !unsaved });
                }
                if unsaved {
                    self.fired(Kind::EndsUnsaved, Some(host));
                }
                if let Some(kind @ Kind::Watchdog { .. }) = fault {
                    self.plan(takes, Happening::Watch { kind, left: WATCHES_FOR, down: 0 });
                }
                self.plan(takes, Happening::Job(job));
                takes
            }
            _ => {
                self.plan(takes, Happening::Job(job));
                takes
            }
        }
    }

    fn taking(&mut self, host: usize, role: Role, mount: Option<String>) {
        self.hosts[host].taken.push((role, mount));
    }

    /// A daemon without a verb: the new process tells every older one to end, waits for that, and serves.
    fn take_over(&mut self, job: usize, host: usize, role: Role, stop: i64) -> i64 {
        let new = self.hosts[host].programs.contains(&role);
        let can = role != Role::Master || self.hosts[host].metadata_saved.is_some();
        if !new && (self.hosts[host].running(role).next().is_some() || !can) {
            // 1.5 knows of no takeover, and does not start without metadata
            self.plan(1, Happening::Job(job));
            return 1;
        }
        let older: Vec<u32> = self.hosts[host].running(role).map(|p| p.pid).collect();
        let stop = if older.is_empty() { 1 } else { stop };
        for pid in older {
            self.plan(stop, Happening::End { host, pid, by: By::Us, cleanly: true });
        }
        self.taking(host, role, None);
        let pid = self.spawn(host, role, new, None, By::Us);
        let serve = if role == Role::Master { self.about(self.scenario.pace.serve) } else { 1 };
        let fault = self.jobs[job].fault;
        match fault {
            Some(kind @ Kind::DaemonDies) => {
                self.fired(kind, Some(host));
                self.plan(stop + serve, Happening::End { host, pid, by: By::World, cleanly: false });
            }
            Some(kind @ Kind::OtherMetadata) => {
                self.fired(kind, Some(host));
                self.hosts[host].processes.last_mut().expect("just spawned").other_metadata = true;
                self.plan(stop + serve, Happening::Ready { host, pid });
            }
            _ => self.plan(stop + serve, Happening::Ready { host, pid }),
        }
        match fault {
            Some(kind @ Kind::DaemonSlow(seconds)) => {
                self.fired(kind, Some(host));
                self.hosts[host].scan_ms += seconds * 1000;
            }
            Some(kind @ Kind::DiskMarked { percent }) if new && self.scenario.to >= super::MARKS_ARE_HEEDED => {
                self.fired(kind, Some(host));
                let share = self.chunks * 2 / (self.scenario.servers as u32).max(2);
                self.hosts[host].processes.last_mut().expect("just spawned").hides = share * percent / 100;
            }
            Some(kind @ Kind::DiesLater(seconds)) => {
                self.fired(kind, Some(host));
                let after = stop + serve + seconds * 1000;
                self.plan(after, Happening::End { host, pid, by: By::World, cleanly: false });
            }
            _ => {}
        }
        self.plan(stop + serve + 2, Happening::Job(job));
        stop + serve
    }

    /// A command comes to its end on the host.
    pub fn go_on(&mut self, job: usize) {
        if !self.jobs[job].alive {
            return;
        }
        let (host, deed, fault) = (self.jobs[job].host, self.jobs[job].deed.clone(), self.jobs[job].fault);
        let is_full = deed.fills_the_disk();
        if fault == Some(Kind::DiskFull) {
            self.fired(Kind::DiskFull, Some(host));
            self.hosts[host].disk_full = true;
        }
        let fails = match fault {
            Some(kind @ (Kind::Fails | Kind::TrialFails)) => {
                self.fired(kind, Some(host));
                true
            }
            _ => is_full && self.hosts[host].disk_full,
        };
        let (code, printed) = if fails { (2, "no\n".to_owned()) } else { self.effect(job, &deed, fault) };
        self.jobs[job].alive = false;
        self.jobs[job].ended = Some((code, printed.clone()));
        let name = self.hosts[host].name.clone();
        if deed == Deed::Trial {
            let copy = self.hosts[host].copy.unwrap_or(0);
            self.hosts[host].trial = code == 0;
            self.tell(Fact::Tried { copy, loaded: code == 0 });
        }
        if deed != Deed::Nothing {
            let lost = matches!(fault, Some(Kind::LostAfter | Kind::Kill { .. }));
            let overtaken = matches!(deed, Deed::Snapshot { .. }) && self.snapshots_of(host).any(|later| later > job);
            let late = self.now >= self.jobs[job].until;
            let told =
                !lost && !late && !overtaken && self.jobs[job].seen.is_none() && self.jobs[job].session == self.session;
            self.tell(Fact::Ended { host: name, deed, code, told });
        }
        match fault {
            Some(kind @ Kind::LostAfter) => {
                self.fired(kind, Some(host));
                let after = self.random.between(1, 20_000);
                self.plan(after, Happening::Lost(job));
            }
            Some(kind @ Kind::Kill { point: Point::After, lost }) => {
                self.fired(kind, None);
                (self.dead, self.lost) = (true, lost);
            }
            _ => self.see(job, Ok((code, printed))),
        }
    }

    /// The tool sees how a command ended, or that it will not.
    pub fn see(&mut self, job: usize, seen: Result<(i32, String), String>) {
        let job = &mut self.jobs[job];
        if job.seen.is_none() {
            job.seen = Some(seen);
            if let Some(waker) = job.waker.take() {
                self.woken = true;
                waker.wake();
            }
        }
    }

    /// What it leaves on the host, its exit code, and what it prints.
    fn effect(&mut self, job: usize, deed: &Deed, fault: Option<Kind>) -> (i32, String) {
        let Job { host, mount: old, lazy, .. } = self.jobs[job];
        let overtaken = self.snapshots_of(host).any(|later| later > job);
        let h = &mut self.hosts[host];
        let plain = |code: i32| (code, "done\n".to_owned());
        match deed {
            Deed::Nothing => plain(0),
            Deed::Install => {
                h.programs.extend([Role::Master, Role::Metalogger, Role::Chunkserver, Role::Client]);
                plain(0)
            }
            Deed::Restore(only) => {
                if h.files.values().all(|sum| sum != KEPT) {
                    return plain(2);
                }
                if h.put_in {
                    return plain(0);
                }
                h.programs.retain(|role| only.is_some_and(|only| only != *role));
                plain(0)
            }
            Deed::PutBack { file } => {
                h.files.remove(file);
                plain(0)
            }
            Deed::FoldersBack => {
                if std::mem::take(&mut h.wide) {
                    let host = h.name.clone();
                    self.tell(Fact::Folders { host, wide: false });
                    self.recheck();
                }
                plain(0)
            }
            Deed::Build { mark, text } => {
                h.files.insert(mark.clone(), sha256(text.as_bytes()));
                plain(0)
            }
            Deed::Keep { file } => {
                h.files.entry(file.clone()).or_insert_with(|| KEPT.to_owned());
                plain(0)
            }
            Deed::Configure { file, copy } => match h.files.contains_key(file) {
                true => plain(1),
                false => {
                    let Some(sum) = h.files.remove(copy) else { return plain(1) };
                    h.files.insert(file.clone(), sum);
                    plain(0)
                }
            },
            // another one was begun since
            Deed::Snapshot { turn: true } if overtaken => plain(1),
            Deed::Snapshot { .. } => self.snapshot(host, fault),
            Deed::Trial => self.trial(host, fault),
            Deed::EndTrial => {
                h.trial = false;
                plain(0)
            }
            // what MooseFS's daemons say at their end means nothing
            Deed::Start(_) | Deed::Stop(_) | Deed::Kill(_) => plain(i32::from(self.random.chance(20))),
            Deed::Unmount(point) => {
                let Some(process) = h.processes.iter_mut().find(|p| p.mounted && Some(p.pid) == old) else {
                    return plain(32);
                };
                let used = h.used.contains_key(point);
                if let (false, Some(kind @ Kind::Busy)) = (lazy, fault) {
                    self.fired(kind, Some(host));
                    return plain(32);
                }
                if used && !lazy {
                    return plain(32);
                }
                (process.mounted, process.left) = (false, used);
                let (pid, new, name) = (process.pid, process.new, h.name.clone());
                let mount = Some(point.clone());
                self.tell(Fact::Process { host: name, role: Role::Client, new, mount, runs: false, by: By::Us });
                self.taking(host, Role::Client, Some(point.clone()));
                if used {
                    let host = self.hosts[host].name.clone();
                    self.tell(Fact::Left { host, mount: point.clone(), left: true });
                } else {
                    let lingers = self.random.between(1, 5000);
                    self.plan(lingers, Happening::End { host, pid, by: By::Us, cleanly: true });
                }
                plain(0)
            }
            Deed::Mount(point) => self.mount(host, point, fault),
        }
    }

    /// The copies of metadata that were begun on a host.
    fn snapshots_of(&self, host: usize) -> impl Iterator<Item = usize> {
        let begun = |job: &Job| matches!(job.deed, Deed::Snapshot { .. }) && job.fault != Some(Kind::LostBefore);
        let of = move |job: &Job| job.host == host && begun(job);
        self.jobs.iter().enumerate().filter(move |(_, job)| of(job)).map(|(at, _)| at)
    }

    fn snapshot(&mut self, host: usize, fault: Option<Kind>) -> (i32, String) {
        // metadata.mfs.back is there only while a master runs
        if self.master().is_none() || self.saving {
            return (1, "the master saved its metadata while it was copied\n".to_owned());
        }
        self.copies += 1;
        let copy = self.copies;
        self.hosts[host].copy = Some(copy);
        self.copied = (self.inodes, self.chunks);
        self.copy_differs = false;
        if let Some(kind @ Kind::CopyDiffers) = fault {
            self.fired(kind, Some(host));
            self.copy_differs = true;
        }
        let files = ["metadata.mfs.back", "changelog.0.mfs", "mfsmetarestore"];
        self.tell(Fact::Copied { copy, files: files.len() });
        for at in 0..self.jobs.len() {
            if let (true, Some(Kind::CopyLingers(after))) = (self.jobs[at].alive, self.jobs[at].fault) {
                self.plan(after, Happening::Job(at));
            }
        }
        let line = |file: &&str| format!("{}\t100\t{file}\n", sha256(format!("{copy} {file}").as_bytes()));
        (0, files.iter().map(line).collect())
    }

    fn trial(&mut self, host: usize, fault: Option<Kind>) -> (i32, String) {
        if self.hosts[host].copy.is_none() {
            return (1, "no copy\n".to_owned());
        }
        let load = match fault {
            Some(kind @ Kind::LoadsSlowly) => {
                self.fired(kind, Some(host));
                40_000
            }
            _ => 1500,
        };
        (0, format!("restore-ms\t20\nmetaversion\t0000000000000009\nlast-change\t8\nload-ms\t{load}\n"))
    }

    /// Refused without a master, and for a moment after its start.
    fn mount(&mut self, host: usize, point: &str, fault: Option<Kind>) -> (i32, String) {
        let new = self.hosts[host].programs.contains(&Role::Client);
        let master = self.master().filter(|m| m.new || !new);
        let since = master.and_then(|m| Some(m.ready? + if m.new { 10_000 } else { 0 }));
        if since.is_none_or(|since| self.now < since) || self.hosts[host].mounted(point).is_some() {
            return (1, "mfsmount: refused\n".to_owned());
        }
        let pid = self.spawn(host, Role::Client, new, Some(point.to_owned()), By::Us);
        self.ready(host, pid);
        if let Some(kind @ Kind::DiesLater(seconds)) = fault {
            self.fired(kind, Some(host));
            self.plan(seconds * 1000, Happening::End { host, pid, by: By::World, cleanly: false });
        }
        (0, String::new())
    }
}
