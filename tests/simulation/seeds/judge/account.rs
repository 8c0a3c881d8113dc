//! What the executor says at its end, held against the world.

use mfsupgrade::moosefs::daemon::Role;
use mfsupgrade::plan::Mode;
use mfsupgrade::run::FailureKind;

use super::{JUST, Judge};
use crate::seeds::fact::{By, Said};
use crate::seeds::faults::Kind;

/// How long a gate was waited for, in milliseconds, by what is told of it.
fn time_of_gate(account: &str) -> i64 {
    let gate = account.split_once("see ").and_then(|(_, rest)| rest.split(':').next());
    let told = gate.and_then(|gate| gate.split_once(" within ")).map(|(_, told)| told);
    let time = told.and_then(|told| told.parse::<jiff::SignedDuration>().ok());
    time.map_or(i64::MAX, |time| time.as_secs() * 1000)
}

impl Judge {
    pub(super) fn account(&mut self, said: &Said) {
        match said {
            Said::Finished => self.reached(),
            Said::Paused(account) => {
                self.pause(account);
                self.counts(account);
                self.health_is_told(account);
                self.left_on_other_metadata();
            }
            Said::Failed { kind, host, account } => {
                self.file_system(account);
                self.counts(account);
                self.health_is_told(account);
                self.left_on_other_metadata();
                self.gave_up_in_time(host.as_deref(), account);
                self.mounts_gone(account);
                self.disks_are_told(*kind, account);
                self.cause(*kind, host.as_deref(), account);
            }
            Said::Killed => {}
        }
    }

    /// It says that the target is reached.
    pub(super) fn reached(&mut self) {
        if self.now - self.target > JUST {
            let missing = self.away_from_target();
            self.broke("target", format!("it says that the target is reached, and it is not: {missing}"));
        }
        self.nobody_is_left();
    }

    /// A pause leaves nothing half done.
    fn pause(&mut self, account: &str) {
        if self.lost_records {
            return;
        }
        // what a client that failed was left with is said
        self.mounts_gone(account);
        // nor does one that was begun anew after a record could not be written know what the run before it had taken
        // nor does one begin anything, a mount neither, that hears nothing of its lock
        let failed = |host: &String| {
            let here = |at: &Option<String>| at.as_ref().is_some_and(|at| at == host || at == "master");
            let all = |kind: &Kind| matches!(kind, Kind::AppendFails { .. } | Kind::LockTaken | Kind::LockSilent(_));
            self.faults.iter().any(|(kind, at)| all(kind) || here(at))
        };
        if let Some(((host, mount), _)) =
            self.taken.iter().find(|((host, _), at)| **at > self.run_began && !failed(host))
        {
            self.broke("pause", format!("{mount} of {host} is away in a pause"));
        }
        if self.mode == Mode::FullStop && self.master_stopped && !self.master_was_reached() {
            self.broke("pause", "the file system stands still in a pause");
        }
        if self.mode == Mode::Rolling && self.down.keys().any(|at| self.taken_now.contains(at)) {
            self.broke("pause", "a chunkserver is down in a pause");
        }
    }

    /// A gate that is red for nothing but a disk that is marked for removal says so.
    fn disks_are_told(&mut self, kind: FailureKind, account: &str) {
        let marked = self.faults.iter().any(|(kind, _)| matches!(kind, Kind::DiskMarked { .. }));
        let alone = self.faults.iter().all(|(kind, _)| {
            matches!(
                kind,
                Kind::DiskMarked { .. }
                    | Kind::Kill { .. }
                    | Kind::Pause
                    | Kind::Deleted { .. }
                    | Kind::CopiesMove { .. }
            )
        });
        // what is said of the cluster behind it is not read as the cause
        let cause = account.split(" master on ").next().unwrap_or_default();
        if kind == FailureKind::GateRed && marked && alone && !cause.contains("marked for removal") {
            self.broke(
                "account",
                format!("chunks are on a disk that is marked for removal, and that is not said: {account}"),
            );
        }
    }

