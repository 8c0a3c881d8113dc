//! The executor against a simulated world in paused time: no process, no socket, no second passes.
//!
//! `story` and `resumed` tell single upgrades in a small world; `proof` plays upgrades from seeds, with faults at any point, in a larger one
//! (`seeds`). `tests/rehearsal` drives real processes over real ssh, and docs/real-hosts.md tells what real MooseFS did.

mod archive;
mod asleep;
mod back;
mod busy;
mod clocks;
mod fault;
#[path = "../golden.rs"]
mod golden;
mod metadata;
mod proof;
mod replan;
mod resumed;
mod seeds;
mod story;
mod verdicts;
mod window;
mod world;
