//! What a survey asks beyond a short look: everything that can stand in the way of an upgrade. PURE: shell text.
//!
//! Four rules that hosts dictate. A mount of MooseFS is never touched, since one that hangs would hang the look: what is
//! known of it comes from `/proc`. Nothing is written on the host, a temporary file of a here-document neither. A tool
//! that is missing makes a fact absent and no look unreadable. And no process is started for each process of the host.

use super::{Look, mounted, nodes, places};
use crate::host::facts::TOOLS;
use crate::host::guard::others;
use crate::host::sh::{Script, sh};
use crate::moosefs::daemon::PORTS;

/// The configuration files of MooseFS, 1.5's `.var` files (which override) among them.
const CONFIG_FILES: [&str; 9] = [
    "mfsmaster.cfg",
    "mfsmaster.cfg.var",
    "mfschunkserver.cfg",
    "mfschunkserver.cfg.var",
    "mfsmetalogger.cfg",
    "mfsmetalogger.cfg.var",
    "mfshdd.cfg",
    "mfsexports.cfg",
    "mfsmount.cfg",
];

/// What comes before the common part: the functions, and `at`, which is called for every process of MooseFS.
pub(super) fn begin() -> Script {
    // every look asks for these; `ports` adds those that a configuration names
    let usual = PORTS.iter().map(|port| format!("{port} ")).collect::<String>();
    let usual = sh!("usual=‹ports›\n", ports = format!(" {usual}"));
    [usual, sh!(others!()), sh!(FUNCTIONS), sh!(mounted::FUNCTIONS), sh!(nodes::FUNCTIONS), places::functions()]
        .into_iter()
        .collect()
}

/// Of a short look: who uses the mounts, where else they are, and what lies in or under these mount points.
pub(super) fn of_mounts(look: &Look) -> Script {
    let mut script = Script::default();
    if look.users || look.places || !look.under.is_empty() {
        script.push(&sh!("exec 2>/dev/null\n"));
    }
    if look.users {
        script.push(&sh!("( users )\n"));
    }
    if look.places {
        script.push(&places::calls());
    }
    if !look.under.is_empty() {
        script.push(&sh!(UNDER_MOUNTS));
        script.push(&sh!("for p in ‹points›; do beneath \"$p\"; done\n", points = &look.under[..]));
    }
    script
}

/// What comes behind everything else.
pub(super) fn end(look: &Look) -> Script {
    // for good: a redirection of a group leaves a copy of the look's output open in what `users` leaves behind
    let mut script = sh!(
        "exec 2>/dev/null\nfor x in ‹tools›; do command -v \"$x\" >/dev/null && echo \"tool $x\"; done\n",
        tools = TOOLS.map(str::to_owned).to_vec()
    );
    script.push(&sh!(
        "for p in ‹prefixes›; do\n  for u in ‹files›; do file \"$p/etc/mfs/$u\"; file \"$p/etc/$u\"; done\n  for u in \
         mfsmaster mfschunkserver; do named \"$u\" \"$p/etc/mfs/$u.cfg\"; done\n  disks \
         \"$p/etc/mfs/mfshdd.cfg\"; disks \"$p/etc/mfshdd.cfg\"\n  for x in mfsmaster mfschunkserver; do daemon \
         \"$p\" \"$x\" \"$p/etc/$x.cfg\" ''; done\n  ports \"$p/etc\"; ports \"$p/etc/mfs\"\n  shut \
         \"$p/etc/mfs/mfsexports.cfg\"\n  for x in etc/mfs etc; do logs \"$p/$x/mfsmetalogger.cfg\"; done\n  space \
         \"$p/var/mfs\"\n  space \"$p\"\n  for x in sbin bin etc; do lies \"$p/$x\"; done\ndone\n\
         for p in ‹trees›; do lies \"$p\"; build \"$p\"; done\nfor p in ‹folders›; do space \"$p\"; done\nfor p in ‹own›; do own \"$p\"; done\n",
        prefixes = &look.prefixes[..],
        files = CONFIG_FILES.map(str::to_owned).to_vec(),
        trees = &look.source_dirs[..],
        folders = &look.space_for[..],
        own = &look.own[..],
    ));
    script.push(&names(look));
    script.push(&sh!(CALLS));
    script.push(&places::calls());
    script.push(&sh!(UNDER_MOUNTS));
    script
}

