//! Preflight, one trap at a time: a healthy cluster, one thing wrong with it, the finding.

use std::path::Path;

use super::preflight::{Fleet, preflight};
use super::{Code, Observation};
use crate::host::facts::{MountLine, Socket};
use crate::host::{HostFacts, HostName, Process};
use crate::moosefs::Overview;
use crate::moosefs::daemon::Role;
use crate::moosefs::wire::{Chunkserver, FileTest, Info, Layout, Session};
use crate::plan::{Mode, Plan};
use semver::Version;
use std::net::Ipv4Addr;

const OLD: Version = Version::new(1, 5, 12);
const NEW: Version = Version::new(1, 6, 27);
const MASTER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

struct Scene {
    plan: Plan,
    fleet: Fleet,
    overview: Overview,
}

fn address(host: &str) -> Ipv4Addr {
    let last: u8 = host[2..].parse().unwrap();
    Ipv4Addr::new(10, 0, if host.starts_with("cs") { 1 } else { 2 }, last)
}

fn socket(local: Ipv4Addr, port: u16, remote: u16) -> Socket {
    let listening = remote == 0;
    let other = if listening { Ipv4Addr::UNSPECIFIED } else { MASTER };
    Socket { local: (local, port), remote: (other, remote), listening }
}

fn facts(role: Role) -> HostFacts {
    let (exe, arguments): (_, &[&str]) = match role {
        Role::Client => ("/usr/local/bin/mfsmount", &["-w", "/mnt/mfs"]),
        _ => (if role == Role::Master { "/usr/local/sbin/mfsmaster" } else { "/usr/local/sbin/mfschunkserver" }, &[]),
    };
    let process = Process {
        pid: 7,
        role,
        parent: 1,
        start: 1,
        exe: exe.into(),
        version: Some(OLD),
        cwd: "/usr/local/var/mfs".into(),
        locked: None,
        user: "nobody".into(),
        group: "nogroup".into(),
        memory: 1 << 20,
        arguments: arguments.iter().map(|a| (*a).to_owned()).collect(),
    };
    let program = role.program();
    let source = [(format!("/usr/src/mfs-1.6.27/{program}/{program}"), Some(NEW))].into();
    HostFacts { root: true, make: true, processes: vec![process], source, ..HostFacts::default() }
}

fn name(host: &str) -> HostName {
    HostName::new(host).unwrap()
}

/// Three chunkservers, two clients, all well.
fn scene() -> Scene {
    let plan =
        Plan::parse(include_str!("../../plans/rolling.toml"), Path::new("rolling.toml"), Path::new("/")).unwrap();
    let mut fleet = Fleet::new();
    let mut master = facts(Role::Master);
    master.sockets.push(socket(Ipv4Addr::UNSPECIFIED, 9421, 0));
    master.exports.insert("/usr/local/etc/mfs/mfsexports.cfg".into(), 1);
    fleet.insert(name("master"), master);
    for host in ["cs1", "cs2", "cs3"] {
        let mut server = facts(Role::Chunkserver);
        server.sockets.push(socket(address(host), 40000, 9420));
        fleet.insert(name(host), server);
    }
    for host in ["cl1", "cl2"] {
        let mut client = facts(Role::Client);
        client.sockets.push(socket(address(host), 40000, 9421));
        client.mounts.push(MountLine {
            source: "MFS".into(),
            mount_point: "/mnt/mfs".into(),
            kind: "fuse".into(),
            options: "rw".into(),
        });
        fleet.insert(name(host), client);
    }
    let chunkservers = ["cs1", "cs2", "cs3"].map(|host| Chunkserver {
        version: None,
        disconnected: false,
        maintenance: false,
        address: address(host),
        port: 9422,
        used: 1,
        total: 2,
        chunks: 10,
        removal_chunks: 0,
        errors: 0,
    });
    let sessions = ["cl1", "cl2"].map(|host| Session {
        id: None,
        address: address(host),
        version: OLD,
        mount_point: None,
        path: None,
        connected: true,
    });
    let overview = Overview {
        info: Info {
            version: None,
            layout: Layout::V15,
            total_space: 6,
            available_space: 3,
            inodes: 20,
            directories: 1,
            files: 19,
            chunks: 15,
            copies: None,
        },
        chunkservers: chunkservers.into(),
        sessions: sessions.into(),
        matrix: None,
        file_test: FileTest {
            started: 1,
            ended: 2,
            files: 19,
            under_goal_files: 0,
            missing_files: 0,
            chunks: 15,
            under_goal_chunks: 0,
            missing_chunks: 0,
        },
        metaloggers: None,
    };
    Scene { plan, fleet, overview }
}

impl Scene {
    fn host(&mut self, host: &str) -> &mut HostFacts {
        self.fleet.get_mut(&name(host)).unwrap()
    }

    fn check(&self) -> (Option<Observation>, Vec<Code>) {
        let (observation, findings) = preflight(&self.plan, &self.fleet, &self.overview);
        (observation, findings.into_iter().map(|f| f.code).collect())
    }
}

/// What is wrong, and the code that it must be found by.
type Trap = (fn(&mut Scene), Code);

#[test]
fn a_healthy_cluster_has_no_finding_and_is_observed_whole() {
    let (observation, codes) = scene().check();
    assert_eq!(codes, []);
    let observation = observation.unwrap();
    assert_eq!(observation.chunkservers[&name("cs2")].address, address("cs2"));
    assert_eq!(observation.clients[&name("cl1")].mounts[0].mount_point.as_str(), "/mnt/mfs");
    assert_eq!(observation.master.data_path.as_str(), "/usr/local/var/mfs");
}

