//! What a host must show for the steps of the way back. PURE, as [`super::step`], which asks here.

use semver::Version;

use super::step::Verdict::{self, Done, NotYet};
use crate::host::{AbsPath, HostFacts};
use crate::moosefs::daemon::Role;
use crate::moosefs::metadata::SAVED as READABLE;
use crate::schedule::Action;

/// The end of a daemon of release `release`: no process of it. A master has closed its port, and written its metadata in a
/// kind that the old release reads.
pub(super) fn stopped(
    action: &Action,
    role: Role,
    release: &Version,
    before: &HostFacts,
    now: &HostFacts,
    found: bool,
) -> Verdict {
    let program = role.program();
    if let Some(process) = now.processes.iter().find(|p| p.role == role && p.version.as_ref() == Some(release)) {
        return NotYet(format!("{program} {release} (pid {}) still runs", process.pid));
    }
    if let Some(process) = now.daemon(role) {
        let is = process.version.as_ref().map_or("another release".to_owned(), Version::to_string);
        return Done(format!("no {program} {release} runs; one of {is} does (pid {})", process.pid));
    }
    if role != Role::Master {
        return Done(format!("no {program} runs"));
    }
    if now.listener(action.chunkserver_port()).is_some() {
        return NotYet("mfsmaster ended, but its port is still listened on".to_owned());
    }
    if let Err(reason) = metadata_is_whole(now) {
        return NotYet(reason);
    }
    let file = &now.data_files["metadata.mfs"];
    if !found && is_as_before(before, now) {
        return NotYet(NOT_WRITTEN.to_owned());
    }
    Done(format!("no mfsmaster runs, and metadata.mfs ({} bytes, {READABLE}) is there", file.size))
}

/// What is said of a master that ended and left metadata.mfs alone.
pub(super) const NOT_WRITTEN: &str = "mfsmaster ended, but metadata.mfs is the one that was there before its end";

/// Whether metadata.mfs is the very file of before: its size and time are. That time is its disk's, on NFS another machine's, and is
/// held against no other clock. While a master runs there is none (`filesystem.c`).
pub(super) fn is_as_before(before: &HostFacts, now: &HostFacts) -> bool {
    now.data_files.get("metadata.mfs") == before.data_files.get("metadata.mfs")
}

/// Why an old master must not be started on what is in its DATA_PATH: an older copy would let chunkservers delete what it
/// does not know (hazard 17).
///
/// # Errors
/// The reason, as a fragment.
pub fn metadata_is_whole(now: &HostFacts) -> Result<(), String> {
    let Some(file) = now.data_files.get("metadata.mfs") else {
        return Err("there is no metadata.mfs: the master did not end cleanly".to_owned());
    };
    match now.headers.get("metadata.mfs").map(String::as_str) {
        Some(READABLE) => {}
        Some(kind) => return Err(format!("metadata.mfs is of the kind `{kind}` and not {READABLE}")),
        None => return Err("the kind of metadata.mfs cannot be read".to_owned()),
    }
    match now.data_files.get("metadata.mfs.back") {
        Some(back) if back.modified > file.modified => {
            Err("metadata.mfs is older than metadata.mfs.back beside it: it is not what the last master wrote"
                .to_owned())
        }
        _ => Ok(()),
    }
}

/// The old program in its place; of a metalogger, which the old release does not have, none at all, or the one that somebody had
/// put in before the run and that was kept with the rest.
pub(super) fn restored(role: Role, prefix: &AbsPath, to: &Version, now: &HostFacts) -> Verdict {
    let path = prefix.join(role.path_in_prefix());
    let kept = |facts: &HostFacts| facts.archives.values().any(|tar| tar.contains_key(role.path_in_prefix()));
    match (role, now.installed.get(path.as_str())) {
        (Role::Metalogger, None) => Done(format!("there is no {path}, as before")),
        (Role::Metalogger, Some(_)) if kept(now) => Done(format!("{path} is the one that was there before the run")),
        (Role::Metalogger, Some(_)) => NotYet(format!("{path} is still there")),
        (_, Some(Some(version))) if version == to => Done(format!("{path} is {to}")),
        (_, Some(Some(version))) => NotYet(format!("the installed {} is {version}", role.program())),
        (_, Some(None)) => NotYet(format!("the installed {} tells no version", role.program())),
        (_, None) => NotYet(format!("there is no {path}")),
    }
}

