//! Runs on disk: a folder a run below the state folder, for the owner alone.
//!
//! ```text
//! STATE/runs/20261122T164109Z-3f2a/
//!   plan.json       the plan as it was resolved
//!   schedule.json   the schedule that is walked
//!   journal.jsonl   records; see docs/journal-format.md
//!   lock            held by the process that walks it
//! ```

pub mod simulated;

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use jiff::Timestamp;
use rustix::fs::FlockOperation;

use super::record::{self, BadLine, FORMAT};
use super::{JournalSink, Progress, Record};
use crate::plan::Plan;
use crate::schedule::Schedule;

const FILE_MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;
/// No journal of a real run comes near it.
const LARGEST_FILE: u64 = 1 << 30;

/// Why the state folder could not be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file system said no.
    #[error("failed to {0} {1}")]
    Io(&'static str, PathBuf, #[source] io::Error),
    /// There is no home folder to put state into.
    #[error("failed to find the state folder: neither XDG_STATE_HOME nor HOME is set")]
    NoHome,
    /// A file of a run is not as this program writes it.
    #[error("failed to read {0}")]
    Json(PathBuf, #[source] serde_json::Error),
    /// The journal was changed or is damaged.
    #[error("failed to read {0}")]
    Journal(PathBuf, #[source] BadLine),
    /// Another process walks the run, or another run on the same master.
    #[error("{0} is being walked by another process")]
    Locked(String),
    /// No run of that name, or none at all.
    #[error("there is no run {0} in {1}")]
    NoRun(String, PathBuf),
    /// schedule.json is not the one that the journal is bound to.
    #[error("schedule.json of run {0} was changed after the run began")]
    Digest(String),
    /// No record: the process was killed before it had written one, and no host was touched.
    #[error("the journal of run {0} is empty; nothing was begun by it, and its folder can be removed")]
    Empty(String),
    /// Written by another version.
    #[error("run {0} has format {1}, and this program reads {FORMAT}")]
    Format(String, u32),
}

/// The folder of all runs.
#[derive(Debug, Clone)]
pub struct StateFolder(PathBuf);

impl StateFolder {
    /// `chosen`, or `mfsupgrade` below the XDG state folder.
    ///
    /// # Errors
    /// [`StoreError::NoHome`].
    pub fn new(chosen: Option<&Path>) -> Result<Self, StoreError> {
        if let Some(folder) = chosen {
            return Ok(Self(folder.to_owned()));
        }
        let base = etcetera::choose_base_strategy().map_err(|_| StoreError::NoHome)?;
        Ok(Self(base.state_dir().unwrap_or_else(|| base.data_dir()).join("mfsupgrade")))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    fn runs(&self) -> PathBuf {
        self.0.join("runs")
    }

    /// The names of all runs, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn names(&self) -> Result<Vec<String>, StoreError> {
        let entries = match std::fs::read_dir(self.runs()) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(StoreError::Io("list", self.runs(), e)),
        };
        let mut names: Vec<String> = entries
            .filter_map(Result::ok)
            .filter(|entry| entry.path().join("journal.jsonl").is_file())
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        names.sort();
        Ok(names)
    }

    /// The folder of the run `name`, or of the newest.
    fn find(&self, name: Option<&str>) -> Result<(String, PathBuf), StoreError> {
        let names = self.names()?;
        let found = match name {
            None => names.into_iter().next_back(),
            Some(name) => names.into_iter().find(|n| n == name),
        };
        let found = found.ok_or_else(|| StoreError::NoRun(name.unwrap_or("yet").to_owned(), self.runs()))?;
        let folder = self.runs().join(&found);
        Ok((found, folder))
    }

    /// The locks of a run and of its cluster. One run a cluster: two would each take a chunkserver down.
    fn locks(&self, plan: &Plan, folder: &Path, name: &str) -> Result<[File; 2], StoreError> {
        let clusters = self.0.join("clusters");
        let cluster = clusters.join(plan.master.host.as_str());
        make_folder(&cluster, true)?;
        let run = lock(folder, &format!("run {name}"))?;
        Ok([run, lock(&cluster, &format!("a run on the cluster of master {}", plan.master.host))?])
    }

    /// Begins a run: folder, plan, schedule and the journal's first record, all of it durable.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn begin(&self, plan: &Plan, schedule: &Schedule, at: Timestamp) -> Result<Run, StoreError> {
        let digest = schedule.digest();
        let name = format!("{}-{}", at.strftime("%Y%m%dT%H%M%SZ"), &digest[..4]);
        let folder = self.runs().join(&name);
        make_folder(&self.runs(), true)?;
        make_folder(&folder, false)?;
        let json = |value: serde_json::Result<Vec<u8>>, path: &Path| {
            value.map_err(|e| StoreError::Json(path.to_owned(), e)).and_then(|json| write_file(path, &json))
        };
        json(serde_json::to_vec_pretty(plan), &folder.join("plan.json"))?;
        json(serde_json::to_vec_pretty(schedule), &folder.join("schedule.json"))?;
        let locks = self.locks(plan, &folder, &name).inspect_err(|_| {
            // nothing was begun: what is left of this run says nothing to anybody
            let _ = std::fs::remove_dir_all(&folder);
        })?;
        let path = folder.join("journal.jsonl");
        let file = open_new(&path)?;
        let mut run =
            Run { name, folder, file, path, records: 0, length: 0, progress: Progress::default(), _locks: locks };
        let tool = env!("CARGO_PKG_VERSION").to_owned();
        let begun = Record::Begun { format: FORMAT, tool, schedule_sha256: digest, at };
        run.append(begun).map_err(|e| StoreError::Io("write", run.path.clone(), e))?;
        sync_folder(&run.folder)?;
        sync_folder(&self.runs())?;
        Ok(run)
    }

    /// Reads the run `name` (or the newest) without touching it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn read(&self, name: Option<&str>) -> Result<Stored, StoreError> {
        let (name, folder) = self.find(name)?;
        let plan = read_json(&folder.join("plan.json"))?;
        let schedule: Schedule = read_json(&folder.join("schedule.json"))?;
        let path = folder.join("journal.jsonl");
        let text = String::from_utf8_lossy(&read_file(&path)?).into_owned();
        let (records, whole) = record::decode(&text).map_err(|e| StoreError::Journal(path, e))?;
        if let Some(Record::Begun { format, .. }) = records.first()
            && *format != FORMAT
        {
            return Err(StoreError::Format(name, *format));
        }
        if records.is_empty() {
            return Err(StoreError::Empty(name));
        }
        let progress = Progress::replay(&records);
        if progress.schedule_sha256 != schedule.digest() {
            return Err(StoreError::Digest(name));
        }
        let walked = lock_is_held(&folder)?;
        Ok(Stored { name, folder, plan, schedule, records, progress, whole, walked })
    }

    /// Opens the run `name` (or the newest) to go on with it: locked, a torn last line cut off.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn reopen(&self, name: Option<&str>) -> Result<(Run, Stored), StoreError> {
        let (name, folder) = self.find(name)?;
        let stored = self.read(Some(&name))?;
        let locks = self.locks(&stored.plan, &folder, &name)?;
        // what was read before the lock was held may have grown since
        let stored = self.read(Some(&stored.name))?;
        let path = folder.join("journal.jsonl");
        let io = |what| {
            let path = path.clone();
            move |e| StoreError::Io(what, path, e)
        };
        let file = OpenOptions::new().append(true).open(&path).map_err(io("open"))?;
        file.set_len(stored.whole as u64).map_err(io("cut the torn end of"))?;
        let run = Run {
            name,
            folder: stored.folder.clone(),
            file,
            path,
            records: stored.records.len() as u64,
            length: stored.whole as u64,
            progress: stored.progress.clone(),
            _locks: locks,
        };
        Ok((run, stored))
    }
}

