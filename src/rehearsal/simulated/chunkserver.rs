//! The simulated mfschunkserver: scans its disks, keeps connected to its master, and tells clients whether it has a chunk.

use std::collections::BTreeSet;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::Signal;
use tokio::sync::watch;

use super::daemon::Life;
use super::disks::{CHUNK_SIZE, Disks};
use super::packet::{
    CLTOCS_READ, CSTOCL_READ_STATUS, CSTOMA_CHUNK_NEW, CSTOMA_DELETE, CSTOMA_REGISTER, CSTOMA_SPACE, Fields,
    MATOCS_DELETE, Payload, STATUS_NOCHUNK, STATUS_OK, frames, read_frame, send,
};
use crate::moosefs::daemon::{CHUNKSERVER_PORT, MASTER_CHUNKSERVER_PORT};
use crate::moosefs::version::to_wire;
use crate::rehearsal::event::What;
use crate::rehearsal::fault::FaultName;

#[derive(Debug)]
struct Server {
    life: Life,
    disks: Disks,
    master: SocketAddrV4,
    port: u16,
    /// Empty until the scan is done.
    chunks: Mutex<BTreeSet<u64>>,
    scanned: watch::Sender<bool>,
}

/// Starts a chunkserver and serves until `terminate`. `ready` is called when init is done.
///
/// # Errors
/// The module whose init failed.
pub async fn run(life: Life, mut terminate: Signal, ready: impl FnOnce()) -> Result<(), String> {
    let name = life.config.get("MASTER_HOST").unwrap_or("mfsmaster").to_owned();
    let host = life.site.resolve(&name).ok_or_else(|| format!("can't resolve master host {name}"))?;
    // all hosts of a rehearsal are on 127.x; what a real chunkserver would call local is 127.0.x here
    if life.traits.refuses_loopback && host.octets()[..2] == [127, 0] {
        return Err(format!(
            "localhost ({host}) can't be used for connecting with master (use ip address of network controller)"
        ));
    }
    let number = |key: &str, default| life.config.number(key).and_then(|n| u16::try_from(n).ok()).unwrap_or(default);
    let master = SocketAddrV4::new(host, number("MASTER_PORT", MASTER_CHUNKSERVER_PORT));
    let port = number("CSSERV_LISTEN_PORT", CHUNKSERVER_PORT);
    let disks = Disks::open(&life)?;
    if life.suffers(FaultName::LosesChunk)
        && let Some(chunk) = disks.scan().first()
    {
        disks.delete(*chunk);
        life.record(What::FaultActed { fault: FaultName::LosesChunk.to_string() });
        life.record(What::ChunkDeleted { chunk: *chunk });
    }
    let listener = match TcpListener::bind(SocketAddrV4::new(life.site.address, port)).await {
        Ok(listener) => Some(listener),
        Err(_) if !life.traits.ends_without_port => None,
        Err(error) => return Err(format!("listen on *:{port}: {error}")),
    };
    let server =
        Arc::new(Server { life, disks, master, port, chunks: Mutex::default(), scanned: watch::Sender::new(false) });
    let life = &server.life;
    // up to 1.6.25 init ends with the scan (and up to 1.6.8 nobody waits for init)
    if !life.traits.background_scan {
        scan(&server).await;
    }
    if life.suffers(FaultName::DoesNotComeBack) {
        life.record(What::FaultActed { fault: FaultName::DoesNotComeBack.to_string() });
        ready();
        return Ok(());
    }
    life.record(What::Ready);
    ready();
    let mut tasks = tokio::task::JoinSet::new();
    if life.traits.background_scan {
        let server = server.clone();
        tasks.spawn(async move { scan(&server).await });
    }
    tasks.spawn(stay_connected(server.clone()));
    if let Some(listener) = listener {
        tasks.spawn(accept(server.clone(), listener));
    }
    terminate.recv().await;
    life.record(What::Terminating);
    tasks.shutdown().await;
    Ok(())
}

async fn scan(server: &Server) {
    let life = &server.life;
    let time = if life.suffers(FaultName::SlowScan) {
        life.record(What::FaultActed { fault: FaultName::SlowScan.to_string() });
        life.site.greatest_stagger * 2
    } else {
        life.site.timings.scan
    };
    tokio::time::sleep(life.site.scaled(time)).await;
    *server.chunks.lock().expect("never poisoned") = server.disks.scan();
    server.scanned.send_replace(true);
}

/// Tries to reach the master on a timer that is aligned to its period, as main.c's is (`masterconn.c` @ 1.5.12 and 1.6.27; measured).
async fn stay_connected(server: Arc<Server>) {
    let life = &server.life;
    let delay = life.config.number("MASTER_RECONNECTION_DELAY");
    let period = delay.map_or(life.site.timings.server_reconnect, |seconds| Duration::from_secs(seconds.into()));
    let mut timer = tokio::time::interval(life.site.scaled(period).max(Duration::from_millis(5)));
    timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        timer.tick().await;
        if let Ok(stream) = life.site.connect(server.master).await {
            let _ = talk(&server, stream).await;
        }
    }
}

