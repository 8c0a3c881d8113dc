//! What a release does: every boundary between releases once, with its source, read by rules, checks and the simulated
//! daemons alike. PURE, and data: [`table`] is the table, this file is how it is asked.
//!
//! A boundary is the first release with the new behaviour. 1.6.21 and 1.6.22 have no public tags: where a change is known as
//! "not in 1.6.20, but in 1.6.23", and no NEWS and no mfs.cgi says more, the boundary is 1.6.21. So a plan that names one of
//! the two is warned of what the release may do, and a rehearsal shows it.

mod table;

use std::time::Duration;

use semver::Version;

pub use table::{TABLE, Table, Traits};

/// How releases differ in one respect.
#[derive(Debug)]
pub struct Trait<T: 'static> {
    /// What the releases before the first boundary do.
    before: T,
    /// The first release that does otherwise, what it does, and so on.
    since: &'static [(Version, T)],
    /// The file that shows it, and of which release.
    source: &'static str,
}

impl<T: Copy> Trait<T> {
    /// What a release does.
    #[must_use]
    pub fn at(&self, version: &Version) -> T {
        self.since.iter().rev().find(|(first, _)| version >= first).map_or(self.before, |(_, does)| *does)
    }

    /// The first release that does otherwise than the ones before it.
    #[must_use]
    pub fn first(&self) -> &'static Version {
        &self.since[0].0
    }
}

/// How long, and for how many missing chunks, a master that has just started lets no mount in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StartGate {
    /// It lets mounts in at a look that finds fewer missing chunks than this.
    pub chunks: u64,
    /// Seconds between two looks, at full tens of its clock: the first comes up to so long after its start.
    pub tick_s: u64,
    /// After so many looks it lets in whoever comes.
    pub ticks: u32,
}

impl StartGate {
    /// How long it keeps mounts out at most.
    #[must_use]
    pub const fn greatest(&self) -> Duration {
        Duration::from_secs(self.tick_s * self.ticks as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boundary_has_what_it_brings_and_the_release_before_it_has_not() {
        let v = |patch| Version::new(1, 6, patch);
        assert!(TABLE.folders_256.at(&v(6)) && !TABLE.folders_256.at(&v(5)));
        assert_eq!(TABLE.folders_256.first(), &v(6));
        let [old, first, last] = [8, 9, 27].map(|patch| Traits::of(&v(patch)).lock_timeout.map(|t| t.as_secs()));
        assert_eq!((old, first, last), (None, Some(60), Some(1800)));
        let [old, only, new] = [Version::new(1, 5, 12), v(0), v(1)].map(|at| Traits::of(&at).exports_of_its_own);
        assert_eq!((old, only, new), (false, true, false));
    }

    #[test]
    fn a_change_that_fell_between_1_6_20_and_1_6_23_is_reckoned_with_from_1_6_21_on() {
        let (before, from) = (Traits::of(&Version::new(1, 6, 20)), Traits::of(&Version::new(1, 6, 21)));
        assert_eq!((before.start_gate, before.test, before.insists_on_saving), (None, false, false));
        assert_eq!(from.start_gate.map(|gate| gate.greatest().as_secs()), Some(120));
        assert!(from.test && from.insists_on_saving);
    }

    #[test]
    fn every_trait_has_boundaries_in_their_order_and_a_source() {
        let known = |release: &Version| *release > Version::new(1, 5, 12) && *release <= Version::new(4, 56, 6);
        let all = TABLE.boundaries();
        for (name, boundaries, source) in &all {
            assert!(boundaries.is_sorted_by(|a, b| a < b) && boundaries.iter().all(known), "{name}");
            let file = source.contains(".c @ ") || source.contains(".am @ ") || source.contains("NEWS");
            assert!(file, "{name}: {source}");
        }
        assert!(all.len() > 50);
    }
}
