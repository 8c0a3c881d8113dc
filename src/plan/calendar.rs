//! The maintenance window: when something may be taken down, by the clock on the operator's wall. PURE but for the rules of
//! the time zone, which jiff reads from the machine's own tz database when a window is made: those change by law and come
//! with the system's updates, so that no copy of them is built in.

use std::collections::BTreeSet;
use std::fmt;

use jiff::civil::{Time, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Span, Timestamp};
use serde::{Deserialize, Serialize};

/// Days that are looked through for the next opening: a window on one day of the week that a change of the clock takes away
/// is there a week later.
const DAYS_AHEAD: i64 = 30;

/// A day of the week, as a plan writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Day {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

impl Day {
    /// As a plan writes them, Monday first.
    pub const WORDS: [(&'static str, Day); 7] = [
        ("mon", Day::Mon),
        ("tue", Day::Tue),
        ("wed", Day::Wed),
        ("thu", Day::Thu),
        ("fri", Day::Fri),
        ("sat", Day::Sat),
        ("sun", Day::Sun),
    ];

    fn of(weekday: Weekday) -> Self {
        let at = usize::try_from(weekday.to_monday_zero_offset()).unwrap_or(0);
        Self::WORDS[at % 7].1
    }

    fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, day)| *day == self).map_or("", |(word, _)| word)
    }
}

/// `[window]`: no step that takes something down begins outside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Written", try_from = "Written")]
pub struct Window {
    from: Time,
    to: Time,
    days: BTreeSet<Day>,
    zone: TimeZone,
}

/// One time that a window is open: from `opens` on, and not at `closes` any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opening {
    /// Its first moment.
    pub opens: Timestamp,
    /// The first moment after it.
    pub closes: Timestamp,
}

impl Opening {
    /// Whether it is open at `now`.
    #[must_use]
    pub fn holds(&self, now: Timestamp) -> bool {
        (self.opens..self.closes).contains(&now)
    }
}

/// Why this is no window.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoWindow {
    /// The same time twice.
    #[error("`from` and `to` are the same time")]
    Empty,
    /// Not in this machine's tz database.
    #[error("{0:?} is not a time zone that this machine knows")]
    Zone(String),
    /// Not `HH:MM`.
    #[error("{0:?} is not a time of day")]
    Time(String),
}

impl Window {
    /// Opens at `from` on each of `days` (none: on every day) and closes at the next `to`, in the time zone of this name.
    ///
    /// # Errors
    /// [`NoWindow`].
    pub fn new(from: Time, to: Time, days: BTreeSet<Day>, zone: &str) -> Result<Self, NoWindow> {
        if from == to {
            return Err(NoWindow::Empty);
        }
        Ok(Self { from, to, days, zone: time_zone(zone)? })
    }

    /// The opening that `now` is in, or else the next one. `None`: there is none within a month.
    #[must_use]
    pub fn at(&self, now: Timestamp) -> Option<Opening> {
        let today = now.to_zoned(self.zone.clone()).date();
        // one that began yesterday may be open still
        (-1..DAYS_AHEAD).find_map(|days| {
            let day = today.checked_add(Span::new().days(days)).ok()?;
            if !self.days.is_empty() && !self.days.contains(&Day::of(day.weekday())) {
                return None;
            }
            let end = if self.to > self.from { day } else { day.tomorrow().ok()? };
            let opening = Opening { opens: self.moment(day, self.from)?, closes: self.moment(end, self.to)? };
            (opening.opens < opening.closes && opening.closes > now).then_some(opening)
        })
    }

    /// Whether something may be taken down at `now`.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.at(now).is_some_and(|opening| opening.holds(now))
    }

    /// When the clock on the wall shows this time. A time that comes twice (the hour when summer time ends) is the first of
    /// the two, and one that is skipped (the hour when it begins) is the moment of the jump.
    fn moment(&self, day: jiff::civil::Date, time: Time) -> Option<Timestamp> {
        let at = self.zone.to_ambiguous_timestamp(day.to_datetime(time));
        match at.offset() {
            AmbiguousOffset::Gap { .. } => {
                let before = at.earlier().ok()?;
                self.zone.following(before).next().map(|jump| jump.timestamp())
            }
            _ => at.compatible().ok(),
        }
    }

    /// How long it is open, in seconds, on a day without a change of the clock.
    #[must_use]
    pub fn length_s(&self) -> u64 {
        let seconds = |time: Time| i64::from(time.hour()) * 3600 + i64::from(time.minute()) * 60;
        u64::try_from((seconds(self.to) - seconds(self.from)).rem_euclid(24 * 3600)).unwrap_or(0)
    }

    /// `moment` as the clock on the operator's wall shows it: `Tue 2026-11-24 22:00 Europe/Berlin`.
    #[must_use]
    pub fn show(&self, moment: Timestamp) -> String {
        format!("{} {}", moment.to_zoned(self.zone.clone()).strftime("%a %Y-%m-%d %H:%M"), self.name())
    }

    fn name(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {} {}", shown(self.from), shown(self.to), self.name())?;
        if !self.days.is_empty() {
            let days: Vec<_> = self.days.iter().map(|day| day.word()).collect();
            write!(f, " ({})", days.join(", "))?;
        }
        Ok(())
    }
}

