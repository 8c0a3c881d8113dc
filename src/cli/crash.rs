//! `rehearse --kill`: a run that is killed (SIGKILL) at the records of its journal and resumed, held against one that nobody
//! disturbed: it must have died at every record that the other one wrote, and leave the same behind.

pub(super) mod child;

use std::collections::{BTreeMap, BTreeSet};

use self::child::walk_killed;
use super::Failed;
use super::exit::Exit;
use super::rehearse::Rehearse;
use super::verdict::way_broken;
use super::walk::Signals;
use crate::journal::point::{Point, Points};
use crate::journal::{Crash, Edge, KillAt, Record, StateFolder};
use crate::plan::Plan;
use crate::rehearsal::{Check, Cluster, Compared, Remains};
use crate::ui::out::say;
use crate::words::count;

impl Rehearse {
    /// The run twice, each time on a cluster of its own: undisturbed, and in processes that are killed.
    pub(super) async fn killed(&self, plan: &Plan, at: KillAt, signals: &mut Signals) -> Result<Exit, Failed> {
        say!("rehearsal: first a run that nobody disturbs");
        let Some(cluster) = self.cluster(plan, signals).await? else { return Ok(Exit::Paused) };
        let exit = self.walk(plan, &cluster, signals).await;
        if !matches!(exit, Ok(Exit::Success)) {
            say!("rehearsal: it did not succeed, so there is nothing to compare a killed run with");
            return self.leave(cluster, exit, signals).await;
        }
        let state = StateFolder::new(Some(&cluster.dir().join("state")))?;
        let undisturbed = Undisturbed::of(&cluster, &state).await;
        cluster.stop().await;
        let undisturbed = undisturbed?;
        say!("rehearsal: now the same on a new cluster, killed and resumed");
        let Some(cluster) = self.cluster(plan, signals).await? else { return Ok(Exit::Paused) };
        let exit = self.disturbed(plan, &cluster, (&undisturbed, at), signals).await;
        self.leave(cluster, exit, signals).await
    }

    async fn disturbed(
        &self,
        original: &Plan,
        cluster: &Cluster,
        (undisturbed, at): (&Undisturbed, KillAt),
        signals: &mut Signals,
    ) -> Result<Exit, Failed> {
        let plan = cluster.plan(original);
        let state = self.state(&plan, cluster, Some(at))?;
        let survived = tokio::select! {
            survived = walk_killed((cluster.dir(), &state), &plan, &self.display) => survived?,
            () = signals.one() => return Ok(Exit::Paused),
        };
        let mut verdict = cluster.verdict(original).await.map_err(anyhow::Error::from)?;
        let status = survived.status;
        let finished = match &survived.run {
            Some(run) => state.read(Some(run))?.progress.finished() && status.success(),
            None => false,
        };
        if finished {
            verdict.checks.push(undisturbed.crash_points(at, &survived.crashes));
            verdict.checks.push(undisturbed.same_end(cluster).await?);
            verdict.passed = verdict.checks.iter().all(|check| check.passed);
        }
        let idle = self.idle(cluster, finished)?;
        self.tell(finished, &verdict, &idle)?;
        let code = status.code().and_then(|code| u8::try_from(code).ok());
        match code.and_then(Exit::of) {
            Some(Exit::Success) if !verdict.passed => Ok(Exit::Verdict),
            Some(Exit::Success) if !idle.is_empty() => Ok(Exit::Untested),
            Some(_) if way_broken(&verdict) => Ok(Exit::Verdict),
            Some(exit) => Ok(exit),
            None => Err(anyhow::anyhow!("the run's process ended with {status}").into()),
        }
    }
}

/// What a run that nobody disturbed wrote and left.
struct Undisturbed {
    points: Vec<Point>,
    remains: Remains,
}

impl Undisturbed {
    /// Of the run that has just ended on `cluster`, with its journal in `state`.
    async fn of(cluster: &Cluster, state: &StateFolder) -> Result<Self, Failed> {
        let records: Vec<Record> = state.read(None)?.records;
        let remains = cluster.remains().await.map_err(anyhow::Error::from)?;
        Ok(Self { points: Points::of(&records), remains })
    }

    /// Whether the run that has reached its target on `cluster` too left the same behind.
    async fn same_end(&self, cluster: &Cluster) -> Result<Check, Failed> {
        let remains = cluster.remains().await.map_err(anyhow::Error::from)?;
        let against = remains.differences(&self.remains).iter().map(ToString::to_string).collect();
        let Compared { files, uncounted, processes, mounts } = remains.count();
        let otherwise = format!(
            "{files} files and folders (the content of {uncounted} not compared), {processes} daemons and mounts and {mounts} lines \
             of mount tables as after a run that nobody disturbed"
        );
        Ok(check("same-end", against, otherwise))
    }

    /// Whether the other run died where it was to.
    fn crash_points(&self, at: KillAt, crashes: &[Crash]) -> Check {
        let against = match at {
            KillAt::Every => self.missed(crashes),
            KillAt::Record(n) if crashes.is_empty() => vec![format!("the run has no record {n}, and was not killed")],
            KillAt::Record(_) => Vec::new(),
        };
        let edge = |edge| crashes.iter().filter(|crash| crash.edge == edge).count();
        let otherwise = format!(
            "{}, {} before and {} behind a record: {}; the undisturbed run wrote {}: {}",
            count(crashes.len(), "kill"),
            edge(Edge::Before),
            edge(Edge::Behind),
            by_kind(crashes.iter().map(|crash| &crash.point)),
            count(self.points.len(), "record"),
            by_kind(self.points.iter()),
        );
        check("crash-points", against, otherwise)
    }

    /// Records of the undisturbed run on a side of which the other one did not die, and whether it died where it was resumed.
    fn missed(&self, crashes: &[Crash]) -> Vec<String> {
        let died: BTreeSet<_> = crashes.iter().map(|crash| (crash.edge.to_string(), &crash.point)).collect();
        let both = |point: &Point| {
            let missed =
                [Edge::Before, Edge::Behind].into_iter().filter(|edge| !died.contains(&(edge.to_string(), point)));
            missed.map(|edge| format!("not killed {edge} the record: {point}")).collect::<Vec<_>>()
        };
        let mut missed: Vec<String> = self.points.iter().flat_map(both).collect();
        // each process that resumes records that, which is a record too; behind the last there is nothing to go on with
        let kinds: BTreeSet<&str> = self.points.iter().map(|point| point.kind.as_str()).collect();
        for kind in kinds.into_iter().filter(|kind| *kind != "finished") {
            missed.extend(both(&Point { kind: "resumed".to_owned(), of: kind.to_owned() }));
        }
        missed
    }
}

/// As `begun 1, intent 34`, in the order of the words.
fn by_kind<'p>(points: impl Iterator<Item = &'p Point>) -> String {
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    points.for_each(|point| *kinds.entry(&point.kind).or_default() += 1);
    kinds.iter().map(|(kind, n)| format!("{kind} {n}")).collect::<Vec<_>>().join(", ")
}

fn check(name: &str, against: Vec<String>, otherwise: String) -> Check {
    let passed = against.is_empty();
    Check { name: name.to_owned(), passed, detail: if passed { otherwise } else { against.join("; ") } }
}
