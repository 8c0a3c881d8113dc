//! A schedule is data: every step of an upgrade with its exact commands, its wait, its gate and what it makes hard to
//! undo. `plan` prints it, `upgrade` walks it, the journal is bound to its digest. PURE.

pub mod change;
pub mod compile;
pub mod gate;
mod line;
pub mod model;

pub use compile::back::{changed, compile_back};
pub use compile::compile;
pub use gate::Gate;
pub use model::*;
