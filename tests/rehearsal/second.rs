//! Two operators and one cluster: the second is told who holds its lock, whatever state folder and machine it comes from; a
//! run that was killed is taken the place of by consent alone. Over real ssh, with the daemons simulated.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use mfsupgrade::journal::{Simulated, StateFolder};
use mfsupgrade::plan::Mode;
use mfsupgrade::rehearsal::Cluster;

use crate::support::{SPEED, options, plan, said};

/// One operator's state folder.
pub struct Operator {
    folder: PathBuf,
    plan: PathBuf,
}

impl Operator {
    pub fn new(at: &Path, name: &str, plan: &Path) -> Self {
        let folder = at.join(name);
        let now = Timestamp::now();
        let simulated = Simulated { started: now, begun: now, speed: SPEED, what: "simulated daemons".to_owned() };
        StateFolder::new(Some(&folder)).unwrap().mark_simulated(&simulated).unwrap();
        Self { folder, plan: plan.to_owned() }
    }

    pub fn upgrade(&self, more: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mfsupgrade"));
        command.arg("upgrade").arg(&self.plan).args(["--yes", "--log", "plain", "--state-dir"]).arg(&self.folder);
        command.args(more).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Exit code and words of an upgrade that comes to its end by itself.
    fn told(&self, more: &[&str]) -> (i32, String) {
        let output = self.upgrade(more).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    fn runs(&self) -> Vec<String> {
        StateFolder::new(Some(&self.folder)).unwrap().names().unwrap()
    }
}

/// Walks until the lock is held.
async fn begun(cluster: &Cluster, operator: &Operator) -> Child {
    let child = operator.upgrade(&[]).spawn().unwrap();
    let begun = Instant::now();
    while !said(cluster, "master", "cat /var/lib/mfsupgrade/lock 2>/dev/null; true", 0).await.contains("held") {
        assert!(begun.elapsed() < Duration::from_secs(30), "it never took the lock");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    child
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_operator_is_told_who_holds_the_lock() {
    let original = plan("1.6.27", Mode::Rolling, 1, 0);
    let cluster = Cluster::start(&original, options(&[])).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plan.toml");
    let config = cluster.ssh().config.unwrap();
    let text = format!(
        "[upgrade]\nfrom = \"1.5.12\"\nto = \"1.6.27\"\nacknowledge = [\"no-metalogger\", \"goal-one\"]\n\
         [install]\nsource_dir = \"/usr/src/mfs-1.6.27\"\n[ssh]\nconfig = {config:?}\n\
         [master]\nhost = \"master\"\n[[chunkservers]]\nhosts = [\"cs1\"]\n"
    );
    std::fs::write(&file, text).unwrap();
    let (anna, ben) = (Operator::new(folder.path(), "anna", &file), Operator::new(folder.path(), "ben", &file));

    let mut first = begun(&cluster, &anna).await;
    let run = anna.runs().pop().unwrap();
    let (code, words) = ben.told(&[]);
    assert_eq!(code, 13, "{words}");
    let owner = anna.folder.to_str().unwrap();
    for words_of in [run.as_str(), owner, "is being walked", "no host was touched"] {
        assert!(words.contains(words_of), "{words_of}\n{words}");
    }
    let (code, words) = ben.told(&["--abandon", &run]);
    assert_eq!(code, 13, "a run that is walked is not set aside\n{words}");

    // killed: its heart beats no more, which takes five minutes to be sure of
    first.kill().unwrap();
    first.wait().unwrap();
    said(&cluster, "master", "touch -d '10 minutes ago' /var/lib/mfsupgrade/lock", 0).await;
    let (code, words) = ben.told(&[]);
    assert_eq!(code, 13, "{words}");
    assert!(words.contains("heartbeat stopped") && words.contains(&format!("--abandon {run}")), "{words}");
    assert!(ben.runs().is_empty(), "nothing is left of a run that did not begin");
    let (code, words) = ben.told(&["--abandon", "20000101T000000Z-0000"]);
    assert_eq!(code, 2, "{words}");

    let (code, words) = ben.told(&["--abandon", &run]);
    assert_eq!(code, 0, "{words}");
    let resumed = Command::new(env!("CARGO_BIN_EXE_mfsupgrade"))
        .args(["resume", &run, "--state-dir"])
        .arg(&anna.folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&resumed.stderr);
    assert_eq!(resumed.status.code(), Some(13), "{words}");
    assert!(words.contains(&format!("run {run} was set aside for another one")), "{words}");
    let left = said(
        &cluster,
        "master",
        "mkdir -p /var/lib/mfsupgrade/jobs; ls /var/lib/mfsupgrade /var/lib/mfsupgrade/jobs",
        0,
    )
    .await;
    assert!(!left.lines().any(|file| file == "lock"), "{left}");
    assert!(!left.contains(&ben.runs()[0]), "its jobs are swept: {left}");
}
