//! Two operators and one cluster: the second is told who holds its lock, whatever state folder and machine it comes from; a
//! run that was killed is taken the place of by consent alone. Over real ssh, with the daemons simulated.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use mfsupgrade::journal::{Simulated, StateFolder};
use mfsupgrade::plan::Mode;
use mfsupgrade::rehearsal::{Cluster, Options};

use crate::support::{WALKED, options, plan, said};

/// One operator's state folder.
pub struct Operator {
    pub folder: PathBuf,
    pub plan: PathBuf,
}

impl Operator {
    pub fn new(at: &Path, name: &str, text: &str) -> Self {
        let (folder, plan) = (at.join(name), at.join(format!("{name}.toml")));
        std::fs::write(&plan, text).unwrap();
        let now = Timestamp::now();
        let what = "simulated daemons".to_owned();
        let simulated = Simulated { started: now, begun: now, speed: WALKED, what, kill: None };
        StateFolder::new(Some(&folder)).unwrap().mark_simulated(&simulated).unwrap();
        Self { folder, plan }
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

    /// Goes on with the run that there is.
    fn resume(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mfsupgrade"));
        command.args(["resume", "--log", "plain", "--state-dir"]).arg(&self.folder);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn runs(&self) -> Vec<String> {
        StateFolder::new(Some(&self.folder)).unwrap().names().unwrap()
    }
}

/// The last heartbeat was so many seconds before it was: by the master's own uptime, which the lock is told in. Neither the
/// time of the file nor that of day says anything.
async fn beat_before(cluster: &Cluster, seconds: u64) {
    let file = "/var/lib/mfsupgrade/lock";
    let earlier = format!("n=$(($(sed -n 8p {file}) - {seconds})); sed -i \"8s/.*/$n/\" {file}");
    said(cluster, "master", &earlier, 0).await;
}

/// A window that opens in twelve hours, which are many minutes here.
fn window() -> String {
    let hour = |hours| (Timestamp::now() + SignedDuration::from_hours(hours)).to_zoned(TimeZone::UTC).strftime("%H:%M");
    format!("[window]\nfrom = \"{}\"\nto = \"{}\"\ntime_zone = \"UTC\"\n", hour(12), hour(18))
}

/// The plan of a cluster that `config` tells the way to.
pub fn text(config: &Path) -> String {
    format!(
        "[upgrade]\nfrom = \"1.5.12\"\nto = \"1.6.27\"\nacknowledge = [\"no-metalogger\", \"goal-one\"]\n\
         [install]\nsource_dir = \"/usr/src/mfs-1.6.27\"\n[ssh]\nconfig = {config:?}\n\
         [master]\nhost = \"master\"\n[[chunkservers]]\nhosts = [\"cs1\"]\n"
    )
}

/// Walks until the window of the plan is waited for, with the lock held. What it says from there on is not read.
fn begun(mut command: Command) -> (Child, BufReader<ChildStderr>) {
    let mut child = command.spawn().unwrap();
    let (mut words, mut all) = (BufReader::new(child.stderr.take().unwrap()), String::new());
    while !all.contains("for the window, which opens") {
        assert_ne!(words.read_line(&mut all).unwrap(), 0, "it never waited\n{all}");
    }
    (child, words)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_operator_is_told_who_holds_the_lock() {
    let original = plan("1.6.27", Mode::Rolling, 1, 0);
    let cluster = Cluster::start(&original, Options { speed: WALKED, ..options(&[]) }).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let config = cluster.ssh().config.unwrap();
    let text = text(&config);
    // anna has to wait for many hours; ben need not
    let anna = Operator::new(folder.path(), "anna", &format!("{text}{}", window()));
    let ben = Operator::new(folder.path(), "ben", &text);

    let (mut first, _words) = tokio::task::block_in_place(|| begun(anna.upgrade(&[])));
    let lock = said(&cluster, "master", "cat /var/lib/mfsupgrade/lock", 0).await;
    assert!(lock.contains("held"), "{lock}");
    let run = anna.runs().pop().unwrap();
    let (code, words) = ben.told(&[]);
    assert_eq!(code, 13, "{words}");
    let owner = anna.folder.to_str().unwrap();
    for words_of in [run.as_str(), owner, "is active", "no host was touched"] {
        assert!(words.contains(words_of), "{words_of}\n{words}");
    }
    let (code, words) = ben.told(&["--abandon", &run]);
    assert_eq!(code, 13, "a run that is walked is not set aside\n{words}");

    // killed: its heart beats no more, which takes five minutes to be sure of
    first.kill().unwrap();
    first.wait().unwrap();
    beat_before(&cluster, 600).await;
    let (code, words) = ben.told(&[]);
    assert_eq!(code, 13, "{words}");
    assert!(words.contains("heartbeat stopped") && words.contains(&format!("--abandon {run}")), "{words}");
    assert!(ben.runs().is_empty(), "nothing is left of a run that did not begin");
    let checked = Command::new(env!("CARGO_BIN_EXE_mfsupgrade")).arg("check").arg(&ben.plan).output().unwrap();
    let words = String::from_utf8_lossy(&checked.stderr);
    assert_eq!(checked.status.code(), Some(0), "the cluster is fit\n{words}");
    assert!(words.contains(&run) && words.contains("`upgrade` refuses to start beside it (exit code 13)"), "{words}");
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
    assert!(words.contains(&format!("run {run} was abandoned for another run")), "{words}");
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

/// As on a cloned machine or in a second container: the same run of the same user in a folder of the same name.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_state_folder_was_copied_is_not_walked_twice() {
    let original = plan("1.6.27", Mode::Rolling, 1, 0);
    let cluster = Cluster::start(&original, Options { speed: WALKED, ..options(&[]) }).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let text = format!("{}{}", text(&cluster.ssh().config.unwrap()), window());
    // with a blank at its end, which the lock's file must keep
    let anna = Operator::new(folder.path(), "anna ", &text);
    let (mut first, _words) = tokio::task::block_in_place(|| begun(anna.upgrade(&[])));
    let (copy, original) = (folder.path().join("copy"), folder.path().join("original"));
    assert!(Command::new("cp").arg("-a").args([&anna.folder, &copy]).status().unwrap().success());
    std::fs::rename(&anna.folder, &original).unwrap();
    std::fs::rename(&copy, &anna.folder).unwrap();

    let second = tokio::task::block_in_place(|| anna.resume().output().unwrap());
    let words = String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(13), "{words}");
    for part in [anna.runs()[0].as_str(), "is active", "in a copy of this state folder", "no host was touched"] {
        assert!(words.contains(part), "{part}\n{words}");
    }
    let word = |lock: &str| lock.lines().nth(4).unwrap().to_owned();
    let lock = said(&cluster, "master", "cat /var/lib/mfsupgrade/lock", 0).await;
    assert!(lock.lines().nth(1).unwrap().ends_with("/anna "), "{lock:?}");
    assert!(first.try_wait().unwrap().is_none(), "the first one goes on");

    // that process has ended, as this machine knows: its heartbeat is not waited for
    first.kill().unwrap();
    first.wait().unwrap();
    let (mut second, _words) = tokio::task::block_in_place(|| begun(anna.resume()));
    let taken = said(&cluster, "master", "cat /var/lib/mfsupgrade/lock", 0).await;
    assert_ne!(word(&taken), word(&lock), "{taken}");
    // nor is that of one of another machine, when it has stopped
    second.kill().unwrap();
    second.wait().unwrap();
    said(&cluster, "master", "sed -i '6s/.*/another-boot pid:[1] 7 7/' /var/lib/mfsupgrade/lock", 0).await;
    let third = tokio::task::block_in_place(|| anna.resume().output().unwrap());
    assert_eq!(third.status.code(), Some(13), "{}", String::from_utf8_lossy(&third.stderr));
    beat_before(&cluster, 600).await;
    let (mut fourth, _words) = tokio::task::block_in_place(|| begun(anna.resume()));
    fourth.kill().unwrap();
    fourth.wait().unwrap();
}

/// An upgrade of a cluster whose master's connection is lost while its lock is being taken, which goes on there.
async fn loses_the_answer(faults: &[&str]) -> (Cluster, Operator, (i32, String), tempfile::TempDir) {
    let original = plan("1.6.27", Mode::Rolling, 1, 0);
    let cluster = Cluster::start(&original, Options { speed: WALKED, ..options(faults) }).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let config = cluster.ssh().config.unwrap();
    let text = text(&config);
    // the lock is the first thing on this host that asks for flock, and every ssh of this operator has the configuration's name
    let sim = cluster.root("master").join(".sim");
    let script = format!(
        "#!/bin/sh\nrm {:?}\n: >{:?}\nfor p in /proc/[0-9]*; do\n  [ \"$(cat $p/comm)\" != ssh ] || ! grep -qF {config:?} $p/cmdline || \
         kill -9 ${{p#/proc/}}\ndone 2>/dev/null\nexec /usr/bin/flock \"$@\"\n",
        sim.join("bin/flock"),
        sim.join("changed"),
    );
    let flock = sim.join("bin/flock");
    std::fs::write(&flock, script).unwrap();
    std::fs::set_permissions(&flock, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let ben = Operator::new(folder.path(), "ben", &text);
    let told = tokio::task::block_in_place(|| ben.told(&[]));
    assert!(!flock.exists(), "{}", told.1);
    (cluster, ben, told, folder)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_whose_answer_was_lost_is_asked_for_again() {
    let (cluster, ben, (code, words), _folder) = loses_the_answer(&[]).await;
    assert_eq!((code, ben.runs().len()), (0, 1), "{words}");
    let left = said(&cluster, "master", "ls /var/lib/mfsupgrade", 0).await;
    assert!(!left.lines().any(|file| file == "lock"), "{left}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_may_have_been_taken_for_a_run_that_never_was_is_named() {
    let (cluster, ben, (code, words), _folder) = loses_the_answer(&["drops-ssh@master"]).await;
    assert_eq!(code, 8, "{words}");
    assert!(ben.runs().is_empty(), "nothing is left of a run that did not begin: {words}");
    let lock = std::fs::read_to_string(cluster.root("master").join("var/lib/mfsupgrade/lock")).unwrap();
    let run = lock.lines().next().unwrap();
    for part in ["whether the lock on master was taken cannot be told", &format!("`--abandon {run}` sets it aside")] {
        assert!(words.contains(part), "{part}\n{words}");
    }
}
