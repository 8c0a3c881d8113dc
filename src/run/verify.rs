//! The last look: the hosts, and around it the master.

use futures_util::stream::{self, StreamExt};

use super::FailureKind;
use super::Runner;
use super::failure::Failure;
use super::ports::{Clock, Hosts, Master};
use crate::schedule::{Step, Track};
use crate::step::Verdict;

/// Hosts that are looked at at once.
const AT_ONCE: usize = 16;

impl<H: Hosts, M: Master, C: Clock> Runner<'_, H, M, C> {
    /// Looks at every daemon and every mount that the run has started, on its own host. The master cannot tell them all: an
    /// old one knows no mount points, so that of two mounts of a host it shows one. It is asked before, as long as it takes
    /// until all are there, and by the caller afterwards.
    pub(super) async fn look_everywhere(&self, verify: &Step) -> Result<Option<String>, Failure> {
        let master =
            self.schedule.stages.iter().flat_map(|s| &s.tracks).find(|t| t.steps.iter().any(|s| s.id == verify.id));
        if let (Some(track), Some(gate)) = (master, &verify.afterwards) {
            self.gate(gate, &track.host, Some(&verify.id), &|| false).await?;
        }
        let shows = |s: &&Step| s.action.effect().runs_on();
        let tracks = self.schedule.stages.iter().flat_map(|s| &s.tracks);
        let all: Vec<(&Track, &Step)> = tracks
            .flat_map(|t| t.steps.iter().filter(shows).map(move |s| (t, s)))
            .filter(|(_, s)| self.is_done(&s.id))
            .collect();
        let looks = all.iter().map(|(track, step)| async move {
            let now = self.look(&track.host, step).await.map_err(|f| f.at(Some(&verify.id), &track.host))?;
            match self.laws.still_shows(&step.action, &self.schedule.to, &now) {
                Verdict::Done(_) => Ok(()),
                Verdict::NotYet(reason) => {
                    let message = "see everything in its release on its host".to_owned();
                    Err(Failure::new(FailureKind::StepFailed, message, reason).at(Some(&verify.id), &track.host))
                }
            }
        });
        let seen: Vec<Result<(), Failure>> = stream::iter(looks).buffered(AT_ONCE).collect().await;
        seen.into_iter().collect::<Result<Vec<()>, Failure>>()?;
        Ok(match all.len() {
            0 => None,
            1 => Some("its daemon or mount seen on its host".to_owned()),
            n => Some(format!("{n} daemons and mounts seen on their hosts")),
        })
    }
}
