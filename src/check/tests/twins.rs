//! Two names and one machine, in any roles: one error, and nothing that follows from it.

use super::scene::{CLIENTS, SERVERS, Scene, address, name, scene};
use crate::check::{Code, Finding, Severity};

fn errors(scene: &Scene) -> Vec<Finding> {
    let (observation, findings) = scene.findings();
    let errors: Vec<_> = findings.into_iter().filter(|f| f.severity == Severity::Error).collect();
    assert_eq!(observation.is_none(), !errors.is_empty());
    errors
}

#[test]
fn two_names_of_one_machine_are_one_error_whatever_their_roles() {
    for (other, true_name, names) in [
        ("cs2", "cs1", "cs1 (chunkserver) and cs2 (chunkserver)"),
        ("cs1", "cs3", "cs1 (chunkserver) and cs3 (chunkserver)"),
        ("cl1", "cs1", "cs1 (chunkserver) and cl1 (client)"),
        ("cs1", "cl1", "cs1 (chunkserver) and cl1 (client)"),
        ("cl2", "cl1", "cl1 (client) and cl2 (client)"),
        ("cl1", "master", "master (master) and cl1 (client)"),
        ("log1", "master", "master (master) and log1 (metalogger)"),
        ("master", "cs1", "master (master) and cs1 (chunkserver)"),
        ("log1", "cs2", "log1 (metalogger) and cs2 (chunkserver)"),
    ] {
        let mut scene = scene();
        scene.leads_to(other, true_name);
        let errors = errors(&scene);
        assert_eq!(errors.iter().map(|f| f.code).collect::<Vec<_>>(), [Code::SameMachineTwice], "{errors:#?}");
        let Finding { host, seen, todo, .. } = &errors[0];
        assert!(host.is_none() && seen.starts_with(names) && seen.contains("(boot b00f"), "{seen}");
        assert!(todo.contains(&format!("for example {true_name};")), "the name that the machine has itself: {todo}");
        let silent = scene.unanswered();
        assert!(silent.contains(&Code::SameMachineTwice), "{silent:?}");
        assert!(!silent.contains(&Code::DaemonNotRunning), "{silent:?}");
    }
}

#[test]
fn every_machine_is_told_once_and_roles_under_one_name_are_none() {
    let mut scene = scene();
    scene.leads_to("cs2", "cs1");
    scene.leads_to("cs3", "cs1");
    scene.leads_to("cl2", "cl1");
    for client in CLIENTS {
        scene.host(client).boot_id = "cafe".into();
    }
    let seen: Vec<_> = errors(&scene).into_iter().map(|f| f.seen).collect();
    assert_eq!(seen.len(), 2, "{seen:?}");
    assert!(seen[0].starts_with("cs1 (chunkserver) and cs2 (chunkserver) and cs3 (chunkserver) lead to"), "{seen:?}");
    assert!(seen[1].starts_with("cl1 (client) and cl2 (client) lead to"), "{seen:?}");
}

#[test]
fn hosts_of_a_lab_on_one_kernel_are_as_many_machines() {
    let mut scene = scene();
    for (at, facts) in scene.fleet.values_mut().enumerate() {
        (facts.boot_id, facts.hostname) = ("b00f".into(), "lab".into());
        (facts.process_space, facts.network_space) = (Some(format!("pid:[{at}]")), Some(format!("net:[{at}]")));
    }
    assert_eq!(errors(&scene), []);
    // and where nobody shows namespaces, containers have names of their own
    for (host, facts) in &mut scene.fleet {
        (facts.process_space, facts.network_space) = (None, None);
        facts.hostname = host.to_string();
    }
    assert_eq!(errors(&scene), []);
}

#[test]
fn two_servers_with_one_address_at_the_master_are_no_two_for_this_program() {
    let mut scene = scene();
    let shared = address(SERVERS[0]);
    scene.host("cs2").sockets.iter_mut().filter(|s| !s.listening).for_each(|s| s.local.0 = shared);
    let errors = errors(&scene);
    let told = errors.iter().find(|f| f.code == Code::SameMachineTwice).unwrap();
    assert!(told.seen.contains("the master knows cs1 (chunkserver) and cs2 (chunkserver) by one address, 10.0.1.1"));
    scene.leads_to("cs2", "cs1");
    assert!(scene.fleet.contains_key(&name("cs2")));
    let codes: Vec<_> = self::errors(&scene).into_iter().map(|f| f.code).collect();
    assert_eq!(codes, [Code::SameMachineTwice], "told once where it is one machine");
}
