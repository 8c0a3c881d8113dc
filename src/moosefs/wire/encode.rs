//! The answers, to bytes, as a daemon of a given release writes them: for the simulated daemons, and to test
//! [`super::decode`] against. Payloads only; [`super::Frame`] puts the header in front. What the types here do not carry
//! (trash, memory use, counters of operations) is written as 0.

use semver::Version;

use super::{ChunkMatrix, Chunkserver, FileTest, Info, Layout, Metalogger, Session};
use crate::moosefs::releases::TABLE;
use crate::moosefs::version::to_wire;

/// Counters of operations that a 1.6 master keeps for a session, this hour and last hour (matocuserv.c, `SESSION_STATS`).
const COUNTERS: u16 = 16;

/// The layouts that a master of this version speaks. The simulated daemons need an answer for every version, so that the
/// gap between 4.0 and 4.26 counts as 4.26.
#[must_use]
pub fn layout(speaker: &Version) -> Layout {
    match number(speaker) {
        (0, ..) | (1, ..=5, _) => Layout::V15,
        (1, ..) => Layout::V16,
        (2, 0, _) => Layout::V20,
        n if n < (3, 0, 38) => Layout::V21,
        (3, ..) => Layout::V30,
        _ => Layout::V4,
    }
}

/// Without pre-release and build, which take part in the order of [`Version`].
fn number(version: &Version) -> (u64, u64, u64) {
    (version.major, version.minor, version.patch)
}

/// Answer 511; the version told is the speaker's.
#[must_use]
pub fn info(info: &Info, speaker: &Version) -> Vec<u8> {
    let layout = layout(speaker);
    let mut out = Vec::new();
    if layout != Layout::V15 {
        out.extend(to_wire(speaker).to_be_bytes());
    }
    out.resize(out.len() + memory_and_processor(speaker), 0);
    out.extend(info.total_space.to_be_bytes());
    out.extend(info.available_space.to_be_bytes());
    let free_space = if number(speaker) >= (3, 0, 103) { 8 } else { 0 };
    out.resize(out.len() + free_space + 24, 0);
    for count in [info.inodes, info.directories, info.files, info.chunks] {
        out.extend(count.to_be_bytes());
    }
    let copies = info.copies.unwrap_or(0);
    if layout == Layout::V4 {
        out.resize(out.len() + 12 + 57, 0);
        out.extend(copies.to_be_bytes());
    } else if layout != Layout::V15 {
        out.extend(u32::try_from(copies).unwrap_or(u32::MAX).to_be_bytes());
    }
    out.resize(info_length(speaker), 0);
    out
}

/// Bytes between version and spaces. Where the memory use came in is known as "not in 1.6.20, but in 1.6.23".
fn memory_and_processor(speaker: &Version) -> usize {
    match number(speaker) {
        n if n < (1, 6, 22) => 0,
        n if n < (2, 0, 0) => 8,
        _ => 24,
    }
}

fn info_length(speaker: &Version) -> usize {
    match number(speaker) {
        n if n < (1, 6, 0) => 60,
        n if n < (1, 6, 22) => 68,
        n if n < (2, 0, 0) => 76,
        n if n < (3, 0, 32) => 121,
        n if n < (3, 0, 103) => 129,
        n if n < (3, 0, 107) => 137,
        n if n < (4, 0, 0) => 149,
        _ => 205,
    }
}

/// Answer 501. A 1.5 master tells no versions, and few releases tell a disconnected server: then with nothing but its address
/// and port.
#[must_use]
pub fn chunkservers(servers: &[Chunkserver], speaker: &Version) -> Vec<u8> {
    let tells_disconnected = TABLE.lists_disconnected.at(speaker);
    let mut out = Vec::new();
    for server in servers.iter().filter(|server| !server.disconnected || tells_disconnected) {
        chunkserver(&mut out, server, layout(speaker));
    }
    out
}

