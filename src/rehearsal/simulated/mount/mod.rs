//! The simulated mfsmount: takes a mount point, holds a session at the master, and reads files all the time as an
//! application would, to see whether anybody who uses the mount would have noticed something.

mod data_path;
mod options;

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tokio::signal::unix::{SignalKind, signal};

use self::data_path::DataPath;
use self::options::{MountOptions, Parsed};
use super::Call;
use super::config::Places;
use crate::moosefs::releases::Traits;
use crate::rehearsal::event::What;
use crate::rehearsal::{mounts, procfs};

pub use self::data_path::{GOES_OF_A_ROUND, Watch};

const PROGRAM: &str = "mfsmount";

fn parse(call: &Call, traits: &Traits) -> Parsed {
    let words: Vec<String> = call.argv[1..].iter().map(|word| call.site.seen(word)).collect();
    if !traits.sessions {
        return options::parse_old(&words);
    }
    let defaults = if traits.mount_file { defaults(call, traits) } else { Vec::new() };
    options::parse_new(&[defaults, words].concat())
}

/// The words of mfsmount.cfg, which come before those of the command line (main.c @ 1.6.27).
fn defaults(call: &Call, traits: &Traits) -> Vec<String> {
    let places = Places { prefix: call.prefix(), program: PROGRAM.to_owned() };
    let file = call.site.real(&places.etc(&call.site, traits, "mfsmount.cfg"));
    options::file_words(&std::fs::read_to_string(file).unwrap_or_default())
}

/// The command, as a shell calls it.
pub fn command(call: &Call) -> ExitCode {
    let traits = Traits::of(&call.version);
    match parse(call, &traits) {
        Parsed::Exit(text, code) => {
            eprintln!("{text}");
            return ExitCode::from(code);
        }
        Parsed::AskPassword => {
            eprint!("MFS Password:");
            // there is no terminal: it hangs as long as stdin does (hazard 27 of docs/findings.md)
            let _ = std::io::stdin().read_to_end(&mut Vec::new());
            return ExitCode::FAILURE;
        }
        Parsed::Mount(_) => {}
    }
    let child = Command::new(&call.site.program)
        .args(["__simulated", "daemon:mfsmount", &call.version.to_string()])
        .args(&call.argv)
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        eprintln!("fork error");
        return ExitCode::FAILURE;
    };
    let mut failed = false;
    if let Some(mut words) = child.stderr.take() {
        let mut piece = [0; 4096];
        while let Ok(length @ 1..) = words.read(&mut piece) {
            failed = piece[length - 1] == 0;
            let _ = std::io::stderr().write_all(&piece[..length - usize::from(failed)]);
        }
    }
    call.site.mark_changed();
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// The mount's own process.
pub fn child(call: &Call) -> ExitCode {
    let traits = Traits::of(&call.version);
    let Parsed::Mount(options) = parse(call, &traits) else { return ExitCode::FAILURE };
    let _ = rustix::process::setsid();
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return ExitCode::FAILURE;
    };
    let outcome = runtime.block_on(live(call, traits, &options));
    runtime.shutdown_background();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            call.site.record(PROGRAM, &call.version, What::StartFailed { reason: reason.clone() });
            // a zero as the last byte tells the parent
            let _ = std::io::stderr().write_all(format!("{reason}\n\0").as_bytes());
            ExitCode::FAILURE
        }
    }
}

async fn live(call: &Call, traits: Traits, options: &MountOptions) -> Result<(), String> {
    let site = &call.site;
    let record = |what| site.record(PROGRAM, &call.version, what);
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
    tokio::spawn(super::daemon::end_with_the_rehearsal(site.clone()));
    let mut data_path = DataPath::new(site.clone(), call.version.clone(), traits.clone(), options);

    // 1.6 connects before it goes to the background, 1.5 behind its mount, for ever
    if traits.sessions {
        data_path.first_session().await?;
        eprintln!("mfsmaster accepted connection (simulated {})", call.version);
    }
    let line = options::mounts_line(options, traits.sessions);
    let special = if traits.sessions { ".masterinfo" } else { ".master" };
    mounts::mount(site, &options.mount_point, &line, special).map_err(|error| error.to_string())?;
    let looks = procfs::Appearance {
        program: PROGRAM,
        name: PROGRAM,
        version: &call.version,
        argv: &call.argv,
        exe: &call.exe(),
        cwd: &site.root,
        uid: 0,
        mount_point: Some(&options.mount_point),
    };
    procfs::appear(site, &looks).map_err(|error| format!("simulation: no process entry: {error}"))?;
    record(What::Mounted { mount_point: options.mount_point.clone() });
    super::daemon::close_words();

    tokio::select! {
        () = data_path.watch() => {}
        _ = terminate.recv() => {}
    }
    match mounts::owner(site, &options.mount_point) {
        Some(owner) if owner == std::process::id() => drop(mounts::unmount(site, &options.mount_point)),
        // one that was taken away lazily takes away who has its place since
        Some(other) if traits.unmounts_by_name => {
            let _ = mounts::unmount(site, &options.mount_point);
            if let Some(pid) = i32::try_from(other).ok().and_then(Pid::from_raw) {
                let _ = kill_process(pid, Signal::TERM);
            }
        }
        _ => {}
    }
    record(What::Unmounted { mount_point: options.mount_point.clone() });
    record(What::Ended { clean: true });
    procfs::disappear(&site.root, i32::try_from(std::process::id()).unwrap_or(0));
    Ok(())
}
