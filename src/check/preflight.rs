//! The checks before anything is touched: plan, hosts and master held against each other. PURE.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use semver::Version;

use super::{Baseline, ClientSeen, Code, Finding, MasterSeen, Observation, ServerSeen, Severity};
use crate::host::{AbsPath, HostFacts, HostName, MountArguments, Process};
use crate::moosefs::Overview;
use crate::moosefs::daemon::{MASTER_CHUNKSERVER_PORT, Role};
use crate::moosefs::wire::Layout;
use crate::plan::{Access, ClientGroup, InstallHow, Mode, Plan};
use crate::rules::line_1_5_to_1_6 as line;

/// The look at every host of the plan.
pub type Fleet = BTreeMap<HostName, HostFacts>;

/// `localhost`. Not all of 127.0.0.0/8, where a rehearsal's hosts are.
const LOCALHOST: [u8; 3] = [127, 0, 0];

/// Holds everything against everything. The observation is `None` where an error left a part of it unknown; all
/// findings are given, worst first.
#[must_use]
pub fn preflight(plan: &Plan, fleet: &Fleet, overview: &Overview) -> (Option<Observation>, Vec<Finding>) {
    let mut check = Check { plan, fleet, overview, findings: Vec::new() };
    let master = check.master();
    check.writers();
    let chunkservers = check.chunkservers();
    let clients = check.clients();
    check.strangers(&chunkservers, &clients);
    let baseline = check.baseline();
    check.findings.sort_by(|a, b| a.severity.cmp(&b.severity).then_with(|| a.host.cmp(&b.host)));
    let whole = master.map(|master| Observation {
        baseline,
        master,
        metaloggers: BTreeMap::new(),
        config: BTreeMap::new(),
        chunkservers,
        clients,
    });
    let stopped = check.findings.iter().any(|f| f.severity == Severity::Error);
    (whole.filter(|_| !stopped), check.findings)
}

/// The access to the master's metadata of a host that is not looked at is a bug of the caller, who looks at all.
struct Check<'a> {
    plan: &'a Plan,
    fleet: &'a Fleet,
    overview: &'a Overview,
    findings: Vec<Finding>,
}

impl<'a> Check<'a> {
    fn find(&mut self, code: Code, host: Option<&HostName>, seen: String, why: &str, todo: String) {
        self.findings.push(Finding::new(code, host, seen, why, todo));
    }

