//! Looking at a host: one read-only script a look, and the pure reading of what it prints.
//!
//! The script uses nothing but a POSIX shell, `/proc` and coreutils and grep, so that it runs on hosts of MooseFS 1.5's
//! time. It calls no binary of MooseFS: in 1.5 even `-v` is not safe to guess about.

use std::net::Ipv4Addr;

use semver::Version;

use super::AbsPath;
use super::facts::{FileFact, HostFacts, MountLine, Process, Socket};
use super::shell::quote;
use crate::moosefs::daemon::Role;

/// What to look at, beyond what every look tells.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Look {
    /// Below which prefixes programs are installed.
    pub prefixes: Vec<AbsPath>,
    /// The trees to install from.
    pub source_dirs: Vec<AbsPath>,
    /// A folder in which a command of ours may still be at work.
    pub busy_in: Option<AbsPath>,
    /// The master's DATA_PATH, for when no master runs whose working folder would tell it.
    pub data_path: Option<AbsPath>,
    /// The master's port for clients and admin tools, when it is not the default.
    pub admin_port: u16,
    /// Whether everything is looked at that stands in the way of an upgrade: configuration files, space, disks, who uses
    /// which mount. Once a host and run; the looks at single steps are short.
    pub survey: bool,
    /// Files of this program's own on the host, whose SHA-256 is wanted.
    pub work_files: Vec<AbsPath>,
}

const ROLES: [Role; 4] = [Role::Master, Role::Metalogger, Role::Chunkserver, Role::Client];

impl Look {
    /// The script. It changes nothing, needs root only for `/proc/PID/exe` and `cwd` of other users' processes, and
    /// ends with `end` so that a look that was cut short is never taken for a whole one.
    #[must_use]
    pub fn script(&self) -> String {
        let mut script = String::from(COMMON);
        let ports = [9419, 9420, 9421, 9422, self.admin_port];
        let hex = ports.map(|port: u16| format!("{port:04X}")).join("|");
        script.push_str(&format!("grep -E ':({hex}) ' /proc/net/tcp 2>/dev/null | sed 's|^|tcp |'\n"));
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
        if let Some(folder) = &self.busy_in {
            let folder = quote(folder.as_str());
            script.push_str(&format!(
                "for d in /proc/[0-9]*; do case $(readlink \"$d/cwd\" 2>/dev/null) in \
                 {folder}|{folder}/*) printf 'busy\\t%s\\n' \"${{d##*/}}\" ;; esac; done\n"
            ));
        }
        script.push_str("echo end\n");
        script
    }
}

/// What every look tells. A process's version is read from the binary that it runs, through `/proc/PID/exe`, which stays
/// readable after the file was replaced.
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
  n=$(grep -a -o -m 1 "$v" "$d/exe" 2>/dev/null | head -n 1)
  [ "$c" = mfsmaster ] && data=$w
  l=; i=$(stat -c %i "$w/.$c.lock" 2>/dev/null)
  if [ -n "$i" ] && [ -r /proc/locks ]; then
    l=free; grep -q " ${d##*/} [0-9a-f]*:[0-9a-f]*:$i " /proc/locks && l=held
  fi
  printf 'process\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t' "${d##*/}" "$c" "${n##* }" "$e" "$w" "$l" "${s##*) }"
  { tr '\0\n' '\t ' < "$d/cmdline"; } 2>/dev/null; echo
done
grep -E '^[^ ]+ [^ ]+ fuse(|[.]mfs|[.]mfsmeta) ' /proc/mounts 2>/dev/null | sed 's|^|mount |'
"#;

/// The files of the master's DATA_PATH, the running master's where there is one.
const DATA_FILES: &str = r#"for f in "$data"/*.mfs "$data"/*.mfs.back*; do
  t=$(stat -c '%s %Y' "$f" 2>/dev/null) && printf 'data\t%s\t%s\n' "${f##*/}" "$t"
done
"#;

fn program(what: &str, path: &AbsPath) -> String {
    let path = quote(path.as_str()).into_owned();
    format!(
        "[ -f {path} ] && {{ n=$(grep -a -o -m 1 \"$v\" {path} 2>/dev/null | head -n 1); \
         printf '{what}\\t%s\\t%s\\n' {path} \"${{n##* }}\"; }}\n"
    )
}

/// Why a look's output could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableLook {
    /// The last line is missing.
    #[error("its answer was cut short")]
    CutShort,
    /// A line that is not as the script prints it.
    #[error("line {0:?} of its answer cannot be read")]
    Line(String),
}

impl HostFacts {
    /// Reads what [`Look::script`] printed.
    ///
    /// # Errors
    /// [`UnreadableLook`]; half an answer is no answer.
    pub fn parse(output: &str) -> Result<Self, UnreadableLook> {
        let mut facts = Self::default();
        let mut whole = false;
        for line in output.lines().filter(|l| !l.is_empty()) {
            whole = line == "end";
            facts.read_line(line).ok_or_else(|| UnreadableLook::Line(line.chars().take(200).collect()))?;
        }
        facts.forget_forks();
        if whole { Ok(facts) } else { Err(UnreadableLook::CutShort) }
    }

