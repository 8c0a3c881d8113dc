//! A password in mfsexports.cfg is in no list of processes, in nothing that a run says, and in files alone that nobody else can
//! read: on both sides, over real ssh, with the daemons simulated.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use mfsupgrade::plan::Mode;
use mfsupgrade::rehearsal::{Cluster, Options};
use rustix::process::{Pid, Signal, kill_process};

use crate::second::{Operator, text};
use crate::support::{WALKED, options, plan};

/// Looks at the command lines of all processes, which anybody can read, until it is told to end: those with one of `secrets`, and
/// whether any had `seen` in it.
fn watch(secrets: [String; 2], seen: &'static str, end: Arc<AtomicBool>) -> JoinHandle<(Vec<String>, bool)> {
    std::thread::spawn(move || {
        let (mut told, mut met) = (Vec::new(), false);
        while !end.load(Ordering::Relaxed) {
            for entry in std::fs::read_dir("/proc").unwrap().filter_map(Result::ok) {
                let Ok(line) = std::fs::read(entry.path().join("cmdline")) else { continue };
                let line = String::from_utf8_lossy(&line);
                met |= line.contains(seen);
                if secrets.iter().any(|secret| line.contains(secret)) {
                    told.push(line.replace('\0', " "));
                }
            }
        }
        (told, met)
    })
}

/// Every file below `folder` that has `secret` in it.
fn files_with(folder: &Path, secret: &str, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().filter_map(|entry| entry.ok()) {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            files_with(&entry.path(), secret, found);
        } else if kind.is_file() {
            let content = std::fs::read(entry.path()).unwrap_or_default();
            if content.windows(secret.len()).any(|window| window == secret.as_bytes()) {
                found.push(entry.path());
            }
        }
    }
}

/// All that `command` says, on both streams; `at` a word it gets Ctrl-C.
fn all_words(mut command: Command, at: Option<&str>) -> (i32, String) {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let errors = std::thread::spawn(move || {
        let mut words = Vec::new();
        stderr.read_to_end(&mut words).unwrap();
        String::from_utf8_lossy(&words).into_owned()
    });
    let (mut stdout, mut all, mut told) = (BufReader::new(child.stdout.take().unwrap()), String::new(), false);
    loop {
        let before = all.len();
        if stdout.read_line(&mut all).unwrap() == 0 {
            break;
        }
        if at.is_some_and(|word| all[before..].contains(word)) && !told {
            kill_process(Pid::from_child(&child), Signal::INT).unwrap();
            told = true;
        }
    }
    let code = child.wait().unwrap().code().unwrap();
    (code, all + &errors.join().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_of_the_exports_is_in_files_of_their_owner_alone() {
    let original = plan("1.6.27", Mode::Rolling, 1, 0);
    let cluster = Cluster::start(&original, Options { speed: WALKED, ..options(&[]) }).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let now = jiff::Timestamp::now().as_nanosecond();
    let (secret, sum) = (format!("Hidden{}x{now}", std::process::id()), format!("{:032x}", now));
    let exports = folder.path().join("exports.cfg");
    let rules = format!(
        "* / rw,alldirs,maproot=0\n10.9.0.0/16 /a rw,password={secret},alldirs\n10.8.0.0/16 /b md5pass={sum}\n"
    );
    std::fs::write(&exports, rules).unwrap();
    let text = format!("{}[config]\nexports = {exports:?}\n", text(&cluster.ssh().config.unwrap()));
    let anna = Operator::new(folder.path(), "anna", &text);

    let end = Arc::new(AtomicBool::new(false));
    let watcher = watch([secret.clone(), sum.clone()], "trial.exports", end.clone());
    let words = tokio::task::block_in_place(|| {
        let plan = anna.plan.to_str().unwrap();
        let run = |arguments: &[&str], code: i32, at: Option<&str>| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_mfsupgrade"));
            command.args(arguments).env("MFSUPGRADE_STATE_DIR", &anna.folder);
            let (ended, words) = all_words(command, at);
            assert_eq!(ended, code, "{arguments:?} said: {words}");
            words
        };
        let mut words = run(&["plan", plan, "--format", "json"], 0, None);
        words += &run(&["plan", plan, "--observe"], 0, None);
        words += &run(&["plan", plan, "--observe", "--format", "json"], 0, None);
        words += &run(&["check", plan], 0, None);
        // what is gone on with knows the text as well
        words += &run(&["upgrade", plan, "--yes", "--log", "json"], 10, Some("\"event\":\"step-done\""));
        words += &run(&["status", "--format", "json"], 0, None);
        words += &run(&["resume", "--log", "plain", "--verbose"], 0, None);
        words += &run(&["rollback", "--dry-run"], 0, None);
        words + &run(&["rollback", "--dry-run", "--format", "json"], 0, None)
    });
    assert!(words.contains("password=…") && words.contains("md5pass=…"), "the rules are shown: {words}");
    end.store(true, Ordering::Relaxed);
    let (told, met) = watcher.join().unwrap();
    assert!(told.is_empty(), "told to everybody on the host: {told:?}");
    assert!(met, "no process of the trial was seen: the watcher is blind");
    let place = cluster.root("master").join("usr/local/etc/mfs/mfsexports.cfg");
    let written = std::fs::read_to_string(&place).unwrap();
    assert!(written.contains(&secret) && written.contains(&sum), "it was written as it is: {written}");
    for word in [&secret, &sum] {
        assert!(!words.contains(word.as_str()), "it was said: {words}");
        let mut files = Vec::new();
        files_with(&anna.folder, word, &mut files);
        files_with(cluster.dir(), word, &mut files);
        assert!(files.contains(&place), "{files:?}");
        for file in files {
            let mode = file.metadata().unwrap().permissions().mode() & 0o777;
            // the master reads its own as another user than root
            let most = if file == place { 0o640 } else { 0o600 };
            assert_eq!(mode & !most, 0, "{} has mode {mode:o}", file.display());
        }
    }
}
