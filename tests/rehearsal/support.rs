//! A small cluster, and hands to drive it with.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mfsupgrade::host::shell::{self, Reader, Word};
use mfsupgrade::host::{AbsPath, HostName};
use mfsupgrade::plan::{
    Access, Chunkserver, ClientGroup, Install, InstallHow, Master, Mode, Plan, Ssh, Stagger, Upgrade,
};
use mfsupgrade::rehearsal::{Cluster, Event, Options, Timings, What};
use mfsupgrade::step::{Snapshot, Trial, TrialExports};

/// Of clusters that are driven by hand: five minutes are a second and a half.
pub const SPEED: f64 = 200.0;

/// Of rehearsals that are walked by the executor: the two minutes in which it tries a lost host again are four seconds, and a
/// gate's ten are twenty, which a busy machine does not use up.
pub const WALKED: f64 = 30.0;

/// How long is waited for what happens at once on a machine that has nothing else to do.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// How long a mount without a master is patient, in real time, where nobody is to notice anything.
pub const UNNOTICED: Duration = Duration::from_secs(30);

/// Installs the new release, as the HOWTO says.
pub const INSTALL: &str = "cd /usr/src/mfs-1.6.27 && make install";

/// A plan of a master, chunkservers `cs1…` and clients `cl1…`.
pub fn plan(to: &str, mode: Mode, servers: usize, clients: usize) -> Plan {
    let path = |text: &str| AbsPath::new(text).unwrap();
    let host = |name: String| HostName::new(&name).unwrap();
    let access = Access {
        ssh: Arc::new(Ssh::default()),
        install: Arc::new(Install {
            how: InstallHow::SourceDir(path(&format!("/usr/src/mfs-{to}"))),
            prefix: path("/usr/local"),
            work_dir: path("/var/lib/mfsupgrade"),
        }),
    };
    let server = |n| Chunkserver { host: host(format!("cs{n}")), address: None, access: access.clone() };
    let group = ClientGroup {
        hosts: (1..=clients).map(|n| host(format!("cl{n}"))).collect(),
        mounts: None,
        mount_options: None,
        parallel: 1,
        busy: mfsupgrade::plan::Busy::Fail,
        lazy_unmount: false,
        access: access.clone(),
    };
    Plan {
        upgrade: Upgrade {
            from: "1.5.12".parse().unwrap(),
            to: to.parse().unwrap(),
            mode,
            stagger: Stagger { least: Duration::from_secs(300), greatest: Duration::from_secs(600) },
            master_wait: Duration::from_secs(180),
            acknowledge: BTreeSet::new(),
            accept_lost: 0,
        },
        window: None,
        master: Master { host: host("master".to_owned()), admin_port: 9421, access: access.clone() },
        metaloggers: Vec::new(),
        config: mfsupgrade::plan::Config::default(),
        chunkservers: (1..=servers).map(server).collect(),
        clients: if clients == 0 { Vec::new() } else { vec![group] },
    }
}

/// Two hundred times faster than real.
pub fn options(faults: &[&str]) -> Options {
    Options {
        dir: None,
        program: PathBuf::from(env!("CARGO_BIN_EXE_mfsupgrade")),
        speed: SPEED,
        faults: faults.iter().map(|fault| fault.parse().unwrap()).collect(),
        timings: Timings::default(),
    }
}

/// The same where no application is to notice anything, however busy this machine is.
pub fn unnoticed(faults: &[&str]) -> Options {
    let mut options = options(faults);
    options.timings.real_least_eio = UNNOTICED;
    options
}

/// `rehearse` of a plan, with what it takes on a busy machine.
pub fn rehearse(plan: impl AsRef<OsStr>) -> std::process::Command {
    rehearse_told(plan, "plain")
}

/// The same, told as `log` says.
pub fn rehearse_told(plan: impl AsRef<OsStr>, log: &str) -> std::process::Command {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_mfsupgrade"));
    command.arg("rehearse").arg(plan.as_ref()).args(["--log", log, "--speed", &WALKED.to_string()]);
    command.args(["--least-eio", &UNNOTICED.as_secs().to_string()]);
    command.current_dir(env!("CARGO_MANIFEST_DIR")).stdin(Stdio::null());
    command
}

/// The real `ssh` to a simulated host.
pub async fn ssh(cluster: &Cluster, host: &str, command: &str) -> Output {
    let config = cluster.ssh().config.unwrap();
    tokio::process::Command::new("ssh").arg("-F").arg(config).args(["-n", host, command]).output().await.unwrap()
}

/// What a command printed, stdout and then stderr; it must exit with `code`.
pub async fn said(cluster: &Cluster, host: &str, command: &str, code: i32) -> String {
    let output = ssh(cluster, host, command).await;
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "`{command}` on {host} said: {text}");
    text
}

