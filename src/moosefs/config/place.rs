//! Where a release looks for its files, and what of its configuration an upgrade has to know.

use semver::Version;

use super::ConfigText;
use crate::moosefs::daemon::{ADMIN_PORT, Role};
use crate::moosefs::releases::TABLE;

macro_rules! paths {
    ($to:expr, $name:literal) => {
        if TABLE.etc_mfs.at($to) {
            &[concat!("etc/mfs/", $name), concat!("etc/", $name)]
        } else {
            &[concat!("etc/", $name)]
        }
    };
}

/// Where a release looks for the configuration of a daemon, or of a mount (1.6.21 and later), below its prefix, in
/// its order. A package that was built with another `sysconfdir` looks below that instead.
#[must_use]
pub fn paths_read(role: Role, to: &Version) -> &'static [&'static str] {
    match role {
        Role::Master => paths!(to, "mfsmaster.cfg"),
        Role::Metalogger => paths!(to, "mfsmetalogger.cfg"),
        Role::Chunkserver => paths!(to, "mfschunkserver.cfg"),
        Role::Client => paths!(to, "mfsmount.cfg"),
    }
}

/// The file that a release reads first, below its prefix.
#[must_use]
pub fn config_path(role: Role, to: &Version) -> &'static str {
    paths_read(role, to)[0]
}

/// Where a master looks for its exports if EXPORTS_FILENAME is not set: as [`paths_read`].
#[must_use]
pub fn exports_paths(to: &Version) -> &'static [&'static str] {
    paths!(to, "mfsexports.cfg")
}

/// Where a chunkserver looks for the list of its disks if HDD_CONF_FILENAME is not set: as [`paths_read`]. 1.6.27
/// takes the second also where the first is there and cannot be opened (hddspacemgr.c).
#[must_use]
pub fn disks_paths(to: &Version) -> &'static [&'static str] {
    paths!(to, "mfshdd.cfg")
}

/// The lock file of a daemon of release `at`, by which a 1.6 daemon finds the 1.5 one that it takes over from:
/// LOCK_FILE, or `RUN_PATH/PROGRAM.lock` (main.c and configure.ac @ 1.5.12 and 1.6.27). A name that does not begin
/// with `/` is below DATA_PATH, which a daemon goes to first; that is `var/mfs` below the prefix, unless it was built
/// otherwise.
#[must_use]
pub fn lock_file(role: Role, prefix: &str, config: &ConfigText, var: Option<&ConfigText>, at: &Version) -> String {
    let set = |key| var.and_then(|var| var.get(key, at)).or_else(|| config.get(key, at));
    let prefix = prefix.trim_end_matches('/');
    match set("LOCK_FILE") {
        Some(path) if path.starts_with('/') => path.to_owned(),
        Some(name) => {
            let below = set("DATA_PATH").map_or_else(|| format!("{prefix}/var/mfs"), str::to_owned);
            format!("{}/{name}", below.trim_end_matches('/'))
        }
        None => {
            let run = if prefix.starts_with("/usr") || prefix.starts_with("/opt") { "" } else { prefix };
            format!("{run}/var/run/mfs/{}.lock", role.program())
        }
    }
}

/// The port for clients that a master of this release listens on with these `MATOC[UL]_LISTEN_*` keys, the last of each
/// winning. 1.6.26 and 1.6.27 honour the old names only if MATOCU_LISTEN_HOST is set and no new name is: the test for
/// them names HOST twice and PORT never (matoclserv.c @ 1.6.27, run). Otherwise it is 9421, silently.
#[must_use]
pub fn client_port(to: &Version, keys: &[(String, String)]) -> Option<u16> {
    let last = |name: &str| keys.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let port = |name: &str| last(name).map_or(Some(ADMIN_PORT), |value| value.parse().ok());
    let renamed = last("MATOCL_LISTEN_HOST").or(last("MATOCL_LISTEN_PORT")).is_some();
    let old_names = !TABLE.renamed_listen.at(to) || (!renamed && last("MATOCU_LISTEN_HOST").is_some());
    port(if old_names { "MATOCU_LISTEN_PORT" } else { "MATOCL_LISTEN_PORT" })
}

/// A port that a key sets, `default` where it does not; `None` where it is no number from 1 on (a daemon takes the name of
/// a service as well, which only its host knows).
#[must_use]
pub fn port(value: Option<&str>, default: u16) -> Option<u16> {
    value.map_or(Some(default), |value| value.parse().ok()).filter(|port| *port > 0)
}

/// Why a daemon of release `to` refuses to start with this configuration, if a value alone tells: it would find out
/// after it has stopped the old one. The key, and a sentence.
#[must_use]
pub fn refuses(role: Role, to: &Version, config: &ConfigText) -> Option<(&'static str, String)> {
    let most = TABLE.most_back_logs.at(to).filter(|_| role == Role::Master)?;
    let logs = config.get("BACK_LOGS", to).filter(|value| number(value) > u64::from(most))?;
    Some(("BACK_LOGS", format!("BACK_LOGS is {logs}, and a {to} master does not start with more than {most}")))
}

