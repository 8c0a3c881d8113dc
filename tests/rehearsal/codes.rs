//! Every code of a finding: what follows where nobody looks. Where it is an outage, a test runs into it on the simulated
//! daemons, so that no check guards against nothing. A code that is added is no program until it is added here.
//!
//! The trap of each code is in src/check/tests/traps.rs (and tests/back.rs there), where a test asks for one a code; those that
//! hosts can be given are in tests/conformance/traps, for simulated and for real daemons.

use mfsupgrade::check::Code;

/// What follows where nobody looks.
enum Follows {
    /// File system, daemon or mount are gone, or what was written is lost: seen by this test.
    Outage(&'static str),
    /// The same, and the simulated daemons cannot show it, because.
    NotShown(&'static str),
    /// Nothing of the kind, because.
    NoOutage(&'static str),
}

use Follows::{NoOutage, NotShown, Outage};

const OTHER_DATA: &str = "unchecked::a_folder_or_a_file_that_the_old_master_does_not_use_is_an_outage";
const NOT_FOUND: &str = "unchecked::a_configuration_that_the_new_master_does_not_find_is_an_outage";
const OTHER_PREFIX: &str = "unchecked::a_release_that_was_built_for_another_prefix_is_an_outage";
const REFUSED_VALUE: &str = "unchecked::values_that_the_new_master_does_not_take_are_an_outage";
const CHUNKSERVER: &str = "unchecked::what_the_old_chunkserver_used_and_the_new_one_cannot_is_an_outage";
const OTHER_PORT: &str = "unchecked::a_port_for_chunkservers_that_was_changed_since_the_start_is_an_outage";
const OTHER_COPY: &str = "unchecked::a_chunk_whose_other_copy_is_away_cannot_be_read_while_its_server_restarts";
const WORDS: &str = "unchecked::words_and_programs_of_another_generation_do_not_mount";
const FULL_STOP: &str = "unchecked::what_cannot_be_installed_in_a_full_stop_keeps_the_file_system_down";
const OLD_MASTER: &str = "traps::a_new_chunkserver_or_mount_cannot_use_an_old_master";
const NO_MASTER: &str = "traps::a_mount_without_a_master_gives_errors_and_recovers";
const BY_NAME: &str = "unchecked::an_old_mount_that_was_taken_away_lazily_takes_the_new_one_away_when_it_ends";
const UNTRIED: &str = "outages::metadata_that_the_new_release_cannot_load_is_an_outage_without_a_trial";

fn follows(code: Code) -> Follows {
    use Code::*;
    match code {
        MountClaimedTwice => {
            NoOutage("a mount is made again with the options of one of the two, which may be the wrong ones")
        }
        MountSecondPlace => NoOutage("the host loses a place that it had; the file system serves all others"),
        WorkDirOpen => NoOutage("what a local user of a host could do there is no outage by itself"),
        ProcessOfAnother => NoOutage("it is counted as nobody's"),
        NotRoot => NoOutage("nothing can be installed, and the run stops at the first step"),
        HostUnreachable => NoOutage("nothing is begun on a host that is not reached"),
        CommandNotRun | LookUnreadable | LocalSsh => NoOutage("nothing is begun on a host that was not looked at"),
        // the second name's step does not find what was shown before the run, and stops it there
        SameMachineTwice | SourceMissing | MakeMissing | ToolsMissing | DiskFull | MountedNoexec => Outage(FULL_STOP),
        // to a new daemon it is a folder that it may not write in
        MountedReadOnly => Outage(OTHER_DATA),
        SourceVersionDiffers => Outage(WORDS),
        DaemonNotRunning => NoOutage("what does not run serves nobody now"),
        DaemonRunsTwice => {
            NoOutage("the one that is not taken over goes on; which of them the plan means nobody can tell")
        }
        PrefixDiffers | EtcPathDiffers => Outage(OTHER_PREFIX),
        CustomConfig | ConfigNotFound => Outage(NOT_FOUND),
        DataPathDiffers | UserDiffers | ConfigReplaced | OwnerDiffers | NotWritable => Outage(OTHER_DATA),
        VersionDiffers => {
            NoOutage("the rules are for another release; gates ask for what they know of this one, and stop")
        }
        MasterNotTheOneAsked => {
            NoOutage("the first gate asks for the target release, and another master never shows it")
        }
        MasterDoesNotAnswer | AdminPortNotListening | ForwardingRefused => {
            NoOutage("backup and trial ask the master before anything is stopped")
        }
        DataPathUnreadable => NoOutage("the backup fails before anything is stopped"),
        ExportsMissing => Outage("traps::without_exports_the_takeover_is_an_outage"),
        ExportsNotSeen | ExportsForbidden | ExportsNeedAccounts | ConfigRefused => Outage(REFUSED_VALUE),
        ExportsRefuseClient => Outage("outages::exports_for_somebody_else_keep_new_mounts_out"),
        ExportsRestrictClient => {
            NoOutage("a write that the rule forbids is refused with an error, and may be meant so")
        }
        ExportsUnreadable => NoOutage("what is left of the file is judged by the other codes"),
        ExportsAccounts => NoOutage("no mount that is there needs these rules"),
        ChunkserverNotConnected | ChunksUnderGoal | GoalOne => Outage(OTHER_COPY),
        ChunkserverNotListening => Outage("unchecked::a_chunkserver_that_listens_nowhere_is_no_other_copy"),
        MasterHostLoopback | MasterHostUnresolved | DisksNotSeen | DiskAbsent | LockHeld => Outage(CHUNKSERVER),
        MasterHostElsewhere => {
            Outage("unchecked::a_name_of_the_master_that_leads_elsewhere_since_the_start_is_an_outage")
        }
        FuseMissing | MountFileCounts => Outage("unchecked::what_keeps_a_mount_from_being_made_again_is_an_outage"),
        DiskLineChanges => {
            Outage("unchecked::a_disk_whose_name_ends_like_a_size_is_another_one_to_the_new_chunkserver")
        }
        DiskTwice | DiskElsewhere => {
            Outage("unchecked::a_list_that_does_not_say_what_the_old_chunkserver_uses_is_an_outage")
        }
        DiskNotMounted => {
            NoOutage("what is on that disk is missing already, and the new chunkserver uses what the old one does")
        }
        DiskMarked => Outage("unchecked::the_chunks_of_a_disk_that_is_marked_for_removal_are_lost_sight_of"),
        DiskCommented => NoOutage("the new chunkserver takes it for a comment; 1.5 would not start on the way back"),
        ClientNotConnected | MountMissing => NoOutage("there is no mount that could be lost"),
        MountUnreadable => Outage("unchecked::a_mount_whose_words_are_carried_over_as_they_are_is_not_made_again"),
        Startup15Syntax => Outage(WORDS),
        StartedByOthers => NoOutage("what others start, and when, is not the run's doing; no two nights are alike"),
        FilesByName => NoOutage("such a script fails by itself, at a shutdown or a backup after the run"),
        ChunkserverPortDiffers => Outage(OTHER_PORT),
        ChunkserverNotInPlan => NoOutage("an old chunkserver works with a new master; it is left behind"),
        ClientNotInPlan | MountNotInPlan => NoOutage("an old mount works with a new master; it is left behind"),
        MountsOfTwoMasters => Outage(OLD_MASTER),
        ListenPortIgnored => Outage("outages::a_port_without_its_host_is_left"),
        PortTaken => Outage("outages::a_port_that_is_taken_is_an_outage"),
        RejectOldClients => Outage("unchecked::old_mounts_that_the_new_master_refuses_get_errors"),
        ChunksMissing => {
            NoOutage("they cannot be read now; where so many are missing that it is one, MasterAwayLong is told")
        }
        MasterAwayLong => Outage("outages::chunks_that_are_missing_lock_old_mounts_out_for_longer_than_they_wait"),
        ChunkserverGone => NoOutage("it is away already"),
        HealthUnknown | HealthOld => NoOutage("gates look at what the new master knows from the first chunkserver on"),
        FullStopUnderMounts => Outage(NO_MASTER),
        MemoryShort => NotShown(
            "whom a kernel ends that has no memory left is nobody's to simulate; what follows where it is the master, \
             traps::a_mount_without_a_master_gives_errors_and_recovers shows",
        ),
        MemoryUnknown | BuildUnknown | GoalsUnknown | UnderMountUnknown | MountUsersUnknown => {
            NoOutage("it says what could not be looked at")
        }
        ClocksApart => NoOutage("ages are told wrongly, and files are compared with the clock of their own host"),
        OldToolsGone => Outage("trial::mfsmetarestore_restores_after_a_crash_and_1_6_27_does_not_always"),
        OldProgramsGone => NoOutage("the way there needs none of them, and a way back without them is refused"),
        DefaultsDiffer => NoOutage("the carried configuration names the old ones"),
        LockFileLost | LockFileWrong => NoOutage(
            "the new daemon finds nobody to take over from, or the wrong one, and does not start; the old one goes on: \
             outages::a_lost_lock_file_keeps_the_old_daemon_for_ever",
        ),
        ConfigUnreadable => NoOutage("nothing could be carried over, and the schedule would have no such step"),
        ConfigLineIgnored | KeysIgnored | VarFileMerged => NoOutage("the carried configuration says what holds"),
        LimitOfZero => NoOutage("it serves; what it no longer does is replicate and delete"),
        ReconnectSlow => {
            NoOutage("reads wait until the chunkservers are back; where mounts must, MasterAwayLong is told")
        }
        MasterHostUnclear => NoOutage("a metalogger that reaches nobody takes nothing from anybody"),
        MetadataNeverSaved => Outage("outages::metadata_that_was_never_saved_cannot_be_restored"),
        MetadataSaveStale => Outage("outages::a_save_that_never_ended_is_an_outage"),
        MetadataLeftOver => {
            Outage("unchecked::metadata_that_was_left_over_is_served_where_the_old_master_could_not_save")
        }
        MetadataOld => NoOutage("a clean stop saves; only a crash needs the change logs of all that time"),
        MetadataUnknown | TrialImpossible => Outage(UNTRIED),
        ChunksTooMany => Outage("unchecked::a_chunkserver_with_too_many_chunks_is_not_taken_in_by_the_new_master"),
        ChunksLost => NoOutage("these chunks are gone now; the new chunkserver says so at its start"),
        DisksRolledBack => NoOutage("these chunks are missing now; the new chunkserver brings them back"),
        ChunkserverEmpty => NoOutage("it has nothing that could be missed"),
        WindowShort => NoOutage("the run waits for the next opening by itself, between two hosts"),
        MountInNamespace => {
            NoOutage("the host loses its mount until it is made by hand; the file system serves all others")
        }
        MountBelow | MountBacksDevice | MountExported => NoOutage("umount refuses, and the old mount goes on"),
        MountAutomounted => {
            NoOutage("the new mount is refused where the automounter was faster; that client fails alone")
        }
        MountBusy => NoOutage("umount refuses, and the old mount goes on: faults::a_busy_mount_stays"),
        MountInUse => NoOutage("the plan says what is done then"),
        LazyUnmount => Outage(BY_NAME),
        FilesUnderMount => Outage("traps::a_mount_on_a_mount_is_refused_and_a_missing_one_is_told"),
        MountOptionsChange => NoOutage("the mount is there, with other options"),
        NoMetalogger | MetaloggerOnMaster => NoOutage("the master has its own change logs as long as it has its disk"),
        StartupCut => NoOutage("it says what could not be looked at"),
        ToolsOf15 | StartupTools => NoOutage("they say so and change nothing"),
        SpaceFiguresDrop => NoOutage("the space is there"),
        BackProgramsGone => Outage("unchecked::a_way_back_without_the_old_programs_ends_with_no_daemon"),
        BackNotByRun => Outage(OLD_MASTER),
        BackMetadata => Outage("unchecked::an_old_master_without_what_the_new_one_has_written_does_not_start"),
        BackDisks | BackFolders => Outage("traps::a_chunkserver_brought_back_to_1_5_does_not_see_its_chunks"),
        BackJobRuns => NoOutage("an umount that ends after the look takes one mount away, and it stays away"),
        BackLockFolder => Outage("traps::without_its_run_folder_a_1_5_daemon_is_silently_not_there"),
    }
}

const TESTS: [(&str, &str); 4] = [
    ("unchecked", include_str!("unchecked.rs")),
    ("outages", include_str!("outages.rs")),
    ("traps", include_str!("traps.rs")),
    ("trial", include_str!("trial.rs")),
];

#[test]
fn every_code_that_keeps_from_an_outage_has_a_test_that_runs_into_it() {
    let (mut outages, mut not_shown) = (0, Vec::new());
    for code in Code::ALL {
        match follows(*code) {
            Outage(test) => {
                let (file, name) = test.split_once("::").unwrap();
                let (_, text) = TESTS.iter().find(|(known, _)| *known == file).unwrap_or_else(|| panic!("{test}"));
                let line = format!("#[tokio::test(flavor = \"multi_thread\")]\nasync fn {name}() {{");
                assert!(text.contains(&line), "{code}: there is no test {test}");
                outages += 1;
            }
            NotShown(why) => {
                assert!(!why.is_empty());
                not_shown.push(*code);
            }
            NoOutage(why) => assert!(!why.is_empty(), "{code}"),
        }
    }
    assert_eq!(not_shown, [Code::MemoryShort], "what the simulated daemons cannot show is not to become more");
    assert!(outages > 40, "{outages} of {}", Code::ALL.len());
}
