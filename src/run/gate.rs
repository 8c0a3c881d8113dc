//! Whether a gate is green, now: the master is asked anew for every look, and the answer has a reason.

use std::net::Ipv4Addr;

use semver::Version;

use crate::check::{Baseline, health, metadata};
use crate::host::HostName;
use crate::moosefs::Overview;
use crate::moosefs::daemon::Role;
use crate::schedule::{Gate, Known, Schedule};
use crate::step::{Effect, Mount};

/// Why a gate is not green.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Red {
    /// As a fragment.
    pub reason: String,
    /// Whether waiting cannot help: the master runs on other metadata.
    pub hopeless: bool,
    /// The `accept_lost` of the plan with which it would be green; 0: none would help.
    pub accept_lost: u64,
    /// Whether only the operator can tell whether it does.
    pub asks: bool,
}

impl Red {
    /// What may still come.
    #[must_use]
    pub fn wait(reason: String) -> Self {
        Self { reason, hopeless: false, accept_lost: 0, asks: false }
    }

    /// What will not come.
    #[must_use]
    pub fn hopeless(reason: String) -> Self {
        Self { hopeless: true, ..Self::wait(reason) }
    }
}

/// Why `gate` is not green for `host`.
///
/// # Errors
/// The reason, as a fragment.
pub fn judge(
    gate: &Gate,
    host: &HostName,
    schedule: &Schedule,
    baseline: &Baseline,
    overview: &Overview,
) -> Result<(), Red> {
    let with = |copies: u64| judge_accepting(gate, host, schedule, &baseline.accepting(copies), overview);
    let accepted = schedule.accept_lost;
    with(accepted).map_err(|red| {
        // chunks that are missing alone may be enough; what is under goal heals
        let numbers = [baseline.missing_beyond(overview), baseline.beyond(overview)];
        let helps = |copies: &u64| *copies > accepted && !red.hopeless && with(*copies).is_ok();
        Red { accept_lost: numbers.into_iter().find(helps).unwrap_or(0), ..red }
    })
}

fn judge_accepting(
    gate: &Gate,
    host: &HostName,
    schedule: &Schedule,
    baseline: &Baseline,
    overview: &Overview,
) -> Result<(), Red> {
    let to = &schedule.to;
    // no other gate is green on the wrong master either: an old one cannot serve new chunkservers and mounts. On the way
    // back it goes last, and a new one serves old chunkservers and mounts
    let before = schedule.is_back() && !matches!(gate, Gate::MasterServes { .. } | Gate::Upgraded { .. });
    health::master_runs(overview, to)
        .or_else(|reason| if before { health::master_runs(overview, &schedule.from) } else { Err(reason) })
        .map_err(Red::wait)?;
    metadata::metadata_is_kept(overview, baseline).map_err(Red::hopeless)?;
    // a mount that a boot has made with the programs that were still there works with no old master: it goes before them
    let remounted = match gate {
        Gate::Healthy { .. } | Gate::Serving { mounts: true, .. } if schedule.is_back() => {
            no_other_mounts(schedule, overview)
        }
        _ => Ok(()),
    };
    remounted.map_err(Red::wait)?;
    let judged = match gate {
        Gate::MasterServes { .. } => {
            metadata::metadata_is_as_it_was(overview, baseline).map_err(Red::hopeless)?;
            Ok(())
        }
        Gate::Healthy { upgraded, .. } | Gate::Serving { upgraded, .. } if tells_no_matrix(schedule, overview) => {
            health::all_back(overview, baseline, servers(schedule, *upgraded))
        }
        Gate::Healthy { upgraded, .. } => health::healthy(overview, baseline, servers(schedule, *upgraded)),
        Gate::Serving { upgraded, .. } => health::serving(overview, baseline, servers(schedule, *upgraded)),
        Gate::MetaloggerSeen { started, .. } => health::metaloggers_are_seen(overview, *started, to),
        Gate::ChunkserverBack { .. } => address_of(&schedule.chunkservers, host)
            .and_then(|address| health::server_is_back(overview, baseline, address, Some(to))),
        Gate::MountSeen { mount, .. } => address_of(&schedule.clients, host)
            .and_then(|address| health::session_is_back(overview, address, mount.as_str(), to)),
        Gate::Upgraded { .. } => upgraded(schedule, baseline, overview),
    };
    judged.map_err(|reason| Red::wait(named(schedule, reason)))
}

