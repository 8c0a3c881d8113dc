//! A cluster that can be spoilt, embedded or real, and what `mfsupgrade check` finds of it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use mfsupgrade::plan::Plan;
use mfsupgrade::rehearsal::{Cluster, Options, Timings};
use toml::{Table, Value};

use super::{ALWAYS, CLUSTER, LOGGER, SERVERS, Trap};

/// A change of the plan.
pub type Edit = fn(&mut Table);

/// Code and host, which is empty where the cluster is meant.
pub type Found = BTreeSet<(String, String)>;

/// Until daemons that were made anew are back at their master.
const SETTLED: Duration = Duration::from_secs(90);

/// A healthy cluster.
pub struct Scene {
    /// A plan that brings its own exports.
    plan: Table,
    parsed: Plan,
    ssh_config: PathBuf,
    real: bool,
    /// How long is waited for what takes a master's own round; `None`: not at all.
    patience: Option<Duration>,
    folder: tempfile::TempDir,
}

impl Scene {
    pub fn new(text: &str, ssh_config: &Path, real: bool) -> Self {
        let plan: Table = toml::from_str(text).unwrap();
        let like_1_5 = plan.get("config").and_then(|config| config.get("exports_like_1_5"));
        assert_eq!(like_1_5, Some(&Value::Boolean(true)), "[config] exports_like_1_5, for the body to leave it out");
        let parsed = Plan::parse(text, Path::new("traps.toml"), Path::new("/")).unwrap();
        assert!(!parsed.metaloggers.is_empty(), "a plan with a metalogger");
        let folder = tempfile::tempdir().unwrap();
        let patience = match real {
            true => {
                std::env::var("MFSUPGRADE_LAB_PATIENCE").ok().map(|text| Duration::from_secs(text.parse().unwrap()))
            }
            false => Some(SETTLED),
        };
        Self { plan, parsed, ssh_config: ssh_config.to_owned(), real, patience, folder }
    }

    /// Simulated daemons.
    pub async fn embedded(speed: f64) -> (Cluster, Self) {
        let text = |ssh: &str| {
            format!(
                "[upgrade]\nfrom = \"1.5.12\"\nto = \"1.6.27\"\n[install]\nsource_dir = \
                 \"/usr/src/mfs-1.6.27\"\n[config]\nexports_like_1_5 = true\n{ssh}[master]\nhost = \
                 \"master\"\n[[metaloggers]]\nhosts = [\"log1\"]\n[[chunkservers]]\nhosts = \
                 [\"cs[1-2]\"]\n[[clients]]\nhosts = [\"cl1\"]\n"
            )
        };
        let plan = Plan::parse(&text(""), Path::new("traps.toml"), Path::new("/")).unwrap();
        let program = PathBuf::from(env!("CARGO_BIN_EXE_mfsupgrade"));
        let options = Options { dir: None, program, speed, faults: Vec::new(), timings: Timings::default() };
        let cluster = Cluster::start(&plan, options).await.unwrap();
        let config = cluster.ssh().config.unwrap();
        let scene = Self::new(&text(&format!("[ssh]\nconfig = \"{}\"\n", config.display())), &config, false);
        (cluster, scene)
    }

    /// Real daemons.
    pub fn real() -> Self {
        let path = PathBuf::from(std::env::var_os("MFSUPGRADE_LAB_PLAN").expect("MFSUPGRADE_LAB_PLAN names a plan"));
        let loaded = Plan::load(&path).unwrap();
        let config = loaded.plan.master.access.ssh.config.clone().expect("the plan has `[ssh] config`");
        Self::new(&loaded.source, &config, true)
    }

