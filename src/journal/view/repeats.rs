//! What is said again and again: one line, and then how often.
//!
//! A host that is tried once a second for two minutes says the same a hundred times. The first is told; the next ones are counted,
//! and the count is told once a minute, and when something else is heard of that host.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::host::HostName;
use crate::journal::{Event, Stamped};

/// Between two lines that say the same.
const AGAIN: Duration = Duration::from_secs(60);

/// Between two lines about a gate whose reason changes all the time: how many chunks are missing, of how many.
const CHANGES: Duration = Duration::from_secs(10);

/// What was said of each host last.
#[derive(Debug, Clone, Default)]
pub struct Repeats {
    said: HashMap<HostName, Said>,
    /// The gate that was last green, and whether nothing but waiting was heard of the host since: before every new look at who uses
    /// a mount it is asked again.
    green: HashMap<HostName, (String, bool)>,
}

#[derive(Debug, Clone)]
struct Said {
    kind: Kind,
    reason: String,
    told: Timestamp,
    /// How often it was said since it was told.
    more: u32,
}

/// What may be said again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Trying,
    Silent,
    Gate,
}

/// What is to be told of an event.
#[derive(Debug, PartialEq, Eq)]
pub struct Heard {
    /// A line before it: how often the one before was said.
    pub before: Option<String>,
    /// Whether it is told itself.
    pub tell: bool,
}

impl Repeats {
    /// Takes an event.
    pub fn heed(&mut self, Stamped { at, event }: &Stamped) -> Heard {
        if self.still_green(event) {
            return Heard { before: None, tell: false };
        }
        let (host, kind, reason) = match event {
            Event::Reconnecting { host, reason } => (host, Kind::Trying, reason),
            Event::Silent { host, reason } => (host, Kind::Silent, reason),
            Event::GateRed { host, reason, .. } => (host, Kind::Gate, reason),
            other => return Heard { before: self.over(other), tell: true },
        };
        let last = self.said.get_mut(host).filter(|last| last.kind == kind);
        if let Some(last) = last {
            let patience = if last.reason == *reason { AGAIN } else { CHANGES };
            let soon = at.duration_since(last.told).unsigned_abs() < patience;
            if soon && (last.reason == *reason || kind == Kind::Gate) {
                last.more += 1;
                return Heard { before: None, tell: false };
            }
        }
        let said = Said { kind, reason: reason.clone(), told: *at, more: 0 };
        self.green.remove(host);
        let before = self.said.insert(host.clone(), said).and_then(|last| counted(host, &last));
        Heard { before, tell: true }
    }

    /// Whether a gate is green that was before, and is waited behind.
    fn still_green(&mut self, event: &Event) -> bool {
        match event {
            Event::GateGreen { host, gate } => match self.green.get(host) {
                Some((before, true)) if before == gate => return true,
                _ => drop(self.green.insert(host.clone(), (gate.clone(), false))),
            },
            Event::Waiting { host, .. } => {
                if let Some((_, waited)) = self.green.get_mut(host) {
                    *waited = true;
                }
            }
            _ => {}
        }
        false
    }

    /// Something else is heard of a host.
    fn over(&mut self, event: &Event) -> Option<String> {
        let host = match event {
            Event::StepStarted { host, .. }
            | Event::StepDone { host, .. }
            | Event::GateGreen { host, .. }
            | Event::Waiting { host, .. }
            | Event::Output { host, .. }
            | Event::Unseen { host, .. }
            | Event::ClientFailed { host, .. }
            | Event::HostFailed { host, .. } => host,
            Event::Failed { .. } | Event::Paused { .. } | Event::Finished { .. } => {
                self.said.clear();
                self.green.clear();
                return None;
            }
            _ => return None,
        };
        if !matches!(event, Event::GateGreen { .. } | Event::Waiting { .. }) {
            self.green.remove(host);
        }
        self.said.remove(host).and_then(|last| counted(host, &last))
    }
}

