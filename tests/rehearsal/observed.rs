//! What only looks changes nothing and costs little: `plan --observe` and `check` by the binary itself, over real ssh, with the
//! daemons simulated.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use mfsupgrade::plan::Mode;
use mfsupgrade::rehearsal::{Cluster, Options};
use mfsupgrade::schedule::Schedule;
use mfsupgrade::step::{Action, Configure, PutInPlace};
use serde_json::Value;

use crate::desk::{Desk, original};
use crate::second::Operator;
use crate::support::{INSTALL, WALKED, options, plan, said, until_back};

/// Writes a plan for the cluster.
pub fn written(cluster: &Cluster, folder: &Path, servers: &str) -> PathBuf {
    let file = folder.join("plan.toml");
    let config = cluster.ssh().config.unwrap();
    let text = format!(
        "[upgrade]\nfrom = \"1.5.12\"\nto = \"1.6.27\"\nacknowledge = [\"no-metalogger\"]\n\
         [install]\nsource_dir = \"/usr/src/mfs-1.6.27\"\n[ssh]\nconfig = {config:?}\n\
         [config]\nexports_like_1_5 = true\n\
         [master]\nhost = \"master\"\n[[chunkservers]]\nhosts = [{servers}]\n[[clients]]\nhosts = [\"cl1\"]\n"
    );
    std::fs::write(&file, text).unwrap();
    file
}

/// Exit code and both outputs.
pub async fn told(arguments: &[&str], plan: &Path) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mfsupgrade"));
    command.args(arguments).arg(plan).env("COLUMNS", "200").stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

/// Every file of a host, with what is in it, its mode and its times. What lives by itself is left out: /proc, the simulation's
/// own notes, what a running daemon appends to.
pub fn files(at: &Path) -> BTreeMap<PathBuf, String> {
    use std::os::unix::fs::MetadataExt;
    let (mut found, mut folders) = (BTreeMap::new(), vec![at.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            let name = path.strip_prefix(at).unwrap().to_owned();
            if name.starts_with("proc") || name.starts_with(".sim") || name.starts_with("usr/local/var/mfs") {
                continue;
            }
            let meta = path.symlink_metadata().unwrap();
            let content = if kind.is_file() { std::fs::read(&path).unwrap_or_default() } else { Vec::new() };
            let time = if kind.is_dir() { 0 } else { meta.mtime_nsec() };
            found.insert(name, format!("{:o} {} {} {:?}", meta.mode(), meta.mtime(), time, content));
            folders.extend(kind.is_dir().then_some(path));
        }
    }
    found
}

