//! What is not where or when it seems: clocks that are set, of the tool's machine and of hosts; a disk whose times are another
//! machine's; names that lead elsewhere. All of it is drawn from numbers of its own, so that the rest of a seed is the same with it
//! and without it.

use super::faults::{Armed, Kind, When};
use super::seed::Seed;

const HOUR: i64 = 3600;

/// Sessions of which anything is drawn.
const SESSIONS: usize = 8;

/// Where a name leads in one session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// Two hosts of the plan have exchanged their names; the numbers pick them.
    Exchanged(usize, usize),
    /// A machine that nobody knows answers in the place of a host.
    Replaced(usize),
}

/// All of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Drift {
    /// By how many seconds the tool's clock is set before each session.
    pub set: Vec<i64>,
    /// Where names lead in each session behind the first.
    pub moves: Vec<Option<Move>>,
    /// How far the clock of the disk with the metadata is ahead of its host's, in seconds.
    pub disk_ahead: i64,
}

fn jump(r: &mut Seed) -> i64 {
    let by = match r.below(4) {
        0 => r.between(5, 900),
        1 => r.between(HOUR - 300, HOUR + 900),
        2 => r.between(1, 30) * HOUR,
        _ => r.between(300, 3 * HOUR),
    };
    if r.chance(50) { by } else { -by }
}

impl Drift {
    /// For a cluster of so many hosts.
    pub fn draw(r: &mut Seed, hosts: usize) -> Self {
        let sets = r.chance(50);
        let set = (0..SESSIONS).map(|_| if sets && r.chance(60) { jump(r) } else { 0 }).collect();
        let moves = r.chance(30);
        let move_of = |r: &mut Seed| match r.chance(60) {
            true => Move::Exchanged(r.below(hosts), r.below(hosts)),
            false => Move::Replaced(r.below(hosts)),
        };
        let moves = (0..SESSIONS).map(|_| (moves && r.chance(40)).then(|| move_of(r))).collect();
        let disk_ahead = if r.chance(25) { r.between(-2 * HOUR, 2 * HOUR) } else { 0 };
        Self { set, moves, disk_ahead }
    }

    /// What goes wrong with clocks in a run of about so many seconds.
    pub fn faults(r: &mut Seed, seconds: i64) -> Vec<Armed> {
        let mut list = Vec::new();
        if r.chance(25) {
            list.push(Armed { when: When::Second(r.between(0, seconds)), kind: Kind::WallJumps(jump(r)) });
        }
        if r.chance(25) {
            // by whole hours: a master saves at the full hour of its own clock
            let hours = r.between(1, 30) * if r.chance(50) { 1 } else { -1 };
            list.push(Armed { when: When::Second(r.between(0, seconds)), kind: Kind::HostClockJumps(hours * HOUR) });
        }
        list
    }
}
