//! `[master]`: the one master.

use toml::de::DeValue;

use super::access::Defaults;
use super::code::Code;
use super::finding::{Finding, Findings, ROOT, Read, Span};
use super::keys;
use super::model::{Access, Master};
use super::roster::Roster;
use super::section::{Section, Text};
use crate::host::HostName;
use crate::moosefs::daemon::{ADMIN_PORT, Role};
use crate::moosefs::version::FAMILIES;

/// Reads `[master]`.
pub(super) fn read(
    root: &Section<'_>,
    defaults: &mut Defaults<'_>,
    roster: &mut Roster,
    out: &mut Findings,
) -> Read<Master> {
    let Some(value) = root.value("master") else {
        return Err(out.report(
            Finding::new(Code::NoMaster, root.span.clone(), "the plan has no master")
                .lacks([(ROOT, "master")])
                .help("write `[master]` with `host = \"…\"`"),
        ));
    };
    if let DeValue::Array(masters) = value.get_ref() {
        // The second one, where there is a second.
        let span = masters.get(1).or(masters.first()).map_or(value.span(), toml::Spanned::span);
        return Err(out.report(two_masters(span, "a plan has one `[master]`, which is no array")));
    }
    let named = value.get_ref().as_table().and_then(|table| table.get("hosts"));
    let several = named.map(|hosts| out.report(two_masters(hosts.span(), "`[master]` takes `host`, one host")));
    let with_hosts = [keys::MASTER, &["hosts"]].concat();
    let known = if several.is_some() { &with_hosts } else { keys::MASTER };

    let section = Section::open_value("[master]", known, value, out)?;
    let ssh = defaults.ssh(&section, Role::Master, out);
    let install = defaults.install(&section, Role::Master, out);
    let admin_port = section.number("admin_port", 1..=u16::MAX, out);
    if let Some(reported) = several {
        return Err(reported);
    }
    let host = host(&section, |text, out| roster.host(text, Role::Master, &ssh, out), out);
    Ok(Master {
        host: host?,
        admin_port: admin_port?.unwrap_or(ADMIN_PORT),
        access: Access { ssh: ssh?, install: install? },
    })
}

fn host(
    section: &Section<'_>,
    enter: impl FnOnce(&Text<'_>, &mut Findings) -> Read<HostName>,
    out: &mut Findings,
) -> Read<HostName> {
    if let Some(value) = section.value("host").filter(|value| value.get_ref().is_array()) {
        return Err(out.report(two_masters(value.span(), "`host` is one host")));
    }
    let text = section.required_text("host", out)?;
    if text.text.contains('[') {
        return Err(out.report(two_masters(text.span, "`host` is one host and no range")));
    }
    enter(&text, out)
}

/// The finding for a second master, however it is written.
pub(super) fn two_masters(span: Span, label: &str) -> Finding {
    Finding::new(Code::TwoMasters, span, "the plan names more than one master").label(label).help(format!(
        "a cluster of {} or {} has exactly one master: a second one with the same metadata would give the same chunks to other \
         files",
        FAMILIES[0], FAMILIES[1]
    ))
}
