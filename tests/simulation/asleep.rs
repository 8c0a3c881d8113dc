//! The operator's machine sleeps, and the cluster goes on without it.

use std::cell::Cell;

use mfsupgrade::plan::Mode;
use mfsupgrade::run::event::Stamped;
use mfsupgrade::run::{Ending, Event, EventSink};

use super::fault::Fault;
use super::world::{World, heard, schedule};

/// Sleeps for two hours at the first event of a kind.
struct Sleeper<'a> {
    world: &'a World,
    at: fn(&Event) -> bool,
    slept: Cell<bool>,
}

impl EventSink for Sleeper<'_> {
    fn send(&self, event: Stamped) {
        if (self.at)(&event.event) && !self.slept.replace(true) {
            self.world.sleep_here(2 * 3600);
        }
    }
}

fn sleeper(world: &World, at: fn(&Event) -> bool) -> Sleeper<'_> {
    Sleeper { world, at, slept: Cell::new(false) }
}

#[test]
fn a_gate_is_looked_at_after_a_sleep_before_it_is_given_up() {
    // still red when the machine wakes up, and green two minutes later
    let world = World::with("cs2", Fault::SlowScan(2 * 3600 + 120));
    let sleeper = sleeper(&world, |event| matches!(event, Event::GateRed { host, .. } if host.as_str() == "cs2"));
    assert_eq!(heard(&world, &schedule(&world, Mode::Rolling), &sleeper), Ending::Finished);
    assert!(sleeper.slept.get());
    let gap = world.when("cs3", "sbin/mfschunkserver").unwrap() - world.when("cs2", "sbin/mfschunkserver").unwrap();
    assert!(gap >= 2 * 3600 + 120 + 300, "the stagger counts from when it was back: {gap}");
}

#[test]
fn a_copy_of_the_metadata_grows_old_while_the_machine_sleeps() {
    let world = World::new();
    let is_trial = |event: &Event| matches!(event, Event::StepDone { step, .. } if step.0.ends_with("/trial"));
    let sleeper = sleeper(&world, is_trial);
    assert_eq!(heard(&world, &schedule(&world, Mode::Rolling), &sleeper), Ending::Finished);
    assert!(sleeper.slept.get());
    assert_eq!(world.times("master", "now()"), 2, "made again before the master goes");
}
