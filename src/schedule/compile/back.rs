//! `compile_back(plan, run, schedule of the run, what was seen) -> Schedule`: the way back, in the reverse order of an
//! upgrade, of what the run has changed and nothing else.
//!
//! A new chunkserver or mount does not work with an old master, and old ones work with a new one (run with 1.5.12 and 1.6.27): so
//! clients come first, then chunkservers one at a time (before
//! them those that are away already), then the metaloggers, which 1.5 does not know, and the master last.
//! The file system stays in use. Where no new master runs there is nothing to keep in use: then chunkservers go back at
//! once, the master starts, and clients are last.

use std::collections::HashMap;

use super::super::gate::Gate;
use super::super::model::{FORMAT, Known, Phase, Schedule, Stage, Step, StepId, Track, Wait};
use super::{AT_ONCE, Compiler, track};
use crate::check::back::{BackSeen, Changed, Daemon, Part, Written};
use crate::host::{AbsPath, HostName, MountArguments};
use crate::moosefs::daemon::Role;
use crate::plan::{ClientGroup, Mode, Plan};
use crate::step::{
    Action, Backup, Effect, FoldersBack, FoldersBackCommand, Mount, MountCommand, PutBack, PutBackCommand, Restore,
    RestoreCommand, Snapshot, SnapshotCommand, Start, StartCommand, Stop, StopCommand, Unmount,
};

const WHY_CLIENTS: &str = "a new mount does not work with an old master, an old one works with a new master: clients go \
     back first";
const WHY_STAGGER: &str = "an old chunkserver works with a new master, a new one does not with an old master; one at a \
     time, so that every chunk of goal 2 and up keeps a copy that can be read";
const WHY_AWAY: &str = "an old chunkserver works with a new master: first everything is there again, then the next is taken \
     away";
const WHY_AT_ONCE: &str = "no new master runs: no chunkserver serves anybody now";
const WHY_METALOGGERS: &str = "the old release has no metaloggers; they keep change logs until only the master is left";
const WHY_MASTER: &str = "the old master starts on exactly what the new one writes at a clean stop: on anything older it would \
     delete chunks that it does not know";

/// What a run began to change, by its schedule and by `begun`, which tells whether a step was begun or is done.
pub fn changed(schedule: &Schedule, begun: &dyn Fn(&StepId) -> bool) -> Vec<Changed> {
    let mut all: Vec<Changed> = Vec::new();
    for (_, track, step) in schedule.steps().filter(|(_, _, step)| begun(&step.id)) {
        let Some((role, prefix)) = concerns(&step.action) else { continue };
        let known = all.iter().position(|c| c.host == track.host && c.role == role);
        let at = match (known, prefix) {
            (Some(at), _) => at,
            (None, Some(prefix)) => {
                let (host, prefix) = (track.host.clone(), prefix.clone());
                let (kept, data_path, config, mounts) = (None, None, Vec::new(), Vec::new());
                let (ended, not_begun) = (false, Vec::new());
                all.push(Changed { host, role, prefix, kept, data_path, config, mounts, ended, not_begun });
                all.len() - 1
            }
            // what comes first on a host is its installation, which tells the prefix
            (None, None) => continue,
        };
        let change = &mut all[at];
        change.ended |= step.action.ends_the_master();
        if let Some(folder) = works_in(&step.action) {
            change.data_path = Some(folder.clone());
        }
        match &step.action {
            Action::Keep(keep) => change.kept = Some(keep.file.clone()),
            // an old master does not look at it
            Action::Configure(configure) if configure.file.as_str().ends_with("mfsexports.cfg") => {}
            Action::Configure(configure) => change.config.push(Written {
                file: configure.file.clone(),
                replaced: configure.command.replaces.clone(),
                beside: configure.command.beside.clone(),
            }),
            Action::Unmount(Unmount { mount, .. }) | Action::Mount(Mount { mount, .. }) => {
                let made = mounts_of(track).find(|arguments| arguments.mount_point == *mount);
                change.mounts.extend(made.filter(|arguments| !change.mounts.contains(arguments)).cloned());
            }
            // what is installed and started is told by the role alone
            Action::Install(_) | Action::Start(_) | Action::StopMaster(_) => {}
            // nothing runs of it, or it is of a way back
            Action::Copy(_)
            | Action::Build(_)
            | Action::Backup(_)
            | Action::Trial(_)
            | Action::Stop(_)
            | Action::Restore(_)
            | Action::PutBack(_)
            | Action::FoldersBack(_)
            | Action::ConfigureFound(_)
            | Action::RemountFound(_)
            | Action::Verify(_) => {}
        }
    }
    // a host of which nothing but a copy was made is as it was
    let touched = |c: &Changed| {
        schedule.steps().any(|(_, track, step)| {
            let keeps = matches!(step.action, Action::Keep(_));
            let role = concerns(&step.action).map(|(role, _)| role);
            track.host == c.host && !keeps && role == Some(c.role) && begun(&step.id)
        })
    };
    all.retain(touched);
    // a boot makes every mount of a host anew, with the programs that the run has installed
    for change in all.iter_mut().filter(|c| c.role == Role::Client) {
        let of_host = schedule.steps().filter(|(_, track, _)| track.host == change.host);
        let mounts = of_host.filter_map(|(_, _, step)| mounted(&step.action));
        change.not_begun.extend(mounts.filter(|arguments| !change.mounts.contains(arguments)).cloned());
    }
    // where a daemon works is as true of one that a boot has started from what was installed
    for change in all.iter_mut().filter(|c| c.data_path.is_none()) {
        let of_host = schedule.steps().filter(|(_, track, _)| track.host == change.host);
        let of_role = of_host.filter(|(_, _, s)| concerns(&s.action).is_some_and(|(role, _)| role == change.role));
        change.data_path = of_role.filter_map(|(_, _, s)| works_in(&s.action)).next().cloned();
    }
    all
}

