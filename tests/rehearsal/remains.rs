//! What is left of two clusters is held against each other: the same until one of them is touched, and then each touch is seen.

use mfsupgrade::plan::Mode;
use mfsupgrade::rehearsal::{Cluster, Remains};

use crate::support::{kill, options, pids, plan, said, until_gone};

fn told(remains: &Remains, undisturbed: &Remains) -> Vec<String> {
    remains.differences(undisturbed).iter().map(|d| format!("{} {}", d.host, d.thing)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_touch_is_seen_and_what_is_each_clusters_own_is_not() {
    let plan = plan("1.6.27", Mode::Rolling, 1, 1);
    let (one, other) =
        (Cluster::start(&plan, options(&[])).await.unwrap(), Cluster::start(&plan, options(&[])).await.unwrap());
    let undisturbed = one.remains().await.unwrap();
    let before = other.remains().await.unwrap();
    assert_eq!(told(&before, &undisturbed), Vec::<String>::new(), "{:?}", before.differences(&undisturbed));
    let count = undisturbed.count();
    assert!(count.files > 100 && count.uncounted > 0 && count.uncounted < 20, "{count:?}");
    assert_eq!(count.processes, 3, "{count:?}");

    said(&other, "master", "echo more >> /usr/local/etc/mfsmaster.cfg; chmod 600 /etc/rc.local", 0).await;
    said(&other, "master", "mkdir -p /var/lib/mfsupgrade; rm /usr/local/sbin/mfsmetarestore", 0).await;
    said(&other, "cs1", "chown nobody /usr/local/etc/mfshdd.cfg; ln -s /etc/hosts /root/link", 0).await;
    let chunkserver = pids(&other, "cs1", "mfschunkserver").await[0];
    said(&other, "cs1", &kill(chunkserver), 0).await;
    until_gone(&other, "cs1", "mfschunkserver").await;
    said(&other, "cl1", "umount /mnt/mfs && /usr/local/bin/mfsmount -h mfsmaster -p 9421 -r -w /mnt/mfs", 0).await;
    let left = said(&other, "cl1", "setsid sleep 600 </dev/null >/dev/null 2>&1 & echo $!", 0).await;
    let after = other.remains().await.unwrap();
    // it is no daemon of the rehearsal's, which would end with it
    said(&other, "cl1", &format!("kill {}", left.trim()), 0).await;
    let expected = [
        "cl1 process mfsmount /mnt/mfs",
        "cl1 process sleep",
        "cl1 mount on /mnt/mfs",
        "cs1 /root/link",
        "cs1 /usr/local/etc/mfshdd.cfg",
        "cs1 process mfschunkserver",
        "master /etc/rc.local",
        "master /usr/local/etc/mfsmaster.cfg",
        "master /usr/local/sbin/mfsmetarestore",
        "master /var/lib",
        "master /var/lib/mfsupgrade",
    ];
    assert_eq!(told(&after, &undisturbed), expected, "{:?}", after.differences(&undisturbed));
    assert_eq!(undisturbed.differences(&after).len(), expected.len(), "seen from the other side too");
}
