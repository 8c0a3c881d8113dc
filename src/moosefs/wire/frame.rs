//! Packets: `kind:32 length:32 payload`, big-endian (MFSCommunication.h, all releases). Knows nothing of what a payload
//! means, and never allocates for bytes that are announced but not there.

use super::WireError;

/// `kind` and `length`.
pub const HEADER: usize = 8;

/// The longest answer that is read: 64 MiB. 10,000 mounts with paths of 4,000 bytes each stay below; the longest thing
/// that a 1.6.27 master sends otherwise is a file test's text of 1,000,000 bytes (filesystem.c, `MSGBUFFSIZE`).
pub const MAX_PAYLOAD: u32 = 64 << 20;

/// The longest question that a master of 1.5 or 1.6 reads before it closes the connection (matocuserv.c,
/// `MaxPacketSize`): 1,000,000 bytes. For the simulated daemons.
pub const MAX_REQUEST: u32 = 1_000_000;

/// Keeps a connection alive; sent by 1.6+ masters to idle ones, and to be skipped whatever its length.
pub const ANTOAN_NOP: u32 = 0;
/// Asks for the chunkservers.
pub const CLTOMA_CSERV_LIST: u32 = 500;
/// The chunkservers.
pub const MATOCL_CSERV_LIST: u32 = 501;
/// Asks for the mounts (`CUTOMA_CUST_LIST` in 1.5).
pub const CLTOMA_SESSION_LIST: u32 = 508;
/// The mounts.
pub const MATOCL_SESSION_LIST: u32 = 509;
/// Asks for the master's version and totals.
pub const CLTOMA_INFO: u32 = 510;
/// The master's version and totals.
pub const MATOCL_INFO: u32 = 511;
/// Asks for the last finished round of the file system test.
pub const CLTOMA_FSTEST_INFO: u32 = 512;
/// The last finished round of the file system test.
pub const MATOCL_FSTEST_INFO: u32 = 513;
/// Asks for chunks by goal and copies (1.6+).
pub const CLTOMA_CHUNKS_MATRIX: u32 = 516;
/// Chunks by goal and copies.
pub const MATOCL_CHUNKS_MATRIX: u32 = 517;
/// Asks for the metaloggers (1.6.5+).
pub const CLTOMA_MLOG_LIST: u32 = 522;
/// The metaloggers.
pub const MATOCL_MLOG_LIST: u32 = 523;

/// One packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// What it is: one of the constants of this module.
    pub kind: u32,
    /// Its content.
    pub payload: Vec<u8>,
}

impl Frame {
    /// A packet of this kind with this content.
    #[must_use]
    pub fn new(kind: u32, payload: impl Into<Vec<u8>>) -> Self {
        Self { kind, payload: payload.into() }
    }

    /// The packet as it goes over the wire.
    ///
    /// # Panics
    /// If the payload is longer than 4 GiB, which no program here builds.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let length = u32::try_from(self.payload.len()).expect("a payload is below 4 GiB");
        let mut bytes = Vec::with_capacity(HEADER + self.payload.len());
        bytes.extend(self.kind.to_be_bytes());
        bytes.extend(length.to_be_bytes());
        bytes.extend(&self.payload);
        bytes
    }
}

/// Takes the first packet off `buf`, if all of it is there, and says how many bytes it took. `Ok(None)`: more are needed.
///
/// # Errors
/// [`WireError::TooLong`] above [`MAX_PAYLOAD`].
pub fn parse(buf: &[u8]) -> Result<Option<(Frame, usize)>, WireError> {
    parse_within(buf, MAX_PAYLOAD)
}

/// [`parse`] with a limit of one's own for the payload, in bytes.
///
/// # Errors
/// [`WireError::TooLong`] above `limit`, as soon as the header is there.
pub fn parse_within(buf: &[u8], limit: u32) -> Result<Option<(Frame, usize)>, WireError> {
    let Some((header, rest)) = buf.split_first_chunk::<HEADER>() else {
        return Ok(None);
    };
    let [k0, k1, k2, k3, l0, l1, l2, l3] = *header;
    let kind = u32::from_be_bytes([k0, k1, k2, k3]);
    let length = u32::from_be_bytes([l0, l1, l2, l3]);
    if length > limit {
        return Err(WireError::TooLong { kind, length, limit });
    }
    let length = length as usize;
    Ok(rest.get(..length).map(|payload| (Frame::new(kind, payload), HEADER + length)))
}
