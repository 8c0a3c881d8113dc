//! What `make install` puts on a simulated host: small scripts in place of programs, and the sample configuration.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use semver::Version;
use serde::{Deserialize, Serialize};

use super::procfs;
use super::simulated::config::Places;
use super::simulated::owners::{self, DAEMON};
use super::simulated::{ARGUMENT, ROOT_VARIABLE};
use super::site::Site;
use crate::moosefs::metadata;
use crate::moosefs::releases::Traits;

/// What mfstools are called.
const TOOLS: &[&str] = &[
    "mfscheckfile",
    "mfsdirinfo",
    "mfsfileinfo",
    "mfsgetgoal",
    "mfsgettrashtime",
    "mfsrgetgoal",
    "mfsrgettrashtime",
    "mfsrsetgoal",
    "mfsrsettrashtime",
    "mfssetgoal",
    "mfssettrashtime",
    "mfssnapshot",
    "mfstools",
];
/// Sample configuration files.
const SAMPLES: &[&str] = &["mfsmaster.cfg", "mfschunkserver.cfg", "mfshdd.cfg", "mfsexports.cfg", "mfsmetalogger.cfg"];
/// Marks a source tree of the simulation.
const TREE: &str = ".simulated-tree";

/// A configured and built source tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tree {
    /// The release that it is.
    pub version: Version,
    /// The prefix that it was configured for.
    pub prefix: String,
    /// Whether `make` has been said in it.
    pub built: bool,
    /// Programs that `make` leaves out, as it does where `./configure` was told so or lacks what they need.
    #[serde(default)]
    pub left_out: Vec<String>,
}

/// A script that stands for `program`. The version line is the one that the real programs carry.
#[must_use]
pub fn script(site: &Site, program: &str, version: &Version) -> String {
    format!(
        "#!/bin/sh\n# simulated: this stands for a program of MooseFS in a rehearsal\n\
         # @(#) version: {version}, written by Jakub Kruszona-Zawadzki (simulated)\n\
         export {ROOT_VARIABLE}='{}'\nexec '{}' {ARGUMENT} {program} {version} \"$0\" \"$@\"\n",
        site.root.display(),
        site.program.display(),
    )
}

/// Writes an executable file, in place of whatever is there; processes that run the old one keep it.
///
/// # Errors
/// The host's folder cannot be written.
pub fn write_program(site: &Site, path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    procfs::replace_program(&site.root, path)?;
    fs::write(path, text)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

/// Installs a release: programs, tools, samples. Live configuration of an older one is left alone (seen: 1.6.27 over 1.5.12).
///
/// # Errors
/// The host's folder cannot be written.
pub fn install(site: &Site, prefix: &str, version: &Version) -> io::Result<()> {
    let traits = Traits::of(version);
    let logger: &[&str] = if traits.metaloggers { &["sbin/mfsmetalogger"] } else { &[] };
    let programs = ["sbin/mfsmaster", "sbin/mfschunkserver", "sbin/mfsmetarestore", "bin/mfsmount"];
    for program in programs.iter().chain(logger) {
        let name = program.rsplit('/').next().unwrap_or(program);
        write_program(site, &site.real(&format!("{prefix}/{program}")), &script(site, name, version))?;
    }
    for tool in TOOLS {
        write_program(site, &site.real(&format!("{prefix}/bin/{tool}")), &script(site, tool, version))?;
    }
    let samples = site.real(&format!("{prefix}/etc{}", if traits.etc_mfs { "/mfs" } else { "" }));
    fs::create_dir_all(&samples)?;
    // and metadata.mfs.empty with them
    let suffix = if traits.installs_samples { ".dist" } else { "" };
    for sample in SAMPLES {
        let file = samples.join(format!("{sample}{suffix}"));
        let known = *sample != "mfsexports.cfg" && *sample != "mfsmetalogger.cfg" || traits.exports;
        if known && (traits.installs_samples || !file.exists()) {
            fs::write(file, sample_text(sample))?;
        }
    }
    let data = site.real(&format!("{prefix}/var/mfs"));
    if !data.exists() {
        fs::create_dir_all(&data)?;
        owners::belongs_to(site, &format!("{prefix}/var/mfs"), DAEMON)?;
    }
    if traits.installs_samples {
        fs::write(data.join("metadata.mfs.empty"), metadata::EMPTY)?;
    }
    Ok(())
}

fn sample_text(name: &str) -> &'static str {
    match name {
        "mfsmaster.cfg" => "# simulated sample\n# WORKING_USER = nobody\n# MATOCU_LISTEN_PORT = 9421\n",
        "mfsmetalogger.cfg" => "# simulated sample\n# WORKING_USER = nobody\n# MASTER_HOST = mfsmaster\n",
        "mfschunkserver.cfg" => "# simulated sample\n# WORKING_USER = nobody\n# MASTER_HOST = mfsmaster\n",
        "mfshdd.cfg" => "/mnt/hd1\n",
        "mfsexports.cfg" => "*\t/\trw,alldirs,maproot=0\n*\t.\trw\n",
        _ => "# simulated sample\n",
    }
}

