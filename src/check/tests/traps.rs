//! One thing wrong at a time, and the code that it must be found by. Every code has a trap.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use semver::Version;

use super::scene::{DATA, MASTER, NEW, NOW, OLD, Scene, name, placed, scene, socket};
use crate::check::{Code, Severity};
use crate::host::facts::Stranger;
use crate::host::places::Keeper;
use crate::host::{AbsPath, Process};
use crate::moosefs::daemon::Role;
use crate::moosefs::wire::{ChunkMatrix, Layout};
use crate::plan::calendar::time_of_day;
use crate::plan::{Busy, Exports, Mode, Window};

/// What is wrong, and the code that it must be found by.
type Trap = (fn(&mut Scene), Code);

const OF_HOSTS: &[Trap] = &[
    (|s| s.host("cs1").root = false, Code::NotRoot),
    (|s| *s.here.clocks.get_mut(&name("cs1")).unwrap() = -61, Code::ClocksApart),
    (
        |s| {
            // each is near enough to this side
            *s.here.clocks.get_mut(&name("cs1")).unwrap() = 31;
            *s.here.clocks.get_mut(&name("master")).unwrap() = -30;
        },
        Code::ClocksApart,
    ),
    (|s| s.leads_to("cs2", "cs1"), Code::SameMachineTwice),
    (|s| s.leads_to("cl1", "master"), Code::SameMachineTwice),
    (|s| s.host("cs1").make = false, Code::MakeMissing),
    (|s| s.lacks("cs1", "tar"), Code::ToolsMissing),
    (|s| s.lacks("cs1", "flock"), Code::ToolsMissing),
    (|s| s.lacks("cl1", "umount"), Code::ToolsMissing),
    (|s| s.space("cs1", "/usr/local", 1 << 20, None), Code::DiskFull),
    (|s| s.space("cs1", "/var/lib/mfsupgrade", 1 << 30, Some(9)), Code::DiskFull),
    (|s| s.host("master").data_files.get_mut("metadata.mfs.back").unwrap().size = 1 << 35, Code::DiskFull),
    (
        // as no file is: what a host says is no reason to stop with a panic
        |s| s.host("master").data_files.values_mut().for_each(|file| file.size = u64::MAX),
        Code::DiskFull,
    ),
    (|s| s.space("log1", "/usr/local/var/mfs", 1 << 20, None), Code::DiskFull),
    (|s| s.space("cs1", "/mnt/disk1", 1 << 20, None), Code::DiskFull),
    (|s| s.space("cs1", "/mnt/disk1", 1 << 30, Some(256)), Code::DiskFull),
    (
        |s| {
            s.text("log1", "/usr/local/etc/mfsmetalogger.cfg", "DATA_PATH = /srv/logs\n");
            s.space("log1", "/srv/logs", 9 << 20, None);
        },
        Code::DiskFull,
    ),
    (|s| s.here.runs.as_mut().unwrap().1.free = 1 << 20, Code::DiskFull),
    (|s| s.here.runs.as_mut().unwrap().1.inodes = Some(9), Code::DiskFull),
    (|s| s.host("cs1").source.clear(), Code::SourceMissing),
    (|s| *s.host("cs1").source.values_mut().next().unwrap() = Some(OLD), Code::SourceVersionDiffers),
    (|s| s.host("cs1").builds.values_mut().for_each(|b| b.etc_path = Some("/etc".into())), Code::EtcPathDiffers),
    (|s| s.host("cs1").builds.clear(), Code::BuildUnknown),
    (|s| s.host("cs1").builds.values_mut().for_each(|b| b.user = Some("mfs".into())), Code::DefaultsDiffer),
    (|s| s.host("cs1").builds.values_mut().for_each(|b| b.run_path = Some("/run".into())), Code::DefaultsDiffer),
    (|s| s.starts("cl1", "/etc/rc.local", "mfsmount -h mm -w /data"), Code::Startup15Syntax),
    (|s| s.starts("cl1", "/etc/cron.d/mfs", "0 3 * * * root mfssetgoal -r 2 /mnt/mfs"), Code::StartupTools),
    (|s| s.starts("cs1", "/etc/monit.d/mfs", "start program = mfschunkserver"), Code::StartedByOthers),
    (|s| s.starts("master", "/etc/cron.hourly/b", "mv /var/mfs/metadata.mfs.back /srv"), Code::FilesByName),
    (|s| s.host("cl1").startup_cut = true, Code::StartupCut),
];

