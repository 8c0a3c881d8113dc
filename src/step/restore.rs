//! The programs that an installation replaced are brought back. PURE.

use semver::Version;
use serde::{Deserialize, Serialize};

use super::seen::other;
use super::{Effect, Kind, Seen, Verdict};
use crate::host::sh::{Script, sh};
use crate::host::{AbsPath, HostFacts, Look};
use crate::moosefs::daemon::Role;
use crate::rules::way_back;

/// Brings back the programs that an installation replaced. Shown by the version in the installed program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restore {
    /// Whose programs must be there; a metalogger's must not, since the old release has none.
    pub role: Role,
    /// Below which prefix.
    pub prefix: AbsPath,
    /// How.
    pub command: RestoreCommand,
}

/// Brings back what [`super::Keep`] kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename = "restore")]
pub struct RestoreCommand {
    /// The installation prefix.
    pub prefix: AbsPath,
    /// The tar file.
    pub file: AbsPath,
    /// Only these paths below the prefix; none: everything, and what the installation added is removed.
    pub only: Vec<String>,
}

impl RestoreCommand {
    /// The command as POSIX sh.
    #[must_use]
    pub fn script(&self) -> String {
        restore(&self.prefix, &self.file, &self.only).into()
    }
}

/// Unpacks what an installation replaced, and removes programs that it added. Configuration stays as it is. `only`: these
/// paths below the prefix and nothing else, where daemons of the new release still run from it.
fn restore(prefix: &AbsPath, file: &AbsPath, only: &[String]) -> Script {
    if !only.is_empty() {
        return sh!("tar -xpf ‹file› -C ‹prefix› ‹only›", file = file, prefix = prefix, only = only.to_vec());
    }
    sh!(
        "k=‹file›; cd ‹prefix› && tar -xpf \"$k\" -C ‹prefix› --anchored --exclude='etc/*' && had=$(tar -tf \"$k\") &&
for f in sbin/mfs* bin/mfs*; do
  if [ -e \"$f\" ] || [ -h \"$f\" ]; then printf '%s\\n' \"$had\" | grep -q -x -F -e \"$f\" || rm -f \"$f\" || exit 1; fi
done",
        file = file,
        prefix = prefix,
    )
}

/// Why the old program of `role` does not come back from `kept`.
pub(super) fn keeps(role: Role, kept: Option<&AbsPath>, to: &Version, before: &HostFacts) -> Result<(), String> {
    let lacks = kept.filter(|_| role != Role::Metalogger).and_then(|kept| before.lacks_kept(kept, role, to));
    lacks.map_or(Ok(()), |why| Err(format!("{why}; {}", way_back::programs(to))))
}

impl Kind for Restore {
    fn describe(&self) -> String {
        format!("bring back the {} programs that were replaced", self.role)
    }

    fn effect(&self) -> Effect<'_> {
        Effect::Restores(self.role)
    }

    fn script(&self) -> Option<String> {
        Some(self.command.script())
    }

    fn look(&self, look: &mut Look) {
        look.prefixes.push(self.prefix.clone());
        look.archives.push(self.command.file.clone());
    }

    fn hold(&self, _to: &Version, before: &HostFacts) -> Option<String> {
        let pid = before.busy.first()?;
        Some(format!("a command of this program is still at work on its host (pid {pid})"))
    }

    /// It would bring the new programs once more, and may go on though whoever began it is gone.
    fn undoes_an_installation(&self) -> bool {
        true
    }

    fn already(&self, to: &Version, before: &HostFacts) -> Verdict {
        // what was put in by hand is not replaced by what was kept and is of another release
        if keeps(self.role, Some(&self.command.file), to, before).is_err() {
            return self.achieved(&Seen::found(to, before));
        }
        // tar may have been cut short, so that the program alone proves nothing
        Verdict::NotYet("what was replaced is unpacked once more".to_owned())
    }

    fn allowed(&self, to: &Version, before: &HostFacts) -> Result<(), String> {
        let program = self.prefix.join(self.role.path_in_prefix());
        // it has come up again since it was stopped, as after a boot; once its programs are gone nothing can stop it
        match other(before, self.role, to).filter(|_| self.role != Role::Client) {
            Some(process) => Err(format!(
                "{} (pid {}) runs again: stop it with its own program (`{program} -s`)",
                self.role.program(),
                process.pid,
            )),
            None => keeps(self.role, Some(&self.command.file), to, before),
        }
    }

    fn lacks_old_program(&self, to: &Version, before: &HostFacts) -> bool {
        let runs_again = self.role != Role::Client && other(before, self.role, to).is_some();
        !runs_again && keeps(self.role, Some(&self.command.file), to, before).is_err()
    }

    /// The old program in its place; of a metalogger, which the old release does not have, none at all, or the one that somebody
    /// had put in before the run and that was kept with the rest.
    fn achieved(&self, seen: &Seen<'_>) -> Verdict {
        let (role, to, now) = (self.role, seen.to, seen.now);
        let path = self.prefix.join(role.path_in_prefix());
        let kept = now.archives.values().any(|tar| tar.contains_key(role.path_in_prefix()));
        match (role, now.installed.get(path.as_str())) {
            (Role::Metalogger, None) => Verdict::Done(format!("there is no {path}, as before")),
            (Role::Metalogger, Some(_)) if kept => {
                Verdict::Done(format!("{path} is the one that was there before the run"))
            }
            (Role::Metalogger, Some(_)) => Verdict::NotYet(format!("{path} is still there")),
            (_, Some(Some(version))) if version == to => Verdict::Done(format!("{path} is {to}")),
            (_, Some(Some(version))) => Verdict::NotYet(format!("the installed {} is {version}", role.program())),
            (_, Some(None)) => Verdict::NotYet(format!("the installed {} tells no version", role.program())),
            (_, None) => Verdict::NotYet(format!("there is no {path}")),
        }
    }

    fn untouched(&self, _to: &Version, _now: &HostFacts) -> bool {
        false
    }

    fn may_run_again(&self) -> bool {
        true
    }
}
