//! The scripts that copy a running master's metadata and let the new release load the copy. PURE.
//!
//! The trial master must never meet the live one: it gets a configuration of its own with its own lock file, ports and
//! folder, is started with the verb `start`, which refuses to take over, and only if that configuration can be read.
//!
//! Folders above the metadata are 0711, since the trial master gives up root and must reach its own; the copies are 0700.

use semver::Version;
use serde::{Deserialize, Serialize};

use super::sh::{Script, sh};
use super::{AbsPath, FileText};

/// What is copied, and where to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The old release: its mfsmetarestore is kept even where another one was installed since.
    pub from: Version,
    /// The running master's DATA_PATH.
    pub data_path: AbsPath,
    /// The old release's mfsmetarestore, which is copied as well: that of 1.6.18 and later skips some of 1.5's change logs,
    /// and an installation replaces it.
    pub metarestore: AbsPath,
    /// Its configuration files, where they are there.
    pub configuration: Vec<AbsPath>,
    /// Where the copies go: a folder of this program's own on the master's host, 0700.
    pub folder: AbsPath,
}

/// Who may mount, as the new master will be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrialExports {
    /// This text, which the upgrade writes. It is brought into [`Trial::exports_file`] before.
    Text(FileText),
    /// The first of these files that is there; where none is, everybody.
    Files(Vec<AbsPath>),
}

impl Default for TrialExports {
    fn default() -> Self {
        Self::Files(Vec::new())
    }
}

impl TrialExports {
    /// Writes them to `../mfsexports.cfg`; `brought`: where their text was brought to. It has passwords, and everybody on a
    /// host can read the arguments of a process.
    fn script(&self, brought: &AbsPath) -> Script {
        let files = match self {
            Self::Text(text) => {
                return sh!(
                    "e=‹brought›; [ \"$(sha256sum < \"$e\" | cut -c 1-64)\" = ‹sum› ] || { echo 'the exports to try are not there whole'; exit 1; }
cat \"$e\" > ../mfsexports.cfg",
                    brought = brought,
                    sum = text.sha256()
                );
            }
            Self::Files(files) => files,
        };
        let all = sh!("printf '%s\\n' '* / rw,alldirs'");
        let choice = files.iter().rev().fold(all, |others, file| {
            sh!("if [ -f ‹file› ]; then cat ‹file›; else ‹others›; fi", file = file, others = others)
        });
        sh!("{ ‹choice›; } > ../mfsexports.cfg", choice = choice)
    }
}

/// A trial load.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// Where [`Snapshot`] put the copies.
    pub snapshot: AbsPath,
    /// A scratch folder: removed afterwards.
    pub folder: AbsPath,
    /// The new release's mfsmaster, from the tree that it will be installed from.
    pub master: AbsPath,
    /// The user and group that the real one runs as.
    pub user: String,
    /// See `user`.
    pub group: String,
    /// Three ports from here on, on 127.0.0.1: metaloggers, chunkservers, clients.
    pub port: u16,
    /// Who may mount: what the new release refuses, or finds no rule in, it refuses on trial.
    #[serde(default)]
    pub exports: TrialExports,
}

