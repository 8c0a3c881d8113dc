//! `[[clients]]`: the hosts that mount the file system, in the order in which they are remounted.

use std::collections::HashMap;

use super::access::Defaults;
use super::code::Code;
use super::duration;
use super::finding::{Finding, Findings, Read};
use super::keys;
use super::model::{Access, Busy, ClientGroup};
use super::path;
use super::render::quote;
use super::roster::Roster;
use super::section::{Section, Text};
use crate::host::AbsPath;
use crate::moosefs::daemon::Role;

/// Hosts that are remounted at a time where the plan does not say.
pub(super) const DEFAULT_PARALLEL: usize = 1;
/// The most hosts at a time.
pub(super) const MOST_PARALLEL: usize = 1_000;

/// Reads all of `[[clients]]`.
pub(super) fn read(
    root: &Section<'_>,
    defaults: &mut Defaults<'_>,
    roster: &mut Roster,
    out: &mut Findings,
) -> Read<Vec<ClientGroup>> {
    let sections = root.sections("clients", "[[clients]]", keys::CLIENTS, out)?;
    let read: Vec<_> = sections.iter().map(|section| read_one(section, defaults, roster, out)).collect();
    read.into_iter().collect()
}

fn read_one(
    section: &Section<'_>,
    defaults: &mut Defaults<'_>,
    roster: &mut Roster,
    out: &mut Findings,
) -> Read<ClientGroup> {
    let ssh = defaults.ssh(section, Role::Client, out);
    let install = defaults.install(section, Role::Client, out);
    let hosts = roster.hosts(section, Role::Client, &ssh, out);
    let mounts = mounts(section, out);
    let mount_options = mount_options(section, out);
    let parallel = section.number("parallel", 1..=MOST_PARALLEL, out);
    let busy = busy(section, out);
    let lazy_unmount = lazy_unmount(section, out);
    Ok(ClientGroup {
        hosts: hosts?,
        mounts: mounts?,
        mount_options: mount_options?,
        parallel: parallel?.unwrap_or(DEFAULT_PARALLEL),
        busy: busy?,
        lazy_unmount: lazy_unmount?,
        access: Access { ssh: ssh?, install: install? },
    })
}

/// `"fail"`, `"skip"` or `"wait 10m"`.
fn busy(section: &Section<'_>, out: &mut Findings) -> Read<Busy> {
    let Some(Text { text, span }) = section.text("busy", out)? else { return Ok(Busy::Fail) };
    match (text, text.strip_prefix("wait ")) {
        ("fail", _) => Ok(Busy::Fail),
        ("skip", _) => Ok(Busy::Skip),
        (_, Some(time)) => duration::parse(time).map(Busy::Wait).map_err(|why| {
            let time = quote(time);
            out.report(
                Finding::new(Code::InvalidDuration, span, format!("invalid duration {time}: {why}"))
                    .help("write how long a mount is waited for at most: \"wait 10m\""),
            )
        }),
        _ => Err(out.report(
            Finding::new(Code::UnknownValue, span, format!("unknown `busy` {}", quote(text)))
                .label("not a known word")
                .help("write \"fail\", \"skip\", or \"wait 10m\" with a time of your own"),
        )),
    }
}

fn lazy_unmount(section: &Section<'_>, out: &mut Findings) -> Read<bool> {
    let lazy = section.flag("lazy_unmount", out)?.unwrap_or(false);
    let skips = section.value("busy").filter(|value| lazy && value.get_ref().as_str() == Some("skip"));
    match (section.value("lazy_unmount"), skips) {
        (Some(lazy), Some(skips)) => Err(out.report(
            Finding::new(Code::LazyOrSkipped, lazy.span(), "a mount in use cannot be unmounted and left alone")
                .label("unmounted here")
                .related(skips.span(), "and left alone here")
                .help("keep one of the two"),
        )),
        _ => Ok(lazy),
    }
}

fn mounts(section: &Section<'_>, out: &mut Findings) -> Read<Option<Vec<AbsPath>>> {
    let Some(texts) = section.texts("mounts", out)? else { return Ok(None) };
    if texts.is_empty() {
        let span = section.value("mounts").map_or(section.span.clone(), toml::Spanned::span);
        return Err(out.report(
            Finding::new(Code::EmptyList, span, "`mounts` names no mount point")
                .help("leave `mounts` out to take all that are mounted on the hosts"),
        ));
    }
    let mut first = HashMap::new();
    let checked: Vec<_> = texts
        .iter()
        .map(|text| {
            let mount = path::check_on_host(text, "mounts", out)?;
            if mount.as_str() == "/" {
                return Err(out.report(
                    Finding::new(Code::InvalidMount, text.span.clone(), "`/` cannot be a mount point of MooseFS")
                        .help("name the folder that mfsmount was given"),
                ));
            }
            match first.insert(mount.clone(), &text.span) {
                None => Ok(mount),
                Some(first) => Err(out.report(
                    Finding::new(Code::DuplicateMount, text.span.clone(), format!("{mount} is named twice"))
                        .label("here again")
                        .related(first.clone(), "first here")
                        .help("name each mount point once; it is unmounted and mounted once"),
                )),
            }
        })
        .collect();
    checked.into_iter().collect::<Read<Vec<_>>>().map(Some)
}

/// An empty list is as good as none: a mount that silently lost the options it runs with would be a surprise.
fn mount_options(section: &Section<'_>, out: &mut Findings) -> Read<Option<Vec<String>>> {
    let Some(texts) = section.texts("mount_options", out)? else { return Ok(None) };
    let checked: Vec<_> = texts.iter().map(|text| mount_option(text, out)).collect();
    let options = checked.into_iter().collect::<Read<Vec<_>>>()?;
    Ok((!options.is_empty()).then_some(options))
}

fn mount_option(Text { text, span }: &Text<'_>, out: &mut Findings) -> Read<String> {
    let accepted =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ':' | '=' | '+' | '@' | '%');
    let why = if text.is_empty() {
        "it is empty".to_owned()
    } else if text.starts_with('-') {
        "it begins with `-`".to_owned()
    } else if text.contains(',') {
        "it has a comma".to_owned()
    } else if let Some(c) = text.chars().find(|&c| !accepted(c)) {
        format!("it contains {c:?}, which is not accepted")
    } else {
        return Ok((*text).to_owned());
    };
    Err(out.report(
        Finding::new(Code::InvalidMountOption, span.clone(), format!("invalid mount option {}: {why}", quote(text)))
            .help("write what stands between the commas of `mfsmount -o`, one entry each: \"mfscachefiles\", \"rw\""),
    ))
}
