//! An operator's desk: the program with a state folder and a plan of its own, before a cluster on which what takes long waits
//! until it is told to go on. In real time, with one chunkserver, so that nothing else is waited for.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use mfsupgrade::journal::StateFolder;
use mfsupgrade::plan::Plan;
use mfsupgrade::rehearsal::Cluster;
use rustix::process::{Pid, Signal, kill_process};

use crate::support::options;

/// The clients' installation tells that it has begun.
pub const PLAN: &str = "[upgrade]\nfrom = \"1.5.12\"\nto = \"1.6.27\"\nacknowledge = [\"goal-one\"]\n[install]\n\
    source_dir = \"/usr/src/mfs-1.6.27\"\n[config]\nexports_like_1_5 = true\n[master]\nhost = \"master\"\n\
    [[metaloggers]]\nhosts = [\"log1\"]\n[[chunkservers]]\nhosts = [\"cs1\"]\n[[clients]]\nhosts = [\"cl[1-2]\"]\n\
    install = { commands = { client = \"echo begun && apt-get install mfs-client\" } }\n";

/// Hosts on which an installation waits for [`GO`], so that a Ctrl-C is heard while it goes on.
pub const HELD: [&str; 4] = ["master", "cs1", "cl1", "cl2"];

/// The file below a host's root that its installation waits for.
const GO: &str = ".sim/go";

pub struct Desk<'c> {
    pub cluster: &'c Cluster,
    pub folder: tempfile::TempDir,
    /// Where the plan says how its hosts are reached.
    ssh: String,
}

/// What a command said, and how it ended.
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    #[track_caller]
    pub fn expect(self, code: i32, words: &[&str]) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.err, self.out);
        for words in words {
            assert!(self.err.contains(words), "{words}\n{}", self.err);
        }
        self
    }

    /// No line tells of work on `host`.
    #[track_caller]
    pub fn untouched(self, host: &str) -> Self {
        assert!(!self.err.contains(&format!("{host}: install")), "{host} was touched\n{}", self.err);
        self
    }
}

impl<'c> Desk<'c> {
    pub fn new(cluster: &'c Cluster) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = cluster.ssh().config.unwrap();
        let desk = Self { cluster, folder, ssh: format!("[ssh]\nconfig = \"{}\"\n", config.display()) };
        desk.write(PLAN);
        desk
    }

    pub fn plan(&self) -> String {
        self.folder.path().join("plan.toml").to_str().unwrap().to_owned()
    }

    pub fn write(&self, plan: &str) {
        std::fs::write(self.plan(), format!("{}{plan}", self.ssh)).unwrap();
    }

    /// Lets installations come to their end.
    pub fn go(&self, hosts: &[&str]) {
        for host in hosts {
            std::fs::write(self.cluster.root(host).join(GO), "").unwrap();
        }
    }

    /// From here on a tool of a host waits until [`Self::go`] where its arguments match a pattern of the shell.
    pub fn hold(&self, host: &str, tool: &str, arguments: &str) {
        std::fs::remove_file(self.cluster.root(host).join(GO)).unwrap();
        hold(self.cluster, host, tool, arguments);
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mfsupgrade"));
        command.args(arguments).arg("--state-dir").arg(self.folder.path()).stdin(Stdio::null());
        command
    }

    /// Runs to the end, and tells every line on stderr as it comes.
    pub fn hear(&self, mut command: Command, mut line: impl FnMut(&str, &Child)) -> Said {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut err = String::new();
        for heard in BufReader::new(child.stderr.take().unwrap()).lines() {
            let heard = heard.unwrap();
            line(&heard, &child);
            err += &heard;
            err.push('\n');
        }
        Said { code: child.wait().unwrap().code().unwrap_or(-1), out: String::new(), err }
    }

    /// Runs to the end; when a line has `at` in it, Ctrl-C comes `times` times, and installations on `hosts` go on when the
    /// first one was heard.
    pub fn run(&self, arguments: &[&str], at: &str, times: usize, hosts: &[&str]) -> Said {
        let mut asked = 0;
        self.hear(self.command(arguments), |line, child| {
            let heard = line.contains("Ctrl-C once more");
            if heard {
                self.go(hosts);
            }
            // the second one comes when the first one was heard
            let now = (asked == 0 && line.contains(at)) || (asked > 0 && heard);
            if now && asked < times {
                kill_process(pid(child), Signal::INT).unwrap();
                asked += 1;
            }
        })
    }

    /// Runs to the end by itself.
    pub fn told(&self, arguments: &[&str]) -> Said {
        let output = self.command(arguments).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Said { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) }
    }

    pub fn status(&self) -> String {
        self.told(&["status"]).out
    }

    /// The names of all runs, oldest first.
    pub fn runs(&self) -> Vec<String> {
        StateFolder::new(Some(self.folder.path())).unwrap().names().unwrap()
    }
}

pub fn pid(child: &Child) -> Pid {
    Pid::from_child(child)
}

pub fn original() -> Plan {
    Plan::parse(PLAN, Path::new("p.toml"), Path::new("/")).unwrap()
}

/// A tool of a host waits for [`GO`] before it does anything.
fn hold(cluster: &Cluster, host: &str, tool: &str, arguments: &str) {
    let root = cluster.root(host);
    // whoever waits on a host that is gone ends, and nobody waits for ever
    let (all, go) = (root.display(), root.join(GO));
    let wait = format!(
        "#!/bin/sh\ncase $* in {arguments}) n=0; while [ -d '{all}' ] && [ ! -e '{}' ] && [ $n -lt 3000 ]; do\n\
         sleep 0.1; n=$((n + 1)); done;; esac\n",
        go.display()
    );
    let file = root.join(".sim/bin").join(tool);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("#!/bin/sh\n"), "{text}");
    std::fs::write(&file, text.replacen("#!/bin/sh\n", &wait, 1)).unwrap();
}

/// A cluster on whose hosts installations wait.
pub async fn cluster() -> Cluster {
    let cluster = Cluster::start(&original(), options(&[])).await.unwrap();
    for host in HELD {
        hold(&cluster, host, "make", "*");
        hold(&cluster, host, "apt-get", "*");
    }
    cluster
}
