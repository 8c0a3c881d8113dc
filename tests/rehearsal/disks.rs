//! Lists of disks as people and their tools write them, looked at over real ssh.

use mfsupgrade::plan::Mode;
use mfsupgrade::rehearsal::Cluster;

use crate::observed::{told, written};
use crate::support::{options, plan, said};

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_is_looked_at_where_its_line_and_its_links_really_lead() {
    let cluster = Cluster::start(&plan("1.6.27", Mode::Rolling, 2, 1), options(&[])).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = written(&cluster, folder.path(), "\"cs1\", \"cs2\"");
    let list = cluster.root("cs1").join("usr/local/etc/mfshdd.cfg");
    let check = async |lines: &str| {
        std::fs::write(&list, lines).unwrap();
        let (code, out, err) = told(&["check"], &file).await;
        (code, format!("{out}{err}").split_whitespace().collect::<Vec<_>>().join(" "))
    };
    // as templates of configuration management write them, and one that none was seen to write
    for (line, write) in [
        ("  /mnt/hd2", "`/mnt/hd2`"),
        ("*  /mnt/hd2", "`*/mnt/hd2`"),
        ("\"/mnt/hd2\"", "`/mnt/hd2`"),
        ("- /mnt/hd2", "`/mnt/hd2`"),
        ("~/chunks", "whole path in line 2"),
        ("  # spare", "whole path in line 2"),
    ] {
        let (code, said) = check(&format!("/mnt/hd1\n{line}\n")).await;
        assert_eq!(code, 4, "{line:?}: {said}");
        for words in ["disk-absent", "/usr/local/etc/mfshdd.cfg, line 2, is no whole path", write] {
            assert!(said.contains(words), "{line:?}: {words}\n{said}");
        }
    }
    // a name below the working folder is a disk where that is a folder
    said(&cluster, "cs1", "mkdir /usr/local/var/mfs/disk5 && chown nobody /usr/local/var/mfs/disk5", 0).await;
    let (code, said_there) = check("/mnt/hd1\ndisk5\n").await;
    assert_eq!(code, 0, "{said_there}");

    // a link of root to a folder of the daemon's, and then to one that is not
    let link = "mkdir -p /mnt/data/mfs && chown nobody /mnt/data/mfs && ln -s /mnt/data/mfs /mnt/hd4 && chown -h root /mnt/hd4";
    said(&cluster, "cs1", link, 0).await;
    let (code, said_of_link) = check("/mnt/hd1\n/mnt/hd4\n").await;
    assert_eq!(code, 0, "{said_of_link}");
    said(&cluster, "cs1", "chown root /mnt/data/mfs && chown -h nobody /mnt/hd4", 0).await;
    let (code, said_of_link) = check("/mnt/hd1\n/mnt/hd4\n").await;
    assert_eq!(code, 4, "{said_of_link}");
    for words in ["not-writable", "/mnt/hd4, which leads to /mnt/data/mfs", "`chown -R nobody /mnt/data/mfs`"] {
        assert!(said_of_link.contains(words), "{words}\n{said_of_link}");
    }
    // others may write in it: the owner alone is a warning
    said(&cluster, "cs1", "chmod 777 /mnt/data/mfs", 0).await;
    let (code, said_of_link) = check("/mnt/hd1\n/mnt/hd4\n").await;
    assert!(code == 4 && !said_of_link.contains("not-writable"), "{said_of_link}");
    for words in ["owner-differs", "/mnt/hd4, which leads to /mnt/data/mfs (root)"] {
        assert!(said_of_link.contains(words), "{words}\n{said_of_link}");
    }
    cluster.stop().await;
}
