//! Runs on disk: a folder a run below the state folder, for the owner alone.
//!
//! ```text
//! STATE/runs/20261122T164109Z-3f2a/
//!   plan.json         the plan as it was resolved
//!   schedule.json     the schedule that is walked
//!   observation.json  what was seen of the cluster before
//!   plan-2.json …     the plan and the schedule after the plan was changed
//!   texts/            texts with passwords, which the others do not have
//!   journal.jsonl     records; see docs/journal-format.md
//!   events.jsonl      what the run told; see docs/events.md
//!   lock              held by the process that walks it
//! ```

pub mod crash;
pub mod events;
pub mod simulated;
pub mod texts;

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use jiff::{SignedDuration, Timestamp};

use super::files::{self, bound_to, lock, lock_is_held, make_folder, open_new, read_file, sync_folder};
use super::record::{self, BadLine, FORMAT};
use super::{JournalSink, Origin, Progress, Record};
use crate::check::Observation;
use crate::plan::Plan;
use crate::schedule::Schedule;
use crash::Crashes;
use texts::HasTexts;

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
    #[error("{0} is active: another process is at work on it")]
    Locked(String),
    /// No run of that name, or none at all.
    #[error("there is no run {0} in {1}")]
    NoRun(String, PathBuf),
    /// A file is not the one that the journal is bound to.
    #[error("{1} of run {0} was changed after the run began")]
    Digest(String, String),
    /// No record: the process was killed before it had written one, and no host was touched.
    #[error("the journal of run {0} is empty; nothing was begun by it, and its folder can be removed")]
    Empty(String),
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
    pub fn begin(&self, new: &NewRun<'_>, at: Timestamp) -> Result<Run, StoreError> {
        let at_least = self.names()?.iter().filter_map(|name| begun_at(name)).max();
        // a run that is begun later sorts behind: also where the clock was set back in between
        let named = at_least.map_or(at, |last| at.max(last + SignedDuration::from_secs(1)));
        let name = format!("{}-{}", named.strftime(STAMP), &new.schedule.digest()[..4]);
        let folder = self.runs().join(&name);
        make_folder(&self.runs(), true)?;
        make_folder(&folder, false)?;
        self.begin_in(folder.clone(), name, new, at).inspect_err(|_| {
            // nothing was begun: what is left of this run says nothing to anybody
            let _ = std::fs::remove_dir_all(&folder);
        })
    }

    fn begin_in(&self, folder: PathBuf, name: String, new: &NewRun<'_>, at: Timestamp) -> Result<Run, StoreError> {
        let NewRun { plan, schedule, observation, origin } = new;
        texts::keep(&folder, *plan)?;
        texts::keep(&folder, *schedule)?;
        if let Some(observation) = observation {
            texts::keep(&folder, *observation)?;
        }
        let plan_sha256 = files::write_json(&folder.join("plan.json"), plan)?;
        let schedule_sha256 = files::write_json(&folder.join("schedule.json"), schedule)?;
        let observed = observation.map(|o| files::write_json(&folder.join("observation.json"), o)).transpose()?;
        let locks = self.locks(plan, &folder, &name)?;
        // what the first record is bound to is there when the record is
        sync_folder(&folder)?;
        let path = folder.join("journal.jsonl");
        let file = open_new(&path)?;
        let mut run = Run {
            name,
            folder,
            file,
            path,
            records: 0,
            length: 0,
            torn: false,
            // the walk begins as one of which nothing is recorded; its events name the plan
            progress: Progress { plan_sha256: Some(plan_sha256.clone()), ..Progress::default() },
            crashes: Crashes::ahead(self, &[])?,
            _locks: locks.into(),
        };
        let begun = Record::Begun {
            format: FORMAT,
            tool: env!("CARGO_PKG_VERSION").to_owned(),
            schedule_sha256,
            plan_sha256: Some(plan_sha256),
            observation_sha256: observed,
            origin: (*origin).clone(),
            at,
        };
        run.append(begun).map_err(|e| StoreError::Io("write", run.path.clone(), e))?;
        // a file is only as durable as the folders that name it
        for folder in [&run.folder, &self.runs(), &self.0] {
            sync_folder(folder)?;
        }
        Ok(run)
    }

    /// Records that the run `name` is not gone on with.
    ///
    /// # Errors
    /// [`StoreError`]; one of them is that it is being walked.
    pub fn abandon(&self, name: &str, at: Timestamp) -> Result<(), StoreError> {
        let (name, folder) = self.find(Some(name))?;
        // the cluster's lock is the new run's
        let lock = lock(&folder, &format!("run {name}"))?;
        let mut run = self.open(&self.read(Some(&name))?, vec![lock])?;
        run.append(Record::Abandoned { at }).map_err(|e| StoreError::Io("write", run.path.clone(), e))
    }

    /// Reads the run `name` (or the newest) without touching it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn read(&self, name: Option<&str>) -> Result<Stored, StoreError> {
        let (name, folder) = self.find(name)?;
        let path = folder.join("journal.jsonl");
        let text = String::from_utf8_lossy(&read_file(&path)?).into_owned();
        let (records, whole) = record::decode(&text).map_err(|e| StoreError::Journal(path, e))?;
        if records.is_empty() {
            return Err(StoreError::Empty(name));
        }
        let progress = Progress::replay(&records);
        let plan = bound(&name, &folder, numbered("plan", progress.number), progress.plan_sha256.as_deref())?;
        let file = numbered("schedule", progress.number);
        let schedule = bound(&name, &folder, file, Some(&progress.schedule_sha256))?;
        let observation = match &progress.observation_sha256 {
            Some(sha256) => Some(bound(&name, &folder, "observation.json".to_owned(), Some(sha256))?),
            None => None,
        };
        let walked = lock_is_held(&folder)?;
        Ok(Stored { name, folder, plan, schedule, observation, records, progress, whole, walked })
    }

    /// The runs that take `name` back, whenever they were begun, and those of which that cannot be told. Of a run whose journal
    /// is damaged its schedule tells.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn taking_back(&self, name: &str) -> Result<(Vec<String>, Vec<String>), StoreError> {
        let (mut back, mut unclear) = (Vec::new(), Vec::new());
        for other in self.names()?.into_iter().filter(|other| other != name) {
            let path = self.runs().join(&other).join("schedule.json");
            let of = read_file(&path).ok().and_then(|json| serde_json::from_slice::<BackOf>(&json).ok());
            match of {
                Some(of) if of.back_of.as_deref() == Some(name) => back.push(other),
                Some(_) => {}
                None => unclear.push(other),
            }
        }
        Ok((back, unclear))
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
        let run = self.open(&stored, locks.into())?;
        Ok((run, stored))
    }

    /// Opens a journal to append to it; a torn last line is cut off.
    fn open(&self, stored: &Stored, locks: Vec<File>) -> Result<Run, StoreError> {
        let path = stored.folder.join("journal.jsonl");
        let io = |what| {
            let path = path.clone();
            move |e| StoreError::Io(what, path, e)
        };
        let file = OpenOptions::new().append(true).open(&path).map_err(io("open"))?;
        file.set_len(stored.whole as u64).and_then(|()| file.sync_all()).map_err(io("cut the torn end of"))?;
        Ok(Run {
            name: stored.name.clone(),
            folder: stored.folder.clone(),
            file,
            path,
            records: stored.records.len() as u64,
            length: stored.whole as u64,
            torn: false,
            progress: stored.progress.clone(),
            crashes: Crashes::ahead(self, &stored.records)?,
            _locks: locks,
        })
    }
}

