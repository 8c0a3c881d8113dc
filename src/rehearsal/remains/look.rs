//! Looks at all hosts of a cluster: their folders, the processes that live on them, their mount tables.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use super::content::{self, Chance};
use super::{Remains, Thing};
use crate::rehearsal::cluster::Cluster;
use crate::rehearsal::error::{RehearsalError, Tried};
use crate::rehearsal::procfs;
use crate::rehearsal::simulated::{ROOT_VARIABLE, owners};
use crate::rehearsal::site::{SIM, Site};

/// Not looked into: the simulation's own notes, which no host has; and /proc, whose processes and mounts are things of their
/// own, and the rest of which is this machine's.
const ASIDE: [&str; 2] = [SIM, "proc"];

/// How long what is being written is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

impl Cluster {
    /// What is there now. Daemons write their files beside them and move them there: looked at is until it is the same twice.
    ///
    /// # Errors
    /// A host's folder cannot be read.
    pub async fn remains(&self) -> Result<Remains, RehearsalError> {
        let began = Instant::now();
        let mut last = self.look()?;
        loop {
            let now = self.look()?;
            if now == last || began.elapsed() > PATIENCE {
                return Ok(now);
            }
            last = now;
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    fn look(&self) -> Result<Remains, RehearsalError> {
        let mut remains = Remains::default();
        for (host, _) in self.hosts() {
            let site = &host.site;
            look(site, &mut remains).tried(|| format!("look at what is left on {}", site.host))?;
        }
        Ok(remains)
    }
}

fn look(site: &Site, remains: &mut Remains) -> io::Result<()> {
    let chance = chance(site);
    files(site, &chance, &site.root, remains)?;
    processes(site, &chance, remains)?;
    for line in fs::read_to_string(site.real("/proc/mounts"))?.lines() {
        let place = line.split(' ').nth(1).unwrap_or_default().to_owned();
        remains.add(&site.host, Thing::Mount(place), chance.text(line));
    }
    Ok(())
}

fn chance(site: &Site) -> Chance {
    let network = format!("127.{}.", site.address.octets()[1]);
    let path = |path: &Path| path.as_os_str().as_encoded_bytes().to_vec();
    Chance {
        // the host's folder lies in the rehearsal's
        words: vec![(path(&site.root), b""), (path(&site.dir), b"REHEARSAL"), (network.into_bytes(), b"127.A.")],
    }
}

fn files(site: &Site, chance: &Chance, folder: &Path, remains: &mut Remains) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if folder == site.root && ASIDE.contains(&name.as_ref()) {
            continue;
        }
        match what(site, chance, &path, &name, remains) {
            Ok(what) => remains.add(&site.host, Thing::File(site.seen(&path.to_string_lossy())), what),
            // moved to its place meanwhile
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// What the file at `path` is. What is below a folder is looked at too.
fn what(site: &Site, chance: &Chance, path: &Path, name: &str, remains: &mut Remains) -> io::Result<String> {
    let facts = fs::symlink_metadata(path)?;
    let kept = format!("{:o} {}", facts.permissions().mode() & 0o7777, owners::owner_of(site, path));
    Ok(if facts.is_symlink() {
        format!("link to {}", chance.text(&fs::read_link(path)?.to_string_lossy()))
    } else if facts.is_dir() {
        files(site, chance, path, remains)?;
        format!("folder {kept}")
    } else if facts.is_file() {
        format!("file {kept} {}", content::mark(name, &fs::read(path)?, chance))
    } else {
        format!("neither file nor folder {kept}")
    })
}

fn processes(site: &Site, chance: &Chance, remains: &mut Remains) -> io::Result<()> {
    let living = procfs::living(&site.root);
    for process in &living {
        let folder = site.real(&format!("/proc/{}", process.pid));
        let link = |name: &str| fs::read_link(folder.join(name)).map(|at| chance.text(&at.to_string_lossy()));
        let status = fs::read_to_string(folder.join("status")).unwrap_or_default();
        let user = status.lines().find_map(|line| line.strip_prefix("Uid:\t")?.split('\t').next()).unwrap_or("?");
        let (file, at) = (link("exe").unwrap_or_default(), link("cwd").unwrap_or_default());
        let name = match &process.mount_point {
            Some(place) => format!("{} {place}", process.program),
            None => process.program.clone(),
        };
        let command = command_line(&folder, chance);
        remains.process(
            &site.host,
            &name,
            format!("{}, `{command}` of user {user}, file {file}, in {at}", process.version),
        );
    }
    // what a command has left on the host that has ended
    for entry in fs::read_dir("/proc")? {
        let folder = entry?.path();
        let pid = folder.file_name().and_then(|name| name.to_str()?.parse::<i32>().ok());
        let known = pid.is_none_or(|pid| living.iter().any(|process| process.pid == pid));
        if !known && is_of(&folder, site) {
            let name = fs::read_to_string(folder.join("comm")).unwrap_or_default();
            remains.process(&site.host, name.trim_end(), format!("left behind, `{}`", command_line(&folder, chance)));
        }
    }
    Ok(())
}

fn command_line(folder: &Path, chance: &Chance) -> String {
    let words = fs::read(folder.join("cmdline")).unwrap_or_default();
    chance.text(String::from_utf8_lossy(&words).replace('\0', " ").trim_end())
}

/// Whether a process of this machine is one of the host: whatever runs there has the host's folder in its environment.
fn is_of(folder: &Path, site: &Site) -> bool {
    let environment = fs::read(folder.join("environ")).unwrap_or_default();
    let root = site.root.as_os_str().as_encoded_bytes();
    let value = |entry: &'_ [u8]| entry.strip_prefix(ROOT_VARIABLE.as_bytes())?.strip_prefix(b"=").map(<[u8]>::to_vec);
    environment.split(|byte| *byte == 0).filter_map(value).any(|value| value == root)
}
