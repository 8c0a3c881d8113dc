//! The other commands of a simulated host that do something to MooseFS: `make install`, package tools, `umount`.

use std::fs;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use semver::Version;

use super::Call;
use crate::rehearsal::event::What;
use crate::rehearsal::fault::FaultName;
use crate::rehearsal::install;
use crate::rehearsal::mounts;

/// `make install` in, or with `-C` for, a source tree of the simulation.
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
            "make: *** No rule to make target 'install'.  Stop. (simulated: no source tree of the rehearsal in {seen})"
        );
        return ExitCode::from(2);
    };
    if targets != ["install"] {
        println!("make: Nothing to be done for '{}'. (simulated)", targets.join(" "));
        return ExitCode::SUCCESS;
    }
    perform(call, &tree.version, &[tree.prefix])
}

/// A package tool: any call that asks for an installation brings the plan's target; every other call does nothing.
pub fn package(call: &Call) -> ExitCode {
    const ASKS: &[&str] = &["install", "upgrade", "update", "dist-upgrade", "-i", "-U", "-Uvh", "-Fvh", "--install"];
    // `apt-get update` fetches lists; `dnf update` installs
    let fetches = call.program.starts_with("apt") && call.argv.iter().any(|word| word == "update");
    if fetches || !call.argv.iter().any(|word| ASKS.contains(&word.as_str())) {
        println!("{}: nothing to do (simulated)", call.program);
        return ExitCode::SUCCESS;
    }
    let target = call.site.target.clone();
    perform(call, &target, &call.site.prefixes.clone())
}

fn perform(call: &Call, version: &Version, prefixes: &[String]) -> ExitCode {
    let site = &call.site;
    if site.has(FaultName::InstallFails) && *version == site.target {
        site.record(&call.program, version, What::InstallFailed);
        site.record(&call.program, version, What::FaultActed { fault: FaultName::InstallFails.to_string() });
        eprintln!("/usr/bin/install: cannot create regular file: No space left on device (simulated)");
        eprintln!("{}: *** [install] Error 1", call.program);
        return ExitCode::from(2);
    }
    for prefix in prefixes {
        if let Err(error) = install::install(site, prefix, version) {
            eprintln!("{}: {error}", call.program);
            return ExitCode::from(2);
        }
        println!("MooseFS {version} installed in {prefix} (simulated)");
        site.record(&call.program, version, What::Installed { prefix: prefix.clone() });
    }
    site.mark_changed();
    ExitCode::SUCCESS
}

/// `umount MOUNTPOINT`, `fusermount -u MOUNTPOINT`.
pub fn umount(call: &Call) -> ExitCode {
    let site = &call.site;
    let fuse = call.program.starts_with("fusermount");
    let Some(point) = call.argv[1..].iter().rfind(|word| !word.starts_with('-')).map(|word| site.seen(word)) else {
        eprintln!("{}: no mount point given (simulated)", call.program);
        return ExitCode::FAILURE;
    };
    let point = if point.len() > 1 { point.trim_end_matches('/').to_owned() } else { point };
    let Some(pid) = mounts::owner(site, &point) else {
        if fuse {
            eprintln!("fusermount: entry for {point} not found in /etc/mtab (simulated)");
            return ExitCode::FAILURE;
        }
        eprintln!("umount: {point}: not mounted. (simulated)");
        return ExitCode::from(32);
    };
    if site.has(FaultName::UmountBusy) {
        site.record(&call.program, &call.version, What::FaultActed { fault: FaultName::UmountBusy.to_string() });
        if fuse {
            eprintln!("fusermount: failed to unmount {point}: Device or resource busy (simulated)");
            return ExitCode::FAILURE;
        }
        eprintln!("umount: {point}: target is busy. (simulated)");
        return ExitCode::from(32);
    }
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, Signal::TERM);
    }
    // the mount's process takes the mount away; one that is dead cannot, and leaves it to this
    let began = Instant::now();
    while mounts::owner(site, &point).is_some() {
        let alive = fs::metadata(site.real(&format!("/proc/{pid}"))).is_ok();
        if !alive || began.elapsed() > Duration::from_secs(5) {
            let _ = mounts::unmount(site, &point);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    site.mark_changed();
    ExitCode::SUCCESS
}
