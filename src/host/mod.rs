//! What is run on a host, and how its answers are read. PURE: text in, text out; [`crate::fleet`] carries it there.
//!
//! Everything that this program ever runs on a host is a variant of [`Command`] or the [`look`] script, so that this
//! folder is the whole answer to "what does it do to my machines?".

pub mod back;
pub mod command;
pub mod facts;
pub mod file_text;
mod guard;
pub mod identity;
pub mod job;
pub mod lock;
pub mod look;
pub mod metadata;
pub mod mount_file;
pub mod mount_options;
pub mod name;
pub mod places;
pub mod said;
mod samples;
pub mod sh;
pub mod shell;
#[cfg(test)]
mod tests;
pub mod time;
pub mod turn;

pub use command::Command;
pub use facts::{HostFacts, Process, ProcessId};
pub use file_text::FileText;
pub use job::Job;
pub use look::Look;
pub use mount_options::MountArguments;
pub use name::{AbsPath, HostName, InvalidName};
pub use turn::Turn;
