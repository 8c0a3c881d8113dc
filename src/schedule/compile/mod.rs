//! `compile(plan, observation, line) -> Schedule`: the order and waits of a line, written out for one cluster.

pub mod back;
mod prepare;
mod steps;
mod unseen;

use std::collections::HashMap;
use std::sync::Arc;

use semver::Version;

use super::gate::Gate;
use super::model::{FORMAT, Host, Known, Phase, Schedule, Stage, Step, StepId, Track, Wait};
use crate::check::Observation;
use crate::host::{AbsPath, HostName, MountArguments};
use crate::moosefs::daemon::Role;
use crate::plan::{Access, ClientGroup, Mode, Plan};
use crate::rules::Line;
use crate::step::{Action, Mount, MountCommand, StopMaster, StopMasterCommand, Unmount, UnmountCommand, Verify};

const WHY_STAYS: &str = "a full-stop stops the old master; a new one serves old and new chunkservers, so that the file system need not \
     stand still";
const WHY_AT_ONCE_UNDER_NEW: &str = "the plan's full-stop restarts them together; reads and writes wait until they are back, and no wait \
     before a master's start is needed";

/// Hosts worked on at the same time where a rule asks for all at once: enough for any cluster of this line, and bounded,
/// since a held connection costs a process and six file descriptors here.
const AT_ONCE: usize = 64;

/// The schedule for `plan` on `line`. Without an observation, what only the cluster can tell is marked as such.
#[must_use]
pub fn compile(plan: &Plan, observation: Option<&Observation>, line: &'static Line) -> Schedule {
    let mut compiler = Compiler::new(plan, observation, line);
    let stages = match plan.upgrade.mode {
        Mode::Rolling => compiler.rolling(),
        Mode::FullStop => compiler.full_stop(),
    };
    Schedule {
        format: FORMAT,
        from: plan.upgrade.from.clone(),
        to: plan.upgrade.to.clone(),
        mode: plan.upgrade.mode,
        observed: observation.is_some(),
        admin_port: plan.master.admin_port,
        admin_address: observation.map(|o| o.master.admin_address),
        hosts: identified(hosts(plan), observation),
        chunkservers: chunkservers(plan, observation),
        clients: clients(plan, observation),
        stages,
        least_s: compiler.clock,
        greatest_s: compiler.greatest,
        baseline: observation.map(|o| o.baseline.clone()),
        accept_lost: plan.upgrade.accept_lost,
        window: plan.window.clone(),
        back_of: None,
    }
}

/// Every host once, in the plan's order, with all of its roles.
fn hosts(plan: &Plan) -> Vec<Host> {
    let mut hosts: Vec<Host> = Vec::new();
    let mut index: HashMap<HostName, usize> = HashMap::new();
    let mut add = |name: &HostName, role, access: &Access| {
        let at = *index.entry(name.clone()).or_insert_with(|| {
            hosts.push(Host {
                name: name.clone(),
                roles: Vec::new(),
                r#become: access.ssh.r#become,
                work_dir: access.install.work_dir.clone(),
                identity: None,
            });
            hosts.len() - 1
        });
        hosts[at].roles.push(role);
    };
    for (host, role, access) in plan.hosts() {
        add(host, role, access);
    }
    hosts
}

/// With what each said of itself.
fn identified(mut hosts: Vec<Host>, observation: Option<&Observation>) -> Vec<Host> {
    for host in &mut hosts {
        host.identity = observation.and_then(|o| o.machines.get(&host.name)).cloned();
    }
    hosts
}

fn chunkservers(plan: &Plan, observation: Option<&Observation>) -> Vec<Known> {
    let seen = |host: &HostName| observation.and_then(|o| o.chunkservers.get(host)).map(|s| s.address);
    let known = plan.chunkservers.iter().map(|s| (s.host.clone(), s.address.or_else(|| seen(&s.host))));
    known.map(|(host, address)| Known { host, address }).collect()
}

fn clients(plan: &Plan, observation: Option<&Observation>) -> Vec<Known> {
    let seen = |host: &HostName| observation.and_then(|o| o.clients.get(host)).map(|c| c.address);
    let hosts = plan.clients.iter().flat_map(|group| &group.hosts);
    hosts.map(|host| Known { host: host.clone(), address: seen(host) }).collect()
}

