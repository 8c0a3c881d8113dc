//! The command line as a user meets it: no terminal, no colour, a state folder of its own, no host contacted.

mod broken;
mod completions;
mod escapes;
#[path = "../golden.rs"]
mod golden;
mod here;
mod house;
mod journal;
mod plans;
mod preview;
mod promises;
mod refusals;
mod runs;

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// The program in an empty environment but for what it needs.
fn mfsupgrade(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mfsupgrade"));
    command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).env_clear().stdin(Stdio::null());
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", "/nonexistent");
    command
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}
