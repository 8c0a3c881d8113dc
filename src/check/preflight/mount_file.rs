//! mfsmount.cfg, which 1.5 does not read: what it would make of mounts that are made again.

use super::Check;
use crate::check::Code;
use crate::host::{HostFacts, HostName, MountArguments, mount_file};
use crate::moosefs::config::paths_read;
use crate::moosefs::daemon::Role;
use crate::moosefs::releases::TABLE;
use crate::plan::Access;

impl Check<'_> {
    /// Options of the file that the new mount will have, and the running one has not.
    pub(super) fn mount_file(&mut self, host: &HostName, access: &Access, mount: &MountArguments, facts: &HostFacts) {
        let to = &self.plan.upgrade.to;
        if !TABLE.mount_file.at(to) {
            return;
        }
        let paths = paths_read(Role::Client, to).iter().map(|path| access.install.prefix.join(path));
        let Some((path, file)) =
            paths.filter_map(|path| Some((path.to_string(), facts.files.get(path.as_str())?))).next()
        else {
            return;
        };
        let said = mount_file::counts(&file.text, mount);
        if !said.is_empty() {
            self.find(
                Code::MountFileCounts,
                Some(host),
                format!("{path} says {}, which {} will have as well", said.join(", "), mount.mount_point),
                &format!(
                    "{} does not read that file; the new mfsmount does, so that the mount is not made again as it is now, or is \
                     refused",
                    self.old_family()
                ),
                "take these out until the mounts are new, or acknowledge this code if it is meant so".into(),
            );
        }
    }
}
