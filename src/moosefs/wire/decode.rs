//! The answers, from bytes. Which layout applies is told by the caller, who has it from the INFO answer. A payload must fit
//! its layout to the last byte: a cut or padded one is an error, never a value.

use semver::Version;

use super::read::Reader;
use super::{ChunkMatrix, Chunkserver, FileTest, Info, Layout, Metalogger, Session, WireError};
use crate::moosefs::version::from_wire;

/// Bytes of one matrix: 11 by 11 counters of 32 bits.
const MATRIX: usize = 11 * 11 * 4;
/// The lowest version that a mount tells of itself; a 1.5 master puts a small number of its own in the place of a version
/// for mfstools that are running, which are no mounts (matocuserv.c @ 1.5.12, `matocuserv_fuse_register`).
const FIRST_MOUNT: u32 = 0x0001_0500;
/// Of a 2.0+ session: it is connected, so its life has no end (sessions.c @ 2.0.91).
const CONNECTED: u32 = 0xffff_ffff;

/// Answer 511. Its length tells the release's family (matocuserv.c @ 1.5.12, 1.6.0, 1.6.23; matoclserv.c @ 2.0.60, 3.0.32,
/// 3.0.103, 3.0.107, 4.56.6), and the version inside must agree with it.
///
/// # Errors
/// A length that no release writes, or a version that does not write this length.
pub fn info(payload: &[u8]) -> Result<Info, WireError> {
    let mut r = Reader::new("INFO", payload);
    let length = payload.len();
    let version = if length < 68 { None } else { from_wire(r.u32("version")?) };
    let layout = info_layout(length, version.as_ref())?;
    r.skip("memory and processor use", if length >= 121 { 24 } else { usize::from(length == 76) * 8 })?;
    let total_space = r.u64("totalspace")?;
    let available_space = r.u64("availspace")?;
    r.skip("freespace", if length >= 137 { 8 } else { 0 })?;
    r.skip("trash and reserved", 24)?;
    let inodes = r.u32("allnodes")?;
    let directories = r.u32("dirnodes")?;
    let files = r.u32("filenodes")?;
    let chunks = r.u32("chunks")?;
    let copies = match layout {
        Layout::V15 => None,
        Layout::V4 => {
            r.skip("kinds of chunks", 12)?;
            r.skip("last store, state, checksums", 57)?;
            Some(r.u64("copies")?)
        }
        Layout::V16 | Layout::V20 | Layout::V21 | Layout::V30 => Some(r.u32("chunkcopies")?.into()),
    };
    Ok(Info { version, layout, total_space, available_space, inodes, directories, files, chunks, copies })
}

/// The layouts of the master that wrote an INFO of this length with this version.
fn info_layout(length: usize, version: Option<&Version>) -> Result<Layout, WireError> {
    let number = version.map(|v| (v.major, v.minor, v.patch));
    match (length, number) {
        (60, _) => Ok(Layout::V15),
        (68 | 76, Some((1, 6, _))) => Ok(Layout::V16),
        (121, Some((2, 0, _))) => Ok(Layout::V20),
        (121 | 129, Some((2, 1.., _) | (3, 0, ..=37))) => Ok(Layout::V21),
        (129 | 137 | 149, Some((3, ..))) => Ok(Layout::V30),
        (205, Some((4, 26.., _))) => Ok(Layout::V4),
        (68 | 76 | 121 | 129 | 137 | 149 | 205, _) => {
            Err(WireError::Release { answer: "INFO", length, version: version.cloned() })
        }
        _ => Err(WireError::Length { answer: "INFO", length, expected: "60, 68, 76, 121, 129, 137, 149 or 205" }),
    }
}

/// Answer 501. Connections to the master's chunkserver port that have not said who they are stand in the lists of 1.5 to
/// 1.6.26 too, with address and port 0 (matocsserv.c @ 1.6.26, `matocsserv_cservlist_data`): they are left out.
///
/// # Errors
/// A length that is no whole number of the layout's records.
pub fn chunkservers(payload: &[u8], layout: Layout) -> Result<Vec<Chunkserver>, WireError> {
    let (record, expected) = match layout {
        Layout::V15 => (50, "records of 50"),
        Layout::V16 => (54, "records of 54"),
        Layout::V20 => (64, "records of 64"),
        Layout::V21 => (68, "records of 68"),
        Layout::V30 => (69, "records of 69"),
        Layout::V4 => (73, "records of 73"),
    };
    if !payload.len().is_multiple_of(record) {
        return Err(WireError::Length { answer: "CSERV_LIST", length: payload.len(), expected });
    }
    let servers = payload.chunks_exact(record).map(|bytes| chunkserver(bytes, layout));
    servers.filter(|s| s.as_ref().map_or(true, |s| !(s.address.is_unspecified() && s.port == 0))).collect()
}

