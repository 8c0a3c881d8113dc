//! Faults that lie in wait on a host before an upgrade begins: set once the cluster stands.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::error::{RehearsalError, Tried};
use super::event::{self, What};
use super::fault::FaultName;
use super::host::{self, Host};
use super::setup::Part;
use super::simulated::config::Places;
use crate::moosefs::daemon::{MASTER_METALOGGER_PORT, Role};
use crate::moosefs::metadata::{EMPTY, SAVED};

/// How long ago a save began that never ended.
const STALE: Duration = Duration::from_secs(3600);

/// Sets the traps of a host.
///
/// # Errors
/// One could not be set.
pub async fn set(host: &Arc<Host>, part: &Part) -> Result<(), RehearsalError> {
    for fault in &host.site.faults {
        let tried = |done: io::Result<()>| done.tried(|| format!("prepare the fault {fault} on {}", host.site.host));
        match fault {
            FaultName::LockFileLost => tried(empty_lock_files(host, part))?,
            FaultName::MetadataNeverSaved => tried(fs::write(data(host, part, "metadata.mfs.back"), EMPTY))?,
            FaultName::StaleTmp => tried(leave_behind(&data(host, part, "metadata.mfs.back.tmp")))?,
            FaultName::UmountBusy => {
                for mount in &part.mounts {
                    bystander(host, &format!("rsync in {mount}")).await?;
                }
            }
            FaultName::Port9419Taken => bystander(host, &format!("collectd listen {MASTER_METALOGGER_PORT}")).await?,
            _ => continue,
        }
        host.site.record(event::REHEARSAL, &host.site.target, What::FaultActed { fault: fault.to_string() });
    }
    Ok(())
}

fn data(host: &Host, part: &Part, name: &str) -> std::path::PathBuf {
    let prefix = part.prefixes.get(&Role::Master).cloned().unwrap_or_default();
    host.site.real(&Places { prefix, program: String::new() }.data()).join(name)
}

/// As `-f` of 1.5 does when one runs: the lock stays, and nobody can tell any more whose it is.
fn empty_lock_files(host: &Host, part: &Part) -> io::Result<()> {
    for (role, prefix) in &part.prefixes {
        if matches!(role, Role::Master | Role::Chunkserver) {
            let places = Places { prefix: prefix.clone(), program: role.program().to_owned() };
            fs::write(host.site.real(&places.lock()), b"")?;
        }
    }
    Ok(())
}

fn leave_behind(file: &Path) -> io::Result<()> {
    fs::write(file, SAVED)?;
    fs::File::options().write(true).open(file)?.set_modified(SystemTime::now() - STALE)
}

async fn bystander(host: &Arc<Host>, what: &str) -> Result<(), RehearsalError> {
    let command = format!("bystander {what}");
    let output = host::run(host, &command, &[]).await.tried(|| format!("run `{command}`"))?;
    if output.status == Some(0) {
        return Ok(());
    }
    let said = format!("{}{}", output.stdout, output.stderr);
    Err(RehearsalError::Command { host: host.site.host.clone(), command, status: output.status, said })
}
