//! A chunk that was lost before the upgrade, and that its 1.5 master still counts: `check` names the server and the number, and the
//! plan accepts that number and never more.

use std::path::PathBuf;

use jiff::Timestamp;
use mfsupgrade::journal::{Simulated, StateFolder};
use mfsupgrade::rehearsal::Cluster;

use crate::desk::{Desk, PLAN, cluster};
use crate::observed::told;
use crate::support::WALKED;

/// The chunk files of the only chunkserver.
fn chunks(cluster: &Cluster) -> Vec<PathBuf> {
    let entries = |folder: &PathBuf| std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let folders = entries(&cluster.root("cs1").join("mnt/hd1")).filter(|path| path.is_dir()).collect::<Vec<_>>();
    let mut files: Vec<_> = folders.iter().flat_map(entries).collect();
    files.sort();
    files
}

fn accepting(desk: &Desk<'_>, copies: u64) {
    desk.write(&PLAN.replace("[install]", &format!("accept_lost = {copies}\n[install]")));
}

#[tokio::test(flavor = "multi_thread")]
async fn chunks_that_were_lost_before_are_named_and_accepted_by_number_and_never_more() {
    let cluster = cluster().await;
    let desk = Desk::new(&cluster);
    // a gate's ten minutes are twenty seconds
    let (now, what) = (Timestamp::now(), "simulated daemons".to_owned());
    let simulated = Simulated { started: now, begun: now, speed: WALKED, what, kill: None };
    StateFolder::new(Some(desk.folder.path())).unwrap().mark_simulated(&simulated).unwrap();
    let plan = desk.plan();
    let upgrade = ["upgrade", &plan, "--yes", "--log", "plain"];
    let all = chunks(&cluster);
    all[..2].iter().for_each(|file| std::fs::remove_file(file).unwrap());
    for accepted in [0, 1] {
        accepting(&desk, accepted);
        let check = told(&["check"], plan.as_ref()).await;
        let refused = tokio::task::block_in_place(|| desk.told(&upgrade));
        for (code, out, err) in [check, (refused.code, refused.out, refused.err)] {
            let words = format!("{out}{err}").split_whitespace().collect::<Vec<_>>().join(" ");
            assert_eq!(code, 4, "{words}");
            let (had, has) = (all.len(), all.len() - 2);
            let seen =
                format!("its master counts {had} chunks on it, and {has} chunk files are on its disks: 2 are gone");
            for part in ["error[chunks-lost] on cs1", seen.as_str(), "`accept_lost = 2` under [upgrade]"] {
                assert!(words.contains(part), "{part}\n{words}");
            }
        }
        assert!(!desk.folder.path().join("runs").exists(), "no run was begun");
    }

    accepting(&desk, 2);
    let (code, out, err) = told(&["check"], plan.as_ref()).await;
    assert_eq!(code, 0, "{out}{err}");
    tokio::task::block_in_place(|| {
        desk.go(&["master", "cl1", "cl2"]);
        // one more is lost than was agreed to, behind the look at the disks
        let stopped = desk.hear(desk.command(&upgrade), |line, _| {
            if line.contains("cs1: install chunkserver programs") {
                std::fs::remove_file(&all[2]).unwrap();
                desk.go(&["cs1"]);
            }
        });
        let before = "`accept_lost = 3` under [upgrade] of the plan (by a count of its chunk files: 2 on cs1";
        stopped.expect(6, &["1 of 1 master on 1.6.27", "0 of 2 clients", before]);
        desk.told(&["resume", "--log", "plain"]).expect(6, &[before, "0 of 2 clients"]);
        accepting(&desk, 3);
        desk.told(&["resume", "--log", "plain"])
            .expect(0, &["finished: 1 of 1 master on 1.6.27, 1 of 1 metalogger", "2 of 2 clients on 1.6.27"]);
    });
    assert_eq!(chunks(&cluster).len(), all.len() - 3, "none was lost by the upgrade");
    cluster.stop().await;
}
