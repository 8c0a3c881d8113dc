//! The executor: walks a [`crate::schedule::Schedule`] through ports, one event stream out.
//!
//! It knows no SSH, no file and no terminal: hosts, master, clock, journal and events come in through [`ports`], so that
//! whole upgrades run in paused time in a test.

mod account;
mod again;
mod busy;
mod came_back;
mod clocks;
mod effect;
mod ended;
pub mod gate;
pub mod job;
pub mod laws;
mod loaded;
mod metadata;
pub mod ports;
mod recognise;
mod reconcile;
pub mod runner;
pub mod since;
pub mod standing;
mod verify;
mod wait;
mod window;

pub use crate::journal::{FailureKind, event, failure};
pub use came_back::{CameBack, came_back};
pub use clocks::Clocks;
pub use event::{Event, EventSink};
pub use failure::{Failure, Others, Remedy};
pub use laws::{Laws, Sound};
pub use recognise::{Machines, WAY_ON};
pub use runner::{Ending, Runner};
