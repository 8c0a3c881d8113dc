//! What of a file's content is compared. PURE.

use sha2::{Digest, Sha256};

use super::tar;
use crate::words::hex;

/// Said in place of a digest where the content is nobody's but its run's.
pub const UNCOUNTED: &str = "content not compared";

/// Files whose content differs between two runs that nobody disturbs, by the beginning and the end of their name, each with the
/// reason. That they are there, their mode and their owner are compared.
const OWN: [(&str, &str, &str); 7] = [
    (
        "changelog",
        ".mfs",
        "every read of a mount is a change with its time in it, and their number is that of the reads",
    ),
    ("metadata", ".mfs.back", "its header has the number of the next change; the judge compares what is in it"),
    ("sessions", ".mfs", "sessions are numbered in the order in which mounts came"),
    ("mfs", ".lock", "up to 1.6.8 the PID of the daemon that holds it, which is compared as a process"),
    // mfsexports.cfg itself is compared; beside the copied metadata its whole path is in the name
    (
        "",
        "_mfsexports.cfg",
        "a backup that has grown old is made anew, by then perhaps behind the run's own mfsexports.cfg",
    ),
    ("metadata", ".turn", "the PID of the shell that made the copy last"),
    ("syslog", "", "each line has its time and the PID of a daemon"),
];

/// Kept programs: their archive has the times of its files in it, which are not compared.
const ARCHIVE: (&str, &str) = ("replaced-", ".tar");

/// What this cluster has by chance: where its folders lie on this machine, and its network.
pub struct Chance {
    /// In the order in which they are taken out.
    pub words: Vec<(Vec<u8>, &'static [u8])>,
}

impl Chance {
    /// `bytes` with the same words in it that another cluster has.
    pub fn without(&self, bytes: &[u8]) -> Vec<u8> {
        self.words.iter().fold(bytes.to_vec(), |bytes, (word, instead)| replace(&bytes, word, instead))
    }

    /// The same of text.
    pub fn text(&self, text: &str) -> String {
        String::from_utf8_lossy(&self.without(text.as_bytes())).into_owned()
    }
}

fn replace(bytes: &[u8], word: &[u8], instead: &[u8]) -> Vec<u8> {
    let (mut made, mut rest) = (Vec::with_capacity(bytes.len()), bytes);
    while let Some(at) = rest.windows(word.len()).position(|window| window == word) {
        made.extend_from_slice(&rest[..at]);
        made.extend_from_slice(instead);
        rest = &rest[at + word.len()..];
    }
    made.extend_from_slice(rest);
    made
}

/// What stands for the content of the file `name`, equal where it is the same.
pub fn mark(name: &str, bytes: &[u8], chance: &Chance) -> String {
    let is = |begin: &str, end: &str| name.starts_with(begin) && name.ends_with(end);
    if OWN.iter().any(|(begin, end, _)| is(begin, end)) {
        return UNCOUNTED.to_owned();
    }
    if is(ARCHIVE.0, ARCHIVE.1)
        && let Some(members) = tar::without_times(bytes)
    {
        let mut marks: Vec<String> = members.iter().map(|member| sha256(&chance.without(member))).collect();
        // in the order in which this machine's folders give them
        marks.sort();
        return format!("{} members {}", marks.len(), sha256(marks.concat().as_bytes()));
    }
    format!("sha256 {}", sha256(&chance.without(bytes)))
}

/// The beginning of it: enough for whoever compares two clusters that nobody falsifies.
fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes)[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_the_same_whatever_the_clusters_chance_and_other_when_it_is_other() {
        let chance = |root: &str| Chance { words: vec![(root.as_bytes().to_vec(), b"")] };
        let of = |root: &str, text: &str| mark("mfsmaster.cfg", text.replace('@', root).as_bytes(), &chance(root));
        assert_eq!(of("/tmp/a", "x @/etc @"), of("/tmp/b-longer", "x @/etc @"));
        assert_ne!(of("/tmp/a", "x @/etc @"), of("/tmp/a", "y @/etc @"));
    }

    #[test]
    fn only_the_contents_that_are_a_runs_own_are_left_out() {
        let none = Chance { words: Vec::new() };
        for own in [
            "changelog.0.mfs",
            "changelog_ml.12.mfs",
            "metadata.mfs.back",
            "sessions.mfs",
            "metadata.turn",
            "mfsmaster.lock",
            "usr_local_etc_mfs_mfsexports.cfg",
        ] {
            assert_eq!(mark(own, b"a", &none), UNCOUNTED, "{own}");
        }
        for counted in
            ["mfsexports.cfg", "metadata.mfs.empty", "mfsmaster", "chunk_0000000000000025_00000001.mfs", "lock"]
        {
            assert_ne!(mark(counted, b"a", &none), mark(counted, b"b", &none), "{counted}");
        }
    }
}