struct Compiler<'a> {
    plan: &'a Plan,
    observation: Option<&'a Observation>,
    line: &'static Line,
    /// Least seconds so far.
    clock: u64,
    /// Greatest seconds so far.
    greatest: u64,
    /// What each host is, and where that is installed.
    roles: HashMap<&'a HostName, Vec<(Role, &'a AbsPath)>>,
}

impl<'a> Compiler<'a> {
    fn new(plan: &'a Plan, observation: Option<&'a Observation>, line: &'static Line) -> Self {
        let mut roles: HashMap<&HostName, Vec<(Role, &AbsPath)>> = HashMap::new();
        for (host, role, access) in plan.hosts() {
            roles.entry(host).or_default().push((role, &access.install.prefix));
        }
        Self { plan, observation, line, clock: 0, greatest: 0, roles }
    }
}

impl Compiler<'_> {
    fn rolling(&mut self) -> Vec<Stage> {
        let mut stages = self.before();
        stages.push(self.master_takeover());
        stages.extend(self.metaloggers());
        stages.push(self.chunkservers_one_by_one());
        stages.extend(self.clients());
        stages.push(self.verify(self.line.waits.healed));
        stages
    }

    fn full_stop(&mut self) -> Vec<Stage> {
        let mut stages = self.before();
        stages.push(self.chunkservers_kept());
        if self.is_new(&self.plan.master.host, Role::Master) {
            stages.extend([self.master_stays(), self.chunkservers_at_once()]);
        } else {
            stages.extend([self.master_stop(), self.chunkservers_at_once()]);
            stages.push(self.master_start(stages.len() - 1));
        }
        stages.extend(self.metaloggers());
        stages.extend(self.clients());
        stages.push(self.verify(self.line.waits.healed));
        stages
    }

    /// A track for the daemon or the mounts of `role`, which may run in the new release already.
    fn of_daemon(&self, host: &HostName, role: Role, steps: Vec<Step>) -> Track {
        Track { seen: self.seen(host, &[role], "nothing will be taken down"), ..track(host, steps) }
    }

    /// What makes the steps of a host that is all of `roles` look unneeded.
    fn seen(&self, host: &HostName, roles: &[Role], follows: &str) -> Option<String> {
        let to = &self.plan.upgrade.to;
        let is_new = |role: &Role| self.is_new(host, *role);
        (!roles.is_empty() && roles.iter().all(is_new)).then(|| format!("runs {to} already: {follows}"))
    }

    /// Whether the daemon or the mounts of `role` were seen to be of the new release already.
    fn is_new(&self, host: &HostName, role: Role) -> bool {
        match role {
            Role::Client => self.observation.and_then(|o| o.clients.get(host)).is_some_and(|c| c.upgraded),
            role => self.running(host, role) == Some(&self.plan.upgrade.to),
        }
    }

    /// The release of the daemon of `role`, as far as it was seen.
    fn running(&self, host: &HostName, role: Role) -> Option<&Version> {
        self.observation.and_then(|o| match role {
            Role::Master => Some(&o.master.version),
            Role::Metalogger => o.metaloggers.get(host)?.version.as_ref(),
            Role::Chunkserver => o.chunkservers.get(host).map(|s| &s.version),
            Role::Client => None,
        })
    }

    /// What is done before anything is stopped.
    fn before(&self) -> Vec<Stage> {
        self.prepare().into_iter().chain([self.backup()]).collect()
    }

    /// A gate's time, added to the greatest total.
    fn until(&mut self) -> u64 {
        let greatest = self.line.waits.back.as_secs();
        self.greatest += greatest;
        greatest
    }

    fn master_takeover(&mut self) -> Stage {
        let master = &self.plan.master;
        let mut steps = self.put_in(Phase::Master, &master.host, Role::Master, &master.access);
        steps.extend(self.trial_after_install());
        let mut start = self.start(Phase::Master, &master.host, Role::Master, &master.access);
        start.afterwards = Some(Gate::MasterServes { greatest_s: self.until() });
        steps.push(start);
        Stage {
            phase: Phase::Master,
            title: "Upgrade the master: the new one takes over from the old".to_owned(),
            why: self.line.why.rolling.to_owned(),
            wait: None,
            gate: None,
            parallel: 1,
            tracks: vec![self.of_daemon(&master.host, Role::Master, steps)],
        }
    }

    /// A full-stop stops the old master alone: a new one serves old chunkservers and new ones, and to stop it would be an outage
    /// for nothing. A host whose old master has come back until then is taken over.
    fn master_stays(&mut self) -> Stage {
        let title = format!("The master runs {} already: it is not stopped", self.plan.upgrade.to);
        Stage { title, why: WHY_STAYS.to_owned(), ..self.master_takeover() }
    }

    fn chunkservers_one_by_one(&mut self) -> Stage {
        let stagger = self.plan.upgrade.stagger;
        let first = Gate::Healthy { upgraded: 0, greatest_s: self.until() };
        let mut tracks: Vec<Track> = Vec::with_capacity(self.plan.chunkservers.len());
        let mut last: Option<StepId> = None;
        for (at, server) in self.plan.chunkservers.iter().enumerate() {
            let (mut wait, mut gate) = (None, None);
            if let Some(after) = last {
                let (least_s, greatest_s) = (stagger.least.as_secs(), stagger.greatest.as_secs());
                self.clock += least_s;
                self.greatest += greatest_s;
                wait = Some(Wait::Stagger { after, least_s, greatest_s });
                let left_s = (greatest_s - least_s).max(self.line.waits.least_gate.as_secs());
                gate = Some(Gate::Healthy { upgraded: at, greatest_s: left_s });
            }
            let mut steps = self.put_in(Phase::Chunkservers, &server.host, Role::Chunkserver, &server.access);
            let mut start = self.start(Phase::Chunkservers, &server.host, Role::Chunkserver, &server.access);
            start.afterwards = Some(Gate::ChunkserverBack { greatest_s: self.until() });
            last = Some(start.id.clone());
            steps.push(start);
            tracks.push(Track { wait, gate, ..self.of_daemon(&server.host, Role::Chunkserver, steps) });
        }
        Stage {
            phase: Phase::Chunkservers,
            title: "Upgrade the chunkservers, one at a time".to_owned(),
            why: self.line.why.stagger.to_owned(),
            wait: None,
            gate: Some(first),
            parallel: 1,
            tracks,
        }
    }

    fn master_stop(&mut self) -> Stage {
        let master = &self.plan.master;
        let mut steps = self.put_in(Phase::Master, &master.host, Role::Master, &master.access);
        steps.extend(self.trial_after_install());
        let prefix = master.access.install.prefix.clone();
        let command =
            StopMasterCommand { prefix: prefix.clone(), patience: self.line.takeover_patience(&self.plan.upgrade.to) };
        let data_path = self.observation.map(|o| o.master.data_path.clone());
        let chunkserver_port = self.observation.and_then(|o| o.master.chunkserver_port);
        let action = Action::StopMaster(StopMaster { prefix, data_path, chunkserver_port, command });
        let stop = self.step(format!("{}/{}/stop", Phase::Master, master.host), action);
        steps.push(stop);
        Stage {
            phase: Phase::Master,
            title: "Install on the master and stop it: the outage starts here".to_owned(),
            why: self.line.why.at_once.to_owned(),
            wait: None,
            gate: None,
            parallel: 1,
            tracks: vec![self.of_daemon(&master.host, Role::Master, steps)],
        }
    }

    /// Steps that can fail run before the outage starts.
    fn chunkservers_kept(&self) -> Stage {
        let tracks = self.plan.chunkservers.iter().map(|server| {
            let keep = self.keep(Phase::Chunkservers, &server.host, Role::Chunkserver, &server.access);
            self.of_daemon(&server.host, Role::Chunkserver, vec![keep])
        });
        Stage {
            phase: Phase::Chunkservers,
            title: "Keep what the chunkservers' installation replaces, while everything still runs".to_owned(),
            why: "steps that can fail run before the outage starts".to_owned(),
            wait: None,
            gate: None,
            parallel: AT_ONCE,
            tracks: tracks.collect(),
        }
    }

    fn chunkservers_at_once(&mut self) -> Stage {
        let stays = self.is_new(&self.plan.master.host, Role::Master);
        let tracks = self.plan.chunkservers.iter().map(|server| {
            let mut steps = self.put_in_kept(Phase::Chunkservers, &server.host, Role::Chunkserver, &server.access);
            steps.push(self.start(Phase::Chunkservers, &server.host, Role::Chunkserver, &server.access));
            // the file system stands still: a pause here would be an outage that nobody watches
            steps.iter_mut().for_each(|s| s.pause_before = stays);
            self.of_daemon(&server.host, Role::Chunkserver, steps)
        });
        let all_new = self.plan.chunkservers.iter().all(|server| self.is_new(&server.host, Role::Chunkserver));
        let (title, why) = match (stays, all_new) {
            (true, true) => ("The chunkservers run the new release already: none is restarted", WHY_STAYS),
            (true, false) => {
                ("Upgrade the chunkservers, all at once, while the new master runs", WHY_AT_ONCE_UNDER_NEW)
            }
            (false, _) => ("Upgrade the chunkservers, all at once", self.line.why.at_once),
        };
        Stage {
            phase: Phase::Chunkservers,
            title: title.to_owned(),
            why: why.to_owned(),
            wait: None,
            gate: None,
            parallel: AT_ONCE,
            tracks: tracks.collect(),
        }
    }

    fn master_start(&mut self, chunkservers: usize) -> Stage {
        let least_s = self.plan.upgrade.master_wait.as_secs();
        self.clock += least_s;
        self.greatest += least_s;
        let master = &self.plan.master;
        let mut start = self.start(Phase::Master, &master.host, Role::Master, &master.access);
        start.pause_before = false;
        start.afterwards = Some(Gate::MasterServes { greatest_s: self.until() });
        Stage {
            phase: Phase::Master,
            title: "Start the new master: the file system moves again".to_owned(),
            why: self.line.why.master_wait.to_owned(),
            wait: Some(Wait::MasterWait { after_stage: chunkservers, least_s }),
            gate: None,
            parallel: 1,
            tracks: vec![self.of_daemon(&master.host, Role::Master, vec![start])],
        }
    }

    /// After the new master, which is the first to know them (1.6.5), and before the chunkservers: from then on nobody else
    /// keeps change logs.
    fn metaloggers(&mut self) -> Option<Stage> {
        let mut tracks = Vec::new();
        for (at, logger) in self.plan.metaloggers.iter().enumerate() {
            let mut steps = self.put_in(Phase::Metaloggers, &logger.host, Role::Metalogger, &logger.access);
            let mut start = self.start(Phase::Metaloggers, &logger.host, Role::Metalogger, &logger.access);
            start.afterwards = Some(Gate::MetaloggerSeen { started: at + 1, greatest_s: self.until() });
            steps.push(start);
            tracks.push(self.of_daemon(&logger.host, Role::Metalogger, steps));
        }
        (!tracks.is_empty()).then(|| Stage {
            phase: Phase::Metaloggers,
            title: "Upgrade or set up the metaloggers".to_owned(),
            why: self.line.why.metaloggers.to_owned(),
            wait: None,
            gate: None,
            parallel: 1,
            tracks,
        })
    }

    fn clients(&mut self) -> Vec<Stage> {
        let all = self.plan.chunkservers.len();
        let groups = &self.plan.clients;
        groups
            .iter()
            .enumerate()
            .map(|(at, group)| {
                let gate = Gate::Serving { upgraded: all, mounts: false, greatest_s: self.until() };
                let tracks = group.hosts.iter().map(|host| self.client(group, host)).collect();
                let each = self.line.waits.back.as_secs() + group.busy.patience_s();
                self.greatest += each * group.hosts.len().div_ceil(group.parallel) as u64;
                let part =
                    if groups.len() > 1 { format!(" (section {} of {})", at + 1, groups.len()) } else { String::new() };
                Stage {
                    phase: Phase::Clients,
                    title: format!("Upgrade the clients: tools and mfsmount first, then remount{part}"),
                    why: self.line.why.clients.to_owned(),
                    wait: None,
                    gate: Some(gate),
                    parallel: group.parallel,
                    tracks,
                }
            })
            .collect()
    }

    fn client(&self, group: &ClientGroup, host: &HostName) -> Track {
        let mut steps = self.put_in(Phase::Clients, host, Role::Client, &group.access);
        match self.observation.and_then(|o| o.clients.get(host)) {
            Some(seen) => {
                for mount in &seen.mounts {
                    steps.extend(self.remount(host, group, mount.clone()));
                }
            }
            None => steps.push(self.remount_unseen(host, group)),
        }
        self.of_daemon(host, Role::Client, steps)
    }

    fn remount(&self, host: &HostName, group: &ClientGroup, arguments: MountArguments) -> [Step; 2] {
        let mount = arguments.mount_point.clone();
        let id = |what: &str| format!("{}/{host}/{what}:{mount}", Phase::Clients);
        let unmount = self.step(id("unmount"), unmount(group, &mount));
        let empty = arguments.wants_empty();
        let prefix = group.access.install.prefix.clone();
        let command = MountCommand::Mount { prefix, arguments };
        let mut remount = self.step(
            id("mount"),
            Action::Mount(Mount { mount: mount.clone(), prefix: group.access.install.prefix.clone(), empty, command }),
        );
        // between the two the client has no file system
        remount.pause_before = false;
        remount.afterwards = Some(Gate::MountSeen { mount, greatest_s: self.line.waits.back.as_secs() });
        remount.way_back = self.line.hard_to_undo(Role::Client).map(str::to_owned);
        [unmount, remount]
    }

    fn verify(&mut self, greatest: std::time::Duration) -> Stage {
        let mut step = self.step("verify".to_owned(), Action::Verify(Verify {}));
        let greatest_s = greatest.as_secs();
        self.greatest += greatest_s;
        step.afterwards = Some(Gate::Upgraded { greatest_s });
        Stage {
            phase: Phase::Verify,
            title: "Look at everything once more".to_owned(),
            why: "a run is a success only if the cluster says so at its end".to_owned(),
            wait: None,
            gate: None,
            parallel: 1,
            tracks: vec![track(&self.plan.master.host, vec![step])],
        }
    }
}

