//! From an archive to an installation, by the executor's own scripts: build, keep, put in place, install.

use std::sync::Arc;

use mfsupgrade::host::AbsPath;
use mfsupgrade::moosefs::daemon::Role;
use mfsupgrade::plan::{Archive, InstallHow, Mode};
use mfsupgrade::rehearsal::{Cluster, What, simulated_archive};
use mfsupgrade::step::{BuildCommand, InstallCommand, KeepCommand, PutInPlace, StartCommand};
use sha2::{Digest, Sha256};

use crate::support::{count, failed, options, plan, ran, said};

const ARCHIVE: &str = "/var/lib/mfsupgrade/archive.tar.gz";
const TREE: &str = "/var/lib/mfsupgrade/1.5.12-to-1.6.27/tree";

fn path(text: &str) -> AbsPath {
    AbsPath::new(text).unwrap()
}

fn build() -> BuildCommand {
    BuildCommand {
        archive: path(ARCHIVE),
        tree: path(TREE),
        configure: vec!["--prefix=/usr/local".to_owned(), "--disable-mfscgi".to_owned()],
        roles: vec![Role::Chunkserver],
        release: Some("1.6.27".parse().unwrap()),
        mark: path(&format!("{TREE}/.mfsupgrade")),
        mark_text: "1.6.27 --prefix=/usr/local".to_owned(),
    }
}

/// A cluster with an archive on the host `cs1`.
async fn with_archive(faults: &[&str]) -> Cluster {
    let mut plan = plan("1.6.27", Mode::Rolling, 1, 0);
    let archive = Archive { path: ARCHIVE.into(), sha256: String::new(), bytes: 0, configure: Vec::new() };
    Arc::make_mut(&mut plan.chunkservers[0].access.install).how = InstallHow::Archive(archive);
    let cluster = Cluster::start(&plan, options(faults)).await.unwrap();
    let folder = cluster.root("cs1").join("var/lib/mfsupgrade");
    std::fs::create_dir_all(&folder).unwrap();
    simulated_archive(&folder.join("archive.tar.gz"), &"1.6.27".parse().unwrap()).unwrap();
    cluster
}

