//! Packets of a master, one by one and as the stream that an admin connection reads.

use std::io::Cursor;
use std::time::Duration;

use mfsupgrade::moosefs::client::{Dial, overview};
use mfsupgrade::moosefs::version::Version;
use mfsupgrade::moosefs::wire::{Info, WireError, decode, encode, frame, request};
use tokio::io::{Join, Sink};

use super::super::corpus;
use super::{Broken, Checked, Target, holds, quiet};

/// Packets of this release stand in the corpus behind its number in this list.
const RELEASES: [&str; 10] =
    ["1.5.9", "1.5.12", "1.6.0", "1.6.5", "1.6.13", "1.6.20", "1.6.24", "1.6.26", "1.6.27", "3.0.117"];

pub fn targets() -> Vec<Target> {
    let number =
        |release: &str| RELEASES.iter().position(|known| *known == release).and_then(|at| u8::try_from(at).ok());
    let numbered = |(release, packet): (String, Vec<u8>)| Some([vec![number(&release)?], packet].concat());
    let packets: Vec<Vec<u8>> =
        corpus::packets().into_iter().filter_map(numbered).filter(|packet| packet.len() > 9).collect();
    let wire = packets.iter().filter(|packet| check_packet(packet) == Ok(true)).cloned().collect();
    vec![
        Target { name: "wire", corpus: wire, check: check_packet, bound: 1 << 20 },
        Target { name: "admin", corpus: streams(&packets), check: check_stream, bound: 2 << 20 },
    ]
}

/// All answers of one release in the order of the questions.
fn streams(packets: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let kinds = [511, 501, 509, 517, 513, 523_u32];
    let of = |release: u8| {
        let answer = |kind: u32| packets.iter().find(|p| p[0] == release && p[1..5] == kind.to_be_bytes());
        kinds.iter().filter_map(|kind| answer(*kind)).flat_map(|packet| packet[1..].to_vec()).collect::<Vec<u8>>()
    };
    let streams = (0..RELEASES.len()).filter_map(|release| Some(of(u8::try_from(release).ok()?)));
    streams.filter(|stream| check_stream(stream) == Ok(true)).collect()
}

/// What a master of this release says of itself.
fn info_of(speaker: &Version) -> Info {
    let layout = encode::layout(speaker);
    let version = (speaker.minor > 5 || speaker.major > 1).then(|| speaker.clone());
    Info {
        version,
        layout,
        total_space: 1,
        available_space: 1,
        inodes: 1,
        directories: 1,
        files: 1,
        chunks: 1,
        copies: None,
    }
}

fn check_packet(bytes: &[u8]) -> Checked {
    let Some((release, packet)) = bytes.split_first() else { return Ok(false) };
    let speaker: Version = RELEASES[usize::from(*release) % RELEASES.len()].parse().expect("a release");
    let framed = frame::parse(packet);
    if let Ok(Some((frame, length))) = &framed {
        holds("length", *length == 8 + frame.payload.len() && *length <= packet.len(), || format!("{length}"))?;
    }
    // what a header says of a length that is not there is another matter than what lies behind it
    let (Some(kind), Some(payload)) = (packet.first_chunk::<4>(), packet.get(8..)) else { return Ok(false) };
    match read(u32::from_be_bytes(*kind), payload, &speaker) {
        Ok(Ok(known)) => Ok(known),
        Ok(Err(error)) => quiet("an error", &error.to_string()).map(|()| false),
        Err(broken) => Err(broken),
    }
}

/// Reads a payload; what was read is the same when it is written and read again.
fn read(kind: u32, payload: &[u8], speaker: &Version) -> Result<Result<bool, WireError>, Broken> {
    let info = info_of(speaker);
    let same = |same: bool| holds("round trip", same, || format!("kind {kind} of {speaker}"));
    macro_rules! known {
        ($read:expr) => {
            match $read {
                Ok(value) => value,
                Err(error) => return Ok(Err(error)),
            }
        };
    }
    match kind {
        511 => drop(known!(decode::info(payload))),
        501 => {
            let servers = known!(decode::chunkservers(payload, info.layout));
            holds("as many as fit", servers.len() * 50 <= payload.len(), || servers.len().to_string())?;
            let again = decode::chunkservers(&encode::chunkservers(&servers, speaker), info.layout);
            // a master before 1.6.27 does not list those that are disconnected
            let told = servers.iter().filter(|server| !server.disconnected).count();
            same(again.is_ok_and(|again| (told..=servers.len()).contains(&again.len())))?;
        }
        509 => {
            for vmode in 0..3 {
                if request::sessions(&info, vmode).is_some() && decode::sessions(payload, &info, vmode).is_ok() {
                    return Ok(Ok(true));
                }
            }
            drop(known!(decode::sessions(payload, &info, 0)));
        }
        517 => {
            let matrix = known!(decode::chunk_matrix(payload, info.layout));
            let _ = (matrix.missing(), matrix.endangered(), matrix.under_goal(), matrix.single_copy(), matrix.total());
            same(decode::chunk_matrix(&encode::chunk_matrix(&matrix), info.layout).as_ref() == Ok(&matrix))?;
        }
        513 => {
            let test = known!(decode::file_test(payload));
            same(decode::file_test(&encode::file_test(&test)).as_ref() == Ok(&test))?;
        }
        523 => {
            let loggers = known!(decode::metaloggers(payload));
            holds("as many as fit", loggers.len() * 8 <= payload.len(), || loggers.len().to_string())?;
            same(decode::metaloggers(&encode::metaloggers(&loggers)).as_ref() == Ok(&loggers))?;
        }
        _ => return Ok(Ok(false)),
    }
    Ok(Ok(true))
}

/// A master that says what it says, whatever it is asked, and then closes.
struct Deaf(Vec<u8>);

impl Dial for Deaf {
    type Stream = Join<Cursor<Vec<u8>>, Sink>;

    async fn dial(&self) -> std::io::Result<Self::Stream> {
        Ok(tokio::io::join(Cursor::new(self.0.clone()), tokio::io::sink()))
    }
}

fn check_stream(bytes: &[u8]) -> Checked {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime can be made");
    let told = runtime.block_on(overview(&Deaf(bytes.to_vec()), Duration::from_secs(10)));
    match told {
        Ok(overview) => {
            let json = serde_json::to_string(&overview).expect("an overview is JSON");
            let again = serde_json::from_str(&json).map_err(|error| Broken::new("round trip", error.to_string()))?;
            holds("round trip", overview == again, || json)?;
            Ok(true)
        }
        Err(error) => quiet("an error", &error.to_string()).map(|()| false),
    }
}
