//! The command line of mfsmount, in both generations of its syntax (`mfsmount/main.c` @ 1.5.12 and 1.6.27). PURE.

use crate::moosefs::daemon::ADMIN_PORT;

/// What to mount, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountOptions {
    /// The master's name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The folder of the file system that is mounted.
    pub path: String,
    /// Where.
    pub mount_point: String,
    /// The meta file system.
    pub meta: bool,
    /// `ro`, `suid`, `dev`, …, as they were given.
    pub flags: Vec<String>,
}

/// What comes of a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parsed {
    /// Go on.
    Mount(MountOptions),
    /// Print this and exit with the code.
    Exit(String, u8),
    /// 1.6's `-p`: ask for a password on a terminal that is not there.
    AskPassword,
}

fn defaults() -> MountOptions {
    MountOptions {
        host: "mfsmaster".to_owned(),
        port: ADMIN_PORT,
        path: "/".to_owned(),
        mount_point: String::new(),
        meta: false,
        flags: Vec::new(),
    }
}

/// 1.5: `mfsmount [-r][-m][-c][-v N][-h HOST][-p PORT][-l SUBPATH][-w MOUNTPOINT]`
#[must_use]
pub fn parse_old(words: &[String]) -> Parsed {
    let mut options = defaults();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut chars = word.chars();
        if chars.next() != Some('-') {
            continue;
        }
        while let Some(letter) = chars.next() {
            match letter {
                'r' => options.flags.push("ro".to_owned()),
                'm' => options.meta = true,
                'c' => {}
                'v' | 'h' | 'p' | 'l' | 'w' => {
                    let rest: String = chars.by_ref().collect();
                    let Some(value) = (if rest.is_empty() { words.next().cloned() } else { Some(rest) }) else {
                        return Parsed::Exit("usage: mfsmount … (simulated)".to_owned(), 1);
                    };
                    match letter {
                        'h' => options.host = value,
                        'p' => options.port = value.parse().unwrap_or(options.port),
                        'l' => options.path = value,
                        'w' => options.mount_point = value,
                        _ => {}
                    }
                }
                _ => return Parsed::Exit("unknown parameter\nusage: mfsmount … (simulated)".to_owned(), 1),
            }
        }
    }
    if options.mount_point.is_empty() {
        options.mount_point = if options.meta { "/mnt/mfsmeta" } else { "/mnt/mfs" }.to_owned();
    }
    Parsed::Mount(options)
}

/// 1.6: `mfsmount MOUNTPOINT [-H HOST][-P PORT][-S SUBPATH][-m][-o …]`; `-h` is help, `-p` asks for a password.
#[must_use]
pub fn parse_new(words: &[String]) -> Parsed {
    let mut options = defaults();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let (letter, joined) = match word.strip_prefix('-').filter(|rest| !rest.is_empty()) {
            None => {
                options.mount_point.clone_from(word);
                continue;
            }
            Some(rest) => rest.split_at(rest.chars().next().map_or(0, char::len_utf8)),
        };
        let mut value = || if joined.is_empty() { words.next().cloned() } else { Some(joined.to_owned()) };
        match letter {
            "h" => return Parsed::Exit("usage: mfsmount mountpoint [options] (simulated)".to_owned(), 0),
            "V" => return Parsed::Exit("MFS version (simulated)".to_owned(), 0),
            "p" => return Parsed::AskPassword,
            "m" => options.meta = true,
            "n" | "d" | "f" | "s" => {}
            "H" => options.host = value().unwrap_or_default(),
            "P" => options.port = value().and_then(|port| port.parse().ok()).unwrap_or(options.port),
            "S" => options.path = value().unwrap_or_default(),
            "c" | "B" | "C" => drop(value()),
            "o" => {
                for option in value().unwrap_or_default().split(',') {
                    match option.split_once('=') {
                        Some(("mfsmaster", host)) => options.host = host.to_owned(),
                        Some(("mfsport", port)) => options.port = port.parse().unwrap_or(options.port),
                        Some(("mfssubfolder", path)) => options.path = path.to_owned(),
                        None if option == "mfsmeta" => options.meta = true,
                        _ => options.flags.push(option.to_owned()),
                    }
                }
            }
            _ => return Parsed::Exit(format!("unknown option `-{letter}` (simulated)"), 1),
        }
    }
    if options.mount_point.is_empty() {
        return Parsed::Exit("no mount point\nusage: mfsmount mountpoint [options] (simulated)".to_owned(), 1);
    }
    if let Err(why) = cache_mode(&options.flags) {
        return Parsed::Exit(format!("{why} (simulated)"), 1);
    }
    Parsed::Mount(options)
}

