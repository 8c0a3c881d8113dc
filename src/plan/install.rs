//! `[install]` as it is written, for the whole plan and for a section that does it another way.

use std::path::{Path, PathBuf};

use super::code::Code;
use super::configure::{self, Configure};
use super::finding::{Finding, Findings, Read, Span};
use super::keys;
use super::local::{self, Archives, Unusable};
use super::path;
use super::render::quote;
use super::resolve::DEFAULT_WORK_DIR;
use super::section::{Section, Text};
use crate::host::AbsPath;
use crate::moosefs::daemon::Role;

/// An `install` table as it is written, with what it leaves open.
#[derive(Debug, Clone)]
pub(super) struct InstallKeys {
    pub span: Span,
    prefix: Option<(AbsPath, Span)>,
    pub work_dir: Option<AbsPath>,
    pub kind: Option<Kind>,
}

impl InstallKeys {
    /// What `prefix` says, or `--prefix=` in `configure` of the same table.
    pub(super) fn prefix(&self) -> Option<&(AbsPath, Span)> {
        match &self.kind {
            Some(Kind::Archive { configure, .. }) => self.prefix.as_ref().or(configure.prefix.as_ref()),
            _ => self.prefix.as_ref(),
        }
    }
}

/// One of the ways to install.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    SourceDir(AbsPath),
    Archive { path: PathBuf, digest: local::Digest, configure: Configure },
    Commands { span: Span, by_role: Vec<(Role, String)> },
}

/// The titles of an install table and of its commands, and whose commands it may have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub title: &'static str,
    pub commands: &'static str,
    pub roles: &'static [Role],
}

/// `[install]` itself.
pub(super) const GLOBAL: Place = Place {
    title: "[install]",
    commands: "[install.commands]",
    roles: &[Role::Master, Role::Metalogger, Role::Chunkserver, Role::Client],
};

/// `install` in the section of `role`. A command for another role would never be run, so it is not a key there.
pub(super) fn place(role: Role) -> Place {
    match role {
        Role::Master => {
            Place { title: "[master.install]", commands: "[master.install.commands]", roles: &[Role::Master] }
        }
        Role::Metalogger => Place {
            title: "[metaloggers.install]",
            commands: "[metaloggers.install.commands]",
            roles: &[Role::Metalogger],
        },
        Role::Chunkserver => Place {
            title: "[chunkservers.install]",
            commands: "[chunkservers.install.commands]",
            roles: &[Role::Chunkserver],
        },
        Role::Client => {
            Place { title: "[clients.install]", commands: "[clients.install.commands]", roles: &[Role::Client] }
        }
    }
}

/// The ways to install, of which a table has one.
const KINDS: &[&str] = &["source_dir", "archive", "commands"];

/// Reads `install` in `parent`; an archive that it names is relative to `base`.
pub(super) fn read(
    parent: &Section<'_>,
    place: Place,
    base: &Path,
    archives: &mut Archives,
    out: &mut Findings,
) -> Read<Option<InstallKeys>> {
    let Some(section) = parent.section("install", place.title, keys::INSTALL, out)? else { return Ok(None) };
    let source_dir = path::on_host(&section, "source_dir", out);
    let archive = archive(&section, base, archives, out);
    let configure = configure::read(&section, out);
    let commands = commands(&section, place, out);
    let prefix = path::on_host(&section, "prefix", out);
    let work_dir = work_dir(&section, out);
    one_kind(&section, out)?;
    let kind = match (source_dir?, archive?, commands?) {
        (Some(dir), ..) => Some(Kind::SourceDir(dir)),
        (None, Some((path, digest)), _) => Some(Kind::Archive { path, digest, configure: configure? }),
        (None, None, commands) => commands,
    };
    let prefix = prefix?.zip(section.value("prefix").map(toml::Spanned::span));
    Ok(Some(InstallKeys { span: section.span.clone(), prefix, work_dir: work_dir?, kind }))
}

