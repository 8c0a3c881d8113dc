//! What events mean: when which daemon went down and was back, and what a master knew at a moment. PURE.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use semver::Version;

use crate::moosefs::daemon::Role;
use crate::plan::Plan;
use crate::rehearsal::event::{Event, What};
use crate::rehearsal::timing::played;

/// A time at which a chunkserver was away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outage {
    /// The chunkserver's place in the plan.
    pub server: usize,
    /// When its process began to end.
    pub down: u64,
    /// When the master had all its chunks again; `None`: never.
    pub back: Option<u64>,
}

/// A chunkserver of the plan.
#[derive(Debug, Clone)]
pub struct Server {
    /// Its host.
    pub host: String,
    /// Its address.
    pub address: Ipv4Addr,
    /// The chunks that it had at the beginning.
    pub chunks: u32,
}

/// Events since the rehearsal began.
#[derive(Debug)]
pub struct Timeline<'a> {
    /// The events, in the order of their time.
    pub events: Vec<&'a Event>,
    /// When the cluster stood.
    pub began: u64,
    /// Files and chunks at the beginning.
    pub content: (u32, u32),
    /// The chunkservers, in the order of the plan.
    pub servers: Vec<Server>,
    /// Mounts that there were at the beginning: host and mount point.
    pub mounts: Vec<(String, String)>,
    to: Version,
    master: String,
    speed: f64,
}

impl<'a> Timeline<'a> {
    /// Reads the events.
    pub fn new(plan: &Plan, speed: f64, events: &'a [Event]) -> Self {
        let mut events: Vec<&Event> = events.iter().collect();
        events.sort_by_key(|event| event.at);
        let beginning = events.iter().position(|event| matches!(event.what, What::RehearsalBegins { .. }));
        let (before, since) = events.split_at(beginning.unwrap_or(0));
        let mut timeline = Self {
            events: since.to_vec(),
            began: since.first().map_or(0, |event| event.at),
            content: (0, 0),
            servers: Vec::new(),
            mounts: before.iter().filter_map(|event| mounted(event)).collect(),
            to: plan.upgrade.to.clone(),
            master: plan.master.host.as_str().to_owned(),
            speed,
        };
        if let Some(What::RehearsalBegins { files, chunks, server_chunks }) = since.first().map(|event| &event.what) {
            timeline.content = (*files, *chunks);
            let hosts = plan.chunkservers.iter().map(|server| server.host.as_str().to_owned());
            timeline.servers = hosts
                .zip(server_chunks)
                .map(|(host, (address, chunks))| Server { host, address: *address, chunks: *chunks })
                .collect();
        }
        timeline
    }

    /// Whether an event is about a process of `role` in the new release.
    fn is_new(&self, event: &Event, role: Role) -> bool {
        event.program == role.program() && event.version == self.to
    }

    /// The first time that `of` holds.
    pub fn first(&self, of: impl Fn(&Event) -> bool) -> Option<u64> {
        self.events.iter().find(|event| of(event)).map(|event| event.at)
    }

    /// When the new master first served.
    pub fn new_master_ready(&self) -> Option<u64> {
        self.first(|event| event.what == What::Ready && self.is_new(event, Role::Master))
    }

    /// When the first new master's process was there.
    pub fn new_master_started(&self) -> Option<u64> {
        self.first(|event| event.what == What::Started && self.is_new(event, Role::Master))
    }

    /// When the old master was gone.
    pub fn old_master_ended(&self) -> Option<u64> {
        self.first(|event| {
            event.host == self.master
                && event.program == Role::Master.program()
                && event.version != self.to
                && matches!(event.what, What::Ended { .. })
        })
    }

    /// When new chunkservers' processes were started: host and time.
    pub fn new_servers_started(&self) -> Vec<(&str, u64)> {
        let started = |e: &&&Event| e.what == What::Started && self.is_new(e, Role::Chunkserver);
        self.events.iter().filter(started).map(|event| (event.host.as_str(), event.at)).collect()
    }

    /// When new metaloggers' processes were started: host and time.
    pub fn new_loggers_started(&self) -> Vec<(&str, u64)> {
        let started = |e: &&&Event| e.what == What::Started && self.is_new(e, Role::Metalogger);
        self.events.iter().filter(started).map(|event| (event.host.as_str(), event.at)).collect()
    }

    /// What stands against metaloggers' having been started once the new master served, in either mode: a 1.5 master
    /// knows none.
    pub fn loggers_too_early(&self) -> Vec<String> {
        let ready = self.new_master_ready();
        let early = |(_, at): &(&str, u64)| ready.is_none_or(|ready| *at < ready);
        let started = self.new_loggers_started();
        let said =
            |(host, _): (&str, u64)| format!("the metalogger on {host} was started before the new master served");
        started.into_iter().filter(early).map(said).collect()
    }

    /// The chunks that the master had of each server at `time`, before what happens at that very time.
    fn known_before(&self, time: u64) -> BTreeMap<Ipv4Addr, u32> {
        // at the beginning all are there
        let mut known: BTreeMap<_, _> = self.servers.iter().map(|server| (server.address, server.chunks)).collect();
        for event in self.events.iter().take_while(|event| event.at < time) {
            match event.what {
                What::ServerRegistered { address, chunks, .. } | What::ServerReported { address, chunks } => {
                    known.insert(address, chunks);
                }
                What::ServerLost { address } => drop(known.remove(&address)),
                What::Ended { .. } | What::Terminating if event.program == Role::Master.program() => known.clear(),
                _ => {}
            }
        }
        known
    }

