//! The operator's hands on a real `upgrade`: Ctrl-C once and twice, another start in between, a changed plan, resume. In real
//! time, with one chunkserver, so that nothing is waited for.
//!
//! The daemons are simulated; the signals, the processes and ssh are real.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use mfsupgrade::plan::Plan;
use mfsupgrade::rehearsal::Cluster;
use rustix::process::{Pid, Signal, kill_process};

use crate::support::options;

/// The clients' installation tells that it has begun.
const PLAN: &str = "[upgrade]\nfrom = \"1.5.12\"\nto = \"1.6.27\"\nacknowledge = [\"goal-one\"]\n[install]\n\
    source_dir = \"/usr/src/mfs-1.6.27\"\n[config]\nexports_like_1_5 = true\n[master]\nhost = \"master\"\n\
    [[metaloggers]]\nhosts = [\"log1\"]\n[[chunkservers]]\nhosts = [\"cs1\"]\n[[clients]]\nhosts = [\"cl[1-2]\"]\n\
    install = { commands = { client = \"echo begun && apt-get install mfs-client\" } }\n";

/// Hosts on which an installation waits for [`GO`], so that a Ctrl-C is heard while it goes on.
const HELD: [&str; 4] = ["master", "cs1", "cl1", "cl2"];

/// The file below a host's root that its installation waits for.
const GO: &str = ".sim/go";

/// The program, with a state folder and a plan of its own.
struct Desk<'c> {
    cluster: &'c Cluster,
    folder: tempfile::TempDir,
    /// Where the plan says how its hosts are reached.
    ssh: String,
}

struct Said {
    code: i32,
    err: String,
}

impl Said {
    #[track_caller]
    fn expect(self, code: i32, words: &[&str]) -> Self {
        assert_eq!(self.code, code, "{}", self.err);
        for words in words {
            assert!(self.err.contains(words), "{words}\n{}", self.err);
        }
        self
    }
}

impl<'c> Desk<'c> {
    fn new(cluster: &'c Cluster) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = cluster.ssh().config.unwrap();
        let desk = Self { cluster, folder, ssh: format!("[ssh]\nconfig = \"{}\"\n", config.display()) };
        desk.write(PLAN);
        desk
    }

    fn plan(&self) -> String {
        self.folder.path().join("plan.toml").to_str().unwrap().to_owned()
    }

    fn write(&self, plan: &str) {
        std::fs::write(self.plan(), format!("{}{plan}", self.ssh)).unwrap();
    }

    /// Lets installations come to their end.
    fn go(&self, hosts: &[&str]) {
        for host in hosts {
            std::fs::write(self.cluster.root(host).join(GO), "").unwrap();
        }
    }

