//! Why nothing was heard of a command, and whose it is: the network's, the login's on the host, or this machine's. What is told of
//! it, and what is to be done, differ.

use std::fmt;
use std::time::Duration;

use super::ConnectError;
use crate::host::said;
use crate::run::ports::Outcome;

/// Whose it is that nothing was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// The connection was not made, or was lost.
    Connection,
    /// The host was reached, and its login did something else than what was sent.
    Login,
    /// ssh cannot be run on this machine, or not as it is configured here.
    Here,
}

/// Why nothing was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unheard {
    /// Whose it is.
    pub whose: Whose,
    /// In the words of whoever said so.
    pub reason: String,
    /// What may help.
    pub hint: Option<&'static str>,
    /// Whether the command may have been run all the same.
    pub sent: bool,
}

impl fmt::Display for Unheard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)?;
        self.hint.map_or(Ok(()), |hint| write!(f, "; {hint}"))
    }
}

impl From<Unheard> for Outcome {
    fn from(unheard: Unheard) -> Self {
        let reason = unheard.to_string();
        if unheard.sent { Self::Unknown { reason } } else { Self::NotStarted { reason } }
    }
}

impl From<ConnectError> for Unheard {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Ssh(unheard) => unheard,
            stranger @ ConnectError::Stranger(_) => Self::here(stranger.to_string()),
        }
    }
}

/// What a login does in the place of a command where nothing better is known.
const ANOTHER: &str = "something else is run there in its place: look for `command=` at this key in authorized_keys, for ForceCommand in \
                       sshd_config, and for what the login shell and its start files do; `ssh HOST true` must say nothing and exit with 0";

/// What keeps a login from running anything.
const HANGS: &str =
    "its login shell or a start file of it (.bashrc, .cshrc, ~/.ssh/rc) hangs, or sudo does: `ssh HOST true` shows it";

/// How ssh begins what it says of its own configuration.
const OF_CONFIGURATION: [&str; 4] =
    ["Bad configuration option", "Bad owner or permissions on", "Can't open user config file", "terminating, "];

impl Unheard {
    /// A command that was sent, and of which nothing more was heard.
    pub(super) fn lost(reason: impl Into<String>) -> Self {
        Self { whose: Whose::Connection, reason: reason.into(), hint: None, sent: true }
    }

    /// This machine's.
    pub(super) fn here(reason: impl Into<String>) -> Self {
        Self { whose: Whose::Here, reason: reason.into(), hint: None, sent: false }
    }

    /// A command that was sent and whose end was not heard in time.
    pub(super) fn late(limit: Duration, begun: bool) -> Self {
        let seconds = limit.as_secs();
        if begun {
            return Self::lost(format!("the command has not ended after {seconds} s; it may still run"));
        }
        let reason = format!("its login has not begun the command that was sent after {seconds} s; it may still do so");
        Self { whose: Whose::Login, reason, hint: Some(HANGS), sent: true }
    }

    /// ssh did not connect, and said so.
    pub(super) fn unconnected(mut said: String) -> Self {
        said::bound(&mut said, said::MESSAGE);
        let of_this_side = OF_CONFIGURATION.iter().any(|words| said.contains(words));
        if of_this_side {
            return Self::here(format!("on this machine: ssh does not take its configuration: {said}"));
        }
        Self { whose: Whose::Connection, hint: hint_for(&said), reason: said, sent: false }
    }

    /// A login that ended without a word of the command that was sent; 255 is ssh's own.
    pub(super) fn not_begun(code: Option<i32>, said: &str) -> Self {
        let Some(code) = code.filter(|code| *code != 255) else {
            return Self::lost("the connection was lost before the command began");
        };
        let hint = Some(hint_for(said).unwrap_or(ANOTHER));
        let said = if said.is_empty() { "it said nothing" } else { &*said::excerpt(said, said::MESSAGE) };
        let reason = format!("its login did not run the command that was sent (exit code {code}): {said}");
        Self { whose: Whose::Login, reason, hint, sent: false }
    }
}