/// A run as it stands on disk.
#[derive(Debug)]
pub struct Stored {
    /// Its name.
    pub name: String,
    /// Its folder.
    pub folder: PathBuf,
    /// The plan.
    pub plan: Plan,
    /// The schedule.
    pub schedule: Schedule,
    /// The journal.
    pub records: Vec<Record>,
    /// Where it is.
    pub progress: Progress,
    /// Bytes of the journal's whole lines.
    whole: usize,
    /// Whether a process walks it now.
    pub walked: bool,
}

/// A run that this process walks.
#[derive(Debug)]
pub struct Run {
    /// Its name.
    pub name: String,
    /// Its folder.
    pub folder: PathBuf,
    file: File,
    path: PathBuf,
    records: u64,
    /// Bytes of whole lines.
    length: u64,
    /// Where it was when it was opened.
    pub progress: Progress,
    /// Of the run, and of the cluster: its master's name.
    _locks: [File; 2],
}

impl Run {
    /// Forgets a run that has begun nothing: what is left of it would say nothing to anybody.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn discard(self) -> Result<(), StoreError> {
        std::fs::remove_dir_all(&self.folder).map_err(|e| StoreError::Io("remove", self.folder.clone(), e))
    }
}

impl JournalSink for Run {
    fn append(&mut self, record: Record) -> io::Result<()> {
        let line = record::encode(self.records, &record);
        if let Err(e) = self.file.write_all(line.as_bytes()).and_then(|()| self.file.sync_data()) {
            // half a line would make every later one unreadable; whether this works shows when the journal is read
            let _ = self.file.set_len(self.length);
            return Err(e);
        }
        self.records += 1;
        self.length += line.len() as u64;
        Ok(())
    }
}

