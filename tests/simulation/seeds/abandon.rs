//! `upgrade --abandon`: a full-stop that stopped in its clients' phase is left, and another upgrade begun in its place, by a plan
//! that says the same and a new look at everything.

use mfsupgrade::check::{Baseline, Observation};
use mfsupgrade::host::{HostFacts, HostName};
use mfsupgrade::moosefs::Overview;
use mfsupgrade::moosefs::daemon::Role;
use mfsupgrade::plan::Mode;
use mfsupgrade::rules::V1_5_TO_1_6;
use mfsupgrade::schedule::{Schedule, compile};

use super::cluster::host::Host;
use super::cluster::{Cluster, State};
use super::fact::Fact;
use super::faults::{Armed, Kind, When};
use super::plant::Bug;
use super::scenario::{OLD, Scenario};
use super::seed::Seed;

/// As the counts have it.
pub const NAME: &str = "run abandoned for a new one";

/// Whether an operator does so, and the pause in the clients' phase behind which it may be done.
pub fn draw(r: &mut Seed, scenario: &Scenario) -> Option<Armed> {
    let suits = scenario.mode == Mode::FullStop && scenario.back.is_none() && !scenario.clients.is_empty();
    let last = scenario.commands() - r.below(4 * scenario.clients.len().max(1));
    (suits && r.chance(40)).then_some(Armed { when: When::Command(last), kind: Kind::Pause })
}

/// The schedule of the new run. `None`: the cluster is not yet, or not now, as it is in the clients' phase.
pub fn begin(cluster: &Cluster, bug: Bug) -> Option<Schedule> {
    let observation = observe(&cluster.state.borrow(), bug)?;
    let mut state = cluster.state.borrow_mut();
    state.fired.push(NAME);
    state.tell(Fact::Anew);
    Some(compile(&state.scenario.plan(), Some(&observation), &V1_5_TO_1_6))
}

fn observe(state: &State, bug: Bug) -> Option<Observation> {
    let overview = state.overview().ok()?;
    if !is_in_clients_phase(state) || state.jobs.iter().any(|job| job.alive) {
        return None;
    }
    let scenario = &state.scenario;
    let mut observation = scenario.observation(&overview);
    observation.baseline = baseline(state, &overview);
    observation.master.version = if bug == Bug::LooksPastTheMaster { OLD.clone() } else { scenario.to.clone() };
    observation.chunkservers.values_mut().for_each(|server| server.version = scenario.to.clone());
    for host in &state.hosts {
        let Ok(name) = HostName::new(&host.name) else { continue };
        if let Some(identity) = observation.machines.get_mut(&name) {
            identity.boot = host.boot();
        }
        if let Some(logger) = observation.metaloggers.get_mut(&name) {
            logger.version = runs_new(host, Role::Metalogger).then(|| scenario.to.clone());
        }
        if let Some(client) = observation.clients.get_mut(&name) {
            client.upgraded = host.running(Role::Client).all(|p| p.new);
        }
    }
    Some(observation)
}

/// What is lost is counted by now.
fn baseline(state: &State, overview: &Overview) -> Baseline {
    let master = HostFacts::parse(&state.survey(0)).expect("a look that can be read");
    Baseline { metaversion: master.metaversion(), ..Baseline::of(overview) }
}

/// A new master serves the right metadata, every chunkserver is new and has its chunks, all mounts are there, and every host is
/// reached: nothing stands against an upgrade.
fn is_in_clients_phase(state: &State) -> bool {
    let h = &state.health;
    let is_well = h.back.iter().all(|back| *back) && h.missing == 0 && h.under_goal <= state.scenario.under_goal;
    let is_there = |host: &Host| {
        host.reachable(state.now)
            && !host.disk_full
            && host.mounts.iter().all(|point| host.mounted(point).is_some())
            && host.used.is_empty()
            && (host.server.is_none() || runs_new(host, Role::Chunkserver))
    };
    let nobody_else = !state.lock_taken && state.now >= state.lock_silent_until && !state.saving;
    h.master == Some(true) && !h.other_metadata && is_well && nobody_else && state.hosts.iter().all(is_there)
}

fn runs_new(host: &Host, role: Role) -> bool {
    host.running(role).any(|p| p.new && p.ready.is_some())
}
