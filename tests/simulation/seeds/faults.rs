//! What goes wrong, and when.

use mfsupgrade::moosefs::daemon::Role;

use super::deed::Deed;
use super::seed::Seed;

/// When a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// At the first command that it can strike, from this one on.
    Command(usize),
    /// When a record is appended to the journal.
    Append(usize),
    /// Seconds from the start.
    Second(i64),
}

/// Where in a command or an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    Before,
    During,
    After,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The host cannot be reached for one command.
    NotReached,
    /// The connection is lost before the command took effect, which never runs.
    LostBefore,
    /// The connection is lost while the command goes on.
    LostDuring,
    /// The connection is lost, and the command dies with it.
    CutOff,
    /// The connection is lost after the command took effect.
    LostAfter,
    /// The host cannot be reached for this many seconds; it goes on by itself.
    Outage(i64),
    /// The command does not end within its limit, and ends this many seconds later.
    Hangs(i64),
    /// A copy of metadata hangs until the tool gives it up, and ends so many milliseconds after the next one.
    CopyLingers(i64),
    /// The command fails.
    Fails,
    /// The disk is full until somebody cleans up.
    DiskFull,
    /// The new daemon ends at once.
    DaemonDies,
    /// The new daemon ends this many seconds after its start.
    DiesLater(i64),
    /// The new chunkserver needs this many seconds more to find its chunks.
    DaemonSlow(i64),
    /// `umount` says busy.
    Busy,
    /// Somebody uses a mount for this many seconds.
    Used(i64),
    /// Users delete so much of all files, or write as much more.
    Deleted { percent: i32 },
    /// A client boots of which one mount is upgraded and another one not; its mounts are made anew.
    HalfClientBoots { away: i64 },
    /// A new master moves so much of what a chunkserver has to another one.
    CopiesMove { percent: u32 },
    /// A disk is marked for removal that has so much of what a chunkserver has: it does not look there when it starts in the new
    /// release.
    DiskMarked { percent: u32 },
    /// A copy of the state folder is gone on with.
    StateCopied,
    /// Another run takes the cluster's lock.
    LockTaken,
    /// Nothing is heard of the lock for this many seconds.
    LockSilent(i64),
    /// The master that is told to stop ends, and has not saved its metadata.
    EndsUnsaved,
    /// The new release cannot load the metadata.
    TrialFails,
    /// It needs longer than old mounts wait.
    LoadsSlowly,
    /// What arrives here is not what was sent.
    CopyDiffers,
    /// The new master starts on other metadata.
    OtherMetadata,
    /// The held connection to a host hangs: whatever is said through it has no answer until its limit, and the next one goes
    /// through a new connection.
    ConnectionHangs,
    /// Files cannot be copied for this many seconds.
    NoCopies(i64),
    /// The master's port cannot be reached for this many seconds.
    Silent(i64),
    /// A host reboots, is away for this many seconds, and starts its daemons or not.
    Reboot { away: i64, up: bool },
    /// The master restarts on its own after this many seconds.
    MasterRestarts(i64),
    /// In a full stop that waits before its master's start, somebody starts one after this many seconds: the old one, or what is
    /// installed.
    Watchdog { old: bool, after: i64 },
    /// Chunks are under goal for this many seconds.
    UnderGoal { chunks: u32, seconds: i64 },
    /// The operator wants to pause.
    Pause,
    /// The tool is killed; as many of the last records are lost.
    Kill { point: Point, lost: usize },
    /// The tool is killed when it has seen that all is well, before its last record; and then something ends.
    KillAtTheEnd,
    /// The journal cannot be written: once, or until somebody cleans up.
    AppendFails { once: bool },
    /// The clock of the tool's machine is set by so many seconds.
    WallJumps(i64),
    /// The same of a host's.
    HostClockJumps(i64),
    /// The name of a host leads to another machine for a session.
    AliasMoves,
}

/// For good, as far as a run is concerned.
pub const FOR_GOOD: i64 = 30 * 24 * 3600;

