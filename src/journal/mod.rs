//! What a run did, written before and after it does it, and what it told on the way. Records, replay, events and the view folded
//! from them are PURE; [`store`] is the adapter that makes them durable.

pub mod event;
pub mod failure;
mod files;
pub mod point;
pub mod record;
pub mod replay;
pub mod store;
pub mod teller;
pub mod view;

pub use event::{Event, EventSink, Stamped};
pub use failure::{Failure, Others, Remedy};
pub use record::{FailureKind, JournalSink, Origin, Record};
pub use replay::{Progress, Stop};
pub use store::crash::{Crash, Edge, KillAt};
pub use store::simulated::Simulated;
pub use store::{NewRun, Run, StateFolder, StoreError};
pub use teller::{Display, EventLog, Teller};
pub use view::RunView;
