//! What follows where nobody looked before: for every finding that keeps from an outage, the outage, by hand and without the
//! check. [`crate::codes`] says which is which.

use mfsupgrade::plan::Mode;
use mfsupgrade::rehearsal::{Cluster, What};

use crate::outages::{no_master, until_errors, with};
use crate::support::{INSTALL, count, failed, kill, options, pids, plan, said, story, until, until_back, until_gone};

/// The new master is installed and started as the HOWTO says; it ends with these words, and none is left.
async fn ends_in_an_outage(cluster: &Cluster, words: &str) {
    let all = said(cluster, "master", &format!("{INSTALL} && mfsmaster"), 1).await;
    assert!(all.contains("terminated") && all.contains(words), "{words}: {all}");
    no_master(cluster).await;
    until_errors(cluster).await;
}

/// The old daemon is ended, and started again with another command line behind `between`.
async fn moved(cluster: &Cluster, host: &str, program: &str, between: &str, start: &str) {
    let end = kill(format!("$(cat /var/run/mfs/{program}.lock)"));
    said(cluster, host, &format!("{end}; {between} && {start}"), 0).await;
    until_back(cluster, "cs1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_or_a_file_that_the_old_master_does_not_use_is_an_outage() {
    for (set, words) in [
        ("echo 'DATA_PATH = /srv/other' >> mfsmaster.cfg", "can't open metadata file"),
        ("mkdir -p mfs && echo 'DATA_PATH = /srv/other' > mfs/mfsmaster.cfg", "can't open metadata file"),
        ("echo 'WORKING_USER = backup' >> mfsmaster.cfg", "can't create lockfile in working directory: EACCES"),
        ("chown root /usr/local/var/mfs", "can't create lockfile in working directory: EACCES"),
    ] {
        let cluster = with(&[], 1).await;
        let other = "mkdir -p /srv/other && chown nobody /srv/other && cd /usr/local/etc";
        said(&cluster, "master", &format!("{other} && {set}"), 0).await;
        ends_in_an_outage(&cluster, words).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_that_the_new_master_does_not_find_is_an_outage() {
    let cluster = with(&[], 1).await;
    let away = "mv /usr/local/var/mfs /srv/data && chown -R nobody /srv/data && mv /usr/local/etc/mfsmaster.cfg /srv/m.cfg && \
                echo 'DATA_PATH = /srv/data' >> /srv/m.cfg";
    moved(&cluster, "master", "mfsmaster", away, "mfsmaster -c /srv/m.cfg").await;
    ends_in_an_outage(&cluster, "using defaults").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_was_built_for_another_prefix_is_an_outage() {
    let cluster = with(&[], 1).await;
    let build = "cd /usr/src/mfs-1.6.27 && ./configure --prefix=/opt/mfs && make && make install";
    said(&cluster, "master", build, 0).await;
    let words = said(&cluster, "master", "/opt/mfs/sbin/mfsmaster", 1).await;
    assert!(words.contains("terminated"), "it finds the old one, which has its lock where both look: {words}");
    no_master(&cluster).await;
    until_errors(&cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_the_new_master_does_not_take_are_an_outage() {
    for (set, words) in [
        ("echo 'BACK_LOGS = 2000' >> mfsmaster.cfg", "BACK_LOGS value too big"),
        ("echo 'EXPORTS_FILENAME = /srv/none' >> mfsmaster.cfg", "no exports defined"),
        ("echo '* / rw,maproot=backup' > mfs/mfsexports.cfg", "no exports defined"),
        ("chown root:root mfs/mfsexports.cfg && chmod 640 mfs/mfsexports.cfg", "no exports defined"),
        ("chmod 700 mfs", "no exports defined"),
    ] {
        let cluster = with(&[], 1).await;
        said(&cluster, "master", &format!("cd /usr/local/etc && {set}"), 0).await;
        ends_in_an_outage(&cluster, words).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn old_mounts_that_the_new_master_refuses_get_errors() {
    let cluster = with(&[], 1).await;
    said(&cluster, "master", "echo 'REJECT_OLD_CLIENTS = 1' >> /usr/local/etc/mfsmaster.cfg", 0).await;
    said(&cluster, "master", &format!("{INSTALL} && mfsmaster"), 0).await;
    until_back(&cluster, "cs1").await;
    until_errors(&cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_for_chunkservers_that_was_changed_since_the_start_is_an_outage() {
    let cluster = with(&[], 1).await;
    said(&cluster, "master", "echo 'MATOCS_LISTEN_PORT = 9520' >> /usr/local/etc/mfsmaster.cfg", 0).await;
    let words = said(&cluster, "master", &format!("{INSTALL} && mfsmaster"), 0).await;
    assert!(words.contains("initialized properly"), "all is well, it says: {words}");
    until_errors(&cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_old_chunkserver_used_and_the_new_one_cannot_is_an_outage() {
    for (set, words) in [
        ("chown root /mnt/hd1", "EACCES (Permission denied)"),
        ("mv /mnt/hd1 /mnt/gone", "can't use data folder /mnt/hd1"),
        ("echo 'HDD_CONF_FILENAME = /srv/none' >> mfschunkserver.cfg", "can't open hdd config file /srv/none"),
        ("echo 'MASTER_HOST = 127.0.0.1' >> mfschunkserver.cfg", "can't be used for connecting with master"),
        ("sed -i 's|^[0-9.]* master|127.0.1.1 master|' /etc/hosts", "can't be used for connecting with master"),
        ("sed -i '/mfsmaster/d' /etc/hosts", "can't resolve master host mfsmaster"),
    ] {
        let cluster = with(&[], 1).await;
        said(&cluster, "master", &format!("{INSTALL} && mfsmaster"), 0).await;
        until_back(&cluster, "cs1").await;
        said(&cluster, "cs1", &format!("cd /usr/local/etc && {set}"), 0).await;
        let all = said(&cluster, "cs1", &format!("{INSTALL} && mfschunkserver"), 1).await;
        assert!(all.contains("terminated") && all.contains(words), "{words}: {all}");
        assert_eq!(pids(&cluster, "cs1", "mfschunkserver").await, [0u32; 0]);
        until_errors(&cluster).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_of_the_master_that_leads_elsewhere_since_the_start_is_an_outage() {
    // to another host, where no master is
    let elsewhere =
        |cluster: &Cluster| format!("sed -i 's|^[0-9.]* master|{} master|' /etc/hosts", cluster.address("cs1"));
    let cluster = with(&[], 1).await;
    said(&cluster, "master", &format!("{INSTALL} && mfsmaster"), 0).await;
    until_back(&cluster, "cs1").await;
    said(&cluster, "cs1", &elsewhere(&cluster), 0).await;
    let words = said(&cluster, "cs1", &format!("{INSTALL} && mfschunkserver"), 0).await;
    assert!(words.contains("initialized properly"), "all is well, it says: {words}");
    until_errors(&cluster).await;
    // a mount looks again when the master is replaced, long before its own turn
    let cluster = with(&[], 1).await;
    said(&cluster, "cl1", &elsewhere(&cluster), 0).await;
    said(&cluster, "master", &format!("{INSTALL} && mfsmaster"), 0).await;
    until_back(&cluster, "cs1").await;
    until_errors(&cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_keeps_a_mount_from_being_made_again_is_an_outage() {
    for (set, words) in [
        ("mv /dev/fuse /root/fuse", "fuse: device not found"),
        ("mkdir -p mfs && echo 'nosuid,mfscachemode=often' > mfs/mfsmount.cfg", "unrecognized cachemode option"),
        ("echo 'mfscachefiles' > mfsmount.cfg; o=,mfscachemode=AUTO", "options are exclusive"),
        ("sed -i '/mfsmaster/d' /etc/hosts", "can't connect"),
    ] {
        let cluster = with(&[], 1).await;
        said(&cluster, "master", &format!("{INSTALL} && mfsmaster"), 0).await;
        until_back(&cluster, "cs1").await;
        let remount = "umount /mnt/mfs && mfsmount /mnt/mfs -H mfsmaster -o suid,dev$o";
        let all = said(&cluster, "cl1", &format!("cd /usr/local/etc && {set}; ({INSTALL}) && {remount}"), 1).await;
        assert!(all.contains(words), "{words}: {all}");
        assert!(!said(&cluster, "cl1", "cat /proc/mounts", 0).await.contains("/mnt/mfs"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_whose_name_ends_like_a_size_is_another_one_to_the_new_chunkserver() {
    let cluster = with(&[], 1).await;
    let spaced = "mv /mnt/hd1 '/mnt/hd 1' && chown nobody '/mnt/hd 1' && printf '/mnt/hd 1' > /srv/disks && \
                  echo 'HDD_CONF_FILENAME = /srv/disks' >> /usr/local/etc/mfschunkserver.cfg";
    moved(&cluster, "cs1", "mfschunkserver", spaced, "mfschunkserver").await;
    said(&cluster, "master", &format!("{INSTALL} && mfsmaster"), 0).await;
    until_back(&cluster, "cs1").await;
    let all = said(&cluster, "cs1", &format!("{INSTALL} && mfschunkserver"), 1).await;
    assert!(all.contains("terminated") && all.contains("/mnt/hd"), "{all}");
    assert_eq!(pids(&cluster, "cs1", "mfschunkserver").await, [0u32; 0]);
    until_errors(&cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_does_not_say_what_the_old_chunkserver_uses_is_an_outage() {
    let cluster = with(&[], 1).await;
    said(&cluster, "master", &format!("{INSTALL} && mfsmaster"), 0).await;
    until_back(&cluster, "cs1").await;
    // another folder by the name of its disk: the old one goes on, and the new one knows no chunk
    let other = "cd /mnt && mv hd1 hd1.away && mkdir hd1 && chown nobody hd1";
    said(&cluster, "cs1", other, 0).await;
    let words = said(&cluster, "cs1", &format!("{INSTALL} && mfschunkserver"), 0).await;
    assert!(words.contains("initialized properly"), "all is well, it says: {words}");
    until_errors(&cluster).await;
    said(&cluster, "cs1", "mfschunkserver stop && cd /mnt && rm -r hd1 && mv hd1.away hd1 && mfschunkserver", 0).await;
    until_back(&cluster, "cs1").await;
    // the same words twice are one disk to this release; two names of one folder end it, after it has ended the other
    let list = "/usr/local/etc/mfshdd.cfg";
    said(&cluster, "cs1", &format!("printf '\\057mnt/hd1\\n' >> {list} && mfschunkserver"), 0).await;
    until_back(&cluster, "cs1").await;
    let all = said(
        &cluster,
        "cs1",
        &format!("ln -s hd1 /mnt/alias && printf '\\057mnt/alias\\n' >> {list} && mfschunkserver"),
        1,
    )
    .await;
    assert!(all.contains("terminated") && all.contains("already locked"), "{all}");
    assert_eq!(pids(&cluster, "cs1", "mfschunkserver").await, [0u32; 0]);
    until_errors(&cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chunks_of_a_disk_that_is_marked_for_removal_are_lost_sight_of() {
    let cluster = with(&[], 1).await;
    said(&cluster, "master", &format!("{INSTALL} && mfsmaster"), 0).await;
    until_back(&cluster, "cs1").await;
    let chunks = |folders: &str| format!("ls -d /mnt/hd1/{folders}/chunk_* 2> /dev/null | wc -l");
    let marked = format!("sed -i 's|^|*|' /usr/local/etc/mfshdd.cfg; {}", chunks("?"));
    let before = said(&cluster, "cs1", &marked, 0).await;
    assert_ne!(before, "0\n");
    let words = said(&cluster, "cs1", &format!("{INSTALL} && mfschunkserver"), 0).await;
    assert!(words.contains("initialized properly"), "all is well, it says: {words}");
    // it registers, scans, and has nothing to report
    until(&cluster, "the new chunkserver has scanned", |events| {
        let address = cluster.address("cs1");
        let last = events.iter().rev().find_map(|event| match &event.what {
            What::ServerReported { address: at, chunks } if *at == address => Some(*chunks == 0),
            What::ServerRegistered { address: at, .. } if *at == address => Some(false),
            _ => None,
        });
        last == Some(true)
    })
    .await;
    until_errors(&cluster).await;
    assert_eq!(said(&cluster, "cs1", &chunks("?"), 0).await, before, "every chunk is where it was");
    // without the mark the next start moves them
    said(&cluster, "cs1", "sed -i 's|^[*]||' /usr/local/etc/mfshdd.cfg && mfschunkserver", 0).await;
    until_back(&cluster, "cs1").await;
    assert_eq!(said(&cluster, "cs1", &chunks("??"), 0).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunkserver_that_listens_nowhere_is_no_other_copy() {
    let mut plan = plan("1.6.27", Mode::Rolling, 2, 1);
    plan.upgrade.stagger.greatest = std::time::Duration::from_secs(3600);
    let cluster = Cluster::start(&plan, options(&["slow-scan@cs2"])).await.unwrap();
    let again = "bystander taken listen 9422 && mfschunkserver";
    moved(&cluster, "cs1", "mfschunkserver", ":", again).await;
    until_back(&cluster, "cs1").await;
    said(&cluster, "master", &format!("{INSTALL} && mfsmaster"), 0).await;
    until_back(&cluster, "cs1").await;
    until_back(&cluster, "cs2").await;
    said(&cluster, "cs2", &format!("{INSTALL} && mfschunkserver"), 0).await;
    until_errors(&cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunkserver_with_too_many_chunks_is_not_taken_in_by_the_new_master() {
    let mut options = options(&[]);
    options.timings.real_least_eio = std::time::Duration::from_millis(400);
    let cluster = Cluster::start(&plan("1.6.19", Mode::Rolling, 1, 1), options).await.unwrap();
    said(&cluster, "cs1", "echo 4200000 > /.sim/more-chunks", 0).await;
    said(&cluster, "master", "cd /usr/src/mfs-1.6.19 && make install && mfsmaster", 0).await;
    until(&cluster, "its registration is refused", |events| {
        let long =
            |what: &What| matches!(what, What::ServerRefused { reason, .. } if reason.starts_with("packet too long"));
        count(events, "master", long) > 0
    })
    .await;
    until_errors(&cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mount_whose_words_are_carried_over_as_they_are_is_not_made_again() {
    let cluster = with(&[], 1).await;
    said(&cluster, "cl1", "umount /mnt/mfs && mkdir '/mnt/a b' && mfsmount -h mfsmaster -w '/mnt/a b'", 0).await;
    until(&cluster, "it is mounted where no plan can name it", |events| {
        let there = |what: &What| matches!(what, What::Mounted { mount_point } if mount_point == "/mnt/a b");
        count(events, "cl1", there) == 1
    })
    .await;
    said(&cluster, "master", &format!("{INSTALL} && mfsmaster"), 0).await;
    until_back(&cluster, "cs1").await;
    let line = said(
        &cluster,
        "cl1",
        "for p in /proc/[0-9]*; do [ \"$(cat $p/comm)\" != mfsmount ] || cat $p/cmdline; done",
        0,
    );
    let words = line.await.trim_end_matches('\0').replace('\0', " ");
    let words = words.split_once("-w ").unwrap().1;
    said(&cluster, "cl1", &format!("{INSTALL} && umount '/mnt/a b'"), 0).await;
    said(&cluster, "cl1", &format!("mfsmount {words} -H mfsmaster"), 1).await;
    assert!(!said(&cluster, "cl1", "cat /proc/mounts", 0).await.contains("/mnt/a"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_master_without_what_the_new_one_has_written_does_not_start() {
    let cluster = with(&[], 1).await;
    said(&cluster, "master", "cp /usr/local/sbin/mfsmaster /root/old", 0).await;
    said(&cluster, "master", &format!("{INSTALL} && mfsmaster"), 0).await;
    until_back(&cluster, "cs1").await;
    // the new one dies, and has saved nothing
    let new = pids(&cluster, "master", "mfsmaster").await[0];
    said(&cluster, "master", &format!("kill -9 {new}; cat /root/old > /usr/local/sbin/mfsmaster; mfsmaster"), 0).await;
    until(&cluster, "1.5 exits 0 and is not there", |events| {
        let reason = "can't open metadata file";
        count(events, "master", |what| *what == What::StartFailed { reason: reason.into() }) == 1
    })
    .await;
    no_master(&cluster).await;
    until_errors(&cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunk_whose_other_copy_is_away_cannot_be_read_while_its_server_restarts() {
    let mut plan = plan("1.6.27", Mode::Rolling, 2, 1);
    // the scan takes two of these, which is much longer than a mount's patience
    plan.upgrade.stagger.greatest = std::time::Duration::from_secs(3600);
    let cluster = Cluster::start(&plan, options(&["slow-scan@cs2"])).await.unwrap();
    said(&cluster, "master", &format!("{INSTALL} && mfsmaster"), 0).await;
    until_back(&cluster, "cs1").await;
    until_back(&cluster, "cs2").await;
    said(&cluster, "cs1", "kill $(cat /var/run/mfs/mfschunkserver.lock)", 0).await;
    until(&cluster, "cs1 is away", |events| {
        let address = cluster.address("cs1");
        count(events, "master", |what| *what == What::ServerLost { address }) >= 1
    })
    .await;
    let before = count(&cluster.events().unwrap(), "cl1", |what| matches!(what, What::IoError { .. }));
    assert_eq!(before, 0, "the other copy is enough");
    said(&cluster, "cs2", &format!("{INSTALL} && mfschunkserver"), 0).await;
    until_errors(&cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn words_and_programs_of_another_generation_do_not_mount() {
    let cluster = with(&[], 1).await;
    said(&cluster, "master", &format!("{INSTALL} && mfsmaster"), 0).await;
    until_back(&cluster, "cs1").await;
    let mounted = async || said(&cluster, "cl1", "cat /proc/mounts", 0).await.contains("/mnt/mfs");
    // what was to be installed is 1.5 once more, and knows no words of 1.6
    said(&cluster, "cl1", "umount /mnt/mfs", 0).await;
    said(&cluster, "cl1", "mfsmount /mnt/mfs -H mfsmaster", 1).await;
    assert!(!mounted().await);
    // and in 1.6 the words of 1.5 in an fstab or a script ask for help, exit code 0
    said(&cluster, "cl1", &format!("{INSTALL} && mfsmount -h mfsmaster -w /mnt/mfs"), 0).await;
    assert!(!mounted().await);
    let verdict = cluster.verdict(&plan("1.6.27", Mode::Rolling, 1, 1)).await.unwrap();
    assert!(failed(&verdict).contains(&"readable"), "{verdict}");
}

/// Seen on real hosts with 1.5.12: its mfsmount unmounts by name.
#[tokio::test(flavor = "multi_thread")]
async fn an_old_mount_that_was_taken_away_lazily_takes_the_new_one_away_when_it_ends() {
    let cluster = with(&[], 1).await;
    said(&cluster, "master", &format!("{INSTALL} && mfsmaster"), 0).await;
    until_back(&cluster, "cs1").await;
    let mounted = async || said(&cluster, "cl1", "cat /proc/mounts", 0).await.contains("/mnt/mfs");
    let old = pids(&cluster, "cl1", "mfsmount").await;
    said(&cluster, "cl1", "bystander rsync in /mnt/mfs && umount -l /mnt/mfs", 0).await;
    said(&cluster, "cl1", &format!("{INSTALL} && mfsmount /mnt/mfs -H mfsmaster"), 0).await;
    assert!(mounted().await && pids(&cluster, "cl1", "mfsmount").await.len() == 2);
    // its last user has ended
    said(&cluster, "cl1", &format!("kill {}", old[0]), 0).await;
    until_gone(&cluster, "cl1", "mfsmount").await;
    assert!(!mounted().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_installed_in_a_full_stop_keeps_the_file_system_down() {
    for (spoil, install) in [
        ("rm -r /usr/src/mfs-1.6.27", INSTALL),
        ("rm /usr/src/mfs-1.6.27/Makefile /usr/src/mfs-1.6.27/.simulated-tree", INSTALL),
        ("rm -f /.sim/bin/make /.sim/visible/make", INSTALL),
        ("rm -f /.sim/bin/tar /.sim/visible/tar", "cd /var/lib && tar -cf kept.tar -C /usr/local sbin"),
    ] {
        let cluster = with(&[], 1).await;
        // programs of its own, of which some can be missing
        let own = "mkdir /.sim/visible; ln -s /usr/bin/* /bin/* /.sim/visible/ 2> /dev/null; true";
        said(&cluster, "cs1", own, 0).await;
        said(&cluster, "cs1", spoil, 0).await;
        said(&cluster, "master", &format!("{INSTALL} && mfsmaster -s"), 1).await;
        let said_no = crate::support::ssh(&cluster, "cs1", &format!("{install} && mfschunkserver")).await;
        assert!(!said_no.status.success());
        until_errors(&cluster).await;
    }
    let cluster = with(&["no-space@cs1"], 1).await;
    said(&cluster, "master", &format!("{INSTALL} && mfsmaster -s"), 1).await;
    // before anything is replaced a copy of it is kept, and there is no space for it
    said(&cluster, "cs1", "mkdir -p /var/lib/x && tar -cf /var/lib/x/kept.tar -C /usr/local sbin", 2).await;
    until_errors(&cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_that_was_left_over_is_served_where_the_old_master_could_not_save() {
    let cluster = with(&["stale-tmp@master"], 1).await;
    said(
        &cluster,
        "master",
        "cd /usr/local/var/mfs && cp metadata.mfs.back metadata.mfs && chown nobody metadata.mfs",
        0,
    )
    .await;
    let words = said(&cluster, "master", &format!("{INSTALL} && mfsmaster"), 0).await;
    assert!(words.contains("initialized properly"), "what was written since its copy is gone: {words}");
    let events = cluster.events().unwrap();
    assert_eq!(count(&events, "master", |what| *what == What::MetadataNotSaved), 1, "{}", story(&cluster));
    let verdict = cluster.verdict(&plan("1.6.27", Mode::Rolling, 1, 1)).await.unwrap();
    assert!(failed(&verdict).contains(&"metadata"), "{verdict}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_way_back_without_the_old_programs_ends_with_no_daemon() {
    let cluster = with(&[], 1).await;
    said(&cluster, "master", &format!("{INSTALL} && mfsmaster"), 0).await;
    until_back(&cluster, "cs1").await;
    said(&cluster, "cs1", &format!("{INSTALL} && mfschunkserver"), 0).await;
    until_back(&cluster, "cs1").await;
    said(&cluster, "cs1", "mfschunkserver -s; tar -xpf /var/lib/mfsupgrade/replaced.tar -C /usr/local", 2).await;
    assert_eq!(pids(&cluster, "cs1", "mfschunkserver").await, [0u32; 0]);
    until_errors(&cluster).await;
}