/// The role of whose way back a step of an upgrade is a part, and the prefix where it tells one.
fn concerns(action: &Action) -> Option<(Role, Option<&AbsPath>)> {
    match action {
        Action::Install(install) => Some((install.role, Some(&install.prefix))),
        Action::Start(start) => Some((start.role, Some(&start.prefix))),
        Action::Keep(keep) => Some((keep.role, Some(&keep.command.prefix))),
        Action::StopMaster(stop) => Some((Role::Master, Some(&stop.prefix))),
        Action::Mount(mount) => Some((Role::Client, Some(&mount.prefix))),
        Action::Configure(configure) => Some((configure.role, None)),
        Action::Unmount(_) => Some((Role::Client, None)),
        // nothing runs of it
        Action::Copy(_)
        | Action::Build(_)
        | Action::Backup(_)
        | Action::Trial(_)
        | Action::ConfigureFound(_)
        | Action::RemountFound(_)
        | Action::Verify(_) => None,
        // a way back is not taken back
        Action::Stop(_) | Action::Restore(_) | Action::PutBack(_) | Action::FoldersBack(_) => None,
    }
}

/// Where the daemon works that a step starts or stops.
fn works_in(action: &Action) -> Option<&AbsPath> {
    match action {
        Action::StopMaster(stop) => stop.data_path.as_ref(),
        Action::Start(start) => start.data_path.as_ref(),
        _ => None,
    }
}

/// How the new release's mount is made that a step makes.
fn mounted(action: &Action) -> Option<&MountArguments> {
    match action.effect() {
        Effect::Mounts(Mount { command: MountCommand::Mount { arguments, .. }, .. }) => Some(arguments),
        _ => None,
    }
}

fn mounts_of(track: &Track) -> impl Iterator<Item = &MountArguments> {
    track.steps.iter().filter_map(|step| mounted(&step.action))
}

/// The way back of `run`, whose schedule was `upgrade`. What `seen` leaves open is refused before.
#[must_use]
pub fn compile_back(plan: &Plan, run: &str, upgrade: &Schedule, seen: &BackSeen) -> Schedule {
    let compiler = Compiler::new(plan, None, upgrade.line());
    let port = upgrade.steps().find_map(|(_, _, step)| step.action.listens_on());
    let mut back = Back { compiler, seen, chunkserver_port: port, order: Vec::new(), upgraded: 0, last: None };
    back.order = back.in_order();
    back.upgraded = plan.chunkservers.len() - back.restarted().len();
    let mut stages = Vec::new();
    if seen.new_master {
        stages.extend(back.chunkservers(|p| p.daemon == Daemon::Down));
        stages.extend(back.clients());
        stages.extend(back.chunkservers(|p| p.daemon != Daemon::Down));
    } else {
        stages.extend(back.chunkservers(|_| true));
    }
    stages.extend(back.metaloggers());
    stages.extend(back.master());
    if !seen.new_master {
        stages.extend(back.clients());
    }
    if !stages.is_empty() {
        stages.push(back.compiler.verify(back.compiler.line.way_back.tested));
    }
    Schedule {
        format: FORMAT,
        from: plan.upgrade.to.clone(),
        to: plan.upgrade.from.clone(),
        mode: if seen.new_master { Mode::Rolling } else { Mode::FullStop },
        observed: true,
        admin_port: upgrade.admin_port,
        admin_address: seen.admin_address.or(upgrade.admin_address),
        hosts: upgrade.hosts.clone(),
        chunkservers: back.known(upgrade),
        clients: upgrade.clients.clone(),
        stages,
        least_s: back.compiler.clock,
        greatest_s: back.compiler.greatest,
        baseline: Some(seen.baseline.clone()),
        accept_lost: plan.upgrade.accept_lost,
        window: plan.window.clone(),
        back_of: Some(run.to_owned()),
    }
}

