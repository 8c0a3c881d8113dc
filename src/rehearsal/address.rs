//! Loopback addresses for the hosts of a rehearsal. Each rehearsal has one 127.A.0.0/16 for itself, so that several can
//! run on a machine at once.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};

/// Bound on [`Claim::guard`] by the rehearsal that has a network.
const CLAIM_PORT: u16 = 2221;
/// Networks that may be taken; those below are left to what else uses loopback.
const NETWORKS: std::ops::RangeInclusive<u8> = 64..=126;
/// Hosts that fit.
pub const MOST_HOSTS: usize = 250 * 250;

/// A network, held as long as this lives.
#[derive(Debug)]
pub struct Claim {
    network: u8,
    _guard: TcpListener,
}

impl Claim {
    /// Takes a network that nobody has.
    ///
    /// # Errors
    /// There is none left, or loopback addresses cannot be bound at all.
    pub fn take() -> io::Result<Self> {
        let count = NETWORKS.len();
        // not all begin at the same place, so that a network just left can settle
        let first = std::process::id() as usize;
        let mut last_error = io::Error::other("no network to try");
        for network in NETWORKS.cycle().skip(first % count).take(count) {
            match TcpListener::bind(SocketAddrV4::new(guard(network), CLAIM_PORT)) {
                Ok(guard) if !is_in_use(network) => return Ok(Self { network, _guard: guard }),
                Ok(_) => last_error = io::Error::other("all networks are in use"),
                Err(error) => last_error = error,
            }
        }
        Err(last_error)
    }

    /// The address of host number `n`, from 0.
    #[must_use]
    pub fn host(&self, n: usize) -> Ipv4Addr {
        let [high, low] = [n / 250, n % 250 + 1].map(|part| u8::try_from(part).unwrap_or(u8::MAX));
        Ipv4Addr::new(127, self.network, high, low)
    }

    /// Whether an address belongs to a host of this rehearsal.
    #[must_use]
    pub fn contains(&self, address: Ipv4Addr) -> bool {
        address.octets()[..2] == [127, self.network]
    }
}

fn guard(network: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, network, 255, 254)
}

/// Processes of a rehearsal that was killed may listen for a moment longer than it held its claim.
fn is_in_use(network: u8) -> bool {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    let end = format!("{network:02X}7F:");
    let own = format!("{:08X}:{CLAIM_PORT:04X}", u32::from_le_bytes(guard(network).octets()));
    table.lines().skip(1).any(|line| {
        let mut words = line.split_whitespace().skip(1);
        let (local, state) = (words.next().unwrap_or_default(), words.nth(1).unwrap_or_default());
        state == "0A" && local.get(4..9) == Some(&end) && local != own
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_rehearsals_have_two_networks() {
        let (one, two) = (Claim::take().unwrap(), Claim::take().unwrap());
        assert_ne!(one.host(0), two.host(0));
        assert!(one.contains(one.host(499)) && !one.contains(two.host(0)));
        assert_eq!(one.host(0).octets()[2..], [0, 1]);
        assert_eq!(one.host(250).octets()[2..], [1, 1]);
    }
}
