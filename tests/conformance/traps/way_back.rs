//! The way back: a cluster that a run has upgraded, what keeps it from being brought back, and what `mfsupgrade rollback` finds
//! before it touches anything.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use mfsupgrade::check::Code;

use super::scene::{Found, Scene, findings};
use super::{Trap, mounts, trap};

/// The old release on a chunkserver that the new one has run on.
const OLD_AGAIN: &str = "/usr/local/sbin/mfschunkserver stop > /dev/null 2>&1; cd /usr/local && rm -f sbin/mfschunkserver && \
                         tar -xpf /var/lib/mfsupgrade/1.5.12-to-1.6.27/replaced-usr-local.tar sbin/mfschunkserver && \
                         sbin/mfschunkserver > /dev/null 2>&1 < /dev/null";
const NEW_AGAIN: &str = "p=$(cat /var/run/mfs/mfschunkserver.lock); kill $p; while [ -d /proc/$p ]; do sleep 0.05; done; \
                         cd /usr/src/mfs-1.6.27 && make install > /dev/null 2>&1; \
                         /usr/local/sbin/mfschunkserver > /dev/null 2>&1 < /dev/null";

/// A command of a run that goes on at its host, whoever began it is gone: it holds its lock.
const JOB: &str = "mkdir -p /var/lib/mfsupgrade/jobs/trap/job && cd /var/lib/mfsupgrade/jobs/trap && \
                   { sh -c 'exec 9> job.lock; flock 9; exec sleep 600' > /dev/null 2>&1 < /dev/null & \
                   echo $! > job/pid; while flock -s -n job.lock true; do sleep 0.05; done; }";
const JOB_ENDS: &str = "cd /var/lib/mfsupgrade/jobs/trap && kill $(cat job/pid) && flock -w 10 job.lock true && \
                        cd / && rm -r /var/lib/mfsupgrade/jobs/trap";

pub fn traps() -> Vec<Trap> {
    [mounts::kept(), of_the_way_back()].concat()
}

fn of_the_way_back() -> Vec<Trap> {
    vec![
        trap(Code::BackJobRuns, "cs1", JOB, JOB_ENDS),
        trap(
            Code::BackProgramsGone,
            "cs1",
            "cd /var/lib/mfsupgrade/1.5.12-to-1.6.27 && mv replaced-usr-local.tar away",
            "cd /var/lib/mfsupgrade/1.5.12-to-1.6.27 && mv away replaced-usr-local.tar",
        ),
        // what was kept is the new release, which was installed before the run
        trap(
            Code::BackProgramsGone,
            "cs1",
            "cd /var/lib/mfsupgrade/1.5.12-to-1.6.27 && mv replaced-usr-local.tar away && \
             tar -cf replaced-usr-local.tar -C /usr/local sbin",
            "cd /var/lib/mfsupgrade/1.5.12-to-1.6.27 && mv -f away replaced-usr-local.tar",
        ),
        // or is not whole
        trap(
            Code::BackProgramsGone,
            "cs1",
            "cd /var/lib/mfsupgrade/1.5.12-to-1.6.27 && mv replaced-usr-local.tar away && \
             head -c $(($(stat -c %s away) / 2)) away > replaced-usr-local.tar",
            "cd /var/lib/mfsupgrade/1.5.12-to-1.6.27 && mv -f away replaced-usr-local.tar",
        ),
        trap(
            Code::BackMetadata,
            "master",
            "cd /usr/local/var/mfs && cp -p metadata.mfs.back back.away && printf 'MFSM 2.0' > metadata.mfs.back",
            "cd /usr/local/var/mfs && mv -f back.away metadata.mfs.back",
        ),
        trap(
            Code::BackDisks,
            "cs1",
            "cd /usr/local/etc && cp -p mfshdd.cfg hdd.away && printf '\\057mnt/none\\n' >> mfshdd.cfg",
            "cd /usr/local/etc && mv -f hdd.away mfshdd.cfg",
        ),
        trap(Code::BackLockFolder, "cs1", "mv /var/run/mfs /var/run/away", "mv /var/run/away /var/run/mfs"),
        // a mount that the run has not made
        trap(
            Code::BackNotByRun,
            "cl1",
            "mkdir -p /mnt/two && /usr/local/bin/mfsmount /mnt/two -H mfsmaster > /dev/null 2>&1 < /dev/null",
            "umount /mnt/two && rmdir /mnt/two",
        )
        .disturbs(),
        trap(Code::BackFolders, "cs1", OLD_AGAIN, NEW_AGAIN).disturbs(),
    ]
}

/// What `rollback` of the newest run finds.
fn look(state: &Path) -> Found {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mfsupgrade"));
    let command = command.args(["rollback", "--dry-run", "--format", "json", "--state-dir"]).arg(state);
    findings(&command.output().unwrap())
}

/// A rehearsal that has ended well, and whose cluster is kept.
struct Rehearsed {
    process: Child,
    folder: PathBuf,
    text: String,
}

impl Rehearsed {
    fn new() -> Self {
        let text = "[upgrade]\nfrom = \"1.5.12\"\nto = \"1.6.27\"\n[install]\nsource_dir = \"/usr/src/mfs-1.6.27\"\n\
                    [config]\nexports_like_1_5 = true\n[master]\nhost = \"master\"\n[[metaloggers]]\nhosts = [\"log1\"]\n\
                    [[chunkservers]]\nhosts = [\"cs[1-2]\"]\n[[clients]]\nhosts = [\"cl1\"]\n";
        let plan = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(plan.path(), text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_mfsupgrade"));
        command.arg("rehearse").arg(plan.path()).args([
            "--keep",
            "--log",
            "plain",
            "--speed",
            "60",
            "--least-eio",
            "30",
        ]);
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(process.stderr.take().unwrap()).lines().map(Result::unwrap);
        let mut said = Vec::new();
        let mut folder = None;
        for line in lines {
            folder = folder.or(line.strip_prefix("simulated cluster in ").map(PathBuf::from));
            said.push(line);
            if said.last().is_some_and(|line| line.contains("keeps running")) {
                break;
            }
        }
        let folder = folder.unwrap_or_else(|| panic!("the rehearsal has passed and is kept:\n{}", said.join("\n")));
        Self { process, folder, text: text.to_owned() }
    }
}

impl Drop for Rehearsed {
    /// As Ctrl-C does.
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-INT", &self.process.id().to_string()]).status();
        let _ = self.process.wait();
    }
}

#[test]
fn every_trap_of_the_way_back_is_found_on_the_embedded_cluster() {
    let rehearsed = Rehearsed::new();
    let scene = Scene::new(&rehearsed.text, &rehearsed.folder.join("ssh_config"), false);
    let state = rehearsed.folder.join("state");
    scene.spring(&traps(), &look(&state), &|_| look(&state));
}

/// Upgrades them first, which takes as long as the plan's waits.
#[test]
#[ignore = "needs real hosts that can be upgraded: MFSUPGRADE_LAB_PLAN=cluster.toml"]
fn every_trap_of_the_way_back_is_found_on_real_hosts_that_are_upgraded() {
    let scene = Scene::real();
    let state = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_mfsupgrade"));
    command.args(["upgrade", "--yes", "--log", "plain", "--state-dir"]).arg(state.path()).arg(scene.plan(None));
    assert!(command.stdin(Stdio::null()).status().unwrap().success(), "the upgrade");
    scene.spring(&traps(), &look(state.path()), &|_| look(state.path()));
}
