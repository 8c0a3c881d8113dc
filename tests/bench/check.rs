//! `cargo bench --bench check`: how long `mfsupgrade check` takes on clusters of growing size, and how much memory.
//!
//! The hosts are embedded SSH servers of this machine with simulated daemons, reached through the system's own `ssh`. What
//! counts is the ratio to bare `ssh HOST SCRIPT` with the same survey on the same hosts, as many at once, in the same run:
//! that is the part which no program can save, and here the hosts' own work is on this machine as well. Asserts nothing
//! about time.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt};
use mfsupgrade::host::shell::{Word, wrap};
use mfsupgrade::host::{AbsPath, Look};
use mfsupgrade::plan::Plan;
use mfsupgrade::rehearsal::{Cluster, Options, Timings};

const SIZES: [usize; 4] = [10, 50, 100, 200];

/// As many as the program looks at together.
const AT_ONCE: usize = 32;

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    println!("hosts  ssh true   ssh survey  check      check / ssh survey  most memory of check");
    for size in SIZES {
        runtime.block_on(measure(size));
    }
}

/// One master, a client, the others chunkservers.
fn source(hosts: usize, config: Option<&Path>) -> String {
    let ssh = config.map_or_else(String::new, |path| format!("[ssh]\nconfig = \"{}\"\n", path.display()));
    format!(
        "[upgrade]\nfrom = \"1.5.12\"\nto = \"1.6.27\"\nacknowledge = [\"no-metalogger\"]\n[install]\nsource_dir = \
         \"/usr/src/mfs-1.6.27\"\n[config]\nexports_like_1_5 = true\n{ssh}[master]\nhost = \
         \"master\"\n[[chunkservers]]\nhosts = [\"cs[1-{}]\"]\n[[clients]]\nhosts = [\"cl1\"]\n",
        hosts - 2
    )
}

async fn measure(size: usize) {
    let plan = Plan::parse(&source(size, None), Path::new("bench.toml"), Path::new("/")).expect("a plan");
    let options = Options {
        dir: None,
        program: PathBuf::from(env!("CARGO_BIN_EXE_mfsupgrade")),
        speed: 10.0,
        faults: Vec::new(),
        timings: Timings::default(),
    };
    let cluster = Cluster::start(&plan, options).await.expect("a rehearsal");
    let config = cluster.ssh().config.expect("a rehearsal has an ssh_config");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("plan.toml");
    std::fs::write(&file, source(size, Some(&config))).expect("the temporary folder can be written to");
    let checked = file.clone();
    let (check, memory) = tokio::task::spawn_blocking(move || check(&checked)).await.expect("it did not panic");
    let connect = bare(&plan, &config, "true").await;
    let look = Look {
        prefixes: vec![AbsPath::new("/usr/local").expect("a path")],
        source_dirs: vec![AbsPath::new("/usr/src/mfs-1.6.27").expect("a path")],
        admin_port: 9421,
        survey: true,
        ..Look::default()
    };
    let survey = bare(&plan, &config, &wrap(&look.script(), None, &Word::new(7))).await;
    let ratio = check.as_secs_f64() / survey.as_secs_f64();
    println!("{size:>5}  {connect:>8.1?}  {survey:>10.1?}  {check:>8.1?}  {ratio:>18.2}  {memory}");
    cluster.stop().await;
}

/// The time of one check, and its VmHWM.
fn check(plan: &Path) -> (Duration, String) {
    let begun = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_mfsupgrade"))
        .args(["check", "--format", "json"])
        .arg(plan)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program was built");
    let status = format!("/proc/{}/status", child.id());
    let mut memory = String::new();
    loop {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        if let Some(line) = text.lines().find_map(|l| l.strip_prefix("VmHWM:")) {
            line.trim().clone_into(&mut memory);
        }
        if let Some(ended) = child.try_wait().expect("a child can be waited for") {
            assert!(ended.success(), "the cluster is not fit: {ended}");
            return (begun.elapsed(), memory);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Once a host, with a connection of its own.
async fn bare(plan: &Plan, config: &Path, script: &str) -> Duration {
    let begun = Instant::now();
    stream::iter(plan.hosts().map(|(host, ..)| host.to_string()))
        .for_each_concurrent(AT_ONCE, |host| async move {
            let status = tokio::process::Command::new("ssh")
                .arg("-F")
                .arg(config)
                .args(["-n", &host, script])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .await
                .expect("ssh is there");
            assert!(status.success(), "{host}: {status}");
        })
        .await;
    begun.elapsed()
}
