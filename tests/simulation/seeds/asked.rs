//! What the command line of the simulation asks for.

/// Which seeds are played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// One, with its whole history.
    One(u64),
    /// So many from one on, counted.
    Many { from: u64, seeds: u64 },
    /// Every planted bug, and every fault at every place of a small cluster.
    Proofs,
}

impl Asked {
    /// `--seeds N [--seed S]` (or `--from S`), `--seed S` alone, or `--proofs`. `None`: anything else.
    pub fn read(words: &[String]) -> Option<Self> {
        if words == ["--proofs"] {
            return Some(Self::Proofs);
        }
        let (mut seeds, mut from) = (None, None);
        for pair in words.chunks(2) {
            let [name, value] = pair else { return None };
            let place = match name.as_str() {
                "--seeds" => &mut seeds,
                "--seed" | "--from" => &mut from,
                _ => return None,
            };
            if place.replace((name, value.parse().ok()?)).is_some() {
                return None;
            }
        }
        match (seeds, from) {
            (Some((_, seeds)), from) => Some(Self::Many { from: from.map_or(0, |(_, from)| from), seeds }),
            (None, Some((name, seed))) => (name == "--seed").then_some(Self::One(seed)),
            (None, None) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_seeds_and_a_seed_are_a_range_from_there() {
        let read = |line: &str| Asked::read(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(read("--seeds 100 --seed 4711"), Some(Asked::Many { from: 4711, seeds: 100 }));
        assert_eq!(read("--seed 4711 --seeds 100"), read("--seeds 100 --from 4711"));
        assert_eq!(read("--seeds 100"), Some(Asked::Many { from: 0, seeds: 100 }));
        assert_eq!(read("--seed 4711"), Some(Asked::One(4711)));
        assert_eq!(read("--proofs"), Some(Asked::Proofs));
        for bad in
            ["--proofs --seed 1", "", "--from 1", "--seeds", "--seed x", "--seed 1 --from 2", "--seeds 1 --speed 2"]
        {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
