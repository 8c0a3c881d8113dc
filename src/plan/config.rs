//! `[config]`: what configuration the new release gets beyond what is carried over.

use std::path::Path;

use super::code::Code;
use super::finding::{Finding, Findings, Read};
use super::hosts;
use super::keys;
use super::local::{self, Unusable};
use super::model::{Config, Exports};
use super::path;
use super::render::quote;
use super::section::{Section, Text};
use crate::host::{FileText, HostName};
use crate::moosefs::exports::ALLOWS_ALL_KEY;
use crate::moosefs::version::FAMILIES;

/// Reads `[config]`; relative paths are relative to `base`.
pub(super) fn read(root: &Section<'_>, base: &Path, out: &mut Findings) -> Read<Config> {
    let Some(section) = root.section("config", "[config]", keys::CONFIG, out)? else { return Ok(Config::default()) };
    let file = file(&section, base, out);
    let allows_all = section.flag(ALLOWS_ALL_KEY, out);
    let master_host = master_host(&section, out);
    if let (Some(first), Some(second), Ok(Some(true))) =
        (section.value("exports"), section.value(ALLOWS_ALL_KEY), allows_all)
    {
        return Err(out.report(
            Finding::new(
                Code::TwoKindsOfExports,
                second.span(),
                format!("[config] has both `exports` and `{ALLOWS_ALL_KEY} = true`"),
            )
            .label("everything is allowed")
            .related(first.span(), "and only what this file allows")
            .help(format!(
                "keep `exports`, a file of your own, or `{ALLOWS_ALL_KEY}` for what {} allowed",
                FAMILIES[0]
            )),
        ));
    }
    let exports = match (file?, allows_all?) {
        (Some(file), _) => Some(file),
        (None, Some(true)) => Some(Exports::LikeV15),
        (None, _) => None,
    };
    Ok(Config { exports, master_host: master_host? })
}

fn file(section: &Section<'_>, base: &Path, out: &mut Findings) -> Read<Option<Exports>> {
    let Some((path, text)) = path::file(section, "exports", base, out)? else { return Ok(None) };
    match local::exports(&path) {
        Ok(text) => Ok(Some(Exports::File { path, text: FileText::new(text) })),
        Err(why) => Err(out.report(path::unusable("exports", &text, &path, &why, Code::InvalidExports, help(&why)))),
    }
}

fn help(why: &Unusable) -> &'static str {
    match why {
        Unusable::TooLarge(_) => "this is not a mfsexports.cfg",
        Unusable::NotText => "write it anew as plain text, without a byte order mark",
        _ => {
            "write one rule at least, for example `10.0.0.0/8 / rw,alldirs,maproot=0`: a master without does not start"
        }
    }
}

/// It goes into mfsmetalogger.cfg. MooseFS 1.6 connects over IPv4 alone.
fn master_host(section: &Section<'_>, out: &mut Findings) -> Read<Option<HostName>> {
    let Some(Text { text, span }) = section.text("master_host", out)? else { return Ok(None) };
    let why = match hosts::host(text) {
        Ok(host) if !text.contains(':') => return Ok(Some(host)),
        Ok(_) => format!("MooseFS {} does not connect over IPv6", FAMILIES[1]),
        Err(why) => why.to_string(),
    };
    Err(out
        .report(Finding::new(Code::InvalidHost, span, format!("invalid `master_host` {}: {why}", quote(text))).help(
            "write the name or IPv4 address that the metaloggers know the master by; its port is not part of it",
        )))
}
