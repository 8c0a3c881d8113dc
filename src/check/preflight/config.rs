//! Configuration: carried over from what the running daemon uses to where the new release looks first.

use similar::TextDiff;

use super::old::Old;
use super::{Check, surveyed};
use crate::check::{Code, ConfigChange, Finding};
use crate::host::facts::TextFile;
use crate::host::{AbsPath, FileText, HostFacts, HostName, Process};
use crate::moosefs::config::{Carried, ConfigText, Fate, carry, config_path, fate, paths_read, refuses};
use crate::moosefs::daemon::Role;
use crate::moosefs::releases::TABLE;
use crate::moosefs::secrets::masked;
use crate::plan::{Access, Mode};
use crate::rules::away::RECONNECT_S;
use crate::words::sha256;

/// Limits that a 1.6.25+ master cannot do without.
const LIMITS: [&str; 4] =
    ["CHUNKS_WRITE_REP_LIMIT", "CHUNKS_READ_REP_LIMIT", "CHUNKS_SOFT_DEL_LIMIT", "CHUNKS_HARD_DEL_LIMIT"];

/// A configuration file on the way: from where, to where, with what in it.
pub(super) struct Move<'a> {
    pub role: Role,
    /// What the old daemon uses, if it is there.
    pub from: Option<(&'a str, &'a TextFile)>,
    pub to: AbsPath,
    pub text: String,
}