/// Taking a mount away, as the plan says for this group.
fn unmount(group: &ClientGroup, mount: &AbsPath) -> Action {
    let command = UnmountCommand { mount: mount.clone(), lazy: group.lazy_unmount };
    Action::Unmount(Unmount { mount: mount.clone(), busy: group.busy, command })
}

fn track(host: &HostName, steps: Vec<Step>) -> Track {
    Track { host: host.clone(), seen: None, wait: None, gate: None, steps }
}

fn join(paths: &[AbsPath]) -> String {
    paths.iter().map(AbsPath::as_str).collect::<Vec<_>>().join(" ")
}

/// Step ids are shared by pointer: a schedule of ten thousand hosts has tens of thousands.
impl From<String> for StepId {
    fn from(text: String) -> Self {
        Self(Arc::from(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::V1_5_TO_1_6;
    use crate::step::{Install, InstallCommand};
    use std::path::Path;

    const PLAN: &str = "[upgrade]\nfrom = \"1.5.12\"\nto = \"1.6.27\"\n[install]\nsource_dir = \"/usr/src/mfs\"\n\
        [master]\nhost = \"m\"\n[[chunkservers]]\nhosts = [\"b\", \"a\", \"m\"]\n[[clients]]\nhosts = [\"a\", \"c\"]\n";

    fn plan(source: &str) -> Plan {
        Plan::parse(source, Path::new("test.toml"), Path::new("/")).unwrap()
    }

    fn ids(schedule: &Schedule) -> Vec<&str> {
        schedule.steps().map(|(_, _, step)| step.id.0.as_ref()).collect()
    }

    #[test]
    fn a_host_of_several_roles_has_its_place_in_each() {
        let schedule = compile(&plan(PLAN), None, &V1_5_TO_1_6);
        let servers: Vec<_> = schedule.chunkservers.iter().map(|k| k.host.as_str()).collect();
        assert_eq!(servers, ["b", "a", "m"], "gates count the upgraded ones in the order of their restart");
        assert_eq!(schedule.hosts.len(), 4);
        assert_eq!(schedule.hosts[0].roles, [Role::Master, Role::Chunkserver]);
    }

    #[test]
    fn rolling_and_full_stop_are_the_howtos() {
        let rolling = compile(&plan(PLAN), None, &V1_5_TO_1_6);
        assert_eq!(
            ids(&rolling)[..10],
            [
                "backup/m/copy",
                "backup/m/trial",
                "master/m/keep",
                "master/m/install",
                "master/m/configure",
                "master/m/start",
                "chunkservers/b/keep",
                "chunkservers/b/install",
                "chunkservers/b/configure",
                "chunkservers/b/start"
            ]
        );
        assert_eq!(
            ids(&rolling)[18..],
            [
                "clients/a/keep",
                "clients/a/install",
                "clients/a/remount",
                "clients/c/keep",
                "clients/c/install",
                "clients/c/remount",
                "verify"
            ]
        );
        let full_stop =
            compile(&plan(&PLAN.replace("[install]", "mode = \"full-stop\"\n[install]")), None, &V1_5_TO_1_6);
        let stages: Vec<_> = full_stop.stages.iter().map(|s| (s.phase, s.tracks.len().min(s.parallel))).collect();
        let expected = [
            (Phase::Backup, 1),
            (Phase::Chunkservers, 3),
            (Phase::Master, 1),
            (Phase::Chunkservers, 3),
            (Phase::Master, 1),
            (Phase::Clients, 1),
            (Phase::Verify, 1),
        ];
        assert_eq!(stages, expected);
        assert!(matches!(full_stop.stages[4].wait, Some(Wait::MasterWait { after_stage: 3, least_s: 180 })));
        assert_eq!((full_stop.stands_still_s(), rolling.stands_still_s()), (Some(180), None));
        let down: Vec<_> = full_stop.stages[3..5].iter().flat_map(|s| &s.tracks).flat_map(|t| &t.steps).collect();
        assert!(down.iter().all(|s| !s.pause_before), "no pause while the file system stands still");
    }

    #[test]
    fn the_demanded_waits_are_those_of_the_plan() {
        for source in [PLAN.to_owned(), PLAN.replace("[install]", "mode = \"full-stop\"\n[install]")] {
            let plan = plan(&source);
            assert_eq!(compile(&plan, None, plan.line()).least_s, plan.demanded_waits_s());
        }
    }

    #[test]
    fn on_a_host_of_several_roles_those_to_come_are_set_aside() {
        let later = |schedule: &Schedule, id: &str| {
            let (_, _, step) = schedule.steps().find(|(_, _, s)| s.id.0.as_ref() == id).unwrap();
            match &step.action {
                Action::Install(Install { command: InstallCommand::InTurn { turn, .. }, .. }) => {
                    Some(turn.later.clone())
                }
                _ => None,
            }
        };
        let with_logger = PLAN.replace("[[clients]]", "[[metaloggers]]\nhosts = [\"a\"]\n[[clients]]");
        let rolling = compile(&plan(&with_logger), None, &V1_5_TO_1_6);
        assert_eq!(later(&rolling, "master/m/install"), Some(vec![Role::Chunkserver]));
        assert_eq!(later(&rolling, "chunkservers/m/install"), Some(vec![]));
        assert_eq!(later(&rolling, "metaloggers/a/install"), Some(vec![Role::Chunkserver, Role::Client]));
        assert_eq!(later(&rolling, "clients/a/install"), Some(vec![]));
        assert_eq!(
            later(&rolling, "chunkservers/b/install"),
            None,
            "a host of one role is installed on as the HOWTO says"
        );
        let full_stop =
            compile(&plan(&with_logger.replace("[install]", "mode = \"full-stop\"\n[install]")), None, &V1_5_TO_1_6);
        assert_eq!(later(&full_stop, "chunkservers/a/install"), Some(vec![Role::Metalogger, Role::Client]));
        let apart = format!("{with_logger}[clients.install]\nprefix = \"/opt/mfs\"\n");
        assert_eq!(
            later(&compile(&plan(&apart), None, &V1_5_TO_1_6), "chunkservers/a/install"),
            Some(vec![]),
            "another prefix"
        );
    }

    #[test]
    fn every_step_id_is_there_once_and_the_digest_knows_every_word() {
        let schedule = compile(&plan(PLAN), None, &V1_5_TO_1_6);
        let mut seen = std::collections::HashSet::new();
        assert!(ids(&schedule).into_iter().all(|id| seen.insert(id)));
        assert_eq!(schedule.digest(), compile(&plan(PLAN), None, &V1_5_TO_1_6).digest());
        assert_ne!(
            schedule.digest(),
            compile(&plan(&PLAN.replace("/usr/src/mfs", "/usr/src/mfs2")), None, &V1_5_TO_1_6).digest()
        );
    }

    #[test]
    fn releases_that_know_no_patience_are_not_given_it() {
        let old = PLAN
            .replace("1.6.27", "1.6.5")
            .replace("[install]", "acknowledge = [\"target-deletes-unknown-chunks\"]\n[install]");
        let schedule = compile(&plan(&old), None, &V1_5_TO_1_6);
        let starts: Vec<_> = schedule.steps().filter(|(_, _, s)| s.id.0.ends_with("/start")).collect();
        assert!(starts.iter().all(|(_, _, s)| !s.commands[0].contains("-t")), "{starts:?}");
    }
}
