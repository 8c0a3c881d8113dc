//! What a cluster stands on: its folder, its faults, the folders of its hosts. Starts nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::address::Claim;
use super::cluster::Options;
use super::error::{RehearsalError, Tried};
use super::fault::Fault;
use super::host::Host;
use super::keys;
use super::setup::{self, Part};
use super::simulated::metadata::Metadata;
use super::site::Site;
use crate::host::{AbsPath, HostName};
use crate::plan::Plan;

/// Whether every fault has a host to act on.
///
/// # Errors
/// The first that has none.
pub fn check_faults(plan: &Plan, parts: &[(HostName, Part)], faults: &[Fault]) -> Result<(), RehearsalError> {
    for fault in faults {
        let Some((_, part)) = parts.iter().find(|(host, _)| *host == fault.host) else {
            return Err(RehearsalError::NoSuchHost(fault.clone()));
        };
        let applies_to = fault.name.info().applies_to;
        if !part.roles.iter().any(|role| applies_to.contains(role)) {
            let roles: Vec<String> = applies_to.iter().map(ToString::to_string).collect();
            return Err(RehearsalError::DoesNotApply { fault: fault.clone(), applies_to: roles.join(", ") });
        }
        if let Some(applies_to) = fault.lacks(plan) {
            return Err(RehearsalError::DoesNotApply { fault: fault.clone(), applies_to });
        }
    }
    Ok(())
}

/// The rehearsal's folder, by a path that a shell gives no meaning to.
///
/// # Errors
/// It cannot be made, or not be used.
pub fn folder(given: Option<&Path>) -> Result<(PathBuf, Option<tempfile::TempDir>), RehearsalError> {
    let (path, temporary) = match given {
        None => {
            let made = tempfile::Builder::new().prefix("mfsupgrade-rehearsal-").tempdir();
            let made = made.tried(|| {
                format!("make a folder for the hosts in {} (set TMPDIR to another one)", std::env::temp_dir().display())
            })?;
            (made.path().to_owned(), Some(made))
        }
        Some(path) => {
            fs::create_dir_all(path).tried(|| format!("make {}", path.display()))?;
            let mut entries = fs::read_dir(path).tried(|| format!("read {}", path.display()))?;
            if entries.next().is_some() {
                return Err(RehearsalError::NotEmpty(path.to_owned()));
            }
            (path.to_owned(), None)
        }
    };
    let path = fs::canonicalize(&path).tried(|| format!("read {}", path.display()))?;
    match path.to_str().map(AbsPath::new) {
        Some(Ok(_)) => Ok((path, temporary)),
        _ => Err(RehearsalError::Folder(path)),
    }
}

/// Makes all hosts' folders.
///
/// # Errors
/// One could not be made.
pub fn make_hosts(
    plan: &Plan,
    options: &Options,
    parts: Vec<(HostName, Part)>,
    dir: &Path,
    claim: &Claim,
    metadata: &Metadata,
    client: &russh::keys::PublicKey,
) -> Result<Vec<(Arc<Host>, Part)>, RehearsalError> {
    let mut hosts_file = "# simulated\n127.0.0.1 localhost\n".to_owned();
    for (n, (name, _)) in parts.iter().enumerate() {
        let alias = if *name == plan.master.host { " mfsmaster" } else { "" };
        hosts_file.push_str(&format!("{} {name}{alias}\n", claim.host(n)));
    }
    let mounts: usize = parts.iter().map(|(_, part)| part.mounts.len()).sum();
    let mut timings = options.timings.clone();
    // many mounts that all check all the time would be the load that they measure
    timings.real_check = timings.real_check.max(Duration::from_millis(15) * u32::try_from(mounts).unwrap_or(u32::MAX));
    let mut hosts = Vec::with_capacity(parts.len());
    for (n, (name, part)) in parts.into_iter().enumerate() {
        let mut prefixes: Vec<String> = part.prefixes.values().cloned().collect();
        prefixes.sort();
        prefixes.dedup();
        let site = Site {
            host: name.as_str().to_owned(),
            address: claim.host(n),
            root: dir.join("hosts").join(name.as_str()),
            dir: dir.to_owned(),
            program: options.program.clone(),
            speed: options.speed,
            timings: timings.clone(),
            faults: options.faults.iter().filter(|fault| fault.host == name).map(|fault| fault.name).collect(),
            target: plan.upgrade.to.clone(),
            prefixes,
            greatest_stagger: plan.upgrade.stagger.greatest,
            work_dir: part.work_dir.clone(),
        };
        let servers = plan.chunkservers.len();
        let place = plan.chunkservers.iter().position(|server| server.host == name);
        let chunks = place.map(|n| setup::chunks_of(metadata, n, servers)).unwrap_or_default();
        let made =
            setup::make_host(&site, &part, &plan.upgrade.from, &hosts_file, metadata, &chunks, plan.master.admin_port);
        made.tried(|| format!("make the simulated host {name}"))?;
        let key = keys::generate().tried(|| "make an SSH key".to_owned())?;
        hosts.push((Arc::new(Host::new(site, key, client.clone())), part));
    }
    Ok(hosts)
}
