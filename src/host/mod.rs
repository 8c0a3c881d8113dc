//! What is run on a host, and how its answers are read. PURE: text in, text out.

pub mod name;

pub use name::{AbsPath, HostName, InvalidName};