impl Kind {
    /// Every kind, as the counts have it.
    pub const NAMES: &[&str] = &[
        "chunks under goal for a while",
        "chunks under goal for good",
        "chunks moved to another server",
        "command fails",
        "command hangs beyond its limit",
        "connection hangs",
        "connection lost after the effect",
        "connection lost before the effect",
        "connection lost, the command dies",
        "connection lost, the command goes on",
        "copy differs",
        "copy ends after it was given up",
        "daemon dead after start",
        "daemon dead at start",
        "daemon slow",
        "disk full",
        "disk marked for removal",
        "files not copied for a while",
        "half-upgraded client boots",
        "host not reached",
        "host unreachable for a while",
        "journal not written",
        "journal write torn",
        "killed after the last look",
        "killed at an edge",
        "killed in the middle",
        "killed, journal writes lost",
        "host's clock set",
        "lock not heard of",
        "lock taken",
        "master ends without saving",
        "master restarts on its own",
        "master's port not reached",
        "mount busy",
        "mount in use",
        "operator pauses",
        "other metadata",
        super::abandon::NAME,
        super::twice::NAME,
        "reboot, daemons down",
        "reboot, daemons up again",
        "state folder copied",
        "trial fails",
        "trial slow",
        "name leads to another machine",
        "tool's clock set",
        "users delete",
        "users write",
        "watchdog starts a master",
    ];

    pub fn name(&self) -> &'static str {
        match self {
            Self::NotReached => "host not reached",
            Self::LostBefore => "connection lost before the effect",
            Self::LostDuring => "connection lost, the command goes on",
            Self::CutOff => "connection lost, the command dies",
            Self::LostAfter => "connection lost after the effect",
            Self::Outage(_) => "host unreachable for a while",
            Self::Hangs(_) => "command hangs beyond its limit",
            Self::CopyLingers(_) => "copy ends after it was given up",
            Self::Fails => "command fails",
            Self::DiskFull => "disk full",
            Self::DaemonDies => "daemon dead at start",
            Self::DiesLater(_) => "daemon dead after start",
            Self::DaemonSlow(_) => "daemon slow",
            Self::Busy => "mount busy",
            Self::Used(_) => "mount in use",
            Self::Deleted { percent: 1.. } => "users delete",
            Self::Deleted { .. } => "users write",
            Self::HalfClientBoots { .. } => "half-upgraded client boots",
            Self::CopiesMove { .. } => "chunks moved to another server",
            Self::DiskMarked { .. } => "disk marked for removal",
            Self::StateCopied => "state folder copied",
            Self::LockTaken => "lock taken",
            Self::LockSilent(_) => "lock not heard of",
            Self::EndsUnsaved => "master ends without saving",
            Self::TrialFails => "trial fails",
            Self::LoadsSlowly => "trial slow",
            Self::CopyDiffers => "copy differs",
            Self::OtherMetadata => "other metadata",
            Self::ConnectionHangs => "connection hangs",
            Self::NoCopies(_) => "files not copied for a while",
            Self::Silent(_) => "master's port not reached",
            Self::Reboot { up: true, .. } => "reboot, daemons up again",
            Self::Reboot { up: false, .. } => "reboot, daemons down",
            Self::MasterRestarts(_) => "master restarts on its own",
            Self::UnderGoal { seconds: FOR_GOOD, .. } => "chunks under goal for good",
            Self::UnderGoal { .. } => "chunks under goal for a while",
            Self::Pause => "operator pauses",
            Self::Kill { point: Point::During, lost: 0 } => "killed in the middle",
            Self::Kill { lost: 0, .. } => "killed at an edge",
            Self::Kill { .. } => "killed, journal writes lost",
            Self::KillAtTheEnd => "killed after the last look",
            Self::AppendFails { .. } => "journal not written",
            Self::WallJumps(_) => "tool's clock set",
            Self::HostClockJumps(_) => "host's clock set",
            Self::Watchdog { .. } => "watchdog starts a master",
            Self::AliasMoves => "name leads to another machine",
        }
    }

    /// Whether it can strike this command.
    pub fn strikes(&self, deed: &Deed) -> bool {
        match self {
            Self::DaemonDies => matches!(deed, Deed::Start(_)),
            Self::DiesLater(_) => matches!(deed, Deed::Start(_) | Deed::Mount(_)),
            Self::DaemonSlow(_) => matches!(deed, Deed::Start(Role::Chunkserver)),
            Self::DiskMarked { .. } => matches!(deed, Deed::Start(Role::Chunkserver)),
            Self::Busy => matches!(deed, Deed::Unmount(_)),
            Self::EndsUnsaved | Self::Watchdog { .. } => matches!(deed, Deed::Stop(Role::Master)),
            Self::TrialFails | Self::LoadsSlowly => matches!(deed, Deed::Trial),
            Self::CopyDiffers | Self::CopyLingers(_) => matches!(deed, Deed::Snapshot { .. }),
            Self::OtherMetadata => matches!(deed, Deed::Start(Role::Master)),
            Self::DiskFull => deed.fills_the_disk(),
            Self::Fails => deed.fills_the_disk() || matches!(deed, Deed::Mount(_) | Deed::PutBack { .. }),
            Self::CutOff => deed.is_tool() && *deed != Deed::Nothing,
            Self::Hangs(_) => *deed != Deed::Nothing,
            _ => true,
        }
    }
}

