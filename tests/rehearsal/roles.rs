//! Hosts of several roles: each role's new programs are in place in its turn and no sooner, so that a boot in between starts the
//! old ones.

use std::path::Path;

use mfsupgrade::plan::Plan;
use mfsupgrade::rehearsal::{Cluster, What};
use mfsupgrade::schedule::compile;

use crate::support::{self, count, failed, options, pids, ran, said, story, until, until_back};

/// A master that is a chunkserver and a client, a metalogger that is a chunkserver, a chunkserver that is a client.
fn text(mode: &str, install: &str) -> String {
    let accepts = if mode == "rolling" { "" } else { "acknowledge = [\"full-stop-under-mounts\"]\n" };
    format!(
        "[upgrade]\nfrom = \"1.5.12\"\nto = \"1.6.27\"\nmode = \"{mode}\"\n{accepts}[install]\n{install}\n\
         [master]\nhost = \"a\"\n[[metaloggers]]\nhosts = [\"b\"]\n[[chunkservers]]\nhosts = [\"c\", \"a\", \"b\"]\n\
         [[clients]]\nhosts = [\"c\", \"a\"]\n"
    )
}

const TREE: &str = "source_dir = \"/usr/src/mfs-1.6.27\"";

fn plan(mode: &str) -> Plan {
    Plan::parse(&text(mode, TREE), Path::new("plan.toml"), Path::new("/")).unwrap()
}

/// Exit code, and all that was said.
fn rehearse(text: &str, more: &[&str]) -> (i32, String) {
    let folder = tempfile::tempdir().unwrap();
    let plan = folder.path().join("plan.toml");
    std::fs::write(&plan, text).unwrap();
    let output = support::rehearse(&plan).args(more).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
    (output.status.code().unwrap(), said)
}

#[test]
fn every_role_has_its_own_turn_in_either_mode() {
    for mode in ["rolling", "full-stop"] {
        let (code, said) = rehearse(&text(mode, TREE), &[]);
        assert_eq!(code, 0, "{said}");
        assert!(said.contains("ok      turns") && said.contains("ok      order"), "{said}");
        for host in ["a: done: /usr/local/bin/mfsmount is 1.6.27", "b: done: /usr/local/sbin/mfschunkserver is 1.6.27"]
        {
            assert!(said.contains(host), "{host}\n{said}");
        }
    }
}

#[test]
fn an_operators_own_command_brings_everything_and_every_role_has_its_turn_all_the_same() {
    let own = "commands = { master = \"apt-get install -y mfs\", metalogger = \"apt-get install -y mfs\", \
               chunkserver = \"apt-get install -y mfs\", client = \"apt-get install -y mfs\" }";
    let (code, said) = rehearse(&text("rolling", own), &[]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("ok      turns"), "{said}");
}

#[test]
fn a_run_that_stopped_between_two_turns_of_a_host_is_taken_back() {
    let (_, said) = rehearse(&text("rolling", TREE), &["--fault", "does-not-come-back@c", "--rollback"]);
    assert!(said.contains("finished: 1 of 1 master on 1.5.12, 3 of 3 chunkservers on 1.5.12"), "{said}");
    assert!(said.contains("ok      everything-old") && said.contains("ok      chunks"), "{said}");
    let (code, said) = rehearse(&text("rolling", TREE), &["--rollback"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("ok      everything-old") && said.contains("ok      chunks"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_boots_between_its_turns_starts_the_old_chunkserver() {
    let plan = plan("rolling");
    let cluster = Cluster::start(&plan, options(&[])).await.unwrap();
    let schedule = compile(&plan, None, plan.line());
    for step in ["master/a/keep", "master/a/install", "master/a/start"] {
        let (_, _, step) = schedule.steps().find(|(_, _, s)| s.id.0.as_ref() == step).unwrap();
        ran(&cluster, "a", &step.commands[0], 0).await;
    }
    until_back(&cluster, "a").await;
    // the power goes, and comes back
    for program in ["mfschunkserver", "mfsmaster", "mfsmount"] {
        for pid in pids(&cluster, "a", program).await {
            said(&cluster, "a", &format!("kill -9 {pid}"), 0).await;
        }
    }
    let boot = std::fs::read_to_string(cluster.root("a").join("etc/rc.local")).unwrap();
    said(&cluster, "a", &format!("mfsmetarestore -a\n{boot}"), 0).await;
    until_back(&cluster, "a").await;
    let started = |program: &'static str, version: &'static str| {
        let events = cluster.events().unwrap();
        let last = events.iter().rfind(|e| e.host == "a" && e.program == program && e.what == What::Started);
        assert_eq!(last.unwrap().version.to_string(), version, "{program}\n{}", story(&cluster));
    };
    started("mfsmaster", "1.6.27");
    started("mfschunkserver", "1.5.12");
    until(&cluster, "all is whole", |events| {
        count(events, "a", |what| matches!(what, What::ServerRegistered { .. })) >= 6
    })
    .await;
    let verdict = cluster.verdict(&plan).await.unwrap();
    assert!(!failed(&verdict).contains(&"turns"), "{verdict}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installation_of_everything_at_once_is_seen() {
    let plan = plan("rolling");
    let cluster = Cluster::start(&plan, options(&[])).await.unwrap();
    said(&cluster, "a", "cd /usr/src/mfs-1.6.27 && make install", 0).await;
    let verdict = cluster.verdict(&plan).await.unwrap();
    let turns = verdict.checks.iter().find(|c| c.name == "turns").unwrap();
    assert!(turns.detail.contains("mfschunkserver was in place on a before its turn"), "{verdict}");
    let order = verdict.checks.iter().find(|c| c.name == "order").unwrap();
    assert!(order.detail.contains("client a was installed before"), "{verdict}");
}
