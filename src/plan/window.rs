//! `[window]`: reading it. What it means is in [`super::calendar`].

use std::collections::BTreeSet;

use jiff::civil::Time;

use super::calendar::{self, Day, NoWindow, Window};
use super::code::Code;
use super::finding::{Finding, Findings, Read};
use super::keys;
use super::nearest;
use super::render::quote;
use super::section::{Section, Text};

/// Reads `[window]`; without one something may be taken down at any time.
pub(super) fn read(root: &Section<'_>, out: &mut Findings) -> Read<Option<Window>> {
    let Some(section) = root.section("window", "[window]", keys::WINDOW, out)? else { return Ok(None) };
    let from = time(&section, "from", out);
    let to = time(&section, "to", out);
    let days = days(&section, out);
    let zone = section.required_text("time_zone", out);
    // a zone that is not known is told even where a time is wrong too
    let known = zone.and_then(|zone| match calendar::time_zone(zone.text) {
        Ok(_) => Ok(zone),
        Err(_) => Err(out.report(unknown_zone(&zone))),
    });
    let (from, to, days, zone) = (from?, to?, days?, known?);
    match Window::new(from, to, days, zone.text) {
        Ok(window) => Ok(Some(window)),
        Err(NoWindow::Empty) => {
            let span = section.value("to").map_or(section.span.clone(), toml::Spanned::span);
            Err(out.report(
                Finding::new(Code::EmptyWindow, span, "the window closes when it opens")
                    .label("the same time as `from`")
                    .help("give it an end of its own, or leave `[window]` out if any time will do"),
            ))
        }
        Err(_) => Err(out.report(unknown_zone(&zone))),
    }
}

fn time(section: &Section<'_>, key: &'static str, out: &mut Findings) -> Read<Time> {
    let Text { text, span } = section.required_text(key, out)?;
    calendar::time_of_day(text).map_err(|_| {
        out.report(
            Finding::new(Code::InvalidTime, span, format!("invalid time of day {}", quote(text)))
                .label("not a time of day")
                .help("write hours and minutes with two digits each, from \"00:00\" to \"23:59\""),
        )
    })
}

fn unknown_zone(zone: &Text<'_>) -> Finding {
    Finding::new(Code::UnknownTimeZone, zone.span.clone(), format!("unknown time zone {}", quote(zone.text)))
        .label("this machine does not know it")
        .help("write a name of the tz database (/usr/share/zoneinfo): \"Europe/Berlin\", or \"UTC\", which needs none")
}

fn days(section: &Section<'_>, out: &mut Findings) -> Read<BTreeSet<Day>> {
    let Some(texts) = section.texts("days", out)? else { return Ok(BTreeSet::new()) };
    if texts.is_empty() {
        let span = section.value("days").map_or(section.span.clone(), toml::Spanned::span);
        return Err(out.report(
            Finding::new(Code::EmptyList, span, "`days` names no day")
                .help("leave `days` out if the window opens on every day"),
        ));
    }
    let known = Day::WORDS.map(|(word, _)| word);
    let read: Vec<_> = texts
        .into_iter()
        .map(|Text { text, span }| {
            let day = Day::WORDS.iter().find(|(word, _)| *word == text);
            day.map(|(_, day)| *day).ok_or_else(|| {
                out.report(
                    Finding::new(Code::UnknownValue, span, format!("unknown day {}", quote(text)))
                        .label("not a day")
                        .help(nearest::hint(text, &known)),
                )
            })
        })
        .collect();
    read.into_iter().collect()
}
