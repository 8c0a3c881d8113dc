//! The look script, put together: what every look asks, and what a [survey](super::survey) adds. PURE: shell text.

use std::collections::BTreeSet;

use super::{Look, survey};
use crate::host::AbsPath;
use crate::host::shell::quote;
use crate::moosefs::daemon::Role;

const ROLES: [Role; 4] = [Role::Master, Role::Metalogger, Role::Chunkserver, Role::Client];

impl Look {
    /// The script. It changes nothing, needs root only for `/proc/PID/exe` and `cwd` of other users' processes, and
    /// ends with `end` so that a look that was cut short is never taken for a whole one.
    #[must_use]
    pub fn script(&self) -> String {
        let mut script = match (self.survey, self.users || !self.under.is_empty()) {
            (true, _) => survey::begin(),
            (false, true) => survey::begin() + NO_SURVEY,
            (false, false) => NO_SURVEY.to_owned(),
        };
        script.push_str(COMMON);
        let mut ports = BTreeSet::from([9419, 9420, 9421, 9422, self.admin_port]);
        ports.extend(&self.ports);
        let hex = ports.iter().map(|port| format!("{port:04X}")).collect::<Vec<_>>().join("|");
        // a socket of IPv6 may have the port of IPv4 as well; a kernel without it has no such table
        script
            .push_str(&format!("grep -h -E ':({hex}) ' /proc/net/tcp /proc/net/tcp6 2>/dev/null | sed 's|^|tcp |'\n"));
        for role in ROLES {
            for prefix in &self.prefixes {
                script.push_str(&program("installed", &prefix.join(role.path_in_prefix())));
            }
            for tree in &self.source_dirs {
                script.push_str(&program("source", &tree.join(&format!("{0}/{0}", role.program()))));
            }
        }
        for prefix in &self.prefixes {
            for folder in ["etc/mfs", "etc"] {
                let path = prefix.join(folder).join("mfsmaster.cfg");
                let path = quote(path.as_str()).into_owned();
                // without a blank before `=` both releases ignore a key (cfg.c; run)
                script.push_str(&format!(
                    "[ -f {path} ] && {{ printf 'config\\t%s\\n' {path}; grep -E \
                     '^[[:space:]]*MATOC[UL]_LISTEN_(HOST|PORT)[[:space:]]+=' {path} | while read -r k; do \
                     printf 'key\\t%s\\t%s\\n' {path} \"$k\"; done; }}\n"
                ));
                let path = prefix.join(folder).join("mfsexports.cfg");
                let path = quote(path.as_str()).into_owned();
                script.push_str(&format!(
                    "[ -f {path} ] && printf 'exports\\t%s\\t%s\\n' {path} \"$(grep -c '^[[:space:]]*[^#[:space:]]' {path})\"\n"
                ));
            }
        }
        if let Some(data) = &self.data_path {
            script.push_str(&format!(": \"${{data:={}}}\"\n", quote(data.as_str())));
        }
        script.push_str(DATA_FILES);
        for file in &self.work_files {
            let file = quote(file.as_str());
            script.push_str(&format!(
                "[ -f {file} ] && printf 'kept\\t%s\\t%s\\n' {file} \"$(sha256sum < {file} | cut -c 1-64)\"\n"
            ));
        }
        if self.headers {
            script.push_str(HEADERS);
        }
        for disk in &self.disks {
            let disk = quote(disk.as_str());
            script.push_str(&format!(
                "[ -d {disk} ] && printf 'wide\\t%s\\t%s\\n' {disk} \"$(cd {disk} && find ./[0-9A-F][0-9A-F] -name \
                 'chunk_*.mfs' 2>/dev/null | wc -l)\"\n"
            ));
        }
        for file in &self.archives {
            let file = quote(file.as_str());
            script.push_str(&format!(
                "[ -f {file} ] && {{ printf 'archive\\t%s\\n' {file}; tar -tf {file} 2>/dev/null | grep -E '^s?bin/mfs' | \
                 while read -r x; do printf 'holds\\t%s\\t%s\\n' {file} \"$x\"; done; }}\n"
            ));
        }
        if let Some(folder) = &self.busy_in {
            let folder = quote(folder.as_str());
            script.push_str(&format!(
                "for d in /proc/[0-9]*; do case $(readlink \"$d/cwd\" 2>/dev/null) in \
                 {folder}|{folder}/*) printf 'busy\\t%s\\n' \"${{d##*/}}\" ;; esac; done\n"
            ));
        }
        if let Some(folder) = &self.jobs_in {
            let folder = quote(folder.as_str());
            script.push_str(&format!(
                "for l in {folder}/*/*.lock; do [ ! -e \"$l\" ] || flock -s -n \"$l\" true || \
                 printf 'busy\\t%d\\n' \"$(cat \"${{l%.lock}}/pid\" 2>/dev/null)\"; done 2>/dev/null\n"
            ));
        }
        if self.survey {
            script.push_str(&survey::end(self));
        } else {
            script.push_str(&survey::of_mounts(self));
        }
        script.push_str("echo end\n");
        script
    }
}