fn chunkserver(record: &[u8], layout: Layout) -> Result<Chunkserver, WireError> {
    let mut r = Reader::new("CSERV_LIST", record);
    let wire = if layout == Layout::V15 { 0 } else { r.u32("version")? };
    r.skip("original ip", if layout == Layout::V4 { 4 } else { 0 })?;
    let address = r.address("ip")?;
    let port = r.u16("port")?;
    r.skip("csid", if matches!(layout, Layout::V15 | Layout::V16) { 0 } else { 2 })?;
    let used = r.u64("used")?;
    let total = r.u64("total")?;
    let chunks = r.u32("chunks")?;
    r.skip("space marked for removal", 16)?;
    let removal_chunks = r.u32("tdchunks")?;
    let errors = r.u32("errorcount")?;
    let [flags, ..] = wire.to_be_bytes();
    Ok(Chunkserver {
        version: from_wire(wire),
        disconnected: flags & 0x01 != 0,
        maintenance: flags & 0x06 != 0,
        address,
        port,
        used,
        total,
        chunks,
        removal_chunks,
        errors,
    })
}

/// How the records of answer 509 are laid out.
#[derive(Debug, Clone, Copy)]
enum SessionForm {
    /// 1.5: 136 bytes.
    V15,
    /// 1.6.0: no `mapall`, 16 counters.
    NoMapAll,
    /// 1.6.1-1.6.20 with 16 counters, 1.6.21 with 21.
    Fixed(u16),
    /// 1.6.22+ (mfs.cgi @ 1.6.27): the number of counters is in front. With the mode that was asked for.
    Counted(u8),
}

/// Answer 509 to a question in this mode ([`super::request::sessions_of`]). mfstools that a 1.5 master lists, and sessions
/// of which a 2.0+ master knows no version (not connected since its start), are left out: they are no mounts at work.
///
/// The sources of 1.6.21 and 1.6.22 are lost; for these, every form that may be meant is tried, and the answer must fit
/// in one way only.
///
/// # Errors
/// A payload that does not fit the layout, fits more than one, or a mode that this master does not know.
pub fn sessions(payload: &[u8], info: &Info, vmode: u8) -> Result<Vec<Session>, WireError> {
    let number = info.version.as_ref().map(|v| (v.major, v.minor, v.patch));
    if super::request::sessions(info, vmode).is_none() {
        let version = info.version.clone();
        return Err(WireError::Release { answer: "SESSION_LIST", length: payload.len(), version });
    }
    match (info.layout, number) {
        (Layout::V15, _) => sessions_in(payload, SessionForm::V15),
        (Layout::V16, Some((1, 6, 0))) => sessions_in(payload, SessionForm::NoMapAll),
        (Layout::V16, Some((1, 6, ..=20))) => sessions_in(payload, SessionForm::Fixed(16)),
        (Layout::V16, Some((1, 6, 21 | 22))) => {
            sessions_in_one_of(payload, info, [SessionForm::Fixed(21), SessionForm::Counted(0), SessionForm::Fixed(16)])
        }
        _ => sessions_in(payload, SessionForm::Counted(vmode)),
    }
}

/// The one reading that fits. Forms that read the same out of it (an empty list) do not contradict each other. A form
/// that is only guessed at must give every mount a version and a path, as every 1.6 master does.
fn sessions_in_one_of(payload: &[u8], info: &Info, forms: [SessionForm; 3]) -> Result<Vec<Session>, WireError> {
    let length = payload.len();
    let readings = forms.into_iter().filter_map(|form| session_records(payload, form).ok()?.into_iter().collect());
    let mut fitting = readings.filter(|list: &Vec<Session>| list.iter().all(|s| s.path.as_deref() != Some("")));
    let Some(first) = fitting.next() else {
        return Err(WireError::Release { answer: "SESSION_LIST", length, version: info.version.clone() });
    };
    if fitting.any(|other| other != first) {
        return Err(WireError::Ambiguous { answer: "SESSION_LIST", length });
    }
    Ok(first)
}

fn sessions_in(payload: &[u8], form: SessionForm) -> Result<Vec<Session>, WireError> {
    Ok(session_records(payload, form)?.into_iter().flatten().collect())
}

