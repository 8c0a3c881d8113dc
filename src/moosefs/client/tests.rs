//! A master played over a pipe: what is asked, over how many connections, and what becomes of every way to fail.

use std::error::Error;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::DuplexStream;

use super::*;
use crate::moosefs::version::Version;
use crate::moosefs::wire::frame::{
    CLTOMA_CHUNKS_MATRIX, CLTOMA_CSERV_LIST, CLTOMA_FSTEST_INFO, CLTOMA_INFO, CLTOMA_MLOG_LIST, CLTOMA_SESSION_LIST,
};
use crate::moosefs::wire::{Layout, encode};

const LIMIT: Duration = Duration::from_secs(5);

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

fn info_of(release: &Version) -> Info {
    let layout = encode::layout(release);
    Info {
        version: (layout != Layout::V15).then(|| release.clone()),
        layout,
        total_space: 3,
        available_space: 2,
        inodes: 1,
        directories: 1,
        files: 0,
        chunks: 0,
        copies: (layout != Layout::V15).then_some(0),
    }
}

/// What a master of this release does with a question: an answer, or `None`: it closes.
fn answer(release: &Version, question: &Frame) -> Option<Frame> {
    let number = (release.major, release.minor, release.patch);
    let empty = question.payload.is_empty();
    let payload = match question.kind {
        CLTOMA_INFO if empty => encode::info(&info_of(release), release),
        CLTOMA_CSERV_LIST if empty => encode::chunkservers(&[], release),
        CLTOMA_SESSION_LIST if empty || number >= (1, 6, 26) => {
            encode::sessions(&[], release, question.payload.first().copied().unwrap_or(0))
        }
        CLTOMA_FSTEST_INFO if empty => vec![0; 36],
        CLTOMA_CHUNKS_MATRIX if number >= (1, 6, 10) || (number >= (1, 6, 0) && empty) => vec![0; 484],
        CLTOMA_MLOG_LIST if empty && number >= (1, 6, 5) => vec![],
        _ => return None,
    };
    Some(Frame::new(question.kind + 1, payload))
}

/// A master of a release that plays along until it has answered `closes_after` questions of a connection.
struct Played {
    release: Version,
    closes_after: Vec<usize>,
    connections: AtomicUsize,
    asked: Arc<Mutex<Vec<u32>>>,
}

impl Played {
    fn new(release: &str, closes_after: &[usize]) -> Self {
        Self {
            release: version(release),
            closes_after: closes_after.to_vec(),
            connections: AtomicUsize::new(0),
            asked: Arc::default(),
        }
    }

    fn asked(&self) -> Vec<u32> {
        self.asked.lock().unwrap().clone()
    }
}

impl Dial for Played {
    type Stream = DuplexStream;

    async fn dial(&self) -> io::Result<DuplexStream> {
        let (ours, mut theirs) = tokio::io::duplex(16);
        let connection = self.connections.fetch_add(1, Ordering::Relaxed);
        let answers = self.closes_after.get(connection).copied().unwrap_or(usize::MAX);
        let (release, asked) = (self.release.clone(), Arc::clone(&self.asked));
        tokio::spawn(async move {
            let mut arrived = Vec::new();
            for _ in 0..answers {
                let question = loop {
                    if let Some((frame, length)) = frame::parse(&arrived).unwrap() {
                        arrived.drain(..length);
                        break frame;
                    }
                    if theirs.read_buf(&mut arrived).await.unwrap_or(0) == 0 {
                        return;
                    }
                };
                asked.lock().unwrap().push(question.kind);
                let Some(answer) = answer(&release, &question) else {
                    return;
                };
                for frame in [Frame::new(ANTOAN_NOP, [0; 4]), Frame::new(ANTOAN_NOP, []), answer] {
                    if theirs.write_all(&frame.encode()).await.is_err() {
                        return;
                    }
                }
            }
        });
        Ok(ours)
    }
}

#[tokio::test]
async fn every_release_is_asked_what_it_answers_and_over_one_connection() {
    let always = [CLTOMA_INFO, CLTOMA_CSERV_LIST, CLTOMA_SESSION_LIST];
    let cases: [(&str, &[u32]); 6] = [
        ("1.5.12", &[CLTOMA_FSTEST_INFO]),
        ("1.6.0", &[CLTOMA_CHUNKS_MATRIX, CLTOMA_FSTEST_INFO]),
        ("1.6.9", &[CLTOMA_CHUNKS_MATRIX, CLTOMA_FSTEST_INFO, CLTOMA_MLOG_LIST]),
        ("1.6.27", &[CLTOMA_CHUNKS_MATRIX, CLTOMA_FSTEST_INFO, CLTOMA_MLOG_LIST]),
        ("3.0.117", &[CLTOMA_CHUNKS_MATRIX, CLTOMA_FSTEST_INFO, CLTOMA_MLOG_LIST]),
        ("4.56.6", &[CLTOMA_CHUNKS_MATRIX, CLTOMA_FSTEST_INFO, CLTOMA_MLOG_LIST]),
    ];
    for (release, then) in cases {
        let master = Arc::new(Played::new(release, &[]));
        let asked = Arc::clone(&master);
        // Over a task, as the executor does: the future must be Send.
        let seen = tokio::spawn(async move { overview(&*asked, LIMIT).await }).await.unwrap().unwrap();
        assert_eq!(seen.info, info_of(&master.release), "{release}");
        assert_eq!(seen.matrix.is_none(), release == "1.5.12");
        assert_eq!(seen.metaloggers.is_none(), ["1.5.12", "1.6.0"].contains(&release));
        assert_eq!(master.asked(), [&always[..], then].concat(), "{release}");
        assert_eq!(master.connections.load(Ordering::Relaxed), 1, "{release}");
    }
}