/// What a schedule of any version says of what it takes back.
#[derive(serde::Deserialize)]
struct BackOf {
    #[serde(default)]
    back_of: Option<String>,
}

/// What a run is begun with.
#[derive(Debug, Clone, Copy)]
pub struct NewRun<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The schedule.
    pub schedule: &'a Schedule,
    /// What it was made of, beyond the plan: a plan that is changed later is compiled with the same.
    pub observation: Option<&'a Observation>,
    /// Where it comes from.
    pub origin: &'a Origin,
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
    /// What was seen of the cluster before; `None` in format 1, on the way back, and of a preview.
    pub observation: Option<Observation>,
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
    /// Whether half a line may stand at its end: nothing is written behind that.
    torn: bool,
    /// Where it was when it was opened.
    pub progress: Progress,
    /// Where a rehearsal is to kill this process.
    crashes: Option<Crashes>,
    /// Of the run, and of the cluster: its master's name.
    _locks: Vec<File>,
}

impl Run {
    /// Goes on with another plan and schedule. Their files are durable before the record that names them: a process that is
    /// killed in between leaves files that nobody reads.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn replan(&mut self, plan: &Plan, schedule: &Schedule, at: Timestamp) -> Result<(), StoreError> {
        let number = self.progress.number + 1;
        texts::keep(&self.folder, plan)?;
        texts::keep(&self.folder, schedule)?;
        let plan_sha256 = files::write_json(&self.folder.join(numbered("plan", number)), plan)?;
        let schedule_sha256 = files::write_json(&self.folder.join(numbered("schedule", number)), schedule)?;
        sync_folder(&self.folder)?;
        self.progress.plan_sha256 = Some(plan_sha256.clone());
        let record = Record::Replanned { number, plan_sha256, schedule_sha256, at };
        self.append(record).map_err(|e| StoreError::Io("write", self.path.clone(), e))?;
        self.progress.number = number;
        Ok(())
    }

    /// Forgets a run that has begun nothing: what is left of it would say nothing to anybody.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn discard(self) -> Result<(), StoreError> {
        std::fs::remove_dir_all(&self.folder).map_err(|e| StoreError::Io("remove", self.folder.clone(), e))
    }
}

