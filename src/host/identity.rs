//! Who a host is: what it says of itself, and whether what answers to its name later is the same machine. PURE.
//!
//! A name leads where ssh's configuration, DNS or an address that was given away leads it. A host's own name and the boot of
//! its kernel tell it apart from every other one; after a boot its machine-id, its hardware and its address have to do. What
//! cannot be told from another machine is taken for one: the operator can put right a name, and not an upgrade of a host that
//! had no turn.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use super::{HostFacts, HostName};

/// Digits that are enough to tell two of them apart by eye.
const SHOWN: usize = 8;

/// What a host says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Identity {
    /// Its own name.
    pub hostname: String,
    /// Its boot.
    pub boot: String,
    /// /etc/machine-id, which some hosts of MooseFS 1.5's time do not have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<String>,
    /// The number that its hardware, or what simulates it, has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hardware: Option<String>,
    /// Its own addresses of connections to the master.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub addresses: BTreeSet<Ipv4Addr>,
}

impl Identity {
    /// What a look has found.
    #[must_use]
    pub fn of(facts: &HostFacts) -> Self {
        let connected = facts.sockets.iter().filter(|s| !s.listening && !s.local.0.is_loopback());
        Self {
            hostname: facts.hostname.clone(),
            boot: facts.boot_id.clone(),
            machine: facts.machine.clone(),
            hardware: facts.hardware.clone(),
            // of a connection from another host the port on this side is the master's
            addresses: connected.filter(|s| s.remote.1 < s.local.1).map(|s| s.local.0).collect(),
        }
    }

    /// Whether it is the same boot under the same name.
    fn is(&self, other: &Self) -> bool {
        !self.boot.is_empty() && (&self.boot, &self.hostname) == (&other.boot, &other.hostname)
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |text: &str| text.chars().take(SHOWN).collect::<String>();
        write!(f, "{} (boot {}", self.hostname, short(&self.boot))?;
        if let Some(machine) = &self.machine {
            write!(f, ", machine-id {}", short(machine))?;
        }
        if let Some(hardware) = &self.hardware {
            write!(f, ", hardware {}", short(hardware))?;
        }
        for address in &self.addresses {
            write!(f, ", {address}")?;
        }
        f.write_str(")")
    }
}

/// Whether both are told, and are not the same.
fn differ<T: PartialEq>(one: &Option<T>, two: &Option<T>) -> bool {
    matches!((one, two), (Some(one), Some(two)) if one != two)
}

