//! A cluster of which a part is new already, and a full-stop of it.

use super::scene::{NEW, OLD, SERVERS, Scene, address, scene};
use crate::check::Code;
use crate::moosefs::daemon::Role;
use crate::moosefs::wire::Layout;
use crate::plan::Mode;
use crate::schedule::{Schedule, compile};
use crate::step::{Action, Effect, Start};

/// A full-stop of a cluster whose master is new, and so many chunkservers.
fn schedule(servers: usize) -> (Scene, Schedule) {
    let mut scene = scene();
    scene.plan.upgrade.mode = Mode::FullStop;
    (scene.overview.info.version, scene.overview.info.layout) = (Some(NEW), Layout::V16);
    let new = ["master"].iter().chain(&SERVERS[..servers]);
    for host in new {
        let facts = scene.host(host);
        facts.processes[0].version = Some(NEW);
        let path = format!("/usr/local/{}", facts.processes[0].role.path_in_prefix());
        facts.installed.insert(path, Some(NEW));
    }
    for host in &SERVERS[..servers] {
        let listed = scene.overview.chunkservers.iter_mut().find(|s| s.address == address(host));
        listed.unwrap().version = Some(NEW);
    }
    let (seen, findings) = scene.findings();
    assert!(!findings.iter().any(|f| f.code == Code::FullStopUnderMounts), "nothing takes the master away");
    let seen = seen.unwrap_or_else(|| panic!("{findings:?}"));
    let schedule = compile(&scene.plan, Some(&seen), scene.plan.line());
    (scene, schedule)
}

fn stops(schedule: &Schedule) -> bool {
    schedule.steps().any(|(_, _, step)| step.action.begins_the_outage())
}

#[test]
fn a_full_stop_does_not_stop_a_master_that_is_new() {
    for servers in 0..=SERVERS.len() {
        let (_, schedule) = schedule(servers);
        assert!(!stops(&schedule) && schedule.stages.iter().all(|stage| stage.wait.is_none()), "{servers}");
        assert_eq!((schedule.least_s, schedule.stands_still_s()), (0, None), "{servers}");
        let summary = crate::ui::summary::text(&schedule).to_string();
        assert!(summary.contains("The master runs 1.6.27 already: it is not stopped"), "{summary}");
        let starts = schedule.steps().filter(|(_, _, step)| {
            matches!(step.action.effect(), Effect::Starts(Start { role: Role::Chunkserver, .. })) && step.pause_before
        });
        assert_eq!(starts.count(), SERVERS.len(), "each looks for itself, and nothing stands still in a pause");
        let none = summary.contains("none is restarted");
        assert_eq!(none, servers == SERVERS.len(), "{summary}");
    }
}

/// The version of the metadata before anything was done: no master after it may have loaded less.
#[test]
fn what_the_old_master_has_saved_is_known_from_the_first_look_on() {
    let mut scene = scene();
    let known = |scene: &Scene| scene.check().0.unwrap().baseline.metaversion;
    assert_eq!(known(&scene), None);
    scene.host("master").metaversions.insert("metadata.mfs.back".to_owned(), 4711);
    assert_eq!(known(&scene), Some(4711));
}

/// What is kept must hold the old program, or nothing is stopped; but for what the operator has acknowledged.
#[test]
fn a_copy_of_what_is_replaced_is_asked_for_the_old_program() {
    let mut scene = scene();
    scene.plan.upgrade.acknowledge.insert("old-programs-gone".to_owned());
    scene.host("cs2").installed.insert("/usr/local/sbin/mfschunkserver".into(), Some(NEW));
    let (seen, _) = scene.check();
    let schedule = compile(&scene.plan, Some(&seen.unwrap()), scene.plan.line());
    let wanted = |host: &str| {
        let of = |track: &crate::schedule::Track| track.host.as_str() == host;
        schedule.steps().find_map(|(_, track, step)| match &step.action {
            Action::Keep(keep) if of(track) => Some(keep.holds.clone()),
            _ => None,
        })
    };
    for host in ["master", "cs1", "cl1"] {
        assert_eq!(wanted(host), Some(Some(OLD)), "{host}");
    }
    assert_eq!(wanted("cs2"), Some(None), "acknowledged");
    assert_eq!(wanted("log1"), Some(None), "1.5 has no metalogger");
}

#[test]
fn no_way_back_is_promised_where_the_old_programs_are_gone() {
    let promised = |kept: bool| {
        let mut scene = scene();
        scene.plan.upgrade.acknowledge.insert("old-programs-gone".to_owned());
        scene.host("cs2").installed.insert("/usr/local/sbin/mfschunkserver".into(), Some(NEW));
        if kept {
            let file = "/var/lib/mfsupgrade/1.5.12-to-1.6.27/replaced-usr-local.tar";
            let programs = [("sbin/mfschunkserver".to_owned(), Some(OLD))];
            scene.host("cs2").archives.insert(file.to_owned(), programs.into());
        }
        let (seen, codes) = scene.check();
        assert_eq!(codes.contains(&Code::OldProgramsGone), !kept, "an earlier run may have kept them");
        let schedule = compile(&scene.plan, Some(&seen.unwrap()), scene.plan.line());
        let words = |host: &str| {
            let id = format!("chunkservers/{host}/start");
            let (_, _, step) = schedule.steps().find(|(_, _, step)| *step.id.0 == *id).unwrap();
            step.way_back.clone().unwrap()
        };
        (words("cs1").contains("rollback` does it"), words("cs2").contains("rollback` does it"), words("cs2"))
    };
    let (cs1, cs2, words) = promised(false);
    assert!(cs1 && !cs2 && words.contains("CANNOT: no chunkserver program of 1.5.12 is left on cs2"), "{words}");
    assert!(matches!(promised(true), (true, true, _)));
}

#[test]
fn a_full_stop_stops_a_master_that_is_old_whatever_the_chunkservers_are() {
    let mut scene = scene();
    scene.plan.upgrade.mode = Mode::FullStop;
    scene.plan.upgrade.acknowledge.insert("full-stop-under-mounts".to_owned());
    let (seen, codes) = scene.check();
    assert!(codes.contains(&Code::FullStopUnderMounts));
    let schedule = compile(&scene.plan, seen.as_ref(), scene.plan.line());
    assert!(stops(&schedule));
    assert_eq!(schedule.stands_still_s(), Some(180));
    assert!(!crate::ui::summary::text(&schedule).to_string().contains("it is not stopped"));
}
