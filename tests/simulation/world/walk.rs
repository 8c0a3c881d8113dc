//! A plan and a schedule for the small world, and a walk over it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::Ordering;

use mfsupgrade::check::{Baseline, ClientSeen, MasterSeen, Observation, ServerSeen};
use mfsupgrade::host::{AbsPath, HostName, MountArguments};
use mfsupgrade::journal::{JournalSink, Progress, Record};
use mfsupgrade::plan::{Mode, Plan};
use mfsupgrade::run::event::Stamped;
use mfsupgrade::run::ports::Master;
use mfsupgrade::run::{Ending, EventSink, Failure, Runner, Sound};
use mfsupgrade::schedule::{Schedule, compile};

use super::ports::address;
use super::{NEW, OLD, World};

struct Sink<'a>(&'a World);

impl JournalSink for Sink<'_> {
    fn append(&mut self, record: Record) -> std::io::Result<()> {
        self.0.records.borrow_mut().push(record);
        Ok(())
    }
}

/// Keeps every event.
#[derive(Default)]
pub struct Events(pub Mutex<Vec<Stamped>>);

impl EventSink for Events {
    fn send(&self, event: Stamped) {
        self.0.lock().unwrap().push(event);
    }
}

/// The example plan.
pub fn plan(mode: Mode) -> Plan {
    let source = include_str!("../../../plans/rolling.toml");
    let mut plan = Plan::parse(source, Path::new("rolling.toml"), Path::new("/")).unwrap();
    plan.upgrade.mode = mode;
    plan
}

/// The schedule of the example plans for this world.
pub fn schedule(world: &World, mode: Mode) -> Schedule {
    schedule_of(world, &plan(mode))
}

/// The same of a plan that was changed.
pub fn schedule_of(world: &World, plan: &Plan) -> Schedule {
    let baseline = Baseline::of(&futures_now(world.overview()).unwrap());
    let seen = |host: &str| (HostName::new(host).unwrap(), server(host));
    let mount = AbsPath::new("/mnt/mfs").unwrap();
    let client = |host: &str| {
        let mounts = vec![MountArguments::new(mount.clone(), HostName::new("mfsmaster").unwrap())];
        (HostName::new(host).unwrap(), ClientSeen { address: address(host), mounts, upgraded: false })
    };
    let observation = Observation {
        without_old: std::collections::BTreeMap::new(),
        reconnect_s: mfsupgrade::rules::away::RECONNECT_S,
        machines: Default::default(),
        baseline,
        metaloggers: BTreeMap::new(),
        config: BTreeMap::new(),
        master: MasterSeen {
            user: "nobody".to_owned(),
            group: "nogroup".to_owned(),
            configuration: Vec::new(),
            version: OLD,
            data_path: AbsPath::new("/var/mfs").unwrap(),
            admin_address: Ipv4Addr::UNSPECIFIED,
            chunkserver_port: None,
            metadata_bytes: 0,
        },
        chunkservers: ["cs1", "cs2", "cs3"].map(seen).into(),
        clients: ["cl1", "cl2"].map(client).into(),
    };
    compile(plan, Some(&observation), plan.line())
}

fn server(host: &str) -> ServerSeen {
    ServerSeen { version: OLD, address: address(host), data_path: AbsPath::new("/var/mfs").unwrap() }
}

/// The simulated world never waits for anything real.
pub fn futures_now<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    loop {
        if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}

/// Walks `schedule` from where the world's records are.
pub fn walk(world: &World, schedule: &Schedule) -> Ending {
    heard(world, schedule, &Events::default())
}

/// The same up to a pause that is asked for when a command with the text `deed` was run; nobody asks for one afterwards.
pub fn walk_to_pause(world: &World, schedule: &Schedule, deed: &str) {
    *world.pause_after.borrow_mut() = Some(deed.into());
    assert_eq!(walk(world, schedule), Ending::Paused);
    *world.pause_after.borrow_mut() = None;
    world.pause.store(false, Ordering::Relaxed);
}

/// The same, with whoever listens.
pub fn heard(world: &World, schedule: &Schedule, events: &dyn EventSink) -> Ending {
    let progress = Progress::replay(&world.records.borrow());
    let mut sink = Sink(world);
    let runner = Runner {
        schedule,
        baseline: RefCell::new(schedule.baseline.clone().unwrap()),
        run: if schedule.back_of.is_some() { "back".into() } else { "simulated".into() },
        simulated: Some("the whole world is simulated".into()),
        hosts: world,
        master: world,
        laws: &Sound,
        guard: world,
        clock: world,
        backup: "/nowhere".into(),
        journal: RefCell::new(&mut sink),
        events,
        pause: &world.pause,
        done: RefCell::default(),
        open: RefCell::default(),
        found: RefCell::default(),
        aside: RefCell::default(),
        clocks: RefCell::default(),
        machines: RefCell::default(),
        accepts_metadata: world.accepts_metadata.get(),
        unserved: Cell::default(),
    };
    futures_now(runner.walk(&progress))
}

/// The least stagger of these plans.
pub const FIVE_MINUTES: i64 = 300;

/// What a run failed with.
pub fn failure(ending: Ending) -> Failure {
    match ending {
        Ending::Failed(failure, _) => failure,
        other => panic!("the run did not fail: {other:?}"),
    }
}

/// Whether everything runs in the new release.
pub fn all_new(world: &World) -> bool {
    world.versions().len() == 6 && world.versions().iter().all(|(_, v)| *v == NEW)
}