/// What is asked of a process beyond what every look tells.
const NO_SURVEY: &str = "at() { :; }\n";

/// What every look tells. A process's version is read from the binary that it runs, through `/proc/PID/exe`, which stays
/// readable after the file was replaced. A master that is only tried on a copy (`host::metadata::Trial`), whoever's run
/// began it, is nobody's daemon: it is known by its folder and the configuration in it.
const COMMON: &str = r#"export LC_ALL=C; v='@(#) version: [0-9][0-9]*[.][0-9][0-9]*[.][0-9][0-9]*'
printf 'uid\t%s\n' "$(id -u)"
printf 'hostname\t%s\n' "$(hostname 2>/dev/null || cat /proc/sys/kernel/hostname)"
printf 'boot\t%s\n' "$(cat /proc/sys/kernel/random/boot_id)"
printf 'clock\t%s\n' "$(date +%s)"
command -v make >/dev/null 2>&1 && echo make
[ -e /dev/fuse ] && echo fuse
data=
for d in /proc/[0-9]*; do
  s=; { read -r s < "$d/stat"; } 2>/dev/null
  c=${s#*(}; c=${c%%)*}
  case $c in mfsmaster|mfsmetalogger|mfschunkserver|mfsmount) ;; *) continue ;; esac
  e=$(readlink "$d/exe" 2>/dev/null) || continue
  w=$(readlink "$d/cwd" 2>/dev/null)
  case $c:$w in mfsmaster:*/trial/data)
    { tr '\0' '\n' < "$d/cmdline"; } 2>/dev/null | grep -qxF -e "${w%/data}/mfsmaster.cfg" && {
      printf 'tried\t%s\n' "${d##*/}"; continue; } ;;
  esac
  n=$(grep -a -o -m 1 "$v" "$d/exe" 2>/dev/null | head -n 1)
  [ "$c" = mfsmaster ] && data=$w
  l=; i=$(stat -c %i "$w/.$c.lock" 2>/dev/null)
  if [ -n "$i" ] && [ -r /proc/locks ]; then
    l=free; grep -q " ${d##*/} [0-9a-f]*:[0-9a-f]*:$i " /proc/locks && l=held
  fi
  printf 'process\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t' "${d##*/}" "$c" "${n##* }" "$e" "$w" "$l" "${s##*) }"
  { tr '\0\n' '\t ' < "$d/cmdline"; } 2>/dev/null; echo
  at "$d" "$c" "$e" "$w" 2>/dev/null
done
grep -E '^[^ ]+ [^ ]+ fuse(|[.]mfs|[.]mfsmeta) ' /proc/mounts 2>/dev/null | sed 's|^|mount |'
"#;

/// The files of the master's DATA_PATH, the running master's where there is one.
const DATA_FILES: &str = r#"for f in "$data"/*.mfs "$data"/*.mfs.back*; do
  t=$(stat -c '%s %Y' "$f" 2>/dev/null) && printf 'data\t%s\t%s\n' "${f##*/}" "$t"
done
"#;

/// The kind of the metadata, `MFSM 1.5` or `MFSM NEW`, and its version; and the number of the last change.
const HEADERS: &str = r#"for f in metadata.mfs metadata.mfs.back; do
  x=$(od -An -v -tx1 -N 20 "$data/$f" 2>/dev/null | tr -d ' \n') && [ -n "$x" ] && printf 'header\t%s\t%s\n' "$f" "$x"
done
x=$(tail -n 1 "$data/changelog.0.mfs" 2>/dev/null | sed -n 's/^\([0-9][0-9]*\):.*/\1/p') && [ -n "$x" ] && printf 'change\t%s\n' "$x"
"#;

fn program(what: &str, path: &AbsPath) -> String {
    let path = quote(path.as_str()).into_owned();
    format!(
        "[ -f {path} ] && {{ n=$(grep -a -o -m 1 \"$v\" {path} 2>/dev/null | head -n 1); \
         printf '{what}\\t%s\\t%s\\n' {path} \"${{n##* }}\"; }}\n"
    )
}
