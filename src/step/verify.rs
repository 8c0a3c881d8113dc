//! The last look. PURE; [`crate::run`] asks the cluster and every host.

use semver::Version;
use serde::{Deserialize, Serialize};

use super::{Effect, Kind, Seen, Verdict};
use crate::host::{HostFacts, Look};

/// Looks at everything once more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verify {}

impl Kind for Verify {
    fn describe(&self) -> String {
        "look at everything once more".to_owned()
    }

    fn effect(&self) -> Effect<'_> {
        Effect::Looks
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
        Verdict::Done("nothing to look at on the host itself".to_owned())
    }

    fn untouched(&self, _to: &Version, _now: &HostFacts) -> bool {
        false
    }

    fn may_run_again(&self) -> bool {
        false
    }
}
