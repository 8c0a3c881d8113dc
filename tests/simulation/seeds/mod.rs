//! From a seed: a cluster, its timings, its faults, an operator, and a judge who sees what happened and nothing else.
//!
//! `tests/simulation/proof.rs` runs seeds as a test, `tests/simulation/simulate.rs` as a program (`cargo run --release
//! --example simulate`).

pub mod abandon;
pub mod asked;
pub mod campaign;
pub mod cluster;
pub mod deed;
pub mod drift;
pub mod fact;
pub mod faults;
#[cfg(test)]
mod golden;
pub mod judge;
pub mod past;
pub mod plant;
pub mod proofs;
pub mod scenario;
pub mod seed;
pub mod shape;
pub mod telling;
pub mod terms;
pub mod twice;
pub mod way_back;
