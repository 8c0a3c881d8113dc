//! Somebody puts older metadata in place while a run is paused behind its new master: `resume` asks whether that is the right one,
//! and stops no master. The terminal, the files and ssh are real, the daemons are simulated.

use std::path::Path;

use mfsupgrade::rehearsal::Cluster;

use crate::desk::{Desk, cluster};
use crate::observed::files;
use crate::prompt::on_a_terminal;
use crate::support::{kill, pids, said, story, until_back};

const QUESTION: &str = "Is the metadata that the master serves the right one?";

/// Where the number of the next change stands behind `MFSM 1.5` and the highest inode (`filesystem.c`, fs_storeall).
const VERSION: std::ops::Range<usize> = 12..20;

/// The metadata of half of its changes, whose files are those of now.
fn make_older(file: &Path) {
    let mut bytes = std::fs::read(file).unwrap();
    assert_eq!(&bytes[..8], b"MFSM 1.5");
    let version = u64::from_be_bytes(bytes[VERSION].try_into().unwrap());
    bytes[VERSION].copy_from_slice(&(version / 2).to_be_bytes());
    std::fs::write(file, bytes).unwrap();
}

/// A night's work of somebody else: the master is stopped, put on an older copy and started.
async fn restored(cluster: &Cluster) {
    let master = pids(cluster, "master", "mfsmaster").await[0];
    said(cluster, "master", &kill(master), 0).await;
    let data = cluster.root("master").join("usr/local/var/mfs");
    make_older(&data.join("metadata.mfs"));
    // a master refuses to start beside a newer one
    for newer in ["metadata.mfs.back", "metadata.mfs.back.1"] {
        let _ = std::fs::remove_file(data.join(newer));
    }
    said(cluster, "master", "/usr/local/sbin/mfsmaster", 0).await;
    until_back(cluster, "cs1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn resume_asks_about_older_metadata_stops_nothing_and_goes_on_with_a_yes() {
    let cluster = cluster().await;
    let desk = Desk::new(&cluster);
    let plan = desk.plan();
    tokio::task::block_in_place(|| {
        desk.go(&["master"]);
        let upgrade = ["upgrade", &plan, "--yes", "--log", "plain"];
        desk.run(&upgrade, "cs1: install chunkserver programs", 1, &["cs1"])
            .expect(10, &["paused: 1 of 1 master on 1.6.27"]);
        desk.go(&["cl1", "cl2"]);
    });
    restored(&cluster).await;
    let master = pids(&cluster, "master", "mfsmaster").await;

    let run = desk.runs().pop().unwrap();
    tokio::task::block_in_place(|| {
        let hosts = || ["cs1", "cl1", "cl2"].map(|host| files(&cluster.root(host)));
        let before = hosts();
        let accept = format!("mfsupgrade resume {run} --state-dir {} --accept-metadata", desk.folder.path().display());
        let reasons = ["older metadata", "the master was NOT stopped", accept.as_str(), "no further host was touched"];
        let resume = ["resume", run.as_str(), "--log", "plain"];
        let yes = ["resume", run.as_str(), "--log", "plain", "--yes"];
        // nobody is there to be asked; --yes asks nobody, and is no answer to this
        desk.told(&resume).expect(6, &reasons).untouched("cs1");
        desk.told(&yes).expect(6, &reasons).untouched("cs1");
        on_a_terminal(desk.command(&yes), &[]).expect(6, &reasons);
        for no in ["n", "\r"] {
            let asked = on_a_terminal(desk.command(&resume), &[(QUESTION, no)]).expect(6, &reasons);
            let (above, _) = asked.err.split_once(QUESTION).unwrap();
            assert!(above.contains("older metadata"), "what is asked about stands above the question: {above}");
        }
        assert!(hosts() == before, "something on a host has changed");
        assert!(desk.status().contains("failed"), "{}", desk.status());

        on_a_terminal(desk.command(&resume), &[(QUESTION, "y")]).expect(0, &[]);
        assert!(desk.status().contains("finished"), "{}", desk.status());
    });
    assert_eq!(pids(&cluster, "master", "mfsmaster").await, master, "it was never stopped\n{}", story(&cluster));
    cluster.stop().await;
}
