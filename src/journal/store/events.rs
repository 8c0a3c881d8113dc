//! The file of a run's events, for the owner alone and of bounded size. Nothing depends on it: a line that was torn is cut off, one
//! that cannot be read is passed over, and a disk that takes no more ends the keeping and not the run.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::journal::event::{Event, Stamped};
use crate::journal::files::{FILE_MODE, sync, sync_folder};
use crate::journal::teller::EventLog;
use crate::schedule::StepId;

/// The file in a run's folder.
pub const FILE: &str = "events.jsonl";

/// Bytes of a file. The events of ten thousand hosts have a quarter of it, without what commands print.
const MOST: u64 = 64 << 20;

/// Bytes of it up to which is kept what commands print.
const MOST_WITH_OUTPUT: u64 = 48 << 20;

/// Bytes that are kept of what the commands of one step print.
const MOST_OF_STEP: usize = 256 << 10;

/// What stands in the place of what a step printed beyond that.
const LEFT_OUT: &str = "[what it printed from here on is not kept]";

/// Appends a run's events.
#[derive(Debug)]
pub struct Kept {
    file: File,
    path: PathBuf,
    length: u64,
    printed: HashMap<StepId, usize>,
}

impl Kept {
    /// Opens the file of the run in `folder` and gives `each` of its events. Whether a torn last line was cut off.
    ///
    /// # Errors
    /// What the file system said.
    pub fn open(folder: &Path, each: &mut dyn FnMut(&Stamped)) -> io::Result<(Self, bool)> {
        let path = folder.join(FILE);
        let new = !path.exists();
        let file = OpenOptions::new().append(true).read(true).create(true).mode(FILE_MODE).open(&path)?;
        if new {
            sync_folder(folder).map_err(io::Error::other)?;
        }
        let whole = lines(&file, each)?;
        let torn = file.metadata()?.len() > whole;
        if torn {
            file.set_len(whole)?;
        }
        Ok((Self { file, path, length: whole, printed: HashMap::new() }, torn))
    }

    fn write(&mut self, event: &Stamped, most: u64) -> io::Result<()> {
        let line = serde_json::to_string(event)? + "\n";
        if self.length + line.len() as u64 > most {
            let why = format!("it has {} MiB", self.length >> 20);
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
        }
        if let Err(e) = self.file.write_all(line.as_bytes()) {
            // half a line would hide the one behind it
            let _ = self.file.set_len(self.length);
            return Err(e);
        }
        self.length += line.len() as u64;
        Ok(())
    }
}

/// The events of the run in `folder`, to `each`. None of a run of before, or of a file that cannot be read.
pub fn read(folder: &Path, each: &mut dyn FnMut(&Stamped)) {
    if let Ok(file) = File::open(folder.join(FILE)) {
        let _ = lines(&file, each);
    }
}

/// Gives `each` event of whole lines; the length of these. A line of a later version, or that somebody has changed, is passed over.
fn lines(file: &File, each: &mut dyn FnMut(&Stamped)) -> io::Result<u64> {
    let mut reader = BufReader::new(io::Read::take(file, MOST));
    let (mut whole, mut line) = (0, Vec::new());
    loop {
        line.clear();
        let read = reader.read_until(b'\n', &mut line)? as u64;
        // zeros are what a file system shows of a block that a power cut has kept from the disk
        if !line.ends_with(b"\n") || line.contains(&0) {
            return Ok(whole);
        }
        whole += read;
        if let Ok(event) = serde_json::from_slice(&line) {
            each(&event);
        }
    }
}

