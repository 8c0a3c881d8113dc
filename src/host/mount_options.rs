//! The command line of mfsmount, both generations of it: read from a running mount, written for the new release. PURE.
//!
//! 1.5 (`mfsmount/main.c` @ 1.5.12): `[-r][-m][-c][-v N][-h HOST][-p PORT][-l SUBPATH][-w MOUNTPOINT]` with the defaults mfsmaster,
//! 9421, `/`, `/mnt/mfs` (`mfsmount/main.c` @ 1.5.12). 1.6: `MOUNTPOINT [-H HOST][-P PORT][-S SUBPATH][-m][-o …]`, where
//! `-h` is help and `-p` asks for a password, so that an old line given to the new program hangs or prints its usage.

use serde::{Deserialize, Serialize};

use super::{AbsPath, HostName};
use crate::moosefs::daemon::ADMIN_PORT;

/// What a mount is: enough to make the same one again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MountArguments {
    /// Where.
    pub mount_point: AbsPath,
    /// The master, as the mount names it.
    pub master: HostName,
    /// The master's port for clients.
    pub port: u16,
    /// The folder of the file system that is mounted.
    pub subfolder: AbsPath,
    /// Whether it is the meta mount (trash and reserved files).
    pub meta: bool,
    /// `-o` options, without the `-o`.
    pub options: Vec<String>,
}

/// Why a running mount's command line could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableMount {
    /// An option that this program does not know how to carry over.
    #[error("its option `{0}` is not known here")]
    Option(String),
    /// An option without its value.
    #[error("its option `{0}` has no value")]
    Value(String),
    /// A value that is no path, host or port.
    #[error("`{0}` of its command line is {1}")]
    Name(String, String),
    /// The mount asks for a password when it is mounted.
    #[error("it was mounted with a password, which its command line does not tell")]
    Password,
}

impl MountArguments {
    /// A mount as 1.5 makes it when nothing else is said.
    #[must_use]
    pub fn new(mount_point: AbsPath, master: HostName) -> Self {
        Self { mount_point, master, port: ADMIN_PORT, subfolder: root(), meta: false, options: Vec::new() }
    }

    /// Whether it is made on an empty folder alone: mfsmount refuses another without this option of fuse.
    #[must_use]
    pub fn wants_empty(&self) -> bool {
        !self.options.iter().any(|option| option == "nonempty")
    }

    /// Reads the command line (without the program) of a running 1.5 mfsmount. A mount of 1.5 has `dev` and `suid`, which
    /// 1.6 takes away unless they are asked for (`mfsmount/main.c` @ 1.6.27; hazard 27). As getopt of GNU does it: a word that
    /// is no option and no option's value stands for nothing, wherever it stands, and nor does what is behind `--`.
    ///
    /// # Errors
    /// [`UnreadableMount`]: nothing is guessed.
    pub fn read_old(words: &[String]) -> Result<Self, UnreadableMount> {
        let mut mount = Self::new(mnt_mfs(), mfsmaster());
        let mut explicit_point = false;
        let mut words = words.iter().map(String::as_str);
        while let Some(word) = words.next() {
            if word == "--" {
                break;
            }
            let Some(letters) = word.strip_prefix('-').filter(|l| !l.is_empty()) else { continue };
            let mut rest = letters;
            while let Some(letter) = rest.chars().next() {
                rest = &rest[letter.len_utf8()..];
                match letter {
                    'r' => mount.options.push("ro".to_owned()),
                    'm' => mount.meta = true,
                    'c' => mount.options.push("mfscachefiles".to_owned()),
                    'v' | 'h' | 'p' | 'l' | 'w' => {
                        let value = if rest.is_empty() { words.next() } else { Some(rest) };
                        let value = value.ok_or_else(|| UnreadableMount::Value(format!("-{letter}")))?;
                        explicit_point |= letter == 'w';
                        mount.set(letter, value)?;
                        break;
                    }
                    _ => return Err(UnreadableMount::Option(format!("-{letter}"))),
                }
            }
        }
        if mount.meta && !explicit_point {
            mount.mount_point = AbsPath::new("/mnt/mfsmeta").expect("a constant path");
        }
        if !mount.meta {
            mount.options.extend(["suid".to_owned(), "dev".to_owned()]);
        }
        Ok(mount)
    }

