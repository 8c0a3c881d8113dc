//! Safety predicates on what a master says: each returns why not, and never a bare bool.

use std::net::Ipv4Addr;

use semver::Version;

use super::Baseline;
use super::baseline::{all_chunks, connected};
use super::metadata::metadata_is_kept;
use super::reason::{Reason, Short};
use crate::moosefs::Overview;
use crate::moosefs::releases::TABLE;
use crate::moosefs::wire::{ChunkMatrix, Chunkserver};

/// Whether the daemons of a release tell no version on the wire, as 1.5's do: there the host's own process is the exact
/// word, and the wire only says that it is none of 1.6.
fn tells_none(version: &Version) -> bool {
    !TABLE.sessions.at(version)
}

/// Why the master is not (yet) the wanted one. The wire alone decides: 1.5 masters tell no version.
///
/// # Errors
/// The reason.
pub fn master_runs(overview: &Overview, wanted: &Version) -> Result<(), Reason> {
    match &overview.info.version {
        Some(version) if version == wanted => Ok(()),
        None if tells_none(wanted) => Ok(()),
        told => Err(Reason::Master { told: told.clone(), wanted: wanted.clone() }),
    }
}

/// Why a chunkserver is not connected in the wanted version.
fn server_is_connected<'a>(
    overview: &'a Overview,
    address: Ipv4Addr,
    wanted: Option<&Version>,
) -> Result<&'a Chunkserver, Reason> {
    let server =
        connected(overview).find(|s| s.address == address).ok_or_else(|| Reason::NotConnected(address.into()))?;
    if let Some(wanted) = wanted
        && server.version.as_ref() != Some(wanted).filter(|v| !tells_none(v))
    {
        let told = server.version.clone();
        return Err(Reason::Registered { server: address.into(), told, wanted: wanted.clone() });
    }
    Ok(server)
}

/// Why nobody can tell yet what a connected chunkserver has.
fn has_scanned(overview: &Overview, baseline: &Baseline, server: &Chunkserver) -> Result<(), Reason> {
    let (address, shows) = (server.address, all_chunks(server));
    let expected = baseline.expected(address, &overview.info);
    if expected == 0 {
        return Ok(());
    }
    // a 1.6.26+ server tells no space until its scan has ended (`hddspacemgr.c` @ 1.6.26; captured)
    if server.total == 0 && server.removal_chunks == 0 {
        return Err(Reason::Scanning { server: address.into(), shows });
    }
    // of one that may have lost its last chunk to its users the matrix knows
    let emptied = expected == 1 && baseline.has_all_copies(overview);
    if shows == 0 && !emptied {
        return Err(Reason::NoChunks(address.into()));
    }
    Ok(())
}

/// Why a chunkserver is not back: not connected, not in the wanted version, or without its chunks.
///
/// # Errors
/// The reason.
pub fn server_is_back(
    overview: &Overview,
    baseline: &Baseline,
    address: Ipv4Addr,
    wanted: Option<&Version>,
) -> Result<(), Reason> {
    let server = server_is_connected(overview, address, wanted)?;
    has_scanned(overview, baseline, server)?;
    let (shows, expected) = (u64::from(all_chunks(server)), baseline.expected(address, &overview.info));
    let accepted = || baseline.accepted > 0 && baseline.shortfall(overview) <= baseline.accepted;
    if shows < expected && !baseline.has_all_copies(overview) && !accepted() && !baseline.others_have(address, overview)
    {
        return Err(Reason::Fewer(Short { server: address.into(), shows, had: expected }));
    }
    Ok(())
}

/// Why not everything can be read now: a server is not back, or chunks are missing beyond the baseline. `wanted` says which
/// servers must be in which version.
///
/// # Errors
/// The first reason.
pub fn serving<'a>(
    overview: &Overview,
    baseline: &Baseline,
    wanted: impl IntoIterator<Item = (Ipv4Addr, Option<&'a Version>)>,
) -> Result<(), Reason> {
    for (address, version) in wanted {
        server_is_back(overview, baseline, address, version)?;
    }
    none_missing(overview, baseline).map(drop)
}

