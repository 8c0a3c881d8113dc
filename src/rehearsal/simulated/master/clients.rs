//! A simulated master's side of a client's connection (port 9421): the admin protocol, and mounts.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::net::TcpStream;

use super::super::changelog;
use super::super::packet::{
    BLOB_WITH_ACCESS_LISTS, BLOB_WITHOUT_ACCESS_LISTS, CLTOMA_FUSE_READ_CHUNK, CLTOMA_FUSE_READDIR,
    CLTOMA_FUSE_REGISTER, Fields, MATOCL_FUSE_READ_CHUNK, MATOCL_FUSE_READDIR, MATOCL_FUSE_REGISTER, Payload,
    REGISTER_NEWSESSION, REGISTER_RECONNECT, STATUS_BADSESSION, STATUS_EACCES, STATUS_NOCHUNK, STATUS_OK, read_frame,
    send,
};
use super::state::{KnownSession, Session};
use super::{Master, files};
use crate::moosefs::version::{from_wire, to_wire};
use crate::moosefs::wire::frame::{
    ANTOAN_NOP, CLTOMA_CHUNKS_MATRIX, CLTOMA_CSERV_LIST, CLTOMA_FSTEST_INFO, CLTOMA_INFO, CLTOMA_MLOG_LIST,
    CLTOMA_SESSION_LIST, MATOCL_CHUNKS_MATRIX, MATOCL_CSERV_LIST, MATOCL_FSTEST_INFO, MATOCL_INFO, MATOCL_MLOG_LIST,
    MATOCL_SESSION_LIST,
};
use crate::moosefs::wire::{Frame, encode};
use crate::rehearsal::event::What;

/// A client that asks nothing is sent away after this, in real time (facts 2.1).
const IDLE: Duration = Duration::from_secs(10);
/// A 1.6 master sends a NOP to a silent client this often, in real time (facts 2.1).
const NOP_EVERY: Duration = Duration::from_secs(2);
/// A 1.5 master's file system test begins 150 s after its start and lasts 2048 s; a 1.6 master's 900 s and 4 h.
const FIRST_TEST: [Duration; 2] = [Duration::from_secs(150 + 2048), Duration::from_secs(900 + 4 * 3600)];

/// Answers one client until it goes, or asks what this release does not answer.
///
/// # Errors
/// The connection broke.
pub async fn serve(master: Arc<Master>, mut stream: TcpStream) -> io::Result<()> {
    let IpAddr::V4(peer) = stream.peer_addr()?.ip() else { return Ok(()) };
    let connection = master.state().connection();
    let outcome = converse(&master, &mut stream, connection, peer).await;
    if let Some(session) = master.state().sessions.remove(&connection) {
        master.life.record(What::SessionLost { address: peer, mount_version: session.version });
    }
    outcome
}

async fn converse(master: &Master, stream: &mut TcpStream, connection: u64, peer: Ipv4Addr) -> io::Result<()> {
    let mut silent = Duration::ZERO;
    loop {
        match tokio::time::timeout(NOP_EVERY, stream.peek(&mut [0])).await {
            Ok(ready) => drop(ready?),
            Err(_) => {
                silent += NOP_EVERY;
                if silent >= IDLE {
                    return Ok(());
                }
                if master.life.traits.sends_nop {
                    send(stream, ANTOAN_NOP, [0; 4]).await?;
                }
                continue;
            }
        }
        let Some(frame) = read_frame(stream).await? else { return Ok(()) };
        silent = Duration::ZERO;
        let registered = master.state().sessions.contains_key(&connection);
        let answer = match frame.kind {
            ANTOAN_NOP => continue,
            CLTOMA_FUSE_REGISTER => match register(master, connection, peer, &frame.payload) {
                Some(answer) => (MATOCL_FUSE_REGISTER, answer),
                None => return Ok(()),
            },
            CLTOMA_FUSE_READDIR if registered => (MATOCL_FUSE_READDIR, list(master, &frame)?),
            CLTOMA_FUSE_READ_CHUNK if registered => (MATOCL_FUSE_READ_CHUNK, locate(master, &frame)?),
            _ if registered => return Ok(()),
            _ => match administer(master, &frame) {
                Some(answer) => answer,
                None => return Ok(()),
            },
        };
        send(stream, answer.0, answer.1).await?;
    }
}