    fn file_system(&mut self, account: &str) {
        let long = self.now - self.master_since > JUST;
        let down = account.contains("THE FILE SYSTEM IS DOWN");
        let open = account.contains("whether the file system is up");
        match self.health.master {
            Some(_) if down && long => self.broke("account", "the file system is said to be down, and is up"),
            None if !down && !open && long => {
                self.broke("account", "the file system is down, and that is not said");
            }
            _ => {}
        }
    }

    fn mounts_gone(&mut self, account: &str) {
        for (host, point) in self.mounts.clone() {
            let said = account.contains(&format!("{point} IS NOT MOUNTED on {host}:"));
            let open = account.contains(&format!("whether {point} is mounted on {host} "));
            let taken = self.taken.get(&(host.clone(), point.clone())).copied();
            match self.mounted(&host, &point) {
                Some(p) if said && self.now - p.since > JUST => {
                    self.broke("account", format!("{point} of {host} is said to be away, and is mounted"));
                }
                None if !said && !open && !self.lost_records && taken.is_some_and(|at| self.now - at > JUST) => {
                    self.broke("account", format!("{point} of {host} was taken away, and that is not said"));
                }
                _ => {}
            }
        }
    }

    /// A failure has a cause in the world, and names the host where it is.
    fn cause(&mut self, kind: FailureKind, host: Option<&str>, account: &str) {
        // a tool that was killed, or told to pause, has no excuse afterwards
        // and no clock that is set is one
        let is_cause = |kind: &Kind| {
            use Kind::{CopiesMove, Deleted, HostClockJumps, Kill, Pause, WallJumps};
            !matches!(kind, Kill { .. } | Pause | Deleted { .. } | CopiesMove { .. } | WallJumps(_) | HostClockJumps(_))
        };
        let causes: Vec<_> = self.faults.iter().filter(|(kind, _)| is_cause(kind)).collect();
        let away = self.now - self.well > time_of_gate(account).min(JUST)
            || !self.mounts.iter().all(|mount| self.is_mounted(mount));
        let red = kind == FailureKind::GateRed && away;
        // what came up by itself and is in the way
        // or by whose address a gate tells it
        let told = |p: &super::Running| {
            let address = crate::seeds::shape::address(&p.host);
            let mut words = account.split(|c: char| !c.is_ascii_digit() && c != '.');
            kind == FailureKind::GateRed && words.any(|word| word.trim_end_matches('.').parse() == Ok(address))
        };
        let in_the_way =
            |p: &super::Running| p.by == By::World && p.new != self.goal && (Some(p.host.as_str()) == host || told(p));
        let on_wide =
            host.is_some_and(|host| self.wide.contains(host) && self.runs(host, Role::Chunkserver).any(|p| !p.new));
        // nothing can be mounted without a master, and that is said
        let down = self.health.master.is_none() && account.contains("THE FILE SYSTEM IS DOWN");
        if self.running.iter().any(in_the_way) || on_wide || (down && account.contains("failed to mount")) {
            return;
        }
        if causes.is_empty() && !red {
            self.broke("false-alarm", format!("it stops and nothing went wrong: {account}"));
            return;
        }
        if matches!(kind, FailureKind::GateRed | FailureKind::Journal) {
            return;
        }
        // what goes wrong with the master or with all chunks shows everywhere
        let there = |at: &Option<String>| at.is_none() || at.as_deref() == host || at.as_deref() == Some("master");
        if !causes.iter().any(|(_, at)| there(at)) {
            let seen: Vec<String> = causes.iter().map(|(kind, at)| format!("{kind:?} {at:?}")).collect();
            let named = host.unwrap_or("no host");
            self.broke("account", format!("{named} is named, and the world saw {}", seen.join(", ")));
        }
    }
}