const OF_DAEMONS: &[Trap] = &[
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
    (|s| s.host("cs1").processes[0].arguments = vec!["-fc".into(), "/x".into()], Code::CustomConfig),
    (|s| s.host("cs1").processes[0].version = Some(Version::new(1, 5, 9)), Code::VersionDiffers),
    (|s| s.host("cs1").processes[0].version = None, Code::VersionDiffers),
    (|s| s.host("cs1").processes[0].cwd = String::new(), Code::DataPathUnreadable),
    (|s| s.host("cs1").lock_files.clear(), Code::LockFileLost),
    (|s| s.host("cs1").lock_files.values_mut().for_each(|lock| lock.pid = Some(8)), Code::LockFileWrong),
    (|s| s.host("cs1").lock_files.values_mut().for_each(|lock| lock.pid = None), Code::LockFileWrong),
    (|s| s.locked("cs1", "/mnt/disk1/.lock", Some(8)), Code::LockHeld),
    (|s| s.locked("master", "/usr/local/var/mfs/.mfsmaster.lock", Some(8)), Code::LockHeld),
    (|s| s.locked("cs1", "/var/run/mfs/mfschunkserver.lock", None), Code::LockHeld),
    (|s| s.denies("cs1", &["/mnt/disk1"]), Code::NotWritable),
    (|s| s.denies("master", &["/usr/local/var/mfs/.mfsmaster.lock"]), Code::NotWritable),
    (|s| s.host("cs1").folders.get_mut("/mnt/disk1").unwrap().owner = "mfs".into(), Code::OwnerDiffers),
    (|s| s.host("master").folders.get_mut(DATA).unwrap().owner = "mfs".into(), Code::OwnerDiffers),
    (|s| s.host("cs1").lock_files.values_mut().for_each(|lock| lock.owner = "root".into()), Code::OwnerDiffers),
];

