//! Law 6: after a failure on one host no other host is begun. Hosts that were begun together come to their ends, and clients
//! do not hold each other up.

use std::collections::BTreeMap;

use mfsupgrade::moosefs::daemon::Role;
use mfsupgrade::plan::Mode;

use super::Judge;
use crate::seeds::deed::Deed;

/// A session's commands, by host and kind of stage.
#[derive(Debug, Default)]
pub struct Session {
    /// When a stage's first command was.
    stages: BTreeMap<Class, i64>,
    /// When a host was seen first since a stage began: a look or a command.
    seen: Vec<(i64, String)>,
    /// What failed, where and when.
    failed: Option<(i64, String, Class)>,
}

/// What is done together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    Prepare,
    Metadata,
    Master,
    Metaloggers,
    Chunkservers,
    Clients,
}

/// Milliseconds for which the look before a stage's first command counts as part of it.
const LOOK_BEFORE: i64 = 60_000;

impl Session {
    pub fn class(host: &str, deed: &Deed) -> Class {
        match (deed, host.as_bytes()) {
            (Deed::Build { .. } | Deed::Nothing, _) => Class::Prepare,
            (Deed::Snapshot { .. } | Deed::Trial | Deed::EndTrial, _) => Class::Metadata,
            (Deed::Unmount(_) | Deed::Mount(_) | Deed::Restore(Some(Role::Client)), _) => Class::Clients,
            (Deed::Start(Role::Chunkserver) | Deed::Stop(Role::Chunkserver) | Deed::FoldersBack, _) => {
                Class::Chunkservers
            }
            (_, [b'm', ..]) => Class::Master,
            (_, [b'l', ..]) => Class::Metaloggers,
            (_, [b'c', b's', ..]) => Class::Chunkservers,
            _ => Class::Clients,
        }
    }

    pub fn looked(&mut self, now: i64, host: &str) {
        self.seen.push((now, host.to_owned()));
    }

    pub fn has_looked_at(&self, host: &str) -> bool {
        self.seen.iter().any(|(_, name)| name == host)
    }

    /// A tool that says no is a failure; what MooseFS's daemons say is not.
    pub fn ended(&mut self, now: i64, host: &str, deed: &Deed, class: Class, code: i32) {
        if code != 0 && deed.is_tool() && self.failed.is_none() {
            self.failed = Some((now, host.to_owned(), class));
        }
    }
}

impl Judge {
    /// A client on a chunkserver's host has its turn when the chunkserver had its own.
    pub(super) fn class(&self, host: &str, deed: &Deed) -> Class {
        let class = Session::class(host, deed);
        let had = self.reached.contains(&(host.to_owned(), Role::Chunkserver));
        let client = had && self.mounts.iter().any(|(name, _)| name == host);
        let own = matches!(deed, Deed::Start(_) | Deed::Stop(_) | Deed::FoldersBack);
        if class == Class::Chunkservers && client && !own { Class::Clients } else { class }
    }

    pub(super) fn stopped_elsewhere(&mut self, host: &str, deed: &Deed) {
        let class = self.class(host, deed);
        let now = self.now;
        let began = *self.session.stages.entry(class).or_insert(now);
        if let Some((failed, elsewhere, stage)) = &self.session.failed
            && elsewhere != host
        {
            let together = matches!((stage, self.mode), (Class::Prepare, _) | (Class::Chunkservers, Mode::FullStop));
            // a client that fails does not hold up the others
            let clients = class == Class::Clients && *stage == Class::Clients;
            let begun = |(at, name): &(i64, String)| name == host && at <= failed && *at >= began - LOOK_BEFORE;
            let allowed = together && class == *stage && self.session.seen.iter().any(begun);
            if !(clients || allowed) {
                let what = format!("{deed} on {host} after a failure on {elsewhere} {} s ago", (now - failed) / 1000);
                self.broke("stop", what);
            }
        }
        self.session.seen.push((now, host.to_owned()));
    }
}
