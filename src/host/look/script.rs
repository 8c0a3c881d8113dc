//! The look script, put together: what every look asks, and what a [survey](super::survey) adds. PURE: shell text.

use std::collections::BTreeSet;

use super::watch::{LIMIT_S, watched};
use super::{Look, log, survey};
use crate::host::AbsPath;
use crate::host::sh::{Script, sh};
use crate::moosefs::daemon::{PORTS, Role};

const ROLES: [Role; 4] = [Role::Master, Role::Metalogger, Role::Chunkserver, Role::Client];

impl Look {
    /// The script. It changes nothing, needs root only for `/proc/PID/exe` and `cwd` of other users' processes, ends with `end`
    /// so that a look that was cut short is never taken for a whole one, and does not outlive [`super::LIMIT_S`].
    #[must_use]
    pub fn script(&self) -> String {
        watched(&self.asked(), LIMIT_S).into()
    }

    /// The same without an end of its own.
    pub(super) fn asked(&self) -> Script {
        let mut script = match (self.survey, self.users || self.places || !self.under.is_empty()) {
            (true, _) => survey::begin(),
            (false, true) => [survey::begin(), sh!(NO_SURVEY)].into_iter().collect(),
            (false, false) => sh!(NO_SURVEY),
        };
        script.push(&self.users_named());
        script.push(&sh!(COMMON));
        script.push(&self.sockets());
        for role in ROLES {
            for prefix in &self.prefixes {
                script.push(&program("installed", &prefix.join(role.path_in_prefix())));
            }
            for tree in &self.source_dirs {
                script.push(&program("source", &tree.join(&format!("{0}/{0}", role.program()))));
            }
        }
        for prefix in &self.prefixes {
            script.push(&configuration(prefix));
        }
        if let Some(data) = &self.data_path {
            script.push(&sh!("[ -n \"$data\" ] || data=‹data›\n", data = data));
        }
        script.push(&sh!(DATA_FILES));
        if self.headers {
            script.push(&sh!(HEADERS));
        }
        script.push(&self.own_files());
        script.push(&self.at_work());
        if let Some(role) = self.log {
            script.push(&log::asked(role));
        }
        script.push(&if self.survey { survey::end(self) } else { survey::of_mounts(self) });
        script.push(&sh!("echo end\n"));
        script
    }

    /// The users that daemons run as, by their configuration.
    fn users_named(&self) -> Script {
        sh!(
            "user_in() { sed -n 's|^[[:blank:]]*WORKING_USER[[:blank:]][[:blank:]]*=[[:blank:]]*\\([^[:space:]]*\\).*|\\1|p' \"$@\" \
             2>/dev/null; }\nusers_named() { for p in ‹prefixes›; do user_in \"$p\"/etc/mfs*.cfg* \"$p\"/etc/mfs/mfs*.cfg*; done; }\n",
            prefixes = &self.prefixes[..]
        )
    }

    /// A socket of IPv6 may have the port of IPv4 as well; a kernel without it has no such table.
    fn sockets(&self) -> Script {
        let mut ports = BTreeSet::from(PORTS);
        ports.insert(self.admin_port);
        ports.extend(&self.ports);
        let hex = ports.iter().map(|port| format!("{port:04X}")).collect::<Vec<_>>().join("|");
        sh!(
            "grep -h -E ‹pattern› /proc/net/tcp /proc/net/tcp6 2>/dev/null | sed 's|^|tcp |'\n",
            pattern = format!(":({hex}) ")
        )
    }

    /// What this program left on the host, and what a chunkserver's disks hold.
    fn own_files(&self) -> Script {
        let kept =
            |file| sh!("[ -f ‹file› ] && line kept ‹file› \"$(sha256sum < ‹file› | cut -c 1-64)\"\n", file = file);
        let wide = |disk| {
            sh!(
                "[ -d ‹disk› ] && line wide ‹disk› \"$(cd ‹disk› && find ./[0-9A-F][0-9A-F] ! -name '[0-9A-F][0-9A-F]' -prune \
                 -type f -name \"$chunk\" 2>/dev/null | wc -l)\"\n",
                disk = disk
            )
        };
        let archive = |file| {
            sh!(
                "[ -f ‹file› ] && { line archive ‹file›; tar -tf ‹file› >/dev/null 2>&1 && tar -tf ‹file› | \
                 grep -E '^s?bin/mfs' | while read -r x; do n=; case $x in sbin/mfsmaster|sbin/mfschunkserver|bin/mfsmount) \
                 n=$(tar -xOf ‹file› \"$x\" 2>/dev/null | grep -a -o \"$v\" | tail -n 1) ;; esac; \
                 line holds ‹file› \"$x\" \"${n##* }\"; done; }\n",
                file = file
            )
        };
        let lines = self.work_files.iter().map(kept).chain(self.disks.iter().map(wide));
        lines.chain(self.archives.iter().map(archive)).collect()
    }

