//! The reading of what a look printed: total, so that a line that is not understood makes the whole look unreadable. PURE.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use semver::Version;

use crate::host::facts::{
    BuildFacts, FileFact, Folder, Holder, HostFacts, LockFact, MountLine, MountUser, Mounted, Node, Opened,
    Permissions, Process, Socket, Space, StartupLine, Stranger, TextFile,
};
use crate::host::places::{Keeper, Placed};
use crate::host::said;
use crate::moosefs::daemon::Role;

/// Bytes of a metadata file's header that tell its kind (`filesystem.c`, fs_loadall).
const METADATA_KIND: usize = 8;

/// And those that tell its version.
const METAVERSION: std::ops::Range<usize> = 12..20;

/// What stands before a line that goes on with the one before it.
const MORE: &str = "more\t";

/// Why a look's output could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableLook {
    /// The last line is missing.
    #[error("its answer was cut short")]
    CutShort,
    /// It took longer than it may, and was ended on its host.
    #[error("it had not ended after {seconds} s and was ended there{}", hung(.at))]
    Late {
        /// Seconds that it may take.
        seconds: u64,
        /// What of it was at work then.
        at: Vec<String>,
    },
    /// A line that is not as the script prints it.
    #[error("line {0:?} of its answer cannot be read")]
    Line(String),
}

/// Where a look hung, as a part of a sentence.
fn hung(at: &[String]) -> String {
    if at.is_empty() { String::new() } else { format!(", while it ran `{}`", at.join("`, `")) }
}

/// Reads what the watch of a look printed when it ended it, behind whatever the look had printed by then.
fn late(output: &str) -> Option<UnreadableLook> {
    let mut lines = output.lines().skip_while(|line| !line.starts_with("late\t"));
    let seconds = lines.next()?.strip_prefix("late\t")?.parse().ok()?;
    let at = lines.filter_map(|line| line.strip_prefix("at\t")).map(|line| line.trim_end().to_owned()).collect();
    Some(UnreadableLook::Late { seconds, at })
}

impl HostFacts {
    /// Reads what [`Look::script`] printed.
    ///
    /// # Errors
    /// [`UnreadableLook`]; half an answer is no answer.
    pub fn parse(output: &str) -> Result<Self, UnreadableLook> {
        if let Some(late) = late(output) {
            return Err(late);
        }
        let mut facts = Self::default();
        // whoever carries an answer keeps the end of one that is too long
        let begins = output.starts_with("uid\t");
        let mut whole = false;
        let unreadable = |line: &str| UnreadableLook::Line(line.chars().take(200).collect());
        let mut lines = output.lines().filter(|l| !l.is_empty()).peekable();
        while let Some(line) = lines.next() {
            let mut line = Cow::Borrowed(line);
            while let Some(more) = lines.peek().and_then(|line| line.strip_prefix(MORE)) {
                line.to_mut().push_str(more);
                lines.next();
            }
            // whatever is read of a half may be something else
            // and no shell takes a NUL, which no file name and no owner of a true host has
            if said::is_cut(&line) || line.contains('\0') {
                return Err(unreadable(&line));
            }
            whole = line == "end";
            facts.read_line(&line).ok_or_else(|| unreadable(&line))?;
        }
        facts.forget_forks();
        if whole && begins { Ok(facts) } else { Err(UnreadableLook::CutShort) }
    }

    /// A master forks once an hour to save its metadata: a process whose parent is of the same role is no second daemon.
    fn forget_forks(&mut self) {
        let parents: Vec<(u32, Role)> = self.processes.iter().map(|p| (p.pid, p.role)).collect();
        self.processes.retain(|p| !parents.contains(&(p.parent, p.role)));
    }

