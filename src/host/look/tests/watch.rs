//! A look that hangs is ended on its host, by every shell that hosts have, and nothing stays behind one that did not.

use std::time::{Duration, Instant};

use super::super::watch::watched;
use super::by;
use super::survey::shells;
use crate::host::HostFacts;
use crate::host::look::{Look, UnreadableLook, script_of};
use crate::host::sh::Script;

/// A number of seconds that nobody else sleeps, so that its processes are found.
fn seconds(n: u32) -> u64 {
    100_000_000 + u64::from(std::process::id()) * 10 + u64::from(n)
}

/// Processes of this machine in whose command line `word` is an argument, or a part of one.
fn with(word: &str) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let lines = processes.filter_map(|path| std::fs::read(path.join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    lines.filter(|line| line.contains(word)).collect()
}

/// What was killed is gone soon, and not at once.
fn until_gone(word: &str, shell: &[&str]) {
    let begun = Instant::now();
    loop {
        let left = with(word);
        if left.is_empty() {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{shell:?} has left {left:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_look_that_hangs_is_ended_on_its_host_and_says_where() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for (n, shell) in shells().enumerate() {
        let word = seconds(u32::try_from(n).unwrap()).to_string();
        for (hangs, at) in [
            // as one did that met a path without a slash
            (format!("while :; do : {word}; done"), None),
            (format!("echo 'uid\t0'; printf half; x=$(sleep {word}); echo end"), Some(format!("sleep {word}"))),
            (format!("sleep {word} | cat | cat"), Some(format!("sleep {word}"))),
            (format!(": {word}; cat {}; :", pipe.display()), Some(format!("cat {}", pipe.display()))),
            // what does not listen, and what goes on behind it
            (format!("trap '' HUP INT TERM USR1; sleep {word} & wait; wait"), Some(format!("sleep {word}"))),
        ] {
            let output = by(shell, watched(&Script::of_test(&hangs), 1).as_str());
            assert_eq!(output.status.code(), Some(124), "{hangs} with {shell:?}");
            let said = String::from_utf8(output.stdout).unwrap();
            let Err(late) = HostFacts::parse(&said) else { panic!("{hangs} with {shell:?}: {said}") };
            let UnreadableLook::Late { seconds: 1, at: told } = &late else { panic!("{hangs} with {shell:?}: {said}") };
            assert!(at.iter().all(|at| told.contains(at)), "{hangs} with {shell:?}: {said}");
            let told = late.to_string();
            assert!(told.starts_with("it had not ended after 1 s and was ended there"), "{told}");
            assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{hangs} with {shell:?}");
            until_gone(&word, shell);
        }
    }
}

#[test]
fn what_is_looked_at_is_read_back_from_what_is_sent() {
    let survey = Look { survey: true, ..Look::default() };
    for look in [Look::default(), survey] {
        assert_eq!(script_of(&look.script()).as_deref(), Some(look.asked().as_str()));
        assert_eq!((script_of(look.asked().as_str()), script_of("umount /mnt/mfs")), (None, None));
    }
}

#[test]
fn nothing_stays_behind_a_look_that_ended() {
    for (n, shell) in shells().enumerate() {
        let long = seconds(u32::try_from(n).unwrap() + 5);
        // it leaves something at work with its output open, as one does that counts who uses a mount
        let script = format!("sleep {long} & echo 'uid\t0'; echo said >&2; echo end; exit 3");
        let output = by(shell, watched(&Script::of_test(&script), long).as_str());
        assert_eq!(output.status.code(), Some(3), "{shell:?}");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "uid\t0\nend\n", "{shell:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "said\n", "{shell:?}");
        until_gone(&long.to_string(), shell);
    }
}

#[test]
fn a_host_without_setsid_is_looked_at_all_the_same() {
    let script = watched(&Script::of_test("echo 'uid\t0'; exit 3"), 7);
    for shell in shells().filter(|shell| shell[0].starts_with('/')) {
        let output = by(shell, &format!("PATH=/nowhere\n{}", script.as_str()));
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(3), &b"uid\t0\n"[..]), "{shell:?}");
    }
}
