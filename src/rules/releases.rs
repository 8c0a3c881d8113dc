//! What differs between the releases of 1.6 that an upgrade can end at.

use semver::Version;

/// Up to 1.6.8 `make install` writes configuration that daemons read; from 1.6.9 on samples, `FILE.dist` (`mfsdata/Makefile.am` @ 1.6.9).
#[must_use]
pub fn installs_configuration(to: &Version) -> bool {
    *to < Version::new(1, 6, 9)
}

/// From 1.6.6 on a chunkserver has 256 folders on a disk instead of 16 (`hddspacemgr.c` @ 1.6.6).
#[must_use]
pub fn has_256_folders(to: &Version) -> bool {
    *to >= Version::new(1, 6, 6)
}

/// From 1.6.9 on a daemon locks `.mfsmaster.lock` and its like in its DATA_PATH, and ends whoever has that lock (main.c, `wdlock`).
#[must_use]
pub fn locks_data_path(to: &Version) -> bool {
    *to >= Version::new(1, 6, 9)
}

/// From 1.6.14 on a chunkserver refuses a MASTER_HOST that resolves to 127.x (masterconn.c; run with 1.6.27).
#[must_use]
pub fn refuses_loopback(to: &Version) -> bool {
    *to >= Version::new(1, 6, 14)
}

/// How many chunks a 1.5 chunkserver may register: it does so in one packet of 47 + 12 bytes a chunk, and a master takes
/// 50,000,000 bytes until 1.6.19, 500,000,000 from 1.6.20 on (matocsserv.c).
#[must_use]
pub fn most_chunks(to: &Version) -> u32 {
    if *to < Version::new(1, 6, 20) { 4_000_000 } else { 41_000_000 }
}

/// From 1.6.18 on a chunkserver leaves a disk that is marked for removal as it is, since it may be read-only: chunks in the
/// folders 0 to F of 1.5 are not moved to 00 to FF, and it looks nowhere else (hddspacemgr.c, `hdd_folder_scan`: `todel==0`;
/// 1.6.6 to 1.6.17 move them on every disk).
#[must_use]
pub fn leaves_marked_disks(to: &Version) -> bool {
    *to >= Version::new(1, 6, 18)
}

/// From 1.6.21 on a mount takes options from mfsmount.cfg (`mfsmount/main.c`; NEWS 1.6.21).
#[must_use]
pub fn reads_mount_file(to: &Version) -> bool {
    *to >= Version::new(1, 6, 21)
}

/// From 1.6.22 on a chunkserver takes the space that only root can use off its total, and no longer off what is free
/// (`hddspacemgr.c` @ 1.6.23; there is no 1.6.22 to read).
#[must_use]
pub fn counts_without_reserve(to: &Version) -> bool {
    *to >= Version::new(1, 6, 22)
}

/// From 1.6.23 on a master lets no mount in while so many chunks or more are missing, for its first two minutes
/// (`matoclserv.c`, `start_cond_check`: `chunk_get_missing_count()<100`).
#[must_use]
pub fn locks_out_from(to: &Version) -> Option<u64> {
    (*to >= Version::new(1, 6, 23)).then_some(100)
}

/// From 1.6.25 on a master with a limit of zero leaves out everything that it does with chunks by itself (chunks.c,
/// `chunk_strinit`, whose answer filesystem.c drops).
#[must_use]
pub fn stops_at_zero(to: &Version) -> bool {
    *to >= Version::new(1, 6, 25)
}

/// From 1.6.26 on mfssetgoal and mfssettrashtime get EPERM on a 1.5 mount: its session has no limits of goals (run).
#[must_use]
pub fn refuses_old_tools(to: &Version) -> bool {
    *to >= Version::new(1, 6, 26)
}

/// From 1.6.26 on a chunkserver takes the same path twice in its list for a line that was changed; before, and for two paths of one folder
/// in every release, it does not start (hddspacemgr.c, `hdd_parseline`, `lockneeded`).
#[must_use]
pub fn takes_a_disk_twice(to: &Version) -> bool {
    *to >= Version::new(1, 6, 26)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A change, and the patch level of 1.6 that brought it.
    type Turn = (fn(&Version) -> bool, u64);

    #[test]
    fn the_first_release_with_a_change_has_it() {
        let v = |patch| Version::new(1, 6, patch);
        let turns: [Turn; 9] = [
            (has_256_folders, 6),
            (locks_data_path, 9),
            (refuses_loopback, 14),
            (leaves_marked_disks, 18),
            (reads_mount_file, 21),
            (counts_without_reserve, 22),
            (stops_at_zero, 25),
            (refuses_old_tools, 26),
            (takes_a_disk_twice, 26),
        ];
        for (has, from) in turns {
            assert!(has(&v(from)) && !has(&v(from - 1)), "1.6.{from}");
        }
        assert!(installs_configuration(&v(8)) && !installs_configuration(&v(9)));
        assert!(most_chunks(&v(19)) < most_chunks(&v(20)));
        assert_eq!((locks_out_from(&v(22)), locks_out_from(&v(23))), (None, Some(100)));
    }
}
