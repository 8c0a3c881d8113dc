//! From `install` of the plan and of a section to what is done on the hosts of one role.

use std::sync::Arc;

use super::code::Code;
use super::configure::Configure;
use super::finding::{Finding, Findings, ROOT, Read, Span};
use super::install::{InstallKeys, Kind, key};
use super::local::Digest;
use super::model::{Archive, Install, InstallHow};
use super::path;
use crate::host::AbsPath;
use crate::moosefs::daemon::Role;

/// Where `./configure` without `--prefix` puts MooseFS.
const DEFAULT_PREFIX: &str = "/usr/local";

/// Survives a reboot, is on a disk, and belongs to programs like this one (FHS).
pub(super) const DEFAULT_WORK_DIR: &str = "/var/lib/mfsupgrade";

/// How to install on the hosts of a section with `role`: `own` over `global`, prefix by prefix and kind by kind.
pub(super) fn install(
    global: Option<&InstallKeys>,
    own: Option<&InstallKeys>,
    role: Role,
    section: &Span,
    out: &mut Findings,
) -> Read<Arc<Install>> {
    let written = || own.into_iter().chain(global);
    let (prefix, said) = match written().find_map(InstallKeys::prefix) {
        Some((prefix, span)) => (prefix.clone(), span.clone()),
        None => (path::default(DEFAULT_PREFIX), section.clone()),
    };
    let how = match written().find_map(|keys| keys.kind.as_ref()) {
        Some(Kind::SourceDir(dir)) => InstallHow::SourceDir(dir.clone()),
        Some(Kind::Archive { path, digest, configure }) => {
            let Digest { sha256, bytes } = digest.clone();
            let configure = configured(configure, &prefix, &said, out)?;
            InstallHow::Archive(Archive { path: path.clone(), sha256, bytes, configure })
        }
        Some(Kind::Commands { span, by_role }) => match by_role.iter().find(|(of, _)| *of == role) {
            Some((_, command)) => InstallHow::Command(command.clone()),
            None => return Err(out.report(missing_command(role, span, section))),
        },
        None => {
            let place = written().next().map_or(section, |keys| &keys.span);
            let places = ["source_dir", "archive", "commands"].map(|key| ("[install]", key));
            return Err(out.report(
                Finding::new(
                    Code::NoInstall,
                    place.clone(),
                    format!("the plan does not say how to install on a {role}"),
                )
                .lacks(places.into_iter().chain([(ROOT, "install")]))
                .help("give `source_dir`, `archive` or `commands` under [install], or under `install` in each section"),
            ));
        }
    };
    let work_dir = match written().find_map(|keys| keys.work_dir.as_ref()) {
        Some(dir) => dir.clone(),
        None => path::default(DEFAULT_WORK_DIR),
    };
    Ok(Arc::new(Install { how, prefix, work_dir }))
}

/// The arguments of `./configure`, which must be for `prefix`, said at `said`.
fn configured(configure: &Configure, prefix: &AbsPath, said: &Span, out: &mut Findings) -> Read<Vec<String>> {
    match &configure.prefix {
        None => Ok([&[format!("--prefix={prefix}")], configure.arguments.as_slice()].concat()),
        Some((own, _)) if own == prefix => Ok(configure.arguments.clone()),
        Some((own, span)) => Err(out.report(
            Finding::new(
                Code::ConflictingPrefix,
                said.clone(),
                format!("the daemons are built for {own} and looked for in {prefix}"),
            )
            .label("looked for here")
            .related(span.clone(), "built for here")
            .help("leave `--prefix` out of `configure`: it is added with what `prefix` says"),
        )),
    }
}

fn missing_command(role: Role, commands: &Span, section: &Span) -> Finding {
    Finding::new(Code::MissingInstallCommand, commands.clone(), format!("no command installs on a {role}"))
        .label(format!("`{}` is not here", key(role)))
        .related(section.clone(), "needed for the hosts of this section")
        .help(format!("add `{} = \"…\"`, or give the section an `install` of its own", key(role)))
}
