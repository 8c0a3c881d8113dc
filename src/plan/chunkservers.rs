//! `[[chunkservers]]`: the hosts with the data, in the order in which they are restarted.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use super::access::Defaults;
use super::code::Code;
use super::finding::{Finding, Findings, ROOT, Read, Span};
use super::keys;
use super::model::{Access, Chunkserver};
use super::render::quote;
use super::roster::Roster;
use super::section::{Section, Text};
use crate::moosefs::daemon::Role;
use crate::moosefs::releases::TABLE;

/// Reads all of `[[chunkservers]]`.
pub(super) fn read(
    root: &Section<'_>,
    defaults: &mut Defaults<'_>,
    roster: &mut Roster,
    out: &mut Findings,
) -> Read<Vec<Chunkserver>> {
    let sections = root.sections("chunkservers", "[[chunkservers]]", keys::CHUNKSERVERS, out)?;
    if sections.is_empty() {
        return Err(out.report(
            Finding::new(Code::NoChunkserver, root.span.clone(), "the plan has no chunkserver")
                .lacks([(ROOT, "chunkservers")])
                .help(
                    "write `[[chunkservers]]` with `hosts = [\"…\"]`, in the order in which they are to be restarted",
                ),
        ));
    }
    let mut addresses = HashMap::new();
    let read: Vec<_> =
        sections.iter().map(|section| read_one(section, defaults, roster, &mut addresses, out)).collect();
    Ok(read.into_iter().collect::<Read<Vec<_>>>()?.into_iter().flatten().collect())
}

fn read_one(
    section: &Section<'_>,
    defaults: &mut Defaults<'_>,
    roster: &mut Roster,
    addresses: &mut HashMap<Ipv4Addr, Span>,
    out: &mut Findings,
) -> Read<Vec<Chunkserver>> {
    let ssh = defaults.ssh(section, Role::Chunkserver, out);
    let install = defaults.install(section, Role::Chunkserver, out);
    let hosts = roster.hosts(section, Role::Chunkserver, &ssh, out);
    let address = address(section, addresses, out);
    let hosts = hosts?;
    if let (Some(value), 2..) = (section.value("address"), hosts.len()) {
        return Err(out.report(
            Finding::new(Code::AddressOfSeveralHosts, value.span(), "one `address` for several hosts")
                .label(format!("this section has {} hosts", hosts.len()))
                .help("give the host a section of its own, or leave `address` out: it is found out on each host"),
        ));
    }
    let (address, access) = (address?, Access { ssh: ssh?, install: install? });
    Ok(hosts.into_iter().map(|host| Chunkserver { host, address, access: access.clone() }).collect())
}

fn address(
    section: &Section<'_>,
    addresses: &mut HashMap<Ipv4Addr, Span>,
    out: &mut Findings,
) -> Read<Option<Ipv4Addr>> {
    let Some(Text { text, span }) = section.text("address", out)? else { return Ok(None) };
    let address = check(text).map_err(|why| {
        out.report(
            Finding::new(Code::InvalidAddress, span.clone(), format!("invalid `address` {}: {why}", quote(text)))
                .help("write the IPv4 address under which the master lists the chunkserver"),
        )
    })?;
    match addresses.get(&address) {
        None => {
            addresses.insert(address, span);
            Ok(Some(address))
        }
        Some(first) => Err(out.report(
            Finding::new(Code::DuplicateAddress, span, format!("two chunkservers with the address {address}"))
                .label("here again")
                .related(first.clone(), "first here")
                .help("the master tells chunkservers apart by their addresses"),
        )),
    }
}

fn check(text: &str) -> Result<Ipv4Addr, String> {
    let address: Ipv4Addr = text.parse().map_err(|_| "it is not an IPv4 address".to_owned())?;
    if address.is_loopback() {
        Err(format!(
            "a chunkserver of {} and later does not start with a loopback address, after the old one was stopped",
            TABLE.refuses_loopback.first()
        ))
    } else if address.is_unspecified() || address.is_multicast() || address.is_broadcast() {
        Err("it is not the address of one host".to_owned())
    } else {
        Ok(address)
    }
}
