//! What can be made to go wrong in a rehearsal: `--fault NAME@HOST`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::host::{HostName, InvalidName};
use crate::moosefs::daemon::{ADMIN_PORT, Role};
use crate::moosefs::releases::{TABLE, Trait};
use crate::plan::{Access, InstallHow, Plan};

/// One fault on one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// What goes wrong.
    pub name: FaultName,
    /// Where.
    pub host: HostName,
}

/// What can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultName {
    /// See [`FAULTS`].
    DoesNotComeBack,
    /// See [`FAULTS`].
    DropsSsh,
    /// See [`FAULTS`].
    DropsSshOnce,
    /// See [`FAULTS`].
    DropsSshAfter,
    /// See [`FAULTS`].
    InstallFails,
    /// See [`FAULTS`].
    UmountBusy,
    /// See [`FAULTS`].
    NoExports,
    /// See [`FAULTS`].
    SlowScan,
    /// See [`FAULTS`].
    LosesChunk,
    /// See [`FAULTS`].
    LockFileLost,
    /// See [`FAULTS`].
    MetadataCorrupt,
    /// See [`FAULTS`].
    MetadataNeverSaved,
    /// See [`FAULTS`].
    StaleTmp,
    /// See [`FAULTS`].
    BuildFails,
    /// See [`FAULTS`].
    SlowLoad,
    /// See [`FAULTS`].
    ExportsRefuse,
    /// See [`FAULTS`].
    #[serde(rename = "port-9419-taken")]
    Port9419Taken,
    /// See [`FAULTS`].
    ListensElsewhere,
    /// See [`FAULTS`].
    LoadsOtherMetadata,
    /// See [`FAULTS`].
    LoadsOlderMetadata,
    /// See [`FAULTS`].
    NoSpace,
}

/// A row of [`FAULTS`].
#[derive(Debug, Clone, Copy)]
pub struct FaultInfo {
    /// Which.
    pub fault: FaultName,
    /// As it is written before the `@`.
    pub name: &'static str,
    /// The roles of the hosts that it can be given to.
    pub applies_to: &'static [Role],
    /// One line for --help and docs.
    pub meaning: &'static str,
}

const EVERY_ROLE: &[Role] = &[Role::Master, Role::Metalogger, Role::Chunkserver, Role::Client];

