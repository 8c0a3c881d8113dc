//! Names of a plan that lead to one machine, over real ssh: the hosts say who they are.

use mfsupgrade::plan::Mode;
use mfsupgrade::rehearsal::Cluster;

use crate::second::Operator;
use crate::support::{options, pids, plan};

#[tokio::test(flavor = "multi_thread")]
async fn two_names_of_one_machine_are_refused_before_anything_is_touched() {
    let cluster = Cluster::start(&plan("1.6.27", Mode::Rolling, 2, 1), options(&[])).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let known = std::fs::read_to_string(cluster.ssh().config.unwrap()).unwrap();
    let mut config = known.clone();
    // the master under a second name as metalogger, a chunkserver twice, a client that is a chunkserver
    for (host, other) in [("master", "mm"), ("cs1", "cs1b"), ("cs2", "box2")] {
        config = config.replace(&format!("Host {host}\n"), &format!("Host {host} {other}\n"));
    }
    assert!(config.len() > known.len() + 9);
    let way = folder.path().join("ssh_config");
    std::fs::write(&way, config).unwrap();
    let text = format!(
        "[upgrade]\nfrom = \"1.5.12\"\nto = \"1.6.27\"\nmode = \"full-stop\"\nacknowledge = [\"full-stop-under-mounts\", \
         \"goal-one\"]\n[install]\nsource_dir = \"/usr/src/mfs-1.6.27\"\n[ssh]\nconfig = {way:?}\n[config]\n\
         exports_like_1_5 = true\n[master]\nhost = \"master\"\n[[metaloggers]]\nhosts = [\"mm\"]\n[[chunkservers]]\n\
         hosts = [\"cs1\", \"cs1b\", \"cs2\"]\n[[clients]]\nhosts = [\"cl1\", \"box2\"]\nparallel = 2\n"
    );
    let operator = Operator::new(folder.path(), "anna", &text);
    let before = pids(&cluster, "master", "mfsmaster").await;
    let output = tokio::task::block_in_place(|| operator.upgrade(&[]).output().unwrap());
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(4), "{said}");
    let whole = said.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in [
        "same-machine-twice",
        "master (master) and mm (metalogger) lead to one machine: master (boot ",
        "cs1 (chunkserver) and cs1b (chunkserver) lead to one machine: cs1 (boot ",
        "cs2 (chunkserver) and box2 (client) lead to one machine: cs2 (boot ",
    ] {
        assert!(whole.contains(words), "{words}\n{said}");
    }
    for follows in ["mount-missing", "client-not-connected", "daemon-not-running", "chunkserver-not-in-plan"] {
        assert!(!said.contains(follows), "{follows} follows from it\n{said}");
    }
    assert_eq!(pids(&cluster, "master", "mfsmaster").await, before);
    assert!(!cluster.root("master").join("var/lib/mfsupgrade/lock").exists(), "nothing is written on a host");
    cluster.stop().await;
}
