//! Paths of a plan: those on a host, and those here, which are given to `ssh` or read.
//!
//! Touches no file system: whether a path leads anywhere is for others to find out.

use std::path::{Path, PathBuf};

use super::code::Code;
use super::finding::{Finding, Findings, Read};
use super::local::Unusable;
use super::render::quote;
use super::section::{Section, Text};
use crate::host::{AbsPath, InvalidName};

/// The path on a host at `key`.
pub(super) fn on_host(section: &Section<'_>, key: &str, out: &mut Findings) -> Read<Option<AbsPath>> {
    let Some(text) = section.text(key, out)? else { return Ok(None) };
    check_on_host(&text, key, out).map(Some)
}

/// `text` as a path on a host.
pub(super) fn check_on_host(Text { text, span }: &Text<'_>, key: &str, out: &mut Findings) -> Read<AbsPath> {
    AbsPath::new(text).map_err(|why| {
        let help = match why {
            InvalidName::Relative => "write the whole path from `/`: it is used on other hosts, from other folders",
            _ => "accepted are letters, digits and `/ . _ - + , : @ =`",
        };
        out.report(
            Finding::new(Code::InvalidPath, span.clone(), format!("invalid `{key}` {}: {why}", quote(text))).help(help),
        )
    })
}

/// A path of this program's own.
pub(super) fn default(path: &'static str) -> AbsPath {
    AbsPath::new(path).expect("a path that is written in this program is a valid one")
}

/// The path here at `key`, relative to `base`.
///
/// Where ssh jumps, it writes the name of its configuration into a command for a shell, unquoted. So the characters are
/// as few as in a path on a host, only letters of other alphabets are welcome too.
pub(super) fn local(section: &Section<'_>, key: &str, base: &Path, out: &mut Findings) -> Read<Option<PathBuf>> {
    let Some(Text { text, span }) = section.text(key, out)? else { return Ok(None) };
    // `~` is expanded by ssh in the name of an identity, and in nothing else that it is given.
    let own_home = key == "identity" && text.starts_with('~');
    let whole = if own_home { PathBuf::from(text) } else { base.join(text) };
    let why = if text.is_empty() {
        "it is empty".to_owned()
    } else if text.starts_with('-') {
        "it begins with `-`, which ssh would take for an option".to_owned()
    } else if let Some(c) = text.chars().find(|&c| !plain(c)) {
        format!("it contains {c:?}, which a shell or ssh could give a meaning")
    } else if text.starts_with('~') && !own_home {
        "ssh does not expand `~` here".to_owned()
    } else if let Some(c) = whole.to_string_lossy().chars().find(|&c| !plain(c)) {
        format!("the plan's folder contains {c:?}, which a shell or ssh could give a meaning")
    } else {
        return Ok(Some(whole));
    };
    Err(out.report(
        Finding::new(Code::InvalidLocalPath, span, format!("invalid `{key}` {}: {why}", quote(text)))
            .help("write a path from the plan's folder or from `/`, of letters, digits and `/ . _ - + , : @ = ~`"),
    ))
}

/// The file here at `key`, relative to `base`, to be read by this program itself: no shell ever sees its name.
pub(super) fn file<'a>(
    section: &Section<'a>,
    key: &str,
    base: &Path,
    out: &mut Findings,
) -> Read<Option<(PathBuf, Text<'a>)>> {
    let Some(text) = section.text(key, out)? else { return Ok(None) };
    let whole = base.join(text.text);
    let why = if text.text.is_empty() {
        "it is empty"
    } else if text.text.starts_with('~') {
        "`~` is not expanded here"
    } else if whole.to_str().is_none_or(|whole| whole.chars().any(char::is_control)) {
        "it or the plan's folder has a control character or is not UTF-8"
    } else {
        return Ok(Some((whole, text)));
    };
    let message = format!("cannot use `{key}` {}: {why}", quote(text.text));
    let help = "write a path from the plan's folder or from `/`";
    Err(out.report(Finding::new(Code::UnreadableFile, text.span, message).help(help)))
}

/// The finding for the file at `path` that `key` names as `text`; `help` is for one that was read.
pub(super) fn unusable(key: &str, text: &Text<'_>, path: &Path, why: &Unusable, invalid: Code, help: &str) -> Finding {
    let code = why.code(invalid);
    let message = format!("cannot use `{key}` {}: {why}", quote(text.text));
    let finding = Finding::new(code, text.span.clone(), message);
    match code {
        Code::UnreadableFile => finding.help(format!("it is looked for here, at {}", path.display())),
        _ => finding.help(help),
    }
}

fn plain(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '+' | ',' | ':' | '@' | '=' | '~')
}
