//! What is seen from outside: a look at a host, the master's word on its cluster.

use std::fmt::Write as _;

use mfsupgrade::moosefs::Overview;
use mfsupgrade::moosefs::daemon::Role;
use mfsupgrade::moosefs::wire::{ChunkMatrix, Chunkserver, FileTest, Info, Layout, Metalogger, Session};
use mfsupgrade::run::ports::NoAnswer;

use super::State;
use super::host::{Host, Process};
use crate::seeds::deed::Deed;
use crate::seeds::scenario::OLD;

/// What a look has in its text that asks who uses mounts.
pub const USERS: &str = "( users )";

/// The same for jobs that go on.
const JOBS: &str = "flock -s";

/// The disk of every chunkserver.
const DISK: &str = "/mnt/hd1";

/// "MFSM 1.5", as every release of this line begins its metadata.
const HEADER: &str = "4d46534d20312e35";

/// A look's line on a metadata file.
fn header(file: &str, version: u64) -> String {
    format!("header\t{file}\t{HEADER}00000009{version:016x}")
}

impl State {
    fn version(&self, new: bool) -> &semver::Version {
        if new { &self.scenario.to } else { &OLD }
    }

    /// What a look at a host prints.
    pub fn look(&self, at: usize, script: &str) -> String {
        let host = &self.hosts[at];
        let mut out = String::with_capacity(1024);
        let clock = self.clock() + host.ahead;
        let (name, boot) = (&host.name, host.boot());
        let _ = write!(out, "uid\t0\nhostname\t{name}\nboot\t{boot}\nclock\t{clock}\nmake\nfuse\n");
        let up = host.up(self.now);
        let _ = writeln!(out, "uptime\t{}.{:02}", up / 100, up % 100);
        host.processes.iter().for_each(|process| self.show_process(&mut out, host, process));
        for process in host.processes.iter().filter(|p| p.mounted) {
            let point = process.mount.as_deref().unwrap_or_default();
            let _ = match process.new {
                true => writeln!(out, "mount mfsmaster:9421 {point} fuse.mfs rw 0 0"),
                false => writeln!(out, "mount MFS {point} fuse rw 0 0"),
            };
        }
        self.show_disk(&mut out, host);
        // in the tree to install from, or any job
        let works = |deed: &Deed| script.contains(JOBS) || matches!(deed, Deed::Install | Deed::Build { .. });
        let busy = |job: &super::Job| job.alive && job.host == at && works(&job.deed);
        if script.contains("busy") && self.jobs.iter().any(busy) {
            out += "busy\t7\n";
        }
        if script.contains(USERS) {
            let mounted = |point: &&String| host.mounted(point).is_some();
            host.used.keys().filter(mounted).for_each(|point| out += &format!("user\t7\trsync\t{point}/file\n"));
        }
        if host.running(Role::Master).any(|p| p.ready.is_some()) {
            out += "tcp    0: 00000000:24CC 00000000:0000 0A 0\n";
        }
        out + "end\n"
    }

    fn show_process(&self, out: &mut String, host: &Host, process: &Process) {
        let name = process.role.program();
        let lock = match (process.new, process.ready) {
            (false, _) => "",
            (true, Some(_)) => "held",
            (true, None) => "free",
        };
        let arguments = match (&process.mount, process.new) {
            (None, _) => String::new(),
            (Some(point), false) => format!("-w\t{point}\t"),
            (Some(point), true) => format!("{point}\t-H\tmfsmaster\t"),
        };
        let (pid, version) = (process.pid, self.version(process.new));
        let start = (process.since - host.booted_at).max(0) / 10;
        let _ = writeln!(
            out,
            "process\t{pid}\t{name}\t{version}\t/usr/local/{name}\t/var/mfs\t{lock}\t\
             S 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 {start} 0\t{name}\t{arguments}"
        );
    }

    fn show_disk(&self, out: &mut String, host: &Host) {
        for role in [Role::Master, Role::Metalogger, Role::Chunkserver, Role::Client] {
            let new = host.programs.contains(&role);
            // 1.5 has no metalogger
            if role != Role::Metalogger || new {
                let _ = writeln!(out, "installed\t/usr/local/{}\t{}", role.path_in_prefix(), self.version(new));
            }
        }
        if host.server.is_some() {
            let _ = writeln!(out, "wide\t{DISK}\t{}", if host.wide { 9 } else { 0 });
        }
        for (file, _) in host.files.iter().filter(|(_, sum)| *sum == super::command::KEPT) {
            let _ = writeln!(out, "archive\t{file}");
            let holds = self.version(host.put_in);
            let all = [Role::Master, Role::Chunkserver, Role::Client, Role::Metalogger];
            for role in &all[..if host.put_in { 4 } else { 3 }] {
                let _ = writeln!(out, "holds\t{file}\t{}\t{holds}", role.path_in_prefix());
            }
        }
        for (file, sum) in &host.files {
            let _ = writeln!(out, "kept\t{file}\t{sum}");
        }
        if let Some(at) = host.metadata_saved {
            let _ = writeln!(out, "data\tmetadata.mfs\t100 {at}\n{}", header("metadata.mfs", self.changes));
        }
        if let Some(master) = host.running(Role::Master).find(|p| p.ready.is_some()) {
            let last = self.version_of(master).saturating_sub(1);
            let _ = writeln!(out, "{}\nchange\t{last}", header("metadata.mfs.back", master.loaded));
        }
        if self.saving && host.name == "master" {
            out.push_str("data\tmetadata.mfs.back.tmp\t50 0\n");
        }
    }

