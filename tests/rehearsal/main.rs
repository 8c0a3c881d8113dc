//! The embedded cluster by itself: what an operator would find on its hosts, and what the simulated releases do when they
//! are driven by hand through the real `ssh`. No executor takes part.

mod by_hand;
mod end;
mod faults;
mod judged;
mod protocol;
mod support;
mod traps;
mod upgrade;
