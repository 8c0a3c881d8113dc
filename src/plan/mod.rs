//! The plan file: what an operator writes, resolved to what the rest of the house works with.

pub mod model;

pub use model::*;
