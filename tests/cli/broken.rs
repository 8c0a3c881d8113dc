//! stdout and stderr that are closed, full, or gone in the middle: of every command, and never an exit code that
//! docs/exit-codes.md does not have.

use std::fs::OpenOptions;
use std::io::{PipeReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use jiff::Timestamp;
use mfsupgrade::cli::exit::Exit;
use mfsupgrade::journal::{JournalSink, NewRun, Origin, Record, StateFolder};
use mfsupgrade::plan::Plan;
use mfsupgrade::schedule::compile;

use crate::{command, write};

/// How a stream is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// It is not.
    Whole,
    /// `>&-`
    Closed,
    /// A disk without space.
    Full,
    /// A pipe that nobody reads any more.
    Gone,
    /// A pipe of which somebody reads the first byte.
    GoneInTheMiddle,
}

use Way::{Closed, Full, Gone, GoneInTheMiddle, Whole};

/// What stdout and stderr are.
const WAYS: [(Way, Way); 12] = [
    (Closed, Whole),
    (Whole, Closed),
    (Closed, Closed),
    (Full, Whole),
    (Whole, Full),
    (Full, Full),
    (Gone, Whole),
    (Whole, Gone),
    (Gone, Gone),
    (GoneInTheMiddle, Whole),
    (Whole, GoneInTheMiddle),
    (GoneInTheMiddle, GoneInTheMiddle),
];

impl Way {
    fn stream(self) -> (Stdio, Option<PipeReader>) {
        match self {
            Closed => (Stdio::null(), None),
            Full => (OpenOptions::new().write(true).open("/dev/full").unwrap().into(), None),
            Whole | Gone | GoneInTheMiddle => {
                let (reader, writer) = std::io::pipe().unwrap();
                (writer.into(), (self != Gone).then_some(reader))
            }
        }
    }

    /// What a reader does: everything, or a byte.
    fn read(self, reader: PipeReader) -> Vec<u8> {
        let (mut reader, mut read) = (reader, Vec::new());
        match self {
            Whole => drop(reader.read_to_end(&mut read)),
            _ => drop((&mut reader).take(1).read_to_end(&mut read)),
        }
        read
    }
}

/// Runs a command with its streams in these ways: its exit code, and what was read of stdout and stderr.
fn run(arguments: &[&str], (out, err): (Way, Way)) -> (Option<i32>, [Vec<u8>; 2]) {
    let closes = [(out, ">&-"), (err, "2>&-")].into_iter().filter(|(way, _)| *way == Closed).map(|(_, words)| words);
    let script = format!("exec \"$0\" \"$@\" {}", closes.collect::<Vec<_>>().join(" "));
    let plain = command(arguments);
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", &script]).arg(plain.get_program()).args(plain.get_args()).stdin(Stdio::null());
    shell.current_dir(env!("CARGO_MANIFEST_DIR")).env_clear();
    shell.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let ((stdout, out_reader), (stderr, err_reader)) = (out.stream(), err.stream());
    let mut child = shell.stdout(stdout).stderr(stderr).spawn().unwrap();
    // its ends of the pipes
    drop(shell);
    let read = std::thread::scope(|scope| {
        let reads = [(out, out_reader), (err, err_reader)];
        let reads = reads.map(|(way, reader)| scope.spawn(move || reader.map(|r| way.read(r)).unwrap_or_default()));
        reads.map(|read| read.join().unwrap())
    });
    (child.wait().unwrap().code(), read)
}

/// The code that a command ends with when nothing is broken is what it ends with. Only where what it has to say on stdout does not
/// fit there, that is an error.
fn ends_as_it_should(arguments: &[&str]) {
    let (code, [out, _]) = run(arguments, (Whole, Whole));
    let known = |code: Option<i32>| code.and_then(|code| u8::try_from(code).ok()).and_then(Exit::of);
    assert!(known(code).is_some(), "{arguments:?} ends with {code:?}");
    for ways in WAYS {
        let (broken, _) = run(arguments, ways);
        let expected = if ways.0 == Full && !out.is_empty() { Some(1) } else { code };
        assert_eq!(broken, expected, "{arguments:?} with {ways:?}");
    }
}

