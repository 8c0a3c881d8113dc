//! Chunkservers: connected, with their disks, in a shape that the new release takes over.

use std::collections::{BTreeMap, BTreeSet};

use semver::Version;

use super::Check;
use super::names::{DEFAULT_NAME, Seeker, is_loopback, refuses_loopback};
use crate::check::{Code, ServerSeen};
use crate::host::{HostFacts, HostName, Process};
use crate::moosefs::config::port;
use crate::moosefs::daemon::{CHUNKSERVER_PORT, MASTER_CHUNKSERVER_PORT, Role};
use crate::moosefs::releases::TABLE;
use crate::moosefs::wire::Chunkserver;
use crate::plan::Access;

/// How many chunks a 1.5 chunkserver may register, in round millions: it does so in one packet of 47 + 12 bytes a chunk, and a
/// master closes the connection at a longer one than it takes (matocsserv.c).
fn most_chunks(to: &Version) -> u32 {
    const MILLION: u32 = 1_000_000;
    (TABLE.largest_packet.at(to) - 47) / 12 / MILLION * MILLION
}

const WHY_NOT_CONNECTED: &str = "one chunkserver is down already: the upgrade must not take down a second one";

impl Check<'_> {
    /// A 1.5 one tries again every 30 s (MASTER_RECONNECTION_DELAY; run with 1.5.12).
    fn to_connect(&self) -> String {
        format!(
            "wait 30 s if the master was started just now: {} chunkservers connect again as late as that; else bring it back, or give \
             its `address` if the master knows it by another one",
            self.old_family()
        )
    }

    pub(super) fn chunkservers(&mut self) -> BTreeMap<HostName, ServerSeen> {
        let plan = self.plan;
        let mut seen = BTreeMap::new();
        for server in &plan.chunkservers {
            let Some(facts) = self.facts(&server.host, Role::Chunkserver, &server.access) else { continue };
            let Some(process) = self.daemon(&server.host, Role::Chunkserver, &server.access, facts) else { continue };
            let port = self.master_port(&server.host, &server.access, process, facts);
            let towards = port.and_then(|port| facts.address_towards(port));
            let Some(address) = server.address.or(towards) else {
                let port = port.map_or("port, whose number is not known".to_owned(), |port| format!("port {port}"));
                self.find(
                    Code::ChunkserverNotConnected,
                    Some(&server.host),
                    format!("it has no connection to a master's {port}"),
                    WHY_NOT_CONNECTED,
                    self.to_connect(),
                );
                continue;
            };
            if let Some(port) = port.filter(|_| towards.is_some()) {
                self.other_port(&server.host, port);
            }
            if is_loopback(address) && TABLE.refuses_loopback.at(&plan.upgrade.to) {
                self.find(
                    Code::MasterHostLoopback,
                    Some(&server.host),
                    format!("it reaches the master over {address}"),
                    &refuses_loopback(),
                    "give MASTER_HOST in mfschunkserver.cfg a real address".into(),
                );
                continue;
            }
            let listed = self.overview.chunkservers.iter().find(|s| s.address == address && !s.disconnected);
            let Some(listed) = listed else {
                self.find(
                    Code::ChunkserverNotConnected,
                    Some(&server.host),
                    format!("the master lists no connected chunkserver {address}"),
                    WHY_NOT_CONNECTED,
                    self.to_connect(),
                );
                continue;
            };
            self.disks(&server.host, &server.access, process, facts, listed);
            self.lost(&server.host, &server.access, process, facts, listed);
            self.config_of(&server.host, &server.access, process, facts);
            self.name_of_master(&server.host, &server.access, process, facts);
            let Some(version) = process.version.clone() else { continue };
            let Some(data_path) = self.data_path(&server.host, process) else { continue };
            seen.insert(server.host.clone(), ServerSeen { version, address, data_path });
        }
        seen
    }

    /// The master's file may have been edited since its start: the new one reads it.
    fn other_port(&mut self, host: &HostName, port: u16) {
        let (master, to) = (&self.plan.master, &self.plan.upgrade.to);
        let Some(facts) = self.fleet.get(&master.host) else { return };
        let Some((path, config)) = self.future(&master.host, Role::Master, &master.access, facts) else { return };
        let will = self::port(config.get("MATOCS_LISTEN_PORT", to), MASTER_CHUNKSERVER_PORT);
        if let Some(will) = will.filter(|will| *will != port) {
            self.find(
                Code::ChunkserverPortDiffers,
                Some(host),
                format!("it is connected to port {port}, and with {path} on {} a new master listens on {will}", master.host),
                "no chunkserver would find the new master, and no file could be read",
                format!("write MATOCS_LISTEN_PORT = {port} there; MASTER_PORT of mfschunkserver.cfg is read at a start alone"),
            );
        }
    }

    /// The port on which the running chunkserver looks for its master.
    fn master_port(&self, host: &HostName, access: &Access, process: &Process, facts: &HostFacts) -> Option<u16> {
        let set = match self.old(access, process, facts) {
            Some(old) => old.get("MASTER_PORT").map(str::to_owned),
            None => {
                let future = self.future(host, Role::Chunkserver, access, facts);
                future.and_then(|(_, config)| config.get("MASTER_PORT", &self.plan.upgrade.to).map(str::to_owned))
            }
        };
        port(set.as_deref(), MASTER_CHUNKSERVER_PORT)
    }

    /// What its disks and its chunks say about the way it will come back.
    fn disks(&mut self, host: &HostName, access: &Access, process: &Process, facts: &HostFacts, listed: &Chunkserver) {
        let (upgrade, host) = (&self.plan.upgrade, Some(host));
        let old = process.version.as_ref() == Some(&upgrade.from);
        let most = most_chunks(&upgrade.to);
        let chunks = listed.chunks.saturating_add(listed.removal_chunks);
        if old && chunks > most {
            self.find(
                Code::ChunksTooMany,
                host,
                format!(
                    "it has {chunks} chunks, and a {} master takes {most} from a {} chunkserver",
                    upgrade.to,
                    self.old_family()
                ),
                "the new master closes the connection at its registration: all of its chunks are missing until it is upgraded",
                format!("take {} or later, or move chunks to other servers first", TABLE.largest_packet.first()),
            );
        }
        let wide: Vec<_> = facts.folders.iter().filter(|(_, f)| f.wide).map(|(path, _)| path.as_str()).collect();
        if old && !wide.is_empty() {
            self.find(
                Code::DisksRolledBack,
                host,
                format!("there are folders 00 to FF on {}", wide.join(", ")),
                &format!(
                    "a {} chunkserver ran on it, and a {} one does not see the chunks in them; they come back with the new one, \
                     also those that were deleted or copied elsewhere since",
                    self.new_family(),
                    self.old_family()
                ),
                "stop it, move each chunk to the folder named by the last hex digit of its id, remove 00 to FF, start it".into(),
            );
        }
        let mut others = self.overview.chunkservers.iter().filter(|s| s.address != listed.address);
        if chunks == 0 && others.any(|s| s.chunks > 0) {
            self.find(
                Code::ChunkserverEmpty,
                host,
                "the master lists it with no chunk, and others have some".into(),
                "its chunks cannot be missed after its restart: nobody can tell that it comes back with them",
                "nothing, if it is new; else see that its disks are mounted".into(),
            );
        }
        self.serves(host, access, process, facts, listed.port);
    }

    /// Files that went since the old chunkserver has looked at its disks: the new one will look again.
    fn lost(&mut self, host: &HostName, access: &Access, process: &Process, facts: &HostFacts, listed: &Chunkserver) {
        let Some(there) = self.chunk_files(access, process, facts) else { return };
        let told = u64::from(listed.chunks.saturating_add(listed.removal_chunks));
        let lost = told.saturating_sub(there);
        if lost == 0 {
            return;
        }
        self.lost.insert(listed.address, lost);
        self.lost_on.push((host.clone(), told, there));
    }

    /// How many chunk files are on all disks of an old chunkserver; `None`: nobody could tell.
    fn chunk_files(&self, access: &Access, process: &Process, facts: &HostFacts) -> Option<u64> {
        let disks: BTreeSet<String> = self.old(access, process, facts)?.disk_paths().into_iter().collect();
        let counts = disks.iter().map(|disk| facts.narrow.get(disk).copied());
        let counts = counts.collect::<Option<Vec<u64>>>().filter(|counts| !counts.is_empty())?;
        // a host says what it likes
        Some(counts.into_iter().fold(0, u64::saturating_add))
    }

    /// The chunkservers that have fewer files than their master counts by this look: files come and go while hosts and master are
    /// asked one after the other, so that they are counted once more.
    pub(super) fn to_count_again(&self) -> Vec<HostName> {
        self.lost_on.iter().map(|(host, ..)| host.clone()).collect()
    }

    /// All of them together, since the plan accepts a number.
    pub(super) fn lost_files(&mut self) {
        let all: u64 = self.lost.values().sum();
        if all <= self.plan.upgrade.accept_lost {
            return;
        }
        for (host, told, there) in std::mem::take(&mut self.lost_on) {
            self.find(
                Code::ChunksLost,
                Some(&host),
                format!("its master counts {told} chunks on it, and {there} chunk files are on its disks: {} are gone", told - there),
                "they are gone already, and nobody has noticed; the new chunkserver will, and the run would stop at its gates",
                format!(
                    "repair the files that need them, or wait for their other copies to be replicated; what is lost for good is \
                     accepted by `accept_lost = {all}` under [upgrade]"
                ),
            );
        }
    }

    /// A survey looks at the usual port and at those that files name; of another one, by which the master knows it, nothing is
    /// seen.
    fn serves(&mut self, host: Option<&HostName>, access: &Access, process: &Process, facts: &HostFacts, known: u16) {
        let set = self.old(access, process, facts).and_then(|old| old.get("CSSERV_LISTEN_PORT")?.parse().ok());
        if let Some(old) = self.old(access, process, facts)
            && let Some(will) =
                self::port(old.get("CSSERV_LISTEN_PORT"), CHUNKSERVER_PORT).filter(|will| *will != known)
            && facts.listener(will).is_some()
        {
            self.find(
                Code::PortTaken,
                host,
                format!("{} says port {will}, something listens there, and the running chunkserver has port {known}", old.path),
                "the new chunkserver reads the file, and does not start without its port, after it has stopped the old one",
                format!("write CSSERV_LISTEN_PORT = {known}, or end what has port {will} (`ss -ltnp` names it)"),
            );
        }
        let looked_at = known == CHUNKSERVER_PORT || set == Some(known);
        // an address that shows no listener anywhere is one whose sockets are not seen
        let shown = self.fleet.values().any(|facts| facts.sockets.iter().any(|socket| socket.listening));
        if !shown || !looked_at {
            return;
        }
        let seen = match (facts.listener(known), facts.listens_itself(process, known)) {
            (None, _) => format!("nothing listens on its port {known}, by which the master knows it"),
            (Some(_), Some(false)) => {
                format!("another process listens on its port {known}, by which the master knows it")
            }
            _ => return,
        };
        self.find(
            Code::ChunkserverNotListening,
            host,
            seen,
            &format!("a {} chunkserver that finds its port taken runs on and serves nothing", self.old_family()),
            format!("end what has its port (`ss -ltnp` names it), and restart {}", process.role.program()),
        );
    }

    /// The name of the master that the new daemon will be told.
    pub(super) fn name_of_master(&mut self, host: &HostName, access: &Access, process: &Process, facts: &HostFacts) {
        let to = &self.plan.upgrade.to;
        if process.version.as_ref() == Some(to) {
            return;
        }
        let Some((path, config)) = self.future(host, Role::Chunkserver, access, facts) else { return };
        let set = config.get("MASTER_HOST", to);
        let said = match set {
            Some(name) => format!("{path} says MASTER_HOST = {name}"),
            None => format!("{path} says no MASTER_HOST, so that it is {DEFAULT_NAME}"),
        };
        let port = self.master_port(host, access, process, facts);
        let seeker = Seeker { role: Role::Chunkserver, name: set.unwrap_or(DEFAULT_NAME), said, port };
        self.finds_master(host, facts, &seeker);
    }
}
