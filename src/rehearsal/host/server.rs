//! The SSH server of a simulated host: public key only, commands, and forwarding to the hosts of the rehearsal. Nothing
//! else is served: no terminal, no files, no other way out.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::unix::process::ExitStatusExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use russh::server::{Auth, ChannelOpenHandle, Config, Handler, Msg, Session, VerifiedPublicKey, run_stream};
use russh::{Channel, ChannelId, ChannelOpenFailure, MethodKind, MethodSet};
use tokio::net::{TcpListener, TcpStream};

use super::Host;
use crate::rehearsal::address::Claim;

/// MaxSessions of sshd: the 11th command at once on a connection is refused (facts on SSH).
const MAX_SESSIONS: usize = 10;

/// How long a client may take to close a channel that was closed.
const CLOSING: Duration = Duration::from_secs(1);

/// Serves a host until it refuses.
pub async fn serve(host: Arc<Host>, claim: Arc<Claim>, listener: TcpListener) {
    let config = Arc::new(Config {
        keys: vec![host.key.clone()],
        methods: MethodSet::from(&[MethodKind::PublicKey][..]),
        auth_rejection_time: Duration::from_millis(50),
        auth_rejection_time_initial: Some(Duration::ZERO),
        inactivity_timeout: None,
        nodelay: true,
        ..Config::default()
    });
    let mut cut = host.cut.subscribe();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    host.connections.fetch_add(1, Ordering::Relaxed);
                    tokio::spawn(connection(host.clone(), claim.clone(), config.clone(), stream));
                }
            }
            _ = cut.changed() => {}
        }
        if host.refuses.load(Ordering::Relaxed) {
            return;
        }
    }
}

/// One connection. What the client sees of a cut is a network that is gone, so the server is kept behind a pipe that can
/// be broken from outside.
async fn connection(host: Arc<Host>, claim: Arc<Claim>, config: Arc<Config>, mut stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let mut cut = host.cut.subscribe();
    let (mut near, far) = tokio::io::duplex(256 * 1024);
    let handler = Connection { host, claim, channels: HashMap::new(), running: Arc::new(AtomicUsize::new(0)) };
    let session = tokio::spawn(async move {
        if let Ok(session) = run_stream(config, far, handler).await {
            let _ = session.await;
        }
    });
    tokio::select! {
        biased;
        _ = cut.changed() => {}
        _ = tokio::io::copy_bidirectional(&mut stream, &mut near) => {}
    }
    drop((stream, near));
    let _ = session.await;
}

struct Connection {
    host: Arc<Host>,
    claim: Arc<Claim>,
    channels: HashMap<ChannelId, Channel<Msg>>,
    running: Arc<AtomicUsize>,
}

impl Handler for Connection {
    type Error = russh::Error;

    async fn auth_publickey(&mut self, user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, Self::Error> {
        let known = key.public_key.key_data() == self.host.client.key_data();
        Ok(if known && user == "root" { Auth::Accept } else { Auth::reject() })
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        if self.running.load(Ordering::Relaxed) >= MAX_SESSIONS {
            reply.reject(ChannelOpenFailure::AdministrativelyProhibited).await;
            return Ok(());
        }
        self.running.fetch_add(1, Ordering::Relaxed);
        self.channels.insert(channel.id(), channel);
        reply.accept().await;
        Ok(())
    }

    async fn channel_close(&mut self, channel: ChannelId, _session: &mut Session) -> Result<(), Self::Error> {
        // a channel that never became a command
        if self.channels.remove(&channel).is_some() {
            self.running.fetch_sub(1, Ordering::Relaxed);
        }
        Ok(())
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        data: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let Some(channel) = self.channels.remove(&channel) else { return Ok(()) };
        session.channel_success(channel.id())?;
        let command = String::from_utf8_lossy(data).into_owned();
        tokio::spawn(run(self.host.clone(), channel, command, self.running.clone()));
        Ok(())
    }

    async fn shell_request(&mut self, channel: ChannelId, session: &mut Session) -> Result<(), Self::Error> {
        session.channel_success(channel)?;
        session.extended_data(channel, 1, &b"a simulated host runs commands, no shell: ssh HOST COMMAND\r\n"[..])?;
        session.exit_status_request(channel, 1)?;
        session.close(channel)
    }

    async fn subsystem_request(
        &mut self,
        channel: ChannelId,
        _name: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_failure(channel)
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        channel: Channel<Msg>,
        host_to_connect: &str,
        port_to_connect: u32,
        _originator_address: &str,
        _originator_port: u32,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        // as one whose sshd_config says `AllowTcpForwarding no`
        if self.host.site.sim("forwards-nothing").exists() {
            reply.reject(ChannelOpenFailure::AdministrativelyProhibited).await;
            return Ok(());
        }
        // what a host calls itself is on loopback its own address
        let address = match host_to_connect {
            "localhost" | "127.0.0.1" | "::1" | "0.0.0.0" => Some(self.host.address()),
            name => self.host.site.resolve(name).filter(|address| self.claim.contains(*address)),
        };
        let port = u16::try_from(port_to_connect).ok();
        let (Some(address), Some(port)) = (address, port) else {
            reply.reject(ChannelOpenFailure::AdministrativelyProhibited).await;
            return Ok(());
        };
        tokio::spawn(forward(channel, reply, self.host.clone(), address, port));
        Ok(())
    }
}

async fn forward(channel: Channel<Msg>, reply: ChannelOpenHandle, host: Arc<Host>, address: Ipv4Addr, port: u16) {
    match host.site.connect(SocketAddrV4::new(address, port)).await {
        Ok(mut stream) => {
            reply.accept().await;
            let _ = tokio::io::copy_bidirectional(&mut channel.into_stream(), &mut stream).await;
        }
        Err(_) => reply.reject(ChannelOpenFailure::ConnectFailed).await,
    }
}

async fn run(host: Arc<Host>, channel: Channel<Msg>, command: String, running: Arc<AtomicUsize>) {
    let (mut reading, writing) = channel.split();
    let (stdout, stderr) = (writing.make_writer(), writing.make_writer_ext(Some(1)));
    // one end is dropped when the client says that nothing more comes
    let (stdin, pipe) = tokio::io::duplex(64 * 1024);
    let mut feeding = tokio::spawn(async move {
        use tokio::io::AsyncWriteExt;
        let mut stdin = Some(stdin);
        while let Some(message) = reading.wait().await {
            match message {
                russh::ChannelMsg::Data { data } => {
                    if let Some(to) = &mut stdin
                        && to.write_all(&data).await.is_err()
                    {
                        stdin = None;
                    }
                }
                russh::ChannelMsg::Eof => stdin = None,
                russh::ChannelMsg::Close => return,
                _ => {}
            }
        }
    });
    let outcome = host.exec(&command, pipe, stdout, stderr).await;
    running.fetch_sub(1, Ordering::Relaxed);
    let status = match outcome {
        Ok(None) => return,
        Ok(Some(status)) => status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0)),
        Err(error) => {
            let _ = writing.extended_data_bytes(1, format!("simulation: {error}\n").into_bytes()).await;
            255
        }
    };
    let _ = writing.exit_status(status.unsigned_abs()).await;
    let _ = writing.eof().await;
    let _ = writing.close().await;
    // the client closes its side when it has everything
    let _ = tokio::time::timeout(CLOSING, &mut feeding).await;
    feeding.abort();
    host.cut_if_faulty(true);
}
