//! The questions. A question that a release answers by closing the connection (and with a line in the master's log) is
//! not built for it: the functions here return `None` in its place.

use super::frame::{
    CLTOMA_CHUNKS_MATRIX, CLTOMA_CSERV_LIST, CLTOMA_FSTEST_INFO, CLTOMA_INFO, CLTOMA_MLOG_LIST, CLTOMA_SESSION_LIST,
    Frame,
};
use super::{Info, Layout};
use crate::moosefs::releases::{TABLE, Trait};

/// Version and totals: every release answers it, so it is the first question on every connection.
#[must_use]
pub fn info() -> Frame {
    Frame::new(CLTOMA_INFO, [])
}

/// The chunkservers; every release answers it.
#[must_use]
pub fn chunkservers() -> Frame {
    Frame::new(CLTOMA_CSERV_LIST, [])
}

/// The mounts in a mode that this master knows: 0 (an empty question, every release), 1 (with limits, 1.6.26+), 2 (with
/// sessions that are not connected, 2.0+). `None` where the master would close the connection or answer another mode.
#[must_use]
pub fn sessions(info: &Info, vmode: u8) -> Option<Frame> {
    let known = match vmode {
        0 => true,
        1 => has(info, &TABLE.session_modes),
        2 => !matches!(info.layout, Layout::V15 | Layout::V16),
        _ => false,
    };
    let payload = if vmode == 0 { vec![] } else { vec![vmode] };
    known.then(|| Frame::new(CLTOMA_SESSION_LIST, payload))
}

/// The mounts in the mode that suits this master, and that mode: 0 up to 1.6.27, where only connected mounts are told; 2
/// from 2.0 on, so that sessions without a connection are seen as such.
#[must_use]
pub fn sessions_of(info: &Info) -> (u8, Frame) {
    let vmode = if matches!(info.layout, Layout::V15 | Layout::V16) { 0 } else { 2 };
    (vmode, sessions(info, vmode).expect("every master knows its own mode"))
}

/// Chunks by goal and copies, all copies counted. `None` for 1.5. From 2.0 on the byte is needed, since an empty question
/// is answered with several matrices; 1.6.0-1.6.9 know only the empty one (matocuserv.c @ 1.6.9, 1.6.10).
#[must_use]
pub fn chunk_matrix(layout: Layout) -> Option<Frame> {
    match layout {
        Layout::V15 => None,
        Layout::V16 => Some(Frame::new(CLTOMA_CHUNKS_MATRIX, [])),
        Layout::V20 | Layout::V21 | Layout::V30 | Layout::V4 => Some(Frame::new(CLTOMA_CHUNKS_MATRIX, [0])),
    }
}

/// The last finished round of the file system test; every release answers it.
#[must_use]
pub fn file_test() -> Frame {
    Frame::new(CLTOMA_FSTEST_INFO, [])
}

/// The metaloggers. `None` below 1.6.5.
#[must_use]
pub fn metaloggers(info: &Info) -> Option<Frame> {
    has(info, &TABLE.metaloggers).then(|| Frame::new(CLTOMA_MLOG_LIST, []))
}

/// Whether the master is of a release with this trait; a 1.5 master, which tells no version, is not.
fn has(info: &Info, what: &Trait<bool>) -> bool {
    info.version.as_ref().is_some_and(|version| what.at(version))
}
