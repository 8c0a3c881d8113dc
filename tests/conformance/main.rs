//! The client against a real master, as Debian packages it (moosefs-master, 3.0.117): what is believed of the protocol is
//! not only believed by ourselves. Loopback only; the master runs in a folder of its own and is stopped at the end.
//!
//! The same for sshd and the login shells that hosts have. What is not there is said, and proves nothing;
//! `MFSUPGRADE_REQUIRE_REAL_MASTER=1` makes its absence a failure.

mod login;
mod master;
mod sshd;
mod traps;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use mfsupgrade::moosefs::client::{AdminClient, Dial, QueryError, Question, overview};
use mfsupgrade::moosefs::version::to_wire;
use mfsupgrade::moosefs::wire::{ChunkMatrix, Frame, Info, Layout, Session, decode, frame, request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use master::Master;

const LIMIT: Duration = Duration::from_secs(10);

/// Dials a master on this machine.
struct Loopback(SocketAddr);

impl Dial for Loopback {
    type Stream = TcpStream;

    async fn dial(&self) -> io::Result<TcpStream> {
        TcpStream::connect(self.0).await
    }
}

#[tokio::test]
async fn a_real_master_says_what_it_is_and_has() {
    let Some(master) = Master::start().await else {
        return;
    };
    let seen = overview(&Loopback(master.clients), LIMIT).await.expect("an overview");
    assert_eq!(seen.info.version.as_ref(), Some(&master.version));
    assert_eq!(seen.info.layout, layout_of(&master));
    assert_eq!((seen.info.inodes, seen.info.directories, seen.info.files, seen.info.chunks), (1, 1, 0, 0), "the root");
    assert_eq!((seen.info.total_space, seen.info.copies), (0, Some(0)), "no chunkserver, no copy");
    assert_eq!((seen.chunkservers, seen.sessions), (vec![], vec![]));
    assert_eq!(seen.matrix, Some(ChunkMatrix([[0; 11]; 11])));
    assert_eq!(seen.metaloggers, Some(vec![]));
    assert!(!seen.file_test.is_finished(), "{:?}", seen.file_test);
}

/// A master tells a mount that is connected, in every mode; one that is gone only in mode 2, and as such.
#[tokio::test]
async fn a_real_master_tells_its_mounts() {
    let Some(master) = Master::start().await else {
        return;
    };
    let version = master.version.clone();
    let mount = Mount::register(&master).await;
    let info = overview(&Loopback(master.clients), LIMIT).await.expect("an overview").info;
    let expected = Session {
        id: Some(mount.session),
        address: [127, 0, 0, 1].into(),
        version,
        mount_point: Some("/mnt/großes Lager".into()),
        path: Some("/".into()),
        connected: true,
    };
    for vmode in 0..=2 {
        let sessions = sessions(&master, &info, vmode).await;
        assert_eq!(sessions.len(), 1, "mode {vmode}");
        let address = mount.stream.local_addr().expect("an address").ip();
        assert_eq!(std::net::IpAddr::from(sessions[0].address), address);
        assert_eq!(Session { address: expected.address, ..sessions[0].clone() }, expected, "mode {vmode}");
    }

    drop(mount);
    let gone = async {
        loop {
            let all = sessions(&master, &info, 2).await;
            if all.iter().all(|session| !session.connected) {
                break all;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let gone = tokio::time::timeout(LIMIT, gone).await.expect("the master notices");
    assert_eq!(gone.len(), 1);
    assert_eq!(gone[0].mount_point, expected.mount_point);
    assert_eq!(sessions(&master, &info, 0).await, []);
}

#[tokio::test]
async fn a_real_master_that_keeps_the_line_alive_is_still_understood() {
    let Some(master) = Master::start().await else {
        return;
    };
    let mut client = AdminClient::new(TcpStream::connect(master.clients).await.expect("a connection"), LIMIT);
    let before = client.info().await.expect("INFO");
    // Long enough for a packet that keeps the connection alive, short enough not to be closed (after 10 s, `matoclserv.c`).
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(client.info().await.expect("INFO behind the master's own packets"), before);
    assert!(client.chunk_matrix(&before).await.expect("a matrix").is_some());
}

#[tokio::test]
async fn a_real_master_closes_for_what_it_does_not_know() {
    let Some(master) = Master::start().await else {
        return;
    };
    let mut stream = TcpStream::connect(master.clients).await.expect("a connection");
    stream.write_all(&Frame::new(frame::CLTOMA_INFO, [0]).encode()).await.expect("the question goes out");
    let error = AdminClient::new(stream, LIMIT).info().await.expect_err("a question of a wrong size");
    assert!(matches!(error, QueryError::Closed(Question::Info)), "{error}");
    overview(&Loopback(master.clients), LIMIT).await.expect("others are not hurt");
}

/// The layout of the package's master, decided without the code under test.
fn layout_of(master: &Master) -> Layout {
    match (master.version.major, master.version.minor) {
        (2, 0) => Layout::V20,
        (3, 0) if master.version.patch >= 38 => Layout::V30,
        (4, 26..) => Layout::V4,
        _ => panic!("{} is a release of which nothing is known here", master.version),
    }
}

/// Asks for the mounts in one mode.
async fn sessions(master: &Master, info: &Info, vmode: u8) -> Vec<Session> {
    let question = request::sessions(info, vmode).expect("a mode of this master");
    let mut stream = TcpStream::connect(master.clients).await.expect("a connection");
    stream.write_all(&question.encode()).await.expect("the question goes out");
    let answer = answer(&mut stream, frame::MATOCL_SESSION_LIST).await;
    decode::sessions(&answer, info, vmode).expect("SESSION_LIST is understood")
}

/// Reads on until a packet of this kind.
async fn answer(stream: &mut TcpStream, kind: u32) -> Vec<u8> {
    loop {
        let seen = stream.read_u32().await.expect("a kind");
        let length = stream.read_u32().await.expect("a length");
        let mut payload = vec![0; length as usize];
        stream.read_exact(&mut payload).await.expect("a payload");
        if seen == kind {
            return payload;
        }
    }
}

/// What a mount is to its master: a connection that has opened a session.
struct Mount {
    stream: TcpStream,
    session: u32,
}

impl Mount {
    /// `CLTOMA_FUSE_REGISTER` with `REGISTER_NEWSESSION` (MFSCommunication.h @ 3.0.117).
    async fn register(master: &Master) -> Self {
        const MAGIC: &[u8; 64] = b"DjI1GAQDULI5d2YjA26ypc3ovkhjvhciTQVx3CS4nYgtBoUcsljiVpsErJENHaw0";
        const NEW_SESSION: u8 = 2;
        const REGISTER: u32 = 400;
        const REGISTERED: u32 = 401;
        let text = |text: &str| [&(text.len() as u32 + 1).to_be_bytes()[..], text.as_bytes(), &[0]].concat();
        let version = to_wire(&master.version).to_be_bytes();
        let payload = [&MAGIC[..], &[NEW_SESSION], &version, &text("/mnt/großes Lager"), &text("/"), &[0; 4]].concat();
        let mut stream = TcpStream::connect(master.clients).await.expect("a connection");
        stream.write_all(&Frame::new(REGISTER, payload).encode()).await.expect("the registration goes out");
        let answer = answer(&mut stream, REGISTERED).await;
        assert!(answer.len() > 8, "the master takes the mount: {answer:?}");
        let session = u32::from_be_bytes(answer[4..8].try_into().expect("4 bytes"));
        Self { stream, session }
    }
}
