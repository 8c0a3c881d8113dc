//! Where a run's events go: into its view, onto its file, and to its display. PURE; file and display are ports.

use std::cell::{Ref, RefCell};
use std::io;

use jiff::Timestamp;

use super::Progress;
use super::event::{Event, EventSink, Stamped};
use super::view::{RunView, Told};

/// What shows a run.
pub trait Display {
    /// Shows an event, which is in `view` already. Never blocks for long, never fails: a broken display does not stop an upgrade.
    fn show(&self, event: &Stamped, told: &Told, view: &RunView<'_>);

    /// Nothing more comes: a display that draws gives the screen back, so that what is said next stays on it.
    fn close(&self) {}
}

/// Where events are kept.
pub trait EventLog {
    /// Appends one. `sync`: before anything else is done.
    ///
    /// # Errors
    /// What the file system said: nothing more is kept in this session, and the run goes on.
    fn keep(&mut self, event: &Stamped, sync: bool) -> io::Result<()>;
}

/// Takes a run's events.
pub struct Teller<'t, 's, L, D: ?Sized> {
    view: RefCell<RunView<'s>>,
    /// `None`: it could not be written.
    log: RefCell<Option<L>>,
    display: &'t D,
}

impl<'t, 's, L: EventLog, D: Display + ?Sized> Teller<'t, 's, L, D> {
    /// `view`: of the sessions before; `log`: `None` where there is none. What `progress` knows otherwise is kept first.
    pub fn new(view: RunView<'s>, log: Option<L>, display: &'t D, progress: &Progress, at: Timestamp) -> Self {
        let recalled = view.recalled(progress);
        let teller = Self { view: RefCell::new(view), log: RefCell::new(log), display };
        if let Some(event) = recalled {
            let event = Stamped { at, event };
            let told = teller.view.borrow_mut().heed(&event);
            teller.keep(&event, &told);
        }
        teller
    }

    /// Where the run is.
    pub fn view(&self) -> Ref<'_, RunView<'s>> {
        self.view.borrow()
    }

    /// An event for the file alone: the display has given its screen back.
    pub fn only_keep(&self, event: Stamped) {
        let told = self.view.borrow_mut().heed(&event);
        self.keep(&event, &told);
    }

    fn keep(&self, event: &Stamped, told: &Told) {
        if !is_kept(&event.event, told) {
            return;
        }
        let kept = self.log.borrow_mut().as_mut().map(|log| log.keep(event, is_synced(&event.event)));
        if let Some(Err(e)) = kept {
            *self.log.borrow_mut() = None;
            self.lost(event.at, format!("events.jsonl cannot be written: {e}"));
        }
    }

    /// Tells that events are not kept.
    pub fn lost(&self, at: Timestamp, reason: String) {
        self.send(Stamped { at, event: Event::EventsLost { reason } });
    }
}

impl<L: EventLog, D: Display + ?Sized> EventSink for Teller<'_, '_, L, D> {
    fn send(&self, event: Stamped) {
        let told = self.view.borrow_mut().heed(&event);
        self.display.show(&event, &told, &self.view.borrow());
        self.keep(&event, &told);
    }
}

/// Whether an event is kept: what is said once a second is kept once a minute, as it is shown in lines.
#[must_use]
pub fn is_kept(event: &Event, told: &Told) -> bool {
    match event {
        Event::Waiting { .. } | Event::GateRed { .. } | Event::Reconnecting { .. } | Event::Silent { .. } => told.news,
        _ => true,
    }
}

/// Whether an event is on the disk before anything else is done: where a session, a stage or a host begins or ends. Of the rest a
/// power cut may take the last ones; what was done the journal knows.
fn is_synced(event: &Event) -> bool {
    matches!(
        event,
        Event::RunStarted { .. }
            | Event::Recalled { .. }
            | Event::StageStarted { .. }
            | Event::HostFailed { .. }
            | Event::ClientFailed { .. }
            | Event::Paused { .. }
            | Event::Failed { .. }
            | Event::Finished { .. }
    )
}
