//! The line 1.5→1.6: every number of the upgrade beside the argument for it.
//!
//! Source "HOWTO" is the mini-HOWTO "Upgrade from version 1.5.x to 1.6.x" of MooseFS.

use std::time::Duration;

use crate::moosefs::daemon::Role::{Chunkserver, Client, Master, Metalogger};
use crate::moosefs::releases::TABLE;
use crate::moosefs::version::Family;
use crate::rules::line::{Floor, InstallKind, MasterWait, Stagger, Waits, WayBack, Why};
use crate::rules::{Code, Line};

/// From any 1.5.x to any 1.6.x.
pub static V1_5_TO_1_6: Line = line();

/// HOWTO: "You should restart chunkservers with 5-10 minutes delay." 300 s is REPLICATIONS_DELAY_INIT and 300 s a chunk loop
/// (chunks.c): after both a master has its first whole picture.
const STAGGER: [Duration; 2] = [Duration::from_secs(5 * 60), Duration::from_secs(10 * 60)];

/// HOWTO: "please wait about 3 minutes before starting the master"; it covers the two-minute start gate of a new master and
/// equals the 180 s patience of a 1.5 client's read (readdata.c @ 1.5.12).
const MASTER_WAIT: Duration = Duration::from_secs(3 * 60);

/// A big 1.5 master takes minutes to save its metadata, and 1.6.9 to 1.6.26 give up after 60 s: the old one then ends later and
/// none runs (hazard 6). 1800 s is the default of 1.6.27.
const TAKEOVER: Duration = Duration::from_secs(1800);

/// One look that fails because a connection is made anew is no verdict.
const LEAST_GATE: Duration = Duration::from_secs(15);

/// The greatest stagger, in either mode: a cluster that is not whole by then stops a rolling run anyway.
const BACK: Duration = STAGGER[1];

/// Copies of chunks that were written while their server was away are stale, and a master begins to replicate 300 s after its
/// start (REPLICATIONS_DELAY_INIT, 1.6.26+), one action a chunk and loop of 300 s (CHUNKS_LOOP_TIME); seen after a full-stop with
/// a writer at work. That, twice.
const HEALED: Duration = Duration::from_secs(2 * (300 + 300));

/// An old master tells no matrix, and where a chunkserver shows fewer chunks than it had, the first round of its own test of all
/// files tells whether they were moved or are missing. It begins 150 s after the master's start and takes 2048 s
/// (`filesystem.c` @ 1.5.12).
const TESTED: Duration = Duration::from_secs(45 * 60);

/// Of what is left of that patience when all is taken off that no copy can be measured for (`rules/away.rs`).
const NEAR_PERCENT: u64 = 67;

/// Out of the way of 9419 to 9425, and below the range that kernels give to clients.
const TRIAL_PORT: u16 = 19419;

/// The value, made anew for who wants one that is like it.
pub(crate) const fn line() -> Line {
    Line {
        from: Family::new(1, 5),
        to: Family::new(1, 6),
        // chunks.c @ 1.6.13, run; the first release with it is also the first with fixed exit codes
        floor: Floor {
            needs: &TABLE.keeps_unknown_chunks,
            code: "target-deletes-unknown-chunks",
            accepts: "the target release deletes chunks that its metadata does not know",
            without: "physically deletes chunks that it does not know within about a minute, so that starting it on old or \
                      empty metadata destroys data",
            with: "keep them for 7 days",
        },
        rolling: [Master, Metalogger, Chunkserver, Client],
        full_stop: [Master, Chunkserver, Metalogger, Client],
        stagger: Stagger {
            least: STAGGER[0],
            greatest: STAGGER[1],
            why: "the HOWTO asks for 5 to 10 minutes between chunkservers: it takes a master five minutes and more to see that \
                  all chunks are there again",
        },
        master_wait: MasterWait {
            least: MASTER_WAIT,
            why: "the HOWTO asks for about 3 minutes, in which the chunkservers are to be up before the master is",
        },
        waits: Waits {
            takeover: TAKEOVER,
            least_gate: LEAST_GATE,
            back: BACK,
            healed: HEALED,
            near_percent: NEAR_PERCENT,
        },
        trial_port: TRIAL_PORT,
        // sources are all that MooseFS has published of these releases
        installs: &[InstallKind::Tree, InstallKind::Archive, InstallKind::Command],
        findings: FINDINGS,
        why: Why {
            backup: "a 1.6 master that cannot load the metadata has stopped the old one by then; so it is loaded from a copy \
                     first, on scratch ports, beside the running master",
            rolling: "HOWTO: upgrade and restart mfsmaster, then chunkservers, then clients",
            stagger: "HOWTO: restart chunkservers with 5-10 minutes delay; one at a time, so that every chunk of goal 2 and up \
                      keeps a copy that can be read",
            at_once: "HOWTO: with the whole system stopped, all chunkservers can be restarted at one moment",
            master_wait: "HOWTO: wait about 3 minutes before starting the master",
            metaloggers: "HOWTO: mfsmetalogger on any machine from 1.6.5 on; chunkservers of 1.6.5 and later no longer keep \
                          change logs",
            clients: "HOWTO: mfstools before remounting with the new mfsmount; new tools and mounts do not work with an old \
                      master, so clients come last",
        },
        hard_to_undo: &[
            // metadata stays `MFSM 1.5`: `filesystem.c` @ 1.6.27; run with 1.6.27 and 1.5.12
            (
                Master,
                "from here on: stop the new master cleanly, install the old release and start it on the same, current metadata; \
                 never on an older copy (`mfsupgrade rollback` does it)",
            ),
            // `hddspacemgr.c`, hdd_folder_scan, from 1.6.6 on; seen
            (
                Chunkserver,
                "the new chunkserver renames its disks' folders 0-F to 00-FF: put back to 1.5 it reports 0 chunks until every \
                 chunk file is moved back (`mfsupgrade rollback` does it)",
            ),
            // `mastercomm.c` @ 1.6.27; run
            (Client, "a 1.6 mount does not work with a 1.5 master: it must go before the master goes back"),
        ],
        way_back: WayBack { tested: TESTED },
    }
}