fn make_folder(path: &Path, parents: bool) -> Result<(), StoreError> {
    DirBuilder::new()
        .recursive(parents)
        .mode(FOLDER_MODE)
        .create(path)
        .map_err(|e| StoreError::Io("create the folder", path.to_owned(), e))
}

fn open_new(path: &Path) -> Result<File, StoreError> {
    OpenOptions::new()
        .append(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(path)
        .map_err(|e| StoreError::Io("create", path.to_owned(), e))
}

fn write_file(path: &Path, content: &[u8]) -> Result<(), StoreError> {
    let mut file = open_new(path)?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(|e| StoreError::Io("write", path.to_owned(), e))
}

fn read_file(path: &Path) -> Result<Vec<u8>, StoreError> {
    let mut content = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LARGEST_FILE).read_to_end(&mut content))
        .map_err(|e| StoreError::Io("read", path.to_owned(), e))?;
    Ok(content)
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, StoreError> {
    serde_json::from_slice(&read_file(path)?).map_err(|e| StoreError::Json(path.to_owned(), e))
}

fn sync_folder(path: &Path) -> Result<(), StoreError> {
    File::open(path).and_then(|f| f.sync_all()).map_err(|e| StoreError::Io("sync", path.to_owned(), e))
}

fn lock_file(folder: &Path) -> Result<File, StoreError> {
    let path = folder.join("lock");
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(FILE_MODE)
        .open(&path)
        .map_err(|e| StoreError::Io("open", path, e))
}

/// The lock ends with the process, however it ends.
fn lock(folder: &Path, name: &str) -> Result<File, StoreError> {
    let file = lock_file(folder)?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(StoreError::Locked(name.to_owned())),
        Err(e) => Err(StoreError::Io("lock", folder.join("lock"), e.into())),
    }
}

fn lock_is_held(folder: &Path) -> Result<bool, StoreError> {
    let Ok(file) = File::open(folder.join("lock")) else { return Ok(false) };
    Ok(rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared).is_err())
}
