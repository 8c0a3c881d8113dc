//! What MooseFS is: what each release does ([`releases`]), its daemons and files, and the admin protocol of its master.
//!
//! All of it is PURE but [`client`], the one adapter here: it asks a master over a stream that somebody else opened.

pub mod client;
pub mod config;
pub mod daemon;
pub mod disks;
pub mod exports;
mod fgets;
pub mod metadata;
pub mod overview;
pub mod releases;
pub mod secrets;
pub mod version;
pub mod wire;

pub use overview::Overview;