/// All records; `None` for one that is no mount.
fn session_records(payload: &[u8], form: SessionForm) -> Result<Vec<Option<Session>>, WireError> {
    let mut r = Reader::new("SESSION_LIST", payload);
    let counters = match form {
        SessionForm::V15 | SessionForm::NoMapAll => 16,
        SessionForm::Fixed(counters) => counters,
        SessionForm::Counted(_) => r.u16("stats")?,
    };
    let mut records = Vec::new();
    while !r.is_empty() {
        records.push(session(&mut r, form, counters)?);
    }
    Ok(records)
}

fn session(r: &mut Reader<'_>, form: SessionForm, counters: u16) -> Result<Option<Session>, WireError> {
    let id = if matches!(form, SessionForm::V15) { None } else { Some(r.u32("sessionid")?) };
    let address = r.address("ip")?;
    let wire = r.u32("version")?;
    let mut connected = true;
    if matches!(form, SessionForm::Counted(2)) {
        r.skip("openfiles, nsocks", 5)?;
        connected = r.u32("expire")? == CONNECTED;
    }
    let (mount_point, path) = match form {
        SessionForm::V15 => (None, None),
        _ => (Some(r.text("info")?).filter(|text| !text.is_empty()), Some(r.text("path")?)),
    };
    let flags_and_users = match form {
        SessionForm::V15 => 0,
        SessionForm::NoMapAll => 9,
        SessionForm::Fixed(_) | SessionForm::Counted(0) => 17,
        SessionForm::Counted(_) => 27,
    };
    r.skip("sesflags to limits", flags_and_users)?;
    r.skip("counters", usize::from(counters) * 8)?;
    let version = if wire < FIRST_MOUNT { None } else { from_wire(wire) };
    Ok(version.map(|version| Session { id, address, version, mount_point, path, connected }))
}

/// Answer 517: one matrix, all copies counted. A 2.0+ master that was asked without the byte of
/// [`super::request::chunk_matrix`] answers with a byte and several, of which the first counts.
///
/// # Errors
/// A length that the layout's masters do not write; any for 1.5, which knows no matrix.
pub fn chunk_matrix(payload: &[u8], layout: Layout) -> Result<ChunkMatrix, WireError> {
    let (bytes, expected) = match (layout, payload.len()) {
        (Layout::V15, _) => (None, "none at all"),
        (_, MATRIX) => (Some(payload), "484"),
        (Layout::V16, _) => (None, "484"),
        (Layout::V20 | Layout::V21 | Layout::V30, length) => {
            (payload.get(1..=MATRIX).filter(|_| length == 1 + 2 * MATRIX), "484 or 969")
        }
        (Layout::V4, length) => (payload.get(1..=MATRIX).filter(|_| length == 1 + 8 * MATRIX), "484 or 3873"),
    };
    let Some(bytes) = bytes else {
        return Err(WireError::Length { answer: "CHUNKS_MATRIX", length: payload.len(), expected });
    };
    let mut r = Reader::new("CHUNKS_MATRIX", bytes);
    let mut matrix = [[0; 11]; 11];
    for count in matrix.as_flattened_mut() {
        *count = r.u32("count")?;
    }
    r.finish()?;
    Ok(ChunkMatrix(matrix))
}

/// Answer 513, the same in all releases when asked with an empty question; the text behind it is checked for its length
/// and dropped.
///
/// # Errors
/// A payload that is shorter or longer than its text asks for.
pub fn file_test(payload: &[u8]) -> Result<FileTest, WireError> {
    let mut r = Reader::new("FSTEST_INFO", payload);
    let test = FileTest {
        started: r.u32("loopstart")?,
        ended: r.u32("loopend")?,
        files: r.u32("files")?,
        under_goal_files: r.u32("ugfiles")?,
        missing_files: r.u32("mfiles")?,
        chunks: r.u32("chunks")?,
        under_goal_chunks: r.u32("ugchunks")?,
        missing_chunks: r.u32("mchunks")?,
    };
    let text = r.u32("msgleng")? as usize;
    r.skip("message", text)?;
    r.finish()?;
    Ok(test)
}

/// Answer 523, the same in all releases that have it. A metalogger that has not registered yet has no version.
///
/// # Errors
/// A length that is no whole number of records of 8 bytes.
pub fn metaloggers(payload: &[u8]) -> Result<Vec<Metalogger>, WireError> {
    if !payload.len().is_multiple_of(8) {
        return Err(WireError::Length { answer: "MLOG_LIST", length: payload.len(), expected: "records of 8" });
    }
    let record = |bytes| {
        let mut r = Reader::new("MLOG_LIST", bytes);
        Ok(Metalogger { version: from_wire(r.u32("version")?), address: r.address("ip")? })
    };
    payload.chunks_exact(8).map(record).collect()
}
