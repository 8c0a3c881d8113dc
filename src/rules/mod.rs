//! An upgrade line: which releases, in which order, with which waits, and why. PURE.

pub mod away;
pub mod line_1_5_to_1_6;

/// A finding that stops a run unless the plan names its code under `acknowledge`. There is no other way past it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acknowledgeable {
    /// The stable code.
    pub code: &'static str,
    /// What the operator accepts by naming it, in one line.
    pub meaning: &'static str,
}

/// Every finding that can be acknowledged.
pub const ACKNOWLEDGEABLE: &[Acknowledgeable] = &[
    Acknowledgeable {
        code: line_1_5_to_1_6::UNSAFE_TARGET_CODE,
        meaning: "the target release deletes chunks that its metadata does not know",
    },
    Acknowledgeable {
        code: line_1_5_to_1_6::MASTER_AWAY_LONG_CODE,
        meaning: "a master that is away for nearly as long as 1.5 mounts wait for it, or longer",
    },
    Acknowledgeable { code: "chunks-missing", meaning: "chunks without a single copy, whose data cannot be read now" },
    Acknowledgeable {
        code: "chunkserver-gone",
        meaning: "a chunkserver that the master lists as disconnected and that is gone for good",
    },
    Acknowledgeable {
        code: "full-stop-under-mounts",
        meaning: "mounts that are connected when a full-stop takes the master away; everything that uses them is stopped",
    },
    Acknowledgeable { code: "chunks-under-goal", meaning: "chunks with fewer copies than their goal" },
    Acknowledgeable {
        code: "clocks-apart",
        meaning: "clocks of hosts that are more than a minute apart; ages of files are then told wrongly",
    },
    Acknowledgeable {
        code: "memory-short",
        meaning: "a trial load that may need more memory than the master's host has free",
    },
    Acknowledgeable {
        code: "old-tools-gone",
        meaning: "change logs that the new mfsmetarestore may skip, since the old one was replaced",
    },
    Acknowledgeable {
        code: "old-programs-gone",
        meaning: "hosts that `mfsupgrade rollback` cannot bring back, since their old programs were replaced before the run",
    },
    Acknowledgeable {
        code: "owner-differs",
        meaning: "files of a daemon that belong to another user, and that it can use all the same",
    },
    Acknowledgeable {
        code: "config-replaced",
        meaning: "configuration in etc/mfs that the carried one takes the place of",
    },
    Acknowledgeable {
        code: "limit-of-zero",
        meaning: "a master that neither replicates nor deletes chunks, by its own configuration",
    },
    Acknowledgeable {
        code: "data-path-differs",
        meaning: "a DATA_PATH that leads to the folder that the daemon works in, by another way than a link",
    },
    Acknowledgeable {
        code: "disk-not-mounted",
        meaning: "disks that are folders of another file system, though /etc/fstab mounts one there",
    },
    Acknowledgeable {
        code: "exports-unreadable",
        meaning: "lines and words of mfsexports.cfg that the new master passes over",
    },
    Acknowledgeable {
        code: "exports-need-accounts",
        meaning: "accounts of mfsexports.cfg that the master's host is known to have",
    },
    Acknowledgeable {
        code: "exports-restrict-client",
        meaning: "mounts that will have less than 1.5 allowed them, as mfsexports.cfg says",
    },
    Acknowledgeable {
        code: "metadata-left-over",
        meaning: "a metadata.mfs of unknown age beside the running master's own",
    },
    Acknowledgeable { code: "metadata-old", meaning: "metadata that was last saved more than two hours ago" },
    Acknowledgeable {
        code: "trial-impossible",
        meaning: "a new master that is not tried on a copy of the metadata first",
    },
    Acknowledgeable {
        code: "goal-one",
        meaning: "chunks of goal 1, which cannot be read while their one server restarts",
    },
    Acknowledgeable {
        code: "disks-rolled-back",
        meaning: "chunks in folders of 1.6 that come back, as old as they are, with the new chunkserver",
    },
    Acknowledgeable {
        code: "mount-busy",
        meaning: "mounts in use; what uses them is stopped before their host is reached",
    },
    Acknowledgeable {
        code: "mount-below",
        meaning: "file systems on a mount that are unmounted before their host is reached",
    },
    Acknowledgeable {
        code: "mount-backs-device",
        meaning: "loop devices and swap space on a mount that are given back before their host is reached",
    },
    Acknowledgeable {
        code: "mount-exported",
        meaning: "an NFS server that is stopped before its host is reached, and clients of it that mount again",
    },
    Acknowledgeable { code: "mount-automounted", meaning: "automounters that are stopped until the run is over" },
    Acknowledgeable {
        code: "mount-file-counts",
        meaning: "options of mfsmount.cfg that mounts have when they are made again, and had not before",
    },
    Acknowledgeable {
        code: "startup-1-5-syntax",
        meaning: "fstab lines and scripts that are put right before the next reboot",
    },
    Acknowledgeable {
        code: "started-by-others",
        meaning: "watchdogs and scripts that are stopped until the run is over",
    },
    Acknowledgeable {
        code: "files-by-name",
        meaning: "scripts that name files of the old release and are put right after the run",
    },
    Acknowledgeable { code: "no-metalogger", meaning: "change logs of the new master that only its own disk has" },
];

/// The finding with this code, if it can be acknowledged.
#[must_use]
pub fn acknowledgeable(code: &str) -> Option<&'static Acknowledgeable> {
    ACKNOWLEDGEABLE.iter().find(|a| a.code == code)
}
