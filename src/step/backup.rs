//! A running master's metadata is copied. PURE.
//!
//! Folders above the metadata are 0711, since the master of a trial gives up root and must reach its own; the copies are 0700.

use semver::Version;
use serde::{Deserialize, Serialize};

use super::seen::runs_already;
use super::{Effect, Kind, Seen, Verdict};
use crate::host::sh::{Script, sh};
use crate::host::{AbsPath, HostFacts, Look};
use crate::moosefs::daemon::Role;

/// Copies metadata on the master's host, and from there to the run's own folder. Shown by checksums of both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup {
    /// The folder on the host.
    pub folder: AbsPath,
    /// How.
    pub command: SnapshotCommand,
}

/// How metadata is copied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case")]
pub enum SnapshotCommand {
    /// Copies metadata, change logs, sessions and configuration of the running master into a folder.
    Snapshot(Snapshot),
}

impl SnapshotCommand {
    /// The command as POSIX sh.
    #[must_use]
    pub fn script(&self) -> String {
        let Self::Snapshot(snapshot) = self;
        snapshot.script().into()
    }
}

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

impl Kind for Backup {
    fn describe(&self) -> String {
        "copy metadata, change logs, sessions and configuration".to_owned()
    }

    fn effect(&self) -> Effect<'_> {
        Effect::CopiesMetadata(self)
    }

    fn script(&self) -> Option<String> {
        Some(self.command.script())
    }

    fn look(&self, _look: &mut Look) {}

    fn hold(&self, _to: &Version, _before: &HostFacts) -> Option<String> {
        None
    }

    fn already(&self, to: &Version, before: &HostFacts) -> Verdict {
        runs_already(&[Role::Master], to, before).unwrap_or_else(|| self.achieved(&Seen::found(to, before)))
    }

    fn allowed(&self, _to: &Version, _before: &HostFacts) -> Result<(), String> {
        Ok(())
    }

    /// The journal knows it.
    fn achieved(&self, _seen: &Seen<'_>) -> Verdict {
        Verdict::NotYet("nothing on the host shows it".to_owned())
    }

    fn untouched(&self, _to: &Version, _now: &HostFacts) -> bool {
        false
    }

    fn may_run_again(&self) -> bool {
        false
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
