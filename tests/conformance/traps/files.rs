//! Files of hosts that are not as they should be.

use mfsupgrade::check::Code;

use super::plans::set;
use super::{LOGGER, Trap, trap};

/// A line more in mfsmaster.cfg; where 1.6.27 looks first there is nothing yet.
macro_rules! in_config {
    ($code:expr, $line:literal) => {
        trap(
            $code,
            "master",
            concat!("cd /usr/local/etc && cp -p mfsmaster.cfg cfg.away && echo '", $line, "' >> mfsmaster.cfg"),
            "cd /usr/local/etc && mv -f cfg.away mfsmaster.cfg",
        )
    };
}

/// The same of a chunkserver. A slash is written as `\057`: simulated hosts translate paths of commands, and these are words.
macro_rules! in_chunkserver {
    ($code:expr, $lines:literal) => {
        trap(
            $code,
            "cs1",
            concat!(
                "cd /usr/local/etc && cp -p mfschunkserver.cfg cfg.away && printf '",
                $lines,
                "' >> mfschunkserver.cfg"
            ),
            "cd /usr/local/etc && mv -f cfg.away mfschunkserver.cfg",
        )
    };
}

/// A process that has a lock, as daemons take it, of a file that is then put in its place.
macro_rules! held {
    ($file:literal, $then:literal, $unset:literal) => {
        trap(
            Code::LockHeld,
            "cs1",
            concat!(
                "cd /root; rm -f held; (perl -MFcntl -e 'open F, \"+>\", \"",
                $file,
                "\" or die; $l = pack(\"s s x4 q q i x4\", F_WRLCK, 0, 0, 0, 0); fcntl(F, F_SETLK, $l) or die; open H, \">\", \"held\"; print H $$; \
                 close H; sleep 600' > /dev/null 2>&1 &); n=0; until [ -s held ] || [ $n = 100 ]; do n=$((n + 1)); sleep 0.1; done; ",
                $then
            ),
            concat!("cd /root; kill $(cat held); rm held; ", $unset),
        )
    };
}

/// Of the master's own exports, and a plan that says nothing of any.
fn exports(code: Code, set: &'static str) -> Trap {
    trap(code, "master", set, "cd /usr/local/etc/mfs && mv -f exports.away mfsexports.cfg").plan(own_exports)
}

fn own_exports(plan: &mut toml::Table) {
    plan["config"].as_table_mut().unwrap().remove("exports_like_1_5");
}

/// What a name leads to: /etc/hosts of one host.
fn names(code: Code, at: &'static str, set: &'static str) -> Trap {
    trap(code, at, set, "cd /etc && cat hosts.away > hosts && rm hosts.away")
}

const NO_NAME: &str = "cd /etc && cp hosts hosts.away && grep -v mfsmaster hosts.away > hosts";
const OTHER_NAME: &str =
    "cd /etc && cp hosts hosts.away && sed 's|^[0-9.]*\\(.*mfsmaster\\)|192.0.2.1\\1|' hosts.away > hosts";
const OWN_NAME: &str =
    "cd /etc && cp hosts hosts.away && sed 's|^[0-9.]*\\(.*mfsmaster\\)|127.0.1.1\\1|' hosts.away > hosts";

pub fn traps() -> Vec<Trap> {
    [of_master(), of_exports(), of_metadata(), of_names(), of_chunkservers(), of_clients(), of_trees()].concat()
}

