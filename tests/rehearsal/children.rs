//! The ssh processes that this program starts: one that hangs holds up nothing, and none is left behind, not even by a process
//! that was killed. The processes, the signals and ssh are real.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::desk::{Desk, HELD, cluster, pid};
use crate::support::PATIENCE;

/// Where the sockets of a desk's processes go, and nobody else's.
struct Sockets(tempfile::TempDir);

impl Sockets {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn of(&self, mut command: Command) -> Command {
        command.env("TMPDIR", self.0.path()).env_remove("XDG_RUNTIME_DIR");
        command
    }

    /// Every process that has one of them, with its command line.
    fn held(&self) -> Vec<(Pid, String)> {
        let all = std::fs::read_dir("/proc").unwrap().flatten();
        let held = all.filter_map(|entry| {
            let pid = Pid::from_raw(entry.file_name().to_str()?.parse().ok()?)?;
            let line = std::fs::read(entry.path().join("cmdline")).ok()?;
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            line.contains(self.0.path().to_str()?).then_some((pid, line))
        });
        held.collect()
    }

    /// The connection to a host. The title that ssh gives itself has the socket alone.
    fn to(&self, host: &str) -> Vec<Pid> {
        let held = self.held();
        assert!(!held.is_empty());
        let of_host = |(pid, line): &(Pid, String)| line.trim_end().ends_with(&format!("-- {host}")).then_some(*pid);
        held.iter().filter_map(of_host).collect()
    }

    #[track_caller]
    fn none_left(&self) {
        assert_eq!(self.held(), []);
        let left: Vec<_> = std::fs::read_dir(self.0.path()).unwrap().flatten().map(|entry| entry.path()).collect();
        assert_eq!(left, [] as [PathBuf; 0]);
    }
}

