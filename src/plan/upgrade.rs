//! `[upgrade]`: from where, to where, in which way.
//!
//! Holds no number of its own: the limits are those of the line.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::time::Duration;

use semver::Version;

use super::code::Code;
use super::duration;
use super::finding::{Finding, Findings, ROOT, Read, Span};
use super::keys;
use super::model::{Access, Mode, Plan, Stagger, Upgrade};
use super::nearest;
use super::render::quote;
use super::section::{Section, Text};
use crate::host::HostName;
use crate::moosefs::daemon::Role;
use crate::moosefs::version::EXAMPLE;
use crate::rules::{Code as Found, LINES, Line, Severity, acknowledgeable, lines};

/// The words of `mode`.
const MODES: &[(&str, Mode)] = &[("rolling", Mode::Rolling), ("full-stop", Mode::FullStop)];

/// Reads `[upgrade]`.
pub(super) fn read(root: &Section<'_>, out: &mut Findings) -> Read<Upgrade> {
    let Some(section) = root.section("upgrade", "[upgrade]", keys::UPGRADE, out)? else {
        return Err(out.report(
            Finding::new(Code::MissingSection, root.span.clone(), "the plan has no `[upgrade]`")
                .lacks([(ROOT, "upgrade")])
                .help("write `[upgrade]` with `from` and `to`, the releases of the cluster before and after"),
        ));
    };
    turned_round(&section, out)?;
    let from = version(&section, "from", Code::FromOutsideLine, lines::check_from, out);
    let to = version(&section, "to", Code::ToOutsideLine, lines::check_to, out);
    let mode = section.word("mode", MODES, out);
    let line = line(&from, &to, out);
    // what is wrong with other keys is told as well, by the limits of a line that ends there, or of the first
    let limits = line.ok().or_else(|| lines::ending_at(&to.as_ref().ok()?.0)).unwrap_or(LINES[0]);
    let stagger = stagger(&section, limits, out);
    let master_wait = master_wait(&section, limits, out);
    let acknowledge = acknowledge(&section, out);
    let accept_lost = section.number("accept_lost", 0..=u32::MAX, out);
    if let (Ok((to, span)), Ok(acknowledge)) = (&to, &acknowledge) {
        check_target(limits, to, span, acknowledge, out)?;
    }
    line?;
    Ok(Upgrade {
        from: from?.0,
        to: to?.0,
        mode: mode?.unwrap_or(Mode::Rolling),
        stagger: stagger?,
        master_wait: master_wait?,
        acknowledge: acknowledge?,
        accept_lost: accept_lost?.unwrap_or(0).into(),
    })
}

/// The line of both, each of which is on one.
fn line(from: &Read<(Version, Span)>, to: &Read<(Version, Span)>, out: &mut Findings) -> Read<&'static Line> {
    let ((from, _), (to, span)) = (from.as_ref().map_err(|told| *told)?, to.as_ref().map_err(|told| *told)?);
    Line::of(from, to).ok_or_else(|| {
        let why = lines::OutsideLine::Between { from: from.clone(), to: to.clone() };
        out.report(Finding::new(Code::ToOutsideLine, span.clone(), why.to_string()))
    })
}

/// Two releases that are right in each other's place.
fn are_turned_round(from: &Version, to: &Version) -> bool {
    Line::of(to, from).is_some()
}

/// They are one slip.
fn turned_round(section: &Section<'_>, out: &mut Findings) -> Read<()> {
    let written = |key: &str| {
        let value = section.value(key)?;
        Some((value.get_ref().as_str()?.parse::<Version>().ok()?, value.span()))
    };
    let (Some((from, span)), Some((to, _))) = (written("from"), written("to")) else { return Ok(()) };
    if !are_turned_round(&from, &to) {
        return Ok(());
    }
    Err(out.report(
        Finding::new(Code::FromOutsideLine, span, "`from` and `to` are turned round")
            .label("the release that runs now is `from`")
            .help(format!(
                "write `from = \"{to}\"` and `to = \"{from}\"`; an upgrade is taken back by `mfsupgrade rollback`"
            )),
    ))
}

