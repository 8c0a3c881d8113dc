//! What the exit code of a command says where its shell gives it a meaning. PURE.

/// How a command ended with `code`, in words: 126, 127 and those above 128 are the shell's own (POSIX, XCU 2.8.2).
pub(super) fn ended(code: i32) -> String {
    let meant = match code {
        126 => {
            ": a program could not be executed; it lacks its execute permission, its file system is mounted noexec, or it was \
             built for another kind of machine"
        }
        127 => ": a program was not found; it, the interpreter in its first line or its dynamic linker is missing",
        _ => "",
    };
    match code.checked_sub(128).filter(|signal| (1..=64).contains(signal)) {
        Some(signal) => format!("its command ended with exit code {code}: signal {signal} killed a program"),
        None => format!("its command ended with exit code {code}{meant}"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;

    use super::ended;

    /// What this machine's shell makes of `script`.
    fn by_shell(script: &str) -> String {
        let output = Command::new("/bin/sh").args(["-c", script]).output().unwrap();
        ended(output.status.code().unwrap())
    }

    #[test]
    fn the_shells_own_exit_codes_are_told_as_what_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let program = |text: &[u8], mode| {
            let path = folder.path().join(format!("p{mode:o}{}", text.len()));
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            path.to_str().unwrap().to_owned()
        };
        // root neither executes a file without a single x
        assert!(by_shell(&program(b"#!/bin/sh\n", 0o644)).contains("126: a program could not be executed"));
        assert!(by_shell(&program(b"#!/not/there\n", 0o755)).contains("127: a program was not found"));
        assert!(by_shell("/not/there").contains("127: a program was not found"));
        assert!(by_shell("/bin/sh -c 'kill -9 $$'; exit $?").ends_with("137: signal 9 killed a program"));
        for plain in [0, 1, 2, 125, 128, 200, 255] {
            assert_eq!(ended(plain), format!("its command ended with exit code {plain}"));
        }
    }
}
