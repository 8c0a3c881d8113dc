//! Files to and from a host, as streams through its held connection: nothing of a file is held in memory.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use futures_util::TryFutureExt;
use openssh::{Session, Stdio};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::session::explain;
use super::{Held, SshFleet};
use crate::host::sh::{Script, sh};
use crate::host::shell;
use crate::host::{AbsPath, HostName};
use crate::run::ports::{NotCopied, Source};

/// Bytes read and written together.
const PIECE: usize = 256 << 10;

impl SshFleet {
    fn streamed<'s>(&self, session: &'s Held, host: &HostName, script: &Script) -> openssh::OwningCommand<&'s Session> {
        let command = shell::wrap_stream(script.as_str(), self.r#become(host));
        let mut command = session.raw_command(command);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command
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
        let mut child = self.streamed(session, host, &script).stdin(Stdio::piped()).spawn().await.map_err(lost)?;
        let mut stdin = child.stdin().take().ok_or_else(|| NotCopied::Lost("ssh took no input".to_owned()))?;
        // a broken pipe is the host's refusal, and its words are on stderr
        let sent = match from {
            Source::Text(text) => moving(stdin.write_all(text.as_bytes())).await,
            Source::File(path) => {
                let here = |e: io::Error| NotCopied::Here(format!("on this machine: {}: {e}", path.display()));
                let mut file = tokio::fs::File::open(path).await.map_err(here)?;
                send(&mut file, &mut stdin).await.map_err(here)?
            }
        };
        let sent = match sent {
            Ok(()) => moving(stdin.shutdown()).await,
            broken => broken,
        };
        drop(stdin);
        if let Err(e) = &sent
            && e.kind() == io::ErrorKind::TimedOut
        {
            return Err(NotCopied::Lost(e.to_string()));
        }
        let rest = moving(child.wait_with_output().map_err(|e| io::Error::other(explain(&e)))).await;
        let rest = rest.map_err(|e| NotCopied::Lost(e.to_string()))?;
        ended(rest.status.code(), &rest.stderr)?;
        sent.map_err(|e| NotCopied::Lost(e.to_string()))
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
        let mut child = self.streamed(session, host, &script).stdout(Stdio::piped()).spawn().await.map_err(lost)?;
        let nothing = || NotCopied::Lost("ssh gave no output to read".to_owned());
        let mut stdout = child.stdout().take().ok_or_else(nothing)?;
        let here = |e: io::Error| NotCopied::Here(format!("on this machine: {}: {e}", to.display()));
        let mut file = tokio::fs::File::from_std(private(to).map_err(here)?);
        let sum = receive(&mut stdout, &mut file).await.map_err(|broken| match broken {
            Broken::From(e) => NotCopied::Lost(e.to_string()),
            Broken::To(e) => here(e),
        })?;
        file.sync_all().await.map_err(here)?;
        // a file is only as durable as the folder that names it
        if let Some(folder) = to.parent() {
            File::open(folder).and_then(|folder| folder.sync_all()).map_err(here)?;
        }
        drop(stdout);
        let rest = moving(child.wait_with_output().map_err(|e| io::Error::other(explain(&e)))).await;
        let rest = rest.map_err(|e| NotCopied::Lost(e.to_string()))?;
        ended(rest.status.code(), &rest.stderr)?;
        Ok(sum)
    }
}

/// How long a transfer may stand still: a host whose disk hangs holds a connection open for ever.
const STILL: Duration = Duration::from_secs(120);

/// One move of a transfer, which is given up when nothing moves.
async fn moving<T>(step: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let stands = || io::Error::new(io::ErrorKind::TimedOut, format!("nothing has moved for {} s", STILL.as_secs()));
    tokio::time::timeout(STILL, step).await.unwrap_or_else(|_| Err(stands()))
}

fn lost(error: openssh::Error) -> NotCopied {
    NotCopied::Lost(explain(&error))
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
            return Ok(sum.finalize().iter().map(|byte| format!("{byte:02x}")).collect());
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

fn ended(code: Option<i32>, stderr: &[u8]) -> Result<(), NotCopied> {
    let said = String::from_utf8_lossy(stderr).trim().to_owned();
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
        assert_eq!(sum, Sha256::digest(vec![7; size]).iter().map(|byte| format!("{byte:02x}")).collect::<String>());
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
        let full = b"cat: write error: No space left on device\n";
        let said = "cat: write error: No space left on device".to_owned();
        assert_eq!(ended(Some(1), full), Err(NotCopied::Refused(said)));
        assert_eq!(ended(Some(2), b""), Err(NotCopied::Refused("its command ended with exit code 2".into())));
        assert_eq!(ended(Some(255), b"mux: reset\n"), Err(NotCopied::Lost("mux: reset".into())));
        assert_eq!(ended(None, b""), Err(NotCopied::Lost("the connection was lost".into())));
        assert_eq!(ended(Some(0), b"a warning\n"), Ok(()));
    }
}
