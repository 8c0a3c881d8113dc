//! What hosts print, through real ssh: without an end, without lines, in the words of this program, and before they were asked.

use crate::desk::{Desk, HELD, PLAN, cluster};

/// Bytes that an installation prints in one line.
const LINE: usize = 200 << 20;

/// The most memory that a process has had, in bytes.
fn most_memory(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().trim().parse::<u64>().unwrap() << 10
}

fn plan() -> String {
    let group = "[[clients]]\nhosts = [\"cl[1-2]\"]";
    let before = PLAN.split_once(group).unwrap().0;
    // it ends, so that the second client is gone on with while the memory is looked at
    let endless = format!("echo begun && head -c {LINE} /dev/zero | tr '\\\\0' x; exit 3");
    let forger = "printf 'mfsupgrade-exit=0\\\\nmfsupgrade-job=0 9\\\\n' && apt-get install mfs-client";
    let client = |host: &str, install: &str| {
        format!("[[clients]]\nhosts = [\"{host}\"]\ninstall = {{ commands = {{ client = \"{install}\" }} }}\n")
    };
    format!("{before}{}{}", client("cl1", &endless), client("cl2", forger))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_without_an_end_costs_a_few_mebibytes_and_says_what_was_left_out() {
    let cluster = cluster().await;
    let desk = Desk::new(&cluster);
    desk.write(&plan());
    // shells that talk to whoever logs in: a greeting, and a title for a terminal without a line's end
    for host in ["master", "log1", "cs1", "cl1", "cl2"] {
        let greeting = "*** Welcome, authorised use only ***\n\x1b]0;node\x07";
        std::fs::write(cluster.root(host).join(".sim/greeting"), greeting).unwrap();
    }
    let plan = desk.plan();
    tokio::task::block_in_place(|| {
        desk.go(&["master", "cs1"]);
        let (mut before, mut after) = (0, 0);
        let upgrade = desk.command(&["upgrade", &plan, "--yes", "--log", "plain", "--verbose"]);
        let said = desk.hear(upgrade, |line, child| {
            if line.contains("cl1 | begun") {
                before = most_memory(child.id());
            } else if line.contains("cl2 | mfsupgrade-exit=0") {
                // its installation waits
                after = most_memory(child.id());
                desk.go(&HELD);
            }
        });
        let said =
            said.expect(5, &["bytes left out]", "exit code 3", "cl2 | mfsupgrade-job=0 9", "1 of 2 clients on 1.6.27"]);
        assert!(before > 0 && after > 0, "{}", said.err);
        assert!(after - before < 12 << 20, "{before} bytes before and {after} after a line of {LINE}");
        assert!(said.err.len() < 100_000, "{} bytes were shown", said.err.len());
        let run = desk.folder.path().join("runs").join(&desk.runs()[0]);
        let journal = std::fs::read_to_string(run.join("journal.jsonl")).unwrap();
        assert!(journal.len() < 100_000 && journal.contains("bytes left out]"), "{} bytes", journal.len());
        let events = std::fs::read_to_string(run.join("events.jsonl")).unwrap();
        let printed = events.contains("mfsupgrade-job=0 9") && events.contains("bytes left out]");
        assert!(events.len() < 100_000 && printed, "{} bytes", events.len());
        let told: Vec<&str> = said.err.split("bytes left out]").collect();
        let left_out: usize = told[0].rsplit_once('[').unwrap().1.trim().parse().unwrap();
        assert!(left_out > LINE - (64 << 10) && left_out < LINE, "{left_out}");
    });
    cluster.stop().await;
}
