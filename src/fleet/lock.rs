//! The cluster's lock, held over SSH: taken, renewed every half minute, and left or dropped at the end.

use std::sync::Mutex;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;

use super::SshFleet;
use crate::host::HostName;
use crate::host::lock::{self, Answer, Claim, HEARTBEAT, Holder, STALE, Verb};
use crate::run::ports::{Guard, Hosts, NotHeld, Outcome};

/// A host that has not answered by then is asked again.
const LIMIT: Duration = Duration::from_secs(45);

/// Between two tries of a heartbeat that was not heard.
const AGAIN: Duration = Duration::from_secs(5);

/// Why it was not got.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LockError {
    /// Another run has it.
    #[error("the lock of this cluster is held by {0}")]
    Held(Holder),
    /// This run was set aside for another one.
    #[error(
        "run {0} was set aside for another one on this cluster, so that its journal no longer says what the hosts are"
    )]
    Aside(String),
    /// The host was not reached, or could not keep it.
    #[error("the lock on {0} could not be used: {1}")]
    Host(HostName, String),
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
    /// When it was last seen to be ours, by the wall's clock: a machine that sleeps must not think that no time went by.
    at: Timestamp,
    /// Who has taken it.
    taken: Option<Holder>,
    /// Why the last one was not heard.
    trouble: String,
}

async fn ask(fleet: &SshFleet, host: &HostName, claim: &Claim, verb: Verb<'_>) -> Result<Answer, LockError> {
    let failed = |why: String| LockError::Host(host.clone(), why);
    match fleet.run(host, &claim.script(verb), LIMIT, &mut |_| {}).await {
        Outcome::Exited { output, .. } => match lock::read(&output) {
            Some(Answer::Cannot(why)) => Err(failed(why)),
            Some(Answer::Aside) => Err(LockError::Aside(claim.run.clone())),
            Some(answer) => Ok(answer),
            None => Err(failed(format!("it answered {:?}", output.trim()))),
        },
        Outcome::Unknown { reason } | Outcome::NotStarted { reason } => Err(failed(reason)),
    }
}

impl<'f> ClusterLock<'f> {
    /// Who holds the lock on `host` for another claim than this; nothing is written.
    ///
    /// # Errors
    /// [`LockError::Host`].
    pub async fn holder(fleet: &SshFleet, host: &HostName) -> Result<Option<Holder>, LockError> {
        let nobody = Claim { run: String::new(), owner: String::new() };
        match ask(fleet, host, &nobody, Verb::Look).await? {
            Answer::Other(holder) => Ok(Some(holder)),
            _ => Ok(None),
        }
    }

    /// Takes it. `abandon`: the run that may be set aside for it, if nobody walks it any more.
    ///
    /// # Errors
    /// [`LockError`].
    pub async fn take(
        fleet: &'f SshFleet,
        host: &HostName,
        claim: Claim,
        abandon: Option<&str>,
    ) -> Result<Self, LockError> {
        match ask(fleet, host, &claim, Verb::Take { abandon }).await? {
            Answer::Other(holder) => Err(LockError::Held(holder)),
            _ => {
                let heard = Heard { at: Timestamp::now(), taken: None, trouble: String::new() };
                Ok(Self { fleet, host: host.clone(), claim, heard: Mutex::new(heard), now: Notify::new() })
            }
        }
    }

    /// Removes what a run has left of its hold that reached its end and was killed before it had given the lock back. That of
    /// another run stays.
    ///
    /// # Errors
    /// [`LockError`].
    pub async fn forget(fleet: &SshFleet, host: &HostName, claim: &Claim) -> Result<(), LockError> {
        ask(fleet, host, claim, Verb::Drop).await.map(drop)
    }

    /// The heartbeat; does not end.
    pub async fn beat(&self) -> std::convert::Infallible {
        let mut after = HEARTBEAT;
        loop {
            // whoever finds it silent does not wait for the next one
            let _ = tokio::time::timeout(after, self.now.notified()).await;
            let asked = Timestamp::now();
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
        let silent = Timestamp::now().duration_since(heard.at);
        // long before another run may take it
        if silent.unsigned_abs() > STALE / 2 {
            self.now.notify_one();
            let why = if heard.trouble.is_empty() { "this machine slept" } else { &heard.trouble };
            return Err(NotHeld::Silent(format!("no heartbeat was heard for {silent:#}: {why}")));
        }
        Ok(())
    }
}
