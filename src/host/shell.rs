//! The one place where text becomes POSIX sh. PURE.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// How to become root on a host. Always without a prompt: there is no terminal to ask on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Become {
    /// `sudo -n`
    Sudo,
    /// `doas -n`
    Doas,
}

/// `word` as one word for a POSIX shell.
///
/// # Panics
/// Never for text of this program: plans are refused for NUL characters, the only thing that cannot be quoted.
#[must_use]
pub fn quote(word: &str) -> Cow<'_, str> {
    shlex::try_quote(word).expect("a plan holds no NUL characters")
}

/// The last line of every command's output: whoever sees it knows that the command ended, and how. A connection that
/// was lost shows no such line, and that is the difference between *failed* and *unknown*.
pub const EXIT_MARK: &str = "mfsupgrade-exit=";

/// How everything that is sent begins, whatever the login shell is.
pub const AT_ROOT: &str = "cd / && ";

/// `script` as it is sent: run by `/bin/sh` whatever the login shell is, as root where `become` says how, without
/// input, with stderr in its place among stdout, and with the [`EXIT_MARK`] behind it.
///
/// The second `/bin/sh` keeps the operator's own commands from ending or swallowing the mark.
#[must_use]
pub fn wrap(script: &str, r#become: Option<Become>) -> String {
    let marked = format!("/bin/sh -c {} </dev/null 2>&1\nprintf '\\n{EXIT_MARK}%d\\n' \"$?\"", quote(script));
    wrap_stream(&marked, r#become)
}

/// `script` as it is sent when its input or output is a stream of bytes: run by `/bin/sh`, as root where `become` says how,
/// and nothing else. Whether it did all of its work is for checksums to tell.
///
/// From the root folder: a login's own folder may be on MooseFS, and whatever works there keeps its mount busy (sudo among
/// them, which waits for what it runs).
#[must_use]
pub fn wrap_stream(script: &str, r#become: Option<Become>) -> String {
    let prefix = match r#become {
        None => "",
        Some(Become::Sudo) => "sudo -n -- ",
        Some(Become::Doas) => "doas -n -- ",
    };
    format!("{AT_ROOT}exec {prefix}/bin/sh -c {}", quote(script))
}

/// Splits what a wrapped command printed into its own output and its exit code; no code: the end was not seen.
#[must_use]
pub fn unwrap(output: &str) -> (String, Option<i32>) {
    match output.rfind(EXIT_MARK) {
        Some(at) => {
            let code = output[at + EXIT_MARK.len()..].trim_end().parse().ok();
            let own = output[..at].strip_suffix('\n').unwrap_or(&output[..at]);
            (own.to_owned(), code)
        }
        None => (output.to_owned(), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(command: &str) -> String {
        let output = std::process::Command::new("/bin/sh").arg("-c").arg(command).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn a_wrapped_command_tells_its_exit_code_and_keeps_its_output() {
        let (output, code) = unwrap(&sh(&wrap("echo out; echo err >&2; exit 7", None)));
        assert_eq!((output.as_str(), code), ("out\nerr\n", Some(7)));
    }

    #[test]
    fn nothing_works_in_the_folder_of_the_login() {
        let home = tempfile::tempdir().unwrap();
        for sent in [wrap("pwd; readlink /proc/$PPID/cwd", None), wrap_stream("pwd; readlink /proc/$$/cwd", None)] {
            let output = std::process::Command::new("/bin/sh").args(["-c", &sent]).current_dir(home.path()).output();
            let output = String::from_utf8(output.unwrap().stdout).unwrap();
            assert!(output.starts_with("/\n/\n"), "{output}");
        }
    }

    #[test]
    fn an_operators_command_cannot_swallow_the_mark() {
        for evil in ["exit 3", "exec false", "cat <<EOF\nopen", "echo 'unbalanced", "exec >/dev/null; true"] {
            let (_, code) = unwrap(&sh(&wrap(evil, None)));
            assert!(code.is_some(), "{evil}");
        }
    }

    #[test]
    fn output_without_the_mark_is_unknown() {
        assert_eq!(unwrap("half of"), ("half of".to_owned(), None));
        assert_eq!(unwrap("x\nmfsupgrade-exit="), ("x".to_owned(), None));
    }

    #[test]
    fn whatever_is_quoted_arrives_as_one_word() {
        for word in
            ["plain", "two words", "it's", "$(id)", "`id`", "a;b|c&d", "*", "~root", "\\", "\"", "!x", "-n", "x\ny"]
        {
            assert_eq!(sh(&format!("printf %s {}", quote(word))), word);
        }
    }
}
