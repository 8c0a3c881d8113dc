//! What a host, its files, its processes, its daemons and whoever holds its lock put into words moves no cursor, rings no bell and
//! turns no letters around, through every command; JSON has it whole. tests/cli/escapes.rs has what stands on this machine.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use mfsupgrade::rehearsal::Cluster;
use serde_json::Value;

use crate::desk::{Desk, HELD, PLAN, cluster};
use crate::support::said;

/// A window's title, a clearing of the screen, the begin of a line, letters from right to left, and a byte that is no UTF-8.
const BAD: &[u8] = b"\x1b]0;PWNED\x07\x1b[2J\r\xe2\x80\xae\xff";

/// The same as JSON has it.
const WHOLE: &str = "\u{1b}]0;PWNED\u{7}\u{1b}[2J\r\u{202e}\u{fffd}";

/// The same for printf(1) in a script.
fn octal() -> String {
    BAD.iter().map(|byte| format!("\\{byte:03o}")).collect()
}

/// What of it is UTF-8.
fn text() -> &'static str {
    std::str::from_utf8(&BAD[..BAD.len() - 1]).unwrap()
}

/// A line that names where it comes from.
fn bad(source: &str, behind: &str) -> Vec<u8> {
    [source.as_bytes(), BAD, behind.as_bytes()].concat()
}

fn append(root: &Path, file: &str, words: &[u8]) {
    let path = root.join(file);
    let mut content = std::fs::read(&path).unwrap_or_default();
    content.extend_from_slice(words);
    std::fs::write(path, content).unwrap();
}