impl Check<'_> {
    /// Everything about the configuration of a running daemon: what it says, what it becomes.
    pub(super) fn config_of(&mut self, host: &HostName, access: &Access, process: &Process, facts: &HostFacts) {
        let Some(old) = self.old(access, process, facts) else { return };
        if old.file.is_none() && surveyed(facts) {
            return self.not_found(host, access, process, &old);
        }
        self.lock_file(host, process, &old, facts);
        self.locks_of_others(host, process, &old, facts);
        self.owners(host, process, &old, facts);
        let build = self.built(access, facts);
        let needs = self.needs(host, process, &old, build.as_ref(), facts);
        let named = [(old.path.as_str(), old.file), ("its .var file", old.var)];
        let named = named.into_iter().chain(old.disks.iter().map(|(path, file)| (path.as_str(), Some(*file))));
        let foreign: Vec<_> =
            named.filter(|(_, file)| file.is_some_and(|f| f.text.contains('\u{fffd}'))).map(|(path, _)| path).collect();
        if !foreign.is_empty() {
            self.unreadable(host, format!("{} is not UTF-8", foreign.join(", ")));
            return;
        }
        let upgrade = &self.plan.upgrade;
        let var = old.var.map(|file| file.text.as_str());
        match carry(old.role, &upgrade.from, &upgrade.to, old.text(), var, &needs) {
            Err(e) => self.unreadable(host, format!("{}: {e}", old.path)),
            Ok(carried) => {
                self.told(host, &old, &carried);
                self.values(host, &old, &ConfigText::parse(&carried.text));
                let to = access.install.prefix.join(config_path(old.role, &upgrade.to));
                let from = old.file.map(|file| (old.path.as_str(), file));
                self.moves(host, Move { role: old.role, from, to, text: carried.text }, facts);
            }
        }
        self.disk_list(host, access, &old, facts);
    }

    /// A 1.5 daemon does not start without a file. Nobody knows what it runs with, and nothing can be held against that.
    fn not_found(&mut self, host: &HostName, access: &Access, process: &Process, old: &Old<'_>) {
        let explains = |f: &Finding| {
            f.host.as_ref() == Some(host)
                && matches!(f.code, Code::CustomConfig | Code::PrefixDiffers)
                && f.seen.contains(process.role.program())
        };
        if self.findings.iter().any(explains) {
            return;
        }
        let (path, prefix) = (&old.path, &access.install.prefix);
        self.find(
            Code::ConfigNotFound,
            Some(host),
            format!("{} runs, and there is no {path}, or none that can be read and has 1 MiB at most", process.role.program()),
            &format!(
                "a {} daemon has one, elsewhere then: its folders, its ports and its lock file are not known, and nothing of them \
                 can be carried over to the new one",
                self.old_family()
            ),
            format!(
                "put the file that it was started with there, and the others beside it; if the old release was built with \
                 another --sysconfdir or --prefix than {prefix}, build the new one with the same and correct the prefix \
                 under [install]"
            ),
        );
    }

    pub(super) fn unreadable(&mut self, host: &HostName, seen: String) {
        self.find(
            Code::ConfigUnreadable,
            Some(host),
            seen,
            "it must be carried over to the new release, and nothing is guessed",
            "write it in plain letters; a comment can say the same without the others".into(),
        );
    }

    /// What was done to the text, beyond what the diff shows by itself.
    fn told(&mut self, host: &HostName, old: &Old<'_>, carried: &Carried) {
        let (from, to) = (&self.plan.upgrade.from, &self.plan.upgrade.to);
        let dead = |key: &&str| matches!(fate(old.role, key, to), Fate::Ignored { .. });
        let dead: Vec<_> = carried.changes.iter().map(|change| change.key.as_str()).filter(dead).collect();
        if !dead.is_empty() {
            self.find(
                Code::KeysIgnored,
                Some(host),
                format!("{to} ignores {} of {}", dead.join(", "), old.path),
                "what they were set for no longer holds; the lines become comments",
                "set the keys that took their place, which the comments name, if their defaults will not do".into(),
            );
        }
        if old.var.is_some_and(|file| !file.text.trim().is_empty()) {
            self.find_idle(
                Code::VarFileMerged,
                Some(host),
                format!("{}.var overrides {}", old.path, old.path),
                &format!("{} does not read it: the carried configuration has its values in place", self.new_family()),
                "nothing; the file stays for the way back",
            );
        }
        let ignored = |line: &&str| {
            let parsed = ConfigText::parse(line);
            let text = line.trim();
            let one = |at| parsed.definitions(at).next().is_none();
            !text.is_empty() && !text.starts_with('#') && one(from) && one(to)
        };
        if let Some((at, line)) = old.text().lines().enumerate().find(|(_, line)| ignored(line)) {
            self.find(
                Code::ConfigLineIgnored,
                Some(host),
                format!("{}, line {}: `{}` is read by neither release", old.path, at + 1, line.trim()),
                "a key needs a blank before its `=`, and a value is printable ASCII: this daemon runs on a default",
                "correct or remove it; it is carried over as it is".into(),
            );
        }
    }

    /// Values that the new release does not live with.
    fn values(&mut self, host: &HostName, old: &Old<'_>, config: &ConfigText) {
        let upgrade = &self.plan.upgrade;
        let to = &upgrade.to;
        if let Some((_, why)) = refuses(old.role, to, config) {
            self.find(
                Code::ConfigRefused,
                Some(host),
                format!("in {}, {why}", old.path),
                "it finds out after it has stopped the old one: an outage",
                "change the value, and let the old daemon read it".into(),
            );
        }
        let zero = |key: &&str| config.get(key, to).is_some_and(|value| value.parse() == Ok(0));
        if old.role == Role::Master
            && TABLE.stops_at_zero.at(to)
            && let Some(key) = LIMITS.into_iter().find(zero)
        {
            self.find(
                Code::LimitOfZero,
                Some(host),
                format!("{} sets {key} to 0", old.path),
                "the new master starts and says so in one line, and then never replicates or deletes a chunk",
                "take the key out, or give it a number".into(),
            );
        }
        let set = config.get("REJECT_OLD_CLIENTS", to).is_some_and(|value| !value.is_empty() && value != "0");
        if old.role == Role::Master && set && upgrade.mode == Mode::Rolling {
            self.find(
                Code::RejectOldClients,
                Some(host),
                format!("{} sets REJECT_OLD_CLIENTS", old.path),
                "the new master refuses every mount that is still old, from its start until that mount's turn comes",
                format!("take the key out; set it when no mount below {} is left", self.new_family()),
            );
        }
        if old.role == Role::Chunkserver {
            let delay = config.get("MASTER_RECONNECTION_DELAY", to).and_then(|value| value.parse::<u32>().ok());
            if let Some(delay) = delay.filter(|delay| u64::from(*delay) > RECONNECT_S) {
                self.reconnect_s = self.reconnect_s.max(u64::from(delay));
                self.find(
                    Code::ReconnectSlow,
                    Some(host),
                    format!("MASTER_RECONNECTION_DELAY is {delay}"),
                    "after the master's restart its chunks cannot be read for so long, and a read that meets that waits 60 s",
                    "set it to 5, the default".into(),
                );
            }
        }
    }

    /// The configuration with which the new daemon will start; `None` where nobody looked.
    pub(super) fn future(
        &self,
        host: &HostName,
        role: Role,
        access: &Access,
        facts: &HostFacts,
    ) -> Option<(String, ConfigText)> {
        let to = &self.plan.upgrade.to;
        let prefix = &access.install.prefix;
        let first = prefix.join(config_path(role, to));
        let changed = self.config.get(host).into_iter().flatten().find(|c| c.role == role && c.file == first);
        if let Some(change) = changed {
            return Some((first.to_string(), ConfigText::parse(change.text.shown())));
        }
        let there = paths_read(role, to).iter().map(|path| prefix.join(path).to_string());
        let mut there = there.filter_map(|path| Some((path.clone(), ConfigText::parse(&facts.files.get(&path)?.text))));
        there.next()
    }

    /// Notes that a file is to be written, if anything else is there now than what it must say.
    pub(super) fn moves(&mut self, host: &HostName, file: Move<'_>, facts: &HostFacts) {
        let there = facts.files.get(file.to.as_str());
        let nothing = there.is_none() && file.from.is_none() && file.text.is_empty();
        if nothing || there.is_some_and(|now| now.text == file.text) {
            return;
        }
        if there.is_some_and(|now| now.text.contains('\u{fffd}')) {
            self.find(
                Code::ConfigUnreadable,
                Some(host),
                format!("{} is not UTF-8", file.to),
                "it would be replaced, and nobody could tell whether it is still the file that was seen, or bring it back",
                "write it in plain letters, or move it away".into(),
            );
            return;
        }
        let in_place = file.from.is_some_and(|(path, _)| path == file.to.as_str());
        // what the plan itself names is shown in its diff, and was asked for
        let asked_for = file.role == Role::Metalogger || file.to.as_str().ends_with("mfsexports.cfg");
        if there.is_some() && !in_place && !asked_for {
            self.find(
                Code::ConfigReplaced,
                Some(host),
                format!("{} is there, and is not what the old release uses", file.to),
                "the new release looks there first; what the old one uses is carried over and takes its place",
                "compare the two, put what shall hold into the old one, and remove this one".into(),
            );
        }
        let (path, was) = file.from.unwrap_or(("/dev/null", const { &EMPTY }));
        let diff = match was.text == file.text {
            // it is written all the same, and nothing is that was not shown
            true => format!("--- {path}\n+++ {}\n@@ no line differs @@\n", file.to),
            false => match (masked(&was.text), masked(&file.text)) {
                (was, is) if was == is => format!("--- {path}\n+++ {}\n@@ passwords alone differ @@\n", file.to),
                (was, is) => {
                    TextDiff::from_lines(&*was, &*is).unified_diff().header(path, file.to.as_str()).to_string()
                }
            },
        };
        let known = there.or(file.from.map(|(_, file)| file));
        let change = ConfigChange {
            role: file.role,
            mode: known.map_or(0o644, |f| f.mode),
            owner: known.map_or("root:root".to_owned(), |f| format!("{}:{}", f.owner, f.group)),
            replaces: there.map(|now| sha256(&now.text)),
            diff,
            file: file.to,
            text: FileText::new(file.text),
        };
        self.config.entry(host.clone()).or_default().push(change);
    }
}

static EMPTY: TextFile = TextFile { mode: 0o644, owner: String::new(), group: String::new(), text: String::new() };