/// What may help where somebody said so.
pub(super) fn hint_for(said: &str) -> Option<&'static str> {
    HINTS.iter().find(|(words, _)| said.contains(words)).map(|(_, hint)| *hint)
}

/// What is said, and what to do about it.
const HINTS: &[(&str, &str)] = &[
    (
        "REMOTE HOST IDENTIFICATION HAS CHANGED",
        "the host has another key than the one in known_hosts: find out why before anything else (`ssh-keygen -R HOST` takes the old \
         one away)",
    ),
    (
        "Host key verification failed",
        "log in once by hand with ssh, check the key's fingerprint, and let ssh write it into known_hosts",
    ),
    (
        "no matching",
        "a host of the old release's time may offer only old algorithms: allow them for it in your ssh_config, for example \
         with `KexAlgorithms +…` and `HostKeyAlgorithms +…`",
    ),
    ("Permission denied", "check [ssh] user and identity, and that the key is in the agent: nothing prompts here"),
    // what ssh calls the other end of a way through a jump host or a ProxyCommand, whose own words it throws away
    (
        "UNKNOWN port 65535",
        "the way there through a jump host or a ProxyCommand was closed: its sshd may forward no port (AllowTcpForwarding, PermitOpen), or \
         not reach this host; `ssh HOST true` says more",
    ),
    (
        "you must have a tty",
        "sudo on this host asks for a terminal: set `Defaults:USER !requiretty` for this user in its sudoers",
    ),
    ("a password is required", "nothing prompts here: allow this user in sudoers without a password (NOPASSWD)"),
    (
        "Password change required",
        "this user's password has expired: set a new one on the host, or name another user in [ssh]",
    ),
    (
        "account is currently not available",
        "this user has no shell on the host: give it one, or name another in [ssh] user",
    ),
    ("restricted", "this user has a restricted shell on the host: give it another, or name another user in [ssh]"),
    ("Could not resolve hostname", "check the host name in the plan, or give it a `Host` entry in your ssh_config"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_tells_whose_it_is() {
        let connection = "ssh: connect to host cs1 port 22: Connection refused";
        let configuration = "/root/.ssh/config: line 1: Bad configuration option: foo; /root/.ssh/config: terminating, 1 bad configuration options";
        assert_eq!(Unheard::unconnected(connection.to_owned()).whose, Whose::Connection);
        let here = Unheard::unconnected(configuration.to_owned());
        assert!(here.whose == Whose::Here && here.reason.starts_with("on this machine: "), "{here}");
        for (code, said, whose, hint) in [
            (Some(1), "sudo: sorry, you must have a tty to run sudo", Whose::Login, "requiretty"),
            (Some(1), "This account is currently not available.", Whose::Login, "no shell"),
            (Some(0), "backups only", Whose::Login, "ForceCommand"),
            (Some(0), "", Whose::Login, "ForceCommand"),
            (Some(255), "", Whose::Connection, ""),
            (None, "mux: reset", Whose::Connection, ""),
        ] {
            let unheard = Unheard::not_begun(code, said);
            assert_eq!(unheard.whose, whose, "{said}");
            assert!(unheard.hint.unwrap_or_default().contains(hint), "{unheard}");
            let outcome = Outcome::from(unheard);
            assert_eq!(matches!(outcome, Outcome::NotStarted { .. }), whose == Whose::Login, "{said}");
        }
        // a start file that hangs: whether the command comes to run nobody knows
        for (begun, whose) in [(false, Whose::Login), (true, Whose::Connection)] {
            let late = Unheard::late(Duration::from_secs(60), begun);
            assert_eq!((late.whose, late.reason.contains("after 60 s")), (whose, true), "{late}");
            assert!(matches!(Outcome::from(late), Outcome::Unknown { .. }));
        }
    }
}
