//! A program with its arguments. PURE.

use crate::host::AbsPath;
use crate::host::sh::{Script, sh};
use crate::moosefs::daemon::Role;
use std::time::Duration;

/// A program with its arguments.
pub(super) fn words(program: &str, arguments: &[String]) -> Script {
    let words: Vec<String> =
        std::iter::once(program).chain(arguments.iter().map(String::as_str)).map(Into::into).collect();
    sh!("‹words›", words = words)
}

/// The program of a role, without a verb.
pub(super) fn daemon(role: Role, prefix: &AbsPath, patience: Option<Duration>) -> Script {
    sh!("‹program›‹wait›", program = &prefix.join(role.path_in_prefix()), wait = wait_option(patience))
}

/// The same with `-s`.
pub(super) fn stop(role: Role, prefix: &AbsPath, patience: Option<Duration>) -> Script {
    sh!("‹program›‹wait› -s", program = &prefix.join(role.path_in_prefix()), wait = wait_option(patience))
}

/// `-t`: how long it waits for another daemon's end.
fn wait_option(patience: Option<Duration>) -> Script {
    patience.map(|p| sh!(" -t ‹seconds›", seconds = p.as_secs())).unwrap_or_default()
}
