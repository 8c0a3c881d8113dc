//! Files to and from a host, as streams through its held connection: nothing of a file is held in memory.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use openssh::{Session, Stdio};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::session::{self, explain, listen};
use super::{Held, SshFleet};
use crate::host::sh::{Script, sh};
use crate::host::shell::{self, Reader, Word};
use crate::host::{AbsPath, HostName, said};
use crate::run::ports::{NotCopied, Source};
use crate::words::hex;

/// Bytes read and written together.
const PIECE: usize = 256 << 10;

impl SshFleet {
    /// A command whose input or output is a stream.
    async fn streamed<'s>(
        &self,
        session: &'s Held,
        host: &HostName,
        (script, word): (&Script, &Word),
        (stdin, stdout): (Stdio, Stdio),
    ) -> Result<openssh::Child<&'s Session>, NotCopied> {
        let mut command = session.raw_command(shell::wrap_stream(script.as_str(), self.r#become(host), word));
        command.stdin(stdin).stdout(stdout).stderr(Stdio::piped());
        moving(async { command.spawn().await.map_err(|e| io::Error::other(explain(&e))) }).await.map_err(lost)
    }

    /// See [`crate::run::ports::Hosts::put`].
    pub(super) async fn put_to(
        &self,
        session: &Held,
        host: &HostName,
        from: Source<'_>,
        to: &AbsPath,
    ) -> Result<(), NotCopied> {
        let folder =
            to.as_str().rsplit_once('/').map_or("/", |(folder, _)| if folder.is_empty() { "/" } else { folder });
        let script = sh!("umask 066; mkdir -p ‹folder› && umask 077 && cat > ‹file›", folder = folder, file = to);
        let word = session::word().map_err(NotCopied::Here)?;
        let streams = (Stdio::piped(), Stdio::null());
        let mut child = self.streamed(session, host, (&script, &word), streams).await?;
        let stdin = child.stdin().take().ok_or_else(|| NotCopied::Lost("ssh took no input".to_owned()))?;
        let stderr = child.stderr().take();
        // a broken pipe is the host's refusal, and its words are on stderr
        let given_up = |sent: &Result<io::Result<()>, NotCopied>| match sent {
            Ok(Err(e)) => e.kind() == io::ErrorKind::TimedOut,
            sent => sent.is_err(),
        };
        let (sent, said) = beside(send_all(from, stdin), heard(stderr), given_up).await;
        let sent = sent?;
        if let Err(e) = &sent
            && e.kind() == io::ErrorKind::TimedOut
        {
            return Err(NotCopied::Lost(e.to_string()));
        }
        let code = moving(async { Ok(session::ended(child.wait().await)) }).await.map_err(lost)?;
        ended(code, &said)?;
        sent.map_err(lost)
    }

    /// See [`crate::run::ports::Hosts::fetch`].
    pub(super) async fn fetch_from(
        &self,
        session: &Held,
        host: &HostName,
        from: &AbsPath,
        to: &Path,
    ) -> Result<String, NotCopied> {
        let script = sh!("cat ‹file›", file = from);
        let word = session::word().map_err(NotCopied::Here)?;
        let streams = (Stdio::null(), Stdio::piped());
        let mut child = self.streamed(session, host, (&script, &word), streams).await?;
        let nothing = || NotCopied::Lost("ssh gave no output to read".to_owned());
        let stdout = child.stdout().take().ok_or_else(nothing)?;
        let stderr = child.stderr().take();
        let (received, said) = beside(receive_all(stdout, &word, to), heard(stderr), Result::is_err).await;
        let (sum, before) = received?;
        let code = moving(async { Ok(session::ended(child.wait().await)) }).await.map_err(lost)?;
        ended(code, if said.trim().is_empty() { &before } else { &said })?;
        sum.ok_or_else(|| NotCopied::Lost("the connection was lost before the file came".to_owned()))
    }
}

