//! What stands between a command that is sent and the shell that runs it: real sshds, and the login shells that hosts have.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use mfsupgrade::fleet::SshFleet;
use mfsupgrade::host::{AbsPath, HostFacts, HostName, Job, Look};
use mfsupgrade::plan::Plan;
use mfsupgrade::run::ports::{Followed, Hosts as _, Outcome, Source};
use serde_json::Value;

use crate::sshd::{Hosts, is_there};

const LIMIT: Duration = Duration::from_secs(120);

/// What a login shell prints before it does anything.
const GREETING: &str = "*** Welcome, authorised use only ***";

/// Login shells by the program that they need, and how sshd calls each.
const SHELLS: [(&str, &str, &str); 6] = [
    // its start file is read as it is by a login over ssh, where it is built so, as Debian's is
    ("bash", "bash", "export BASH_ENV=$HOME/.bashrc; exec bash -c \"$SSH_ORIGINAL_COMMAND\""),
    // one that reads no start file: a title for a terminal, without a line's end
    ("dash", "dash", "printf '\\033]0;node\\007'; exec dash -c \"$SSH_ORIGINAL_COMMAND\""),
    ("csh", "bsd-csh", "exec bsd-csh -c \"$SSH_ORIGINAL_COMMAND\""),
    ("tcsh", "tcsh", "exec tcsh -c \"$SSH_ORIGINAL_COMMAND\""),
    ("fish", "fish", "exec fish -c \"$SSH_ORIGINAL_COMMAND\""),
    ("busybox", "busybox", "exec busybox sh -c \"$SSH_ORIGINAL_COMMAND\""),
];

fn name(text: &str) -> HostName {
    HostName::new(text).expect("a name")
}

fn fleet(plan: &str) -> SshFleet {
    let plan = Plan::parse(plan, Path::new("plan.toml"), Path::new("/")).expect("a plan");
    SshFleet::new(&plan).expect("a folder for sockets")
}

/// The findings of a `check`: code, host, and all that is said.
fn check(hosts: &Hosts, plan: &str) -> Vec<(String, String, String)> {
    hosts.write("plan.toml", plan);
    let mut check = Command::new(env!("CARGO_BIN_EXE_mfsupgrade"));
    let said = check.args(["check", "--format", "json"]).arg(hosts.path("plan.toml")).output().expect("it runs");
    let json: Value = serde_json::from_slice(&said.stdout).unwrap_or_else(|e| panic!("{e}: {said:?}"));
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    let finding = |finding: &Value| {
        let words = ["seen", "why", "todo"].map(|key| text(finding, key)).join("; ");
        (text(finding, "code"), text(finding, "host"), words)
    };
    json["findings"].as_array().expect("findings").iter().map(finding).collect()
}

/// What `check` says of a host by one of the codes of hosts that were not looked at.
fn unseen(hosts: &Hosts, plan: &str, host: &str) -> (String, String) {
    let found = check(hosts, plan);
    let codes = ["host-unreachable", "command-not-run", "look-unreadable", "local-ssh"];
    let mut of_the_host = found.iter().filter(|(code, at, _)| at == host && codes.contains(&code.as_str()));
    let (code, _, words) = of_the_host.next().unwrap_or_else(|| panic!("{host} was seen: {found:?}"));
    assert!(of_the_host.next().is_none(), "{found:?}");
    (code.clone(), words.clone())
}

