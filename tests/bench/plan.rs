//! `cargo bench --bench plan`: how long `mfsupgrade plan` takes as a whole process, for clusters of growing size.
//!
//! Prints a table and the ratios between sizes; asserts nothing about time.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const SIZES: [usize; 3] = [50, 500, 5_000];
const RUNS: usize = 7;

fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut table = String::from("hosts (chunkservers + clients)  text      json      text, ratio to the size above\n");
    let mut before: Option<Duration> = None;
    for size in SIZES {
        let plan = folder.path().join(format!("{size}.toml"));
        std::fs::write(&plan, source(size)).expect("the temporary folder can be written to");
        let (text, json) = (median(&plan, "text"), median(&plan, "json"));
        let ratio = before.map_or_else(String::new, |b| format!("{:.1}", text.as_secs_f64() / b.as_secs_f64()));
        let _ = writeln!(table, "{size:>6} + {size:<22} {text:>7.1?}  {json:>7.1?}  {ratio}");
        before = Some(text);
    }
    print!("{table}");
}

fn source(size: usize) -> String {
    format!(
        "[upgrade]\nfrom = \"1.5.12\"\nto = \"1.6.27\"\n[install]\nsource_dir = \"/usr/src/mfs-1.6.27\"\n[master]\nhost = \
         \"master\"\n[[chunkservers]]\nhosts = [\"cs[1-{size}]\"]\n[[clients]]\nhosts = [\"cl[1-{size}]\"]\nparallel = 4\n"
    )
}

fn median(plan: &Path, format: &str) -> Duration {
    let mut times: Vec<Duration> = (0..RUNS).map(|_| once(plan, format)).collect();
    times.sort();
    times[RUNS / 2]
}

fn once(plan: &Path, format: &str) -> Duration {
    let begun = Instant::now();
    let status = Command::new(env!("CARGO_BIN_EXE_mfsupgrade"))
        .args(["plan", "--format", format])
        .arg(plan)
        .stdout(Stdio::null())
        .status()
        .expect("the program was built");
    assert!(status.success());
    begun.elapsed()
}