/// All faults.
pub const FAULTS: &[FaultInfo] = &[
    FaultInfo {
        fault: FaultName::DoesNotComeBack,
        name: "does-not-come-back",
        applies_to: &[Role::Master, Role::Metalogger, Role::Chunkserver],
        meaning: "the new daemon says that it started (exit 0) and dies at once",
    },
    FaultInfo {
        fault: FaultName::DropsSsh,
        name: "drops-ssh",
        applies_to: EVERY_ROLE,
        meaning: "the first command that changes something takes effect, but SSH is cut before it is answered, for good",
    },
    FaultInfo {
        fault: FaultName::DropsSshOnce,
        name: "drops-ssh-once",
        applies_to: EVERY_ROLE,
        meaning: "the first command that changes something takes effect, but SSH is cut before it is answered, once",
    },
    FaultInfo {
        fault: FaultName::DropsSshAfter,
        name: "drops-ssh-after",
        applies_to: EVERY_ROLE,
        meaning: "SSH is cut once, right after the first command that changed something was answered",
    },
    FaultInfo {
        fault: FaultName::InstallFails,
        name: "install-fails",
        applies_to: EVERY_ROLE,
        meaning: "`make install`, or the package tool, fails and replaces nothing",
    },
    FaultInfo {
        fault: FaultName::UmountBusy,
        name: "umount-busy",
        applies_to: &[Role::Client],
        meaning: "a process works in every mount: umount says \"target is busy\", exit 32",
    },
    FaultInfo {
        fault: FaultName::NoExports,
        name: "no-exports",
        applies_to: &[Role::Master],
        meaning: "there is no mfsexports.cfg: a master from 1.6.14 on stops the old one and then does not start",
    },
    FaultInfo {
        fault: FaultName::SlowScan,
        name: "slow-scan",
        applies_to: &[Role::Chunkserver],
        meaning: "the new chunkserver needs longer than the plan's greatest stagger to show its chunks",
    },
    FaultInfo {
        fault: FaultName::LosesChunk,
        name: "loses-chunk",
        applies_to: &[Role::Chunkserver],
        meaning: "when the new chunkserver starts, one of its chunks is gone",
    },
    FaultInfo {
        fault: FaultName::LockFileLost,
        name: "lock-file-lost",
        applies_to: &[Role::Master, Role::Chunkserver],
        meaning: "the old daemon's lock file is empty: no release can take it over (\"wrong pid in old lockfile\")",
    },
    FaultInfo {
        fault: FaultName::MetadataCorrupt,
        name: "metadata-corrupt",
        applies_to: &[Role::Master],
        meaning: "the metadata holds something that no 1.6 can load: the old master stops, and the new one does not start",
    },
    FaultInfo {
        fault: FaultName::MetadataNeverSaved,
        name: "metadata-never-saved",
        applies_to: &[Role::Master],
        meaning: "metadata.mfs.back still says \"MFSM NEW\": after a crash nothing can be restored",
    },
    FaultInfo {
        fault: FaultName::StaleTmp,
        name: "stale-tmp",
        applies_to: &[Role::Master],
        meaning: "metadata.mfs.back.tmp has been there for an hour: the old master ends without saving",
    },
    FaultInfo {
        fault: FaultName::BuildFails,
        name: "build-fails",
        applies_to: EVERY_ROLE,
        meaning: "`make` fails, and the tree is not built",
    },
    FaultInfo {
        fault: FaultName::SlowLoad,
        name: "slow-load",
        applies_to: &[Role::Master],
        meaning: "a master needs 40 s to load its metadata, longer than a 1.5 mount waits",
    },
    FaultInfo {
        fault: FaultName::ExportsRefuse,
        name: "exports-refuse",
        applies_to: &[Role::Master],
        meaning: "mfsexports.cfg lets in nobody but 10.0.0.0/8: new mounts are refused",
    },
    FaultInfo {
        fault: FaultName::Port9419Taken,
        name: "port-9419-taken",
        applies_to: &[Role::Master],
        meaning: "another program listens on 9419: a master from 1.6.5 on stops the old one and does not start",
    },
    FaultInfo {
        fault: FaultName::ListensElsewhere,
        name: "listens-elsewhere",
        applies_to: &[Role::Master],
        meaning: "mfsmaster.cfg has MATOCU_LISTEN_PORT without MATOCU_LISTEN_HOST: 1.6.26 and later listen on 9421",
    },
    FaultInfo {
        fault: FaultName::LoadsOtherMetadata,
        name: "loads-other-metadata",
        applies_to: &[Role::Master],
        meaning: "when the old master has ended, a script puts another metadata.mfs with half of the files in place",
    },
    FaultInfo {
        fault: FaultName::LoadsOlderMetadata,
        name: "loads-older-metadata",
        applies_to: &[Role::Master],
        meaning: "when the old master has ended, a script puts a metadata.mfs in place that has seen half of the changes, with as many files",
    },
    FaultInfo {
        fault: FaultName::NoSpace,
        name: "no-space",
        applies_to: EVERY_ROLE,
        meaning: "the disk is full: nothing can be copied, unpacked or kept",
    },
];

impl FaultName {
    /// The row of [`FAULTS`].
    #[must_use]
    pub fn info(self) -> &'static FaultInfo {
        FAULTS.iter().find(|info| info.fault == self).expect("every fault has a row")
    }
}

impl fmt::Display for FaultName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.info().name)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.host)
    }
}

impl Fault {
    /// What it is for, where an upgrade by `plan` never does what it acts on; its host has a role that it is for.
    #[must_use]
    pub fn lacks(&self, plan: &Plan) -> Option<String> {
        let (master, to) = (&plan.master, &plan.upgrade.to);
        let builds = |(host, _, access): (&HostName, Role, &Access)| {
            *host == self.host && matches!(access.install.how, InstallHow::Archive(_))
        };
        let since = |what: &Trait<bool>| (!what.at(to)).then(|| format!("an upgrade to {} or later", what.first()));
        match self.name {
            FaultName::BuildFails if !plan.hosts().any(builds) => {
                Some("a host that builds an `archive` of [install]; a `source_dir` is built already".to_owned())
            }
            FaultName::ListensElsewhere if master.admin_port == ADMIN_PORT => {
                Some(format!("a master with an admin_port other than {ADMIN_PORT}"))
            }
            FaultName::ListensElsewhere => since(&TABLE.renamed_listen),
            FaultName::Port9419Taken => since(&TABLE.metaloggers),
            FaultName::ExportsRefuse if plan.clients.is_empty() => Some("a plan with [[clients]]".to_owned()),
            _ => None,
        }
    }
}

