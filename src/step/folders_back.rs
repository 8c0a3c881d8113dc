//! A chunkserver's chunks are moved to the folders of the old release. PURE.

use semver::Version;
use serde::{Deserialize, Serialize};

use super::{Effect, Kind, Seen, Verdict};
use crate::host::sh::{Script, sh};
use crate::host::{AbsPath, HostFacts, Look};
use crate::moosefs::daemon::Role;
use crate::words::count;

/// Moves chunks from the folders 00 to FF of 1.6.6 to the folders 0 to F. Shown by no chunk's being left there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoldersBack {
    /// The disks.
    pub disks: Vec<AbsPath>,
    /// How.
    pub command: FoldersBackCommand,
}

/// Moves the chunks of a stopped chunkserver to the folders of 1.5.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename = "folders-back")]
pub struct FoldersBackCommand {
    /// Its disks.
    pub disks: Vec<AbsPath>,
}

impl FoldersBackCommand {
    /// The command as POSIX sh.
    #[must_use]
    pub fn script(&self) -> String {
        folders_back(&self.disks).into()
    }
}

/// Moves every chunk from the folders 00 to FF of a disk (1.6.6 and later) to the folder named by the last hexadecimal
/// digit of its id (1.5), and removes the 256 (run with 1.6.27 and 1.5.12). All chunks of a folder `XY` go to
/// `Y`. A chunk that is in both places, which a 1.5 chunkserver on such a disk can make, stops it before anything is moved.
/// The folders 0 to F get the owner and the mode of those that they come from, since the daemon gives up root.
fn folders_back(disks: &[AbsPath]) -> Script {
    sh!(
        r#"set -- ‹disks›; h='[0-9A-F]'; h7=$h$h$h$h$h$h$h; export LC_ALL=C
fail() { echo "$1"; exit 1; }
here() { find . -type f -name 'chunk_*.mfs' | wc -l; }
apart() {
  for f in "$1"/chunk_$h$h7$h7$2_$h$h7.mfs; do
    [ ! -e "$2/${f#*/}" ] || fail "$d: $f is in $2 as well; nothing was moved: compare the two and take one away"
  done
}
move() {
  rmdir "$1" 2> /dev/null && return
  if [ ! -d "$2" ]; then
    mkdir "$2" && chmod "$(stat -c %a "$1")" "$2" && chown "$(stat -c %u:%g "$1")" "$2" || fail "$d/$2 cannot be made"
  fi
  y=$2; set -- "$1" "$1"/chunk_$h$h7$h7$2_$h$h7.mfs; w=$1; shift
  [ ! -e "$1" ] || printf '%s\n' "$@" | xargs -n 500 sh -c 'mv -i "$@" "$0" < /dev/null' "$y/" || fail "$d/$w cannot be moved"
  rmdir "$w" 2> /dev/null || echo "$d/$w is not empty: what is in it is no chunk of this folder, and was left there"
}
for d do
  cd "$d" || fail "$d cannot be entered"
  for w in $h$h; do [ ! -d "$w" ] || [ -h "$w" ] || [ ! -d "${w#?}" ] || apart "$w" "${w#?}"; done
done
for d do
  cd "$d" || fail "$d cannot be entered"
  n=$(here)
  for w in $h$h; do [ ! -d "$w" ] || [ -h "$w" ] || move "$w" "${w#?}"; done
  [ "$(here)" = "$n" ] || fail "$d had $n chunk files and has $(here) now"
  echo "$d: $n chunk files, as many as before"
done"#,
        disks = disks,
    )
}

impl Kind for FoldersBack {
    fn describe(&self) -> String {
        format!("move the chunks of {} back to the folders 0 to F", count(self.disks.len(), "disk"))
    }

    fn effect(&self) -> Effect<'_> {
        Effect::Restores(Role::Chunkserver)
    }

    fn script(&self) -> Option<String> {
        Some(self.command.script())
    }

    fn look(&self, look: &mut Look) {
        look.disks.clone_from(&self.disks);
    }

    fn hold(&self, _to: &Version, _before: &HostFacts) -> Option<String> {
        None
    }

    /// An old daemon that a boot has started on the folders of the new release is no proof of anything.
    fn already(&self, to: &Version, before: &HostFacts) -> Verdict {
        self.achieved(&Seen::found(to, before))
    }

    fn allowed(&self, _to: &Version, before: &HostFacts) -> Result<(), String> {
        match before.daemon(Role::Chunkserver) {
            Some(process) => {
                let pid = process.pid;
                Err(format!("a mfschunkserver (pid {pid}) works on these disks: end it first (`kill {pid}`)"))
            }
            None => Ok(()),
        }
    }

    /// No chunk in a folder that 1.5 does not look into.
    fn achieved(&self, seen: &Seen<'_>) -> Verdict {
        for disk in &self.disks {
            match seen.now.wide.get(disk.as_str()) {
                None => return Verdict::NotYet(format!("the disk {disk} is not there")),
                Some(0) => {}
                Some(chunks) => return Verdict::NotYet(format!("{chunks} chunks of {disk} are in folders 00 to FF")),
            }
        }
        let disks: Vec<_> = self.disks.iter().map(AbsPath::as_str).collect();
        Verdict::Done(format!("no chunk is in a folder 00 to FF of {}", disks.join(", ")))
    }

    fn untouched(&self, _to: &Version, _now: &HostFacts) -> bool {
        false
    }

    fn may_run_again(&self) -> bool {
        true
    }
}
