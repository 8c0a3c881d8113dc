//! What simulated programs say to each other: frames on a stream, and the numbers inside. Layouts are those of
//! MFSCommunication.h; never used for the admin protocol, whose one codec is [`crate::moosefs::wire`].

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::tcp::OwnedReadHalf;
use tokio::sync::mpsc;

use crate::moosefs::wire::Frame;
use crate::moosefs::wire::frame::{HEADER, MAX_PAYLOAD};

/// metalogger → master: `rver:8 version:32 timeout:16`
pub const MLTOMA_REGISTER: u32 = 50;
/// master → metalogger: `FF:8 version:64 text 0:8`
pub const MATOML_METACHANGES_LOG: u32 = 51;
/// metalogger → master: `filenum:8`
pub const MLTOMA_DOWNLOAD_START: u32 = 60;
/// master → metalogger: `length:64`, or `status:8`
pub const MATOML_DOWNLOAD_START: u32 = 61;
/// metalogger → master: `offset:64 leng:32`
pub const MLTOMA_DOWNLOAD_DATA: u32 = 62;
/// master → metalogger: `offset:64 leng:32 crc:32 data` (the simulation's crc is 0)
pub const MATOML_DOWNLOAD_DATA: u32 = 63;
/// metalogger → master
pub const MLTOMA_DOWNLOAD_END: u32 = 64;
/// chunkserver → master: `rver:8 …`
pub const CSTOMA_REGISTER: u32 = 100;
/// chunkserver → master: `used:64 total:64 chunks:32 tdused:64 tdtotal:64 tdchunks:32`
pub const CSTOMA_SPACE: u32 = 101;
/// chunkserver → master: `N*[chunkid:64 version:32]`
pub const CSTOMA_CHUNK_NEW: u32 = 107;
/// master → chunkserver: `chunkid:64 version:32`
pub const MATOCS_DELETE: u32 = 120;
/// chunkserver → master: `chunkid:64 status:8`
pub const CSTOMA_DELETE: u32 = 121;
/// client → chunkserver: `chunkid:64 version:32 offset:32 size:32`
pub const CLTOCS_READ: u32 = 200;
/// chunkserver → client: `chunkid:64 status:8`
pub const CSTOCL_READ_STATUS: u32 = 201;
/// mount → master: `blob:64B …`
pub const CLTOMA_FUSE_REGISTER: u32 = 400;
/// master → mount
pub const MATOCL_FUSE_REGISTER: u32 = 401;
/// mount → master: here `msgid:32 inode:32`
pub const CLTOMA_FUSE_READDIR: u32 = 428;
/// master → mount: `msgid:32 N*[leng:8 name inode:32 type:8]`
pub const MATOCL_FUSE_READDIR: u32 = 429;
/// mount → master: `msgid:32 inode:32 index:32`
pub const CLTOMA_FUSE_READ_CHUNK: u32 = 432;
/// master → mount: `msgid:32 length:64 chunkid:64 version:32 N*[ip:32 port:16]`, or `msgid:32 status:8`
pub const MATOCL_FUSE_READ_CHUNK: u32 = 433;

/// The blob of a 1.5 mount: behind it `clientid:32 version:32`.
pub const BLOB_WITHOUT_ACCESS_LISTS: &[u8; 64] = b"kFh9mdZsR84l5e675v8bi54VfXaXSYozaU3DSz9AsLLtOtKipzb9aQNkxeOISx64";
/// The blob of a 1.6 mount: behind it `rcode:8 …`.
pub const BLOB_WITH_ACCESS_LISTS: &[u8; 64] = b"DjI1GAQDULI5d2YjA26ypc3ovkhjvhciTQVx3CS4nYgtBoUcsljiVpsErJENHaw0";
/// `rcode:8 version:32 ileng:32 info pleng:32 path`
pub const REGISTER_NEWSESSION: u8 = 2;
/// `rcode:8 sessionid:32 version:32`
pub const REGISTER_RECONNECT: u8 = 3;

/// "OK".
pub const STATUS_OK: u8 = 0;
/// "Operation not permitted" and friends.
pub const STATUS_EACCES: u8 = 4;
/// "No such chunk".
pub const STATUS_NOCHUNK: u8 = 13;
/// "Unknown session".
pub const STATUS_BADSESSION: u8 = 32;

