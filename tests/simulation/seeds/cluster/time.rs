//! Virtual time: nothing waits for anything real. What is to happen stands in an agenda, and time is what comes next in it.

use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use super::Cluster;
use super::happen::Happening;

/// A world in which this much happens in one session goes round in circles.
const MOST_EVENTS: u32 = 3_000_000;

/// How a session of the tool ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Driven<T> {
    /// By itself.
    Ended(T),
    /// It was killed.
    Killed,
    /// It does not end.
    Endless,
}

/// A wait until a moment.
pub struct Until<'c> {
    cluster: &'c Cluster,
    at: i64,
    planned: bool,
}

impl Future for Until<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.cluster.state.borrow_mut();
        if state.now >= self.at {
            return Poll::Ready(());
        }
        if !self.planned {
            let after = self.at - state.now;
            state.plan(after, Happening::Wake(context.waker().clone()));
            drop(state);
            self.planned = true;
        }
        Poll::Pending
    }
}

impl Cluster {
    /// Waits so many milliseconds.
    pub fn pass(&self, ms: i64) -> Until<'_> {
        let at = self.state.borrow().now + ms.max(1);
        Until { cluster: self, at, planned: false }
    }

    /// Lets `walk` go as far as it goes, and the world beside it.
    pub fn drive<T>(&self, walk: impl Future<Output = T>) -> Driven<T> {
        let mut walk = pin!(walk);
        let mut context = Context::from_waker(Waker::noop());
        self.state.borrow_mut().woken = true;
        for _ in 0..MOST_EVENTS {
            if std::mem::take(&mut self.state.borrow_mut().woken) {
                let polled = walk.as_mut().poll(&mut context);
                if self.state.borrow().dead {
                    return Driven::Killed;
                }
                if let Poll::Ready(ended) = polled {
                    return Driven::Ended(ended);
                }
                continue;
            }
            self.next();
            if self.state.borrow().dead {
                return Driven::Killed;
            }
        }
        Driven::Endless
    }

    /// Lets time pass without the tool.
    pub fn idle(&self, ms: i64) {
        let until = self.state.borrow().now + ms;
        let lost = self.state.borrow().lost;
        loop {
            let next = self.state.borrow().agenda.first_key_value().map(|(at, _)| at.0);
            if next.is_none_or(|at| at > until) {
                break;
            }
            self.next();
        }
        let mut state = self.state.borrow_mut();
        state.now = state.now.max(until);
        // who kills nothing, since nothing runs, takes no record of it away: a session that ended has synced all of them
        (state.dead, state.lost) = (false, lost);
    }

    /// The next thing that happens.
    fn next(&self) {
        let mut state = self.state.borrow_mut();
        let ((at, _), what) = state.agenda.pop_first().expect("masters save every hour");
        state.now = state.now.max(at);
        match what {
            Happening::Wake(waker) => {
                state.woken = true;
                drop(state);
                waker.wake();
            }
            what => state.happen(what, &self.pause),
        }
    }
}
