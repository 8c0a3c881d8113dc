//! A simulated mount's way to its data: master, session, chunkserver, by the patience of its release. It reads one file
//! after the other, for ever, and tells what an application would have seen.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use semver::Version;
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use super::super::packet::{
    BLOB_WITH_ACCESS_LISTS, BLOB_WITHOUT_ACCESS_LISTS, CLTOCS_READ, CLTOMA_FUSE_READ_CHUNK, CLTOMA_FUSE_READDIR,
    CLTOMA_FUSE_REGISTER, Fields, Payload, REGISTER_NEWSESSION, REGISTER_RECONNECT, STATUS_BADSESSION, STATUS_OK,
    read_frame, send,
};
use super::PROGRAM;
use super::options::MountOptions;
use crate::moosefs::releases::Traits;
use crate::moosefs::version::to_wire;
use crate::moosefs::wire::frame::ANTOAN_NOP;
use crate::rehearsal::event::{What, now};
use crate::rehearsal::procfs::write_whole;
use crate::rehearsal::site::Site;

/// A round through all files is made of so many goes, with [`crate::rehearsal::Timings::real_check`] between them.
pub const GOES_OF_A_ROUND: usize = 6;
/// A read that took longer is told as a stall.
const NOTICEABLE: Duration = Duration::from_millis(300);
/// No answer at all from a peer that is connected.
const DEAF: Duration = Duration::from_secs(5);

/// What a mount has seen so far, in `<root>/.sim/watch/PID`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// CLOCK_MONOTONIC at which the last round through all files began that read every one of them; 0: none yet.
    pub whole_round_began: u64,
    /// Files in such a round.
    pub files: u32,
    /// Errors that an application got.
    pub errors: u32,
    /// The longest time that one read took, in milliseconds of real time.
    pub longest_stall_ms: u64,
}

#[derive(Debug)]
pub struct DataPath {
    site: Site,
    version: Version,
    traits: Traits,
    options: MountOptions,
    session: u32,
    master: Option<TcpStream>,
    servers: HashMap<(Ipv4Addr, u16), TcpStream>,
    files: Vec<(u32, String)>,
    messages: u32,
}

/// Why a mount has no session.
enum Refusal {
    /// The master cannot be reached, or closed the connection.
    Unreachable,
    /// The master said no.
    Denied,
}

impl From<io::Error> for Refusal {
    fn from(_: io::Error) -> Self {
        Self::Unreachable
    }
}

impl DataPath {
    pub fn new(site: Site, version: Version, traits: Traits, options: &MountOptions) -> Self {
        Self {
            site,
            version,
            traits,
            options: options.clone(),
            session: 0,
            master: None,
            servers: HashMap::new(),
            files: Vec::new(),
            messages: 0,
        }
    }

    /// A 1.6 mount's first registration, before it goes to the background.
    ///
    /// # Errors
    /// The words of mfsmount.
    pub async fn first_session(&mut self) -> Result<(), String> {
        self.connect().await.map_err(|refusal| match refusal {
            Refusal::Unreachable => {
                "error receiving data from mfsmaster (can't connect, or it closed the connection)".to_owned()
            }
            Refusal::Denied => "mfsmaster register error: Permission denied".to_owned(),
        })
    }

