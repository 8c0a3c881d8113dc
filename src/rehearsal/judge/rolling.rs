//! The invariants of the rolling mode: master, then chunkservers one at a time with the stagger between them, then
//! clients. PURE.

use std::time::Duration;

use super::timeline::{Outage, Timeline};
use super::{Check, check};
use crate::moosefs::daemon::Role;
use crate::plan::Plan;
use crate::rehearsal::timing::{played, scaled};
use crate::words::human;

/// A wait may be shorter by this part of itself: the waiting side rounds, and reads another clock.
const TOLERANCE: f64 = 0.01;

/// The checks.
pub fn checks(plan: &Plan, speed: f64, timeline: &Timeline<'_>) -> Vec<Check> {
    let outages = timeline.outages();
    vec![
        order(plan, timeline, &outages),
        turns(plan, timeline, &outages),
        one_at_a_time(timeline, &outages),
        stagger(plan, speed, timeline, &outages),
    ]
}

/// `least` without the tolerance.
pub fn least_wait(least: Duration, speed: f64) -> Duration {
    scaled(least, speed).mul_f64(1.0 - TOLERANCE)
}

fn order(plan: &Plan, timeline: &Timeline<'_>, outages: &[Outage]) -> Check {
    let mut against = Vec::new();
    let ready = timeline.new_master_ready();
    for (host, at) in timeline.new_servers_started() {
        if ready.is_none_or(|ready| at < ready) {
            against.push(format!("the new chunkserver on {host} was started before the new master served"));
        }
    }
    against.extend(timeline.loggers_too_early());
    for outage in outages {
        if ready.is_none_or(|ready| outage.down < ready) {
            let host = &timeline.servers[outage.server].host;
            against.push(format!("the chunkserver on {host} was taken down before the new master served"));
        }
    }
    let places: Vec<usize> = outages.iter().map(|outage| outage.server).collect();
    if !places.is_sorted() {
        let hosts: Vec<&str> = places.iter().map(|n| timeline.servers[*n].host.as_str()).collect();
        against.push(format!("chunkservers were restarted in the order {}, which is not the plan's", hosts.join(", ")));
    }
    for (host, what, at) in timeline.clients_touched(plan) {
        if !timeline.all_servers_new_at(at) {
            against.push(format!("client {host} was {what} before every chunkserver was back in the new release"));
        }
    }
    check("order", against, "master, chunkservers in the plan's order, clients".to_owned())
}

fn turns(plan: &Plan, timeline: &Timeline<'_>, outages: &[Outage]) -> Check {
    let mut against = Vec::new();
    let back = |n: usize, at: u64| outages.iter().any(|o| o.server == n && o.back.is_some_and(|back| back <= at));
    for (host, at) in timeline.installs() {
        if host == plan.master.host.as_str() {
            continue;
        }
        let Some(place) = timeline.servers.iter().position(|server| server.host == host) else {
            // clients: see `order`
            continue;
        };
        let ready = timeline.new_master_ready().is_some_and(|ready| ready <= at);
        // metaloggers come before all chunkservers, and a host that is both is installed on twice
        let is_logger = plan.metaloggers.iter().any(|logger| logger.host.as_str() == host);
        let place = if is_logger { 0 } else { place };
        if !ready || !(0..place).all(|n| back(n, at)) {
            against.push(format!("installed on {host} before its turn"));
        }
    }
    // whatever a host is besides, its chunkserver's program has the chunkserver's turn
    for (host, at) in timeline.new_in_place(Role::Chunkserver) {
        let Some(place) = timeline.servers.iter().position(|server| server.host == host) else { continue };
        if timeline.new_master_ready().is_none_or(|ready| ready > at) || !(0..place).all(|n| back(n, at)) {
            against.push(format!("mfschunkserver was in place on {host} before its turn"));
        }
    }
    against.extend(timeline.logger_programs_too_early(plan));
    check("turns", against, "nothing was installed on a host before its turn".to_owned())
}

fn one_at_a_time(timeline: &Timeline<'_>, outages: &[Outage]) -> Check {
    let mut against = Vec::new();
    for outage in outages {
        let away: Vec<&str> = timeline
            .away_at(outage.down)
            .into_iter()
            .filter(|n| *n != outage.server)
            .map(|n| timeline.servers[n].host.as_str())
            .collect();
        if !away.is_empty() {
            let host = &timeline.servers[outage.server].host;
            against.push(format!(
                "{host} was taken down {} after the beginning, while {} was not there with all chunks",
                timeline.show(outage.down),
                away.join(", ")
            ));
        }
    }
    check("one-at-a-time", against, "no two chunkservers were down at once".to_owned())
}

fn outages_seen(outages: &[Outage]) -> String {
    if outages.len() == 1 { "1 outage".to_owned() } else { format!("{} outages", outages.len()) }
}

fn stagger(plan: &Plan, speed: f64, timeline: &Timeline<'_>, outages: &[Outage]) -> Check {
    let least = least_wait(plan.upgrade.stagger.least, speed);
    let mut against = Vec::new();
    let mut shortest: Option<Duration> = None;
    for pair in outages.windows(2) {
        let [one, next] = pair else { continue };
        let names = [&timeline.servers[one.server].host, &timeline.servers[next.server].host];
        let Some(back) = one.back.filter(|back| *back <= next.down) else {
            against.push(format!("{} was taken down before {} was back", names[1], names[0]));
            continue;
        };
        let waited = Duration::from_nanos(next.down - back);
        shortest = Some(shortest.map_or(waited, |shortest| shortest.min(waited)));
        if waited < least {
            against.push(format!(
                "{} was taken down {} after {} was back; the stagger is {}",
                names[1],
                played(waited, speed),
                names[0],
                human(plan.upgrade.stagger.least.as_secs())
            ));
        }
    }
    let otherwise = match shortest {
        Some(shortest) => format!("{}, at least {} between them", outages_seen(outages), played(shortest, speed)),
        None => format!("{}, nothing to wait between", outages_seen(outages)),
    };
    check("stagger", against, otherwise)
}
