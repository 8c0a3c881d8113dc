//! What a survey asks of files as the kernel knows them, whatever names lead there. PURE: shell text.

/// `node`: device and inode of what a name leads to now.
///
/// `taken`: who has a lock of a file, of those that fcntl gives. That of flock(1) stands in no daemon's way. The kernel's table names a
/// file system by its own number, which mountinfo tells, and on some (btrfs, overlays) stat(1) does not. There a number can be of
/// more than one file, so that whoever has none of that name open is not meant (`holds`); a process whose files nobody sees may be.
///
/// `runs` and `may`: what a daemon of the user and group of the running one may not read, write and pass, tried as that user and without
/// touching it, by the kernel and all that it knows of (access lists, squashed users). A daemon keeps the further groups of the root that
/// starts it (main.c @ 1.5.12 to 1.6.27).
///
/// `opened`: the lock files of disks that a chunkserver has open, each by its name and as a node. Every release keeps the `.lock` of each
/// disk open as long as it runs (hddspacemgr.c @ 1.5.12 to 1.6.27), so that what it uses is known, whatever its list says by now.
pub(super) const FUNCTIONS: &str = r#"node() {
  on "$1" && return
  x=$(stat -L -c "%d$tab%i" "$1") || return
  clean "$1"; printf 'node\t%s\t%s\n' "$_c" "$x"
}
taken() {
  on "$1" && return
  [ -r /proc/locks ] && x=$(stat -L -c '%d %i' "$1") || return
  q=${x%% *}; x=${x#* }
  y=$(printf '%02x:%02x:%s' $((q >> 8 & 0xfff)) $((q & 0xff | q >> 12 & 0xfff00)) "$x")
  q=$(readlink -f "$1") || q=$1
  q=$(Q=${q%/*} awk "$unescaped$find_mount" /proc/self/mountinfo)
  q=${q#*"$nl"}; q=${q%%"$nl"*}
  case $q in [0-9]*:*) q=$(printf '%02x:%02x:%s' "${q%:*}" "${q#*:}" "$x") ;; *) q=$y ;; esac
  line locks "$1"
  Q=$q Y=$y awk '($2 == "POSIX" || $2 == "OFDLCK") && ($6 == ENVIRON["Q"] || $6 == ENVIRON["Y"]) { print $5 }' /proc/locks |
    sort -u | while read -r q; do
      holds "$q" "$1" || continue
      y=; IFS= read -r y < "/proc/$q/comm"
      line taken "$1" "$q" "$y"
    done
}
holds() {
  z=$(ls -n "/proc/$1/fd/") && [ -n "$z" ] || return 0
  printf '%s\n' "$z" | {
    while IFS= read -r z; do
      case $z in *" -> "*/"${2##*/}") z=${z%% -> *}; [ "/proc/$1/fd/${z##* }" -ef "$2" ] && exit 0 ;; esac
    done
    exit 1
  }
}
users=
runs() {
  x=$(stat -c '%u:%g' "$1") || return
  case $x in 0:*) ;; *) users="$users|$2=${1##*/} $x|" ;; esac
}
may() {
  x=${users#*"|$1="}
  [ "$x" != "$users" ] || return
  x=${x%%"|"*}; shift; k=$#
  for y do on "$y" || [ ! -e "$y" ] || set -- "$@" "$y"; done
  shift "$k"; [ "$#" -gt 0 ] || return
  chroot --userspec="${x#* }" --groups="$(id -G | tr ' ' ',')" "$r/" sh -c "$try_each" sh "$@" | while IFS= read -r y; do
    line denied "${x%% *}" "$y"
  done
}
try_each='for f do
  [ -r "$f" ] && [ -w "$f" ] && { [ ! -d "$f" ] || [ -x "$f" ]; } || printf "%s\n" "$f"
done'
opened() {
  ls -n "$1/fd/" | sed -n 's|^.* \([0-9][0-9]*\) -> .*[/][.]lock\( (deleted)\)\{0,1\}$|\1|p' | head -n 300 | while read -r q; do
    z=$(readlink "$1/fd/$q") && x=$(stat -L -c "%d$tab%i" "$1/fd/$q") || continue
    clean "$z"; printf 'opened\t%s\t%s\t%s\n' "${1##*/}" "$x" "$_c"
    case $z in /*/.lock) node "$z" ;; esac
  done
}
"#;