fn shown(time: Time) -> String {
    time.strftime("%H:%M").to_string()
}

/// `22:00`: two digits, a colon, two digits.
///
/// # Errors
/// [`NoWindow::Time`].
pub fn time_of_day(text: &str) -> Result<Time, NoWindow> {
    let wrong = || NoWindow::Time(text.to_owned());
    let [h1 @ b'0'..=b'9', h2 @ b'0'..=b'9', b':', m1 @ b'0'..=b'9', m2 @ b'0'..=b'9'] = *text.as_bytes() else {
        return Err(wrong());
    };
    let number = |tens: u8, ones: u8| i8::try_from((tens - b'0') * 10 + (ones - b'0')).unwrap_or(i8::MAX);
    Time::new(number(h1, h2), number(m1, m2), 0, 0).map_err(|_| wrong())
}

/// A time zone by its name in the tz database; `UTC` is known without one.
///
/// # Errors
/// [`NoWindow::Zone`].
pub fn time_zone(name: &str) -> Result<TimeZone, NoWindow> {
    // jiff takes names in any case, and files that are no zones are none of its names
    TimeZone::get(name).map_err(|_| NoWindow::Zone(name.to_owned()))
}

/// On disk and in JSON, as in a plan.
#[derive(Serialize, Deserialize)]
struct Written {
    from: String,
    to: String,
    time_zone: String,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    days: BTreeSet<Day>,
}

impl From<Window> for Written {
    fn from(window: Window) -> Self {
        let time_zone = window.name().to_owned();
        Self { from: shown(window.from), to: shown(window.to), time_zone, days: window.days }
    }
}

impl TryFrom<Written> for Window {
    type Error = NoWindow;

