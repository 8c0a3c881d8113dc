//! The terms of a plan beyond its order: a window, and what is done about mounts in use. And what goes wrong with them: somebody
//! uses a mount, the cluster's lock is lost; and a master ends without saving. All of it is drawn from numbers of its own, so that the rest of a seed is the same
//! with it and without it.

use std::time::Duration;

use jiff::civil::Time;
use mfsupgrade::plan::{Busy, Window};

use super::faults::{Armed, Kind, When};
use super::seed::Seed;

const DAY: i64 = 24 * 3600;

/// When a window is closed: as many seconds on each day, from this one on, by UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shut {
    pub from: i64,
    pub seconds: i64,
}

impl Shut {
    /// For how many seconds it has been closed when the clock shows `clock`. `None`: it is open.
    pub fn closed_for(&self, clock: i64) -> Option<i64> {
        let since = (clock - self.from).rem_euclid(DAY);
        (since < self.seconds).then_some(since)
    }

    pub fn window(&self) -> Window {
        let time = |second: i64| {
            let minute = second.rem_euclid(DAY) / 60;
            Time::new((minute / 60) as i8, (minute % 60) as i8, 0, 0).expect("a time of day")
        };
        let (opens, closes) = (time(self.from + self.seconds), time(self.from));
        Window::new(opens, closes, [].into(), "UTC").expect("a window that is open at some time")
    }
}

/// What a plan demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    pub shut: Option<Shut>,
    pub busy: Busy,
    /// Whether a mount that is still in use is unmounted lazily, as the plan acknowledges.
    pub lazy: bool,
}

impl Terms {
    /// Nothing beyond the order.
    pub const PLAIN: Self = Self { shut: None, busy: Busy::Fail, lazy: false };

    /// For a run that begins at `clock`.
    pub fn draw(r: &mut Seed, clock: i64) -> Self {
        let shut = r.chance(20).then(|| {
            let minute = clock / 60 + r.between(-20, 60);
            Shut { from: (minute * 60).rem_euclid(DAY), seconds: 60 * r.between(5, 90) }
        });
        let busy = match r.below(10) {
            0..=5 => Busy::Fail,
            6 | 7 => Busy::Skip,
            _ => Busy::Wait(Duration::from_secs(r.between(60, 1200) as u64)),
        };
        Self { shut, busy, lazy: r.chance(10) }
    }
}

/// What goes wrong in a run of about so many commands and seconds.
pub fn faults(r: &mut Seed, mounts: usize, commands: usize, seconds: i64) -> Vec<Armed> {
    let mut list = Vec::new();
    if mounts > 0 && r.chance(40) {
        let used = |r: &mut Seed| {
            let longest = if r.chance(50) { 300 } else { 3000 };
            Armed { when: When::Second(r.between(0, seconds)), kind: Kind::Used(r.between(10, longest)) }
        };
        list.extend((0..1 + r.below(2)).map(|_| used(r)));
    }
    if r.chance(12) {
        let when = if r.chance(50) { When::Command(r.below(commands)) } else { When::Second(r.between(0, seconds)) };
        let kind = if r.chance(50) { Kind::LockTaken } else { Kind::LockSilent(r.between(10, 900)) };
        list.push(Armed { when, kind });
    }
    if r.chance(8) {
        list.push(Armed { when: When::Command(0), kind: Kind::EndsUnsaved });
    }
    list
}

/// Connections that hang, in a run of about so many seconds: from numbers of their own once more.
pub fn hangs(r: &mut Seed, seconds: i64) -> Vec<Armed> {
    let count = if r.chance(25) { 1 + r.below(4) } else { 0 };
    let hangs = |r: &mut Seed| Armed { when: When::Second(r.between(0, seconds)), kind: Kind::ConnectionHangs };
    (0..count).map(|_| hangs(r)).collect()
}

/// What people do meanwhile: they delete files and write some, and boot a client in the middle of its upgrade.
pub fn people(r: &mut Seed, seconds: i64) -> Vec<Armed> {
    let mut list = Vec::new();
    let at = |r: &mut Seed| When::Second(r.between(0, seconds));
    if r.chance(25) {
        list.push(Armed { when: at(r), kind: Kind::Deleted { percent: deleted(r) } });
    }
    if r.chance(10) {
        list.push(Armed { when: at(r), kind: Kind::HalfClientBoots { away: r.between(10, 300) } });
    }
    list
}

/// What becomes of chunks: a master moves copies, and somebody marks a disk for removal.
pub fn disks(r: &mut Seed, seconds: i64) -> Vec<Armed> {
    let mut list = Vec::new();
    if r.chance(25) {
        let percent = r.between(3, 60) as u32;
        list.push(Armed { when: When::Second(r.between(0, seconds)), kind: Kind::CopiesMove { percent } });
    }
    if r.chance(6) {
        let percent = r.between(10, 80) as u32;
        list.push(Armed { when: When::Command(0), kind: Kind::DiskMarked { percent } });
    }
    list
}

/// Who starts a master that a full stop has stopped: from numbers of their own once more.
pub fn watchdogs(r: &mut Seed) -> Vec<Armed> {
    let watchdog = |r: &mut Seed| Kind::Watchdog { old: r.chance(60), after: r.between(5, 200) };
    let list = r.chance(15).then(|| Armed { when: When::Command(0), kind: watchdog(r) });
    list.into_iter().collect()
}

/// How much in percent; less than nothing: written.
pub fn deleted(r: &mut Seed) -> i32 {
    r.pick(&[-5, 1, 3, 3, 5, 12, 40])
}
