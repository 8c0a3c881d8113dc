//! Plan files: refused with places inside of the file, or read, kept as JSON, compiled and shown.

use std::io::Write as _;
use std::path::Path;

use mfsupgrade::plan::{Plan, PlanError, Refused};
use mfsupgrade::schedule::compile;
use mfsupgrade::ui;
use mfsupgrade::ui::shown::Shown;

use super::super::corpus;
use super::{Checked, Target, holds, quiet};

/// With more hosts a plan takes time that other cases could have.
const HOSTS: usize = 200;

/// A host's pattern stands for thousands.
const BOUND: u64 = 1 << 30;

pub fn target() -> Target {
    let mut corpus: Vec<Vec<u8>> =
        ["rolling", "full-stop"].map(|name| corpus::file(&format!("plans/{name}.toml"))).into();
    corpus.push(SHORT.as_bytes().to_vec());
    corpus.push(EVERYTHING.as_bytes().to_vec());
    Target { name: "plan", corpus, check, bound: BOUND }
}

const SHORT: &str = "[upgrade]\nfrom = \"1.5.12\"\nto = \"1.6.27\"\n[install]\nsource_dir = \"/s\"\n[master]\nhost = \"m\"\n\
                     [[chunkservers]]\nhosts = [\"c[1-3]\"]\n[[clients]]\nhosts = [\"d[08-10]\", \"e\"]\nmounts = [\"/mnt/mfs\"]\n";

const EVERYTHING: &str = r#"
[upgrade]
from = "1.5.12"
to = "1.6.20"
mode = "rolling"
stagger = "6m..9m"
master_wait = "200s"
acknowledge = ["no-metalogger", "lazy-unmount"]
[window]
from = "22:00"
to = "05:30"
time_zone = "Europe/Berlin"
days = ["mon", "fri"]
[ssh]
user = "ops"
port = 2222
identity = "~/.ssh/id"
jump = ["ops@gate.example:22"]
become = "sudo"
[install]
prefix = "/opt/mfs"
work_dir = "/var/lib/u"
commands = { master = "make -C /s install", metalogger = "true", chunkserver = "true", client = "true" }
[config]
exports_like_1_5 = true
master_host = "mfsmaster"
[master]
host = "m"
admin_port = 9421
[[metaloggers]]
hosts = ["l"]
[[chunkservers]]
hosts = ["c[01-02]"]
[[clients]]
hosts = ["d"]
mounts = ["/mnt/mfs"]
parallel = 2
busy = "skip"
mount_options = ["mfsmaster=m", "mfsport=9421", "ro"]
"#;

fn check(bytes: &[u8]) -> Checked {
    let here = Path::new("p.toml");
    match str::from_utf8(bytes) {
        Ok(source) => read(source, Plan::parse(source, here, Path::new("/nonexistent"))),
        Err(_) => read_file(bytes),
    }
}

/// What is no UTF-8 is refused by who reads files.
fn read_file(bytes: &[u8]) -> Checked {
    let mut file = tempfile::NamedTempFile::new().expect("a file can be made here");
    file.write_all(bytes).expect("a file can be written here");
    let Err(error) = Plan::load(file.path()) else {
        return holds("plan", false, || "it is no UTF-8".to_owned()).map(|()| true);
    };
    let lines = 1 + bytes.iter().filter(|byte| **byte == b'\n').count();
    if let PlanError::NotUtf8 { position, .. } = &error {
        holds("place", (1..=lines).contains(&position.line) && position.column <= bytes.len() + 1, || {
            error.to_string()
        })?;
    }
    quiet("an error", &error.to_string())?;
    Ok(false)
}

fn read(source: &str, plan: Result<Plan, PlanError>) -> Checked {
    match plan {
        Ok(plan) => shown(&plan).map(|()| true),
        Err(PlanError::Refused(refused)) => reasons(source, &refused).map(|()| false),
        Err(error) => quiet("an error", &error.to_string()).map(|()| false),
    }
}

fn shown(plan: &Plan) -> Result<(), super::Broken> {
    let json = serde_json::to_string(plan).expect("a plan is JSON");
    let again: Plan =
        serde_json::from_str(&json).map_err(|error| super::Broken::new("round trip", error.to_string()))?;
    holds("round trip", again == *plan, || json.clone())?;
    if plan.hosts().count() > HOSTS {
        return Ok(());
    }
    let schedule = compile(plan, None, plan.line());
    holds("same schedule", schedule.digest() == compile(&again, None, again.line()).digest(), || json.clone())?;
    quiet("a schedule", ui::schedule::text(&schedule, false, 80, false).as_str())?;
    quiet("a summary", ui::summary::text(&schedule).as_str())
}

fn reasons(source: &str, refused: &Refused) -> Result<(), super::Broken> {
    let source = source.strip_prefix('\u{feff}').unwrap_or(source);
    let error = PlanError::Refused(refused.clone());
    holds("reason", !refused.findings.is_empty(), || "refused without a reason".to_owned())?;
    for finding in &refused.findings {
        let span = &finding.span;
        holds("place", source.get(span.clone()).is_some(), || format!("{span:?} of {} bytes: {error}", source.len()))?;
        let place = finding.position(source);
        let line = source.split('\n').nth(place.line - 1).map(|line| line.chars().count());
        holds("place", line.is_some_and(|line| place.column <= line + 1), || format!("{place:?}: {error}"))?;
    }
    quiet("a report", Shown::coloured(&error.render(false)).as_str())
}