    /// The servers that were not there with all their chunks at `time`.
    pub fn away_at(&self, time: u64) -> Vec<usize> {
        let known = self.known_before(time);
        let away = |server: &Server| known.get(&server.address).is_none_or(|chunks| *chunks < server.chunks);
        (0..self.servers.len()).filter(|n| away(&self.servers[*n])).collect()
    }

    /// Whether every chunkserver ran the new release and was there with all its chunks at `time`.
    pub fn all_servers_new_at(&self, time: u64) -> bool {
        let started = self.new_servers_started();
        let new = |server: &Server| started.iter().any(|(host, at)| *host == server.host && *at < time);
        self.servers.iter().all(new) && self.away_at(time).is_empty()
    }

    /// Every time that a chunkserver was away through its own process, in the order of their beginning.
    pub fn outages(&self) -> Vec<Outage> {
        let mut outages: Vec<Outage> = Vec::new();
        for event in &self.events {
            let Some(server) = self.servers.iter().position(|server| server.host == event.host) else {
                self.note_back(event, &mut outages);
                continue;
            };
            let goes = matches!(event.what, What::Terminating | What::Ended { .. });
            let is_down = outages.iter().any(|outage| outage.server == server && outage.back.is_none());
            if goes && event.program == Role::Chunkserver.program() && !is_down {
                outages.push(Outage { server, down: event.at, back: None });
            }
            self.note_back(event, &mut outages);
        }
        outages
    }

    fn note_back(&self, event: &Event, outages: &mut [Outage]) {
        let (What::ServerRegistered { address, chunks, .. } | What::ServerReported { address, chunks }) = event.what
        else {
            return;
        };
        for outage in outages.iter_mut().filter(|outage| outage.back.is_none()) {
            let server = &self.servers[outage.server];
            if server.address == address && chunks >= server.chunks {
                outage.back = Some(event.at);
            }
        }
    }

    /// When something was first done to a client host as a client: its mounts, or an install where that host is nothing
    /// else.
    pub fn clients_touched(&self, plan: &Plan) -> Vec<(&'a str, &'static str, u64)> {
        let is_logger = |host: &str| plan.metaloggers.iter().any(|logger| logger.host.as_str() == host);
        let is_server = |host: &str| {
            host == self.master || is_logger(host) || self.servers.iter().any(|server| server.host == host)
        };
        let clients: Vec<&str> = plan.clients.iter().flat_map(|group| &group.hosts).map(|host| host.as_str()).collect();
        let of = |event: &'a Event| {
            let what = match event.what {
                What::Installed { .. } if !is_server(&event.host) => "installed",
                What::InPlace if self.is_new(event, Role::Client) => "installed",
                What::Unmounted { .. } => "unmounted",
                What::Mounted { .. } => "mounted",
                _ => return None,
            };
            clients.contains(&event.host.as_str()).then_some((event.host.as_str(), what, event.at))
        };
        self.events.iter().copied().filter_map(of).collect()
    }

    /// When a role's new program stood where a boot would start it: host and time.
    pub fn new_in_place(&self, role: Role) -> Vec<(&'a str, u64)> {
        let new = |e: &&&Event| e.what == What::InPlace && self.is_new(e, role);
        self.events.iter().filter(new).map(|event| (event.host.as_str(), event.at)).collect()
    }

    /// What stands against no metalogger's program having been in place before the new master served.
    pub fn logger_programs_too_early(&self, plan: &Plan) -> Vec<String> {
        let ready = self.new_master_ready();
        let is_logger = |host: &str| plan.metaloggers.iter().any(|logger| logger.host.as_str() == host);
        let early = |(host, at): &(&str, u64)| is_logger(host) && ready.is_none_or(|ready| *at < ready);
        let placed = self.new_in_place(Role::Metalogger);
        let said = |(host, _): (&str, u64)| format!("mfsmetalogger was in place on {host} before its turn");
        placed.into_iter().filter(early).map(said).collect()
    }

    /// Installs: host and time.
    pub fn installs(&self) -> Vec<(&'a str, u64)> {
        let installed = |e: &&&Event| matches!(e.what, What::Installed { .. });
        self.events.iter().filter(installed).map(|event| (event.host.as_str(), event.at)).collect()
    }

    /// Errors that applications got.
    pub fn io_errors(&self) -> u32 {
        let errors = self.events.iter().filter(|event| matches!(event.what, What::IoError { .. })).count();
        u32::try_from(errors).unwrap_or(u32::MAX)
    }

    /// The longest stall, those that ended in an error included.
    pub fn longest_stall(&self) -> u64 {
        let ms = |event: &&Event| match event.what {
            What::Stall { ms, .. } | What::IoError { after_ms: ms, .. } => Some(ms),
            _ => None,
        };
        self.events.iter().copied().filter_map(|event| ms(&event)).max().unwrap_or(0)
    }

    /// A moment as it is shown: since the beginning, in the cluster's own time.
    pub fn show(&self, at: u64) -> String {
        played(Duration::from_nanos(at.saturating_sub(self.began)), self.speed)
    }
}

fn mounted(event: &Event) -> Option<(String, String)> {
    match &event.what {
        What::Mounted { mount_point } => Some((event.host.clone(), mount_point.clone())),
        _ => None,
    }
}
