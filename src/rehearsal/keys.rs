//! Keys and the ssh_config of a rehearsal: made anew each time, kept in its folder, good for nothing else.

use std::fs;
use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use russh::keys::ssh_key::LineEnding;
use russh::keys::{Algorithm, PrivateKey, PublicKey};

/// The port of every host's SSH server.
pub const SSH_PORT: u16 = 2222;

/// A key pair.
///
/// # Errors
/// The system gives no randomness.
pub fn generate() -> io::Result<PrivateKey> {
    PrivateKey::random(&mut russh::keys::key::safe_rng(), Algorithm::Ed25519).map_err(io::Error::other)
}

/// Files for the real `ssh`.
#[derive(Debug, Clone)]
pub struct ClientFiles {
    /// ssh_config.
    pub config: PathBuf,
}

/// Writes identity, known hosts and ssh_config (0600) into `dir`.
///
/// # Errors
/// The folder cannot be written.
pub fn write_client_files(
    dir: &Path,
    identity: &PrivateKey,
    hosts: &[(String, Ipv4Addr, PublicKey)],
) -> io::Result<ClientFiles> {
    let identity_file = dir.join("identity");
    write_private(&identity_file, identity.to_openssh(LineEnding::LF).map_err(io::Error::other)?.as_bytes())?;
    let mut known = String::new();
    let mut config = "# ssh_config of a rehearsal: all hosts are simulated\n".to_owned();
    let known_file = dir.join("known_hosts");
    for (name, address, key) in hosts {
        let key = key.to_openssh().map_err(io::Error::other)?;
        known.push_str(&format!("[{address}]:{SSH_PORT} {key}\n"));
        config.push_str(&format!("Host {name}\n  HostName {address}\n"));
    }
    // the default key exchange costs 80 ms of processor time a connection, this one 13 (facts on SSH); the hosts are on
    // loopback, where it protects nothing
    config.push_str(&format!(
        "Host *\n  Port {SSH_PORT}\n  User root\n  IdentityFile {}\n  IdentitiesOnly yes\n  IdentityAgent none\n  \
         UserKnownHostsFile {}\n  GlobalKnownHostsFile /dev/null\n  StrictHostKeyChecking yes\n  UpdateHostKeys no\n  \
         PreferredAuthentications publickey\n  KexAlgorithms curve25519-sha256\n  ControlMaster no\n  ControlPath none\n",
        identity_file.display(),
        known_file.display(),
    ));
    write_private(&known_file, known.as_bytes())?;
    let config_file = dir.join("ssh_config");
    write_private(&config_file, config.as_bytes())?;
    Ok(ClientFiles { config: config_file })
}

fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?.write_all(content)
}
