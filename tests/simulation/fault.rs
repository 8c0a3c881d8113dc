//! What can go wrong in the small simulated world, for stories.

/// What goes wrong, by host.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Fault {
    /// The install command fails.
    InstallFails,
    /// The install command fails when the program is in its place already, and not the rest of the release.
    InstallFailsBehindTheProgram,
    /// What was replaced cannot be unpacked.
    RestoreFails,
    /// The new daemon ends at once; its command exits 0 all the same.
    DaemonDies,
    /// The new chunkserver registers, and shows its chunks only after this many seconds.
    SlowScan(u64),
    /// The connection is lost after every command that changes what runs took effect; the host is reachable again.
    LostAfterEffect,
    /// The same, once.
    LostOnce,
    /// The first command that changes something is killed with its host's processes; what it had done by then is done.
    KilledOnce,
    /// The connection is lost after the command took effect, for good.
    LostForGood,
    /// The new release cannot load the metadata.
    TrialFails,
    /// The new release needs longer to load than old mounts wait.
    LoadsSlowly,
    /// The end of a trial takes this many seconds.
    EndsTrialSlowly(i64),
    /// What is copied to or from this host does not arrive as what was sent.
    CopyDiffers,
    /// The host cannot read what is to be copied off it.
    RefusesCopies,
    /// No copy of the host's files finds room on this machine.
    FullHere,
    /// The new master starts on other metadata.
    OtherMetadata,
    /// The new master starts on other metadata, and its host boots when that one is told to stop: the one that the boot starts
    /// has the right metadata.
    OtherMetadataUntilABoot,
    /// The new master starts on metadata that has seen half of the changes, and counts as much.
    OlderMetadata,
    /// The master ends while this client is worked on.
    MasterDiesMeanwhile,
    /// `umount` says busy.
    Busy,
    /// A chunk loses a copy while this chunkserver restarts, for this many seconds.
    UnderGoal(u64),
    /// The connection is lost for good after a command with this text took effect.
    LostForGoodAt(&'static str),
    /// Something writes this file into the folder of the mount point, right after the unmount.
    WritesBelow(&'static str),
    /// The same, while mfsmount is at work.
    WritesMeanwhile(&'static str),
    /// mfsmount says no.
    RefusesMounts,
    /// While this client is remounted, another host loses its daemon or its mount.
    Loses(&'static str),
    /// The same as `UnderGoal`, while the new release is installed on its host, which takes 200 seconds.
    UnderGoalMeanwhile(u64),
}
