//! How to reach a host and install on it: what a section says over what the plan says.
//!
//! Sections that say nothing of their own share one value, so that 10,000 hosts do not hold 10,000 copies.

use std::path::Path;
use std::sync::Arc;

use super::finding::{Findings, Read};
use super::install::{self, InstallKeys};
use super::local::Archives;
use super::model::{Install, Ssh};
use super::resolve;
use super::section::Section;
use super::ssh;
use crate::moosefs::daemon::Role;

/// `[ssh]` and `[install]` of the whole plan.
#[derive(Debug)]
pub(super) struct Defaults<'p> {
    base: &'p Path,
    archives: Archives,
    ssh: Read<Arc<Ssh>>,
    install: Read<Option<InstallKeys>>,
    /// [`install`](Self::install) for each role that was asked for.
    resolved: Vec<(Role, Read<Arc<Install>>)>,
}

impl<'p> Defaults<'p> {
    /// Reads both; relative paths are relative to `base`.
    pub(super) fn read(root: &Section<'_>, base: &'p Path, out: &mut Findings) -> Self {
        let keys = ssh::read(root, "[ssh]", base, out);
        let ssh = keys.map(|keys| Arc::new(keys.map(|keys| keys.over(&Ssh::default())).unwrap_or_default()));
        let mut archives = Archives::default();
        let install = install::read(root, install::GLOBAL, base, &mut archives, out);
        Self { base, archives, ssh, install, resolved: Vec::new() }
    }

    /// How to reach the hosts of `section`.
    pub(super) fn ssh(&self, section: &Section<'_>, role: Role, out: &mut Findings) -> Read<Arc<Ssh>> {
        let own = ssh::read(section, ssh::title(role), self.base, out)?;
        let global = self.ssh.as_ref().map_err(|reported| *reported)?;
        Ok(own.map_or_else(|| Arc::clone(global), |keys| Arc::new(keys.over(global))))
    }

    /// How to install on the hosts of `section`.
    pub(super) fn install(&mut self, section: &Section<'_>, role: Role, out: &mut Findings) -> Read<Arc<Install>> {
        let own = install::read(section, install::place(role), self.base, &mut self.archives, out)?;
        let known = self.resolved.iter().find(|(of, _)| *of == role);
        if let (None, Some((_, known))) = (&own, known) {
            return known.clone();
        }
        let global = self.install.as_ref().map_err(|reported| *reported)?.as_ref();
        let resolved = resolve::install(global, own.as_ref(), role, &section.span, out);
        if own.is_none() {
            self.resolved.push((role, resolved.clone()));
        }
        resolved
    }
}