/// Why no server may be taken down now: one is away already, or chunks are missing or under goal beyond the baseline. How
/// many chunks each server has is not asked: the matrix knows exactly, and balancing moves chunks between servers.
///
/// # Errors
/// The first reason.
pub fn healthy<'a>(
    overview: &Overview,
    baseline: &Baseline,
    wanted: impl IntoIterator<Item = (Ipv4Addr, Option<&'a Version>)>,
) -> Result<(), Reason> {
    for (address, version) in wanted {
        has_scanned(overview, baseline, server_is_connected(overview, address, version)?)?;
    }
    let matrix = none_missing(overview, baseline)?;
    if matrix.under_goal() > baseline.under_goal + baseline.accepted {
        return Err(Reason::UnderGoal {
            chunks: matrix.under_goal(),
            endangered: matrix.endangered(),
            before: baseline.under_goal,
            short: short(overview, baseline),
        });
    }
    Ok(())
}

/// Why the cluster is not whole, whatever release each daemon of `servers` is of: by the matrix, or by each server's own count
/// where the master tells no matrix. What a gate finds wrong with chunks or chunkservers, this does too.
///
/// # Errors
/// The first reason.
pub fn whole(
    overview: &Overview,
    baseline: &Baseline,
    servers: impl IntoIterator<Item = Ipv4Addr>,
) -> Result<(), Reason> {
    let servers = servers.into_iter().map(|address| (address, None));
    match &overview.matrix {
        None => all_back(overview, baseline, servers),
        Some(_) => healthy(overview, baseline, servers),
    }
}

/// The same at the end of a way back, where nothing is stopped or started any more: what an old master has found in a round of
/// its own test of all files stands above what each server shows, since chunks are moved and deleted while a run goes on. It
/// begins the first round 150 s after its start and takes 2048 s for one (`filesystem.c` @ 1.5.12).
///
/// # Errors
/// The first reason.
pub fn all_back_or_tested<'a>(
    overview: &Overview,
    baseline: &Baseline,
    wanted: impl IntoIterator<Item = (Ipv4Addr, Option<&'a Version>)> + Clone,
) -> Result<(), Reason> {
    let shown = all_back(overview, baseline, wanted.clone());
    let test = &overview.file_test;
    let (missing, thin) = (u64::from(test.missing_chunks), u64::from(test.under_goal_chunks));
    let kept =
        missing <= baseline.missing + baseline.accepted && missing + thin <= baseline.under_goal + baseline.accepted;
    if shown.is_ok() || !test.is_finished() || !kept {
        return shown;
    }
    metadata_is_kept(overview, baseline)?;
    wanted.into_iter().try_for_each(|(address, version)| {
        has_scanned(overview, baseline, server_is_connected(overview, address, version)?)
    })
}

/// Why not every server is back at a master that tells no matrix, as a 1.5 one: the counts of each are all that it says.
///
/// # Errors
/// The first reason.
pub fn all_back<'a>(
    overview: &Overview,
    baseline: &Baseline,
    wanted: impl IntoIterator<Item = (Ipv4Addr, Option<&'a Version>)>,
) -> Result<(), Reason> {
    metadata_is_kept(overview, baseline)?;
    wanted.into_iter().try_for_each(|(address, version)| server_is_back(overview, baseline, address, version))
}

/// The matrix of a master that kept its metadata and misses no more chunks than before. A master that tells no matrix is a
/// 1.5 one, and no such master is served by new chunkservers or mounts: that is never green.
fn none_missing<'a>(overview: &'a Overview, baseline: &Baseline) -> Result<&'a ChunkMatrix, Reason> {
    metadata_is_kept(overview, baseline)?;
    let matrix = overview.matrix.as_ref().ok_or(Reason::NoMatrix)?;
    if matrix.missing() > baseline.missing + baseline.accepted {
        let short = short(overview, baseline);
        return Err(Reason::Missing { chunks: matrix.missing(), before: baseline.missing, short });
    }
    Ok(matrix)
}

