//! Asks a master over a stream that somebody else opened. The one adapter in this room: it reads, writes and waits, and
//! leaves what the bytes mean to [`super::wire`]. It opens nothing itself, never asks a question that the master's release
//! answers by closing the connection (that would leave a line in its log), and holds no more than what has arrived.

use std::fmt;
use std::future::Future;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::overview::Overview;
use super::wire::frame::{
    self, ANTOAN_NOP, Frame, MATOCL_CHUNKS_MATRIX, MATOCL_CSERV_LIST, MATOCL_FSTEST_INFO, MATOCL_INFO,
    MATOCL_MLOG_LIST, MATOCL_SESSION_LIST,
};
use super::wire::{ChunkMatrix, Chunkserver, FileTest, Info, Metalogger, Session, WireError, decode, request};

/// How much room is made at a time for what arrives.
const READ_AT_ONCE: usize = 16 * 1024;

/// A question, by what it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// Version and totals.
    Info,
    /// The chunkservers.
    Chunkservers,
    /// The mounts.
    Sessions,
    /// Chunks by goal and copies.
    ChunkMatrix,
    /// The last finished file system test.
    FileTest,
    /// The metaloggers.
    Metaloggers,
}

impl Question {
    /// The kind of packet that answers it.
    fn answer(self) -> u32 {
        match self {
            Question::Info => MATOCL_INFO,
            Question::Chunkservers => MATOCL_CSERV_LIST,
            Question::Sessions => MATOCL_SESSION_LIST,
            Question::ChunkMatrix => MATOCL_CHUNKS_MATRIX,
            Question::FileTest => MATOCL_FSTEST_INFO,
            Question::Metaloggers => MATOCL_MLOG_LIST,
        }
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Question::Info => "its version and totals",
            Question::Chunkservers => "its chunkservers",
            Question::Sessions => "its mounts",
            Question::ChunkMatrix => "its chunks by goal and copies",
            Question::FileTest => "its file system test",
            Question::Metaloggers => "its metaloggers",
        })
    }
}

/// Why a question has no answer. After any of these the connection is of no use any more.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// No connection came about.
    #[error("the master cannot be reached")]
    Dial(#[source] io::Error),
    /// No connection came about in time.
    #[error("the master could not be reached within {0:?}")]
    DialTimedOut(Duration),
    /// The master closed the connection in place of an answer. As the answer to [`Question::Info`], which every release
    /// knows, it means that there is no master behind the connection (a forwarded port is closed so), or that it is stopping.
    #[error("the connection was closed when the master was asked for {0}")]
    Closed(Question),
    /// The answer was not complete in time.
    #[error("the master, asked for {question}, did not answer within {limit:?}")]
    TimedOut {
        /// What was asked.
        question: Question,
        /// The limit.
        limit: Duration,
    },
    /// Reading or writing failed, or the connection was closed in the middle of an answer.
    #[error("the connection failed when the master was asked for {question}")]
    Io {
        /// What was asked.
        question: Question,
        /// How it failed.
        #[source]
        source: io::Error,
    },
    /// The answer is not understood.
    #[error("the answer of the master, asked for {question}, is not understood")]
    Wire {
        /// What was asked.
        question: Question,
        /// What is wrong with the answer.
        #[source]
        source: WireError,
    },
    /// Another packet came than the answer.
    #[error("the master, asked for {question}, answered with a packet of kind {kind}")]
    Unexpected {
        /// What was asked.
        question: Question,
        /// The kind of packet.
        kind: u32,
    },
}

/// A connection to a master that answers questions, one after the other. To be dropped after an error, since the answers
/// that may still come would no longer fit the questions; it refuses to be asked again ([`QueryError::Closed`]).
///
/// A master closes a connection that is silent for 10 seconds (`matocuserv.c` @ 1.5.12, `matoclserv.c` @ 1.6.27; measured): open one for each look at a cluster.
#[derive(Debug)]
pub struct AdminClient<S> {
    stream: S,
    limit: Duration,
    arrived: Vec<u8>,
    failed: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> AdminClient<S> {
    /// A client over an open stream; each question is given `limit` until its answer is complete.
    pub fn new(stream: S, limit: Duration) -> Self {
        Self { stream, limit, arrived: Vec::new(), failed: false }
    }

    /// Version and totals.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub async fn info(&mut self) -> Result<Info, QueryError> {
        self.ask(Question::Info, &request::info(), decode::info).await
    }

