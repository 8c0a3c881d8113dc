//! What a preview has in the place of steps that only the hosts can tell. PURE.

use semver::Version;
use serde::{Deserialize, Serialize};

use super::{Effect, Kind, Seen, Verdict};
use crate::host::{HostFacts, Look};
use crate::moosefs::daemon::Role;

/// Preview only: the configuration has not been looked at, and each file that is written is shown before it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigureFound {
    /// Whose it is.
    pub role: Role,
}

/// Preview only: what is mounted has not been looked at, and every mount found will be changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemountFound {}

/// Both answer alike, but for what they stand for.
macro_rules! previewed {
    ($kind:ident, $takes_down:literal, $describe:expr) => {
        impl Kind for $kind {
            fn describe(&self) -> String {
                let describe: fn(&Self) -> String = $describe;
                describe(self)
            }

            fn effect(&self) -> Effect<'_> {
                Effect::Previewed { takes_down: $takes_down }
            }

            fn script(&self) -> Option<String> {
                None
            }

            fn look(&self, _look: &mut Look) {}

            fn hold(&self, _to: &Version, _before: &HostFacts) -> Option<String> {
                None
            }

            fn already(&self, to: &Version, before: &HostFacts) -> Verdict {
                self.achieved(&Seen::found(to, before))
            }

            fn allowed(&self, _to: &Version, _before: &HostFacts) -> Result<(), String> {
                Ok(())
            }

            fn achieved(&self, _seen: &Seen<'_>) -> Verdict {
                Verdict::NotYet("a preview cannot be run".to_owned())
            }

            fn untouched(&self, _to: &Version, _now: &HostFacts) -> bool {
                false
            }

            fn may_run_again(&self) -> bool {
                false
            }
        }
    };
}

previewed!(ConfigureFound, false, |kind| format!("write the configuration of {}", kind.role.program()));
previewed!(RemountFound, true, |_| "unmount and mount what is mounted".to_owned());
