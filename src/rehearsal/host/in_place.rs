//! Which programs stand where a boot would start them, looked at after every command: an installation is one command, however
//! many files it changes, and what is in place at its end is what a host that is lost now comes back with.

use std::collections::BTreeMap;
use std::fs;

use semver::Version;

use super::Host;
use crate::moosefs::daemon::Role;
use crate::rehearsal::event::What;

/// The release of each role's program, by its path.
pub type InPlace = BTreeMap<String, Version>;

const ROLES: [Role; 4] = [Role::Master, Role::Metalogger, Role::Chunkserver, Role::Client];

impl Host {
    /// Tells which programs are others than at the last look.
    pub(super) fn note_in_place(&self) {
        let mut last = self.in_place.lock().expect("never poisoned");
        let mut now = InPlace::new();
        for prefix in &self.site.prefixes {
            for role in ROLES {
                let path = format!("{prefix}/{}", role.path_in_prefix());
                let text = fs::read_to_string(self.site.real(&path)).unwrap_or_default();
                let Some(version) = version_in(&text) else { continue };
                if last.get(&path) != Some(&version) {
                    self.site.record(role.program(), &version, What::InPlace);
                }
                now.insert(path, version);
            }
        }
        *last = now;
    }
}

/// As a program tells it: `@(#) version: 1.6.27, written by …`.
fn version_in(text: &str) -> Option<Version> {
    text.split_once("@(#) version: ")?.1.split(',').next()?.trim().parse().ok()
}