#[track_caller]
fn until<T>(what: &str, seen: impl Fn() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(seen) = seen() {
            return seen;
        }
        assert!(began.elapsed() < PATIENCE, "never happened: {what}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

fn stop(pid: Pid) {
    kill_process(pid, Signal::STOP).unwrap();
}

fn interrupt(child: &Child) {
    kill_process(pid(child), Signal::INT).unwrap();
}

const AT_WORK: &str = "cs1: install chunkserver programs";

#[tokio::test(flavor = "multi_thread")]
async fn connections_of_a_killed_process_end_with_the_next_start() {
    let cluster = cluster().await;
    let (desk, sockets) = (Desk::new(&cluster), Sockets::new());
    let plan = desk.plan();
    tokio::task::block_in_place(|| {
        desk.go(&["master"]);
        let upgrade = sockets.of(desk.command(&["upgrade", &plan, "--yes", "--log", "plain"]));
        desk.hear(upgrade, |line, child| {
            if line.contains(AT_WORK) {
                kill_process(pid(child), Signal::KILL).unwrap();
            }
        })
        .expect(-1, &[AT_WORK]);
        let left = sockets.held();
        assert!(!left.is_empty(), "a killed process leaves its connections");
        // one of them does not even listen
        stop(left[0].0);
        desk.go(&HELD);
        desk.hear(sockets.of(desk.command(&["resume", "--log", "plain"])), |_, _| {}).expect(0, &["finished"]);
        sockets.none_left();
    });
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_that_a_cleaner_takes_away_in_the_middle_of_a_run_cost_a_login_and_nothing_else() {
    let cluster = cluster().await;
    let (desk, sockets) = (Desk::new(&cluster), Sockets::new());
    let plan = desk.plan();
    tokio::task::block_in_place(|| {
        desk.go(&["master"]);
        let upgrade = sockets.of(desk.command(&["upgrade", &plan, "--yes", "--log", "plain"]));
        let mut taken = 0;
        desk.hear(upgrade, |line, _| {
            if line.contains(AT_WORK) {
                for folder in std::fs::read_dir(sockets.0.path()).unwrap() {
                    std::fs::remove_dir_all(folder.unwrap().path()).unwrap();
                    taken += 1;
                }
                desk.go(&HELD);
            }
        })
        .expect(0, &["finished"]);
        assert!(taken > 0);
        // a login of root is not left because nobody can speak to it any more
        sockets.none_left();
    });
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_every_connection_stopped_ctrl_c_is_answered_and_nothing_is_left_behind() {
    let cluster = cluster().await;
    let (desk, sockets) = (Desk::new(&cluster), Sockets::new());
    let plan = desk.plan();
    tokio::task::block_in_place(|| {
        desk.go(&["master"]);
        let upgrade = sockets.of(desk.command(&["upgrade", &plan, "--yes", "--log", "plain"]));
        desk.hear(upgrade, |line, child| {
            if line.contains(AT_WORK) {
                sockets.held().into_iter().for_each(|(pid, _)| stop(pid));
                interrupt(child);
            } else if line.contains("Ctrl-C once more") {
                interrupt(child);
            }
        })
        .expect(10, &["left at once", "the cluster's lock was not released"]);
        sockets.none_left();
    });
    desk.go(&HELD);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_heart_beats_on_past_a_connection_that_is_stopped() {
    let cluster = cluster().await;
    let (desk, sockets) = (Desk::new(&cluster), Sockets::new());
    let plan = desk.plan();
    let lock = cluster.root("master").join("var/lib/mfsupgrade/lock");
    let beat = || std::fs::metadata(&lock).unwrap().modified().unwrap();
    tokio::task::block_in_place(|| {
        desk.go(&["master"]);
        let upgrade = sockets.of(desk.command(&["upgrade", &plan, "--yes", "--log", "plain"]));
        desk.hear(upgrade, |line, child| {
            if line.contains(AT_WORK) {
                let stopped = sockets.to("master");
                assert!(!stopped.is_empty());
                stopped.iter().for_each(|pid| stop(*pid));
                let last = beat();
                until("a heartbeat over another connection", || (beat() > last).then_some(()));
                until("the end of the one that was stopped", || {
                    stopped.iter().all(|pid| test_kill_process(*pid).is_err()).then_some(())
                });
                interrupt(child);
            } else if line.contains("Ctrl-C once more") {
                desk.go(&["cs1"]);
            }
        })
        .expect(10, &["safe to leave"]);
        sockets.none_left();
    });
    desk.go(&HELD);
    cluster.stop().await;
}

/// An `ssh` that stops itself before it logs in to the host that is named in a file, and leaves its number there.
fn stopping_ssh(folder: &Path) -> PathBuf {
    let bin = folder.join("bin");
    std::fs::create_dir(&bin).unwrap();
    let path = std::env::var_os("PATH").unwrap();
    let real = std::env::split_paths(&path).map(|path| path.join("ssh")).find(|ssh| ssh.is_file()).unwrap();
    let script = format!(
        "#!/bin/sh\nfor host; do :; done\nif mv '{0}/stop-'\"$host\" '{0}/begun' 2>/dev/null; then\n\
         echo $$ >'{0}/new' && mv '{0}/new' '{0}/stopped' && kill -STOP $$\nfi\nexec {1} \"$@\"\n",
        folder.display(),
        real.display()
    );
    std::fs::write(bin.join("ssh"), script).unwrap();
    std::fs::set_permissions(bin.join("ssh"), PermissionsExt::from_mode(0o755)).unwrap();
    bin
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_login_stopped_ctrl_c_is_answered_and_nothing_is_left_behind() {
    let cluster = cluster().await;
    let (desk, sockets, folder) = (Desk::new(&cluster), Sockets::new(), tempfile::tempdir().unwrap());
    let plan = desk.plan();
    let path = format!("{}:{}", stopping_ssh(folder.path()).display(), std::env::var("PATH").unwrap());
    let stopped = folder.path().join("stopped");
    let number = || std::fs::read_to_string(&stopped).ok()?.trim().parse().ok().and_then(Pid::from_raw);
    tokio::task::block_in_place(|| {
        let mut upgrade = sockets.of(desk.command(&["upgrade", &plan, "--yes", "--log", "plain"]));
        upgrade.env("PATH", &path);
        std::thread::scope(|scope| {
            desk.hear(upgrade, |line, child| {
                if line.contains("master: install master programs") {
                    // the connection that it has is lost, and the next login hangs
                    std::fs::write(folder.path().join("stop-cs1"), "").unwrap();
                    sockets.to("cs1").iter().for_each(|pid| kill_process(*pid, Signal::KILL).unwrap());
                    desk.go(&["master"]);
                    let child = pid(child);
                    let stopped = &stopped;
                    scope.spawn(move || {
                        until("a login that stops", || stopped.exists().then_some(()));
                        kill_process(child, Signal::INT).unwrap();
                    });
                } else if line.contains("Ctrl-C once more") {
                    assert!(number().is_some_and(|pid| test_kill_process(pid).is_ok()), "it hangs until now");
                    interrupt(child);
                }
            })
            .expect(10, &["left at once"]);
        });
        sockets.none_left();
        let pid = number().unwrap();
        until("the end of the login that was stopped", || test_kill_process(pid).is_err().then_some(()));
    });
    desk.go(&HELD);
    cluster.stop().await;
}
