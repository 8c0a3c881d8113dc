//! A simulated master's side of a metalogger's connection (port 9419, 1.6.5 and later): every change as it is made, and
//! the files that it asks for.

use std::fs;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use tokio::net::TcpStream;

use super::super::packet::{
    Fields, MATOML_DOWNLOAD_DATA, MATOML_DOWNLOAD_START, MATOML_METACHANGES_LOG, MLTOMA_DOWNLOAD_DATA,
    MLTOMA_DOWNLOAD_START, MLTOMA_REGISTER, Payload, frames, send,
};
use super::Master;
use crate::moosefs::version::from_wire;
use crate::rehearsal::event::What;

/// The files that a metalogger may ask for, by their numbers.
const FILES: [(u8, &str); 4] =
    [(1, "metadata.mfs.back"), (2, "sessions.mfs"), (11, "changelog.0.mfs"), (12, "changelog.1.mfs")];

/// Serves a metalogger until it goes.
///
/// # Errors
/// The connection broke, or what came over it was not acceptable.
pub async fn serve(master: Arc<Master>, stream: TcpStream) -> io::Result<()> {
    let IpAddr::V4(address) = stream.peer_addr()?.ip() else { return Ok(()) };
    let connection = master.state().connection();
    let outcome = converse(&master, stream, connection, address).await;
    if master.state().metaloggers.remove(&connection).is_some() {
        master.life.record(What::MetaloggerLost { address });
    }
    outcome
}

async fn converse(master: &Master, stream: TcpStream, connection: u64, address: std::net::Ipv4Addr) -> io::Result<()> {
    let (reading, mut writing) = stream.into_split();
    let (mut asked, _reader) = frames(reading);
    let mut changes = master.changes.subscribe();
    let mut registered = false;
    let mut file = Vec::new();
    loop {
        tokio::select! {
            frame = asked.recv() => {
                let Some(frame) = frame else { return Ok(()) };
                let mut fields = Fields(&frame.payload);
                match frame.kind {
                    MLTOMA_REGISTER => {
                        let (_form, version) = (fields.u8()?, from_wire(fields.u32()?));
                        registered = true;
                        master.state().metaloggers.insert(connection, (version.clone(), address));
                        master.life.record(What::MetaloggerConnected { address, logger_version: version });
                    }
                    MLTOMA_DOWNLOAD_START if registered => {
                        let number = fields.u8()?;
                        let name = FILES.iter().find(|(known, _)| *known == number).map(|(_, name)| name);
                        match name.and_then(|name| fs::read(master.life.data.join(name)).ok()) {
                            None => send(&mut writing, MATOML_DOWNLOAD_START, [1]).await?,
                            Some(bytes) => {
                                file = bytes;
                                let length = Payload::default().u64(file.len() as u64).0;
                                send(&mut writing, MATOML_DOWNLOAD_START, length).await?;
                            }
                        }
                    }
                    MLTOMA_DOWNLOAD_DATA if registered => {
                        let (offset, length) = (fields.u64()?, fields.u32()?);
                        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(file.len());
                        let piece = &file[from..(from + length as usize).min(file.len())];
                        let count = u32::try_from(piece.len()).unwrap_or(0);
                        let data = Payload::default().u64(offset).u32(count).u32(0).bytes(piece).0;
                        send(&mut writing, MATOML_DOWNLOAD_DATA, data).await?;
                    }
                    _ => {}
                }
            }
            change = changes.recv(), if registered => {
                // one that cannot follow is cut off, and comes again
                let (id, line) = change.map_err(io::Error::other)?;
                let log = Payload::default().u8(0xFF).u64(id).bytes(line.as_bytes()).u8(0).0;
                send(&mut writing, MATOML_METACHANGES_LOG, log).await?;
            }
        }
    }
}
