//! The checks before anything is touched: plan, hosts and master held against each other. PURE.
//!
//! A fact that nobody asked for is no finding: what was not looked at is empty or `None`, and is let pass.

mod alone;
mod build;
mod causes;
mod chunkservers;
mod clients;
mod config;
mod daemon;
mod disks;
mod exports;
mod health;
mod host;
mod install;
mod locks;
mod master;
mod metadata;
mod metaloggers;
mod mount_file;
mod mounted;
mod mounts;
mod names;
mod needs;
mod nodes;
mod old;
mod old_programs;
mod owners;
mod planned;
mod space;
mod starters;
mod startup;
mod strangers;
mod twins;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

pub use alone::silent;
pub use planned::planned;
pub use twins::is_twin;

use super::{Code, ConfigChange, Finding, Observation, Severity};
use crate::host::facts::Space;
use crate::host::identity::Identity;
use crate::host::{HostFacts, HostName};
use crate::moosefs::Overview;
use crate::moosefs::version::Family;
use crate::plan::Plan;
use crate::rules::away::RECONNECT_S;

/// The look at every host of the plan.
pub type Fleet = BTreeMap<HostName, HostFacts>;

/// By how many seconds the clocks of hosts are ahead of this side's.
pub type Clocks = BTreeMap<HostName, i64>;

/// What is known of this side, from which the hosts are looked at.
#[derive(Debug, Clone, Default)]
pub struct Here {
    /// The hosts' clocks, held against this side's.
    pub clocks: Clocks,
    /// The folder of runs, and what is free there; `None`: nobody could tell.
    pub runs: Option<(String, Space)>,
}

/// Holds everything against everything. The observation is `None` where an error left a part of it unknown; all
/// findings are given, worst first.
#[must_use]
pub fn preflight(plan: &Plan, fleet: &Fleet, overview: &Overview, here: &Here) -> (Option<Observation>, Vec<Finding>) {
    let mut check = Check::new(plan, fleet, overview, here);
    check.hosts();
    let master = check.master();
    check.writers();
    let metaloggers = check.metaloggers();
    let chunkservers = check.chunkservers();
    check.lost_files();
    check.one_address(&chunkservers);
    let clients = check.clients();
    let without_old = check.old_programs();
    check.exports(&clients);
    check.strangers(&chunkservers, &clients);
    check.release();
    check.findings.extend(planned(plan));
    let baseline = check.baseline();
    check.twins();
    check.without_consequences();
    check.sort();
    let (config, reconnect_s) = (std::mem::take(&mut check.config), check.reconnect_s);
    let machines = fleet.iter().map(|(host, facts)| (host.clone(), Identity::of(facts))).collect();
    let whole = master.map(|master| Observation {
        baseline,
        master,
        metaloggers,
        config,
        chunkservers,
        clients,
        machines,
        without_old,
        reconnect_s,
    });
    let stopped = check.findings.iter().any(|f| f.severity == Severity::Error);
    (whole.filter(|_| !stopped), check.findings)
}

/// The hosts whose chunk files are to be counted once more, and then held against the same answer of the master: see
/// [`HostFacts::narrow`].
#[must_use]
pub fn to_count_again(plan: &Plan, fleet: &Fleet, overview: &Overview) -> Vec<HostName> {
    let here = Here::default();
    let mut check = Check::new(plan, fleet, overview, &here);
    check.chunkservers();
    check.to_count_again()
}

/// The same without a word of the master: what hosts tell of themselves. Nothing is observed then.
#[must_use]
pub fn unanswered(plan: &Plan, fleet: &Fleet, here: &Here) -> Vec<Finding> {
    let overview = &alone::NO_ANSWER;
    let mut check = Check::new(plan, fleet, overview, here);
    check.hosts();
    check.alone();
    check.twins();
    check.without_consequences();
    check.sort();
    check.findings
}

/// What is checked, and what was found so far.
struct Check<'a> {
    plan: &'a Plan,
    fleet: &'a Fleet,
    overview: &'a Overview,
    here: &'a Here,
    findings: Vec<Finding>,
    config: BTreeMap<HostName, Vec<ConfigChange>>,
    /// Chunk files that are gone, by the address of their chunkserver; and with what was counted, by its host.
    lost: BTreeMap<Ipv4Addr, u64>,
    lost_on: Vec<(HostName, u64, u64)>,
    /// The longest that a chunkserver waits between two tries to reach its master.
    reconnect_s: u64,
}

impl<'a> Check<'a> {
    fn new(plan: &'a Plan, fleet: &'a Fleet, overview: &'a Overview, here: &'a Here) -> Self {
        let (findings, config) = (Vec::new(), BTreeMap::new());
        let (lost, lost_on) = (BTreeMap::new(), Vec::new());
        Self { plan, fleet, overview, here, findings, config, lost, lost_on, reconnect_s: RECONNECT_S }
    }

    /// The releases that the upgrade begins with, in words.
    fn old_family(&self) -> Family {
        self.plan.line().from
    }

    /// Those that it ends with.
    fn new_family(&self) -> Family {
        self.plan.line().to
    }

    fn find(&mut self, code: Code, host: Option<&HostName>, seen: String, why: &str, todo: String) {
        self.findings.push(Finding::new(code, host, seen, why, todo));
    }

    /// The same of what asks for nothing; `todo` says why.
    fn find_idle(&mut self, code: Code, host: Option<&HostName>, seen: String, why: &str, todo: &str) {
        self.findings.push(Finding::new(code, host, seen, why, todo.to_owned()).idle());
    }
}

/// Whether the host was asked for what only a survey tells: absence means something then.
fn surveyed(facts: &HostFacts) -> bool {
    !facts.space.is_empty()
}