    /// Processes that an earlier command of ours left at work.
    fn at_work(&self) -> Script {
        let in_folder = self.busy_in.as_ref().map(|folder| {
            sh!(
                "for d in /proc/[0-9]*; do case $(readlink \"$d/cwd\" 2>/dev/null) in \
                 ‹folder›|‹folder›/*) line busy \"${d##*/}\" ;; esac; done\n",
                folder = folder
            )
        });
        let jobs = self.jobs_in.as_ref().map(|folder| {
            sh!(
                "for l in ‹folder›/*/*.lock; do [ ! -e \"$l\" ] || flock -s -n \"$l\" true || \
                 printf 'busy\\t%d\\n' \"$(cat \"${l%.lock}/pid\" 2>/dev/null)\"; done 2>/dev/null\n",
                folder = folder
            )
        });
        in_folder.into_iter().chain(jobs).collect()
    }
}

/// A key needs a blank before its `=`, or both releases ignore it (cfg.c; run).
fn configuration(prefix: &AbsPath) -> Script {
    let files = |folder| {
        sh!(
            "[ -f ‹master› ] && { line config ‹master›; grep -E \
             '^[[:space:]]*MATOC[UL]_LISTEN_(HOST|PORT)[[:space:]]+=' ‹master› | while read -r k; do \
             line key ‹master› \"$k\"; done; }\n[ -f ‹exports› ] && \
             line exports ‹exports› \"$(grep -c '^[[:space:]]*[^#[:space:]]' ‹exports›)\"\n",
            master = &prefix.join(folder).join("mfsmaster.cfg"),
            exports = &prefix.join(folder).join("mfsexports.cfg"),
        )
    };
    ["etc/mfs", "etc"].into_iter().map(files).collect()
}

/// What is asked of a process beyond what every look tells.
const NO_SURVEY: &str = "at() { :; }\n";

/// What every look tells. `clean` is the one place where what a host says gets into the answer: no name of a file, a folder or
/// a program ends a line or a field. A process counts that is root's, or a daemon's that is of a user which the host's own
/// configuration names or the releases' own (`nobody`, `mfs`): any other user may call a program `mfsmaster`.
///
/// A line that may be long is sent in parts (`folded`), since one of more than 64 KiB is cut on its way; a command line of more than
/// 30,000 bytes, which no daemon or mount of MooseFS has, ends with an option that none of them knows.
///
/// A mount's place is what it resolves to (`place`): parents of a mount point are gone into and links read, never a mount itself,
/// which may hang.
///
/// A process's version is read from the binary that it runs, through `/proc/PID/exe`, which stays
/// readable after the file was replaced. A master that is only tried on a copy (`host::metadata::Trial`), whoever's run
/// began it, is nobody's daemon: it is known by its folder and the configuration in it.
///
/// A chunk's name has the 16 digits of its id and the 8 of its version (`hddspacemgr.c` @ 1.5.12, hdd_folder_scan).
const COMMON: &str = r#"export LC_ALL=C; h='[0-9A-F][0-9A-F][0-9A-F][0-9A-F]'; chunk=chunk_$h$h$h${h}_$h$h.mfs; v='@(#) version: [0-9][0-9]*[.][0-9][0-9]*[.][0-9][0-9]*'
clean() {
  _c=$1
  case $_c in *[[:cntrl:]]*) _c=$(printf '%s' "$_c" | tr '[:cntrl:]' '?') ;; esac
}
line() {
  printf '%s' "$1"; shift
  for _f do clean "$_f"; printf '\t%s' "$_c"; done
  echo
}
folded() { fold -b -w 10000 | sed "2,\$s|^|more$(printf '\t')|"; }
line uid "$(id -u)"
line hostname "$(hostname 2>/dev/null || cat /proc/sys/kernel/hostname)"
line boot "$(cat /proc/sys/kernel/random/boot_id)"
for f in pid net; do u=$(readlink "/proc/self/ns/$f" 2>/dev/null) && line space_of "$f" "$u"; done
line clock "$(date +%s)"
for f in /etc/machine-id /var/lib/dbus/machine-id; do
  { read -r u < "$f" && line machine "$u"; } 2>/dev/null && break
