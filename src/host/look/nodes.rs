//! What a survey asks of files as the kernel knows them, whatever names lead there. PURE: shell text.

/// `node`: device and inode of what a name leads to now.
///
/// `opened`: the lock files of disks that a chunkserver has open, each by its name and as a node. Every release keeps the `.lock` of each
/// disk open as long as it runs (hddspacemgr.c @ 1.5.12 to 1.6.27), so that what it uses is known, whatever its list says by now.
pub(super) const FUNCTIONS: &str = r#"node() {
  on "$1" && return
  x=$(stat -L -c "%d$tab%i" "$1") || return
  clean "$1"; printf 'node\t%s\t%s\n' "$_c" "$x"
}
opened() {
  ls -n "$1/fd/" | sed -n 's|^.* \([0-9][0-9]*\) -> .*[/][.]lock\( (deleted)\)\{0,1\}$|\1|p' | head -n 300 | while read -r q; do
    z=$(readlink "$1/fd/$q") && x=$(stat -L -c "%d$tab%i" "$1/fd/$q") || continue
    clean "$z"; printf 'opened\t%s\t%s\t%s\n' "${1##*/}" "$x" "$_c"
    case $z in /*/.lock) node "$z" ;; esac
  done
}
"#;
