//! Who owns a file on a simulated host: `chown`, and `stat` where it is asked for owners. Everything here belongs to the
//! user who rehearses; what the host shows is root, the daemons' user where the past left its files, or what `chown` said.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::UNIX_EPOCH;

use super::Call;
use crate::rehearsal::site::Site;

/// The user and group that the daemons run as (the default of 1.5 and of 1.6).
pub const DAEMON: &str = "nobody:nogroup";
const ROOT: &str = "root:root";
/// Folders whose contents belong to somebody, one a line.
const RULES: &str = "owners.rules";
/// What `chown` said, by file.
const SAID: &str = "owners";

/// Everything below `path` is `owner`'s, whoever makes it.
///
/// # Errors
/// The host's folder cannot be written.
pub fn belongs_to(site: &Site, path: &str, owner: &str) -> io::Result<()> {
    let mut rules = fs::read_to_string(site.sim(RULES)).unwrap_or_default();
    rules.push_str(&format!("{path}\t{owner}\n"));
    fs::write(site.sim(RULES), rules)
}

/// A file, also when it was moved: its inode, and when that was made, as numbers are given out again.
fn key(path: &Path) -> io::Result<String> {
    let facts = fs::symlink_metadata(path)?;
    let made = facts.created().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok()).map_or(0, |t| t.as_nanos());
    Ok(format!("{}-{made}", facts.ino()))
}

/// Whether a daemon that runs as `user`, in no other group than the daemons', may write in a folder.
#[must_use]
pub fn may_write(site: &Site, user: &str, folder: &Path) -> bool {
    may(site, user, folder, 2)
}

/// Whether a daemon that runs as `user`, in no other group than the daemons', may read a file and reaches it.
#[must_use]
pub fn may_read(site: &Site, user: &str, file: &Path) -> bool {
    let mut above = file.ancestors().skip(1).take_while(|folder| *folder != site.root);
    may(site, user, file, 4) && above.all(|folder| may(site, user, folder, 1))
}

fn may(site: &Site, user: &str, path: &Path, bit: u32) -> bool {
    let mode = fs::metadata(path).map_or(0, |facts| facts.mode());
    let owner = owner_behind(site, path);
    let (owner, group) = owner.split_once(':').unwrap_or((&owner, ""));
    let theirs = DAEMON.split(':').nth(1).unwrap_or_default();
    let shift = match (owner == user, group == theirs) {
        (true, _) => 6,
        (false, true) => 3,
        (false, false) => 0,
    };
    user == "root" || mode >> shift & bit != 0
}

/// `OWNER:GROUP` of what a link leads to, or of the file itself.
fn owner_behind(site: &Site, path: &Path) -> String {
    match fs::symlink_metadata(path) {
        Ok(facts) if facts.is_symlink() => owner_of(site, &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())),
        _ => owner_of(site, path),
    }
}

