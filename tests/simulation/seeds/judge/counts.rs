//! The figures and the words on the cluster's health in an account: "2 of 5 chunkservers on 1.6.27", "cluster healthy".

use mfsupgrade::moosefs::daemon::Role;

use super::{FRESH, JUST, Judge};
use crate::seeds::faults::Kind;

/// What an account counts.
const COUNTED: [(Role, &str); 4] = [
    (Role::Master, "master"),
    (Role::Metalogger, "metalogger"),
    (Role::Chunkserver, "chunkserver"),
    (Role::Client, "client"),
];

/// The first number of "2 of 5 chunkservers on 1.6.27", with the second.
pub fn number(account: &str, what: &str) -> Option<(usize, usize)> {
    account.split([';', ',', ':']).find_map(|part| {
        let words: Vec<&str> = part.split_whitespace().collect();
        let [said, "of", of, counted, "on", _] = words[..] else { return None };
        (counted.trim_end_matches('s') == what).then_some((said.parse().ok()?, of.parse().ok()?))
    })
}

impl Judge {
    /// What is said to be in the release that is to be reached is there, but for what has ended and could not be seen to.
    pub(super) fn counts(&mut self, account: &str) {
        for (role, what) in COUNTED {
            let hosts = self.hosts_of(role);
            let Some((said, of)) = number(account, what) else { continue };
            let there = hosts.iter().filter(|host| self.is_there(host, role) || !self.could_be_seen_to_end(host, role));
            let there = there.count();
            if said > there || of != hosts.len() {
                let of = hosts.len();
                self.broke(
                    "account",
                    format!("{said} {what}s are said to have their release, and {there} of {of} have"),
                );
            }
        }
    }

    fn hosts_of(&self, role: Role) -> Vec<String> {
        match role {
            Role::Master => vec!["master".to_owned()],
            Role::Metalogger => self.loggers.clone(),
            Role::Chunkserver => self.servers.clone(),
            Role::Client => {
                let mut hosts: Vec<String> = self.mounts.iter().map(|(host, _)| host.clone()).collect();
                hosts.dedup();
                hosts
            }
        }
    }

    fn is_there(&self, host: &str, role: Role) -> bool {
        match role {
            Role::Client => self.mounts.iter().filter(|(name, _)| name == host).all(|mount| self.is_mounted(mount)),
            // a metalogger is none of the old release's, and goes
            _ => self.runs(host, role).any(|p| p.new == self.goal),
        }
    }

    /// Whether this session must have seen that it is away: it has looked at the host since, and all goes on there.
    fn could_be_seen_to_end(&self, host: &str, role: Role) -> bool {
        let Some(ended) = self.gone.get(&(host.to_owned(), role)).copied() else { return false };
        // nothing can be mounted while no master serves: a run that goes on then leaves mounts to its last look
        let waits = role == Role::Client && !(self.began_with_a_master && self.health.master.is_some());
        let kept = |(kind, at): &(Kind, Option<String>)| {
            at.as_deref() == Some(host) && !matches!(kind, Kind::Used(_) | Kind::CopyDiffers | Kind::DiskFull)
        };
        ended < self.session_began - JUST && !waits && self.session.has_looked_at(host) && !self.faults.iter().any(kept)
    }

    /// "cluster healthy" and "safe to leave".
    pub(super) fn health_is_told(&mut self, account: &str) {
        // a gate that is named asks for a healthy cluster
        let told = |what: &str| account.split("; ").any(|part| part.starts_with(what));
        let healthy = told("cluster healthy");
        if healthy && self.now - self.whole > FRESH {
            let h = &self.health;
            let how = format!("{:?}, {} under goal, {} missing", h.back, h.under_goal, h.missing);
            self.broke("account", format!("the cluster is said to be healthy, and is not: {how}"));
        }
        if told("cluster NOT healthy") && self.now - self.not_whole > FRESH {
            self.broke("account", format!("the cluster is said not to be healthy, and is: {account}"));
        }
        if account.contains("safe to leave") {
            let long = |at: &&i64| self.now - **at > FRESH;
            if let Some((host, mount)) = self.taken.iter().find(|(_, at)| long(at)).map(|(at, _)| at.clone()) {
                self.broke("account", format!("it is said to be safe to leave, and {mount} of {host} is away"));
            }
            if !healthy || self.health.other_metadata {
                self.broke("account", "it is said to be safe to leave, and the cluster is not whole".to_owned());
            }
        }
        if account.contains("the new master was stopped again") && self.health.other_metadata {
            self.broke("account", "a master on other metadata is said to be stopped, and serves".to_owned());
        }
    }
}