/// Start files that talk.
fn home(hosts: &Hosts) {
    let echo = format!("echo '{GREETING}'\n");
    for file in [".bashrc", ".cshrc", ".config/fish/config.fish"] {
        hosts.write(&format!("home/{file}"), &echo);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_login_shell_is_and_however_it_talks_commands_files_and_jobs_get_through() {
    let Some(mut hosts) = Hosts::new() else { return };
    home(&hosts);
    let shells: Vec<_> = SHELLS.into_iter().filter(|(_, program, _)| is_there(program)).collect();
    for (shell, _, script) in &shells {
        hosts.shell(shell, script);
    }
    let names: Vec<_> = shells.iter().map(|(shell, ..)| *shell).collect();
    let fleet = fleet(&hosts.plan(&names, "", ""));
    for shell in names {
        let host = name(shell);
        // that it talks at all is seen by hand
        let by_hand =
            Command::new("ssh").arg("-F").arg(hosts.path("ssh_config")).args([shell, ":"]).output().expect("ssh");
        let talks = String::from_utf8_lossy(&by_hand.stdout).into_owned();
        assert!(
            talks.contains(if shell == "dash" { "\x1b]0;node" } else { GREETING }) || shell == "busybox",
            "{shell}: {talks:?}"
        );

        let odd = "printf '%s\\n' \"it's\" '!x' '\\n' \"$(echo `echo é`)\" ~; echo err >&2\nexit 7";
        let told = fleet.run(&host, odd, LIMIT, &mut |_| {}).await;
        let home = std::env::var("HOME").unwrap_or_default();
        let Outcome::Exited { code: 7, output } = &told else { panic!("{shell}: {told:?}") };
        let lines: Vec<_> = output.lines().collect();
        assert_eq!((&lines[..4], lines[5], lines.len()), (&["it's", "!x", "\\n", "é"][..], "err", 6), "{shell} {home}");

        let look = Look { survey: true, ..Look::default() };
        let told = fleet.look(&host, &look.script(), LIMIT).await.expect("it is looked at");
        let facts = HostFacts::parse(&told).unwrap_or_else(|e| panic!("{shell}: {e}"));
        assert_eq!(facts.root, rustix::process::geteuid().is_root(), "{shell}");
        assert!(!facts.boot_id.is_empty() && facts.tools.contains("tar"), "{shell}");

        // files, whose bytes may look like anything
        let bytes = format!("{GREETING}\n\0\n\nmfsupgrade-exit= 0\n{}", "!'\"\\\n".repeat(70_000));
        let there = hosts.path(&format!("work {shell}/file"));
        let there = AbsPath::new(&there.to_str().expect("UTF-8").replace(' ', "-")).expect("a path");
        fleet.put(&host, Source::Text(&bytes), &there).await.unwrap_or_else(|e| panic!("{shell}: {e:?}"));
        assert!(std::fs::read_to_string(there.as_str()).expect("it arrived") == bytes, "{shell}");
        let back = hosts.path(&format!("{shell}.back"));
        fleet.fetch(&host, &there, &back).await.unwrap_or_else(|e| panic!("{shell}: {e:?}"));
        assert!(std::fs::read_to_string(back).expect("it came back") == bytes, "{shell}");

        // jobs
        let work = AbsPath::new(hosts.path(&format!("jobs-{shell}")).to_str().expect("UTF-8")).expect("a path");
        let job = Job::new(&work, "run", "a/step", jiff::Timestamp::UNIX_EPOCH, "echo \"it's\"; exit 3");
        let mut lines = Vec::new();
        let followed = fleet.follow(&host, &job, true, 0, &mut |line| lines.push(line.to_owned())).await;
        if rustix::process::geteuid().is_root() {
            assert_eq!(followed, Followed::Ended { code: 3, output: "it's\n".to_owned() }, "{shell}");
            assert_eq!(lines, ["it's"], "{shell}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_runs_something_else_is_told_with_what_it_said_and_why() {
    let Some(mut hosts) = Hosts::new() else { return };
    home(&hosts);
    let sudo = "#!/bin/sh\necho 'sudo: sorry, you must have a tty to run sudo' >&2\nexit 1\n";
    hosts.program("bin/sudo", sudo);
    let bin = hosts.path("bin").display().to_string();
    let as_root = "become = \"sudo\"\n";
    for (host, script, ssh, words) in [
        ("nologin", "exec /usr/sbin/nologin", "", ["This account is currently not available", "no shell"]),
        ("rbash", "exec bash -r -c \"$SSH_ORIGINAL_COMMAND\"", "", ["restricted", "restricted shell"]),
        (
            "requiretty",
            &*format!("PATH={bin}:$PATH exec sh -c \"$SSH_ORIGINAL_COMMAND\""),
            as_root,
            ["you must have a tty", "!requiretty"],
        ),
        ("backups", "echo 'only backups here'", "", ["only backups here", "ForceCommand"]),
        ("silent", "exit 0", "", ["it said nothing", "ForceCommand"]),
        (
            "expired",
            "echo 'Password change required but no TTY available.' >&2; exit 1",
            "",
            ["no TTY", "password has expired"],
        ),
    ] {
        hosts.shell(host, script);
        let (code, told) = tokio::task::block_in_place(|| unseen(&hosts, &hosts.plan(&[host], ssh, ""), host));
        assert_eq!(code, "command-not-run", "{host}: {told}");
        assert!(words.iter().all(|words| told.contains(words)), "{host}: {told}");
        assert!(!told.contains("lost"), "{host}: {told}");
        // in a run: it was not run, and no connection was lost
        let fleet = fleet(&hosts.plan(&[host], ssh, ""));
        let told = fleet.run(&name(host), "echo never", LIMIT, &mut |_| {}).await;
        assert!(matches!(&told, Outcome::NotStarted { reason } if reason.contains(words[0])), "{host}: {told:?}");
    }
    // a command that is forced by the key
    hosts.host("forced", "", "command=\"echo by the key\"");
    let (code, told) = tokio::task::block_in_place(|| unseen(&hosts, &hosts.plan(&["forced"], "", ""), "forced"));
    assert!(
        code == "command-not-run" && told.contains("by the key") && told.contains("authorized_keys"),
        "{code}: {told}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_to_forward_is_told_as_sshds_and_a_closed_port_is_not() {
    let Some(mut hosts) = Hosts::new() else { return };
    // something that listens where a master would, and says nothing: whoever asks is hung up on
    let master = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = master.local_addr().expect("an address").port();
    std::thread::spawn(move || master.incoming().for_each(drop));
    hosts.host("allowed", "", "");
    hosts.host("no", "AllowTcpForwarding no\n", "");
    hosts.host("remote", "AllowTcpForwarding remote\n", "");
    hosts.host("none", "PermitOpen none\n", "");
    hosts.host("other", "PermitOpen 127.0.0.1:1\n", "");
    hosts.host("disabled", "DisableForwarding yes\n", "");
    hosts.host("restricted", "", "restrict");
    hosts.host("key", "", "permitopen=\"127.0.0.1:1\"");
    // whose user wants to hear nothing of ssh
    hosts.host("quiet", "AllowTcpForwarding no\n", "");
    hosts.setting("LogLevel QUIET");
    let of_the_master = |host: &str, ssh: &str| {
        let plan = hosts.plan(&[host], ssh, &format!("admin_port = {port}\n"));
        let found = check(&hosts, &plan);
        let codes = ["master-does-not-answer", "forwarding-refused"];
        let mut told = found.into_iter().filter(|(code, at, _)| at == host && codes.contains(&code.as_str()));
        let (code, _, words) = told.next().expect("nobody is there");
        (code, words)
    };
    tokio::task::block_in_place(|| {
        let (code, words) = of_the_master("allowed", "");
        assert_eq!(code, "master-does-not-answer", "{words}");
        for host in ["no", "remote", "none", "other", "disabled", "restricted", "key", "quiet"] {
            let (code, words) = of_the_master(host, "");
            assert_eq!(code, "forwarding-refused", "{host}: {words}");
            for needed in
                [&format!("127.0.0.1:{port}"), "AllowTcpForwarding local", "authorized_keys", "Do not restart"]
            {
                assert!(words.contains(needed), "{host}: {needed}: {words}");
            }
            assert!(!words.contains("start it"), "{host}: {words}");
        }
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_jump_host_that_forwards_nothing_is_told_as_that() {
    let Some(mut hosts) = Hosts::new() else { return };
    hosts.host("bastion", "AllowTcpForwarding no\n", "");
    hosts.host("inner", "", "");
    let plan = hosts.plan(&["inner"], "jump = [\"bastion\"]\n", "");
    let (code, told) = tokio::task::block_in_place(|| unseen(&hosts, &plan, "inner"));
    assert_eq!(code, "host-unreachable", "{told}");
    assert!(told.contains("its sshd may forward no port (AllowTcpForwarding"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_hangs_is_no_connection_that_was_lost() {
    let Some(mut hosts) = Hosts::new() else { return };
    hosts.shell("hangs", "exec sleep 60");
    hosts.shell("works", "exec sh -c \"$SSH_ORIGINAL_COMMAND\"");
    let fleet = fleet(&hosts.plan(&["hangs", "works"], "", ""));
    let limit = Duration::from_secs(5);
    let told = fleet.run(&name("hangs"), "echo never", limit, &mut |_| {}).await;
    let Outcome::Unknown { reason } = &told else { panic!("{told:?}") };
    assert!(reason.contains("its login has not begun the command that was sent after 5 s"), "{reason}");
    assert!(reason.contains("hangs, or sudo does") && !reason.contains("lost"), "{reason}");
    // one that was begun is told otherwise
    let told = fleet.run(&name("works"), "exec sleep 60", limit, &mut |_| {}).await;
    assert!(matches!(&told, Outcome::Unknown { reason } if reason.contains("the command has not ended")), "{told:?}");
}
