//! The first eight bytes of a metadata file: its kind.

/// What every release from 1.5.2 to 1.6.27 writes and reads (`filesystem.c` @ 1.5.12 and 1.6.27; run with both).
pub const SAVED: &str = "MFSM 1.5";

/// What stands in place of metadata where a master is to begin with an empty file system, until its first save
/// (`filesystem.c` @ 1.5.12 and 1.6.27).
pub const EMPTY: &str = "MFSM NEW";
