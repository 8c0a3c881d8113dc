//! Short answers of a host: of its lock, a job, a trial, a copy; and names.

use mfsupgrade::host::lock::{self, Answer};
use mfsupgrade::host::shell::{self, Word};
use mfsupgrade::host::{AbsPath, HostName, MountArguments, job, mount_file};
use mfsupgrade::step::{Copied, TrialFacts};
use mfsupgrade::ui::shown::{self, Shown};

use super::super::corpus;
use super::{Broken, Checked, Target, holds, quiet, text};

const BOUND: u64 = 1 << 20;

pub fn targets() -> Vec<Target> {
    let target = |name, corpus, check| Target { name, corpus, check, bound: BOUND };
    let words = |texts: &[&str]| texts.iter().map(|text| text.as_bytes().to_vec()).collect::<Vec<_>>();
    vec![
        target("lock", corpus::answers("lock-"), check_lock),
        target("job", corpus::answers("job-"), check_job),
        target("trial", corpus::answers("trial-"), check_trial),
        target("copied", corpus::answers("copied-"), check_copied),
        target(
            "mount",
            words(&[
                "-h\0m\0-p\09421\0-l\0/sub\0-w\0/mnt/mfs\0-r\0-c",
                "-m\0-w\0/mnt/meta",
                "/mnt/mfs\0-H\0m\0-P\09421\0-o\0ro,mfsmeta",
            ]),
            check_mount,
        ),
        target("names", words(&["cs1.example.com", "/usr/local/var/mfs", "10.0.0.1"]), check_names),
        target(
            "shown",
            [corpus::answers("job-"), words(&["a\u{1b}[31mred\u{1b}[0m\n", "\u{202e}gpj.exe"])].concat(),
            check_shown,
        ),
    ]
}

fn check_lock(bytes: &[u8]) -> Checked {
    let answer = lock::read(&text(bytes));
    match &answer {
        Some(Answer::Other(holder)) => {
            let _ = holder.walks();
            quiet("who holds a lock", Shown::message(&holder.to_string()).as_str())?;
        }
        Some(Answer::Cannot(why)) => quiet("why there is no lock", Shown::message(why).as_str())?,
        _ => {}
    }
    Ok(answer.is_some())
}

/// What a command printed is read in pieces, and its job's mark in what that gives.
fn check_job(bytes: &[u8]) -> Checked {
    let word = Word::new(0);
    let mut lines = 0;
    let mut reader = shell::Reader::new(&word, 1 << 16);
    let begin = format!("mfsupgrade-begin={}\n", word.as_str());
    for piece in begin.as_bytes().chunks(7).chain(bytes.chunks(13)) {
        let _ = reader.push(piece, &mut |_| lines += 1);
    }
    let answer = reader.end(&mut |_| lines += 1);
    let printed = bytes.iter().filter(|byte| **byte == b'\n').count() + 1;
    holds("begun", answer.begun, || answer.before.clone())?;
    holds("lines", lines <= printed, || format!("{lines} of {printed}"))?;
    let read = job::read(&answer.output, &word);
    if let Some((.., own)) = &read {
        holds("output", answer.output.contains(own), || (*own).to_owned())?;
    }
    Ok(read.is_some())
}

fn check_trial(bytes: &[u8]) -> Checked {
    let facts = TrialFacts::parse(&text(bytes));
    if let Some(facts) = &facts {
        let json = serde_json::to_string(facts).expect("facts are JSON");
        let again: TrialFacts =
            serde_json::from_str(&json).map_err(|error| Broken::new("round trip", error.to_string()))?;
        holds("round trip", again == *facts, || json)?;
    }
    Ok(facts.is_some())
}

fn check_copied(bytes: &[u8]) -> Checked {
    let files = Copied::parse(&text(bytes));
    for file in files.iter().flatten() {
        // a copy is written here under this name
        let plain = !file.name.is_empty() && !file.name.contains('/') && !file.name.starts_with('.');
        holds("inside its folder", plain, || file.name.clone())?;
        holds("a name of a file", !file.name.chars().any(char::is_control), || file.name.clone())?;
    }
    Ok(files.is_some())
}

/// What a mount was made with is what a new one is made with.
fn check_mount(bytes: &[u8]) -> Checked {
    let text = text(bytes);
    let words: Vec<String> = text.split('\0').map(str::to_owned).collect();
    let mut read = false;
    for mount in [MountArguments::read_old(&words), MountArguments::read_new(&words)] {
        match mount {
            Ok(mount) => {
                read = true;
                let _ = mount_file::counts(&text, &mount);
                let again = MountArguments::read_new(&mount.new_words())
                    .map_err(|error| Broken::new("round trip", error.to_string()))?;
                holds("round trip", again == mount, || {
                    format!("{mount:?} is made as {:?}, which is {again:?}", mount.new_words())
                })?;
            }
            Err(error) => quiet("an error", Shown::message(&error.to_string()).as_str())?,
        }
    }
    Ok(read)
}

/// A name is one word of a shell, no option, and comes back as it is.
fn check_names(bytes: &[u8]) -> Checked {
    let text = text(bytes);
    let mut names = Vec::new();
    match HostName::new(&text) {
        Ok(name) => names.push(name.to_string()),
        Err(error) => quiet("an error", Shown::message(&error.to_string()).as_str())?,
    }
    match AbsPath::new(&text) {
        Ok(path) => {
            holds("a whole path", path.as_str().starts_with('/'), || path.to_string())?;
            names.push(path.to_string());
        }
        Err(error) => quiet("an error", Shown::message(&error.to_string()).as_str())?,
    }
    for name in &names {
        holds("no option", !name.starts_with('-'), || name.clone())?;
        let words = shlex::split(&shell::quote(name));
        holds("one word", words.is_some_and(|words| words == [name.clone()]), || name.clone())?;
    }
    Ok(!names.is_empty())
}

/// Whatever is to be shown is shown, and JSON says the same.
fn check_shown(bytes: &[u8]) -> Checked {
    let text = text(bytes);
    for shown in [Shown::line(&text), Shown::text(&text), Shown::message(&text), Shown::output(&text)] {
        quiet("what is printable", shown.as_str())?;
    }
    let json = shown::json(&serde_json::to_string(&text).expect("a string is JSON"));
    quiet("JSON", &json)?;
    let again: String = serde_json::from_str(&json).map_err(|error| Broken::new("round trip", error.to_string()))?;
    holds("round trip", again == *text, || json)?;
    Ok(true)
}