/// Makes a source tree in which `make install` installs `version` to `prefix`: configured and built.
///
/// # Errors
/// The host's folder cannot be written.
pub fn make_tree(site: &Site, folder: &str, prefix: &str, version: &Version) -> io::Result<()> {
    let left_out = Vec::new();
    let tree = Tree { version: version.clone(), prefix: prefix.to_owned(), built: false, left_out };
    let folder = site.real(folder);
    fs::create_dir_all(&folder)?;
    write_program(site, &folder.join("configure"), &script(site, "configure", version))?;
    configure_tree(site, &folder, &tree)?;
    build_tree(site, &folder, &tree)
}

/// What `./configure` leaves in a tree.
///
/// # Errors
/// The host's folder cannot be written.
pub fn configure_tree(site: &Site, folder: &Path, tree: &Tree) -> io::Result<()> {
    let Tree { version, prefix, .. } = tree;
    fs::write(folder.join("Makefile"), format!("# simulated\nVERSION = {version}\nprefix = {prefix}\n"))?;
    fs::write(folder.join("config.log"), format!("# simulated\nPACKAGE_VERSION='{version}'\nprefix='{prefix}'\n"))?;
    let places = Places { prefix: prefix.clone(), program: String::new() };
    let (user, group) = DAEMON.split_once(':').unwrap_or((DAEMON, DAEMON));
    let defined = [
        ("PACKAGE_VERSION", version.to_string()),
        ("ETC_PATH", format!("{prefix}/etc")),
        ("DATA_PATH", places.data()),
        ("RUN_PATH", places.run()),
        ("DEFAULT_USER", user.to_owned()),
        ("DEFAULT_GROUP", group.to_owned()),
    ];
    let lines: String = defined.iter().map(|(name, value)| format!("#define {name} \"{value}\"\n")).collect();
    fs::write(folder.join("config.h"), format!("/* simulated */\n{lines}"))?;
    write_program(site, &folder.join("config.status"), "#!/bin/sh\n# simulated\n")?;
    fs::write(folder.join(TREE), serde_json::to_vec(tree)?)
}

/// What `make` leaves in a configured tree.
///
/// # Errors
/// The host's folder cannot be written.
pub fn build_tree(site: &Site, folder: &Path, tree: &Tree) -> io::Result<()> {
    let logger: &[&str] = if Traits::of(&tree.version).metaloggers { &["mfsmetalogger"] } else { &[] };
    let programs = ["mfsmaster", "mfschunkserver", "mfsmount", "mfsmetarestore"];
    for program in programs.iter().chain(logger).filter(|program| !tree.left_out.iter().any(|out| out == *program)) {
        write_program(site, &folder.join(program).join(program), &script(site, program, &tree.version))?;
    }
    fs::write(folder.join(TREE), serde_json::to_vec(&Tree { built: true, ..tree.clone() })?)
}

/// The tree in a folder of this machine.
#[must_use]
pub fn tree_at(folder: &Path) -> Option<Tree> {
    serde_json::from_slice(&fs::read(folder.join(TREE)).ok()?).ok()
}