fn of_master() -> Vec<Trap> {
    vec![
        trap(
            Code::LockFileWrong,
            "master",
            "cd /var/run/mfs && cat mfsmaster.lock > pid.away && : > mfsmaster.lock",
            "cd /var/run/mfs && cat pid.away > mfsmaster.lock && rm pid.away",
        ),
        in_config!(Code::RejectOldClients, "REJECT_OLD_CLIENTS = 1"),
        in_config!(Code::KeysIgnored, "CHUNKS_DEL_LIMIT = 100"),
        in_config!(Code::ConfigRefused, "BACK_LOGS = 2000"),
        in_config!(Code::ConfigLineIgnored, "BACK_LOGS=40"),
        in_config!(Code::DataPathDiffers, "DATA_PATH = /srv/other"),
        in_config!(Code::UserDiffers, "WORKING_USER = daemon"),
        in_config!(Code::LimitOfZero, "CHUNKS_WRITE_REP_LIMIT = 0"),
        in_config!(Code::ListenPortIgnored, "MATOCL_LISTEN_PORT = 9521"),
        in_config!(Code::ChunkserverPortDiffers, "MATOCS_LISTEN_PORT = 9520").on("cs1"),
        trap(
            Code::ConfigUnreadable,
            "master",
            "cd /usr/local/etc && cp -p mfsmaster.cfg cfg.away && printf '# \\377\\n' >> mfsmaster.cfg",
            "cd /usr/local/etc && mv -f cfg.away mfsmaster.cfg",
        ),
        trap(
            Code::VarFileMerged,
            "master",
            "cd /usr/local/etc && echo 'BACK_LOGS = 40' > mfsmaster.cfg.var",
            "cd /usr/local/etc && rm mfsmaster.cfg.var",
        ),
        trap(
            Code::ConfigReplaced,
            "master",
            "cd /usr/local/etc && mkdir -p mfs && echo 'BACK_LOGS = 40' > mfs/mfsmaster.cfg",
            "cd /usr/local/etc && rm mfs/mfsmaster.cfg",
        ),
        // the running master keeps its program, and what is installed is another one
        trap(
            Code::OldToolsGone,
            "master",
            "rm -rf /root/kept && mkdir /root/kept && cp -p /usr/local/sbin/mfs* /root/kept && cd /usr/src/mfs-1.6.27 && \
             make install > /dev/null 2>&1",
            "cd /root/kept && for f in mfs*; do rm -f /usr/local/sbin/$f && cp -p $f /usr/local/sbin/; done && rm -r /root/kept",
        ),
    ]
}

fn of_exports() -> Vec<Trap> {
    vec![
        exports(Code::ExportsMissing, "cd /usr/local/etc/mfs && mv mfsexports.cfg exports.away"),
        exports(
            Code::ExportsRefuseClient,
            "cd /usr/local/etc/mfs && mv mfsexports.cfg exports.away && echo '192.0.2.0/24 / rw' > mfsexports.cfg",
        )
        .on("cl1"),
        exports(
            Code::ExportsRestrictClient,
            "cd /usr/local/etc/mfs && mv mfsexports.cfg exports.away && echo '* / ro,alldirs,maproot=0' > mfsexports.cfg",
        )
        .on("cl1"),
        in_config!(Code::ExportsNotSeen, "EXPORTS_FILENAME = /srv/none").plan(own_exports),
        exports(
            Code::ExportsUnreadable,
            "cd /usr/local/etc/mfs && cp -p mfsexports.cfg exports.away && echo 'client / rw' >> mfsexports.cfg",
        ),
        exports(
            Code::ExportsAccounts,
            "cd /usr/local/etc/mfs && cp -p mfsexports.cfg exports.away && echo '192.0.2.1 / rw,maproot=x' >> mfsexports.cfg",
        ),
        exports(
            Code::ExportsNeedAccounts,
            "cd /usr/local/etc/mfs && mv mfsexports.cfg exports.away && echo '* / rw,maproot=x' > mfsexports.cfg",
        ),
        exports(
            Code::ExportsForbidden,
            "cd /usr/local/etc/mfs && mv mfsexports.cfg exports.away && cat exports.away > mfsexports.cfg && \
             chmod 600 mfsexports.cfg",
        ),
        // the plan writes the file, and nobody gets through to it
        trap(Code::ExportsForbidden, "master", "chmod 700 /usr/local/etc/mfs", "chmod 755 /usr/local/etc/mfs"),
    ]
}