/// What an operator is told who may accept that `copies` are lost for good: the number, and what of it was gone before the run.
#[must_use]
pub fn acceptance(copies: u64, schedule: &Schedule, baseline: &Baseline) -> String {
    let before = baseline.lost.iter().map(|(address, count)| {
        format!("{count} on {} before this run began", with_name(&schedule.chunkservers, *address))
    });
    let before: Vec<String> = before.collect();
    let before = match before[..] {
        [] => "the survey found none of them gone".to_owned(),
        _ => format!("by a count of its chunk files: {}", before.join(", ")),
    };
    format!("{ACCEPTED_BY}{copies}` under [upgrade] of the plan ({before})")
}

/// How [`acceptance`] begins.
pub const ACCEPTED_BY: &str = "what is lost for good is accepted by `accept_lost = ";

/// What the master says of a chunkserver by its address, with the name that the plan has for it.
#[must_use]
pub fn named(schedule: &Schedule, reason: String) -> String {
    schedule.chunkservers.iter().filter_map(|known| known.address).fold(reason, |reason, address| {
        // with the blank behind it: an address may be the beginning of another one
        let name = with_name(&schedule.chunkservers, address);
        reason.replace(&format!("chunkserver {address} "), &format!("chunkserver {name} "))
    })
}

fn with_name(list: &[Known], address: Ipv4Addr) -> String {
    let known = list.iter().find(|known| known.address == Some(address)).map(|known| known.host.to_string());
    let address = address.to_string();
    known.filter(|name| *name != address).map_or(address.clone(), |name| format!("{name} ({address})"))
}

/// Whether this is the way back and its master is the old one already.
fn tells_no_matrix(schedule: &Schedule, overview: &Overview) -> bool {
    schedule.is_back() && overview.matrix.is_none()
}

/// The chunkservers in the order of their upgrade, the first `upgraded` with the version that they must have.
fn servers(schedule: &Schedule, upgraded: usize) -> impl Iterator<Item = (Ipv4Addr, Option<&Version>)> + Clone {
    let wanted = move |at: usize| (at < upgraded).then_some(&schedule.to);
    schedule.chunkservers.iter().enumerate().filter_map(move |(at, server)| Some((server.address?, wanted(at))))
}

fn address_of(list: &[Known], host: &HostName) -> Result<Ipv4Addr, String> {
    let found = list.iter().find(|known| &known.host == host).and_then(|known| known.address);
    found.ok_or_else(|| format!("the address by which the master knows {host} is not known"))
}

fn upgraded(schedule: &Schedule, baseline: &Baseline, overview: &Overview) -> Result<(), String> {
    if tells_no_matrix(schedule, overview) {
        health::all_back_or_tested(overview, baseline, servers(schedule, usize::MAX))?;
    } else {
        health::healthy(overview, baseline, servers(schedule, usize::MAX))?;
        // what came up and went away again since: a daemon that died, a host that booted without its mounts
        match schedule.hosts_of(Role::Metalogger).count() {
            0 => {}
            wanted => health::metaloggers_are_seen(overview, wanted, &schedule.to)?,
        }
    }
    for (_, track, step) in schedule.steps() {
        if let Effect::Mounts(Mount { mount, .. }) = step.action.effect() {
            let address = address_of(&schedule.clients, &track.host)?;
            health::session_is_back(overview, address, mount.as_str(), &schedule.to)
                .map_err(|reason| format!("{mount} of {}: {reason}", track.host))?;
        }
    }
    no_other_mounts(schedule, overview)
}

fn no_other_mounts(schedule: &Schedule, overview: &Overview) -> Result<(), String> {
    let other = overview.sessions.iter().filter(|s| s.connected && s.version != schedule.to);
    let other: Vec<String> =
        other.map(|s| format!("{} on {}", s.version, with_name(&schedule.clients, s.address))).collect();
    match other[..] {
        [] => Ok(()),
        _ => Err(format!(
            "mounts of another release are still connected: {}; where one is not of this run, unmount it there by hand; one that `umount -l` \
             has taken away goes on until its last user ends, a loop device too",
            other.join(", ")
        )),
    }
}
