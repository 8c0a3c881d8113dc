//! Where a simulated master listens, by its configuration: for chunkservers, clients and (1.6.5) metaloggers.

use std::net::{Ipv4Addr, SocketAddrV4};

use tokio::net::TcpListener;

use super::super::config::Config;
use crate::moosefs::daemon::{ADMIN_PORT, MASTER_CHUNKSERVER_PORT, MASTER_METALOGGER_PORT};
use crate::moosefs::releases::Traits;
use crate::rehearsal::site::Site;

/// One place.
#[derive(Debug)]
pub struct Listening {
    /// The socket.
    pub listener: TcpListener,
    /// On a host's loopback, which here is the host's own address: nobody else is let in.
    pub only: Option<Ipv4Addr>,
}

/// A pair of MATO…_LISTEN_HOST and MATO…_LISTEN_PORT.
#[derive(Debug, PartialEq, Eq)]
struct Place<'a> {
    host: &'a str,
    port: u16,
}

fn place<'a>(config: &'a Config, keys: &str, default: u16) -> Place<'a> {
    let port = config.number(&format!("{keys}_LISTEN_PORT")).and_then(|port| u16::try_from(port).ok());
    Place { host: config.get(&format!("{keys}_LISTEN_HOST")).unwrap_or("*"), port: port.unwrap_or(default) }
}

/// A 1.5 configuration that says where to listen for clients is honoured by 1.6.26+ only where MATOCU_LISTEN_HOST is set
/// (`matoclserv.c` @ 1.6.27).
fn clients<'a>(config: &'a Config, traits: &Traits) -> Place<'a> {
    let is_set = |key: &str| config.get(key).is_some();
    let new = is_set("MATOCL_LISTEN_HOST") || is_set("MATOCL_LISTEN_PORT") || !is_set("MATOCU_LISTEN_HOST");
    place(config, if traits.renamed_listen && new { "MATOCL" } else { "MATOCU" }, ADMIN_PORT)
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.starts_with("127.0.")
}

/// Whether only its own host can be this master's client: it is none of the cluster's, but one that somebody tries out.
#[must_use]
pub fn is_aside(config: &Config, traits: &Traits) -> bool {
    is_loopback(clients(config, traits).host)
}

/// Listens everywhere: chunkservers, clients, and metaloggers where the release knows them.
///
/// # Errors
/// The words for the first place that cannot be had.
pub async fn open(site: &Site, config: &Config, traits: &Traits) -> Result<Vec<Listening>, String> {
    let mut places = vec![place(config, "MATOCS", MASTER_CHUNKSERVER_PORT), clients(config, traits)];
    if traits.metaloggers {
        places.push(place(config, "MATOML", MASTER_METALOGGER_PORT));
    }
    let mut open = Vec::new();
    for Place { host, port } in places {
        let only = is_loopback(host).then_some(site.address);
        let refused = |why: String| format!("listen on {host}:{port}: {why}");
        if host != "*" && only.is_none() && site.resolve(host) != Some(site.address) {
            return Err(refused("Cannot assign requested address".to_owned()));
        }
        let listener = TcpListener::bind(SocketAddrV4::new(site.address, port)).await;
        open.push(Listening { listener: listener.map_err(|error| refused(error.to_string()))?, only });
    }
    Ok(open)
}

#[cfg(test)]
mod tests {
    use super::*;
    use semver::Version;

    #[test]
    fn an_old_port_counts_for_1_6_27_only_with_its_host() {
        let of = |text: &str, patch: (u64, u64)| {
            let config = Config::parse(text);
            clients(&config, &Traits::of(&Version::new(1, patch.0, patch.1))).port
        };
        let bare = "MATOCU_LISTEN_PORT = 9521\n";
        assert_eq!((of(bare, (5, 12)), of(bare, (6, 25)), of(bare, (6, 27))), (9521, 9521, 9421));
        assert_eq!(of("MATOCU_LISTEN_HOST = *\nMATOCU_LISTEN_PORT = 9521\n", (6, 27)), 9521);
        assert_eq!(of("MATOCL_LISTEN_PORT = 9600\nMATOCU_LISTEN_HOST = *\nMATOCU_LISTEN_PORT = 9521\n", (6, 27)), 9600);
        assert!(is_aside(&Config::parse("MATOCL_LISTEN_HOST = 127.0.0.1\n"), &Traits::of(&Version::new(1, 6, 27))));
        assert!(!is_aside(&Config::parse("MATOCL_LISTEN_HOST=127.0.0.1\n"), &Traits::of(&Version::new(1, 6, 27))));
    }
}
