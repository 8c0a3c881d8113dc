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
        let mut sum = Sha256::new();
        let mut piece = vec![0; PIECE];
        loop {
            let n = moving(stdout.read(&mut piece)).await.map_err(|e| e.to_string())?;
            if n == 0 {
                break;
            }
            sum.update(&piece[..n]);
            file.write_all(&piece[..n]).await.map_err(here)?;
        }
        file.sync_all().await.map_err(here)?;
        drop(stdout);
        let rest = moving(child.wait_with_output().map_err(|e| io::Error::other(explain(&e)))).await;
        let rest = rest.map_err(|e| e.to_string())?;
        ended(rest.status.success(), &rest.stderr)?;
        Ok(sum.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
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
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_transfer_that_stands_still_is_given_up() {
        let (mut here, _there) = tokio::io::duplex(64);
        let mut file = &[7_u8; 1000][..];
        let error = send(&mut file, &mut here).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(error.to_string().contains("nothing has moved for 120 s"), "{error}");
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
