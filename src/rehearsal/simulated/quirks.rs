//! How the releases differ, in one place: every trait of a simulated program that depends on its version. A boundary is
//! the first release with the new behaviour; where 1.6.21 and 1.6.22 are concerned, which have no public tags, it is
//! the first of the two. Data only.

use std::time::Duration;

use semver::Version;

/// The traits of a release.
#[derive(Debug, Clone)]
pub struct Quirks {
    /// main.c: verbs (`start`, `stop`, …) are understood from 1.6.9; before, they are ignored, and no verb means restart.
    pub verbs: bool,
    /// `reload`, 1.6.10.
    pub reload: bool,
    /// `test`, 1.6.23 (main.c; 1.6.21 and 1.6.22 have no tags).
    pub test: bool,
    /// `kill`, 1.6.26.
    pub kill: bool,
    /// `-v` prints the version, 1.6.0. Before: invalid option, usage, exit 0.
    pub tells_version: bool,
    /// The parent relays the child's stderr until init is done, 1.6.9. Before: daemonises first, all words are lost.
    pub relays_init: bool,
    /// Exit codes mean something, 1.6.19 (NEWS: "fixed return values").
    pub honest_exit: bool,
    /// Lock in DATA_PATH/.mfsmaster.lock, the old lock file only read to find an old daemon, 1.6.9.
    pub data_path_lock: bool,
    /// How long it waits for an old daemon to end: for ever before 1.6.9, 60 s, 1800 s from 1.6.27.
    pub lock_timeout: Option<Duration>,
    /// A missing configuration file ends it (exit 1), up to 1.6.8.
    pub needs_config: bool,
    /// Configuration in etc/mfs before etc, 1.6.27.
    pub etc_mfs: bool,
    /// Reads `<cfg>.var` too, 1.5 only.
    pub reads_var_config: bool,
    /// Knows mfsexports.cfg, 1.6.0.
    pub exports: bool,
    /// Will not start without exports, 1.6.14.
    pub needs_exports: bool,
    /// MASTER_HOST on 127.0.0.x is fatal for a chunkserver, 1.6.14.
    pub refuses_local_master: bool,
    /// MATOCU_LISTEN_* renamed to MATOCL_LISTEN_*, 1.6.26; the old port counts only where MATOCU_LISTEN_HOST is set too.
    pub matocl: bool,
    /// Listens for metaloggers on 9419, 1.6.5.
    pub metaloggers: bool,
    /// Keeps mounts out until fewer than 100 chunks are missing or 12 ticks have passed, 1.6.23.
    pub start_gate: bool,
    /// Lists disconnected chunkservers, 1.6.27.
    pub lists_disconnected: bool,
    /// The highest version of a chunkserver's register packet that the master takes (matocsserv.c): 3, 4 from 1.6.4,
    /// 50..52 from 1.6.20.
    pub accepts_register: u8,
    /// The register packet that a chunkserver sends: 2, 4 from 1.6.4, 50 from 1.6.20.
    pub sends_register: u8,
    /// The longest packet that a master takes from a chunkserver: 50,000,000 bytes, ten times that from 1.6.20 (matocsserv.c).
    pub largest_packet: u32,
    /// Deletes chunks that it does not know within a minute, up to 1.6.18.
    pub deletes_unknown: bool,
    /// Does not start with more than 1000 BACK_LOGS, 1.6.26 (changelog.c).
    pub limits_back_logs: bool,
    /// Takes a last word of mfshdd.cfg for a size where the file ends with it, 1.6.27 (hddspacemgr.c).
    pub disk_sizes: bool,
    /// Takes the same words twice in mfshdd.cfg for a line that was changed, 1.6.26 (hddspacemgr.c: `lockneeded`).
    pub takes_a_disk_twice: bool,
    /// Keeps `metadata.mfs.back.1`, 1.6.26.
    pub keeps_previous: bool,
    /// Retries for ever where a save is under way when it is told to end, 1.6.23; before: 3 × 5 s, then ends unsaved.
    pub insists_on_saving: bool,
    /// 256 chunk folders 00…FF in place of 16 0…F, 1.6.6.
    pub folders_256: bool,
    /// Leaves disks that are marked for removal as they are, without folders 00…FF, 1.6.18 (hddspacemgr.c: `todel==0`).
    pub leaves_marked_disks: bool,
    /// mfsmetarestore merges change logs, in whatever order they are given, and skips one whose first id is 0, 1.6.18.
    pub merges_logs: bool,
    /// mfsmetarestore skips a change log of exactly one line, 1.6.27.
    pub skips_log_of_one: bool,
    /// A metalogger downloads metadata as soon as it is connected, 1.6.18; before, at the next META_DOWNLOAD_FREQ.
    pub downloads_at_once: bool,
    /// A chunkserver whose port is taken runs on and serves nobody, 1.5 (hazard 30).
    pub runs_without_port: bool,
    /// Registers before its disks are scanned, 1.6.26.
    pub background_scan: bool,
    /// Metaloggers' and idle clients' NOP from the master, 1.6.0.
    pub sends_nop: bool,
    /// The mount speaks sessions (`mfsmount MP -H HOST`), 1.6.0.
    pub sessions: bool,
    /// A mount whose session the master forgot asks for a new one, 1.6.19.
    pub renews_session: bool,
    /// A mount reads mfsmount.cfg, 1.6.21.
    pub mount_file: bool,
    /// How long a mount tries to reach its master before EIO: 30 s, 135 s from 1.6.8, 165 s from 1.6.24.
    pub eio_after: Duration,
    /// How often a read sleeps (60 s each) without a live copy before it fails: 3, 5 from 1.6.24.
    pub read_tries: u32,
}

