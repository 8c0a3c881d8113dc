//! The simulation's stand-in for a host of its own: a *textual* chroot. A real one needs root.
//!
//! On the way in, every absolute path at the beginning of a word of the command gets the host's folder put before it; on
//! the way out, the host's folder is cut from everything that is printed. What passes through stdin, what a program
//! makes of relative paths, and paths that a shell puts together from pieces are not touched. Never a wall: a command
//! that wants to leave can.

use std::path::Path;

/// Translates a command for a host whose file system is `root`. `top` are the names at the top of that file system: only
/// what begins with one of them is a path (so `sed '/x/d'` stays what it is).
#[must_use]
pub fn inward(command: &str, root: &str, top: &[String]) -> String {
    let mut translated = String::with_capacity(command.len() + 64);
    let mut before = None;
    for (at, c) in command.char_indices() {
        if c == '/' && begins_word(before) && is_path(&command[at..], root, top) {
            translated.push_str(root);
        }
        translated.push(c);
        before = Some(c);
    }
    translated
}

/// `#` is for `${path#/proc/}`.
fn begins_word(before: Option<char>) -> bool {
    before.is_none_or(|c| c.is_whitespace() || "\"'=:(;|&<>`#".contains(c))
}

fn is_path(text: &str, root: &str, top: &[String]) -> bool {
    let end = text.find(|c: char| c.is_whitespace() || "\"';|&()<>`$*?[]{}:=,\\".contains(c)).unwrap_or(text.len());
    let path = &text[..end];
    if path.len() == 1 {
        // a bare `/` is the root only where nothing else can be meant: `cd /`, `df /;`, and not `a / b`
        let rest = text[end..].trim_start_matches(' ');
        return rest.is_empty() || rest.starts_with([';', '&', '|', ')', '\n']) || text[end..].starts_with(['"', '\'']);
    }
    // the tools and devices of this machine stay reachable, but for what the host has itself
    if ["/bin/", "/usr/bin/", "/sbin/", "/usr/sbin/", "/dev/"].iter().any(|folder| path.starts_with(folder)) {
        let name = path.rsplit('/').next().unwrap_or_default();
        // one device a host has of its own, or lacks
        return path == "/dev/fuse" || name.starts_with("mfs") || Path::new(root).join(&path[1..]).exists();
    }
    path[1..].split('/').next().is_some_and(|first| top.iter().any(|name| name == first))
}

/// Cuts the host's folder from a stream, whatever pieces it comes in.
#[derive(Debug)]
pub struct Outward {
    root: Vec<u8>,
    kept: Vec<u8>,
}

impl Outward {
    /// For a host whose file system is `root`.
    #[must_use]
    pub fn new(root: &str) -> Self {
        Self { root: root.as_bytes().to_vec(), kept: Vec::new() }
    }

    /// What can be shown after `more` has come.
    pub fn push(&mut self, more: &[u8]) -> Vec<u8> {
        self.kept.extend_from_slice(more);
        self.take(false)
    }

    /// What is left when the stream has ended.
    pub fn finish(mut self) -> Vec<u8> {
        self.take(true)
    }

    fn take(&mut self, ended: bool) -> Vec<u8> {
        let mut shown = Vec::with_capacity(self.kept.len());
        let mut at = 0;
        while at < self.kept.len() {
            let rest = &self.kept[at..];
            if rest.starts_with(&self.root) {
                match rest.get(self.root.len()) {
                    // the character behind decides whether this was the root itself, so it is waited for
                    None if !ended => break,
                    Some(b'/') => {}
                    // `/tmp/x` is not the beginning of `/tmp/xy`
                    Some(c) if c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.') => {
                        shown.extend_from_slice(&self.root);
                    }
                    _ => shown.push(b'/'),
                }
                at += self.root.len();
            } else if !ended && self.root.starts_with(rest) {
                break;
            } else {
                let next = rest[1..].iter().position(|b| *b == self.root[0]).map_or(rest.len(), |p| p + 1);
                shown.extend_from_slice(&rest[..next]);
                at += next;
            }
        }
        self.kept.drain(..at);
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn top() -> Vec<String> {
        ["proc", "usr", "etc", "mnt", "var", "tmp"].map(str::to_owned).to_vec()
    }

    #[test]
    fn a_path_that_begins_a_word_is_put_below_the_root() {
        for (command, expected) in [
            ("cat /proc/mounts", "cat R/proc/mounts"),
            ("for p in /proc/[0-9]*; do echo ${p#/proc/}; done", "for p in R/proc/[0-9]*; do echo ${p#R/proc/}; done"),
            ("x='/etc/a b'; cat \"/var/x\">/tmp/y", "x='R/etc/a b'; cat \"R/var/x\">R/tmp/y"),
            ("PATH=/usr/a:/usr/b (/usr/local/sbin/mfsmaster)", "PATH=R/usr/a:R/usr/b (R/usr/local/sbin/mfsmaster)"),
            ("cd / && ls", "cd R/ && ls"),
            ("cd /; ls /", "cd R/; ls R/"),
        ] {
            assert_eq!(inward(command, "R", &top()), expected);
        }
    }

    #[test]
    fn what_is_no_path_of_the_host_is_left_alone() {
        for command in [
            "/bin/sh -c x",
            "/usr/bin/env",
            "cat </dev/null 2>/dev/null",
            "sed '/x/d'",
            "echo $((a / b)) a/b",
            "ls x//y",
        ] {
            assert_eq!(inward(command, "/nowhere", &top()), command);
        }
        assert_eq!(inward("/usr/bin/mfsmount", "R", &top()), "R/usr/bin/mfsmount");
        assert_eq!(inward("[ -e /dev/fuse ] </dev/null", "R", &top()), "[ -e R/dev/fuse ] </dev/null");
    }

    #[test]
    fn the_root_is_cut_from_output_in_any_pieces() {
        let output = b"a /tmp/r/usr/x /tmp/r\n/tmp/rest /tmp/r";
        for size in 1..output.len() {
            let mut cut = Outward::new("/tmp/r");
            let mut shown = Vec::new();
            for piece in output.chunks(size) {
                shown.extend(cut.push(piece));
            }
            shown.extend(cut.finish());
            assert_eq!(String::from_utf8(shown).unwrap(), "a /usr/x /\n/tmp/rest /", "in pieces of {size}");
        }
    }
}
