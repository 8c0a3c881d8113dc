//! The other commands of a simulated host that do something to MooseFS: package tools, `umount`, `unshare`.

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
use crate::rehearsal::procfs;
use crate::rehearsal::site::Site;

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

/// Installs a release.
pub fn perform(call: &Call, version: &Version, prefixes: &[String]) -> ExitCode {
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

/// `umount [-l] MOUNTPOINT`, `fusermount -u[z] MOUNTPOINT`.
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
    let lazy = call.argv[1..].iter().any(|word| word == "-l" || word == "--lazy" || word == "-uz");
    if lazy && works_in(site, &point) {
        // out of everybody's sight, and its process goes on for those who have it open
        let _ = mounts::unmount(site, &point);
        site.mark_changed();
        return ExitCode::SUCCESS;
    }
    if works_in(site, &point) {
        if site.has(FaultName::UmountBusy) {
            site.record(&call.program, &call.version, What::FaultActed { fault: FaultName::UmountBusy.to_string() });
        }
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

/// `unshare -m`, for the two things that a look does with it: seeing whether it works, and listing what is under a mount,
/// whose folder and name are the last words.
pub fn unshare(call: &Call) -> ExitCode {
    match &call.argv[1..] {
        [option, program] if option == "-m" && program == "true" => ExitCode::SUCCESS,
        [option, .., folder, name] if option == "-m" => {
            let point = format!("{}/{name}", call.site.seen(folder).trim_end_matches('/'));
            match mounts::under(&call.site, &point) {
                Ok(names) => {
                    names.iter().for_each(|name| println!("{name}"));
                    ExitCode::SUCCESS
                }
                Err(error) => {
                    eprintln!("unshare: {point}: {error} (simulated)");
                    ExitCode::FAILURE
                }
            }
        }
        _ => {
            eprintln!("unshare: unshare failed: Operation not permitted (simulated)");
            ExitCode::FAILURE
        }
    }
}

/// Whether a process of the host works in a folder of the mount.
fn works_in(site: &Site, point: &str) -> bool {
    let below = site.real(point);
    procfs::living(&site.root).iter().any(|process| {
        process.mount_point.is_none()
            && fs::read_link(site.real(&format!("/proc/{}/cwd", process.pid))).is_ok_and(|cwd| cwd.starts_with(&below))
    })
}
