//! What a host tells of itself: read, held against the plan and the master's word, shown and compiled.

use std::net::Ipv4Addr;
use std::sync::OnceLock;

use mfsupgrade::check::preflight::{Fleet, Here, preflight, unanswered};
use mfsupgrade::check::{Finding, Observation};
use mfsupgrade::host::{HostFacts, HostName};
use mfsupgrade::moosefs::Overview;
use mfsupgrade::moosefs::version::Version;
use mfsupgrade::moosefs::wire::{Chunkserver, FileTest, Info, Layout, Session};
use mfsupgrade::plan::Plan;
use mfsupgrade::schedule::compile;
use mfsupgrade::ui;

use super::super::corpus;
use super::{Broken, Checked, Target, holds, quiet, text};

pub fn target() -> Target {
    let corpus = [corpus::answers("survey-"), corpus::answers("look-")].concat();
    Target { name: "look", corpus, check, bound: 64 << 20 }
}

/// A cluster in which one host answers otherwise.
struct Scene {
    plan: Plan,
    fleet: Fleet,
    overview: Overview,
}

fn scene() -> &'static Scene {
    static SCENE: OnceLock<Scene> = OnceLock::new();
    SCENE.get_or_init(|| {
        let source = String::from_utf8(corpus::file("plans/rolling.toml")).expect("a plan is UTF-8");
        let plan = Plan::parse(&source, "rolling.toml".as_ref(), "/".as_ref()).expect("the plan is read");
        let mut fleet = Fleet::new();
        for (host, ..) in plan.hosts() {
            let answer = corpus::file(&format!("tests/fixtures/answers/survey-{host}-1.txt"));
            if let Ok(facts) = HostFacts::parse(&text(&answer)) {
                fleet.insert(host.clone(), facts);
            }
        }
        let overview = overview(&fleet);
        Scene { plan, fleet, overview }
    })
}

/// What a master of 1.5 says of the hosts that are connected to it.
fn overview(fleet: &Fleet) -> Overview {
    let info = Info {
        version: None,
        layout: Layout::V15,
        total_space: 300 << 30,
        available_space: 100 << 30,
        inodes: 13,
        directories: 1,
        files: 12,
        chunks: 12,
        copies: None,
    };
    let towards = |port: u16| fleet.values().filter_map(move |facts| facts.address_towards(port));
    let server = |address: Ipv4Addr| Chunkserver {
        version: None,
        disconnected: false,
        maintenance: false,
        address,
        port: 9422,
        used: 1 << 30,
        total: 100 << 30,
        chunks: 8,
        removal_chunks: 0,
        errors: 0,
    };
    let mount = |address: Ipv4Addr| Session {
        id: None,
        address,
        version: Version::new(1, 5, 12),
        mount_point: None,
        path: None,
        connected: true,
    };
    Overview {
        info,
        chunkservers: towards(9420).map(server).collect(),
        sessions: towards(9421).map(mount).collect(),
        matrix: None,
        file_test: FileTest { started: 1, ended: 2, files: 12, chunks: 12, ..FileTest::default() },
        metaloggers: None,
    }
}

fn check(bytes: &[u8]) -> Checked {
    let facts = match HostFacts::parse(&text(bytes)) {
        Ok(facts) => facts,
        Err(error) => return quiet("an error", ui::shown::Shown::line(&error.to_string()).as_str()).map(|()| false),
    };
    mounts(&facts)?;
    let Scene { plan, fleet, overview } = scene();
    let named = HostName::new(&facts.hostname).ok().filter(|host| fleet.contains_key(host));
    let mut fleet = fleet.clone();
    fleet.insert(named.unwrap_or_else(|| plan.master.host.clone()), facts);
    let here = Here::default();
    let (observation, found) = preflight(plan, &fleet, overview, &here);
    findings(plan, &found)?;
    findings(plan, &unanswered(plan, &fleet, &here))?;
    observation.map_or(Ok(()), |observation| observed(plan, &observation))?;
    Ok(true)
}

/// What is made of single lines.
fn mounts(facts: &HostFacts) -> Result<(), Broken> {
    for process in &facts.processes {
        let _ = (process.mount_point(), facts.listens_itself(process, 9421));
        if let Ok(mount) = process.mount_arguments() {
            let words = mount.new_words();
            holds("mount", !words.is_empty(), || format!("{mount:?}"))?;
        }
    }
    let _ = (facts.least_metaversion(), facts.listener(9421), facts.address_towards(9420));
    for mount in &facts.mounts {
        let named = facts.named_users_of(&mount.mount_point).unwrap_or_default();
        quiet("users of a mount", ui::shown::Shown::line(&named).as_str())?;
    }
    Ok(())
}

fn findings(plan: &Plan, findings: &[Finding]) -> Result<(), Broken> {
    quiet("findings", ui::findings::text(findings, &plan.upgrade.acknowledge, true, false).as_str())?;
    let json = serde_json::to_string(findings).expect("findings are JSON");
    let again: Vec<Finding> =
        serde_json::from_str(&json).map_err(|error| Broken::new("round trip", error.to_string()))?;
    holds("round trip", again == findings, || json)
}

/// The observation is kept with the run, and what is compiled from it is shown.
fn observed(plan: &Plan, observation: &Observation) -> Result<(), Broken> {
    let json = serde_json::to_string(observation).expect("an observation is JSON");
    let again: Observation =
        serde_json::from_str(&json).map_err(|error| Broken::new("round trip", error.to_string()))?;
    holds("round trip", again == *observation, || json)?;
    let schedule = compile(plan, Some(observation), plan.line());
    holds("same schedule", schedule.digest() == compile(plan, Some(&again), plan.line()).digest(), || {
        format!("{observation:?}")
    })?;
    quiet("a schedule", ui::schedule::text(&schedule, true, 100, false).as_str())?;
    quiet("a summary", ui::summary::text(&schedule).as_str())
}