    /// A master forks once an hour to save its metadata: a process whose parent is of the same role is no second daemon.
    fn forget_forks(&mut self) {
        let parents: Vec<(u32, Role)> = self.processes.iter().map(|p| (p.pid, p.role)).collect();
        self.processes.retain(|p| !parents.contains(&(p.parent, p.role)));
    }

    fn read_line(&mut self, line: &str) -> Option<()> {
        let (key, rest) = line.split_once(['\t', ' ']).unwrap_or((line, ""));
        let mut parts = rest.split('\t');
        match key {
            "uid" => self.root = rest == "0",
            "hostname" => rest.clone_into(&mut self.hostname),
            "boot" => rest.clone_into(&mut self.boot_id),
            "clock" => self.clock = rest.parse().ok()?,
            "config" => {
                self.master_configs.insert(rest.to_owned(), Vec::new());
            }
            "key" => {
                let file = self.master_configs.get_mut(parts.next()?)?;
                let (key, value) = parts.next()?.split_once('=')?;
                file.push((key.trim().to_owned(), value.trim().to_owned()));
            }
            "busy" => self.busy.push(rest.parse().ok()?),
            "make" => self.make = true,
            "fuse" => self.fuse = true,
            "process" => self.processes.push(process(&mut parts)?),
            "mount" => self.mounts.extend(mount(rest)?),
            "tcp" => self.sockets.extend(socket(rest)?),
            "installed" => drop(self.installed.insert(parts.next()?.to_owned(), version(parts.next()?))),
            "source" => drop(self.source.insert(parts.next()?.to_owned(), version(parts.next()?))),
            "kept" => drop(self.kept.insert(parts.next()?.to_owned(), parts.next()?.to_owned())),
            "exports" => drop(self.exports.insert(parts.next()?.to_owned(), parts.next()?.parse().ok()?)),
            "data" => {
                let name = parts.next()?.to_owned();
                let (size, modified) = parts.next()?.split_once(' ')?;
                let fact = FileFact { size: size.parse().ok()?, modified: modified.parse().ok()? };
                self.data_files.insert(name, fact);
            }
            "end" => {}
            _ => return None,
        }
        Some(())
    }
}

fn version(text: &str) -> Option<Version> {
    text.parse().ok()
}

/// `PID COMM VERSION EXE CWD LOCK STAT-BEHIND-THE-NAME ARG0 ARG…`, tab separated. Field 22 of stat is the 20th behind the name.
fn process(parts: &mut std::str::Split<'_, char>) -> Option<Process> {
    let pid = parts.next()?.parse().ok()?;
    let role = match parts.next()? {
        "mfsmaster" => Role::Master,
        "mfschunkserver" => Role::Chunkserver,
        "mfsmetalogger" => Role::Metalogger,
        "mfsmount" => Role::Client,
        _ => return None,
    };
    let version = version(parts.next()?);
    let exe = parts.next()?.to_owned();
    let cwd = parts.next()?.to_owned();
    let locked = match parts.next()? {
        "held" => Some(true),
        "free" => Some(false),
        _ => None,
    };
    let mut stat = parts.next()?.split(' ');
    let parent = stat.nth(1)?.parse().ok()?;
    let start = stat.nth(17)?.parse().ok()?;
    let mut arguments: Vec<String> = parts.skip(1).map(str::to_owned).collect();
    // /proc/PID/cmdline ends with a NUL, which the script turned into a last, empty field
    if arguments.last().is_some_and(String::is_empty) {
        arguments.pop();
    }
    Some(Process {
        pid,
        role,
        parent,
        start,
        exe,
        version,
        cwd,
        locked,
        arguments,
        user: String::new(),
        group: String::new(),
        memory: 0,
    })
}

/// A line of /proc/mounts; `Some(None)` for a fuse mount of something else.
fn mount(line: &str) -> Option<Option<MountLine>> {
    let mut words = line.split(' ');
    let (source, point, kind, options) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let ours = kind != "fuse" || source == "MFS" || source == "MFSMETA";
    Some(ours.then(|| MountLine {
        source: source.to_owned(),
        mount_point: point.to_owned(),
        kind: kind.to_owned(),
        options: options.to_owned(),
    }))
}

/// A line of /proc/net/tcp; `Some(None)` for a socket that neither listens (0A) nor is established (01).
fn socket(line: &str) -> Option<Option<Socket>> {
    let mut words = line.split_whitespace().skip(1);
    let local = address(words.next()?)?;
    let remote = address(words.next()?)?;
    let state = words.next()?;
    Some(matches!(state, "01" | "0A").then_some(Socket { local, remote, listening: state == "0A" }))
}

