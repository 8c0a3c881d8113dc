//! `[install]`: how the new release gets onto a host, for the whole plan and for a section that does it another way.

use std::sync::Arc;

use super::code::Code;
use super::finding::{Finding, Findings, Read, Span};
use super::keys;
use super::model::{Install, InstallHow};
use super::path;
use super::render::quote;
use super::section::{Section, Text};
use crate::host::AbsPath;
use crate::moosefs::daemon::Role;

/// Where `./configure` without `--prefix` puts MooseFS.
pub(super) const DEFAULT_PREFIX: &str = "/usr/local";

/// Survives a reboot, is on a disk, and belongs to programs like this one (FHS).
pub(super) const DEFAULT_WORK_DIR: &str = "/var/lib/mfsupgrade";

/// An `install` table as it is written, with what it leaves open.
#[derive(Debug, Clone)]
pub(super) struct InstallKeys {
    span: Span,
    prefix: Option<AbsPath>,
    kind: Option<Kind>,
}

#[derive(Debug, Clone)]
enum Kind {
    SourceDir(AbsPath),
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
    roles: &[Role::Master, Role::Chunkserver, Role::Client],
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

/// Reads `install` in `parent`.
pub(super) fn read(parent: &Section<'_>, place: Place, out: &mut Findings) -> Read<Option<InstallKeys>> {
    let Some(section) = parent.section("install", place.title, keys::INSTALL, out)? else { return Ok(None) };
    let source_dir = path::on_host(&section, "source_dir", out);
    let commands = commands(&section, place, out);
    let prefix = path::on_host(&section, "prefix", out);
    if let (Some(first), Some(second)) = (section.value("source_dir"), section.value("commands")) {
        return Err(out.report(
            Finding::new(
                Code::TwoKindsOfInstall,
                second.span(),
                format!("{} has both `source_dir` and `commands`", section.title),
            )
            .label("one way to install")
            .related(first.span(), "and another")
            .help("keep `source_dir` for a built tree on every host, or `commands` for anything else"),
        ));
    }
    let kind = match (source_dir?, commands?) {
        (Some(dir), _) => Some(Kind::SourceDir(dir)),
        (None, commands) => commands,
    };
    Ok(Some(InstallKeys { span: section.span.clone(), prefix: prefix?, kind }))
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
fn key(role: Role) -> &'static str {
    match role {
        Role::Master => "master",
        Role::Metalogger => "metalogger",
        Role::Chunkserver => "chunkserver",
        Role::Client => "client",
    }
}

/// How to install on the hosts of a section with `role`: `own` over `global`, prefix by prefix and kind by kind.
pub(super) fn resolve(
    global: Option<&InstallKeys>,
    own: Option<&InstallKeys>,
    role: Role,
    section: &Span,
    out: &mut Findings,
) -> Read<Arc<Install>> {
    let written = || own.into_iter().chain(global);
    let how = match written().find_map(|keys| keys.kind.as_ref()) {
        Some(Kind::SourceDir(dir)) => InstallHow::SourceDir(dir.clone()),
        Some(Kind::Commands { span, by_role }) => match by_role.iter().find(|(of, _)| *of == role) {
            Some((_, command)) => InstallHow::Command(command.clone()),
            None => return Err(out.report(missing_command(role, span, section))),
        },
        None => {
            let place = written().next().map_or(section, |keys| &keys.span);
            return Err(out.report(
                Finding::new(
                    Code::NoInstall,
                    place.clone(),
                    format!("the plan does not say how to install on a {role}"),
                )
                .help("give `source_dir` or `commands` under [install], or under `install` in each section"),
            ));
        }
    };
    let prefix = match written().find_map(|keys| keys.prefix.as_ref()) {
        Some(prefix) => prefix.clone(),
        None => path::default(DEFAULT_PREFIX),
    };
    Ok(Arc::new(Install { how, prefix, work_dir: path::default(DEFAULT_WORK_DIR) }))
}

fn missing_command(role: Role, commands: &Span, section: &Span) -> Finding {
    Finding::new(Code::MissingInstallCommand, commands.clone(), format!("no command installs on a {role}"))
        .label(format!("`{}` is not here", key(role)))
        .related(section.clone(), "needed for the hosts of this section")
        .help(format!("add `{} = \"…\"`, or give the section an `install` of its own", key(role)))
}