    fn shell(&self, hosts: &[String], script: &str) {
        for host in hosts {
            let output =
                Command::new("ssh").arg("-F").arg(&self.ssh_config).args(["-n", host, script]).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "`{script}` on {host}: {} {said}", output.status);
        }
    }

    /// The plan after an edit, as a file.
    pub fn plan(&self, edit: Option<Edit>) -> PathBuf {
        let mut plan = self.plan.clone();
        if let Some(edit) = edit {
            edit(&mut plan);
        }
        let text: String = plan.iter().map(|(key, value)| format!("{key} = {}\n", written(value))).collect();
        let path = self
            .folder
            .path()
            .join(format!("{:x}.toml", text.bytes().fold(7_u64, |sum, b| sum.wrapping_mul(31) + u64::from(b))));
        std::fs::write(&path, text).unwrap();
        path
    }

    /// What `check` finds.
    fn check(&self, edit: Option<Edit>) -> Found {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mfsupgrade"));
        findings(&command.args(["check", "--format", "json"]).arg(self.plan(edit)).output().unwrap())
    }

    fn hosts(&self, of: &str) -> Vec<String> {
        match of {
            SERVERS => self.parsed.chunkservers.iter().map(|server| server.host.to_string()).collect(),
            CLUSTER => Vec::new(),
            host => vec![host.to_owned()],
        }
    }

    /// Each trap is set, found by its code on its host, taken away, and is then not found.
    pub fn spring_all(&self, traps: &[Trap]) {
        let healthy = self.check(None);
        for code in ALWAYS {
            assert!(
                healthy.contains(&(code.to_string(), String::new())),
                "{code} is told of every cluster: {healthy:?}"
            );
        }
        self.spring(traps, &healthy, &|edit| self.check(edit));
    }

    /// The same by another look.
    pub fn spring(&self, traps: &[Trap], healthy: &Found, look: &dyn Fn(Option<Edit>) -> Found) {
        let only = std::env::var("MFSUPGRADE_TRAPS").ok();
        let chosen =
            |trap: &&Trap| only.as_ref().is_none_or(|only| only.split(',').any(|code| trap.code.as_str() == code));
        for trap in traps.iter().filter(chosen) {
            if trap.slow && self.patience.is_none() {
                println!("left out, as nobody waits for it: {}", trap.code);
                continue;
            }
            let began = Instant::now();
            let [set, unset] = trap.simulated.filter(|_| !self.real).unwrap_or([trap.set, trap.unset]);
            let host = match trap.on {
                LOGGER => self.parsed.metaloggers[0].host.to_string(),
                host => host.to_owned(),
            };
            let wanted = (trap.code.to_string(), host);
            assert!(!healthy.contains(&wanted), "{wanted:?} is found in a healthy cluster");
            self.shell(&self.hosts(trap.at), set);
            let waits = match (trap.disturbs, trap.slow) {
                (_, true) => self.patience.unwrap_or_default(),
                (true, false) => SETTLED,
                (false, false) => Duration::ZERO,
            };
            let found = until(waits, || look(trap.plan), |found| found.contains(&wanted));
            self.shell(&self.hosts(trap.at), unset);
            assert!(found.contains(&wanted), "{wanted:?} is not found: {found:?}");
            if trap.disturbs {
                let after = until(SETTLED, || look(None), |found| found == healthy);
                assert_eq!(&after, healthy, "{wanted:?} was left behind");
            }
            println!("{} on {:?}: {:.1} s", wanted.0, wanted.1, began.elapsed().as_secs_f64());
        }
        assert_eq!(&look(None), healthy, "a trap was left behind");
    }
}

/// Looks until it is as it shall be, or time is up.
fn until(waits: Duration, look: impl Fn() -> Found, done: impl Fn(&Found) -> bool) -> Found {
    let began = Instant::now();
    loop {
        let found = look();
        if done(&found) || began.elapsed() >= waits {
            return found;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// The findings of a JSON document.
pub fn findings(output: &Output) -> Found {
    let said = String::from_utf8_lossy(&output.stderr);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {said}"));
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    json["findings"].as_array().unwrap().iter().map(|f| (text(&f["code"]), text(&f["host"]))).collect()
}

/// TOML on one line.
fn written(value: &Value) -> String {
    match value {
        // a string of JSON is one of TOML
        Value::String(text) => serde_json::to_string(text).unwrap(),
        Value::Array(values) => format!("[{}]", values.iter().map(written).collect::<Vec<_>>().join(", ")),
        Value::Table(table) => {
            let pairs: Vec<_> = table.iter().map(|(key, value)| format!("{key} = {}", written(value))).collect();
            format!("{{ {} }}", pairs.join(", "))
        }
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => format!("{number:?}"),
        Value::Boolean(flag) => flag.to_string(),
        Value::Datetime(time) => time.to_string(),
    }
}
