//! The cluster's lock, held over SSH: taken, renewed every half minute, and left or dropped at the end.

use std::sync::Mutex;
use std::time::Duration;

use jiff::SignedDuration;
use tokio::sync::Notify;

use super::{SshFleet, since_boot};
use crate::host::lock::{self, Answer, Claim, HEARTBEAT, Holder, STALE, Verb};
use crate::host::{HostName, said};
use crate::run::ports::{Guard, Hosts, NotHeld, Outcome};
use crate::words::human;

/// A host that has not answered by then is asked again.
const LIMIT: Duration = Duration::from_secs(45);

/// Between two tries of a heartbeat that was not heard.
const AGAIN: Duration = Duration::from_secs(5);

/// How often a host is asked whose answer is lost.
const TRIES: usize = 3;

/// Why it was not got.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LockError {
    /// Another run has it.
    #[error("the lock of this cluster is held by {0}")]
    Held(Holder),
    /// This run was set aside for another one.
    #[error("run {0} was abandoned for another run on this cluster, so its journal no longer matches the hosts")]
    Aside(String),
    /// The host was not reached, or could not keep it.
    #[error("the lock on {0} could not be used: {1}")]
    Host(HostName, String),
    /// Its answer was lost, again and again: it may have been taken, and could not be given back.
    #[error(
        "whether the lock on {0} was taken cannot be told: {1}; where it was, it names run {2}, which nobody walks: it is \
         stale in {minutes} minutes, and `--abandon {2}` sets it aside then",
        minutes = STALE.as_secs() / 60
    )]
    Unclear(HostName, String, String),
}

/// The lock of a cluster, held for one run.
pub struct ClusterLock<'f> {
    fleet: &'f SshFleet,
    host: HostName,
    claim: Claim,
    heard: Mutex<Heard>,
    now: Notify,
}

/// What the last heartbeats have said.
struct Heard {
    /// When it was last seen to be ours, since this machine's boot: one that sleeps must not think that no time went by, and one
    /// whose clock is set must not think that it did.
    at: SignedDuration,
    /// Who has taken it.
    taken: Option<Holder>,
    /// Why the last one was not heard.
    trouble: String,
}

fn now() -> SignedDuration {
    SignedDuration::try_from(since_boot()).unwrap_or(SignedDuration::MAX)
}

/// Why nothing came of it.
enum Silence {
    /// The host has said so, or was not reached.
    Known(LockError),
    /// It was asked, and what it did was not heard.
    Unheard(String),
}

async fn ask(fleet: &SshFleet, host: &HostName, claim: &Claim, verb: Verb<'_>) -> Result<Answer, LockError> {
    ask_once(fleet, host, claim, verb).await.map_err(|silence| match silence {
        Silence::Known(error) => error,
        Silence::Unheard(why) => LockError::Host(host.clone(), why),
    })
}

async fn ask_once(fleet: &SshFleet, host: &HostName, claim: &Claim, verb: Verb<'_>) -> Result<Answer, Silence> {
    let failed = |why: String| Silence::Known(LockError::Host(host.clone(), why));
    match fleet.run(host, &claim.script(verb), LIMIT, &mut |_| {}).await {
        Outcome::Exited { output, .. } => match lock::read(&output) {
            Some(Answer::Cannot(why)) => Err(failed(why)),
            Some(Answer::Aside) => Err(Silence::Known(LockError::Aside(claim.run.clone()))),
            Some(answer) => Ok(answer),
            None => Err(failed(format!("it answered {:?}", said::excerpt(output.trim(), said::SHOWN_LINE)))),
        },
        Outcome::NotStarted { reason } => Err(failed(reason)),
        Outcome::Unknown { reason } => Err(Silence::Unheard(reason)),
    }
}

