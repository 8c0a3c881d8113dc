//! Single steps: an action, its exact commands, what it means for the way back.

use super::super::model::{Phase, Step, StepId};
use super::Compiler;
use crate::check::ConfigChange;
use crate::host::{AbsPath, HostName};
use crate::moosefs::daemon::Role;
use crate::moosefs::releases::TABLE;
use crate::plan::{Access, InstallHow, Mode};
use crate::rules::way_back::BY_ROLLBACK;
use crate::step::{
    Action, Configure, Install, InstallCommand, Keep, KeepCommand, PutInPlace, Start, StartCommand, Turn,
};

impl Compiler<'_> {
    pub(super) fn step(&self, id: String, action: Action) -> Step {
        let commands = action.script().or_else(|| action.without_script()).into_iter().collect();
        Step {
            id: StepId(id.into()),
            action,
            commands,
            afterwards: None,
            earliest_s: self.clock,
            pause_before: true,
            way_back: None,
        }
    }

    /// Everything that comes before the new daemon of `role` is started or the new mount is made: a copy of what is replaced,
    /// the installation, the configuration.
    pub(super) fn put_in(&self, phase: Phase, host: &HostName, role: Role, access: &Access) -> Vec<Step> {
        let mut steps = vec![self.keep(phase, host, role, access)];
        steps.extend(self.put_in_kept(phase, host, role, access));
        steps
    }

    /// The same behind the copy.
    pub(super) fn put_in_kept(&self, phase: Phase, host: &HostName, role: Role, access: &Access) -> Vec<Step> {
        let mut steps = vec![self.install(phase, host, role, access)];
        let changes = self.observation.and_then(|o| o.config.get(host)).into_iter().flatten();
        steps.extend(changes.filter(|c| c.role == role).map(|change| self.configure(phase, host, change)));
        steps.extend(self.configure_unseen(phase, host, role, access));
        steps
    }

    pub(super) fn keep(&self, phase: Phase, host: &HostName, role: Role, access: &Access) -> Step {
        let prefix = access.install.prefix.clone();
        let file = self.kept(access);
        let changes = self.observation.and_then(|o| o.config.get(host)).into_iter().flatten();
        let shown = changes.filter(|c| c.role == role).map(|c| (c.file.clone(), c.replaces.clone())).collect();
        let command = KeepCommand { prefix, file: file.clone(), shown };
        let known = role != Role::Metalogger && self.observation.is_some() && !self.is_without_old(host, role);
        let holds = known.then(|| self.plan.upgrade.from.clone());
        self.step(format!("{phase}/{host}/keep"), Action::Keep(Keep { role, file, holds, command }))
    }

    /// Whether the old program was gone before the run, as the operator has acknowledged.
    fn is_without_old(&self, host: &HostName, role: Role) -> bool {
        self.observation.and_then(|o| o.without_old.get(host)).is_some_and(|roles| roles.contains(&role))
    }

    fn kept(&self, access: &Access) -> AbsPath {
        access.install.kept(&self.plan.upgrade.from, &self.plan.upgrade.to)
    }

    /// One a prefix.
    fn work_file(&self, access: &Access, name: &str, kind: &str) -> AbsPath {
        let upgrade = &self.plan.upgrade;
        let prefix = access.install.prefix.as_str().replace('/', "-");
        access.install.work(&upgrade.from, &upgrade.to).join(&format!("{name}{prefix}{kind}"))
    }

    /// The roles of a host that share an installation, in the order of their turns.
    fn turns(&self, host: &HostName, access: &Access) -> Vec<Role> {
        let order = if self.plan.upgrade.mode == Mode::Rolling { self.line.rolling } else { self.line.full_stop };
        let here = self.roles.get(host).map_or(&[][..], Vec::as_slice);
        let has = |role: &Role| here.iter().any(|(r, prefix)| r == role && **prefix == access.install.prefix);
        order.into_iter().filter(has).collect()
    }

    /// Those whose turn comes after `role`'s; not one that runs the new release already.
    fn later(&self, host: &HostName, role: Role, access: &Access) -> Vec<Role> {
        let behind = self.turns(host, access).into_iter().skip_while(|r| *r != role).skip(1);
        behind.filter(|role| self.running(host, *role) != Some(&self.plan.upgrade.to)).collect()
    }

    fn make_install(&self, source_dir: AbsPath, access: &Access) -> InstallCommand {
        let install = InstallCommand::MakeInstall { source_dir };
        if TABLE.installs_samples.at(&self.plan.upgrade.to) {
            return install;
        }
        let (prefix, aside) = (access.install.prefix.clone(), self.work_file(access, "config", ""));
        InstallCommand::KeepingConfig { install: Box::new(install), prefix, aside }
    }

    fn install(&self, phase: Phase, host: &HostName, role: Role, access: &Access) -> Step {
        let upgrade = &self.plan.upgrade;
        let command = match (&access.install.how, access.install.tree(&upgrade.from, &upgrade.to)) {
            (InstallHow::Command(text), _) => InstallCommand::InstallCommand { text: text.clone() },
            (_, Some(source_dir)) => self.make_install(source_dir, access),
            (_, None) => unreachable!("every other way to install has a tree"),
        };
        let later = self.later(host, role, access);
        let alone = later.is_empty() && self.turns(host, access).len() < 2;
        let command = if alone {
            command
        } else {
            let turn = Turn {
                prefix: access.install.prefix.clone(),
                kept: self.kept(access),
                aside: self.work_file(access, "aside", ""),
                role,
                later,
            };
            InstallCommand::InTurn { install: Box::new(command), turn }
        };
        let prefix = access.install.prefix.clone();
        self.step(format!("{phase}/{host}/install"), Action::Install(Install { role, prefix, command }))
    }

    fn configure(&self, phase: Phase, host: &HostName, change: &ConfigChange) -> Step {
        let ConfigChange { role, file, text, mode, owner, replaces, diff } = change.clone();
        let suffixed = |suffix: String| AbsPath::new(&format!("{file}.{suffix}")).expect("a path and plain letters");
        let copy = suffixed("mfsupgrade-new".to_owned());
        let beside = suffixed(format!("mfs-{}", self.plan.upgrade.from));
        let sha256 = text.sha256().to_owned();
        let command = PutInPlace {
            copy: copy.clone(),
            file: file.clone(),
            sha256: sha256.clone(),
            mode,
            owner,
            replaces,
            beside,
        };
        let name = file.as_str().rsplit('/').next().unwrap_or_default();
        let id = format!("{phase}/{host}/configure:{name}");
        self.step(id, Action::Configure(Configure { role, file, text, sha256, copy, diff, command }))
    }

    pub(super) fn start(&self, phase: Phase, host: &HostName, role: Role, access: &Access) -> Step {
        let prefix = access.install.prefix.clone();
        let patience = self.line.takeover_patience(&self.plan.upgrade.to);
        let command = StartCommand::Start { role, prefix: prefix.clone(), patience };
        let data_path = self.observation.and_then(|o| match role {
            Role::Master => Some(o.master.data_path.clone()),
            Role::Metalogger => o.metaloggers.get(host).and_then(|m| m.data_path.clone()),
            Role::Chunkserver => o.chunkservers.get(host).map(|s| s.data_path.clone()),
            Role::Client => None,
        });
        let chunkserver_port =
            self.observation.and_then(|o| o.master.chunkserver_port).filter(|_| role == Role::Master);
        let action = Action::Start(Start { role, prefix, data_path, chunkserver_port, command });
        let mut step = self.step(format!("{phase}/{host}/start"), action);
        step.way_back = self.line.hard_to_undo(role).map(str::to_owned);
        // nothing is promised that cannot be kept
        if self.is_without_old(host, role) {
            let from = &self.plan.upgrade.from;
            let cannot = format!("(`mfsupgrade rollback` CANNOT: no {role} program of {from} is left on {host})");
            step.way_back = step.way_back.map(|words| words.replace(BY_ROLLBACK, &cannot));
        }
        step
    }
}
