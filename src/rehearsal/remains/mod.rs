//! What a cluster is in the end: every file of its hosts, every process, every mount. Two runs of one plan must leave the same,
//! whatever happened to one of them on its way.

mod content;
mod look;
mod tar;

use std::collections::BTreeMap;
use std::fmt;

/// Something on a host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Thing {
    /// A file, folder or link, by its path.
    File(String),
    /// A program that runs, by its name and, of a mount, its place. A second one of the same is one more thing.
    Process(String),
    /// A line of the mount table, by its mount point.
    Mount(String),
}

impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.write_str(path),
            Self::Process(name) => write!(f, "process {name}"),
            Self::Mount(place) => write!(f, "mount on {place}"),
        }
    }
}

/// All things of all hosts, each with what it is, in words that are equal where it is the same.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Remains(BTreeMap<(String, Thing), String>);

/// A thing that is not as it was in the other cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The host.
    pub host: String,
    /// The thing.
    pub thing: Thing,
    /// What it is here and there.
    pub what: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.host, self.thing, self.what)
    }
}

/// How much was compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compared {
    /// Files, folders and links.
    pub files: usize,
    /// Those of them of which only mode, owner and presence count.
    pub uncounted: usize,
    /// Processes.
    pub processes: usize,
    /// Lines of mount tables.
    pub mounts: usize,
}

impl Remains {
    fn add(&mut self, host: &str, thing: Thing, what: String) {
        self.0.insert((host.to_owned(), thing), what);
    }

    fn process(&mut self, host: &str, name: &str, what: String) {
        let name = |n: usize| if n == 1 { name.to_owned() } else { format!("{name} (number {n})") };
        let key = |n| (host.to_owned(), Thing::Process(name(n)));
        let n = (1..).find(|n| !self.0.contains_key(&key(*n))).unwrap_or(1);
        self.0.insert(key(n), what);
    }

    /// What is otherwise here than in `undisturbed`.
    #[must_use]
    pub fn differences(&self, undisturbed: &Self) -> Vec<Difference> {
        let mut all: Vec<&(String, Thing)> = self.0.keys().chain(undisturbed.0.keys()).collect();
        all.sort();
        all.dedup();
        let difference = |key: &(String, Thing)| {
            let what = match (self.0.get(key), undisturbed.0.get(key)) {
                (Some(here), Some(there)) if here == there => return None,
                (Some(here), Some(there)) => format!("{here}; undisturbed: {there}"),
                (Some(here), None) => format!("{here}; undisturbed: not there"),
                (None, there) => format!("not there; undisturbed: {}", there.map_or("", |there| there)),
            };
            Some(Difference { host: key.0.clone(), thing: key.1.clone(), what })
        };
        all.into_iter().filter_map(difference).collect()
    }

    /// How much there is of it.
    #[must_use]
    pub fn count(&self) -> Compared {
        let of = |is: &dyn Fn(&Thing, &str) -> bool| self.0.iter().filter(|((_, thing), what)| is(thing, what)).count();
        Compared {
            files: of(&|thing, _| matches!(thing, Thing::File(_))),
            uncounted: of(&|_, what| what.contains(content::UNCOUNTED)),
            processes: of(&|thing, _| matches!(thing, Thing::Process(_))),
            mounts: of(&|thing, _| matches!(thing, Thing::Mount(_))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_added_and_other_is_told_and_what_is_the_same_is_not() {
        let file = |path: &str| Thing::File(path.to_owned());
        let (mut here, mut there) = (Remains::default(), Remains::default());
        for remains in [&mut here, &mut there] {
            remains.add("a", file("/same"), "file 644".to_owned());
            remains.process("a", "mfsmaster", "1.6.27".to_owned());
        }
        here.add("a", file("/other"), "file 600".to_owned());
        there.add("a", file("/other"), "file 644".to_owned());
        here.process("a", "mfsmaster", "1.6.27".to_owned());
        there.add("b", file("/gone"), "folder 755".to_owned());
        let told: Vec<String> = here.differences(&there).iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "a /other: file 600; undisturbed: file 644",
                "a process mfsmaster (number 2): 1.6.27; undisturbed: not there",
                "b /gone: not there; undisturbed: folder 755",
            ]
        );
    }
}