    fn read_line(&mut self, line: &str) -> Option<()> {
        let (key, rest) = line.split_once(['\t', ' ']).unwrap_or((line, ""));
        let mut parts = rest.split('\t');
        match key {
            "uid" => self.root = rest == "0",
            "hostname" => rest.clone_into(&mut self.hostname),
            "boot" => rest.clone_into(&mut self.boot_id),
            "machine" => self.machine = Some(rest.to_owned()).filter(|id| !id.is_empty()),
            "hardware" => self.hardware = Some(rest.to_owned()).filter(|id| !id.is_empty()),
            "space_of" => match (parts.next()?, parts.next()?) {
                ("pid", number) => self.process_space = Some(number.to_owned()),
                ("net", number) => self.network_space = Some(number.to_owned()),
                _ => return None,
            },
            "clock" => self.clock = rest.parse().ok()?,
            "uptime" => self.up = Some(hundredths(rest)?),
            "config" => {
                self.master_configs.insert(rest.to_owned(), Vec::new());
            }
            "key" => {
                let file = self.master_configs.get_mut(parts.next()?)?;
                let (key, value) = parts.next()?.split_once('=')?;
                file.push((key.trim().to_owned(), value.trim().to_owned()));
            }
            "logged" => self.logged.push(rest.to_owned()),
            "busy" => self.busy.push(rest.parse().ok()?),
            "tried" => self.tried.push(rest.parse().ok()?),
            "stranger" => {
                let (pid, role) = (parts.next()?.parse().ok()?, role(parts.next()?)?);
                self.strangers.push(Stranger { pid, role, uid: parts.next()?.parse().ok()? });
            }
            "make" => self.make = true,
            "fuse" => self.fuse = true,
            "process" => self.processes.push(process(&mut parts)?),
            "place" => {
                let pid: u32 = parts.next()?.parse().ok()?;
                let (word, place) = (parts.next()?, parts.next()?);
                let process = self.processes.iter_mut().find(|p| p.pid == pid)?;
                process.resolve(word, place);
            }
            "mount" => self.mounts.extend(mount(rest)?),
            "tcp" => self.sockets.extend(socket(rest)?),
            "installed" => drop(self.installed.insert(parts.next()?.to_owned(), version(parts.next()?))),
            "source" => drop(self.source.insert(parts.next()?.to_owned(), version(parts.next()?))),
            "kept" => drop(self.kept.insert(parts.next()?.to_owned(), parts.next()?.to_owned())),
            "exports" => drop(self.exports.insert(parts.next()?.to_owned(), parts.next()?.parse().ok()?)),
            "data" => {
                let name = parts.next()?.to_owned();
                let (size, modified) = parts.next()?.split_once(' ')?;
                let fact = FileFact { size: size.parse().ok()?, modified: modified.parse().ok()? };
                self.data_files.insert(name, fact);
            }
            "wide" => drop(self.wide.insert(parts.next()?.to_owned(), parts.next()?.trim().parse().ok()?)),
            "archive" => drop(self.archives.insert(rest.to_owned(), BTreeMap::new())),
            "holds" => {
                let programs = self.archives.get_mut(parts.next()?)?;
                programs.insert(parts.next()?.to_owned(), version(parts.next()?));
            }
            "end" => {}
            _ => return self.read_survey_line(key, rest),
        }
        Some(())
    }