fn sum(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_becomes_a_tree_that_installs() {
    let cluster = with_archive(&[]).await;
    let began: f64 = said(&cluster, "cs1", "cut -d ' ' -f 1 /proc/uptime", 0).await.trim().parse().unwrap();
    let words = ran(&cluster, "cs1", &build().script(), 0).await;
    assert!(words.contains("built (simulated)"), "{words}");
    let ended: f64 = said(&cluster, "cs1", "cut -d ' ' -f 1 /proc/uptime", 0).await.trim().parse().unwrap();
    assert!(ended - began >= 30.0, "by the host's own clock it took {} s", ended - began);

    let mark = said(&cluster, "cs1", &format!("sha256sum < {TREE}/.mfsupgrade | cut -c 1-64"), 0).await;
    assert_eq!(mark.trim(), sum("1.6.27 --prefix=/usr/local"));
    let config = said(&cluster, "cs1", &format!("cat {TREE}/config.h"), 0).await;
    for defined in ["ETC_PATH \"/usr/local/etc\"", "DATA_PATH \"/usr/local/var/mfs\"", "RUN_PATH \"/var/run/mfs\""] {
        assert!(config.contains(&format!("#define {defined}")), "{config}");
    }
    said(&cluster, "cs1", &format!("grep -q 'version: 1.6.27' {TREE}/mfsmetalogger/mfsmetalogger"), 0).await;
    // a build is no install
    said(&cluster, "cs1", "grep -q 'version: 1.5.12' /usr/local/sbin/mfschunkserver", 0).await;
    let events = cluster.events().unwrap();
    assert_eq!(count(&events, "cs1", |what| matches!(what, What::Installed { .. })), 0);
    let verdict = cluster.verdict(&plan("1.6.27", Mode::Rolling, 1, 0)).await.unwrap();
    assert_eq!(failed(&verdict), ["everything-new"], "{verdict}");

    // again from the beginning: half a tree is none
    ran(&cluster, "cs1", &format!("rm -r {TREE}/mfsmaster; touch {TREE}/left"), 0).await;
    ran(&cluster, "cs1", &build().script(), 0).await;
    said(&cluster, "cs1", &format!("[ -x {TREE}/mfsmaster/mfsmaster ] && [ ! -e {TREE}/left ]"), 0).await;

    let keep =
        KeepCommand { prefix: path("/usr/local"), file: path("/var/lib/mfsupgrade/kept.tar"), shown: Vec::new() };
    ran(&cluster, "cs1", &keep.script(), 0).await;
    ran(&cluster, "cs1", &InstallCommand::MakeInstall { source_dir: path(TREE) }.script(), 0).await;
    said(&cluster, "cs1", "grep -q 'version: 1.6.27' /usr/local/sbin/mfschunkserver", 0).await;
    // once: what is kept is from before
    ran(&cluster, "cs1", &keep.script(), 0).await;
    let kept = said(&cluster, "cs1", "tar -tf /var/lib/mfsupgrade/kept.tar", 0).await;
    assert!(kept.contains("sbin/mfschunkserver\n") && kept.contains("etc/mfschunkserver.cfg\n"), "{kept}");
    said(&cluster, "cs1", "cd /usr/local && tar -xf /var/lib/mfsupgrade/kept.tar", 0).await;
    said(&cluster, "cs1", "grep -q 'version: 1.5.12' /usr/local/sbin/mfschunkserver", 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tree_that_lacks_a_program_of_its_host_is_not_whole() {
    let cluster = with_archive(&[]).await;
    let BuildCommand { archive, tree, release, mark, mark_text, .. } = build();
    let without = |roles: &[Role]| BuildCommand {
        configure: vec!["--prefix=/usr/local".to_owned(), "--disable-mfsmount".to_owned()],
        roles: roles.to_vec(),
        archive: archive.clone(),
        tree: tree.clone(),
        release: release.clone(),
        mark: mark.clone(),
        mark_text: mark_text.clone(),
    };
    let words = ran(&cluster, "cs1", &without(&[Role::Chunkserver, Role::Client]).script(), 1).await;
    assert!(words.contains("no mfsmount was built") && words.contains("libfuse-dev"), "{words}");
    said(&cluster, "cs1", &format!("[ ! -e {mark} ]"), 0).await;
    ran(&cluster, "cs1", &without(&[Role::Master, Role::Chunkserver]).script(), 0).await;
    said(&cluster, "cs1", &format!("[ -s {mark} ]"), 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_of_another_release_is_told_where_it_is_built() {
    let cluster = with_archive(&[]).await;
    simulated_archive(&cluster.root("cs1").join(ARCHIVE.trim_start_matches('/')), &"1.6.26".parse().unwrap()).unwrap();
    let words = ran(&cluster, "cs1", &build().script(), 1).await;
    let told = "the archive is another release: the mfschunkserver that was built of it is not 1.6.27";
    assert!(words.contains(told), "{words}");
    // it was built, and is no tree that a run installs from
    said(&cluster, "cs1", &format!("grep -q 'version: 1.6.26' {TREE}/mfschunkserver/mfschunkserver"), 0).await;
    said(&cluster, "cs1", &format!("[ ! -e {TREE}/.mfsupgrade ]"), 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_that_is_none_and_a_build_that_fails_leave_no_mark() {
    let cluster = with_archive(&["build-fails@cs1"]).await;
    let words = ran(&cluster, "cs1", &build().script(), 2).await;
    assert!(words.contains("fatal error: fuse.h"), "{words}");
    said(&cluster, "cs1", &format!("[ ! -e {TREE}/.mfsupgrade ] && [ ! -e {TREE}/mfsmaster/mfsmaster ]"), 0).await;
    ran(&cluster, "cs1", &format!("head -c 100 {ARCHIVE} > /root/half; mv /root/half {ARCHIVE}"), 0).await;
    let words = ran(&cluster, "cs1", &build().script(), 2).await;
    assert!(words.contains("tar: "), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_file_is_put_in_its_place() {
    let cluster = Cluster::start(&plan("1.6.27", Mode::Rolling, 1, 0), options(&[])).await.unwrap();
    let text = "# carried over\nDATA_PATH = /usr/local/var/mfs\n";
    let root = cluster.root("master");
    let copy = || {
        std::fs::create_dir_all(root.join("var/lib/mfsupgrade")).unwrap();
        std::fs::write(root.join("var/lib/mfsupgrade/copy"), text).unwrap();
    };
    let put = |replaces: Option<String>| PutInPlace {
        copy: path("/var/lib/mfsupgrade/copy"),
        file: path("/usr/local/etc/mfsmaster.cfg"),
        sha256: sum(text),
        mode: 0o640,
        owner: "nobody:nogroup".to_owned(),
        replaces,
        beside: path("/usr/local/etc/mfsmaster.cfg.1.5.12"),
    };
    let was = std::fs::read_to_string(root.join("usr/local/etc/mfsmaster.cfg")).unwrap();
    copy();
    let words = ran(&cluster, "master", &put(None).script(), 1).await;
    assert!(words.contains("is not what was shown"), "{words}");
    ran(&cluster, "master", &put(Some(sum(&was))).script(), 0).await;
    assert_eq!(said(&cluster, "master", "cat /usr/local/etc/mfsmaster.cfg", 0).await, text);
    assert_eq!(said(&cluster, "master", "cat /usr/local/etc/mfsmaster.cfg.1.5.12", 0).await, was);
    // what chown said goes with the file, as on a host where it really can
    let stat = "stat -c '%a %U:%G %u' /usr/local/etc/mfsmaster.cfg /usr/local/etc/mfsmaster.cfg.1.5.12 \
                /usr/local/var/mfs/metadata.mfs.back";
    let owners = said(&cluster, "master", stat, 0).await;
    let owners: Vec<&str> = owners.lines().collect();
    assert_eq!(owners[0], "640 nobody:nogroup 65534");
    assert!(owners[1].ends_with("root:root 0") && owners[2].ends_with("nobody:nogroup 65534"), "{owners:?}");
    // once more: it is there already
    copy();
    ran(&cluster, "master", &put(Some(sum(text))).script(), 0).await;
    assert_eq!(said(&cluster, "master", "cat /usr/local/etc/mfsmaster.cfg.1.5.12", 0).await, was);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_release_is_run_with_its_own_patience() {
    let cluster = Cluster::start(&plan("1.6.27", Mode::Rolling, 1, 0), options(&[])).await.unwrap();
    ran(&cluster, "master", &InstallCommand::MakeInstall { source_dir: path("/usr/src/mfs-1.6.27") }.script(), 0).await;
    let patience = Some(std::time::Duration::from_secs(1800));
    let start = StartCommand::Start { role: Role::Master, prefix: path("/usr/local"), patience };
    let words = ran(&cluster, "master", &start.script(), 0).await;
    assert!(words.contains("initialized properly"), "{words}");
}
