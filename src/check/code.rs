//! Every code that a finding can have, in one place. docs/findings.md is held against it by a test.

use serde::{Deserialize, Serialize};

use super::Severity;

macro_rules! codes {
    ($($variant:ident $text:literal $severity:ident $meaning:literal $source:literal;)*) => {
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
    NotRoot "not-root" Error "commands on a host do not run as root" "installing, starting daemons and mounting need it";
    HostUnreachable "host-unreachable" Error "ssh does not reach a host without a prompt" "ssh(1)";
    SourceMissing "source-missing" Error "the tree to install from is not there or not built" "HOWTO: make install";
    SourceVersionDiffers "source-version-differs" Error "the tree to install from is another release" "the plan's `to`";
    MakeMissing "make-missing" Error "a host has no make" "HOWTO: make install";
    DaemonNotRunning "daemon-not-running" Error "a daemon of the plan does not run" "a takeover needs one (main.c @ 1.6.9)";
    DaemonRunsTwice "daemon-runs-twice" Error "a daemon runs more than once on a host" "a takeover ends one of them";
    PrefixDiffers "prefix-differs" Error "the running daemon is not below the plan's prefix" "/proc/PID/exe";
    CustomConfig "custom-config" Error "a daemon runs with a configuration file of its own (`-c`)" "hazard 11";
    VersionDiffers "version-differs" Error "what runs is neither the plan's `from` nor its `to`" "the plan's `from`";
    MasterNotTheOneAsked "master-not-the-one-asked" Error "the process and the answer on the admin port are different releases" "INFO layouts";
    MasterDoesNotAnswer "master-does-not-answer" Error "the master gives no answer on its admin port" "gates ask it";
    AdminPortNotListening "admin-port-not-listening" Error "nothing listens on the master's admin port" "MATOCU_LISTEN_PORT";
    DataPathUnreadable "data-path-unreadable" Error "the master's working folder cannot be read" "/proc/PID/cwd";
    ExportsMissing "exports-missing" Error "a 1.6.14+ master would refuse to start without mfsexports.cfg" "hazard 8; exports.c @ 1.6.14";
    ChunkserverNotConnected "chunkserver-not-connected" Error "a chunkserver of the plan is not connected to the master" "CSERV_LIST";
    MasterHostLoopback "master-host-loopback" Error "a chunkserver reaches its master over 127.0.0.x, which 1.6.14+ refuses" "hazard 12";
    ClientNotConnected "client-not-connected" Error "a client of the plan has no connection to the master" "/proc/net/tcp";
    MountUnreadable "mount-unreadable" Error "a running mount's command line cannot be carried over" "hazard 27";
    MountMissing "mount-missing" Error "a mount of the plan is not mounted" "/proc/mounts";
    ChunkserverNotInPlan "chunkserver-not-in-plan" Error "the master knows a chunkserver that the plan does not name" "CSERV_LIST";
    ClientNotInPlan "client-not-in-plan" Error "the master knows a mount on a host that the plan does not name" "SESSION_LIST";
    ListenPortIgnored "listen-port-ignored" Error "the new master would listen on another port for clients" "hazard 9; matoclserv.c @ 1.6.27";
    ChunksMissing "chunks-missing" Warning "chunks have no copy, so that their data cannot be read now" "FSTEST in 1.5, matrix from 1.6";
    HealthUnknown "health-unknown" Note "a 1.5 master has not finished its own file test since its start" "FSTEST, 2048 s a round from 150 s on";
    ChunkserverGone "chunkserver-gone" Warning "the master lists a chunkserver as disconnected that the plan does not name" "hazard 34";
    MountsOfTwoMasters "mounts-of-two-masters" Error "mounts of a client name different masters" "/proc/PID/cmdline";
    MountNotInPlan "mount-not-in-plan" Error "a client has a mount that the plan's `mounts` do not name" "/proc/mounts";
    FullStopUnderMounts "full-stop-under-mounts" Warning "a full-stop would take the master away from under connected mounts" "real-hosts.md; 30 s, mastercomm.c @ 1.5.12";
    ChunksUnderGoal "chunks-under-goal" Warning "chunks have fewer copies than their goal asks for" "FSTEST in 1.5, matrix from 1.6";
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::acknowledgeable;

    #[test]
    fn the_document_has_every_code_and_a_plan_can_acknowledge_every_warning() {
        let document = include_str!("../../docs/findings.md");
        for code in Code::ALL {
            let row = format!("| `{code}` | {} | {} | {} |", code.severity(), code.meaning(), code.source());
            assert!(document.contains(&row), "docs/findings.md lacks: {row}");
            let is_warning = code.severity() == Severity::Warning;
            assert_eq!(acknowledgeable(code.as_str()).is_some(), is_warning, "{code}");
        }
    }
}
