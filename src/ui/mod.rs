//! What people and machines see: schedules, findings, events. Renders what it is given and decides nothing.
//!
//! stdout is for data, stderr for talk; everything is legible without colour. What is printed is a [`shown::Shown`], and [`out`]
//! prints it.

pub mod events;
pub mod explain;
pub mod failure;
pub mod findings;
pub mod live;
pub mod out;
pub mod schedule;
pub mod shown;
pub mod summary;
