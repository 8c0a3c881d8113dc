//! The executor against a simulated world in paused time: no process, no socket, no second passes.
//!
//! The world here is small and simulated; `tests/rehearsal` drives real processes over real ssh, and docs/real-hosts.md
//! tells what real MooseFS did.

mod back;
mod story;
mod world;
