//! `configure`: what `./configure` of an archive is given, and the prefix that it says by that.

use super::code::Code;
use super::finding::{Finding, Findings, Read, Span};
use super::path;
use super::render::quote;
use super::section::{Section, Text};
use crate::host::AbsPath;

/// How `--prefix` is written here.
const PREFIX: &str = "--prefix=";

/// Other ways to give a prefix to a script that autoconf made: a word of its own, cut short, as a variable. Two ways of
/// saying it could say two things.
const OTHER_PREFIXES: &[&str] = &["--prefix", "-prefix", "--prefi", "--pref", "--pre", "--pr", "--p"];

/// `configure` as it is written.
#[derive(Debug, Clone, Default)]
pub(super) struct Configure {
    /// All arguments, in order.
    pub arguments: Vec<String>,
    /// What `--prefix=` among them says, and where.
    pub prefix: Option<(AbsPath, Span)>,
}

/// Reads `configure` in `install`; empty where it is not there.
pub(super) fn read(install: &Section<'_>, out: &mut Findings) -> Read<Configure> {
    let texts = install.texts("configure", out)?.unwrap_or_default();
    let checked: Vec<Read<_>> = texts.iter().map(|text| argument(text, out)).collect();
    let mut configure = Configure::default();
    for (Text { text, span }, prefix) in texts.iter().zip(checked.into_iter().collect::<Read<Vec<_>>>()?) {
        configure.arguments.push((*text).to_owned());
        let Some(prefix) = prefix else { continue };
        match &configure.prefix {
            None => configure.prefix = Some((prefix, span.clone())),
            Some((_, first)) => {
                return Err(out.report(
                    Finding::new(Code::InvalidConfigureArgument, span.clone(), "`--prefix` is given twice")
                        .label("here again")
                        .related(first.clone(), "first here")
                        .help("keep one of the two; `./configure` would take the last"),
                ));
            }
        }
    }
    Ok(configure)
}

/// Checks one argument; the prefix that it says, where it does.
fn argument(Text { text, span }: &Text<'_>, out: &mut Findings) -> Read<Option<AbsPath>> {
    if let Some(prefix) = text.strip_prefix(PREFIX) {
        return path::check_on_host(&Text { text: prefix, span: span.clone() }, "--prefix", out).map(Some);
    }
    let (why, help) = if text.trim().is_empty() {
        ("it is empty", "write one argument an entry: \"--disable-mfscgi\", \"CFLAGS=-O2 -g\"")
    } else if text.contains(['\n', '\r']) {
        ("it has more than one line", "write one argument an entry, without a line break")
    } else if text.chars().any(char::is_control) {
        ("it has a control character", "write what a preview can show")
    } else if says_prefix(text) {
        (
            "it is another form of `--prefix=`",
            "write \"--prefix=/usr/local\" in one entry, or `prefix` beside `configure`",
        )
    } else {
        return Ok(None);
    };
    let message = format!("invalid argument of `configure` {}: {why}", quote(text));
    Err(out.report(Finding::new(Code::InvalidConfigureArgument, span.clone(), message).help(help)))
}

/// Whether `./configure` would take `argument`, which is not of the form `--prefix=`, for the prefix.
fn says_prefix(argument: &str) -> bool {
    let name = argument.split_once('=').map_or(argument, |(name, _)| name);
    OTHER_PREFIXES.contains(&name) || (name == "prefix" && argument.contains('='))
}
