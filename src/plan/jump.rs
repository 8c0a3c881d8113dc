//! A host to jump through on the way to another, as `ssh -J` takes it.

use std::fmt;
use std::num::NonZeroU16;

use serde::{Deserialize, Serialize};

use super::hosts;
use crate::host::HostName;

/// `host`, `user@host`, `host:port` or `user@host:port`; an IPv6 address with a port is written `[::1]:22`. Displayed as
/// `ssh -J` takes it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct JumpHost {
    /// The user on it; `None`: what ssh_config says.
    pub user: Option<String>,
    /// The host.
    pub host: HostName,
    /// Its SSH port; `None`: what ssh_config says.
    pub port: Option<NonZeroU16>,
}

/// Why a text is not a [`JumpHost`]. Completes "invalid jump host `…`: ".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidJump {
    /// Before the `@`.
    #[error("the user before `@` is not a safe name")]
    User,
    /// Behind the last `:`.
    #[error("the port is not a number from 1 to 65535")]
    Port,
    /// The rest.
    #[error("{0}")]
    Host(String),
    /// To `ssh -J` this word means that nothing is jumped through.
    #[error("ssh takes `none` for no jump at all")]
    None,
}

impl JumpHost {
    /// Checks `text`.
    ///
    /// # Errors
    /// [`InvalidJump`] says which part is not accepted.
    pub fn new(text: &str) -> Result<Self, InvalidJump> {
        let (user, address) = match text.split_once('@') {
            Some((user, address)) => (Some(user), address),
            None => (None, text),
        };
        if user.is_some_and(|user| !is_user(user)) {
            return Err(InvalidJump::User);
        }
        let (host, port) = split_port(address);
        let port = port.map(|port| parse_port(port).ok_or(InvalidJump::Port)).transpose()?;
        if host.eq_ignore_ascii_case("none") {
            return Err(InvalidJump::None);
        }
        let host = hosts::host(host).map_err(|why| InvalidJump::Host(why.to_string()))?;
        Ok(Self { user: user.map(str::to_owned), host, port })
    }
}

/// The host and, where there is one, the port. An address with more than one `:` and no brackets is IPv6 without a port.
fn split_port(address: &str) -> (&str, Option<&str>) {
    if let Some((host, behind)) = address.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return match behind {
            "" => (host, None),
            _ => (host, Some(behind.strip_prefix(':').unwrap_or(""))),
        };
    }
    match address.split_once(':') {
        Some((host, port)) if !port.contains(':') => (host, Some(port)),
        _ => (address, None),
    }
}

/// Digits only: `"+22".parse::<u16>()` is fine for Rust and not for ssh.
fn parse_port(text: &str) -> Option<NonZeroU16> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// Whether `text` is a user name that neither a shell nor ssh gives another meaning.
pub(super) fn is_user(text: &str) -> bool {
    text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

impl fmt::Display for JumpHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        match self.port {
            Some(port) if self.host.as_str().contains(':') => write!(f, "[{}]:{port}", self.host),
            Some(port) => write!(f, "{}:{port}", self.host),
            None if self.host.as_str().contains(':') => write!(f, "[{}]", self.host),
            None => write!(f, "{}", self.host),
        }
    }
}

impl TryFrom<String> for JumpHost {
    type Error = InvalidJump;
    fn try_from(text: String) -> Result<Self, InvalidJump> {
        Self::new(&text)
    }
}

impl From<JumpHost> for String {
    fn from(jump: JumpHost) -> String {
        jump.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jump_hosts_come_back_as_ssh_takes_them() {
        for text in ["gate", "root@gate", "gate:2222", "op-1@gate.lan:22", "[::1]:22", "a@[fe80::1]"] {
            assert_eq!(JumpHost::new(text).unwrap().to_string(), text);
        }
        assert_eq!(JumpHost::new("fe80::1").unwrap().to_string(), "[fe80::1]");
    }

    #[test]
    fn what_could_mean_something_else_is_refused() {
        use InvalidJump as I;
        for (text, why) in [
            ("-oX@gate", I::User),
            ("a b@gate", I::User),
            ("@gate", I::User),
            ("gate:0", I::Port),
            ("gate:", I::Port),
            ("gate:+22", I::Port),
            ("gate:65536", I::Port),
            ("[::1]22", I::Port),
            ("none", I::None),
        ] {
            assert_eq!(JumpHost::new(text), Err(why), "{text}");
        }
        for text in ["", "-gate", "gate,evil", "a@b@c", "gate;x", "[gate", "$(x)", "a:b:c"] {
            assert!(matches!(JumpHost::new(text), Err(I::Host(_))), "{text}");
        }
    }
}