impl Snapshot {
    /// The script. It prints a line `SHA256 TAB BYTES TAB NAME` for every file that it copied. A master that saves its
    /// metadata meanwhile makes it fail, since then the copies may not belong together.
    ///
    /// One whose connection was lost may go on beside the next one: each copies into a folder of its own, and only the
    /// process that was begun last puts its folder in place. What was fetched from here stays what is tried here.
    #[must_use]
    pub fn script(&self) -> Script {
        // named by their whole path: etc/X.cfg and etc/mfs/X.cfg are two files
        let configuration = |file: &AbsPath| {
            let name = file.as_str().trim_start_matches('/').replace('/', "_");
            sh!("[ ! -f ‹file› ] || cp -p ‹file› \"$p/‹name›\"\n", file = file, name = name)
        };
        sh!(
            "set -e; d=‹folder›; p=$d.part.$$; umask 066; mkdir -p \"${d%/*}\"; umask 077
echo $$ > \"$d.turn\"; rm -rf \"$d.part\" \"$d\".part.*; mkdir \"$p\"; cd ‹data›
now() { stat -c '%i %Y %s' metadata.mfs.back; [ ! -e metadata.mfs.back.tmp ]; }
before=$(now)
for f in metadata.mfs.back changelog.*.mfs sessions.mfs; do [ ! -f \"$f\" ] || cp -p \"$f\" \"$p/\"; done
[ \"$before\" = \"$(now)\" ] || { echo 'the master saved its metadata while it was copied'; exit 1; }
r=‹restore›; [ ! -f \"$d/mfsmetarestore\" ] || grep -aq ‹version› \"$r\" || r=$d/mfsmetarestore
[ ! -f \"$r\" ] || cp -p \"$r\" \"$p/mfsmetarestore\"
‹configuration›[ \"$(cat \"$d.turn\")\" = $$ ] || { rm -rf \"$p\"; echo 'another copy was begun after this one'; exit 1; }
rm -rf \"$d\"; mv -T \"$p\" \"$d\"; cd \"$d\"
for f in *; do printf '%s\\t%s\\t%s\\n' \"$(sha256sum < \"$f\" | cut -c 1-64)\" \"$(stat -c %s \"$f\")\" \"$f\"; done",
            folder = &self.folder,
            data = &self.data_path,
            restore = &self.metarestore,
            version = format!("@(#) version: {}", self.from),
            configuration = self.configuration.iter().map(configuration).collect::<Script>(),
        )
    }
}

impl Trial {
    /// The script: restores with the old release, loads with the new one, prints what [`TrialFacts`] reads.
    #[must_use]
    pub fn script(&self) -> Script {
        // 1.5's mfsmetarestore applies change logs in the order given, and takes a call without any for the wish to dump
        // (run). A last line without its end was being written when it was copied.
        sh!(
            "‹end›
set -e; umask 066; mkdir -p \"${t%/*}\"; umask 077; s=‹snapshot›; mkdir -p \"$t/data\"; t=$(cd \"$t\" && pwd -P); cd \"$t/data\"
for f in \"$s\"/metadata.mfs.back \"$s\"/changelog.*.mfs; do [ ! -f \"$f\" ] || cp \"$f\" .; done
[ -z \"$(tail -c 1 changelog.0.mfs 2>/dev/null)\" ] || sed -i '$d' changelog.0.mfs
ms() { read -r u _ < /proc/uptime; echo \"${u%.*}${u#*.}0\"; }
fail() { echo \"$1 ended with exit code $2\"; tail -n 8 \"$3\"; exit 1; }
logs=$(ls changelog.*.mfs 2>/dev/null | sort -t . -k 2 -rn)
b=$(ms); if [ -z \"$logs\" ]; then cp metadata.mfs.back metadata.mfs; else
  \"$s/mfsmetarestore\" -m metadata.mfs.back -o metadata.mfs $logs > ../restore.log 2>&1 || fail mfsmetarestore $? ../restore.log
fi
printf 'restore-ms\\t%s\\n' $(($(ms) - b))
printf 'metaversion\\t%s\\n' \"$(od -An -v -tx1 -j 12 -N 8 metadata.mfs | tr -d ' ')\"
printf 'last-change\\t%s\\n' \"$(cat $logs /dev/null | sed -n 's/^\\([0-9]*\\):.*/\\1/p' | sort -n | tail -n 1)\"
‹exports›
printf %s ‹configuration› > ../mfsmaster.cfg
chown -R ‹owner› \"$t\"; [ -s \"$t/mfsmaster.cfg\" ]
b=$(ms); ‹master› -c \"$t/mfsmaster.cfg\" start < /dev/null > ../start.log 2>&1 || fail 'the new mfsmaster' $? ../start.log
printf 'load-ms\\t%s\\n' $(($(ms) - b))",
            end = self.end(),
            exports = self.exports.script(&self.exports_file()),
            snapshot = &self.snapshot,
            configuration = self.configuration(),
            owner = format!("{}:{}", self.user, self.group),
            master = &self.master,
        )
    }

    /// Its mfsmaster.cfg. A key needs a blank before its `=`, or it is ignored (cfg.c; run); the old name of the clients' port
    /// is for releases before 1.6.26.
    fn configuration(&self) -> String {
        // a daemon takes a number only with this sign in front (main.c @ 1.6.27)
        let named = |name: &str| match name.bytes().all(|b| b.is_ascii_digit()) {
            true => format!("#{name}"),
            false => name.to_owned(),
        };
        let (user, group, folder) = (named(&self.user), named(&self.group), &self.folder);
        let [loggers, servers, clients] = [self.port, self.port + 1, self.port + 2];
        format!(
            "\
WORKING_USER = {user}
WORKING_GROUP = {group}
DATA_PATH = {folder}/data
SYSLOG_IDENT = mfsupgrade-trial
NICE_LEVEL = 19
LOCK_FILE = {folder}/lock
EXPORTS_FILENAME = {folder}/mfsexports.cfg
MATOML_LISTEN_HOST = 127.0.0.1
MATOML_LISTEN_PORT = {loggers}
MATOCS_LISTEN_HOST = 127.0.0.1
MATOCS_LISTEN_PORT = {servers}
MATOCU_LISTEN_HOST = 127.0.0.1
MATOCU_LISTEN_PORT = {clients}
MATOCL_LISTEN_HOST = 127.0.0.1
MATOCL_LISTEN_PORT = {clients}
"
        )
    }

    /// Where the text of its exports is brought to: beside its folder, which is removed when it begins.
    #[must_use]
    pub fn exports_file(&self) -> AbsPath {
        AbsPath::new(&format!("{}.exports", self.folder)).expect("a path and plain letters")
    }

    /// [`Trial::end`], and what was brought for it is removed.
    #[must_use]
    pub fn end_of_all(&self) -> Script {
        match self.exports {
            TrialExports::Text(_) => sh!("‹end›; rm -f ‹file›", end = self.end(), file = &self.exports_file()),
            TrialExports::Files(_) => self.end(),
        }
    }

    /// Ends every process that works in the scratch folder, and none else, and removes the folder.
    #[must_use]
    pub fn end(&self) -> Script {
        sh!(
            "t=‹folder›; cd /; [ ! -d \"$t\" ] || t=$(cd \"$t\" && pwd -P)
ours() { for p in /proc/[0-9]*; do [ \"$(readlink \"$p/cwd\" 2>/dev/null)\" != \"$t/data\" ] || echo \"${p##*/}\"; done; }
n=0; while p=$(ours) && [ -n \"$p\" ] && [ $n -lt 300 ]; do
  case $n in 0) kill -TERM $p ;; 200) kill -KILL $p ;; esac; n=$((n + 1)); sleep 0.1
done; [ -z \"$(ours)\" ] || { echo \"a trial master does not end: $(ours)\"; exit 1; }; rm -rf \"$t\"",
            folder = &self.folder
        )
    }
}

/// What a trial load told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TrialFacts {
    /// Milliseconds that the old release needed to load the metadata, to apply the change logs and to save.
    pub restore_ms: u64,
    /// Milliseconds that the new release needed until it served.
    pub load_ms: u64,
    /// The version of the metadata that was loaded: the number of the next change (offset 12 of its header).
    pub metaversion: u64,
    /// The number of the last change in the change logs; `None` where they have none.
    pub last_change: Option<u64>,
}

impl TrialFacts {
    /// Reads what [`Trial::script`] printed; `None` where something is missing.
    #[must_use]
    pub fn parse(output: &str) -> Option<Self> {
        let value = |key: &str| output.lines().find_map(|l| l.strip_prefix(key)?.strip_prefix('\t')).map(str::trim);
        let last = value("last-change")?;
        Some(Self {
            restore_ms: value("restore-ms")?.parse().ok()?,
            load_ms: value("load-ms")?.parse().ok()?,
            metaversion: u64::from_str_radix(value("metaversion")?, 16).ok()?,
            last_change: if last.is_empty() { None } else { Some(last.parse().ok()?) },
        })
    }
}

/// A file of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copied {
    /// SHA-256 on the host, in hexadecimal.
    pub sha256: String,
    /// Bytes.
    pub bytes: u64,
    /// The file's name in the snapshot's folder.
    pub name: String,
}

impl Copied {
    /// Reads what [`Snapshot::script`] printed; `None` where a line is of another kind, or where there is none.
    #[must_use]
    pub fn parse(output: &str) -> Option<Vec<Self>> {
        let files: Option<Vec<Self>> = output.lines().filter(|l| !l.is_empty()).map(Self::line).collect();
        files.filter(|files| files.iter().any(|f| f.name == "metadata.mfs.back"))
    }

    fn line(line: &str) -> Option<Self> {
        let mut parts = line.split('\t');
        let (sha256, bytes, name) = (parts.next()?.to_owned(), parts.next()?.parse().ok()?, parts.next()?.to_owned());
        // whoever may write into DATA_PATH chooses names of change logs; here each is a file's
        let plain = !name.is_empty() && !name.starts_with('.') && !name.contains(|c: char| c == '/' || c.is_control());
        (sha256.len() == 64 && plain).then_some(Self { sha256, bytes, name })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;
    use std::process::{Command, Stdio};

    /// Stands before the real `stat` in PATH: where it is told to, its second call of a copy waits in the pipe `go`,
    /// after it has said so in the pipe `reached`.
    const STAT: &str = "#!/bin/sh
if [ -n \"$HELD\" ] && [ \"$1 $2\" = '-c %i %Y %s' ]; then
  if [ -e \"$HELD/once\" ]; then echo > \"$HELD/reached\"; cat \"$HELD/go\"; fi
  : > \"$HELD/once\"
fi
PATH=${PATH#*:} exec stat \"$@\"
";

    fn path(path: &Path) -> AbsPath {
        AbsPath::new(path.to_str().unwrap()).unwrap()
    }

    #[test]
    fn a_copy_that_goes_on_after_its_connection_was_lost_does_not_replace_the_next_one() {
        let top = tempfile::tempdir().unwrap();
        let folder = |name: &str| {
            let folder = top.path().join(name);
            fs::create_dir(&folder).unwrap();
            folder
        };
        let (tools, data, held) = (folder("tools"), folder("data"), folder("held"));
        fs::write(tools.join("stat"), STAT).unwrap();
        fs::set_permissions(tools.join("stat"), fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(data.join("metadata.mfs.back"), "metadata").unwrap();
        fs::write(data.join("changelog.0.mfs"), "1: first\n").unwrap();
        let pipes = ["reached", "go"].map(|name| held.join(name));
        assert!(Command::new("mkfifo").args(&pipes).status().unwrap().success());
        let snapshot = Snapshot {
            from: Version::new(1, 5, 12),
            data_path: path(&data),
            metarestore: path(&top.path().join("none")),
            configuration: Vec::new(),
            folder: path(&top.path().join("copies/metadata")),
        };
        let sh = |held: &Path| {
            let mut command = Command::new("/bin/sh");
            let paths = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap());
            command
                .arg("-c")
                .arg(snapshot.script().as_str())
                .env("PATH", paths)
                .env("HELD", held)
                .stdout(Stdio::piped());
            command
        };
        let first = sh(&held).spawn().unwrap();
        fs::read(&pipes[0]).unwrap();
        // the first one has copied all that it wants; its connection is lost, and what it copied grows old
        fs::write(data.join("changelog.0.mfs"), "1: first\n2: second\n").unwrap();
        let second = sh(Path::new("")).output().unwrap();
        assert!(second.status.success());
        fs::write(&pipes[1], "").unwrap();
        let first = first.wait_with_output().unwrap();
        assert!(!first.status.success(), "{}", String::from_utf8_lossy(&first.stdout));
        let kept = fs::read_to_string(snapshot.folder.join("changelog.0.mfs").as_str());
        assert_eq!(kept.unwrap(), "1: first\n2: second\n", "the copy that was told is the one that is there");
        let names: Vec<_> = fs::read_dir(top.path().join("copies")).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert!(names.iter().all(|name| !name.to_str().unwrap().contains("part")), "{names:?}");
    }
}