impl Quirks {
    /// The traits of `version`.
    #[must_use]
    pub fn of(version: &Version) -> Self {
        let from = |minor, patch| *version >= Version::new(1, minor, patch);
        Self {
            verbs: from(6, 9),
            reload: from(6, 10),
            test: from(6, 21),
            kill: from(6, 26),
            tells_version: from(6, 0),
            relays_init: from(6, 9),
            honest_exit: from(6, 19),
            data_path_lock: from(6, 9),
            lock_timeout: match (from(6, 27), from(6, 9)) {
                (true, _) => Some(Duration::from_secs(1800)),
                (false, true) => Some(Duration::from_secs(60)),
                (false, false) => None,
            },
            needs_config: !from(6, 9),
            etc_mfs: from(6, 27),
            reads_var_config: !from(6, 0),
            exports: from(6, 0),
            needs_exports: from(6, 14),
            refuses_local_master: from(6, 14),
            matocl: from(6, 26),
            metaloggers: from(6, 5),
            start_gate: from(6, 21),
            lists_disconnected: from(6, 27),
            accepts_register: match (from(6, 20), from(6, 4)) {
                (true, _) => 52,
                (false, true) => 4,
                (false, false) => 3,
            },
            sends_register: match (from(6, 20), from(6, 4)) {
                (true, _) => 50,
                (false, true) => 4,
                (false, false) => 2,
            },
            largest_packet: if from(6, 20) { 500_000_000 } else { 50_000_000 },
            deletes_unknown: !from(6, 19),
            limits_back_logs: from(6, 26),
            disk_sizes: from(6, 27),
            takes_a_disk_twice: from(6, 26),
            keeps_previous: from(6, 26),
            insists_on_saving: from(6, 21),
            folders_256: from(6, 6),
            leaves_marked_disks: from(6, 18),
            merges_logs: from(6, 18),
            skips_log_of_one: from(6, 27),
            downloads_at_once: from(6, 18),
            runs_without_port: !from(6, 0),
            background_scan: from(6, 26),
            sends_nop: from(6, 0),
            sessions: from(6, 0),
            renews_session: from(6, 19),
            mount_file: from(6, 21),
            eio_after: Duration::from_secs(match (from(6, 24), from(6, 8)) {
                (true, _) => 165,
                (false, true) => 135,
                (false, false) => 30,
            }),
            read_tries: if from(6, 24) { 5 } else { 3 },
        }
    }
}
