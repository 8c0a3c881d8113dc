//! What a look asks of a host's log: the last words of a daemon that went to the background and died there. PURE: shell text.

use super::super::sh::{Script, sh};
use crate::moosefs::daemon::Role;

/// How many lines of a log are asked for.
pub const LINES: usize = 20;

/// The last words of `role`'s daemons, which go to syslog under their program's name (`openlog` in `main.c` of 1.5 and 1.6).
/// The journal is asked where no file has any: a host that has both has each line twice.
pub(super) fn asked(role: Role) -> Script {
    let mut script = sh!(FUNCTION);
    script.push(&sh!("logged ‹program› ‹lines›\n", program = role.program(), lines = LINES.to_string()));
    script
}

/// Of a file only the end is read, which a daemon that repeats itself has for itself.
const FUNCTION: &str = r#"logged() {
  x=$(for f in /var/log/syslog /var/log/messages /var/log/daemon.log; do
    [ -f "$f" ] && tail -n 4000 "$f" | sed -n "/ $1\[/p"
  done 2>/dev/null | tail -n "$2")
  [ -n "$x" ] || x=$(journalctl -q --no-pager -o short -n "$2" -t "$1" 2>/dev/null)
  printf '%s\n' "$x" | cut -c 1-500 | while IFS= read -r x; do [ -z "$x" ] || line logged "$x"; done
}
"#;
