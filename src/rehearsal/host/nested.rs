//! Scripts that are an argument of `sh -c`: what the textual chroot translates is the script and not its quoted form, in
//! which a path's beginning and a pattern's cannot be told apart. PURE.

use crate::host::shell::{AT_ROOT, quote, resent};

/// What may stand before a shell that is called for one script.
const BEFORE: [&str; 2] = ["", "exec "];
const SHELL: &str = "/bin/sh -c ";

/// `command` with its innermost script replaced by what `translate` makes of it.
pub fn within(command: &str, translate: &dyn Fn(&str) -> String) -> String {
    if let Some(sent) = resent(command, &|script| within(script, translate)) {
        // the host's own root, and not this machine's: what names no folder stays within it
        return sent.replacen(AT_ROOT, &translate("cd /proc/.. && "), 1);
    }
    for before in BEFORE {
        let Some(rest) = command.strip_prefix(before).and_then(|rest| rest.strip_prefix(SHELL)) else { continue };
        if let Some((script, after)) = word(rest) {
            let script = quote(&within(&script, translate)).into_owned();
            return format!("{before}{SHELL}{script}{}", arguments(after, translate));
        }
    }
    translate(command)
}

/// What comes behind a script: arguments, some of which may be scripts themselves, and whatever a shell makes of the rest.
fn arguments(after: &str, translate: &dyn Fn(&str) -> String) -> String {
    if let Some((argument, rest)) = after.strip_prefix(' ').and_then(word)
        && (!argument.is_empty() || after.starts_with(" ''"))
    {
        return format!(" {}{}", quote(&within(&argument, translate)), arguments(rest, translate));
    }
    translate(after)
}

/// The first word of a shell's text, without its quotes, and what comes behind it. `None` where only a shell could tell.
fn word(text: &str) -> Option<(String, &str)> {
    let mut word = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\'' => loop {
                match letters.next()?.1 {
                    '\'' => break,
                    inner => word.push(inner),
                }
            },
            '"' => loop {
                match letters.next()?.1 {
                    '"' => break,
                    '$' | '`' => return None,
                    '\\' => match letters.next()?.1 {
                        inner @ ('$' | '`' | '"' | '\\') => word.push(inner),
                        '\n' => {}
                        inner => word.extend(['\\', inner]),
                    },
                    inner => word.push(inner),
                }
            },
            '\\' => word.push(letters.next()?.1),
            ' ' | '\t' | '\n' | ';' | '&' | '|' | '<' | '>' => return Some((word, &text[at..])),
            '$' | '`' | '*' | '?' | '[' | '~' | '(' | ')' | '{' => return None,
            letter => word.push(letter),
        }
    }
    Some((word, ""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::shell::{Become, Word, wrap, wrap_stream};

    #[test]
    fn a_script_is_translated_as_it_is_and_not_as_it_is_quoted() {
        let marked = |text: &str| text.replace("/proc", "R/proc");
        let script = "awk '{ sub(/^[^(]*/, \"\"); print \"$1\" }' /proc/mounts; echo 'it'\\''s' `id`";
        let at_root = |sent: String| sent.replacen(AT_ROOT, "cd R/proc/.. && ", 1);
        let word = Word::new(7);
        for r#become in [None, Some(Become::Sudo), Some(Become::Doas)] {
            for wrap in [wrap, wrap_stream] {
                let sent = |script: &str| wrap(script, r#become, &word);
                assert_eq!(within(&sent(script), &marked), at_root(sent(&marked(script))));
            }
        }
        let job = |script: &str| format!("/bin/sh -c 'echo \"$1\"' job {} '' 2>&1", quote(script));
        assert_eq!(
            within(&wrap(&job(script), None, &word), &marked),
            at_root(wrap(&job(&marked(script)), None, &word))
        );
        assert_eq!(within("ls /proc | sort", &marked), "ls R/proc | sort");
        assert_eq!(within("/bin/sh -c \"ls $x /proc\"", &marked), "/bin/sh -c \"ls $x R/proc\"");
    }

    #[test]
    fn words_are_read_as_a_shell_reads_them() {
        assert_eq!(word("'a b'\"\\\"c\\$\"\\'d e"), Some(("a b\"c$'d".to_owned(), " e")));
        assert_eq!(word("'open"), None);
    }
}