fn of_metadata() -> Vec<Trap> {
    vec![
        trap(
            Code::MetadataSaveStale,
            "master",
            "cd /usr/local/var/mfs && touch -d '1 hour ago' metadata.mfs.back.tmp",
            "cd /usr/local/var/mfs && rm metadata.mfs.back.tmp",
        ),
        trap(
            Code::MetadataLeftOver,
            "master",
            "cd /usr/local/var/mfs && cp metadata.mfs.back metadata.mfs",
            "cd /usr/local/var/mfs && rm metadata.mfs",
        ),
        trap(
            Code::MetadataOld,
            "master",
            "cd /usr/local/var/mfs && touch -d '3 hours ago' metadata.mfs.back",
            "cd /usr/local/var/mfs && touch metadata.mfs.back",
        ),
        trap(
            Code::MetadataNeverSaved,
            "master",
            "cd /usr/local/var/mfs && cp -p metadata.mfs.back back.away && printf 'MFSM NEW' > metadata.mfs.back",
            "cd /usr/local/var/mfs && mv -f back.away metadata.mfs.back",
        ),
        trap(
            Code::MetadataUnknown,
            "master",
            "cd /usr/local/var/mfs && cp -p metadata.mfs.back back.away && printf 'MFSM 2.0' > metadata.mfs.back",
            "cd /usr/local/var/mfs && mv -f back.away metadata.mfs.back",
        ),
    ]
}

fn of_names() -> Vec<Trap> {
    vec![
        names(Code::MasterHostUnresolved, "cs1", NO_NAME),
        names(Code::MasterHostUnresolved, "cl1", NO_NAME),
        names(Code::MasterHostElsewhere, "cs1", OTHER_NAME),
        names(Code::MasterHostElsewhere, "cl1", OTHER_NAME),
        names(Code::MasterHostLoopback, "cs1", OWN_NAME),
        in_chunkserver!(Code::MasterHostLoopback, "MASTER_HOST = 127.0.0.1\\n"),
        // edited since the daemon was started
        in_chunkserver!(Code::MasterHostElsewhere, "MASTER_HOST = 192.0.2.1\\n"),
        in_chunkserver!(Code::MasterHostUnclear, "MASTER_HOST = master\\n").on(LOGGER),
    ]
}