/// What was run on each host, from here on.
fn commands(cluster: &Cluster) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(cluster.dir().join("commands.jsonl")).unwrap_or_default();
    let line = |line: &str| {
        let json: Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| json[key].as_str().unwrap().to_owned();
        (text("host"), text("command"))
    };
    text.lines().map(line).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_observed_plan_shows_what_was_found_and_changes_nothing() {
    let cluster = Cluster::start(&plan("1.6.27", Mode::Rolling, 2, 1), options(&[])).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = written(&cluster, folder.path(), "\"cs1\", \"cs2\"");
    let hosts = ["master", "cs1", "cs2", "cl1"];
    let all = || hosts.map(|host| files(&cluster.root(host)));
    let before = all();
    assert!(before[0].len() > 10, "{:?}", before[0].keys());

    let (code, out, err) = told(&["plan", "--observe"], &file).await;
    assert_eq!(code, 0, "{out}\n{err}");
    assert!(!out.contains("No host was contacted"), "{out}");
    // the options of the running mount, in the words of 1.6
    assert!(out.contains("mfsmount /mnt/mfs -H mfsmaster"), "{out}");
    // what is written, each with its diff
    let mut lines = out.lines();
    let mut written = Vec::new();
    while let Some(line) = lines.next() {
        let Some((_, path)) = line.split_once("  write /usr/local/") else { continue };
        let diff: Vec<_> = lines.by_ref().skip(1).take(2).map(str::trim).collect();
        assert!(
            diff[0].starts_with("--- /usr/local/") && diff[1] == format!("+++ /usr/local/{path}"),
            "{diff:?}\n{out}"
        );
        written.push(path);
    }
    let [cs, hdd] = ["etc/mfs/mfschunkserver.cfg", "etc/mfs/mfshdd.cfg"];
    assert_eq!(written, ["etc/mfs/mfsmaster.cfg", "etc/mfs/mfsexports.cfg", cs, hdd, cs, hdd], "{out}");
    assert!(out.contains("+# What MooseFS 1.5 allowed") && out.contains("@@ no line differs @@"), "{out}");
    assert!(all() == before, "something on a host has changed");

    // master and first chunkserver are new
    said(&cluster, "master", &format!("{INSTALL} && mfsmaster"), 0).await;
    until_back(&cluster, "cs1").await;
    said(&cluster, "cs1", &format!("{INSTALL} && mfschunkserver"), 0).await;
    until_back(&cluster, "cs1").await;
    until_back(&cluster, "cs2").await;
    let before = all();
    let (code, out, err) = told(&["plan", "--observe"], &file).await;
    assert_eq!(code, 0, "{out}\n{err}");
    assert!(all() == before, "something on a host has changed");
    // their steps are there all the same, and are found done
    let skipped: Vec<_> = out.lines().filter(|line| line.contains("runs 1.6.27 already")).map(str::trim).collect();
    let line = |host: &str| format!("{host} runs 1.6.27 already: nothing will be taken down");
    assert_eq!(skipped, [line("master"), line("cs1")], "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_costs_one_connection_and_one_command_a_host() {
    let cluster = Cluster::start(&plan("1.6.27", Mode::Rolling, 2, 1), options(&[])).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = written(&cluster, folder.path(), "\"cs1\", \"cs2\"");
    let connections = || ["cl1", "cs1", "cs2", "master"].map(|host| cluster.connections(host));
    let (before, ran) = (connections(), commands(&cluster).len());
    let (code, out, err) = told(&["check"], &file).await;
    assert_eq!(code, 0, "{out}\n{err}");
    let made: Vec<_> = connections().iter().zip(before).map(|(now, before)| now - before).collect();
    assert_eq!(made, [1, 1, 1, 1], "connections");
    let ran = commands(&cluster).split_off(ran);
    // who holds the cluster's lock is asked for behind them
    let (of_the_lock, looks): (Vec<_>, Vec<_>) = ran.iter().partition(|(_, command)| command.contains("lock look"));
    let mut hosts: Vec<_> = looks.iter().map(|(host, _)| host.as_str()).collect();
    hosts.sort_unstable();
    assert_eq!(hosts, ["cl1", "cs1", "cs2", "master"], "{ran:?}");
    assert!(matches!(of_the_lock[..], [(host, _)] if host == "master"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_looks_at_many_hosts_at_once() {
    let cluster = Cluster::start(&plan("1.6.27", Mode::Rolling, 8, 1), options(&[])).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = written(&cluster, folder.path(), "\"cs[1-8]\"");
    let hosts: Vec<_> = (1..=8).map(|n| format!("cs{n}")).chain(["master".to_owned(), "cl1".to_owned()]).collect();
    // every look says that it has begun and stands still, until all of them have
    let (begun, go) = (folder.path().join("begun"), folder.path().join("go"));
    std::fs::create_dir(&begun).unwrap();
    for host in &hosts {
        let date = cluster.root(host).join(".sim/bin/date");
        let begun = begun.join(host);
        let script =
            format!("#!/bin/sh\n: > {begun:?}\nuntil [ -e {go:?} ]; do sleep 0.05; done\nexec /bin/date \"$@\"\n");
        std::fs::write(&date, script).unwrap();
        std::fs::set_permissions(&date, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let check = tokio::spawn(async move { told(&["check"], &file).await });
    let looks = || std::fs::read_dir(&begun).unwrap().count();
    while looks() < hosts.len() && !check.is_finished() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(!check.is_finished(), "it ended with {} of {} looks begun", looks(), hosts.len());
    std::fs::write(&go, "").unwrap();
    let (code, out, err) = check.await.unwrap();
    assert_eq!(code, 0, "{out}\n{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_of_metadata_off_the_host_are_whole_and_for_their_owner_alone() {
    let cluster =
        Cluster::start(&plan("1.6.27", Mode::Rolling, 2, 1), Options { speed: WALKED, ..options(&[]) }).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = written(&cluster, folder.path(), "\"cs1\", \"cs2\"");
    let operator = Operator::new(folder.path(), "anna", &std::fs::read_to_string(&file).unwrap());
    // more than one buffer, and no text
    let noise =
        "cd /usr/local/var/mfs && head -c 300000 /dev/urandom > sessions.mfs && chown nobody:nogroup sessions.mfs";
    said(&cluster, "master", noise, 0).await;
    let (code, words) = tokio::task::spawn_blocking(move || {
        // whatever the operator's umask is
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", "umask 000; exec \"$@\"", "sh"]);
        let upgrade = operator.upgrade(&[]);
        let output = shell.arg(upgrade.get_program()).args(upgrade.get_args()).stdin(Stdio::null()).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned())
    })
    .await
    .unwrap();
    assert_eq!(code, 0, "{words}");

    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    let runs = folder.path().join("anna/runs");
    let run = std::fs::read_dir(&runs).unwrap().next().unwrap().unwrap().path();
    let (here, there) =
        (run.join("metadata"), cluster.root("master").join("var/lib/mfsupgrade/1.5.12-to-1.6.27/metadata"));
    let names = |at: &Path| {
        let mut names: Vec<_> = std::fs::read_dir(at).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!((mode(&here), mode(&there)), (0o700, 0o700));
    assert_eq!(names(&here), names(&there));
    for name in names(&here) {
        let (copy, original) = (here.join(&name), there.join(&name));
        assert_eq!(mode(&copy), 0o600, "{name:?}");
        let (copy, original) = (std::fs::read(&copy).unwrap(), std::fs::read(&original).unwrap());
        // a simulated program names its host's folder, which that host shows to nobody
        let text = String::from_utf8_lossy(&original).replace(cluster.root("master").to_str().unwrap(), "/");
        assert!(copy == original || copy == text.as_bytes(), "{name:?}");
    }
    for name in
        ["metadata.mfs.back", "changelog.0.mfs", "sessions.mfs", "mfsmetarestore", "usr_local_etc_mfsmaster.cfg"]
    {
        assert!(here.join(name).is_file(), "{name}");
    }
    assert_eq!(std::fs::metadata(here.join("sessions.mfs")).unwrap().len(), 300_000);
    // where they are and how much that is, as it was told; a simulated program's size is the one with its host's folder in it
    let bytes: u64 = names(&there).iter().map(|name| std::fs::metadata(there.join(name)).unwrap().len()).sum();
    let told = format!(
        "master: done: {} files ({bytes} bytes) in /var/lib/mfsupgrade/1.5.12-to-1.6.27/metadata and here in {}, checksums equal",
        names(&here).len(),
        here.display()
    );
    assert!(words.lines().any(|line| line.ends_with(&told)), "{told}\n{words}");
}

/// Every file of a host's configuration, but for samples, which are the release's own: its mode and owner, and what is in it.
async fn configuration(cluster: &Cluster, host: &str) -> BTreeMap<String, (String, String)> {
    let find = "[ ! -d /usr/local/etc ] || find /usr/local/etc -type f ! -name '*.dist' | while read -r f; do \
                stat -c '%a %U:%G' \"$f\"; echo \"$f\"; done";
    let found = said(cluster, host, find, 0).await;
    let lines: Vec<&str> = found.lines().collect();
    let file = |pair: &[&str]| {
        let text = std::fs::read_to_string(cluster.root(host).join(&pair[1][1..])).unwrap();
        (pair[1].to_owned(), (pair[0].to_owned(), text))
    };
    lines.chunks_exact(2).map(file).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_upgrade_writes_is_what_was_shown() {
    let cluster = Cluster::start(&original(), options(&[])).await.unwrap();
    let desk = Desk::new(&cluster);
    // mode, owner and words of its own
    let own = "cd /usr/local/etc && echo '# ours' >>mfschunkserver.cfg && chmod 640 mfschunkserver.cfg && \
               chown root:nogroup mfschunkserver.cfg";
    said(&cluster, "cs1", own, 0).await;
    let (code, json, words) = told(&["plan", "--observe", "--format", "json"], Path::new(&desk.plan())).await;
    assert_eq!(code, 0, "{words}");
    let schedule: Schedule = serde_json::from_str(&json).unwrap();

    let hosts = ["master", "log1", "cs1", "cl1", "cl2"];
    let mut before = BTreeMap::new();
    for host in hosts {
        before.insert(host, configuration(&cluster, host).await);
    }
    let upgrade = tokio::task::block_in_place(|| desk.told(&["upgrade", &desk.plan(), "--yes"])).expect(0, &[]);

    // what was there has moved at most; on top of that comes what was shown, and nothing else
    let (mut must, mut kept) = (before.clone(), 0);
    for (_, track, step) in schedule.steps() {
        let Action::Configure(Configure { file, text, diff, command, .. }) = &step.action else { continue };
        let PutInPlace { mode, owner, beside, .. } = command;
        let files = must.get_mut(track.host.as_str()).unwrap();
        if let Some(old) =
            files.insert(file.to_string(), (format!("{mode:o} {owner}"), text.to_send().unwrap().to_owned()))
        {
            files.insert(beside.to_string(), old);
            kept += 1;
        }
        // and the prompt has it, word for word
        let shown: String = diff.lines().map(|line| format!("  {line}\n")).collect();
        assert!(diff.lines().count() > 2 && upgrade.err.contains(&shown), "{shown}\n{}", upgrade.err);
    }
    for host in hosts {
        assert_eq!(configuration(&cluster, host).await, must[host], "{host}");
    }
    // and that was something
    let count = |all: &BTreeMap<_, BTreeMap<_, _>>| all.values().map(BTreeMap::len).sum::<usize>();
    assert_eq!((count(&must) - count(&before), kept), (5, 1), "{must:#?}");
    let carried = &must["cs1"]["/usr/local/etc/mfs/mfschunkserver.cfg"];
    assert!(carried.0 == "640 root:nogroup" && carried.1.contains("# ours"), "{carried:?}");
    cluster.stop().await;
}
