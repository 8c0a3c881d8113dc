//! What a plan does not say, and what a section says over the rest of it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{parse, small, with_upgrade};
use crate::plan::{Become, Busy, Config, Install, InstallHow, Mode, Plan, Ssh};

const MINUTE: Duration = Duration::from_secs(60);

fn read(source: &str) -> Plan {
    parse(source).unwrap_or_else(|error| panic!("{error}"))
}

fn how(install: &Install) -> &str {
    match &install.how {
        InstallHow::Archive(archive) => archive.path.to_str().unwrap(),
        InstallHow::SourceDir(dir) => dir.as_str(),
        InstallHow::Command(command) => command,
    }
}

#[test]
fn what_is_not_said_has_a_default() {
    let plan = read(&small("[[clients]]\nhosts = [\"cl1\"]\nmount_options = []\n"));
    assert_eq!(plan.upgrade.mode, Mode::Rolling);
    assert_eq!((plan.upgrade.stagger.least, plan.upgrade.stagger.greatest), (5 * MINUTE, 10 * MINUTE));
    assert_eq!(plan.upgrade.master_wait, 3 * MINUTE);
    assert!(plan.upgrade.acknowledge.is_empty());
    assert_eq!(plan.master.admin_port, 9421);
    assert_eq!(plan.master.access.install.prefix.as_str(), "/usr/local");
    assert_eq!(plan.master.access.install.work_dir.as_str(), "/var/lib/mfsupgrade");
    assert_eq!((plan.metaloggers.len(), plan.config), (0, Config::default()));
    assert_eq!(*plan.master.access.ssh, Ssh::default());
    assert_eq!(plan.chunkservers[2].host.as_str(), "cs3");
    let clients = &plan.clients[0];
    assert_eq!((clients.parallel, &clients.mounts, &clients.mount_options), (1, &None, &None));
    assert_eq!((clients.busy, clients.lazy_unmount, &plan.window), (Busy::Fail, false, &None));
}

#[test]
fn what_is_done_with_a_mount_in_use_is_said_in_each_section() {
    let section = |host: &str, more: &str| format!("[[clients]]\nhosts = [\"{host}\"]\n{more}\n");
    let plan = read(&small(
        &[
            section("a", "busy = \"wait 1h 30m\"\nlazy_unmount = true"),
            section("b", "busy = \"skip\""),
            section("c", ""),
        ]
        .concat(),
    ));
    let said: Vec<_> = plan.clients.iter().map(|group| (group.busy, group.lazy_unmount)).collect();
    assert_eq!(said, [(Busy::Wait(90 * MINUTE), true), (Busy::Skip, false), (Busy::Fail, false)]);
}

#[test]
fn what_is_said_is_kept() {
    let plan = read(&small("").replace(
        "[install]",
        "mode = \"full-stop\"\nstagger = \"7m\"\nmaster_wait = \"1h 30m\"\nacknowledge = [\"chunks-missing\"]\naccept_lost = 3\n[install]",
    ));
    assert_eq!(plan.upgrade.mode, Mode::FullStop);
    assert_eq!((plan.upgrade.stagger.least, plan.upgrade.stagger.greatest), (7 * MINUTE, 7 * MINUTE));
    assert_eq!(plan.upgrade.master_wait, 90 * MINUTE);
    assert!(plan.upgrade.acknowledge.contains("chunks-missing"));
    assert_eq!((plan.upgrade.accept_lost, read(&small("")).upgrade.accept_lost), (3, 0));
}

