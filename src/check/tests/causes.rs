//! A cause is told, and not what follows from it.

use super::scene::{SERVERS, Scene, address, name, scene};
use crate::check::{Code, Severity};

fn errors(scene: &Scene) -> Vec<Code> {
    let mut codes = scene.check().1;
    codes.retain(|code| code.severity() == Severity::Error);
    codes.dedup();
    codes
}

#[test]
fn one_wrong_digit_in_from_is_told_of_what_runs_and_of_nothing_else() {
    for wrong in [semver::Version::new(1, 5, 11), semver::Version::new(1, 5, 13)] {
        let mut scene = scene();
        scene.plan.upgrade.from = wrong;
        assert_eq!(errors(&scene), [Code::VersionDiffers]);
        let hosts = scene.findings().1.into_iter().filter(|f| f.code == Code::VersionDiffers).filter_map(|f| f.host);
        assert!(SERVERS.iter().all(|server| hosts.clone().any(|host| host == name(server))));
    }
}

#[test]
fn a_server_that_was_not_looked_at_is_no_stranger_and_a_stranger_beside_it_is() {
    let mut scene = scene();
    scene.fleet.remove(&name("cs2"));
    scene.fleet.remove(&name("cl1"));
    assert_eq!(errors(&scene), [], "what could not be looked at has a finding of its own");
    let mut strange = scene.overview.chunkservers[0].clone();
    strange.address = [10, 0, 0, 77].into();
    scene.overview.chunkservers.push(strange);
    assert_eq!(errors(&scene), [Code::ChunkserverNotInPlan]);
    // by the address that the plan gives, it is known which of them is strange
    scene.plan.chunkservers.iter_mut().find(|s| s.host == name("cs2")).unwrap().address = Some(address("cs2"));
    let strange: Vec<_> = scene.findings().1.into_iter().filter(|f| f.code == Code::ChunkserverNotInPlan).collect();
    assert_eq!(strange.len(), 1);
    assert!(strange[0].seen.ends_with("10.0.0.77") && !strange[0].todo.contains("shut"), "{strange:?}");
}

#[test]
fn a_daemon_that_does_not_run_is_not_told_as_away_too() {
    let mut scene = scene();
    scene.host("cs1").processes.clear();
    scene.host("cs1").sockets.clear();
    scene.overview.chunkservers.retain(|server| server.address != address("cs1"));
    assert_eq!(errors(&scene), [Code::DaemonNotRunning]);
}

#[test]
fn a_server_of_the_plan_that_is_down_is_not_told_as_gone_for_good_and_another_one_is() {
    let mut scene = scene();
    scene.host("cs1").processes.clear();
    scene.host("cs1").sockets.clear();
    let listed = scene.overview.chunkservers.iter_mut().find(|server| server.address == address("cs1"));
    listed.unwrap().disconnected = true;
    let told = |scene: &Scene, code| scene.check().1.into_iter().filter(|told| *told == code).count();
    assert_eq!((told(&scene, Code::DaemonNotRunning), told(&scene, Code::ChunkserverGone)), (1, 0));
    // one that the plan does not name is connected: what is down is not that one
    let mut other = scene.overview.chunkservers[1].clone();
    other.address = [10, 0, 0, 77].into();
    scene.overview.chunkservers.push(other);
    assert_eq!((told(&scene, Code::ChunkserverNotInPlan), told(&scene, Code::ChunkserverGone)), (1, 0));
    scene.overview.chunkservers.last_mut().unwrap().disconnected = true;
    assert_eq!((told(&scene, Code::ChunkserverNotInPlan), told(&scene, Code::ChunkserverGone)), (0, 2));
    // by the address that the plan gives it is known which of the two is a stranger
    scene.plan.chunkservers.iter_mut().find(|s| s.host == name("cs1")).unwrap().address = Some(address("cs1"));
    assert_eq!(told(&scene, Code::ChunkserverGone), 1);
}

#[test]
fn findings_are_in_the_order_of_their_causes() {
    let mut scene = scene();
    scene.host("master").make = false;
    scene.host("cl1").root = false;
    let codes = errors(&scene);
    assert_eq!(codes[..2], [Code::NotRoot, Code::MakeMissing]);
}