#[tokio::test]
async fn a_master_that_goes_away_half_way_is_asked_everything_again_once() {
    let master = Played::new("1.6.27", &[3]);
    overview(&master, LIMIT).await.unwrap();
    assert_eq!(master.asked().iter().filter(|kind| **kind == CLTOMA_INFO).count(), 2);
    assert_eq!(master.connections.load(Ordering::Relaxed), 2);

    let master = Played::new("1.6.27", &[3, 0, 0]);
    let error = overview(&master, LIMIT).await.unwrap_err();
    assert!(matches!(error, QueryError::Closed(Question::Info)), "{error}");
    assert_eq!(master.connections.load(Ordering::Relaxed), 2);
}

/// A client whose master writes these bytes and then closes, or stays silent.
fn client_of(bytes: Vec<u8>, closes: bool) -> AdminClient<DuplexStream> {
    let (ours, mut theirs) = tokio::io::duplex(1 << 20);
    tokio::spawn(async move {
        theirs.write_all(&bytes).await.unwrap();
        if !closes {
            std::future::pending::<()>().await;
        }
        // Wait for the question, so that the client is not stopped in writing it.
        let _ = theirs.read_u8().await;
    });
    AdminClient::new(ours, LIMIT)
}

fn info_packet() -> Vec<u8> {
    answer(&version("1.6.27"), &request::info()).unwrap().encode()
}

#[tokio::test]
async fn a_closed_connection_is_told_from_a_broken_answer() {
    let error = client_of(vec![], true).info().await.unwrap_err();
    assert!(matches!(error, QueryError::Closed(Question::Info)), "{error}");
    let error = client_of(Frame::new(ANTOAN_NOP, [0; 4]).encode(), true).info().await.unwrap_err();
    assert!(matches!(error, QueryError::Closed(Question::Info)), "{error}");
    let packet = info_packet();
    for cut in 1..packet.len() {
        let error = client_of(packet[..cut].to_vec(), true).info().await.unwrap_err();
        assert!(matches!(error, QueryError::Io { question: Question::Info, .. }), "{cut}: {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_come_or_not_to_its_end_is_given_up_in_time() {
    let mut half = info_packet();
    half.truncate(40);
    let nops = Frame::new(ANTOAN_NOP, []).encode().repeat(1000);
    for bytes in [vec![], half, nops] {
        let begin = tokio::time::Instant::now();
        let mut client = client_of(bytes, false);
        let error = client.info().await.unwrap_err();
        assert!(matches!(error, QueryError::TimedOut { question: Question::Info, limit: LIMIT }), "{error}");
        assert_eq!(begin.elapsed(), LIMIT);
        let error = client.info().await.unwrap_err();
        assert!(matches!(error, QueryError::Closed(_)), "a late answer must not meet another question: {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_does_not_come_about_is_given_up_in_time() {
    struct Silent;
    impl Dial for Silent {
        type Stream = DuplexStream;
        async fn dial(&self) -> io::Result<DuplexStream> {
            std::future::pending().await
        }
    }
    struct Refusing;
    impl Dial for Refusing {
        type Stream = DuplexStream;
        async fn dial(&self) -> io::Result<DuplexStream> {
            Err(io::ErrorKind::ConnectionRefused.into())
        }
    }
    assert!(matches!(overview(&Silent, LIMIT).await, Err(QueryError::DialTimedOut(LIMIT))));
    assert!(matches!(overview(&Refusing, LIMIT).await, Err(QueryError::Dial(_))));
}

#[tokio::test]
async fn other_packets_and_answers_that_are_not_understood_are_named() {
    let other = Frame::new(501, []).encode();
    let error = client_of(other, false).info().await.unwrap_err();
    assert_eq!(error.to_string(), "the master, asked for its version and totals, answered with a packet of kind 501");

    let short = Frame::new(MATOCL_INFO, [0; 3]).encode();
    let error = client_of(short, false).info().await.unwrap_err();
    assert!(matches!(error, QueryError::Wire { source: WireError::Length { length: 3, .. }, .. }), "{error}");

    let endless = [MATOCL_INFO.to_be_bytes(), [0xff; 4]].concat();
    let mut client = client_of(endless, false);
    let error = client.info().await.unwrap_err();
    assert_eq!(
        error.source().unwrap().to_string(),
        "packet 511 announces 4294967295 bytes, more than the limit of 67108864"
    );
    assert!(client.arrived.capacity() <= 2 * READ_AT_ONCE, "nothing is held for bytes that have not come");
}