/// Asks again where the answer was lost: every verb may be said twice.
async fn ask_again(fleet: &SshFleet, host: &HostName, claim: &Claim, verb: Verb<'_>) -> Result<Answer, Silence> {
    let mut tries = 1;
    loop {
        match ask_once(fleet, host, claim, verb).await {
            Err(Silence::Unheard(_)) if tries < TRIES => tokio::time::sleep(AGAIN).await,
            // it was heard before that it was asked
            Err(Silence::Known(LockError::Host(_, why))) if tries > 1 => return Err(Silence::Unheard(why)),
            answer => return answer,
        }
        tries += 1;
    }
}

impl<'f> ClusterLock<'f> {
    /// Who holds the lock on `host` for another claim than this; nothing is written.
    ///
    /// # Errors
    /// [`LockError::Host`].
    pub async fn holder(fleet: &SshFleet, host: &HostName) -> Result<Option<Holder>, LockError> {
        let nobody = Claim::default();
        match ask(fleet, host, &nobody, Verb::Look).await? {
            Answer::Other(holder) => Ok(Some(holder)),
            _ => Ok(None),
        }
    }

    /// Takes it. `abandon`: the run that may be set aside for it, if nobody walks it any more. `ended`: whether the process of a
    /// holder is known to have ended. `otherwise`: what is said to a host whose answer was lost, so that it is not held for a run
    /// that nobody walks.
    ///
    /// # Errors
    /// [`LockError`].
    pub async fn take(
        fleet: &'f SshFleet,
        host: &HostName,
        claim: Claim,
        abandon: Option<&str>,
        ended: impl Fn(&Holder) -> bool,
        otherwise: Verb<'_>,
    ) -> Result<Self, LockError> {
        // whoever has it already is told so once more
        let mut answer = ask_again(fleet, host, &claim, Verb::Take { abandon, ended: None }).await;
        if let Ok(Answer::Other(holder)) = &answer
            && ended(holder)
        {
            let word = holder.word.clone();
            answer = ask_again(fleet, host, &claim, Verb::Take { abandon, ended: Some(&word) }).await;
        }
        match answer {
            Ok(Answer::Other(holder)) => Err(LockError::Held(holder)),
            Ok(_) => {
                let heard = Heard { at: now(), taken: None, trouble: String::new() };
                Ok(Self { fleet, host: host.clone(), claim, heard: Mutex::new(heard), now: Notify::new() })
            }
            Err(Silence::Unheard(why)) => match ask_again(fleet, host, &claim, otherwise).await {
                Ok(_) => Err(LockError::Host(host.clone(), why)),
                Err(_) => Err(LockError::Unclear(host.clone(), why, claim.run)),
            },
            Err(Silence::Known(error)) => Err(error),
        }
    }

    /// Removes what a run has left of its hold that reached its end and was killed before it had given the lock back. That of
    /// another run stays.
    ///
    /// # Errors
    /// [`LockError`].
    pub async fn forget(fleet: &SshFleet, host: &HostName, claim: &Claim) -> Result<(), LockError> {
        ask(fleet, host, claim, Verb::Forget).await.map(drop)
    }

    /// The heartbeat; does not end.
    pub async fn beat(&self) -> std::convert::Infallible {
        let mut after = HEARTBEAT;
        loop {
            // whoever finds it silent does not wait for the next one
            let _ = tokio::time::timeout(after, self.now.notified()).await;
            let asked = now();
            let answer = ask(self.fleet, &self.host, &self.claim, Verb::Renew).await;
            let mut heard = self.heard.lock().expect("nobody panics with it");
            after = match answer {
                Ok(Answer::Other(holder)) => {
                    heard.taken = Some(holder);
                    HEARTBEAT
                }
                Ok(_) => {
                    (heard.at, heard.taken) = (asked, None);
                    HEARTBEAT
                }
                Err(e) => {
                    heard.trouble = e.to_string();
                    AGAIN
                }
            };
        }
    }