/// `cs1` and `cs1.example.org` are one name.
#[must_use]
pub fn is_named(one: &str, two: &str) -> bool {
    let (short, long) = if one.len() < two.len() { (one, two) } else { (two, one) };
    short.is_empty() || long.strip_prefix(short).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Whether two looks, made one shortly after the other under two names, were at one machine. Containers, and hosts of a lab, have one
/// kernel and so one boot; each of them sees processes of its own, or has a network or at least a name of its own.
#[must_use]
pub fn is_one_machine(one: &HostFacts, two: &HostFacts) -> bool {
    let same_boot = !one.boot_id.is_empty() && one.boot_id == two.boot_id;
    let apart = differ(&one.process_space, &two.process_space) || differ(&one.network_space, &two.network_space);
    let all_known = [one, two].iter().all(|facts| facts.process_space.is_some() && facts.network_space.is_some());
    same_boot && !apart && (all_known || one.hostname == two.hostname)
}

/// Why what answers as `host` now is another machine than the one that was known by this name; `None`: it is the same.
/// `known`: what the hosts of the plan said of themselves when they were known last.
#[must_use]
pub fn another(host: &HostName, now: &Identity, known: &BTreeMap<HostName, Identity>) -> Option<String> {
    let was = known.get(host)?;
    if was.is(now) {
        return None;
    }
    // containers that were booted together have one boot, and names of their own
    let is_by_name =
        |other: &Identity| is_named(&was.hostname, &now.hostname) && !is_named(&other.hostname, &now.hostname);
    let has_its_boot = |other: &Identity| !now.boot.is_empty() && other.boot == now.boot && other.boot != was.boot;
    let of_another = |(name, other): &(&HostName, &Identity)| {
        *name != host && (other.is(now) || (has_its_boot(other) && !is_by_name(other)))
    };
    let why = if let Some((name, _)) = known.iter().find(of_another) {
        format!("it is the machine that the plan calls {name}")
    } else if !is_named(&was.hostname, &now.hostname) {
        "it has another host name".to_owned()
    } else if differ(&was.machine, &now.machine) {
        "it has another machine-id".to_owned()
    } else if differ(&was.hardware, &now.hardware) {
        "it has other hardware".to_owned()
    } else if was.boot != now.boot
        && !was.addresses.is_empty()
        && !now.addresses.is_empty()
        && was.addresses.is_disjoint(&now.addresses)
    {
        "it was booted since and has another address, so that it cannot be told from a copy of the machine".to_owned()
    } else {
        return None;
    };
    Some(format!("another machine answers as {host}: {why}; known as {host} is {was}, and what answers now is {now}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> HostName {
        HostName::new(text).unwrap()
    }

    fn machine(hostname: &str, boot: &str) -> Identity {
        Identity { hostname: hostname.to_owned(), boot: boot.to_owned(), ..Identity::default() }
    }

    fn with(machine: &str, address: u8, of: Identity) -> Identity {
        let addresses = [Ipv4Addr::new(10, 0, 0, address)].into();
        Identity { machine: Some(machine.to_owned()), addresses, ..of }
    }

    /// What is said of `now`, which answers as `a` in a plan of `a` and `b`.
    fn told(a: &Identity, b: &Identity, now: &Identity) -> Option<String> {
        another(&name("a"), now, &[(name("a"), a.clone()), (name("b"), b.clone())].into())
    }

    #[track_caller]
    fn is_refused(a: &Identity, b: &Identity, now: &Identity, why: &str) {
        let said = told(a, b, now).expect("it is another machine");
        assert!(said.contains(why) && said.contains("as a") && said.contains(&now.hostname), "{said}");
        assert!(said.contains(&a.to_string()) && said.contains(&now.to_string()), "{said}");
    }

    #[test]
    fn the_same_boot_is_the_same_machine_and_another_boot_of_it_too() {
        let (a, b) = (with("m1", 1, machine("cs1", "1")), with("m2", 2, machine("cs2", "2")));
        assert_eq!(told(&a, &b, &a), None);
        assert_eq!(told(&a, &b, &with("m1", 1, machine("cs1", "9"))), None, "it was booted");
        assert_eq!(told(&a, &b, &machine("cs1", "9")), None, "and runs nothing yet");
        assert_eq!(told(&a, &b, &with("m1", 7, machine("cs1", "1"))), None, "DHCP gave it another address");
        assert_eq!(told(&a, &b, &with("m1", 1, machine("cs1.example.org", "9"))), None, "its name is whole now");
        assert_eq!(told(&machine("", ""), &machine("", ""), &machine("", "")), None, "nobody says anything");
    }

    #[test]
    fn names_that_were_exchanged_are_seen_by_whatever_tells_the_machines_apart() {
        let (a, b) = (machine("cs1", "1"), machine("cs2", "2"));
        is_refused(&a, &b, &b, "the plan calls b");
        // every machine calls itself localhost
        let (a, b) = (machine("localhost", "1"), machine("localhost", "2"));
        is_refused(&a, &b, &b, "the plan calls b");
        // containers have one kernel
        let (a, b) = (machine("cs1", "1"), machine("cs2", "1"));
        is_refused(&a, &b, &b, "the plan calls b");
        assert_eq!(told(&a, &b, &a), None);
        assert_eq!(told(&a, &machine("cs2", "9"), &machine("cs1", "9")), None, "their machine was booted");
        // one that was renamed since is the plan's other machine all the same
        is_refused(&machine("cs1", "1"), &machine("cs2", "2"), &machine("cs2-new", "2"), "the plan calls b");
    }

    #[test]
    fn a_machine_that_nobody_knows_is_another_one() {
        let (a, b) = (with("m1", 1, machine("cs1", "1")), machine("cs2", "2"));
        is_refused(&a, &b, &with("m9", 9, machine("new", "9")), "another host name");
        is_refused(&a, &b, &with("m1", 1, machine("renamed", "1")), "another host name");
        is_refused(&a, &b, &with("m9", 1, machine("cs1", "9")), "another machine-id");
        let hardware = |number: &str, of: &Identity| Identity { hardware: Some(number.to_owned()), ..of.clone() };
        is_refused(&hardware("h1", &a), &b, &hardware("h9", &with("m1", 1, machine("cs1", "9"))), "other hardware");
    }

    #[test]
    fn a_clone_with_the_same_name_and_machine_id_is_told_by_its_address() {
        let (a, b) = (with("m1", 1, machine("cs1", "1")), machine("cs2", "2"));
        is_refused(&a, &b, &with("m1", 9, machine("cs1", "9")), "cannot be told from a copy");
    }

    #[test]
    fn two_looks_are_at_one_machine_unless_anything_tells_them_apart() {
        let look = |boot: &str, hostname: &str, spaces: Option<[&str; 2]>| HostFacts {
            boot_id: boot.to_owned(),
            hostname: hostname.to_owned(),
            process_space: spaces.map(|[processes, _]| processes.to_owned()),
            network_space: spaces.map(|[_, network]| network.to_owned()),
            ..HostFacts::default()
        };
        let host = look("1", "cs1", Some(["pid:[1]", "net:[1]"]));
        for (other, one) in [
            (host.clone(), true),
            (look("1", "cs1", None), true),
            (look("1", "named-anew", Some(["pid:[1]", "net:[1]"])), true),
            (look("1", "cs2", None), false),
            (look("2", "cs1", Some(["pid:[1]", "net:[1]"])), false),
            // seven hosts of a lab on one kernel, all called alike
            (look("1", "cs1", Some(["pid:[2]", "net:[2]"])), false),
            (look("1", "cs1", Some(["pid:[1]", "net:[2]"])), false),
            (look("1", "cs1", Some(["pid:[2]", "net:[1]"])), false),
        ] {
            assert_eq!((is_one_machine(&host, &other), is_one_machine(&other, &host)), (one, one), "{other:?}");
        }
        assert!(!is_one_machine(&look("", "cs1", None), &look("", "cs1", None)), "nobody says anything");
    }

    #[test]
    fn two_names_of_the_plan_that_were_one_machine_stay_one() {
        let a = machine("cs1", "1");
        assert_eq!(told(&a, &a, &a), None);
        assert_eq!(told(&a, &a, &machine("cs1", "9")), None);
    }
}
