//! A release's archive for rehearsals and tests: a real `.tar.gz` of the form of MooseFS's own, with nothing in it that
//! could be built. On a simulated host its `configure` becomes the simulation's, as that of a real archive does.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use semver::Version;

/// Writes the archive of a simulated release.
///
/// # Errors
/// It cannot be written, or this machine has no `tar`.
pub fn simulated_archive(file: &Path, version: &Version) -> io::Result<()> {
    let made = tempfile::Builder::new().prefix("mfsupgrade-archive-").tempdir()?;
    let top = format!("mfs-{version}");
    for folder in ["mfscommon", "mfsmaster", "mfsmetalogger", "mfschunkserver", "mfsmount", "mfsmetarestore"] {
        fs::create_dir_all(made.path().join(&top).join(folder))?;
        fs::write(made.path().join(&top).join(folder).join("Makefile.in"), "# simulated\n")?;
    }
    let configure = made.path().join(&top).join("configure");
    fs::write(
        &configure,
        format!(
            "#!/bin/sh\n# simulated: builds nothing; a rehearsal puts its own in this place\n\
             PACKAGE_NAME='mfs'\nPACKAGE_VERSION='{version}'\necho 'this archive is good for rehearsals only' >&2\nexit 1\n"
        ),
    )?;
    fs::set_permissions(configure, fs::Permissions::from_mode(0o755))?;
    let status = Command::new("tar").arg("-czf").arg(file).arg("-C").arg(made.path()).arg(top).status()?;
    if status.success() { Ok(()) } else { Err(io::Error::other("tar failed")) }
}