/// How a run's name begins.
const STAMP: &str = "%Y%m%dT%H%M%SZ";

/// The time in a run's name; `None`: it was given by hand.
fn begun_at(name: &str) -> Option<Timestamp> {
    let stamp = name.split('-').next()?.strip_suffix('Z')?;
    jiff::civil::DateTime::strptime("%Y%m%dT%H%M%S", stamp)
        .ok()?
        .to_zoned(jiff::tz::TimeZone::UTC)
        .ok()
        .map(|at| at.timestamp())
}

/// `schedule.json`, `schedule-2.json`.
fn numbered(what: &str, number: u32) -> String {
    if number < 2 { format!("{what}.json") } else { format!("{what}-{number}.json") }
}

/// Reads a file of a run that must be the one that its journal names.
fn bound<T: serde::de::DeserializeOwned + HasTexts>(
    run: &str,
    folder: &Path,
    file: String,
    sha256: Option<&str>,
) -> Result<T, StoreError> {
    let path = folder.join(&file);
    let json = read_file(&path)?;
    if sha256.is_some_and(|sha256| sha256 != bound_to(&json)) {
        return Err(StoreError::Digest(run.to_owned(), file));
    }
    let mut value: T = serde_json::from_slice(&json).map_err(|e| StoreError::Json(path, e))?;
    texts::complete(run, folder, &mut value)?;
    Ok(value)
}