/// A plan whose hosts do not answer, and a state folder with a run by it that was killed.
fn nowhere(folder: &Path) -> (String, String, String) {
    // port 9 of this machine: nothing answers there
    let config = write(folder, "ssh_config", "Host *\n  HostName 127.0.0.1\n  Port 9\n");
    let source = format!(
        "[upgrade]\nfrom = \"1.5.12\"\nto = \"1.6.27\"\n[ssh]\nconfig = \"{config}\"\n[install]\nsource_dir = \"/s\"\n\
         [master]\nhost = \"m\"\n[[chunkservers]]\nhosts = [\"c\"]\n[[clients]]\nhosts = [\"d\"]\n"
    );
    let plan = write(folder, "plan.toml", &source);
    let read = Plan::load(Path::new(&plan)).unwrap().plan;
    let schedule = compile(&read, None, read.line());
    let state = StateFolder::new(Some(&folder.join("state"))).unwrap();
    let origin = Origin::default();
    let new = NewRun { plan: &read, schedule: &schedule, observation: None, origin: &origin };
    let mut run = state.begin(&new, Timestamp::now()).unwrap();
    let (_, _, step) = schedule.steps().next().unwrap();
    run.append(Record::Intent { step: step.id.clone(), at: Timestamp::now() }).unwrap();
    (plan, folder.join("state").to_str().unwrap().to_owned(), folder.join("none").to_str().unwrap().to_owned())
}

#[test]
fn whatever_becomes_of_stdout_and_stderr_every_command_ends_with_a_code_of_the_table() {
    let folder = tempfile::tempdir().unwrap();
    let (plan, state, none) = nowhere(folder.path());
    let bad = write(folder.path(), "bad.toml", "[upgrade]\nfrom = 1\n");
    let commands: &[&[&str]] = &[
        &[],
        &["--help"],
        &["--version"],
        &["--nonsense"],
        &["help", "upgrade"],
        &["explain"],
        &["explain", "mount-busy"],
        &["explain", "nothing"],
        &["completions", "bash"],
        &["completions", "zsh"],
        &["completions", "fish"],
        &["plan", &plan],
        &["plan", &plan, "--format", "json"],
        &["plan", "plans/large.toml", "--format", "json"],
        &["plan", &plan, "--observe"],
        &["plan", &bad],
        &["plan", &bad, "--format", "json"],
        &["plan", "nowhere.toml"],
        &["check", &plan],
        &["check", &plan, "--format", "json"],
        &["upgrade", &plan, "--dry-run"],
        &["upgrade", &plan, "--state-dir", &none],
        &["upgrade", &plan, "--yes", "--log", "json", "--state-dir", &none],
        &["upgrade", &plan, "--yes", "--log", "plain", "--state-dir", &none],
        &["upgrade", &plan, "--yes", "--state-dir", &state],
        &["status", "--state-dir", &none],
        &["status", "--state-dir", &state],
        &["status", "--format", "json", "--state-dir", &state],
        &["status", "nothing", "--state-dir", &state],
        &["resume", "--state-dir", &none],
        &["resume", "--log", "json", "--state-dir", &state],
        &["resume", "--log", "plain", "--state-dir", &state],
        &["rollback", "--state-dir", &state],
        &["rollback", "--dry-run", "--state-dir", &state],
        &["rollback", "--dry-run", "--format", "json", "--state-dir", &state],
        &["rehearse", &bad],
        &["rehearse", &plan, "--fault", "does-not-come-back@nobody"],
    ];
    // two runs of one state folder at a time are another matter
    let (alone, together): (Vec<&[&str]>, Vec<&[&str]>) =
        commands.iter().copied().partition(|words| words.contains(&state.as_str()));
    std::thread::scope(|scope| {
        scope.spawn(|| alone.iter().for_each(|words| ends_as_it_should(words)));
        for part in together.chunks(together.len().div_ceil(3)) {
            scope.spawn(move || part.iter().for_each(|words| ends_as_it_should(words)));
        }
    });
}

/// Every subcommand is in the table above, and has its help.
#[test]
fn the_help_of_every_subcommand_ends_well_wherever_it_goes() {
    let definition = mfsupgrade::cli::definition();
    let names: Vec<&str> = definition.get_subcommands().map(clap::Command::get_name).collect();
    let table = include_str!("broken.rs");
    for name in names {
        assert!(table.contains(&format!("&[\"{name}\"")), "no command of the table above is {name}");
        ends_as_it_should(&[name, "--help"]);
    }
}