/// One way to install, and `configure` only with an archive.
fn one_kind(section: &Section<'_>, out: &mut Findings) -> Read<()> {
    let mut kinds: Vec<_> = KINDS.iter().filter_map(|key| Some((*key, section.value(key)?.span()))).collect();
    kinds.sort_by_key(|(_, span)| span.start);
    let mut read = Ok(());
    if let Some(((first, at), others)) = kinds.split_first() {
        for (other, span) in others {
            let message = format!("{} has both `{first}` and `{other}`", section.title);
            read = Err(out.report(
                Finding::new(Code::TwoKindsOfInstall, span.clone(), message)
                    .label("one way to install")
                    .related(at.clone(), "and another")
                    .help(
                        "keep `source_dir` for a tree that is built on every host, `archive` for one that the run builds \
                         there, or `commands` for anything else",
                    ),
            ));
        }
    }
    if let (Some(configure), None) = (section.value("configure"), section.value("archive")) {
        let message = format!("{} has `configure` and no `archive`", section.title);
        read = Err(out.report(
            Finding::new(Code::ConfigureWithoutArchive, configure.span(), message)
                .label("nothing is configured by the run")
                .help("name the `archive` beside it; a tree at `source_dir` is configured already"),
        ));
    }
    read
}

fn archive(
    section: &Section<'_>,
    base: &Path,
    archives: &mut Archives,
    out: &mut Findings,
) -> Read<Option<(PathBuf, local::Digest)>> {
    let Some((path, text)) = path::file(section, "archive", base, out)? else { return Ok(None) };
    match archives.digest(&path) {
        Ok(digest) => Ok(Some((path, digest))),
        Err(why) => {
            let help = match why {
                Unusable::TooLarge(_) => "this is not an archive of sources, which has about a thousandth of that",
                _ => "name a `.tar.gz` of the sources, with one folder at its top, as MooseFS publishes them",
            };
            Err(out.report(path::unusable("archive", &text, &path, &why, Code::InvalidArchive, help)))
        }
    }
}

/// What is in it is removed and made anew, in a folder of its own; `/` is nobody's own.
fn work_dir(section: &Section<'_>, out: &mut Findings) -> Read<Option<AbsPath>> {
    let Some(dir) = path::on_host(section, "work_dir", out)? else { return Ok(None) };
    if !dir.as_str().split('/').all(|part| matches!(part, "" | ".")) {
        return Ok(Some(dir));
    }
    let span = section.value("work_dir").map_or(section.span.clone(), toml::Spanned::span);
    Err(out.report(
        Finding::new(Code::InvalidWorkDir, span, "`work_dir` cannot be `/`").help(format!(
            "name a folder for this program's own files, or leave it out: it is {DEFAULT_WORK_DIR} then"
        )),
    ))
}

fn commands(install: &Section<'_>, place: Place, out: &mut Findings) -> Read<Option<Kind>> {
    let known: Vec<&str> = place.roles.iter().map(|role| key(*role)).collect();
    let Some(section) = install.section("commands", place.commands, &known, out)? else { return Ok(None) };
    let read: Vec<_> = place.roles.iter().map(|role| (*role, section.text(key(*role), out))).collect();
    let mut by_role = Vec::new();
    for (role, text) in read {
        if let Some(text) = text? {
            by_role.push((role, command(&text, out)?));
        }
    }
    Ok(Some(Kind::Commands { span: section.span.clone(), by_role }))
}

/// A command is the operator's own shell, so a shell's characters are its purpose. Only what a person could not see in
/// the preview is refused.
fn command(Text { text, span }: &Text<'_>, out: &mut Findings) -> Read<String> {
    let why = if text.trim().is_empty() {
        "it is empty"
    } else if text.contains(['\n', '\r']) {
        "it has more than one line"
    } else if text.chars().any(char::is_control) {
        "it has a control character"
    } else {
        return Ok((*text).to_owned());
    };
    Err(out.report(
        Finding::new(Code::InvalidCommand, span.clone(), format!("invalid install command {}: {why}", quote(text)))
            .help("write one line of shell; put a longer recipe into a script on the host and call that"),
    ))
}

/// The key of `role` in `commands`.
pub(super) fn key(role: Role) -> &'static str {
    match role {
        Role::Master => "master",
        Role::Metalogger => "metalogger",
        Role::Chunkserver => "chunkserver",
        Role::Client => "client",
    }
}
