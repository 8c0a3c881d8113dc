//! What a cluster brings with it into an upgrade, and what becomes of the run's state folder: chunk files that were lost before,
//! new programs that somebody has put in by hand, a copy of the folder that is gone on with. All of it is drawn from numbers of its
//! own, so that the rest of a seed is the same with it and without it.

use super::seed::Seed;
use super::twice::Twice;

/// Sessions in which a copied state folder may be gone on with.
const SESSIONS: usize = 8;

/// All of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Past {
    /// Chunk files that the first chunkserver has lost: it tells its old master of them until it is started again.
    pub lost: u32,
    /// How many lost copies the plan accepts: never fewer, or the upgrade would be refused.
    pub accepts: u32,
    /// The host, by its place among all, onto which the new programs were installed before the run, over the old ones.
    pub put_in: Option<usize>,
    pub copied: Option<Copied>,
    /// A second process walks the run beside the first.
    pub twice: Option<Twice>,
    /// A run that stopped in the clients' phase of a full-stop is left for a new one.
    pub abandons: bool,
}

/// A state folder that is copied behind one session; behind others the folder and its copy change places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    pub after: usize,
    pub swaps: Vec<usize>,
}

impl Past {
    /// For a cluster of so many hosts.
    pub fn draw(r: &mut Seed, hosts: usize) -> Self {
        let lost = if r.chance(12) { r.between(1, 12) as u32 } else { 0 };
        let accepts = if lost > 0 { lost + if r.chance(30) { r.between(1, 5) as u32 } else { 0 } } else { 0 };
        let put_in = r.chance(6).then(|| r.below(hosts));
        let copied = r.chance(12).then(|| {
            let after = 1 + r.below(4);
            Copied { after, swaps: (after + 1..after + SESSIONS).filter(|_| r.chance(40)).collect() }
        });
        Self { lost, accepts, put_in, copied, ..Self::default() }
    }
}