/// The admin protocol (facts 2.2). `None` where this release closes the connection.
fn administer(master: &Master, frame: &Frame) -> Option<(u32, Vec<u8>)> {
    let (version, state) = (&master.life.version, master.state());
    let has_sessions = master.life.traits.sessions;
    let matrix_request = frame.payload.is_empty() || (frame.payload.len() == 1 && master.life.traits.matrix_modes);
    let vmode = match frame.payload[..] {
        [] => 0,
        [mode @ 0..=1] if master.life.traits.session_modes => mode,
        _ if frame.kind == CLTOMA_SESSION_LIST => return None,
        _ => 0,
    };
    if !matches!(frame.kind, CLTOMA_SESSION_LIST | CLTOMA_CHUNKS_MATRIX) && !frame.payload.is_empty() {
        return None;
    }
    Some(match frame.kind {
        CLTOMA_INFO => (MATOCL_INFO, encode::info(&state.info(version), version)),
        CLTOMA_CSERV_LIST => (MATOCL_CSERV_LIST, encode::chunkservers(&state.server_list(), version)),
        CLTOMA_SESSION_LIST => (MATOCL_SESSION_LIST, encode::sessions(&state.session_list(), version, vmode)),
        CLTOMA_FSTEST_INFO => {
            let first = master.life.site.scaled(FIRST_TEST[usize::from(has_sessions)]);
            // the cluster that a rehearsal begins with is given a past
            let has_past = std::env::var_os("MFSUPGRADE_SIM_LONG_RUNNING").is_some();
            let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
            let mut test = state.file_test(u32::try_from(now).unwrap_or(u32::MAX));
            if !has_past && master.born.elapsed() < first {
                test = crate::moosefs::wire::FileTest {
                    started: 0,
                    ended: 0,
                    files: 0,
                    under_goal_files: 0,
                    missing_files: 0,
                    chunks: 0,
                    under_goal_chunks: 0,
                    missing_chunks: 0,
                };
            }
            (MATOCL_FSTEST_INFO, encode::file_test(&test))
        }
        CLTOMA_CHUNKS_MATRIX if has_sessions && matrix_request => {
            (MATOCL_CHUNKS_MATRIX, encode::chunk_matrix(&state.matrix()))
        }
        CLTOMA_MLOG_LIST if master.life.traits.metaloggers => {
            (MATOCL_MLOG_LIST, encode::metaloggers(&state.metalogger_list()))
        }
        _ => return None,
    })
}

/// A mount registers. `None` where the master closes the connection.
fn register(master: &Master, connection: u64, peer: Ipv4Addr, payload: &[u8]) -> Option<Vec<u8>> {
    let mut fields = Fields(payload);
    let blob = fields.bytes(64).ok()?;
    // clients are kept out by closing the connection; they come again after their reconnect delay
    if master.state().start_gate > 0 {
        return None;
    }
    if blob == BLOB_WITHOUT_ACCESS_LISTS {
        if master.reject_old_clients {
            return None;
        }
        // 1.5 mounts never consult exports, and every number is accepted (seen: both went on after the takeover of a 1.5.12 master by 1.6.27)
        let (id, version) = (fields.u32().ok()?, from_wire(fields.u32().ok()?)?);
        let known = KnownSession { address: peer, mount_point: String::new(), path: "/".to_owned() };
        let given = if id == 0 { new_session(master, known.clone()) } else { id };
        connected(master, connection, Session { id: given, version, known });
        return Some(if id == 0 { given.to_be_bytes().to_vec() } else { vec![STATUS_OK] });
    }
    // a 1.5 master knows no other form
    if blob != BLOB_WITH_ACCESS_LISTS || !master.life.traits.sessions {
        return None;
    }
    match fields.u8().ok()? {
        REGISTER_NEWSESSION => {
            let version = from_wire(fields.u32().ok()?)?;
            let (mount_point, path) = (fields.text().ok()?, fields.text().ok()?);
            if !master.exports.iter().any(|export| export.lets_in(peer, &path, &version)) {
                return Some(vec![STATUS_EACCES]);
            }
            let known = KnownSession { address: peer, mount_point, path };
            let id = new_session(master, known.clone());
            connected(master, connection, Session { id, version, known });
            let users = Payload::default().u32(to_wire(&master.life.version)).u32(id).u8(0).u32(0).u32(0);
            Some(users.u32(0).u32(0).0)
        }
        REGISTER_RECONNECT => {
            let (id, version) = (fields.u32().ok()?, from_wire(fields.u32().ok()?)?);
            let known = master.state().known_sessions.get(&id).cloned();
            let Some(known) = known else { return Some(vec![STATUS_BADSESSION]) };
            connected(master, connection, Session { id, version, known });
            Some(vec![STATUS_OK])
        }
        _ => None,
    }
}

fn new_session(master: &Master, known: KnownSession) -> u32 {
    let mut state = master.state();
    let id = state.metadata.next_session.max(1);
    state.metadata.next_session = id + 1;
    master.change(&mut state.metadata, &format!("{}:{id}", changelog::SESSION));
    state.known_sessions.insert(id, known);
    files::store_sessions(&master.life, &state.known_sessions);
    id
}

fn connected(master: &Master, connection: u64, session: Session) {
    let (address, mount_version) = (session.known.address, session.version.clone());
    master.state().sessions.insert(connection, session);
    master.life.record(What::SessionConnected { address, mount_version });
}

fn list(master: &Master, frame: &Frame) -> io::Result<Vec<u8>> {
    let mut answer = Payload::default().u32(Fields(&frame.payload).u32()?);
    let mut state = master.state();
    // who reads a folder changes its access time
    master.change(&mut state.metadata, "ACCESS(1)");
    for file in &state.metadata.tree.files {
        let length = u8::try_from(file.name.len()).unwrap_or(u8::MAX);
        let name = &file.name.as_bytes()[..usize::from(length)];
        answer = answer.u8(length).bytes(name).u32(file.inode).u8(b'f');
    }
    Ok(answer.0)
}

fn locate(master: &Master, frame: &Frame) -> io::Result<Vec<u8>> {
    let mut fields = Fields(&frame.payload);
    let (message, inode, index) = (fields.u32()?, fields.u32()?, fields.u32()?);
    let answer = Payload::default().u32(message);
    Ok(match master.state().locations(inode, index) {
        None => answer.u8(STATUS_NOCHUNK),
        Some((chunk, servers)) => {
            servers.iter().fold(answer.u64(1 << 26).u64(chunk).u32(1), |answer, (address, port)| {
                answer.bytes(&address.octets()).u16(*port)
            })
        }
    }
    .0)
}
