//! The running master's metadata: saved, saved lately, of the right kind, and to be copied and tried without danger.

use super::{Check, surveyed};
use crate::check::Code;
use crate::host::{HostFacts, Process};
use crate::moosefs::metadata::{EMPTY, SAVED};
use crate::moosefs::releases::TABLE;
use crate::rules::line::can_be_tried;

/// A save of even a very large file system is through by then; what is left after it was never finished.
const SAVING_SECONDS: i64 = 10 * 60;
/// Twice the hour in which a master saves.
const SAVED_SECONDS: i64 = 2 * 60 * 60;

impl Check<'_> {
    /// Only before the upgrade: a 1.6 master has loaded it already.
    pub(super) fn metadata(&mut self, process: &Process, facts: &HostFacts) {
        if process.version.as_ref() != Some(&self.plan.upgrade.from) {
            return;
        }
        self.kind(process, facts);
        self.saved(process, facts);
        self.old_tools(facts);
        if can_be_tried(&self.plan.upgrade.to) {
            self.memory(process, facts);
        }
    }

    fn kind(&mut self, process: &Process, facts: &HostFacts) {
        let host = Some(&self.plan.master.host);
        let header = facts.headers.get("metadata.mfs.back").map(String::as_str);
        let file = format!("{}/metadata.mfs.back", process.cwd);
        let absent = !facts.data_files.is_empty() && !facts.data_files.contains_key("metadata.mfs.back");
        match header {
            Some(EMPTY) => self.never_saved(format!("{file} still says `{EMPTY}`")),
            None if absent => self.never_saved(format!("there is no {file}")),
            Some(other) if other != SAVED => self.find(
                Code::MetadataUnknown,
                host,
                format!("{file} begins with `{other}`, not with `{SAVED}`"),
                &format!("a {} master loads nothing else", self.new_family()),
                format!("check that this master is one of {}, and that DATA_PATH is its own", self.old_family()),
            ),
            _ => {}
        }
    }

    fn never_saved(&mut self, seen: String) {
        self.find(
            Code::MetadataNeverSaved,
            Some(&self.plan.master.host),
            seen,
            "no release can restore metadata from that: what a crash or a trial would begin with is an empty file system",
            "wait until the master has saved, at the next full hour, or stop it cleanly and start it again".into(),
        );
    }

    fn saved(&mut self, process: &Process, facts: &HostFacts) {
        let host = Some(&self.plan.master.host);
        let folder = &process.cwd;
        let age = |name: &str| {
            let file = facts.data_files.get(name)?;
            (facts.clock > 0).then(|| facts.clock - file.modified)
        };
        if let Some(age) = age("metadata.mfs.back.tmp").filter(|age| *age > SAVING_SECONDS) {
            self.find(
                Code::MetadataSaveStale,
                host,
                format!("{folder}/metadata.mfs.back.tmp is {} min old", age / 60),
                &format!(
                    "a save was never finished: a {} master that is stopped beside it ends without saving its metadata",
                    self.old_family()
                ),
                "see that no mfsmaster child is still writing it, move it away, and see the next hourly save succeed"
                    .into(),
            );
        }
        if let Some(age) = age("metadata.mfs.back").filter(|age| *age > SAVED_SECONDS) {
            self.find(
                Code::MetadataOld,
                host,
                format!("{folder}/metadata.mfs.back is {} h {} min old", age / 3600, age % 3600 / 60),
                "a master saves once an hour; one that does not may not save when it is stopped, either",
                "look for its reason in the system log, and wait until it has saved at a full hour".into(),
            );
        }
        if facts.data_files.contains_key("metadata.mfs") {
            self.find(
                Code::MetadataLeftOver,
                host,
                format!("there is a {folder}/metadata.mfs while the master runs"),
                "it is not from this master: whoever starts from it begins with other, older metadata",
                format!("move it away; a {} master makes its own when it is stopped", self.old_family()),
            );
        }
    }

    /// mfsmetarestore of 1.6.18 and later skips change logs of 1.5 that the old one applies.
    fn old_tools(&mut self, facts: &HostFacts) {
        let (master, from) = (&self.plan.master, &self.plan.upgrade.from);
        let (old, program) = (self.old_family(), crate::moosefs::daemon::Role::Master);
        let installed = facts.installed_version(&master.access.install.prefix, program);
        if let Some(other) = installed.filter(|v| *v != from && facts.kept.is_empty()) {
            self.find(
                Code::OldToolsGone,
                Some(&master.host),
                format!("{from} runs, and {other} is installed over it"),
                &format!(
                    "metadata of {old} must be restored by {old}'s own mfsmetarestore; that of {} and later skips some of its \
                     change logs and says nothing",
                    TABLE.merges_logs.first()
                ),
                format!("install {from} again in the plan's prefix before the upgrade"),
            );
        }
    }

    /// A trial load beside the running master takes about as much memory as that does.
    fn memory(&mut self, process: &Process, facts: &HostFacts) {
        let host = Some(&self.plan.master.host);
        let needed = process.memory + process.memory / 2;
        match facts.memory_available {
            Some(free) if free < needed => self.find(
                Code::MemoryShort,
                host,
                format!("{} MiB of memory are free, and the master holds {}", free >> 20, process.memory >> 20),
                "the trial load needs as much again, and a kernel without memory may end the running master",
                "free memory or add swap; half as much again as the master holds is enough".into(),
            ),
            None if surveyed(facts) => self.find(
                Code::MemoryUnknown,
                host,
                "its kernel does not tell how much memory is free".into(),
                "a trial load needs as much as the running master holds",
                format!("see with `free` that {} MiB are free", needed >> 20),
            ),
            _ => {}
        }
    }
}