/// `OWNER:GROUP` of a file on this machine.
pub fn owner_of(site: &Site, path: &Path) -> String {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    if let Ok(owner) = key(&path).and_then(|key| fs::read_to_string(site.sim(SAID).join(key))) {
        return owner;
    }
    let seen = site.seen(&path.to_string_lossy());
    // a process's folder is its user's
    if let Some(pid) = seen.strip_prefix("/proc/").and_then(|rest| rest.split('/').next()?.parse::<u32>().ok()) {
        let status = fs::read_to_string(site.real(&format!("/proc/{pid}/status"))).unwrap_or_default();
        return if status.contains("\nUid:\t65534\t") { DAEMON } else { ROOT }.to_owned();
    }
    let rules = fs::read_to_string(site.sim(RULES)).unwrap_or_default();
    let rule = rules
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .rfind(|(folder, _)| seen.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
    rule.map_or(ROOT, |(_, owner)| owner).to_owned()
}

/// `chown [-R] OWNER[:GROUP] FILE…`
pub fn chown(call: &Call) -> ExitCode {
    let (options, words): (Vec<&String>, Vec<&String>) = call.argv[1..].iter().partition(|word| word.starts_with('-'));
    let [owner, files @ ..] = &words[..] else {
        eprintln!("chown: missing operand (simulated)");
        return ExitCode::FAILURE;
    };
    let recursive = options.iter().any(|option| option.contains('R') || *option == "--recursive");
    for file in files {
        if let Err(error) = give(&call.site, Path::new(file.as_str()), owner, recursive) {
            eprintln!("chown: cannot access '{}': {error} (simulated)", call.site.seen(file));
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn give(site: &Site, path: &Path, owner: &str, recursive: bool) -> io::Result<()> {
    let key = key(path)?;
    let was = owner_of(site, path);
    let (user, group) = owner.split_once([':', '.']).unwrap_or((owner, ""));
    let (old_user, old_group) = was.split_once(':').unwrap_or((&was, &was));
    let or = |new: &str, old: &str| if new.is_empty() { old.to_owned() } else { new.to_owned() };
    fs::create_dir_all(site.sim(SAID))?;
    fs::write(site.sim(SAID).join(key), format!("{}:{}", or(user, old_user), or(group, old_group)))?;
    if recursive && fs::symlink_metadata(path)?.is_dir() {
        for entry in fs::read_dir(path)? {
            give(site, &entry?.path(), owner, true)?;
        }
    }
    Ok(())
}

/// `chroot --userspec=UID:GID … FOLDER sh -c TEXT sh FILE…` of a look, which says which of the files are not for that user: there is none
/// but the daemons' here.
pub fn tried(call: &Call) -> ExitCode {
    let user = call.argv.iter().find_map(|word| word.strip_prefix("--userspec=")?.split(':').next());
    let user = if user == Some("65534") { "nobody" } else { "root" };
    let files = call.argv.iter().skip_while(|word| *word != "-c").skip(3);
    for file in files {
        let path = Path::new(file.as_str());
        let bits: &[u32] = if path.is_dir() { &[4, 2, 1] } else { &[4, 2] };
        if !bits.iter().all(|bit| may(&call.site, user, path, *bit)) {
            println!("{file}");
        }
    }
    ExitCode::SUCCESS
}

/// `stat -c FORMAT FILE…` with an owner in the format; everything else is this machine's own.
pub fn stat(call: &Call) -> ExitCode {
    let (mut format, mut options, mut files) = (None, Vec::new(), Vec::new());
    let mut words = call.argv[1..].iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "-c" => format = words.next().cloned(),
            word if word.starts_with("--format=") => format = word.split_once('=').map(|(_, text)| text.to_owned()),
            word if word.starts_with("-c") => format = Some(word[2..].to_owned()),
            word if word.starts_with('-') => options.push(word.to_owned()),
            word => files.push(word.to_owned()),
        }
    }
    let mut well = true;
    for file in files {
        let follows = options.iter().any(|option| option == "-L" || option == "--dereference");
        let owner =
            if follows { owner_behind(&call.site, Path::new(&file)) } else { owner_of(&call.site, Path::new(&file)) };
        let filled = fill(format.as_deref().unwrap_or("%n"), &owner);
        let status = Command::new("/usr/bin/stat").args(&options).arg("-c").arg(filled).arg(&file).status();
        well &= status.is_ok_and(|status| status.success());
    }
    if well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn fill(format: &str, owner: &str) -> String {
    let (user, group) = owner.split_once(':').unwrap_or((owner, owner));
    let number = |name: &str| match name {
        "root" => "0".to_owned(),
        "nobody" | "nogroup" => "65534".to_owned(),
        name if name.parse::<u32>().is_ok() => name.to_owned(),
        _ => "1000".to_owned(),
    };
    let mut filled = String::new();
    let mut letters = format.chars();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            filled.push(letter);
            continue;
        }
        match letters.next() {
            Some('U') => filled.push_str(user),
            Some('G') => filled.push_str(group),
            Some('u') => filled.push_str(&number(user)),
            Some('g') => filled.push_str(&number(group)),
            other => filled.extend(std::iter::once('%').chain(other)),
        }
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_are_filled_into_a_format_and_nothing_else() {
        assert_eq!(fill("%a %U:%G %u %g %s%%U", "nobody:nogroup"), "%a nobody:nogroup 65534 65534 %s%%U");
        assert_eq!(fill("%U", "mfs:mfs"), "mfs");
    }
}
