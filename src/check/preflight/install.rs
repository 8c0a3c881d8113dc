//! The tree that will be installed is there, is built and is the release that the plan names.

use super::Check;
use crate::check::Code;
use crate::host::{HostFacts, HostName};
use crate::moosefs::daemon::Role;
use crate::plan::{Access, InstallHow};

const WHY: &str = "a step that cannot install would stop the run halfway";

impl Check<'_> {
    pub(super) fn install(&mut self, host: &HostName, role: Role, access: &Access, facts: &HostFacts) {
        if !matches!(access.install.how, InstallHow::Command(_)) && !facts.make {
            self.find(
                Code::MakeMissing,
                Some(host),
                "it has no `make`".into(),
                WHY,
                "install make, or give install commands in the plan".into(),
            );
        }
        self.build(host, role, access, facts);
        // an archive's tree is made by the run itself
        let InstallHow::SourceDir(tree) = &access.install.how else { return };
        let program = tree.join(&format!("{0}/{0}", role.program()));
        let to = &self.plan.upgrade.to;
        match facts.source.get(program.as_str()) {
            Some(Some(version)) if version == to => {}
            Some(Some(version)) => self.find(
                Code::SourceVersionDiffers,
                Some(host),
                format!("{program} is {version}"),
                "the plan names another release",
                format!("put the tree of {to} there, configured and built"),
            ),
            Some(None) | None => self.find(
                Code::SourceMissing,
                Some(host),
                format!("there is no built {program}"),
                WHY,
                format!("unpack, configure and build {to} in {tree}"),
            ),
        }
    }
}
