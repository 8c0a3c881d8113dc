//! The end of a look on its host: one that hangs (a mount whose server is gone, a loop) is ended there, and says where it hung.
//! PURE: shell text.
//!
//! This side stops waiting as well, but what it leaves behind would stay on the host, and a second look would hang beside the
//! first. `timeout` came with coreutils 7, later than MooseFS 1.5, so a shell does its work; `setsid` is what jobs need too.

use std::sync::LazyLock;

use crate::host::sh::{Script, sh};
use crate::host::shell::one_word;

/// Seconds that a look may take on its host. This side waits a little longer, so that it hears how the look ended.
pub const LIMIT_S: u64 = 60;

/// Arguments: seconds, and the look's script.
///
/// The look has a session of its own, whose group is ended as a whole, whether it was late or has left something at work. The
/// watch has one too, so that its `sleep` goes with it; it has no copy of the look's output, which would keep the channel open. It
/// wakes the shell that waits, and should that one be gone it ends the look itself. A host without `setsid` is told that it lacks it
/// by a look that nobody watches.
const WATCHED: &str = r#"command -v setsid >/dev/null 2>&1 || exec /bin/sh -c "$2"
n=$1 late=
exec 3>&2 2>/dev/null
setsid /bin/sh -c "$2" 2>&3 3>&- &
p=$!
trap 'late=1' USR1
setsid /bin/sh -c 'sleep "$1"; kill -USR1 "$2"; sleep 5; kill -9 "-$3"' watch "$n" "$$" "$p" >/dev/null 3>&- &
w=$!
wait "$p"
x=$?
if [ -n "$late" ]; then
  x=124 k=0
  own=$(tr '\0' ' ' < "/proc/$p/cmdline")
  printf '\nlate\t%s\n' "$n"
  for q in /proc/[0-9]*; do
    s=; { read -r s < "$q/stat"; }
    set -- ${s##*) }
    [ "$3" = "$p" ] && [ "$k" -lt 5 ] || continue
    s=$(tr '\0' ' ' < "$q/cmdline")
    [ -n "$s" ] && [ "$s" != "$own" ] || continue
    k=$((k + 1)); printf 'at\t%s\n' "$(printf '%s' "$s" | tr '[:cntrl:]' '?' | cut -c 1-200)"
  done
fi
kill -9 "$w"; kill -9 "-$w"; kill -9 "-$p"
exit "$x"
"#;

/// `script`, ended on its host when it takes longer than `seconds`.
pub(super) fn watched(script: &Script, seconds: u64) -> Script {
    let watch = before(seconds);
    sh!("‹watch› ‹script›", watch = watch, script = script.as_str())
}

/// All that stands before the script of a look.
fn before(seconds: u64) -> Script {
    sh!("/bin/sh -c ‹watched› look ‹seconds›", watched = WATCHED, seconds = seconds)
}

/// The script of a look as it is sent, without its watch; `None`: it is no look.
#[must_use]
pub fn script_of(sent: &str) -> Option<String> {
    one_word(behind_the_watch(sent)?)
}

/// The same as one quoted word, as it stands in what is sent: to see what is looked at costs no reading of it all.
#[must_use]
pub fn behind_the_watch(sent: &str) -> Option<&str> {
    static BEFORE: LazyLock<String> = LazyLock::new(|| format!("{} ", before(LIMIT_S)));
    sent.strip_prefix(BEFORE.as_str())
}
