//! What the carried configuration has to say because the new release's defaults are others.

use super::old::Old;
use super::{Check, surveyed};
use crate::check::Code;
use crate::host::facts::BuildFacts;
use crate::host::{HostFacts, HostName, Process};
use crate::moosefs::config::Need;

impl Check<'_> {
    /// Keys without which the new daemon would run as another user, on other data or beside the old lock file. Where nobody
    /// can tell what it is built with, all of them.
    pub(super) fn needs(
        &mut self,
        host: &HostName,
        process: &Process,
        old: &Old<'_>,
        build: Option<&BuildFacts>,
        facts: &HostFacts,
    ) -> Vec<Need> {
        let needs = needs(process, old, build, facts);
        self.data_folder(host, process, old, facts);
        self.user(host, process, old);
        if build.is_some() && !needs.is_empty() {
            let keys: Vec<_> = needs.iter().map(|need| format!("{} = {}", need.key, need.value)).collect();
            self.find_idle(
                Code::DefaultsDiffer,
                Some(host),
                format!("the new {} is built with other defaults than {}", old.role.program(), keys.join(", ")),
                "it would run as another user, on another folder, or without finding the old daemon's lock file",
                "nothing: the carried configuration says so by name; or build it with the old one's arguments",
            );
        }
        needs
    }

    /// The same of its user and group. A number is not held against a name.
    fn user(&mut self, host: &HostName, process: &Process, old: &Old<'_>) {
        let differs = |(key, is): &(&str, &str)| {
            let says = old.get(key)?;
            let same = match says.strip_prefix('#') {
                Some(number) => number == *is || is.parse::<u32>().is_err() && (number == "0") == (*is == "root"),
                None => says == *is || is.parse::<u32>().is_ok(),
            };
            (!is.is_empty() && !same).then(|| format!("{key} = {says} and it runs as {is}"))
        };
        let pairs = [("WORKING_USER", process.user.as_str()), ("WORKING_GROUP", process.group.as_str())];
        let differ: Vec<_> = pairs.iter().filter_map(differs).collect();
        if !differ.is_empty() {
            self.find(
                Code::UserDiffers,
                Some(host),
                format!("{} says {}", old.path, differ.join(", ")),
                "the new daemon becomes what the file says: what the old one wrote, its folder and its disks, may not be for it, \
                 and it ends after it has stopped the old one",
                format!("write what {} runs as, or restart it with what the file says first", old.role.program()),
            );
        }
    }

    /// The running daemon's own folder is the truth; a file may have been edited since it was started.
    fn data_folder(&mut self, host: &HostName, process: &Process, old: &Old<'_>, facts: &HostFacts) {
        let Some(says) = old.get("DATA_PATH").map(|path| path.trim_end_matches('/')) else { return };
        if process.cwd.is_empty() || facts.place(says) == process.cwd {
            return;
        }
        self.find(
            Code::DataPathDiffers,
            Some(host),
            format!("{} says DATA_PATH = {says}, and {} works in {}", old.path, old.role.program(), process.cwd),
            "the new daemon reads the file, and would run on other data",
            format!("write DATA_PATH = {}", process.cwd),
        );
    }
}

fn needs(process: &Process, old: &Old<'_>, build: Option<&BuildFacts>, facts: &HostFacts) -> Vec<Need> {
    let mut needs = Vec::new();
    let mut need = |key: &str, value: &str, why: &str| {
        needs.push(Need { key: key.to_owned(), value: value.to_owned(), why: why.to_owned() });
    };
    let built = |of: fn(&BuildFacts) -> &Option<String>| build.and_then(|build| of(build).as_deref());
    let user = built(|b| &b.user);
    let user_is_set = old.get("WORKING_USER").is_some();
    if !process.user.is_empty() && !user_is_set && user != Some(&process.user) {
        need("WORKING_USER", &process.user, "the old daemon runs as this user");
    }
    // an empty group is that of the user
    let follows = built(|b| &b.group).is_none_or(|group| match group {
        "" => user_is_set || user != Some(&process.user),
        group => group != process.group,
    });
    if !process.group.is_empty() && old.get("WORKING_GROUP").is_none() && follows {
        need("WORKING_GROUP", &process.group, "the old daemon runs as this group");
    }
    let folder = built(|b| &b.data_path).map(|path| path.trim_end_matches('/'));
    if !process.cwd.is_empty() && old.get("DATA_PATH").is_none() && folder != Some(&process.cwd) {
        need("DATA_PATH", &process.cwd, "the old daemon works in this folder");
    }
    if surveyed(facts) {
        let expected = old.lock_file(process);
        let held = facts.lock_files.iter().find(|(_, lock)| lock.pid == Some(process.pid));
        let actual = held.map_or(&expected, |(path, _)| path);
        let looks = match old.get("LOCK_FILE") {
            Some(_) => Some(expected.clone()),
            None => built(|b| &b.run_path).map(|run| format!("{run}/{}.lock", old.role.program())),
        };
        if looks.as_ref() != Some(actual) {
            need("LOCK_FILE", actual, "the old daemon holds this lock");
        }
    }
    needs
}
