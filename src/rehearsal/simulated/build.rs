//! From an archive to an installation on a simulated host: `tar`, `./configure`, `make`, `make install`. Archives are
//! unpacked by this machine's own `tar`; a tree of MooseFS that comes of it gets the simulation's `configure` in place of
//! its own, and so nothing of MooseFS is ever built.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use semver::Version;

use super::Call;
use super::tools::perform;
use crate::rehearsal::clock;
use crate::rehearsal::event::What;
use crate::rehearsal::fault::FaultName;
use crate::rehearsal::install::{self, Tree};
use crate::rehearsal::procfs;

/// `tar`, which is this machine's.
pub fn tar(call: &Call) -> ExitCode {
    let words = &call.argv[1..];
    let extracts = words.first().is_some_and(|first| first.trim_start_matches('-').starts_with('x'))
        || words.iter().any(|word| word == "--extract");
    if call.site.has(FaultName::NoSpace) {
        call.site.record(&call.program, &call.version, What::FaultActed { fault: FaultName::NoSpace.to_string() });
        eprintln!("tar: Cannot write: No space left on device (simulated)");
        return ExitCode::from(2);
    }
    if extracts {
        replace_programs(call, words);
    }
    let code = match Command::new("/usr/bin/tar").args(words).status() {
        Ok(status) => status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(2),
        Err(error) => {
            eprintln!("tar: {error}");
            2
        }
    };
    if extracts && code == 0 {
        let folder = words.windows(2).find(|pair| pair[0] == "-C" || pair[0] == "--directory").map(|pair| &pair[1]);
        let folder = folder.map_or_else(|| PathBuf::from("."), PathBuf::from);
        take_over(call, &folder);
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            take_over(call, &entry.path());
        }
    }
    ExitCode::from(code)
}

/// A program that is unpacked over one that runs is another file: the process keeps the old one.
fn replace_programs(call: &Call, words: &[String]) {
    let behind = |option: fn(&str) -> bool| words.windows(2).find(|pair| option(&pair[0])).map(|pair| &pair[1]);
    let file = behind(|word| word.starts_with("-x") && word.ends_with('f'));
    let (Some(file), Some(folder)) = (file, behind(|word| word == "-C")) else { return };
    // names behind the options: these and nothing else
    let only = words.iter().skip(1).filter(|word| !word.starts_with('-') && *word != file && *word != folder);
    let Ok(list) = Command::new("/usr/bin/tar").args(["-tf", file]).args(only).output() else { return };
    for name in String::from_utf8_lossy(&list.stdout).lines().filter(|name| name.contains("bin/mfs")) {
        let program = Path::new(folder).join(name);
        if program.is_file() {
            let _ = procfs::replace_program(&call.site.root, &program);
        }
    }
}

/// Puts the simulation's `configure` into a tree of MooseFS.
fn take_over(call: &Call, folder: &Path) {
    let configure = folder.join("configure");
    let Ok(text) = fs::read(&configure) else { return };
    let text = String::from_utf8_lossy(&text);
    let version =
        text.lines().find_map(|line| line.trim().strip_prefix("PACKAGE_VERSION=")?.trim_matches('\'').parse().ok());
    if let (Some(version), true) = (version, folder.join("mfsmaster").is_dir()) {
        let script = install::script(&call.site, "configure", &version);
        let _ = install::write_program(&call.site, &configure, &script);
    }
}

/// `./configure` of an unpacked tree. Only `--prefix` and `--disable-PROGRAM` mean something to the simulated programs.
pub fn configure(call: &Call) -> ExitCode {
    let mut prefix = "/usr/local".to_owned();
    let left_out = call.argv[1..].iter().filter_map(|word| Some(word.strip_prefix("--disable-")?.to_owned())).collect();
    let mut words = call.argv[1..].iter();
    while let Some(word) = words.next() {
        match word.strip_prefix("--prefix") {
            Some("") => prefix = words.next().cloned().unwrap_or(prefix),
            Some(rest) => prefix = rest.trim_start_matches('=').to_owned(),
            None => {}
        }
    }
    let tree = Tree { version: call.version.clone(), prefix: call.site.seen(&prefix), built: false, left_out };
    let folder = call.exe().parent().map(Path::to_owned).unwrap_or_default();
    if let Err(error) = install::configure_tree(&call.site, &folder, &tree) {
        eprintln!("configure: error: {error} (simulated)");
        return ExitCode::from(77);
    }
    println!(
        "configure: MooseFS {} for {} (simulated: --prefix and --disable-PROGRAM are honoured)",
        tree.version, tree.prefix
    );
    ExitCode::SUCCESS
}

/// `make`, `make install` in, or with `-C` for, a configured tree of the simulation.
pub fn make(call: &Call) -> ExitCode {
    let mut folder = std::env::current_dir().unwrap_or_default();
    let mut words = call.argv[1..].iter();
    let mut targets = Vec::new();
    while let Some(word) = words.next() {
        match word.as_str() {
            "-C" => folder = call.site.real(words.next().map_or("/", String::as_str)),
            word if word.starts_with('-') || word.contains('=') => {}
            word => targets.push(word.to_owned()),
        }
    }
    let seen = call.site.seen(&folder.to_string_lossy());
    println!("make: Entering directory '{seen}' (simulated)");
    let Some(tree) = install::tree_at(&folder) else {
        eprintln!(
            "make: *** No rule to make target '{}'.  Stop. (simulated: no configured tree of the rehearsal in {seen})",
            targets.first().map_or("all", String::as_str)
        );
        return ExitCode::from(2);
    };
    let installs = targets == ["install"];
    if !installs && !targets.is_empty() && targets != ["all"] {
        println!("make: Nothing to be done for '{}'. (simulated)", targets.join(" "));
        return ExitCode::SUCCESS;
    }
    if !tree.built
        && let Err(code) = build(call, &folder, &tree)
    {
        return code;
    }
    if installs { perform(call, &tree.version, &[tree.prefix]) } else { ExitCode::SUCCESS }
}

fn build(call: &Call, folder: &Path, tree: &Tree) -> Result<(), ExitCode> {
    let failed = |line: &str| {
        eprintln!("{line}\nmake: *** [all] Error 2");
        ExitCode::from(2)
    };
    clock::spend_blocking(&call.site, call.site.timings.build, Duration::ZERO);
    if call.site.has(FaultName::BuildFails) && is_target(call, &tree.version) {
        call.site.record(&call.program, &tree.version, What::FaultActed { fault: FaultName::BuildFails.to_string() });
        return Err(failed("mfs_fuse.c:21:10: fatal error: fuse.h: No such file or directory (simulated)"));
    }
    if let Err(error) = install::build_tree(&call.site, folder, tree) {
        return Err(failed(&error.to_string()));
    }
    println!("MooseFS {} built (simulated)", tree.version);
    let seen = call.site.seen(&folder.to_string_lossy());
    call.site.record(&call.program, &tree.version, What::Built { tree: seen });
    Ok(())
}

fn is_target(call: &Call, version: &Version) -> bool {
    *version == call.site.target
}