fn of_chunkservers() -> Vec<Trap> {
    vec![
        trap(
            Code::LockFileLost,
            "cs1",
            "cd /var/run/mfs && ln mfschunkserver.lock lock.away && rm mfschunkserver.lock",
            "cd /var/run/mfs && mv lock.away mfschunkserver.lock",
        ),
        in_chunkserver!(Code::ReconnectSlow, "MASTER_RECONNECTION_DELAY = 30\\n"),
        trap(
            Code::ConfigNotFound,
            "cs1",
            "cd /usr/local/etc && mv mfschunkserver.cfg cfg.away",
            "cd /usr/local/etc && mv cfg.away mfschunkserver.cfg",
        ),
        trap(
            Code::DiskCommented,
            "cs1",
            "cd /usr/local/etc && cp -p mfshdd.cfg hdd.away && echo '# an old one' >> mfshdd.cfg",
            "cd /usr/local/etc && mv -f hdd.away mfshdd.cfg",
        ),
        trap(
            Code::DiskAbsent,
            "cs1",
            "cd /usr/local/etc && cp -p mfshdd.cfg hdd.away && printf '\\057mnt/none\\n' >> mfshdd.cfg",
            "cd /usr/local/etc && mv -f hdd.away mfshdd.cfg",
        ),
        // a line that does not begin with a slash is below the daemon's working folder
        trap(
            Code::DiskAbsent,
            "cs1",
            "cd /usr/local/etc && cp -p mfshdd.cfg hdd.away && printf '  \\057mnt/hd1\\n' >> mfshdd.cfg",
            "cd /usr/local/etc && mv -f hdd.away mfshdd.cfg",
        ),
        trap(
            Code::DiskTwice,
            "cs1",
            "cd /usr/local/etc && cp -p mfshdd.cfg hdd.away && printf '\\057mnt/hd1\\n' >> mfshdd.cfg",
            "cd /usr/local/etc && mv -f hdd.away mfshdd.cfg",
        ),
        trap(
            Code::DiskTwice,
            "cs1",
            "ln -s hd1 /mnt/alias && cd /usr/local/etc && cp -p mfshdd.cfg hdd.away && printf '*\\057mnt/alias\\n' >> mfshdd.cfg",
            "cd /usr/local/etc && mv -f hdd.away mfshdd.cfg && rm /mnt/alias",
        ),
        // taken out of the list since the start; and another folder by its name
        trap(
            Code::DiskElsewhere,
            "cs1",
            "mkdir /mnt/new && chown nobody /mnt/new && cd /usr/local/etc && cp -p mfshdd.cfg hdd.away && \
             printf '\\057mnt/new\\n' > mfshdd.cfg",
            "cd /usr/local/etc && mv -f hdd.away mfshdd.cfg && rmdir /mnt/new",
        ),
        trap(Code::DiskElsewhere, "cs1", "mount -t tmpfs none /mnt/hd1", "umount /mnt/hd1").simulated(
            "cd /mnt && mv hd1 hd1.away && mkdir hd1 && chown nobody hd1",
            "cd /mnt && rmdir hd1 && mv hd1.away hd1",
        ),
        trap(
            Code::DiskNotMounted,
            "cs1",
            "cp -p /etc/fstab /root/fstab && printf 'LABEL=mfs \\057mnt/hd1/ xfs noatime 0 2\\n' >> /etc/fstab",
            "cat /root/fstab > /etc/fstab && rm /root/fstab",
        ),
        // a link of the daemon's to a folder that is not
        trap(
            Code::OwnerDiffers,
            "cs1",
            "mkdir /mnt/far && chmod 777 /mnt/far && chown root /mnt/far && ln -s /mnt/far /mnt/near && chown -h nobody /mnt/near && \
             cd /usr/local/etc && cp -p mfshdd.cfg hdd.away && printf '\\057mnt/near\\n' >> mfshdd.cfg",
            "cd /usr/local/etc && mv -f hdd.away mfshdd.cfg && rm /mnt/near && rmdir /mnt/far",
        ),
        // what somebody does who prepares the night
        trap(
            Code::OldProgramsGone,
            "cs1",
            "rm -rf /root/kept && mkdir /root/kept && cp -p /usr/local/sbin/mfs* /root/kept && cd /usr/src/mfs-1.6.27 && \
             make install > /dev/null 2>&1",
            "cd /root/kept && for f in mfs*; do rm -f /usr/local/sbin/$f && cp -p $f /usr/local/sbin/; done && rm -r /root/kept",
        ),
        trap(
            Code::ChunksLost,
            "cs1",
            "cd /mnt/hd1 && for f in ?/chunk_*; do mv $f away && echo $f > moved && break; done",
            "cd /mnt/hd1 && mv away $(cat moved) && rm moved",
        ),
        // its chunks are in folders that the new chunkserver does not look into
        trap(
            Code::DiskMarked,
            "cs1",
            "cd /usr/local/etc && cp -p mfshdd.cfg hdd.away && sed -i 's|^|*|' mfshdd.cfg",
            "cd /usr/local/etc && mv -f hdd.away mfshdd.cfg",
        ),
        // the new chunkserver takes the last word of a list that has no line end for a size, and such a list is not moved
        trap(
            Code::DiskLineChanges,
            "cs1",
            "cd /usr/local/etc && cp -p mfschunkserver.cfg cfg.away && printf '\\057mnt/hd1 5' > /srv/disks && \
             printf 'HDD_CONF_FILENAME = \\057srv/disks\\n' >> mfschunkserver.cfg",
            "cd /usr/local/etc && mv -f cfg.away mfschunkserver.cfg && rm /srv/disks",
        ),
        trap(
            Code::DisksNotSeen,
            "cs1",
            "cd /usr/local/etc && mv mfshdd.cfg hdd.away",
            "cd /usr/local/etc && mv hdd.away mfshdd.cfg",
        ),
        trap(Code::DisksRolledBack, "cs1", "mkdir /mnt/hd1/00", "rmdir /mnt/hd1/00"),
        trap(Code::NotWritable, "cs1", "chown root /mnt/hd1", "chown nobody /mnt/hd1"),
        trap(Code::NotWritable, "cs1", "chmod 555 /mnt/hd1", "chmod 755 /mnt/hd1"),
        trap(
            Code::OwnerDiffers,
            "cs1",
            "chown root /mnt/hd1 && chmod 777 /mnt/hd1",
            "chown nobody /mnt/hd1 && chmod 755 /mnt/hd1",
        ),
        held!(
            "/mnt/hd1/.held",
            "cd /mnt/hd1 && mv .lock lock.away && mv .held .lock",
            "cd /mnt/hd1 && mv -f lock.away .lock"
        ),
        held!("/usr/local/var/mfs/.mfschunkserver.lock", "true", "rm -f /usr/local/var/mfs/.mfschunkserver.lock"),
    ]
}

