//! How long ago something was, by all who can tell: a wait believes who says the least, the age of a copy who says the most. PURE.
//!
//! The run's own clock is believed for what the same process has seen: it cannot be set. From one process to the next it is the
//! wall's, which may have been put forward or back in between. Then the host itself is asked: how long it has been up, which
//! nobody sets, and how long its daemon has run.

/// What is known of how long ago something was, in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Since {
    /// By the run's clock; less than nothing where that was set back.
    pub told_s: i64,
    /// Of a process before this one: what the run's clock tells of that is the wall's word alone. Since when this process is at
    /// work: at least so long ago it was.
    pub earlier_s: Option<u64>,
    /// By the host on which it was.
    pub host: Option<ByHost>,
    /// How long the daemon that was started then has run, where one runs.
    pub runs_s: Option<u64>,
}

/// What a host can tell by its uptime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByHost {
    /// So long ago: it has not been booted since.
    Exactly(u64),
    /// It was booted since, which was so long ago.
    AtLeast(u64),
}

impl Since {
    /// What the process that asks has seen itself.
    #[must_use]
    pub fn own(told_s: i64) -> Self {
        Self { told_s, earlier_s: None, host: None, runs_s: None }
    }

    /// So long ago it was for certain: what a wait may count on. Where nobody but the wall tells, that is since this process began.
    #[must_use]
    pub fn at_least_s(&self) -> u64 {
        let told = u64::try_from(self.told_s).unwrap_or(0);
        let Some(at_work) = self.earlier_s else { return told };
        let host = self.host.map(|host| match host {
            ByHost::Exactly(seconds) | ByHost::AtLeast(seconds) => seconds,
        });
        let witness = host.into_iter().chain(self.runs_s).min().unwrap_or(0);
        at_work.max(witness.min(told))
    }

    /// It was not longer ago than this; `None`: nobody knows. A time that is still to come is no time at all.
    #[must_use]
    pub fn at_most_s(&self) -> Option<u64> {
        let told = u64::try_from(self.told_s).ok();
        match (self.earlier_s, self.host) {
            (None, _) => Some(told.unwrap_or(0)),
            (Some(_), Some(ByHost::Exactly(seconds))) => told.map(|told| told.max(seconds)),
            (Some(_), _) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::ByHost::{AtLeast, Exactly};
    use super::*;

    fn earlier(told_s: i64, host: Option<ByHost>, runs_s: Option<u64>) -> Since {
        Since { told_s, earlier_s: Some(5), host, runs_s }
    }

    #[test]
    fn what_this_process_has_seen_is_believed() {
        assert_eq!((Since::own(70).at_least_s(), Since::own(70).at_most_s()), (70, Some(70)));
        assert_eq!((Since::own(-1).at_least_s(), Since::own(-1).at_most_s()), (0, Some(0)));
    }

    #[test]
    fn a_wall_that_was_put_forward_ends_no_wait() {
        assert_eq!(earlier(7200, Some(Exactly(100)), Some(400)).at_least_s(), 100);
        assert_eq!(earlier(7200, Some(AtLeast(60)), Some(50)).at_least_s(), 50, "a daemon that a boot has started");
        assert_eq!(earlier(7200, None, Some(100)).at_least_s(), 100, "a journal of before");
        assert_eq!(earlier(7200, None, None).at_least_s(), 5, "a wait that nobody bears witness to is kept in full");
    }

    #[test]
    fn a_wall_that_was_put_back_keeps_a_wait_in_full_and_no_longer() {
        assert_eq!(earlier(-7200, Some(Exactly(100)), Some(400)).at_least_s(), 5);
        assert_eq!(Since { earlier_s: Some(300), ..earlier(-7200, Some(Exactly(400)), Some(400)) }.at_least_s(), 300);
    }

    #[test]
    fn a_wall_that_was_set_makes_no_copy_young() {
        assert_eq!(earlier(600, Some(Exactly(86_400)), None).at_most_s(), Some(86_400), "put back");
        assert_eq!(earlier(-1, Some(Exactly(10)), None).at_most_s(), None, "a time that is still to come");
        assert_eq!(earlier(7200, Some(Exactly(10)), None).at_most_s(), Some(7200), "put forward");
        assert_eq!(earlier(600, Some(AtLeast(10)), None).at_most_s(), None, "nobody knows how long the host was away");
        assert_eq!(earlier(600, None, Some(10)).at_most_s(), None, "a journal of before");
    }

    proptest! {
        /// Whatever the wall says: no wait is shorter than it is in truth, and no copy is younger.
        #[test]
        fn no_jump_of_the_wall_shortens_a_wait_or_makes_a_copy_young(
            truth in 0_u64..200_000, jump in -400_000_i64..400_000, at_work in 0_u64..200_000,
            ran_before in 0_u64..10_000, booted in proptest::option::of(0_u64..200_000), witness: bool, runs: bool,
        ) {
            let host = match booted {
                Some(ago) => AtLeast(ago.min(truth)),
                None => Exactly(truth),
            };
            let since = Since {
                told_s: i64::try_from(truth).unwrap() + jump,
                earlier_s: Some(at_work.min(truth)),
                host: witness.then_some(host),
                // it was started before it was seen to be back
                runs_s: (runs && witness).then_some(truth + ran_before),
            };
            prop_assert!(since.at_least_s() <= truth);
            prop_assert!(since.at_least_s() >= at_work.min(truth));
            prop_assert!(since.at_most_s().is_none_or(|most| most >= truth));
        }
    }
}