async fn talk(server: &Server, stream: TcpStream) -> io::Result<()> {
    let (reading, mut writing) = stream.into_split();
    let mut scanned = server.scanned.subscribe();
    let complete = *scanned.borrow_and_update();
    register(server, &mut writing).await?;
    let (mut orders, _reader) = frames(reading);
    let mut waiting = !complete;
    loop {
        tokio::select! {
            order = orders.recv() => {
                let Some(frame) = order else { return Ok(()) };
                if frame.kind == MATOCS_DELETE {
                    let chunk = Fields(&frame.payload).u64()?;
                    server.disks.delete(chunk);
                    server.chunks.lock().expect("never poisoned").remove(&chunk);
                    server.life.record(What::ChunkDeleted { chunk });
                    send(&mut writing, CSTOMA_DELETE, Payload::default().u64(chunk).u8(STATUS_OK).0).await?;
                    send(&mut writing, CSTOMA_SPACE, space(server, Payload::default()).0).await?;
                }
            }
            _ = scanned.changed(), if waiting => {
                waiting = false;
                send(&mut writing, CSTOMA_CHUNK_NEW, chunks(server, Payload::default()).0).await?;
                send(&mut writing, CSTOMA_SPACE, space(server, Payload::default()).0).await?;
            }
        }
    }
}

/// CSTOMA_REGISTER in the form of the release (MFSCommunication.h @ 1.6.27; masterconn.c @ 1.5.12).
async fn register(server: &Server, writing: &mut OwnedWriteHalf) -> io::Result<()> {
    let version = to_wire(&server.life.version);
    // "listen on *" is told as 0: the master takes the address that the connection comes from
    let myself = |packet: Payload| packet.bytes(&Ipv4Addr::UNSPECIFIED.octets()).u16(server.port);
    match server.life.traits.sends_register {
        50 => {
            let begin = myself(Payload::default().u8(50).u32(version)).u16(60).0;
            send(writing, CSTOMA_REGISTER, begin).await?;
            send(writing, CSTOMA_REGISTER, chunks(server, Payload::default().u8(51)).0).await?;
            send(writing, CSTOMA_REGISTER, space(server, Payload::default().u8(52)).0).await
        }
        4 => {
            let packet = space(server, myself(Payload::default().u8(4).u32(version)).u16(60));
            send(writing, CSTOMA_REGISTER, chunks(server, packet).0).await
        }
        _ => {
            let packet = space(server, myself(Payload::default().u8(2)));
            send(writing, CSTOMA_REGISTER, chunks(server, packet).0).await
        }
    }
}

fn chunks(server: &Server, packet: Payload) -> Payload {
    let chunks = server.chunks.lock().expect("never poisoned");
    let packet = chunks.iter().fold(packet, |packet, chunk| packet.u64(*chunk).u32(1));
    made_up(server).fold(packet, |packet, chunk| packet.u64(chunk).u32(1))
}

/// Chunks that are told of and are not there, where somebody wants a server with millions of them.
fn made_up(server: &Server) -> std::ops::Range<u64> {
    let count = std::fs::read_to_string(server.life.site.sim("more-chunks")).ok();
    let count: u64 = count.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
    1 << 40..(1 << 40) + count
}

/// Nothing is used and there is no space at all as long as the disks are not scanned (facts 2.3).
fn space(server: &Server, packet: Payload) -> Payload {
    let count = server.chunks.lock().expect("never poisoned").len();
    let total = if *server.scanned.borrow() { server.disks.total() } else { 0 };
    let chunks = u32::try_from(count).unwrap_or(u32::MAX);
    packet.u64(count as u64 * CHUNK_SIZE).u64(total).u32(chunks).u64(0).u64(0).u32(0)
}

async fn accept(server: Arc<Server>, listener: TcpListener) {
    let mut clients = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    let _ = stream.set_nodelay(true);
                    clients.spawn(serve(server.clone(), stream));
                } else {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
            Some(_) = clients.join_next() => {}
        }
    }
}

/// Answers reads with "there" or "no such chunk"; no data is simulated.
async fn serve(server: Arc<Server>, mut stream: TcpStream) -> io::Result<()> {
    while let Some(frame) = read_frame(&mut stream).await? {
        if frame.kind != CLTOCS_READ {
            return Ok(());
        }
        let chunk = Fields(&frame.payload).u64()?;
        let there = server.chunks.lock().expect("never poisoned").contains(&chunk);
        let status = if there { STATUS_OK } else { STATUS_NOCHUNK };
        send(&mut stream, CSTOCL_READ_STATUS, Payload::default().u64(chunk).u8(status).0).await?;
    }
    Ok(())
}
