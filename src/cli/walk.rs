//! A walk on real ports: fleet, forwarded master, clock, journal, display, Ctrl-C. `upgrade`, `resume` and `rehearse` all
//! come through here.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Failed;
use super::clock::RunClock;
use super::observe::ForwardedMaster;
use crate::fleet::{ClusterLock, LockError, SshFleet};
use crate::host::lock::STALE;
use crate::journal::store::events::Kept;
use crate::journal::{Display as Shows, Progress, Record, Run, RunView, Simulated, Teller};
use crate::plan::Plan;
use crate::run::event::Stamped;
use crate::run::ports::Clock;
use crate::run::{Ending, Event, EventSink, Runner, Sound};
use crate::schedule::Schedule;
use crate::ui;
use crate::ui::failure::WayOn;
use crate::ui::out::{self, say};

/// How long a lock's host may take at the end: nobody who leaves wants to wait for one that is gone.
const RELEASE: Duration = Duration::from_secs(10);

/// How a run is shown.
#[derive(Debug, Clone, Args)]
pub struct Display {
    /// How the run is shown: a live view on a terminal and plain lines elsewhere (auto), or JSON lines on stdout
    #[arg(long, value_enum, default_value_t = Log::Auto)]
    pub log: Log,
    /// In plain lines, show the output of install commands too, and notes that need no action
    #[arg(long, short)]
    pub verbose: bool,
}

/// `--log`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Log {
    /// Live on a terminal, plain elsewhere.
    Auto,
    /// A line an event on stderr.
    Plain,
    /// A JSON object an event on stdout (docs/events.md).
    Json,
}

impl Display {
    fn shows(&self) -> Box<dyn Shows> {
        match self.log {
            Log::Json => Box::new(ui::events::Json),
            Log::Auto if std::io::stderr().is_terminal() && std::io::stdout().is_terminal() => {
                Box::new(ui::live::Live::default())
            }
            Log::Auto | Log::Plain => Box::new(ui::events::Plain::new(self.verbose)),
        }
    }
}

/// What is walked, and on what.
pub(super) struct Walk<'a> {
    /// The plan, for reaching the hosts.
    pub plan: &'a Plan,
    /// The schedule, compiled with an observation.
    pub schedule: &'a Schedule,
    /// The hosts.
    pub fleet: &'a SshFleet,
    /// The cluster's lock, held for this run; given back at the end.
    pub lock: &'a ClusterLock<'a>,
    /// Where the master listens, as its own host sees it.
    pub admin_address: std::net::Ipv4Addr,
    /// Set in a rehearsal: what is simulated, and how fast its time runs.
    pub simulated: Option<Simulated>,
    /// The commands that go on after a stop; `None`: its hosts end with this process.
    pub way: Option<WayOn>,
    /// Whether the operator has accepted the metadata that the master serves.
    pub accepts_metadata: bool,
}

