//! What is run on a host, and how its answers are read. PURE: text in, text out; [`crate::fleet`] carries it there.
//!
//! What changes a host is in [`crate::step`], one file a kind; here are the [`look`] script, which changes nothing, the [`job`]s that
//! carry commands and the cluster's [`lock`]. The two rooms are the whole answer to "what does it do to my machines?".

pub mod facts;
pub mod file_text;
mod guard;
pub mod identity;
pub mod job;
pub mod lock;
pub mod look;
pub mod mount_file;
pub mod mount_options;
pub mod name;
pub mod places;
pub mod said;
pub mod sh;
pub mod shell;

pub use facts::{HostFacts, Process, ProcessId};
pub use file_text::FileText;
pub use job::Job;
pub use look::Look;
pub use mount_options::MountArguments;
pub use name::{AbsPath, HostName, InvalidName};
