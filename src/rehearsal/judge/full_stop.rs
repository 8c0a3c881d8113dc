//! The invariants of the full-stop mode: master down, all chunkservers, a wait, master up, clients. PURE.

use std::time::Duration;

use super::rolling::least_wait;
use super::timeline::Timeline;
use super::{Check, check};
use crate::moosefs::daemon::Role;
use crate::plan::Plan;
use crate::rehearsal::timing::played;
use crate::words::human;

/// The checks.
pub fn checks(plan: &Plan, speed: f64, timeline: &Timeline<'_>) -> Vec<Check> {
    vec![order(plan, timeline), turns(plan, timeline), master_wait(plan, speed, timeline)]
}

fn order(plan: &Plan, timeline: &Timeline<'_>) -> Check {
    let mut against = Vec::new();
    let stopped = timeline.old_master_ended();
    for outage in timeline.outages() {
        if stopped.is_none_or(|stopped| outage.down < stopped) {
            let host = &timeline.servers[outage.server].host;
            against.push(format!("the chunkserver on {host} was taken down before the old master was"));
        }
    }
    // a run that stopped before the master's start broke no order
    let started = timeline.new_master_started().unwrap_or(0);
    for server in timeline.servers.iter().filter(|_| started > 0) {
        let before = |(host, at): &(&str, u64)| *host == server.host && *at < started;
        if !timeline.new_servers_started().iter().any(before) {
            against.push(format!("the new master was started before the new chunkserver on {}", server.host));
        }
    }
    against.extend(timeline.loggers_too_early());
    let ready = timeline.new_master_ready();
    for (host, what, at) in timeline.clients_touched(plan) {
        if ready.is_none_or(|ready| at < ready) || !timeline.all_servers_new_at(at) {
            against.push(format!("client {host} was {what} before the new cluster was whole"));
        }
    }
    check("order", against, "master down, chunkservers, master up, clients".to_owned())
}

fn turns(plan: &Plan, timeline: &Timeline<'_>) -> Check {
    let stopped = timeline.old_master_ended();
    let is_server = |host: &str| timeline.servers.iter().any(|server| server.host == host);
    let early = |(host, at): &(&str, u64)| is_server(host) && stopped.is_none_or(|stopped| *at < stopped);
    let installs = timeline.installs();
    let installs = installs.iter().filter(|(host, _)| *host != plan.master.host.as_str());
    let placed = timeline.new_in_place(Role::Chunkserver);
    let against = installs.filter(|i| early(i)).map(|(host, _)| format!("installed on {host} before"));
    let programs = placed.iter().filter(|p| early(p));
    let programs = programs.map(|(host, _)| format!("mfschunkserver was in place on {host} before"));
    let mut against: Vec<String> =
        against.chain(programs).map(|text| format!("{text} the old master was down")).collect();
    against.extend(timeline.logger_programs_too_early(plan));
    check("turns", against, "nothing was installed on a host before its turn".to_owned())
}

fn master_wait(plan: &Plan, speed: f64, timeline: &Timeline<'_>) -> Check {
    let last = timeline.new_servers_started().iter().map(|(_, at)| *at).max();
    let (mut against, mut otherwise) = (Vec::new(), String::new());
    match (timeline.new_master_started(), last) {
        (Some(started), Some(last)) => {
            let waited = Duration::from_nanos(started.saturating_sub(last));
            otherwise = format!("the master was started {} after the last chunkserver", played(waited, speed));
            if waited < least_wait(plan.upgrade.master_wait, speed) {
                against.push(format!("{otherwise}; the wait is {}", human(plan.upgrade.master_wait.as_secs())));
            }
        }
        (None, _) => otherwise = "no new master was started".to_owned(),
        (_, None) => against.push("the master was started before any new chunkserver".to_owned()),
    }
    check("master-wait", against, otherwise)
}