done
{ read -r u < /sys/class/dmi/id/product_uuid && line hardware "$u"; } 2>/dev/null
{ read -r u _ < /proc/uptime && line uptime "$u"; } 2>/dev/null
command -v make >/dev/null 2>&1 && echo make
[ -e /dev/fuse ] && echo fuse
ours=
root=/proc; root=${root%/proc}
known() {
  for x do
    case $x in '#'*) y=${x#?} ;; *) y=$(id -u "$x" 2>/dev/null) ;; esac
    [ -z "$y" ] || ours="$ours$y "
  done
}
trusted() {
  [ "$u" != 0 ] || return 0
  [ "$c" != mfsmount ] || return 1
  [ -n "$ours" ] || { ours=' '; known nobody mfs $(users_named); }
  f=$({ tr '\0' '\n' < "$d/cmdline" | sed -n -e '1d' -e 's|^-c\(..*\)$|\1|p' -e '\|^-c$|{' -e 'n;p' -e '}' | head -n 1; } 2>/dev/null)
  case $ours in *" $u "*) return 0 ;; esac
  case $f in /*) ;; *) return 1 ;; esac
  [ "$(stat -c %u "$root$f" 2>/dev/null)" = 0 ] || return 1
  known $(user_in "$root$f")
  case $ours in *" $u "*) return 0 ;; esac
  return 1
}
mounted() { Q=$1 awk 'BEGIN { slash = sprintf("%c", 47) } $3 !~ "^fuse" { next } $2 == ENVIRON["Q"] { x = 1 } index(ENVIRON["Q"], $2 slash) == 1 { y = 1 } END { exit x ? 0 : y ? 2 : 1 }' /proc/mounts; }
place() {
  q=$1; k=0
  while [ "$k" -lt 40 ]; do
    k=$((k + 1)); while [ "$q" != "${q%/}" ]; do q=${q%/}; done
    y=0; mounted "$q" || y=$?
    [ "$y" != 2 ] || return 0
    [ "$y" = 0 ] || {
      y=$(cd "$root${q%/*}/" && pwd -P) || return 0
      y=${y#"$root"}; q=${y%/}/${q##*/}
      mounted "$q" && y=0
    }
    [ "$y" != 0 ] || { [ "$q" = "$2" ] || line place "${d##*/}" "$2" "$q"; return; }
    x=$(readlink "$root$q") || return 0
    case $x in /*) q=$x ;; *) q=${q%/*}/$x ;; esac
  done
}
places() {
  tr '\0' '\n' < "$d/cmdline" | sed 1d | while IFS= read -r a; do
    case $a in -*w) continue ;; -*w*) b=${a#-*w} ;; -*) continue ;; *) b=$a ;; esac
    case $b in /*) place "$b" "$b" ;; ?*) place "$w/$b" "$b" ;; esac
  done
} 2>/dev/null
data=
for d in /proc/[0-9]*; do
  s=; { read -r s < "$d/stat"; } 2>/dev/null
  c=${s#*(}; c=${c%%)*}
  case $c in mfsmaster|mfsmetalogger|mfschunkserver|mfsmount) ;; *) continue ;; esac
  u=; { while read -r x y; do case $x in Uid:) u=${y%%[!0-9]*}; break ;; esac; done < "$d/status"; } 2>/dev/null
  [ -n "$u" ] || continue
  trusted || { line stranger "${d##*/}" "$c" "$u"; continue; }
  case ${s##*) } in [A-Za-z]' '[0-9]*) ;; *) continue ;; esac
  e=$(readlink "$d/exe" 2>/dev/null) || continue
  w=$(readlink "$d/cwd" 2>/dev/null)
  case $c:$w in mfsmaster:*/trial/data)
    { tr '\0' '\n' < "$d/cmdline"; } 2>/dev/null | grep -qxF -e "${w%/data}/mfsmaster.cfg" && {
      line tried "${d##*/}"; continue; } ;;
  esac
  n=$(grep -a -o -m 1 "$v" "$d/exe" 2>/dev/null | head -n 1)
  [ "$c" = mfsmaster ] && data=$w
  l=; i=$(stat -c %i "$w/.$c.lock" 2>/dev/null)
  if [ -n "$i" ] && [ -r /proc/locks ]; then
    l=free; grep -q " ${d##*/} [0-9a-f]*:[0-9a-f]*:$i " /proc/locks && l=held
  fi
  line process "${d##*/}" "$c" "${n##* }" "$e" "$w" "$l" "${s##*) }" | tr '\n' '\t'
  { tr '\001-\037\177' '?' < "$d/cmdline" | tr '\0' '\t' | awk 'length($0) > 30000 { $0 = substr($0, 1, 30000) "\t-[cut]\t" } { print }'; } 2>/dev/null; echo
  [ "$c" != mfsmount ] || places
  at "$d" "$c" "$e" "$w" 2>/dev/null
done
grep -E '^[^ ]+ [^ ]+ fuse(|[.]mfs|[.]mfsmeta) ' /proc/mounts 2>/dev/null | sed 's|^|mount |'
"#;

/// The files of the master's DATA_PATH, the running master's where there is one.
const DATA_FILES: &str = r#"for f in "$data"/*.mfs "$data"/*.mfs.back*; do
  t=$(stat -c '%s %Y' "$f" 2>/dev/null) && line data "${f##*/}" "$t"
done
"#;

/// The kind of the metadata, `MFSM 1.5` or `MFSM NEW`, and its version; and the number of the last change.
const HEADERS: &str = r#"for f in metadata.mfs metadata.mfs.back; do
  x=$(od -An -v -tx1 -N 20 "$data/$f" 2>/dev/null | tr -d ' \n') && [ -n "$x" ] && line header "$f" "$x"
done
x=$(tail -n 1 "$data/changelog.0.mfs" 2>/dev/null | sed -n 's/^\([0-9][0-9]*\):.*/\1/p') && [ -n "$x" ] && line change "$x"
"#;

fn program(what: &str, path: &AbsPath) -> Script {
    sh!(
        "[ -f ‹path› ] && { n=$(grep -a -o -m 1 \"$v\" ‹path› 2>/dev/null | head -n 1); \
         line ‹what› ‹path› \"${n##* }\"; }\n",
        path = path,
        what = what,
    )
}
