//! The last words of a daemon in its host's log.

use super::{by, path};
use crate::host::{HostFacts, Look, said};
use crate::moosefs::daemon::Role;

/// What a look finds in `text`, written to `file` of a folder that stands in for /var/log.
fn logged(file: &str, text: &[u8]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(file), text).unwrap();
    let look = Look { prefixes: vec![path("/not/there")], log: Some(Role::Chunkserver), ..Look::default() };
    let script = look.script();
    assert_eq!(script.matches("/var/log/").count(), 3, "the test knows every place");
    // this machine's own journal is nothing of the test's
    let script = script.replace("/var/log/", &format!("{}/", folder.path().display())).replace("journalctl", "false");
    let output = by(&["/bin/sh"], &script);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    HostFacts::parse(&String::from_utf8_lossy(&output.stdout)).unwrap().logged
}

#[test]
fn the_last_words_of_a_role_are_told_whichever_file_has_them() {
    let line = |n: u32, who: &str| format!("Nov 27 15:34:{n:02} cs1 {who}: words {n}\n");
    let text: String =
        (0..30).map(|n| line(n, "mfschunkserver[7]") + &line(n, "mfsmaster[8]") + &line(n, "kernel")).collect();
    for file in ["syslog", "messages", "daemon.log"] {
        let found = logged(file, text.as_bytes());
        assert_eq!(found.len(), super::super::LOG_LINES, "{file}");
        assert!(found.iter().all(|line| line.contains(" mfschunkserver[7]: ")), "{found:?}");
        assert!(found[0].ends_with("words 10") && found[19].ends_with("words 29"), "oldest first: {found:?}");
    }
    assert_eq!(logged("other.log", text.as_bytes()), [""; 0]);
    assert_eq!(logged("syslog", b""), [""; 0]);
}

#[test]
fn a_log_that_floods_or_has_anything_in_it_is_told_in_short_lines_that_do_no_harm() {
    let mut text = b"Nov 27 15:34:01 cs1 mfschunkserver[7]: \x1b[2J\r\tend\0\xff\xfe\n".to_vec();
    text.extend(
        "Nov 27 15:34:02 cs1 mfschunkserver[7]: ".bytes().chain(std::iter::repeat_n(b'x', 100_000)).chain([b'\n']),
    );
    text.extend(b"end\nNov 27 15:34:03 cs1 mfschunkserver[7]: end\n");
    let found = logged("syslog", &text);
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(!found[0].chars().any(char::is_control), "{found:?}");
    assert!(found[1].len() <= 500 && !said::is_cut(&found[1]), "{}", found[1].len());
    assert!(found[2].ends_with(": end"));
}