/// The release to run afterwards, as far as it can be told; what is wrong with it is told by [`read`].
pub(super) fn target(root: &Section<'_>) -> Option<(Version, Span)> {
    let table = root.value("upgrade")?.get_ref().as_table()?;
    let written = |key: &str| {
        let value = table.get(key)?;
        Some((value.get_ref().as_str()?.parse::<Version>().ok()?, value.span()))
    };
    let target = written("to")?;
    let turned = written("from").is_some_and(|from| are_turned_round(&from.0, &target.0));
    (!turned).then_some(target)
}

fn version<E: Display>(
    section: &Section<'_>,
    key: &'static str,
    outside: Code,
    check: impl Fn(&Version) -> Result<(), E>,
    out: &mut Findings,
) -> Read<(Version, Span)> {
    let Text { text, span } = section.required_text(key, out)?;
    let version: Version = text.parse().map_err(|_| {
        out.report(
            Finding::new(Code::InvalidVersion, span.clone(), format!("invalid version {}", quote(text)))
                .label("not a version")
                .help(format!("write a release with its three numbers, for example \"{EXAMPLE}\"")),
        )
    })?;
    match check(&version) {
        Ok(()) => Ok((version, span)),
        Err(why) => Err(out.report(
            Finding::new(outside, span, why.to_string())
                .label(format!("outside the line {}", lines::known()))
                .help("other upgrades have other rules, and this program does not know them"),
        )),
    }
}

/// Whether the line has every way to install that the plan wants. Told once: the other hosts have the same reason.
pub(super) fn ways_to_install(plan: &Plan, line: &Line, root: &Section<'_>, out: &mut Findings) -> Read<()> {
    let lacks = |(_, _, access): &(&HostName, Role, &Access)| !line.installs.contains(&access.install.how.kind());
    let Some((host, role, _)) = plan.hosts().find(lacks) else { return Ok(()) };
    let span = root.value("install").map_or(root.span.clone(), toml::Spanned::span);
    let (from, to) = (line.from, line.to);
    Err(out.report(
        Finding::new(
            Code::InstallNotOnLine,
            span,
            format!("{to} cannot be installed in this way on {host}, which is a {role}"),
        )
        .help(format!(
            "install it in a way that the upgrade from {from} to {to} has; docs/plan-reference.md lists them"
        )),
    ))
}

fn check_target(
    line: &Line,
    to: &Version,
    span: &Span,
    acknowledge: &BTreeSet<String>,
    out: &mut Findings,
) -> Read<()> {
    let (first, code) = (line.floor.needs.first(), line.floor.code);
    let Some(reason) = line.unsafe_target(to).filter(|_| !acknowledge.contains(code)) else {
        return Ok(());
    };
    Err(out.report(
        Finding::new(Code::TargetDeletesUnknownChunks, span.clone(), reason)
            .label(format!("below {first}"))
            .help(format!("choose {first} or later, or accept this by `acknowledge = [\"{code}\"]` under [upgrade]")),
    ))
}

fn stagger(section: &Section<'_>, line: &Line, out: &mut Findings) -> Read<Stagger> {
    let Some(Text { text, span }) = section.text("stagger", out)? else {
        return Ok(Stagger { least: line.stagger.least, greatest: line.stagger.greatest });
    };
    let (shortest, longest) = (line.stagger.least, line.stagger.greatest);
    let (least, greatest) = duration::parse_range(text).map_err(|why| {
        out.report(
            invalid_duration(&span, text, why)
                .help("write least and greatest as \"5m..10m\", or one time for both as \"7m\""),
        )
    })?;
    let limits = format!("{}..{}", duration::show(shortest), duration::show(longest));
    if least > greatest {
        let turned = format!("{}..{}", duration::show(greatest), duration::show(least));
        return Err(out.report(
            Finding::new(Code::StaggerTurnedRound, span, "the stagger is turned round")
                .label("its greatest time is shorter than its least")
                .help(format!("write \"{turned}\"")),
        ));
    }
    if least < shortest || greatest > longest {
        return Err(out.report(
            Finding::new(Code::StaggerOutOfRange, span, format!("the stagger leaves {limits}"))
                .label(format!("must be within {limits}"))
                .help(line.stagger.why),
        ));
    }
    Ok(Stagger { least, greatest })
}

