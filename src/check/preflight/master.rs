//! The master: one process, the one that answers, on its port, with its data.

use super::Check;
use crate::check::{Code, MasterSeen};
use crate::host::{AbsPath, HostFacts};
use crate::moosefs::daemon::{MASTER_METALOGGER_PORT, Role};
use crate::moosefs::wire::Layout;
use crate::plan::Mode;
use crate::rules::line_1_5_to_1_6 as line;

impl Check<'_> {
    pub(super) fn master(&mut self) -> Option<MasterSeen> {
        let master = &self.plan.master;
        let facts = self.facts(&master.host, Role::Master, &master.access)?;
        let process = self.daemon(&master.host, Role::Master, &master.access, facts)?;
        let version = process.version.clone()?;
        self.config_of(&master.host, &master.access, process, facts);
        self.exports_config(facts);
        self.listens(process, facts);
        self.metadata(process, facts);
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
            configuration: facts.files.keys().filter_map(|path| AbsPath::new(path).ok()).collect(),
            admin_address,
        })
    }

    /// A full-stop takes the master away from under mounts that are in use (docs/real-hosts.md).
    pub(super) fn writers(&mut self) {
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
}
