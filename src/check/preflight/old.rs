//! The configuration that a running 1.5 daemon was started with, as far as it can be read.

use std::collections::BTreeMap;

use semver::Version;

use super::{Check, surveyed};
use crate::host::facts::TextFile;
use crate::host::{HostFacts, Process};
use crate::moosefs::config::{ConfigText, disks_paths, lock_file, paths_read};
use crate::moosefs::daemon::Role;
use crate::moosefs::disks::{self, Disk};
use crate::plan::Access;

/// What the running daemon's files say.
pub(super) struct Old<'a> {
    pub role: Role,
    /// Where its release looks.
    pub path: String,
    /// What is there.
    pub file: Option<&'a TextFile>,
    /// The `.var` file beside it.
    pub var: Option<&'a TextFile>,
    /// A chunkserver's list of disks, with its path.
    pub disks: Option<(String, &'a TextFile)>,
    config: ConfigText,
    overrides: Option<ConfigText>,
    prefix: String,
    cwd: String,
    at: Version,
}

impl Check<'_> {
    /// The configuration of a daemon of the plan's `from`; `None` of others, and where nobody looked at files.
    pub(super) fn old<'f>(&self, access: &Access, process: &Process, facts: &'f HostFacts) -> Option<Old<'f>> {
        let from = &self.plan.upgrade.from;
        if process.version.as_ref() != Some(from) || (facts.files.is_empty() && !surveyed(facts)) {
            return None;
        }
        Some(Old::read(process, access.install.prefix.as_str(), from, &facts.files))
    }
}

impl<'a> Old<'a> {
    fn read(process: &Process, prefix: &str, at: &Version, files: &'a BTreeMap<String, TextFile>) -> Self {
        let role = process.role;
        let below = |path: &str| format!("{}/{path}", prefix.trim_end_matches('/'));
        let path = below(paths_read(role, at)[0]);
        let (file, var) = (files.get(&path), files.get(&format!("{path}.var")));
        let parse = |file: &TextFile| ConfigText::parse(&file.text);
        let mut old = Self {
            role,
            file,
            var,
            disks: None,
            config: file.map(parse).unwrap_or_default(),
            overrides: var.map(parse),
            prefix: prefix.to_owned(),
            cwd: process.cwd.clone(),
            at: at.clone(),
            path,
        };
        if role == Role::Chunkserver {
            let set = old.get("HDD_CONF_FILENAME").or_else(|| old.get("HDD_CONFIG")).map(str::to_owned);
            let path = set.unwrap_or_else(|| below(disks_paths(at)[0]));
            old.disks = files.get(&path).map(|file| (path, file));
        }
        old
    }

    /// The value that the running daemon has of `key`; `None`: its default.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.overrides.as_ref().and_then(|var| var.get(key, &self.at)).or_else(|| self.config.get(key, &self.at))
    }

    /// What is in its file.
    pub fn text(&self) -> &str {
        self.file.map_or("", |file| file.text.as_str())
    }

    /// A chunkserver's disks, each with its folder as a survey names it: without a slash at its end, and below the daemon's working
    /// folder where its line says no whole path. Lines that 1.6 takes for comments are none: what runs was started without them.
    pub fn disks(&self) -> Vec<(Disk, String)> {
        let disks = self.disks.iter().flat_map(|(_, file)| disks::parse(&file.text, &self.at));
        let disks = disks.filter(|disk| disk.removal || !disk.path.starts_with('#'));
        disks.map(|disk| (disk.clone(), disk.folder(&self.cwd))).collect()
    }

    /// The folders of these disks.
    pub fn disk_paths(&self) -> Vec<String> {
        self.disks().into_iter().map(|(_, folder)| folder).collect()
    }

    /// Where its lock file must be. A name that is not absolute is below its working folder.
    pub fn lock_file(&self, process: &Process) -> String {
        match self.get("LOCK_FILE").filter(|path| !path.starts_with('/')) {
            Some(name) => format!("{}/{name}", process.cwd),
            None => lock_file(self.role, &self.prefix, &self.config, self.overrides.as_ref(), &self.at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process() -> Process {
        Process {
            pid: 7,
            role: Role::Chunkserver,
            parent: 1,
            start: 1,
            exe: String::new(),
            version: None,
            cwd: "/var/mfs".to_owned(),
            locked: None,
            user: String::new(),
            group: String::new(),
            memory: 0,
            arguments: Vec::new(),
        }
    }

    #[test]
    fn the_var_file_overrides_and_the_list_of_disks_is_where_the_key_says() {
        let file = |text: &str| TextFile { text: text.to_owned(), ..TextFile::default() };
        let files = [
            ("/usr/etc/mfschunkserver.cfg".to_owned(), file("HDD_CONF_FILENAME = /a\nLOCK_FILE = /x\n")),
            ("/usr/etc/mfschunkserver.cfg.var".to_owned(), file("HDD_CONF_FILENAME = /b\n")),
            ("/b".to_owned(), file("/disk/\n# none\n two\n*\n")),
        ]
        .into();
        let old = Old::read(&process(), "/usr", &Version::new(1, 5, 12), &files);
        assert_eq!(old.disk_paths(), ["/disk", "/var/mfs/ two", "/"]);
        assert_eq!(old.get("HDD_CONF_FILENAME"), Some("/b"));
        assert_eq!(old.disks.as_ref().unwrap().0, "/b");
        assert_eq!(old.get("MASTER_HOST"), None);
    }
}