    fn spawn(&self, arguments: &[&str]) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mfsupgrade"));
        command.args(arguments).args(["--state-dir", self.folder.path().to_str().unwrap()]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Runs to the end; when a line has `at` in it, Ctrl-C comes `times` times, and installations on `hosts` go on when the
    /// first one was heard.
    fn run(&self, arguments: &[&str], at: &str, times: usize, hosts: &[&str]) -> Said {
        let mut child = self.spawn(arguments);
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
        let mut err = String::new();
        let mut asked = 0;
        for line in BufReader::new(child.stderr.take().unwrap()).lines() {
            let line = line.unwrap();
            let heard = line.contains("Ctrl-C once more");
            if heard {
                self.go(hosts);
            }
            // the second one comes when the first one was heard
            let now = (asked == 0 && line.contains(at)) || (asked > 0 && heard);
            if now && asked < times {
                kill_process(pid, Signal::INT).unwrap();
                asked += 1;
            }
            err += &line;
            err.push('\n');
        }
        Said { code: child.wait().unwrap().code().unwrap_or(-1), err }
    }

    fn status(&self) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mfsupgrade"));
        let output = command.args(["status", "--state-dir", self.folder.path().to_str().unwrap()]).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

async fn cluster() -> Cluster {
    let plan = Plan::parse(PLAN, Path::new("p.toml"), Path::new("/")).unwrap();
    let cluster = Cluster::start(&plan, options(&[])).await.unwrap();
    for host in HELD {
        let root = cluster.root(host);
        // whoever waits on a host that is gone ends, and nobody waits for ever
        let (all, go) = (root.display(), root.join(GO));
        let wait = format!(
            "#!/bin/sh\nn=0; while [ -d '{all}' ] && [ ! -e '{}' ] && [ $n -lt 3000 ]; do sleep 0.1; n=$((n + 1)); done\n",
            go.display()
        );
        for tool in ["make", "apt-get"] {
            let file = root.join(".sim/bin").join(tool);
            let text = std::fs::read_to_string(&file).unwrap();
            assert!(text.starts_with("#!/bin/sh\n"), "{text}");
            std::fs::write(&file, text.replacen("#!/bin/sh\n", &wait, 1)).unwrap();
        }
    }
    cluster
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_once_says_what_holds_and_twice_leaves_at_once_and_both_are_resumed() {
    let cluster = cluster().await;
    let desk = Desk::new(&cluster);
    let plan = desk.plan();
    let said = tokio::task::block_in_place(|| {
        desk.go(&["master"]);
        let paused =
            desk.run(&["upgrade", &plan, "--yes", "--log", "plain"], "cs1: install chunkserver programs", 1, &["cs1"]);
        paused.expect(
            10,
            &[
                "paused: 1 of 1 master on 1.6.27",
                "0 of 1 chunkserver",
                "cluster healthy; safe to leave",
                "mfsupgrade resume",
            ],
        );
        assert!(desk.status().contains("cluster healthy"), "{}", desk.status());

        // another start names it, from here and before any host is contacted
        desk.run(&["upgrade", &plan, "--yes"], "never", 0, &[])
            .expect(13, &["was paused", "next chunkservers/cs1/", "--abandon", "goes on with it"]);

        // what was begun stays as it was
        desk.write(&PLAN.replace("source_dir = \"/usr/src/mfs-1.6.27\"", "source_dir = \"/usr/src/other\""));
        desk.run(&["resume"], "never", 0, &[])
            .expect(3, &["+        \"source-dir\": \"/usr/src/other\"", "--as-begun"]);

        // what is to come may change
        desk.write(&PLAN.replace("hosts = [\"cl[1-2]\"]", "hosts = [\"cl[1-2]\"]\nparallel = 2"));
        desk.run(&["resume", "--log", "plain", "--verbose"], "cl1 | begun", 2, &[]).expect(
            10,
            &["+      \"parallel\": 2", "going on with the plan as it is now", "left at once", "mfsupgrade resume"],
        );
        let open = "begun and not known to be done: clients/cl1/install";
        assert!(desk.status().contains(open), "{}", desk.status());
        desk.go(&["cl1", "cl2"]);
        desk.run(&["resume", "--log", "plain"], "never", 0, &[])
    });
    said.expect(0, &["finished: 1 of 1 master on 1.6.27", "2 of 2 clients on 1.6.27"]);
    assert!(desk.status().contains("finished"), "{}", desk.status());
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_trial_has_found_can_be_accepted_and_the_run_gone_on_with() {
    let cluster = cluster().await;
    let desk = Desk::new(&cluster);
    let plan = desk.plan();
    tokio::task::block_in_place(|| {
        desk.write(&PLAN.replace("acknowledge = [\"goal-one\"]\n", ""));
        desk.run(&["upgrade", &plan, "--yes", "--log", "plain"], "never", 0, &[])
            .expect(5, &["[goal-one] 12 chunks have goal 1", "then `resume`"]);
        desk.write(PLAN);
        // as far as the step after the trial
        desk.run(&["resume", "--log", "plain"], "master: keep what the installation replaces", 1, &["master"])
            .expect(10, &["+      \"goal-one\"", "going on with the plan as it is now", "safe to leave"]);
    });
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_set_aside_is_not_gone_on_with_and_another_one_reaches_the_target() {
    let cluster = cluster().await;
    let desk = Desk::new(&cluster);
    let plan = desk.plan();
    tokio::task::block_in_place(|| {
        let paused =
            desk.run(&["upgrade", &plan, "--yes", "--log", "plain"], "master: install master programs", 1, &["master"]);
        let paused = paused.expect(10, &["0 of 1 master on 1.6.27", "safe to leave"]);
        let name = paused.err.lines().find_map(|line| line.split("mfsupgrade resume ").nth(1)).unwrap();
        let name = name.split(' ').next().unwrap().to_owned();
        desk.go(&["cs1", "cl1", "cl2"]);
        desk.run(&["upgrade", &plan, "--yes", "--log", "plain", "--abandon", &name], "never", 0, &[])
            .expect(0, &["finished: 1 of 1 master on 1.6.27"]);
        desk.run(&["resume", &name], "never", 0, &[]).expect(2, &["was abandoned"]);
    });
    cluster.stop().await;
}
