//! What was seen of a cluster whose upgrade is to be taken back, and what of it stands against that. PURE.
//!
//! Only what a run has changed is taken back: by its journal ([`Changed`]) and by a look at each host. Nothing is guessed:
//! what cannot be brought back is found here, before anything is touched.

mod daemons;
mod mounts;

use std::net::Ipv4Addr;

use semver::Version;

use mounts::Mounted;

use super::preflight::Fleet;
use super::{Baseline, Code, Finding, of_line, servers};
use crate::host::{AbsPath, HostFacts, HostName, MountArguments};
use crate::moosefs::Overview;
use crate::moosefs::daemon::Role;
use crate::plan::Plan;

/// What a run began to change on a host for one of its roles, by its journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// The host.
    pub host: HostName,
    /// The role.
    pub role: Role,
    /// Where its programs are.
    pub prefix: AbsPath,
    /// The tar file of what the installation replaced.
    pub kept: Option<AbsPath>,
    /// The daemon's working folder.
    pub data_path: Option<AbsPath>,
    /// Configuration that was written.
    pub config: Vec<Written>,
    /// Mounts that were changed, as the old release had them.
    pub mounts: Vec<MountArguments>,
    /// Whether it had begun to take the old daemon down; only a master's is told.
    pub ended: bool,
    /// Those of this client whose turn had not come: a boot makes them with the programs that are there.
    pub not_begun: Vec<MountArguments>,
}

/// A configuration file that the upgrade wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The file.
    pub file: AbsPath,
    /// SHA-256 of what was there; `None`: nothing was.
    pub replaced: Option<String>,
    /// Where that is kept.
    pub beside: AbsPath,
}

/// A daemon as it is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Daemon {
    /// It runs in the release that goes.
    New,
    /// None runs.
    Down,
    /// It runs in the release to be.
    Old,
}

/// What is to be brought back on a host for one of its roles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// By the journal.
    pub changed: Changed,
    /// Its daemon now; a client's is [`Daemon::New`] if any of its mounts is.
    pub daemon: Daemon,
    /// Whether programs of the new release are in its prefix.
    pub programs: bool,
    /// A chunkserver's disks.
    pub disks: Vec<AbsPath>,
    /// Mounts to make in the old release, with whether a new one is there now.
    pub mounts: Vec<(MountArguments, bool)>,
}

/// A whole look before the way back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackSeen {
    /// What later looks are measured against.
    pub baseline: Baseline,
    /// Where the master listens for admin questions, as seen from its own host.
    pub admin_address: Option<Ipv4Addr>,
    /// Whether the new master runs and answers: then the file system stays in use.
    pub new_master: bool,
    /// What is to be done.
    pub parts: Vec<Part>,
}

/// The look, and what stands against the way back, worst first. `overview` is the master's answer, if it gave one;
/// `before` what the cluster was like before the upgrade, `known` the addresses by which its master knew the plan's hosts.
/// `accepts_metadata`: the operator has looked and said that the master serves the right metadata.
#[must_use]
pub fn look_back(
    plan: &Plan,
    changed: &[Changed],
    fleet: &Fleet,
    overview: Option<&Overview>,
    before: &Baseline,
    known: &[Ipv4Addr],
    accepts_metadata: bool,
) -> (BackSeen, Vec<Finding>) {
    let mut check = Check { plan, fleet, new_master: false, findings: Vec::new() };
    let master = fleet.get(&plan.master.host);
    let is_new = master.is_some_and(|facts| check.daemon(facts, Role::Master) == Some(Daemon::New));
    let new_master = is_new && overview.is_some();
    check.new_master = new_master;
    let parts: Vec<Part> = changed.iter().filter_map(|c| check.part(c)).collect();
    check.jobs();
    // beside an old master it is no part of the cluster, whatever this run has changed
    let beside = master.is_some_and(|facts| check.daemon(facts, Role::Master) == Some(Daemon::Old));
    if !parts.is_empty() || beside {
        check.not_by_this_run(changed);
    }
    if !parts.is_empty() {
        check.strangers(overview, known);
    }
    if is_new && !new_master {
        check.find(
            Code::MasterDoesNotAnswer,
            Some(&plan.master.host),
            "the new mfsmaster runs and gives no answer".into(),
            "every gate asks it",
            "make it serve, or stop it cleanly: with the master down everything is brought back at once".into(),
        );
    }
    if let Some(overview) = overview {
        let ended = changed.iter().any(|c| c.role == Role::Master && c.ended);
        check.on_other_metadata(overview, before, ended && !accepts_metadata);
    }
    let seen = BackSeen {
        baseline: baseline(overview, before),
        admin_address: master.and_then(|f| f.listener(plan.master.admin_port)),
        new_master,
        parts,
    };
    let mut findings = check.findings;
    of_line(&mut findings, plan.line());
    findings.sort_by(|a, b| a.severity.cmp(&b.severity).then_with(|| a.host.cmp(&b.host)));
    (seen, findings)
}