    /// Reads the command line (without the program) of a running 1.6 mfsmount.
    ///
    /// # Errors
    /// [`UnreadableMount`]: nothing is guessed.
    pub fn read_new(words: &[String]) -> Result<Self, UnreadableMount> {
        let mut mount = Self::new(mnt_mfs(), mfsmaster());
        let mut words = words.iter().map(String::as_str);
        while let Some(word) = words.next() {
            if word == "--" {
                words.try_for_each(|point| mount.set('w', point))?;
                break;
            }
            let (flag, attached) = match word.char_indices().nth(2) {
                Some((at, _)) if word.starts_with('-') => (&word[..at], Some(&word[at..])),
                _ => (word, None),
            };
            match flag {
                "-m" if attached.is_none() => mount.meta = true,
                "--" if word == "--meta" => mount.meta = true,
                "--" if word == "--password" => return Err(UnreadableMount::Password),
                "-p" if attached.is_none() => return Err(UnreadableMount::Password),
                "-H" | "-P" | "-S" | "-B" | "-o" => {
                    let value =
                        attached.or_else(|| words.next()).ok_or_else(|| UnreadableMount::Value(flag.to_owned()))?;
                    match flag {
                        "-H" => mount.set('h', value)?,
                        "-P" => mount.set('p', value)?,
                        "-S" => mount.set('l', value)?,
                        "-B" => mount.options.push(bound_to(value)?),
                        _ => mount.add_options(value)?,
                    }
                }
                _ if !word.starts_with('-') => mount.set('w', word)?,
                _ => return Err(UnreadableMount::Option(word.to_owned())),
            }
        }
        Ok(mount)
    }

    /// The same mount with `options` in place of its own. Those that name the master or the folder (`mfsmaster=…`) go to
    /// where a command line says it, so that it is said once.
    ///
    /// # Errors
    /// [`UnreadableMount`].
    pub fn with_options(mut self, options: &[String]) -> Result<Self, UnreadableMount> {
        self.options.clear();
        options.iter().try_for_each(|list| self.add_options(list))?;
        Ok(self)
    }

    /// The words behind `mfsmount` of 1.6 that make this mount. Always with master and port: what the old release took
    /// for a default is not looked up in the new one's configuration.
    #[must_use]
    pub fn new_words(&self) -> Vec<String> {
        let mut words = vec![self.mount_point.to_string(), "-H".into(), self.master.to_string()];
        words.extend(["-P".into(), self.port.to_string()]);
        if self.subfolder != root() {
            words.extend(["-S".into(), self.subfolder.to_string()]);
        }
        if self.meta {
            words.push("-m".into());
        }
        if !self.options.is_empty() {
            words.extend(["-o".into(), self.options.join(",")]);
        }
        words
    }

    /// The words behind `mfsmount` of 1.5 that make this mount: the options that 1.5 has, which mounts with `suid` and
    /// `dev` in any case.
    #[must_use]
    pub fn old_words(&self) -> Vec<String> {
        let has = |option: &str| self.options.iter().any(|o| o == option);
        let mut words = Vec::new();
        for (letter, wanted) in [("-r", has("ro")), ("-m", self.meta), ("-c", has("mfscachefiles"))] {
            words.extend(wanted.then(|| letter.to_owned()));
        }
        words.extend(["-h".into(), self.master.to_string(), "-p".into(), self.port.to_string()]);
        if self.subfolder != root() {
            words.extend(["-l".into(), self.subfolder.to_string()]);
        }
        words.extend(["-w".into(), self.mount_point.to_string()]);
        words
    }

    /// What is set by the option that 1.5 calls `letter`.
    fn set(&mut self, letter: char, value: &str) -> Result<(), UnreadableMount> {
        let bad = |why: String| UnreadableMount::Name(value.to_owned(), why);
        let path = |v: &str| AbsPath::new(v).map_err(|e| bad(format!("no path: {e}")));
        match letter {
            'h' => self.master = HostName::new(value).map_err(|e| bad(format!("no host name: {e}")))?,
            'p' => self.port = value.parse().map_err(|e| bad(format!("no port: {e}")))?,
            'l' => self.subfolder = path(value)?,
            'w' => self.mount_point = path(value)?,
            // -v is how much 1.5 writes to the system log; 1.6 has no such thing
            _ => {}
        }
        Ok(())
    }

    /// Takes a `-o` list apart: what names the mount itself goes to its fields.
    fn add_options(&mut self, list: &str) -> Result<(), UnreadableMount> {
        for option in list.split(',').filter(|o| !o.is_empty()) {
            match option.split_once('=') {
                Some(("mfsmaster", v)) => self.set('h', v)?,
                Some(("mfsport", v)) => self.set('p', v)?,
                Some(("mfssubfolder", v)) => self.set('l', v)?,
                // what is in that file is not known, and it may name the master and the place
                Some(("mfscfgfile", _)) => return Err(UnreadableMount::Option(option.to_owned())),
                Some(("mfspassword" | "mfsmd5pass", _)) => return Err(UnreadableMount::Password),
                _ if option == "mfsmeta" => self.meta = true,
                _ => self.options.push(option.to_owned()),
            }
        }
        Ok(())
    }
}

