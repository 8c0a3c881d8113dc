//! `[[metaloggers]]`: the hosts that keep a copy of metadata and change logs from 1.6.5 on.

use super::access::Defaults;
use super::code::Code;
use super::finding::{Finding, Findings, Read};
use super::keys;
use super::model::{Access, Metalogger};
use super::roster::Roster;
use super::section::Section;
use super::upgrade;
use crate::moosefs::daemon::Role;
use crate::moosefs::releases::TABLE;

/// Reads all of `[[metaloggers]]`.
pub(super) fn read(
    root: &Section<'_>,
    defaults: &mut Defaults<'_>,
    roster: &mut Roster,
    out: &mut Findings,
) -> Read<Vec<Metalogger>> {
    let sections = root.sections("metaloggers", "[[metaloggers]]", keys::METALOGGERS, out)?;
    let known = check_target(root, &sections, out);
    let read: Vec<_> = sections.iter().map(|section| read_one(section, defaults, roster, out)).collect();
    known?;
    Ok(read.into_iter().collect::<Read<Vec<_>>>()?.into_iter().flatten().collect())
}

/// Told at the first section: the others have the same reason.
fn check_target(root: &Section<'_>, sections: &[Section<'_>], out: &mut Findings) -> Read<()> {
    let (Some(first), Some((to, span))) = (sections.first(), upgrade::target(root)) else { return Ok(()) };
    if TABLE.metaloggers.at(&to) {
        return Ok(());
    }
    let first_with = TABLE.metaloggers.first();
    Err(out.report(
        Finding::new(Code::ReleaseWithoutMetaloggers, first.span.clone(), format!("{to} has no metaloggers"))
            .label(format!("they are there from {first_with} on"))
            .related(span, "the release to run afterwards")
            .help(format!("choose {first_with} or later, or leave `[[metaloggers]]` out")),
    ))
}

fn read_one(
    section: &Section<'_>,
    defaults: &mut Defaults<'_>,
    roster: &mut Roster,
    out: &mut Findings,
) -> Read<Vec<Metalogger>> {
    let ssh = defaults.ssh(section, Role::Metalogger, out);
    let install = defaults.install(section, Role::Metalogger, out);
    let hosts = roster.hosts(section, Role::Metalogger, &ssh, out);
    let (hosts, access) = (hosts?, Access { ssh: ssh?, install: install? });
    Ok(hosts.into_iter().map(|host| Metalogger { host, access: access.clone() }).collect())
}
