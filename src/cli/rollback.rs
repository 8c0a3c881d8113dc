//! `mfsupgrade rollback`: look, show, ask, and take back what a run has changed.

use std::io::IsTerminal;

use clap::Args;

use super::begin::{self, Answer, Beginning, fits};
use super::clock::RunClock;
use super::exit::Exit;
use super::lock::{Abandon, may_abandon};
use super::observe::{ForwardedMaster, look_at, looks, push_new, together};
use super::plan::{Document, Format, width};
use super::unfinished::unfinished;
use super::unseen::unreachable;
use super::walk::Display;
use super::{Failed, StateDir, block_on};
use crate::check::Finding;
use crate::check::back::{BackSeen, Changed, look_back};
use crate::check::preflight::Fleet;
use crate::fleet::SshFleet;
use crate::journal::store::Stored;
use crate::journal::{NewRun, Origin, Progress, StateFolder, StoreError};
use crate::moosefs::Overview;
use crate::moosefs::daemon::Role;
use crate::plan::Plan;
use crate::run::Machines;
use crate::run::ports::Master;
use crate::schedule::{Schedule, changed, compile_back};
use crate::ui;
use crate::ui::out::{self, say};

/// Bring the old release back: take back what a run has changed, whether it finished or stopped in the middle
///
/// Checks every host, shows the schedule, asks, and rolls back: clients, chunkservers one at a time, the master last. What
/// still runs the old release is left alone. It is a run of its own: `status` and `resume` work on it.
#[derive(Debug, Args)]
pub struct Rollback {
    /// The run to take back [default: the newest]
    #[arg(value_name = "RUN")]
    pub run: Option<String>,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
    /// Look at the hosts (read-only) and show the schedule; change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Accept the metadata that the master serves, even if it has fewer files than before: the answer where the check asks
    /// whether it is the right one
    #[arg(long)]
    pub accept_metadata: bool,
    /// Do not wait for the plan's window
    #[arg(long)]
    pub any_time: bool,
    /// With --dry-run: text for people, or JSON for machines (docs/schedule-format.md)
    #[arg(long, value_enum, default_value_t = Format::Text, requires = "dry_run")]
    pub format: Format,
    #[command(flatten)]
    abandon: Abandon,
    #[command(flatten)]
    pub(super) display: Display,
    #[command(flatten)]
    state: StateDir,
}

impl Rollback {
    pub(super) fn run(&self) -> Result<Exit, Failed> {
        let state = self.state.open()?;
        let stored = state.read(self.run.as_deref())?;
        if stored.walked {
            return Err(StoreError::Locked(format!("run {}", stored.name)).into());
        }
        if let Some(of) = &stored.schedule.back_of {
            let resume = self.state.resume(&stored.name);
            let error = anyhow::anyhow!("run {} is itself the way back of {of}; `{resume}` resumes it", stored.name);
            return Err(Failed::new(Exit::Usage, error));
        }
        if !self.yes && !self.dry_run && !std::io::stdin().is_terminal() {
            let error = anyhow::anyhow!("no terminal to ask on; run the same command with --yes");
            return Err(Failed::new(Exit::NotConfirmed, error));
        }
        let others = match self.dry_run {
            true => Some(Vec::new()),
            false => {
                let of = Some(stored.name.as_str());
                unfinished(&stored.plan, (&self.state, &state), of, &self.abandon.abandon, !self.yes)?
            }
        };
        let Some(abandon) = others else { return Ok(Exit::NotConfirmed) };
        block_on(self.back(&stored, &state, &abandon))?
    }

    async fn back(&self, stored: &Stored, state: &StateFolder, abandon: &[String]) -> Result<Exit, Failed> {
        let mut plan = stored.plan.clone();
        plan.window = plan.window.filter(|_| !self.any_time);
        let plan = &plan;
        let fleet = SshFleet::new(plan).map_err(anyhow::Error::from)?;
        // the run that is taken back has done its part
        let done = [abandon, std::slice::from_ref(&stored.name)].concat();
        let given = (&done[..], &self.abandon.abandon[..]);
        let set_aside = match self.dry_run {
            true => None,
            false => may_abandon(&fleet, &plan.master.host, None, given, !self.yes).await?,
        };
        let asked = (!self.yes).then_some("Bring the old release back now?");
        let clock = RunClock::new(state.simulated()?.as_ref());
        let mut shown = None;
        let schedule = loop {
            match self.look(plan, stored, &fleet).await? {
                Looked::Over(exit) => return Ok(exit),
                Looked::Fits(schedule) => match begin::ask(&schedule, asked, shown.as_ref(), &clock)? {
                    Answer::No => return Ok(Exit::NotConfirmed),
                    Answer::Yes => break schedule,
                    Answer::Late => shown = Some(*schedule),
                },
            }
        };
        let origin = Origin { simulated: state.simulated()?.map(|of| of.what), ..Origin::default() };
        let new = NewRun { plan, schedule: &schedule, observation: None, origin: &origin };
        let set_aside = set_aside.as_deref();
        let beginning = Beginning { new, fleet: &fleet, abandon, set_aside };
        begin::begin(&beginning, (&self.state, state), &self.display).await
    }