const OF_CONFIGURATION: &[Trap] = &[
    (|s| s.master_config("# n\u{fffd}\n"), Code::ConfigUnreadable),
    (|s| s.text("cs1", "/usr/local/etc/mfs/mfschunkserver.cfg", "# \u{fffd}\n"), Code::ConfigUnreadable),
    (|s| drop(s.host("cs1").files.remove("/usr/local/etc/mfschunkserver.cfg")), Code::ConfigNotFound),
    (|s| s.text("master", "/usr/local/etc/mfs/mfsmaster.cfg", "BACK_LOGS = 9\n"), Code::ConfigReplaced),
    (|s| s.master_config("DATA_PATH = /elsewhere\n"), Code::DataPathDiffers),
    (|s| s.master_config("WORKING_USER = mfs\n"), Code::UserDiffers),
    (|s| s.master_config("WORKING_USER = #0\n"), Code::UserDiffers),
    (
        |s| s.text("cs1", "/usr/local/etc/mfschunkserver.cfg", "MASTER_HOST = mm\nWORKING_GROUP = mfs\n"),
        Code::UserDiffers,
    ),
    (|s| s.master_config("BACK_LOGS=50\n"), Code::ConfigLineIgnored),
    (|s| s.master_config("CHUNKS_REP_LIMIT = 15\n"), Code::KeysIgnored),
    (|s| s.text("master", "/usr/local/etc/mfsmaster.cfg.var", "BACK_LOGS = 9\n"), Code::VarFileMerged),
    (|s| s.master_config("BACK_LOGS = 1001\n"), Code::ConfigRefused),
    (|s| s.master_config("CHUNKS_WRITE_REP_LIMIT = 0\n"), Code::LimitOfZero),
    (|s| s.master_config("REJECT_OLD_CLIENTS = 1\n"), Code::RejectOldClients),
    (
        |s| s.text("cs1", "/usr/local/etc/mfschunkserver.cfg", "MASTER_HOST = mm\nMASTER_RECONNECTION_DELAY = 30\n"),
        Code::ReconnectSlow,
    ),
    (|s| s.host("master").sockets.push(socket(Ipv4Addr::UNSPECIFIED, 9419, 0)), Code::PortTaken),
    (|s| s.host("master").sockets.push(socket(Ipv4Addr::LOCALHOST, 19420, 0)), Code::PortTaken),
    (
        |s| {
            s.text("cs1", "/usr/local/etc/mfschunkserver.cfg", "MASTER_HOST = mm\nCSSERV_LISTEN_PORT = 9522\n");
            s.host("cs1").sockets.push(socket(Ipv4Addr::UNSPECIFIED, 9522, 0));
        },
        Code::PortTaken,
    ),
    (
        |s| {
            s.master_config("MATOML_LISTEN_PORT = 9519\n");
            s.host("master").sockets.push(socket(Ipv4Addr::UNSPECIFIED, 9519, 0));
        },
        Code::PortTaken,
    ),
    (|s| s.text("cs1", "/usr/local/etc/mfschunkserver.cfg", "MASTER_HOST = localhost\n"), Code::MasterHostLoopback),
    (|s| s.text("cs1", "/usr/local/etc/mfschunkserver.cfg", "MASTER_HOST = 127.0.1.1\n"), Code::MasterHostLoopback),
    (|s| s.finds("cs1", "mm", &[Ipv4Addr::new(127, 0, 1, 1)]), Code::MasterHostLoopback),
    (|s| s.finds("cs1", "mm", &[]), Code::MasterHostUnresolved),
    (|s| s.finds("log1", "mm", &[]), Code::MasterHostUnresolved),
    (|s| s.finds("cl1", "mfsmaster", &[]), Code::MasterHostUnresolved),
    (
        |s| {
            s.text("cs1", "/usr/local/etc/mfschunkserver.cfg", "# nothing\n");
            s.finds("cs1", "mfsmaster", &[]);
        },
        Code::MasterHostUnresolved,
    ),
    (|s| s.finds("cs1", "mm", &[Ipv4Addr::new(10, 9, 9, 9)]), Code::MasterHostElsewhere),
    (|s| s.finds("cl1", "mfsmaster", &[Ipv4Addr::new(10, 9, 9, 9)]), Code::MasterHostElsewhere),
    (
        |s| {
            s.host("master").sockets.push(socket(MASTER, 9421, 40000));
            s.finds("log1", "mm", &[Ipv4Addr::LOCALHOST]);
        },
        Code::MasterHostElsewhere,
    ),
    (|s| s.text("cs1", "/usr/local/etc/mfschunkserver.cfg", "MASTER_HOST = 10.9.9.9\n"), Code::MasterHostElsewhere),
    (|s| s.text("cs1", "/usr/local/etc/mfschunkserver.cfg", "MASTER_HOST = other\n"), Code::MasterHostUnclear),
    (
        |s| {
            s.text("cs1", "/usr/local/etc/mfschunkserver.cfg", "MASTER_HOST = mm\nHDD_CONF_FILENAME = /etc/disks\n");
            s.text("cs1", "/etc/disks", "/mnt/disk 1");
        },
        Code::DiskLineChanges,
    ),
    (|s| s.text("cs1", "/usr/local/etc/mfshdd.cfg", "/mnt/disk1\n# old\n"), Code::DiskCommented),
    (|s| s.text("cs1", "/usr/local/etc/mfshdd.cfg", "/mnt/disk1\n*/mnt/disk2/\n"), Code::DiskAbsent),
    (|s| drop(s.host("cs1").folders.remove("/mnt/disk1")), Code::DiskAbsent),
    (|s| s.text("cs1", "/usr/local/etc/mfshdd.cfg", "/mnt/disk1\n  /mnt/disk1\n"), Code::DiskAbsent),
    (|s| s.text("cs1", "/usr/local/etc/mfshdd.cfg", "/mnt/disk1\n*  /mnt/disk1\n"), Code::DiskAbsent),
    (
        |s| drop(s.host("cs1").installed.insert("/usr/local/sbin/mfschunkserver".into(), Some(NEW))),
        Code::OldProgramsGone,
    ),
    (|s| drop(s.host("cl1").installed.insert("/usr/local/bin/mfsmount".into(), Some(NEW))), Code::OldProgramsGone),
    (|s| drop(s.host("master").installed.insert("/usr/local/sbin/mfsmaster".into(), None)), Code::OldProgramsGone),
    (|s| s.host("cs1").narrow.extend([("/mnt/disk1".to_owned(), 9)]), Code::ChunksLost),
    (|s| s.text("cs1", "/usr/local/etc/mfshdd.cfg", "/mnt/disk1\n/mnt/disk1\n"), Code::DiskTwice),
    (|s| s.opens("cs1", 4, "/mnt/disk9/.lock"), Code::DiskElsewhere),
    (|s| s.fstab("cs1", "/mnt/disk1", "/"), Code::DiskNotMounted),
    (|s| s.marks("cs1", Some(3)), Code::DiskMarked),
    (|s| s.marks("cs1", None), Code::DiskMarked),
    (|s| drop(s.host("cs1").files.remove("/usr/local/etc/mfshdd.cfg")), Code::DisksNotSeen),
    (
        |s| s.text("cs1", "/usr/local/etc/mfschunkserver.cfg", "MASTER_HOST = mm\nHDD_CONF_FILENAME = disks\n"),
        Code::DisksNotSeen,
    ),
    (
        |s| {
            s.plan.master.admin_port = 9500;
            s.host("master").sockets[0].local.1 = 9500;
            s.host("cl1").sockets[0].remote.1 = 9500;
            s.host("cl2").sockets[0].remote.1 = 9500;
            s.master_config("MATOCU_LISTEN_PORT = 9501\n");
        },
        Code::ListenPortIgnored,
    ),
    (|s| s.lies("master", "/var/lib/mfsupgrade", false, true), Code::MountedNoexec),
    (|s| s.lies("master", "/usr/src/mfs-1.6.27", false, true), Code::MountedNoexec),
    (|s| s.lies("cl1", "/usr/local/bin", false, true), Code::MountedNoexec),
    (|s| s.lies("cs1", "/usr/local/sbin", true, false), Code::MountedReadOnly),
    (|s| s.lies("log1", "/var/lib/mfsupgrade", true, false), Code::MountedReadOnly),
    (|s| s.lies("master", DATA, true, false), Code::MountedReadOnly),
    (|s| s.lies("cs1", "/mnt/disk1", true, false), Code::MountedReadOnly),
    (|s| s.lies("cs1", "/var/run/mfs", true, false), Code::MountedReadOnly),
];

