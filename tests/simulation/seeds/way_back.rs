//! The way back as an operator begins it: every host is looked at, what stands against it is put in order, and the schedule
//! is compiled from the journal of the upgrade and from what was seen.

use mfsupgrade::check::back::look_back;
use mfsupgrade::check::preflight::Fleet;
use mfsupgrade::check::{Code, Finding, Severity};
use mfsupgrade::host::{HostFacts, HostName};
use mfsupgrade::journal::Progress;
use mfsupgrade::schedule::{Schedule, changed, compile_back};

use super::cluster::Cluster;
use super::fact::Fact;
use super::faults::When;
use super::plant::Bug;

/// How often an operator asks before everything is put in order for good.
const ASKED: usize = 3;

/// The schedule of the way back of `upgrade`, which was walked as far as `progress`. `None`: it is refused though all is in
/// order.
pub fn begin(cluster: &Cluster, upgrade: &Schedule, progress: &Progress, bug: Bug) -> Option<Schedule> {
    let mut accepts = false;
    for asked in 0..=ASKED {
        let (schedule, findings) = look(cluster, upgrade, progress, bug, accepts);
        let against: Vec<String> = findings
            .iter()
            .filter(|f| f.severity != Severity::Note)
            .map(|f| format!("{:?} {}: {}: {}", f.code, f.host.as_ref().map_or("", |h| h.as_str()), f.seen, f.todo))
            .collect();
        if against.is_empty() {
            let in_use = cluster.state.borrow().master().is_some_and(|m| m.new);
            cluster.state.borrow_mut().tell(Fact::WayBack { in_use });
            return Some(schedule);
        }
        cluster.state.borrow_mut().tell(Fact::Refused(against.join("; ")));
        if asked == ASKED - 1 {
            cluster.disarm();
        }
        for host in findings.iter().filter(|f| f.code == Code::BackNotByRun).filter_map(|f| f.host.as_ref()) {
            cluster.unmount(host.as_str());
        }
        against.iter().for_each(|finding| cluster.obey(finding));
        // who is asked has looked
        let asks = against.iter().any(|finding| finding.contains("--accept-metadata"));
        accepts = asks && !cluster.state.borrow().health.other_metadata;
        cluster.repair(asked >= ASKED - 1);
    }
    None
}

/// What goes wrong from now on.
pub fn arm(cluster: &Cluster) {
    let mut state = cluster.state.borrow_mut();
    let faults = state.scenario.back_faults.clone();
    (state.commands, state.appends) = (0, 0);
    let first = state.faults.len();
    state.faults.iter_mut().for_each(|fault| *fault = None);
    state.faults.extend(faults.iter().copied().map(Some));
    for (at, armed) in faults.iter().enumerate() {
        if let When::Second(second) = armed.when {
            state.plan(second * 1000, super::cluster::happen::Happening::Fault(first + at));
        }
    }
}

fn look(
    cluster: &Cluster,
    upgrade: &Schedule,
    progress: &Progress,
    bug: Bug,
    accepts: bool,
) -> (Schedule, Vec<Finding>) {
    let state = cluster.state.borrow();
    let changed = changed(upgrade, &|step| progress.done.contains_key(step) || progress.open.contains(step));
    let mut findings = Vec::new();
    let mut fleet = Fleet::new();
    for (at, host) in state.hosts.iter().enumerate() {
        let name = HostName::new(&host.name).expect("a name of this world");
        if host.reachable(state.now) {
            drop(fleet.insert(name, HostFacts::parse(&bug.survey(state.survey(at))).expect("a look that can be read")));
        } else {
            findings.push(Finding::new(
                Code::HostUnreachable,
                Some(&name),
                "it was not reached".to_owned(),
                "it cannot be looked at",
                "try again".to_owned(),
            ));
        }
    }
    let overview = state.overview().ok();
    let mut before = upgrade.baseline.clone().unwrap_or_default();
    progress.counted.iter().for_each(|counts| before.learn(counts));
    let known: Vec<_> = upgrade.chunkservers.iter().chain(&upgrade.clients).filter_map(|k| k.address).collect();
    let plan = state.scenario.plan();
    let (seen, more) = look_back(&plan, &changed, &fleet, overview.as_ref(), &before, &known, accepts);
    findings.extend(more);
    (compile_back(&plan, "simulated", upgrade, &seen), findings)
}
