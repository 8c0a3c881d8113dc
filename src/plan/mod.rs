//! The plan file: what an operator writes, resolved to what the rest of the house works with.
//!
//! PURE but for reading files: the plan itself ([`Plan::load`]) and those that it names (`local`). Never looks at a host, and never lets a text
//! through that could mean something else to a shell or to ssh; only install commands are shell, on purpose.
//!
//! All that is wrong with a file is told at once, each with its place: see [`Finding`].

mod access;
pub mod calendar;
mod chunkservers;
mod clients;
mod code;
mod config;
mod configure;
mod duration;
mod error;
mod finding;
mod hosts;
mod install;
mod jump;
pub mod keys;
mod local;
mod master;
mod metaloggers;
pub mod model;
mod nearest;
mod path;
mod read;
mod render;
mod resolve;
mod roster;
mod section;
mod ssh;
#[cfg(test)]
mod tests;
mod upgrade;
mod window;

pub use calendar::Window;
pub use code::Code;
pub use error::{GREATEST_SIZE, PlanError, Refused};
pub use finding::{Finding, Position, Span};
pub use jump::{InvalidJump, JumpHost};
pub use model::*;
pub use read::Loaded;
