//! The look at everything before anything is touched: all hosts at once (bounded), then the master.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};

use super::unseen::Unseen;
use crate::check::preflight::{Clocks, Fleet, Here, is_twin, preflight, silent, to_count_again, unanswered};
use crate::check::{Code, Finding, Observation};
use crate::fleet::{Forward, Refusal, SshFleet};
use crate::host::facts::Space;
use crate::host::{AbsPath, HostFacts, HostName, Look};
use crate::moosefs::Overview;
use crate::moosefs::client::{QueryError, overview};
use crate::plan::Plan;
use crate::run::ports::{Hosts, Master, NoAnswer};
use crate::run::runner::LOOK_LIMIT;

/// Hosts looked at together. More would not be faster: a connection costs 13 to 80 ms of processor time here.
const LOOKS_AT_ONCE: usize = 32;

/// Connections held from the look to the walk. More are made anew: a held one is a process and six file descriptors.
const HELD_AT_ONCE: usize = 100;

/// A master that takes longer to answer one question is not serving.
const QUESTION_LIMIT: Duration = Duration::from_secs(10);

/// A host's facts, and by how many seconds its clock is ahead of this side's.
type Seen = (i64, HostFacts);

/// The master's word, through a forwarded port.
pub struct ForwardedMaster<'a> {
    fleet: &'a SshFleet,
    host: HostName,
    forward: Forward<'a>,
}

impl<'a> ForwardedMaster<'a> {
    /// The master of `plan`, listening on `address` of its host.
    #[must_use]
    pub fn new(fleet: &'a SshFleet, plan: &Plan, address: Ipv4Addr) -> Self {
        // "everywhere" is reached as localhost
        let address = if address.is_unspecified() { Ipv4Addr::LOCALHOST } else { address };
        let host = plan.master.host.clone();
        Self { fleet, host: host.clone(), forward: Forward::new(fleet, host, address, plan.master.admin_port) }
    }
}

/// A master's silence, and whose it is.
struct Silence {
    code: Code,
    of: NoAnswer,
}

async fn ask(forward: &Forward<'_>) -> Result<Overview, Silence> {
    let silence = |code, reason, reached| Silence { code, of: NoAnswer { reason, reached } };
    // logging in has its own, longer limit
    forward.ready().await.map_err(|e| silence(Code::MasterDoesNotAnswer, e.to_string(), false))?;
    let error = match overview(forward, QUESTION_LIMIT).await {
        Ok(overview) => return Ok(overview),
        Err(error) => error,
    };
    Err(match forward.refusal().await {
        Some(Refusal::Forbidden(reason)) => silence(Code::ForwardingRefused, reason, false),
        Some(Refusal::Port(reason)) => silence(Code::MasterDoesNotAnswer, reason, true),
        None => {
            let reached = !matches!(error, QueryError::Dial(_) | QueryError::DialTimedOut(_));
            silence(Code::MasterDoesNotAnswer, causes(&error), reached)
        }
    })
}

impl Master for ForwardedMaster<'_> {
    async fn overview(&self) -> Result<Overview, NoAnswer> {
        ask(&self.forward).await.map_err(|silence| silence.of)
    }

    async fn trial(&self, port: u16) -> Result<Overview, NoAnswer> {
        let trial = Forward::new(self.fleet, self.host.clone(), Ipv4Addr::LOCALHOST, port);
        ask(&trial).await.map_err(|silence| silence.of)
    }
}

fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

/// Looks at all hosts of `plan` and at its master. An observation only where nothing is in the way of one.
///
/// `runs`: the folder of runs, where the copies come to.
pub async fn observe(plan: &Plan, fleet: &SshFleet, runs: Option<&Path>) -> (Option<Observation>, Vec<Finding>) {
    let looks = looks(plan);
    let many = looks.len() > HELD_AT_ONCE;
    let seen: Vec<(HostName, Result<Seen, Unseen>)> = together(looks, |(host, look)| async move {
        let result = look_at(fleet, &host, &look).await;
        let now = jiff::Timestamp::now().as_second();
        let result = result.map(|facts| (facts.clock - now, facts));
        if many {
            fleet.done_with(&host).await;
        }
        (host, result)
    })
    .await;
    let mut facts = Fleet::new();
    let mut clocks = Clocks::new();
    let mut unseen = Vec::new();
    for (host, result) in seen {
        match result {
            Ok((ahead, seen)) => {
                clocks.insert(host.clone(), ahead);
                facts.insert(host, seen);
            }
            Err(why) => unseen.push((host, why)),
        }
    }
    let mut findings = super::unseen::findings(unseen);
    let here = Here { clocks, runs: runs.and_then(space_of) };
    let address = facts.get(&plan.master.host).and_then(|f| f.listener(plan.master.admin_port));
    let answer = match address {
        Some(address) => {
            let answer = ask(&ForwardedMaster::new(fleet, plan, address).forward).await;
            answer.map_err(|silence| (silence.code, silence.of.reason))
        }
        None => Err((Code::AdminPortNotListening, format!("nothing listens on port {}", plan.master.admin_port))),
    };
    match answer {
        Ok(overview) => {
            count_again(plan, fleet, &mut facts, &overview).await;
            let (observation, more) = preflight(plan, &facts, &overview, &here);
            let whole = findings.is_empty();
            findings.extend(more);
            (observation.filter(|_| whole), findings)
        }
        Err((code, reason)) => {
            // a host that is not reached is a finding already
            let master = facts.get(&plan.master.host).filter(|_| !is_twin(plan, &facts, &plan.master.host));
            findings.extend(master.map(|facts| silent(plan, facts, code, reason)));
            findings.extend(unanswered(plan, &facts, &here));
            (None, findings)
        }
    }
}

