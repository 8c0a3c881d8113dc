//! What keeps a mount beside processes, or is in the way of the next one. A simulated host has no mount namespaces, loop
//! devices and automounters of its own: there its `/proc` and `/sys` show what a real one's do, in paths that stand in no
//! command (`\057` is a slash).

use mfsupgrade::check::Code;

use super::{Trap, end, mount, trap};

/// The mount table of a simulated host as it was.
const TABLE_BACK: &str = "mv -f /root/mountinfo /proc/self/mountinfo";

/// A loop device of a file on the mount.
macro_rules! looped {
    () => {
        "head -c 1048576 /dev/zero > /mnt/mfs/disk && losetup -f --show /mnt/mfs/disk > /root/loop && test -s /root/loop"
    };
}

pub fn traps() -> Vec<Trap> {
    let mut traps = kept();
    traps.push(automounted());
    traps
}

/// What keeps a mount of either release.
pub fn kept() -> Vec<Trap> {
    vec![
        // a service's or container's own namespace, made before the upgrade
        trap(
            Code::MountInNamespace,
            "cl1",
            "unshare -m --propagation private sleep 600 > /dev/null 2>&1 < /dev/null & echo $! > /root/apart; \
             until [ \"$(readlink /proc/$(cat /root/apart)/ns/mnt)\" != \"$(readlink /proc/self/ns/mnt)\" ]; do sleep 0.05; done",
            "p=$(cat /root/apart); kill $p; while [ -d /proc/$p ]; do sleep 0.05; done; rm /root/apart",
        )
        .simulated(
            "bystander apart in /root; for p in /proc/[0-9]*; do [ \"$(cat $p/comm)\" != apart ] || \
             sed 's|^\\([0-9]*\\) \\([0-9]*\\)|9\\1 9\\2|' /proc/self/mountinfo > $p/mountinfo; done",
            end!("apart"),
        ),
        trap(
            Code::MountBelow,
            "cl1",
            "mkdir /mnt/mfs/below && mount -t tmpfs none /mnt/mfs/below",
            "umount /mnt/mfs/below && rmdir /mnt/mfs/below",
        )
        .simulated(
            "cp /proc/self/mountinfo /root/mountinfo && awk '{ print } $5 ~ \"mfs$\" { print 900, $1, \"0:90 \\057\", $5 \
             \"\\057below rw - tmpfs none rw\" }' /root/mountinfo > /proc/self/mountinfo",
            TABLE_BACK,
        ),
        trap(
            Code::MountBacksDevice,
            "cl1",
            looped!(),
            "losetup -d $(cat /root/loop) && rm /root/loop /mnt/mfs/disk",
        )
        .simulated(
            "cd / && mkdir -p sys/block/loop0/loop && printf '\\057mnt/mfs/disk\\n' > sys/block/loop0/loop/backing_file",
            "cd / && rm -r sys",
        ),
        // swap space of a loop device: no file of a FUSE file system can be it itself
        trap(
            Code::MountBacksDevice,
            "cl1",
            concat!(looped!(), " && mkswap $(cat /root/loop) > /dev/null && swapon $(cat /root/loop)"),
            "swapoff $(cat /root/loop) && losetup -d $(cat /root/loop) && rm /root/loop /mnt/mfs/disk",
        )
        .simulated(
            "cd /proc && printf 'Filename Type\\n\\057mnt/mfs/swap file 1020 0 -2\\n' > swaps",
            "cd /proc && rm swaps",
        ),
        // what Linux shows of its NFS server, which hosts that share a kernel have once at most
        trap(
            Code::MountExported,
            "cl1",
            "mount -t tmpfs none /proc/fs && cd /proc/fs && mkdir nfsd && echo 8 > nfsd/threads && \
             printf '# Version 1.1\\n\\057mnt/mfs\\t*(rw,no_root_squash,sync,fsid=1)\\n' > nfsd/exports",
            "umount /proc/fs",
        )
        .simulated(
            "cd /proc && mkdir -p fs/nfsd && echo 8 > fs/nfsd/threads && \
             printf '# Version 1.1\\n\\057mnt/mfs\\t*(rw,no_root_squash,sync,fsid=1)\\n' > fs/nfsd/exports",
            "cd /proc && rm -r fs",
        ),
    ]
}

/// The kernel's autofs of a direct map, as automount mounts it; who mounts in it is of the process group that it names.
fn automounted() -> Trap {
    trap(
        Code::MountAutomounted,
        "cl1",
        "umount /mnt/mfs; cat > /root/automount.py <<'END'\n\
         import ctypes, os, time\n\
         os.setsid()\n\
         r, w = os.pipe()\n\
         libc = ctypes.CDLL(None, use_errno=True)\n\
         said = libc.mount(b'auto.mfs', b'/mnt/mfs', b'autofs', 0,\n\
         \x20   b'fd=%d,pgrp=%d,minproto=5,maxproto=5,direct' % (w, os.getpgrp()))\n\
         assert said == 0, os.strerror(ctypes.get_errno())\n\
         assert os.system('/usr/local/bin/mfsmount -h mfsmaster -w /mnt/mfs > /dev/null 2>&1 < /dev/null') == 0\n\
         open('/root/automount', 'w').write(str(os.getpid()))\n\
         time.sleep(600)\n\
         END\n\
         rm -f /root/automount; python3 /root/automount.py > /root/automount.log 2>&1 < /dev/null & \
         n=0; until [ -s /root/automount ] || [ $n = 100 ]; do n=$((n + 1)); sleep 0.1; done; cat /root/automount.log >&2; \
         test -s /root/automount",
        concat!(
            "umount /mnt/mfs; umount /mnt/mfs; kill $(cat /root/automount); rm /root/automount /root/automount.py \
             /root/automount.log; ",
            mount!("mfsmaster", "/mnt/mfs")
        ),
    )
    .simulated(
        "cp /proc/self/mountinfo /root/mountinfo && awk '$5 ~ \"mfs$\" { print 900, $2, \"0:90 \\057\", $5, \
         \"rw - autofs auto.mfs rw\"; $2 = 900 } { print }' /root/mountinfo > /proc/self/mountinfo",
        TABLE_BACK,
    )
    .disturbs()
}
