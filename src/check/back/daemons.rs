//! Daemons on the way back: which release runs, what a master leaves, which disks a chunkserver has.

use super::{Changed, Check, Daemon};
use crate::check::metadata::{Loaded, Metadata, metadata_of};
use crate::check::{Baseline, Code};
use crate::host::{AbsPath, HostFacts, HostName};
use crate::moosefs::Overview;
use crate::moosefs::config::{ConfigText, disks_paths, lock_file, paths_read};
use crate::moosefs::daemon::Role;
use crate::moosefs::disks;
use crate::moosefs::metadata::{EMPTY, SAVED};
use crate::rules::way_back;

impl Check<'_> {
    pub(super) fn daemon_of(&mut self, host: &HostName, role: Role, facts: &HostFacts) -> Option<Daemon> {
        let daemon = self.daemon(facts, role);
        if daemon.is_none() {
            let (from, to) = (self.from().clone(), self.to().clone());
            self.find(
                Code::VersionDiffers,
                Some(host),
                format!("its {} is neither {to} nor {from}, or runs twice", role.program()),
                "only what the run has put there is taken back",
                format!("make it run once, in {to} or {from}, or stop it cleanly"),
            );
        }
        daemon
    }

    /// What an old master would be started on: the current metadata, of a kind that it reads, and no older copy.
    pub(super) fn metadata(&mut self, host: &HostName, daemon: Daemon, facts: &HostFacts) {
        let kind = |file: &str| facts.headers.get(file).map(String::as_str);
        let (seen, todo) = match daemon {
            Daemon::New => match kind("metadata.mfs.back") {
                None | Some(SAVED | EMPTY) => return,
                Some(kind) => (
                    format!("metadata.mfs.back is of the kind `{kind}` and not {SAVED}"),
                    "stay with the new release: the old one cannot read this",
                ),
            },
            _ => match (facts.data_files.get("metadata.mfs"), kind("metadata.mfs")) {
                (Some(_), Some(SAVED)) => return,
                (Some(_), kind) => (
                    format!("metadata.mfs is of the kind `{}` and not {SAVED}", kind.unwrap_or("unknown")),
                    "stay with the new release: the old one cannot read this",
                ),
                (None, _) => (
                    "no mfsmaster runs, and there is no metadata.mfs".to_owned(),
                    "start the new master (`mfsmetarestore -a` first, if it ended by itself), see that all is there, then go back",
                ),
            },
        };
        self.find(
            Code::BackMetadata,
            Some(host),
            seen,
            "an old master must be started on exactly what the new one wrote at a clean stop; on anything older it deletes chunks",
            todo.to_owned(),
        );
    }

    /// A master that runs on other metadata is nothing to leave alone, in whatever release: it deletes the chunks that it does
    /// not know. A way back that was killed when its old master had just been started leaves it like that. `asks`: where nobody
    /// can tell, the operator is asked; a master that the run has never ended has loaded nothing since, and its users delete what
    /// they like.
    pub(super) fn on_other_metadata(&mut self, overview: &Overview, before: &Baseline, asks: bool) {
        let host = &self.plan.master.host;
        let version = self.fleet.get(host).and_then(HostFacts::metaversion);
        let loaded = Loaded { version, ..Loaded::default() };
        let (seen, todo) = match metadata_of(Some(overview), before, &loaded) {
            Metadata::Same | Metadata::Alike => return,
            Metadata::Unclear(_) if !asks => return,
            Metadata::Unclear(reason) => {
                (reason, format!("{}. If it is the right one, give `--accept-metadata`", way_back::ASK_METADATA))
            }
            Metadata::Other(reason) => {
                let master = self.fleet.get(host).and_then(|facts| facts.daemon(Role::Master));
                let pid = master.map_or("PID".to_owned(), |p| p.pid.to_string());
                (reason, format!("end it at once (`kill {pid}`), then: {}; and look again", way_back::METADATA))
            }
        };
        self.find(Code::BackMetadata, Some(host), seen, "its chunkservers delete what it does not know", todo);
    }

    /// The disks as the new daemon was told them. What the old one will be told must be the same, or chunks are missing.
    pub(super) fn disks(&mut self, changed: &Changed, facts: &HostFacts) -> Vec<AbsPath> {
        let [new, old] = [self.to(), self.from()].map(|at| {
            let prefix = &changed.prefix;
            let below = |path: &&str| prefix.join(path).to_string();
            let config = paths_read(Role::Chunkserver, at).iter().map(below).find_map(|path| {
                let text = |path: &str| facts.files.get(path).map(|f| ConfigText::parse(&f.text));
                let var = if *at == *self.from() { text(&format!("{path}.var")) } else { None };
                Some((text(&path)?, var))
            });
            let get = |key| {
                let (config, var) = config.as_ref()?;
                let set = var.as_ref().and_then(|v| v.get(key, at)).or_else(|| config.get(key, at));
                set.map(str::to_owned)
            };
            let (set, data) = (get("HDD_CONF_FILENAME"), get("DATA_PATH"));
            let there = disks_paths(at).iter().map(below).find(|path| facts.files.contains_key(path));
            let file = set.or(there)?;
            let list = disks::parse(&facts.files.get(&file)?.text, at);
            let cwd = facts.daemon(Role::Chunkserver).map(|process| process.cwd.clone()).filter(|cwd| !cwd.is_empty());
            let cwd = cwd.or(data).unwrap_or_else(|| prefix.join("var/mfs").to_string());
            let mut paths: Vec<String> = list.iter().map(|disk| disk.folder(&cwd)).collect();
            paths.sort();
            Some((file, paths))
        });
        let (seen, todo) = match (new, old) {
            (Some((_, new)), Some((_, old))) if new == old && !new.is_empty() => {
                let paths: Result<Vec<_>, _> = new.iter().map(|p| AbsPath::new(p)).collect();
                match paths {
                    Ok(paths) => return paths,
                    Err(e) => (format!("a disk of it cannot be named: {e}"), "mount it at a path of plain letters"),
                }
            }
            (Some((new_file, new)), Some((old_file, old))) => (
                format!(
                    "{new_file} names {}, and {old_file}, which the old one reads, {}",
                    new.join(", "),
                    old.join(", ")
                ),
                "write the same disks into both files, one a line, without comments",
            ),
            (None, _) => {
                ("the list of disks that its new daemon uses cannot be read".to_owned(), "let mfshdd.cfg be read")
            }
            (_, None) => {
                ("there is no list of disks where the old daemon looks for it".to_owned(), "write etc/mfshdd.cfg")
            }
        };
        self.find(
            Code::BackDisks,
            Some(&changed.host),
            seen,
            &format!(
                "chunks are moved back to the folders of {} on every disk, or the old daemon does not see them",
                self.plan.line().from
            ),
            todo.to_owned(),
        );
        Vec::new()
    }

    /// An old daemon that came up by itself on the folders of the new release, as after a boot in the middle of a way back:
    /// it looks for its chunks where they are not. Its own steps are done, so nothing else would find it.
    pub(super) fn on_new_folders(&mut self, changed: &Changed, facts: &HostFacts) {
        let wide: Vec<&str> = facts.folders.iter().filter(|(_, f)| f.wide).map(|(path, _)| path.as_str()).collect();
        let Some(process) = facts.daemon(Role::Chunkserver).filter(|_| !wide.is_empty()) else { return };
        let pid = process.pid;
        self.find(
            Code::BackFolders,
            Some(&changed.host),
            format!("its old mfschunkserver (pid {pid}) runs, and {} has the folders 00 to FF", wide.join(", ")),
            &format!("{} looks for chunks in the folders 0 to F and finds none", self.plan.line().from),
            format!("end it (`kill {pid}`) and go back again: then the chunks are moved before it starts"),
        );
    }

    /// A 1.5 daemon whose lock folder is gone, as after a boot that empties /var/run, ends without a word (hazard 32).
    pub(super) fn lock_folder(&mut self, changed: &Changed, facts: &HostFacts) {
        let (role, at) = (changed.role, self.from());
        // the folders that were looked at are told in a survey only
        if matches!(role, Role::Client | Role::Metalogger) || facts.folders.is_empty() {
            return;
        }
        let path = changed.prefix.join(paths_read(role, at)[0]).to_string();
        let text = |path: &str| facts.files.get(path).map(|f| ConfigText::parse(&f.text));
        let (config, var) = (text(&path).unwrap_or_default(), text(&format!("{path}.var")));
        let lock = lock_file(role, changed.prefix.as_str(), &config, var.as_ref(), at);
        let Some((folder, _)) = lock.rsplit_once('/') else { return };
        let known =
            facts.folders.contains_key(folder) || facts.lock_files.keys().any(|f| f.starts_with(&format!("{folder}/")));
        if !known {
            self.find(
                Code::BackLockFolder,
                Some(&changed.host),
                format!("the folder {folder} for the lock file of the old {} is not there", role.program()),
                &format!("a {} daemon without it ends at once and says nothing", self.plan.line().from),
                format!("mkdir -p {folder} and give it to the daemon's user"),
            );
        }
    }
}
