//! What is compiled into the new release: where it looks for its configuration, its data, the old lock file.

use super::{Check, surveyed};
use crate::check::Code;
use crate::host::facts::BuildFacts;
use crate::host::{AbsPath, HostFacts, HostName};
use crate::moosefs::daemon::Role;
use crate::plan::{Access, InstallHow};

impl Check<'_> {
    /// What is compiled in, where anybody can tell: read from a built tree, or worked out from the arguments of a build to
    /// come.
    pub(super) fn built(&self, access: &Access, facts: &HostFacts) -> Option<BuildFacts> {
        let upgrade = &self.plan.upgrade;
        let tree = access.install.tree(&upgrade.from, &upgrade.to)?;
        match (facts.builds.get(tree.as_str()), &access.install.how) {
            (Some(build), _) => Some(build.clone()),
            (None, InstallHow::Archive(archive)) => Some(configured(&archive.configure, &access.install.prefix)),
            (None, _) => None,
        }
    }

    /// Configuration must be looked for where this program writes it.
    pub(super) fn build(&mut self, host: &HostName, role: Role, access: &Access, facts: &HostFacts) {
        if role == Role::Client {
            return;
        }
        let Some(build) = self.built(access, facts) else {
            if matches!(access.install.how, InstallHow::Command(_)) || surveyed(facts) {
                self.find(
                    Code::BuildUnknown,
                    Some(host),
                    format!("what is compiled into the new {} is not known", role.program()),
                    "with another ETC_PATH it would run on defaults, or not at all; its user, folder and lock file are \
                     written into its configuration, so that those do not depend on it",
                    format!("see to it that it is built with ETC_PATH {}/etc", access.install.prefix),
                );
            }
            return;
        };
        let etc = access.install.prefix.join("etc");
        if let Some(path) = build.etc_path.filter(|path| path.trim_end_matches('/') != etc.as_str()) {
            self.find(
                Code::EtcPathDiffers,
                Some(host),
                format!("the new {} looks for its configuration in {path}", role.program()),
                "it would not find what the old one uses in the plan's prefix, and would run on defaults",
                format!("configure it with --sysconfdir={etc}, or correct the prefix under [install]"),
            );
        }
    }
}

/// What `./configure` makes of these arguments (configure.ac @ 1.5.12 to 1.6.27). An empty group is the user's own.
fn configured(arguments: &[String], prefix: &AbsPath) -> BuildFacts {
    let last = |name: &str| arguments.iter().rev().find_map(|a| a.strip_prefix(name)?.strip_prefix('='));
    let prefix = last("--prefix").unwrap_or(prefix.as_str());
    let etc = last("--sysconfdir").map_or_else(|| format!("{prefix}/etc"), str::to_owned);
    let state = last("--localstatedir").map_or_else(|| format!("{prefix}/var"), str::to_owned);
    let whole = |path: String| path.replace("${prefix}", prefix);
    BuildFacts {
        etc_path: Some(whole(etc)),
        data_path: Some(whole(state) + "/mfs"),
        run_path: Some(run_path(prefix)),
        user: Some(last("--with-default-user").unwrap_or("nobody").to_owned()),
        group: Some(last("--with-default-group").unwrap_or_default().to_owned()),
    }
}

/// RUN_PATH of a release that was configured with `prefix`, 1.5 or 1.6.
pub(super) fn run_path(prefix: &str) -> String {
    let of_the_system = prefix.starts_with("/usr") || prefix.starts_with("/opt");
    if of_the_system { "/var/run/mfs".to_owned() } else { format!("{prefix}/var/run/mfs") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_of_configure_say_what_is_built_in() {
        let built = |arguments: &[&str], prefix: &str| {
            let arguments: Vec<_> = arguments.iter().map(|a| (*a).to_owned()).collect();
            let build = configured(&arguments, &AbsPath::new(prefix).unwrap());
            [build.etc_path, build.data_path, build.run_path, build.user].map(Option::unwrap)
        };
        assert_eq!(built(&[], "/usr/local"), ["/usr/local/etc", "/usr/local/var/mfs", "/var/run/mfs", "nobody"]);
        assert_eq!(built(&[], "/srv/mfs"), ["/srv/mfs/etc", "/srv/mfs/var/mfs", "/srv/mfs/var/run/mfs", "nobody"]);
        let packaged = ["--prefix=/usr", "--sysconfdir=/etc", "--localstatedir=/var/lib", "--with-default-user=mfs"];
        assert_eq!(built(&packaged, "/usr"), ["/etc", "/var/lib/mfs", "/var/run/mfs", "mfs"]);
    }
}
