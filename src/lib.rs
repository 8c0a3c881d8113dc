//! `mfsupgrade` takes a running MooseFS cluster from 1.5.x to 1.6.x over SSH.
//!
//! The folder tells what code is allowed to do in it. Pure rooms touch no clock, no file, no socket and no terminal;
//! adapters act, and never import each other. Only [`cli`] wires adapters to the core. `tests/cli/house.rs` holds the code
//! to this table.
//!
//! | room          | kind    | may import                                  | what it is |
//! |---------------|---------|---------------------------------------------|------------|
//! | [`moosefs`]   | pure, but for its client | nothing                    | what each release does, daemons and their files, the admin protocol |
//! | [`host`]      | pure    | moosefs                                     | how a host is looked at and what it said; jobs, the lock, and the one way by which text gets into a script |
//! | [`rules`]     | pure    | moosefs                                     | lines of upgrades as values: order, waits, floors, findings, and why |
//! | [`plan`]      | pure, but for reading the file and those it names | moosefs, host, rules | the plan file: syntax, defaults, findings with line and column |
//! | [`step`]      | pure    | plan, rules, host, moosefs                  | the kinds of steps, one file a kind: what is run, what must be looked at, whether it is allowed and whether it is there |
//! | [`check`]     | pure    | step, plan, rules, host, moosefs            | what was seen of a cluster, and what of it stands against an upgrade |
//! | [`schedule`]  | pure    | step, plan, check, rules, host, moosefs     | `compile(plan, observation, line) -> Schedule` |
//! | [`journal`]   | pure, but for its store and files | schedule, step, check, plan, host, moosefs | records and replay, events and the view folded from them; append, fsync, lock |
//! | [`run`]       | core    | all pure rooms; the world through ports     | walks a schedule: gates, waits, pause; tells events |
//! | [`fleet`]     | adapter | host, plan, run's ports, moosefs's client   | SSH: sessions, commands, port forwarding |
//! | [`ui`]        | adapter | journal's events and view, schedule, step, check, plan, host, moosefs | text, live view, JSON |
//! | [`rehearsal`] | adapter | moosefs, plan, host, rules                  | a cluster to rehearse on, its simulated daemons, faults, judge |
//! | [`cli`]       | edge    | everything                                  | clap definitions, one file a subcommand |
//!
//! [`words`] is no room: numbers and durations as text, for all of them.

// these macros end a program whose terminal was closed; `ui::out` prints
#![deny(clippy::print_stdout, clippy::print_stderr)]

pub mod check;
pub mod cli;
pub mod fleet;
pub mod host;
pub mod journal;
pub mod moosefs;
pub mod plan;
pub mod rehearsal;
pub mod rules;
pub mod run;
pub mod schedule;
pub mod step;
pub mod ui;
pub mod words;
