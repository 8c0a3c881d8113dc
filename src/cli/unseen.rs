//! Hosts that could not be looked at, told by whose fault it is: the network's, the host's login's, the look's own, or this
//! machine's.

use crate::check::{Code, Finding};
use crate::fleet::{Unheard, Whose};
use crate::host::HostName;
use crate::host::look::UnreadableLook;

/// Why a host was not seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unseen {
    /// Nothing was heard of the look.
    Unheard(Unheard),
    /// Its answer cannot be read.
    Unread(UnreadableLook),
}

/// What is told of these hosts. What is this machine's is told once, however many hosts it keeps from being seen.
pub(super) fn findings(unseen: Vec<(HostName, Unseen)>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for (host, why) in unseen {
        let finding = finding(&host, why);
        if finding.host.is_some() || !findings.contains(&finding) {
            findings.push(finding);
        }
    }
    findings.sort_by(|a, b| a.host.cmp(&b.host));
    findings
}

fn finding(host: &HostName, why: Unseen) -> Finding {
    match why {
        Unseen::Unread(unread) => unreadable(host, &unread),
        Unseen::Unheard(Unheard { whose: Whose::Connection, reason, hint, .. }) => unreachable(host, reason, hint),
        Unseen::Unheard(Unheard { whose: Whose::Login, reason, hint, .. }) => {
            let why = "whatever is done on a host is a command that its login runs";
            Finding::new(Code::CommandNotRun, Some(host), reason, why, hint.unwrap_or(BY_HAND).to_owned())
        }
        Unseen::Unheard(Unheard { whose: Whose::Here, reason, hint, .. }) => {
            let why = "no host can be reached from here, and nothing is known of any of them";
            let todo =
                hint.unwrap_or("put that right on this machine: `ssh HOST true` must work here without a prompt");
            Finding::new(Code::LocalSsh, None, reason, why, todo.to_owned())
        }
    }
}

const BY_HAND: &str = "run `ssh HOST true`: it must work without a prompt, say nothing and exit with 0";

/// One that ssh does not reach.
pub(super) fn unreachable(host: &HostName, reason: String, hint: Option<&str>) -> Finding {
    let why = "every step on a host runs over ssh, without a prompt";
    Finding::new(Code::HostUnreachable, Some(host), reason, why, hint.unwrap_or(BY_HAND).to_owned())
}

fn unreadable(host: &HostName, unread: &UnreadableLook) -> Finding {
    let why = "an answer that is not whole can hide a problem, so no part of it is used";
    let todo = match unread {
        UnreadableLook::Late { .. } => {
            "run that on the host, as root: what hangs there (a disk, a mount whose server is gone) hangs the run as well. Mend it, or \
             unmount it (`umount -l`)"
        }
        UnreadableLook::CutShort | UnreadableLook::Line(_) => {
            "run the command again; if the answer is still unreadable, find out which program of that login writes into it"
        }
    };
    Finding::new(Code::LookUnreadable, Some(host), format!("the look at it: {unread}"), why, todo.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_this_machines_is_told_once_and_names_no_host() {
        let here = || Unheard {
            whose: Whose::Here,
            reason: "on this machine: failed to run ssh: No such file or directory".to_owned(),
            hint: None,
            sent: false,
        };
        let lost = Unheard { whose: Whose::Connection, reason: "timed out".to_owned(), hint: None, sent: true };
        let late = UnreadableLook::Late { seconds: 60, at: vec!["stat /mnt/dead".to_owned()] };
        let host = |name: &str| HostName::new(name).unwrap();
        let found = findings(vec![
            (host("cs2"), Unseen::Unheard(here())),
            (host("cl1"), Unseen::Unread(late)),
            (host("cs1"), Unseen::Unheard(here())),
            (host("cs3"), Unseen::Unheard(lost)),
        ]);
        let told: Vec<_> = found.iter().map(|f| (f.code, f.host.as_ref().map(HostName::as_str))).collect();
        let expected =
            [(Code::LocalSsh, None), (Code::LookUnreadable, Some("cl1")), (Code::HostUnreachable, Some("cs3"))];
        assert_eq!(told, expected);
        assert!(found[1].seen.contains("`stat /mnt/dead`"), "{}", found[1].seen);
    }
}