/// Does its work while what is said beside it is listened to, and then to the end of that, unless the work was given up.
async fn beside<T>(
    work: impl Future<Output = T>,
    listening: impl Future<Output = String>,
    given_up: impl Fn(&T) -> bool,
) -> (T, String) {
    match select(pin!(work), pin!(listening)).await {
        Either::Left((done, _)) if given_up(&done) => (done, String::new()),
        Either::Left((done, listening)) => (done, tokio::time::timeout(STILL, listening).await.unwrap_or_default()),
        Either::Right((said, work)) => (work.await, said),
    }
}

async fn heard(stderr: Option<impl AsyncRead + Unpin>) -> String {
    match stderr {
        Some(stderr) => listen(stderr).await,
        None => String::new(),
    }
}

/// Sends all of it, and its end: the inner result is the host's side of it.
///
/// # Errors
/// It could not be read here.
async fn send_all(from: Source<'_>, mut stdin: impl AsyncWrite + Unpin) -> Result<io::Result<()>, NotCopied> {
    let sent = match from {
        Source::Text(text) => moving(stdin.write_all(text.as_bytes())).await,
        Source::File(path) => {
            let here = |e: io::Error| NotCopied::Here(format!("on this machine: {}: {e}", path.display()));
            let mut file = tokio::fs::File::open(path).await.map_err(here)?;
            send(&mut file, &mut stdin).await.map_err(here)?
        }
    };
    Ok(match sent {
        Ok(()) => moving(stdin.shutdown()).await,
        broken => broken,
    })
}

/// Receives all of it into a new file: its SHA-256, where it began at all, and what was printed before it.
async fn receive_all(
    mut stdout: impl AsyncRead + Unpin,
    word: &Word,
    to: &Path,
) -> Result<(Option<String>, String), NotCopied> {
    let here = |e: io::Error| NotCopied::Here(format!("on this machine: {}: {e}", to.display()));
    let (mut reader, mut piece) = (Reader::new(word, 0), vec![0; PIECE]);
    let first = loop {
        let n = moving(stdout.read(&mut piece)).await.map_err(lost)?;
        if n == 0 {
            return Ok((None, reader.end(&mut |_| {}).before));
        }
        if let Some(first) = reader.begin(&piece[..n]) {
            break first;
        }
    };
    let mut file = tokio::fs::File::from_std(private(to).map_err(here)?);
    let sum = receive(&mut first.chain(stdout), &mut file).await.map_err(|broken| match broken {
        Broken::From(e) => lost(e),
        Broken::To(e) => here(e),
    })?;
    file.sync_all().await.map_err(here)?;
    // a file is only as durable as the folder that names it
    if let Some(folder) = to.parent() {
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(here)?;
    }
    Ok((Some(sum), String::new()))
}

/// How long a transfer may stand still: a host whose disk hangs holds a connection open for ever.
const STILL: Duration = Duration::from_secs(120);

/// One move of a transfer, which is given up when nothing moves.
async fn moving<T>(step: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let stands = || io::Error::new(io::ErrorKind::TimedOut, format!("nothing has moved for {} s", STILL.as_secs()));
    tokio::time::timeout(STILL, step).await.unwrap_or_else(|_| Err(stands()))
}

fn lost(error: io::Error) -> NotCopied {
    NotCopied::Lost(error.to_string())
}

/// Sends a file: the inner result is the host's side of it.
///
/// # Errors
/// It could not be read.
async fn send(file: &mut (impl AsyncRead + Unpin), to: &mut (impl AsyncWrite + Unpin)) -> io::Result<io::Result<()>> {
    let mut piece = vec![0; PIECE];
    loop {
        let n = file.read(&mut piece).await?;
        if n == 0 {
            return Ok(Ok(()));
        }
        if let Err(broken) = moving(to.write_all(&piece[..n])).await {
            return Ok(Err(broken));
        }
    }
}

/// Which side of a transfer failed.
#[derive(Debug)]
enum Broken {
    /// Where it comes from.
    From(io::Error),
    /// Where it goes to.
    To(io::Error),
}

