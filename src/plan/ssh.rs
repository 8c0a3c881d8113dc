//! `[ssh]`: what is said about reaching hosts, for the whole plan and for a section.
//!
//! What is not said stays unsaid, so that the user's own ssh_config decides it.

use std::path::{Path, PathBuf};

use super::code::Code;
use super::finding::{Finding, Findings, Read};
use super::jump::{self, JumpHost};
use super::keys;
use super::model::{Become, Ssh};
use super::path;
use super::render::quote;
use super::section::{Section, Text};
use crate::moosefs::daemon::Role;

/// The words of `become`.
const BECOME: &[(&str, Become)] = &[("sudo", Become::Sudo), ("doas", Become::Doas)];

/// An `ssh` table as it is written.
#[derive(Debug)]
pub(super) struct SshKeys {
    user: Option<String>,
    config: Option<PathBuf>,
    port: Option<u16>,
    identity: Option<PathBuf>,
    jump: Option<Vec<JumpHost>>,
    r#become: Option<Become>,
}

impl SshKeys {
    /// These keys, and `global` for those that are not here.
    pub(super) fn over(self, global: &Ssh) -> Ssh {
        Ssh {
            user: self.user.or_else(|| global.user.clone()),
            config: self.config.or_else(|| global.config.clone()),
            port: self.port.or(global.port),
            identity: self.identity.or_else(|| global.identity.clone()),
            jump: self.jump.unwrap_or_else(|| global.jump.clone()),
            r#become: self.r#become.or(global.r#become),
        }
    }
}

/// The title of `ssh` in the section of `role`.
pub(super) fn title(role: Role) -> &'static str {
    match role {
        Role::Master => "[master.ssh]",
        Role::Metalogger => "[metaloggers.ssh]",
        Role::Chunkserver => "[chunkservers.ssh]",
        Role::Client => "[clients.ssh]",
    }
}

/// Reads `ssh` in `parent`.
pub(super) fn read(
    parent: &Section<'_>,
    title: &'static str,
    base: &Path,
    out: &mut Findings,
) -> Read<Option<SshKeys>> {
    let Some(section) = parent.section("ssh", title, keys::SSH, out)? else { return Ok(None) };
    let user = user(&section, out);
    let config = path::local(&section, "config", base, out);
    let port = section.number("port", 1..=u16::MAX, out);
    let identity = path::local(&section, "identity", base, out);
    let jump = jump(&section, out);
    let r#become = section.word("become", BECOME, out);
    Ok(Some(SshKeys {
        user: user?,
        config: config?,
        port: port?,
        identity: identity?,
        jump: jump?,
        r#become: r#become?,
    }))
}

fn user(section: &Section<'_>, out: &mut Findings) -> Read<Option<String>> {
    let Some(Text { text, span }) = section.text("user", out)? else { return Ok(None) };
    if jump::is_user(text) {
        return Ok(Some(text.to_owned()));
    }
    Err(out.report(
        Finding::new(Code::InvalidUser, span, format!("invalid `user` {}", quote(text)))
            .label("not a safe user name")
            .help("accepted are letters, digits and `_ - .`, beginning with a letter, a digit or `_`"),
    ))
}

fn jump(section: &Section<'_>, out: &mut Findings) -> Read<Option<Vec<JumpHost>>> {
    let Some(entries) = section.texts("jump", out)? else { return Ok(None) };
    let checked: Vec<_> = entries
        .into_iter()
        .map(|Text { text, span }| {
            JumpHost::new(text).map_err(|why| {
                out.report(
                    Finding::new(Code::InvalidJump, span, format!("invalid jump host {}: {why}", quote(text)))
                        .help("write \"host\", \"user@host\" or \"user@host:port\", one entry a host"),
                )
            })
        })
        .collect();
    checked.into_iter().collect::<Read<Vec<_>>>().map(Some)
}
