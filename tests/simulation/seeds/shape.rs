//! A scenario's cluster as a plan, an observation and the schedule that is compiled from both.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use mfsupgrade::check::{Baseline, ClientSeen, ConfigChange, MasterSeen, MetaloggerSeen, Observation, ServerSeen};
use mfsupgrade::host::identity::Identity;
use mfsupgrade::host::{AbsPath, FileText, HostName, MountArguments};
use mfsupgrade::moosefs::Overview;
use mfsupgrade::moosefs::daemon::Role;
use mfsupgrade::plan::model::{Archive, ClientGroup, Config, Install, Metalogger, Ssh, Stagger, Upgrade};
use mfsupgrade::plan::{Access, Chunkserver, InstallHow, Master, Plan};
use mfsupgrade::rules::V1_5_TO_1_6;
use mfsupgrade::schedule::{Schedule, compile};

use super::scenario::{How, OLD, Scenario, logger, server};

/// SHA-256 of the archive that some plans name, as far as this world knows.
pub const ARCHIVE_SUM: &str = "a0a1a2a3a4a5a6a7a8a9aaabacadaeafa0a1a2a3a4a5a6a7a8a9aaabacadaeaf";

pub fn path(text: &str) -> AbsPath {
    AbsPath::new(text).expect("a path of this file")
}

fn host(name: &str) -> HostName {
    HostName::new(name).expect("a name of this world")
}

/// The address by which the master knows a host.
pub fn address(name: &str) -> Ipv4Addr {
    let number: u8 = name.trim_start_matches(char::is_alphabetic).parse().unwrap_or(1);
    let net = match name.as_bytes() {
        [b'c', b's', ..] => 1,
        [b'c', ..] => 2,
        [b'l', ..] => 3,
        _ => 0,
    };
    Ipv4Addr::new(10, 0, net, number)
}

impl Scenario {
    pub fn plan(&self) -> Plan {
        let how = match self.how {
            How::SourceDir => InstallHow::SourceDir(path("/usr/src/mfs")),
            How::OwnCommand => InstallHow::Command("install-the-new-release".to_owned()),
            How::Archive => InstallHow::Archive(Archive {
                path: "mfs.tar.gz".into(),
                sha256: ARCHIVE_SUM.to_owned(),
                bytes: 1 << 20,
                configure: vec!["--prefix=/usr/local".to_owned()],
            }),
        };
        let install = Install { how, prefix: path("/usr/local"), work_dir: path("/var/lib/mfsupgrade") };
        let access = Access { ssh: Arc::new(Ssh::default()), install: Arc::new(install) };
        let seconds = |s: i64| Duration::from_secs(s as u64);
        let clients: Vec<HostName> = (0..self.clients.len()).map(|n| host(&self.client(n))).collect();
        let group = |hosts: &[HostName]| ClientGroup {
            hosts: hosts.to_vec(),
            mounts: None,
            mount_options: None,
            parallel: self.parallel,
            busy: self.terms.busy,
            lazy_unmount: self.terms.lazy,
            access: access.clone(),
        };
        Plan {
            window: self.terms.shut.map(|shut| shut.window()),
            upgrade: Upgrade {
                from: OLD.clone(),
                to: self.to.clone(),
                mode: self.mode,
                stagger: Stagger { least: seconds(self.stagger_s.0), greatest: seconds(self.stagger_s.1) },
                master_wait: seconds(self.master_wait_s),
                acknowledge: BTreeSet::from(["goal-one".to_owned()]),
                accept_lost: u64::from(self.past.accepts),
            },
            master: Master { host: host("master"), admin_port: 9421, access: access.clone() },
            metaloggers: (0..self.loggers)
                .map(|n| Metalogger { host: host(&logger(n)), access: access.clone() })
                .collect(),
            config: Config::default(),
            chunkservers: (0..self.servers)
                .map(|n| Chunkserver { host: host(&server(n)), address: None, access: access.clone() })
                .collect(),
            clients: match clients.len().div_ceil(self.sections) {
                0 => Vec::new(),
                size => clients.chunks(size).map(group).collect(),
            },
        }
    }

    pub fn observation(&self, overview: &Overview) -> Observation {
        let change = |role: Role, file: &str| ConfigChange {
            role,
            file: path(file),
            text: FileText::new("KEY = VALUE\n"),
            mode: 0o644,
            owner: "root:root".to_owned(),
            replaces: None,
            diff: String::new(),
        };
        let mut config = BTreeMap::new();
        if self.configured {
            config.insert(host("master"), vec![change(Role::Master, "/usr/local/etc/mfsexports.cfg")]);
            config.insert(host("cs1"), vec![change(Role::Chunkserver, "/usr/local/etc/mfschunkserver.cfg")]);
        }
        let mounts = |points: &[&str]| {
            points.iter().map(|point| MountArguments::new(path(point), host("mfsmaster"))).collect::<Vec<_>>()
        };
        let names = std::iter::once("master".to_owned())
            .chain((0..self.loggers).map(logger))
            .chain((0..self.servers).map(server))
            .chain((0..self.clients.len()).map(|n| self.client(n)));
        let identity = |name: String| {
            let boot = super::cluster::host::Host::new(&name).boot();
            (host(&name), Identity { hostname: name, boot, ..Identity::default() })
        };
        Observation {
            machines: names.map(identity).collect(),
            without_old: self.without_old(),
            reconnect_s: mfsupgrade::rules::away::RECONNECT_S,
            baseline: self.baseline(overview),
            master: MasterSeen {
                version: OLD.clone(),
                data_path: path("/var/mfs"),
                user: "nobody".to_owned(),
                group: "nogroup".to_owned(),
                configuration: Vec::new(),
                admin_address: Ipv4Addr::UNSPECIFIED,
                chunkserver_port: None,
                metadata_bytes: 0,
            },
            metaloggers: (0..self.loggers)
                .map(|n| (host(&logger(n)), MetaloggerSeen { version: None, data_path: None }))
                .collect(),
            config,
            chunkservers: (0..self.servers)
                .map(|n| {
                    let name = server(n);
                    let seen =
                        ServerSeen { version: OLD.clone(), address: address(&name), data_path: path("/var/mfs") };
                    (host(&name), seen)
                })
                .collect(),
            clients: (0..self.clients.len())
                .map(|n| {
                    let name = self.client(n);
                    (
                        host(&name),
                        ClientSeen { address: address(&name), mounts: mounts(&self.clients[n]), upgraded: false },
                    )
                })
                .collect(),
        }
    }

    /// With the chunk files that were counted on disk and found to be fewer than the first chunkserver tells of.
    fn baseline(&self, overview: &Overview) -> Baseline {
        let lost = (self.past.lost > 0).then(|| (address(&server(0)), u64::from(self.past.lost)));
        let metaversion = Some(super::cluster::CHANGES);
        Baseline { lost: lost.into_iter().collect(), metaversion, ..Baseline::of(overview) }
    }

    /// The host whose programs were replaced before the run.
    fn without_old(&self) -> BTreeMap<HostName, BTreeSet<Role>> {
        let host =
            self.put_in().map(|name| (host(&name), BTreeSet::from([Role::Master, Role::Chunkserver, Role::Client])));
        host.into_iter().collect()
    }

    /// The schedule for a cluster that shows `overview`.
    pub fn schedule(&self, overview: &Overview) -> Schedule {
        compile(&self.plan(), Some(&self.observation(overview)), &V1_5_TO_1_6)
    }
}
