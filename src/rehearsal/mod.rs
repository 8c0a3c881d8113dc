//! A cluster to rehearse on, with nothing but this program and the system's `ssh`: no root, no sshd, no MooseFS.
//!
//! One SSH server a host of the plan on loopback, each with a folder of its own as the host's file system; simulated
//! daemons as real processes that behave as the releases do and speak their protocol. The executor drives it exactly as
//! it drives real hosts and knows nothing of all this; nothing here knows the executor. What is simulated, and how true
//! it is, stands in docs/rehearsal.md.

mod address;
mod backup;
mod clock;
mod cluster;
mod error;
mod event;
mod fault;
mod ground;
mod host;
mod install;
pub mod judge;
mod keys;
mod mounts;
mod observe;
mod procfs;
mod reached;
mod release;
mod remains;
mod setup;
pub mod simulated;
mod site;
mod syslog;
mod timing;
mod tools;
mod traps;

pub use self::cluster::{Cluster, Options};
pub use self::error::RehearsalError;
pub use self::event::{Event, What};
pub use self::fault::{FAULTS, Fault, FaultInfo, FaultName, InvalidFault};
pub use self::judge::{Check, FinalState, NO_MASTER, Verdict, judge};
pub use self::reached::reached_as;
pub use self::release::simulated_archive;
pub use self::remains::{Compared, Difference, Remains, Thing};
pub use self::timing::{Timings, scaled};
