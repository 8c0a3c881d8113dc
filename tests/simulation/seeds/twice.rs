//! One run, walked by two processes at once: a copy of its state folder is gone on with elsewhere while the original is walked. The
//! lock's file has the claim of the process that walks, with a word that each process draws anew, and lets no other one in.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::AtomicBool;
use std::task::Poll;

use futures_util::future::{Either, select};
use mfsupgrade::host::lock::{Claim, Holder};
use mfsupgrade::journal::{JournalSink, Progress, Record, record};
use mfsupgrade::run::ports::Clock;

use super::campaign::{Walked, runner};
use super::cluster::{Cluster, State};
use super::fact::Fact;
use super::plant::{Bug, Planted, Wrong};
use super::seed::Seed;
use super::telling::Telling;

/// As the counts have it.
pub const NAME: &str = "run walked twice at once";

/// Sessions beside which a second process may begin.
const SESSIONS: usize = 3;

/// When a second process begins: beside which session, and so many seconds behind its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Twice {
    session: usize,
    after: i64,
}

impl Twice {
    /// In a run of about so many seconds.
    pub fn draw(r: &mut Seed, seconds: i64) -> Option<Self> {
        r.chance(12).then(|| Self { session: 1 + r.below(SESSIONS), after: r.between(5, seconds) })
    }
}

impl State {
    /// A process wants the lock; who has it, where that is another one.
    pub fn take_lock(&mut self, claim: Claim) -> Result<(), Holder> {
        match &self.walker {
            Some(walker) if *walker != claim => {
                let Claim { run, owner, word, process } = walker.clone();
                Err(Holder { run, owner, word, process, ..Holder::default() })
            }
            _ => {
                self.walker = Some(claim);
                Ok(())
            }
        }
    }

    /// What a process that begins now says of itself.
    pub fn claim(&mut self, run: &str, bug: Bug) -> Claim {
        self.words += 1;
        let word = if bug == Bug::SharesItsWord { String::new() } else { self.words.to_string() };
        Claim { run: run.to_owned(), owner: "operator".to_owned(), word, process: String::new() }
    }
}

/// The journal of the copy.
struct Copied {
    text: String,
    records: u64,
}

impl JournalSink for Copied {
    fn append(&mut self, record: Record) -> std::io::Result<()> {
        self.text += &record::encode(self.records, &record);
        self.records += 1;
        Ok(())
    }
}

/// Lets the second process go its way beside the first, as long as that one walks.
pub async fn beside<T>(cluster: &Cluster, first: impl Future<Output = T>, second: impl Future<Output = ()>) -> T {
    let mut second = pin!(second);
    // what it sends is told as its own
    let second = pin!(poll_fn(|context| {
        cluster.state.borrow_mut().second = true;
        let polled: Poll<()> = second.as_mut().poll(context);
        cluster.state.borrow_mut().second = false;
        polled
    }));
    match select(pin!(first), second).await {
        Either::Left((ended, _)) => ended,
        Either::Right(((), first)) => first.await,
    }
}

/// The second process, if there is one beside this session.
pub async fn second(cluster: &Cluster, walked: &Walked, bug: Bug) {
    let session = cluster.state.borrow().session;
    let twice = cluster.state.borrow().scenario.past.twice.filter(|twice| twice.session == session);
    let Some(twice) = twice else { return };
    cluster.pass(twice.after * 1000).await;
    let (text, taken) = {
        let mut state = cluster.state.borrow_mut();
        // a first one of which nothing is heard for minutes stops by itself, and its run is gone on with elsewhere behind it
        if state.lock_taken || state.now < state.lock_silent_until {
            return;
        }
        state.fired.push(NAME);
        let claim = state.claim(&walked.run, bug);
        let taken = state.take_lock(claim);
        if let Err(holder) = &taken {
            state.tell(Fact::TurnedAway(holder.clone()));
        }
        (state.journal.text.clone(), taken)
    };
    if taken.is_err() {
        return;
    }
    let (records, whole) = record::decode(&text).expect("the first process has written it");
    let mut journal = Copied { text: text[..whole].to_owned(), records: records.len() as u64 };
    let progress = Progress::replay(&records);
    journal.append(Record::Resumed { at: cluster.now() }).expect("nothing is in its way");
    let (ports, laws) = (Planted::new(cluster, bug, walked.taken_back.is_some()), Wrong(bug));
    let (telling, pause) = (Telling(cluster, RefCell::default()), AtomicBool::new(false));
    runner(cluster, walked, (&ports, &laws), &mut journal, &telling, &pause).walk(&progress).await;
}
