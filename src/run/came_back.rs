//! A daemon that a run has stopped and that somebody has started since. PURE.

use semver::Version;

use super::FailureKind;
use super::failure::Failure;
use crate::host::{HostFacts, Process};
use crate::moosefs::daemon::Role;
use crate::step::Action;

/// Who runs where the run has stopped a daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CameBack {
    /// A daemon of the release that is to be reached, and nobody beside it: nothing is left to wait for. Which metadata it has
    /// loaded is asked next, and not when the wait would have been over: until then its chunkservers delete what it does not know.
    New(String),
    /// Any other: what follows the wait counts on its end.
    Old(Box<Failure>),
}

/// Who runs on a host that shows `now`, where `action` has stopped a daemon. `None`: nobody, or `action` stops none.
#[must_use]
pub fn came_back(action: &Action, to: &Version, now: &HostFacts) -> Option<CameBack> {
    if !action.begins_the_outage() {
        return None;
    }
    let mut masters = now.processes.iter().filter(|p| p.role == Role::Master);
    let first = masters.clone().next()?;
    match masters.find(|p| p.version.as_ref() != Some(to)) {
        None => Some(CameBack::New(format!("{} runs, which this run has not started", named(first)))),
        Some(old) => Some(CameBack::Old(Box::new(started_by_others(old)))),
    }
}

fn named(process: &Process) -> String {
    let version = process.version.as_ref().map_or("of an unknown release".to_owned(), Version::to_string);
    format!("{} {version} (pid {})", process.role.program(), process.pid)
}

fn started_by_others(old: &Process) -> Failure {
    let cause = format!("{} runs on it, and was not started by this run", named(old));
    let mut failure =
        Failure::new(FailureKind::StepFailed, "keep the old mfsmaster stopped until the new one starts", cause);
    failure.causes.extend([
        "chunkservers of the new release cannot register with it: clients that it serves find no chunks".to_owned(),
        "find who started it (keepalived, monit, a cron job, a colleague; `mfsupgrade check` names what it finds under \
         started-by-others) and turn that off; the run then stops this master as it did before and goes on"
            .to_owned(),
    ]);
    failure
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::AbsPath;
    use crate::step::{StopMaster, StopMasterCommand, Verify};

    const OLD: Version = Version::new(1, 5, 12);
    const NEW: Version = Version::new(1, 6, 27);

    fn process(pid: u32, role: Role, version: Version) -> Process {
        Process {
            pid,
            role,
            parent: 1,
            start: u64::from(pid),
            exe: "/x".into(),
            version: Some(version),
            cwd: "/x".into(),
            locked: None,
            user: "nobody".into(),
            group: "nogroup".into(),
            memory: 1 << 20,
            arguments: Vec::new(),
        }
    }

    fn host(processes: Vec<Process>) -> HostFacts {
        HostFacts { root: true, processes, ..HostFacts::default() }
    }

    #[test]
    fn whoever_runs_in_the_place_of_a_stopped_master_is_told_apart_by_release() {
        let prefix = AbsPath::new("/usr/local").unwrap();
        let command = StopMasterCommand { prefix: prefix.clone(), patience: None };
        let stop = Action::StopMaster(StopMaster { prefix, data_path: None, chunkserver_port: None, command });
        let of = |running: Vec<Process>| came_back(&stop, &NEW, &host(running));
        let new = || process(8, Role::Master, NEW);
        assert_eq!(of(vec![]), None);
        assert_eq!(of(vec![process(7, Role::Chunkserver, OLD), process(8, Role::Client, NEW)]), None, "no master");
        let told = of(vec![process(7, Role::Chunkserver, OLD), new()]);
        assert!(matches!(&told, Some(CameBack::New(told)) if told.starts_with("mfsmaster 1.6.27 (pid 8)")), "{told:?}");
        let unknown = Process { version: None, ..process(9, Role::Master, OLD) };
        for (running, named) in [
            (vec![process(7, Role::Master, OLD)], "mfsmaster 1.5.12 (pid 7)"),
            (vec![new(), process(7, Role::Master, OLD)], "mfsmaster 1.5.12 (pid 7)"),
            (vec![unknown], "mfsmaster of an unknown release (pid 9)"),
        ] {
            let Some(CameBack::Old(failure)) = of(running) else { panic!("{named}") };
            assert!(failure.causes[0].starts_with(named), "{:?}", failure.causes);
        }
        assert_eq!(
            came_back(&Action::Verify(Verify {}), &NEW, &host(vec![process(7, Role::Master, OLD)])),
            None,
            "it has stopped nothing"
        );
    }
}
