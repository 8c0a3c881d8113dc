//! `rehearse --kill`: a run that is killed (SIGKILL) at the records of its journal and resumed, held against one that nobody
//! disturbed: it must have died at every record that the other one wrote, and leave the same behind.

pub(super) mod child;

use std::collections::{BTreeMap, BTreeSet};

use super::Failed;
use crate::journal::point::{Point, Points};
use crate::journal::{Crash, Edge, KillAt, Record, StateFolder};
use crate::rehearsal::{Check, Cluster, Compared, Remains};
use crate::schedule::count;

/// What a run that nobody disturbed wrote and left.
pub(super) struct Undisturbed {
    points: Vec<Point>,
    remains: Remains,
}

impl Undisturbed {
    /// Of the run that has just ended on `cluster`, with its journal in `state`.
    pub(super) async fn of(cluster: &Cluster, state: &StateFolder) -> Result<Self, Failed> {
        let records: Vec<Record> = state.read(None)?.records;
        let remains = cluster.remains().await.map_err(anyhow::Error::from)?;
        Ok(Self { points: Points::of(&records), remains })
    }

    /// Whether the run that has reached its target on `cluster` too left the same behind.
    pub(super) async fn same_end(&self, cluster: &Cluster) -> Result<Check, Failed> {
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
    pub(super) fn crash_points(&self, at: KillAt, crashes: &[Crash]) -> Check {
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