/// Reads one frame; `None` when the peer closed before one began.
///
/// # Errors
/// The connection broke, or the frame is longer than any that is sent here.
pub async fn read_frame(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Frame>> {
    read_frame_within(stream, MAX_PAYLOAD).await
}

/// The same, of a length that is no error up to `most`.
///
/// # Errors
/// As for [`read_frame`].
pub async fn read_frame_within(stream: &mut (impl AsyncRead + Unpin), most: u32) -> io::Result<Option<Frame>> {
    let mut header = [0; HEADER];
    match stream.read_exact(&mut header).await {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut fields = Fields(&header);
    let (kind, length) = (fields.u32()?, fields.u32()?);
    if length > most {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("packet too long ({length}/{most})")));
    }
    let mut payload = vec![0; length as usize];
    stream.read_exact(&mut payload).await?;
    Ok(Some(Frame::new(kind, payload)))
}

/// Reads frames in a task of its own, which ends with what is returned beside them: reading a frame must not be given up
/// halfway for something else that happens.
pub fn frames(mut stream: OwnedReadHalf) -> (mpsc::Receiver<Frame>, AbortOnDrop) {
    let (found, frames) = mpsc::channel(16);
    let reader = tokio::spawn(async move {
        while let Ok(Some(frame)) = read_frame(&mut stream).await {
            if found.send(frame).await.is_err() {
                return;
            }
        }
    });
    (frames, AbortOnDrop(reader))
}

/// A task that ends with this.
#[derive(Debug)]
pub struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Sends one frame.
///
/// # Errors
/// The connection broke.
pub async fn send(stream: &mut (impl AsyncWrite + Unpin), kind: u32, payload: impl Into<Vec<u8>>) -> io::Result<()> {
    stream.write_all(&Frame::new(kind, payload).encode()).await
}

/// Numbers in a payload, read one by one; a payload that ends early is an error and nothing worse.
#[derive(Debug)]
pub struct Fields<'a>(pub &'a [u8]);

impl<'a> Fields<'a> {
    /// The next `n` bytes.
    ///
    /// # Errors
    /// There are fewer.
    pub fn bytes(&mut self, n: usize) -> io::Result<&'a [u8]> {
        let (taken, rest) =
            self.0.split_at_checked(n).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "short packet"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        Ok(self.bytes(N)?.try_into().expect("as many bytes as asked for"))
    }

    /// The next byte.
    ///
    /// # Errors
    /// There is none.
    pub fn u8(&mut self) -> io::Result<u8> {
        Ok(u8::from_be_bytes(self.array()?))
    }

    /// The next two bytes.
    ///
    /// # Errors
    /// There are fewer.
    pub fn u16(&mut self) -> io::Result<u16> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    /// The next four bytes.
    ///
    /// # Errors
    /// There are fewer.
    pub fn u32(&mut self) -> io::Result<u32> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    /// The next eight bytes.
    ///
    /// # Errors
    /// There are fewer.
    pub fn u64(&mut self) -> io::Result<u64> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    /// A text with its length before it.
    ///
    /// # Errors
    /// It is cut off.
    pub fn text(&mut self) -> io::Result<String> {
        let length = self.u32()? as usize;
        Ok(String::from_utf8_lossy(self.bytes(length)?).into_owned())
    }
}

/// A payload in the making.
#[derive(Debug, Default)]
pub struct Payload(pub Vec<u8>);

impl Payload {
    /// Appends raw bytes.
    #[must_use]
    pub fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// Appends a byte.
    #[must_use]
    pub fn u8(self, n: u8) -> Self {
        self.bytes(&[n])
    }

    /// Appends two bytes.
    #[must_use]
    pub fn u16(self, n: u16) -> Self {
        self.bytes(&n.to_be_bytes())
    }

    /// Appends four bytes.
    #[must_use]
    pub fn u32(self, n: u32) -> Self {
        self.bytes(&n.to_be_bytes())
    }

    /// Appends eight bytes.
    #[must_use]
    pub fn u64(self, n: u64) -> Self {
        self.bytes(&n.to_be_bytes())
    }

    /// Appends a text with its length before it.
    #[must_use]
    pub fn text(self, text: &str) -> Self {
        self.u32(u32::try_from(text.len()).expect("texts here are short")).bytes(text.as_bytes())
    }
}
