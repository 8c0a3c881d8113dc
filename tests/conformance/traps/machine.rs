//! What a host itself lacks, or says.

use mfsupgrade::check::Code;

use super::{Trap, trap};

/// A program less. A simulated host has those of this machine, but for a folder that it can be given in their place.
macro_rules! without {
    ($code:expr, $at:literal, $tool:literal) => {
        trap(
            $code,
            $at,
            concat!("t=$(command -v ", $tool, ") && mv $t /root/tool.away && echo $t > /root/tool"),
            "mv /root/tool.away $(cat /root/tool) && rm /root/tool",
        )
        .simulated(
            concat!(
                "mkdir /.sim/visible; ln -s /usr/bin/* /bin/* /.sim/visible/ 2> /dev/null; rm -f /.sim/visible/",
                $tool,
                "; [ ! -e /.sim/bin/",
                $tool,
                " ] || mv /.sim/bin/",
                $tool,
                " /.sim/",
                $tool
            ),
            concat!("[ ! -e /.sim/", $tool, " ] || mv /.sim/", $tool, " /.sim/bin/; rm -r /.sim/visible"),
        )
    };
}

/// A program that says something else, where it is found first.
macro_rules! says {
    ($code:expr, $at:literal, $tool:literal, $says:literal) => {
        trap(
            $code,
            $at,
            concat!(
                "printf '#!/bin/sh\\n",
                $says,
                "\\n' > /usr/local/bin/",
                $tool,
                "; chmod 755 /usr/local/bin/",
                $tool
            ),
            concat!("rm /usr/local/bin/", $tool),
        )
    };
}

pub fn traps() -> Vec<Trap> {
    vec![
        without!(Code::ToolsMissing, "cs1", "flock"),
        without!(Code::MakeMissing, "cs1", "make"),
        without!(Code::UnderMountUnknown, "cl1", "unshare"),
        says!(Code::ClocksApart, "cs1", "date", "exec /usr/bin/date -d \"5 minutes ago\" \"$@\""),
        says!(Code::NotRoot, "cs1", "id", "echo 1000")
            .simulated(
                "mv /.sim/bin/id /.sim/id && printf '#!/bin/sh\\necho 1000\\n' > /.sim/bin/id && chmod 755 /.sim/bin/id",
                "mv -f /.sim/id /.sim/bin/id",
            ),
        trap(
            Code::MemoryShort,
            "master",
            "sed 's|^MemAvailable:.*|MemAvailable: 1 kB|' /proc/meminfo > /root/meminfo && mount --bind /root/meminfo /proc/meminfo",
            "umount /proc/meminfo",
        )
        .simulated(
            "cp /proc/meminfo /root/meminfo && sed 's|^MemAvailable:.*|MemAvailable: 1 kB|' /root/meminfo > /proc/meminfo",
            "cp /root/meminfo /proc/meminfo",
        ),
        trap(
            Code::MemoryUnknown,
            "master",
            "grep -v MemAvailable /proc/meminfo > /root/meminfo && mount --bind /root/meminfo /proc/meminfo",
            "umount /proc/meminfo",
        )
        .simulated(
            "cp /proc/meminfo /root/meminfo && grep -v MemAvailable /root/meminfo > /proc/meminfo",
            "cp /root/meminfo /proc/meminfo",
        ),
        trap(
            Code::DiskFull,
            "cs1",
            "mkdir -p /var/lib/mfsupgrade && mount -t tmpfs -o size=1m none /var/lib/mfsupgrade",
            "umount /var/lib/mfsupgrade",
        )
        .simulated(
            "mv /.sim/bin/stat /.sim/stat && printf '#!/bin/sh\\n[ \"$1 $2\" != \"-f -c\" ] || set -- -f -c \"$(echo \"$3\" | \
             sed s/%%a/0/)\" \"$4\"\\nexec /.sim/stat \"$@\"\\n' > /.sim/bin/stat && chmod 755 /.sim/bin/stat",
            "mv -f /.sim/stat /.sim/bin/stat",
        ),
        trap(
            Code::MountedNoexec,
            "master",
            "mkdir -p /var/lib/mfsupgrade && mount -t tmpfs -o noexec none /var/lib/mfsupgrade",
            "umount /var/lib/mfsupgrade",
        )
        .simulated(
            "cd /proc/self && mv mountinfo /root/mountinfo && sed 's| rw,| rw,noexec,|' /root/mountinfo > mountinfo",
            "mv -f /root/mountinfo /proc/self/mountinfo",
        ),
        trap(
            Code::MountedReadOnly,
            "cs1",
            "mkdir -p /var/lib/mfsupgrade && mount -t tmpfs -o ro none /var/lib/mfsupgrade",
            "umount /var/lib/mfsupgrade",
        )
        .simulated(
            "cd /proc/self && mv mountinfo /root/mountinfo && sed 's| rw,| ro,|' /root/mountinfo > mountinfo",
            "mv -f /root/mountinfo /proc/self/mountinfo",
        ),
        // devices of their own have hosts that share a kernel only by a folder of their own
        trap(
            Code::FuseMissing,
            "cl1",
            "mount -t tmpfs none /dev && mknod -m 666 /dev/null c 1 3 && mknod -m 666 /dev/zero c 1 5 && \
             mknod -m 666 /dev/urandom c 1 9",
            "umount -l /dev",
        )
        .simulated("mv /dev/fuse /root/fuse", "mv /root/fuse /dev/fuse"),
        trap(
            Code::MountBusy,
            "cl1",
            "(cd /mnt/mfs && exec sleep 600) > /dev/null 2>&1 < /dev/null & echo $! > /root/busy",
            "kill $(cat /root/busy); rm /root/busy",
        )
        .simulated("bystander busy in /mnt/mfs", super::end!("busy")),
        // what a mount hides is kept there
        trap(
            Code::FilesUnderMount,
            "cl1",
            "unshare -m sh -c 'mount --make-rprivate / && mount --bind / /media && touch /media/mnt/mfs/left'",
            "unshare -m sh -c 'mount --make-rprivate / && mount --bind / /media && rm /media/mnt/mfs/left'",
        )
        .simulated("touch '/.sim/under/%2Fmnt%2Fmfs/left'", "rm '/.sim/under/%2Fmnt%2Fmfs/left'"),
        trap(
            Code::PortTaken,
            "master",
            super::listen!(9419, "24CB"),
            "kill $(cat /root/taken); rm /root/taken",
        )
        .simulated("bystander taken listen 9419", super::end!("taken")),
    ]
}
