//! What becomes of a key of a daemon's configuration at a release.
//!
//! Read off every `config_get*` and `cfg_get*` of 1.5.2 to 1.5.12 and of 1.6.0 to 1.6.27 (1.6.21 and 1.6.22 are not
//! to be had, so that "from 1.6.23" may be from 1.6.21); calls that are comments in the source were left out.

use semver::Version;

use crate::moosefs::daemon::Role;

/// What a daemon of some release does with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It reads it.
    Kept,
    /// It reads it under another name.
    Renamed {
        /// The name that it reads.
        to: &'static str,
        /// The first release that does.
        since: Version,
    },
    /// An earlier release read it, and this one does not.
    Ignored {
        /// The first release that does not.
        since: Version,
        /// What took its place.
        note: &'static str,
    },
    /// Only a later release reads it.
    NotYet {
        /// The first one.
        since: Version,
    },
    /// No release of 1.5 or 1.6 reads it.
    Unknown,
}

/// One key of one daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Whose key it is.
    pub role: Role,
    /// As it is written.
    pub name: &'static str,
    /// The first release that reads it; 1.5.2 is the first of all.
    pub since: Version,
    /// Where its life ends.
    pub end: End,
    /// The file below the daemon's folder, or `main.c` of both, that reads it.
    pub source: &'static str,
}