/// How often it was said since it was told. A gate tells its numbers itself.
fn counted(host: &HostName, last: &Said) -> Option<String> {
    let times = if last.more == 1 { "once".to_owned() } else { format!("{} times", last.more) };
    (last.more > 0 && last.kind != Kind::Gate).then(|| format!("{host}: the same {times} more"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(name: &str) -> HostName {
        HostName::new(name).unwrap()
    }

    /// The lines of events that come at these seconds.
    fn lines(events: &[(i64, Event)]) -> Vec<String> {
        let mut repeats = Repeats::default();
        let mut lines = Vec::new();
        for (second, event) in events {
            let at = Timestamp::from_second(*second).unwrap();
            let heard = repeats.heed(&Stamped { at, event: event.clone() });
            lines.extend(heard.before);
            lines.extend(heard.tell.then(|| crate::ui::events::line(event).unwrap().to_string()));
        }
        lines
    }

    fn trying(name: &str, reason: &str) -> Event {
        Event::Reconnecting { host: host(name), reason: reason.to_owned() }
    }

    fn red(left_s: u64, reason: &str) -> Event {
        Event::GateRed { host: host("cs2"), gate: "healthy".to_owned(), reason: reason.to_owned(), left_s, of_s: 600 }
    }

    #[test]
    fn a_host_that_is_tried_once_a_second_takes_a_line_a_minute() {
        let mut events: Vec<_> = (0..120).map(|second| (second, trying("cs1", "refused"))).collect();
        events.push((120, Event::GateGreen { host: host("cs1"), gate: "healthy".to_owned() }));
        let again = "cs1: retrying: refused";
        let expected =
            [again, "cs1: the same 59 times more", again, "cs1: the same 59 times more", "cs1: gate green: healthy"];
        assert_eq!(lines(&events), expected);
    }

    #[test]
    fn what_is_new_is_told_at_once_and_hosts_are_told_apart() {
        let events = [
            (0, trying("cs1", "refused")),
            (1, trying("cs2", "refused")),
            (1, trying("cs1", "refused")),
            (2, trying("cs1", "no route")),
            (3, trying("cs1", "refused")),
            (4, trying("cs2", "refused")),
        ];
        let expected = [
            "cs1: retrying: refused",
            "cs2: retrying: refused",
            "cs1: the same once more",
            "cs1: retrying: no route",
            "cs1: retrying: refused",
        ];
        assert_eq!(lines(&events), expected);
    }

    #[test]
    fn a_gate_that_stays_green_while_a_mount_is_waited_for_is_told_once() {
        let green = |gate: &str| Event::GateGreen { host: host("cl1"), gate: gate.to_owned() };
        let what = "/mnt/mfs is used by rsync (77)".to_owned();
        let waits = Event::Waiting { host: host("cl1"), what, left_s: 600, of_s: 600 };
        let waiting = "cl1: waiting 10 min more (/mnt/mfs is used by rsync (77))";
        let events = [green("a"), waits.clone(), green("a"), green("a"), waits.clone(), green("a"), green("b")];
        let events: Vec<_> = (0..).zip(events).collect();
        assert_eq!(lines(&events), ["cl1: gate green: a", waiting, waiting, "cl1: gate green: b"]);
        // one that was red since is told
        let red = Event::GateRed { host: host("cl1"), gate: "a".into(), reason: "x".into(), left_s: 9, of_s: 9 };
        let events: Vec<_> = (0..).zip([green("a"), waits, red, green("a")]).collect();
        assert_eq!(lines(&events).last().map(String::as_str), Some("cl1: gate green: a"));
    }

    #[test]
    fn a_red_gate_says_how_long_and_a_number_that_changes_is_no_line_a_second() {
        let events: Vec<_> =
            (0..25).map(|second| (second, red(600 - second as u64, &format!("{second} chunks")))).collect();
        let expected = [
            "cs2: gate red: 0 chunks (waits up to 10 min)",
            "cs2: gate red for 10 s (the run stops after 10 min): 10 chunks",
            "cs2: gate red for 20 s (the run stops after 10 min): 20 chunks",
        ];
        assert_eq!(lines(&events), expected);
        let same = [(0, red(600, "x")), (60, red(540, "x"))];
        assert_eq!(lines(&same)[1], "cs2: gate red for 1 min (the run stops after 10 min): x");
    }
}
