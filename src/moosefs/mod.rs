//! What MooseFS is: versions, daemons and their quirks, and the admin protocol of its master.
//!
//! [`version`], [`wire`] and [`daemon`] are PURE. [`client`] is the one adapter here: it asks a master over a stream that
//! somebody else opened.

pub mod client;
pub mod config;
pub mod daemon;
mod fgets;
pub mod overview;
pub mod version;
pub mod wire;

pub use overview::Overview;
