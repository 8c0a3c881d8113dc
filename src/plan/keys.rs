//! The words of the plan file, each in the one place that the reader, the hints and the documentation's test share.

use crate::moosefs::exports::ALLOWS_ALL_KEY;

/// The sections.
pub const ROOT: &[&str] =
    &["upgrade", "window", "install", "config", "ssh", "master", "metaloggers", "chunkservers", "clients"];
/// `[upgrade]`
pub const UPGRADE: &[&str] = &["from", "to", "mode", "stagger", "master_wait", "acknowledge", "accept_lost"];
/// `[window]`
pub const WINDOW: &[&str] = &["from", "to", "time_zone", "days"];
/// `[install]`, and `install` in a section.
pub const INSTALL: &[&str] = &["source_dir", "archive", "configure", "commands", "prefix", "work_dir"];
/// `commands` in `[install]`.
pub const COMMANDS: &[&str] = &["master", "metalogger", "chunkserver", "client"];
/// `[config]`
pub const CONFIG: &[&str] = &["exports", ALLOWS_ALL_KEY, "master_host"];
/// `[ssh]`, and `ssh` in a section.
pub const SSH: &[&str] = &["user", "config", "port", "identity", "jump", "become"];
/// `[master]`
pub const MASTER: &[&str] = &["host", "admin_port", "install", "ssh"];
/// `[[metaloggers]]`
pub const METALOGGERS: &[&str] = &["hosts", "install", "ssh"];
/// `[[chunkservers]]`
pub const CHUNKSERVERS: &[&str] = &["hosts", "address", "install", "ssh"];
/// `[[clients]]`
pub const CLIENTS: &[&str] =
    &["hosts", "mounts", "mount_options", "parallel", "busy", "lazy_unmount", "install", "ssh"];

/// Each section as it is called in messages and in docs/plan-reference.md, with its keys.
pub const SECTIONS: &[(&str, &[&str])] = &[
    ("[upgrade]", UPGRADE),
    ("[window]", WINDOW),
    ("[install]", INSTALL),
    ("[install.commands]", COMMANDS),
    ("[config]", CONFIG),
    ("[ssh]", SSH),
    ("[master]", MASTER),
    ("[[metaloggers]]", METALOGGERS),
    ("[[chunkservers]]", CHUNKSERVERS),
    ("[[clients]]", CLIENTS),
];