/// The end of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// 1.6.27 reads it.
    None,
    /// From this release on it has another name.
    Renamed(Version, &'static str),
    /// From this release on it is ignored; the second says what took its place.
    Ignored(Version, &'static str),
}

/// What becomes of `name` in the configuration of `role` at release `to`.
#[must_use]
pub fn fate(role: Role, name: &str, to: &Version) -> Fate {
    let Some(key) = KEYS.iter().find(|key| key.role == role && key.name == name) else {
        return Fate::Unknown;
    };
    match &key.end {
        _ if *to < key.since => Fate::NotYet { since: key.since.clone() },
        End::Renamed(since, new) if to >= since => Fate::Renamed { to: new, since: since.clone() },
        End::Ignored(since, note) if to >= since => Fate::Ignored { since: since.clone(), note },
        _ => Fate::Kept,
    }
}

const FIRST: Version = Version::new(1, 5, 2);

const fn v(patch: u64) -> Version {
    Version::new(1, 6, patch)
}

const fn key(role: Role, name: &'static str, since: Version, end: End, source: &'static str) -> Key {
    Key { role, name, since, end, source }
}

const fn kept(role: Role, name: &'static str, since: Version, source: &'static str) -> Key {
    key(role, name, since, End::None, source)
}

use Role::{Chunkserver as Cs, Master as Ma, Metalogger as Ml};

/// Every key that a release from 1.5.2 to 1.6.27 reads, by role.
pub static KEYS: &[Key] = &[
    kept(Ma, "DATA_PATH", FIRST, "main.c"),
    kept(Ma, "LOCK_FILE", FIRST, "main.c"),
    kept(Ma, "SYSLOG_IDENT", FIRST, "main.c"),
    kept(Ma, "WORKING_USER", FIRST, "main.c"),
    kept(Ma, "WORKING_GROUP", FIRST, "main.c"),
    kept(Ma, "NICE_LEVEL", v(8), "main.c"),
    kept(Ma, "LOCK_MEMORY", v(9), "main.c"),
    kept(Ma, "FILE_UMASK", v(18), "main.c"),
    kept(Ma, "BACK_LOGS", FIRST, "changelog.c"),
    kept(Ma, "BACK_META_KEEP_PREVIOUS", v(26), "filesystem.c"),
    kept(Ma, "QUOTA_TIME_LIMIT", v(25), "filesystem.c"),
    kept(Ma, "CHUNKS_LOOP_TIME", FIRST, "chunks.c"),
    key(Ma, "CHUNKS_LOOP_CPS", v(25), End::Ignored(v(27), "CHUNKS_LOOP_MAX_CPS took its place"), "chunks.c"),
    kept(Ma, "CHUNKS_LOOP_MAX_CPS", v(27), "chunks.c"),
    kept(Ma, "CHUNKS_LOOP_MIN_TIME", v(27), "chunks.c"),
    kept(Ma, "ACCEPTABLE_DIFFERENCE", v(27), "chunks.c"),
    key(
        Ma,
        "CHUNKS_REP_LIMIT",
        FIRST,
        End::Ignored(v(1), "CHUNKS_WRITE_REP_LIMIT and CHUNKS_READ_REP_LIMIT took its place"),
        "chunks.c",
    ),
    kept(Ma, "CHUNKS_WRITE_REP_LIMIT", v(1), "chunks.c"),
    kept(Ma, "CHUNKS_READ_REP_LIMIT", v(1), "chunks.c"),
    key(
        Ma,
        "CHUNKS_DEL_LIMIT",
        FIRST,
        End::Ignored(v(25), "CHUNKS_SOFT_DEL_LIMIT and CHUNKS_HARD_DEL_LIMIT took its place"),
        "chunks.c",
    ),
    kept(Ma, "CHUNKS_SOFT_DEL_LIMIT", v(25), "chunks.c"),
    kept(Ma, "CHUNKS_HARD_DEL_LIMIT", v(25), "chunks.c"),
    kept(Ma, "REPLICATIONS_DELAY_INIT", FIRST, "chunks.c"),
    kept(Ma, "REPLICATIONS_DELAY_DISCONNECT", FIRST, "chunks.c"),
    kept(Ma, "EXPORTS_FILENAME", v(0), "acl.c, exports.c from 1.6.14"),
    kept(Ma, "TOPOLOGY_FILENAME", v(23), "topology.c"),
    kept(Ma, "MATOCS_LISTEN_HOST", FIRST, "matocsserv.c"),
    kept(Ma, "MATOCS_LISTEN_PORT", FIRST, "matocsserv.c"),
    kept(Ma, "MATOML_LISTEN_HOST", v(5), "matomlserv.c"),
    kept(Ma, "MATOML_LISTEN_PORT", v(5), "matomlserv.c"),
    kept(Ma, "MATOML_LOG_PRESERVE_SECONDS", v(27), "matomlserv.c"),
    // 1.6.26 and 1.6.27 read the old names where the old HOST is set and no new one is; see `client_port`
    key(Ma, "MATOCU_LISTEN_HOST", FIRST, End::Renamed(v(26), "MATOCL_LISTEN_HOST"), "matocuserv.c, matoclserv.c"),
    key(Ma, "MATOCU_LISTEN_PORT", FIRST, End::Renamed(v(26), "MATOCL_LISTEN_PORT"), "matocuserv.c, matoclserv.c"),
    kept(Ma, "MATOCL_LISTEN_HOST", v(26), "matoclserv.c"),
    kept(Ma, "MATOCL_LISTEN_PORT", v(26), "matoclserv.c"),
    kept(Ma, "REJECT_OLD_CLIENTS", v(0), "matocuserv.c, matoclserv.c from 1.6.26"),
    kept(Ma, "SESSION_SUSTAIN_TIME", v(27), "matoclserv.c"),
    kept(Cs, "DATA_PATH", FIRST, "main.c"),
    kept(Cs, "LOCK_FILE", FIRST, "main.c"),
    kept(Cs, "SYSLOG_IDENT", FIRST, "main.c"),
    kept(Cs, "WORKING_USER", FIRST, "main.c"),
    kept(Cs, "WORKING_GROUP", FIRST, "main.c"),
    kept(Cs, "NICE_LEVEL", v(8), "main.c"),
    kept(Cs, "LOCK_MEMORY", v(9), "main.c"),
    kept(Cs, "FILE_UMASK", v(18), "main.c"),
    kept(Cs, "MASTER_HOST", FIRST, "masterconn.c"),
    kept(Cs, "MASTER_PORT", FIRST, "masterconn.c"),
    kept(Cs, "MASTER_TIMEOUT", FIRST, "masterconn.c"),
    kept(Cs, "MASTER_RECONNECTION_DELAY", FIRST, "masterconn.c"),
    kept(Cs, "BIND_HOST", v(12), "masterconn.c"),
    key(Cs, "BACK_LOGS", FIRST, End::Ignored(v(26), "chunkservers keep no change logs any more"), "masterconn.c"),
    kept(Cs, "CSSERV_LISTEN_HOST", FIRST, "csserv.c"),
    kept(Cs, "CSSERV_LISTEN_PORT", FIRST, "csserv.c"),
    key(Cs, "CSSERV_TIMEOUT", FIRST, End::Ignored(v(20), "it is 5 s, whatever the file says"), "csserv.c"),
    key(Cs, "CSTOCS_TIMEOUT", FIRST, End::Ignored(v(0), "nothing took its place"), "cstocsconn.c"),
    key(Cs, "HDD_CONFIG", FIRST, End::Renamed(Version::new(1, 5, 7), "HDD_CONF_FILENAME"), "hddspacemgr.c"),
    kept(Cs, "HDD_CONF_FILENAME", Version::new(1, 5, 7), "hddspacemgr.c"),
    kept(Cs, "HDD_TEST_FREQ", v(0), "hddspacemgr.c"),
    kept(Cs, "HDD_LEAVE_SPACE_DEFAULT", v(27), "hddspacemgr.c"),
    kept(Ml, "DATA_PATH", v(5), "main.c"),
    kept(Ml, "LOCK_FILE", v(5), "main.c"),
    kept(Ml, "SYSLOG_IDENT", v(5), "main.c"),
    kept(Ml, "WORKING_USER", v(5), "main.c"),
    kept(Ml, "WORKING_GROUP", v(5), "main.c"),
    kept(Ml, "NICE_LEVEL", v(8), "main.c"),
    kept(Ml, "LOCK_MEMORY", v(9), "main.c"),
    kept(Ml, "FILE_UMASK", v(18), "main.c"),
    kept(Ml, "MASTER_HOST", v(5), "masterconn.c"),
    kept(Ml, "MASTER_PORT", v(5), "masterconn.c"),
    kept(Ml, "MASTER_TIMEOUT", v(5), "masterconn.c"),
    kept(Ml, "MASTER_RECONNECTION_DELAY", v(5), "masterconn.c"),
    kept(Ml, "META_DOWNLOAD_FREQ", v(5), "masterconn.c"),
    kept(Ml, "BACK_LOGS", v(5), "masterconn.c"),
    kept(Ml, "BIND_HOST", v(14), "masterconn.c"),
    kept(Ml, "BACK_META_KEEP_PREVIOUS", v(26), "masterconn.c"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_key_is_listed_once_and_ends_after_it_began() {
        let mut seen = BTreeSet::new();
        for key in KEYS {
            assert!(seen.insert((key.role, key.name)), "{} twice", key.name);
            match &key.end {
                End::Renamed(until, new) => {
                    assert!(key.since < *until);
                    assert_eq!(fate(key.role, new, until), Fate::Kept, "{new}");
                }
                End::Ignored(until, _) => assert!(key.since < *until),
                End::None => {}
            }
        }
    }

    #[test]
    fn fates_change_where_the_source_does() {
        for (role, name, before, from) in [
            (Ma, "CHUNKS_REP_LIMIT", v(0), v(1)),
            (Ma, "CHUNKS_DEL_LIMIT", v(24), v(25)),
            (Ma, "MATOCU_LISTEN_PORT", v(25), v(26)),
            (Cs, "CSSERV_TIMEOUT", v(19), v(20)),
            (Cs, "CSTOCS_TIMEOUT", Version::new(1, 5, 12), v(0)),
            (Cs, "BACK_LOGS", v(25), v(26)),
        ] {
            assert_eq!(fate(role, name, &before), Fate::Kept, "{name}");
            assert_ne!(fate(role, name, &from), Fate::Kept, "{name}");
        }
        assert_eq!(fate(Ma, "BACK_LOGS", &v(27)), Fate::Kept);
        assert_eq!(fate(Ma, "MATOML_LISTEN_PORT", &v(4)), Fate::NotYet { since: v(5) });
        assert_eq!(fate(Ma, "CHUNKS_CONFIG", &v(27)), Fate::Unknown);
    }
}
