//! Traps and the findings that they must be found by: one body, for the embedded cluster with simulated daemons and for real
//! hosts with real daemons. A trap that only the simulation would spring, or only reality, would show here.
//!
//! On real hosts: a healthy cluster of 1.5.12 that can be spoilt, a plan for it with `[ssh] config`, hosts called master, cs1
//! and cl1, the prefix /usr/local, and
//! `MFSUPGRADE_LAB_PLAN=cluster.toml cargo test --test conformance -- --ignored real_hosts`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use mfsupgrade::plan::Plan;
use mfsupgrade::rehearsal::{Cluster, Options, Timings};

struct Trap {
    code: &'static str,
    host: &'static str,
    /// Whether the plan says nothing of exports, so that the host's own count.
    own_exports: bool,
    /// Shell, as root.
    set: &'static str,
    unset: &'static str,
    /// How it is set and taken away on a simulated host, where that has no mounts and processes of others as a real one has.
    simulated: Option<[&'static str; 2]>,
}

const fn trap(code: &'static str, host: &'static str, set: &'static str, unset: &'static str) -> Trap {
    Trap { code, host, own_exports: false, set, unset, simulated: None }
}

/// A line more in mfsmaster.cfg; where 1.6.27 looks first there is nothing yet.
macro_rules! in_config {
    ($code:literal, $line:literal) => {
        trap(
            $code,
            "master",
            concat!("cd /usr/local/etc && cp -p mfsmaster.cfg cfg.away && echo '", $line, "' >> mfsmaster.cfg"),
            "cd /usr/local/etc && mv -f cfg.away mfsmaster.cfg",
        )
    };
}

/// Ends a process of a simulated host by its name.
macro_rules! end {
    ($name:literal) => {
        concat!("for p in /proc/[0-9]*; do [ \"$(cat $p/comm)\" != ", $name, " ] || kill ${p#/proc/}; done; sleep 0.2")
    };
}

const EXPORTS: &str = "cd /usr/local/etc/mfs && mv -f exports.away mfsexports.cfg";

fn traps() -> Vec<Trap> {
    let exports = |code, set| Trap { own_exports: true, ..trap(code, "master", set, EXPORTS) };
    vec![
        exports("exports-missing", "cd /usr/local/etc/mfs && mv mfsexports.cfg exports.away"),
        exports(
            "exports-refuse-client",
            "cd /usr/local/etc/mfs && mv mfsexports.cfg exports.away && echo '192.0.2.0/24 / rw' > mfsexports.cfg",
        ),
        exports(
            "exports-restrict-client",
            "cd /usr/local/etc/mfs && mv mfsexports.cfg exports.away && echo '* / ro,alldirs,maproot=0' > mfsexports.cfg",
        ),
        trap(
            "lock-file-wrong",
            "master",
            "cd /var/run/mfs && cat mfsmaster.lock > pid.away && : > mfsmaster.lock",
            "cd /var/run/mfs && cat pid.away > mfsmaster.lock && rm pid.away",
        ),
        trap(
            "lock-file-lost",
            "cs1",
            "cd /var/run/mfs && ln mfschunkserver.lock lock.away && rm mfschunkserver.lock",
            "cd /var/run/mfs && mv lock.away mfschunkserver.lock",
        ),
        trap(
            "metadata-save-stale",
            "master",
            "cd /usr/local/var/mfs && touch -d '1 hour ago' metadata.mfs.back.tmp",
            "cd /usr/local/var/mfs && rm metadata.mfs.back.tmp",
        ),
        trap(
            "metadata-left-over",
            "master",
            "cd /usr/local/var/mfs && cp metadata.mfs.back metadata.mfs",
            "cd /usr/local/var/mfs && rm metadata.mfs",
        ),
        trap(
            "metadata-old",
            "master",
            "cd /usr/local/var/mfs && touch -d '3 hours ago' metadata.mfs.back",
            "cd /usr/local/var/mfs && touch metadata.mfs.back",
        ),
        trap(
            "metadata-never-saved",
            "master",
            "cd /usr/local/var/mfs && cp -p metadata.mfs.back back.away && printf 'MFSM NEW' > metadata.mfs.back",
            "cd /usr/local/var/mfs && mv -f back.away metadata.mfs.back",
        ),
        in_config!("reject-old-clients", "REJECT_OLD_CLIENTS = 1"),
        in_config!("keys-ignored", "CHUNKS_DEL_LIMIT = 100"),
        in_config!("config-refused", "BACK_LOGS = 2000"),
        in_config!("config-line-ignored", "BACK_LOGS=40"),
        in_config!("data-path-differs", "DATA_PATH = /srv/other"),
        in_config!("limit-of-zero", "CHUNKS_WRITE_REP_LIMIT = 0"),
        trap(
            "config-unreadable",
            "master",
            "cd /usr/local/etc && cp -p mfsmaster.cfg cfg.away && printf '# \\377\\n' >> mfsmaster.cfg",
            "cd /usr/local/etc && mv -f cfg.away mfsmaster.cfg",
        ),
        Trap { own_exports: true, ..in_config!("exports-not-seen", "EXPORTS_FILENAME = /srv/none") },
        exports(
            "exports-unreadable",
            "cd /usr/local/etc/mfs && cp -p mfsexports.cfg exports.away && echo 'client / rw' >> mfsexports.cfg",
        ),
        exports(
            "exports-accounts",
            "cd /usr/local/etc/mfs && cp -p mfsexports.cfg exports.away && echo '192.0.2.1 / rw,maproot=x' >> mfsexports.cfg",
        ),
        exports(
            "exports-need-accounts",
            "cd /usr/local/etc/mfs && mv mfsexports.cfg exports.away && echo '* / rw,maproot=x' > mfsexports.cfg",
        ),
        trap(
            "metadata-unknown",
            "master",
            "cd /usr/local/var/mfs && cp -p metadata.mfs.back back.away && printf 'MFSM 2.0' > metadata.mfs.back",
            "cd /usr/local/var/mfs && mv -f back.away metadata.mfs.back",
        ),
        trap(
            "reconnect-slow",
            "cs1",
            "cd /usr/local/etc && cp -p mfschunkserver.cfg cfg.away && \
             echo 'MASTER_RECONNECTION_DELAY = 30' >> mfschunkserver.cfg",
            "cd /usr/local/etc && mv -f cfg.away mfschunkserver.cfg",
        ),
        trap(
            "config-not-found",
            "cs1",
            "cd /usr/local/etc && mv mfschunkserver.cfg cfg.away",
            "cd /usr/local/etc && mv cfg.away mfschunkserver.cfg",
        ),
        trap(
            "disk-commented",
            "cs1",
            "cd /usr/local/etc && cp -p mfshdd.cfg hdd.away && echo '# an old one' >> mfshdd.cfg",
            "cd /usr/local/etc && mv -f hdd.away mfshdd.cfg",
        ),
        trap(
            "disks-not-seen",
            "cs1",
            "cd /usr/local/etc && mv mfshdd.cfg hdd.away",
            "cd /usr/local/etc && mv hdd.away mfshdd.cfg",
        ),
        trap("disks-rolled-back", "cs1", "mkdir /mnt/hd1/00", "rmdir /mnt/hd1/00"),
        trap(
            "var-file-merged",
            "master",
            "cd /usr/local/etc && echo 'BACK_LOGS = 40' > mfsmaster.cfg.var",
            "cd /usr/local/etc && rm mfsmaster.cfg.var",
        ),
        trap(
            "config-replaced",
            "master",
            "cd /usr/local/etc && mkdir -p mfs && echo 'BACK_LOGS = 40' > mfs/mfsmaster.cfg",
            "cd /usr/local/etc && rm mfs/mfsmaster.cfg",
        ),
        trap(
            "master-host-loopback",
            "cs1",
            "cd /usr/local/etc && cp -p mfschunkserver.cfg cfg.away && echo 'MASTER_HOST = 127.0.0.1' >> mfschunkserver.cfg",
            "cd /usr/local/etc && mv -f cfg.away mfschunkserver.cfg",
        ),
        trap(
            "startup-1-5-syntax",
            "cl1",
            "mkdir -p /etc/cron.d && echo '@reboot root mfsmount -h mfsmaster -w /mnt/mfs' > /etc/cron.d/mfs-trap",
            "rm /etc/cron.d/mfs-trap",
        ),
        Trap {
            simulated: Some(["bystander busy in /mnt/mfs", end!("busy")]),
            ..trap(
                "mount-busy",
                "cl1",
                "(cd /mnt/mfs && exec sleep 600) > /dev/null 2>&1 < /dev/null & echo $! > /root/busy",
                "kill $(cat /root/busy); rm /root/busy",
            )
        },
        Trap {
            // what a mount hides is kept there
            simulated: Some(["touch '/.sim/under/%2Fmnt%2Fmfs/left'", "rm '/.sim/under/%2Fmnt%2Fmfs/left'"]),
            ..trap(
                "files-under-mount",
                "cl1",
                "unshare -m sh -c 'mount --make-rprivate / && mount --bind / /media && touch /media/mnt/mfs/left'",
                "unshare -m sh -c 'mount --make-rprivate / && mount --bind / /media && rm /media/mnt/mfs/left'",
            )
        },
        trap("owner-differs", "cs1", "chown root /mnt/hd1", "chown nobody /mnt/hd1"),
        Trap {
            simulated: Some(["bystander taken listen 9419", end!("taken")]),
            ..trap(
                "port-taken",
                "master",
                "python3 -c 'import socket, time; s = socket.create_server((\"\", 9419)); time.sleep(600)' > /dev/null 2>&1 \
                 < /dev/null & echo $! > /root/taken; sleep 1",
                "kill $(cat /root/taken); rm /root/taken",
            )
        },
    ]
}

/// A cluster that can be spoilt.
struct Scene {
    /// A plan that brings its own exports.
    plan: PathBuf,
    /// The same without.
    bare: PathBuf,
    ssh_config: PathBuf,
}

impl Scene {
    /// Makes the two plans in `folder` from one text, in which the exports' line is known.
    fn new(folder: &Path, text: &str, ssh_config: &Path) -> Self {
        let exports = "exports_like_1_5 = true";
        assert!(text.contains(exports), "the plan must have `{exports}`, for the body to leave it out");
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        Self {
            plan: write("plan.toml", text),
            bare: write("bare.toml", &text.replace(exports, "")),
            ssh_config: ssh_config.to_owned(),
        }
    }