/// What 1.5 does, and what 1.6 does otherwise.
const FINDINGS: &[Code] = &[
    Code::ExportsMissing,
    Code::MasterHostLoopback,
    Code::ListenPortIgnored,
    Code::MasterAwayLong,
    Code::HealthUnknown,
    Code::FullStopUnderMounts,
    Code::OldToolsGone,
    Code::LockFileLost,
    Code::LockFileWrong,
    Code::ConfigNotFound,
    Code::ConfigReplaced,
    Code::VarFileMerged,
    Code::ConfigRefused,
    Code::LimitOfZero,
    Code::RejectOldClients,
    Code::ChunkserverNotListening,
    Code::ExportsAccounts,
    Code::ExportsNeedAccounts,
    Code::ExportsRefuseClient,
    Code::ExportsRestrictClient,
    Code::DiskMarked,
    Code::DiskCommented,
    Code::MetadataSaveStale,
    Code::MetadataUnknown,
    Code::TrialImpossible,
    Code::GoalsUnknown,
    Code::ChunksTooMany,
    Code::DisksRolledBack,
    Code::HealthOld,
    Code::LazyUnmount,
    Code::MountFileCounts,
    Code::Startup15Syntax,
    Code::FilesByName,
    Code::StartupTools,
    Code::NoMetalogger,
    Code::ToolsOf15,
    Code::SpaceFiguresDrop,
    Code::BackDisks,
    Code::BackFolders,
    Code::BackLockFolder,
];

#[cfg(test)]
mod tests {
    use semver::Version;

    use super::*;
    use crate::rules::way_back::BY_ROLLBACK;

    #[test]
    fn targets_that_delete_unknown_chunks_are_named() {
        assert!(V1_5_TO_1_6.unsafe_target(&Version::new(1, 6, 18)).unwrap().contains("deletes"));
        assert_eq!(V1_5_TO_1_6.unsafe_target(&Version::new(1, 6, 19)), None);
    }

    #[test]
    fn numbers_are_those_of_the_howto_and_of_the_sources() {
        let line = &V1_5_TO_1_6;
        assert_eq!((line.stagger.least.as_secs(), line.stagger.greatest.as_secs()), (300, 600));
        assert_eq!((line.master_wait.least.as_secs(), line.patience_of_old_mounts().as_secs()), (180, 30));
        let patience = [8, 9].map(|patch| line.takeover_patience(&Version::new(1, 6, patch)));
        assert_eq!(patience, [None, Some(Duration::from_secs(1800))]);
    }

    #[test]
    fn what_rollback_undoes_is_promised_where_it_does() {
        let promised = |role| V1_5_TO_1_6.hard_to_undo(role).map(|words| words.contains(BY_ROLLBACK));
        assert_eq!(
            [Master, Metalogger, Chunkserver, Client].map(promised),
            [Some(true), None, Some(true), Some(false)]
        );
    }
}