impl Walk<'_> {
    /// Walks to an end. A second Ctrl-C leaves at once: the journal has the intent, and `resume` looks at the host.
    pub(super) async fn walk(
        &self,
        run: &mut Run,
        progress: &Progress,
        display: &Display,
        signals: &mut Signals,
    ) -> Result<Ending, Failed> {
        let baseline =
            self.schedule.baseline.clone().ok_or_else(|| {
                anyhow::anyhow!("this schedule is a preview: it was made without looking at the cluster")
            })?;
        let clock = RunClock::new(self.simulated.as_ref());
        let master = ForwardedMaster::new(self.fleet, self.plan, self.admin_address);
        let display = display.shows();
        let events = teller(self.schedule, run, progress, display.as_ref(), clock.now());
        let pause = AtomicBool::new(false);
        let name = run.name.clone();
        let runner = Runner {
            schedule: self.schedule,
            baseline: RefCell::new(baseline),
            run: name,
            simulated: self.simulated.as_ref().map(|s| s.what.clone()),
            hosts: self.fleet,
            master: &master,
            laws: &Sound,
            guard: self.lock,
            clock: &clock,
            backup: run.folder.join("metadata"),
            journal: RefCell::new(run),
            events: &events,
            pause: &pause,
            done: RefCell::new(HashMap::new()),
            open: RefCell::new(HashMap::new()),
            found: RefCell::default(),
            aside: RefCell::default(),
            clocks: RefCell::default(),
            machines: RefCell::default(),
            accepts_metadata: self.accepts_metadata,
            unserved: Cell::default(),
        };
        let ending = tokio::select! {
            ending = runner.walk(progress) => Some(ending),
            never = self.lock.beat() => match never {},
            () = signals.twice(&pause, &events, &clock) => None,
        };
        // what is said from here on stays on the screen
        display.close();
        let Some(ending) = ending else {
            // for whoever asks `status`; where it cannot be written, that says that the run was interrupted
            let _ = runner.journal.borrow_mut().append(Record::Paused { at: clock.now() });
            let state =
                "left at once: whether the current step is done, and whether the cluster is healthy, is unknown";
            events.only_keep(Stamped { at: clock.now(), event: Event::Paused { state: state.to_owned() } });
            say!("{state}");
            self.tell_way("checks the hosts and resumes");
            give_back(self.lock, false).await;
            return Ok(Ending::Paused);
        };
        give_back(self.lock, ending == Ending::Finished).await;
        if let Some(text) = ui::failure::text(&events.view(), self.way.as_ref()) {
            out::talk(&text);
        } else if ending == Ending::Paused {
            self.tell_way("goes on");
        }
        Ok(ending)
    }

    /// How to go on with a run that was paused.
    fn tell_way(&self, goes_on: &str) {
        match &self.way {
            Some(way) => say!("`{}` {goes_on}", way.resume),
            None => say!("{}", ui::failure::ENDS),
        }
    }
}

/// Where the events of this session go. A file that cannot be opened is said, and holds nothing up.
fn teller<'t, 's>(
    schedule: &'s Schedule,
    run: &Run,
    progress: &Progress,
    display: &'t dyn Shows,
    at: Timestamp,
) -> Teller<'t, 's, Kept, dyn Shows + 't> {
    let mut view = RunView::new(schedule);
    let opened = Kept::open(&run.folder, &mut |event| drop(view.heed(event)));
    let (kept, lost) = match opened {
        Ok((kept, torn)) => (Some(kept), torn.then(|| "its last line was torn, and is cut off".to_owned())),
        Err(e) => (None, Some(format!("events.jsonl cannot be opened: {e}"))),
    };
    let teller = Teller::new(view, kept, display, progress, at);
    lost.into_iter().for_each(|reason| teller.lost(at, reason));
    teller
}

/// Gives the lock back; `over`: see [`ClusterLock::release`]. Where that cannot be done, its heartbeat stops with this process,
/// and that is said.
pub(super) async fn give_back(lock: &ClusterLock<'_>, over: bool) {
    if let Some(why) = not_told(lock.release(over)).await {
        let minutes = STALE.as_secs() / 60;
        say!("the cluster's lock was not released ({why}); it expires {minutes} min after its last heartbeat");
    }
}

/// Why the lock's host was not told what it was to be told; it is not waited for for long.
pub(super) async fn not_told(told: impl Future<Output = Result<(), LockError>>) -> Option<String> {
    match tokio::time::timeout(RELEASE, told).await {
        Ok(told) => told.err().map(|e| e.to_string()),
        Err(_) => Some("its host does not answer".to_owned()),
    }
}

/// What asks a run to pause: Ctrl-C, a `kill`, a closed terminal. One that comes while nobody waits for it is not lost.
#[derive(Debug)]
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Signals {
    /// Listened for from here on: before the walk's first word, which a Ctrl-C may answer, and between the first and the second.
    pub(super) fn listen() -> Result<Self, Failed> {
        let listen = |kind| signal(kind).map_err(anyhow::Error::from);
        let (interrupt, terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
        Ok(Self { interrupt, terminate, hang_up: listen(SignalKind::hangup())? })
    }

    /// Waits for any of them.
    pub(super) async fn one(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
        }
    }

    /// The first asks for a pause, the second ends this.
    async fn twice(&mut self, pause: &AtomicBool, events: &dyn EventSink, clock: &RunClock) {
        // a closed terminal or a `kill` is a wish to pause, and not to leave a file system standing still
        self.one().await;
        pause.store(true, Ordering::Relaxed);
        events.send(Stamped { at: clock.now(), event: Event::PauseRequested });
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
