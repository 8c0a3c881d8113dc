//! The copied metadata is loaded into the new release for a trial. PURE.
//!
//! The trial master must never meet the live one: it gets a configuration of its own with its own lock file, ports and
//! folder, is started with the verb `start`, which refuses to take over, and only if that configuration can be read.

use semver::Version;
use serde::{Deserialize, Serialize};

use super::seen::runs_already;
use super::{Effect, Kind, Seen, Sent, Verdict};
use crate::host::sh::{Script, sh};
use crate::host::{AbsPath, FileText, HostFacts, Look};
use crate::moosefs::daemon::Role;
use crate::rules::away;

/// Loads the copied metadata into the new release, and compares. Shown by what the new release says of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialLoad {
    /// Where the trial master listens on its own host.
    pub port: u16,
    /// Seconds without a master from which on clients give their applications errors.
    pub patience_s: u64,
    /// The longest that a chunkserver waits between two tries to reach its master, in seconds.
    #[serde(default = "away::by_itself", skip_serializing_if = "away::is_by_itself")]
    pub reconnect_s: u64,
    /// Whether a forecast near what clients bear is accepted.
    pub accept_long: bool,
    /// Whether chunks of goal 1 are accepted.
    pub accept_goal_one: bool,
    /// How.
    pub command: TrialCommand,
    /// What ends it.
    pub end: TrialCommand,
}

/// A trial's beginning and its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case")]
pub enum TrialCommand {
    /// Lets the new release load the copied metadata, on scratch ports.
    Trial(Trial),
    /// Ends what [`TrialCommand::Trial`] started, and removes its folder.
    EndTrial(Trial),
}

impl TrialCommand {
    /// The command as POSIX sh.
    #[must_use]
    pub fn script(&self) -> String {
        let script = match self {
            Self::Trial(trial) => trial.script(),
            Self::EndTrial(trial) => trial.end_of_all(),
        };
        script.into()
    }

    fn trial(&self) -> &Trial {
        match self {
            Self::Trial(trial) | Self::EndTrial(trial) => trial,
        }
    }

    fn text(&mut self) -> Option<&mut FileText> {
        let (Self::Trial(trial) | Self::EndTrial(trial)) = self;
        match &mut trial.exports {
            TrialExports::Text(text) => Some(text),
            TrialExports::Files(_) => None,
        }
    }
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
    /// Where [`super::Snapshot`] put the copies.
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

impl Kind for TrialLoad {
    fn describe(&self) -> String {
        "load the copied metadata into the new release".to_owned()
    }

    fn effect(&self) -> Effect<'_> {
        Effect::TriesMetadata(self)
    }

    fn script(&self) -> Option<String> {
        Some(self.command.script())
    }

    fn sends(&self) -> Option<(Sent<'_>, AbsPath)> {
        let trial = self.command.trial();
        match &trial.exports {
            TrialExports::Text(text) => Some((Sent::Text(text), trial.exports_file())),
            TrialExports::Files(_) => None,
        }
    }

    fn texts(&mut self) -> Vec<&mut FileText> {
        [&mut self.command, &mut self.end].into_iter().filter_map(TrialCommand::text).collect()
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
