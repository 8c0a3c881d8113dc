//! What a survey asks of the mounts that folders are on, and of those that they should be on. PURE: shell text.

/// `lies`: the mount that a folder is on, or the nearest folder above it that is there, and whether it is read-only or noexec.
/// From mount to mount that lies on it, so that what another mount hides does not count. No name of a file gets into a pattern.
///
/// `wanted`: the mount point of /etc/fstab that is nearest above a folder, whatever is mounted there now. The root itself is none.
pub(super) const FUNCTIONS: &str = r#"lies() {
  on "$1" && return
  q=$1
  while [ -n "$q" ] && [ ! -e "$q" ]; do case $q in */*) q=${q%/*} ;; *) q= ;; esac; done
  [ -z "$q" ] || [ -d "$q" ] || case $q in */*) q=${q%/*} ;; *) q= ;; esac
  x=$(cd "${q:-/.}" && pwd -P) || return
  x=$(Q=$x awk "$unescaped$find_mount" /proc/self/mountinfo)
  case $x in *"$nl"?*"$nl"?*) line lies "$1" "${x#*"$nl"*"$nl"}" "${x%%"$nl"*}" ;; esac
}
wanted() {
  on "$1" && return
  x=$(cd "$1" && pwd -P) || return
  x=$(Q=${x#"$r"} awk "$unescaped$find_wanted" /etc/fstab)
  [ -z "$x" ] || line wanted "$1" "$x"
}
unescaped='
function whole(text,    out) {
  while (match(text, "\\\\[0-7][0-7][0-7]")) {
    out = out substr(text, 1, RSTART - 1) sprintf("%c", 64 * substr(text, RSTART + 1, 1) + 8 * substr(text, RSTART + 2, 1) + substr(text, RSTART + 3, 1))
    text = substr(text, RSTART + 4)
  }
  return out text
}
BEGIN { slash = sprintf("%c", 47); path = ENVIRON["Q"] }
'
find_wanted='
$1 ~ "^#" || $3 == "swap" { next }
{
  point = whole($2); sub("[/]+$", "", point)
  if (point != "" && length(point) > length(best) && (point == path || index(path, point slash) == 1)) best = point
}
END { print best }
'
find_mount='
{
  seen[$1] = 1; point = whole($5)
  if (point != slash && point != path && index(path, point slash) != 1) next
  for (i = 7; i < NF && $i != "-"; i++) continue
  n++; id[n] = $1; parent[n] = $2; device[n] = $3; points[n] = point; options[n] = "," $6 "," $(i + 3) ","
}
END {
  for (steps = 0; steps <= n; steps++) {
    best = 0
    for (k = 1; k <= n; k++) {
      if (at ? k == at || parent[k] != id[at] : parent[k] != id[k] && parent[k] in seen) continue
      if (!best || length(points[k]) < length(points[best])) best = k
    }
    if (!best) break
    at = best
  }
  if (at) { print (options[at] ~ ",ro," ? "ro" : "rw") (options[at] ~ ",noexec," ? ",noexec" : ""); print device[at]; print points[at] }
}
'
"#;