    /// The chunkservers, as the master that said `info` of itself lays them out.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub async fn chunkservers(&mut self, info: &Info) -> Result<Vec<Chunkserver>, QueryError> {
        let layout = info.layout;
        self.ask(Question::Chunkservers, &request::chunkservers(), |bytes| decode::chunkservers(bytes, layout)).await
    }

    /// The mounts.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub async fn sessions(&mut self, info: &Info) -> Result<Vec<Session>, QueryError> {
        let (vmode, question) = request::sessions_of(info);
        self.ask(Question::Sessions, &question, |bytes| decode::sessions(bytes, info, vmode)).await
    }

    /// Chunks by goal and copies; `None` of a 1.5 master, which is not asked.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub async fn chunk_matrix(&mut self, info: &Info) -> Result<Option<ChunkMatrix>, QueryError> {
        let Some(question) = request::chunk_matrix(info.layout) else {
            return Ok(None);
        };
        let layout = info.layout;
        self.ask(Question::ChunkMatrix, &question, |bytes| decode::chunk_matrix(bytes, layout)).await.map(Some)
    }

    /// The last finished round of the file system test.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub async fn file_test(&mut self) -> Result<FileTest, QueryError> {
        self.ask(Question::FileTest, &request::file_test(), decode::file_test).await
    }

    /// The metaloggers; `None` of a master below 1.6.5, which is not asked.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub async fn metaloggers(&mut self, info: &Info) -> Result<Option<Vec<Metalogger>>, QueryError> {
        let Some(question) = request::metaloggers(info) else {
            return Ok(None);
        };
        self.ask(Question::Metaloggers, &question, decode::metaloggers).await.map(Some)
    }

    /// Sends one question and reads its answer within the limit.
    async fn ask<T>(
        &mut self,
        question: Question,
        frame: &Frame,
        decode: impl FnOnce(&[u8]) -> Result<T, WireError>,
    ) -> Result<T, QueryError> {
        if self.failed {
            return Err(QueryError::Closed(question));
        }
        // Set before the first wait, so that a question whose future is dropped half-way spoils the connection as well.
        self.failed = true;
        let limit = self.limit;
        let answer = tokio::time::timeout(limit, self.exchange(question, frame))
            .await
            .map_err(|_| QueryError::TimedOut { question, limit })??;
        let value = decode(&answer).map_err(|source| QueryError::Wire { question, source })?;
        self.failed = false;
        Ok(value)
    }

    async fn exchange(&mut self, question: Question, frame: &Frame) -> Result<Vec<u8>, QueryError> {
        let written = async {
            self.stream.write_all(&frame.encode()).await?;
            self.stream.flush().await
        };
        written.await.map_err(|source| failure(question, source))?;
        loop {
            let Frame { kind, payload } = self.next_frame(question).await?;
            if kind == question.answer() {
                return Ok(payload);
            }
            if kind != ANTOAN_NOP {
                return Err(QueryError::Unexpected { question, kind });
            }
        }
    }

    async fn next_frame(&mut self, question: Question) -> Result<Frame, QueryError> {
        loop {
            let parsed = frame::parse(&self.arrived).map_err(|source| QueryError::Wire { question, source })?;
            if let Some((frame, length)) = parsed {
                self.arrived.drain(..length);
                return Ok(frame);
            }
            self.arrived.reserve(READ_AT_ONCE);
            match self.stream.read_buf(&mut self.arrived).await {
                Ok(0) if self.arrived.is_empty() => return Err(QueryError::Closed(question)),
                Ok(0) => return Err(QueryError::Io { question, source: io::ErrorKind::UnexpectedEof.into() }),
                Ok(_) => {}
                Err(source) => return Err(failure(question, source)),
            }
        }
    }
}

/// A master that closes while a question is under way may show as a reset or a broken pipe: it closes with what it has not
/// read still in its buffer.
fn failure(question: Question, source: io::Error) -> QueryError {
    match source.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted => {
            QueryError::Closed(question)
        }
        _ => QueryError::Io { question, source },
    }
}

/// Opens connections to one master: directly, or through a forwarded port.
pub trait Dial {
    /// What is opened.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send;

    /// Opens one more connection.
    fn dial(&self) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

/// Asks a master for everything, each question (and the opening of the connection) within `limit`. A connection that is
/// closed half-way, as by a master that is being replaced, makes it begin anew once, over a new connection: what two
/// masters say is never mixed. Safe to be dropped.
///
/// # Errors
/// See [`QueryError`].
pub async fn overview<D: Dial>(dial: &D, limit: Duration) -> Result<Overview, QueryError> {
    match overview_once(dial, limit).await {
        Err(QueryError::Closed(_)) => overview_once(dial, limit).await,
        result => result,
    }
}

async fn overview_once<D: Dial>(dial: &D, limit: Duration) -> Result<Overview, QueryError> {
    let stream = tokio::time::timeout(limit, dial.dial())
        .await
        .map_err(|_| QueryError::DialTimedOut(limit))?
        .map_err(QueryError::Dial)?;
    let mut client = AdminClient::new(stream, limit);
    let info = client.info().await?;
    Ok(Overview {
        chunkservers: client.chunkservers(&info).await?,
        sessions: client.sessions(&info).await?,
        matrix: client.chunk_matrix(&info).await?,
        file_test: client.file_test().await?,
        metaloggers: client.metaloggers(&info).await?,
        info,
    })
}

#[cfg(test)]
mod tests;