#[test]
fn a_section_changes_single_keys_of_ssh() {
    let plan = read(&small(
        "[ssh]\nuser = \"op\"\nport = 2022\nbecome = \"sudo\"\njump = [\"gate\"]\n\
         [[clients]]\nhosts = [\"cl1\"]\nssh = { port = 22, jump = [] }\n",
    ));
    let ssh = &plan.clients[0].access.ssh;
    assert_eq!((ssh.user.as_deref(), ssh.port, ssh.r#become), (Some("op"), Some(22), Some(Become::Sudo)));
    assert!(ssh.jump.is_empty());
    assert_eq!(plan.master.access.ssh.jump.len(), 1);
}

#[test]
fn a_section_changes_the_prefix_or_the_kind_of_install() {
    let plan = read(&with_upgrade(
        "[install]\nprefix = \"/p\"\ncommands = { master = \"m $X\", chunkserver = \"c | d\" }\n\
         [master]\nhost = \"m\"\n[master.install]\nprefix = \"/q\"\n\
         [[chunkservers]]\nhosts = [\"a\"]\n\
         [[chunkservers]]\nhosts = [\"b\"]\ninstall.source_dir = \"/s\"\n\
         [[clients]]\nhosts = [\"c\"]\ninstall = { commands = { client = \"own\" }, prefix = \"/r\" }\n",
    ));
    let seen = |install: &Install| format!("{} in {}", how(install), install.prefix);
    assert_eq!(seen(&plan.master.access.install), "m $X in /q");
    assert_eq!(seen(&plan.chunkservers[0].access.install), "c | d in /p");
    assert_eq!(seen(&plan.chunkservers[1].access.install), "/s in /p");
    assert_eq!(seen(&plan.clients[0].access.install), "own in /r");
}

#[test]
fn no_common_install_is_needed_where_each_section_has_its_own() {
    let plan = read(&with_upgrade(
        "[master]\nhost = \"m\"\ninstall.source_dir = \"/a\"\n\
         [[chunkservers]]\nhosts = [\"c\"]\ninstall.source_dir = \"/b\"\n",
    ));
    assert_eq!(how(&plan.master.access.install), "/a");
    assert_eq!(how(&plan.chunkservers[0].access.install), "/b");
}

#[test]
fn a_host_may_have_several_roles() {
    let plan = read(&small("[[clients]]\nhosts = [\"m\", \"cs[1-3]\"]\n"));
    assert_eq!(plan.clients[0].hosts.len(), 4);
}

#[test]
fn hosts_come_in_the_order_of_an_upgrade_once_for_each_role() {
    let plan = read(&small("[[clients]]\nhosts = [\"l\", \"m\"]\n[[metaloggers]]\nhosts = [\"l\", \"cs1\"]\n"));
    let hosts: Vec<_> = plan.hosts().map(|(host, role, _)| format!("{role} {host}")).collect();
    let expected = ["master m", "metalogger l", "metalogger cs1", "chunkserver cs1", "chunkserver cs2"];
    assert_eq!(hosts[..5], expected);
    assert_eq!(hosts[5..], ["chunkserver cs3", "client l", "client m"]);
}

#[test]
fn metaloggers_are_reached_and_installed_on_as_the_plan_and_their_section_say() {
    let plan = read(&with_upgrade(
        "[install]\nprefix = \"/p\"\nwork_dir = \"/tmp/w/\"\n\
         commands = { master = \"m\", metalogger = \"l\", chunkserver = \"c\" }\n[ssh]\nuser = \"op\"\n\
         [master]\nhost = \"m\"\n[[chunkservers]]\nhosts = [\"cs1\"]\n\
         [[metaloggers]]\nhosts = [\"l[1-2]\"]\nssh.port = 22\n\
         [[metaloggers]]\nhosts = [\"l3\"]\ninstall = { commands.metalogger = \"own\", work_dir = \"/w\" }\n",
    ));
    let [l1, l2, l3] = plan.metaloggers.as_slice() else { panic!("{:?}", plan.metaloggers) };
    assert_eq!((l1.host.as_str(), l2.host.as_str(), l3.host.as_str()), ("l1", "l2", "l3"));
    assert_eq!((l1.access.ssh.user.as_deref(), l1.access.ssh.port, l3.access.ssh.port), (Some("op"), Some(22), None));
    let seen = |install: &Install| format!("{} in {}, {}", how(install), install.prefix, install.work_dir);
    assert_eq!(seen(&l2.access.install), "l in /p, /tmp/w");
    assert_eq!(seen(&l3.access.install), "own in /p, /w");
    assert_eq!(seen(&plan.master.access.install), "m in /p, /tmp/w");
}

#[test]
fn local_paths_are_relative_to_the_plan() {
    let ssh = |config: &str, identity: &str| {
        let plan = read(&small(&format!("[ssh]\nconfig = \"{config}\"\nidentity = \"{identity}\"\n")));
        let ssh = Ssh::clone(&plan.master.access.ssh);
        (ssh.config.unwrap(), ssh.identity.unwrap())
    };
    assert_eq!(ssh("ssh_config", "keys/id"), (PathBuf::from("/plans/ssh_config"), PathBuf::from("/plans/keys/id")));
    assert_eq!(ssh("/etc/ssh/ssh_config", "~/.ssh/id"), ("/etc/ssh/ssh_config".into(), "~/.ssh/id".into()));
}

#[test]
fn loading_makes_paths_whole_and_keeps_the_text() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plan.toml");
    let source = small("[ssh]\nidentity = \"id\"\n");
    std::fs::write(&path, &source).unwrap();
    let loaded = Plan::load(&path).unwrap();
    assert_eq!(loaded.plan.master.access.ssh.identity.as_deref(), Some(folder.path().join("id").as_path()));
    assert_eq!((loaded.source, loaded.path.as_path()), (source, path.as_path()));
    assert!(Path::is_absolute(&loaded.path));
}

/// A run keeps its plan; what lies in a state folder may have been edited.
#[test]
fn a_kept_plan_with_times_that_no_plan_can_say_is_refused() {
    let whole = serde_json::to_value(read(&small(""))).unwrap();
    let with = |key: &str, value: serde_json::Value| {
        let mut plan = whole.clone();
        plan["upgrade"][key] = value;
        serde_json::from_value::<Plan>(plan)
    };
    let time = |secs: u64| serde_json::json!({ "secs": secs, "nanos": 0 });
    let stagger = |least, greatest| serde_json::json!({ "least": time(least), "greatest": time(greatest) });
    assert_eq!(serde_json::from_value::<Plan>(whole.clone()).unwrap(), read(&small("")));
    assert!(with("stagger", stagger(300, 86_400)).is_ok());
    for (least, greatest) in [(300, 86_401), (86_401, u64::MAX), (600, 300)] {
        assert!(with("stagger", stagger(least, greatest)).is_err(), "{least}..{greatest}");
    }
    assert!(with("master_wait", time(86_400)).is_ok());
    assert!(with("master_wait", time(u64::MAX)).is_err());
    let busy = |secs| serde_json::from_value::<Busy>(serde_json::json!({ "wait": time(secs) }));
    assert_eq!(busy(60).unwrap(), Busy::Wait(MINUTE));
    assert!(busy(u64::MAX).is_err());
}
