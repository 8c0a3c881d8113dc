//! The configuration of a daemon: how a release reads it, what becomes of its keys, how it is carried over to
//! another. PURE.

pub mod carry;
pub mod keys;
pub mod place;
pub mod text;

pub use carry::{Carried, Change, Need, Unwritable, carry};
pub use keys::{Fate, fate};
pub use place::{client_port, config_path, disks_paths, exports_paths, lock_file, paths_read, port, refuses};
pub use text::ConfigText;