    fn shell(&self, host: &str, script: &str) {
        let output = Command::new("ssh").arg("-F").arg(&self.ssh_config).args(["-n", host, script]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "`{script}` on {host}: {} {said}", output.status);
    }

    /// The codes of all findings on `host` or on the cluster.
    fn found(&self, plan: &Path) -> BTreeSet<String> {
        let output = Command::new(env!("CARGO_BIN_EXE_mfsupgrade"))
            .args(["check", "--format", "json"])
            .arg(plan)
            .output()
            .unwrap();
        let json: serde_json::Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)));
        let findings = json["findings"].as_array().unwrap().iter();
        findings.map(|f| f["code"].as_str().unwrap().to_owned()).collect()
    }

    /// Each trap is set, found by its code, taken away, and is then not found.
    fn spring_all(&self, real: bool) {
        let healthy = [self.found(&self.plan), self.found(&self.bare)];
        for trap in &traps() {
            let [set, unset] = trap.simulated.filter(|_| !real).unwrap_or([trap.set, trap.unset]);
            let (plan, before) = if trap.own_exports { (&self.bare, &healthy[1]) } else { (&self.plan, &healthy[0]) };
            assert!(!before.contains(trap.code), "{} is found in a healthy cluster", trap.code);
            self.shell(trap.host, set);
            let found = self.found(plan);
            self.shell(trap.host, unset);
            assert!(found.contains(trap.code), "{} is not found: {found:?}", trap.code);
        }
        assert_eq!(self.found(&self.plan), healthy[0], "a trap was left behind");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_trap_is_found_on_the_embedded_cluster() {
    let text = |ssh: &str| {
        format!(
            "[upgrade]\nfrom = \"1.5.12\"\nto = \"1.6.27\"\n[install]\nsource_dir = \
             \"/usr/src/mfs-1.6.27\"\n[config]\nexports_like_1_5 = true\n{ssh}[master]\nhost = \
             \"master\"\n[[metaloggers]]\nhosts = [\"log1\"]\n[[chunkservers]]\nhosts = \
             [\"cs[1-2]\"]\n[[clients]]\nhosts = [\"cl1\"]\n"
        )
    };
    let plan = Plan::parse(&text(""), Path::new("traps.toml"), Path::new("/")).unwrap();
    let options = Options {
        dir: None,
        program: PathBuf::from(env!("CARGO_BIN_EXE_mfsupgrade")),
        speed: 10.0,
        faults: Vec::new(),
        timings: Timings::default(),
    };
    let cluster = Cluster::start(&plan, options).await.unwrap();
    let config = cluster.ssh().config.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::new(folder.path(), &text(&format!("[ssh]\nconfig = \"{}\"\n", config.display())), &config);
    tokio::task::spawn_blocking(move || scene.spring_all(false)).await.unwrap();
    cluster.stop().await;
}

#[test]
#[ignore = "needs real hosts that can be spoilt: MFSUPGRADE_LAB_PLAN=cluster.toml"]
fn every_trap_is_found_on_real_hosts() {
    let path = PathBuf::from(std::env::var_os("MFSUPGRADE_LAB_PLAN").expect("MFSUPGRADE_LAB_PLAN names a plan"));
    let loaded = Plan::load(&path).unwrap();
    let config = loaded.plan.master.access.ssh.config.clone().expect("the plan has `[ssh] config`");
    let folder = tempfile::tempdir().unwrap();
    Scene::new(folder.path(), &loaded.source, &config).spring_all(true);
}