    /// The way back as the hosts are now; shown where it is a dry run.
    async fn look(&self, plan: &Plan, stored: &Stored, fleet: &SshFleet) -> Result<Looked, Failed> {
        say!("looking at {} (read-only)", ui::schedule::cluster(&stored.schedule));
        let (seen, findings) =
            observe_back(plan, &stored.schedule, &stored.progress, fleet, self.accept_metadata).await;
        let schedule = compile_back(plan, &stored.name, &stored.schedule, &seen);
        if self.dry_run {
            match self.format {
                Format::Text => out::print(&ui::schedule::text(&schedule, true, width(), console::colors_enabled()))?,
                Format::Json => {
                    let document =
                        Document { schedule_sha256: schedule.digest(), schedule: &schedule, findings: &findings };
                    out::print_document(&document)?;
                }
            }
        }
        if !fits(plan, &findings, true, "rollback", &self.display)? {
            return Ok(Looked::Over(Exit::Findings));
        }
        if schedule.stages.is_empty() {
            say!("nothing to bring back: run {} has changed nothing that is not as before", stored.name);
            return Ok(Looked::Over(Exit::Success));
        }
        Ok(if self.dry_run { Looked::Over(Exit::Success) } else { Looked::Fits(Box::new(schedule)) })
    }
}

/// What came of a look.
enum Looked {
    /// There is nothing to begin.
    Over(Exit),
    /// Nothing stands against it.
    Fits(Box<Schedule>),
}

/// Looks at all hosts of `plan` and at its master, for the way back of a run that walked `upgrade` as far as `progress`.
pub(super) async fn observe_back(
    plan: &Plan,
    upgrade: &Schedule,
    progress: &Progress,
    fleet: &SshFleet,
    accepts_metadata: bool,
) -> (BackSeen, Vec<Finding>) {
    let changed = changed(upgrade, &|step| progress.done.contains_key(step) || progress.open.contains(step));
    let seen = together(looks_back(plan, &changed), |(host, look)| async move {
        let result = look_at(fleet, &host, &look).await;
        (host, result)
    })
    .await;
    let (mut facts, mut findings, mut unseen) = (Fleet::new(), Vec::new(), Vec::new());
    let machines = Machines::of(upgrade, progress);
    for (host, result) in seen {
        match result {
            // whatever it shows says nothing of the host that this run has changed
            Ok(seen) => match machines.another(&host, &seen) {
                Some(reason) => findings.push(unreachable(&host, reason, None)),
                None => drop(facts.insert(host, seen)),
            },
            Err(why) => unseen.push((host, why)),
        }
    }
    findings.extend(super::unseen::findings(unseen));
    findings.sort_by(|a, b| a.host.cmp(&b.host));
    let overview = ask(plan, upgrade, &facts, fleet).await;
    let mut before = upgrade.baseline.clone().unwrap_or_default();
    progress.counted.iter().for_each(|counts| before.learn(counts));
    let known: Vec<_> = upgrade.chunkservers.iter().chain(&upgrade.clients).filter_map(|k| k.address).collect();
    let (seen, more) = look_back(plan, &changed, &facts, overview.as_ref(), &before, &known, accepts_metadata);
    findings.extend(more);
    (seen, findings)
}

async fn ask(plan: &Plan, upgrade: &Schedule, facts: &Fleet, fleet: &SshFleet) -> Option<Overview> {
    let master = facts.get(&plan.master.host)?;
    master.daemon(Role::Master)?;
    let address = master.listener(plan.master.admin_port).or(upgrade.admin_address)?;
    ForwardedMaster::new(fleet, plan, address).overview().await.ok()
}

/// As before an upgrade, with what it kept and where its master works.
fn looks_back(
    plan: &Plan,
    changed: &[Changed],
) -> std::collections::BTreeMap<crate::host::HostName, crate::host::Look> {
    let mut looks = looks(plan);
    for look in looks.values_mut() {
        (look.survey, look.headers) = (true, true);
        look.source_dirs.clear();
    }
    for (host, _, access) in plan.hosts() {
        let Some(look) = looks.get_mut(host) else { continue };
        look.jobs_in = Some(access.install.work_dir.join("jobs"));
    }
    for change in changed {
        let Some(look) = looks.get_mut(&change.host) else { continue };
        change.kept.iter().for_each(|file| push_new(&mut look.archives, file));
        if change.role == Role::Master {
            look.data_path.clone_from(&change.data_path);
        }
    }
    looks
}