/// Both streams, in which nothing is but what is seen.
#[track_caller]
fn clean(what: &str, output: &Output) -> String {
    let text = String::from_utf8([&output.stdout[..], &output.stderr[..]].concat())
        .unwrap_or_else(|e| panic!("{what} prints what is no UTF-8: {e}"));
    let moves = |c: &char| {
        (c.is_control() && !"\n\t".contains(*c))
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let found = text.chars().find(moves);
    assert_eq!(found, None, "{what}: {text:?}");
    text
}

fn command(desk: &Desk<'_>, arguments: &[&str]) -> Command {
    match arguments[0] {
        // they know no runs
        "plan" | "check" | "explain" => {
            let mut command = Command::new(env!("CARGO_BIN_EXE_mfsupgrade"));
            command.args(arguments).stdin(Stdio::null());
            command
        }
        _ => desk.command(arguments),
    }
}

/// Runs a command, and sees that it shows what comes from `sources`.
fn ran(desk: &Desk<'_>, arguments: &[&str], code: i32, sources: &[&str]) {
    let output = command(desk, arguments).env("COLUMNS", "400").output().unwrap();
    let text = clean(&arguments.join(" "), &output);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
    for source in sources {
        assert!(text.contains(source), "{arguments:?} shows nothing {source}\n{text}");
    }
}

/// The JSON of a command that says nothing else on stdout.
fn out(desk: &Desk<'_>, arguments: &[&str], code: i32) -> String {
    let output = command(desk, arguments).output().unwrap();
    clean(&arguments.join(" "), &output);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// All strings of a JSON value.
fn strings(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(values) => values.iter().for_each(|value| strings(value, found)),
        Value::Object(values) => values.values().for_each(|value| strings(value, found)),
        _ => {}
    }
}

/// JSON, of one value or of many, in which `behind` the name of a source nothing is left out or written otherwise.
#[track_caller]
fn whole(stdout: &str, sources: &[&str], behind: &str) {
    let mut found = Vec::new();
    for value in serde_json::Deserializer::from_str(stdout).into_iter::<Value>() {
        strings(&value.unwrap_or_else(|e| panic!("{e}: {stdout}")), &mut found);
    }
    for source in sources {
        let it = format!("{source}{behind}");
        assert!(found.iter().any(|text| text.contains(&it)), "{it:?} is in none of {found:#?}");
    }
}

/// Everything on hosts that a look reads, in the hands of somebody who writes what he likes.
async fn planted(cluster: &Cluster) {
    for host in ["master", "log1", "cs1", "cl1", "cl2"] {
        let root = cluster.root(host);
        append(&root, ".sim/greeting", &bad("of-greeting", "\n"));
        append(&root, ".sim/bin/hostname", format!("printf 'of-hostname{}'\n", octal()).as_bytes());
        let work = root.join("var/lib/mfsupgrade");
        std::fs::create_dir_all(&work).unwrap();
        let name = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(BAD);
        std::fs::write(work.join(name), BAD).unwrap();
    }
    let master = cluster.root("master");
    append(&master, "etc/crontab", &bad("* * * * * root /usr/local/sbin/mfsmaster start # of-crontab", "\n"));
    // a configuration that is no UTF-8 is refused without a word of it
    append(&master, "usr/local/etc/mfs/mfsexports.cfg", format!("10.0.0.0/8 / rw,of-exports{}\n", text()).as_bytes());
    let lock =
        [&b"20200101T000000Z-0001"[..], b"\n", &bad("of-lock", ""), b"\nheld\n0\nword\nprocess\nboot\n1\nname\n"];
    std::fs::write(master.join("var/lib/mfsupgrade/lock"), lock.concat()).unwrap();
    append(&cluster.root("cs1"), "usr/local/etc/mfshdd.cfg", format!("  /mnt/of-disks{}\n", text()).as_bytes());
    append(
        &cluster.root("cs1"),
        "usr/local/etc/mfschunkserver.cfg",
        format!("HDD_TEST = of-config{}\n", text()).as_bytes(),
    );
    // its argument is text
    said(
        cluster,
        "cl1",
        &format!("bystander \"$(printf 'of-process{}')\" in /mnt/mfs", octal().replace("\\377", "")),
        0,
    )
    .await;
    let at = format!(
        "d=\"/mnt/of-mount$(printf '{}')\"; mkdir \"$d\" && mfsmount -h mfsmaster -w \"$d\"",
        octal().replace("\\377", "")
    );
    said(cluster, "cl2", &at, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_look_reads_draws_nothing_and_json_has_it_whole() {
    let cluster = cluster().await;
    let desk = Desk::new(&cluster);
    let plan = desk.plan();
    planted(&cluster).await;
    tokio::task::block_in_place(|| {
        let seen = ["of-crontab", "of-disks", "of-config", "of-process?", "of-mount?"];
        ran(&desk, &["check", &plan, "--verbose"], 4, &[&seen[..], &["of-lock"]].concat());
        ran(&desk, &["plan", &plan, "--observe"], 4, &seen);
        let json = out(&desk, &["check", &plan, "--format", "json"], 4);
        whole(&json, &["of-crontab"], WHOLE);
        // a configuration is read where it is UTF-8 alone
        whole(&json, &["of-disks", "of-config"], text());
        ran(&desk, &["upgrade", &plan, "--yes", "--log", "plain"], 13, &["of-lock"]);
        whole(&out(&desk, &["upgrade", &plan, "--yes", "--log", "json"], 13), &["of-lock"], WHOLE);
    });
    cluster.stop().await;
}

/// What commands and daemons say in a run, wherever it is told again.
#[tokio::test(flavor = "multi_thread")]
async fn what_commands_and_daemons_say_draws_nothing_wherever_it_is_told() {
    let cluster = cluster().await;
    let desk = Desk::new(&cluster);
    let plan = desk.plan();
    // of a line that is written over, as a scan's, the last state is told
    let (begin, end) = (text().split_once('\r').unwrap(), BAD.last().unwrap());
    let words = |source: &str| [format!("{source}{}{}", begin.0, begin.1).as_bytes(), &[*end, b'\n']].concat();
    std::fs::write(cluster.root("cs1").join("root/words"), [b"0%\r", &words("of-daemon")[..]].concat()).unwrap();
    for client in ["cl1", "cl2"] {
        std::fs::write(cluster.root(client).join("root/words"), words("of-install")).unwrap();
    }
    let daemon = "install = { commands = { chunkserver = \"apt-get install mfs-chunkserver && \
                  sed -i '1a cat /root/words' /usr/local/sbin/mfschunkserver\" } }\n[[clients]]";
    desk.write(
        &PLAN
            .replace("[[clients]]", daemon)
            .replace("echo begun && apt-get install mfs-client", "cat /root/words; exit 3"),
    );
    let whole_words = WHOLE.replace('\r', "");
    tokio::task::block_in_place(|| {
        desk.go(&HELD);
        // the sequences of a command's output are left out, and the rest is written out
        let both = ["of-daemon\\u{202e}", "of-install\\u{202e}"];
        ran(&desk, &["upgrade", &plan, "--yes", "--log", "plain", "--verbose"], 5, &both);
        // what a run keeps is what is told of it later
        ran(&desk, &["status"], 0, &["failed to install client programs"]);
        ran(&desk, &["resume", "--log", "plain", "--verbose"], 5, &both[1..]);
        whole(&out(&desk, &["resume", "--log", "json"], 5), &["of-install"], &whole_words);
        ran(&desk, &["rollback", "--dry-run"], 0, &["Rollback of run"]);
        ran(&desk, &["explain", text()], 2, &["PWNED"]);
    });
    cluster.stop().await;
}
