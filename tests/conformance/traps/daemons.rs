//! Daemons and mounts that run otherwise than they should, or not at all: each is made anew.

use mfsupgrade::check::Code;

use super::{CLUSTER, SERVERS, Trap, mount, trap};

/// The chunkserver is ended; what its lock file names is waited for.
macro_rules! stop {
    () => {
        "p=$(cat /var/run/mfs/mfschunkserver.lock); kill $p; while [ -d /proc/$p ]; do sleep 0.05; done; "
    };
}

/// And started.
macro_rules! start {
    () => {
        "/usr/local/sbin/mfschunkserver > /dev/null 2>&1 < /dev/null; "
    };
}

/// A chunkserver with other lines in its configuration, and as it was.
macro_rules! restarted {
    ($code:expr, $before:literal, $lines:literal) => {
        trap(
            $code,
            "cs1",
            concat!(
                $before,
                "cd /usr/local/etc && cp -p mfschunkserver.cfg cfg.away && printf '",
                $lines,
                "' >> mfschunkserver.cfg; ",
                stop!(),
                start!()
            ),
            concat!("mv -f /usr/local/etc/cfg.away /usr/local/etc/mfschunkserver.cfg; ", stop!(), start!()),
        )
        .disturbs()
    };
}

pub fn traps() -> Vec<Trap> {
    let stopped = |code| trap(code, "cs1", stop!(), start!()).disturbs();
    vec![
        stopped(Code::DaemonNotRunning),
        stopped(Code::ChunksUnderGoal).on(CLUSTER).slow(),
        Trap { at: SERVERS, ..stopped(Code::ChunksMissing) }.on(CLUSTER).slow(),
        // a second one that reaches no master
        trap(
            Code::DaemonRunsTwice,
            "cs1",
            "mkdir -p /root/two/data /root/two/disk && chmod 755 /root && chown -R nobody:nogroup /root/two && \
             echo /root/two/disk > /root/two/hdd && printf 'LOCK_FILE = \\057root/two/data/lock\\nDATA_PATH = \
             \\057root/two/data\\nHDD_CONF_FILENAME = \\057root/two/hdd\\nCSSERV_LISTEN_PORT = 9722\\nMASTER_HOST = \
             mfsmaster\\nMASTER_PORT = 1\\n' > /root/two/cfg && /usr/local/sbin/mfschunkserver -c /root/two/cfg > /dev/null 2>&1 \
             < /dev/null",
            "p=$(cat /root/two/data/lock); kill $p; while [ -d /proc/$p ]; do sleep 0.05; done; rm -r /root/two",
        )
        .disturbs(),
        trap(
            Code::CustomConfig,
            "cs1",
            concat!(
                "cp -p /usr/local/etc/mfschunkserver.cfg /srv/own.cfg; ", stop!(),
                "/usr/local/sbin/mfschunkserver -c /srv/own.cfg > /dev/null 2>&1 < /dev/null"
            ),
            concat!(stop!(), start!(), "rm /srv/own.cfg"),
        )
        .disturbs(),
        restarted!(Code::ChunkserverNotConnected, "", "MASTER_PORT = 1\\n"),
        restarted!(
            Code::DataPathUnreadable,
            "mkdir -p '/srv/a b' && chown nobody:nogroup '/srv/a b'; ",
            "DATA_PATH = \\057srv/a b\\n"
        ),
        restarted!(
            Code::ChunkserverEmpty,
            "mkdir -p /srv/empty && chown nobody:nogroup /srv/empty && printf '\\057srv/empty\\n' > /srv/disks; ",
            "HDD_CONF_FILENAME = \\057srv/disks\\n"
        ),
        // its port is taken when it starts
        trap(
            Code::ChunkserverNotListening,
            "cs1",
            concat!(stop!(), super::listen!(9422, "24CE"), start!()),
            concat!("kill $(cat /root/taken); rm /root/taken; ", stop!(), start!()),
        )
        .simulated(
            concat!(stop!(), "bystander taken listen 9422; ", start!()),
            concat!(super::end!("taken"), "; ", stop!(), start!()),
        )
        .disturbs(),
        // and free again later
        trap(
            Code::ChunkserverNotListening,
            "cs1",
            concat!(stop!(), super::listen!(9422, "24CE"), start!(), "sleep 1; kill $(cat /root/taken); rm /root/taken"),
            concat!(stop!(), start!()),
        )
        .simulated(
            concat!(stop!(), "bystander taken listen 9422; ", start!(), "sleep 0.3; ", super::end!("taken")),
            concat!(stop!(), start!()),
        )
        .disturbs(),
        trap(Code::ClientNotConnected, "cl1", "umount /mnt/mfs", mount!("mfsmaster", "/mnt/mfs")).disturbs(),
        trap(
            Code::MountsOfTwoMasters,
            "cl1",
            concat!("mkdir -p /mnt/two; ", mount!("master", "/mnt/two")),
            "umount /mnt/two && rmdir /mnt/two",
        )
        .disturbs(),
        // as containers and start scripts do
        trap(
            Code::MountSecondPlace,
            "cl1",
            "mkdir -p /mnt/second && mount --bind /mnt/mfs /mnt/second",
            "umount /mnt/second && rmdir /mnt/second",
        )
        .simulated(
            "sed -n 's|^\\([^ ]*\\) [^ ]*mfs |\\1 /mnt/second |p' /proc/mounts > /root/second && cat /root/second >> /proc/mounts",
            "sed -i '\\| /mnt/second |d' /proc/mounts && rm /root/second",
        )
        .disturbs(),
        // a path that no plan can have
        trap(
            Code::MountUnreadable,
            "cl1",
            concat!("mkdir -p '/mnt/a b'; ", mount!("mfsmaster", "'/mnt/a b'")),
            "umount '/mnt/a b' && rmdir '/mnt/a b'",
        )
        .disturbs(),
    ]
}