#[test]
fn every_trap_is_found_by_its_code() {
    let traps: &[Trap] = &[
        (|s| s.host("cs1").root = false, Code::NotRoot),
        (|s| s.host("cs1").source.clear(), Code::SourceMissing),
        (|s| *s.host("cs1").source.values_mut().next().unwrap() = Some(OLD), Code::SourceVersionDiffers),
        (|s| s.host("cs1").make = false, Code::MakeMissing),
        (|s| s.host("cs1").processes.clear(), Code::DaemonNotRunning),
        (
            |s| {
                let twin = Process { pid: 8, ..s.host("cs1").processes[0].clone() };
                s.host("cs1").processes.push(twin);
            },
            Code::DaemonRunsTwice,
        ),
        (|s| s.host("master").processes[0].exe = "/opt/sbin/mfsmaster".into(), Code::PrefixDiffers),
        (|s| s.host("cs1").processes[0].arguments = vec!["-c".into(), "/x".into()], Code::CustomConfig),
        (|s| s.host("cs1").processes[0].version = Some(Version::new(1, 5, 9)), Code::VersionDiffers),
        (|s| s.host("cs1").processes[0].version = None, Code::VersionDiffers),
        (|s| s.overview.info.layout = Layout::V16, Code::MasterNotTheOneAsked),
        (|s| s.host("master").sockets.clear(), Code::AdminPortNotListening),
        (|s| s.host("cs1").processes[0].cwd = String::new(), Code::DataPathUnreadable),
        (|s| s.host("master").exports.clear(), Code::ExportsMissing),
        (|s| *s.host("master").exports.values_mut().next().unwrap() = 0, Code::ExportsMissing),
        (|s| s.host("cs1").sockets.clear(), Code::ChunkserverNotConnected),
        (|s| drop(s.overview.chunkservers.remove(0)), Code::ChunkserverNotConnected),
        (|s| s.host("cs1").sockets[0].local.0 = Ipv4Addr::LOCALHOST, Code::MasterHostLoopback),
        (|s| s.host("cl1").sockets.clear(), Code::ClientNotConnected),
        (|s| s.host("cl1").processes[0].arguments = vec!["-x".into()], Code::MountUnreadable),
        (|s| s.plan.clients[0].mounts = Some(vec![crate::host::AbsPath::new("/other").unwrap()]), Code::MountMissing),
        (|s| s.plan.clients[0].mounts = Some(vec![crate::host::AbsPath::new("/other").unwrap()]), Code::MountNotInPlan),
        (
            |s| {
                let mut twin = s.host("cl1").processes[0].clone();
                twin.arguments = vec!["-h".into(), "elsewhere".into(), "-w".into(), "/mnt/two".into()];
                s.host("cl1").processes.push(twin);
            },
            Code::MountsOfTwoMasters,
        ),
        (|s| drop(s.plan.chunkservers.pop()), Code::ChunkserverNotInPlan),
        (|s| drop(s.plan.clients[0].hosts.pop()), Code::ClientNotInPlan),
        (
            |s| {
                let mut gone = s.overview.chunkservers[0].clone();
                (gone.address, gone.disconnected) = (Ipv4Addr::new(10, 9, 9, 9), true);
                s.overview.chunkservers.push(gone);
            },
            Code::ChunkserverGone,
        ),
        (
            |s| {
                s.plan.master.admin_port = 9500;
                s.host("master").sockets[0].local.1 = 9500;
                s.host("cl1").sockets[0].remote.1 = 9500;
                s.host("cl2").sockets[0].remote.1 = 9500;
                let keys = vec![("MATOCU_LISTEN_PORT".to_owned(), "9500".to_owned())];
                s.host("master").master_configs.insert("/usr/local/etc/mfsmaster.cfg".into(), keys);
            },
            Code::ListenPortIgnored,
        ),
        (|s| s.overview.file_test.missing_chunks = 1, Code::ChunksMissing),
        (|s| s.overview.file_test.under_goal_chunks = 1, Code::ChunksUnderGoal),
        (|s| s.overview.file_test.started = 0, Code::HealthUnknown),
        (|s| s.plan.upgrade.mode = Mode::FullStop, Code::FullStopUnderMounts),
    ];
    for (at, (trap, code)) in traps.iter().enumerate() {
        let mut scene = scene();
        trap(&mut scene);
        let (observation, codes) = scene.check();
        assert!(codes.contains(code), "trap {at}: {code} not among {codes:?}");
        let error = codes.iter().any(|c| c.severity() == super::Severity::Error);
        assert_eq!(observation.is_none(), error, "trap {at}: an error leaves nothing to compile");
    }
    // found where the host or the master is asked, before there is anything to hold against anything
    let elsewhere = [Code::HostUnreachable, Code::MasterDoesNotAnswer];
    for code in Code::ALL.iter().filter(|c| !elsewhere.contains(c)) {
        assert!(traps.iter().any(|(_, c)| c == code), "{code} has no trap");
    }
}

#[test]
fn hosts_that_were_upgraded_already_are_no_finding() {
    let mut scene = scene();
    scene.host("master").processes[0].version = Some(NEW);
    scene.overview.info.version = Some(NEW);
    scene.overview.info.layout = Layout::V16;
    scene.host("cs1").processes[0].version = Some(NEW);
    scene.overview.chunkservers[0].version = Some(NEW);
    assert_eq!(scene.check().1, []);
}