fn chunkserver(out: &mut Vec<u8>, server: &Chunkserver, layout: Layout) {
    let here = !server.disconnected;
    let later = !matches!(layout, Layout::V15 | Layout::V16);
    if layout != Layout::V15 {
        let version = server.version.as_ref().filter(|_| here).map_or(0, to_wire);
        let flags = u32::from(server.disconnected) | u32::from(server.maintenance && later) << 1;
        out.extend((version | flags << 24).to_be_bytes());
    }
    if layout == Layout::V4 {
        out.extend(server.address.octets());
    }
    out.extend(server.address.octets());
    out.extend(server.port.to_be_bytes());
    out.resize(out.len() + if later { 2 } else { 0 }, 0);
    out.extend(if here { server.used } else { 0 }.to_be_bytes());
    out.extend(if here { server.total } else { 0 }.to_be_bytes());
    out.extend(if here { server.chunks } else { 0 }.to_be_bytes());
    out.resize(out.len() + 16, 0);
    out.extend(if here { server.removal_chunks } else { 0 }.to_be_bytes());
    out.extend(if here { server.errors } else { 0 }.to_be_bytes());
    let behind = match layout {
        Layout::V15 | Layout::V16 => 0,
        Layout::V20 => 8,
        Layout::V21 => 12,
        Layout::V30 | Layout::V4 => 13,
    };
    out.resize(out.len() + behind, 0);
}

/// Answer 509 to a question in this mode (0, the empty one; 1 from 1.6.26 on; 2 from 2.0 on; what is above is taken as the
/// highest that the speaker knows). Only mode 2 tells sessions without a connection.
#[must_use]
pub fn sessions(sessions: &[Session], speaker: &Version, vmode: u8) -> Vec<u8> {
    let vmode = vmode.min(match TABLE.session_modes.at(speaker) {
        false => 0,
        true if number(speaker) < (2, 0, 0) => 1,
        true => 2,
    });
    let mut out = Vec::new();
    if number(speaker) >= (1, 6, 22) {
        out.extend(COUNTERS.to_be_bytes());
    }
    for session in sessions.iter().filter(|session| session.connected || vmode == 2) {
        self::session(&mut out, session, speaker, vmode);
    }
    out
}

fn session(out: &mut Vec<u8>, session: &Session, speaker: &Version, vmode: u8) {
    let told = layout(speaker) != Layout::V15;
    if told {
        out.extend(session.id.unwrap_or(0).to_be_bytes());
    }
    out.extend(session.address.octets());
    out.extend(to_wire(&session.version).to_be_bytes());
    if vmode == 2 {
        out.extend([0, 0, 0, 0, u8::from(session.connected)]);
        out.extend(if session.connected { u32::MAX } else { 3600 }.to_be_bytes());
    }
    if told {
        text(out, session.mount_point.as_deref().unwrap_or_default());
        text(out, session.path.as_deref().unwrap_or("/"));
    }
    let flags_and_users = match number(speaker) {
        n if n < (1, 6, 0) => 0,
        n if n < (1, 6, 1) => 9,
        _ => 17,
    };
    let limits = if vmode > 0 { 10 } else { 0 };
    let counters = if number(speaker) == (1, 6, 21) { 21 } else { COUNTERS };
    out.resize(out.len() + flags_and_users + limits + usize::from(counters) * 8, 0);
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend(u32::try_from(text.len()).expect("a name is below 4 GiB").to_be_bytes());
    out.extend(text.as_bytes());
}

/// Answer 517 to the question of [`super::request::chunk_matrix`]; the same in all releases that have it.
#[must_use]
pub fn chunk_matrix(matrix: &ChunkMatrix) -> Vec<u8> {
    matrix.0.as_flattened().iter().flat_map(|count| count.to_be_bytes()).collect()
}

/// Answer 513, without a text; the same in all releases.
#[must_use]
pub fn file_test(test: &FileTest) -> Vec<u8> {
    let fields = [
        test.started,
        test.ended,
        test.files,
        test.under_goal_files,
        test.missing_files,
        test.chunks,
        test.under_goal_chunks,
        test.missing_chunks,
        0,
    ];
    fields.iter().flat_map(|field| field.to_be_bytes()).collect()
}

/// Answer 523; the same in all releases that have it (1.6.5 and later).
#[must_use]
pub fn metaloggers(loggers: &[Metalogger]) -> Vec<u8> {
    let record = |logger: &Metalogger| {
        let version = logger.version.as_ref().map_or(0, to_wire);
        [version.to_be_bytes(), logger.address.octets()].concat()
    };
    loggers.iter().flat_map(record).collect()
}