/// `-B` as an option among others: an address, which has no comma that would make two of it.
fn bound_to(address: &str) -> Result<String, UnreadableMount> {
    let bad = |why| UnreadableMount::Name(address.to_owned(), format!("no address: {why}"));
    HostName::new(address).map(|address| format!("mfsbind={address}")).map_err(bad)
}

fn root() -> AbsPath {
    AbsPath::new("/").expect("a constant path")
}

fn mnt_mfs() -> AbsPath {
    AbsPath::new("/mnt/mfs").expect("a constant path")
}

fn mfsmaster() -> HostName {
    HostName::new("mfsmaster").expect("a constant name")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn a_1_5_mount_keeps_what_it_had() {
        for (old, new) in [
            ("", "/mnt/mfs -H mfsmaster -P 9421 -o suid,dev"),
            ("-h mm -p 9500 -l /sub -w /data", "/data -H mm -P 9500 -S /sub -o suid,dev"),
            ("-rc -hmm -w/data", "/data -H mm -P 9421 -o ro,mfscachefiles,suid,dev"),
            ("-m", "/mnt/mfsmeta -H mfsmaster -P 9421 -m"),
            ("-m -w /mnt/trash", "/mnt/trash -H mfsmaster -P 9421 -m"),
            ("-v 3", "/mnt/mfs -H mfsmaster -P 9421 -o suid,dev"),
            ("/mnt/mfs", "/mnt/mfs -H mfsmaster -P 9421 -o suid,dev"),
            ("-h mm /elsewhere", "/mnt/mfs -H mm -P 9421 -o suid,dev"),
            ("word -rhmm - word -w /data", "/data -H mm -P 9421 -o ro,suid,dev"),
            ("-w /data -- -r -x", "/data -H mfsmaster -P 9421 -o suid,dev"),
            ("-w -- /data -h mm", "-"),
        ] {
            // a value is the next word, whatever it is
            if new == "-" {
                assert!(MountArguments::read_old(&words(old)).is_err(), "{old}");
                continue;
            }
            let mount = MountArguments::read_old(&words(old)).unwrap();
            assert_eq!(mount.new_words(), words(new), "{old}");
        }
    }

    #[test]
    fn a_mount_goes_back_to_what_it_was() {
        for line in ["-h mm -p 9500 -l /sub -w /data", "-r -c -h mm -p 9421 -w /data", "-m -h mm -p 9421 -w /mnt/trash"]
        {
            assert_eq!(MountArguments::read_old(&words(line)).unwrap().old_words(), words(line));
        }
    }

    #[test]
    fn a_1_6_command_line_reads_back_as_itself() {
        for line in ["/mnt/mfs -H mm -P 9421 -S /x -o ro,dev", "/mnt/meta -H mm -P 9421 -m"] {
            assert_eq!(MountArguments::read_new(&words(line)).unwrap().new_words(), words(line));
        }
        let fstab =
            MountArguments::read_new(&words("-o mfsmaster=mm,mfsport=9500,mfssubfolder=/s,ro /mnt/mfs")).unwrap();
        assert_eq!(fstab.new_words(), words("/mnt/mfs -H mm -P 9500 -S /s -o ro"));
        for line in ["--meta -B 10.0.0.1 -Hmm -- /mnt/meta", "-B10.0.0.1 -m /mnt/meta -H mm"] {
            let read = MountArguments::read_new(&words(line)).unwrap();
            assert_eq!(read.new_words(), words("/mnt/meta -H mm -P 9421 -m -o mfsbind=10.0.0.1"), "{line}");
        }
    }

    #[test]
    fn options_of_the_plan_name_a_master_once() {
        let mount = MountArguments::read_old(&words("-h old -w /data")).unwrap();
        let mount = mount.with_options(&words("mfsmaster=m1 ro")).unwrap();
        assert_eq!(mount.new_words(), words("/data -H m1 -P 9421 -o ro"));
    }

    #[test]
    fn what_is_not_understood_is_refused_and_not_dropped() {
        assert_eq!(MountArguments::read_old(&words("-x")), Err(UnreadableMount::Option("-x".into())));
        assert_eq!(MountArguments::read_old(&words("-h")), Err(UnreadableMount::Value("-h".into())));
        assert!(MountArguments::read_old(&words("-w rel")).is_err());
        assert_eq!(MountArguments::read_new(&words("/m -p")), Err(UnreadableMount::Password));
        for line in
            ["/m -B a,ro", "/m -c /etc/x", "/m -o mfscfgfile=/etc/x", "/m -n", "/m --password", "/m -mp", "-- rel"]
        {
            assert!(MountArguments::read_new(&words(line)).is_err(), "{line}");
        }
    }
}
