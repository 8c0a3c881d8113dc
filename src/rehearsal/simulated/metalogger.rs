//! The simulated mfsmetalogger: keeps connected to its master, downloads its metadata, and writes down every change.

use std::collections::VecDeque;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::SocketAddrV4;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::signal::unix::Signal;

use super::daemon::Life;
use super::metadata::Metadata;
use super::packet::{
    Fields, MATOML_DOWNLOAD_DATA, MATOML_DOWNLOAD_START, MATOML_METACHANGES_LOG, MLTOMA_DOWNLOAD_DATA,
    MLTOMA_DOWNLOAD_END, MLTOMA_DOWNLOAD_START, MLTOMA_REGISTER, Payload, frames, send,
};
use crate::moosefs::daemon::MASTER_METALOGGER_PORT;
use crate::moosefs::version::to_wire;
use crate::rehearsal::event::What;
use crate::rehearsal::fault::FaultName;

/// What is downloaded: its number (masterconn.c) and its name here.
const DOWNLOADS: [(u8, &str); 4] = [
    (1, "metadata_ml.mfs.back"),
    (2, "sessions_ml.mfs"),
    (11, "changelog_ml_back.0.mfs"),
    (12, "changelog_ml_back.1.mfs"),
];

/// Starts a metalogger and serves until `terminate`. `ready` is called when init is done: that nobody answers is no error.
///
/// # Errors
/// The module whose init failed.
pub async fn run(life: Life, mut terminate: Signal, ready: impl FnOnce()) -> Result<(), String> {
    let name = life.config.get("MASTER_HOST").unwrap_or("mfsmaster").to_owned();
    let port = life.config.number("MASTER_PORT").and_then(|n| u16::try_from(n).ok());
    let master = life.site.resolve(&name).map(|host| SocketAddrV4::new(host, port.unwrap_or(MASTER_METALOGGER_PORT)));
    if life.suffers(FaultName::DoesNotComeBack) {
        life.record(What::FaultActed { fault: FaultName::DoesNotComeBack.to_string() });
        ready();
        return Ok(());
    }
    if master.is_none() {
        eprintln!("can't resolve master host/port ({name})");
    }
    life.record(What::Ready);
    ready();
    tokio::select! {
        () = stay_connected(&life, master) => {}
        _ = terminate.recv() => life.record(What::Terminating),
    }
    Ok(())
}

async fn stay_connected(life: &Life, master: Option<SocketAddrV4>) {
    let Some(master) = master else { return std::future::pending().await };
    let delay = life.config.number("MASTER_RECONNECTION_DELAY");
    let period = delay.map_or(life.site.timings.server_reconnect, |seconds| Duration::from_secs(seconds.into()));
    let mut timer = tokio::time::interval(life.site.scaled(period).max(Duration::from_millis(5)));
    timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        timer.tick().await;
        if let Ok(stream) = life.site.connect(master).await {
            let _ = talk(life, stream).await;
        }
    }
}

async fn talk(life: &Life, stream: TcpStream) -> io::Result<()> {
    let (reading, mut writing) = stream.into_split();
    let (mut told, _reader) = frames(reading);
    let register = Payload::default().u8(1).u32(to_wire(&life.version)).u16(60).0;
    send(&mut writing, MLTOMA_REGISTER, register).await?;
    // before 1.6.18 the first download comes with the next slot of META_DOWNLOAD_FREQ, which is hours
    let hours = life.config.number("META_DOWNLOAD_FREQ").unwrap_or(24);
    let first = if life.traits.downloads_at_once { Duration::ZERO } else { Duration::from_secs(3600) * hours };
    let mut slot = tokio::time::interval_at(
        tokio::time::Instant::now() + life.site.scaled(first),
        life.site.scaled(Duration::from_secs(3600) * hours.max(1)).max(Duration::from_secs(1)),
    );
    let mut wanted: VecDeque<(u8, &str)> = VecDeque::new();
    loop {
        tokio::select! {
            _ = slot.tick(), if wanted.is_empty() => {
                wanted.extend(DOWNLOADS);
                send(&mut writing, MLTOMA_DOWNLOAD_START, [DOWNLOADS[0].0]).await?;
            }
            frame = told.recv() => {
                let Some(frame) = frame else { return Ok(()) };
                let mut fields = Fields(&frame.payload);
                match frame.kind {
                    MATOML_METACHANGES_LOG => note(life, &mut fields)?,
                    MATOML_DOWNLOAD_START if frame.payload.len() == 8 => {
                        let length = u32::try_from(fields.u64()?).unwrap_or(u32::MAX);
                        send(&mut writing, MLTOMA_DOWNLOAD_DATA, Payload::default().u64(0).u32(length).0).await?;
                    }
                    MATOML_DOWNLOAD_START | MATOML_DOWNLOAD_DATA => {
                        let file = wanted.pop_front();
                        if let (MATOML_DOWNLOAD_DATA, Some((_, name))) = (frame.kind, file) {
                            keep(life, name, &mut fields)?;
                            send(&mut writing, MLTOMA_DOWNLOAD_END, []).await?;
                        }
                        if let Some((next, _)) = wanted.front() {
                            send(&mut writing, MLTOMA_DOWNLOAD_START, [*next]).await?;
                        }
                    }
                    _ => {}
                }
            }
        }
    }
}

/// A change, as the master made it.
fn note(life: &Life, fields: &mut Fields<'_>) -> io::Result<()> {
    if fields.u8()? != 0xFF {
        return Ok(());
    }
    let (_id, line) = (fields.u64()?, fields.0.strip_suffix(&[0]).unwrap_or(fields.0));
    OpenOptions::new().append(true).create(true).open(life.data.join("changelog_ml.0.mfs"))?.write_all(line)
}

/// A file, in its place when it is whole.
fn keep(life: &Life, name: &str, fields: &mut Fields<'_>) -> io::Result<()> {
    let (_offset, length, _crc) = (fields.u64()?, fields.u32()?, fields.u32()?);
    let bytes = fields.bytes(length as usize)?;
    let made = life.data.join(format!("{name}.tmp"));
    fs::write(&made, bytes)?;
    fs::rename(made, life.data.join(name))?;
    if name == DOWNLOADS[0].1
        && let Ok(metadata) = Metadata::decode(bytes)
    {
        life.record(What::MetadataDownloaded { metaversion: metadata.version, files: metadata.files() });
    }
    Ok(())
}
