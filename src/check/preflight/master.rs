//! The master: one process, the one that answers, on its port, with its data.

use std::net::Ipv4Addr;

use semver::Version;

use super::Check;
use crate::check::{Code, MasterSeen};
use crate::host::facts::Socket;
use crate::host::{AbsPath, HostFacts, Process};
use crate::moosefs::config::port;
use crate::moosefs::config::{client_port, paths_read};
use crate::moosefs::daemon::{MASTER_CHUNKSERVER_PORT, MASTER_METALOGGER_PORT, Role};
use crate::moosefs::releases::TABLE;
use crate::moosefs::version::{Family, TELLS_NONE};
use crate::moosefs::wire::Layout;
use crate::plan::Mode;
use crate::rules::line::can_be_tried;

impl<'a> Check<'a> {
    pub(super) fn master(&mut self) -> Option<MasterSeen> {
        let master = &self.plan.master;
        let (facts, process, version) = self.master_process()?;
        self.listens(process, facts);
        let wire = self.overview.info.version.clone();
        let agrees = match self.overview.info.layout {
            Layout::V15 => Family::of(&version) == TELLS_NONE,
            _ => wire.as_ref() == Some(&version),
        };
        if !agrees {
            let told = wire.map_or(format!("a {TELLS_NONE} release"), |v| v.to_string());
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
        let chunkserver_port = self.chunkserver_port(facts)?;
        let data_path = self.data_path(&master.host, process)?;
        Some(MasterSeen {
            version,
            data_path,
            user: process.user.clone(),
            group: process.group.clone(),
            configuration: facts.files.keys().filter_map(|path| AbsPath::new(path).ok()).collect(),
            admin_address,
            chunkserver_port: Some(chunkserver_port).filter(|port| *port != MASTER_CHUNKSERVER_PORT),
            metadata_bytes: super::space::metadata_bytes(facts),
        })
    }

    /// Where the new master will listen for chunkservers, by which a run sees that it serves.
    fn chunkserver_port(&mut self, facts: &HostFacts) -> Option<u16> {
        let (master, to) = (&self.plan.master, &self.plan.upgrade.to);
        let future = self.future(&master.host, Role::Master, &master.access, facts);
        let set = future.as_ref().and_then(|(path, config)| Some((path, config.get("MATOCS_LISTEN_PORT", to)?)));
        let found = port(set.map(|(_, value)| value), MASTER_CHUNKSERVER_PORT);
        if let (None, Some((path, value))) = (found, set) {
            self.find(
                Code::ConfigUnreadable,
                Some(&master.host),
                format!("{path} says MATOCS_LISTEN_PORT = {value}, which is no number of a port"),
                "the run would not know where to look for the new master's socket, and would take it for one that does not serve",
                "write the number".into(),
            );
        }
        found
    }

    /// What its host tells of it.
    pub(super) fn master_process(&mut self) -> Option<(&'a HostFacts, &'a Process, Version)> {
        let master = &self.plan.master;
        let facts = self.facts(&master.host, Role::Master, &master.access)?;
        let process = self.daemon(&master.host, Role::Master, &master.access, facts)?;
        let version = process.version.clone()?;
        self.config_of(&master.host, &master.access, process, facts);
        self.exports_file(facts);
        self.metadata(process, facts);
        Some((facts, process, version))
    }

    /// A full-stop takes the master away from under mounts that are in use (docs/real-hosts.md).
    pub(super) fn writers(&mut self) {
        let mounted = self.overview.sessions.iter().filter(|s| s.connected).count();
        let new = self.overview.info.version.as_ref() == Some(&self.plan.upgrade.to);
        // a new one is not stopped
        if self.plan.upgrade.mode == Mode::FullStop && mounted > 0 && !new {
            self.find(
                Code::FullStopUnderMounts,
                None,
                format!("{mounted} mounts are connected, and the master will be down for minutes"),
                &format!(
                    "applications get I/O errors after {} s, and a write that a {} mount had under way can be lost although it \
                     was reported as done",
                    self.plan.line().patience_of_old_mounts().as_secs(),
                    self.old_family()
                ),
                "stop everything that uses the file system; then acknowledge this code".into(),
            );
        }
    }

    /// The new master would listen where the mounts do not look for it (hazard 9), or on a port that is not free (hazard 10).
    fn listens(&mut self, process: &Process, facts: &HostFacts) {
        let (plan, to) = (self.plan, &self.plan.upgrade.to);
        let access = &plan.master.access;
        let of_files = self.future(&plan.master.host, Role::Master, access, facts);
        let loggers = of_files.as_ref().and_then(|(_, config)| config.get("MATOML_LISTEN_PORT", to)?.parse().ok());
        let (path, keys) = match of_files {
            Some((path, config)) => {
                let keys = config.definitions(to).map(|(_, key, value)| (key.to_owned(), value.to_owned())).collect();
                (path, keys)
            }
            None => {
                let paths = paths_read(Role::Master, to).iter().map(|path| access.install.prefix.join(path));
                let mut seen = paths.filter_map(|path| facts.master_configs.get_key_value(path.as_str()));
                let seen = seen.next().map(|(path, keys)| (path.clone(), keys.clone()));
                seen.unwrap_or_else(|| ("the defaults".to_owned(), Vec::new()))
            }
        };
        let clients = client_port(to, &keys);
        let host = Some(&plan.master.host);
        let unknown = self.findings.iter().any(|f| f.code == Code::ConfigNotFound && f.host.as_ref() == host);
        if clients != Some(plan.master.admin_port) && !unknown {
            let port = clients.map_or("no port".to_owned(), |port| format!("port {port}"));
            self.find(
                Code::ListenPortIgnored,
                Some(&plan.master.host),
                format!("with {path} a {to} master listens on {port}, and the old one on {}", plan.master.admin_port),
                &format!(
                    "every mount would lose its master; {} renamed MATOCU_LISTEN_* and ignores a lone MATOCU_LISTEN_PORT",
                    TABLE.renamed_listen.first()
                ),
                "write MATOCL_LISTEN_HOST and MATOCL_LISTEN_PORT beside the old keys in that file".into(),
            );
        }
        let loggers = loggers.unwrap_or(MASTER_METALOGGER_PORT);
        let old = process.version.as_ref() == Some(&plan.upgrade.from);
        if old && TABLE.metaloggers.at(to) && facts.listener(loggers).is_some() {
            self.find(
                Code::PortTaken,
                Some(&plan.master.host),
                format!("something listens on port {loggers} already, and a {} master does not", self.old_family()),
                "the new master listens there for metaloggers: it fails after it has stopped the old one",
                "end what has the port, or set MATOML_LISTEN_PORT in mfsmaster.cfg to another one".into(),
            );
        }
        // it listens on localhost alone
        let taken = |port: &u16| {
            let at = |socket: &&Socket| socket.listening && socket.local.1 == *port;
            let mut at = facts.sockets.iter().filter(at).map(|socket| socket.local.0);
            at.any(|address| address.is_unspecified() || address == Ipv4Addr::LOCALHOST)
        };
        let ports: Vec<_> =
            self.plan.line().trial_ports().into_iter().filter(taken).map(|port| port.to_string()).collect();
        // what a trial has left there is ended by the next one
        if old && can_be_tried(to) && !ports.is_empty() && facts.tried.is_empty() {
            self.find(
                Code::PortTaken,
                Some(&plan.master.host),
                format!("something listens on {} already", ports.join(", ")),
                "the new release is tried there on a copy of the metadata, beside the running master: the run would stop there",
                "end what has the port (`ss -ltnp` names it; a mfsmaster that works in a folder trial/data was left by an earlier \
                 run)"
                    .into(),
            );
        }
    }
}
