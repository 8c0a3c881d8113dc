//! The programs of MooseFS that run on a host.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A part that a host plays in a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// mfsmaster: holds all metadata; one a cluster.
    Master,
    /// mfsmetalogger (1.6.5 and later): keeps a copy of metadata and change logs.
    Metalogger,
    /// mfschunkserver: holds the data.
    Chunkserver,
    /// mfsmount and mfstools.
    Client,
}

impl Role {
    /// The program that runs for this role, as it is called on disk and in `/proc/PID/comm`
    /// (15 characters at most, so `mfschunkserver` just fits).
    #[must_use]
    pub fn program(self) -> &'static str {
        match self {
            Role::Master => "mfsmaster",
            Role::Metalogger => "mfsmetalogger",
            Role::Chunkserver => "mfschunkserver",
            Role::Client => "mfsmount",
        }
    }

    /// The program below the installation prefix.
    #[must_use]
    pub fn path_in_prefix(self) -> &'static str {
        match self {
            Role::Master => "sbin/mfsmaster",
            Role::Metalogger => "sbin/mfsmetalogger",
            Role::Chunkserver => "sbin/mfschunkserver",
            Role::Client => "bin/mfsmount",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Role::Master => "master",
            Role::Metalogger => "metalogger",
            Role::Chunkserver => "chunkserver",
            Role::Client => "client",
        })
    }
}

/// The configuration file that a daemon's command line names, behind the program: `-c FILE`, `-cFILE`, `-fc FILE`. As getopt
/// reads it, options may stand together, and `t` takes a value of its own (main.c @ 1.5.12 and 1.6.27). The last one holds;
/// `Some("")`: there is nothing behind `-c`.
#[must_use]
pub fn config_argument(arguments: &[String]) -> Option<&str> {
    let mut found = None;
    let mut words = arguments.iter().map(String::as_str).take_while(|word| *word != "--");
    while let Some(word) = words.next() {
        let Some(letters) = word.strip_prefix('-') else { continue };
        let Some(at) = letters.find(['c', 't']) else { continue };
        let value = match &letters[at + 1..] {
            "" => words.next().unwrap_or_default(),
            value => value,
        };
        if letters[at..].starts_with('c') {
            found = Some(value);
        }
    }
    found
}

/// Where clients and admin tools reach a master (`MATOCU_LISTEN_PORT`, from 1.6.26 `MATOCL_LISTEN_PORT`).
pub const ADMIN_PORT: u16 = 9421;
/// Where chunkservers reach a master (`MATOCS_LISTEN_PORT`).
pub const MASTER_CHUNKSERVER_PORT: u16 = 9420;
/// Where metaloggers reach a master from 1.6.5 on (`MATOML_LISTEN_PORT`).
pub const MASTER_METALOGGER_PORT: u16 = 9419;
/// Where mounts reach a chunkserver (`CSSERV_LISTEN_PORT`).
pub const CHUNKSERVER_PORT: u16 = 9422;
/// Every port that a daemon of MooseFS listens on by itself.
pub const PORTS: [u16; 4] = [MASTER_METALOGGER_PORT, MASTER_CHUNKSERVER_PORT, ADMIN_PORT, CHUNKSERVER_PORT];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_file_is_found_among_options_that_stand_together() {
        for (line, file) in [
            ("", None),
            ("-f", None),
            ("-d -s", None),
            ("-c /x", Some("/x")),
            ("-c/x", Some("/x")),
            ("-fc /x", Some("/x")),
            ("-dfc/x start", Some("/x")),
            ("start -t 60 -uc /x", Some("/x")),
            ("-t c restart", None),
            ("-tc", None),
            ("-c /x -c /y", Some("/y")),
            ("-- -c /x", None),
            ("-c", Some("")),
        ] {
            let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            assert_eq!(config_argument(&words), file, "{line}");
        }
    }
}
