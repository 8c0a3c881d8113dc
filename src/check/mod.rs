//! What was seen of a cluster before it is touched, and what of it stands against an upgrade. PURE: facts in, an
//! [`Observation`] and [`Finding`]s out.

pub mod back;
pub mod baseline;
pub mod finding;
pub mod health;
mod keepers;
pub mod metadata;
pub mod observation;
pub mod preflight;
pub mod reason;
mod servers;
pub mod spared;
pub mod trial;

#[cfg(test)]
mod tests;

pub use crate::rules::{Code, Severity};
pub use baseline::{Baseline, Counts};
pub use finding::{Finding, of_line};
pub use observation::{ClientSeen, ConfigChange, MasterSeen, MetaloggerSeen, Observation, ServerSeen};
pub use reason::Reason;