struct Back<'a> {
    compiler: Compiler<'a>,
    seen: &'a BackSeen,
    /// The master's port for chunkservers, where it is not the default.
    chunkserver_port: Option<u16>,
    /// The parts in the order in which they go back.
    order: Vec<&'a Part>,
    /// Chunkservers in the old release so far.
    upgraded: usize,
    /// The start of the last chunkserver.
    last: Option<StepId>,
}

impl<'a> Back<'a> {
    fn of(&self, role: Role) -> Vec<&'a Part> {
        let mut parts: Vec<&Part> = self.seen.parts.iter().filter(|p| p.changed.role == role).collect();
        // one that is away already comes before one that serves
        parts.sort_by_key(|p| p.daemon == Daemon::New);
        parts
    }

    fn in_order(&self) -> Vec<&'a Part> {
        let clients = self.of(Role::Client);
        let (away, servers): (Vec<_>, Vec<_>) =
            self.of(Role::Chunkserver).into_iter().partition(|p| p.daemon == Daemon::Down);
        let (first, last) = if self.seen.new_master { (clients, Vec::new()) } else { (Vec::new(), clients) };
        let daemons = [Role::Metalogger, Role::Master].into_iter().flat_map(|r| self.of(r));
        away.into_iter().chain(first).chain(servers).chain(daemons).chain(last).collect()
    }

    /// The chunkservers as gates count them: those that never left the old release, then the others in their order.
    fn known(&self, upgrade: &Schedule) -> Vec<Known> {
        let later: Vec<&HostName> = self.restarted().iter().map(|p| &p.changed.host).collect();
        let of = |host: &&HostName| upgrade.chunkservers.iter().find(|k| k.host == **host).cloned();
        let first = upgrade.chunkservers.iter().filter(|k| !later.contains(&&k.host)).cloned();
        first.chain(later.iter().filter_map(of)).collect()
    }

    /// The chunkservers that are stopped and started.
    fn restarted(&self) -> Vec<&'a Part> {
        self.of(Role::Chunkserver).into_iter().filter(|p| p.daemon != Daemon::Old).collect()
    }

    /// The programs of a role. What belongs to no role comes back with the last part of a host: until then another daemon
    /// must be stopped with the new release's own program.
    fn restore(&self, phase: Phase, part: &Part) -> Option<Step> {
        let Changed { host, role, prefix, kept, .. } = &part.changed;
        let file = kept.clone().filter(|_| part.programs)?;
        let here = |p: &&&Part| p.changed.host == *host && p.changed.prefix == *prefix && p.programs;
        let last = self.order.iter().rfind(here).is_some_and(|last| std::ptr::eq(*last, part));
        let mut only = Vec::new();
        if !last {
            only.push(role.path_in_prefix().to_owned());
            only.extend((*role == Role::Master).then(|| "sbin/mfsmetarestore".to_owned()));
            if *role == Role::Metalogger {
                return None;
            }
        }
        let command = RestoreCommand { prefix: prefix.clone(), file, only };
        let action = Action::Restore(Restore { role: *role, prefix: prefix.clone(), command });
        Some(self.compiler.step(format!("{phase}/{host}/restore"), action))
    }

    fn stop(&self, phase: Phase, part: &Part) -> Option<Step> {
        let Changed { host, role, prefix, data_path, .. } = &part.changed;
        let release = self.compiler.plan.upgrade.to.clone();
        let patience = self.compiler.line.takeover_patience(&release);
        let command = StopCommand { role: *role, prefix: prefix.clone(), patience };
        let (prefix, data_path) = (prefix.clone(), data_path.clone());
        let chunkserver_port = self.chunkserver_port.filter(|_| *role == Role::Master);
        let kept = part.changed.kept.clone().filter(|_| part.programs && *role != Role::Metalogger);
        let action = Action::Stop(Stop { role: *role, prefix, release, kept, data_path, chunkserver_port, command });
        // one that is down shows that it is; a master that is down shows what it left
        (part.daemon == Daemon::New || (*role == Role::Master && part.daemon == Daemon::Down))
            .then(|| self.compiler.step(format!("{phase}/{host}/stop"), action))
    }

    fn configuration(&self, phase: Phase, part: &Part) -> Vec<Step> {
        let Changed { host, role, .. } = &part.changed;
        let to = &self.compiler.plan.upgrade.to;
        let step = |written: &Written| {
            let Written { file, replaced, beside } = written;
            let aside = AbsPath::new(&format!("{file}.mfs-{to}")).expect("a path and plain letters");
            let beside = replaced.is_some().then(|| beside.clone());
            let command = PutBackCommand { file: file.clone(), beside, aside };
            let name = file.as_str().rsplit('/').next().unwrap_or_default();
            let action =
                Action::PutBack(PutBack { role: *role, file: file.clone(), sha256: replaced.clone(), command });
            self.compiler.step(format!("{phase}/{host}/put-back:{name}"), action)
        };
        part.changed.config.iter().map(step).collect()
    }

    fn start(&self, phase: Phase, part: &Part) -> Option<Step> {
        let Changed { host, role, prefix, data_path, .. } = &part.changed;
        let command = StartCommand::StartOld { role: *role, prefix: prefix.clone() };
        let (prefix, data_path) = (prefix.clone(), data_path.clone());
        let chunkserver_port = self.chunkserver_port.filter(|_| *role == Role::Master);
        let action = Action::Start(Start { role: *role, prefix, data_path, chunkserver_port, command });
        (part.daemon != Daemon::Old).then(|| self.compiler.step(format!("{phase}/{host}/start"), action))
    }

    /// Everything of a daemon, in its order. A pause would leave it away.
    fn daemon(&self, phase: Phase, part: &Part) -> Vec<Step> {
        let mut steps: Vec<Step> = self.stop(phase, part).into_iter().chain(self.restore(phase, part)).collect();
        steps.extend(self.configuration(phase, part));
        if !part.disks.is_empty() {
            let disks = part.disks.clone();
            let action =
                Action::FoldersBack(FoldersBack { command: FoldersBackCommand { disks: disks.clone() }, disks });
            steps.push(self.compiler.step(format!("{phase}/{}/folders-back", part.changed.host), action));
        }
        if part.changed.role != Role::Metalogger {
            steps.extend(self.start(phase, part));
        }
        steps.iter_mut().skip(1).for_each(|step| step.pause_before = false);
        steps
    }

    fn chunkservers(&mut self, which: fn(&Part) -> bool) -> Option<Stage> {
        let parts: Vec<_> = self.of(Role::Chunkserver).into_iter().filter(|p| which(p)).collect();
        if parts.is_empty() {
            return None;
        }
        let (in_use, stagger) = (self.seen.new_master, self.compiler.plan.upgrade.stagger);
        let away = parts.iter().all(|p| p.daemon == Daemon::Down);
        let mut tracks: Vec<Track> = Vec::new();
        for part in parts {
            let mut track = track(&part.changed.host, self.daemon(Phase::Chunkservers, part));
            if in_use && part.daemon == Daemon::New {
                let mut left_s = self.compiler.until();
                if let Some(after) = self.last.take() {
                    let (least_s, greatest_s) = (stagger.least.as_secs(), stagger.greatest.as_secs());
                    self.compiler.clock += least_s;
                    self.compiler.greatest += greatest_s;
                    track.wait = Some(Wait::Stagger { after, least_s, greatest_s });
                    left_s = (greatest_s - least_s).max(self.compiler.line.waits.least_gate.as_secs());
                }
                track.gate = Some(Gate::Healthy { upgraded: self.upgraded, greatest_s: left_s });
            }
            if let Some(start) = track.steps.last_mut().filter(|_| part.daemon != Daemon::Old) {
                if in_use {
                    start.afterwards = Some(Gate::ChunkserverBack { greatest_s: self.compiler.until() });
                }
                self.last = Some(start.id.clone());
                self.upgraded += 1;
            }
            tracks.push(track);
        }
        let (title, why, parallel) = if in_use && away {
            ("Bring back the chunkservers that are away", WHY_AWAY, 1)
        } else if in_use {
            ("Bring the chunkservers back, one at a time", WHY_STAGGER, 1)
        } else {
            ("Bring the chunkservers back, all at once", WHY_AT_ONCE, AT_ONCE)
        };
        Some(stage(Phase::Chunkservers, title, why, parallel, tracks))
    }

    fn metaloggers(&mut self) -> Option<Stage> {
        let parts = self.of(Role::Metalogger);
        let tracks = parts.iter().map(|p| track(&p.changed.host, self.daemon(Phase::Metaloggers, p)));
        let tracks: Vec<Track> = tracks.filter(|t| !t.steps.is_empty()).collect();
        (!tracks.is_empty()).then(|| stage(Phase::Metaloggers, "Stop the metaloggers", WHY_METALOGGERS, 1, tracks))
    }

    fn master(&mut self) -> Option<Stage> {
        let part = *self.of(Role::Master).first()?;
        let mut steps = Vec::new();
        // one that is down may come up by itself before its turn, as after a boot: then there is something to copy
        if part.daemon != Daemon::Old {
            steps.extend(self.backup(part));
        }
        steps.extend(self.daemon(Phase::Master, part));
        let greatest_s = self.compiler.until();
        if let Some(start) = steps.last_mut().filter(|s| matches!(s.action.effect(), Effect::Starts(_))) {
            start.afterwards = Some(Gate::MasterServes { greatest_s });
        }
        let all = self.compiler.plan.chunkservers.len();
        let mut track = track(&part.changed.host, steps);
        if self.seen.new_master && part.daemon == Daemon::New {
            track.gate = Some(Gate::Serving { upgraded: all, mounts: true, greatest_s: self.compiler.until() });
        }
        let title = "Bring the master back: the new one is stopped, the old one starts on what it wrote";
        Some(stage(Phase::Master, title, WHY_MASTER, 1, vec![track]))
    }

    /// A copy of the metadata as the new master has it.
    fn backup(&self, part: &Part) -> Option<Step> {
        let upgrade = &self.compiler.plan.upgrade;
        let install = &self.compiler.plan.master.access.install;
        let folder = install.work(&upgrade.from, &upgrade.to).join("metadata-before-the-way-back");
        let snapshot = Snapshot {
            from: upgrade.to.clone(),
            data_path: part.changed.data_path.clone()?,
            configuration: Vec::new(),
            metarestore: install.prefix.join("sbin/mfsmetarestore"),
            folder: folder.clone(),
        };
        let action = Action::Backup(Backup { folder, command: SnapshotCommand::Snapshot(snapshot) });
        Some(self.compiler.step(format!("{}/{}/copy", Phase::Master, part.changed.host), action))
    }

    fn clients(&mut self) -> Vec<Stage> {
        let parts: HashMap<&HostName, &Part> =
            self.of(Role::Client).into_iter().map(|p| (&p.changed.host, p)).collect();
        let upgraded = self.upgraded;
        let mut stages = Vec::new();
        for group in &self.compiler.plan.clients {
            let tracks: Vec<Track> =
                group.hosts.iter().filter_map(|h| parts.get(h)).map(|part| self.client(group, part)).collect();
            if tracks.is_empty() {
                continue;
            }
            let mut stage = stage(
                Phase::Clients,
                "Bring the clients back: tools and mfsmount, then remount",
                WHY_CLIENTS,
                group.parallel,
                tracks,
            );
            stage.gate = Some(Gate::Serving { upgraded, mounts: false, greatest_s: self.compiler.until() });
            self.compiler.greatest +=
                self.compiler.line.waits.back.as_secs() * stage.tracks.len().div_ceil(group.parallel) as u64;
            stages.push(stage);
        }
        stages
    }

    fn client(&self, group: &ClientGroup, part: &Part) -> Track {
        let mut steps: Vec<Step> = self.restore(Phase::Clients, part).into_iter().collect();
        for (arguments, mounted) in &part.mounts {
            steps.extend(self.remount(group, part, arguments, *mounted));
        }
        track(&part.changed.host, steps)
    }

    fn remount(&self, group: &ClientGroup, part: &Part, arguments: &MountArguments, mounted: bool) -> Vec<Step> {
        let Changed { host, prefix, .. } = &part.changed;
        let mount = arguments.mount_point.clone();
        let id = |what: &str| format!("{}/{host}/{what}:{mount}", Phase::Clients);
        let unmount = super::unmount(group, &mount);
        let (prefix, empty) = (prefix.clone(), arguments.wants_empty());
        let command = MountCommand::MountOld { prefix: prefix.clone(), arguments: arguments.clone() };
        let mut remount =
            self.compiler.step(id("mount"), Action::Mount(Mount { mount: mount.clone(), prefix, empty, command }));
        remount.pause_before = !mounted;
        let mut steps: Vec<Step> = mounted.then(|| self.compiler.step(id("unmount"), unmount)).into_iter().collect();
        remount.afterwards = Some(Gate::MountSeen { mount, greatest_s: self.compiler.line.waits.back.as_secs() });
        steps.push(remount);
        steps
    }
}

