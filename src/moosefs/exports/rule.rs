//! One line of mfsexports.cfg, as a release reads it.

use std::net::Ipv4Addr;

use semver::Version;

use super::account::{Account, Ids};
use super::option;
use crate::moosefs::releases::TABLE;
use crate::moosefs::secrets::masked;

/// Who may mount what, and with which rights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its line, from 1.
    pub line: u32,
    /// As it is written, without blanks at its ends and without passwords.
    pub text: String,
    /// The first address that it is for.
    pub from: Ipv4Addr,
    /// The last one. Before the first: it is for nobody.
    pub to: Ipv4Addr,
    /// Without `/` at its ends, so that the root is empty; `None` for `.`, which is for meta mounts.
    pub path: Option<String>,
    /// Whether folders below the path may be mounted.
    pub all_dirs: bool,
    /// Whether a password must be given.
    pub password: bool,
    /// The lowest version of a mount.
    pub min_version: Version,
    /// Unless `rw` says otherwise.
    pub read_only: bool,
    /// `dynamicip`: a session may go on from another address.
    pub dynamic_ip: bool,
    /// `ignoregid`
    pub ignore_gid: bool,
    /// `canchangequota`
    pub change_quota: bool,
    /// Who root becomes: 999:999 unless `maproot` or `mapall` says otherwise.
    pub root: Ids,
    /// Who all others become, with `mapall` (1.6.1 and later).
    pub all: Option<Ids>,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// The word that it is about.
    pub word: String,
    /// Why.
    pub reason: String,
}

impl Fault {
    pub fn new(word: &str, reason: impl Into<String>) -> Fault {
        Fault { word: masked(word).into_owned(), reason: reason.into() }
    }
}

/// What a reader found on its way through a line.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// Words that have no effect, or another than they seem to.
    pub passed_over: Vec<Fault>,
    /// What the rule depends on.
    pub accounts: Vec<Account>,
}

const BLANKS: [char; 2] = [' ', '\t'];

/// Reads a line without its line end and without blanks behind it.
pub(super) fn read(
    line: u32,
    text: &str,
    to: &Version,
    known: &dyn Fn(&Account) -> bool,
    notes: &mut Notes,
) -> Result<Rule, Fault> {
    let text = text.trim_start_matches(BLANKS);
    let Some((network, rest)) = text.split_once(BLANKS) else {
        return Err(Fault::new(text, "there is no path behind the address"));
    };
    let networks = TABLE.export_networks.at(to);
    let (first, last) = addresses(network, networks).ok_or_else(|| Fault::new(network, no_network(network, to)))?;
    if network.ends_with("/0") {
        let reason = "with 0 bits it is one address on most machines, not every one: `*` is";
        notes.passed_over.push(Fault::new(network, reason));
    } else if first > last {
        notes.passed_over.push(Fault::new(network, "it ends before it begins, and is for nobody"));
    }
    let rest = rest.trim_start_matches(BLANKS);
    let (path, options) = rest.split_once(BLANKS).unwrap_or((rest, ""));
    let meta = path == ".";
    let rule = Rule {
        line,
        text: masked(text).into_owned(),
        from: first,
        to: last,
        path: (!meta).then(|| path.trim_matches('/').to_owned()),
        all_dirs: false,
        password: false,
        min_version: Version::new(0, 0, 0),
        read_only: true,
        dynamic_ip: false,
        ignore_gid: false,
        change_quota: false,
        root: Ids::numbers(if meta { 0 } else { 999 }),
        all: None,
    };
    match options.trim_start_matches(BLANKS) {
        "" => Ok(rule),
        options => option::apply(rule, options, to, known, notes),
    }
}

fn no_network(word: &str, to: &Version) -> String {
    if word.starts_with('#') {
        "a comment begins in the first column".to_owned()
    } else if !TABLE.export_networks.at(to) && addresses(word, true).is_some() {
        format!("{to} takes single addresses and `*` only")
    } else {
        "not an address, ADDRESS/BITS, ADDRESS/MASK, ADDRESS-ADDRESS or `*`".to_owned()
    }
}

/// The addresses of a network. With 0 bits the mask is shifted by 32, which C leaves open: processors of the x86
/// family, and so this, leave it as it is, one address (exports.c @ 1.6.27; run with 1.6.5 to 1.6.27).
fn addresses(word: &str, networks: bool) -> Option<(Ipv4Addr, Ipv4Addr)> {
    if word == "*" {
        return Some((Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST));
    }
    let Some(at) = word.find(['/', '-']) else {
        return address(word).map(|address| (address, address));
    };
    if !networks {
        return None;
    }
    let first = address(&word[..at])?;
    let rest = &word[at + 1..];
    if word[at..].starts_with('-') {
        return address(rest).map(|last| (first, last));
    }
    let mask = match octet(rest).filter(|&bits| bits <= 32) {
        Some(bits) => u32::MAX.checked_shl(32 - bits).unwrap_or(u32::MAX),
        None => address(rest)?.to_bits(),
    };
    let first = first.to_bits() & mask;
    Some((Ipv4Addr::from_bits(first), Ipv4Addr::from_bits(first | !mask)))
}

/// Four numbers, which may have noughts in front.
fn address(word: &str) -> Option<Ipv4Addr> {
    let parts = word.split('.').map(octet).collect::<Option<Vec<_>>>()?;
    let [a, b, c, d] = parts[..] else { return None };
    Some(Ipv4Addr::from_bits(a << 24 | b << 16 | c << 8 | d))
}

/// A number up to 255 with any noughts in front.
pub(super) fn octet(word: &str) -> Option<u32> {
    let digits = !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit());
    let value = match word.trim_start_matches('0') {
        "" => 0,
        value => value.parse().ok()?,
    };
    (digits && value <= 255).then_some(value)
}
