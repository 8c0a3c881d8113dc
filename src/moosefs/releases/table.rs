//! The table of [`super`]: one entry a trait, `what: type = before, (release) => from that release on; source`.
//!
//! "run" in a source: seen on real daemons. The releases are those that an upgrade of this program knows, 1.5.2 to 1.6.27;
//! layouts of the admin protocol have a table of their own in `moosefs/wire`, and keys of configuration in `config/keys.rs`.

use std::time::Duration;

use semver::Version;

use super::{StartGate, Trait};

macro_rules! table {
    ($($(#[$doc:meta])* $name:ident: $kind:ty = $before:expr, $(($major:literal, $minor:literal, $patch:literal) => $does:expr),+; $source:literal;)+) => {
        /// What one release does.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct Traits {
            $($(#[$doc])* pub $name: $kind,)+
        }

        /// What all releases do, for words that name a boundary and for who wants to know one thing.
        #[derive(Debug)]
        pub struct Table {
            $($(#[$doc])* pub $name: Trait<$kind>,)+
        }

        /// Every trait that differs between releases.
        pub static TABLE: Table = Table {
            $($name: Trait {
                before: $before,
                since: &[$((Version::new($major, $minor, $patch), $does)),+],
                source: $source,
            },)+
        };

        impl Traits {
            /// What `version` does.
            #[must_use]
            pub fn of(version: &Version) -> Self {
                Self { $($name: TABLE.$name.at(version),)+ }
            }
        }

        impl Table {
            /// Every trait by its name, with its boundaries and its source.
            #[must_use]
            pub fn boundaries(&self) -> Vec<(&'static str, Vec<Version>, &'static str)> {
                vec![$((
                    stringify!($name),
                    self.$name.since.iter().map(|(first, _)| first.clone()).collect(),
                    self.$name.source,
                ),)+]
            }
        }
    };
}

table! {
    // -- the command line and the start of a daemon ------------------------------------------------------------------

    /// Verbs (`start`, `stop`, …) and `-t SECONDS` are understood. Before, a verb is ignored, every start is a takeover, and
    /// it waits for ever.
    verbs: bool = false, (1, 6, 9) => true; "main.c @ 1.6.8 and 1.6.9; getopt @ 1.6.5, run";
    /// The verb `reload`.
    reload: bool = false, (1, 6, 10) => true; "main.c @ 1.6.10";
    /// The verb `test`; as with the start gate, 1.6.21 and 1.6.22 are taken to have it.
    test: bool = false, (1, 6, 21) => true; "main.c @ 1.6.20 and 1.6.23";
    /// `test` exits 0 when the daemon runs. Before, where it is known, 1 when it runs and 0 when not.
    honest_test: bool = false, (2, 0, 0) => true; "main.c @ 1.6.27 and 2.0.91; run";
    /// The verb `kill`.
    kill: bool = false, (1, 6, 26) => true; "main.c @ 1.6.26";
    /// `-v` prints the version. Before: invalid option, usage, exit 0.
    tells_version: bool = false, (1, 6, 0) => true; "main.c @ 1.5.12 and 1.6.0";
    /// The parent relays the child's stderr until init is done. Before, it goes to the background first and all words are lost.
    relays_init: bool = false, (1, 6, 9) => true; "main.c @ 1.6.8 and 1.6.9";
    /// Exit codes mean something.
    honest_exit: bool = false, (1, 6, 19) => true; "main.c @ 1.6.19; NEWS: \"fixed return values\"";
    /// Locks `.mfsmaster.lock` and its like in its DATA_PATH and ends whoever has that lock; the old lock file is only read, to
    /// find an old daemon.
    locks_data_path: bool = false, (1, 6, 9) => true; "main.c @ 1.6.9: wdlock";
    /// How long it waits for an old daemon to end unless `-t` says otherwise; `None`: for ever.
    lock_timeout: Option<Duration> = None, (1, 6, 9) => Some(Duration::from_secs(60)),
        (1, 6, 27) => Some(Duration::from_secs(1800)); "main.c @ 1.6.9, 1.6.26 and 1.6.27";
    /// A missing configuration file is no reason to end (with exit 1).
    starts_without_config: bool = false, (1, 6, 9) => true; "main.c @ 1.6.8 and 1.6.9";
    /// A chunkserver refuses a MASTER_HOST that resolves to 127.x.
    refuses_loopback: bool = false, (1, 6, 14) => true; "masterconn.c @ 1.6.14; run with 1.6.27";
    /// A chunkserver whose port is taken ends, and does not run on and serve nobody (hazard 30).
    ends_without_port: bool = false, (1, 6, 0) => true; "csserv.c @ 1.5.12 and 1.6.0";

    // -- files that are read and written -----------------------------------------------------------------------------

    /// Configuration is looked for in etc/mfs, then in etc: where the first does not exist.
    etc_mfs: bool = false, (1, 6, 27) => true; "NEWS 1.6.27; main.c @ 1.6.27";
    /// `make install` writes samples, `FILE.dist`. Before, it writes configuration that daemons read.
    installs_samples: bool = false, (1, 6, 9) => true; "mfsdata/Makefile.am @ 1.6.9";
    /// `NAME.cfg.var` is not read. Before, it goes above all else.
    ignores_var_config: bool = false, (1, 6, 0) => true; "cfg.c @ 1.5.12 and 1.6.0";
    /// Blanks behind a value of a configuration are not part of it.
    strips_blanks: bool = false, (1, 6, 0) => true; "cfg.c @ 1.5.12 and 1.6.0";
    /// A `#` may follow a tab behind a value. Before, such a line is no definition.
    comment_after_tab: bool = false, (1, 6, 27) => true; "cfg.c @ 1.6.26 and 1.6.27";
    /// MATOCU_LISTEN_* is called MATOCL_LISTEN_*; the old port counts only where MATOCU_LISTEN_HOST is set too.
    renamed_listen: bool = false, (1, 6, 26) => true; "NEWS 1.6.26; matoclserv.c @ 1.6.25 and 1.6.26";
    /// A master that is to keep more change logs than this does not start.
    most_back_logs: Option<u32> = None, (1, 6, 26) => Some(1000); "changelog.c @ 1.6.26; run with 1.6.20, 26 and 27";
    /// The previous metadata is kept as `metadata.mfs.back.1`.
    keeps_previous: bool = false, (1, 6, 26) => true; "filesystem.c @ 1.6.26";
    /// A master that is to end while a save is under way tries until it has saved. Before: 3 times 5 s, then it ends unsaved. It
    /// came with the start gate, as far as anybody can tell.
    insists_on_saving: bool = false, (1, 6, 21) => true; "filesystem.c @ 1.6.20 and 1.6.23";
    /// mfsmetarestore merges change logs, in whatever order they are given, and skips one whose first id is 0.
    merges_logs: bool = false, (1, 6, 18) => true; "merger.c @ 1.6.18";
    /// mfsmetarestore skips a change log of exactly one line.
    skips_log_of_one: bool = false, (1, 6, 27) => true; "merger.c @ 1.6.27";

    // -- mfsexports.cfg ----------------------------------------------------------------------------------------------

    /// A master asks mfsexports.cfg who may mount.
    exports: bool = false, (1, 6, 0) => true; "acl.c @ 1.6.0";
    /// A master without a rule does not start, after it has stopped the old one.
    needs_exports: bool = false, (1, 6, 14) => true; "exports.c @ 1.6.14; run with 1.6.20 to 1.6.27";
    /// A master without a rule makes one of its own.
    exports_of_its_own: bool = false, (1, 6, 0) => true, (1, 6, 1) => false; "acl.c @ 1.6.0 and 1.6.1; run";
    /// Ranges and masks are networks. Before, a line with one is no rule.
    export_networks: bool = false, (1, 6, 1) => true; "acl.c @ 1.6.0 and 1.6.1; run";
    /// The rule for meta mounts is for them alone. Before, it is taken for one of the root, too.
    meta_is_meta: bool = false, (1, 6, 1) => true; "acl.c @ 1.6.0 and 1.6.1; run";
    /// The option `mapall`.
    export_mapall: bool = false, (1, 6, 1) => true; "acl.c @ 1.6.0 and 1.6.1; run";
    /// The options `mingoal`, `maxgoal`, `mintrashtime` and `maxtrashtime`.
    export_limits: bool = false, (1, 6, 26) => true; "exports.c @ 1.6.25 and 1.6.26; run with 1.6.24 and 1.6.26";

    // -- disks of a chunkserver --------------------------------------------------------------------------------------

    /// A `#` in the first column of mfshdd.cfg begins a comment. Before, such a line is the path of a disk, which is not there,
    /// and the chunkserver does not start.
    disk_comments: bool = false, (1, 6, 0) => true; "hddspacemgr.c @ 1.5.12 and 1.6.0; run";
    /// A size may follow a path of mfshdd.cfg. Blanks and the line end are cut off the path only, and what is left of the line
    /// is the size: so a size is one only at the very end of the file, with no line end and no blank behind it. Anywhere else it
    /// is part of the path, as before.
    disk_sizes: bool = false, (1, 6, 27) => true; "NEWS 1.6.27; hddspacemgr.c @ 1.6.26 and 1.6.27; run with 1.6.27";
    /// The same words twice in mfshdd.cfg are a line that was changed. Before, and for two paths of one folder in every release,
    /// a chunkserver does not start.
    takes_a_disk_twice: bool = false, (1, 6, 26) => true; "hddspacemgr.c @ 1.6.26: hdd_parseline, lockneeded";
    /// 256 folders for chunks on a disk, 00 to FF, in place of 16, 0 to F.
    folders_256: bool = false, (1, 6, 6) => true; "hddspacemgr.c @ 1.6.6";
    /// A disk that is marked for removal is left as it is, since it may be read-only: chunks in the folders 0 to F of 1.5 are not
    /// moved to 00 to FF, and nothing else is looked into. 1.6.6 to 1.6.17 move them on every disk.
    leaves_marked_disks: bool = false, (1, 6, 18) => true; "hddspacemgr.c @ 1.6.18: hdd_folder_scan, todel==0";
    /// The space that only root can use counts off a disk's total. Before, off what is free.
    counts_without_reserve: bool = false, (1, 6, 22) => true; "hddspacemgr.c @ 1.6.23; there is no 1.6.22 to read";
    /// A chunkserver registers before its disks are scanned, and counts its chunks afterwards.
    background_scan: bool = false, (1, 6, 26) => true; "hddspacemgr.c @ 1.6.26";

    // -- masters among daemons ---------------------------------------------------------------------------------------

    /// There are metaloggers: a master listens for them, lists them, and sends its change logs to them and to nobody else.
    metaloggers: bool = false, (1, 6, 5) => true; "matomlserv.c @ 1.6.5; matocuserv.c @ 1.6.5";
    /// A metalogger downloads metadata as soon as it is connected. Before, at the next META_DOWNLOAD_FREQ: hours may pass.
    downloads_at_once: bool = false, (1, 6, 18) => true; "masterconn.c @ 1.6.18";
    /// Idle clients get a NOP from the master.
    sends_nop: bool = false, (1, 6, 0) => true; "matocuserv.c @ 1.6.0";
    /// The highest version of a chunkserver's register packet that a master takes.
    accepts_register: u8 = 3, (1, 6, 4) => 4, (1, 6, 20) => 52; "matocsserv.c @ 1.5.12, 1.6.4 and 1.6.20";
    /// The register packet that a chunkserver sends.
    sends_register: u8 = 2, (1, 6, 4) => 4, (1, 6, 20) => 50; "masterconn.c @ 1.5.12, 1.6.4 and 1.6.20";
    /// The longest packet, in bytes, that a master takes from a chunkserver.
    largest_packet: u32 = 50_000_000, (1, 6, 20) => 500_000_000; "matocsserv.c @ 1.6.19 and 1.6.20";
    /// A master keeps chunks that it does not know for 7 days (UNUSED_DELETE_TIMEOUT). Before, it deletes them physically within
    /// about a minute.
    keeps_unknown_chunks: bool = false, (1, 6, 19) => true; "NEWS 1.6.19; chunks.c @ 1.6.13, run";
    /// A master with a limit of zero leaves out everything that it does with chunks by itself.
    stops_at_zero: bool = false, (1, 6, 25) => true; "chunks.c @ 1.6.25: chunk_strinit, whose answer filesystem.c drops";
    /// A master that has just started closes the connection of whoever registers, an old mount that had a session before too,
    /// until few enough chunks are missing or it has looked often enough. In 1.6.20 there is no such gate, in 1.6.23 there is; of
    /// the two between, which have no public tags, it is reckoned with: a gate that is foreseen and not there costs a warning, one
    /// that is there and not foreseen costs applications their files.
    start_gate: Option<StartGate> = None, (1, 6, 21) => Some(StartGate { chunks: 100, tick_s: 10, ticks: 12 });
        "matoclserv_start_cond_check in matocuserv.c @ 1.6.20 and 1.6.23, matoclserv.c @ 1.6.26 and 1.6.27";
    /// The question for the chunk matrix may carry a mode.
    matrix_modes: bool = false, (1, 6, 10) => true; "matocuserv.c @ 1.6.9 and 1.6.10";
    /// The question for the sessions may carry a mode.
    session_modes: bool = false, (1, 6, 26) => true; "matoclserv.c @ 1.6.26";
    /// A chunkserver without a connection is listed, with nothing but its address and port. Before, it is not there.
    lists_disconnected: bool = false, (1, 6, 27) => true; "matocsserv.c @ 1.6.26 and 1.6.27";

    // -- mounts ------------------------------------------------------------------------------------------------------

    /// A mount speaks sessions and is called `mfsmount MOUNTPOINT [-H HOST]`; the master says its version and its chunk matrix.
    sessions: bool = false, (1, 6, 0) => true; "mfsmount/main.c @ 1.6.0; matocuserv.c @ 1.6.0";
    /// A mount whose session the master forgot asks for a new one.
    renews_session: bool = false, (1, 6, 19) => true; "mastercomm.c @ 1.6.19";
    /// A mount takes options from mfsmount.cfg.
    mount_file: bool = false, (1, 6, 21) => true; "NEWS 1.6.21; mfsmount/main.c @ 1.6.23";
    /// How long a mount looks for its master before it gives applications I/O errors; in 1.5, 30 tries of 1 s.
    eio_after: Duration = Duration::from_secs(30), (1, 6, 8) => Duration::from_secs(135), (1, 6, 24) => Duration::from_secs(165);
        "mastercomm.c @ 1.5.12, 1.6.8 and 1.6.24; 1.5.12 run";
    /// How often a read sleeps (60 s each) without a live copy before it fails.
    read_tries: u32 = 3, (1, 6, 24) => 5; "readdata.c @ 1.5.12 and 1.6.24";
    /// A mount that ends unmounts whatever is mounted on its mount point by then, by name: `fuse_unmount(mp)`. From 1.6.0 on it has its
    /// own channel, `fuse_unmount(mp, ch)`, and sees that it was unmounted already.
    unmounts_by_name: bool = true, (1, 6, 0) => false; "mfsmount/main.c @ 1.5.12 and 1.6.0; 1.5.12 run";
    /// mfssetgoal and mfssettrashtime get EPERM on a 1.5 mount, whose session has no limits of goals.
    refuses_old_tools: bool = false, (1, 6, 26) => true; "matoclserv.c @ 1.6.26; run";
}