    async fn connect(&mut self) -> Result<(), Refusal> {
        let host = self.site.resolve(&self.options.host).ok_or_else(|| io::Error::other("can't resolve the master"))?;
        let mut stream = self.site.connect(SocketAddrV4::new(host, self.options.port)).await?;
        let version = to_wire(&self.version);
        let packet = Payload::default();
        let packet = if !self.traits.sessions {
            packet.bytes(BLOB_WITHOUT_ACCESS_LISTS).u32(self.session).u32(version)
        } else if self.session == 0 {
            let path = if self.options.meta { "." } else { &self.options.path };
            let packet = packet.bytes(BLOB_WITH_ACCESS_LISTS).u8(REGISTER_NEWSESSION).u32(version);
            packet.text(&self.options.mount_point).text(path)
        } else {
            packet.bytes(BLOB_WITH_ACCESS_LISTS).u8(REGISTER_RECONNECT).u32(self.session).u32(version)
        };
        let answer = ask(&mut stream, CLTOMA_FUSE_REGISTER, packet).await?;
        match answer[..] {
            [STATUS_OK] => {}
            [STATUS_BADSESSION] => {
                // before 1.6.19 a mount that lost its session never recovers (`mastercomm.c` @ 1.6.18)
                if self.traits.renews_session {
                    self.session = 0;
                }
                return Err(Refusal::Denied);
            }
            [_] => return Err(Refusal::Denied),
            _ => {
                let mut fields = Fields(&answer);
                if self.traits.sessions {
                    fields.u32()?;
                }
                self.session = fields.u32()?;
            }
        }
        self.master = Some(stream);
        Ok(())
    }

    /// Reads for ever.
    pub async fn watch(&mut self) {
        let mut watch = Watch::default();
        let _ = std::fs::create_dir_all(self.site.sim("watch"));
        let file = self.site.sim("watch").join(std::process::id().to_string());
        loop {
            let began = now();
            let mut whole = self.list_files().await;
            let at_once = self.files.len().div_ceil(GOES_OF_A_ROUND).max(1);
            for at in 0..self.files.len() {
                if at % at_once == 0 {
                    self.pause().await;
                }
                whole &= self.read_file(at, &mut watch).await;
            }
            if whole {
                watch.whole_round_began = began;
                watch.files = u32::try_from(self.files.len()).unwrap_or(u32::MAX);
            }
            let _ = write_whole(&file, &serde_json::to_vec(&watch).unwrap_or_default());
            if self.files.is_empty() {
                self.pause().await;
            }
        }
    }

    /// Until the next check, or until the master goes.
    async fn pause(&mut self) {
        let check = self.site.timings.real_check;
        let Some(master) = &mut self.master else { return sleep(check).await };
        // peeking, unlike waiting for readiness, is never woken by what was read long ago
        match timeout(check, master.peek(&mut [0])).await {
            Err(_) => {}
            Ok(Ok(1)) => match timeout(DEAF, read_frame(master)).await {
                // nothing comes unasked but a NOP now and then
                Ok(Ok(Some(frame))) if frame.kind == ANTOAN_NOP => {}
                _ => self.master = None,
            },
            Ok(_) => self.master = None,
        }
    }

    async fn list_files(&mut self) -> bool {
        let Ok(answer) = self.ask_master(CLTOMA_FUSE_READDIR, &[1]).await else { return false };
        let mut fields = Fields(&answer);
        let mut files = Vec::new();
        while let Ok(length) = fields.u8() {
            let Ok(name) = fields.bytes(length.into()) else { return false };
            let name = String::from_utf8_lossy(name).into_owned();
            let (Ok(inode), Ok(_)) = (fields.u32(), fields.u8()) else { return false };
            files.push((inode, name));
        }
        self.files = files;
        true
    }

    /// One read of an application. `false`: it got an error.
    async fn read_file(&mut self, at: usize, watch: &mut Watch) -> bool {
        let (inode, name) = self.files[at].clone();
        let began = Instant::now();
        let outcome = self.read_chunk(inode).await;
        let took = began.elapsed();
        let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        watch.longest_stall_ms = watch.longest_stall_ms.max(ms);
        let mount_point = self.options.mount_point.clone();
        match outcome {
            Ok(()) => {
                if took > NOTICEABLE {
                    self.site.record(PROGRAM, &self.version, What::Stall { mount_point, ms });
                }
                true
            }
            Err(reason) => {
                watch.errors += 1;
                let error = What::IoError { mount_point, file: name, reason, after_ms: ms };
                self.site.record(PROGRAM, &self.version, error);
                false
            }
        }
    }

