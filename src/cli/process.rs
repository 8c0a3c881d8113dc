//! This process among others: a word of its own, and whether one that was named so before has ended.

use std::fs;
use std::sync::OnceLock;

use crate::words::hex;
use rustix::process::{Pid, test_kill_process};

/// Bytes of a word: nobody draws the same twice.
const BYTES: usize = 16;

/// A word that no other process has: the same one however often it is asked for.
pub(super) fn word() -> std::io::Result<String> {
    static WORD: OnceLock<String> = OnceLock::new();
    if let Some(word) = WORD.get() {
        return Ok(word.clone());
    }
    let mut bytes = [0; BYTES];
    let mut drawn = 0;
    while drawn < BYTES {
        drawn += rustix::rand::getrandom(&mut bytes[drawn..], rustix::rand::GetRandomFlags::empty())?;
    }
    Ok(WORD.get_or_init(|| hex(bytes)).clone())
}

/// Where a process runs: the machine's boot, the space of numbers that its own is from, its number and when it was started.
/// Empty where the kernel tells nothing of it.
pub(super) fn here() -> String {
    named(std::process::id()).unwrap_or_default()
}

fn named(pid: u32) -> Option<String> {
    let (boot, space) = machine()?;
    Some(format!("{boot} {space} {pid} {}", started(pid)?.0))
}

fn machine() -> Option<(String, String)> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?.trim().to_owned();
    let space = fs::read_link("/proc/self/ns/pid").ok()?.to_string_lossy().into_owned();
    Some((boot, space))
}

/// When it was started, and in which state it is.
fn started(pid: u32) -> Option<(String, String)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let words: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    Some(((*words.get(19)?).to_owned(), (*words.first()?).to_owned()))
}

/// Whether the process that was told of by [`here`] is known to have ended. One of another machine, of another boot, or in
/// another space of numbers is not known to.
pub(super) fn has_ended(told: &str) -> bool {
    let words: Vec<&str> = told.split(' ').collect();
    let [boot, space, pid, start] = words[..] else { return false };
    if machine().is_none_or(|here| (here.0.as_str(), here.1.as_str()) != (boot, space)) {
        return false;
    }
    let Some(number) = pid.parse::<i32>().ok().and_then(Pid::from_raw) else { return false };
    if test_kill_process(number) == Err(rustix::io::Errno::SRCH) {
        return true;
    }
    let now = pid.parse().ok().and_then(started);
    now.is_some_and(|(now, state)| now != start || matches!(state.as_str(), "Z" | "X"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_kept_for_as_long_as_the_process_runs() {
        let first = word().unwrap();
        assert_eq!((first.len(), &word().unwrap()), (2 * BYTES, &first));
    }

    #[test]
    fn a_process_has_ended_when_its_own_machine_says_so_and_no_other() {
        let mut child = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
        let told = named(child.id()).unwrap();
        assert!(!has_ended(&told) && !has_ended(&here()));
        // its number was given out again
        let (first, start) = told.rsplit_once(' ').unwrap();
        assert!(has_ended(&format!("{first} {}", start.parse::<u64>().unwrap() + 1)));
        child.kill().unwrap();
        // nobody has waited for it yet, or somebody has
        while !has_ended(&told) {
            std::thread::yield_now();
        }
        child.wait().unwrap();
        assert!(has_ended(&told));
        let boot = told.split(' ').next().unwrap();
        assert!(!has_ended(&told.replacen(boot, "another-boot", 1)), "of another machine");
        assert!(!has_ended(&told.replacen("pid:[", "pid:[9", 1)), "of another container");
        assert!(!has_ended("") && !has_ended("nothing of ours"));
    }
}