/// Where chunks that are not all there may be: the chunkservers that show fewer than they had.
fn short(overview: &Overview, baseline: &Baseline) -> Vec<Short> {
    let short = connected(overview).filter_map(|server| {
        let (shows, had) = (u64::from(all_chunks(server)), baseline.expected(server.address, &overview.info));
        (shows < had).then(|| Short { server: server.address.into(), shows, had })
    });
    short.collect()
}

/// Why fewer than `wanted` metaloggers of the release `to` are connected.
///
/// # Errors
/// The reason.
pub fn metaloggers_are_seen(overview: &Overview, wanted: usize, to: &Version) -> Result<(), Reason> {
    let list = overview.metaloggers.as_ref().ok_or(Reason::NoMetaloggers)?;
    let seen = list.iter().filter(|m| m.version.as_ref() == Some(to)).count();
    if seen >= wanted { Ok(()) } else { Err(Reason::Metaloggers { seen, wanted, to: to.clone() }) }
}

/// Why the mount of `address` is not seen by the master in the wanted version.
///
/// # Errors
/// The reason.
pub fn session_is_back(
    overview: &Overview,
    address: Ipv4Addr,
    mount_point: &str,
    wanted: &Version,
) -> Result<(), Reason> {
    let here = || overview.sessions.iter().filter(|s| s.connected && s.address == address);
    if here().any(|s| &s.version == wanted && s.mount_point.as_deref().is_none_or(|m| m == mount_point)) {
        return Ok(());
    }
    let versions: Vec<Version> = here().map(|s| s.version.clone()).collect();
    Err(if versions.is_empty() { Reason::NoMount(address) } else { Reason::MountsOf { address, versions } })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::moosefs::wire::{FileTest, Info, Layout, Session};

    const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 21);
    const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 121);
    const NEW: Version = Version::new(1, 6, 27);

    fn overview() -> Overview {
        let mut matrix = [[0; 11]; 11];
        matrix[2][2] = 100;
        Overview {
            info: Info {
                version: Some(NEW),
                layout: Layout::V16,
                total_space: 1,
                available_space: 1,
                inodes: 50,
                directories: 1,
                files: 49,
                chunks: 100,
                copies: Some(200),
            },
            chunkservers: vec![Chunkserver {
                version: Some(NEW),
                disconnected: false,
                maintenance: false,
                address: SERVER,
                port: 9422,
                used: 1,
                total: 2,
                chunks: 100,
                removal_chunks: 0,
                errors: 0,
            }],
            sessions: vec![Session {
                id: Some(1),
                address: CLIENT,
                version: NEW,
                mount_point: Some("/mnt/mfs".into()),
                path: Some("/".into()),
                connected: true,
            }],
            matrix: Some(ChunkMatrix(matrix)),
            file_test: FileTest::default(),
            metaloggers: None,
        }
    }

    fn verdict(change: impl FnOnce(&mut Overview)) -> Result<(), Reason> {
        let before = overview();
        let mut now = overview();
        change(&mut now);
        healthy(&now, &Baseline::of(&before), [(SERVER, Some(&NEW))])
    }

    #[test]
    fn a_server_that_registered_but_still_scans_is_not_back() {
        assert!(verdict(|_| {}).is_ok());
        assert!(verdict(|o| o.chunkservers[0].chunks = 0).unwrap_err().to_string().contains("no chunks yet"));
        let back = |chunks, scans: bool| {
            let mut now = overview();
            now.chunkservers[0].chunks = chunks;
            now.chunkservers[0].total = if scans { 0 } else { 2 };
            server_is_back(&now, &Baseline::of(&overview()), SERVER, Some(&NEW))
        };
        assert!(back(0, false).unwrap_err().to_string().contains("no chunks yet"));
        assert!(back(0, true).unwrap_err().to_string().contains("still scanning its disks"));
        assert!(
            back(50, true).unwrap_err().to_string().contains("still scanning its disks"),
            "whatever the matrix says"
        );
        assert!(back(50, false).is_ok(), "the matrix shows every copy: they were moved, or were too many");
    }

    /// A count of its own is all that a server's chunks are known by as long as the master is a 1.5 one.
    #[test]
    fn a_lower_count_is_a_reason_until_a_matrix_shows_that_every_copy_is_there() {
        let before = Baseline::of(&overview());
        let told = |change: &dyn Fn(&mut Overview)| {
            let mut now = overview();
            now.chunkservers[0].chunks = 97;
            change(&mut now);
            server_is_back(&now, &before, SERVER, None)
        };
        assert!(told(&|_| {}).is_ok());
        for spoil in [
            (|o: &mut Overview| o.matrix = None) as fn(&mut Overview),
            |o: &mut Overview| o.matrix.as_mut().unwrap().0[2][1] = 1,
            |o: &mut Overview| o.matrix.as_mut().unwrap().0[2][0] = 1,
        ] {
            let reason = told(&spoil).unwrap_err().to_string();
            assert!(reason.contains("shows 97 chunks and had 98 or more") && reason.contains("marked for removal"));
        }
        assert!(told(&|o| (o.chunkservers[0].chunks, o.matrix) = (98, None)).is_ok(), "a little is moved meanwhile");
    }

    /// A cluster of two servers at an old master, with so many chunks in all and on each.
    fn at_an_old_master(known: u32, shows: [u32; 2]) -> Overview {
        let mut old = overview();
        (old.info.version, old.matrix, old.info.chunks) = (None, None, known);
        old.chunkservers[0].version = None;
        old.chunkservers.push(Chunkserver { address: CLIENT, ..old.chunkservers[0].clone() });
        old.chunkservers.iter_mut().zip(shows).for_each(|(server, shows)| server.chunks = shows);
        old
    }

    #[test]
    fn what_was_moved_to_another_server_is_not_missed_at_an_old_master() {
        let before = Baseline::of(&at_an_old_master(100, [100, 100]));
        let told = |known, shows| server_is_back(&at_an_old_master(known, shows), &before, SERVER, None);
        assert!(told(100, [60, 140]).is_ok());
        assert!(told(100, [60, 138]).is_ok(), "the share that is always spared");
        assert!(
            told(100, [60, 137]).unwrap_err().to_string().contains("shows 60 chunks and had 98 or more"),
            "of a lost disk"
        );
        assert!(told(100, [60, 100]).is_err());
        assert!(told(100, [0, 200]).unwrap_err().to_string().contains("shows no chunks yet"), "it has not scanned");
        assert!(told(150, [60, 200]).is_err(), "what users wrote since stands for nothing that is gone");
        assert!(told(150, [60, 240]).is_ok());
    }

    #[test]
    fn what_moved_while_its_server_was_away_is_not_missed_when_that_is_back_at_an_old_master() {
        let mut baseline = Baseline::of(&at_an_old_master(100, [100, 100]));
        let mut away = at_an_old_master(100, [0, 140]);
        away.chunkservers[0].disconnected = true;
        if let Some(counts) = baseline.recount(&away) {
            baseline.learn(&counts);
        }
        let told = |shows| server_is_back(&at_an_old_master(100, shows), &baseline, SERVER, None);
        assert!(told([60, 140]).is_ok());
        assert!(
            told([60, 137]).unwrap_err().to_string().contains("shows 60 chunks and had 98 or more"),
            "of a lost disk"
        );
    }

    #[test]
    fn however_much_users_deleted_a_server_that_shows_nothing_has_not_scanned() {
        let mut before = Baseline::of(&overview());
        let mut now = overview();
        (now.info.chunks, now.chunkservers[0].chunks) = (40, 0);
        (before.chunks, before.under_goal) = (140, 0);
        now.matrix.as_mut().unwrap().0[2] = [0, 40, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert!(server_is_back(&now, &before, SERVER, None).unwrap_err().to_string().contains("no chunks yet"));
        // nor is one that was away while they were deleted
        let mut away = now.clone();
        away.chunkservers.clear();
        let counts = before.recount(&away).expect("less is known");
        before.learn(&counts);
        assert!(server_is_back(&now, &before, SERVER, None).unwrap_err().to_string().contains("no chunks yet"));
        now.matrix.as_mut().unwrap().0[2] = [0, 0, 40, 0, 0, 0, 0, 0, 0, 0, 0];
        assert!(server_is_back(&now, &before, SERVER, None).is_ok(), "every copy is on the others");
    }

    #[test]
    fn lost_copies_are_accepted_by_number_and_never_one_more() {
        let mut before = overview();
        before.matrix = None;
        let before = Baseline::of(&before);
        let told = |lost: u32, gone: u32, accepted: u64| {
            let mut now = overview();
            let matrix = &mut now.matrix.as_mut().unwrap().0;
            (matrix[2][2], matrix[2][0]) = (100 - lost, lost);
            now.chunkservers[0].chunks = 100 - gone;
            let baseline = before.accepting(accepted);
            assert_eq!(baseline.beyond(&now), u64::from(lost));
            let new = NEW;
            let servers = || [(SERVER, Some(&new))];
            let gates = [
                server_is_back(&now, &baseline, SERVER, Some(&NEW)),
                serving(&now, &baseline, servers()),
                healthy(&now, &baseline, servers()),
            ];
            let mut old = now.clone();
            (old.matrix, old.info.version, old.chunkservers[0].version) = (None, None, None);
            (gates.map(|gate| gate.is_ok()), all_back(&old, &baseline, [(SERVER, None)]).is_ok())
        };
        assert_eq!(told(3, 5, 0), ([false; 3], false));
        assert_eq!(told(3, 5, 2), ([false; 3], false), "3 beyond what it must show");
        assert_eq!(told(3, 5, 3), ([true; 3], true));
        assert_eq!(told(4, 6, 3), ([false; 3], false));
    }

    proptest::proptest! {
        /// What stops a run at a gate is not called healthy at its pause.
        #[test]
        fn what_a_gate_finds_wrong_is_found_by_the_account_too(
            chunks in 0_u32..120, removal in 0_u32..3, total in 0_u64..2, away in proptest::bool::ANY,
            tells in proptest::bool::ANY, missing in 0_u32..3, thin in 0_u32..3, accepted in 0_u64..3,
            known in 80_u32..110,
        ) {
            let baseline = Baseline::of(&overview()).accepting(accepted);
            let mut now = overview();
            let matrix = &mut now.matrix.as_mut().unwrap().0;
            (matrix[2][2], matrix[2][1], matrix[2][0]) = (100 - missing - thin, thin, missing);
            now.info.chunks = known;
            let server = &mut now.chunkservers[0];
            (server.chunks, server.removal_chunks, server.total, server.disconnected) = (chunks, removal, total, away);
            if !tells {
                now.matrix = None;
            }
            let servers = || [(SERVER, None)];
            let red = match tells {
                true => serving(&now, &baseline, servers()).is_err() || healthy(&now, &baseline, servers()).is_err(),
                false => all_back(&now, &baseline, servers()).is_err(),
            };
            let red = red || server_is_back(&now, &baseline, SERVER, None).is_err();
            proptest::prop_assert_eq!(red, whole(&now, &baseline, [SERVER]).is_err());
        }
    }

    #[test]
    fn an_old_or_absent_or_disconnected_server_is_not_back() {
        assert!(verdict(|o| o.chunkservers[0].version = None).unwrap_err().to_string().contains("a 1.5 release"));
        assert!(verdict(|o| o.chunkservers.clear()).unwrap_err().to_string().contains("not connected"));
        assert!(verdict(|o| o.chunkservers[0].disconnected = true).unwrap_err().to_string().contains("not connected"));
    }

    #[test]
    fn missing_and_under_goal_chunks_stop_only_beyond_the_baseline() {
        assert!(verdict(|o| o.matrix.as_mut().unwrap().0[2][0] = 1).unwrap_err().to_string().contains("missing"));
        assert!(verdict(|o| o.matrix.as_mut().unwrap().0[3][2] = 1).unwrap_err().to_string().contains("under goal"));
        let mut thin = overview();
        thin.matrix.as_mut().unwrap().0[3][2] = 1;
        assert!(serving(&thin, &Baseline::of(&overview()), [(SERVER, Some(&NEW))]).is_ok(), "a mount may begin");
        let mut sick = overview();
        sick.matrix.as_mut().unwrap().0[3][2] = 1;
        assert!(healthy(&sick, &Baseline::of(&sick), [(SERVER, Some(&NEW))]).is_ok());
        let mut worse = sick.clone();
        worse.matrix.as_mut().unwrap().0[3][2] = 2;
        assert!(
            healthy(&worse, &Baseline::of(&sick), [(SERVER, Some(&NEW))]).is_err(),
            "what was is no excuse for more"
        );
        let mut old = overview();
        old.matrix = None;
        assert!(healthy(&old, &Baseline::of(&old), []).is_err(), "a 1.5 master proves nothing to a new chunkserver");
    }

    #[test]
    fn a_master_that_lost_its_metadata_is_not_healthy() {
        let reason = verdict(|o| {
            o.info.chunks = 0;
            o.matrix = Some(ChunkMatrix([[0; 11]; 11]));
        });
        assert!(reason.unwrap_err().to_string().contains("metadata knows 0 chunks"));
    }

    #[test]
    fn a_1_5_target_is_judged_by_what_1_5_tells() {
        const OLD: Version = Version::new(1, 5, 12);
        let before = Baseline::of(&overview());
        let mut now = overview();
        assert!(master_runs(&now, &OLD).unwrap_err().to_string().contains("1.6.27"));
        assert!(
            all_back(&now, &before, [(SERVER, Some(&OLD))]).unwrap_err().to_string().contains("registered as 1.6.27")
        );
        (now.info.version, now.chunkservers[0].version, now.matrix) = (None, None, None);
        assert!(master_runs(&now, &OLD).is_ok());
        assert!(all_back(&now, &before, [(SERVER, Some(&OLD))]).is_ok());
        now.chunkservers[0].chunks = 0;
        assert!(all_back(&now, &before, [(SERVER, Some(&OLD))]).is_err(), "0 chunks: folders 00 to FF were left");
    }

    #[test]
    fn at_the_end_of_a_way_back_an_old_masters_own_test_stands_above_the_count_of_a_server() {
        const OLD: Version = Version::new(1, 5, 12);
        let before = Baseline { under_goal: 2, ..Baseline::of(&overview()) };
        let tested = |test: FileTest, change: &dyn Fn(&mut Overview)| {
            let mut now = overview();
            (now.info.version, now.chunkservers[0].version, now.matrix) = (None, None, None);
            (now.chunkservers[0].chunks, now.file_test) = (60, test);
            change(&mut now);
            all_back_or_tested(&now, &before, [(SERVER, Some(&OLD))])
        };
        let over = || FileTest { started: 1, ended: 2, ..FileTest::default() };
        assert!(tested(over(), &|_| {}).is_ok(), "they were moved, or deleted");
        let first = FileTest { started: 0, ended: 1, ..FileTest::default() };
        assert!(tested(first, &|_| {}).unwrap_err().to_string().contains("shows 60 chunks"), "no round is over");
        assert!(tested(FileTest { missing_chunks: 1, ..over() }, &|_| {}).is_err());
        assert!(tested(FileTest { under_goal_chunks: 2, ..over() }, &|_| {}).is_ok(), "as many as before");
        assert!(tested(FileTest { under_goal_chunks: 3, ..over() }, &|_| {}).is_err());
        assert!(tested(over(), &|o| o.chunkservers.clear()).is_err());
        assert!(tested(over(), &|o| o.chunkservers[0].chunks = 0).is_err(), "the folders 00 to FF were left");
        assert!(tested(over(), &|o| o.info.inodes = 1).unwrap_err().to_string().contains("other metadata"));
    }

    /// A number of chunks to accept is no advice where a chunkserver does not look at a disk.
    #[test]
    fn a_red_matrix_names_the_chunkservers_that_show_fewer_chunks_than_they_had_or_where_to_look() {
        let red = |missing: u32, shows: u32| {
            let change = |o: &mut Overview| {
                o.chunkservers[0].chunks = shows;
                let row = if missing > 0 {
                    &mut o.matrix.as_mut().unwrap().0[2][0]
                } else {
                    &mut o.matrix.as_mut().unwrap().0[2][1]
                };
                *row = 40;
            };
            verdict(change).unwrap_err().to_string()
        };
        for missing in [0, 40] {
            let told = red(missing, 60);
            assert!(
                told.contains("shows 60 chunks and had 98 or more") && told.contains("marked for removal"),
                "{told}"
            );
            let told = red(missing, 100);
            assert!(!told.contains("shows 100 chunks"), "every server has what it had: {told}");
            assert!(told.contains("; if it stays so, look whether a chunkserver lacks a disk"), "{told}");
        }
    }

    #[test]
    fn a_server_that_has_lost_sight_of_chunks_keeps_what_it_had() {
        let before = Baseline::of(&overview());
        let recounted = |change: &dyn Fn(&mut Overview)| {
            let (mut baseline, mut now) = (before.clone(), overview());
            change(&mut now);
            if let Some(news) = baseline.recount(&now) {
                baseline.learn(&news);
            }
            (baseline.chunks, baseline.servers[&SERVER])
        };
        assert_eq!(recounted(&|_| {}), (100, 100));
        assert_eq!(recounted(&|o| o.chunkservers[0].chunks = 60), (100, 60), "every chunk has its copies: moved");
        assert_eq!(recounted(&|o| o.chunkservers[0].chunks = 0), (100, 100));
        let blind = |o: &mut Overview| (o.chunkservers[0].chunks, o.matrix) = (0, None);
        assert_eq!(recounted(&blind), (100, 100), "whatever its master tells");
        assert_eq!(recounted(&|o| o.chunkservers.clear()), (100, 100));
        let deleted_meanwhile = |o: &mut Overview| {
            (o.info.chunks, o.chunkservers) = (60, Vec::new());
        };
        assert_eq!(recounted(&deleted_meanwhile), (60, 60));
        let short = |o: &mut Overview| {
            o.chunkservers[0].chunks = 60;
            o.matrix.as_mut().unwrap().0[2][1] = 40;
        };
        assert_eq!(recounted(&short), (100, 100));
        let deleted = |o: &mut Overview| {
            (o.info.chunks, o.chunkservers[0].chunks) = (60, 60);
            o.matrix.as_mut().unwrap().0[2][1] = 1;
        };
        assert_eq!(recounted(&deleted), (60, 60));
    }

    #[test]
    fn masters_and_sessions_are_judged_by_their_version() {
        let now = overview();
        assert!(master_runs(&now, &NEW).is_ok());
        assert!(master_runs(&now, &Version::new(1, 6, 26)).is_err());
        assert!(session_is_back(&now, CLIENT, "/mnt/mfs", &NEW).is_ok());
        assert!(session_is_back(&now, CLIENT, "/mnt/other", &NEW).is_err());
        assert!(session_is_back(&now, SERVER, "/mnt/mfs", &NEW).unwrap_err().to_string().contains("no mount"));
    }
}