    /// `readdata.c` @ 1.5.12 and 1.6.27: without a live copy a read sleeps 60 s at a time and fails after 3 (later 5) of them.
    async fn read_chunk(&mut self, inode: u32) -> Result<(), String> {
        let tries = self.site.timings.no_copy_sleep * self.traits.read_tries;
        let patience = self.site.scaled(tries).max(self.site.timings.real_least_eio);
        let began = Instant::now();
        let mut asked_again = false;
        loop {
            let answer = self.ask_master(CLTOMA_FUSE_READ_CHUNK, &[inode, 0]).await?;
            if answer.len() == 1 {
                return Err("no such chunk".to_owned());
            }
            let (chunk, servers) = locations(&answer).map_err(|error| error.to_string())?;
            for server in &servers {
                if self.read_from(*server, chunk).await {
                    return Ok(());
                }
            }
            // a server that just went is still named; who asks again is told the others
            if !servers.is_empty() && !asked_again {
                asked_again = true;
                sleep(Duration::from_millis(20)).await;
                continue;
            }
            if began.elapsed() >= patience {
                return Err("ENXIO: no chunkserver that has the chunk is connected".to_owned());
            }
            sleep(self.site.scaled(self.site.timings.no_copy_sleep)).await;
            asked_again = false;
        }
    }

    async fn read_from(&mut self, server: (Ipv4Addr, u16), chunk: u64) -> bool {
        let packet = || Payload::default().u64(chunk).u32(1).u32(0).u32(1);
        let good = |answer: &[u8]| answer.last() == Some(&STATUS_OK);
        if let Some(stream) = self.servers.get_mut(&server) {
            match ask(stream, CLTOCS_READ, packet()).await {
                Ok(answer) => return good(&answer),
                Err(_) => drop(self.servers.remove(&server)),
            }
        }
        let Ok(mut stream) = self.site.connect(SocketAddrV4::new(server.0, server.1)).await else { return false };
        let answer = ask(&mut stream, CLTOCS_READ, packet()).await;
        self.servers.insert(server, stream);
        answer.is_ok_and(|answer| good(&answer))
    }

    /// Asks the master, reconnecting as long as the release has patience. The answer without its message number.
    async fn ask_master(&mut self, kind: u32, numbers: &[u32]) -> Result<Vec<u8>, String> {
        let patience = self.site.scaled(self.traits.eio_after).max(self.site.timings.real_least_eio);
        let began = Instant::now();
        loop {
            if self.master.is_none() {
                let _ = self.connect().await;
            }
            if let Some(master) = &mut self.master {
                self.messages += 1;
                let packet = numbers.iter().fold(Payload::default().u32(self.messages), |packet, n| packet.u32(*n));
                match ask(master, kind, packet).await {
                    Ok(answer) => return Ok(answer.get(4..).unwrap_or_default().to_vec()),
                    Err(_) => self.master = None,
                }
            }
            if began.elapsed() >= patience {
                return Err(format!("EIO: no master for {:?} (scaled)", began.elapsed()));
            }
            sleep(self.site.scaled(self.site.timings.mount_reconnect)).await;
        }
    }
}

fn locations(answer: &[u8]) -> io::Result<(u64, Vec<(Ipv4Addr, u16)>)> {
    let mut fields = Fields(answer);
    let (_length, chunk, _version) = (fields.u64()?, fields.u64()?, fields.u32()?);
    let mut servers = Vec::new();
    while !fields.0.is_empty() {
        servers.push((Ipv4Addr::from_bits(fields.u32()?), fields.u16()?));
    }
    Ok((chunk, servers))
}

async fn ask(stream: &mut TcpStream, kind: u32, packet: Payload) -> io::Result<Vec<u8>> {
    let answer = async {
        send(stream, kind, packet.0).await?;
        loop {
            match read_frame(stream).await? {
                Some(frame) if frame.kind == ANTOAN_NOP => {}
                Some(frame) => return Ok(frame.payload),
                None => return Err(io::Error::other("the peer closed the connection")),
            }
        }
    };
    timeout(DEAF, answer).await.map_err(|_| io::Error::other("the peer does not answer"))?
}