/// What a configuration file said before, or nothing.
pub(super) fn put_back(file: &AbsPath, sha256: Option<&str>, now: &HostFacts) -> Verdict {
    match (now.kept.get(file.as_str()), sha256) {
        (None, None) => Done(format!("{file} is not there, as before")),
        (Some(is), Some(was)) if is == was => Done(format!("{file} says what it said before")),
        (None, Some(_)) => NotYet(format!("{file} is not there")),
        (Some(is), _) => NotYet(format!("{file} is not what it was before (sha256 {is})")),
    }
}

/// No chunk in a folder that 1.5 does not look into.
pub(super) fn folders_are_back(disks: &[AbsPath], now: &HostFacts) -> Verdict {
    for disk in disks {
        match now.wide.get(disk.as_str()) {
            None => return NotYet(format!("the disk {disk} is not there")),
            Some(0) => {}
            Some(chunks) => return NotYet(format!("{chunks} chunks of {disk} are in folders 00 to FF")),
        }
    }
    Done(format!(
        "no chunk is in a folder 00 to FF of {}",
        disks.iter().map(AbsPath::as_str).collect::<Vec<_>>().join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::facts::FileFact;

    const NEW: Version = Version::new(1, 6, 27);
    const OLD: Version = Version::new(1, 5, 12);

    fn host(modified: i64, kind: &str) -> HostFacts {
        let mut facts = HostFacts { clock: 100, ..HostFacts::default() };
        facts.data_files.insert("metadata.mfs".into(), FileFact { size: 9, modified });
        facts.headers.insert("metadata.mfs".into(), kind.to_owned());
        facts
    }

    #[test]
    fn a_master_is_stopped_well_when_its_metadata_is_new_and_readable() {
        let before = HostFacts { clock: 100, ..HostFacts::default() };
        let verdict = |now: &HostFacts| stopped(&Action::Verify, Role::Master, &NEW, &before, now, false);
        assert!(matches!(verdict(&host(100, "MFSM 1.5")), Done(_)));
        // whatever the disk's clock says
        assert!(matches!(verdict(&host(-9999, "MFSM 1.5")), Done(_)));
        let left = host(99, "MFSM 1.5");
        let again = stopped(&Action::Verify, Role::Master, &NEW, &left, &left, false);
        assert!(matches!(again, NotYet(r) if r.contains("before its end")));
        assert!(matches!(verdict(&host(100, "MFSM 1.7")), NotYet(r) if r.contains("1.7")));
        assert!(matches!(verdict(&before), NotYet(r) if r.contains("did not end cleanly")));
        let mut copied = host(100, "MFSM 1.5");
        copied.data_files.insert("metadata.mfs.back".into(), FileFact { size: 9, modified: 101 });
        assert!(matches!(verdict(&copied), NotYet(r) if r.contains("older than metadata.mfs.back")));
    }

    #[test]
    fn programs_disks_and_files_are_as_before() {
        let prefix = AbsPath::new("/usr/local").unwrap();
        let mut now = HostFacts::default();
        assert!(matches!(restored(Role::Metalogger, &prefix, &OLD, &now), Done(_)));
        assert!(matches!(restored(Role::Master, &prefix, &OLD, &now), NotYet(_)));
        now.installed.insert("/usr/local/sbin/mfsmaster".into(), Some(NEW));
        assert!(matches!(restored(Role::Master, &prefix, &OLD, &now), NotYet(r) if r.contains("1.6.27")));
        let disks = [AbsPath::new("/mnt/hd1").unwrap()];
        assert!(matches!(folders_are_back(&disks, &now), NotYet(r) if r.contains("not there")));
        now.wide.insert("/mnt/hd1".into(), 3);
        assert!(matches!(folders_are_back(&disks, &now), NotYet(r) if r.contains("3 chunks")));
        now.wide.insert("/mnt/hd1".into(), 0);
        assert!(matches!(folders_are_back(&disks, &now), Done(_)));
        assert!(matches!(put_back(&prefix, None, &now), Done(_)));
        assert!(matches!(put_back(&prefix, Some("a"), &now), NotYet(_)));
        now.kept.insert("/usr/local".into(), "a".into());
        assert!(matches!(put_back(&prefix, Some("a"), &now), Done(_)));
        assert!(matches!(put_back(&prefix, None, &now), NotYet(_)));
    }
}
