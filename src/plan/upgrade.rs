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
use super::model::{Mode, Stagger, Upgrade};
use super::nearest;
use super::render::quote;
use super::section::{Section, Text};
use crate::rules::line_1_5_to_1_6::{self as line, MASTER_WAIT_LEAST, STAGGER_GREATEST, STAGGER_LEAST};
use crate::rules::{self, ACKNOWLEDGEABLE};

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
    let from = version(&section, "from", Code::FromOutsideLine, line::check_from, out);
    let to = version(&section, "to", Code::ToOutsideLine, line::check_to, out);
    let mode = section.word("mode", MODES, out);
    let stagger = stagger(&section, out);
    let master_wait = master_wait(&section, out);
    let acknowledge = acknowledge(&section, out);
    let accept_lost = section.number("accept_lost", 0..=u32::MAX, out);
    if let (Ok((to, span)), Ok(acknowledge)) = (&to, &acknowledge) {
        check_target(to, span, acknowledge, out)?;
    }
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

/// Two releases that are right in each other's place.
fn are_turned_round(from: &Version, to: &Version) -> bool {
    line::check_to(from).is_ok() && line::check_from(to).is_ok()
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
                .help("write a release with its three numbers, for example \"1.6.27\""),
        )
    })?;
    match check(&version) {
        Ok(()) => Ok((version, span)),
        Err(why) => Err(out.report(
            Finding::new(outside, span, why.to_string())
                .label("outside the line 1.5.x to 1.6.x")
                .help("other upgrades have other rules, and this program does not know them"),
        )),
    }
}

fn check_target(to: &Version, span: &Span, acknowledge: &BTreeSet<String>, out: &mut Findings) -> Read<()> {
    let Some(reason) = line::unsafe_target(to).filter(|_| !acknowledge.contains(line::UNSAFE_TARGET_CODE)) else {
        return Ok(());
    };
    Err(out.report(
        Finding::new(Code::TargetDeletesUnknownChunks, span.clone(), reason)
            .label(format!("below {}", line::safe_target()))
            .help(format!(
                "choose {} or later, or accept this by `acknowledge = [\"{}\"]` under [upgrade]",
                line::safe_target(),
                line::UNSAFE_TARGET_CODE
            )),
    ))
}

fn stagger(section: &Section<'_>, out: &mut Findings) -> Read<Stagger> {
    let Some(Text { text, span }) = section.text("stagger", out)? else {
        return Ok(Stagger { least: STAGGER_LEAST, greatest: STAGGER_GREATEST });
    };
    let (least, greatest) = duration::parse_range(text).map_err(|why| {
        out.report(
            invalid_duration(&span, text, why)
                .help("write least and greatest as \"5m..10m\", or one time for both as \"7m\""),
        )
    })?;
    let limits = format!("{}..{}", duration::show(STAGGER_LEAST), duration::show(STAGGER_GREATEST));
    if least > greatest {
        let turned = format!("{}..{}", duration::show(greatest), duration::show(least));
        return Err(out.report(
            Finding::new(Code::StaggerTurnedRound, span, "the stagger is turned round")
                .label("its greatest time is shorter than its least")
                .help(format!("write \"{turned}\"")),
        ));
    }
    if least < STAGGER_LEAST || greatest > STAGGER_GREATEST {
        return Err(out.report(
            Finding::new(Code::StaggerOutOfRange, span, format!("the stagger leaves {limits}"))
                .label(format!("must be within {limits}"))
                .help(
                    "the HOWTO asks for 5 to 10 minutes between chunkservers: it takes a master five minutes and more to \
                     see that all chunks are there again",
                ),
        ));
    }
    Ok(Stagger { least, greatest })
}

fn master_wait(section: &Section<'_>, out: &mut Findings) -> Read<Duration> {
    let Some(Text { text, span }) = section.text("master_wait", out)? else { return Ok(MASTER_WAIT_LEAST) };
    let wait = duration::parse(text).map_err(|why| {
        out.report(invalid_duration(&span, text, why).help("write a number with a unit: \"3m\", \"200s\", \"1h 30m\""))
    })?;
    if wait < MASTER_WAIT_LEAST {
        let least = duration::show(MASTER_WAIT_LEAST);
        return Err(out.report(
            Finding::new(Code::MasterWaitTooShort, span, format!("`master_wait` is under {least}"))
                .label(format!("must be at least {least}"))
                .help(
                    "the HOWTO asks for about 3 minutes, in which the chunkservers are to be up before the master is",
                ),
        ));
    }
    Ok(wait)
}

fn invalid_duration(span: &Span, text: &str, why: duration::InvalidDuration) -> Finding {
    Finding::new(Code::InvalidDuration, span.clone(), format!("invalid duration {}: {why}", quote(text)))
}

/// Of a code that there is, and that no plan can accept.
fn unacknowledgeable(code: &str) -> Option<String> {
    const FINDINGS: &str = include_str!("../../docs/findings.md");
    let is = |severity: &str| FINDINGS.contains(&format!("\n| `{code}` | {severity} |"));
    if is("error") {
        return Some(format!(
            "`{code}` is an error of `check`: it cannot be accepted, take it out and mend what it names"
        ));
    }
    is("note").then(|| format!("`{code}` is a note of `check`: it stops nothing, take it out"))
}

fn acknowledge(section: &Section<'_>, out: &mut Findings) -> Read<BTreeSet<String>> {
    let codes = section.texts("acknowledge", out)?.unwrap_or_default();
    let known: Vec<_> = ACKNOWLEDGEABLE.iter().map(|a| a.code).collect();
    let checked: Vec<Read<String>> = codes
        .into_iter()
        .map(|Text { text, span }| match rules::acknowledgeable(text) {
            Some(_) => Ok(text.to_owned()),
            None => Err(out.report(
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