/// `0A00000A:24CD`: the address in the host's byte order (all of MooseFS's hosts were little-endian), the port not.
fn address(text: &str) -> Option<(Ipv4Addr, u16)> {
    let (address, port) = text.split_once(':')?;
    let address = u32::from_str_radix(address, 16).ok()?;
    Some((Ipv4Addr::from(address.swap_bytes()), u16::from_str_radix(port, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_at_this_machine_is_read_whole() {
        let look = Look {
            prefixes: vec![AbsPath::new("/usr/local").unwrap()],
            source_dirs: vec![AbsPath::new("/usr/src/mfs-1.6.27").unwrap()],
            data_path: Some(AbsPath::new("/tmp").unwrap()),
            busy_in: AbsPath::new(std::env::current_dir().unwrap().to_str().unwrap()).ok(),
            admin_port: 9421,
            survey: true,
            work_files: vec![AbsPath::new("/etc/passwd").unwrap()],
        };
        let output = std::process::Command::new("/bin/sh").arg("-c").arg(look.script()).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "the script says nothing on stderr");
        let facts = HostFacts::parse(&String::from_utf8_lossy(&output.stdout)).unwrap();
        assert!(!facts.boot_id.is_empty());
        assert!(facts.busy.contains(&std::process::id()), "this test works in its own folder");
        assert!(facts.clock > 1_500_000_000);
    }

    /// As printed on a real master (facts, field notes), with the pids and addresses of the lab.
    const MASTER: &str = "uid\t0\nhostname\tmaster\nboot\tb\nclock\t1700000000\nmake\nfuse\n\
        process\t77\tmfsmaster\t1.5.12\t/usr/local/sbin/mfsmaster (deleted)\t/usr/local/var/mfs\theld\tS 1 77 77 0 -1 4194624 1 2 3 4 5 6 7 8 0 -19 1 0 4711 9 9\t/usr/local/sbin/mfsmaster\t-c\t/etc/x.cfg\t\n\
        mount MFS /mnt/mfs fuse rw,relatime 0 0\nmount x /mnt/other fuse rw 0 0\nmount mfsmaster:9421 /mnt/new fuse.mfs rw,nosuid 0 0\n\
        tcp    0: 00000000:24CD 00000000:0000 0A 00000000:00000000 00:00000000 00000000\n\
        tcp    1: 0A004D0A:8AF6 0A004D0A:24CC 01 00000000:00000000 00:00000000 00000000\n\
        installed\t/usr/local/sbin/mfsmaster\t1.6.27\ninstalled\t/usr/local/bin/mfsmount\t\n\
        config\t/usr/local/etc/mfsmaster.cfg\nkey\t/usr/local/etc/mfsmaster.cfg\tMATOCU_LISTEN_PORT = 9500\n\
        exports\t/usr/local/etc/mfs/mfsexports.cfg\t2\ndata\tmetadata.mfs.back\t120 1700000000\nend\n";

    #[test]
    fn a_masters_look_is_read() {
        let facts = HostFacts::parse(MASTER).unwrap();
        let master = facts.daemon(Role::Master).unwrap();
        assert_eq!((master.pid, master.start), (77, 4711));
        assert_eq!(master.version, Some(Version::new(1, 5, 12)));
        assert_eq!(master.arguments, ["-c", "/etc/x.cfg"]);
        assert_eq!(facts.mounts.len(), 2, "a fuse mount of something else is not ours");
        assert_eq!(facts.mount("/mnt/mfs").unwrap().kind, "fuse");
        assert_eq!(facts.listener(9421), Some(Ipv4Addr::UNSPECIFIED));
        assert_eq!(facts.address_towards(9420), Some(Ipv4Addr::new(10, 77, 0, 10)));
        let prefix = AbsPath::new("/usr/local").unwrap();
        assert_eq!(facts.installed_version(&prefix, Role::Master), Some(&Version::new(1, 6, 27)));
        assert_eq!(facts.installed_version(&prefix, Role::Client), None);
        assert_eq!(facts.exports["/usr/local/etc/mfs/mfsexports.cfg"], 2);
        let keys = &facts.master_configs["/usr/local/etc/mfsmaster.cfg"];
        assert_eq!(keys[..], [("MATOCU_LISTEN_PORT".to_owned(), "9500".to_owned())]);
        assert_eq!(facts.data_files["metadata.mfs.back"].size, 120);
    }

    #[test]
    fn half_an_answer_is_no_answer() {
        assert_eq!(HostFacts::parse(""), Err(UnreadableLook::CutShort));
        for cut in 0..MASTER.len() - 1 {
            assert!(HostFacts::parse(&MASTER[..cut]).is_err() || MASTER[..cut].ends_with("end"), "cut at {cut}");
        }
        assert!(matches!(HostFacts::parse("sudo: a password is required\nend\n"), Err(UnreadableLook::Line(_))));
    }
}