/// Why a text is no fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFault {
    /// No `@`.
    #[error("`{0}` names no host; write NAME@HOST")]
    NoHost(String),
    /// No such fault.
    #[error("there is no fault `{given}`; did you mean `{nearest}`? There are: {}", names())]
    Unknown {
        /// What was written.
        given: String,
        /// What is most like it.
        nearest: &'static str,
    },
    /// Not a host name.
    #[error("invalid host name `{0}`: {1}")]
    Host(String, InvalidName),
}

fn names() -> String {
    FAULTS.iter().map(|info| info.name).collect::<Vec<_>>().join(", ")
}

impl FromStr for Fault {
    type Err = InvalidFault;

    fn from_str(text: &str) -> Result<Self, InvalidFault> {
        let (name, host) = text.split_once('@').ok_or_else(|| InvalidFault::NoHost(text.to_owned()))?;
        let Some(info) = FAULTS.iter().find(|info| info.name == name) else {
            let nearest = FAULTS
                .iter()
                .map(|info| info.name)
                .max_by(|a, b| strsim::jaro_winkler(name, a).total_cmp(&strsim::jaro_winkler(name, b)))
                .expect("there are faults");
            return Err(InvalidFault::Unknown { given: name.to_owned(), nearest });
        };
        let host = HostName::new(host).map_err(|error| InvalidFault::Host(host.to_owned(), error))?;
        Ok(Self { name: info.fault, host })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_a_name_and_a_host() {
        let fault: Fault = "does-not-come-back@cs2".parse().unwrap();
        assert_eq!(fault.name, FaultName::DoesNotComeBack);
        assert_eq!(fault.to_string(), "does-not-come-back@cs2");
    }

    #[test]
    fn every_fault_is_documented() {
        let docs = include_str!("../../docs/rehearsal.md");
        for info in FAULTS {
            assert!(docs.contains(&format!("| `{}` |", info.name)), "{} is not in docs/rehearsal.md", info.name);
        }
    }

    #[test]
    fn what_a_plan_lacks_for_a_fault_is_known_before_anything_is_made() {
        let plan = |to: &str, install: &str, port: u16| {
            let source = format!(
                "[upgrade]\nfrom = \"1.5.12\"\nto = \"1.6.27\"\n[install]\n{install}\n[master]\nhost = \"m\"\nadmin_port = {port}\n\
                 [[chunkservers]]\nhosts = [\"a\"]\n[[clients]]\nhosts = [\"c\"]\n"
            );
            let mut plan = Plan::parse(&source, std::path::Path::new("p.toml"), std::path::Path::new("/")).unwrap();
            plan.upgrade.to = to.parse().unwrap();
            plan
        };
        let built = "source_dir = \"/usr/src/mfs\"";
        for (fault, to, port, wants) in [
            ("build-fails@a", "1.6.27", 9421, Some("`archive`")),
            ("listens-elsewhere@m", "1.6.27", 9421, Some("admin_port")),
            ("listens-elsewhere@m", "1.6.25", 9500, Some("1.6.26 or later")),
            ("listens-elsewhere@m", "1.6.26", 9500, None),
            ("port-9419-taken@m", "1.6.4", 9421, Some("1.6.5 or later")),
            ("port-9419-taken@m", "1.6.5", 9421, None),
            ("exports-refuse@m", "1.6.27", 9421, None),
        ] {
            let lacks = fault.parse::<Fault>().unwrap().lacks(&plan(to, built, port));
            assert_eq!(lacks.is_some(), wants.is_some(), "{fault} {to}: {lacks:?}");
            assert!(lacks.unwrap_or_default().contains(wants.unwrap_or_default()), "{fault} {to}");
        }
        let mut nobody = plan("1.6.27", built, 9421);
        nobody.clients.clear();
        assert!("exports-refuse@m".parse::<Fault>().unwrap().lacks(&nobody).is_some());
    }

    #[test]
    fn what_is_no_fault_is_told_what_was_meant() {
        let said = |text: &str| text.parse::<Fault>().unwrap_err().to_string();
        assert!(said("drop-ssh@cs1").contains("did you mean `drops-ssh`"), "{}", said("drop-ssh@cs1"));
        assert!(said("drops-ssh").contains("NAME@HOST"));
        assert!(said("drops-ssh@-x").contains("invalid host name"));
    }
}