    fn try_from(written: Written) -> Result<Self, NoWindow> {
        Self::new(time_of_day(&written.from)?, time_of_day(&written.to)?, written.days, &written.time_zone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(from: &str, to: &str, days: &[Day], zone: &str) -> Window {
        let time = |text| time_of_day(text).unwrap();
        Window::new(time(from), time(to), days.iter().copied().collect(), zone).unwrap()
    }

    /// The opening seen from `now`, in UTC.
    #[track_caller]
    fn opening(window: &Window, now: &str) -> (String, String) {
        let opening = window.at(now.parse().unwrap()).unwrap();
        (opening.opens.to_string(), opening.closes.to_string())
    }

    fn utc(opens: &str, closes: &str) -> (String, String) {
        (format!("{opens}:00Z"), format!("{closes}:00Z"))
    }

    #[test]
    fn a_night_is_one_window_before_and_after_midnight() {
        let night = window("22:00", "06:00", &[], "Europe/Berlin");
        let expected = utc("2026-11-23T21:00", "2026-11-24T05:00");
        for now in ["2026-11-23T12:00:00Z", "2026-11-23T21:00:00Z", "2026-11-24T04:59:59Z"] {
            assert_eq!(opening(&night, now), expected, "{now}");
        }
        assert!(!night.is_open("2026-11-23T20:59:59Z".parse().unwrap()));
        assert!(night.is_open("2026-11-23T21:00:00Z".parse().unwrap()));
        assert!(night.is_open("2026-11-24T04:59:59Z".parse().unwrap()));
        assert!(!night.is_open("2026-11-24T05:00:00Z".parse().unwrap()), "the last moment is not in it any more");
        assert_eq!(night.length_s(), 8 * 3600);
        assert_eq!(night.to_string(), "22:00 to 06:00 Europe/Berlin");
        assert_eq!(night.show("2026-11-24T21:00:00Z".parse().unwrap()), "Tue 2026-11-24 22:00 Europe/Berlin");
    }

    #[test]
    fn days_are_those_on_which_it_opens() {
        let weekend = window("22:00", "06:00", &[Day::Fri, Day::Sat], "UTC");
        // 2026-11-23 is a Monday
        assert_eq!(opening(&weekend, "2026-11-23T23:00:00Z"), utc("2026-11-27T22:00", "2026-11-28T06:00"));
        assert_eq!(opening(&weekend, "2026-11-29T05:00:00Z"), utc("2026-11-28T22:00", "2026-11-29T06:00"));
        assert_eq!(opening(&weekend, "2026-11-29T06:00:00Z"), utc("2026-12-04T22:00", "2026-12-05T06:00"));
        assert_eq!(weekend.to_string(), "22:00 to 06:00 UTC (fri, sat)");
    }

    #[test]
    fn a_time_that_is_skipped_is_the_moment_of_the_jump() {
        // 2026-03-29, 02:00 is 03:00 in Berlin: 01:00 UTC
        let begins = window("02:30", "06:00", &[], "Europe/Berlin");
        assert_eq!(opening(&begins, "2026-03-29T00:00:00Z"), utc("2026-03-29T01:00", "2026-03-29T04:00"));
        let ends = window("22:00", "02:30", &[], "Europe/Berlin");
        assert_eq!(opening(&ends, "2026-03-29T00:00:00Z"), utc("2026-03-28T21:00", "2026-03-29T01:00"));
        // all of it is skipped: there is none on that day
        let inside = window("02:10", "02:50", &[], "Europe/Berlin");
        assert_eq!(opening(&inside, "2026-03-29T00:00:00Z"), utc("2026-03-30T00:10", "2026-03-30T00:50"));
        let sundays = window("02:10", "02:50", &[Day::Sun], "Europe/Berlin");
        assert_eq!(opening(&sundays, "2026-03-29T00:00:00Z"), utc("2026-04-05T00:10", "2026-04-05T00:50"));
    }

    #[test]
    fn of_a_time_that_comes_twice_the_first_counts() {
        // 2026-10-25, 03:00 is 02:00 again in Berlin: 01:00 UTC
        let begins = window("02:30", "06:00", &[], "Europe/Berlin");
        assert_eq!(opening(&begins, "2026-10-25T00:00:00Z"), utc("2026-10-25T00:30", "2026-10-25T05:00"));
        assert!(begins.is_open("2026-10-25T01:10:00Z".parse().unwrap()), "it does not close again at the second 02:10");
        let ends = window("22:00", "02:30", &[], "Europe/Berlin");
        assert_eq!(opening(&ends, "2026-10-25T00:00:00Z"), utc("2026-10-24T20:00", "2026-10-25T00:30"));
        assert!(!ends.is_open("2026-10-25T01:10:00Z".parse().unwrap()), "nor does it open again");
    }

    #[test]
    fn a_zone_on_the_other_side_of_midnight_has_its_own_days() {
        let tokyo = window("01:00", "05:00", &[Day::Tue], "Asia/Tokyo");
        assert_eq!(opening(&tokyo, "2026-11-23T12:00:00Z"), utc("2026-11-23T16:00", "2026-11-23T20:00"));
    }

    #[test]
    fn it_is_read_back_as_it_was_written() {
        for window in [window("22:00", "06:00", &[Day::Fri], "Europe/Berlin"), window("00:00", "23:59", &[], "UTC")] {
            let json = serde_json::to_string(&window).unwrap();
            assert_eq!(serde_json::from_str::<Window>(&json).unwrap(), window, "{json}");
        }
        let changed = r#"{"from":"22:00","to":"22:00","time_zone":"UTC"}"#;
        assert!(serde_json::from_str::<Window>(changed).unwrap_err().to_string().contains("the same time"));
    }

    #[test]
    fn only_two_digits_a_colon_and_two_digits_are_a_time() {
        assert_eq!(time_of_day("23:59").unwrap(), Time::constant(23, 59, 0, 0));
        for text in ["", "22", "2:00", "22:0", "24:00", "22:60", "22:00:00", "10pm", " 22:00", "22.00", "２２:00"] {
            assert_eq!(time_of_day(text), Err(NoWindow::Time(text.to_owned())));
        }
    }

    #[test]
    fn a_zone_is_a_name_of_the_tz_database() {
        assert!(time_zone("UTC").is_ok() && time_zone("America/New_York").is_ok());
        for name in ["", "Berlin", "Europe/Atlantis", "+01:00", "../../etc/passwd", "posixrules/x"] {
            assert_eq!(time_zone(name), Err(NoWindow::Zone(name.to_owned())), "{name}");
        }
    }
}