    /// What only a survey prints.
    fn read_survey_line(&mut self, key: &str, rest: &str) -> Option<()> {
        let mut parts = rest.split('\t');
        match key {
            "tool" => drop(self.tools.insert(rest.to_owned())),
            "owner" => {
                let pid: u32 = parts.next()?.parse().ok()?;
                let (user, group) = (owner(&mut parts)?, owner(&mut parts)?);
                // of a process that ended meanwhile nothing is told
                let memory = parts.next()?.parse().unwrap_or(0_u64).checked_mul(1024)?;
                if let Some(process) = self.processes.iter_mut().find(|p| p.pid == pid) {
                    (process.user, process.group, process.memory) = (user, group, memory);
                }
            }
            "sockets" => {
                let pid = parts.next()?.parse().ok()?;
                let inodes = parts.next()?.split_whitespace().map(|inode| inode.parse().ok());
                self.held.insert(pid, inodes.collect::<Option<_>>()?);
            }
            "file" => {
                let path = parts.next()?.to_owned();
                let size: usize = parts.next()?.parse().ok()?;
                let mode = u32::from_str_radix(parts.next()?, 8).ok()?;
                let (owner, group) = (owner(&mut parts)?, owner(&mut parts)?);
                let bytes = bytes(parts.next()?)?;
                // one that was written to meanwhile, or a host without od: nothing rather than half
                if bytes.len() == size {
                    let text = String::from_utf8_lossy(&bytes).into_owned();
                    self.files.insert(path, TextFile { mode, owner, group, text });
                }
            }
            "build" => drop(self.builds.insert(rest.to_owned(), BuildFacts::default())),
            "define" => {
                let build = self.builds.get_mut(parts.next()?)?;
                let (name, value) = define(parts.next()?)?;
                let place = match name {
                    "ETC_PATH" => &mut build.etc_path,
                    "DATA_PATH" => &mut build.data_path,
                    "RUN_PATH" => &mut build.run_path,
                    "DEFAULT_USER" => &mut build.user,
                    "DEFAULT_GROUP" => &mut build.group,
                    _ => return None,
                };
                *place = Some(value.to_owned());
            }
            "space" => {
                let path = parts.next()?.to_owned();
                self.space.insert(path, space(parts.next()?)?);
            }
            "open" => drop(self.open.insert(parts.next()?.to_owned(), parts.next()?.to_owned())),
            "memory" => self.memory_available = Some(rest.parse::<u64>().ok()?.checked_mul(1024)?),
            "folder" => {
                let path = parts.next()?.to_owned();
                let owner = owner(&mut parts)?;
                let wide = match parts.next()? {
                    "wide" => true,
                    "narrow" => false,
                    _ => return None,
                };
                self.folders.insert(path, Folder { owner, wide });
            }
            "lies" => {
                let (path, at) = (parts.next()?.to_owned(), parts.next()?.to_owned());
                let words: Vec<&str> = parts.next()?.split(',').collect();
                let (read_only, noexec) = match words[..] {
                    ["rw"] => (false, false),
                    ["ro"] => (true, false),
                    ["rw", "noexec"] => (false, true),
                    ["ro", "noexec"] => (true, true),
                    _ => return None,
                };
                self.lies.insert(path, Mounted { at, read_only, noexec });
            }
            "wanted" => drop(self.wanted.insert(parts.next()?.to_owned(), parts.next()?.to_owned())),
            "node" => drop(self.nodes.insert(parts.next()?.to_owned(), node(&mut parts)?)),
            "opened" => {
                let (pid, node) = (parts.next()?.parse().ok()?, node(&mut parts)?);
                let shown = parts.next()?;
                let path = shown.strip_suffix(" (deleted)");
                self.opened.push(Opened { pid, node, path: path.unwrap_or(shown).to_owned(), deleted: path.is_some() });
            }
            "locks" => drop(self.locks.insert(rest.to_owned(), Vec::new())),
            "taken" => {
                let locks = self.locks.get_mut(parts.next()?)?;
                // a lock of an open file and not of a process has -1
                let pid = parts.next()?.parse::<i64>().ok()?;
                locks.push(Holder { pid: u32::try_from(pid).ok(), name: parts.next()?.to_owned() });
            }
            "denied" => {
                let (pid, path) = (parts.next()?.parse().ok()?, parts.next()?.to_owned());
                self.denied.entry(pid).or_default().insert(path);
            }
            "leads" => drop(self.leads.insert(parts.next()?.to_owned(), parts.next()?.to_owned())),
            "chunks" => drop(self.narrow.insert(parts.next()?.to_owned(), parts.next()?.parse().ok()?)),
            "lock" => {
                let path = parts.next()?.to_owned();
                let owner = owner(&mut parts)?;
                let pid = parts.next()?.trim().parse().ok();
                self.lock_files.insert(path, LockFact { pid, owner });
            }
            "shut" => {
                let path = parts.next()?.to_owned();
                let mode = u32::from_str_radix(parts.next()?, 8).ok()?;
                let (owner, group) = (owner(&mut parts)?, owner(&mut parts)?);
                self.shut.insert(path, Permissions { mode, owner, group });
            }
            "name" => {
                let name = parts.next()?.to_owned();
                let addresses = parts.next()?.split_whitespace().map(|address| address.parse().ok());
                self.names.insert(name, addresses.collect::<Option<_>>()?);
            }
            "header" => {
                let name = parts.next()?.to_owned();
                let header = bytes(parts.next()?)?;
                if let Some(version) = header.get(METAVERSION) {
                    self.metaversions.insert(name.clone(), u64::from_be_bytes(version.try_into().ok()?));
                }
                let kind = &header[..header.len().min(METADATA_KIND)];
                self.headers.insert(name, String::from_utf8_lossy(kind).into_owned());
            }
            "change" => self.last_change = Some(rest.trim().parse().ok()?),
            "user" => {
                let mut parts = rest.splitn(3, '\t');
                let pid = parts.next()?.parse().ok()?;
                let (name, path) = (parts.next()?.to_owned(), parts.next()?.to_owned());
                self.users.push(MountUser { pid, name, path });
            }
            "users" => self.users_cut = (rest == "cut").then_some(true)?,
            "placed" if rest == "cut" => self.placed_cut = true,
            "placed" => self.placed.push(Placed::parse(rest)?),
            "loop" => {
                let (device, file) = (parts.next()?.to_owned(), parts.next()?.to_owned());
                let mounted = parts.next()?.split_whitespace().map(str::to_owned).collect();
                self.keepers.push(Keeper::Loop { device, file, mounted });
            }
            "stacked" => {
                let mut part = || parts.next().map(str::to_owned);
                self.keepers.push(Keeper::Stacked { folder: part()?, kind: part()?, point: part()? });
            }
            "swap" => self.keepers.push(Keeper::Swap(rest.to_owned())),
            "export" => {
                let (path, how) = rest.split_once('\t')?;
                let crosses = how == "crossmnt";
                self.keepers.push(Keeper::Export { path: path.to_owned(), crosses });
            }
            "unshare" => self.unshare = true,
            "under" => drop(self.under.insert(rest.to_owned(), Vec::new())),
            "below" => {
                let (mount, name) = rest.split_once('\t')?;
                self.under.get_mut(mount)?.push(name.to_owned());
            }
            "startups" => self.startup_cut = (rest == "cut").then_some(true)?,
            "startup" => self.startup.push(startup(rest)?),
            _ => return None,
        }
        Some(())
    }
}

