//! mfsexports.cfg, which 1.5 does not know: there, readable, and what it makes of every mount that there is now.

use std::collections::BTreeMap;

use semver::Version;

use super::Check;
use super::config::Move;
use crate::check::{ClientSeen, Code};
use crate::host::{AbsPath, FileText, HostFacts, HostName, MountArguments};
use crate::moosefs::config::exports_paths;
use crate::moosefs::daemon::Role;
use crate::moosefs::exports::{ALLOWS_ALL, ALLOWS_ALL_KEY, Account, Exports, Mount};
use crate::moosefs::releases::TABLE;
use crate::plan::Exports as Wanted;

const WHY_MISSING: &str = "the new master stops the old one first and then refuses to start without exports: an outage";
/// Up to 1.6.13. A rule that 1.6.0 makes up has a least version that is left to chance.
const WHY_MISSING_EARLY: &str = "the new master starts without exports and lets no new mount in: every mount would be taken away and \
                                 get `Permission denied` when it is made anew";

/// Where a new master looks for its exports (exports.c @ 1.6.27, exports_reload).
struct Place {
    /// EXPORTS_FILENAME, as it is set.
    set: Option<String>,
    /// In its order; empty where what is set is no whole path of plain letters.
    paths: Vec<AbsPath>,
}

impl Check<'_> {
    /// The file that the plan names is put in its place; without one in the plan there must be one on the host.
    pub(super) fn exports_file(&mut self, facts: &HostFacts) {
        let plan = self.plan;
        let host = &plan.master.host;
        let old = facts.daemon(Role::Master).and_then(|p| p.version.as_ref()) == Some(&plan.upgrade.from);
        let place = self.exports_place(facts);
        let Some(to) = place.paths.first().cloned() else {
            if old {
                self.not_seen(place.set.as_deref().unwrap_or_default(), "it is no whole path, and is not looked at");
            }
            return;
        };
        let Some(wanted) = &plan.config.exports else {
            match &place.set {
                Some(set) if old && !facts.files.contains_key(to.as_str()) => {
                    self.not_seen(set, "it is not there, or cannot be read, or has more than 1 MiB");
                }
                _ => self.exports_there(&place, facts),
            }
            self.exports_forbidden(&place, facts);
            return;
        };
        let text = match wanted {
            Wanted::File { text, .. } => text.clone(),
            Wanted::LikeV15 => FileText::new(ALLOWS_ALL),
        };
        // nobody looks with a plan whose files are not here
        let Some(whole) = text.to_send().map(str::to_owned) else { return };
        let there = facts.files.get(to.as_str());
        if old {
            let from = there.map(|file| (to.as_str(), file));
            self.moves(host, Move { role: Role::Master, from, to: to.clone(), text: whole }, facts);
            let (user, group) = master_runs_as(facts);
            let forbidden = there.is_some_and(|file| !file.is_readable(user, group));
            if self.config.get(host).is_some_and(|changes| changes.iter().any(|change| change.file == to)) {
                self.exports_out_of_reach(&to, facts);
            }
            let changes = self.config.get_mut(host).into_iter().flatten();
            match changes.rev().find(|change| change.file == to) {
                // others on that host are not to read it
                Some(change) if text.has_secrets() => {
                    (change.mode, change.owner) = (0o640, format!("root:{group}"));
                }
                Some(change) if forbidden => change.mode = 0o644,
                Some(_) => {}
                None => self.exports_forbidden(&place, facts),
            }
        }
    }

    /// What the new master finds must be for the user that it runs as: it reads it when it is root no more.
    fn exports_forbidden(&mut self, place: &Place, facts: &HostFacts) {
        let (user, group) = master_runs_as(facts);
        let found = place.paths.iter().find_map(|path| Some((path, facts.files.get(path.as_str())?)));
        let Some((path, file)) = found else { return };
        if !file.is_readable(user, group) {
            self.forbidden(
                format!("{path} ({:o}, {}:{}) cannot be read by {user}:{group}", file.mode, file.owner, file.group),
                format!(
                    "`chmod 644 {path}`, or, where it has passwords, `chgrp {group} {path}` and `chmod 640 {path}`"
                ),
            );
        }
        self.exports_out_of_reach(path, facts);
    }

    /// And so must every folder above it, also where the plan has it written.
    fn exports_out_of_reach(&mut self, path: &AbsPath, facts: &HostFacts) {
        let (user, group) = master_runs_as(facts);
        let (path, place) = (path.as_str(), facts.place(path.as_str()));
        let is_above = |folder: &str, path: &str| path.strip_prefix(folder).is_some_and(|r| r.starts_with('/'));
        let above = |folder: &&String| is_above(folder, path) || is_above(folder, place);
        let mut above = facts.shut.keys().filter(above);
        let Some(shut) = above.find(|folder| !facts.shut[*folder].is_open(user, group)) else { return };
        let folder = &facts.shut[shut];
        self.forbidden(
            format!(
                "{user}:{group} does not reach {path}: {shut} ({:o}, {}:{}) lets it not through",
                folder.mode, folder.owner, folder.group
            ),
            format!("`chmod o+x {shut}`, or `chgrp {group} {shut}` and `chmod g+x {shut}`"),
        );
    }

    fn forbidden(&mut self, seen: String, todo: String) {
        self.find(
            Code::ExportsForbidden,
            Some(&self.plan.master.host),
            seen,
            &format!(
                "the new master reads it as that user: without it no new mount is let in, and {} and later refuse to start after \
                 they have stopped the old one",
                TABLE.needs_exports.first()
            ),
            todo,
        );
    }

    /// Where the new master looks: where EXPORTS_FILENAME is set, there and nowhere else.
    fn exports_place(&self, facts: &HostFacts) -> Place {
        let (master, to) = (&self.plan.master, &self.plan.upgrade.to);
        let future = self.future(&master.host, Role::Master, &master.access, facts);
        let set = future.as_ref().and_then(|(_, config)| config.get("EXPORTS_FILENAME", to)).map(str::to_owned);
        let paths = match &set {
            Some(path) => AbsPath::new(path).into_iter().collect(),
            None => exports_paths(to).iter().map(|path| master.access.install.prefix.join(path)).collect(),
        };
        Place { set, paths }
    }

    fn not_seen(&mut self, set: &str, how: &str) {
        self.find(
            Code::ExportsNotSeen,
            Some(&self.plan.master.host),
            format!("EXPORTS_FILENAME is `{set}`: {how}"),
            &format!(
                "the new master looks there and nowhere else, and a name that is not whole is below its DATA_PATH; without the \
                 file no new mount is let in, and {} and later refuse to start after they have stopped the old one",
                TABLE.needs_exports.first()
            ),
            "set EXPORTS_FILENAME to the whole path of a file, or take it out; `exports = \"FILE\"` under [config] writes it"
                .into(),
        );
    }

    fn exports_there(&mut self, place: &Place, facts: &HostFacts) {
        let paths = &place.paths;
        let Some(first) = paths.first() else { return };
        let there =
            |path: &AbsPath| facts.exports.contains_key(path.as_str()) || facts.files.contains_key(path.as_str());
        if !paths.iter().any(there) {
            self.missing(format!("there is no {first}"), first);
        } else if paths.iter().find_map(|path| facts.exports.get(path.as_str())) == Some(&0) {
            self.missing("its mfsexports.cfg has no rules".to_owned(), first);
        }
    }

    fn missing(&mut self, seen: String, path: &AbsPath) {
        self.find(
            Code::ExportsMissing,
            Some(&self.plan.master.host),
            seen,
            if TABLE.needs_exports.at(&self.plan.upgrade.to) { WHY_MISSING } else { WHY_MISSING_EARLY },
            format!(
                "give `exports = \"FILE\"` or `{ALLOWS_ALL_KEY} = true` under [config], or write {path} before the upgrade; \
                 what {} allowed is `* / rw,alldirs,maproot=0`, and `* . rw` for meta mounts",
                self.old_family()
            ),
        );
    }

    /// What the new master will make of every mount that is there now.
    pub(super) fn exports(&mut self, clients: &BTreeMap<HostName, ClientSeen>) {
        let plan = self.plan;
        let (host, to) = (&plan.master.host, &plan.upgrade.to);
        let Some(facts) = self.fleet.get(host) else { return };
        let Some((path, text)) = self.exports_text(facts) else { return };
        let (exports, bad) = Exports::parse(&text, to);
        for bad in &bad {
            self.find(
                Code::ExportsUnreadable,
                Some(host),
                format!("{path}: {bad}"),
                "the new master ignores it, and only logs that",
                "correct it: ADDRESS PATH OPTIONS, options with commas and without blanks".into(),
            );
        }
        if exports.keeps_master_from_starting() {
            if !self.findings.iter().any(|f| f.code == Code::ExportsMissing) {
                let first = self.exports_place(facts).paths.into_iter().next();
                first.iter().for_each(|first| self.missing(format!("{path} has no rule that {to} can read"), first));
            }
            return;
        }
        let plain = |account: &Account| match account {
            Account::Uid(0) => true,
            Account::User(name) | Account::Group(name) => name == "root",
            Account::Uid(_) => false,
        };
        let accounts: Vec<_> = exports.accounts.iter().filter(|(_, account)| !plain(account)).collect();
        if !accounts.is_empty() {
            let said: Vec<_> = accounts.iter().map(|(line, account)| format!("{account} (line {line})")).collect();
            let without = Exports::parse_knowing(&text, to, &|account| plain(account)).0;
            let (code, why) = self.without_accounts(&exports, &without, clients);
            self.find(
                code,
                Some(host),
                format!("{path} depends on {}", said.join(", ")),
                why,
                "see with `id NAME` and `getent group NAME` on the master's host that they are there".into(),
            );
        }
        for (client, seen) in clients {
            seen.mounts.iter().for_each(|mount| self.admitted(&exports, &path, client, seen, mount));
        }
    }

    /// What it means if the master's host has none of the accounts that rules name.
    fn without_accounts(
        &self,
        exports: &Exports,
        without: &Exports,
        clients: &BTreeMap<HostName, ClientSeen>,
    ) -> (Code, &'static str) {
        let version = &self.plan.upgrade.to;
        let mut mounts = clients.values().flat_map(|seen| seen.mounts.iter().map(|mount| asks(seen, mount, version)));
        if without.keeps_master_from_starting() {
            return (
                Code::ExportsNeedAccounts,
                "a rule that names an account which the master's host does not have is passed over whole: here no rule would \
                 be left, and the new master would stop the old one and refuse to start: an outage",
            );
        }
        if mounts.any(|mount| exports.admits(&mount).is_ok() && without.admits(&mount).is_err()) {
            return (
                Code::ExportsNeedAccounts,
                "a rule that names an account which the master's host does not have is passed over whole: here mounts that \
                 are there now would get `Permission denied`",
            );
        }
        (
            Code::ExportsAccounts,
            "a rule that names an account which the master's host does not have is passed over whole",
        )
    }

    fn admitted(&mut self, exports: &Exports, path: &str, host: &HostName, seen: &ClientSeen, mount: &MountArguments) {
        let asks = asks(seen, mount, &self.plan.upgrade.to);
        let point = &mount.mount_point;
        let admitted = match exports.admits(&asks) {
            Ok(admitted) => admitted,
            Err(refused) => {
                return self.find(
                    Code::ExportsRefuseClient,
                    Some(host),
                    format!("{path} refuses {point}: {refused}"),
                    "it would be unmounted, and the new mfsmount would get `Permission denied`",
                    format!(
                        "add a rule for it; what {} allowed is `* / rw,alldirs,maproot=0`, and `* . rw` for meta mounts",
                        self.old_family()
                    ),
                );
            }
        };
        let mut less = Vec::new();
        if admitted.read_only && !mount.options.iter().any(|option| option == "ro") {
            less.push("is read-only".to_owned());
        }
        less.extend(admitted.all_mapped.iter().map(|ids| format!("makes everybody {ids}")));
        if admitted.all_mapped.is_none() {
            less.extend(admitted.root_mapped.iter().map(|ids| format!("makes root {ids}")));
        }
        if !less.is_empty() {
            self.find(
                Code::ExportsRestrictClient,
                Some(host),
                format!("line {} of {path}, which holds for {point}, {}", admitted.line, less.join(" and ")),
                &format!(
                    "{} allows every mount everything; what runs as root there, or writes, may fail after the remount",
                    self.old_family()
                ),
                "give the rule `rw` and `maproot=0`, or acknowledge this code if it is meant so".into(),
            );
        }
    }

    /// The text that the new master will read, and what to call it.
    fn exports_text(&self, facts: &HostFacts) -> Option<(String, String)> {
        match &self.plan.config.exports {
            Some(Wanted::File { path, text }) => Some((path.display().to_string(), text.to_send()?.to_owned())),
            Some(Wanted::LikeV15) => Some((ALLOWS_ALL_KEY.to_owned(), ALLOWS_ALL.to_owned())),
            None => {
                let mut paths = self.exports_place(facts).paths.into_iter();
                paths.find_map(|path| Some((path.to_string(), facts.files.get(path.as_str())?.text.clone())))
            }
        }
    }
}

/// The user and group of the running master, which the new one has as well.
fn master_runs_as(facts: &HostFacts) -> (&str, &str) {
    facts.daemon(Role::Master).map_or(("", ""), |process| (&process.user, &process.group))
}

fn asks<'a>(seen: &ClientSeen, mount: &'a MountArguments, version: &'a Version) -> Mount<'a> {
    Mount { address: seen.address, path: mount.subfolder.as_str(), meta: mount.meta, password: false, version }
}
