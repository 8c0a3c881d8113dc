//! What was seen of a cluster before it is touched, and what of it stands against an upgrade. PURE: facts in, an
//! [`Observation`] and [`Finding`]s out.

pub mod back;
pub mod code;
pub mod finding;
pub mod health;
pub mod observation;
pub mod preflight;
pub mod trial;

#[cfg(test)]
mod tests;

pub use code::Code;
pub use finding::{Finding, Severity};
pub use health::{Baseline, Counts};
pub use observation::{ClientSeen, ConfigChange, MasterSeen, MetaloggerSeen, Observation, ServerSeen};