pub(super) fn exports(scene: &mut Scene, text: &str) {
    scene.plan.config.exports =
        Some(Exports::File { path: "mfsexports.cfg".into(), text: crate::host::FileText::new(text) });
}

/// Named by the configuration, with a good file where nobody will look for it.
pub(super) fn exports_at(scene: &mut Scene, path: &str) {
    scene.plan.config.exports = None;
    scene.public("master", "/usr/local/etc/mfsexports.cfg", "* / rw,maproot=0\n");
    scene.master_config(&format!("EXPORTS_FILENAME = {path}\n"));
}

const OF_EXPORTS: &[Trap] = &[
    (|s| s.plan.config.exports = None, Code::ExportsMissing),
    (
        |s| {
            s.plan.config.exports = None;
            s.host("master").exports.insert("/usr/local/etc/mfs/mfsexports.cfg".into(), 0);
        },
        Code::ExportsMissing,
    ),
    (
        |s| {
            s.plan.config.exports = None;
            s.plan.upgrade.to = Version::new(1, 6, 13);
        },
        Code::ExportsMissing,
    ),
    (|s| exports_at(s, "/srv/exports"), Code::ExportsNotSeen),
    (|s| exports_at(s, "exports"), Code::ExportsNotSeen),
    (
        |s| {
            exports_at(s, "/srv/exports");
            s.public("master", "/srv/exports", "# nobody\n");
        },
        Code::ExportsMissing,
    ),
    (
        |s| {
            s.plan.config.exports = None;
            s.text("master", "/usr/local/etc/mfsexports.cfg", "* / rw,maproot=0\n");
        },
        Code::ExportsForbidden,
    ),
    (
        // what the plan would write is there already, and nothing is written
        |s| {
            exports(s, "* / rw,maproot=0\n");
            s.text("master", "/usr/local/etc/mfs/mfsexports.cfg", "* / rw,maproot=0\n");
        },
        Code::ExportsForbidden,
    ),
    (
        |s| {
            s.plan.config.exports = None;
            s.public("master", "/usr/local/etc/mfs/mfsexports.cfg", "* / rw,maproot=0\n");
            s.shuts("/usr/local/etc/mfs", 0o700);
        },
        Code::ExportsForbidden,
    ),
    (
        |s| {
            exports_at(s, "/srv/exports");
            s.public("master", "/srv/exports", "* / rw,maproot=0\n");
            s.host("master").leads.insert("/srv/exports".into(), "/root/exports".into());
            s.shuts("/root", 0o700);
        },
        Code::ExportsForbidden,
    ),
    // the plan writes the file, and not who may enter the folder
    (|s| s.shuts("/usr/local/etc", 0o750), Code::ExportsForbidden),
    (|s| exports(s, "* / rw,maproot=mfs\n"), Code::ExportsNeedAccounts),
    (|s| exports(s, "10.0.2.1 / rw,maproot=mfs\n10.0.2.2 / rw,maproot=0\n"), Code::ExportsNeedAccounts),
    (|s| exports(s, "# nobody\n"), Code::ExportsMissing),
    (|s| exports(s, "10.0.2.1 / rw,maproot=0\n"), Code::ExportsRefuseClient),
    (|s| exports(s, "* / rw\n"), Code::ExportsRestrictClient),
    (|s| exports(s, "* / ro,maproot=0\n"), Code::ExportsRestrictClient),
    (|s| exports(s, "* / rw,maproot=0\nclient / rw\n"), Code::ExportsUnreadable),
    (|s| exports(s, "* / rw,maproot=0\n10.9.9.9 / rw,maproot=admin\n"), Code::ExportsAccounts),
];

