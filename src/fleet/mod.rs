//! SSH, the system's own, through a held connection a host.
//!
//! Host keys are always checked strictly and nothing ever prompts: there may be no terminal, and a question in the
//! middle of a night is an outage. What a command means is none of this room's business; [`crate::host::shell`] made it.

mod boot;
mod ending;
mod follow;
pub mod forward;
pub mod held;
pub mod lock;
mod place;
pub mod session;
mod transfer;
mod unheard;

pub use boot::since_boot;
pub use forward::{Forward, Refusal};
pub use held::Held;
pub use lock::{ClusterLock, LockError};
pub use session::{ConnectError, SshFleet};
pub use unheard::{Unheard, Whose};
