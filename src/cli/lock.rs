//! The cluster's lock at the edge: whose it is, what is said of the run that holds it, and who may set that aside.

use std::io::IsTerminal;

use clap::Args;

use super::begin::confirm;
use super::exit::Exit;
use super::{Failed, StateDir, process};
use crate::fleet::{ClusterLock, LockError, SshFleet};
use crate::host::HostName;
use crate::host::lock::{Claim, Holder, STALE, Verb};
use crate::journal::StateFolder;
use crate::ui::out::say;

/// What is to become of a run that was left unfinished.
#[derive(Debug, Clone, Args)]
pub(super) struct Abandon {
    /// Begin although the run RUN was left unfinished on this cluster, here or elsewhere; never while it is active.
    /// It cannot be resumed afterwards
    #[arg(long, value_name = "RUN")]
    pub abandon: Vec<String>,
}

/// `run` as it names itself to others.
pub(super) fn claim(run: &str, state: &StateFolder) -> Result<Claim, Failed> {
    let named = ["USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok().filter(|user| !user.is_empty()));
    let user = named.unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw()));
    let machine = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let folder = std::path::absolute(state.path()).unwrap_or_else(|_| state.path().to_owned());
    let owner = format!("{user}@{machine} in {}", folder.display());
    let word = process::word().map_err(anyhow::Error::from)?;
    Ok(Claim { run: run.to_owned(), owner, word, process: process::here() })
}

/// The run that may be set aside on the cluster of `master`, before anything is asked or begun. `mine`: a claim that may hold
/// the lock already; `given`: the runs that are set aside anyhow, and those that the command line names. A host that is not
/// reached is told of by the look at all of them, and nothing is begun without its lock.
pub(super) async fn may_abandon(
    fleet: &SshFleet,
    master: &HostName,
    mine: Option<&Claim>,
    given: (&[String], &[String]),
    asks: bool,
) -> Result<Option<String>, Failed> {
    let Ok(holder) = ClusterLock::holder(fleet, master).await else { return Ok(None) };
    let known = |run: &&String| given.0.contains(run) || holder.as_ref().is_some_and(|h| h.run == **run);
    if let Some(unknown) = given.1.iter().find(|run| !known(run)) {
        let error = anyhow::anyhow!("--abandon: no run {unknown} was left unfinished on this cluster");
        return Err(Failed::new(Exit::Usage, error));
    }
    let holder = holder.filter(|h| mine.is_none_or(|m| !is_of(h, m)));
    let Some(holder) = holder else { return Ok(None) };
    if holder.walks() {
        return Err(failed(LockError::Held(holder)));
    }
    if given.0.contains(&holder.run) || given.1.contains(&holder.run) {
        return Ok(Some(holder.run));
    }
    if asks && std::io::stdin().is_terminal() {
        say!("this cluster has an unfinished run: {holder}");
        let then = mine.map_or("start another one".to_owned(), |mine| format!("resume run {}", mine.run));
        if confirm(&format!("Abandon run {} and {then}?", holder.run))? {
            return Ok(Some(holder.run));
        }
    }
    Err(failed(LockError::Held(holder)))
}

/// Takes the lock for `claim`; `otherwise`: see [`ClusterLock::take`].
pub(super) async fn take<'f>(
    fleet: &'f SshFleet,
    master: &HostName,
    claim: Claim,
    abandon: Option<&str>,
    otherwise: Verb<'_>,
) -> Result<ClusterLock<'f>, Failed> {
    let mine = claim.clone();
    let ended = |holder: &Holder| is_of(holder, &mine) && process::has_ended(&holder.process);
    ClusterLock::take(fleet, master, claim, abandon, ended, otherwise).await.map_err(|error| match error {
        LockError::Held(holder) if is_of(&holder, &mine) => walked_twice(holder),
        error => failed(error),
    })
}

/// Whether it is a process of the same run, of the same user in the same place.
fn is_of(holder: &Holder, claim: &Claim) -> bool {
    (&holder.run, &holder.owner) == (&claim.run, &claim.owner)
}

/// Its state folder is there twice, or the process before this one has ended on a machine that cannot be asked.
fn walked_twice(holder: Holder) -> Failed {
    let (resume, minutes) = (its(&holder).resume(&holder.run), STALE.as_secs() / 60);
    let error = anyhow::anyhow!(
        "{}\n  no host was touched; another process runs it: in a copy of this state folder, on a copy of this machine, or in a \
         container. Continue there, or stop it there\n  if that process was killed, `{resume}` works once its heartbeat is {minutes} min \
         old",
        LockError::Held(holder)
    );
    Failed::new(Exit::Locked, error)
}

fn failed(error: LockError) -> Failed {
    match error {
        LockError::Held(holder) => {
            let hint = hint(&holder);
            Failed::new(Exit::Locked, anyhow::anyhow!("{}\n  {hint}", LockError::Held(holder)))
        }
        LockError::Aside(_) => Failed::new(
            Exit::Locked,
            anyhow::anyhow!("{error}\n  no host was touched; begin a new upgrade, which looks at them"),
        ),
        LockError::Host(..) | LockError::Unclear(..) => Failed::new(Exit::Unreachable, error),
    }
}

fn hint(holder: &Holder) -> String {
    let (run, there) = (&holder.run, its(holder));
    if holder.walks() {
        return format!(
            "no host was touched; there, `{}` shows its progress, and Ctrl-C pauses it",
            there.command("status", run)
        );
    }
    format!(
        "no host was touched; there, `{}` resumes it; here, this command with `--abandon {run}` starts another run in its place",
        there.resume(run)
    )
}

/// The state folder of the run that holds the lock, as its owner names it: see [`claim`].
fn its(holder: &Holder) -> StateDir {
    let folder = holder.owner.split_once(" in ").map(|(_, folder)| folder).filter(|folder| folder.starts_with('/'));
    StateDir { state_dir: folder.map(std::path::PathBuf::from) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_for_the_run_that_holds_the_lock_name_its_state_folder_as_one_word() {
        let holder = |owner: &str, walked: bool| {
            let (run, owner) = ("r1".to_owned(), owner.to_owned());
            Holder { run, owner, left: !walked, ..Holder::default() }
        };
        for (owner, folder) in [
            ("ann@desk in /home/ann/in here", "--state-dir '/home/ann/in here'"),
            ("ann@desk in /s/$(id)", "--state-dir '/s/$(id)'"),
            ("ann@desk in /s/it's", "--state-dir \"/s/it's\""),
        ] {
            for walked in [true, false] {
                let hint = hint(&holder(owner, walked));
                let verb = if walked { "status" } else { "resume" };
                assert!(hint.contains(&format!("`mfsupgrade {verb} r1 {folder}`")), "{hint}");
            }
        }
        // of another version: nothing is made up
        assert!(hint(&holder("somebody", false)).contains("`mfsupgrade resume r1`"));
    }
}