const OF_THE_MASTER: &[Trap] = &[
    (|s| s.overview.info.layout = Layout::V16, Code::MasterNotTheOneAsked),
    (|s| s.host("master").sockets.clear(), Code::AdminPortNotListening),
    (|s| s.host("master").memory_available = Some(1 << 30), Code::MemoryShort),
    (|s| s.host("master").memory_available = None, Code::MemoryUnknown),
    (|s| s.host("master").installed.values_mut().for_each(|v| *v = Some(NEW)), Code::OldToolsGone),
    (|s| s.header("MFSM NEW"), Code::MetadataNeverSaved),
    (
        |s| {
            s.host("master").headers.clear();
            s.host("master").data_files.remove("metadata.mfs.back");
        },
        Code::MetadataNeverSaved,
    ),
    (|s| s.header("MFSM 2.0"), Code::MetadataUnknown),
    (|s| s.data_file("metadata.mfs.back.tmp", 601), Code::MetadataSaveStale),
    (|s| s.data_file("metadata.mfs", 9), Code::MetadataLeftOver),
    (|s| s.data_file("metadata.mfs.back", 7201), Code::MetadataOld),
    (|s| s.plan.upgrade.to = Version::new(1, 6, 8), Code::TrialImpossible),
    (|s| s.plan.metaloggers.clear(), Code::NoMetalogger),
    (|s| s.plan.metaloggers[0].host = name("master"), Code::MetaloggerOnMaster),
    (
        |s| {
            let mut matrix = [[0; 11]; 11];
            matrix[1][1] = 5;
            s.overview.matrix = Some(ChunkMatrix(matrix));
        },
        Code::GoalOne,
    ),
    (|_| {}, Code::GoalsUnknown),
    (|_| {}, Code::ToolsOf15),
    (|_| {}, Code::SpaceFiguresDrop),
    (|s| s.overview.file_test.missing_chunks = 1, Code::ChunksMissing),
    (|s| s.overview.file_test.missing_chunks = 100, Code::MasterAwayLong),
    (
        |s| {
            s.overview.info.chunks = 100;
            s.text("cs1", "/usr/local/etc/mfschunkserver.cfg", "MASTER_HOST = mm\nMASTER_RECONNECTION_DELAY = 30\n");
        },
        Code::MasterAwayLong,
    ),
    (|s| s.overview.file_test.under_goal_chunks = 1, Code::ChunksUnderGoal),
    (|s| s.overview.file_test.started = 0, Code::HealthUnknown),
    (|s| s.overview.file_test.ended = u32::try_from(NOW - 7201).unwrap(), Code::HealthOld),
    (|s| s.plan.upgrade.mode = Mode::FullStop, Code::FullStopUnderMounts),
];

