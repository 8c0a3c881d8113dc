//! One input and what comes of it.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use stats_alloc::{INSTRUMENTED_SYSTEM, Region};

use super::mutate;
use super::targets::Target;

/// No case takes milliseconds; one that takes as long does not end.
const HANGS: Duration = Duration::from_secs(60);

/// How often a broken case is tried with less.
const TRIES: usize = 4000;

/// A law that a case has broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Which.
    pub law: &'static str,
    /// How.
    pub how: String,
    /// Where, for a panic: another panic is another finding.
    pub place: String,
}

impl Broken {
    /// Of this law.
    pub fn new(law: &'static str, how: impl Into<String>) -> Self {
        Self { law, how: how.into(), place: String::new() }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {} {}", self.law, self.how.escape_debug(), self.place)
    }
}

/// What came of a case that broke no law.
pub struct Played {
    /// Whether the input was taken for what it should be.
    pub accepted: bool,
    /// Bytes that were allocated in all.
    pub bytes: u64,
}

impl fmt::Display for Played {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.accepted { "accepted" } else { "refused" };
        write!(f, "{what}, {} bytes allocated", self.bytes)
    }
}

/// One input.
pub struct Case {
    /// What is read.
    pub input: Vec<u8>,
}

impl Case {
    /// The one of this seed.
    pub fn new(target: &Target, seed: u64) -> Self {
        let salt = target.name.bytes().fold(0_u64, |salt, byte| salt.wrapping_mul(131).wrapping_add(byte.into()));
        let mut rng = fastrand::Rng::with_seed(seed ^ salt.rotate_left(40));
        Self::of(mutate::mutated(&target.corpus, &mut rng))
    }

    /// This input.
    pub fn of(input: Vec<u8>) -> Self {
        Self { input }
    }

    /// Reads it, and holds what comes of it against the laws.
    pub fn play(&self, target: &Target) -> Result<Played, Broken> {
        at_work(Some((Instant::now(), format!("{}: {}", target.name, self.input.escape_ascii()))));
        let region = Region::new(&INSTRUMENTED_SYSTEM);
        let checked = catch_unwind(AssertUnwindSafe(|| (target.check)(&self.input)));
        let bytes = region.change().bytes_allocated as u64;
        at_work(None);
        let accepted = match checked {
            Ok(checked) => checked?,
            Err(_) => return Err(panicked()),
        };
        // a line may be one byte, and is kept with its place
        let most = target.bound + 8192 * self.input.len() as u64;
        if bytes > most {
            let how = format!("{bytes} bytes were allocated for {} of input, more than {most}", self.input.len());
            return Err(Broken::new("memory", how));
        }
        Ok(Played { accepted, bytes })
    }

    /// The same with less, as long as it breaks the same law at the same place.
    pub fn smaller(self, target: &Target, broken: Broken) -> (Self, Broken) {
        let (mut best, mut last, mut tries) = (self, broken, 0);
        let mut piece = best.input.len() / 2;
        while piece > 0 {
            let mut at = 0;
            while at < best.input.len() && tries < TRIES {
                tries += 1;
                let mut less = best.input.clone();
                less.drain(at..(at + piece).min(less.len()));
                match Self::of(less.clone()).play(target) {
                    Err(again) if (again.law, &again.place) == (last.law, &last.place) => {
                        (best, last) = (Self::of(less), again);
                    }
                    _ => at += piece,
                }
            }
            piece /= 2;
        }
        (best, last)
    }
}

/// What the last panic said, and where.
static SAID: Mutex<Option<(String, String)>> = Mutex::new(None);

/// The case that is at work, and since when.
static AT_WORK: Mutex<Option<(Instant, String)>> = Mutex::new(None);

fn at_work(case: Option<(Instant, String)>) {
    *AT_WORK.lock().unwrap_or_else(PoisonError::into_inner) = case;
}

fn panicked() -> Broken {
    let said = SAID.lock().unwrap_or_else(PoisonError::into_inner).take();
    let (how, place) = said.unwrap_or_default();
    Broken { law: "panics", how, place }
}

/// Keeps what panics say, and ends this process where a case does not end.
pub fn watch() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let words = panic.payload_as_str().unwrap_or("no words").to_owned();
        *SAID.lock().unwrap_or_else(PoisonError::into_inner) = Some((words, place));
    }));
    std::thread::spawn(|| {
        loop {
            std::thread::sleep(Duration::from_secs(1));
            let case = AT_WORK.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if let Some((_, case)) = case.filter(|(since, _)| since.elapsed() > HANGS) {
                println!("[hangs] {case}");
                std::process::exit(1);
            }
        }
    });
}