fn of_clients() -> Vec<Trap> {
    vec![
        trap(
            Code::Startup15Syntax,
            "cl1",
            "mkdir -p /etc/cron.d && echo '@reboot root mfsmount -h mfsmaster -w /mnt/mfs' > /etc/cron.d/mfs-trap",
            "rm /etc/cron.d/mfs-trap",
        ),
        // as Debian's own scripts do
        trap(
            Code::Startup15Syntax,
            "cs1",
            "mkdir -p /etc/init.d && printf 'DAEMON=\\057usr/local/sbin/mfschunkserver\\n$DAEMON stop\\n' > /etc/init.d/trap",
            "rm /etc/init.d/trap",
        ),
        trap(
            Code::StartedByOthers,
            "cl1",
            "mkdir -p /etc/profile.d && echo 'mountpoint -q /mnt/mfs || mfsmount /mnt/mfs' > /etc/profile.d/mfs-trap.sh",
            "rm /etc/profile.d/mfs-trap.sh",
        ),
        trap(
            Code::FilesByName,
            "cs1",
            "mkdir -p /etc/cron.hourly && echo 'rsync /srv/changelog_csback.0.mfs backup:' > /etc/cron.hourly/mfs-trap",
            "rm /etc/cron.hourly/mfs-trap",
        ),
        trap(
            Code::StartupTools,
            "cl1",
            "mkdir -p /etc/cron.d && echo '0 3 * * * root mfssetgoal -r 2 /mnt/mfs' > /etc/cron.d/mfs-trap",
            "rm /etc/cron.d/mfs-trap",
        ),
        trap(
            Code::StartupCut,
            "cl1",
            "mkdir -p /etc/cron.d && for i in $(seq 120); do echo 'true mfstools'; done > /etc/cron.d/mfs-trap",
            "rm /etc/cron.d/mfs-trap",
        ),
        trap(
            Code::MountFileCounts,
            "cl1",
            "mkdir -p /usr/local/etc/mfs && echo 'nosuid,mfsioretries=60' > /usr/local/etc/mfs/mfsmount.cfg",
            "rm /usr/local/etc/mfs/mfsmount.cfg",
        ),
    ]
}

fn of_trees() -> Vec<Trap> {
    vec![
        trap(
            Code::SourceMissing,
            "cs1",
            "cd /usr/src/mfs-1.6.27/mfschunkserver && mv mfschunkserver away",
            "cd /usr/src/mfs-1.6.27/mfschunkserver && mv away mfschunkserver",
        ),
        trap(
            Code::SourceVersionDiffers,
            "cs1",
            "cd /usr/src/mfs-1.6.27/mfschunkserver && mv mfschunkserver away && echo '@(#) version: 1.6.26' > mfschunkserver",
            "cd /usr/src/mfs-1.6.27/mfschunkserver && mv -f away mfschunkserver",
        ),
        trap(
            Code::BuildUnknown,
            "cs1",
            "cd /usr/src/mfs-1.6.27 && mv config.h away",
            "cd /usr/src/mfs-1.6.27 && mv away config.h",
        )
        .plan(|plan| set(plan, "install", "source_dir", "/usr/src/mfs-1.6.27")),
        trap(
            Code::EtcPathDiffers,
            "cs1",
            "cd /usr/src/mfs-1.6.27 && cp -p config.h away && sed 's|^#define ETC_PATH .*|#define ETC_PATH \"/srv/etc\"|' away > config.h",
            "cd /usr/src/mfs-1.6.27 && mv -f away config.h",
        ),
        trap(
            Code::DefaultsDiffer,
            "cs1",
            "cd /usr/src/mfs-1.6.27 && cp -p config.h away && sed 's|^#define DEFAULT_USER .*|#define DEFAULT_USER \"mfs\"|' away > config.h",
            "cd /usr/src/mfs-1.6.27 && mv -f away config.h",
        ),
    ]
}