    /// The facts of a host, with what is checked on every host of any role.
    fn host(&mut self, host: &HostName, role: Role, access: &Access) -> Option<&'a HostFacts> {
        let facts = self.fleet.get(host)?;
        if !facts.root {
            self.find(
                Code::NotRoot,
                Some(host),
                "commands on it do not run as root".into(),
                "installing, starting daemons and mounting need root",
                "set `user = \"root\"` or `become = \"sudo\"` under [ssh]; sudo must not ask for a password".into(),
            );
        }
        self.install(host, role, access, facts);
        Some(facts)
    }

    /// The tree that will be installed is there, is built and is the release that the plan names.
    fn install(&mut self, host: &HostName, role: Role, access: &Access, facts: &HostFacts) {
        let InstallHow::SourceDir(tree) = &access.install.how else { return };
        let program = tree.join(&format!("{0}/{0}", role.program()));
        let to = &self.plan.upgrade.to;
        let why = "a step that cannot install would stop the run halfway";
        match facts.source.get(program.as_str()) {
            Some(Some(version)) if version == to => {}
            Some(Some(version)) => self.find(
                Code::SourceVersionDiffers,
                Some(host),
                format!("{program} is {version}"),
                "the plan names another release",
                format!("put the tree of {to} there, configured and built"),
            ),
            Some(None) | None => self.find(
                Code::SourceMissing,
                Some(host),
                format!("there is no built {program}"),
                why,
                format!("unpack, configure and build {to} in {tree}"),
            ),
        }
        if !facts.make {
            self.find(
                Code::MakeMissing,
                Some(host),
                "it has no `make`".into(),
                why,
                "install make, or give install commands in the plan".into(),
            );
        }
    }

    /// A daemon that runs once, from the prefix, in a release of this line, without a configuration of its own.
    fn daemon(&mut self, host: &HostName, role: Role, access: &Access, facts: &'a HostFacts) -> Option<&'a Process> {
        let running: Vec<_> = facts.processes.iter().filter(|p| p.role == role).collect();
        let program = role.program();
        let [process] = running[..] else {
            let seen = match running.len() {
                0 => format!("no {program} runs"),
                n => format!("{n} {program} run"),
            };
            self.find(
                if running.is_empty() { Code::DaemonNotRunning } else { Code::DaemonRunsTwice },
                Some(host),
                seen,
                "the upgrade takes over exactly one running daemon, and can prove nothing otherwise",
                format!("make the {role} run once, or take the host out of the plan"),
            );
            return None;
        };
        let path = access.install.prefix.join(role.path_in_prefix());
        let exe = process.exe.trim_end_matches(" (deleted)");
        if exe != path.as_str() {
            self.find(
                Code::PrefixDiffers,
                Some(host),
                format!("the running {program} is {exe}"),
                "the new release would be installed beside it, with its files elsewhere",
                format!("set the prefix under [install] so that {path} is the running daemon's"),
            );
        }
        if process.arguments.iter().any(|a| a.starts_with("-c")) {
            self.find(
                Code::CustomConfig,
                Some(host),
                format!("{program} runs with `{}`", process.arguments.join(" ")),
                "the new daemon would be started without that configuration file",
                format!("move the file to {}/etc/{program}.cfg and restart without -c", access.install.prefix),
            );
        }
        self.version(host, process)?;
        Some(process)
    }

    fn version(&mut self, host: &HostName, process: &Process) -> Option<Version> {
        let (from, to) = (&self.plan.upgrade.from, &self.plan.upgrade.to);
        let program = process.role.program();
        match &process.version {
            Some(version) if version == from || version == to => Some(version.clone()),
            other => {
                let is = other.as_ref().map_or("tells no version".to_owned(), |v| format!("is {v}"));
                self.find(
                    Code::VersionDiffers,
                    Some(host),
                    format!("the running {program} {is}"),
                    "rules and facts are those of the releases that the plan names",
                    format!("set `from` under [upgrade] to what runs; all hosts must run it or {to}"),
                );
                None
            }
        }
    }

    fn master(&mut self) -> Option<MasterSeen> {
        let master = &self.plan.master;
        let facts = self.host(&master.host, Role::Master, &master.access)?;
        let process = self.daemon(&master.host, Role::Master, &master.access, facts)?;
        let version = process.version.clone()?;
        self.exports(facts);
        self.listens(facts);
        let wire = self.overview.info.version.clone();
        let agrees = match self.overview.info.layout {
            Layout::V15 => (version.major, version.minor) == (1, 5),
            _ => wire.as_ref() == Some(&version),
        };
        if !agrees {
            let told = wire.map_or("a 1.5 release".to_owned(), |v| v.to_string());
            self.find(
                Code::MasterNotTheOneAsked,
                Some(&master.host),
                format!("the process is {version}, but {told} answers on the admin port"),
                "another master, or a proxy, answers there",
                "check [master] host and admin_port".into(),
            );
        }
        let Some(admin_address) = facts.listener(master.admin_port) else {
            self.find(
                Code::AdminPortNotListening,
                Some(&master.host),
                format!("nothing listens on port {}", master.admin_port),
                "gates ask the master there",
                "set admin_port under [master] to the master's MATOCU_LISTEN_PORT".into(),
            );
            return None;
        };
        let data_path = self.data_path(&master.host, process)?;
        Some(MasterSeen {
            version,
            data_path,
            user: process.user.clone(),
            group: process.group.clone(),
            configuration: Vec::new(),
            admin_address,
        })
    }

    /// The new master would listen where the mounts do not look for it (hazard 9).
    fn listens(&mut self, facts: &HostFacts) {
        let (plan, to) = (self.plan, &self.plan.upgrade.to);
        let prefix = &plan.master.access.install.prefix;
        let used = line::master_config_paths(to)
            .iter()
            .find_map(|path| facts.master_configs.get_key_value(prefix.join(path).as_str()));
        let (path, keys) = used.map_or(("the defaults", &[] as &[_]), |(path, keys)| (path.as_str(), keys.as_slice()));
        let port = line::client_port(to, keys);
        if port != Some(plan.master.admin_port) {
            let port = port.map_or("no port".to_owned(), |port| format!("port {port}"));
            self.find(
                Code::ListenPortIgnored,
                Some(&plan.master.host),
                format!("with {path} a {to} master listens on {port}, and the old one on {}", plan.master.admin_port),
                "every mount would lose its master; 1.6.26 renamed MATOCU_LISTEN_* and ignores a lone MATOCU_LISTEN_PORT",
                "write MATOCL_LISTEN_HOST and MATOCL_LISTEN_PORT beside the old keys in that file".into(),
            );
        }
    }

    /// A daemon's working folder is its DATA_PATH.
    fn data_path(&mut self, host: &HostName, process: &Process) -> Option<AbsPath> {
        let path = AbsPath::new(&process.cwd).ok();
        if path.is_none() {
            self.find(
                Code::DataPathUnreadable,
                Some(host),
                format!("the working folder of {} is {:?}", process.role.program(), process.cwd),
                "nobody could tell whether the new daemon runs on the same data",
                "let the commands run as root, and use a DATA_PATH of plain characters".into(),
            );
        }
        path
    }

    /// A 1.6.14+ master stops the old one and then refuses to start without exports (facts 1.8; field notes).
    fn exports(&mut self, facts: &HostFacts) {
        let to = &self.plan.upgrade.to;
        if !line::needs_exports(to) {
            return;
        }
        let prefix = &self.plan.master.access.install.prefix;
        let paths: Vec<_> = line::exports_paths(to).iter().map(|p| prefix.join(p)).collect();
        let used = paths.iter().find_map(|p| facts.exports.get(p.as_str()));
        if used.is_some_and(|&rules| rules > 0) {
            return;
        }
        let seen = match used {
            Some(_) => "its mfsexports.cfg has no rules".to_owned(),
            None => format!("there is no {}", paths[0]),
        };
        let host = self.plan.master.host.clone();
        self.find(
            Code::ExportsMissing,
            Some(&host),
            seen,
            "the new master stops the old one first and then refuses to start without exports: an outage",
            format!(
                "write {} before the upgrade; what 1.5 allowed is `* / rw,alldirs,maproot=0`, and `* . rw` for meta mounts",
                paths[0]
            ),
        );
    }

    fn chunkservers(&mut self) -> BTreeMap<HostName, ServerSeen> {
        let plan = self.plan;
        let mut seen = BTreeMap::new();
        for server in &plan.chunkservers {
            let Some(facts) = self.host(&server.host, Role::Chunkserver, &server.access) else { continue };
            let Some(process) = self.daemon(&server.host, Role::Chunkserver, &server.access, facts) else { continue };
            let Some(address) = server.address.or_else(|| facts.address_towards(MASTER_CHUNKSERVER_PORT)) else {
                self.find(
                    Code::ChunkserverNotConnected,
                    Some(&server.host),
                    "it has no connection to a master's port 9420".into(),
                    "a chunkserver that is away already must not be joined by a second one",
                    "bring it back, or give its `address` if the master knows it by another one".into(),
                );
                continue;
            };
            if address.octets()[..3] == LOCALHOST {
                self.find(
                    Code::MasterHostLoopback,
                    Some(&server.host),
                    format!("it reaches the master over {address}"),
                    "a 1.6.14+ chunkserver refuses that, after it has stopped the old one",
                    "give MASTER_HOST in mfschunkserver.cfg a real address".into(),
                );
                continue;
            }
            if !self.overview.chunkservers.iter().any(|s| s.address == address && !s.disconnected) {
                self.find(
                    Code::ChunkserverNotConnected,
                    Some(&server.host),
                    format!("the master lists no connected chunkserver {address}"),
                    "a chunkserver that is away already must not be joined by a second one",
                    "bring it back, or give its `address` if the master knows it by another one".into(),
                );
                continue;
            }
            let Some(version) = process.version.clone() else { continue };
            let Some(data_path) = self.data_path(&server.host, process) else { continue };
            seen.insert(server.host.clone(), ServerSeen { version, address, data_path });
        }
        seen
    }

    fn clients(&mut self) -> BTreeMap<HostName, ClientSeen> {
        let plan = self.plan;
        let mut seen = BTreeMap::new();
        for group in &plan.clients {
            for host in &group.hosts {
                let Some(facts) = self.host(host, Role::Client, &group.access) else { continue };
                let mounts = self.mounts(group, host, facts);
                let Some(address) = facts.address_towards(plan.master.admin_port) else {
                    self.find(
                        Code::ClientNotConnected,
                        Some(host),
                        format!("it has no connection to a master's port {}", plan.master.admin_port),
                        "after the remount nobody could tell whether the master knows the new mount",
                        "mount it, or take the host out of the plan".into(),
                    );
                    continue;
                };
                seen.insert(host.clone(), ClientSeen { address, mounts });
            }
        }
        seen
    }

    /// The mounts to change, as the plan names them or as they are; each must be mounted by a process that can be read.
    fn mounts(&mut self, group: &ClientGroup, host: &HostName, facts: &HostFacts) -> Vec<MountArguments> {
        let (mut found, mut unreadable) = (Vec::new(), Vec::new());
        for process in facts.processes.iter().filter(|p| p.role == Role::Client) {
            if self.version(host, process).is_none() {
                continue;
            }
            match process.mount_arguments() {
                Ok(mount) => found.push(mount),
                Err(e) => unreadable.push((process.pid, process.arguments.join(" "), e)),
            }
        }
        for (pid, arguments, e) in unreadable {
            self.find(
                Code::MountUnreadable,
                Some(host),
                format!("mfsmount {arguments} (pid {pid}): {e}"),
                "it could not be mounted again as it was",
                "remount it with options that are known here".into(),
            );
        }
        let masters: BTreeSet<_> = found.iter().map(|m| (m.master.clone(), m.port)).collect();
        if masters.len() > 1 {
            let names: Vec<_> = masters.iter().map(|(host, port)| format!("{host}:{port}")).collect();
            self.find(
                Code::MountsOfTwoMasters,
                Some(host),
                format!("its mounts name different masters: {}", names.join(", ")),
                "a mount of another cluster would be taken from its users, and a 1.6 mount does not work with a 1.5 master",
                "let all mounts of this cluster name the master in the same way, and unmount the others".into(),
            );
        }
        for mount in &found {
            if group.mounts.as_ref().is_some_and(|wanted| !wanted.contains(&mount.mount_point)) {
                self.find(
                    Code::MountNotInPlan,
                    Some(host),
                    format!("{} is mounted and not among the plan's mounts", mount.mount_point),
                    "it would be left on the old release",
                    "add it to `mounts`, leave `mounts` out to change all, or unmount it".into(),
                );
            }
        }
        let wanted: Vec<AbsPath> = match &group.mounts {
            Some(mounts) => mounts.clone(),
            None => facts.mounts.iter().filter_map(|m| AbsPath::new(&m.mount_point).ok()).collect(),
        };
        let mut mounts = Vec::new();
        for point in wanted {
            let mounted = facts.mount(point.as_str()).is_some();
            match found.iter().find(|m| m.mount_point == point) {
                Some(mount) if mounted => match &group.mount_options {
                    None => mounts.push(mount.clone()),
                    Some(options) => match mount.clone().with_options(options) {
                        Ok(mount) => mounts.push(mount),
                        Err(e) => self.find(
                            Code::MountUnreadable,
                            Some(host),
                            format!("with the plan's mount_options, {point}: {e}"),
                            "it could not be mounted again",
                            "correct mount_options".into(),
                        ),
                    },
                },
                _ => self.find(
                    Code::MountMissing,
                    Some(host),
                    format!("no running mfsmount is mounted on {point}"),
                    "the upgrade changes mounts that are there, with the options that they have",
                    "mount it, or take it out of the plan".into(),
                ),
            }
        }
        mounts
    }

    /// Chunkservers and clients that the master knows and the plan does not: they would be left behind.
    fn strangers(&mut self, chunkservers: &BTreeMap<HostName, ServerSeen>, clients: &BTreeMap<HostName, ClientSeen>) {
        let servers: BTreeSet<Ipv4Addr> = chunkservers.values().map(|s| s.address).collect();
        let hosts: BTreeSet<Ipv4Addr> = clients.values().map(|c| c.address).collect();
        let overview = self.overview;
        for server in overview.chunkservers.iter().filter(|s| !servers.contains(&s.address)) {
            if server.disconnected {
                self.find(
                    Code::ChunkserverGone,
                    None,
                    format!("the master lists chunkserver {} as disconnected", server.address),
                    "chunks may be missing that it has, and it would come back on the old release",
                    "bring it back and into the plan; one that is gone for good is forgotten at the master's restart"
                        .into(),
                );
                continue;
            }
            self.find(
                Code::ChunkserverNotInPlan,
                None,
                format!("the master lists chunkserver {}", server.address),
                "it would be left on the old release, and its chunks count",
                "add it under [[chunkservers]] (with its `address`), or shut it down".into(),
            );
        }
        let strangers: BTreeSet<Ipv4Addr> = overview
            .sessions
            .iter()
            .filter(|s| s.connected)
            .map(|s| s.address)
            .filter(|a| !hosts.contains(a))
            .collect();
        for address in strangers {
            self.find(
                Code::ClientNotInPlan,
                None,
                format!("the master lists a mount on {address}"),
                "it would be left on the old release",
                "add it under [[clients]], or unmount it".into(),
            );
        }
    }

    /// A full-stop takes the master away from under mounts that are in use (docs/real-hosts.md).
    fn writers(&mut self) {
        let mounted = self.overview.sessions.iter().filter(|s| s.connected).count();
        if self.plan.upgrade.mode == Mode::FullStop && mounted > 0 {
            self.find(
                Code::FullStopUnderMounts,
                None,
                format!("{mounted} mounts are connected, and the master will be down for minutes"),
                "applications get I/O errors after 30 s, and a write that a 1.5 mount had under way can be lost although it \
                 was reported as done",
                "stop everything that uses the file system; then acknowledge this code".into(),
            );
        }
    }

    fn baseline(&mut self) -> Baseline {
        let baseline = Baseline::of(self.overview);
        if self.overview.matrix.is_none() && !self.overview.file_test.is_finished() {
            self.find(
                Code::HealthUnknown,
                None,
                "the master has not finished its own file test since it was started".into(),
                "a 1.5 master tells of missing chunks in no other way; gates will take it that there were none",
                "nothing, if all chunkservers were there; or wait for about 40 minutes after the master's start".into(),
            );
        }
        if baseline.missing > 0 {
            self.find(
                Code::ChunksMissing,
                None,
                format!("{} chunks are missing", baseline.missing),
                "files are unreadable already, and nobody could tell what the upgrade adds to that",
                "bring their chunkservers back or repair the files first".into(),
            );
        }
        if baseline.under_goal > 0 {
            self.find(
                Code::ChunksUnderGoal,
                None,
                format!("{} chunks have fewer copies than their goal asks for", baseline.under_goal),
                "a server that goes away for its restart may hold the only copy",
                "wait until the master has replicated them".into(),
            );
        }
        baseline
    }
}