const OF_CHUNKSERVERS: &[Trap] = &[
    (|s| s.host("cs1").sockets.clear(), Code::ChunkserverNotConnected),
    (|s| drop(s.overview.chunkservers.remove(0)), Code::ChunkserverNotConnected),
    (|s| s.host("cs1").sockets[0].local.0 = Ipv4Addr::LOCALHOST, Code::MasterHostLoopback),
    (|s| s.master_config("MATOCS_LISTEN_PORT = 9520\n"), Code::ChunkserverPortDiffers),
    (|s| drop(s.plan.chunkservers.pop()), Code::ChunkserverNotInPlan),
    (
        |s| {
            let mut gone = s.overview.chunkservers[0].clone();
            (gone.address, gone.disconnected) = (Ipv4Addr::new(10, 9, 9, 9), true);
            s.overview.chunkservers.push(gone);
        },
        Code::ChunkserverGone,
    ),
    (|s| s.host("cs1").sockets.truncate(1), Code::ChunkserverNotListening),
    // its port is another process's
    (
        |s| {
            s.host("cs1").sockets[1].inode = 71;
            s.host("cs1").held.insert(7, [72].into());
        },
        Code::ChunkserverNotListening,
    ),
    (
        |s| {
            let text = "MASTER_HOST = mm\nCSSERV_LISTEN_PORT = 9522\n";
            s.text("cs1", "/usr/local/etc/mfschunkserver.cfg", text);
            s.overview.chunkservers[0].port = 9522;
        },
        Code::ChunkserverNotListening,
    ),
    (
        |s| {
            s.plan.upgrade.to = Version::new(1, 6, 19);
            s.overview.chunkservers[0].chunks = 4_000_001;
        },
        Code::ChunksTooMany,
    ),
    (|s| s.host("cs1").folders.get_mut("/mnt/disk1").unwrap().wide = true, Code::DisksRolledBack),
    (|s| s.overview.chunkservers[0].chunks = 0, Code::ChunkserverEmpty),
];

const OF_CLIENTS: &[Trap] = &[
    (|s| s.host("cl1").sockets.clear(), Code::ClientNotConnected),
    (|s| s.host("cl1").processes[0].arguments = vec!["-x".into()], Code::MountUnreadable),
    (
        |s| {
            let mut twin = s.host("cl1").processes[0].clone();
            twin.pid += 1;
            s.host("cl1").processes.insert(0, twin);
        },
        Code::MountClaimedTwice,
    ),
    (|s| second_place(s, "rw"), Code::MountSecondPlace),
    // bound for reading alone, and the plan names the first place
    (
        |s| {
            second_place(s, "ro");
            s.plan.clients[0].mounts = Some(vec![AbsPath::new("/mnt/mfs").unwrap()]);
        },
        Code::MountSecondPlace,
    ),
    (|s| s.host("cl1").placed.push(placed("90 80 0:57 / /data fuse", Some(4711))), Code::MountInNamespace),
    // a subfolder of it, in the host's own namespace
    (
        |s| {
            second_place(s, "rw");
            s.host("cl1").placed.push(placed("31 20 0:57 /home /home fuse", None));
        },
        Code::MountSecondPlace,
    ),
    (
        |s| {
            let (folder, kind, point) = ("/mnt/mfs/lower".into(), "overlay".into(), "/srv/all".into());
            s.host("cl1").keepers.push(Keeper::Stacked { folder, kind, point });
        },
        Code::MountSecondPlace,
    ),
    (|s| s.host("cl1").placed.push(placed("40 30 0:60 / /mnt/mfs/scratch tmpfs", None)), Code::MountBelow),
    // on top of it
    (|s| s.host("cl1").placed.push(placed("40 30 0:60 / /mnt/mfs tmpfs", None)), Code::MountBelow),
    (
        |s| {
            let (device, file) = ("/dev/loop0".into(), "/mnt/mfs/disk".into());
            s.host("cl1").keepers.push(Keeper::Loop { device, file, mounted: Vec::new() });
        },
        Code::MountBacksDevice,
    ),
    (|s| s.host("cl1").keepers.push(Keeper::Swap("/mnt/mfs/swap".into())), Code::MountBacksDevice),
    (|s| exported(s, "/mnt/mfs/home", false), Code::MountExported),
    // from above, over the mount point
    (|s| exported(s, "/mnt", true), Code::MountExported),
    (
        |s| {
            s.host("cl1").placed[1].parent = 21;
            s.host("cl1").placed.push(placed("21 20 0:30 / /mnt autofs", None));
        },
        Code::MountAutomounted,
    ),
    (|s| s.host("cl1").placed.clear(), Code::MountUsersUnknown),
    (|s| s.host("cl1").strangers.push(Stranger { pid: 100, role: Role::Client, uid: 1000 }), Code::ProcessOfAnother),
    (
        |s| drop(s.host("cl1").open.insert("/var/lib/mfsupgrade".into(), "everybody may write in it".into())),
        Code::WorkDirOpen,
    ),
    (|s| s.plan.clients[0].mounts = Some(vec![AbsPath::new("/other").unwrap()]), Code::MountMissing),
    (|s| s.plan.clients[0].mounts = Some(vec![AbsPath::new("/other").unwrap()]), Code::MountNotInPlan),
    (
        |s| {
            let mut twin = s.host("cl1").processes[0].clone();
            twin.arguments = vec!["-h".into(), "elsewhere".into(), "-w".into(), "/mnt/two".into()];
            s.host("cl1").processes.push(twin);
        },
        Code::MountsOfTwoMasters,
    ),
    (|s| drop(s.plan.clients[0].hosts.pop()), Code::ClientNotInPlan),
    (|s| s.uses("cl1", "/mnt/mfs/home"), Code::MountBusy),
    (|s| s.host("cl1").users_cut = true, Code::MountUsersUnknown),
    (
        |s| {
            s.plan.clients[0].busy = Busy::Skip;
            s.uses("cl1", "/mnt/mfs/home");
        },
        Code::MountInUse,
    ),
    (|s| s.plan.clients[0].lazy_unmount = true, Code::LazyUnmount),
    (|s| drop(s.host("cl1").under.insert("/mnt/mfs".into(), vec!["x".into()])), Code::FilesUnderMount),
    (|s| s.host("cl1").under.clear(), Code::UnderMountUnknown),
    (|s| s.host("cl1").fuse = false, Code::FuseMissing),
    (|s| s.text("cl1", "/usr/local/etc/mfsmount.cfg", "mfssubfolder=/sub\n"), Code::MountFileCounts),
    (|s| s.plan.clients[0].mount_options = Some(vec!["mfscachefiles".into()]), Code::MountOptionsChange),
];