/// Names of masters, each once: those that are given, those of files, those of running mounts.
fn names(look: &Look) -> Script {
    sh!(
        "{ for p in ‹names›; do printf '%s\\n' \"$p\"; done
for p in ‹prefixes›; do
  for u in mfschunkserver mfsmetalogger; do told \"$p/etc/mfs/$u.cfg\"; told \"$p/etc/$u.cfg\"; done
done; printf '%s\\n' \"$masters\"; } | sort -u | addresses\n",
        names = look.names.iter().map(|name| name.as_str().to_owned()).collect::<Vec<_>>(),
        prefixes = &look.prefixes[..],
    )
}

/// Chunk files are counted for 20 s at most, by their names alone: what could not be counted until then is not told. Other files and
/// folders there, whatever they are called, are no chunks and no lines of the count.
///
/// Of a lock file a number is told and nothing else: where others may write to its folder, it may be a link to any file of root's.
///
/// A line of a list of disks that says no whole path is below the working folder of the chunkserver that runs (`works`).
///
/// `r` is empty: paths that a file of the host names are below it, as those in this text are in a rehearsal (its textual
/// chroot translates this text and no file). For its sake no pattern here begins with a slash.
const FUNCTIONS: &str = r#"r=/proc; r=${r%/proc}; cd /
tab=$(printf '\t'); nl='
'
masters=; works=
late=$(($(date +%s) + 20))
m=$(awk -v "r=$r" '($3 ~ "^fuse[.]mfs" || $3 == "fuse" && ($1 == "MFS" || $1 == "MFSMETA")) && !index($2, "\\") { print r $2 }' /proc/mounts 2>/dev/null)
on() {
  q=$1
  while [ -n "$q" ]; do
    case $nl$m$nl in *"$nl$q$nl"*) return 0 ;; esac
    case $q in */*) q=${q%/*} ;; *) q= ;; esac
  done
  return 1
}
file() {
  on "$1" && return
  [ -f "$1" ] && [ -r "$1" ] || return
  x=$(stat -L -c "%s$tab%a$tab%U$tab%u$tab%G$tab%g" "$1") || return
  [ "${x%%[!0-9]*}" -le 1048576 ] || return
  clean "$1"; { printf 'file\t%s\t%s\t' "$_c" "$x"; od -An -v -tx1 < "$1" | tr -d ' \n'; echo; } | folded
}
shut() {
  on "$1" && return
  above "$1"
  x=$(readlink -f "$1") && [ "$x" != "$1" ] && ! on "$x" && line leads "$1" "$x" && above "$x"
}
above() {
  on "$1" && return
  q=${1%/*}
  while [ -n "${q#"$r"}" ]; do
    x=$(stat -L -c "%a$tab%U$tab%u$tab%G$tab%g" "$q") && case ${x%%"$tab"*} in *[02468]) clean "$q" && printf 'shut\t%s\t%s\n' "$_c" "$x" ;; esac
    case $q in */*) q=${q%/*} ;; *) q= ;; esac
  done
}
value() { [ -f "$2" ] && sed -n "s/^[[:blank:]]*$1[[:blank:]][[:blank:]]*=[[:blank:]]*//p" "$2" "$2.var" | tail -n 1 | tr -d '\r'; }
folder() {
  on "$1" && return
  [ -d "$1" ] && x=$(stat -L -c "%U$tab%u" "$1") || return
  y=narrow; [ -d "$1/00" ] && y=wide
  clean "$1"; printf 'folder\t%s\t%s\t%s\n' "$_c" "$x" "$y"
  lies "$1"
  y=$(cd "$1" && pwd -P) && [ "$y" != "$1" ] && line leads "$1" "$y"
}
disks() {
  on "$1" && return
  [ -f "$1" ] && sed -n -e '\|^[[:space:]]*$|d' -e 's/^[*]//' -e 's/[[:space:]]*$//' -e 's|/*$||' -e p -e 's|/*[[:blank:]][[:blank:]]*-\{0,1\}[0-9.][0-9.]*[A-Za-z]*$||p' "$1" |
    while IFS= read -r z; do
      case $z in ''|/*) z=$r${z:-/} ;; *) [ -n "$works" ] || continue; z=$works/$z ;; esac
      folder "$z"; space "$z"; wanted "$z"; node "$z"
      node "${z%/}/.lock"; taken "${z%/}/.lock"; may mfschunkserver "$z" "${z%/}/.lock"
      chunks "$z"
    done
}
chunks() {
  on "$1" && return
  [ -d "$1" ] || return
  n=0; t=
  for q in "$1"/[0-9A-F]; do
    [ -d "$q" ] || continue
    y=$((late - $(date +%s))); [ "$y" -gt 0 ] || return
    command -v timeout >/dev/null && t="timeout $y"
    x=$({ $t find "$q" ! -name '[0-9A-F]' -prune -type f -name "$chunk" </dev/null && echo whole; } | awk '$0 == "whole" { w = 1; next } { n++ } END { if (w) print n + 0 }')
    [ -n "$x" ] || return
    n=$((n + x))
  done
  line chunks "$1" "$n"
}
lock() {
  on "$1" && return
  folder "${1%/*}"
  [ -f "$1" ] && x=$(stat -L -c "%U$tab%u" "$1") || return
  y=$(head -c 20 "$1" | tr -d '\000\r' | head -n 1)
  case $y in *[!0-9]*) y= ;; esac
  clean "$1"; printf 'lock\t%s\t%s\t%s\n' "$_c" "$x" "$y"
}
daemon() {
  on "$3" && return
  case $1 in /usr*|/opt*) z=/var/run/mfs ;; *) z=$1/var/run/mfs ;; esac
  x=$(value DATA_PATH "$3"); case $x in /*) folder "$r${x%/}" ;; esac
  y=$(value LOCK_FILE "$3")
  case $y in
    '') z=$z/$2.lock ;;
    /*) z=$r$y ;;
    *) z=$4; [ -n "$z" ] || z=$r$(value DATA_PATH "$3"); [ "$z" != "$r" ] || z=$1/var/mfs; z=$z/$y ;;
  esac
  lock "$z"; lies "${z%/*}"; taken "$z"; may "$2" "$z"
  named "$2" "$3"
}
named() {
  on "$2" && return
  case $1 in
    mfschunkserver) y=$(value HDD_CONF_FILENAME "$2"); [ -n "$y" ] || y=$(value HDD_CONFIG "$2"); case $y in /*) file "$r$y"; disks "$r$y" ;; esac ;;
    mfsmaster) y=$(value EXPORTS_FILENAME "$2"); case $y in /*) file "$r$y"; shut "$r$y" ;; esac ;;
  esac
}
ports() {
  on "$1" && return
  grep -h -E '^[[:blank:]]*(MATO(CS|ML|CU|CL)_LISTEN_PORT|MASTER_PORT|CSSERV_LISTEN_PORT)[[:blank:]]+=' "$1"/mfs*.cfg "$1"/mfs*.cfg.var |
    sed -e 's/^[^=]*=[[:blank:]]*//' -e 's/[[:space:]]*$//' | sort -u | while IFS= read -r q; do
      case $q in ''|0*|*[!0-9]*|??????*) continue ;; esac
      case $usual in *" $q "*) continue ;; esac
      q=$(printf '%04X' "$q"); grep -h -E ":$q " /proc/net/tcp /proc/net/tcp6 | sed 's|^|tcp |'
    done
}
at() {
  x=$(stat -c "%U$tab%u$tab%G$tab%g" "$1") &&
    printf 'owner\t%s\t%s\t%s\n' "${1##*/}" "$x" "$(sed -n 's/^VmRSS:[[:blank:]]*\([0-9]*\) kB.*/\1/p' "$1/status")"
  [ "$2" != mfsmount ] || { masters=$masters$nl$(master_of "$1"); return; }
  [ "$2" != mfschunkserver ] || { works=$4; opened "$1"; }
  folder "$4"; runs "$1" "$2"; may "$2" "$4" "$4/.$2.lock"; taken "$4/.$2.lock"
  [ "$2" != mfsmaster ] || may "$2" "$4/changelog.0.mfs"
  line sockets "${1##*/}" "$(ls -n "$1/fd/" | sed -n 's|.*socket:\[\([0-9]*\)\]$|\1|p' | tr '\n' ' ')" | folded
  tr '\0' '\n' < "$1/cmdline" | sed -n -e '1d' -e 's|^-[a-z]*c\(/.*\)|\1|p' -e '\|^-[a-z]*c$|{' -e 'n;p' -e '}' | while IFS= read -r f; do
    case $f in /*) file "$r$f"; file "$r$f.var"; daemon "${3%/sbin/*}" "$2" "$r$f" "$4" ;; esac
  done
}
told() {
  on "$1" && return
  [ -f "$1" ] && [ -r "$1" ] || return
  y=$(value MASTER_HOST "$1"); y=${y%%[[:blank:]]*}; printf '%s\n' "${y:-mfsmaster}"
}
master_of() {
  y=$(tr '\0' '\n' < "$1/cmdline" | sed -n -e 1d -e 's|^-[rmc]*h\(..*\)$|\1|p' -e 's|^-H\(..*\)$|\1|p' \
    -e 's|^\(-o\)\{0,1\}\(.*,\)\{0,1\}mfsmaster=\([^,]*\).*$|\3|p' -e '\|^-[rmc]*[hH]$|{' -e 'n;p' -e '}')
  printf '%s\n' "${y:-mfsmaster}"
}
addresses() {
  t=; command -v timeout >/dev/null && t='timeout 5'
  while IFS= read -r x; do
    case $x in ''|-*|*[!A-Za-z0-9._-]*) continue ;; *[!0-9.]*) ;; *) continue ;; esac
    y=$($t getent ahostsv4 "$x" </dev/null); z=$?
    y=$(printf '%s\n' "$y" | sed -n 's|^\([0-9.]*\)[[:blank:]]*STREAM.*$|\1|p' | tr '\n' ' ')
    case $z:$y in 0:[0-9]*|2:) line name "$x" "$y" ;; esac
  done
}
space() {
  on "$1" && return
  q=$1
  while [ -n "$q" ] && [ ! -e "$q" ]; do case $q in */*) q=${q%/*} ;; *) q= ;; esac; done
  x=$(stat -f -c '%a %S %d %c' "${q:-/.}") || return
  y=$(stat -f -c %i "${q:-/.}")
  case $y in ''|*[!0-9a-f]*) y= ;; *) y=" $y" ;; esac
  case $x in *[!0-9\ ]*) ;; *) line space "$1" "$x$y" ;; esac
  lies "$1"
}
own() {
  on "$1" && return
  y=$(others "$1"); [ -z "$y" ] || line open "$1" "$y"
}
logs() {
  on "$1" && return
  y=$(value DATA_PATH "$1"); case $y in /*) space "$r$y" ;; esac
}
build() {
  on "$1" && return
  [ -f "$1/config.h" ] || return
  line build "$1"
  y=$(sed -n 's|^#define[[:blank:]]*DATA_PATH[[:blank:]]*"\(.*\)"[[:blank:]]*$|\1|p' "$1/config.h"); case $y in /*) space "$r$y" ;; esac
  grep -E '^#define[[:blank:]]+(ETC_PATH|DATA_PATH|RUN_PATH|DEFAULT_USER|DEFAULT_GROUP)[[:blank:]]+"[^"]*"[[:blank:]]*$' "$1/config.h" |
    while IFS= read -r x; do line define "$1" "$x"; done
}
header() {
  [ -f "$data/$1" ] && x=$(od -An -v -tx1 -N 20 "$data/$1" | tr -d ' \n') && [ -n "$x" ] && line header "$1" "$x"
}
under() {
  y=${1%/*}; z=${1##*/}
  on "$y" || on "$r/tmp" && return
  x=$(unshare -m sh -c 'mount -n --make-rprivate / && mount -n --bind "$1" /tmp && ls -A "/tmp/$2"' sh "${y:-/}" "$z") || return
  line under "$1"
  printf '%s\n' "$x" | head -n 10 | while IFS= read -r x; do [ -n "$x" ] && line below "$1" "$x"; done
}
beneath() {
  on "$1" && return
  [ -d "$1" ] || return
  line under "$1"
  ls -A "$1" | head -n 10 | while IFS= read -r x; do [ -n "$x" ] && line below "$1" "$x"; done
}
startup() {
  set -- /dev/null
  v=; [ -h /lib ] || v=/lib/systemd/system
  for f in /etc/fstab /etc/rc.local /etc/inittab /etc/crontab /etc/init.d/* /etc/init/*.conf /etc/rc.d/* /etc/cron.*/* /etc/auto.* \
    /var/spool/cron/* /var/spool/cron/crontabs/* /etc/systemd/system/*.service /etc/systemd/system/*mount \
    /etc/systemd/system/*.service.d/*.conf /etc/keepalived/* /etc/ucarp/* /etc/ha.d/* /etc/ha.d/resource.d/* /etc/corosync/* \
    /var/lib/pacemaker/cib/cib.xml /var/lib/heartbeat/crm/cib.xml /usr/lib/ocf/resource.d/*/* /etc/monitrc /etc/monit/* /etc/monit/conf.d/* \
    /etc/monit/conf-enabled/* /etc/monit.d/* /etc/supervisord.conf /etc/supervisord.d/* /etc/supervisor/* /etc/supervisor/conf.d/* \
    /etc/sv/*/run /etc/service/*/run /etc/network/interfaces /etc/network/if-*.d/* /etc/NetworkManager/dispatcher.d/* /etc/default/* \
    /etc/sysconfig/* /etc/profile /etc/profile.d/* /etc/local.d/* \
    /usr/lib/systemd/system/*.service /usr/lib/systemd/system/*mount ${v:+$v/*.service $v/*mount}; do
    case $f in *"$nl"*) continue ;; esac
    [ -h "$f" ] && on "$r$(readlink "$f")" && continue
    [ -f "$f" ] && [ -r "$f" ] && set -- "$@" "$f"
  done
  named_by=
  for f do case $f in */cron*|*/rc.local|*/keepalived/*|*/ucarp/*|*/monit*|*/supervisor*) named_by=$named_by$nl$f ;; esac; done
  for f in $(printf '%s\n' "$named_by" | while IFS= read -r f; do [ -z "$f" ] || grep -a -h -v '^[[:blank:]]*#' "$f" | head -n 200; done |
    grep -a -o -E '(^|[[:space:]"'"'"'=])[/][A-Za-z0-9._/-]+' | sed 's|^[^A-Za-z0-9._/-]||' | sort -u | head -n 200); do
    case $f in [/]etc[/]*|*[/]bin[/]mfs*|*[/]sbin[/]mfs*) continue ;; esac
    on "$r$f" && continue
    [ -f "$r$f" ] && [ -r "$r$f" ] && [ "$(head -c 2 "$r$f")" = '#!' ] && set -- "$@" "$r$f"
  done
  {
    grep -a -n -E 'mfs(mount|master|chunkserver|metalogger|metarestore|cgiserv|tools|r?[gs]et(goal|trashtime)|checkfile|fileinfo|dirinfo|(make)?snapshot)|fuse[.]mfs|changelog_csback|metadata(_ml)?[.]mfs' "$@"
    for f do
      case $f in */inittab|*/init/*.conf|*/systemd/*) ;; *) continue ;; esac
      case $f in *mfs*|*moosefs*) ;; *) grep -a -q -E 'mfs(master|chunkserver|mount)' "$f" || continue ;; esac
      grep -a -H -n -E '^[[:blank:]]*(respawn([[:blank:]]|$)|Restart=)' "$f"
    done
    grep -a -l -E '^[[:blank:]]*(export[[:blank:]]+)?[A-Za-z_][A-Za-z_0-9]*=[^[:blank:]]*mfs(mount|master|chunkserver)' "$@" |
      while IFS= read -r f; do awk -v "file=$f" "$find_calls" "$f"; done
  } |
    grep -a -v -E '^[^:]*:[0-9]+:[[:blank:]]*[#;]' | head -n 101 | cut -c 1-1000 |
    sed -e '101s|.*|startups cut|' -e t -e 's|^|startup |'
}
find_calls='
$0 ~ "mfs(mount|master|chunkserver)" {
  sub("^[[:blank:]]*(export[[:blank:]]+)?", "")
  if ($0 ~ "^[A-Za-z_][A-Za-z_0-9]*=[^[:blank:]]*mfs(mount|master|chunkserver)[^A-Za-z0-9]*$") { sub("=.*", ""); names[$0] = 1 }
  next
}
{ for (name in names) if ($0 ~ ("[$][{]?" name "([^A-Za-z_0-9]|$)")) { print file ":" FNR ":" $0; next } }
'
users() {
  [ -n "$m" ] && cd /proc || return
  own='|'; q=$$; k=0
  while [ "$q" -gt 1 ] && [ "$k" -lt 100 ]; do
    k=$((k + 1)); own="$own$q|"; x=; read -r x < "$q/stat" || break
    x=${x##*) }; x=${x#* }; q=${x%% *}
  done
  {
    {
      for k in 1 2 3 4 5 6 7 8 9; do
        ls -nq "$k"*/cwd "$k"*/root "$k"*/exe "$k"*/fd
        grep -F -e "$m" /dev/null "$k"*/maps
      done
      echo scanned
    } &
    { q=0; while kill -0 "$!" && [ "$q" -lt 9 ]; do sleep 1; q=$((q + 1)); done; echo late; } &
  } | sed -e '\|^scanned$|q' -e '\|^late$|q' | M=$m OWN=$own awk "$find_users"
}
find_users='
BEGIN { n = split(ENVIRON["M"], mount, "\n"); slash = sprintf("%c", 47) }
function see(pid, path,    i, name) {
  for (i = 1; i <= n; i++) if (path == mount[i] || index(path, mount[i] slash) == 1) {
    if ((i, pid) in seen || index(ENVIRON["OWN"], "|" pid "|")) return
    seen[i, pid] = 1
    if ((getline name < (pid "/stat")) <= 0) return
    close(pid "/stat")
    sub("^[^(]*[(]", "", name); sub("[)][^)]*$", "", name); gsub("[[:cntrl:]]", "?", name)
    if (name == "mfsmount") return
    if (++count[i] > 50) cut = 1; else { gsub("[[:cntrl:]]", "?", path); printf "user\t%s\t%s\t%s\n", pid, name, path }
    return
  }
}
$0 ~ "^[1-9][0-9]*[/]fd:$" { open = $0; sub("[/].*", "", open); next }
$0 ~ "^[1-9][0-9]*[/]maps:" {
  pid = $0; sub("[/].*", "", pid); path = substr($0, index($0, ":")); see(pid, substr(path, index(path, slash))); next
}
substr($0, 1, 1) == "l" && index($0, " -> ") {
  name = substr($0, 1, index($0, " -> ") - 1); sub(".* ", "", name)
  path = substr($0, index($0, " -> ") + 4)
  if (index(name, slash)) { sub("[/].*", "", name); see(name, path) } else see(open, path)
}
$0 == "scanned" { whole = 1 }
END { if (cut || !whole) print "users cut" }
'
"#;

const CALLS: &str = r#"[ -n "$data" ] && { space "$data"; on "$data" || { header metadata.mfs; header metadata.mfs.back; }; }
sed -n 's/^MemAvailable:[[:blank:]]*\([0-9]*\) kB.*/memory \1/p' /proc/meminfo
startup
( users )
"#;

/// What lies under every mount.
const UNDER_MOUNTS: &str = r#"if [ "$(id -u)" = 0 ] && unshare -m true; then
  echo unshare
  [ -n "$m" ] && printf '%s\n' "$m" | while IFS= read -r p; do under "$p" </dev/null; done
fi
"#;
