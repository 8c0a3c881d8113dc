//! A port of a host, reached through its SSH connection: so that a master's admin port need not be open to us.

use std::io;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use openssh::{ForwardType, Socket};
use tokio::net::UnixStream;
use tokio::sync::Mutex;

use super::session::explain;
use super::{ConnectError, Held, SshFleet};
use crate::host::HostName;
use crate::moosefs::client::Dial;

/// ssh answers at once, on this machine. One that has not after this is stopped or hangs, and is left before its caller gives
/// the question up.
const LIMIT: Duration = Duration::from_secs(5);

/// One forwarded port, as a socket in a folder of our own.
pub struct Forward<'a> {
    fleet: &'a SshFleet,
    host: HostName,
    address: Ipv4Addr,
    port: u16,
    /// The connection that forwards, and the socket's path: each new connection gets a new path. It is not kept alive by this:
    /// one that was lost ends at once.
    held: Mutex<Option<(Weak<Held>, PathBuf)>>,
    /// How much ssh had said when the port was dialled last.
    heard: AtomicU64,
}

/// Why a host did not open its port to us. The socket on this side takes every connection, and closes one that the host refused:
/// without ssh's own word that looks like a master that hangs up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Its sshd forwards no port, or not this one, by its configuration or the key's options.
    Forbidden(String),
    /// Its sshd would have, and the port did not let it in.
    Port(String),
}

/// What sshd answers where its configuration forbids what was asked for (RFC 4254, 5.1).
const FORBIDDEN: &str = "administratively prohibited";

impl<'a> Forward<'a> {
    /// `port` on `address`, as `host` itself sees them.
    #[must_use]
    pub fn new(fleet: &'a SshFleet, host: HostName, address: Ipv4Addr, port: u16) -> Self {
        Self { fleet, host, address, port, held: Mutex::new(None), heard: AtomicU64::new(0) }
    }

    /// Why the connection that was dialled last was closed at once, if it was the host that refused it.
    pub async fn refusal(&self) -> Option<Refusal> {
        let session = self.held.lock().await.as_ref().and_then(|(session, _)| session.upgrade())?;
        let said = session.refusal(self.heard.load(Ordering::Relaxed))?;
        let (host, address, port) = (&self.host, self.address, self.port);
        Some(match said.contains(FORBIDDEN) {
            true => Refusal::Forbidden(format!("sshd on {host} refuses to forward to {address}:{port} ({said})")),
            false => Refusal::Port(format!("sshd on {host} could not connect to {address}:{port} ({said})")),
        })
    }

    /// Connects to the host, if no connection is held.
    ///
    /// # Errors
    /// Why not.
    pub async fn ready(&self) -> Result<(), ConnectError> {
        self.fleet.session(&self.host).await.map(drop)
    }

    async fn path(&self, held: &mut Option<(Weak<Held>, PathBuf)>) -> io::Result<PathBuf> {
        let session = self.fleet.session(&self.host).await.map_err(io::Error::other)?;
        if let Some((of, path)) = held.as_ref()
            && std::ptr::eq(of.as_ptr(), Arc::as_ptr(&session))
        {
            return Ok(path.clone());
        }
        // it goes with all others
        let path = self.fleet.place().folder("fwd-")?.keep().join("s");
        let remote = Socket::TcpSocket { host: self.address.to_string().into(), port: self.port };
        let local = Socket::UnixSocket { path: path.as_path().into() };
        let asked = tokio::time::timeout(LIMIT, session.request_port_forward(ForwardType::Local, local, remote)).await;
        let why = match asked {
            Ok(Ok(())) => None,
            Ok(Err(e)) => Some(explain(&e)),
            Err(_) => Some(format!("it has not answered after {} s", LIMIT.as_secs())),
        };
        if let Some(why) = why {
            self.fleet.forget(&self.host, &session).await;
            return Err(io::Error::other(format!("ssh did not forward port {}: {why}", self.port)));
        }
        *held = Some((Arc::downgrade(&session), path.clone()));
        Ok(path)
    }
}

impl Dial for Forward<'_> {
    type Stream = UnixStream;

    async fn dial(&self) -> io::Result<UnixStream> {
        let mut held = self.held.lock().await;
        let path = self.path(&mut held).await?;
        if let Some(session) = held.as_ref().and_then(|(session, _)| session.upgrade()) {
            self.heard.store(session.said(), Ordering::Relaxed);
        }
        match UnixStream::connect(&path).await {
            Ok(stream) => Ok(stream),
            Err(_) => {
                // the connection behind the socket has ended: once more, over a new one
                if let Some(session) = held.take().and_then(|(session, _)| session.upgrade()) {
                    self.fleet.forget(&self.host, &session).await;
                }
                let path = self.path(&mut held).await?;
                UnixStream::connect(&path).await
            }
        }
    }
}