const OF_THE_PLAN: &[Trap] = &[
    (|s| s.plan.window = Some(window("03:00", "03:09")), Code::WindowShort),
    (
        |s| {
            s.plan.upgrade.mode = Mode::FullStop;
            s.plan.window = Some(window("23:59", "00:01"));
        },
        Code::WindowShort,
    ),
];

pub(super) fn window(from: &str, to: &str) -> Window {
    let time = |text| time_of_day(text).unwrap();
    Window::new(time(from), time(to), BTreeSet::new(), "UTC").unwrap()
}

const ALL: &[&[Trap]] =
    &[OF_HOSTS, OF_DAEMONS, OF_CONFIGURATION, OF_EXPORTS, OF_THE_MASTER, OF_CHUNKSERVERS, OF_CLIENTS, OF_THE_PLAN];

/// Found where the host or the master is asked, before there is anything to hold against anything; and on the way back, where
/// `tests::back` has the traps.
const ELSEWHERE: [Code; 13] = [
    Code::HostUnreachable,
    Code::CommandNotRun,
    Code::LookUnreadable,
    Code::LocalSsh,
    Code::MasterDoesNotAnswer,
    Code::ForwardingRefused,
    Code::BackProgramsGone,
    Code::BackNotByRun,
    Code::BackMetadata,
    Code::BackDisks,
    Code::BackFolders,
    Code::BackJobRuns,
    Code::BackLockFolder,
];

#[test]
fn every_trap_is_found_by_its_code() {
    for (at, (trap, code)) in ALL.concat().iter().enumerate() {
        let mut scene = scene();
        trap(&mut scene);
        let (observation, codes) = scene.check();
        assert!(codes.contains(code), "trap {at}: {code} not among {codes:?}");
        let error = codes.iter().any(|c| c.severity() == Severity::Error);
        assert_eq!(observation.is_none(), error, "trap {at}: an error leaves nothing to compile");
    }
}

