//! The two great proofs: every planted bug is caught by the law that it breaks, and every fault at every place of a small cluster
//! breaks none. Whole, they take a few seconds when optimised (`simulate --proofs`) and minutes when not; a test run takes a part.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::campaign::play;
use super::faults::{Armed, Kind, Point, When};
use super::plant::Bug;
use super::scenario::Scenario;

/// A planted bug is caught within so many seeds.
const CAUGHT_WITHIN: u64 = 1500;

/// What became of each, in order, on all cores.
fn of_each<T: Sync, R: Send>(all: &[T], each: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let (next, became) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    let Some(one) = all.get(n) else { break };
                    let this = each(one);
                    became.lock().expect("no thread panics with it").push((n, this));
                }
            });
        }
    });
    let mut became = became.into_inner().expect("no thread panics with it");
    became.sort_by_key(|(n, _)| *n);
    became.into_iter().map(|(_, this)| this).collect()
}

/// Which seed catches each bug by the law that it breaks; an error has the line of one that none caught.
pub fn catches(planted: &[(Bug, &'static str)]) -> Vec<Result<String, String>> {
    of_each(planted, |(bug, law)| {
        let broken = |seed: u64| play(&Scenario::new(seed), *bug, false).broken.into_iter().find(|b| b.law == *law);
        let name = format!("{bug:?}");
        match (0..CAUGHT_WITHIN).find_map(|seed| broken(seed).map(|b| (seed, b))) {
            Some((seed, broken)) => Ok(format!("{name:<22} {:>4} seeds  {broken}", seed + 1)),
            None => Err(format!("{name:<22} NOT CAUGHT by [{law}]")),
        }
    })
}

/// Plays each; what was played of those that broke a law.
pub fn broken(scenarios: &[Scenario]) -> Vec<String> {
    let play = |scenario: &Scenario| {
        let played = play(scenario, Bug::None, false);
        (!played.broken.is_empty()).then(|| played.to_string())
    };
    of_each(scenarios, play).into_iter().flatten().collect()
}

const fn lost(point: Point) -> Kind {
    Kind::Kill { point, lost: 0 }
}

const POINTS: [Point; 3] = [Point::Before, Point::During, Point::After];

const KINDS: [Kind; 32] = [
    Kind::NotReached,
    Kind::LostBefore,
    Kind::LostDuring,
    Kind::CutOff,
    Kind::LostAfter,
    Kind::Outage(30),
    Kind::Outage(400),
    Kind::Hangs(600),
    Kind::Fails,
    Kind::DiskFull,
    Kind::DaemonDies,
    Kind::DiesLater(20),
    Kind::DaemonSlow(900),
    Kind::Busy,
    Kind::Used(600),
    Kind::LockTaken,
    Kind::LockSilent(30),
    Kind::LockSilent(500),
    Kind::EndsUnsaved,
    Kind::Watchdog { old: true, after: 60 },
    Kind::TrialFails,
    Kind::LoadsSlowly,
    Kind::CopyDiffers,
    Kind::OtherMetadata,
    Kind::NoCopies(200),
    Kind::Reboot { away: 30, up: true },
    Kind::Reboot { away: 200, up: false },
    Kind::UnderGoal { chunks: 5, seconds: 900 },
    Kind::Pause,
    lost(Point::Before),
    lost(Point::During),
    lost(Point::After),
];

/// Every fault at every command and every record of a small cluster, on the way there and back.
pub fn every_fault() -> Vec<Scenario> {
    // the first quiet seeds of each mode and way to install that are small enough
    let mut shapes = Vec::new();
    for scenario in (0..).map(Scenario::quiet).filter(|s| s.servers == 2 && s.clients.len() == 1 && s.loggers == 1) {
        if shapes.iter().all(|s: &Scenario| (s.mode, s.how) != (scenario.mode, scenario.how)) {
            shapes.push(scenario);
        }
        if shapes.len() == 6 {
            break;
        }
    }
    let mut all = Vec::new();
    // on the way back of the first of them, whole and from the middle
    for shape in shapes.iter().filter(|s| s.how == shapes[0].how).flat_map(|s| [60, 0].map(|after| (s, after))) {
        let (shape, after) = shape;
        // paused in the middle, and turned round there
        let first = (after == 0).then_some(Armed { when: When::Command(shape.commands() / 2), kind: Kind::Pause });
        let back = |when, kind| Scenario {
            faults: first.into_iter().collect(),
            back: Some(after.max(1)),
            back_faults: vec![Armed { when, kind }],
            ..shape.clone()
        };
        for kind in KINDS {
            all.extend((0..shape.commands()).map(|command| back(When::Command(command), kind)));
        }
        for kind in POINTS.map(lost) {
            all.extend((0..3 * shape.commands()).map(|append| back(When::Append(append), kind)));
        }
    }
    for shape in shapes {
        for command in 0..shape.commands() {
            for kind in KINDS {
                all.push(upgrade(&shape, When::Command(command), kind));
            }
        }
        let full = [true, false].map(|once| Kind::AppendFails { once });
        for append in 0..3 * shape.commands() {
            for kind in POINTS.map(lost).into_iter().chain(full) {
                all.push(upgrade(&shape, When::Append(append), kind));
            }
        }
    }
    all
}

fn upgrade(shape: &Scenario, when: When, kind: Kind) -> Scenario {
    Scenario { faults: vec![Armed { when, kind }], ..shape.clone() }
}