/// What is there now; what may be missing or under goal, and what a server that is away now had, is from before the upgrade.
/// So is what one had that is there without its chunks: an old one on the folders of the new release shows none, and as a
/// measure that would let it pass for good.
fn baseline(overview: Option<&Overview>, before: &Baseline) -> Baseline {
    let Some(overview) = overview else { return before.clone() };
    let now = Baseline::of(overview);
    // an old master has no matrix: there all servers together show it, but for a chunk of each
    let tells = overview.matrix.is_some();
    let whole = match tells {
        true => now.missing <= before.missing && now.under_goal <= before.under_goal,
        false => before.shows_all_copies(overview, now.servers.len() as u64),
    };
    let servers = servers::since(before, &now, |shows| whole && (shows > 0 || tells));
    Baseline { chunks: now.chunks, inodes: now.inodes, servers, ..before.clone() }
}

struct Check<'a> {
    plan: &'a Plan,
    fleet: &'a Fleet,
    /// Whether the new master runs and answers.
    new_master: bool,
    findings: Vec<Finding>,
}

impl Check<'_> {
    fn find(&mut self, code: Code, host: Option<&HostName>, seen: String, why: &str, todo: String) {
        self.findings.push(Finding::new(code, host, seen, why, todo));
    }

    fn from(&self) -> &Version {
        &self.plan.upgrade.from
    }

    fn to(&self) -> &Version {
        &self.plan.upgrade.to
    }

    /// `None`: neither release, or more than one.
    fn daemon(&self, facts: &HostFacts, role: Role) -> Option<Daemon> {
        let running: Vec<_> = facts.processes.iter().filter(|p| p.role == role).collect();
        match running[..] {
            [] => Some(Daemon::Down),
            [one] if one.version.as_ref() == Some(self.to()) => Some(Daemon::New),
            [one] if one.version.as_ref() == Some(self.from()) => Some(Daemon::Old),
            _ => None,
        }
    }

    /// What is to be done for `changed`; `None`: nothing, or nobody can tell.
    fn part(&mut self, changed: &Changed) -> Option<Part> {
        let host = &changed.host;
        let facts = self.fleet.get(host)?;
        if !facts.root {
            self.find(
                Code::NotRoot,
                Some(host),
                "commands on it do not run as root".into(),
                "stopping and starting daemons and mounting need root",
                "set `user = \"root\"` or `become = \"sudo\"` under [ssh]; sudo must not ask for a password".into(),
            );
        }
        let prefix = format!("{}/", changed.prefix.as_str().trim_end_matches('/'));
        let here = |path: &&String| path.starts_with(&prefix);
        let programs =
            facts.installed.iter().filter(|(path, _)| here(path)).any(|(_, v)| v.as_ref() != Some(self.from()));
        // a metalogger that ran already when its turn came was left as it was, and nothing of it was kept: it is stopped alone
        let kept = changed.kept.as_ref().is_some_and(|file| facts.archives.contains_key(file.as_str()));
        let programs = programs && (kept || changed.role != Role::Metalogger);
        let mounts = if changed.role == Role::Client { self.mounts(changed, facts) } else { Vec::new() };
        let daemon = match changed.role {
            Role::Client if mounts.iter().all(|(_, seen)| *seen == Mounted::Old) => Daemon::Old,
            Role::Client => Daemon::New,
            role => self.daemon_of(host, role, facts)?,
        };
        // a metalogger that is down is as the old release has it
        let done = daemon == Daemon::Old || (changed.role == Role::Metalogger && daemon == Daemon::Down);
        if changed.role == Role::Chunkserver && daemon == Daemon::Old {
            self.on_new_folders(changed, facts);
        }
        if done && !programs {
            return None;
        }
        if programs {
            self.kept(changed, facts);
        }
        if daemon != Daemon::Old {
            self.lock_folder(changed, facts);
        }
        if changed.role == Role::Master && daemon != Daemon::Old {
            self.metadata(host, daemon, facts);
        }
        let disks = match (changed.role, daemon) {
            (Role::Chunkserver, Daemon::New | Daemon::Down) => self.disks(changed, facts),
            _ => Vec::new(),
        };
        // those that are old are found as they are, unless the host boots before their turn
        let mounts = mounts.into_iter().map(|(m, seen)| (m, seen != Mounted::Not)).collect();
        Some(Part { changed: changed.clone(), daemon, programs, disks, mounts })
    }

    /// Whether what was replaced is there, whole enough to have the role's program.
    fn kept(&mut self, changed: &Changed, facts: &HostFacts) {
        let (host, program) = (&changed.host, changed.role.path_in_prefix());
        let seen = match &changed.kept {
            None => "the run did not keep what its installation replaced".to_owned(),
            Some(_) if changed.role == Role::Metalogger => return,
            Some(file) => match facts.lacks_kept(file, changed.role, self.from()) {
                None => return,
                Some(why) => why,
            },
        };
        let from = self.from().clone();
        self.find(
            Code::BackProgramsGone,
            Some(host),
            seen,
            "there is no old program to bring back, and no daemon is stopped without one",
            format!("install {from} by hand on {host} (`make install` in its tree brings {program}), and look again"),
        );
    }

    /// What a run that was killed has begun and what goes on: it changes its host after this look, and nobody takes that back.
    fn jobs(&mut self) {
        for (host, facts) in self.fleet {
            if let Some(pid) = facts.busy.first() {
                self.find(
                    Code::BackJobRuns,
                    Some(host),
                    format!("a command that a run has begun (pid {pid}) is still at work"),
                    "what it does after this look, such as an umount, is not taken back",
                    format!("wait for its end, or end it (`kill {pid}`), and look again"),
                );
            }
        }
    }

    /// What runs in the new release although the run did not put it there: nothing was kept of what was before.
    fn not_by_this_run(&mut self, changed: &[Changed]) {
        let plan = self.plan;
        for (host, role, _) in plan.hosts() {
            let known = changed.iter().any(|c| c.host == *host && c.role == role);
            let Some(facts) = self.fleet.get(host).filter(|_| !known) else { continue };
            let runs = facts.processes.iter().any(|p| p.role == role && p.version.as_ref() == Some(self.to()));
            if runs {
                self.find(
                    Code::BackNotByRun,
                    Some(host),
                    format!("its {} is {}, and not by this run", role.program(), plan.upgrade.to),
                    "it does not work with an old master, and nothing was kept of what was there before",
                    "bring it back by hand first, or stop it".into(),
                );
            }
        }
    }

    /// What the master knows beyond the plan, and would not be served by an old one.
    fn strangers(&mut self, overview: Option<&Overview>, known: &[Ipv4Addr]) {
        let Some(overview) = overview else { return };
        let line = self.plan.line();
        let ours: Vec<Ipv4Addr> = self.fleet.values().flat_map(|f| &f.sockets).map(|s| s.local.0).collect();
        let stranger = |address: &Ipv4Addr| !ours.contains(address) && !known.contains(address);
        let mounts = overview.sessions.iter().filter(|s| s.connected && !line.begins_at(&s.version));
        let mounts: Vec<_> = mounts.map(|s| s.address).filter(stranger).map(|a| a.to_string()).collect();
        let servers = overview.chunkservers.iter().filter(|s| !s.disconnected && s.version.is_some());
        let servers: Vec<_> = servers.map(|s| s.address).filter(stranger).map(|a| a.to_string()).collect();
        for (code, what, addresses) in
            [(Code::ClientNotInPlan, "mounts", mounts), (Code::ChunkserverNotInPlan, "chunkservers", servers)]
        {
            if !addresses.is_empty() {
                self.find(
                    code,
                    None,
                    format!(
                        "the master knows new {what} of hosts that the plan does not name: {}",
                        addresses.join(", ")
                    ),
                    "they do not work with an old master",
                    "bring them back by hand first, or stop them".into(),
                );
            }
        }
    }
}