/// A fault that waits for its moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Armed {
    pub when: When,
    pub kind: Kind,
}

impl Armed {
    /// One of any kind, in a run of about so many commands and seconds.
    pub fn any(seed: &mut Seed, commands: usize, seconds: i64) -> Self {
        let command = When::Command(seed.below(commands));
        let second = When::Second(seed.between(0, seconds));
        let append = When::Append(seed.below(commands * 2));
        let while_ = |seed: &mut Seed| seed.between(1, 400);
        let away = |seed: &mut Seed| seed.between(10, 300);
        let lost = |seed: &mut Seed| match seed.below(10) {
            0 => 1,
            1 => seed.below(6),
            2 => seed.below(60),
            _ => 0,
        };
        let point = |seed: &mut Seed| seed.pick(&[Point::Before, Point::During, Point::After]);
        let (when, kind) = match seed.below(34) {
            0 => (command, Kind::NotReached),
            1 => (command, Kind::LostBefore),
            2 => (command, Kind::LostDuring),
            3 => (command, Kind::CutOff),
            4 => (command, Kind::LostAfter),
            5 => (command, Kind::Outage(while_(seed))),
            6 => (second, Kind::Outage(while_(seed))),
            7 if seed.chance(50) => (command, Kind::Hangs(seed.between(0, 3))),
            7 => (command, Kind::Hangs(seed.between(1, 3000))),
            8 => (command, Kind::Fails),
            9 => (command, Kind::DiskFull),
            10 => (command, Kind::DaemonDies),
            11 => (command, Kind::DiesLater(seed.between(1, 700))),
            12 => (command, Kind::DaemonSlow(seed.between(60, 1500))),
            13 => (command, Kind::Busy),
            14 => (command, Kind::TrialFails),
            15 => (command, Kind::LoadsSlowly),
            16 => (command, Kind::CopyDiffers),
            17 => (command, Kind::OtherMetadata),
            18 => (command, Kind::NoCopies(while_(seed))),
            19 => (second, Kind::Silent(while_(seed))),
            20 => (command, Kind::Reboot { away: away(seed), up: seed.chance(50) }),
            21 => (second, Kind::Reboot { away: away(seed), up: seed.chance(50) }),
            22 => (second, Kind::MasterRestarts(seed.between(1, 60))),
            23 => (command, Kind::UnderGoal { chunks: seed.between(1, 30) as u32, seconds: seed.between(10, 1500) }),
            24 => (second, Kind::UnderGoal { chunks: seed.between(1, 30) as u32, seconds: FOR_GOOD }),
            25 => (command, Kind::Pause),
            26 => (second, Kind::Pause),
            27 => (command, Kind::Kill { point: point(seed), lost: lost(seed) }),
            28 => (append, Kind::Kill { point: point(seed), lost: lost(seed) }),
            29 => (second, Kind::Kill { point: Point::During, lost: lost(seed) }),
            30 => (command, Kind::Silent(seed.between(1, 20))),
            31 => (When::Append(0), Kind::KillAtTheEnd),
            32 => (When::Command(0), Kind::CopyLingers(seed.between(1, 4000))),
            _ => (append, Kind::AppendFails { once: seed.chance(50) }),
        };
        Self { when, kind }
    }
}