/// SHA-256 of what was received, in hexadecimal.
async fn receive(from: &mut (impl AsyncRead + Unpin), to: &mut (impl AsyncWrite + Unpin)) -> Result<String, Broken> {
    let mut sum = Sha256::new();
    let mut piece = vec![0; PIECE];
    loop {
        let n = moving(from.read(&mut piece)).await.map_err(Broken::From)?;
        if n == 0 {
            return Ok(hex(sum.finalize()));
        }
        sum.update(&piece[..n]);
        to.write_all(&piece[..n]).await.map_err(Broken::To)?;
    }
}

/// A file for its owner alone; one of a transfer that was cut short is begun anew.
fn private(path: &Path) -> std::io::Result<File> {
    if let Some(folder) = path.parent() {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

/// What ssh exits with when it is its own failure and not the command's (ssh(1)).
const OF_SSH: i32 = 255;

fn ended(code: Option<i32>, said: &str) -> Result<(), NotCopied> {
    let said = said::excerpt(said.trim(), said::MESSAGE).into_owned();
    let or = |nothing: String| if said.is_empty() { nothing } else { said.clone() };
    match code {
        Some(0) => Ok(()),
        None | Some(OF_SSH) => Err(NotCopied::Lost(or("the connection was lost".to_owned()))),
        Some(code) => Err(NotCopied::Refused(or(format!("its command ended with exit code {code}")))),
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_transfer_that_stands_still_is_given_up() {
        let (mut here, _there) = tokio::io::duplex(64);
        let mut file = &[7_u8; 1000][..];
        let error = send(&mut file, &mut here).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(error.to_string().contains("nothing has moved for 120 s"), "{error}");
    }

    /// A file of many pieces on its way: what was read of it and not written yet is in memory.
    struct OnItsWay {
        left: usize,
        held: usize,
        most: usize,
    }

    /// Its one end, or its other.
    struct End<'f>(&'f std::cell::RefCell<OnItsWay>);

    impl AsyncRead for End<'_> {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buffer: &mut tokio::io::ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            let mut file = self.0.borrow_mut();
            let n = buffer.remaining().min(file.left);
            buffer.put_slice(&vec![7; n]);
            (file.left, file.held) = (file.left - n, file.held + n);
            file.most = file.most.max(file.held);
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncWrite for End<'_> {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            // never all at once
            let n = bytes.len().div_ceil(2);
            self.0.borrow_mut().held -= n;
            Poll::Ready(Ok(n))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn of_a_file_of_any_size_one_piece_is_in_memory() {
        let size = 40 * PIECE + 1;
        let on_its_way = || std::cell::RefCell::new(OnItsWay { left: size, held: 0, most: 0 });
        let (here, there) = (on_its_way(), on_its_way());
        send(&mut End(&here), &mut End(&here)).await.unwrap().unwrap();
        let sum = receive(&mut End(&there), &mut End(&there)).await.unwrap();
        for file in [here.into_inner(), there.into_inner()] {
            assert_eq!((file.left, file.held, file.most), (0, 0, PIECE));
        }
        assert_eq!(sum, crate::words::sha256(vec![7; size]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_transfer_that_moves_may_take_as_long_as_it_takes() {
        let (mut here, mut there) = tokio::io::duplex(64);
        let slowly = async {
            let mut piece = [0; 64];
            let mut read = 0;
            while read < 1000 {
                tokio::time::sleep(STILL / 20).await;
                read += there.read(&mut piece).await.unwrap();
            }
        };
        let mut file = &[7_u8; 1000][..];
        let (sent, ()) = tokio::join!(send(&mut file, &mut here), slowly);
        sent.unwrap().unwrap();
    }

    #[test]
    fn a_host_that_says_no_is_no_lost_connection() {
        let full = "cat: write error: No space left on device\n";
        let said = "cat: write error: No space left on device".to_owned();
        assert_eq!(ended(Some(1), full), Err(NotCopied::Refused(said)));
        assert_eq!(ended(Some(2), ""), Err(NotCopied::Refused("its command ended with exit code 2".into())));
        assert_eq!(ended(Some(255), "mux: reset\n"), Err(NotCopied::Lost("mux: reset".into())));
        assert_eq!(ended(None, ""), Err(NotCopied::Lost("the connection was lost".into())));
        assert_eq!(ended(Some(0), "a warning\n"), Ok(()));
    }
}