#[test]
fn every_code_has_a_trap() {
    for code in Code::ALL.iter().filter(|c| !ELSEWHERE.contains(c)) {
        assert!(ALL.concat().iter().any(|(_, c)| c == code), "{code} has no trap");
    }
}

#[test]
fn hosts_are_checked_while_their_master_is_silent() {
    assert_eq!(scene().unanswered(), []);
    let alone = [
        Code::CustomConfig,
        Code::LockFileLost,
        Code::LockFileWrong,
        Code::OwnerDiffers,
        Code::ConfigNotFound,
        Code::MasterHostUnclear,
        Code::ExportsMissing,
        Code::ExportsUnreadable,
        Code::MetadataNeverSaved,
    ];
    let of_daemons = OF_DAEMONS.iter().chain(OF_CONFIGURATION).chain(OF_EXPORTS).chain(OF_THE_MASTER);
    for (trap, code) in OF_HOSTS.iter().chain(of_daemons.filter(|(_, code)| alone.contains(code))) {
        let mut scene = scene();
        trap(&mut scene);
        let codes = scene.unanswered();
        assert!(codes.contains(code), "{code} not among {codes:?}");
    }
    let mut scene = scene();
    for facts in scene.fleet.values_mut() {
        facts.sockets.clear();
    }
    scene.host("master").processes.clear();
    assert_eq!(scene.unanswered(), [Code::DaemonNotRunning], "nobody is connected to a master that is down");
}

fn exported(scene: &mut Scene, path: &str, crosses: bool) {
    scene.host("cl1").keepers.push(Keeper::Export { path: path.into(), crosses });
}

/// A mount that no process names, beside the one that a process does.
fn second_place(scene: &mut Scene, options: &str) {
    let mut line = scene.host("cl1").mounts[0].clone();
    line.mount_point = "/home".into();
    line.options = options.into();
    scene.host("cl1").mounts.push(line);
}

#[test]
fn a_second_place_of_a_mount_is_told_by_its_cause_alone() {
    let mut scene = scene();
    second_place(&mut scene, "rw");
    let (_, found) = scene.check();
    let of_mounts: Vec<_> = found.iter().filter(|code| code.as_str().starts_with("mount-")).collect();
    assert_eq!(of_mounts, [&Code::MountSecondPlace]);
}

/// What of a client's mount does not keep it, and what is another's.
const NOTHING: &[fn(&mut Scene)] = &[
    |_| {},
    // another mount in that namespace
    |s| s.host("cl1").placed.push(placed("90 80 0:58 / /mnt/mfs fuse", Some(4711))),
    // swap space and loop devices elsewhere, an export above that ends at the mount point, a name that begins alike
    |s| s.host("cl1").keepers.push(Keeper::Swap("/dev/loop4".into())),
    |s| s.host("cl1").keepers.push(Keeper::Swap("/mnt/mfs2/swap".into())),
    |s| exported(s, "/mnt", false),
    |s| exported(s, "/mnt/mfs-old", true),
    // what is mounted beside it, and an automounter elsewhere
    |s| s.host("cl1").placed.push(placed("40 20 0:60 / /mnt/scratch tmpfs", None)),
    |s| s.host("cl1").placed.push(placed("21 20 0:30 / /net autofs", None)),
];

#[test]
fn what_does_not_keep_a_mount_is_not_told() {
    let (_, healthy) = scene().check();
    for (at, trap) in NOTHING.iter().enumerate() {
        let mut scene = scene();
        trap(&mut scene);
        assert_eq!(scene.check().1, healthy, "{at}");
    }
}

#[test]
fn all_other_namespaces_of_a_mount_are_one_finding_that_names_them() {
    let mut scene = scene();
    for n in 0..7 {
        scene.host("cl1").placed.push(placed(&format!("9{n} 80 0:57 / /data{n} fuse"), Some(4711 + n)));
    }
    let (_, found) = scene.findings();
    let found: Vec<_> = found.iter().filter(|f| f.code == Code::MountInNamespace).collect();
    let [finding] = &found[..] else { panic!("{found:?}") };
    assert!(finding.seen.contains("runc (4711) on /data0") && finding.seen.contains("and 2 more"), "{}", finding.seen);
    assert!(finding.todo.contains("`nsenter -t 4712 -m umount /data1`"), "{}", finding.todo);
    assert!(!found.iter().any(|f| f.code == Code::MountBusy));
}
