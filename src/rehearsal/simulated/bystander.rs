//! A process of a simulated host that has nothing to do with MooseFS, and is in the way: it listens on a port, or works
//! in a folder of a mount. `bystander NAME listen PORT`, `bystander NAME in FOLDER`.

use std::io::Read;
use std::net::{SocketAddrV4, TcpListener};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use super::{ARGUMENT, Call};
use crate::rehearsal::procfs;

/// The command, as a shell calls it: returns when the process is there.
pub fn command(call: &Call) -> ExitCode {
    let child = Command::new(&call.site.program)
        .args([ARGUMENT, "daemon:bystander", &call.version.to_string()])
        .args(&call.argv)
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else { return ExitCode::FAILURE };
    let mut said = String::new();
    let _ = child.stderr.take().map(|mut words| words.read_to_string(&mut said));
    if said.is_empty() {
        return ExitCode::SUCCESS;
    }
    eprint!("{said}");
    ExitCode::FAILURE
}

/// The process.
pub fn child(call: &Call) -> ExitCode {
    let [_, name, how, what] = &call.argv[..] else { return ExitCode::FAILURE };
    let port = if how == "listen" { what.parse::<u16>().ok() } else { None };
    let listener = port.map(|port| TcpListener::bind(SocketAddrV4::new(call.site.address, port)));
    if let Some(Err(error)) = &listener {
        eprintln!("{name}: {error} (simulated)");
        return ExitCode::FAILURE;
    }
    let looks = procfs::Appearance {
        program: name,
        name,
        version: &call.version,
        argv: std::slice::from_ref(name),
        exe: &call.site.real(&format!("/usr/bin/{name}")),
        cwd: &call.site.real(if how == "in" { what } else { "/" }),
        uid: 0,
        mount_point: None,
    };
    if let Err(error) = procfs::appear(&call.site, &looks) {
        eprintln!("simulation: no process entry: {error}");
        return ExitCode::FAILURE;
    }
    super::daemon::close_words();
    while call.site.is_alive() {
        std::thread::sleep(Duration::from_millis(400));
    }
    drop(listener);
    ExitCode::SUCCESS
}
