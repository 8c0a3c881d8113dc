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
use crate::host::shell::{self, quote};
use crate::host::{AbsPath, HostName};
use crate::run::ports::Source;

/// Bytes read and written together.
const PIECE: usize = 256 << 10;

impl SshFleet {
    fn streamed<'s>(&self, session: &'s Held, host: &HostName, script: &str) -> openssh::OwningCommand<&'s Session> {
        let command = shell::wrap_stream(script, self.r#become(host));
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
    ) -> Result<(), String> {
        let folder =
            to.as_str().rsplit_once('/').map_or("/", |(folder, _)| if folder.is_empty() { "/" } else { folder });
        let script = format!("umask 066; mkdir -p {} && umask 077 && cat > {}", quote(folder), quote(to.as_str()));
        let mut child =
            self.streamed(session, host, &script).stdin(Stdio::piped()).spawn().await.map_err(|e| explain(&e))?;
        let mut stdin = child.stdin().take().ok_or("ssh took no input")?;
        // a broken pipe is the host's refusal, and its words are on stderr
        let sent = match from {
            Source::Text(text) => moving(stdin.write_all(text.as_bytes())).await,
            Source::File(path) => {
                let mut file = tokio::fs::File::open(path).await.map_err(|e| format!("{}: {e}", path.display()))?;
                send(&mut file, &mut stdin).await
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
            return Err(e.to_string());
        }
        let rest = moving(child.wait_with_output().map_err(|e| io::Error::other(explain(&e)))).await;
        let rest = rest.map_err(|e| e.to_string())?;
        ended(rest.status.success(), &rest.stderr)?;
        sent.map_err(|e| e.to_string())
    }

    /// See [`crate::run::ports::Hosts::fetch`].
    pub(super) async fn fetch_from(
        &self,
        session: &Held,
        host: &HostName,
        from: &AbsPath,
        to: &Path,
    ) -> Result<String, String> {
        let script = format!("cat {}", quote(from.as_str()));
        let mut child =
            self.streamed(session, host, &script).stdout(Stdio::piped()).spawn().await.map_err(|e| explain(&e))?;
        let mut stdout = child.stdout().take().ok_or("ssh gave no output to read")?;
        let here = |e: std::io::Error| format!("{}: {e}", to.display());
        let mut file = tokio::fs::File::from_std(private(to).map_err(here)?);
        let sum = receive(&mut stdout, &mut file).await.map_err(|broken| match broken {
            Broken::From(e) => e.to_string(),
            Broken::To(e) => here(e),
        })?;
        file.sync_all().await.map_err(here)?;
        drop(stdout);
        let rest = moving(child.wait_with_output().map_err(|e| io::Error::other(explain(&e)))).await;
        let rest = rest.map_err(|e| e.to_string())?;
        ended(rest.status.success(), &rest.stderr)?;
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

async fn send(file: &mut (impl AsyncRead + Unpin), to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        let n = file.read(&mut piece).await?;
        if n == 0 {
            return Ok(());
        }
        moving(to.write_all(&piece[..n])).await?;
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

fn ended(well: bool, stderr: &[u8]) -> Result<(), String> {
    let said = String::from_utf8_lossy(stderr).trim().to_owned();
    match well {
        true => Ok(()),
        false if said.is_empty() => Err("the connection was lost, or the host refused without a word".to_owned()),
        false => Err(said),
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
        let error = send(&mut file, &mut here).await.unwrap_err();
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
        send(&mut End(&here), &mut End(&here)).await.unwrap();
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
        sent.unwrap();
    }
}