    /// Ends the hold. `over`: the run has reached its end, and nobody needs to be told of it.
    ///
    /// # Errors
    /// [`LockError`]: then it goes stale by itself.
    pub async fn release(&self, over: bool) -> Result<(), LockError> {
        let verb = if over { Verb::Drop } else { Verb::Leave };
        match ask(self.fleet, &self.host, &self.claim, verb).await? {
            Answer::Other(holder) => Err(LockError::Held(holder)),
            _ => Ok(()),
        }
    }
}

impl Guard for ClusterLock<'_> {
    fn held(&self) -> Result<(), NotHeld> {
        let heard = self.heard.lock().expect("nobody panics with it");
        if let Some(holder) = &heard.taken {
            return Err(NotHeld::Taken(format!("it is held by {holder}")));
        }
        let silent = now() - heard.at;
        // long before another run may take it
        if silent.unsigned_abs() > STALE / 2 {
            self.now.notify_one();
            let why = if heard.trouble.is_empty() { "this machine slept" } else { &heard.trouble };
            return Err(NotHeld::Silent(format!(
                "no heartbeat was heard for {}: {why}",
                human(silent.unsigned_abs().as_secs())
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::plan::Plan;

    fn fleet() -> SshFleet {
        let source = include_str!("../../plans/rolling.toml");
        SshFleet::new(&Plan::parse(source, Path::new("rolling.toml"), Path::new("/")).unwrap()).unwrap()
    }

    /// The lock of a host that is none of the fleet's, so that asking it fails at once and without a connection.
    fn heard(fleet: &SshFleet, seconds_ago: i64) -> ClusterLock<'_> {
        let claim = Claim { run: "run".to_owned(), owner: "anna".to_owned(), ..Claim::default() };
        let at = now() - SignedDuration::from_secs(seconds_ago);
        let heard = Mutex::new(Heard { at, taken: None, trouble: String::new() });
        ClusterLock { fleet, host: HostName::new("elsewhere").unwrap(), claim, heard, now: Notify::new() }
    }

    fn silence(lock: &ClusterLock<'_>) -> Option<String> {
        match lock.held() {
            Ok(()) => None,
            Err(NotHeld::Silent(why)) => Some(why),
            Err(NotHeld::Taken(why)) => panic!("{why}"),
        }
    }

    /// Lets the heart beat for a second, which is less than the time between two beats.
    async fn beats(lock: &ClusterLock<'_>) {
        const { assert!(HEARTBEAT.as_secs() > 1) };
        let second = tokio::time::timeout(Duration::from_secs(1), lock.beat());
        assert!(second.await.is_err(), "it never ends by itself");
    }

    #[tokio::test(start_paused = true)]
    async fn a_lock_that_was_heard_of_lately_is_held_and_asked_for_when_it_is_time() {
        let fleet = fleet();
        let lock = heard(&fleet, 100);
        assert_eq!(silence(&lock), None);
        beats(&lock).await;
        assert_eq!(lock.heard.lock().unwrap().trouble, "", "nobody was asked");
    }

    #[tokio::test(start_paused = true)]
    async fn a_lock_that_is_silent_is_not_held_and_asked_for_at_once() {
        let fleet = fleet();
        let lock = heard(&fleet, 200);
        let why = silence(&lock).expect("it is not held");
        assert!(why.contains("no heartbeat was heard for 3 min 20 s") && why.contains("this machine slept"), "{why}");
        beats(&lock).await;
        // it was asked, and what came of it is told from now on
        let why = silence(&lock).expect("nothing was heard");
        assert!(why.contains("elsewhere is not a host of the plan"), "{why}");
    }

    #[test]
    fn a_lock_that_another_run_has_taken_is_lost_however_lately_it_was_heard_of() {
        let fleet = fleet();
        let lock = heard(&fleet, 0);
        let holder = Holder { run: "other".to_owned(), owner: "ben".to_owned(), ..Holder::default() };
        lock.heard.lock().unwrap().taken = Some(holder);
        let Err(NotHeld::Taken(why)) = lock.held() else { panic!("it is another's") };
        assert!(why.contains("other"), "{why}");
    }
}
