//! Every code that a finding of a check can have, in one place: what it does, on which lines it can be found, and what a plan
//! accepts that names it. docs/findings.md is held against it by a test.

use serde::{Deserialize, Serialize};

use super::Severity;

/// Where a finding can be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// On every line.
    General,
    /// On the lines that list it ([`super::Line::findings`]): it is about what one of their two families does.
    OfLine,
}

macro_rules! accepts {
    () => {
        None
    };
    ($text:literal) => {
        Some($text)
    };
}

macro_rules! codes {
    ($($variant:ident $text:literal $severity:ident $scope:ident $meaning:literal $source:literal $(accepts $accepts:literal)?;)*) => {
        /// A code, stable over releases of this program.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Code {
            $(#[doc = $meaning] #[serde(rename = $text)] $variant,)*
        }

        impl Code {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// As it is written in a plan, in messages and in JSON.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// What it does to an upgrade.
            #[must_use]
            pub fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)* }
            }

            /// Whether it can be found on every line, or only where a line's own list has it.
            #[must_use]
            pub fn scope(self) -> Scope {
                match self { $(Self::$variant => Scope::$scope,)* }
            }

            /// Of a warning: what the operator accepts by naming it under `acknowledge`, in one line. There is no other way past it.
            #[must_use]
            pub fn accepts(self) -> Option<&'static str> {
                match self { $(Self::$variant => accepts!($($accepts)?),)* }
            }

            /// What was found, in general.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* }
            }

            /// Where the fact behind it comes from.
            #[must_use]
            pub fn source(self) -> &'static str {
                match self { $(Self::$variant => $source,)* }
            }
        }
    };
}

