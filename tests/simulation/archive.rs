//! An archive is copied to every host and built there, before anything else.

use std::sync::Arc;

use mfsupgrade::plan::{Access, Archive, InstallHow, Mode, Plan};
use mfsupgrade::run::{Ending, FailureKind};
use mfsupgrade::schedule::{Phase, Schedule};

use super::fault::Fault;
use super::world::{OLD, SUM, World, all_new, failure, plan, schedule_of, walk};

/// Every host of the world.
const HOSTS: [&str; 7] = ["master", "log1", "cs1", "cs2", "cs3", "cl1", "cl2"];

/// The example plan, with an archive in the place of its tree.
fn from_archive() -> Plan {
    let mut plan = plan(Mode::Rolling);
    let archive = Archive {
        path: "mfs.tar.gz".into(),
        sha256: SUM.to_owned(),
        bytes: 1 << 20,
        configure: vec!["--prefix=/usr/local".to_owned()],
    };
    let give = |access: &mut Access| Arc::make_mut(&mut access.install).how = InstallHow::Archive(archive.clone());
    give(&mut plan.master.access);
    plan.metaloggers.iter_mut().for_each(|logger| give(&mut logger.access));
    plan.chunkservers.iter_mut().for_each(|server| give(&mut server.access));
    plan.clients.iter_mut().for_each(|group| give(&mut group.access));
    plan
}

/// Its schedule with another bound for what is built at a time.
fn bounded(world: &World, parallel: usize) -> Schedule {
    let mut schedule = schedule_of(world, &from_archive());
    assert_eq!(schedule.stages[0].phase, Phase::Prepare);
    schedule.stages[0].parallel = parallel;
    schedule
}

#[test]
fn no_more_hosts_are_worked_on_at_once_than_the_schedule_says() {
    for (parallel, most) in [(1, 1), (2, 2), (3, 3), (64, HOSTS.len())] {
        let world = World::new();
        world.takes.set(5);
        assert_eq!(walk(&world, &bounded(&world, parallel)), Ending::Finished);
        // no later stage of this plan works on more than one host at a time
        assert_eq!(world.most_at_work.get(), most);
        assert!(all_new(&world));
        let deeds = world.deeds.borrow();
        let place = |what: &str, host: &str| deeds.iter().position(|d| d.1 == host && d.2.contains(what)).unwrap();
        let first = deeds.iter().position(|d| d.2.contains("now()")).unwrap();
        for host in HOSTS {
            assert_eq!((world.times(host, "put "), world.times(host, "./configure")), (1, 1), "{host}");
            assert!(place("put ", host) < place("./configure", host) && place("./configure", host) < first, "{host}");
        }
    }
}

#[test]
fn an_archive_that_arrives_otherwise_is_not_built() {
    let world = World::with("cs2", Fault::CopyDiffers);
    let schedule = schedule_of(&world, &from_archive());
    let stopped = failure(walk(&world, &schedule));
    assert_eq!((stopped.kind, stopped.host.unwrap().as_str()), (FailureKind::StepFailed, "cs2"));
    assert!(stopped.causes[0].contains("has another checksum (0000"), "{:?}", stopped.causes);
    assert_eq!(world.times("cs2", "./configure"), 0);
    assert!(world.deeds.borrow().iter().all(|deed| !deed.2.contains("make install") && !deed.2.contains("now()")));
    assert!(world.versions().iter().all(|(_, version)| *version == OLD));

    // what has arrived whole is not copied a second time
    world.repair("cs2");
    assert_eq!(walk(&world, &schedule), Ending::Finished);
    assert_eq!(HOSTS.map(|host| world.times(host, "put ")), [1, 1, 1, 2, 1, 1, 1]);
    assert_eq!(HOSTS.map(|host| world.times(host, "./configure")), [1; 7]);
}