/// `NAME NUMBER`, tab separated, as `stat` tells an owner or a group: the number where there is no name.
fn owner(parts: &mut std::str::Split<'_, char>) -> Option<String> {
    let (name, number) = (parts.next()?, parts.next()?);
    number.parse::<u32>().ok()?;
    Some(if name == "UNKNOWN" { number } else { name }.to_owned())
}

/// `DEVICE INODE`, tab separated, as `stat` tells them in decimal.
fn node(parts: &mut std::str::Split<'_, char>) -> Option<Node> {
    Some(Node { device: parts.next()?.parse().ok()?, inode: parts.next()?.parse().ok()? })
}

/// `12345.67`, as /proc/uptime has it.
fn hundredths(text: &str) -> Option<u64> {
    let (seconds, rest) = text.split_once('.')?;
    let rest: u64 = Some(rest).filter(|rest| rest.len() == 2)?.parse().ok()?;
    seconds.parse::<u64>().ok()?.checked_mul(100)?.checked_add(rest)
}

/// Bytes in hexadecimal.
fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digit = |c: u8| char::from(c).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let pairs = hex.as_bytes().chunks(2);
    pairs.map(|pair| if let [high, low] = pair { Some(digit(*high)? << 4 | digit(*low)?) } else { None }).collect()
}

/// `#define NAME "VALUE"`
fn define(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.strip_prefix("#define")?.trim().split_once([' ', '\t'])?;
    Some((name, value.trim().strip_prefix('"')?.strip_suffix('"')?))
}

/// `BLOCKS BLOCK-SIZE FREE-INODES INODES [ID]`; a file system without inodes of its own has 0 of 0, and one without a number
/// 0. The number is in hexadecimal.
fn space(text: &str) -> Option<Space> {
    let words: Vec<&str> = text.split(' ').collect();
    let (figures, id) = words.split_at_checked(4)?;
    let id = match id {
        [] => 0,
        [id] => u64::from_str_radix(id, 16).ok()?,
        _ => return None,
    };
    let numbers: Vec<u64> = figures.iter().map(|word| word.parse().ok()).collect::<Option<_>>()?;
    let [blocks, size, free, inodes] = numbers[..] else { return None };
    let inodes = (inodes > 0).then_some(free);
    Some(Space { free: blocks.saturating_mul(size), inodes, id: Some(id).filter(|id| *id > 0) })
}