impl JournalSink for Run {
    fn append(&mut self, record: Record) -> io::Result<()> {
        if self.torn {
            return Err(io::Error::other("half a record stands at its end, which resume cuts off"));
        }
        let record = record.bounded();
        if let Some(crashes) = &self.crashes {
            crashes.before(self.records, &record)?;
        }
        let line = record::encode(self.records, &record);
        if let Err(e) = self.file.write_all(line.as_bytes()).and_then(|()| files::sync(&self.file, &self.path)) {
            // half a line would make every later one unreadable
            self.torn = self.file.set_len(self.length).is_err();
            return Err(e);
        }
        if let Some(crashes) = &mut self.crashes {
            crashes.behind(self.records, &record)?;
        }
        self.records += 1;
        self.length += line.len() as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_in(folder: &Path, file: &str) -> Run {
        Run {
            name: "run".to_owned(),
            folder: folder.to_owned(),
            file: OpenOptions::new().append(true).open(file).unwrap(),
            path: folder.join("journal.jsonl"),
            records: 0,
            length: 0,
            torn: false,
            progress: Progress::default(),
            crashes: None,
            _locks: Vec::new(),
        }
    }

    #[test]
    fn every_file_of_a_run_and_every_folder_that_names_it_is_synced_before_it_goes_on() {
        let state = tempfile::tempdir().unwrap();
        let store = StateFolder::new(Some(state.path())).unwrap();
        let source = include_str!("../../plans/rolling.toml");
        let plan = Plan::parse(source, Path::new("rolling.toml"), Path::new("/")).unwrap();
        let schedule = crate::schedule::compile(&plan, None, plan.line());
        let (origin, at) = (Origin::default(), Timestamp::UNIX_EPOCH);
        let new = NewRun { plan: &plan, schedule: &schedule, observation: None, origin: &origin };
        let synced = || files::tests::SYNCED.take();
        synced();
        let mut run = store.begin(&new, at).unwrap();
        let (runs, folder) = (store.runs(), run.folder.clone());
        let named = |file: &str| folder.join(file);
        let bound = [named("plan.json"), named("schedule.json"), folder.clone()];
        let first = [named("journal.jsonl"), folder.clone(), runs, state.path().to_owned()];
        assert_eq!(synced(), [&bound[..], &first[..]].concat());
        run.append(Record::Resumed { at }).unwrap();
        assert_eq!(synced(), [named("journal.jsonl")]);
        let name = run.name.clone();
        drop(run);
        let (mut run, _) = store.reopen(Some(&name)).unwrap();
        synced();
        run.replan(&plan, &schedule, at).unwrap();
        let again = [named("plan-2.json"), named("schedule-2.json"), folder.clone(), named("journal.jsonl")];
        assert_eq!(synced(), again);
    }

    #[test]
    fn runs_are_in_the_order_in_which_they_were_begun_whatever_the_clock_says() {
        let state = tempfile::tempdir().unwrap();
        let store = StateFolder::new(Some(state.path())).unwrap();
        let source = include_str!("../../plans/rolling.toml");
        let plan = Plan::parse(source, Path::new("rolling.toml"), Path::new("/")).unwrap();
        let mut schedule = crate::schedule::compile(&plan, None, plan.line());
        let at = |seconds: i64| Timestamp::from_second(1_800_000_000 + seconds).unwrap();
        let begin = |schedule: &Schedule, at| {
            let new = NewRun { plan: &plan, schedule, observation: None, origin: &Origin::default() };
            let run = store.begin(&new, at).unwrap();
            run.name.clone()
        };
        let upgrade = begin(&schedule, at(0));
        // the clock was set back by a day, and stands still
        schedule.back_of = Some(upgrade.clone());
        let back = begin(&schedule, at(-86_400));
        let again = begin(&schedule, at(-86_400));
        let later = begin(&schedule, at(600));
        assert_eq!(store.names().unwrap(), [&upgrade, &back, &again, &later].map(Clone::clone));
        assert_eq!(store.read(None).unwrap().name, later);
        assert_eq!(store.read(Some(&back)).unwrap().progress.begun, Some(at(-86_400)), "its record says when");
        // a way back is found wherever it sorts, and whatever has become of its journal
        let (early, broken) = (store.runs().join("20010101T000000Z-0000"), store.runs().join(&back));
        std::fs::rename(store.runs().join(&later), &early).unwrap();
        std::fs::write(broken.join("journal.jsonl"), "nonsense\n").unwrap();
        std::fs::write(store.runs().join(&again).join("schedule.json"), "{").unwrap();
        let early = "20010101T000000Z-0000".to_owned();
        assert_eq!(store.taking_back(&upgrade).unwrap(), (vec![early, back.clone()], vec![again.clone()]));
        assert_eq!(store.taking_back(&back).unwrap(), (Vec::new(), vec![again]));
    }

    #[test]
    fn a_record_that_was_not_synced_is_none() {
        let folder = tempfile::tempdir().unwrap();
        // takes every write, and cannot be synced
        let mut run = run_in(folder.path(), "/dev/null");
        let error = run.append(Record::Resumed { at: Timestamp::UNIX_EPOCH }).unwrap_err();
        assert_eq!((error.kind(), run.records), (io::ErrorKind::InvalidInput, 0));
    }

    #[test]
    fn nothing_is_written_behind_half_a_record() {
        let folder = tempfile::tempdir().unwrap();
        let mut run = run_in(folder.path(), "/dev/full");
        let path = run.path.clone();
        let record = || Record::Resumed { at: Timestamp::UNIX_EPOCH };
        assert_eq!(run.append(record()).unwrap_err().kind(), io::ErrorKind::StorageFull);
        // a device cannot be cut, as a file of a file system that fails
        run.file = OpenOptions::new().create(true).append(true).open(&path).unwrap();
        assert!(run.append(record()).unwrap_err().to_string().contains("half a record"));
        assert_eq!(std::fs::read(&path).unwrap(), b"");
        run.torn = false;
        run.append(record()).unwrap();
        assert!(std::fs::read_to_string(&path).unwrap().ends_with('\n'));
    }
}