/// A command of the executor's, carried as it carries it; it must exit with `code`.
pub async fn ran(cluster: &Cluster, host: &str, script: &str, code: i32) -> String {
    let word = Word::new(7);
    let output = ssh(cluster, host, &shell::wrap(script, None, &word)).await;
    let mut reader = Reader::new(&word, 8 << 20);
    reader.push(&output.stdout, &mut |_| {});
    let answer = reader.end(&mut |_| {});
    assert_eq!(answer.code, Some(code), "`{script}` on {host}: {answer:?} {}", String::from_utf8_lossy(&output.stderr));
    answer.output
}

/// What is copied of the running master.
pub fn snapshot() -> Snapshot {
    let path = |text: &str| AbsPath::new(text).unwrap();
    Snapshot {
        from: "1.5.12".parse().unwrap(),
        data_path: path("/usr/local/var/mfs"),
        metarestore: path("/usr/local/sbin/mfsmetarestore"),
        configuration: vec![path("/usr/local/etc/mfsmaster.cfg"), path("/usr/local/etc/mfs/mfsexports.cfg")],
        folder: path("/var/lib/mfsupgrade/1.5.12-to-1.6.27/snapshot"),
    }
}

/// Copies the metadata, and tries it out with the new release in its tree.
pub fn trial() -> Trial {
    let path = |text: &str| AbsPath::new(text).unwrap();
    Trial {
        snapshot: snapshot().folder,
        folder: path("/var/lib/mfsupgrade/1.5.12-to-1.6.27/trial"),
        master: path("/usr/src/mfs-1.6.27/mfsmaster/mfsmaster"),
        user: "nobody".to_owned(),
        group: "nogroup".to_owned(),
        port: 19419,
        exports: TrialExports::default(),
    }
}

/// Waits until something has happened.
pub async fn until(cluster: &Cluster, what: &str, happened: impl Fn(&[Event]) -> bool) {
    let began = Instant::now();
    while !happened(&cluster.events().unwrap()) {
        assert!(began.elapsed() < PATIENCE, "never happened: {what}\n{}", story(cluster));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// All events, for a failing test.
pub fn story(cluster: &Cluster) -> String {
    let events = cluster.events().unwrap();
    let first = events.first().map_or(0, |event| event.at);
    let line = |e: &Event| {
        format!(
            "{:>8} ms {} {} {} [{}] {:?}\n",
            (e.at - first) / 1_000_000,
            e.host,
            e.program,
            e.version,
            e.pid,
            e.what
        )
    };
    events.iter().map(line).collect()
}

/// How many events of `host` are of a kind since the rehearsal began.
pub fn count(events: &[Event], host: &str, of: impl Fn(&What) -> bool) -> usize {
    let begin = events.iter().position(|e| matches!(e.what, What::RehearsalBegins { .. })).unwrap_or(0);
    events[begin..].iter().filter(|event| event.host == host && of(&event.what)).count()
}

/// Waits until the master has all chunks of the chunkserver `host`.
pub async fn until_back(cluster: &Cluster, host: &str) {
    let address = cluster.address(host);
    until(cluster, &format!("{host} is back with its chunks"), |events| {
        let last = events.iter().rev().find_map(|event| match event.what {
            What::ServerRegistered { address: at, chunks, .. } | What::ServerReported { address: at, chunks } => {
                (at == address).then_some(chunks > 0)
            }
            What::ServerLost { address: at } => (at == address).then_some(false),
            What::Terminating | What::Started if event.host == host || event.program == "mfsmaster" => Some(false),
            _ => None,
        });
        last == Some(true)
    })
    .await;
}

/// The PIDs of a program on a host, by its /proc.
pub async fn pids(cluster: &Cluster, host: &str, program: &str) -> Vec<u32> {
    let find = format!(
        "for p in /proc/[0-9]*; do [ \"$(cat $p/comm 2>/dev/null)\" = {program} ] && echo ${{p#/proc/}}; done; true"
    );
    said(cluster, host, &find, 0).await.lines().map(|line| line.parse().unwrap()).collect()
}

/// Waits until a program runs on a host no more: an event of its end comes just before the end.
pub async fn until_gone(cluster: &Cluster, host: &str, program: &str) {
    let began = Instant::now();
    while !pids(cluster, host, program).await.is_empty() {
        assert!(began.elapsed() < PATIENCE, "{program} still runs on {host}\n{}", story(cluster));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Ends a process on its host and waits until it is gone.
pub fn kill(pid: impl std::fmt::Display) -> String {
    format!("p={pid}; kill $p; while [ -d /proc/$p ]; do sleep 0.05; done")
}

/// The names of the checks that failed.
pub fn failed(verdict: &mfsupgrade::rehearsal::Verdict) -> Vec<&str> {
    verdict.checks.iter().filter(|check| !check.passed).map(|check| check.name.as_str()).collect()
}
