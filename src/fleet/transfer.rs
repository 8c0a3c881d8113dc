//! Files to and from a host, as streams through its held connection: nothing of a file is held in memory.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use openssh::{Session, Stdio};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

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
    pub(super) async fn put_to(&self, host: &HostName, from: Source<'_>, to: &AbsPath) -> Result<(), String> {
        let session = self.session(host).await.map_err(|e| e.to_string())?;
        let folder =
            to.as_str().rsplit_once('/').map_or("/", |(folder, _)| if folder.is_empty() { "/" } else { folder });
        let script = format!("umask 066; mkdir -p {} && umask 077 && cat > {}", quote(folder), quote(to.as_str()));
        let mut child =
            self.streamed(&session, host, &script).stdin(Stdio::piped()).spawn().await.map_err(|e| explain(&e))?;
        let mut stdin = child.stdin().take().ok_or("ssh took no input")?;
        // a broken pipe is the host's refusal, and its words are on stderr
        let sent = match from {
            Source::Text(text) => stdin.write_all(text.as_bytes()).await,
            Source::File(path) => {
                let mut file = tokio::fs::File::open(path).await.map_err(|e| format!("{}: {e}", path.display()))?;
                tokio::io::copy(&mut file, &mut stdin).await.map(drop)
            }
        };
        let sent = match sent {
            Ok(()) => stdin.shutdown().await,
            broken => broken,
        };
        drop(stdin);
        let rest = child.wait_with_output().await.map_err(|e| explain(&e))?;
        ended(rest.status.success(), &rest.stderr)?;
        sent.map_err(|e| e.to_string())
    }

    /// See [`crate::run::ports::Hosts::fetch`].
    pub(super) async fn fetch_from(&self, host: &HostName, from: &AbsPath, to: &Path) -> Result<String, String> {
        let session = self.session(host).await.map_err(|e| e.to_string())?;
        let script = format!("cat {}", quote(from.as_str()));
        let mut child =
            self.streamed(&session, host, &script).stdout(Stdio::piped()).spawn().await.map_err(|e| explain(&e))?;
        let mut stdout = child.stdout().take().ok_or("ssh gave no output to read")?;
        let here = |e: std::io::Error| format!("{}: {e}", to.display());
        let mut file = tokio::fs::File::from_std(private(to).map_err(here)?);
        let mut sum = Sha256::new();
        let mut piece = vec![0; PIECE];
        loop {
            let n = stdout.read(&mut piece).await.map_err(|e| e.to_string())?;
            if n == 0 {
                break;
            }
            sum.update(&piece[..n]);
            file.write_all(&piece[..n]).await.map_err(here)?;
        }
        file.sync_all().await.map_err(here)?;
        drop(stdout);
        let rest = child.wait_with_output().await.map_err(|e| explain(&e))?;
        ended(rest.status.success(), &rest.stderr)?;
        Ok(sum.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
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