codes! {
    NotRoot "not-root" Error General "commands on a host do not run as root" "installing, starting daemons and mounting need it";
    HostUnreachable "host-unreachable" Error General "ssh does not reach a host without a prompt" "ssh(1)";
    CommandNotRun "command-not-run" Error General "a host was reached, and its login did not run what was sent" "what the login said in its place; nologin(5), sudoers(5): requiretty, sshd_config(5): ForceCommand";
    LookUnreadable "look-unreadable" Error General "the look at a host did not end, or its answer cannot be read" "the look ends itself after 60 s";
    LocalSsh "local-ssh" Error General "ssh cannot be run on this machine, or not as it is configured here" "ssh(1), ssh_config(5)";
    SameMachineTwice "same-machine-twice" Error General "names of the plan lead to one machine" "boot_id, /proc/PID/ns, host name; main.c @ 1.6.27 takes over from whatever runs; run";
    SourceMissing "source-missing" Error General "the tree to install from is not there or not built" "HOWTO: make install";
    SourceVersionDiffers "source-version-differs" Error General "the tree to install from is another release" "the plan's `to`";
    MakeMissing "make-missing" Error General "a host has no make" "HOWTO: make install";
    DaemonNotRunning "daemon-not-running" Error General "a daemon of the plan does not run" "a takeover needs one (main.c @ 1.6.9)";
    DaemonRunsTwice "daemon-runs-twice" Error General "a daemon runs more than once on a host" "a takeover ends one of them";
    PrefixDiffers "prefix-differs" Error General "the running daemon is not below the plan's prefix" "/proc/PID/exe";
    CustomConfig "custom-config" Error General "a daemon runs with a configuration file of its own (`-c`)" "hazard 11";
    VersionDiffers "version-differs" Error General "what runs is neither the plan's `from` nor its `to`" "the plan's `from`";
    MasterNotTheOneAsked "master-not-the-one-asked" Error General "the process and the answer on the admin port are different releases" "INFO layouts";
    MasterDoesNotAnswer "master-does-not-answer" Error General "the master gives no answer on its admin port" "gates ask it";
    ForwardingRefused "forwarding-refused" Error General "sshd on the master's host forwards no connection to the master's admin port" "sshd_config(5): AllowTcpForwarding, PermitOpen, DisableForwarding; sshd(8): restrict";
    AdminPortNotListening "admin-port-not-listening" Error General "nothing listens on the master's admin port" "MATOCU_LISTEN_PORT";
    DataPathUnreadable "data-path-unreadable" Error General "the master's working folder cannot be read" "/proc/PID/cwd";
    ExportsMissing "exports-missing" Error OfLine "without a rule in mfsexports.cfg a 1.6.14+ master refuses to start, and an earlier one lets no new mount in" "hazard 8; exports.c @ 1.6.14, acl.c @ 1.6.1 and 1.6.13; run";
    ChunkserverNotConnected "chunkserver-not-connected" Error General "a chunkserver of the plan is not connected to the master" "CSERV_LIST";
    ChunkserverPortDiffers "chunkserver-port-differs" Error General "the new master would listen on another port for chunkservers than they connect to" "MATOCS_LISTEN_PORT, MASTER_PORT, /proc/net/tcp";
    MasterHostLoopback "master-host-loopback" Error OfLine "a chunkserver reaches its master over 127.x, or its master's name is that there, which 1.6.14+ refuses" "hazard 12; masterconn.c @ 1.6.14";
    MasterHostUnresolved "master-host-unresolved" Error General "a host finds no address behind its master's name, and no new daemon or mount starts so" "hazard 12; masterconn.c and mastercomm.c @ 1.6.27: their init ends";
    MasterHostElsewhere "master-host-elsewhere" Error General "a host finds another address behind its master's name than the one where its daemon or mount is connected" "hazard 12; sockets.c @ 1.5.12: a chunkserver looks it up at its start alone; mastercomm.c @ 1.5.12: a mount whenever it connects";
    ClientNotConnected "client-not-connected" Error General "a client of the plan has no connection to the master" "/proc/net/tcp";
    MountUnreadable "mount-unreadable" Error General "a running mount's command line cannot be carried over" "hazard 27";
    MountMissing "mount-missing" Error General "a mount of the plan is not mounted" "/proc/mounts";
    MountSecondPlace "mount-second-place" Error General "a mount has a second place, without which its process does not end" "/proc/mounts; fuse_session_loop_mt: main.c of mfsmount @ 1.5.12";
    MountInNamespace "mount-in-namespace" Error General "a mount is in the mount namespace of a container or service too, without which its process does not end" "/proc/PID/mountinfo; mount_namespaces(7); fuse_session_loop_mt: main.c of mfsmount @ 1.5.12; run";
    MountClaimedTwice "mount-claimed-twice" Error General "more than one process says that a mount is its own" "/proc/PID/cmdline; run";
    WorkDirOpen "work-dir-open" Error General "others than root can change the folder where root's commands are kept" "job launcher";
    ProcessOfAnother "process-of-another" Note General "a process is called like a program of MooseFS and runs as another user than root or a daemon's" "/proc/PID/status";
    ChunkserverNotInPlan "chunkserver-not-in-plan" Error General "the master knows a chunkserver that the plan does not name" "CSERV_LIST";
    ClientNotInPlan "client-not-in-plan" Error General "the master knows a mount on a host that the plan does not name" "SESSION_LIST";
    ListenPortIgnored "listen-port-ignored" Error OfLine "the new master would listen on another port for clients" "hazard 9; matoclserv.c @ 1.6.27";
    ChunksMissing "chunks-missing" Warning General "chunks have no copy, so that their data cannot be read now" "FSTEST in 1.5, matrix from 1.6"
        accepts "chunks without a single copy, whose data cannot be read now";
    MasterAwayLong "master-away-long" Warning OfLine "the new master would keep 1.5 mounts out for nearly as long as they wait, or longer" "hazards 20, 33; 30 s, mastercomm.c @ 1.5.12; start_cond_check, matoclserv.c @ 1.6.27"
        accepts "a master that is away for nearly as long as 1.5 mounts wait for it, or longer";
    HealthUnknown "health-unknown" Note OfLine "a 1.5 master has not finished its own file test since its start" "FSTEST, 2048 s a round from 150 s on";
    ChunkserverGone "chunkserver-gone" Warning General "the master lists a chunkserver as disconnected that the plan does not name" "hazard 34"
        accepts "a chunkserver that the master lists as disconnected and that is gone for good";
    MountsOfTwoMasters "mounts-of-two-masters" Error General "mounts of a client name different masters" "/proc/PID/cmdline";
    MountNotInPlan "mount-not-in-plan" Error General "a client has a mount that the plan's `mounts` do not name" "/proc/mounts";
    FullStopUnderMounts "full-stop-under-mounts" Warning OfLine "a full-stop would take the master away from under connected mounts" "real-hosts.md; 30 s, mastercomm.c @ 1.5.12"
        accepts "mounts that are connected when a full-stop takes the master away; everything that uses them is stopped";
    ChunksUnderGoal "chunks-under-goal" Warning General "chunks have fewer copies than their goal asks for" "FSTEST in 1.5, matrix from 1.6"
        accepts "chunks with fewer copies than their goal";
    ClocksApart "clocks-apart" Warning General "a host's clock is more than a minute off this side's, or another host's" "date(1); the ages of metadata and file test are told by hosts' clocks"
        accepts "clocks of hosts that are more than a minute apart; ages of files are then told wrongly";
    DiskFull "disk-full" Error General "too little space, or too few inodes, for what the run writes" "df(1); sizes of an installation and of the metadata";
    MountedNoexec "mounted-noexec" Error General "a folder from which programs are run is on a file system that is mounted noexec" "mount(8); /proc/self/mountinfo";
    MountedReadOnly "mounted-read-only" Error General "a folder in which the run or a new daemon writes is on a file system that is read-only" "mount(8); hddspacemgr.c and main.c @ 1.6.27: their locks are opened for writing";
    MemoryShort "memory-short" Warning General "the trial load could take the memory that the running master needs" "MemAvailable, VmRSS"
        accepts "a trial load that may need more memory than the master's host has free";
    MemoryUnknown "memory-unknown" Note General "the master's host does not tell how much memory is free" "MemAvailable, Linux 3.14";
    ToolsMissing "tools-missing" Error General "a host lacks a program that a step calls" "the commands of the schedule";
    FuseMissing "fuse-missing" Error General "a client has no /dev/fuse, without which nothing can be mounted" "fuse(4); seen by every look";
    OldToolsGone "old-tools-gone" Warning OfLine "the old release's mfsmetarestore was replaced already" "hazard 15; restore.c @ 1.6.18"
        accepts "change logs that the new mfsmetarestore may skip, since the old one was replaced";
    OldProgramsGone "old-programs-gone" Warning General "the programs of a running old daemon or mount were replaced on disk already" "/proc/PID/exe against the installed program; docs/rollback.md"
        accepts "hosts that `mfsupgrade rollback` cannot bring back, since their old programs were replaced before the run";
    EtcPathDiffers "etc-path-differs" Error General "the new release was built to look for its configuration outside of the prefix" "hazard 11; config.h";
    BuildUnknown "build-unknown" Note General "nobody can tell which paths and users are compiled into the new release" "hazards 5, 13; config.h";
    DefaultsDiffer "defaults-differ" Note General "the new release's compiled-in defaults are not those of the running daemon" "hazards 5, 13; config.h";
    LockFileLost "lock-file-lost" Error OfLine "a running 1.5 daemon has no lock file, so that no 1.6 can take over from it" "hazards 5, 32; main.c @ 1.6.27, check_old_locks";
    LockFileWrong "lock-file-wrong" Error OfLine "a running 1.5 daemon's lock file is empty or names another process" "hazard 5; main.c @ 1.6.27, check_old_locks";
    LockHeld "lock-held" Error General "a process that the upgrade does not replace has a lock that a new daemon needs" "/proc/locks; main.c @ 1.6.27, wdlock and check_old_locks; hddspacemgr.c @ 1.6.27; run with 1.6.27";
    NotWritable "not-writable" Error General "a new daemon may not write in its DATA_PATH or in a disk, as the user that it will be" "access(2) as that user; main.c and hddspacemgr.c @ 1.6.27; run with 1.6.27";
    OwnerDiffers "owner-differs" Warning General "a daemon's files belong to another user than the one that it runs as" "hazards 5, 7, 13"
        accepts "files of a daemon that belong to another user, and that it can use all the same";
    ConfigUnreadable "config-unreadable" Error General "a configuration file is not UTF-8, or cannot be carried over" "it is carried over as text";
    ConfigNotFound "config-not-found" Error OfLine "a running 1.5 daemon's configuration file is not where this program looks for it" "main.c @ 1.5.12: none without a file";
    ConfigReplaced "config-replaced" Warning OfLine "a configuration file that the old release does not read stands where the new one looks first" "hazard 11; NEWS 1.6.27"
        accepts "configuration in etc/mfs that the carried one takes the place of";
    UserDiffers "user-differs" Error General "a daemon runs as another user or group than its configuration says" "hazards 7, 13; /proc/PID; the file may have been edited since its start";
    DataPathDiffers "data-path-differs" Warning General "a daemon works in another folder than its configuration says" "/proc/PID/cwd; the file may have been edited since its start"
        accepts "a DATA_PATH that leads to the folder that the daemon works in, by another way than a link";
    ConfigLineIgnored "config-line-ignored" Note General "a line of a configuration file that neither release understands" "cfg.c; a key without a blank before its `=`";
    KeysIgnored "keys-ignored" Note General "the new release ignores keys that are set" "cfg.c @ 1.6.27; hazard 7";
    VarFileMerged "var-file-merged" Note OfLine "a `.var` file overrides the configuration, and the new release does not read it" "hazard 31; cfg.c @ 1.5.12";
    ConfigRefused "config-refused" Error OfLine "the new master would refuse to start with a value of its configuration" "hazard 7; changelog.c @ 1.6.26, run";
    LimitOfZero "limit-of-zero" Warning OfLine "with a limit of zero the new master would neither replicate nor delete chunks" "chunks.c @ 1.6.26: chunk_strinit ends early, and nobody looks at its answer"
        accepts "a master that neither replicates nor deletes chunks, by its own configuration";
    RejectOldClients "reject-old-clients" Error OfLine "the new master would refuse the mounts that are still old" "hazard 24; matoclserv.c @ 1.6.27";
    ReconnectSlow "reconnect-slow" Note General "chunkservers look for their master only every 30 seconds" "MASTER_RECONNECTION_DELAY; sample configuration @ 1.5.12";
    PortTaken "port-taken" Error General "a port that a new daemon needs is in use" "hazard 10; matomlserv.c @ 1.6.5, csserv.c @ 1.6.27";
    ChunkserverNotListening "chunkserver-not-listening" Error OfLine "nothing listens on a running chunkserver's data port" "hazard 30";
    MasterHostUnclear "master-host-unclear" Error General "chunkservers name their master in different ways, and a metalogger must be given one" "MASTER_HOST";
    ExportsNotSeen "exports-not-seen" Error General "EXPORTS_FILENAME names a file that cannot be looked at" "exports.c @ 1.6.27, exports_reload";
    ExportsForbidden "exports-forbidden" Error General "the user that the master runs as may not read mfsexports.cfg" "hazard 7; main.c and exports.c @ 1.6.27: root is given up first";
    ExportsUnreadable "exports-unreadable" Warning General "a line, or a word of one, of mfsexports.cfg that the new master passes over" "exports.c @ 1.6.27; run"
        accepts "lines and words of mfsexports.cfg that the new master passes over";
    ExportsAccounts "exports-accounts" Note OfLine "mfsexports.cfg names users or groups that the master's host must have" "exports.c @ 1.6.27; run";
    ExportsNeedAccounts "exports-need-accounts" Warning OfLine "without accounts that mfsexports.cfg names no rule is left, or none for a mount that is there now" "exports.c @ 1.6.27; run"
        accepts "accounts of mfsexports.cfg that the master's host is known to have";
    ExportsRefuseClient "exports-refuse-client" Error OfLine "the exports refuse a mount that is there now" "hazard 24; exports.c @ 1.6.27, exports_check";
    ExportsRestrictClient "exports-restrict-client" Warning OfLine "the exports take something from a mount that it has now" "hazard 24; 1.5 knows no exports"
        accepts "mounts that will have less than 1.5 allowed them, as mfsexports.cfg says";
    DiskLineChanges "disk-line-changes" Error General "a line of mfshdd.cfg means something else to the new chunkserver" "hazard 31; hddspacemgr.c @ 1.6.27";
    DisksNotSeen "disks-not-seen" Error General "the list of disks of a running chunkserver cannot be looked at" "hazard 31; hddspacemgr.c @ 1.6.27";
    DiskAbsent "disk-absent" Error General "a disk of mfshdd.cfg is not there as a folder" "hazard 7; hddspacemgr.c @ 1.6.27, hdd_parseline";
    DiskElsewhere "disk-elsewhere" Error General "a disk that the running chunkserver uses is not where its list leads now" "/proc/PID/fd; hddspacemgr.c @ 1.5.12: the `.lock` of each disk stays open; run with 1.5.12";
    DiskTwice "disk-twice" Error General "two lines of mfshdd.cfg lead to one folder" "stat(1); hddspacemgr.c @ 1.5.12 to 1.6.27: the inode of `.lock`; run with 1.5.12 and 1.6.27";
    DiskNotMounted "disk-not-mounted" Warning General "/etc/fstab mounts a disk where mfshdd.cfg names a folder, and it is not mounted" "fstab(5), /proc/self/mountinfo"
        accepts "disks that are folders of another file system, though /etc/fstab mounts one there";
    DiskMarked "disk-marked" Error OfLine "a disk that is marked for removal has chunks that the new chunkserver would not see" "hazard 36; hddspacemgr.c @ 1.6.18 to 1.6.27, hdd_folder_scan; run with 1.6.20 and 1.6.27";
    DiskCommented "disk-commented" Note OfLine "a comment in mfshdd.cfg, which 1.5 takes for a disk" "hazard 31; hddspacemgr.c @ 1.5.12";
    MetadataNeverSaved "metadata-never-saved" Error General "the master has never saved its metadata: no copy of it could be restored" "MFSM NEW; hazards 14, 16";
    MetadataSaveStale "metadata-save-stale" Error OfLine "a leftover metadata.mfs.back.tmp would make the old master end without saving" "hazard 14; filesystem.c @ 1.5.12";
    MetadataLeftOver "metadata-left-over" Warning General "there is a metadata.mfs although a master runs" "filesystem.c @ 1.6.27; hazards 16, 17"
        accepts "a metadata.mfs of unknown age beside the running master's own";
    MetadataOld "metadata-old" Warning General "the master has not saved its metadata for two hours" "hazard 14; once an hour, filesystem.c @ 1.5.12"
        accepts "metadata that was last saved more than two hours ago";
    MetadataUnknown "metadata-unknown" Error OfLine "the metadata is of a kind that this line does not know" "filesystem.c @ 1.5.12 and 1.6.27: MFSM 1.5";
    TrialImpossible "trial-impossible" Warning OfLine "the new release cannot be tried on a copy of the metadata first" "hazards 7, 20; main.c @ 1.6.9"
        accepts "a new master that is not tried on a copy of the metadata first";
    GoalsUnknown "goals-unknown" Note OfLine "a 1.5 master does not tell how many chunks have one copy by their goal" "hazard 21; matrix from 1.6";
    GoalOne "goal-one" Warning General "chunks of goal 1 cannot be read while their server restarts" "hazard 21; matrix row 1"
        accepts "chunks of goal 1, which cannot be read while their one server restarts";
    ChunksTooMany "chunks-too-many" Error OfLine "a chunkserver has more chunks than the new master lets one register" "hazard 35; matocsserv.c @ 1.6.19";
    ChunksLost "chunks-lost" Error General "chunk files are gone from a chunkserver's disks that its master still counts" "CSERV_LIST against the names in folders 0 to F; 1.5 tells of a lost file at its next start; run with 1.5.12 and 1.6.20";
    DisksRolledBack "disks-rolled-back" Warning OfLine "disks of a 1.5 chunkserver have folders of 1.6, whose chunks it does not see" "hazard 18; hddspacemgr.c @ 1.6.6"
        accepts "chunks in folders of 1.6 that come back, as old as they are, with the new chunkserver";
    ChunkserverEmpty "chunkserver-empty" Note General "a chunkserver has no chunk while others have some" "hazards 18, 22; CSERV_LIST";
    HealthOld "health-old" Note OfLine "the master's own file test is hours old" "FSTEST, 2048 s a round";
    MountBusy "mount-busy" Warning General "processes use a mount, so that umount would refuse" "hazard 28; umount(8), exit code 32"
        accepts "mounts in use; what uses them is stopped before their host is reached";
    MountBelow "mount-below" Warning General "other file systems are mounted on a mount, so that umount refuses" "/proc/self/mountinfo; umount(2), EBUSY; run"
        accepts "file systems on a mount that are unmounted before their host is reached";
    MountBacksDevice "mount-backs-device" Warning General "a file on a mount is a loop device or swap space, so that umount refuses" "/sys/block/loop*/loop/backing_file, losetup(8), /proc/swaps; run"
        accepts "loop devices and swap space on a mount that are given back before their host is reached";
    MountExported "mount-exported" Warning General "the kernel's NFS server exports a mount" "/proc/fs/nfsd/exports, /var/lib/nfs/etab; exports(5)"
        accepts "an NFS server that is stopped before its host is reached, and clients of it that mount again";
    MountAutomounted "mount-automounted" Warning General "an automounter would mount in the place of the new mount" "/proc/self/mountinfo, autofs; automount(8), systemd.automount(5)"
        accepts "automounters that are stopped until the run is over";
    MountUsersUnknown "mount-users-unknown" Note General "nobody could tell whether processes use a mount" "hazard 28; /proc";
    MountInUse "mount-in-use" Note General "processes use a mount, and the plan says what is done then" "hazard 28; the plan's `busy`";
    LazyUnmount "lazy-unmount" Error OfLine "the plan lets `umount -l` take mounts away that would take the new ones away when they end" "umount(8), -l; mfsmount/main.c @ 1.5.12: fuse_unmount(mp); run; hazard 28";
    FilesUnderMount "files-under-mount" Error General "there are files under a mount point, where no new mount can be made" "fuse(8), nonempty; run with 1.6.27";
    UnderMountUnknown "under-mount-unknown" Note General "nobody could look under a mount point" "unshare(1)";
    MountOptionsChange "mount-options-change" Note General "the new mount will not have the options of the running one" "hazard 27; main.c of mfsmount @ 1.6.27";
    MountFileCounts "mount-file-counts" Warning OfLine "mfsmount.cfg, which 1.5 does not read, has options that the new mount would have as well" "hazard 27; main.c of mfsmount @ 1.6.27"
        accepts "options of mfsmount.cfg that mounts have when they are made again, and had not before";
    Startup15Syntax "startup-1-5-syntax" Warning OfLine "a file that starts things names MooseFS in the words of 1.5" "hazards 1, 2, 3, 27"
        accepts "fstab lines and scripts that are put right before the next reboot";
    StartedByOthers "started-by-others" Warning General "a watchdog, a failover or a script can start or stop MooseFS in the middle of the run" "hazards 16, 17; a look at files that start things"
        accepts "watchdogs and scripts that are stopped until the run is over";
    FilesByName "files-by-name" Warning OfLine "a script names files of MooseFS that are not there, or not the same, in the new release" "main.c @ 1.6.27 (mfscommon), changelog.c @ 1.6.5, filesystem.c @ 1.5.12"
        accepts "scripts that name files of the old release and are put right after the run";
    StartupTools "startup-tools" Note OfLine "scripts or cron tables call mfstools, which fail at times until everything is new" "hazards 25, 26; run";
    StartupCut "startup-cut" Note General "more lines name MooseFS than were looked at" "a look takes 100 of them";
    NoMetalogger "no-metalogger" Warning OfLine "nobody will keep change logs beside the new master" "changelog_csback ends with 1.6.5: changelog.c, changelog()"
        accepts "change logs of the new master that only its own disk has";
    MetaloggerOnMaster "metalogger-on-master" Note General "a metalogger on the master's own host is lost with it" "metalogger: masterconn.c @ 1.6.5";
    ToolsOf15 "tools-of-1-5" Note OfLine "some tools fail on mounts that are still old" "hazards 25, 26";
    SpaceFiguresDrop "space-figures-drop" Note OfLine "the master will report less total and free space than now" "hazard 23; hddspacemgr.c @ 1.6.23";
    WindowShort "window-short" Note General "the required waiting is longer than the plan's window" "the plan; HOWTO: 5-10 minutes between chunkservers";
    BackProgramsGone "back-programs-gone" Error General "the old release's programs are not there to be brought back on a host" "the tar file that the run keeps, and the release of what is in it; docs/rollback.md";
    BackNotByRun "back-not-by-run" Error General "something runs in the new release that the run to be taken back did not put there" "the journal, and a look at the host";
    BackMetadata "back-metadata" Error General "there is no metadata on which an old master may be started" "filesystem.c @ 1.5.12; hazard 17";
    BackDisks "back-disks" Error OfLine "nobody can tell on which disks chunks must be moved back" "hazard 18; hddspacemgr.c @ 1.6.6";
    BackFolders "back-folders" Error OfLine "an old chunkserver runs on disks with the folders of the new release" "hazard 18; hddspacemgr.c @ 1.6.6";
    BackJobRuns "back-job-runs" Error General "a command of the run to be taken back is still at work" "the jobs that the run keeps on its hosts";
    BackLockFolder "back-lock-folder" Error OfLine "the folder for the lock file of an old daemon is gone" "hazard 32";
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

impl std::str::FromStr for Code {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.iter().copied().find(|code| code.as_str() == text).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_has_every_code_and_a_plan_can_acknowledge_every_warning() {
        let document = include_str!("../../docs/findings.md");
        for code in Code::ALL {
            let row = format!("| `{code}` | {} | {} | {} |", code.severity(), code.meaning(), code.source());
            assert!(document.contains(&row), "docs/findings.md lacks: {row}");
            let is_warning = code.severity() == Severity::Warning;
            assert_eq!(code.accepts().is_some(), is_warning, "{code}");
        }
    }
}
