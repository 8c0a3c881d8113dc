//! Where the mounts are beside their mount points, and what uses them that is no process. PURE: shell text.
//!
//! All of it comes from `/proc` and `/sys`: no mount is touched. A kernel without one of these files (mountinfo came with
//! Linux 2.6.26, `ns/mnt` with 3.8, `backing_file` with 2.6.37) leaves out what it would tell.

use crate::host::sh::{Script, sh};

/// The functions. They stand behind those of a survey, whose `m`, `r`, `on` and `line` they use.
pub(super) fn functions() -> Script {
    sh!(FUNCTIONS)
}

/// What calls them.
pub(super) fn calls() -> Script {
    sh!("( placed )\n( keepers )\n")
}

/// `placed`: of every mount namespace the lines of mountinfo that are of a mount of MooseFS, those that these are mounted on,
/// those that are mounted on them; and file systems of any namespace that are put together from a folder on them (`stacked`). Each mount is told once, by its
/// number, and one process of each namespace and root is asked, those that see the namespace's own root first. Without `ns/mnt`
/// every process is. Listing the processes takes 9 s at most, and 2,000 are asked.
///
/// `keepers`: loop devices, swap space and exports of the kernel's NFS server; of the exports that lie above a mount those that
/// lead over mount points (`crossmnt`; exports(5)).
const FUNCTIONS: &str = r#"placed() {
  [ -n "$m" ] && cd /proc || return
  {
    {
      ls -nd self/ns/mnt
      for k in 1 2 3 4 5 6 7 8 9; do ls -nqd "$k"*/ns/mnt "$k"*/root; done
      echo scanned
    } &
    { q=0; while kill -0 "$!" && [ "$q" -lt 9 ]; do sleep 1; q=$((q + 1)); done; echo late; } &
  } | sed -e '\|^scanned$|q' -e '\|^late$|q' | awk "$find_places"
}
find_places='
BEGIN { slash = sprintf("%c", 47); most = 300; read_one("self") }
function read_one(who,    file, text, n, k, f, fields, dash, id, ids, folder) {
  split("", text_of); split("", up); split("", device); split("", over)
  file = who slash "mountinfo"; n = 0; named = 0
  while ((getline text < file) > 0) {
    fields = split(text, f, " ")
    dash = 7
    while (dash < fields && f[dash] != "-") dash++
    if (dash + 1 >= fields) continue
    id = f[1]; ids[++n] = id; text_of[id] = text; up[id] = f[2]; device[id] = f[3]
    if (who == "self" && (f[dash + 1] ~ "^fuse[.]mfs" || f[dash + 1] == "fuse" && (f[dash + 2] == "MFS" || f[dash + 2] == "MFSMETA"))) {
      wanted[f[3]] = 1; point[f[5]] = 1
    }
    if (f[dash + 1] ~ "^(overlay|overlayfs|aufs|unionfs|ecryptfs)$") over[id] = f[dash + 2] "=" f[fields]
  }
  close(file)
  for (k = 1; k <= n; k++) {
    id = ids[k]
    if ((id in over) && (folder = lies_on(over[id])) != "") stacked(id, folder)
    if (!(device[id] in wanted) && !((up[id] in device) && (device[up[id]] in wanted))) continue
    show(who, id)
    if (up[id] in device) show(who, up[id])
  }
}
function lies_on(options,    part, n, k, p) {
  n = split(options, part, "[=:,]")
  for (k = 1; k <= n; k++) for (p in point) if (part[k] == p || index(part[k], p slash) == 1) return part[k]
  return ""
}
function stacked(id, folder,    text, f, dash) {
  if (("over", id) in shown) return
  shown["over", id] = 1
  if (++told > most) return
  text = text_of[id]; gsub("[[:cntrl:]]", "?", text); gsub("[[:cntrl:]]", "?", folder)
  split(text, f, " ")
  dash = 7
  while (f[dash] != "-") dash++
  printf "stacked\t%s\t%s\t%s\n", folder, f[dash + 1], f[5]
}
function show(who, id,    text) {
  if (id in shown) return
  shown[id] = 1
  if (++told > most) return
  if (!named) { named = 1; name = unit = ""; if (who != "self") ask(who) }
  text = text_of[id]; gsub("[[:cntrl:]]", "?", text)
  printf "placed\t%s\t%s\t%s\t%s\n", (who == "self" ? 0 : who), name, unit, text
}
function ask(who,    file, text, n, part) {
  file = who slash "stat"
  if ((getline name < file) > 0) { sub("^[^(]*[(]", "", name); sub("[)][^)]*$", "", name); gsub("[[:cntrl:]]", "?", name) }
  close(file)
  file = who slash "cgroup"
  while (unit == "" && (getline text < file) > 0) {
    n = split(text, part, slash)
    if (part[n] ~ "[.](service|scope)$") { unit = part[n]; gsub("[[:cntrl:]]", "?", unit) }
  }
  close(file)
}
substr($0, 1, 1) == "l" && index($0, " -> ") {
  who = substr($0, 1, index($0, " -> ") - 1); sub(".* ", "", who)
  to = substr($0, index($0, " -> ") + 4)
  what = who; sub("[/].*", "", who); sub("^[^/]*[/]", "", what)
  if (who == "self") { own = to; next }
  if (!(who in pid)) { pid[who] = 1; pids[++count] = who }
  if (what == "root") root[who] = to; else space[who] = to
}
$0 == "scanned" { whole = 1 }
END {
  for (pass = 1; pass <= 2; pass++) for (i = 1; i <= count; i++) {
    who = pids[i]
    if ((root[who] == slash) != (pass == 1)) continue
    if (who in space) { key = space[who] " " root[who]; if ((key in seen) || key == own " " slash) continue; seen[key] = 1 }
    if (++asked > 2000) break
    read_one(who)
  }
  if (!whole || told > most || asked > 2000) print "placed cut"
}
'
keepers() {
  [ -n "$m" ] || return
  loops=
  for q in /sys/block/loop*/loop/backing_file; do
    { IFS= read -r x < "$q"; } || continue
    y=${q%/loop/backing_file}; loops=$loops/dev/${y##*/}$tab$x$nl
  done
  [ -n "$loops" ] || loops=$(losetup -a </dev/null | sed -n "s|^\([^:]*\): .*(\([^()]*\)).*\$|\1$tab\2|p")$nl
  printf '%s' "$loops" | while IFS=$tab read -r y x; do
    case $x in [/]*) on "$r$x" && line loop "$y" "$x" "$(awk -v "d=$y" '$1 == d { print $2 }' /proc/mounts | head -n 5 | tr '\n' ' ')" ;; esac
  done
  while read -r x y; do
    case $x in [/]dev[/]loop*) line swap "$x" ;; [/]*) on "$r$x" && line swap "$x" ;; esac
  done < /proc/swaps
  y=0; read -r y < /proc/fs/nfsd/threads && [ "$y" != 0 ] || return
  cat /proc/fs/nfsd/exports /var/lib/nfs/etab | while read -r x y; do
    case $x in [/]*) ;; *) continue ;; esac
    z=; case $y in *[\(,]crossmnt[,\)]*) z=crossmnt ;; esac
    if [ -n "$z" ] || on "$r$x"; then line export "$x" "$z"; fi
  done | sort -u | head -n 100
}
"#;
