//! The words of the plan file, each in the one place that the reader, the hints and the documentation's test share.

/// The sections.
pub const ROOT: &[&str] = &["upgrade", "install", "ssh", "master", "chunkservers", "clients"];
/// `[upgrade]`
pub const UPGRADE: &[&str] = &["from", "to", "mode", "stagger", "master_wait", "acknowledge"];
/// `[install]`, and `install` in a section.
pub const INSTALL: &[&str] = &["source_dir", "commands", "prefix"];
/// `commands` in `[install]`.
pub const COMMANDS: &[&str] = &["master", "chunkserver", "client"];
/// `[ssh]`, and `ssh` in a section.
pub const SSH: &[&str] = &["user", "config", "port", "identity", "jump", "become"];
/// `[master]`
pub const MASTER: &[&str] = &["host", "admin_port", "install", "ssh"];
/// `[[chunkservers]]`
pub const CHUNKSERVERS: &[&str] = &["hosts", "address", "install", "ssh"];
/// `[[clients]]`
pub const CLIENTS: &[&str] = &["hosts", "mounts", "mount_options", "parallel", "install", "ssh"];

/// Each section as it is called in messages and in docs/plan-reference.md, with its keys.
pub const SECTIONS: &[(&str, &[&str])] = &[
    ("[upgrade]", UPGRADE),
    ("[install]", INSTALL),
    ("[install.commands]", COMMANDS),
    ("[ssh]", SSH),
    ("[master]", MASTER),
    ("[[chunkservers]]", CHUNKSERVERS),
    ("[[clients]]", CLIENTS),
];
