//! What a run did, written before and after it does it. Records and replay are PURE; [`store`] is the adapter that makes
//! them durable.

mod files;
pub mod point;
pub mod record;
pub mod replay;
pub mod store;

pub use record::{FailureKind, JournalSink, Origin, Record};
pub use replay::{Progress, Stop};
pub use store::crash::{Crash, Edge, KillAt};
pub use store::simulated::Simulated;
pub use store::{NewRun, Run, StateFolder, StoreError};