/// `FILE:LINE:TEXT`, as grep tells it; a file's name can have colons of its own.
fn startup(text: &str) -> Option<StartupLine> {
    text.match_indices(':').find_map(|(at, _)| {
        let (line, rest) = text[at + 1..].split_once(':')?;
        Some(StartupLine { file: text[..at].to_owned(), line: line.parse().ok()?, text: rest.to_owned() })
    })
}

fn version(text: &str) -> Option<Version> {
    text.parse().ok()
}

/// `PID COMM VERSION EXE CWD LOCK STAT-BEHIND-THE-NAME ARG0 ARG…`, tab separated. Field 22 of stat is the 20th behind the name.
fn process(parts: &mut std::str::Split<'_, char>) -> Option<Process> {
    let pid = parts.next()?.parse().ok()?;
    let role = role(parts.next()?)?;
    let version = version(parts.next()?);
    let exe = parts.next()?.to_owned();
    let cwd = parts.next()?.to_owned();
    let locked = match parts.next()? {
        "held" => Some(true),
        "free" => Some(false),
        _ => None,
    };
    let mut stat = parts.next()?.split(' ');
    let parent = stat.nth(1)?.parse().ok()?;
    let start = stat.nth(17)?.parse().ok()?;
    let mut arguments: Vec<String> = parts.skip(1).map(str::to_owned).collect();
    // /proc/PID/cmdline ends with a NUL, which the script turned into a last, empty field
    if arguments.last().is_some_and(String::is_empty) {
        arguments.pop();
    }
    Some(Process {
        pid,
        role,
        parent,
        start,
        exe,
        version,
        cwd,
        locked,
        arguments,
        user: String::new(),
        group: String::new(),
        memory: 0,
    })
}

fn role(program: &str) -> Option<Role> {
    [Role::Master, Role::Chunkserver, Role::Metalogger, Role::Client].into_iter().find(|role| role.program() == program)
}

/// A line of /proc/mounts; `Some(None)` for a fuse mount of something else, and for one that a local user made through
/// fusermount, which may call itself what it likes and cannot hide whose it is.
fn mount(line: &str) -> Option<Option<MountLine>> {
    let mut words = line.split(' ');
    let (source, point, kind, options) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let of_root = options.split(',').all(|option| option.strip_prefix("user_id=").is_none_or(|user| user == "0"));
    let ours = of_root && (kind != "fuse" || source == "MFS" || source == "MFSMETA");
    Some(ours.then(|| MountLine {
        source: source.to_owned(),
        mount_point: point.to_owned(),
        kind: kind.to_owned(),
        options: options.to_owned(),
    }))
}

/// A line of /proc/net/tcp or tcp6; `Some(None)` for a socket that neither listens (0A) nor is established (01), and for one
/// that only IPv6 reaches.
fn socket(line: &str) -> Option<Option<Socket>> {
    let mut words = line.split_whitespace().skip(1);
    let (local, remote) = (address(words.next()?)?, address(words.next()?)?);
    let state = words.next()?;
    // behind the state: queues, timer, retransmissions, user, timeout
    let inode = words.nth(5).and_then(|word| word.parse().ok()).unwrap_or(0);
    let socket = |(local, remote)| Socket { local, remote, listening: state == "0A", inode };
    Some(local.zip(remote).map(socket).filter(|_| matches!(state, "01" | "0A")))
}

/// `0A00000A:24CD`: the address in the host's byte order (all of MooseFS's hosts were little-endian), the port not. One of
/// IPv6 is four such words: all addresses, which may be IPv4's too, or one of IPv4 behind `::ffff:`; `Some(None)` for others.
fn address(text: &str) -> Option<Option<(Ipv4Addr, u16)>> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = match address.len() {
        8 => address,
        32 if address == "00000000000000000000000000000000" => "00000000",
        32 if address.is_ascii() && address.starts_with("0000000000000000FFFF0000") => &address[24..],
        32 if address.bytes().all(|digit| digit.is_ascii_hexdigit()) => return Some(None),
        _ => return None,
    };
    let address = u32::from_str_radix(word, 16).ok()?;
    Some(Some((Ipv4Addr::from(address.swap_bytes()), port)))
}