fn master_wait(section: &Section<'_>, line: &Line, out: &mut Findings) -> Read<Duration> {
    let shortest = line.master_wait.least;
    let Some(Text { text, span }) = section.text("master_wait", out)? else { return Ok(shortest) };
    let wait = duration::parse(text).map_err(|why| {
        out.report(invalid_duration(&span, text, why).help("write a number with a unit: \"3m\", \"200s\", \"1h 30m\""))
    })?;
    if wait < shortest {
        let least = duration::show(shortest);
        return Err(out.report(
            Finding::new(Code::MasterWaitTooShort, span, format!("`master_wait` is under {least}"))
                .label(format!("must be at least {least}"))
                .help(line.master_wait.why),
        ));
    }
    Ok(wait)
}

fn invalid_duration(span: &Span, text: &str, why: duration::InvalidDuration) -> Finding {
    Finding::new(Code::InvalidDuration, span.clone(), format!("invalid duration {}: {why}", quote(text)))
}

/// Of a code that there is, and that no plan can accept.
fn unacknowledgeable(code: &str) -> Option<String> {
    match code.parse::<Found>().ok()?.severity() {
        Severity::Error => {
            Some(format!("`{code}` is an error of `check`: it cannot be accepted, take it out and mend what it names"))
        }
        Severity::Note => Some(format!("`{code}` is a note of `check`: it stops nothing, take it out")),
        Severity::Warning => None,
    }
}

fn acknowledge(section: &Section<'_>, out: &mut Findings) -> Read<BTreeSet<String>> {
    let codes = section.texts("acknowledge", out)?.unwrap_or_default();
    let known: Vec<_> = acknowledgeable().map(|a| a.code).collect();
    let checked: Vec<Read<String>> = codes
        .into_iter()
        .map(|Text { text, span }| match known.contains(&text) {
            true => Ok(text.to_owned()),
            false => Err(out.report(
                Finding::new(
                    Code::UnknownAcknowledgement,
                    span,
                    format!("{} is no code that can be acknowledged", quote(text)),
                )
                .label("no warning that can be accepted: an error must be fixed")
                .help(unacknowledgeable(text).unwrap_or_else(|| nearest::hint(text, &known))),
            )),
        })
        .collect();
    checked.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use toml::de::DeTable;

    use super::super::finding::Findings;
    use super::*;
    use crate::rules::line::InstallKind;
    use crate::rules::lines::like_1_5_to_1_6;

    #[test]
    fn a_way_to_install_that_a_line_does_not_have_is_refused() {
        const TEXT: &str = "[upgrade]\nfrom = \"1.5.12\"\nto = \"1.6.27\"\n[install]\nsource_dir = \"/src\"\n\
                            [master]\nhost = \"m\"\n[[chunkservers]]\nhosts = [\"a\"]\n";
        static PACKAGED: Line = Line { installs: &[InstallKind::Command], ..like_1_5_to_1_6() };
        let plan = Plan::parse(TEXT, Path::new("p"), Path::new("/")).unwrap();
        let table = DeTable::parse(TEXT).unwrap();
        let refused = |line: &Line| {
            let mut out = Findings::default();
            let root = Section::open(ROOT, keys::ROOT, 0..0, table.get_ref(), &mut out);
            ways_to_install(&plan, line, &root, &mut out).is_err()
        };
        assert_eq!((refused(plan.line()), refused(&PACKAGED)), (false, true));
    }
}