/// A number as `strtoul` with base 0 reads it: the digits in front, and nought where there are none.
fn number(value: &str) -> u64 {
    let (digits, radix) = match value.strip_prefix("0x").or(value.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None if value.starts_with('0') => (value, 8),
        None => (value, 10),
    };
    let end = digits.find(|c: char| !c.is_digit(radix)).unwrap_or(digits.len());
    match &digits[..end] {
        "" => 0,
        digits => u64::from_str_radix(digits, radix).unwrap_or(u64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: Version = Version::new(1, 5, 12);
    const NEW: Version = Version::new(1, 6, 27);

    #[test]
    fn files_move_with_1_6_27() {
        assert_eq!(paths_read(Role::Master, &OLD), ["etc/mfsmaster.cfg"]);
        assert_eq!(paths_read(Role::Chunkserver, &NEW), ["etc/mfs/mfschunkserver.cfg", "etc/mfschunkserver.cfg"]);
        assert_eq!(config_path(Role::Metalogger, &NEW), "etc/mfs/mfsmetalogger.cfg");
        assert_eq!(config_path(Role::Metalogger, &Version::new(1, 6, 26)), "etc/mfsmetalogger.cfg");
        assert_eq!(exports_paths(&NEW), ["etc/mfs/mfsexports.cfg", "etc/mfsexports.cfg"]);
        assert_eq!(disks_paths(&OLD), ["etc/mfshdd.cfg"]);
    }

    #[test]
    fn the_lock_file_of_the_old_daemon() {
        for (prefix, config, var, expected) in [
            ("/usr/local", "", None, "/var/run/mfs/mfsmaster.lock"),
            ("/opt/mfs/", "", None, "/var/run/mfs/mfsmaster.lock"),
            ("/srv/mfs", "", None, "/srv/mfs/var/run/mfs/mfsmaster.lock"),
            ("/usr", "LOCK_FILE = /x/y.pid\n", None, "/x/y.pid"),
            ("/usr", "LOCK_FILE = /x/y.pid \n", None, "/x/y.pid "),
            ("/usr", "LOCK_FILE = /x/y.pid\n", Some("LOCK_FILE = /z\n"), "/z"),
            ("/srv/mfs", "LOCK_FILE = here\n", None, "/srv/mfs/var/mfs/here"),
            ("/srv/mfs", "LOCK_FILE = here\nDATA_PATH = /data/\n", None, "/data/here"),
        ] {
            let (config, var) = (ConfigText::parse(config), var.map(ConfigText::parse));
            assert_eq!(lock_file(Role::Master, prefix, &config, var.as_ref(), &OLD), expected);
        }
    }

    #[test]
    fn a_port_under_its_old_name_alone_is_ignored_by_1_6_26_and_later() {
        let keys =
            |list: &[(&str, &str)]| list.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<Vec<_>>();
        let old = Version::new(1, 6, 25);
        let alone = keys(&[("MATOCU_LISTEN_PORT", "9500")]);
        assert_eq!((client_port(&old, &alone), client_port(&NEW, &alone)), (Some(9500), Some(9421)));
        let both = keys(&[("MATOCU_LISTEN_HOST", "*"), ("MATOCU_LISTEN_PORT", "9500")]);
        assert_eq!(client_port(&NEW, &both), Some(9500));
        let named =
            keys(&[("MATOCU_LISTEN_HOST", "*"), ("MATOCU_LISTEN_PORT", "9500"), ("MATOCL_LISTEN_PORT", "9600")]);
        assert_eq!((client_port(&old, &named), client_port(&NEW, &named)), (Some(9500), Some(9600)));
        assert_eq!((client_port(&old, &[]), client_port(&NEW, &[])), (Some(9421), Some(9421)));
    }

    #[test]
    fn values_that_keep_a_master_from_starting() {
        for (text, to, key) in [
            ("BACK_LOGS = 1001\n", NEW, Some("BACK_LOGS")),
            ("BACK_LOGS = 0x3e9\n", NEW, Some("BACK_LOGS")),
            ("BACK_LOGS = 1000\n", NEW, None),
            ("BACK_LOGS = many\n", NEW, None),
            ("BACK_LOGS = 1001\n", Version::new(1, 6, 25), None),
        ] {
            assert_eq!(refuses(Role::Master, &to, &ConfigText::parse(text)).map(|(key, _)| key), key, "{text}");
        }
        assert_eq!(refuses(Role::Chunkserver, &NEW, &ConfigText::parse("BACK_LOGS = 5000\n")), None);
        assert_eq!([number("010"), number("7 # x"), number("0"), number("08")], [8, 7, 0, 0]);
    }
}