/// Chunk files come and go between the look at their host and the master's answer: what is there before it or after it was there.
async fn count_again(plan: &Plan, fleet: &SshFleet, facts: &mut Fleet, overview: &Overview) {
    let again = to_count_again(plan, facts, overview);
    let looks = looks(plan).into_iter().filter(|(host, _)| again.contains(host));
    let seen = together(looks, |(host, look)| async move { (host.clone(), look_at(fleet, &host, &look).await) }).await;
    for (host, seen) in seen {
        let (Ok(seen), Some(facts)) = (seen, facts.get_mut(&host)) else { continue };
        for (disk, count) in seen.narrow {
            facts.narrow.entry(disk).and_modify(|known| *known = count.max(*known));
        }
    }
}

/// Does `look` for each of `all`, [`LOOKS_AT_ONCE`] of them at a time.
pub(super) async fn together<T, F: Future>(all: impl IntoIterator<Item = T>, look: impl Fn(T) -> F) -> Vec<F::Output> {
    stream::iter(all).map(look).buffer_unordered(LOOKS_AT_ONCE).collect().await
}

/// What is free for a folder of this machine that may not be there yet: in the nearest one above it that is.
fn space_of(folder: &Path) -> Option<(String, Space)> {
    let whole = std::path::absolute(folder).ok()?;
    let there = whole.ancestors().find(|path| path.exists())?;
    let facts = rustix::fs::statvfs(there).ok()?;
    let inodes = (facts.f_files > 0).then_some(facts.f_favail);
    Some((
        folder.display().to_string(),
        Space { free: facts.f_bavail.saturating_mul(facts.f_frsize), inodes, id: None },
    ))
}

pub(super) async fn look_at(fleet: &SshFleet, host: &HostName, look: &Look) -> Result<HostFacts, Unseen> {
    let output = fleet.look(host, &look.script(), LOOK_LIMIT).await.map_err(Unseen::Unheard)?;
    HostFacts::parse(&output).map_err(Unseen::Unread)
}

/// One survey a host, with what all of its roles need.
pub(super) fn looks(plan: &Plan) -> BTreeMap<HostName, Look> {
    let (from, to) = (&plan.upgrade.from, &plan.upgrade.to);
    let mut looks: BTreeMap<HostName, Look> = BTreeMap::new();
    for (host, _, access) in plan.hosts() {
        let look = looks.entry(host.clone()).or_default();
        look.admin_port = plan.master.admin_port;
        look.survey = true;
        push_new(&mut look.prefixes, &access.install.prefix);
        push_new(&mut look.space_for, &access.install.work_dir);
        push_new(&mut look.own, &access.install.work_dir);
        push_new(&mut look.archives, &access.install.kept(from, to));
        if let Some(tree) = access.install.tree(from, to) {
            push_new(&mut look.source_dirs, &tree);
        }
    }
    for (host, name) in names_given(plan) {
        if let Some(look) = looks.get_mut(host)
            && !look.names.contains(&name)
        {
            look.names.push(name);
        }
    }
    if let Some(look) = looks.get_mut(&plan.master.host) {
        look.ports.extend(plan.line().trial_ports());
        // an earlier run may have copied the old release's tools before it replaced them
        look.work_files.push(plan.master.access.install.work(from, to).join("metadata/mfsmetarestore"));
    }
    looks
}

/// Names of the master that the plan gives hosts, which their own files do not say: a metalogger's, and one among the options of
/// mounts. A metalogger that the plan gives none will be told the chunkservers', which nobody knows before they are asked: most
/// often the default.
fn names_given(plan: &Plan) -> Vec<(&HostName, HostName)> {
    let default = HostName::new("mfsmaster").ok();
    let of_loggers = plan.config.master_host.clone().or(default);
    let loggers = plan.metaloggers.iter().filter_map(|logger| Some((&logger.host, of_loggers.clone()?)));
    let of_mounts = plan.clients.iter().flat_map(|group| {
        let options = group.mount_options.iter().flatten().flat_map(|list| list.split(','));
        let named = options.filter_map(|option| HostName::new(option.strip_prefix("mfsmaster=")?).ok()).next_back();
        group.hosts.iter().filter_map(move |host| Some((host, named.clone()?)))
    });
    loggers.chain(of_mounts).collect()
}

pub(super) fn push_new(list: &mut Vec<AbsPath>, path: &AbsPath) {
    if !list.contains(path) {
        list.push(path.clone());
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn as_many_are_looked_at_together_as_may_be_and_never_more() {
        let (now, most) = (Cell::new(0), Cell::new(0));
        let all = 3 * LOOKS_AT_ONCE + 1;
        let look = || async {
            now.set(now.get() + 1);
            most.set(most.get().max(now.get()));
            tokio::time::sleep(Duration::from_secs(1)).await;
            now.set(now.get() - 1);
        };
        let looked = together(0..all, |_| look());
        assert_eq!((looked.await.len(), now.get(), most.get()), (all, 0, LOOKS_AT_ONCE));
    }
}