fn stage(phase: Phase, title: &str, why: &str, parallel: usize, tracks: Vec<Track>) -> Stage {
    Stage { phase, title: title.to_owned(), why: why.to_owned(), wait: None, gate: None, parallel, tracks }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Baseline;
    use std::path::Path;

    const PLAN: &str = "[upgrade]\nfrom = \"1.5.12\"\nto = \"1.6.27\"\n[install]\nsource_dir = \"/usr/src/mfs\"\n\
        [master]\nhost = \"m\"\n[[chunkservers]]\nhosts = [\"b\", \"m\"]\n[[clients]]\nhosts = [\"b\", \"c\"]\n";

    /// What a run over `PLAN` changed on these hosts, everywhere in the new release now.
    fn seen(plan: &Plan, hosts: &[&str], new_master: bool) -> (Schedule, BackSeen) {
        let upgrade = super::super::compile(plan, None, plan.line());
        let changed = changed(&upgrade, &|_| true).into_iter().filter(|c| hosts.contains(&c.host.as_str()));
        let part = |changed: Changed| {
            let disks = if changed.role == Role::Chunkserver { vec![AbsPath::new("/d").unwrap()] } else { Vec::new() };
            let down = changed.role == Role::Master && !new_master;
            let daemon = if down { Daemon::Down } else { Daemon::New };
            Part { changed, daemon, programs: true, disks, mounts: Vec::new() }
        };
        let parts = changed.map(part).collect();
        (upgrade, BackSeen { baseline: Baseline::default(), admin_address: None, new_master, parts })
    }

    fn ids(schedule: &Schedule) -> Vec<&str> {
        schedule.steps().map(|(_, _, step)| step.id.0.as_ref()).collect()
    }

    #[test]
    fn the_order_is_reversed_and_daemons_are_stopped_before_their_programs_go() {
        let plan = Plan::parse(PLAN, Path::new("test.toml"), Path::new("/")).unwrap();
        let (upgrade, seen) = seen(&plan, &["m", "b", "c"], true);
        let back = compile_back(&plan, "run", &upgrade, &seen);
        assert_eq!(
            ids(&back),
            [
                "clients/b/restore",
                "clients/c/restore",
                "chunkservers/b/stop",
                "chunkservers/b/restore",
                "chunkservers/b/folders-back",
                "chunkservers/b/start",
                "chunkservers/m/stop",
                "chunkservers/m/restore",
                "chunkservers/m/folders-back",
                "chunkservers/m/start",
                "master/m/stop",
                "master/m/restore",
                "master/m/start",
                "verify"
            ]
        );
        assert_eq!(back.least_s, 300, "one stagger between two chunkservers");
        // what still runs on a host of two roles is stopped with its own program later
        let script = |id: &str| back.steps().find(|(_, _, s)| s.id.0.as_ref() == id).unwrap().2.commands[0].clone();
        assert!(script("clients/b/restore").ends_with(" bin/mfsmount"));
        assert!(script("chunkservers/m/restore").ends_with(" sbin/mfschunkserver"));
        assert!(script("chunkservers/b/restore").contains("rm -f"), "the last of a host brings everything back");
        assert_eq!(script("master/m/start"), "/usr/local/sbin/mfsmaster", "1.5 knows no safe option");
        assert!(back.is_back() && back.digest() != upgrade.digest());
    }

    #[test]
    fn a_master_is_looked_for_on_the_port_for_chunkservers_that_the_upgrade_knew() {
        let plan = Plan::parse(PLAN, Path::new("test.toml"), Path::new("/")).unwrap();
        let (mut upgrade, seen) = seen(&plan, &["m", "b", "c"], true);
        let steps = upgrade.stages.iter_mut().flat_map(|s| &mut s.tracks).flat_map(|t| &mut t.steps);
        for step in steps {
            if let Action::Start(Start { role: Role::Master, chunkserver_port, .. }) = &mut step.action {
                *chunkserver_port = Some(9520);
            }
        }
        let back = compile_back(&plan, "run", &upgrade, &seen);
        let on = |port| back.steps().filter(|(_, _, s)| s.action.chunkserver_port() == port).count();
        assert_eq!((on(9520), on(9420)), (2, 12), "the master's stop and start");
    }

    #[test]
    fn hosts_that_were_not_changed_have_no_step_and_count_as_old() {
        let plan = Plan::parse(PLAN, Path::new("test.toml"), Path::new("/")).unwrap();
        let (upgrade, mut seen) = seen(&plan, &["m"], true);
        seen.parts.retain(|p| p.changed.role == Role::Chunkserver);
        let back = compile_back(&plan, "run", &upgrade, &seen);
        let servers: Vec<_> = back.chunkservers.iter().map(|k| k.host.as_str()).collect();
        assert_eq!(servers, ["b", "m"], "those that are old come first in the order that gates count");
        let gate = back.stages[0].tracks[0].gate.clone();
        assert!(matches!(gate, Some(Gate::Healthy { upgraded: 1, .. })), "{gate:?}");
        let nothing = BackSeen { parts: Vec::new(), ..seen };
        assert!(compile_back(&plan, "run", &upgrade, &nothing).stages.is_empty());
    }

    #[test]
    fn a_chunkserver_that_is_away_comes_before_everything_else() {
        let plan = Plan::parse(PLAN, Path::new("test.toml"), Path::new("/")).unwrap();
        let (upgrade, mut seen) = seen(&plan, &["m", "b", "c"], true);
        for part in
            seen.parts.iter_mut().filter(|p| p.changed.role == Role::Chunkserver && p.changed.host.as_str() == "m")
        {
            part.daemon = Daemon::Down;
        }
        let back = compile_back(&plan, "run", &upgrade, &seen);
        let phases: Vec<_> = back.stages.iter().map(|s| s.phase).collect();
        let servers = Phase::Chunkservers;
        assert_eq!(phases, [servers, Phase::Clients, servers, Phase::Master, Phase::Verify]);
        assert!(back.stages[0].tracks[0].gate.is_none(), "nothing is asked for before one that is away comes back");
        assert!(matches!(back.stages[1].gate, Some(Gate::Serving { upgraded: 1, .. })));
        let next = &back.stages[2].tracks[0];
        assert!(matches!(next.gate, Some(Gate::Healthy { upgraded: 1, .. })) && next.wait.is_some());
        let servers: Vec<_> = back.chunkservers.iter().map(|k| k.host.as_str()).collect();
        assert_eq!(servers, ["m", "b"]);
    }

    #[test]
    fn with_the_master_down_nothing_is_waited_for_and_clients_are_last() {
        let plan = Plan::parse(PLAN, Path::new("test.toml"), Path::new("/")).unwrap();
        let (upgrade, seen) = seen(&plan, &["m", "b", "c"], false);
        let back = compile_back(&plan, "run", &upgrade, &seen);
        let phases: Vec<_> = back.stages.iter().map(|s| (s.phase, s.gate.is_some())).collect();
        let expected =
            [(Phase::Chunkservers, false), (Phase::Master, false), (Phase::Clients, true), (Phase::Verify, false)];
        assert_eq!((phases.as_slice(), back.least_s), (&expected[..], 0));
        assert!(back.stages[0].tracks.iter().all(|t| t.gate.is_none() && t.wait.is_none()));
    }

    #[test]
    fn what_was_only_kept_is_not_changed() {
        let plan = Plan::parse(PLAN, Path::new("test.toml"), Path::new("/")).unwrap();
        let upgrade = super::super::compile(&plan, None, plan.line());
        assert_eq!(changed(&upgrade, &|step| step.0.ends_with("/keep") || step.0.starts_with("backup")), []);
        let installed = changed(&upgrade, &|step| step.0.starts_with("master/m/"));
        assert_eq!(installed.len(), 1);
        assert!(installed[0].kept.is_some());
    }
}