impl EventLog for Kept {
    fn keep(&mut self, event: &Stamped, synced: bool) -> io::Result<()> {
        let mut event = event.clone();
        let mut most = MOST;
        match &mut event.event {
            // they are in the schedule beside it
            Event::StepStarted { commands, step, .. } => {
                commands.clear();
                self.printed.remove(step);
            }
            Event::Output { step, line, .. } => {
                let printed = self.printed.entry(step.clone()).or_default();
                let before = *printed;
                *printed += line.len();
                if before >= MOST_OF_STEP || self.length >= MOST_WITH_OUTPUT {
                    return Ok(());
                }
                if *printed >= MOST_OF_STEP {
                    LEFT_OUT.clone_into(line);
                }
                most = MOST_WITH_OUTPUT + MOST_OF_STEP as u64;
            }
            _ => {}
        }
        self.write(&event, most)?;
        if synced { sync(&self.file, &self.path) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::HostName;
    use crate::journal::{Display, EventSink, Progress, RunView, Teller};
    use crate::plan::Plan;
    use crate::schedule::Schedule;
    use jiff::Timestamp;
    use std::cell::RefCell;
    use std::os::unix::fs::PermissionsExt;

    fn step() -> StepId {
        StepId::from("master/master/install".to_owned())
    }

    fn stamped(event: Event) -> Stamped {
        Stamped { at: Timestamp::UNIX_EPOCH, event }
    }

    fn output(line: &str) -> Stamped {
        stamped(Event::output(&step(), &HostName::new("master").unwrap(), line))
    }

    fn kept(folder: &Path) -> Vec<Event> {
        let mut events = Vec::new();
        read(folder, &mut |event| events.push(event.event.clone()));
        events
    }

    fn schedule() -> Schedule {
        let source = include_str!("../../../plans/rolling.toml");
        let plan = Plan::parse(source, Path::new("rolling.toml"), Path::new("/")).unwrap();
        crate::schedule::compile(&plan, None, plan.line())
    }

    #[test]
    fn events_are_for_the_owner_alone_and_a_torn_last_line_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let (mut log, torn) = Kept::open(folder.path(), &mut |_| {}).unwrap();
        assert!(!torn);
        log.keep(&stamped(Event::PauseRequested), true).unwrap();
        log.keep(&output("one"), false).unwrap();
        let path = folder.path().join(FILE);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let whole = std::fs::read(&path).unwrap();
        for end in [&b"{\"at\":\"1970"[..], b"\0\0\0\0\n", b"{\"at\":\0\0}\n"] {
            std::fs::write(&path, [&whole[..], end].concat()).unwrap();
            let mut events = Vec::new();
            let (mut log, torn) = Kept::open(folder.path(), &mut |event| events.push(event.event.clone())).unwrap();
            assert!(torn);
            assert_eq!(events, [Event::PauseRequested, output("one").event]);
            log.keep(&output("two"), false).unwrap();
            assert_eq!(kept(folder.path()).len(), 3);
        }
        // what a later version writes, and what somebody has written into it
        std::fs::write(
            &path,
            [&whole[..], b"{\"at\":\"1970-01-01T00:00:00Z\",\"event\":\"new\"}\nnonsense\n", &whole].concat(),
        )
        .unwrap();
        assert_eq!(kept(folder.path()).len(), 4);
    }

    #[test]
    fn however_much_a_step_prints_its_file_stays_small_and_says_what_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let (mut log, _) = Kept::open(folder.path(), &mut |_| {}).unwrap();
        let line = "x".repeat(1000);
        (0..1000).for_each(|_| log.keep(&output(&line), false).unwrap());
        assert!(log.length < 2 * MOST_OF_STEP as u64, "{}", log.length);
        let Some(Event::Output { line, .. }) = kept(folder.path()).pop() else { panic!("output") };
        assert_eq!(line, LEFT_OUT);
        // beyond what a file may have there is neither output nor anything else
        log.length = MOST_WITH_OUTPUT;
        let host = HostName::new("master").unwrap();
        log.keep(&stamped(Event::output(&StepId::from("a/b/c".to_owned()), &host, "more")), false).unwrap();
        assert_eq!(log.length, MOST_WITH_OUTPUT);
        log.length = MOST - 1;
        let error = log.keep(&stamped(Event::PauseRequested), false).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }

    /// What is shown.
    #[derive(Default)]
    struct Shown(RefCell<Vec<Event>>);

    impl Display for Shown {
        fn show(&self, event: &Stamped, _: &crate::journal::view::Told, _: &RunView<'_>) {
            self.0.borrow_mut().push(event.event.clone());
        }
    }

    #[test]
    fn a_disk_that_takes_no_more_is_told_once_and_ends_nothing() {
        let (shown, schedule) = (Shown::default(), schedule());
        let full = Kept {
            file: OpenOptions::new().append(true).open("/dev/full").unwrap(),
            path: "/dev/full".into(),
            length: 0,
            printed: HashMap::new(),
        };
        let (view, at) = (RunView::new(&schedule), Timestamp::UNIX_EPOCH);
        let teller = Teller::new(view, Some(full), &shown, &Progress::default(), at);
        (0..3).for_each(|_| teller.send(stamped(Event::PauseRequested)));
        let told = shown.0.take();
        let [Event::PauseRequested, Event::EventsLost { reason }, Event::PauseRequested, Event::PauseRequested] =
            &told[..]
        else {
            panic!("{told:?}")
        };
        assert!(reason.contains("events.jsonl cannot be written: No space left on device"), "{reason}");
    }

    #[test]
    fn what_is_said_once_a_second_is_kept_once_a_minute_and_commands_are_left_to_the_schedule() {
        let folder = tempfile::tempdir().unwrap();
        let (shown, schedule) = (Shown::default(), schedule());
        let (log, _) = Kept::open(folder.path(), &mut |_| {}).unwrap();
        let (view, at) = (RunView::new(&schedule), Timestamp::UNIX_EPOCH);
        let teller = Teller::new(view, Some(log), &shown, &Progress::default(), at);
        let host = HostName::new("cs2").unwrap();
        for left_s in (1..=300).rev() {
            let what = "stagger".to_owned();
            teller.send(stamped(Event::Waiting { host: host.clone(), what, left_s, of_s: 300 }));
        }
        let commands = vec!["make install".to_owned()];
        teller.send(stamped(Event::StepStarted { step: step(), host, what: "install".to_owned(), commands }));
        let events = kept(folder.path());
        assert_eq!((events.len(), shown.0.borrow().len()), (6, 301));
        assert!(matches!(&events[5], Event::StepStarted { commands, .. } if commands.is_empty()), "{events:?}");
    }

    /// A run that an earlier version began has no events, and a killed one has not told its last record.
    #[test]
    fn a_session_begins_with_what_the_journal_knows_otherwise() {
        let folder = tempfile::tempdir().unwrap();
        let (shown, schedule, at) = (Shown::default(), schedule(), Timestamp::UNIX_EPOCH);
        let mut known = Progress::default();
        known.done.insert(step(), at);
        for expected in [1, 1] {
            let mut view = RunView::new(&schedule);
            let (log, _) = Kept::open(folder.path(), &mut |event| drop(view.heed(event))).unwrap();
            let teller = Teller::new(view, Some(log), &shown, &known, at);
            assert!(teller.view().done().contains_key(&step()));
            assert_eq!((kept(folder.path()).len(), shown.0.borrow().len()), (expected, 0));
        }
        // the journal has the last word
        let mut view = RunView::new(&schedule);
        read(folder.path(), &mut |event| drop(view.heed(event)));
        view.recall(&Progress::default());
        assert_eq!(view.done().len(), 0);
    }
}