/// The lines of mfsmount.cfg as words of a command line; of options for FUSE nothing is taken (main.c @ 1.6.27).
#[must_use]
pub fn file_words(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| !line.starts_with(['#', ';'])).map(str::trim);
    let mut words = Vec::new();
    for line in lines.filter(|line| !line.is_empty()) {
        if line.starts_with(['-', '/']) {
            words.push(line.to_owned());
        } else {
            let own = line.split(',').filter(|option| option.starts_with("mfs")).collect::<Vec<_>>().join(",");
            words.extend(["-o".to_owned(), own]);
        }
    }
    words
}

/// `mfscachemode` has three values and their synonyms, and stands beside no `mfscachefiles`.
fn cache_mode(flags: &[String]) -> Result<(), &'static str> {
    const KNOWN: [&str; 6] = ["AUTO", "YES", "ALWAYS", "NO", "NONE", "NEVER"];
    let mode = flags.iter().rev().find_map(|flag| flag.strip_prefix("mfscachemode="));
    match mode {
        Some(_) if flags.iter().any(|flag| flag == "mfscachefiles") => {
            Err("mfscachemode and mfscachefiles options are exclusive - use only mfscachemode")
        }
        Some(mode) if !KNOWN.contains(&mode.to_uppercase().as_str()) => Err("unrecognized cachemode option"),
        _ => Ok(()),
    }
}

/// The line in /proc/mounts (seen with 1.5.12 and 1.6.27).
#[must_use]
pub fn mounts_line(options: &MountOptions, sessions: bool) -> String {
    let has = |flag: &str| options.flags.iter().any(|given| given == flag);
    let access = if has("ro") { "ro" } else { "rw" };
    let point = &options.mount_point;
    let tail = "relatime,user_id=0,group_id=0,default_permissions,allow_other 0 0";
    if !sessions {
        let source = if options.meta { "MFSMETA" } else { "MFS" };
        return format!("{source} {point} fuse {access},{tail}");
    }
    let kind = if options.meta { "fuse.mfsmeta" } else { "fuse.mfs" };
    let below = if options.path == "/" || options.meta { "" } else { &options.path };
    let suid = if has("suid") { "" } else { "nosuid," };
    let dev = if has("dev") { "" } else { "nodev," };
    format!("{}:{}{below} {point} {kind} {access},{suid}{dev}{tail}", options.host, options.port)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    fn line(parsed: &Parsed, sessions: bool) -> String {
        match parsed {
            Parsed::Mount(options) => mounts_line(options, sessions),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn both_generations_of_syntax_make_the_lines_that_linux_shows() {
        let old = line(&parse_old(&words("-h mfsmaster -w /mnt/mfs")), false);
        assert!(old.starts_with("MFS /mnt/mfs fuse rw,relatime"), "{old}");
        let new = line(&parse_new(&words("/mnt/mfs -H mfsmaster -o suid,dev,rw")), true);
        assert!(new.starts_with("mfsmaster:9421 /mnt/mfs fuse.mfs rw,relatime"), "{new}");
        let safe = line(&parse_new(&words("-H m -P 9999 -S /a /mnt/mfs")), true);
        assert!(safe.starts_with("m:9999/a /mnt/mfs fuse.mfs rw,nosuid,nodev,"), "{safe}");
        assert!(matches!(parse_new(&words("-h mfsmaster -w /mnt/mfs")), Parsed::Exit(_, 0)), "-h became help");
        assert_eq!(parse_new(&words("/mnt/mfs -p")), Parsed::AskPassword);
    }
}
