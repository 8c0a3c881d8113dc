//! A simulated master's side of a chunkserver's connection (port 9420).

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use semver::Version;
use tokio::net::TcpStream;
use tokio::sync::Mutex;

use super::super::packet::{
    CSTOMA_CHUNK_NEW, CSTOMA_REGISTER, CSTOMA_SPACE, Fields, MATOCS_DELETE, Payload, read_frame_within, send,
};
use super::Master;
use super::state::Server;
use crate::moosefs::version::from_wire;
use crate::rehearsal::event::What;

/// After this a release that deletes unknown chunks has done it ("within about a minute", facts 1.7).
const DELETES_UNKNOWN_AFTER: Duration = Duration::from_secs(60);

/// Takes a chunkserver in and listens to it until it goes.
///
/// # Errors
/// The connection broke, or what came over it was not acceptable.
pub async fn serve(master: Arc<Master>, stream: TcpStream) -> io::Result<()> {
    let IpAddr::V4(peer) = stream.peer_addr()?.ip() else { return Ok(()) };
    let (mut reading, writing) = stream.into_split();
    let writing = Arc::new(Mutex::new(writing));
    let connection = master.state().connection();
    let mut deletions = tokio::task::JoinSet::new();
    let mut known = false;
    let outcome = loop {
        let frame = match read_frame_within(&mut reading, master.life.traits.largest_packet).await {
            Ok(Some(frame)) => frame,
            Ok(None) => break Ok(()),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                master.life.record(What::ServerRefused { address: peer, reason: error.to_string() });
                break Err(error);
            }
            Err(error) => break Err(error),
        };
        match frame.kind {
            CSTOMA_REGISTER => match register(&master, connection, peer, &frame.payload) {
                Ok(complete) => {
                    if complete {
                        known = true;
                        tell_registered(&master, connection);
                        deletions.spawn(delete_unknown(master.clone(), connection, writing.clone()));
                    }
                }
                Err(reason) => {
                    master.life.record(What::ServerRefused { address: peer, reason });
                    break Ok(());
                }
            },
            CSTOMA_SPACE => {
                if let Err(error) = space(&master, connection, &mut Fields(&frame.payload)) {
                    break Err(error);
                }
                let state = master.state();
                if let Some(server) = state.servers.get(&connection) {
                    master.life.record(What::ServerReported { address: server.address.0, chunks: server.chunks });
                }
            }
            CSTOMA_CHUNK_NEW => master.state().add_chunks(connection, &chunk_list(&frame.payload)),
            _ => {}
        }
    };
    let address = {
        let mut state = master.state();
        state.disconnect(connection);
        state.servers.get(&connection).map(|server| server.address.0)
    };
    if let Some(address) = address.filter(|_| known) {
        master.life.record(What::ServerLost { address });
    }
    outcome
}

fn tell_registered(master: &Master, connection: u64) {
    let state = master.state();
    if let Some(server) = state.servers.get(&connection) {
        master.life.record(What::ServerRegistered {
            address: server.address.0,
            chunks: server.chunks,
            server_version: server.version.clone(),
        });
    }
}

fn chunk_list(payload: &[u8]) -> Vec<u64> {
    payload.chunks_exact(12).filter_map(|record| Fields(record).u64().ok()).collect()
}

/// Reads a register packet (matocsserv.c). `Ok(true)` when the registration is complete with it.
fn register(master: &Master, connection: u64, peer: Ipv4Addr, payload: &[u8]) -> Result<bool, String> {
    let mut fields = Fields(payload);
    let short = |error: io::Error| format!("CSTOMA_REGISTER - {error}");
    let form = fields.u8().map_err(short)?;
    if form > master.life.traits.accepts_register || (5..50).contains(&form) || form < 2 {
        return Err(format!("CSTOMA_REGISTER - wrong version ({form}/1..{})", master.life.traits.accepts_register));
    }
    match form {
        51 => {
            master.state().add_chunks(connection, &chunk_list(fields.0));
            return Ok(false);
        }
        52 => {
            space(master, connection, &mut fields).map_err(short)?;
            return Ok(true);
        }
        _ => {}
    }
    let version: Option<Version> = if form == 4 || form == 50 { from_wire(fields.u32().map_err(short)?) } else { None };
    let told = Ipv4Addr::from_bits(fields.u32().map_err(short)?);
    let port = fields.u16().map_err(short)?;
    if form != 2 {
        let _timeout = fields.u16().map_err(short)?;
    }
    // a real master refuses every chunkserver on 127.x; in a rehearsal all hosts are there
    let address = (if told.is_unspecified() { peer } else { told }, port);
    {
        let mut state = master.state();
        if state.servers.values().any(|server| server.connected && server.address == address) {
            return Err("chunk-server already connected !!!".to_owned());
        }
        state.register(connection, Server { address, version, connected: true, used: 0, total: 0, chunks: 0 });
    }
    if form == 50 {
        return Ok(false);
    }
    space(master, connection, &mut fields).map_err(short)?;
    master.state().add_chunks(connection, &chunk_list(fields.0));
    Ok(true)
}

fn space(master: &Master, connection: u64, fields: &mut Fields<'_>) -> io::Result<()> {
    let (used, total, chunks) = (fields.u64()?, fields.u64()?, fields.u32()?);
    fields.bytes(8 + 8 + 4)?;
    if let Some(server) = master.state().servers.get_mut(&connection) {
        (server.used, server.total, server.chunks) = (used, total, chunks);
    }
    Ok(())
}

/// Up to 1.6.18 a chunk that no file has is deleted from the disk at once; later releases keep it for 7 days, which no
/// rehearsal lasts.
async fn delete_unknown(master: Arc<Master>, connection: u64, writing: Arc<Mutex<tokio::net::tcp::OwnedWriteHalf>>) {
    if master.life.traits.keeps_unknown_chunks {
        return;
    }
    loop {
        tokio::time::sleep(master.life.site.scaled(DELETES_UNKNOWN_AFTER)).await;
        let unknown = master.state().unknown_chunks(connection);
        for chunk in unknown {
            let order = Payload::default().u64(chunk).u32(1).0;
            if send(&mut *writing.lock().await, MATOCS_DELETE, order).await.is_err() {
                return;
            }
            master.state().holders.remove(&chunk);
        }
    }
}