    /// What a survey before the way back prints as well: what was kept, and the list of disks.
    pub fn survey(&self, at: usize) -> String {
        let host = &self.hosts[at];
        let mut out = String::new();
        if host.server.is_some() {
            let hex: String = format!("{DISK}\n").bytes().map(|byte| format!("{byte:02x}")).collect();
            let size = DISK.len() + 1;
            let width = if host.wide { "wide" } else { "narrow" };
            let _ = writeln!(out, "folder\t{DISK}\troot\t0\t{width}\nfolder\t/var/run/mfs\troot\t0\tnarrow");
            let _ = writeln!(out, "file\t/usr/local/etc/mfshdd.cfg\t{size}\t644\troot\t0\troot\t0\t{hex}");
        }
        self.look(at, &format!("busy {JOBS}")).replace("\nend\n", &format!("\n{out}end\n"))
    }

    /// What the master says.
    pub fn overview(&self) -> Result<Overview, NoAnswer> {
        let silent = |reached| NoAnswer { reason: "connection refused".to_owned(), reached };
        if self.now < self.silent_until || !self.hosts[0].reachable(self.now) {
            return Err(silent(false));
        }
        if let Some(&elsewhere) = self.strays.get("master") {
            return Err(silent(self.hosts[elsewhere].reachable(self.now)));
        }
        let master = self.master().ok_or_else(|| silent(true))?;
        let new = master.new;
        let told = |process: &Process| (new && process.new).then(|| self.scenario.to.clone());
        let servers = self.hosts.iter().filter_map(|host| {
            let (process, chunks) = self.server_shows(host)?;
            Some(Chunkserver {
                version: told(process),
                disconnected: false,
                maintenance: false,
                address: host.address,
                port: 9422,
                used: 1,
                total: 2,
                chunks,
                removal_chunks: 0,
                errors: 0,
            })
        });
        let connected = |host: &Host, p: &Process| self.connected_at(host, p).is_some_and(|at| at <= self.now);
        let sessions = self.hosts.iter().flat_map(|host| {
            host.processes.iter().filter(|p| (p.mounted || p.left) && connected(host, p)).map(|p| Session {
                id: None,
                address: host.address,
                version: self.version(p.new).clone(),
                mount_point: p.mount.clone().filter(|_| p.new),
                path: None,
                connected: true,
            })
        });
        let loggers = self.hosts.iter().flat_map(|host| {
            let seen = host.running(Role::Metalogger).filter(|p| connected(host, p));
            seen.map(|p| Metalogger { version: told(p), address: host.address })
        });
        let (inodes, chunks) = if master.other_metadata { (0, 0) } else { (self.inodes, self.chunks) };
        let (under_goal, missing) = (self.health.under_goal, self.health.missing);
        Ok(Overview {
            info: Info {
                version: new.then(|| self.scenario.to.clone()),
                layout: if new { Layout::V16 } else { Layout::V15 },
                total_space: 9,
                available_space: 9,
                inodes,
                directories: 1,
                files: inodes,
                chunks,
                copies: None,
            },
            chunkservers: servers.collect(),
            sessions: sessions.collect(),
            matrix: new.then(|| self.matrix(under_goal, missing)),
            file_test: self.file_test(master, under_goal, missing),
            metaloggers: new.then(|| loggers.collect()),
        })
    }

    /// A master's own test of all files. 1.5.12's first round is over 150 + 2048 s after its start; nothing asks a 1.6 master
    /// for it.
    fn file_test(&self, master: &Process, under_goal: u32, missing: u32) -> FileTest {
        if master.ready.is_none_or(|since| self.now - since < 2_198_000) {
            return FileTest::default();
        }
        let (under_goal_chunks, missing_chunks) = (under_goal - missing, missing);
        FileTest { started: 1, ended: 2, under_goal_chunks, missing_chunks, ..FileTest::default() }
    }

    fn matrix(&self, under_goal: u32, missing: u32) -> ChunkMatrix {
        let mut matrix = [[0; 11]; 11];
        let missing = missing.min(under_goal);
        if self.scenario.servers < 2 {
            // goal 1: under goal is missing; what else is thin has goal 2
            matrix[1][0] = missing;
            matrix[2][1] = under_goal - missing;
            matrix[1][1] = self.chunks - under_goal;
        } else {
            matrix[2][0] = missing;
            matrix[2][1] = under_goal - missing;
            matrix[2][2] = self.chunks - under_goal;
        }
        ChunkMatrix(matrix)
    }

    /// What the trial master says.
    pub fn trial_overview(&self) -> Result<Overview, NoAnswer> {
        let silent = |reached| NoAnswer { reason: "connection refused".to_owned(), reached };
        if !self.hosts[0].reachable(self.now) || self.now < self.silent_until {
            return Err(silent(false));
        }
        if !self.hosts[0].trial {
            return Err(silent(true));
        }
        let mut matrix = [[0; 11]; 11];
        let (inodes, chunks) = self.copied;
        matrix[if self.scenario.servers < 2 { 1 } else { 2 }][0] = chunks;
        Ok(Overview {
            info: Info {
                version: Some(self.scenario.to.clone()),
                layout: Layout::V16,
                total_space: 0,
                available_space: 0,
                inodes,
                directories: 1,
                files: inodes,
                chunks,
                copies: None,
            },
            chunkservers: Vec::new(),
            sessions: Vec::new(),
            matrix: Some(ChunkMatrix(matrix)),
            file_test: FileTest::default(),
            metaloggers: None,
        })
    }
}
