//! What comes before anything is stopped: archives copied and built, metadata copied and loaded for a trial.

use std::collections::HashMap;

use super::super::model::{Phase, Stage, Step};
use super::{AT_ONCE, Compiler, track};
use crate::host::{AbsPath, FileText, HostName};
use crate::moosefs::config::{ConfigText, exports_paths};
use crate::moosefs::daemon::Role;
use crate::moosefs::exports::ALLOWS_ALL;
use crate::plan::{Access, Archive, Exports, InstallHow, Mode};
use crate::rules::Code;
use crate::rules::away::RECONNECT_S;
use crate::rules::line::can_be_tried;
use crate::step::{
    Action, Backup, Build, BuildCommand, CopyFile, Snapshot, SnapshotCommand, Trial, TrialCommand, TrialExports,
    TrialLoad,
};
use crate::words::{of_bytes, sha256};

const WHY_AHEAD: &str = "long steps run while everything is up: only `make install` and the restart are left for \
     the ordered part";

impl Compiler<'_> {
    /// Archives copied to every host once, unpacked, configured and built there. `None` where no host has one.
    pub(super) fn prepare(&self) -> Option<Stage> {
        let mut tracks: Vec<super::Track> = Vec::new();
        let hosts = super::hosts(self.plan);
        let roles: HashMap<&HostName, &[Role]> = hosts.iter().map(|h| (&h.name, h.roles.as_slice())).collect();
        let mut place: HashMap<&HostName, usize> = HashMap::new();
        for (host, _, access) in self.plan.hosts() {
            let InstallHow::Archive(archive) = &access.install.how else { continue };
            let steps = self.copy_and_build(host, roles.get(host).copied().unwrap_or_default(), access, archive);
            let at = *place.entry(host).or_insert_with(|| {
                tracks.push(track(host, Vec::new()));
                tracks.len() - 1
            });
            // once a host, whatever its roles; another archive for another role is another tree
            if !tracks[at].steps.iter().any(|s| s.id == steps[1].id) {
                tracks[at].steps.extend(steps);
            }
        }
        for track in &mut tracks {
            let here = roles.get(&track.host).copied().unwrap_or_default();
            track.seen = self.seen(&track.host, here, "nothing will be built");
        }
        (!tracks.is_empty()).then(|| Stage {
            phase: Phase::Prepare,
            title: "Copy the new release to the hosts and build it there; nothing that runs is changed".to_owned(),
            why: WHY_AHEAD.to_owned(),
            wait: None,
            gate: None,
            parallel: AT_ONCE,
            tracks,
        })
    }

    fn copy_and_build(&self, host: &HostName, roles: &[Role], access: &Access, archive: &Archive) -> [Step; 2] {
        let upgrade = &self.plan.upgrade;
        let work = access.install.work(&upgrade.from, &upgrade.to);
        let tree = access.install.tree(&upgrade.from, &upgrade.to).expect("an archive has a tree");
        let name = tree.as_str().rsplit('/').next().unwrap_or_default().to_owned();
        let copied = work.join(&format!("{name}.tar.gz"));
        let mark = work.join(&format!("{name}.built"));
        let mark_text = format!("{} {}", archive.sha256, archive.configure.join(" "));
        let copy = Action::Copy(CopyFile {
            roles: roles.to_vec(),
            from: archive.path.clone(),
            bytes: archive.bytes,
            sha256: archive.sha256.clone(),
            to: copied.clone(),
        });
        let command = BuildCommand {
            archive: copied,
            tree: tree.clone(),
            configure: archive.configure.clone(),
            roles: roles.to_vec(),
            release: Some(upgrade.to.clone()),
            mark: mark.clone(),
            mark_text: mark_text.clone(),
        };
        let build =
            Action::Build(Build { roles: roles.to_vec(), tree, mark, mark_sha256: sha256(&mark_text), command });
        let id = |what: &str| format!("{}/{host}/{what}:{name}", Phase::Prepare);
        [self.step(id("copy"), copy), self.step(id("build"), build)]
    }

    /// The metadata's backup, and its trial where the new release's master is there already.
    pub(super) fn backup(&self) -> Stage {
        let host = &self.plan.master.host;
        let (snapshot, trial) = (self.snapshot(), self.trial());
        let backup =
            Action::Backup(Backup { folder: snapshot.folder.clone(), command: SnapshotCommand::Snapshot(snapshot) });
        let mut steps = vec![self.step(format!("{}/{host}/copy", Phase::Backup), backup)];
        let built = !matches!(self.plan.master.access.install.how, InstallHow::Command(_));
        steps.extend(trial.filter(|_| built));
        Stage {
            phase: Phase::Backup,
            title: "Copy the metadata, here as well, and let the new release load it for a trial".to_owned(),
            why: format!("{}; {}", self.line.why.backup, self.copies(host)),
            wait: None,
            gate: None,
            parallel: 1,
            tracks: vec![track(host, steps)],
        }
    }

    /// Where the copies go, and how much they are now.
    fn copies(&self, host: &HostName) -> String {
        let folder = self.work().join("metadata");
        let size = self.observation.map(|o| o.master.metadata_bytes).filter(|bytes| *bytes > 0);
        let size = size.map_or_else(String::new, |bytes| format!(" ({} now)", of_bytes(bytes)));
        format!("the copies{size} go to {folder} on {host}, and from there into the run's own folder here")
    }

    /// The trial of a release that an operator's own command installs: only then is its master there.
    pub(super) fn trial_after_install(&self) -> Option<Step> {
        let own = matches!(self.plan.master.access.install.how, InstallHow::Command(_));
        self.trial().filter(|_| own)
    }

    fn work(&self) -> AbsPath {
        let upgrade = &self.plan.upgrade;
        self.plan.master.access.install.work(&upgrade.from, &upgrade.to)
    }

    fn snapshot(&self) -> Snapshot {
        let prefix = &self.plan.master.access.install.prefix;
        let seen = self.observation.map(|o| &o.master);
        Snapshot {
            from: self.plan.upgrade.from.clone(),
            // a preview shows the default; the running master's working folder is what is used
            data_path: seen.map_or_else(|| prefix.join("var/mfs"), |m| m.data_path.clone()),
            configuration: seen.map(|m| m.configuration.clone()).unwrap_or_default(),
            metarestore: prefix.join("sbin/mfsmetarestore"),
            folder: self.work().join("metadata"),
        }
    }

    /// What the new master will be told of who may mount: by the plan, or by what is there.
    fn exports(&self) -> TrialExports {
        let (plan, to) = (self.plan, &self.plan.upgrade.to);
        match &plan.config.exports {
            Some(Exports::File { text, .. }) => return TrialExports::Text(text.clone()),
            Some(Exports::LikeV15) => return TrialExports::Text(FileText::new(ALLOWS_ALL)),
            None => {}
        }
        let changes = self.observation.and_then(|o| o.config.get(&plan.master.host)).into_iter().flatten();
        let mut config =
            changes.filter(|c| c.file.as_str().ends_with("/mfsmaster.cfg")).map(|c| ConfigText::parse(c.text.shown()));
        let set = config.find_map(|config| AbsPath::new(config.get("EXPORTS_FILENAME", to)?).ok());
        let prefix = &plan.master.access.install.prefix;
        TrialExports::Files(match set {
            Some(file) => vec![file],
            None => exports_paths(to).iter().map(|path| prefix.join(path)).collect(),
        })
    }

    /// `None` for a release that knows no verb which refuses to take over: its trial could end the live master.
    fn trial(&self) -> Option<Step> {
        let plan = self.plan;
        let (from, to) = (&plan.upgrade.from, &plan.upgrade.to);
        if !can_be_tried(to) {
            return None;
        }
        let install = &plan.master.access.install;
        let seen = self.observation.map(|o| &o.master);
        let trial = Trial {
            snapshot: self.work().join("metadata"),
            folder: self.work().join("trial"),
            master: match install.tree(from, to) {
                Some(tree) => tree.join("mfsmaster/mfsmaster"),
                None => install.prefix.join(Role::Master.path_in_prefix()),
            },
            user: seen.map_or_else(|| "nobody".to_owned(), |m| m.user.clone()),
            group: seen.map_or_else(|| "nogroup".to_owned(), |m| m.group.clone()),
            port: self.line.trial_port,
            exports: self.exports(),
        };
        // a full-stop takes master and chunkservers away for minutes, and asks for its own acknowledgement
        let full_stop = plan.upgrade.mode == Mode::FullStop;
        let accepts = |code: Code| full_stop || plan.upgrade.acknowledge.contains(code.as_str());
        let action = Action::Trial(TrialLoad {
            port: trial.port + 2,
            patience_s: self.line.patience_of_old_mounts().as_secs(),
            reconnect_s: self.observation.map_or(RECONNECT_S, |o| o.reconnect_s),
            accept_long: accepts(Code::MasterAwayLong),
            accept_goal_one: accepts(Code::GoalOne),
            command: TrialCommand::Trial(trial.clone()),
            end: TrialCommand::EndTrial(trial),
        });
        Some(self.step(format!("{}/{}/trial", Phase::Backup, plan.master.host), action))
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::V1_5_TO_1_6;
    use std::path::Path;
    use std::sync::Arc;

    use super::super::compile;
    use super::*;
    use crate::plan::Plan;

    /// `a` has two roles, and so has the master.
    const PLAN: &str = "[upgrade]\nfrom = \"1.5.12\"\nto = \"1.6.27\"\n[install]\nsource_dir = \"/usr/src/mfs\"\n\
        [master]\nhost = \"m\"\n[[chunkservers]]\nhosts = [\"b\", \"a\", \"m\"]\n[[clients]]\nhosts = [\"a\", \"c\"]\n";

    /// The plan with an archive for its daemons, and one for its clients.
    fn plan(daemons: &str, clients: &str) -> Plan {
        let mut plan = Plan::parse(PLAN, Path::new("test.toml"), Path::new("/")).unwrap();
        let give = |access: &mut Access, letter: &str| {
            let (path, sha256, configure) = ("mfs.tar.gz".into(), letter.repeat(64), Vec::new());
            let archive = Archive { path, sha256, bytes: 7, configure };
            Arc::make_mut(&mut access.install).how = InstallHow::Archive(archive);
        };
        give(&mut plan.master.access, daemons);
        plan.chunkservers.iter_mut().for_each(|server| give(&mut server.access, daemons));
        plan.clients.iter_mut().for_each(|group| give(&mut group.access, clients));
        plan
    }

    /// By host: what is copied where, and what is built of it.
    fn made(stage: &Stage) -> Vec<(&str, Vec<(&str, &AbsPath)>)> {
        fn done(step: &Step) -> (&str, &AbsPath) {
            match &step.action {
                Action::Copy(copy) => ("copy", &copy.to),
                Action::Build(build) => ("build", &build.command.archive),
                other => panic!("{other:?}"),
            }
        }
        stage.tracks.iter().map(|track| (track.host.as_str(), track.steps.iter().map(done).collect())).collect()
    }

    #[test]
    fn an_archive_is_copied_once_a_host_before_all_else() {
        for mode in [Mode::Rolling, Mode::FullStop] {
            let mut same = plan("1", "1");
            same.upgrade.mode = mode;
            let schedule = compile(&same, None, same.line());
            let stage = &schedule.stages[0];
            assert_eq!((stage.phase, stage.parallel, stage.gate.is_none()), (Phase::Prepare, AT_ONCE, true));
            assert!(schedule.stages[1..].iter().all(|later| later.phase != Phase::Prepare));
            let made = made(stage);
            let hosts: Vec<_> = made.iter().map(|(host, _)| *host).collect();
            assert_eq!(hosts, ["m", "b", "a", "c"]);
            for (host, steps) in &made {
                let [("copy", to), ("build", from)] = steps[..] else { panic!("{host}: {steps:?}") };
                assert_eq!(to, from, "{host}");
            }
            // a build is held to the programs of every role of its host
            let Action::Build(build) = &stage.tracks[2].steps[1].action else { panic!("{:?}", stage.tracks[2]) };
            assert_eq!(build.command.roles, [Role::Chunkserver, Role::Client]);
        }
    }

    #[test]
    fn another_archive_for_another_role_is_another_copy_and_another_tree() {
        let schedule = compile(&plan("1", "2"), None, &V1_5_TO_1_6);
        let made = made(&schedule.stages[0]);
        let (_, steps) = made.iter().find(|(host, _)| *host == "a").unwrap();
        let [("copy", first), ("build", first_built), ("copy", second), ("build", second_built)] = steps[..] else {
            panic!("{steps:?}")
        };
        assert!(first == first_built && second == second_built && first != second, "{steps:?}");
        assert!(made.iter().filter(|(host, _)| *host != "a").all(|(_, steps)| steps.len() == 2), "{made:?}");
    }
}
