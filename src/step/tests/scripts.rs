//! Every script, with paths of every character that a path may have, run by every shell that hosts have.
//!
//! Two worlds are made that differ in their paths alone: one has plain letters. What runs in them must print the same and leave
//! the same, but for the paths: a value that a shell takes apart shows as a difference.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command as Program;

use super::super::*;
use crate::host::lock::{Claim, Verb};
use crate::host::{HostName, Job, MountArguments, job};

/// A host without one of them proves nothing about it; where all must be there, this variable says so.
const REQUIRED: &str = "MFSUPGRADE_REQUIRE_REAL_MASTER";
const SHELLS: [&[&str]; 3] = [&["dash"], &["bash"], &["busybox", "sh"]];
/// Every character that `AbsPath` takes, at the beginning, in the middle and at the end of a name.
const NAMES: [&str; 4] = ["plain", ",a=b:c@d+e-f_g.h", "=,:@+-_.x", "x.y_z-+@:,="];
/// Text that is free, where a script has some.
const FREE: &str = "it's \"$(id)\" `id` \\ * ~ # ; & | > < ‹x›\n\tlast";

struct World {
    top: tempfile::TempDir,
    name: &'static str,
    shell: &'static [&'static str],
}

impl World {
    /// An old release, its data, a tree to install from, and programs that say what they were called with.
    fn new(name: &'static str, shell: &'static [&'static str]) -> Self {
        let world = Self { top: tempfile::tempdir().unwrap(), name, shell };
        let says = "#!/bin/sh\n# @(#) version: 1.5.12, x\nprintf '<%s>' \"${0##*/}\" \"$@\"; echo\n";
        for file in ["p/sbin/mfsmaster", "p/sbin/mfschunkserver", "p/bin/mfsmount", "../fakes/umount", "../fakes/make"]
        {
            world.program(file, says);
        }
        world
            .program("p/sbin/mfsmetarestore", "#!/bin/sh\n# @(#) version: 1.5.12\ncp metadata.mfs.back metadata.mfs\n");
        world.program("tree/mfsmaster/mfsmaster", &says.replace("1.5.12", "1.6.27"));
        for (file, text) in [
            ("p/etc/mfsmaster.cfg", "MATOCU_LISTEN_PORT = 9500\n"),
            ("p/etc/mfs/mfsexports.cfg", "* / rw\n"),
            // as it is brought before the trial
            ("w/trial.exports", FREE),
            ("p/etc/mfs/mfshdd.cfg", "/absent\n"),
            ("data/metadata.mfs.back", "MFSM 1.5\0\0\0\0\0\0\0\u{5}rest"),
            ("data/changelog.0.mfs", "4: x\n"),
            ("tree/config.h", "#define DATA_PATH \"/var/mfs\"\n"),
            ("new.cfg", "new\n"),
            ("disk/0A/chunk_000000000000000A_00000001.mfs", "a"),
        ] {
            world.file(file, text);
        }
        world
    }

    fn at(&self, file: &str) -> PathBuf {
        self.top.path().join(self.name).join(file)
    }

    fn path(&self, file: &str) -> AbsPath {
        AbsPath::new(self.at(file).to_str().unwrap()).unwrap()
    }

    fn file(&self, file: &str, text: &str) {
        fs::create_dir_all(self.at(file).parent().unwrap()).unwrap();
        fs::write(self.at(file), text).unwrap();
    }

    fn program(&self, file: &str, text: &str) {
        self.file(file, text);
        fs::set_permissions(self.at(file), fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// What differs from world to world, and from moment to moment, is made the same.
    fn plain(&self, text: &str) -> String {
        let top = self.top.path().join(self.name);
        let text = text.replace(top.to_str().unwrap(), "W");
        let named = top.to_str().unwrap().trim_start_matches('/').replace('/', "_");
        let mut text = text.replace(&named, "W").replace(|c: char| c.is_ascii_digit(), "0");
        while text.contains("00") {
            text = text.replace("00", "0");
        }
        text
    }

    /// Exit code and output; whichever shell runs it runs the scripts in it as well.
    fn run(&self, script: &str) -> (i32, String) {
        // no process of this machine is one of the world
        let script = script.replace("/proc/[0-9]*", "/nowhere/*");
        let script = script.replace("/bin/sh -c", &format!("{} -c", self.shell.join(" ")));
        let path = format!("{}:{}", self.top.path().join("fakes").display(), std::env::var("PATH").unwrap());
        let mut program = Program::new(self.shell[0]);
        program.args(&self.shell[1..]).arg("-c").arg(&script).env("PATH", path).current_dir("/");
        let output = program.output().unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (output.status.code().unwrap(), self.plain(&said))
    }

    fn files(&self) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        let mut folders = vec![self.at("")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
                let path = entry.path();
                let text = match path.is_dir() {
                    true => {
                        folders.push(path.clone());
                        String::new()
                    }
                    // a tar file has times in it
                    false if path.extension().is_some_and(|e| e == "tar" || e == "gz") => String::new(),
                    false => self.plain(&String::from_utf8_lossy(&fs::read(&path).unwrap())),
                };
                found.insert(self.plain(path.to_str().unwrap()), text);
            }
        }
        found
    }

    /// Everything that this program runs on a host, in an order in which it can.
    fn scripts(&self) -> Vec<(&'static str, String)> {
        let prefix = || self.path("p");
        let owner = Program::new("sh").args(["-c", "echo $(id -un):$(id -gn)"]).output().unwrap();
        let owner = String::from_utf8(owner.stdout).unwrap().trim().to_owned();
        let (user, group) = owner.split_once(':').unwrap();
        let sum = |text: &str| {
            use sha2::{Digest, Sha256};
            Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect::<String>()
        };
        let snapshot = Snapshot {
            from: Version::new(1, 5, 12),
            data_path: self.path("data"),
            metarestore: self.path("p/sbin/mfsmetarestore"),
            configuration: vec![self.path("p/etc/mfsmaster.cfg"), self.path("absent.cfg")],
            folder: self.path("w/snapshot"),
        };
        let trial = |exports| Trial {
            snapshot: self.path("w/snapshot"),
            folder: self.path("w/trial"),
            master: self.path("tree/mfsmaster/mfsmaster"),
            user: user.to_owned(),
            group: group.to_owned(),
            port: 19419,
            exports,
        };
        let end = TrialCommand::EndTrial(trial(TrialExports::default())).script();
        let mut arguments = MountArguments::new(self.path("mnt"), HostName::new("m").unwrap());
        arguments.options = vec![format!("mfssubfolder={FREE}")];
        let put = PutInPlace {
            copy: self.path("new.cfg"),
            file: self.path("p/etc/mfsmaster.cfg"),
            sha256: sum("new\n"),
            mode: 0o640,
            owner: owner.clone(),
            replaces: Some(sum("MATOCU_LISTEN_PORT = 9500\n")),
            beside: self.path("p/etc/mfsmaster.cfg.old"),
        };
        let shown =
            vec![(self.path("p/etc/mfsmaster.cfg"), Some(sum("MATOCU_LISTEN_PORT = 9500\n"))), (self.path("no"), None)];
        let install = || Box::new(InstallCommand::InstallCommand { text: "echo installed".into() });
        let turn = Turn {
            prefix: prefix(),
            kept: self.path("w/kept.tar"),
            aside: self.path("w/aside"),
            role: Role::Master,
            later: vec![Role::Chunkserver, Role::Client],
        };
        let trial = |exports| TrialCommand::Trial(trial(exports)).script();
        let files = vec![self.path("no"), self.path("p/etc/mfs/mfsexports.cfg")];
        let (cfg, kept, mount) = (self.path("p/etc/mfsmaster.cfg"), self.path("w/kept.tar"), self.path("mnt"));
        let patience = Some(Duration::from_secs(9));
        let (master, server) = (Role::Master, Role::Chunkserver);
        let keeping =
            InstallCommand::KeepingConfig { install: install(), prefix: prefix(), aside: self.path("w/config") };
        let own = format!("printf '%s\\n' {}", crate::host::shell::quote(FREE));
        let unmount = |lazy| UnmountCommand { mount: mount.clone(), lazy }.script();
        let put_back = |file, beside, aside| PutBackCommand { file, beside, aside }.script();
        let restore = |only| RestoreCommand { prefix: prefix(), file: kept.clone(), only }.script();
        let mut scripts = vec![
            ("keep", KeepCommand { prefix: prefix(), file: kept.clone(), shown }.script()),
            ("snapshot", SnapshotCommand::Snapshot(snapshot).script()),
            ("trial", trial(TrialExports::Text(FileText::new(FREE)))),
            ("trial of files", trial(TrialExports::Files(files))),
            ("trial of all", trial(TrialExports::default())),
            ("end of trial", end),
            ("put in place", put.script()),
            ("make install", InstallCommand::MakeInstall { source_dir: self.path("tree") }.script()),
            ("own install", InstallCommand::InstallCommand { text: own }.script()),
            ("in turn", InstallCommand::InTurn { install: install(), turn }.script()),
            ("keeping", keeping.script()),
            ("start", StartCommand::Start { role: master, prefix: prefix(), patience }.script()),
            ("stop", StopCommand { role: server, prefix: prefix(), patience: None }.script()),
            ("stop master", StopMasterCommand { prefix: prefix(), patience: None }.script()),
            ("start old", StartCommand::StartOld { role: master, prefix: prefix() }.script()),
            ("unmount", unmount(false)),
            ("lazy", unmount(true)),
            ("mount", MountCommand::Mount { prefix: prefix(), arguments: arguments.clone() }.script()),
            ("mount old", MountCommand::MountOld { prefix: prefix(), arguments }.script()),
            (
                "put back",
                put_back(cfg, Some(self.path("p/etc/mfsmaster.cfg.old")), self.path("p/etc/mfsmaster.cfg.new")),
            ),
            ("put back none", put_back(self.path("new.cfg"), None, self.path("aside.cfg"))),
            ("restore one", restore(vec!["sbin/mfsmaster".into()])),
            ("restore", restore(Vec::new())),
            ("folders back", FoldersBackCommand { disks: vec![self.path("disk")] }.script()),
        ];
        let word = crate::host::shell::Word::new(7);
        let job = Job::new(&self.path("w"), "run", FREE, jiff::Timestamp::UNIX_EPOCH, "echo out; exit 3");
        scripts.extend([
            ("job", job.begin(0, &word)),
            ("job found", job.find(0, &word)),
            ("sweep", job::sweep(&self.path("w"), "run")),
        ]);
        scripts.push(("look", self.look(false).script()));
        scripts.push(("survey", self.look(true).script()));
        scripts
    }

    fn look(&self, survey: bool) -> Look {
        Look {
            prefixes: vec![self.path("p")],
            source_dirs: vec![self.path("tree")],
            busy_in: Some(self.path("tree")),
            jobs_in: Some(self.path("w/jobs")),
            data_path: Some(self.path("data")),
            admin_port: 9500,
            ports: vec![9501],
            survey,
            space_for: vec![self.path("absent/deep")],
            own: vec![self.path("w")],
            names: vec![HostName::new("localhost").unwrap()],
            work_files: vec![self.path("p/etc/mfsmaster.cfg.new")],
            headers: true,
            disks: vec![self.path("disk")],
            users: true,
            places: true,
            under: vec![self.path("disk")],
            archives: vec![self.path("w/kept.tar")],
            log: Some(Role::Chunkserver),
        }
    }
}

/// Of a look, the lines that are of this world: the machine's own change.
fn of_the_world(name: &str, said: &str) -> String {
    if name != "look" && name != "survey" {
        return said.to_owned();
    }
    let own =
        |line: &&str| line.contains("W/") || ["data\t", "header\t", "change\t"].iter().any(|key| line.starts_with(key));
    said.lines().filter(own).filter(|line| !line.starts_with("space\t")).collect::<Vec<_>>().join("\n")
}

fn is_there(shell: &[&str]) -> bool {
    let there = Program::new(shell[0]).args(&shell[1..]).args(["-c", ":"]).output().is_ok();
    assert!(there || std::env::var_os(REQUIRED).is_none(), "{} is not there", shell[0]);
    there
}

/// A script's name, its exit code and what it printed.
type Said = (&'static str, i32, String);

/// Script by script, what was printed, and in the end what is there.
fn played(name: &'static str, shell: &'static [&'static str]) -> (Vec<Said>, BTreeMap<String, String>) {
    let world = World::new(name, shell);
    let said = world.scripts().into_iter().map(|(name, script)| {
        let (code, said) = world.run(&script);
        (name, code, of_the_world(name, &said))
    });
    (said.collect(), world.files())
}

#[test]
fn every_script_does_the_same_whatever_its_paths_are_called() {
    for shell in SHELLS.into_iter().filter(|shell| is_there(shell)) {
        let (expected, left) = played(NAMES[0], shell);
        for (name, code, said) in &expected {
            // busybox has applets of its own in place of tar, find and others
            assert!(*code == 0 || shell[0] == "busybox", "{name} with {shell:?}: {code}\n{said}");
        }
        let look = &expected.iter().find(|(name, ..)| *name == "look").unwrap().2;
        for line in [
            "data\tmetadata.mfs.back\t",
            "header\tmetadata.mfs.back\t",
            "archive\tW/w/kept.tar",
            "kept\tW/p/etc/mfsmaster.cfg.new",
        ] {
            assert!(look.contains(line) || shell[0] == "busybox", "{line} with {shell:?}:\n{look}");
        }
        for name in &NAMES[1..] {
            let (said, files) = played(name, shell);
            for (seen, plain) in said.iter().zip(&expected) {
                assert_eq!(seen, plain, "{name} with {shell:?}");
            }
            assert_eq!(files, left, "{name} with {shell:?}");
        }
    }
}

#[test]
fn free_text_arrives_as_it_is() {
    for shell in SHELLS.into_iter().filter(|shell| is_there(shell)) {
        let world = World::new(NAMES[1], shell);
        world.program("../fakes/make", "#!/bin/sh\nexit 0\n");
        world.program(
            "src/configure",
            "#!/bin/sh\nprintf '%s' \"$1\" > argument\nmkdir mfsmaster\n\
             printf '#!/bin/sh\\n# @(#) version: 1.6.27,\\n' > mfsmaster/mfsmaster; chmod 755 mfsmaster/mfsmaster\n",
        );
        let tar =
            Program::new("tar").arg("-czf").arg(world.at("a.tar.gz")).arg("-C").arg(world.at("")).arg("src").status();
        assert!(tar.unwrap().success());
        let build = BuildCommand {
            archive: world.path("a.tar.gz"),
            tree: world.path("built"),
            configure: vec![FREE.into()],
            roles: vec![Role::Master],
            release: Some(Version::new(1, 6, 27)),
            mark: world.path("built/mark"),
            mark_text: FREE.into(),
        };
        let (code, said) = world.run(&build.script());
        assert_eq!(code, 0, "{shell:?}: {said}");
        for file in ["built/argument", "built/mark"] {
            assert_eq!(fs::read_to_string(world.at(file)).unwrap(), FREE, "{file} with {shell:?}");
        }
        let own = InstallCommand::InstallCommand { text: format!("printf %s {}", crate::host::shell::quote(FREE)) };
        assert_eq!(world.run(&own.script()), (0, FREE.to_owned()), "{shell:?}");
    }
}

#[test]
fn every_script_is_one_to_every_shell() {
    let top = tempfile::tempdir().unwrap();
    for shell in SHELLS.into_iter().filter(|shell| is_there(shell)) {
        let world = World::new(NAMES[2], shell);
        let claim = Claim { run: FREE.into(), owner: FREE.into(), word: FREE.into(), process: FREE.into() };
        let lock = claim.script(Verb::Look);
        for (name, script) in world.scripts().into_iter().chain([("lock", lock)]) {
            let file: &Path = &top.path().join("script");
            fs::write(file, &script).unwrap();
            let read = Program::new(shell[0]).args(&shell[1..]).arg("-n").arg(file).output().unwrap();
            assert!(read.status.success(), "{name} with {shell:?}: {}", String::from_utf8_lossy(&read.stderr));
        }
    }
}
