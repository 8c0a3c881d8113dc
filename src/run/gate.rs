//! Whether a gate is green, now: the master is asked anew for every look, and the answer has a reason.

use std::net::Ipv4Addr;

use semver::Version;

use crate::check::reason::Named;
use crate::check::{Baseline, Reason, health, metadata};
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
        .map_err(|reason| Red::wait(reason.to_string()))?;
    metadata::metadata_is_kept(overview, baseline).map_err(|reason| Red::hopeless(reason.to_string()))?;
    // a mount that a boot has made with the programs that were still there works with no old master: it goes before them
    let remounted = match gate {
        Gate::Healthy { .. } | Gate::Serving { mounts: true, .. } if schedule.is_back() => {
            no_other_mounts(schedule, overview)
        }
        _ => Ok(()),
    };
    remounted.map_err(|reason| Red::wait(reason.to_string()))?;
    let judged = match gate {
        Gate::MasterServes { .. } => {
            metadata::metadata_is_as_it_was(overview, baseline).map_err(|reason| Red::hopeless(reason.to_string()))?;
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
    judged.map_err(|reason| Red::wait(named(schedule, reason).to_string()))
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
    format!("what is lost for good is accepted by `accept_lost = {copies}` under [upgrade] of the plan ({before})")
}

/// With the names that the plan has for the chunkservers which the master knows by their addresses.
#[must_use]
pub fn named(schedule: &Schedule, reason: Reason) -> Reason {
    reason.named(|address| with_name(&schedule.chunkservers, address).name)
}

fn with_name(list: &[Known], address: Ipv4Addr) -> Named {
    let known = list.iter().find(|known| known.address == Some(address));
    Named { address, name: known.map(|known| known.host.clone()) }
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

fn address_of(list: &[Known], host: &HostName) -> Result<Ipv4Addr, Reason> {
    let found = list.iter().find(|known| &known.host == host).and_then(|known| known.address);
    found.ok_or_else(|| Reason::NoAddress(host.clone()))
}

fn upgraded(schedule: &Schedule, baseline: &Baseline, overview: &Overview) -> Result<(), Reason> {
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
            health::session_is_back(overview, address, mount.as_str(), &schedule.to).map_err(|reason| {
                Reason::Mount { mount: mount.clone(), host: track.host.clone(), reason: reason.into() }
            })?;
        }
    }
    no_other_mounts(schedule, overview)
}

fn no_other_mounts(schedule: &Schedule, overview: &Overview) -> Result<(), Reason> {
    let other = overview.sessions.iter().filter(|s| s.connected && s.version != schedule.to);
    let other: Vec<_> = other.map(|s| (s.version.clone(), with_name(&schedule.clients, s.address))).collect();
    if other.is_empty() { Ok(()) } else { Err(Reason::OtherMounts(other)) }
}
